# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which objects use what a peer gives, and what is left of a removed peer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .._cluster.client import Cluster
from .._core.control_plane.live import ControlPlane
from .._core.mesh.described import Mesh
from .._core.peering.adopting import as_it_stands
from .._core.peering.leaving import not_adopting
from .._core.peering.leftovers import Left, left_of
from .._core.peering.using import NAMING_KINDS, Taken, Use, uses_in
from .._core.plain.data import at
from .._core.plain.errors import FORBIDDEN, NOT_SERVED, FederationError
from .._core.plain.kinds import DEPLOYMENT, MEMBER_ROLL, SERVICE, Kind
from .peerings import read_peerings


def uses_of(
    cluster: Cluster, control_plane: ControlPlane, taken: Sequence[Taken]
) -> tuple[list[Use], list[str], list[Mapping]]:
    """Return who uses what is ``taken``, what could not be read, and all objects that could and may name a host or a
    gateway.

    Nothing is asked when nothing is taken; else one LIST per kind and namespace, and of Services where a host is
    imported as local. A use of a host that a local Service with endpoints of its own serves as well does not count.
    """
    if not taken:
        return [], [], []
    objects: list[Mapping] = []
    unreadable: list[str] = []
    for namespace in _namespaces(cluster, control_plane, unreadable):
        for kind in NAMING_KINDS:
            objects += _listed(cluster, kind, namespace, unreadable)
    uses = uses_in(objects, taken, control_plane.cluster_domain)
    served = _served_here(
        cluster, [use.host for use in uses if use.host.endswith(f".svc.{control_plane.cluster_domain}")]
    )
    return [use for use in uses if use.is_routed or use.host not in served], unreadable, objects


def what_is_left(
    cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, places: Mapping[str, Sequence[str]]
) -> list[Left]:
    """Return what is left of the peers of ``mesh`` on the cluster, and why; ``places`` are as ``gateway_places`` gave
    them while the peers stood.
    """
    peerings = read_peerings(cluster, control_plane)
    # What could not be taken over any more is still to be found.
    mesh = as_it_stands(not_adopting(mesh), peerings.peers, control_plane)
    unreadable: list[str] = []
    workloads = [live for kind in (DEPLOYMENT, SERVICE) for live in _listed(cluster, kind, mesh.namespace, unreadable)]
    return [
        left
        for peer in mesh.peers
        for left in left_of(
            mesh,
            peer,
            peerings.of(peer.local_name).objects,
            control_plane,
            workloads,
            places.get(peer.local_name) or (),
        )
    ]


def _namespaces(cluster: Cluster, control_plane: ControlPlane, unreadable: list[str]) -> list[str]:
    try:
        roll = cluster.get(MEMBER_ROLL, control_plane.namespace, "default") or {}
    except FederationError as error:
        if error.code == FORBIDDEN:
            unreadable.append(f"{MEMBER_ROLL.name} {control_plane.namespace}/default")
        elif error.code != NOT_SERVED:
            raise
        roll = {}
    members = at(roll, "status", "configuredMembers") or []
    return sorted({control_plane.namespace, *map(str, members)})


def _listed(cluster: Cluster, kind: Kind, namespace: str, unreadable: list[str]) -> list[dict]:
    """Return the objects of a kind; none where it is not served, and a word in ``unreadable`` where they may not be
    read.
    """
    try:
        return cluster.list(kind, namespace)
    except FederationError as error:
        if error.code == FORBIDDEN:
            unreadable.append(f"{kind.name} objects in {namespace}")
        elif error.code != NOT_SERVED:
            raise
    return []


def _served_here(cluster: Cluster, hosts: Iterable[str]) -> set[str]:
    """Return those hosts of this cluster that a Service with a selector serves; a stub without one only
    gives the name.
    """
    served: set[str] = set()
    wanted = {tuple(host.split(".", 2)[:2]): host for host in hosts}
    for namespace in sorted({namespace for _name, namespace in wanted}):
        for live in _listed(cluster, SERVICE, namespace, []):
            host = wanted.get((live["metadata"]["name"], namespace))
            if host and at(live, "spec", "selector"):
                served.add(host)
    return served
