# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``mesh_traffic`` against a cluster in memory: what it writes, what it leaves alone, what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils import _traffic
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    VIRTUAL_SERVICE,
)
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, PROMETHEUS
from ansible_collections.ossm.federation.plugins.modules import mesh_traffic
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory
from ansible_collections.ossm.federation.tests.unit.traffic_in_memory import (
    EXPORTS,
    IMPORTS,
    LOCALITY,
    PEERS,
    SPACE,
    estate,
    pod,
    routes,
    rule,
    service,
    thing,
)

FAILOVER = {"service": "shop/cart", "failover_to": "west", "outlier": {"consecutive_5xx": 3}}
WEIGHTS = {"service": "shop/cart", "split": {"local": 80, "west": 20}}
SPLIT = {"service": "shop/till", "split": {"local": 80, "west": 20}}
FROM_WEST = {"service": "shop/checkout", "callers": {"from_mesh": ["west"], "local": ["shop/web"]}}
TO_WEST = {"service": "shop/price", "callers": {"service_accounts": ["shop/web"]}}
ALL = (FAILOVER, SPLIT, FROM_WEST, TO_WEST)
CART = "cart.shop.svc.cluster.local"


def asked(check_mode=False, **params):
    """Return a run of mesh_traffic for east."""
    given = {"mesh": "east", "peers": PEERS, "exports": EXPORTS, "imports": IMPORTS, "locality": LOCALITY, **params}
    return RunInMemory(DESCRIBED, FORCE, PROMETHEUS, mesh_traffic.OPTIONS, check_mode=check_mode, **given)


def keep(cluster, *rules, check_mode=False, **params):
    """Keep the rules and return the module's result."""
    return mesh_traffic.run(asked(check_mode, traffic=list(rules), **params), cluster, NOW)


def refused(cluster, *rules, **params):
    with pytest.raises(FederationError) as error:
        keep(cluster, *rules, **params)
    assert cluster.writes == []
    return error.value


def spec(cluster, kind, name, namespace="shop"):
    return cluster.get(kind, namespace, name)["spec"]


def test_failover_is_a_rule_by_cluster_with_ejection_of_every_endpoint():
    cluster = estate()
    keep(cluster, FAILOVER)
    assert spec(cluster, DESTINATION_RULE, "federation.cart") == {
        "host": CART,
        "trafficPolicy": {
            "loadBalancer": {"localityLbSetting": {"enabled": True, "failoverPriority": ["topology.istio.io/cluster"]}},
            "outlierDetection": {
                "consecutive5xxErrors": 3,
                "interval": "10s",
                "baseEjectionTime": "30s",
                "maxEjectionPercent": 100,
            },
        },
    }


def test_on_2_1_failover_goes_by_region_and_the_version_is_warned_of():
    cluster, run = estate(version="v2.1"), asked(traffic=[FAILOVER])
    mesh_traffic.run(run, cluster, NOW)
    policy = spec(cluster, DESTINATION_RULE, "federation.cart")["trafficPolicy"]
    assert policy["loadBalancer"]["localityLbSetting"] == {
        "enabled": True,
        "failover": [{"from": "eu-central", "to": "eu-west"}],
    }
    assert [line.split()[0] for line in run.warnings] == ["FED867"]


def test_a_split_of_what_is_imported_as_local_is_by_weight_inside_one_host():
    cluster = estate(pod("cart-1", "cart", istio_locality="eu-central"))
    keep(cluster, WEIGHTS)
    setting = spec(cluster, DESTINATION_RULE, "federation.cart")["trafficPolicy"]["loadBalancer"]["localityLbSetting"]
    assert setting == {
        "enabled": True,
        "distribute": [{"from": "eu-central/*", "to": {"eu-central/*": 80, "eu-west/*": 20}}],
    }
    assert cluster.get(VIRTUAL_SERVICE, "shop", "federation.cart") is None


def test_a_split_of_what_has_a_name_of_its_own_is_between_two_hosts():
    cluster = estate()
    keep(cluster, {**SPLIT, "timeout": "2s", "retries": {"attempts": 1, "retry_on": "connect-failure"}})
    assert spec(cluster, VIRTUAL_SERVICE, "federation.till") == {
        "hosts": ["till.shop.svc.cluster.local"],
        "http": [
            {
                "route": [
                    {"destination": {"host": "till.shop.svc.cluster.local"}, "weight": 80},
                    {"destination": {"host": "till.shop.svc.west-imports.local"}, "weight": 20},
                ],
                "timeout": "2s",
                "retries": {"attempts": 1, "retryOn": "connect-failure"},
            }
        ],
    }
    assert spec(cluster, VIRTUAL_SERVICE, "federation.till.shop.west", SPACE)["hosts"] == [
        "till.shop.svc.west-imports.local"
    ]


def test_a_service_of_tcp_is_split_by_tcp_routes():
    cluster = estate(service("till", port="tcp"))
    said = keep(cluster, SPLIT)
    assert list(spec(cluster, VIRTUAL_SERVICE, "federation.till")) == ["hosts", "tcp"]
    assert "shop/till: weights count for new connections; one that is open stays where it is" in said["lines"]
    assert not any("new connections" in line for line in keep(estate(), SPLIT)["lines"])


def test_callers_of_a_peer_come_as_the_ingress_gateway_and_local_ones_stay():
    cluster = estate()
    keep(cluster, FROM_WEST)
    assert spec(cluster, AUTHORIZATION_POLICY, "federation.checkout") == {
        "action": "ALLOW",
        "selector": {"matchLabels": {"app": "checkout"}},
        "rules": [
            {
                "from": [
                    {
                        "source": {
                            "principals": [
                                f"east.local/ns/{SPACE}/sa/west-ingress-service-account",
                                "east.local/ns/shop/sa/web",
                            ]
                        }
                    }
                ]
            }
        ],
    }


def test_it_is_said_that_the_egress_gateway_does_not_cut_connections_that_are_open():
    lines = keep(estate(), TO_WEST)["lines"]
    assert any("a connection that is open stays until the gateway drains it" in line for line in lines), lines


