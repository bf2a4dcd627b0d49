# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Prometheus is asked about calls, and what its answer proves.

Sources: Prometheus documentation, "HTTP API" (instant queries, warnings); Istio documentation, "Standard Metrics".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..plain.data import at, items, mapping, strings

Row = tuple[Mapping[str, str], float]
_MOST_ROWS, _LONGEST = 10_000, 300
# Some versions have among their warnings what they think of a query.
_NOTES = "PromQL info"
# Thanos says so of a time of which it has nothing at all; where something is found, of the time before its stores
# began.
_NO_STORE = "No StoreAPIs matched for this query"
# Before a window: a counter that was missed for a few looks, as a proxy that did not answer in time is, is not a new
# one.
_BEFORE = "1h"
_SIGN = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True)
class Verdict:
    """Whether a share may stay: ``is_proven`` says that a number answered, ``is_good`` that it is small enough."""

    is_good: bool
    is_proven: bool
    seen: str


def any_of(names: Iterable[str]) -> str:
    """Return names as a regular expression inside a query's text: any of them, letter by letter.

    Every other sign stands there by its number, so that no name ends the text or means something else, in whichever
    quotes it is.
    """
    return "|".join(_SIGN.sub(_numbered, name) for name in sorted(set(names)))


def _numbered(sign: re.Match[str]) -> str:
    return "\\\\." if sign[0] == "." else f"\\\\x{{{ord(sign[0]):x}}}"


def came(counters: str, window: str, known: str = "") -> str:
    """Return the question by how much each of some counters grew in a time; one that is first seen then grew by all
    that it has.

    A counter of Istio is there from its first call on, which ``increase`` takes for its beginning: it would never see
    that call, nor all that came with it between two looks. With ``known`` this is so only where Prometheus had
    something of those before that time: for one that has just begun, everything is new.
    """
    before = f"[{_BEFORE}] offset {window}"
    since = f" and on() count(max_over_time({known}{before}))" if known else ""
    return (
        f"(max_over_time({counters}[{window}]) unless max_over_time({counters}{before}){since} or"
        f" increase({counters}[{window}]))"
    )


def error_query(hosts: Iterable[str], seconds: int, given: str = "") -> str:
    """Return the question for the share of calls to ``hosts`` that failed, as their callers saw it; ``given`` is a
    question of the user's.

    Without an error there is no series of errors, which must count as none; without a call there is no answer, which
    must not.
    """
    names, window = any_of(hosts), f"{seconds}s"
    if given:
        return given.replace("$hosts", names).replace("$window", window)
    calls = f'istio_requests_total{{reporter="source",destination_service=~"{names}"}}'
    failed = f'istio_requests_total{{reporter="source",destination_service=~"{names}",response_code=~"5..|0"}}'
    return f"(sum({came(failed, window, calls)}) or vector(0)) / sum({came(calls, window, calls)})"


def rows_of(document: object) -> list[Row] | str:
    """Return the rows of an answer to an instant query, (labels, value); or in words why it is none to go by.

    An answer with warnings lacks what somebody did not give: a store that did not answer may have all the calls that
    failed.
    """
    found = _rows_in(mapping(at(document, "data"))) if at(document, "status") == "success" else None
    if found is None:
        return "answers with something else than the result of a query"
    lacking = [
        text
        for text in strings(mapping(document).get("warnings"))
        if not text.startswith(_NOTES) and not (found and text == _NO_STORE)
    ]
    return f"answers in part only: {lacking[0][:_LONGEST]}" if lacking else found


def refusal_of(document: object) -> str:
    """Return in its own words why Prometheus refuses a question; "" for what is no such answer."""
    return f"refuses the question: {str(at(document, 'error'))[:_LONGEST]}" if at(document, "status") == "error" else ""


def _rows_in(data: Mapping) -> list[Row] | None:
    if data.get("resultType") == "scalar":
        value = _number(data.get("result"))
        return None if value is None else [({}, value)]
    found = data.get("result")
    if data.get("resultType") != "vector" or not isinstance(found, list) or len(found) > _MOST_ROWS:
        return None
    rows = [(mapping(row.get("metric")), _number(row.get("value"))) for row in items(found)]
    if len(rows) != len(found) or any(value is None for _labels, value in rows):
        return None
    return [
        ({str(key): str(text) for key, text in labels.items()}, value) for labels, value in rows if value is not None
    ]


def _number(sample: object) -> float | None:
    if not isinstance(sample, Sequence) or len(sample) != 2 or not isinstance(sample[1], str) or len(sample[1]) > 40:
        return None
    try:
        return float(sample[1])
    except ValueError:
        return None


def judged(rows: Sequence[Row], most: float) -> Verdict:
    """Return what an answer proves, where ``most`` is how many per cent of the calls may fail."""
    if not rows:
        return Verdict(False, False, "Prometheus has no calls in that time")
    if len(rows) > 1:
        return Verdict(False, False, f"Prometheus answers with {len(rows)} numbers in place of one")
    value = rows[0][1]
    if math.isnan(value) or not 0 <= value <= 1:
        return Verdict(False, False, f"Prometheus answers {value:g}, which is not a share of calls")
    return Verdict(value * 100 <= most, True, f"{value * 100:.2f} % of the calls fail, and {most:g} % may")
