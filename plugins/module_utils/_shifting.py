# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order shares are moved: a step, a wait, a look at what has become of it, the next step or the one back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ._cluster.client import Cluster
from ._core.plain.diff import Change, as_result
from ._core.plain.errors import FederationError
from ._core.traffic import walking
from ._core.traffic.asking import refuse
from ._core.traffic.localities import regions_to_come
from ._core.traffic.measuring import Verdict, error_query, judged
from ._core.traffic.shifting import (
    Move,
    change_of,
    chosen_of,
    hosts_of,
    is_moving,
    next_move,
    read_pause,
    read_steps,
    row_of,
    standing_weights,
    without_shift,
)
from ._core.traffic.wanted import Wanted
from ._prometheus import Prometheus
from ._run import Run
from ._traffic import Asked, look


class Walk:
    """The shares of one mesh on their way: what is asked for, and what has happened by now."""

    def __init__(self, run: Run, cluster: Cluster) -> None:
        self.run, self.cluster, self.params = run, cluster, run.params
        self.steps = read_steps(self.params["steps"])
        self.pause = read_pause(self.params["pause"], self.params["check"], self.params["error_rate"])
        self.prometheus = None
        if self.params["check"] == "prometheus" and self.params["action"] == "move":
            self.prometheus = Prometheus.of(self.params, "shift_prometheus_url")
            if self.prometheus is None:
                raise walking.nobody_to_ask()
        self.changes: list[Change] = []
        self.lines: list[str] = []
        self.lost: dict[str, str] = {}
        self.is_old = False
        self.asked, self.chosen = self._look(None)

    def _look(self, before: Asked | None) -> tuple[Asked, list[Wanted]]:
        asked = look(self.run, self.cluster, before=before)
        is_moving_on = self.params["action"] == "move" and not self.run.check_mode
        refuse([*asked.problems, *(regions_to_come(asked.wanted, asked.mesh, asked.standing) if is_moving_on else ())])
        return asked, chosen_of(asked.wanted, self.params["services"])

    def _apply(self, changes: Sequence[Change | None]) -> None:
        made = [change for change in changes if change]
        self.run.apply(self.cluster, made)
        self.changes += made
        self.is_old |= bool(made) and not self.run.check_mode

    def _change(self, one: Wanted) -> Change | None:
        asked = self.asked
        return change_of(one, asked.mesh, asked.standing, asked.locality, force=self.params["force"])

    def weights(self, one: Wanted) -> dict | None:
        """Return the weights that stand for a share."""
        found = standing_weights(one, self.asked.mesh, self.asked.standing, self.asked.locality)
        return None if found is None else dict(found)

    def move(self) -> None:
        """Walk until every share is at its goal or stepped back, or for one step."""
        while True:
            if self.params["check"] != "approve" and not self.run.check_mode:
                self._check()
            moves = self._moves()
            self.lines += self._told(moves)
            self._apply(
                [
                    self._change(replace(one, shift=moves[one.service].shift))
                    for one in self.chosen
                    if one.service in moves
                ]
            )
            if self.run.check_mode:
                return
            if moves:
                self.asked, self.chosen = self._look(self.asked)
                self.is_old = False
            if (
                self.params["one_step"]
                or self.params["check"] == "approve"
                or not any(move.shift for move in moves.values())
            ):
                return

    def _moves(self) -> dict[str, Move]:
        """Return what is next for each share that is not at its goal; one that a check took back stays where it is."""
        return {
            one.service: move
            for one in self.chosen
            if one.service not in self.lost
            and (move := next_move(one, self.weights(one), self.steps, self.asked.standing))
        }

    def _told(self, moves: Mapping[str, Move]) -> list[str]:
        """Return the moves in words, in check mode the whole way of each share."""
        if not self.run.check_mode:
            return walking.told_moves(moves)
        weights = {one.service: self.weights(one) for one in self.chosen}
        return walking.told_ways(self.chosen, weights, self.steps, self.asked.standing)

    def _check(self) -> None:
        """Wait for what is under way, and step back what fails."""
        moving = {one.service: one.shift for one in self.chosen if is_moving(one) and one.service not in self.lost}
        if not moving:
            return
        time.sleep(self.pause)
        verdicts = {one.service: self._verdict(one) for one in self.chosen if one.service in moving}
        self.asked, self.chosen = self._look(self.asked)
        walking.refuse_overtaken(moving, self.chosen)
        failed = {service: verdict for service, verdict in verdicts.items() if not verdict.is_good}
        for warning in walking.told_unproven(verdicts) if self.prometheus else ():
            self.run.warn(warning)
        self._back([one for one in self.chosen if one.service in failed])
        self.lost |= {service: verdict.seen for service, verdict in failed.items()}

    def _verdict(self, one: Wanted) -> Verdict:
        if self.prometheus is None:
            return Verdict(True, False, "")
        hosts = hosts_of(one, self.asked.standing)
        try:
            verdict = judged(
                self.prometheus.ask(error_query(hosts, self.pause, self.params["query"] or "")),
                self.params["error_rate"],
            )
        except FederationError as error:
            verdict = Verdict(False, False, f"{error.where} {error.what}")
        return (
            replace(verdict, is_good=True) if not verdict.is_proven and self.params["unproven"] == "go_on" else verdict
        )

    def _back(self, several: Sequence[Wanted]) -> None:
        self._apply([self._change(replace(one, shift=one.shift.back())) for one in several if one.shift])
        self.lines += walking.told_back(several)

    def back(self) -> None:
        """Step back what is under way."""
        self._back([one for one in self.chosen if is_moving(one)])

    def abort(self) -> None:
        """Step back and forget: what stood before the first step stands again, as if it had never moved."""
        several = [one for one in self.chosen if one.shift]
        self._apply([self._change(without_shift(one)) for one in several])
        self.lines += walking.told_ends(several)

    def result(self) -> dict:
        """Return the module's result; what was stepped back by a check fails it."""
        if self.is_old:
            self.asked, self.chosen = self._look(self.asked)
        rows = [row_of(one, self.weights(one), self.asked.standing) for one in self.chosen]
        told = walking.outcome(self.asked.mesh.name, rows, self.lines, check_mode=self.run.check_mode)
        result = {**as_result(self.changes), **told}
        walking.refuse_lost(self.lost, result)
        return result
