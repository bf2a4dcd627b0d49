# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run that keeps peerings does about each peer: one function per state."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..control_plane.live import ControlPlane
from ..mesh.described import Mesh, Peer
from ..plain.diff import Change
from ..plain.kinds import EXPORTS
from .adopting import HAND_MADE
from .carrying import Received, what_is_missing
from .foretelling import Names
from .keeping import changes_for, remembered_beside, still_live, stranger
from .leaving import lost_hosts, suspended
from .live import Peering, Peerings
from .plan import plan_exports, plan_imports, takes
from .withdrawing import Withdrawal, refuse_withdrawals, withdrawal

# Of one peering: the bundle, the ServiceMeshPeer and both sets.
OBJECTS = 4
PRESENT, SUSPENDED, PENDING, LEFT_ALONE, HELD = "present", "suspended", "pending", "left alone", "held"


@dataclass(frozen=True)
class Intent:
    """What a run means for all peers of a mesh.

    ``quiet`` are known peers that are suspended, ``server_time`` is the API server's clock and ``now`` this machine's.
    ``services`` reads what can be exported, and is asked only when export rules change.
    """

    mesh: Mesh
    control_plane: ControlPlane
    quiet: Sequence[Peer]
    services: Callable[[], list]
    server_time: datetime
    now: datetime
    force: bool = False
    managed_gateways: bool = False
    is_planned: bool = False
    cards_dir: str = ""


@dataclass(frozen=True)
class Decision:
    """What becomes of one peer: its ``state``, the ``changes`` of its peering, and what is to be said of it.

    ``beside`` are changes of the control plane that go before, ``reason`` says why a peer is pending or left alone,
    ``names`` are diff items, ``told`` the same in words, ``lost`` the hosts that are imported no more, and
    ``is_awaited`` that something must be seen to end first.
    """

    peer: Peer
    state: str
    reason: str = ""
    changes: Sequence[Change] = ()
    beside: Sequence[Change] = ()
    names: Sequence[dict] = ()
    told: Sequence[str] = ()
    expected: dict | None = None
    lost: Sequence[str] = ()
    warning: str = ""
    is_awaited: bool = False

    def as_row(self) -> dict:
        """Return it as a row of a module's result."""
        return {"peer": self.peer.local_name, "mesh": self.peer.name, "state": self.state}


def quiet_in(mesh: Mesh, peerings: Peerings) -> tuple[Peer, ...]:
    """Return the known peers that are suspended: they need no card, and a broken one must not stop the others."""
    return tuple(peer for peer in mesh.peers if peer.suspended and peer.local_name in peerings.peers)


def with_cards(mesh: Mesh, peerings: Peerings) -> Mesh:
    """Return the mesh with those peers alone that need a card."""
    quiet = quiet_in(mesh, peerings)
    return replace(mesh, peers=tuple(peer for peer in mesh.peers if peer not in quiet), held=(*mesh.held, *quiet))


def decide(intent: Intent, peer: Peer, peering: Peering, found: Received | None) -> Decision:
    """Return what becomes of one peer, of whom ``peering`` stands and ``found`` is the card."""
    if peering.strangers and not peer.adopt:
        return Decision(peer, LEFT_ALONE, f"{stranger(peering)} {HAND_MADE}")
    if peer in intent.quiet:
        return _quietened(intent, peer, peering)
    reason = what_is_missing(intent.mesh, peer, found, is_planned=intent.is_planned, folder=intent.cards_dir)
    if reason or found is None:
        waiting = 0 if found else _waiting(intent, peer, peering)
        many = f" ({waiting} change{' waits' if waiting == 1 else 's wait'} for it)" if waiting else ""
        return Decision(peer, PENDING, f"{reason}{many}")
    return _kept(intent, peer, peering, found)


def _waiting(intent: Intent, peer: Peer, peering: Peering) -> int:
    """Return how many changes wait for a peer's card: all objects of a new peer, or the sets of an existing peer whose
    rules differ.
    """
    if not peering.objects:
        return OBJECTS
    sets = ((plan_exports(intent.mesh, peer), peering.exports), (plan_imports(intent.mesh, peer), peering.imports))
    return sum((wanted.get("spec") or {}) != ((live or {}).get("spec") or {}) for wanted, live in sets)


def _quietened(intent: Intent, peer: Peer, peering: Peering) -> Decision:
    """Suspend a known peer; it keeps its addresses until it is seen to import nothing any more."""
    standing = replace(peering, exports=None)
    awaited = not intent.is_planned and still_live(
        peer.local_name, standing, intent.server_time, intent.control_plane.version
    )
    changes = suspended(intent.mesh, peer, peering, force=intent.force, is_closing=not awaited)
    lost = lost_hosts(peering, changes, intent.control_plane)
    return Decision(peer, SUSPENDED, changes=changes, lost=lost, is_awaited=bool(awaited))


def _kept(intent: Intent, peer: Peer, peering: Peering, found: Received) -> Decision:
    """Bring one peering to what is described; one that is new and suspended offers and takes nothing."""
    mesh, control_plane = intent.mesh, intent.control_plane
    changes = changes_for(mesh, peer, found.card, peering, force=intent.force, now=intent.server_time)
    hosts = [export.name for export in found.card.exports]
    rows = takes(mesh, peer, hosts, control_plane.cluster_domain)
    expected = {
        "peer": peer.local_name,
        "imports": [row["imported"] for row in rows if row["imported"]],
        "changed": bool(changes),
        "in_run": found.in_run,
    }
    is_old = found.card.is_old(intent.now)
    names = Names.of(peer.local_name, changes, peering, intent.services, hosts, control_plane.cluster_domain)
    return Decision(
        peer,
        SUSPENDED if peer.suspended else PRESENT,
        changes=changes,
        beside=remembered_beside(mesh, peer, found.card, control_plane, changes) if intent.managed_gateways else (),
        names=names.as_diff(peer.local_name),
        told=names.told(mesh.name, peer.local_name),
        expected=None if peer.suspended else expected,
        lost=lost_hosts(peering, changes, control_plane),
        warning=f"{found.where} is older than 180 days; ask {peer.name} to run publish_cards" if is_old else "",
    )


def withdrawn(
    intent: Intent, peerings: Peerings, decisions: Iterable[Decision], withdraw: Collection[str]
) -> list[Withdrawal]:
    """Return what peers would lose of what they are offered. Refuses rules that would take something from a peer that
    is not in ``withdraw``, and look like a mistake: FED332.
    """
    mesh = intent.mesh
    rules_change = [one for one in decisions if any(change.kind is EXPORTS for change in one.changes)]
    found = [
        withdrawal(one.peer, peerings.of(one.peer.local_name), one.changes, intent.services()) for one in rules_change
    ]
    refuse_withdrawals(found, withdraw, {peer.local_name: mesh.names_of(peer) for peer in mesh.peers})
    return [each for each in found if each.names]


def as_result(decisions: Iterable[Decision], held: Iterable[Peer]) -> dict[str, list]:
    """Return the rows of a module's result about peers; those that are ``held`` failed in this run."""
    own = list(decisions)
    others = [Decision(peer, HELD, f"{peer.name} failed in this run; its peering was left as it is") for peer in held]
    reasons = {
        state: [{"peer": one.peer.local_name, "reason": one.reason} for one in (*own, *others) if one.state in states]
        for state, states in (("pending", (PENDING, HELD)), ("left_alone", (LEFT_ALONE,)))
    }
    return {
        "peers": [one.as_row() for one in (*own, *others)],
        "expected": [one.expected for one in own if one.expected],
        **reasons,
    }
