# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``federation`` against a cluster in memory: what it writes, in which order, and what it leaves alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils import _notes
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Ingress
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.plain import kinds
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import KINDS
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE
from ansible_collections.ossm.federation.plugins.module_utils._reads import remembering
from ansible_collections.ossm.federation.plugins.modules import federation
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"
ROOT = root("west")
OTHER_ROOT = root("west again")
CONTROL_PLANE = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
    "spec": {"version": "v2.3", "security": {"trust": {"domain": "east.local"}}},
}


def asked(check_mode=False, **params):
    options = (DESCRIBED, FORCE, federation.OPTIONS)
    return RunInMemory(*options, check_mode=check_mode, **{"mesh": "east", "peers": ["west"], **params})


def card(mesh="west", pem=ROOT, address="192.0.2.1"):
    identity = f"{mesh}.local/ns/{mesh}-mesh-system/sa/east-egress-service-account"
    ingress = Ingress((address,)) if address else None
    return Card(mesh, "east", NOW, f"{mesh}.local", read_roots(pem, "here", NOW), ingress, identity, ()).to_data()


def run(cluster, check_mode=False, **params):
    return federation.run(asked(check_mode, **params), cluster, NOW)


def accepted(cluster, check_mode=False, **params):
    """Run with the line that the refusal gives."""
    with pytest.raises(FederationError, match="FED217") as refused:
        run(cluster, check_mode=check_mode, **params)
    assert not cluster.writes
    return run(cluster, check_mode=check_mode, accept_changes=[refused.value.facts["accept"]], **params)


def hand_made_peer(**security):
    return {
        "apiVersion": "federation.maistra.io/v1",
        "kind": "ServiceMeshPeer",
        "metadata": {"name": "west", "namespace": SPACE},
        "spec": {"security": {"trustDomain": "west.local", "clientID": card()["client_id"], **security}},
    }


def hand_made_bundle(name):
    metadata = {"name": name, "namespace": SPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"root-cert.pem": ROOT}}


@pytest.fixture
def cluster():
    return ClusterInMemory(NOW, CONTROL_PLANE)


EXPORTS = [{"name": "cart", "namespace": "shop"}]
IMPORTS = [{"name": "stock", "namespace": "shop"}]


@pytest.fixture
def federated(cluster):
    run(
        cluster,
        cards=[card()],
        exports=[{"name": "cart", "namespace": "shop"}],
        imports=[{"name": "stock", "namespace": "shop"}],
    )
    cluster.writes.clear()
    return cluster


def test_the_bundle_comes_before_the_peer_and_the_peer_before_the_sets(cluster):
    assert run(cluster, cards=[card()])["changed"]
    assert cluster.writes == [
        ("apply", "ConfigMap", "west-ca-root-cert"),
        ("apply", "ServiceMeshPeer", "west"),
        ("apply", "ExportedServiceSet", "west"),
        ("apply", "ImportedServiceSet", "west"),
    ]


def test_a_second_run_changes_nothing(cluster):
    run(cluster, cards=[card()])
    cluster.writes.clear()
    again = run(cluster, cards=[card()])
    assert (again["changed"], again["diff"], cluster.writes) == (False, [], [])


def test_check_mode_says_the_same_and_writes_nothing(cluster):
    planned = run(cluster, check_mode=True, cards=[card()])
    assert cluster.writes == []
    done = run(cluster, cards=[card()])
    assert (planned["changed"], planned["changes"], planned["diff"]) == (True, done["changes"], done["diff"])


@pytest.mark.parametrize(
    "rule",
    [{"label_selectors": ["app"]}, {"name": "istiod-basic"}, {"name": "istiod-basic", "alias": {"name": "cart"}}],
)
def test_a_rule_without_a_namespace_that_meets_the_control_plane_is_refused_before_anything_is_written(cluster, rule):
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "istiod-basic", "namespace": SPACE, "labels": {"app": "istiod"}},
        }
    )
    with pytest.raises(
        FederationError,
        match="FED315 mesh_exports, rule 1: has no namespace and matches istiod-basic of the control plane",
    ):
        run(cluster, cards=[card()], exports=[rule])
    assert cluster.writes == []


