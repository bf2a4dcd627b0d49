# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How splits and failovers look in a status, by the objects that the modules write."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.moments import time_text
from ansible_collections.ossm.federation.plugins.module_utils._core.traffic.shares import SHIFT
from ansible_collections.ossm.federation.plugins.module_utils._core.traffic.showing import lines_of, rows_of
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, MESH, PROMETHEUS
from ansible_collections.ossm.federation.plugins.modules import federation_info, mesh_traffic, traffic_shift
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
    rule,
)

HERE, THERE = "till.shop.svc.cluster.local", "till.shop.svc.west-imports.local"
DESCRIPTION = {"mesh": "east", "peers": PEERS, "exports": EXPORTS, "imports": IMPORTS, "locality": LOCALITY}
FAILOVER = {"service": "shop/cart", "failover_to": "west"}
WEIGHTS = {"service": "shop/cart", "split": {"local": 80, "west": 20}}
SPLIT = {"service": "shop/till", "split": {"local": 60, "west": 40}}


def standing(*rules, moving=False):
    cluster = estate(pod("cart-1", "cart", istio_locality="eu-central"))
    asked = {**DESCRIPTION, "traffic": list(rules)}
    if moving:
        traffic_shift.run(
            RunInMemory(DESCRIBED, FORCE, PROMETHEUS, traffic_shift.OPTIONS, **{**asked, "one_step": True}),
            cluster,
            NOW,
        )
    else:
        mesh_traffic.run(RunInMemory(DESCRIBED, FORCE, mesh_traffic.OPTIONS, **asked), cluster, NOW)
    return cluster


def objects(cluster):
    return [copy.deepcopy(live) for live in cluster._objects.values()]


@pytest.mark.parametrize(
    ("rule", "outbound", "line"),
    [
        (FAILOVER, "connected", "traffic shop/cart: failover to west"),
        (
            FAILOVER,
            "pending",
            "traffic shop/cart: failover to west; west is not connected: only local endpoints answer",
        ),
        (WEIGHTS, "connected", "traffic shop/cart: eu-central/* 80 : eu-west/* 20"),
        (
            WEIGHTS,
            "stale",
            "traffic shop/cart: eu-central/* 80 : eu-west/* 20; west is not connected: only local endpoints answer",
        ),
        (SPLIT, "unknown", f"traffic shop/till: {HERE} 60 : {THERE} 40"),
        (
            SPLIT,
            None,
            (
                f"traffic shop/till: {HERE} 60 : {THERE} 40; west is not connected: its share fails until the rule of"
                " mesh_traffic changes"
            ),
        ),
        ({"service": "shop/till", "timeout": "2s"}, None, None),
    ],
)
def test_who_gets_which_share_and_whose_share_fails_is_said(rule, outbound, line):
    rows = rows_of(objects(standing(rule)), {"west": outbound} if outbound else {})
    assert lines_of(rows) == ([line] if line else [])
    assert [row["fails"] for row in rows] == ([rule is SPLIT and outbound is None] if line else [])


@pytest.mark.parametrize("rule", [SPLIT, WEIGHTS])
def test_how_far_a_shift_is_is_said(rule):
    rows = rows_of(objects(standing(rule, moving=True)), {"west": "connected"})
    assert (rows[0]["state"], rows[0]["step"], rows[0]["goal"]) == ("moving", 5, rule["split"])
    assert "5 % of the way to local" in lines_of(rows)[0]


@pytest.mark.parametrize("odd", [None, 5, ["text"], {"key": {}}, "{"])
def test_objects_of_odd_shapes_are_shown_as_far_as_they_can_be_read(odd):
    for live in objects(standing(SPLIT, FAILOVER)):
        if live["kind"] in ("VirtualService", "DestinationRule"):
            for changed in (
                {**live, "spec": odd},
                {**live, "metadata": {**live["metadata"], "annotations": {SHIFT: odd}}},
            ):
                lines_of(rows_of([changed], {}))


def test_a_status_shows_them_above_its_verdict():
    cluster = standing(SPLIT)
    params = {"mesh": "east", "namespace": SPACE, "peers": ["west"], "traffic": [SPLIT]}
    seen = federation_info.run(RunInMemory(MESH, federation_info.OPTIONS, **params), cluster, NOW)
    assert seen["lines"][-2].startswith("traffic shop/till: ") and seen["traffic"][0]["fails"]
    assert seen["states"][seen["lines"][-2]] == "down"
    quiet = federation_info.run(RunInMemory(MESH, federation_info.OPTIONS, **{**params, "traffic": None}), cluster, NOW)
    assert quiet["traffic"] == [] and not any("traffic" in line for line in quiet["lines"])


REHEARSED = {
    "service": "shop/checkout",
    "callers": {"from_mesh": ["west"], "local": ["shop/web"], "enforce_after": "7d"},
}
ENFORCED = {"service": "shop/checkout", "callers": {"from_mesh": ["west"], "local": ["shop/web"]}}


def test_a_status_shows_what_is_rehearsed_and_nothing_of_what_is_enforced():
    cluster = standing(REHEARSED)
    params = {"mesh": "east", "namespace": SPACE, "peers": ["west"], "traffic": [REHEARSED]}
    seen = federation_info.run(RunInMemory(MESH, federation_info.OPTIONS, **params), cluster, NOW)
    line = (
        f"traffic shop/checkout: callers of west; rehearsed since {time_text(NOW)} and refuses nobody; traffic shows "
        "what it would have refused"
    )
    assert line in seen["lines"] and seen["states"][line] == "unsure"
    assert [(row["service"], row["way"], row["peers"], row["state"]) for row in seen["traffic"]] == [
        ("shop/checkout", "callers", ["west"], "rehearsed")
    ]
    enforced = federation_info.run(
        RunInMemory(MESH, federation_info.OPTIONS, **{**params, "traffic": [ENFORCED]}), standing(ENFORCED), NOW
    )
    assert enforced["traffic"] == []


def test_where_policies_may_not_be_read_a_status_says_that_rehearsals_are_not_known(monkeypatch):
    cluster = standing(REHEARSED)
    listed = cluster.list

    def forbidden(kind, *rest, **more):
        if kind.name == "AuthorizationPolicy":
            raise FederationError("FED104", where="AuthorizationPolicy objects", what="may not be read", fix="Ask")
        return listed(kind, *rest, **more)

    monkeypatch.setattr(cluster, "list", forbidden)
    params = {"mesh": "east", "namespace": SPACE, "peers": ["west"], "traffic": [REHEARSED]}
    seen = federation_info.run(RunInMemory(MESH, federation_info.OPTIONS, **params), cluster, NOW)
    assert "traffic: AuthorizationPolicies may not be read, so what is rehearsed is not known" in seen["lines"]


def test_what_is_merged_into_a_rule_of_somebody_else_is_shown_for_its_service():
    cluster = estate(rule("cart"))
    asked = {**DESCRIPTION, "traffic": [{**FAILOVER, "merge": True}]}
    mesh_traffic.run(RunInMemory(DESCRIBED, FORCE, mesh_traffic.OPTIONS, **asked), cluster, NOW)
    assert lines_of(rows_of(objects(cluster), {"west": "connected"})) == ["traffic shop/cart: failover to west"]
