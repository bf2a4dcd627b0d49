# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""URLs and query strings, read and written as data. Sources: RFC 3986; WHATWG URL Standard,
application/x-www-form-urlencoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_URL = re.compile(r"(?i:(https?))://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_ENCODED = re.compile(rb"%([0-9a-fA-F]{2})")
_PLAIN = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*-._")
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Url:
    """A URL of HTTP: its scheme, host, port, and path."""

    scheme: str
    host: str
    port: int
    path: str


def url_of(text: str) -> Url:
    """Return a URL, read. Raises ``ValueError`` with what is wrong with one that is not plain: scheme, host, perhaps
    port and path.
    """
    found = _URL.fullmatch(text)
    if not found or not text.isprintable() or " " in text:
        raise ValueError("must be a URL such as https://su1.3scale.net")
    scheme, authority, path, query, fragment = found.groups()
    if "@" in authority:
        raise ValueError("must not contain a user or token; give the access token as token or token_from")
    if query or fragment:
        raise ValueError("must not have ? or #")
    host, separator, port = authority.lower().partition(":")
    is_port = not separator or (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536)
    if not _HOST.fullmatch(host) or not is_port:
        raise ValueError("must name its host in letters, digits, dots and hyphens, and a port from 1 to 65535 if any")
    return Url(scheme.lower(), host, int(port) if port else PORTS[scheme.lower()], path)


def pairs_of(query: str) -> list[tuple[str, str]]:
    """Return the names and values of a query string in their order."""
    parts = [part.partition("=") for part in query.split("&") if part]
    return [(_decoded(name), _decoded(value)) for name, _separator, value in parts]


def query_of(pairs: Mapping[str, object]) -> str:
    """Return names and values as a query string."""
    return "&".join(f"{_encoded(str(name))}={_encoded(str(value))}" for name, value in pairs.items())


def _decoded(text: str) -> str:
    content = text.replace("+", " ").encode("utf-8", "replace")
    return _ENCODED.sub(lambda found: bytes([int(found[1], 16)]), content).decode("utf-8", "replace")


def _encoded(text: str) -> str:
    return "".join(
        chr(each) if each in _PLAIN else "+" if each == 32 else f"%{each:02X}"
        for each in text.encode("utf-8", "replace")
    )
