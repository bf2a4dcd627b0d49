# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""An inventory without meshes, and one that cannot be read, end a run; Ansible alone would end it well."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from inputs.table import ANSIBLE, NO_HOSTS, Input
from integration.administrators import TREE, Administrator

CONFIGURATIONS = sorted(path for path in (*TREE.glob("examples/**/ansible.cfg"), TREE / "tools" / "ansible.cfg"))


@pytest.mark.parametrize("wrong", NO_HOSTS, ids=lambda wrong: f"{wrong.given} {wrong.more}"[:90])
def test_a_run_without_meshes_is_refused(collections: str, tmp_path: Path, wrong: Input) -> None:
    if wrong.given is not None:
        (tmp_path / "meshes.yml").write_text(wrong.given, encoding="utf-8")
    environment = Administrator(
        tmp_path, collections, {}, {"ANSIBLE_CONFIG": str(TREE / "examples" / "one-run" / "ansible.cfg")}
    ).env
    words = [
        "ansible-playbook",
        "-i",
        "meshes.yml",
        f"ossm.federation.{wrong.more['playbook']}",
        *wrong.more.get("options", ()),
    ]
    run = subprocess.run(
        words, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    said = run.stdout + run.stderr
    assert run.returncode and wrong.says in said, said
    assert (wrong.verdict in said) == (wrong.verdict != ANSIBLE), said


def test_every_configuration_that_is_shipped_fails_on_an_inventory_that_cannot_be_read() -> None:
    folders = {path.parent for path in TREE.glob("examples/**/meshes.yml") if path.parent.name != "group_vars"}
    assert {path.parent for path in CONFIGURATIONS} >= folders
    for path in CONFIGURATIONS:
        assert "[inventory]\nany_unparsed_is_failed = true\n" in path.read_text(encoding="utf-8"), path


def test_every_playbook_whose_hosts_are_meshes_begins_with_the_guard() -> None:
    for path in TREE.glob("playbooks/*.yml"):
        plays = yaml.safe_load(path.read_text(encoding="utf-8"))
        if any(play.get("hosts") == "meshes" for play in plays):
            assert plays[0].get("ansible.builtin.import_playbook") == "guards/meshes.yml", path
