# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster does for the operator's objects: Deployments become Available, istiod runs, load balancers get
addresses.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import random
import string
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .conditions import Condition, conditions_after, delete_if_there, now, write_status
from .kube import Kube
from .manifests import MANAGED_BY, OWNER, OWNER_NAME

_NOTICED_SECONDS = 0.5  # until the status speaks of the new generation
_FIRST_ROLL_OUT_SECONDS, _ROLL_OUT_SECONDS = 1.0, 4.0
_RESTART_DEADLINE_REAL = 30.0
NODE = "worker-0"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_ADDRESS_SECONDS = 3.0
_FAULT_POLL_SECONDS = 0.2
_POD_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


class Runnable(Protocol):
    """An istiod that can be started and stopped."""

    def start(self) -> None:
        """Begin to work."""

    def stop(self, gateways_stay: bool = False) -> None:
        """End it, and its mesh's gateways unless they stay for the next istiod."""


@dataclass
class _Running:
    uid: str
    template: str
    pod: str | None = None
    istiod: Runnable | None = None


@dataclass
class _RollOut:
    """A new pod template on its way, since when, and the pod that was made of it."""

    uid: str
    template: str
    began: float
    pod: str | None = None


class Rollouts:
    """Plays the deployment controller, the scheduler and the kubelet for the operator's Deployments.

    An istiod Deployment gets a Pod object, and while it has one, an Istiod made by ``new_istiod`` runs. When the pod
    template changes (by the operator, or by a user's ``kubectl rollout restart``) a second pod comes up beside the
    first, the status tells of both, and then the first goes and the Istiod is replaced, with everything that it
    remembered.

    With ``are_real`` the cluster has all these itself, and what is left is istiod: once its Deployment is whole, an
    Istiod runs in its newest pod's place.
    """

    def __init__(
        self,
        kube: Kube,
        addresses: Any,
        clock: Any,
        cluster_name: str,
        new_istiod: Callable[[str, str, dict], Runnable],
        log: Callable[[str], None],
        are_real: bool = False,
    ) -> None:
        self._kube, self._addresses, self._clock = kube, addresses, clock
        self._cluster_name = cluster_name
        self._new_istiod = new_istiod
        self._are_real = are_real
        self._log = log
        self._lock = threading.RLock()
        self._replaced = threading.Condition(self._lock)
        self._running: dict[tuple[str, str], _Running] = {}
        self._pods: dict[tuple[str, str], str] = {}
        self._roll_outs: dict[tuple[str, str], _RollOut] = {}

    def reconcile(self, key: Hashable) -> float | None:
        """Bring the Deployment ``key`` (namespace, name) one step on; return the real seconds until the next."""
        namespace, name = key
        with self._lock:
            deployment = self._kube.get("Deployment", name, namespace)
            if deployment is None:
                self._roll_outs.pop(key, None)
                self._end(key)
                return None
            wanted = deployment["metadata"]["uid"], _template_hash(deployment)
            running = self._running.get(key)
            is_due = running is None or (running.uid, running.template) != wanted
            if self._are_real:
                return self._follow(key, deployment, *wanted) if is_due else None
            if is_due:
                remaining = self._roll_out(key, deployment, *wanted)
                if remaining > 0:
                    return remaining
            write_status(self._kube, "Deployment", name, namespace, _available)
        return None

    def _follow(self, key: tuple[str, str], deployment: dict, uid: str, template: str) -> float | None:
        """Have an Istiod run in place of the newest pod of a Deployment that is whole; return when to look again."""
        if not is_whole(deployment):
            return None  # the next change of its status comes here again
        pods = []
        if _is_istiod(deployment):
            selector = ",".join(
                f"{label}={value}" for label, value in deployment["spec"]["selector"]["matchLabels"].items()
            )
            live = [
                pod for pod in self._kube.list("Pod", key[0], selector) if not pod["metadata"].get("deletionTimestamp")
            ]
            pods = [
                pod["metadata"]["name"] for pod in sorted(live, key=lambda pod: pod["metadata"]["creationTimestamp"])
            ]
            if not pods:
                return _FAULT_POLL_SECONDS
        self._replace(key, deployment, _RollOut(uid, template, time.monotonic(), *pods[-1:]))
        self._replaced.notify_all()
        return None

    def _roll_out(self, key: tuple[str, str], deployment: dict, uid: str, template: str) -> float:
        """Bring a roll-out one step on; return the real seconds until the next, 0 when it is done."""
        rolling = self._roll_outs.get(key)
        if rolling is None or (rolling.uid, rolling.template) != (uid, template):
            if rolling is not None and rolling.pod is not None:  # overtaken by the next template
                delete_if_there(self._kube, "Pod", rolling.pod, key[0])
            rolling = self._roll_outs[key] = _RollOut(uid, template, time.monotonic())
        passed = time.monotonic() - rolling.began
        noticed = self._clock.seconds(_NOTICED_SECONDS)
        if passed < noticed:
            return noticed - passed
        if rolling.pod is None and _is_istiod(deployment):
            rolling.pod = self._new_pod(deployment, template)
        write_status(self._kube, "Deployment", key[1], key[0], _progressing)
        whole = self._clock.seconds(_ROLL_OUT_SECONDS if key in self._running else _FIRST_ROLL_OUT_SECONDS)
        if passed < whole:
            return whole - passed
        self._replace(key, deployment, rolling)
        del self._roll_outs[key]
        self._replaced.notify_all()
        return 0

    def restart_istiod(self, namespace: str, control_plane: str) -> None:
        """Restart a control plane's istiod as ``kubectl rollout restart`` does; returns when the new Istiod has been
        started.

        Raises ``LookupError`` when no istiod of that control plane runs, ``TimeoutError`` when none runs half a minute
        later.
        """
        key = (namespace, f"istiod-{control_plane}")
        with self._replaced:
            former = self._running.get(key)
            if former is None:
                raise LookupError(f"no istiod of {namespace}/{control_plane} runs")
            moment = datetime.datetime.now(datetime.timezone.utc).isoformat()
            annotations = {"annotations": {RESTARTED_AT: moment}}
            self._kube.merge("Deployment", key[1], namespace, {"spec": {"template": {"metadata": annotations}}})

            def is_replaced() -> bool:
                return self._running.get(key) not in (None, former)

            if not self._replaced.wait_for(is_replaced, _RESTART_DEADLINE_REAL):
                raise TimeoutError(f"the restart of istiod of {namespace}/{control_plane} takes too long")

    def istiod(self, namespace: str, control_plane: str) -> Runnable | None:
        """Return the running Istiod of a control plane."""
        with self._lock:
            running = self._running.get((namespace, f"istiod-{control_plane}"))
        return running.istiod if running else None

    def istiod_pod(self, namespace: str, control_plane: str) -> str | None:
        """Return the name of the pod of a control plane's istiod; ``new_istiod`` may ask for its own."""
        with self._lock:
            return self._pods.get((namespace, f"istiod-{control_plane}"))

    def stop(self) -> None:
        """Stop every Istiod; the objects stay."""
        with self._lock:
            for running in self._running.values():
                if running.istiod is not None:
                    running.istiod.stop()
            self._running.clear()

    def _replace(self, key: tuple[str, str], deployment: dict, rolling: _RollOut) -> None:
        self._end(key, gateways_stay=rolling.pod is not None)
        running = _Running(rolling.uid, rolling.template, rolling.pod)
        if rolling.pod is not None:
            own = deployment["metadata"]["labels"]
            smcp = self._kube.get("ServiceMeshControlPlane", own[OWNER_NAME], own[OWNER])
            if smcp is None:
                return
            if not self._are_real:
                self._delete_former_pods(deployment, rolling.pod)
                address = self._addresses.for_service(self._cluster_name, *key)
                write_status(self._kube, "Pod", rolling.pod, key[0], lambda pod: _running_pod(pod, address))
            self._pods[key] = rolling.pod
            running.istiod = self._new_istiod(own[OWNER], own[OWNER_NAME], smcp)
            running.istiod.start()
            self._log(f"started istiod of {own[OWNER]}/{own[OWNER_NAME]} as pod {running.pod}")
        self._running[key] = running

    def _end(self, key: tuple[str, str], gateways_stay: bool = False) -> None:
        running = self._running.pop(key, None)
        if running is None:
            return
        if running.istiod is not None:
            running.istiod.stop(gateways_stay)
            self._log(f"stopped istiod {key[0]}/{running.pod}")
        if running.pod is not None and not self._are_real:
            delete_if_there(self._kube, "Pod", running.pod, key[0])

    def _delete_former_pods(self, deployment: dict, kept: str) -> None:
        """Delete the Deployment's pods but one, those of an earlier operator too."""
        namespace = deployment["metadata"]["namespace"]
        for pod in self._kube.list("Pod", namespace):
            labels = pod["metadata"].get("labels") or {}
            if (
                pod["metadata"]["name"] != kept
                and deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
            ):
                delete_if_there(self._kube, "Pod", pod["metadata"]["name"], namespace)

    def _new_pod(self, deployment: dict, template: str) -> str:
        """Make a pod, Pending as yet, and return its name."""
        namespace, owner = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        pod_template = deployment["spec"]["template"]
        # names are no secret: a plain random number is enough
        name = f"{owner}-{template}-{''.join(random.choices(_POD_SUFFIX, k=5))}"
        self._kube.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "labels": {**pod_template["metadata"]["labels"], "pod-template-hash": template},
                    "annotations": pod_template["metadata"].get("annotations") or {},
                },
                "spec": {**pod_template["spec"], "nodeName": NODE},
            }
        )
        return name


