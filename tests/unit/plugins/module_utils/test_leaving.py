# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Leaving, pruning and suspending against a cluster in memory: what is refused, found, emptied, and said afterwards."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils import _leaving
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Export, Ingress, Port
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import (
    AUTHORIZATION_POLICY,
    CONTROL_PLANE,
    DESTINATION_RULE,
    EXPORTS,
    IMPORTS,
    PEER,
    TRAFFIC_LABEL,
    TRAFFIC_MERGED,
    TRAFFIC_PEERS,
    VIRTUAL_SERVICE,
    merging_manager,
    traffic_manager,
)
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, MESH
from ansible_collections.ossm.federation.plugins.modules import federation, federation_gateways, federation_info
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"
ROOT = root("west")
HOST = "stock.shop.svc.west-imports.local"
LOCAL = "stock.shop.svc.cluster.local"
CART = {"name": "cart", "namespace": "shop"}
STOCK = {"name": "stock", "namespace": "shop"}
NOW_TEXT = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
CONTROL = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
    "spec": {"version": "v2.3", "security": {"trust": {"domain": "east.local"}}},
}
ROLL = {
    "apiVersion": "maistra.io/v1",
    "kind": "ServiceMeshMemberRoll",
    "metadata": {"name": "default", "namespace": SPACE},
    "status": {"configuredMembers": ["shop", "web"]},
}


def asked(options, check_mode, params):
    return RunInMemory(options, check_mode=check_mode, **{"mesh": "east", "peers": ["west"], **params})


class ClusterWithLimits(ClusterInMemory):
    """A cluster in which some kinds may not be listed in some namespaces, and some are not served."""

    forbidden: tuple = ()
    unknown: tuple = ()

    def list(self, kind, namespace, selector=None, keep=None):
        if (kind.name, namespace) in self.forbidden:
            raise FederationError("FED104", where=kind.name, what="forbidden", fix="ask")
        if kind.name in self.unknown:
            raise FederationError("FED108", where=kind.name, what="not served", fix="ask")
        return super().list(kind, namespace, selector, keep)


def run(cluster, check_mode=False, **params):
    module = asked({**DESCRIBED, **FORCE, **federation.OPTIONS}, check_mode, params)
    return {**federation.run(module, cluster, NOW), "warnings": module.warnings}


def gateways(cluster, **params):
    return federation_gateways.run(
        asked({**DESCRIBED, **FORCE, **federation_gateways.OPTIONS}, False, params), cluster, NOW
    )


def look(cluster, **params):
    options = {**MESH, **federation_info.OPTIONS}
    return federation_info.run(asked(options, False, {"until": "gone", "namespace": SPACE, **params}), cluster, NOW)


def card(mesh="west"):
    exports = (
        Export(
            f"stock.shop.svc.{mesh}-exports.local".replace(f"{mesh}-exports", "east-exports"),
            (Port("http", 80, "HTTP"),),
        ),
    )
    identity = f"{mesh}.local/ns/{mesh}-mesh-system/sa/east-egress-service-account"
    return Card(
        mesh, "east", NOW, f"{mesh}.local", read_roots(ROOT, "here", NOW), Ingress(("192.0.2.1",)), identity, exports
    ).to_data()


def federate(cluster, **params):
    wanted = {"cards": [card()], "exports": [CART], "imports": [STOCK], **params}
    gateways(cluster, exports=[CART], imports=[STOCK], peers=wanted.get("peers", ["west"]))
    return run(cluster, **wanted)


def put(cluster, kind, namespace, name, spec, version="networking.istio.io/v1beta1"):
    cluster.put({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec})


def route_to(cluster, host=HOST, namespace="web"):
    put(
        cluster,
        "VirtualService",
        namespace,
        "split",
        {"hosts": ["x"], "http": [{"route": [{"destination": {"host": host}}]}]},
    )


