# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The health of a mesh whose API server, istiods and Envoys are as honest, or as hostile, as each test wants."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from attacks.api import ApiInMemory
from attacks.attack import call
from attacks.tunnels import tunnelling
from integration.administrators import Administrator

HOME = "east-mesh-system"
EAST = {"mesh": "east", "api_timeout": 3, "again": 0}
READY = [{"type": "Ready", "status": "True"}]
METRICS = (
    'pilot_info{version="1.18.7-abc"} 1\npilot_xds{version="1.18.7"}'
    ' 2\npilot_xds_lds_reject{node="till-1.shop",err="x"} 1\n'
)


def deployment(name: str, up: int = 1, due: int = 1) -> dict:
    status = {
        "availableReplicas": up,
        "conditions": [{"type": "Available", "status": "True", "lastTransitionTime": "2026-01-31T12:00:00Z"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": HOME},
        "spec": {"replicas": due},
        "status": status,
    }


def pod(name: str, namespace: str, owner: str, container: str = "istio-proxy") -> dict:
    annotations = {"sidecar.istio.io/status": "{}"} if namespace != HOME else {}
    labels = {"pod-template-hash": "abc"}
    owners = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{owner}-abc", "uid": "u", "controller": True}]
    running = [{"name": container, "state": {"running": {"startedAt": "2026-01-31T12:00:00Z"}}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": annotations,
            "labels": labels,
            "ownerReferences": owners,
        },
        "spec": {"containers": [{"name": container}]},
        "status": {"phase": "Running", "conditions": READY, "containerStatuses": running},
    }


def row(proxy: str, **nonces: str) -> dict:
    synced = {
        f"{kind}_{word}": kind for kind in ("cluster", "listener", "route", "endpoint") for word in ("sent", "acked")
    }
    return {"proxy": proxy, "istio_version": "1.18.7", **synced, **nonces}


def mesh(api, *more: dict) -> None:
    roll = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": {"name": "default", "namespace": HOME},
    }
    objects = [
        {**roll, "spec": {"members": ["shop"]}, "status": {"configuredMembers": ["shop"]}},
        *map(deployment, ("istiod-basic", "istio-ingressgateway", "istio-egressgateway")),
        *(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"istio-{way}gateway", "namespace": HOME}}
            for way in ("ingress", "egress")
        ),
        *(pod(f"istiod-basic-abc-{number}", HOME, "istiod-basic", "discovery") for number in (1, 2)),
        pod("istio-ingressgateway-abc-1", HOME, "istio-ingressgateway"),
        *(pod(f"{name}-1", "shop", name) for name in ("cart", "till")),
    ]
    for one in (*objects, *more):
        api.store.put(one)


def pages(**answers: object) -> Callable:
    """Return what answers at pods: two istiods that share the proxies, and Envoys."""
    given = {
        "istiod-basic-abc-1": [row("cart-1.shop")],
        "istiod-basic-abc-2": [row("till-1.shop"), row("istio-ingressgateway-abc-1.east-mesh-system")],
        **answers,
    }

    def page(_namespace: str, name: str, _port: int, target: str) -> object:
        if target == "/debug/syncz":
            rows = given.get(name)
            return rows if isinstance(rows, (bytes, tuple)) or rows is None else json.dumps(rows)
        if target == "/metrics":
            return METRICS
        if target == "/certs":
            return json.dumps(
                {
                    "certificates": [
                        {
                            "cert_chain": [
                                {"valid_from": "2020-01-01T00:00:00Z", "expiration_time": "2020-01-02T00:00:00Z"}
                            ]
                        }
                    ]
                }
            )
        return "listener_manager.lds.update_rejected: 4\n" if target.startswith("/stats") else None

    return page


def look(api, collections, **options: object) -> dict:
    return call(collections, "mesh_health_info", {**api.access, **EAST, **options}).result


def states(result: dict) -> dict[str, str]:
    return {row["component"]: row["state"] for row in result["components"]}


