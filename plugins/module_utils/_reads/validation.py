# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what a validation looks at: one LIST per kind and namespace of the mesh. What may not be read is noted, not
refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .._cluster.client import Cluster
from .._core.control_plane.live import ControlPlane
from .._core.control_plane.members import ROLL
from .._core.plain.data import at, strings
from .._core.plain.errors import FORBIDDEN, NOT_SERVED, UNSEEN, FederationError
from .._core.plain.kinds import (
    AUTHORIZATION_POLICY,
    DEPLOYMENT,
    DESTINATION_RULE,
    ISTIO_GATEWAY,
    MEMBER_ROLL,
    NAMESPACE,
    PEER,
    PEER_AUTHENTICATION,
    POD,
    REQUEST_AUTHENTICATION,
    SERVICE,
    SERVICE_ACCOUNT,
    SERVICE_ENTRY,
    SIDECAR,
    STATEFUL_SET,
    VIRTUAL_SERVICE,
    Kind,
)
from .._core.traffic.needing import outline
from .._core.traffic.standing import Standing
from .._core.validation.looking import Look, name_of, pod_labels
from .._core.validation.policies import check_policies
from .._core.validation.registry import Given, Objects, given_by
from .._core.validation.routing import check_routing
from .peerings import read_peerings

# What says that a selector fits nothing, so that it is worth asking what would make pods.
BY_LABELS = frozenset({"FED978", "FED983", "FED991"})


class Reader:
    """Lists kinds of a mesh's namespaces, each once, and notes those that may not be read."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.spaces: list[str] = []
        self.unread: set[tuple[str, str]] = set()

    def members(self, namespace: str) -> list[str]:
        """Return the members of the mesh whose control plane is in ``namespace``."""
        try:
            return strings(at(self._cluster.get(MEMBER_ROLL, namespace, ROLL), "status", "configuredMembers"))
        except FederationError as error:
            if error.code != FORBIDDEN:
                raise
            self.unread.add((MEMBER_ROLL.name, namespace))
            return []

    def listed(self, kind: Kind, namespace: str, keep: Callable[[dict], object] | None = None) -> list:
        """Return what a namespace has of a kind; nothing where it may not be read, or the API server does not know the
        kind.
        """
        try:
            return self._cluster.list(kind, namespace, keep=keep)
        except FederationError as error:
            if error.code == NOT_SERVED:
                return []
            if error.code != FORBIDDEN:
                raise
            self.unread.add((kind.name, namespace))
            return []

    def everywhere(self, kind: Kind, keep: Callable[[dict], object] | None = None) -> list:
        """Return what all namespaces of the mesh have of a kind."""
        return [live for namespace in self.spaces for live in self.listed(kind, namespace, keep)]


def read_objects(cluster: Cluster, control_plane: ControlPlane) -> Objects:
    """Return what a validation of a mesh looks at; where its member roll may not be read, that is the control plane's
    namespace only.
    """
    reader = Reader(cluster)
    members = frozenset(reader.members(control_plane.namespace))
    reader.spaces = sorted({*members, control_plane.namespace})
    services = reader.everywhere(SERVICE)
    standing = Standing(
        control_plane=control_plane,
        members=members,
        services={(live["metadata"]["namespace"], live["metadata"]["name"]): live for live in services},
        rules=tuple(
            live
            for kind in (VIRTUAL_SERVICE, DESTINATION_RULE, AUTHORIZATION_POLICY)
            for live in reader.everywhere(kind)
        ),
        pods={namespace: tuple(reader.listed(POD, namespace, outline)) for namespace in reader.spaces},
    )
    objects = Objects(
        standing=standing,
        entries=tuple(reader.everywhere(SERVICE_ENTRY)),
        gateways=tuple(reader.everywhere(ISTIO_GATEWAY)),
        sidecars=tuple(reader.everywhere(SIDECAR)),
        authentications=tuple(reader.everywhere(PEER_AUTHENTICATION)),
        requests=tuple(reader.everywhere(REQUEST_AUTHENTICATION)),
        given=_given(cluster, reader, control_plane),
    )
    objects = _with_accounts(cluster, reader, objects)
    return _with_workloads(reader, replace(objects, unread=frozenset(reader.unread)))


def _given(cluster: Cluster, reader: Reader, control_plane: ControlPlane) -> tuple[Given, ...]:
    try:
        return given_by(read_peerings(cluster, control_plane, with_bundles=False), cluster.now, control_plane.version)
    except FederationError as error:
        if error.code not in UNSEEN:
            raise
        if error.code == FORBIDDEN:
            reader.unread.add((PEER.name, control_plane.namespace))
        return ()


def _with_accounts(cluster: Cluster, reader: Reader, objects: Objects) -> Objects:
    """Return the same with service accounts and the names of namespaces, where a policy compares them."""
    if not objects.rules(AUTHORIZATION_POLICY):
        return objects
    accounts = {space: frozenset(reader.listed(SERVICE_ACCOUNT, space, name_of)) for space in reader.spaces}
    try:
        namespaces = frozenset(cluster.list(NAMESPACE, "", keep=name_of))
    except FederationError as error:
        if error.code != FORBIDDEN:
            raise
        namespaces = None
    return replace(objects, accounts=accounts, namespaces=namespaces)


def _with_workloads(reader: Reader, objects: Objects) -> Objects:
    """Return the same with the labels that workloads give their pods, where some selector fits no pod: one scaled to
    zero has none.
    """
    look = Look()
    check_routing(objects, look)
    check_policies(objects, look)
    if not any(found.code in BY_LABELS for found in look.findings):
        return objects
    workloads = {
        space: tuple(labels for kind in (DEPLOYMENT, STATEFUL_SET) for labels in reader.listed(kind, space, pod_labels))
        for space in reader.spaces
    }
    blind = {
        space for kind in (DEPLOYMENT, STATEFUL_SET) for space in reader.spaces if (kind.name, space) in reader.unread
    }
    # Who may not see what makes pods does not know that nothing does.
    return replace(objects, workloads=workloads, unread=objects.unread | {(POD.name, space) for space in blind})