def connect(cluster, since=NOW_TEXT):
    watch = {"connected": True, "lastFullSync": since}
    active = [{"pod": "istiod-1", "watch": watch, "remotes": [{"source": "10.0.0.1", "connected": True}]}]
    cluster.set_status("ServiceMeshPeer", SPACE, "west", {"discoveryStatus": {"active": active}})


def take(cluster, host=HOST):
    rows = [
        {
            "exportedName": "stock.shop.svc.east-exports.local",
            "localService": {"hostname": host, "name": "stock", "namespace": "shop"},
        }
    ]
    cluster.set_status("ImportedServiceSet", SPACE, "west", {"importedServices": rows})


def offer(cluster, rows=None):
    exported = {"exportedName": "cart.shop.svc.west-exports.local", "localService": {**CART, "hostname": "cart"}}
    cluster.set_status("ExportedServiceSet", SPACE, "west", {"exportedServices": [exported] if rows is None else rows})


def addresses(cluster):
    return cluster.get(PEER, SPACE, "west")["spec"]["remote"]["addresses"]


@pytest.fixture
def cluster():
    return ClusterWithLimits(NOW, CONTROL, ROLL)


@pytest.fixture
def federated(cluster):
    federate(cluster)
    cluster.writes.clear()
    return cluster


# Who uses what goes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["check", "imports", "all"])
@pytest.mark.parametrize("check_mode", [False, True], ids=["for real", "in check mode"])
def test_a_peer_whose_host_is_used_is_not_left_and_nothing_is_emptied(federated, stage, check_mode):
    route_to(federated)
    with pytest.raises(
        FederationError,
        match=r"VirtualService web/split \(http\[0\]\.route\) names stock\.shop\.svc\.west-imports\.local",
    ) as raised:
        run(federated, check_mode, state="absent", stage=stage)
    assert raised.value.code == "FED505"
    assert [row["name"] for row in raised.value.facts["used"]] == ["split"]
    assert federated.writes == []


def test_always_lists_what_breaks_and_goes_on(federated):
    route_to(federated)
    result = run(federated, state="absent", leave_when="always")
    assert any("FED508" in text and "VirtualService web/split" in text for text in result["warnings"])
    assert [row["host"] for row in result["used"]] == [HOST]
    assert ("delete", "ServiceMeshPeer", "west") in federated.writes


@pytest.mark.parametrize("namespace", [SPACE, "shop", "web"])
def test_every_member_namespace_and_the_control_plane_s_are_looked_at(federated, namespace):
    route_to(federated, namespace=namespace)
    with pytest.raises(FederationError, match="FED505"):
        run(federated, state="absent")


def test_namespaces_of_other_meshes_are_not_looked_at(federated):
    route_to(federated, namespace="elsewhere")
    assert run(federated, state="absent")["changed"]


@pytest.mark.parametrize("kind", ["VirtualService", "DestinationRule", "AuthorizationPolicy"])
def test_what_may_not_be_read_is_not_unused(federated, kind):
    federated.forbidden = ((kind, "web"),)
    with pytest.raises(FederationError, match=f"{kind} objects in web cannot be read") as raised:
        run(federated, state="absent")
    assert raised.value.code == "FED506"
    assert federated.writes == []
    assert any("FED506" in text for text in run(federated, state="absent", leave_when="always")["warnings"])


def test_kinds_that_are_not_served_have_no_objects(federated):
    federated.unknown = ("VirtualService", "DestinationRule", "AuthorizationPolicy")
    assert run(federated, state="absent")["changed"]


def test_a_mesh_that_takes_nothing_is_asked_for_nothing_more(cluster):
    federate(cluster, imports=[])
    cluster.forbidden = (("VirtualService", "web"),)
    assert run(cluster, state="absent")["changed"]


def test_an_interrupted_run_goes_on_once_the_imports_are_empty(federated):
    run(federated, state="absent", stage="imports", leave_when="always")
    route_to(federated)
    assert run(federated, state="absent")["changed"]


