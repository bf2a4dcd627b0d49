# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is read of one's own side becomes evidence, also what proxies and istiod say of themselves."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timezone

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import ControlPlane
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.evidence import Evidence
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.ladder import diagnosed
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import Kind
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import CLUSTER
from ansible_collections.ossm.federation.plugins.module_utils._reads import diagnosis as reading
from ansible_collections.ossm.federation.plugins.module_utils._reads.diagnosis import Looking
from ansible_collections.ossm.federation.plugins.modules import federation_diagnosis_info as module
from unit.access_lines import IMPORTED, http
from unit.cluster_in_memory import ClusterInMemory
from unit.diagnosis.worlds import healthy
from unit.loopback import serving
from unit.pem import root
from unit.run_in_memory import RunInMemory
from unit.traffic_in_memory import pod, roll, service, thing

NOW = datetime(2026, 11, 23, 10, tzinfo=timezone.utc)
HOME = "east-mesh-system"
SENT = {"cluster_sent": "a", "cluster_acked": "a", "listener_sent": "b", "listener_acked": "b"}


OWN_CERTIFICATE = {
    "days_until_expiration": "1",
    "subject_alt_names": [{"uri": f"spiffe://east.local/ns/{HOME}/sa/west-egress-service-account"}],
}


def listening(*names: str) -> dict:
    """Return what a gateway's Envoy says of its listeners."""
    chain = {"filter_chain_match": {"server_names": list(names)}}
    return {"configs": [{"name": "0.0.0.0_15443", "active_state": {"listener": {"filter_chains": [chain]}}}]}


class Pods(ClusterInMemory):
    """A cluster whose pods answer: ``pages`` by pod and path, ``logs`` by pod; what is an error is raised."""

    def __init__(self, *objects: dict) -> None:
        super().__init__(NOW, *objects)
        self.pages: dict[tuple[str, str], object] = {}
        self.logs: dict[str, bytes] = {}
        self.asked: Counter = Counter()

    def list(self, kind: Kind, namespace: str, *which: object, **more: object) -> list[dict]:
        self.asked[kind.name, namespace] += 1
        return super().list(kind, namespace, *which, **more)

    def page(self, _namespace: str, pod: str, page: object, *, by_exec: bool = False) -> tuple[int, bytes]:
        self.asked[pod, page.path] += 1
        found = self.pages.get(
            (pod, page.path), FederationError("FED900", where=pod, what="does not answer", fix="Look")
        )
        if isinstance(found, Exception):
            raise found
        return 200, found if isinstance(found, bytes) else json.dumps(found).encode()

    def command(self, _namespace: str, pod: str, _container: str, command: list[str], *_bounds: object) -> tuple:
        self.asked[pod, command[0]] += 1
        found = self.pages.get((pod, command[0]), b"HTTP/1.1 200 OK\r\nx-envoy-upstream-service-time: 3\r\n\r\n")
        if isinstance(found, Exception):
            raise found
        return found, b"", '{"status": "Success"}'

    def copy_log(self, _namespace: str, pod: str, _query: dict, write: object, _most: int) -> int:
        return write(self.logs.get(pod, b""))


