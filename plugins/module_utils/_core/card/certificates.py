# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One certificate of a mesh's trust: what it must be so that each proxy takes it and can verify a workload by it.

A proxy that refuses one certificate refuses all bundles with it, those of other peers and of its own mesh included. So
a certificate is read whole, and what is not known to be good is refused. Sources: RFC 5280; which certificates
BoringSSL (Envoy) and OpenSSL (the Envoy of OpenShift Service Mesh) load, and by which of them no SPIFFE identity is
verified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..plain.errors import FederationError, refuse
from ..plain.fingerprints import spoken
from ..plain.moments import time_text
from ..plain.words import printable

if TYPE_CHECKING:
    from cryptography import x509

LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192
MOST_NAMES, MOST_TEXT = 8, 256

_COPY_AGAIN = "Copy the whole file again; if the error remains, create a new root on its own mesh"
_ANOTHER_CA = "Let the mesh use a root whose certificate has no such limit"
_STRONGER = (
    f"Replace the root on its own mesh: RSA with {LEAST_RSA_BITS} to {MOST_RSA_BITS} bits, "
    "ECDSA on P-256, P-384 or P-521, or Ed25519, signed with SHA-256 or better"
)

_RSA, _ECDSA, _ED25519 = "RSA", "ECDSA", "Ed25519"
_SHA = {256: "0609608648016503040201", 384: "0609608648016503040202", 512: "0609608648016503040203"}
_MGF1 = "06092a864886f70d010108"
_PSS = "06092a864886f70d01010a"


def _der(tag: str, *parts: str) -> str:
    """Return one short DER element, all in hexadecimal digits."""
    content = "".join(parts)
    return f"{tag}{len(content) // 2:02x}{content}"


def _pss(bits: int) -> str:
    """Return the algorithm identifier of RSASSA-PSS in the one form that proxies read: one hash everywhere, a salt of
    its length.
    """
    digest = _der("30", _SHA[bits], "0500")
    salt = _der("a2", _der("02", f"{bits // 8:02x}"))
    return _der("30", _PSS, _der("30", _der("a0", digest), _der("a1", _der("30", _MGF1, digest)), salt))


# Algorithm identifiers as they must stand, byte for byte, and the kind of key that makes such a signature.
_SIGNATURES = {
    **{bytes.fromhex(f"300d06092a864886f70d0101{number}0500"): _RSA for number in ("0b", "0c", "0d")},
    **{bytes.fromhex(_pss(bits)): _RSA for bits in _SHA},
    **{bytes.fromhex(f"300a06082a8648ce3d0403{number}"): _ECDSA for number in ("02", "03", "04")},
    bytes.fromhex("300506032b6570"): _ED25519,
}
_WEAK_SIGNATURES = {
    "1.2.840.113549.1.1.2": "MD2",
    "1.2.840.113549.1.1.4": "MD5",
    "1.2.840.113549.1.1.5": "SHA-1",
    "1.2.840.113549.1.1.14": "SHA-224",
    "1.2.840.10045.4.1": "SHA-1",
    "1.2.840.10045.4.3.1": "SHA-224",
    "1.2.840.10040.4.3": "DSA and SHA-1",
}
_KEYS = {
    bytes.fromhex("300d06092a864886f70d0101010500"): _RSA,
    bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107"): _ECDSA,
    bytes.fromhex("301006072a8648ce3d020106052b81040022"): _ECDSA,
    bytes.fromhex("301006072a8648ce3d020106052b81040023"): _ECDSA,
    bytes.fromhex("300506032b6570"): _ED25519,
}
# How a point is written: compressed, in two ways, or whole.
_POINT_FORMS = {2, 3, 4}
# Points of small order: whoever sees such a key can sign for it. RFC 7748, section 6; y of each, without the sign of x.
_P25519 = 2**255 - 19
_SMALL_ORDER = {
    0,
    1,
    _P25519 - 1,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
}
# Extensions that OpenSSL obeys and cryptography does not read: certificates of proxies, of address blocks, of AS
# numbers.
_FOREIGN_KINDS = {"1.3.6.1.5.5.7.1.14", "1.3.6.1.5.5.7.1.7", "1.3.6.1.5.5.7.1.8"}
_NETSCAPE_TYPE = "2.16.840.1.113730.1.1"
_NETSCAPE_SSL_CA = 0x04
_VERSION, _EXTENSIONS, _VERSION_3 = 0xA0, 0xA3, b"\xa0\x03\x02\x01\x02"
# Kinds of text in names: UTF-8, numeric, printable, teletex, IA5, universal, BMP.
_BMP = 0x1E
_TEXTS = {0x0C, 0x12, 0x13, 0x14, 0x16, 0x1C, _BMP}
_NAME_CONSTRAINTS = bytes.fromhex("0603551d1e")
# Extensions that proxies obey, so that they may be marked critical.
_MAY_BE_CRITICAL = {f"2.5.29.{number}" for number in (15, 17, 19, 30, 32, 33, 36, 37, 54)}


