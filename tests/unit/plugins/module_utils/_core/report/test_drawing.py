# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The picture can be read: no box covers another, everything is inside, and many meshes stand in groups."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.report.drawing import (
    MOST_LINES,
    drawing_of,
    groups_of,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.report.page import page_of
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.report import estates


def overlap(one: dict, other: dict) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
        for at, size in (("x", "width"), ("y", "height"))
    )


def full_mesh(count: int, **more: str) -> dict:
    names = [f"m{number:02d}" for number in range(count)]
    return {
        name: estates.entry(name, *(estates.peer(other, **more) for other in names if other != name)) for name in names
    }


@pytest.mark.parametrize(
    "report", [*(full_mesh(count) for count in range(1, 13)), estates.many(50), full_mesh(50), estates.hostile()]
)
def test_no_box_covers_another_and_everything_is_inside(report):
    drawing = drawing_of(page_of(report, others=["elsewhere"]))
    assert not [pair for pair in itertools.combinations(drawing["boxes"], 2) if overlap(*pair)]
    assert not [pair for pair in itertools.combinations(drawing["groups"], 2) if overlap(*pair)]
    for box in [*drawing["boxes"], *drawing["groups"]]:
        assert box["x"] >= 0 and box["y"] >= 0
        assert box["x"] + box["width"] <= drawing["width"] and box["y"] + box["height"] <= drawing["height"]
    for label in drawing["labels"]:
        assert 0 < label["y"] < drawing["height"] and 0 < label["x"] < drawing["width"]


def test_two_meshes_stand_beside_each_other_with_their_names_on_the_line():
    drawing = drawing_of(page_of(estates.two()))
    east, west = drawing["boxes"]
    assert east["x"] < west["x"] and east["y"] == west["y"] and len(drawing["lines"]) == 1
    assert [label["text"] for label in drawing["labels"]] == ["cart.shop →", "price.shop →", "← ledger.bank"]


def test_many_meshes_stand_in_groups_of_those_with_the_same_partners():
    page = page_of(estates.many(50))
    drawing = drawing_of(page)
    assert len(drawing["boxes"]) == 50 and len(drawing["groups"]) == 10 and drawing["left_out"] == 0
    assert len(drawing["lines"]) < len(page["peerings"]), "lines are bundled"
    (whole,) = drawing_of(page_of(full_mesh(50)))["groups"]
    assert whole["told"] == "50 meshes · 1225 of 1225 peerings among them connected"


def test_peerings_that_need_somebody_are_drawn_one_by_one_to_a_bound():
    drawing = drawing_of(page_of(full_mesh(50, outbound="pending")))
    assert len(drawing["lines"]) == MOST_LINES and drawing["left_out"] == 1225 - MOST_LINES
    assert drawing["groups"][0]["state"] == "down"


def test_a_star_is_its_hub_and_the_others():
    partners = {"hub": {f"m{at}" for at in range(20)}, **{f"m{at}": {"hub"} for at in range(20)}}
    assert sorted(map(len, groups_of(partners))) == [1, 20]
    assert groups_of({"a": set(), "b": set()}) == [["a", "b"]], "meshes without partners stand together"


def test_no_meshes_are_an_empty_picture():
    assert drawing_of(page_of({}))["boxes"] == []
