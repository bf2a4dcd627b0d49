# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificate authority of a cluster's own servers."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID = datetime.timedelta(days=30)
_CLOCKS_DIFFER = datetime.timedelta(minutes=5)


class ClusterAuthority:
    """The authority in ``directory``, with its certificate in ``file``: the one that was made there, or a fresh one
    called ``name``.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self.file, key = directory / "ca.crt", directory / "ca.key"
        if key.exists():
            self._key = serialization.load_pem_private_key(key.read_bytes(), None)
            self._certificate = x509.load_pem_x509_certificate(self.file.read_bytes())
        else:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self._certificate = self._signed(name, self._key, [], is_authority=True)
            directory.mkdir(parents=True, exist_ok=True)
            self.file.write_text(_pem(self._certificate), encoding="utf-8")
            write_key(key, self._key)
        self.pem = _pem(self._certificate)

    def serving(self, name: str, addresses: Sequence[str], hosts: Sequence[str] = ()) -> tuple[Path, Path]:
        """Make a server's certificate for IP ``addresses`` and ``hosts``; return its file and its key's file, both
        named after ``name``.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        names = [
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
            *(x509.DNSName(host) for host in hosts),
        ]
        certificate = self._signed(name, key, names, is_authority=False)
        certificate_file, key_file = self._directory / f"{name}.crt", self._directory / f"{name}.key"
        certificate_file.write_text(_pem(certificate), encoding="utf-8")
        write_key(key_file, key)
        return certificate_file, key_file

    def _signed(
        self, name: str, key: ec.EllipticCurvePrivateKey, names: Sequence[x509.GeneralName], is_authority: bool
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if is_authority else self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCKS_DIFFER)
            .not_valid_after(now + _VALID)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(_key_usage(is_authority), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write a private key (SEC 1, which all readers here know) to a file that only its owner can read."""
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as written:
        written.write(text)


def _key_usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
