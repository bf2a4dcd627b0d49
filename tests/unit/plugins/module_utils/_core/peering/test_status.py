# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statuses as the real istiod writes them, read into rows and lines."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import ControlPlane
from ansible_collections.ossm.federation.plugins.module_utils._core.peering import status

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
LATELY, LONG_AGO = "2026-01-31T11:59:48Z", "2026-01-31T11:00:00Z"
UP = {
    "connected": True,
    "lastConnected": LATELY,
    "lastDisconnect": LATELY,
    "lastDisconnectStatus": "200 OK",
    "lastFullSync": LATELY,
}
CALLER = {"connected": True, "lastConnected": LATELY, "lastFullSync": LATELY, "source": "10.255.0.2"}


def peer(watch=None, remotes=(), key="active"):
    entry = {"pod": "istiod-basic-58b7f78cf5-f56gx", "watch": watch or {"connected": False}, "remotes": list(remotes)}
    return {"spec": {}, "status": {"discoveryStatus": {key: [entry]}}}


OFFERED = "cart.shop.svc.east-exports.local"
TAKEN = {
    "exportedName": OFFERED,
    "localService": {"hostname": "cart.shop.svc.west-imports.local", "name": "cart", "namespace": "shop"},
}
LEFT = {
    "exportedName": "ledger.shop.svc.east-exports.local",
    "localService": {"hostname": "", "name": "", "namespace": ""},
}
IMPORTS = {
    "spec": {
        "importRules": [
            {"nameSelector": {"namespace": "shop"}},
            {"nameSelector": {"namespace": "bank", "name": "vault"}},
        ]
    }
}
IMPORTS["status"] = {"importedServices": [TAKEN, LEFT]}
EXPORTS = {
    "status": {
        "exportedServices": [
            {"exportedName": "a.b.svc.west-exports.local", "localService": {"name": "a", "namespace": "b"}}
        ]
    }
}


@pytest.mark.parametrize(
    ("live", "version", "state"),
    [
        pytest.param(None, (2, 3), "absent", id="no peer"),
        pytest.param({"spec": {}}, (2, 3), "unknown", id="no status at all"),
        pytest.param(peer(UP), (2, 3), "connected", id="up, with a fresh list"),
        pytest.param(peer({**UP, "lastFullSync": LONG_AGO}), (2, 3), "stale", id="up, with an old list"),
        pytest.param(
            peer({**UP, "lastFullSync": "2026-01-31T11:50:00Z"}), (2, 3), "connected", id="two slow polls old"
        ),
        pytest.param(peer({**UP, "lastFullSync": "2026-01-31T11:50:00Z"}), (2, 5), "stale", id="ten quick polls old"),
        pytest.param(
            peer({"connected": True, "lastConnected": LATELY}), (2, 3), "stale", id="connected alone is not enough"
        ),
        pytest.param(
            peer({**UP, "connected": False, "lastDisconnectStatus": "403 Forbidden"}), (2, 3), "refused", id="refused"
        ),
        pytest.param(
            peer({"connected": False, "lastDisconnectStatus": "503 Service Unavailable"}),
            (2, 3),
            "pending",
            id="no answer",
        ),
        pytest.param(peer({"connected": False}, [CALLER]), (2, 3), "pending", id="only the peer is connected to us"),
        pytest.param(peer(UP, key="inactive"), (2, 3), "pending", id="an inactive pod's watch"),
    ],
)
def test_outbound_is_up_only_with_a_live_watch_and_a_fresh_list(live, version, state):
    assert status.outbound(live, NOW, version).state == state


@pytest.mark.parametrize("key", ["active", "inactive"])
def test_inbound_is_up_when_any_pod_has_the_peer(key):
    assert status.inbound(peer({"connected": False}, [CALLER], key)).state == "connected"
    assert status.inbound(peer(UP)).state == "pending"
    assert status.inbound({"spec": {}}).state == "unknown"


def row(live, note=""):
    objects = {"peer": live, "exports": EXPORTS, "imports": IMPORTS}
    return status.peer_row("west", "west", objects, now=NOW, version=(2, 3), cluster_domain="cluster.local", note=note)


def test_a_set_of_imports_is_believed_only_beside_a_connected_peer():
    known, unknown = row(peer(UP, [CALLER])), row(peer({"connected": False}))
    assert known["imports"] == [{"exported": OFFERED, "imported": "cart.shop.svc.west-imports.local", "local": False}]
    assert known["offered_not_imported"] == ["ledger.shop.svc.east-exports.local"]
    assert known["asked_not_offered"] == ["bank/vault"]
    assert unknown["imports"] is unknown["offered_not_imported"] is unknown["asked_not_offered"] is None


def test_the_table_is_what_people_read_at_night():
    spec = {"version": "v2.3", "security": {"trust": {"domain": "east.local"}}}
    told = {
        "conditions": [{"type": t, "status": "True"} for t in ("Reconciled", "Ready")],
        "observedGeneration": 1,
        "chartVersion": "2.3.11",
    }
    metadata = {"name": "basic", "namespace": "east-mesh-system", "uid": "u", "generation": 1}
    control_plane = ControlPlane.read({"metadata": metadata, "spec": spec, "status": told})
    rows = [
        row(peer(UP, [CALLER])),
        {**row(None, note="waits for card north-for-east.json"), "peer": "north", "exports": []},
    ]
    assert status.lines(control_plane, "east", [], rows, NOW) == [
        "east · east-mesh-system/basic v2.3, ready · trust domain east.local · root unknown",
        "PEER   OUT        IN         LAST SYNC  EXPORTS  IMPORTS  NOTE",
        "west   connected  connected  12 s ago   1        1",
        "north  absent     absent     never      0        unknown  waits for card north-for-east.json",
        "",
        "EXPORTED AS                 TO    SERVICE",
        "a.b.svc.west-exports.local  west  a.b",
        "",
        "IMPORTED AS                       FROM  EXPORTED AS                       AS LOCAL",
        "cart.shop.svc.west-imports.local  west  cart.shop.svc.east-exports.local  no",
        "",
        "OFFERED, NOT IMPORTED               FROM",
        "ledger.shop.svc.east-exports.local  west",
        "",
        "ASKED FOR, NOT OFFERED  FROM",
        "bank/vault              west",
    ]


