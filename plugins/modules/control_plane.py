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
  - Fields that O(spec) does not have are left to their owners. The gateways of peers are kept by M(ossm.federation.federation_gateways)
    as field managers of their own, so neither takes a field from the other.
  - What the operator would refuse is refused before anything is sent. In check mode the API server is asked for a dry run as
    well, so that its admission webhooks have their say.
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
    description: The control plane's C(spec) as the API has it. O(version) and O(trust_domain) may stand in it or beside it.
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
      - Whether O(version) may be one minor above the running one. M(ossm.federation.upgrade_plan_info) tells what stops such a step
        and what changes with it.
      - A version that somebody wrote by hand is then taken over; one that is applied by itself, as GitOps does, only with O(force).
    type: bool
    default: false
  remove_mixer:
    description:
      - With O(upgrade), take Mixer and the 3scale add-on out in the same update, whoever put them there. Policies and telemetry
        become Istiod's.
    type: bool
    default: false
  members:
    description:
      - The member namespaces as M(ossm.federation.member_roll) takes them. They are only looked at, for RV(members_stand), and not at all
        while there is something to do about the control plane.
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
      - With O(state=absent) in check mode, peers and members that this collection keeps count as gone. A playbook whose earlier tasks remove them
        sets it; without check mode it has no effect.
    type: bool
    default: false
  wait:
    description: Wait until the operator has finished.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at the most; 600 for a new control plane, 900 for a changed one when absent.
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
  sample: [{action: update, kind: ServiceMeshControlPlane, namespace: east-mesh-system, name: basic, fields: [spec.tracing.type]}]
control_plane:
  description: The control plane as it stands afterwards; empty when there is none.
  returned: success
  type: dict
  sample: {name: basic, namespace: east-mesh-system, version: v2.6, ready: true, trust_domain: east.example}
members_stand:
  description: Whether the member roll is as O(members) and O(member_selectors) say, and all of them are configured. False where it was not looked at.
  returned: success
  type: bool
  sample: true
joined:
  description:
    - The namespaces that joined by themselves (M(ossm.federation.mesh_member)) beside those of the roll. Empty where RV(members_stand) was not
      looked at.
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
  description: Seconds that a wait takes at the most.
  returned: success
  type: int
  sample: 600
