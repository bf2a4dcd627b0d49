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
    holds the trust domain, root certificates, the address of the gateway that serves this peer, the client identity and
    the names of the services offered to it.
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
        C(<peer>/<mesh>.json), where each mesh finds the cards for it in a folder of its own. Both are read.
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
        this mesh know is refused with FED302.
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
      and the roots on its card, and the entry of O(accept_changes) by which the peer's administrator accepts a change
      to that.
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
      differs. It goes for addresses and ports once the peer has connected again, else once O(handed_over) names the
      card. A new client identity has a sentence of its own.
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
    - The same as rows, for other programs. C(firewall) is the mesh whose firewall it is, C(to) is empty while the
      called mesh's address is not known here.
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
      or the other side does not know, and DNS names that do not resolve on the machine that runs Ansible (looked up for
      three seconds at most).
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

from collections.abc import Sequence
from datetime import datetime

from ..module_utils._cards import (
    Settled,
    as_noted,
    keep,
    keep_letters,
    made,
    own_roots,
    passed,
    paths_of,
    recipients_of,
    settled,
    to_hand_over,
    warn_of_expiry,
    warn_of_others,
)
from ..module_utils._cluster.client import Cluster
from ..module_utils._core.card.card import FLAT, LAYOUTS, Card
from ..module_utils._core.card.trust import Root
from ..module_utils._core.peering.making import identity_row, named_files, refuse_pending
from ..module_utils._core.plain.diff import as_diff
from ..module_utils._described import DESCRIBED
from ..module_utils._options import CLUSTER, FORCE, WAITING
from ..module_utils._reads.remembering import Remembered, note
from ..module_utils._run import Module, Run, run_module, wait_until

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
    stands = as_noted(run, cluster) or settled(run, cluster, Remembered(cluster))
    mesh, control_plane, peers, kept, reads = stands
    roots = own_roots(run, reads, control_plane, now)
    cards, pending = awaited(run, cluster, stands, roots, now)
    sentences = to_hand_over(run, mesh, cards, peers, now)
    files, diffs = keep(run, named_files(mesh, cards, params["layout"]), params["cards_dir"], now)
    warn_of_others(run, mesh, cards)
    paths = paths_of(mesh, cards, params["cards_dir"], now)
    let_through = passed(paths, control_plane)
    beside = keep_letters(run, mesh, cards, paths)
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
        **let_through,
        "control_plane": control_plane.as_data(roots, now),
    }


def is_waiting(run: Run) -> bool:
    """Return whether addresses are waited for; in check mode nothing waits."""
    return run.params["wait"] and not run.check_mode


def awaited(
    run: Run, cluster: Cluster, stands: Settled, roots: Sequence[Root], now: datetime
) -> tuple[list[Card], list[dict]]:
    """Return the cards and who lacks an address; where they are waited for, made again until each has one or the time
    is over.
    """
    cards, pending = made(run, stands.reads, stands, roots, now)

    def look() -> list[str]:
        nonlocal cards, pending
        if pending:
            cards, pending = made(run, Remembered(cluster), stands, roots, now)
        return [row["reason"] for row in pending]

    if not pending:
        note(run.params, stands.reads)
    elif is_waiting(run):
        wait_until(look, run.params["wait_timeout"])
    return cards, pending


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