def test_at_the_egress_gateway_the_others_are_denied_by_name_on_the_port_for_services_alone():
    cluster = estate()
    keep(cluster, TO_WEST)
    policy = spec(cluster, AUTHORIZATION_POLICY, "federation.price.shop.west", SPACE)
    assert policy["action"] == "DENY"
    assert policy["selector"] == {"matchLabels": {"federation.maistra.io/egress-for": "west"}}
    assert policy["rules"] == [
        {
            "from": [{"source": {"notPrincipals": ["east.local/ns/shop/sa/web"]}}],
            "to": [{"operation": {"ports": ["15443"]}}],
            "when": [{"key": "connection.sni", "values": ["*.price.shop.svc.west-imports.local"]}],
        }
    ]


def test_a_second_run_changes_nothing_and_check_mode_writes_nothing():
    cluster = estate()
    planned = keep(cluster, *ALL, check_mode=True)
    assert (planned["changed"], len(planned["changes"]), cluster.writes) == (True, 4, [])
    done = keep(cluster, *ALL)
    assert done["changes"] == planned["changes"]
    again = keep(cluster, *ALL)
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])


def test_what_nothing_asks_for_any_more_goes_and_what_others_made_stays():
    cluster = estate(rule("*.elsewhere.example", name="federation.other"))
    keep(cluster, *ALL)
    gone = keep(cluster, FAILOVER)
    assert [change["action"] for change in gone["changes"]] == ["delete"] * 3
    left = mesh_traffic.run(asked(state="absent"), cluster, NOW)
    assert [change["name"] for change in left["changes"]] == ["federation.cart"]
    assert cluster.get(DESTINATION_RULE, "shop", "federation.other")


def test_an_object_with_our_label_that_our_manager_did_not_apply_is_left_alone():
    copied = rule("x.shop.svc.cluster.local", name="copied")
    copied["metadata"]["labels"] = {"ossm.federation/traffic": "cart", "ossm.federation/mesh": "east"}
    cluster = estate(copied)
    assert mesh_traffic.run(asked(state="absent"), cluster, NOW)["changes"] == []


def test_fifty_rules_without_a_change_cost_one_list_per_kind_and_namespace():
    names = [f"s{number}" for number in range(50)]
    imports = [{"name": name, "namespace": "shop", "import_as_local": True, "from": ["west"]} for name in names]
    cluster = estate(*(service(name) for name in names))
    rules = [{"service": f"shop/{name}", "failover_to": "west"} for name in names]
    keep(cluster, *rules, imports=imports)
    before = cluster.requests
    assert not keep(cluster, *rules, imports=imports)["changed"]
    # The control plane, the roll, two kinds of a peering, three kinds of rules in three namespaces, Services in one,
    # pods of two members.
    assert cluster.requests - before == 4 + 9 + 1 + 2


def test_a_wildcard_rule_that_ours_hides_keeps_its_mutual_tls():
    cluster = estate(rule("*.local", SPACE, "default", tls={"mode": "ISTIO_MUTUAL"}, loadBalancer={"simple": "RANDOM"}))
    said = keep(cluster, FAILOVER)
    policy = spec(cluster, DESTINATION_RULE, "federation.cart")["trafficPolicy"]
    assert policy["tls"] == {"mode": "ISTIO_MUTUAL"}
    assert policy["loadBalancer"]["simple"] == "RANDOM" and "localityLbSetting" in policy["loadBalancer"]
    assert any("DestinationRule east-mesh-system/default" in line for line in said["lines"])
    assert not keep(cluster, FAILOVER)["changed"]


@pytest.mark.parametrize("namespace", ["shop", SPACE])
def test_a_rule_of_somebody_else_for_the_host_is_never_overwritten_and_the_fields_are_shown(namespace):
    error = refused(estate(rule("cart" if namespace == "shop" else CART, namespace)), FAILOVER)
    assert (error.code, "theirs" in error.what) == ("FED860", True)
    assert json.loads(error.fix[error.fix.index("{") :])["outlierDetection"]["maxEjectionPercent"] == 100


def test_the_fields_that_are_shown_can_be_pasted():
    error = refused(estate(rule("cart"), pod("cart-1", "cart", istio_locality="eu-central")), WEIGHTS)
    shown = json.loads(error.fix[error.fix.index("{") :])["loadBalancer"]["localityLbSetting"]["distribute"]
    assert shown == [{"from": "eu-central/*", "to": {"eu-central/*": 80, "eu-west/*": 20}}]


def test_a_rule_in_a_clients_namespace_would_count_there_first():
    error = refused(estate(rule("*.shop.svc.cluster.local", "desk")), FAILOVER)
    assert (error.code, "clients in desk" in error.what) == ("FED860", True)


def test_without_automtls_a_new_rule_would_turn_mutual_tls_off():
    plane = {"security": {"trust": {"domain": "east.local"}, "dataPlane": {"automtls": False}}}
    assert refused(estate(**plane), FAILOVER).code == "FED870"
    keep(estate(rule("*.local", SPACE, "default", tls={"mode": "ISTIO_MUTUAL"}), **plane), FAILOVER)


@pytest.mark.parametrize("held", ["till", "till.shop.svc.cluster.local", "*.shop.svc.cluster.local"])
def test_a_host_that_a_virtual_service_holds_is_refused(held):
    assert refused(estate(routes(held)), SPLIT).code == "FED859"


def test_a_virtual_service_for_a_gateway_alone_holds_no_host_of_the_mesh():
    keep(estate(routes("till", gateways=["public"])), SPLIT)


def test_an_object_of_somebody_else_with_our_name_is_not_taken():
    assert refused(estate(rule("other.example", name="federation.cart")), FAILOVER).code == "FED863"


