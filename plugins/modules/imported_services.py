#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: imported_services
short_description: Keep the services that are imported from one peer
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps the ImportedServiceSet of one peer. Removing it empties it, since istiod ignores a set that is deleted and
    made again.
  - Applies a part of the plan of M(ossm.federation.federation), for use in your own plays.
seealso:
  - module: ossm.federation.federation
  - module: ossm.federation.mesh_peer
  - module: ossm.federation.exported_services
attributes:
  check_mode: {support: full, description: Plans and shows everything; writes nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: A second run changes nothing.}
options:
  state:
    description: Whether services are imported from the peer.
    type: str
    choices: [present, absent]
    default: present
  peer:
    description: The peer, a name or a mapping as in a federation's C(peers).
    type: raw
    required: true
  rules:
    description: The rules, as in a federation's C(imports). The first that matches counts.
    type: list
    elements: dict
    default: []
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
- name: Keep the services that are imported from west
  ossm.federation.imported_services:
    kubeconfig: east.kubeconfig
    mesh: east
    peer: west
    rules:
      - name: cart
        namespace: shop

- name: Call the checkout of west as one of our own
  ossm.federation.imported_services:
    kubeconfig: east.kubeconfig
    mesh: east
    peer: west
    rules:
      - name: checkout
        namespace: shop
        import_as_local: true

- name: Take nothing from west any more
  ossm.federation.imported_services:
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
  sample: [{action: create, kind: ImportedServiceSet, namespace: east-mesh-system, name: west, fields: [spec]}]
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.mesh.parse import one_peer
from ..module_utils._core.peering.plan import plan_imports
from ..module_utils._core.plain.kinds import IMPORTS
from ..module_utils._options import CLUSTER, FORCE, MESH
from ..module_utils._run import Module, Run, run_module
from ..module_utils._service_sets import keep_set

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "peer": {"type": "raw", "required": True},
    "rules": {"type": "list", "elements": "dict", "default": []},
    "owner": {"type": "str"},
    "accept_changes": {"type": "list", "elements": "str", "default": []},
}


def run(run: Run, cluster: Cluster, _now: datetime) -> dict:
    """Bring the set to its desired state and return the module's result."""
    mesh = one_peer(run.params, imports=run.params["rules"])
    return keep_set(run, cluster, mesh, IMPORTS, plan_imports(mesh, mesh.peers[0]))


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
