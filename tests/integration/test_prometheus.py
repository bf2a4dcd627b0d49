# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the collection asks a real Prometheus: whom a policy cuts off, whether a share may go on, and what goes over the
edges.

It scrapes counters with the labels of Istio's standard metrics (Istio documentation, "Standard Metrics") twice a
second, and has a week of others that were written for it.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from attacks.api import ApiInMemory, serving
from attacks.attack import call
from attacks.conftest import CONTROL_PLANE
from attacks.test_health import deployment, look, mesh, pages, pod, states
from attacks.tunnels import tunnelling
from integration.administrators import TREE
from unit.outside_programs import prometheus_or_skip
from unit.traffic_in_memory import EXPORTS, PEERS, account, control_plane, roll, service

from testbed.programs import Prometheus as Programs
from testbed.prometheus import SCRAPED_EVERY, TOKEN, Counters, RealPrometheus, labelled, real_prometheus

HOME, DAY = "east-mesh-system", 86400.0
REQUESTS, CONNECTIONS = "istio_requests_total", "istio_tcp_connections_opened_total"
TILL, PRICE, BOOK = (f"{name}.shop.svc.west-imports.local" for name in ("till", "price", "book"))


def from_web(host: str, code: str = "200", source: str = "web", **labels: str) -> dict[str, str]:
    """Return the labels with which a client's proxy counts its calls to a host."""
    return {
        "reporter": "source",
        "source_workload": source,
        "source_workload_namespace": "shop",
        "source_principal": "unknown",
        "destination_service": host,
        "destination_service_name": host.partition(".")[0],
        "destination_service_namespace": "shop",
        "request_protocol": "http",
        "response_code": code,
        "response_flags": "-",
        "connection_security_policy": "unknown",
        **labels,
    }


def to_checkout(source: str, space: str = "shop", **labels: str) -> dict[str, str]:
    """Return the labels with which the proxy of checkout counts the calls of somebody."""
    return {
        "reporter": "destination",
        "source_workload": source,
        "source_workload_namespace": space,
        "source_principal": f"spiffe://east.local/ns/{space}/sa/{source}",
        "destination_service": "checkout.shop.svc.cluster.local",
        "destination_service_name": "checkout",
        "destination_service_namespace": "shop",
        "connection_security_policy": "mutual_tls",
        **labels,
    }


def past(now: float) -> str:
    """Return a week of callers: who comes often, who came once, who came before that week, and who is not counted."""
    found: dict[str, list[str]] = {REQUESTS: [], CONNECTIONS: []}

    def note(name: str, labels: dict[str, str], *samples: tuple[float, int]) -> None:
        found[name] += [
            f"{name}{{{labelled(sorted(labels.items()))}}} {count} {now - days * DAY:.0f}" for days, count in samples
        ]

    http = {"response_code": "200", "request_protocol": "http"}
    note(REQUESTS, to_checkout("often", **http), (7.01, 5), (6, 9), (0.1, 40))
    note(REQUESTS, to_checkout("restarted", **http), (7.01, 500), (6.99, 500), (6, 3), (5, 3))
    note(REQUESTS, to_checkout("once", **http), (3, 1), (2.99, 1), (2.9, 1))
    note(REQUESTS, to_checkout("moment", **http), (3, 1))
    note(REQUESTS, to_checkout("before", **http), (7.02, 5), (6, 5), (0.1, 5))
    note(REQUESTS, to_checkout("last-week", **http), (8, 5), (7.5, 9))
    note(REQUESTS, to_checkout("elsewhere", destination_service_name="till", **http), (6, 1), (5, 9))
    note(REQUESTS, from_web("checkout.shop.svc.cluster.local", source="told-by-itself"), (6, 1), (5, 9))
    # The same labels on both counters, as where a relabelling drops what tells them apart.
    note(REQUESTS, to_checkout("both"), (6, 1), (5, 2))
    note(CONNECTIONS, to_checkout("both"), (6, 1), (5, 2))
    plain = {"source_principal": "unknown", "connection_security_policy": "none"}
    note(CONNECTIONS, to_checkout("plain", "desk", **plain), (1, 1))
    families = [f"# TYPE {name.removesuffix('_total')} counter\n" + "\n".join(lines) for name, lines in found.items()]
    return "\n".join([*families, "# EOF\n"])


