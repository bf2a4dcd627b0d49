# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cards of a mesh: its gateways settled first, the cards made of what stands then, and their files and
letters kept.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from ._cluster.client import Cluster
from ._core.card.card import SIZE_LIMIT, Card, Ingress, file_name, other_layout, read_card
from ._core.card.firewall import Path, lines
from ._core.card.trust import Root, pem_texts
from ._core.control_plane.live import ControlPlane
from ._core.mesh.described import Mesh, Peer
from ._core.mesh.parse import described_mesh
from ._core.peering import by_hand
from ._core.peering.adopting import as_it_stands
from ._core.peering.by_hand import Told, letters
from ._core.peering.carrying import card_in, names_in_files
from ._core.peering.changing import hand_over
from ._core.peering.handing import beside
from ._core.peering.making import (
    expiring,
    facts_in,
    in_both_layouts,
    made_by_hand,
    make_cards,
    named_files,
    passage,
    recipient,
    ways,
)
from ._core.plain.errors import FederationError
from ._core.plain.kinds import SERVICE
from ._files import NOT_OURS, Place, read, refuse_no_folder, write
from ._gateways import NOTHING, Kept, keep_gateways
from ._handing import earlier, keep_handed_over
from ._reads.peerings import (
    card_file,
    card_place,
    read_control_plane,
    read_roots_of,
    read_services,
    standing_mesh,
)
from ._reads.remembering import Remembered, noted
from ._resolving import resolved
from ._run import Run
from ._writing import LARGEST, written_down


class Settled(NamedTuple):
    """How a mesh stands once its gateways are kept: the mesh and its live ServiceMeshPeers, and what was done and read
    for that.
    """

    mesh: Mesh
    control_plane: ControlPlane
    peers: Mapping[str, Mapping]
    kept: Kept
    reads: Remembered


def as_noted(run: Run, cluster: Cluster) -> Settled | None:
    """Return how the mesh stands, with the control plane as an earlier module of this run has read it; None where that
    leaves anything to do.
    """
    notes = noted(run.params)
    if notes is None:
        return None
    looking, warnings = run.aside(check_mode=True)
    try:
        found = settled(looking, cluster, Remembered(cluster, notes))
    except FederationError:
        return None
    if found.kept.changes:
        return None
    for warning in warnings:
        run.warn(warning)
    return found


def settled(run: Run, cluster: Cluster, reads: Remembered) -> Settled:
    """Keep the gateways where that is asked for, and return how the mesh stands then."""
    params, described = run.params, described_mesh(run.params)
    control_plane = read_control_plane(reads, described.namespace, described.control_plane)
    control_plane.check(described.trust_domain)
    described.check_suffixes(control_plane.cluster_domain)
    mesh, peers = standing_mesh(reads, described, control_plane)
    if not params["make_dir"]:
        refuse_no_folder(params["cards_dir"])
    look_at_files(mesh, params["cards_dir"], params["layout"])
    kept = NOTHING
    if params["keep_gateways"]:
        kept = keep_gateways(
            run, cluster, as_it_stands(described, peers, control_plane, managed=params["managed"]), control_plane, peers
        )
    if kept.changes and not run.check_mode:
        reads = Remembered(cluster)
        control_plane = read_control_plane(reads, mesh.namespace, mesh.control_plane)
        mesh = as_it_stands(described, peers, control_plane)
    return Settled(mesh, control_plane, peers, kept, reads)


def own_roots(run: Run, reads: Remembered, control_plane: ControlPlane, now: datetime) -> tuple[Root, ...]:
    """Return the roots that cards of this mesh name; those of the cluster that are not in force are left out, with a
    warning.
    """
    params, left_out = run.params, []
    instead, also = pem_texts(params["roots"], "mesh_roots"), pem_texts(params["extra_roots"], "mesh_extra_roots")
    roots = read_roots_of(reads, control_plane, now, instead=instead, also=also, left_out=left_out)
    for error in left_out:
        run.warn(f"{error.where}: {error.what}, so it is left out of the cards")
    return roots


def made(
    run: Run,
    reads: Remembered,
    stands: Settled,
    roots: Sequence[Root],
    now: datetime,
) -> tuple[list[Card], list[dict]]:
    """Return a card per peer, and which of them lack an address and why, as ``make_cards`` does."""
    mesh = stands.mesh
    own = reads.list(SERVICE, mesh.namespace)
    return make_cards(
        mesh,
        stands.control_plane,
        roots,
        now,
        services=read_services(reads, mesh, mesh.peers, run.warn, {mesh.namespace: own}),
        own_services=own,
        standing=lambda peer: standing_card(run, mesh, peer, now),
        warn=run.warn,
        spared=made_by_hand(mesh, stands.peers),
    )


def standing_card(run: Run, mesh: Mesh, peer: Peer, now: datetime) -> Card | None:
    """Return the card for a peer as its file has it now, also where that lies in the layout that is no
    longer written.
    """
    layout = run.params["layout"]
    names = [file_name(mesh.name, mesh.known_as(peer), one) for one in (layout, other_layout(layout))]
    return next((card for name in names if (card := earlier(run.params["cards_dir"], name, now))), None)


def warn_of_expiry(run: Run, mesh: Mesh, roots: Sequence[Root], now: datetime) -> None:
    """Warn of roots of ours that are valid for less than 30 days."""
    for warning in expiring(mesh.name, roots, now):
        run.warn(warning)


