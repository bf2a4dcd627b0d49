# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One broken input per code and more: what is broken in the healthy set-up, the code that must come, and the place it
must name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Ingress, Port
from ansible_collections.ossm.federation.tests.unit.findings.setups import (
    SPACE,
    Setup,
    ago,
    base,
    card_of,
    export,
    gateway_service,
    put_platform,
    standing,
)
from ansible_collections.ossm.federation.tests.unit.pem import intermediate, leaf, private_key, root


@dataclass(frozen=True)
class Case:
    """One broken input: ``code`` must come, alone of its kind, at ``place``."""

    code: str
    name: str
    place: str
    breaks: Callable[[Setup], Setup | None]
    also: tuple[str, ...] = ()

    def setup(self) -> Setup:
        """Return the healthy set-up with this broken, or the one that the case makes itself."""
        setup = base()
        return self.breaks(setup) or setup


CASES: list[Case] = []


def breaks(code: str, place: str, also: tuple[str, ...] = ()) -> Callable:
    """Note down a case; its function breaks the set-up, or returns another. ``also`` are codes that it cannot avoid."""

    def note(function: Callable) -> Callable:
        CASES.append(Case(code, function.__name__.replace("_", " "), place, function, also))
        return function

    return note


# Gateways and the control plane


@breaks("FED701", "additionalEgress.west-egress")
def the_network_view_of_the_documentation(setup):
    setup.egress()["requestedNetworkView"] = ["west-network"]


@breaks("FED702", "additionalIngress.west-ingress")
def enabled_left_out(setup):
    del setup.ingress()["enabled"]


@breaks("FED703", "additionalEgress.west-egress")
def a_gateway_in_another_namespace(setup):
    setup.egress()["namespace"] = "gateways"


@breaks("FED704", "ServiceMeshPeer west, spec.gateways.egress")
def a_peer_that_names_no_gateway_of_the_control_plane(setup):
    setup.peer()["gateways"]["egress"]["name"] = "egress-for-west"


@breaks("FED705", f"ServiceMeshPeer {SPACE}/{'w' * 56}")
def a_peer_s_name_too_long(setup):
    rename_by_hand(setup, "w" * 56)


@breaks("FED705", "additionalIngress." + "i" * 50)
def a_gateway_s_name_too_long(setup):
    name = "i" * 50
    setup.control_plane["gateways"]["additionalIngress"][name] = setup.ingress()
    setup.peer()["gateways"]["ingress"]["name"] = name
    gateway_service(setup, name, setup.ingress())


@breaks("FED706", "additionalIngress.west-ingress")
def no_federation_label(setup):
    setup.ingress()["service"]["metadata"]["labels"] = {"owner": "team"}


@breaks("FED707", "Gateway shop/web")
def a_user_gateway_that_selects_every_ingress(setup):
    setup.put("Gateway", "web", "shop", spec={"selector": {"istio": "ingressgateway"}})


@breaks("FED708", "additionalIngress.west-ingress")
def a_route_from_2_5_on(setup):
    newer = again(setup, (2, 5))
    newer.ingress()["routeConfig"] = {"enabled": True}
    return newer


@breaks("FED709", "additionalIngress.west-ingress")
def one_ingress_for_two_peers(setup):
    setup.by_hand("north", "west")
    setup.options["peers"] = ["south"]
    setup.peer("north")["gateways"]["ingress"]["name"] = "west-ingress"


@breaks("FED710", "additionalEgress.west-egress")
def one_egress_for_two_peers(setup):
    setup.peer("north")["gateways"]["egress"]["name"] = "west-egress"
    setup.egress()["requestedNetworkView"] = ["network-west", "network-north"]


@breaks("FED711", f"ServiceMeshPeer {SPACE}/west")
def a_hand_made_peer_called_like_the_cluster(setup):
    setup.by_hand("west")
    setup.control_plane["cluster"] = {"name": "west"}


@breaks("FED712", f"ServiceMeshControlPlane {SPACE}/basic")
def another_cluster_domain(setup):
    setup.options["imports"] = []
    setup.control_plane["proxy"] = {"networking": {"clusterDomain": "corp.local"}}


@breaks("FED713", "additionalIngress.west-ingress")
def a_gateway_without_the_discovery_port(setup):
    setup.ingress()["service"]["ports"] = [{"name": "tls", "port": 15443}]


@breaks("FED713", "additionalEgress.west-egress")
def a_target_port_of_its_own(setup):
    setup.egress()["service"]["ports"][0]["targetPort"] = 8443


@breaks("FED713", f"Service {SPACE}/west-ingress")
def a_live_service_with_another_target_port(setup):
    setup.live("Service", "west-ingress")["spec"]["ports"][0]["targetPort"] = 8443


@breaks("FED714", f"Service {SPACE}/west-ingress")
def a_classic_load_balancer(setup):
    balancer = {"ingress": [{"hostname": "a1b2c3-1234567890.eu-west-1.elb.amazonaws.com"}]}
    setup.live("Service", "west-ingress")["status"] = {"loadBalancer": balancer}


@breaks("FED714", "Card of west")
def a_peer_behind_a_classic_load_balancer(setup):
    address = "a1b2c3-1234567890.eu-west-1.elb.amazonaws.com"
    setup.cards["west"] = card_of("west", (export("stock"),), address=address)
    setup.peer()["remote"]["addresses"] = [address]


@breaks("FED715", f"Service {SPACE}/west-egress")
def a_gateway_whose_service_was_never_made(setup):
    del setup.objects[("Service", SPACE, "west-egress")]


