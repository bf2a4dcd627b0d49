#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_info
short_description: Show the federation of a mesh, and wait for it
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Reads a mesh's control plane and its peerings and returns, per peer, both directions of the connection, when the
    last full list came, and what is exported, imported, offered but not imported, and asked for but not offered.
  - Can wait until peers are connected and names imported, until nothing is imported or exported any more, or until
    nothing of peers is left.
seealso:
  - module: ossm.federation.federation
  - module: ossm.federation.preflight_info
attributes:
  check_mode: {support: full, description: Reads only; in check mode nothing waits.}
  diff_mode: {support: none, description: Changes nothing.}
options:
  peers:
    description:
      - Our names of peers to show even if nothing exists, or mappings with C(local_name) or a name. All existing ones
        are also shown, except while waiting for V(no_imports) or V(no_exports), which look at these only.
    type: list
    elements: raw
  expected:
    description: Peers to wait for, each with the imported host names that must appear, as M(ossm.federation.federation)
      returns them.
    type: list
    elements: dict
    default: []
    suboptions:
      peer:
        description: Our name of the peer.
        type: str
        required: true
      imports:
        description: Imported host names.
        type: list
        elements: str
        default: []
      changed:
        description: Whether something changed for this peer; passed on unchanged.
        type: bool
      in_run:
        description: Whether the peer's card was made in the same run; passed on unchanged.
        type: bool
  until:
    description:
      - What to wait for. V(connected) is O(expected), V(no_imports) and V(no_exports) that I(peers) are emptied.
      - V(gone) is that nothing of I(peers) is left except what somebody else manages; the operator needs a moment to
        remove gateways.
      - V(reachable) reads the control plane only.
    type: str
    choices: [connected, no_imports, no_exports, gone, reachable]
    default: connected
  loopback:
    description: Whether the run accepts addresses of the machine itself, see M(ossm.federation.federation); here there
      is only a warning.
    type: bool
    default: false
  wait:
    description: Whether to wait.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds to wait at most. When absent or 0, a value for the wait and the version. That is 600 for a connection
        and 420 (before 2.5) or 180 for imports that appear or disappear, 120 for what the operator removes.
    type: int
  fail_on:
    description:
      - What fails the task, after checking again for some seconds (a connection that is being renewed is briefly down).
        The result is that of a task that does not fail, beside the error.
      - V(pending) is a peer that is not connected both ways, V(unknown) one of which that cannot be known, V(expiring)
        a root of this mesh or of a peer that is valid for less than 30 days. V(drift) is for the role
        P(ossm.federation.status#role); it is ignored here.
      - Looked at with O(until=connected) and without O(wait).
    type: list
    elements: str
    choices: [pending, unknown, expiring, drift]
    default: []
  leaving:
    description: Whether peers have just been left, so that one without a peering is as it should be.
    type: bool
    default: false
  notes:
    description: A note per peer to show in the table, by our name of the peer.
    type: dict
    default: {}
  described:
    description: Whether O(peers) are all peers that the mesh describes, so that the table says which others exist.
    type: bool
    default: false
    version_added: 0.3.0
  cards_dir:
    description:
      - Folder of the cards. With it, a card that M(ossm.federation.mesh_card) has changed and that its peer does not
        have yet is in RV(hand_over).
      - Used with O(until=connected) and without O(wait). A folder that does not exist has no cards.
    type: path
    version_added: 0.2.0
  handed_over:
    description: Which cards peers have by now, as for M(ossm.federation.mesh_card).
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  traffic:
    description: The rules of M(ossm.federation.mesh_traffic). How the existing ones share the calls of these services
      is also shown.
    type: raw
    version_added: 0.2.0
  extensions:
    description: The extensions of M(ossm.federation.wasm_extension). The state of their objects is also shown.
    type: raw
    version_added: 0.3.0
  threescale:
    description: The adapters of M(ossm.federation.threescale_adapter). Their state is also shown.
    type: raw
    version_added: 0.3.0
  gateway_places:
    description:
      - With O(until=gone), where the gateways of each peer were in the control plane, as M(ossm.federation.federation)
        returned it while the peers existed. For a peering that was taken over there is no other source, once its peer
        is gone.
    type: dict
    default: {}
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: Read the federation of east
  ossm.federation.federation_info:
    kubeconfig: east.kubeconfig
    mesh: east
  register: federation

- name: Wait until west is connected
  ossm.federation.federation_info:
    kubeconfig: east.kubeconfig
    mesh: east
    expected:
      - peer: west
    wait: true

- name: Fail where a peer is not connected both ways
  ossm.federation.federation_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    fail_on: [pending]
"""

RETURN = r"""
peers:
  description:
    - One row per peer. C(outbound_proven) and C(inbound_proven) are false for a connection that is older than the
      latest change of the peer's roots or identity, and so proves nothing about it; C(unproven) says that in words.
      They are null where nothing is connected.
  returned: success
  type: list
  elements: dict
  sample:
    - peer: west
      mesh: west
      outbound: connected
      outbound_reason: ""
      inbound: connected
      inbound_reason: ""
      outbound_proven: true
      inbound_proven: true
      unproven: ""
      last_full_sync: "2026-01-31T12:00:00Z"
      age_seconds: 12
      exports: [{name: cart, namespace: shop, exported: cart.shop.svc.west-exports.local}]
      imports: [{exported: cart.shop.svc.east-exports.local, imported: cart.shop.svc.west-imports.local, local: false}]
      offered_not_imported: []
      asked_not_offered: []
      note: ""
members:
  description:
    - The namespaces that are C(configured) members, those of them that C(joined) by themselves
      (M(ossm.federation.mesh_member)), and those that are C(pending). Empty where the member roll may not be read, and
      with O(until=reachable) and O(until=gone).
  returned: success
  type: dict
  sample: {configured: [desk, shop], joined: [desk], pending: []}
verdict:
  description:
    - The verdict. V(ok) is that nothing of O(fail_on) was found, V(down) that something was, V(error) that the module
      could not check. In the report of a playbook it may also be V(drift).
  returned: always
  type: str
  sample: ok
faults:
  description: What is not as it should be, by kind, whether O(fail_on) names it or not. Empty for other values of
    O(until) than V(connected).
  returned: success
  type: list
  elements: dict
  sample: [{kind: pending, peer: west, what: OUT pending (503), fails: true}]
lines:
  description: The same for people, a table as a list of lines.
  returned: success
  type: list
  elements: str
  sample: ["PEER  OUT        IN         LAST SYNC  EXPORTS  IMPORTS  NOTE"]
states:
  description: For lines that have one, the state to colour them by. It is C(ok), C(down), or C(unsure) for what needs a
    check.
  returned: success
  type: dict
  sample: {"√ east: 1 peer connected both ways": ok}
hand_over:
  description: With O(cards_dir), which cards their peers do not have yet, a line each, as M(ossm.federation.mesh_card)
    returned it. They are also in RV(lines).
  returned: success
  type: list
  elements: str
  sample: ["hand over cards/east-for-west.json: address 192.0.2.10 → 192.0.2.11 (until it connects again)"]
wasm:
  description: The state of the objects of O(extensions) and O(threescale); C(stands) is null if this account may not
    read them.
  returned: success
  type: list
  elements: dict
  sample:
    - what: extension
      kind: WasmPlugin
      namespace: shop
      name: header
      stands: true
      ready: null
      why: a WasmPlugin has no status; its proxies know
      pods: [shop/cart-1]
traffic:
  description: >-
    The state of splits and failovers of I(traffic), by object, whether a share fails since its peer is not connected,
    and which policies are
    rehearsed (I(way) is V(callers)).
  returned: success
  type: list
  elements: dict
  sample:
    - service: shop/till
      way: host
      peers: [west]
      weights: {till.shop.svc.cluster.local: 75, till.shop.svc.west-imports.local: 25}
      goal: {local: 0, west: 100}
      step: 25
      state: moving
      gone: []
      fails: false
      note: "25 % of the way to local 0 : west 100, shift goes on"
left:
  description: With O(until=gone), what is left of I(peers), and why.
  returned: success
  type: list
  elements: dict
  sample: []
restart:
  description:
    - Whether istiod of this mesh must be restarted, since it keeps what it made for a peer before the peer's identity
      or our gateways for it changed.
  returned: success
  type: dict
  sample: {needed: false, since: null, reasons: [], sentence: ""}
waiting_for:
  description: What was still missing, in words.
  returned: success
  type: list
  elements: str
  sample: []
progress:
  description: The same in few words, an entry per peer; only with O(until=connected).
  returned: success
  type: list
  elements: str
  sample: ["west OUT pending (503) · 0 of 1 imports"]
polled_seconds:
  description: How long the module waited.
  returned: success
  type: int
  sample: 0
wait_limit:
  description: How long a wait of this kind may take on this version, in seconds.
  returned: success
  type: int
  sample: 600
control_plane:
  description: The mesh's control plane.
  returned: success
  type: dict
  sample: {name: basic, namespace: east-mesh-system, version: v2.3, trust_domain: east.local}
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.control_plane.members import member_lines
from ..module_utils._core.mesh.parse import check_home
from ..module_utils._core.peering import verdict
from ..module_utils._core.peering.waiting import longest, reached, refuse_waiting, without_peers
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.kinds import home_of
from ..module_utils._core.traffic.showing import shown_of, states_of
from ..module_utils._handing import left_to_hand_over
from ..module_utils._options import CLUSTER, MESH, WAITING
from ..module_utils._reads.istiod import restart_needed
from ..module_utils._reads.peerings import read_control_plane, read_members
from ..module_utils._reads.remembering import Remembered, note
from ..module_utils._reads.traffic import read_shown
from ..module_utils._run import Module, Run, run_module
from ..module_utils._standing import Watch, gone, shown
from ..module_utils._wasm import WASM, standing

OPTIONS = {
    "peers": {"type": "list", "elements": "raw"},
    "expected": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "peer": {"type": "str", "required": True},
            "imports": {"type": "list", "elements": "str", "default": []},
            "changed": {"type": "bool"},
            "in_run": {"type": "bool"},
        },
    },
    "gateway_places": {"type": "dict", "default": {}},
    "traffic": {"type": "raw"},
    **WASM,
    "until": {
        "type": "str",
        "choices": ["connected", "no_imports", "no_exports", "gone", "reachable"],
        "default": "connected",
    },
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int"},
    **WAITING,
    "fail_on": {"type": "list", "elements": "str", "choices": list(verdict.KINDS), "default": []},
    "leaving": {"type": "bool", "default": False},
    "notes": {"type": "dict", "default": {}},
    "described": {"type": "bool", "default": False},
    "loopback": {"type": "bool", "default": False},
    "cards_dir": {"type": "path"},
    "handed_over": {"type": "list", "elements": "str", "default": []},
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Read, wait if asked, and return the module's result; a failure also has a verdict."""
    try:
        nothing = {"faults": [], "states": {}, "progress": [], "hand_over": []}
        return {"verdict": verdict.OK, **nothing, **seen(run, cluster, now)}
    except FederationError as error:
        error.result.setdefault("verdict", verdict.ERROR)
        raise


