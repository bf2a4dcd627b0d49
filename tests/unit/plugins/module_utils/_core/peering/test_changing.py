# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What changes about a known peer, and what follows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.peering import changing
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.changing import INBOUND, OUTBOUND, Changed
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.fingerprints import fingerprints_in, spoken
from ansible_collections.ossm.federation.tests.unit.pem import root

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
OLD, NEW = root("old"), root("new")
CLIENT = "west.local/ns/west-mesh-system/sa/east-egress-service-account"


def peer(
    annotation=None,
    address="192.0.2.1",
    client=CLIENT,
    domain="west.local",
    ingress="west-ingress",
    egress="west-egress",
):
    return {
        "kind": "ServiceMeshPeer",
        "metadata": {
            "name": "west",
            "namespace": "east",
            **({"annotations": {changing.CHANGED: annotation}} if annotation else {}),
        },
        "spec": {
            "remote": {"addresses": [address], "discoveryPort": 8188, "servicePort": 15443},
            "gateways": {"ingress": {"name": ingress}, "egress": {"name": egress}},
            "security": {"trustDomain": domain, "clientID": client},
        },
    }


def bundle(*roots, annotation=None):
    annotations = {"annotations": {changing.CHANGED: annotation}} if annotation else {}
    metadata = {"name": "west-ca-root-cert", "namespace": "east", **annotations}
    return {"kind": "ConfigMap", "metadata": metadata, "data": {"root-cert.pem": "".join(roots)}}


def annotation_of(manifest):
    return (manifest["metadata"].get("annotations") or {}).get(changing.CHANGED)


def said_of(pem):
    return spoken(fingerprints_in(pem)[0])


@pytest.mark.parametrize(
    ("wanted", "parts"),
    [
        pytest.param({"client": "other"}, "clientID", id="client identity"),
        pytest.param({"domain": "other"}, "trustDomain", id="trust domain"),
        pytest.param({"ingress": "other"}, "ingress", id="ingress"),
        pytest.param({"egress": "other"}, "egress", id="egress"),
        pytest.param({"domain": "other", "client": "other"}, "clientID,trustDomain", id="two at once"),
    ],
)
def test_a_change_of_a_known_peers_identity_is_dated(wanted, parts):
    assert annotation_of(changing.dated(peer(**wanted), peer(), NOW)) == f"2026-01-31T12:00:00Z {parts}"


@pytest.mark.parametrize("kept", [None, "2026-01-30T12:00:00Z clientID"])
def test_the_date_stays_as_it_is_while_the_identity_stays(kept):
    assert annotation_of(changing.dated(peer(address="192.0.2.9"), peer(kept), NOW)) == kept


def test_a_later_change_keeps_the_parts_of_the_earlier_one():
    live = peer("2026-01-30T12:00:00Z clientID")
    assert annotation_of(changing.dated(peer(egress="other"), live, NOW)) == "2026-01-31T12:00:00Z clientID,egress"


def test_a_new_peer_and_its_bundle_have_no_date():
    assert annotation_of(changing.dated(peer(), None, NOW)) is None
    assert annotation_of(changing.dated(bundle(OLD), None, NOW)) is None


def test_a_bundle_is_dated_when_its_roots_change_and_not_when_their_order_does():
    assert annotation_of(changing.dated(bundle(OLD, NEW), bundle(OLD), NOW)) == "2026-01-31T12:00:00Z roots"
    assert annotation_of(changing.dated(bundle(OLD, NEW), bundle(NEW, OLD), NOW)) is None


@pytest.mark.parametrize("text", ["", "yesterday", "yesterday clientID", "clientID"])
def test_a_date_that_somebody_spoilt_is_no_date(text):
    assert Changed.of(peer(text)) is None


