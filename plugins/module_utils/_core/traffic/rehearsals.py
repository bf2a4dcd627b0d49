# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A policy that is rehearsed: since when, as the annotation on it says, and what proxies have counted of it.

Sources: Istio documentation, "Authorization Policy Dry Run"; Envoy, "Role Based Access Control", statistics: counters
go on for as long as the Envoy runs, whatever becomes of the policy, and are lost with it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..plain.data import at, from_json, is_whole, mapping
from ..plain.kinds import DRY_RUN
from ..plain.moments import time_of, time_text
from .measuring import Row, any_of

REHEARSED = "ossm.federation/rehearsed"
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
"""What istiod takes for true (pilot/pkg/security/authz/builder; Go, ``strconv.ParseBool``)."""
NEW, WAITING, QUIET, DENIED, UNKNOWN, OVER, ENFORCED = (
    "new",
    "waiting",
    "quiet",
    "denied",
    "unknown",
    "over",
    "enforced",
)
MOST_PROXIES = 50
"""How many proxies of one workload are asked what they have counted."""
COUNTED = r"istio_dry_run_allow_\.?shadow_denied$|^server\.uptime$"
"""Which of Envoy's statistics tell of a rehearsal. Newer Envoys write a dot after Istio's prefix."""
_DENIED = re.compile(r"^\S{1,300}\.rbac\.istio_dry_run_allow_\.?shadow_denied: ([0-9]{1,15})$", re.ASCII | re.MULTILINE)
_UPTIME = re.compile(r"^server\.uptime: ([0-9]{1,10})$", re.ASCII | re.MULTILINE)
_POD = re.compile(r"[a-z0-9.-]{1,253}")
_LONGEST = 40_000
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


@dataclass(frozen=True)
class Count:
    """What one proxy says: how much it would have ``denied``, None where it counts no rehearsal, and for how many
    ``seconds`` its Envoy runs.
    """

    denied: int | None
    seconds: int


@dataclass(frozen=True)
class Tally:
    """What the proxies of one workload say, by pod; ``why`` tells why not all of them were heard.

    ``metered`` is what Prometheus has of the time since the rehearsal began, where it was asked and can tell.
    """

    proxies: Mapping[str, Count] = field(default_factory=dict)
    why: str = ""
    metered: int | None = None

    def counted(self) -> dict[str, int] | None:
        """Return how much each proxy has counted by now, None where not all were heard. One that counts no rehearsal
        begins at 0.
        """
        return None if self.why else {pod: count.denied or 0 for pod, count in sorted(self.proxies.items())}


@dataclass(frozen=True)
class Rehearsal:
    """Since when a policy is rehearsed, and how much each proxy had ``counted`` by then (None: nobody could tell).

    ``state`` is what was found: how much it would have ``denied``, and ``why`` that is not known. ``before`` is since
    when the window went that is over, where another one begins.
    """

    since: datetime
    counted: Mapping[str, int] | None = None
    state: str = NEW
    denied: int = 0
    why: str = ""
    before: datetime | None = None

    def text(self) -> str:
        """Return what stands in the annotation."""
        counted = None if self.counted is None else dict(self.counted)
        return json.dumps({"since": time_text(self.since), "counted": counted}, sort_keys=True, separators=(",", ":"))


def is_rehearsal(live: object) -> bool:
    """Return whether a policy refuses nobody yet, as istiod reads its annotation."""
    return mapping(at(live, "metadata", "annotations")).get(DRY_RUN) in _TRUE


def read_rehearsal(text: object) -> Rehearsal | None:
    """Return what the annotation of a policy says; None without one, and for what this collection did not write."""
    found = from_json(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    if not isinstance(found, dict) or set(found) != {"since", "counted"}:
        return None
    since, counted = time_of(found["since"]), found["counted"]
    is_right = counted is None or (
        isinstance(counted, dict)
        and all(_POD.fullmatch(pod) and is_whole(counted[pod]) and counted[pod] >= 0 for pod in counted)
    )
    return Rehearsal(since, counted) if since and is_right else None


def count_in(page: str) -> Count | None:
    """Return what an Envoy's statistics say of rehearsals; None for a page that does not tell how long it runs."""
    denied, uptime = [int(count) for count in _DENIED.findall(page)], _UPTIME.search(page)
    return Count(sum(denied) if denied else None, int(uptime[1])) if uptime else None


def denied_query(namespace: str, seconds: int) -> str:
    """Return the question how much the rehearsals of a namespace would have refused in the last ``seconds``, by pod.

    Envoy's counter has a name per port in older versions, so that name becomes a label. A series that was not there at
    the beginning counts whole, one that was there by how much it rose: Prometheus takes the first value of a series for
    no rise. There is no answer where Prometheus had nothing of the namespace's Envoys at any moment of that time: it
    remembers less, or did not look, and a proxy that has ended since may have counted then.
    """
    place = f'namespace=~"{any_of([namespace])}"'
    chosen = f'__name__=~"envoy_.+",authz_dry_run_action="allow",authz_dry_run_result="denied",{place}'
    now, then = (f'label_replace({{{chosen}}}{at},"of","$1","__name__","(.+)")' for at in ("", f" offset {seconds}s"))
    window = f"[{seconds}s:{max(15, seconds // 10_000)}s]"
    rise, whole = f"increase({now}{window})", f"(max_over_time({now}{window}) unless {then})"
    marked = (f'label_replace({part},"how","{how}","","")' for how, part in (("rise", rise), ("whole", whole)))
    known = f"min_over_time((count(envoy_server_uptime{{{place}}}) or vector(0)){window}) > 0"
    return f"sum by (pod,pod_name,how) ({' or '.join(marked)}) and on() ({known})"


def metered_in(rows: Iterable[Row], own: Collection[str], others: Collection[str]) -> int | None:
    """Return how much an answer says that a rehearsal would have refused; None where it does not tell of each of its
    ``own`` pods.

    ``others`` are pods of other workloads; one that is neither may have been of this one, and counts.
    """
    by_pod: dict[str, float] = {}
    for labels, value in rows:
        pod = labels.get("pod") or labels.get("pod_name") or ""
        if not pod or not math.isfinite(value):
            return None
        by_pod[pod] = max(by_pod.get(pod, 0), value)
    if not own or not set(own) <= set(by_pod):
        return None
    return math.ceil(sum(value for pod, value in by_pod.items() if pod not in others))


def seconds_of(text: object) -> int | None:
    """Return the seconds that a span such as 7d, 12h, 30m or 90s has; None for other texts, and beyond a year."""
    found = re.fullmatch(r"([1-9][0-9]{0,7})([dhms])", text) if isinstance(text, str) else None
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    return seconds if 0 < seconds <= 365 * _UNITS["d"] else None


def span(seconds: int) -> str:
    """Return seconds in the largest unit in which they are whole, such as 7d."""
    unit = next(unit for unit, length in _UNITS.items() if seconds % length == 0)
    return f"{seconds // _UNITS[unit]}{unit}"
