# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which card speaks for which peer, however the cards came."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Ingress
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.carrying import (
    Identity,
    receive,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root

EAST = parse_mesh(name="east", namespace="east-mesh-system", control_plane="basic", peers=["west", "north"])
ROOT = read_roots(root(), "here", NOW)


def card(mesh="west", audience="east", address="192.0.2.1", domain=None):
    domain = domain or f"{mesh}.local"
    identity = f"{domain}/ns/{mesh}-mesh-system/sa/{audience}-egress-service-account"
    return Card(mesh, audience, NOW.replace(microsecond=0), domain, ROOT, Ingress((address,)), identity, ()).to_data()


def received(in_run=(), carried=(), files=None):
    texts = {name: json.dumps(data).encode() for name, data in (files or {}).items()}
    found = receive(EAST, "east.local", in_run=list(in_run), carried=list(carried), file_of=texts.get, now=NOW).whole()
    return {name: one.card.ingress.addresses[0] for name, one in found.received.items()}, found.notes


def test_a_card_of_this_run_wins_over_data_and_data_over_a_file():
    run, data, file = (
        card(address="192.0.2.1"),
        card(address="192.0.2.2"),
        {"west-for-east.json": card(address="192.0.2.3")},
    )
    assert received([run], [data], file)[0] == {"west": "192.0.2.1"}
    assert received([], [data], file)[0] == {"west": "192.0.2.2"}
    assert received([], [], file)[0] == {"west": "192.0.2.3"}


def test_a_peer_without_a_card_is_pending_and_never_absent():
    assert received() == ({}, [])


def test_data_may_hold_cards_for_others_and_cards_as_text():
    assert received(carried=[card("west", "north"), json.dumps(card())])[0] == {"west": "192.0.2.1"}


def test_a_card_never_adds_a_peer():
    found, notes = received(carried=[card("south"), card()])
    assert set(found) == {"west"}
    assert notes == ["a card of south was given, but south is not in mesh_peers"]


@pytest.mark.parametrize(
    ("carried", "files", "code"),
    [
        pytest.param([card("west", "north")], {}, "FED212", id="made for another mesh"),
        pytest.param([card("east", "west")], {}, "FED213", id="our own card"),
        pytest.param([], {"west-for-east.json": card("north", "east")}, "FED220", id="another mesh's card in the file"),
        pytest.param([card(domain="east.local")], {}, "FED215", id="our own trust domain"),
        pytest.param(
            [card(domain="one.local"), card("north", domain="one.local")],
            {},
            "FED216",
            id="two peers, one trust domain",
        ),
        pytest.param([{"mesh": "west"}], {}, "FED2", id="hardly a card"),
        pytest.param(["{"], {}, "FED201", id="a text that is no card"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(carried, files, code):
    with pytest.raises(FederationError, match=code):
        received(carried=carried, files=files)


HUB = parse_mesh(
    name="hub",
    namespace="hub-mesh-system",
    control_plane="basic",
    peers=[{"name": "prod", "local_name": "acme"}, {"name": "prod", "local_name": "globex"}],
)
ROOTS = {"acme": read_roots(root("acme"), "here", NOW), "globex": read_roots(root("globex"), "here", NOW)}


def of_prod(who, account="hub-egress-service-account"):
    roots, address = ROOTS[who], {"acme": "192.0.2.1", "globex": "192.0.2.2"}[who]
    return Card(
        "prod", "hub", NOW, f"{who}.example", roots, Ingress((address,)), f"{who}.example/ns/mesh/sa/{account}", ()
    ).to_data()


def known(*names):
    return {
        name: Identity(
            f"{name}.example",
            f"{name}.example/ns/mesh/sa/hub-egress-service-account",
            frozenset({ROOTS[name][0].fingerprint}),
        )
        for name in names
    }


def at_hub(mesh=HUB, files=None, identities=None, in_run=(), carried=()):
    texts = {name: json.dumps(data).encode() for name, data in (files or {}).items()}
    found = receive(
        mesh,
        "own.local",
        in_run=list(in_run),
        carried=list(carried),
        file_of=texts.get,
        now=NOW,
        known=identities or {},
    ).whole()
    return {name: one.card.ingress.addresses[0] for name, one in found.received.items()}, found.notes


def pinned(*names):
    peers = [
        {
            "name": "prod",
            "local_name": name,
            **({"root_fingerprints": [ROOTS[name][0].fingerprint]} if name in names else {}),
        }
        for name in ("acme", "globex")
    ]
    return parse_mesh(name="hub", namespace="hub-mesh-system", control_plane="basic", peers=peers)


BOTH = {"acme": "192.0.2.1", "globex": "192.0.2.2"}


def test_two_partners_of_one_name_have_a_file_each_under_our_names():
    assert at_hub(files={"acme-for-hub.json": of_prod("acme"), "globex-for-hub.json": of_prod("globex")})[0] == BOTH


def test_a_file_under_a_name_that_is_shared_is_passed_over_and_said():
    found, notes = at_hub(files={"prod-for-hub.json": of_prod("acme")})
    assert found == {}
    assert (
        notes[0]
        == "prod-for-hub.json is ignored, since several peers call themselves prod; if it is acme's, keep it as "
        "acme-for-hub.json"
    )


def test_a_file_under_our_name_wins_over_one_under_the_peer_s_own():
    mesh = parse_mesh(name="hub", namespace="n", control_plane="basic", peers=[{"name": "prod", "local_name": "acme"}])
    assert at_hub(mesh, {"acme-for-hub.json": of_prod("acme"), "prod-for-hub.json": of_prod("globex")})[0] == {
        "acme": "192.0.2.1"
    }
    assert at_hub(mesh, {"prod-for-hub.json": of_prod("acme")})[0] == {"acme": "192.0.2.1"}


@pytest.mark.parametrize("way", ["carried", "in_run"])
@pytest.mark.parametrize("order", [("acme", "globex"), ("globex", "acme")])
def test_pins_tell_the_cards_of_two_partners_apart_whatever_their_order(way, order):
    assert at_hub(pinned("acme", "globex"), **{way: [of_prod(who) for who in order]})[0] == BOTH


@pytest.mark.parametrize("order", [("acme", "globex"), ("globex", "acme")])
def test_the_peers_on_the_cluster_tell_the_cards_apart_when_nothing_is_pinned(order):
    assert at_hub(carried=[of_prod(who) for who in order], identities=known("acme", "globex"))[0] == BOTH


def test_a_card_of_one_partner_leaves_the_other_pending():
    assert at_hub(pinned("acme"), carried=[of_prod("acme")])[0] == {"acme": "192.0.2.1"}
    assert at_hub(identities=known("acme", "globex"), carried=[of_prod("globex")])[0] == {"globex": "192.0.2.2"}


def test_a_card_cannot_say_whose_it_is():
    with pytest.raises(FederationError, match="FED203"):
        at_hub(carried=[{"peer": "globex", "card": of_prod("acme")}])


@pytest.mark.parametrize(
    ("mesh", "given"),
    [
        pytest.param(HUB, {"carried": [of_prod("acme")]}, id="nothing says whose it is"),
        pytest.param(
            pinned("acme"),
            {"carried": [of_prod("globex")]},
            id="what is not one partner's is not therefore the other's",
        ),
        pytest.param(
            pinned("acme", "globex"),
            {"in_run": [{**of_prod("acme"), "roots": of_prod("globex")["roots"]}] * 2 + [of_prod("globex")]},
            id="two fit",
        ),
    ],
)
def test_a_card_that_could_be_any_of_several_peers_is_refused(mesh, given):
    with pytest.raises(FederationError, match="FED321"):
        at_hub(mesh, **given)


def test_a_file_decides_where_data_cannot():
    files = {"acme-for-hub.json": of_prod("acme"), "globex-for-hub.json": of_prod("globex")}
    assert at_hub(carried=[of_prod("acme"), of_prod("globex")], files=files)[0] == BOTH


def test_one_of_two_partners_takes_the_card_for_the_gateway_that_it_knows():
    """Seen from a mesh called prod, whose peer hub has a second peer of that name: hub makes two cards for prod."""
    prod = parse_mesh(name="prod", namespace="n", control_plane="basic", peers=["hub"])
    cards = [
        Card(
            "hub",
            "prod",
            NOW,
            "hub.local",
            ROOT,
            Ingress((address,)),
            f"hub.local/ns/hub/sa/{egress}-service-account",
            (),
        ).to_data()
        for egress, address in (("acme-egress", "192.0.2.7"), ("globex-egress", "192.0.2.8"))
    ]
    with pytest.raises(FederationError, match="FED321"):
        at_hub(prod, in_run=cards)
    fingerprints = frozenset({ROOT[0].fingerprint})
    identities = {"hub": Identity("hub.local", "hub.local/ns/hub/sa/globex-egress-service-account", fingerprints)}
    assert at_hub(prod, in_run=cards, identities=identities)[0] == {"hub": "192.0.2.8"}
    assert at_hub(prod, in_run=cards, files={"hub-for-prod.json": cards[0]})[0] == {"hub": "192.0.2.7"}


def test_a_card_is_found_in_the_folder_of_its_audience_and_no_other_folder_is_opened():
    asked = []

    def file_of(name):
        asked.append(name)
        return json.dumps(card()).encode() if name == "east/west.json" else None

    found = receive(EAST, "east.local", in_run=[], carried=[], file_of=file_of, now=NOW).received
    assert set(found) == {"west"} and found["west"].where == "Card east/west.json"
    assert set(asked) == {"west-for-east.json", "east/west.json", "north-for-east.json", "east/north.json"}


def test_a_card_in_both_places_is_one_card_and_two_that_differ_are_refused():
    one, other = card(address="192.0.2.1"), card(address="192.0.2.2")
    assert received(files={"west-for-east.json": one, "east/west.json": one})[0] == {"west": "192.0.2.1"}
    with pytest.raises(FederationError) as refused:
        received(files={"west-for-east.json": one, "east/west.json": other})
    assert refused.value.code == "FED361"
    assert refused.value.where == "Card west-for-east.json and card east/west.json"


def test_a_card_in_two_places_keeps_no_other_peer_from_being_read():
    files = {
        "west-for-east.json": card(),
        "east/west.json": card(address="192.0.2.9"),
        "east/north.json": card("north"),
    }
    texts = {name: json.dumps(data).encode() for name, data in files.items()}
    delivery = receive(EAST, "east.local", in_run=[], carried=[], file_of=texts.get, now=NOW)
    assert set(delivery.received) == {"north"} and delivery.refused["west"].code == "FED361"
