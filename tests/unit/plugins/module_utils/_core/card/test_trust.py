# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Root certificates: what a peer's bundle may hold, and what it must never hold."""

from __future__ import annotations

import base64
import hashlib
import ssl
import time

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import (
    bundle_of,
    read_certificates,
    read_roots,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.fingerprints import (
    fingerprints_in,
    is_same_fingerprint,
    pins,
    plain_fingerprint,
    same_spoken,
    spoken,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.words import printable
from ansible_collections.ossm.federation.tests.unit.draws import each
from ansible_collections.ossm.federation.tests.unit.pem import NOW, certificate, intermediate, leaf, private_key, root
from cryptography.hazmat.primitives.serialization import PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

WEST, EAST = root("west"), root("east")
PLACE = "Root of mesh west"


def read(text, **options):
    return read_roots(text, PLACE, NOW, **options)


def refusal(text, **options):
    with pytest.raises(FederationError) as raised:
        read(text, **options)
    return raised.value


def sha256(pem):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()


# What Envoy was seen to do with each text of a bundle, and what we do before it could: federation of OSSM, "Trust".
TEXTS_THAT_WORK = {
    "one root": (WEST, [WEST]),
    "two roots, each ending in a newline": (WEST + EAST, [WEST, EAST]),
    "a comment before a block": ("# the root of west\n" + WEST, [WEST]),
    "a comment after a block": (WEST + "until 2036\n", [WEST]),
    "CRLF": (WEST.replace("\n", "\r\n") + EAST, [WEST, EAST]),
    "no final newline": (WEST.rstrip("\n"), [WEST]),
    "the same certificate twice": (WEST + WEST, [WEST]),
    "root plus intermediate": (WEST + intermediate(), [WEST, intermediate()]),
    "the whole certificate on one line": (
        f"-----BEGIN CERTIFICATE-----\n{''.join(WEST.splitlines()[1:-1])}\n-----END CERTIFICATE-----\n",
        [WEST],
    ),
}
TEXTS_THAT_ARE_REFUSED = {
    "a private key beside the certificate": (
        WEST + private_key(),
        "FED204",
        "contains a PRIVATE KEY block",
        "keep keys on their own cluster",
    ),
    "a private key of another form": (
        private_key(kind=PrivateFormat.TraditionalOpenSSL) + WEST,
        "FED204",
        "contains a EC PRIVATE KEY block",
        "keep keys on their own cluster",
    ),
    "a private key alone": (private_key(), "FED204", "contains a PRIVATE KEY block", "keep keys on their own cluster"),
    "a private key cut off": (
        WEST + private_key()[:80],
        "FED204",
        "contains a PRIVATE KEY block",
        "keep keys on their own cluster",
    ),
    "no certificate at all": ("just text\n", "FED206", "has no certificate", "Give the mesh's root certificate as PEM"),
    "an empty text": ("", "FED206", "has no certificate", "Give the mesh's root certificate as PEM"),
    "a truncated certificate": (
        WEST[:300],
        "FED205",
        "has a PEM block without its end or its beginning",
        "Copy the whole file again",
    ),
    "a certificate without its beginning": (
        WEST[100:],
        "FED205",
        "has a PEM block without its end",
        "Copy the whole file again",
    ),
    "one bad block among good ones": (
        WEST + EAST.replace(EAST.splitlines()[2], "!" * 64) + WEST,
        "FED205",
        "certificate 2: is not a valid X.509 certificate",
        "Copy the whole file again",
    ),
    "a block that is no certificate": (
        WEST.replace(WEST.splitlines()[2] + "\n", ""),
        "FED205",
        "is not a valid X.509 certificate",
        "Copy the whole file again",
    ),
    "two blocks joined without a newline": (
        WEST.rstrip("\n") + EAST,
        "FED205",
        "joins two PEM blocks without a newline between them",
        "Put every -----BEGIN CERTIFICATE----- on a separate line",
    ),
    "a block inside a block": (
        WEST[:200] + "\n" + EAST + WEST[200:],
        "FED205",
        "has a PEM block without its end or its beginning",
        "Copy the whole file again",
    ),
    "a block with another label": (
        WEST.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        "FED205",
        "contains a TRUSTED CERTIFICATE block",
        "blocks only",
    ),
    "labels that differ": (
        WEST.replace("END CERTIFICATE", "END CERTIFICATES"),
        "FED205",
        "without its end",
        "Copy the whole file again",
    ),
    "a leaf certificate": (
        leaf(),
        "FED207",
        "is the certificate of a workload, not of a CA",
        "ConfigMap istio-ca-root-cert, key root-cert.pem",
    ),
    "a leaf beside its root": (
        WEST + leaf(),
        "FED207",
        "certificate 2: is the certificate of a workload",
        "ConfigMap istio-ca-root-cert",
    ),
    "a certificate that does not say it is a CA": (
        certificate("old", "old", has_constraints=False),
        "FED207",
        "not of a CA",
        "root certificate",
    ),
    "an intermediate without its root": (
        intermediate(),
        "FED207",
        "has no self-signed certificate, so no chain can end there",
        "Give the root itself; intermediates only beside it",
    ),
    "an expired root": (root(days=-1), "FED208", "expired on 2026-06-14", "Rotate the root on its own mesh"),
    "an expired root beside a good one": (
        WEST + root("old", days=-400),
        "FED208",
        "certificate 2: expired on 2025-05-11",
        "Rotate the root",
    ),
    "a root that ends this second": (root(days=0), "FED208", "expired on 2026-06-15", "Rotate the root"),
    "more than 1 MiB": (
        WEST + "#" * (1 << 20),
        "FED202",
        "is larger than 1 MiB",
        "Give only the root certificates of this mesh",
    ),
}


@pytest.mark.parametrize(("text", "certificates"), TEXTS_THAT_WORK.values(), ids=TEXTS_THAT_WORK)
def test_a_bundle_is_read_as_its_certificates_in_their_order(text, certificates):
    roots = read(text)
    assert [found.pem for found in roots] == certificates
    assert [found.fingerprint for found in roots] == [sha256(pem) for pem in certificates]


@pytest.mark.parametrize(("text", "code", "what", "fix"), TEXTS_THAT_ARE_REFUSED.values(), ids=TEXTS_THAT_ARE_REFUSED)
def test_a_bundle_that_a_mesh_cannot_live_with_is_refused(text, code, what, fix):
    error = refusal(text)
    assert error.code == code
    assert error.where.startswith(PLACE)
    assert what in str(error)
    assert fix in error.fix


def test_no_refusal_repeats_the_key():
    key = private_key()
    assert not any(line in str(refusal(WEST + key)) for line in key.splitlines()[1:-1])


def test_an_intermediate_may_stand_alone_where_its_root_is_known():
    (found,) = read_certificates(intermediate(), PLACE, NOW)
    assert not found.is_self_signed
    assert read(WEST)[0].is_self_signed


def test_a_root_tells_how_long_it_lives_and_whose_it_is():
    (found,) = read(WEST)
    assert found.days_left(NOW) == 3650
    assert found.subject == "CN=Root CA,O=west"
    assert found.spoken == spoken(found.fingerprint)


def test_a_subject_cannot_move_a_terminal_s_cursor():
    (found,) = read(root("\x1b[2Kwest\n{{ lookup('pipe', 'id') }}"))
    assert found.subject.isascii() and found.subject.isprintable()


def test_a_bundle_keeps_the_current_root_first_and_each_root_once():
    west, east = read(WEST + EAST)
    assert bundle_of([west, east, west]) == WEST + EAST
    assert bundle_of([east, west]) == EAST + WEST
    assert bundle_of([]) == ""


@given(
    st.lists(st.sampled_from(["west", "east", "north", "south"]), min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_a_bundle_round_trips_and_equal_roots_give_equal_bytes(names, line_end, has_comments):
    texts = [(f"# root of {name}\n" if has_comments else "") + root(name) for name in names]
    roots = read("".join(texts).replace("\n", line_end))
    assert bundle_of(roots) == "".join(root(name) for name in dict.fromkeys(names))
    assert read(bundle_of(roots)) == roots
    assert fingerprints_in(bundle_of(roots)) == [found.fingerprint for found in roots]


def test_fingerprints_of_what_stands_on_a_cluster_are_shown_though_it_may_be_anything():
    assert fingerprints_in(WEST + "?" + EAST) == [sha256(WEST), sha256(EAST)]
    assert fingerprints_in("") == []
    assert fingerprints_in("-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----") == ["unreadable"]
    assert fingerprints_in(WEST[:100]) == []


@pytest.mark.parametrize("spelling", ["{}", " {}\n", "sha256:{}", "SHA-256={}", "sha256 {}", "sha256 Fingerprint={}"])
def test_a_fingerprint_is_the_same_in_every_spelling(spelling):
    fingerprint = sha256(WEST)
    colons = ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2)).lower()
    assert plain_fingerprint(spelling.format(colons)) == fingerprint
    assert is_same_fingerprint(spelling.format(fingerprint), colons)
    assert not is_same_fingerprint(fingerprint, sha256(EAST))


DIGITS = "3F9A1B2C4D5E6F708192A3B4C5D6E7F80123456789ABCDEF0123456789ABC1D0"
SPOKEN = "3F9A-1B2C-4D5E-6F70-8192-A3B4-C5D6-E7F8"


def test_people_compare_eight_groups_of_four_digits():
    assert spoken(DIGITS) == spoken(DIGITS.lower()) == SPOKEN
    assert spoken("unreadable") == "unreadable"


def test_the_line_to_paste_pins_whole_fingerprints():
    assert pins([DIGITS, DIGITS.lower()]) == f"root_fingerprints: [{DIGITS}, {DIGITS}]"


SAID = {
    "as we write it": (SPOKEN, True),
    "small letters": (SPOKEN.lower(), True),
    "spaces": (SPOKEN.replace("-", " "), True),
    "line ends and tabs": (f"  {SPOKEN.replace('-', chr(9))}\n", True),
    "colons between bytes": (":".join(DIGITS[at : at + 2] for at in range(0, 32, 2)), True),
    "nothing between": (DIGITS[:32], True),
    "one digit more": (DIGITS[:33], True),
    "the whole": (DIGITS, True),
    "the whole in groups": ("-".join(DIGITS[at : at + 4] for at in range(0, 64, 4)), True),
    "the whole with the algorithm": (f"sha256 Fingerprint={DIGITS}", True),
    "one digit less": (DIGITS[:31], False),
    "the old short form": ("3F9A…C1D0", False),
    "nothing": ("", False),
    "separators alone": ("-" * 40, False),
    "a wrong last digit": (SPOKEN[:-1] + "9", False),
    "a wrong digit after the spoken ones": (DIGITS[:40] + "FF", False),
    "a wrong last digit of the whole": (DIGITS[:63] + "1", False),
    "more than the whole": (DIGITS + "0", False),
    "the end of the fingerprint": (DIGITS[32:], False),
    "digits that are not ASCII": ("３" + SPOKEN[1:], False),
    "a ligature whose capitals are two digits": (SPOKEN.replace("FF", "\ufb00").replace("3F", "3\ufb00"), False),
    "all digits and a word": (SPOKEN + " west", False),
    "no letters of hexadecimal": ("O" + SPOKEN[1:], False),
}


@pytest.mark.parametrize("said, is_the_same", SAID.values(), ids=SAID)
def test_what_people_say_names_a_certificate_by_at_least_128_bits(said, is_the_same):
    assert same_spoken(said, DIGITS) is is_the_same


def test_a_ligature_is_no_hexadecimal_digit():
    assert not is_same_fingerprint("\ufb00" + DIGITS[2:], "FF" + DIGITS[2:])


BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
SLOW_TEXTS = {
    "beginnings without an end": "-----BEGIN A-----\n" * 50_000,
    "beginnings in one line": "-----BEGIN " * 90_000,
    "ends without a beginning": "-----END A-----" * 60_000,
    "dashes": "-" * (1 << 20),
    "capitals before a key": "A" * 500_000 + "b" + "A " * 200_000 + "PRIVATE KEY",
    "empty blocks": f"{BEGIN}\n{END}\n" * 18_000,
    "white space in a block": f"{BEGIN}{' ' * 900_000}{END}",
}


@pytest.mark.parametrize("text", SLOW_TEXTS.values(), ids=SLOW_TEXTS)
def test_a_hostile_text_is_refused_in_a_moment(text):
    started = time.process_time()
    refusal(text)
    fingerprints_in(text)
    assert time.process_time() - started < 10


@pytest.mark.filterwarnings("ignore")  # cryptography's own, about broken certificates
def test_every_changed_byte_of_a_certificate_gives_roots_or_a_refusal_and_nothing_else():
    der = ssl.PEM_cert_to_DER_cert(WEST)
    for at in range(len(der)):
        for change in each(3, (0x01, 0x80, 0xFF), at):
            changed = bytes([*der[:at], der[at] ^ change, *der[at + 1 :]])
            text = f"{BEGIN}\n{base64.encodebytes(changed).decode()}{END}\n"
            try:
                (found,) = read_certificates(text, PLACE, NOW)
            except FederationError as error:
                assert error.code in ("FED205", "FED207", "FED208", "FED232")
            else:
                assert found.fingerprint != sha256(WEST)


@given(st.text())
def test_what_is_printed_of_a_stranger_s_text_is_short_plain_ascii(text):
    shown = printable(text, 20)
    assert len(shown) <= 20 and shown.isascii() and (shown.isprintable() or not shown)
