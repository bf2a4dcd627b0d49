# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an API server has sent, read as a stranger's: bounded in depth and memory, and of the shape that is due.

Whatever leaves this file has metadata with a name, as text, and is the object that was asked for. The bounds are far
beyond what an honest server sends: the largest documents are schemas of a few MB.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

from .kinds import CONFIG_MAP, CONTROL_PLANE, PEER, Kind

MIB = 1 << 20
HEAVIEST = 160 * MIB
"""What one answer may take in memory once it is read."""
DEEPEST = 100
"""Levels of JSON; a schema of CRDs has some 40."""
LONGEST_NUMBER = 40
LONGEST_NAME = 253
# A name is one part of a path, whatever its kind. Source: Kubernetes, apimachinery, ``ValidatePathSegmentName``.
_NAME = re.compile(rf"(?!\.{{1,2}}$)[^/%\x00-\x1f\x7f]{{1,{LONGEST_NAME}}}")
MOST_CONDITIONS = 1000
# What a mapping, a list, and a value take in Python besides their text.
OF_CONTAINER, OF_VALUE = 240, 64
# The types that the CRDs of all versions give to what is read of these kinds; "*" is any key, "[]" each entry of a
# list.
# An API server stores nothing else there. What a CRD leaves open (techPreview) is not here, and is read with care.
_GATEWAY = (
    ("", dict),
    ("service", dict),
    ("service.type", str),
    ("service.metadata", dict),
    ("service.metadata.labels", dict),
    ("service.metadata.labels.*", str),
    ("service.metadata.annotations", dict),
    ("service.metadata.annotations.*", str),
    ("service.ports", list),
    ("service.ports.[]", dict),
    ("runtime", dict),
    ("requestedNetworkView", list),
    ("requestedNetworkView.[]", str),
)
_SHAPES: dict[str, tuple[tuple[str, type], ...]] = {
    PEER.name: (
        ("spec.remote", dict),
        ("spec.remote.addresses", list),
        ("spec.remote.addresses.[]", str),
        ("spec.remote.discoveryPort", int),
        ("spec.remote.servicePort", int),
        ("spec.security", dict),
        ("spec.security.trustDomain", str),
        ("spec.security.clientID", str),
        ("spec.security.certificateChain", dict),
        ("spec.security.certificateChain.kind", str),
        ("spec.security.certificateChain.name", str),
        ("spec.gateways", dict),
        ("spec.gateways.ingress", dict),
        ("spec.gateways.ingress.name", str),
        ("spec.gateways.egress", dict),
        ("spec.gateways.egress.name", str),
        ("status.discoveryStatus", dict),
        ("status.discoveryStatus.active", list),
        ("status.discoveryStatus.active.[]", dict),
        ("status.discoveryStatus.inactive", list),
        ("status.discoveryStatus.inactive.[]", dict),
    ),
    CONTROL_PLANE.name: (
        ("spec.version", str),
        ("spec.cluster", dict),
        ("spec.cluster.name", str),
        ("spec.security", dict),
        ("spec.security.trust", dict),
        ("spec.security.trust.domain", str),
        ("spec.security.trust.additionalDomains", list),
        ("spec.security.trust.additionalDomains.[]", str),
        ("spec.security.certificateAuthority", dict),
        ("spec.proxy", dict),
        ("spec.proxy.networking", dict),
        ("spec.runtime", dict),
        ("spec.runtime.components", dict),
        ("spec.runtime.components.*", dict),
        ("spec.techPreview", dict),
        ("spec.gateways", dict),
        ("spec.gateways.additionalIngress", dict),
        *((f"spec.gateways.additionalIngress.*.{path}".rstrip("."), kind) for path, kind in _GATEWAY),
        ("spec.gateways.additionalEgress", dict),
        *((f"spec.gateways.additionalEgress.*.{path}".rstrip("."), kind) for path, kind in _GATEWAY),
    ),
}
_STRINGS = re.compile(rb'"[^"]*"')
_MARKS = b'"{}[],'
_OTHERS = bytes(set(range(256)) - set(_MARKS))
_SECONDS = re.compile(r"[0-9]{1,6}")


class Unusable(Exception):
    """An answer that is not taken: the ``code`` of why, and ``what`` is wrong with it, which goes on as a sentence.

    ``is_too_large``: less of the same may be taken.
    """

    def __init__(self, code: str, what: str, *, is_too_large: bool = False) -> None:
        super().__init__(what)
        self.code, self.what, self.is_too_large = code, what, is_too_large


