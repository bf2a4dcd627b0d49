# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sidecar injection: a pod of a member namespace that asks for it gets a proxy of its control plane's version, and the
evidence of it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from .admission import ClusterView, Hook, Incoming

INJECT = "sidecar.istio.io/inject"
INJECTOR = "sidecar-injector.testbed"
MEMBER_OF = "maistra.io/member-of"


def injection_hook(cluster: ClusterView) -> Hook:
    """Return the hook that injects; control planes are looked up as they stand when a pod is made."""
    return Hook(
        "inject.mutation.testbed",
        "/inject",
        "pods",
        "v1",
        lambda asked: injected(asked, cluster),
        group="",
        fields=("metadata", "spec"),
    )


def injected(asked: Incoming, cluster: ClusterView) -> dict | None:
    """Return a new pod with its sidecar, None for a pod that gets none.

    By the annotation in all versions, by the label from 2.2 on, where the label counts more. From 2.1 on the pod is
    labelled with the version of the charts.
    """
    if not asked.is_create or not asked.new:
        return None
    namespace = next(
        (live for live in cluster.list("Namespace") if live["metadata"]["name"] == asked.namespace), {"metadata": {}}
    )
    home = (namespace["metadata"].get("labels") or {}).get(MEMBER_OF)
    control_plane = next(iter(cluster.list("ServiceMeshControlPlane", home)), None) if home else None
    status = (control_plane or {}).get("status") or {}
    charts = str(status.get("chartVersion") or "")
    if not charts or not wants(asked.new, charts):
        return None
    pod = copy.deepcopy(asked.new)
    metadata, spec = pod["metadata"], pod["spec"]
    if any(container["name"] == "istio-proxy" for container in spec["containers"]):
        return None
    evidence = {"initContainers": None, "containers": ["istio-proxy"], "volumes": [], "imagePullSecrets": None}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), "sidecar.istio.io/status": json.dumps(evidence)}
    if not charts.startswith("2.0."):
        metadata["labels"] = {**(metadata.get("labels") or {}), "maistra-version": charts}
    spec["containers"] = [*spec["containers"], {"name": "istio-proxy", "image": f"registry.test/proxyv2:{charts}"}]
    return pod


def wants(pod: Mapping[str, Any], charts: str) -> bool:
    """Return whether a pod asks for a sidecar."""
    metadata = pod["metadata"]
    asked = (metadata.get("annotations") or {}).get(INJECT)
    label = (metadata.get("labels") or {}).get(INJECT)
    if label is not None and not charts.startswith(("2.0.", "2.1.")):
        asked = label
    return asked == "true"
