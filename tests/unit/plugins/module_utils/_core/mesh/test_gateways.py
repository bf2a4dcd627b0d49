# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gateways that a user describes are checked once, before anything is written."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.described import client_id
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.mesh.meshes import (
    described,
    peer,
    refusal,
)


def test_a_peer_s_gateways_are_named_for_it_unless_they_have_names():
    gateways = peer(local_name="partner").gateways
    assert (gateways.ingress, gateways.egress) == ("partner-ingress", "partner-egress")
    gateways = peer(gateways={"ingress": "in", "egress": "out"}).gateways
    assert (gateways.ingress, gateways.egress) == ("in", "out")


def test_our_identity_towards_a_peer_follows_its_egress_gateway():
    assert (
        client_id("east.local", "east-mesh-system", peer().gateways)
        == "east.local/ns/east-mesh-system/sa/west-egress-service-account"
    )


def test_gateway_settings_of_all_peers_yield_to_those_of_one():
    mesh = described(
        [{"name": "west", "gateways": {"replicas": "2", "discovery_port": 8189}}, "north"],
        gateways={"service_type": "LoadBalancer", "replicas": 3, "annotations": {"internal": True, "size": 5}},
    )
    assert [p.gateways.replicas for p in mesh.peers] == [2, 3]
    assert [p.gateways.discovery_port for p in mesh.peers] == [8189, None]
    assert mesh.peers[0].gateways.annotations == {"internal": "true", "size": "5"}


def test_settings_of_all_load_balancers_leave_peers_without_one_alone():
    shared = {"load_balancer_source_ranges": ["192.0.2.0/24"], "external_traffic_policy": "Local"}
    mesh = described(["west", {"name": "north", "same_cluster": True}], gateways=shared)
    assert [p.gateways.external_traffic_policy for p in mesh.peers] == ["Local", None]
    assert [p.gateways.load_balancer_source_ranges for p in mesh.peers] == [("192.0.2.0/24",), ()]


def test_two_meshes_in_one_cluster_need_no_load_balancer():
    assert peer(same_cluster="true").gateways.service_type == "ClusterIP"


@pytest.mark.parametrize(
    ("word", "value"), [("node_ports", {"service": 30443}), ("load_balancer_ip", "192.0.2.9"), ("ingress", "one")]
)
def test_what_only_one_gateway_can_have_is_not_a_setting_for_all(word, value):
    with pytest.raises(FederationError, match=f"FED307 mesh_gateways, {word}.*mesh_peers"):
        described(["west"], gateways={word: value})


GATEWAYS_THAT_ARE_REFUSED = {
    "a list": (["x"], "FED307", "mesh_peers, west, gateways", "is not a mapping", "service_type"),
    "an unknown key": (
        {"type": "NodePort"},
        "FED317",
        "mesh_peers, west, gateways",
        "has the unknown key type",
        "service_type",
    ),
    "another type": (
        {"service_type": "Route"},
        "FED307",
        "mesh_peers, west, gateways, service_type",
        "is Route",
        "LoadBalancer, NodePort, ClusterIP",
    ),
    "an address with a port": (
        {"addresses": ["192.0.2.1:80"]},
        "FED219",
        "mesh_peers, west, gateways, addresses",
        "192.0.2.1:80",
        "discovery_port",
    ),
    "an address with a scheme": (
        {"addresses": ["https://a"]},
        "FED219",
        "mesh_peers, west, gateways, addresses",
        "holds https://a",
        "without scheme",
    ),
    "addresses as a text": (
        {"addresses": "192.0.2.1"},
        "FED317",
        "mesh_peers, west, gateways, addresses",
        "is not a list",
        "Write it as a list",
    ),
    "node ports without nodes": (
        {"service_type": "NodePort"},
        "FED308",
        "mesh_peers, west, gateways, addresses",
        "is empty",
        "Give the nodes' addresses",
    ),
    "a cluster's own address": (
        {"service_type": "ClusterIP"},
        "FED308",
        "mesh_peers, west, gateways, service_type",
        "nobody outside",
        "same_cluster: true",
    ),
    "port 0": (
        {"discovery_port": 0},
        "FED307",
        "mesh_peers, west, gateways, discovery_port",
        "is 0",
        "Give a port from 1 to 65535",
    ),
    "a port as words": (
        {"service_port": "https"},
        "FED307",
        "mesh_peers, west, gateways, service_port",
        "is 'https'",
        "Give a whole number",
    ),
    "half a replica": (
        {"replicas": 0.5},
        "FED307",
        "mesh_peers, west, gateways, replicas",
        "is 0.5",
        "Give a whole number",
    ),
    "no replica": (
        {"replicas": 0},
        "FED307",
        "mesh_peers, west, gateways, replicas",
        "is 0",
        "1 or more",
    ),
    "a version that YAML has made a number": (
        {"annotations": {"example.com/version": 1.20}},
        "FED307",
        "mesh_peers, west, gateways, annotations, example.com/version",
        "was read as 1.2",
        "in quotes",
    ),
    "a node's label that YAML has made a number": (
        {"node_selector": {"release": 4.10}},
        "FED307",
        "mesh_peers, west, gateways, node_selector, release",
        "was read as 4.1",
        "in quotes",
    ),
    "a toleration with a misspelled key, which would tolerate everything": (
        {"tolerations": [{"keey": "infra", "operator": "Exists"}]},
        "FED317",
        "mesh_peers, west, gateways, tolerations, entry 1",
        "has the unknown key keey",
        "Known are effect, key",
    ),
    "a toleration of another effect": (
        {"tolerations": [{"key": "infra", "effect": "noschedule"}]},
        "FED307",
        "mesh_peers, west, gateways, tolerations, entry 1, effect",
        "is 'noschedule'",
        "NoSchedule",
    ),
    "a toleration of a number": (
        {"tolerations": [{"key": "infra", "value": 1}]},
        "FED307",
        "mesh_peers, west, gateways, tolerations, entry 1, value",
        "is 1",
        "in quotes",
    ),
    "annotations as a list": (
        {"annotations": ["a"]},
        "FED307",
        "mesh_peers, west, gateways, annotations",
        "is not a mapping",
        "key: value",
    ),
    "an annotation without text": (
        {"annotations": {"a": None}},
        "FED307",
        "mesh_peers, west, gateways, annotations, a",
        "is not a text",
        "key: value",
    ),
    "a toleration as text": (
        {"tolerations": ["infra"]},
        "FED307",
        "mesh_peers, west, gateways, tolerations",
        "is not a mapping",
        "key: value",
    ),
    "a reserved name": (
        {"ingress": "istio-ingressgateway"},
        "FED307",
        "mesh_peers, west, gateways",
        "must differ from each other and from",
        "other names",
    ),
    "one gateway for both directions": (
        {"ingress": "gw", "egress": "gw"},
        "FED307",
        "mesh_peers, west, gateways",
        "uses the names gw and gw",
        "other names",
    ),
    "a name that is no Service's": (
        {"egress": "2west"},
        "FED307",
        "mesh_peers, west, gateways, egress",
        "starts with a letter",
        "Name the egress gateway",
    ),
    "a long name": (
        {"ingress": "g" * 50},
        "FED307",
        f"mesh_peers, west, gateway {'g' * 50}",
        "is too long",
        "Choose a shorter",
    ),
}


