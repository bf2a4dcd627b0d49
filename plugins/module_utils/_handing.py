# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is kept beside a card's file of the card that its peer has: until the peer has the new one, every run says what
to hand over.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ._core.card.card import LAYOUTS, SIZE_LIMIT, Card, file_name, read_card
from ._core.mesh.described import Mesh
from ._core.mesh.parse import described_mesh
from ._core.peering.handing import OPTION, Handing, beside, handed_over
from ._core.peering.identity import facts_digest
from ._core.peering.live import Peerings
from ._core.plain.errors import FederationError
from ._files import Place, read, write
from ._reads.peerings import card_file
from ._run import Run


def earlier(directory: str | None, name: str, now: datetime) -> Card | None:
    """Return the card that a file holds now; an unreadable one is as good as none, since it is ours to write."""
    text = card_file(directory, name)
    if text is None:
        return None
    try:
        return read_card(text, name, now)
    except FederationError:
        return None


def keep_handed_over(
    run: Run, mesh: Mesh, cards: Mapping[str, Card], peers: Mapping[str, Mapping], now: datetime
) -> list[str]:
    """Return what is to be handed over, a line per peer, and remember beside each card's file which card its peer has.

    ``cards`` are by the names of their files, which are not written yet; ``peers`` are the live ServiceMeshPeers. A
    peer whose own run is part of this one takes its card from there.
    """
    params, directory = run.params, run.params["cards_dir"]
    said = handed_over(params["handed_over"])
    if params["known_in_run"]:
        described = {name for peer in (*mesh.peers, *mesh.held) for name in (peer.name, peer.local_name)}
        said.refuse_strangers({mesh.name, *described, *params["known_in_run"], *peers}, OPTION)
    lines = []
    for peer in mesh.peers if directory else ():
        name = file_name(mesh.name, mesh.known_as(peer), params["layout"])
        handing = _handing(directory, name, cards.get(name), now)
        if handing is None:
            continue
        is_over = peer.name in params["in_run"] or handing.is_over(
            mesh.names_of(peer), said, peers.get(peer.local_name)
        )
        _remember(run, directory, name, handing.card if is_over else handing.had)
        if not is_over:
            lines.append(handing.line(os.path.join(directory, name), mesh.known_as(peer)))
    return lines


def waiting_to_be_handed_over(
    directory: str | None, mesh: Mesh, peers: Mapping[str, Mapping], said: Sequence[str], now: datetime
) -> list[str]:
    """Return what an earlier run left to be handed over, a line per peer, from the files alone: no card is made and
    nothing remembered.
    """
    lines = []
    places = [(peer, file_name(mesh.name, mesh.known_as(peer), layout)) for peer in mesh.peers for layout in LAYOUTS]
    for peer, name in places if directory else ():
        had, card = earlier(directory, beside(name), now), earlier(directory, name, now)
        handing = Handing(had, card, card.issued) if had and card else None
        if handing and not handing.is_over(mesh.names_of(peer), handed_over(said), peers.get(peer.local_name)):
            lines.append(handing.line(os.path.join(directory, name), mesh.known_as(peer)))
    return lines


def left_to_hand_over(params: Mapping[str, Any], namespace: str, peerings: Peerings, now: datetime) -> list[str]:
    """Return which of our cards in ``cards_dir`` their peers do not have yet, in words; a folder that is not there has
    none.
    """
    if params["cards_dir"] is None or not os.path.isdir(params["cards_dir"]):
        return []
    mesh = described_mesh({**params, "namespace": namespace, "loopback": True}, allow_no_peers=True)
    live = {peer.local_name: peerings.of(peer.local_name).peer for peer in mesh.peers}
    return waiting_to_be_handed_over(params["cards_dir"], mesh, live, params["handed_over"], now)


def _handing(directory: str, name: str, card: Card | None, now: datetime) -> Handing | None:
    """Return what a peer was given last, beside what it is to have; None where it was given nothing else, as far as is
    known.
    """
    kept = earlier(directory, name, now) if card else None
    if card is None or kept is None:
        return None
    had = earlier(directory, beside(name), now)
    is_new = facts_digest(kept) != facts_digest(card)
    if had is None and not is_new:
        return None
    return Handing(had or kept, card, now if is_new else kept.issued)


def _remember(run: Run, directory: str, name: str, card: Card) -> None:
    """Keep the card that a peer has beside the one that it is to have. A note of ours, so no change of what was asked
    for.
    """
    place, text = Place(directory, beside(name)), card.to_text()
    if run.check_mode or read(place, SIZE_LIMIT) == text.encode():
        return
    write(place, text, 0o644)
    run.journal.done.append(f"file {place.path}")
