# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which objects of a mesh name what it imports, and which only look like it."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.using import (
    accounts_in,
    taken_from,
    uses_in,
)

CART = "cart.shop.svc.west-imports.local"


def imports(*rules, status=(), suffix=None):
    rows = [{"exportedName": exported, "localService": {"hostname": host}} for exported, host in status]
    spec = {"importRules": list(rules), **({"domainSuffix": suffix} if suffix else {})}
    return {"metadata": {"name": "west"}, "spec": spec, "status": {"importedServices": rows}}


def rule(service=None, space=None, /, *, local=None, suffix=None, **alias):
    selector = {key: text for key, text in (("name", service), ("namespace", space)) if text}
    more = {"domainSuffix": suffix} if suffix else {}
    return {
        "type": "NameSelector",
        "importAsLocal": bool(local),
        **more,
        "nameSelector": {**selector, **({"alias": alias} if alias else {})},
    }


def virtual_service(namespace="web", **spec):
    return {"kind": "VirtualService", "metadata": {"name": "split", "namespace": namespace}, "spec": spec}


def destination_rule(host, namespace="web"):
    return {"kind": "DestinationRule", "metadata": {"name": "limits", "namespace": namespace}, "spec": {"host": host}}


def policy(**rule_parts):
    return {
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "who", "namespace": "web"},
        "spec": {"rules": [rule_parts]},
    }


WEST = taken_from("west", imports(rule("cart", "shop")))
AS_LOCAL = taken_from("west", imports(rule("cart", "shop", local=True, name="cart", namespace="shop")))


def found(live, taken=WEST):
    return [(use.field, use.host) for use in uses_in([live], [taken])]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param({"hosts": [CART]}, "hosts", id="its own host"),
        pytest.param(
            {"http": [{"route": [{"destination": {"host": CART}, "weight": 20}]}]},
            "http[0].route",
            id="a weighted share",
        ),
        pytest.param({"http": [{}, {"mirror": {"host": CART}}]}, "http[1].mirror", id="a mirror"),
        pytest.param(
            {"http": [{"mirrors": [{"destination": {"host": CART}}]}]}, "http[0].mirror", id="several mirrors"
        ),
        pytest.param({"tcp": [{"route": [{"destination": {"host": CART}}]}]}, "tcp[0].route", id="TCP"),
        pytest.param({"tls": [{"match": [{"sniHosts": [CART]}]}]}, "tls[0].match", id="a server name"),
    ],
)
def test_a_virtual_service_names_an_imported_host_wherever_a_host_stands(spec, field):
    assert found(virtual_service(**spec)) == [(field, CART)]


@pytest.mark.parametrize(
    "host", ["*.shop.svc.west-imports.local", "*.svc.west-imports.local", "Cart.shop.svc.west-imports.local.", CART]
)
def test_a_destination_rule_names_a_host_in_every_spelling(host):
    assert found(destination_rule(host))


@pytest.mark.parametrize(
    "host",
    [
        "*",
        "*.local",
        "*.svc.cluster.local",
        "cart.shop.svc.cluster.local",
        "cart.shop.svc.north-imports.local",
        "cart",
        "svc.west-imports.local",
    ],
)
def test_a_host_that_is_not_the_peer_s_names_nobody(host):
    assert found(destination_rule(host, namespace="shop")) == []


@pytest.mark.parametrize(
    ("host", "namespace"),
    [("cart", "shop"), ("cart.shop", "web"), ("cart.shop.svc", "web"), ("cart.shop.svc.cluster.local", "web")],
)
def test_a_short_name_is_the_service_that_it_means(host, namespace):
    assert found(destination_rule(host, namespace), AS_LOCAL) == [("host", "cart.shop.svc.cluster.local")]


def test_a_short_name_of_another_namespace_means_another_service():
    assert found(destination_rule("cart", "web"), AS_LOCAL) == []


@pytest.mark.parametrize("value", [CART, "*." + CART, f"outbound_.8080_._.{CART}", "*.svc.west-imports.local"])
def test_a_policy_names_a_host_by_server_name(value):
    live = policy(when=[{"key": "connection.sni", "values": [value]}])
    assert [field for field, _host in found(live)] == ["rules[0].when connection.sni"]


def test_a_policy_s_other_conditions_are_not_hosts():
    assert found(policy(when=[{"key": "request.headers[host]", "values": [CART]}])) == []


@pytest.mark.parametrize("key", ["principals", "notPrincipals"])
def test_a_policy_that_lets_a_gateway_s_account_in_is_told(key):
    live = policy(
        **{"from": [{"source": {key: ["cluster.local/ns/east-mesh-system/sa/west-ingress-service-account"]}}]}
    )
    assert accounts_in([live], "east-mesh-system/sa/west-ingress-service-account") == ["AuthorizationPolicy web/who"]
    assert accounts_in([live], "east-mesh-system/sa/north-ingress-service-account") == []


def test_every_host_of_the_peer_s_own_domain_counts_whether_offered_now_or_not():
    taken = taken_from("west", imports(rule()))
    assert found(destination_rule(CART), taken) == [("host", CART)]


def test_a_suffix_of_one_s_own_counts_by_what_is_imported_and_by_fixed_rules():
    rules = (rule("cart", "shop", suffix="partners.example.com"), rule(namespace="shop", suffix="partners.example.com"))
    taken = taken_from(
        "west", imports(*rules, status=[("ledger.shop.svc.east-exports.local", "ledger.shop.partners.example.com")])
    )
    assert found(destination_rule("cart.shop.partners.example.com"), taken)
    assert found(destination_rule("ledger.shop.partners.example.com"), taken)
    assert found(destination_rule("*.partners.example.com"), taken)
    assert not found(destination_rule("other.shop.partners.example.com"), taken)
    assert not found(destination_rule(CART), taken)


@pytest.mark.parametrize("live", [None, imports()], ids=["no set", "an emptied set"])
def test_nobody_uses_what_is_not_imported(live):
    assert not taken_from("west", live)


def test_what_is_still_imported_counts_although_the_rules_are_gone():
    assert found(
        destination_rule(CART), taken_from("west", imports(status=[("cart.shop.svc.east-exports.local", CART)]))
    )


def test_a_host_that_another_peer_gives_as_well_is_left_out():
    both = imports(rule("cart", "shop", local=True, name="cart", namespace="shop"))
    assert not taken_from("west", both, without=["cart.shop.svc.cluster.local"])


@pytest.mark.parametrize(
    "spec", [None, {"http": "x", "hosts": [1, None]}, {"http": [None, {"route": [{"destination": []}]}]}]
)
def test_objects_that_make_no_sense_name_nothing(spec):
    assert (
        uses_in([{"kind": "VirtualService", "metadata": {"name": "x", "namespace": "y"}, "spec": spec}], [WEST]) == []
    )
