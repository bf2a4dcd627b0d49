#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Find what a federation would skip in silence
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Looks at what is described, at the peers' cards, and at the live objects of one mesh, whoever made them, and returns
    everything that is wrong or that the operator or istiod would pass over without a word, each with a code, what was
    seen, why it matters, and the cure.
  - Errors are what M(ossm.federation.federation) would refuse, all of them and not only the first. Warnings are about live
    objects, so that tomorrow's run still runs.
  - What this account may not read is returned as unknown, never as found to be in order.
seealso:
  - module: ossm.federation.federation
  - module: ossm.federation.cluster_preflight_info
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Changes nothing.}
options:
  cards:
    description: Cards of peers as data, each a mapping or a JSON text. Those for other meshes are passed over.
    type: list
    elements: raw
    default: []
  cards_from:
    description:
      - The name of a variable with such cards. It is handed over as it stands, so that nothing in a card is ever
        evaluated as a template; O(cards) wins over it.
      - It may also be one expression of at most 1024 characters that names variables and takes parts of them.
    type: str
  cards_in_run:
    description: Cards that were made in the same run; they win over carried ones.
    type: list
    elements: raw
    default: []
  cards_dir:
    description: A folder with cards as files named C(<peer>-for-<mesh>.json).
    type: path
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
    description: The rules of M(ossm.federation.mesh_traffic), whose problems are found as well; they are left alone when absent.
    type: raw
  locality:
    description: Where this mesh is, as M(ossm.federation.mesh_traffic) takes it.
    type: dict
  extensions:
    description: The extensions of M(ossm.federation.wasm_extension), whose problems are found as well.
    type: raw
    version_added: 0.3.0
  threescale:
    description: What M(ossm.federation.threescale_adapter) takes, whose problems are found as well. The portal is not asked.
    type: raw
    version_added: 0.3.0
  threescale_tests:
    description: Tests of O(threescale); those of adapters whose rules are all described are found where they are not met.
    type: raw
    version_added: 0.3.0
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
"""

EXAMPLES = r"""
- name: Look what would be skipped in silence
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

- name: Look only at what is described and at the cards
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
      reference: https://example.com/ossm/federation/docs/0.1.0/codes/fed761.html
findings_left_out:
  description: By code, how many more findings there are than the first 100 that RV(findings) holds; empty when it holds all.
  returned: success
  type: dict
  sample: {FED761: 19900}
counts:
  description: How many errors, which would stop a run, how many warnings, and how many things that could not be looked at.
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
  description: The same for people, as a list of lines. More than five findings of one code are one, with their number and the first five.
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

from collections.abc import Mapping, Sequence  # noqa: E402
from dataclasses import replace  # noqa: E402
from datetime import datetime  # noqa: E402

from ..module_utils._cluster.client import Cluster  # noqa: E402
from ..module_utils._core.card.trust import Root  # noqa: E402
from ..module_utils._core.catalogue.code import ERROR  # noqa: E402
from ..module_utils._core.catalogue.findings import Finding, Unknown, finding_of, told  # noqa: E402
from ..module_utils._core.control_plane.live import ControlPlane  # noqa: E402
from ..module_utils._core.mesh.described import Mesh  # noqa: E402
from ..module_utils._core.peering.adopting import as_it_stands, check_gateways  # noqa: E402
from ..module_utils._core.peering.carrying import (  # noqa: E402
    Delivery,
    Identity,
    Received,
    receive_all,
    what_is_missing,
)
from ..module_utils._core.peering.identity import Accepted  # noqa: E402
from ..module_utils._core.peering.keeping import check_descriptions, check_identity, check_peer  # noqa: E402
from ..module_utils._core.peering.live import Peerings  # noqa: E402
from ..module_utils._core.peering.plan import refuse_beyond_reach, refuse_our_server  # noqa: E402
from ..module_utils._core.plain.errors import FederationError  # noqa: E402
from ..module_utils._core.plain.kinds import CONFIG_MAP, EXPORTS, IMPORTS, PEER  # noqa: E402
from ..module_utils._core.preflight.everything import look  # noqa: E402
from ..module_utils._core.traffic.localities import warnings_of  # noqa: E402
from ..module_utils._core.traffic.shifting import warnings_under_way  # noqa: E402
from ..module_utils._core.traffic.wanted import Wanted, read_wanted  # noqa: E402
from ..module_utils._described import DESCRIBED  # noqa: E402
from ..module_utils._files import refuse_no_folder  # noqa: E402
from ..module_utils._gateways import refuse_foreign  # noqa: E402
from ..module_utils._options import CLUSTER  # noqa: E402
from ..module_utils._reads.estate import Reader, describe, found_by, read_estate  # noqa: E402
from ..module_utils._reads.peerings import (  # noqa: E402
    card_file,
    host_and_port,
    pem_texts,
    read_control_plane,
    read_roots_of,
)
from ..module_utils._reads.remembering import Remembered  # noqa: E402
from ..module_utils._run import Module, Run, run_module  # noqa: E402
from ..module_utils._traffic import TRAFFIC  # noqa: E402
from ..module_utils._traffic import look as look_at_traffic  # noqa: E402
from ..module_utils._wasm import WASM, wasm_of  # noqa: E402