@breaks("FED716", f"Service {SPACE}/west-ingress")
def external_ips_that_were_not_applied(setup):
    setup.ingress()["service"]["externalIPs"] = ["203.0.113.5"]


@breaks("FED717", f"Service {SPACE}/west-ingress")
def no_network_policy_for_an_additional_ingress_of_2_1_0(setup):
    older = again(setup, (2, 1))
    older.live("ServiceMeshControlPlane", "basic")["status"]["chartVersion"] = "2.1.0"
    for name in ("west", "north"):
        policy = {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}], "policyTypes": ["Ingress"]}
        older.put("NetworkPolicy", "istio-mesh-basic", spec=policy)
        opened = {"podSelector": {"matchLabels": {"app": "north-ingress"}}, "ingress": [{}], "policyTypes": ["Ingress"]}
        older.put("NetworkPolicy", f"{name}-open", spec=opened)
    return older


@breaks("FED718", "spec.security.dataPlane")
def automatic_mtls_switched_off(setup):
    setup.control_plane["security"]["dataPlane"] = {"automtls": False}


@breaks("FED719", "trust domain aliases")
def a_hand_made_peer_s_trust_domain_among_the_aliases(setup):
    setup.by_hand("west")
    setup.control_plane["security"]["trust"]["additionalDomains"] = ["west.local"]


@breaks("FED719", "trust domain aliases")
def a_trust_domain_among_the_aliases_by_a_technology_preview(setup):
    setup.by_hand("north")
    setup.control_plane["techPreview"] = {"meshConfig": {"trustDomainAliases": ["north.local"]}}


@breaks("FED720", f"ServiceMeshControlPlane {SPACE}/basic")
def endpoint_slices_switched_off(setup):
    pilot_env(setup, PILOT_USE_ENDPOINT_SLICE="false")


@breaks("FED721", f"ServiceMeshControlPlane {SPACE}/basic")
def federation_switched_off(setup):
    pilot_env(setup, PILOT_ENABLE_FEDERATION="false")


@breaks("FED722", "spec.cluster.multiCluster")
def several_networks_on_2_3(setup):
    setup.control_plane["cluster"] = {"multiCluster": {"enabled": True}}


@breaks("FED723", f"ServiceMeshMemberRoll {SPACE}/default")
def many_members_on_2_3(setup):
    members = ["shop", *(f"team-{number}" for number in range(60))]
    setup.put("ServiceMeshMemberRoll", "default", status={"configuredMembers": members})


@breaks("FED724", f"ImportedServiceSet {SPACE}/north")
def failover_by_locality_on_2_3(setup):
    setup.live("ImportedServiceSet", "north")["spec"]["locality"] = {"region": "eu-west"}


@breaks("FED725", "API server api.east.a1b2.p1.openshiftapps.com", also=("FED753",))
def a_managed_cluster_with_2_1(setup):
    older = again(setup, (2, 1))
    older.server = "https://api.east.a1b2.p1.openshiftapps.com:6443"
    return older


@breaks("FED726", f"ServiceMeshControlPlane {SPACE}/basic")
def a_control_plane_that_is_not_ready(setup):
    setup.live("ServiceMeshControlPlane", "basic")["status"]["conditions"][1]["status"] = "False"


# Peers and trust


@breaks("FED730", f"ServiceMeshPeer {SPACE}/west, spec.security.clientID")
def a_client_identity_with_spiffe(setup):
    setup.by_hand("west")
    setup.peer()["security"]["clientID"] = "spiffe://west.local/ns/west-mesh-system/sa/east-egress-service-account"


@breaks("FED730", f"ServiceMeshPeer {SPACE}/west, spec.security.clientID")
def a_client_identity_with_a_wildcard(setup):
    setup.by_hand("west")
    setup.peer()["security"]["clientID"] = "west.local/ns/west-mesh-system/sa/*"


@breaks("FED730", f"ServiceMeshPeer {SPACE}/west, spec.security.clientID")
def a_client_identity_of_three_parts(setup):
    setup.by_hand("west")
    setup.peer()["security"]["clientID"] = "west.local/sa/east-egress-service-account"


@breaks("FED730", f"ServiceMeshPeer {SPACE}/west, spec.security.clientID")
def a_client_identity_of_a_third_mesh(setup):
    setup.by_hand("west")
    setup.peer()["security"]["clientID"] = "south.local/ns/west-mesh-system/sa/east-egress-service-account"


@breaks("FED731", f"ServiceMeshPeer {SPACE}/west, spec.security.clientID")
def no_client_identity(setup):
    del setup.peer()["security"]["clientID"]


@breaks("FED732", f"ServiceMeshPeer {SPACE}/west, spec.security.trustDomain")
def our_own_trust_domain(setup):
    setup.by_hand("west")
    setup.peer()["security"].update(
        trustDomain="east.local", clientID="east.local/ns/west-mesh-system/sa/x-service-account"
    )


@breaks("FED732", f"ServiceMeshPeer {SPACE}/west, spec.security.trustDomain")
def no_trust_domain(setup):
    setup.by_hand("west")
    del setup.peer()["security"]["trustDomain"]


@breaks("FED733", "Peers north and west")
def two_peers_with_one_trust_domain(setup):
    setup.by_hand("north", "west")
    setup.options["peers"] = ["south"]
    setup.peer("north")["security"] = {**setup.peer("west")["security"]}


@breaks("FED734", f"ConfigMap {SPACE}/west-ca-root-cert")
def no_roots(setup):
    del setup.objects[("ConfigMap", SPACE, "west-ca-root-cert")]