def running(name: str, app: str, namespace: str = HOME) -> dict:
    live = pod(name, app, namespace)
    live["metadata"]["annotations"] = {"sidecar.istio.io/status": "{}"}
    live["spec"]["containers"] = [{"name": "istio-proxy"}]
    return live


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Pods:
    monkeypatch.setattr(reading, "AGAIN_SECONDS", 0)
    world = healthy()
    world["control_plane"]["spec"]["proxy"] = {"accessLogging": {"file": {"name": "/dev/stdout"}}}
    roots = [
        thing("v1", "ConfigMap", HOME, f"{name}-ca-root-cert", data={"root-cert.pem": root(name)})
        for name in ("west", "istio")
    ]
    pods = [running(f"{app}-1", app) for app in ("west-ingress", "west-egress", "istiod")]
    objects = [world[key] for key in ("control_plane", "peer_object", "exports", "imports")]
    found = Pods(
        *objects,
        *world["services"].values(),
        *roots,
        *pods,
        roll("shop"),
        running("web-1", "web", "shop"),
        service("checkout"),
        pod("c-1", "checkout"),
    )
    found.pages = {
        ("istiod-1", "/debug/syncz"): [{"proxy": f"west-egress-1.{HOME}", **SENT}],
        ("istiod-1", "/metrics"): b"",
        ("istiod-1", "/version"): b"2.5",
        ("istiod-1", "/debug/registryz"): [],
        ("west-egress-1", "/certs"): {"certificates": [{"cert_chain": [OWN_CERTIFICATE]}]},
        ("west-egress-1", "/config_dump"): listening(f"outbound_.80_._.{IMPORTED}"),
        ("web-1", "/server_info"): {"node": {"metadata": {"DNS_CAPTURE": "true"}}},
        ("west-egress-1", "/clusters"): {
            "cluster_statuses": [{"name": f"outbound|8188||discovery.{HOME}.svc.west.local", "host_statuses": [{}]}]
        },
        ("web-1", "/clusters"): {
            "cluster_statuses": [
                {
                    "name": f"outbound|80||{IMPORTED}",
                    "host_statuses": [{"health_status": {"eds_health_status": "HEALTHY"}}],
                }
            ]
        },
    }
    found.logs = {"west-egress-1": f"2026-11-23T09:59:30Z {http(host='198.51.100.7:8188')}\n".encode()}
    found.logs["web-1"] = f"2026-11-23T09:59:00Z {http()}\n".encode()
    return found


def looking_at(cluster: Pods, **more: object) -> Looking:
    mesh = parse_mesh(
        name="east",
        namespace=HOME,
        control_plane="basic",
        peers=["west"],
        gateways=None,
        exports=[{"name": "checkout", "namespace": "shop"}],
        imports=[{"name": "cart", "namespace": "shop"}],
    )
    plane = ControlPlane.read(cluster.get(type("K", (), {"name": "ServiceMeshControlPlane"}), HOME, "basic"))
    return Looking(cluster, mesh, plane, NOW, **more)


def looked(cluster: Pods, **more: object) -> dict:
    looking = looking_at(cluster, **more)
    return looking.evidence(looking.mesh.peers[0], client="shop/web")


def verdict(cluster: Pods) -> tuple[str, str, str]:
    return diagnosed(Evidence.of(looked(cluster))).verdict


def test_what_is_the_same_for_all_peers_is_asked_for_once(cluster: Pods) -> None:
    late = {"proxy": f"west-egress-1.{HOME}", **SENT, "cluster_acked": "before"}
    cluster.pages["istiod-1", "/debug/syncz"] = [late]
    looking = looking_at(cluster)
    found = [looking.evidence(looking.mesh.peers[0], client="shop/web") for _time in range(3)]
    assert found[0] == found[1] == found[2] and found[0]["proxies"][0]["is_synced"] is False
    # A second look, since what differs may be under way, and no third.
    assert cluster.asked["istiod-1", "/debug/syncz"] == 2
    assert cluster.asked["istiod-1", "/debug/registryz"] == cluster.asked["istiod-1", "/version"] == 1
    assert cluster.asked["istiod-1", "/metrics"] == 0
    assert cluster.asked["NetworkPolicy", HOME] == cluster.asked["Sidecar", "shop"] == cluster.asked["Pod", HOME] == 1


