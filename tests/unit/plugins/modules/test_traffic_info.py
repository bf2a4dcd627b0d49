# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a call goes, by tables of cases: the objects that stand, and what must be shown of them."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE
from ansible_collections.ossm.federation.plugins.modules import mesh_traffic, traffic_info
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

WEST = f"west-egress.{SPACE}"
OUTLIER = {"outlierDetection": {"consecutive5xxErrors": 3}}
HOST = "cart.shop.svc.cluster.local"
TILL = "till.shop.svc.cluster.local"
TILL_WEST = "till.shop.svc.west-imports.local"
HERE = "eu-central.a"


def gateway(name="gw", peer="west", **more):
    labels = {"maistra.io/gateway": f"{peer}-egress.{SPACE}", "federation.maistra.io/egress-for": peer}
    found = pod(name, f"{peer}-egress", SPACE, **more)
    found["metadata"]["labels"].update(labels)
    return found


def policy(name, *, namespace="shop", action=None, selector=None, rehearsed=False, **spec):
    body = {
        **({"action": action} if action else {}),
        **({"selector": {"matchLabels": selector}} if selector else {}),
        **spec,
    }
    more = (
        {"annotations": {"istio.io/dry-run": rehearsed if isinstance(rehearsed, str) else "true"}} if rehearsed else {}
    )
    return thing("security.istio.io/v1beta1", "AuthorizationPolicy", namespace, name, spec=body, **more)


def source(**parts):
    return [{"from": [{"source": parts}]}]


WEB = pod("web-1", "web", account="web", istio_locality=HERE)
CART = pod("cart-1", "cart", istio_locality=HERE)
GATEWAY = gateway()
BASE = (WEB, CART, GATEWAY)


def ask(*objects, service="shop/cart", client="shop/web", **params):
    given = {
        "mesh": "east",
        "peers": PEERS,
        "exports": EXPORTS,
        "imports": IMPORTS,
        "locality": LOCALITY,
        "service": service,
        "client": client,
    }
    return traffic_info.run(RunInMemory(DESCRIBED, traffic_info.OPTIONS, **{**given, **params}), estate(*objects), NOW)


def seen(result):
    return {row["endpoint"]: (row["priority"], row["share"]) for row in result["routes"]}


def balanced(**setting):
    return {"loadBalancer": {"localityLbSetting": setting}}


