# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Leaving peers in order: see who uses them, empty imports, then exports, see each to have worked, then remove."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from ._cluster.client import Cluster
from ._core.control_plane.live import ControlPlane
from ._core.mesh.described import Mesh
from ._core.peering.identity import Accepted, refuse_two_descriptions
from ._core.peering.keeping import brought_back, emptied, refuse_live
from ._core.peering.leaving import (
    all_removed,
    breaking,
    gateway_places,
    left_alone,
    leftovers,
    letting_in,
    owners,
    refuse_foreign_exports,
    refuse_held,
    refuse_left_out,
    refuse_unknown,
    refuse_used,
    rows_of_leaving,
    silenced,
    still,
    suspended,
    taken_with,
    told,
    what_stays,
)
from ._core.peering.live import Peering, Peerings
from ._core.peering.status import settling_seconds
from ._core.peering.using import (
    Taken,
    Use,
    names_of_traffic,
    place_in,
    routed_by,
    routes_in,
    unwanted_routes,
    withdrawals_of,
)
from ._core.plain.diff import Change, as_diff
from ._core.plain.errors import FederationError
from ._reads.peerings import read_peerings
from ._reads.uses import uses_of
from ._run import Run, wait_until

NOTHING = {"used": [], "stays": [], "suspending": [], "known_peers": [], "gateway_places": {}}


def absent(run: Run, cluster: Cluster, mesh: Mesh, control_plane: ControlPlane) -> dict:
    """Take the peerings of ``peers`` away, as far as ``stage`` says."""
    names = [peer.local_name for peer in mesh.peers]
    stage = run.params["stage"]
    before = read_peerings(cluster, control_plane)
    refuse_two_descriptions(mesh, before.written(), Accepted.read(run.params["accept_changes"]))
    left_out = leftovers(before, control_plane, mesh)
    if run.params["must_be_all"]:
        refuse_left_out(control_plane, left_out)
    used, routes = (
        refuse_what_breaks(run, cluster, control_plane, before, names)
        if stage in ("check", "imports", "all")
        else ([], [])
    )
    if stage == "suspend":
        changes = suspend(run, cluster, mesh, before)
    else:
        # Ours go first: a share of calls must not go where nothing is any more.
        changes = routes if stage != "check" else []
        run.apply(cluster, changes)
        changes = [*changes, *leave(run, cluster, control_plane, names, stage)]
    gone = {change.name for change in changes if change.action == "delete"}
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        "changes": [change.summary() for change in changes],
        **rows_of_leaving(mesh, "suspended" if stage == "suspend" else "absent"),
        "left_alone": left_alone(read_peerings(cluster, control_plane), [name for name in names if name not in gone]),
        # Of a run for some peers the others are none.
        "leftovers": left_out if not (mesh.peers or mesh.held) else [],
        **NOTHING,
        "known_peers": sorted({*before.peers, *owners(before, control_plane)}),
        "gateway_places": gateway_places(mesh, before, control_plane),
        "used": [use.as_row() for use in used],
        "stays": what_stays(before, control_plane, names, gone),
        "files": [],
        "control_plane": control_plane.as_data(),
    }


def suspend(run: Run, cluster: Cluster, mesh: Mesh, before: Peerings) -> list[Change]:
    """Suspend the peerings of ``mesh`` and return the changes."""
    changes = [
        change
        for peer in mesh.peers
        for change in suspended(mesh, peer, before.of(peer.local_name), force=run.params["force"])
    ]
    run.apply(cluster, changes)
    return changes


