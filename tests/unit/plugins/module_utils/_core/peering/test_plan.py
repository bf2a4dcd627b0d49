# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan of one peering, and which cards it is made from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Export, Ingress, Port
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.plan import (
    check_card,
    check_domains,
    ingress_of,
    offers,
    plan_gateways,
    plan_no_gateways,
    plan_peering,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root

WHERE = "Card prod-for-east.json"
ROOTS = read_roots(root("prod") + root("next"), WHERE, NOW)
CARD = Card(
    mesh="prod",
    audience="east",
    issued=NOW - timedelta(days=1),
    trust_domain="prod.local",
    roots=ROOTS,
    ingress=Ingress(("192.0.2.9", "192.0.2.10"), 31188, 31443),
    client_id="prod.local/ns/prod-mesh-system/sa/east-egress-service-account",
    exports=(Export("cart.shop.svc.east-exports.local", (Port("http", 80, "HTTP"),)),),
)


def described(**peer):
    """Return the mesh east, which calls its one peer, the mesh prod, west."""
    return parse_mesh(
        name="east",
        namespace="east-mesh-system",
        control_plane="basic",
        peers=[{"name": "prod", "local_name": "west", **peer}],
        exports=[{"name": "cart", "namespace": "shop"}, {"namespace": "bank"}],
        imports=[{"name": "cart", "namespace": "shop"}],
    )


EAST = described()
WEST = EAST.peers[0]


# --- the plan


def test_a_peering_is_planned_in_the_order_in_which_it_must_come_to_be():
    labels = {"ossm.federation/mesh": "east", "ossm.federation/peer": "west"}
    place = {"namespace": "east-mesh-system", "labels": labels}
    assert plan_peering(EAST, WEST, CARD) == [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "west-ca-root-cert", **place},
            "data": {"root-cert.pem": root("prod") + root("next")},
        },
        {
            "apiVersion": "federation.maistra.io/v1",
            "kind": "ServiceMeshPeer",
            "metadata": {"name": "west", **place},
            "spec": {
                "remote": {"addresses": ["192.0.2.9", "192.0.2.10"], "discoveryPort": 31188, "servicePort": 31443},
                "gateways": {"ingress": {"name": "west-ingress"}, "egress": {"name": "west-egress"}},
                "security": {
                    "trustDomain": "prod.local",
                    "clientID": "prod.local/ns/prod-mesh-system/sa/east-egress-service-account",
                    "certificateChain": {"kind": "ConfigMap", "name": "west-ca-root-cert"},
                },
            },
        },
        {
            "apiVersion": "federation.maistra.io/v1",
            "kind": "ExportedServiceSet",
            "metadata": {"name": "west", **place},
            "spec": {
                "exportRules": [
                    {"type": "NameSelector", "nameSelector": {"name": "cart", "namespace": "shop"}},
                    {"type": "NameSelector", "nameSelector": {"name": "*", "namespace": "bank"}},
                ]
            },
        },
        {
            "apiVersion": "federation.maistra.io/v1",
            "kind": "ImportedServiceSet",
            "metadata": {"name": "west", **place},
            "spec": {
                "importRules": [
                    {
                        "type": "NameSelector",
                        "importAsLocal": False,
                        "nameSelector": {"name": "cart", "namespace": "shop"},
                    }
                ]
            },
        },
    ]


def test_an_address_that_is_not_known_yet_is_planned_as_such():
    peer = plan_peering(EAST, WEST, replace(CARD, ingress=None))[1]
    assert peer["spec"]["remote"]["addresses"] == ["(known after apply)"]


def test_a_suspended_peer_keeps_its_sets_without_rules():
    mesh = described(suspended=True)
    exports, imports = plan_peering(mesh, mesh.peers[0], CARD)[2:]
    assert exports["spec"] == {"exportRules": []}
    assert imports["spec"] == {"importRules": []}


def gateways(version, mesh=EAST, **options):
    found = plan_gateways(mesh, mesh.peers[0], version=version, **{"has_route_config": False, **options})["spec"][
        "gateways"
    ]
    return found["additionalIngress"]["west-ingress"], found["additionalEgress"]["west-egress"]


