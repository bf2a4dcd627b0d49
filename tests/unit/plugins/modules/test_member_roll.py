# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``member_roll`` against a cluster in memory."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.members import BATCH
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import MEMBER_ROLL
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, MESH
from ansible_collections.ossm.federation.plugins.modules import member_roll
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"
PLANE = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
    "spec": {"version": "v2.5"},
}


def asked(check_mode, params):
    return RunInMemory(MESH, FORCE, member_roll.OPTIONS, check_mode=check_mode, **{"mesh": "east", **params})


def run(cluster, check_mode=False, **params):
    return member_roll.run(asked(check_mode, params), cluster, NOW)


def members(cluster):
    return (cluster.get(MEMBER_ROLL, SPACE, "default") or {}).get("spec", {}).get("members")


@pytest.fixture
def cluster():
    return ClusterInMemory(NOW, PLANE)


def test_members_are_kept_and_a_second_run_changes_nothing(cluster):
    assert run(cluster, members=["shop", "desk"])["changed"]
    assert members(cluster) == ["shop", "desk"]
    again = run(cluster, members=["shop", "desk"])
    assert (again["changed"], again["diff"]) == (False, [])


def test_check_mode_asks_for_a_dry_run_and_writes_nothing(cluster):
    planned = run(cluster, check_mode=True, members=["shop"])
    assert (planned["changed"], cluster.writes, cluster.dry_runs) == (True, [], [("ServiceMeshMemberRoll", "default")])


def test_a_namespace_of_another_mesh_is_refused_before_anything_is_sent(cluster):
    labels = {"maistra.io/member-of": "west-mesh-system"}
    cluster.put(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "namespace": "", "labels": labels}}
    )
    with pytest.raises(FederationError) as refused:
        run(cluster, members=["shop"])
    assert (refused.value.code, cluster.writes) == ("FED426", [])


def test_many_namespaces_are_added_some_at_a_time(cluster):
    wanted = [f"app-{number}" for number in range(BATCH + 1)]
    run(cluster, members=wanted)
    assert len(cluster.writes) == 2 and members(cluster) == wanted


def test_a_wait_that_ends_names_what_is_pending(cluster):
    with pytest.raises(FederationError) as refused:
        run(cluster, members=["shop"], wait=True, wait_timeout=1)
    assert refused.value.code == "FED610"


def test_a_roll_that_was_made_by_hand_is_not_removed_and_ours_is(cluster):
    cluster.put(
        {
            "apiVersion": "maistra.io/v1",
            "kind": "ServiceMeshMemberRoll",
            "metadata": {"name": "default", "namespace": SPACE},
            "spec": {},
        }
    )
    with pytest.raises(FederationError) as refused:
        run(cluster, state="absent")
    assert refused.value.code == "FED501"
    run(cluster, members=["shop"])
    assert run(cluster, state="absent")["changed"] and members(cluster) is None


def joined(cluster):
    """Namespace shop as a member, and a roll that its operator holds until it has let shop go."""
    run(cluster, members=["shop"])
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "shop", "labels": {"maistra.io/member-of": SPACE}},
        }
    )


def test_a_roll_that_is_removed_is_waited_for_until_its_namespaces_have_left(cluster):
    joined(cluster)
    left = run(cluster, state="absent")
    assert (left["changed"], left["waiting_for"]) == (True, ["shop is leaving"])
    again = run(cluster, state="absent", members=["shop", "*"])
    assert (again["changed"], again["waiting_for"]) == (
        False,
        ["shop is leaving"],
    ), "the roll has gone, and its description tells who was in it"
    with pytest.raises(FederationError, match="FED610.*is not gone.*shop is leaving"):
        run(cluster, state="absent", members=["shop"], wait=True, wait_timeout=1)
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {}}})
    assert run(cluster, state="absent", members=["shop"], wait=True)["waiting_for"] == []


