# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two configurations compared by meaning: first by name, then by field; what differs by nature is folded away by paths
that users extend.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..plain.data import at, mapping
from ..plain.errors import FederationError
from .dump import SECTIONS, Dump
from .hiding import digest

FOLDED = (
    "**/version_info",
    "**/last_updated",
    "**/nonce",
    "bootstrap/node/id",
    "bootstrap/node/metadata/NAME",
    "bootstrap/node/metadata/INSTANCE_IPS/**",
    "bootstrap/node/metadata/APP_CONTAINERS",
    "bootstrap/node/metadata/LABELS/pod-template-hash",
    "bootstrap/node/metadata/LABELS/controller-revision-hash",
    "bootstrap/node/metadata/LABELS/statefulset.kubernetes.io~1pod-name",
    "bootstrap/node/locality/**",
    "secrets/default/certificates/**",
)
"""What must differ between two pods: version stamps, nonces, the node's id, name and place, and the workload's own
certificate.
"""
MOST_DIFFERENCES = 300
MOST_FIELDS = 5
LONGEST_VALUE = 160
LONGEST_PATH = 300
MOST_STARS = 8
_SEGMENT = re.compile(r"[^/]+")
_IDENTITIES = ("name", "key", "cluster_name")
ONLY_LEFT, ONLY_RIGHT, DIFFERS = "only left", "only right", "differs"


def folds_of(paths: Sequence[str]) -> re.Pattern[str]:
    """Return what matches the paths that are folded away: ``*`` is one name, ``**`` any number of them.

    Raises ``FederationError`` FED923 for what is no such path.
    """
    patterns = []
    for path in (*FOLDED, *paths):
        segments = path.split("/")
        is_bounded = len(path) <= LONGEST_PATH and path.count("*") <= MOST_STARS
        if not is_bounded or not all(map(_SEGMENT.fullmatch, segments)) or segments[0] not in (*SECTIONS, "*", "**"):
            raise FederationError(
                "FED923",
                where="compare_fold",
                what=f"has {path!r}, which is not a path of a configuration",
                fix=(
                    f"Begin with a section ({', '.join(SECTIONS)}, * or **) and write names with / between, such as"
                    " clusters/*/connect_timeout"
                ),
            )
        patterns.append(_pattern(segments))
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def _pattern(segments: Sequence[str]) -> str:
    parts = []
    for at_, segment in enumerate(segments):
        is_last = at_ == len(segments) - 1
        if segment == "**":
            # Whatever follows; in front of a name also nothing.
            parts.append(".*" if is_last else "(?:[^/]+/)*")
            continue
        parts.append("[^/]*".join(map(re.escape, segment.split("*"))) + ("" if is_last else "/"))
    text = "".join(parts)
    # A list or mapping at the end is folded whole.
    return text if segments[-1] == "**" else f"{text}(?:/.*)?"


@dataclass(frozen=True)
class Difference:
    """One resource that is not the same on both sides; ``fields`` are (path, left, right), ``more`` how many others
    there are.
    """

    section: str
    name: str
    how: str
    fields: tuple[tuple[str, str, str], ...] = ()
    more: int = 0

    def as_data(self) -> dict:
        """Return it as JSON-friendly data."""
        fields = [{"path": path, "left": left, "right": right} for path, left, right in self.fields]
        return {"section": self.section, "name": self.name, "how": self.how, "fields": fields, "more": self.more}

    def lines(self) -> Iterator[str]:
        """Give it as lines for people."""
        yield f"{self.section:<10} {self.name}  {self.how}"
        for path, left, right in self.fields:
            yield f"{'':<10}   {path}: {left} → {right}"
        if self.more:
            yield f"{'':<10}   … and {self.more:,} more fields"


