# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules that ``mesh_traffic`` writes, read by a real istiod and obeyed by real Envoys with mutual TLS."""

from __future__ import annotations

import collections as counting
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from real_istio.conftest import DESCRIBED, SECONDS_TO_REACH, local, of_west

from testbed.real_istio import OURS, RealIstio
from testbed.sidecars import Caller

CALLS = 10_000 if os.environ.get("OSSM_FEDERATION_SOAK") else 2_000
DEVIATIONS = 4
SECONDS_TO_DRAIN = 90
FAILOVER = {
    "service": "shop/cart",
    "failover_to": "west",
    "outlier": {"consecutive_5xx": 3, "interval": "1s", "base_ejection_time": "3s"},
}


def answering(caller: Caller, host: str, calls: int) -> counting.Counter[str]:
    """Return who answered how often; a call that no application answered counts under its status."""
    answers = (caller.call(host) for _number in range(calls))
    return counting.Counter(one.mesh if one.status == 200 else str(one.status) for one in answers)


def wait_for(
    mesh: RealIstio, caller: Caller, host: str, wanted: set[str], what: str, seconds: float = SECONDS_TO_REACH
) -> float:
    """Return after how many seconds ten calls in a row are answered by exactly ``wanted``."""
    return mesh.wait_until(lambda: set(answering(caller, host, 10)) == wanted, seconds, what)


def is_within(count: int, share: float, calls: int) -> bool:
    """Return whether a count is what a share of so many calls gives, within four standard deviations."""
    return abs(count - share * calls) <= DEVIATIONS * math.sqrt(calls * share * (1 - share))


def test_every_proxy_takes_all_that_istiod_sends(mesh: RealIstio) -> None:
    assert [name for name, proxy in mesh.proxies.items() if proxy.rejected()] == []


def test_a_call_without_a_rule_is_answered_with_mutual_tls_by_either_side(mesh: RealIstio, web: Caller) -> None:
    wait_for(mesh, web, local("cart"), {"east", "west"}, "calls of cart without a rule")


def test_local_endpoints_that_fail_are_left_for_west_and_taken_again_when_they_are_well(
    mesh: RealIstio, web: Caller, keep: Callable
) -> None:
    keep(FAILOVER)
    wait_for(mesh, web, local("cart"), {"east"}, "the rule's order of endpoints")
    mesh.cart.fails = True
    try:
        away = wait_for(mesh, web, local("cart"), {"west"}, "failover", seconds=15)
    finally:
        mesh.cart.fails = False
    home = wait_for(mesh, web, local("cart"), {"east"}, "the way home", seconds=30)
    print(f"failover after {away:.1f} s, home after {home:.1f} s")
    assert away < 10, away


def test_local_endpoints_that_are_gone_are_left_for_west(mesh: RealIstio, web: Caller, keep: Callable) -> None:
    keep(FAILOVER)
    wait_for(mesh, web, local("cart"), {"east"}, "the rule's order of endpoints")
    mesh.remove_local()
    try:
        wait_for(mesh, web, local("cart"), {"west"}, "failover after scaling to zero")
    finally:
        mesh.restore_local()
    wait_for(mesh, web, local("cart"), {"east"}, "the way home")


@pytest.mark.parametrize(
    "service, split",
    [
        pytest.param("cart", {"local": 80, "west": 20}, id="by-weight-inside-one-host"),
        pytest.param("till", {"local": 70, "west": 30}, id="between-two-hosts"),
    ],
)
def test_calls_are_split_by_weight(
    mesh: RealIstio, web: Caller, keep: Callable, service: str, split: dict[str, int]
) -> None:
    keep({"service": f"shop/{service}", "split": split})
    share = split["west"] / 100

    def is_split() -> bool:
        seen = answering(web, local(service), 200)
        return is_within(seen["west"], share, 200) and seen["west"] + seen["east"] == 200

    mesh.wait_until(is_split, SECONDS_TO_REACH, "the split")
    seen = answering(web, local(service), CALLS)
    print(f"{service}: {dict(seen)} of {CALLS}")
    assert seen["west"] + seen["east"] == CALLS, seen
    assert is_within(seen["west"], share, CALLS), seen


def test_at_the_workload_the_peer_and_listed_callers_are_admitted_and_others_are_refused(
    mesh: RealIstio, keep: Callable
) -> None:
    callers = {name: mesh.caller(name) for name in ("web-1", "other-1", "west-ingress-1")}

    def statuses() -> dict[str, int]:
        return {name: caller.call(local("checkout")).status for name, caller in callers.items()}

    mesh.wait_until(lambda: set(statuses().values()) == {200}, SECONDS_TO_REACH, "calls without a policy")
    keep({"service": "shop/checkout", "callers": {"from_mesh": ["west"], "local": ["shop/web"]}})
    wanted = {"web-1": 200, "other-1": 403, "west-ingress-1": 200}
    mesh.wait_until(lambda: statuses() == wanted, SECONDS_TO_REACH, "the policy at the workload")
    assert [statuses() for _round in range(20)] == [wanted] * 20


def test_at_the_egress_gateway_unlisted_workloads_are_refused_for_that_service_alone(
    mesh: RealIstio, keep: Callable
) -> None:
    """The gateway judges connections: one that a sidecar keeps open is not cut until the gateway has drained it."""
    web, other = mesh.caller("web-1"), mesh.caller("other-1")
    hosts = of_west("till"), of_west("price")

    def served() -> dict[str, list[bool]]:
        callers = ("web", web), ("other", other)
        return {name: [caller.call(host).mesh == "west" for host in hosts] for name, caller in callers}

    everybody = {"web": [True, True], "other": [True, True]}
    mesh.wait_until(lambda: served() == everybody, SECONDS_TO_REACH, "calls without a policy")
    keep({"service": "shop/till", "callers": {"service_accounts": ["shop/web"]}})
    wanted = {"web": [True, True], "other": [False, True]}
    cut = mesh.wait_until(lambda: served() == wanted, SECONDS_TO_DRAIN, "the policy at the egress gateway")
    print(f"a caller with an open connection is refused after {cut:.0f} s")
    assert [served() for _round in range(20)] == [wanted] * 20


