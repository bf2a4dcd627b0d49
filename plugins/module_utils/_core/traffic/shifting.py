# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which weights come next for a share that moves in steps, for both kinds of split; and how it is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ..catalogue.findings import Finding
from ..mesh.described import Mesh
from ..peering.using import is_merged, is_of_traffic, names_of_traffic, place_in, withdrawal_of
from ..plain.data import at, is_whole, listed, mapping, place_of
from ..plain.diff import Change, change_to
from ..plain.errors import FederationError
from ..plain.kinds import DESTINATION_RULE, VIRTUAL_SERVICE
from .merging import manager_of
from .plan import BY_WEIGHT, least_of, name_of, plan_rule, way_of
from .shares import LOCAL, SHIFT, WHOLE, Shift, distributed, read_shift, routes_of, shares, weights_at
from .standing import Standing
from .wanted import Wanted

STEPS = (0, 5, 25, 100)
_MOST_STEPS = 50


@dataclass(frozen=True)
class Move:
    """What comes next for one service: ``shift`` as it will stand on the object (None: the object as ``traffic`` writes
    it), from weights to weights.
    """

    service: str
    shift: Shift | None
    standing: Mapping[str, int] | None
    then: Mapping[str, int] | None


def read_steps(given: object) -> tuple[int, ...]:
    """Return the steps of a way, in per cent of it. Raises ``FederationError`` FED877."""
    steps = list(given) if isinstance(given, (list, tuple)) else [given]
    numbers = [
        int(str(step)) if str(step).isascii() and str(step).isdigit() and len(str(step)) < 4 else -1 for step in steps
    ]
    is_rising = all(first < second for first, second in pairwise(numbers))
    if not numbers or len(numbers) > _MOST_STEPS or not is_rising or numbers[0] < 0 or numbers[-1] != WHOLE:
        raise FederationError(
            "FED877",
            where="shift_steps",
            what=f"is {listed(map(str, steps), 12) or 'empty'}",
            fix="Write per cent of the way, rising, the last one 100, such as [0, 5, 25, 100]",
        )
    return tuple(step for step in numbers if step)


def under_way(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing) -> list[Wanted]:
    """Return the rules, each with the shift that stands on its object. Raises ``FederationError`` FED872.

    A shift that speaks of peers which do not give the service any more, or whose region is not known where regions
    share, is over.
    """
    return [replace(one, shift=_shift_of(one, mesh, standing)) if one.split else one for one in wanted]


def _shift_of(one: Wanted, mesh: Mesh, standing: Standing) -> Shift | None:
    for live in _objects(one, standing):
        found = read_shift(mapping(at(live, "metadata", "annotations")).get(SHIFT), place_of(live))
        if found:
            named = {name for weights in (found.before, found.start, found.goal) for name in weights or ()} - {LOCAL}
            given = {each.peer for each in standing.imports_of(one.namespace, one.name)}
            if way_of(one, standing) == BY_WEIGHT:
                given &= {peer.local_name for peer in mesh.peers if peer.locality.get("region")}
            return found if named <= given else None
    return None


def _objects(one: Wanted, standing: Standing) -> list[Mapping]:
    """Return the objects of ours that may hold the split of a service, the kind first by which it is done now."""
    kinds = [DESTINATION_RULE.name, VIRTUAL_SERVICE.name]
    found = [
        live
        for live in standing.rules
        if live.get("kind") in kinds
        and (_is_named_for(one, live) or (is_merged(live) and names_of_traffic(live) == (one.namespace, one.name)))
    ]
    is_by_weight = way_of(one, standing) == BY_WEIGHT
    return sorted(found, key=lambda live: (live["kind"] == DESTINATION_RULE.name) != is_by_weight)


def _is_named_for(one: Wanted, live: Mapping) -> bool:
    named = at(live, "metadata", "namespace"), at(live, "metadata", "name")
    return named == (one.namespace, name_of(one)) and is_of_traffic(live)


