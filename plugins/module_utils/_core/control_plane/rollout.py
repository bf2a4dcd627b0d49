# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a Deployment has been rolled out, and whether that was after a moment.

Source: Kubernetes documentation, "Deployments", complete Deployment; ``kubectl rollout status`` goes by the same
fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from ..plain.data import at
from ..plain.errors import FederationError
from ..plain.moments import time_of, time_text

# As kubectl rollout restart writes it, so that everything that knows that one knows ours.
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


def is_noticed(live: Mapping | None) -> bool:
    """Return whether the controller of a workload has seen what is wanted of it now."""
    return (at(live, "status", "observedGeneration") or 0) >= (at(live, "metadata", "generation") or 0)


def unfinished(deployment: Mapping) -> str:
    """Return in words what a roll-out still misses; "" when all pods are those of the present template and
    available.
    """
    wanted = (deployment.get("spec") or {}).get("replicas", 1)
    status = deployment.get("status") or {}
    counted = {key: status.get(key) or 0 for key in ("replicas", "updatedReplicas", "availableReplicas")}
    if not is_noticed(deployment):
        return "the new template has not been noticed yet"
    if counted["updatedReplicas"] < wanted:
        return f"{counted['updatedReplicas']} of {wanted} pods are new"
    if counted["replicas"] > counted["updatedReplicas"]:
        return f"{counted['replicas'] - counted['updatedReplicas']} former pods are still there"
    if counted["availableReplicas"] < counted["updatedReplicas"]:
        return f"{counted['availableReplicas']} of {counted['updatedReplicas']} new pods are available"
    return ""


def stalled(deployment: Mapping) -> str:
    """Return what a Deployment says of a roll-out that does not get on any more; "" while there is hope."""
    if not is_noticed(deployment):
        return ""
    for condition in at(deployment, "status", "conditions") or []:
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return str(condition.get("message") or condition["reason"])
    return ""


def restarted_at(deployment: Mapping) -> datetime | None:
    """Return when a restart was last asked for; None when never."""
    metadata = at(deployment, "spec", "template", "metadata") or {}
    return time_of(at(metadata, "annotations", RESTARTED_AT))


def restart_patch(deployment: Mapping, now: datetime) -> dict:
    """Return the merge patch that restarts a Deployment's pods, bound to that Deployment."""
    annotations = {RESTARTED_AT: time_text(now)}
    return {
        "metadata": {"uid": deployment["metadata"]["uid"]},
        "spec": {"template": {"metadata": {"annotations": annotations}}},
    }


def pods_of(deployment: Mapping, pods: Iterable[Mapping]) -> list[Mapping]:
    """Return the pods that run for a Deployment; those that are going or have ended do not count."""
    wanted = (at(deployment, "spec", "selector", "matchLabels") or {}).items()
    return [
        pod
        for pod in pods
        if wanted
        and wanted <= (pod["metadata"].get("labels") or {}).items()
        and not pod["metadata"].get("deletionTimestamp")
        and at(pod, "status", "phase") not in ("Succeeded", "Failed")
    ]


def started(pods: Iterable[Mapping]) -> list[datetime]:
    """Return when each pod was made, by the API server's clock."""
    return [moment for pod in pods if (moment := time_of(pod["metadata"].get("creationTimestamp")))]


def is_restart_due(deployment: Mapping, pods: Iterable[Mapping], since: datetime | None) -> bool:
    """Return whether pods must be restarted: always without ``since``, else when one of them is older than that.

    Not while a restart that was asked for at that time or later is under way.
    """
    if since is None:
        return True
    asked = restarted_at(deployment)
    if unfinished(deployment) and asked is not None and asked >= since:
        return False
    return any(moment < since for moment in started(pods_of(deployment, pods)))


def moment_of(text: str | None) -> datetime | None:
    """Return the option ``since``; raises ``FederationError`` FED608 for what is not a time."""
    found = time_of(text) if text else None
    if text and found is None:
        raise FederationError(
            "FED608", where="since", what=f"{text[:40]!r} is not a time", fix="Write it as in 2026-01-31T12:00:00Z"
        )
    return found


def next_moment(now: datetime, before: datetime | None) -> datetime:
    """Return the time to write: a text that stands already would restart nothing."""
    same = before is not None and time_text(before) == time_text(now)
    return now + timedelta(seconds=1) if same else now


def refuse_stalled(mesh: str, deployment: Mapping) -> None:
    """Fail at once when Kubernetes has given the roll-out up: FED606."""
    reason = stalled(deployment)
    if reason:
        raise not_restarted(mesh, deployment, f"does not come up: {reason}")


def not_restarted(mesh: str, deployment: Mapping, what: str) -> FederationError:
    """Return the error for a restart that did not end well."""
    metadata = deployment["metadata"]
    place = f"{metadata['namespace']}/{metadata['name']}"
    return FederationError(
        "FED606",
        where=f"Mesh {mesh}, Deployment {place}",
        what=what,
        fix=(
            f"Look at its pods (kubectl -n {metadata['namespace']} describe deployment {metadata['name']}); its "
            "proxies keep their last configuration"
        ),
    )


def as_diff(place: str, before: datetime | None, after: datetime) -> list[dict]:
    """Return the restart as a diff."""
    line = f'spec.template.metadata.annotations["{RESTARTED_AT}"]: '
    texts = [f"{line}{time_text(when)}\n" if when else "" for when in (before, after)]
    return [{"before_header": place, "after_header": place, "before": texts[0], "after": texts[1]}]
