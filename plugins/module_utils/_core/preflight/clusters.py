# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in the way of meshes in a cluster: OLM and its catalogs, the operators, namespaces, the platform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..catalogue.findings import Finding, Unknown, finding_of
from ..control_plane.live import ControlPlane, parse_version
from ..control_plane.spec import UNDEPLOYED_NAME, check_name, check_spec, plan_control_plane
from ..install.holding import Standing, of_accounts, of_control_planes, of_going, of_names, of_namespaces, of_rights
from ..install.operators import Found, Operator, catalog_of, is_ready, problems, to_approve
from ..install.tenants import Tenant
from ..plain.data import at
from ..plain.errors import FederationError
from ..plain.kinds import (
    CATALOG_SOURCE,
    CLUSTER_ROLE_BINDING,
    CONTROL_PLANE,
    INSTALL_PLAN,
    MEMBER,
    MEMBER_ROLL,
    NAMESPACE,
    OPERATOR_GROUP,
    PACKAGE_MANIFEST,
    ROLE,
    SUBSCRIPTION,
)
from ..plain.refusals import Refusal
from .checks import CLUSTER, NAMED, Check, Read, check, found_in, read_from, refused_reads, unknown_of
from .estate import SERVED, Ground, Platform
from .platform import BELOW

OLM_GROUP = SUBSCRIPTION.api_version.partition("/")[0]
SUBSCRIPTIONS, OPERATOR_GROUPS, CONTROL_PLANES, CATALOGS, NAMESPACES = (
    Read(kind, CLUSTER) for kind in (SUBSCRIPTION, OPERATOR_GROUP, CONTROL_PLANE, CATALOG_SOURCE, NAMESPACE)
)
ROLES, CLUSTER_BINDINGS, ROLLS, JOINED = (
    Read(kind, CLUSTER) for kind in (ROLE, CLUSTER_ROLE_BINDING, MEMBER_ROLL, MEMBER)
)
PACKAGES = Read(PACKAGE_MANIFEST, NAMED, behind=(SUBSCRIPTIONS, CATALOGS))
PLANS = Read(INSTALL_PLAN, NAMED, behind=(SUBSCRIPTIONS,))


@dataclass(frozen=True)
class ClusterEstate:
    """A cluster before its meshes: the operators that they need, the control planes that are wanted, and what stands.

    ``operators`` are as ``operators.settled`` gives them; with ``upgrade`` those that wait are to be approved.
    ``packages`` and ``catalogs`` are as ``operators.Found`` has them; ``namespaces`` are live, by name, and of
    ``roles`` those that bear the label of a mesh.
    """

    server: str
    operators: Sequence[Operator] = ()
    upgrade: bool = False
    wanted: Sequence[Mapping] = ()
    tenants: Sequence[Tenant] = ()
    platform: Platform = field(default_factory=Platform)
    has_olm: bool = field(metadata=read_from(SERVED), default=True)
    subscriptions: Sequence[Mapping] = field(metadata=read_from(SUBSCRIPTIONS), default=())
    groups: Sequence[Mapping] = field(metadata=read_from(OPERATOR_GROUPS), default=())
    control_planes: Sequence[Mapping] = field(metadata=read_from(CONTROL_PLANES), default=())
    catalogs: Sequence[Mapping] | None = field(metadata=read_from(CATALOGS), default=None)
    packages: Mapping[str, Mapping | None] = field(metadata=read_from(PACKAGES), default_factory=dict)
    plans: Sequence[Mapping] = field(metadata=read_from(PLANS), default=())
    namespaces: Mapping[str, Mapping] = field(metadata=read_from(NAMESPACES), default_factory=dict)
    roles: Sequence[Mapping] = field(metadata=read_from(ROLES), default=())
    cluster_bindings: Sequence[Mapping] = field(metadata=read_from(CLUSTER_BINDINGS), default=())
    rolls: Sequence[Mapping] = field(metadata=read_from(ROLLS), default=())
    members: Sequence[Mapping] = field(metadata=read_from(JOINED), default=())

    def problems(self, code: str, found: Found) -> list[Finding]:
        """Return what one code says against the operators when nothing but ``found`` is looked at."""
        refused = problems(self.operators, found, self.wanted, upgrade=self.upgrade)
        return [finding_of(error) for error in refused if error.code == code]

    def unapproved(self, code: str, found: Found) -> list[Finding]:
        """Return what one code says against the InstallPlans that would be approved."""
        try:
            to_approve(self.operators, found, upgrade=self.upgrade, wanted=self.wanted)
        except FederationError as error:
            return [finding_of(error)] if error.code == code else []
        return []

    def ground(self, wanted: Mapping) -> Ground:
        """Return what the platform's checks look at for a control plane that is wanted, as if it stood."""
        version = {"version": wanted["version"]} if wanted.get("version") else {}
        metadata = {"name": str(wanted.get("mesh")), "namespace": "", "uid": ""}
        control_plane = ControlPlane.read({"metadata": metadata, "spec": {**(wanted.get("spec") or {}), **version}})
        members = next((tenant.members for tenant in self.tenants if tenant.mesh == wanted.get("mesh")), ())
        return Ground(control_plane, self.platform, members, self.server)


