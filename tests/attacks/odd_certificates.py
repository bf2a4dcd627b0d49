# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates that strangers could send, drawn from a seed: odd in what they say, and broken in each way that DER can
be.

They are put together byte by byte and really signed, because a certificate whose signature is wrong is refused for that
alone. Keys are made anew in each run.
"""

from __future__ import annotations

import functools
import hashlib
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TRUST_DOMAIN = "west.local"

BOOLEAN, INTEGER, BITS, OCTETS, NULL, OID, UTF8 = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C
PRINTABLE, T61, IA5, UTC_TIME, LONG_TIME, UNIVERSAL, BMP, SEQUENCE, SET = (
    0x13,
    0x14,
    0x16,
    0x17,
    0x18,
    0x1C,
    0x1E,
    0x30,
    0x31,
)
TAGS = (
    BOOLEAN,
    INTEGER,
    BITS,
    OCTETS,
    NULL,
    OID,
    UTF8,
    PRINTABLE,
    T61,
    IA5,
    UTC_TIME,
    LONG_TIME,
    UNIVERSAL,
    BMP,
    SEQUENCE,
    SET,
    0x12,
    0x1A,
    0x1B,
)


def der(tag: int, *parts: bytes) -> bytes:
    """Return one DER element."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


def sequence(*parts: bytes) -> bytes:
    return der(SEQUENCE, *parts)


def integer(value: int) -> bytes:
    return der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    content = b""
    for number in (first * 40 + second, *others):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return der(OID, content)


def bits(content: bytes, unused: int = 0) -> bytes:
    return der(BITS, bytes([unused]), content)


def name(*attributes: tuple[str, int, bytes]) -> bytes:
    """Return a distinguished name of attributes: type, tag and bytes of the value."""
    return sequence(*(der(SET, sequence(oid(kind), der(tag, value))) for kind, tag, value in attributes))


def moment(when: datetime) -> bytes:
    if when.year < 2050:
        return der(UTC_TIME, when.strftime("%y%m%d%H%M%SZ").encode())
    return der(LONG_TIME, when.strftime("%Y%m%d%H%M%SZ").encode())


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    return sequence(oid(dotted), der(BOOLEAN, b"\xff") if critical else b"", der(OCTETS, value))


@dataclass(frozen=True)
class Key:
    """A key: the public half as it stands in a certificate, and how it signs: an algorithm identifier and the
    signature.
    """

    kind: str
    public: bytes
    algorithm: bytes
    sign: Callable[[bytes], bytes]
    private: object = None  # for cryptography, where it knows the kind


SHA_WITH_RSA = {
    hashes.SHA1: "1.2.840.113549.1.1.5",
    hashes.SHA256: "1.2.840.113549.1.1.11",
    hashes.SHA384: "1.2.840.113549.1.1.12",
    hashes.SHA512: "1.2.840.113549.1.1.13",
}
SHA_WITH_ECDSA = {
    hashes.SHA1: "1.2.840.10045.4.1",
    hashes.SHA224: "1.2.840.10045.4.3.1",
    hashes.SHA256: "1.2.840.10045.4.3.2",
    hashes.SHA384: "1.2.840.10045.4.3.3",
    hashes.SHA512: "1.2.840.10045.4.3.4",
}
HASH_NAMES = {
    hashes.SHA1: "1.3.14.3.2.26",
    hashes.SHA256: "2.16.840.1.101.3.4.2.1",
    hashes.SHA384: "2.16.840.1.101.3.4.2.2",
    hashes.SHA512: "2.16.840.1.101.3.4.2.3",
}


def _spki(private: object) -> bytes:
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@functools.cache
def rsa_key(size: int, exponent: int = 65537, digest: type = hashes.SHA256) -> Key:
    private = rsa.generate_private_key(exponent, size)
    algorithm = sequence(oid(SHA_WITH_RSA[digest]), der(NULL))
    return Key(
        f"RSA {size}, e {exponent}, {digest.name}",
        _spki(private),
        algorithm,
        lambda data: private.sign(data, padding.PKCS1v15(), digest()),
        private,
    )


@functools.cache
def pss_key(digest: type = hashes.SHA256, salt: int | None = None, mgf: type | None = None) -> Key:
    base = rsa_key(2048)
    length, inner = salt if salt is not None else digest.digest_size, mgf or digest
    parameters = (
        der(0xA0, sequence(oid(HASH_NAMES[digest]), der(NULL))),
        der(0xA1, sequence(oid("1.2.840.113549.1.1.8"), sequence(oid(HASH_NAMES[inner]), der(NULL)))),
        der(0xA2, integer(length)),
    )
    algorithm = sequence(oid("1.2.840.113549.1.1.10"), sequence(*parameters))
    return Key(
        f"PSS {digest.name}, salt {length}, {inner.name}",
        base.public,
        algorithm,
        lambda data: base.private.sign(data, padding.PSS(padding.MGF1(inner()), length), digest()),
        base.private,
    )


@functools.cache
def ec_key(curve: type = ec.SECP256R1, digest: type = hashes.SHA256, *, compressed: bool = False) -> Key:
    private = ec.generate_private_key(curve())
    public = _spki(private)
    if compressed:
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        public = sequence(children(public)[0], bits(point))
    algorithm = sequence(oid(SHA_WITH_ECDSA[digest]))
    return Key(
        f"{curve.name}, {digest.name}{', compressed' * compressed}",
        public,
        algorithm,
        lambda data: private.sign(data, ec.ECDSA(digest())),
        private,
    )


@functools.cache
def edwards_key(kind: type = ed25519.Ed25519PrivateKey) -> Key:
    private = kind.generate()
    number = "1.3.101.112" if kind is ed25519.Ed25519PrivateKey else "1.3.101.113"
    return Key(kind.__name__, _spki(private), sequence(oid(number)), private.sign, private)


@functools.cache
def dsa_key() -> Key:
    private = dsa.generate_private_key(1024)
    return Key(
        "DSA",
        _spki(private),
        sequence(oid("2.16.840.1.101.3.4.3.2")),
        lambda data: private.sign(data, hashes.SHA256()),
        private,
    )


@functools.cache
def small_rsa_key(size: int, exponent: int = 65537) -> Key:
    """Return an RSA key of a size or an exponent that no library makes any more."""
    draw = random.Random(size)
    while True:
        p, q = _primes(draw, size)
        rest = (p - 1) * (q - 1)
        if p != q and (p * q).bit_length() == size and math.gcd(rest, exponent) == 1:
            break
    modulus, secret = p * q, pow(exponent, -1, rest)
    public = sequence(
        sequence(oid("1.2.840.113549.1.1.1"), der(NULL)), bits(sequence(integer(modulus), integer(exponent)))
    )

    def sign(data: bytes) -> bytes:
        digest = sequence(
            sequence(oid(HASH_NAMES[hashes.SHA256]), der(NULL)), der(OCTETS, hashlib.sha256(data).digest())
        )
        size_in_bytes = (size + 7) // 8
        padded = b"\x00\x01" + b"\xff" * (size_in_bytes - 3 - len(digest)) + b"\x00" + digest
        return pow(int.from_bytes(padded, "big"), secret, modulus).to_bytes(size_in_bytes, "big")

    return Key(f"RSA {size}, e {exponent}", public, sequence(oid(SHA_WITH_RSA[hashes.SHA256]), der(NULL)), sign)


