# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Leaving peers, and suspending them: what refuses it, what it changes, what it leaves behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.peering import leaving
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.keeping import changes_for, emptied
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


# --- peers that do not answer


def test_a_peer_that_does_not_answer_loses_its_addresses_and_one_that_does_keeps_them():
    (change,) = leaving.silenced([standing()], NOW, control_plane())
    assert change.manifest["spec"]["remote"]["addresses"] == []
    assert leaving.silenced([standing(connected=NOW)], NOW, control_plane()) == []


def test_a_silent_peer_that_somebody_else_made_or_holds_keeps_its_addresses():
    held = standing()
    entry = {"manager": "argocd", "operation": "Apply", "fieldsV1": {"f:spec": {"f:remote": {"f:addresses": {}}}}}
    held.peer["metadata"]["managedFields"] = [entry]
    assert leaving.silenced([standing(by_hand=("ServiceMeshPeer",)), held], NOW, control_plane()) == []


@pytest.mark.parametrize(("part", "word"), [("imports", "imported"), ("exports", "exported")])
def test_each_stage_waits_for_its_own_part_alone(part, word):
    peering = standing(exported=[OFFERED], imported=[HOST], connected=NOW)
    (found,) = leaving.still(NOW, control_plane(), {"west": peering}, part)
    assert found.endswith(f"is still {word}")


# --- what refuses it


@pytest.mark.parametrize("exported", [[], [OFFERED]])
def test_a_peer_through_which_somebody_else_exports_does_not_go(exported):
    theirs = standing(exported=exported, by_hand=("ExportedServiceSet",))
    error = refused(lambda: leaving.refuse_foreign_exports({"west": theirs}))
    assert error.code == "FED507" and "was made by somebody else" in error.what


def test_a_set_of_ours_that_was_filled_again_after_it_was_emptied_keeps_its_peer():
    assert leaving.refuse_foreign_exports({"west": standing()}) is None
    error = refused(lambda: leaving.refuse_foreign_exports({"west": standing()}, is_emptied=True))
    assert error.code == "FED507" and "was filled again" in error.what


def test_a_peer_that_somebody_else_made_is_not_ours_to_hold_back():
    theirs = standing(exported=[OFFERED], by_hand=("ServiceMeshPeer", "ExportedServiceSet"))
    assert leaving.refuse_foreign_exports({"west": theirs}) is None


def test_a_mesh_does_not_go_under_a_peering_that_nobody_named():
    assert leaving.refuse_left_out(control_plane(), []) is None
    error = refused(lambda: leaving.refuse_left_out(control_plane(), ["north", "west"]))
    assert error.code == "FED425" and "unfederate_peers=north,west" in error.fix


def test_hosts_of_which_nobody_knows_whether_they_are_used_refuse_to_go_on():
    assert leaving.refuse_unknown(["west"], []) is None
    assert refused(lambda: leaving.refuse_unknown(["west"], ["VirtualService in web"])).code == "FED506"


# --- what is lost


def test_rules_that_no_longer_import_a_host_lose_it_and_rules_that_still_do_lose_nothing():
    peering = standing(imported=[HOST])
    assert leaving.lost_hosts(peering, emptied(peering.imports), control_plane()) == [HOST]
    wider = changes_for(
        east(imports=[{"namespace": "*"}]), WEST, CARD, peering, force=False, kinds=["ImportedServiceSet"], now=NOW
    )
    assert wider and leaving.lost_hosts(peering, wider, control_plane()) == []


def test_what_is_not_imported_cannot_be_lost():
    assert leaving.lost_hosts(standing(), emptied(standing().imports), control_plane()) == []


def test_hosts_of_peers_that_stay_are_not_lost_with_those_that_go():
    peerings = all_of(standing(imported=[HOST]))
    assert leaving.hosts_of_others(peerings, {}, control_plane()) == [HOST]
    assert leaving.hosts_of_others(peerings, {"west": standing()}, control_plane()) == []