@pytest.mark.parametrize(
    ("spec", "is_refused"),
    [
        pytest.param({"selector": {"app": "stock"}}, False, id="a Service of its own serves on"),
        pytest.param({}, True, id="a stub serves nobody"),
        pytest.param(None, True, id="no Service"),
    ],
)
def test_a_local_host_breaks_only_where_no_local_service_serves_it(cluster, spec, is_refused):
    federate(cluster, imports=[{**STOCK, "import_as_local": True}])
    route_to(cluster, LOCAL)
    if spec is not None:
        put(cluster, "Service", "shop", "stock", spec, "v1")
    if is_refused:
        with pytest.raises(FederationError, match="FED505"):
            run(cluster, state="absent")
    else:
        assert run(cluster, state="absent")["changed"]


def test_a_host_that_another_peer_gives_too_is_not_lost(cluster):
    imports = [{**STOCK, "import_as_local": True}]
    federate(cluster, imports=imports, peers=["west", "north"], cards=[card(), card("north")])
    route_to(cluster, LOCAL)
    assert run(cluster, state="absent")["changed"]


def test_a_policy_that_lets_the_peer_s_gateway_in_is_told(federated):
    account = "cluster.local/ns/east-mesh-system/sa/west-ingress-service-account"
    rules = [{"from": [{"source": {"principals": [account]}}]}]
    put(federated, "AuthorizationPolicy", "shop", "callers", {"rules": rules}, "security.istio.io/v1beta1")
    result = run(federated, state="absent")
    assert any("FED508 AuthorizationPolicy shop/callers" in text for text in result["warnings"])


def test_of_a_policy_of_mesh_traffic_that_lets_the_gateway_in_it_is_said_what_takes_it_away(federated):
    account = "cluster.local/ns/east-mesh-system/sa/west-ingress-service-account"
    routed(
        federated,
        AUTHORIZATION_POLICY,
        "federation.stock",
        {"rules": [{"from": [{"source": {"principals": [account]}}]}]},
    )
    (told,) = (
        text
        for text in run(federated, state="absent")["warnings"]
        if "AuthorizationPolicy shop/federation.stock" in text
    )
    assert told.endswith("take west out of callers in mesh_traffic and run traffic")


def test_a_dropped_rule_whose_host_is_used_is_a_warning(federated):
    take(federated)
    route_to(federated)
    result = run(federated, cards=[card()], exports=[CART], imports=[])
    assert any("FED508 no rule imports it any more: VirtualService web/split" in text for text in result["warnings"])
    assert ("apply", "ImportedServiceSet", "west") in federated.writes


def test_a_rule_that_still_imports_the_host_is_no_warning(federated):
    take(federated)
    route_to(federated)
    assert not [
        text
        for text in run(federated, cards=[card()], exports=[CART], imports=[{"namespace": "shop"}])["warnings"]
        if "FED508" in text
    ]


# Never a peer with live exports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", ["rules", "status"])
def test_a_peer_through_which_somebody_else_exports_is_not_left(federated, shown):
    spec = {"exportRules": [{"type": "NameSelector"}] if shown == "rules" else []}
    put(federated, "ExportedServiceSet", SPACE, "west", spec, "federation.maistra.io/v1")
    if shown == "status":
        offer(federated)
    with pytest.raises(FederationError, match="FED507"):
        run(federated, state="absent", stage="check")
    assert federated.writes == []


def test_a_set_that_somebody_fills_by_himself_stops_leaving_before_anything_is_emptied(federated):
    live = federated.get(EXPORTS, SPACE, "west")
    live["metadata"]["managedFields"].append(
        {"manager": "argocd", "operation": "Apply", "fieldsV1": {"f:spec": {"f:exportRules": {}}}}
    )
    federated.put(live)
    with pytest.raises(FederationError, match="argocd"):
        run(federated, state="absent", stage="check")
    assert federated.writes == []


