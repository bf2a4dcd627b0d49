# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The only room that knows Jinja2: it turns a page's data into one HTML file that needs nothing else.

Everything is escaped but our own style sheet and script, and a policy in the file lets the browser run no other.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

from .._core.plain.data import items
from .._core.plain.errors import FederationError
from .._core.report.drawing import drawing_of
from .._core.report.page import NOTES, OPTIONAL, UNKNOWN, state_of
from .script import SCRIPT
from .style import LABELS, SIGNS, STATES, style
from .template import TEMPLATE

MOST_ROWS = 2000
"""Rows of one part that the page shows; the JSON has all of them."""
_VERDICTS = {"ok": "ok", "down": "down", "error": "down", "drift": "unsure"}
_TITLES = {
    "health": "Health",
    "proxies": "Proxies",
    "comparisons": "Configurations compared",
    "rates": "Requests and errors",
    "mutual_tls": "Mutual TLS",
    "diagnoses": "Why",
    "probes": "Our own calls",
}


def html(page: Mapping) -> str:
    """Return a page as HTML. Raises ``FederationError`` FED971 where this Python has no Jinja2."""
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise FederationError(
            "FED971",
            where="The page",
            what="cannot be made: the Python that runs this module has no Jinja2",
            fix="Run it on the machine that runs Ansible, as playbook report does: its Python has Jinja2",
        ) from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    # Only what is not ASCII can be written from right to left, and then stays in its own place.
    environment.tests["turned"] = lambda text: not str(text).isascii()
    sheet, extra = style(), list(_extra(page))
    return environment.from_string(TEMPLATE).render(
        page=page,
        changes=page.get("changes"),
        drawing=drawing_of(page),
        described=_described(page),
        tiles=_tiles(page["summary"]),
        parts=_parts(page, extra),
        services=_services(page),
        extra=extra,
        signs=SIGNS,
        labels=LABELS,
        states=STATES,
        verdicts=_VERDICTS,
        most=MOST_ROWS,
        style=Markup(sheet),
        script=Markup(SCRIPT),
        policy=policy(sheet, SCRIPT),
    )


def policy(sheet: str, script: str) -> str:
    """Return what a browser may do with the page: our sheet and our script, each known by its digest, and
    nothing else.
    """
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (sheet, script)
    ]
    return f"default-src 'none'; style-src {hashes[0]}; script-src {hashes[1]}; base-uri 'none'; form-action 'none'"


def _tiles(total: Mapping) -> list[tuple[str, str]]:
    return [
        (f"{total['meshes'] - total['meshes_unknown']} of {total['meshes']}", "meshes seen"),
        (f"{total['peerings_ok']} of {total['peerings']}", "peerings connected"),
        (str(total["offered"]), "services offered"),
        (str(total["taken"]), "names taken"),
        (str(total["errors"]), "errors"),
        (str(total["warnings"]), "warnings"),
    ]


def _parts(page: Mapping, extra: Iterable[Mapping]) -> list[tuple[str, str]]:
    changes = [("changes", "Changes")] if page.get("changes") else []
    fixed = [("topology", "Meshes"), ("peerings", "Connections"), ("services", "Services"), ("trust", "Trust")]
    return [
        ("do", "To do"),
        *changes,
        *fixed,
        *((part["id"], part["title"]) for part in extra),
        ("findings", "Findings"),
    ]


def _described(page: Mapping) -> str:
    """Return the picture in words, for those who cannot see it."""
    told = [f"{row['between'][0]} and {row['between'][1]}: {row['state']}" for row in page["peerings"][:50]]
    more = f"; and {len(page['peerings']) - 50} more" if len(page["peerings"]) > 50 else ""
    return f"{len(page['meshes'])} meshes. {'; '.join(told) or 'No peerings'}{more}."


def _services(page: Mapping) -> list[tuple[str, dict]]:
    """Return the services by mesh, and in each by cluster (our own, or the peer whose they are), namespace and name."""
    states = {(side["mesh"], side["peer"]): side["state"] for row in page["peerings"] for side in row["sides"]}
    meshes: dict[str, dict[tuple, dict]] = {}
    counts: dict[str, dict[str, int]] = {}
    for row in page["services"]:
        is_offered = row["side"] == "offered"
        told = (
            f"offered to {row['peer']}"
            if is_offered
            else f"local name for {short_of(row)}"
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


def short_of(row: Mapping) -> str:
    """Return what a name that is imported as local is called by its exporter."""
    return str(row["exported"]).partition(".svc.")[0]


def _extra(page: Mapping) -> Iterable[dict]:
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