def test_all_of_it_becomes_evidence_and_nothing_fails(cluster: Pods) -> None:
    found = looked(cluster)
    assert found["proxies"] == [
        {
            "pod": "west-egress-1",
            "is_synced": True,
            "has_sni": ["shop/cart"],
            "certificate_days": 1,
            "identities": [f"east.local/ns/{HOME}/sa/west-egress-service-account"],
            "ports": {
                "8188": {
                    "connected": 1,
                    "failed": 0,
                    "reason": "",
                    "refused_empty": 0,
                    "durations": [],
                    "broken": [],
                    "answered": "",
                    "denied": 0,
                }
            },
        }
    ]
    assert (found["dns"], found["clock_skew"], found["istiod"]) == (
        {"west.example.com": "answered"},
        0.0,
        {"answers": True},
    )
    assert found["client"]["endpoints"] == {"all": 1, "healthy": 1} and found["client"]["has_cluster"] is True
    assert (found["request"]["code"], found["unread"]) == ("200", [])
    assert found["targets"]["shop/checkout"] == {
        "exists": True,
        "is_member": True,
        "ready": 1,
        "pods": 1,
        "ports": 1,
        "admitted": "yes",
    }
    assert diagnosed(Evidence.of(found)).first is None
    assert cluster.writes == []


def test_an_egress_pod_that_istiod_waits_for_is_out_of_date_only_where_it_stays_so(cluster: Pods) -> None:
    cluster.pages["istiod-1", "/debug/syncz"] = [{"proxy": f"west-egress-1.{HOME}", **SENT, "listener_sent": "c"}]
    assert verdict(cluster) == ("FED966", "egress", "us")
    cluster.pages["istiod-1", "/debug/syncz"] = []
    assert verdict(cluster) == ("FED966", "egress", "us")


def test_istiod_that_answers_everything_but_its_services_is_locked(cluster: Pods) -> None:
    cluster.pages.pop(("istiod-1", "/debug/registryz"))
    assert verdict(cluster) == ("FED945", "istiod", "us")
    # One that answers nothing may be out of our reach alone.
    cluster.pages.pop(("istiod-1", "/version"))
    assert verdict(cluster) == ("", "", "")


@pytest.mark.parametrize(
    ("clusters", "expected"),
    [
        ([], ("", "", "")),
        ([{"name": "outbound|80||other"}], ("FED965", "sidecar", "us")),
        ([{"name": f"outbound|80||{IMPORTED}", "host_statuses": []}], ("FED964", "endpoints", "us")),
        (
            [
                {
                    "name": f"outbound|80||{IMPORTED}",
                    "host_statuses": [{"health_status": {"failed_outlier_check": True}}],
                }
            ],
            ("FED964", "endpoints", "either"),
        ),
    ],
)
def test_what_the_clients_envoy_has_decides(cluster: Pods, clusters: list, expected: tuple) -> None:
    cluster.pages["web-1", "/clusters"] = {"cluster_statuses": clusters}
    assert verdict(cluster) == expected


def test_a_clock_is_right_or_ahead_by_the_latest_line_and_unknown_by_an_old_one(cluster: Pods) -> None:
    for moment, skew in (("2026-11-23T09:00:00Z", None), ("2026-11-24T10:00:00Z", 86400.0)):
        cluster.logs["west-egress-1"] = f"{moment} {http(host='198.51.100.7:8188')}\n".encode()
        assert looked(cluster)["clock_skew"] == skew


def test_without_proxies_only_objects_are_looked_at(cluster: Pods) -> None:
    found = looked(cluster, asks_proxies=False)
    assert "proxies" not in found and found["istiod"] == {"answers": None} and found["request"] is None
    assert diagnosed(Evidence.of(found)).first is None


def disconnect(cluster: Pods, said: str) -> None:
    """Have istiod say that its last call to the peer ended so."""
    watch = {"connected": False, "lastDisconnectStatus": said}
    entry = {"pod": "istiod-1", "watch": watch, "remotes": [{"connected": True}]}
    cluster.set_status("ServiceMeshPeer", HOME, "west", {"discoveryStatus": {"inactive": [entry]}})