def test_a_set_that_is_filled_again_after_it_was_emptied_keeps_its_peer(federated, monkeypatch):
    def seen(*_arguments):
        live = federated.get(EXPORTS, SPACE, "west")
        live["spec"]["exportRules"] = [{"type": "NameSelector"}]
        federated.put(live)
        return [], 0

    monkeypatch.setattr(_leaving, "wait_until", seen)
    with pytest.raises(FederationError, match="filled again") as raised:
        run(federated, state="absent")
    assert raised.value.code == "FED507"
    assert not [write for write in federated.writes if write[0] == "delete"]


# A peer that does not answer ------------------------------------------------------------------------------------------


def test_a_peer_that_answers_is_waited_for_until_its_imports_are_gone(federated):
    connect(federated)
    take(federated)
    with pytest.raises(FederationError, match="still imported"):
        run(federated, state="absent", wait_timeout=1)


@pytest.mark.parametrize(
    "since", [None, "2000-01-01T00:00:00Z"], ids=["not connected", "connected, and silent since long"]
)
def test_a_peer_that_does_not_answer_is_left_at_once(federated, since):
    if since:
        connect(federated, since)
    take(federated)
    assert run(federated, state="absent", wait_timeout=1)["changed"]
    assert ("delete", "ServiceMeshPeer", "west") in federated.writes


def test_a_peer_that_does_not_answer_is_called_no_more_before_exports_are_waited_for(federated):
    run(federated, state="absent", stage="exports")
    assert federated.writes == [("apply", "ServiceMeshPeer", "west"), ("apply", "ExportedServiceSet", "west")]
    assert addresses(federated) == []


def test_a_peer_that_answers_keeps_its_address_until_it_goes(federated):
    connect(federated)
    run(federated, state="absent", stage="exports")
    assert addresses(federated) == ["192.0.2.1"]


def test_afterwards_it_is_said_what_stays_trusted_and_what_a_silent_peer_keeps(federated):
    said = run(federated, state="absent")["stays"]
    assert "trust domain west.local stays trusted until istiod restarts" in said[0]
    assert "deployment/istiod-basic -n east-mesh-system" in said[0]
    assert "keeps what it imported from here" in said[1]


def test_a_peer_that_answers_keeps_nothing(federated):
    connect(federated)
    assert len(run(federated, state="absent")["stays"]) == 1


# Leftovers ------------------------------------------------------------------------------------------------------------

PARTS = {
    "only the bundle": ("peer", "sets"),
    "only the sets": ("peer", "bundle"),
    "only the peer": ("sets", "bundle"),
    "only the gateways": ("peer", "sets", "bundle"),
    "everything": (),
}


def strip(cluster, parts):
    """Take parts of a peering away, as an interrupted run or somebody else may have done."""
    kinds = {"peer": ["ServiceMeshPeer"], "sets": ["ExportedServiceSet", "ImportedServiceSet"], "bundle": ["ConfigMap"]}
    for part in parts:
        for kind in kinds[part]:
            found = [key for key in cluster._objects if key[0] == kind]
            for key in found:
                del cluster._objects[key]


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("has_gateways", [True, False], ids=["with gateways", "without"])
def test_every_leftover_is_found_told_and_pruned_without_a_trace(federated, parts, has_gateways):
    strip(federated, parts)
    if not has_gateways:
        gateways_gone(federated)
    is_anything = has_gateways or set(parts) != {"peer", "sets", "bundle"}
    listed = run(federated, peers=["north"], cards=[card("north")])
    assert listed["leftovers"] == (["west"] if is_anything else [])
    assert bool([text for text in listed["warnings"] if "FED509" in text and "federation_prune" in text]) == is_anything

    run(federated, peers=["north"], cards=[card("north")], prune=True)
    gateways(federated, peers=["north"], prune=True)
    assert run(federated, peers=["north"], cards=[card("north")])["leftovers"] == []
    assert look(federated)["lines"] == ["nothing of west is left on the cluster"]


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_a_leftover_is_left_by_its_name(federated, parts):
    strip(federated, parts)
    run(federated, state="absent")
    gateways(federated, state="absent")
    assert look(federated)["left"] == []
    assert not run(federated, state="absent")["changed"]


