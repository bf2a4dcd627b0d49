# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Operator Lifecycle Manager of the testbed: from a Subscription to an operator that works, and every way in which that
fails.

It looks at all Subscriptions, InstallPlans and ClusterServiceVersions again and again, and takes each one stage
further. What is installed in the end is the testbed's own operator: before that nobody serves control planes, and an
upgrade replaces it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import requests

from .kube import Kube, KubeError
from .releases import RELEASES, OperatorRelease

GROUP = "operators.coreos.com"
MESH_PACKAGE = "servicemeshoperator"
CATALOGS = ("redhat-operators", "mirrored-operators")
CATALOG_NAMESPACE = "openshift-marketplace"
CHANNEL = "stable"
# The ClusterServiceVersions of each package's channel, oldest first.
PACKAGES: Mapping[str, tuple[str, ...]] = {
    MESH_PACKAGE: tuple(f"{MESH_PACKAGE}.v{release.version}" for release in RELEASES.values()),
    "kiali-ossm": ("kiali-operator.v1.65.11", "kiali-operator.v1.73.4"),
    "jaeger-product": ("jaeger-operator.v1.57.0-5",),
    "elasticsearch-operator": ("elasticsearch-operator.v5.8.4",),
    "tempo-product": ("tempo-operator.v0.10.0-4",),
    "opentelemetry-product": ("opentelemetry-operator.v0.102.0-2",),
    "maistraoperator": ("maistraoperator.v2.3.0",),
}
_PHASES = ("Pending", "InstallReady", "Installing", "Succeeded")
_PAUSE_SECONDS = 2.0

# What starts and ends the operator: called with its release, or None when its ClusterServiceVersion has gone.
Installed = Callable[[OperatorRelease | None], None]


