# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a mesh may have in a cluster: its names, its rules, and its rules without restarts."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.install.tenants import (
    CONTROL_PLANE_RULES,
    MEMBER_RULES,
    RESTART_RIGHTS,
    Tenant,
    is_for_restarts,
    plan_tenant,
    without_restarts,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

LAB = {"mesh": "lab", "members": ["lab-one"], "admins": {"users": ["anna"]}}


def rights(rules):
    return {
        (group, name, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for name in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("space", ["istio-system", "lab", "openshifts", "kubernetes", "defaults", "l" * 63, "5"])
def test_a_namespace_that_only_sounds_like_the_platforms_is_taken(space):
    assert Tenant.described({**LAB, "namespace": space}).namespace == space


@pytest.mark.parametrize(
    "space",
    [
        "kube",
        "kube-public",
        "openshift",
        "openshift-operators",
        "ibm",
        "ibm-system",
        "default",
        "..",
        "a/b",
        "Lab",
        "-a",
        "l" * 64,
        "lab\n",
    ],
)
@pytest.mark.parametrize("where", ["namespace", "members"])
def test_a_namespace_of_the_platform_or_of_nobody_is_refused_wherever_it_is_named(where, space):
    with pytest.raises(FederationError, match="FED426"):
        Tenant.described({**LAB, where: space if where == "namespace" else [space]})


def test_what_goes_is_asked_for_nothing_but_names():
    wrong = {
        "mesh": "lab",
        "namespace": "kube-system",
        "members": ["default", "*", ".."],
        "admins": {"groups": ["system:masters"]},
    }
    assert Tenant.described(wrong, is_going=True).namespaces == ("kube-system", "default")
    with pytest.raises(FederationError, match="FED426"):
        Tenant.described({**wrong, "namespace": "../x"}, is_going=True)


def test_restarts_are_all_that_is_left_out():
    for rules in (CONTROL_PLANE_RULES, MEMBER_RULES):
        gone = rights(rules) - rights(without_restarts(rules))
        assert gone == {
            (group, name, verb) for group, name, verb in rights(rules) if verb in RESTART_RIGHTS.get((group, name), ())
        }
        assert rights(without_restarts(rules)) <= rights(rules) and gone


def test_without_restarts_nothing_can_change_what_a_pod_runs():
    pods = {
        "pods",
        "deployments",
        "statefulsets",
        "daemonsets",
        "replicasets",
        "jobs",
        "deploymentconfigs",
        "replicationcontrollers",
        "deploymentconfigs/instantiate",
    }
    changing = {"create", "update", "patch", "delete"}
    left = rights(without_restarts([*CONTROL_PLANE_RULES, *MEMBER_RULES]))
    assert not [right for right in left if right[1] in pods and right[2] in changing]
    assert not [right for right in left if right[0] == "serving.knative.dev" and right[2] in changing]


def test_a_refused_request_is_known_as_one_for_a_restart():
    assert is_for_restarts("patch", "deployments.apps") and is_for_restarts("delete", "pods")
    assert is_for_restarts("create", "deploymentconfigs.apps.openshift.io/instantiate")
    assert not is_for_restarts("get", "deployments.apps") and not is_for_restarts(
        "patch", "servicemeshpeers.federation.maistra.io"
    )


def test_every_right_names_mesh_and_control_plane_and_a_namespace_only_the_mesh():
    labels = {one["kind"]: one["metadata"]["labels"] for one in plan_tenant(Tenant.described(LAB))}
    both = {"ossm.federation/mesh": "lab", "ossm.federation/control-plane": "lab-mesh-system"}
    assert labels == {
        "Namespace": {"ossm.federation/mesh": "lab"},
        **dict.fromkeys(("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"), both),
    }