@check(reads=[SERVED], codes=["FED445"])
def lifecycle_manager(estate: ClusterEstate) -> Iterator[Finding]:
    """Give a cluster without OLM."""
    if not estate.has_olm:
        yield Finding(
            "FED445", f"Cluster {estate.server}", f"has no Operator Lifecycle Manager: it does not serve {OLM_GROUP}"
        )


@check(reads=[SUBSCRIPTIONS, OPERATOR_GROUPS], codes=["FED441"])
def operator_groups(estate: ClusterEstate) -> Iterator[Finding]:
    """Give OperatorGroups with which an operator would not work."""
    yield from estate.problems("FED441", Found(estate.subscriptions, groups=estate.groups))


@check(reads=[SUBSCRIPTIONS], codes=["FED442"])
def others_editions(estate: ClusterEstate) -> Iterator[Finding]:
    """Give another maker's operator."""
    yield from estate.problems("FED442", Found(estate.subscriptions))


@check(reads=[SUBSCRIPTIONS, PACKAGES, PLANS], spares=[CONTROL_PLANES], codes=["FED443"])
def versions(estate: ClusterEstate) -> Iterator[Finding]:
    """Give operators that do not take a control plane: as they are, as they will be, or as a plan would make them."""
    found = Found(
        estate.subscriptions, control_planes=estate.control_planes, packages=estate.packages, plans=estate.plans
    )
    # What a plan strands is told of its operator already.
    yield from estate.problems("FED443", found) or estate.unapproved("FED443", found)


@check(reads=[SUBSCRIPTIONS, PLANS], codes=["FED444"])
def install_plans(estate: ClusterEstate) -> Iterator[Finding]:
    """Give the InstallPlan that installing would have to approve and that installs more."""
    yield from estate.unapproved("FED444", Found(estate.subscriptions, plans=estate.plans))


@check(reads=[SUBSCRIPTIONS, CATALOGS], codes=["FED447"])
def catalogs(estate: ClusterEstate) -> Iterator[Finding]:
    """Give operators whose catalog is not there."""
    yield from estate.problems("FED447", Found(estate.subscriptions, catalogs=estate.catalogs))


@check(reads=[SUBSCRIPTIONS, CATALOGS, PACKAGES], codes=["FED449"])
def packages(estate: ClusterEstate) -> Iterator[Finding]:
    """Give operators that their catalog does not offer as they are wanted."""
    yield from estate.problems(
        "FED449", Found(estate.subscriptions, catalogs=estate.catalogs, packages=estate.packages)
    )


@check(reads=[SUBSCRIPTIONS, CATALOGS], codes=["FED454"])
def silent_catalogs(estate: ClusterEstate) -> Iterator[Finding]:
    """Give the catalogs that something is to come from, or to be upgraded from, and that OLM does not reach."""
    subscribed = Found(estate.subscriptions)
    for operator in estate.operators:
        spec = at(subscribed.subscription(operator.package), "spec") or {}
        source, place = spec.get("source", operator.catalog), spec.get("sourceNamespace", operator.catalog_namespace)
        catalog = catalog_of(replace(operator, catalog=source, catalog_namespace=place), estate.catalogs)
        if catalog is not None and not is_ready(catalog):
            state = at(catalog, "status", "connectionState", "lastObservedState") or "nothing yet"
            yield Finding("FED454", f"CatalogSource {place}/{source}", f"is not READY; OLM has seen {state}")


