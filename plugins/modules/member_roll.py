#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: member_roll
short_description: Keep the namespaces that belong to a mesh
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps the ServiceMeshMemberRoll of a mesh, and waits until every namespace is configured, or has left. Workloads made before that have no
    sidecar.
  - Namespaces that join by themselves (M(ossm.federation.mesh_member)) are members beside those of the roll. They are told in RV(joined) and
    left alone; the roll is not removed while there are any.
  - Who writes it needs the right to update pods in each namespace that is added.
seealso:
  - module: ossm.federation.mesh_member
  - module: ossm.federation.control_plane
attributes:
  check_mode: {support: full, description: Asks the API server for a dry run and changes nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: A roll that is as described is left alone.}
options:
  state:
    description: Whether the roll is kept or removed. Removing it takes every namespace out of the mesh.
    type: str
    choices: [present, absent]
    default: present
  members:
    description:
      - The namespaces, or V(*) alone for all (from version 2.3 on). They may be made later. Those that do not exist are waited for until the
        operator has missed them for 10 seconds; then they are told in RV(pending) with a warning (FED610), and the others are as described.
      - With O(state=absent) namespaces that have to have left, beside those that the roll has.
    type: list
    elements: str
    default: []
  member_selectors:
    description: Label selectors of namespaces in place of O(members), from version 2.4 on. Needs rights in the whole cluster.
    type: list
    elements: str
    default: []
  wait:
    description: Wait until all namespaces are configured, or have left and the roll is gone.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at the most. With less than 10 a namespace that does not exist is a failure.
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
  sample: [{action: update, kind: ServiceMeshMemberRoll, namespace: east-mesh-system, name: default, fields: [spec.members]}]
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
  description: The namespaces of the roll that do not exist, and that nobody makes at this moment.
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
  description: Seconds that a wait takes at the most.
  returned: success
  type: int
  sample: 300
"""

import time  # noqa: E402
from dataclasses import replace  # noqa: E402
from datetime import datetime, timedelta  # noqa: E402

from ..module_utils._cluster.client import Cluster  # noqa: E402
from ..module_utils._core.control_plane.live import ControlPlane  # noqa: E402
from ..module_utils._core.control_plane.members import (  # noqa: E402
    ALL,
    GRACE,
    ROLL,
    Lack,
    check_going,
    check_holder,
    check_roll,
    check_takeover,
    flickers,
    is_made,
    joined,
    lacks,
    plan_roll,
    steps,
    unreleased,
)
from ..module_utils._core.plain.data import listed, some  # noqa: E402
from ..module_utils._core.plain.diff import Change, as_diff, change_to, is_ours, removal_of  # noqa: E402
from ..module_utils._core.plain.errors import FederationError  # noqa: E402
from ..module_utils._core.plain.kinds import CONTROL_PLANE, MANAGER, MEMBER_ROLL, NAMESPACE  # noqa: E402
from ..module_utils._core.plain.reference import link_to  # noqa: E402
from ..module_utils._options import CLUSTER, FORCE, MESH, WAITING  # noqa: E402
from ..module_utils._run import Module, Run, live_or_planned, rehearse, run_module, wait_until  # noqa: E402

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "members": {"type": "list", "elements": "str", "default": []},
    "member_selectors": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 300},
    **WAITING,
}
# How many namespaces a message names; the result has them all.
MOST = 10
AGAIN = "all are configured; looking once more, because rolls of this version lose members for a moment"


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring the roll to its desired state and return the module's result."""
    params = run.params
    namespace = params["namespace"] or f"{params['mesh']}-mesh-system"
    found = live_or_planned(run, cluster, CONTROL_PLANE, namespace, params["control_plane"])
    control_plane = ControlPlane.read(found) if found else None
    live = live_or_planned(run, cluster, MEMBER_ROLL, namespace, ROLL)
    changes = kept(run, cluster, namespace, live, control_plane) if params["state"] == "present" else removed(live)
    run.apply(cluster, changes)
    missing: list[str] = []
    pending: list[str] = []
    if not run.check_mode and params["state"] == "present":
        live, missing, pending = awaited(run, cluster, namespace)
    elif not run.check_mode:
        live, missing = let_go(run, cluster, namespace, live)
    if pending and not missing:
        run.warn(told_pending(namespace, pending))
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        "changes": [change.summary() for change in changes],
        "members": sorted(((live or {}).get("status") or {}).get("configuredMembers") or []),
        "joined": joined(live),
        "pending": pending,
        "waiting_for": missing,
        "wait_limit": params["wait_timeout"],
    }


def kept(run: Run, cluster: Cluster, namespace: str, live: dict | None, control_plane: ControlPlane | None) -> list[Change]:
    """Return the changes that make the roll list what is described; refused before anything is sent if it must be."""
    params = run.params
    version = control_plane.version if control_plane else None
    desired = plan_roll(params["mesh"], namespace, params["members"], params["member_selectors"], version)
    check_roll(live)
    whole = whole_change(live, desired, force=params["force"])
    if whole is None:
        return []
    standing = ((live or {}).get("spec") or {}).get("members") or []
    for member in params["members"]:
        if member not in standing:
            check_holder(namespace, member, labels_of(cluster, member))
    parts = list(steps(live, desired))
    if run.check_mode:
        rehearse(cluster, whole)
        return [whole]
    if len(parts) == 1:
        return [whole]
    changes = [change_to(live, part, MANAGER, force=params["force"]) for part in parts]
    return [change for change in changes if change]


