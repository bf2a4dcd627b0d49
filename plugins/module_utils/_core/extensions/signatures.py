# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Signatures of an image as ``cosign`` keeps them, read as a stranger's: beside it, under a tag made of its digest, or,
which cosign 3 does unless told otherwise, in a bundle that refers to it.

Sources: cosign, ``specs/SIGNATURE_SPEC.md``, ``specs/SIGNATURE_STORAGE.md`` and ``specs/BUNDLE_SPEC.md``;
containers/image, "signature" (simple signing); secure-systems-lab/dsse, ``protocol.md``; OCI distribution specification
1.1, "Listing Referrers". Registries have listed bundles by the type of their empty configuration (sigstore/cosign issue
4422).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..plain.data import at, from_json, is_whole, items, mapping
from ..plain.errors import FederationError

PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
ANNOTATION = "dev.cosignproject.cosign/signature"
BUNDLE = "application/vnd.dev.sigstore.bundle"
"""How the type of a bundle begins; its version follows."""
OF_INDEX = "application/vnd.oci.image.index.v1+json"
LARGEST_PAYLOAD = 1 << 20
MOST_SIGNATURES = 64
LARGEST_KEY = 1 << 16
_EMPTY = "application/vnd.oci.empty.v1+json"
_STATED = "dev.sigstore.bundle.predicateType"
_SIGNING = "https://sigstore.dev/cosign/sign/v1"
_IN_TOTO, _STATEMENT = "application/vnd.in-toto+json", "https://in-toto.io/Statement/"
_LONGEST_SIGNATURE = 1 << 12
_SMALLEST_RSA = 2048


@dataclass(frozen=True)
class Signature:
    """One signature: what names the payload that was signed, and the signature itself."""

    payload: Mapping[str, Any]
    content: bytes


@dataclass(frozen=True)
class Bundle:
    """One bundle that says who has signed which images: ``names`` are their digests, ``signed`` is what the signatures
    in ``contents`` are of.
    """

    names: frozenset[str]
    signed: bytes
    contents: tuple[bytes, ...]


def tag_of(digest: str) -> str:
    """Return the tag under which the signatures of an image stand."""
    return f"{referrers_tag_of(digest)}.sig"


def referrers_tag_of(digest: str) -> str:
    """Return the tag under which those stand that refer to an image, in a registry that does not list them itself."""
    return digest.replace(":", "-")


def referrers_in(index: bytes, where: str) -> list[str]:
    """Return the digests of what may be a bundle with a signature, of all that refers to an image. Raises
    ``FederationError`` FED939 beyond bounds.
    """
    found = [
        str(each.get("digest"))
        for each in items(at(from_json(index), "manifests"))
        if str(each.get("artifactType", _EMPTY)).startswith((BUNDLE, _EMPTY))
        and mapping(each.get("annotations")).get(_STATED, _SIGNING) == _SIGNING
    ]
    if len(found) > MOST_SIGNATURES:
        raise _refusal(where, f"has more than {MOST_SIGNATURES} bundles")
    return found


def bundles_in(manifest: bytes, digest: str, where: str) -> list[Mapping[str, Any]]:
    """Return what names the bundles that a manifest holds, of those that refers to the image; raises
    ``FederationError`` FED939 for one that is too large, or one of several: cosign gives each its own manifest.
    """
    told = from_json(manifest)
    if at(told, "subject", "digest") != digest:
        return []
    layers = [layer for layer in items(at(told, "layers")) if str(layer.get("mediaType")).startswith(BUNDLE)]
    if any(not is_whole(layer.get("size")) or layer["size"] > LARGEST_PAYLOAD for layer in layers):
        raise _refusal(where, f"has a bundle of more than {LARGEST_PAYLOAD >> 20} MiB")
    if len(layers) > 1:
        raise _refusal(where, "has several bundles in one manifest")
    return layers


