# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses that lead back: to the machine, the node, the platform or the cluster that calls them, with any port."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest
from attacks.api import ApiInMemory
from attacks.attack import attack, call
from unit.pem import root

# What a hostile peer says it is reached at, and the refusal.
ON_CARDS = {
    "127.0.0.1": "FED219",
    "127.8.8.8": "FED219",
    "::1": "FED219",
    "0:0:0:0:0:0:0:1": "FED219",
    "0.0.0.0": "FED219",
    "::": "FED219",
    "169.254.169.254": "FED219",
    "fe80::1": "FED219",
    "fe80::1%eth0": "FED219",
    "fd00:ec2::254": "FED219",
    "224.0.0.1": "FED219",
    "ff02::1": "FED219",
    "255.255.255.255": "FED219",
    "::ffff:127.0.0.1": "FED219",
    "::ffff:7f00:1": "FED219",
    "::127.0.0.1": "FED219",
    "::ffff:169.254.169.254": "FED219",
    "64:ff9b::7f00:1": "FED219",
    "2002:7f00:1::1": "FED219",
    "0x7f000001": "FED219",
    "0x7f.1": "FED219",
    "127.1": "FED219",
    "2130706433": "FED219",
    "0177.0.0.1": "FED219",
    "127.0.0.1.": "FED219",
    "[::1]": "FED219",
    "localhost": "FED219",
    "localhost.": "FED219",
    "LOCALHOST": "FED219",
    "gw.localhost": "FED219",
    "ip6-localhost": "FED219",
    "localhost.localdomain": "FED219",
    "metadata.google.internal": "FED219",
    "kubernetes.default": "FED221",
    "kubernetes.default.svc": "FED221",
    "kubernetes.default.svc.cluster.local": "FED221",
    "istiod-basic": "FED221",
    "istiod-basic.": "FED221",
    "west-ingress.east-mesh-system": "FED221",
    "a.b.c.svc": "FED221",
    "10-0-0-1.shop.pod": "FED221",
}


# What a peer in another cluster may well be reached at.
FINE = [
    "192.0.2.7",
    "10.0.0.7",
    "2001:db8::7",
    "fd12:3456::1",
    "::ffff:192.0.2.7",
    "gw.example.com",
    "gw.example.com.",
    "internal-a.elb.amazonaws.com",
]


def card(mesh: str, *addresses: str, **ports: int) -> dict[str, Any]:
    """Return a card of ``mesh`` for east that is in order but for where it is reached."""
    pem = root(mesh)
    body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
    return {
        "version": 1,
        "mesh": mesh,
        "audience": "east",
        "issued": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "trust_domain": f"{mesh}.local",
        "roots": [{"fingerprint": hashlib.sha256(base64.b64decode(body)).hexdigest().upper(), "pem": pem}],
        "ingress": {"addresses": list(addresses), "discovery_port": 8188, "service_port": 15443, **ports},
        "client_id": f"{mesh}.local/ns/{mesh}-mesh-system/sa/east-egress-service-account",
        "exports": [],
    }


def judged(collections: str, api: ApiInMemory, addresses: list[str], **peer: Any) -> dict[str, set[str]]:
    """Return, by address, with which codes a card that names it is refused; each is the card of a peer of its own."""
    peers = [{"name": f"p{number}", **peer} for number in range(len(addresses))]
    cards = [card(f"p{number}", address) for number, address in enumerate(addresses)]
    outcome = call(collections, "preflight_info", {**api.access, "mesh": "east", "peers": peers, "cards": cards})
    assert "findings" in outcome.result, outcome.printed
    found: dict[str, set[str]] = {address: set() for address in addresses}
    for entry in outcome.result["findings"]:
        where, _comma, number = entry["place"].partition(", card ")
        if where == "federation_cards" and entry["severity"] == "error":
            found[addresses[int(number) - 1]].add(entry["code"])
    return found


def test_a_hostile_peer_that_leads_us_back_to_ourselves_is_refused(api: ApiInMemory, collections: str) -> None:
    assert judged(collections, api, [*ON_CARDS, *FINE]) == {
        **{address: {code} for address, code in ON_CARDS.items()},
        **{a: set() for a in FINE},
    }


