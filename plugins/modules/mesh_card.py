#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_card
short_description: Make a mesh's cards for its peers
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Makes one card per peer, the small document of public facts that is all a peer needs and all that ever crosses. It
    holds the trust domain, root certificates, the address of the gateway that serves this peer, the client identity
    and the names of the services offered to it.
  - No key, token, kubeconfig or API address fits on a card.
  - With O(keep_gateways) the gateways that the cards name are kept in the same call.
seealso:
  - module: ossm.federation.mesh_card_info
  - module: ossm.federation.federation_gateways
  - module: ossm.federation.federation
attributes:
  check_mode: {support: full, description: Makes the cards and writes no file.}
  diff_mode: {support: full, description: Shows each card's file before and after.}
  idempotent: {support: full, description: "Equal facts give equal bytes, so a file is written only when facts change."}
options:
  roots:
    description: This mesh's root certificates as PEM (a text or a list of texts), instead of those in its root
      ConfigMap.
    type: raw
  extra_roots:
    description: Root certificates to announce early, beside the present ones, before the mesh's CA changes.
    type: raw
  cards_dir:
    description:
      - The folder for the cards, as files named C(<mesh>-for-<peer>.json). Without it the cards are only returned.
    type: path
  layout:
    description:
      - The layout of the files in O(cards_dir). V(flat) is C(<mesh>-for-<peer>.json), V(audience) is
        C(<peer>/<mesh>.json), where each mesh finds the
        cards for it in a folder of its own. Both are read.
    type: str
    choices: [flat, audience]
    default: flat
    version_added: 0.2.0
  make_dir:
    description: Whether O(cards_dir) is made where it is missing. Otherwise a folder that is missing is refused.
    type: bool
    default: true
    version_added: 0.2.0
  letters:
    description:
      - Write a letter beside each card, C(<mesh>-for-<peer>.md), that explains to the peer's administrator what the
        card is and what to do with it. A peer whose entry has C(kubectl) also gets a folder C(<mesh>-for-<peer>) with
        its own half as files and a README.
      - None of them contains a fingerprint. Letters that exist are kept up to date without this option.
    type: bool
    default: false
    version_added: 0.2.0
  handed_over:
    description:
      - Which cards peers have by now, each as the peer's name and the digits that RV(hand_over) gives for it, such as
        V(west=3F9A-1B2C-7D4E-A0C1-D0F3-5B6A-9E8D-7C21). A name without digits is refused with FED351.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  in_run:
    description: The names of the meshes that get their cards from this run, so that nobody has to hand them over.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  known_in_run:
    description:
      - Names that other meshes of the run know. With any, an entry of O(handed_over) for a name that neither they nor
        this mesh know is
        refused with FED302.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  keep_gateways:
    description: Keep the gateways first, as M(ossm.federation.federation_gateways) does.
    type: bool
    default: false
  managed:
    description: With O(keep_gateways), whether they may be written, as for M(ossm.federation.federation_gateways).
    type: bool
    default: true
  wait:
    description: Wait until the address of every gateway is known.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for addresses at most.
    type: int
    default: 600
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
  - ossm.federation.force
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: Make the cards of this mesh
  ossm.federation.mesh_card:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    exports:
      - name: cart
        namespace: shop
    cards_dir: cards

- name: Keep the gateways, and make the cards once each has an address
  ossm.federation.mesh_card:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    keep_gateways: true
    wait: true

- name: Also write a letter beside the card, and the half of a peer whose administrator has no Ansible
  ossm.federation.mesh_card:
    kubeconfig: east.kubeconfig
    mesh: east
    peers:
      - name: west
        kubectl: {namespace: west-mesh-system, control_plane: basic, version: v2.5}
    cards_dir: cards
    letters: true

- name: Keep the cards of a fleet, a folder per audience
  ossm.federation.mesh_card:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    cards_dir: cards
    layout: audience

- name: Note that west has the card by now
  ossm.federation.mesh_card:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    cards_dir: cards
    handed_over: [west=3F9A-1B2C-7D4E-A0C1-D0F3-5B6A-9E8D-7C21]
"""

RETURN = r"""
cards:
  description: The cards, one per peer.
  returned: success
  type: list
  elements: dict
  sample:
    - version: 1
      mesh: east
      audience: west
      issued: "2026-01-31T12:00:00Z"
      trust_domain: east.local
      roots: [{fingerprint: B1C3E6FB44DD828237E3CB62D8278C6866DF7ADDFA17A3909F7C229AABC5243A, pem: "-----BEGIN
        CERTIFICATE-----"}]
      ingress: {addresses: [192.0.2.10], discovery_port: 8188, service_port: 15443}
      client_id: east.local/ns/east-mesh-system/sa/west-egress-service-account
      exports: [{name: cart.shop.svc.west-exports.local, ports: [{name: http, number: 80, protocol: HTTP}]}]
fingerprint:
  description: The first 128 bits of each root's SHA-256 fingerprint, for two people to compare by voice.
  returned: success
  type: str
  sample: B1C3-E6FB-44DD-8282-37E3-CB62-D827-8C68
fingerprints:
  description: The whole SHA-256 fingerprints of the roots, in the form of C(root_fingerprints) of the peer.
  returned: success
  type: list
  elements: str
  sample: [B1C3E6FB44DD828237E3CB62D8278C6866DF7ADDFA17A3909F7C229AABC5243A]
files:
  description: The cards' files.
  returned: success
  type: list
  elements: str
  sample: [cards/east-for-west.json]
files_changed:
  description: Those of them that were written, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [cards/east-for-west.json]
letters:
  description: The letters beside the cards, and the files for peers whose administrators have no Ansible.
  returned: success
  type: list
  elements: str
  sample: [cards/east-for-west.md]
  version_added: 0.2.0
halves:
  description: The folders with the files for peers whose administrators have no Ansible.
  returned: success
  type: list
  elements: str
  sample: []
  version_added: 0.2.0
changes:
  description: What was changed about the gateways, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: []
leftovers:
  description: Peers whose gateways this collection made and that are no longer in O(peers). Only with O(keep_gateways).
  returned: success
  type: list
  elements: str
  sample: []
pending:
  description: Peers whose card lacks an address yet, and why.
  returned: success
  type: list
  elements: dict
  sample: []
wait_limit:
  description: How long a wait of this kind may take, in seconds.
  returned: success
  type: int
  sample: 600
recipients:
  description: The recipient of each file, one line per file.
  returned: success
  type: list
  elements: str
  sample: [give cards/east-for-west.json to the administrator of west]
identities:
  description:
    - For each peer the identity of this mesh, as eight groups of four digits over the trust domain, the client identity
      and
      the roots on its card, and the entry of O(accept_changes) by which the peer's administrator accepts a change to
        that.
  returned: success
  type: list
  elements: dict
  sample:
    - peer: west
      identity: 3F9A-1B2C-7D4E-A0C1-D0F3-5B6A-9E8D-7C21
      accept: east=3F9A-1B2C-7D4E-A0C1-D0F3-5B6A-9E8D-7C21
      line: >-
        to west this mesh is 3F9A-1B2C-7D4E-A0C1-D0F3-5B6A-9E8D-7C21; a change to that is accepted by
        federation_accept_changes=east=3F9A-1B2C-7D4E-A0C1-D0F3-5B6A-9E8D-7C21
hand_over:
  description:
    - What administrators must do because a card is no longer the one that its peer has. A line per card says what
      differs. It goes for addresses and
      ports once the peer has connected again, else once O(handed_over) names the card. A new client identity has a
        sentence of its own.
  returned: success
  type: list
  elements: str
  sample: ["hand over cards/east-for-west.json: address 192.0.2.10 → 192.0.2.11 (until it connects again)"]
firewall:
  description:
    - What the firewalls of both sides must allow, in words, for each peer whose card is complete.
    - The peer's address is known from its card, where that lies in I(cards_dir) already.
  returned: success
  type: list
  elements: str
  sample: ["west reaches east at 192.0.2.10, TCP 8188 (discovery) and TCP 15443 (services)"]
firewall_rules:
  description:
    - The same as rows, for other programs. C(firewall) is the mesh whose firewall it is, C(to) is empty
      while the called mesh's address is not known here.
  returned: success
  type: list
  elements: dict
  sample:
    - peer: west
      firewall: east
      direction: in
      from: west's cluster
      to: [192.0.2.10]
      port: 8188
      protocol: TCP
      purpose: discovery
firewall_notes:
  description:
    - What may block connections although all firewalls are open. These are addresses of a family that the control plane
      or the
      other side does not know, and DNS names that do not resolve on the machine that runs Ansible (looked up for three
        seconds
      at most).
  returned: success
  type: list
  elements: str
  sample: []
control_plane:
  description: The mesh's control plane.
  returned: success
  type: dict
  sample: {name: basic, namespace: east-mesh-system, version: v2.3, trust_domain: east.local}
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.card import firewall
from ..module_utils._core.card.card import (
    FLAT,
    LAYOUTS,
    SIZE_LIMIT,
    Card,
    Ingress,
    as_readers_take_it,
    file_name,
    other_layout,
    read_card,
)
from ..module_utils._core.card.trust import Root, pem_texts
from ..module_utils._core.control_plane.live import ControlPlane
from ..module_utils._core.mesh.described import Mesh, Peer, client_id
from ..module_utils._core.mesh.parse import described_mesh
from ..module_utils._core.peering import by_hand
from ..module_utils._core.peering.adopting import HAND_MADE, as_it_stands, is_left_alone
from ..module_utils._core.peering.by_hand import Told, letters
from ..module_utils._core.peering.carrying import card_in, names_in_files
from ..module_utils._core.peering.changing import hand_over
from ..module_utils._core.peering.handing import beside
from ..module_utils._core.peering.identity import accept_line, identity_digest
from ..module_utils._core.peering.plan import clashes, ingress_of, offers, refuse_beyond_reach
from ..module_utils._core.plain.diff import as_diff
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.fingerprints import spoken
from ..module_utils._core.plain.kinds import SERVICE
from ..module_utils._described import DESCRIBED
from ..module_utils._files import NOT_OURS, Place, read, refuse_no_folder, write
from ..module_utils._gateways import NOTHING, Kept, keep_gateways
from ..module_utils._handing import earlier, keep_handed_over
from ..module_utils._options import CLUSTER, FORCE, WAITING
from ..module_utils._reads.peerings import (
    card_file,
    card_place,
    read_control_plane,
    read_roots_of,
    read_services,
    standing_mesh,
)
from ..module_utils._reads.remembering import Remembered, note, noted
from ..module_utils._resolving import resolved
from ..module_utils._run import Module, Run, run_module, wait_until
from ..module_utils._writing import LARGEST, written_down

OPTIONS = {
    "roots": {"type": "raw"},
    "extra_roots": {"type": "raw"},
    "cards_dir": {"type": "path"},
    "layout": {"type": "str", "choices": list(LAYOUTS), "default": FLAT},
    "make_dir": {"type": "bool", "default": True},
    "letters": {"type": "bool", "default": False},
    "handed_over": {"type": "list", "elements": "str", "default": []},
    "in_run": {"type": "list", "elements": "str", "default": []},
    "known_in_run": {"type": "list", "elements": "str", "default": []},
    "keep_gateways": {"type": "bool", "default": False},
    "managed": {"type": "bool", "default": True},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 600},
    **WAITING,
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Make the cards, keep their files, and return the module's result."""
    params = run.params
    mesh, control_plane, peers, kept, reads = as_noted(run, cluster) or settled(run, cluster, Remembered(cluster))
    roots = own_roots(run, reads, control_plane, now)
    spared = made_by_hand(mesh, peers)
    cards, pending = make_cards(run, reads, mesh, control_plane, roots, now, spared)
    if pending:
        cards, pending = awaited(
            run, lambda: make_cards(run, Remembered(cluster), mesh, control_plane, roots, now, spared), (cards, pending)
        )
    else:
        note(params, reads)
    sentences = to_hand_over(run, mesh, cards, peers, now)
    files, diffs = keep(run, named_files(mesh, cards, params["layout"]), params["cards_dir"], now)
    warn_of_others(run, mesh, cards)
    passed = passage(mesh, control_plane, cards, params["cards_dir"], now)
    beside = keep_letters(run, mesh, cards, passed.pop("firewall_by_peer"))
    if is_waiting(run) and not params["soft"]:
        refuse_pending(mesh, pending, params["waited"] + params["wait_timeout"])
    warn_of_expiry(run, mesh, roots, now)
    return {
        "changed": bool(kept.changes or diffs or beside.diffs),
        "diff": [*as_diff(kept.changes), *diffs, *beside.diffs],
        "changes": [change.summary() for change in kept.changes],
        "leftovers": kept.leftovers,
        "cards": [card.to_data() for card in cards],
        "fingerprint": ", ".join(root.spoken for root in roots),
        "fingerprints": [root.fingerprint for root in roots],
        "files": files,
        "files_changed": [item["after_header"] for item in diffs],
        "letters": beside.files,
        "halves": beside.halves,
        "recipients": [*recipients_of(mesh, params["cards_dir"], params["layout"], files), *beside.lines],
        "identities": [identity_row(mesh, peer, card) for peer, card in zip(mesh.peers, cards)],
        "hand_over": sentences,
        "pending": pending,
        "wait_limit": params["wait_timeout"],
        **passed,
        "control_plane": control_plane.as_data(roots, now),
    }


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


def is_waiting(run: Run) -> bool:
    """Return whether addresses are waited for; in check mode nothing waits."""
    return run.params["wait"] and not run.check_mode


def awaited(
    run: Run, make: Callable[[], tuple[list[Card], list[dict]]], made: tuple[list[Card], list[dict]]
) -> tuple[list[Card], list[dict]]:
    """Return the cards that were made, where they are waited for made again until each has an address or the time is
    over.
    """
    cards, pending = made

    def look() -> list[str]:
        nonlocal cards, pending
        if pending:
            cards, pending = make()
        return [row["reason"] for row in pending]

    if is_waiting(run):
        wait_until(look, run.params["wait_timeout"])
    return cards, pending


def warn_of_expiry(run: Run, mesh: Mesh, roots: Sequence[Root], now: datetime) -> None:
    """Warn of roots of ours that are valid for less than 30 days."""
    for root in roots:
        if root.days_left(now) < 30:
            run.warn(f"Root {root.spoken} of {mesh.name} expires in {root.days_left(now)} days")


def own_roots(run: Run, cluster: Cluster, control_plane: ControlPlane, now: datetime) -> tuple[Root, ...]:
    """Return the roots that cards of this mesh name; those of the cluster that are not in force are left out, with a
    warning.
    """
    params, left_out = run.params, []
    instead, also = pem_texts(params["roots"], "mesh_roots"), pem_texts(params["extra_roots"], "mesh_extra_roots")
    roots = read_roots_of(cluster, control_plane, now, instead=instead, also=also, left_out=left_out)
    for error in left_out:
        run.warn(f"{error.where}: {error.what}, so it is left out of the cards")
    return roots


def made_by_hand(mesh: Mesh, peers: Mapping[str, Mapping]) -> set[str]:
    """Return the peers that were made by hand and are left alone."""
    return {peer.local_name for peer in mesh.peers if is_left_alone(peer, peers.get(peer.local_name))}


def make_cards(
    run: Run,
    cluster: Cluster,
    mesh: Mesh,
    control_plane: ControlPlane,
    roots: Sequence[Root],
    now: datetime,
    spared: Collection[str] = (),
) -> tuple[list[Card], list[dict]]:
    """Return a card per peer, and which of them lack an address and why.

    A peer in ``spared`` was made by hand and is left alone: nobody is about to make its gateway, so it is not waited
    for.
    """
    own = cluster.list(SERVICE, mesh.namespace)
    gateways = {live["metadata"]["name"]: live for live in own}
    services = read_services(cluster, mesh, mesh.peers, run.warn, {mesh.namespace: own})
    cards, pending = [], []
    refuse_beyond_reach(mesh, mesh.peers, services)
    for warning in {text for peer in mesh.peers for text in clashes(mesh, peer, services)}:
        run.warn(warning)
    for peer in mesh.peers:
        ingress, reason = ingress_of(peer, mesh, control_plane.cluster_domain, gateways.get(peer.gateways.ingress))
        if ingress is None and peer.local_name in spared:
            run.warn(f"{peer.local_name}: {reason}; its ServiceMeshPeer {HAND_MADE}. There is no card for it")
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
            run.warn(word)
        cards.append(card.renewed(standing_card(run, mesh, peer, now)))
    return cards, pending


def standing_card(run: Run, mesh: Mesh, peer: Peer, now: datetime) -> Card | None:
    """Return the card for a peer as its file has it now, also where that lies in the layout that is no
    longer written.
    """
    layout = run.params["layout"]
    names = [file_name(mesh.name, mesh.known_as(peer), one) for one in (layout, other_layout(layout))]
    return next((card for name in names if (card := earlier(run.params["cards_dir"], name, now))), None)


def named_files(mesh: Mesh, cards: Sequence[Card], layout: str) -> dict[str, Card]:
    """Return the cards that can be handed over by the names of their files; where peers share a name, by
    ours of each.
    """
    return {
        file_name(mesh.name, mesh.known_as(peer), layout): card for peer, card in zip(mesh.peers, cards) if card.ingress
    }


def warn_of_others(run: Run, mesh: Mesh, cards: Sequence[Card]) -> None:
    """Warn of our cards that lie in the other layout and say something else: their readers refuse both (FED361)."""
    directory, other = run.params["cards_dir"], other_layout(run.params["layout"])
    left = [
        name
        for name, card in (named_files(mesh, cards, other) if directory else {}).items()
        if card_file(directory, name) not in (None, card.to_text().encode())
    ]
    if left:
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        run.warn(
            f"FED361 {directory} still has {', '.join(left[:3])}{more}, of the layout that is no longer written. Remove"
            " what is left of it: a peer that finds two different cards refuses both"
        )


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
            {"before_header": place.path, "after_header": place.path, "before": _facts(shown), "after": _facts(text)}
        )
        changed.append(place)
    for place in () if run.check_mode else changed:
        write(place, places[place].to_text(), 0o644)
        run.journal.done.append(f"file {place.path}")
    return [place.path for place in places], diffs


def _facts(text: str) -> str:
    """Return a card's text without the line that says when it was issued: that is renewed with every change, and no
    change itself.
    """
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith('  "issued": '))


class Letters(NamedTuple):
    """What is kept beside the cards: files, folders of halves, and in words what to hand over with which card."""

    files: list[str]
    diffs: list[dict]
    halves: list[str]
    lines: list[str]


def keep_letters(run: Run, mesh: Mesh, cards: Sequence[Card], passages: Mapping[str, tuple[str, ...]]) -> Letters:
    """Write the letters that are asked for, and those that exist and say something else by now."""
    directory = run.params["cards_dir"]
    if not directory:
        return Letters([], [], [], [])
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
    lines = []
    for one in told:
        folder = f" and the folder {one.stem}" if one.peer.half else ""
        lines.append(
            f"with {one.stem}.json goes {one.stem}.md{folder}: what the administrator of {mesh.known_as(one.peer)} does"
            " next"
        )
    return Letters(files, diffs, halves, lines)


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


def recipients_of(mesh: Mesh, directory: str, layout: str, files: Sequence[str]) -> list[str]:
    """Return in words which file is for whom; a peer that shares its name keeps the file under the name that it
    expects.
    """
    by_path = {
        card_place(directory or "", file_name(mesh.name, mesh.known_as(peer), layout)).path: peer for peer in mesh.peers
    }
    lines = []
    for path in files:
        peer = by_path[path]
        is_shared = mesh.is_shared(peer.name)
        kept = (
            f" (it calls itself {peer.name}, and keeps the file as {file_name(mesh.name, peer.name, layout)})"
            if is_shared
            else ""
        )
        lines.append(f"give {path} to the administrator of {mesh.known_as(peer)}{kept}")
    return lines


def identity_row(mesh: Mesh, peer: Peer, card: Card) -> dict:
    """Return who this mesh is to one peer, in one number, and how the peer's administrator accepts a change to that."""
    said, line = spoken(identity_digest(card)), accept_line(card, mesh.name)
    told = (
        f"to {mesh.known_as(peer)} this mesh is {said}; a change to that is accepted by"
        f" federation_accept_changes={line}"
    )
    return {"peer": peer.local_name, "identity": said, "accept": line, "line": told}


def passage(
    mesh: Mesh, control_plane: ControlPlane, cards: Sequence[Card], directory: str | None, now: datetime
) -> dict:
    """Return what must be let through between this mesh and each peer whose card is complete."""
    paths = [
        firewall.Path(
            mesh.name,
            peer.name,
            peer.local_name,
            card.ingress,
            reached_at(mesh, peer, directory, now),
            peer.same_cluster,
        )
        for peer, card in zip(mesh.peers, cards)
        if card.ingress
    ]
    names = resolved([name for path in paths for name in path.names()])
    return {
        "firewall": [line for path in paths for line in firewall.lines(path)],
        "firewall_by_peer": {path.local_name: tuple(firewall.lines(path)) for path in paths},
        "firewall_rules": [rule.to_data() for path in paths for rule in firewall.rules(path)],
        "firewall_notes": [note for path in paths for note in firewall.notes(path, control_plane.version, names)],
    }


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


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
