# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks at the sidecars of a mesh: which are old, who owns their pods, and what of these can be restarted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from .._cluster.client import Cluster
from .._core.control_plane.data_plane import (
    ROLLED,
    VERSION_LABEL,
    Newest,
    Owner,
    Pod,
    Workload,
    grouped,
    has_sidecar,
    injector_of,
    is_old,
    is_returning,
    owner_of,
    ownership,
)
from .._core.control_plane.restarting import OWNERS, Survey
from .._core.plain.data import at, items
from .._core.plain.errors import FORBIDDEN, UNSEEN, FederationError
from .._core.plain.kinds import POD, REPLICA_SET, REPLICATION_CONTROLLER, Kind
from .._core.plain.moments import time_of
from .._core.plain.refusals import Refusal


class Surveyor:
    """Looks at the sidecars of one mesh; of each old one it keeps a line, of the others nothing.

    With ``restarts`` it also looks for workloads that were restarted in this upgrade and are not up yet: the old pods
    of some (one replica, ``Recreate``, the last of a set) are gone long before that.
    """

    def __init__(self, cluster: Cluster, namespaces: Sequence[str], newest: Newest, restarts: bool = False) -> None:
        self._cluster, self._namespaces, self._newest, self._restarts = cluster, namespaces, newest, restarts

    @cached_property
    def _kinds(self) -> set[str]:
        """The kinds of owners that this cluster has."""
        return {
            name
            for name, kind in OWNERS.items()
            if name in ROLLED or self._cluster.serves(kind.api_version.partition("/")[0])
        }

    def look(self) -> Survey:
        """Return what stands now: one LIST of pods per namespace, and of each kind of owner that is of interest."""
        sidecars: dict[str, int] = {}
        pods, live, unknown = [], {}, []

        def noted(pod: dict) -> dict | None:
            if not has_sidecar(pod):
                return None
            space = pod["metadata"]["namespace"]
            sidecars[space] = sidecars.get(space, 0) + 1
            return {key: pod[key] for key in ("metadata",)} if is_old(pod, self._newest) else None

        for namespace in self._namespaces:
            try:
                old = self._cluster.list(POD, namespace, keep=noted)
            except FederationError as error:
                if error.code != FORBIDDEN:
                    raise
                sidecars.pop(namespace, None)
                unknown.append(Refusal(POD, namespace).text)
                continue
            found = self._owned(namespace, old, unknown)
            pods += found
            live |= self._owners(namespace, {pod.owner for pod in found}, unknown)
        return Survey(
            sidecars, tuple(grouped(pods, live, self._newest.since, self._newest.control_plane)), tuple(unknown)
        )

    def has_stayed(self, workload: Workload) -> bool:
        """Return whether an old pod of a workload still runs after its owner was read.

        Pods are listed before owners. A roll-out that ended between the two would look as if it had never begun.
        """
        pod = workload.pods[0]
        live = self._cluster.get(POD, workload.owner.namespace, pod.name)
        return (
            live is not None and live["metadata"]["uid"] == pod.uid and has_sidecar(live) and is_old(live, self._newest)
        )

    def _owned(self, namespace: str, old: Iterable[Mapping], unknown: list[str]) -> list[Pod]:
        above = {str(entry.get("kind")) for pod in old for entry in items(at(pod, "metadata", "ownerReferences"))}
        between: dict[str, Mapping] = {}
        for kind in (REPLICA_SET, REPLICATION_CONTROLLER):
            if kind.name in above:
                between |= {
                    live["metadata"]["name"]: live for live in self._readable(kind, namespace, unknown, keep=ownership)
                }
        # A Deployment below a Knative Revision is Knative's: its revision is restarted, not the Deployment.
        result = []
        for pod in old:
            metadata = pod["metadata"]
            labels = metadata.get("labels") or {}
            owner, service = owner_of(pod, between), labels.get("serving.knative.dev/service")
            owner = Owner("Service", namespace, service) if service else owner
            made, since = time_of(metadata.get("creationTimestamp")), self._newest.since
            is_vain, revision = (
                bool(made and since and made > since),
                (labels.get("serving.knative.dev/revision", "") if service else ""),
            )
            version = labels.get(VERSION_LABEL) or "2.0"
            result.append(
                Pod(metadata["name"], metadata["uid"], owner, version, is_vain, revision, injector_of(metadata))
            )
        return result

    def _owners(self, namespace: str, wanted: set[Owner], unknown: list[str]) -> dict[Owner, Mapping]:
        kinds = {owner.kind for owner in wanted} & set(OWNERS) | (self._kinds if self._restarts else set())
        found = {}
        for kind in sorted(kinds):

            def of_interest(live: dict, kind: str = kind) -> dict | None:
                owner = Owner(kind, namespace, live["metadata"]["name"])
                is_kept = owner in wanted or (
                    self._restarts and is_returning(Workload(owner, (), live, self._newest.since))
                )
                return live if is_kept else None

            listed = self._readable(OWNERS[kind], namespace, unknown, keep=of_interest)
            found |= {Owner(kind, namespace, live["metadata"]["name"]): live for live in listed}
        return found

    def _readable(self, kind: Kind, namespace: str, unknown: list[str], keep: object = None) -> list[dict]:
        try:
            return self._cluster.list(kind, namespace, keep=keep)
        except FederationError as error:
            if error.code not in UNSEEN:
                raise
            unknown.append(f"{kind.name} objects in {namespace}: {error.what}")
            return []