def standing_weights(
    one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str]
) -> Mapping[str, int] | None:
    """Return the weights that stand on the cluster for one rule; None where no split of ours stands.

    Raises ``FederationError`` FED873 where a share goes to a side that has no name any more.
    """
    for live in _objects(one, standing):
        if live["kind"] == VIRTUAL_SERVICE.name:
            names = {each.host: each.peer for each in standing.imports_of(one.namespace, one.name)}
            names[standing.host(one.namespace, one.name)] = LOCAL
            found = [(str(at(route, "destination", "host")), route.get("weight", WHOLE)) for route in routes_of(live)]
            # Inside one host this object holds a timeout and retries alone.
            is_split = len(found) > 1 or way_of(one, standing) != BY_WEIGHT
        else:
            regions = {
                f"{peer.locality.get('region')}/*": peer.local_name
                for peer in mesh.peers
                if peer.locality.get("region")
            }
            names = {**regions, f"{locality.get('region')}/*": LOCAL}
            found = distributed(live)
            is_split = bool(found)
        if is_split:
            return _named(found, names, place_of(live))
    return None


def _named(found: Sequence[tuple[str, object]], names: Mapping[str, str], place: str) -> Mapping[str, int]:
    strange = sorted({where for where, _weight in found} - set(names))
    weights = {names[where]: weight for where, weight in found if where in names}
    if not strange and all(map(is_whole, weights.values())) and sum(weights.values()) == WHOLE:  # type: ignore[arg-type]
        return weights  # type: ignore[return-value]
    raise FederationError(
        "FED873",
        where=place,
        what=(
            f"gives a share to {listed(strange)}, which no peer of mesh_peers is"
            if strange
            else "has weights that do not make 100"
        ),
        fix=(
            "Run traffic, which writes the split of mesh_traffic at once, or describe that peer again and shift from "
            "there"
        ),
    )


def next_move(one: Wanted, stands: Mapping[str, int] | None, steps: Sequence[int], standing: Standing) -> Move | None:
    """Return what comes next on the way of one rule to its goal; None once it is there.

    A shift that was stepped back begins anew, one whose goal has changed goes on from where it stands.
    """
    least = least_of(one, standing)
    shift, goal = one.shift, dict(one.split)
    now = shift.weights(least) if shift else stands
    if shift is None:
        if _same(now, goal):
            return None
        way = Shift(now, now, goal, 0)
    elif shift.is_back:
        way = Shift(shift.before, shift.before, goal, 0)
    elif not _same(shift.goal, goal):
        way = Shift(shift.before, now, goal, 0)
    else:
        way = shift
    if way.step >= WHOLE or _same(now, goal):
        return Move(one.service, None, now, goal)
    for step in steps:
        then = weights_at(way.start, goal, step, least)
        if step > way.step and (step == WHOLE or not _same(then, now)):
            return Move(one.service, replace(way, step=step, is_back=False), now, then)
    return Move(one.service, None, now, goal)


def way_to(one: Wanted, stands: Mapping[str, int] | None, steps: Sequence[int], standing: Standing) -> str:
    """Return the whole way in words: the weights that stand, and those of each step that is left."""
    seen: list[Mapping[str, int] | None] = []
    each = one
    while len(seen) <= len(steps):
        move = next_move(each, stands, steps, standing)
        if move is None or move.shift is None:
            break
        seen += [move.standing] if not seen else []
        seen.append(move.then)
        each = replace(each, shift=move.shift)
    return " → ".join(map(shares, seen)) if seen else f"{shares(one.split)}, the goal"


def _same(first: Mapping[str, int] | None, second: Mapping[str, int] | None) -> bool:
    if first is None or second is None:
        return first is second
    return {name: weight for name, weight in first.items() if weight} == {
        name: weight for name, weight in second.items() if weight
    }


def warnings_under_way(wanted: Iterable[Wanted], standing: Standing) -> Iterator[Finding]:
    """Yield each share that is not at its goal and is left alone."""
    yield from (Finding("FED876", one.place, told_of(one, standing)) for one in wanted if one.shift)


def told_of(one: Wanted, standing: Standing) -> str:
    """Return in words where a share stands that is not at its goal."""
    shift = one.shift
    if shift is None:
        return ""
    stands = shares(shift.weights(least_of(one, standing)))
    if shift.is_back:
        return (
            f"is at {stands} after a step back from {shift.step} % of the way to {shares(shift.goal)}; it stays until "
            "shift or shift_abort"
        )
    aim = "" if _same(shift.goal, one.split) else f"; mesh_traffic asks for {shares(one.split)} by now"
    return f"is under way: {stands}, {shift.step} % of the way to {shares(shift.goal)}{aim}; shift goes on"