@pytest.mark.parametrize(
    ("code", "rules", "params"),
    [
        ("FED851", [{"service": "shop/carts", "failover_to": "west"}], {}),
        ("FED851", [{"service": "elsewhere/cart", "failover_to": "west"}], {}),
        ("FED851", [{"service": "shop/price", "split": {"local": 50, "west": 50}}], {}),
        ("FED302", [{"service": "shop/cart", "failover_to": "south"}], {}),
        ("FED852", [{"service": "shop/till", "failover_to": "west"}], {}),
        ("FED852", [{"service": "shop/checkout", "failover_to": "west"}], {}),
        ("FED852", [{"service": "shop/checkout", "split": {"local": 50, "west": 50}}], {}),
        ("FED852", [{"service": "shop/checkout", "timeout": "3s"}], {}),
        ("FED852", [{"service": "shop/checkout", "callers": {"service_accounts": ["shop/web"]}}], {}),
        ("FED852", [{"service": "shop/checkout", "callers": {"from_mesh": ["north"], "local": "nobody"}}], {}),
        ("FED853", [FAILOVER, {**FAILOVER, "failover_to": "north"}], {}),
        ("FED854", [{"service": "shop/checkout", "callers": {"from_mesh": ["west"], "local": ["shop/wep"]}}], {}),
        ("FED854", [{"service": "shop/price", "callers": {"service_accounts": ["elsewhere/web"]}}], {}),
        ("FED855", [{"service": "shop/till", "split": {"local": 80, "west": 30}}], {}),
        ("FED855", [{"service": "shop/till", "split": {"local": 100}}], {}),
        ("FED855", [{"service": "shop/till", "split": {"local": 110, "west": -10}}], {}),
        ("FED855", [{"service": "shop/cart", "split": {"local": 0, "west": 100}}], {}),
        ("FED856", [], {"locality": {"zone": "a"}}),
        ("FED856", [], {"peers": [{"name": "west", "locality": {"region": "eu", "subzone": "r1"}}]}),
        ("FED856", [], {"peers": [{"name": "west", "locality": "eu"}]}),
        ("FED858", [{**WEIGHTS, "failover_to": "west"}], {}),
        ("FED862", [{"service": "shop/checkout", "callers": {"from_mesh": ["west"]}}], {}),
        ("FED864", [WEIGHTS], {"locality": None}),
        ("FED864", [WEIGHTS], {"peers": ["west", "north"]}),
        ("FED864", [WEIGHTS], {"locality": {"region": "eu-west"}}),
        ("FED866", [{"service": "shop/cart", "split": {"local": 50, "west": 30, "north": 20}}], {"imports": "both"}),
    ],
)
def test_what_cannot_be_right_is_refused_before_anything_is_written(code, rules, params):
    both = [
        {"name": "cart", "namespace": "shop", "import_as_local": True, "from": ["west"]},
        {"name": "cart", "namespace": "shop", "from": ["north"]},
    ]
    assert refused(estate(), *rules, **{**params, **({"imports": both} if params.get("imports") else {})}).code == code


@pytest.mark.parametrize(
    ("code", "rules", "objects", "version"),
    [
        ("FED857", [SPLIT], [service("till", clusterIP="None")], "v2.5"),
        ("FED857", [SPLIT], [service("till", type="ExternalName")], "v2.5"),
        ("FED857", [FAILOVER], [service("cart", clusterIP="None")], "v2.5"),
        ("FED857", [FROM_WEST], [service("checkout", selector={})], "v2.5"),
        (
            "FED861",
            [SPLIT],
            [service("till", ports=[{"name": "http", "port": 80}, {"name": "tcp", "port": 81}])],
            "v2.5",
        ),
        ("FED861", [{**SPLIT, "timeout": "1s"}], [service("till", port="tcp")], "v2.5"),
        ("FED863", [TO_WEST], [pod("fake", "fake", **{"federation.maistra.io/egress_for": "west"})], "v2.5"),
        ("FED864", [WEIGHTS], [pod("cart-1", "cart")], "v2.5"),
        ("FED865", [{**FROM_WEST, "callers": {**FROM_WEST["callers"], "dry_run": True}}], [], "v2.1"),
    ],
)
def test_what_stands_may_make_a_rule_impossible(code, rules, objects, version):
    assert refused(estate(*objects, version=version), *rules).code == code


def test_all_problems_are_told_at_once():
    error = refused(
        estate(), {"service": "shop/cart", "failover_to": "south"}, {"service": "shop/nothing", "timeout": "1s"}
    )
    assert [one["code"] for one in error.facts["problems"]] == ["FED302", "FED851"]
    assert "FED851 mesh_traffic, shop/nothing" in error.fix


def test_rules_that_are_not_set_are_not_an_empty_list():
    with pytest.raises(FederationError, match="mesh_traffic: is not set"):
        mesh_traffic.run(asked(), estate(), NOW)


def test_a_region_is_found_on_pods_and_said():
    cluster = estate(pod("cart-1", "cart", istio_locality="eu-central.a"))
    said = keep(cluster, WEIGHTS, locality=None)
    assert (said["locality"], "found on the pods of shop/cart" in said["lines"][0]) == ({"region": "eu-central"}, True)


def envoy_at(cluster, pod_name, **locality):
    """Let the Envoy of a pod say where it is."""
    cluster.pages[(pod_name, "/server_info")] = json.dumps(
        {"version": "x", "node": {"id": "a", "locality": locality}}
    ).encode()


def test_our_own_region_is_what_envoys_say_before_it_is_what_pods_say():
    cluster = estate(
        pod("web-1", "web", sidecar=True), pod("cart-1", "cart", sidecar=True, istio_locality="eu-central")
    )
    envoy_at(cluster, "web-1", region="eu-central", zone="a", sub_zone="r1")
    envoy_at(cluster, "cart-1", region="eu-central")
    said = keep(cluster, WEIGHTS, locality=None)
    assert (said["locality"], said["lines"][0]) == (
        {"region": "eu-central"},
        "east · 1 rule · locality eu-central, as 2 proxies say (/server_info)",
    )


@pytest.mark.parametrize(
    ("one", "version"), [(WEIGHTS, "v2.5"), (FAILOVER, "v2.1")], ids=["split by weight", "failover by region"]
)
def test_a_rule_that_begins_in_our_region_is_refused_while_a_client_is_elsewhere(one, version):
    cart, web = pod("cart-1", "cart", istio_locality="eu-central"), pod("web-1", "web", "desk", sidecar=True)
    error = refused(estate(cart, web, version=version), one)
    assert (error.code, "neither weights nor failover to desk/web-1 (none)" in error.what) == ("FED864", True)
    cluster = estate(cart, web, version=version)
    envoy_at(cluster, "web-1", region="eu-south")
    assert "desk/web-1 (eu-south)" in refused(cluster, one).what
    envoy_at(cluster, "web-1", region="eu-central")
    keep(cluster, one)


