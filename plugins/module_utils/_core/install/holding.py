# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose a namespace is, and which rights are a mesh's: nobody is given, nor loses, what is another's.

What a cluster administrator alone can write counts for more than what the owner of a namespace can: a label, an
annotation and a field manager in a namespace are its owner's to forge, the ClusterRole of a mesh is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from ..control_plane.members import check_holder
from ..plain.data import at, items, listed, place_of
from ..plain.diff import owned_leaves
from ..plain.errors import FederationError
from ..plain.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONTROL_PLANE_LABEL,
    MANAGER,
    MESH_LABEL,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
)
from .tenants import NAME, Tenant, facts_of

EVERYTHING = "cluster-admin"
BINDINGS = (ROLE_BINDING.name, CLUSTER_ROLE_BINDING.name)


@dataclass(frozen=True)
class Standing:
    """What stands in a cluster: all objects of each kind, but of the rights those that bear the label of a mesh."""

    namespaces: Mapping[str, Mapping] = field(default_factory=dict)
    rights: Sequence[Mapping] = ()
    control_planes: Sequence[Mapping] = ()
    rolls: Sequence[Mapping] = ()
    members: Sequence[Mapping] = ()
    groups: Sequence[Mapping] = ()
    cluster_bindings: Sequence[Mapping] = ()


def refusals(tenants: Sequence[Tenant], standing: Standing) -> Iterator[FederationError]:
    """Yield why meshes may not have what their descriptions give them, as far as existing objects show."""
    for look in (of_namespaces, of_going, of_rights, of_control_planes, of_names, of_accounts):
        yield from look(tenants, standing)


def of_namespaces(tenants: Sequence[Tenant], standing: Standing) -> Iterator[FederationError]:
    """Yield FED426 for namespaces of other meshes and of operators."""
    for tenant in tenants:
        for name in tenant.namespaces:
            yield from _of_namespace(tenant, name, standing)


def of_going(tenants: Sequence[Tenant], standing: Standing) -> Iterator[FederationError]:
    """Yield FED452 for namespaces on their way out."""
    for name in (name for tenant in tenants for name in tenant.namespaces):
        if at(standing.namespaces.get(name), "metadata", "deletionTimestamp"):
            yield FederationError(
                "FED452",
                where=f"Namespace {name}",
                what="is being deleted",
                fix="Run again when it is gone; the run then creates it again",
            )


def of_rights(tenants: Sequence[Tenant], standing: Standing) -> Iterator[FederationError]:
    """Yield FED451 for namespaces in which another mesh has rights."""
    for tenant in tenants:
        for name in tenant.namespaces:
            yield from _of_rights(tenant, name, tenants, standing)


def of_control_planes(tenants: Sequence[Tenant], standing: Standing) -> Iterator[FederationError]:
    """Yield FED451 for control planes and rolls in the namespaces that are not the mesh's."""
    for tenant in tenants:
        yield from _of_control_plane(tenant, standing)


def of_names(tenants: Sequence[Tenant], standing: Standing) -> Iterator[FederationError]:
    """Yield FED456 for meshes whose rights say that their control plane is elsewhere."""
    for tenant in tenants:
        yield from _of_name(tenant, standing)


def of_accounts(tenants: Sequence[Tenant], standing: Standing) -> Iterator[FederationError]:
    """Yield FED457 for namespaces with an account that has the whole cluster, where workloads may be restarted."""
    for tenant in tenants:
        for name in tenant.namespaces if tenant.admins.restarts else ():
            yield from _of_accounts(tenant, name, standing)


def check_bound(live: Mapping | None, desired: Mapping) -> None:
    """Refuse an existing object that has our name and cannot become ours: FED455.

    A binding's role never changes, and an aggregated role is made of others.
    """
    if live is None:
        return
    if desired["kind"] in BINDINGS and {**(live.get("roleRef") or {}), "apiGroup": ""} != {
        **desired["roleRef"],
        "apiGroup": "",
    }:
        bound = f"{at(live, 'roleRef', 'kind')} {at(live, 'roleRef', 'name')}"
        what = f"binds {bound}, and a binding cannot be given another role"
    elif live.get("aggregationRule"):
        what = "combines other ClusterRoles (aggregationRule), so it allows what those allow"
    else:
        return
    raise FederationError(
        "FED455", where=place_of(live), what=what, fix="Find out who made it, delete it, and run again"
    )