def weighted(*weights):
    hosts = (TILL, TILL_WEST)
    return {
        "http": [{"route": [{"destination": {"host": host}, "weight": weight} for host, weight in zip(hosts, weights)]}]
    }


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param(BASE, {"cart-1": (0, 50), "gw": (0, 50)}, id="no rule: by number of endpoints"),
        pytest.param(
            (*BASE, pod("cart-2", "cart", istio_locality=HERE)),
            {"cart-1": (0, 33.3), "cart-2": (0, 33.3), "gw": (0, 33.3)},
            id="2 and 1",
        ),
        pytest.param(
            (*BASE, rule(HOST, **balanced(enabled=True, failover=[{"from": "eu-central", "to": "eu-west"}]))),
            {"cart-1": (0, 50), "gw": (0, 50)},
            id="failover without ejection is inert",
        ),
        pytest.param((*BASE, rule(HOST, **OUTLIER)), {"cart-1": (0, 100), "gw": (1, 0)}, id="ejection alone"),
        pytest.param((*BASE, rule("cart", **OUTLIER)), {"cart-1": (0, 100), "gw": (1, 0)}, id="a short host"),
        pytest.param(
            (*BASE, rule("*.local", SPACE, **OUTLIER)),
            {"cart-1": (0, 100), "gw": (1, 0)},
            id="a wildcard in the control plane's namespace",
        ),
        pytest.param(
            (*BASE, rule("*.local", SPACE, **OUTLIER), rule(HOST, name="plain", tls={"mode": "ISTIO_MUTUAL"})),
            {"cart-1": (0, 50), "gw": (0, 50)},
            id="a nearer rule hides it whole",
        ),
        pytest.param(
            (*BASE, rule(HOST, "desk", **OUTLIER)),
            {"cart-1": (0, 50), "gw": (0, 50)},
            id="a rule of a third namespace",
        ),
        pytest.param((WEB, GATEWAY, rule(HOST, **OUTLIER)), {"gw": (0, 100)}, id="no local pod"),
        pytest.param(
            (WEB, GATEWAY, pod("cart-1", "cart", ready=False)),
            {"gw": (0, 100)},
            id="a local pod that is not ready",
        ),
        pytest.param((WEB, CART), {"cart-1": (0, 100)}, id="no gateway"),
        pytest.param((WEB, CART, gateway(ready=False)), {"cart-1": (0, 100)}, id="a gateway that is not ready"),
        pytest.param(
            (WEB, CART, gateway("g1"), gateway("g2")),
            {"cart-1": (0, 33.3), "g1": (0, 33.3), "g2": (0, 33.3)},
            id="each gateway pod counts",
        ),
        pytest.param(
            (*BASE, rule(HOST, **OUTLIER, **balanced(failoverPriority=["topology.istio.io/cluster"]))),
            {"cart-1": (0, 100), "gw": (1, 0)},
            id="by cluster",
        ),
        pytest.param(
            (
                pod("web-1", "web", account="web"),
                pod("cart-1", "cart"),
                GATEWAY,
                rule(HOST, **OUTLIER, **balanced(failoverPriority=["topology.istio.io/cluster"])),
            ),
            {"cart-1": (0, 100), "gw": (1, 0)},
            id="by cluster without localities",
        ),
        pytest.param(
            (pod("web-1", "web", account="web"), CART, GATEWAY, rule(HOST, **OUTLIER)),
            {"cart-1": (0, 50), "gw": (0, 50)},
            id="a caller without locality",
        ),
        pytest.param(
            (
                *BASE,
                rule(HOST, **OUTLIER, portLevelSettings=[{"port": {"number": 80}, "tls": {"mode": "ISTIO_MUTUAL"}}]),
            ),
            {"cart-1": (0, 50), "gw": (0, 50)},
            id="settings of a port replace ejection",
        ),
        pytest.param(
            (*BASE, rule(HOST, portLevelSettings=[{"port": {"number": 80}, **OUTLIER}])),
            {"cart-1": (0, 100), "gw": (1, 0)},
            id="ejection for the port",
        ),
        pytest.param(
            (
                *BASE,
                rule(HOST, **OUTLIER, portLevelSettings=[{"port": {"number": 81}, "tls": {"mode": "ISTIO_MUTUAL"}}]),
            ),
            {"cart-1": (0, 100), "gw": (1, 0)},
            id="settings of another port",
        ),
        pytest.param(
            (*BASE, pod("cart-2", "cart", istio_locality="eu-central.b"), rule(HOST, **OUTLIER)),
            {"cart-1": (0, 100), "cart-2": (1, 0), "gw": (2, 0)},
            id="zones are priorities",
        ),
        pytest.param(
            (
                *BASE,
                rule(
                    HOST, **balanced(distribute=[{"from": "eu-central/*", "to": {"eu-central/*": 80, "eu-west/*": 20}}])
                ),
            ),
            {"cart-1": (0, 80), "gw": (0, 20)},
            id="distribute",
        ),
        pytest.param(
            (*BASE, rule(HOST, **balanced(distribute=[{"from": "us/*", "to": {"eu-west/*": 100}}]))),
            {"cart-1": (0, 50), "gw": (0, 50)},
            id="distribute from elsewhere",
        ),
        pytest.param(
            (
                *BASE,
                pod("cart-2", "cart"),
                rule(HOST, **balanced(distribute=[{"from": "*", "to": {"eu-central/*": 80, "eu-west/*": 20}}])),
            ),
            {"cart-1": (0, 80), "cart-2": (0, 0), "gw": (0, 20)},
            id="distribute empties the rest",
        ),
        pytest.param(
            (
                WEB,
                GATEWAY,
                rule(
                    HOST, **balanced(distribute=[{"from": "eu-central/*", "to": {"eu-central/*": 80, "eu-west/*": 20}}])
                ),
            ),
            {"gw": (0, 100)},
            id="distribute with one side gone",
        ),
        pytest.param(
            (*BASE, rule(HOST, **OUTLIER, **balanced(enabled=False))),
            {"cart-1": (0, 50), "gw": (0, 50)},
            id="switched off",
        ),
    ],
)
def test_endpoints_have_the_priorities_and_shares_that_istiod_gives_them(objects, expected):
    assert seen(ask(*objects)) == expected


