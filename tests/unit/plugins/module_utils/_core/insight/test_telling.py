# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What differs between configurations is told within bounds, and how much was left out with it."""

from __future__ import annotations

import json

from ansible_collections.ossm.federation.plugins.module_utils._core.insight.telling import (
    LARGEST_RESULT,
    MOST_LINES,
    fitting,
    lines_of,
)


def test_rows_are_left_out_until_the_result_fits_and_how_many_is_said():
    rows = [{"section": "clusters", "name": f"{'x' * 1000}{number}"} for number in range(2000)]
    found = fitting([], rows)
    assert len(json.dumps(found)) <= LARGEST_RESULT
    assert found["rows"] == rows[: len(found["rows"])] and len(found["rows"]) + found["rows_left_out"] == 2000


def test_more_lines_than_anybody_reads_are_counted():
    rows = [{"section": "clusters", "name": str(number), "federation": number == 0} for number in range(MOST_LINES + 5)]
    told = lines_of({"errors": ["one"], "saved": ["a.json"]}, [], rows)
    assert told[0] == "clusters   0    (of a peer, in istiod's memory)"
    assert told[MOST_LINES:] == [
        "… and 5 more lines; the result has them, and compare_save writes all",
        "rejected: one",
        "saved: a.json",
    ]


def test_where_there_is_nothing_to_show_that_is_said():
    assert lines_of({"errors": [], "saved": []}, [], []) == ["nothing to show"]
