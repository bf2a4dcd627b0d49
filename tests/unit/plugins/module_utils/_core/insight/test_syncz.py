# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What istiods say of proxies in the shapes of 2.1, 2.3 and 2.5, and what it says of them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.insight import syncz
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
LATER = NOW + timedelta(seconds=11)
SHAPES = {
    "2.1": {"proxy": "cart-1.shop", "istio_version": "1.9.9", "cluster_sent": "a", "cluster_acked": "a",
    "listener_sent": "b", "listener_acked": "b"},
    "2.3": {"cluster_id": "Kubernetes", "proxy": "cart-1.shop", "istio_version": "1.14.5", "cluster_sent": "a",
    "cluster_acked": "a",
            "listener_sent": "b", "listener_acked": "b", "extensionconfig_sent": "c", "extensionconfig_acked": "c"},
    "2.5": {"cluster_id": "Kubernetes", "proxy": "cart-1.shop", "proxy_type": "sidecar", "istio_version": "1.18.7",
    "cluster_sent": "a",
            "cluster_acked": "a", "listener_sent": "b", "listener_acked": "b", "endpoint_sent": "d",
            "endpoint_acked": "d"},
}  # fmt: skip
GOOD = {"cluster": ("a", "a"), "listener": ("b", "b"), "route": ("c", "c"), "endpoint": ("d", "d")}


def row(proxy="cart-1.shop", istiod="istiod-1", version="1.18.7", **nonces):
    return syncz.Row(proxy, istiod, version, "sidecar", {**GOOD, **nonces})


def reading(*rows, at=NOW, **more):
    return syncz.Reading(at, tuple(rows), **more)


def pod(name="cart-1", namespace="shop", workload="cart", started=NOW - timedelta(hours=1), **more):
    return syncz.Pod(namespace, name, workload, started, **more)


@pytest.mark.parametrize("version", SHAPES)
def test_the_rows_of_every_version_are_read(version):
    [found] = syncz.rows_of(json.dumps([SHAPES[version], {}]).encode(), "istiod-1")
    assert (found.proxy, found.version, found.differing, found.is_waiting) == (
        "cart-1.shop",
        SHAPES[version]["istio_version"],
        [],
        False,
    )
    [proxy] = syncz.proxies_of([reading(found)], [pod()], ["shop"])
    assert proxy.state == syncz.SYNCED


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b"\xff", b"null"])
def test_what_is_no_list_of_proxies_is_refused(content):
    with pytest.raises(FederationError, match="FED901 /debug/syncz of istiod-1"):
        syncz.rows_of(content, "istiod-1")


def state_of(*readings, pods=None, **more):
    [proxy] = syncz.proxies_of(readings, [pod()] if pods is None else pods, ["shop"], **more)
    return proxy.state, proxy.evidence


def test_what_was_never_sent_is_no_fault():
    gateway = {key: pair for key, pair in GOOD.items() if key != "route"}
    [proxy] = syncz.proxies_of(
        [reading(syncz.Row("cart-1.shop", "i", "", "router", gateway))], [pod(is_gateway=True)], ["shop"]
    )
    assert (proxy.state, proxy.types["route"]) == (syncz.SYNCED, syncz.NOT_SENT)


def test_nonces_that_differ_are_stale_and_their_cause_is_unknown():
    state, evidence = state_of(reading(row(listener=("b2", "b"))), reading(row(listener=("b2", "b")), at=LATER))
    assert state == syncz.STALE
    assert evidence == "LDS: the last update is not acknowledged in two readings 11 s apart, cause unknown"


def test_a_count_of_rejections_that_rises_is_a_rejection():
    first = reading(row(listener=("b2", "b")), rejects={("cart-1.shop", "LDS"): 1})
    second = reading(row(listener=("b2", "b")), at=LATER, rejects={("cart-1.shop", "LDS"): 3})
    assert state_of(first, second) == (syncz.REJECTED, "LDS: istiod has counted 2 rejections between two readings")


