# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One peering's changes: what brings it about, what empties it, what takes it away; and what refuses them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.peering import keeping
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.carrying import Received
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.identity import Accepted
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.live import Peering
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.peering.standing import (
    CARD,
    HOST,
    OFFERED,
    all_of,
    control_plane,
    east,
    refused,
    standing,
)

EAST = east()
WEST = EAST.peers[0]
NOTHING = Peering(None, None, None, None)
RECEIVED = Received(CARD, "Card west-for-east.json", in_run=False)


def applied_by(live, manager):
    """Return an object of which another manager applies the rules that we apply."""
    rules = "f:exportRules" if live["kind"] == "ExportedServiceSet" else "f:importRules"
    entries = [
        {"manager": each, "operation": "Apply", "fieldsV1": {"f:spec": {rules: {}}}}
        for each in ("ossm.federation", manager)
    ]
    return {**live, "metadata": {**live["metadata"], "managedFields": entries}}


def made(peering, **options):
    """Return action and kind of each change that brings west to what east describes."""
    changes = keeping.changes_for(EAST, WEST, CARD, peering, force=False, now=NOW, **options)
    return [(change.action, change.kind.name) for change in changes]


# --- what brings it about


def test_a_new_peering_is_made_bundle_before_peer_before_sets():
    kinds = ["ConfigMap", "ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet"]
    assert made(NOTHING) == [("create", kind) for kind in kinds]


def test_only_the_kinds_that_are_asked_for_are_made():
    assert made(NOTHING, kinds=["ImportedServiceSet"]) == [("create", "ImportedServiceSet")]


def test_a_bundle_that_a_peer_made_by_hand_shares_with_others_is_not_changed_and_ours_is_made_beside_it():
    theirs = standing().bundle
    theirs = {**theirs, "metadata": {**theirs["metadata"], "name": "everybodys-roots"}}
    assert ("create", "ConfigMap") in made(replace(standing(), bundle=theirs))


def test_imports_that_are_made_for_a_peer_of_old_are_made_empty_first():
    changes = keeping.changes_for(
        EAST, WEST, CARD, replace(standing(), imports=None), force=False, kinds=["ImportedServiceSet"], now=NOW
    )
    assert [change.action for change in changes] == ["create", "update"]
    assert [change.manifest["spec"]["importRules"] for change in changes] == [
        [],
        changes[1].manifest["spec"]["importRules"],
    ]
    assert changes[1].manifest["spec"]["importRules"]


