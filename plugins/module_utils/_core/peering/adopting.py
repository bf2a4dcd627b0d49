# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands already, and how a plan fits itself to it: names, gateways and bundles that others made are kept.

A renamed gateway or another Service type would re-create a load balancer, and a changed label the Deployment (its
selector cannot change). So what an entry of ``mesh_peers`` does not say is taken from the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from ..control_plane.live import ControlPlane
from ..mesh.described import Found, Mesh, Peer
from ..mesh.gateways import check_reach
from ..plain.data import at
from ..plain.diff import MISSING, all_owners, is_ours, owned_leaves, value_at
from ..plain.errors import FederationError
from ..plain.kinds import (
    EGRESS_FOR,
    INGRESS_FOR,
    MANAGER,
    NETWORK_LOAD_BALANCER,
    ROOT_KEY,
    bundle_name,
    gateways_manager,
    is_reserved_gateway,
)

HAND_MADE = "was made by hand and is left alone; adopt: true takes it over"
INGRESS, EGRESS = ("spec", "gateways", "additionalIngress"), ("spec", "gateways", "additionalEgress")


def is_left_alone(peer: Peer, live_peer: Mapping | None) -> bool:
    """Return whether somebody else made a peer's ServiceMeshPeer and ``adopt`` does not take it over."""
    return live_peer is not None and not is_ours(live_peer) and not peer.adopt


def as_it_stands(
    mesh: Mesh,
    peers: Mapping[str, Mapping],
    control_plane: ControlPlane,
    *,
    managed: bool = True,
    bundles: Mapping[str, Mapping] | None = None,
) -> Mesh:
    """Return ``mesh`` with each peer's gateways and bundle as they stand, where its entry does not say otherwise.

    ``peers`` are the live ServiceMeshPeers by name, ``bundles`` the ConfigMaps where they were read. Without
    ``managed`` gateways are compared only in what federation needs of them, whoever made them.
    """
    named = [_named(peer, peers, control_plane, bundles) for peer in mesh.peers]
    return replace(mesh, peers=tuple(_fitted(peer, named, peers, control_plane, managed) for peer in named))


def check_gateways(
    mesh: Mesh, peers: Mapping[str, Mapping], control_plane: ControlPlane, *, managed: bool = True
) -> list[str]:
    """Refuse gateways that cannot be one peer's own, and return warnings on those that had better be.

    ``mesh`` is as it stands, ``peers`` are all live ServiceMeshPeers by name. Raises ``FederationError``: FED308 a
    gateway to take over that no peer can reach, FED319 one that is none of the control plane's, FED415 an ingress that
    serves another peer.
    """
    warnings: list[str] = []
    described = {peer.local_name for peer in (*mesh.peers, *mesh.held)}
    concerned = [peer for peer in mesh.peers if not is_left_alone(peer, peers.get(peer.local_name))]
    taken = [(name, *gateway_names(live)) for name, live in peers.items() if name not in described]
    taken += [(peer.local_name, peer.gateways.ingress, peer.gateways.egress) for peer in mesh.peers]
    for peer in concerned:
        if peer.adopt:
            check_reach(peer.gateways, f"mesh_peers, {peer.local_name}", same_cluster=peer.same_cluster)
        if managed and peer.adopt and peer.local_name in peers:
            _check_place(peer, control_plane)
        warnings += _shared(mesh, peer, taken)
        warnings += _notes(peer, control_plane) if managed else []
    return warnings