def test_an_egress_pod_that_takes_no_connection_for_the_import_is_named(cluster: Pods) -> None:
    cluster.pages["west-egress-1", "/config_dump"] = listening("outbound_.80_._.other.shop.svc.west-imports.local")
    cluster.logs["web-1"] = b""
    assert verdict(cluster) == ("FED966", "egress", "us")


def test_a_client_whose_sidecar_does_not_answer_dns_cannot_resolve(cluster: Pods) -> None:
    cluster.pages["web-1", "/server_info"] = {"node": {"metadata": {"DNS_CAPTURE": "false"}}}
    assert verdict(cluster) == ("FED963", "host", "us")


@pytest.mark.parametrize(
    ("statistics", "expected"),
    [
        ("update_failure: 4", ("FED946", "dns", "us")),
        ("update_empty: 4", ("FED946", "dns", "either")),
        ("", ("FED946", "dns", "either")),
    ],
)
def test_a_name_is_judged_as_the_egress_gateways_own_dns_sees_it(
    cluster: Pods, statistics: str, expected: tuple
) -> None:
    host = f"discovery.{HOME}.svc.west.local"
    cluster.pages["west-egress-1", "/clusters"] = {"cluster_statuses": [{"name": f"outbound|8188||{host}"}]}
    cluster.pages["west-egress-1", "/stats"] = f"cluster.outbound|8188||{host}.{statistics}".encode()
    cluster.logs["west-egress-1"] = b""
    disconnect(cluster, "503 Service Unavailable")
    assert verdict(cluster) == expected


def test_an_egress_pod_with_another_account_is_ours_to_repair(cluster: Pods) -> None:
    other = {**OWN_CERTIFICATE, "subject_alt_names": [{"uri": f"spiffe://east.local/ns/{HOME}/sa/default"}]}
    cluster.pages["west-egress-1", "/certs"] = {"certificates": [{"cert_chain": [other]}]}
    refused = http(host="198.51.100.7:8188", path="/v1/services/", code="403", details="via_upstream -")
    cluster.logs["west-egress-1"] = f"2026-11-23T09:59:30Z {refused}\n".encode()
    disconnect(cluster, "403 Forbidden")
    assert verdict(cluster) == ("FED953", "discovery", "us")


@pytest.fixture
def at_west(cluster: Pods) -> list[int]:
    """What west's address is on this machine: connections to it are counted, and each is closed at once."""
    calls: list[int] = []
    with serving(lambda _way: calls.append(1)) as port:
        live = cluster.get(type("K", (), {"name": "ServiceMeshPeer"}), HOME, "west")
        live["spec"]["remote"] = {"addresses": ["127.0.0.1"], "discoveryPort": port, "servicePort": port}
        cluster.put(live)
        yield calls


def ran(cluster: Pods, *, check_mode: bool = False, **more: object) -> dict:
    rules = {"exports": [{"name": "checkout", "namespace": "shop"}], "imports": [{"name": "cart", "namespace": "shop"}]}
    asked = {"mesh": "east", "peers": ["west"], "client": "shop/web", **rules, **more}
    run = RunInMemory(CLUSTER, DESCRIBED, module.OPTIONS, check_mode=check_mode, **{"control_plane": "basic", **asked})
    return module.run(run, cluster, NOW)


def test_only_who_asks_for_it_has_the_peer_called_and_nobody_in_check_mode(cluster: Pods, at_west: list[int]) -> None:
    assert ran(cluster, loopback=True)["diagnoses"][0]["probes"] == []
    for origin in ("controller", "pod"):
        checked = ran(cluster, loopback=True, probes=origin, check_mode=True)
        assert checked["diagnoses"][0]["probes"] == [] and checked["lines"][-1] == "check mode makes no probes"
    assert at_west == [] and not cluster.asked["web-1", "curl"]
    rows = ran(cluster, loopback=True, probes="controller")["diagnoses"][0]["probes"]
    assert [(row["use"], row["outcome"]) for row in rows] == [("8188", "closed"), ("15443", "closed")]
    assert len(at_west) == 2 and not cluster.asked["web-1", "curl"]