@breaks("FED734", f"ConfigMap {SPACE}/west-ca-root-cert")
def roots_under_another_key(setup):
    setup.live("ConfigMap", "west-ca-root-cert")["data"] = {"ca.crt": root("west")}


@breaks("FED735", f"ConfigMap {SPACE}/west-ca-root-cert, root-cert.pem")
def an_empty_bundle(setup):
    bundle(setup, "")


@breaks("FED735", f"ConfigMap {SPACE}/west-ca-root-cert, root-cert.pem")
def blocks_joined_without_a_newline(setup):
    bundle(setup, root("west").rstrip() + root("west next"))


@breaks("FED736", f"ConfigMap {SPACE}/west-ca-root-cert, root-cert.pem")
def a_private_key_in_the_bundle(setup):
    bundle(setup, root("west") + private_key())


@breaks("FED737", f"ConfigMap {SPACE}/west-ca-root-cert, root-cert.pem")
def a_workload_s_certificate_as_the_root(setup):
    bundle(setup, leaf())


@breaks("FED737", f"ConfigMap {SPACE}/west-ca-root-cert, root-cert.pem")
def an_intermediate_without_its_root(setup):
    bundle(setup, intermediate())


@breaks("FED233", f"ConfigMap {SPACE}/west-ca-root-cert, root-cert.pem")
def a_root_with_a_key_that_proxies_do_not_take(setup):
    bundle(setup, root("west weak"))


@breaks("FED738", f"ConfigMap {SPACE}/west-ca-root-cert, root")
def a_root_that_ends_in_twelve_days(setup):
    bundle(setup, root("west soon", days=12))


@breaks("FED738", f"ConfigMap {SPACE}/west-ca-root-cert, root-cert.pem")
def a_root_that_has_ended(setup):
    bundle(setup, root("west ended", days=-2))


@breaks("FED738", "Root of east")
def our_own_root_about_to_end(setup):
    setup.live("ConfigMap", "istio-ca-root-cert")["data"]["root-cert.pem"] = root("east soon", days=12)


@breaks("FED739", f"ServiceMeshPeer {SPACE}/west, spec.security.certificateChain")
def roots_in_a_secret(setup):
    setup.peer()["security"]["certificateChain"]["kind"] = "Secret"


@breaks("FED740", f"ServiceMeshPeer {SPACE}/west, spec.remote.addresses")
def an_address_with_a_port(setup):
    setup.by_hand("west")
    setup.peer()["remote"]["addresses"] = ["192.0.2.1", "192.0.2.2:8188"]


@breaks("FED740", f"ServiceMeshPeer {SPACE}/west, spec.remote.addresses")
def an_address_with_an_underscore(setup):
    setup.by_hand("west")
    setup.peer()["remote"]["addresses"] = ["west_gateway.example.com"]


@breaks("FED741", f"ServiceMeshPeer {SPACE}/west, spec.remote.addresses")
def no_address(setup):
    setup.peer()["remote"]["addresses"] = []


@breaks("FED741", f"ServiceMeshPeer {SPACE}/west, spec.remote.addresses")
def no_address_in_a_peer_made_by_hand(setup):
    setup.by_hand("west")
    setup.peer()["remote"]["addresses"] = []


@breaks("FED742", f"ServiceMeshPeer {SPACE}/west")
def another_address_than_on_the_card(setup):
    setup.peer()["remote"]["addresses"] = ["192.0.2.99"]


@breaks("FED742", f"ServiceMeshPeer {SPACE}/west")
def a_hand_made_peer_with_other_roots_than_the_card(setup):
    setup.live("ConfigMap", "west-ca-root-cert")["data"]["root-cert.pem"] = root("west before")
    for kind, name in (("ServiceMeshPeer", "west"), ("ConfigMap", "west-ca-root-cert")):
        setup.live(kind, name)["metadata"].pop("labels")


@breaks("FED743", f"ServiceMeshPeer {SPACE}/west")
def a_peer_that_never_answered(setup):
    watch(setup, connected=False, lastDisconnectStatus="503 Service Unavailable")


@breaks("FED743", f"ServiceMeshPeer {SPACE}/west")
def a_peer_that_accepts_and_sends_no_list(setup):
    watch(setup, connected=True, lastFullSync=ago(hours=3))


@breaks("FED744", f"ServiceMeshPeer {SPACE}/west")
def a_peer_that_istiod_does_not_take_up(setup):
    del setup.live("ServiceMeshPeer", "west")["status"]


@breaks("FED745", f"ExportedServiceSet {SPACE}/west")
def a_peer_deleted_with_live_exports(setup):
    setup.by_hand("west")
    del setup.objects[("ServiceMeshPeer", SPACE, "west")]
    del setup.objects[("ImportedServiceSet", SPACE, "west")]


@breaks("FED745", f"ServiceMeshPeer {SPACE}/west")
def a_peer_that_is_being_deleted_with_live_exports(setup):
    setup.by_hand("west")
    setup.live("ServiceMeshPeer", "west")["metadata"]["deletionTimestamp"] = ago(minutes=1)


@breaks("FED746", f"ImportedServiceSet {SPACE}/west")
def imports_that_outlived_their_peer(setup):
    setup.by_hand("west")
    del setup.objects[("ServiceMeshPeer", SPACE, "west")]
    del setup.objects[("ExportedServiceSet", SPACE, "west")]


@breaks("FED747", f"ExportedServiceSet {SPACE}/exports-for-west")
def a_set_of_exports_with_a_name_of_its_own(setup):
    setup.put("ExportedServiceSet", "exports-for-west", spec={"exportRules": [by_name("shop", "cart")]})


