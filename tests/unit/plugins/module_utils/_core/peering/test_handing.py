# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which facts two cards differ, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Export, Ingress, Port
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.handing import card_changes
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root

HTTP, TCP = Port("http", 80, "HTTP"), Port("tcp", 9000, "TCP")
CARD = Card(
    "east",
    "west",
    NOW,
    "east.local",
    read_roots(root("east"), "here", NOW),
    Ingress(("192.0.2.1",)),
    "a",
    (Export("cart", (HTTP,)),),
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"ingress": Ingress(("192.0.2.2", "gw.example.com"))}, ["address 192.0.2.1 → 192.0.2.2, gw.example.com"]),
        (
            {"ingress": Ingress(("192.0.2.1",), 30188, 31443)},
            ["discovery port 8188 → 30188", "service port 15443 → 31443"],
        ),
        ({"trust_domain": "b", "client_id": "b"}, ["trust domain east.local → b", "client identity a → b"]),
        ({"exports": (Export("cart", (TCP,)), Export("till", (HTTP,)))}, ["till new", "cart has other ports"]),
        ({"exports": ()}, ["cart no longer offered"]),
    ],
)
def test_each_fact_that_differs_is_named(changed, said):
    assert card_changes(CARD, replace(CARD, **changed)) == said


def test_many_exports_are_counted():
    many = tuple(Export(f"s{number:03}", (HTTP,)) for number in range(100))
    new, _gone = card_changes(CARD, replace(CARD, exports=many))
    assert new == "s000, s001, s002, s003, s004 and 95 more new"