def whole_change(live: dict | None, desired: dict, *, force: bool) -> Change | None:
    """Return the change to the roll that is described; what the operator itself keeps on it is not taken, with ``force`` either."""
    try:
        found = change_to(live, desired, MANAGER)
    except FederationError as error:
        check_takeover(live, error, desired)
        if not force:
            raise
        return change_to(live, desired, MANAGER, force=True)
    return replace(found, force=force) if found else None


def removed(live: dict | None) -> list[Change]:
    """Return the change that deletes the roll; one that somebody else made is left to them."""
    if live is None or live["metadata"].get("deletionTimestamp"):
        return []
    check_going(live)
    if not is_ours(live):
        raise FederationError(
            "FED501",
            where=f"ServiceMeshMemberRoll {live['metadata']['namespace']}/{ROLL}",
            what="was made by hand",
            fix="Delete it by hand, or keep it once with state=present and force to take it over",
        )
    return [removal_of(live, MANAGER)]


def labels_of(cluster: Cluster, namespace: str) -> dict:
    """Return a namespace's labels; none where it does not exist yet or may not be read."""
    try:
        found = cluster.get(NAMESPACE, "", namespace)
    except FederationError as error:
        if error.code != "FED104":
            raise
        return {}
    return ((found or {}).get("metadata") or {}).get("labels") or {}


def awaited(run: Run, cluster: Cluster, namespace: str) -> tuple[dict | None, list[str], list[str]]:
    """Return the roll as it stands, what is missing, and the namespaces that nobody makes, after a wait when one was asked for.

    Raises ``FederationError`` FED610 at the deadline.
    """
    params, started = run.params, time.monotonic()
    live: dict | None = None
    told: list[Lack] = []
    calm = 0
    # Who allows less time than it takes to be sure wants a failure.
    may_tell = timedelta(seconds=params["waited"] + params["wait_timeout"]) >= GRACE

    def missing() -> list[str]:
        nonlocal live, told, calm
        live = cluster.get(MEMBER_ROLL, namespace, ROLL)
        found = cluster.get(CONTROL_PLANE, namespace, params["control_plane"])
        control_plane = ControlPlane.read(found) if found else None
        waited = timedelta(seconds=params["waited"] + time.monotonic() - started)
        lacking = lacks(live, control_plane)
        told = [lack for lack in lacking if may_tell and lack.is_told(cluster.now, waited)]
        left = [lack.text for lack in lacking if lack not in told]
        calm = 0 if left else calm + 1
        return left or ([AGAIN] if params["wait"] and calm < 2 and flickers(control_plane.version if control_plane else None) else [])

    found, _seconds = wait_until(missing, params["wait_timeout"] if params["wait"] else 0)
    if found and params["wait"] and not params["soft"]:
        fix = "Make the namespaces that do not exist, look at the operator's log for the others, then run again"
        raise not_done(params, namespace, "configured", [*found, *(lack.text for lack in told)], started, fix)
    return live, found, [lack.namespace for lack in told]


def told_pending(namespace: str, pending: list[str]) -> str:
    """Return the warning about namespaces of the roll that do not exist."""
    several = len(pending) > 1
    return (
        f"FED610 ServiceMeshMemberRoll {namespace}/{ROLL}: {listed(pending)} {'do' if several else 'does'} not exist, and "
        f"nobody makes {'them' if several else 'it'} now; the other members are configured. Create {'them' if several else 'it'}, "
        f"and the operator adds {'them' if several else 'it'} to the mesh by itself, or correct mesh_members.  ({link_to('FED610')})"
    )


def let_go(run: Run, cluster: Cluster, namespace: str, before: dict | None) -> tuple[dict | None, list[str]]:
    """Return what is left of the roll and which namespaces have yet to leave, after a wait when one was asked for; raises as ``awaited``."""
    params, started = run.params, time.monotonic()
    standing = [*((before or {}).get("spec") or {}).get("members", ()), *((before or {}).get("status") or {}).get("configuredMembers", ())]
    members = [member for member in dict.fromkeys([*standing, *params["members"]]) if member != ALL]
    live: dict | None = None

    def missing() -> list[str]:
        nonlocal live
        live = live_or_planned(run, cluster, MEMBER_ROLL, namespace, ROLL)
        # A namespace that has joined by itself meanwhile has a roll of the operator's.
        live = None if is_made(live) else live
        return unreleased(live, namespace, {member: labels_of(cluster, member) for member in members})

    found, _seconds = wait_until(missing, params["wait_timeout"] if params["wait"] else 0)
    if found and params["wait"] and not params["soft"]:
        raise not_done(params, namespace, "gone", found, started, "Look at the operator's log: it has to run while members leave. Then run again")
    return live, found


def not_done(params: dict, namespace: str, what: str, found: list[str], started: float, fix: str) -> FederationError:
    """Return the error for a roll that has not become what it should by the deadline."""
    return FederationError(
        "FED610",
        where=f"ServiceMeshMemberRoll {namespace}/{ROLL}",
        what=f"is not {what} after {params['waited'] + int(time.monotonic() - started)} s: {some(found, MOST, '; ')}",
        fix=fix,
        facts={"waiting_for": found},
    )


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