class LoadBalancers:
    """Plays the cloud: a Service of type LoadBalancer gets the loopback address of its gateway after a delay of mesh
    time.

    A Service that was deleted and made again gets another address, as the former one went back to the cloud.

    Faults, by mesh: ``slow-address`` {seconds}, ``no-address``, ``hostname-address`` {hostname}.
    """

    def __init__(
        self,
        kube: Kube,
        addresses: Any,
        clock: Any,
        cluster_name: str,
        fault: Callable[[str, str], Mapping[str, Any] | None],
        log: Callable[[str], None],
    ) -> None:
        self._kube, self._addresses, self._clock = kube, addresses, clock
        self._cluster_name = cluster_name
        self._fault = fault
        self._log = log
        self._since: dict[str, float] = {}
        self._holders: dict[
            Hashable, str
        ] = {}  # the uid of the Service that was given an address last, by namespace and name

    def move(self, namespace: str, name: str) -> str:
        """Give a balanced Service another IP address and return it. Raises ``LookupError`` when it has none as yet."""
        service = self._kube.get("Service", name, namespace)
        if service is None or not has_address(service):
            raise LookupError(f"Service {namespace}/{name} has no address of a load balancer")
        moved = self._addresses.renew_service(self._cluster_name, namespace, name)
        write_status(self._kube, "Service", name, namespace, lambda live: _balanced(live, {"ip": moved}))
        self._log(f"load balancer of {namespace}/{name} moved to {moved}")
        return moved

    def reconcile(self, key: Hashable) -> float | None:
        """Bring the Service ``key`` (namespace, name) one step on; return the real seconds until the next."""
        namespace, name = key
        service = self._kube.get("Service", name, namespace)
        if service is None:
            return None
        uid = service["metadata"]["uid"]
        if service["spec"].get("type") != "LoadBalancer":
            self._since.pop(uid, None)
            if has_address(service):
                write_status(
                    self._kube, "Service", name, namespace, lambda live: {**live["status"], "loadBalancer": {}}
                )
            return None
        if has_address(service):
            return None
        since = self._since.setdefault(uid, time.monotonic())
        if self._fault(namespace, "no-address") is not None:
            return _FAULT_POLL_SECONDS
        slow = self._fault(namespace, "slow-address")
        seconds = float(slow.get("seconds", 60)) if slow is not None else _ADDRESS_SECONDS
        remaining = since + self._clock.seconds(seconds) - time.monotonic()
        if remaining > 0:
            return min(remaining, _FAULT_POLL_SECONDS)
        if self._holders.setdefault(key, uid) != uid:
            self._holders[key] = uid
            self._addresses.renew_service(self._cluster_name, namespace, name)
        named = self._fault(namespace, "hostname-address")
        if named is not None:
            entry = {"hostname": named.get("hostname") or f"{name}.{namespace}.{self._cluster_name}.test"}
        else:
            entry = {"ip": self._addresses.for_service(self._cluster_name, namespace, name)}
        write_status(self._kube, "Service", name, namespace, lambda live: _balanced(live, entry))
        self._log(f"load balancer of {namespace}/{name}: {entry}")
        return None


