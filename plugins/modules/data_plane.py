# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: data_plane
short_description: Find sidecars older than their control plane, and restart their workloads
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - A sidecar keeps the version with which its pod was made. After an upgrade of the control plane the workloads must be restarted.
  - Finds old sidecars by the pods themselves, and restarts their owners namespace by namespace, O(batch) at a time, each only when those before are up again.
  - Decides by the pods alone. A run that was interrupted goes on where it stopped, and restarts nothing twice.
  - Reports and leaves alone what nobody would make again (bare pods, Jobs), what is paused, and owners that it does not know.
attributes:
  check_mode: {support: full, description: Changes nothing; shows all workloads that would be restarted.}
  diff_mode: {support: full, description: Shows the mark that each restart leaves.}
  idempotent: {support: full, description: Where no sidecar is old nothing is restarted.}
options:
  state:
    description: Whether sidecars are only looked for, or their workloads restarted.
    type: str
    choices: [surveyed, restarted]
    default: surveyed
  batch:
    description: How many workloads of a namespace are restarted at the same time.
    type: int
    default: 1
  namespaces:
    description: Only these of the mesh's namespaces; all when empty.
    type: list
    elements: str
    default: []
  wait:
    description: Wait until all sidecars are new. Without it at the most one batch is restarted.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for everything at the most.
    type: int
    default: 3600
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: See which sidecars are old
  ossm.federation.data_plane:
    kubeconfig: east.kubeconfig
    mesh: east

- name: Restart their workloads, three at a time
  ossm.federation.data_plane:
    kubeconfig: east.kubeconfig
    mesh: east
    state: restarted
    batch: 3
    wait: true
"""

RETURN = r"""
changes:
  description: What was restarted, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: merge, kind: Deployment, namespace: shop, name: cart, fields: [spec.template.metadata.annotations]}]
old:
  description: Pods whose sidecar is not of the control plane's version, as they stand at the end.
  returned: success
  type: list
  elements: dict
  sample: [{pod: shop/cart-6c7f-x2z, version: 2.1.6, owner: Deployment shop/cart}]
left_alone:
  description: Owners of such pods that are not restarted, and why.
  returned: success
  type: list
  elements: dict
  sample: [{owner: Pod shop/debug, reason: has no owner that would make it again; delete and make it by hand}]
pods:
  description: How many pods have a sidecar, and how many of these are old.
  returned: success
  type: dict
  sample: {sidecars: 12, old: 1}
lines:
  description: The same for people.
  returned: success
  type: list
  elements: str
  sample: ["1 pod with a sidecar other than 2.2.13", "Deployment shop/cart: 1 pod of 2.1.6"]
unknown:
  description: What could not be looked at, because this account may not read it.
  returned: success
  type: list
  elements: str
  sample: []
waiting_for:
  description: Roll-outs that are under way, in words.
  returned: success
  type: list
  elements: str
  sample: ["Deployment shop/cart: 1 of 2 pods are new"]
wait_limit:
  description: Seconds that a wait takes at the most.
  returned: success
  type: int
  sample: 3600
