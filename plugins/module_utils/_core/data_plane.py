# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which sidecars are older than their control plane, who owns their pods, and how each owner is restarted.

A sidecar changes only when its pod is made again. What is old is decided by the pod, never by the mark that a restart leaves.
Sources: the injection templates of OpenShift Service Mesh 2.0 to 2.6; Kubernetes documentation, "Workload management".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .changing import time_of
from .control_plane import ControlPlane, parse_version
from .findings import at, items, mapping
from .rollout import unfinished
from .upgrade import OLDEST

VERSION_LABEL = "maistra-version"
STATUS_ANNOTATION = "sidecar.istio.io/status"
IMAGE_ANNOTATION = "sidecar.istio.io/proxyImage"
PROXY = "istio-proxy"
ROLLED = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True)
class Newest:
    """What the sidecars of a control plane are when they are made now: its charts' version, the proxy's image, and since when."""

    version: str
    image: str = ""
    since: datetime | None = None

    @classmethod
    def of(cls, control_plane: ControlPlane) -> Newest:
        """Return it from a live control plane."""
        status = mapping(control_plane.live.get("status"))
        image = str(at(status, "appliedValues", "istio", "global", "proxy", "image") or "")
        ready = next((c for c in items(status.get("conditions")) if c.get("type") == "Ready" and c.get("status") == "True"), {})
        return cls(str(status.get("chartVersion") or ""), image if "/" in image else "", time_of(ready.get("lastTransitionTime")))


@dataclass(frozen=True)
class Owner:
    """Who makes a pod again: a workload by its kind, namespace and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Pod:
    """As much of a pod with an old sidecar as is kept: its name, its owner, and its sidecar's version.

    ``is_vain``: it was made when the control plane was ready already, so that making it again would not help.
    """

    name: str
    uid: str
    owner: Owner
    version: str
    is_vain: bool = False


def has_sidecar(pod: Mapping) -> bool:
    """Return whether a sidecar was injected into a pod that still runs; gateways of the operator are not injected."""
    if at(pod, "status", "phase") in ("Succeeded", "Failed") or at(pod, "metadata", "deletionTimestamp"):
        return False
    injected = STATUS_ANNOTATION in mapping(at(pod, "metadata", "annotations"))
    containers = [*items(at(pod, "spec", "containers")), *items(at(pod, "spec", "initContainers"))]
    return injected and any(container.get("name") == PROXY for container in containers)


def is_old(pod: Mapping, newest: Newest) -> bool:
    """Return whether a pod's sidecar is another than its control plane would make now.

    Control planes of 2.1 and newer label what they inject; without a label a sidecar came from 2.0, whose own are told by
    their image, unless the pod chose that itself.
    """
    label = mapping(at(pod, "metadata", "labels")).get(VERSION_LABEL)
    if label:
        return bool(newest.version) and label != newest.version
    if (parse_version(newest.version) or OLDEST) > OLDEST:
        return True
    if not newest.image or IMAGE_ANNOTATION in mapping(at(pod, "metadata", "annotations")):
        return False
    images = [str(container.get("image")) for container in items(at(pod, "spec", "containers")) if container.get("name") == PROXY]
    return images != [newest.image]


def owner_of(pod: Mapping, replica_sets: Mapping[str, Mapping]) -> Owner:
    """Return who makes a pod again, up to the root; ``replica_sets`` are those of its namespace (controllers, too) by name."""
    namespace = pod["metadata"]["namespace"]
    above, kind, name = _controller(pod), "Pod", pod["metadata"]["name"]
    while above is not None:
        kind, name = str(above.get("kind")), str(above.get("name"))
        above = _controller(replica_sets[name]) if kind in ("ReplicaSet", "ReplicationController") and name in replica_sets else None
    return Owner(kind, namespace, name)


def _controller(live: Mapping) -> Mapping | None:
    return next((entry for entry in items(at(live, "metadata", "ownerReferences")) if entry.get("controller")), None)


@dataclass(frozen=True)
class Workload:
    """An owner with the pods of it whose sidecars are old; ``live`` is the owner's object where it was read."""

    owner: Owner
    pods: tuple[Pod, ...]
    live: Mapping | None = None

    @property
    def way(self) -> str:
        """Return how it is restarted: ``template``, ``delete``, ``instantiate`` or ``revision``; "" when it is not ours to restart."""
        if self.left_alone:
            return ""
        if self.owner.kind == "DeploymentConfig":
            return "instantiate"
        if self.owner.kind == "Service":
            return "revision"
        return "delete" if at(self.live, "spec", "updateStrategy", "type") == "OnDelete" else "template"

    @property
    def left_alone(self) -> str:
        """Return why it is only reported; "" when it can be restarted."""
        kind = self.owner.kind
        if kind == "Pod":
            return "has no owner that would make it again; delete and make it by hand"
        if kind == "Job":
            return "is a Job: its sidecar is as old as its run"
        if kind not in (*ROLLED, "DeploymentConfig", "Service"):
            return f"is owned by {kind}, which this collection does not know how to restart"
        if self.live is None:
            return "could not be read"
        if self.pods and all(pod.is_vain for pod in self.pods):
            return "was made after the control plane was ready and has an old sidecar all the same: another control plane injects it"
        if at(self.live, "spec", "paused"):
            return "is paused; resume it, then run again"
        if kind == "Service" and at(self.live, "spec", "template", "metadata", "name"):
            return "names its revision, which must get another name with every change"
        return ""

    @property
    def missing(self) -> str:
        """Return in words what a roll-out that is under way still misses; "" when it is at rest."""
        live = self.live or {}
        if self.owner.kind == "Deployment":
            return unfinished(live)
        if self.owner.kind == "StatefulSet":
            return _unfinished_set(live)
        if self.owner.kind == "DaemonSet":
            return _unfinished_daemons(live)
        if self.owner.kind == "DeploymentConfig":
            return _unfinished_config(live)
        if self.owner.kind == "Service":
            return _unfinished_service(live)
        return ""


