# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user wrote in ``mesh_traffic``: read once, every problem told, then frozen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..mesh.described import Mesh
from ..mesh.given import is_empty
from ..plain.data import listed
from ..plain.errors import FederationError
from .rehearsals import Rehearsal, seconds_of
from .shares import LOCAL, Shift

NOBODY = "nobody"
RULE = ("service", "failover_to", "outlier", "split", "callers", "timeout", "retries", "idle_timeout", "merge")
OUTLIER = ("consecutive_5xx", "interval", "base_ejection_time")
CALLERS = ("from_mesh", "local", "service_accounts", "dry_run", "enforce_after")
RETRIES = ("attempts", "per_try_timeout", "retry_on")
_PART = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_DURATION = re.compile(r"([0-9]+(\.[0-9]+)?(h|ms|m|s))+")
_PARTS = re.compile(r"([0-9.]+)(h|ms|m|s)")
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_LONGEST = 365 * 24 * _MILLISECONDS["h"]
MOST = 1000
_RETRY_ON = re.compile(r"[a-z0-9-]+(,[a-z0-9-]+)*")


@dataclass(frozen=True)
class Outlier:
    """When an endpoint that fails is left out, and for how long. Istio's own defaults."""

    consecutive_5xx: int = 5
    interval: str = "10s"
    base_ejection_time: str = "30s"


@dataclass(frozen=True)
class Retries:
    """How often a call that failed is made again; what is None is left to Istio."""

    attempts: int
    per_try_timeout: str | None = None
    retry_on: str | None = None


@dataclass(frozen=True)
class Callers:
    """Who may call.

    ``from_mesh`` are peers that may call a service of ours, ``local`` the service accounts of this mesh that may (None:
    not said, empty: nobody). ``service_accounts`` are workloads of ours that may call an imported service. Accounts are
    (namespace, name). With ``dry_run`` a policy on a workload is only rehearsed; with ``enforce_after`` so until that
    many seconds have shown nobody whom it would refuse. Where ``local`` ``is_seen`` nobody said it: it is whom
    Prometheus has seen.
    """

    from_mesh: tuple[str, ...] = ()
    local: tuple[tuple[str, str], ...] | None = None
    service_accounts: tuple[tuple[str, str], ...] = ()
    dry_run: bool = False
    enforce_after: int = 0
    is_seen: bool = False


@dataclass(frozen=True)
class Wanted:
    """One rule of ``mesh_traffic``: what is wanted of the service ``name`` of ``namespace``.

    Peers are named as we call them. ``split`` has a weight for each peer and for ``local``; ``shift`` is how far it is,
    where the cluster says that it moves in steps; ``rehearsal`` what that of its policy has shown. With ``merge`` what
    is needed goes into a DestinationRule that somebody else has for the host.
    """

    number: int
    name: str
    namespace: str
    failover_to: str | None = None
    outlier: Outlier = Outlier()
    split: Mapping[str, int] = field(default_factory=dict)
    callers: Callers | None = None
    timeout: str | None = None
    retries: Retries | None = None
    shift: Shift | None = None
    rehearsal: Rehearsal | None = None
    merge: bool = False
    idle_timeout: str | None = None

    @property
    def service(self) -> str:
        """Return the service as people write it."""
        return f"{self.namespace}/{self.name}"

    @property
    def place(self) -> str:
        """Return how people find the rule."""
        return f"mesh_traffic, {self.service}"

    @property
    def split_peers(self) -> tuple[str, ...]:
        """Return the peers that get a share."""
        return tuple(name for name in self.split if name != LOCAL)


