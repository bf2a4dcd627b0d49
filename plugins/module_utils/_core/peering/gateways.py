# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A peering's gateways inside the ServiceMeshControlPlane: what they need, what goes with them, what refuses them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from ..control_plane.live import ControlPlane
from ..mesh.described import Mesh, Peer
from ..plain.data import at
from ..plain.diff import (
    MISSING,
    Change,
    Difference,
    all_owners,
    change_to,
    differences_between,
    holders,
    is_ours,
    leaves,
    owned_leaves,
    path_text,
    removal_of,
    value_at,
)
from ..plain.errors import FederationError
from ..plain.kinds import (
    CONTROL_PLANE,
    EGRESS_FOR,
    GATEWAY_LABEL,
    INGRESS_FOR,
    MANAGER,
    PEER_LABEL,
    Kind,
    gateways_manager,
    identity_manager,
)
from .adopting import EGRESS, INGRESS, foreign_gateways, gateway_keys, gateway_names, is_left_alone
from .leftovers import gateway_owners, path_of
from .plan import ingress_of, plan_budgets, plan_gateways, plan_no_gateways


def claimed_gateways(
    mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping]
) -> tuple[list[tuple[Peer, str]], dict[str, Peer]]:
    """Return the gateways of a control plane that peers name and that are not theirs, and who names each new one."""
    found: list[tuple[Peer, str]] = []
    new: dict[str, Peer] = {}
    for peer in kept_peers(mesh, peers):
        found += [(peer, place) for place in foreign_gateways(peer, peers.get(peer.local_name), control_plane)]
        places = ((INGRESS, peer.gateways.ingress), (EGRESS, peer.gateways.egress))
        new.update({name: peer for place, name in places if value_at(control_plane.live, (*place, name)) is MISSING})
    return found, new


def foreign_objects(
    kind: Kind, namespace: str, live: Sequence[Mapping], new: Mapping[str, Peer]
) -> list[tuple[Peer, str]]:
    """Return the objects of a kind that have the name of a ``new`` gateway and are not that gateway's."""
    named = [(new.get(one["metadata"]["name"]), one) for one in live]
    return [
        (peer, f"{kind.name} {namespace}/{one['metadata']['name']}")
        for peer, one in named
        if peer is not None and not _is_gateway(one, peer)
    ]


def refuse_claimed(found: Sequence[tuple[Peer, str]]) -> None:
    """Refuse the first gateway that leads to what is not its peer's: FED228."""
    for peer, place in found:
        raise FederationError(
            "FED228",
            where=f"mesh_peers, {peer.local_name}",
            what=f"names a gateway that leads to what is not {peer.name}'s: {place}",
            fix=(
                "Name another, gateways: {ingress: ..., egress: ...}, or set adopt: true for the peer if that gateway"
                " is to be its own"
            ),
        )


def _is_gateway(live: Mapping, peer: Peer) -> bool:
    """Return whether the operator made a Service or Deployment for a gateway, and no label gives it to another peer."""
    labels = live["metadata"].get("labels") or {}
    says = {labels[label] for label in (INGRESS_FOR, EGRESS_FOR) if labels.get(label)}
    return (GATEWAY_LABEL in labels or "maistra.io/owner" in labels or bool(says)) and says <= {peer.local_name}


def additions(
    mesh: Mesh,
    control_plane: ControlPlane,
    peers: Mapping[str, Mapping],
    knows_route_config: bool,
    *,
    managed: bool,
    force: bool,
) -> list[Change]:
    """Return the changes that give every peer its gateways; when they are not ours to manage, refuse what is missing.

    A peer that somebody else made keeps the gateways that it has. ``knows_route_config`` says whether the schema has
    that field.
    """
    changes, lacking = [], []
    for peer in mesh.peers:
        if is_left_alone(peer, peers.get(peer.local_name)):
            continue
        desired = plan_gateways(
            mesh,
            peer,
            version=control_plane.version,
            has_route_config=control_plane.writes_route_config(knows_route_config),
        )
        manager = gateways_manager(peer.local_name)
        if managed:
            change = change_to(control_plane.live, desired, manager, force=force, own=peer.adopt)
            changes += [change] if change else []
        else:
            differences = differences_between(control_plane.live, desired, manager)
            lacking += [(peer.local_name, d) for d in differences if d.after is not MISSING]
    _refuse_missing(control_plane, lacking)
    return changes


