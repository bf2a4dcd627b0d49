# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was right stays right: an estate of commit f8defc2, met by the modules as they are now.

``former_estate`` is what stood in one of two federated meshes, with the field managers that a real API server had
noted, the description that it was made from, and its peer's card. The modules may change what ``CHANGES`` says, and
nothing else; each entry of it stands in the changelog.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from attacks.api import ApiInMemory, serving
from attacks.attack import Outcome, call_each

FORMER = Path(__file__).parent / "former_estate"
HOME = 'metadata.labels["ossm.federation/control-plane"]'
RIGHTS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount")
# Which fields of which kind each module may change, and where that is told.
CHANGES: dict[str, dict[tuple[str, str], str]] = {
    "mesh_tenants": {
        **{(kind, HOME): "tenants-bounds.yml" for kind in RIGHTS},
        ("ClusterRole", "rules"): "right-operators-and-versions.yml",
    },
    "control_plane": {},
    "member_roll": {},
    "federation_gateways": {},
    "federation": {
        **{
            ("ServiceMeshPeer", f'metadata.annotations["ossm.federation/{name}"]'): "identity.yml"
            for name in ("card-issued", "card-facts", "identity")
        },
        **{
            ("ConfigMap", f'metadata.annotations["ossm.federation/{name}"]'): "identity.yml"
            for name in ("identity", "trust-domain")
        },
        ("ServiceMeshControlPlane", 'metadata.annotations["ossm.federation/known-west"]'): "identity.yml",
    },
}
READING = ("mesh_card", "federation_info", "preflight_info")


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiInMemory]:
    """An API server with the former estate."""
    objects = json.loads((FORMER / "objects.json").read_text(encoding="utf-8"))
    with serving(tmp_path_factory.mktemp("api"), *objects) as api:
        yield api


def run(api: ApiInMemory, collections: str, module: str, *checks: bool) -> list[Outcome]:
    """Run one module as its role does, with the mesh's description and the card of its peer: in check mode or not, by
    turns.
    """
    mesh = yaml.safe_load((FORMER / "mesh.yml").read_text(encoding="utf-8"))
    named = {**api.access, "mesh": mesh["mesh"], "namespace": mesh["namespace"]}
    federated = {**named, **{key: mesh[key] for key in ("peers", "exports", "imports")}}
    card = json.loads((FORMER / "west-for-east.json").read_text(encoding="utf-8"))
    options: dict[str, dict[str, Any]] = {
        "mesh_tenants": {
            **api.access,
            "tenants": [{key: mesh[key] for key in ("mesh", "namespace", "members", "admins")}],
        },
        "control_plane": {**named, **{key: mesh[key] for key in ("version", "trust_domain", "spec", "members")}},
        "member_roll": {**named, "members": mesh["members"]},
        "federation_gateways": federated,
        "federation": {**federated, "cards": [card]},
        "mesh_card": federated,
        "federation_info": {**named, "peers": mesh["peers"]},
        "preflight_info": {**federated, "cards": [card]},
    }
    return call_each(collections, module, [{**options[module], "_ansible_check_mode": check} for check in checks])


@pytest.mark.parametrize("module", CHANGES)
def test_a_module_changes_of_a_former_estate_what_the_changelog_says(
    estate: ApiInMemory, collections: str, module: str
) -> None:
    planned, done, again = run(estate, collections, module, True, False, False)
    assert planned.code is None and not planned.result.get("failed"), planned.printed
    changed = {(change["kind"], field) for change in planned.result["changes"] for field in change["fields"]}
    assert {change["action"] for change in planned.result["changes"]} <= {"update"}, planned.result["changes"]
    assert changed == set(CHANGES[module]), "it is in CHANGES and in the changelog, or it must not be"
    assert (done.code, done.result["changes"]) == (None, planned.result["changes"]), done.printed
    assert {verb for verb, _kind, _name in estate.writes} <= {"apply"}
    assert (again.code, again.result["changed"]) == (None, False), again.printed


def test_each_change_stands_in_the_changelog_or_in_a_fragment_of_the_next() -> None:
    told = {fragment for changes in CHANGES.values() for fragment in changes.values()}
    changelogs = FORMER.parents[2] / "changelogs"
    releases = yaml.safe_load((changelogs / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    known = {name for release in releases.values() for name in release["fragments"]}
    assert told <= known | {path.name for path in (changelogs / "fragments").glob("*.yml")}


@pytest.mark.parametrize("module", READING)
def test_what_only_reads_understands_a_former_estate(estate: ApiInMemory, collections: str, module: str) -> None:
    writes = len(estate.writes)
    seen = run(estate, collections, module, True)[0]
    assert seen.code is None and not seen.result.get("failed"), seen.printed
    assert len(estate.writes) == writes
    if module == "federation_info":
        row = seen.result["peers"][0]
        # Whether istiod's status still holds depends on the day; who the peer is does not.
        assert (row["peer"], row["mesh"]) == ("west", "west"), row
    if module == "preflight_info":
        assert not [found for found in seen.result["findings"] if found["severity"] == "error"], seen.result["findings"]


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_federation_within_a_federation_leaves_no_mixture_that_both_call_done(
    collections: str, tmp_path: Path, at: int
) -> None:
    """Another run, with other rules, does all of its work just before write number ``at`` of this one."""
    mesh = yaml.safe_load((FORMER / "mesh.yml").read_text(encoding="utf-8"))
    card = json.loads((FORMER / "west-for-east.json").read_text(encoding="utf-8"))
    common = {**{key: mesh[key] for key in ("mesh", "namespace", "peers")}, "cards": [card]}

    def wanting(api: ApiInMemory, name: str) -> dict[str, Any]:
        exports = [{"name": "cart", "namespace": "shop", "alias": {"name": name, "namespace": "x"}}]
        rules = {"exports": exports, "imports": [{"name": name, "namespace": "shop"}], "withdraw": ["west"]}
        return {**api.access, **common, **rules}

    objects = json.loads((FORMER / "objects.json").read_text(encoding="utf-8"))
    with serving(tmp_path / "api", *objects) as api, serving(tmp_path / "door") as door:
        door.store, ended, seen = api.store, [], [0]

        def other_first(asked: Any) -> None:
            seen[0] += asked.method == "PATCH"
            if asked.method == "PATCH" and seen[0] == at and not ended:
                # By another path, so that it is run by another process than the one that waits.
                ended.extend(call_each(f"{collections}/", "federation", [wanting(door, "two")]))

        api.hostile = other_first
        first = call_each(collections, "federation", [wanting(api, "one")])[0]
        api.hostile = None
        offered, taken = (
            json.dumps(api.store.get(SimpleNamespace(name=kind), "east-mesh-system", "west")["spec"])
            for kind in ("ExportedServiceSet", "ImportedServiceSet")
        )
        assert ended and ended[0].code is None, ended
        assert first.code == "FED515" or ('"one"' in offered and '"one"' in taken), (first.printed, offered, taken)
        again = call_each(collections, "federation", [wanting(api, "one")] * 2)
        assert [one.code for one in again] == [None, None] and again[1].result["changed"] is False