def warn_of_others(run: Run, mesh: Mesh, cards: Sequence[Card]) -> None:
    """Warn of our cards that lie in the other layout and say something else: their readers refuse both (FED361)."""
    directory, other = run.params["cards_dir"], other_layout(run.params["layout"])
    left = [
        name
        for name, card in (named_files(mesh, cards, other) if directory else {}).items()
        if card_file(directory, name) not in (None, card.to_text().encode())
    ]
    if left:
        run.warn(in_both_layouts(directory, left))


def look_at_files(mesh: Mesh, directory: str | None, layout: str) -> None:
    """Refuse what stands in the place of a card or of what lies beside it and could not be replaced, before anything is
    written: FED201.
    """
    for name in [file_name(mesh.name, mesh.known_as(peer), layout) for peer in mesh.peers] if directory else ():
        read(card_place(directory, name), SIZE_LIMIT)
        read(card_place(directory, beside(name)), SIZE_LIMIT)


def keep(run: Run, cards: Mapping[str, Card], directory: str | None, now: datetime) -> tuple[list[str], list[dict]]:
    """Write the cards' files that differ; return all files and a diff of those that change."""
    if not directory:
        return [], []
    changed, diffs, places = [], [], {card_place(directory, name): card for name, card in cards.items()}
    for place, card in places.items():
        text, before = card.to_text(), read(place, SIZE_LIMIT)
        if before == text.encode():
            continue
        # The folder may be shared: what stands there is shown only where it is a card of ours.
        former = earlier(directory, place.name, now)
        is_own = former is not None and (former.mesh, former.audience) == (card.mesh, card.audience)
        shown = former.to_text() if is_own else NOT_OURS if before is not None else ""
        diffs.append(
            {
                "before_header": place.path,
                "after_header": place.path,
                "before": facts_in(shown),
                "after": facts_in(text),
            }
        )
        changed.append(place)
    for place in () if run.check_mode else changed:
        write(place, places[place].to_text(), 0o644)
        run.journal.done.append(f"file {place.path}")
    return [place.path for place in places], diffs


class Letters(NamedTuple):
    """What is kept beside the cards: files, folders of halves, and in words what to hand over with which card."""

    files: list[str]
    diffs: list[dict]
    halves: list[str]
    lines: list[str]


def keep_letters(run: Run, mesh: Mesh, cards: Sequence[Card], paths: Sequence[Path]) -> Letters:
    """Write the letters that are asked for, and those that exist and say something else by now."""
    directory = run.params["cards_dir"]
    if not directory:
        return Letters([], [], [], [])
    passages = {path.local_name: tuple(lines(path)) for path in paths}
    told = [
        Told(mesh, peer, card, passages[peer.local_name], run.params["layout"])
        for peer, card in zip(mesh.peers, cards)
        if peer.local_name in passages
    ]
    told = [
        one for one in told if run.params["letters"] or read(Place(directory, f"{one.stem}.md"), LARGEST) is not None
    ]
    files, diffs = written_down(run, directory, letters(told), lambda former: by_hand.is_ours(former, mesh))
    halves = [os.path.join(directory, one.stem) for one in told if one.peer.half]
    return Letters(files, diffs, halves, [one.line for one in told])


def to_hand_over(run: Run, mesh: Mesh, cards: Sequence[Card], peers: Mapping[str, Mapping], now: datetime) -> list[str]:
    """Return what people must do because a card is not the one that its peer was given; looked at before the files are
    written.
    """
    directory, sentences = run.params["cards_dir"], []
    for peer, card in zip(mesh.peers, cards):
        before = standing_card(run, mesh, peer, now) if directory else None
        if before and before.client_id != card.client_id:
            sentences.append(hand_over(mesh.name, peer.name, card.client_id))
    return [*sentences, *keep_handed_over(run, mesh, named_files(mesh, cards, run.params["layout"]), peers, now)]


def recipients_of(mesh: Mesh, directory: str | None, layout: str, files: Sequence[str]) -> list[str]:
    """Return in words which file is for whom."""
    by_path = {
        card_place(directory or "", file_name(mesh.name, mesh.known_as(peer), layout)).path: peer for peer in mesh.peers
    }
    return [recipient(mesh, by_path[path], path, layout) for path in files]


def paths_of(mesh: Mesh, cards: Sequence[Card], directory: str | None, now: datetime) -> list[Path]:
    """Return the ways to the peers whose cards are complete; a peer's own card is looked for in the folder."""
    return ways(mesh, cards, lambda peer: reached_at(mesh, peer, directory, now))


def passed(paths: Sequence[Path], control_plane: ControlPlane) -> dict[str, list]:
    """Return what must be let through on these ways, with DNS names as this machine sees them."""
    return passage(paths, control_plane.version, resolved([name for path in paths for name in path.names()]))


def reached_at(mesh: Mesh, peer: Peer, directory: str | None, now: datetime) -> Ingress | None:
    """Return where a peer is reached by its own card, where that lies in the folder already; a bad card says nothing
    here.
    """
    for called in names_in_files(peer, mesh):
        try:
            found = card_in(lambda name: card_file(directory, name), called, mesh.name)
            card = read_card(found[1], f"Card {found[0]}", now) if found else None
        except FederationError:
            continue
        if card and (card.mesh, card.audience) == (peer.name, mesh.name):
            return card.ingress
    return None