def test_failover_by_cluster_warns_of_clients_without_a_locality():
    web, other = pod("web-1", "web", sidecar=True), pod("other-1", "other", sidecar=True, istio_locality="eu-central")
    run = asked(traffic=[FAILOVER])
    mesh_traffic.run(run, estate(web, other), NOW)
    told = "FED847 mesh_traffic, shop/cart: gives no priorities to clients without a locality: shop/web-1 (none)"
    assert any(line.startswith(told) for line in run.warnings)


def test_what_a_client_may_be_is_told_where_nodes_are_not_readable():
    class WithoutNodes(ClusterInMemory):
        def list(self, kind, namespace, selector=None, keep=None):
            if kind.name == "Node" or (kind.name == "Pod" and namespace == "desk"):
                raise FederationError("FED104", where=kind.name, what="may not be read", fix="Ask")
            return super().list(kind, namespace, selector, keep)

    run = asked(traffic=[FAILOVER])
    standing = estate(pod("web-1", "web", sidecar=True), mode="ClusterWide")
    mesh_traffic.run(run, WithoutNodes(NOW, *standing._objects.values()), NOW)
    told = [line for line in run.warnings if line.startswith("FED847")]
    assert len(told) == 1 and "the locality is unknown for all of desk and shop/web-1" in told[0]


def test_few_envoys_are_asked_of_as_many_accounts_as_can_be():
    pods = [
        pod(f"web-{number}", "web", account="web", sidecar=True, istio_locality="eu-central") for number in range(40)
    ]
    cluster = estate(*pods, pod("clerk-1", "clerk", "desk", account="clerk", sidecar=True, istio_locality="eu-central"))
    asked_of = []
    cluster.page = lambda namespace, name, page, by_exec=False: (200, (asked_of.append(name), b"{}")[1])
    keep(cluster, FAILOVER)
    assert (len(asked_of), "clerk-1" in asked_of) == (20, True)


REGIONS = (b"7", b'"*"', b'"eu/*"', b'"eu\\nx"', b'" "', b'"%s"' % (b"a" * 64))


@pytest.mark.parametrize(
    "page",
    [b"", b"[]", b'{"node": 1}', b"{" * 5000]
    + [b'{"node": {"id": "a", "locality": {"region": %s}}}' % region for region in REGIONS],
)
def test_what_an_envoy_says_may_be_anything(page):
    cluster = estate(pod("cart-1", "cart", sidecar=True, istio_locality="eu-central"))
    cluster.pages[("cart-1", "/server_info")] = page
    assert keep(cluster, WEIGHTS, locality=None)["locality"] == {"region": "eu-central"}


def test_a_rehearsed_policy_says_so_on_the_object():
    cluster = estate()
    keep(cluster, {**FROM_WEST, "callers": {**FROM_WEST["callers"], "dry_run": True}})
    live = cluster.get(AUTHORIZATION_POLICY, "shop", "federation.checkout")
    assert live["metadata"]["annotations"]["istio.io/dry-run"] == "true"


def test_an_import_as_local_without_a_rule_is_said_to_be_a_split_by_endpoints():
    run = asked(traffic=[SPLIT], peers=PEERS)
    mesh_traffic.run(run, estate(), NOW)
    assert [line.split()[0] for line in run.warnings] == ["FED869"]


def test_the_example_of_the_documentation_works_as_it_stands():
    page = (Path(__file__).parents[4] / "docs" / "traffic.md").read_text(encoding="utf-8")
    east = yaml.safe_load(re.findall(r"```yaml\n(meshes:.*?)```", page, re.DOTALL)[0])["meshes"]["hosts"]["east"]
    cluster = estate()
    params = {name: east[f"mesh_{name}"] for name in ("peers", "exports", "imports", "locality")}
    done = keep(cluster, *east["mesh_traffic"], **params)
    shown = yaml.safe_load(re.findall(r"`shop/federation\.cart`:\n\n```yaml\n(.*?)```", page, re.DOTALL)[0])["spec"]
    stands = spec(cluster, DESTINATION_RULE, "federation.cart")
    stands["trafficPolicy"]["outlierDetection"]["baseEjectionTime"] = "1m"
    assert (len(done["changes"]), stands) == (3, shown)


class Watched(ClusterInMemory):
    """A cluster that writes down what rights each request needs: (namespace, group, resource, verb)."""

    needed: set[tuple[str, str, str, str]]

    def note(self, kind, namespace, *verbs):
        group = kind.api_version.partition("/")[0] if "/" in kind.api_version else ""
        self.needed = {*getattr(self, "needed", ()), *((namespace, group, kind.plural, verb) for verb in verbs)}

    def get(self, kind, namespace, name):
        self.note(kind, namespace, "get")
        return super().get(kind, namespace, name)

    def list(self, kind, namespace, selector=None, keep=None):
        self.note(kind, namespace, "list")
        return super().list(kind, namespace, selector, keep)

    def apply(self, kind, manifest, manager, force=False, dry_run=False):
        self.note(kind, manifest["metadata"]["namespace"], "create", "patch")
        return super().apply(kind, manifest, manager, force, dry_run)

    def delete(self, kind, namespace, name, uid):
        self.note(kind, namespace, "delete")
        return super().delete(kind, namespace, name, uid)


def test_the_shipped_role_has_the_rights_that_are_used_and_no_other_writing_ones():
    shipped = yaml.safe_load(
        (Path(__file__).parents[4] / "playbooks" / "files" / "mesh-traffic.yml").read_text(encoding="utf-8")
    )
    given = {
        (item["metadata"]["namespace"], group, resource, verb)
        for item in shipped["items"]
        if item["kind"] == "Role"
        for each in item["rules"]
        for group in each["apiGroups"]
        for resource in each["resources"]
        for verb in each["verbs"]
    }
    watched = Watched(
        NOW, *(live for live in estate(pod("cart-1", "cart", istio_locality="eu-central"))._objects.values())
    )
    wanted = ({**WEIGHTS, "timeout": "1s"}, SPLIT, FROM_WEST, TO_WEST)
    keep(watched, *wanted)
    keep(watched, WEIGHTS)
    mesh_traffic.run(asked(state="absent"), watched, NOW)
    used = {("shop" if namespace == "desk" else namespace, *rest) for namespace, *rest in watched.needed}
    assert used - given == set()
    writing = {right for right in given if right[3] in ("create", "patch", "delete")}
    assert {right[2] for right in writing} == {"virtualservices", "destinationrules", "authorizationpolicies"}


