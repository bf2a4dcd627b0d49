# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading data that may be anybody's, and telling it in words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

Live = TypeVar("Live", bound=Mapping)

MOST = 10
"""Names that one message lists at the most; what else there is it counts."""


def place_of(live: Mapping) -> str:
    """Return how people name an object: its kind and namespace/name."""
    metadata = live.get("metadata") or {}
    return f"{live.get('kind')} {metadata.get('namespace')}/{metadata.get('name')}"


def by_name(objects: Iterable[Live]) -> dict[str, Live]:
    """Return the objects of one kind and namespace by their names."""
    return {live["metadata"]["name"]: live for live in objects}


def at(live: object, *path: str) -> Any:
    """Return the value at a path of keys; None where the path ends early."""
    for key in path:
        live = live.get(key) if isinstance(live, Mapping) else None
    return live


def mapping(value: object) -> Mapping:
    """Return a mapping as it is, anything else as an empty one: live objects may be anybody's."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Mapping]:
    """Return the mappings of a list; none for what is no list."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, (list, tuple)) else []


def strings(value: object) -> list[str]:
    """Return the texts in a list; none for what is no list: live objects may be anybody's."""
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, (list, tuple)) else []


def from_json(text: str | bytes) -> Any:
    """Return what a text says as JSON; None where it is none, has a number that no JSON can have, such as NaN, or is
    nested too deep to be anybody's.
    """
    try:
        return _DECODER.decode(text if isinstance(text, str) else text.decode(json.detect_encoding(text)))
    except (ValueError, RecursionError):
        return None


def _finite(text: str) -> float:
    """Return a number; raises ``ValueError`` where there is none: what was read could not be written again."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def is_true(live: object, condition: str) -> bool:
    """Return whether a live object's status says that a condition of this type is true."""
    return any(
        entry.get("type") == condition and entry.get("status") == "True"
        for entry in items(at(live, "status", "conditions"))
    )


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number; true and false, which Python counts among them, are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def listed(words: Iterable[str], most: int = 3) -> str:
    """Return words as people list them: ``a, b and c``, ``a, b, c and 4 more``."""
    texts = list(dict.fromkeys(words))
    if len(texts) > most:
        return f"{', '.join(texts[:most])} and {len(texts) - most:,} more"
    return " and ".join(part for part in (", ".join(texts[:-1]), *texts[-1:]) if part)


def some(names: Sequence[str], most: int = MOST, between: str = ", ") -> str:
    """Return the first of many names, and how many more there are: ``a, b and 1,004 more``."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def clauses(texts: Sequence[str], most: int) -> str:
    """Return the first of many clauses, and how many more there are: ``a; b; and 1,004 more``."""
    return "; ".join([*texts[:most], *([f"and {len(texts) - most:,} more"] if len(texts) > most else [])])
