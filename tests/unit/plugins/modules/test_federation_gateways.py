# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``federation_gateways`` against a cluster in memory: each peer's gateways have a field manager of their
own.
"""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import CONTROL_PLANE, DISRUPTION_BUDGET
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE
from ansible_collections.ossm.federation.plugins.modules import federation_gateways
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"
KEPT = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
    "spec": {
        "version": "v2.3",
        "profiles": ["default"],
        "security": {"trust": {"domain": "east.local"}},
        "gateways": {"additionalIngress": {"shop-ingress": {"enabled": True}}},
    },
}
PEER = {
    "apiVersion": "federation.maistra.io/v1",
    "kind": "ServiceMeshPeer",
    "metadata": {"name": "west", "namespace": SPACE},
}


def asked(check_mode, params):
    options = (DESCRIBED, FORCE, federation_gateways.OPTIONS)
    given = {"mesh": "east", "peers": ["west"], **params}
    return RunInMemory(*options, check_mode=check_mode, is_quiet=True, **given)


def run(cluster, check_mode=False, **params):
    return federation_gateways.run(asked(check_mode, params), cluster, NOW)


def ingresses(cluster):
    spec = cluster.get(CONTROL_PLANE, SPACE, "basic")["spec"]
    return sorted(spec["gateways"].get("additionalIngress") or {})


@pytest.fixture
def cluster():
    return ClusterInMemory(NOW, KEPT)


def test_a_peer_s_gateways_come_beside_what_others_keep(cluster):
    assert run(cluster)["changed"]
    assert ingresses(cluster) == ["shop-ingress", "west-ingress"]
    assert cluster.writes == [("apply", "ServiceMeshControlPlane", "basic")]


def test_a_second_run_changes_nothing_although_the_operator_has_added_to_it(cluster):
    run(cluster)
    live = cluster.get(CONTROL_PLANE, SPACE, "basic")
    for port in live["spec"]["gateways"]["additionalIngress"]["west-ingress"]["service"]["ports"]:
        port["targetPort"] = 0
    cluster.put(live)
    again = run(cluster)
    assert (again["changed"], again["diff"]) == (False, [])


def test_check_mode_says_the_same_and_writes_nothing(cluster):
    planned = run(cluster, check_mode=True)
    assert cluster.writes == []
    assert planned["changes"] == run(cluster)["changes"]


def test_an_address_that_is_not_there_yet_is_pending(cluster):
    (row,) = run(cluster)["gateways"]
    assert (row["addresses"], row["pending"]) == (None, "Service east-mesh-system/west-ingress does not exist yet")


def test_a_second_peer_leaves_the_first_one_s_gateways(cluster):
    run(cluster)
    result = run(cluster, peers=["north"])
    assert ingresses(cluster) == ["north-ingress", "shop-ingress", "west-ingress"]
    assert result["leftovers"] == ["west"]


def test_absent_takes_away_our_keys_and_no_others(cluster):
    run(cluster, peers=["west", "north"])
    assert run(cluster, state="absent")["changed"]
    assert ingresses(cluster) == ["north-ingress", "shop-ingress"]
    assert not run(cluster, state="absent")["changed"]


def test_gateways_that_a_peer_still_uses_stay(cluster):
    run(cluster)
    cluster.put(PEER)
    cluster.writes.clear()
    with pytest.raises(FederationError, match="FED502"):
        run(cluster, state="absent")
    assert cluster.writes == []


def test_gateways_that_others_manage_are_verified_and_never_written(cluster):
    with pytest.raises(FederationError, match="FED406"):
        run(cluster, managed=False)
    assert cluster.writes == []
    run(cluster)
    cluster.writes.clear()
    assert not run(cluster, managed=False)["changed"]
    assert cluster.writes == []


BUDGET = {"disruption_budget": {"min_available": 1}, "replicas": 2}
THEIRS = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "west-egress", "namespace": SPACE},
    "spec": {},
}


def budgets(cluster):
    return {live["metadata"]["name"]: live["spec"] for live in cluster.list(DISRUPTION_BUDGET, SPACE)}


def test_a_disruption_budget_is_kept_for_both_gateways_and_goes_with_them(cluster):
    run(cluster, gateways=BUDGET)
    pods = {"matchLabels": {"maistra.io/gateway": f"west-egress.{SPACE}"}}
    assert budgets(cluster)["west-egress"] == {"minAvailable": 1, "selector": pods}
    assert set(budgets(cluster)) == {"west-ingress", "west-egress"}
    assert not run(cluster, gateways=BUDGET)["changed"]
    assert run(cluster, gateways={"replicas": 2})["changed"]
    assert budgets(cluster) == {}
    run(cluster, gateways=BUDGET)
    run(cluster, state="absent")
    assert budgets(cluster) == {}


def test_a_budget_of_somebody_else_is_not_doubled(cluster):
    cluster.put(THEIRS)
    with pytest.raises(FederationError, match="FED418"):
        run(cluster, gateways=BUDGET)
    assert cluster.writes == []
    run(cluster)
    assert set(budgets(cluster)) == {"west-egress"}


def test_budgets_are_not_asked_for_in_vain(cluster, monkeypatch):
    def forbidden(kind, namespace, selector=None, keep=None):
        if kind is DISRUPTION_BUDGET:
            raise FederationError("FED104", where="here", what="may not list", fix="ask")
        return ClusterInMemory.list(cluster, kind, namespace)

    monkeypatch.setattr(cluster, "list", forbidden)
    assert run(cluster)["changed"]
    with pytest.raises(FederationError, match="FED104"):
        run(cluster, gateways=BUDGET)
