# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each istiod says to have sent to proxies and what they acknowledged, merged, and what that says of each proxy.

Nonces alone prove little: istiod keeps the last one that was acknowledged, so a rejection looks like a proxy that is
slow, and a proxy whose certificates have not come has acknowledged all that it asked for and serves nothing. So a proxy
that is not in order is looked at twice, and a word is believed only with its evidence.

Sources: maistra/istio, pilot/pkg/xds/debug.go on branches 2.1 to 2.5 (``SyncStatus``, ``adsClients``),
pilot/pkg/xds/monitoring.go.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from ..plain.data import items, mapping
from ..plain.errors import FederationError
from ..plain.moments import time_of
from .statistics import number_of

TYPES = {"cluster": "CDS", "listener": "LDS", "route": "RDS", "endpoint": "EDS", "extensionconfig": "ECDS"}
SYNCED, STALE, NOT_SENT, REJECTED = "SYNCED", "STALE", "NOT SENT", "REJECTED"
WAITING, NOT_CONNECTED, GONE, UNKNOWN = "WAITING", "NOT CONNECTED", "GONE", "UNKNOWN"
WORST_FIRST = (NOT_CONNECTED, REJECTED, STALE, WAITING, UNKNOWN, NOT_SENT, GONE, SYNCED)
IN_ORDER = frozenset({SYNCED, NOT_SENT, GONE})
"""States that are no fault: a gateway without routes was sent none, and a proxy that is gone serves no calls."""
MOST_ROWS = 100_000
LONGEST_NAME = 400
STARTING = timedelta(seconds=30)
"""How old a proxy must be before it counts as one that should be connected."""
_REJECTS = re.compile(
    r"^pilot_xds_(cds|lds|rds|eds)_reject\{([^\n]{0,4000})\} ([0-9.e+]{1,30})$", re.ASCII | re.MULTILINE
)
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Row:
    """One proxy as one istiod knows it; ``nonces`` maps a type to what was sent and what was acknowledged."""

    proxy: str
    istiod: str
    version: str
    kind: str
    nonces: Mapping[str, tuple[str, str]]

    @property
    def differing(self) -> list[str]:
        """The types of which what was sent last is not acknowledged."""
        return [kind for kind, (sent, acked) in self.nonces.items() if sent and sent != acked]

    @property
    def is_waiting(self) -> bool:
        """Whether clusters are acknowledged and listeners were never asked for: the proxy's certificates
        have not come.
        """
        sent, acked = self.nonces.get("cluster", ("", ""))
        return bool(sent) and sent == acked and not any(self.nonces.get("listener", ("", "")))


def rows_of(content: bytes, istiod: str) -> list[Row]:
    """Return the rows of one istiod's ``/debug/syncz``. Raises ``FederationError`` FED901 for what has not
    its shape.
    """
    data = _data(content, istiod, "/debug/syncz")
    if not isinstance(data, list) or len(data) > MOST_ROWS:
        raise _unusable(istiod, "/debug/syncz", f"is not a list of at most {MOST_ROWS:,} proxies")
    rows = []
    for entry in items(data):
        proxy = entry.get("proxy")
        # On 2.1 a list may end with an empty object.
        if not isinstance(proxy, str) or not 0 < len(proxy) <= LONGEST_NAME:
            continue
        nonces = {kind: (_text(entry.get(f"{kind}_sent")), _text(entry.get(f"{kind}_acked"))) for kind in TYPES}
        nonces = {kind: pair for kind, pair in nonces.items() if any(pair)}
        rows.append(Row(proxy, istiod, _text(entry.get("istio_version")), _text(entry.get("proxy_type")), nonces))
    return rows


def connected_at(content: bytes, istiod: str) -> dict[str, datetime]:
    """Return since when each proxy is connected, from one istiod's ``/debug/adsz``. Raises as ``rows_of``."""
    found: dict[str, datetime] = {}
    for client in items(mapping(_data(content, istiod, "/debug/adsz")).get("clients"))[:MOST_ROWS]:
        # The id of a connection is the proxy's name and a number.
        proxy, since = str(client.get("connectionId") or "").rpartition("-")[0], time_of(client.get("connectedAt"))
        if since and proxy and since > found.get(proxy, since - STARTING):
            found[proxy] = since
    return found


