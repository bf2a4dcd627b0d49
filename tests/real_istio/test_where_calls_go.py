# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``routes`` computes for set-ups that are drawn is what real Envoys do with them."""

from __future__ import annotations

import collections as counting
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from real_istio.conftest import DESCRIBED
from real_istio.drawing import CLIENTS, KINDS, PODS, Draw, drawn

from testbed.conditions import delete_if_there
from testbed.real_istio import OURS, PORT, SHOP, RealIstio
from testbed.sidecars import Application, Caller

NUMBERS = range(200) if os.environ.get("OSSM_FEDERATION_SOAK") else range(len(KINDS))
CALLS = 120
SECONDS_TO_AGREE = 25
DEVIATIONS = 4
WEST, REFUSED, FAILED = "west", "403", "5xx or 404"


@pytest.fixture(scope="module")
def basket(mesh: RealIstio) -> Iterator[RealIstio]:
    """The mesh with two more pods that serve, each in a zone of its own, and a client in the zone of one of them."""
    applications = [Application("east", name) for name in PODS]
    for (name, place), application in zip(PODS.items(), applications):
        application.start()
        mesh.add(name, SHOP, "basket", {"app": "basket", "pod": name}, application=application, locality=place)
    mesh.add("zoned-1", SHOP, "zoned", {"app": "zoned"}, locality=PODS["basket-1"])
    for name in (*PODS, "zoned-1"):
        mesh.proxies[name].wait_ready()
    yield mesh
    for application in applications:
        application.stop()


def promised(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, float], set[str]]:
    """Return the share of each outcome, and which outcomes are left open; what no endpoint gets fails."""
    shares: dict[str, float] = {}
    open_ones: set[str] = set()
    for row in rows:
        who = WEST if row["peer"] else row["endpoint"]
        refused = FAILED if row["peer"] else REFUSED
        if row["passes"] == "maybe":
            open_ones |= {who, refused}
        outcome = refused if row["passes"] == "no" else who
        shares[outcome] = shares.get(outcome, 0.0) + row["share"]
    rest = 100.0 - sum(shares.values())
    return {**shares, **({FAILED: shares.get(FAILED, 0.0) + rest} if rest > 0.1 else {})}, open_ones


def seen(caller: Caller, host: str) -> counting.Counter[str]:
    """Return how calls end: which pod or which mesh answered, or how they failed."""
    found: counting.Counter[str] = counting.Counter()
    for _number in range(CALLS):
        answer = caller.call(host)
        served = WEST if answer.mesh == "west" else _pod_of(answer.body)
        found[served if answer.status == 200 else REFUSED if answer.status == 403 else FAILED] += 1
    return found


def _pod_of(body: str) -> str:
    return next((name for name in PODS if f'"name": "{name}"' in body), "somebody else")


def disagreement(shares: Mapping[str, float], counts: Mapping[str, int], open_ones: set[str]) -> str:
    """Return what of the outcomes is not as promised, within four standard deviations and one call of rounding."""
    for outcome in sorted({*shares, *counts} - open_ones):
        share = shares.get(outcome, 0.0) / 100
        bound = DEVIATIONS * math.sqrt(CALLS * share * (1 - share)) + (1 if 0 < share < 1 else 0)
        if abs(counts.get(outcome, 0) - share * CALLS) > bound:
            return f"{outcome}: {counts.get(outcome, 0)} of {CALLS} calls, and {share:.0%} promised"
    return ""


def stand(mesh: RealIstio, draw: Draw) -> None:
    """Write a set-up, its service last, so that nobody calls it before the rest is there."""
    for manifest in draw.objects:
        mesh.apply(manifest)
    mesh.register(draw.name, draw.selector, as_local=draw.as_local, under_own_name=draw.under_own_name)


def fall(mesh: RealIstio, draw: Draw) -> None:
    """Take a set-up away."""
    own = mesh.registered(draw.name, draw.selector, as_local=draw.as_local, under_own_name=draw.under_own_name)
    for manifest in (*draw.objects, *own):
        delete_if_there(mesh.kube, manifest["kind"], manifest["metadata"]["name"], manifest["metadata"]["namespace"])
    delete_if_there(mesh.kube, "Service", draw.name, SHOP)


@pytest.mark.parametrize("number", NUMBERS)
def test_what_routes_computes_for_a_drawn_setup_is_what_envoy_does(
    basket: RealIstio, module: Callable, number: int
) -> None:
    draw = drawn(number)
    caller = basket.caller(CLIENTS[draw.client])
    try:
        stand(basket, draw)
        described = {**DESCRIBED, "exports": [], "imports": draw.imports(), "locality": {"region": OURS}}
        told = module("traffic_info", **described, service=f"{SHOP}/{draw.name}", client=f"{SHOP}/{draw.client}").result
        shares, open_ones = promised(told["routes"])
        deadline = time.monotonic() + SECONDS_TO_AGREE
        # The first calls may meet a proxy that has half of it; what counts is what it does in the end, twice.
        agreed = 0
        while agreed < 2:
            counts = seen(caller, f"{draw.host}:{PORT}")
            differs = disagreement(shares, counts, open_ones)
            agreed = 0 if differs else agreed + 1
            assert not differs or time.monotonic() < deadline, f"{draw.kind}: {differs}\n" + "\n".join(told["lines"])
            if agreed < 2:
                time.sleep(0.3)
    finally:
        caller.close()
        fall(basket, draw)
