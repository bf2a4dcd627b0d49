# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules, peer entries and names that fail open: what is empty, misspelled or too wide is refused before anything is written."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from attacks.api import ApiInMemory
from attacks.conftest import CONTROL_PLANE
from integration.administrators import Administrator

# Whom to leave ------------------------------------------------------------------------------------------------------

# A variable that was not set, an empty list of a pipeline, a survey that nobody filled in: by mesh name, each its own spelling.
NOBODY = {
    "not-given": {},
    "empty": {"unfederate_peers": ""},
    "blank": {"unfederate_peers": " \t"},
    "comma": {"unfederate_peers": ","},
    "commas": {"unfederate_peers": " , , "},
    "brackets": {"unfederate_peers": "[]"},
    "quotes": {"unfederate_peers": "['']"},
    "braces": {"unfederate_peers": "{}"},
    "tilde": {"unfederate_peers": "~"},
    "null": {"unfederate_peers": None},
    "false": {"unfederate_peers": False},
    "true": {"unfederate_peers": True},
    "zero": {"unfederate_peers": 0},
    "list": {"unfederate_peers": []},
    "list-of-nothing": {"unfederate_peers": [""]},
    "list-of-null": {"unfederate_peers": [None]},
    "mapping": {"unfederate_peers": {}},
    "default": {"unfederate_peers": "{{ whom | default([]) }}"},
    "omitted": {"unfederate_peers": "{{ whom | default(omit) }}"},
    "one-is-empty": {"unfederate_peers": "west,{{ other | default('') }}"},
    "all-but": {"unfederate_peers": "all,-west"},
    "all-and": {"unfederate_peers": ["all", "west"]},
    "wildcard": {"unfederate_peers": "*"},
    "upper-case": {"unfederate_peers": "ALL"},
}


def estate_of(api: ApiInMemory, *names: str) -> None:
    """Give each name a control plane with a peer west that this collection made."""
    for name in names:
        namespace, labels = f"{name}-mesh-system", {"ossm.federation/mesh": name, "ossm.federation/peer": "west"}
        live = copy.deepcopy(CONTROL_PLANE)
        live["metadata"]["namespace"] = namespace
        api.store.put(live)
        api.store.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "west-ca-root-cert", "namespace": namespace, "labels": labels}})


def test_a_fat_finger_that_names_nobody_leaves_nobody(api: ApiInMemory, collections: str, tmp_path: Path) -> None:
    estate_of(api, *NOBODY)
    meshes = {name: {**api.variables, "mesh_peers": ["west", "north"], **given} for name, given in NOBODY.items()}
    admin = Administrator(tmp_path, collections, meshes)
    run = admin.play("unfederate", "--forks", "2", variables={"federation_report": "report.json"}, must_pass=False)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    codes = {name: (report[name].get("error") or {}).get("code") for name in NOBODY}
    assert codes == dict.fromkeys(NOBODY, "FED322"), run.output
    assert run.returncode != 0 and not api.writes


def test_a_fat_finger_that_names_a_peer_nobody_knows_is_told_so_on_all_hosts(api: ApiInMemory, collections: str, tmp_path: Path) -> None:
    estate_of(api, "east", "south")
    meshes = {name: {**api.variables, "mesh_peers": ["north"]} for name in ("east", "south")}
    admin = Administrator(tmp_path, collections, meshes)
    run = admin.play("unfederate", variables={"unfederate_peers": "west,wset", "federation_report": "report.json"}, must_pass=False)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {mesh: entry["error"]["code"] for mesh, entry in report.items()} == {"east": "FED302", "south": "FED302"}, run.output
    assert "names wset" in report["east"]["error"]["message"] and "known peers are north, west" in report["east"]["error"]["message"]
    assert not api.writes
    run = admin.play("unfederate", "--check", variables={"unfederate_peers": "west"})
    assert run.changed("east") and run.changed("south"), "of a peer that is no longer described something stands, so its name is known"
