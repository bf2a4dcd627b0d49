# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each component by its own test, what could not be read as unknown, and the gate over them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.findings import Unknown
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import ControlPlane
from ansible_collections.ossm.federation.plugins.module_utils._core.insight import components, syncz
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.components import (
    ABSENT,
    CORE,
    DEGRADED,
    FAILING,
    HEALTHY,
    UNKNOWN,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.showing import (
    WIDEST,
    Health,
    with_evidence,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.statistics import (
    connection_in,
    nacks_in,
    rejection_in,
    rejections_in,
    trouble_in,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
SPEC = {
    "version": "v2.2",
    "addons": {"prometheus": {"enabled": True}, "kiali": {"enabled": True}},
    "tracing": {"type": "Jaeger"},
}


def control_plane(**spec):
    return ControlPlane.read({"metadata": {"name": "basic", "namespace": "east"}, "spec": {**SPEC, **spec}})


def deployment(up=1, due=1):
    conditions = [{"type": "Available", "lastTransitionTime": "2026-01-31T11:00:00Z"}]
    return {"spec": {"replicas": due}, "status": {"availableReplicas": up, "conditions": conditions}}


ALL = ("istiod-basic", "istio-ingressgateway", "istio-egressgateway", "prometheus", "kiali", "wasm-cacher-basic")
SERVICES = {f"istio-{way}gateway": {"spec": {"type": "ClusterIP"}} for way in ("ingress", "egress")}


def seen(plane=None, **more):
    known = {
        "deployments": {name: deployment() for name in ALL},
        "services": SERVICES,
        "daemon_sets": {"istio-node": {"status": {"desiredNumberScheduled": 3, "numberReady": 3}}},
        "operator": {"istio-operator": deployment()},
        "kiali": [{"metadata": {"name": "kiali"}}],
        "jaeger": [{"metadata": {"name": "jaeger"}, "status": {"phase": "Running"}}],
    }
    return components.Seen(plane or control_plane(), NOW, **{**known, **more})


def states(found):
    return {it.name: it.state for it in components.components_of(found)}


def one(found, name):
    return next(it for it in components.components_of(found) if it.name == name)


def test_components_that_run_are_healthy_and_what_is_not_wanted_is_absent():
    found = states(seen())
    assert {name: state for name, state in found.items() if state not in (HEALTHY, ABSENT)} == {
        "ServiceMeshControlPlane": DEGRADED
    }
    assert found["grafana"] == ABSENT


@pytest.mark.parametrize(
    ("live", "state", "evidence", "code"),
    [
        (None, FAILING, "its Deployment does not exist", "FED904"),
        (deployment(0, 0), FAILING, "scaled to zero", "FED902"),
        (deployment(0, 2), FAILING, "none of 2 pods is available", "FED903"),
        (deployment(1, 2), DEGRADED, "1 of 2 pods available", "FED903"),
    ],
)
def test_a_deployment_that_is_not_whole_says_what_is_missing(live, state, evidence, code):
    found = one(
        seen(
            deployments=(
                {**{name: deployment() for name in ALL}, **({"istiod-basic": live} if live else {})} if live else {}
            )
        ),
        "istiod-basic",
    )
    assert (found.state, found.evidence, found.code, found.severity) == (state, evidence, code, CORE)


def test_what_could_not_be_read_is_unknown_with_the_reason():
    found = seen(
        deployments=None,
        daemon_sets=None,
        operator=None,
        kiali=None,
        jaeger=None,
        unread={"Deployment": "may not", "operator": "nor this"},
    )
    assert {name: state for name, state in states(found).items() if state == HEALTHY} == {}
    assert one(found, "istiod-basic").evidence == "could not be read (may not)"


def said(status=200, content=b"", why=""):
    return components.Said(status, content, why)


def test_istiod_says_itself_how_it_is():
    metrics = (
        b'pilot_xds 2\npilot_total_xds_rejects{type="x"} 3\npilot_proxy_convergence_time_sum'
        b" 1\npilot_proxy_convergence_time_count 4\n"
    )
    found = one(seen(said={"istiod-basic": {"a": said(content=metrics), "b": said(content=metrics)}}), "istiod-basic")
    assert (
        found.evidence
        == "1 of 1 pods available; 4 proxies connected; 6 updates rejected since it started; changes reach proxies in"
        " 0.25 s on average"
    )
    found = one(seen(said={"istiod-basic": {"a": said(content=metrics), "b": said(0, why="reset")}}), "istiod-basic")
    assert (found.state, found.evidence.split(";")[0]) == (DEGRADED, "b cannot be reached (reset)")


def test_the_version_of_istiod_is_told_only_when_all_agree():
    pages = ['pilot_info{version="1.18.7-x"} 1', 'pilot_info{version="1.18.7-y"} 1']
    assert components.version_of(pages) == "1.18.7"
    assert components.version_of([*pages, 'pilot_info{version="1.14.5"} 1']) == ""


def test_a_gateway_needs_a_service_and_its_load_balancer_an_address():
    waiting = {**SERVICES, "istio-ingressgateway": {"spec": {"type": "LoadBalancer"}}}
    assert one(seen(services=waiting), "istio-ingressgateway").evidence.startswith("its load balancer has no address")
    assert one(seen(services={}), "istio-ingressgateway").code == "FED905"
    there = {
        **SERVICES,
        "istio-ingressgateway": {
            "spec": {"type": "LoadBalancer"},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
        },
    }
    assert one(seen(services=there), "istio-ingressgateway").evidence.endswith("at 192.0.2.1")


def certificates(hours_left, of=24, key="cert_chain"):
    end = NOW + timedelta(hours=hours_left)
    entry = {"valid_from": (end - timedelta(hours=of)).isoformat(), "expiration_time": end.isoformat()}
    return json.dumps({"certificates": [{key: [entry]}]}).encode()


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (certificates(12), HEALTHY),
        (certificates(2), DEGRADED),
        (certificates(-1), FAILING),
        (certificates(24 * 20, of=24 * 365, key="ca_cert"), DEGRADED),
        (b"<html>", UNKNOWN),
        (b'{"certificates": [7, {"cert_chain": {"a": 1}}]}', HEALTHY),
    ],
)
def test_certificates_of_gateways_end_after_they_are_renewed(content, state):
    assert (
        one(seen(certificates={"istio-ingressgateway": {"a": said(content=content)}}), "istio-ingressgateway").state
        == state
    )


def test_gateways_of_peers_are_core():
    plane = control_plane(
        gateways={
            "additionalIngress": {"west-ingress": {"enabled": True}, "shop": {"enabled": True}},
            "egress": {"enabled": False},
        }
    )
    peers = {"west": {"spec": {"gateways": {"ingress": {"name": "west-ingress"}}}}}
    found = {it.name: (it.severity, it.state) for it in components.components_of(seen(plane, peers=peers))}
    assert (found["west-ingress"], found["shop"][0]) == ((CORE, FAILING), "add-on")


def row(**more):
    return {
        "peer": "west",
        "outbound": "connected",
        "inbound": "connected",
        "outbound_reason": "",
        "inbound_reason": "",
        "unproven": "",
        **more,
    }


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, HEALTHY),
        ({"inbound": "pending"}, DEGRADED),
        ({"inbound": "pending", "outbound": "refused"}, FAILING),
        ({"outbound": "unknown"}, UNKNOWN),
        ({"outbound": "suspended"}, ABSENT),
    ],
)
def test_a_peer_is_as_its_connections_are(changes, state):
    assert one(seen(rows=[row(**changes)]), "peer west").state == state


