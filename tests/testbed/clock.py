# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The time of a mesh, which can pass faster than ours."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """One second of mesh time takes ``scale`` real seconds: with 0.02 a resync of 60 s takes 1.2 s."""

    scale: float = 1.0

    def seconds(self, seconds: float) -> float:
        """Return how many real seconds ``seconds`` of mesh time take."""
        return seconds * self.scale

    def sleep(self, seconds: float, stop_event: threading.Event) -> bool:
        """Wait ``seconds`` of mesh time, or until ``stop_event``; return whether it was set."""
        return stop_event.wait(self.seconds(seconds))