def rejects_of(metrics: str) -> Counter:
    """Return how many updates each proxy has rejected since its istiod started, by (proxy, type such as LDS)."""
    found: Counter = Counter()
    for kind, labels, value in _REJECTS.findall(metrics):
        node = dict(_LABEL.findall(labels)).get("node", "")
        found[(node, kind.upper())] += int(number_of(value))
    return found


@dataclass(frozen=True)
class Reading:
    """What all istiods said at one time. ``silent`` are those that did not answer, and why."""

    at: datetime
    rows: tuple[Row, ...] = ()
    rejects: Mapping[tuple[str, str], int] = field(default_factory=dict)
    since: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_connection(self) -> dict[tuple[str, str], Row]:
        """The rows by proxy and istiod."""
        return {(row.proxy, row.istiod): row for row in self.rows}

    @cached_property
    def by_proxy(self) -> dict[str, list[Row]]:
        """The rows of each proxy, as many as istiods know it."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.proxy, []).append(row)
        return found

    @property
    def twice(self) -> set[str]:
        """Proxies that several istiods know: one of the connections is an old one."""
        return {proxy for proxy, rows in self.by_proxy.items() if len(rows) > 1}


@dataclass(frozen=True)
class Pod:
    """A pod with a proxy: who owns it, since when its proxy runs, the version of its sidecar, and whether it is a
    gateway.
    """

    namespace: str
    name: str
    workload: str
    started: datetime | None = None
    is_running: bool = True
    is_gateway: bool = False

    @property
    def proxy(self) -> str:
        """The name that istiod has for it."""
        return f"{self.name}.{self.namespace}"


@dataclass(frozen=True)
class Proxy:
    """One proxy and what is known of it: its ``state``, that of each type, and the ``evidence`` for it in words."""

    name: str
    namespace: str
    workload: str
    state: str
    types: Mapping[str, str] = field(default_factory=dict)
    evidence: str = ""
    version: str = ""
    istiod: str = ""
    is_old: bool = False

    def as_data(self) -> dict:
        """Return it as JSON-friendly data. Types that are in order are left out: there may be thousands of proxies."""
        odd = {kind: state for kind, state in self.types.items() if state != SYNCED}
        return {
            "proxy": f"{self.namespace}/{self.name}",
            "workload": self.workload,
            "state": self.state,
            "types": odd,
            "evidence": self.evidence,
            "version": self.version,
            "old": self.is_old,
            "istiod": self.istiod,
        }


def needs_another_look(first: Reading, pods: Sequence[Pod], listed: Iterable[str]) -> bool:
    """Return whether something would count as wrong that may be a moment's: a second reading tells."""
    wrong = {STALE, REJECTED, NOT_CONNECTED, GONE, WAITING}
    return any(proxy.state in wrong for proxy in proxies_of([first], pods, listed))


def proxies_of(
    readings: Sequence[Reading],
    pods: Sequence[Pod],
    listed: Iterable[str],
    said: Mapping[str, Mapping[str, str]] | None = None,
    current: str = "",
) -> list[Proxy]:
    """Return every proxy with its state, worst first.

    ``readings`` are one or two, ten seconds or more apart; ``pods`` those that stood at the latest; ``listed`` the
    namespaces whose pods could be read. ``said`` is what Envoys themselves say of rejections, by proxy and type.
    ``current`` is the version of istiod.
    """
    latest, earlier = readings[-1], readings[0]
    known, before, seen = latest.by_proxy, earlier.by_proxy, set(listed)
    found = []
    for pod in pods:
        rows = known.get(pod.proxy, [])
        if rows:
            found.append(_of_rows(pod.proxy, rows, readings, mapping(mapping(said).get(pod.proxy)), current, pod))
        elif pod.is_running:
            found.append(_without_row(pod, latest, earlier, before))
    own = {pod.proxy for pod in pods}
    for proxy, rows in known.items():
        name, _dot, namespace = proxy.rpartition(".")
        if proxy in own:
            continue
        if namespace not in seen:
            found.append(_of_rows(proxy, rows, readings, {}, current, None))
        elif len(readings) == 1 or proxy in before:
            evidence = f"{rows[0].istiod} still lists it and no such pod exists"
            found.append(Proxy(name, namespace, "", GONE, {}, evidence, rows[0].version, rows[0].istiod))
    return sorted(
        found, key=lambda proxy: (WORST_FIRST.index(proxy.state), proxy.namespace, proxy.workload, proxy.name)
    )