def _refuse_missing(control_plane: ControlPlane, lacking: Sequence[tuple[str, Difference]]) -> None:
    """Refuse gateways that are not as they must be and not ours to write: FED406 with every field as ``render`` writes
    it.
    """
    if not lacking:
        return
    fields = [
        {
            "peer": peer,
            "field": path_text(difference.path),
            "stands": None if difference.before is MISSING else difference.before,
            "wanted": difference.after,
        }
        for peer, difference in lacking
    ]
    told = "; ".join(
        f"{row['field']}: {json.dumps(row['wanted'])}"
        + ("" if row["stands"] is None else f" (is {json.dumps(row['stands'])})")
        for row in fields
    )
    raise FederationError(
        "FED406",
        where=f"{control_plane.place}, gateways for {', '.join(dict.fromkeys(peer for peer, _difference in lacking))}",
        what=f"are not as federation needs them, {len(fields)} fields: {told}",
        fix=(
            "Render them (playbook ossm.federation.render) into the repository of the control plane, or set "
            "mesh_gateways_managed: true"
        ),
        facts={"missing": fields},
    )


def removals(
    mesh: Mesh, control_plane: ControlPlane, names: Sequence[str], peers: Mapping[str, Mapping], *, is_planned: bool
) -> list[Change]:
    """Return the changes that take our keys for the peers of ``names`` out of the control plane, once their peerings
    are gone.

    ``peers`` are the live ServiceMeshPeers. A plan (check mode) may come while they stand: an earlier task would have
    removed them.
    """
    changes = []
    for name in names:
        change = change_to(control_plane.live, plan_no_gateways(mesh), gateways_manager(name))
        if change and name in peers and not is_planned:
            raise FederationError(
                "FED502",
                where=f"ServiceMeshPeer {mesh.namespace}/{name}",
                what="still uses the gateways that should go",
                fix="Remove the peering first: playbook ossm.federation.unfederate keeps the order",
            )
        changes += [change] if change else []
    return changes + forgotten(mesh, control_plane, names, peers, is_planned=is_planned)


def forgotten(
    mesh: Mesh, control_plane: ControlPlane, names: Sequence[str], peers: Mapping[str, Mapping], *, is_planned: bool
) -> list[Change]:
    """Return the changes by which the control plane forgets peers that are gone, or that a plan would have removed."""
    gone = [name for name in names if is_planned or name not in peers]
    changes = [change_to(control_plane.live, plan_no_gateways(mesh), identity_manager(name)) for name in gone]
    return [change for change in changes if change]


def kept_peers(mesh: Mesh, peers: Mapping[str, Mapping]) -> list[Peer]:
    """Return the peers whose gateways are ours to keep."""
    return [peer for peer in mesh.peers if not is_left_alone(peer, peers.get(peer.local_name))]


def wanted_budgets(mesh: Mesh, peers: Sequence[Peer]) -> dict[str, dict]:
    """Return the PodDisruptionBudgets of peers' gateways by their names."""
    return {manifest["metadata"]["name"]: manifest for peer in peers for manifest in plan_budgets(mesh, peer)}


def budget_changes(
    mesh: Mesh, standing: Mapping[str, Mapping], wanted: Mapping[str, Mapping], ended: Collection[str], *, force: bool
) -> list[Change]:
    """Return the changes from the budgets that stand to the ``wanted`` ones; of the peers in ``ended`` no other of ours
    stays.

    Raises ``FederationError`` FED418 for a budget of somebody else.
    """
    changes = []
    for name, manifest in wanted.items():
        live = standing.get(name)
        if live is not None and not is_ours(live):
            raise FederationError(
                "FED418",
                where=f"PodDisruptionBudget {mesh.namespace}/{name}",
                what="is somebody else's; two budgets on one pod stop every eviction",
                fix=(
                    "Leave disruption_budget out, or remove the other "
                    "(spec.runtime.defaults.deployment.podDisruption makes them for all components)"
                ),
            )
        change = change_to(live, manifest, MANAGER, force=force)
        changes += [change] if change else []
    for name, live in standing.items():
        if is_ours(live) and name not in wanted and at(live, "metadata", "labels", PEER_LABEL) in ended:
            changes.append(removal_of(live, MANAGER))
    return changes


def shared_keys(control_plane: ControlPlane, names: Sequence[str]) -> list[dict]:
    """Return what another manager holds too of the gateways that we give up: they stay when we let go of our part."""
    rows = []
    for name in names:
        held = holders(control_plane.live, gateways_manager(name))
        keys = sorted({".".join(path[:4]) for holder in held for path in holder.paths if len(path) >= 4})
        if keys:
            rows.append({"peer": name, "keys": keys, "managers": sorted({holder.manager for holder in held})})
    return rows