def is_rightful(live: Mapping, tenant: Tenant, standing: Standing) -> bool:
    """Return whether we gave a right to this mesh, by its name, mesh, control plane and field manager.

    Rights that bear no label of a control plane are older than that label: they are this mesh's when its control
    plane's Role of then was here.
    """
    labels = _labels(live)
    if labels.get(MESH_LABEL) != tenant.mesh or not _is_named_so(live, tenant) or not is_made_by_us(live):
        return False
    home = labels.get(CONTROL_PLANE_LABEL)
    if home:
        return home == tenant.namespace
    former = former_homes(tenant.mesh, standing.rights)
    namespace = _namespace(live)
    return tenant.namespace in former if former else not namespace or namespace in tenant.namespaces


def is_left_alone(live: Mapping, tenant: Tenant) -> bool:
    """Return whether a right bears this mesh's label without having come from us: it is told of, not taken."""
    return _labels(live).get(MESH_LABEL) == tenant.mesh and not (is_made_by_us(live) and _is_named_so(live, tenant))


def is_made_by_us(live: Mapping) -> bool:
    """Return whether our field manager has applied an object, so that it is not only labelled like ours."""
    return bool(owned_leaves(live, MANAGER))


def former_homes(mesh: str, rights: Iterable[Mapping]) -> set[str]:
    """Return where rights without a label of a control plane have it: where their Role allows to use one."""
    return {
        _namespace(live)
        for live in rights
        if live.get("kind") == ROLE.name
        and live["metadata"].get("name") == NAME
        and _labels(live).get(MESH_LABEL) == mesh
        and CONTROL_PLANE_LABEL not in _labels(live)
        and is_made_by_us(live)
        and any("servicemeshcontrolplanes" in (rule.get("resources") or ()) for rule in items(live.get("rules")))
    }


def _of_namespace(tenant: Tenant, name: str, standing: Standing) -> Iterator[FederationError]:
    """Yield why the namespace itself is not this mesh's: another's member, or a place of operators."""
    live = standing.namespaces.get(name) or {}
    try:
        check_holder(tenant.namespace, name, _labels(live))
    except FederationError as error:
        yield error
        return
    listing = next(
        (place for place, listed_there in _claims(standing) if place != tenant.namespace and name in listed_there), None
    )
    if listing:
        yield FederationError(
            "FED426",
            where=f"Namespace {name}, wanted by {tenant.mesh}",
            what=f"is a member of the mesh in namespace {listing}",
            fix=f"Take it out of that mesh first, or out of the description of {tenant.mesh}",
        )
    if any(_namespace(group) == name and _is_for_all(group) for group in standing.groups):
        yield FederationError(
            "FED426",
            where=f"Namespace {name}, wanted by {tenant.mesh}",
            what=(
                "is where operators of the whole cluster run (its OperatorGroup has all namespaces): rights in it "
                "reach the whole cluster"
            ),
            fix="Name a namespace that was made for the mesh or for its applications",
        )


def _claims(standing: Standing) -> Iterator[tuple[str, set[str]]]:
    """Yield the namespaces that rolls and ServiceMeshMembers put into a mesh, by the namespace of its control plane."""
    for roll in standing.rolls:
        words = chain(
            *(
                at(roll, *path) or ()
                for path in (("spec", "members"), ("status", "configuredMembers"), ("status", "pendingMembers"))
            )
        )
        yield _namespace(roll), {word for word in words if isinstance(word, str)}
    for member in standing.members:
        yield str(at(member, "spec", "controlPlaneRef", "namespace")), {_namespace(member)}


def _is_for_all(group: Mapping) -> bool:
    """Return whether an OperatorGroup makes its operators look after all namespaces: by no name, or by the
    empty one.
    """
    spec = group.get("spec") or {}
    named = [name for name in spec.get("targetNamespaces") or () if name]
    return not named and not spec.get("selector")


def _of_rights(tenant: Tenant, name: str, tenants: Sequence[Tenant], standing: Standing) -> Iterator[FederationError]:
    """Yield why a namespace is another mesh's by the rights in it; what this very run takes back does not count."""
    described = {other.mesh: other for other in tenants}
    for live in standing.rights:
        mesh, home = _labels(live).get(MESH_LABEL), _labels(live).get(CONTROL_PLANE_LABEL)
        if (
            _namespace(live) != name
            or live["metadata"].get("name") != NAME
            or (mesh == tenant.mesh and home in (None, tenant.namespace))
        ):
            continue
        if mesh in described and home in (None, described[mesh].namespace):
            continue
        of = f"the mesh {mesh}" if mesh != tenant.mesh else f"another mesh {mesh}, whose control plane is in {home}"
        yield FederationError(
            "FED451",
            where=f"Namespace {name}, wanted by {tenant.mesh}",
            what=f"belongs to {of}: {place_of(live)} gives its administrators their rights there",
            fix=(
                "Take the rights of that mesh away first (tenants_state: absent), or correct the description of "
                f"{tenant.mesh}"
            ),
        )
        return


