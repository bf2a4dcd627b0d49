# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Root certificates: PEM in, PEM out. No key ever passes."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from ..plain.errors import FederationError, refuse
from ..plain.fingerprints import MARK, spoken
from ..plain.words import printable
from .certificates import namesakes, orphan, read_certificate

BUNDLE_LIMIT = 1 << 20
MOST_CERTIFICATES = 64
NEAR_EXPIRY = timedelta(days=30)
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far a certificate's beginning may lie ahead: proxies allow nothing, but clocks of two machines differ."""


_HALF_MARK = re.compile(r"-----(BEGIN|END)")
_KEY = re.compile(r"(?:BEGIN |END )?((?:[A-Z]{1,10} ){0,2}PRIVATE KEY)")
_KEEP_KEYS = "Give certificates only and keep keys on their own cluster"
_COPY_AGAIN = "Copy the whole file again"


@dataclass(frozen=True)
class Root:
    """One certificate of a mesh's trust: canonical PEM (ending in a newline), SHA-256, and the end of its life."""

    pem: str
    fingerprint: str
    subject: str
    not_after: datetime
    is_self_signed: bool

    @property
    def spoken(self) -> str:
        """Return the fingerprint as people read it aloud and compare it."""
        return spoken(self.fingerprint)

    def days_left(self, now: datetime) -> int:
        """Return the whole days until the certificate expires; negative once it has."""
        return (self.not_after - now).days

    def as_data(self, now: datetime | None) -> dict:
        """Return it without the PEM as JSON-friendly data for a module's result; ``days_left`` is None
        without ``now``.
        """
        return {
            "fingerprint": self.fingerprint,
            "subject": self.subject,
            "not_after": self.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "days_left": self.days_left(now) if now else None,
        }


def read_roots(text: str, where: str, now: datetime, *, trust_domain: str = "") -> tuple[Root, ...]:
    """Return the certificates of a PEM text that is a mesh's whole trust, in its order, each once.

    Raises ``FederationError`` as ``read_certificates`` and ``check_chains`` do.
    """
    roots = read_certificates(text, where, now, trust_domain=trust_domain)
    check_chains(roots, where)
    return roots


def check_chains(roots: Sequence[Root], where: str) -> None:
    """Refuse certificates that are a mesh's whole trust and verify nothing: FED207.

    One has to be self-signed, and each other one has to be verified by it, or by one that is verified by it.
    """
    if not any(root.is_self_signed for root in roots):
        refuse(
            "FED207",
            where,
            "has no self-signed certificate, so no chain can end there",
            "Give the root itself; intermediates only beside it",
        )
    if len(roots) == 1:
        return
    certificates = [read_certificate(_der_of(root), where) for root in roots]
    alike = namesakes(certificates)
    if alike:
        one, other = (roots[at] for at in alike)
        refuse(
            "FED207",
            where,
            f"has two CAs with the name {one.subject} that proxies cannot tell apart ({one.spoken}, {other.spoken})",
            "Give each CA its own name, or its own subject key identifier",
        )
    alone = orphan(certificates)
    if alone is not None:
        refuse(
            "FED207",
            where,
            f"has the intermediate {roots[alone].spoken} ({roots[alone].subject}), but no certificate that issued it",
            "Give the root that issued it beside it, or leave the intermediate out",
        )


def read_certificates(
    text: str, where: str, now: datetime, *, trust_domain: str = "", left_out: list[FederationError] | None = None
) -> tuple[Root, ...]:
    """Return the certificates of a PEM text, in its order, each once.

    ``where`` names the text in errors, ``now`` is timezone-aware, ``trust_domain`` is that of the mesh, "" where it is
    not known. With ``left_out`` a certificate that is not in force is left out, and what is wrong with it goes in
    there. Format: RFC 7468, section 5; which texts a mesh can live with: what Envoy's SPIFFE validator was seen to do
    with each.

    Raises ``FederationError``: FED204 a private key, FED205 not PEM, a broken block, or blocks joined without a
    newline, FED206 no certificate, FED208 expired or not valid yet, FED202 over 1 MiB or too many, and as
    ``read_certificate``.
    """
    if len(text) > BUNDLE_LIMIT:
        refuse("FED202", where, "is larger than 1 MiB", "Give only the root certificates of this mesh")
    key = _KEY.search(text)
    if key:
        refuse("FED204", where, f"contains a {key[1]} block", _KEEP_KEYS)
    roots: dict[str, Root] = {}
    blocks = _blocks(text, where)
    if len(blocks) > MOST_CERTIFICATES:
        refuse(
            "FED202",
            where,
            f"has more than {MOST_CERTIFICATES} certificates",
            "Give only the root certificates of this mesh",
        )
    for number, (label, body) in enumerate(blocks, start=1):
        place = where if len(blocks) == 1 else f"{where}, certificate {number}"
        if label != "CERTIFICATE":
            refuse(
                "FED205",
                place,
                f"contains a {label or 'nameless'} block",
                "Give -----BEGIN CERTIFICATE----- blocks only",
            )
        root, not_before = _read_root(body, place, trust_domain)
        try:
            _check_time(root, not_before, place, now)
        except FederationError as error:
            if left_out is None:
                raise
            left_out.append(error)
        else:
            roots.setdefault(root.fingerprint, root)
    return tuple(roots.values())


