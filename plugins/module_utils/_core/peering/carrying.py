# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which received card speaks for which peer, however the cards were carried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..card.card import DEPTH_LIMIT, LAYOUTS, Card, card_from, data_of, file_name, read_card
from ..mesh.described import Mesh, Peer
from ..plain.data import at
from ..plain.errors import FederationError
from ..plain.fingerprints import fingerprints_in
from ..plain.kinds import ROOT_KEY
from ..plain.words import printable
from .plan import check_card, check_domains

_MOST_NOTES = 10


@dataclass(frozen=True)
class Identity:
    """Who a peer on the cluster is: its trust domain, the identity it presents, and its roots' SHA-256 fingerprints."""

    trust_domain: str
    client_id: str
    fingerprints: frozenset[str]

    @classmethod
    def of(cls, live_peer: Mapping, live_bundle: Mapping | None) -> Identity:
        """Return what a live ServiceMeshPeer and its bundle say."""
        security = at(live_peer, "spec", "security") or {}
        text = at(live_bundle, "data", ROOT_KEY)
        fingerprints = frozenset(fingerprints_in(text) if isinstance(text, str) else ())
        return cls(str(security.get("trustDomain") or ""), str(security.get("clientID") or ""), fingerprints)


@dataclass(frozen=True)
class Received:
    """A peer's card that fits, and where it came from (``east-for-west.json``); ``in_run`` when made in this run."""

    card: Card
    where: str
    in_run: bool


@dataclass(frozen=True)
class Delivery:
    """What came of all cards: those that speak for a peer and what is wrong with others, both by our name of the peer.

    ``strays`` are errors that concern no single peer, ``notes`` tell of cards of meshes that are not described.
    """

    received: dict[str, Received]
    refused: dict[str, FederationError]
    strays: list[FederationError]
    notes: list[str]

    def whole(self) -> Delivery:
        """Return the same where nothing is wrong with any card; raises the first error otherwise."""
        for error in (*self.refused.values(), *self.strays):
            raise error
        return self


def receive(
    mesh: Mesh,
    trust_domain: str,
    *,
    in_run: Sequence[object],
    carried: Sequence[object],
    file_of: Callable[[str], bytes | None],
    now: datetime,
    known: Mapping[str, Identity] | None = None,
) -> Delivery:
    """Return what came of all cards; a bad card keeps no other from being read.

    ``in_run`` are cards made in this run, ``carried`` those given as data (mappings or JSON texts, of one card or a
    list of them), ``file_of`` gives the bytes of a card file by its name or None. Cards of this run win over carried
    ones, data over files. ``known`` is who the peers on the cluster are already, by our name: where several cards could
    be meant, the pin (``root_fingerprints``) decides, then that, and never what a card says of itself. A peer without a
    card is missing from the result: it is pending, never absent.

    The errors that it has are of codes FED2xx for a card that is meant for us and is not in order, and FED321 when
    nothing says which of several peers or cards is meant.
    """
    made = [(card, f"Card of {printable(_said(card, 'mesh'), 63)} (this run)", True) for card in in_run]
    try:
        given = [
            (card, f"federation_cards, card {number}", False) for number, card in enumerate(cards_in(carried), start=1)
        ]
    except FederationError as error:
        return Delivery({}, {}, [error], [])
    found = Delivery({}, {}, [], [])
    for peer in mesh.peers:
        try:
            one, notes = _received_of(peer, mesh, (made, given), file_of, now, known or {})
            found.notes.extend(notes)
            if one:
                check_card(mesh, peer, one.card, trust_domain, where=one.where)
                check_domains({name: other.card for name, other in {**found.received, peer.local_name: one}.items()})
                found.received[peer.local_name] = one
        except FederationError as error:
            found.refused[peer.local_name] = error
    has_ours = bool(found.refused) or any(one.where.startswith("federation_cards") for one in found.received.values())
    try:
        _refuse_misdelivered(mesh, given, now, has_ours=has_ours)
    except FederationError as error:
        found.strays.append(error)
    return replace(found, notes=_in_short([*found.notes, *_uninvited(mesh, given)]))


def _received_of(
    peer: Peer,
    mesh: Mesh,
    cards: Sequence[Sequence[tuple[object, str, bool]]],
    file_of: Callable[[str], bytes | None],
    now: datetime,
    known: Mapping[str, Identity],
) -> tuple[Received | None, list[str]]:
    """Return the card that speaks for one peer, None where there is none, and notes on what might be it."""
    outcomes = [_chosen(some_cards, peer, mesh, now, known) for some_cards in cards]
    found = next((outcome for outcome in outcomes if isinstance(outcome, Received)), None) or _file(
        peer, mesh, file_of, now
    )
    if found:
        return found, []
    for undecided in outcomes:
        if isinstance(undecided, FederationError):
            raise undecided
    return None, _passed_over(peer, mesh, file_of)


