# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run that keeps peerings looks at before it decides, and what it is to do: nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._cluster.client import Cluster
from ._core.catalogue.findings import Finding, texts
from ._core.control_plane.live import ControlPlane
from ._core.mesh.described import Mesh, Peer
from ._core.peering import status
from ._core.peering.adopting import as_it_stands, check_gateways
from ._core.peering.carrying import Received
from ._core.peering.changing import Restart
from ._core.peering.deciding import Decision, Intent, as_result, decide, quiet_in, with_cards, withdrawn
from ._core.peering.identity import Accepted
from ._core.peering.keeping import check_descriptions, check_identities
from ._core.peering.leaving import leftovers, told_of_leftovers
from ._core.peering.live import Peerings
from ._core.peering.status import peer_rows
from ._core.plain.diff import Change
from ._core.plain.errors import FederationError
from ._leaving import refuse_what_breaks, without_lost
from ._reads.estate import Reader, look_at_run
from ._reads.istiod import what_follows
from ._reads.peerings import host_and_port, read_cards, read_control_plane, read_peerings, read_services
from ._reads.remembering import Remembered, noted
from ._run import Run
from ._standing import shown


@dataclass(frozen=True)
class Seen:
    """What a run knows before it decides anything.

    ``mesh`` is as it stands (``as_it_stands``), ``received`` are the cards that came, by our names of the peers.
    ``quiet`` are known peers that are suspended, ``told`` is what people hear of their peers' roots, and ``reads``
    gives again what has been read, without asking twice.
    """

    mesh: Mesh
    control_plane: ControlPlane
    peerings: Peerings
    received: Mapping[str, Received]
    quiet: tuple[Peer, ...]
    told: Sequence[Finding]
    reads: Remembered

    def intent(self, run: Run, now: datetime) -> Intent:
        """Return what the run means for all peers."""
        return Intent(
            self.mesh,
            self.control_plane,
            self.quiet,
            services=lambda: read_services(self.reads, self.mesh, self.mesh.peers, run.warn),
            server_time=self.reads.now,
            now=now,
            force=run.params["force"],
            managed_gateways=run.params["managed_gateways"],
            is_planned=run.check_mode,
            cards_dir=run.params["cards_dir"] or "",
        )


