# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates for tests, made anew in each run: roots, intermediates, leaves, expired ones, and a key that must never
travel.

All are PEM texts that end in a newline. Equal arguments give the same certificate within a run.
"""

from __future__ import annotations

import functools
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=timezone.utc)
TEN_YEARS = timedelta(days=3650)


@functools.cache
def key_of(name: str) -> ec.EllipticCurvePrivateKey:
    """Return the key that ``name`` signs with; that of a name with "weak" in it is on a curve that proxies
    do not take.
    """
    return ec.generate_private_key(ec.SECP224R1() if "weak" in name else ec.SECP256R1())


@functools.cache
def certificate(
    name: str, issuer: str, *, is_authority: bool = True, has_constraints: bool = True, days: int = 3650
) -> str:
    """Return the certificate of ``name`` signed by ``issuer``; it ends ``days`` after NOW, which may be negative."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key_of(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - TEN_YEARS)
        .not_valid_after(NOW + timedelta(days=days))
    )
    if has_constraints:
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    return builder.sign(key_of(issuer), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def root(name: str = "west", *, days: int = 3650) -> str:
    """Return a self-signed root."""
    return certificate(name, name, days=days)


def intermediate(name: str = "west intermediate", issuer: str = "west") -> str:
    """Return a CA below a root."""
    return certificate(name, issuer)


def leaf(name: str = "west workload", issuer: str = "west") -> str:
    """Return the certificate of a workload."""
    return certificate(name, issuer, is_authority=False)


def private_key(name: str = "west", kind: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8) -> str:
    """Return a private key block: PKCS #8, or TraditionalOpenSSL for an EC PRIVATE KEY block."""
    return key_of(name).private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, common_name), x509.NameAttribute(NameOID.COMMON_NAME, "Root CA")]
    )
