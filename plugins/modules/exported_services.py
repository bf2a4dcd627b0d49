#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: exported_services
short_description: Keep the services that are offered to one peer
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps the ExportedServiceSet of one peer. Removing it empties it, since istiod ignores a set that is deleted and
    made again.
  - Applies a part of the plan of M(ossm.federation.federation), for use in your own plays.
seealso:
  - module: ossm.federation.federation
  - module: ossm.federation.mesh_peer
  - module: ossm.federation.imported_services
attributes:
  check_mode: {support: full, description: Plans and shows everything; writes nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: A second run changes nothing.}
options:
  state:
    description: Whether services are offered to the peer.
    type: str
    choices: [present, absent]
    default: present
  peer:
    description: The peer, a name or a mapping as in a federation's C(peers).
    type: raw
    required: true
  rules:
    description: The rules, as in a federation's C(exports). The first that matches counts.
    type: list
    elements: dict
    default: []
  withdraw:
    description:
      - Say that the peer may lose all that it is offered, or something while a rule was added that matches nothing.
        Otherwise this is refused with FED332, since a misspelled rule looks the same.
    type: bool
    default: false
    version_added: 0.2.0
  owner:
    description: Who keeps this description of the mesh, as in M(ossm.federation.federation).
    type: str
  accept_changes:
    description: Another description of this mesh that hands over to this one, as in M(ossm.federation.federation).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.force
"""

EXAMPLES = r"""
- name: Keep the services that are exported to west
  ossm.federation.exported_services:
    kubeconfig: east.kubeconfig
    mesh: east
    peer: west
    rules:
      - name: cart
        namespace: shop

- name: Offer all that carries a label, under another namespace
  ossm.federation.exported_services:
    kubeconfig: east.kubeconfig
    mesh: east
    peer: west
    rules:
      - label_selectors: [app=checkout]
        namespace: shop
        alias: {namespace: public}

- name: Offer west nothing any more
  ossm.federation.exported_services:
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
  sample: [{action: create, kind: ExportedServiceSet, namespace: east-mesh-system, name: west, fields: [spec]}]
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.mesh.parse import one_peer
from ..module_utils._core.peering.plan import plan_exports
from ..module_utils._core.plain.kinds import EXPORTS
from ..module_utils._options import CLUSTER, FORCE, MESH
from ..module_utils._run import Module, Run, run_module
from ..module_utils._service_sets import keep_set

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "peer": {"type": "raw", "required": True},
    "rules": {"type": "list", "elements": "dict", "default": []},
    "withdraw": {"type": "bool", "default": False},
    "owner": {"type": "str"},
    "accept_changes": {"type": "list", "elements": "str", "default": []},
}


def run(run: Run, cluster: Cluster, _now: datetime) -> dict:
    """Bring the set to its desired state and return the module's result."""
    mesh = one_peer(run.params, exports=run.params["rules"])
    return keep_set(run, cluster, mesh, EXPORTS, plan_exports(mesh, mesh.peers[0]))


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