@breaks("FED747", f"ImportedServiceSet {SPACE}/imports-from-west")
def a_set_of_imports_with_a_name_of_its_own(setup):
    setup.put("ImportedServiceSet", "imports-from-west", spec={"importRules": [by_name("shop", "stock")]})


@breaks("FED748", "ServiceMeshPeer shop/south")
def a_peer_in_a_member_namespace(setup):
    setup.put("ServiceMeshPeer", "south", "shop", spec={})


@breaks("FED749", f"ConfigMap {SPACE}/istio-ca-root-cert")
def a_plugged_in_ca_on_2_1_0(setup):
    older = again(setup, (2, 1))
    older.live("ServiceMeshControlPlane", "basic")["status"]["chartVersion"] = "2.1.0"
    older.control_plane["security"]["certificateAuthority"] = {"type": "Istiod", "istiod": {"type": "PrivateKey"}}
    return older


# Exports


@breaks("FED760", f"ExportedServiceSet {SPACE}/west, exportRules[0]")
def a_rule_for_everything(setup):
    hand_written_exports(setup, {"type": "NameSelector", "nameSelector": {}})


@breaks("FED760", f"ExportedServiceSet {SPACE}/west, exportRules[0]")
def a_rule_for_the_control_plane_s_namespace(setup):
    hand_written_exports(setup, by_name(SPACE, "*"))


@breaks("FED761", "Service shop/cart")
def a_service_with_two_ports(setup):
    setup.service("cart", ports=(Port("http", 80, "HTTP"), Port("http-admin", 8080, "HTTP")))


@breaks("FED761", "Card of west, stock.shop.svc.east-exports.local")
def a_service_with_two_ports_on_a_card(setup):
    offers(setup, export("stock", "shop", Port("http", 80, "HTTP"), Port("http-admin", 8080, "HTTP")))


@breaks("FED761", "Service shop/cart")
def a_service_with_two_ports_under_a_hand_written_rule(setup):
    hand_written_exports(setup, by_name("shop", "cart"))
    setup.service("cart", ports=(Port("http", 80, "HTTP"), Port("http-admin", 8080, "HTTP")))


@breaks("FED762", f"ExportedServiceSet {SPACE}/west")
def two_services_under_one_exported_name(setup):
    one = {"alias": {"name": "one", "namespace": "public"}}
    setup.service("other")
    hand_written_exports(setup, by_name("shop", "cart", **one), by_name("shop", "other", **one))


@breaks("FED763", f"ExportedServiceSet {SPACE}/west, exportRules[0]")
def an_alias_that_is_no_dns_label(setup):
    hand_written_exports(setup, by_name("shop", "cart", alias={"name": "my_cart"}))


@breaks("FED764", "Service shop/cart")
def an_annotation_that_hides_an_exported_service(setup):
    setup.live("Service", "cart", "shop")["metadata"]["annotations"] = {"networking.istio.io/exportTo": "."}


@breaks("FED765", "mesh_exports, rule 1")
def a_rule_for_an_external_name(setup):
    setup.live("Service", "cart", "shop")["spec"] = {"type": "ExternalName", "externalName": "cart.example.com"}


@breaks("FED765", f"ExportedServiceSet {SPACE}/west, exportRules[0]")
def a_rule_for_a_service_entry_outside_the_mesh(setup):
    setup.put("ServiceEntry", "api", "shop", spec={"hosts": ["api.example.net"], "location": "MESH_EXTERNAL"})
    hand_written_exports(setup, by_name("shop", "api.example.net"))


@breaks("FED766", f"ExportedServiceSet {SPACE}/west, exportRules[0]")
def a_type_that_does_not_exist(setup):
    hand_written_exports(setup, {"type": "Regex", "nameSelector": {"name": "ca.*"}})


@breaks("FED766", f"ExportedServiceSet {SPACE}/west, exportRules[0]")
def a_selector_of_another_type(setup):
    hand_written_exports(setup, {"type": "NameSelector", "labelSelector": {"namespace": "shop"}})


@breaks("FED766", f"ExportedServiceSet {SPACE}/west, exportRules[0]")
def an_operator_that_labels_do_not_have(setup):
    selector = {"matchExpressions": [{"key": "tier", "operator": "Matches", "values": ["x"]}]}
    hand_written_exports(setup, {"type": "LabelSelector", "labelSelector": {"namespace": "shop", "selector": selector}})


@breaks("FED766", f"ImportedServiceSet {SPACE}/west, importRules[0]")
def a_label_selector_among_imports(setup):
    hand_written_imports(setup, {"type": "LabelSelector", "labelSelector": {}})


@breaks("FED767", f"ExportedServiceSet {SPACE}/west, exportRules[1]")
def a_general_rule_before_a_specific_one(setup):
    hand_written_exports(setup, by_name("shop", "*"), by_name("shop", "cart", alias={"name": "basket"}))


@breaks("FED767", f"ImportedServiceSet {SPACE}/west, importRules[1]")
def a_general_import_before_a_specific_one(setup):
    hand_written_imports(setup, by_name("shop", "*"), by_name("shop", "stock", alias={"name": "depot"}))


@breaks("FED768", "Service shop/cart")
def a_headless_service(setup):
    setup.live("Service", "cart", "shop")["spec"]["clusterIP"] = "None"


@breaks("FED769", "Service shop/cart")
def a_service_without_ports(setup):
    setup.service("cart", ports=())


