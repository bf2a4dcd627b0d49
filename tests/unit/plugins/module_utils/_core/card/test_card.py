# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The card: what it says, and that nothing else can be read from a hostile one."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import (
    LIFETIME,
    SIZE_LIMIT,
    Card,
    Export,
    Ingress,
    Port,
    card_from,
    file_name,
    read_card,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_certificates, read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.described import Gateways, client_id
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.draws import each
from ansible_collections.ossm.federation.tests.unit.pem import NOW, intermediate, leaf, private_key, root
from hypothesis import given
from hypothesis import strategies as st

PLACE = "Card east-for-west.json"
ROOTS = read_roots(root("east"), PLACE, NOW)
CARD = Card(
    mesh="east",
    audience="west",
    issued=NOW - timedelta(days=1),
    trust_domain="east.local",
    roots=ROOTS,
    ingress=Ingress(("192.0.2.7", "gw.east.example.com", "2001:db8::7")),
    client_id="east.local/ns/east-mesh-system/sa/west-egress-service-account",
    exports=(Export("cart.shop.svc.west-exports.local", (Port("http", 8080, "HTTP"), Port("", 9090, "TCP"))),),
)
DATA = CARD.to_data()
AGAIN = "Ask east to run publish_cards again and hand over the new file unchanged"


def refusal(text):
    with pytest.raises(FederationError) as raised:
        read_card(text, PLACE, NOW)
    return raised.value


def changed(path, value):
    """Return the card's data with ``value`` at a path such as ``roots.0.pem``; a function is given what
    stands there.
    """
    data = copy.deepcopy(DATA)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = data
    for step in way:
        place = place[step]
    place[last] = value(place[last]) if callable(value) else value
    return data


def without(path):
    data = copy.deepcopy(DATA)
    *way, last = path.split(".")
    place = data
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    del place[last]
    return data


def a_root(pem):
    (found,) = read_certificates(pem, PLACE, NOW - timedelta(days=3650))
    return {"fingerprint": found.fingerprint, "pem": pem}


# --- what a card says


def test_a_card_reads_as_it_was_written():
    assert read_card(CARD.to_text(), PLACE, NOW) == CARD
    assert read_card(CARD.to_text().encode(), PLACE, NOW) == CARD
    assert card_from(DATA, PLACE, NOW) == CARD


def test_a_card_says_what_it_is_documented_to_say():
    assert list(DATA) == [
        "version",
        "mesh",
        "audience",
        "issued",
        "trust_domain",
        "roots",
        "ingress",
        "client_id",
        "exports",
    ]
    assert DATA["version"] == 1
    assert DATA["issued"] == "2026-06-14T12:00:00Z"
    assert DATA["ingress"] == {
        "addresses": ["192.0.2.7", "gw.east.example.com", "2001:db8::7"],
        "discovery_port": 8188,
        "service_port": 15443,
    }
    assert DATA["exports"][0]["ports"][0] == {"name": "http", "number": 8080, "protocol": "HTTP"}


def test_a_card_has_its_mesh_and_audience_in_its_file_name():
    assert CARD.file_name == file_name("east", "west") == "east-for-west.json"


def test_an_address_may_be_unknown_yet():
    card = replace(CARD, ingress=None, exports=())
    assert read_card(card.to_text(), PLACE, NOW) == card


def test_a_time_of_another_zone_is_written_in_utc():
    card = replace(CARD, issued=datetime(2026, 6, 14, 14, tzinfo=timezone(timedelta(hours=2))))
    assert card.to_text() == CARD.to_text()


def test_roots_are_named_by_spoken_fingerprints_the_current_one_first():
    roots = read_roots(root("east") + root("next"), PLACE, NOW)
    assert replace(CARD, roots=roots).spoken == f"{roots[0].spoken}, {roots[1].spoken}"


def test_an_intermediate_may_stand_beside_its_root():
    data = changed("roots", lambda roots: [*roots, a_root(intermediate("east intermediate", "east"))])
    assert len(card_from(data, PLACE, NOW).roots) == 2


