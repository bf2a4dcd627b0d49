# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables that are misspelled or of a wrong kind are refused by name, and other people's are let pass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.plugin_utils.specs import SPECS, WORDS, refuse_unknown, refuse_wrong
from ansible_collections.ossm.federation.plugins.plugin_utils.unknown import PLAYBOOKS, Told
from attacks.api import ApiInMemory
from inputs.right import OTHER_PEOPLES, inventories
from inputs.table import EVERYTHING, MISSPELLED, OF_THE_RUN, WRONG_KINDS, Input
from integration.administrators import TREE, Administrator

SEED, MANY = 20261129, 200
IN_A_RUN = 6


def plain(value: Any) -> Any:
    return value


def check(variables: dict) -> None:
    """Hold variables to what the first task of each role holds them to."""
    refuse_unknown(variables, plain)
    refuse_wrong(SPECS[WORDS]["mesh"], WORDS, variables, plain)


def verdict_of(variables: dict) -> tuple[str, str]:
    try:
        check(variables)
    except FederationError as error:
        return error.code, str(error)
    return "silent", ""


@pytest.mark.parametrize("wrong", MISSPELLED, ids=lambda wrong: wrong.given)
def test_a_misspelled_variable_is_refused_with_the_nearest_name(wrong: Input) -> None:
    code, said = verdict_of({**OTHER_PEOPLES, "mesh_peers": ["west"], wrong.given: []})
    assert code == wrong.verdict and wrong.given in said and wrong.says in said


@pytest.mark.parametrize("wrong", OF_THE_RUN, ids=lambda wrong: wrong.given)
def test_what_a_run_is_told_for_its_playbook_and_does_not_know_is_refused(wrong: Input) -> None:
    said = {**OTHER_PEOPLES, "mesh_peers": ["west"], wrong.given: "x"}
    with pytest.raises(
        FederationError, match=f"{wrong.verdict} {wrong.given}: .*nearest that is known is {wrong.says}"
    ):
        refuse_unknown(said, plain, Told({wrong.given}, {wrong.more["playbook"]}))
    # Elsewhere it may be somebody else's.
    refuse_unknown({**OTHER_PEOPLES, "cluster_name": "x"}, plain, Told({"cluster_name"}, {wrong.more["playbook"]}))


def test_what_an_inventory_has_under_a_playbooks_name_is_doubted_in_that_playbook_alone() -> None:
    names = {**OTHER_PEOPLES, "gather_folder": "x"}
    assert refuse_unknown(names, plain, Told(set(), {"gather"})) == [("gather_folder", "gather_dir")]
    assert refuse_unknown(names, plain, Told({"install_dir"}, {"install"})) == [], (
        "a playbook without words of its own misses none"
    )
    assert refuse_unknown(names, plain, Told(set(), {"federate"})) == []
    assert (
        refuse_unknown({**names, "federation_ignore_variables": "gather_*"}, plain, Told({"gather_folder"}, {"gather"}))
        == []
    )


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_right_inventories_are_let_pass_whatever_the_playbook(playbook: str) -> None:
    for variables in inventories(SEED, MANY // 4):
        refuse_unknown(variables, plain, Told({"mesh_peers", "cluster_name", "app"}, {playbook}))


@pytest.mark.parametrize("wrong", WRONG_KINDS, ids=lambda wrong: str(wrong.given)[:60])
def test_a_variable_of_a_wrong_kind_is_told_once_in_the_users_words(wrong: Input) -> None:
    code, said = verdict_of({"mesh_peers": ["west"], **wrong.given})
    assert code == wrong.verdict and wrong.says in said and "\n" not in said
    assert said.count(wrong.says or code) == 1


def test_two_hundred_right_inventories_give_no_error() -> None:
    for variables in inventories(SEED, MANY):
        assert verdict_of(variables) == ("silent", ""), variables


def test_all_of_other_peoples_words_together_are_let_pass() -> None:
    assert verdict_of(OTHER_PEOPLES) == ("silent", "")


def test_what_our_own_roles_and_playbooks_set_and_register_is_known() -> None:
    texts = "\n".join(
        path.read_text(encoding="utf-8") for room in ("roles", "playbooks") for path in (TREE / room).rglob("*.yml")
    )
    names = set(re.findall(r"^ *register: *(\w+)", texts, re.MULTILINE))
    names |= {
        name
        for path in TREE.glob("roles/*/defaults/main.yml")
        for name in yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    }
    assert verdict_of(dict.fromkeys(names - {"federation_ignore_variables"}))[0] in ("silent", "FED325")
    refuse_unknown(dict.fromkeys(names, None), plain)
    refuse_unknown({"upgrade_report": [], "federation_cards_of_far_west": ""}, plain)


def test_ignored_names_are_let_pass_by_name_and_by_pattern() -> None:
    refuse_unknown(
        {"mesh_export": [], "federation_x_y": 1, "federation_ignore_variables": "mesh_export, federation_*"}, plain
    )
    code, said = verdict_of({"mesh_export": [], "mesh_import": [], "federation_ignore_variables": ["mesh_export"]})
    assert code == "FED330" and "FED330 mesh_import:" in said


def test_a_run_refuses_them_before_the_first_request_in_hosts_groups_and_extra_variables(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    wrong = {f"m{at}": each for at, each in enumerate(MISSPELLED[::6][:IN_A_RUN])}
    kinds = {f"k{at}": each for at, each in enumerate(WRONG_KINDS[::4][:IN_A_RUN])}
    own = {name: {each.given: []} for name, each in wrong.items()} | {name: each.given for name, each in kinds.items()}
    admin = Administrator(
        tmp_path, collections, {name: {**api.variables, "mesh_peers": ["west"], **given} for name, given in own.items()}
    )
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "meshes.yml").write_text(
        yaml.safe_dump({"cluster_name": "one", "status_page": "two"}), encoding="utf-8"
    )
    run = admin.play("status", "--forks", "4", must_pass=False)
    for name, each in (*wrong.items(), *kinds.items()):
        told = re.search(rf"^fatal: \[{name}\].*?(?=\n\[ERROR|\nfatal|\n\n|\Z)", run.output, re.DOTALL | re.MULTILINE)
        assert told and each.verdict in told[0] and each.says in told[0], run.output
        assert len(told[0].splitlines()) <= 10
    assert run.returncode and not api.asked
    one = Administrator(tmp_path, collections, {"east": {**api.variables, "mesh_peers": ["west"]}})
    (tmp_path / "group_vars" / "meshes.yml").write_text(yaml.safe_dump({"mesh_export": []}), encoding="utf-8")
    assert "FED330 mesh_export:" in one.play("status", must_pass=False).output
    (tmp_path / "group_vars" / "meshes.yml").unlink()
    assert (
        "FED330 federation_cards_folder:"
        in one.play("federate", variables={"federation_cards_folder": "x"}, must_pass=False).output
    )
    said = one.play("gather", variables={"gather_folder": "x"}, must_pass=False).output
    assert re.search(r"FED330 gather_folder: .*gather_dir", said), said
    assert not api.asked


def test_the_table_has_a_hundred_inputs_and_at_least_five_of_each_kind() -> None:
    assert sum(map(len, EVERYTHING)) >= 100 and min(map(len, EVERYTHING)) >= 5