@pytest.fixture(scope="module")
def programs() -> Programs:
    return prometheus_or_skip()


@pytest.fixture(scope="module")
def prometheus(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    rules = yaml.safe_load((TREE / "examples" / "monitoring" / "rules.yml").read_text(encoding="utf-8"))["spec"]
    (folder / "rules.yml").write_text(json.dumps(rules), encoding="utf-8")
    settings = {"global": {"evaluation_interval": "1s"}}
    with real_prometheus(
        programs, folder, past=past(time.time()), rules=folder / "rules.yml", settings=settings
    ) as running:
        yield running


def scraped(prometheus: RealPrometheus, looks: int = 1) -> None:
    """Return when Prometheus has looked at the counters as often as said from now on."""
    question = "count_over_time(up[1h])"
    most = (prometheus.value(question) or 0) + looks
    for _pause in range(200):
        # One that began before this moment may not have what was counted last.
        if (prometheus.value(question) or 0) > most:
            return
        time.sleep(SCRAPED_EVERY / 4)
    raise AssertionError("Prometheus looks at nothing")


@pytest.fixture
def east(tmp_path: Path) -> Iterator[ApiInMemory]:
    accounts = map(account, ("often", "once", "moment", "restarted", "both"))
    with serving(
        tmp_path / "api", control_plane(), roll("shop"), *map(service, ("till", "price", "book", "checkout")), *accounts
    ) as running:
        yield running


def described(east: ApiInMemory, *traffic: dict, **options: Any) -> dict[str, Any]:
    imports = [{"name": name, "namespace": "shop", "from": ["west"]} for name in ("till", "price", "book")]
    return {
        **east.access,
        "mesh": "east",
        "peers": PEERS,
        "exports": EXPORTS,
        "imports": imports,
        "traffic": list(traffic),
        **options,
    }


def by_the_door(prometheus: RealPrometheus, token: str = TOKEN) -> dict[str, str]:
    return {"prometheus_url": prometheus.door, "prometheus_token": token, "prometheus_ca_cert": prometheus.ca_file}


# Who has called ------------------------------------------------------------------------------------------------------

FROM_WEST = {"service": "shop/checkout", "callers": {"from_mesh": ["west"]}}


def test_everybody_who_called_within_seven_days_is_seen_and_nobody_else(
    prometheus: RealPrometheus, east: ApiInMemory, collections: str
) -> None:
    prometheus.counters.add(REQUESTS, **to_checkout("now", response_code="200"))
    scraped(prometheus)
    told = call(collections, "mesh_traffic", described(east, FROM_WEST, **by_the_door(prometheus))).result
    assert not told.get("failed"), told
    seen = [line for line in told["lines"] if "called in the last 7d by" in line]
    everybody = (
        "desk/plain (without an identity), shop/both, shop/moment, shop/now, shop/often, shop/once and shop/restarted"
    )
    assert seen == [f"shop/checkout: called in the last 7d by {everybody}; callers that are not listed may still exist"]
    policy = east.store.get(SimpleNamespace(name="AuthorizationPolicy"), "shop", "federation.checkout")
    admitted = [name.rpartition("/")[2] for name in policy["spec"]["rules"][0]["from"][0]["source"]["principals"]]
    assert admitted == ["west-ingress-service-account", "both", "moment", "now", "often", "once", "restarted"]
    assert prometheus.came[-1][:2] == (200, "/api/v1/query")


def test_whom_a_list_forgets_is_named_with_what_prometheus_has_seen(
    prometheus: RealPrometheus, east: ApiInMemory, collections: str
) -> None:
    rule = {
        "service": "shop/checkout",
        "callers": {"from_mesh": ["west"], "local": ["shop/often", "shop/restarted", "shop/both"]},
    }
    told = call(collections, "traffic_info", described(east, rule, **by_the_door(prometheus))).result
    (finding,) = (each for each in told["findings"] if each["code"] == "FED846")
    assert (
        "shop/once" in finding["seen"] and "shop/moment" in finding["seen"] and "shop/often" not in finding["seen"]
    ), finding


# A share on its way --------------------------------------------------------------------------------------------------


class Callers:
    """Calls ten times a second until it is ended: what ``each`` counts."""

    def __init__(self, counters: Counters, each: Callable[[Counters], None]) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._call, args=(counters, each), daemon=True)
        self._thread.start()

    def _call(self, counters: Counters, each: Callable[[Counters], None]) -> None:
        while not self._ended.wait(0.1):
            each(counters)

    def __enter__(self) -> Callers:
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()


