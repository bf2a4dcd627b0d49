# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The test mesh's operator: walks control planes through their life as the real one was seen to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .admission import CONFIGURATION_NAME, OPERATOR_NAMESPACE, AdmissionServer, operator_hooks
from .conditions import (
    MANAGER,
    Condition,
    conditions_after,
    delete_if_there,
    has_finalizer,
    with_finalizer,
    without_finalizer,
    write_status,
)
from .kube import Kube, KubeError, Store
from .manifests import (
    GATEWAY_KINDS,
    MANAGED_BY,
    MEMBER_OF,
    OWN_DEPLOYMENTS,
    OWNER,
    OWNER_NAME,
    applied_spec,
    cni_daemon_sets,
    component_objects,
    components_of,
    gateway_objects,
    gateways_of,
    istiod_objects,
    operator_objects,
    proxy_image,
)
from .members import Members
from .releases import RELEASES, OperatorRelease, minor
from .rollouts import LoadBalancers, Rollouts, Runnable, has_address, is_operated, is_whole
from .work import WorkLoop

KINDS = ("ServiceMeshControlPlane", "ServiceMeshMemberRoll", "ServiceMeshMember", "Namespace", "Service", "Deployment")
"""What the operator needs to find in the Store that it is given."""

_SMCP = "ServiceMeshControlPlane"
_OPERATED_KINDS = (*GATEWAY_KINDS, "ConfigMap")
_PRUNED_COMPONENTS = ("istio-ingress", "istio-egress", *OWN_DEPLOYMENTS)
_ELECTIONS = ("istio-namespace-controller-election", "servicemesh-federation")
_REMOVAL = -1  # stands for a generation in the run of a control plane that is being deleted
_COALESCE_SECONDS = 0.3
_IDLE_POLL_SECONDS = 0.3
_RETRY_SECONDS = 3.0
_WEBHOOK_WAIT_SECONDS = 20.0


@dataclass
class _Run:
    """One way of a control plane from a change to Ready: which generation, since when, and the next stage of its time
    line.
    """

    generation: int
    time_line: Sequence[tuple[float, Callable[[dict], bool]]]
    started: float
    next_stage: int = 0