def test_a_changed_address_is_one_write(federated):
    result = run(federated, cards=[card(address="192.0.2.9")], exports=[{"name": "cart", "namespace": "shop"}],
                 imports=[{"name": "stock", "namespace": "shop"}])  # fmt: skip
    assert federated.writes == [("apply", "ServiceMeshPeer", "west")]
    assert [change["fields"] for change in result["changes"]] == [
        ['metadata.annotations["ossm.federation/card-facts"]', "spec.remote.addresses"]
    ]


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        pytest.param(
            [], "waits for card west-for-east.json; ask west to run publish_cards (2 changes wait for it)", id="no card"
        ),
        pytest.param(
            [card(address=None)],
            "waits for the address of west's gateway; ask west to run publish_cards again",
            id="no address yet",
        ),
    ],
)
def test_a_peer_that_lacks_something_is_pending_and_keeps_what_it_has(federated, cards, reason):
    result = run(federated, cards=cards)
    assert result["pending"] == [{"peer": "west", "reason": reason}]
    assert federated.writes == []


def test_a_card_that_cannot_be_read_stops_the_run_before_anything_is_written_also_for_other_peers(cluster):
    with pytest.raises(FederationError, match="FED211"):
        run(cluster, peers=["west", "north"], cards=[card("north", root("north")), {**card(), "version": 9}])
    assert cluster.writes == []


def test_a_peering_made_by_hand_is_left_alone(cluster):
    cluster.put(hand_made_peer())
    result = run(cluster, cards=[card()])
    assert (result["changed"], cluster.writes) == (False, [])
    assert result["left_alone"] == [
        {
            "peer": "west",
            "reason": (
                "ServiceMeshPeer east-mesh-system/west was made by hand and is left alone; adopt: true takes it over"
            ),
        }
    ]


@pytest.mark.parametrize("pem", [ROOT, OTHER_ROOT], ids=["the same root", "a new root"])
def test_an_adopted_peer_keeps_the_bundle_that_it_names(cluster, pem):
    cluster.put(hand_made_peer(certificateChain={"kind": "ConfigMap", "name": "roots-of-west"}))
    cluster.put(hand_made_bundle("roots-of-west"))
    wanted = {"peers": [{"name": "west", "adopt": True}], "cards": [card(pem=pem)]}
    (run if pem == ROOT else accepted)(cluster, **wanted)
    assert cluster.writes[:2] == [("apply", "ConfigMap", "roots-of-west"), ("apply", "ServiceMeshPeer", "west")]
    assert not run(cluster, **wanted)["changed"]
    run(cluster, peers=wanted["peers"], state="absent")
    assert ("delete", "ConfigMap", "roots-of-west") in cluster.writes


@pytest.mark.parametrize("shared", ["istio-ca-root-cert", "roots-of-all"])
def test_a_bundle_that_others_need_is_left_to_them_and_ours_is_made_beside_it_first(cluster, shared):
    chain = {"kind": "ConfigMap", "name": "roots-of-all"}
    other = hand_made_peer(trustDomain="south.local", clientID="south.local/ns/south/sa/east", certificateChain=chain)
    cluster.put({**other, "metadata": {"name": "south", "namespace": SPACE}})
    cluster.put(hand_made_peer(certificateChain={"kind": "ConfigMap", "name": shared}))
    cluster.put(hand_made_bundle(shared))
    wanted = {"peers": [{"name": "west", "adopt": True}], "cards": [card()]}
    run(cluster, **wanted)
    assert cluster.writes[:2] == [("apply", "ConfigMap", "west-ca-root-cert"), ("apply", "ServiceMeshPeer", "west")]
    assert not run(cluster, **wanted)["changed"]


