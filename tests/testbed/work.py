# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The loop that the operator's parts share: keys in, one at a time, again later when it fails or is asked to."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Hashable

import requests

from .kube import KubeError

_FIRST_RETRY, _LAST_RETRY = 0.1, 2.0


class WorkLoop:
    """One thread that calls ``reconcile(key)`` for each key that was added.

    ``reconcile`` returns the real seconds after which it wants to see the key again, or None. A key that is added while
    it waits is seen once, at the earliest of its times. A refusal by the API server, or none reached, is logged and
    tried again.
    """

    def __init__(self, name: str, reconcile: Callable[[Hashable], float | None], log: Callable[[str], None]) -> None:
        self._name = name
        self._reconcile = reconcile
        self._log = log
        self._changed = threading.Condition()
        self._due: dict[Hashable, float] = {}
        self._heap: list[tuple[float, int, Hashable]] = []
        self._order = itertools.count()
        self._failures: dict[Hashable, int] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End after the key that is being worked on."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def add(self, key: Hashable, after: float = 0.0) -> None:
        """See ``key`` in ``after`` real seconds, or sooner if that was asked before."""
        due = time.monotonic() + after
        with self._changed:
            if key in self._due and self._due[key] <= due:
                return
            self._due[key] = due
            heapq.heappush(self._heap, (due, next(self._order), key))
            self._changed.notify()

    def _next(self) -> Hashable | None:
        with self._changed:
            while not self._stopping:
                while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
                    heapq.heappop(self._heap)  # overtaken by an earlier time
                if not self._heap:
                    self._changed.wait()
                    continue
                remaining = self._heap[0][0] - time.monotonic()
                if remaining <= 0:
                    _due, _order, key = heapq.heappop(self._heap)
                    del self._due[key]
                    return key
                self._changed.wait(remaining)
        return None

    def _run(self) -> None:
        while (key := self._next()) is not None:
            try:
                again = self._reconcile(key)
            except (KubeError, requests.RequestException) as error:
                failures = self._failures[key] = self._failures.get(key, 0) + 1
                self._log(f"{self._name}: {key}: {error}")
                again = min(_FIRST_RETRY * 2**failures, _LAST_RETRY)
            else:
                self._failures.pop(key, None)
            if again is not None:
                self.add(key, again)