def test_add_ons_by_what_they_say_of_themselves():
    failing = seen(
        said={"prometheus": {"p": said(503)}},
        kiali=[],
        jaeger=[{"metadata": {"name": "jaeger"}, "status": {"phase": "Failed"}}],
    )
    found = states(failing)
    assert (found["prometheus"], found["kiali"], found["jaeger"]) == (FAILING, FAILING, DEGRADED)
    assert one(seen(said={"prometheus": {"p": said(0, why="no right")}}), "prometheus").state == UNKNOWN


def health(*its, proxies=(), unread=()):
    return Health("east", list(its), proxies, unread, NOW)


def component(state=HEALTHY, severity=CORE, name="istiod", code=""):
    return components.Component(name, severity, state, "so it is", code=code)


def proxy(number=1, state=syncz.SYNCED, workload="cart"):
    return syncz.Proxy(f"{workload}-{number}", "shop", workload, state, evidence="x" * 200)


def test_the_gate_for_core_lets_add_ons_and_proxies_pass_and_unknown_not():
    assert (
        health(component(DEGRADED), component(FAILING, "add-on"), proxies=[proxy(state=syncz.STALE)]).missing("core")
        == []
    )
    assert health(component(UNKNOWN)).missing("core") == ["istiod is unknown (so it is)"]
    assert health(component(FAILING)).missing("none") == []


def test_the_gate_for_healthy_lets_nothing_pass():
    found = health(
        component(DEGRADED), proxies=[proxy(), proxy(2, syncz.STALE)], unread=[Unknown("pods in shop", "no right")]
    )
    assert found.missing("healthy") == [
        "istiod is degraded (so it is)",
        "shop/cart has 1 of 2 proxies healthy",
        "pods in shop could not be read (no right)",
    ]
    assert found.verdict_line("core").startswith("‼ east: istiod is degraded")
    assert (
        health(component(), proxies=[proxy()]).verdict_line("healthy")
        == "√ east: every component and every proxy is healthy"
    )


