# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images with a Wasm module, as OCI layouts in one archive: read as a stranger's, and packed so that both kinds of
extensions read them.

Sources: OCI Image Layout and Image Manifest Specification 1.0; maistra/istio, ``pkg/wasm/imagefetcher.go`` of 2.2 to
2.5 and the cacher of 2.0 to 2.2.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..plain.data import at, is_whole, items, mapping
from ..plain.errors import FederationError
from .tarball import Entry, Unusable, deflated, entries, inflated, packed
from .wasm import LARGEST

LARGEST_ARCHIVE = LARGEST + (32 << 20)
LARGEST_JSON = 1 << 20
LARGEST_MANIFEST = 64 << 10
MOST_OPEN = 100
"""Brackets in a manifest, which needs none."""
MOST_LAYERS = 64
PLUGIN, MANIFEST = "plugin.wasm", "manifest.yaml"
ARTIFACT_LAYER = "application/vnd.module.wasm.content.layer.v1+wasm"
_LAYERS = ("application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip")
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
OF_IMAGE = "application/vnd.oci.image.manifest.v1+json"
OF_DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
REFERENCE = "org.opencontainers.image.ref.name"
_KEYS = {
    key.casefold(): key
    for key in (
        *("layers", "manifests", "config", "mediaType", "artifactType", "schemaVersion", "subject"),
        *("digest", "size", "data", "urls", "platform", "os", "architecture", "variant"),
    )
}
READERS = ("ServiceMeshExtension", "WasmPlugin of 2.2", "WasmPlugin from 2.3 on")


@dataclass(frozen=True)
class Image:
    """An image: its digest, its module where anybody can read one, and for each reader why it cannot (""
    where it can).
    """

    digest: str
    layout: str
    layers: int
    module: bytes | None
    unread: Mapping[str, str]

    def as_data(self) -> dict:
        """Return it as JSON-friendly data, without its content."""
        return {"digest": self.digest, "layout": self.layout, "layers": self.layers, "readers": dict(self.unread)}


def read_image(archive: bytes, where: str, digest: str = "") -> Image:
    """Return the image in an archive. Raises ``FederationError``: FED841, FED842 for a digest, also another one than
    ``digest``, FED843 for an archive or a layer that is too large, FED844.
    """
    if len(archive) > LARGEST_ARCHIVE:
        fix = "See that this is an image with a Wasm module and nothing else"
        raise FederationError("FED843", where=where, what=f"is larger than {LARGEST_ARCHIVE >> 20} MiB", fix=fix)
    try:
        files = {entry.name: entry for entry in entries(archive)}
    except Unusable as reason:
        raise _refusal("FED841", where, str(reason)) from None
    index = _parsed(_file(files, "index.json", where), where, "index.json")
    listed = items(index.get("manifests"))
    if len(listed) != 1 or listed[0].get("mediaType") in INDEXES:
        raise _refusal("FED841", where, "contains several images, or none; save only the one to use")
    image = _image_of(files, listed[0], where)
    if digest and image.digest != digest:
        what = f"is {image.digest}, and {digest} was asked for"
        raise FederationError(
            "FED842", where=where, what=what, fix="See which of the two is meant, and save the image anew"
        )
    return image


def manifest_in(content: bytes) -> Any:
    """Return what a manifest or an index says; None where it is no JSON, or two readers may take it for two things.

    Proxies read it by Go: keys that differ in case alone are one key there, and of mappings that are there twice one is
    made.
    """
    try:
        return json.loads(content, object_pairs_hook=_one_spelling)
    except (ValueError, RecursionError):
        return None


def _one_spelling(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs) or any(_KEYS.get(key.casefold(), key) != key for key in found):
        raise ValueError("a key in two spellings")
    return found


def layers_of(manifest: bytes, where: str) -> list[Mapping]:
    """Return the descriptors of the layers that an image's manifest lists.

    Raises ``FederationError``: FED841 for no manifest of an image, FED843 for layers that are too large together.
    """
    told = _parsed(manifest, where, "the image's manifest")
    if "manifests" in told:
        raise _refusal("FED841", where, "is an index and an image at once, or an index in an index")
    layers = items(told.get("layers"))
    if not 0 < len(layers) <= MOST_LAYERS:
        raise _refusal("FED841", where, f"has {len(layers)} layers, and 1 to {MOST_LAYERS} can be read")
    if not all(is_whole(layer.get("size")) and layer["size"] >= 0 for layer in layers):
        raise _refusal("FED841", where, "does not say how large each layer is")
    if sum(layer["size"] for layer in layers) > LARGEST_ARCHIVE:
        raise _refusal("FED843", where, f"has layers of more than {LARGEST_ARCHIVE >> 20} MiB together")
    for layer in layers:
        _digits(layer, where)
    return layers


