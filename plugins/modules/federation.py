#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation
short_description: Keep a mesh's whole side of its federation
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps, for every peer with a card, the peer's root certificates, its ServiceMeshPeer, and the sets of exported and
    imported services. One call does the whole side of one mesh, with one LIST per kind and one request per change.
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
        left yet. V(imports) and V(exports) empty the imports or exports, for plays in which all meshes reach a stage
        before any continues. V(all) does everything, waiting where it must.
      - V(suspend) keeps the peers, empties both, and removes their addresses, so that istiod no longer calls them.
    type: str
    choices: [look, check, imports, exports, all, suspend]
    default: all
  must_be_all:
    description:
      - With O(state=absent), first refuse while objects of ours exist for a peer that is not in O(peers). For what
        takes the whole mesh away afterwards.
    type: bool
    default: false
  leave_when:
    description:
      - Whether peers may be left, or pruned, while VirtualServices, DestinationRules or AuthorizationPolicies of the
        mesh still name hosts that are imported from them. V(unused) refuses and lists these, V(always) lists them as
        warnings and continues.
    type: str
    choices: [unused, always]
    default: unused
  traffic:
    description:
      - The rules of M(ossm.federation.mesh_traffic). Routes that it made and that these do not ask for any more are
        removed before the peer or the import that they use goes. Those that these ask for refuse it. Without the option
        every such route refuses that a peer is left.
      - With O(state=rendered) they are also rendered, as far as they need no cluster.
    type: raw
  extensions:
    description:
      - With O(state=rendered), the extensions of M(ossm.federation.wasm_extension), which are also rendered. One whose
        configuration has a key that names a token, key, password or secret is left out, since files go to others.
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
  prune:
    description: Remove peerings that this collection made and that are no longer in O(peers).
    type: bool
    default: false
  withdraw:
    description:
      - Peers that may lose all that they are offered, or something while a rule was added that matches nothing. For any
        other peer this is refused with FED332, since a misspelled rule looks the same.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  known_in_run:
    description:
      - Names that other meshes of the run know. With any, an entry of O(accept_changes) for a name that neither they
        nor this mesh know is refused with FED302.
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
  - ossm.federation.cards
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
      not, then call the module for them with O(state=absent) and O(stage=suspend).
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
      no longer imports. In check mode it says what is to change; empty where nothing is.
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
      left nobody out, and all that is expected is there. Empty otherwise, since then it would be older than what was
      done.
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
      or our gateways for it changed. Also after changes of earlier runs, until istiod has been restarted.
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

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.control_plane.live import parse_version
from ..module_utils._core.mesh.described import Mesh
from ..module_utils._core.mesh.parse import checked_locality, described_mesh
from ..module_utils._core.peering import render
from ..module_utils._core.peering.foretelling import plan_block
from ..module_utils._core.plain.diff import as_diff
from ..module_utils._core.traffic.rendering import rendered as rendered_traffic
from ..module_utils._described import DESCRIBED
from ..module_utils._federating import as_noted, how_it_stands, planned
from ..module_utils._leaving import NOTHING, absent, leave
from ..module_utils._options import CARDS, CLUSTER, FORCE
from ..module_utils._reads.peerings import read_cards, read_control_plane
from ..module_utils._reads.remembering import Remembered
from ..module_utils._run import Module, Run, run_module
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
    **CARDS,
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


def rendered(run: Run, mesh: Mesh, now: datetime) -> dict:
    """Write the plan to files; no cluster is asked."""
    params = run.params
    render.check_described(mesh, params["render_dir"])
    received = read_cards(params, mesh, mesh.trust_domain, now, run.warn).received
    version = parse_version(params["version"])
    parts = render.parts_of(mesh, received, version, managed_gateways=params["managed_gateways"])
    routes, left_out = [], []
    if params["traffic"] is not None:
        locality = checked_locality(params["locality"], "mesh_locality")
        routes, left_out = rendered_traffic(params["traffic"], mesh, params["version"], locality)
    wasm, without = rendered_wasm(params, mesh, version)
    texts = render.files(mesh, parts.gateways, parts.manifests, {"traffic": routes, **wasm})
    files, diffs = written_down(run, params["render_dir"], texts, lambda former: render.is_ours(former, mesh))
    return parts.as_result(files, diffs, [*left_out, *without])


def main() -> None:
    module = Module(
        {**CLUSTER, **DESCRIBED, **FORCE, **OPTIONS},
        required_if=[("state", "rendered", ["render_dir"])],
        supports_check_mode=True,
    )
    run_module(module, run, needs_cluster=module.params["state"] != "rendered")


if __name__ == "__main__":
    main()
