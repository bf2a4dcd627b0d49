# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever the order of peers, rules for them, and cards: the same objects stand at the end, byte for byte."""

from __future__ import annotations

import itertools
import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Ingress
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE
from ansible_collections.ossm.federation.plugins.modules import federation, federation_gateways
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"
PEERS = ("north", "south", "west")
ROOTS = {name: root(name) for name in PEERS}
KINDS = ("ServiceMeshControlPlane", "ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet", "ConfigMap")
CONTROL_PLANE = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
    "spec": {"version": "v2.3", "security": {"trust": {"domain": "east.local"}}},
}
EXPORTS = [{"name": "cart", "namespace": "shop"}, {"name": "stock", "namespace": "shop", "to": ["west", "north"]}]
IMPORTS = [{"namespace": "shop"}]


def asked(options, **params):
    given = {"mesh": "east", "exports": EXPORTS, "imports": IMPORTS, **params}
    return RunInMemory(DESCRIBED, FORCE, options, **given)


def card(name):
    identity = f"{name}.local/ns/{name}-mesh-system/sa/east-egress-service-account"
    return Card(
        name, "east", NOW, f"{name}.local", read_roots(ROOTS[name], "here", NOW), Ingress(("192.0.2.1",)), identity, ()
    ).to_data()


def run(cluster, peers, cards, exports=None):
    """Keep the gateways and then the peerings; return whether anything changed."""
    gateways = federation_gateways.run(
        asked(federation_gateways.OPTIONS, peers=[*peers], exports=exports or EXPORTS), cluster, NOW
    )
    kept = federation.run(
        asked(federation.OPTIONS, peers=[*peers], cards_in_run=[*cards], exports=exports or EXPORTS), cluster, NOW
    )
    return gateways["changed"] or kept["changed"]


def standing(cluster):
    """Return all objects as text, without the numbers that the API server gives."""
    return {
        f"{kind} {name}": json.dumps(
            {key: live.get(key) for key in ("spec", "data")} | {"labels": live["metadata"].get("labels")},
            sort_keys=True,
        )
        for (kind, _namespace, name), live in cluster._objects.items()
        if kind in KINDS
    }


@pytest.fixture(scope="module")
def expected():
    cluster = ClusterInMemory(NOW, CONTROL_PLANE)
    run(cluster, PEERS, map(card, PEERS))
    return standing(cluster)


@pytest.mark.parametrize("peers", list(itertools.permutations(PEERS)), ids="-".join)
def test_no_order_of_peers_and_cards_matters(expected, peers):
    for cards in itertools.permutations(PEERS):
        cluster = ClusterInMemory(NOW, CONTROL_PLANE)
        assert run(cluster, peers, map(card, cards))
        assert standing(cluster) == expected
        assert not run(cluster, peers[::-1], map(card, cards[::-1]))


@pytest.mark.parametrize("late", PEERS)
def test_no_order_of_arrival_matters(expected, late):
    early = [name for name in PEERS if name != late]
    cluster = ClusterInMemory(NOW, CONTROL_PLANE)
    run(cluster, PEERS, map(card, early))
    assert f"ServiceMeshPeer {late}" not in standing(cluster)
    run(cluster, PEERS, map(card, PEERS))
    assert standing(cluster) == expected


def test_the_order_of_the_names_in_a_rule_does_not_matter(expected):
    cluster = ClusterInMemory(NOW, CONTROL_PLANE)
    run(cluster, PEERS, map(card, PEERS), exports=[EXPORTS[0], {**EXPORTS[1], "to": ["north", "west"]}])
    assert standing(cluster) == expected