"""

import time  # noqa: E402
from collections.abc import Iterable, Mapping, Sequence  # noqa: E402
from dataclasses import dataclass, replace  # noqa: E402
from datetime import datetime  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

from ..module_utils._arguments import CLUSTER  # noqa: E402
from ..module_utils._cluster import Cluster  # noqa: E402
from ..module_utils._core.changing import time_of, time_text  # noqa: E402
from ..module_utils._core.data_plane import (  # noqa: E402
    VERSION_LABEL,
    Newest,
    Owner,
    Pod,
    Workload,
    grouped,
    has_sidecar,
    is_old,
    lines,
    next_batch,
    owner_of,
    stalled,
    under_way,
)
from ..module_utils._core.diff import MISSING, Change, Difference, as_diff  # noqa: E402
from ..module_utils._core.errors import FederationError  # noqa: E402
from ..module_utils._core.findings import at  # noqa: E402
from ..module_utils._core.kinds import (  # noqa: E402
    DAEMON_SET,
    DEPLOYMENT,
    DEPLOYMENT_CONFIG,
    KNATIVE_SERVICE,
    MANAGER,
    MEMBER_ROLL,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    STATEFUL_SET,
    Kind,
)
from ..module_utils._core.rollout import RESTARTED_AT  # noqa: E402
from ..module_utils._described import MESH, WAITING  # noqa: E402
from ..module_utils._live import read_control_plane  # noqa: E402
from ..module_utils._running import apply_changes, run_module  # noqa: E402

OPTIONS = {
    "state": {"type": "str", "choices": ["surveyed", "restarted"], "default": "surveyed"},
    "batch": {"type": "int", "default": 1},
    "namespaces": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 3600},
    **WAITING,
}
OWNERS: Mapping[str, Kind] = {
    "Deployment": DEPLOYMENT,
    "StatefulSet": STATEFUL_SET,
    "DaemonSet": DAEMON_SET,
    "DeploymentConfig": DEPLOYMENT_CONFIG,
    "Service": KNATIVE_SERVICE,
}
MARK = ("spec", "template", "metadata", "annotations", RESTARTED_AT)
PAUSE = 1.0


@dataclass(frozen=True)
class Survey:
    """What was found: how many sidecars there are, the workloads with old ones, and what could not be read."""

    sidecars: int
    workloads: tuple[Workload, ...]
    unknown: tuple[str, ...]


class Surveyor:
    """Looks at the sidecars of one mesh; of each old one it keeps a line, of the others nothing."""

    def __init__(self, cluster: Cluster, namespaces: Sequence[str], newest: Newest) -> None:
        self._cluster, self._namespaces, self._newest = cluster, namespaces, newest

    def look(self) -> Survey:
        """Return what stands now: one LIST of pods per namespace, and of each kind of owner where it has old ones."""
        sidecars, pods, live, unknown = 0, [], {}, []

        def noted(pod: dict) -> dict | None:
            nonlocal sidecars
            if not has_sidecar(pod):
                return None
            sidecars += 1
            return {key: pod[key] for key in ("metadata",)} if is_old(pod, self._newest) else None

        for namespace in self._namespaces:
            before = sidecars
            try:
                old = self._cluster.list(POD, namespace, keep=noted)
            except FederationError as error:
                if error.code != "FED104":
                    raise
                sidecars = before
                unknown.append(f"pods in {namespace}: this account may not read them")
                continue
            found = self._owned(namespace, old, unknown)
            pods += found
            live |= self._owners(namespace, {pod.owner.kind for pod in found}, unknown)
        return Survey(sidecars, tuple(grouped(pods, live)), tuple(unknown))

    def _owned(self, namespace: str, old: Iterable[Mapping], unknown: list[str]) -> list[Pod]:
        above = {entry.get("kind") for pod in old for entry in at(pod, "metadata", "ownerReferences") or ()}
        between: dict[str, Mapping] = {}
        for kind in (REPLICA_SET, REPLICATION_CONTROLLER):
            if kind.name in above:
                between |= {live["metadata"]["name"]: live for live in self._readable(kind, namespace, unknown, keep=_ownership)}
        # A Deployment below a Knative Revision is Knative's: its revision is restarted, not the Deployment.
        result = []
        for pod in old:
            metadata = pod["metadata"]
            owner, service = owner_of(pod, between), (metadata.get("labels") or {}).get("serving.knative.dev/service")
            owner = Owner("Service", namespace, service) if service else owner
            version = (metadata.get("labels") or {}).get(VERSION_LABEL) or "2.0"
            made, since = time_of(metadata.get("creationTimestamp")), self._newest.since
            result.append(Pod(metadata["name"], metadata["uid"], owner, version, bool(made and since and made > since)))
        return result

    def _owners(self, namespace: str, kinds: Iterable[str], unknown: list[str]) -> dict[Owner, Mapping]:
        return {
            Owner(kind, namespace, live["metadata"]["name"]): live
            for kind in sorted(kinds)
            if kind in OWNERS
            for live in self._readable(OWNERS[kind], namespace, unknown)
        }

    def _readable(self, kind: Kind, namespace: str, unknown: list[str], keep: object = None) -> list[dict]:
        try:
            return self._cluster.list(kind, namespace, keep=keep)
        except FederationError as error:
            if error.code not in ("FED104", "FED108"):
                raise
            unknown.append(f"{kind.name} objects in {namespace}: {error.what}")
            return []


def _ownership(live: dict) -> dict:
    return {"metadata": {key: live["metadata"].get(key) for key in ("name", "ownerReferences")}}


def run(module: AnsibleModule, cluster: Cluster, now: datetime) -> dict:
    """Survey the sidecars, restart what is asked for, and return the module's result."""
    params, started = module.params, time.monotonic()
    namespace = params["namespace"] or f"{params['mesh']}-mesh-system"
    control_plane = read_control_plane(cluster, namespace, params["control_plane"])
    newest = Newest.of(control_plane)
    surveyor = Surveyor(cluster, places(cluster, namespace, params["namespaces"]), newest)
    survey = surveyor.look()
    changes: list[Change] = []
    if params["state"] == "restarted" and module.check_mode:
        changes = [change for workload in survey.workloads if workload.way and not workload.missing for change in restarts(workload, cluster.now)]
    waiting: list[str] = []
    while params["state"] == "restarted" and not module.check_mode:
        refuse_stalled(survey.workloads)
        batch = next_batch(survey.workloads, params["batch"])
        going = under_way(survey.workloads)
        for workload in batch:
            part = restarts(workload, cluster.now)
            perform(module, cluster, part)
            changes += part
        waiting = [f"{workload.owner}: {workload.missing}" for workload in going] + [f"{workload.owner}: restarted" for workload in batch]
        waited = time.monotonic() - started
        if not waiting or not params["wait"] or waited >= params["wait_timeout"]:
            break
        time.sleep(min(PAUSE, max(0.0, params["wait_timeout"] - waited)))
        survey = surveyor.look()
    if waiting and params["wait"] and not params["soft"]:
        raise FederationError(
            "FED616",
            where=f"Mesh {params['mesh']}",
            what=f"has old sidecars after {params['waited'] + int(time.monotonic() - started)} s; under way: {'; '.join(waiting)}",
            mend="Look at the pods of what is named, then run again: it goes on where it stopped",
            facts=report(survey, newest, changes),
        )
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        **report(survey, newest, changes),
        "waiting_for": waiting,
        "wait_limit": params["wait_timeout"],
    }