def allow(*principals, **selector):
    spec = {"rules": [{"from": [{"source": {"principals": list(principals)}}]}]}
    body = {**spec, **({"selector": {"matchLabels": selector}} if selector else {})}
    return thing("security.istio.io/v1beta1", "AuthorizationPolicy", "shop", "theirs", spec=body)


WEB = "east.local/ns/shop/sa/web"
INGRESS = f"cluster.local/ns/{SPACE}/sa/west-ingress-service-account"


@pytest.mark.parametrize(
    ("objects", "rules", "is_told"),
    [
        pytest.param((allow(WEB),), (SPLIT,), True, id="only local callers"),
        pytest.param((allow(WEB, app="checkout"),), (SPLIT,), True, id="only local callers, by label"),
        pytest.param((allow(WEB, app="till"),), (SPLIT,), False, id="another workload"),
        pytest.param((allow(WEB, INGRESS),), (SPLIT,), False, id="the gateway is listed"),
        pytest.param((allow(WEB),), (FROM_WEST,), False, id="a rule is about to admit it"),
        pytest.param((), (SPLIT,), False, id="no policy"),
    ],
)
def test_an_exported_service_whose_policies_refuse_the_peer_is_a_warning(objects, rules, is_told):
    run = asked(traffic=list(rules))
    mesh_traffic.run(run, estate(*objects), NOW)
    found = [line for line in run.warnings if line.startswith("FED871 Service shop/checkout: is exported to west")]
    assert bool(found) == is_told


SEEN = [
    ({"source_principal": f"spiffe://{WEB}", "source_workload": "web", "source_workload_namespace": "shop"}, 7.0),
    ({"source_principal": "spiffe://east.local/ns/desk/sa/clerk", "source_workload": "clerk"}, 1.0),
    ({"source_principal": "unknown", "source_workload": "report", "source_workload_namespace": "desk"}, 1.0),
    (
        {
            "source_principal": f"spiffe://east.local/ns/{SPACE}/sa/west-ingress-service-account",
            "source_workload": "west-ingress",
        },
        9.0,
    ),
]


class Metrics:
    """A Prometheus that has seen these callers, or refuses."""

    def __init__(self, rows):
        self.rows, self.asked = rows, []

    def ask(self, query):
        self.asked.append(query)
        if isinstance(self.rows, str):
            raise FederationError("FED875", where="traffic_prometheus_url", what=self.rows, fix="Check it")
        return self.rows


def with_metrics(monkeypatch, rows):
    metrics = Metrics(rows)
    monkeypatch.setattr(_traffic.Prometheus, "of", lambda _params, _word: metrics)
    return metrics


def test_callers_that_a_first_policy_cuts_off_are_named_where_somebody_has_seen_them(monkeypatch):
    metrics = with_metrics(monkeypatch, SEEN)
    run = asked(traffic=[FROM_WEST], prometheus_url="https://prometheus")
    mesh_traffic.run(run, estate(service("checkout-admin", selector={"app": "checkout"})), NOW)
    told = (
        "FED846 mesh_traffic, shop/checkout: cuts off desk/clerk and desk/report (without an identity), seen in the"
        " last 7d"
    )
    assert any(line.startswith(told) for line in run.warnings)
    assert 'destination_service_name=~"checkout|checkout-admin"' in metrics.asked[0] and "[7d]" in metrics.asked[0]


UNSAID = {"service": "shop/checkout", "callers": {"from_mesh": ["west"]}}
CLERK, GATEWAY = "east.local/ns/desk/sa/clerk", f"east.local/ns/{SPACE}/sa/west-ingress-service-account"


def policy_of_checkout(cluster):
    """Return (whether it is a rehearsal, whom it admits)."""
    live = cluster.get(AUTHORIZATION_POLICY, "shop", "federation.checkout")
    admitted = live["spec"]["rules"][0]["from"][0]["source"]["principals"]
    return live["metadata"]["annotations"].get("istio.io/dry-run") == "true", admitted


def test_without_local_callers_the_policy_is_rehearsed_with_those_that_were_seen_and_stays_so(monkeypatch):
    metrics = with_metrics(monkeypatch, SEEN)
    cluster = estate(service("checkout-admin", selector={"app": "checkout"}))
    said = keep(cluster, UNSAID, prometheus_url="https://prometheus")
    assert policy_of_checkout(cluster) == (True, [GATEWAY, CLERK, WEB])
    told = "\n".join(said["lines"])
    assert "called in the last 7d by desk/clerk, desk/report (without an identity) and shop/web;" in told
    assert "write local: [desk/clerk, shop/web] to enforce it" in told
    assert "cuts off callers without an identity" in told and "callers of checkout-admin (the same pods)" in told
    assert not keep(cluster, UNSAID, prometheus_url="https://prometheus")["changed"]
    metrics.rows = SEEN[:1]
    assert not keep(cluster, UNSAID, prometheus_url="https://prometheus")["changed"], "the window moves on"
    enforced = {**UNSAID, "callers": {**UNSAID["callers"], "local": ["desk/clerk", "shop/web"]}}
    keep(cluster, enforced, prometheus_url="https://prometheus")
    assert policy_of_checkout(cluster) == (False, [GATEWAY, CLERK, WEB])


def test_a_policy_that_is_enforced_does_not_become_a_rehearsal_when_its_list_is_taken_out(monkeypatch):
    with_metrics(monkeypatch, SEEN)
    cluster = estate()
    keep(cluster, FROM_WEST, prometheus_url="https://prometheus")
    cluster.writes.clear()
    error = refused(cluster, UNSAID, prometheus_url="https://prometheus")
    assert (error.code, "the existing policy is enforced" in error.what) == ("FED862", True)


def test_where_nobody_was_seen_the_rehearsal_admits_the_peer_alone(monkeypatch):
    with_metrics(monkeypatch, [])
    cluster = estate()
    said = keep(cluster, UNSAID, prometheus_url="https://prometheus")
    assert policy_of_checkout(cluster) == (True, [GATEWAY])
    assert any("by nobody of this mesh; callers that are not listed may still exist" in line for line in said["lines"])
    assert any("write local: nobody to enforce it" in line for line in said["lines"])


