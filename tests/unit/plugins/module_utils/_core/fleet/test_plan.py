# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which meshes of a fleet need a job."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.fleet.plan import (
    NOBODY,
    Need,
    Plan,
    changes_between,
    digest,
    plan_of,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

EAST = Need("east-1", "east", digest({"mesh_peers": ["west"]}), ("west",))
WEST = Need("west-1", "west", digest({"mesh_peers": ["east"]}), ("east",))
CARDS = {("west", "east"): b"card of west", ("east", "west"): b"card of east"}


def planned(needs=(EAST, WEST), cards=None, release="1"):
    given = CARDS if cards is None else cards
    return plan_of(needs, lambda mesh, audience: given.get((mesh, audience)), release)


def test_without_a_plan_of_before_every_mesh_needs_a_job():
    changes = changes_between(None, planned())
    assert changes.changed == {"east-1": "new", "west-1": "new"} and changes.limit == "east-1,west-1"


def test_what_has_not_changed_needs_no_job_and_no_host_is_what_no_host_matches():
    changes = changes_between(Plan.from_data(planned().to_data(), "here"), planned())
    assert changes.changed == {} and list(changes.unchanged) == ["east-1", "west-1"]
    assert changes.limit == NOBODY, "an empty limit would be every host"


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        pytest.param(planned(cards={**CARDS, ("west", "east"): b"another"}), {"east-1": "cards"}, id="a card for it"),
        pytest.param(planned(cards={("east", "west"): b"card of east"}), {"east-1": "cards"}, id="a card that went"),
        pytest.param(
            planned(cards={**CARDS, ("north", "east"): b"card of north"}), {}, id="a card of nobody that it peers with"
        ),
        pytest.param(
            planned([Need("east-1", "east", "0" * 64, ("west",)), WEST]),
            {"east-1": "description"},
            id="its description",
        ),
        pytest.param(planned([EAST, WEST, Need("north", "north", "1" * 64, ())]), {"north": "new"}, id="another mesh"),
        pytest.param(planned(release="2"), {"east-1": "release", "west-1": "release"}, id="another release"),
    ],
)
def test_a_mesh_needs_a_job_when_what_it_needs_is_something_else(now, changed):
    assert dict(changes_between(planned(), now).changed) == changed


def test_a_mesh_that_is_no_host_any_more_is_told_and_nothing_is_removed():
    changes = changes_between(planned(), planned([EAST]))
    assert changes.gone == ["west-1"] and "nothing is removed" in changes.lines()[-1]


def test_the_words_have_a_bound():
    needs = [Need(f"mesh-{at}", f"mesh-{at}", "0" * 64, ()) for at in range(500)]
    lines = changes_between(None, planned(needs)).lines()
    assert (
        lines[0] == "Fleet · 500 meshes · 500 need a job · 0 unchanged"
        and lines[-1] == "... and 470 more"
        and len(lines) == 32
    )


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"version": 2, "release": "1", "meshes": {}},
        {"version": 1, "release": "1", "meshes": {"east": {"mesh": "east", "description": "x", "cards": "y"}}},
        {"version": 1, "release": "1", "meshes": {"east": ["east"]}},
        {"version": 1, "release": 1, "meshes": {}},
    ],
)
def test_what_is_no_plan_is_refused(data):
    with pytest.raises(FederationError, match="FED362"):
        Plan.from_data(data, "Plan fleet-plan.json")