def test_a_known_peer_s_new_root_is_refused_until_it_is_accepted(federated):
    with pytest.raises(FederationError, match="FED217"):
        run(federated, cards=[card(pem=OTHER_ROOT)])
    assert federated.writes == []
    accepted(federated, cards=[card(pem=OTHER_ROOT)])
    assert federated.writes[0] == ("apply", "ConfigMap", "west-ca-root-cert")


def test_leftovers_are_listed_and_stay(federated):
    result = run(federated, peers=["north"], cards=[card("north")])
    assert result["leftovers"] == ["west"]
    assert not [write for write in federated.writes if write[2].startswith("west")]


def test_prune_takes_leftovers_away_in_order(federated):
    run(federated, peers=["north"], cards=[card("north")], prune=True)
    assert [write for write in federated.writes if write[2].startswith("west")] == [
        ("apply", "ImportedServiceSet", "west"),
        ("apply", "ServiceMeshPeer", "west"),  # it does not answer, so it is called no more
        ("apply", "ExportedServiceSet", "west"),
        ("delete", "ServiceMeshPeer", "west"),
        ("delete", "ImportedServiceSet", "west"),
        ("delete", "ExportedServiceSet", "west"),
        ("delete", "ConfigMap", "west-ca-root-cert"),
    ]


def test_leaving_twice_changes_nothing_the_second_time(federated):
    assert run(federated, state="absent")["changed"]
    assert not run(federated, state="absent")["changed"]


def test_a_peer_is_not_removed_while_something_is_still_exported_to_it(federated):
    cart = {"name": "cart", "namespace": "shop", "hostname": "cart.shop.svc.cluster.local"}
    rows = [{"exportedName": "cart.shop.svc.west-exports.local", "localService": cart}]
    federated.set_status("ExportedServiceSet", SPACE, "west", {"exportedServices": rows})
    with pytest.raises(FederationError, match="FED502") as raised:
        run(federated, state="absent", wait_timeout=1)
    assert raised.value.facts == {"waiting_for": ["west: cart.shop.svc.west-exports.local is still exported"]}
    assert not [write for write in federated.writes if write[0] == "delete"]


def test_what_is_documented_as_returned_is_returned(cluster):
    assert set(yaml.safe_load(federation.RETURN)) <= set(run(cluster, cards=[card()]))


def test_rendering_does_not_guess_the_gateways_of_a_peer_that_is_to_be_adopted(tmp_path):
    where = {"state": "rendered", "render_dir": str(tmp_path), "trust_domain": "east.local"}
    with pytest.raises(FederationError, match="FED318.*west"):
        run(None, peers=[{"name": "west", "adopt": True}], **where)
    named = {"name": "west", "adopt": True, "gateways": {"ingress": "from-west", "egress": "to-west"}}
    run(None, peers=[named], **where)
    assert any("from-west" in file.read_text() for file in tmp_path.rglob("*.yaml"))


# --- what changes about a known peer


ISTIOD = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "istiod-basic", "namespace": SPACE, "generation": 1},
    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "istiod"}}, "template": {"metadata": {}}},
}
CHANGED = "ossm.federation/identity-changed"
PEER_ONLY = [("apply", "ServiceMeshPeer", "west")]
BUNDLE_AND_PEER = [("apply", "ConfigMap", "west-ca-root-cert"), *PEER_ONLY]


def istiod_pod(created):
    metadata = {"name": "istiod-basic-1", "namespace": SPACE, "labels": {"app": "istiod"}, "creationTimestamp": created}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": "Running"}}


def changed_at(cluster, kind="ServiceMeshPeer", name="west"):
    found = next(live for live in cluster.list(KINDS[kind], SPACE) if live["metadata"]["name"] == name)
    return (found["metadata"].get("annotations") or {}).get(CHANGED)


def other_client():
    return {**card(), "client_id": "west.local/ns/other/sa/east-egress-service-account"}


def test_a_new_peer_is_not_dated_and_asks_for_no_restart(federated):
    assert changed_at(federated) is None and changed_at(federated, "ConfigMap", "west-ca-root-cert") is None
    assert run(federated, cards=[card()])["restart"]["needed"] is False


