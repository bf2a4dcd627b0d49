# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compares what a cluster's meshes were given with what they should have: namespaces, Roles, bindings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ._cluster import Cluster
from ._core.diff import Change, change_to, removal_of
from ._core.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, KINDS, MANAGER, MESH_LABEL, NAMESPACE, ROLE, ROLE_BINDING, SERVICE_ACCOUNT
from ._core.tenants import Tenant, check_namespaces, check_tenants, plan_tenant

# Bindings go before what they bind, so that a run that ends halfway leaves nobody with a right to nothing.
RIGHTS = (CLUSTER_ROLE_BINDING, CLUSTER_ROLE, ROLE_BINDING, ROLE, SERVICE_ACCOUNT)
Standing = Mapping[tuple[str, str, str], dict]


def tenant_changes(cluster: Cluster, tenants: Sequence[Tenant], *, state: str = "present", force: bool = False) -> list[Change]:
    """Return the changes that bring the rights of these meshes to their desired state; raises ``FederationError`` before any."""
    check_tenants(tenants)
    namespaces = {live["metadata"]["name"]: live for live in cluster.list(NAMESPACE, "")}
    standing = {_key(live): live for kind in RIGHTS for live in cluster.list(kind, "", MESH_LABEL)}
    if state == "absent":
        return list(_removals(tenants, standing, {}))
    check_namespaces(tenants, namespaces)
    wanted = {_key(desired): desired for tenant in tenants for desired in plan_tenant(tenant)}
    return [*_removals(tenants, standing, wanted), *_additions(cluster, wanted, standing, namespaces, force=force)]


def _additions(cluster: Cluster, wanted: Standing, standing: Standing, namespaces: Mapping[str, dict], *, force: bool) -> Iterator[Change]:
    """Yield the changes that make and correct; a namespace that exists is nobody's to change."""
    for (kind, namespace, name), desired in wanted.items():
        if kind == NAMESPACE.name and name in namespaces:
            continue
        live = standing.get((kind, namespace, name))
        # One that carries no label of ours is in no list; in a namespace that is just being made there is none.
        if live is None and (not namespace or namespace in namespaces) and kind != NAMESPACE.name:
            live = cluster.get(KINDS[kind], namespace, name)
        change = change_to(live, desired, MANAGER, force=force)
        if change:
            yield change


def _removals(tenants: Sequence[Tenant], standing: Standing, wanted: Standing) -> Iterator[Change]:
    """Yield the changes that take away what these meshes were given before and need no more."""
    meshes = {tenant.mesh for tenant in tenants}
    for key, live in standing.items():
        if key not in wanted and live["metadata"]["labels"][MESH_LABEL] in meshes:
            yield removal_of(live, MANAGER)


def _key(live: Mapping) -> tuple[str, str, str]:
    """Return kind, namespace and name; cluster-wide objects have the namespace ""."""
    return live["kind"], live["metadata"].get("namespace", ""), live["metadata"]["name"]
