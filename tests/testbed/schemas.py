# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Structural schemas of control planes and member rolls, made from a table of their fields."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_FIELDS = Path(__file__).parent / "fields.yaml"
_SINCE = " from "
_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "flag": {"type": "boolean"},
    "number": {"type": "integer", "format": "int64"},
    "quantity": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
    "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}
# Lists that server-side apply merges by a key; all others are one value.
_KEYED = {"ports": "port", "meshExpansionPorts": "port"}


def control_plane_spec(release: str) -> dict[str, Any]:
    """Return the schema of a ServiceMeshControlPlane's ``spec`` as the operator of ``release`` (such as 2.5) has it."""
    return _spec("control plane", release)


def roll_spec(release: str) -> dict[str, Any]:
    """Return the schema of a ServiceMeshMemberRoll's ``spec`` as the operator of ``release`` has it."""
    spec = _spec("roll", release)
    spec["properties"]["members"]["nullable"] = True
    return spec


def _spec(kind: str, release: str) -> dict[str, Any]:
    table = yaml.safe_load(_FIELDS.read_text(encoding="utf-8"))
    return _Schemas(table["shapes"], _number(release)).of(table[kind])


class _Schemas:
    """Makes schemas of a table's entries, for one release."""

    def __init__(self, shapes: Mapping[str, Any], release: tuple[int, ...]) -> None:
        self._shapes, self._release = shapes, release

    def of(self, entry: Any, name: str = "") -> dict[str, Any]:
        """Return the schema of one entry, which the field ``name`` has."""
        if isinstance(entry, str):
            return self.of(self._shapes[entry[1:-1]], name) if entry.startswith("<") else _TYPES[entry]
        if isinstance(entry, list):
            keyed = (
                {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [_KEYED[name]]}
                if name in _KEYED
                else {}
            )
            below = self.of(entry[0])
            return {"type": "array", "items": {**below, "required": [_KEYED[name]]} if keyed else below, **keyed}
        if set(entry) == {"*"}:
            return {"type": "object", "additionalProperties": self.of(entry["*"])}
        fields = (key.partition(_SINCE) for key in entry)
        present = [
            (field, key)
            for (field, _from, since), key in zip(fields, entry)
            if not since or _number(since) <= self._release
        ]
        return {"type": "object", "properties": {field: self.of(entry[key], field) for field, key in present}}


def _number(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))
