# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run would refuse, tell or wait for before it writes, by what was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ..catalogue.code import ERROR
from ..catalogue.findings import Finding, Unknown, finding_of, found_by, told
from ..control_plane.live import ControlPlane
from ..mesh.described import Mesh, Peer
from ..peering.carrying import Delivery, Received, what_is_missing
from ..peering.identity import Accepted
from ..peering.keeping import check_identity, check_peer
from ..peering.live import Peerings
from ..peering.plan import plan_peering
from ..plain.errors import FederationError


def refusals(cards: Delivery) -> list[Finding]:
    """Return what is wrong with cards as findings."""
    return [finding_of(error) for error in (*cards.refused.values(), *cards.strays)]


def identities(
    mesh: Mesh,
    control_plane: ControlPlane,
    received: Mapping[str, Received],
    peerings: Peerings,
    accepted: Accepted,
    now: datetime | None,
) -> list[Finding]:
    """Return what a run would refuse of each peer, or tell of it: its name, its trust domain, its changed identity, its
    card's age.

    ``now`` is the API server's clock, None where not everything of the peers could be read: then nothing can be
    compared.
    """
    found: list[Finding] = []
    for peer in mesh.peers:
        own, peering = received.get(peer.local_name), peerings.of(peer.local_name)
        try:
            check_peer(peer, control_plane, own)
        except FederationError as error:
            found.append(finding_of(error))
        if own and now and (peer.adopt or not peering.strangers):
            try:
                found += check_identity(mesh, peer, own, peerings, control_plane, accepted=accepted, now=now)
            except FederationError as error:
                found.append(finding_of(error))
    return [*found, *([] if any(finding.severity == ERROR for finding in found) else found_by(accepted.check))]


def waiting(mesh: Mesh, cards: Delivery) -> list[dict]:
    """Return the peers that wait for a card or an address; a peer whose card was refused has a finding instead."""
    reasons = {peer.local_name: what_is_missing(mesh, peer, cards.received.get(peer.local_name)) for peer in mesh.peers}
    return [
        {"peer": name, "reason": reason} for name, reason in reasons.items() if reason and name not in cards.refused
    ]


def result(
    mesh: str,
    control_plane: ControlPlane | None,
    findings: Sequence[Finding],
    unknown: Sequence[Unknown],
    pending: Sequence[dict],
) -> dict:
    """Return the module's result."""
    head = (
        f"{mesh} · {control_plane.namespace}/{control_plane.name} {control_plane.version_text}"
        if control_plane
        else mesh
    )
    found = told(head, findings, unknown)
    return {
        **found,
        "pending": list(pending),
        "lines": [*found["lines"], *(f"{'PENDING':<16} {row['peer']}: {row['reason']}" for row in pending)],
        "control_plane": control_plane.as_data() if control_plane else {},
    }


def planned_of(mesh: Mesh, peers: Iterable[Peer], received: Mapping[str, Received]) -> list[dict]:
    """Return what a run writes for peers; nothing for one whose card has no address."""
    cards = [(peer, received[peer.local_name].card) for peer in peers]
    return [manifest for peer, card in cards if card.ingress for manifest in plan_peering(mesh, peer, card)]


def is_told_before(finding: Finding, mesh: Mesh) -> bool:
    """Return whether another module says the same in a run, before this: of gateways, and of the mesh's own rules with
    its cards.
    """
    if finding.code in ("FED762", "FED772"):
        return finding.place.startswith("mesh_exports")
    gateways = {peer.gateways.egress for peer in mesh.peers} if finding.code == "FED710" else set()
    if finding.code == "FED706":
        gateways = {name for peer in mesh.peers if peer.adopt for name in (peer.gateways.ingress, peer.gateways.egress)}
    return any(finding.place.endswith(f".{name}") for name in gateways)
