# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cards of a mesh as they are made, and what is said beside them: for whom each is, who the mesh is to its peers,
and what firewalls must let through.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from ..card import firewall
from ..card.card import Card, Ingress, as_readers_take_it, file_name
from ..card.trust import Root
from ..control_plane.live import ControlPlane
from ..mesh.described import Mesh, Peer, client_id
from ..plain.data import by_name, some
from ..plain.errors import FederationError
from ..plain.fingerprints import spoken
from .adopting import HAND_MADE, is_left_alone
from .identity import accept_line, identity_digest
from .plan import clashes, ingress_of, offers, refuse_beyond_reach

NEAR_EXPIRY_DAYS = 30


def made_by_hand(mesh: Mesh, peers: Mapping[str, Mapping]) -> set[str]:
    """Return the peers that were made by hand and are left alone."""
    return {peer.local_name for peer in mesh.peers if is_left_alone(peer, peers.get(peer.local_name))}


def make_cards(
    mesh: Mesh,
    control_plane: ControlPlane,
    roots: Sequence[Root],
    now: datetime,
    *,
    services: Sequence[Mapping],
    own_services: Iterable[Mapping],
    standing: Callable[[Peer], Card | None],
    warn: Callable[[str], None],
    spared: Collection[str] = (),
) -> tuple[list[Card], list[dict]]:
    """Return a card per peer, and which of them lack an address and why.

    ``services`` are those that can be exported, ``own_services`` those of the control plane's namespace, among which
    the gateways are; ``standing`` gives the card that a peer's file holds now, and ``warn`` takes what is to be said. A
    peer in ``spared`` was made by hand and is left alone: nobody is about to make its gateway, so it is not waited
    for.
    """
    gateways = by_name(own_services)
    cards: list[Card] = []
    pending: list[dict] = []
    refuse_beyond_reach(mesh, mesh.peers, services)
    for warning in {text for peer in mesh.peers for text in clashes(mesh, peer, services)}:
        warn(warning)
    for peer in mesh.peers:
        ingress, reason = ingress_of(peer, mesh, control_plane.cluster_domain, gateways.get(peer.gateways.ingress))
        if ingress is None and peer.local_name in spared:
            warn(f"{peer.local_name}: {reason}; its ServiceMeshPeer {HAND_MADE}. There is no card for it")
        elif ingress is None:
            pending.append({"peer": peer.local_name, "reason": reason})
        card = Card(
            mesh=mesh.name,
            audience=peer.name,
            issued=now.replace(microsecond=0),
            trust_domain=control_plane.trust_domain,
            roots=tuple(roots),
            ingress=ingress,
            client_id=client_id(control_plane.trust_domain, mesh.namespace, peer.gateways),
            exports=offers(mesh, peer, services),
        )
        card, left_out = as_readers_take_it(card, now)
        for word in left_out:
            warn(word)
        cards.append(card.renewed(standing(peer)))
    return cards, pending


def named_files(mesh: Mesh, cards: Sequence[Card], layout: str) -> dict[str, Card]:
    """Return the cards that can be handed over by the names of their files; where peers share a name, by
    ours of each.
    """
    return {
        file_name(mesh.name, mesh.known_as(peer), layout): card for peer, card in zip(mesh.peers, cards) if card.ingress
    }


def expiring(mesh: str, roots: Iterable[Root], now: datetime) -> list[str]:
    """Return in words which roots of ours are valid for less than 30 days."""
    return [
        f"Root {root.spoken} of {mesh} expires in {root.days_left(now)} days"
        for root in roots
        if root.days_left(now) < NEAR_EXPIRY_DAYS
    ]


def in_both_layouts(directory: str, names: Sequence[str]) -> str:
    """Return in words that cards of ours lie in the other layout and say something else: their readers refuse both
    (FED361).
    """
    return (
        f"FED361 {directory} still has {some(names, 3)}, of the layout that is no longer written. Remove"
        " what is left of it: a peer that finds two different cards refuses both"
    )


def facts_in(text: str) -> str:
    """Return a card's text without the line that says when it was issued: that is renewed with every change, and no
    change itself.
    """
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith('  "issued": '))


def recipient(mesh: Mesh, peer: Peer, path: str, layout: str) -> str:
    """Return in words for whom a file is; a peer that shares its name keeps it under the name that it expects."""
    kept = (
        f" (it calls itself {peer.name}, and keeps the file as {file_name(mesh.name, peer.name, layout)})"
        if mesh.is_shared(peer.name)
        else ""
    )
    return f"give {path} to the administrator of {mesh.known_as(peer)}{kept}"


def identity_row(mesh: Mesh, peer: Peer, card: Card) -> dict:
    """Return who this mesh is to one peer, in one number, and how the peer's administrator accepts a change to that."""
    said, line = spoken(identity_digest(card)), accept_line(card, mesh.name)
    told = (
        f"to {mesh.known_as(peer)} this mesh is {said}; a change to that is accepted by"
        f" federation_accept_changes={line}"
    )
    return {"peer": peer.local_name, "identity": said, "accept": line, "line": told}


def ways(mesh: Mesh, cards: Sequence[Card], reached_at: Callable[[Peer], Ingress | None]) -> list[firewall.Path]:
    """Return the way between this mesh and each peer whose card is complete; ``reached_at`` says where a peer is
    reached.
    """
    return [
        firewall.Path(mesh.name, peer.name, peer.local_name, card.ingress, reached_at(peer), peer.same_cluster)
        for peer, card in zip(mesh.peers, cards)
        if card.ingress
    ]


def passage(
    paths: Sequence[firewall.Path], version: tuple[int, int] | None, names: Mapping[str, Sequence[str]]
) -> dict[str, list]:
    """Return what must be let through on these ways, as part of a module's result. ``names`` are the DNS names, as they
    resolve here.
    """
    return {
        "firewall": [line for path in paths for line in firewall.lines(path)],
        "firewall_rules": [rule.to_data() for path in paths for rule in firewall.rules(path)],
        "firewall_notes": [note for path in paths for note in firewall.notes(path, version, names)],
    }


def refuse_pending(mesh: Mesh, pending: Sequence[dict], seconds: int) -> None:
    """Stop where addresses did not come in time: FED601."""
    if not pending:
        return
    reasons = "; ".join(row["reason"] for row in pending)
    raise FederationError(
        "FED601",
        where=f"Mesh {mesh.name}, gateways for {', '.join(row['peer'] for row in pending)}",
        what=f"have no address after {seconds} s: {reasons}",
        fix=(
            "Look at the Service's events (does this cluster give out load balancers?), give addresses in mesh_peers, "
            "or use service_type: NodePort"
        ),
        facts={"pending": list(pending)},
    )