def test_a_wait_looks_at_names_and_at_both_directions():
    connected = row(peer(UP, [CALLER]))
    assert status.unmet([connected], {"west": ["cart.shop.svc.west-imports.local"]}) == []
    assert status.unmet([connected], {"west": ["ledger.shop.svc.west-imports.local"]}) == [
        "west: ledger.shop.svc.west-imports.local not imported yet"
    ]
    assert status.unmet([row(peer(UP))], {"west": []}) == ["west: inbound pending (the peer has not connected)"]
    assert status.unmet([], {"west": []}) == ["west: no peering yet"]


def test_what_is_only_offered_does_not_count_as_still_imported():
    assert status.still_imported(IMPORTS) == ["cart.shop.svc.west-imports.local"]
    assert status.still_imported({"status": {"importedServices": [LEFT]}}) == []
    assert status.still_exported(EXPORTS) == ["a.b.svc.west-exports.local"]
    assert status.still_exported(None) == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "never"), (12, "12 s ago"), (600, "10 min ago"), (7300, "2 h ago"), (600000, "6 days ago")],
)
def test_ages_are_said_in_words(seconds, words):
    assert status.age(seconds) == words


def changed(what, moment, live=None):
    live = live or peer(UP, [CALLER])
    return {**live, "metadata": {"annotations": {"ossm.federation/identity-changed": f"{moment} {what}"}}}


def proofs_of(live, bundle=None):
    objects = {"peer": live, "exports": EXPORTS, "imports": IMPORTS, "bundle": bundle}
    found = status.peer_row("west", "west", objects, now=NOW, version=(2, 3), cluster_domain="cluster.local")
    return found["outbound_proven"], found["inbound_proven"], found["unproven"]


AFTER, BEFORE = "2026-01-31T11:59:50Z", "2026-01-31T11:59:40Z"


def test_a_connection_older_than_a_change_of_trust_is_connected_and_proves_nothing():
    assert proofs_of(changed("clientID", AFTER)) == (
        True,
        False,
        (
            "IN not proven since the change of client identity at 2026-01-31T11:59:50Z: wait some minutes, or ask west"
            " to restart its istiod"
        ),
    )
    out, into, told = proofs_of(changed("egress", AFTER))
    assert (out, into) == (False, True) and told.startswith("OUT not proven since the change of our egress gateway")
    out, into, told = proofs_of(changed("trustDomain", AFTER))
    assert (out, into) == (False, False) and "restart istiod and ask west to restart its own" in told


def test_a_connection_made_after_the_change_is_a_proof():
    assert proofs_of(changed("clientID,egress,trustDomain", BEFORE)) == (True, True, "")


def test_new_roots_are_proven_when_istiod_must_have_seen_them():
    bundle = changed("roots", BEFORE, {"data": {}})
    assert proofs_of(peer(UP, [CALLER]), bundle)[:2] == (False, False)
    bundle = changed("roots", "2026-01-31T11:58:40Z", {"data": {}})
    assert proofs_of(peer(UP, [CALLER]), bundle) == (True, True, "")


def test_what_is_not_connected_is_neither_proven_nor_unproven():
    assert proofs_of(changed("trustDomain", AFTER, peer({"connected": False}))) == (None, None, "")


def test_the_youngest_of_several_connections_counts():
    old = {**CALLER, "source": "10.255.0.3", "lastConnected": "2026-01-31T10:00:00Z"}
    assert proofs_of(changed("clientID", BEFORE, peer(UP, [old, CALLER])))[1] is True


def test_the_table_says_what_is_not_proven_beside_a_note():
    live = changed("clientID", AFTER)
    objects = {"peer": live, "exports": EXPORTS, "imports": IMPORTS}
    found = status.peer_row(
        "west", "west", objects, now=NOW, version=(2, 3), cluster_domain="cluster.local", note="made by hand"
    )
    control_plane = ControlPlane.read({"metadata": {"name": "basic", "namespace": "e", "uid": "u"}, "spec": {}})
    shown = "\n".join(status.lines(control_plane, "east", [], [found], NOW))
    assert "west  connected  connected" in shown and "made by hand; IN not proven since the change" in shown


def test_a_wait_does_not_fail_for_want_of_a_proof():
    objects = {"peer": changed("trustDomain", AFTER), "exports": EXPORTS, "imports": IMPORTS}
    found = status.peer_row("west", "west", objects, now=NOW, version=(2, 3), cluster_domain="cluster.local")
    assert status.unmet([found], {"west": []}) == []


def test_progress_is_one_short_entry_per_peer_and_has_the_reason_once():
    west = {
        "peer": "west",
        "outbound": "pending",
        "outbound_reason": "503; no answer: far too long to read",
        "inbound": "connected",
        "inbound_reason": "",
    }
    north = {
        "peer": "north",
        "outbound": "connected",
        "outbound_reason": "",
        "inbound": "connected",
        "inbound_reason": "",
        "imports": [{"imported": "a"}],
    }
    expected = {"west": ["x"], "north": ["a"], "south": []}
    assert status.progress([{**west, "imports": None}, north], expected) == [
        "west OUT pending (503) · 0 of 1 imports",
        "south has no peering yet",
    ]