def gateways_gone(cluster):
    live = cluster.get(CONTROL_PLANE, SPACE, "basic")
    live["spec"].pop("gateways")
    live["metadata"].pop("managedFields")
    cluster.put(live)


def test_pruning_is_refused_before_anything_is_written_while_a_host_is_used(federated):
    route_to(federated)
    with pytest.raises(FederationError, match="FED505"):
        run(federated, peers=["north"], cards=[card("north")], prune=True)
    assert federated.writes == []


# What is left afterwards ----------------------------------------------------------------------------------------------


def test_what_the_operator_has_not_removed_yet_is_waited_for(federated):
    labels = {"federation.maistra.io/ingress-for": "west", "maistra.io/owner": SPACE}
    run(federated, state="absent")
    gateways(federated, state="absent")
    federated.put(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "west-ingress", "namespace": SPACE, "labels": labels},
        }
    )
    seen = look(federated)
    assert seen["waiting_for"] == [
        "west: Deployment east-mesh-system/west-ingress has not been removed by the operator yet"
    ]


def test_what_somebody_else_keeps_is_told_and_not_waited_for(federated):
    run(federated, state="absent")
    live = federated.get(CONTROL_PLANE, SPACE, "basic")
    kept = {"f:spec": {"f:gateways": {"f:additionalIngress": {"f:west-ingress": {"f:enabled": {}}}}}}
    live["metadata"]["managedFields"].append({"manager": "team-gitops", "operation": "Apply", "fieldsV1": kept})
    federated.put(live)
    gateways(federated, state="absent")
    put(federated, "ServiceMeshPeer", SPACE, "west", {}, "federation.maistra.io/v1")
    seen = look(federated)
    assert seen["waiting_for"] == []
    assert [row["what"].rpartition(", ")[2] for row in seen["left"]] == [
        "ServiceMeshPeer east-mesh-system/west",
        "spec.gateways.additionalIngress.west-ingress",
    ]


# Suspending -----------------------------------------------------------------------------------------------------------

SUSPENDED = [{"name": "west", "suspended": True}]


def test_a_suspended_peer_stays_and_needs_no_card(federated):
    result = run(federated, peers=SUSPENDED, exports=[CART], imports=[STOCK])
    assert (result["peers"], result["pending"], result["expected"]) == (
        [{"peer": "west", "mesh": "west", "state": "suspended"}],
        [],
        [],
    )
    assert addresses(federated) == []
    assert (
        federated.get(EXPORTS, SPACE, "west")["spec"]["exportRules"]
        == federated.get(IMPORTS, SPACE, "west")["spec"]["importRules"]
        == []
    )
    assert not run(federated, peers=SUSPENDED, exports=[CART], imports=[STOCK])["changed"]


def test_a_broken_card_of_a_suspended_peer_stops_nobody(federated):
    broken = {**card(), "roots": []}
    assert run(federated, peers=SUSPENDED, cards=[broken], exports=[CART])["peers"][0]["state"] == "suspended"


def test_check_mode_shows_the_same_suspension_and_writes_nothing(federated):
    planned = run(federated, check_mode=True, peers=SUSPENDED)
    assert federated.writes == []
    assert planned["changes"] == run(federated, peers=SUSPENDED)["changes"]


def test_a_peer_that_answers_is_emptied_before_its_address_goes(federated):
    connect(federated)
    take(federated)
    result = run(federated, peers=SUSPENDED, exports=[CART], imports=[STOCK])
    assert result["suspending"] == ["west"]
    assert addresses(federated) == ["192.0.2.1"]
    run(federated, state="absent", stage="suspend")
    assert addresses(federated) == []


