# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which received card speaks for which peer, however the cards were carried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .card import DEPTH_LIMIT, Card, card_from, data_of, file_name, read_card
from .errors import FederationError
from .plan import check_card, check_domains
from .topology import Mesh, Peer
from .trust import printable

_MOST_NOTES = 10


@dataclass(frozen=True)
class Received:
    """A peer's card that fits, and where it came from (``east-for-west.json``); ``in_run`` when made in this run."""

    card: Card
    where: str
    in_run: bool


def receive(
    mesh: Mesh,
    trust_domain: str,
    *,
    in_run: Sequence[object],
    carried: Sequence[object],
    file_of: Callable[[str], bytes | None],
    now: datetime,
) -> tuple[dict[str, Received], list[str]]:
    """Return each peer's card by our name of the peer, and notes on cards that nobody asked for.

    ``in_run`` are cards made in this run, ``carried`` those given as data (mappings or JSON texts, of one card or a
    list of them), ``file_of`` gives the bytes of a card file by its name or None. Cards of this run win over carried ones, data over files. A
    peer without a card is missing from the result: it is pending, never absent.

    Raises ``FederationError`` with a code FED2xx for a card that is meant for us and is not in order.
    """
    made = [(card, f"Card of {printable(_said(card, 'mesh'), 63)} (this run)", True) for card in in_run]
    given = [(card, f"federation_cards, card {number}", False) for number, card in enumerate(cards_in(carried), start=1)]
    received: dict[str, Received] = {}
    for peer in mesh.peers:
        found = _addressed(made, peer, mesh, now) or _addressed(given, peer, mesh, now)
        if not found:
            name = file_name(peer.name, mesh.name)
            text = file_of(name)
            if text is not None:
                found = Received(read_card(text, f"Card {name}", now), f"Card {name}", in_run=False)
        if found:
            check_card(mesh, peer, found.card, trust_domain, where=found.where)
            received[peer.local_name] = found
    _refuse_misdelivered(mesh, given, now, has_ours=any(r.where.startswith("federation_cards") for r in received.values()))
    check_domains({name: found.card for name, found in received.items()})
    wanted = {peer.name for peer in mesh.peers}
    strangers = sorted({_said(card, "mesh") for card, _where, _run in given if _said(card, "audience") == mesh.name} - wanted)
    notes = [f"a card of {name} was given, but {name} is not in mesh_peers" for name in (printable(name, 63) for name in strangers)]
    more = [f"{len(notes) - _MOST_NOTES} more cards of meshes that are not in mesh_peers were given"] if len(notes) > _MOST_NOTES else []
    return received, notes[:_MOST_NOTES] + more


def cards_in(carried: Sequence[object]) -> list[object]:
    """Return carried cards as unchecked data: a text is one card, or a list of cards as the command line gives it.

    Raises ``FederationError``: FED201 for a text that is not JSON, FED202 for one over 1 MiB or too deep.
    """
    cards: list[object] = []
    for entry in carried:
        if isinstance(entry, (str, bytes)):
            data = data_of(entry, f"federation_cards, card {len(cards) + 1}", DEPTH_LIMIT + 1)
            cards += data if isinstance(data, list) else [data]
        else:
            cards.append(entry)
    return cards


def _addressed(cards: Sequence[tuple[object, str, bool]], peer: Peer, mesh: Mesh, now: datetime) -> Received | None:
    for card, where, in_run in cards:
        if not isinstance(card, Mapping) or not isinstance(card.get("mesh"), str) or not isinstance(card.get("audience"), str):
            card_from(card, where, now)
        if card["mesh"] == peer.name and card["audience"] == mesh.name:
            return Received(card_from(card, where, now), where, in_run)
    return None


def _refuse_misdelivered(mesh: Mesh, given: Sequence[tuple[object, str, bool]], now: datetime, *, has_ours: bool) -> None:
    """Refuse carried cards that were handed to the wrong mesh: none is ours, or one is our own."""
    for data, where, _in_run in given:
        if _said(data, "mesh") == mesh.name and (not has_ours or _said(data, "audience") == mesh.name):
            raise FederationError(
                "FED213",
                where=where,
                what=f"is {mesh.name}'s own card",
                mend="Give the card that the peer made for this mesh",
            )
        peer = mesh.peer(_said(data, "mesh"))
        if peer and not has_ours:
            check_card(mesh, peer, card_from(data, where, now), "", where=where)


def _said(data: object, key: str) -> str:
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if isinstance(value, str) else "?"
