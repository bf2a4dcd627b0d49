# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the rehearsals of policies have shown, and which of them are over, so that the policy is enforced.

A window is over when all proxies of the workload have counted through it and none would have refused anything. What is
not known is never taken for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ..catalogue.findings import Finding
from ..mesh.described import Mesh
from ..plain.data import at, items, listed, mapping, place_of
from ..plain.kinds import DRY_RUN, traffic_manager
from ..plain.moments import time_of, time_text
from ..plain.words import printable
from .calling import is_enforced, policy_of, rehearses
from .going import policies_of
from .plan import admitting_policy, name_of
from .rehearsals import (
    DENIED,
    ENFORCED,
    NEW,
    OVER,
    QUIET,
    REHEARSED,
    UNKNOWN,
    WAITING,
    Rehearsal,
    Tally,
    is_rehearsal,
    read_rehearsal,
    span,
)
from .standing import Standing
from .wanted import Wanted

SKEW = timedelta(minutes=5)
"""How far the clocks of a cluster's API servers may be apart. What began later than that after now never ends."""


def rehearsals(wanted: Iterable[Wanted], standing: Standing) -> list[Wanted]:
    """Return the rules whose policy on a workload is not enforced yet, where this version can rehearse one."""
    found = [
        one for one in wanted if one.callers and one.callers.from_mesh and one.callers.dry_run and rehearses(standing)
    ]
    return [one for one in found if not (one.callers and one.callers.enforce_after and is_enforced(one, standing))]


def judged(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing, now: datetime) -> list[Wanted]:
    """Return the rules, each with what its rehearsal has shown by ``now``, the API server's clock; one whose window is
    over is enforced.
    """
    wanted = list(wanted)
    rehearsed = {one.number for one in rehearsals(wanted, standing)}
    return [
        _judged(one, mesh, standing, now) if one.number in rehearsed else _settled(one, standing, now) for one in wanted
    ]


def unsure(wanted: Iterable[Wanted], now: datetime) -> list[tuple[Wanted, int]]:
    """Return the rules of whose rehearsal proxies cannot tell, each with the seconds that it goes."""
    found = [
        (one, now - (one.rehearsal.before or one.rehearsal.since))
        for one in wanted
        if one.rehearsal and one.rehearsal.state == UNKNOWN
    ]
    return [(one, int(age.total_seconds())) for one, age in found if age >= timedelta(seconds=1)]


def _settled(one: Wanted, standing: Standing, now: datetime) -> Wanted:
    """Return a rule whose policy is enforced already: rehearsing it again would let everybody in."""
    if not one.callers or not one.callers.enforce_after or not rehearses(standing):
        return one
    return replace(one, callers=replace(one.callers, dry_run=False), rehearsal=Rehearsal(now, state=ENFORCED))


def _judged(one: Wanted, mesh: Mesh, standing: Standing, now: datetime) -> Wanted:
    tally = standing.tallies.get((one.namespace, one.name)) or Tally(why="its proxies were not asked")
    begun = begun_before(one, mesh, standing)
    if begun is None or begun.since - now > SKEW:
        return replace(one, rehearsal=Rehearsal(now, tally.counted()))
    edited = _edited(policy_of(one, standing), begun.since)
    found, is_lost = _seen(begun, tally, _beside(one, standing), edited, now)
    after = one.callers.enforce_after if one.callers else 0
    if not after or not one.callers:
        return replace(one, rehearsal=found)
    if found.state == DENIED or (found.state == UNKNOWN and is_lost):
        return replace(one, rehearsal=replace(found, since=now, counted=tally.counted(), before=begun.since))
    if found.state == QUIET and now - begun.since >= timedelta(seconds=after):
        return replace(one, callers=replace(one.callers, dry_run=False), rehearsal=replace(found, state=OVER))
    return replace(one, rehearsal=replace(found, state=WAITING if found.state == QUIET else found.state))


def begun_before(one: Wanted, mesh: Mesh, standing: Standing) -> Rehearsal | None:
    """Return the rehearsal that stands; None where none does, where nobody knows since when, and where another policy
    is wanted by now.
    """
    live = policy_of(one, standing)
    annotations = mapping(at(live, "metadata", "annotations"))
    if live is None or not is_rehearsal(live) or live.get("spec") != admitting_policy(one, mesh, standing)["spec"]:
        return None
    return read_rehearsal(annotations.get(REHEARSED))


def _edited(live: Mapping | None, since: datetime) -> str:
    """Return in words who has changed a policy, or whether it is a rehearsal, since it began; "" for nobody. What was
    changed back was not rehearsed meanwhile.
    """
    for entry in items(at(live, "metadata", "managedFields")):
        fields, moment = mapping(entry.get("fieldsV1")), time_of(entry.get("time"))
        own = {"f:spec", f"f:{DRY_RUN}"} & {*fields, *mapping(at(fields, "f:metadata", "f:annotations"))}
        is_ours = (entry.get("manager"), entry.get("operation")) == (traffic_manager(), "Apply")
        if own and not is_ours and not entry.get("subresource") and moment and moment > since:
            return f"{printable(str(entry.get('manager')), 80)} has changed it in that time"
    return ""


def _seen(begun: Rehearsal, tally: Tally, beside: str, edited: str, now: datetime) -> tuple[Rehearsal, bool]:
    """Return what a rehearsal has shown, and whether counts of its time are lost for good."""
    lost = edited or _lost(begun, tally, now)
    why = beside or tally.why or _mute(tally) or lost
    denied = _denied(begun, tally, now)
    if not denied and why and not beside and not edited and tally.metered is not None:
        denied, why = tally.metered, ""
    state = DENIED if denied else UNKNOWN if why else QUIET
    return replace(begun, state=state, denied=denied, why=why), bool(lost) and why == lost


