# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fingerprints of certificates: read off PEM, spelled, shown and compared."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from itertools import pairwise

SPOKEN_DIGITS = 32
_ALGORITHM = re.compile(r"(?i)^sha-?256(?: fingerprint=|[:= ])")
_SHA256 = re.compile(r"[0-9A-F]{64}")
_SPOKEN = re.compile(r"[0-9A-F]{32,64}")
MARK = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]{0,40})-----")


def fingerprints_in(text: str) -> list[str]:
    """Return the SHA-256 (upper-case hex) of each readable certificate block of ``text``, unchecked.

    For comparing and showing what stands on a cluster, which may be anything.
    """
    found = []
    marks = list(MARK.finditer(text))
    for begin, end in pairwise(marks):
        if (begin[1], end[1]) == ("BEGIN", "END"):
            try:
                der = base64.b64decode("".join(text[begin.end() : end.start()].split()))
                found.append(hashlib.sha256(der).hexdigest().upper())
            except ValueError:
                found.append("unreadable")
    return found


def is_same_fingerprint(one: str, other: str) -> bool:
    """Return whether two spellings (colons, spaces, case) name the same SHA-256."""
    return plain_fingerprint(one) == plain_fingerprint(other)


def plain_fingerprint(text: str) -> str:
    """Return a fingerprint as we write it: upper-case hex without separators or an algorithm prefix."""
    bare = re.sub(r"[\s:-]", "", _ALGORITHM.sub("", text.strip()))
    return bare.upper() if bare.isascii() else bare


def spoken(fingerprint: str) -> str:
    """Return the part of a SHA-256 that people compare: its first 128 bits as eight groups of four digits.

    Another certificate with the same 128 bits takes 2^128 tries. Nothing shorter is ever shown where somebody decides.
    What is not a SHA-256 (``fingerprints_in`` tells of unreadable blocks) is returned as it is.
    """
    digits = plain_fingerprint(fingerprint)
    if not _SHA256.fullmatch(digits):
        return fingerprint
    digits = digits[:SPOKEN_DIGITS]
    return "-".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def pins(fingerprints: Iterable[str]) -> str:
    """Return the line to paste into an entry of ``mesh_peers``, with the whole SHA-256 of each certificate."""
    return f"root_fingerprints: [{', '.join(map(plain_fingerprint, fingerprints))}]"


def same_spoken(said: str, fingerprint: str) -> bool:
    """Return whether ``said`` names the certificate of this SHA-256.

    ``said`` is what ``spoken`` gives or more of it, up to all 64 digits, in any case, with spaces, colons, hyphens or
    nothing between them. Fewer than 32 digits name nothing, and each digit that was given must be right.
    """
    digits = plain_fingerprint(said)
    return bool(_SPOKEN.fullmatch(digits)) and plain_fingerprint(fingerprint).startswith(digits)
