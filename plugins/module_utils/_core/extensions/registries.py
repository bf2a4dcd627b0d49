# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a registry can be said without asking it: how images are named, what it asks for, which image of several is
meant.

Sources: OCI Distribution Specification 1.1; the grammar of ``distribution/reference``; RFC 9110, 11.6.1 (challenges);
"Token Authentication Specification" of distribution.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..plain.data import items, mapping
from ..plain.errors import FederationError
from ..plain.words import printable
from .image import INDEXES, OF_DOCKER, OF_IMAGE, manifest_in

ACCEPTED = (OF_IMAGE, OF_DOCKER, *INDEXES)
"""Types of what may stand under an image's name."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9a-fA-F:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?"
)
_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"([^"\\]*)"|([^\s",]+))\s*(?:,|$)')
# Docker Hub's name is not where it answers, and its tokens come from a third place.
_ANSWERS_AT = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
TOKENS_AT = {"registry-1.docker.io": "auth.docker.io"}
_LONGEST_REPOSITORY = 255
_MOST_LISTED = 64


@dataclass(frozen=True)
class Reference:
    """An image in a registry: the ``host`` with its port where one is given, the repository, and a tag, a digest or
    both.
    """

    host: str
    repository: str
    tag: str
    digest: str

    @property
    def base(self) -> str:
        """The host that answers for it."""
        return _ANSWERS_AT.get(self.host, self.host)

    @property
    def wanted(self) -> str:
        """What is asked for: the digest where there is one, else the tag."""
        return self.digest or self.tag

    def __str__(self) -> str:
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}{tag}{digest}"


def reference_of(text: str, word: str) -> Reference:
    """Return the image that ``text`` names; ``word`` is the option that holds it. Raises ``FederationError`` FED934."""
    name, at, digest = text.removeprefix("oci://").partition("@")
    host, _slash, path = name.partition("/")
    repository, colon, tag = path.partition(":")
    if at and not DIGEST.fullmatch(digest):
        # A password before the host is what else stands before an @: the text is not shown.
        raise _unreadable(
            word, "does not have sha256: and 64 hexadecimal digits after its @; user and password are separate options"
        )
    wrong = _wrong_host(host)
    if wrong:
        raise _unreadable(word, wrong)
    if not _REPOSITORY.fullmatch(repository) or len(repository) > _LONGEST_REPOSITORY:
        raise _unreadable(
            word,
            f"has no repository of small letters, digits and . _ - / after the registry ({printable(repository, 80)})",
        )
    if colon and not _TAG.fullmatch(tag):
        raise _unreadable(word, f"has a tag that no registry accepts ({printable(tag, 80)})")
    if not tag and not digest:
        raise _unreadable(word, "has neither a tag nor a digest")
    return Reference(host, repository, tag, digest)


def _wrong_host(host: str) -> str:
    """Return what is wrong with the name of a registry; empty where nothing is."""
    known = _HOST.fullmatch(host)
    if not known or not ("." in host or ":" in host or host == "localhost"):
        return f"names no registry before its first slash ({printable(host, 80)})"
    return "names a port above 65535" if int(known["port"] or 0) > 65535 else ""


def _unreadable(word: str, what: str) -> FederationError:
    fix = "Write an image such as registry.example/team/header:1.2@sha256:…, the registry always with it"
    return FederationError("FED934", where=word, what=what, fix=fix)


@dataclass(frozen=True)
class Challenge:
    """What a registry asks for: ``bearer`` or ``basic`` in ``scheme``, and its parameters."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def challenge_in(headers: Sequence[str]) -> Challenge | None:
    """Return what the headers WWW-Authenticate ask for, a token before a password; None where it is something else."""
    found = [Challenge(*_parsed(text[:4096])) for text in headers[:8]]
    known = [each for scheme in ("bearer", "basic") for each in found if each.scheme == scheme]
    return known[0] if known else None


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    scheme, _space, rest = text.strip().partition(" ")
    return scheme.lower(), {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}


def chosen_of(content: bytes, where: str) -> Mapping | None:
    """Return the descriptor that an index gives for linux on amd64; None where ``content`` is no index but an image.

    Raises ``FederationError`` FED841 where it is neither, or names none or several.
    """
    told = manifest_in(content)
    if not isinstance(told, dict):
        raise _no_image(where, "has something else than JSON in the image's manifest, or a key in two spellings")
    if "manifests" not in told:
        return None
    if "layers" in told:
        raise _no_image(where, "is an index and an image at once")
    listed = items(told["manifests"])[:_MOST_LISTED]
    fitting = [
        each
        for each in listed
        if mapping(each.get("platform")).get("os") == "linux"
        and mapping(each.get("platform")).get("architecture") == "amd64"
    ]
    # What no platform is said of is either the only image, or what was signed or attested beside one.
    unsaid = [each for each in listed if not each.get("platform")]
    found = fitting or (unsaid if len(listed) == 1 else [])
    if len(found) != 1:
        raise _no_image(where, f"names {len(found)} images for linux on amd64 in its index")
    if found[0].get("mediaType") in INDEXES:
        raise _no_image(where, "names another index in its index")
    return found[0]


def _no_image(where: str, what: str) -> FederationError:
    return FederationError(
        "FED841", where=where, what=what, fix="Name the digest of the one image to use, or push it with wasm_image"
    )


def has_login(image: object) -> bool:
    """Return whether user and password may stand in the name of an image: something else than a digest after an @."""
    _name, at, rest = image.partition("@") if isinstance(image, str) else ("", "", "")
    return bool(at) and not DIGEST.fullmatch(rest)


def target_of(text: str) -> Reference:
    """Return where an image is pushed to. Raises ``FederationError`` FED934."""
    target = reference_of(text, "push")
    if target.digest or not target.tag:
        what = "needs a tag and no digest, which is known only once the image is packed"
        raise FederationError("FED934", where="push", what=what, fix="Write registry.example/team/header:1.2.0")
    return target