"""

import time  # noqa: E402
from collections.abc import Collection, Sequence  # noqa: E402
from dataclasses import replace  # noqa: E402
from datetime import datetime  # noqa: E402

from ..module_utils._cluster.client import Cluster  # noqa: E402
from ..module_utils._core.control_plane.live import ControlPlane, parse_version, permanent_reason, unready  # noqa: E402
from ..module_utils._core.control_plane.members import ROLL, check_roll, joined, plan_roll, unconfigured  # noqa: E402
from ..module_utils._core.control_plane.spec import check_name, check_spec, check_step, plan_control_plane  # noqa: E402
from ..module_utils._core.control_plane.upgrade import described_without_mixer, mixer_of, without_mixer  # noqa: E402
from ..module_utils._core.plain.data import at, some  # noqa: E402
from ..module_utils._core.plain.diff import (  # noqa: E402
    Change,
    as_diff,
    change_to,
    is_ours,
    merge_of,
    refuse_conflicts,
    removal_of,
)
from ..module_utils._core.plain.errors import FederationError  # noqa: E402
from ..module_utils._core.plain.kinds import (  # noqa: E402
    AUTHENTICATION,
    CONTROL_PLANE,
    MANAGER,
    MEMBER_ROLL,
    MESH_LABEL,
    PEER,
    control_plane_manager,
)
from ..module_utils._core.plain.supported import managed_cluster  # noqa: E402
from ..module_utils._core.preflight.platform import IDENTITY, THIRD_PARTY, foreign_tokens  # noqa: E402
from ..module_utils._options import CLUSTER, FORCE, MESH, WAITING  # noqa: E402
from ..module_utils._run import Module, Run, live_or_planned, rehearse, run_module, wait_until  # noqa: E402

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
    namespace, name = place_of(params)
    live = live_or_planned(run, cluster, CONTROL_PLANE, namespace, name)
    if params["state"] == "absent":
        changes = removed(cluster, live, is_last=params["is_last"] and run.check_mode)
    else:
        changes = kept(run, cluster, live)
    run.apply(cluster, changes)
    live, missing = look(run, cluster, live)
    if params["state"] == "present":
        warn_of_tokens(run, cluster, live, is_settled=not (changes or missing or params["wrote"]))
    limit = params["wait_timeout"] or (900 if at(live, "status", "chartVersion") else 600)
    if missing and params["wait"] and not run.check_mode:
        live, missing = waited(run, cluster, live, limit)
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        "changes": [change.summary() for change in changes],
        "control_plane": ControlPlane.read(live).as_data() if live else {},
        **({"members_stand": False, "joined": []} if changes or missing else members_of(cluster, params, live)),
        "waiting_for": missing,
        "wait_limit": limit,
    }


def kept(run: Run, cluster: Cluster, live: dict | None) -> list[Change]:
    """Return the change that makes the control plane as described, refused before it is sent if it must be."""
    params = run.params
    namespace, name = place_of(params)
    if live and not params["force"]:
        refuse_other_mesh(params["mesh"], live)
    # What is described may still have what this upgrade takes out.
    spec = described_without_mixer(params["spec"]) if params["upgrade"] and params["remove_mixer"] else params["spec"]
    desired = plan_control_plane(
        params["mesh"], namespace, name, spec, version=params["version"], trust_domain=params["trust_domain"], live=live
    )
    standing = ControlPlane.read(live) if live else None
    version = parse_version(desired["spec"].get("version")) or (standing.version if standing else None)
    check_step(standing, version, is_upgrade=params["upgrade"])
    check_name(desired, version, standing)
    check_spec(desired, None, version)
    taken = merged(params, live, standing, desired["spec"])
    if taken:
        return [taken]
    change = change_to(live, desired, control_plane_manager(), force=params["force"], edits=params["upgrade"])
    if change is None:
        return []
    if any(entry.get("manager") == change.manager and entry["operation"] == "Update" for entry in managed(live)):
        # A merge of ours stands as another manager of the same name; that nobody else is concerned was seen just now.
        change = replace(change, force=True)
    check_spec(desired, cluster.schema(CONTROL_PLANE.api_version), version)
    if run.check_mode:
        rehearse(cluster, change)
    return [change]


def warn_of_tokens(run: Run, cluster: Cluster, live: dict | None, *, is_settled: bool) -> None:
    """Warn where the cluster's tokens have another issuer than this control plane expects: FED753.

    Where it ``is_settled``, the cluster is asked only when its server's name gives cause to.
    """
    described = at(run.params["spec"], *IDENTITY)
    identity = described if described is not None or live is None else ControlPlane.read(live).said(*IDENTITY)
    if identity == THIRD_PARTY or (is_settled and not managed_cluster(cluster.server)):
        return
    for finding in foreign_tokens(identity, "/".join(place_of(run.params)), authentication(cluster), cluster.server):
        run.warn(finding.text)


def authentication(cluster: Cluster) -> dict | None:
    """Return what the cluster says of its tokens; None where it says nothing, or this account may not read it."""
    try:
        return cluster.get(AUTHENTICATION, "", "cluster")
    except FederationError as error:
        if error.code not in ("FED104", "FED108"):
            raise
        return None


def refuse_other_mesh(mesh: str, live: dict) -> None:
    """Refuse a control plane that is kept as another mesh: FED103. Two descriptions of one would undo each other in every run."""
    kept_as = (live["metadata"].get("labels") or {}).get(MESH_LABEL)
    if kept_as and kept_as != mesh:
        raise FederationError(
            "FED103",
            where=f"ServiceMeshControlPlane {live['metadata']['namespace']}/{live['metadata']['name']}",
            what=f"is kept as the mesh {kept_as}, and this is {mesh}",
            fix="Correct the cluster, mesh_namespace or mesh_control_plane; with force (federation_force: true) it is renamed",
        )


def merged(params: dict, live: dict | None, standing: ControlPlane | None, spec: dict) -> Change | None:
    """Return the update that takes Mixer out together with the new version; None when that is not wanted or done.

    What somebody applies by himself (GitOps) is not taken without ``force``: he would put it back.
    """
    if not (live and params["upgrade"] and params["remove_mixer"] and mixer_of(standing)):
        return None
    version = {"version": spec["version"]} if "version" in spec else {}
    change = merge_of(live, {"spec": {**version, **without_mixer(live)}}, control_plane_manager())
    if change and not params["force"]:
        refuse_conflicts(live, change.differences, change.manager, applied_only=True)
    return change


def managed(live: dict | None) -> list[dict]:
    """Return who manages which fields of an object, without its status."""
    entries = ((live or {}).get("metadata") or {}).get("managedFields") or []
    return [entry for entry in entries if not entry.get("subresource")]


def removed(cluster: Cluster, live: dict | None, *, is_last: bool = False) -> list[Change]:
    """Return the change that deletes the control plane; refused while something lives by it.

    What this collection keeps does not count when the control plane ``is_last`` in a run that would have removed that before.
    """
    if live is None or live["metadata"].get("deletionTimestamp"):
        return []
    namespace, name = live["metadata"]["namespace"], live["metadata"]["name"]
    roll = cluster.get(MEMBER_ROLL, namespace, ROLL)
    users = [*peers_of(cluster, namespace), *([roll] if roll else [])]
    uses = uses_of([user for user in users if not (is_last and is_ours(user))], joined(roll))
    fix = "Run unfederate, empty the member roll, have those leave who joined by themselves, then try again"
    if not is_ours(live):
        fix = f"Delete it by hand, or run control_plane for it once, which takes it over{'; for the others: ' + fix[0].lower() + fix[1:] if uses else ''}"
        uses.insert(0, "somebody who made it by hand, since it carries no label of this collection")
    if uses:
        raise FederationError(
            "FED425",
            where=f"ServiceMeshControlPlane {namespace}/{name}",
            what=f"is used by {some(uses)}",
            fix=fix,
            facts={"uses": uses},
        )
    return [removal_of(live, control_plane_manager())]


def uses_of(users: Sequence[dict], by_themselves: Collection[str]) -> list[str]:
    """Return in words who lives by a control plane: peers, members of the roll, and members that joined ``by_themselves``."""
    members = [member for user in users for member in at(user, "spec", "members") or []]
    return [
        *(f"ServiceMeshPeer {user['metadata']['name']}" for user in users if user["kind"] == PEER.name),
        *(f"member {member}" for member in members if member not in by_themselves),
        *(f"member {member}, which joined by itself" for member in by_themselves),
    ]


def peers_of(cluster: Cluster, namespace: str) -> list[dict]:
    """Return the peers that stand; none where the kind came with no control plane yet."""
    try:
        return cluster.list(PEER, namespace)
    except FederationError as error:
        if error.code != "FED108":
            raise
        return []


def look(run: Run, cluster: Cluster, live: dict | None) -> tuple[dict | None, list[str]]:
    """Return the control plane as it stands now and what it lacks; in check mode as it was read."""
    namespace, name = place_of(run.params)
    if not run.check_mode:
        live = live_or_planned(run, cluster, CONTROL_PLANE, namespace, name)
    if run.params["state"] == "absent":
        return live, [] if live is None or run.check_mode else ["the operator is still removing it"]
    return live, unready(live) if live else []


def members_of(cluster: Cluster, params: dict, live: dict | None) -> dict:
    """Return whether nothing is left to do about the member roll, and who has joined by himself; what is wrong ``member_roll`` says."""
    if live is None or params["state"] == "absent" or not (params["members"] or params["member_selectors"]):
        return {"members_stand": False, "joined": []}
    control_plane = ControlPlane.read(live)
    by_themselves: list[str] = []
    try:
        desired = plan_roll(params["mesh"], control_plane.namespace, params["members"], params["member_selectors"], control_plane.version)
        roll = cluster.get(MEMBER_ROLL, control_plane.namespace, ROLL)
        by_themselves = joined(roll)
        check_roll(roll)
        stands = roll is not None and change_to(roll, desired, MANAGER) is None and not unconfigured(roll, control_plane)
    except FederationError:
        stands = False
    return {"members_stand": stands, "joined": by_themselves}


def waited(run: Run, cluster: Cluster, live: dict | None, limit: int) -> tuple[dict | None, list[str]]:
    """Wait until nothing is missing, and return what stands then.

    Raises ``FederationError`` FED605 at the deadline, or as soon as the operator has given up.
    """
    params, started = run.params, time.monotonic()

    def missing() -> list[str]:
        nonlocal live
        live, found = look(run, cluster, live)
        stuck = permanent_reason(live) if live and found else ""
        if stuck and params["waited"] + time.monotonic() - started >= SETTLED:
            raise not_ready(params, stuck, started, "Correct what the operator names, then run again")
        return found

    found, _seconds = wait_until(missing, limit)
    if found and not params["soft"]:
        raise not_ready(params, "; ".join(found), started, "Look at the operator's log, then run again")
    return live, found


def not_ready(params: dict, seen: str, started: float, fix: str) -> FederationError:
    """Return the error for a control plane that did not become what it should."""
    namespace, name = place_of(params)
    seconds = params["waited"] + int(time.monotonic() - started)
    return FederationError(
        "FED605",
        where=f"ServiceMeshControlPlane {namespace}/{name}",
        what=f"is not {'ready' if params['state'] == 'present' else 'gone'} after {seconds} s: {seen}",
        fix=fix,
        facts={"waiting_for": [seen]},
    )


def place_of(params: dict) -> tuple[str, str]:
    """Return the control plane's namespace and name."""
    return params["namespace"] or f"{params['mesh']}-mesh-system", params["control_plane"]


def main() -> None:
    module = Module({**CLUSTER, **MESH, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