def test_an_address_that_moved_is_patched_and_needs_nothing_else(federated):
    result = run(federated, cards=[card(address="192.0.2.9")], exports=EXPORTS, imports=IMPORTS)
    assert federated.writes == [("apply", "ServiceMeshPeer", "west")] and changed_at(federated) is None
    assert result["changed_peers"] == [
        {"peer": "west", "changes": ["address 192.0.2.1 (8188, 15443) becomes 192.0.2.9 (8188, 15443)"]}
    ]
    assert result["restart"]["needed"] is False and result["hand_over"] == []


def test_an_accepted_client_identity_is_dated_and_istiod_must_restart_until_it_has(federated):
    federated.put(ISTIOD)
    federated.put(istiod_pod("2020-01-01T00:00:00Z"))
    same = {"cards": [other_client()], "exports": EXPORTS, "imports": IMPORTS}
    result = accepted(federated, **same)
    assert federated.writes == BUNDLE_AND_PEER, "the bundle remembers whose it is"
    assert result["restart"]["needed"] and result["restart"]["sentence"].startswith("istiod of east must be restarted")
    dated = changed_at(federated)
    assert dated == f"{result['restart']['since']} clientID"

    again = run(federated, **same)
    assert again["changed"] is False and again["restart"]["needed"] and changed_at(federated) == dated, (
        "also after a run that ended there"
    )

    federated.put(istiod_pod("2099-01-01T00:00:00Z"))
    assert run(federated, **same)["restart"]["needed"] is False


def test_check_mode_foretells_the_restart(federated):
    federated.put(ISTIOD)
    federated.put(istiod_pod("2020-01-01T00:00:00Z"))
    result = accepted(federated, check_mode=True, cards=[other_client()])
    assert result["restart"]["needed"] and not federated.writes


def test_new_roots_are_dated_on_the_bundle_and_need_no_restart(federated):
    result = accepted(federated, cards=[card(pem=ROOT + OTHER_ROOT)], exports=EXPORTS, imports=IMPORTS)
    assert federated.writes == BUNDLE_AND_PEER and changed_at(federated) is None
    assert changed_at(federated, "ConfigMap", "west-ca-root-cert").endswith(" roots")
    assert result["changed_peers"][0]["changes"][0].endswith("is added") and result["restart"]["needed"] is False


def test_another_egress_gateway_of_ours_is_a_sentence_for_the_peer(federated):
    renamed = [{"name": "west", "gateways": {"egress": "out"}}]
    control_plane = {
        **CONTROL_PLANE,
        "spec": {**CONTROL_PLANE["spec"], "gateways": {"additionalEgress": {"out": {"enabled": True}}}},
    }
    federated.put(control_plane)
    result = run(federated, cards=[card()], peers=renamed, exports=EXPORTS, imports=IMPORTS)
    assert result["changed_peers"] == [{"peer": "west", "changes": ["our egress gateway west-egress becomes out"]}]
    assert (
        len(result["hand_over"]) == 1
        and "east.local/ns/east-mesh-system/sa/out-service-account" in result["hand_over"][0]
    )


def test_a_refusal_gives_the_digits_to_compare_and_the_line_to_paste(federated):
    with pytest.raises(FederationError, match="FED217") as refused:
        run(federated, cards=[other_client()])
    line = refused.value.facts["accept"]
    assert f'federation_accept_changes: ["{line}"]' in str(
        refused.value
    ) and f"If they are {line.partition('=')[2]}," in str(refused.value)
    assert not federated.writes