def read_pause(seconds: int, check: str, error_rate: float) -> int:
    """Return how long a step stands before it is judged. Raises ``FederationError`` FED877."""
    least = 15 if check == "prometheus" else 0
    if not least <= seconds <= 3600:
        why = ", since a rate needs two samples" if least else ""
        raise FederationError(
            "FED877", where="shift_pause", what=f"is {seconds}", fix=f"Give {least} to 3600 seconds{why}"
        )
    if not 0 <= error_rate <= WHOLE:
        raise FederationError(
            "FED877", where="shift_error_rate", what=f"is {error_rate}", fix="Give per cent, from 0 to 100"
        )
    return seconds


def chosen_of(wanted: Sequence[Wanted], services: Sequence[str] | None) -> list[Wanted]:
    """Return the rules whose shares move: all with a split, or those of ``services``. Raises ``FederationError``
    FED877.
    """
    splits = {one.service: one for one in wanted if one.split}
    if services is not None and not services:
        fix = "Name services, or leave it out to move all that have a split"
        raise FederationError("FED877", where="shift_services", what="is there and empty", fix=fix)
    unknown = [name for name in services or () if name not in splits]
    if unknown or not splits:
        none = (
            "Add split: {local: 0, <peer>: 100} to the service's rule, or run traffic, which removes a share that none"
            " asks for"
        )
        raise FederationError(
            "FED877",
            where="shift_services" if unknown else "mesh_traffic",
            what=(
                f"names {listed(unknown)}, which has no split in mesh_traffic"
                if unknown
                else "has no split, so there is nothing to step towards"
            ),
            fix=f"Those with a split are {listed(splits)}" if splits else none,
        )
    return [splits[name] for name in dict.fromkeys(services or splits)]


def is_moving(one: Wanted) -> bool:
    """Return whether a share is on its way."""
    return one.shift is not None and not one.shift.is_back


def without_shift(one: Wanted) -> Wanted:
    """Return a rule whose split is what stood before its shift, empty where nothing stood."""
    return replace(one, shift=None, split=(one.shift.before or {}) if one.shift else one.split)


def change_of(
    one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str], *, force: bool = False
) -> Change | None:
    """Return the change of the one object that holds the split of ``one``; without a split that object goes."""
    found = _objects(one, standing)
    if not one.split:
        held = [live for live in found if SHIFT in mapping(at(live, "metadata", "annotations"))]
        return withdrawal_of(held[0]) if held else None
    kind = DESTINATION_RULE if way_of(one, standing) == BY_WEIGHT else VIRTUAL_SERVICE
    planned = plan_rule(one, mesh, standing, locality)
    # One DestinationRule at most; of several VirtualServices the one of the service itself.
    named = [each for each in planned if each["kind"] == kind.name]
    desired = next((each for each in named if each["metadata"]["name"] == name_of(one)), named[0])
    live = standing.by_place.get(place_in(desired))
    return change_to(live, desired, manager_of(desired), force=force)


def hosts_of(one: Wanted, standing: Standing) -> list[str]:
    """Return the hosts whose calls say whether a share may stay: those of the peers, or the one host that all share."""
    peers = {*one.split_peers, *(one.shift.goal if one.shift else ())}
    return sorted({each.host for each in standing.imports_of(one.namespace, one.name) if each.peer in peers})


def row_of(one: Wanted, stands: Mapping[str, int] | None, standing: Standing) -> dict:
    """Return as data where one share stands."""
    shift = one.shift
    weights = shift.weights(least_of(one, standing)) if shift else stands
    state = (
        "back" if shift and shift.is_back else "moving" if shift else "goal" if _same(weights, one.split) else "idle"
    )
    step = WHOLE if state == "goal" else shift.step if shift else 0
    return {
        "service": one.service,
        "state": state,
        "step": step,
        "weights": (
            None if weights is None else {name: weights.get(name, 0) for name in dict.fromkeys([*one.split, *weights])}
        ),
        "goal": dict(one.split),
    }