@dataclass(frozen=True)
class Comparison:
    """What differs between two configurations; ``left`` and ``right`` name them."""

    left: str
    right: str
    differences: Sequence[Difference] = field(default_factory=tuple)
    compared: int = 0

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs that is not folded away."""
        return not self.differences

    def as_data(self, most: int = MOST_DIFFERENCES) -> dict:
        """Return it as JSON-friendly data, with at most ``most`` differences."""
        return {
            "left": self.left,
            "right": self.right,
            "equal": self.is_equal,
            "compared": self.compared,
            "counts": dict(Counter(one.section for one in self.differences)),
            "differences": [one.as_data() for one in self.differences[:most]],
            "left_out": max(0, len(self.differences) - most),
        }


def compared(left: Dump, right: Dump, folds: re.Pattern[str]) -> Comparison:
    """Return what differs between two configurations, in the sections that both have been read for."""
    found, count = [], 0
    for section in SECTIONS:
        ours, theirs = mapping(left.sections.get(section)), mapping(right.sections.get(section))
        for name in sorted({*ours, *theirs}):
            count += 1
            if name not in theirs or name not in ours:
                if not folds.fullmatch(f"{section}/{_segment(name)}"):
                    found.append(Difference(section, name, ONLY_LEFT if name in ours else ONLY_RIGHT))
            elif ours[name] != theirs[name]:
                different = _of_fields(section, name, ours[name], theirs[name], folds)
                found += [different] if different else []
    return Comparison(left.origin, right.origin, tuple(found), count)


def _of_fields(section: str, name: str, ours: Any, theirs: Any, folds: re.Pattern[str]) -> Difference | None:
    head = f"{section}/{_segment(name)}"
    left, right = dict(leaves(ours, head)), dict(leaves(theirs, head))
    paths = [
        path
        for path in dict.fromkeys([*left, *right])
        if left.get(path) != right.get(path) and not folds.fullmatch(path)
    ]
    if not paths:
        return None
    told = [
        (path[len(head) + 1 :][:LONGEST_PATH], _value(left.get(path)), _value(right.get(path)))
        for path in paths[:MOST_FIELDS]
    ]
    return Difference(section, name, DIFFERS, tuple(told), max(0, len(paths) - MOST_FIELDS))


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Give path and value of every field. Entries of a list go by their name, key or address where each has one of its
    own, else by place.
    """
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from leaves(below, f"{path}/{_segment(str(key))}")
    elif isinstance(value, list) and value:
        names = _names(value)
        for name, below in zip(names, value):
            yield from leaves(below, f"{path}/{_segment(name)}")
    else:
        yield path, value


def _names(entries: list) -> list[str]:
    """Return what the entries of a list are called."""
    for key in _IDENTITIES:
        names = [entry.get(key) if isinstance(entry, Mapping) else None for entry in entries]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return [str(name) for name in names]
    addresses = [mapping(at(entry, "endpoint", "address", "socket_address")) for entry in entries]
    places = [f"{address.get('address')}:{address.get('port_value')}" for address in addresses]
    if all(addresses) and len(set(places)) == len(places):
        return places
    return [str(number) for number in range(len(entries))]


def _segment(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1") or "~2"


def _value(value: Any) -> str:
    text = "(not set)" if value is None else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({digest(value)})"


def majority_of(dumps: Sequence[Dump], origin: str, folds: re.Pattern[str]) -> Dump:
    """Return what most of some configurations have: each resource that more than half of them have, in the form that
    most of those have.
    """
    seen: dict[tuple[str, str], dict[str, list]] = defaultdict(dict)
    for dump in dumps:
        for section, rows in dump.sections.items():
            for name, resource in rows.items():
                head = f"{section}/{_segment(name)}"
                mark = digest([pair for pair in leaves(resource, head) if not folds.fullmatch(pair[0])])
                forms = seen[(section, name)]
                forms.setdefault(mark, [0, resource])[0] += 1
    sections: dict[str, dict[str, Any]] = {}
    for (section, name), forms in seen.items():
        if 2 * sum(count for count, _resource in forms.values()) > len(dumps):
            sections.setdefault(section, {})[name] = max(forms.values(), key=lambda form: form[0])[1]
    dynamic = frozenset(pair for dump in dumps for pair in dump.dynamic)
    return Dump(origin, sections, dynamic)
