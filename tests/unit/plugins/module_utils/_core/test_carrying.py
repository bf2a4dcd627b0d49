# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which card speaks for which peer, however the cards came."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card import Card, Ingress
from ansible_collections.ossm.federation.plugins.module_utils._core.carrying import receive
from ansible_collections.ossm.federation.plugins.module_utils._core.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.topology import Mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.trust import read_roots
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root

EAST = Mesh.described(name="east", namespace="east-mesh-system", control_plane="basic", peers=["west", "north"])
ROOT = read_roots(root(), "here", NOW)


def card(mesh="west", audience="east", address="192.0.2.1", domain=None):
    domain = domain or f"{mesh}.local"
    identity = f"{domain}/ns/{mesh}-mesh-system/sa/{audience}-egress-service-account"
    return Card(mesh, audience, NOW.replace(microsecond=0), domain, ROOT, Ingress((address,)), identity, ()).to_data()


def received(in_run=(), carried=(), files=None):
    texts = {name: json.dumps(data).encode() for name, data in (files or {}).items()}
    found, notes = receive(EAST, "east.local", in_run=list(in_run), carried=list(carried), file_of=texts.get, now=NOW)
    return {name: one.card.ingress.addresses[0] for name, one in found.items()}, notes


def test_a_card_of_this_run_wins_over_data_and_data_over_a_file():
    run, data, file = card(address="192.0.2.1"), card(address="192.0.2.2"), {"west-for-east.json": card(address="192.0.2.3")}
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
        pytest.param([card(domain="one.local"), card("north", domain="one.local")], {}, "FED216", id="two peers, one trust domain"),
        pytest.param([{"mesh": "west"}], {}, "FED2", id="hardly a card"),
        pytest.param(["{"], {}, "FED201", id="a text that is no card"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(carried, files, code):
    with pytest.raises(FederationError, match=code):
        received(carried=carried, files=files)
