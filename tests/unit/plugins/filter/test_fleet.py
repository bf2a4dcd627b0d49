# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each mesh of a fleet needs, and the playbook that says which of them need a job."""

from __future__ import annotations

import json
import os
import pathlib
import re
import sys

import pytest
from ansible.errors import AnsibleError, AnsibleFilterError
from ansible_collections.ossm.federation.plugins.filter.fleet import fleet_needs
from integration.warm_playbook import play

TREE = pathlib.Path(__file__).resolve().parents[4]


def needs(**hosts):
    return {need["host"]: need for need in fleet_needs(list(hosts), hosts)}


def test_a_mesh_needs_what_is_described_and_how_it_is_reached_is_no_part_of_that():
    before = needs(east={"mesh_peers": ["west"], "mesh_kubeconfig": "one", "federation_report": "a.json", "other": 1})
    assert before == needs(
        east={"mesh_peers": ["west"], "mesh_api_key": "secret", "federation_report": "b.json", "other": 2}
    )
    for changed in (
        {"mesh_peers": ["north"]},
        {"mesh_peers": ["west"], "mesh_exports": [{"name": "cart", "namespace": "shop"}]},
    ):
        assert before != needs(east=changed)
    assert "secret" not in json.dumps(needs(east={"mesh_threescale": {"token": "secret"}}))


@pytest.mark.parametrize(
    "peers", [["west", {"name": "prod", "local_name": "acme"}], ("west", {"name": "prod", "local_name": "acme"})]
)
def test_cards_are_looked_for_by_each_name_of_a_peer(peers):
    assert needs(east={"mesh_peers": peers})["east"]["peers"] == ["acme", "prod", "west"]


def test_a_full_mesh_needs_every_other_and_a_new_one_is_a_change_for_all():
    full = {"federation_full_mesh": True}
    two, three = needs(east=full, west=full), needs(east=full, west=full, north={"mesh_name": "far", **full})
    assert two["east"]["peers"] == ["west"] and three["east"]["peers"] == ["far", "west"]
    assert two["east"]["description"] != three["east"]["description"]


def test_what_cannot_be_evaluated_is_named_with_its_host():
    class Broken(dict):
        def __getitem__(self, key):
            raise AnsibleError("'hub' is undefined")

    with pytest.raises(AnsibleFilterError, match="FED363 Host east, mesh_peers"):
        fleet_needs(["east"], {"east": Broken(mesh_peers="{{ hub }}")})


def test_the_playbook_gives_the_meshes_that_need_a_job_as_a_pattern_for_the_limit(tmp_path):
    collections = tmp_path / "collections"
    link = collections / "ansible_collections" / "ossm" / "federation"
    link.parent.mkdir(parents=True)
    link.symlink_to(TREE)
    hosts = {name: {"mesh_peers": [other]} for name, other in (("east", "west"), ("west", "east"))}
    inventory = tmp_path / "meshes.yml"
    inventory.write_text(json.dumps({"meshes": {"hosts": hosts}}), encoding="utf-8")
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "PYTHON", "PYTEST_", "K8S_AUTH_"))
        },
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_SHOW_CUSTOM_STATS": "true",
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"),
    }
    words = ["-i", "meshes.yml", "ossm.federation.fleet_plan"]
    code, first = play([*words, "-e", "fleet_plan_file=fleet-plan.json"], tmp_path, environment)
    assert code == 0 and "Fleet · 2 meshes · 2 need a job · 0 unchanged" in first, first
    hosts["east"]["mesh_exports"] = [{"name": "cart", "namespace": "{{ inventory_hostname }}-shop"}]
    inventory.write_text(json.dumps({"meshes": {"hosts": hosts}}), encoding="utf-8")
    code, second = play([*words, "--limit", "west"], tmp_path, environment)
    assert code == 0 and "2 meshes · 1 need a job" in second and "east: its description has changed" in second, second
    assert re.search(r'"?fleet_limit"?: "?east"?', second), second