def test_the_longest_names_that_we_make_ourselves_can_be_read():
    mesh = parse_mesh(name="e" * 63, namespace="n", control_plane="basic", peers=["w" * 53])
    identity = client_id("d" * 63 + ".example", mesh.namespace, mesh.peers[0].gateways)
    card = replace(CARD, mesh=mesh.name, trust_domain="d" * 63 + ".example", client_id=identity)
    assert read_card(card.to_text(), PLACE, NOW) == card
    long_domain = ".".join(["d" * 62] * 4)
    identity = client_id(long_domain, "n" * 40, Gateways(ingress="i", egress="e" * 20))
    card = replace(CARD, trust_domain=long_domain, client_id=identity)
    assert read_card(card.to_text(), PLACE, NOW) == card


@pytest.mark.parametrize(
    "name",
    [
        "db.example.com.shop.svc.west-exports.local",
        "*.example.com.shop.svc.west-exports.local",
        "h" * 240 + ".example.n.svc.west-exports.local",
    ],
)
def test_a_service_entry_s_host_may_be_exported(name):
    assert card_from(changed("exports.0.name", name), PLACE, NOW).exports[0].name == name


# --- when a card is renewed


def test_a_card_keeps_its_time_while_its_facts_hold():
    later = replace(CARD, issued=CARD.issued + timedelta(days=89))
    assert later.renewed(CARD) == CARD
    assert later.renewed(CARD).to_text() == CARD.to_text()


def test_a_card_is_renewed_when_half_of_its_life_has_passed():
    later = replace(CARD, issued=CARD.issued + LIFETIME / 2)
    assert later.renewed(CARD).issued == later.issued