@pytest.mark.parametrize(
    ("objects", "expected", "note"),
    [
        pytest.param((routes(TILL, **weighted(80, 20)),), {"till-1": 80, "gw": 20}, "", id="by weight"),
        pytest.param((routes("till", **weighted(0, 100)),), {"gw": 100}, "", id="all to the peer"),
        pytest.param((routes(TILL, **weighted(3, 1)),), {"till-1": 75, "gw": 25}, "", id="weights of four"),
        pytest.param(
            (routes(TILL, gateways=["public"], **weighted(0, 100)),),
            {"till-1": 100},
            "",
            id="for a gateway alone",
        ),
        pytest.param(
            (routes(TILL, namespace="desk", exportTo=["."], **weighted(0, 100)),),
            {"till-1": 100},
            "",
            id="of another namespace alone",
        ),
        pytest.param(
            (routes(TILL, name="a", **weighted(80, 20)), routes(TILL, name="b", **weighted(0, 100))),
            {"till-1": 80, "gw": 20},
            "several VirtualServices",
            id="two of them",
        ),
        pytest.param(
            (
                routes(
                    TILL,
                    http=[
                        {"match": [{"uri": {"prefix": "/x"}}], **weighted(0, 100)["http"][0]},
                        *weighted(50, 50)["http"],
                    ],
                ),
            ),
            {"till-1": 50, "gw": 50},
            "calls that match something",
            id="matches",
        ),
        pytest.param(
            (routes(TILL, http=[{"match": [{"uri": {"prefix": "/x"}}], **weighted(0, 100)["http"][0]}]),),
            {},
            "fails with 404",
            id="matches alone",
        ),
        pytest.param(
            (routes(TILL, tcp=[{"route": [{"destination": {"host": TILL_WEST}}]}]),),
            {"till-1": 100},
            "no routes for HTTP",
            id="TCP routes of an HTTP service",
        ),
        pytest.param(
            (service("till", port="tcp"), routes(TILL, tcp=[{"route": [{"destination": {"host": TILL_WEST}}]}])),
            {"gw": 100},
            "",
            id="TCP",
        ),
        pytest.param(
            (routes(TILL, http=[{"route": [{"destination": {"host": "till", "subset": "v1"}}]}]),),
            {},
            "has the subset v1",
            id="a subset that nothing defines",
        ),
        pytest.param((service("till", clusterIP="None"),), {"till-1": 100}, "headless", id="headless"),
        pytest.param(
            (routes(TILL, http=[{"fault": {"abort": {}}, **weighted(80, 20)["http"][0]}]),),
            {"till-1": 80, "gw": 20},
            "injects faults",
            id="faults",
        ),
    ],
)
def test_virtual_services_share_calls_between_hosts(objects, expected, note):
    result = ask(WEB, GATEWAY, pod("till-1", "till"), *objects, service="shop/till")
    assert {row["endpoint"]: row["share"] for row in result["routes"]} == expected
    assert any(note in told for told in result["notes"])


ME, OTHER = "east.local/ns/shop/sa/web", "east.local/ns/shop/sa/other"
CART_PODS = {"app": "cart"}
EGRESS = {"federation.maistra.io/egress-for": "west"}
SNI = [{"key": "connection.sni", "values": [f"*.{HOST}"]}]