def _shared(mesh: Mesh, peer: Peer, taken: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Warn of peers that have the same egress gateway, and refuse the same ingress."""
    for other, ingress, egress in taken:
        if other == peer.local_name:
            continue
        if peer.gateways.ingress in (ingress, egress):
            _refuse_taken(mesh, peer, other)
        if peer.gateways.egress in (ingress, egress):
            yield (
                f"FED416 the egress gateway {peer.gateways.egress} of {peer.local_name} also serves {other}: "
                f"both see one identity of {mesh.name}; give each its own when you can"
            )


def foreign_gateways(peer: Peer, live_peer: Mapping | None, control_plane: ControlPlane) -> list[str]:
    """Return in words which of a peer's described gateways stand in the control plane and are not the peer's.

    A gateway is the peer's when we keep it for the peer, when its label or its network says so, when its live
    ServiceMeshPeer names it, and when it is to be taken over (``adopt``) and no label gives it to another.
    """
    found = []
    used = gateway_names(live_peer) if live_peer is not None else ()
    for place, other, label, name in (
        (INGRESS, EGRESS, INGRESS_FOR, peer.gateways.ingress),
        (EGRESS, INGRESS, EGRESS_FOR, peer.gateways.egress),
    ):
        if value_at(control_plane.live, (*other, name)) is not MISSING:
            found.append(f"{control_plane.place}, {'.'.join((*other, name))}, a gateway of the other direction")
        gateway = value_at(control_plane.live, (*place, name))
        if (
            isinstance(gateway, Mapping)
            and name not in used
            and not _is_peers(peer, gateway, label, (*place, name), control_plane)
        ):
            found.append(f"{control_plane.place}, {'.'.join((*place, name))}")
    return found


def _is_peers(peer: Peer, gateway: Mapping, label: str, place: tuple, control_plane: ControlPlane) -> bool:
    """Return whether a live gateway that no ServiceMeshPeer of the peer names is the peer's all the same."""
    said = _labels(gateway).get(label)
    if said == peer.local_name or f"network-{peer.local_name}" in (gateway.get("requestedNetworkView") or []):
        return True
    own = owned_leaves(control_plane.live, gateways_manager(peer.local_name))
    return (*place, "enabled") in own or (peer.adopt and not said)


def gateway_keys(mesh: Mesh, peer: Peer, control_plane: ControlPlane) -> list[str]:
    """Return the places of one peer's gateways in a control plane, whoever keeps them: ``spec.gateways...``.

    They are found by name, by their label, and the egress by the network that it looks at.
    """
    found = []
    for place, own, label in (
        (INGRESS, peer.gateways.ingress, INGRESS_FOR),
        (EGRESS, peer.gateways.egress, EGRESS_FOR),
    ):
        gateways = value_at(control_plane.live, place)
        for name, gateway in gateways.items() if isinstance(gateways, Mapping) else ():
            is_labelled = _labels(gateway).get(label) == peer.local_name
            looks = (gateway or {}).get("requestedNetworkView") or []
            if name == own or is_labelled or looks == [f"network-{peer.local_name}"]:
                found.append(".".join((*place, name)))
    return found


def _named(
    peer: Peer, peers: Mapping[str, Mapping], control_plane: ControlPlane, bundles: Mapping[str, Mapping] | None
) -> Peer:
    live = peers.get(peer.local_name)
    if live is None:
        return peer
    is_foreign = peer.adopt or not is_ours(live)
    # A name in a peer of ours counts when we wrote it; one that somebody else put there since is for them to explain.
    own = owned_leaves(live, MANAGER)
    kept: dict[str, Any] = {
        kind: name
        for kind, name in zip(("ingress", "egress"), gateway_names(live))
        if name
        and kind not in peer.given
        and (not is_reserved_gateway(name) or is_left_alone(peer, live))
        and (is_foreign or ("spec", "gateways", kind, "name") in own)
    }
    is_bundle_known = is_foreign or ("spec", "security", "certificateChain", "name") in own
    bundle = _bundle(peer, peers, control_plane, bundles) if is_bundle_known else ""
    return replace(peer, gateways=replace(peer.gateways, **kept), bundle=bundle)


def _bundle(
    peer: Peer, peers: Mapping[str, Mapping], control_plane: ControlPlane, bundles: Mapping[str, Mapping] | None
) -> str:
    """Return the bundle that a live peer names, unless the mesh, another peer or anything else needs what it holds."""
    name = _chain(peers[peer.local_name])
    others = {_chain(live) or bundle_name(other) for other, live in peers.items() if other != peer.local_name}
    if name in others or name in control_plane.own_config_maps:
        return ""
    live = (bundles or {}).get(name)
    holds = (live or {}).get("data") or {}
    is_bundle = live is None or (set(holds) <= {ROOT_KEY} and not live.get("binaryData"))
    return name if is_bundle else ""


def _fitted(
    peer: Peer, named: Iterable[Peer], peers: Mapping[str, Mapping], control_plane: ControlPlane, managed: bool
) -> Peer:
    """Return the peer with what its live gateways say, where they are somebody else's too."""
    live_peer = peers.get(peer.local_name)
    is_foreign = peer.adopt or not managed or is_left_alone(peer, live_peer)
    ingress = _kept(peer, control_plane, (*INGRESS, peer.gateways.ingress), is_foreign)
    egress = _kept(peer, control_plane, (*EGRESS, peer.gateways.egress), is_foreign)
    gateways = peer.gateways
    if ingress is not None:
        service = ingress.get("service") or {}
        annotations = at(service, "metadata", "annotations") or {}
        if "service_type" not in peer.given:
            gateways = replace(gateways, service_type=str(service.get("type") or "ClusterIP"))
        kept = {key: annotations[key] for key in NETWORK_LOAD_BALANCER if key in annotations}
        peer = replace(peer, found_ingress=Found(label=_labels(ingress).get(INGRESS_FOR), annotations=kept))
    if egress is not None:
        sharing = [f"network-{other.local_name}" for other in named if other.gateways.egress == gateways.egress]
        peer = replace(
            peer, found_egress=Found(label=_labels(egress).get(EGRESS_FOR), networks=_networks(egress, sharing))
        )
    return replace(peer, gateways=gateways)


def _networks(egress: Mapping, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the networks that a live egress gateway looks at, and those that it is to look at as well."""
    networks = [str(network) for network in egress.get("requestedNetworkView") or []]
    return (*networks, *(network for network in wanted if network not in networks))


def _kept(peer: Peer, control_plane: ControlPlane, place: tuple, is_foreign: bool) -> Mapping | None:
    """Return a live gateway that somebody else made; None when there is none, or when it is ours alone."""
    gateway = value_at(control_plane.live, place)
    if not isinstance(gateway, Mapping):
        return None
    own = gateways_manager(peer.local_name)
    managers = {manager for manager, paths in all_owners(control_plane.live) if (*place, "enabled") in paths}
    if own in managers:
        return gateway if managers - {own} else None
    return gateway if is_foreign else None


def _check_place(peer: Peer, control_plane: ControlPlane) -> None:
    for place, kind, name in ((INGRESS, "ingress", peer.gateways.ingress), (EGRESS, "egress", peer.gateways.egress)):
        if kind not in peer.given and value_at(control_plane.live, (*place, name)) is MISSING:
            raise FederationError(
                "FED319",
                where=f"mesh_peers, {peer.local_name}",
                what=(
                    f"cannot be adopted with its {kind} gateway: {control_plane.place} has no {'.'.join(place)}.{name}"
                ),
                fix=(
                    f"Name a separate gateway, gateways: {{{kind}: ...}}, and hand over a new card; or leave the "
                    "peering as it is"
                ),
            )


def _refuse_taken(mesh: Mesh, peer: Peer, other: str) -> NoReturn:
    raise FederationError(
        "FED415",
        where=f"mesh_peers, {peer.local_name}",
        what=(
            f"wants the gateway {peer.gateways.ingress}, which serves ServiceMeshPeer {mesh.namespace}/{other} already;"
            " each would shut the other out"
        ),
        fix="Name another: gateways: {ingress: ...}, or remove that peer first",
    )


def _notes(peer: Peer, control_plane: ControlPlane) -> list[str]:
    """Return what is not as we make it in gateways that were taken over, and why it is left so."""
    notes = []
    for kind, name, found, label in (
        ("ingress", peer.gateways.ingress, peer.found_ingress, INGRESS_FOR),
        ("egress", peer.gateways.egress, peer.found_egress, EGRESS_FOR),
    ):
        if peer.adopt and found and found.label is None:
            notes.append(
                f"FED417 the {kind} gateway {name} of {peer.local_name} has no label {label} and gets none: that would"
                " re-create its Deployment; its label app tells it from others"
            )
    live = value_at(control_plane.live, (*EGRESS, peer.gateways.egress, "requestedNetworkView"))
    if peer.adopt and peer.found_egress and tuple(() if live is MISSING else live or ()) != peer.found_egress.networks:
        notes.append(
            f"FED417 the egress gateway {peer.gateways.egress} looked at other networks; its pods are replaced once,"
            " one by one"
        )
    return notes


def gateway_names(live: Mapping) -> tuple[str, str]:
    """Return the ingress and the egress gateway that a live ServiceMeshPeer names; "" where it names none."""
    gateways = at(live, "spec", "gateways") or {}
    ingress, egress = (str(at(gateways, kind, "name") or "") for kind in ("ingress", "egress"))
    return ingress, egress


def _chain(live: Mapping) -> str:
    return str(at(live, "spec", "security", "certificateChain", "name") or "")


def _labels(gateway: Mapping | None) -> Mapping:
    return at(gateway, "service", "metadata", "labels") or {}
