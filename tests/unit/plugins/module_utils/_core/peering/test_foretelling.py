# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What changes mean for people: names that come and go, and how many objects change."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.foretelling import (
    MOST_LINES,
    Names,
    counted,
    plan_block,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.diff import Change
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import EXPORTS, MANAGER

BOOK, CART = (f"{name}.shop.svc.west-exports.local" for name in ("book", "cart"))
TAKEN = "cart.shop.svc.west-imports.local"


def change(name, action="update"):
    return Change(action, EXPORTS, "mesh", name, MANAGER, {}, ())


def test_a_peer_gains_a_name_with_the_service_behind_it_and_loses_one_that_it_can_import():
    names = Names(exports=({CART: "shop/cart"}, {BOOK: "shop/ledger"}), imports=({}, {}))
    assert names.told("east", "west") == [
        "west gains book.shop (ledger.shop)",
        "west loses cart.shop, which it can import now",
    ]


def test_a_name_that_stays_is_not_told():
    names = Names(exports=({CART: "shop/cart"}, {CART: "shop/cart"}), imports=({}, {}))
    assert names.told("east", "west") == [] == names.as_diff("west")


def test_what_the_mesh_takes_and_takes_no_more_is_told_with_its_name_here():
    names = Names(exports=({}, {}), imports=({BOOK: "book.shop.svc.west-imports.local"}, {CART: TAKEN}))
    assert names.told("east", "west") == [
        f"east imports cart.shop from west as {TAKEN}",
        "east no longer imports book.shop from west",
    ]


@pytest.mark.parametrize(
    ("actions", "planned", "done"),
    [
        (["update"], "1 object to change", "1 object changed"),
        (["create", "create", "update"], "2 objects to create, 1 to change", "2 objects created, 1 changed"),
        (["delete", "merge"], "1 object to delete, 1 to change", "1 object deleted, 1 changed"),
        ([], "", ""),
    ],
)
def test_objects_are_counted_by_what_is_done_to_them(actions, planned, done):
    assert (counted(actions, is_planned=True), counted(actions, is_planned=False)) == (planned, done)


def test_a_plan_is_a_block_with_a_bound_and_nothing_where_nothing_changes():
    assert plan_block("east", [], ["west gains x"], is_planned=True) == []
    block = plan_block(
        "east", [change("west")], [f"west gains s{number}.shop" for number in range(MOST_LINES + 5)], is_planned=True
    )
    assert (
        block[0] == "east · 1 object to change" and block[-1] == "  and 5 more names" and len(block) == MOST_LINES + 2
    )