@pytest.mark.parametrize(
    ("objects", "pod_passes", "gateway_passes"),
    [
        pytest.param((), "yes", "yes", id="no policy"),
        pytest.param((policy("a", rules=source(principals=[ME])),), "yes", "yes", id="allowed"),
        pytest.param(
            (policy("a", rules=source(principals=["cluster.local/ns/shop/sa/web"])),),
            "yes",
            "yes",
            id="by the word for our own domain",
        ),
        pytest.param((policy("a", rules=source(principals=["*/sa/web"])),), "yes", "yes", id="by a wildcard"),
        pytest.param((policy("a", rules=source(principals=[OTHER])),), "no", "yes", id="not listed"),
        pytest.param(
            (policy("a", rules=source(principals=[OTHER]), rehearsed=True),),
            "yes",
            "yes",
            id="only rehearsed",
        ),
        pytest.param((policy("a"),), "no", "yes", id="an ALLOW that admits nobody"),
        pytest.param((policy("a", action="DENY"),), "yes", "yes", id="a DENY that denies nobody"),
        pytest.param(
            (policy("a", rules=[{}]), policy("b", action="DENY", rules=source(namespaces=["shop"]))),
            "no",
            "yes",
            id="DENY wins",
        ),
        pytest.param(
            (policy("a", selector={"app": "till"}, rules=source(principals=[OTHER])),),
            "yes",
            "yes",
            id="of another workload",
        ),
        pytest.param(
            (policy("a", namespace="desk", rules=source(principals=[OTHER])),),
            "yes",
            "yes",
            id="of another namespace",
        ),
        pytest.param(
            (policy("a", namespace=SPACE, rules=source(principals=[OTHER])),),
            "no",
            "no",
            id="of the root namespace, mesh-wide",
        ),
        pytest.param(
            (policy("a", selector=CART_PODS, rules=[{"to": [{"operation": {"methods": ["GET"]}}]}]),),
            "maybe",
            "yes",
            id="by method",
        ),
        pytest.param(
            (policy("a", action="DENY", rules=source(ipBlocks=["10.0.0.0/8"])),),
            "maybe",
            "yes",
            id="by address",
        ),
        pytest.param((policy("a", action="CUSTOM", rules=[{}]),), "maybe", "yes", id="by somebody else's decision"),
        pytest.param(
            (
                policy(
                    "a",
                    namespace=SPACE,
                    selector=EGRESS,
                    action="DENY",
                    rules=[
                        {**source(notPrincipals=[OTHER])[0], "to": [{"operation": {"ports": ["15443"]}}], "when": SNI}
                    ],
                ),
            ),
            "yes",
            "no",
            id="denied at the gateway",
        ),
        pytest.param(
            (
                policy(
                    "a",
                    namespace=SPACE,
                    selector=EGRESS,
                    action="DENY",
                    rules=[{**source(notPrincipals=[ME])[0], "when": SNI}],
                ),
            ),
            "yes",
            "yes",
            id="listed at the gateway",
        ),
        pytest.param(
            (
                policy(
                    "a",
                    namespace=SPACE,
                    selector=EGRESS,
                    action="DENY",
                    rules=[{**source(notPrincipals=[OTHER])[0], "to": [{"operation": {"ports": ["8188"]}}]}],
                ),
            ),
            "yes",
            "yes",
            id="for discovery alone",
        ),
        pytest.param(
            (policy("a", namespace=SPACE, selector=EGRESS, rules=[{"to": [{"operation": {"methods": ["GET"]}}]}]),),
            "yes",
            "no",
            id="an ALLOW about HTTP at a gateway is void",
        ),
    ],
)
def test_policies_are_judged_on_each_hop(objects, pod_passes, gateway_passes):
    result = ask(*BASE, *objects)
    assert {row["endpoint"]: row["passes"] for row in result["routes"]} == {"cart-1": pod_passes, "gw": gateway_passes}


def test_an_imported_service_without_a_local_one_goes_to_the_gateway():
    result = ask(WEB, GATEWAY, service="shop/price")
    assert [(row["host"], row["peer"], row["share"]) for row in result["routes"]] == [
        ("price.shop.svc.west-imports.local", "west", 100)
    ]
    assert any("not visible from here" in note for note in result["notes"])


def test_a_call_of_a_peer_comes_as_our_ingress_gateway_and_ends_at_our_pods():
    ingress = f"east.local/ns/{SPACE}/sa/west-ingress-service-account"
    admitted = policy("a", rules=source(principals=[ingress]))
    result = ask(*BASE, admitted, client="west")
    assert [(row["endpoint"], row["passes"], row["policies"]) for row in result["routes"]] == [
        ("cart-1", "yes", ["AuthorizationPolicy shop/a"])
    ]
    assert ask(*BASE, policy("a", rules=source(principals=[ME])), client="west")["routes"][0]["passes"] == "no"


