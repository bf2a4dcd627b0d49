# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which lines are wanted: by status, flag, path, request, duration, and by text or a regular expression."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..plain.errors import FederationError
from .access import Parser, Unparsable, number_of, parser, value_of
from .fields import FLAGS
from .lines import Entry

LONGEST_PATTERN = 200
MOST_PATTERNS = 20
LOOKED_AT = 4000
"""Signs of a line that a regular expression sees."""
MOST_OPEN = 2

_CODE = re.compile(r"[0-9][0-9x][0-9x]|0")
_ESCAPED = re.compile(r"\\.")
_CLASS = re.compile(r"\[\^?\]?[^]]*\]")
_OPEN = re.compile(r"[*+]|\{[0-9]*,\}|\{[0-9]{3,}")
_NESTED = re.compile(r"\([^()]*(?:[*+]|\{[0-9]*,)[^()]*\)(?:[*+]|\{)")


@dataclass(frozen=True)
class Wanted:
    """What is asked for; an empty part asks nothing. Times are nanoseconds since 1970, ``slower`` is milliseconds."""

    codes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    path: str = ""
    request: str = ""
    slower: float | None = None
    until: int | None = None
    show: tuple[re.Pattern[str], ...] = ()
    hide: tuple[re.Pattern[str], ...] = ()
    _codes: re.Pattern[str] | None = field(default=None, compare=False)

    @classmethod
    def read(
        cls,
        codes: Iterable[object] = (),
        flags: Iterable[object] = (),
        path: str = "",
        request: str = "",
        slower: float | None = None,
        until: int | None = None,
        show: Sequence[str] = (),
        hide: Sequence[str] = (),
    ) -> Wanted:
        """Return it checked. Raises ``FederationError`` FED931."""
        statuses = tuple(str(code) for code in codes)
        for status in statuses:
            if not _CODE.fullmatch(status):
                raise refused("logs_codes", f"holds {status!r}", "Write statuses such as 503, or classes such as 5xx")
        named = tuple(str(flag).upper() for flag in flags)
        for flag in named:
            if flag not in FLAGS:
                raise refused(
                    "logs_flags", f"holds {flag!r}, which Envoy does not write", f"Write some of {', '.join(FLAGS)}"
                )
        matcher = re.compile("|".join(status.replace("x", "[0-9]") for status in statuses)) if statuses else None
        return cls(
            statuses,
            named,
            path,
            request,
            slower,
            until,
            patterns(show, "logs_show"),
            patterns(hide, "logs_hide"),
            matcher,
        )

    @property
    def asks_fields(self) -> bool:
        """Whether only a line of an access log can be what is asked for."""
        return bool(self.codes or self.flags or self.path or self.slower is not None)

    def takes(self, entry: Entry) -> bool:
        """Return whether a line is wanted."""
        if self.until is not None and entry.written > self.until:
            return False
        if (self.asks_fields or self.request) and not self._fits(entry):
            return False
        if not (self.show or self.hide):
            return True
        start = entry.text[:LOOKED_AT]
        if self.show and not any(pattern.search(start) for pattern in self.show):
            return False
        return not any(pattern.search(start) for pattern in self.hide)

    def _fits(self, entry: Entry) -> bool:
        fields = entry.fields
        if fields is None:
            # An application writes the id of a request in its own way.
            return not self.asks_fields and self.request in entry.text
        if self.request and value_of(fields, "request_id") != self.request:
            return False
        if self._codes and not self._codes.fullmatch(value_of(fields, "response_code")):
            return False
        if self.flags and not set(self.flags) & set(value_of(fields, "response_flags").split(",")):
            return False
        if self.path and self.path not in value_of(fields, "path"):
            return False
        lasted = number_of(fields, "duration")
        return self.slower is None or (lasted is not None and lasted > self.slower)


def patterns(texts: Sequence[str], option: str) -> tuple[re.Pattern[str], ...]:
    """Return what a line is searched for: a text as it stands, or ``/a regular expression/``.

    One that could take much longer than the line is long is refused: lines are others'. Raises ``FederationError``
    FED931.
    """
    if len(texts) > MOST_PATTERNS:
        raise refused(option, f"has {len(texts)} entries", f"Give at most {MOST_PATTERNS}")
    return tuple(_pattern(str(text), option) for text in texts)


def _pattern(text: str, option: str) -> re.Pattern[str]:
    if not text:
        raise refused(option, "has an empty entry, which matches every line", "Write a text, or remove the entry")
    if len(text) > LONGEST_PATTERN:
        raise refused(option, f"has an entry of {len(text):,} signs", f"Write at most {LONGEST_PATTERN}")
    if not (len(text) > 2 and text[0] == text[-1] == "/"):
        return re.compile(re.escape(text))
    inner = text[1:-1]
    bare = _CLASS.sub("c", _ESCAPED.sub("e", inner))
    if _NESTED.search(bare) or len(_OPEN.findall(bare)) > MOST_OPEN or re.search(r"\\[1-9]|\(\?P=", inner):
        raise refused(
            option,
            f"has {text!r}, which could take very long on a long line",
            f"Use at most {MOST_OPEN} of * + {{n,}}, none around a group that contains one, and no back-references",
        )
    try:
        return re.compile(inner)
    except re.error as error:
        raise refused(
            option, f"has {text!r}, which is not a regular expression ({error})", "Correct it, or write a plain text"
        ) from None


def refused(option: str, what: str, fix: str) -> FederationError:
    """Return the refusal of an option of the logs."""
    return FederationError("FED931", where=option, what=what, fix=fix)


def wanted_of(params: Mapping, until: int | None) -> Wanted:
    return Wanted.read(
        params["codes"],
        params["flags"],
        params["path"] or "",
        params["request"] or "",
        params["slower_than"],
        until,
        params["show"],
        params["hide"],
    )


def parser_of(formats: Sequence[str], keys: Mapping[str, str] | None = None) -> Parser:
    try:
        return parser(formats, keys)
    except Unparsable as error:
        raise refused("logs_formats", f"has a format that {error}", "Correct it") from None