class _Reading:
    """Reads rules and keeps every problem, so that all of them can be told at once."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.problems: list[FederationError] = []

    def refuse(self, code: str, where: str, what: str, fix: str) -> None:
        self.problems.append(FederationError(code, where=where, what=what, fix=fix))

    def mapping(self, value: object, place: str, known: Sequence[str]) -> dict:
        """Return what of ``value`` can be read: known keys that have a value."""
        if not isinstance(value, Mapping):
            self.refuse("FED850", place, "is not a mapping", f"Give it keys: {', '.join(known)}")
            return {}
        for key in value:
            if key not in known:
                self.refuse("FED850", place, f"has the unknown key {key}", f"Known are {', '.join(known)}")
            elif is_empty(value[key]):
                self.refuse("FED850", f"{place}, {key}", "is there and empty", "Give it a value, or remove the key")
        return {key: value[key] for key in known if key in value and not is_empty(value[key])}

    def parts(self, value: object, place: str, what: str, more: str = "") -> tuple[str, str] | None:
        """Return the two parts of ``namespace/name``; ``more`` is what else could be written."""
        found = value.split("/") if isinstance(value, str) else []
        if len(found) == 2 and all(_PART.fullmatch(part) for part in found):
            return found[0], found[1]
        self.refuse("FED850", place, f"is {value!r}", f"Write a {what} as namespace/name, such as shop/cart{more}")
        return None

    def peer(self, value: object, place: str) -> str | None:
        """Return our own name of a peer."""
        found = self.mesh.peer(value) if isinstance(value, str) else None
        if found is None:
            known = ", ".join(sorted(peer.local_name for peer in self.mesh.peers)) or "none"
            self.refuse("FED302", place, f"names {value}, which is not in mesh_peers", f"Known peers: {known}")
            return None
        if isinstance(value, str) and value != found.local_name and self.mesh.is_shared(value):
            names = listed(peer.local_name for peer in self.mesh.peers if peer.name == value)
            self.refuse(
                "FED320",
                place,
                f"names {value}, and several peers call themselves that",
                f"Use our own names for them: {names}",
            )
            return None
        return found.local_name

    def whole(self, value: object, place: str, least: int, most: int) -> int | None:
        """Return a whole number within bounds."""
        if not isinstance(value, bool) and re.fullmatch(r"[0-9]{1,9}", str(value)) and least <= int(str(value)) <= most:
            return int(str(value))
        self.refuse("FED850", place, f"is {value!r}", f"Give a whole number from {least} to {most}")
        return None

    def duration(self, value: object, place: str) -> str | None:
        """Return a duration, written as Istio writes it."""
        text = str(value)
        if isinstance(value, str) and len(text) <= 40 and _DURATION.fullmatch(text):
            # istiod passes over a whole object for a duration below a millisecond, or one beyond its own numbers.
            total = sum(Fraction(number) * _MILLISECONDS[unit] for number, unit in _PARTS.findall(text))
            if total.denominator == 1 and 1 <= total <= _LONGEST:
                return text
        self.refuse(
            "FED850",
            place,
            f"is {value!r}",
            "Write it with a unit, such as 500ms, 10s or 1m: whole milliseconds, at most a year",
        )
        return None

    def boolean(self, value: object, place: str) -> bool:
        text = str(value).lower()
        if text not in ("true", "false", "yes", "no"):
            self.refuse("FED850", place, f"is {value!r}", "Write true or false")
        return text in ("true", "yes")

    def list_of(self, value: object, place: str, read: Callable[[object, str], object]) -> tuple:
        entries = value if isinstance(value, (list, tuple)) else [value]
        found = [read(entry, place) for entry in entries]
        return tuple(dict.fromkeys(entry for entry in found if entry is not None))


def read_wanted(entries: object, mesh: Mesh) -> tuple[list[Wanted], list[FederationError]]:
    """Return the rules of ``mesh_traffic`` as far as they can be read, and every problem of those that cannot.

    Problems: FED850 cannot be read, FED302 and FED320 a peer's name, FED853 two rules for one service, FED855 weights.
    """
    reading = _Reading(mesh)
    if not isinstance(entries, (list, tuple)):
        reading.refuse(
            "FED850", "mesh_traffic", "is not a list", "Write one entry per service; [] withdraws all that was there"
        )
        return [], reading.problems
    if len(entries) > MOST:
        what = f"has {len(entries):,} entries, and at most {MOST:,} are allowed"
        reading.refuse("FED850", "mesh_traffic", what, "Write one entry per service")
        return [], reading.problems
    found: dict[tuple[str, str], Wanted] = {}
    for number, entry in enumerate(entries, start=1):
        wanted = _rule(reading, entry, number)
        if wanted is None:
            continue
        first = found.setdefault((wanted.namespace, wanted.name), wanted)
        if first is not wanted:
            reading.refuse(
                "FED853",
                f"mesh_traffic, rule {number}",
                f"is for {wanted.service}, as rule {first.number} is",
                "Write both in one rule",
            )
    return list(found.values()), reading.problems


def _rule(reading: _Reading, entry: object, number: int) -> Wanted | None:
    place = f"mesh_traffic, rule {number}"
    before = len(reading.problems)
    given = reading.mapping(entry, place, RULE)
    if "service" not in given:
        if len(reading.problems) == before:
            reading.refuse("FED850", place, "names no service", "Write service: namespace/name")
        return None
    service = reading.parts(given["service"], f"{place}, service", "service")
    if service is None:
        return None
    place = f"mesh_traffic, {'/'.join(service)}"
    if "outlier" in given and "failover_to" not in given and "split" not in given:
        reading.refuse(
            "FED850", f"{place}, outlier", "is given without failover_to and split", "Add one of them, or remove it"
        )
    elif "merge" in given and not {"failover_to", "split", "idle_timeout"} & set(given):
        what = "is given without failover_to, split and idle_timeout"
        reading.refuse("FED850", f"{place}, merge", what, "Add one of them, or remove it")
    elif len(given) == 1 and len(reading.problems) == before:
        reading.refuse("FED850", place, "asks for nothing", f"Give it one of {', '.join(RULE[1:])}")
    parts: dict[str, Any] = {
        word: read(reading, given[word], f"{place}, {word}") for word, read in _READ.items() if word in given
    }
    return Wanted(number=number, name=service[1], namespace=service[0], **parts)


def _outlier(reading: _Reading, value: object, place: str) -> Outlier:
    parts: dict = {}
    for word, found in reading.mapping(value, place, OUTLIER).items():
        at = f"{place}, {word}"
        parts[word] = reading.whole(found, at, 1, 1000) if word == "consecutive_5xx" else reading.duration(found, at)
    return Outlier(**{word: value for word, value in parts.items() if value is not None})


def _split(reading: _Reading, value: object, place: str) -> dict[str, int]:
    if not isinstance(value, Mapping):
        reading.refuse(
            "FED855", place, "is not a mapping", "Write a weight for local and for each peer: {local: 80, west: 20}"
        )
        return {}
    weights: dict[str, int] = {}
    before = len(reading.problems)
    for who, weight in value.items():
        name = LOCAL if who == LOCAL else reading.peer(who, place)
        number = None if isinstance(weight, bool) or not re.fullmatch(r"[0-9]{1,3}", str(weight)) else int(str(weight))
        if number is None or number > 100:
            reading.refuse("FED855", f"{place}, {who}", f"is {weight!r}", "Give a whole number from 0 to 100")
        elif name in weights:
            reading.refuse("FED855", f"{place}, {who}", "is a peer that has a weight already", "Name each peer once")
        elif name is not None:
            weights[name] = number
    if len(reading.problems) > before:
        return {}
    if sum(weights.values()) != 100:
        reading.refuse(
            "FED855",
            place,
            f"has weights of {sum(weights.values())} in all",
            "Make them 100, the share of local included",
        )
    elif len(weights) < 2:
        reading.refuse(
            "FED855",
            place,
            f"gives all to {next(iter(weights))}",
            "Give a weight to local and to one peer at least; 0 is one",
        )
    return weights


def _callers(reading: _Reading, value: object, place: str) -> Callers:
    found = reading.mapping(value, place, CALLERS)

    def account(text: object, at: str) -> tuple[str, str] | None:
        return reading.parts(text, at, "service account", f"; local: {NOBODY} admits none" if at == own else "")

    own = f"{place}, local"
    local: tuple | None = None
    if "local" in found:
        is_nobody = found["local"] == NOBODY
        local = () if is_nobody else reading.list_of(found["local"], own, account)
    if "local" in found and "from_mesh" not in found:
        reading.refuse(
            "FED850", f"{place}, local", "is given without from_mesh", "Add the peers that may call, or remove it"
        )
    after = _enforce_after(reading, found, place)
    if "dry_run" in found and "from_mesh" not in found:
        reading.refuse(
            "FED850",
            f"{place}, dry_run",
            "is given without from_mesh",
            "Only a policy on one of our workloads can be rehearsed",
        )
    return Callers(
        from_mesh=reading.list_of(found.get("from_mesh", []), f"{place}, from_mesh", reading.peer),
        local=local,
        service_accounts=reading.list_of(found.get("service_accounts", []), f"{place}, service_accounts", account),
        dry_run=reading.boolean(found["dry_run"], f"{place}, dry_run") if "dry_run" in found else bool(after),
        enforce_after=after,
    )


def _enforce_after(reading: _Reading, found: Mapping, place: str) -> int:
    """Return after how many seconds a rehearsal shall be enforced; 0 where that is not said, or not right."""
    if "enforce_after" not in found:
        return 0
    place = f"{place}, enforce_after"
    seconds = seconds_of(found["enforce_after"])
    if seconds is None:
        reading.refuse(
            "FED850",
            place,
            f"is {found['enforce_after']!r}",
            "Write a number and its unit, such as 7d, 12h, 30m or 90s, at most 365d",
        )
    elif "dry_run" in found:
        reading.refuse(
            "FED850",
            place,
            "is given together with dry_run",
            "Keep one: enforce_after rehearses the policy until the window is over",
        )
    elif "from_mesh" not in found or "local" not in found:
        fix = "Name the peers and the callers of this mesh that may call, or write local: nobody"
        reading.refuse("FED850", place, "is given without from_mesh and local, so there is nothing to enforce", fix)
    return seconds or 0


def _retries(reading: _Reading, value: object, place: str) -> Retries | None:
    before = len(reading.problems)
    found = reading.mapping(value, place, RETRIES)
    if "attempts" not in found and len(reading.problems) > before:
        return None
    if "attempts" not in found:
        reading.refuse("FED850", place, "has no attempts", "Add attempts: 2, or 0 for none")
        return None
    attempts = reading.whole(found["attempts"], f"{place}, attempts", 0, 20)
    on = found.get("retry_on")
    if on is not None and not (isinstance(on, str) and _RETRY_ON.fullmatch(on)):
        reading.refuse(
            "FED850",
            f"{place}, retry_on",
            f"is {on!r}",
            "Write Envoy's words with commas: connect-failure,refused-stream,503",
        )
        on = None
    per_try = (
        reading.duration(found["per_try_timeout"], f"{place}, per_try_timeout") if "per_try_timeout" in found else None
    )
    return None if attempts is None else Retries(attempts, per_try, on)


# How each part of a rule is read, in the order in which problems are told.
_READ: Mapping[str, Callable[[_Reading, object, str], object]] = {
    "failover_to": _Reading.peer,
    "outlier": _outlier,
    "split": _split,
    "callers": _callers,
    "timeout": _Reading.duration,
    "retries": _retries,
    "idle_timeout": _Reading.duration,
    "merge": _Reading.boolean,
}