@pytest.mark.parametrize(
    ("live", "desired", "said"),
    [
        (peer(), peer(address="192.0.2.9"), ["address 192.0.2.1 (8188, 15443) becomes 192.0.2.9 (8188, 15443)"]),
        (peer(), peer(egress="other"), ["our egress gateway west-egress becomes other"]),
        (peer(), peer(domain="w2.local"), ["trust domain west.local becomes w2.local"]),
        (bundle(OLD), bundle(OLD, NEW), [f"root {said_of(NEW)} is added"]),
        (bundle(OLD, NEW), bundle(NEW), [f"root {said_of(OLD)} is removed"]),
        (bundle(OLD), bundle(NEW), [f"root {said_of(OLD)} is replaced by {said_of(NEW)}"]),
        (None, peer(), []),
        (peer(), peer(), []),
    ],
)
def test_what_changes_is_told_in_words(live, desired, said):
    assert changing.differences([live], [desired]) == said


@pytest.mark.parametrize(
    ("parts", "out", "into"),
    [
        ("clientID", True, False),
        ("ingress", True, False),
        ("egress", False, True),
        ("trustDomain", False, False),
    ],
)
def test_a_change_is_proven_by_the_direction_that_it_concerns(parts, out, into):
    live, before = peer(f"2026-01-31T12:00:00Z {parts}"), NOW - timedelta(seconds=1)
    assert (changing.proven(live, None, OUTBOUND, before), changing.proven(live, None, INBOUND, before)) == (out, into)
    after = NOW + timedelta(seconds=1)
    assert changing.proven(live, None, OUTBOUND, after) and changing.proven(live, None, INBOUND, after)


def test_new_roots_are_proven_only_by_a_connection_made_after_istiod_must_have_seen_them():
    live = bundle(NEW, annotation="2026-01-31T12:00:00Z roots")
    assert not changing.proven(peer(), live, OUTBOUND, NOW + timedelta(seconds=59))
    assert changing.proven(peer(), live, OUTBOUND, NOW + timedelta(seconds=61))


def test_without_a_change_nothing_needs_a_proof_and_a_connection_of_unknown_age_proves_nothing():
    assert changing.proven(peer(), bundle(OLD), OUTBOUND, None)
    assert not changing.proven(peer("2026-01-31T12:00:00Z egress"), None, OUTBOUND, None)


def test_istiod_must_restart_when_a_pod_is_older_than_the_change():
    changed = {"west": peer("2026-01-31T12:00:00Z clientID"), "north": peer()}
    restart = changing.restart_for(
        "east", "east-system/istiod-basic", changed, [NOW - timedelta(hours=1), NOW + timedelta(hours=1)]
    )
    assert restart.since == NOW and restart.reasons == ("client identity for west changed at 2026-01-31T12:00:00Z",)
    assert "kubectl -n east-system rollout restart deployment/istiod-basic" in restart.sentence
    assert restart.sentence.count(". ") == 0, "one sentence"


@pytest.mark.parametrize("started", [[NOW + timedelta(seconds=1)], [NOW], []])
def test_istiod_that_came_after_the_change_need_not_restart(started):
    restart = changing.restart_for(
        "east", "east-system/istiod-basic", {"west": peer("2026-01-31T12:00:00Z clientID")}, started
    )
    assert not restart.reasons and not restart.sentence and restart.to_data()["needed"] is False


def test_new_roots_need_no_restart_and_an_istiod_that_cannot_be_seen_counts_as_old():
    assert not changing.restart_for(
        "east", "e/istiod-basic", {"west": peer("2026-01-31T12:00:00Z roots")}, None
    ).reasons
    assert changing.restart_for("east", "e/istiod-basic", {"west": peer("2026-01-31T12:00:00Z egress")}, None).reasons


def test_the_sentence_for_a_peer_says_who_we_are_now_and_what_to_do():
    text = changing.hand_over("east", "west", "east.local/ns/east/sa/gate-service-account")
    assert (
        "east.local/ns/east/sa/gate-service-account" in text
        and "the line for federation_accept_changes" in text
        and text.count(". ") == 0
    )
