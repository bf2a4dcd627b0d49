# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a command line and beside an inventory Ansible would pass over in silence is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.plugin_utils import whole

OURS = ("ossm.federation.federate",)


@pytest.mark.parametrize(
    ("said", "option"),
    [
        ({"tags": ("traffic",)}, "--tags"),
        ({"tags": ("tagged",)}, "--tags"),
        ({"tags": ("always",)}, "--tags"),
        ({"skip_tags": ("all",)}, "--skip-tags"),
        ({"skip_tags": ("x", "untagged")}, "--skip-tags"),
        ({"start_at_task": "Write the report"}, "--start-at-task"),
        ({"start_at_task": "x", "args": (str(whole.FOLDER / "status.yml"),)}, "--start-at-task"),
    ],
    ids=str,
)
def test_an_option_that_leaves_out_tasks_of_our_playbooks_is_refused(said, option):
    with pytest.raises(FederationError, match=f"^FED334 {option}: .*Run the playbook without it") as refused:
        whole.refuse_parts({"args": OURS, **said})
    assert refused.value.where == option


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"tags": ("all",), "skip_tags": (), "start_at_task": None},
        {"tags": ("untagged", "x")},
        {"skip_tags": ("x",)},
        {"args": ("mine.yml",), "tags": ("federation",)},
        {"args": (*OURS, "mine.yml"), "start_at_task": "a task of mine"},
        {"args": ("ossm.federation.nothing",), "tags": ("x",)},
        {"args": (), "tags": ("x",)},
    ],
    ids=str,
)
def test_a_whole_run_and_one_of_other_peoples_playbooks_is_let_pass(said):
    whole.refuse_parts({"args": OURS, **said})


@pytest.mark.parametrize("text", ["mesh_peers = west", "unfederate_peers=west north", "federation_prune", "a: hunter2"])
def test_words_that_set_no_variable_are_refused_and_not_quoted(text):
    with pytest.raises(FederationError) as refused:
        whole.refuse_words(["mesh_name=east", text])
    assert refused.value.code == "FED335" and not any(word in str(refused.value) for word in ("hunter2", "north"))


def test_words_that_set_variables_are_let_pass():
    whole.refuse_words(["a=b c=d", "a='two words'", "@file with spaces.yml", '{"a": 1}', "[1]", "", "mesh_peers="])


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["host_vars/esat.yml"], [("host_vars/esat.yml", "east")]),
        (["host_vars/esat/all.yml"], [("host_vars/esat", "east")]),
        (["group_vars/mesh.yaml"], [("group_vars/mesh.yaml", "meshes")]),
        (["group_vars/meshs"], [("group_vars/meshs", "meshes")]),
        (["host_vars/esat.yml", "host_vars/east.yml"], []),
        (["host_vars/north.lab", "host_vars/east.yml"], []),
        (["host_vars/production-1.yml", "group_vars/all.yml", "group_vars/webservers.yml"], []),
        (["host_vars/esat.yml.bak", "host_vars/esat.txt"], []),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_file_of_variables_for_nobody_is_told_with_the_one_it_is_for(tmp_path: Path, files, told, is_folder):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a: 1\n", encoding="utf-8")
    (tmp_path / "meshes.yml").write_text("", encoding="utf-8")
    groups = {"all": ["east", "north.lab"], "ungrouped": [], "meshes": ["east", "north.lab"]}
    source = tmp_path if is_folder else tmp_path / "meshes.yml"
    assert list(whole.files_of_nobody([str(source), "east,"], groups)) == told
