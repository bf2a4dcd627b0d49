# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports of several runs are one where they do not contradict each other, and what is no report is refused by its
path.
"""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.report.joining import (
    as_json,
    joined,
    reported,
    saved,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.report.page import page_of
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.report import estates

# Python reads and writes them, and no browser does: the page's JSON would be none.
NUMBERS = (b"NaN", b"Infinity", b"-Infinity", b"1e999")


def test_reports_of_several_runs_are_joined_and_one_mesh_may_stand_in_two_that_agree():
    east, west = ({name: entry} for name, entry in estates.two().items())
    assert joined(east, {"a.json": west, "b.json": east}) == {**east, **west}


def test_two_reports_that_contradict_each_other_about_a_mesh_are_refused():
    with pytest.raises(FederationError, match=r"FED365 Report b.json, mesh west: is another one than that of a.json"):
        joined({}, {"a.json": {"west": {"a": 1}}, "b.json": {"west": {"a": 2}}})


def test_what_was_written_as_a_report_is_read_as_one():
    report = estates.two()
    assert reported("a.json", as_json(report).encode()) == report
    page = page_of(report, made=estates.MADE)
    assert saved("page.json", as_json(page).encode()) == page


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "does not exist"),
        (b"[]", "is not a report"),
        (b"{", "is not a report"),
        (b'{"east": 1}', "is not a report"),
        *((b'{"east": {"days_left": %s}}' % number, "is not a report") for number in NUMBERS),
    ],
)
def test_what_is_no_report_is_refused(content, what):
    with pytest.raises(FederationError, match=f"FED364 Report a.json: {what}"):
        reported("a.json", content)
    with pytest.raises(FederationError, match=f"FED970 report_since a.json: {what}"):
        saved("a.json", content)


@pytest.mark.parametrize("names", [5, True, "cart", {"cart": 1}, [5, None, ["cart"]]])
def test_names_that_a_joined_report_gives_in_another_shape_are_no_names(names):
    report = estates.two()
    report["east"]["peers"][0]["asked_not_offered"] = names
    read = reported("a.json", as_json(report).encode())
    assert page_of(read)["peerings"][0]["sides"][0]["asked_not_offered"] == []