@dataclass(frozen=True)
class Certificate:
    """A CA certificate that was read whole. ``path_length`` is how many CAs may stand below it, None
    without a limit.
    """

    parsed: x509.Certificate
    issuer: bytes
    subject: bytes
    key: bytes
    key_kind: str
    signature_kind: str
    path_length: int | None
    is_self_signed: bool

    @property
    def not_before(self) -> datetime:
        return _utc(self.parsed, "not_valid_before")

    @property
    def not_after(self) -> datetime:
        return _utc(self.parsed, "not_valid_after")


def read_certificate(der: bytes, where: str, trust_domain: str = "") -> Certificate:
    """Return a CA certificate of a mesh whose workloads are known as ``spiffe://<trust_domain>/…`` ("" where that is
    unknown).

    Raises ``FederationError``: FED205 it cannot be read, in whole or in part, FED207 it is not a CA's, or no workload
    can be verified by it, FED232 its key or signature is weak or unknown to proxies. When it is in force is left to the
    caller.
    """
    parsed, issuer, subject, inner, outer, key = _parsed(der, where)
    if not _children(subject):
        refuse(
            "FED207",
            where,
            "has no name, so proxies do not find it",
            "Let the mesh use a root whose certificate has a subject",
        )
    signature_kind, key_kind = _algorithms(parsed, inner, outer, key, where)
    _check_key(parsed, key_kind, where)
    path_length = _check_extensions(parsed, where, trust_domain)
    alike = issuer == subject and key_kind == signature_kind
    kinds = (key_kind, signature_kind)
    certificate = Certificate(parsed, issuer, subject, key, *kinds, path_length, is_self_signed=False)
    if not alike or not _has_signed(certificate, certificate):
        return certificate
    if not _is_named_by(certificate, certificate):
        what = "has signed itself and names another certificate as its issuer, so no chain ends there"
        refuse("FED207", where, what, _ANOTHER_CA)
    return replace(certificate, is_self_signed=True)


def orphan(certificates: Sequence[Certificate]) -> int | None:
    """Return the index of the first that neither is self-signed nor verified, step by step, by one that is; None if all
    are.

    Each signature is verified, and each limit of the path from the root down holds.
    """
    most = len(certificates)
    room = {
        at: most if one.path_length is None else one.path_length
        for at, one in enumerate(certificates)
        if one.is_self_signed
    }
    reached = list(room)
    for at in reached:
        for below, one in enumerate(certificates):
            if below not in room and room[at] > 0 and _has_issued(certificates[at], one):
                room[below] = min(room[at] - 1, most if one.path_length is None else one.path_length)
                reached.append(below)
    return next((at for at in range(most) if at not in room), None)


def namesakes(certificates: Sequence[Certificate]) -> tuple[int, int] | None:
    """Return the indices of two CAs of one name and different keys that a proxy cannot tell apart; None if there are
    none.

    A proxy looks an issuer up by its name, and by its key only where both have a subject key identifier of their own.
    """
    from cryptography import x509

    seen: list[tuple[int, Certificate, bytes | None]] = []
    for at, one in enumerate(certificates):
        own = _extension(one, x509.SubjectKeyIdentifier)
        named = own and own.digest
        for earlier, other, its in seen:
            if one.subject == other.subject and one.key != other.key and (named is None or its is None or named == its):
                return earlier, at
        seen.append((at, one, named))
    return None


