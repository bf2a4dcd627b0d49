# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_member
short_description: Let one namespace join a mesh by itself
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps the ServiceMeshMember of a namespace, for owners of the namespace who do not own the mesh, and waits until it
    has joined.
  - It needs the verb C(use) on the control plane, which the subjects of RoleBinding C(mesh-users) in its namespace
    have.
  - A namespace is managed by the roll (M(ossm.federation.member_roll)) or by its own member, never by both; objects
    that the operator made are refused.
seealso:
  - module: ossm.federation.member_roll
  - module: ossm.federation.mesh_tenants
attributes:
  check_mode: {support: full, description: Changes nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: A member that is as described is left alone.}
options:
  state:
    description: Whether the namespace is a member.
    type: str
    choices: [present, absent]
    default: present
  member:
    description: The namespace that joins.
    type: str
    required: true
  wait:
    description: Wait until the operator has configured the namespace, or has released it.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 300
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.force
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: Join the mesh of the platform team
  ossm.federation.mesh_member:
    kubeconfig: shop-team.kubeconfig
    mesh: east
    member: shop
    wait: true

- name: Join without waiting for the operator
  ossm.federation.mesh_member:
    kubeconfig: shop-team.kubeconfig
    mesh: east
    member: shop

- name: Leave the mesh
  ossm.federation.mesh_member:
    kubeconfig: shop-team.kubeconfig
    mesh: east
    member: shop
    state: absent
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, kind: ServiceMeshMember, namespace: shop, name: default, fields:
    [spec.controlPlaneRef.name]}]
waiting_for:
  description: What the operator has yet to do, in words.
  returned: success
  type: list
  elements: str
  sample: []
wait_limit:
  description: Seconds that a wait takes at most.
  returned: success
  type: int
  sample: 300
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.control_plane import roll
from ..module_utils._core.control_plane.live import ControlPlane
from ..module_utils._core.control_plane.members import ROLL, check_joined, is_made, plan_member
from ..module_utils._core.plain.diff import as_result, change_to
from ..module_utils._core.plain.errors import FORBIDDEN, FederationError
from ..module_utils._core.plain.kinds import CONTROL_PLANE, MANAGER, MEMBER, MEMBER_ROLL, home_of
from ..module_utils._options import CLUSTER, FORCE, MESH, WAITING
from ..module_utils._run import Module, Run, awaited, run_module

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "member": {"type": "str", "required": True},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 300},
    **WAITING,
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring one member to its desired state and return the module's result."""
    params, namespace = run.params, home_of(run.params)
    desired = plan_member(params["mesh"], namespace, params["control_plane"], params["member"])
    live = cluster.get(MEMBER, params["member"], ROLL)
    check_joined(live, desired)
    if params["state"] == "present":
        change = change_to(live, desired, MANAGER, force=params["force"])
    else:
        change = roll.parted(live, namespace, *standing(cluster, namespace, params["control_plane"])) if live else None
    changes = [change] if change else []
    run.apply(cluster, changes)
    missing = [] if run.check_mode else settled(run, cluster)
    return {**as_result(changes), "waiting_for": missing, "wait_limit": params["wait_timeout"]}


def standing(cluster: Cluster, namespace: str, name: str) -> tuple[dict | None, tuple[int, int] | None]:
    """Return the member roll and the control plane's version; nothing of what the owner of a namespace may not read."""
    try:
        found = cluster.get(CONTROL_PLANE, namespace, name)
        return cluster.get(MEMBER_ROLL, namespace, ROLL), ControlPlane.read(found).version if found else None
    except FederationError as error:
        if error.code != FORBIDDEN:
            raise
        return None, None


def settled(run: Run, cluster: Cluster) -> list[str]:
    """Return what is missing, after a wait when one was asked for. Raises ``FederationError`` FED609 at the
    deadline.
    """
    params, is_going = run.params, run.params["state"] == "absent"
    live: dict | None = None

    def missing() -> list[str]:
        nonlocal live
        live = cluster.get(MEMBER, params["member"], ROLL)
        return roll.member_lacks(live, is_going=is_going)

    found = awaited(run, missing, lambda left, seconds: roll.not_joined(params, left, seconds))
    if is_going and is_made(live):
        run.warn(roll.told_staying(params["member"]))
    return found


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
