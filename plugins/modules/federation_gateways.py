#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_gateways
short_description: Keep the gateways of a mesh's federation
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps one ingress and one egress gateway per peer inside the mesh's ServiceMeshControlPlane, and returns where peers
    reach them.
  - Each peer's two gateways are applied by a field manager of their own, so the rest of the control plane stays with
    whoever keeps it.
seealso:
  - module: ossm.federation.mesh_card
  - module: ossm.federation.federation
attributes:
  check_mode: {support: full, description: Plans and shows everything; writes nothing.}
  diff_mode: {support: full, description: Shows the fields of the ServiceMeshControlPlane that change.}
  idempotent: {support: full, description: A second run changes nothing.}
options:
  state:
    description: Whether the gateways of I(peers) should be there.
    type: str
    choices: [present, absent]
    default: present
  managed:
    description:
      - Whether this module may write the gateways. When V(false), a control plane kept elsewhere (in Git, say) is only
        compared, and what is missing is an error that shows it.
    type: bool
    default: true
  prune:
    description: Remove gateways that this module made for peers that are no longer in O(peers).
    type: bool
    default: false
  gateway_places:
    description:
      - With O(state=absent) and O(managed=false), where the gateways of each peer are in the control plane, as
        M(ossm.federation.federation) returned it while the peers existed.
    type: dict
    default: {}
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
  - ossm.federation.force
"""

EXAMPLES = r"""
- name: Keep the gateways for one peer
  ossm.federation.federation_gateways:
    kubeconfig: east.kubeconfig
    mesh: east
    namespace: east-mesh-system
    peers: [west]

- name: Reach the gateways at fixed ports of two nodes
  ossm.federation.federation_gateways:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    gateways:
      service_type: NodePort
      addresses: [192.0.2.10, 192.0.2.11]

- name: Only compare, where the control plane is kept in Git
  ossm.federation.federation_gateways:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    managed: false
"""

RETURN = r"""
gateways:
  description: The gateways of each peer, and where the peer reaches the ingress.
  returned: success
  type: list
  elements: dict
  sample:
    - peer: west
      ingress: west-ingress
      egress: west-egress
      addresses: [192.0.2.10]
      discovery_port: 8188
      service_port: 15443
      pending: ""
leftovers:
  description: Peers whose gateways this module made and that are no longer in O(peers).
  returned: success
  type: list
  elements: str
  sample: []
left:
  description:
    - Gateways that stay although their peers go, since another field manager also has them (O(force) removes them
      nevertheless), or with O(managed=false) those to remove from the source of the control plane.
  returned: success
  type: list
  elements: dict
  sample: []
control_plane:
  description: The mesh's control plane.
  returned: success
  type: dict
  sample: {name: basic, namespace: east-mesh-system, version: v2.3, trust_domain: east.local}
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.mesh.parse import described_mesh
from ..module_utils._core.peering.gateways import reached
from ..module_utils._core.plain.data import by_name
from ..module_utils._core.plain.diff import as_result
from ..module_utils._core.plain.kinds import SERVICE
from ..module_utils._described import DESCRIBED
from ..module_utils._gateways import keep_gateways, remove_gateways
from ..module_utils._options import CLUSTER, FORCE
from ..module_utils._reads.peerings import read_control_plane, standing_mesh
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "managed": {"type": "bool", "default": True},
    "prune": {"type": "bool", "default": False},
    "gateway_places": {"type": "dict", "default": {}},
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring the gateways to their desired state and return the module's result."""
    params = run.params
    mesh = described_mesh(params, allow_no_peers=params["state"] == "absent")
    control_plane = read_control_plane(cluster, mesh.namespace, mesh.control_plane)
    mesh, peers = standing_mesh(cluster, mesh, control_plane, managed=params["managed"])
    if params["state"] == "absent":
        kept, gateways = remove_gateways(run, cluster, mesh, control_plane, peers), []
    else:
        control_plane.check(mesh.trust_domain)
        mesh.check_suffixes(control_plane.cluster_domain)
        kept = keep_gateways(run, cluster, mesh, control_plane, peers)
        services = by_name(cluster.list(SERVICE, mesh.namespace))
        gateways = reached(mesh, control_plane.cluster_domain, services)
    return {
        **as_result(kept.changes),
        "gateways": gateways,
        "leftovers": kept.leftovers,
        "left": kept.left,
        "control_plane": control_plane.as_data(),
    }


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
