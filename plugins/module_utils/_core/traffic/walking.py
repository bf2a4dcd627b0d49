# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shares on their way, in words: what each step comes to, and what ends the way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..plain.data import listed
from ..plain.errors import FederationError
from .measuring import Verdict
from .shares import Shift, shares
from .shifting import Move, way_to
from .standing import Standing
from .wanted import Wanted

OVERTAKEN = "was changed by another run while this one waited"


def told_ways(
    chosen: Iterable[Wanted], weights: Mapping[str, Mapping | None], steps: Sequence[int], standing: Standing
) -> list[str]:
    """Return the whole way of each share, from the ``weights`` that stand."""
    return [f"{one.service}: {way_to(one, weights[one.service], steps, standing)}" for one in chosen]


def told_moves(moves: Mapping[str, Move]) -> list[str]:
    """Return the moves that are made now."""
    return [f"{name}: {shares(move.standing)} → {shares(move.then)}" for name, move in moves.items() if move.shift]


def told_back(several: Iterable[Wanted]) -> list[str]:
    """Return the shares that are stepped back."""
    return [f"{one.service}: stepped back to {shares(one.shift.before)}" for one in several if one.shift]


def told_ends(several: Iterable[Wanted]) -> list[str]:
    """Return the shares whose way has ended, as if they had never moved."""
    return [
        f"{one.service}: {shares(one.shift.before if one.shift else None)} stands again; mesh_traffic asks for "
        f"{shares(one.split)}, which the next run of traffic writes at once"
        for one in several
    ]


def told_unproven(verdicts: Mapping[str, Verdict]) -> list[str]:
    """Return as warnings the steps that nothing has proven and that are made nevertheless."""
    return [
        f"FED878 {service}: {verdict.seen}; goes on, as shift_unproven says"
        for service, verdict in verdicts.items()
        if verdict.is_good and not verdict.is_proven
    ]


def outcome(name: str, rows: Sequence[Mapping], lines: Sequence[str], *, check_mode: bool) -> dict:
    """Return how the shares of the mesh ``name`` stand, in ``lines`` and as ``rows`` of ``row_of``."""
    idle = [
        f"{row['service']}: at its goal, {shares(row['weights'])}"
        for row in rows
        if row["state"] == "goal" and not check_mode
    ]
    return {
        "lines": [*lines, *idle] or [f"{name} · no share is under way"],
        "services": list(rows),
        "pending": any(row["state"] == "moving" for row in rows),
    }


def refuse_overtaken(before: Mapping[str, Shift | None], chosen: Collection[Wanted]) -> None:
    """Refuse to go on where a share does not stand any more as it stood ``before`` the wait: FED515."""
    still = {one.service: one.shift for one in chosen}
    if changed := [service for service, shift in before.items() if still.get(service) != shift]:
        raise FederationError(
            "FED515", where=f"Share of {listed(changed)}", what=OVERTAKEN, fix="See which run holds, then run again"
        )


def refuse_lost(lost: Mapping[str, str], result: Mapping) -> None:
    """Fail where a check has stepped a share back: FED874, with the module's ``result``."""
    if lost:
        raise FederationError(
            "FED874",
            where=", ".join(lost),
            what=f"stepped back to what stood before: {'; '.join(lost.values())}",
            fix="Find out why, then run shift again, or end it with shift_abort: true; until then it stays",
            result=dict(result),
        )


def nobody_to_ask() -> FederationError:
    """Return the refusal of a check by Prometheus for which no Prometheus is named."""
    return FederationError(
        "FED877",
        where="shift_prometheus_url",
        what="is not set, and shift_check is prometheus",
        fix="Set it, or take another check",
    )
