# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nobody attacks: an administrator is tired, says the wrong thing, in the wrong order, twice, or what a page told them.

Whatever they do, it is refused before anything is written, or it does what was meant.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attacks.api import ApiInMemory, serving
from attacks.attack import attack, call
from attacks.conftest import CONTROL_PLANE
from integration.administrators import TREE, Administrator
from unit.pem import root

HOME = "east-mesh-system"
OURS = {"ossm.federation/mesh": "east"}


def thing(version: str, kind: str, name: str, *, labels: dict | None = None, **body: Any) -> dict:
    """Return an object of the mesh's own namespace."""
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": HOME, "labels": labels or {}},
        **body,
    }


def control_plane(version: str = "v2.3", **body: Any) -> dict:
    """Return the control plane of east as this collection made it, ready."""
    ready = [{"type": kind, "status": "True", "reason": "ComponentsReady"} for kind in ("Reconciled", "Ready")]
    status = {
        "conditions": ready,
        "observedGeneration": 1,
        "chartVersion": f"{version[1:]}.9",
        "operatorVersion": "2.3.11",
    }
    live = {**copy.deepcopy(CONTROL_PLANE), "status": status, **body}
    live["metadata"]["labels"] = dict(OURS)
    live["spec"]["version"] = version
    return live


PEER = thing(
    "federation.maistra.io/v1", "ServiceMeshPeer", "north", labels={**OURS, "ossm.federation/peer": "north"}, spec={}
)
BY_HAND = thing("federation.maistra.io/v1", "ServiceMeshPeer", "partner", spec={})
ROLL = thing(
    "maistra.io/v1",
    "ServiceMeshMemberRoll",
    "default",
    labels=OURS,
    spec={"members": []},
    status={"configuredMembers": []},
)


@pytest.fixture
def east(tmp_path: Path, collections: str) -> Iterator[Callable[..., Any]]:
    """A maker of administrators of east, whose cluster has ``objects``."""

    @contextmanager
    def make(*objects: dict, **variables: Any) -> Iterator[tuple[Administrator, ApiInMemory]]:
        with serving(tmp_path / "api", *objects) as api:
            yield Administrator(tmp_path, collections, {"east": {**api.variables, **variables}}), api

    yield make


def test_a_mesh_without_peers_is_taken_away(east: Callable[..., Any]) -> None:
    with east(control_plane(), ROLL, mesh_members=[]) as (owner, api):
        assert owner.play("uninstall").failed("east") == 0
        assert ("delete", "ServiceMeshControlPlane", "basic") in api.writes


@pytest.mark.parametrize(
    ("standing", "says"),
    [
        attack(
            "tired administrator",
            "has taken a peer off mesh_peers and forgotten to leave it",
            PEER,
            "unfederate_peers=north first",
        ),
        attack(
            "tired administrator",
            "does not know of a peer that a colleague made by hand",
            BY_HAND,
            "ServiceMeshPeer partner",
        ),
    ],
)
def test_a_mesh_is_not_taken_away_under_a_peering_that_nobody_named(
    east: Callable[..., Any], standing: dict, says: str
) -> None:
    with east(control_plane(), ROLL, standing) as (owner, api):
        refused = owner.play("uninstall", must_pass=False)
        assert "FED425" in refused.output and says in refused.output, refused.output
        assert api.writes == [], "nothing is taken away before it is refused"


def test_the_recipe_for_a_new_root_works_as_the_page_has_it(east: Callable[..., Any], tmp_path: Path) -> None:
    page = (TREE / "docs" / "changing.md").read_text(encoding="utf-8")
    recipe = re.search(r"""mesh_extra_roots: "(.+)"$""", page, re.MULTILINE)
    assert recipe, "the page has no recipe"
    bundle = thing("v1", "ConfigMap", "istio-ca-root-cert", data={"root-cert.pem": root("east")})
    (tmp_path / "next-root.pem").write_text(root("east's next"), encoding="utf-8")
    with east(control_plane(), bundle, mesh_peers=["west"], mesh_extra_roots=recipe[1]) as (owner, _api):
        shown = owner.play("publish_cards", "--check").output
        assert "root" in shown, shown


