# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A received card in words, and what is new about it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Export, Ingress, Port
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.identity import identity_digest
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.reading import compared, differences, lines
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.fingerprints import spoken
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root

FIRST, NEXT, FOREIGN = (read_roots(root(name), "a test's root", NOW)[0] for name in ("east", "east next", "somebody"))
CART = Export("cart.shop.svc.west-exports.local", (Port("http", 80, "HTTP"),))
CARD = Card(
    mesh="east",
    audience="west",
    issued=NOW - timedelta(days=3),
    trust_domain="east.local",
    roots=(FIRST,),
    ingress=Ingress(("192.0.2.7",)),
    client_id="east.local/ns/east-mesh-system/sa/west-egress-service-account",
    exports=(CART,),
)


def test_a_card_is_told_in_words():
    told = lines(CARD, NOW)
    assert told[0] == "east for west · issued 2026-06-12, 3 days ago · trust domain east.local"
    assert FIRST.spoken in told[1] and "by voice" in told[1]
    assert told[2].endswith(f"pin it for east in mesh_peers: root_fingerprints: [{FIRST.fingerprint}]")
    assert told[3] == f"root 1: {FIRST.spoken}, 3,650 days left, until {FIRST.not_after:%Y-%m-%d}"
    assert told[5:] == [
        "east is reached at 192.0.2.7, TCP 8188 (discovery) and TCP 15443 (services)",
        "east calls as east.local/ns/east-mesh-system/sa/west-egress-service-account, and with no other identity",
        (
            f"identity {spoken(identity_digest(CARD))}: trust domain, client identity and roots in one number, as"
            " publish_cards of east shows it"
        ),
        "east offers 1 service",
        "  cart.shop.svc.west-exports.local (http 80/HTTP)",
    ]


def test_what_we_would_take_is_told_beside_each_offer():
    rows = [{"host": CART.name, "imported": "cart.shop.svc.cluster.local", "local": True}]
    assert lines(CARD, NOW, rows)[-1].endswith(
        ": we import it as cart.shop.svc.cluster.local, as a service of this cluster"
    )
    assert lines(CARD, NOW, [{**rows[0], "imported": None}])[-1].endswith(": no rule of mesh_imports matches it")


def test_an_old_card_a_root_near_its_end_and_a_missing_address_are_told():
    old = replace(
        CARD,
        issued=NOW - timedelta(days=200),
        ingress=None,
        exports=(),
        roots=(replace(FIRST, not_after=NOW + timedelta(days=5)),),
    )
    told = "\n".join(lines(old, NOW))
    assert "more than 180 days ago: ask east to run publish_cards again" in told
    assert "5 days left" in told and "expires soon" in told
    assert "at an address that it does not know yet" in told
    assert "east offers no services" in told


def test_the_same_facts_on_a_later_day_are_no_difference():
    later = replace(CARD, issued=NOW)
    assert differences(CARD, later) == []
    assert compared(CARD, later) == ["has the same content as your card"]
    assert compared(later, CARD)[0].startswith("this card is older than the one you have (2026-06-12, 2026-06-15)")


def test_what_says_who_a_mesh_is_comes_first():
    other = replace(
        CARD,
        exports=(replace(CART, ports=(Port("http", 81, "HTTP"),)), Export("ledger.shop.svc.west-exports.local", ())),
        ingress=Ingress(("192.0.2.8",), 8189),
        trust_domain="east.example",
        client_id="east.example/ns/east-mesh-system/sa/west-egress-service-account",
        roots=(NEXT, FIRST),
    )
    rows = [one.to_data() for one in differences(CARD, other)]
    assert [(row["what"], row["name"]) for row in rows] == [
        ("root", NEXT.fingerprint),
        ("trust_domain", ""),
        ("client_id", ""),
        ("ingress", ""),
        ("export", CART.name),
        ("export", "ledger.shop.svc.west-exports.local"),
    ]
    told = compared(CARD, other)
    assert told[0] == f"root {NEXT.spoken} is new"
    assert told[1] == "trust_domain was east.local, is east.example"
    assert f"offer {CART.name} had http 80/HTTP, has http 81/HTTP" in told
    assert "offer ledger.shop.svc.west-exports.local is new (no ports)" in told
    assert re.search(r"federation_accept_changes=east=[0-9A-F]{4}(-[0-9A-F]{4}){7}$", told[-1])
    assert f"offer {CART.name} is gone" in compared(CARD, replace(CARD, exports=()))


def test_roots_that_are_all_others_are_told_before_anything_else():
    told = compared(CARD, replace(CARD, roots=(FOREIGN,)))
    assert told[0].startswith("every root is another: east replaced its CA, or somebody else made this card")
    assert f"root {FIRST.spoken} is gone" in told
