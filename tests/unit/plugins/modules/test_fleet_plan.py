# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``fleet_plan``: cards as files in either layout, and a plan that is kept."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.modules import fleet_plan
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

NEEDS = [
    {"host": "east", "mesh": "east", "description": "0" * 64, "peers": ["west"]},
    {"host": "west", "mesh": "west", "description": "1" * 64, "peers": ["east"]},
]


@pytest.fixture
def cards(tmp_path):
    folder = tmp_path / "cards"
    (folder / "east").mkdir(parents=True)
    (folder / "east" / "west.json").write_text("{}", encoding="utf-8")
    (folder / "east-for-west.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture
def plan(tmp_path, cards):
    def made(check_mode=False, **params):
        given = {"needs": NEEDS, "cards_dir": str(cards), "since": str(tmp_path / "plan.json"), **params}
        run = RunInMemory(fleet_plan.OPTIONS, check_mode=check_mode, **given)
        return {**fleet_plan.run(run, None, NOW), "warnings": run.warnings}

    return made


def test_a_mesh_whose_card_changed_in_its_own_folder_is_the_one_that_needs_a_job(plan, cards, tmp_path):
    assert plan(path=str(tmp_path / "plan.json"))["limit"] == "east,west"
    assert plan()["limit"] == "all:!all"
    (cards / "east" / "west.json").write_text('{"issued": "later"}', encoding="utf-8")
    assert plan()["changed_meshes"] == {"east": "cards"}
    assert plan(path=str(tmp_path / "plan.json"))["changed"]
    again = plan(path=str(tmp_path / "plan.json"))
    assert (again["changed"], again["changed_meshes"]) == (False, {})


def test_check_mode_keeps_no_plan(plan, tmp_path):
    assert plan(check_mode=True, path=str(tmp_path / "plan.json"))["changed"]
    assert not (tmp_path / "plan.json").exists()


def test_a_card_that_its_mesh_would_refuse_gives_that_mesh_a_job_and_stops_nobody(plan, cards, tmp_path):
    plan(path=str(tmp_path / "plan.json"))
    (cards / "west-for-east.json").write_text('{"another": 1}', encoding="utf-8")
    found = plan()
    assert found["changed_meshes"] == {"east": "cards"} and "FED361" in found["warnings"][0]


def test_what_is_no_plan_of_before_is_refused(plan, tmp_path):
    for text in ("{", json.dumps({"version": 1}), "[" * 100000):
        (tmp_path / "plan.json").write_text(text, encoding="utf-8")
        with pytest.raises(FederationError, match="FED362"):
            plan()


def test_a_plan_is_kept_only_while_it_is_the_one_that_the_jobs_have_followed(plan, cards, tmp_path):
    followed = plan()["digest"]
    assert plan(path=str(tmp_path / "plan.json"), digest=followed)["changed"]
    (cards / "east" / "west.json").write_text('{"issued": "meanwhile"}', encoding="utf-8")
    late = plan(path=str(tmp_path / "plan.json"), digest=followed)
    assert not late["changed"] and late["changed_meshes"] == {"east": "cards"} and "not kept" in late["warnings"][0]
    assert plan()["changed_meshes"] == {"east": "cards"}, "the next run names it"
