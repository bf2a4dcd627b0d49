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
    type: str
  cards_in_run:
    description: Cards that were made in the same run; they win over carried ones.
    type: list
    elements: raw
    default: []
  cards_dir:
    description: A folder with cards as files named C(<peer>-for-<mesh>.json).
    type: path
  accept_changes:
    description: Peers whose root, trust domain or client identity may differ from what this mesh knows of them.
    type: list
    elements: str
    default: []
  roots:
    description: The mesh's root certificates as PEM, a text or a list, instead of those in its root ConfigMap.
    type: raw
  extra_roots:
    description: Root certificates that the mesh will have next, announced early.
    type: raw
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
      reference: "docs: codes#fed761"
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
  description: The same for people, as a list of lines.
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

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

from ..module_utils._arguments import CLUSTER  # noqa: E402
from ..module_utils._cluster import Cluster  # noqa: E402
from ..module_utils._core.adopting import as_it_stands, check_gateways  # noqa: E402
from ..module_utils._core.carrying import Identity, Received  # noqa: E402
from ..module_utils._core.control_plane import ControlPlane  # noqa: E402
from ..module_utils._core.errors import FederationError  # noqa: E402
from ..module_utils._core.findings import Finding, Unknown, finding_of, told  # noqa: E402
from ..module_utils._core.kinds import CONFIG_MAP, EXPORTS, IMPORTS, PEER  # noqa: E402
from ..module_utils._core.plan import refuse_beyond_reach  # noqa: E402
from ..module_utils._core.preflight import look  # noqa: E402
from ..module_utils._core.topology import Mesh  # noqa: E402
from ..module_utils._core.trust import Root  # noqa: E402
from ..module_utils._described import DESCRIBED  # noqa: E402
from ..module_utils._live import (  # noqa: E402
    Peerings,
    card_file,
    read_control_plane,
    read_roots_of,
)
from ..module_utils._peering import check_identity, check_peer  # noqa: E402
from ..module_utils._preflight import Reader, Remembered, describe, found_by, read_estate, receive_all  # noqa: E402
from ..module_utils._running import Module, run_module  # noqa: E402

OPTIONS = {
    "cards": {"type": "list", "elements": "raw", "default": []},
    "cards_from": {"type": "str"},
    "cards_in_run": {"type": "list", "elements": "raw", "default": []},
    "cards_dir": {"type": "path"},
    "accept_changes": {"type": "list", "elements": "str", "default": []},
    "roots": {"type": "raw"},
    "extra_roots": {"type": "raw"},
}


def run(module: AnsibleModule, cluster: Cluster, now: datetime) -> dict:
    """Look at everything and return the module's result; nothing is written."""
    mesh, findings = describe(module.params)
    if mesh is None:
        return result(module.params["mesh"], None, findings, [], [])
    remembered = Remembered(cluster)
    try:
        control_plane = read_control_plane(remembered, mesh.namespace, mesh.control_plane)
    except FederationError as error:
        if error.code != "FED401":
            raise
        received, refused = cards_of(module, mesh, mesh.trust_domain or "", now, {})
        return result(mesh.name, None, [*findings, finding_of(error), *refused], [], waiting(mesh, received, refused))
    findings += found_by(lambda: control_plane.check(mesh.trust_domain))
    findings += map(finding_of, mesh.suffix_problems(control_plane.cluster_domain))
    peerings, unserved = peerings_of(remembered, mesh)
    mesh = as_it_stands(mesh, peerings.peers, control_plane)
    findings += found_by(lambda: check_gateways(mesh, peerings.peers, control_plane))
    # A known peer that is suspended needs no card.
    quiet = tuple(peer for peer in mesh.peers if peer.suspended and peer.local_name in peerings.peers)
    spoken_for = replace(mesh, peers=tuple(peer for peer in mesh.peers if peer not in quiet), held=(*mesh.held, *quiet))
    received, refused = cards_of(module, spoken_for, control_plane.trust_domain, now, peerings.identities(mesh))
    findings += [*unserved, *refused]
    roots, without_roots = own_roots(module, remembered, control_plane, now)
    findings += [*without_roots, *identities(module, mesh, control_plane, received, peerings)]
    estate = read_estate(
        Reader(remembered),
        mesh,
        control_plane,
        peerings,
        {name: found.card for name, found in received.items()},
        remembered.now,
        untouched=[peer.local_name for peer in mesh.peers if peerings.of(peer.local_name).strangers and not peer.adopt],
        roots=roots,
        is_thorough=True,
    )
    found, unknown = look(estate, remembered.refusals)
    findings += found_by(lambda: refuse_beyond_reach(mesh, mesh.peers, estate.exportable_or_own))
    return result(mesh.name, control_plane, [*findings, *found], unknown, waiting(spoken_for, received, refused))