def split(name: str) -> dict:
    return {"service": f"shop/{name}", "split": {"local": 0, "west": 100}}


def test_a_share_goes_on_or_back_by_what_prometheus_has_counted(
    prometheus: RealPrometheus, east: ApiInMemory, collections: str
) -> None:
    """Till is called with few errors, which it may have, price with a sudden burst of the first it ever had, and book
    not at all.
    """

    def each(counters: Counters) -> None:
        counters.add(REQUESTS, **from_web(TILL))
        counters.add(REQUESTS, **from_web(PRICE))

    prometheus.counters.add(REQUESTS, **from_web(TILL, "503"))
    moved = described(east, split("till"), split("price"), split("book"), **by_the_door(prometheus))
    with Callers(prometheus.counters, each):
        scraped(prometheus, 4)

        def fail() -> None:
            for _pause in range(100):
                if not east.writes:
                    time.sleep(0.1)
            time.sleep(5)
            prometheus.counters.add(REQUESTS, 50, **from_web(PRICE, "0"))
            prometheus.counters.add(REQUESTS, 1, **from_web(TILL, "503"))

        failing = threading.Thread(target=fail, daemon=True)
        failing.start()
        ended = call(
            collections, "traffic_shift", {**moved, "check": "prometheus", "pause": 15, "steps": [100], "error_rate": 5}
        )
        failing.join()
    assert ended.code == "FED874", ended.result
    rows = {row["service"]: (row["state"], (row["weights"] or {}).get("west")) for row in ended.result["services"]}
    assert rows == {"shop/till": ("goal", 100), "shop/price": ("back", None), "shop/book": ("back", None)}
    seen = ended.result["msg"]
    share = float(seen.partition(" % of the calls fail, and 5 % may")[0].rpartition(" ")[2])
    # 50 of some 150 good calls and themselves; 15 s hold one look at the counters more or less.
    assert 21 < share < 30 and "Prometheus has no calls in that time" in seen, seen


def test_an_answer_of_a_part_of_the_stores_lets_no_share_go_on(
    programs: Programs, tmp_path: Path, east: ApiInMemory, collections: str
) -> None:
    """Beside its own counters this Prometheus should ask another one, which is not there: it answers with a warning."""
    settings = {"remote_read": [{"url": "http://127.0.0.1:9/read", "read_recent": True}]}
    with real_prometheus(programs, tmp_path / "prometheus", settings=settings) as partial:
        with Callers(partial.counters, lambda counters: counters.add(REQUESTS, **from_web(TILL))):
            scraped(partial, 4)
            moved = described(east, split("till"), **by_the_door(partial))
            ended = call(
                collections,
                "traffic_shift",
                {**moved, "check": "prometheus", "pause": 15, "steps": [100], "error_rate": 5},
            )
        assert ended.code == "FED874" and "answers in part only: remote_read: " in ended.result["msg"], ended.result
        refused = call(collections, "mesh_traffic", described(east, FROM_WEST, **by_the_door(partial)))
        assert refused.code == "FED862" and "answers in part only" in " ".join(refused.warnings), refused.printed


# What goes over the edges --------------------------------------------------------------------------------------------

DESK, LAMP, SOFA, COUCH = (f"{name}.shop.svc.west-imports.local" for name in ("desk", "lamp", "sofa", "couch"))
DURATION = "istio_request_duration_milliseconds"
SENT, RECEIVED = "istio_tcp_sent_bytes_total", "istio_tcp_received_bytes_total"


