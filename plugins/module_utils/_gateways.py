# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps the gateways of a federation inside the ServiceMeshControlPlane."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule

from ._cluster.client import Cluster
from ._core.control_plane.live import ControlPlane, has_route_config
from ._core.mesh.topology import Mesh, Peer
from ._core.peering.adopting import (
    EGRESS,
    INGRESS,
    check_gateways,
    foreign_gateways,
    gateway_keys,
    gateway_names,
    is_left_alone,
)
from ._core.peering.identity import Accepted, refuse_two_descriptions
from ._core.peering.leftovers import gateway_owners, path_of
from ._core.peering.plan import plan_budgets, plan_gateways, plan_no_gateways
from ._core.plain.diff import (
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
from ._core.plain.errors import FederationError
from ._core.plain.kinds import (
    CONTROL_PLANE,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    EGRESS_FOR,
    GATEWAY_LABEL,
    INGRESS_FOR,
    MANAGER,
    PEER_LABEL,
    SERVICE,
    Kind,
    gateways_manager,
    identity_manager,
)
from ._run import apply_changes


@dataclass(frozen=True)
class Kept:
    """What became of a mesh's gateways: changes, peers of ours that are no longer described, and what stays although its peer goes."""

    changes: list[Change]
    leftovers: list[str]
    left: list[dict]


NOTHING = Kept([], [], [])


def keep_gateways(module: AnsibleModule, cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping]) -> Kept:
    """Give every peer its gateways, and prune those of former peers where the module is asked to; ``peers`` are the live ServiceMeshPeers.

    ``mesh`` is as it stands (``adopting.as_it_stands``). The module's options are ``managed``, ``force`` and, where it has it, ``prune``.
    """
    params = module.params
    check_descriptions(module, mesh, peers)
    for warning in check_gateways(mesh, peers, control_plane, managed=params["managed"]):
        module.warn(warning)
    if params["managed"]:
        refuse_foreign(cluster, mesh, control_plane, peers)
    changes = _additions(cluster, mesh, control_plane, peers, managed=params["managed"], force=params["force"])
    leftovers = _made_for_others(control_plane, mesh)
    going = leftovers if params.get("prune") else []
    left: list[dict] = []
    if params["managed"]:
        changes += _removals(mesh, control_plane, going, peers, is_planned=module.check_mode)
        changes += _budgets(cluster, mesh, peers, going, state="present", force=params["force"])
        shared = _shared_keys(control_plane, going)
        left = _left(shared, force=params["force"])
        changes = _done(module, cluster, control_plane, changes, shared)
    return _told(module, Kept(changes, leftovers, left))


def remove_gateways(module: AnsibleModule, cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping]) -> Kept:
    """Take the gateways of all described peers away, as ``keep_gateways`` gives them."""
    params = module.params
    check_descriptions(module, mesh, peers)
    going = [peer.local_name for peer in mesh.peers]
    if not params["managed"]:
        changes = _forgotten(mesh, control_plane, going, peers, is_planned=module.check_mode)
        apply_changes(module, cluster, changes)
        return _told(module, Kept(changes, [], _to_take_out(mesh, control_plane, params["gateway_places"])))
    changes = _removals(mesh, control_plane, going, peers, is_planned=module.check_mode)
    changes += _budgets(cluster, mesh, peers, going, state="absent", force=params["force"])
    shared = _shared_keys(control_plane, going)
    shared += _given_up_before(mesh, control_plane, peers) if params["force"] else []
    return _told(module, Kept(_done(module, cluster, control_plane, changes, shared), [], _left(shared, force=params["force"])))


def check_descriptions(module: AnsibleModule, mesh: Mesh, peers: Mapping[str, Mapping]) -> None:
    """Refuse to write where another description of this control plane has written: FED112."""
    written = {name: live for name, live in peers.items() if is_ours(live)}
    refuse_two_descriptions(mesh, written, Accepted.read(module.params["accept_changes"]))


def refuse_foreign(cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping]) -> None:
    """Refuse gateways whose names lead to what is not the peer's: FED228.

    The operator would make the Service and Deployment of that name the gateway's. They are looked at only when a gateway
    is new.
    """
    found: list[tuple[Peer, str]] = []
    new: dict[str, Peer] = {}
    for peer in mesh.peers:
        live = peers.get(peer.local_name)
        if is_left_alone(peer, live):
            continue
        found += [(peer, place) for place in foreign_gateways(peer, live, control_plane)]
        places = ((INGRESS, peer.gateways.ingress), (EGRESS, peer.gateways.egress))
        new.update({name: peer for place, name in places if value_at(control_plane.live, (*place, name)) is MISSING})
    for kind in (SERVICE, DEPLOYMENT) if new else ():
        for live in _listed(cluster, kind, mesh.namespace):
            peer = new.get(live["metadata"]["name"])
            if peer is not None and not _is_gateway(live, peer):
                found.append((peer, f"{kind.name} {mesh.namespace}/{live['metadata']['name']}"))
    for peer, place in found:
        raise FederationError(
            "FED228",
            where=f"mesh_peers, {peer.local_name}",
            what=f"names a gateway that leads to what is not {peer.name}'s: {place}",
            mend=(
                "Name another, gateways: {ingress: ..., egress: ...}, or set adopt: true for the peer if that gateway"
                " is to be its own"
            ),
        )


