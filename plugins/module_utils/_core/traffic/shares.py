# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A share that moves in steps: how far it is, as the annotation on its object says it, and which weights that means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..plain.data import at, from_json, is_whole, items, mapping
from ..plain.errors import FederationError

LOCAL = "local"
SHIFT = "ossm.federation/shift"
WHOLE = 100
# Longer than any annotation of ours: 20 peers with names of 63 letters, four times.
_LONGEST = 8000


@dataclass(frozen=True)
class Shift:
    """A share that is under way, or that was stepped back.

    ``before`` are the weights that stood before the first step, None where no rule stood; ``start`` those from which
    this walk goes, ``goal`` those to which it goes, and ``step`` how much of the way it has made, in per cent. One that
    ``is_back`` stays at ``before``.
    """

    before: Mapping[str, int] | None
    start: Mapping[str, int] | None
    goal: Mapping[str, int]
    step: int
    is_back: bool = False

    def weights(self, least: int) -> Mapping[str, int] | None:
        """Return the weights that stand now, each of a named side ``least`` at least; None is that no split
        is written.
        """
        return self.before if self.is_back else weights_at(self.start, self.goal, self.step, least)

    def back(self) -> Shift:
        """Return the same, stepped back."""
        return replace(self, is_back=True)

    def text(self) -> str:
        """Return what stands in the annotation."""
        parts = {"before": self.before, "start": self.start, "goal": self.goal, "step": self.step, "back": self.is_back}
        return json.dumps(
            {key: dict(value) if isinstance(value, Mapping) else value for key, value in parts.items()},
            sort_keys=True,
            separators=(",", ":"),
        )


def routes_of(live: Mapping) -> list[Mapping]:
    """Return the routes of a VirtualService, each with its host and, in a split, its weight."""
    return [
        route
        for kind in ("http", "tcp")
        for part in items(at(live, "spec", kind))
        for route in items(part.get("route"))
    ]


def distributed(live: Mapping) -> list[tuple[str, Any]]:
    """Return to which localities a DestinationRule gives how much; a weight may be anybody's word."""
    parts = items(at(live, "spec", "trafficPolicy", "loadBalancer", "localityLbSetting", "distribute"))
    return [(str(where), weight) for part in parts for where, weight in mapping(part.get("to")).items()]


def weights_at(
    start: Mapping[str, int] | None, goal: Mapping[str, int], step: int, least: int = 0
) -> Mapping[str, int] | None:
    """Return the weights at ``step`` per cent of the way, whole numbers that make 100; None at the start of a way that
    began without a rule.

    Without a rule the way begins with all at ``local``. Each side of the goal gets ``least`` at least.
    """
    if step <= 0:
        return start
    if step >= WHOLE:
        return dict(goal)
    first = start if start is not None else {LOCAL: WHOLE}
    names = [*goal, *(name for name in first if name not in goal)]
    # In hundredths, so that what is lost by rounding is given to those that lost most.
    exact = {name: first.get(name, 0) * (WHOLE - step) + goal.get(name, 0) * step for name in names}
    whole = {name: value // WHOLE for name, value in exact.items()}
    for name in sorted(names, key=lambda name: (-(exact[name] % WHOLE), names.index(name)))[
        : WHOLE - sum(whole.values())
    ]:
        whole[name] += 1
    for name in goal:
        while whole[name] < least:
            whole[max(whole, key=lambda one: whole[one])] -= 1
            whole[name] += 1
    return {name: weight for name, weight in whole.items() if weight or name in goal}


def read_shift(text: object, place: str) -> Shift | None:
    """Return what the annotation of an object says; None without one.

    Raises ``FederationError`` FED872 for what this collection did not write: nobody knows then which share stood
    before.
    """
    if text is None:
        return None
    found = from_json(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    if isinstance(found, dict) and set(found) == {"before", "start", "goal", "step", "back"}:
        is_right = is_whole(found["step"]) and 0 <= found["step"] <= WHOLE and isinstance(found["back"], bool)
        weights = [found[key] for key in ("before", "start") if found[key] is not None] + [found["goal"]]
        if is_right and all(map(_are_weights, weights)):
            return Shift(found["before"], found["start"], found["goal"], found["step"], found["back"])
    raise FederationError(
        "FED872",
        where=place,
        what=f"has an annotation {SHIFT} that cannot be read, so the previous share is not known",
        fix=(
            f"Remove the annotation (kubectl annotate … {SHIFT}-); the next run of traffic or shift then starts from "
            "the present weights"
        ),
    )


def _are_weights(value: object) -> bool:
    if not isinstance(value, dict) or not 1 <= len(value) <= 20:
        return False
    numbers = list(value.values())
    return all(is_whole(number) and 0 <= number <= WHOLE for number in numbers) and sum(numbers) == WHOLE


def shares(weights: Mapping[str, int] | None) -> str:
    """Return weights in words."""
    return " : ".join(f"{who} {weight}" for who, weight in weights.items()) if weights else "no split"
