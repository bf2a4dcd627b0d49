# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_tenants
short_description: Prepare a cluster for meshes that are administered without cluster-admin
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Makes for each mesh its namespaces, a Role in each of them, the binding to its administrators, and the right to read
    a few facts of the cluster.
  - Everything else in this collection, except installing operators, then runs as such an administrator.
  - A namespace that exists is used as it is. None is ever deleted. A service account that exists is also used as it is.
  - Refused, before anything is written, are namespaces of the platform and of other meshes, control planes and member
    rolls that were not made for this mesh, and administrators such as V(system:authenticated), which stand for many
    accounts.
  - The module removes only what it gave to this mesh with this control plane's namespace, according to
    O(tenants[].mesh), the namespace and the field manager of an object. Other objects with the label of the mesh are
    left alone and named in a warning.
  - The right to restart workloads (C(restarts) in O(tenants[].admins)) reaches further than it sounds. An account that
    may patch a Deployment runs anything as each service account of its namespace, and reads each Secret of it.
  - Needs a cluster administrator's credentials, once per cluster and after a change of members or administrators.
seealso:
  - module: ossm.federation.mesh_operator
  - module: ossm.federation.mesh_member
attributes:
  check_mode: {support: full, description: Changes nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: What is as described is left alone.}
options:
  state:
    description: Whether the rights are given or removed. Namespaces stay in either case.
    type: str
    choices: [present, absent]
    default: present
  tenants:
    description: The meshes of this cluster.
    type: list
    elements: dict
    required: true
    suboptions:
      mesh:
        description: What the mesh calls itself.
        type: str
        required: true
      namespace:
        description: The namespace of its control plane; the mesh's name followed by C(-mesh-system) when absent.
        type: str
      members:
        description: Its member namespaces. V(*) means namespaces that are not prepared here.
        type: list
        elements: str
        default: []
      admins:
        description:
          - The administrators of the mesh, as lists of names under C(users), C(groups) and C(service_accounts).
          - A service account is C(name) in the control plane's namespace, where it is made, or C(namespace/name)
            elsewhere, where it is not.
          - Names that begin with C(system:) are refused, but for a user C(system:serviceaccount:namespace:name).
          - With C(restarts) V(false) they may not restart workloads or istiod, nor add namespaces to the member roll.
            Everything else stays.
        type: dict
        required: true
        suboptions:
          users:
            description: Names of users.
            type: list
            elements: str
          groups:
            description: Names of groups.
            type: list
            elements: str
          service_accounts:
            description: Service accounts, as C(name) or C(namespace/name).
            type: list
            elements: str
          restarts:
            description: Whether they may restart workloads; they may when absent.
            type: bool
      adopt:
        description:
          - Whether a control plane or member roll that exists in the mesh's namespace and that this collection did not
            make belongs to this mesh. Needed once, for the first run. It is for the administrator of the cluster to
            say, not for the mesh.
        type: bool
        default: false
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.force
"""

EXAMPLES = r"""
- name: Prepare the cluster for two meshes
  ossm.federation.mesh_tenants:
    kubeconfig: cluster-admin.kubeconfig
    tenants:
      - mesh: east
        members: [shop]
        admins: {groups: [east-mesh-administrators]}
      - mesh: lab
        members: [lab-one, lab-two]
        admins: {users: [anna], service_accounts: [pipeline], restarts: false}

- name: Take over a mesh that somebody else made
  ossm.federation.mesh_tenants:
    kubeconfig: cluster-admin.kubeconfig
    tenants:
      - mesh: east
        members: [shop]
        admins: {groups: [east-mesh-administrators]}
        adopt: true

- name: Take the rights away again; namespaces stay
  ossm.federation.mesh_tenants:
    kubeconfig: cluster-admin.kubeconfig
    state: absent
    tenants:
      - mesh: lab
        admins: {users: [anna]}
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, kind: Role, namespace: shop, name: ossm-federation-mesh-administrator, fields: [rules]}]
left_alone:
  description: Objects with the label of one of these meshes that this module did not make, and does not remove.
  returned: success
  type: list
  elements: str
  sample: [RoleBinding shop/somebody-elses]
namespaces:
  description: The namespaces of these meshes.
  returned: success
  type: list
  elements: str
  sample: [east-mesh-system, shop]
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import Finding
from ..module_utils._core.install.holding import is_left_alone
from ..module_utils._core.install.tenants import Tenant
from ..module_utils._core.plain.data import place_of, some
from ..module_utils._core.plain.diff import as_diff
from ..module_utils._options import CLUSTER, FORCE
from ..module_utils._reads.tenants import read_standing
from ..module_utils._run import Module, Run, run_module
from ..module_utils._tenants import check_done, take_back_in_replaced, tenant_changes

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "tenants": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "mesh": {"type": "str", "required": True},
            "namespace": {"type": "str"},
            "members": {"type": "list", "elements": "str", "default": []},
            "admins": {"type": "dict", "required": True},
            "adopt": {"type": "bool", "default": False},
        },
    },
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring the rights in a cluster to their desired state and return the module's result."""
    params = run.params
    is_going = params["state"] == "absent"
    tenants = [Tenant.described(described, is_going=is_going) for described in params["tenants"]]
    standing = read_standing(cluster, is_going=is_going)
    changes = tenant_changes(cluster, tenants, state=params["state"], force=params["force"], standing=standing)
    run.apply(cluster, changes, looks_again=False)
    if changes and not run.check_mode:
        if not is_going:
            take_back_in_replaced(cluster, tenants, standing)
        check_done(cluster, tenants, state=params["state"], force=params["force"])
    left_alone = [live for live in standing.rights if any(is_left_alone(live, tenant) for tenant in tenants)]
    strangers = sorted(place_of(live) for live in left_alone)
    if strangers:
        seen = "bears the label of a mesh and did not come from here, so it is left alone"
        run.warn(Finding("FED458", some(strangers, 5), seen).text)
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        "changes": [change.summary() for change in changes],
        "left_alone": strangers,
        "namespaces": sorted({name for tenant in tenants for name in tenant.namespaces}),
    }


def main() -> None:
    module = Module({**CLUSTER, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
