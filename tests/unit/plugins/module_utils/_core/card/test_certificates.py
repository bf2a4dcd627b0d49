# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One certificate: which root a workload can be verified by, and why another one is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.certificates import read_certificate
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import (
    CLOCKS_DIFFER,
    read_certificates,
    read_roots,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PLACE = "Root of mesh west"
EC_KEY, OTHER_KEY, RSA_KEY = (
    ec.generate_private_key(ec.SECP256R1()),
    ec.generate_private_key(ec.SECP384R1()),
    rsa.generate_private_key(65537, 2048),
)
CA = (x509.BasicConstraints(ca=True, path_length=None), True)
SHA_256_WITH_RSA, SHA_1_WITH_RSA = (bytes.fromhex(f"2a864886f70d0101{number}") for number in ("0b", "05"))
URI, DNS = x509.UniformResourceIdentifier, x509.DNSName


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def signs(value=True):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(
        **dict.fromkeys(names, True), key_cert_sign=value, crl_sign=True, encipher_only=False, decipher_only=False
    )


def made(
    *extensions,
    key=EC_KEY,
    signer=None,
    digest=hashes.SHA256(),
    subject="west",
    issuer="west",
    begins=NOW,
    ends=NOW + timedelta(days=9),
    **options,
):
    """Return the DER of a certificate; ``extensions`` are values with their criticality, beside CA."""
    builder = (
        x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(issuer)).public_key(key.public_key())
    )
    builder = builder.serial_number(7).not_valid_before(begins).not_valid_after(ends)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(signer or key, digest, **options).public_bytes(Encoding.DER)


def refusal(der, **options):
    with pytest.raises(FederationError) as raised:
        read_certificate(der, PLACE, **options)
    return raised.value


def pem(*certificates):
    return "".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode() for der in certificates)


def limited(permitted=None, excluded=None):
    return (x509.NameConstraints(permitted, excluded), True)


KEY_ID = x509.SubjectKeyIdentifier.from_public_key(EC_KEY.public_key())
GOOD = {
    "P-256": made(CA),
    "P-521": made(CA, key=ec.generate_private_key(ec.SECP521R1()), digest=hashes.SHA512()),
    "Ed25519": made(CA, key=ed25519.Ed25519PrivateKey.generate(), digest=None),
    "RSA": made(CA, key=RSA_KEY),
    "RSA with PSS": made(CA, key=RSA_KEY, rsa_padding=padding.PSS(padding.MGF1(hashes.SHA256()), 32)),
    "a key usage": made(CA, (signs(), True)),
    "an extended key usage": made(
        CA, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), False)
    ),
    "its own key identifiers": made(
        CA, (KEY_ID, False), (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(KEY_ID), False)
    ),
    "limits that the trust domain is within": made(
        CA, limited([URI("west.local"), URI("north.local")], [URI("east.local")])
    ),
    "limits of other names": made(CA, limited([DNS("west.example")])),
    "an unknown extension": made(CA, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"?"), False)),
}
REFUSED = {
    "SHA-1": (made(CA, key=RSA_KEY).replace(SHA_256_WITH_RSA, SHA_1_WITH_RSA), "FED232", "signed with SHA-1"),
    "RSA of 1024 bits": (made(CA, key=rsa.generate_private_key(65537, 1024)), "FED232", "an RSA key of 1024 bits"),
    "P-224": (
        made(CA, key=ec.generate_private_key(ec.SECP224R1())),
        "FED232",
        "a kind of key that proxies do not know",
    ),
    "secp256k1": (
        made(CA, key=ec.generate_private_key(ec.SECP256K1())),
        "FED232",
        "a kind of key that proxies do not know",
    ),
    "PSS with a short salt": (
        made(CA, key=RSA_KEY, rsa_padding=padding.PSS(padding.MGF1(hashes.SHA256()), 0)),
        "FED232",
        "in a way that proxies do not know",
    ),
    "no basic constraints": (made(), "FED207", "of a workload, not of a CA"),
    "no CA": (made((x509.BasicConstraints(ca=False, path_length=None), True)), "FED207", "of a workload, not of a CA"),
    "no right to sign": (made(CA, (signs(False), True)), "FED207", "lacks keyCertSign"),
    "clients only": (
        made(CA, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)),
        "FED207",
        "lacks clientAuth or serverAuth",
    ),
    "any usage": (
        made(CA, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)),
        "FED207",
        "lacks clientAuth or serverAuth",
    ),
    "another domain": (made(CA, limited([URI("east.local")])), "FED207", "may not vouch for identities of west.local"),
    "all domains below": (
        made(CA, limited(None, [URI(".local")])),
        "FED207",
        "may not vouch for identities of west.local",
    ),
    "a policy in each": (made(CA, (x509.PolicyConstraints(0, None), True)), "FED207", "wants a policy"),
    "unknown and critical": (
        made(CA, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"?"), True)),
        "FED207",
        "critical extension .* (1.2.3.4)",
    ),
    "known and critical where proxies do not know it": (
        made(CA, (x509.IssuerAlternativeName([URI("https://west")]), True)),
        "FED207",
        "critical extension",
    ),
    "another issuer's key": (
        made(CA, (KEY_ID, False), (x509.AuthorityKeyIdentifier(bytes(20), None, None), False)),
        "FED207",
        "no chain ends there",
    ),
    "trailing bytes": (made(CA) + b"\0", "FED205", "not a valid X.509 certificate"),
    "a broken issuer": (
        made(CA, issuer="wXst", signer=OTHER_KEY).replace(b"wXst", b"w\xffst"),
        "FED205",
        "its issuer cannot be read",
    ),
    "a noncharacter": (made(CA, subject="w\ufffest"), "FED205", "its subject cannot be read"),
}


