#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: control_plane
short_description: Keep a mesh's control plane
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps a ServiceMeshControlPlane as O(spec) describes it, and waits until its operator has finished.
  - Fields that O(spec) does not have are left to their owners. The gateways of peers are kept by
    M(ossm.federation.federation_gateways) as separate field managers, so neither takes a field from the other.
  - What the operator would refuse is refused before anything is sent. In check mode the API server is asked for a dry
    run as well, so that its admission webhooks have their say.
seealso:
  - module: ossm.federation.upgrade_plan_info
  - module: ossm.federation.member_roll
  - module: ossm.federation.federation_gateways
attributes:
  check_mode: {support: full, description: Asks the API server for a dry run and changes nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: A control plane that is as described is left alone.}
options:
  state:
    description: Whether the control plane is kept or removed.
    type: str
    choices: [present, absent]
    default: present
  spec:
    description: The control plane's C(spec) as the API has it. O(version) and O(trust_domain) may be in it or beside
      it.
    type: dict
    default: {}
  version:
    description:
      - The version, such as C(v2.6). Needed for a new control plane.
      - Another minor than the running one is refused.
    type: str
  trust_domain:
    description: The trust domain, which must differ from that of every other mesh of a federation.
    type: str
  upgrade:
    description:
      - Whether O(version) may be one minor above the running one. M(ossm.federation.upgrade_plan_info) reports what
        stops such a step and what changes with it.
      - A version that somebody wrote by hand is then taken over; a version that a GitOps tool applies, only with
        O(force).
    type: bool
    default: false
  remove_mixer:
    description:
      - With O(upgrade), remove Mixer and the 3scale add-on in the same update, whoever added them. Policies and
        telemetry become Istiod's.
    type: bool
    default: false
  members:
    description:
      - The member namespaces, in the form of M(ossm.federation.member_roll). They are only checked, for
        RV(members_stand), and not at all while there is something to do about the control plane.
    type: list
    elements: str
    default: []
  member_selectors:
    description: The selectors of the members, as O(members).
    type: list
    elements: str
    default: []
  is_last:
    description:
      - With O(state=absent) in check mode, peers and members that this collection manages count as removed. A playbook
        whose earlier tasks remove them sets it; without check mode it has no effect.
    type: bool
    default: false
  wait:
    description: Wait until the operator has finished.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at most; 600 for a new control plane, 900 for a changed one when absent.
    type: int
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.force
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: Keep the control plane of this mesh
  ossm.federation.control_plane:
    kubeconfig: east.kubeconfig
    mesh: east
    version: v2.6
    trust_domain: east.example
    spec:
      tracing: {type: None}
      addons:
        kiali: {enabled: false}
    wait: true

- name: Show what would change, in a task that runs in check mode
  ossm.federation.control_plane:
    kubeconfig: east.kubeconfig
    mesh: east
    version: v2.6
    trust_domain: east.example
  check_mode: true
  diff: true

- name: Take the control plane away, once nothing is federated with it
  ossm.federation.control_plane:
    kubeconfig: east.kubeconfig
    mesh: east
    state: absent
    wait: true
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: update, kind: ServiceMeshControlPlane, namespace: east-mesh-system, name: basic, fields:
    [spec.tracing.type]}]
control_plane:
  description: The control plane afterwards; empty when there is none.
  returned: success
  type: dict
  sample: {name: basic, namespace: east-mesh-system, version: v2.6, ready: true, trust_domain: east.example}
members_stand:
  description: Whether the member roll is as in O(members) and O(member_selectors), and all of them are configured.
    False if it was not checked.
  returned: success
  type: bool
  sample: true
joined:
  description:
    - The namespaces that joined by themselves (M(ossm.federation.mesh_member)) beside those of the roll. Empty where
      RV(members_stand) was not looked at.
  returned: success
  type: list
  elements: str
  sample: [desk]
waiting_for:
  description: What the control plane still lacks, in words. Empty when it is ready.
  returned: success
  type: list
  elements: str
  sample: []
wait_limit:
  description: Seconds that a wait takes at most.
  returned: success
  type: int
  sample: 600