def test_all_istiods_are_merged_and_what_lags_stands_first(api, collections):
    mesh(api)
    api.hostile = tunnelling(pages(**{"istiod-basic-abc-1": [row("cart-1.shop", listener_sent="newer")]}))
    result = look(api, collections)
    assert [(one["proxy"], one["state"]) for one in result["proxies"]] == [
        ("shop/cart-1", "STALE"),
        (f"{HOME}/istio-ingressgateway-abc-1", "SYNCED"),
        ("shop/till-1", "SYNCED"),
    ]
    assert result["workloads"][0]["in_order"] == 0
    assert states(result)["istiod-basic"] == "healthy"
    assert "4 proxies connected" in next(
        one["evidence"] for one in result["components"] if one["component"] == "istiod-basic"
    )


def test_envoys_word_makes_a_rejection_of_what_was_stale_twice(api, collections):
    mesh(api)
    api.hostile = tunnelling(pages(**{"istiod-basic-abc-1": [row("cart-1.shop", listener_sent="newer")]}))
    [first, *_others] = look(api, collections, again=1)["proxies"]
    assert (first["state"], first["evidence"]) == ("REJECTED", "LDS: Envoy says update_rejected 4")


def test_a_certificate_that_was_not_renewed_fails_its_gateway_and_the_gate(api, collections):
    mesh(api)
    api.hostile = tunnelling(pages())
    result = look(api, collections, require="core")
    assert (result["failed"], result["code"], result["verdict"]) == (True, "FED914", "down")
    assert "istio-ingressgateway is failing" in result["missing"][0]
    assert "FED915" in {one["code"] for one in result["findings"]}


def test_an_account_without_the_right_is_told_so_and_nothing_is_guessed(api, collections):
    mesh(api)

    def forbidden(asked):
        if "/portforward" in asked.target:
            told = {
                "kind": "Status",
                "message": 'pods "x" is forbidden: User "u" cannot get resource "pods/portforward"',
                "code": 403,
            }
            return 403, {}, json.dumps(told).encode()
        return None

    api.hostile = forbidden
    result = look(api, collections)
    assert result["proxies"] == []
    assert [gap["what"] for gap in result["unread"]] == [f"pages of pods in {HOME}"]
    assert "may not get pods/portforward" in result["unread"][0]["because"]
    assert len([asked for asked in api.asked if "portforward" in asked.target]) <= 4
    assert any(line.startswith("not read: ") for line in result["lines"])


def test_a_silent_istiod_makes_what_it_may_know_unknown(api, collections):
    mesh(api)
    api.hostile = tunnelling(pages(**{"istiod-basic-abc-2": None}))
    found = {one["proxy"]: one["state"] for one in look(api, collections)["proxies"]}
    assert found["shop/cart-1"] == "SYNCED"
    assert found["shop/till-1"] == "UNKNOWN"


def test_a_hostile_istiod_is_told_and_moves_no_cursor(api, collections):
    mesh(api)
    api.hostile = tunnelling(
        pages(
            **{
                "istiod-basic-abc-1": [row("cart-1\x1b[2J.shop"), {"proxy": 7}, [], None],
                "istiod-basic-abc-2": b"[" * 200_000,
            }
        )
    )
    result = look(api, collections)
    assert "\x1b" not in json.dumps(result["lines"], ensure_ascii=False)
    assert {one["what"] for one in result["unread"]} == {"proxies that istiod-basic-abc-2 knows"}


def test_what_no_istiod_knows_is_told_with_what_its_log_says(api, collections):
    mesh(api)
    tunnel = tunnelling(pages(**{"istiod-basic-abc-1": []}))

    def hostile(asked):
        if "/pods/cart-1/log" in asked.target:
            return (
                200,
                {"Content-Type": "text/plain"},
                b"warn sds failed to warm certificate: token=pl4nted-secret is expired\n",
            )
        return tunnel(asked)

    api.hostile = hostile
    [first, *_others] = look(api, collections)["proxies"]
    assert (first["proxy"], first["state"]) == ("shop/cart-1", "NOT CONNECTED")
    assert "its log: warn sds failed to warm certificate" in first["evidence"]