OPTIONS = {
    "cards": {"type": "list", "elements": "raw", "default": []},
    "cards_from": {"type": "str"},
    "cards_in_run": {"type": "list", "elements": "raw", "default": []},
    "cards_dir": {"type": "path"},
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
        cards = cards_of(run, mesh, mesh.trust_domain or "", now, {})
        return result(mesh.name, None, [*findings, finding_of(error), *refusals(cards)], [], waiting(mesh, cards))
    findings += found_by(lambda: control_plane.check(mesh.trust_domain))
    findings += map(finding_of, mesh.suffix_problems(control_plane.cluster_domain))
    peerings, unserved = peerings_of(remembered, control_plane)
    accepted = Accepted.read(run.params["accept_changes"])
    mesh = as_it_stands(mesh, peerings.peers, control_plane, bundles=peerings.bundles)
    findings += found_by(
        lambda: check_descriptions(mesh, peerings, accepted),
        lambda: check_gateways(mesh, peerings.peers, control_plane),
        # What a ServiceMeshPeer names is its own; where these cannot be read nobody knows.
        lambda: unserved
        or not run.params["managed_gateways"]
        or refuse_foreign(remembered, mesh, control_plane, peerings.peers),
    )
    spoken_for = with_cards(mesh, peerings)
    cards = cards_of(run, spoken_for, control_plane.trust_domain, now, peerings.identities(mesh))
    findings += [*unserved, *refusals(cards)]
    roots, without_roots = own_roots(run, remembered, control_plane, now)
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
    wanted, wrong = traffic_of(run, remembered.beside(), mesh)
    findings += wrong
    of_wasm, unread = wasm_of(run.params, remembered.beside())
    findings += of_wasm
    found, unknown = look(replace(estate, wanted=wanted), remembered.refusals)
    findings += found_by(lambda: refuse_beyond_reach(mesh, mesh.peers, estate.exportable_or_own))
    return result(mesh.name, control_plane, [*findings, *found], [*unknown, *unread], waiting(spoken_for, cards))


def with_cards(mesh: Mesh, peerings: Peerings) -> Mesh:
    """Return the mesh with those peers alone that need a card: a known peer that is suspended needs none."""
    quiet = tuple(peer for peer in mesh.peers if peer.suspended and peer.local_name in peerings.peers)
    return replace(mesh, peers=tuple(peer for peer in mesh.peers if peer not in quiet), held=(*mesh.held, *quiet))


def traffic_of(run: Run, cluster: Remembered, mesh: Mesh) -> tuple[list[Wanted], list[Finding]]:
    """Return the rules of ``mesh_traffic``, and all that is wrong with them or deserves a warning; nothing where it is not set."""
    if run.params["traffic"] is None:
        return [], []
    try:
        asked = look_at_traffic(run, cluster)
    except FederationError as error:
        return read_wanted(run.params["traffic"], mesh)[0], [finding_of(error)]
    warned = [*warnings_of(asked.wanted, asked.standing), *warnings_under_way(asked.wanted, asked.standing)]
    return asked.wanted, [*map(finding_of, asked.problems), *warned]


def peerings_of(cluster: Remembered, control_plane: ControlPlane) -> tuple[Peerings, list[Finding]]:
    """Return the live peerings as far as they can be read. What a run would refuse over it is a finding, the first of each code."""
    read: list[dict[str, Mapping]] = []
    refused: dict[str, Finding] = {}
    for kind in (PEER, EXPORTS, IMPORTS, CONFIG_MAP):
        try:
            read.append({live["metadata"]["name"]: live for live in cluster.list(kind, control_plane.namespace)})
        except FederationError as error:
            if error.code not in ("FED104", "FED108"):
                raise
            if error.code == "FED108" and not kind.is_optional:
                cluster.refuse(kind, control_plane.namespace, "the API server does not serve them")
            refused.setdefault(error.code, finding_of(error))
            read.append({})
    return Peerings(*read, own_maps=control_plane.own_config_maps), list(refused.values())


def cards_of(
    run: Run, mesh: Mesh, trust_domain: str, now: datetime, known: Mapping[str, Identity]
) -> Delivery:
    """Return what came of the peers' cards; notes become warnings."""
    params = run.params
    refuse_no_folder(params["cards_dir"])
    cards = receive_all(
        mesh,
        trust_domain,
        in_run=params["cards_in_run"],
        carried=params["cards"],
        file_of=lambda name: card_file(params["cards_dir"], name),
        now=now,
        known=known,
    )
    for note in cards.notes:
        run.warn(note)
    return cards


def refusals(cards: Delivery) -> list[Finding]:
    """Return what is wrong with cards as findings."""
    return [finding_of(error) for error in (*cards.refused.values(), *cards.strays)]


def own_roots(run: Run, cluster: Remembered, control_plane: ControlPlane, now: datetime) -> tuple[tuple[Root, ...], list[Finding]]:
    """Return the mesh's roots, and what is wrong with them, or with those that are left out."""
    left_out: list[FederationError] = []
    try:
        instead, also = (pem_texts(run.params[option], f"mesh_{option}") for option in ("roots", "extra_roots"))
        roots = read_roots_of(cluster, control_plane, now, instead=instead, also=also, left_out=left_out)
        return roots, [Finding("FED738", error.where, error.what) for error in left_out]
    except FederationError as error:
        return (), [finding_of(error)]


def identities(
    mesh: Mesh,
    control_plane: ControlPlane,
    received: dict[str, Received],
    peerings: Peerings,
    accepted: Accepted,
    now: datetime | None,
) -> list[Finding]:
    """Return what a run would refuse of each peer, or tell of it: its name, its trust domain, its changed identity, its card's age.

    ``now`` is the API server's clock, None where not everything of the peers could be read: then nothing can be compared.
    """
    found: list[Finding] = []
    for peer in mesh.peers:
        own, peering = received.get(peer.local_name), peerings.of(peer.local_name)
        found += found_by(lambda peer=peer, own=own: check_peer(peer, control_plane, own))
        if own and now and (peer.adopt or not peering.strangers):
            try:
                found += check_identity(mesh, peer, own, peerings, control_plane, accepted=accepted, now=now)
            except FederationError as error:
                found.append(finding_of(error))
    return [*found, *([] if any(finding.severity == ERROR for finding in found) else found_by(accepted.check))]


def waiting(mesh: Mesh, cards: Delivery) -> list[dict]:
    """Return the peers that wait for a card or an address; a peer whose card was refused has a finding instead."""
    reasons = {peer.local_name: what_is_missing(mesh, peer, cards.received.get(peer.local_name)) for peer in mesh.peers}
    return [
        {"peer": name, "reason": reason} for name, reason in reasons.items() if reason and name not in cards.refused
    ]


def result(mesh: str, control_plane: ControlPlane | None, findings: Sequence[Finding], unknown: Sequence[Unknown], pending: Sequence[dict]) -> dict:
    """Return the module's result."""
    head = f"{mesh} · {control_plane.namespace}/{control_plane.name} {control_plane.version_text}" if control_plane else mesh
    found = told(head, findings, unknown)
    return {
        **found,
        "pending": list(pending),
        "lines": [*found["lines"], *(f"{'PENDING':<16} {row['peer']}: {row['reason']}" for row in pending)],
        "control_plane": control_plane.as_data() if control_plane else {},
    }


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
