# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Conditions as the operator writes them, and the one way in which its parts write a status."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .kube import Kube, KubeError

MANAGER = "istio-operator"
FINALIZER = "maistra.io/istio-operator"
_TRIES = 6


@dataclass(frozen=True)
class Condition:
    """One condition to be written; when it last changed follows from what is stored."""

    type: str
    is_true: bool
    reason: str
    message: str


def conditions_after(stored: Sequence[Mapping[str, Any]] | None, wanted: Sequence[Condition]) -> list[dict]:
    """Return ``wanted`` as a list of conditions; one whose status stays keeps its ``lastTransitionTime``."""
    before = {condition["type"]: condition for condition in stored or []}
    result = []
    for condition in wanted:
        status = str(condition.is_true)
        old = before.get(condition.type, {})
        since = old.get("lastTransitionTime") if old.get("status") == status else None
        result.append(
            {
                "type": condition.type,
                "status": status,
                "reason": condition.reason,
                "message": condition.message,
                "lastTransitionTime": since or now(),
            }
        )
    return result


def now() -> str:
    """Return the time as the API server writes it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_status(kube: Kube, kind: str, name: str, namespace: str, status_after: Callable[[dict], dict]) -> None:
    """Store ``status_after(live object)`` as the object's status, unless it is that already.

    Reads anew after a conflict; an object that is gone is left alone. Raises ``KubeError`` for every other refusal.
    """
    for attempt in range(_TRIES):
        live = kube.get(kind, name, namespace)
        if live is None:
            return
        status = status_after(live)
        if status == live.get("status"):
            return
        try:
            kube.update_status({**live, "status": status})
            return
        except KubeError as error:
            if error.status == 404:
                return
            if error.status != 409 or attempt == _TRIES - 1:
                raise


def delete_if_there(kube: Kube, kind: str, name: str, namespace: str | None) -> None:
    """Delete an object; one that is gone already is as good."""
    try:
        kube.delete(kind, name, namespace)
    except KubeError as error:
        if error.status != 404:
            raise


def without_finalizer(resource: Mapping[str, Any]) -> dict:
    """Return the merge patch that takes the operator's finalizer off ``resource``."""
    kept = [finalizer for finalizer in resource["metadata"].get("finalizers") or [] if finalizer != FINALIZER]
    return {"metadata": {"finalizers": kept or None, "resourceVersion": resource["metadata"]["resourceVersion"]}}


def with_finalizer(resource: Mapping[str, Any]) -> dict:
    """Return the merge patch that puts the operator's finalizer on ``resource``."""
    finalizers = [*(resource["metadata"].get("finalizers") or []), FINALIZER]
    return {"metadata": {"finalizers": finalizers, "resourceVersion": resource["metadata"]["resourceVersion"]}}


def has_finalizer(resource: Mapping[str, Any]) -> bool:
    """Say whether the operator's finalizer is on ``resource``."""
    return FINALIZER in (resource["metadata"].get("finalizers") or [])
