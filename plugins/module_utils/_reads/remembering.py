# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster that is asked for each object and collection once, by one module or by those of one run that follow each
other.

What one module has read stands in notes for the next one of the same mesh: a file in the run's own temporary folder,
which Ansible makes for its user alone and removes at the end. Notes are good for one thing, to find that nothing is to
do. A module that finds anything else asks for everything again, so that what it writes is compared with the present
state; and a module that has written anything leaves no notes.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._cluster.client import Cluster
from .._core.plain.errors import FORBIDDEN, FederationError
from .._core.plain.kinds import GROUP, Kind
from .._core.plain.refusals import Refusal
from .._files import read, write
from .._notes import forget, place_of

MOST_SECONDS = 20
"""For how long notes say how a mesh stands."""
MOST_BYTES = 32 << 20


@dataclass(frozen=True)
class Notes:
    """What an earlier module has read: ``answers`` by question, begun ``at`` this second of the machine, and the API
    server's clock ``now``.
    """

    answers: Mapping[str, Any]
    at: float
    now: datetime


class Remembered:
    """A cluster that is asked for each object and collection once; refusals are remembered like answers. It writes
    nothing.

    What stands in ``notes`` is not asked for at all, and the clock is then theirs.
    """

    def __init__(self, cluster: Cluster, notes: Notes | None = None) -> None:
        self.server = cluster.server
        self.refusals: list[Refusal] = []
        self.begun = notes.at if notes else time.monotonic()
        self._cluster = cluster
        self._noted = notes.now if notes else None
        self._answers: dict[str, Any] = {**notes.answers} if notes else {}

    @property
    def now(self) -> datetime:
        """The API server's clock."""
        return self._noted or self._cluster.now

    @property
    def answers(self) -> dict[str, Any]:
        """What has been answered, by question, without refusals."""
        return {
            question: answer for question, answer in self._answers.items() if not isinstance(answer, FederationError)
        }

    def get(self, kind: Kind, namespace: str, name: str) -> Mapping | None:
        """Return one object as ``Cluster.get`` does, from its collection where that was listed."""
        listed_before = self._answers.get(_question("list", kind, namespace))
        if isinstance(listed_before, list):
            return next((live for live in listed_before if live["metadata"]["name"] == name), None)
        return self._once(self._cluster.get, kind, namespace, name)

    def list(self, kind: Kind, namespace: str, *which: Any, keep: Callable[[dict], Any] | None = None) -> list[Any]:
        """Return the objects of one kind as ``Cluster.list`` does. What only ``keep`` makes of them is not
        remembered.
        """
        if keep is None:
            return self._once(self._cluster.list, kind, namespace, *which)
        if _question("list", kind, namespace) not in self._answers:
            return self._cluster.list(kind, namespace, keep=keep)
        return [kept for live in self._once(self._cluster.list, kind, namespace) if (kept := keep(live)) is not None]

    def beside(self) -> Remembered:
        """Return the same cluster with the same memory, for a reader whose refusals must not become ours."""
        other = Remembered(self._cluster)
        other._answers, other._noted = self._answers, self._noted
        return other

    def outline(self, kind: Kind, namespace: str, name: str) -> dict | None:
        """Return what ``Cluster.outline`` does."""
        return self._once(self._cluster.outline, kind, namespace, name)

    def serves(self, group: str) -> bool:
        """Return what ``Cluster.serves`` does."""
        return self._once(self._cluster.serves, group)

    def refuse(self, kind: Kind, namespace: str, because: str = Refusal.because) -> None:
        """Note that a kind could not be looked at in a namespace, and why; the first reason counts."""
        if not any((known.kind, known.namespace) == (kind, namespace) for known in self.refusals):
            self.refusals.append(Refusal(kind, namespace, because))

    def overlook(self, kind: Kind) -> None:
        """Forget that a kind of the whole cluster could not be looked at: something else tells as much."""
        self.refusals = [known for known in self.refusals if known.kind != kind]

    def _once(self, ask: Callable[..., Any], *about: Any) -> Any:
        question = _question(ask.__name__, *about)
        if question not in self._answers:
            try:
                self._answers[question] = ask(*about)
            except FederationError as error:
                self._answers[question] = error
        answer = self._answers[question]
        if isinstance(answer, FederationError):
            if answer.code == FORBIDDEN:
                self.refuse(*about[:2] if isinstance(about[0], Kind) else (GROUP, ""))
            raise answer
        return answer


def _question(verb: str, *about: Any) -> str:
    return " ".join(
        [verb, *(f"{part.api_version} {part.plural}" if isinstance(part, Kind) else str(part) for part in about)]
    )


def noted(params: Mapping[str, Any]) -> Notes | None:
    """Return what the module before has noted of this mesh; None if it has noted nothing, or too long ago, or if the
    file does not contain notes.
    """
    place = place_of(params)
    try:
        found = json.loads(read(place, MOST_BYTES) or "null") if place else None
        notes = found and Notes(dict(found["answers"]), float(found["at"]), datetime.fromisoformat(found["now"]))
    except (FederationError, ValueError, TypeError, KeyError):
        return None
    return notes if notes and 0 <= time.monotonic() - notes.at < MOST_SECONDS else None


def note(params: Mapping[str, Any], reads: Remembered) -> None:
    """Leave what has been read of this mesh to the module after this one, in place of what stood there."""
    place = place_of(params)
    if place is None:
        return
    text = json.dumps({"at": reads.begun, "now": reads.now.isoformat(), "answers": reads.answers})
    forget(params)
    if len(text) <= MOST_BYTES:
        with contextlib.suppress(FederationError):  # where they cannot be kept, the next module asks
            write(place, text, 0o600)
