# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the page shows, part by part, as its template takes it; and what a browser may do with it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

from ..plain.data import clauses, items
from ..report.page import NOTES, OPTIONAL, UNKNOWN, short, state_of

MOST_ROWS = 2000
"""Rows of one part that the page shows; the JSON has all of them."""
VERDICTS = {"ok": "ok", "down": "down", "error": "down", "drift": "unsure"}
_TITLES = {
    "health": "Health",
    "proxies": "Proxies",
    "comparisons": "Configurations compared",
    "rates": "Requests and errors",
    "mutual_tls": "Mutual TLS",
    "diagnoses": "Why",
    "probes": "Our own calls",
}


def policy(sheet: str, script: str) -> str:
    """Return what a browser may do with the page: our sheet and our script, each known by its digest, and
    nothing else.
    """
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (sheet, script)
    ]
    return f"default-src 'none'; style-src {hashes[0]}; script-src {hashes[1]}; base-uri 'none'; form-action 'none'"


def tiles(total: Mapping) -> list[tuple[str, str]]:
    """Return the figures at the top, each with its word; ``total`` is the page's summary."""
    return [
        (f"{total['meshes'] - total['meshes_unknown']} of {total['meshes']}", "meshes seen"),
        (f"{total['peerings_ok']} of {total['peerings']}", "peerings connected"),
        (str(total["offered"]), "services offered"),
        (str(total["taken"]), "names taken"),
        (str(total["errors"]), "errors"),
        (str(total["warnings"]), "warnings"),
    ]


def parts(page: Mapping, extra: Iterable[Mapping]) -> list[tuple[str, str]]:
    """Return the page's parts for its navigation, each with its id and title."""
    changes = [("changes", "Changes")] if page.get("changes") else []
    fixed = [("topology", "Meshes"), ("peerings", "Connections"), ("services", "Services"), ("trust", "Trust")]
    return [
        ("do", "To do"),
        *changes,
        *fixed,
        *((part["id"], part["title"]) for part in extra),
        ("findings", "Findings"),
    ]


def described(page: Mapping) -> str:
    """Return the picture in words, for those who cannot see it."""
    told = [f"{row['between'][0]} and {row['between'][1]}: {row['state']}" for row in page["peerings"]]
    return f"{len(page['meshes'])} meshes. {clauses(told, 50) or 'No peerings'}."


def services(page: Mapping) -> list[tuple[str, dict]]:
    """Return the services by mesh, and in each by cluster (our own, or the peer whose they are), namespace and name."""
    states = {(side["mesh"], side["peer"]): side["state"] for row in page["peerings"] for side in row["sides"]}
    meshes: dict[str, dict[tuple, dict]] = {}
    counts: dict[str, dict[str, int]] = {}
    for row in page["services"]:
        is_offered = row["side"] == "offered"
        told = (
            f"offered to {row['peer']}"
            if is_offered
            else f"local name for {short(str(row['exported']))}"
            if row["local"]
            else "import"
        )
        cluster = row["mesh"] if is_offered else row["peer"]
        shown = {**row, "cluster": cluster, "told": told, "state": states.get((row["mesh"], row["peer"]), UNKNOWN)}
        meshes.setdefault(row["mesh"], {})[
            not is_offered, cluster, row["namespace"], row["name"], row["host"], row["peer"]
        ] = shown
        count = counts.setdefault(row["mesh"], {"offered": 0, "taken": 0})
        count[row["side"]] += 1
    return [
        (mesh, {**counts[mesh], "rows": [rows[key] for key in sorted(rows)]}) for mesh, rows in sorted(meshes.items())
    ]


def extra(page: Mapping) -> Iterable[dict]:
    """Give the parts that only some runs have, each as a table of the plain fields of its rows."""
    for key in OPTIONAL:
        rows = items(page.get(key))
        names = list(
            dict.fromkeys(name for row in rows for name, value in row.items() if not isinstance(value, (dict, list)))
        )
        if not names:
            continue
        yield {
            "id": key,
            "title": _TITLES[key],
            # The column whose word is shown as a state, with its sign.
            "stated": names.index("state") if "state" in names else -1,
            "heads": [name.replace("_", " ").capitalize() for name in names],
            "rows": [{"state": state_of(row), "cells": [row.get(name) for name in names]} for row in rows[:MOST_ROWS]],
            "left_out": max(0, len(rows) - MOST_ROWS),
            "note": NOTES.get(key, ""),
        }
