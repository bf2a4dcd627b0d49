# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who a peer is, compared with what stands, and what an administrator accepts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Export, Ingress, Port
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.peering import identity
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.identity import (
    Accepted,
    Description,
    Standing,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.plan import plan_peering
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.fingerprints import spoken
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root

WHERE = "Card west-for-east.json"
ROOTS = read_roots(root("west") + root("next"), WHERE, NOW)
CARD = Card(
    mesh="west",
    audience="east",
    issued=NOW - timedelta(days=1),
    trust_domain="west.local",
    roots=ROOTS,
    ingress=Ingress(("192.0.2.9",), 8188, 15443),
    client_id="west.local/ns/west-mesh-system/sa/east-egress-service-account",
    exports=(Export("cart.shop.svc.east-exports.local", (Port("http", 80, "HTTP"),)),),
)
EAST = parse_mesh(name="east", namespace="east-mesh-system", control_plane="basic", peers=["west"])
WEST = EAST.peers[0]
PINNED = replace(WEST, root_fingerprints=tuple(one.fingerprint for one in ROOTS))


def live(card=CARD, owner=None):
    """Return the ServiceMeshPeer and the bundle that a run leaves."""
    bundle, peer, *_sets = (
        identity.remembering(manifest, card, None, owner) for manifest in plan_peering(EAST, WEST, card)
    )
    return peer, bundle


def bare(manifest):
    return {**manifest, "metadata": {key: value for key, value in manifest["metadata"].items() if key != "annotations"}}


# --- digests


def test_the_digest_of_an_identity_is_that_of_its_parts_and_of_nothing_else():
    same = [
        CARD,
        replace(CARD, ingress=None),
        replace(CARD, exports=()),
        replace(CARD, issued=NOW),
        replace(CARD, roots=ROOTS[::-1]),
    ]
    assert len({identity.identity_digest(card) for card in same}) == 1
    others = [
        replace(CARD, trust_domain="west.example"),
        replace(CARD, client_id=f"{CARD.client_id}x"),
        replace(CARD, roots=ROOTS[:1]),
    ]
    assert len({identity.identity_digest(card) for card in (CARD, *others)}) == 4


def test_the_digest_of_the_facts_is_that_of_everything_but_the_day():
    assert identity.facts_digest(CARD) == identity.facts_digest(replace(CARD, issued=NOW))
    others = [
        replace(CARD, ingress=None),
        replace(CARD, exports=()),
        replace(CARD, audience="north"),
        replace(CARD, roots=ROOTS[::-1]),
    ]
    assert len({identity.facts_digest(card) for card in (CARD, *others)}) == 5
    assert identity.replay_digest(CARD) != identity.replay_digest(replace(CARD, issued=NOW))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        ((["a"], "b"), ("a", ["b"])),
        (("a", ""), ("a",)),
        (('a","b',), ("a", "b")),
        (("1",), (1,)),
    ],
)
def test_parts_that_are_divided_otherwise_have_another_digest(one, other):
    assert identity.digest("x", *one) != identity.digest("x", *other)


def test_a_digest_is_of_one_purpose():
    assert identity.digest("identity", "a") != identity.digest("facts", "a")


# --- a known peer that changed


def test_a_peer_that_stayed_itself_has_not_changed():
    for card in (CARD, replace(CARD, ingress=None, exports=()), replace(CARD, roots=ROOTS[::-1])):
        assert identity.identity_changes(WEST, card, *live()) == ([], [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trust_domain": "new.local"}, "trust domain west.local becomes new.local"),
        ({"client_id": "west.local/ns/a/sa/b"}, f"client identity {CARD.client_id} becomes west.local/ns/a/sa/b"),
        ({"roots": ROOTS[:1]}, f"root {ROOTS[1].spoken} is removed"),
    ],
    ids=["trust domain", "client identity", "roots"],
)
def test_a_known_peer_s_new_identity_is_told(changes, words):
    assert identity.identity_changes(WEST, replace(CARD, **changes), *live()) == ([words], [])


@pytest.mark.parametrize(
    ("peer", "bundle", "gone"),
    [
        (True, False, ["roots"]),
        (False, True, ["trust domain", "client identity"]),
        (False, False, ["trust domain", "client identity", "roots"]),
    ],
)
def test_what_is_missing_is_told_unless_something_remembers_this_very_card(peer, bundle, gone):
    objects = [one if stands else None for one, stands in zip(live(), (peer, bundle))]
    assert identity.identity_changes(
        WEST, replace(CARD, trust_domain="west.local"), *[one and bare(one) for one in objects]
    ) == ([], gone)
    is_remembered = peer or bundle
    assert identity.identity_changes(WEST, CARD, *objects) == ([], [] if is_remembered else gone)


def test_a_pin_vouches_for_roots_that_are_missing_and_for_nothing_else():
    peer, bundle = map(bare, live())
    assert identity.identity_changes(PINNED, CARD, peer, None) == ([], [])
    assert identity.identity_changes(PINNED, CARD, None, bundle) == ([], ["trust domain", "client identity"])


@pytest.mark.parametrize("security", [None, {}, [], "x", {"trustDomain": 7, "clientID": None}])
def test_whatever_stands_is_compared_without_an_accident(security):
    found = identity.identity_changes(
        WEST,
        CARD,
        {"kind": "ServiceMeshPeer", "metadata": {}, "spec": {"security": security}},
        {"data": {"root-cert.pem": 5}},
    )
    assert any(found)