def test_resuming_brings_back_what_was_described(federated):
    before = federated.get(PEER, SPACE, "west")["spec"]
    run(federated, peers=SUSPENDED, exports=[CART], imports=[STOCK])
    run(federated, cards=[card()], exports=[CART], imports=[STOCK])
    assert federated.get(PEER, SPACE, "west")["spec"] == before
    assert federated.get(EXPORTS, SPACE, "west")["spec"]["exportRules"]


def test_a_new_peer_that_is_suspended_is_made_without_an_address(cluster):
    assert federate(cluster, peers=SUSPENDED)["expected"] == []
    assert addresses(cluster) == []


def test_a_suspended_peer_is_shown_as_such(federated):
    run(federated, peers=SUSPENDED)
    connect(federated)
    (row,) = look(federated, until="connected")["peers"]
    assert row["outbound"] == "suspended"


def test_a_suspended_peer_is_left_like_any_other(federated):
    run(federated, peers=SUSPENDED)
    take(federated)
    assert run(federated, state="absent", wait_timeout=1)["changed"]
    assert federated.get(PEER, SPACE, "west") is None


def test_a_mesh_without_peers_has_nothing_to_leave():
    for stage in ("look", "check", "imports", "exports", "all"):
        cluster = ClusterWithLimits(NOW, CONTROL, ROLL)
        result = run(cluster, state="absent", peers=[], stage=stage, must_be_all=True)
        assert (result["changed"], result["peers"], result["leftovers"], cluster.writes) == (False, [], [], [])
    gone = gateways(cluster, peers=[], state="absent")
    assert (gone["changed"], cluster.writes) == (False, [])


def test_a_peering_of_ours_that_nobody_named_is_noticed_where_the_mesh_shall_go(federated):
    assert run(federated, state="absent", peers=[], stage="look")["leftovers"] == ["west"]
    for peers in ([], ["north"]):
        with pytest.raises(
            FederationError, match="FED425.*made for west, and mesh_peers does not name it.*unfederate_peers=west first"
        ):
            run(federated, state="absent", peers=peers, stage="look", must_be_all=True)
    assert run(federated, state="absent", peers=["west"], stage="look", must_be_all=True)["leftovers"] == []
    federated.delete(PEER, SPACE, "west", federated.get(PEER, SPACE, "west")["metadata"]["uid"])
    with pytest.raises(FederationError, match="FED425"):
        run(federated, state="absent", peers=[], stage="look", must_be_all=True)


def by_hand(manager="kubectl"):
    """A control plane and a peer as somebody made them by hand, with gateways of other names and no labels of
    federation.
    """
    service = {
        "type": "LoadBalancer",
        "ports": [{"name": "tls", "port": 15443}, {"name": "https-discovery", "port": 8188}],
    }
    spec = {
        **CONTROL["spec"],
        "gateways": {
            "additionalIngress": {"door.in": {"enabled": True, "service": service}},
            "additionalEgress": {
                "door.out": {
                    "enabled": True,
                    "requestedNetworkView": ["network-west"],
                    "service": {"ports": service["ports"]},
                }
            },
        },
    }

    def fields(value):
        return {f"f:{key}": fields(below) for key, below in value.items()} if isinstance(value, dict) else {}

    managed = [{"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": fields(spec)}}]
    peer = {
        "gateways": {"ingress": {"name": "door.in"}, "egress": {"name": "door.out"}},
        "remote": {"addresses": ["192.0.2.1"]},
    }
    live = {
        "apiVersion": PEER.api_version,
        "kind": "ServiceMeshPeer",
        "metadata": {"name": "west", "namespace": SPACE},
        "spec": peer,
    }
    return ClusterWithLimits(
        NOW, {**CONTROL, "metadata": {**CONTROL["metadata"], "managedFields": managed}, "spec": spec}, ROLL, live
    )


