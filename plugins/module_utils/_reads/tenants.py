# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster's meshes were given: namespaces, Roles, bindings, and whatever else stands that holds them."""

from __future__ import annotations

from .._cluster.client import Cluster
from .._core.install.holding import Standing
from .._core.plain.data import by_name
from .._core.plain.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONTROL_PLANE,
    MEMBER,
    MEMBER_ROLL,
    MESH_LABEL,
    NAMESPACE,
    OPERATOR_GROUP,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
)
from .readable import all_served

# Bindings go before what they bind, so that a run that ends halfway leaves nobody with a right to nothing.
RIGHTS = (CLUSTER_ROLE_BINDING, CLUSTER_ROLE, ROLE_BINDING, ROLE, SERVICE_ACCOUNT)


def read_standing(cluster: Cluster, *, is_going: bool = False) -> Standing:
    """Return what stands, one LIST per kind; for what ``is_going`` the rights suffice."""
    bindings = cluster.list(CLUSTER_ROLE_BINDING, "")
    rights = [live for live in bindings if MESH_LABEL in (live["metadata"].get("labels") or {})]
    rights += [
        live
        for kind in RIGHTS[1:]
        for live in cluster.list(kind, "", MESH_LABEL)
        if MESH_LABEL in (live["metadata"].get("labels") or {})
    ]
    if is_going:
        return Standing(rights=rights)
    return Standing(
        namespaces=by_name(cluster.list(NAMESPACE, "")),
        rights=rights,
        control_planes=all_served(cluster, CONTROL_PLANE),
        rolls=all_served(cluster, MEMBER_ROLL),
        members=all_served(cluster, MEMBER),
        groups=all_served(cluster, OPERATOR_GROUP),
        cluster_bindings=bindings,
    )