def peerings_of(cluster: Remembered, mesh: Mesh) -> tuple[Peerings, list[Finding]]:
    """Return the live peerings as far as they can be read. What a run would refuse over it is a finding, the first of each code."""
    read: list[dict[str, Mapping]] = []
    refused: dict[str, Finding] = {}
    for kind in (PEER, EXPORTS, IMPORTS, CONFIG_MAP):
        try:
            read.append({live["metadata"]["name"]: live for live in cluster.list(kind, mesh.namespace)})
        except FederationError as error:
            if error.code not in ("FED104", "FED108"):
                raise
            if error.code == "FED108" and not kind.is_optional:
                cluster.refuse(kind, mesh.namespace, "the API server does not serve them")
            refused.setdefault(error.code, finding_of(error))
            read.append({})
    return Peerings(*read), list(refused.values())


def cards_of(
    module: AnsibleModule, mesh: Mesh, trust_domain: str, now: datetime, known: Mapping[str, Identity]
) -> tuple[dict[str, Received], list[Finding]]:
    """Return the peers' cards that are in order and what is wrong with the others; notes become warnings."""
    params = module.params
    received, refused, notes = receive_all(
        mesh,
        trust_domain,
        in_run=params["cards_in_run"],
        carried=params["cards"],
        file_of=lambda name: card_file(params["cards_dir"], name),
        now=now,
        known=known,
    )
    for note in notes:
        module.warn(note)
    return received, refused


def own_roots(module: AnsibleModule, cluster: Remembered, control_plane: ControlPlane, now: datetime) -> tuple[tuple[Root, ...], list[Finding]]:
    """Return the mesh's roots, or what is wrong with them."""
    try:
        instead, also = (texts(module.params[option]) for option in ("roots", "extra_roots"))
        return read_roots_of(cluster, control_plane, now, instead=instead, also=also), []
    except FederationError as error:
        return (), [finding_of(error)]


def texts(value: object) -> list[str]:
    """Return PEM texts that were given as one text or as a list."""
    return [str(text) for text in (value if isinstance(value, (list, tuple)) else [value]) if text]


def identities(module: AnsibleModule, mesh: Mesh, control_plane: ControlPlane, received: dict[str, Received], peerings: Peerings) -> list[Finding]:
    """Return what a run would refuse of each peer: its name, its trust domain, its changed identity."""
    found = []
    for peer in mesh.peers:
        own, peering = received.get(peer.local_name), peerings.of(peer.local_name)
        found += found_by(lambda peer=peer, own=own: check_peer(peer, control_plane, own))
        if own and (peer.adopt or not peering.strangers):
            is_accepted = mesh.is_named(peer, module.params["accept_changes"])
            found += found_by(lambda *about, ok=is_accepted, args=(peer, own, peering): check_identity(*args, is_accepted=ok))
    return found


def waiting(mesh: Mesh, received: dict[str, Received], refused: Sequence[Finding]) -> list[dict]:
    """Return the peers that wait for a card or an address; a card that was refused is told as such."""
    rows = []
    for peer in mesh.peers:
        found = received.get(peer.local_name)
        if found is None and not any(peer.name in finding.place for finding in refused):
            rows.append({"peer": peer.local_name, "reason": f"waits for card {peer.name}-for-{mesh.name}.json; ask {peer.name} to run publish_cards"})
        elif found is not None and found.card.ingress is None:
            rows.append({"peer": peer.local_name, "reason": f"waits for the address of {peer.name}'s gateway"})
    return rows


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
