# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What remains of peers: peers that are no longer described, and what leaving them has not removed, or not yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..control_plane.live import ControlPlane
from ..mesh.described import Mesh, Peer
from ..plain.data import place_of
from ..plain.diff import MISSING, all_owners, holders, is_ours, owned_leaves, value_at
from ..plain.kinds import EGRESS_FOR, INGRESS_FOR, MANAGER, PEER_LABEL, gateways_manager, identity_manager
from .adopting import gateway_keys


@dataclass(frozen=True)
class Left:
    """One thing that is left of a peer, ``why``, and whether it will go by itself (``is_going``)."""

    peer: str
    what: str
    why: str
    is_going: bool = False

    def __str__(self) -> str:
        return f"{self.peer}: {self.what} {self.why}"

    def as_row(self) -> dict:
        """Return it as JSON-friendly data."""
        return {"peer": self.peer, "what": self.what, "why": self.why}


def gateway_owners(control_plane: Mapping) -> set[str]:
    """Return our names of the peers of which we own anything in a live control plane: gateways, or what it
    remembers.
    """
    prefixes = (gateways_manager(""), identity_manager(""))
    managers = {manager for manager, _paths in all_owners(control_plane) if manager.startswith(prefixes)}
    return {manager.rpartition("/")[2] for manager in managers if owned_leaves(control_plane, manager)}


def bundle_owners(config_maps: Iterable[Mapping]) -> set[str]:
    """Return our names of the peers whose root certificates we keep."""
    labels = [(live["metadata"].get("labels") or {}) for live in config_maps if is_ours(live)]
    return {found[PEER_LABEL] for found in labels if found.get(PEER_LABEL)}


def left_of(
    mesh: Mesh,
    peer: Peer,
    objects: Iterable[Mapping],
    control_plane: ControlPlane,
    workloads: Sequence[Mapping],
    places: Iterable[str] = (),
) -> list[Left]:
    """Return what is left of one peer. ``places`` are those that its gateways had in the control plane, by
    ``gateway_keys``.

    ``objects`` are its live federation objects and bundle, ``workloads`` the Deployments and Services of the control
    plane's namespace: the operator removes those of a gateway within a minute after its key has gone.
    """
    name = peer.local_name
    found = [_object_left(name, live) for live in objects]
    had = [key for key in places if value_at(control_plane.live, path_of(key)) is not MISSING]
    keys = list(dict.fromkeys([*had, *gateway_keys(mesh, peer, control_plane)]))
    found += [
        Left(name, f"{control_plane.place}, {key}", _why_it_stays(control_plane, key, gateways_manager(name)))
        for key in keys
    ]
    kept = {path_of(key)[3] for key in keys}
    names = {peer.gateways.ingress, peer.gateways.egress, *(path_of(key)[3] for key in places)}
    for live in workloads:
        metadata = live["metadata"]
        labels = metadata.get("labels") or {}
        is_gateway = name in (labels.get(INGRESS_FOR), labels.get(EGRESS_FOR)) or (
            metadata["name"] in names and "maistra.io/owner" in labels
        )
        if is_gateway and metadata["name"] not in kept:
            why = "has not been removed by the operator yet"
            found.append(Left(name, place_of(live), why, is_going=True))
    return found


def _object_left(name: str, live: Mapping) -> Left:
    what = place_of(live)
    if not is_ours(live):
        return Left(name, what, "was made by somebody else and is left alone")
    others = [holder.manager for holder in holders(live, MANAGER) if holder.is_applying]
    if others:
        return Left(name, what, f"exists again or still: {' and '.join(others)} also manages it; remove it there")
    return Left(
        name, what, "is being deleted" if live["metadata"].get("deletionTimestamp") else "is still there", is_going=True
    )


def path_of(key: str) -> tuple[str, ...]:
    """Return the path of a gateway in a control plane that ``gateway_keys`` names; a gateway's own name may
    have dots.
    """
    return tuple(key.split(".", 3))


def _why_it_stays(control_plane: ControlPlane, key: str, own: str) -> str:
    """Return who keeps a gateway: who enabled it, else who holds anything of it."""
    path = path_of(key)
    owners = [
        (manager, paths) for manager, paths in all_owners(control_plane.live) if any(each[:4] == path for each in paths)
    ]
    keeping = {manager for manager, paths in owners if (*path, "enabled") in paths} or {
        manager for manager, _paths in owners
    }
    if own in keeping:
        return "is still there; run unfederate again"
    return f"is managed by {' and '.join(sorted(keeping)) or 'another field manager'}; remove it there"


def lines_of(names: Iterable[str], left: Sequence[Left]) -> list[str]:
    """Return for people what is left of each peer of ``names``; that nothing is, where nothing is."""
    lines = []
    for name in names:
        own = [each for each in left if each.peer == name]
        lines += [f"left of {each}" for each in own] or [f"nothing of {name} is left on the cluster"]
    return lines