@breaks("FED769", "Card of west, stock.shop.svc.east-exports.local")
def a_service_with_udp_only_on_a_card(setup):
    offers(setup, export("stock", "shop", Port("dns", 53, "UDP")))


@breaks("FED770", "Service shop/cart")
def a_port_whose_name_says_no_protocol(setup):
    setup.service("cart", ports=(Port("web", 80, "TCP"),))


@breaks("FED771", "mesh_exports, rule 1")
def a_rule_for_a_service_that_is_not_there(setup):
    setup.objects[("Service", "shop", "kart")] = setup.objects.pop(("Service", "shop", "cart"))
    setup.live("Service", "kart", "shop")["metadata"]["name"] = "kart"


@breaks("FED871", "Service shop/cart")
def a_policy_that_lists_local_callers_only(setup):
    rules = [{"from": [{"source": {"principals": ["east.local/ns/shop/sa/web"]}}]}]
    setup.live("Service", "cart", "shop")["spec"]["selector"] = {"app": "cart"}
    setup.put("AuthorizationPolicy", "callers", "shop", spec={"rules": rules})


@breaks("FED772", "mesh_exports, rule 2")
def a_rule_for_a_namespace_that_is_no_member(setup):
    setup.options["exports"].append({"name": "ledger", "namespace": "bank", "to": ["west"]})


# Imports


@breaks("FED780", f"ImportedServiceSet {SPACE}/west, importRules[0]")
def as_local_without_a_namespace(setup):
    hand_written_imports(setup, {**by_name("shop", "stock"), "importAsLocal": True})


@breaks("FED773", f"ImportedServiceSet {SPACE}/west, importRules[0]")
def a_wildcard_as_local(setup):
    hand_written_imports(setup, {**by_name("shop", "*", alias={"namespace": "shop"}), "importAsLocal": True})


@breaks("FED774", "mesh_imports, rule 2")
def as_local_into_a_namespace_that_is_no_member(setup):
    setup.options["imports"][1]["alias"] = {"namespace": "archive"}
    setup.service("pay", "archive")


@breaks("FED774", "mesh_imports, rule 2", also=("FED786",))
def as_local_into_a_namespace_that_is_no_member_and_without_a_service(setup):
    setup.options["imports"][1]["alias"] = {"namespace": "archive"}


@breaks("FED775", f"ImportedServiceSet {SPACE}/west, importRules[0]", also=("FED774",))
def as_local_into_the_platform(setup):
    hand_written_imports(setup, {**by_name("shop", "stock", alias={"namespace": "kube-system"}), "importAsLocal": True})


@breaks("FED775", f"ImportedServiceSet {SPACE}/west, importRules[0]")
def a_suffix_above_the_cluster_s_own(setup):
    hand_written_imports(setup, {**by_name("shop", "stock"), "domainSuffix": "local"})


@breaks("FED315", "mesh_exports, rule 1")
def a_rule_that_meets_the_control_plane(setup):
    setup.options["exports"] = [{"label_selectors": ["app"], "to": ["west"]}]
    setup.service("istiod-basic", SPACE)["metadata"]["labels"] = {"app": "istiod"}


@breaks("FED781", f"ImportedServiceSet {SPACE}/west, importRules[0]")
def the_cluster_s_own_suffix(setup):
    hand_written_imports(setup, {**by_name("shop", "stock"), "domainSuffix": "svc.cluster.local"})


@breaks("FED782", f"ImportedServiceSet {SPACE}/west, importRules[0]")
def many_under_one_alias(setup):
    hand_written_imports(setup, by_name("shop", "*", alias={"name": "one"}))


@breaks("FED782", "Imported host one.public.svc.west-imports.local")
def two_under_one_alias(setup):
    one = {"alias": {"name": "one", "namespace": "public"}}
    hand_written_imports(setup, by_name("shop", "stock", **one), by_name("shop", "depot", **one))
    hosts = [f"{name}.shop.svc.east-exports.local" for name in ("stock", "depot")]
    rows = [{"exportedName": host, "localService": {"hostname": "one.public.svc.west-imports.local"}} for host in hosts]
    setup.live("ImportedServiceSet", "west")["status"] = {"importedServices": rows}


@breaks("FED783", f"ImportedServiceSet {SPACE}/west")
def a_set_that_was_made_again_and_taken_for_the_old_one(setup):
    live = setup.live("ImportedServiceSet", "west")
    live["metadata"]["generation"] = 1
    live["status"] = {
        "importedServices": [{"exportedName": "stock.shop.svc.east-exports.local", "localService": {"hostname": ""}}]
    }


@breaks("FED784", f"ImportedServiceSet {SPACE}/west, spec.locality")
def a_zone_without_its_region(setup):
    setup.live("ImportedServiceSet", "west")["spec"]["locality"] = {"zone": "eu-west-1a"}


@breaks("FED784", f"ImportedServiceSet {SPACE}/west, spec.locality")
def a_subzone_without_its_zone(setup):
    setup.live("ImportedServiceSet", "west")["spec"]["locality"] = {"region": "eu-west", "subzone": "rack-1"}


@breaks("FED785", "Service shop/pay")
def another_port_name_than_on_the_card(setup):
    setup.service("pay", ports=(Port("http-pay", 80, "HTTP"),))


@breaks("FED786", "Service shop/pay")
def as_local_without_a_local_service(setup):
    del setup.objects[("Service", "shop", "pay")]


@breaks("FED869", "Service shop/pay")
def as_local_beside_pods_of_our_own(setup):
    setup.service("pay", selector={"app": "pay"})


