# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What proxies are configured with, and what differs: as data below a bound, and as lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from ..plain.errors import FederationError
from .comparing import Comparison

LARGEST_RESULT = 900_000
MOST_LINES = 200
LONGEST_LINE = 300


def fitting(comparisons: Sequence[Comparison], rows: Sequence[Mapping]) -> dict:
    """Return comparisons and rows as data that stays below a bound, and how much had to be left out."""
    most, kept = max(1, 300 // max(1, len(comparisons))), list(rows)
    while True:
        found = {
            "comparisons": [one.as_data(most) for one in comparisons],
            "rows": kept,
            "rows_left_out": len(rows) - len(kept),
        }
        if len(json.dumps(found)) <= LARGEST_RESULT or (not kept and most == 0):
            return found
        most, kept = most // 2, kept[: len(kept) // 2]


def lines_of(result: Mapping, comparisons: Sequence[Comparison], rows: Sequence[Mapping]) -> list[str]:
    """Return the result as lines for people."""
    lines = [line for one in comparisons for line in _told(one)] + [_row(row) for row in rows]
    more = len(lines) - MOST_LINES
    told = [line[:LONGEST_LINE] for line in lines[:MOST_LINES]]
    told += [f"… and {more:,} more lines; the result has them, and compare_save writes all"] if more > 0 else []
    return [
        *told,
        *(f"rejected: {error}" for error in result["errors"]),
        *(f"saved: {path}" for path in result["saved"]),
    ] or ["nothing to show"]


def _told(one: Comparison) -> Iterator[str]:
    if one.is_equal:
        yield f"= {one.left} and {one.right}: {one.compared:,} resources, nothing differs"
        return
    yield f"≠ {one.left} and {one.right}: {len(one.differences):,} of {one.compared:,} resources differ"
    for difference in one.differences[:MOST_LINES]:
        yield from difference.lines()


def _row(row: Mapping) -> str:
    shown = [
        f"{key} {value}"
        for key, value in row.items()
        if key not in ("section", "name", "federation") and value not in ("", None, False)
    ]
    mark = "  (of a peer, in istiod's memory)" if row.get("federation") else ""
    return f"{row['section']:<10} {row['name']}  {' · '.join(shown)}{mark}"


def differ(comparisons: Sequence[Comparison], result: Mapping) -> FederationError:
    """Return the failure over configurations that differ, with the module's ``result``."""
    differing = [one for one in comparisons if not one.is_equal]
    return FederationError(
        "FED920",
        where=f"{differing[0].left} and {differing[0].right}",
        what=f"differ in {len(differing[0].differences):,} resources"
        + (f"; so do {len(differing) - 1} more" if differing[1:] else ""),
        fix="Look at the fields in the result; fold away what may differ with compare_fold",
        result=dict(result),
    )