@pytest.mark.parametrize("managed", [True, False])
def test_of_a_peering_that_was_taken_over_both_gateways_are_on_the_list_of_what_is_left(managed):
    cluster = by_hand()
    adopted = {"peers": [{"name": "west", "adopt": True}]}
    if managed:
        gateways(cluster, **adopted)
    # Made by hand without a trust domain: who it is has to be accepted.
    with pytest.raises(FederationError) as refused:
        run(cluster, cards=[card()], **adopted)
    run(cluster, cards=[card()], accept_changes=[refused.value.facts["accept"]], **adopted)
    named = {"peers": ["west"]}
    left = run(cluster, state="absent", **named)
    both = [f"spec.gateways.additional{place}" for place in ("Ingress.door.in", "Egress.door.out")]
    assert left["gateway_places"] == {"west": both}
    given_up = gateways(cluster, state="absent", managed=managed, gateway_places=left["gateway_places"], **named)
    assert sorted(given_up["left"][0]["keys"]) == sorted(both)
    shown = look(cluster, gateway_places=left["gateway_places"], **named)["lines"]
    assert shown == [
        f"left of west: ServiceMeshControlPlane {SPACE}/basic, {place} is managed by kubectl; remove it there"
        for place in both
    ]


# What mesh_traffic routes --------------------------------------------------------------------------------------------


def routed(cluster, kind, name, spec, peers="west"):
    """Keep an object as mesh_traffic writes it."""
    metadata = {
        "name": name,
        "namespace": "shop",
        "labels": {TRAFFIC_LABEL: "stock"},
        "annotations": {TRAFFIC_PEERS: peers},
    }
    cluster.apply(
        kind, {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}, traffic_manager()
    )
    cluster.writes.clear()


def test_a_failover_to_the_peer_refuses_leaving_though_local_pods_serve_the_host(cluster):
    federate(cluster, imports=[{**STOCK, "import_as_local": True}])
    put(cluster, "Service", "shop", "stock", {"selector": {"app": "stock"}}, "v1")
    routed(cluster, DESTINATION_RULE, "federation.stock", {"host": LOCAL}, peers="north,west")
    with pytest.raises(
        FederationError,
        match=r"DestinationRule shop/federation\.stock \(mesh_traffic\) names stock\.shop\.svc\.cluster\.local",
    ) as refused:
        run(cluster, state="absent")
    assert (refused.value.code, cluster.writes) == ("FED505", [])


def test_a_failover_to_another_peer_refuses_nothing(cluster):
    federate(cluster, imports=[{**STOCK, "import_as_local": True}])
    put(cluster, "Service", "shop", "stock", {"selector": {"app": "stock"}}, "v1")
    routed(cluster, DESTINATION_RULE, "federation.stock", {"host": LOCAL}, peers="north")
    assert run(cluster, state="absent")["changed"]


def test_our_own_route_to_a_host_that_is_imported_no_more_goes_first_and_is_no_warning(federated):
    take(federated)
    routes = [{"destination": {"host": LOCAL}, "weight": 80}, {"destination": {"host": HOST}, "weight": 20}]
    routed(federated, VIRTUAL_SERVICE, "federation.stock", {"hosts": [LOCAL], "http": [{"route": routes}]})
    result = run(federated, cards=[card()], exports=[CART], imports=[])
    assert federated.writes[:2] == [
        ("delete", "VirtualService", "federation.stock"),
        ("apply", "ImportedServiceSet", "west"),
    ]
    assert not any("FED508" in text for text in result["warnings"])


SPLIT = {
    "hosts": [LOCAL],
    "http": [
        {"route": [{"destination": {"host": LOCAL}, "weight": 80}, {"destination": {"host": HOST}, "weight": 20}]}
    ],
}
STILL = {"service": "shop/stock", "split": {"local": 80, "west": 20}}


@pytest.mark.parametrize("traffic", [None, [STILL], [{**STILL, "split": {"local": 80, "north": 20}}]])
def test_a_split_that_is_still_asked_for_refuses_leaving(federated, traffic):
    take(federated)
    routed(federated, VIRTUAL_SERVICE, "federation.stock", SPLIT)
    with pytest.raises(FederationError, match="FED505.*Take it out of mesh_traffic and run traffic") as refused:
        run(federated, state="absent", traffic=traffic)
    assert (refused.value.code, federated.writes) == ("FED505", [])