def image_of_parts(manifest: bytes, layers: Iterable[bytes], where: str) -> Image:
    """Return the image that a registry gave in parts: its manifest, and its layers in any order. Raises as
    ``read_image``.
    """
    parts = ((digest_of(part), part) for part in (manifest, *layers))
    files = {_file_of(digest.partition(":")[2]): Entry(digest, part) for digest, part in parts}
    return _image_of(files, {"digest": digest_of(manifest)}, where)


def _image_of(files: Mapping[str, Entry], descriptor: Mapping, where: str) -> Image:
    layers = layers_of(_blob(files, descriptor, where, LARGEST_JSON), where)
    is_artifact = any(layer.get("mediaType") == ARTIFACT_LAYER for layer in layers)
    found = _artifact(files, layers, where) if is_artifact else _plain(files, layers, where)
    image = Image(str(descriptor.get("digest")), "artifact" if is_artifact else "image", len(layers), *found)
    if image.module is None:
        why = "; ".join(f"{reader}: {reason}" for reader, reason in image.unread.items())
        raise _refusal("FED844", where, f"contains no module that either kind reads ({why})")
    return image


def _artifact(files: Mapping[str, Entry], layers: Sequence[Mapping], where: str) -> tuple[bytes | None, dict[str, str]]:
    module = next(_blob(files, layer, where, LARGEST) for layer in layers if layer.get("mediaType") == ARTIFACT_LAYER)
    count = "" if len(layers) == 2 else f"an artifact has two layers, this one {len(layers)}"
    unread = {READERS[0]: "reads images with /manifest.yaml alone", READERS[1]: count, READERS[2]: count}
    return (None if count else module), unread


def _plain(files: Mapping[str, Entry], layers: Sequence[Mapping], where: str) -> tuple[bytes | None, dict[str, str]]:
    contents = _layers(files, layers, where)
    last = next(
        (
            entry.content
            for entry in contents[-1]
            if entry.name.rpartition("/")[2] == PLUGIN and entry.content is not None
        ),
        None,
    )
    whole = {entry.name: entry for layer in contents for entry in layer}
    named, why_old = _of_extension(whole, where)
    none = f"its {'only' if len(layers) == 1 else 'last'} layer has no {PLUGIN}"
    why_new = "" if last is not None else none
    why_first = why_new or ("" if len(layers) == 1 else f"reads images of one layer, and this one has {len(layers)}")
    if last is not None and named is not None and last != named:
        why_old = f"/{MANIFEST} names another module than the {PLUGIN} that a WasmPlugin reads"
    return (last if last is not None else named), {READERS[0]: why_old, READERS[1]: why_first, READERS[2]: why_new}


def _of_extension(files: Mapping[str, Entry], where: str) -> tuple[bytes | None, str]:
    """Return the module that an image's own manifest names, or why a ServiceMeshExtension finds none."""
    manifest = files.get(MANIFEST)
    if manifest is None or manifest.content is None:
        return None, f"there is no /{MANIFEST}"
    if len(manifest.content) > LARGEST_MANIFEST:
        raise _refusal("FED843", where, f"has a /{MANIFEST} of more than {LARGEST_MANIFEST >> 10} KiB")
    said = _manifest_of(manifest.content.decode("utf-8", "replace"))
    if said is None:
        return None, f"/{MANIFEST} cannot be read as YAML"
    name = str(said.get("module") or "").removeprefix("/")
    entry = files.get(name)
    if said.get("schemaVersion") not in (1, "1"):
        return None, f"/{MANIFEST} has not schemaVersion 1"
    if entry is None or entry.content is None:
        return None, f"/{MANIFEST} names the module {name or '(none)'}, which does not exist as a file"
    return entry.content, ""