def _mute(tally: Tally) -> str:
    if not tally.proxies:
        return "no running pod of the workload has a sidecar"
    mute = sorted(pod for pod, count in tally.proxies.items() if count.denied is None)
    return f"the Envoys of {listed(mute, 5)} count no rehearsals" if mute else ""


def _lost(begun: Rehearsal, tally: Tally, now: datetime) -> str:
    """Return in words which counts of the time since a rehearsal began are lost; "" for none."""
    if begun.counted is None:
        return "the counts of the proxies at its start are not known"
    gone = sorted(set(begun.counted) - set(tally.proxies))
    if gone:
        return f"{listed(gone, 5)} ended in that time, and its counts are lost"
    anew = sorted(pod for pod in tally.proxies if _is_anew(pod, begun, tally, now))
    return f"the Envoys of {listed(anew, 5)} started in that time" if anew else ""


def _is_anew(pod: str, begun: Rehearsal, tally: Tally, now: datetime) -> bool:
    """Return whether an Envoy has started since a rehearsal began: it tells nothing of the time before."""
    count, counted = tally.proxies[pod], begun.counted or {}
    return (
        pod not in counted or timedelta(seconds=count.seconds) < now - begun.since or (count.denied or 0) < counted[pod]
    )


def _denied(begun: Rehearsal, tally: Tally, now: datetime) -> int:
    """Return how much proxies have counted since a rehearsal began, as far as it is certain that it was since then."""
    counted, total = begun.counted or {}, 0
    for pod, count in tally.proxies.items():
        is_of_it = pod not in counted or _is_anew(pod, begun, tally, now)
        if begun.counted is not None:
            total += (count.denied or 0) - (0 if is_of_it else counted[pod])
    return total


def _beside(one: Wanted, standing: Standing) -> str:
    """Return in words which other rehearsals meet the same pods: Envoy counts what all of them together
    would refuse.
    """
    pods = standing.pods_of(one.namespace, one.name)
    others = {
        place_of(live)
        for pod in pods
        for live in policies_of(pod, one.namespace, standing)
        if is_rehearsal(live)
        and (at(live, "spec", "action") or "ALLOW") == "ALLOW"
        and (at(live, "metadata", "namespace"), at(live, "metadata", "name")) != (one.namespace, name_of(one))
    }
    return f"{listed(sorted(others), 5)} is rehearsed for the same pods, and Envoy counts both as one" if others else ""


def findings_of(wanted: Iterable[Wanted]) -> Iterator[Finding]:
    """Yield the rehearsals that would have refused a caller, and those that are to be enforced although their counts
    are not known.
    """
    for one in wanted:
        found, after = one.rehearsal, one.callers.enforce_after if one.callers else 0
        if found is None:
            continue
        anew = f"; the window of {span(after)} starts again" if after and found.before else ""
        since = time_text(found.before or found.since)
        if found.state == DENIED:
            yield Finding(
                "FED848", one.place, f"would have refused {found.denied:,} requests or connections since {since}{anew}"
            )
        elif found.state == UNKNOWN and after:
            yield Finding(
                "FED849",
                one.place,
                f"has been rehearsed since {since}, and it is not known what it would have refused: {found.why}{anew}",
            )


def rows_of(wanted: Iterable[Wanted]) -> list[dict]:
    """Return how each rehearsal stands as JSON-friendly data."""
    return [
        {
            "service": one.service,
            "state": found.state,
            "since": time_text(found.before or found.since),
            "enforce_after": span(one.callers.enforce_after) if one.callers and one.callers.enforce_after else None,
            "denied": found.denied,
            "why": found.why,
        }
        for one in wanted
        if (found := one.rehearsal)
    ]


def told_of_rehearsal(one: Wanted, standing: Standing) -> list[str]:
    """Return in words how the rehearsal of a policy stands."""
    found, after = one.rehearsal, one.callers.enforce_after if one.callers else 0
    if found is None:
        return []
    since, before, window = time_text(found.since), time_text(found.before or found.since), span(after) if after else ""
    tally = standing.tallies.get((one.namespace, one.name)) or Tally()
    who = (
        f"{len(tally.proxies)} prox{'y' if len(tally.proxies) == 1 else 'ies'}"
        if not tally.why and tally.metered is None
        else "Prometheus"
    )
    quiet = f"{who} counted nothing that it would refuse (shadow_denied)"
    absent = "callers that did not call in that time, or called a pod that is gone, are not in that count"
    due = (
        f"enforced by the first run after {time_text(found.since + timedelta(seconds=after))} if that stays so"
        if after
        else ""
    )
    begins = f"{one.service}: rehearsed from now on"
    texts: Mapping[str, str] = {
        NEW: f"{begins}{f', enforced by a run after {window} without shadow_denied' if after else ''}",
        WAITING: f"{one.service}: rehearsed since {since}; {quiet}; {due}",
        QUIET: f"{one.service}: rehearsed since {since}; {quiet}; {absent}",
        DENIED: f"{one.service}: rehearsed since {before}; would have refused {found.denied:,}",
        UNKNOWN: f"{one.service}: rehearsed since {before}; not known what it would have refused: {found.why}",
        OVER: (
            f"{one.service}: the window of {window} is over, {quiet} since {since}, so the policy is enforced; {absent}"
        ),
        ENFORCED: f"{one.service}: already enforced, so changes of its list take effect at once",
    }
    return [texts[found.state]]