class ApiView:
    """What the admission rules ask of the cluster, by the API."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    def list(self, kind: str, namespace: str | None = None) -> list[dict]:
        try:
            return self._kube.list(kind, namespace)
        except KubeError as error:
            if error.status == 404:  # the cluster does not know the kind
                return []
            raise

    def may(
        self, user: Mapping[str, Any], verb: str, group: str, resource: str, namespace: str | None, name: str | None
    ) -> bool:
        attributes = {
            "verb": verb,
            "group": group,
            "resource": resource,
            "namespace": namespace or "",
            "name": name or "",
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user.get("username", ""),
                "groups": user.get("groups") or [],
                "uid": user.get("uid", ""),
                "resourceAttributes": attributes,
            },
        }
        return bool((self._kube.create(review).get("status") or {}).get("allowed"))


class Operator:
    """The operator of one cluster, with the webhooks and the cloud that it needs.

    ``store`` must watch ``KINDS``. ``new_istiod(namespace, control plane's name, its object)`` gives an Istiod with
    ``start()`` and ``stop()``; it is called once the istiod's Pod object exists (``istiod_pod`` tells its name), and
    again at each restart. ``mesh_names`` maps control plane namespaces to the names of meshes by which ``faults`` are
    set; a namespace that it lacks goes by ``cluster_name``. ``directory`` holds the webhooks' certificate.
    ``workloads_are_real``: the cluster has controllers and kubelets of its own. All times follow ``clock``.
    """

    def __init__(
        self,
        kube: Kube,
        store: Store,
        addresses: Any,
        clock: Any,
        faults: Any,
        cluster_name: str,
        new_istiod: Callable[[str, str, dict], Runnable],
        *,
        directory: Path,
        release: OperatorRelease = RELEASES["2.3"],
        mesh_names: Mapping[str, str] | None = None,
        workloads_are_real: bool = False,
        log: Callable[[str], None] = print,
    ) -> None:
        self._kube, self._store, self._clock, self._faults = kube, store, clock, faults
        self._cluster_name = cluster_name
        self._release = release
        self._mesh_names = mesh_names if mesh_names is not None else {}
        self._log = lambda text: log(f"operator {cluster_name}: {text}")
        self._runs: dict[tuple[str, str], _Run] = {}
        self._done: dict[tuple[str, str], int] = {}
        self._admission = AdmissionServer(
            operator_hooks(release, ApiView(kube)), Path(directory), self._is_webhook_down, self._log
        )
        self._workloads_are_real = workloads_are_real
        self._rollouts = Rollouts(kube, addresses, clock, cluster_name, new_istiod, self._log, workloads_are_real)
        self._balancers = LoadBalancers(kube, addresses, clock, cluster_name, self._fault, self._log)
        self._loops = {
            "control planes": WorkLoop("control planes", self._reconcile, self._log),
            "members": WorkLoop("members", Members(kube, release, self._log).reconcile, self._log),
            "rollouts": WorkLoop("rollouts", self._rollouts.reconcile, self._log),
            "load balancers": WorkLoop("load balancers", self._balancers.reconcile, self._log),
        }

    def start(self) -> None:
        """Install the operator and begin to work; return when the API server asks the webhooks.

        Raises ``TimeoutError`` when it does not within 20 s.
        """
        for manifest in operator_objects(self._release, OPERATOR_NAMESPACE):
            self._kube.apply(manifest, MANAGER, force=True)
        self._keep_cni()
        self._admission.start()
        for configuration in self._admission.configurations():
            self._kube.apply(configuration, MANAGER, force=True)
        self._wait_for_webhooks()
        for loop in self._loops.values():
            loop.start()
        for kind in KINDS:
            self._store.subscribe(kind, partial(self._notice, kind))
            for resource in self._store.list(kind):
                self._notice(kind, "ADDED", resource, None)
        self._loops["members"].add("all")

    def _keep_cni(self) -> None:
        for manifest in cni_daemon_sets(self._release, OPERATOR_NAMESPACE):
            self._kube.apply(manifest, MANAGER, force=True)
            if not self._workloads_are_real:
                write_status(self._kube, "DaemonSet", manifest["metadata"]["name"], OPERATOR_NAMESPACE, _on_its_node)

    def stop(self) -> None:
        """Stop working, every Istiod and the webhooks; the objects stay, and with them webhooks that answer nobody."""
        for loop in self._loops.values():
            loop.stop()
        self._rollouts.stop()
        self._admission.stop()

    def restart_istiod(self, namespace: str, name: str) -> None:
        """Restart istiod of control plane ``namespace/name`` by its Deployment; return when its new Istiod runs.

        Raises ``LookupError`` when none runs, ``TimeoutError`` when the new one does not come.
        """
        self._rollouts.restart_istiod(namespace, name)

    def move_address(self, namespace: str, name: str) -> str:
        """Give the balanced Service ``namespace/name`` another address and return it. Raises ``LookupError`` when it
        has none.
        """
        return self._balancers.move(namespace, name)

    def istiod(self, namespace: str, name: str) -> Runnable | None:
        """Return the running Istiod of control plane ``namespace/name``."""
        return self._rollouts.istiod(namespace, name)

    def istiod_pod(self, namespace: str, name: str) -> str | None:
        """Return the name of the istiod pod of control plane ``namespace/name``; known before
        ``new_istiod`` is called.
        """
        return self._rollouts.istiod_pod(namespace, name)

    # what starts the work

    def _notice(self, kind: str, _event: str, resource: Mapping[str, Any], _old: Mapping[str, Any] | None) -> None:
        namespace, name = resource["metadata"].get("namespace"), resource["metadata"]["name"]
        if kind == _SMCP:
            self._loops["control planes"].add((namespace, name))
        if kind == "Deployment" and is_operated(resource):
            self._loops["rollouts"].add((namespace, name))
        if kind == "Service" and (resource["spec"].get("type") == "LoadBalancer" or has_address(resource)):
            self._loops["load balancers"].add((namespace, name))
        if kind in (_SMCP, "ServiceMeshMemberRoll", "ServiceMeshMember", "Namespace"):
            self._loops["members"].add("all", self._clock.seconds(_COALESCE_SECONDS))

    def _wait_for_webhooks(self) -> None:
        wanted = {"smcp.mutation.maistra.io", "smcp.validation.maistra.io"}
        probe = {
            "apiVersion": "maistra.io/v2",
            "kind": _SMCP,
            "metadata": {"name": "webhook-probe", "namespace": OPERATOR_NAMESPACE},
            "spec": {"version": self._release.newest},
        }
        deadline = time.monotonic() + _WEBHOOK_WAIT_SECONDS
        while not wanted <= self._admission.asked:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{self._cluster_name}: the API server does not call the webhooks of {CONFIGURATION_NAME}"
                )
            try:
                self._kube.create(probe)
            except KubeError as error:
                # the operator's own namespace is refused once validation is in force; 5xx: not yet
                self._log(f"webhook probe: {error}")
            else:
                delete_if_there(self._kube, _SMCP, "webhook-probe", OPERATOR_NAMESPACE)
            time.sleep(0.1)

    def _mesh(self, namespace: str) -> str:
        return self._mesh_names.get(namespace, self._cluster_name)

    def _fault(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return self._faults.is_on(self._mesh(namespace), name)

    def _is_webhook_down(self) -> bool:
        meshes = {self._cluster_name, *self._mesh_names.values()}
        return any(self._faults.is_on(mesh, "webhook-down") is not None for mesh in meshes)

    # control planes

    def _reconcile(self, key: Hashable) -> float | None:
        namespace, name = key
        if self._is_settled(key):
            return _IDLE_POLL_SECONDS
        smcp = self._kube.get(_SMCP, name, namespace)
        if smcp is None:
            self._forget(key)
            return None
        if namespace == OPERATOR_NAMESPACE:
            return None
        if smcp["metadata"].get("deletionTimestamp"):
            return self._remove(key, smcp)
        if not has_finalizer(smcp) or not (smcp.get("spec") or {}).get("profiles"):
            self._adopt(smcp)
            return 0.0
        run = self._runs.get(key)
        generation = smcp["metadata"]["generation"]
        if (run is None and self._done.get(key) != generation) or (run is not None and run.generation != generation):
            run = self._begin(key, smcp)
        elif run is None and self._fault(namespace, "reconcile-error") is not None:
            run = self._runs[key] = _Run(generation, self._repair_line(), time.monotonic())
        if run is None:
            return _IDLE_POLL_SECONDS
        return self._advance(key, smcp, run)

    def _is_settled(self, key: tuple[str, str]) -> bool:
        """Say whether nothing is to be done, as far as the cache knows; what was deleted from a ready mesh is made
        again.
        """
        smcp = self._store.get(_SMCP, key[1], key[0])
        if smcp is None or smcp["metadata"].get("deletionTimestamp") or key in self._runs:
            return False
        if self._done.get(key) != smcp["metadata"]["generation"] or self._fault(key[0], "reconcile-error") is not None:
            return False
        self._mend(smcp)
        return True

    def _adopt(self, smcp: dict) -> None:
        patch = with_finalizer(smcp) if not has_finalizer(smcp) else {"metadata": {}}
        if not (smcp.get("spec") or {}).get("profiles"):
            patch["spec"] = {"profiles": ["default"]}
        self._kube.merge(_SMCP, smcp["metadata"]["name"], smcp["metadata"]["namespace"], patch)

    def _begin(self, key: tuple[str, str], smcp: dict) -> _Run | None:
        generation = smcp["metadata"]["generation"]
        status = smcp.get("status") or {}
        # A new release takes up what the former one has made; what it does not serve it leaves as it is.
        is_own = (
            status.get("operatorVersion") == self._release.version
            or smcp["spec"]["version"] not in self._release.charts
        )
        if key not in self._done and status.get("observedGeneration") == generation and _is_ready(status) and is_own:
            self._done[key] = generation  # an operator that starts beside a mesh that is ready has nothing to do
            return None
        is_update = bool(status.get("observedGeneration"))
        line = self._update_line(status["observedGeneration"]) if is_update else self._install_line()
        run = self._runs[key] = _Run(generation, line, time.monotonic())
        self._log(f"{'/'.join(key)}: {'update' if is_update else 'installation'} of generation {generation} begins")
        return run

    def _advance(self, key: tuple[str, str], smcp: dict, run: _Run) -> float | None:
        """Do every stage that is due; return the real seconds until the next."""
        while run.next_stage < len(run.time_line):
            at, stage = run.time_line[run.next_stage]
            remaining = run.started + self._clock.seconds(at) - time.monotonic()
            if remaining > 0:
                return remaining
            try:
                is_done = stage(smcp)
            except KubeError as error:
                if error.status == 409:
                    raise
                self._fail(smcp, str(error))
                self._log(f"{'/'.join(key)}: {error}")
                return self._clock.seconds(_RETRY_SECONDS)
            if not is_done:
                return _IDLE_POLL_SECONDS
            run.next_stage += 1
        self._runs.pop(key, None)
        self._done[key] = run.generation
        self._log(
            f"{'/'.join(key)}: "
            + ("removed" if run.generation == _REMOVAL else f"generation {run.generation} is ready")
        )
        return _IDLE_POLL_SECONDS

    def _install_line(self) -> list[tuple[float, Callable[[dict], bool]]]:
        """What happens when after a control plane was created, in seconds of mesh time; a stage that returns False is
        repeated.
        """
        return [
            (0.1, self._show_created),
            (
                0.7,
                partial(
                    self._stumble,
                    "Failed to install/update Istio CNI: error: the image of the CNI is not there yet",
                    "0/{total}",
                ),
            ),
            (1.0, self._make_istiod),
            (4.0, self._make_gateways),
            (5.0, partial(self._pause, "PausingInstall", ["istio-ingress", "istio-egress"])),
            (12.0, partial(self._finish, "InstallSuccessful", None)),
        ]

    def _update_line(self, before: int) -> list[tuple[float, Callable[[dict], bool]]]:
        """What happens when after a spec has changed. For more than a second the status still speaks of the old
        generation.
        """
        return [
            (1.4, partial(self._show_updated, before, -1)),
            (
                1.7,
                partial(
                    self._stumble, "Error rendering helm charts: the cluster's API is not ready for the charts", None
                ),
            ),
            (2.5, self._make_istiod),
            (3.0, self._make_gateways),
            (4.0, partial(self._show_updated, before, +1)),
            (6.0, partial(self._show_updated, before, +2)),
            (9.0, self._prune),
            (12.0, partial(self._finish, "UpdateSuccessful", before)),
        ]

    def _repair_line(self) -> list[tuple[float, Callable[[dict], bool]]]:
        return [(0.0, self._make_gateways), (0.5, partial(self._finish, "ReconcileSuccessful", None))]

    # stages: each takes the control plane as just read and says whether it is done

    def _show_created(self, smcp: dict) -> bool:
        message = f"Installing mesh generation {smcp['metadata']['generation']}"
        self._report(
            smcp, [Condition(kind, False, "ResourceCreated", message) for kind in ("Installed", "Reconciled", "Ready")]
        )
        return True

    def _show_updated(self, before: int, surplus: int, smcp: dict) -> bool:
        message = f"Updating mesh from generation {before} to generation {smcp['metadata']['generation']}"
        total = len(components_of(smcp))
        conditions = [Condition(kind, False, "SpecUpdated", message) for kind in ("Reconciled", "Ready")]
        # components of the old version are still counted while those of the new one come
        self._report(smcp, conditions, {"annotations": {"readyComponentCount": f"{total + surplus}/{total}"}})
        return True

    def _stumble(self, message: str, count: str | None, smcp: dict) -> bool:
        changes = (
            {"annotations": {"readyComponentCount": count.format(total=len(components_of(smcp)))}} if count else {}
        )
        self._report(
            smcp, [Condition(kind, False, "ReconcileError", message) for kind in ("Reconciled", "Ready")], changes
        )
        return True

    def _fail(self, smcp: dict, message: str) -> None:
        self._stumble(message, None, smcp)

    def _pause(self, reason: str, waiting: Sequence[str], smcp: dict) -> bool:
        components = components_of(smcp)
        ready = [name for name in components if name not in waiting]
        message = f"Paused until the following components become ready: {list(waiting)}".replace("'", "")
        changes = {
            "annotations": {"readyComponentCount": f"{len(ready)}/{len(components)}"},
            "readiness": _readiness(ready, waiting),
        }
        self._report(smcp, [Condition(kind, False, reason, message) for kind in ("Reconciled", "Ready")], changes)
        return True

    def _make_istiod(self, smcp: dict) -> bool:
        namespace = smcp["metadata"]["namespace"]
        own = {MEMBER_OF: namespace}
        if minor(smcp["spec"]["version"]) <= 3:
            own["maistra.io/ignore-namespace"] = "ignore"
        self._kube.merge("Namespace", namespace, None, {"metadata": {"labels": own}})
        for manifest in istiod_objects(smcp, self._release):
            self._apply(manifest)
        for name in _ELECTIONS:
            # istiod's own leader elections: nobody owns them, and they stay when the mesh goes
            election = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}
            if self._kube.get("ConfigMap", name, namespace) is None:
                self._kube.create(election)
        return True

    def _make_gateways(self, smcp: dict) -> bool:
        for gateway in gateways_of(smcp):
            for manifest in gateway_objects(smcp, gateway, self._release):
                self._apply(manifest)
        for manifest in component_objects(smcp, self._release):
            self._apply(manifest)
        return True

    def _apply(self, manifest: dict) -> None:
        try:
            self._kube.apply(manifest, MANAGER, force=True)
        except KubeError as error:
            if error.status != 422:
                raise
            # something that can not change, such as a Deployment's selector: the operator makes the object anew
            delete_if_there(
                self._kube, manifest["kind"], manifest["metadata"]["name"], manifest["metadata"]["namespace"]
            )
            self._kube.apply(manifest, MANAGER, force=True)

    def _prune(self, smcp: dict) -> bool:
        """Delete what belongs to gateways and components that the control plane does not ask for any more."""
        wanted = {
            _identity(manifest)
            for gateway in gateways_of(smcp)
            for manifest in gateway_objects(smcp, gateway, self._release)
        }
        wanted |= {_identity(manifest) for manifest in component_objects(smcp, self._release)}
        for manifest in self._operated(smcp, GATEWAY_KINDS):
            component = manifest["metadata"]["labels"].get("app.kubernetes.io/component")
            if component in _PRUNED_COMPONENTS and _identity(manifest) not in wanted:
                delete_if_there(
                    self._kube, manifest["kind"], manifest["metadata"]["name"], manifest["metadata"]["namespace"]
                )
        return True

    def _finish(self, reason: str, before: int | None, smcp: dict) -> bool:
        namespace, generation = smcp["metadata"]["namespace"], smcp["metadata"]["generation"]
        if self._fault(namespace, "reconcile-error") is not None:
            self._fail(smcp, "Error processing component istio-ingress: the fault reconcile-error is on")
            return False
        if not self._are_deployments_available(smcp):
            return False
        self._prune(smcp)
        release, components = self._release, components_of(smcp)
        now_at = release.reconciled_version(generation)
        message = {
            "InstallSuccessful": f"Successfully installed version {now_at}",
            "UpdateSuccessful": (
                f"Successfully updated from version {release.reconciled_version(before or 0)} to version {now_at}"
            ),
            "ReconcileSuccessful": f"Successfully reconciled version {now_at}",
        }[reason]
        done = [
            Condition("Reconciled", True, reason, message),
            Condition("Ready", True, "ComponentsReady", "All component deployments are Available"),
        ]
        if reason == "InstallSuccessful":
            done.insert(0, Condition("Installed", True, reason, message))
        spec, chart = applied_spec(smcp), release.charts[smcp["spec"]["version"]]
        stored = {
            entry["resource"]: entry.get("conditions") for entry in (smcp.get("status") or {}).get("components") or []
        }
        part = [Condition("Installed", True, "InstallSuccessful", ""), Condition("Reconciled", True, reason, "")]
        self._report(
            smcp,
            done,
            {
                "annotations": {
                    "readyComponentCount": f"{len(components)}/{len(components)}",
                    "alwaysReadyComponents": "mesh-config,telemetry-common",
                },
                "appliedSpec": spec,
                "appliedValues": {
                    "istio": {
                        "global": {
                            "proxy": {"image": proxy_image(smcp, release)},
                            "trustDomain": spec["security"]["trust"]["domain"],
                        }
                    },
                    "version": spec["version"],
                },
                "chartVersion": chart,
                "components": [
                    {"resource": name, "conditions": conditions_after(stored.get(name), part)} for name in components
                ],
                "observedGeneration": generation,
                "operatorVersion": release.version,
                "readiness": _readiness(components, []),
            },
            generation,
        )
        return True

    def _are_deployments_available(self, smcp: dict) -> bool:
        return all(is_whole(deployment) for deployment in self._operated(smcp, ["Deployment"]))

    def _mend(self, smcp: dict) -> None:
        """Make again what somebody deleted from a mesh that is ready."""
        there = {
            (kind, manifest["metadata"]["namespace"], manifest["metadata"]["name"])
            for kind in ("Service", "Deployment")
            for manifest in self._store.list(kind)
        }
        for gateway in gateways_of(smcp):
            for manifest in gateway_objects(smcp, gateway, self._release):
                if manifest["kind"] in ("Service", "Deployment") and _identity(manifest) not in there:
                    self._apply(manifest)

    def _operated(self, smcp: dict, kinds: Sequence[str]) -> list[dict]:
        namespace, name = smcp["metadata"]["namespace"], smcp["metadata"]["name"]
        selector = f"{OWNER}={namespace},{OWNER_NAME}={name},app.kubernetes.io/managed-by={MANAGED_BY}"
        return [{**manifest, "kind": kind} for kind in kinds for manifest in self._kube.list(kind, None, selector)]

    def _report(
        self,
        smcp: dict,
        conditions: Sequence[Condition],
        changes: Mapping[str, Any] | None = None,
        generation: int | None = None,
    ) -> None:
        """Write conditions and further status fields; annotations are added to those that stand there.

        With ``generation``, nothing is written when the control plane has changed since.
        """
        changes = dict(changes or {})
        annotations = changes.pop("annotations", {})

        def status_after(live: dict) -> dict:
            stored = live.get("status") or {}
            if generation is not None and live["metadata"]["generation"] != generation:
                return stored
            written = {condition.type for condition in conditions}
            kept = [
                Condition(entry["type"], entry["status"] == "True", entry["reason"], entry.get("message", ""))
                for entry in stored.get("conditions") or []
                if entry["type"] not in written
            ]
            return {
                "readiness": {},  # the schema demands one
                **stored,
                **changes,
                "annotations": {**(stored.get("annotations") or {}), **annotations},
                "conditions": conditions_after(stored.get("conditions"), [*kept, *conditions]),
            }

        write_status(self._kube, _SMCP, smcp["metadata"]["name"], smcp["metadata"]["namespace"], status_after)

    # the end of a control plane

    def _remove(self, key: tuple[str, str], smcp: dict) -> float | None:
        if not has_finalizer(smcp):
            return None
        run = self._runs.get(key)
        if run is None or run.generation != _REMOVAL:
            run = self._runs[key] = _Run(_REMOVAL, self._removal_line(), time.monotonic())
        again = self._advance(key, smcp, run)
        return None if key not in self._runs else again

    def _removal_line(self) -> list[tuple[float, Callable[[dict], bool]]]:
        return [(0.1, self._show_deleting), (3.0, self._delete_operated), (8.0, self._let_go)]

    def _show_deleting(self, smcp: dict) -> bool:
        self._report(
            smcp,
            [
                Condition(kind, False, "Deleting", "Deleting service mesh")
                for kind in ("Installed", "Reconciled", "Ready")
            ],
        )
        return True

    def _delete_operated(self, smcp: dict) -> bool:
        for manifest in self._operated(smcp, _OPERATED_KINDS):
            delete_if_there(
                self._kube, manifest["kind"], manifest["metadata"]["name"], manifest["metadata"]["namespace"]
            )
        namespace = smcp["metadata"]["namespace"]
        self._kube.merge(
            "Namespace",
            namespace,
            None,
            {"metadata": {"labels": {MEMBER_OF: None, "maistra.io/ignore-namespace": None}}},
        )
        return True

    def _let_go(self, smcp: dict) -> bool:
        self._kube.merge(_SMCP, smcp["metadata"]["name"], smcp["metadata"]["namespace"], without_finalizer(smcp))
        return True

    def _forget(self, key: tuple[str, str]) -> None:
        self._runs.pop(key, None)
        self._done.pop(key, None)


def _identity(manifest: Mapping[str, Any]) -> tuple[str, str, str]:
    return manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def _readiness(ready: Sequence[str], pending: Sequence[str]) -> dict:
    return {"components": {"ready": list(ready), "unready": [], "pending": list(pending)}}


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in status.get("conditions") or [])


def _on_its_node(daemon_set: dict) -> dict:
    """Return the status of a DaemonSet in a cluster of one node."""
    one = dict.fromkeys(
        (
            "desiredNumberScheduled",
            "currentNumberScheduled",
            "numberReady",
            "numberAvailable",
            "updatedNumberScheduled",
        ),
        1,
    )
    return {**one, "numberMisscheduled": 0, "observedGeneration": daemon_set["metadata"]["generation"]}
