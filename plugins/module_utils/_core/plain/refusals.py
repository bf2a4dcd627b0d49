# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an account could not look at, and how people are told."""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import POD, Kind


@dataclass(frozen=True)
class Refusal:
    """One request that was not answered with objects: for a ``kind`` in a ``namespace``, and ``because`` of what."""

    kind: Kind
    namespace: str
    because: str = "this account may not read them"

    @property
    def what(self) -> str:
        """Return what was asked for, as people name it."""
        if not self.namespace:
            return self.kind.name
        return f"pods in {self.namespace}" if self.kind is POD else f"{self.kind.name} objects in {self.namespace}"

    @property
    def text(self) -> str:
        """Return it as a sentence."""
        return f"{self.what}: {self.because}"
