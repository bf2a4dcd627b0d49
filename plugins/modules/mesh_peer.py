#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_peer
short_description: Keep one remote mesh as a peer
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps a peer's root certificates and its ServiceMeshPeer, the roots always first, from the card that the peer made.
  - Applies a part of the plan of M(ossm.federation.federation), for use in your own plays.
seealso:
  - module: ossm.federation.federation
  - module: ossm.federation.exported_services
  - module: ossm.federation.imported_services
  - module: ossm.federation.mesh_card_info
attributes:
  check_mode: {support: full, description: Plans and shows everything; writes nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: A second run changes nothing.}
options:
  state:
    description: Whether the peer should be there. A peer is removed only once nothing is exported to it any more.
    type: str
    choices: [present, absent]
    default: present
  peer:
    description: The peer, a name or a mapping as in a federation's C(peers).
    type: raw
    required: true
  card:
    description: The peer's card, a mapping or a JSON text. Required when O(state=present).
    type: raw
  owner:
    description: Who keeps this description of the mesh, as in M(ossm.federation.federation).
    type: str
  accept_changes:
    description:
      - Accepted changes of the peer's identity, as in M(ossm.federation.federation), such as
        V(west=3F9A-1B2C-7D4E-A0C1-D0F3-5B6A-9E8D-7C21). The refusal gives the line.
    type: list
    elements: str
    default: []
  loopback:
    description: Whether addresses of the machine itself and names of one or two labels are accepted. For testbeds on
      one machine only.
    type: bool
    default: false
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.force
"""

EXAMPLES = r"""
- name: Keep west as a peer
  ossm.federation.mesh_peer:
    kubeconfig: east.kubeconfig
    mesh: east
    peer: west
    card: "{{ lookup('ansible.builtin.file', 'cards/west-for-east.json') }}"

- name: Keep west, which may have this root only
  ossm.federation.mesh_peer:
    kubeconfig: east.kubeconfig
    mesh: east
    peer:
      name: west
      root_fingerprints: [3F9A1B2C7D4EA0C1D0F35B6A9E8D7C213F9A1B2C7D4EA0C1D0F35B6A9E8D7C21]
    card: "{{ lookup('ansible.builtin.file', 'cards/west-for-east.json') }}"

- name: Remove west, once nothing is exchanged with it
  ossm.federation.mesh_peer:
    kubeconfig: east.kubeconfig
    mesh: east
    peer: west
    state: absent
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, kind: ServiceMeshPeer, namespace: east-mesh-system, name: west, fields: [spec]}]
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.control_plane.live import ControlPlane
from ..module_utils._core.mesh.described import Mesh, Peer
from ..module_utils._core.mesh.parse import one_peer
from ..module_utils._core.peering.adopting import as_it_stands, check_gateways
from ..module_utils._core.peering.carrying import receive
from ..module_utils._core.peering.identity import Accepted
from ..module_utils._core.peering.keeping import (
    changes_for,
    check_descriptions,
    check_identity,
    check_peer,
    refuse_live,
    refuse_strangers,
    remembered_beside,
    removed,
    still_live,
)
from ..module_utils._core.peering.live import Peerings
from ..module_utils._core.peering.plan import refuse_our_server
from ..module_utils._core.plain.diff import as_diff
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.kinds import CONFIG_MAP, PEER
from ..module_utils._options import CLUSTER, FORCE, MESH
from ..module_utils._reads.peerings import host_and_port, read_control_plane, read_peerings
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "peer": {"type": "raw", "required": True},
    "card": {"type": "raw"},
    "owner": {"type": "str"},
    "accept_changes": {"type": "list", "elements": "str", "default": []},
    "loopback": {"type": "bool", "default": False},
}
KINDS = (CONFIG_MAP.name, PEER.name)


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring one peer to its desired state and return the module's result."""
    params = run.params
    mesh = one_peer(params)
    control_plane = read_control_plane(cluster, mesh.namespace, mesh.control_plane)
    peerings = read_peerings(cluster, control_plane)
    check_descriptions(mesh, peerings, Accepted.read(params["accept_changes"]))
    mesh = as_it_stands(mesh, peerings.peers, control_plane, bundles=peerings.bundles)
    peer = mesh.peers[0]
    if params["state"] == "absent":
        peering = peerings.of(peer.local_name)
        refuse_live(still_live(peer.local_name, peering, cluster.now, control_plane.version))
        changes = [change for change in removed(peering) if change.kind.name in KINDS]
    else:
        control_plane.check()
        check_gateways(mesh, peerings.peers, control_plane, managed=False)
        changes = wanted(run, cluster, mesh, peer, peerings, control_plane, now)
    run.apply(cluster, changes)
    return {"changed": bool(changes), "diff": as_diff(changes), "changes": [change.summary() for change in changes]}


def wanted(
    run: Run,
    cluster: Cluster,
    mesh: Mesh,
    peer: Peer,
    peerings: Peerings,
    control_plane: ControlPlane,
    now: datetime,
) -> list:
    """Return the changes that keep the peer as its card says."""
    params, peering, there = run.params, peerings.of(peer.local_name), cluster.now
    accepted = Accepted.read(params["accept_changes"])
    refuse_strangers(peer, peering)
    delivery = receive(
        mesh, control_plane.trust_domain, in_run=[], carried=[params["card"]], file_of=lambda _name: None, now=now
    )
    found = delivery.whole().received.get(peer.local_name)
    if found is None:
        raise FederationError(
            "FED220", where="card", what=f"is not of {peer.name}", fix=f"Give {peer.name}'s card for {mesh.name}"
        )
    check_peer(peer, control_plane, found)
    refuse_our_server(found.card, host_and_port(cluster.server), where=found.where)
    for finding in check_identity(mesh, peer, found, peerings, control_plane, accepted=accepted, now=there):
        run.warn(finding.text)
    accepted.check()
    if found.card.ingress is None:
        raise FederationError(
            "FED601", where=found.where, what="has no address yet", fix=f"Ask {peer.name} to run publish_cards again"
        )
    changes = changes_for(mesh, peer, found.card, peering, force=params["force"], kinds=KINDS, now=there)
    return [*remembered_beside(mesh, peer, found.card, control_plane, changes), *changes]


def main() -> None:
    module = Module(
        {**CLUSTER, **MESH, **FORCE, **OPTIONS}, required_if=[("state", "present", ["card"])], supports_check_mode=True
    )
    run_module(module, run)


if __name__ == "__main__":
    main()