@breaks("FED787", "Imported hosts")
def two_tcp_services_imported(setup):
    setup.options["imports"][0] = {"namespace": "shop", "from": ["west"]}
    offers(setup, export("stock", "shop", Port("tcp", 5432, "TCP")), export("queue", "shop", Port("tcp", 5672, "TCP")))


@breaks("FED788", "Sidecar shop/default")
def a_sidecar_that_sees_its_own_namespace_only(setup):
    setup.put("Sidecar", "default", "shop", spec={"egress": [{"hosts": ["./*", "istio-system/*"]}]})


@breaks("FED789", f"ImportedServiceSet {SPACE}/west, importRules[0]")
def a_suffix_with_a_dot_at_its_start(setup):
    hand_written_imports(setup, {**by_name("shop", "stock"), "domainSuffix": ".partners.example.com"})


@breaks("FED790", "Imported host stock.shop.mesh.example.com")
def one_name_from_two_peers(setup):
    setup.options["imports"] = [{"name": "stock", "namespace": "shop", "domain_suffix": "mesh.example.com"}]
    setup.cards["north"] = card_of("north", (export("stock"),), address="192.0.2.2")


@breaks("FED791", "mesh_imports, rule 1")
def a_rule_that_matches_nothing_on_the_card(setup):
    offers(setup, export("stock", "public"))


# What would be refused: what was described, cards, the control plane. All of it is told, not the first alone.


def described(code: str, place: str, **options: object) -> None:
    """Note down a case that is wrong in what east's administrator wrote."""

    def change(setup: Setup) -> None:
        setup.options.update(options)

    CASES.append(Case(code, f"described {len(CASES)}", place, change, also=("FED742", "FED747")))


described("FED301", "mesh_peers", peers=[], imports=[])
described("FED302", "mesh_exports, rule 1, to", exports=[{"name": "cart", "namespace": "shop", "to": ["nobody"]}])
described("FED303", "mesh_peers, entry 3, name", peers=["west", "north", "No Name"])
described("FED303", "mesh_control_plane", control_plane="No Name")
described("FED304", "mesh_peers, south", peers=["west", "north", {"name": "south", "local_name": "west"}])
described("FED305", "mesh_peers, east", peers=["west", "north", "east"])
described(
    "FED307",
    "mesh_peers, south, gateways, service_type",
    peers=["west", "north", {"name": "south", "gateways": {"service_type": "Any"}}],
)
described(
    "FED308", "mesh_peers, south", peers=["west", "north", {"name": "south", "gateways": {"service_type": "NodePort"}}]
)
described("FED310", "mesh_imports, rule 1", imports=[{"name": "stock", "namespace": "shop", "domain_suffix": ".dot"}])
described(
    "FED311",
    "mesh_exports, rule 2",
    exports=[{"name": n, "namespace": "shop", "alias": {"name": "one"}} for n in ("cart", "pay")],
)
described("FED312", "mesh_exports, rule 2", exports=[{"namespace": "shop"}, {"name": "cart", "namespace": "shop"}])
described("FED313", "mesh_imports, rule 1", imports=[{"namespace": "shop", "import_as_local": True}])
described("FED314", "mesh_exports, rule 1", exports=[{"namespace": "shop", "label_selectors": ["app ~ web"]}])
described("FED315", "mesh_exports, rule 1", exports=[{"namespace": SPACE}])
described(
    "FED323", "mesh_imports, rule 1", imports=[{"name": "dns", "namespace": "kube-system", "import_as_local": True}]
)
described(
    "FED316",
    "mesh_exports, rule 1, alias.name",
    exports=[{"name": "cart", "namespace": "shop", "alias": {"name": "my_cart"}}],
)
described("FED317", "mesh_exports, rule 1", exports=[{"nmae": "cart", "namespace": "shop"}])
described("FED401", f"ServiceMeshControlPlane {SPACE}/other", control_plane="other")
described("FED404", f"ServiceMeshControlPlane {SPACE}/basic", trust_domain="other.local")


@breaks("FED306", "mesh_peers, west", also=("FED711",))
def a_peer_called_like_the_cluster(setup):
    setup.control_plane["cluster"] = {"name": "west"}


@breaks("FED402", f"ServiceMeshControlPlane {SPACE}/basic")
def a_control_plane_of_2_0(setup):
    setup.control_plane["version"] = "v2.0"
    setup.live("ServiceMeshControlPlane", "basic")["status"]["chartVersion"] = "2.0.11"


@breaks("FED403", f"ServiceMeshControlPlane {SPACE}/basic")
def no_trust_domain_of_our_own(setup):
    del setup.control_plane["security"]["trust"]


@breaks("FED405", f"ConfigMap {SPACE}/istio-ca-root-cert")
def no_root_of_our_own(setup):
    del setup.objects[("ConfigMap", SPACE, "istio-ca-root-cert")]


@breaks("FED408", "spec.security.trust.additionalDomains", also=("FED719",))
def a_peer_s_trust_domain_is_an_alias(setup):
    setup.control_plane["security"]["trust"]["additionalDomains"] = ["west.local"]


@breaks("FED408", "spec.security.trust.additionalDomains", also=("FED719",))
def a_peer_s_trust_domain_is_an_alias_by_a_technology_preview(setup):
    setup.control_plane["techPreview"] = {"meshConfig": {"trustDomainAliases": ["west.local"]}}


@breaks("FED210", "federation_cards, card 1")
def a_root_that_is_not_the_pinned_one(setup):
    setup.options["peers"] = [{"name": "west", "root_fingerprints": ["0" * 64]}, "north"]


