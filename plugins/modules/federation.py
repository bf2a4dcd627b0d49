#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation
short_description: Keep a mesh's whole side of its federation
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps, for every peer with a card, the peer's root certificates, its ServiceMeshPeer, and the sets of exported
    and imported services. One call does the whole side of one mesh, with one LIST per kind and one request per change.
  - A peer without a card is pending, never absent; what was made by hand is left alone until adopted.
seealso:
  - module: ossm.federation.mesh_card
  - module: ossm.federation.federation_gateways
  - module: ossm.federation.federation_info
  - module: ossm.federation.preflight_info
attributes:
  check_mode: {support: full, description: Plans and shows everything; writes nothing.}
  diff_mode: {support: full, description: "Shows the fields that change, and the names of services that the rules will
    give."}
  idempotent: {support: full, description: A second run changes nothing.}
options:
  state:
    description:
      - V(present) keeps the peerings, V(absent) removes those of O(peers), in the order that keeps istiod alive.
      - V(rendered) writes the plan to O(render_dir) and needs no cluster.
    type: str
    choices: [present, absent, rendered]
    default: present
  stage:
    description:
      - With O(state=absent), how far to go. V(look) only reports what exists, V(check) only refuses what must not be
        left yet. V(imports) and V(exports) empty
        the imports or exports, for plays in which all meshes reach a stage before any continues. V(all) does
        everything, waiting
        where it must.
      - V(suspend) keeps the peers, empties both, and removes their addresses, so that istiod no longer calls them.
    type: str
    choices: [look, check, imports, exports, all, suspend]
    default: all
  must_be_all:
    description:
      - With O(state=absent), first refuse while objects of ours exist for a peer that is not in O(peers). For what
        takes the whole
        mesh away afterwards.
    type: bool
    default: false
  leave_when:
    description:
      - Whether peers may be left, or pruned, while VirtualServices, DestinationRules or AuthorizationPolicies of the
        mesh still name
        hosts that are imported from them. V(unused) refuses and lists these, V(always) lists them as warnings and
        continues.
    type: str
    choices: [unused, always]
    default: unused
  traffic:
    description:
      - The rules of M(ossm.federation.mesh_traffic). Routes that it made and that these do not ask for any more are
        removed before the peer or
        the import that they use goes. Those that these ask for refuse it. Without the option every such route refuses
          that a peer is left.
      - With O(state=rendered) they are also rendered, as far as they need no cluster.
    type: raw
  extensions:
    description:
      - With O(state=rendered), the extensions of M(ossm.federation.wasm_extension), which are also rendered. One whose
        configuration has a key that
        names a token, key, password or secret is left out, since files go to others.
    type: raw
    version_added: 0.3.0
  threescale:
    description:
      - With O(state=rendered), the adapters of M(ossm.federation.threescale_adapter). The objects that the adapters
        need are rendered; the adapters themselves, which contain tokens, are not.
    type: raw
    version_added: 0.3.0
  locality:
    description: With O(state=rendered), where this mesh is, as in M(ossm.federation.mesh_traffic).
    type: dict
  wait_timeout:
    description: With O(state=absent), seconds that V(all) waits for each stage to be seen. By version when absent.
    type: int
  cards:
    description: Cards of peers as data, each a mapping or a JSON text. Those for other meshes are passed over.
    type: list
    elements: raw
    default: []
  cards_from:
    description:
      - The name of a variable with such cards. It is passed unevaluated, so that nothing in a card is ever
        evaluated as a template; O(cards) wins over it.
      - It may also be one expression of at most 1024 characters that names variables and takes parts of them.
    type: str
  cards_in_run:
    description: Cards that were made in the same run; they win over carried ones.
    type: list
    elements: raw
    default: []
  cards_dir:
    description: A folder with cards as files named C(<peer>-for-<mesh>.json). It must be there.
    type: path
  prune:
    description: Remove peerings that this collection made and that are no longer in O(peers).
    type: bool
    default: false
  withdraw:
    description:
      - Peers that may lose all that they are offered, or something while a rule was added that matches nothing. For any
        other peer this is
        refused with FED332, since a misspelled rule looks the same.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  known_in_run:
    description:
      - Names that other meshes of the run know. With any, an entry of O(accept_changes) for a name that neither they
        nor this mesh know is
        refused with FED302.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  render_dir:
    description: With O(state=rendered), the folder to write to.
    type: path
  version:
    description: With O(state=rendered), the control plane's version.
    type: str
  managed_gateways:
    description: With O(state=rendered), whether to write the gateways' part of the control plane too.
    type: bool
    default: true
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
  - ossm.federation.force
"""

EXAMPLES = r"""
- name: Keep this side of the federation
  ossm.federation.federation:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    exports:
      - name: cart
        namespace: shop
    imports:
      - namespace: shop
    cards_dir: cards

- name: Federate with two peers, one of them pinned, one in the same cluster
  ossm.federation.federation:
    kubeconfig: east.kubeconfig
    mesh: east
    peers:
      - name: west
        root_fingerprints: [3F9A1B2C7D4EA0C1D0F35B6A9E8D7C213F9A1B2C7D4EA0C1D0F35B6A9E8D7C21]
      - name: lab
        same_cluster: true
    exports:
      - label_selectors: [app=checkout]
        namespace: shop
        to: [west]
    cards_dir: cards

- name: Write the manifests to a folder, without a cluster
  ossm.federation.federation:
    mesh: east
    state: rendered
    render_dir: manifests
    trust_domain: east.example
    version: v2.5
    peers: [west]
    cards_dir: cards

- name: Leave west, unless something still uses its exports
  ossm.federation.federation:
    kubeconfig: east.kubeconfig
    mesh: east
    state: absent
    peers: [west]
"""

RETURN = r"""
peers:
  description: What became of each peer.
  returned: success
  type: list
  elements: dict
  sample: [{peer: west, mesh: west, state: present}]
expected:
  description: What to wait for, as in M(ossm.federation.federation_info).
  returned: success
  type: list
  elements: dict
  sample: [{peer: west, imports: [cart.shop.svc.west-imports.local], changed: true}]
pending:
  description: Peers that wait for something, and for what.
  returned: success
  type: list
  elements: dict
  sample: [{peer: north, reason: waits for card north-for-east.json; ask north to run publish_cards}]
left_alone:
  description: Peers that somebody else made.
  returned: success
  type: list
  elements: dict
  sample: []
suspending:
  description:
    - Peers that were emptied and still have an address, since their services are still imported. Wait until they are
      not, then
      call the module for them with O(state=absent) and O(stage=suspend).
  returned: success
  type: list
  elements: str
  sample: []
used:
  description: With O(state=absent), what names hosts that are imported from the peers left.
  returned: success
  type: list
  elements: dict
  sample: []
stays:
  description: With O(state=absent), what leaving does not end, in words.
  returned: success
  type: list
  elements: str
  sample: []
known_peers:
  description: With O(state=absent), our names of all peers of which any object existed before, whoever made it.
  returned: success
  type: list
  elements: str
  sample: []
gateway_places:
  description: With O(state=absent), where the gateways of each of O(peers) were in the control plane before, whoever
    made them.
  returned: success
  type: dict
  sample: {west: [spec.gateways.additionalIngress.west-ingress, spec.gateways.additionalEgress.west-egress]}
leftovers:
  description:
    - Peers that are no longer wanted, but of which objects of this collection exist. With O(state=absent) and without
      O(peers), all peers of which anything exists.
  returned: success
  type: list
  elements: str
  sample: []
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, kind: ServiceMeshPeer, namespace: east-mesh-system, name: west, fields:
    [spec.remote.addresses]}]