@pytest.mark.parametrize(
    "traffic", [[], [{"service": "shop/cart", "failover_to": "west"}], [{"service": "shop/stock", "timeout": "3s"}]]
)
def test_a_split_that_nobody_asks_for_any_more_goes_before_the_imports(federated, traffic):
    take(federated)
    routed(federated, VIRTUAL_SERVICE, "federation.stock", SPLIT)
    assert run(federated, state="absent", stage="check", traffic=traffic)["used"] == [] and federated.writes == []
    changes = run(federated, state="absent", stage="imports", traffic=traffic)["changes"]
    assert changes[0]["name"] == "federation.stock"
    assert federated.writes[:2] == [
        ("delete", "VirtualService", "federation.stock"),
        ("apply", "ImportedServiceSet", "west"),
    ]


@pytest.mark.parametrize("traffic", [None, [], [{"service": "shop/stock", "failover_to": "west"}]])
def test_what_is_merged_into_a_rule_of_somebody_else_refuses_leaving_or_goes_first(cluster, traffic):
    federate(cluster, imports=[{**STOCK, "import_as_local": True}])
    put(cluster, "Service", "shop", "stock", {"selector": {"app": "stock"}}, "v1")
    put(cluster, "DestinationRule", "shop", "theirs", {"host": "stock"}, "networking.istio.io/v1beta1")
    metadata = {
        "name": "theirs",
        "namespace": "shop",
        "annotations": {TRAFFIC_MERGED: "shop/stock", TRAFFIC_PEERS: "west"},
    }
    spec = {"trafficPolicy": {"outlierDetection": {"interval": "10s"}}}
    merged = {"apiVersion": DESTINATION_RULE.api_version, "kind": "DestinationRule", "metadata": metadata, "spec": spec}
    cluster.apply(DESTINATION_RULE, merged, merging_manager())
    cluster.writes.clear()
    if traffic == []:
        run(cluster, state="absent", stage="imports", traffic=traffic)
        assert cluster.writes[:2] == [("apply", "DestinationRule", "theirs"), ("apply", "ImportedServiceSet", "west")]
        assert cluster.get(DESTINATION_RULE, "shop", "theirs")["spec"] == {"host": "stock"}
    else:
        with pytest.raises(FederationError, match="FED505.*shop/theirs"):
            run(cluster, state="absent", traffic=traffic)
        assert cluster.writes == []


def test_a_foreign_route_refuses_leaving_whatever_mesh_traffic_says(federated):
    take(federated)
    put(federated, "VirtualService", "shop", "theirs", SPLIT, "networking.istio.io/v1beta1")
    with pytest.raises(FederationError, match="FED505.*shop/theirs"):
        run(federated, state="absent", traffic=[])


def test_an_import_that_mesh_traffic_still_needs_is_not_dropped(federated):
    take(federated)
    routed(federated, VIRTUAL_SERVICE, "federation.stock", SPLIT)
    with pytest.raises(FederationError, match="FED845 mesh_traffic, shop/stock: sends calls to west"):
        run(federated, cards=[card()], exports=[CART], imports=[], traffic=[STILL])
    assert federated.writes == []
    run(federated, cards=[card()], exports=[CART], imports=[], traffic=[])
    assert federated.writes[:2] == [
        ("delete", "VirtualService", "federation.stock"),
        ("apply", "ImportedServiceSet", "west"),
    ]


def test_a_peer_that_is_pruned_loses_our_routes_first(federated):
    take(federated)
    routed(federated, VIRTUAL_SERVICE, "federation.stock", SPLIT)
    with pytest.raises(FederationError, match="FED505"):
        run(federated, peers=["north"], prune=True, traffic=[STILL])
    assert federated.writes == []
    run(federated, peers=["north"], prune=True, traffic=[])
    assert federated.writes[0] == ("delete", "VirtualService", "federation.stock")
