# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A tenant writes ownerReferences that lead nowhere, so that whatever looks for the owner of a pod never ends (H7)."""

from __future__ import annotations

from typing import Any

import pytest
from attacks.api import ApiInMemory
from attacks.attack import attack, call

SPACE = "shop"


def live(kind: str, name: str, **metadata: Any) -> dict:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"namespace": SPACE, "name": name, "uid": f"{kind}-{name}", **metadata},
    }


def owned_by(kind: str, name: str, **more: Any) -> list[dict]:
    return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "1", "controller": True, **more}]


def pod(name: str, references: Any) -> dict:
    marks = {"labels": {"maistra-version": "2.1.6"}, "annotations": {"sidecar.istio.io/status": "{}"}}
    return {**live("Pod", name, ownerReferences=references, **marks), "spec": {"containers": [{"name": "istio-proxy"}]}}


def ring(*names: str, kind: str = "ReplicaSet") -> list[dict]:
    """Sets each of which is owned by the next, and the last by the first."""
    return [
        live(kind, name, ownerReferences=owned_by(kind, names[(at + 1) % len(names)])) for at, name in enumerate(names)
    ]


def chain(length: int) -> list[dict]:
    return [live("ReplicaSet", f"r{at}", ownerReferences=owned_by("ReplicaSet", f"r{at + 1}")) for at in range(length)]


ENDLESS = [
    attack("tenant", "a ReplicaSet that owns itself", ring("a"), owned_by("ReplicaSet", "a"), "ReplicaSet shop/a"),
    attack("tenant", "two that own each other", ring("a", "b"), owned_by("ReplicaSet", "a"), "ReplicaSet shop/a"),
    attack("tenant", "a ring of three", ring("a", "b", "c"), owned_by("ReplicaSet", "b"), "ReplicaSet shop/b"),
    attack(
        "tenant",
        "a ring that starts after a while",
        [*chain(2), *ring("r2")],
        owned_by("ReplicaSet", "r0"),
        "ReplicaSet shop/r0",
    ),
    attack(
        "tenant",
        "a ring of controllers",
        ring("a", "b", kind="ReplicationController"),
        owned_by("ReplicationController", "a"),
        "ReplicationController shop/a",
    ),
    attack("tenant", "a chain of 3,000", chain(3000), owned_by("ReplicaSet", "r0"), "ReplicaSet shop/r0"),
]
ODD = [
    attack("tenant", "an owner that is not there", owned_by("ReplicaSet", "gone"), "ReplicaSet shop/gone"),
    attack("tenant", "the pod itself as its owner", owned_by("Pod", "p"), "Pod shop/p"),
    attack("tenant", "an owner without a kind", [{"name": "a", "controller": True}], "None shop/a"),
    attack("tenant", "two controllers", owned_by("Job", "a") + owned_by("Job", "b"), "Job shop/a"),
]


@pytest.fixture
def upgraded(api: ApiInMemory) -> ApiInMemory:
    """The mesh east on 2.3, ready, with the member shop."""
    control_plane = api.store.get(_kind("ServiceMeshControlPlane"), "east-mesh-system", "basic")
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {"chartVersion": "2.3.5", "observedGeneration": 1, "conditions": [ready, {**ready, "type": "Reconciled"}]}
    api.store.put({**control_plane, "status": status})
    roll = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": {"namespace": "east-mesh-system", "name": "default"},
    }
    api.store.put({**roll, "status": {"configuredMembers": [SPACE]}})
    return api


def _kind(name: str) -> Any:
    return type("Kind", (), {"name": name})


@pytest.mark.parametrize("state", ["surveyed", "restarted"])
@pytest.mark.parametrize(("sets", "references", "owner"), ENDLESS)
def test_owners_that_lead_nowhere_are_told_and_everything_else_goes_on(
    upgraded: ApiInMemory, collections: str, sets: list[dict], references: list[dict], owner: str, state: str
) -> None:
    honest = live("Deployment", "honest", generation=1, resourceVersion="1") | {
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 1},
    }
    honest["status"] |= {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    objects = [
        *sets,
        pod("p", references),
        honest,
        live("ReplicaSet", "h", ownerReferences=owned_by("Deployment", "honest")),
    ]
    for manifest in [*objects, pod("good", owned_by("ReplicaSet", "h"))]:
        upgraded.store.put(manifest)
    outcome = call(
        collections, "data_plane", {**upgraded.access, "mesh": "east", "state": state}, check=True, seconds=20
    )
    assert outcome.code is None, outcome.printed
    assert [(row["owner"], row.get("code")) for row in outcome.result["left_alone"]] == [(owner, "FED512")]
    assert any("FED512" in line and line.startswith(owner) for line in outcome.result["lines"])
    assert outcome.result["restarted"] == (["Deployment shop/honest"] if state == "restarted" else [])


@pytest.mark.parametrize(("references", "owner"), ODD)
def test_odd_owners_end_the_way_up(upgraded: ApiInMemory, collections: str, references: list[dict], owner: str) -> None:
    upgraded.store.put(pod("p", references))
    outcome = call(collections, "data_plane", {**upgraded.access, "mesh": "east"}, seconds=20)
    assert outcome.code is None, outcome.printed
    assert [row["owner"] for row in outcome.result["left_alone"]] == [owner]


def test_sidecars_below_a_ring_still_count_before_a_control_plane_goes(upgraded: ApiInMemory, collections: str) -> None:
    for manifest in [*ring("a"), pod("p", owned_by("ReplicaSet", "a"))]:
        upgraded.store.put(manifest)
    outcome = call(
        collections, "data_plane", {**upgraded.access, "mesh": "east", "must_be_empty": True}, check=True, seconds=20
    )
    assert outcome.code == "FED434", outcome.printed
