# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to be read for rules of traffic, and what of it is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..plain.data import at, items
from .wanted import Wanted


def are_located(wanted: Iterable[Wanted], given: Collection[tuple[str, str]]) -> bool:
    """Return whether rules count only for callers that have a locality; ``given`` are services that peers give as
    local.
    """
    return any(one.failover_to or (one.split and (one.namespace, one.name) in given) for one in wanted)


def services_needed(wanted: Iterable[Wanted], given: Iterable[tuple[str, str]]) -> set[str]:
    """Return the namespaces whose Services rules need: those of the services that they are for, and that peers give as
    local.
    """
    return {*(one.namespace for one in wanted), *(namespace for namespace, _name in given)}


def pods_needed(wanted: Sequence[Wanted], members: Iterable[str]) -> set[str]:
    """Return the namespaces whose pods rules need: those of splits; all where workloads of ours alone may call."""
    if any(one.callers and one.callers.service_accounts for one in wanted):
        return {*members, *(one.namespace for one in wanted if one.split)}
    return {one.namespace for one in wanted if one.split}


def outline(live: Mapping) -> dict:
    """Return of a pod what says who it is, where it runs, as whom, and whether it can be called."""
    metadata, conditions = live["metadata"], at(live, "status", "conditions")
    containers = [*items(at(live, "spec", "containers")), *items(at(live, "spec", "initContainers"))]
    return {
        "kind": "Pod",
        "containers": [str(container.get("name")) for container in containers],
        "metadata": {key: metadata.get(key) for key in ("name", "namespace", "labels", "deletionTimestamp")},
        "spec": {key: at(live, "spec", key) for key in ("nodeName", "serviceAccountName")},
        "status": {
            "phase": at(live, "status", "phase"),
            "conditions": conditions if isinstance(conditions, list) else [],
        },
    }