@pytest.mark.parametrize(
    ("there", "target", "code"),
    [
        attack("tired administrator", "upgrades a mesh of 2.0 to where it is", "v2.0", "v2.0", None),
        attack("tired administrator", "names a patch release", "v2.2", "v2.3.1", "FED430"),
        attack("tired administrator", "names nothing", "v2.2", "", "FED430"),
    ],
)
def test_a_version_to_upgrade_to_is_understood_or_refused(
    east: Callable[..., Any], collections: str, there: str, target: str, code: str | None
) -> None:
    with east(control_plane(there)) as (_owner, api):
        outcome = call(collections, "upgrade_plan_info", {**api.access, "mesh": "east", "to": target})
        assert outcome.code == code, outcome.printed
        assert code or outcome.result["steps"] == []


def test_a_sidecar_written_by_hand_is_not_told_to_be_restarted_again(
    east: Callable[..., Any], collections: str
) -> None:
    """What was restarted a moment ago and is as old as before: no second restart will help."""
    owner = {"kind": "Deployment", "name": "legacy", "controller": True}
    annotated = {"labels": {"maistra-version": "2.1.6"}, "annotations": {"sidecar.istio.io/status": "{}"}}
    metadata = {"namespace": HOME, "creationTimestamp": "2026-06-15T12:30:00Z"}
    proxy = {"containers": [{"name": "istio-proxy", "image": "registry.test/proxyv2:2.1.6"}]}
    pod = {
        "metadata": {**metadata, **annotated, "name": "legacy-1", "ownerReferences": [owner]},
        "spec": proxy,
        "status": {"phase": "Running"},
    }
    workload = {
        "metadata": {**metadata, "name": "legacy"},
        "spec": {"replicas": 1, "template": {"metadata": annotated, "spec": proxy}},
        "status": {},
    }
    ready = [
        {"type": kind, "status": "True", "reason": "ComponentsReady", "lastTransitionTime": "2026-06-15T12:00:00Z"}
        for kind in ("Reconciled", "Ready")
    ]
    plane = control_plane("v2.3")
    plane["status"]["conditions"] = ready
    objects = ({"apiVersion": "v1", "kind": "Pod", **pod}, {"apiVersion": "apps/v1", "kind": "Deployment", **workload})
    with east(plane, ROLL, *objects) as (_owner, api):
        restarted = call(collections, "data_plane", {**api.access, "mesh": "east", "state": "restarted"})
        assert "is not injected by this control plane" in restarted.result["left_alone"][0]["reason"], restarted.printed
        outcome = call(collections, "upgrade_plan_info", {**api.access, "mesh": "east", "to": "v2.4", "strict": True})
        assert outcome.code == "FED431", outcome.printed
        assert (
            "has the container istio-proxy itself" in outcome.result["msg"]
            and "estart these workloads first" not in outcome.result["msg"]
        )
        assert api.writes == []


def test_who_could_forget_to_hand_a_changed_card_over_is_told_what_changed(
    east: Callable[..., Any], tmp_path: Path
) -> None:
    bundle = thing("v1", "ConfigMap", "istio-ca-root-cert", data={"root-cert.pem": root("east")})
    labels = {"maistra.io/gateway": f"west-ingress.{HOME}"}
    reached = [{"loadBalancer": {"ingress": [{"ip": address}]}} for address in ("192.0.2.10", "192.0.2.11")]
    services = [thing("v1", "Service", "west-ingress", labels=labels, spec={}, status=status) for status in reached]
    with east(control_plane(), bundle, services[0], mesh_peers=["west"]) as (owner, _api):
        assert "hand over" not in owner.play("publish_cards").output
    with east(control_plane(), bundle, services[1], mesh_peers=["west"]) as (owner, _api):
        shown = owner.play("publish_cards").output
        assert "east-for-west.json: address 192.0.2.10 → 192.0.2.11 (until it connects again)" in shown, shown