def test_a_workload_that_very_many_call_needs_a_list_of_somebody(monkeypatch):
    many = [({"source_principal": f"spiffe://east.local/ns/shop/sa/w{number}"}, 1.0) for number in range(101)]
    with_metrics(monkeypatch, many)
    assert refused(estate(), UNSAID, prometheus_url="https://prometheus").code == "FED862"


def test_on_2_1_which_would_enforce_a_rehearsal_those_that_were_seen_stand_in_the_refusal(monkeypatch):
    with_metrics(monkeypatch, SEEN)
    error = refused(estate(version="v2.1"), UNSAID, prometheus_url="https://prometheus")
    assert error.code == "FED862"
    assert "Seen in the last 7d: desk/clerk, desk/report (without an identity) and shop/web;" in error.fix


def test_a_prometheus_that_does_not_answer_is_a_warning_and_nobody_is_taken_for_absent(monkeypatch):
    with_metrics(monkeypatch, "has not answered within 20 s")
    run = asked(traffic=[FROM_WEST], prometheus_url="https://prometheus")
    mesh_traffic.run(run, estate(), NOW)
    assert any(
        line.startswith("FED875") and "the callers of shop/checkout are not known" in line for line in run.warnings
    )
    error = refused(estate(), UNSAID, prometheus_url="https://prometheus")
    assert (error.code, "Seen in" in error.fix) == ("FED862", False)


def test_without_a_rule_about_callers_prometheus_is_not_asked(monkeypatch):
    metrics = with_metrics(monkeypatch, SEEN)
    keep(estate(), SPLIT, prometheus_url="https://prometheus")
    assert metrics.asked == []


# Fields of ours in a DestinationRule of somebody else -----------------------------------------------------------------

MERGING = {**FAILOVER, "merge": True}
POLICY = {"tls": {"mode": "ISTIO_MUTUAL"}, "connectionPool": {"http": {"idleTimeout": "60s"}}}


def theirs_of(cluster, namespace="shop"):
    return cluster.get(DESTINATION_RULE, namespace, "theirs")


@pytest.mark.parametrize("namespace", ["shop", SPACE])
@pytest.mark.parametrize("one", [MERGING, {**WEIGHTS, "merge": True}], ids=["failover", "split"])
def test_what_is_merged_into_a_rule_of_somebody_else_is_exactly_what_goes_again(one, namespace):
    cluster = estate(
        rule("cart" if namespace == "shop" else CART, namespace, **POLICY),
        pod("cart-1", "cart", istio_locality="eu-central"),
    )
    before = theirs_of(cluster, namespace)
    planned = keep(cluster, one, check_mode=True)
    assert (theirs_of(cluster, namespace), planned["changes"][0]["action"]) == (before, "update")
    assert all("host" not in field and "tls" not in field for field in planned["changes"][0]["fields"])
    assert keep(cluster, one)["changes"] == planned["changes"]
    merged = theirs_of(cluster, namespace)
    assert merged["spec"]["host"] == before["spec"]["host"]
    assert merged["spec"]["trafficPolicy"]["tls"] == POLICY["tls"]
    assert merged["spec"]["trafficPolicy"]["outlierDetection"]["maxEjectionPercent"] == 100
    assert cluster.get(DESTINATION_RULE, "shop", "federation.cart") is None
    assert not keep(cluster, one)["changed"]
    gone = mesh_traffic.run(asked(state="absent"), cluster, NOW)
    assert [(change["action"], change["name"]) for change in gone["changes"]] == [("update", "theirs")]
    assert theirs_of(cluster, namespace)["spec"] == before["spec"]
    assert not any(
        key.startswith("ossm.federation") for key in theirs_of(cluster, namespace)["metadata"].get("annotations") or {}
    )
    assert mesh_traffic.run(asked(state="absent"), cluster, NOW)["changes"] == []


def test_merging_without_a_rule_of_somebody_else_makes_a_rule_of_our_own():
    cluster = estate(rule("*.local", SPACE, "default", **POLICY))
    keep(cluster, MERGING)
    assert spec(cluster, DESTINATION_RULE, "federation.cart")["trafficPolicy"]["tls"] == POLICY["tls"]


def test_a_rule_of_our_own_goes_when_somebody_else_makes_one_and_ours_is_merged():
    cluster = estate()
    keep(cluster, MERGING)
    cluster.put(rule("cart", **POLICY))
    assert [one["action"] for one in keep(cluster, MERGING)["changes"]] == ["delete", "update"]


def test_it_is_said_whose_rule_the_fields_are_in():
    assert any(
        "merged into DestinationRule shop/theirs" in line for line in keep(estate(rule("cart")), MERGING)["lines"]
    )


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"outlierDetection": {"consecutive5xxErrors": 7}}, ("consecutive5xxErrors: 3", "has 7 there")),
        ({"outlierDetection": {"maxEjectionPercent": 10}}, ("maxEjectionPercent: 100", "has 10 there")),
        ({"loadBalancer": {"localityLbSetting": {"enabled": False}}}, ("enabled: true", "has false there")),
        (
            {"loadBalancer": {"localityLbSetting": {"failover": [{"from": "a", "to": "b"}]}}},
            ("failoverPriority", 'has failover: [{"from": "a", "to": "b"}] beside it'),
        ),
    ],
)
def test_a_field_that_somebody_else_sets_otherwise_is_refused_and_both_values_are_named(policy, told):
    error = refused(estate(rule("cart", **policy)), MERGING, force=True)
    assert (error.code, "DestinationRule shop/theirs" in error.what) == ("FED879", True)
    assert all(text in error.what for text in told), error.what


def test_a_field_that_somebody_else_sets_to_the_same_value_stays_theirs():
    held = rule("cart", outlierDetection={"consecutive5xxErrors": 3})
    fields = {"f:spec": {"f:trafficPolicy": {"f:outlierDetection": {"f:consecutive5xxErrors": {}}}}}
    held["metadata"]["managedFields"] = [{"manager": "kubectl", "operation": "Update", "fieldsV1": fields}]
    cluster = estate(held)
    keep(cluster, MERGING)
    assert refused_later(cluster, {**MERGING, "outlier": {"consecutive_5xx": 4}}) == "FED879"
    mesh_traffic.run(asked(state="absent"), cluster, NOW)
    assert theirs_of(cluster)["spec"]["trafficPolicy"] == {"outlierDetection": {"consecutive5xxErrors": 3}}


