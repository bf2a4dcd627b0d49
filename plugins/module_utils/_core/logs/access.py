# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of an access log into named fields: Istio's default texts, formats of the user's own, and JSON.

A line is parsed by expressions in which every field ends at the sign that follows it, so that no line takes longer
than its length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .fields import DEFAULT, DEFAULT_2_0, OPERATORS

LONGEST_FORMAT = 4096
MOST_FORMATS = 20
MOST_JSON_FIELDS = 200

Fields = Mapping[str, Any]
"""Named fields as they stand: texts, and of JSON any value; ``value_of`` reads one the same way from both."""
Parser = Callable[[str], "Fields | None"]

_OPERATOR = re.compile(r"%([A-Z_]+(?:\([^)]*\))?(?::[0-9]+)?)%")
_NAME = re.compile(r"[^a-z0-9]+")
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
TELLING = frozenset({"response_code", "response_flags", "upstream_cluster", "downstream_remote_address"})
"""A JSON object without any of these is an application's own."""


class Unparsable(ValueError):
    """A format from which no line could be read back; the text says why."""


def expression_of(format_: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Return the expression for lines of a format, and the names of its groups.

    Raises ``Unparsable`` where two operators touch, where one stands twice beside itself, and for a format without
    operators.
    """
    text = format_.rstrip("\n")
    if len(text) > LONGEST_FORMAT:
        raise Unparsable(f"is longer than {LONGEST_FORMAT:,} signs")
    names: list[str] = []
    parts: list[str] = []
    end = 0
    found = list(_OPERATOR.finditer(text))
    if not found:
        raise Unparsable("has no operator such as %RESPONSE_CODE%")
    for number, operator in enumerate(found):
        parts.append(re.escape(text[end : operator.start()]))
        end = operator.end()
        following = text[end : end + 1]
        if number + 1 < len(found) and found[number + 1].start() == end:
            raise Unparsable(f"has %{operator[1]}% and the next operator without a sign between them")
        names.append(name_of(operator[1], names))
        parts.append("(.*)" if not following else f"([^{re.escape(following)}]*)")
    parts.append(re.escape(text[end:]))
    return re.compile("".join(parts)), tuple(names)


def name_of(operator: str, taken: Iterable[str] = ()) -> str:
    """Return the name of the field that an operator writes: Istio's, else the operator in small letters."""
    plain = re.sub(r":[0-9]+$", "", operator)
    plain = "START_TIME" if plain.startswith("START_TIME(") else plain
    name = OPERATORS.get(plain) or _NAME.sub("_", plain.lower()).strip("_")
    while name in taken:
        name += "_again"
    return name


def parser_of(format_: str) -> Parser:
    """Return what parses lines of one format: named fields, or None for a line that is not of it. Raises
    ``Unparsable``."""
    expression, names = expression_of(format_)
    match = expression.fullmatch

    def parse(line: str) -> Fields | None:
        found = match(line)
        return dict(zip(names, found.groups())) if found else None

    return parse


def json_parser(keys: Mapping[str, str]) -> Parser:
    """Return what parses a line that is a JSON object of an access log; ``keys`` are names of the user's own and
    what they stand for."""
    telling = TELLING | {key for key, name in keys.items() if name in TELLING}
    loads = json.loads

    def parse(line: str) -> Fields | None:
        try:
            read = loads(line)
        except (ValueError, RecursionError):
            return None
        if read.__class__ is not dict or telling.isdisjoint(read) or len(read) > MOST_JSON_FIELDS:
            return None
        return {keys.get(key, key): value for key, value in read.items()} if keys else read

    return parse


def value_of(fields: Fields, name: str) -> str:
    """Return the text of a field, "" for one that is absent, ``-`` or null."""
    value = fields.get(name)
    if value.__class__ is not str:
        value = "" if value is None else json.dumps(value)
    return "" if value == "-" else value


def number_of(fields: Fields, name: str) -> float | None:
    """Return the number of a field; None for what is none."""
    text = value_of(fields, name)
    return float(text) if _NUMBER.fullmatch(text) else None


def parser(formats: Sequence[str] = (), keys: Mapping[str, str] | None = None) -> Parser:
    """Return what parses lines of any of the formats, of Istio's defaults, and of JSON with its names or those of
    ``keys``.

    The format of the last line is tried first: a container writes one. Raises ``Unparsable`` for a format that cannot
    be read.
    """
    ways = [parser_of(format_) for format_ in formats[:MOST_FORMATS]] + [parser_of(DEFAULT), parser_of(DEFAULT_2_0)]
    of_json = json_parser(keys or {})
    count = len(ways)
    first = 0

    def parse(line: str) -> Fields | None:
        nonlocal first
        if line[:1] == "{":
            return of_json(line)
        found = ways[first](line)
        if found is not None:
            return found
        for number in range(count):
            if number != first and (found := ways[number](line)) is not None:
                first = number
                return found
        return None

    return parse