def _uninvited(mesh: Mesh, given: Sequence[tuple[object, str, bool]]) -> list[str]:
    """Return a note on each mesh that gave us a card and that we do not peer with."""
    wanted = {peer.name for peer in (*mesh.peers, *mesh.held)}
    strangers = sorted(
        {_said(card, "mesh") for card, _where, _run in given if _said(card, "audience") == mesh.name} - wanted
    )
    return [
        f"a card of {name} was given, but {name} is not in mesh_peers"
        for name in (printable(name, 63) for name in strangers)
    ]


def _in_short(notes: Sequence[str]) -> list[str]:
    more = (
        [f"{len(notes) - _MOST_NOTES} more cards of meshes that are not in mesh_peers were given"]
        if len(notes) > _MOST_NOTES
        else []
    )
    return [*notes[:_MOST_NOTES], *more]


def what_is_missing(
    mesh: Mesh, peer: Peer, found: Received | None, *, is_planned: bool = False, folder: str = ""
) -> str:
    """Return what a peer waits for, "" for nothing; an address that only a real run knows ``is_planned`` in check mode.

    ``folder`` is where card files were looked for.
    """
    if found is None:
        place = f" in {folder}" if folder else ""
        return (
            f"waits for card {file_name(mesh.known_as(peer), mesh.name)}{place}; ask {peer.name} to run publish_cards"
        )
    if found.card.ingress is None and not (is_planned and found.in_run):
        return f"waits for the address of {peer.name}'s gateway; ask {peer.name} to run publish_cards again"
    return ""


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


def _chosen(
    cards: Sequence[tuple[object, str, bool]], peer: Peer, mesh: Mesh, now: datetime, known: Mapping[str, Identity]
) -> Received | FederationError | None:
    """Return the card that speaks for ``peer``; the error FED321 when several could; None when there is none."""
    read = list(_addressed(cards, peer, mesh, now))
    if not read:
        return None
    rivals = _rivals(peer, mesh)
    if not rivals and _are_one(read):
        return read[0]
    fitting = [one for one in read if _fits(one.card, peer, known)]
    claimed = [one for one in read if any(_fits(one.card, other, known) for other in rivals)]
    own = _own(read, fitting, claimed, known.get(peer.local_name))
    if own:
        return own
    if rivals and not fitting and len(claimed) == len(read):
        return None  # each of them is another's
    return _undecided(peer, mesh, read)


def _rivals(peer: Peer, mesh: Mesh) -> list[Peer]:
    """Return the other peers that call themselves as ``peer`` does, so that a card may be theirs."""
    return [other for other in (*mesh.peers, *mesh.held) if other.name == peer.name and other is not peer]


def _addressed(cards: Sequence[tuple[object, str, bool]], peer: Peer, mesh: Mesh, now: datetime) -> Iterator[Received]:
    """Give the cards that say they are from ``peer`` and for ``mesh``, read; one that says neither is read as well, and
    refused.
    """
    for card, where, in_run in cards:
        names = (card.get("mesh"), card.get("audience")) if isinstance(card, Mapping) else (None, None)
        if not all(isinstance(name, str) for name in names):
            card_from(card, where, now)
        if names == (peer.name, mesh.name):
            yield Received(card_from(card, where, now), where, in_run)


def _own(
    read: Sequence[Received], fitting: Sequence[Received], claimed: Sequence[Received], identity: Identity | None
) -> Received | None:
    """Return the card that fits a peer and no rival; else the one by the client identity that the peer is known by."""
    free = [one for one in fitting if one not in claimed]
    if not free or not _are_one(free):
        candidates = [one for one in free or read if one not in claimed]
        free = [one for one in candidates if identity and one.card.client_id == identity.client_id]
    return free[0] if free and _are_one(free) else None


def _are_one(cards: Sequence[Received]) -> bool:
    """Whether cards speak for one peering: who presents itself, where it is reached, and which roots vouch for it."""
    return (
        len(
            {
                (one.card.client_id, one.card.ingress, frozenset(root.fingerprint for root in one.card.roots))
                for one in cards
            }
        )
        == 1
    )