@pytest.mark.parametrize(
    ("gateways", "code", "where", "what", "fix"), GATEWAYS_THAT_ARE_REFUSED.values(), ids=GATEWAYS_THAT_ARE_REFUSED
)
def test_gateways_that_cannot_work_are_refused(gateways, code, where, what, fix):
    error = refusal(peers=[{"name": "west", "gateways": gateways}])
    assert (error.code, error.where) == (code, where)
    assert what in error.what and fix in error.fix


NODES = {"addresses": ["192.0.2.1"]}
SERVICES_THAT_CANNOT_BE = {
    "node ports of no nodes": (
        {**NODES, "service_type": "ClusterIP", "node_ports": {"service": 30443}},
        "node_ports",
        "has none",
        "NodePort",
    ),
    "a node port twice": (
        {"node_ports": {"service": 30443, "discovery": 30443}},
        "node_ports",
        "30443 twice",
        "its own",
    ),
    "a name for an address": (
        {"load_balancer_ip": "lb.example.com"},
        "load_balancer_ip",
        "not an IP address",
        "Give the address",
    ),
    "a balancer's address without one": (
        {**NODES, "service_type": "NodePort", "load_balancer_ip": "192.0.2.9"},
        "load_balancer_ip",
        "is for load balancers",
        "choose LoadBalancer",
    ),
    "words for a range": (
        {"load_balancer_source_ranges": ["somewhere"]},
        "load_balancer_source_ranges",
        "not a range",
        "192.0.2.0/24",
    ),
    "another traffic policy": (
        {"external_traffic_policy": "local"},
        "external_traffic_policy",
        "is local",
        "Cluster or Local",
    ),
    "a budget of both kinds": (
        {"disruption_budget": {"min_available": 1, "max_unavailable": 1}},
        "disruption_budget",
        "just one",
        "one of the two",
    ),
    "a budget that stops every drain": (
        {"disruption_budget": {"min_available": 1}},
        "disruption_budget",
        "none of 1 pods",
        "replicas",
    ),
    "a budget of nothing": (
        {"disruption_budget": {"max_unavailable": "0%"}},
        "disruption_budget",
        "lets none",
        "replicas",
    ),
}


@pytest.mark.parametrize(
    ("gateways", "word", "what", "fix"), SERVICES_THAT_CANNOT_BE.values(), ids=SERVICES_THAT_CANNOT_BE
)
def test_services_and_budgets_that_cannot_be_are_refused(gateways, word, what, fix):
    error = refusal(peers=[{"name": "west", "gateways": gateways}])
    assert (error.code, error.where) == ("FED307", f"mesh_peers, west, gateways, {word}")
    assert what in error.what and fix in error.fix


def test_gateways_of_all_peers_have_no_name():
    error = refusal(gateways={"ingress": "gw"})
    assert (error.code, error.where) == ("FED307", "mesh_gateways, ingress")


def test_an_annotation_and_a_node_s_label_may_be_empty_texts():
    gateways = peer(
        gateways={"annotations": {"internal": ""}, "node_selector": {"node-role.kubernetes.io/infra": ""}}
    ).gateways
    assert gateways.annotations == {"internal": ""} and gateways.node_selector == {"node-role.kubernetes.io/infra": ""}


@pytest.mark.parametrize("value", [False, 0, 0.0, True, 7])
@pytest.mark.parametrize("key", ["ingress", "egress", "service_type"])
def test_what_is_no_name_does_not_mean_the_default_name(key, value):
    assert refusal(peers=[{"name": "west", "gateways": {key: value}}]).where.startswith("mesh_peers, west, gateways")


@pytest.mark.parametrize("value", ["\u0663\u0663", "\uff18\uff10", "\u00b2"])
def test_digits_are_ascii(value):
    assert refusal(peers=[{"name": "west", "gateways": {"discovery_port": value}}]).code == "FED307"
