# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is kept of a pod: whether it has a proxy that runs, and which workload it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..control_plane.data_plane import PROXY, STATUS_ANNOTATION
from ..plain.data import at, is_true, items, mapping, strings
from ..plain.moments import time_of
from .syncz import Pod

HASH_LABEL = "pod-template-hash"


def outline(pod: Mapping) -> dict | None:
    """Return what is needed of a live pod; None of one that has ended, or is going."""
    if at(pod, "status", "phase") in ("Succeeded", "Failed") or at(pod, "metadata", "deletionTimestamp"):
        return None
    metadata = mapping(pod.get("metadata"))
    return {
        "metadata": {
            key: metadata[key] for key in ("name", "namespace", "labels", "ownerReferences") if key in metadata
        },
        "injected": STATUS_ANNOTATION in mapping(metadata.get("annotations")),
        "containers": [str(container.get("name")) for container in _containers(pod)],
        "started": _started(pod),
        "ips": (
            [str(entry.get("ip")) for entry in items(at(pod, "status", "podIPs")) if entry.get("ip")]
            or strings([at(pod, "status", "podIP")])
        ),
        "ready": is_true(pod, "Ready"),
    }


def proxy_in(pod: Mapping) -> Pod | None:
    """Return the proxy of a pod as ``outline`` gives it; None where it has none."""
    if PROXY not in pod["containers"]:
        return None
    metadata, started = pod["metadata"], time_of(pod["started"])
    return Pod(
        metadata["namespace"], metadata["name"], workload_of(pod), started, started is not None, not pod["injected"]
    )


def workload_of(pod: Mapping) -> str:
    """Return the name of the workload that a pod belongs to: its owner's, without the hash that a Deployment gives to
    its ReplicaSets.

    A pod whose owner is gone (deleted with ``--cascade=orphan``) still has the hash in its own name.
    """
    metadata = mapping(pod.get("metadata"))
    owner = next((one for one in items(metadata.get("ownerReferences")) if one.get("controller")), None)
    template = str(mapping(metadata.get("labels")).get(HASH_LABEL) or "")
    if owner is None:
        name = str(metadata.get("name"))
        before, hashed, _random = name.rpartition(f"-{template}-") if template else ("", "", "")
        return before if hashed else name
    name = str(owner.get("name"))
    return name.removesuffix(f"-{template}") if template else name


def _containers(pod: Mapping) -> Iterator[Mapping]:
    for key in ("containers", "initContainers"):
        yield from items(at(pod, "spec", key))


def _started(pod: Mapping) -> str:
    """Return when the proxy of a pod was started; "" of one that does not run."""
    for key in ("containerStatuses", "initContainerStatuses"):
        for entry in items(at(pod, "status", key)):
            if entry.get("name") == PROXY:
                return str(at(entry, "state", "running", "startedAt") or "")
    return ""