def refused_later(cluster, *rules, **params):
    """Return the code by which rules are refused where something stands already."""
    cluster.writes.clear()
    return refused(cluster, *rules, **params).code


def test_our_own_value_in_their_rule_changes_with_the_wish():
    cluster = estate(rule("cart"))
    keep(cluster, MERGING)
    keep(cluster, {**MERGING, "outlier": {"consecutive_5xx": 9}})
    assert theirs_of(cluster)["spec"]["trafficPolicy"]["outlierDetection"]["consecutive5xxErrors"] == 9


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"trafficPolicy": {"portLevelSettings": [{"port": {"number": 80}}]}}, "has portLevelSettings"),
        ({"subsets": [{"name": "v1", "trafficPolicy": {"outlierDetection": {}}}]}, "for the subsets v1"),
        ({"workloadSelector": {"matchLabels": {"app": "web"}}}, "workloadSelector"),
        ({"exportTo": ["."]}, "is not exported to desk"),
        ({"trafficPolicy": {"loadBalancer": {"simple": "PASSTHROUGH"}}}, "PASSTHROUGH"),
    ],
)
def test_a_rule_in_which_the_fields_would_not_count_is_refused(more, told):
    held = rule("cart")
    held["spec"] |= more
    error = refused(estate(held), MERGING)
    assert (error.code, told in error.what) == ("FED860", True)


def test_a_rule_that_another_one_is_looked_up_before_is_not_merged_into():
    error = refused(estate(rule("*.shop.svc.cluster.local", name="first"), rule(CART, SPACE)), MERGING)
    assert (error.code, "DestinationRule shop/first is looked up before it" in error.what) == ("FED860", True)


def test_of_two_foreign_rules_the_one_beside_the_service_is_merged_into_which_counts_for_gateways_too():
    cluster = estate(rule("cart"), rule(CART, SPACE, "other"))
    keep(cluster, MERGING)
    assert "outlierDetection" in theirs_of(cluster)["spec"]["trafficPolicy"]


BOTH = [*IMPORTS, {"name": "cart", "namespace": "shop", "import_as_local": True, "from": ["north"]}]


def test_failover_to_one_of_two_peers_that_give_the_service_goes_by_regions_so_that_the_other_comes_last():
    cluster = estate(
        pod("cart-1", "cart", istio_locality="eu-central.a"), pod("cart-2", "cart", istio_locality="eu-central.b")
    )
    said = keep(cluster, FAILOVER, imports=BOTH)
    setting = spec(cluster, DESTINATION_RULE, "federation.cart")["trafficPolicy"]["loadBalancer"]["localityLbSetting"]
    assert setting == {"enabled": True, "failover": [{"from": "eu-central", "to": "eu-west"}]}
    assert any("clients also prefer endpoints of their own zone: a 1, b 1" in line for line in said["lines"])


def test_it_is_said_how_many_endpoints_of_its_zone_each_client_prefers():
    pods = [pod(f"cart-{number}", "cart", istio_locality=f"eu-central.{zone}") for number, zone in enumerate("aab")]
    clients = [pod(f"web-{zone}", "web", sidecar=True, istio_locality=f"eu-central.{zone}") for zone in "abc"]
    said = keep(estate(*pods, *clients), FAILOVER, imports=BOTH)
    told = "of their own zone: a 2, b 1; clients: 1 in a, 1 in b and 1 in c (no endpoints there)"
    assert any(told in line for line in said["lines"]), said["lines"]


@pytest.mark.parametrize(
    ("one", "params", "code", "told"),
    [
        (
            FAILOVER,
            {"peers": [PEERS[0], "north"]},
            "FED864",
            "since north gives it as local as well: ours eu-central, that of west eu-west, that of north",
        ),
        (
            FAILOVER,
            {"peers": [PEERS[0], {**PEERS[1], "locality": {"region": "eu-west"}}]},
            "FED864",
            "that of north eu-west",
        ),
        (WEIGHTS, {}, "FED855", "gives nothing to north"),
    ],
)
def test_a_second_peer_that_gives_the_service_as_local_is_not_forgotten(one, params, code, told):
    error = refused(estate(), one, imports=BOTH, **params)
    assert (error.code, told in error.what) == (code, True), error.what


def test_a_failover_by_regions_leaves_out_no_pod_of_ours():
    assert refused(estate(pod("cart-1", "cart"), version="v2.1"), FAILOVER).code == "FED864"


def test_a_wildcard_rule_whose_port_settings_would_be_lost_is_not_hidden():
    held = rule("*.local", SPACE, "default", portLevelSettings=[{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}])
    error = refused(estate(held), FAILOVER)
    assert (error.code, "portLevelSettings would no longer apply" in error.what) == ("FED860", True)


def test_a_wildcard_rule_whose_subsets_routes_may_name_is_not_hidden():
    held = rule("*.shop.svc.cluster.local", name="default")
    held["spec"]["subsets"] = [{"name": "v1", "labels": {"version": "v1"}}]
    error = refused(estate(held), FAILOVER)
    assert (error.code, "whose subsets (v1) would be missing" in error.what) == ("FED860", True)


@pytest.mark.parametrize(
    ("one", "replicas", "is_advised"),
    [
        (FAILOVER, None, True),
        (FAILOVER, 1, True),
        (FAILOVER, 2, False),
        (WEIGHTS, None, True),
        (SPLIT, None, False),
        (FROM_WEST, None, False),
    ],
)
def test_two_pods_of_the_egress_gateway_are_advised_where_one_that_fails_would_be_all_of_the_peer(
    one, replicas, is_advised
):
    peers = [{**PEERS[0], **({"gateways": {"replicas": replicas}} if replicas else {})}, PEERS[1]]
    said = keep(estate(pod("cart-1", "cart", istio_locality="eu-central")), one, peers=peers)
    assert (
        any("run two or more pods of west-egress (gateways.replicas)" in line for line in said["lines"]) is is_advised
    )


def imports_of_west(**locality):
    """Return the import set of west as federate keeps it."""
    spec = {"importRules": [], **({"locality": locality} if locality else {})}
    return thing("federation.maistra.io/v1", "ImportedServiceSet", SPACE, "west", spec=spec)