def _primes(draw: random.Random, size: int) -> tuple[int, int]:
    if size < 1024:
        return _prime(draw, size // 2), _prime(draw, size - size // 2)
    numbers = rsa.generate_private_key(65537, size).private_numbers()
    return numbers.p, numbers.q


def _prime(draw: random.Random, size: int) -> int:
    while True:
        found = draw.getrandbits(size) | 3 << (size - 2) | 1
        if all(found % small for small in (3, 5, 7, 11, 13)) and all(
            pow(base, found - 1, found) == 1 for base in (2, 3, 5, 7)
        ):
            return found


@dataclass(frozen=True)
class Parts:
    """A certificate in parts, each an element as it will stand; ``version`` and ``extensions`` with their
    outer tags.
    """

    version: bytes
    serial: bytes
    algorithm: bytes
    issuer: bytes
    validity: bytes
    subject: bytes
    key: bytes
    extensions: bytes
    unique: bytes = b""
    outer_algorithm: bytes | None = None
    after: bytes = b""  # behind the whole

    def signed(self, signer: Key) -> bytes:
        """Return the whole certificate, signed by ``signer``."""
        body = sequence(*(getattr(self, part) for part in FIELDS))
        outer = self.algorithm if self.outer_algorithm is None else self.outer_algorithm
        return sequence(body, outer, bits(signer.sign(body))) + self.after


FIELDS = ("version", "serial", "algorithm", "issuer", "validity", "subject", "key", "unique", "extensions")
V1, V2, V3 = b"", der(0xA0, integer(1)), der(0xA0, integer(2))
COMMON, ORGANIZATION = "2.5.4.3", "2.5.4.10"

CA = extension("2.5.29.19", sequence(der(BOOLEAN, b"\xff")), critical=True)
SIGNS = extension("2.5.29.15", bits(b"\x06", 1), critical=True)
CLIENT, SERVER, ANY, CODE = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1", "2.5.29.37.0", "1.3.6.1.5.5.7.3.3"


def key_id(key: Key) -> bytes:
    return hashlib.sha1(children(key.public)[1]).digest()


def root_of(key: Key, *extras: bytes, now: datetime, common: bytes = b"Root CA") -> Parts:
    """Return the parts of an ordinary root with further extensions."""
    own = name((ORGANIZATION, UTF8, b"west"), (COMMON, PRINTABLE, common))
    extensions = (CA, SIGNS, extension("2.5.29.14", der(OCTETS, key_id(key))), *extras)
    validity = sequence(moment(now - timedelta(days=1)), moment(now + timedelta(days=3650)))
    return Parts(V3, integer(0x5EED), key.algorithm, own, validity, own, key.public, wrapped(extensions))


def wrapped(extensions: Sequence[bytes]) -> bytes:
    return der(0xA3, sequence(*extensions)) if extensions else b""


def limited(*, permitted: Sequence[bytes] = (), excluded: Sequence[bytes] = (), critical: bool = True) -> bytes:
    """Return name constraints of general names."""
    parts = [
        der(tag, *(sequence(one) for one in names)) for tag, names in ((0xA0, permitted), (0xA1, excluded)) if names
    ]
    return extension("2.5.29.30", sequence(*parts), critical=critical)


def uri(text: str) -> bytes:
    return der(0x86, text.encode())


def extended(*usages: str, critical: bool = False) -> bytes:
    return extension("2.5.29.37", sequence(*map(oid, usages)), critical=critical)


# Trees of DER elements, to be broken in one place and put together again with lengths that fit.


def children(element: bytes) -> list[bytes]:
    """Return the elements within a well-formed element."""
    _tag, content, _rest = split(element)
    found = []
    while content:
        _tag, _inner, rest = split(content)
        found.append(content[: len(content) - len(rest)])
        content = rest
    return found


def split(data: bytes) -> tuple[int, bytes, bytes]:
    """Return tag and content of the first element of ``data``, and what follows it. Raises ``ValueError``."""
    if len(data) < 2:
        raise ValueError("short")
    length, start = data[1], 2
    if length >= 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if length == 0x80 or start + length > len(data):
        raise ValueError("short")
    return data[0], data[start : start + length], data[start + length :]


@dataclass
class Node:
    """One element of a tree: what is in it is either other elements or bytes; ``text``, where set, is what it is
    written as.
    """

    tag: int
    content: bytes
    inner: list[Node]
    prefix: bytes = b""
    text: bytes | None = None

    def written(self) -> bytes:
        if self.text is not None:
            return self.text
        return (
            der(self.tag, self.prefix, *(node.written() for node in self.inner))
            if self.inner
            else der(self.tag, self.content)
        )

    def all(self) -> Iterator[Node]:
        yield self
        for node in self.inner:
            yield from node.all()


def tree(element: bytes) -> Node:
    """Return the tree of an element; bit and octet strings that hold elements are looked into."""
    tag, content, _rest = split(element)
    prefix = content[:1] if tag == BITS and content[:1] == b"\0" else b""
    inner: list[Node] = []
    if tag & 0x20 or (tag in (BITS, OCTETS) and len(content) > 2):
        try:
            rest = content[len(prefix) :]
            while rest:
                _tag, _content, after = split(rest)
                inner.append(tree(rest[: len(rest) - len(after)]))
                rest = after
        except (ValueError, RecursionError):
            inner = []
    return Node(tag, content, inner, prefix)


ODD_CONTENTS = [
    b"", b"\0", b"\xff", b"\x01", b"\x80", b"\x00\x80", b"\xff\xff", b"\x7f" * 9, b"\0" * 21, b"\x80" + b"\0" * 20,
    "\ufffe".encode(), "\ufdd0".encode(),
    b"\xd8\x00", b"\xd8\x3d\xde\x00", b"\xff\xfe", b"\x00\x01\xf6\x00", b"\xed\xa0\x80",
    b"\xc0\x80", b"w\0est", b"\xf4\x90\x80\x80", b"*", b".", b"west\xff", b"a" * 300,
    b"20500101000000Z", b"99991231235959Z", b"00000101000000Z", b"491231235959Z", b"500101000000Z", b"2301010000Z",
    b"230101000000+0000", b"20300101000000.5Z",
    b"230101000060Z", b"230230000000Z", b"20200101000000Z", b"200101000000Z",
    b"19400101000000Z", b"\x06\x03U\x1d\x13", b"*\x86H\x86\xf7\r\x01\x01\x0b", b"\x80\x01",
]  # fmt: skip


def broken(element: bytes, draw: random.Random) -> tuple[str, bytes]:
    """Return an element with one thing wrong in one place, and in words what."""
    try:
        whole = tree(element)
    except ValueError:  # broken already
        return "cut", element[: draw.randrange(len(element) + 1)]
    nodes = list(whole.all())
    node = draw.choice(nodes)
    parents = [parent for parent in nodes if any(inner is node for inner in parent.inner)]
    what = draw.choice(
        [
            "bit",
            "byte",
            "content",
            "tag",
            "drop",
            "twice",
            "swap",
            "long length",
            "no end",
            "more",
            "less",
            "trailing",
            "insert",
            "raw",
        ]
    )
    own = node.written()
    if what == "raw":
        data = bytearray(element)
        data[draw.randrange(len(data))] = draw.randrange(256)
        return "raw byte", bytes(data)
    if what in ("bit", "byte", "insert", "less", "more"):
        _tag, content, _rest = split(own)
        data = bytearray(content or b"\0")
        at = draw.randrange(len(data))
        if what == "bit":
            data[at] ^= 1 << draw.randrange(8)
        elif what == "byte":
            data[at] = draw.randrange(256)
        elif what == "insert":
            data.insert(at, draw.randrange(256))
        elif what == "more":
            data += bytes(draw.randrange(256) for _each in range(draw.randint(1, 4)))
        else:
            del data[at : at + draw.randint(1, 3)]
        node.text = der(node.tag, bytes(data))
    elif what == "content":
        node.text = der(node.tag, draw.choice(ODD_CONTENTS))
    elif what == "tag":
        node.text = bytes([draw.choice([*TAGS, node.tag ^ 0x20, draw.randrange(256)])]) + own[1:]
    elif what == "long length":
        _tag, content, _rest = split(own)
        digits = (
            len(content).to_bytes(draw.choice([1, 2, 3, 4, 8]), "big")
            if len(content) < 256
            else len(content).to_bytes(4, "big")
        )
        node.text = bytes([node.tag, 0x80 | len(digits)]) + digits + content
    elif what == "no end":
        _tag, content, _rest = split(own)
        node.text = bytes([node.tag, 0x80]) + content + b"\0\0"
    elif what == "trailing":
        node.text = own + draw.choice([b"\0", b"\0\0", b"\x05\0", b"\x30\0", own])
    elif parents:
        siblings = parents[0].inner
        at = next(index for index, inner in enumerate(siblings) if inner is node)
        if what == "drop":
            del siblings[at]
            parents[0].content = parents[0].prefix
        elif what == "twice":
            siblings.insert(at, node)
        else:
            other = draw.randrange(len(siblings))
            siblings[at], siblings[other] = siblings[other], siblings[at]
    return what, whole.written()


@dataclass(frozen=True)
class Case:
    """Certificates as one card brings them; ``issuer`` is one of them by its place, and ``signer`` its key, which signs
    for real.
    """

    what: str
    certificates: tuple[bytes, ...]
    signer: Key
    issuer: int = 0

    def workload(self, now: datetime, key: Key) -> bytes:
        """Return the certificate of a workload of this key, as istiod makes them, issued by ``issuer``."""
        fields = children(children(self.certificates[self.issuer])[0])
        subject = fields[5] if fields[0][0] == 0xA0 else fields[4]
        validity = sequence(moment(now - timedelta(hours=1)), moment(now + timedelta(days=1)))
        identity = extension("2.5.29.17", sequence(uri(f"spiffe://{TRUST_DOMAIN}/ns/shop/sa/cart")), critical=True)
        usage = extension("2.5.29.15", bits(b"\xa0", 5), critical=True)
        named = (
            [extension("2.5.29.35", sequence(der(0x80, own)))]
            if (own := _subject_key_id(self.certificates[self.issuer]))
            else []
        )
        extensions = wrapped(
            [usage, extended(SERVER, CLIENT), extension("2.5.29.19", sequence(), critical=True), *named, identity]
        )
        return Parts(V3, integer(7), self.signer.algorithm, subject, validity, name(), key.public, extensions).signed(
            self.signer
        )


def _subject_key_id(certificate: bytes) -> bytes | None:
    try:
        return (
            x509.load_der_x509_certificate(certificate)
            .extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
            .value.digest
        )
    except x509.ExtensionNotFound:
        return None


def directory(value: bytes) -> bytes:
    """Return a general name that is a distinguished name."""
    return der(0xA4, value)


PLAIN_NAME = name((ORGANIZATION, UTF8, b"west"))
SURROGATES = name((COMMON, BMP, b"\xd8\x3d\xde\x00"))
NONCHARACTER = name((COMMON, UTF8, "a\ufffe".encode()))


def odd_extensions(key: Key) -> dict[str, bytes]:
    """Return extensions that a root of this key could have beside those that make it a root."""
    own, other = key_id(key), bytes(20)
    addresses = sequence(der(0x87, bytes([10, 0, 0, 0, 255, 0, 0, 0])))
    policy = sequence(oid("1.2.3.4"))
    point = sequence(der(0xA0, der(0xA0, uri("http://crl.west.example/root.crl"))))
    access = sequence(sequence(oid("1.3.6.1.5.5.7.48.1"), uri("http://ocsp.west.example")))
    found = {
        "client and server": extended(CLIENT, SERVER),
        "client and server, critical": extended(SERVER, CLIENT, CODE, critical=True),
        "client only": extended(CLIENT),
        "server only": extended(SERVER),
        "any use": extended(ANY),
        "code signing": extended(CODE),
        "no use": extended(),
        "our domain permitted": limited(permitted=[uri(TRUST_DOMAIN)]),
        "our domain permitted, capitals": limited(permitted=[uri("WEST.Local")]),
        "domains below permitted": limited(permitted=[uri(".local")]),
        "a domain below ours permitted": limited(permitted=[uri("." + TRUST_DOMAIN)]),
        "another domain permitted": limited(permitted=[uri("east.local")]),
        "another domain and ours permitted": limited(permitted=[uri("east.local"), uri(TRUST_DOMAIN)]),
        "an empty URI permitted": limited(permitted=[uri("")]),
        "a whole identity permitted": limited(permitted=[uri(f"spiffe://{TRUST_DOMAIN}")]),
        "our domain excluded": limited(excluded=[uri(TRUST_DOMAIN)]),
        "all below local excluded": limited(excluded=[uri(".local")], critical=False),
        "another domain excluded": limited(excluded=[uri("east.local")]),
        "an empty URI excluded": limited(excluded=[uri("")]),
        "DNS names permitted": limited(permitted=[der(0x82, b"west.example")]),
        "addresses permitted": limited(permitted=[der(0x87, bytes([10, 0, 0, 0, 255, 0, 0, 0]))]),
        "directory names permitted": limited(permitted=[directory(PLAIN_NAME)]),
        "directory names of surrogates permitted": limited(permitted=[directory(SURROGATES)]),
        "mail permitted": limited(permitted=[der(0x81, b"west.example")]),
        "other names permitted": limited(permitted=[der(0xA0, oid("1.2.3"), der(0xA0, der(UTF8, b"x")))]),
        "registered ids excluded": limited(excluded=[der(0x88, b"\x2a\x03")]),
        "URIs permitted from a depth on": extension("2.5.29.30", sequence(der(0xA0, sequence(uri(TRUST_DOMAIN),
        der(0x80, b"\x01")))), critical=True),
        "URIs permitted to a depth": extension("2.5.29.30", sequence(der(0xA0, sequence(uri(TRUST_DOMAIN), der(0x81,
        b"\x05")))), critical=True),
        "DNS names permitted to a depth": extension("2.5.29.30", sequence(der(0xA0, sequence(der(0x82, b"x"), der(0x81,
        b"\x05")))), critical=True),
        "no constraints": limited(),
        "a short address permitted": limited(permitted=[der(0x87, bytes([10, 0, 0, 0]))]),
        "a holey mask permitted": limited(permitted=[der(0x87, bytes([10, 0, 0, 0, 255, 0, 255, 0]))]),
        "own key named": extension("2.5.29.35", sequence(der(0x80, own))),
        "another key named": extension("2.5.29.35", sequence(der(0x80, other))),
        "nothing named": extension("2.5.29.35", sequence()),
        "own serial named": extension(
            "2.5.29.35",
            sequence(der(0xA1, directory(name((ORGANIZATION, UTF8, b"west"), (COMMON, PRINTABLE, b"Root CA")))),
            der(0x82, b"\x5e\xed")),
        ),
        "another serial named": extension(
            "2.5.29.35",
            sequence(der(0xA1, directory(name((ORGANIZATION, UTF8, b"west"), (COMMON, PRINTABLE, b"Root CA")))),
            der(0x82, b"\x01")),
        ),
        "another issuer named": extension("2.5.29.35", sequence(der(0xA1, directory(PLAIN_NAME)), der(0x82,
        b"\x5e\xed"))),
        "a serial alone": extension("2.5.29.35", sequence(der(0x82, b"\x5e\xed"))),
        "a second key id": extension("2.5.29.14", der(OCTETS, other)),
        "an identity": extension("2.5.29.17", sequence(uri(f"spiffe://{TRUST_DOMAIN}"))),
        "an identity, critical": extension("2.5.29.17", sequence(uri(f"spiffe://{TRUST_DOMAIN}")), critical=True),
        "a DNS name": extension("2.5.29.17", sequence(der(0x82, b"west.example"))),
        "a DNS name that is not ASCII": extension("2.5.29.17", sequence(der(0x82, b"w\xffst"))),
        "an address of five bytes": extension("2.5.29.17", sequence(der(0x87, bytes(5)))),
        "no alternative name": extension("2.5.29.17", sequence()),
        "a directory name of surrogates": extension("2.5.29.17", sequence(directory(SURROGATES))),
        "a directory name of a noncharacter": extension("2.5.29.17", sequence(directory(NONCHARACTER))),
        "an X.400 address": extension("2.5.29.17", sequence(der(0xA3, b""))),
        "an EDI party": extension("2.5.29.17", sequence(der(0xA5, der(0xA1, der(UTF8, b"x"))))),
        "an issuer's alternative name": extension("2.5.29.18", sequence(uri("https://west.example"))),
        "an issuer's alternative name, critical": extension("2.5.29.18", sequence(uri("https://west.example")),
        critical=True),
        "a broken alternative name of the issuer": extension("2.5.29.18", b"\x30\x05"),
        "a revocation list": extension("2.5.29.31", sequence(point)),
        "a revocation list, critical": extension("2.5.29.31", sequence(point), critical=True),
        "a revocation list of a relative name": extension("2.5.29.31", sequence(sequence(der(0xA0, der(0xA1,
        sequence(oid(COMMON), der(UTF8, b"x"))))))),
        "a revocation list of an unreadable relative name": extension(
            "2.5.29.31",
            sequence(sequence(der(0xA0, der(0xA1, sequence(oid(COMMON), der(UTF8, b"\xff")))))),
        ),
        "a revocation list of a noncharacter": extension(
            "2.5.29.31",
            sequence(sequence(der(0xA0, der(0xA1, sequence(oid(COMMON), der(UTF8, "\ufffe".encode())))))),
        ),
        "a revocation list of reasons": extension("2.5.29.31", sequence(sequence(der(0x81, b"\x00\xff"), der(0xA2,
        directory(PLAIN_NAME))))),
        "no revocation list": extension("2.5.29.31", sequence()),
        "a broken revocation list": extension("2.5.29.31", b"\x30\x01"),
        "a fresh revocation list": extension("2.5.29.46", sequence(point)),
        "an OCSP server": extension("1.3.6.1.5.5.7.1.1", access),
        "an OCSP server, critical": extension("1.3.6.1.5.5.7.1.1", access, critical=True),
        "no OCSP server": extension("1.3.6.1.5.5.7.1.1", sequence()),
        "a policy": extension("2.5.29.32", sequence(policy)),
        "a policy, critical": extension("2.5.29.32", sequence(policy), critical=True),
        "a policy twice": extension("2.5.29.32", sequence(policy, policy)),
        "any policy": extension("2.5.29.32", sequence(sequence(oid("2.5.29.32.0")))),
        "no policy": extension("2.5.29.32", sequence()),
        "a policy with a notice": extension(
            "2.5.29.32",
            sequence(sequence(oid("1.2.3.4"), sequence(sequence(oid("1.3.6.1.5.5.7.2.2"), sequence(der(0x1A,
            b"a word")))))),
        ),
        "a policy with an odd qualifier": extension("2.5.29.32", sequence(sequence(oid("1.2.3.4"),
        sequence(sequence(oid("1.2.3.5"), der(NULL)))))),
        "a policy wanted at once": extension("2.5.29.36", sequence(der(0x80, b"\0")), critical=True),
        "a policy wanted later": extension("2.5.29.36", sequence(der(0x80, b"\x05")), critical=True),
        "a policy wanted at once, not critical": extension("2.5.29.36", sequence(der(0x80, b"\0"))),
        "no mapping of policies": extension("2.5.29.36", sequence(der(0x81, b"\0")), critical=True),
        "no policy constraint": extension("2.5.29.36", sequence(), critical=True),
        "policies mapped": extension("2.5.29.33", sequence(sequence(oid("1.2.3.4"), oid("1.2.3.5"))), critical=True),
        "any policy mapped": extension("2.5.29.33", sequence(sequence(oid("2.5.29.32.0"), oid("1.2.3.5"))),
        critical=True),
        "policies mapped by nothing": extension("2.5.29.33", sequence()),
        "any policy inhibited": extension("2.5.29.54", integer(0), critical=True),
        "any policy inhibited, negative": extension("2.5.29.54", integer(-1), critical=True),
        "Netscape: a CA": extension("2.16.840.1.113730.1.1", bits(b"\x07")),
        "Netscape: a CA for TLS and more": extension("2.16.840.1.113730.1.1", bits(b"\xff", 0)),
        "Netscape: a client": extension("2.16.840.1.113730.1.1", bits(b"\x80", 7)),
        "Netscape: a CA for objects": extension("2.16.840.1.113730.1.1", bits(b"\x01")),
        "Netscape: nothing": extension("2.16.840.1.113730.1.1", b""),
        "Netscape: broken": extension("2.16.840.1.113730.1.1", b"\x03\x05\x00\x04"),
        "Netscape: a comment": extension("2.16.840.1.113730.1.13", der(IA5, b"made by hand")),
        "a proxy's certificate": extension("1.3.6.1.5.5.7.1.14", sequence(sequence(oid("1.3.6.1.5.5.7.21.1")))),
        "address blocks": extension("1.3.6.1.5.5.7.1.7", sequence(sequence(der(OCTETS, b"\0\1"),
        sequence(bits(b"\x0a"))))),
        "broken address blocks": extension("1.3.6.1.5.5.7.1.7", addresses),
        "numbers of autonomous systems": extension("1.3.6.1.5.5.7.1.8", sequence(der(0xA0, sequence(integer(64500))))),
        "broken numbers of autonomous systems": extension("1.3.6.1.5.5.7.1.8", b"\x30\x03\x02\x01"),
        "unknown": extension("1.2.3.4.5", b"anything"),
        "unknown, empty": extension("1.2.3.4.5", b""),
        "unknown, critical": extension("1.2.3.4.5", b"anything", critical=True),
        "unknown, twice": extension("1.2.3.4.5", b"one") + extension("1.2.3.4.5", b"two"),
        "the version of a Windows CA": extension("1.3.6.1.4.1.311.21.1", integer(0)),
        "the template of a Windows CA": extension("1.3.6.1.4.1.311.20.2", der(BMP, "CA".encode("utf-16-be"))),
        "OCSP must be stapled": extension("1.3.6.1.5.5.7.1.24", sequence(integer(5))),
        "OCSP must be stapled, critical": extension("1.3.6.1.5.5.7.1.24", sequence(integer(5)), critical=True),
        "no check by OCSP": extension("1.3.6.1.5.5.7.48.1.5", der(NULL)),
        "signed timestamps": extension("1.3.6.1.4.1.11129.2.4.2", der(OCTETS, b"\0\0")),
        "broken signed timestamps": extension("1.3.6.1.4.1.11129.2.4.2", b"\x04\x05"),
        "a poison": extension("1.3.6.1.4.1.11129.2.4.3", der(NULL), critical=True),
        "the key's period of use": extension("2.5.29.16", sequence(der(0x80, b"20200101000000Z"), der(0x81,
        b"20210101000000Z"))),
        "a subject's attributes": extension("2.5.29.9", sequence(sequence(oid("1.3.6.1.5.5.7.9.4"), der(SET,
        der(PRINTABLE, b"DE"))))),
        "a number of a revocation list": extension("2.5.29.20", integer(1)),
        "a reason of revocation": extension("2.5.29.21", der(0x0A, b"\1")),
        "a second limit of the path": extension("2.5.29.19", sequence(der(BOOLEAN, b"\xff"), integer(0))),
        "a second key usage": extension("2.5.29.15", bits(b"\x80", 7)),
        "critical said to be false": sequence(oid("1.2.3.4.5"), der(BOOLEAN, b"\0"), der(OCTETS, b"x")),
        "critical said by 1": sequence(oid("2.5.29.32"), der(BOOLEAN, b"\1"), der(OCTETS, sequence(policy))),
        "an extension of nothing": sequence(),
        "an extension without a value": sequence(oid("1.2.3.4.5")),
        "more in an extension": sequence(oid("1.2.3.4.5"), der(OCTETS, b"x"), der(NULL)),
        "more behind a value": extension("2.5.29.37", sequence(oid(CLIENT), oid(SERVER)) + b"\0"),
    }  # fmt: skip
    return found


BASIC = {
    "no limit of the path": sequence(der(BOOLEAN, b"\xff")),
    "a path of 0": sequence(der(BOOLEAN, b"\xff"), integer(0)),
    "a path of 1": sequence(der(BOOLEAN, b"\xff"), integer(1)),
    "a path of 2^31": sequence(der(BOOLEAN, b"\xff"), integer(2**31)),
    "a path of 2^40": sequence(der(BOOLEAN, b"\xff"), integer(2**40)),
    "a path of 2^63": sequence(der(BOOLEAN, b"\xff"), integer(2**63)),
    "a path of 2^64": sequence(der(BOOLEAN, b"\xff"), integer(2**64)),
    "a path of -1": sequence(der(BOOLEAN, b"\xff"), integer(-1)),
    "a path of two bytes": sequence(der(BOOLEAN, b"\xff"), der(INTEGER, b"\0\0")),
    "a path of no bytes": sequence(der(BOOLEAN, b"\xff"), der(INTEGER)),
    "no CA": sequence(),
    "no CA, said": sequence(der(BOOLEAN, b"\0")),
    "no CA, with a path": sequence(integer(0)),
    "a CA by 1": sequence(der(BOOLEAN, b"\1")),
    "a CA by two bytes": sequence(der(BOOLEAN, b"\xff\xff")),
    "a CA and more": sequence(der(BOOLEAN, b"\xff"), integer(0), integer(0)),
    "no sequence": der(BOOLEAN, b"\xff"),
    "nothing": b"",
    "more behind it": sequence(der(BOOLEAN, b"\xff")) + b"\0",
}
USAGES = {
    "signs": bits(b"\x06", 1),
    "signs certificates": bits(b"\x04", 2),
    "all": bits(b"\xff\x80", 7),
    "lists only": bits(b"\x02", 1),
    "signatures only": bits(b"\x80", 7),
    "none": bits(b""),
    "none, in a byte": bits(b"\0"),
    "one byte too many": bits(b"\x06\0", 0),
    "unused bits set": bits(b"\x07", 1),
    "eight unused": bits(b"\x06", 8),
    "not even a count": der(BITS),
    "no bits": der(OCTETS, b"\x06"),
}
SERIALS = {
    "zero": integer(0),
    "negative": integer(-1),
    "twenty bytes": integer(2**158),
    "twenty-one bytes": integer(2**166),
    "a hundred bytes": integer(2**800),
    "none": der(INTEGER),
    "two bytes for one": der(INTEGER, b"\0\1"),
    "no number": der(OCTETS, b"\1"),
}
NAMES = {
    "none": name(),
    "of no attribute": sequence(der(SET)),
    "Latin 1": name((COMMON, T61, b"w\xe4st")),
    "T61": name((COMMON, T61, b"west")),
    "BMP": name((COMMON, BMP, "wëst".encode("utf-16-be"))),
    "BMP of odd length": name((COMMON, BMP, b"\0w\0")),
    "BMP with surrogates": SURROGATES,
    "BMP with half a surrogate": name((COMMON, BMP, b"\xd8\x3d")),
    "BMP with a noncharacter": name((COMMON, BMP, b"\xff\xfe")),
    "universal": name((COMMON, UNIVERSAL, "wëst".encode("utf-32-be"))),
    "universal, beyond Unicode": name((COMMON, UNIVERSAL, b"\0\x11\0\0")),
    "universal, a surrogate": name((COMMON, UNIVERSAL, b"\0\0\xd8\0")),
    "UTF-8": name((COMMON, UTF8, "wëst 😀".encode())),
    "broken UTF-8": name((COMMON, UTF8, b"w\xffst")),
    "overlong UTF-8": name((COMMON, UTF8, b"\xc0\xaf")),
    "UTF-8 with a surrogate": name((COMMON, UTF8, b"\xed\xa0\x80")),
    "UTF-8 with a noncharacter": NONCHARACTER,
    "UTF-8 with another noncharacter": name((COMMON, UTF8, "\ufdd0".encode())),
    "UTF-8 with a noncharacter of a higher plane": name((COMMON, UTF8, "\U0001ffff".encode())),
    "UTF-8 with NUL": name((COMMON, UTF8, b"we\0st")),
    "UTF-8 with a mark of order": name((COMMON, UTF8, "\ufeffwest".encode())),
    "printable": name((COMMON, PRINTABLE, b"west")),
    "printable, unprintable": name((COMMON, PRINTABLE, b"w@\x01")),
    "printable, not ASCII": name((COMMON, PRINTABLE, b"w\xffst")),
    "IA5, not ASCII": name((COMMON, IA5, b"w\xffst")),
    "numeric": name((COMMON, 0x12, b"123")),
    "numeric, letters": name((COMMON, 0x12, b"abc")),
    "visible": name((COMMON, 0x1A, b"west")),
    "general": name((COMMON, 0x1B, b"west")),
    "graphic": name((COMMON, 0x19, b"west")),
    "an octet string": name((COMMON, OCTETS, b"west")),
    "a bit string": name((COMMON, BITS, b"\0west")),
    "a unique identifier": name(("2.5.4.45", BITS, b"\0west")),
    "a time": name((COMMON, UTC_TIME, b"230101000000Z")),
    "a number": name((COMMON, INTEGER, b"\x05")),
    "NULL": name((COMMON, NULL, b"")),
    "a sequence": name((COMMON, SEQUENCE, b"")),
    "an empty text": name((COMMON, UTF8, b"")),
    "an attribute that nobody knows": name(("1.2.3.4.5.6", UTF8, b"west")),
    "a country of three letters": name(("2.5.4.6", PRINTABLE, b"DEU")),
    "a mail address": name(("1.2.840.113549.1.9.1", IA5, b"ca@west.example")),
    "two attributes in one": sequence(der(SET, sequence(oid(ORGANIZATION), der(UTF8, b"west")), sequence(oid(COMMON),
    der(UTF8, b"CA")))),
    "two attributes out of order": sequence(der(SET, sequence(oid(COMMON), der(UTF8, b"CA")), sequence(oid("2.5.4.5"),
    der(UTF8, b"a")))),
    "the same attribute twice": name((COMMON, UTF8, b"west"), (COMMON, UTF8, b"west")),
    "three parts": sequence(der(SET, sequence(oid(COMMON), der(UTF8, b"west"), der(NULL)))),
    "long": name((COMMON, UTF8, b"w" * 10_000)),
    "a broken type": sequence(der(SET, sequence(der(OID, b"\x80\x01"), der(UTF8, b"west")))),
    "an unfinished type": sequence(der(SET, sequence(der(OID, b"\x55\x84"), der(UTF8, b"west")))),
    "an empty type": sequence(der(SET, sequence(der(OID), der(UTF8, b"west")))),
    "no sequence": der(SET, sequence(oid(COMMON), der(UTF8, b"west"))),
}  # fmt: skip


def odd_times(now: datetime) -> dict[str, bytes]:
    """Return validities: their two ends in the order and form in which they stand."""
    past, future = moment(now - timedelta(days=400)), moment(now + timedelta(days=400))
    ahead = {
        f"in {minutes} minutes": sequence(moment(now + timedelta(minutes=minutes)), future)
        for minutes in (2, 10, 60, 24 * 60)
    }
    beginnings = {
        "of no time": der(UTC_TIME), "of words": der(UTC_TIME, b"last Thursday"), "without seconds": der(UTC_TIME,
        b"2301010000Z"),
        "with an offset": der(UTC_TIME, b"230101000000+0100"),
        "without a zone": der(UTC_TIME, b"230101000000"), "with a fraction": der(LONG_TIME, b"20230101000000.5Z"),
        "of the 61st second": der(UTC_TIME, b"230101000061Z"),
        "of a leap second": der(UTC_TIME, b"161231235960Z"), "of the 30th of February": der(UTC_TIME, b"230230000000Z"),
        "of the year 0": der(LONG_TIME, b"00000101000000Z"), "of the year 1": der(LONG_TIME, b"00010101000000Z"),
        "of 1900": der(LONG_TIME, b"19000101000000Z"),
        "of 1950": der(UTC_TIME, b"500101000000Z"), "written long": der(LONG_TIME, b"20230101000000Z"),
        "of another type": der(PRINTABLE, b"230101000000Z"),
        "with a blank": der(UTC_TIME, b"23 101000000Z"),
        "of other digits": der(UTC_TIME, "23010100000٣Z".encode()), "with a sign": der(UTC_TIME, b"+30101000000Z"),
    }  # fmt: skip
    ends = {
        "of 9999": der(LONG_TIME, b"99991231235959Z"), "of 2049": der(UTC_TIME, b"491231235959Z"),
        "of 2049, long": der(LONG_TIME, b"20491231235959Z"),
        "of 2050": der(LONG_TIME, b"20500101000000Z"), "of 10000": der(LONG_TIME, b"100000101000000Z"),
        "of words": der(UTC_TIME, b"never"), "of no time": der(LONG_TIME),
        "long ago": moment(now - timedelta(days=1)), "with an offset": der(LONG_TIME, b"20500101000000+0000"),
        "of 24 h": der(LONG_TIME, b"20500101240000Z"),
    }  # fmt: skip
    return {
        "an ordinary time": sequence(past, future),
        "backwards": sequence(future, past),
        "one moment": sequence(past, past),
        "one end": sequence(past),
        "three ends": sequence(past, future, future),
        **{f"a beginning {what}": value for what, value in ahead.items()},
        **{f"a beginning {what}": sequence(value, future) for what, value in beginnings.items()},
        **{f"an end {what}": sequence(past, value) for what, value in ends.items()},
    }


def good_keys() -> list[Key]:
    return [
        ec_key(),
        rsa_key(2048),
        ec_key(ec.SECP384R1, hashes.SHA384),
        edwards_key(),
        ec_key(ec.SECP521R1, hashes.SHA512),
        pss_key(),
    ]


def odd_keys() -> dict[str, Key]:
    """Return keys and ways to sign, of which some are good."""
    found = [
        *good_keys(),
        *(small_rsa_key(size) for size in (512, 1024, 1536, 2040, 2047)),
        *(small_rsa_key(2048, exponent) for exponent in (1, 3, 17, 2**31 - 1, 2**33 + 17, 2**65 + 131)),
        rsa_key(2048, digest=hashes.SHA1), rsa_key(2048, digest=hashes.SHA384), rsa_key(2048, digest=hashes.SHA512),
        rsa_key(3072),
        *(pss_key(digest) for digest in (hashes.SHA1, hashes.SHA384, hashes.SHA512)), pss_key(salt=20),
        pss_key(salt=0), pss_key(mgf=hashes.SHA1),
        *(ec_key(digest=digest) for digest in (hashes.SHA1, hashes.SHA224, hashes.SHA384, hashes.SHA512)),
        *(ec_key(curve) for curve in (ec.SECP224R1, ec.SECP256K1, ec.BrainpoolP256R1)),
        ec_key(compressed=True), edwards_key(ed448.Ed448PrivateKey), dsa_key(),
    ]  # fmt: skip
    return {key.kind: key for key in found}


def odd_algorithms() -> dict[str, tuple[bytes, bytes]]:
    """Return algorithm identifiers of the signature, inside and outside, for a key on P-256."""
    plain, other = ec_key().algorithm, rsa_key(2048).algorithm
    with_null = sequence(oid("1.2.840.10045.4.3.2"), der(NULL))
    return {
        "another outside": (plain, other),
        "another inside": (other, plain),
        "another": (other, other),
        "NULL": (with_null, with_null),
        "NULL outside": (plain, with_null),
        "nothing": (sequence(), sequence()),
        "unknown": (sequence(oid("1.2.3.4")), sequence(oid("1.2.3.4"))),
        "of more": (
            sequence(oid("1.2.840.10045.4.3.2"), der(OCTETS, b"x")),
            sequence(oid("1.2.840.10045.4.3.2"), der(OCTETS, b"x")),
        ),
    }


def odd_key_forms() -> dict[str, bytes]:
    """Return public keys as no ordinary certificate has them."""
    plain, p256 = ec_key().public, oid("1.2.840.10045.3.1.7")
    kind, point = children(plain)
    modulus = b"\0\xb5" + b"\x11" * 255
    of_rsa = sequence(oid("1.2.840.113549.1.1.1"), der(NULL))
    return {
        "a point off the curve": sequence(kind, bits(b"\x04" + b"\1" * 64)),
        "the point at infinity": sequence(kind, bits(b"\0")),
        "a short point": sequence(kind, bits(b"\x04" + b"\1" * 40)),
        "a hybrid point": sequence(kind, bits(b"\x06" + split(point)[1][2:])),
        "unused bits": sequence(kind, der(BITS, b"\x01" + split(point)[1][1:])),
        "no curve": sequence(sequence(oid("1.2.840.10045.2.1")), point),
        "NULL for a curve": sequence(sequence(oid("1.2.840.10045.2.1"), der(NULL)), point),
        "an implicit curve": sequence(sequence(oid("1.2.840.10045.2.1"), sequence(integer(1))), point),
        "a key for agreement": sequence(sequence(oid("1.3.132.1.12"), p256), point),
        "RSA without NULL": sequence(
            sequence(oid("1.2.840.113549.1.1.1")), bits(sequence(der(INTEGER, modulus), integer(65537)))
        ),
        "an even modulus": sequence(of_rsa, bits(sequence(integer(2**2047), integer(65537)))),
        "a negative modulus": sequence(of_rsa, bits(sequence(integer(-(2**2047)), integer(65537)))),
        "an exponent of 0": sequence(of_rsa, bits(sequence(der(INTEGER, modulus), integer(0)))),
        "an even exponent": sequence(of_rsa, bits(sequence(der(INTEGER, modulus), integer(65536)))),
        "a modulus of 16 KiB": sequence(of_rsa, bits(sequence(integer(2**16383 + 1), integer(65537)))),
        "no key": sequence(of_rsa, bits(b"")),
        "a PSS key": sequence(
            sequence(oid("1.2.840.113549.1.1.10")), bits(sequence(der(INTEGER, modulus), integer(65537)))
        ),
        "Ed25519 with parameters": sequence(sequence(oid("1.3.101.112"), der(NULL)), bits(b"\x09" * 32)),
        "Ed25519 of 31 bytes": sequence(sequence(oid("1.3.101.112")), bits(b"\x09" * 31)),
        "Ed25519 of small order": sequence(sequence(oid("1.3.101.112")), bits(b"\1" + bytes(31))),
        "X25519": sequence(sequence(oid("1.3.101.110")), bits(b"\x09" + bytes(31))),
        "ML-DSA-44": sequence(sequence(oid("2.16.840.1.101.3.4.3.17")), bits(bytes(1312))),
        "unknown": sequence(sequence(oid("1.2.3.4")), bits(b"key")),
    }


def odd(now: datetime) -> Iterator[Case]:
    """Give each odd thing once, alone: extensions, names, times, serials, versions, keys, algorithms, and chains."""
    key = ec_key()
    base = root_of(key, now=now)
    yield Case("ordinary", (base.signed(key),), key)
    for what, extra in odd_extensions(key).items():
        yield Case(f"extension: {what}", (root_of(key, extra, now=now).signed(key),), key)
    for what, value in BASIC.items():
        changed = replace(base, extensions=wrapped([extension("2.5.29.19", value, critical=True), SIGNS]))
        yield Case(f"basic constraints: {what}", (changed.signed(key),), key)
    for what, value in USAGES.items():
        yield Case(
            f"key usage: {what}",
            (replace(base, extensions=wrapped([CA, extension("2.5.29.15", value)])).signed(key),),
            key,
        )
    for what, serial in SERIALS.items():
        yield Case(f"serial: {what}", (replace(base, serial=serial).signed(key),), key)
    for what, value in NAMES.items():
        yield Case(f"name: {what}", (replace(base, issuer=value, subject=value).signed(key),), key)
        yield Case(f"issuer: {what}", (base.signed(key), replace(base, issuer=value).signed(key)), key)
    for what, value in odd_times(now).items():
        yield Case(f"validity: {what}", (replace(base, validity=value).signed(key),), key)
    for what, version in {
        "1": V1,
        "1, said": der(0xA0, integer(0)),
        "2": V2,
        "4": der(0xA0, integer(3)),
        "-1": der(0xA0, integer(-1)),
    }.items():
        yield Case(f"version {what}", (replace(base, version=version).signed(key),), key)
        yield Case(f"version {what}, no extensions", (replace(base, version=version, extensions=b"").signed(key),), key)
    kinds = {
        "issuer": der(0x81, b"\0x"),
        "subject": der(0x82, b"\0x"),
        "both": der(0x81, b"\0x") + der(0x82, b"\0y"),
        "swapped": der(0x82, b"\0x") + der(0x81, b"\0y"),
    }
    for what, unique in kinds.items():
        yield Case(f"unique identifier: {what}", (replace(base, unique=unique).signed(key),), key)
    for what, value in {
        "none": der(0xA3, sequence()),
        "empty": der(0xA3),
        "two lists": base.extensions * 2,
        "a set": der(0xA3, der(SET, CA)),
    }.items():
        yield Case(f"extensions: {what}", (replace(base, extensions=value).signed(key),), key)
    for what, other in odd_keys().items():
        yield Case(f"key: {what}", (root_of(other, now=now).signed(other),), other)
    for what, (inside, outside) in odd_algorithms().items():
        yield Case(f"algorithm: {what}", (replace(base, algorithm=inside, outer_algorithm=outside).signed(key),), key)
    for what, form in odd_key_forms().items():
        yield Case(f"form of the key: {what}", (replace(base, key=form).signed(key),), key)
        yield Case(
            f"form of an intermediate's key: {what}",
            (base.signed(key), replace(base, subject=PLAIN_NAME, key=form).signed(key)),
            key,
        )
    for what, after in {"a zero": b"\0", "itself": base.signed(key), "a newline": b"\n"}.items():
        yield Case(f"after the end: {what}", (replace(base, after=after).signed(key),), key)
    yield from chains(now)


def chains(now: datetime) -> Iterator[Case]:
    """Give intermediates beside roots, good ones and those that no chain goes through."""
    key, below, stranger = ec_key(), ec_key(ec.SECP384R1, hashes.SHA384), rsa_key(2048)
    own = root_of(key, now=now)
    inner = replace(own, subject=PLAIN_NAME, key=below.public, extensions=wrapped([CA, SIGNS]))
    last = replace(inner, issuer=PLAIN_NAME, subject=NAMES["T61"], key=stranger.public, algorithm=below.algorithm)
    short = replace(own, extensions=wrapped([extension("2.5.29.19", BASIC["a path of 0"]), SIGNS]))
    shorter = replace(inner, extensions=wrapped([extension("2.5.29.19", BASIC["a path of 0"]), SIGNS]))
    named = replace(inner, extensions=wrapped([CA, extension("2.5.29.35", sequence(der(0x80, key_id(key))))]))
    misnamed = replace(inner, extensions=wrapped([CA, extension("2.5.29.35", sequence(der(0x80, bytes(20))))]))
    identity = extension("2.5.29.17", sequence(uri(f"spiffe://{TRUST_DOMAIN}")))
    next_id = extension("2.5.29.14", der(OCTETS, key_id(below)))
    root, middle, deep = own.signed(key), inner.signed(key), last.signed(below)
    within = root_of(key, limited(permitted=[uri(TRUST_DOMAIN)]), now=now).signed(key)
    rows: dict[str, tuple[list[bytes], Key, int]] = {
        "an intermediate": ([root, middle], below, 1),
        "an intermediate first": ([middle, root], below, 0),
        "two intermediates": ([root, middle, deep], stranger, 2),
        "two intermediates, the last first": ([deep, middle, root], stranger, 0),
        "the intermediate between is missing": ([root, deep], stranger, 1),
        "an intermediate alone": ([middle], below, 0),
        "an intermediate of a stranger of the root's name": ([root, replace(inner,
        algorithm=stranger.algorithm).signed(stranger)], below, 1),
        "an intermediate signed by itself": ([root, replace(inner, algorithm=below.algorithm).signed(below)], below, 1),
        "an intermediate of another name of the root": ([root, replace(inner, issuer=NAMES["T61"]).signed(key)], below,
        1),
        "an intermediate below a path of 0": ([short.signed(key), middle], below, 1),
        "two intermediates, the first with a path of 0": ([root, shorter.signed(key), deep], stranger, 2),
        "one intermediate with a path of 0": ([root, shorter.signed(key)], below, 1),
        "an intermediate that names the root's key": ([root, named.signed(key)], below, 1),
        "an intermediate that names another key": ([root, misnamed.signed(key)], below, 1),
        "the root's next key, signed by the old one": ([root, replace(own, key=below.public, extensions=wrapped([CA,
        SIGNS, next_id])).signed(key)], below, 1),
        "an intermediate with an identity below a limited root": ([within, replace(inner, extensions=wrapped([CA,
        identity])).signed(key)], below, 1),
        "an intermediate below a limited root": ([within, middle], below, 1),
        "an intermediate below a root of other names": ([root_of(key, limited(permitted=[directory(SURROGATES)]),
        now=now).signed(key), middle], below, 1),
    }  # fmt: skip
    for what, (certificates, signer, issuer) in rows.items():
        yield Case(f"chain: {what}", tuple(certificates), signer, issuer)


def drawn(seed: int, count: int, now: datetime) -> Iterator[Case]:
    """Give ``count`` certificates: all odd ones as far as they go, then several oddities at once, and broken ones.

    What is broken is signed again, so that nothing but the break counts; a part is left as it was, with its old
    signature.
    """
    draw = random.Random(seed)
    known = list(odd(now))
    yield from known[:count]
    pools = {key: odd_extensions(key) for key in good_keys()[:4]}
    times = odd_times(now)
    for _each in range(count - len(known)):
        key = draw.choice([*pools, ec_key(), ec_key()])
        extras = draw.sample(sorted(pools[key]), draw.choice([0, 0, 1, 1, 2, 4]))
        parts = root_of(key, *(pools[key][what] for what in extras), now=now)
        kind = draw.random()
        if kind < 0.3:
            yield _mixed(draw, key, pools[key], times, now)
        elif kind < 0.4:
            whole = bytearray(parts.signed(key))
            at = draw.randrange(len(whole))
            whole[at] ^= 1 << draw.randrange(8)
            yield Case(f"{key.kind}, {extras}: bit of byte {at}, not signed again", (bytes(whole),), key)
        else:
            yield _broken(draw, key, parts, f"{key.kind}, {extras}", now)


def _mixed(draw: random.Random, key: Key, pool: dict[str, bytes], times: dict[str, bytes], now: datetime) -> Case:
    """Return a root with several oddities, each well formed."""
    extras = draw.sample(sorted(pool), draw.randint(1, 3))
    basic, usage = (
        draw.choice(sorted(table)[-4:] if draw.random() < 0.2 else [first])
        for table, first in ((BASIC, "no limit of the path"), (USAGES, "all"))
    )
    label, validity, serial = draw.choice(sorted(NAMES)), draw.choice(sorted(times)), draw.choice(sorted(SERIALS))
    extensions = [
        extension("2.5.29.19", BASIC[basic]),
        extension("2.5.29.15", USAGES[usage]),
        *(pool[what] for what in extras),
    ]
    draw.shuffle(extensions)
    parts = replace(root_of(key, now=now), extensions=wrapped(extensions))
    said = [key.kind, *extras, basic, usage]
    if draw.random() < 0.4:
        parts = replace(parts, issuer=NAMES[label], subject=NAMES[label])
        said.append(label)
    if draw.random() < 0.3:
        parts, said = replace(parts, validity=times[validity]), [*said, validity]
    if draw.random() < 0.3:
        parts, said = replace(parts, serial=SERIALS[serial]), [*said, serial]
    return Case("; ".join(said), (parts.signed(key),), key)


def _broken(draw: random.Random, key: Key, parts: Parts, label: str, now: datetime) -> Case:
    """Return a root with one or two parts broken, or an intermediate of that kind beside its root."""
    said = []
    for _change in range(draw.choice([1, 1, 1, 2])):
        place = draw.choice(["extensions"] * 5 + [field for field in FIELDS if getattr(parts, field)])
        how, changed = broken(getattr(parts, place), draw) if getattr(parts, place) else ("gone", b"")
        also = {"issuer": changed} if place == "subject" and draw.random() < 0.7 else {}
        parts = replace(
            parts, **{place: changed}, **also, outer_algorithm=None if draw.random() < 0.7 else key.algorithm
        )
        said.append(f"{place} {how}")
    what = f"{label}: {', '.join(said)}"
    if draw.random() < 0.2:
        return Case(
            f"{what}, below a root",
            (root_of(key, now=now).signed(key), replace(parts, subject=PLAIN_NAME).signed(key)),
            key,
        )
    return Case(what, (parts.signed(key),), key)
