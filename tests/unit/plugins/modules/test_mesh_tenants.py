# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``mesh_tenants`` against a cluster in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.install.tenants import (
    CONTROL_PLANE_RULES,
    MEMBER_RULES,
    NAME,
    Tenant,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import (
    CLUSTER_ROLE_BINDING,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
)
from ansible_collections.ossm.federation.plugins.modules import mesh_operator, mesh_tenants
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SHIPPED = Path(__file__).parents[4] / "playbooks" / "files" / "mesh-administrator.yml"
EAST = {
    "mesh": "east",
    "members": ["shop"],
    "admins": {"users": ["anna"], "groups": ["mesh"], "service_accounts": ["pipeline", "ci/robot"]},
}
LAB = {"mesh": "lab", "members": ["lab-one"], "admins": {"users": ["bert"]}}


def asked(tenants, check_mode, state):
    return RunInMemory(check_mode=check_mode, is_quiet=True, tenants=tenants, state=state, force=False)


def run(cluster, *tenants, check_mode=False, state="present"):
    return mesh_tenants.run(asked(list(tenants), check_mode, state), cluster, NOW)


def refusal(cluster, *tenants):
    with pytest.raises(FederationError) as refused:
        run(cluster, *tenants)
    assert not cluster.writes, "nothing is written before everything has been looked at"
    return refused.value


@pytest.fixture
def cluster():
    return ClusterInMemory(
        NOW, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "web"}}}
    )


def namespaces(cluster):
    return sorted(live["metadata"]["name"] for live in cluster.list(NAMESPACE, ""))


def test_a_mesh_gets_namespaces_roles_and_bindings_and_a_second_run_changes_nothing(cluster):
    assert run(cluster, EAST)["changed"]
    assert namespaces(cluster) == ["east-mesh-system", "shop"]
    assert cluster.get(ROLE, "shop", NAME)["rules"] == list(MEMBER_RULES)
    assert cluster.get(ROLE, "east-mesh-system", NAME)["rules"] == list(CONTROL_PLANE_RULES)
    bound = [
        (subject["kind"], subject.get("namespace"), subject["name"])
        for subject in cluster.get(ROLE_BINDING, "shop", NAME)["subjects"]
    ]
    assert bound == [
        ("User", None, "anna"),
        ("Group", None, "mesh"),
        ("ServiceAccount", "east-mesh-system", "pipeline"),
        ("ServiceAccount", "ci", "robot"),
    ]
    assert cluster.get(SERVICE_ACCOUNT, "east-mesh-system", "pipeline")
    assert not run(cluster, EAST)["changed"]


def test_a_namespace_that_exists_is_used_as_it_is(cluster):
    run(cluster, EAST)
    assert cluster.get(NAMESPACE, "", "shop")["metadata"]["labels"] == {"team": "web"}


def test_check_mode_shows_the_same_changes_and_writes_nothing(cluster):
    planned = run(cluster, EAST, check_mode=True)
    assert planned["changed"] and not cluster.writes
    assert run(cluster, EAST)["changes"] == planned["changes"]


def test_nobody_gets_a_right_on_secrets_or_by_a_star():
    rules = [*CONTROL_PLANE_RULES, *MEMBER_RULES]
    assert not [rule for rule in rules if {"secrets", "*"} & {*rule["resources"], *rule["verbs"], *rule["apiGroups"]}]


def test_the_roles_that_are_shipped_as_a_file_are_the_same():
    items = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["items"]
    assert [item["rules"] for item in items if item["kind"] == "Role"] == [
        list(CONTROL_PLANE_RULES),
        list(MEMBER_RULES),
    ]


def test_who_is_no_longer_named_loses_the_right_and_a_former_member_its_role(cluster):
    run(cluster, EAST)
    run(cluster, {**EAST, "members": [], "admins": {"groups": ["mesh"]}})
    assert cluster.get(ROLE, "shop", NAME) is None and cluster.get(ROLE_BINDING, "shop", NAME) is None
    assert [subject["name"] for subject in cluster.get(ROLE_BINDING, "east-mesh-system", NAME)["subjects"]] == ["mesh"]
    assert cluster.get(SERVICE_ACCOUNT, "east-mesh-system", "pipeline") is None


def test_absent_takes_the_rights_of_one_mesh_and_leaves_namespaces_and_others_alone(cluster):
    run(cluster, EAST, LAB)
    run(cluster, EAST, state="absent")
    assert namespaces(cluster) == ["east-mesh-system", "lab-mesh-system", "lab-one", "shop"]
    assert [live["metadata"]["namespace"] for live in cluster.list(ROLE_BINDING, "")] == ["lab-mesh-system", "lab-one"]
    assert [live["metadata"]["name"] for live in cluster.list(CLUSTER_ROLE_BINDING, "")] == [
        "ossm-federation-facts-lab"
    ]
    assert not run(cluster, EAST, state="absent")["changed"]


def test_a_namespace_of_two_meshes_is_refused(cluster):
    error = refusal(cluster, EAST, {**LAB, "members": ["shop"]})
    assert error.code == "FED451" and "shop" in str(error) and "east" in str(error) and "lab" in str(error)


@pytest.mark.parametrize("member", ["openshift-monitoring", "kube-system", "east-mesh-system", "Shop"])
def test_a_namespace_that_no_mesh_takes_is_refused(cluster, member):
    assert refusal(cluster, {**EAST, "members": [member]}).code == "FED426"


def test_a_namespace_that_another_mesh_holds_is_refused(cluster):
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "desk", "labels": {"maistra.io/member-of": "lab-mesh-system"}},
        }
    )
    error = refusal(cluster, {**EAST, "members": ["desk"]})
    assert error.code == "FED426" and "lab-mesh-system" in str(error)


def test_a_namespace_that_is_going_away_is_refused(cluster):
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "desk", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        }
    )
    assert refusal(cluster, {**EAST, "members": ["desk"]}).code == "FED452"


@pytest.mark.parametrize(
    ("admins", "says"),
    [
        ({}, "names no account"),
        ({"user": ["anna"]}, "has user"),
        ({"users": "anna"}, "not a list of names"),
        ({"service_accounts": ["a/b/c"]}, "a/b/c"),
    ],
)
def test_administrators_that_cannot_be_read_are_refused(cluster, admins, says):
    error = refusal(cluster, {**EAST, "admins": admins})
    assert error.code == "FED450" and says in str(error)


def test_tenants_stand_for_the_operators_module_once_there_is_nothing_left_to_do_for_them(cluster):
    east, lab = Tenant.described(EAST), Tenant.described(LAB)
    assert mesh_operator.standing_tenants(cluster, [east]) == []
    run(cluster, EAST)
    assert mesh_operator.standing_tenants(cluster, [east]) == ["east-mesh-system", "shop"]
    writes = len(cluster.writes)
    assert mesh_operator.standing_tenants(cluster, [east, lab]) == [], "lab is to be made"
    assert mesh_operator.standing_tenants(cluster, []) == []
    cluster.put(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"maistra.io/member-of": "x"}}}
    )
    assert mesh_operator.standing_tenants(cluster, [east]) == [], "it is for mesh_tenants to refuse"
    assert len(cluster.writes) == writes, "it only looks"
