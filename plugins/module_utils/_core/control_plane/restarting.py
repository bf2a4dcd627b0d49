# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restarting the workloads of a mesh: what a survey found, which changes restart them, what refuses it,
what is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..plain.data import at, some
from ..plain.diff import MISSING, Change, Difference, as_diff
from ..plain.errors import FederationError
from ..plain.kinds import DAEMON_SET, DEPLOYMENT, DEPLOYMENT_CONFIG, KNATIVE_SERVICE, MANAGER, POD, STATEFUL_SET
from ..plain.moments import time_text
from . import live as control_planes
from .data_plane import Newest, Workload, lines
from .live import ControlPlane
from .rollout import RESTARTED_AT

OWNERS = {
    "Deployment": DEPLOYMENT,
    "StatefulSet": STATEFUL_SET,
    "DaemonSet": DAEMON_SET,
    "DeploymentConfig": DEPLOYMENT_CONFIG,
    "Service": KNATIVE_SERVICE,
}


@dataclass(frozen=True)
class Survey:
    """What was found: how many sidecars each namespace has, the workloads with old ones, and what could not be read."""

    sidecars: Mapping[str, int]
    workloads: tuple[Workload, ...]
    unknown: tuple[str, ...]


def places_of(namespace: str, roll: Mapping | None, only: Sequence[str]) -> list[str]:
    """Return the namespaces to look at: the control plane's and its members by the ``roll``, or those of them that are
    wanted.

    Raises ``FederationError`` FED432 for one that is not of the mesh.
    """
    members = sorted({namespace, *(at(roll, "status", "configuredMembers") or ())})
    strangers = sorted(set(only) - set(members))
    if strangers:
        raise FederationError(
            "FED432",
            where=f"Namespace {strangers[0]}",
            what=f"is not of this mesh, which has {some(members)}",
            fix="Correct the list of namespaces",
        )
    return [name for name in members if not only or name in only]


def refuse_sidecars(mesh: str, survey: Survey) -> None:
    """Stop with FED434 while sidecars run, or may run where this account cannot look."""
    count = sum(survey.sidecars.values())
    told = [f"{count} pod{'s' * (count != 1)} with a sidecar"] if count else []
    told += [f"{each} in {space}" for space, each in survey.sidecars.items()] + [
        f"unknown: {gap}" for gap in survey.unknown
    ]
    if told:
        raise FederationError(
            "FED434",
            where=f"Mesh {mesh}",
            what=f"is still used: {some(told)}",
            fix=(
                "Take sidecar.istio.io/inject off these workloads and restart them; or set uninstall_leave_sidecars:"
                " true"
            ),
        )


def refuse_unready(control_plane: ControlPlane, *, is_last: bool) -> None:
    """Stop with FED433 when a control plane is not ready at the deadline, and at once when it will not be by itself."""
    if is_last or control_planes.permanent_reason(control_plane.live):
        raise FederationError(
            "FED433",
            where=control_plane.place,
            what=f"is not ready: {'; '.join(control_planes.unready(control_plane.live))}",
            fix="Fix the control plane first; then run again",
        )


def report(survey: Survey, newest: Newest, changes: Sequence[Change]) -> dict:
    """Return what was found and done, as data and for people; the same at the end and in a failure."""
    old = [
        {"pod": f"{workload.owner.namespace}/{pod.name}", "version": pod.version, "owner": str(workload.owner)}
        for workload in survey.workloads
        for pod in workload.pods
    ]
    return {
        "changes": [change.summary() for change in changes],
        "restarted": [
            change.place
            for change in changes
            if change.manifest is None or "spec" in change.manifest or change.action == "instantiate"
        ],
        "old": old,
        "left_alone": [
            {
                "owner": str(workload.owner),
                "reason": workload.left_alone,
                **({"code": "FED512"} if workload.owner.is_endless else {}),
            }
            for workload in survey.workloads
            if workload.left_alone
        ],
        "pods": {"sidecars": sum(survey.sidecars.values()), "old": len(old)},
        "lines": list(lines(survey.workloads, newest)),
        "unknown": list(survey.unknown),
    }


def told(survey: Survey, newest: Newest, changes: Sequence[Change], waiting: Sequence[str], limit: int) -> dict:
    """Return what was found and done as a module's result, what is waited for, and the seconds that it may take."""
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        **report(survey, newest, changes),
        "waiting_for": list(waiting),
        "wait_limit": limit,
    }


def not_up(
    mesh: str, survey: Survey, newest: Newest, changes: Sequence[Change], waiting: Sequence[str], seconds: int
) -> FederationError:
    """Return the error for workloads that are not up after so many ``seconds``."""
    return FederationError(
        "FED616",
        where=f"Mesh {mesh}",
        what=f"has workloads that are not up after {seconds} s: {some(waiting, between='; ')}",
        fix="Look at the pods of these workloads, then run again: it continues where it stopped",
        facts=report(survey, newest, changes),
    )


def refuse_given_up(survey: Survey, newest: Newest, changes: Sequence[Change]) -> None:
    """Stop at the first workload that does not come back from its restart: FED617; what comes after it is left as it
    was.
    """
    for workload in survey.workloads:
        if workload.given_up:
            raise FederationError(
                "FED617",
                where=str(workload.owner),
                what=f"does not come back: {workload.given_up}; {workload.missing}",
                fix="Fix it or undo its last change; then run again, nothing that is up is restarted",
                facts=report(survey, newest, changes),
            )


def restarts(workload: Workload, now: datetime) -> list[Change]:
    """Return the changes that have a workload's pods made again; none for what is left alone or under way."""
    if not workload.way or workload.missing:
        return []
    owner, kind = workload.owner, OWNERS[workload.owner.kind]
    if workload.way == "instantiate":
        request = {
            "kind": "DeploymentRequest",
            "apiVersion": kind.api_version,
            "name": owner.name,
            "latest": True,
            "force": True,
        }
        return [Change("instantiate", kind, owner.namespace, owner.name, MANAGER, request, ())]
    if workload.way != "delete":
        return [mark(workload, ("spec", "template", "metadata", "annotations"), now)]
    # One by one: the next when this one is back. The mark tells a later run what to wait for.
    pod = workload.pods[0]
    marks = [] if workload.is_ours else [mark(workload, ("metadata", "annotations"), now)]
    return [*marks, Change("delete", POD, owner.namespace, pod.name, MANAGER, None, (), uid=pod.uid)]


def mark(workload: Workload, path: tuple[str, ...], now: datetime) -> Change:
    """Return the change that writes the mark of a restart into annotations, of the object as it was read
    and no other.
    """
    owner, text, place = workload.owner, time_text(now), (*path, RESTARTED_AT)
    stands = at(workload.live, *place)
    patch: dict = {RESTARTED_AT: text}
    for key in reversed(path):
        patch = {key: patch}
    patch["metadata"] = {
        **patch.get("metadata", {}),
        "resourceVersion": at(workload.live, "metadata", "resourceVersion"),
    }
    difference = Difference(place, MISSING if stands is None else stands, text)
    return Change(
        "merge",
        OWNERS[owner.kind],
        owner.namespace,
        owner.name,
        MANAGER,
        patch,
        (difference,),
        uid=at(workload.live, "metadata", "uid"),
    )