def given_up_before(mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping]) -> list[dict]:
    """Return gateways of peers that are gone, of which an earlier run gave up our part: force removes them all the
    same.

    They are those that the peer's entry names, or that say themselves for whom they are, and that no peer uses.
    """
    used = {name for live in peers.values() for name in gateway_names(live)}
    ours = {
        path[:4] for peer in mesh.peers for path in owned_leaves(control_plane.live, gateways_manager(peer.local_name))
    }
    rows = []
    for peer in mesh.peers:
        found = gateway_keys(mesh, peer, control_plane) if peer.local_name not in peers else []
        keys = [key for key in found if tuple(key.split(".", 3)) not in ours and key.split(".", 3)[3] not in used]
        if keys:
            holding = {
                manager
                for manager, paths in all_owners(control_plane.live)
                if any((*key.split(".", 3), "enabled") in paths for key in keys)
            }
            rows.append({"peer": peer.local_name, "keys": keys, "managers": sorted(holding)})
    return rows


def taken_out(control_plane: ControlPlane, row: Mapping) -> tuple[Change, dict]:
    """Return the change, and the patch that makes it, which removes the gateways of a row whoever else holds them."""
    live = control_plane.live
    paths = [tuple(key.split(".", 3)) for key in row["keys"]]
    gone = tuple(
        Difference((*path, *below), value, MISSING) for path in paths for below, value in leaves(value_at(live, path))
    )
    patch: dict = {"metadata": {"uid": control_plane.uid}, "spec": {"gateways": {}}}
    for _spec, _gateways, kind, name in paths:
        patch["spec"]["gateways"].setdefault(kind, {})[name] = None
    manager = ", ".join(row["managers"])
    change = Change(
        "update", CONTROL_PLANE, control_plane.namespace, control_plane.name, manager, None, gone, control_plane.uid
    )
    return change, patch


def to_take_out(mesh: Mesh, control_plane: ControlPlane, places: Mapping[str, Sequence[str]]) -> list[dict]:
    """Return the gateways of the described peers in a control plane that is kept elsewhere, and what to do
    about them.
    """
    had = {
        name: [key for key in keys if value_at(control_plane.live, path_of(key)) is not MISSING]
        for name, keys in places.items()
    }
    rows = [
        (
            peer.local_name,
            list(dict.fromkeys([*had.get(peer.local_name, ()), *gateway_keys(mesh, peer, control_plane)])),
        )
        for peer in mesh.peers
    ]
    what = "take out where the control plane is kept"
    return [
        {"peer": name, "keys": keys, "managers": [], "reason": f"{what}: {', '.join(keys)}"}
        for name, keys in rows
        if keys
    ]


def left_standing(shared: Sequence[dict], *, force: bool) -> list[dict]:
    """Return the gateways that stay although their peers go, why, and what to do about it."""
    if force:
        return []
    return [
        {
            **row,
            "reason": (
                f"FED503 {', '.join(row['keys'])} stay, since {', '.join(row['managers'])} also has them: remove them "
                f"there, or run once with federation_force: true and {_entry(row['keys'])} in the peer's entry"
            ),
        }
        for row in shared
    ]


def _entry(keys: Sequence[str]) -> str:
    """Return gateways by their places in a control plane as an entry of ``mesh_peers`` names them."""
    kinds = {"additionalIngress": "ingress", "additionalEgress": "egress"}
    named = sorted((kinds[kind], name) for _spec, _gateways, kind, name in (key.split(".", 3) for key in keys))
    return "gateways: {" + ", ".join(f"{kind}: {name}" for kind, name in reversed(named)) + "}"


def made_for_others(control_plane: ControlPlane, mesh: Mesh) -> list[str]:
    """Return the peers of which we own anything in the control plane although they are no longer described."""
    return sorted(gateway_owners(control_plane.live) - {peer.local_name for peer in (*mesh.peers, *mesh.held)})


def reached(mesh: Mesh, cluster_domain: str, services: Mapping[str, Mapping]) -> list[dict]:
    """Return where each peer reaches this mesh by the ``services`` of its namespace, as far as it is known now."""
    rows = []
    for peer in mesh.peers:
        try:
            ingress, pending = ingress_of(peer, mesh, cluster_domain, services.get(peer.gateways.ingress))
        except FederationError as error:
            # The gateways stand; that such an address is of no use to the peer is for its card to refuse.
            ingress, pending = None, str(error)
        rows.append(
            {
                "peer": peer.local_name,
                "ingress": peer.gateways.ingress,
                "egress": peer.gateways.egress,
                "addresses": list(ingress.addresses) if ingress else None,
                "discovery_port": ingress.discovery_port if ingress else None,
                "service_port": ingress.service_port if ingress else None,
                "pending": pending,
            }
        )
    return rows