def test_what_istiod_logs_of_a_rejection_counts_where_no_counter_rises():
    sent = {"extensionconfig": ("e2", "e1"), "listener": ("b2", "b")}
    readings = [
        reading(row(**sent), rejects={("cart-1.shop", "LDS"): 1}),
        reading(row(**sent), at=LATER, rejects={("cart-1.shop", "LDS"): 1}),
    ]
    nacks = [("cart-1.shop", "ECDS", "no such module"), ("till-1.shop", "LDS", "other")]
    state, evidence = state_of(*syncz.with_nacks(readings, nacks))
    assert state == syncz.REJECTED and "ECDS: istiod has counted 1 rejections between two readings" in evidence
    assert "LDS: the last update is not acknowledged" in evidence
    assert state_of(*syncz.with_nacks(readings, []))[0] == syncz.STALE
    # What a counter has counted already is not counted once more.
    risen = [readings[0], reading(row(**sent), at=LATER, rejects={("cart-1.shop", "LDS"): 3})]
    assert "istiod has counted 2 rejections" in state_of(*syncz.with_nacks(risen, [("cart-1.shop", "LDS", "x")]))[1]


def test_a_count_that_stands_is_only_a_hint():
    first = reading(row(listener=("b2", "b")), rejects={("cart-1.shop", "LDS"): 1})
    state, evidence = state_of(first, first)
    assert state == syncz.STALE
    assert "perhaps this one" in evidence


def test_envoys_own_word_is_believed_and_a_type_without_acknowledgement_counts():
    said = {"cart-1.shop": {"LDS": "error_state: duplicate listener"}}
    assert state_of(reading(row(listener=("b", ""))), said=said) == (
        syncz.REJECTED,
        "LDS: Envoy says error_state: duplicate listener",
    )


def test_rejections_once_overcome_are_none():
    said = {"cart-1.shop": {"LDS": "update_rejected 4"}}
    assert state_of(reading(row(), rejects={("cart-1.shop", "LDS"): 9}), said=said)[0] == syncz.SYNCED


def test_a_proxy_that_keeps_acknowledging_is_not_stale():
    assert (
        state_of(reading(row(endpoint=("d2", "d1"))), reading(row(endpoint=("d3", "d2")), at=LATER))[0] == syncz.SYNCED
    )


def test_clusters_without_listeners_wait_for_certificates():
    waiting = syncz.Row("cart-1.shop", "istiod-1", "1.18.7", "sidecar", {"cluster": ("a", "a"), "endpoint": ("d", "d")})
    state, evidence = state_of(reading(waiting))
    assert state == syncz.WAITING
    assert "certificates have not come" in evidence


def test_a_proxy_that_no_istiod_knows_is_not_connected():
    assert state_of(reading())[0] == syncz.NOT_CONNECTED


def test_it_is_unknown_while_an_istiod_is_silent_or_the_proxy_is_young_or_moving():
    assert state_of(reading(silent={"istiod-2": "no right"}))[0] == syncz.UNKNOWN
    assert state_of(reading(), pods=[pod(started=NOW - timedelta(seconds=3))])[0] == syncz.UNKNOWN
    assert state_of(reading(row()), reading(at=LATER))[0] == syncz.UNKNOWN


def test_a_row_without_a_pod_is_gone_only_when_it_stays():
    others = [pod("till-1", workload="till")]
    found = syncz.proxies_of(
        [reading(row(), row("till-1.shop")), reading(row(), row("till-1.shop"), at=LATER)], others, ["shop"]
    )
    assert [(proxy.name, proxy.state) for proxy in found] == [("cart-1", syncz.GONE), ("till-1", syncz.SYNCED)]
    found = syncz.proxies_of(
        [reading(row("till-1.shop")), reading(row(), row("till-1.shop"), at=LATER)], others, ["shop"]
    )
    assert [proxy.name for proxy in found] == ["till-1"]