def told_by(der: bytes) -> dict[str, Any]:
    """Return what a certificate of anybody's says of itself, unchecked, for showing: fingerprint, subject, issuer,
    names, end.

    Of one that cannot be read there is the fingerprint alone. Its texts are a stranger's, of bounded length and number.
    """
    from cryptography import x509

    fingerprint = hashlib.sha256(der).hexdigest().upper()
    told = {
        "fingerprint": fingerprint,
        "spoken": spoken(fingerprint),
        "subject": "",
        "issuer": "",
        "names": [],
        "not_after": "",
    }
    try:
        parsed = x509.load_der_x509_certificate(der)
        subject, issuer = (printable(name.rfc4514_string(), MOST_TEXT) for name in (parsed.subject, parsed.issuer))
        found = [
            name
            for one in parsed.extensions
            if isinstance(one.value, x509.SubjectAlternativeName)
            for name in one.value
        ]
        names = [printable(str(name.value), MOST_TEXT) for name in found[:MOST_NAMES]]
        return {
            **told,
            "subject": subject,
            "issuer": issuer,
            "names": names,
            "not_after": time_text(_utc(parsed, "not_valid_after")),
        }
    except _unreadable():
        return told


def _unreadable(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what ``cryptography`` raises, from 41 on, for what it cannot read, and ``others``."""
    from cryptography import x509
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm

    own = (x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)
    return (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, InternalError, *own, *others)


def _parsed(der: bytes, where: str) -> tuple[x509.Certificate, bytes, bytes, bytes, bytes, bytes]:
    """Return the certificate, its issuer, its subject, two algorithm identifiers, inner and outer, and its key."""
    from cryptography import x509

    part = ""
    try:
        parsed = x509.load_der_x509_certificate(der)
        _tbs, outer, _signature = _children(der)
        fields = _children(parsed.tbs_certificate_bytes)
        has_version = fields[0][0] == _VERSION
        _serial, inner, issuer, _validity, subject, key = fields[1:7] if has_version else fields[:6]
        if len(parsed.extensions) and fields[0] != _VERSION_3:
            raise ValueError("extensions before version 3")
        for part in ("issuer", "subject"):
            _check_names([getattr(parsed, part)])
        part = "times"
        _utc(parsed, "not_valid_before"), _utc(parsed, "not_valid_after")
        part = "extensions"
        _check_names(name for extension in parsed.extensions for name in _directory_names(extension.value))
        _check_depths(fields[-1])
        part = "key"
        parsed.public_key()
    except _unreadable(IndexError):  # an element that ends before its time
        what = f"is not a valid X.509 certificate{', its ' * bool(part)}{part}{' cannot be read' * bool(part)}"
        raise FederationError("FED205", where=where, what=what, fix=_COPY_AGAIN) from None
    return parsed, issuer, subject, inner, outer, key


def _algorithms(parsed: x509.Certificate, inner: bytes, outer: bytes, key: bytes, where: str) -> tuple[str, str]:
    """Return the kind of key that made the signature, and of the certificate's own key."""
    name = parsed.signature_algorithm_oid.dotted_string
    if inner != outer:
        refuse("FED205", where, "names two different signature algorithms", _COPY_AGAIN)
    if name in _WEAK_SIGNATURES:
        refuse("FED232", where, f"is signed with {_WEAK_SIGNATURES[name]}, which is too weak", _STRONGER)
    if inner not in _SIGNATURES:
        refuse("FED232", where, f"is signed in a way that proxies do not know (algorithm {name})", _STRONGER)
    algorithm, point = _children(key)
    if algorithm not in _KEYS or (_KEYS[algorithm] == _ECDSA and point[_content(point, 0)[0] + 1] not in _POINT_FORMS):
        refuse("FED232", where, "has a kind of key that proxies do not know, or that is too weak", _STRONGER)
    return _SIGNATURES[inner], _KEYS[algorithm]


def _check_key(parsed: x509.Certificate, kind: str, where: str) -> None:
    key: Any = parsed.public_key()
    if kind == _RSA:
        numbers = key.public_numbers()
        if not LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS:
            refuse("FED232", where, f"has an RSA key of {key.key_size} bits", _STRONGER)
        if not (2 < numbers.e < 2**33 and numbers.e % 2 and numbers.n % 2):
            what = "has an RSA key whose private key anybody can compute, or that proxies do not accept"
            refuse("FED232", where, what, _STRONGER)
    elif kind == _ED25519:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        if int.from_bytes(raw, "little") % 2**255 % _P25519 in _SMALL_ORDER:
            refuse("FED232", where, "has an Ed25519 key for which anybody can sign", _STRONGER)


def _check_extensions(parsed: x509.Certificate, where: str, trust_domain: str) -> int | None:
    """Refuse what no chain to a SPIFFE identity of the trust domain can pass; return the limit of the path's length."""
    from cryptography import x509

    for extension in parsed.extensions:
        _check_kind(extension, where)
    values = {type(extension.value): extension.value for extension in parsed.extensions}
    basic, usage = values.get(x509.BasicConstraints), values.get(x509.KeyUsage)
    if not (basic and basic.ca):
        fix = "Give the mesh's root certificate: ConfigMap istio-ca-root-cert, key root-cert.pem"
        refuse("FED207", where, "is the certificate of a workload, not of a CA", fix)
    if usage and not usage.key_cert_sign:
        refuse("FED207", where, "may not sign certificates (its key usage lacks keyCertSign)", _ANOTHER_CA)
    extended = values.get(x509.ExtendedKeyUsage)
    both = {x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH, x509.oid.ExtendedKeyUsageOID.SERVER_AUTH}
    if extended and not both <= set(extended):
        lacks = "(its extended key usage lacks clientAuth or serverAuth)"
        refuse("FED207", where, f"cannot verify workloads as clients and as servers {lacks}", _ANOTHER_CA)
    policy = values.get(x509.PolicyConstraints)
    if policy and policy.require_explicit_policy is not None:
        refuse("FED207", where, "wants a policy in each certificate below it, which workloads do not have", _ANOTHER_CA)
    if x509.NameConstraints in values:
        _check_constraints(values[x509.NameConstraints], where, trust_domain)
    return basic.path_length


def _check_kind(extension: x509.Extension, where: str) -> None:
    """Refuse an extension for what it is: of another purpose, or critical and not known to proxies."""
    name = extension.oid.dotted_string
    is_netscape = name == _NETSCAPE_TYPE and not _is_netscape_authority(extension.value.value)
    if name in _FOREIGN_KINDS or is_netscape:
        refuse("FED207", where, f"is not for verifying workloads (extension {name})", _ANOTHER_CA)
    if extension.critical and name not in _MAY_BE_CRITICAL:
        what = f"has a critical extension that proxies do not know ({name}), so that they verify nothing by it"
        refuse("FED207", where, what, _ANOTHER_CA)


def _check_constraints(value: x509.NameConstraints, where: str, trust_domain: str) -> None:
    """Refuse limits of names that no SPIFFE identity of the trust domain is within. How hosts are compared: BoringSSL,
    OpenSSL.
    """
    permitted, excluded = (_uris(names) for names in (value.permitted_subtrees, value.excluded_subtrees))
    inside = not permitted or any(_covers(base, trust_domain) for base in permitted)
    if (trust_domain and not inside) or any(not base or _covers(base, trust_domain) for base in excluded):
        what = (
            f"may not vouch for identities of {trust_domain or 'any trust domain'} (its name constraints exclude them)"
        )
        refuse("FED207", where, what, _ANOTHER_CA)


def _uris(names: Iterable[object] | None) -> list[str]:
    from cryptography import x509

    return [name.value.lower() for name in names or () if isinstance(name, x509.UniformResourceIdentifier)]


def _covers(base: str, trust_domain: str) -> bool:
    return trust_domain.endswith(base) if base.startswith(".") else trust_domain == base


def _is_netscape_authority(value: bytes) -> bool:
    """Return whether a Netscape certificate type (a bit string of one byte) is that of a CA for TLS."""
    return len(value) == 4 and value[:2] == b"\x03\x02" and bool(value[3] & _NETSCAPE_SSL_CA)


def _has_issued(issuer: Certificate, below: Certificate) -> bool:
    """Return whether a CA has signed another certificate, and a proxy finds that out."""
    is_next = below.issuer == issuer.subject and below.signature_kind == issuer.key_kind
    return is_next and _is_named_by(issuer, below) and not _is_limited(issuer, below) and _has_signed(issuer, below)


def _has_signed(issuer: Certificate, below: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        below.parsed.verify_directly_issued_by(issuer.parsed)
    except _unreadable(InvalidSignature):
        return False
    return True


def _is_named_by(issuer: Certificate, below: Certificate) -> bool:
    """Return whether the authority key identifier of a certificate, where it has one, is that of its issuer."""
    from cryptography import x509

    named = _extension(below, x509.AuthorityKeyIdentifier)
    if named is None:
        return True
    own = _extension(issuer, x509.SubjectKeyIdentifier)
    if named.key_identifier is not None and own is not None and named.key_identifier != own.digest:
        return False
    if named.authority_cert_serial_number not in (None, issuer.parsed.serial_number):
        return False
    names = [name.value for name in named.authority_cert_issuer or () if isinstance(name, x509.DirectoryName)]
    return not names or names[0] == issuer.parsed.issuer


def _is_limited(issuer: Certificate, below: Certificate) -> bool:
    """Return whether name constraints may count against an intermediate itself: those of other names than workloads
    have.
    """
    from cryptography import x509

    limits = _extension(issuer, x509.NameConstraints)
    if limits is None:
        return False
    harmless = (x509.UniformResourceIdentifier, x509.DNSName, x509.IPAddress)
    names = [*(limits.permitted_subtrees or ()), *(limits.excluded_subtrees or ())]
    return _extension(below, x509.SubjectAlternativeName) is not None or not all(
        isinstance(name, harmless) for name in names
    )


def _extension(certificate: Certificate, kind: type) -> Any:
    return next(
        (extension.value for extension in certificate.parsed.extensions if isinstance(extension.value, kind)), None
    )


def _directory_names(value: object) -> Iterator[x509.Name]:
    """Give the distinguished names within one extension's value."""
    from cryptography import x509

    if isinstance(value, x509.DirectoryName):
        yield value.value
    elif isinstance(
        value,
        (x509.SubjectAlternativeName, x509.IssuerAlternativeName, x509.CRLDistributionPoints, x509.FreshestCRL, list),
    ):
        for one in value:
            yield from _directory_names(one)
    elif isinstance(value, x509.AuthorityKeyIdentifier):
        yield from _directory_names(value.authority_cert_issuer or [])
    elif isinstance(value, x509.NameConstraints):
        yield from _directory_names([*(value.permitted_subtrees or ()), *(value.excluded_subtrees or ())])
    elif isinstance(value, x509.DistributionPoint):
        if value.relative_name:
            raise ValueError("a name that is relative to another")
        yield from _directory_names([*(value.full_name or ()), *(value.crl_issuer or ())])
    elif isinstance(value, (x509.AuthorityInformationAccess, x509.SubjectInformationAccess)):
        yield from _directory_names([access.access_location for access in value])


def _check_depths(extensions: bytes) -> None:
    """Raise ``ValueError`` for name constraints from or to a depth: ``cryptography`` passes over these, proxies do not
    take them.
    """
    for extension in _children(_children(extensions)[0]) if extensions[0] == _EXTENSIONS else ():
        name, *_critical, value = _children(extension)
        if name == _NAME_CONSTRAINTS:
            names = [constraint for kind in _children(_children(value)[0]) for constraint in _children(kind)]
            if any(len(_children(constraint)) != 1 for constraint in names):
                raise ValueError("name constraints from or to a depth")


def _check_names(names: Iterable[x509.Name]) -> None:
    """Raise ``ValueError`` for a character that proxies do not take in a name, though ``cryptography`` does."""
    for name in names:
        values: list[Any] = [attribute.value for attribute in name]
        if any(_is_noncharacter(ord(sign)) for value in values if isinstance(value, str) for sign in value):
            raise ValueError("an invalid character")
        written = [_children(pair)[1] for group in _children(name.public_bytes()) for pair in _children(group)]
        if any(value[0] not in _TEXTS for value in written):
            raise ValueError("no text")
        if any(value[0] == _BMP and ord(sign) > 0xFFFF for value, text in zip(written, values) for sign in text):
            raise ValueError("two halves of a character")


def _is_noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF or 0xD800 <= code <= 0xDFFF


def _utc(parsed: x509.Certificate, name: str) -> datetime:
    """Return one end of a certificate's life; ``cryptography`` before 42 knows it without a time zone only."""
    found = getattr(parsed, f"{name}_utc", None)
    return found or getattr(parsed, name).replace(tzinfo=timezone.utc)


def _children(element: bytes) -> list[bytes]:
    """Return the elements within a DER element that a strict reader has read already."""
    at, end = _content(element, 0)
    found = []
    while at < end:
        stop = _content(element, at)[1]
        found.append(element[at:stop])
        at = stop
    return found


def _content(data: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the element at ``at`` begins and ends."""
    length, start = data[at + 1], at + 2
    if length >= 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[at + 2 : start], "big")
    return start, start + length
