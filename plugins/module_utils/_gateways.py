# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps the gateways of a federation inside the ServiceMeshControlPlane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ._cluster.client import Cluster
from ._core.control_plane.live import ControlPlane, has_route_config
from ._core.mesh.described import Mesh
from ._core.peering.adopting import check_gateways
from ._core.peering.gateways import (
    additions,
    budget_changes,
    claimed_gateways,
    foreign_objects,
    forgotten,
    given_up_before,
    kept_peers,
    left_standing,
    made_for_others,
    refuse_claimed,
    removals,
    shared_keys,
    taken_out,
    to_take_out,
    wanted_budgets,
)
from ._core.peering.identity import Accepted, refuse_two_descriptions
from ._core.plain.data import by_name
from ._core.plain.diff import Change, is_ours
from ._core.plain.errors import UNSEEN, FederationError
from ._core.plain.kinds import CONTROL_PLANE, DEPLOYMENT, DISRUPTION_BUDGET, SERVICE
from ._reads.readable import all_readable
from ._run import Run


@dataclass(frozen=True)
class Kept:
    """What became of a mesh's gateways: changes, peers of ours that are no longer described, and what stays although
    its peer goes.
    """

    changes: list[Change]
    leftovers: list[str]
    left: list[dict]


NOTHING = Kept([], [], [])


def keep_gateways(
    run: Run, cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping]
) -> Kept:
    """Give every peer its gateways, and prune those of former peers where the module is asked to; ``peers`` are the
    live ServiceMeshPeers.

    ``mesh`` is as it stands (``adopting.as_it_stands``). The module's options are ``managed``, ``force`` and, where it
    has it, ``prune``.
    """
    params = run.params
    check_descriptions(run, mesh, peers)
    for warning in check_gateways(mesh, peers, control_plane, managed=params["managed"]):
        run.warn(warning)
    if params["managed"]:
        refuse_foreign(cluster, mesh, control_plane, peers)
    changes = additions(
        mesh,
        control_plane,
        peers,
        knows_route_config(cluster, control_plane),
        managed=params["managed"],
        force=params["force"],
    )
    leftovers = made_for_others(control_plane, mesh)
    going = leftovers if params.get("prune") else []
    left: list[dict] = []
    if params["managed"]:
        changes += removals(mesh, control_plane, going, peers, is_planned=run.check_mode)
        changes += _budgets(cluster, mesh, peers, going, state="present", force=params["force"])
        shared = shared_keys(control_plane, going)
        left = left_standing(shared, force=params["force"])
        changes = _done(run, cluster, control_plane, changes, shared)
    return _told(run, Kept(changes, leftovers, left))


def knows_route_config(cluster: Cluster, control_plane: ControlPlane) -> bool:
    """Return whether the API server's kind has ``routeConfig``; its schema, a large answer, is asked for only where
    nothing else tells.
    """
    if not control_plane.keeps_route_config or control_plane.shows_route_config:
        return control_plane.keeps_route_config
    return has_route_config(cluster.schema(CONTROL_PLANE.api_version))


def remove_gateways(
    run: Run, cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping]
) -> Kept:
    """Take the gateways of all described peers away, as ``keep_gateways`` gives them."""
    params = run.params
    check_descriptions(run, mesh, peers)
    going = [peer.local_name for peer in mesh.peers]
    if not params["managed"]:
        changes = forgotten(mesh, control_plane, going, peers, is_planned=run.check_mode)
        run.apply(cluster, changes)
        return _told(run, Kept(changes, [], to_take_out(mesh, control_plane, params["gateway_places"])))
    changes = removals(mesh, control_plane, going, peers, is_planned=run.check_mode)
    changes += _budgets(cluster, mesh, peers, going, state="absent", force=params["force"])
    shared = shared_keys(control_plane, going)
    shared += given_up_before(mesh, control_plane, peers) if params["force"] else []
    return _told(
        run, Kept(_done(run, cluster, control_plane, changes, shared), [], left_standing(shared, force=params["force"]))
    )


def check_descriptions(run: Run, mesh: Mesh, peers: Mapping[str, Mapping]) -> None:
    """Refuse to write where another description of this control plane has written: FED112."""
    written = {name: live for name, live in peers.items() if is_ours(live)}
    refuse_two_descriptions(mesh, written, Accepted.read(run.params["accept_changes"]))


def refuse_foreign(cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, peers: Mapping[str, Mapping]) -> None:
    """Refuse gateways whose names lead to what is not the peer's: FED228.

    The operator would make the Service and Deployment of that name the gateway's. They are looked at only when a
    gateway is new.
    """
    found, new = claimed_gateways(mesh, control_plane, peers)
    for kind in (SERVICE, DEPLOYMENT) if new else ():
        found += foreign_objects(kind, mesh.namespace, all_readable(cluster, kind, mesh.namespace) or [], new)
    refuse_claimed(found)


def _told(run: Run, kept: Kept) -> Kept:
    """Warn of what stays, and return what became of the gateways."""
    for row in kept.left:
        run.warn(f"{row['peer']}: {row['reason']}")
    return kept


def _done(
    run: Run, cluster: Cluster, control_plane: ControlPlane, changes: list[Change], shared: Sequence[dict]
) -> list[Change]:
    """Make the changes, with ``force`` also take out what other managers hold too, and return all that was changed."""
    run.apply(cluster, changes)
    return [*changes, *(_taken_out(run, cluster, control_plane, shared) if run.params["force"] else [])]


def _budgets(
    cluster: Cluster, mesh: Mesh, peers: Mapping[str, Mapping], going: Sequence[str], *, state: str, force: bool
) -> list[Change]:
    """Return the changes that keep the gateways' PodDisruptionBudgets as described, and take away those that are no
    longer.

    Reading them needs a right of its own, which is asked for only where one is described. Raises ``FederationError``
    FED418 for a budget of somebody else: two budgets on one pod stop every eviction.
    """
    kept = kept_peers(mesh, peers) if state == "present" else []
    wanted = wanted_budgets(mesh, kept)
    try:
        standing = by_name(cluster.list(DISRUPTION_BUDGET, mesh.namespace))
    except FederationError as error:
        if wanted or error.code not in UNSEEN:
            raise
        return []
    return budget_changes(mesh, standing, wanted, {*going, *(peer.local_name for peer in kept)}, force=force)


def _taken_out(run: Run, cluster: Cluster, control_plane: ControlPlane, shared: Sequence[dict]) -> list[Change]:
    """Remove gateways in spite of the managers that hold them too, and return the changes."""
    changes = []
    for row in shared:
        change, patch = taken_out(control_plane, row)
        changes.append(change)
        if not run.check_mode:
            cluster.merge_patch(CONTROL_PLANE, control_plane.namespace, control_plane.name, patch)
            run.journal.done.append(f"update {control_plane.place}")
    return changes
