# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is different between two pages: the one that somebody saved, and the one of now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..plain.data import items, mapping

MOST = 500
"""Differences that are listed; more are counted."""

Rows = dict[tuple[str, ...], str]


def changes_since(former: Mapping, page: Mapping) -> dict:
    """Return what has come, gone and changed: ``since`` when, ``rows`` with ``kind``, ``where``, ``before`` and
    ``after``.
    """
    rows = [row for kind, read in _KINDS.items() for row in _differences(kind, read(former), read(page))]
    return {"since": str(former.get("made") or ""), "rows": rows[:MOST], "left_out": max(0, len(rows) - MOST)}


def is_page(data: object) -> bool:
    """Return whether data looks like a page that was saved as JSON."""
    return (
        isinstance(data, Mapping)
        and data.get("version") == 1
        and all(isinstance(data.get(key), list) for key in ("meshes", "peerings", "findings"))
    )


def _differences(kind: str, before: Rows, after: Rows) -> Iterator[dict]:
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield {
                "kind": kind,
                "where": " · ".join(part for part in key if part),
                "before": before.get(key, ""),
                "after": after.get(key, ""),
            }


def _meshes(page: Mapping) -> Rows:
    return {
        (str(row.get("name")),): _said(row, "state", "version", "trust_domain") for row in items(page.get("meshes"))
    }


def _peerings(page: Mapping) -> Rows:
    found: Rows = {}
    for row in items(page.get("peerings")):
        for side in items(row.get("sides")):
            key = (f"{side.get('mesh')} to {side.get('to')}",)
            found[key] = f"OUT {side.get('outbound')}, IN {side.get('inbound')}"
    return found


def _services(page: Mapping) -> Rows:
    rows = items(page.get("services"))
    return {
        (str(row.get("mesh")), str(row.get("side")), str(row.get("peer")), str(row.get("host"))): "there"
        for row in rows
    }


def _roots(page: Mapping) -> Rows:
    rows = [row for row in items(page.get("trust")) if row.get("fingerprint")]
    return {(str(row.get("mesh")), str(row.get("fingerprint"))[:39]): f"until {row.get('not_after')}" for row in rows}


def _findings(page: Mapping) -> Rows:
    return {
        (str(row.get("mesh")), str(row.get("code")), str(row.get("place"))): str(row.get("seen"))
        for row in items(page.get("findings"))
    }


def _health(page: Mapping) -> Rows:
    return {
        (str(row.get("mesh")), str(row.get("component"))): str(row.get("state")) for row in items(page.get("health"))
    }


def _said(row: Mapping, *keys: str) -> str:
    return ", ".join(str(mapping(row).get(key)) for key in keys if row.get(key))


_KINDS: dict[str, Callable[[Mapping], Rows]] = {
    "mesh": _meshes,
    "peering": _peerings,
    "service": _services,
    "root": _roots,
    "health": _health,
    "finding": _findings,
}