# --- others that stand


def test_a_name_in_other_letters_is_the_same_name():
    other = Standing.of("north", {"metadata": {}, "spec": {"security": {"trustDomain": " West.LOCAL "}}}, None)
    with pytest.raises(FederationError, match="FED216"):
        identity.refuse_taken(WEST, CARD, WHERE, [other])


def test_a_peer_is_not_compared_with_itself():
    identity.refuse_taken(WEST, CARD, WHERE, [Standing.of("west", *live())])


def test_a_bundle_alone_remembers_the_trust_domain():
    assert Standing.of("north", None, live()[1]).domains == {"west.local"}
    assert Standing.of("north", None, bare(live()[1])).domains == frozenset()


def test_a_shared_root_is_told_while_it_is_new():
    north = Standing.of("north", None, live()[1])
    assert identity.shared_roots(WEST, CARD, [north], {}) == ["north"]
    assert identity.shared_roots(WEST, CARD, [north, Standing.of("west", *live())], {}) == []
    assert identity.shared_roots(WEST, CARD, [], {"east": [ROOTS[0].fingerprint]}) == ["east"]
    assert identity.shared_roots(WEST, CARD, [], {"east": []}) == []


# --- what is accepted


DIGEST = identity.identity_digest(CARD)
SPOKEN = spoken(DIGEST)


@pytest.mark.parametrize(
    "entry",
    [
        f"west={SPOKEN}",
        f"west={SPOKEN.lower()}",
        f"west = {SPOKEN.replace('-', ' ')}",
        f"['west={SPOKEN}'",
        f"west={SPOKEN.replace('-', '–')}",
        f"west={DIGEST}",
    ],
    ids=["as given", "small letters", "spaces", "the rest of a list", "dashes", "all digits"],
)
def test_a_line_is_read_however_it_is_typed(entry):
    read = Accepted.read([entry])
    assert read.covers(["west"], DIGEST) and not read.covers(["north"], DIGEST)
    read.check()


@pytest.mark.parametrize(
    "entry",
    [
        "west",
        "west=",
        "=",
        f"west={SPOKEN[:-1]}",
        f"west={DIGEST}0",
        "west=" + "G" * 32,
        "west=" + "٣" * 32,
        f"west=={SPOKEN}x",
    ],
    ids=["bare", "nothing", "sign", "a digit short", "a digit long", "other letters", "other digits", "a letter more"],
)
def test_an_entry_without_its_digits_accepts_nothing_and_is_refused(entry):
    read = Accepted.read([entry])
    assert not read.covers(["west"], DIGEST)
    with pytest.raises(FederationError, match="FED227"):
        read.check()


def test_nothing_given_is_nothing_accepted():
    for entries in (None, [], [""], [" "]):
        Accepted.read(entries).check()
        assert not Accepted.read(entries).covers(["west", ""], DIGEST)


# --- what is remembered


def test_equal_facts_keep_the_day_that_is_remembered():
    peer, _bundle = live()
    again = identity.remembering(plan_peering(EAST, WEST, CARD)[1], replace(CARD, issued=NOW), peer, None)
    assert again["metadata"]["annotations"] == peer["metadata"]["annotations"]
    moved = replace(CARD, issued=NOW, ingress=Ingress(("192.0.2.10",)))
    assert (
        identity.annotated(identity.remembering(plan_peering(EAST, WEST, moved)[1], moved, peer, None), identity.ISSUED)
        == "2026-06-15T12:00:00Z"
    )


@pytest.mark.parametrize("written", ["", "yesterday", "2026-13-45T99:00:00Z"])
def test_a_day_that_somebody_spoiled_is_written_anew(written):
    peer, _bundle = live()
    peer["metadata"]["annotations"][identity.ISSUED] = written
    assert not identity.is_older_and_accepted(WEST, replace(CARD, exports=()), WHERE, peer, Accepted(), ["west"])
    again = identity.remembering(plan_peering(EAST, WEST, CARD)[1], CARD, peer, None)
    assert identity.annotated(again, identity.ISSUED) == "2026-06-14T12:00:00Z"


def test_sets_remember_nothing():
    _bundle, _peer, exports, imports = plan_peering(EAST, WEST, CARD)
    assert [identity.remembering(one, CARD, None, "team") for one in (exports, imports)] == [exports, imports]


# --- who describes


def test_a_description_is_its_mesh_name_and_its_owner():
    assert Description.of(live(owner="team")[0]) == Description("east", "team")
    assert Description.of(live()[0]) == Description("east", "")
    assert Description.of({"metadata": {"name": "x"}}) is None


def test_the_line_of_a_handing_over_fits_one_pair_of_descriptions_only():
    written = {"west": live(owner="team-a")[0]}
    lines = set()
    for mesh in (replace(EAST, owner="team-b"), replace(EAST, owner="team-c"), replace(EAST, namespace="other"), EAST):
        with pytest.raises(FederationError, match="FED112") as refused:
            identity.refuse_two_descriptions(mesh, written, Accepted())
        lines.add(refused.value.facts["accept"])
        identity.refuse_two_descriptions(mesh, written, Accepted.read([refused.value.facts["accept"]]))
    assert len(lines) == 4
    identity.refuse_two_descriptions(replace(EAST, owner="team-a"), written, Accepted())