@dataclass(frozen=True)
class Planned:
    """What a run is to do: changes, what becomes of each peer, peers that stand and are not described, and what else
    there is to be told.
    """

    seen: Seen
    decisions: Sequence[Decision]
    changes: list[Change]
    unwanted: Sequence[str]
    followed: Mapping[str, Any]
    looked: Mapping[str, Any]

    @property
    def result(self) -> dict:
        """What becomes of each peer, as part of the module's result."""
        return as_result(self.decisions, self.seen.mesh.held)

    @property
    def suspending(self) -> list[str]:
        """Peers whose address goes once nothing is taken from them."""
        return [one.peer.local_name for one in self.decisions if one.is_awaited]

    @property
    def is_settled(self) -> bool:
        """Whether this run has nothing to do; it may still wait for cards."""
        return not any(
            (
                self.changes,
                self.unwanted,
                self.suspending,
                self.result["left_alone"],
                self.followed["restart"]["needed"],
            )
        )

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is to do, by this run or by anybody after it."""
        return self.is_settled and not self.result["pending"]


def as_noted(run: Run, cluster: Cluster, mesh: Mesh, now: datetime) -> Planned | None:
    """Return that nothing is to do, with what an earlier module of this run has read; None where that does
    not say so.
    """
    notes = noted(run.params)
    if notes is None:
        return None
    looking, warnings = run.aside(check_mode=run.check_mode)
    try:
        found = planned(looking, Remembered(cluster, notes), mesh, now)
    except FederationError:
        return None
    if not found.is_settled:
        return None
    for warning in warnings:
        run.warn(warning)
    return found


def planned(run: Run, reads: Remembered, mesh: Mesh, now: datetime) -> Planned:
    """Return what is to do for all peers whose card is there; nothing is written."""
    control_plane = read_control_plane(reads, mesh.namespace, mesh.control_plane)
    control_plane.check(mesh.trust_domain)
    mesh.check_suffixes(control_plane.cluster_domain)
    seen = looked_at(run, reads, mesh, control_plane, now)
    mesh, peerings = seen.mesh, seen.peerings
    intent = seen.intent(run, now)
    decisions = decided(run, intent, peerings, seen.received)
    for lost in withdrawn(intent, peerings, decisions, run.params["withdraw"]):
        run.warn(f"mesh_exports: {lost}")
    unwanted = leftovers(peerings, control_plane, mesh)
    routes = routes_that_go(run, seen, decisions, unwanted)
    changes = [change for one in decisions for change in (*one.beside, *one.changes)]
    in_run = {name for name, one in seen.received.items() if one.in_run}
    followed = what_follows(seen.reads, mesh, control_plane, peerings, changes, in_run)
    looked = preflight(run, seen, decisions)
    # A share of calls must not go where nothing is any more.
    return Planned(seen, decisions, [*routes, *changes], unwanted, followed, looked)


def looked_at(run: Run, reads: Remembered, mesh: Mesh, control_plane: ControlPlane, now: datetime) -> Seen:
    """Return what stands and which cards came; refuses descriptions, cards and identities that do not fit it."""
    params, accepted = run.params, Accepted.read(run.params["accept_changes"])
    peerings = read_peerings(reads, control_plane)
    if params["known_in_run"]:
        described = {name for peer in (*mesh.peers, *mesh.held) for name in (peer.name, peer.local_name)}
        accepted.refuse_strangers(
            {mesh.name, *described, *params["known_in_run"], *(one.name for one in peerings.standing())}
        )
    check_descriptions(mesh, peerings, accepted)
    mesh = as_it_stands(mesh, peerings.peers, control_plane, bundles=peerings.bundles)
    check_gateways(mesh, peerings.peers, control_plane, managed=False)
    spoken_for, known = with_cards(mesh, peerings), peerings.identities(mesh)
    received = read_cards(params, spoken_for, control_plane.trust_domain, now, run.warn, known).received
    told = check_identities(
        mesh, received, peerings, control_plane, server=host_and_port(reads.server), accepted=accepted, now=reads.now
    )
    for text in texts(told):
        run.warn(text)
    return Seen(mesh, control_plane, peerings, received, quiet_in(mesh, peerings), told, reads)


def routes_that_go(run: Run, seen: Seen, decisions: Sequence[Decision], unwanted: Sequence[str]) -> list[Change]:
    """Return the changes that withdraw our own routes to what this run takes away: pruned peers, and hosts that are
    imported no more.
    """
    routes = check_unwanted(run, seen, unwanted)
    routes += without_lost(
        run, seen.reads, seen.control_plane, seen.mesh, {one.peer.local_name: one.lost for one in decisions}
    )
    return list({change.place: change for change in routes}.values())


def preflight(run: Run, seen: Seen, decisions: Sequence[Decision]) -> dict:
    """Return what would be skipped in silence, as part of the module's result, and warn of it."""
    looked, warnings = look_at_run(
        Reader(seen.reads),
        seen.mesh,
        seen.control_plane,
        seen.peerings,
        seen.received,
        {one.peer.local_name: one.state for one in decisions},
        seen.told,
        is_planned=run.check_mode,
        is_routed=run.params.get("traffic") is not None,
    )
    for warning in warnings:
        run.warn(warning)
    return looked


def decided(run: Run, intent: Intent, peerings: Peerings, received: Mapping[str, Received]) -> list[Decision]:
    """Return what becomes of each peer, and warn of what is to be said of it."""
    decisions = []
    for peer in intent.mesh.peers:
        decisions.append(decide(intent, peer, peerings.of(peer.local_name), received.get(peer.local_name)))
        if decisions[-1].warning:
            run.warn(decisions[-1].warning)
    return decisions


def check_unwanted(run: Run, seen: Seen, unwanted: Sequence[str]) -> list[Change]:
    """Refuse to prune peers while that would break something, or say that they stand without being described.

    Returns the changes that withdraw our own routes to peers that are pruned.
    """
    if run.params["prune"]:
        return refuse_what_breaks(run, seen.reads, seen.control_plane, seen.peerings, unwanted)[1]
    if unwanted:
        run.warn(told_of_leftovers(unwanted))
    return []


def how_it_stands(seen: Seen, expected: list[dict], now: datetime, *, is_planned: bool = False) -> dict:
    """Return what federation_info would, after a run that had nothing to do; empty when something is still to be waited
    for.
    """
    mesh, control_plane, peerings, reads = seen.mesh, seen.control_plane, seen.peerings, seen.reads
    rows = peer_rows({peer.local_name: peer.name for peer in mesh.peers}, {}, peerings, control_plane, reads.now)
    if status.unmet(rows, {entry["peer"]: entry["imports"] for entry in expected}):
        return {}
    return {
        "server": reads.server,
        **shown(reads, mesh.name, control_plane, (peerings, rows), Restart(), now, is_planned=is_planned),
        "waiting_for": [],
    }
