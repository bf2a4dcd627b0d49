# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user describes is checked once, before anything is written."""

from __future__ import annotations

import time

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.topology import (
    LEFT_OUT,
    Alias,
    Gateways,
    Mesh,
    client_id,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.plan import plan_imports
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from hypothesis import given
from hypothesis import strategies as st

PIN = "3F9A" * 16


def described(peers=("west",), **options):
    return Mesh.described(**{"name": "east", "namespace": "east-mesh-system", "control_plane": "basic", "peers": peers, **options})


def refusal(**options):
    with pytest.raises(FederationError) as raised:
        described(**options)
    return raised.value


def peer(**options):
    return described([{"name": "west", **options}]).peers[0]


# --- peers


def test_a_peer_is_a_name_or_a_mapping_with_one():
    assert described(["west"]) == described([{"name": "west"}])


def test_a_peer_s_gateways_are_named_for_it_unless_they_have_names():
    gateways = peer(local_name="partner").gateways
    assert (gateways.ingress, gateways.egress) == ("partner-ingress", "partner-egress")
    gateways = peer(gateways={"ingress": "in", "egress": "out"}).gateways
    assert (gateways.ingress, gateways.egress) == ("in", "out")


def test_our_identity_towards_a_peer_follows_its_egress_gateway():
    assert client_id("east.local", "east-mesh-system", peer().gateways) == "east.local/ns/east-mesh-system/sa/west-egress-service-account"


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


def test_a_pin_is_understood_in_any_spelling():
    colons = ":".join(PIN[at : at + 2] for at in range(0, 64, 2)).lower()
    assert peer(root_fingerprints=[colons, f"sha256:{PIN}"]).root_fingerprints == (PIN, PIN)


def test_a_peer_is_found_by_our_name_first():
    mesh = described([{"name": "prod", "local_name": "west"}, "north"])
    assert mesh.peer("west") is mesh.peer("prod") is mesh.peers[0]
    assert mesh.peer("east") is None


PARTNERS = [{"name": "prod", "local_name": "acme"}, {"name": "prod", "local_name": "globex"}]


def test_rules_speak_of_partners_of_one_name_by_our_names():
    mesh = described(PARTNERS, exports=[{"name": "cart", "namespace": "shop", "to": ["globex"]}])
    assert [len(mesh.exports_to(partner)) for partner in mesh.peers] == [0, 1]


@pytest.mark.parametrize(("option", "word"), [("exports", "to"), ("imports", "from")])
def test_a_rule_for_a_name_that_several_partners_share_is_refused(option, word):
    with pytest.raises(FederationError, match="FED320.*names prod.*acme, globex"):
        described(PARTNERS, **{option: [{"name": "cart", "namespace": "shop", word: ["prod"]}]})


def test_partners_of_one_name_are_told_apart_by_our_names_only():
    mesh = described([*PARTNERS, {"name": "stage", "local_name": "initech"}])
    acme, _globex, initech = mesh.peers
    assert mesh.names_of(acme) == ("acme",)
    assert mesh.names_of(initech) == ("initech", "stage")
    assert [mesh.known_as(one) for one in mesh.peers] == ["acme", "globex", "stage"]


def test_of_partners_of_one_name_both_are_held_when_that_mesh_failed_and_one_by_our_name():
    assert [p.local_name for p in described(PARTNERS).holding(["prod"]).held] == ["acme", "globex"]
    mesh = described(PARTNERS).holding(["globex"])
    assert [p.local_name for p in mesh.held] == ["globex"]
    assert mesh.is_shared("prod"), "the one that is held still has the name"


@pytest.mark.parametrize(("word", "value"), [("node_ports", {"service": 30443}), ("load_balancer_ip", "192.0.2.9"), ("ingress", "one")])
def test_what_only_one_gateway_can_have_is_not_a_setting_for_all(word, value):
    with pytest.raises(FederationError, match=f"FED307 mesh_gateways, {word}.*mesh_peers"):
        described(["west"], gateways={word: value})


def test_two_gateways_do_not_get_one_node_port():
    peers = [{"name": name, "gateways": {"node_ports": {"service": 30443}}} for name in ("west", "north")]
    with pytest.raises(FederationError, match="FED307.*30443, which west has already"):
        described(peers)


def test_an_adopted_peer_s_kind_of_service_may_be_known_to_the_cluster_only():
    assert peer(adopt=True, gateways={"service_type": "NodePort"}).gateways.service_type == "NodePort"


def test_a_held_peer_is_set_aside():
    mesh = described(["west", "north"]).holding(iter(["north", "unknown"]))
    assert [p.name for p in mesh.peers] == ["west"]
    assert [p.name for p in mesh.held] == ["north"]


def test_no_peers_are_fine_where_nothing_is_federated():
    assert described([], allow_no_peers=True).peers == ()


LONG = "p" * 55
PEERS_THAT_ARE_REFUSED = {
    "no peers": ([], "FED301", "mesh_peers", "is empty for mesh east", "federation_full_mesh: true"),
    "nothing": (None, "FED301", "mesh_peers", "is empty for mesh east", "List the peers"),
    "a number": ([7], "FED303", "mesh_peers, entry 1", "is neither a name nor a mapping with a name", "Write the peer's mesh name"),
    "without a name": ([{"local_name": "west"}], "FED303", "mesh_peers, entry 1, name", "is missing", "lower-case letters"),
    "a name with capitals": (["West"], "FED303", "mesh_peers, entry 1, name", "'West' is no DNS label of at most 63", "lower-case letters"),
    "a path": (["../west"], "FED303", "mesh_peers, entry 1, name", "is no DNS label", "lower-case letters"),
    "a long name": (["p" * 56], "FED303", f"mesh_peers, {'p' * 56}, local_name", "at most 55 characters", "lower-case letters"),
    "an unknown key": ([{"name": "west", "fingerprint": PIN}], "FED317", "mesh_peers, entry 1", "has the unknown key fingerprint", "root_fingerprints"),
    "this mesh": (["east"], "FED305", "mesh_peers, east", "is this mesh itself", "List other meshes only"),
    "a peer twice": (["west", "west"], "FED304", "mesh_peers, west", "is called west, like another entry", "its own local_name"),
    "a name that is another's local name": (
        [{"name": "west", "local_name": "partner"}, {"name": "prod", "local_name": "west"}],
        "FED304",
        "mesh_peers, west",
        "is the local_name of another entry, so a rule for west could mean either",
        "another local_name",
    ),
    "a pin that is none": ([{"name": "west", "root_fingerprints": ["3F9A…C1D0"]}], "FED303", "mesh_peers, west, root_fingerprints", "no SHA-256", "64 hex"),
    "a pin that is a text": ([{"name": "west", "root_fingerprints": PIN}], "FED317", "mesh_peers, west", "is not a list", "Write it as a list"),
    "a maybe": ([{"name": "west", "suspended": "maybe"}], "FED317", "mesh_peers, west, suspended", "is 'maybe'", "Write true or false"),
}
GATEWAYS_THAT_ARE_REFUSED = {
    "a list": (["x"], "FED307", "mesh_peers, west, gateways", "is not a mapping", "service_type"),
    "an unknown key": ({"type": "NodePort"}, "FED317", "mesh_peers, west, gateways", "has the unknown key type", "service_type"),
    "another type": ({"service_type": "Route"}, "FED307", "mesh_peers, west, gateways, service_type", "is Route", "LoadBalancer, NodePort, ClusterIP"),
    "an address with a port": ({"addresses": ["192.0.2.1:80"]}, "FED219", "mesh_peers, west, gateways, addresses", "192.0.2.1:80", "discovery_port"),
    "an address with a scheme": ({"addresses": ["https://a"]}, "FED219", "mesh_peers, west, gateways, addresses", "holds https://a", "without scheme"),
    "addresses as a text": ({"addresses": "192.0.2.1"}, "FED317", "mesh_peers, west, gateways, addresses", "is not a list", "Write it as a list"),
    "node ports without nodes": ({"service_type": "NodePort"}, "FED308", "mesh_peers, west, gateways, addresses", "is empty", "Give the nodes' addresses"),
    "a cluster's own address": ({"service_type": "ClusterIP"}, "FED308", "mesh_peers, west, gateways, service_type", "nobody outside", "same_cluster: true"),
    "port 0": ({"discovery_port": 0}, "FED307", "mesh_peers, west, gateways, discovery_port", "is 0", "Give a port from 1 to 65535"),
    "a port as words": ({"service_port": "https"}, "FED307", "mesh_peers, west, gateways, service_port", "is 'https'", "Give a whole number"),
    "half a replica": ({"replicas": 0.5}, "FED307", "mesh_peers, west, gateways, replicas", "is 0.5", "Give a whole number"),
    "annotations as a list": ({"annotations": ["a"]}, "FED307", "mesh_peers, west, gateways, annotations", "is not a mapping", "key: value"),
    "an annotation without text": ({"annotations": {"a": None}}, "FED307", "mesh_peers, west, gateways, annotations, a", "is not a text", "key: value"),
    "a toleration as text": ({"tolerations": ["infra"]}, "FED307", "mesh_peers, west, gateways, tolerations", "is not a mapping", "key: value"),
    "a reserved name": ({"ingress": "istio-ingressgateway"}, "FED307", "mesh_peers, west, gateways", "must differ from each other and from", "other names"),
    "one gateway for both directions": ({"ingress": "gw", "egress": "gw"}, "FED307", "mesh_peers, west, gateways", "uses the names gw and gw", "other names"),
    "a name that is no Service's": ({"egress": "2west"}, "FED307", "mesh_peers, west, gateways, egress", "starts with a letter", "Name the egress gateway"),
    "a long name": ({"ingress": "g" * 50}, "FED307", f"mesh_peers, west, gateway {'g' * 50}", "is too long", "Choose a shorter"),
}


@pytest.mark.parametrize(("peers", "code", "where", "what", "fix"), PEERS_THAT_ARE_REFUSED.values(), ids=PEERS_THAT_ARE_REFUSED)
def test_peers_that_cannot_be_are_refused(peers, code, where, what, fix):
    error = refusal(peers=peers)
    assert (error.code, error.where) == (code, where)
    assert what in error.what and fix in error.fix


@pytest.mark.parametrize(("gateways", "code", "where", "what", "fix"), GATEWAYS_THAT_ARE_REFUSED.values(), ids=GATEWAYS_THAT_ARE_REFUSED)
def test_gateways_that_cannot_work_are_refused(gateways, code, where, what, fix):
    error = refusal(peers=[{"name": "west", "gateways": gateways}])
    assert (error.code, error.where) == (code, where)
    assert what in error.what and fix in error.fix


NODES = {"addresses": ["192.0.2.1"]}
SERVICES_THAT_CANNOT_BE = {
    "node ports of no nodes": ({**NODES, "service_type": "ClusterIP", "node_ports": {"service": 30443}}, "node_ports", "has none", "NodePort"),
    "a node port twice": ({"node_ports": {"service": 30443, "discovery": 30443}}, "node_ports", "30443 twice", "its own"),
    "a name for an address": ({"load_balancer_ip": "lb.example.com"}, "load_balancer_ip", "no IP address", "Give the address"),
    "a balancer's address without one": (
        {**NODES, "service_type": "NodePort", "load_balancer_ip": "192.0.2.9"},
        "load_balancer_ip",
        "is for load balancers",
        "choose LoadBalancer",
    ),
    "words for a range": ({"load_balancer_source_ranges": ["somewhere"]}, "load_balancer_source_ranges", "no range", "192.0.2.0/24"),
    "another traffic policy": ({"external_traffic_policy": "local"}, "external_traffic_policy", "is local", "Cluster or Local"),
    "a budget of both kinds": ({"disruption_budget": {"min_available": 1, "max_unavailable": 1}}, "disruption_budget", "just one", "one of the two"),
    "a budget that stops every drain": ({"disruption_budget": {"min_available": 1}}, "disruption_budget", "none of 1 pods", "replicas"),
    "a budget of nothing": ({"disruption_budget": {"max_unavailable": "0%"}}, "disruption_budget", "lets none", "replicas"),
}


@pytest.mark.parametrize(("gateways", "word", "what", "fix"), SERVICES_THAT_CANNOT_BE.values(), ids=SERVICES_THAT_CANNOT_BE)
def test_services_and_budgets_that_cannot_be_are_refused(gateways, word, what, fix):
    error = refusal(peers=[{"name": "west", "gateways": gateways}])
    assert (error.code, error.where) == ("FED307", f"mesh_peers, west, gateways, {word}")
    assert what in error.what and fix in error.fix


@pytest.mark.parametrize("kinds", [("ingress", "ingress"), ("egress", "egress"), ("ingress", "egress"), ("egress", "ingress")])
def test_a_gateway_serves_one_peer_in_one_direction(kinds):
    one, other = ({"name": name, "gateways": {kind: "gw"}} for name, kind in zip(("west", "north"), kinds))
    error = refusal(peers=[one, other])
    assert (error.code, error.where) == ("FED307", f"mesh_peers, north, gateways.{kinds[1]}")
    assert f"is gw, which is the {kinds[0]} gateway of west already" in error.what


def test_gateways_of_all_peers_have_no_name():
    error = refusal(gateways={"ingress": "gw"})
    assert (error.code, error.where) == ("FED307", "mesh_gateways, ingress")


@pytest.mark.parametrize(
    ("option", "value", "where"),
    [
        ("name", "East", "mesh_name"),
        ("namespace", "a/b", "mesh_namespace"),
        ("namespace", None, "mesh_namespace"),
        ("control_plane", "../basic", "mesh_control_plane"),
        ("trust_domain", "East.local", "mesh_trust_domain"),
        ("trust_domain", "spiffe://east.local", "mesh_trust_domain"),
    ],
)
def test_a_mesh_whose_own_names_cannot_be_is_refused(option, value, where):
    error = refusal(**{option: value})
    assert (error.code, error.where) == ("FED303", where)


# --- rules


def test_a_rule_concerns_all_peers_or_those_that_it_names_by_either_name():
    mesh = described(
        [{"name": "prod", "local_name": "west"}, "north"],
        exports=[{"name": "a", "namespace": "shop"}, {"name": "b", "namespace": "shop", "to": ["prod"]}, LEFT_OUT],
        imports=[{"name": "a"}, {"name": "b", "from": ["west"]}],
    )
    west, north = mesh.peers
    assert [rule.name for rule in mesh.exports_to(west)] == ["a", "b"]
    assert [rule.name for rule in mesh.exports_to(north)] == ["a"]
    assert [rule.name for rule in mesh.imports_from(west)] == ["a", "b"]
    assert [rule.name for rule in mesh.imports_from(north)] == ["a"]


def test_a_suspended_peer_is_offered_nothing_and_nothing_is_taken_from_it():
    mesh = described([{"name": "west", "suspended": True}], exports=[{"namespace": "shop"}], imports=[{}])
    assert mesh.exports_to(mesh.peers[0]) == mesh.imports_from(mesh.peers[0]) == []


def test_an_export_rule_is_stored_as_istiod_reads_it():
    mesh = described(exports=[{"name": "cart", "namespace": "shop", "alias": {"namespace": "public"}}, {"namespace": "shop"}])
    assert [rule.stored() for rule in mesh.exports] == [
        {"type": "NameSelector", "nameSelector": {"name": "cart", "namespace": "shop", "alias": {"namespace": "public"}}},
        {"type": "NameSelector", "nameSelector": {"name": "*", "namespace": "shop"}},
    ]


def test_a_rule_by_labels_is_stored_as_istiod_reads_it():
    (rule,) = described(exports=[{"label_selectors": ["app=web"], "namespace": "shop", "alias": {"namespace": "public"}}]).exports
    assert rule.stored() == {
        "type": "LabelSelector",
        "labelSelector": {
            "namespace": "shop",
            "selector": {"matchLabels": {"app": "web"}},
            "aliases": [{"name": "*", "namespace": "*", "alias": {"namespace": "public"}}],
        },
    }


def test_an_import_rule_is_stored_as_istiod_reads_it():
    mesh = described(imports=[{"name": "cart", "namespace": "shop", "domain_suffix": "partners.example"}, {}])
    assert [rule.stored() for rule in mesh.imports] == [
        {"type": "NameSelector", "importAsLocal": False, "domainSuffix": "partners.example", "nameSelector": {"name": "cart", "namespace": "shop"}},
        {"type": "NameSelector", "importAsLocal": False, "nameSelector": {"name": "*", "namespace": "*"}},
    ]


def test_a_fixed_service_imported_as_local_needs_no_alias():
    (rule,) = described(imports=[{"name": "cart", "namespace": "shop", "import_as_local": "yes"}]).imports
    assert rule.import_as_local and rule.alias == Alias("cart", "shop")


CART = {"name": "cart", "namespace": "shop"}
EXPORTS_THAT_ARE_REFUSED = {
    "a text": (["cart"], "FED317", "mesh_exports, rule 1", "is not a mapping", "key: value"),
    "an unknown key": ([{**CART, "from": []}], "FED317", "mesh_exports, rule 1", "has the unknown key from", "Known are"),
    "an unknown peer": ([{**CART, "to": ["north"]}], "FED302", "mesh_exports, rule 1, to", "names north, which is not in mesh_peers", "Known peers: west"),
    "a peer that is a mapping": ([{**CART, "to": [{"name": "west"}]}], "FED302", "mesh_exports, rule 1, to", "not in mesh_peers", "Known peers: west"),
    "one peer as text": ([{**CART, "to": "west"}], "FED317", "mesh_exports, rule 1, to", "is not a list", "Write it as a list"),
    "a pattern": ([{"name": "web-*", "namespace": "shop"}], "FED317", "mesh_exports, rule 1, name", "web-* is no name", "not understood by istiod"),
    "a name and labels": ([{**CART, "label_selectors": ["a=b"]}], "FED317", "mesh_exports, rule 1", "both a name and label_selectors", "one of the two"),
    "a broken selector": ([{"label_selectors": ["a in b"]}], "FED314", "mesh_exports, rule 1, label_selectors", "", "tier in (a,b)"),
    "everything": ([{}], "FED315", "mesh_exports, rule 1", "matches every service, istiod and the gateways included", "Name a namespace"),
    "everything, spelled out": ([{"name": "*", "namespace": "*"}], "FED315", "mesh_exports, rule 1", "matches every service", "Name a namespace"),
    "the control plane": ([{"namespace": "east-mesh-system"}], "FED315", "mesh_exports, rule 1", "control plane's namespace", "member namespaces"),
    "an alias that is no label": (
        [{**CART, "alias": {"name": "cart.v1"}}],
        "FED316",
        "mesh_exports, rule 1, alias.name",
        "'cart.v1' is no DNS label",
        "lower-case",
    ),
    "an alias as text": ([{**CART, "alias": "basket"}], "FED317", "mesh_exports, rule 1, alias", "is not a mapping", "name and namespace"),
    "two rules one name": (
        [CART, {"name": "basket", "namespace": "shop", "alias": {"name": "cart"}}],
        "FED311",
        "mesh_exports, rule 2",
        "and rule 1 both give the exported name cart.shop for west",
        "Give one of them another alias",
    ),
    "one name for many": ([{"namespace": "shop", "alias": {"name": "x"}}], "FED311", "mesh_exports, rule 1", "the one name x", "Leave alias.name out"),
    "one name for all with a label": ([{"label_selectors": ["a=b"], "alias": {"name": "x"}}], "FED311", "mesh_exports, rule 1", "the one name x", "alias.name"),
    "a rule twice": ([CART, CART], "FED312", "mesh_exports, rule 2", "is never reached for west: rule 1 before it", "Put the specific rule first"),
    "the specific rule last": ([{"namespace": "shop"}, CART], "FED312", "mesh_exports, rule 2", "rule 1 before it matches everything", "specific rule first"),
    "whatever lacks a label": ([{"label_selectors": ["!private", "a!=b"]}], "FED315", "mesh_exports, rule 1", "lacks a label, istiod", "Name a namespace"),
    "the platform": ([{"name": "console", "namespace": "openshift-console"}], "FED315", "mesh_exports, rule 1", "the platform's namespace", "member"),
    "the default namespace": ([{"namespace": "default"}], "FED315", "mesh_exports, rule 1", "the platform's namespace default", "member"),
    "the API server": ([{"name": "kubernetes", "namespace": "default"}], "FED315", "mesh_exports, rule 1", "the platform's namespace default", "member"),
    "all namespaces into one": ([{"name": "cart", "alias": {"namespace": "shop"}}], "FED311", "mesh_exports, rule 1", "every namespace", "Name the namespace"),
    "all namespaces into one, by labels": (
        [{"label_selectors": ["a=b"], "alias": {"namespace": "shop"}}],
        "FED311",
        "mesh_exports, rule 1",
        "so one of them can take another's name",
        "Name the namespace",
    ),
    "a namespace into another that is exported": (
        [{"namespace": "shop"}, {"namespace": "evil", "alias": {"namespace": "shop"}}],
        "FED311",
        "mesh_exports, rule 2",
        "and rule 1 give services of different namespaces exported names in the one namespace shop for west",
        "another alias.namespace",
    ),
    "a namespace into one that a rule for all of them offers": (
        [{"name": "cart"}, {"namespace": "evil", "alias": {"namespace": "shop"}}],
        "FED311",
        "mesh_exports, rule 2",
        "the one namespace shop",
        "another alias.namespace",
    ),
    "labels behind a whole namespace": (
        [{"namespace": "shop"}, {"namespace": "shop", "label_selectors": ["a=b"]}],
        "FED312",
        "mesh_exports, rule 2",
        "",
        "first",
    ),
}
IMPORTS_THAT_ARE_REFUSED = {
    "an unknown key": ([{**CART, "to": []}], "FED317", "mesh_imports, rule 1", "has the unknown key to", "Known are"),
    "an unknown peer": ([{"from": ["north"]}], "FED302", "mesh_imports, rule 1, from", "names north, which is not in mesh_peers", "Known peers: west"),
    "a wildcard as local": ([{"namespace": "shop", "import_as_local": True}], "FED313", "mesh_imports, rule 1", "what a wildcard matches", "one rule for each"),
    "a wildcard as local, spelled out": (
        [{"name": "cart", "import_as_local": True, "alias": {"namespace": "*"}}],
        "FED313",
        "mesh_imports, rule 1",
        "so the peer would choose the names of services in this cluster",
        "with its name and namespace",
    ),
    "a wildcard as local into a namespace": (
        [{"namespace": "shop", "import_as_local": True, "alias": {"namespace": "shop"}}],
        "FED313",
        "mesh_imports, rule 1",
        "the peer would choose",
        "one rule for each",
    ),
    "as local into the control plane": (
        [{**CART, "import_as_local": True, "alias": {"namespace": "east-mesh-system"}}],
        "FED323",
        "mesh_imports, rule 1",
        "the namespace east-mesh-system, which is the control plane's own",
        "namespace of an application",
    ),
    "as local into the platform": ([{**CART, "namespace": "kube-system", "import_as_local": True}], "FED323", "mesh_imports, rule 1", "the platform's", "appl"),
    "all namespaces into one": ([{"name": "cart", "alias": {"namespace": "shop"}}], "FED311", "mesh_imports, rule 1", "every namespace", "Name the namespace"),
    "two namespaces into one": (
        [{"namespace": "bank", "alias": {"namespace": "shop"}}, {"namespace": "shop"}],
        "FED311",
        "mesh_imports, rule 2",
        "and rule 1 give services of different namespaces imported names in the one namespace shop for west",
        "another alias.namespace",
    ),
    "a top-level domain": ([{"domain_suffix": "com"}], "FED310", "mesh_imports, rule 1, domain_suffix", "com is a single label", "a domain of your own"),
    "a suffix with a long label": ([{"domain_suffix": f"{'a' * 64}.b"}], "FED310", "mesh_imports, rule 1, domain_suffix", "is no DNS name", "labels"),
    "a suffix beside as local": ([{**CART, "import_as_local": True, "domain_suffix": "a.b"}], "FED310", "mesh_imports, rule 1", "overrides", "out"),
    "a suffix with a dot in front": ([{"domain_suffix": ".a.b"}], "FED310", "mesh_imports, rule 1, domain_suffix", ".a.b is no DNS name", "none at the ends"),
    "a suffix with a dot behind": ([{"domain_suffix": "a.b."}], "FED310", "mesh_imports, rule 1, domain_suffix", "a.b. is no DNS name", "none at the ends"),
    "a suffix that is a number": ([{"domain_suffix": 7}], "FED310", "mesh_imports, rule 1, domain_suffix", "7 is no DNS name", "DNS labels"),
    "an alias that is no label": (
        [{**CART, "alias": {"namespace": "a/b"}}],
        "FED316",
        "mesh_imports, rule 1, alias.namespace",
        "'a/b' is no DNS label",
        "lower",
    ),
    "two rules one name": (
        [{**CART, "alias": {"name": "basket"}}, {"name": "basket", "namespace": "shop"}],
        "FED311",
        "mesh_imports, rule 2",
        "and rule 1 both give the imported name basket.shop for west",
        "Give one of them another alias",
    ),
    "one name for many": ([{"alias": {"name": "x"}}], "FED311", "mesh_imports, rule 1", "gives every service that it matches the one name x", "alias.name"),
    "a rule that is never reached": ([{}, CART], "FED312", "mesh_imports, rule 2", "is never reached for west", "Put the specific rule first"),
    "a maybe": ([{**CART, "import_as_local": "perhaps"}], "FED317", "mesh_imports, rule 1, import_as_local", "is 'perhaps'", "true or false"),
}


@pytest.mark.parametrize(("rules", "code", "where", "what", "fix"), EXPORTS_THAT_ARE_REFUSED.values(), ids=EXPORTS_THAT_ARE_REFUSED)
def test_export_rules_that_cannot_work_are_refused(rules, code, where, what, fix):
    error = refusal(exports=rules)
    assert (error.code, error.where) == (code, where)
    assert what in error.what and fix in error.fix


@pytest.mark.parametrize(("rules", "code", "where", "what", "fix"), IMPORTS_THAT_ARE_REFUSED.values(), ids=IMPORTS_THAT_ARE_REFUSED)
def test_import_rules_that_cannot_work_are_refused(rules, code, where, what, fix):
    error = refusal(imports=rules)
    assert (error.code, error.where) == (code, where)
    assert what in error.what and fix in error.fix


EMPTY = [None, "", " ", [], {}, ()]


@pytest.mark.parametrize("value", EMPTY, ids=repr)
@pytest.mark.parametrize(
    ("option", "rule", "key", "code"),
    [
        *(("exports", {"namespace": "shop"}, key, "FED317") for key in ("name", "namespace", "alias", "to")),
        ("exports", {"namespace": "shop"}, "label_selectors", "FED314"),
        *(("imports", {"namespace": "shop"}, key, "FED317") for key in ("name", "namespace", "alias", "from", "import_as_local", "domain_suffix")),
    ],
)
def test_a_key_of_a_rule_that_is_there_and_empty_is_refused(option, rule, key, code, value):
    error = refusal(**{option: [{**rule, key: value}]})
    assert (error.code, error.where, error.what) == (code, f"mesh_{option}, rule 1, {key}", "is there and empty")
    assert "without it, it means" in error.fix


@pytest.mark.parametrize("value", EMPTY, ids=repr)
@pytest.mark.parametrize("key", ["local_name", "root_fingerprints", "same_cluster", "suspended", "adopt", "gateways"])
def test_a_key_of_a_peer_that_is_there_and_empty_is_refused(key, value):
    error = refusal(peers=[{"name": "west", key: value}])
    assert (error.code, error.where, error.what) == ("FED317", f"mesh_peers, west, {key}", "is there and empty")


@pytest.mark.parametrize("value", EMPTY, ids=repr)
@pytest.mark.parametrize("key", sorted(Gateways.__dataclass_fields__))
def test_a_gateway_setting_that_is_there_and_empty_is_refused(key, value):
    error = refusal(peers=[{"name": "west", "gateways": {key: value}}])
    assert (error.code, error.where, error.what) == ("FED317", f"mesh_peers, west, gateways, {key}", "is there and empty")
    error = refusal(gateways={key: value})
    assert (error.code, error.where, error.what) == ("FED317", f"mesh_gateways, {key}", "is there and empty")


@pytest.mark.parametrize("key", ["name", "namespace"])
def test_a_part_of_an_alias_that_is_there_and_empty_is_refused(key):
    error = refusal(exports=[{**CART, "alias": {key: ""}}])
    assert (error.code, error.where) == ("FED317", f"mesh_exports, rule 1, alias, {key}")


def test_an_annotation_and_a_node_s_label_may_be_empty_texts():
    gateways = peer(gateways={"annotations": {"internal": ""}, "node_selector": {"node-role.kubernetes.io/infra": ""}}).gateways
    assert gateways.annotations == {"internal": ""} and gateways.node_selector == {"node-role.kubernetes.io/infra": ""}


@pytest.mark.parametrize("value", [False, 0, 0.0, True, 7])
@pytest.mark.parametrize("key", ["ingress", "egress", "service_type"])
def test_what_is_no_name_does_not_mean_the_default_name(key, value):
    assert refusal(peers=[{"name": "west", "gateways": {key: value}}]).where.startswith("mesh_peers, west, gateways")


@pytest.mark.parametrize("value", ["\u0663\u0663", "\uff18\uff10", "\u00b2"])
def test_digits_are_ascii(value):
    assert refusal(peers=[{"name": "west", "gateways": {"discovery_port": value}}]).code == "FED307"


@pytest.mark.parametrize("suffix", ["cluster.local", "svc.cluster.local", "x.cluster.local", "default.svc.cluster.local"])
def test_a_suffix_that_shares_names_with_the_cluster_is_refused(suffix):
    with pytest.raises(FederationError, match="FED310"):
        described(imports=[{"domain_suffix": suffix}]).check_suffixes()


def test_a_suffix_above_the_cluster_s_domain_is_refused():
    with pytest.raises(FederationError, match="FED310 mesh_imports, rule 1: domain_suffix corp.example and the cluster's domain ocp.corp.example share"):
        described(imports=[{"domain_suffix": "corp.example"}]).check_suffixes("ocp.corp.example")
    described(imports=[{"domain_suffix": "p.corp.example"}]).check_suffixes("ocp.corp.example")


def test_a_suffix_under_which_another_peer_is_imported_is_refused():
    error = refusal(peers=["west", "north"], imports=[{"namespace": "shop", "domain_suffix": "svc.north-imports.local"}])
    assert (error.code, error.where) == ("FED310", "mesh_imports, rule 1, domain_suffix")
    described(["west", "north"], imports=[{"namespace": "shop", "domain_suffix": "svc.north-imports.local", "from": ["north"]}])


def test_a_suffix_of_the_cluster_itself_is_refused():
    with pytest.raises(FederationError, match="FED310 mesh_imports, rule 1: domain_suffix svc.cluster.local is the cluster's own") as raised:
        described(imports=[{"domain_suffix": "svc.cluster.local"}]).check_suffixes()
    assert raised.value.fix == "Use import_as_local: true, or another suffix"
    described(imports=[{"domain_suffix": "svc.cluster.local"}]).check_suffixes("other.domain")
    with pytest.raises(FederationError, match="FED310"):
        described(imports=[{"domain_suffix": "svc.other.domain"}]).check_suffixes("other.domain")


WEB = {"name": "web", "namespace": "shop"}
RULES_THAT_WORK = {
    "the specific rule first": [CART, {"namespace": "shop"}],
    "one namespace each": [{"namespace": "shop"}, {"namespace": "bank"}],
    "names that aliases keep apart": [CART, {"name": "cart", "namespace": "bank", "alias": {"namespace": "money"}}],
    "a renamed service beside the rest of its namespace": [{**CART, "alias": {"name": "basket"}}, {"namespace": "shop"}],
    "one application in the default namespace": [{"name": "web", "namespace": "default"}],
    "two namespaces under a name of our choice": [{"namespace": name, "alias": {"namespace": "public"}} for name in ("shop", "bank")],
    "fixed names of two namespaces in one": [{**CART, "alias": {"namespace": "all"}}, {"name": "web", "namespace": "bank", "alias": {"namespace": "all"}}],
    "one name for a service of any namespace": [{"name": "cart", "alias": {"name": "basket"}}],
    "a label before the rest": [{"namespace": "shop", "label_selectors": ["a=b"]}, {"namespace": "shop"}],
    "labels that differ": [{"label_selectors": ["a=b"]}, {"label_selectors": ["a=c"]}],
}


@pytest.mark.parametrize("rules", RULES_THAT_WORK.values(), ids=RULES_THAT_WORK)
def test_rules_that_work_are_taken_in_their_order(rules):
    assert [rule.number for rule in described(exports=rules).exports] == list(range(1, len(rules) + 1))
    if not any("label_selectors" in rule for rule in rules):
        assert len(described(imports=rules).imports) == len(rules)


def test_rules_for_different_peers_do_not_meet():
    described(["west", "north"], exports=[{**CART, "to": ["west"]}, {**CART, "to": ["north"]}])
    with pytest.raises(FederationError, match="FED312 mesh_exports, rule 2: is never reached for north"):
        described(["west", "north"], exports=[CART, {**CART, "to": ["north"]}])


def test_one_service_may_be_imported_as_local_and_under_another_suffix():
    described(imports=[{**WEB, "import_as_local": True}, {**CART, "alias": {"name": "web"}, "domain_suffix": "a.b"}])


# --- whatever is described, it is taken or refused

KEYS = st.sampled_from(["name", "namespace", "alias", "to", "from", "gateways", "west"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "*", "west", "a.b", "../x", "{{ x }}", "\u0435ast", "x" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3))
def test_whatever_is_described_is_taken_or_refused(peers, exports, imports):
    try:
        described(peers, exports=exports, imports=imports)
    except FederationError as error:
        assert error.code.startswith(("FED3", "FED2"))
        assert error.where and error.what and error.fix


@given(st.sampled_from(["local_name", "root_fingerprints", "same_cluster", "suspended", "adopt", "gateways"]), VALUES)
def test_whatever_stands_in_a_peer_is_taken_or_refused(key, value):
    try:
        described([{"name": "west", key: value}])
    except FederationError as error:
        assert error.where.startswith("mesh_peers, west")


@given(st.sampled_from(sorted(Gateways.__dataclass_fields__)), VALUES)
def test_whatever_stands_in_a_gateway_is_taken_or_refused(key, value):
    try:
        described([{"name": "west", "gateways": {key: value}}])
    except FederationError as error:
        assert error.where.startswith("mesh_peers, west")


def test_a_hub_with_many_peers_is_described_in_a_moment():
    started = time.process_time()
    mesh = described([f"spoke-{number}" for number in range(2000)], exports=[{"namespace": "shop"}], imports=[{}])
    assert len(mesh.peers) == 2000
    assert time.process_time() - started < 5


def test_a_peers_locality_stands_on_what_is_imported_from_it():
    peers = [{"name": "west", "locality": {"zone": "b", "region": "eu-west"}}]
    mesh = Mesh.described(name="east", namespace="east-mesh-system", control_plane="basic", peers=peers)
    assert plan_imports(mesh, mesh.peers[0])["spec"] == {"locality": {"region": "eu-west", "zone": "b"}, "importRules": []}


@pytest.mark.parametrize("locality", [{"zone": "b"}, {"region": "eu", "subzone": "r"}, "eu", {"region": "eu west"}, {"area": "eu"}, {"region": None}])
def test_a_locality_that_istiod_would_drop_is_refused(locality):
    with pytest.raises(FederationError) as refused:
        Mesh.described(name="east", namespace="e", control_plane="basic", peers=[{"name": "west", "locality": locality}])
    assert refused.value.code == "FED856"


def test_a_peer_without_ansible_is_a_mesh_of_its_own_with_this_one_as_its_peer():
    known = {"namespace": "mesh", "control_plane": "main", "version": "v2.5", "exports": [{"name": "a", "namespace": "b"}]}
    (west,) = described([{"name": "west", "kubectl": known}]).peers
    assert (west.half.mesh.name, west.half.mesh.namespace, west.half.mesh.control_plane, west.half.version) == ("west", "mesh", "main", "v2.5")
    assert (west.half.peer.name, west.half.peer.gateways.ingress) == ("east", "east-ingress")
    assert [rule.name for rule in west.half.mesh.exports] == ["a"]


@pytest.mark.parametrize(
    ("kubectl", "said"),
    [
        ({"control_plane": "basic"}, "FED350 mesh_peers, west, kubectl: has no namespace"),
        ({"namespace": "mesh"}, "FED350 mesh_peers, west, kubectl: has no control_plane"),
        ({"namespace": "mesh", "control_plane": "basic", "version": "1.1"}, "FED350 mesh_peers, west, kubectl, version"),
        ({"namespace": "", "control_plane": "basic"}, "FED317 mesh_peers, west, kubectl, namespace"),
        ({"namespace": "Mesh", "control_plane": "basic"}, "FED303 mesh_peers, west, kubectl, namespace"),
        ({"namespace": "mesh", "control_plane": "basic", "export": []}, "FED317 mesh_peers, west, kubectl: has the unknown key export"),
        ({"namespace": "mesh", "control_plane": "basic", "exports": [{"nam": "a"}]}, "FED317 mesh_peers, west, kubectl, exports, rule 1"),
        ({"namespace": "mesh", "control_plane": "basic", "gateways": {"service_type": "x"}}, "FED307 mesh_peers, west, kubectl, gateways, service_type: is"),
        ({"namespace": "mesh", "control_plane": "basic", "gateways": {"ingress": ""}}, "FED317 mesh_peers, west, kubectl, gateways, ingress: is"),
        ({"namespace": "mesh", "control_plane": "basic", "gateways": {"addresses": ["0.0.0.0"]}}, "FED219 mesh_peers, west, kubectl, gateways"),
        ({"namespace": "m" * 60, "control_plane": "basic"}, "FED307 mesh_peers, west, kubectl, gateway east-ingress: is too long"),
        ({"namespace": "mesh", "control_plane": "basic", "imports": "shop"}, "FED317 mesh_peers, west, kubectl, imports: is not a list"),
        ({"namespace": "mesh", "control_plane": "basic", "imports": [{"from": ["x"]}]}, "FED302 mesh_peers, west, kubectl, imports, rule 1, from"),
        ("west-mesh-system", "FED317 mesh_peers, west, kubectl: is not a mapping"),
    ],
)
def test_what_is_said_of_a_peer_without_ansible_is_checked_in_the_users_own_words(kubectl, said):
    with pytest.raises(FederationError, match=f"^{said}"):
        described([{"name": "west", "kubectl": kubectl}])