def _of_control_plane(tenant: Tenant, standing: Standing) -> Iterator[FederationError]:
    """Yield why control planes and rolls that stand in the namespaces are not this mesh's."""
    is_known = any(
        _namespace(live) == tenant.namespace and live.get("kind") == ROLE.name and is_rightful(live, tenant, standing)
        for live in standing.rights
    )
    for live in (*standing.control_planes, *standing.rolls):
        mesh, name = _labels(live).get(MESH_LABEL), _namespace(live)
        if name in tenant.members and name != tenant.namespace:
            what, fix = (
                "makes its namespace a control plane's, and no mesh has it as a member",
                "Take it out of mesh_members",
            )
        elif name != tenant.namespace or mesh == tenant.mesh:
            continue
        elif mesh:
            what, fix = (
                f"is kept as the mesh {mesh}",
                f"Correct mesh_namespace, or mesh_name where {tenant.mesh} is that mesh's new name",
            )
        elif is_known or tenant.is_adopted:
            continue
        else:
            what = "was not made for this mesh by this collection"
            said = f"confirm it once as the cluster's administrator (-e tenants_adopt={tenant.mesh})"
            fix = f"If it is {tenant.mesh}'s, {said}; if not, correct mesh_namespace"
        yield FederationError(
            "FED451", where=f"{place_of(live)}, in a namespace that {tenant.mesh} wants", what=what, fix=fix
        )


def _of_name(tenant: Tenant, standing: Standing) -> Iterator[FederationError]:
    """Yield why a mesh of this name is another one: its rights say that its control plane is elsewhere."""
    facts = [
        live
        for live in (*standing.rights, *standing.cluster_bindings)
        if live.get("kind") in (CLUSTER_ROLE.name, CLUSTER_ROLE_BINDING.name)
        and live["metadata"].get("name") == facts_of(tenant.mesh)
    ]
    homes = {home for live in facts if (home := _labels(live).get(CONTROL_PLANE_LABEL))} or former_homes(
        tenant.mesh, standing.rights
    )
    if homes and tenant.namespace not in homes:
        yield FederationError(
            "FED456",
            where=f"Mesh {tenant.mesh}",
            what=(
                f"has its control plane in {tenant.namespace}, and this cluster has a mesh of that name in "
                f"{listed(sorted(homes))}"
            ),
            fix=(
                "Give one of the two another mesh_name; if it has moved, remove its rights first "
                "(tenants_state: absent) with the former mesh_namespace"
            ),
        )


def _of_accounts(tenant: Tenant, name: str, standing: Standing) -> Iterator[FederationError]:
    """Yield why the right to restart would be the right to everything: an account of the namespace may do all."""
    for binding in standing.cluster_bindings:
        if at(binding, "roleRef", "name") != EVERYTHING:
            continue
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{name}")
        for subject in items(binding.get("subjects")):
            is_account = subject.get("kind") == SERVICE_ACCOUNT.name and subject.get("namespace") == name
            is_all = subject.get("kind") == "Group" and subject.get("name") in groups
            is_user = subject.get("kind") == "User" and str(subject.get("name")).startswith(
                f"system:serviceaccount:{name}:"
            )
            if is_account or is_all or is_user:
                yield FederationError(
                    "FED457",
                    where=f"Namespace {name}, wanted by {tenant.mesh}",
                    what=(
                        f"has {subject['kind']} {subject.get('name')}, which ClusterRoleBinding "
                        f"{binding['metadata']['name']} makes a cluster administrator, and an account that restarts "
                        "workloads there can act as it"
                    ),
                    fix=(
                        "Remove that binding, move that account to its own namespace, or give the mesh's "
                        "administrators restarts: false"
                    ),
                )
                return


def _is_named_so(live: Mapping, tenant: Tenant) -> bool:
    kind, name = live.get("kind"), live["metadata"].get("name")
    if kind in (ROLE.name, ROLE_BINDING.name):
        return name == NAME
    if kind in (CLUSTER_ROLE.name, CLUSTER_ROLE_BINDING.name):
        return name == facts_of(tenant.mesh)
    return kind == SERVICE_ACCOUNT.name and _namespace(live) == tenant.namespace


def _labels(live: Mapping) -> Mapping:
    labels = at(live, "metadata", "labels")
    return labels if isinstance(labels, Mapping) else {}


def _namespace(live: Mapping) -> str:
    return str(at(live, "metadata", "namespace") or "")
