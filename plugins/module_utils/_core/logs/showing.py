# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines as they are written to a file, what all of them come to, and one line explained field by field."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..plain.words import shown
from .access import Fields, value_of
from .fields import BY_NAME, DETAILS, in_words
from .lines import ACCESS, LONGEST, Entry, Stream, time_text
from .masking import HIDDEN, is_secret, masked

_RESET = "\x1b[0m"
_OF_STREAMS = tuple(f"\x1b[{number}m" for number in (36, 32, 35, 34, 33, 96, 92, 95, 94, 93))
_BAD, _WARN = "\x1b[31m", "\x1b[33m"
MOST_STATUSES = 20


class Writer:
    """Turns entries into lines of one output format, ``text`` or ``json``; nothing that must not be read is in them."""

    def __init__(self, format_: str, *, colour: bool = False) -> None:
        self._is_json = format_ == "json"
        self._colour = colour and not self._is_json
        self._colours: dict[Stream, str] = {}

    def line(self, entry: Entry) -> str:
        """Return one entry as a line, its end included."""
        return f"{json.dumps(self._row(entry)) if self._is_json else self._text(entry)}\n"

    def _text(self, entry: Entry) -> str:
        stream = entry.stream
        flags = in_words(value_of(entry.fields, "response_flags")) if entry.fields else []
        said = f"  [{'; '.join(flags)}]" if flags else ""
        text = shown(_readable(entry), longest=LONGEST)
        if not self._colour:
            return f"{time_text(entry.written)} {stream.name} {text}{said}"
        colour = self._colours.setdefault(stream, _OF_STREAMS[len(self._colours) % len(_OF_STREAMS)])
        loud = _loudness(entry)
        return f"{time_text(entry.written)} {colour}{stream.name}{_RESET} {loud}{text}{said}{_RESET if loud else ''}"

    def _row(self, entry: Entry) -> dict:
        stream = entry.stream
        row: dict[str, Any] = {
            "time": time_text(entry.written),
            "mesh": stream.mesh,
            "namespace": stream.namespace,
            "pod": stream.pod,
            "container": stream.container,
            "kind": entry.kind,
            "text": _readable(entry),
        }
        if stream.is_gateway:
            row |= {"gateway": "ingress" if stream.is_ingress else "egress", "peer": stream.peer}
        if entry.fields:
            row["fields"] = told_fields(entry.fields)
            row["flags"] = in_words(value_of(entry.fields, "response_flags"))
        return row


def _readable(entry: Entry) -> str:
    """Return the text of a line without secrets: those that it names, and those that only a format of one's own
    names."""
    text = entry.text
    for name in entry.fields or ():
        value = value_of(entry.fields or {}, name) if is_secret(str(name)) else ""
        text = text.replace(value, HIDDEN) if value else text
    return masked(text)


def told_fields(fields: Fields) -> dict[str, str]:
    """Return the fields that have a value, each fit to be read on."""
    found = {str(name): value_of(fields, name) for name in fields}
    return {name: _hidden(name, value) for name, value in found.items() if value}


def _hidden(name: str, value: str) -> str:
    """Hide a value that its own name, or what stands in it, makes a secret."""
    if is_secret(name):
        return HIDDEN if value else ""
    return masked(f"{name}={value}").partition("=")[2]


def _loudness(entry: Entry) -> str:
    code = value_of(entry.fields, "response_code") if entry.fields else ""
    return _BAD if code[:1] == "5" else _WARN if code[:1] == "4" else ""


@dataclass
class Tally:
    """What was read and written, counted."""

    read: int = 0
    written: int = 0
    access: int = 0
    unparsed: int = 0
    codes: Counter = field(default_factory=Counter)
    flags: Counter = field(default_factory=Counter)

    def note(self, entry: Entry, *, is_wanted: bool) -> None:
        """Count one line."""
        self.read += 1
        if not entry.fields:
            self.unparsed += entry.stream.is_proxy and entry.text[:1] in "[{" and not entry.continued
        if not is_wanted:
            return
        self.written += 1
        if entry.kind == ACCESS and entry.fields:
            self.access += 1
            code = value_of(entry.fields, "response_code")
            if len(self.codes) < MOST_STATUSES or code in self.codes:
                self.codes[code] += bool(code)
            for flag in in_words(value_of(entry.fields, "response_flags"))[:5]:
                if len(self.flags) < MOST_STATUSES or flag in self.flags:
                    self.flags[flag] += 1

    def as_data(self) -> dict:
        """Return the counts as data for a module's result."""
        return {
            "read": self.read,
            "written": self.written,
            "access": self.access,
            "unparsed": self.unparsed,
            "codes": dict(sorted(self.codes.items())),
            "flags": dict(self.flags.most_common()),
        }


def explained(fields: Fields | None) -> list[dict]:
    """Return the fields of one access line in their order: operator, value, meaning, and whether ``-`` is as it
    should be."""
    if fields is None:
        return []
    is_tcp = not value_of(fields, "method")
    rows = []
    for name in fields:
        known, value = BY_NAME.get(name), value_of(fields, name)
        meaning = (known.of_tcp if is_tcp else known.of_http) if known else "a field of your format"
        if not value:
            meaning = _of_nothing(name, meaning, is_tcp=is_tcp)
        flags = in_words(value) if name == "response_flags" else []
        rows.append(
            {
                "field": name,
                "operator": f"%{known.operator}%" if known else "",
                "value": _hidden(name, value) or "-",
                "meaning": "; ".join(flags) or meaning,
            }
        )
    missing = [name for name in DETAILS if name not in fields]
    if missing and "start_time" in fields:
        rows.append(
            {
                "field": ", ".join(missing),
                "operator": "",
                "value": "",
                "meaning": "not in this line: Istio writes it from 2.1 on",
            }
        )
    return rows


def _of_nothing(name: str, meaning: str, *, is_tcp: bool) -> str:
    if is_tcp and not meaning:
        return "- by nature: a TCP connection has none"
    return f"- : nothing to tell here ({meaning})" if meaning else "- : nothing to tell here"


def explanation(fields: Fields | None) -> list[str]:
    """Return the fields of one access line explained, as lines for people."""
    rows = explained(fields)
    if not rows:
        return ["This line has no known format: give yours as logs_formats, or check that the line is complete"]
    kind = "an HTTP request" if value_of(fields or {}, "method") else "a TCP connection"
    width = max(len(row["field"]) for row in rows)
    return [f"The line is of {kind}.", *(f"{row['field']:<{width}}  {row['value']}  {row['meaning']}" for row in rows)]