def test_a_hostile_peer_in_our_own_cluster_leads_us_neither_to_the_platform_nor_to_ourselves(
    api: ApiInMemory, collections: str
) -> None:
    bad = [
        "127.0.0.1",
        "localhost",
        "kubernetes.default.svc",
        "kubernetes.default",
        "dns-default.openshift-dns.svc.cluster.local",
    ]
    bad += [
        "istiod-basic.east-mesh-system.svc.cluster.local",
        "istiod-basic.east-mesh-system",
        "istiod-basic",
        "10-0-0-1.kube-system.pod.cluster.local",
    ]
    fine = ["east-ingress.p9-mesh-system.svc.cluster.local", "east-ingress.p10-mesh-system.svc"]
    found = judged(collections, api, [*bad, *fine], same_cluster=True)
    assert {address for address, codes in found.items() if not codes} == set(fine)


def test_one_bad_address_among_good_ones_is_enough(api: ApiInMemory, collections: str) -> None:
    options = {
        **api.access,
        "mesh": "east",
        "peers": ["west"],
        "cards": [card("west", "192.0.2.7", "169.254.169.254", "gw.example.com")],
    }
    outcome = call(collections, "federation", options)
    assert outcome.code == "FED219" and "link-local" in outcome.result["msg"], outcome.printed
    assert not api.writes


@pytest.mark.parametrize(
    ("module", "options", "code"),
    [
        attack(
            "a hostile peer",
            "is composed by hand as a peer",
            "mesh_peer",
            {"peer": "west", "card": card("west", "127.0.0.1")},
            "FED219",
        ),
        attack(
            "a hostile peer",
            "is read before it is known",
            "mesh_card_info",
            {"card": card("west", "localhost")},
            "FED219",
        ),
        attack(
            "fat fingers",
            "pin nothing",
            "mesh_card_info",
            {"card": card("west", "192.0.2.7"), "root_fingerprints": []},
            "FED317",
        ),
        attack(
            "fat fingers",
            "publish the machine itself",
            "mesh_card",
            {"peers": ["west"], "gateways": {"addresses": ["127.0.0.1"]}},
            "FED219",
        ),
        attack(
            "fat fingers",
            "publish a short name",
            "federation_gateways",
            {"peers": [{"name": "west", "gateways": {"addresses": ["gateway.example"]}}]},
            "FED221",
        ),
    ],
)
def test_no_other_way_takes_such_an_address(
    api: ApiInMemory, collections: str, module: str, options: dict[str, Any], code: str
) -> None:
    access = {} if module == "mesh_card_info" else {**api.access, "mesh": "east"}
    outcome = call(collections, module, {**access, **options})
    assert outcome.code == code, outcome.printed
    assert not api.writes


@pytest.mark.parametrize(
    "point",
    [
        attack("a cluster", "gives out the loopback address", {"ip": "127.0.0.1"}),
        attack("a cluster", "gives out localhost", {"hostname": "localhost"}),
    ],
)
def test_a_load_balancer_that_nobody_else_can_reach_is_not_published(
    api: ApiInMemory, collections: str, point: dict[str, str]
) -> None:
    api.store.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "west-ingress", "namespace": "east-mesh-system"},
            "spec": {"type": "LoadBalancer"},
            "status": {"loadBalancer": {"ingress": [point]}},
        }
    )
    options = {**api.access, "mesh": "east", "peers": ["west"], "roots": root("east")}
    outcome = call(collections, "mesh_card", options)
    assert outcome.code == "FED219" and "Service east-mesh-system/west-ingress" in outcome.result["where"], (
        outcome.printed
    )
    taken = call(collections, "mesh_card", {**options, "loopback": True})
    assert taken.result["cards"][0]["ingress"]["addresses"] == list(point.values()), taken.printed
    assert any("FED324" in warning for warning in taken.warnings), "each run says that it takes such addresses"


def test_a_hostile_peer_that_names_our_own_api_server_is_refused_even_on_a_testbed(
    api: ApiInMemory, collections: str
) -> None:
    server = urlsplit(api.url)
    for port in ("discovery_port", "service_port"):
        options = {
            **api.access,
            "mesh": "east",
            "peers": ["west"],
            "loopback": True,
            "cards": [card("west", "127.0.0.1", **{port: server.port})],
        }
        outcome = call(collections, "federation", options)
        assert outcome.code == "FED221" and "API server" in outcome.result["msg"], outcome.printed
    assert not api.writes