def _fits(card: Card, peer: Peer, known: Mapping[str, Identity]) -> bool:
    """Whether there is evidence that a card is this peer's: its pin, or else who the peer on the cluster is."""
    fingerprints = {root.fingerprint for root in card.roots}
    if peer.root_fingerprints:
        return fingerprints <= set(peer.root_fingerprints)
    identity = known.get(peer.local_name)
    return identity is not None and (
        identity.trust_domain == card.trust_domain or bool(fingerprints & identity.fingerprints)
    )


def _undecided(peer: Peer, mesh: Mesh, cards: Sequence[Received]) -> FederationError:
    places = ", ".join(one.where for one in cards[:3])
    if mesh.is_shared(peer.name):
        others = " or ".join(other.local_name for other in (*mesh.peers, *mesh.held) if other.name == peer.name)
        what = f"could be that of {others}, which all call themselves {peer.name}, and nothing identifies one of them"
        fix = (
            "Pin root_fingerprints of each in mesh_peers, or hand it over as the file"
            f" {file_name(peer.local_name, mesh.name)}"
        )
    else:
        what = (
            f"are {len(cards)} different cards of {peer.name} for {mesh.name}, and nothing shows which of them is right"
        )
        fix = (
            f"Give one of them, or as the file {file_name(peer.local_name, mesh.name)}; {peer.name} may have two peers"
            f" called {mesh.name}"
        )
    return FederationError("FED321", where=places, what=what, fix=fix, facts={"peer": peer.local_name})


def _file(peer: Peer, mesh: Mesh, file_of: Callable[[str], bytes | None], now: datetime) -> Received | None:
    for called in names_in_files(peer, mesh):
        found = card_in(file_of, called, mesh.name)
        if found:
            name, text = found
            return Received(read_card(text, f"Card {name}", now), f"Card {name}", in_run=False)
    return None


def names_in_files(peer: Peer, mesh: Mesh) -> list[str]:
    """Return by which names a file may hold ``peer``'s card, the first found counts: by our name, then by its own.

    Where several peers share a name a file of that name could be any one's, so it does not count.
    """
    names = [peer.local_name] if mesh.is_shared(peer.name) else [peer.local_name, peer.name]
    return list(dict.fromkeys(names))


def card_in(file_of: Callable[[str], bytes | None], mesh: str, audience: str) -> tuple[str, bytes] | None:
    """Return the name and the bytes of the file with ``mesh``'s card for ``audience`` in whichever layout it lies, None
    for no file.

    Raises ``FederationError`` FED361 where it lies in both and they differ: nothing says which of them is newer.
    """
    texts = ((name, file_of(name)) for name in (file_name(mesh, audience, layout) for layout in LAYOUTS))
    found = [(name, text) for name, text in texts if text is not None]
    if len({text for _name, text in found}) > 1:
        raise FederationError(
            "FED361",
            where=f"Card {' and card '.join(name for name, _text in found)}",
            what=f"are both {mesh}'s card for {audience} and differ, so it is unknown which one is right",
            fix=f"Remove the one that {mesh} no longer writes; federation_cards_layout says which one it writes",
        )
    return found[0] if found else None


def _passed_over(peer: Peer, mesh: Mesh, file_of: Callable[[str], bytes | None]) -> list[str]:
    """Return a note on a file that might be a peer's card, were its name not shared."""
    shared, own = file_name(peer.name, mesh.name), file_name(peer.local_name, mesh.name)
    if not mesh.is_shared(peer.name) or shared == own:
        return []
    found = card_in(file_of, peer.name, mesh.name)
    if found is None:
        return []
    shared = found[0]
    return [
        f"{shared} is ignored, since several peers call themselves {peer.name}; if it is {peer.local_name}'s, keep it "
        f"as {own}"
    ]


def _refuse_misdelivered(
    mesh: Mesh, given: Sequence[tuple[object, str, bool]], now: datetime, *, has_ours: bool
) -> None:
    """Refuse carried cards that were handed to the wrong mesh: none is ours, or one is our own."""
    for data, where, _in_run in given:
        if _said(data, "mesh") == mesh.name and (not has_ours or _said(data, "audience") == mesh.name):
            raise FederationError(
                "FED213",
                where=where,
                what=f"is {mesh.name}'s own card",
                fix="Give the card that the peer made for this mesh",
            )
        peer = mesh.peer(_said(data, "mesh"))
        if peer and not has_ours:
            check_card(mesh, peer, card_from(data, where, now), "", where=where)


def _said(data: object, key: str) -> str:
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if isinstance(value, str) else "?"
