# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What proxies and adapters log and must not be passed on: tokens, keys of users and applications, credentials of
requests.

The adapter of 3scale logs its configuration and its calls, and ``user_key`` stands in the paths of access logs. A
value is hidden in every spelling that occurs in logs: a query, a header, JSON, JSON within JSON, percent encoding.
"""

from __future__ import annotations

import re
from functools import lru_cache

HIDDEN = "********"
_BETWEEN = r"(?:[_-]|%5F|%2D)?"
_WORDS = (
    rf"(?:service|access|refresh|id|bearer|session|auth){_BETWEEN}token"
    rf"|(?:user|app|api|provider|private|secret|access){_BETWEEN}key"
    rf"|client{_BETWEEN}secret|passw(?:or)?d|x-threescale-[a-z-]*(?:key|token)"
)
_HEADERS = r"(?:proxy-)?authorization|(?:set-)?cookie2?"
# Quotes may be escaped, once or more often, and = : & may be percent encoded.
_QUOTE = r"(?:\\{0,8}\"|'|%22)?"
_SIGN = r"\s{0,3}(?:=>?|:|%3D|%3A)\s{0,3}"
_PAIR = re.compile(
    rf"(?<![a-z0-9])((?:{_WORDS})\]?{_QUOTE}{_SIGN}{_QUOTE})([^\s\"'&;,}}\\%]+(?:%(?!26|22)[^\s\"'&;,}}\\%]*)*)",
    re.IGNORECASE,
)
# What is quoted ends with its quote, whatever is in it; quoted, a plain word is a name, too.
_QUOTED = re.compile(
    rf"(?<![a-z0-9])((?:{_WORDS}|token|secret)\]?(?:\\{{0,8}}[\"'])?{_SIGN}(\\{{0,8}}[\"']))((?:(?!\2)(?:\\.|[^\\]))+)",
    re.IGNORECASE,
)
# A header's value has spaces and commas: it ends with the quote that it began with, or the line.
_HEADER = re.compile(rf"(?<![a-z0-9-])((?:{_HEADERS})\]?{_QUOTE}{_SIGN}({_QUOTE}))", re.IGNORECASE)
_SCHEME = re.compile(r"\b((?:bearer|basic)\s{1,3})[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_NAMED = re.compile(rf"(?<![a-z0-9])(?:{_WORDS}|{_HEADERS})(?![a-z0-9])", re.IGNORECASE)
_MARKS = ("token", "key", "secret", "passw", "authorization", "cookie", "bearer", "basic")


def masked(line: str) -> str:
    """Return a line in which no value of these is left."""
    small = line.lower()
    if not any(mark in small for mark in _MARKS):
        return line
    quoted = _QUOTED.sub(rf"\1{HIDDEN}", _without_headers(line))
    return _SCHEME.sub(rf"\1{HIDDEN}", _PAIR.sub(rf"\1{HIDDEN}", quoted))


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Return whether a field of this name holds what must not be read on, such as ``req_cookie`` of a format of
    one's own."""
    return bool(_NAMED.search(name))


def _without_headers(line: str) -> str:
    parts, end = [], 0
    while found := _HEADER.search(line, end):
        parts.append(line[end : found.end()])
        quote = found[2]
        close = line.find(quote, found.end()) if quote else -1
        end = close if close >= 0 else len(line)
        parts.append(HIDDEN)
    return "".join([*parts, line[end:]]) if parts else line
