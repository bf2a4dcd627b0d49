# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restarts sent one by one: what somebody else was faster with is left for the next look, while there is
time for one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ._cluster.client import Cluster
from ._core.plain.data import at
from ._core.plain.diff import Change
from ._core.plain.errors import FederationError
from ._run import Run

PAUSE = 1.0


def _now() -> float:
    return time.monotonic()


@dataclass
class Clock:
    """The time that a run may take, and a moment's wait within it."""

    seconds: float
    started: float = field(default_factory=_now)

    @property
    def spent(self) -> float:
        """Return how long the run has been at work."""
        return time.monotonic() - self.started

    def waits(self) -> bool:
        """Wait for a moment, and return True while there is time left."""
        left = self.seconds - self.spent
        if left <= 0:
            return False
        time.sleep(min(PAUSE, left))
        return True


def perform(run: Run, cluster: Cluster, changes: Sequence[Change]) -> list[Change]:
    """Send one request per change and return those that were made; what somebody else was faster with is left for the
    next look.
    """
    done = []
    for change in changes:
        try:
            if change.action == "instantiate":
                cluster.create_below(change.kind, change.namespace, change.name, "instantiate", change.manifest)
                run.journal.done.append(f"restart of {change.place}")
            else:
                run.apply(cluster, [change], looks_again=False)
        except FederationError as error:
            if error.code != "FED109":
                raise
            if not has_mark(cluster, change):
                break
        done.append(change)
    return done


def has_mark(cluster: Cluster, change: Change) -> bool:
    """Return whether an object bears just the mark that a change writes: then only the answer to that was lost."""
    live = cluster.get(change.kind, change.namespace, change.name) if change.differences else None
    return live is not None and all(at(live, *each.path) == each.after for each in change.differences)