def test_what_the_controller_sees_stands_beside_the_same_diagnosis(cluster: Pods, at_west: list[int]) -> None:
    without, probed = (ran(cluster, loopback=True, probes=origin) for origin in ("none", "controller"))
    assert {**probed["diagnoses"][0], "probes": []} == without["diagnoses"][0]
    assert any("decides no rung" in line for line in probed["lines"])


def test_an_address_that_leads_back_here_is_told_and_not_called(cluster: Pods, at_west: list[int]) -> None:
    rows = ran(cluster, probes="controller")["diagnoses"][0]["probes"]
    assert {row["outcome"] for row in rows} == {"not called"} and "loopback" in rows[0]["told"]
    assert at_west == []


@pytest.fixture
def asking(cluster: Pods) -> Pods:
    """A cluster whose pod can be asked from, and whose istiod knows the import's port."""
    live = running("web-1", "web", "shop")
    live["spec"]["containers"] = [{"name": "istio-proxy"}, {"name": "web"}]
    live["status"]["containerStatuses"] = [
        {"name": name, "state": {"running": {"startedAt": "2026-11-23T09:00:00Z"}}} for name in ("istio-proxy", "web")
    ]
    plane = running("istiod-1", "istiod")
    for one, owner in ((live, "web"), (plane, "istiod-basic")):
        one["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": owner, "controller": True}]
        cluster.put(one)
    known = {"hostname": IMPORTED, "ports": [{"port": 80, "protocol": "HTTP"}]}
    cluster.pages["istiod-1", "/debug/registryz"] = [known]
    return cluster


def test_a_request_from_a_pod_counts_for_the_last_rung_alone(asking: Pods) -> None:
    def last(found: dict) -> tuple[str, str]:
        return found["rungs"][-1]["state"], found["rungs"][-1]["seen"]

    (before,) = ran(asking, probes="none")["diagnoses"]
    (found,) = ran(asking, probes="pod")["diagnoses"]
    (row,) = found["probes"]
    assert (row["from"], row["address"], row["port"], row["client"], row["outcome"]) == (
        "pod",
        IMPORTED,
        80,
        "shop/web-1",
        "reached",
    )
    assert last(found)[0] == "holds" and "our request from shop/web-1" in last(found)[1]
    assert found["rungs"][:-1] == before["rungs"][:-1] and asking.asked["web-1", "curl"] == 1
    refused = b"HTTP/1.1 503 Service Unavailable\r\nserver: envoy\r\n\r\n"
    asking.pages["web-1", "curl"] = refused
    (found,) = ran(asking, probes="pod")["diagnoses"]
    assert (found["code"], found["rung"], found["side"]) == ("FED969", "request", "either")
    assert found["rungs"][:-1] == before["rungs"][:-1]


def test_without_the_right_to_ask_from_a_pod_the_diagnosis_is_what_it_was_and_the_row_says_why(asking: Pods) -> None:
    (before,) = ran(asking, probes="none")["diagnoses"]
    asking.pages["web-1", "curl"] = FederationError(
        "FED104", where="pods/exec in shop", what="is forbidden", fix="Ask for it"
    )
    (found,) = ran(asking, probes="pod")["diagnoses"]
    assert found["rungs"] == before["rungs"] and found["code"] == before["code"]
    assert found["probes"][0]["outcome"] == "unknown" and "forbidden" in found["probes"][0]["told"]
    (found,) = ran(asking, probes="pod", client="shop/other")["diagnoses"]
    assert found["probes"][0]["told"] == "no pod of shop/other is ready and has a sidecar"
    (found,) = ran(asking, probes="pod", service="shop/nothing")["diagnoses"]
    assert found["probes"][0]["told"] == "shop/nothing is not imported from west"