def test_a_roll_that_is_being_removed_is_not_removed_again(cluster):
    joined(cluster)
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "shop", "labels": {"maistra.io/member-of": "west-mesh-system"}},
        }
    )
    live = cluster.get(MEMBER_ROLL, SPACE, "default")
    cluster.put({**live, "metadata": {**live["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}})
    going = run(cluster, state="absent")
    assert (going["changed"], going["waiting_for"]) == (False, ["the operator is still removing the roll"])


def test_where_its_kind_has_gone_there_is_no_roll_left(cluster):
    seen = cluster.get

    def get(kind, namespace, name):
        if kind.api_version.startswith("maistra.io"):
            raise FederationError("FED108", where="east", what="is not served", fix="")
        return seen(kind, namespace, name)

    cluster.get = get
    gone = run(cluster, state="absent", members=["shop"], wait=True)
    assert (gone["changed"], gone["waiting_for"]) == (False, [])


def test_a_roll_that_the_operator_made_goes_with_its_last_member(cluster):
    metadata = {
        "name": "default",
        "namespace": SPACE,
        "annotations": {"maistra.io/created-by": "servicemeshmember-controller"},
    }
    cluster.put(
        {
            "apiVersion": "maistra.io/v1",
            "kind": "ServiceMeshMemberRoll",
            "metadata": metadata,
            "spec": {"members": ["shop"]},
        }
    )
    with pytest.raises(FederationError, match="Delete the ServiceMeshMember in shop") as refused:
        run(cluster, state="absent")
    assert (refused.value.code, cluster.writes) == ("FED427", [])


def seen(cluster, configured, **status):
    """What the operator says of the roll once it has seen it."""
    ready = {"type": "Ready", "status": "True", "reason": "Configured"}
    done = {
        "observedGeneration": None,
        "configuredMembers": configured,
        "members": configured,
        "conditions": [ready],
        **status,
    }
    cluster.set_status("ServiceMeshMemberRoll", SPACE, "default", done)


def missing(name, since):
    why = {
        "type": "Reconciled",
        "status": "False",
        "reason": "NamespaceNotExists",
        "message": f"Namespace {name} does not exist",
    }
    return {
        "memberStatuses": [{"namespace": name, "conditions": [{**why, "lastTransitionTime": since}]}],
        "pendingMembers": [name],
    }


def test_who_joined_by_himself_is_told_and_left_alone(cluster):
    run(cluster, members=["shop"])
    seen(cluster, ["desk", "shop"])
    again = run(cluster, members=["shop"], wait=True)
    assert (again["changed"], again["members"], again["joined"]) == (False, ["desk", "shop"], ["desk"])
    cluster.writes.clear()
    for force in (False, True):
        with pytest.raises(FederationError, match="FED427.*joined by themselves, desk"):
            run(cluster, state="absent", force=force)
    assert cluster.writes == []


def test_a_namespace_that_does_not_exist_is_told_at_once_when_it_has_been_missing(cluster):
    run(cluster, members=["shop", "later"])
    seen(cluster, ["shop"], **missing("later", "2020-01-01T00:00:00Z"))
    module = asked(False, {"members": ["shop", "later"], "wait": True})
    told = member_roll.run(module, cluster, NOW)
    assert (told["waiting_for"], told["pending"]) == ([], ["later"])
    assert module.warnings[0].startswith(f"FED610 ServiceMeshMemberRoll {SPACE}/default: later does not exist")
    with pytest.raises(FederationError, match="FED610.*later is pending"):
        run(cluster, members=["shop", "later"], wait=True, wait_timeout=1)


def test_what_the_operator_keeps_on_the_roll_is_not_taken_by_force_either(cluster):
    run(cluster, members=["shop"])
    live = cluster.get(MEMBER_ROLL, SPACE, "default")
    held = {"manager": "istio-operator", "operation": "Update", "fieldsV1": {"f:spec": {"f:members": {}}}}
    cluster.put(
        {**live, "spec": {"members": ["shop", "desk"]}, "metadata": {**live["metadata"], "managedFields": [held]}}
    )
    cluster.writes.clear()
    for force in (False, True):
        with pytest.raises(FederationError, match="FED107.*desk joined by itself") as refused:
            run(cluster, members=["shop"], force=force)
        assert "force" not in refused.value.fix
    assert cluster.writes == []


def test_many_that_are_missing_are_counted_and_all_of_them_are_in_the_result(cluster):
    names = [f"app-{number}" for number in range(40)]
    run(cluster, members=names)
    seen(cluster, [], pendingMembers=names)
    with pytest.raises(FederationError, match="app-9 is pending and 30 more") as refused:
        run(cluster, members=names, wait=True, wait_timeout=1)
    assert len(refused.value.facts["waiting_for"]) == 40


def test_a_roll_that_another_manager_keeps_is_taken_by_force_alone(cluster):
    run(cluster, members=["shop"])
    theirs = {**cluster.get(MEMBER_ROLL, SPACE, "default"), "spec": {"members": ["desk"]}}
    theirs["metadata"] = {"name": "default", "namespace": SPACE}
    cluster.apply(MEMBER_ROLL, theirs, "gitops", force=True)
    with pytest.raises(FederationError) as refused:
        run(cluster, members=["shop"])
    assert (refused.value.code, members(cluster)) == ("FED107", ["desk"])
    assert run(cluster, members=["shop"], force=True)["changed"]
    assert members(cluster) == ["shop"]