@pytest.mark.parametrize("der", GOOD.values(), ids=GOOD)
def test_a_root_by_which_workloads_can_be_verified_is_read(der):
    found = read_certificate(der, PLACE, "west.local")
    assert found.is_self_signed and found.path_length is None


@pytest.mark.parametrize(("der", "code", "what"), REFUSED.values(), ids=REFUSED)
def test_a_certificate_by_which_nothing_can_be_verified_is_refused(der, code, what):
    error = refusal(der, trust_domain="west.local")
    assert error.code == code
    first, _any, last = what.partition(".*")
    assert first in error.what and last in error.what


def test_limits_of_a_trust_domain_that_is_not_known_are_not_judged():
    assert read_certificate(made(CA, limited([URI("east.local")])), PLACE).is_self_signed


def test_only_a_wrong_signature_makes_a_certificate_of_its_own_name_one_that_is_not_self_signed():
    assert not read_certificate(made(CA, signer=OTHER_KEY), PLACE).is_self_signed


ROOT = made(CA)
MIDDLE = made(CA, key=OTHER_KEY, signer=EC_KEY, subject="middle")
LAST = made(CA, key=RSA_KEY, signer=OTHER_KEY, subject="last", issuer="middle")
SHORT = made((x509.BasicConstraints(ca=True, path_length=0), True))
STRANGER = made(CA, key=OTHER_KEY, signer=OTHER_KEY, subject="middle")
ORPHANS = {
    "the one between is missing": (ROOT, LAST),
    "signed by itself under the root's name": (ROOT, STRANGER),
    "below a path that ends": (SHORT, MIDDLE),
    "names another key": (
        made(CA, (KEY_ID, False)),
        made(
            CA,
            (x509.AuthorityKeyIdentifier(bytes(20), None, None), False),
            key=OTHER_KEY,
            signer=EC_KEY,
            subject="middle",
        ),
    ),
}


@pytest.mark.parametrize("certificates", [(ROOT, MIDDLE), (LAST, MIDDLE, ROOT)], ids=["one", "two, the last first"])
def test_intermediates_beside_the_root_that_signed_them_are_read(certificates):
    assert [root.is_self_signed for root in read_roots(pem(*certificates), PLACE, NOW)].count(True) == 1


@pytest.mark.parametrize("certificates", ORPHANS.values(), ids=ORPHANS)
def test_an_intermediate_that_no_root_beside_it_signed_is_refused(certificates):
    with pytest.raises(FederationError, match="FED207 .* has the intermediate .* no certificate that issued it"):
        read_roots(pem(*certificates), PLACE, NOW)


def test_two_cas_of_one_name_need_key_identifiers():
    other_id = x509.SubjectKeyIdentifier.from_public_key(OTHER_KEY.public_key())
    assert len(read_roots(pem(made(CA, (KEY_ID, False)), made(CA, (other_id, False), key=OTHER_KEY)), PLACE, NOW)) == 2
    with pytest.raises(FederationError, match="FED207 .* two CAs with the name CN=west that proxies cannot tell apart"):
        read_roots(pem(made(CA, (KEY_ID, False)), made(CA, key=OTHER_KEY)), PLACE, NOW)


def test_a_beginning_that_lies_ahead_is_taken_as_far_as_clocks_differ():
    assert read_roots(pem(made(CA, begins=NOW + CLOCKS_DIFFER)), PLACE, NOW)
    with pytest.raises(FederationError, match="FED208 .* is not valid before 2026-06-15T12:05:01Z"):
        read_roots(pem(made(CA, begins=NOW + CLOCKS_DIFFER + timedelta(seconds=1))), PLACE, NOW)


def test_what_is_not_in_force_is_left_out_where_that_is_asked_for():
    old = made(CA, begins=NOW - timedelta(days=9), ends=NOW - timedelta(days=1))
    left_out = []
    assert len(read_certificates(pem(old, ROOT), PLACE, NOW, left_out=left_out)) == 1
    assert [(error.code, error.where) for error in left_out] == [("FED208", f"{PLACE}, certificate 1")]
