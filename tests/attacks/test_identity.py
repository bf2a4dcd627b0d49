# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who a peer is: nobody takes another's place or comes back as somebody else, and names lead to what is the peer's."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from attacks.api import ApiInMemory, serving
from attacks.attack import Outcome, attack
from attacks.conftest import CONTROL_PLANE
from integration.crashing import Runner
from unit.cluster_in_memory import ClusterInMemory
from unit.pem import root

SPACE = "east-mesh-system"
NOW = datetime.now(timezone.utc).replace(microsecond=0)
LINE = re.compile(r'federation_accept_changes: \["([a-z0-9-]+=[0-9A-F]{4}(?:-[0-9A-F]{4}){7})"\]')


def card(
    mesh: str,
    *,
    domain: str = "",
    roots: tuple[str, ...] = (),
    address: str = "192.0.2.1",
    age: timedelta = timedelta(days=1),
    **facts: Any,
) -> dict:
    """A card of ``mesh`` for east; its identity is <mesh>.local with a root of its own unless it says otherwise."""
    domain = domain or f"{mesh}.local"
    pems = roots or (root(mesh),)
    return {
        "version": 1,
        "mesh": mesh,
        "audience": "east",
        "issued": (NOW - age).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "trust_domain": domain,
        "roots": [{"fingerprint": fingerprint(pem), "pem": pem} for pem in pems],
        "ingress": {"addresses": [address], "discovery_port": 8188, "service_port": 15443},
        "client_id": f"{domain}/ns/{mesh}-mesh-system/sa/east-egress-service-account",
        "exports": [],
        **facts,
    }


def fingerprint(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()


def made_by_hand(
    name: str,
    *,
    domain: str | None = None,
    client_id: str | None = None,
    bundle: str | None = None,
    pem: str | None = None,
) -> list[dict]:
    """A ServiceMeshPeer and a bundle that somebody made by hand."""
    domain = f"{name}.local" if domain is None else domain
    client_id = f"{name}.local/ns/{name}-mesh-system/sa/east-egress-service-account" if client_id is None else client_id
    chain = {"kind": "ConfigMap", "name": bundle or f"{name}-ca-root-cert"}
    peer = {
        "apiVersion": "federation.maistra.io/v1",
        "kind": "ServiceMeshPeer",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {
            "remote": {"addresses": ["192.0.2.7"]},
            "security": {"trustDomain": domain, "clientID": client_id, "certificateChain": chain},
        },
    }
    return [peer, config_map(chain["name"], {"root-cert.pem": pem or root(name)})]


def config_map(name: str, data: dict[str, str], **metadata: Any) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": SPACE, **metadata},
        "data": data,
    }


Federate = Callable[..., Outcome]