def _listed(cluster: Cluster, kind: Kind, namespace: str) -> list[dict]:
    try:
        return cluster.list(kind, namespace)
    except FederationError as error:
        if error.code not in ("FED104", "FED108"):
            raise
        return []


def _is_gateway(live: Mapping, peer: Peer) -> bool:
    """Return whether the operator made a Service or Deployment for a gateway, and no label gives it to another peer."""
    labels = live["metadata"].get("labels") or {}
    says = {labels[label] for label in (INGRESS_FOR, EGRESS_FOR) if labels.get(label)}
    return (GATEWAY_LABEL in labels or "maistra.io/owner" in labels or bool(says)) and says <= {peer.local_name}


def _told(module: AnsibleModule, kept: Kept) -> Kept:
    """Warn of what stays, and return what became of the gateways."""
    for row in kept.left:
        module.warn(f"{row['peer']}: {row['reason']}")
    return kept


def _done(module: AnsibleModule, cluster: Cluster, control_plane: ControlPlane, changes: list[Change], shared: Sequence[dict]) -> list[Change]:
    """Make the changes, with ``force`` also take out what other managers hold too, and return all that was changed."""
    apply_changes(module, cluster, changes)
    return [*changes, *(_taken_out(module, cluster, control_plane, shared) if module.params["force"] else [])]


def _additions(
    cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping], *, managed: bool, force: bool
) -> list[Change]:
    """Return the changes that give every peer its gateways; when they are not ours to manage, refuse what is missing.

    A peer that somebody else made keeps the gateways that it has.
    """
    knows_route_config = has_route_config(cluster.schema(CONTROL_PLANE.api_version))
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
    """Refuse gateways that are not as they must be and not ours to write: FED406 with every field as ``render`` writes it."""
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
        f"{row['field']}: {json.dumps(row['wanted'])}" + ("" if row["stands"] is None else f" (is {json.dumps(row['stands'])})") for row in fields
    )
    raise FederationError(
        "FED406",
        where=f"{control_plane.place}, gateways for {', '.join(dict.fromkeys(peer for peer, _difference in lacking))}",
        what=f"are not as federation needs them, {len(fields)} fields: {told}",
        mend="Render them (playbook ossm.federation.render) into the place where the control plane is kept, "
        "or set mesh_gateways_managed: true",
        facts={"missing": fields},
    )


def _removals(
    mesh: Mesh, control_plane: ControlPlane, names: Sequence[str], peers: Mapping[str, Mapping], *, is_planned: bool
) -> list[Change]:
    """Return the changes that take our keys for the peers of ``names`` out of the control plane, once their peerings are gone.

    ``peers`` are the live ServiceMeshPeers. A plan (check mode) may come while they stand: an earlier task would have removed them.
    """
    changes = []
    for name in names:
        change = change_to(control_plane.live, plan_no_gateways(mesh), gateways_manager(name))
        if change and name in peers and not is_planned:
            raise FederationError(
                "FED502",
                where=f"ServiceMeshPeer {mesh.namespace}/{name}",
                what="still uses the gateways that should go",
                mend="Remove the peering first: playbook ossm.federation.unfederate keeps the order",
            )
        changes += [change] if change else []
    return changes + _forgotten(mesh, control_plane, names, peers, is_planned=is_planned)


def _forgotten(
    mesh: Mesh, control_plane: ControlPlane, names: Sequence[str], peers: Mapping[str, Mapping], *, is_planned: bool
) -> list[Change]:
    """Return the changes by which the control plane forgets peers that are gone, or that a plan would have removed."""
    gone = [name for name in names if is_planned or name not in peers]
    changes = [change_to(control_plane.live, plan_no_gateways(mesh), identity_manager(name)) for name in gone]
    return [change for change in changes if change]