@pytest.mark.parametrize(("age", "actions"), [(29, ["create"]), (31, ["create", "update"])])
def test_imports_of_a_peer_that_was_made_a_moment_ago_are_made_whole(age, actions):
    peering = replace(standing(), imports=None)
    peering.peer["metadata"]["creationTimestamp"] = (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [action for action, _kind in made(peering, kinds=["ImportedServiceSet"])] == actions


# --- what empties it and takes it away


def test_a_set_with_rules_is_emptied_and_keeps_its_labels():
    change, *others = keeping.emptied(standing().imports)
    assert (change.action, change.manifest["spec"], others) == ("update", {"importRules": []}, [])
    assert change.manifest["metadata"]["labels"] == {"ossm.federation/mesh": "east", "ossm.federation/peer": "west"}


def test_a_set_that_is_not_there_is_empty_or_was_made_by_hand_is_not_emptied():
    empty = {**standing().exports, "spec": {"exportRules": []}}
    by_hand = standing(by_hand=("ExportedServiceSet",)).exports
    assert [keeping.emptied(live) for live in (None, empty, by_hand)] == [[], [], []]


def test_rules_that_another_manager_applies_are_emptied_with_force_alone():
    held = applied_by(standing().exports, "argocd")
    assert refused(lambda: keeping.emptied(held)).code == "FED107"
    assert [change.force for change in keeping.emptied(held, force=True)] == [True]


def test_what_is_taken_away_goes_peer_first_and_bundle_last_and_what_others_made_stays():
    changes = keeping.removed(standing(by_hand=("ImportedServiceSet",)))
    assert [change.kind.name for change in changes] == ["ServiceMeshPeer", "ExportedServiceSet", "ConfigMap"]
    assert {change.action for change in changes} == {"delete"} and all(change.uid for change in changes)


def test_our_own_root_is_no_part_of_a_peering_and_is_never_taken_away():
    borrowed = replace(standing(), is_borrowed=True)
    assert "ConfigMap" not in [change.kind.name for change in keeping.removed(borrowed)]


def test_an_object_that_argo_cd_applies_as_well_is_told_before_it_goes():
    peering = replace(standing(), exports=applied_by(standing().exports, "argocd"))
    assert keeping.brought_back(standing()) == []
    assert [line.partition(" is applied by argocd")[0] for line in keeping.brought_back(peering)] == [
        "FED503 ExportedServiceSet east-mesh-system/west"
    ]


@pytest.mark.parametrize(
    ("seen", "waits_for"),
    [
        pytest.param({"exported": [OFFERED]}, ["is still exported"], id="an export of a silent peer"),
        pytest.param({"imported": [HOST]}, [], id="an import of a silent peer"),
        pytest.param(
            {"imported": [HOST], "connected": NOW}, ["is still imported"], id="an import of a peer that answers"
        ),
        pytest.param(
            {"imported": [HOST], "connected": NOW - timedelta(minutes=7)},
            [],
            id="an import of a peer not heard of for a poll",
        ),
        pytest.param(
            {"exported": [OFFERED], "imported": [HOST], "connected": NOW}, ["exported", "imported"], id="both"
        ),
        pytest.param({"connected": NOW}, [], id="nothing"),
    ],
)
def test_a_peer_waits_for_its_exports_always_and_for_its_imports_while_it_answers(seen, waits_for):
    found = keeping.still_live("west", standing(**seen), NOW, (2, 3))
    assert len(found) == len(waits_for) and all(word in text for word, text in zip(waits_for, found))


def test_exports_hold_nothing_back_once_the_peer_has_gone():
    assert keeping.still_live("west", replace(standing(exported=[OFFERED]), peer=None), NOW, (2, 3)) == []


def test_what_must_still_be_emptied_refuses_to_go_on():
    assert keeping.refuse_live([]) is None
    error = refused(lambda: keeping.refuse_live(["west: cart is still exported"]))
    assert (error.code, error.facts) == ("FED502", {"waiting_for": ["west: cart is still exported"]})


# --- who a peer is


@pytest.mark.parametrize(
    ("spec", "peer", "code"),
    [
        pytest.param({"cluster": {"name": "west"}}, {}, "FED306", id="called like this cluster"),
        pytest.param({"cluster": {"name": "west"}}, {"local_name": "partner"}, None, id="called otherwise here"),
        pytest.param({"security": {"trust": {"domain": "west.local"}}}, {}, "FED215", id="our trust domain"),
        pytest.param(
            {"security": {"trust": {"domain": "East.Local", "additionalDomains": ["WEST.local"]}}},
            {},
            "FED408",
            id="one of ours, in capitals",
        ),
        pytest.param({}, {"local_name": "istio"}, "FED226", id="its bundle would be our own root"),
        pytest.param({}, {}, None, id="a peer like any other"),
    ],
)
def test_a_peer_that_cannot_live_beside_the_control_plane_is_refused(spec, peer, code):
    described = replace(WEST, **peer)
    if code is None:
        assert keeping.check_peer(described, control_plane(spec), RECEIVED) is None
    else:
        assert refused(lambda: keeping.check_peer(described, control_plane(spec), RECEIVED)).code == code


@pytest.mark.parametrize(
    ("card", "changed"),
    [
        ({"trust_domain": "evil.local"}, "trust domain"),
        ({"client_id": "west.local/ns/evil/sa/evil"}, "client identity"),
    ],
)
def test_a_known_peer_s_new_identity_is_refused_until_exactly_that_is_accepted(card, changed):
    found = replace(RECEIVED, card=replace(CARD, **card))
    error = refused(lambda: keeping.refuse_changed(EAST, WEST, found, standing(), Accepted()))
    assert error.code == "FED217" and changed in error.what
    accepted = Accepted.read([error.facts["accept"]])
    assert keeping.refuse_changed(EAST, WEST, found, standing(), accepted) is None
    other = replace(RECEIVED, card=replace(CARD, trust_domain="other.local"))
    assert refused(lambda: keeping.refuse_changed(EAST, WEST, other, standing(), accepted)).code == "FED217"


def test_a_peer_of_whom_nothing_stands_may_be_anybody():
    assert keeping.refuse_changed(EAST, WEST, RECEIVED, NOTHING, Accepted()) is None


def test_a_peer_of_whom_only_the_digest_beside_its_gateways_is_left_is_known():
    assert refused(lambda: keeping.refuse_changed(EAST, WEST, RECEIVED, NOTHING, Accepted(), "0" * 64)).code == "FED217"


def test_an_older_card_than_the_one_in_use_is_refused_unless_the_peer_made_it_in_this_run():
    peering = standing()
    newer = replace(CARD, issued=NOW, ingress=replace(CARD.ingress, service_port=15444))
    (change,) = keeping.changes_for(EAST, WEST, newer, NOTHING, force=False, kinds=["ServiceMeshPeer"], now=NOW)
    peering.peer["metadata"]["annotations"] = change.manifest["metadata"]["annotations"]
    options = {"accepted": Accepted(), "now": NOW}

    def checked(found):
        return keeping.check_identity(EAST, WEST, found, all_of(peering), control_plane(), **options)

    assert refused(lambda: checked(RECEIVED)).code == "FED223"
    assert checked(replace(RECEIVED, in_run=True)) == []


def test_what_somebody_made_by_hand_is_touched_only_to_adopt_it():
    peering = standing(by_hand=("ServiceMeshPeer",))
    error = refused(lambda: keeping.refuse_strangers(WEST, peering))
    assert (error.code, error.where) == ("FED501", "ServiceMeshPeer east-mesh-system/west")
    assert keeping.refuse_strangers(replace(WEST, adopt=True), peering) is None
