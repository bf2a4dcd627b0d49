# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""istiod of one control plane: its Deployment, its pods, and whether what it remembers is out of date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ._cluster import Cluster
from ._core import changing, rollout
from ._core.control_plane import ControlPlane
from ._core.errors import FederationError
from ._core.kinds import DEPLOYMENT, POD

FORBIDDEN = "FED104"


@dataclass(frozen=True)
class Istiod:
    """The live Deployment of istiod and the pods that run for it."""

    deployment: Mapping
    pods: tuple[Mapping, ...]

    @classmethod
    def read(cls, cluster: Cluster, namespace: str, control_plane: str) -> Istiod:
        """Return istiod as it stands; raises ``FederationError`` FED607 when there is no such Deployment."""
        name = f"istiod-{control_plane}"
        deployment = cluster.get(DEPLOYMENT, namespace, name)
        if deployment is None:
            raise FederationError(
                "FED607",
                where=f"Deployment {namespace}/{name}",
                what="does not exist, so there is no istiod to restart",
                mend="Look whether the control plane is ready; mesh_control_plane is its name",
            )
        return cls(deployment, tuple(rollout.pods_of(deployment, cluster.list(POD, namespace))))

    @property
    def started(self) -> list[datetime]:
        """Return when each of its pods was made."""
        return rollout.started(self.pods)


def restart_needed(cluster: Cluster, mesh: str, control_plane: ControlPlane, peers: Mapping[str, Mapping]) -> changing.Restart:
    """Return whether istiod must be restarted after changes of ``peers``, the live ServiceMeshPeers by name.

    istiod is looked at only when one of them has changed; where it cannot be seen it counts as older than the change.
    """
    place = f"{control_plane.namespace}/istiod-{control_plane.name}"
    due = changing.restart_for(mesh, place, peers, None)
    if not due.reasons:
        return due
    try:
        started: list[datetime] | None = Istiod.read(cluster, control_plane.namespace, control_plane.name).started
    except FederationError as error:
        if error.code not in (FORBIDDEN, "FED607"):
            raise
        started = None
    return changing.restart_for(mesh, place, peers, started)
