#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: traffic_shift
short_description: Move the shares of splits towards their goal in steps, with a check between
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Moves the weights of a split from what stands towards O(traffic), step by step. Both kinds of split move, by weight inside one host and
    between two hosts.
  - A check after each step decides. One that fails steps back by itself to the weights that stood before the first step, where they stay until
    the module is asked to move again or to abort.
  - How far a share is stands in the annotation C(ossm.federation/shift) of its object, so a run that was killed goes on where it was, and
    M(ossm.federation.mesh_traffic) leaves such a share alone.
seealso:
  - module: ossm.federation.mesh_traffic
  - module: ossm.federation.traffic_info
attributes:
  check_mode: {support: full, description: Shows the whole way; writes nothing and waits for nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: At the goal nothing changes and nothing is waited for.}
options:
  action:
    description:
      - V(move) walks towards the goal. V(back) steps back what is under way and keeps it there. V(abort) steps back and forgets the shift;
        from then on O(traffic) counts again.
    type: str
    choices: [move, back, abort]
    default: move
  traffic:
    description: The rules, as M(ossm.federation.mesh_traffic) takes them. Their splits are the goal.
    type: raw
    required: true
  locality:
    description: Where this mesh is, as M(ossm.federation.mesh_traffic) takes it.
    type: dict
  services:
    description: The services whose shares move, as C(namespace/name); all that have a split when absent.
    type: list
    elements: str
  steps:
    description: How much of the way each step has made, in per cent. Rising, the last one 100.
    type: list
    elements: int
    default: [0, 5, 25, 100]
  check:
    description:
      - What decides after a step. V(wait) waits O(pause) seconds and goes on. V(prometheus) waits and then asks for the share of calls that
        fail. V(approve) makes one step, and the next call of the module is the approval.
    type: str
    choices: [wait, approve, prometheus]
    default: wait
  pause:
    description: Seconds after each step, and the time over which Prometheus is asked.
    type: int
    default: 60
  one_step:
    description: Whether to make one step only, whatever the check.
    type: bool
    default: false
  error_rate:
    description: How many per cent of the calls may fail.
    type: float
    default: 1.0
  unproven:
    description: What follows when Prometheus does not answer, or not with one number.
    type: str
    choices: [back, go_on]
    default: back
  query:
    description:
      - A query of your own that gives one number, the share of calls that fail, from 0 to 1. C($hosts) stands for the hosts as a regular
        expression, C($window) for the time.
    type: str
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
  - ossm.federation.force
  - ossm.federation.prometheus
"""

EXAMPLES = r"""
- name: Move the share of west in three steps, one minute each
  ossm.federation.traffic_shift:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: till, namespace: shop}
    traffic:
      - service: shop/till
        split: {local: 0, west: 100}

- name: Move it while at most 2 % of the calls fail
  ossm.federation.traffic_shift:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: till, namespace: shop}
    traffic:
      - service: shop/till
        split: {local: 0, west: 100}
    steps: [10, 50, 100]
    check: prometheus
    prometheus_url: https://thanos-querier.example.com
    prometheus_token: "{{ lookup('ansible.builtin.env', 'PROMETHEUS_TOKEN') }}"
    error_rate: 2

- name: Put back what stood before, and forget the shift
  ossm.federation.traffic_shift:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: till, namespace: shop}
    traffic:
      - service: shop/till
        split: {local: 0, west: 100}
    action: abort
"""

RETURN = r"""
changes:
  description: What was changed, or would be at first in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: update, kind: VirtualService, namespace: shop, name: federation.till, fields: ["spec.http"]}]
lines:
  description: What happened to each share, in words.
  returned: success
  type: list
  elements: str
  sample: ["shop/till: local 100 : west 0 → local 95 : west 5", "shop/till: at its goal, local 0 : west 100"]
services:
  description: Where each share stands now. C(state) is V(goal), V(moving), V(back), or V(idle) for one that has not begun.
  returned: success
  type: list
  elements: dict
  sample: [{service: shop/till, state: goal, step: 100, weights: {local: 0, west: 100}, goal: {local: 0, west: 100}}]