def test_two_gateways_are_planned_for_a_peer():
    ingress, egress = gateways((2, 5))
    assert ingress == {
        "enabled": True,
        "service": {
            "type": "LoadBalancer",
            "metadata": {
                "labels": {"federation.maistra.io/ingress-for": "west"},
                "annotations": {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"},
            },
            "ports": [{"name": "tls", "port": 15443}, {"name": "https-discovery", "port": 8188}],
        },
    }
    assert egress == {
        "enabled": True,
        "requestedNetworkView": ["network-west"],
        "service": {
            "metadata": {"labels": {"federation.maistra.io/egress-for": "west"}},
            "ports": [{"name": "tls", "port": 15443}, {"name": "http-discovery", "port": 8188}],
        },
    }


@pytest.mark.parametrize(
    ("version", "has_router_mode"), [((2, 1), True), ((2, 2), False), ((2, 6), False), (None, False)]
)
def test_router_mode_is_for_version_2_1_only(version, has_router_mode):
    assert [gateway.get("routerMode") for gateway in gateways(version)] == ["sni-dnat" if has_router_mode else None] * 2


def test_a_gateway_takes_its_settings_from_the_peer():
    mesh = described(
        gateways={
            "service_type": "NodePort",
            "addresses": ["192.0.2.1"],
            "replicas": 2,
            "node_selector": {"infra": "true"},
            "tolerations": [{"key": "infra"}],
        }
    )
    ingress, egress = gateways((2, 5), mesh, has_route_config=True)
    runtime = {
        "deployment": {"replicas": 2, "autoScaling": {"enabled": False}},
        "pod": {"nodeSelector": {"infra": "true"}, "tolerations": [{"key": "infra"}]},
    }
    assert ingress["runtime"] == egress["runtime"] == runtime
    assert ingress["service"]["type"] == "NodePort"
    assert ingress["service"]["metadata"]["annotations"] == {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"}
    assert ingress["routeConfig"] == {"enabled": False}
    assert "routeConfig" not in egress


def test_without_gateways_nothing_of_ours_is_left_in_the_control_plane():
    assert "spec" not in plan_no_gateways(EAST)


# --- which cards fit

REFUSED_CARDS = {
    "our own": ({"mesh": "east", "audience": "prod"}, {}, "FED213", "is east's own card"),
    "of another mesh": ({"mesh": "north"}, {}, "FED220", "is the card of north, not of prod"),
    "for somebody else": ({"audience": "north"}, {}, "FED212", "was made for north, not for east"),
    "of our own trust domain": ({"trust_domain": "east.local"}, {}, "FED215", "names our own trust domain east.local"),
    "with a root that is not pinned": (
        {},
        {"root_fingerprints": [ROOTS[0].fingerprint]},
        "FED210",
        f"root {ROOTS[1].spoken} is not among root_fingerprints of prod",
    ),
    "with an address inside a cluster": (
        {"ingress": Ingress(("192.0.2.9", "east-ingress.prod-mesh-system.svc.cluster.local"))},
        {},
        "FED221",
        "gives the address east-ingress.prod-mesh-system.svc.cluster.local, which resolves only inside its own cluster",
    ),
}


@pytest.mark.parametrize(("changes", "peer", "code", "what"), REFUSED_CARDS.values(), ids=REFUSED_CARDS)
def test_a_card_that_does_not_fit_is_refused(changes, peer, code, what):
    mesh = described(**peer)
    with pytest.raises(FederationError) as raised:
        check_card(mesh, mesh.peers[0], replace(CARD, **changes), "east.local", where=WHERE)
    assert (raised.value.code, raised.value.where) == (code, WHERE)
    assert what in raised.value.what
    assert raised.value.fix


@pytest.mark.parametrize(
    ("changes", "peer"),
    [
        ({}, {}),
        ({"ingress": None}, {}),
        ({}, {"root_fingerprints": [found.fingerprint for found in ROOTS]}),
        ({"ingress": Ingress(("gw.ns.svc.cluster.local",))}, {"same_cluster": True}),
    ],
    ids=["plain", "no address", "pinned", "same cluster"],
)
def test_a_card_that_fits_is_taken(changes, peer):
    mesh = described(**peer)
    check_card(mesh, mesh.peers[0], replace(CARD, **changes), "east.local", where=WHERE)


def test_two_peers_of_one_trust_domain_are_refused():
    check_domains({"west": CARD, "north": replace(CARD, trust_domain="north.local")})
    with pytest.raises(FederationError, match="FED216 Cards of west and north: name one trust domain, prod.local"):
        check_domains({"west": CARD, "north": CARD})


# --- addresses


def service(**status):
    ports = [
        {"port": 15443, "name": "tls", "nodePort": 31443},
        {"port": 8188, "name": "https-discovery", "nodePort": 31188},
    ]
    return {"metadata": {"name": "west-ingress"}, "spec": {"ports": ports}, "status": status}


def reached(service, **peer):
    mesh = described(**peer)
    return ingress_of(mesh.peers[0], mesh, "cluster.local", service)


def test_a_load_balancer_s_addresses_are_taken_ip_before_name():
    points = [{"ip": "192.0.2.1", "hostname": "a.example"}, {"hostname": "lb.b.example"}]
    assert reached(service(loadBalancer={"ingress": points})) == (Ingress(("192.0.2.1", "lb.b.example")), "")


def test_an_address_that_stays_pending_is_told():
    assert reached(service()) == (None, "Service east-mesh-system/west-ingress has no load balancer address yet")
    assert reached(None) == (None, "Service east-mesh-system/west-ingress does not exist yet")


def test_node_ports_are_found_by_number_whatever_their_order():
    given = {"gateways": {"service_type": "NodePort", "addresses": ["192.0.2.1"]}}
    found = service()
    found["spec"]["ports"].reverse()
    assert reached(service(), **given) == reached(found, **given) == (Ingress(("192.0.2.1",), 31188, 31443), "")
    for port in found["spec"]["ports"]:
        del port["nodePort"]
    assert reached(found, **given) == (None, "Service east-mesh-system/west-ingress has no node ports yet")


def test_a_service_that_the_operator_has_yet_to_change_is_waited_for_and_not_put_on_a_card():
    """A load balancer has ports on the nodes, too; they are not those that are meant once it is to be reached there."""
    given = {"service_type": "NodePort", "addresses": ["192.0.2.1"]}
    before = service()
    before["spec"]["type"] = "LoadBalancer"
    assert reached(before, gateways=given) == (
        None,
        "Service east-mesh-system/west-ingress is a LoadBalancer still, not a NodePort",
    )
    fixed = {**given, "node_ports": {"discovery": 30188, "service": 31443}}
    reason = "Service east-mesh-system/west-ingress has the node port 31188 still, not 30188"
    assert reached(service(), gateways=fixed) == (None, reason)
    assert reached(service(), gateways={**fixed, "node_ports": {"service": 31443}}) == (
        Ingress(("192.0.2.1",), 31188, 31443),
        "",
    )


def test_addresses_given_by_hand_need_no_service():
    assert reached(None, gateways={"addresses": ["gw.example.com"], "service_port": 443}) == (
        Ingress(("gw.example.com",), 8188, 443),
        "",
    )


def test_a_mesh_in_the_same_cluster_is_reached_by_its_service_s_name():
    assert reached(service(), same_cluster=True) == (Ingress(("west-ingress.east-mesh-system.svc.cluster.local",)), "")


# --- offers


def test_a_card_offers_what_the_rules_export_in_one_order():
    services = [
        {
            "kind": "Service",
            "metadata": {"name": name, "namespace": space},
            "spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
        }
        for name, space in (("cart", "shop"), ("till", "bank"), ("secret", "shop"))
    ]
    offered = offers(EAST, WEST, services)
    assert offered == offers(EAST, WEST, reversed(services))
    assert [export.name for export in offered] == [
        "cart.shop.svc.west-exports.local",
        "till.bank.svc.west-exports.local",
    ]
    assert offered[0].ports == (Port("http", 80, "HTTP"),)