@pytest.fixture(scope="module")
def counted(prometheus: RealPrometheus) -> RealPrometheus:
    """Web calls desk, one in five times in vain; lamp was called before; a pod that is gone called desk; nobody calls
    sofa; all calls to couch fail without an answer. The gateway passes connections on, some of which are never
    answered. A client's proxy does not know whether its calls are secured; that of checkout does of what comes from
    west.
    """
    count = prometheus.counters.add
    through, silent = (
        from_web(host, source="west-egress", source_workload_namespace=HOME, request_protocol="tcp")
        for host in ("desk.shop.svc.cluster.local", "silent")
    )
    arriving = to_checkout("west-ingress", HOME, response_code="200")
    rows = [
        *((REQUESTS, from_web(DESK, code), amount) for code, amount in (("200", 80), ("503", 15), ("0", 5))),
        *((f"{DURATION}_{part}", from_web(DESK), amount) for part, amount in (("sum", 2500), ("count", 100))),
        *(
            (REQUESTS, from_web(LAMP), 0),
            (f"{DURATION}_sum", from_web(LAMP), 0),
            (f"{DURATION}_count", from_web(LAMP), 0),
        ),
        *((REQUESTS, from_web(DESK, source="gone"), 10), (REQUESTS, from_web(COUCH, "0"), 20)),
        *((CONNECTIONS, through, 40), (SENT, through, 1000), (RECEIVED, through, 3000), (SENT, silent, 600)),
        *(
            (REQUESTS, arriving, 45),
            (REQUESTS, {**arriving, "connection_security_policy": "none"}, 15),
            (REQUESTS, {**arriving, "reporter": "source"}, 60),
        ),
    ]
    for name, labels, _amount in rows:
        count(name, 10_000, **labels)
    scraped(prometheus)
    for name, labels, amount in rows:
        count(name, amount, **labels)
    scraped(prometheus, 9)
    prometheus.counters.forget(source_workload="gone")
    scraped(prometheus)
    return prometheus


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ApiInMemory]:
    """A mesh with a Prometheus beside its control plane, which imports four services through a gateway."""
    of_west = {"apiVersion": "federation.maistra.io/v1", "metadata": {"name": "west", "namespace": HOME}}
    peer = {
        **of_west,
        "kind": "ServiceMeshPeer",
        "spec": {"gateways": {"egress": {"name": "west-egress"}, "ingress": {"name": "west-ingress"}}},
    }
    with serving(tmp_path / "home", CONTROL_PLANE) as running:
        mesh(
            running,
            peer,
            imports_of(DESK, LAMP, SOFA, COUCH),
            deployment("prometheus"),
            pod("prometheus-abc-1", HOME, "prometheus", "prometheus"),
        )
        yield running


def imports_of(*hosts: str) -> dict:
    offers = [
        {
            "exportedName": f"{host}.x",
            "localService": {"name": host.partition(".")[0], "namespace": "shop", "hostname": host},
        }
        for host in hosts
    ]
    kind = {
        "apiVersion": "federation.maistra.io/v1",
        "kind": "ImportedServiceSet",
        "metadata": {"name": "west", "namespace": HOME},
    }
    return {**kind, "spec": {}, "status": {"importedServices": offers}}


def in_its_pod(prometheus: RealPrometheus) -> Callable[..., object]:
    """Return what answers at the pods of the mesh: the real Prometheus at its own."""

    def page(namespace: str, name: str, port: int, target: str) -> object:
        if name != "prometheus-abc-1":
            return pages()(namespace, name, port, target)
        with urllib.request.urlopen(f"{prometheus.url}{target}", timeout=10) as answer:
            return answer.status, answer.read()

    return page