def _without_row(pod: Pod, latest: Reading, earlier: Reading, before: Mapping) -> Proxy:
    if latest.silent:
        evidence = f"no istiod that answers knows it; {', '.join(sorted(latest.silent))} did not answer"
        return Proxy(pod.name, pod.namespace, pod.workload, UNKNOWN, {}, evidence)
    if pod.started is None or latest.at - pod.started < STARTING:
        return Proxy(pod.name, pod.namespace, pod.workload, UNKNOWN, {}, "has only just started")
    if latest is not earlier and pod.proxy in before:
        return Proxy(
            pod.name,
            pod.namespace,
            pod.workload,
            UNKNOWN,
            {},
            "was connected some seconds ago and is moving to another istiod",
        )
    return Proxy(pod.name, pod.namespace, pod.workload, NOT_CONNECTED, {}, "its proxy runs and no istiod knows it")


def _of_rows(
    proxy: str, rows: Sequence[Row], readings: Sequence[Reading], said: Mapping[str, str], current: str, pod: Pod | None
) -> Proxy:
    latest = readings[-1]
    row, note = _newest(rows, latest)
    name, _dot, namespace = proxy.rpartition(".")
    types = _types_of(row)
    evidence = [note] if note else []
    for kind in row.differing:
        types[kind], why = _differing(row, kind, readings, said)
        evidence.append(f"{TYPES[kind]}: {why}")
    state = min(types.values(), key=WORST_FIRST.index) if row.differing else SYNCED if row.nonces else NOT_SENT
    if state == SYNCED and row.is_waiting:
        state = WAITING
        evidence.append("it has its clusters and never asked for listeners: its certificates have not come")
    if note and len({_plain_state(each) for each in rows}) > 1:
        state = UNKNOWN
    return Proxy(
        name,
        namespace,
        pod.workload if pod else "",
        state,
        types,
        "; ".join(evidence),
        row.version,
        row.istiod,
        is_old=bool(current and row.version and row.version != current),
    )


def _types_of(row: Row) -> dict[str, str]:
    """Return which types were sent to a proxy; extensions only where istiod says anything of them."""
    types = {kind: NOT_SENT if not sent else SYNCED for kind, (sent, _acked) in row.nonces.items()}
    return {kind: types.get(kind, NOT_SENT) for kind in TYPES if kind in types or kind != "extensionconfig"}


def _plain_state(row: Row) -> str:
    return STALE if row.differing else WAITING if row.is_waiting else SYNCED


def _newest(rows: Sequence[Row], reading: Reading) -> tuple[Row, str]:
    """Return the row of the newer connection, and what makes that uncertain, if anything does.

    An istiod that has not noticed yet that a connection is lost lists a proxy twice, and does not tell which row is of
    which.
    """
    if len(rows) == 1:
        return rows[0], ""
    times = {row.istiod: reading.since.get((row.istiod, row.proxy)) for row in rows}
    known = [(moment, row) for row in rows if (moment := times[row.istiod])]
    if len(known) == len(rows):
        newest = max(known, key=lambda each: each[0])[1]
        of_it = sum(row.istiod == newest.istiod for row in rows)
        return newest, (
            ""
            if of_it == 1
            else f"{newest.istiod} lists it {of_it} times, and which connection is the newer is not known"
        )
    return rows[-1], f"{len(rows)} istiods list it, and which connection is the newer is not known"