def test_pods_of_several_accounts_leave_the_verdict_open():
    callers = (pod("a-1", "a", account="one"), pod("a-2", "a", account="two"))
    result = ask(*callers, CART, policy("a", rules=source(principals=[ME])), client="shop/a")
    assert result["routes"][0]["passes"] == "maybe"
    assert any("run as one and two" in note for note in result["notes"])


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("FED850", {"service": "cart"}),
        ("FED850", {"service": "shop/cart", "client": None}),
        ("FED850", {"service": None, "client": "shop/web"}),
        ("FED851", {"service": "shop/nothing"}),
        ("FED854", {"client": "shop/nobody"}),
        ("FED854", {"client": "south"}),
    ],
)
def test_a_question_about_nothing_is_refused(code, params):
    with pytest.raises(FederationError) as refused:
        ask(*BASE, **params)
    assert refused.value.code == code


def test_lines_are_for_people():
    lines = ask(*BASE, rule(HOST, **OUTLIER))["lines"]
    assert lines[:4] == [
        "shop/web → shop/cart",
        "100.0 %  cart.shop.svc.cluster.local",
        "         100.0 %  priority 0  pod cart-1 (eu-central/a): admitted, no policy speaks of it",
        "           0.0 %  priority 1  west by gw (eu-west): admitted, no policy speaks of it",
    ]


def test_without_a_question_problems_and_rules_are_shown():
    result = ask(service=None, client=None, traffic=[{"service": "shop/nothing", "failover_to": "west"}])
    assert {finding["code"] for finding in result["findings"]} == {"FED851", "FED869"}
    assert result["rules"] == []


def test_a_caller_whose_envoy_says_where_it_is_gets_priorities():
    cluster = estate(pod("web-1", "web", account="web", sidecar=True), CART, GATEWAY, rule(HOST, **OUTLIER))
    cluster.pages[("web-1", "/server_info")] = b'{"node": {"id": "a", "locality": {"region": "eu-central"}}}'
    given = {
        "mesh": "east",
        "peers": PEERS,
        "exports": EXPORTS,
        "imports": IMPORTS,
        "service": "shop/cart",
        "client": "shop/web",
    }
    found = traffic_info.run(RunInMemory(DESCRIBED, traffic_info.OPTIONS, **given), cluster, NOW)
    assert seen(found) == {"cart-1": (0, 100), "gw": (1, 0)}


@pytest.mark.parametrize("mode", [{"mode": "ClusterWide"}, {"techPreview": {"controlPlaneMode": "ClusterScoped"}}])
def test_a_mesh_of_the_whole_cluster_goes_by_the_labels_of_nodes(mode):
    labels = {"topology.kubernetes.io/region": "eu-central"}
    nodes = [thing("v1", "Node", "", "n1", labels=labels), thing("v1", "Node", "", "n2")]
    near, far = pod("cart-1", "cart"), pod("cart-2", "cart", node="n2")
    objects = (pod("web-1", "web", account="web"), near, far, rule(HOST, **OUTLIER), *nodes)
    given = {
        "mesh": "east",
        "peers": PEERS,
        "imports": IMPORTS,
        "service": "shop/cart",
        "client": "shop/web",
    }
    run = RunInMemory(DESCRIBED, traffic_info.OPTIONS, **given)
    assert seen(traffic_info.run(run, estate(*objects, **mode, security={"trust": {"domain": "east.local"}}), NOW)) == {
        "cart-1": (0, 100),
        "cart-2": (1, 0),
    }


def test_what_is_written_for_a_failover_goes_where_it_promises():
    cluster = estate(*BASE)
    rules = [{"service": "shop/cart", "failover_to": "west"}]
    described = {"mesh": "east", "peers": PEERS, "exports": EXPORTS, "imports": IMPORTS, "locality": LOCALITY}
    mesh_traffic.run(RunInMemory(DESCRIBED, FORCE, mesh_traffic.OPTIONS, traffic=rules, **described), cluster, NOW)
    asked = RunInMemory(DESCRIBED, traffic_info.OPTIONS, service="shop/cart", client="shop/web", **described)
    assert seen(traffic_info.run(asked, cluster, NOW)) == {"cart-1": (0, 100), "gw": (1, 0)}
    shown = traffic_info.run(RunInMemory(DESCRIBED, traffic_info.OPTIONS, **described), cluster, NOW)
    assert shown["rules"] == [
        {"kind": "DestinationRule", "namespace": "shop", "name": "federation.cart", "peers": ["west"]}
    ]


