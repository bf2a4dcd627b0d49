#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Find what a federation would skip silently
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Checks the description, the peers' cards, and the live objects of one mesh, whoever made them. It returns everything
    that is wrong or that the operator or istiod would ignore silently, each with a code, what was seen, why it matters,
    and the cure.
  - Errors are what M(ossm.federation.federation) would refuse, all of them and not only the first. Warnings are about
    live objects, so that tomorrow's run still runs.
  - What this account may not read is returned as unknown, never as healthy.
seealso:
  - module: ossm.federation.federation
  - module: ossm.federation.cluster_preflight_info
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Changes nothing.}
options:
  managed_gateways:
    description: Whether a run writes the gateways into the control plane, or only checks them.
    type: bool
    default: true
  roots:
    description: The mesh's root certificates as PEM, a text or a list, instead of those in its root ConfigMap.
    type: raw
  extra_roots:
    description: Root certificates that the mesh will have next, announced early.
    type: raw
  traffic:
    description: The rules of M(ossm.federation.mesh_traffic), whose problems are found as well; they are left alone
      when absent.
    type: raw
  locality:
    description: Where this mesh is, as in M(ossm.federation.mesh_traffic).
    type: dict
  extensions:
    description: The extensions of M(ossm.federation.wasm_extension), whose problems are found as well.
    type: raw
    version_added: 0.3.0
  threescale:
    description: The adapters of M(ossm.federation.threescale_adapter), whose problems are found as well. The portal is
      not asked.
    type: raw
    version_added: 0.3.0
  threescale_tests:
    description: Tests of O(threescale); for adapters whose rules are all described, failing tests are reported.
    type: raw
    version_added: 0.3.0
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
  - ossm.federation.cards
"""

EXAMPLES = r"""
- name: Show what would be skipped silently
  ossm.federation.preflight_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    exports:
      - name: cart
        namespace: shop
    cards_dir: cards
  register: preflight

- name: Show it
  ansible.builtin.debug:
    msg: "{{ preflight.lines }}"

- name: Check only the description and the cards
  ossm.federation.preflight_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    cards_dir: cards

- name: Look at the gateways that nodes make reachable
  ossm.federation.preflight_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers:
      - name: west
        gateways: {service_type: NodePort, addresses: [192.0.2.10]}
"""

RETURN = r"""
findings:
  description: What was found, errors first. RV(ignore:why) explains, RV(ignore:cure) says what to do.
  returned: success
  type: list
  elements: dict
  sample:
    - code: FED761
      severity: warning
      title: Exported service with several ports
      place: Service shop/cart
      seen: has 2 ports (http 80 and http-admin 8080) and is exported to west
      why: "It is exported and imported, but calls fail: the routes between gateways name no port."
      cure: Make one Service per port with the same selector.
      reference: https://example.com/ossm/federation/docs/0.2.0/codes/fed761.html
findings_left_out:
  description: By code, how many more findings there are than the first 100 in RV(findings); empty when all are there.
  returned: success
  type: dict
  sample: {FED761: 19900}
counts:
  description: How many errors, which would stop a run, how many warnings, and how many checks were not possible.
  returned: success
  type: dict
  sample: {errors: 0, warnings: 1, unknown: 0}
unknown:
  description: What this account may not read, and the codes that would be found there. Unknown is not green.
  returned: success
  type: list
  elements: dict
  sample: [{what: Sidecar objects in shop, because: this account may not read them, codes: [FED788]}]
pending:
  description: Peers that wait for a card or an address, and for which.
  returned: success
  type: list
  elements: dict
  sample: [{peer: north, reason: waits for card north-for-east.json; ask north to run publish_cards}]
lines:
  description: The same for people, as a list of lines. More than five findings of one code are one, with their number
    and the first five.
  returned: success
  type: list
  elements: str
  sample: ["east · east-mesh-system/basic v2.3 · nothing found"]
control_plane:
  description: The mesh's control plane; empty when it is not there.
  returned: success
  type: dict
  sample: {name: basic, namespace: east-mesh-system, version: v2.3, trust_domain: east.local}
