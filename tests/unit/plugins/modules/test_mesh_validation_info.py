# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the Istio configuration of a mesh, by tables of cases: the objects that stand, and the codes that
must come of them.
"""

from __future__ import annotations

import copy
import pathlib
from datetime import timedelta

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.codes import CODES
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.validation.kiali import FAILED, KIALI
from ansible_collections.ossm.federation.plugins.module_utils._options import MESH
from ansible_collections.ossm.federation.plugins.modules import mesh_validation_info as module
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory
from ansible_collections.ossm.federation.tests.unit.traffic_in_memory import (
    SPACE,
    estate,
    pod,
    routes,
    rule,
    service,
    thing,
)

ROLE = pathlib.Path(__file__).resolve().parents[4] / "playbooks" / "files" / "mesh-validation.yml"
IMPORT, WEST_CART = "till.shop.svc.west-imports.local", "cart.shop.svc.west-imports.local"
ISTIO, SECURITY = "networking.istio.io/v1beta1", "security.istio.io/v1beta1"


def peer(name="west", *, connected=True, trust_domain="west.local"):
    watch = {"connected": connected, "lastFullSync": (NOW - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    status = {"discoveryStatus": {"active": [{"pod": "istiod", "watch": watch}]}}
    spec = {"remote": {"addresses": ["192.0.2.7"]}, "security": {"trustDomain": trust_domain}}
    return thing("federation.maistra.io/v1", "ServiceMeshPeer", SPACE, name, spec=spec, status=status)


def imports(*hosts, name="west", rules=({"type": "NameSelector", "nameSelector": {}},)):
    rows = [{"exportedName": "till.shop.svc.east-exports.local", "localService": {"hostname": host}} for host in hosts]
    return thing(
        "federation.maistra.io/v1",
        "ImportedServiceSet",
        SPACE,
        name,
        spec={"importRules": list(rules)},
        status={"importedServices": rows},
    )


def to(host, subset="", **more):
    return {"destination": {"host": host, **({"subset": subset} if subset else {})}, **more}


def route(*destinations, hosts=("till",), name="route", **more):
    return routes(*hosts, name=name, http=[{"route": list(destinations)}], **more)


def subsets(host, name="subsets", **labels):
    found = [{"name": each, "labels": {"version": value}} for each, value in labels.items()]
    return thing(ISTIO, "DestinationRule", "shop", name, spec={"host": host, "subsets": found})


def gateway(name="front", selector=None, host="shop.example.com", namespace="shop"):
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": [host]}
    return thing(ISTIO, "Gateway", namespace, name, spec={"selector": selector or {"app": "cart"}, "servers": [server]})


def authentication(mode, name="default", namespace="shop", **labels):
    selector = {"selector": {"matchLabels": labels}} if labels else {}
    return thing(SECURITY, "PeerAuthentication", namespace, name, spec={**selector, "mtls": {"mode": mode}})


def policy(name="policy", namespace="shop", selector=None, hosts=(), **source):
    rules = [
        {
            **({"from": [{"source": source}]} if source else {}),
            **({"to": [{"operation": {"hosts": list(hosts)}}]} if hosts else {}),
        }
    ]
    return thing(
        SECURITY,
        "AuthorizationPolicy",
        namespace,
        name,
        spec={"selector": {"matchLabels": selector or {"app": "cart"}}, "rules": rules},
    )


def sidecar(*hosts, name="sidecar", **labels):
    selector = {"workloadSelector": {"labels": labels}} if labels else {}
    return thing(ISTIO, "Sidecar", "shop", name, spec={**selector, "egress": [{"hosts": list(hosts)}]})


def entry(*hosts):
    return thing(ISTIO, "ServiceEntry", "shop", "entry", spec={"hosts": list(hosts)})


def scaled_to_zero(name, **labels):
    return thing(
        "apps/v1", "Deployment", "shop", name, spec={"replicas": 0, "template": {"metadata": {"labels": labels}}}
    )


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def injected(*words, **labels):
    found = pod(*words, **labels)
    found["metadata"]["labels"]["security.istio.io/tlsMode"] = "istio"
    return found


ALWAYS = (
    injected("cart-1", "cart", version="v1"),
    injected("till-1", "till"),
    *map(namespace, ("shop", "desk", SPACE, "other")),
)


class Forbidding:
    """A cluster that refuses to list some kinds."""

    def __init__(self, inner, *kinds):
        self._inner, self._kinds = inner, kinds

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def get(self, kind, namespace, name):
        self.list(kind, namespace)
        return self._inner.get(kind, namespace, name)

    def list(self, kind, namespace, **more):
        if kind.name in self._kinds:
            raise FederationError("FED104", where=kind.name, what="may not be read", fix="Ask")
        return self._inner.list(kind, namespace, **more)


def seen(*objects, without=(), fail_on=(), **spec):
    cluster = Forbidding(estate(*ALWAYS, *objects, **spec), *without)
    run = RunInMemory(MESH, module.OPTIONS, mesh="east", fail_on=list(fail_on), is_quiet=True)
    return module.run(run, cluster, NOW)


def codes(result):
    return [row["code"] for row in result["findings"]]


PLAIN, MUTUAL = {"tls": {"mode": "DISABLE"}}, {"tls": {"mode": "ISTIO_MUTUAL"}}
AS_CHART = {"importAsLocal": True, "nameSelector": {"alias": {"namespace": "shop", "name": "chart"}}}
OLD_PEER = (peer(connected=False), imports(IMPORT))
CASES = {
    "FED973": [policy(namespaces=["nowhere"])],
    "FED974": [policy(hosts=["chart.shop.svc.cluster.local"])],
    "FED975": [policy(principals=["cluster.local/ns/shop/sa/nobody"])],
    "FED976": [rule("cart", name="one", **MUTUAL), rule("cart.shop.svc.cluster.local", name="two", connectionPool={})],
    "FED977": [rule("chart", connectionPool={})],
    "FED978": [subsets("cart", v1="v1", v2="v2")],
    "FED979": [authentication("STRICT", namespace=SPACE), rule("cart", **PLAIN)],
    "FED980": [authentication("DISABLE"), rule("cart.shop.svc.cluster.local", **MUTUAL)],
    "FED981": [thing(ISTIO, "DestinationRule", "shop", "bare", spec={"host": "cart", "subsets": [{"name": "all"}]})],
    "FED982": [gateway("one"), gateway("two")],
    "FED983": [gateway(selector={"app": "no-gateway"})],
    "FED984": [route(to("chart"))],
    "FED985": [route(to("till"), gateways=["mesh", "shop/back"])],
    "FED986": [routes("till")],
    "FED987": [route(to("till", weight=50))],
    "FED988": [route(to("till", weight=50), to("till.shop.svc.cluster.local", weight=50))],
    "FED989": [route(to("till"), name="one"), route(to("cart"), hosts=("till.shop.svc.cluster.local",), name="two")],
    "FED990": [route(to("cart", "v9")), subsets("cart", v1="v1")],
    "FED991": [policy(selector={"app": "nothing"})],
    "FED992": [authentication("STRICT"), authentication("PERMISSIVE", "another")],
    "FED993": [sidecar("*/chart.shop.svc.cluster.local")],
    "FED994": [peer(), imports(IMPORT), rule(IMPORT, tls={"mode": "SIMPLE"})],
    "FED994 over all": [peer(), imports(IMPORT), rule("*.west-imports.local", tls={"mode": "DISABLE"})],
    "FED995": [peer(), policy(principals=["west.local/ns/shop/sa/web"])],
}


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_found_and_nothing_else(case):
    result, code = seen(*CASES[case]), case.partition(" ")[0]
    assert codes(result) == [code], result["lines"]
    assert result["unknown"] == [] and result["findings"][0]["kiali"] == list(KIALI[code])


def test_every_code_of_a_validation_has_a_case():
    assert {case.partition(" ")[0] for case in CASES} == set(KIALI) and FAILED not in KIALI and set(KIALI) <= set(CODES)


RIGHT = {
    "a route with subsets": [route(to("cart", "v1", weight=60), to("till", weight=40)), subsets("cart", v1="v1")],
    "an import of a connected peer": [peer(), imports(IMPORT), route(to("till", weight=80), to(IMPORT, weight=20)),
    rule(IMPORT, **MUTUAL)],
    "a host of a ServiceEntry, by a wildcard too": [entry("*.example.com", "api.example.org"),
    route(to("www.example.com"), to("api.example.org"))],
    "a wildcard over services": [rule("*.shop.svc.cluster.local", **MUTUAL), rule("*.local", "desk", **MUTUAL)],
    "two VirtualServices that no client sees both": [
        route(to("till"), name="one", exportTo=["."]),
        routes("till.shop.svc.cluster.local", namespace="desk", name="two", exportTo=["."],
        http=[{"route": [to("till.shop.svc.cluster.local")]}]),
    ],
    "a second rule that only adds subsets": [rule("cart", connectionPool={}), subsets("cart", v1="v1")],
    "a workload scaled to zero": [scaled_to_zero("sleeper", app="sleeper"), policy(selector={"app": "sleeper"})],
    "a policy of the whole mesh for a workload anywhere": [policy(namespace=SPACE, selector={"app": "till"})],
    "a gateway's host in a policy": [gateway(), policy(hosts=["shop.example.com", "shop.example.com:*",
    "*.example.org"])],
    "a service account of the mesh": [policy(principals=["cluster.local/ns/shop/sa/web", "east.local/ns/desk/sa/clerk",
    "*/sa/x"])],
    "a peer's identity at the gateway": [peer(), pod("gw", "west-ingress", SPACE), policy(
        namespace=SPACE, selector={"app": "west-ingress"},
        principals=["west.local/ns/west-mesh-system/sa/east-egress-service-account"],
    )],
    "plain calls to a service without sidecars": [pod("old-1", "checkout"), authentication("STRICT"), rule("checkout",
    **PLAIN)],
    "one VirtualService that names its gateway twice": [gateway(), route(to("till"), gateways=["mesh", "mesh", "front",
    "shop/front"])],
    "plain calls to a permissive service": [authentication("PERMISSIVE"), rule("cart", **PLAIN)],
    "plain calls to the one workload that allows them": [
        authentication("STRICT", namespace=SPACE), authentication("DISABLE", "cart", app="cart"), rule("cart", **PLAIN),
    ],
    "a sidecar with all of its namespace": [sidecar("./*", "~/*", f"{SPACE}/*", "*/till.shop.svc.cluster.local",
    app="cart")],
    "subsets of a host that a peer gives as well": [
        peer(), imports("cart.shop.svc.cluster.local"), subsets("cart", here="v1", there="west"),
    ],
    "routes for gateways only": [gateway(), route(to("till"), hosts=("shop.example.com",), gateways=["front"])],
    "a mirror": [thing(ISTIO, "VirtualService", "shop", "mirror", spec={"hosts": ["till"],
    "http": [{"route": [to("till")], "mirror": {"host": "cart"}}]})],
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_no_finding(name):
    result = seen(*RIGHT[name])
    assert codes(result) == [] and result["unknown"] == [], result["lines"]


def test_a_rule_over_many_services_is_one_finding_and_a_narrower_rule_is_an_exception():
    strict, plain = authentication("STRICT", namespace=SPACE), rule("*.local", SPACE, "all", **PLAIN)
    (found,) = seen(strict, plain)["findings"]
    assert (
        found["code"] == "FED979"
        and "cart.shop.svc.cluster.local and till.shop.svc.cluster.local, and PeerAuth" in found["seen"]
    )
    narrower, other = (
        rule("*.shop.svc.cluster.local", SPACE, "shop", **MUTUAL),
        (
            service("desk", "desk"),
            injected("desk-1", "desk", "desk"),
        ),
    )
    (found,) = seen(strict, plain, narrower, *other)["findings"]
    assert "for desk.desk.svc.cluster.local, and PeerAuthentication" in found["seen"]


UNSURE = {
    "a host of a peer that is not connected": ([*OLD_PEER, route(to(WEST_CART))], (), "FED984",
    "peer west is not connected"),
    "a local name that such a peer may give": (
        [peer(connected=False), imports(rules=[AS_CHART]), route(to("chart"))],
        (), "FED984", "peer west is not connected",
    ),
    "a host of a namespace that is no member": (
        [route(to("cart.other.svc.cluster.local"))], (), "FED984", "namespace other is not a member"
    ),
    "a host where ServiceEntries may not be read": ([route(to("www.example.com"))], ["ServiceEntry"], "FED984",
    "ServiceEntry objects in"),
    "a host where Services may not be read": ([route(to("cart"), hosts=())], ["Service"], "FED984",
    "Service objects in"),
    "a host where peers may not be read": ([route(to(WEST_CART))], ["ServiceMeshPeer"], "FED984",
    "ServiceMeshPeer objects in"),
    "a subset where rules may not be read": ([route(to("cart", "v9"))], ["DestinationRule"], "FED990",
    "DestinationRule objects in"),
    "labels where pods may not be read": ([policy()], ["Pod"], "FED991", "Pod objects in"),
    "labels where workloads may not be read": ([policy(selector={"app": "x"})], ["Deployment"], "FED991",
    "Pod objects in"),
    "a Gateway of another namespace": (
        [route(to("till"), gateways=["other/front"])], (), "FED985", "namespace other is not a member"
    ),
    "a namespace where namespaces may not be listed": ([policy(namespaces=["nowhere"])], ["Namespace"], "FED973",
    "namespaces may not be listed"),
    "an account of another namespace": (
        [policy(principals=["cluster.local/ns/other/sa/x"])], (), "FED975", "namespace other is not a member"
    ),
    "a host where members may not be read": (
        [routes("x", namespace=SPACE, http=[{"route": [to("cart.shop.svc.cluster.local")]}])],
        ["ServiceMeshMemberRoll"], "FED984", "ServiceMeshMemberRoll",
    ),
    "a selector where members may not be read": ([policy(namespace=SPACE)], ["ServiceMeshMemberRoll"], "FED991",
    "ServiceMeshMemberRoll objects in"),
    "mutual TLS of a service without pods": (
        [authentication("STRICT"), rule("checkout", **PLAIN)], (), "FED979", "no pod behind it shows",
    ),
    "mutual TLS where nobody may read who demands it": ([rule("cart", **PLAIN)], ["PeerAuthentication"], "FED979",
    "PeerAuthentication objects in"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSURE)
def test_what_cannot_be_decided_is_unknown(name):
    objects, without, code, because = UNSURE[name]
    result = seen(*objects, without=without)
    assert codes(result) == [], result["lines"]
    assert [gap for gap in result["unknown"] if code in gap["codes"] and because in gap["because"]], result["unknown"]
    assert any(line.startswith("UNKNOWN") for line in result["lines"])


def test_the_kind_that_a_cluster_does_not_know_is_no_gap():
    class Older(Forbidding):
        def list(self, kind, namespace, **more):
            if kind.name in self._kinds:
                raise FederationError("FED108", where=kind.name, what="is not served", fix="Install")
            return self._inner.list(kind, namespace, **more)

    run = RunInMemory(MESH, module.OPTIONS, mesh="east", is_quiet=True)
    result = module.run(run, Older(estate(*ALWAYS), "RequestAuthentication", "Sidecar"), NOW)
    assert result["unknown"] == [] and result["findings"] == []


def test_mutual_tls_is_told_per_namespace():
    result = seen(
        authentication("STRICT", namespace=SPACE),
        authentication("PERMISSIVE"),
        authentication("DISABLE", "cart", app="cart"),
    )
    rows = {row["namespace"]: (row["mode"], row["said_by"], row["exceptions"]) for row in result["mutual_tls"]}
    assert rows == {
        "desk": ("STRICT", f"PeerAuthentication {SPACE}/default", []),
        SPACE: ("STRICT", f"PeerAuthentication {SPACE}/default", []),
        "shop": ("PERMISSIVE", "PeerAuthentication shop/default", ["PeerAuthentication shop/cart"]),
    }
    assert result["lines"][-2:] == ["mutual TLS PERMISSIVE: shop", f"mutual TLS STRICT: desk and {SPACE}"]
    assert {row["mode"] for row in seen()["mutual_tls"]} == {"PERMISSIVE"}
    assert {row["mode"] for row in seen(without=["PeerAuthentication"])["mutual_tls"]} == {"unknown"}


def test_it_fails_on_what_it_is_told_to_and_has_seen_all_the_same():
    with pytest.raises(FederationError, match="FED972 The Istio configuration of east: has 1 error: FED984") as refused:
        seen(*CASES["FED984"], fail_on=["error"])
    assert refused.value.result["lines"] and codes(refused.value.result) == ["FED984"]
    assert codes(seen(*CASES["FED984"], fail_on=["warning", "unknown"])) == ["FED984"]
    with pytest.raises(FederationError, match="1 warning"):
        seen(*CASES["FED989"], fail_on=["error", "warning"])
    with pytest.raises(FederationError, match="1 unknown"):
        seen(*UNSURE["a Gateway of another namespace"][0], fail_on=["unknown"])


def test_a_line_has_kialis_code_beside_ours():
    lines = seen(*CASES["FED984"])["lines"]
    assert lines[0] == "east · 1 object in 3 namespaces · 1 error"
    assert lines[1].startswith(
        "ERROR    FED984 KIA1101  VirtualService shop/route, http[0].route[0]: names chart, which is no"
    )


ODD = (
    {},
    {"hosts": 3, "http": [None, {"route": "x"}]},
    {"host": ["a"], "subsets": {"a": 1}, "trafficPolicy": []},
    {"rules": [{"from": [{}]}], "selector": []},
)


@pytest.mark.parametrize("spec", ODD)
def test_odd_objects_are_read_all_the_same(spec):
    kinds = {
        ISTIO: ("VirtualService", "DestinationRule", "Gateway", "Sidecar", "ServiceEntry"),
        SECURITY: ("AuthorizationPolicy", "PeerAuthentication"),
    }
    odd = [
        thing(version, kind, "shop", "odd", spec=copy.deepcopy(spec))
        for version, names in kinds.items()
        for kind in names
    ]
    assert seen(*odd, service("odd", selector=None))["lines"]


def test_the_role_for_validations_holds_what_is_asked_for_and_no_verb_that_writes():
    asked = {}

    class Watched(Forbidding):
        def list(self, kind, namespace, **more):
            asked.setdefault(namespace, set()).add((kind.api_version.rpartition("/")[0], kind.plural, "list"))
            return self._inner.list(kind, namespace, **more)

        def get(self, kind, namespace, name):
            asked.setdefault(namespace, set()).add((kind.api_version.rpartition("/")[0], kind.plural, "get"))
            return self._inner.get(kind, namespace, name)

    run = RunInMemory(MESH, module.OPTIONS, mesh="east", is_quiet=True)
    module.run(run, Watched(estate(*ALWAYS, *CASES["FED991"])), NOW)
    roles = {
        live["metadata"]["namespace"]: live
        for live in yaml.safe_load(ROLE.read_text(encoding="utf-8"))["items"]
        if live["kind"] == "Role"
    }
    for namespace, role in roles.items():
        rights = {
            (group, kind, verb)
            for row in role["rules"]
            for group in row["apiGroups"]
            for kind in row["resources"]
            for verb in row["verbs"]
        }
        assert asked[namespace] == rights, namespace
    assert set(roles) == {SPACE, "shop"}


def test_each_kind_is_listed_once_for_each_namespace():
    cluster = estate(*ALWAYS, *CASES["FED984"])
    module.run(RunInMemory(MESH, module.OPTIONS, mesh="east", is_quiet=True), cluster, NOW)
    # The control plane, the roll and three kinds of peerings; ten kinds in each of three namespaces.
    assert cluster.requests == 5 + 10 * 3
