# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Cards made to harm: whatever a text or data holds, it is refused with a code, in bounded work, or it is a card wholly
in order.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import ssl
import sys
import time
import tracemalloc
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card import card as cards
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import (
    DEPTH_LIMIT,
    SIZE_LIMIT,
    Card,
    Export,
    Ingress,
    Port,
    as_readers_take_it,
    card_from,
    read_card,
    refuse_oversize,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.described import Mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.carrying import cards_in, receive
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._reads.peerings import card_file
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import copied
from ansible_collections.ossm.federation.tests.unit.draws import each
from ansible_collections.ossm.federation.tests.unit.pem import NOW, key_of, root
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

PLACE = "Card east-for-west.json"
CARD = Card(
    mesh="east",
    audience="west",
    issued=NOW - timedelta(days=1),
    trust_domain="east.local",
    roots=read_roots(root("east"), PLACE, NOW),
    ingress=Ingress(("192.0.2.7", "gw.east.example.com")),
    client_id="east.local/ns/east-mesh-system/sa/west-egress-service-account",
    exports=(Export("cart.shop.svc.west-exports.local", (Port("http", 8080, "HTTP"), Port("", 9090, "TCP"))),),
)
DATA = CARD.to_data()
WEST = parse_mesh(name="west", namespace="west-mesh-system", control_plane="basic", peers=["east"])
# Calls and bytes of memory per sign of the text, and a CPU time that only something out of bounds can need.
CALLS_PER_SIGN, BYTES_PER_SIGN, CPU_SECONDS = 12, 64, 10.0


def outcome(read, *arguments) -> Card | FederationError:
    """Return the card that was read, or the refusal; anything else that is raised fails the test. A refusal is fit to
    be shown.
    """
    started = time.process_time()
    with warnings.catch_warnings():
        # The library warns of odd certificates; a module's warnings of that kind reach nobody.
        warnings.simplefilter("ignore")
        try:
            result = read(*arguments)
        except FederationError as error:
            result = error
            assert error.code.startswith("FED2")
            # Our own sign inside a short fingerprint is no stranger's.
            assert str(error).replace("…", "").isascii() and str(error).isprintable(), (
                "what a stranger wrote reaches the terminal raw"
            )
            assert len(str(error)) < 700
    assert time.process_time() - started < CPU_SECONDS
    return result


def of_text(text) -> Card | FederationError:
    return outcome(read_card, text, PLACE, NOW)


def of_data(data) -> Card | FederationError:
    return outcome(card_from, data, PLACE, NOW)


def assert_in_order(card: Card) -> None:
    """A card that was read may be written, read again, and be the same; and nobody has slipped it another root."""
    assert read_card(card.to_text(), PLACE, NOW) == card
    assert card.roots == CARD.roots


def places(data: object, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of every value of a card's data, containers too."""
    yield path
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in below:
        yield from places(value, (*path, key))


def put(path: tuple, value: object) -> object:
    """Return the card's data with ``value`` at a path; the empty path is all of it."""
    if not path:
        return value
    data = copied(DATA)
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return data


def standing(path: tuple) -> object:
    value = DATA
    for step in path:
        value = value[step]
    return value


def leaves_that_differ(one: object, other: object) -> list[tuple]:
    return [
        path
        for path in places(one)
        if not isinstance(standing(path), (dict, list)) and at(other, path) != at(one, path)
    ]


def at(data: object, path: tuple) -> object:
    for step in path:
        data = data[step]
    return data


PATHS = list(places(DATA))
TEXTS = [path for path in PATHS if isinstance(standing(path), str)]
OBJECTS = [path for path in PATHS if isinstance(standing(path), dict)]


# --- bytes


@pytest.mark.parametrize(("first", "bits"), [*enumerate([0x01, 0x10, 0x20, 0x80])])
def test_every_flipped_byte_is_refused_or_leaves_one_other_valid_word(first, bits):
    text = CARD.to_text().encode()
    accepted = 0
    for at_byte in each(4, range(len(text)), first):
        flipped = bytearray(text)
        flipped[at_byte] ^= bits
        found = of_text(bytes(flipped))
        if isinstance(found, Card):
            accepted += 1
            assert_in_order(found)
            assert len(leaves_that_differ(DATA, found.to_data())) <= 1
    assert accepted < len(each(4, text)) / 4


@pytest.mark.parametrize("cut", range(0, len(CARD.to_text()) - 1, 7))
def test_a_text_that_is_cut_anywhere_is_refused(cut):
    assert of_text(CARD.to_text()[:cut]).code == "FED201"


@given(st.binary(max_size=200), st.integers(0, len(CARD.to_text())), st.integers(0, 20))
def test_any_bytes_put_anywhere_are_refused_or_leave_a_card_in_order(junk, position, dropped):
    text = CARD.to_text().encode()
    found = of_text(text[:position] + junk + text[position + dropped :])
    if isinstance(found, Card):
        assert_in_order(found)


ENCODINGS = {
    "UTF-8 with a byte order mark": CARD.to_text().encode("utf-8-sig"),
    "UTF-16": CARD.to_text().encode("utf-16"),
    "UTF-16 without a mark": CARD.to_text().encode("utf-16-le"),
    "UTF-32": CARD.to_text().encode("utf-32"),
    "UTF-7": CARD.to_text().replace("east", "+AGUAYQBzAHQ-").encode(),
    "an overlong slash": CARD.to_text().encode().replace(b"east.local/ns", b"east.local\xc0\xafns"),
    "a surrogate in UTF-8": CARD.to_text().encode().replace(b'"east"', b'"\xed\xa0\x80"'),
    "a NUL at the end": CARD.to_text().encode() + b"\0",
    "nothing but NUL": b"\0" * 1000,
    "gzip": b"\x1f\x8b\x08\x00" + bytes(range(256)) * 4,
}


@pytest.mark.parametrize("text", ENCODINGS.values(), ids=ENCODINGS)
def test_another_encoding_is_refused(text):
    assert of_text(text).code in ("FED201", "FED203")


# --- fields and types

VALUES = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "minus one": -1,
    "a port": 443,
    "2**31": 2**31,
    "a number of 5,000 digits": 10**5000,
    "a fraction": 1.5,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "minus Infinity": float("-inf"),
    "nothing": "",
    "a blank": " ",
    "a letter": "a",
    "a text of 1 MB": "a" * 1_000_000,
    "an empty list": [],
    "a list of nothing": [None],
    "a list of lists": [[[]]],
    "a list of a million": [0] * 1_000_000,
    "an empty object": {},
    "an object": {"mesh": "east"},
    "bytes": b"east",
    "a set": {"east"},
    "a time": datetime(2026, 6, 14, tzinfo=timezone.utc),
    "a class": Card,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_another_type_in_any_place_is_refused_or_leaves_a_card_in_order(value):
    for path in PATHS:
        found = of_data(put(path, value))
        if isinstance(found, Card):
            assert_in_order(found)
            assert path in {("ingress",), ("exports",), ("exports", 0, "ports")} or isinstance(
                standing(path), (str, int)
            )


@pytest.mark.parametrize("path", OBJECTS, ids=str)
@pytest.mark.parametrize(
    "name",
    [
        "kubeconfig",
        "__proto__",
        "",
        "mesh ",
        "Mesh",
        "m\u0435sh",
        "mesh\u200b",
        "{{ 1 }}",
        "\x1b[2J",
        "x" * 100_000,
        "\ud800",
    ],
    ids=ascii,
)
def test_one_field_more_at_any_level_is_refused(path, name):
    found = of_data(put(path, {**standing(path), name[:30] if len(path) > 9 else name: "x"}))
    assert found.code == "FED203" and "unknown field" in found.what


@pytest.mark.parametrize("path", [path for path in PATHS if path and isinstance(path[-1], str)], ids=str)
def test_one_field_less_at_any_level_is_refused(path):
    data = copied(DATA)
    del at(data, path[:-1])[path[-1]]
    assert of_data(data).code == "FED203"


@pytest.mark.parametrize("path", [path for path in PATHS if path and isinstance(path[-1], str)], ids=str)
def test_a_field_that_stands_twice_is_refused_at_any_level(path):
    once = json.dumps(path[-1])
    text = CARD.to_text()
    place = text.index(f"{once}: ")
    assert "given twice" in of_text(f"{text[:place]}{once}: 1, {text[place:]}").what


def test_names_of_fields_that_are_no_text_are_refused():
    for name in (None, 1, 1.5, True, ("mesh",), b"mesh"):
        assert of_data({**DATA, name: "x"}).code == "FED203"


@settings(max_examples=settings.default.max_examples // 4)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_data_in_any_place_is_refused_or_leaves_a_card_in_order(value):
    for path in PATHS:
        found = of_data(put(path, value))
        if isinstance(found, Card):
            assert_in_order(found)


# --- texts

LOOK_ALIKES = {
    "a cyrillic letter": lambda text: text.replace("a", "\u0430").replace("e", "\u0435"),
    "full width": lambda text: "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text),
    "a width of zero": lambda text: text[:1] + "\u200b" + text[1:],
    "a joiner": lambda text: text + "\u200d",
    "right to left": lambda text: "\u202e" + text,
    "isolated": lambda text: f"\u2066{text}\u2069",
    "composed": lambda text: text + "\u00e9",
    "decomposed": lambda text: text + "e\u0301",
    "a long s": lambda text: text.replace("s", "\u017f"),
    "a dotless i": lambda text: text + "\u0131",
    "digits of another script": lambda text: text + "\u0661",
    "a soft hyphen": lambda text: text + "\u00ad",
    "a wide full stop": lambda text: text.replace(".", "\u3002") + "\u3002",
    "an emoji": lambda text: text + "\U0001f600",
    "a lone surrogate": lambda text: text + "\ud800",
    "NUL": lambda text: text + "\0",
    "a new line at the end": lambda text: text + "\n",
    "carriage return": lambda text: "ok: nothing to see\r" + text,
    "an escape sequence": lambda text: f"\x1b]0;pwned\x07\x1b[2J{text}\x1b[0m",
    "the other escape": lambda text: "\x9b2J" + text,
    "backspaces": lambda text: text + "\b" * 20,
    "a tabulator": lambda text: "\t" + text,
    "Jinja": lambda _text: "{{ lookup('ansible.builtin.pipe', 'touch /tmp/pwned') }}",
    "a Jinja statement": lambda text: "{% for i in range(10**9) %}" + text + "{% endfor %}",
    "a Jinja comment": lambda text: text + "{# #}",
    "YAML": lambda text: "!unsafe " + text,
    "a way up": lambda text: "../../" + text,
    "a shell's word": lambda text: text + "; reboot",
    "a wildcard": lambda text: text + "*",
    "a long one": lambda text: text * 2000,
}


@pytest.mark.parametrize("disguised", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_a_text_in_disguise_is_refused_wherever_it_stands(disguised):
    for path in TEXTS:
        data = put(path, disguised(standing(path)))
        for found in (of_data(data), of_text(json.dumps(data))) if data != DATA else ():
            if isinstance(found, Card):
                # Around a PEM block and between the digits of a fingerprint stands what likes, and is dropped.
                assert path[-1] in ("pem", "fingerprint"), path
                assert found == CARD


@given(st.sampled_from(TEXTS), st.text(alphabet=st.characters(exclude_categories=()), max_size=300))
def test_any_text_in_any_place_is_refused_or_leaves_a_card_in_order(path, text):
    found = of_data(put(path, text))
    if isinstance(found, Card):
        assert_in_order(found)


# --- size, depth and work

DEEP = {
    "lists": "[" * 10_000 + "]" * 10_000,
    "objects": '{"mesh":' * 10_000 + "1" + "}" * 10_000,
    "lists that never end": "[" * 1_000_000,
    "objects that never end": '{"a":' * 200_000,
    "lists inside a card": CARD.to_text().replace('"192.0.2.7"', "[" * 10_000 + "]" * 10_000),
    "lists behind a text with brackets": '["]]]]]]]]]]]]]]]]\\"]]]]",' + "[" * 10_000,
    "lists behind a backslash": '["\\\\",' + "[" * 10_000,
    "one level too many": "[" * (DEPTH_LIMIT + 1) + "]" * (DEPTH_LIMIT + 1),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_depth_is_bounded_before_anything_is_parsed(text, monkeypatch):
    def parse(*_arguments, **_options):
        raise AssertionError("the parser was asked")

    monkeypatch.setattr(cards.json, "loads", parse)
    found = of_text(text)
    assert (found.code, found.what) == ("FED202", "is nested too deep")


def test_brackets_inside_a_text_are_no_depth():
    data = put(("exports", 0, "name"), "[[[[[[[[[[{{{{{{{{{{")
    assert of_text(json.dumps(data)).code == "FED203"
    assert of_text(json.dumps(put(("mesh",), '\\"[[[[[[[['))).code == "FED203"


def test_size_is_bounded_before_anything_is_decoded(monkeypatch):
    monkeypatch.setattr(cards, "_is_deeper_than", lambda *_arguments: pytest.fail("the text was looked at"))
    assert of_text("[" * (SIZE_LIMIT + 1)).code == "FED202"
    assert of_text(b"\xff" * (SIZE_LIMIT + 1)).code == "FED202"


BIG = {
    "a text": json.dumps(put(("mesh",), "a" * 1_000_000)),
    "quotes": '"' * 50_000,
    "quotes behind backslashes": '\\"' * 50_000,
    "numbers": "[" + "0," * 30_000 + "0]",
    "commas": "[" + "," * 500_000 + "]",
    "empty objects": "[" + "{}," * 30_000 + "{}]",
    "30,000 fields": "{" + ",".join(f'"{n}":0' for n in range(30_000)) + "}",
    "30,000 equal fields": "{" + ",".join('"a":0' for _n in range(30_000)) + "}",
    "70,000 escaped signs": json.dumps(put(("mesh",), "\u0430" * 170_000)),
    "white space": " " * (SIZE_LIMIT - 1) + "1",
    "too many exports": json.dumps(put(("exports",), [{"name": "a", "ports": []}] * 5001)),
    "exports without sense": json.dumps(put(("exports",), [1] * 5000)),
    "too many ports": json.dumps(put(("exports", 0, "ports"), DATA["exports"][0]["ports"] * 501)),
    "dots": json.dumps(put(("exports", 0, "name"), "a." * 199 + "a")),
    "hyphens": json.dumps(put(("exports", 0, "name"), "a" + "-" * 380 + ".svc")),
    "a domain of dots": json.dumps(put(("trust_domain",), "a" + "." * 250)),
    "a number of a million digits": '{"version": ' + "1" * 1_000_000 + "}",
    "a fraction of a million digits": '{"version": 0.' + "1" * 1_000_000 + "}",
    "an exponent": '{"version": 1e999999999}',
    "Infinity": '{"version": Infinity}',
    "a PEM of marks": json.dumps(put(("roots", 0, "pem"), "-----BEGIN CERTIFICATE-----\n" * 1000)),
    "a PEM of half marks": json.dumps(put(("roots", 0, "pem"), "-----BEGIN" * 3000)),
    "a PEM of capitals": json.dumps(put(("roots", 0, "pem"), "A " * 16_000)),
    "a PEM of keys": json.dumps(put(("roots", 0, "pem"), "PRIVATE " * 4000)),
    "the same root sixteen times": json.dumps(put(("roots",), DATA["roots"] * 16)),
    "seventeen roots": json.dumps(put(("roots",), DATA["roots"] * 17)),
}


def calls_of(work) -> int:
    """Return how many calls of Python functions ``work`` takes: what it costs, whatever the machine does besides."""
    counted = 0

    def count(_frame, event, _argument):
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


def peak_of(work) -> int:
    """Return the most memory, in bytes, that ``work`` holds at one time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", BIG.values(), ids=BIG)
def test_work_and_memory_grow_no_faster_than_the_text(text):
    found = []
    assert calls_of(lambda: found.append(of_text(text))) < 10_000 + CALLS_PER_SIGN * len(text)
    assert isinstance(found[0], FederationError)
    assert peak_of(lambda: of_text(text)) < SIZE_LIMIT + BYTES_PER_SIGN * len(text)


def test_data_that_refers_to_itself_is_refused_before_it_grows():
    bomb: list = ["lol"] * 10
    for _level in range(4):
        bomb = [bomb] * 10_000
    circle: list = []
    circle.append(circle)
    ring = dict(DATA)
    ring["ingress"] = ring
    wide = {str(number): bomb for number in range(1000)}
    for data in (bomb, circle, ring, wide, {**DATA, "exports": bomb}):
        assert of_data(data).code == "FED202"
        assert peak_of(lambda data=data: of_data(data)) < 64 * SIZE_LIMIT


def test_a_file_of_100_mb_is_read_to_the_bound_and_no_further(tmp_path):
    path = tmp_path / "east-for-west.json"
    with open(path, "wb") as file:
        file.write(b"[" * 1000)
        file.truncate(100 << 20)
    text = card_file(str(tmp_path), path.name)
    assert len(text) == SIZE_LIMIT + 1
    assert peak_of(lambda: card_file(str(tmp_path), path.name)) < 3 * SIZE_LIMIT
    assert of_text(text).code == "FED202"


@pytest.mark.parametrize(
    "kind", ["directory", "pipe", "device", "link to a device", "link in a circle", "link to a pipe"]
)
def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "east-for-west.json"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a pipe":
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    else:
        path.symlink_to({"device": "/dev/zero", "link to a device": "/dev/stdin", "link in a circle": path.name}[kind])
    assert outcome(card_file, str(tmp_path), path.name).code == "FED201"


# --- certificates


def rooted(der: bytes) -> dict:
    """Return the card's data with a certificate and the fingerprint that fits it."""
    pem = ssl.DER_cert_to_PEM_cert(der)
    return put(("roots",), [{"fingerprint": hashlib.sha256(der).hexdigest(), "pem": pem}])


@pytest.mark.parametrize(("first", "bits"), [*enumerate([0x01, 0x20, 0x80])])
def test_every_flipped_byte_of_a_certificate_is_refused_or_makes_a_root_that_reads_again(first, bits):
    der = ssl.PEM_cert_to_DER_cert(root("east"))
    for position in each(3, range(len(der)), first):
        flipped = bytearray(der)
        flipped[position] ^= bits
        found = of_data(rooted(bytes(flipped)))
        if isinstance(found, Card):
            assert read_card(found.to_text(), PLACE, NOW) == found


@given(st.binary(max_size=400), st.integers(0, 300), st.integers(0, 40))
def test_any_bytes_in_a_certificate_are_refused_or_make_a_root_that_reads_again(junk, position, dropped):
    der = ssl.PEM_cert_to_DER_cert(root("east"))
    found = of_data(rooted(der[:position] + junk + der[position + dropped :]))
    if isinstance(found, Card):
        assert read_card(found.to_text(), PLACE, NOW) == found


def certificate(key, name: x509.Name, not_after: datetime, *extensions: x509.ExtensionType) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(1950, 1, 1))
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    is_edwards = isinstance(key, ed25519.Ed25519PrivateKey)
    return builder.sign(key, None if is_edwards else hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def named(*texts: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, text) for text in texts])


KEY = key_of("odd")
FAR, ODD_NAME = datetime(9999, 12, 31, 23, 59, 59), named("\x1b[2J\u202eroot\0\n{{ 7*7 }}", "\u0440oot")
ODD_CERTIFICATES = {
    "an odd name": certificate(KEY, ODD_NAME, datetime(2036, 1, 1)),
    "the year 9999": certificate(KEY, named("far"), FAR),
    "300 names": certificate(KEY, named(*(f"name {number}" for number in range(300))), datetime(2036, 1, 1)),
    "500 alternative names": certificate(
        KEY,
        named("many"),
        datetime(2036, 1, 1),
        x509.SubjectAlternativeName([x509.DNSName(f"n{number}.example") for number in range(500)]),
    ),
    "an Edwards key": certificate(ed25519.Ed25519PrivateKey.generate(), named("edwards"), datetime(2036, 1, 1)),
}


@pytest.mark.parametrize("der", ODD_CERTIFICATES.values(), ids=ODD_CERTIFICATES)
def test_an_odd_certificate_that_is_a_root_is_a_root_whose_name_can_be_shown(der):
    found = of_data(rooted(der))
    assert isinstance(found, Card), found
    (only,) = found.roots
    assert only.subject.isascii() and only.subject.isprintable() and len(only.subject) <= 256
    assert only.days_left(NOW) > 0
    assert read_card(found.to_text(), PLACE, NOW) == found


def length_of(size: int) -> bytes:
    if size < 128:
        return bytes([size])
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(raw)]) + raw


def der_of(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag]) + length_of(len(body)) + body