def _unfinished_set(live: Mapping) -> str:
    wanted, status = at(live, "spec", "replicas"), mapping(live.get("status"))
    wanted = 1 if wanted is None else wanted
    if (status.get("observedGeneration") or 0) < (live["metadata"].get("generation") or 0):
        return "the new template has not been noticed yet"
    is_rolled = at(live, "spec", "updateStrategy", "type") != "OnDelete"
    updated = status.get("updatedReplicas") or 0
    if is_rolled and updated < wanted and status.get("currentRevision") != status.get("updateRevision"):
        return f"{updated} of {wanted} pods are new"
    if (status.get("readyReplicas") or 0) < wanted:
        return f"{status.get('readyReplicas') or 0} of {wanted} pods are ready"
    return ""


def _unfinished_daemons(live: Mapping) -> str:
    status = mapping(live.get("status"))
    if (status.get("observedGeneration") or 0) < (live["metadata"].get("generation") or 0):
        return "the new template has not been noticed yet"
    wanted = status.get("desiredNumberScheduled") or 0
    is_rolled = at(live, "spec", "updateStrategy", "type") != "OnDelete"
    if is_rolled and (status.get("updatedNumberScheduled") or 0) < wanted:
        return f"{status.get('updatedNumberScheduled') or 0} of {wanted} pods are new"
    if (status.get("numberAvailable") or 0) < wanted:
        return f"{status.get('numberAvailable') or 0} of {wanted} pods are available"
    return ""


def _unfinished_config(live: Mapping) -> str:
    status, wanted = mapping(live.get("status")), at(live, "spec", "replicas") or 0
    if (status.get("observedGeneration") or 0) < (live["metadata"].get("generation") or 0):
        return "the new rollout has not been noticed yet"
    for condition in items(status.get("conditions")):
        if condition.get("type") == "Progressing" and condition.get("status") == "True" and condition.get("reason") != "NewReplicationControllerAvailable":
            return f"a rollout is under way ({condition.get('reason') or 'running'})"
    if (status.get("availableReplicas") or 0) < wanted:
        return f"{status.get('availableReplicas') or 0} of {wanted} pods are available"
    return ""


def _unfinished_service(live: Mapping) -> str:
    status = mapping(live.get("status"))
    if (status.get("observedGeneration") or 0) < (live["metadata"].get("generation") or 0):
        return "the new revision has not been noticed yet"
    if status.get("latestCreatedRevisionName") != status.get("latestReadyRevisionName"):
        return f"revision {status.get('latestCreatedRevisionName')} is not ready yet"
    return ""


def stalled(workload: Workload) -> str:
    """Return what a workload says of a roll-out that does not get on any more; "" while there is hope."""
    for condition in items(at(workload.live, "status", "conditions")):
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return str(condition.get("message") or condition["reason"])
    return ""


def grouped(pods: Iterable[Pod], live: Mapping[Owner, Mapping]) -> list[Workload]:
    """Return workloads by namespace, kind and name, each with its old pods and, where it was read, its object."""
    by_owner: dict[Owner, list[Pod]] = {}
    for pod in pods:
        by_owner.setdefault(pod.owner, []).append(pod)
    order = sorted(by_owner, key=lambda owner: (owner.namespace, owner.kind, owner.name))
    return [Workload(owner, tuple(by_owner[owner]), live.get(owner)) for owner in order]


def under_way(workloads: Iterable[Workload]) -> list[Workload]:
    """Return those whose roll-out runs: they are waited for, never started again."""
    return [workload for workload in workloads if workload.way and workload.missing]


def next_batch(workloads: Sequence[Workload], size: int) -> list[Workload]:
    """Return the workloads to restart now: none while one of the namespace is under way beyond ``size``, never two namespaces at once.

    ``workloads`` are in order; the first namespace with anything to do counts.
    """
    able = [workload for workload in workloads if workload.way]
    if not able:
        return []
    space = able[0].owner.namespace
    here = [workload for workload in able if workload.owner.namespace == space]
    running = under_way(here)
    return [workload for workload in here if workload not in running][: max(0, size - len(running))]


def lines(workloads: Sequence[Workload], newest: Newest) -> Iterator[str]:
    """Yield what was found, for people."""
    count = sum(len(workload.pods) for workload in workloads)
    yield f"{count} pod{'s' * (count != 1)} with a sidecar other than {newest.version or 'unknown'}"
    for workload in workloads:
        versions = ", ".join(sorted({pod.version for pod in workload.pods}))
        told = workload.left_alone or workload.missing
        yield f"{workload.owner}: {len(workload.pods)} pod{'s' * (len(workload.pods) != 1)} of {versions}{f'; {told}' if told else ''}"