def data_of(content: bytearray) -> tuple[Any, int]:
    """Return the data of a JSON text and what it takes in memory, in bytes. ``content`` is let go of as soon as it is
    not needed.

    Raises ``Unusable``: FED118 beyond the bounds, FED119 for what is not JSON as an API server writes it.
    """
    weight = _weight(content)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise Unusable("FED119", "is not UTF-8") from None
    finally:
        content.clear()
    weight += sys.getsizeof(text)
    if weight > HEAVIEST:
        raise Unusable("FED118", f"takes more than {HEAVIEST // MIB} MiB of memory", is_too_large=True)
    try:
        return (
            json.loads(
                text, object_pairs_hook=_unique, parse_float=_finite, parse_int=_whole, parse_constant=_no_number
            ),
            weight,
        )
    except RecursionError:
        raise Unusable("FED118", f"is nested deeper than {DEEPEST} levels") from None
    except MemoryError:
        raise Unusable("FED118", "needs more memory than there is", is_too_large=True) from None
    except json.JSONDecodeError as error:
        raise Unusable("FED119", f"is not JSON ({error.msg}, at character {error.pos})") from None


def _weight(content: bytearray) -> int:
    """Return what the data of a JSON text takes in memory besides its text; no value is made for that.

    Raises ``Unusable`` FED118 where that is too much, or nested too deep: a parser would recurse.
    """
    # Without escapes and whatever else does not nest, a text of many MB is a few hundred KB of marks; pairs go from the
    # inside.
    marks: bytes | bytearray = (
        content.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHERS).replace(b'""', b"")
    )
    marks = _STRINGS.sub(b"", marks)
    values = marks.count(b",")
    weight = OF_CONTAINER * (marks.count(b"{") + marks.count(b"[")) + OF_VALUE * values
    if weight > HEAVIEST:
        raise Unusable("FED118", f"takes more than {HEAVIEST // MIB} MiB of memory", is_too_large=True)
    marks = marks.replace(b",", b"")
    for _level in range(DEEPEST):
        left = marks.replace(b"{}", b"").replace(b"[]", b"")
        if len(left) == len(marks):
            break
        marks = left
    if marks and (b"{}" in marks or b"[]" in marks):
        raise Unusable("FED118", f"is nested deeper than {DEEPEST} levels")
    if marks:
        raise Unusable("FED119", "is not JSON (its brackets do not match)")
    return weight


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unusable("FED119", "is not JSON as an API server writes it (a mapping has a key twice)")
    return found


def _finite(text: str) -> float:
    number = float(text) if len(text) <= LONGEST_NUMBER else math.inf
    return number if math.isfinite(number) else _no_number(text)


def _whole(text: str) -> int:
    return int(text) if len(text) <= LONGEST_NUMBER else _no_number(text)


def _no_number(_text: str) -> Any:
    raise Unusable("FED119", "is not JSON as an API server writes it (an invalid or too large number)")


def seconds_of(text: str | None) -> float | None:
    """Return the seconds that Retry-After asks for; None for a date and for anything else."""
    return float(text) if text and _SECONDS.fullmatch(text) else None


def checked_object(body: Any, kind: Kind, namespace: str, name: str = "", *, is_outline: bool = False) -> dict:
    """Return an object with its apiVersion and kind, where it is the one that was asked for; ``name`` "" is any.

    Raises ``Unusable`` FED119.
    """
    if not isinstance(body, dict):
        raise Unusable("FED119", f"contains {_kind_of(body)} instead of an object")
    said = body.get("kind")
    if said not in (None, kind.name, *(("PartialObjectMetadata",) if is_outline else ())):
        raise Unusable("FED119", f"contains {_named(said)} instead of {kind.name}")
    metadata = mapping_of(body.get("metadata"), "metadata")
    own = metadata.get("name")
    if not isinstance(own, str) or not _NAME.fullmatch(own):
        raise Unusable("FED119", "contains an object without a valid name")
    if name and own != name:
        raise Unusable("FED119", f"contains {kind.name} {_named(own)} instead of {name}")
    place = metadata.get("namespace")
    is_place = isinstance(place, str) and _NAME.fullmatch(place) and namespace in ("", place)
    if place not in (None, "") and not is_place:
        raise Unusable("FED119", f"contains {kind.name} {own} of another namespace, {_named(place)}")
    if namespace:
        metadata["namespace"] = namespace
    _check_metadata(metadata)
    if not is_outline:
        _check_parts(body, kind, own)
    return {**body, "apiVersion": kind.api_version, "kind": kind.name}


