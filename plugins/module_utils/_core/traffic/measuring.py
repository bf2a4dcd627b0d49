# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Prometheus is asked about calls, and what its answer proves.

Sources: Prometheus documentation, "HTTP API" (instant queries); Istio documentation, "Standard Metrics".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..plain.data import at, items, mapping

Row = tuple[Mapping[str, str], float]
_MOST_ROWS = 10_000
_SIGN = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True)
class Verdict:
    """Whether a share may stay: ``is_proven`` says that a number answered, ``is_good`` that it is small enough."""

    is_good: bool
    is_proven: bool
    seen: str


def any_of(names: Iterable[str]) -> str:
    """Return names as a regular expression inside a query's text: any of them, letter by letter.

    Every other sign stands there by its number, so that no name ends the text or means something else, in whichever quotes it is.
    """
    return "|".join(_SIGN.sub(_numbered, name) for name in sorted(set(names)))


def _numbered(sign: re.Match[str]) -> str:
    return "\\\\." if sign[0] == "." else f"\\\\x{{{ord(sign[0]):x}}}"


def error_query(hosts: Iterable[str], seconds: int, given: str = "") -> str:
    """Return the question for the share of calls to ``hosts`` that failed, as their callers saw it; ``given`` is a question of the user's.

    Without an error there is no series of errors, which must count as none; without a call there is no answer, which must not.
    """
    names, window = any_of(hosts), f"{seconds}s"
    if given:
        return given.replace("$hosts", names).replace("$window", window)
    chosen = f'reporter="source",destination_service=~"{names}"'
    failed = f'sum(rate(istio_requests_total{{{chosen},response_code=~"5..|0"}}[{window}]))'
    return f"({failed} or vector(0)) / sum(rate(istio_requests_total{{{chosen}}}[{window}]))"


def rows_of(document: object) -> list[Row] | None:
    """Return the rows of an answer to an instant query, (labels, value); None for what is no such answer."""
    data = mapping(at(document, "data"))
    if at(document, "status") != "success":
        return None
    if data.get("resultType") == "scalar":
        value = _number(data.get("result"))
        return None if value is None else [({}, value)]
    found = data.get("result")
    if data.get("resultType") != "vector" or not isinstance(found, list) or len(found) > _MOST_ROWS:
        return None
    rows = [(mapping(row.get("metric")), _number(row.get("value"))) for row in items(found)]
    if len(rows) != len(found) or any(value is None for _labels, value in rows):
        return None
    return [({str(key): str(text) for key, text in labels.items()}, value) for labels, value in rows if value is not None]


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
        return Verdict(False, False, f"Prometheus answers {value:g}, which is no share of calls")
    return Verdict(value * 100 <= most, True, f"{value * 100:.2f} % of the calls fail, and {most:g} % may")
