# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which sidecars are older than their control plane, who owns their pods, and how each owner is restarted.

A sidecar changes only when its pod is made again. What is old is decided by the pod, never by the mark that a restart
leaves; the mark tells only whose roll-out is waited for. So a run that was interrupted goes on, and restarts nothing
twice. Sources: the injection templates of OpenShift Service Mesh 2.0 to 2.6; Kubernetes documentation, "Workload
management".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..plain.data import at, from_json, items, mapping
from ..plain.moments import time_of
from .live import ControlPlane, parse_version
from .rollout import RESTARTED_AT, is_noticed, stalled, unfinished
from .spec import OLDEST

VERSION_LABEL = "maistra-version"
STATUS_ANNOTATION = "sidecar.istio.io/status"
IMAGE_ANNOTATION = "sidecar.istio.io/proxyImage"
REVISION = "istio.io/rev"
PROXY = "istio-proxy"
_MOST_STATUS = 16384
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
ROLLED = ("Deployment", "StatefulSet", "DaemonSet")
BETWEEN = ("ReplicaSet", "ReplicationController")
MOST_STEPS = 4  # a pod, its ReplicaSet, its Deployment, and one more for a controller that nobody here knows


@dataclass(frozen=True)
class Newest:
    """What the sidecars of a control plane are when they are made now: its charts' version, the proxy's image, and
    since when; and its name.
    """

    version: str
    image: str = ""
    since: datetime | None = None
    control_plane: str = ""

    @classmethod
    def of(cls, control_plane: ControlPlane) -> Newest:
        """Return it from a live control plane."""
        status = mapping(control_plane.live.get("status"))
        shared = mapping(at(status, "appliedValues", "istio", "global"))
        image = str(at(shared, "proxy", "image") or "")
        if image and "/" not in image and shared.get("hub") and shared.get("tag"):  # as community builds name it
            image = f"{shared['hub']}/{image}:{shared['tag']}"
        # Ready comes and goes with istiod's pods; Reconciled moves only when the operator has made something new.
        true = {c.get("type"): c for c in items(status.get("conditions")) if c.get("status") == "True"}
        since = time_of(mapping(true.get("Reconciled") or true.get("Ready")).get("lastTransitionTime"))
        return cls(str(status.get("chartVersion") or ""), image if "/" in image else "", since, control_plane.name)


@dataclass(frozen=True)
class Owner:
    """The workload that recreates a pod, by kind, namespace and name. ``is_endless``: its own owner references lead
    nowhere.
    """

    kind: str
    namespace: str
    name: str
    is_endless: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def left_alone(self) -> str:
        """Return why nothing here restarts what such an owner makes; "" where its kind is known."""
        if self.kind == "Pod":
            return "has no owner that would make it again; delete and make it by hand"
        if self.kind == "Job":
            return "is a Job: its sidecar is as old as its run"
        if self.is_endless:
            return (
                f"has owners that lead back to itself, or more than {MOST_STEPS} in a row (FED512); correct its"
                " ownerReferences"
            )
        if self.kind not in (*ROLLED, "DeploymentConfig", "Service"):
            return f"is owned by {self.kind}, which this collection does not know how to restart"
        return ""


@dataclass(frozen=True)
class Pod:
    """As much of a pod with an old sidecar as is kept: its name, its owner, and its sidecar's version.

    ``is_vain``: it was made when the control plane was ready already, so that making it again would not help.
    ``revision`` is Knative's, "" elsewhere. ``injector`` is who says to have injected it, "" where nobody does.
    """

    name: str
    uid: str
    owner: Owner
    version: str
    is_vain: bool = False
    revision: str = ""
    injector: str = ""


def has_sidecar(pod: Mapping) -> bool:
    """Return whether a sidecar was injected into a pod that still runs; gateways of the operator are not injected."""
    if at(pod, "status", "phase") in ("Succeeded", "Failed") or at(pod, "metadata", "deletionTimestamp"):
        return False
    injected = STATUS_ANNOTATION in mapping(at(pod, "metadata", "annotations"))
    containers = [*items(at(pod, "spec", "containers")), *items(at(pod, "spec", "initContainers"))]
    return injected and any(container.get("name") == PROXY for container in containers)


def injector_of(metadata: Mapping) -> str:
    """Return the revision of the injector that a pod's metadata names, which for a control plane is its name; "" for
    none.
    """
    annotations, labels = mapping(metadata.get("annotations")), mapping(metadata.get("labels"))
    status = from_json(str(annotations.get(STATUS_ANNOTATION))[:_MOST_STATUS])
    said = (at(status, "revision"), labels.get(REVISION), annotations.get(REVISION))
    return next((str(name) for name in said if _NAME.fullmatch(str(name or ""))), "")