def _balanced(service: Mapping[str, Any], entry: dict) -> dict:
    return {**(service.get("status") or {}), "loadBalancer": {"ingress": [entry]}}


def has_address(service: Mapping[str, Any]) -> bool:
    """Say whether a Service has the address of a load balancer."""
    return bool(((service.get("status") or {}).get("loadBalancer") or {}).get("ingress"))


def is_operated(deployment: Mapping[str, Any]) -> bool:
    """Say whether a Deployment is the operator's own or one that it manages."""
    own = deployment["metadata"].get("labels") or {}
    return own.get("app.kubernetes.io/managed-by") == MANAGED_BY or own.get("name") == "istio-operator"


def is_whole(deployment: Mapping[str, Any]) -> bool:
    """Say whether all replicas of a Deployment are of its present template and available."""
    status, wanted = deployment.get("status") or {}, deployment["spec"].get("replicas", 1)
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == [wanted] * len(counts)


def _is_istiod(deployment: Mapping[str, Any]) -> bool:
    own = deployment["metadata"].get("labels") or {}
    return own.get("app") == "istiod" and deployment["spec"].get("replicas") != 0


def _template_hash(deployment: Mapping[str, Any]) -> str:
    text = json.dumps([deployment["spec"]["template"], deployment["spec"].get("replicas") == 0], sort_keys=True)
    return (
        hashlib.sha256(text.encode())
        .hexdigest()[:10]
        .translate(str.maketrans(string.hexdigits[:16], "bcdfghjklmnpqrst"))
    )


