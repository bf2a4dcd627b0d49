# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``mesh_card_info``: what it reads, compares and refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Export
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.modules import mesh_card_info
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.peering.test_reading import CARD, FIRST
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory


def asked(options):
    return RunInMemory(is_quiet=True, **{**dict.fromkeys(mesh_card_info.OPTIONS), **options})


def read(**options):
    return mesh_card_info.run(asked(options), None, NOW)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "east-for-west.json"
    path.write_text(CARD.to_text(), encoding="utf-8")
    return path


@pytest.mark.parametrize("shape", [lambda card: card.to_data(), lambda card: card.to_text()], ids=["mapping", "text"])
def test_a_card_is_read_from_data(shape):
    result = read(card=shape(CARD))
    assert (result["card"], result["fingerprint"]) == (CARD.to_data(), FIRST.spoken)
    assert (result["changed"], result["compared"], result["differences"]) == (False, False, [])


def test_all_that_is_returned_is_documented_and_the_other_way_round(file):
    assert set(yaml.safe_load(mesh_card_info.RETURN)) == set(read(path=str(file))) - {"changed"}


def test_the_earlier_card_is_compared_with(file):
    new = replace(CARD, issued=NOW, exports=(*CARD.exports, Export("ledger.shop.svc.west-exports.local", ())))
    result = read(card=new.to_data(), known_path=str(file))
    assert result["compared"]
    assert [row["name"] for row in result["differences"]] == ["ledger.shop.svc.west-exports.local"]
    assert result["lines"][-1] == "offer ledger.shop.svc.west-exports.local is new (no ports)"
    assert read(card=new.to_data(), known=CARD.to_text())["differences"] == result["differences"]


def test_the_first_card_and_the_card_in_use_have_nothing_to_be_compared_with(file):
    assert not read(card=CARD.to_data(), known_path=str(file.with_name("none.json")))["compared"]
    assert not read(path=str(file), known_path=str(file.parent / "." / file.name))["compared"]


@pytest.mark.parametrize(
    "known", ["{", json.dumps({**CARD.to_data(), "mesh": "north"})], ids=["unreadable", "of-another-mesh"]
)
def test_an_earlier_card_of_no_use_hides_nothing_of_the_new_one(known):
    result = read(card=CARD.to_data(), known=known)
    assert not result["compared"]
    assert "nothing to compare with: FED2" in result["lines"][-1]


def test_our_rules_tell_what_would_be_imported():
    result = read(card=CARD.to_data(), audience="west", peers=["east"], imports=[{"namespace": "shop"}])
    assert [row["imported"] for row in result["imports"]] == ["cart.shop.svc.east-imports.local"]
    assert "we import it as cart.shop.svc.east-imports.local" in "\n".join(result["lines"])


def test_a_card_of_no_peer_is_told():
    assert (
        "east is not in mesh_peers of west: federate does not look at this card"
        in read(card=CARD.to_data(), peers=["north"])["lines"]
    )


def test_two_peers_of_one_name_are_told():
    twice = [{"name": "east", "local_name": "a"}, {"name": "east", "local_name": "b"}]
    assert "east is what a or b call themselves" in read(card=CARD.to_data(), peers=twice)["lines"][-1]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"audience": "north"}, "FED212"),
        ({"root_fingerprints": ["00" * 32]}, "FED210"),
        ({"peers": [{"name": "east", "root_fingerprints": ["00" * 32]}]}, "FED210"),
        ({"card": None, "path": "/nonexistent/east-for-west.json"}, "FED201"),
        ({"card": replace(CARD, issued=NOW + timedelta(days=2)).to_data()}, "FED218"),
    ],
)
def test_what_is_not_in_order_is_refused(options, code):
    with pytest.raises(FederationError) as raised:
        read(**{"card": CARD.to_data(), **options})
    assert raised.value.code == code