def with_rsa_key(modulus: int, exponent: int, serial: int = 1) -> bytes:
    """Return a certificate, by hand, of an RSA key that no library would make."""

    def whole(number: int) -> bytes:
        return der_of(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))

    algorithm = der_of(0x30, bytes.fromhex("06092a864886f70d01010b0500"))
    rsa = der_of(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    key = der_of(0x30, rsa, der_of(0x03, b"\0", der_of(0x30, whole(modulus), whole(exponent))))
    name = der_of(0x30, der_of(0x31, der_of(0x30, bytes.fromhex("0603550403"), der_of(0x0C, b"odd"))))
    validity = der_of(0x30, der_of(0x17, b"200101000000Z"), der_of(0x17, b"400101000000Z"))
    authority = der_of(
        0xA3, der_of(0x30, der_of(0x30, bytes.fromhex("0603551d13"), der_of(0x04, der_of(0x30, b"\x01\x01\xff"))))
    )
    body = der_of(0x30, der_of(0xA0, whole(2)), whole(serial), algorithm, name, validity, name, key, authority)
    return der_of(0x30, body, algorithm, der_of(0x03, b"\0", b"\x7f" * ((modulus.bit_length() + 7) // 8)))


HEAVY_KEYS = {
    "16,384 bits": (2**16383 + 1, 65537),
    "16,384 bits and as long an exponent": (2**16383 + 1, 2**16380 + 1),
    "65,536 bits": (2**65535 + 1, 65537),
    "65,536 bits and as long an exponent": (2**65535 + 1, 2**65532 + 1),
    "an even modulus": (2**4096, 65537),
    "an exponent of 1": (2**4095 + 1, 1),
    "an exponent of 0": (2**4095 + 1, 0),
    "a modulus of 1": (1, 3),
    "a modulus of 0": (0, 3),
    "a negative modulus": (-(2**2048), 3),
}


@pytest.mark.parametrize(("modulus", "exponent"), HEAVY_KEYS.values(), ids=HEAVY_KEYS)
def test_a_heavy_key_costs_no_more_than_a_moment(modulus, exponent):
    started = time.process_time()
    assert isinstance(of_data(rooted(with_rsa_key(modulus, exponent))), FederationError)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("serial", [0, -1, -(2**2000), 2**2000], ids=["zero", "minus one", "negative", "long"])
def test_an_odd_serial_number_is_no_reason_to_fall_over(serial):
    assert isinstance(of_data(rooted(with_rsa_key(2**2047 + 1, 65537, serial))), (Card, FederationError))


def test_thousands_of_certificates_stop_at_the_bound():
    one = ssl.DER_cert_to_PEM_cert(with_rsa_key(3, 3))
    many = one * ((1 << 20) // len(one))
    assert outcome(read_roots, one * 60, "mesh_roots", NOW).code == "FED205"
    assert outcome(read_roots, many, "mesh_roots", NOW).code == "FED202"
    assert outcome(read_roots, many * 2, "mesh_roots", NOW).code == "FED202"
    assert of_data(put(("roots", 0, "pem"), many[:40_000])).code == "FED203"
    assert of_data(put(("roots", 0, "pem"), DATA["roots"][0]["pem"] * 45)) == CARD


def test_a_private_key_is_found_in_any_dress():
    key = (
        key_of("east")
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )
    quoted, short, glued = "> " + key.replace("\n", "\n> "), key[:40], base64.b64encode(b"x").decode() + key
    for dressed in (key, key.replace("\n", "\r\n"), quoted, key.replace("-----", "----"), short, glued):
        found = of_data(put(("roots", 0, "pem"), root("east") + dressed))
        assert found.code == "FED204" and "MIG" not in str(found)


# --- carried as data


def delivered(mesh: Mesh, carried: Sequence[object], in_run: tuple = ()) -> tuple[dict, list[str]]:
    found = receive(mesh, "west.local", in_run=in_run, carried=carried, file_of=lambda _name: None, now=NOW).whole()
    return found.received, found.notes


def received(*carried: object, in_run: tuple = ()) -> tuple[dict, list[str]] | FederationError:
    return outcome(lambda: delivered(WEST, carried, in_run))


def test_a_list_in_one_text_is_a_list_of_cards():
    text = json.dumps([put(("mesh",), "north"), DATA])
    found, notes = received(text)
    assert found["east"].card == CARD
    assert found["east"].where == "federation_cards, card 2"
    assert notes == ["a card of north was given, but north is not in mesh_peers"]
    assert cards_in([json.dumps(DATA), [], text]) == [DATA, [], *json.loads(text)]


def test_a_list_of_lists_is_no_list_of_cards():
    assert received(json.dumps([[DATA]])).code == "FED203"
    assert received([DATA]).code == "FED203"
    assert received("[" * 10_000).code == "FED202"


def test_what_a_card_that_nobody_asked_for_says_reaches_no_terminal_raw():
    names = [disguised("north") for disguised in LOOK_ALIKES.values()] + ["n" * 1_000_000]
    _found, notes = received(*(put(("mesh",), name) for name in names))
    assert len(notes) == 11 and notes[-1].startswith(f"{len(set(names)) - 10} more cards of meshes")
    for note in notes:
        assert note.isascii() and note.isprintable() and len(note) < 200


@pytest.mark.parametrize("path", TEXTS, ids=str)
@pytest.mark.parametrize("disguised", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_a_card_in_disguise_never_speaks_for_a_peer_in_any_way_it_comes(path, disguised):
    data = put(path, disguised(standing(path)))
    for found in (received(data), received(json.dumps(data)), received(in_run=(data,))):
        if not isinstance(found, FederationError):
            assert not found[0] or found[0]["east"].card == CARD


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_anything_at_all_in_place_of_a_card_is_refused(value):
    assert isinstance(received(value), FederationError)
    assert isinstance(received(in_run=(value,)), FederationError)


def test_a_thousand_texts_are_read_once_however_many_peers_there_are(monkeypatch):
    mesh = parse_mesh(
        name="west", namespace="n", control_plane="basic", peers=[f"peer-{number}" for number in range(50)]
    )
    asked: list[str] = []
    real = cards.data_of
    monkeypatch.setattr(
        "ansible_collections.ossm.federation.plugins.module_utils._core.peering.carrying.data_of",
        lambda *words: asked.append(words[1]) or real(*words),
    )
    carried = [json.dumps(put(("mesh",), f"stranger-{number}")) for number in range(1000)]
    found, notes = delivered(mesh, carried)
    assert not found and len(notes) == 11 and len(asked) == 1000


# --- what we write ourselves


def test_what_no_reader_takes_is_left_out_of_a_card_and_named():
    odd = (
        Export("_odd.shop.svc.west-exports.local", ()),
        Export("a.shop.svc.west-exports.local", (Port("\x1b[2J", 1, "TCP"),)),
    )
    kept, notes = as_readers_take_it(Card(**{**CARD.__dict__, "exports": (*odd, *CARD.exports)}), NOW)
    assert kept == CARD
    assert [note.split(" is left out ")[0] for note in notes] == [
        "_odd.shop.svc.west-exports.local",
        "a.shop.svc.west-exports.local",
    ]
    assert all(note.isascii() and note.isprintable() for note in notes)


@pytest.mark.parametrize(
    "exports",
    [
        pytest.param(
            tuple(Export(f"a{number}.shop.svc.west-exports.local", ()) for number in range(5001)), id="5,001 exports"
        ),
        pytest.param(
            tuple(
                Export(f"{'a' * 300}{number}.shop.svc.west-exports.local", (Port("http", 80, "HTTP"),))
                for number in range(3000)
            ),
            id="more than 1 MiB",
        ),
    ],
)
def test_a_card_that_no_reader_would_take_is_not_written(exports):
    with pytest.raises(FederationError) as raised:
        as_readers_take_it(Card(**{**CARD.__dict__, "exports": exports}), NOW)
    assert raised.value.code == "FED231"
    assert "refused by west" in raised.value.what and "mesh_exports" in raised.value.fix


def test_5000_exports_fit_on_a_card():
    many = Card(
        **{**CARD.__dict__, "exports": tuple(Export(f"a{number}.s.svc.w-exports.local", ()) for number in range(5000))}
    )
    assert as_readers_take_it(many, NOW) == (many, [])


@given(st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=20))
def test_whatever_passes_the_bound_is_no_deeper_than_a_card(data):
    depth = max((len(path) for path in places(data)), default=0)
    found = outcome(refuse_oversize, data, PLACE)
    assert isinstance(found, FederationError) == (
        depth > DEPTH_LIMIT or any(isinstance(at(data, p), int) and abs(at(data, p)) >= 10**10 for p in places(data))
    )