plan:
  description:
    - The same as text. It has how many objects change, which names peers gain and lose, and which this mesh imports and
      no longer imports. In
      check mode it says what is to change; empty where nothing is.
  returned: when O(state) is V(present)
  type: list
  elements: str
  sample: ["east · 1 object to change", "  west gains book.shop (ledger.shop)"]
findings:
  description: What would be skipped silently, as returned by M(ossm.federation.preflight_info). Each is also a warning;
    more than five of one code are one warning.
  returned: when O(state) is not V(absent)
  type: list
  elements: dict
  sample: []
findings_left_out:
  description: By code, how many more findings there are than the first 100 in RV(findings); empty when all are there.
  returned: when O(state) is not V(absent)
  type: dict
  sample: {FED761: 19900}
unknown:
  description: What this account may not read, and the codes that would be found there.
  returned: when O(state) is not V(absent)
  type: list
  elements: dict
  sample: []
changed_peers:
  description: What changes about peers that were known before, such as their address, roots or identity, and our
    gateways for them.
  returned: when O(state) is V(present)
  type: list
  elements: dict
  sample: [{peer: west, changes: ["root B1C3-E6FB-44DD-8282-37E3-CB62-D827-8C68 is added"]}]
standing:
  description:
    - The status of the peerings, as returned by M(ossm.federation.federation_info), where this run changed nothing,
      left nobody out, and
      all that is expected is there. Empty otherwise, since then it would be older than what was done.
  returned: when O(state) is V(present)
  type: dict
  sample:
    server: https://api.east.example.com:6443
    control_plane: {name: basic, namespace: east-mesh-system, version: v2.3, trust_domain: east.local}
    peers: [{peer: west, outbound: connected, inbound: connected}]
    lines: [west: connected]
    restart: {needed: false, since: null, reasons: [], sentence: ""}
    waiting_for: []