def sidecar_version(pod: Mapping) -> tuple[int, int] | None:
    """Return the minor version of a pod's sidecar, None when it has none or is finishing; without a label it came from
    2.0.
    """
    return (
        (parse_version(mapping(at(pod, "metadata", "labels")).get(VERSION_LABEL)) or OLDEST)
        if has_sidecar(pod)
        else None
    )


def is_old(pod: Mapping, newest: Newest) -> bool:
    """Return whether a pod's sidecar is another than its control plane would make now.

    Control planes of 2.1 and newer label what they inject; without a label a sidecar came from 2.0, whose own are told
    by their image, unless the pod chose that itself.
    """
    label = mapping(at(pod, "metadata", "labels")).get(VERSION_LABEL)
    if label:
        return bool(newest.version) and label != newest.version
    if (parse_version(newest.version) or OLDEST) > OLDEST:
        return True
    if not newest.image or IMAGE_ANNOTATION in mapping(at(pod, "metadata", "annotations")):
        return False
    images = [
        str(container.get("image"))
        for container in items(at(pod, "spec", "containers"))
        if container.get("name") == PROXY
    ]
    return images != [newest.image]


def owner_of(pod: Mapping, replica_sets: Mapping[str, Mapping]) -> Owner:
    """Return the workload that recreates a pod, up to the root; ``replica_sets`` are those of its namespace (and
    ReplicationControllers) by name.

    Owner references are whatever a tenant writes there. Where they form a circle, or go on for more than
    ``MOST_STEPS``, the pod's own owner is returned, marked as one whose owners lead nowhere.
    """
    namespace = pod["metadata"]["namespace"]
    above, kind, name = _controller(pod), "Pod", pod["metadata"]["name"]
    seen: list[tuple[str, str]] = []
    while above is not None:
        kind, name = str(above.get("kind")), str(above.get("name"))
        if (kind, name) in seen or len(seen) == MOST_STEPS:
            return Owner(seen[0][0], namespace, seen[0][1], is_endless=True)
        seen.append((kind, name))
        above = _controller(replica_sets[name]) if kind in BETWEEN and name in replica_sets else None
    return Owner(kind, namespace, name)


def _controller(live: Mapping) -> Mapping | None:
    return next((entry for entry in items(at(live, "metadata", "ownerReferences")) if entry.get("controller")), None)


@dataclass(frozen=True)
class Workload:
    """An owner with the pods of it whose sidecars are old; ``live`` is the owner's object where it was read.

    ``since`` is when its control plane became what it is: a roll-out that was asked for then or later is one of this
    upgrade. ``control_plane`` is that one's name. No pods: all of them are new, and it is not up yet.
    """

    owner: Owner
    pods: tuple[Pod, ...]
    live: Mapping | None = None
    since: datetime | None = None
    control_plane: str = ""

    @property
    def way(self) -> str:
        """Return how it is restarted: ``template``, ``delete``, ``instantiate`` or ``revision``; "" when it is not ours
        to restart.
        """
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
        if self.owner.left_alone:
            return self.owner.left_alone
        if self.live is None:
            return "could not be read"
        if self.pods and all(pod.is_vain for pod in self.pods):
            return f"is not injected by this control plane: {self._where_from}"
        if at(self.live, "spec", "paused"):
            return "is paused; resume it, then run again"
        if at(self.live, "spec", "updateStrategy", "rollingUpdate", "partition"):
            return "keeps some of its pods from being updated (partition); end that, then run again"
        if self.owner.kind == "Service" and at(self.live, "spec", "template", "metadata", "name"):
            return "names its revision, which must get another name with every change"
        if self._runs_a_former_revision:
            return "runs a former revision there, which ends by itself unless it has its own traffic"
        if self.missing and not self.is_ours:
            return f"is not up, and was not restarted here ({self.missing}); once it is, run again"
        return ""

    @property
    def _runs_a_former_revision(self) -> bool:
        newest = at(self.live, "status", "latestCreatedRevisionName")
        return bool(self.pods) and all(pod.revision and pod.revision != newest for pod in self.pods)

    @property
    def _where_from(self) -> str:
        """Return where a sidecar comes from that is old although its pod was made when the control plane was ready, and
        what to do.
        """
        template = at(self.live, "spec", "template")
        containers = [*items(at(template, "spec", "containers")), *items(at(template, "spec", "initContainers"))]
        if any(container.get("name") == PROXY for container in containers):
            return (
                f"its template has the container {PROXY} itself, so every restart makes the same sidecar; take it out"
                f" of the template with its volumes and the annotation {STATUS_ANNOTATION}, ask for injection"
                " (sidecar.istio.io/inject), and let it roll out"
            )
        others = sorted({pod.injector for pod in self.pods} - {"", self.control_plane})
        if others:
            return (
                f"its pods were made after that was ready, and the injector {others[0]} gave them their sidecar; take"
                f" the label {REVISION} of that one off the namespace and the template, or move the workload to that"
                " mesh, and let it roll out"
            )
        return (
            "its pods were made after that was ready and still have an old sidecar: another control plane injects it; "
            "find out which webhook does (oc get mutatingwebhookconfigurations), and exclude these pods from it"
        )

    @property
    def is_ours(self) -> bool:
        """Return whether its last roll-out was asked for when the control plane was what it is now.

        A DeploymentConfig has no mark: its own word on its last rollout tells.
        """
        if self.owner.kind == "DeploymentConfig":
            if not is_noticed(self.live):
                return True
            told = [c for c in items(at(self.live, "status", "conditions")) if c.get("type") == "Progressing"]
            marks = [c.get("lastUpdateTime") or c.get("lastTransitionTime") for c in told]
        else:
            # In the template it restarts; on the object itself it only tells that pods are being deleted one by one.
            marks = [
                mapping(at(self.live, *path, "annotations")).get(RESTARTED_AT)
                for path in (("spec", "template", "metadata"), ("metadata",))
            ]
        moments = [moment for mark in marks if (moment := time_of(mark))]
        return bool(moments) and (self.since is None or max(moments) >= self.since)

    @property
    def given_up(self) -> str:
        """Return what Kubernetes says of a roll-out of this upgrade that it has given up; "" while there is hope."""
        if self.live is None or not self.missing or not self.is_ours:
            return ""
        return stalled(self.live)

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
    if not is_noticed(live):
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
    if not is_noticed(live):
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
    if not is_noticed(live):
        return "the new rollout has not been noticed yet"
    for condition in items(status.get("conditions")):
        if condition.get("type") == "Progressing" and condition.get("reason") != "NewReplicationControllerAvailable":
            state = "is under way" if condition.get("status") == "True" else "has failed"
            return f"the last rollout {state} ({condition.get('reason') or 'no reason given'})"
    if (status.get("availableReplicas") or 0) < wanted:
        return f"{status.get('availableReplicas') or 0} of {wanted} pods are available"
    return ""