def _deployment_status(deployment: Mapping[str, Any], is_available: bool) -> dict:
    wanted = deployment["spec"].get("replicas", 1)
    stored = deployment.get("status") or {}
    # the old pods stay until the new ones are ready, which come one at a time
    former = 0 if is_available else min(stored.get("availableReplicas", 0), wanted)
    ready = wanted if is_available else former
    still_available = bool(ready) or is_available
    status = {
        "observedGeneration": deployment["metadata"]["generation"],
        "conditions": conditions_after(
            stored.get("conditions"),
            [
                Condition(
                    "Available",
                    still_available,
                    "MinimumReplicasAvailable" if still_available else "MinimumReplicasUnavailable",
                    (
                        "Deployment has minimum availability."
                        if still_available
                        else "Deployment does not have minimum availability."
                    ),
                ),
                Condition(
                    "Progressing",
                    True,
                    "NewReplicaSetAvailable" if is_available else "ReplicaSetUpdated",
                    f'ReplicaSet of "{deployment["metadata"]["name"]}" '
                    + ("has successfully progressed." if is_available else "is progressing."),
                ),
            ],
        ),
    }
    for condition in status["conditions"]:
        old = {entry["type"]: entry for entry in stored.get("conditions") or []}.get(condition["type"], {})
        condition["lastUpdateTime"] = old.get("lastUpdateTime") or condition["lastTransitionTime"]
    counts = {
        "replicas": wanted if is_available else max(wanted, former + 1),
        "updatedReplicas": wanted if is_available else 1,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": 0 if is_available else 1 if former else wanted,
    }
    return {**status, **{field: count for field, count in counts.items() if count}}


def _available(deployment: Mapping[str, Any]) -> dict:
    return _deployment_status(deployment, is_available=True)


def _progressing(deployment: Mapping[str, Any]) -> dict:
    return _deployment_status(deployment, is_available=False)


def _running_pod(pod: Mapping[str, Any], address: str) -> dict:
    started = now()
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": started,
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": started}
            for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        ],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": container["image"],
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": started}},
            }
            for container in pod["spec"]["containers"]
        ],
    }