def _blocks(text: str, where: str) -> list[tuple[str, str]]:
    """Return label and body of each PEM block; text around blocks is a comment. One pass: the text may be hostile."""
    marks = list(MARK.finditer(text))
    if not _HALF_MARK.search(text):
        refuse("FED206", where, "has no certificate", "Give the mesh's root certificate as PEM")
    for before, after in pairwise(marks):
        if before[1] == "END" and after[1] == "BEGIN" and "\n" not in text[before.end() : after.start()]:
            refuse(
                "FED205",
                where,
                "joins two PEM blocks without a newline between them",
                "Put every -----BEGIN CERTIFICATE----- on a separate line",
            )
    pairs = list(zip(marks[::2], marks[1::2]))
    is_paired = all((begin[1], end[1], end[2]) == ("BEGIN", "END", begin[2]) for begin, end in pairs)
    if not is_paired or len(marks) % 2 or len(_HALF_MARK.findall(text)) != len(marks):
        refuse("FED205", where, "has a PEM block without its end or its beginning", _COPY_AGAIN)
    return [(begin[2], text[begin.end() : end.start()]) for begin, end in pairs]


def _read_root(body: str, where: str, trust_domain: str) -> tuple[Root, datetime]:
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        raise FederationError("FED205", where=where, what="is not a valid X.509 certificate", fix=_COPY_AGAIN) from None
    certificate = read_certificate(der, where, trust_domain)
    digits = base64.b64encode(der).decode()
    wrapped = "\n".join(digits[at : at + 64] for at in range(0, len(digits), 64))
    root = Root(
        pem=f"-----BEGIN CERTIFICATE-----\n{wrapped}\n-----END CERTIFICATE-----\n",
        fingerprint=hashlib.sha256(der).hexdigest().upper(),
        subject=printable(certificate.parsed.subject.rfc4514_string(), 256),
        not_after=certificate.not_after,
        is_self_signed=certificate.is_self_signed,
    )
    return root, certificate.not_before


def _check_time(root: Root, not_before: datetime, where: str, now: datetime) -> None:
    if root.not_after <= now:
        fix = "Rotate the root on its own mesh and publish its cards again"
        refuse("FED208", where, f"expired on {root.not_after:%Y-%m-%d}", fix)
    if not_before > now + CLOCKS_DIFFER:
        fix = "Wait until then, or set the clocks of both sides"
        refuse("FED208", where, f"is not valid before {not_before:%Y-%m-%dT%H:%M:%SZ}", fix)


def _der_of(root: Root) -> bytes:
    return base64.b64decode("".join(root.pem.splitlines()[1:-1]))


def bundle_of(roots: Iterable[Root]) -> str:
    """Return one PEM text of ``roots`` in their order, the current root first, each block ending in a newline.

    Only the first certificate's end of life makes a proxy agent refresh, so the order is kept, not sorted.
    """
    return "".join({root.fingerprint: root.pem for root in roots}.values())


def pem_texts(value: object, option: str) -> list[str]:
    """Return PEM texts that were given as one text or as a list; raises ``FederationError`` FED205 for
    anything else.
    """
    if value in (None, "", []):
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value):
        return list(value)
    raise FederationError(
        "FED205", where=option, what="is not a PEM text or a list of PEM texts", fix="Give certificates as PEM"
    )