def _budgets(
    cluster: Cluster, mesh: Mesh, peers: Mapping[str, Mapping], going: Sequence[str], *, state: str, force: bool
) -> list[Change]:
    """Return the changes that keep the gateways' PodDisruptionBudgets as described, and take away those that are no longer.

    Reading them needs a right of its own, which is asked for only where one is described. Raises ``FederationError``
    FED418 for a budget of somebody else: two budgets on one pod stop every eviction.
    """
    concerned = [peer for peer in mesh.peers if state == "present" and not is_left_alone(peer, peers.get(peer.local_name))]
    wanted = {manifest["metadata"]["name"]: manifest for peer in concerned for manifest in plan_budgets(mesh, peer)}
    try:
        standing = {live["metadata"]["name"]: live for live in cluster.list(DISRUPTION_BUDGET, mesh.namespace)}
    except FederationError as error:
        if wanted or error.code not in ("FED104", "FED108"):
            raise
        return []
    changes = []
    for name, manifest in wanted.items():
        live = standing.get(name)
        if live is not None and not is_ours(live):
            raise FederationError(
                "FED418",
                where=f"PodDisruptionBudget {mesh.namespace}/{name}",
                what="is somebody else's; two budgets on one pod stop every eviction",
                mend="Leave disruption_budget out, or take the other away (spec.runtime.defaults.deployment.podDisruption makes them for all components)",
            )
        change = change_to(live, manifest, MANAGER, force=force)
        changes += [change] if change else []
    ended = {*going, *(peer.local_name for peer in concerned)}
    for name, live in standing.items():
        if is_ours(live) and name not in wanted and (live["metadata"].get("labels") or {}).get(PEER_LABEL) in ended:
            changes.append(removal_of(live, MANAGER))
    return changes


def _shared_keys(control_plane: ControlPlane, names: Sequence[str]) -> list[dict]:
    """Return what another manager holds too of the gateways that we give up: they stay when we let go of our part."""
    rows = []
    for name in names:
        held = holders(control_plane.live, gateways_manager(name))
        keys = sorted({".".join(path[:4]) for holder in held for path in holder.paths if len(path) >= 4})
        if keys:
            rows.append({"peer": name, "keys": keys, "managers": sorted({holder.manager for holder in held})})
    return rows


def _given_up_before(mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping]) -> list[dict]:
    """Return gateways of peers that are gone, of which an earlier run gave up our part: force removes them all the same.

    They are those that the peer's entry names, or that say themselves for whom they are, and that no peer uses.
    """
    used = {name for live in peers.values() for name in gateway_names(live)}
    ours = {path[:4] for peer in mesh.peers for path in owned_leaves(control_plane.live, gateways_manager(peer.local_name))}
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


def _taken_out(module: AnsibleModule, cluster: Cluster, control_plane: ControlPlane, shared: Sequence[dict]) -> list[Change]:
    """Remove gateways in spite of the managers that hold them too, and return the changes."""
    changes = []
    for row in shared:
        live = control_plane.live
        paths = [tuple(key.split(".", 3)) for key in row["keys"]]
        gone = tuple(
            Difference((*path, *below), value, MISSING) for path in paths for below, value in leaves(value_at(live, path))
        )
        manager = ", ".join(row["managers"])
        changes.append(Change("update", CONTROL_PLANE, control_plane.namespace, control_plane.name, manager, None, gone, control_plane.uid))
        if not module.check_mode:
            patch: dict = {"metadata": {"uid": control_plane.uid}, "spec": {"gateways": {}}}
            for _spec, _gateways, kind, name in paths:
                patch["spec"]["gateways"].setdefault(kind, {})[name] = None
            cluster.merge_patch(CONTROL_PLANE, control_plane.namespace, control_plane.name, patch)
            module.journal.done.append(f"update {control_plane.place}")
    return changes


def _to_take_out(mesh: Mesh, control_plane: ControlPlane, places: Mapping[str, Sequence[str]]) -> list[dict]:
    """Return the gateways of the described peers in a control plane that is kept elsewhere, and what to do about them."""
    had = {name: [key for key in keys if value_at(control_plane.live, path_of(key)) is not MISSING] for name, keys in places.items()}
    rows = [
        (peer.local_name, list(dict.fromkeys([*had.get(peer.local_name, ()), *gateway_keys(mesh, peer, control_plane)]))) for peer in mesh.peers
    ]
    what = "take out where the control plane is kept"
    return [{"peer": name, "keys": keys, "managers": [], "reason": f"{what}: {', '.join(keys)}"} for name, keys in rows if keys]


def _left(shared: Sequence[dict], *, force: bool) -> list[dict]:
    """Return the gateways that stay although their peers go, why, and what to do about it."""
    if force:
        return []
    return [
        {
            **row,
            "reason": f"FED503 {', '.join(row['keys'])} stay, since {', '.join(row['managers'])} holds them too: take them out there, "
            f"or run once with federation_force: true and {_entry(row['keys'])} in the peer's entry",
        }
        for row in shared
    ]


def _entry(keys: Sequence[str]) -> str:
    """Return gateways by their places in a control plane as an entry of ``mesh_peers`` names them."""
    kinds = {"additionalIngress": "ingress", "additionalEgress": "egress"}
    named = sorted((kinds[kind], name) for _spec, _gateways, kind, name in (key.split(".", 3) for key in keys))
    return "gateways: {" + ", ".join(f"{kind}: {name}" for kind, name in reversed(named)) + "}"


def _made_for_others(control_plane: ControlPlane, mesh: Mesh) -> list[str]:
    """Return the peers of which we own anything in the control plane although they are no longer described."""
    return sorted(gateway_owners(control_plane.live) - {peer.local_name for peer in (*mesh.peers, *mesh.held)})