def test_pods_of_istiod_that_may_not_be_read_make_nobody_lost(api, collections):
    mesh(api)
    told = {"kind": "Status", "message": 'pods is forbidden: User "u" cannot list resource "pods"', "code": 403}
    api.hostile = lambda asked: (403, {}, json.dumps(told).encode()) if f"/{HOME}/pods" in asked.target else None
    result = look(api, collections)
    assert result["proxies"] == []
    assert {gap["what"] for gap in result["unread"]} == {f"pods in {HOME}", "proxies that istiod-basic knows"}


def test_peers_that_may_not_be_read_are_unknown_and_the_rest_is_there(api, collections):
    mesh(api)
    told = {
        "kind": "Status",
        "message": 'exportedservicesets is forbidden: User "u" cannot list resource "exportedservicesets"',
        "code": 403,
    }
    tunnel = tunnelling(pages())
    api.hostile = lambda asked: (
        (403, {}, json.dumps(told).encode()) if "/exportedservicesets" in asked.target else tunnel(asked)
    )
    result = look(api, collections)
    assert states(result)["gateways of peers"] == "unknown" and states(result)["istiod-basic"] == "healthy"
    assert [gap["what"] for gap in result["unread"]] == ["peers, their gateways and what they offer"]
    assert {one["state"] for one in result["proxies"]} == {"SYNCED"}
    gate = look(api, collections, require="core")
    assert gate["code"] == "FED914" and any("gateways of peers" in one for one in gate["missing"]), gate


def test_where_no_pod_of_istiod_is_found_no_proxy_counts_as_in_order(api, collections):
    mesh(api)
    lost = [pod(f"istiod-basic-abc-{number}", HOME, "somebody-else", "discovery") for number in (1, 2)]
    for one in lost:
        api.store.put(one)
    api.hostile = tunnelling(pages())
    seen = look(api, collections)
    assert [gap["what"] for gap in seen["unread"]] == ["proxies that istiod-basic knows"]
    assert seen["unread"][0]["because"] == "none of its pods was found" and seen["lines"][-1].startswith("‼ east: ")


def test_a_port_that_the_api_server_does_not_forward_says_nothing_of_istiod(api, collections):
    mesh(api)
    told = {"kind": "Status", "message": "pod istiod-basic-abc-1 does not have a host assigned", "code": 400}
    api.hostile = lambda asked: (400, {}, json.dumps(told).encode()) if "/portforward" in asked.target else None
    seen = look(api, collections)
    assert states(seen)["istiod-basic"] == "healthy" and seen["proxies"] == []
    assert {gap["what"] for gap in seen["unread"]} == {
        f"proxies that istiod-basic-abc-{number} knows" for number in (1, 2)
    }
    assert seen["lines"][-1].startswith("‼ east: ")


def test_pods_of_istiod_whose_owner_is_gone_are_asked_all_the_same(api, collections):
    mesh(api)
    for number in (1, 2):
        orphan = pod(f"istiod-basic-abc-{number}", HOME, "istiod-basic", "discovery")
        del orphan["metadata"]["ownerReferences"]
        api.store.put(orphan)
    api.hostile = tunnelling(pages())
    seen = look(api, collections)
    assert not seen["unread"]
    assert {one["proxy"]: one["state"] for one in seen["proxies"]} == dict.fromkeys(
        ("shop/cart-1", "shop/till-1", f"{HOME}/istio-ingressgateway-abc-1"), "SYNCED"
    )


def test_only_what_is_allowed_was_asked_for_and_nothing_was_written(api, collections):
    mesh(api)
    seen = []
    honest = pages()
    api.hostile = tunnelling(lambda *asked: seen.append(asked[3].partition("?")[0]) or honest(*asked))
    look(api, collections)
    assert set(seen) == {"/debug/syncz", "/metrics", "/certs"}
    assert api.writes == []
    assert {asked.method for asked in api.asked} == {"GET"}


