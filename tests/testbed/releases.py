# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which control plane versions each release of the operator serves, and with which charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class OperatorRelease:
    """One release of the operator.

    ``version`` is what it writes as ``status.operatorVersion``. ``charts`` maps each control plane version that it
    serves, oldest first, to the patch level of its charts, which becomes ``status.chartVersion``.
    """

    version: str
    charts: Mapping[str, str]

    @property
    def supported(self) -> list[str]:
        """The control plane versions that this release serves, oldest first."""
        return list(self.charts)

    @property
    def newest(self) -> str:
        """The version that a control plane gets whose creator names none."""
        return self.supported[-1]

    @property
    def crds(self) -> str:
        """Which of our CRD texts are like those that it brings: 2.3 or 2.5."""
        return "2.5" if "v2.5" in self.charts else "2.3"

    def reconciled_version(self, generation: int) -> str:
        """The text ``<operator>-<generation>`` that marks what has been reconciled."""
        return f"{self.version}-{generation}"


RELEASES = {
    "2.3": OperatorRelease("2.3.11", {"v2.0": "2.0.11", "v2.1": "2.1.6", "v2.2": "2.2.13", "v2.3": "2.3.11"}),
    "2.5": OperatorRelease("2.5.1", {"v2.2": "2.2.13", "v2.3": "2.3.11", "v2.4": "2.4.7", "v2.5": "2.5.1"}),
    "2.6": OperatorRelease("2.6.0", {"v2.4": "2.4.7", "v2.5": "2.5.1", "v2.6": "2.6.0"}),
}


def release_serving(*versions: str) -> OperatorRelease:
    """Return the oldest release that serves all the control plane ``versions`` (``v2.3`` and the like).

    Raises ``ValueError`` when no release serves them all: one cluster has one operator.
    """
    for release in RELEASES.values():
        if set(versions) <= set(release.charts):
            return release
    raise ValueError(f"no release of the operator serves {', '.join(versions)} at once")


def minor(version: str) -> int:
    """Return the number after the dot of a version such as ``v2.3``, so that versions compare."""
    return int(version.rpartition(".")[2])
