"""The certificate authority of one test mesh: roots, workload certificates, root rotation.

A workload is known by a SPIFFE URI (``spiffe://<trust domain>/ns/<namespace>/sa/<service account>``) in its
certificate, as in Istio. Keys stay in the testbed's directory, readable by its owner only.
"""

from __future__ import annotations

import datetime
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TEN_YEARS = datetime.timedelta(days=3650)
ONE_YEAR = datetime.timedelta(days=365)
WRONG_ROOT = 1000  # the number of a root that a fault signs with; no rotation comes that far
STAGES = ("announce", "trust", "sign", "drop")
AN_HOUR = datetime.timedelta(hours=1)  # certificates are valid from an hour ago, so that a clock may be a little behind


@dataclass(frozen=True)
class Identity:
    """A workload's certificate chain and key, PEM; ``uri`` is its SPIFFE identity."""

    uri: str
    chain: str
    key: str


@dataclass(frozen=True)
class _Root:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return _pem(self.certificate)


def spiffe_uri(trust_domain: str, namespace: str, service_account: str) -> str:
    """Return the identity of a workload (federation reference, section 2.3)."""
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{service_account}"


class Authority:
    """The CA of one mesh. It lives on in ``directory``, as istiod's does in its Secret while istiod restarts.

    Roots are numbered from 0. ``rotate`` makes the next one; a mesh publishes some of them and signs with one, and
    the two may differ (a fault). ``advance`` goes through the replacement of the root in use, stage by stage.
    """

    def __init__(self, directory: Path, trust_domain: str) -> None:
        self.trust_domain = trust_domain
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.Lock()
        self._roots: dict[int, _Root] = {}
        self._issued: dict[tuple[int, str, str], Identity] = {}
        self._state = self._directory / "rotation.json"
        stored = json.loads(self._state.read_text(encoding="utf-8")) if self._state.exists() else {}
        self._in_use: tuple[int, tuple[int, ...], int | None] = (
            stored.get("signing", 0), tuple(stored.get("trusted", [0])), stored.get("next")
        )  # fmt: skip

    def root(self, number: int = 0) -> str:
        """Return the PEM text of root ``number``, made when it is first asked for."""
        return self._root(number).pem

    def root_key(self, number: int = 0) -> str:
        """Return the private key of root ``number``, PEM: for the mesh's own Secret and for nothing else."""
        return _key_pem(self._root(number).key)

    def rotate(self) -> int:
        """Make one more root and return its number; nothing signs with it until asked to."""
        number = 0
        while self._file(number).exists():
            number += 1
        self._root(number)
        return number

    @property
    def signing(self) -> int:
        """The number of the root that signs now."""
        return self._in_use[0]

    @property
    def trusted(self) -> tuple[int, ...]:
        """The numbers of the roots that the mesh publishes and its own workloads trust, the oldest first."""
        return self._in_use[1]

    def advance(self, stage: str) -> str:
        """Go on to a stage of replacing the root and return the new root, PEM.

        ``announce`` makes the new root and changes nothing else, ``trust`` publishes it beside the old one, ``sign``
        issues certificates by it, ``drop`` ends the trust in the old one. Raises ``ValueError`` on a stage that is not
        due.
        """
        signing, trusted, coming = self._in_use
        if coming is None:
            due = "announce"
        elif coming not in trusted:
            due = "trust"
        else:
            due = "drop" if signing == coming else "sign"
        if stage != due:
            raise ValueError(f"the next stage is '{due}', not '{stage}'; the stages are {', '.join(STAGES)}")
        if coming is None:
            coming = self.rotate()
        self._in_use = {
            "announce": (signing, trusted, coming),
            "trust": (signing, (*trusted, coming), coming),
            "sign": (coming, trusted, coming),
            "drop": (signing, (signing,), None),
        }[stage]
        text = json.dumps(dict(zip(("signing", "trusted", "next"), self._in_use)))
        self._state.write_text(text, encoding="utf-8")
        self._state.chmod(0o600)
        return self.root(coming)

    def identity(self, namespace: str, service_account: str, root_number: int = 0) -> Identity:
        """Return the certificate of a workload, signed by root ``root_number``; the same one each time."""
        wanted = (root_number, namespace, service_account)
        root = self._root(root_number)
        with self._lock:
            if wanted not in self._issued:
                self._issued[wanted] = _issue(root, spiffe_uri(self.trust_domain, namespace, service_account))
            return self._issued[wanted]

    def issue(self, uri: str, starts: datetime.timedelta, ends: datetime.timedelta, root_number: int = 0) -> Identity:
        """Return a certificate of any identity and time of validity, counted from now; a new one each time."""
        return _issue(self._root(root_number), uri, starts, ends)

    def _file(self, number: int) -> Path:
        return self._directory / f"root-{number}.pem"

    def _root(self, number: int) -> _Root:
        with self._lock:
            if number not in self._roots:
                self._roots[number] = self._load(number) or self._make(number)
            return self._roots[number]

    def _load(self, number: int) -> _Root | None:
        if not self._file(number).exists():
            return None
        text = self._file(number).read_bytes()
        key = serialization.load_pem_private_key(text, password=None)
        return _Root(x509.load_pem_x509_certificate(text), key)  # type: ignore[arg-type]

    def _make(self, number: int) -> _Root:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.trust_domain[:64]),
                x509.NameAttribute(NameOID.COMMON_NAME, f"root {number}"),
            ]
        )
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - AN_HOUR)
            .not_valid_after(now + TEN_YEARS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        handle = os.open(self._file(number), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(_key_pem(key) + _pem(certificate))
        return _Root(certificate, key)


def _issue(
    root: _Root, uri: str, starts: datetime.timedelta = -AN_HOUR, ends: datetime.timedelta = ONE_YEAR
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        # Envoy's SPIFFE validator refuses a leaf that may sign certificates.
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False)
        .sign(root.key, hashes.SHA256())
    )
    return Identity(uri, _pem(certificate), _key_pem(key))


def _key_usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