restart:
  description:
    - Whether istiod of this mesh must be restarted, since it keeps what it made for a peer before the peer's identity
      or our gateways
      for it changed. Also after changes of earlier runs, until istiod has been restarted.
  returned: when O(state) is V(present)
  type: dict
  sample: {needed: false, since: null, reasons: [], sentence: ""}
hand_over:
  description: Sentences for the administrators of peers, about what they must do.
  returned: when O(state) is V(present)
  type: list
  elements: str
  sample: []
files:
  description: With O(state=rendered), the files of the plan.
  returned: success
  type: list
  elements: str
  sample: []
control_plane:
  description: The mesh's control plane.
  returned: when O(state) is not V(rendered)
  type: dict
  sample: {name: basic, namespace: east-mesh-system, version: v2.3, trust_domain: east.local}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import Finding, texts
from ..module_utils._core.control_plane.live import ControlPlane, parse_version
from ..module_utils._core.mesh.described import Mesh, Peer
from ..module_utils._core.mesh.parse import checked_locality, described_mesh
from ..module_utils._core.peering import render, status
from ..module_utils._core.peering.adopting import as_it_stands, check_gateways
from ..module_utils._core.peering.carrying import Identity, Received, receive, what_is_missing
from ..module_utils._core.peering.changing import Restart
from ..module_utils._core.peering.deciding import Decision, Intent, as_result, decide
from ..module_utils._core.peering.foretelling import plan_block
from ..module_utils._core.peering.identity import Accepted
from ..module_utils._core.peering.keeping import check_descriptions, check_identity, check_peer
from ..module_utils._core.peering.leaving import leftovers
from ..module_utils._core.peering.live import Peerings
from ..module_utils._core.peering.plan import plan_gateways, plan_peering, refuse_our_server
from ..module_utils._core.peering.status import peer_rows
from ..module_utils._core.peering.withdrawing import refuse_withdrawals, withdrawal
from ..module_utils._core.plain.data import some
from ..module_utils._core.plain.diff import Change, as_diff
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.kinds import EXPORTS
from ..module_utils._core.traffic.rendering import rendered as rendered_traffic
from ..module_utils._described import DESCRIBED
from ..module_utils._files import refuse_no_folder
from ..module_utils._leaving import NOTHING, absent, leave, refuse_what_breaks, without_lost
from ..module_utils._options import CLUSTER, FORCE
from ..module_utils._reads.estate import Reader, look_at_run
from ..module_utils._reads.istiod import what_follows
from ..module_utils._reads.peerings import (
    card_file,
    host_and_port,
    read_control_plane,
    read_peerings,
    read_services,
)
from ..module_utils._reads.remembering import Remembered, noted
from ..module_utils._run import Module, Run, run_module
from ..module_utils._standing import shown
from ..module_utils._wasm import WASM
from ..module_utils._wasm import rendered as rendered_wasm
from ..module_utils._writing import written_down

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent", "rendered"], "default": "present"},
    "stage": {"type": "str", "choices": ["look", "check", "imports", "exports", "all", "suspend"], "default": "all"},
    "must_be_all": {"type": "bool", "default": False},
    "leave_when": {"type": "str", "choices": ["unused", "always"], "default": "unused"},
    "traffic": {"type": "raw"},
    **WASM,
    "locality": {"type": "dict"},
    "wait_timeout": {"type": "int"},
    "cards": {"type": "list", "elements": "raw", "default": []},
    "cards_from": {"type": "str"},
    "cards_in_run": {"type": "list", "elements": "raw", "default": []},
    "cards_dir": {"type": "path"},
    "prune": {"type": "bool", "default": False},
    "withdraw": {"type": "list", "elements": "str", "default": []},
    "known_in_run": {"type": "list", "elements": "str", "default": []},
    "render_dir": {"type": "path"},
    "version": {"type": "str"},
    "managed_gateways": {"type": "bool", "default": True},
}