def _check_metadata(metadata: dict) -> None:
    _drop_empty(metadata)
    for key in ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "generateName"):
        if not isinstance(metadata.get(key, ""), str):
            raise Unusable("FED119", f"contains an object whose metadata.{key} is not a text")
    generation = metadata.get("generation", 0)
    if isinstance(generation, bool) or not isinstance(generation, int):
        raise Unusable("FED119", "contains an object whose metadata.generation is not a number")
    for key in ("labels", "annotations"):
        _texts(metadata.get(key, {}), f"metadata.{key}")
    for key, kind in (("ownerReferences", dict), ("managedFields", dict), ("finalizers", str)):
        found = metadata.get(key, [])
        if not isinstance(found, list) or not all(isinstance(entry, kind) for entry in found):
            raise Unusable("FED119", f"contains an object whose metadata.{key} is not a list of the required form")
    for entry in metadata.get("managedFields", []):
        _drop_empty(entry)
        if not isinstance(entry.get("fieldsV1", {}), dict):
            raise Unusable(
                "FED119", "contains an object whose metadata.managedFields has fieldsV1 that are not mappings"
            )


def _check_parts(live: dict, kind: Kind, name: str) -> None:
    for key in ("spec", "status", "data"):
        if live.get(key) is None:
            live.pop(key, None)
        else:
            mapping_of(live[key], key)
    conditions = live.get("status", {}).get("conditions")
    if conditions is not None and not (
        isinstance(conditions, list)
        and len(conditions) <= MOST_CONDITIONS
        and all(isinstance(entry, dict) for entry in conditions)
    ):
        raise Unusable("FED119", "contains an object whose status.conditions is not a list of the required form")
    if kind is CONFIG_MAP:
        _texts(live.get("data", {}), "data")
    for path, type_ in _SHAPES.get(kind.name, ()):
        _check_shape(live, tuple(path.split(".")), type_, f"{kind.name} {name}")


def _check_shape(live: Any, path: tuple[str, ...], wanted: type, whose: str, done: tuple[str, ...] = ()) -> None:
    """Refuse a field of another type than its kind gives it; what is null or not there is none."""
    if live is None:
        return
    if not path:
        if not isinstance(live, wanted) or (wanted is int and isinstance(live, bool)):
            raise Unusable("FED119", f"contains {whose} whose {'.'.join(done)} is {_kind_of(live)}")
        return
    key, below = path[0], path[1:]
    if key == "[]" and isinstance(live, list):
        found = [(f"[{number}]", entry) for number, entry in enumerate(live)]
    elif isinstance(live, dict):
        found = list(live.items()) if key == "*" else [(key, live.get(key))]
    else:
        found = []
    for name, entry in found:
        _check_shape(entry, below, wanted, whose, (*done, name))


def checked_items(body: Any, kind: Kind, namespace: str) -> Iterator[dict]:
    """Give the objects of a list, each as ``checked_object`` does. Raises ``Unusable`` FED119."""
    if str(body.get("kind") or f"{kind.name}List") not in (f"{kind.name}List", "List"):
        raise Unusable("FED119", f"contains {_named(body.get('kind'))} instead of {kind.name} objects")
    items = body.get("items")
    if items is None:
        return
    if not isinstance(items, list):
        raise Unusable("FED119", f"has {_kind_of(items)} as its items")
    for item in items:
        yield checked_object(item, kind, namespace)


def mapping_of(value: Any, where: str) -> dict:
    """Return a mapping as it is. Raises ``Unusable`` FED119 for what is none."""
    if not isinstance(value, dict):
        raise Unusable("FED119", f"contains an object whose {where} is {_kind_of(value)}")
    return value


def _texts(value: Any, where: str) -> None:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise Unusable("FED119", f"contains an object whose {where} is not a mapping of texts")


def _drop_empty(mapping: dict) -> None:
    """Take away what is null, which means as much as nothing."""
    for key in [key for key, value in mapping.items() if value is None]:
        del mapping[key]


def _named(said: object) -> str:
    return said[:80] if isinstance(said, str) and said else _kind_of(said)


def _kind_of(value: object) -> str:
    kinds = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value), "a number")
