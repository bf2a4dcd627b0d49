# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""istiod of one control plane: its Deployment and pods, whether what it remembers is out of date, and what follows from
a change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .._cluster.client import Cluster
from .._core.control_plane import rollout
from .._core.control_plane.live import ControlPlane
from .._core.mesh.described import Mesh, client_id
from .._core.peering import changing
from .._core.peering.changing import labelled
from .._core.peering.live import Peerings
from .._core.plain.diff import Change
from .._core.plain.errors import FORBIDDEN, FederationError
from .._core.plain.kinds import DEPLOYMENT, PEER, POD


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
                fix="Look whether the control plane is ready; mesh_control_plane is its name",
            )
        return cls(deployment, tuple(rollout.pods_of(deployment, cluster.list(POD, namespace))))

    @property
    def started(self) -> list[datetime]:
        """Return when each of its pods was made."""
        return rollout.started(self.pods)


def restart_needed(
    cluster: Cluster, mesh: str, control_plane: ControlPlane, peers: Mapping[str, Mapping]
) -> changing.Restart:
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


def what_follows(
    cluster: Cluster,
    mesh: Mesh,
    control_plane: ControlPlane,
    peerings: Peerings,
    changes: Sequence[Change],
    in_run: Collection[str],
) -> dict:
    """Return what of known peers changes and what people must do about it, as part of a module's result.

    ``in_run`` are the peers whose own run does their part.
    """
    wanted = {change.name: change.manifest for change in changes if change.kind is PEER and change.manifest}
    restart = restart_needed(cluster, mesh.name, control_plane, {**peerings.peers, **wanted})
    rows, sentences = [], []
    for peer in mesh.peers:
        peering, name = peerings.of(peer.local_name), peer.local_name
        own = [
            change.manifest
            for change in changes
            if change.manifest and name in (change.name, labelled(change.manifest))
        ]
        texts = changing.differences([peering.peer, peering.bundle], own)
        if texts:
            rows.append({"peer": name, "changes": texts})
        parts = changing.changed_parts(peering.peer, wanted[name]) if name in wanted else frozenset()
        known = changing.Changed.of(peering.peer)
        is_pending = known is not None and changing.EGRESS in known.parts and name in restart.peers
        if (changing.EGRESS in parts or is_pending) and name not in in_run:
            identity = client_id(control_plane.trust_domain, mesh.namespace, peer.gateways)
            sentences.append(changing.hand_over(mesh.name, peer.name, identity))
    return {"changed_peers": rows, "restart": restart.to_data(), "hand_over": sentences}