def seen(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Return what is seen, after waiting for it if asked."""
    params = run.params
    namespace = home_of(params)
    check_home(params["mesh"], namespace, params["control_plane"])
    reads = Remembered(cluster)
    control_plane = read_control_plane(reads, namespace, params["control_plane"])
    if params["until"] == "reachable":
        note(params, reads)
        return without_peers(control_plane, [reached(params["mesh"], cluster.server, control_plane)])
    if params["until"] == "gone":
        return gone(run, cluster, namespace, control_plane)
    limit = params["wait_timeout"] or longest(params["until"], control_plane.version)
    watch, waited = Watch(cluster, params, control_plane), 0
    if watch.waiting_for and params["wait"] and not run.check_mode:
        waited = watch.wait(limit)
        if not params["soft"]:
            refuse_waiting(params["mesh"], params["until"], watch.waiting_for, params["waited"] + waited)
    fail_on = params["fail_on"] if params["until"] == "connected" else []
    again = 0 if params["wait"] else watch.look_again(fail_on)
    result = {
        "changed": False,
        **told(run, cluster, watch, fail_on, now),
        "left": [],
        "waiting_for": watch.waiting_for,
        "progress": watch.progress(),
        "polled_seconds": waited,
        "wait_limit": limit,
    }
    if counted := [fault for fault in result["faults"] if fault["fails"]]:
        raise verdict.refusal(params["mesh"], counted, again, result)
    return result


def told(run: Run, cluster: Cluster, watch: Watch, fail_on: list[str], now: datetime) -> dict:
    """Return what was seen last, as data and as lines: peerings, members, traffic, and cards to hand over."""
    params, control_plane, rows = run.params, watch.control_plane, watch.rows
    restart = restart_needed(cluster, params["mesh"], control_plane, watch.peerings.peers)
    looks = {"is_planned": run.check_mode, "is_leaving": params["leaving"]}
    found = shown(cluster, params["mesh"], control_plane, (watch.peerings, rows), restart, now, fail_on, **looks)
    members = read_members(cluster, control_plane.namespace)
    is_over = params["wait"] or params["leaving"]
    traffic, routed = ([], []) if is_over else shown_of(*read_shown(cluster, params["traffic"]), rows)
    found["states"].update(states_of(traffic, routed))
    wasm, of_wasm = ([], {}) if is_over else standing(params, cluster)
    found["states"].update({line: verdict.OK if is_good else verdict.UNSURE for line, is_good in of_wasm.items()})
    hand_over = [] if is_over else left_to_hand_over(params, control_plane.namespace, watch.peerings, now)
    head, *table, line = found["lines"]
    return {
        **found,
        "members": members,
        "lines": [head, *member_lines(members), *table, *routed, *of_wasm, line, *hand_over],
        "traffic": traffic,
        "wasm": wasm,
        "hand_over": hand_over,
    }


def main() -> None:
    module = Module({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