def _unfinished_service(live: Mapping) -> str:
    status = mapping(live.get("status"))
    if not is_noticed(live):
        return "the new revision has not been noticed yet"
    if status.get("latestCreatedRevisionName") != status.get("latestReadyRevisionName"):
        return f"revision {status.get('latestCreatedRevisionName')} is not ready yet"
    return ""


def grouped(
    pods: Iterable[Pod], live: Mapping[Owner, Mapping], since: datetime | None = None, control_plane: str = ""
) -> list[Workload]:
    """Return workloads by namespace, kind and name: owners of old pods, and those in ``live`` that are not up after
    their restart.
    """
    by_owner: dict[Owner, list[Pod]] = {owner: [] for owner in live}
    for pod in pods:
        by_owner.setdefault(pod.owner, []).append(pod)
    order = sorted(by_owner, key=lambda owner: (owner.namespace, owner.kind, owner.name))
    found = [Workload(owner, tuple(by_owner[owner]), live.get(owner), since, control_plane) for owner in order]
    return [workload for workload in found if workload.pods or is_returning(workload)]


def is_returning(workload: Workload) -> bool:
    """Return whether a workload was restarted in this upgrade and is not up yet, whether or not old pods of it are
    left.
    """
    return bool(workload.way and workload.missing)


def under_way(workloads: Iterable[Workload]) -> list[Workload]:
    """Return those whose roll-out runs: they are waited for, never started again."""
    return [workload for workload in workloads if is_returning(workload)]


def next_batch(workloads: Sequence[Workload], size: int) -> list[Workload]:
    """Return the workloads to restart now, so that no more than ``size`` are under way and never those of two
    namespaces.

    ``workloads`` are in order; while anything is under way only its namespace counts, else the first with old sidecars.
    """
    running = under_way(workloads)
    able = [workload for workload in workloads if workload.way and workload.pods and not workload.missing]
    if not running and not able:
        return []
    space = (running or able)[0].owner.namespace
    return [workload for workload in able if workload.owner.namespace == space][: max(0, size - len(running))]


def lines(workloads: Sequence[Workload], newest: Newest) -> Iterator[str]:
    """Yield what was found, for people."""
    count = sum(len(workload.pods) for workload in workloads)
    yield f"{count} pod{'s' * (count != 1)} with a sidecar other than {newest.version or 'unknown'}"
    for workload in workloads:
        versions = ", ".join(sorted({pod.version for pod in workload.pods}))
        pods = [f"{len(workload.pods)} pod{'s' * (len(workload.pods) != 1)} of {versions}"] if workload.pods else []
        told = workload.left_alone or workload.missing
        yield f"{workload.owner}: {'; '.join([*pods, *([told] if told else [])])}"


def ownership(live: dict) -> dict:
    return {"metadata": {key: live["metadata"].get(key) for key in ("name", "ownerReferences")}}