@pytest.mark.parametrize(
    "change",
    [
        {"trust_domain": "other.local"},
        {"ingress": None},
        {"exports": ()},
        {"client_id": "other"},
        {"roots": read_roots(root("next"), PLACE, NOW)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_card_is_renewed_when_a_fact_differs(change):
    later = replace(CARD, issued=CARD.issued + timedelta(hours=1), **change)
    assert later.renewed(CARD) == later


def test_a_first_card_keeps_its_own_time():
    assert CARD.renewed(None) == CARD


def test_a_card_is_old_after_180_days():
    assert not CARD.is_old(CARD.issued + timedelta(days=180))
    assert CARD.is_old(CARD.issued + timedelta(days=180, seconds=1))


# --- what is refused, with code, what and how to fix

REFUSED_TEXTS = {
    "not JSON": ("mesh: east\n", "FED201", "is not JSON as cards use it", "Ask for the file that publish_cards wrote"),
    "empty": ("", "FED201", "is not JSON", "Ask for the file that publish_cards wrote"),
    "cut off": (CARD.to_text()[:200], "FED201", "is not JSON", "Ask for the file that publish_cards wrote"),
    "two documents": (CARD.to_text() * 2, "FED201", "is not JSON", "Ask for the file that publish_cards wrote"),
    "not UTF-8": (b'{"mesh": "\xff"}', "FED201", "is not JSON", "Ask for the file that publish_cards wrote"),
    "a byte order mark": (
        b"\xef\xbb\xbf" + CARD.to_text().encode(),
        "FED201",
        "is not JSON",
        "Ask for the file that publish_cards wrote",
    ),
    "a field that stands twice": (
        CARD.to_text().replace('"mesh"', '"mesh": "north", "mesh"'),
        "FED201",
        "a field is given twice",
        "Ask for the file",
    ),
    "NaN": ('{"version": NaN}', "FED201", "NaN has no place on a card", "Ask for the file that publish_cards wrote"),
    "a fraction": (
        '{"version": 1.0}',
        "FED201",
        "1.0 has no place on a card",
        "Ask for the file that publish_cards wrote",
    ),
    "a number of a million digits": (
        '{"version": ' + "1" * 1_000_000 + "}",
        "FED201",
        "a number is too long",
        "Ask for the file",
    ),
    "oversize": (
        CARD.to_text() + " " * SIZE_LIMIT,
        "FED202",
        "is larger than 1 MiB, no card is",
        "Ask for the file that publish_cards wrote",
    ),
    "a list of many": (
        "[" + "0," * 400_000 + "0]",
        "FED203",
        "the card is not an object",
        "Ask the peer to run publish_cards again",
    ),
    "lists 10,000 deep": (
        "[" * 10_000 + "]" * 10_000,
        "FED202",
        "is nested too deep",
        "Ask for the file that publish_cards wrote",
    ),
    "objects 10,000 deep": (
        '{"mesh":' * 10_000 + "1" + "}" * 10_000,
        "FED202",
        "is nested too deep",
        "Ask for the file that publish_cards wrote",
    ),
    "objects 100 deep": (
        '{"mesh":' * 100 + "1" + "}" * 100,
        "FED202",
        "is nested too deep",
        "Ask for the file that publish_cards wrote",
    ),
    "lists 500,000 deep, never closed": (
        "[" * 500_000,
        "FED202",
        "is nested too deep",
        "Ask for the file that publish_cards wrote",
    ),
}


@pytest.mark.parametrize(("text", "code", "what", "fix"), REFUSED_TEXTS.values(), ids=REFUSED_TEXTS)
def test_a_text_that_is_no_card_is_refused(text, code, what, fix):
    started = time.process_time()
    error = refusal(text)
    assert (error.code, error.where) == (code, PLACE)
    assert what in error.what
    assert fix in error.fix
    assert len(error.what) < 200
    assert time.process_time() - started < 10


EAST_ROOT, OTHER_ROOT = root("east"), root("other")
REFUSED_DATA = {
    "an unknown field": ({**DATA, "token": "secret"}, "FED203", "the card has the unknown field token", AGAIN),
    "an unknown field of a root": (
        changed("roots.0", lambda r: {**r, "key": ""}),
        "FED203",
        "root 1 has the unknown field key",
        AGAIN,
    ),
    "an unknown field of ingress": (
        changed("ingress", lambda i: {**i, "api": "x"}),
        "FED203",
        "ingress has the unknown field api",
        AGAIN,
    ),
    "an unknown field of an export": (
        changed("exports.0", lambda e: {**e, "labels": {}}),
        "FED203",
        "exports[0] has the unknown field labels",
        AGAIN,
    ),
    "a missing field": (without("client_id"), "FED203", "the card lacks the field client_id", AGAIN),
    "a missing version": (without("version"), "FED203", "the card lacks the field version", AGAIN),
    "a missing port": (without("ingress.service_port"), "FED203", "ingress lacks the field service_port", AGAIN),
    "a list in place of the card": (
        [DATA],
        "FED203",
        "the card is not an object",
        "Ask the peer to run publish_cards again",
    ),
    "a newer version": (
        changed("version", 2),
        "FED211",
        "has version 2, this collection reads 1 to 1",
        "Update this collection",
    ),
    "an older version": (
        changed("version", 0),
        "FED211",
        "has version 0, this collection reads 1 to 1",
        "ask the peer to write the older version",
    ),
    "a version as text": (changed("version", "1"), "FED211", "has version 1, this", "Update this collection"),
    "a version that is true": (changed("version", True), "FED211", "has version True", "Update this collection"),
    "a mesh that is no label": (
        changed("mesh", "../east"),
        "FED203",
        "mesh is malformed: ../east",
        "Ask the peer to run publish_cards again",
    ),
    "a mesh without a name": (
        changed("mesh", ""),
        "FED203",
        "mesh is not a text of 1 to 253 characters",
        "Ask the peer",
    ),
    "an audience that is no label": (changed("audience", "West"), "FED203", "audience is malformed: West", AGAIN),
    "a time without a zone": (
        changed("issued", "2026-06-14T12:00:00"),
        "FED203",
        "issued is not a UTC time such as",
        AGAIN,
    ),
    "a day that does not exist": (
        changed("issued", "2026-02-30T12:00:00Z"),
        "FED203",
        "issued is not a UTC time such as",
        AGAIN,
    ),
    "a time as a number": (changed("issued", 1781438400), "FED203", "issued is not a UTC time such as", AGAIN),
    "a time in the future": (
        changed("issued", "2026-06-16T12:00:01Z"),
        "FED218",
        "was issued in the future (2026-06-16T12:00:01Z)",
        "Set the clocks of both sides",
    ),
    "a trust domain with capitals": (
        changed("trust_domain", "East.local"),
        "FED203",
        "trust_domain is malformed: East.local",
        AGAIN,
    ),
    "the trust domain of every mesh": (
        {**DATA, "trust_domain": "cluster.local", "client_id": "cluster.local/ns/a/sa/b"},
        "FED215",
        "east uses the trust domain cluster.local, the default of every mesh that sets none",
        "Ask east to set spec.security.trust.domain",
    ),
    "no roots": (changed("roots", []), "FED206", "has no root certificate", AGAIN),
    "roots as one text": (changed("roots", EAST_ROOT), "FED203", "roots is not a list of at most 16 entries", AGAIN),
    "a root as a text": (changed("roots", [EAST_ROOT]), "FED203", "root 1 is not an object", AGAIN),
    "seventeen roots": (
        changed("roots", DATA["roots"] * 17),
        "FED203",
        "roots is not a list of at most 16 entries",
        AGAIN,
    ),
    "one root twice": (changed("roots", DATA["roots"] * 2), "FED203", "names one root twice", AGAIN),
    "two roots in one": (
        changed("roots.0.pem", EAST_ROOT + OTHER_ROOT),
        "FED203",
        "root 1 has 2 certificates instead of one",
        AGAIN,
    ),
    "a huge root": (
        changed("roots.0.pem", "x" * 40_000),
        "FED203",
        "root 1: pem is not a text of at most 32 KiB",
        AGAIN,
    ),
    "a root without text": (
        changed("roots.0.pem", ""),
        "FED206",
        "has no certificate",
        "Give the mesh's root certificate as PEM",
    ),
    "a broken root": (
        changed("roots.0.pem", EAST_ROOT[:-60]),
        "FED205",
        "without its end",
        "Copy the whole file again",
    ),
    "roots joined without a newline": (
        changed("roots.0.pem", EAST_ROOT.rstrip() + OTHER_ROOT),
        "FED205",
        "joins two PEM blocks without a newline",
        "on a separate line",
    ),
    "a root with its key": (
        changed("roots.0.pem", EAST_ROOT + private_key()),
        "FED204",
        "contains a PRIVATE KEY block",
        "keep keys on their own cluster",
    ),
    "a leaf": (
        changed("roots", [a_root(root("x"))] + [{"fingerprint": "0" * 64, "pem": leaf()}]),
        "FED207",
        "of a workload",
        "istio-ca-root-cert",
    ),
    "an intermediate alone": (
        changed("roots", [a_root(intermediate())]),
        "FED207",
        "has no self-signed certificate, so no chain can end there",
        "intermediates only beside it",
    ),
    "an expired root": (
        changed("roots", [a_root(root("old", days=-3))]),
        "FED208",
        "expired on 2026-06-12",
        "Rotate the root on its own mesh",
    ),
    "a fingerprint that differs": (
        changed("roots.0.fingerprint", "AB" * 32),
        "FED209",
        f"root 1 has fingerprint {ROOTS[0].spoken}, its card names another",
        "The card was changed on its way",
    ),
    "a fingerprint of another root": (
        changed("roots.0.pem", OTHER_ROOT),
        "FED209",
        "its card names another",
        "The card was changed on its way",
    ),
    "ingress as a text": (changed("ingress", "192.0.2.7"), "FED203", "ingress is not an object", AGAIN),
    "no addresses": (changed("ingress.addresses", []), "FED203", "ingress.addresses is empty", AGAIN),
    "an address with a port": (
        changed("ingress.addresses.0", "192.0.2.7:8188"),
        "FED219",
        "ingress.addresses holds 192.0.2.7:8188, which is neither an IP address nor a DNS name",
        "Write addresses without scheme and port",
    ),
    "an address with a scheme": (
        changed("ingress.addresses.0", "https://east"),
        "FED219",
        "holds https://east",
        "without scheme and port",
    ),
    "an empty address": (
        changed("ingress.addresses.0", ""),
        "FED219",
        "ingress.addresses holds ",
        "without scheme and port",
    ),
    "an address that is a list": (
        changed("ingress.addresses.0", [[]]),
        "FED219",
        "holds [[]]",
        "without scheme and port",
    ),
    "port 0": (changed("ingress.discovery_port", 0), "FED203", "ingress.discovery_port is not a port number", AGAIN),
    "a port too high": (
        changed("ingress.service_port", 65536),
        "FED203",
        "ingress.service_port is not a port number",
        AGAIN,
    ),
    "a port as text": (
        changed("ingress.service_port", "15443"),
        "FED203",
        "ingress.service_port is not a port number",
        AGAIN,
    ),
    "a port that is true": (
        changed("ingress.service_port", True),
        "FED203",
        "ingress.service_port is not a port number",
        AGAIN,
    ),
    "a client identity with a scheme": (
        changed("client_id", "spiffe://" + DATA["client_id"]),
        "FED214",
        "is not <trust domain>/ns/<namespace>/sa/<service account>",
        "Write it without spiffe:// and without wildcards",
    ),
    "a client identity with a wildcard": (
        changed("client_id", "east.local/ns/*/sa/*"),
        "FED214",
        "client_id east.local/ns/*/sa/* is not",
        "wildcards",
    ),
    "a client identity of four parts": (
        changed("client_id", "east.local/ns/a/sa"),
        "FED214",
        "is not <trust domain>/ns/",
        "wildcards",
    ),
    "a client identity of a third mesh": (
        changed("client_id", "north.local/ns/a/sa/b"),
        "FED214",
        "client_id belongs to north.local, not to the card's trust domain east.local",
        AGAIN,
    ),
    "no client identity": (changed("client_id", ""), "FED203", "client_id is not a text", AGAIN),
    "an exported name that is none": (
        changed("exports.0.name", "cart.shop"),
        "FED203",
        "exports[0].name is malformed: cart.shop",
        AGAIN,
    ),
    "a local name as exported": (
        changed("exports.0.name", "cart.shop.svc.cluster.local"),
        "FED203",
        "exports[0].name is malformed",
        AGAIN,
    ),
    "a port number of an export": (
        changed("exports.0.ports.0.number", -1),
        "FED203",
        "exports[0].ports.number is not a port number",
        AGAIN,
    ),
    "a protocol that is none": (
        changed("exports.0.ports.0.protocol", "HTTP/2\n"),
        "FED203",
        "exports[0].ports.protocol is malformed: HTTP/2?",
        AGAIN,
    ),
    "exports as an object": (changed("exports", {}), "FED203", "exports is not a list", AGAIN),
}


@pytest.mark.parametrize(("data", "code", "what", "fix"), REFUSED_DATA.values(), ids=REFUSED_DATA)
def test_a_card_with_a_wrong_fact_is_refused(data, code, what, fix):
    error = refusal(json.dumps(data))
    assert error.code == code
    assert error.where.startswith(PLACE)
    assert what in str(error)
    assert fix in error.fix


@pytest.mark.parametrize(("data", "code", "what", "fix"), REFUSED_DATA.values(), ids=REFUSED_DATA)
def test_data_is_checked_as_a_file_is(data, code, what, fix):
    with pytest.raises(FederationError, match=code):
        card_from(data, PLACE, NOW)


def test_a_broken_root_is_named_by_its_number():
    error = refusal(json.dumps(changed("roots", lambda roots: [*roots, {"fingerprint": "", "pem": private_key()}])))
    assert error.where == f"{PLACE}, root 2"
    assert (
        str(error)
        == "FED204 Card east-for-west.json, root 2: contains a PRIVATE KEY block. Give certificates only and keep keys "
        "on their own cluster."
    )


def test_a_refusal_shows_nothing_that_moves_a_cursor():
    error = refusal(json.dumps(changed("mesh", "\x1b[2J\u202eeast\n")))
    assert error.what.isprintable() and error.what.isascii()


HUGE = 10**5000
NO_CARDS = [None, 1, "text", HUGE, {HUGE: 1}, {"version": HUGE}, {1: 2}, {None: None}, {"version": 1, "mesh": {}}]


@pytest.mark.parametrize("data", NO_CARDS, ids=range(9))
def test_data_that_is_no_card_at_all_is_refused(data):
    with pytest.raises(FederationError):
        card_from(data, PLACE, NOW)


def test_data_that_holds_itself_is_refused():
    data = {"version": 1}
    data["mesh"] = data
    with pytest.raises(FederationError, match="FED202"):
        card_from(data, PLACE, NOW)


# --- whatever the text, it is a card or a refusal

NAMES = ["east", "next", "other"]
LABELS = st.text("abz059", min_size=1, max_size=20).map(lambda name: f"a-{name}")
DOMAINS = st.lists(LABELS, min_size=2, max_size=3).map(".".join)
PORTS = st.integers(1, 65535)
ADDRESSES = st.one_of(st.ip_addresses().map(str), DOMAINS.map(lambda name: f"{name}.example"))
EXPORTS = st.builds(
    lambda name, namespace, ports: Export(f"{name}.{namespace}.svc.west-exports.local", tuple(ports)),
    LABELS,
    LABELS,
    st.lists(
        st.builds(
            Port,
            name=st.one_of(st.just(""), LABELS),
            number=PORTS,
            protocol=st.sampled_from(["HTTP", "TCP", "GRPC", "TLS"]),
        ),
        max_size=3,
    ),
)


@st.composite
def cards(draw):
    domain = draw(DOMAINS)
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    return Card(
        mesh=draw(LABELS),
        audience=draw(LABELS),
        issued=draw(st.datetimes(datetime(2000, 1, 1), datetime(2026, 6, 16), timezones=st.just(timezone.utc))).replace(
            microsecond=0
        ),
        trust_domain=domain,
        roots=read_roots("".join(root(name) for name in names), "roots", NOW),
        ingress=draw(
            st.none() | st.builds(Ingress, st.lists(ADDRESSES, min_size=1, max_size=3).map(tuple), PORTS, PORTS)
        ),
        client_id=f"{domain}/ns/{draw(LABELS)}/sa/{draw(LABELS)}",
        exports=tuple(draw(st.lists(EXPORTS, max_size=3))),
    )


@given(cards())
def test_every_card_round_trips_and_equal_facts_give_equal_bytes(card):
    read = read_card(card.to_text(), PLACE, NOW)
    assert read == card
    assert read.to_text() == card.to_text()
    shuffled = json.dumps(dict(sorted(card.to_data().items(), reverse=True)), ensure_ascii=False)
    assert read_card(shuffled, PLACE, NOW).to_text() == card.to_text()


@given(cards(), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_renewed_card_keeps_the_time_of_equal_facts_for_half_its_life(card, age):
    later = replace(card, issued=card.issued + age)
    kept = later.renewed(card)
    assert kept == (card if age < LIFETIME / 2 else later)
    assert later.renewed(replace(card, audience="somebody")) == later


def outcome(text) -> Card | None:
    """Return the card that a text gives, None for a refusal; fails for anything else, and for a card that does not
    round trip.
    """
    try:
        card = read_card(text, PLACE, NOW)
    except FederationError as error:
        assert error.code.startswith("FED2") and error.where and error.what and error.fix
        return None
    assert read_card(card.to_text(), PLACE, NOW) == card
    return card


def leaves(data, path="") -> Iterator[tuple[str, object]]:
    """Give the path and value of everything in the card, containers too."""
    parts = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in parts:
        yield f"{path}{key}", value
        if isinstance(value, (dict, list)):
            yield from leaves(value, f"{path}{key}.")


PATHS = dict(leaves(DATA))
TEXT_PATHS = [path for path, value in PATHS.items() if isinstance(value, str)]


@pytest.mark.filterwarnings("ignore")  # cryptography's own, about broken certificates
@pytest.mark.parametrize(("first", "mask"), [*enumerate([0x01, 0x20, 0x80])])
def test_a_card_with_any_byte_changed_is_refused_or_keeps_its_root(first, mask):
    text = CARD.to_text().encode()
    for at in each(3, range(len(text)), first):
        card = outcome(bytes([*text[:at], text[at] ^ mask, *text[at + 1 :]]))
        assert card is None or card.roots == CARD.roots


@pytest.mark.filterwarnings("ignore")
def test_a_card_that_lost_any_byte_is_refused_or_keeps_its_root():
    text = CARD.to_text().encode()
    for at in each(3, range(len(text))):
        card = outcome(text[:at] + text[at + 1 :])
        assert card is None or card.roots == CARD.roots


def test_a_field_added_anywhere_is_refused():
    for path, value in {**PATHS, "": DATA}.items():
        if isinstance(value, dict):
            data = changed(path, {**value, "x-extra": 1}) if path else {**DATA, "x-extra": 1}
            assert refusal(json.dumps(data)).code == "FED203"


def test_a_field_that_is_missing_anywhere_is_refused():
    for path in PATHS:
        if not path.split(".")[-1].isdigit():
            assert refusal(json.dumps(without(path))).code == "FED203"


OTHERS = [
    None,
    True,
    False,
    0,
    -1,
    1,
    70_000,
    "",
    "x",
    "*",
    "\x00",
    "\ud800",
    [],
    {},
    [[]],
    [{}],
    {"": None},
    ["x"] * 20_000,
    "9" * 300,
    "a" * 500,
]


@pytest.mark.parametrize("path", PATHS)
def test_a_value_of_another_type_is_refused_or_valid(path):
    for other in OTHERS:
        card = outcome(json.dumps(changed(path, other)))
        assert card is None or path in ("ingress", "exports", "exports.0.ports") or type(other) is type(PATHS[path])


JINJA = [
    "{{ lookup('pipe', 'id') }}",
    "{% for x in y %}{% endfor %}",
    "{# #}",
    "!unsafe x",
    "${HOME}",
    "$(id)",
    "%(a)s",
    "{0.__class__}",
]


@pytest.mark.parametrize("path", TEXT_PATHS)
def test_a_template_in_a_text_is_refused_or_leaves_no_trace(path):
    for template in JINJA:
        for text in (template, PATHS[path] + template, template + PATHS[path]):
            card = outcome(json.dumps(changed(path, text)))
            assert card in (None, CARD)


LOOK_ALIKES = str.maketrans(
    {
        "a": "\u0430",
        "e": "\u0435",
        "o": "\u043e",
        "s": "\u0455",
        ".": "\u3002",
        "-": "\u2010",
        "1": "\uff11",
        "2": "\u0662",
        "/": "\u2215",
    }
)


@pytest.mark.parametrize("path", TEXT_PATHS)
def test_a_look_alike_of_a_letter_is_refused_or_leaves_no_trace(path):
    value = PATHS[path]
    texts = {value.replace(sign, chr(other)) for sign, other in ((chr(k), ord(v)) for k, v in LOOK_ALIKES.items())} - {
        value
    }
    texts |= {value + end for end in ("\u200b", "\n", " ", "\x00", "\u202e", "\u0301")}
    for text in texts:
        assert outcome(json.dumps(changed(path, text))) in (None, CARD)
        assert outcome(json.dumps(changed(path, text), ensure_ascii=False).encode("utf-8", "surrogatepass")) in (
            None,
            CARD,
        )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(list(DATA)) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_refused_without_another_exception(data):
    assert outcome(json.dumps(data)) is None
    with pytest.raises(FederationError):
        card_from(data, PLACE, NOW)


@given(st.sampled_from(sorted(PATHS)), JSON)
def test_any_json_in_any_place_is_refused_or_valid(path, value):
    outcome(json.dumps(changed(path, value)))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(text):
    assert outcome(text) is None


@pytest.mark.parametrize(
    ("text", "is_told"), [("cards", True), ("/srv/cards/west.json", True), ('{"kind": ', False), ("x" * 300, False)]
)
def test_a_path_where_a_card_should_be_is_told_where_paths_go(text, is_told):
    with pytest.raises(FederationError) as refused:
        read_card(text, "federation_cards, card 1", NOW)
    assert refused.value.code == "FED201" and ("federation_cards_dir" in refused.value.fix) == is_told