def run(run: Run, cluster: Cluster | None, now: datetime) -> dict:
    """Bring this side of the federation to its desired state and return the module's result."""
    # Who has no peers has nothing to leave.
    mesh = described_mesh(run.params, allow_no_peers=run.params["state"] == "absent")
    if cluster is None:
        return rendered(run, mesh, now)
    if run.params["state"] == "absent":
        return absent(run, cluster, mesh, read_control_plane(cluster, mesh.namespace, mesh.control_plane))
    return present(run, cluster, mesh, now)


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
    def is_nothing(self) -> bool:
        """Whether nothing is to do, by this run or by anybody after it."""
        left = self.result
        return not any(
            (
                self.changes,
                self.unwanted,
                self.suspending,
                left["pending"],
                left["left_alone"],
                self.followed["restart"]["needed"],
            )
        )


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
    if not found.is_nothing:
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
    check_withdrawals(run, intent, peerings, decisions)
    unwanted = leftovers(peerings, control_plane, mesh)
    routes = routes_that_go(run, seen, decisions, unwanted)
    changes = [change for one in decisions for change in (*one.beside, *one.changes)]
    in_run = {name for name, one in seen.received.items() if one.in_run}
    followed = what_follows(seen.reads, mesh, control_plane, peerings, changes, in_run)
    looked = preflight(run, seen, decisions)
    # A share of calls must not go where nothing is any more.
    return Planned(seen, decisions, [*routes, *changes], unwanted, followed, looked)


def present(run: Run, cluster: Cluster, mesh: Mesh, now: datetime) -> dict:
    """Keep the peerings of all peers whose card is there."""
    plan = as_noted(run, cluster, mesh, now) or planned(run, Remembered(cluster), mesh, now)
    seen, decisions, result, is_whole = plan.seen, plan.decisions, plan.result, plan.is_nothing
    changes = list(plan.changes)
    run.apply(cluster, changes)
    if run.params["prune"]:
        changes += leave(run, cluster, seen.control_plane, plan.unwanted, "all")
    return {
        "changed": bool(changes),
        "diff": as_diff(changes, [item for one in decisions for item in one.names]),
        "changes": [change.summary() for change in changes],
        "plan": plan_block(
            mesh.name, changes, [line for one in decisions for line in one.told], is_planned=run.check_mode
        ),
        **result,
        **plan.looked,
        **plan.followed,
        **NOTHING,
        "suspending": plan.suspending,
        "leftovers": plan.unwanted,
        "standing": how_it_stands(seen, result["expected"], now, is_planned=run.check_mode) if is_whole else {},
        "files": [],
        "control_plane": seen.control_plane.as_data(),
    }


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
    # A known peer that is suspended needs no card, and a broken one must not stop the others.
    quiet = tuple(peer for peer in mesh.peers if peer.suspended and peer.local_name in peerings.peers)
    spoken_for = replace(mesh, peers=tuple(peer for peer in mesh.peers if peer not in quiet), held=(*mesh.held, *quiet))
    received = cards_of(run, spoken_for, control_plane.trust_domain, now, peerings.identities(mesh))
    seen = Seen(mesh, control_plane, peerings, received, quiet, (), reads)
    return replace(seen, told=identified(run, seen, accepted))


def identified(run: Run, seen: Seen, accepted: Accepted) -> list[Finding]:
    """Refuse peers that cannot be or are not who they were, and return what else is to be told of their roots; that is
    warned of.
    """
    mesh, control_plane, peerings, told = seen.mesh, seen.control_plane, seen.peerings, []
    for peer in mesh.peers:
        found, peering = seen.received.get(peer.local_name), peerings.of(peer.local_name)
        check_peer(peer, control_plane, found)
        if found:
            refuse_our_server(found.card, host_and_port(seen.reads.server), where=found.where)
        if found and (peer.adopt or not peering.strangers):
            told += check_identity(mesh, peer, found, peerings, control_plane, accepted=accepted, now=seen.reads.now)
    accepted.check()
    for text in texts(told):
        run.warn(text)
    return told


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


