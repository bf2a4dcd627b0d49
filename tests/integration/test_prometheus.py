# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the collection asks a real Prometheus: whom a policy cuts off, whether a share may go on, and what goes over the edges.

It scrapes counters with the labels of Istio's standard metrics (Istio documentation, "Standard Metrics") twice a second, and has a week of
others that were written for it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from attacks.api import ApiInMemory, serving
from attacks.attack import call
from integration.administrators import TREE
from unit.traffic_in_memory import EXPORTS, PEERS, account, control_plane, roll, service

from testbed.programs import ProgramsError, find_prometheus, may_lack_prometheus
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
        found[name] += [f"{name}{{{labelled(sorted(labels.items()))}}} {count} {now - days * DAY:.0f}" for days, count in samples]

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
    try:
        return find_prometheus()
    except ProgramsError as error:
        if not may_lack_prometheus():
            raise
        pytest.skip(f"NOT RUN: {error}")


@pytest.fixture(scope="module")
def prometheus(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    rules = yaml.safe_load((TREE / "examples" / "monitoring" / "rules.yml").read_text(encoding="utf-8"))["spec"]
    (folder / "rules.yml").write_text(json.dumps(rules), encoding="utf-8")
    settings = {"global": {"evaluation_interval": "1s"}}
    with real_prometheus(programs, folder, past=past(time.time()), rules=folder / "rules.yml", settings=settings) as running:
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
    with serving(tmp_path / "api", control_plane(), roll("shop"), *map(service, ("till", "price", "book", "checkout")), *accounts) as running:
        yield running


def described(east: ApiInMemory, *traffic: dict, **options: Any) -> dict[str, Any]:
    imports = [{"name": name, "namespace": "shop", "from": ["west"]} for name in ("till", "price", "book")]
    return {**east.access, "mesh": "east", "peers": PEERS, "exports": EXPORTS, "imports": imports, "traffic": list(traffic), **options}


def by_the_door(prometheus: RealPrometheus, token: str = TOKEN) -> dict[str, str]:
    return {"prometheus_url": prometheus.door, "prometheus_token": token, "prometheus_ca_cert": prometheus.ca_file}


# Who has called ------------------------------------------------------------------------------------------------------

FROM_WEST = {"service": "shop/checkout", "callers": {"from_mesh": ["west"]}}


def test_everybody_who_called_within_seven_days_is_seen_and_nobody_else(prometheus: RealPrometheus, east: ApiInMemory, collections: str) -> None:
    prometheus.counters.add(REQUESTS, **to_checkout("now", response_code="200"))
    scraped(prometheus)
    told = call(collections, "mesh_traffic", described(east, FROM_WEST, **by_the_door(prometheus))).result
    assert not told.get("failed"), told
    seen = [line for line in told["lines"] if "called in the last 7d by" in line]
    everybody = "desk/plain (without an identity), shop/both, shop/moment, shop/now, shop/often, shop/once and shop/restarted"
    assert seen == [f"shop/checkout: called in the last 7d by {everybody}; who is absent there may call all the same"]
    policy = east.store.get(SimpleNamespace(name="AuthorizationPolicy"), "shop", "federation.checkout")
    admitted = [name.rpartition("/")[2] for name in policy["spec"]["rules"][0]["from"][0]["source"]["principals"]]
    assert admitted == ["west-ingress-service-account", "both", "moment", "now", "often", "once", "restarted"]
    assert prometheus.came[-1] == (200, "/api/v1/query")


def test_whom_a_list_forgets_is_named_with_what_prometheus_has_seen(prometheus: RealPrometheus, east: ApiInMemory, collections: str) -> None:
    rule = {"service": "shop/checkout", "callers": {"from_mesh": ["west"], "local": ["shop/often", "shop/restarted", "shop/both"]}}
    told = call(collections, "traffic_info", described(east, rule, **by_the_door(prometheus))).result
    (finding,) = (each for each in told["findings"] if each["code"] == "FED846")
    assert "shop/once" in finding["seen"] and "shop/moment" in finding["seen"] and "shop/often" not in finding["seen"], finding


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


def test_a_share_goes_on_or_back_by_what_prometheus_has_counted(prometheus: RealPrometheus, east: ApiInMemory, collections: str) -> None:
    """Till is called with few errors, which it may have, price with a sudden burst of the first it ever had, and book not at all."""

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
        ended = call(collections, "traffic_shift", {**moved, "check": "prometheus", "pause": 15, "steps": [100], "error_rate": 5})
        failing.join()
    assert ended.code == "FED874", ended.result
    rows = {row["service"]: (row["state"], (row["weights"] or {}).get("west")) for row in ended.result["services"]}
    assert rows == {"shop/till": ("goal", 100), "shop/price": ("back", None), "shop/book": ("back", None)}
    seen = ended.result["msg"]
    share = float(seen.partition(" % of the calls fail, and 5 % may")[0].rpartition(" ")[2])
    # 50 of some 150 good calls and themselves; 15 s hold one look at the counters more or less.
    assert 21 < share < 30 and "Prometheus has no calls in that time" in seen, seen


def test_an_answer_of_a_part_of_the_stores_lets_no_share_go_on(programs: Programs, tmp_path: Path, east: ApiInMemory, collections: str) -> None:
    """Beside its own counters this Prometheus should ask another one, which is not there: it answers with a warning."""
    settings = {"remote_read": [{"url": "http://127.0.0.1:9/read", "read_recent": True}]}
    with real_prometheus(programs, tmp_path / "prometheus", settings=settings) as partial:
        with Callers(partial.counters, lambda counters: counters.add(REQUESTS, **from_web(TILL))):
            scraped(partial, 4)
            moved = described(east, split("till"), **by_the_door(partial))
            ended = call(collections, "traffic_shift", {**moved, "check": "prometheus", "pause": 15, "steps": [100], "error_rate": 5})
        assert ended.code == "FED874" and "answers in part only: remote_read: " in ended.result["msg"], ended.result
        refused = call(collections, "mesh_traffic", described(east, FROM_WEST, **by_the_door(partial)))
        assert refused.code == "FED862" and "answers in part only" in " ".join(refused.warnings), refused.printed