def test_imports_made_again_for_a_peer_that_stands_take_two_changes(federated):
    live = next(iter(federated.list(KINDS["ImportedServiceSet"], SPACE)))
    federated.delete(KINDS["ImportedServiceSet"], SPACE, "west", live["metadata"]["uid"])
    federated.writes.clear()
    result = run(federated, cards=[card()], exports=EXPORTS, imports=IMPORTS)
    assert federated.writes == [("apply", "ImportedServiceSet", "west")] * 2
    assert [change["action"] for change in result["changes"]] == ["create", "update"]
    spec = next(iter(federated.list(KINDS["ImportedServiceSet"], SPACE)))["spec"]
    assert [rule["nameSelector"]["name"] for rule in spec["importRules"]] == ["stock"]
    assert run(federated, cards=[card()], exports=EXPORTS, imports=IMPORTS)["changed"] is False


def test_imports_of_a_peer_made_a_moment_ago_take_one_change(federated):
    live = next(iter(federated.list(KINDS["ServiceMeshPeer"], SPACE)))
    moment = (NOW - timedelta(seconds=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    federated.put({**live, "metadata": {**live["metadata"], "creationTimestamp": moment}})
    sets = next(iter(federated.list(KINDS["ImportedServiceSet"], SPACE)))
    federated.delete(KINDS["ImportedServiceSet"], SPACE, "west", sets["metadata"]["uid"])
    federated.writes.clear()
    run(federated, cards=[card()], exports=EXPORTS, imports=IMPORTS)
    assert federated.writes == [("apply", "ImportedServiceSet", "west")]


def test_imports_of_a_new_peer_take_one_change(cluster):
    run(cluster, cards=[card()], imports=IMPORTS)
    assert cluster.writes.count(("apply", "ImportedServiceSet", "west")) == 1


@pytest.mark.parametrize(
    ("card_says", "written", "dated", "needs_restart"),
    [
        (
            {"trust_domain": "new.local", "client_id": "new.local/ns/west-mesh-system/sa/east-egress-service-account"},
            BUNDLE_AND_PEER,
            "clientID,trustDomain",
            True,
        ),
        ({"client_id": "west.local/ns/moved/sa/east-egress-service-account"}, BUNDLE_AND_PEER, "clientID", True),
        ({"client_id": "west.local/ns/west-mesh-system/sa/out-service-account"}, BUNDLE_AND_PEER, "clientID", True),
        ({"roots": card(pem=OTHER_ROOT)["roots"]}, BUNDLE_AND_PEER, "roots", False),
        ({"roots": card(pem=ROOT + OTHER_ROOT)["roots"]}, BUNDLE_AND_PEER, "roots", False),
    ],
    ids=["trust domain renamed", "control plane moved", "its gateway renamed", "root replaced", "root added"],
)
def test_each_change_of_a_known_peer_is_refused_first_and_then_patched_in_place(
    federated, card_says, written, dated, needs_restart
):
    federated.put(ISTIOD)
    federated.put(istiod_pod("2020-01-01T00:00:00Z"))
    known = {"cards": [{**card(), **card_says}], "exports": EXPORTS, "imports": IMPORTS}
    result = accepted(federated, **known)
    assert federated.writes == written
    kind, name = written[0 if dated == "roots" else 1][1:]
    assert changed_at(federated, kind, name).endswith(f" {dated}")
    assert result["restart"]["needed"] is needs_restart
    assert run(federated, **known)["changed"] is False, "accepted once, known from then on"


def connected(cluster):
    """Have istiod say that west is connected both ways."""
    up = {"connected": True, "lastConnected": "2026-11-22T11:00:00Z", "lastFullSync": "2026-11-22T11:59:00Z"}
    active = [{"pod": "istiod-basic-1", "watch": up, "remotes": [{**up, "source": "192.0.2.9"}]}]
    cluster.set_status("ServiceMeshPeer", SPACE, "west", {"discoveryStatus": {"active": active}})


def as_described(cluster, **params):
    return run(cluster, **{"cards": [card()], "exports": EXPORTS, "imports": IMPORTS, **params})


def test_a_run_with_nothing_to_do_says_itself_how_it_stands(federated):
    assert as_described(federated)["standing"] == {}, "west is not connected yet, so there is something to wait for"
    connected(federated)
    standing = as_described(federated)["standing"]
    assert (standing["waiting_for"], [row["peer"] for row in standing["peers"]]) == ([], ["west"])
    assert any(line.startswith("west") and "connected" in line for line in standing["lines"])


def test_a_run_that_changes_something_does_not_say_how_it_stood(federated):
    connected(federated)
    result = as_described(federated, cards=[card(address="192.0.2.77")])
    assert (result["changed"], result["standing"]) == (True, {})


def test_a_run_that_leaves_a_peer_out_does_not_say_how_it_stands(federated):
    connected(federated)
    assert as_described(federated, peers=["west", "north"])["standing"] == {}
    assert as_described(federated, peers=["north"])["standing"] == {}, "west is left over"


@pytest.fixture
def noted(federated, tmp_path, monkeypatch):
    """A federation that stands, and what the module before would have left of it: what it has read, and nothing written
    since.
    """
    monkeypatch.setattr(_notes, "folder", str(tmp_path))
    connected(federated)
    reads = remembering.Remembered(federated)
    for kind in (kinds.CONTROL_PLANE, kinds.PEER, kinds.SERVICE):
        reads.list(kind, SPACE)
    remembering.note(asked().params, reads)
    federated.reads.clear()
    return federated


def test_what_the_module_before_has_read_is_not_read_again_where_nothing_is_to_do(noted):
    noted.now = NOW + timedelta(seconds=10)
    result = as_described(noted)
    assert (result["changed"], [row["peer"] for row in result["standing"]["peers"]]) == (False, ["west"])
    asked_again = {read.split()[1] for read in noted.reads}
    assert asked_again >= {"ExportedServiceSet", "ImportedServiceSet", "ConfigMap"}
    assert not asked_again & {"ServiceMeshControlPlane", "ServiceMeshPeer"}
    assert noted.writes == []


def test_a_peer_that_waits_for_its_card_makes_nobody_read_again_what_the_module_before_has_read(noted):
    result = as_described(noted, peers=["west", "north"])
    assert (result["changed"], [each["peer"] for each in result["pending"]]) == (False, ["north"])
    assert not {read.split()[1] for read in noted.reads} & {"ServiceMeshControlPlane", "ServiceMeshPeer"}


def test_what_is_written_is_compared_with_what_stands_then_and_not_with_what_was_noted(noted):
    peer = noted.get(kinds.PEER, SPACE, "west")
    noted.delete(kinds.PEER, SPACE, "west", peer["metadata"]["uid"])
    noted.put({**peer, "metadata": {**peer["metadata"], "uid": "another", "labels": {}, "managedFields": []}})
    noted.writes.clear()
    result = as_described(noted, cards=[card(address="192.0.2.77")])
    assert result["left_alone"] and noted.writes == [], "somebody else's by now, whatever the notes say"


def test_a_refusal_and_a_change_come_from_what_stands_now(noted):
    noted.merge_patch(
        kinds.CONTROL_PLANE, SPACE, "basic", {"spec": {"security": {"trust": {"domain": "another.local"}}}}
    )
    with pytest.raises(FederationError, match=r"another\.local"):
        as_described(noted, trust_domain="east.local", exports=[])
    noted.merge_patch(kinds.CONTROL_PLANE, SPACE, "basic", {"spec": {"security": {"trust": {"domain": "east.local"}}}})
    assert as_described(noted, trust_domain="east.local")["changed"] is False


@pytest.mark.parametrize(
    "more", [[], [{"name": "stock", "namespace": "shop"}]], ids=["nothing to do", "something to do"]
)
def test_the_warnings_are_those_of_a_run_without_notes(noted, monkeypatch, more):
    told = []
    for folder in (_notes.folder, ""):
        monkeypatch.setattr(_notes, "folder", folder)
        run = asked(check_mode=True, cards=[card()], exports=[*EXPORTS, *more], imports=IMPORTS)
        assert federation.run(run, noted, NOW)["changed"] is bool(more)
        told.append(run.warnings)
    assert told[0] and told[0] == told[1]
