# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Root certificates: PEM in, PEM out. No key ever passes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .errors import FederationError

BUNDLE_LIMIT = 1 << 20
NEAR_EXPIRY = timedelta(days=30)

_BLOCK = re.compile(r"-----BEGIN (?P<label>[^\n]*?)-----(?P<body>.*?)-----END (?P=label)-----", re.DOTALL)
_JOINED = re.compile(r"-----END [^\n-]*-----[^\n]*-----BEGIN ")
_DASHES = re.compile(r"-----(BEGIN|END) ")
_KEEP_KEYS = "Give certificates only and keep keys on their own cluster"


@dataclass(frozen=True)
class Root:
    """One certificate of a mesh's trust: canonical PEM (ending in a newline), SHA-256, and the end of its life."""

    pem: str
    fingerprint: str
    subject: str
    not_after: datetime
    is_self_signed: bool

    @property
    def short_fingerprint(self) -> str:
        """Return the fingerprint as people read it aloud: ``3F9A…C1D0``."""
        return f"{self.fingerprint[:4]}…{self.fingerprint[-4:]}"

    def days_left(self, now: datetime) -> int:
        """Return the whole days until the certificate expires; negative once it has."""
        return (self.not_after - now).days


def read_roots(text: str, where: str, now: datetime, *, needs_self_signed: bool = True) -> tuple[Root, ...]:
    """Return the certificates of a PEM text, in its order, each once.

    ``where`` names the text in errors, ``now`` is timezone-aware. Format: RFC 7468, section 5; which texts a mesh
    can live with: what Envoy's SPIFFE validator was seen to do with each.

    Raises ``FederationError``: FED204 a private key, FED205 not PEM, a broken block, or blocks joined without a
    newline, FED206 no certificate, FED207 no self-signed CA among them, FED208 expired, FED202 over 1 MiB.
    """
    if len(text) > BUNDLE_LIMIT:
        raise FederationError(
            "FED202", where=where, what="is larger than 1 MiB", mend="Give only the root certificates of this mesh"
        )
    if "PRIVATE KEY" in text:
        label = re.search(r"[A-Z ]*PRIVATE KEY", text)
        what = f"holds a {label[0].strip() if label else 'PRIVATE KEY'} block"
        raise FederationError("FED204", where=where, what=what, mend=_KEEP_KEYS)
    if _JOINED.search(text):
        raise FederationError(
            "FED205",
            where=where,
            what="joins two PEM blocks without a newline between them",
            mend="Put every -----BEGIN CERTIFICATE----- on a line of its own",
        )
    blocks = list(_BLOCK.finditer(text))
    if not blocks and not _DASHES.search(text):
        raise FederationError(
            "FED206", where=where, what="holds no certificate", mend="Give the mesh's root certificate as PEM"
        )
    if len(_DASHES.findall(_BLOCK.sub("", text))):
        raise FederationError(
            "FED205", where=where, what="has a PEM block without its end or its beginning", mend="Copy the whole file"
        )
    roots: dict[str, Root] = {}
    for number, block in enumerate(blocks, start=1):
        place = where if len(blocks) == 1 else f"{where}, certificate {number}"
        if block["label"] != "CERTIFICATE":
            raise FederationError("FED205", where=place, what=f"holds a {block['label'][:40]} block", mend=_KEEP_KEYS)
        root = _read_certificate(block["body"], place, now)
        roots.setdefault(root.fingerprint, root)
    if needs_self_signed and not any(root.is_self_signed for root in roots.values()):
        raise FederationError(
            "FED207",
            where=where,
            what="holds no self-signed certificate, so no chain can end there",
            mend="Give the root itself; intermediates only beside it",
        )
    return tuple(roots.values())


def _read_certificate(body: str, where: str, now: datetime) -> Root:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        der = base64.b64decode("".join(body.split()), validate=True)
        certificate = x509.load_der_x509_certificate(der)
        subject, not_after = certificate.subject.rfc4514_string(), _not_after(certificate)
        is_authority = _is_authority(certificate, x509)
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as reason:
        raise FederationError(
            "FED205", where=where, what="is no X.509 certificate", mend="Copy the certificate again, whole"
        ) from reason
    if not is_authority:
        raise FederationError(
            "FED207",
            where=where,
            what="is the certificate of a workload, not of a CA",
            mend="Give the mesh's root certificate: ConfigMap istio-ca-root-cert, key root-cert.pem",
        )
    if not_after <= now:
        raise FederationError(
            "FED208",
            where=where,
            what=f"expired on {not_after:%Y-%m-%d}",
            mend="Rotate the root on its own mesh and publish its cards again",
        )
    try:
        certificate.verify_directly_issued_by(certificate)
        is_self_signed = True
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        is_self_signed = False
    lines = base64.encodebytes(der).decode().replace("\n", "")
    wrapped = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    return Root(
        pem=f"-----BEGIN CERTIFICATE-----\n{wrapped}\n-----END CERTIFICATE-----\n",
        fingerprint=hashlib.sha256(der).hexdigest().upper(),
        subject=subject,
        not_after=not_after,
        is_self_signed=is_self_signed,
    )


def _not_after(certificate: object) -> datetime:
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_after_utc
    return certificate.not_valid_after.replace(tzinfo=timezone.utc)


def _is_authority(certificate: object, x509: object) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def bundle_of(roots: Iterable[Root]) -> str:
    """Return one PEM text of ``roots`` in their order, the current root first, each block ending in a newline.

    Only the first certificate's end of life makes a proxy agent refresh, so the order is kept, not sorted.
    """
    return "".join({root.fingerprint: root.pem for root in roots}.values())


def fingerprints_in(text: str) -> list[str]:
    """Return the SHA-256 (upper-case hex) of each readable certificate block of ``text``, unchecked.

    For comparing and showing what stands on a cluster, which may be anything.
    """
    found = []
    for block in _BLOCK.finditer(text):
        try:
            found.append(hashlib.sha256(base64.b64decode("".join(block["body"].split()))).hexdigest().upper())
        except (binascii.Error, ValueError):
            found.append("unreadable")
    return found


def is_same_fingerprint(one: str, other: str) -> bool:
    """Return whether two spellings (colons, spaces, case) name the same SHA-256."""
    return plain_fingerprint(one) == plain_fingerprint(other)


def plain_fingerprint(text: str) -> str:
    """Return a fingerprint as we write it: upper-case hex without separators or an algorithm prefix."""
    return re.sub(r"[\s:]", "", re.sub(r"(?i)^sha-?256[:= ]", "", text.strip())).upper()