@pytest.fixture(scope="module")
def runner(collections: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """What runs each module in a process of its own without starting Python anew for it."""
    running = Runner(collections, tmp_path_factory.mktemp("runner"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiInMemory]:
    with serving(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def api(server: ApiInMemory) -> ApiInMemory:
    """An API server with the control plane of east and nothing else; one for all tests, each with its own store."""
    server.store, server.hostile = ClusterInMemory(datetime.now(timezone.utc), CONTROL_PLANE), None
    server.asked.clear()
    return server


@pytest.fixture
def federate(api: ApiInMemory, runner: Runner) -> Federate:
    """Return what keeps east's side of its federation; ``cards`` are those at hand."""

    def run(*cards: Mapping[str, Any], check: bool = False, module: str = "federation", **options: Any) -> Outcome:
        given = {"cards": list(cards)} if module in ("federation", "preflight_info") else {}
        described = {**api.access, "mesh": "east", "peers": ["west"], **given, **options, "_ansible_check_mode": check}
        runner.start([(module, {name: value for name, value in described.items() if value is not None})])
        status = runner.wait()
        result = runner.results[-1] if runner.results else {}
        return Outcome(result, status, json.dumps(result)[:3000])

    return run


def put(api: ApiInMemory, *objects: dict) -> None:
    for live in objects:
        api.store.put(live)


def live(api: ApiInMemory, kind: str, name: str) -> dict:
    return copy.deepcopy(api.store._objects[(kind, SPACE, name)])


def take_away(api: ApiInMemory, kind: str, name: str) -> None:
    del api.store._objects[(kind, SPACE, name)]


def standing(api: ApiInMemory) -> dict:
    return copy.deepcopy(api.store._objects)


def line_of(outcome: Outcome) -> str:
    """Return the line to paste that a refusal gives."""
    found = LINE.search(outcome.result["msg"])
    assert found, outcome.result["msg"]
    return found[1]


# --- a peer takes the place of another


def is_gone_half(api: ApiInMemory) -> None:
    take_away(api, "ServiceMeshPeer", "north")


def is_being_deleted(api: ApiInMemory) -> None:
    peer = live(api, "ServiceMeshPeer", "north")
    peer["metadata"].update(deletionTimestamp="2026-11-28T12:00:00Z", finalizers=["example.com/slow"])
    api.store.put(peer)


def is_spelled_otherwise(api: ApiInMemory) -> None:
    peer = live(api, "ServiceMeshPeer", "north")
    peer["spec"]["security"]["trustDomain"] = "North.Local"
    api.store.put(peer)


OURS = {"federated": True}
BY_HAND: dict[str, Any] = {"federated": False}


@pytest.mark.parametrize(
    ("north", "options"),
    [
        attack(
            "hostile peer",
            "takes the trust domain of a peer whose card is not at hand",
            OURS,
            {"peers": ["north", "west"]},
        ),
        attack(
            "hostile peer",
            "takes that of a suspended peer",
            OURS,
            {"peers": [{"name": "north", "suspended": True}, "west"]},
        ),
        attack(
            "hostile peer",
            "takes that of a peer that failed in this run",
            OURS,
            {"peers": ["north", "west"], "hold": ["north"]},
        ),
        attack("hostile peer", "takes that of a leftover", OURS, {"peers": ["west"]}),
        attack(
            "hostile peer", "takes that of a leftover that would be pruned", OURS, {"peers": ["west"], "prune": True}
        ),
        attack("hostile peer", "takes that of a peer that is being deleted", {**OURS, "then": is_being_deleted}, {}),
        attack(
            "hostile peer", "takes that of a peer of which only the bundle is left", {**OURS, "then": is_gone_half}, {}
        ),
        attack(
            "hostile peer", "takes that of a peer that somebody respelled", {**OURS, "then": is_spelled_otherwise}, {}
        ),
        attack(
            "hostile peer", "takes that of a hand-made peer that is described", BY_HAND, {"peers": ["north", "west"]}
        ),
        attack("hostile peer", "takes that of a hand-made peer that nobody describes", BY_HAND, {}),
        attack("hostile peer", "takes that of a hand-made peer without trust domain", {**BY_HAND, "domain": ""}, {}),
        attack(
            "hostile peer",
            "takes that of a hand-made peer with spiffe://",
            {**BY_HAND, "client_id": "spiffe://north.local/ns/n/sa/e", "domain": ""},
            {},
        ),
        attack("hostile peer", "takes it, and its change was accepted", OURS, {"accept": True}),
    ],
)
def test_nobody_takes_the_trust_domain_of_a_peer_that_stands(
    api: ApiInMemory, federate: Federate, north: dict, options: dict
) -> None:
    north, options = dict(north), dict(options)
    then = north.pop("then", lambda _api: None)
    if north.pop("federated"):
        assert federate(card("north"), peers=["north"]).code is None
    else:
        put(api, *made_by_hand("north", **north))
    then(api)
    before = standing(api)
    forged = card("west", domain="north.local")
    if options.pop("accept", False):
        federate(card("west"), peers=["west", "north"])
        before = standing(api)
        options["accept_changes"] = [f"west={'0' * 32}"]
    for check in (True, False):
        refused = federate(forged, check=check, **options)
        assert refused.code == "FED216", refused.printed
        assert "north" in refused.result["msg"] and standing(api) == before
    looked = federate(
        forged, module="preflight_info", **{key: value for key, value in options.items() if key != "prune"}
    )
    assert "FED216" in [row["code"] for row in looked.result["findings"]], looked.printed


@pytest.mark.parametrize("module", ["mesh_peer"])
def test_the_thin_door_compares_as_well(api: ApiInMemory, federate: Federate, module: str) -> None:
    federate(card("north"), peers=["north"])
    before = standing(api)
    refused = federate(module=module, peers=None, peer="west", card=card("west", domain="north.local"))
    assert refused.code == "FED216" and standing(api) == before, refused.printed


@pytest.mark.parametrize(
    ("trust", "code"),
    [
        attack("hostile peer", "calls itself as we do", {"domain": "west.local"}, "FED215"),
        attack(
            "hostile peer",
            "calls itself by an alias of ours",
            {"domain": "east.local", "additionalDomains": ["west.local"]},
            "FED408",
        ),
        attack(
            "hostile peer",
            "calls itself by an alias of ours in other letters",
            {"domain": "east.local", "additionalDomains": ["West.Local"]},
            "FED408",
        ),
    ],
)
def test_nobody_takes_our_own_place(api: ApiInMemory, federate: Federate, trust: dict, code: str) -> None:
    control_plane = live(api, "ServiceMeshControlPlane", "basic")
    control_plane["spec"]["security"]["trust"] = trust
    api.store.put(control_plane)
    refused = federate(card("west"))
    assert refused.code == code and not api.writes, refused.printed


@pytest.mark.parametrize(
    "applied", [{"domain": "west.local"}, {"domain": "east.local", "additionalDomains": ["west.local"]}]
)
def test_nobody_takes_the_place_that_our_proxies_still_have(
    api: ApiInMemory, federate: Federate, applied: dict
) -> None:
    control_plane = live(api, "ServiceMeshControlPlane", "basic")
    control_plane["status"] = {"appliedSpec": {"security": {"trust": applied}}}
    api.store.put(control_plane)
    refused = federate(card("west"))
    assert refused.code in ("FED215", "FED408") and not api.writes, refused.printed


def test_a_root_that_others_have_as_well_is_told_and_taken(api: ApiInMemory, federate: Federate) -> None:
    """A company with one CA: the trust domains still tell the meshes apart, and the administrator is told."""
    put(api, config_map("istio-ca-root-cert", {"root-cert.pem": root("company")}))
    federate(card("north", roots=(root("company"),)), peers=["north"])
    taken = federate(
        card("west", roots=(root("company"),)), card("north", roots=(root("company"),)), peers=["west", "north"]
    )
    assert taken.code is None, taken.printed
    told = [text for text in taken.warnings if "FED225" in text]
    assert len(told) == 1 and "north" in told[0] and "east" in told[0], taken.warnings
    again = federate(
        card("west", roots=(root("company"),)), card("north", roots=(root("company"),)), peers=["west", "north"]
    )
    assert not again.result["changed"] and not [text for text in again.warnings if "FED225" in text], again.warnings


# --- a known peer comes back as somebody else


def without(*gone: tuple[str, str]) -> Callable[[ApiInMemory], None]:
    def then(api: ApiInMemory) -> None:
        for kind, name in gone:
            take_away(api, kind, name)

    return then


def with_data(data: dict | None) -> Callable[[ApiInMemory], None]:
    def then(api: ApiInMemory) -> None:
        bundle = live(api, "ConfigMap", "west-ca-root-cert")
        bundle.pop("data")
        api.store.put({**bundle, **({} if data is None else {"data": data})})

    return then


def with_security(**security: Any) -> Callable[[ApiInMemory], None]:
    def then(api: ApiInMemory) -> None:
        peer = live(api, "ServiceMeshPeer", "west")
        peer["spec"]["security"] = {
            key: value for key, value in {**peer["spec"]["security"], **security}.items() if value is not None
        }
        api.store.put(peer)

    return then


BUNDLE, PEER = ("ConfigMap", "west-ca-root-cert"), ("ServiceMeshPeer", "west")
EXPORTS, IMPORTS = ("ExportedServiceSet", "west"), ("ImportedServiceSet", "west")


@pytest.mark.parametrize(
    "then",
    [
        attack("card on its way", "the bundle was deleted", without(BUNDLE)),
        attack("card on its way", "the bundle is empty", with_data({})),
        attack("card on its way", "the bundle has no data at all", with_data(None)),
        attack("card on its way", "the bundle's key holds nothing", with_data({"root-cert.pem": ""})),
        attack("card on its way", "the bundle's key holds no certificate", with_data({"root-cert.pem": "# later"})),
        attack("card on its way", "the bundle has another key", with_data({"ca.crt": "x"})),
        attack("card on its way", "the peer was deleted", without(PEER)),
        attack("card on its way", "the peer and the bundle were deleted", without(PEER, BUNDLE)),
        attack("card on its way", "only the exports are left", without(PEER, BUNDLE, IMPORTS)),
        attack("card on its way", "only the imports are left", without(PEER, BUNDLE, EXPORTS)),
        attack("card on its way", "only the bundle is left", without(PEER, IMPORTS, EXPORTS)),
        attack("card on its way", "the peer's trust domain was taken out", with_security(trustDomain=None)),
        attack("card on its way", "the peer's client identity was taken out", with_security(clientID=None)),
        attack(
            "card on its way",
            "the peer's security was emptied",
            with_security(trustDomain=None, clientID=None, certificateChain=None),
        ),
    ],
)
def test_a_known_peer_stays_known_whatever_is_missing_of_it(
    api: ApiInMemory, federate: Federate, then: Callable
) -> None:
    federate(card("west"))
    then(api)
    before = standing(api)
    for domain in ("west.local", "west.example"):
        refused = federate(card("west", roots=(root("mallory"),), domain=domain))
        assert refused.code == "FED217" and standing(api) == before, refused.printed
    # The card that was in use needs no acceptance: its digest still stands somewhere, or everything of it does.
    again = federate(card("west"))
    if again.code is not None:
        assert again.code == "FED217"
        again = federate(card("west"), accept_changes=[line_of(again)])
    assert again.code is None, again.printed
    assert not federate(card("west")).result["changed"]


@pytest.mark.parametrize(
    "then",
    [without(PEER), without(BUNDLE), without(PEER, IMPORTS, EXPORTS), with_data({}), with_security(clientID=None)],
)
def test_what_went_missing_comes_back_with_the_same_card_and_no_word(
    api: ApiInMemory, federate: Federate, then: Callable
) -> None:
    federate(card("west"))
    then(api)
    fixed = federate(card("west"))
    assert fixed.code is None and fixed.result["changed"], fixed.printed


GATEWAYS = {
    "additionalIngress": {"west-ingress": {"enabled": True}},
    "additionalEgress": {"west-egress": {"enabled": True}},
}


def gateways(api: ApiInMemory, federate: Federate, state: str = "present", **options: Any) -> Outcome:
    """Keep east's gateways for its peers, as the playbooks do before any card is read."""
    return federate(module="federation_gateways", state=state, **options)


@pytest.mark.parametrize("by_hand", [False, True], ids=["made by us", "made by hand and taken over"])
def test_a_peer_of_whom_gateways_alone_are_left_is_known(api: ApiInMemory, federate: Federate, by_hand: bool) -> None:
    west: dict[str, Any] = {"name": "west", "gateways": {"service_type": "ClusterIP", "addresses": ["192.0.2.3"]}}
    if by_hand:
        control_plane = live(api, "ServiceMeshControlPlane", "basic")
        control_plane["spec"]["gateways"] = copy.deepcopy(GATEWAYS)
        api.store.put(control_plane)
    else:
        assert gateways(api, federate, peers=[west]).code is None
    # Gateways stand before the first card is there, and nobody is known by them.
    first = federate(card("west"), peers=[west])
    assert first.code is None, first.printed
    assert federate(card("west"), peers=[west]).result["changed"] is False
    without(PEER, BUNDLE, EXPORTS, IMPORTS)(api)
    before = standing(api)
    for module in ("federation", "mesh_peer"):
        forged = card("west", roots=(root("mallory"),))
        own = {"peers": [west]} if module == "federation" else {"peers": None, "peer": west, "card": forged}
        refused = federate(forged, module=module, **own)
        assert refused.code == "FED217" and standing(api) == before, refused.printed
    taken = federate(card("north", domain="west.local"), peers=["north"])
    assert taken.code == "FED216" and standing(api) == before, taken.printed
    accepted = federate(forged, peers=[west], accept_changes=[line_of(refused)])
    assert accepted.code is None, accepted.printed
    assert federate(forged, peers=[west]).result["changed"] is False


def test_who_was_left_in_good_order_is_not_known_any_more(api: ApiInMemory, federate: Federate) -> None:
    gateways(api, federate)
    federate(card("west"))
    without(PEER, BUNDLE, EXPORTS, IMPORTS)(api)
    listed = federate(card("north"), peers=["north"])
    assert any("FED509 west" in text for text in listed.warnings), listed.printed
    assert gateways(api, federate, state="absent").code is None
    assert "known-west" not in json.dumps(live(api, "ServiceMeshControlPlane", "basic")["metadata"].get("annotations"))
    assert federate(card("west", roots=(root("next"),))).code is None


def test_a_control_plane_that_is_kept_elsewhere_is_not_written(api: ApiInMemory, federate: Federate) -> None:
    gateways(api, federate)
    before = live(api, "ServiceMeshControlPlane", "basic")
    assert federate(card("west"), managed_gateways=False).code is None
    assert live(api, "ServiceMeshControlPlane", "basic") == before


def test_what_a_former_version_left_without_memory_needs_a_word(api: ApiInMemory, federate: Federate) -> None:
    """Half of an estate of old, with our label and without a digest: nothing says who its peer was."""
    bundle = config_map(
        "west-ca-root-cert",
        {"root-cert.pem": root("west")},
        labels={"ossm.federation/mesh": "east", "ossm.federation/peer": "west"},
    )
    put(api, bundle)
    refused = federate(card("west"))
    assert refused.code == "FED217" and not api.writes, refused.printed
    assert federate(card("west"), accept_changes=[line_of(refused)]).code is None


# --- what is accepted


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [
        attack("administrator", "pastes the line", lambda line: line, True),
        attack("administrator", "types small letters", str.lower, True),
        attack("administrator", "types colons", lambda line: line.replace("-", ":"), True),
        attack("administrator", "types spaces", lambda line: line.replace("-", " "), True),
        attack(
            "administrator",
            "types dots and no separators",
            lambda line: line.replace("-", ".", 3).replace("-", ""),
            True,
        ),
        attack("administrator", "pastes it with quotes and brackets", lambda line: f"['{line}']", True),
        attack("inventory of old", "names the peer alone", lambda line: line.partition("=")[0], False),
        attack("hostile peer", "has 32 bits right", lambda line: line[: len("west=3F9A-0000")], False),
        attack("hostile peer", "has all but the last digit right", lambda line: line[:-1], False),
        attack(
            "hostile peer",
            "has the last digit wrong",
            lambda line: line[:-1] + ("0" if line[-1] != "0" else "1"),
            False,
        ),
        attack("inventory of old", "names somebody else", lambda line: line.replace("west", "north"), False),
        attack("inventory of old", "says nothing after the sign", lambda line: "west=", False),
        attack("inventory of old", "says an asterisk", lambda line: "west=*", False),
        attack("inventory of old", "says all", lambda line: "all", False),
    ],
)
def test_only_the_digits_of_this_very_card_accept_it(
    api: ApiInMemory, federate: Federate, given: Callable, is_taken: bool
) -> None:
    federate(card("west"))
    before = standing(api)
    changed = card("west", roots=(root("west"), root("next")))
    line = line_of(federate(changed))
    outcome = federate(changed, accept_changes=[given(line)])
    if is_taken:
        assert outcome.code is None and outcome.result["changed"], outcome.printed
    else:
        assert outcome.code == "FED217" and standing(api) == before and line_of(outcome) == line, outcome.printed


def test_a_line_that_stays_in_the_inventory_accepts_nothing_else(api: ApiInMemory, federate: Federate) -> None:
    federate(card("west"))
    rotated = card("west", roots=(root("next"),), age=timedelta(hours=5))
    kept = [line_of(federate(rotated))]
    assert federate(rotated, accept_changes=kept).code is None
    assert federate(rotated, accept_changes=kept).result["changed"] is False
    before = standing(api)
    for forged in (
        card("west", roots=(root("mallory"),), age=timedelta(hours=4)),
        card("west", age=timedelta(hours=3)),
    ):
        refused = federate(forged, accept_changes=kept)
        assert refused.code == "FED217" and standing(api) == before, refused.printed


def test_a_bare_name_accepts_nothing_and_is_refused_also_where_nothing_changes(
    api: ApiInMemory, federate: Federate
) -> None:
    federate(card("west"))
    for given in ("west", "west=", "west=3F9A", "all", "*"):
        refused = federate(card("west"), accept_changes=[given])
        assert refused.code == "FED227", refused.printed
    assert federate(card("west"), accept_changes=[""]).code is None


def test_the_digits_differ_with_each_part_of_an_identity(api: ApiInMemory, federate: Federate) -> None:
    federate(card("west"))
    changes = [
        card("west", roots=(root("a"),)),
        card("west", roots=(root("b"),)),
        card("west", roots=(root("a"), root("b"))),
        card("west", domain="west.example"),
        card("west", client_id="west.local/ns/other/sa/east-egress-service-account"),
    ]
    lines = [line_of(federate(changed)) for changed in changes]
    assert len(set(lines)) == len(changes)
    swapped = card("west", roots=(root("b"), root("a")))
    assert line_of(federate(swapped)) == lines[2], "the order of roots is none of their identity"


# --- an older card


OLDER, NEWER = timedelta(days=20), timedelta(days=2)


@pytest.mark.parametrize(
    "facts",
    [
        attack("card on its way", "an older card moves the address back", {"address": "192.0.2.99"}),
        attack(
            "card on its way",
            "an older card has other ports",
            {"ingress": {"addresses": ["192.0.2.1"], "discovery_port": 8189, "service_port": 15443}},
        ),
        attack(
            "card on its way",
            "an older card offers something else",
            {"exports": [{"name": "a.b.svc.east-exports.local", "ports": []}]},
        ),
    ],
)
def test_an_older_card_is_refused_until_that_very_card_is_accepted(
    api: ApiInMemory, federate: Federate, facts: dict
) -> None:
    federate(card("west", age=NEWER))
    before = standing(api)
    old = card("west", age=OLDER, **facts)
    for check in (True, False):
        refused = federate(old, check=check)
        assert refused.code == "FED223" and standing(api) == before, refused.printed
    line = line_of(refused)
    another = card("west", age=OLDER + timedelta(days=1), **facts)
    assert federate(another, accept_changes=[line]).code == "FED223", "the line is that of one card, and not of another"
    assert federate(old, accept_changes=[line]).code is None
    assert not federate(old).result["changed"], "it is the card in use now"


def test_an_older_card_that_says_the_same_is_taken_and_changes_nothing(api: ApiInMemory, federate: Federate) -> None:
    federate(card("west", age=NEWER))
    again = federate(card("west", age=OLDER))
    assert again.code is None and not again.result["changed"], again.printed
    assert federate(card("west", age=OLDER, address="192.0.2.9")).code == "FED223", (
        "what is remembered is the newer one still"
    )


def test_an_older_card_with_another_root_is_not_accepted_by_the_digits_of_its_identity(
    api: ApiInMemory, federate: Federate
) -> None:
    federate(card("west", age=NEWER, roots=(root("old"),)))
    line = line_of(federate(card("west", age=timedelta(days=1), roots=(root("next"),))))
    federate(card("west", age=timedelta(days=1), roots=(root("next"),)), accept_changes=[line])
    replayed = card("west", age=NEWER, roots=(root("old"),))
    refused = federate(replayed)
    assert refused.code in ("FED217", "FED223"), refused.printed
    assert federate(replayed, accept_changes=[line_of(refused)]).code is None


@pytest.mark.parametrize(
    ("ahead", "is_refused"), [(timedelta(minutes=9), False), (timedelta(minutes=12), True), (timedelta(hours=23), True)]
)
def test_a_card_from_the_future_is_refused_and_nothing_accepts_it(
    api: ApiInMemory, federate: Federate, ahead: timedelta, is_refused: bool
) -> None:
    moment = datetime.now(timezone.utc) + ahead
    early = card("west", issued=moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    outcome = federate(early, accept_changes=[f"west={'A' * 32}"])
    assert outcome.code == ("FED218" if is_refused else None), outcome.printed
    assert bool(api.writes) is not is_refused


# --- a name that leads elsewhere


@pytest.mark.parametrize(
    "peer",
    [
        attack("hostile peer", "calls itself istio", "istio"),
        attack("fat fingers", "calls a peer istio here", {"name": "west", "local_name": "istio"}),
        attack("fat fingers", "takes istio over", {"name": "istio", "adopt": True}),
        attack("hostile peer", "calls itself all", "all"),
        attack("fat fingers", "calls a peer all here", {"name": "west", "local_name": "all"}),
        attack("hostile peer", "calls itself none", "none"),
        attack("fat fingers", "calls a peer as its own mesh", {"name": "west", "local_name": "east"}),
    ],
)
def test_a_name_that_means_something_else_is_refused(api: ApiInMemory, federate: Federate, peer: Any) -> None:
    put(api, config_map("istio-ca-root-cert", {"root-cert.pem": root("east")}))
    cards = [card(peer if isinstance(peer, str) else peer["name"])]
    calls = (
        ("federation", {"cards": cards}),
        ("federation", {"state": "absent"}),
        ("mesh_card", {"keep_gateways": True}),
    )
    for module, options in (*calls, ("federation_gateways", {"state": "absent"})):
        refused = federate(module=module, peers=[peer], **options)
        assert refused.code in ("FED303", "FED305") and not api.writes, refused.printed


def with_own_roots_in(api: ApiInMemory, name: str) -> None:
    control_plane = live(api, "ServiceMeshControlPlane", "basic")
    authority = {"type": "cert-manager", "cert-manager": {"rootCAConfigMapName": name}}
    control_plane["spec"]["security"]["certificateAuthority"] = authority
    api.store.put(control_plane)
    put(api, config_map(name, {"root-cert.pem": root("east")}))


def test_a_name_that_leads_to_the_root_of_cert_manager_is_refused(api: ApiInMemory, federate: Federate) -> None:
    with_own_roots_in(api, "west-ca-root-cert")
    for adopt in (False, True):
        refused = federate(card("west"), peers=[{"name": "west", "adopt": adopt}])
        assert refused.code == "FED226" and not api.writes, refused.printed
    looked = federate(card("west"), module="preflight_info")
    assert "FED226" in [row["code"] for row in looked.result["findings"]], looked.printed


def test_a_bundle_that_another_peer_reads_is_not_written(api: ApiInMemory, federate: Federate) -> None:
    put(api, made_by_hand("north", bundle="west-ca-root-cert")[0])
    before = standing(api)
    refused = federate(card("west"))
    assert refused.code == "FED226" and standing(api) == before, refused.printed


def test_a_card_is_not_taken_for_another_peer_by_its_name_here(api: ApiInMemory, federate: Federate) -> None:
    """West under the name that north has here: it would inherit north's gateways, rules and place."""
    federate(card("north"), peers=["north"])
    before = standing(api)
    refused = federate(card("west"), peers=[{"name": "west", "local_name": "north"}])
    assert refused.code == "FED217" and standing(api) == before, refused.printed


@pytest.mark.parametrize(
    "labels",
    [{}, {"ossm.federation/mesh": "east", "ossm.federation/peer": "istio"}],
    ids=["untouched", "written by a former version"],
)
@pytest.mark.parametrize("how", ["prune", "thin door"])
def test_our_own_root_is_never_deleted(api: ApiInMemory, federate: Federate, labels: dict, how: str) -> None:
    peer, own = made_by_hand("istio", pem=root("west"))
    peer["metadata"]["labels"] = labels
    own["metadata"]["labels"] = labels
    put(api, peer, own)
    if how == "prune":
        federate(card("west"), prune=True)
    else:
        federate(module="mesh_peer", peers=None, peer="istio", state="absent")
    assert ("ConfigMap", SPACE, "istio-ca-root-cert") in standing(api)
    assert ("apply", "ConfigMap", "istio-ca-root-cert") not in api.writes


@pytest.mark.parametrize(
    ("bundle", "data"),
    [
        attack(
            "hand-made peer", "its bundle is the mesh's own root", "istio-ca-root-cert", {"root-cert.pem": root("west")}
        ),
        attack(
            "hand-made peer",
            "its bundle is the mesh's configuration",
            "istio-basic",
            {"mesh": "trustDomain: east.local"},
        ),
        attack(
            "hand-made peer",
            "its bundle holds other things",
            "team-settings",
            {"root-cert.pem": root("west"), "colour": "blue"},
        ),
        attack("hand-made peer", "its bundle is the cluster's", "kube-root-ca.crt", {"ca.crt": root("west")}),
    ],
)
def test_a_peer_that_is_taken_over_brings_no_config_map_that_is_not_its_own(
    api: ApiInMemory, federate: Federate, bundle: str, data: dict
) -> None:
    put(api, made_by_hand("west", bundle=bundle)[0], config_map(bundle, data))
    wanted: dict[str, Any] = {"peers": [{"name": "west", "adopt": True}]}
    first = federate(card("west"), **wanted)
    if first.code == "FED217":
        first = federate(card("west"), **wanted, accept_changes=[line_of(first)])
    assert first.code is None, first.printed
    assert live(api, "ConfigMap", bundle)["data"] == data
    assert federate(**wanted, state="absent").code is None
    assert live(api, "ConfigMap", bundle)["data"] == data
    assert [name for verb, kind, name in api.writes if kind == "ConfigMap" and name == bundle] == []


def with_gateway(api: ApiInMemory, part: str, name: str, **settings: Any) -> None:
    control_plane = live(api, "ServiceMeshControlPlane", "basic")
    gateway = {"enabled": True, "service": {"ports": [{"name": "http", "port": 8080}]}, **settings}
    control_plane["spec"].setdefault("gateways", {}).setdefault(part, {})[name] = gateway
    api.store.put(control_plane)


@pytest.mark.parametrize(
    "gateways",
    [
        attack("fat fingers", "the ingress is istiod", {"ingress": "istiod-basic"}),
        attack("fat fingers", "the egress is istiod", {"egress": "istiod-basic"}),
        attack("fat fingers", "the ingress is kiali", {"ingress": "kiali"}),
        attack("fat fingers", "the egress is prometheus", {"egress": "prometheus"}),
        attack("fat fingers", "the ingress is grafana", {"ingress": "grafana"}),
        attack("fat fingers", "the egress is jaeger-query", {"egress": "jaeger-query"}),
        attack("fat fingers", "the ingress is a team's gateway", {"ingress": "team-ingress"}),
        attack("fat fingers", "the egress is a team's ingress", {"egress": "team-ingress"}),
        attack("fat fingers", "the ingress is another peer's", {"ingress": "north-ingress"}),
        attack("fat fingers", "the ingress is another peer's egress", {"ingress": "north-egress"}),
        attack("fat fingers", "the ingress is a Service of somebody", {"ingress": "billing"}),
        attack("fat fingers", "the egress is a Service of somebody", {"egress": "billing"}),
    ],
)
def test_a_gateway_that_is_something_else_is_refused(api: ApiInMemory, federate: Federate, gateways: dict) -> None:
    put(api, config_map("istio-ca-root-cert", {"root-cert.pem": root("east")}))
    put(
        api,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "billing", "namespace": SPACE},
            "spec": {"ports": [{"port": 80}]},
        },
    )
    with_gateway(api, "additionalIngress", "team-ingress")
    with_gateway(
        api,
        "additionalIngress",
        "north-ingress",
        service={"metadata": {"labels": {"federation.maistra.io/ingress-for": "north"}}},
    )
    with_gateway(api, "additionalEgress", "north-egress", requestedNetworkView=["network-north"])
    for module, keep in (("federation_gateways", {}), ("mesh_card", {"keep_gateways": True})):
        refused = federate(module=module, peers=[{"name": "west", "gateways": gateways}], **keep)
        assert refused.code in ("FED307", "FED228") and not api.writes, refused.printed


# --- two descriptions of one control plane


def described_by(api: ApiInMemory, federate: Federate, **who: Any) -> Outcome:
    return federate({**card("west"), "audience": who.get("mesh", "east")}, **who)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        attack("another administrator", "calls the mesh otherwise", {}, {"mesh": "orient", "namespace": SPACE}),
        attack("another administrator", "has an owner where there is none", {}, {"owner": "team-b"}),
        attack("another administrator", "has another owner", {"owner": "team-a"}, {"owner": "team-b"}),
        attack("another administrator", "has no owner", {"owner": "team-a"}, {}),
        attack(
            "another administrator",
            "describes other peers",
            {"owner": "team-a"},
            {"owner": "team-b", "peers": ["north"], "prune": True},
        ),
    ],
)
def test_two_descriptions_of_one_control_plane_are_refused(
    api: ApiInMemory, federate: Federate, first: dict, second: dict
) -> None:
    assert described_by(api, federate, **first).code is None
    before = standing(api)
    told = []
    doors = (
        ("federation", {}),
        ("mesh_card", {"keep_gateways": True}),
        ("federation", {"state": "absent", "stage": "check"}),
        ("federation", {"state": "absent", "stage": "imports"}),
        ("federation", {"state": "absent", "stage": "suspend"}),
        ("federation_gateways", {}),
        ("federation_gateways", {"state": "absent"}),
        (
            "mesh_peer",
            {"peers": None, "peer": "west", "card": {**card("west"), "audience": second.get("mesh", "east")}},
        ),
        ("mesh_peer", {"peers": None, "peer": "west", "state": "absent"}),
        ("exported_services", {"peers": None, "peer": "west", "rules": [{"namespace": "shop"}]}),
        ("imported_services", {"peers": None, "peer": "west", "state": "absent"}),
    )
    for module, more in doors if "mesh" in second else doors[:3]:
        put(api, config_map("istio-ca-root-cert", {"root-cert.pem": root("east")}))
        before = standing(api)
        options = {key: value for key, value in {**second, **more}.items() if key != "prune" or module == "federation"}
        if module == "federation" and "state" not in more:
            options["cards"] = [{**card("west"), "audience": second.get("mesh", "east")}]
        refused = federate(module=module, **options)
        assert refused.code == "FED112" and standing(api) == before, (module, more, refused.printed)
        told.append(refused)
    text = told[0].result["msg"]
    assert (
        str(second.get("owner") or second.get("mesh") or "no federation_owner") in text
        and str(first.get("owner") or "east") in text
    ), text
    looked = described_by(
        api, federate, module="preflight_info", **{key: value for key, value in second.items() if key != "prune"}
    )
    assert "FED112" in [row["code"] for row in looked.result["findings"]], looked.printed


def test_a_mesh_that_is_renamed_on_purpose_takes_its_peerings_along(api: ApiInMemory, federate: Federate) -> None:
    federate(card("west"))
    renamed = {"mesh": "orient", "namespace": SPACE}
    said = {**card("west"), "audience": "orient"}
    refused = federate(said, **renamed)
    assert refused.code == "FED112", refused.printed
    line = line_of(refused)
    assert line.startswith("orient=")
    assert federate(said, **renamed, accept_changes=[f"orient={'0' * 32}"]).code == "FED112"
    put(api, config_map("istio-ca-root-cert", {"root-cert.pem": root("east")}))
    assert federate(module="mesh_card", keep_gateways=True, **renamed, accept_changes=[line]).code is None
    taken = federate(said, **renamed, accept_changes=[line])
    assert taken.code is None, taken.printed
    assert live(api, "ServiceMeshPeer", "west")["metadata"]["labels"]["ossm.federation/mesh"] == "orient"
    assert federate(said, **renamed).code is None, "the new name stands now"
    assert federate(card("west")).code == "FED112", "and the former is another's"