@pytest.mark.parametrize(
    "rule, local_share",
    [
        pytest.param(FAILOVER, 100.0, id="failover"),
        pytest.param({"service": "shop/cart", "split": {"local": 80, "west": 20}}, 80.0, id="split-inside-one-host"),
        pytest.param({"service": "shop/till", "split": {"local": 70, "west": 30}}, 70.0, id="split-between-two-hosts"),
        pytest.param(
            {"service": "shop/price", "callers": {"service_accounts": ["shop/web"]}}, 50.0, id="no-rule-for-cart"
        ),
    ],
)
def test_what_routes_computes_is_what_envoy_does(
    mesh: RealIstio, web: Caller, keep: Callable, module: Callable, rule: dict, local_share: float
) -> None:
    service = "cart" if rule["service"] == "shop/price" else rule["service"].partition("/")[2]
    keep(rule)
    asked = {"service": f"shop/{service}", "client": "shop/web"}
    told = module("traffic_info", **DESCRIBED, locality={"region": OURS}, **asked).result
    computed = sum(row["share"] for row in told["routes"] if not row["peer"])
    assert computed == pytest.approx(local_share), told["lines"]
    calls = 300

    def agrees() -> bool:
        seen = answering(web, local(service), calls)
        return is_within(seen["east"], computed / 100, calls) and seen["east"] + seen["west"] == calls

    mesh.wait_until(agrees, SECONDS_TO_REACH, f"what routes computes: {told['lines']}")


@contextmanager
def load(mesh: RealIstio, host: str, callers: int = 4) -> Iterator[counting.Counter[str]]:
    """Call all the time until the block ends; counts who answered, or the status of a call that no application
    answered.
    """
    counts: list[counting.Counter[str]] = [counting.Counter() for _caller in range(callers)]
    whole: counting.Counter[str] = counting.Counter()
    is_over = threading.Event()

    def call(mine: counting.Counter[str]) -> None:
        caller = mesh.caller("web-1")
        while not is_over.wait(0.005):
            answer = caller.call(host)
            mine[answer.mesh if answer.status == 200 else f"status {answer.status}"] += 1
        caller.close()

    threads = [threading.Thread(target=call, args=(mine,)) for mine in counts]
    for thread in threads:
        thread.start()
    try:
        yield whole
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
        for mine in counts:
            whole.update(mine)


def test_a_shift_to_the_peer_and_back_under_load_loses_no_request(
    mesh: RealIstio, web: Caller, keep: Callable, module: Callable
) -> None:
    wait_for(mesh, web, local("till"), {"east"}, "calls of till without a rule")

    def shift(here: int, there: int) -> list[str]:
        rule = {"service": "shop/till", "split": {"local": here, "west": there}}
        asked = {"traffic": [rule], "locality": {"region": OURS}, "pause": 2, "steps": [5, 25, 100]}
        return module("traffic_shift", **DESCRIBED, **asked).result["lines"]

    with load(mesh, local("till")) as seen:
        there = shift(0, 100)
        wait_for(mesh, web, local("till"), {"west"}, "the end of the shift")
        back = shift(100, 0)
        wait_for(mesh, web, local("till"), {"east"}, "the way back")
    print(f"{sum(seen.values())} calls during a shift 0 → 100 → 0: {dict(seen)}")
    assert set(seen) == {"east", "west"}, seen
    assert min(seen.values()) > 50, seen
    assert there[-1] == "shop/till: at its goal, local 0 : west 100" and len(there) == 4, there
    assert back[-1] == "shop/till: at its goal, local 100 : west 0" and len(back) == 4, back


def test_a_rehearsed_policy_refuses_nobody_counts_whom_it_would_and_is_enforced_after_a_window_without_any(
    mesh: RealIstio, keep: Callable
) -> None:
    """What a sidecar has open stays with the listener that was there before, so the first calls may not be counted."""
    other = mesh.caller("other-1")
    callers = {"from_mesh": ["west"], "local": ["shop/web"], "enforce_after": "5s"}
    rule = {"service": "shop/checkout", "callers": callers}

    def rehearsal() -> str:
        return "\n".join(line for line in keep(rule)["lines"] if "rehearsed" in line or "enforced" in line)

    mesh.wait_until(lambda: other.call(local("checkout")).status == 200, SECONDS_TO_REACH, "calls without a policy")
    assert "rehearsed from now on" in rehearsal()
    statuses: list[int] = []

    def counted() -> int:
        statuses.append(other.call(local("checkout")).status)
        return int(mesh.proxies["cart-1"].admin("/stats?filter=shadow_denied").rpartition(": ")[2] or 0)

    mesh.wait_until(lambda: counted() > 2, SECONDS_TO_DRAIN, "calls that the rehearsal would refuse")
    time.sleep(6)
    assert f"would have refused {counted()}" in rehearsal(), "the window is over, and it is not enforced"
    assert set(statuses) == {200}
    time.sleep(6)
    assert "so the policy is enforced" in rehearsal()
    mesh.wait_until(lambda: other.call(local("checkout")).status == 403, SECONDS_TO_REACH, "the policy at the workload")
    assert not keep(rule)["changed"]
