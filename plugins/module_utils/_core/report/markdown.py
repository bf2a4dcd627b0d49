# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A page as Markdown, for a ticket or a chat: the same tables, without the picture. What others wrote stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .page import NOTES, OPTIONAL

MOST_ROWS = 200
"""Rows of one table at most; the JSON has all of them."""
# What Markdown, or the HTML in it, would take for more than a letter; GitHub makes a link of what begins with www.
_SIGNS = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$@:-]|(?<=www)\.)")


def markdown(page: Mapping) -> str:
    """Return a page as Markdown."""
    return "\n".join(_lines(page)) + "\n"


def _lines(page: Mapping) -> Iterator[str]:
    total = page["summary"]
    yield "# Federation report"
    yield ""
    yield (
        f"Made {text(page['made'])}. Verdict: **{text(page['verdict'])}**. {total['meshes']} meshes,"
        f" {total['meshes_unknown']} of them unknown;"
    )
    yield (
        f"{total['peerings_ok']} of {total['peerings']} peerings connected; {total['errors']} errors and"
        f" {total['warnings']} warnings."
    )
    yield from _table(
        "What has to be done", ("Who", "About", "What", "Do", "Code"), map(_action, page["actions"]), nothing="Nothing."
    )
    changes = page.get("changes")
    if changes:
        changed = [(row["kind"], row["where"], row["before"], row["after"]) for row in changes["rows"]]
        yield from _table(
            f"Changed since {changes['since']}", ("Kind", "Where", "Before", "After"), changed, nothing="Nothing."
        )
    columns: Sequence[str] = ("name", "state", "version", "trust_domain", "control_plane", "why")
    yield from _table(
        "Meshes", ("Mesh", "State", "Version", "Trust domain", "Control plane", "Note"), _cells(page["meshes"], columns)
    )
    columns = ("mesh", "to", "state", "outbound", "inbound", "last_full_sync", "outbound_reason")
    sides = [side for row in page["peerings"] for side in row["sides"]]
    yield from _table("Peerings", ("Mesh", "Peer", "State", "Out", "In", "Last sync", "Reason"), _cells(sides, columns))
    columns = ("mesh", "side", "peer", "namespace", "name", "host")
    yield from _table(
        "Services", ("Mesh", "Side", "Peer", "Namespace", "Name", "Host"), _cells(page["services"], columns)
    )
    columns = ("mesh", "peer", "fingerprint", "not_after", "days_left", "said")
    yield from _table(
        "Trust", ("Mesh", "Peer", "Root", "Valid until", "Days left", "Note"), _cells(page["trust"], columns)
    )
    for key in OPTIONAL:
        rows = page.get(key) or []
        names = list(
            dict.fromkeys(name for row in rows for name, value in row.items() if not isinstance(value, (dict, list)))
        )
        if names:
            yield from _table(
                key.capitalize().replace("_tls", " TLS"),
                [name.replace("_", " ").capitalize() for name in names],
                _cells(rows, names),
            )
            yield from ("", NOTES[key]) if key in NOTES else ()
    columns = ("mesh", "severity", "code", "place", "seen", "cure")
    yield from _table(
        "Findings",
        ("Mesh", "Severity", "Code", "Place", "Seen", "Cure"),
        _cells(page["findings"], columns),
        nothing="None.",
    )
    if page["unknown"]:
        yield from _table(
            "Not looked at", ("Mesh", "What", "Because"), _cells(page["unknown"], ("mesh", "what", "because"))
        )


def _action(row: Mapping) -> tuple:
    return " or ".join(row["who"]), row["about"], row["what"], row["fix"], row["code"]


def _cells(rows: Iterable[Mapping], keys: Sequence[str]) -> list[tuple]:
    return [tuple(row.get(key) for key in keys) for row in rows]


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence], nothing: str = "") -> Iterator[str]:
    told = list(rows)
    if not told and not nothing:
        return
    yield from ("", f"## {text(title)}", "")
    if not told:
        yield nothing
        return
    yield f"| {' | '.join(map(text, heads))} |"
    yield f"|{'---|' * len(heads)}"
    yield from (f"| {' | '.join(map(text, row))} |" for row in told[:MOST_ROWS])
    if len(told) > MOST_ROWS:
        yield ""
        yield f"{len(told) - MOST_ROWS:,} more rows are not shown here."


def text(value: object) -> str:
    """Return a value as words of one cell: nothing in it is markup, a link, or the end of the row."""
    words = " ".join(str("" if value is None else value).split())
    return _SIGNS.sub(r"\\\1", words)