def _differing(row: Row, kind: str, readings: Sequence[Reading], said: Mapping[str, str]) -> tuple[str, str]:
    """Return the state of a type whose nonces differ, and the evidence for it."""
    proxy, word = row.proxy, TYPES[kind]
    first = readings[0].by_connection.get((proxy, row.istiod))
    if word in said:
        return REJECTED, f"Envoy says {said[word]}"
    counts = [reading.rejects.get((proxy, word), 0) for reading in readings]
    if len(readings) > 1 and counts[-1] > counts[0]:
        return REJECTED, f"istiod has counted {counts[-1] - counts[0]} rejections between two readings"
    if len(readings) > 1 and first is not None and first.nonces.get(kind, ("", ""))[1] != row.nonces[kind][1]:
        return SYNCED, "it acknowledges, but new updates keep coming"
    perhaps = (
        f"; istiod has counted {counts[-1]} rejections of it since it started, perhaps this one" if counts[-1] else ""
    )
    seconds = int((readings[-1].at - readings[0].at).total_seconds())
    again = f" in two readings {seconds} s apart" if len(readings) > 1 else ""
    return STALE, f"the last update is not acknowledged{again}, cause unknown{perhaps}"


def with_nacks(readings: Sequence[Reading], nacks: Iterable[tuple[str, str, str]]) -> list[Reading]:
    """Return two readings with what istiods have logged of rejections between them: proxy, type such as LDS, and why.

    It counts where istiod's counter has not risen: it has none of extensions, and from some version on it no longer
    rises.
    """
    logged = Counter((proxy, kind) for proxy, kind, _why in nacks)
    first, second = readings
    risen = {key: first.rejects.get(key, 0) + count for key, count in logged.items()}
    rejects = {**second.rejects, **{key: max(count, second.rejects.get(key, 0)) for key, count in risen.items()}}
    return [first, replace(second, rejects=rejects)]


@dataclass(frozen=True)
class Workload:
    """The proxies of one workload, counted by state."""

    namespace: str
    name: str
    states: Mapping[str, int]
    old: int

    @property
    def count(self) -> int:
        """How many proxies it has."""
        return sum(self.states.values())

    @property
    def in_order(self) -> int:
        """How many of them are in order."""
        return sum(number for state, number in self.states.items() if state in IN_ORDER)

    @property
    def worst(self) -> str:
        """The worst state of one of them."""
        return min(self.states, key=WORST_FIRST.index)

    @property
    def cells(self) -> list[str]:
        """Its line in a table."""
        states = ", ".join(f"{self.states[state]:,} {state}" for state in WORST_FIRST if state in self.states)
        old = f"{self.old:,} old" if self.old else ""
        return [f"{self.namespace}/{self.name or '?'}", f"{self.in_order:,} of {self.count:,}", states, old]

    def as_data(self) -> dict:
        """Return it as JSON-friendly data."""
        return {
            "namespace": self.namespace,
            "workload": self.name,
            "proxies": self.count,
            "in_order": self.in_order,
            "states": dict(self.states),
            "worst": self.worst,
            "old": self.old,
        }


def workloads_of(proxies: Iterable[Proxy]) -> list[Workload]:
    """Return proxies by workload, worst first, then the largest share that is not in order."""
    states: dict[tuple[str, str], Counter] = {}
    old: Counter = Counter()
    for proxy in proxies:
        key = (proxy.namespace, proxy.workload)
        states.setdefault(key, Counter())[proxy.state] += 1
        old[key] += proxy.is_old
    found = [Workload(*key, dict(counts), old[key]) for key, counts in states.items()]
    return sorted(found, key=lambda it: (WORST_FIRST.index(it.worst), it.in_order / it.count, it.namespace, it.name))


def _data(content: bytes, istiod: str, path: str) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise _unusable(istiod, path, "is no JSON") from None


def _unusable(istiod: str, path: str, what: str) -> FederationError:
    return FederationError(
        "FED901", where=f"{path} of {istiod}", what=what, fix="See which version of istiod answers there"
    )


def _text(value: object) -> str:
    return value[:LONGEST_NAME] if isinstance(value, str) else ""