def report(survey: Survey, newest: Newest, changes: Sequence[Change]) -> dict:
    """Return what was found and done, as data and for people; the same at the end and in a failure."""
    old = [
        {"pod": f"{workload.owner.namespace}/{pod.name}", "version": pod.version, "owner": str(workload.owner)}
        for workload in survey.workloads
        for pod in workload.pods
    ]
    return {
        "changes": [change.summary() for change in changes],
        "old": old,
        "left_alone": [{"owner": str(workload.owner), "reason": workload.left_alone} for workload in survey.workloads if workload.left_alone],
        "pods": {"sidecars": survey.sidecars, "old": len(old)},
        "lines": list(lines(survey.workloads, newest)),
        "unknown": list(survey.unknown),
    }


def places(cluster: Cluster, namespace: str, only: Sequence[str]) -> list[str]:
    """Return the namespaces to look at: the control plane's and its members, or those of them that are wanted.

    Raises ``FederationError`` FED432 for one that is not of the mesh.
    """
    roll = cluster.get(MEMBER_ROLL, namespace, "default")
    members = sorted({namespace, *(at(roll, "status", "configuredMembers") or ())})
    strangers = sorted(set(only) - set(members))
    if strangers:
        raise FederationError(
            "FED432",
            where=f"Namespace {strangers[0]}",
            what=f"is not of this mesh, which has {', '.join(members)}",
            mend="Correct the list of namespaces",
        )
    return [name for name in members if not only or name in only]


def refuse_stalled(workloads: Iterable[Workload]) -> None:
    """Stop at the first workload that Kubernetes has given up: FED617; what comes after it is left as it was."""
    for workload in workloads:
        reason = stalled(workload)
        if reason and workload.missing:
            raise FederationError(
                "FED617",
                where=str(workload.owner),
                what=f"does not come back: {reason}",
                mend="Mend it or undo its last change; then run again, nothing that is up is restarted",
            )


def restarts(workload: Workload, now: datetime) -> list[Change]:
    """Return the changes that have a workload's pods made again."""
    owner, uid = workload.owner, (workload.live or {}).get("metadata", {}).get("uid")
    kind = OWNERS[owner.kind]
    if workload.way == "delete":
        # One by one: the next when this one is back.
        pod = workload.pods[0]
        return [Change("delete", POD, owner.namespace, pod.name, MANAGER, None, (), uid=pod.uid)]
    if workload.way == "instantiate":
        request = {"kind": "DeploymentRequest", "apiVersion": kind.api_version, "name": owner.name, "latest": True, "force": True}
        return [Change("instantiate", kind, owner.namespace, owner.name, MANAGER, request, ())]
    stands = at(workload.live, *MARK)
    text = time_text(now)
    patch = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: text}}}}}
    difference = Difference(MARK, stands if stands is not None else MISSING, text)
    return [Change("merge", kind, owner.namespace, owner.name, MANAGER, patch, (difference,), uid=uid)]


def perform(module: AnsibleModule, cluster: Cluster, changes: Sequence[Change]) -> None:
    """Send one request per restart."""
    for change in changes:
        if change.action == "instantiate":
            cluster.create_below(change.kind, change.namespace, change.name, "instantiate", change.manifest)
            module.journal.done.append(f"restart of {change.place}")
        else:
            apply_changes(module, cluster, [replace(change)])


def main() -> None:
    module = AnsibleModule({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
