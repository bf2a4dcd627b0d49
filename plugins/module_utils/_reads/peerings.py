# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules read of a cluster, in the shapes that the core takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from .._cluster.client import Cluster
from .._core.card.card import SIZE_LIMIT
from .._core.card.trust import Root, check_chains, read_certificates
from .._core.control_plane import live as control_planes
from .._core.control_plane.live import ControlPlane
from .._core.control_plane.members import ROLL, membership
from .._core.mesh.described import Mesh, Peer
from .._core.peering.adopting import as_it_stands
from .._core.peering.carrying import Delivery, Identity, receive
from .._core.peering.identity import known_beside_gateways
from .._core.peering.live import Peerings
from .._core.plain.data import at, by_name
from .._core.plain.diff import is_ours
from .._core.plain.errors import FORBIDDEN, UNSEEN, FederationError
from .._core.plain.kinds import (
    CONFIG_MAP,
    CONTROL_PLANE,
    EXPORTS,
    IMPORTS,
    MEMBER_ROLL,
    MESH_LABEL,
    PEER,
    ROOT_KEY,
    SERVICE,
    SERVICE_ENTRY,
    Kind,
)
from .._files import Place, beginning, refuse_no_folder
from .readable import one_readable


def host_and_port(server: str) -> tuple[str, int]:
    """Return the host and the port of an API server's URL; an empty host where it has none."""
    try:
        url = urlsplit(server)
        return url.hostname or "", url.port or 443
    except ValueError:
        return "", 443


def read_control_plane(cluster: Cluster, namespace: str, name: str) -> ControlPlane:
    """Return the control plane; raises ``FederationError`` FED401 that names those that exist instead."""
    found = by_name(cluster.list(CONTROL_PLANE, namespace))
    if name not in found:
        raise control_planes.missing(namespace, name, list(found))
    return ControlPlane.read(found[name])


def read_roots_of(
    cluster: Cluster,
    control_plane: ControlPlane,
    now: datetime,
    *,
    instead: Sequence[str] = (),
    also: Sequence[str] = (),
    left_out: list[FederationError] | None = None,
) -> tuple[Root, ...]:
    """Return a mesh's roots, the current one first: from its root ConfigMap, or ``instead``, and ``also`` the next.

    What stands in the ConfigMap and is not in force (an old root that has expired) vouches for nothing: it is left out,
    and ``left_out`` gets what is wrong with it. All the rest is checked as a peer checks it, because it would refuse
    the card.

    Raises ``FederationError`` FED405 without a ConfigMap, FED2xx for texts that are no roots.
    """
    texts = [(text, "mesh_roots") for text in instead] or [_root_in_force(cluster, control_plane)]
    passed_over: list[FederationError] = []
    texts += [(text, "mesh_extra_roots") for text in also]
    roots: dict[str, Root] = {}
    for text, place in texts:
        is_live = not instead and place != "mesh_extra_roots"
        for root in read_certificates(
            text, place, now, trust_domain=control_plane.trust_domain, left_out=passed_over if is_live else None
        ):
            roots.setdefault(root.fingerprint, root)
    if passed_over and not any(root.is_self_signed for root in roots.values()):
        raise passed_over[0]
    check_chains(tuple(roots.values()), " and ".join(dict.fromkeys(place for _text, place in texts)))
    if left_out is not None:
        left_out += passed_over
    return tuple(roots.values())


def _root_in_force(cluster: Cluster, control_plane: ControlPlane) -> tuple[str, str]:
    """Return the root that the control plane gives its workloads, as text, and where it stands."""
    name = control_plane.root_config_map
    place = f"ConfigMap {control_plane.namespace}/{name}"
    live = cluster.get(CONFIG_MAP, control_plane.namespace, name)
    text = at(live, "data", ROOT_KEY)
    if not text:
        raise FederationError(
            "FED405",
            where=place,
            what=f"has no {ROOT_KEY}" if live else "does not exist",
            fix="Wait until the control plane is ready, or give the root as mesh_roots",
        )
    return text, f"{place}, {ROOT_KEY}"


def read_members(cluster: Cluster, namespace: str) -> dict[str, list[str]]:
    """Return who is a member of the mesh in a namespace, as ``members.membership`` tells it; nobody where that may not
    be read.
    """
    return membership(one_readable(cluster, MEMBER_ROLL, namespace, ROLL))