# --- what is left


@pytest.mark.parametrize("kept", ["peer", "exports", "imports", "bundle"])
def test_a_peer_of_whom_one_object_is_left_is_a_leftover_once_nobody_describes_it(kept):
    parts = dict.fromkeys(("peer", "exports", "imports", "bundle"))
    peerings = all_of(replace(standing(), **{**parts, kept: getattr(standing(), kept)}))
    assert leaving.leftovers(peerings, control_plane(), east(peers=["north"])) == ["west"]
    assert leaving.leftovers(peerings, control_plane(), EAST) == []


def test_gateways_alone_make_a_leftover():
    entry = {
        "manager": "ossm.federation/gateways/west",
        "operation": "Apply",
        "fieldsV1": {"f:spec": {"f:gateways": {"f:additionalIngress": {}}}},
    }
    plane = control_plane({"gateways": {"additionalIngress": {"west-ingress": {"enabled": True}}}})
    plane.live["metadata"]["managedFields"] = [
        {
            **entry,
            "fieldsV1": {"f:spec": {"f:gateways": {"f:additionalIngress": {"f:west-ingress": {"f:enabled": {}}}}}},
        }
    ]
    assert leaving.leftovers(
        all_of(replace(standing(), peer=None, exports=None, imports=None, bundle=None)), plane, east(peers=["north"])
    ) == ["west"]


def test_a_gateway_that_another_peer_uses_as_well_is_not_told_of_the_one_that_goes():
    plane = control_plane(
        {"gateways": {"additionalIngress": {"west-ingress": {}}, "additionalEgress": {"west-egress": {}}}}
    )
    alone = leaving.gateway_places(EAST, all_of(standing()), plane)
    assert alone == {
        "west": ["spec.gateways.additionalIngress.west-ingress", "spec.gateways.additionalEgress.west-egress"]
    }
    peerings = all_of(standing())
    other = standing().peer
    other = {**other, "metadata": {**other["metadata"], "name": "north"}}
    shared = leaving.gateway_places(EAST, replace(peerings, peers={**peerings.peers, "north": other}), plane)
    assert shared == {"west": []}


def test_what_stays_trusted_is_told_and_what_a_silent_peer_keeps_as_well():
    assert len(leaving.stays("west", standing(connected=NOW), control_plane())) == 1
    trusted, kept = leaving.stays("west", standing(), control_plane())
    assert "west.local stays trusted until istiod restarts" in trusted and "keeps what it imported" in kept


def test_what_somebody_made_by_hand_is_left_alone_and_named():
    peerings = all_of(standing(by_hand=("ExportedServiceSet",)))
    (row,) = leaving.left_alone(peerings, ["west"])
    assert row == {
        "peer": "west",
        "reason": "ExportedServiceSet east-mesh-system/west was made by hand and is left alone",
    }
    assert leaving.left_alone(all_of(standing()), ["west"]) == []


# --- suspending


def test_a_suspended_peer_has_both_sets_emptied_before_it_loses_its_addresses():
    changes = leaving.suspended(EAST, WEST, standing(), force=False)
    assert [change.kind.name for change in changes] == ["ImportedServiceSet", "ExportedServiceSet", "ServiceMeshPeer"]
    imports, exports, peer = (change.manifest["spec"] for change in changes)
    assert (imports["importRules"], exports["exportRules"], peer["remote"]["addresses"]) == ([], [], [])
    assert peer["security"] == standing().peer["spec"]["security"], "who it is stays known"


def test_a_peer_is_not_closed_while_its_sets_are_only_being_emptied():
    changes = leaving.suspended(EAST, WEST, standing(), force=False, is_closing=False)
    assert [change.kind.name for change in changes] == ["ImportedServiceSet", "ExportedServiceSet"]


def test_a_peer_that_does_not_stand_is_not_suspended():
    assert leaving.suspended(EAST, WEST, replace(standing(), peer=None), force=False) == []