@pytest.mark.parametrize(("one", "version"), [(WEIGHTS, "v2.5"), (FAILOVER, "v2.1")])
@pytest.mark.parametrize(("locality", "told"), [({}, "says none"), ({"region": "eu-north"}, "says eu-north")])
def test_a_rule_by_regions_waits_until_federate_has_written_the_region_of_the_peer(one, version, locality, told):
    local = pod("cart-1", "cart", istio_locality="eu-central")
    cluster = estate(local, imports_of_west(**locality), version=version)
    assert keep(cluster, one, check_mode=True)["changed"]
    error = refused(cluster, one)
    assert (error.code, told in error.what, error.fix) == ("FED864", True, "Run federate first, which writes it there")
    cluster.put(imports_of_west(region="eu-west"))
    assert keep(cluster, one)["changed"]


def test_a_rule_that_needs_no_region_does_not_wait_for_one():
    assert keep(estate(imports_of_west()), FAILOVER, SPLIT)["changed"]


IDLE = {"idle_timeout": "60s"}


def test_clients_close_connections_that_were_idle_under_every_name_of_the_service():
    wildcard = rule(
        "*.local", SPACE, "default", tls={"mode": "ISTIO_MUTUAL"}, connectionPool={"http": {"maxRetries": 3}}
    )
    cluster = estate(wildcard)
    said = keep(cluster, {"service": "shop/till", **IDLE}, {**FAILOVER, **IDLE})
    pool = {"http": {"maxRetries": 3, "idleTimeout": "60s"}}
    found = spec(cluster, DESTINATION_RULE, "federation.till.shop.west", SPACE)
    assert found == {
        "host": "till.shop.svc.west-imports.local",
        "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}, "connectionPool": pool},
    }
    policy = spec(cluster, DESTINATION_RULE, "federation.cart")["trafficPolicy"]
    assert (policy["connectionPool"], policy["outlierDetection"]["maxEjectionPercent"]) == (pool, 100)
    assert any("shop/till: clients close connections to it that were idle for 60s" in line for line in said["lines"])
    assert not keep(cluster, {"service": "shop/till", **IDLE}, {**FAILOVER, **IDLE})["changed"]
    assert len(mesh_traffic.run(asked(state="absent"), cluster, NOW)["changes"]) == 2


def test_a_rule_about_idle_connections_alone_gives_no_order_and_keeps_what_it_hides():
    cluster = estate(rule("*.local", SPACE, "default", outlierDetection={"interval": "9s"}))
    keep(cluster, {"service": "shop/cart", **IDLE})
    policy = spec(cluster, DESTINATION_RULE, "federation.cart")["trafficPolicy"]
    assert policy == {"outlierDetection": {"interval": "9s"}, "connectionPool": {"http": {"idleTimeout": "60s"}}}


@pytest.mark.parametrize(
    ("name", "host"),
    [("cart", CART), ("till", "till.shop.svc.west-imports.local"), ("till", "*.local")],
)
def test_an_idle_timeout_that_a_rule_in_a_clients_namespace_would_hide_is_refused(name, host):
    error = refused(estate(rule(host, "desk")), {"service": f"shop/{name}", **IDLE})
    assert (error.code, "without effect for clients in desk" in error.what, '"idleTimeout": "60s"' in error.fix) == (
        "FED860",
        True,
        True,
    )


@pytest.mark.parametrize("name", ["cart", "till"])
def test_an_idle_timeout_is_no_rule_without_tls_where_the_mesh_turns_none_on_by_itself(name):
    plain = {"security": {"dataPlane": {"automtls": False}, "trust": {"domain": "east.local"}}}
    assert refused(estate(**plain), {"service": f"shop/{name}", **IDLE}).code == "FED870"
    keep(
        estate(rule("*.local", SPACE, "default", tls={"mode": "ISTIO_MUTUAL"}), **plain),
        {"service": f"shop/{name}", **IDLE},
    )


def test_an_idle_timeout_is_merged_into_rules_of_somebody_else():
    host = "till.shop.svc.west-imports.local"
    cluster = estate(rule(host, SPACE, **POLICY), rule("cart"))
    error = refused(cluster, {"service": "shop/till", **IDLE, "idle_timeout": "30s", "merge": True})
    assert (error.code, "has 60s there" in error.what) == ("FED879", True)
    keep(cluster, {"service": "shop/till", **IDLE, "merge": True}, {"service": "shop/cart", **IDLE, "merge": True})
    assert theirs_of(cluster)["spec"]["trafficPolicy"] == {"connectionPool": {"http": {"idleTimeout": "60s"}}}
    mesh_traffic.run(asked(state="absent"), cluster, NOW)
    assert theirs_of(cluster)["spec"] == {"host": "cart"}


@pytest.mark.parametrize(
    ("one", "objects", "code"),
    [
        ({"service": "shop/till", "idle_timeout": "60"}, [], "FED850"),
        ({"service": "shop/checkout", **IDLE}, [], "FED852"),
        ({"service": "shop/till", **IDLE}, [service("till", port="tcp")], "FED861"),
        ({"service": "shop/till", **IDLE}, [rule("till.shop.svc.west-imports.local", SPACE)], "FED860"),
    ],
)
def test_an_idle_timeout_that_nothing_would_read_is_refused(one, objects, code):
    assert refused(estate(*objects), one).code == code


def test_without_merge_the_way_to_merge_is_shown():
    assert "merge: true" in refused(estate(rule("cart")), FAILOVER).fix


def test_a_split_between_two_hosts_has_nothing_to_merge():
    assert refused(estate(), {**SPLIT, "merge": True}).code == "FED850"
    assert refused(estate(), {"service": "shop/checkout", "merge": True}).code == "FED850"


def test_rules_of_another_description_are_neither_removed_nor_taken():
    east = estate()
    keep(east, FAILOVER)
    before = list(east.writes)
    for params in ({}, {"state": "absent"}):
        with pytest.raises(FederationError) as refused:
            keep(east, SPLIT, mesh="lab", namespace=SPACE, **params)
        assert (refused.value.code, "mesh_name east" in refused.value.what, east.writes) == ("FED112", True, before)
    assert keep(east, SPLIT, mesh="lab", namespace=SPACE, force=True)["changed"]
    assert east.get(DESTINATION_RULE, "shop", "federation.cart") is None