def test_the_table_of_five_thousand_proxies_fits_a_terminal():
    proxies = [
        proxy(number, syncz.STALE if number % 7 == 0 else syncz.SYNCED, f"workload-{number % 500}-{'x' * 60}")
        for number in range(5_000)
    ]
    found = health(
        *(component(name="gateway-" + "y" * 80, state=FAILING, code="FED903") for _number in range(3)), proxies=proxies
    )
    lines = found.lines()
    assert len(lines) < 80
    assert max(map(len, lines)) <= WIDEST
    assert "… and 475 more workloads" in "\n".join(lines)
    assert len(found.as_data()["proxies"]) == 5_000


def test_findings_carry_the_code_that_says_what_to_do():
    odd = [
        proxy(number, state)
        for number, state in enumerate(
            (syncz.NOT_CONNECTED, syncz.REJECTED, syncz.STALE, syncz.WAITING, syncz.GONE, syncz.UNKNOWN)
        )
    ]
    found = health(component(FAILING, code="FED903"), proxies=odd).findings()
    assert [it.code for it in found] == ["FED903", "FED908", "FED909", "FED910", "FED911", "FED912", "FED913"]


def test_envoys_counters_are_read_by_type():
    text = (
        "cluster_manager.cds.update_rejected: 0\nlistener_manager.lds.update_rejected:"
        " 3\nhttp.a.rds.80.update_rejected: 1\ncluster.x.update_rejected: 2\n!: 1\n"
    )
    assert rejections_in(text) == {"LDS": "update_rejected 3", "RDS": "update_rejected 1", "EDS": "update_rejected 2"}
    text = (
        "cluster.xds-grpc.upstream_cx_connect_fail: 12\ncluster.xds-grpc.upstream_cx_active:"
        " 0\ncluster.other.upstream_cx_active: 4\n"
    )
    # From some version on Istio ends a cluster's name with a semicolon.
    for counters in (text, text.replace("xds-grpc", "xds-grpc;")):
        assert connection_in(counters) == "upstream_cx_active 0, upstream_cx_connect_fail 12"
    [found] = with_evidence([syncz.Proxy("a", "b", "c", syncz.NOT_CONNECTED, {}, "lost")], {"a.b": "its Envoy says so"})
    assert found.evidence == "lost; its Envoy says so"


def test_the_latest_line_about_the_way_to_istiod_is_the_evidence():
    log = (
        "info cache generated new workload certificate\nwarn ca could not sign: x509: expired\nerror other thing\ninfo"
        " token read\n"
    )
    assert trouble_in(log) == "warn ca could not sign: x509: expired"
    assert trouble_in("all is well\n" * 3) == ""
    reject = (
        "2026-01-31T12:00:00Z\twarning\tenvoy config x.cc:138\tgRPC config for type.googleapis.com/a.Cluster rejected:"
        " no such policy\tthread=7"
    )
    assert (
        rejection_in(f"{reject}\nall is well")
        == "gRPC config for type.googleapis.com/a.Cluster rejected: no such policy"
    )
    assert rejection_in("all is well\n") == "" == rejection_in("")
    of_istiod = (
        "2026-01-31T12:00:00Z\twarn\tads\tADS:LDS: ACK ERROR cart-1.shop-12 Internal:Error adding/updating listener(s)"
        " a: {key}\nall is well\n"
    )
    assert nacks_in(of_istiod) == [("cart-1.shop", "LDS", "Internal:Error adding/updating listener(s) a")]
    quoting = (
        "warning gRPC config for a.Secret rejected: Failed to load certificate chain: private_key { inline_string:"
        ' "hunter2" }'
    )
    assert trouble_in(quoting) == "warning gRPC config for a.Secret rejected: Failed to load certificate chain"


def test_metrics_that_are_none_count_as_nothing():
    odd = b"pilot_xds 1.2.3\npilot_total_xds_rejects 1e999\npilot_xds{" + b"{" * 100_000 + b"\npilot_info{" * 1000
    found = one(seen(said={"istiod-basic": {"a": said(content=odd)}}), "istiod-basic")
    assert found.evidence == "1 of 1 pods available; 0 proxies connected; no update rejected"
    assert components.version_of([odd.decode()]) == ""
    assert syncz.rejects_of('pilot_xds_lds_reject{node="a.b"} 1..2\npilot_xds_lds_reject{' * 1000) == {
        ("a.b", "LDS"): 0
    }
