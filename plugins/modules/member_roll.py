#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: member_roll
short_description: Keep the namespaces that belong to a mesh
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps the ServiceMeshMemberRoll of a mesh, and waits until every namespace is configured, or has left. Workloads
    made before that have no sidecar.
  - Namespaces that join by themselves (M(ossm.federation.mesh_member)) are members beside those of the roll. They are
    listed in RV(joined) and left alone; the roll is not removed while there are any.
  - The account needs the C(update) right on pods in every namespace that it adds.
seealso:
  - module: ossm.federation.mesh_member
  - module: ossm.federation.control_plane
attributes:
  check_mode: {support: full, description: Asks the API server for a dry run and changes nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: A roll that is as described is left alone.}
options:
  state:
    description: Whether the roll is kept or removed. Removing it removes every namespace from the mesh.
    type: str
    choices: [present, absent]
    default: present
  members:
    description:
      - The namespaces, or V(*) alone for all (from version 2.3 on). They may be made later. Those that do not exist are
        waited for until the operator has missed them for 10 seconds; then they are listed in RV(pending) with a warning
        (FED610), and the others are as described.
      - With O(state=absent) namespaces that have to have left, beside those that the roll has.
    type: list
    elements: str
    default: []
  member_selectors:
    description: Label selectors of namespaces in place of O(members), from version 2.4 on. Needs rights in the whole
      cluster.
    type: list
    elements: str
    default: []
  wait:
    description: Wait until all namespaces are configured, or have left and the roll is deleted.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at most. With less than 10 a namespace that does not exist is a failure.
    type: int
    default: 300
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.force
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: Keep the members of this mesh
  ossm.federation.member_roll:
    kubeconfig: east.kubeconfig
    mesh: east
    members: [shop, desk]
    wait: true

- name: Take in every namespace with a label, from 2.4 on
  ossm.federation.member_roll:
    kubeconfig: east.kubeconfig
    mesh: east
    member_selectors: ["mesh=east"]

- name: Let everybody go
  ossm.federation.member_roll:
    kubeconfig: east.kubeconfig
    mesh: east
    state: absent
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: update, kind: ServiceMeshMemberRoll, namespace: east-mesh-system, name: default, fields:
    [spec.members]}]
members:
  description: The namespaces that are configured.
  returned: success
  type: list
  elements: str
  sample: [desk, shop]
joined:
  description: Those of them that joined by themselves.
  returned: success
  type: list
  elements: str
  sample: [desk]
pending:
  description: The namespaces of the roll that do not exist, and that are not being created.
  returned: success
  type: list
  elements: str
  sample: []
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

import time
from datetime import datetime, timedelta

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.control_plane import roll
from ..module_utils._core.control_plane.live import ControlPlane
from ..module_utils._core.control_plane.members import ROLL, Lack, check_holder, is_made, joined, unreleased
from ..module_utils._core.plain.diff import Change, as_result
from ..module_utils._core.plain.kinds import CONTROL_PLANE, MEMBER_ROLL, home_of
from ..module_utils._options import CLUSTER, FORCE, MESH, WAITING
from ..module_utils._reads.readable import labels_of
from ..module_utils._run import Module, Run, awaited, live_or_planned, rehearse, run_module

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "members": {"type": "list", "elements": "str", "default": []},
    "member_selectors": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 300},
    **WAITING,
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring the roll to its desired state and return the module's result."""
    params, namespace = run.params, home_of(run.params)
    found = live_or_planned(run, cluster, CONTROL_PLANE, namespace, params["control_plane"])
    live = live_or_planned(run, cluster, MEMBER_ROLL, namespace, ROLL)
    is_kept = params["state"] == "present"
    changes = (
        kept(run, cluster, namespace, live, ControlPlane.read(found) if found else None)
        if is_kept
        else roll.removed(live)
    )
    run.apply(cluster, changes)
    missing: list[str] = []
    pending: list[str] = []
    if not run.check_mode and is_kept:
        live, missing, pending = configured(run, cluster, namespace)
    elif not run.check_mode:
        live, missing = let_go(run, cluster, namespace, live)
    if pending and not missing:
        run.warn(roll.told_pending(namespace, pending))
    return {
        **as_result(changes),
        "members": roll.configured(live),
        "joined": joined(live),
        "pending": pending,
        "waiting_for": missing,
        "wait_limit": params["wait_timeout"],
    }


def kept(
    run: Run, cluster: Cluster, namespace: str, live: dict | None, control_plane: ControlPlane | None
) -> list[Change]:
    """Return the changes that make the roll list what is described; refused before anything is sent if it must be."""
    params = run.params
    desired, whole = roll.wanted(params, live, control_plane)
    if whole is None:
        return []
    for member in roll.newcomers(params["members"], live):
        check_holder(namespace, member, labels_of(cluster, member))
    if run.check_mode:
        rehearse(cluster, whole)
        return [whole]
    return roll.in_steps(live, desired, whole, force=params["force"])


def configured(run: Run, cluster: Cluster, namespace: str) -> tuple[dict | None, list[str], list[str]]:
    """Return the roll as it stands, what is missing, and the namespaces that nobody makes, after a wait when one was
    asked for.

    Raises ``FederationError`` FED610 at the deadline.
    """
    params, started = run.params, time.monotonic()
    live: dict | None = None
    told: list[Lack] = []
    calm = 0

    def missing() -> list[str]:
        nonlocal live, told, calm
        live = cluster.get(MEMBER_ROLL, namespace, ROLL)
        found = cluster.get(CONTROL_PLANE, namespace, params["control_plane"])
        control_plane = ControlPlane.read(found) if found else None
        waited = timedelta(seconds=params["waited"] + time.monotonic() - started)
        left, told = roll.missing(live, control_plane, cluster.now, waited, may_tell=roll.may_tell(params))
        calm = 0 if left else calm + 1
        return left or (roll.look_again(control_plane, calm) if params["wait"] else [])

    found = awaited(run, missing, lambda left, seconds: roll.not_configured(namespace, left, told, seconds))
    return live, found, [lack.namespace for lack in told]


def let_go(run: Run, cluster: Cluster, namespace: str, before: dict | None) -> tuple[dict | None, list[str]]:
    """Return what is left of the roll and which namespaces have yet to leave, after a wait when one was asked for;
    raises as ``configured``.
    """
    members = roll.leaving(before, run.params["members"])
    live: dict | None = None

    def missing() -> list[str]:
        nonlocal live
        live = live_or_planned(run, cluster, MEMBER_ROLL, namespace, ROLL)
        # A namespace that has joined by itself meanwhile has a roll of the operator's.
        live = None if is_made(live) else live
        return unreleased(live, namespace, {member: labels_of(cluster, member) for member in members})

    found = awaited(run, missing, lambda left, seconds: roll.not_gone(namespace, left, seconds))
    return live, found


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
