# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Signatures of an image as ``cosign`` keeps them: beside it, under a tag made of its digest. Read as a stranger's.

Sources: cosign, ``specs/SIGNATURE_SPEC.md`` and ``specs/SIGNATURE_STORAGE.md``; containers/image, "signature" (simple signing).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..plain.data import at, from_json, is_whole, items, mapping
from ..plain.errors import FederationError

PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
ANNOTATION = "dev.cosignproject.cosign/signature"
LARGEST_PAYLOAD = 1 << 20
MOST_SIGNATURES = 64
LARGEST_KEY = 1 << 16
_LONGEST_SIGNATURE = 1 << 12
_SMALLEST_RSA = 2048


@dataclass(frozen=True)
class Signature:
    """One signature: what names the payload that was signed, and the signature itself."""

    payload: Mapping[str, Any]
    content: bytes


def tag_of(digest: str) -> str:
    """Return the tag under which the signatures of an image stand."""
    return f"{digest.replace(':', '-')}.sig"


def signatures_in(manifest: bytes, where: str) -> list[Signature]:
    """Return the signatures that a manifest lists; what cannot be one is left out. Raises ``FederationError`` FED939 beyond all bounds."""
    layers = [layer for layer in items(at(from_json(manifest), "layers")) if layer.get("mediaType") == PAYLOAD]
    if len(layers) > MOST_SIGNATURES or any(not is_whole(layer.get("size")) or layer["size"] > LARGEST_PAYLOAD for layer in layers):
        what = f"has more than {MOST_SIGNATURES} signatures, or one of more than {LARGEST_PAYLOAD >> 20} MiB"
        raise _refusal(where, what)
    found = []
    for layer in layers:
        text = mapping(layer.get("annotations")).get(ANNOTATION)
        try:
            content = base64.b64decode(text, validate=True) if isinstance(text, str) and len(text) <= _LONGEST_SIGNATURE else b""
        except (binascii.Error, ValueError):
            content = b""
        if content:
            found.append(Signature(layer, content))
    return found


Verifier = Callable[[bytes, bytes], bool]
"""Tells whether a signature (first) is one of the content (second)."""


def verifier_of(pem: bytes) -> Verifier:
    """Return what verifies by a public key: ECDSA on P-256, RSA from 2048 bits on (PKCS #1 v1.5), both with SHA-256, or Ed25519.

    Raises ``FederationError`` FED939 for any other key, a private one first of all.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in pem:
        raise _unfit_key("holds a private key, which has no business here")
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
        raise _unfit_key("is neither ECDSA on P-256, RSA nor Ed25519")

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


def refuse_unsigned(digest: str, count: int, signed: list[bytes], where: str) -> None:
    """Refuse an image for which no payload that was ``signed`` by the key speaks; there are ``count`` signatures in all. FED939."""
    if any(names(payload) == digest for payload in signed):
        return
    if signed:
        raise _refusal(where, "has a signature by that key which is that of another image")
    raise _refusal(where, f"has {count} signatures, and none by that key" if count else "is not signed")


def _refusal(where: str, what: str) -> FederationError:
    fix = "Do not use it until you know who built it; sign it with cosign sign --key, or give the key of who signs"
    return FederationError("FED939", where=where, what=what, fix=fix)


def _unfit_key(what: str) -> FederationError:
    return FederationError("FED939", where="public_key", what=what, fix="Give the file that cosign public-key --key writes")