@check(reads=[NAMESPACES], spares=[ROLLS, JOINED, OPERATOR_GROUPS], codes=["FED426"])
def taken_namespaces(estate: ClusterEstate) -> Iterator[Finding]:
    """Give namespaces that another mesh or the operators have."""
    standing = Standing(estate.namespaces, rolls=estate.rolls, members=estate.members, groups=estate.groups)
    yield from map(finding_of, of_namespaces(estate.tenants, standing))


@check(reads=[NAMESPACES], codes=["FED452"])
def going_namespaces(estate: ClusterEstate) -> Iterator[Finding]:
    """Give namespaces on their way out."""
    yield from map(finding_of, of_going(estate.tenants, Standing(estate.namespaces)))


@check(reads=[ROLES], codes=["FED451"])
def others_rights(estate: ClusterEstate) -> Iterator[Finding]:
    """Give namespaces in which another mesh has rights."""
    yield from map(finding_of, of_rights(estate.tenants, Standing(rights=estate.roles)))


@check(reads=[ROLES], spares=[CONTROL_PLANES, ROLLS], codes=["FED451"])
def others_control_planes(estate: ClusterEstate) -> Iterator[Finding]:
    """Give control planes and rolls that were not made for the mesh."""
    standing = Standing(rights=estate.roles, control_planes=estate.control_planes, rolls=estate.rolls)
    yield from map(finding_of, of_control_planes(estate.tenants, standing))


@check(reads=[ROLES, CLUSTER_BINDINGS], codes=["FED456"])
def meshes_elsewhere(estate: ClusterEstate) -> Iterator[Finding]:
    """Give meshes whose name another one has."""
    standing = Standing(rights=estate.roles, cluster_bindings=estate.cluster_bindings)
    yield from map(finding_of, of_names(estate.tenants, standing))


@check(reads=[CLUSTER_BINDINGS], codes=["FED457"])
def mighty_accounts(estate: ClusterEstate) -> Iterator[Finding]:
    """Give namespaces with an account that has the whole cluster."""
    yield from map(finding_of, of_accounts(estate.tenants, Standing(cluster_bindings=estate.cluster_bindings)))


CHECKS: tuple[Check, ...] = (
    *(lifecycle_manager, operator_groups, others_editions, versions, install_plans),
    *(catalogs, packages, silent_catalogs),
    *(taken_namespaces, going_namespaces, others_rights, others_control_planes, meshes_elsewhere, mighty_accounts),
)


def look(estate: ClusterEstate, refusals: Iterable[Refusal] = ()) -> tuple[list[Finding], list[Unknown]]:
    """Return what is found in a cluster, below each control plane that is wanted too, and what is unknown."""
    refused, everything = list(refusals), (*CHECKS, *BELOW)
    unread = refused_reads(refused, everything, "")
    found = [*found_in(estate, CHECKS, unread)]
    for wanted in estate.wanted:
        found += found_in(estate.ground(wanted), BELOW, unread)
    return found, unknown_of(refused, everything, "")


def may_stand(one: Mapping) -> bool:
    """Return whether it matters if a wanted control plane stands already: one may go on under a name that a new one
    must not have.
    """
    return _name_of(one) == UNDEPLOYED_NAME


def _name_of(one: Mapping) -> str:
    return str(one.get("control_plane") or "basic")


def check_wanted(one: Mapping, namespace: str, standing: Iterable[Mapping]) -> None:
    """Refuse a control plane, wanted in ``namespace``, that its version would not take; ``standing`` are those that are
    there, where that matters.
    """
    mesh, version, name = str(one.get("mesh")), str(one.get("version") or "") or None, _name_of(one)
    desired = plan_control_plane(
        mesh, namespace, name, one.get("spec") or {}, version=version, trust_domain=None, live=None
    )
    wanted = parse_version(desired["spec"]["version"])
    check_spec(desired, None, wanted)
    live = next((live for live in standing if live["metadata"]["name"] == name), None)
    check_name(desired, wanted, ControlPlane.read(live) if live else None)