def test_pods_that_may_not_be_read_make_nobody_gone():
    [proxy] = syncz.proxies_of([reading(row())], [], ["desk"])
    assert proxy.state == syncz.SYNCED


def test_of_two_rows_the_newer_connection_counts():
    both = (row(istiod="istiod-1", listener=("b2", "b")), row(istiod="istiod-2"))
    since = {("istiod-1", "cart-1.shop"): NOW - timedelta(hours=2), ("istiod-2", "cart-1.shop"): NOW}
    assert reading(*both).twice == {"cart-1.shop"}
    assert state_of(reading(*both, since=since))[0] == syncz.SYNCED
    state, evidence = state_of(reading(*both))
    assert (state, evidence) == (syncz.UNKNOWN, "2 istiods list it, and which connection is the newer is not known")


def test_of_two_rows_of_one_istiod_nobody_knows_the_newer():
    both = (row(listener=("b2", "b")), row())
    since = {("istiod-1", "cart-1.shop"): NOW}
    state, evidence = state_of(reading(*both, since=since))
    assert state == syncz.UNKNOWN and evidence.startswith(
        "istiod-1 lists it 2 times, and which connection is the newer is not known"
    )
    assert state_of(reading(row(), row(), since=since))[0] == syncz.SYNCED, "both say the same"


def test_connections_are_dated_by_adsz():
    content = {
        "totalClients": 1,
        "clients": [{"connectionId": "cart-1.shop-12", "connectedAt": "2026-01-31T11:00:00.5Z"}, {"x": 1}],
    }
    assert syncz.connected_at(json.dumps(content).encode(), "i") == {
        "cart-1.shop": NOW - timedelta(hours=1) + timedelta(seconds=0.5)
    }


def test_rejections_are_counted_by_proxy_and_type():
    text = (
        '# TYPE pilot_xds_lds_reject gauge\npilot_xds_lds_reject{err="Internal",node="cart-1.shop"} 2\n'
        'pilot_xds_lds_reject{err="x",node="cart-1.shop"} 1\npilot_xds_cds_reject{node="b.c",err="a\\"}"} 1\n'
    )
    assert syncz.rejects_of(text)[("cart-1.shop", "LDS")] == 3


def test_workloads_stand_worst_first_with_how_many_are_in_order():
    rows = [row(f"cart-{number}.shop", listener=("b2", "b") if number < 3 else ("b", "b")) for number in range(5)]
    rows += [row(f"till-{number}.shop", version="1.9.9") for number in range(3)]
    pods = [pod(f"cart-{number}") for number in range(6)] + [
        pod(f"till-{number}", workload="till") for number in range(3)
    ]
    found = syncz.workloads_of(syncz.proxies_of([reading(*rows)], pods, ["shop"], current="1.18.7"))
    assert [workload.cells for workload in found] == [
        ["shop/cart", "2 of 6", "1 NOT CONNECTED, 3 STALE, 2 SYNCED", ""],
        ["shop/till", "3 of 3", "3 SYNCED", "3 old"],
    ]


def test_five_thousand_proxies_are_read_at_once():
    content = json.dumps([{**SHAPES["2.5"], "proxy": f"cart-{number}.shop"} for number in range(5_000)]).encode()
    pods = [pod(f"cart-{number}") for number in range(5_000)]
    found = syncz.proxies_of([reading(*syncz.rows_of(content, "istiod-1"))] * 2, pods, ["shop"])
    assert {proxy.state for proxy in found} == {syncz.SYNCED}


def test_a_connection_without_a_time_of_its_own_is_one_whose_time_is_not_known():
    # Go writes the time that nobody has set so.
    content = {"clients": [{"connectionId": "cart-1.shop-7", "connectedAt": "0001-01-01T00:00:00Z"}]}
    assert syncz.connected_at(json.dumps(content).encode(), "i") == {}