@breaks("FED415", "mesh_peers, west", also=("FED709",))
def an_ingress_that_serves_a_peer_made_by_hand(setup):
    setup.by_hand("north")
    setup.peer("north")["gateways"]["ingress"]["name"] = "west-ingress"


@breaks("FED215", "federation_cards, card 1")
def a_card_with_our_trust_domain(setup):
    identity = "east.local/ns/west-mesh-system/sa/east-egress-service-account"
    setup.cards["west"] = dataclasses.replace(setup.cards["west"], trust_domain="east.local", client_id=identity)


@breaks("FED216", "Cards of west and north")
def two_cards_with_one_trust_domain(setup):
    identity = "west.local/ns/north-mesh-system/sa/east-egress-service-account"
    setup.cards["north"] = dataclasses.replace(setup.cards["north"], trust_domain="west.local", client_id=identity)


@breaks("FED217", "federation_cards, card 1", also=("FED742",))
def a_known_peer_with_a_new_identity(setup):
    identity = "west.local/ns/other-mesh-system/sa/east-egress-service-account"
    setup.cards["west"] = dataclasses.replace(setup.cards["west"], client_id=identity)


@breaks("FED221", "federation_cards, card 1")
def an_address_inside_the_peer_s_cluster(setup):
    ingress = Ingress(("east-ingress.west-mesh-system.svc.cluster.local",))
    setup.cards["west"] = dataclasses.replace(setup.cards["west"], ingress=ingress)


def carried(code: str, **changes: object) -> None:
    """Note down a card of west that is not as west wrote it."""

    def change(setup: Setup) -> None:
        setup.raw_cards.append({**setup.cards.pop("west").to_data(), **changes})

    CASES.append(Case(code, f"carried {len(CASES)}", "federation_cards, card", change))


def root_entry(pem: str, fingerprint: str = "") -> list[dict]:
    """Return a card's roots with one text."""
    known = card_of("west").to_data()["roots"][0]["fingerprint"]
    return [{"fingerprint": fingerprint or known, "pem": pem}]


carried("FED202", client_id="x" * (1 << 20))
carried("FED203", kubeconfig="admin")
carried("FED203", issued="yesterday")
carried("FED204", roots=root_entry(root("west") + private_key()))
carried("FED205", roots=root_entry(root("west")[:-40]))
carried("FED206", roots=[])
carried("FED207", roots=root_entry(leaf()))
carried("FED208", roots=root_entry(root("west ended", days=-2)))
carried("FED209", roots=root_entry(root("west"), "0" * 64))
carried("FED211", version=99)
carried("FED213", mesh="east")
carried("FED214", client_id="spiffe://west.local/ns/x/sa/y")
carried("FED214", client_id="south.local/ns/west-mesh-system/sa/east-egress-service-account")
carried("FED215", trust_domain="cluster.local", client_id="cluster.local/ns/x/sa/y")
carried("FED218", issued="2100-01-01T00:00:00Z")
carried("FED219", ingress={"addresses": ["https://gw.example.com"], "discovery_port": 8188, "service_port": 15443})


# What the cases are written with


def again(setup: Setup, version: tuple[int, int]) -> Setup:
    """Return the same set-up on a control plane of another version."""
    return standing(setup, version)


def by_name(namespace: str, name: str, **more: object) -> dict:
    return {"type": "NameSelector", "nameSelector": {"namespace": namespace, "name": name, **more}}


def hand_written_exports(setup: Setup, *rules: dict) -> None:
    setup.by_hand("west")
    setup.live("ExportedServiceSet", "west")["spec"]["exportRules"] = list(rules)


def hand_written_imports(setup: Setup, *rules: dict) -> None:
    setup.by_hand("west")
    live = setup.live("ImportedServiceSet", "west")
    live["spec"]["importRules"] = list(rules)
    live["status"] = {}


def bundle(setup: Setup, text: str) -> None:
    setup.by_hand("west")
    setup.live("ConfigMap", "west-ca-root-cert")["data"]["root-cert.pem"] = text


def offers(setup: Setup, *exports) -> None:
    setup.cards["west"] = card_of("west", exports)
    setup.live("ImportedServiceSet", "west")["status"] = {}


@breaks("FED792", "ClusterVersion version")
def an_openshift_that_is_too_old(setup):
    newer = again(setup, (2, 5))
    put_platform(newer, release="4.12.9")
    return newer


@breaks("FED793", "ClusterVersion version")
def an_update_under_way(setup):
    put_platform(setup)
    version = setup.objects[("ClusterVersion", "", "version")]["status"]
    version["conditions"][1] = {
        "type": "Progressing",
        "status": "True",
        "message": "Working towards 4.17.0: 400 of 900 done",
    }


@breaks("FED794", "Network cluster")
def a_migration_of_the_network(setup):
    put_platform(setup, network="OpenShiftSDN")
    setup.objects[("Network", "", "cluster")]["status"]["migration"] = {"networkType": "OVNKubernetes"}


@breaks("FED795", "Network cluster", also=("FED723",))
def a_multitenant_network_with_many_members(setup):
    put_platform(setup, network="OpenShiftSDN")
    setup.put("ClusterNetwork", "default", "", pluginName="redhat/openshift-ovs-multitenant")
    roll = setup.objects[("ServiceMeshMemberRoll", SPACE, "default")]
    roll["status"]["configuredMembers"] += [f"team-{number}" for number in range(200)]


@breaks("FED796", "API group sailoperator.io")
def the_operator_of_version_3(setup):
    older = again(setup, (2, 5))
    older.groups.add("sailoperator.io")
    return older


