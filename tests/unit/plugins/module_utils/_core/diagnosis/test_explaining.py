# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service explained: which rule decided, why the others did not, and what callers and policies have to write."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.explaining import (
    Home,
    Pair,
    explained,
    lines,
)

HOME = Home("east-mesh-system", "east.local")
CART = {
    "kind": "Service",
    "metadata": {"name": "cart", "namespace": "shop", "labels": {"tier": "front"}},
    "spec": {"ports": [{"name": "http", "port": 80}]},
}


def named(name: str, **more: object) -> dict:
    return {"type": "NameSelector", "nameSelector": {"namespace": "shop", "name": name, **more}}


def pair(exports: list | None = None, imports: list | None = None, offered: dict | None = None) -> Pair:
    status = {"importedServices": [{"exportedName": "cart.shop.svc.east-exports.local", "localService": {}}]}
    return Pair(
        "west",
        None if exports is None else {"spec": {"exportRules": exports}},
        None if imports is None else {"spec": {"importRules": imports}, "status": status},
        "west-ingress",
        "west-egress",
        ["west-egress-1"],
        offered,
    )


def test_the_rule_that_decides_is_named_and_each_other_one_says_why_not() -> None:
    rules = [named("till"), named("cart", alias={"name": "basket", "namespace": "shop"}), named("cart")]
    (row,) = explained("shop/cart", CART, [pair(exports=rules)], HOME)
    assert row["host"] == "basket.shop.svc.west-exports.local"
    assert [(one["rule"], one["won"]) for one in row["rules"]] == [(1, False), (2, True), (3, False)]
    assert (
        row["rules"][2]["why"] == "also fits (cart.shop.svc.west-exports.local), and comes after the one that decides"
    )
    assert row["sni"] == ["outbound_.80_._.basket.shop.svc.west-exports.local"]
    assert row["principal"] == "east.local/ns/east-mesh-system/sa/west-ingress-service-account"


def test_an_import_has_its_dns_its_endpoints_and_the_identity_under_which_we_call() -> None:
    card = {"cart.shop.svc.east-exports.local": [80, 443]}
    row = explained("shop/cart", None, [pair(imports=[named("cart")], offered=card)], HOME)[0]
    assert (row["direction"], row["host"]) == ("imported", "cart.shop.svc.west-imports.local")
    assert row["dns"].startswith("cart.shop.svc.west-imports.local: in sidecars alone")
    assert row["endpoints"] == "pods of our egress gateway west-egress, port 15443: west-egress-1"
    assert row["sni"][1] == "outbound_.443_._.cart.shop.svc.west-imports.local"
    assert row["principal"].endswith("/sa/west-egress-service-account")
    local = [{**named("cart", alias={"name": "basket", "namespace": "shop"}), "importAsLocal": True}]
    assert explained("shop/basket", None, [pair(imports=local)], HOME)[0]["dns"].startswith(
        "basket.shop.svc.cluster.local: by the cluster's DNS"
    )


def test_what_does_not_go_says_so() -> None:
    rows = explained("shop/cart", CART, [pair(exports=[named("till")], imports=[named("till")])], HOME)
    assert [row["host"] for row in rows] == [None, None] and all(row["reason"] for row in rows)
    shown = lines("east", "shop/cart", rows, exists=True)
    assert "  exported to west: no" in shown and not any("SNI" in line for line in shown)
    nobody = explained("shop/nothing", None, [pair()], HOME)
    assert lines("east", "shop/nothing", nobody, exists=False) == [
        "east · shop/nothing (no Service of this name here)",
        "  no peer offers it, and it is not exported to any",
    ]