JUNK = [None, "", "x", 7, True, -1.5, [], {}, ["x", 7, None], {"x": "y"}, [{"x": {}}], {"": None}]


def places(value, path=()):
    """Give the path of every field below an object's spec and labels."""
    if isinstance(value, dict):
        for key in value:
            yield (*path, key)
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield (*path, at)
            yield from places(one, (*path, at))


def spoiled(live, path, junk):
    found = copy.deepcopy(live)
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = junk
    return found


RICH = [
    *BASE,
    service("till"),
    rule(HOST, **OUTLIER, **balanced(failoverPriority=["topology.istio.io/cluster"]), tls={"mode": "ISTIO_MUTUAL"}),
    rule(
        HOST, name="b", **balanced(distribute=[{"from": "eu-central/*", "to": {"eu-central/*": 80, "eu-west/*": 20}}])
    ),
    routes(TILL, gateways=["mesh"], exportTo=["*"], **weighted(80, 20)),
    policy(
        "a",
        selector={"app": "cart"},
        rules=[{**source(principals=[ME])[0], "to": [{"operation": {"ports": ["80"]}}], "when": SNI}],
    ),
]
SPOTS = [
    (at, path)
    for at, live in enumerate(RICH)
    for path in places(live)
    if path[0] == "spec" or path[-2:-1] == ("labels",)
]


def test_odd_objects_of_others_stop_nobody():
    """Each field once, with one kind of junk each; the kinds take turns."""
    for turn, (at, path) in enumerate(SPOTS):
        junk = JUNK[turn % len(JUNK)]
        objects = [spoiled(live, path, junk) if number == at else live for number, live in enumerate(RICH)]
        for asked in (
            {"service": "shop/cart"},
            {"service": "shop/till"},
            {"service": None, "client": None, "traffic": []},
        ):
            try:
                ask(*objects, **asked)
            except FederationError:
                pass


@pytest.mark.parametrize("weight", ["x", [7], {"x": 7}, None, -5, True])
def test_a_weight_that_is_none_counts_as_nothing(weight):
    objects = (WEB, GATEWAY, pod("till-1", "till"), routes(TILL, **weighted(weight, 100)))
    assert seen(ask(*objects, service="shop/till")) == {"gw": (0, 100)}


@pytest.mark.parametrize(
    ("policies", "told"),
    [
        ((policy("a", rules=source(principals=[OTHER]), rehearsed=True),), ["AuthorizationPolicy shop/a"]),
        ((policy("a", rules=source(principals=[OTHER]), rehearsed="1"),), ["AuthorizationPolicy shop/a"]),
        ((policy("a", rules=source(principals=[OTHER]), rehearsed="True"),), ["AuthorizationPolicy shop/a"]),
        ((policy("a", rules=source(principals=[OTHER]), rehearsed="yes"),), []),
        ((policy("a", action="DENY", rules=[{}], rehearsed=True),), ["AuthorizationPolicy shop/a"]),
        ((policy("a", rules=[{}], rehearsed=True),), []),
        ((policy("a", rules=source(principals=[OTHER]), rehearsed=True), policy("b", rules=[{}])), []),
        (
            (
                policy("a", rules=source(principals=[OTHER])),
                policy("b", rules=source(principals=[OTHER]), rehearsed=True),
            ),
            [],
        ),
    ],
)
def test_a_rehearsed_policy_that_will_refuse_the_call_is_told(policies, told):
    result = ask(*BASE, *policies)
    (row,) = (row for row in result["routes"] if row["endpoint"] == "cart-1")
    assert row["rehearsed"] == told
    assert any(
        "no policy speaks of it; refused once AuthorizationPolicy shop/a is no rehearsal" in line
        for line in result["lines"]
    ) is bool(told)
