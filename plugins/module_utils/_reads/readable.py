# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads for which a missing right, or a kind that the cluster does not serve, is also an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._cluster.client import Cluster
from .._core.plain.data import at
from .._core.plain.errors import FORBIDDEN, NOT_SERVED, UNSEEN, FederationError
from .._core.plain.kinds import NAMESPACE, Kind


def all_served(
    cluster: Cluster, kind: Kind, namespace: str = "", keep: Callable[[dict], Any] | None = None
) -> list[dict]:
    """Return all objects of a kind, as ``Cluster.list`` does; none where the cluster does not serve it."""
    try:
        return cluster.list(kind, namespace, keep=keep)
    except FederationError as error:
        if error.code != NOT_SERVED:
            raise
        return []


def all_readable(
    cluster: Cluster, kind: Kind, namespace: str = "", keep: Callable[[dict], Any] | None = None
) -> list[dict] | None:
    """Return all objects of a kind, as ``Cluster.list`` does; None where this account may not see them, or the cluster
    does not serve it.
    """
    try:
        return cluster.list(kind, namespace, keep=keep)
    except FederationError as error:
        if error.code not in UNSEEN:
            raise
        return None


def one_readable(cluster: Cluster, kind: Kind, namespace: str, name: str) -> dict | None:
    """Return an object; None where it does not exist, or as ``all_readable`` says."""
    try:
        return cluster.get(kind, namespace, name)
    except FederationError as error:
        if error.code not in UNSEEN:
            raise
        return None


def labels_of(cluster: Cluster, namespace: str) -> dict:
    """Return a namespace's labels; none where it does not exist yet or may not be read."""
    try:
        return at(cluster.get(NAMESPACE, "", namespace), "metadata", "labels") or {}
    except FederationError as error:
        if error.code != FORBIDDEN:
            raise
        return {}