def check_withdrawals(run: Run, intent: Intent, peerings: Peerings, decisions: Sequence[Decision]) -> None:
    """Refuse rules that would take from a peer what it is offered and look like a mistake, and say what else it would
    lose: FED332.
    """
    mesh = intent.mesh
    rules_change = [one for one in decisions if any(change.kind is EXPORTS for change in one.changes)]
    found = [
        withdrawal(one.peer, peerings.of(one.peer.local_name), one.changes, intent.services()) for one in rules_change
    ]
    refuse_withdrawals(found, run.params["withdraw"], {peer.local_name: mesh.names_of(peer) for peer in mesh.peers})
    for each in found:
        if each.names:
            run.warn(f"mesh_exports: {each}")


def check_unwanted(run: Run, seen: Seen, unwanted: Sequence[str]) -> list[Change]:
    """Refuse to prune peers while that would break something, or say that they stand without being described.

    Returns the changes that withdraw our own routes to peers that are pruned.
    """
    if run.params["prune"]:
        return refuse_what_breaks(run, seen.reads, seen.control_plane, seen.peerings, unwanted)[1]
    if unwanted:
        run.warn(
            f"FED509 {some(unwanted)} {'is' if len(unwanted) == 1 else 'are'} not in mesh_peers, and something of it"
            " stands: federation_prune: true removes it, and so does unfederate with"
            f" unfederate_peers={','.join(unwanted)}"
        )
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


def cards_of(
    run: Run, mesh: Mesh, trust_domain: str, now: datetime, known: Mapping[str, Identity] | None = None
) -> dict[str, Received]:
    """Return the peers' cards by our names of the peers; notes become warnings. ``known`` is who the live peers are."""
    params = run.params
    refuse_no_folder(params["cards_dir"])
    received, notes = receive(
        mesh,
        trust_domain,
        in_run=params["cards_in_run"],
        carried=params["cards"],
        file_of=lambda name: card_file(params["cards_dir"], name),
        now=now,
        known=known,
    )
    for note in notes:
        run.warn(note)
    return received


def rendered(run: Run, mesh: Mesh, now: datetime) -> dict:
    """Write the plan to files; no cluster is asked."""
    params = run.params
    if not params["render_dir"] or not mesh.trust_domain:
        what = "render_dir" if not params["render_dir"] else "mesh_trust_domain"
        raise FederationError("FED318", where=what, what="is missing, and rendering asks no cluster", fix=f"Set {what}")
    mesh.check_suffixes()
    for peer in mesh.peers:
        if peer.adopt and not {"ingress", "egress"} <= peer.given:
            raise FederationError(
                "FED318",
                where=f"mesh_peers, {peer.local_name}, gateways",
                what="does not name the ingress and the egress that are to be adopted, and rendering asks no cluster",
                fix="Name both as the ServiceMeshPeer does",
            )
    received = cards_of(run, mesh, mesh.trust_domain, now)
    version = parse_version(params["version"])
    gateways, manifests, pending = [], [], []
    for peer in mesh.peers:
        if params["managed_gateways"]:
            part = plan_gateways(mesh, peer, version=version, has_route_config=bool(version and version >= (2, 5)))
            gateways.append((peer.local_name, part))
        found = received.get(peer.local_name)
        reason = what_is_missing(mesh, peer, found, is_planned=False)
        if reason:
            pending.append({"peer": peer.local_name, "reason": reason})
        else:
            manifests.append((peer.local_name, plan_peering(mesh, peer, found.card)))
    routes: list[dict] = []
    if params["traffic"] is not None:
        routes, left_out = rendered_traffic(
            params["traffic"], mesh, params["version"], checked_locality(params["locality"], "mesh_locality")
        )
        pending += [{"peer": "", "reason": reason} for reason in left_out]
    wasm, without = rendered_wasm(params, mesh, version)
    pending += [{"peer": "", "reason": reason} for reason in without]
    texts = render.files(mesh, gateways, manifests, {"traffic": routes, **wasm})
    files, diffs = written_down(run, params["render_dir"], texts, lambda former: render.is_ours(former, mesh))
    return {
        "changed": bool(diffs),
        "diff": diffs,
        "changes": [],
        "peers": [{"peer": name, "mesh": name, "state": "rendered"} for name, _manifests in manifests],
        "expected": [],
        "pending": pending,
        "left_alone": [],
        "findings": [],
        "findings_left_out": {},
        "unknown": [],
        "leftovers": [],
        "files": files,
    }


def main() -> None:
    module = Module(
        {**CLUSTER, **DESCRIBED, **FORCE, **OPTIONS},
        required_if=[("state", "rendered", ["render_dir"])],
        supports_check_mode=True,
    )
    run_module(module, run, needs_cluster=module.params["state"] != "rendered")


if __name__ == "__main__":
    main()