class Lifecycle:
    """OLM of one cluster. ``fault`` tells the settings of a fault that is on; ``installed`` is called from its own
    thread.
    """

    def __init__(
        self,
        kube: Kube,
        clock: Any,
        fault: Callable[[str], Mapping[str, Any] | None],
        installed: Installed,
        log: Callable[[str], None],
    ) -> None:
        self._kube, self._clock, self._fault, self._installed, self._log = kube, clock, fault, installed, log
        self._running = ""
        self._numbers = itertools.count(1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="olm", daemon=True)

    def start(self) -> None:
        """Make the catalog sources in their namespace, which must be there, and begin to work."""
        for name in CATALOGS:
            spec = {"sourceType": "grpc", "displayName": name.replace("-", " ").title()}
            place = {"name": name, "namespace": CATALOG_NAMESPACE}
            live = self._kube.create(
                {"apiVersion": f"{GROUP}/v1alpha1", "kind": "CatalogSource", "metadata": place, "spec": spec}
            )
            self._status(live, {"connectionState": {"lastObservedState": "READY"}})
        for package, catalog in itertools.product(PACKAGES, CATALOGS):
            self._offer(package, catalog)
        self._thread.start()

    def _offer(self, package: str, catalog: str) -> None:
        """Tell what a catalog has of a package: one channel.

        OLM gives those of all catalogs the package's name, which objects that are stored cannot share: here the first
        catalog's has it.
        """
        labels = {"catalog": catalog, "catalog-namespace": CATALOG_NAMESPACE}
        name = package if catalog == CATALOGS[0] else f"{package}.{catalog}"
        metadata = {"name": name, "namespace": CATALOG_NAMESPACE, "labels": labels}
        versions = PACKAGES[package]
        entries = [{"name": name, "version": name.partition(".v")[2]} for name in reversed(versions)]
        channel = {"name": CHANNEL, "currentCSV": versions[-1], "entries": entries}
        status = {"packageName": package, "catalogSource": catalog, "defaultChannel": CHANNEL, "channels": [channel]}
        self._kube.create(
            {
                "apiVersion": f"packages.{GROUP}/v1",
                "kind": "PackageManifest",
                "metadata": metadata,
                "spec": {},
                "status": status,
            }
        )

    def stop(self) -> None:
        """End after the present look."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._clock.sleep(_PAUSE_SECONDS, self._stopping):
            try:
                self.look()
            except (KubeError, requests.RequestException) as error:
                self._log(f"olm: {error}")

    def look(self) -> None:
        """Take everything one stage further."""
        subscriptions = self._kube.list("Subscription")
        plans = self._kube.list("InstallPlan")
        versions = {
            (live["metadata"]["namespace"], live["metadata"]["name"]): live
            for live in self._kube.list("ClusterServiceVersion")
        }
        groups = self._kube.list("OperatorGroup")
        self._run_operator(versions.values())
        for plan in plans:
            self._advance_plan(plan, versions)
        for version in versions.values():
            self._advance_version(version, subscriptions, groups)
        for namespace in sorted({live["metadata"]["namespace"] for live in subscriptions}):
            self._resolve(
                namespace,
                [live for live in subscriptions if live["metadata"]["namespace"] == namespace],
                plans,
                versions,
            )

    # the operator itself

    def _run_operator(self, versions: Iterable[Mapping[str, Any]]) -> None:
        running = ""
        for live in versions:
            if (
                live["metadata"]["name"].startswith(f"{MESH_PACKAGE}.")
                and (live.get("status") or {}).get("phase") == "Succeeded"
            ):
                running = max(running, live["metadata"]["name"])
        if running != self._running:
            wanted = running.partition(".v")[2]
            self._installed(next((release for release in RELEASES.values() if release.version == wanted), None))
            self._running = running

    # plans and versions

    def _advance_plan(self, plan: dict, versions: Mapping[tuple[str, str], dict]) -> None:
        phase = (plan.get("status") or {}).get("phase")
        namespace, name = plan["metadata"]["namespace"], plan["metadata"]["name"]
        if phase == "RequiresApproval" and plan["spec"]["approved"]:
            self._status(plan, {**plan["status"], "phase": "Installing"})
        elif phase == "Installing" and self._fault("olm-plan-failed") is not None:
            message = "error validating existing CRs against new CRD's schema"
            condition = {"type": "Installed", "status": "False", "reason": "InstallComponentFailed", "message": message}
            self._status(plan, {**plan["status"], "phase": "Failed", "message": message, "conditions": [condition]})
        elif phase == "Installing":
            for csv in plan["spec"]["clusterServiceVersionNames"]:
                if (namespace, csv) not in versions:
                    self._kube.create(
                        {
                            "apiVersion": f"{GROUP}/v1alpha1",
                            "kind": "ClusterServiceVersion",
                            "metadata": {"name": csv, "namespace": namespace, "labels": {"testbed/plan": name}},
                            "spec": {"displayName": csv.partition(".")[0], "version": f"{csv.partition('.v')[2]}-0"},
                        }
                    )
            self._status(plan, {**plan["status"], "phase": "Complete"})

    def _advance_version(self, version: dict, subscriptions: Iterable[dict], groups: Iterable[dict]) -> None:
        namespace, name = version["metadata"]["namespace"], version["metadata"]["name"]
        status = version.get("status") or {}
        count = sum(live["metadata"]["namespace"] == namespace for live in groups)
        if count != 1:
            reason = "TooManyOperatorGroups" if count else "NoOperatorGroup"
            message = (
                f"csv created in namespace with {'multiple' if count else 'no'}"
                f" operatorgroup{'s, can' if count else 's, will'} not be installed"
            )
            self._status(version, {"phase": "Failed", "reason": reason, "message": message})
        elif self._fault("olm-csv-failed") is not None:
            message = "install timeout: deployment not ready before timeout"
            self._status(version, {"phase": "Failed", "reason": "InstallCheckFailed", "message": message})
        elif status.get("phase") != "Succeeded":
            phase = status.get("phase")
            following = _PHASES[_PHASES.index(phase) + 1] if phase in _PHASES else _PHASES[0]
            self._status(
                version,
                {"phase": following, "reason": "InstallSucceeded" if following == "Succeeded" else "InstallWaiting"},
            )
        else:
            self._replace_older(namespace, name, subscriptions)

    def _replace_older(self, namespace: str, name: str, subscriptions: Iterable[dict]) -> None:
        """Note a version that has succeeded with its Subscription, and delete the one that it replaces."""
        for live in subscriptions:
            channel = PACKAGES.get(live["spec"]["name"], ())
            if live["metadata"]["namespace"] != namespace or name not in channel:
                continue
            former = (live.get("status") or {}).get("installedCSV")
            if former != name and (former not in channel or channel.index(former) < channel.index(name)):
                self._status(live, {**(live.get("status") or {}), "installedCSV": name, "state": "AtLatestKnown"})
                if former:
                    self._kube.delete("ClusterServiceVersion", former, namespace)

    # resolution

    def _resolve(
        self, namespace: str, subscriptions: list[dict], plans: list[dict], versions: Mapping[tuple[str, str], dict]
    ) -> None:
        steps: list[tuple[dict, str]] = []
        for live in subscriptions:
            trouble = self._trouble(live)
            if trouble:
                self._say(live, *trouble)
                continue
            status, channel = live.get("status") or {}, PACKAGES[live["spec"]["name"]]
            installed = status.get("installedCSV")
            first = live["spec"].get("startingCSV")
            target = channel[-1] if installed or first not in channel else first
            if any(condition["status"] == "True" for condition in status.get("conditions") or []):
                self._status(live, {**status, "conditions": []})
            if target != installed:
                steps.append((live, target))
        names = [target for _live, target in steps]
        if not names or any((namespace, name) in versions for name in names):
            return
        extra = self._fault("olm-extra-csv")
        if extra is not None:
            names = [*names, str(extra.get("csv") or "other-operator.v9.9.9")]
        standing = next(
            (
                plan
                for plan in plans
                if plan["metadata"]["namespace"] == namespace
                and plan["spec"]["clusterServiceVersionNames"] == names
                and (plan.get("status") or {}).get("phase") != "Complete"
            ),
            None,
        )
        if standing is None:
            is_manual = any(live["spec"].get("installPlanApproval") == "Manual" for live, _target in steps)
            standing = self._new_plan(namespace, names, is_manual)
        reference = {"kind": "InstallPlan", "namespace": namespace, "name": standing["metadata"]["name"]}
        for live, target in steps:
            self._status(
                live,
                {
                    **(live.get("status") or {}),
                    "currentCSV": target,
                    "installPlanRef": reference,
                    "state": "UpgradePending",
                },
            )

    def _new_plan(self, namespace: str, names: list[str], is_manual: bool) -> dict:
        plan = self._kube.create(
            {
                "apiVersion": f"{GROUP}/v1alpha1",
                "kind": "InstallPlan",
                "metadata": {"name": f"install-{next(self._numbers):05x}", "namespace": namespace},
                "spec": {
                    "approval": "Manual" if is_manual else "Automatic",
                    "approved": not is_manual,
                    "clusterServiceVersionNames": names,
                },
            }
        )
        self._status(plan, {"phase": "RequiresApproval"})
        return plan

    def _trouble(self, live: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the condition that keeps a Subscription from being resolved, and its message."""
        name, spec = live["metadata"]["name"], live["spec"]
        catalog = f"{spec['sourceNamespace']}/{spec['source']}"
        if self._fault("olm-catalog-down") is not None or spec["source"] not in CATALOGS:
            return "CatalogSourcesUnhealthy", f"targeted catalogsource {catalog} missing"
        if self._fault("olm-bundle-unpack-failed") is not None:
            return (
                "BundleUnpackFailed",
                (
                    "bundle unpacking failed. Reason: DeadlineExceeded, and Message: Job was active longer than"
                    " specified deadline"
                ),
            )
        if spec["name"] not in PACKAGES or self._fault("olm-resolution-failed") is not None:
            return (
                "ResolutionFailed",
                (
                    f"constraints not satisfiable: no operators found in package {spec['name']} in the catalog"
                    f" referenced by subscription {name}"
                ),
            )
        return None

    def _say(self, live: dict, kind: str, message: str) -> None:
        condition = {"type": kind, "status": "True", "reason": kind, "message": message}
        if (live.get("status") or {}).get("conditions") != [condition]:
            self._status(live, {**(live.get("status") or {}), "conditions": [condition]})

    def _status(self, live: dict, status: Mapping[str, Any]) -> None:
        """Write a status; the object at hand has it, too. One that was changed or deleted meanwhile is looked at again
        next time.
        """
        if live.get("status") == status:
            return
        metadata = live["metadata"]
        self._kube.merge(live["kind"], metadata["name"], metadata["namespace"], {"status": dict(status)}, "status")
        live["status"] = dict(status)
