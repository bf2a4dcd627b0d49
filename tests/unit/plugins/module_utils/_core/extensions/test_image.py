# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images with Wasm modules: packed, read back, and read where they were made to hurt. Python's own ``tarfile`` is the
oracle.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions import image, tarball
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.image import (
    digest_in,
    pack_image,
    read_image,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

MODULE = b"\0asm\1\0\0\0"
MANIFEST = b"schemaVersion: 1\nmodule: extension.wasm\n"
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OLD, FIRST, LATER = image.READERS


def tar(*files, link=None, form=tarfile.GNU_FORMAT):
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w", format=form) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return kept.getvalue()


def descriptor(content, kind=GZIP):
    return {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}


def layout(*layers, kinds=None, **more):
    config = b"{}"
    kinds = kinds or [GZIP] * len(layers)
    manifest = json.dumps(
        {"config": descriptor(config), "layers": [descriptor(each, kind) for each, kind in zip(layers, kinds)]}
    ).encode()
    index = json.dumps({"manifests": [descriptor(manifest, image.OF_IMAGE)]}).encode()
    blobs = [(f"blobs/sha256/{hashlib.sha256(each).hexdigest()}", each) for each in (config, manifest, *layers)]
    files = {"oci-layout": b"{}", "index.json": index, **dict(blobs), **more}
    return tar(*files.items())


def layer(*files, **more):
    return gzip.compress(tar(*files, **more), mtime=0)


def code_of(archive):
    with pytest.raises(FederationError) as refused:
        read_image(archive, "Image x")
    return refused.value.code


def test_what_is_packed_is_read_by_everybody_and_equal_bytes_come_of_equal_modules():
    about = {"name": "header", "version": "1", "phase": "PostAuthZ", "priority": 10, "description": None}
    packed = pack_image(MODULE, about, "1.2")
    found = read_image(packed.archive, "Image x")
    assert (found.digest, found.layers, found.module, found.unread) == (
        packed.digest,
        1,
        MODULE,
        dict.fromkeys(image.READERS, ""),
    )
    assert pack_image(MODULE, about, "1.2") == packed and digest_in(packed.archive) == packed.digest
    with tarfile.open(fileobj=io.BytesIO(packed.archive)) as archive:
        names = archive.getnames()
        index = json.load(archive.extractfile("index.json"))
        manifest = json.load(archive.extractfile(f"blobs/sha256/{packed.digest[7:]}"))
        content = archive.extractfile(f"blobs/sha256/{manifest['layers'][0]['digest'][7:]}").read()
    assert len(names) == 5 and index["manifests"][0]["annotations"] == {image.REFERENCE: "1.2"}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as inner:
        assert inner.getnames() == ["manifest.yaml", "plugin.wasm"]
        told = yaml.safe_load(inner.extractfile("manifest.yaml"))
        assert inner.extractfile("plugin.wasm").read() == MODULE
    assert told == {
        "schemaVersion": 1,
        "name": "header",
        "version": "1",
        "phase": "PostAuthZ",
        "priority": 10,
        "module": "plugin.wasm",
    }


@pytest.mark.parametrize(
    ("archive", "readers"),
    [
        (layout(layer(("plugin.wasm", MODULE))), {FIRST, LATER}),
        (layout(layer(("./plugin.wasm", MODULE))), {FIRST, LATER}),
        (layout(layer(("usr/plugin.wasm", MODULE))), {FIRST, LATER}),
        (layout(layer(("manifest.yaml", MANIFEST), ("extension.wasm", MODULE))), {OLD}),
        (layout(layer(("a", b"")), layer(("plugin.wasm", MODULE))), {LATER}),
        (layout(layer(("manifest.yaml", MANIFEST)), layer(("extension.wasm", MODULE))), {OLD}),
        (
            layout(layer(("manifest.yaml", MANIFEST), ("extension.wasm", b"other"), ("plugin.wasm", MODULE))),
            {FIRST, LATER},
        ),
        (layout(b"{}", MODULE, kinds=["application/x", image.ARTIFACT_LAYER]), {FIRST, LATER}),
    ],
)
def test_each_layout_is_read_by_those_who_can(archive, readers):
    found = read_image(archive, "Image x")
    assert {reader for reader, why in found.unread.items() if not why} == readers and found.module == MODULE


BOMB = gzip.compress(b"\0" * (LARGE := image.LARGEST_ARCHIVE + 1), 1)


@pytest.mark.parametrize(
    ("archive", "code"),
    [
        (b"", "FED841"),
        (b"text" * 200, "FED841"),
        (tar(("manifest.json", b"[]")), "FED841"),
        (layout(layer(("plugin.wasm", MODULE)))[:1500], "FED841"),
        (layout(layer(("plugin.wasm", MODULE)), **{"index.json": b"[" * 100_000}), "FED841"),
        (
            layout(
                layer(("plugin.wasm", MODULE)),
                **{"index.json": json.dumps({"manifests": [{"digest": "sha256:../../x"}]}).encode()},
            ),
            "FED841",
        ),
        (layout(*[layer(("plugin.wasm", MODULE))] * 65), "FED841"),
        (
            layout(
                layer(("plugin.wasm", MODULE)),
                **{f"blobs/sha256/{hashlib.sha256(layer(('plugin.wasm', MODULE))).hexdigest()}": b"x"},
            ),
            "FED842",
        ),
        (layout(layer(("a", b""), link="plugin.wasm")), "FED843"),
        (layout(b"no gzip"), "FED843"),
        (layout(layer(("plugin.wasm", MODULE))[:-9]), "FED843"),
        (layout(BOMB), "FED843"),
        (layout(gzip.compress(b"no tar" * 200)), "FED843"),
        (layout(layer(("plugin.wasm", MODULE)), kinds=["application/vnd.oci.image.layer.v1.tar+zstd"]), "FED843"),
        (layout(layer(("plugin.wasm", MODULE), ("x" * 120, b""), form=tarfile.PAX_FORMAT)), "FED843"),
        (layout(layer(("readme", b""))), "FED844"),
        (
            layout(layer(("manifest.yaml", b"schemaVersion: 1\nmodule: ../../etc/passwd"), ("etc/passwd", b""))),
            "FED844",
        ),
        (layout(MODULE, kinds=[image.ARTIFACT_LAYER]), "FED844"),
    ],
)
def test_what_is_no_image_or_was_made_to_hurt_is_refused(archive, code):
    assert code_of(archive) == code


def test_an_archive_with_changed_bytes_is_read_or_refused_and_never_crashes():
    dice, good = random.Random(7), layout(layer(("manifest.yaml", MANIFEST), ("extension.wasm", MODULE)))
    for _try in range(300):
        bad = bytearray(good)
        for _byte in range(dice.randint(1, 8)):
            bad[dice.randrange(len(bad))] = dice.randrange(256)
        try:
            read_image(bytes(bad[: dice.choice([len(bad), dice.randrange(len(bad))])]), "Image x")
        except FederationError as error:
            assert error.code in ("FED841", "FED842", "FED843", "FED844")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_archives_are_read_as_pythons_own_reader_reads_them(form):
    files = [
        ("a", b"1" * 513),
        ("b/c", b""),
        ("d" * 90 + "/" + "e" * 40, b"x") if form == tarfile.USTAR_FORMAT else ("f", b"2" * 512),
    ]
    assert [(entry.name, entry.content) for entry in tarball.entries(tar(*files, form=form))] == files


def doubling(start, again, levels=40):
    """A manifest in which each level names the one before it twice."""
    lines = [f"a0: &a0 {start}", *(again.format(n=n, m=n - 1) for n in range(1, levels))]
    return "\n".join([*lines, "schemaVersion: 1", f"module: *a{levels - 1}"]).encode()


@pytest.mark.parametrize(
    "manifest",
    [
        doubling("[x, x]", "a{n}: &a{n} [*a{m}, *a{m}]"),
        doubling("{x: 1}", "a{n}: &a{n} {{<<: [*a{m}, *a{m}]}}"),
        b"module: &a [*a]\nschemaVersion: 1",
        b"[" * 50_000,
        b"- " * 30_000,
    ],
    ids=["lists", "merges", "itself", "deep", "steep"],
)
def test_a_manifest_that_grows_as_it_is_read_is_not_read(manifest):
    found = read_image(layout(layer(("manifest.yaml", manifest), ("plugin.wasm", MODULE))), "Image x")
    assert found.unread[OLD] == "/manifest.yaml cannot be read as YAML" and found.module == MODULE
