# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Signatures in cosign's layout, made here by each kind of key, and all that is none."""

from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions import signatures
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.signatures import (
    bundles_in,
    names,
    read_bundle,
    referrers_in,
    refuse_unsigned,
    signatures_in,
    tag_of,
    verifier_of,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def payload(digest=DIGEST, **more):
    critical = {"identity": {"docker-reference": "registry.example/x"}, "image": {"docker-manifest-digest": digest}}
    return json.dumps(
        {"critical": {**critical, "type": "cosign container image signature", **more}, "optional": None}
    ).encode()


def pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


P256, RSA, EDWARDS = (
    ec.generate_private_key(ec.SECP256R1()),
    rsa.generate_private_key(65537, 2048),
    ed25519.Ed25519PrivateKey.generate(),
)
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
    assert (
        not verifies(signature, payload(OTHER))
        and not verifies(signature[:-1], payload())
        and not verifies(b"", payload())
    )
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
    [(0, [], "is not signed"), (2, [], "none by that key"), (1, [OTHER], "another image"), (1, [""], "another image")],
)
def test_an_image_for_which_nothing_speaks_is_refused(count, signed, said):
    with pytest.raises(FederationError, match=said) as refused:
        refuse_unsigned(DIGEST, count, signed, "Image x")
    assert refused.value.code == "FED939"


def test_one_signature_of_many_is_enough():
    refuse_unsigned(DIGEST, 3, [OTHER, DIGEST], "Image x")


def layer(text="c2lnbg==", kind=signatures.PAYLOAD, **more):
    return {"mediaType": kind, "digest": DIGEST, "size": 7, "annotations": {signatures.ANNOTATION: text}, **more}


def listed(*layers):
    return json.dumps({"layers": list(layers)}).encode()


def test_signatures_are_listed_and_what_is_none_is_left_out():
    found = signatures_in(
        listed(layer(), layer("?"), layer(7), layer(kind="text"), layer(annotations=[]), layer("=" * 9999), 7),
        "Image x",
    )
    assert [each.content for each in found] == [base64.b64decode("c2lnbg==")]
    assert [signatures_in(content, "Image x") for content in (b"", b"[]", b'{"layers": 7}')] == [[], [], []]


@pytest.mark.parametrize(
    "layers", [[layer()] * 65, [layer(size=1 << 30)], [layer(size=None)]], ids=["many", "large", "no-size"]
)
def test_signatures_beyond_all_bounds_are_refused(layers):
    with pytest.raises(FederationError) as refused:
        signatures_in(listed(*layers), "Image x")
    assert refused.value.code == "FED939"


BUNDLE = f"{signatures.BUNDLE}.v0.3+json"
SIGNING = "https://sigstore.dev/cosign/sign/v1"


def bundle(sign, digest=DIGEST, kind="application/vnd.in-toto+json", **more):
    """Return a bundle as cosign 3 writes one: a statement of in-toto in an envelope of DSSE, over whose type and
    content the signature goes.
    """
    hexadecimal = digest.partition(":")[2]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": hexadecimal}}],
        "predicateType": SIGNING,
        **more,
    }
    payload = json.dumps(statement).encode()
    signature = sign(f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload)
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }
    return {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": "x"}}, "dsseEnvelope": envelope}


def spoken(key, content):
    told = read_bundle(json.dumps(content).encode())
    return (
        sorted(told.names) if told and any(verifier_of(pem(key))(each, told.signed) for each in told.contents) else []
    )


@pytest.mark.parametrize("kind", SIGNED)
def test_a_bundle_speaks_of_the_image_that_its_key_has_signed(kind):
    key, sign = SIGNED[kind]
    assert spoken(key, bundle(sign)) == [DIGEST]
    for other in set(SIGNED) - {kind}:
        assert spoken(SIGNED[other][0], bundle(sign)) == []
    changed = bundle(sign)
    changed["dsseEnvelope"]["payload"] = bundle(sign, OTHER)["dsseEnvelope"]["payload"]
    assert spoken(key, changed) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"dsseEnvelope": 7}',
        json.dumps({"messageSignature": {}}).encode(),
        json.dumps(bundle(EDWARDS.sign, predicateType="https://slsa.dev/provenance/v1")).encode(),
        json.dumps(bundle(EDWARDS.sign, kind="text/plain")).encode(),
        json.dumps(bundle(EDWARDS.sign, _type=None)).encode(),
    ],
    ids=["empty", "list", "deep", "no-envelope", "message", "provenance", "other-payload", "no-statement"],
)
def test_a_bundle_that_says_something_else_is_no_signature_of_an_image(content):
    assert read_bundle(content) is None


def test_of_a_bundle_what_is_no_signature_is_left_out():
    odd = bundle(EDWARDS.sign, subject=[7, {}, {"digest": "x"}])
    odd["dsseEnvelope"]["signatures"] = [7, {"sig": "?"}, {"sig": "="}, {}]
    told = read_bundle(json.dumps(odd).encode())
    assert told is not None and told.contents == () and DIGEST not in told.names


def referrer(digest, **more):
    return {"digest": digest, "artifactType": BUNDLE, **more}


def test_bundles_are_found_among_all_that_refers_to_an_image():
    stated = {"annotations": {"dev.sigstore.bundle.predicateType": "https://cyclonedx.org/bom"}}
    others = [referrer(OTHER, artifactType="application/spdx+json"), referrer(OTHER, **stated)]
    odd = [referrer(DIGEST, artifactType="application/vnd.oci.empty.v1+json"), {"digest": DIGEST}]
    assert (
        referrers_in(json.dumps({"manifests": [referrer(DIGEST), *others, *odd, 7]}).encode(), "Image x")
        == [DIGEST] * 3
    )
    assert [referrers_in(content, "Image x") for content in (b"", b"[]", b'{"manifests": 7}')] == [[], [], []]


def test_a_bundle_that_refers_to_another_image_is_left_out_and_one_beyond_all_bounds_refused():
    def held(size=7, subject=DIGEST, count=1):
        layers = [{"mediaType": BUNDLE, "digest": OTHER, "size": size}] * count + [{"mediaType": "text/plain"}]
        return json.dumps({"subject": {"digest": subject}, "layers": layers}).encode()

    assert [len(bundles_in(each, DIGEST, "Image x")) for each in (held(), held(subject=OTHER), b"", b"[]")] == [
        1,
        0,
        0,
        0,
    ]
    many = json.dumps({"manifests": [referrer(DIGEST)] * 65}).encode()
    for refused in (
        lambda: bundles_in(held(1 << 30), DIGEST, "Image x"),
        lambda: bundles_in(held(None), DIGEST, "Image x"),
        lambda: bundles_in(held(count=2), DIGEST, "Image x"),
        lambda: referrers_in(many, "x"),
    ):
        with pytest.raises(FederationError, match="FED939"):
            refused()
