# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compares what a cluster's meshes were given with what they should have: namespaces, Roles, bindings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ._cluster.client import Cluster
from ._core.install.holding import Standing, check_bound, is_made_by_us, refusals
from ._core.install.rights import Objects, key_of, refuse_overtaken, refuse_replaced, removals
from ._core.install.tenants import NAME, Tenant, check_tenants, plan_tenant
from ._core.plain.diff import Change, change_to
from ._core.plain.kinds import KINDS, MANAGER, NAMESPACE, ROLE, ROLE_BINDING, SERVICE_ACCOUNT
from ._reads.tenants import read_standing


def tenant_changes(
    cluster: Cluster,
    tenants: Sequence[Tenant],
    *,
    state: str = "present",
    force: bool = False,
    standing: Standing | None = None,
) -> list[Change]:
    """Return the changes that bring the rights of these meshes to their desired state.

    Raises ``FederationError`` before any is made. ``standing`` is what was read already.
    """
    check_tenants(tenants)
    standing = standing or read_standing(cluster, is_going=state == "absent")
    if state == "absent":
        return list(removals(tenants, standing, {}))
    refusal = next(refusals(tenants, standing), None)
    if refusal:
        raise refusal
    wanted = {key_of(desired): desired for tenant in tenants for desired in plan_tenant(tenant)}
    return [*removals(tenants, standing, wanted), *_additions(cluster, wanted, standing, force=force)]


def take_back_in_replaced(cluster: Cluster, tenants: Sequence[Tenant], standing: Standing) -> None:
    """Take back what was just given in namespaces that were replaced since they were looked at: FED109.

    They may be somebody else's now; the next run looks at them anew.
    """
    now = {live["metadata"]["name"]: live["metadata"].get("uid") for live in cluster.list(NAMESPACE, "")}
    spaces = {name for tenant in tenants for name in tenant.namespaces if name in standing.namespaces}
    replaced = sorted(name for name in spaces if now.get(name) != standing.namespaces[name]["metadata"].get("uid"))
    for kind, namespace in ((kind, name) for name in replaced for kind in (ROLE_BINDING, ROLE)):
        live = cluster.get(kind, namespace, NAME) if namespace in now else None
        if live is not None and is_made_by_us(live):
            cluster.delete(kind, namespace, NAME, live["metadata"]["uid"])
    refuse_replaced(replaced)


def check_done(cluster: Cluster, tenants: Sequence[Tenant], *, state: str, force: bool) -> None:
    """Refuse to call it done where another run has changed what this one had made: FED515."""
    refuse_overtaken(tenant_changes(cluster, tenants, state=state, force=force))


def _additions(cluster: Cluster, wanted: Objects, standing: Standing, *, force: bool) -> Iterator[Change]:
    """Yield the changes that make and correct; a namespace or account that exists without us is left as it is."""
    known = {key_of(live): live for live in standing.rights}
    for (kind, namespace, name), desired in wanted.items():
        if kind == NAMESPACE.name and name in standing.namespaces:
            continue
        live = known.get((kind, namespace, name))
        # One that carries no label of ours is in no list; in a namespace that is just being made there is none.
        if live is None and (not namespace or namespace in standing.namespaces) and kind != NAMESPACE.name:
            live = cluster.get(KINDS[kind], namespace, name)
            if live is not None and kind == SERVICE_ACCOUNT.name:
                continue
        check_bound(live, desired)
        change = change_to(live, desired, MANAGER, force=force)
        if change:
            yield change
