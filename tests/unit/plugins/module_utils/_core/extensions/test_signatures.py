# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Signatures in cosign's layout, made here by each kind of key, and all that is none."""

from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions import signatures
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.signatures import names, refuse_unsigned, signatures_in, tag_of, verifier_of
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def payload(digest=DIGEST, **more):
    critical = {"identity": {"docker-reference": "registry.example/x"}, "image": {"docker-manifest-digest": digest}}
    return json.dumps({"critical": {**critical, "type": "cosign container image signature", **more}, "optional": None}).encode()


def pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


P256, RSA, EDWARDS = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
SIGNED = {
    "ecdsa": (P256, lambda content: P256.sign(content, ec.ECDSA(SHA256()))),
    "rsa": (RSA, lambda content: RSA.sign(content, PKCS1v15(), SHA256())),
    "ed25519": (EDWARDS, EDWARDS.sign),
}


@pytest.mark.parametrize("kind", SIGNED)
def test_a_signature_is_that_of_its_key_and_its_content(kind):
    key, sign = SIGNED[kind]
    verifies = verifier_of(pem(key))
    signature = sign(payload())
    assert verifies(signature, payload())
    assert not verifies(signature, payload(OTHER)) and not verifies(signature[:-1], payload()) and not verifies(b"", payload())
    for other in set(SIGNED) - {kind}:
        assert not verifier_of(pem(SIGNED[other][0]))(signature, payload())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(rsa.generate_private_key(65537, 1024)),
        P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
    ids=["empty", "text", "broken", "p384", "rsa-1024", "private"],
)
def test_any_other_key_is_refused(content):
    with pytest.raises(FederationError) as refused:
        verifier_of(content)
    assert refused.value.code == "FED939" and "MII" not in str(refused.value)


def test_a_payload_speaks_of_one_image():
    assert (names(payload()), names(payload(type="atomic container signature"))) == (DIGEST, "")
    assert [names(content) for content in (b"", b"[]", b'{"critical": []}', payload(7), b"[" * 100_000)] == [""] * 5
    assert tag_of(DIGEST) == f"sha256-{'a' * 64}.sig"


@pytest.mark.parametrize(
    ("count", "signed", "said"),
    [(0, [], "is not signed"), (2, [], "none by that key"), (1, [payload(OTHER)], "another image"), (1, [b"text"], "another image")],
)
def test_an_image_for_which_nothing_speaks_is_refused(count, signed, said):
    with pytest.raises(FederationError, match=said) as refused:
        refuse_unsigned(DIGEST, count, signed, "Image x")
    assert refused.value.code == "FED939"


def test_one_signature_of_many_is_enough():
    refuse_unsigned(DIGEST, 3, [payload(OTHER), payload()], "Image x")


def layer(text="c2lnbg==", kind=signatures.PAYLOAD, **more):
    return {"mediaType": kind, "digest": DIGEST, "size": 7, "annotations": {signatures.ANNOTATION: text}, **more}


def listed(*layers):
    return json.dumps({"layers": list(layers)}).encode()


def test_signatures_are_listed_and_what_is_none_is_left_out():
    found = signatures_in(listed(layer(), layer("?"), layer(7), layer(kind="text"), layer(annotations=[]), layer("=" * 9999), 7), "Image x")
    assert [each.content for each in found] == [base64.b64decode("c2lnbg==")]
    assert [signatures_in(content, "Image x") for content in (b"", b"[]", b'{"layers": 7}')] == [[], [], []]


@pytest.mark.parametrize("layers", [[layer()] * 65, [layer(size=1 << 30)], [layer(size=None)]], ids=["many", "large", "no-size"])
def test_signatures_beyond_all_bounds_are_refused(layers):
    with pytest.raises(FederationError) as refused:
        signatures_in(listed(*layers), "Image x")
    assert refused.value.code == "FED939"