def leave(run: Run, cluster: Cluster, control_plane: ControlPlane, names: Sequence[str], stage: str) -> list[Change]:
    """Empty imports, then exports, then remove; each stage is seen to have worked before the next.

    In check mode only the end is planned. Raises ``FederationError``: FED502 when a stage is not seen in time, FED507
    when somebody else exports through a peer of ours.
    """
    if not names or stage in ("look", "check"):
        return []

    def read() -> dict[str, Peering]:
        peerings = read_peerings(cluster, control_plane)
        return {name: peerings.of(name) for name in names}

    if stage == "all" and run.check_mode:
        return all_removed(read().values())
    changes: list[Change] = []
    for part in ("imports", "exports") if stage == "all" else (stage,):
        standing = read()
        own = silenced(standing.values(), cluster.now, control_plane) if part == "exports" else []
        own += [
            change
            for peering in standing.values()
            for change in emptied(getattr(peering, part), force=run.params["force"])
        ]
        run.apply(cluster, own)
        changes += own
        if stage == "all":
            refuse_live(
                wait_until(
                    lambda part=part: still(cluster.now, control_plane, read(), part), seconds_for(run, control_plane)
                )[0]
            )
    if stage == "all":
        last = read()
        refuse_foreign_exports(last, is_emptied=True)
        for warning in chain.from_iterable(map(brought_back, last.values())):
            run.warn(warning)
        own = all_removed(last.values())
        run.apply(cluster, own)
        changes += own
    return changes


def seconds_for(run: Run, control_plane: ControlPlane) -> int:
    """Return how long a stage of leaving may take to be seen on this version."""
    return run.params["wait_timeout"] or settling_seconds(control_plane.version)


def refuse_what_breaks(
    run: Run, cluster: Cluster, control_plane: ControlPlane, peerings: Peerings, names: Sequence[str]
) -> tuple[list[Use], list[Change]]:
    """Refuse to leave ``names`` while leaving would break something of ours; nothing has been written by then.

    Returns what breaks all the same (with ``leave_when: always`` it is told as warnings), and the changes that withdraw
    first the routes of ``mesh_traffic`` that it does not ask for any more. Raises ``FederationError``: FED505 an
    imported host is used, FED506 that cannot be known, FED507 somebody else exports through a peer of ours, FED107
    another manager holds the rules.
    """
    leaving = {name: peerings.of(name) for name in names}
    refuse_foreign_exports(leaving)
    refuse_held(leaving, force=run.params["force"])
    uses, unreadable, objects = uses_of(cluster, control_plane, taken_with(leaving, peerings, control_plane))
    going = unwanted_routes(objects, uses, routed_by(run.params.get("traffic")))
    places = set(map(place_in, going))
    uses = [use for use in uses if use.place not in places]
    if run.params["leave_when"] != "always":
        refuse_used(uses)
        refuse_unknown(list(names), unreadable)
    for line in [*breaking(uses, unreadable, names), *letting_in(objects, leaving, control_plane)]:
        run.warn(line)
    return uses, withdrawals_of(going)


def without_lost(
    run: Run, cluster: Cluster, control_plane: ControlPlane, mesh: Mesh, lost: Mapping[str, Iterable[str]]
) -> list[Change]:
    """Return the changes that withdraw our own routes to hosts which dropped import rules take away, to be made before
    these go.

    Other people's objects that name them are a warning. ``lost`` are the hosts by our name of the peer. Raises
    ``FederationError`` FED845 where ``mesh_traffic`` still sends calls there.
    """
    local = f".svc.{control_plane.cluster_domain}"
    taken = [
        Taken(peer, {host.lower(): host.endswith(local) for host in hosts}) for peer, hosts in lost.items() if hosts
    ]
    uses, _unreadable, objects = uses_of(cluster, control_plane, taken)
    for line in told([str(use) for use in uses if not use.is_routed], "FED508 no rule imports it any more: "):
        run.warn(line)
    routes = routes_in(objects, uses, taken)
    routed = routed_by(run.params.get("traffic")) or {}
    for peer in mesh.peers:
        for live in routes if lost.get(peer.local_name) else ():
            service = names_of_traffic(live)
            if {peer.name, peer.local_name} & routed.get(service, set()):
                raise FederationError(
                    "FED845",
                    where=f"mesh_traffic, {'/'.join(service)}",
                    what=(
                        f"sends calls to {peer.local_name}, but no rule of mesh_imports imports the service from "
                        "there any more"
                    ),
                    fix=f"Take {peer.local_name} out of that rule, or put the rule of mesh_imports back",
                )
    return withdrawals_of(routes)