def test_the_playbook_fails_as_a_gate_and_writes_what_it_saw(api: ApiInMemory, collections: str, tmp_path: Path):
    mesh(api)
    api.hostile = tunnelling(pages(**{"istiod-basic-abc-1": [row("cart-1.shop", listener_sent="newer")]}))
    admin = Administrator(tmp_path, collections, {"east": {**api.variables, "mesh_peers": ["west"], "health_again": 0}})
    said = {"federation_report": "health.json", "federation_report_junit": "health.xml"}
    run = admin.play("health", variables=said, must_pass=False)
    assert (
        run.returncode
        and "FED914 Mesh east: is not as health_require: core asks: istio-ingressgateway is failing" in run.output
    ), run.output
    assert "shop/cart " in run.output, "a gate that fails shows its tables as well"
    report = json.loads((tmp_path / "health.json").read_text(encoding="utf-8"))["east"]
    assert report["verdict"] == "down" and report["proxies"][0] == {
        "in_order": 0,
        "old": 0,
        "proxies": 1,
        "state": "stale",
        "workload": "shop/cart",
    }
    junit = (tmp_path / "health.xml").read_text(encoding="utf-8")
    assert 'name="FED915 istio-ingressgateway"><failure' in junit and 'name="component istiod-basic" />' in junit


FEDERATION = {"apiVersion": "federation.maistra.io/v1", "metadata": {"name": "west", "namespace": HOME}}
CART = "cart.shop.svc.west-imports.local"
OFFER = {
    "exportedName": "cart.shop.svc.east-exports.local",
    "localService": {"name": "cart", "namespace": "shop", "hostname": CART},
}


def with_prometheus(api, answer: object) -> None:
    """Have the mesh import cart, and a Prometheus of its own that answers questions."""
    peer = {**FEDERATION, "kind": "ServiceMeshPeer", "spec": {"gateways": {"egress": {"name": "west-egress"}}}}
    imports = {**FEDERATION, "kind": "ImportedServiceSet", "spec": {}, "status": {"importedServices": [OFFER]}}
    mesh(api, peer, imports, deployment("prometheus"), pod("prometheus-abc-1", HOME, "prometheus", "prometheus"))

    def page(namespace: str, name: str, port: int, target: str) -> object:
        if name != "prometheus-abc-1":
            return pages()(namespace, name, port, target)
        return answer if target.startswith("/api/v1/query?") else b"Prometheus is Ready."

    api.hostile = tunnelling(page)


def vector(*rows: tuple[dict, str]) -> str:
    found = [{"metric": labels, "value": [1, value]} for labels, value in rows]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": found}})


def test_the_meshs_own_prometheus_tells_what_goes_over_the_edges(api, collections):
    labels = {"source_workload_namespace": "shop", "source_workload": "web", "destination_service": CART}
    with_prometheus(
        api, vector(({**labels, "response_code": "200", "connection_security_policy": "mutual_tls"}, "2.5"))
    )
    (edge,) = look(api, collections)["rates"]
    assert (edge["edge"], edge["requests_per_second"], edge["mutual_tls_per_cent"]) == (
        f"shop/web → {CART}",
        2.5,
        100.0,
    )


def test_an_import_without_a_call_is_an_idle_edge(api, collections):
    with_prometheus(api, vector())
    assert [(row["edge"], row["state"]) for row in look(api, collections)["rates"]] == [(f"nobody → {CART}", "idle")]


def test_a_prometheus_that_answers_nonsense_is_told_and_gives_no_figure(api, collections):
    for answer in (b"\xff\x00", "{}", (500, "no"), json.dumps({"status": "success", "data": {"resultType": "matrix"}})):
        with_prometheus(api, answer)
        result = look(api, collections)
        assert result["rates"] == [] and "requests and errors on the edges" in [gap["what"] for gap in result["unread"]]