"""

import time
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.control_plane import keeping
from ..module_utils._core.control_plane.keeping import not_ready, place_of
from ..module_utils._core.control_plane.live import ControlPlane, permanent_reason
from ..module_utils._core.control_plane.members import ROLL, joined
from ..module_utils._core.control_plane.spec import check_spec
from ..module_utils._core.plain.diff import Change, as_result
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.kinds import AUTHENTICATION, CONTROL_PLANE, MEMBER_ROLL, PEER
from ..module_utils._core.preflight.platform import foreign_tokens, identity_of, may_be_foreign
from ..module_utils._options import CLUSTER, FORCE, MESH, WAITING
from ..module_utils._reads.readable import all_served, one_readable
from ..module_utils._run import Module, Run, live_or_planned, rehearse, run_module, wait_until

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "spec": {"type": "dict", "default": {}},
    "version": {"type": "str"},
    "trust_domain": {"type": "str"},
    "upgrade": {"type": "bool", "default": False},
    "remove_mixer": {"type": "bool", "default": False},
    "members": {"type": "list", "elements": "str", "default": []},
    "member_selectors": {"type": "list", "elements": "str", "default": []},
    "is_last": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int"},
    **WAITING,
}
# A condition of before the change is still there for a moment; only one that stays is believed to be for good.
SETTLED = 15


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring the control plane to its desired state and return the module's result."""
    params = run.params
    live = live_or_planned(run, cluster, CONTROL_PLANE, *place_of(params))
    if params["state"] == "absent":
        changes = removed(cluster, live, is_last=params["is_last"] and run.check_mode)
    else:
        changes = kept(run, cluster, live)
    run.apply(cluster, changes)
    live, missing = look(run, cluster, live)
    if params["state"] == "present":
        warn_of_tokens(run, cluster, live, is_settled=not (changes or missing or params["wrote"]))
    limit = keeping.wait_limit(params, live)
    if missing and params["wait"] and not run.check_mode:
        live, missing = waited(run, cluster, live, limit)
    return {
        **as_result(changes),
        "control_plane": ControlPlane.read(live).as_data() if live else {},
        **({"members_stand": False, "joined": []} if changes or missing else members_of(cluster, params, live)),
        "waiting_for": missing,
        "wait_limit": limit,
    }


def kept(run: Run, cluster: Cluster, live: dict | None) -> list[Change]:
    """Return the change that makes the control plane as described, refused before it is sent if it must be."""
    found = keeping.wanted(run.params, live)
    if found.change is None or found.is_merge:
        return [found.change] if found.change else []
    check_spec(found.desired, cluster.schema(CONTROL_PLANE.api_version), found.version)
    if run.check_mode:
        rehearse(cluster, found.change)
    return [found.change]


def removed(cluster: Cluster, live: dict | None, *, is_last: bool) -> list[Change]:
    """Return the change that deletes the control plane; refused while something lives by it."""
    if live is None or keeping.is_going(live):
        return []
    namespace = live["metadata"]["namespace"]
    return [
        keeping.removal(
            live, cluster.get(MEMBER_ROLL, namespace, ROLL), all_served(cluster, PEER, namespace), is_last=is_last
        )
    ]


def warn_of_tokens(run: Run, cluster: Cluster, live: dict | None, *, is_settled: bool) -> None:
    """Warn where the cluster's tokens have another issuer than this control plane expects: FED753.

    Where it ``is_settled``, the cluster is asked only when its server's name gives cause to.
    """
    identity = identity_of(run.params["spec"], ControlPlane.read(live) if live else None)
    if may_be_foreign(identity, cluster.server, is_settled=is_settled):
        seen = one_readable(cluster, AUTHENTICATION, "", "cluster")
        for finding in foreign_tokens(identity, "/".join(place_of(run.params)), seen, cluster.server):
            run.warn(finding.text)


def look(run: Run, cluster: Cluster, live: dict | None) -> tuple[dict | None, list[str]]:
    """Return the control plane as it stands now and what it lacks; in check mode as it was read."""
    if not run.check_mode:
        live = live_or_planned(run, cluster, CONTROL_PLANE, *place_of(run.params))
    return live, keeping.lacking(live, is_going=run.params["state"] == "absent", check_mode=run.check_mode)


def members_of(cluster: Cluster, params: dict, live: dict | None) -> dict:
    """Return whether nothing is left to do about the member roll, and which namespaces have joined by themselves; what
    is wrong ``member_roll`` says.
    """
    nothing = {"members_stand": False, "joined": []}
    if live is None or not keeping.asks_for_members(params):
        return nothing
    control_plane = ControlPlane.read(live)
    try:
        desired = keeping.roll_of(params, control_plane)
        roll = cluster.get(MEMBER_ROLL, control_plane.namespace, ROLL)
    except FederationError:
        return nothing
    return {"members_stand": keeping.roll_stands(desired, roll, control_plane), "joined": joined(roll)}


def waited(run: Run, cluster: Cluster, live: dict | None, limit: int) -> tuple[dict | None, list[str]]:
    """Wait until nothing is missing, and return what stands then.

    Raises ``FederationError`` FED605 at the deadline, or as soon as the operator has given up.
    """
    params, started = run.params, time.monotonic()

    def missing() -> list[str]:
        nonlocal live
        live, found = look(run, cluster, live)
        stuck = permanent_reason(live) if live and found else ""
        seconds = time.monotonic() - started
        if stuck and params["waited"] + seconds >= SETTLED:
            raise not_ready(params, stuck, seconds, "Correct what the operator names, then run again")
        return found

    found, seconds = wait_until(missing, limit)
    if found and not params["soft"]:
        raise not_ready(params, "; ".join(found), seconds, "Look at the operator's log, then run again")
    return live, found


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