"""

from dataclasses import replace
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import finding_of, found_by
from ..module_utils._core.peering.adopting import as_it_stands, check_gateways
from ..module_utils._core.peering.deciding import with_cards
from ..module_utils._core.peering.identity import Accepted
from ..module_utils._core.peering.keeping import check_descriptions
from ..module_utils._core.peering.plan import refuse_beyond_reach, refuse_our_server
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.preflight.beforehand import identities, refusals, result, waiting
from ..module_utils._core.preflight.describing import describe
from ..module_utils._core.preflight.everything import look
from ..module_utils._described import DESCRIBED
from ..module_utils._gateways import refuse_foreign
from ..module_utils._options import CARDS, CLUSTER
from ..module_utils._reads.estate import Reader, read_estate, read_known, read_own_roots
from ..module_utils._reads.peerings import host_and_port, read_cards, read_control_plane
from ..module_utils._reads.remembering import Remembered
from ..module_utils._run import Module, Run, run_module
from ..module_utils._traffic import TRAFFIC, looked_at
from ..module_utils._wasm import WASM, wasm_of

OPTIONS = {
    **CARDS,
    "managed_gateways": {"type": "bool", "default": True},
    "roots": {"type": "raw"},
    "extra_roots": {"type": "raw"},
    **TRAFFIC,
    **WASM,
    "threescale_tests": {"type": "raw"},
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Look at everything and return the module's result; nothing is written."""
    mesh, findings = describe(run.params)
    if mesh is None:
        return result(run.params["mesh"], None, findings, [], [])
    remembered = Remembered(cluster)
    try:
        control_plane = read_control_plane(remembered, mesh.namespace, mesh.control_plane)
    except FederationError as error:
        if error.code != "FED401":
            raise
        cards = read_cards(run.params, mesh, mesh.trust_domain or "", now, run.warn, keeps_all=True)
        return result(mesh.name, None, [*findings, finding_of(error), *refusals(cards)], [], waiting(mesh, cards))
    findings += found_by(lambda: control_plane.check(mesh.trust_domain))
    findings += map(finding_of, mesh.suffix_problems(control_plane.cluster_domain))
    peerings, unserved = read_known(remembered, control_plane)
    accepted = Accepted.read(run.params["accept_changes"])
    mesh = as_it_stands(mesh, peerings.peers, control_plane, bundles=peerings.bundles)
    findings += found_by(
        lambda: check_descriptions(mesh, peerings, accepted),
        lambda: check_gateways(mesh, peerings.peers, control_plane),
        # What a ServiceMeshPeer names is its own; where these cannot be read nobody knows.
        lambda: (
            unserved
            or not run.params["managed_gateways"]
            or refuse_foreign(remembered, mesh, control_plane, peerings.peers)
        ),
    )
    spoken_for = with_cards(mesh, peerings)
    known = peerings.identities(mesh)
    cards = read_cards(run.params, spoken_for, control_plane.trust_domain, now, run.warn, known, keeps_all=True)
    findings += [*unserved, *refusals(cards)]
    roots, without_roots = read_own_roots(remembered, control_plane, run.params, now)
    findings += [
        *without_roots,
        *identities(mesh, control_plane, cards.received, peerings, accepted, None if unserved else remembered.now),
    ]
    server = host_and_port(remembered.server)
    for one in cards.received.values():
        findings += found_by(lambda one=one: refuse_our_server(one.card, server, where=one.where))
    estate = read_estate(
        Reader(remembered),
        mesh,
        control_plane,
        peerings,
        {name: found.card for name, found in cards.received.items()},
        remembered.now,
        untouched=[peer.local_name for peer in mesh.peers if peerings.of(peer.local_name).strangers and not peer.adopt],
        roots=roots,
        is_thorough=True,
    )
    wanted, wrong = looked_at(run, remembered.beside(), mesh)
    findings += wrong
    of_wasm, unread = wasm_of(run.params, remembered.beside())
    findings += of_wasm
    estate = replace(estate, wanted=None if run.params["traffic"] is None else wanted)
    found, unknown = look(estate, remembered.refusals)
    findings += found_by(lambda: refuse_beyond_reach(mesh, mesh.peers, estate.exportable_or_own))
    return result(mesh.name, control_plane, [*findings, *found], [*unknown, *unread], waiting(spoken_for, cards))


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