@breaks("FED796", "API group install.istio.io")
def the_operator_of_the_community(setup):
    setup.groups.add("install.istio.io")


@breaks("FED797", "spec.addons.kiali.enabled")
def a_kiali_without_its_operator(setup):
    setup.control_plane["addons"] = {"kiali": {"enabled": True}}


@breaks("FED797", "spec.tracing.type")
def a_jaeger_without_its_operator(setup):
    setup.groups.add("kiali.io")
    setup.control_plane["tracing"] = {"type": "Jaeger"}


@breaks("FED798", "Nodes worker-1")
def a_node_of_another_architecture(setup):
    older = again(setup, (2, 4))
    put_platform(older)
    older.objects[("Node", "", "worker-1")]["status"]["nodeInfo"]["architecture"] = "arm64"
    return older


@breaks("FED799", "Network cluster")
def addresses_of_both_families(setup):
    put_platform(setup)
    setup.objects[("Network", "", "cluster")]["status"]["clusterNetwork"].append({"cidr": "fd01::/48"})


IMAGE = "oci://registry.redhat.io/3scale-amp2/3scale-auth-wasm-rhel8:0.0.3"


@breaks("FED750", "WasmPlugin shop/threescale")
def a_plugin_from_a_registry_with_a_login(setup):
    setup.put("WasmPlugin", "threescale", "shop", spec={"url": IMAGE})


@breaks("FED750", "WasmPlugin shop/threescale")
def a_pull_secret_that_2_2_does_not_use(setup):
    older = again(setup, (2, 2))
    older.put("WasmPlugin", "threescale", "shop", spec={"url": IMAGE, "imagePullSecret": "registry"})
    return older


@breaks("FED750", "ServiceMeshExtension shop/threescale")
def an_extension_from_a_registry_with_a_login(setup):
    older = again(setup, (2, 1))
    older.put("ServiceMeshExtension", "threescale", "shop", spec={"image": IMAGE.partition("://")[2]})
    return older


@breaks("FED751", "WasmPlugin shop/threescale")
def a_plugin_s_pull_secret_in_another_namespace(setup):
    setup.put("Secret", "registry", SPACE)
    setup.put("WasmPlugin", "threescale", "shop", spec={"url": IMAGE, "imagePullSecret": "registry"})


@breaks("FED751", "spec.runtime.components.pilot.container.imagePullSecrets")
def a_component_s_pull_secret_that_nobody_made(setup):
    setup.control_plane["runtime"] = {
        "components": {"pilot": {"container": {"imagePullSecrets": [{"name": "mirror"}]}}}
    }


@breaks("FED752", "Pod east-mesh-system/istiod-basic-0, container discovery")
def a_pod_of_the_control_plane_that_waits_for_its_image(setup):
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "mirror.example.com/pilot:2.3"'}
    status = {
        "containerStatuses": [
            {"name": "discovery", "image": "mirror.example.com/pilot:2.3", "state": {"waiting": waiting}}
        ]
    }
    setup.put("Pod", "istiod-basic-0", status=status)


@breaks("FED753", "Authentication cluster, spec.serviceAccountIssuer")
def tokens_of_another_issuer(setup):
    put_platform(setup)
    setup.put("Authentication", "cluster", "", spec={"serviceAccountIssuer": "https://oidc.example.com/a1b2"})


@breaks("FED753", "API server api.east.a1b2.p1.openshiftapps.com")
def a_managed_cluster_that_says_nothing_of_its_tokens(setup):
    setup.server = "https://api.east.a1b2.p1.openshiftapps.com:6443"


@breaks("FED754", f"ServiceMeshControlPlane {SPACE}/default")
def a_control_plane_of_2_3_called_default(setup):
    setup.options["control_plane"] = "default"
    live = setup.objects.pop(("ServiceMeshControlPlane", SPACE, "basic"))
    live["metadata"]["name"] = "default"
    setup.objects[("ServiceMeshControlPlane", SPACE, "default")] = live


@breaks("FED757", f"ServiceMeshMemberRoll {SPACE}/default")
def a_member_that_nobody_has_created(setup):
    status = setup.objects[("ServiceMeshMemberRoll", SPACE, "default")]["status"]
    why = {
        "type": "Reconciled",
        "status": "False",
        "reason": "NamespaceNotExists",
        "message": "Namespace later does not exist",
    }
    status.update(pendingMembers=["later"], memberStatuses=[{"namespace": "later", "conditions": [why]}])


@breaks("FED757", f"ServiceMeshMemberRoll {SPACE}/default")
def a_member_that_the_operator_cannot_configure(setup):
    setup.objects[("ServiceMeshMemberRoll", SPACE, "default")]["status"]["pendingMembers"] = ["bank"]


def pilot_env(setup: Setup, **variables: str) -> None:
    setup.control_plane["runtime"] = {"components": {"pilot": {"container": {"env": variables}}}}


def watch(setup: Setup, **said: object) -> None:
    entry = {"pod": "istiod-basic-0", "watch": {"lastConnected": ago(seconds=5), **said}, "remotes": []}
    setup.live("ServiceMeshPeer", "west")["status"] = {"discoveryStatus": {"active": [entry]}}


def rename_by_hand(setup: Setup, name: str) -> None:
    """Give west's peering another name, as somebody else might have."""
    setup.by_hand("west")
    for kind in ("ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet"):
        live = setup.objects.pop((kind, SPACE, "west"))
        live["metadata"]["name"] = name
        setup.objects[(kind, SPACE, name)] = live
    setup.egress()["requestedNetworkView"] = [f"network-{name}"]