def read_bundle(content: bytes) -> Bundle | None:
    """Return what a bundle says of images that were signed; None where it says something else, such as what they were
    built from.
    """
    envelope = mapping(at(from_json(content), "dsseEnvelope"))
    payload = _decoded(envelope.get("payload"), LARGEST_PAYLOAD)
    told = from_json(payload)
    is_signing = at(told, "predicateType") == _SIGNING and str(at(told, "_type")).startswith(_STATEMENT)
    if envelope.get("payloadType") != _IN_TOTO or not is_signing:
        return None
    names = frozenset(f"sha256:{at(each, 'digest', 'sha256')}" for each in items(at(told, "subject")))
    contents = [
        _decoded(each.get("sig"), _LONGEST_SIGNATURE) for each in items(envelope.get("signatures"))[:MOST_SIGNATURES]
    ]
    signed = b"DSSEv1 %d %s %d %s" % (len(_IN_TOTO), _IN_TOTO.encode(), len(payload), payload)
    return Bundle(names, signed, tuple(filter(None, contents)))


def signatures_in(manifest: bytes, where: str) -> list[Signature]:
    """Return the signatures that a manifest lists; what cannot be one is left out. Raises ``FederationError`` FED939
    beyond all bounds.
    """
    layers = [layer for layer in items(at(from_json(manifest), "layers")) if layer.get("mediaType") == PAYLOAD]
    if len(layers) > MOST_SIGNATURES or any(
        not is_whole(layer.get("size")) or layer["size"] > LARGEST_PAYLOAD for layer in layers
    ):
        what = f"has more than {MOST_SIGNATURES} signatures, or one of more than {LARGEST_PAYLOAD >> 20} MiB"
        raise _refusal(where, what)
    found = []
    for layer in layers:
        content = _decoded(mapping(layer.get("annotations")).get(ANNOTATION), _LONGEST_SIGNATURE)
        if content:
            found.append(Signature(layer, content))
    return found


def _decoded(text: object, most: int) -> bytes:
    """Return what a text in base64 holds; nothing where it is none, or too long."""
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) and len(text) <= most else b""
    except (binascii.Error, ValueError):
        return b""


Verifier = Callable[[bytes, bytes], bool]
"""Tells whether a signature (first) is one of the content (second)."""


def verifier_of(pem: bytes) -> Verifier:
    """Return what verifies by a public key: ECDSA on P-256, RSA from 2048 bits on (PKCS #1 v1.5), both with SHA-256, or
    Ed25519.

    Raises ``FederationError`` FED939 for any other key, a private one first of all.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in pem:
        raise _unfit_key("contains a private key, which does not belong here")
    try:
        key: Any = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise _unfit_key("is not a public key in PEM") from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SMALLEST_RSA:
        raise _unfit_key(f"is an RSA key of {key.key_size} bits, and {_SMALLEST_RSA} are the least")

    is_on_p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    known: tuple[tuple[bool, tuple], ...] = (
        (is_on_p256, (ec.ECDSA(SHA256()),)),
        (isinstance(key, rsa.RSAPublicKey), (PKCS1v15(), SHA256())),
        (isinstance(key, ed25519.Ed25519PublicKey), ()),
    )
    how = next((words for is_it, words in known if is_it), None)
    if how is None:
        raise _unfit_key("is not ECDSA on P-256, RSA or Ed25519")

    def verifies(signature: bytes, content: bytes) -> bool:
        try:
            key.verify(signature, content, *how)
        except InvalidSignature:
            return False
        return True

    return verifies


def names(payload: bytes) -> str:
    """Return the digest of the image that a payload speaks of; "" where it speaks of none."""
    told = from_json(payload)
    digest = at(told, "critical", "image", "docker-manifest-digest")
    is_signing = at(told, "critical", "type") == "cosign container image signature"
    return digest if is_signing and isinstance(digest, str) else ""


def refuse_unsigned(digest: str, count: int, signed: Sequence[str], where: str) -> None:
    """Refuse an image that is not among those that the key has ``signed``, by their digests; there are ``count``
    signatures in all. FED939.
    """
    if digest in signed:
        return
    if signed:
        raise _refusal(where, "has a signature by that key that is for another image")
    raise _refusal(where, f"has {count} signatures, but none by that key" if count else "is not signed")


def _refusal(where: str, what: str) -> FederationError:
    fix = "Do not use it until you know who built it; sign it with cosign sign --key, or give the signer's key"
    return FederationError("FED939", where=where, what=what, fix=fix)


def _unfit_key(what: str) -> FederationError:
    return FederationError(
        "FED939", where="public_key", what=what, fix="Give the file that cosign public-key --key writes"
    )
