# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``mesh_member`` against a cluster in memory."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import MEMBER
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, MESH
from ansible_collections.ossm.federation.plugins.modules import mesh_member
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"
CREATED_BY = "maistra.io/created-by"


def asked(check_mode, params):
    given = {"mesh": "east", "member": "shop", **params}
    return RunInMemory(MESH, FORCE, mesh_member.OPTIONS, check_mode=check_mode, is_quiet=True, **given)


def run(cluster, check_mode=False, **params):
    return mesh_member.run(asked(check_mode, params), cluster, NOW)


def refusal(cluster, **params):
    writes = list(cluster.writes)
    with pytest.raises(FederationError) as refused:
        run(cluster, **params)
    assert cluster.writes == writes
    return refused.value


def plane(version):
    metadata = {"name": "basic", "namespace": SPACE, "generation": 1}
    return {
        "apiVersion": "maistra.io/v2",
        "kind": "ServiceMeshControlPlane",
        "metadata": metadata,
        "spec": {"version": version},
    }


def roll(*members, **annotations):
    metadata = {"name": "default", "namespace": SPACE, "annotations": annotations}
    return {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": metadata,
        "spec": {"members": list(members)},
    }


def member(namespace=SPACE, **annotations):
    metadata = {"name": "default", "namespace": "shop", "annotations": annotations}
    reference = {"controlPlaneRef": {"name": "basic", "namespace": namespace}}
    return {"apiVersion": "maistra.io/v1", "kind": "ServiceMeshMember", "metadata": metadata, "spec": reference}


def test_a_namespace_joins_and_a_second_run_changes_nothing():
    cluster = ClusterInMemory(NOW)
    assert run(cluster)["changed"] and not run(cluster)["changed"]
    assert cluster.get(MEMBER, "shop", "default")["spec"] == {"controlPlaneRef": {"name": "basic", "namespace": SPACE}}


def test_check_mode_writes_nothing():
    cluster = ClusterInMemory(NOW)
    assert run(cluster, check_mode=True)["changed"] and not cluster.writes


def test_what_the_operator_says_is_waited_for_and_told_at_the_deadline():
    cluster = ClusterInMemory(NOW)
    run(cluster)
    reason = {"type": "Ready", "status": "False", "reason": "ErrorControlPlaneMissing", "message": "there is none"}
    cluster.set_status("ServiceMeshMember", "shop", "default", {"conditions": [reason]})
    assert run(cluster)["waiting_for"] == ["ErrorControlPlaneMissing: there is none"]
    error = refusal(cluster, wait=True, wait_timeout=0)
    assert error.code == "FED609" and "there is none" in str(error)
    cluster.set_status("ServiceMeshMember", "shop", "default", {"conditions": [{"type": "Ready", "status": "True"}]})
    assert run(cluster, wait=True)["waiting_for"] == []


def test_a_member_that_the_operator_made_is_left_to_the_roll():
    cluster = ClusterInMemory(NOW, member(**{CREATED_BY: "servicemeshmemberroll-controller"}))
    assert refusal(cluster).code == refusal(cluster, state="absent").code == "FED427"


def test_a_member_of_another_mesh_never_moves():
    error = refusal(ClusterInMemory(NOW, member("west-mesh-system")))
    assert error.code == "FED426" and "west-mesh-system/basic" in str(error)


@pytest.mark.parametrize("name", ["openshift-ingress", SPACE, "kube-system"])
def test_a_namespace_that_no_mesh_takes_is_refused(name):
    assert refusal(ClusterInMemory(NOW), member=name).code == "FED426"


def test_a_member_goes_when_its_roll_is_somebodys_own():
    cluster = ClusterInMemory(NOW, plane("v2.3"), roll("shop", "desk"))
    run(cluster)
    assert run(cluster, state="absent")["changed"] and not run(cluster, state="absent")["changed"]


@pytest.mark.parametrize(
    ("version", "others", "is_refused"), [("v2.2", ["desk"], True), ("v2.4", ["desk"], False), ("v2.3", [], False)]
)
def test_a_member_that_would_take_the_whole_roll_along_is_refused(version, others, is_refused):
    cluster = ClusterInMemory(
        NOW, plane(version), roll("shop", *others, **{CREATED_BY: "servicemeshmember-controller"})
    )
    run(cluster)
    if is_refused:
        error = refusal(cluster, state="absent")
        assert error.code == "FED428" and "desk" in str(error)
    else:
        assert run(cluster, state="absent")["changed"]