pending:
  description: Whether a share is under way, so that another call moves it on.
  returned: success
  type: bool
  sample: false
"""

import time  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402
from dataclasses import replace  # noqa: E402
from datetime import datetime  # noqa: E402

from ..module_utils._cluster.client import Cluster  # noqa: E402
from ..module_utils._core.plain.data import listed  # noqa: E402
from ..module_utils._core.plain.diff import Change, as_diff  # noqa: E402
from ..module_utils._core.plain.errors import FederationError  # noqa: E402
from ..module_utils._core.traffic.measuring import Verdict, error_query, judged  # noqa: E402
from ..module_utils._core.traffic.shares import Shift, shares  # noqa: E402
from ..module_utils._core.traffic.shifting import (  # noqa: E402
    STEPS,
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
    way_to,
    without_shift,
)
from ..module_utils._core.traffic.wanted import Wanted  # noqa: E402
from ..module_utils._described import DESCRIBED  # noqa: E402
from ..module_utils._options import CLUSTER, FORCE, PROMETHEUS  # noqa: E402
from ..module_utils._prometheus import Prometheus  # noqa: E402
from ..module_utils._run import Module, Run, run_module  # noqa: E402
from ..module_utils._traffic import TRAFFIC, Asked, look, refuse  # noqa: E402

OPTIONS = {
    **TRAFFIC,
    "traffic": {"type": "raw", "required": True},
    "action": {"type": "str", "choices": ["move", "back", "abort"], "default": "move"},
    "services": {"type": "list", "elements": "str"},
    "steps": {"type": "list", "elements": "int", "default": list(STEPS)},
    "check": {"type": "str", "choices": ["wait", "approve", "prometheus"], "default": "wait"},
    "pause": {"type": "int", "default": 60},
    "one_step": {"type": "bool", "default": False},
    "error_rate": {"type": "float", "default": 1.0},
    "unproven": {"type": "str", "choices": ["back", "go_on"], "default": "back"},
    "query": {"type": "str"},
}
OVERTAKEN = "was changed by another run while this one waited"


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
                raise FederationError(
                    "FED877",
                    where="shift_prometheus_url",
                    what="is not set, and shift_check is prometheus",
                    fix="Set it, or take another check",
                )
        self.changes: list[Change] = []
        self.lines: list[str] = []
        self.lost: dict[str, str] = {}
        self.is_old = False
        self.asked, self.chosen = self._look(None)

    def _look(self, before: Asked | None) -> tuple[Asked, list[Wanted]]:
        asked = look(self.run, self.cluster, before=before)
        refuse(asked.problems)
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
            self._apply([self._change(replace(one, shift=moves[one.service].shift)) for one in self.chosen if one.service in moves])
            if self.run.check_mode:
                return
            if moves:
                self.asked, self.chosen = self._look(self.asked)
                self.is_old = False
            if self.params["one_step"] or self.params["check"] == "approve" or not any(move.shift for move in moves.values()):
                return

    def _moves(self) -> dict[str, Move]:
        """Return what is next for each share that is not at its goal; one that a check took back stays where it is."""
        return {
            one.service: move
            for one in self.chosen
            if one.service not in self.lost and (move := next_move(one, self.weights(one), self.steps, self.asked.standing))
        }

    def _told(self, moves: Mapping[str, Move]) -> list[str]:
        """Return the moves in words, in check mode the whole way of each share."""
        if self.run.check_mode:
            return [f"{one.service}: {way_to(one, self.weights(one), self.steps, self.asked.standing)}" for one in self.chosen]
        return [f"{name}: {shares(move.standing)} → {shares(move.then)}" for name, move in moves.items() if move.shift]

    def _check(self) -> None:
        """Wait for what is under way, and step back what fails."""
        moving = {one.service: one.shift for one in self.chosen if is_moving(one) and one.service not in self.lost}
        if not moving:
            return
        time.sleep(self.pause)
        verdicts = {one.service: self._verdict(one) for one in self.chosen if one.service in moving}
        self.asked, self.chosen = self._look(self.asked)
        self._refuse_overtaken(moving)
        failed = {service: verdict for service, verdict in verdicts.items() if not verdict.is_good}
        if self.prometheus:
            self._warn_of_unproven(verdicts)
        self._back([one for one in self.chosen if one.service in failed])
        self.lost |= {service: verdict.seen for service, verdict in failed.items()}

    def _refuse_overtaken(self, before: Mapping[str, Shift | None]) -> None:
        """Refuse to go on where a share does not stand any more as it stood ``before`` the wait: FED515."""
        still = {one.service: one.shift for one in self.chosen}
        if changed := [service for service, shift in before.items() if still.get(service) != shift]:
            raise FederationError("FED515", where=f"Share of {listed(changed)}", what=OVERTAKEN, fix="See which run holds, then run again")

    def _warn_of_unproven(self, verdicts: Mapping[str, Verdict]) -> None:
        for service, verdict in verdicts.items():
            if verdict.is_good and not verdict.is_proven:
                self.run.warn(f"FED878 {service}: {verdict.seen}; goes on, as shift_unproven says")

    def _verdict(self, one: Wanted) -> Verdict:
        if self.prometheus is None:
            return Verdict(True, False, "")
        hosts = hosts_of(one, self.asked.standing)
        try:
            verdict = judged(self.prometheus.ask(error_query(hosts, self.pause, self.params["query"] or "")), self.params["error_rate"])
        except FederationError as error:
            verdict = Verdict(False, False, f"{error.where} {error.what}")
        return replace(verdict, is_good=True) if not verdict.is_proven and self.params["unproven"] == "go_on" else verdict

    def _back(self, several: Sequence[Wanted]) -> None:
        self._apply([self._change(replace(one, shift=one.shift.back())) for one in several if one.shift])
        self.lines += [f"{one.service}: stepped back to {shares(one.shift.before)}" for one in several if one.shift]

    def back(self) -> None:
        """Step back what is under way."""
        self._back([one for one in self.chosen if is_moving(one)])

    def abort(self) -> None:
        """Step back and forget: what stood before the first step stands again, as if it had never moved."""
        several = [one for one in self.chosen if one.shift]
        self._apply([self._change(without_shift(one)) for one in several])
        for one in several:
            self.lines.append(
                f"{one.service}: {shares(one.shift.before if one.shift else None)} stands again; mesh_traffic asks for "
                f"{shares(one.split)}, which the next run of traffic writes at once"
            )

    def result(self) -> dict:
        """Return the module's result; what was stepped back by a check fails it."""
        if self.is_old:
            self.asked, self.chosen = self._look(self.asked)
        rows = [row_of(one, self.weights(one), self.asked.standing) for one in self.chosen]
        idle = [f"{row['service']}: at its goal, {shares(row['weights'])}" for row in rows if row["state"] == "goal" and not self.run.check_mode]
        result = {
            "changed": bool(self.changes),
            "diff": as_diff(self.changes),
            "changes": [change.summary() for change in self.changes],
            "lines": [*self.lines, *idle] or [f"{self.asked.mesh.name} · no share is under way"],
            "services": rows,
            "pending": any(row["state"] == "moving" for row in rows),
        }
        if self.lost:
            raise FederationError(
                "FED874",
                where=", ".join(self.lost),
                what=f"stepped back to what stood before: {'; '.join(self.lost.values())}",
                fix="Find out why, then run shift again, or end it with shift_abort: true; until then it stays",
                result=result,
            )
        return result


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Move the shares of one mesh, or step them back, and return the module's result."""
    walk = Walk(run, cluster)
    {"move": walk.move, "back": walk.back, "abort": walk.abort}[run.params["action"]]()
    return walk.result()


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **FORCE, **PROMETHEUS, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