def test_the_edges_have_what_the_proxies_have_counted(
    counted: RealPrometheus, home: ApiInMemory, collections: str
) -> None:
    home.hostile = tunnelling(in_its_pod(counted))
    result = look(home, collections)
    assert result["unread"] == [] and states(result)["prometheus"] == "healthy"
    found = {row["edge"]: row for row in result["rates"]}
    told = ("state", "errors_per_cent", "milliseconds", "mutual_tls_per_cent")
    assert {edge: tuple(row[key] for key in told) for edge, row in found.items()} == {
        f"shop/web → {DESK}": ("degraded", 20.0, 25.0, None),
        f"shop/gone → {DESK}": ("healthy", 0.0, None, None),
        f"shop/web → {COUCH}": ("degraded", 100.0, None, None),
        f"shop/web → {LAMP}": ("idle", None, None, None),
        f"nobody → {SOFA}": ("idle", None, None, None),
        f"{HOME}/west-egress → desk.shop.svc.cluster.local": ("healthy", None, None, None),
        f"{HOME}/west-egress → silent": ("healthy", None, None, None),
        f"{HOME}/west-ingress → checkout.shop.svc.cluster.local": ("healthy", 0.0, None, 75.0),
    }
    # Of ten minutes; Prometheus thinks of what was counted within half a look before the first and after the last one.
    for edge, key, counted_there in (
        (f"shop/web → {DESK}", "requests_per_second", 100),
        (f"shop/gone → {DESK}", "requests_per_second", 10),
        (f"{HOME}/west-ingress → checkout.shop.svc.cluster.local", "requests_per_second", 60),
        (f"{HOME}/west-egress → desk.shop.svc.cluster.local", "connections_per_second", 40),
        (f"{HOME}/west-egress → desk.shop.svc.cluster.local", "bytes_per_second", 4000),
        (f"{HOME}/west-egress → silent", "bytes_per_second", 600),
    ):
        assert 1 <= found[edge][key] / (counted_there / 600) < 1.25, (edge, key, found[edge])


def test_the_same_comes_by_a_url_to_whom_has_the_token_and_nothing_to_others(
    counted: RealPrometheus, home: ApiInMemory, collections: str
) -> None:
    home.hostile = tunnelling(pages())
    result = look(home, collections, **by_the_door(counted))
    assert [row["errors_per_cent"] for row in result["rates"] if row["edge"] == f"shop/web → {DESK}"] == [20.0]
    refused = look(home, collections, **by_the_door(counted, "another-token"))
    assert counted.came[-1][0] == 403 and refused["rates"] == []
    assert [gap["because"] for gap in refused["unread"] if gap["what"] == "requests and errors on the edges"] == [
        "Prometheus: does not let us ask (status 403)"
    ]


def test_very_many_imports_are_asked_about_in_questions_that_proxies_let_through(
    counted: RealPrometheus, home: ApiInMemory, collections: str
) -> None:
    """Routers and proxies refuse a request whose first line has more than some 32 KB."""
    home.hostile = tunnelling(pages())
    home.store.put(imports_of(*(f"{'x' * 60}.n{number}.svc.west-imports.local" for number in range(400)), DESK))
    del counted.came[:]
    result = look(home, collections, **by_the_door(counted))
    assert (len(result["rates"]), f"shop/web → {DESK}" in {row["edge"] for row in result["rates"]}) == (
        405,
        True,
    ), result["unread"]
    assert {status for status, _path, _size in counted.came} == {200} and max(
        size for _status, _path, size in counted.came
    ) < 16 << 10


# What is watched -----------------------------------------------------------------------------------------------------


def test_the_rules_are_in_order_and_an_import_that_fails_is_about_to_be_told(counted: RealPrometheus) -> None:
    (group,) = counted.get("/api/v1/rules")["groups"]
    assert len(group["rules"]) == 7 and {(rule["health"], rule.get("lastError")) for rule in group["rules"]} == {
        ("ok", None)
    }
    failing = next(rule for rule in group["rules"] if rule["name"] == "MeshImportedServiceFails")
    assert {DESK, COUCH} <= {alert["labels"]["destination_service"] for alert in failing["alerts"]}
    assert LAMP not in str(failing["alerts"])


def test_a_real_prometheus_understands_each_question_of_the_dashboard(counted: RealPrometheus) -> None:
    dashboard = json.loads((TREE / "examples" / "monitoring" / "dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"].replace("$mesh", ".*") for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(asked) > 10 and "destination_service" in str(counted.get("/api/v1/query", query=asked[-3]))
    for question in asked:
        counted.get("/api/v1/query", query=question)