def read_services(
    cluster: Cluster,
    mesh: Mesh,
    peers: Iterable[Peer],
    warn: Callable[[str], None],
    known: Mapping[str, list] | None = None,
) -> list[dict]:
    """Return the Services and ServiceEntries that a mesh's export rules can match: one LIST per kind and namespace.

    Only member namespaces and the control plane's own can be exported from. A namespace that may not be read is
    named in a warning, so that the run goes on. ``known`` maps a namespace to Services already read.
    """
    rules = [rule for peer in peers for rule in mesh.exports_to(peer)]
    if not rules:
        return []
    roll = cluster.get(MEMBER_ROLL, mesh.namespace, ROLL)
    members = {*(at(roll, "status", "configuredMembers") or []), mesh.namespace}
    named = {rule.namespace for rule in rules}
    wanted = members if None in named else members & named
    for namespace in sorted(named - members - {None}):
        warn(
            f"mesh_exports names the namespace {namespace}, which is not a member of the mesh: nothing of it is"
            " exported"
        )
    found, known = [], known or {}
    for namespace in sorted(wanted):
        found += known[namespace] if namespace in known else _exportable(cluster, SERVICE, namespace, warn)
        found += _exportable(cluster, SERVICE_ENTRY, namespace, warn)
    return found


def _exportable(cluster: Cluster, kind: Kind, namespace: str, warn: Callable[[str], None]) -> list[dict]:
    """Return the objects of a kind in a namespace; where they may not be read a warning says so."""
    try:
        return cluster.list(kind, namespace)
    except FederationError as error:
        if error.code not in UNSEEN:
            raise
        warn(
            f"{kind.name} objects of namespace {namespace} cannot be read, so their exports are not predicted:"
            f" {error.what}"
        )
        return []


def standing_mesh(
    cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, *, managed: bool = True
) -> tuple[Mesh, dict[str, Mapping]]:
    """Return the mesh with its peers as they stand (``adopting.as_it_stands``), and all live
    ServiceMeshPeers by name.
    """
    peers = by_name(cluster.list(PEER, mesh.namespace))
    return as_it_stands(mesh, peers, control_plane, managed=managed), peers


def read_peerings(cluster: Cluster, control_plane: ControlPlane, *, with_bundles: bool = True) -> Peerings:
    """Return the peerings that stand, by one LIST per kind; without ``with_bundles`` ConfigMaps are not asked for."""
    read = [
        by_name(cluster.list(kind, control_plane.namespace))
        for kind in (PEER, EXPORTS, IMPORTS, *((CONFIG_MAP,) if with_bundles else ()))
    ]
    known = known_beside_gateways(control_plane.live)
    return Peerings(*read, *([] if with_bundles else [{}]), own_maps=control_plane.own_config_maps, known=known)


def read_bundles(cluster: Cluster, namespace: str) -> dict[str, Mapping]:
    """Return the bundles of peers by their names; none where ConfigMaps may not be read."""
    try:
        found = cluster.list(CONFIG_MAP, namespace, MESH_LABEL)
    except FederationError as error:
        if error.code != FORBIDDEN:
            raise
        return {}
    return {live["metadata"]["name"]: live for live in found if is_ours(live)}


def card_place(directory: str, name: str) -> Place:
    """Return where a card file lies; others may write its folder."""
    return Place(directory, name, kind="Card", code="FED201")


def card_file(directory: str | None, name: str) -> bytes | None:
    """Return the bytes of a card file, at most one more than a card may have; None when there is no such file.

    Raises ``FederationError`` FED201 for a link and for what is no ordinary readable file.
    """
    return beginning(card_place(directory, name), SIZE_LIMIT + 1) if directory else None


def read_cards(
    params: Mapping[str, Any],
    mesh: Mesh,
    trust_domain: str,
    now: datetime,
    warn: Callable[[str], None],
    known: Mapping[str, Identity] | None = None,
    *,
    keeps_all: bool = False,
) -> Delivery:
    """Return what came of the peers' cards; ``warn`` gets a note on each card of a mesh that is not described.
    ``known`` is who the live peers are.

    Raises ``FederationError``: FED333 where the folder of cards is not there, and the first that is wrong with a card,
    unless the caller ``keeps_all`` of them.
    """
    refuse_no_folder(params["cards_dir"])
    found = receive(
        mesh,
        trust_domain,
        in_run=params["cards_in_run"],
        carried=params["cards"],
        file_of=lambda name: card_file(params["cards_dir"], name),
        now=now,
        known=known,
    )
    if not keeps_all:
        found.whole()
    for note in found.notes:
        warn(note)
    return found