def _manifest_of(text: str) -> Mapping[str, Any] | None:
    """Return what a manifest says; None for what is no YAML, and for YAML that grows, or takes ever longer, as it is
    read.
    """
    import yaml  # only those who look into images need it

    # The time goes with the square of what is open at once; what names another part of itself may be larger than any
    # memory.
    if sum(map(text.count, "[{")) > MOST_OPEN:
        return None
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            return None
        return mapping(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _layers(files: Mapping[str, Entry], layers: Sequence[Mapping], where: str) -> list[list[Entry]]:
    room, result = LARGEST_ARCHIVE, []
    for number, layer in enumerate(layers):
        if layer.get("mediaType") not in _LAYERS:
            raise _refusal(
                "FED843", where, f"has a layer {number + 1} of the type {layer.get('mediaType')}, which no proxy reads"
            )
        try:
            content = inflated(_blob(files, layer, where, LARGEST_ARCHIVE), room)
            room -= len(content)
            result.append(list(entries(content)))
        except Unusable as reason:
            raise _refusal("FED843", where, f"has a layer {number + 1} that {reason}") from None
    links = [
        entry.name
        for layer in result
        for entry in layer
        if entry.content is None and entry.name.rpartition("/")[2] in (PLUGIN, MANIFEST)
    ]
    if links:
        raise _refusal("FED843", where, f"has a link in the place of /{links[0]}")
    return result


def _blob(files: Mapping[str, Entry], descriptor: Mapping, where: str, most: int) -> bytes:
    """Return the content that a descriptor names, of its digest and size."""
    digits = _digits(descriptor, where)
    content = _file(files, _file_of(digits), where, most)
    if hashlib.sha256(content).hexdigest() != digits or descriptor.get("size") not in (None, len(content)):
        raise _refusal("FED842", where, f"has other content than its digest sha256:{digits} says")
    return content


def _digits(descriptor: Mapping, where: str) -> str:
    digest = str(descriptor.get("digest"))
    algorithm, _colon, digits = digest.partition(":")
    if algorithm != "sha256" or len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise _refusal("FED841", where, f"names content by {digest[:80]}, which is not a SHA-256 digest")
    return digits


def _file_of(digits: str) -> str:
    return f"blobs/sha256/{digits}"


def _file(files: Mapping[str, Entry], name: str, where: str, most: int = LARGEST_JSON) -> bytes:
    entry = files.get(name)
    if entry is None or entry.content is None:
        raise _refusal("FED841", where, f"has no {name}" if entry is None else f"has a link in the place of {name}")
    if len(entry.content) > most:
        raise _refusal("FED843", where, f"has {name} with more than {most >> 20} MiB")
    return entry.content


def _parsed(content: bytes, where: str, what: str) -> Mapping[str, Any]:
    if len(content) > LARGEST_JSON:
        raise _refusal("FED841", where, f"has more than 1 MiB in {what}")
    told = manifest_in(content)
    if told is None:
        raise _refusal("FED841", where, f"has no valid JSON in {what}, or a key in two spellings")
    return mapping(told)


def _refusal(code: str, where: str, what: str) -> FederationError:
    fixes = {
        "FED841": (
            "Save the image as an OCI layout in one archive, for instance with skopeo copy docker://…"
            " oci-archive:image.tar"
        ),
        "FED842": "Save it again from a registry that you trust",
        "FED843": "Build it again, with wasm_image or with the module as a plain file",
        "FED844": "Build it with wasm_image",
    }
    return FederationError(code, where=where, what=what, fix=fixes[code])


@dataclass(frozen=True)
class Packed:
    """An image that was packed: the archive, and the digest by which extensions name it."""

    archive: bytes
    digest: str
    manifest: bytes
    blobs: tuple[bytes, ...]
    """What the manifest names, in the order in which a registry takes it."""


def pack_image(module: bytes, about: Mapping[str, Any], reference: str = "") -> Packed:
    """Return an OCI layout of one gzip layer with ``/manifest.yaml`` and ``/plugin.wasm``, which both kinds of
    extensions read.

    ``about`` is what the manifest says besides: name, version, description, phase, priority. Equal modules give equal
    bytes.
    """
    import yaml  # only those who pack images need it

    told = {"schemaVersion": 1, **{key: value for key, value in about.items() if value is not None}, "module": PLUGIN}
    content = packed({MANIFEST: yaml.safe_dump(told, sort_keys=True, allow_unicode=True).encode(), PLUGIN: module})
    layer = deflated(content)
    config = _json(
        {
            "architecture": "amd64",
            "config": {},
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [digest_of(content)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": OF_IMAGE,
            "config": _descriptor(config, CONFIG),
            "layers": [_descriptor(layer, _LAYERS[0])],
        }
    )
    named = {**_descriptor(manifest, OF_IMAGE), **({"annotations": {REFERENCE: reference}} if reference else {})}
    index = _json({"schemaVersion": 2, "manifests": [named]})
    files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": index}
    files |= {_file_of(digest_of(blob).partition(":")[2]): blob for blob in (manifest, config, layer)}
    return Packed(packed(files), digest_of(manifest), manifest, (config, layer))


def digest_in(archive: bytes) -> str:
    """Return the digest of the image in an archive as its index says; "" where it says none."""
    try:
        index = next((entry.content for entry in entries(archive) if entry.name == "index.json"), None)
        found = items(at(json.loads(index or b"{}"), "manifests"))
    except (Unusable, ValueError, RecursionError):
        return ""
    return str(found[0].get("digest")) if len(found) == 1 else ""


def _descriptor(content: bytes, media_type: str) -> dict:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def digest_of(content: bytes) -> str:
    """Return the SHA-256 digest of content as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(value: Mapping) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def difference(place: str, before: str, packed: Packed) -> dict:
    """Return a diff of digests."""
    former = f"{before}\n" if before else ""
    return {"before_header": place, "after_header": place, "before": former, "after": f"{packed.digest}\n"}
