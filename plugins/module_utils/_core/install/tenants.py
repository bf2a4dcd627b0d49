# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster administrator makes once, so that the administrators of a mesh need nothing of the cluster afterwards.

Per mesh: the namespaces, a Role in each of them, its binding to the administrators, and the right to read a few facts
of the cluster. Who may patch a workload runs anything as its service accounts and reads every Secret beside it, so the
rights that restarts need can be left out. Source: OpenShift Service Mesh documentation, "Multitenant deployment model";
rbac.authorization.k8s.io/v1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..control_plane.members import ALL, check_member
from ..plain.errors import FederationError
from ..plain.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONTROL_PLANE_LABEL,
    MESH_LABEL,
    MIXER_KINDS,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    Kind,
    home_of,
)
from .subjects import Admins

NAME = "ossm-federation-mesh-administrator"
FACTS = "ossm-federation-facts"
RBAC = "rbac.authorization.k8s.io"
READ = ("get", "list")
WATCH = ("get", "list", "watch")
ALL_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")


def _rule(group: str, resources: str, verbs: Sequence[str], names: str = "") -> dict:
    named = {"resourceNames": names.split()} if names else {}
    return {"apiGroups": [group], "resources": resources.split(), "verbs": list(verbs), **named}


# No verb on Secrets, nothing by a star; what the rights to restart reach all the same is told in docs/rights.md. A Role
# that allows to get namespaces allows it for its own namespace alone.
CONTROL_PLANE_RULES = (
    _rule("maistra.io", "servicemeshcontrolplanes", (*ALL_VERBS, "use")),
    _rule("maistra.io", "servicemeshmemberrolls servicemeshextensions", ALL_VERBS),
    _rule("federation.maistra.io", "servicemeshpeers exportedservicesets importedservicesets", ALL_VERBS),
    _rule("extensions.istio.io", "wasmplugins", ALL_VERBS),
    _rule("", "configmaps", ALL_VERBS),
    _rule("", "services endpoints pods", WATCH),
    _rule("", "namespaces pods/log events", READ),
    _rule("discovery.k8s.io", "endpointslices", READ),
    _rule(
        "networking.istio.io", "serviceentries virtualservices destinationrules envoyfilters gateways sidecars", READ
    ),
    _rule("config.istio.io", " ".join(kind.plural for kind in MIXER_KINDS), READ),
    _rule("security.istio.io", "authorizationpolicies", READ),
    _rule("networking.k8s.io", "networkpolicies", READ),
    _rule("apps", "deployments", (*WATCH, "patch")),
    _rule("apps", "replicasets statefulsets daemonsets", READ),
    _rule("policy", "poddisruptionbudgets", ("get", "list", "create", "patch", "delete")),
)
MEMBER_RULES = (
    _rule("maistra.io", "servicemeshmembers servicemeshextensions", ALL_VERBS),
    # Whether somebody made them here, where nobody looks at them.
    _rule("federation.maistra.io", "servicemeshpeers exportedservicesets importedservicesets", READ),
    _rule("extensions.istio.io", "wasmplugins", ALL_VERBS),
    _rule("networking.istio.io", "virtualservices destinationrules", ALL_VERBS),
    _rule("security.istio.io", "authorizationpolicies", ALL_VERBS),
    _rule("networking.istio.io", "serviceentries envoyfilters gateways sidecars", READ),
    _rule("config.istio.io", " ".join(kind.plural for kind in MIXER_KINDS), READ),
    _rule("", "services", ("get", "list", "create", "delete")),
    # update: the roll's webhook asks for it; delete: workloads that are updated on deletion.
    _rule("", "pods", (*WATCH, "update", "delete")),
    _rule("", "namespaces replicationcontrollers", READ),
    _rule("apps", "deployments statefulsets daemonsets", (*WATCH, "patch")),
    _rule("apps", "replicasets controllerrevisions", READ),
    _rule("apps.openshift.io", "deploymentconfigs", READ),
    _rule("apps.openshift.io", "deploymentconfigs/instantiate", ("create",)),
    _rule("batch", "jobs", READ),
    _rule("serving.knative.dev", "services", (*READ, "patch")),
    _rule("serving.knative.dev", "revisions configurations", READ),
)
FACT_RULES = (
    _rule("config.openshift.io", "clusterversions", ("get",), "version"),
    _rule("config.openshift.io", "networks infrastructures authentications", ("get",), "cluster"),
    _rule("network.openshift.io", "clusternetworks", ("get",), "default"),
)
# What restarts are made with, by group and resource. Each but the last two runs another pod, or other code in it: as
# any service
# account of the namespace, with any Secret of it in reach. (The member roll's webhook asks for update on pods, too.)
RESTART_RIGHTS = {
    ("apps", "deployments"): {"patch"},
    ("apps", "statefulsets"): {"patch"},
    ("apps", "daemonsets"): {"patch"},
    ("serving.knative.dev", "services"): {"patch"},
    ("", "pods"): {"update", "delete"},
    ("apps.openshift.io", "deploymentconfigs/instantiate"): {"create"},
}
_SPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# OpenShift puts no limits on pods in default either: it is one of the namespaces without security context constraints.
_PLATFORM = re.compile(r"default|(kube|openshift|ibm)(-.*)?")


@dataclass(frozen=True)
class Tenant:
    """One mesh in a cluster: its control plane's namespace, its members, and who administers it.

    ``is_adopted`` says that a control plane in its namespace that somebody made by other means is this mesh's.
    """

    mesh: str
    namespace: str
    members: tuple[str, ...] = ()
    admins: Admins = field(default_factory=Admins)
    is_adopted: bool = False

    @classmethod
    def described(cls, described: Mapping[str, Any], *, is_going: bool = False) -> Tenant:
        """Return the tenant that a mapping with mesh, namespace, members, admins and adopt describes.

        Raises ``FederationError``: FED303 for a mesh that cannot be called so, FED426 for namespaces that are not a
        mesh's to have, and FED450 for administrators that cannot be read. Of one that ``is_going`` only the names are
        looked at, so that rights which should never have been given can be taken away.
        """
        mesh = _label(
            "mesh_name", described.get("mesh"), "FED303", "A mesh has a name, which its objects are labelled with"
        )
        place = f"mesh_namespace of {mesh}"
        namespace = _label(
            place,
            home_of({**described, "mesh": mesh}),
            "FED426",
            "Name the namespace of the control plane",
        )
        members = tuple(member for member in described.get("members") or [] if member != ALL)
        if is_going:
            return cls(
                mesh,
                namespace,
                tuple(member for member in members if isinstance(member, str) and _SPACE.fullmatch(member)),
            )
        _check_space(place, namespace)
        for member in members:
            check_member(member, namespace)
            _check_space(f"mesh_members of {mesh}, {member}", member)
        admins = Admins.described(mesh, namespace, described.get("admins") or {})
        return cls(mesh, namespace, members, admins, described.get("adopt") is True)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The control plane's namespace and those of the members, each once."""
        return tuple(dict.fromkeys((self.namespace, *self.members)))

    @property
    def subjects(self) -> list[dict]:
        """The administrators as a binding names them."""
        people = [("User", name) for name in self.admins.users] + [("Group", name) for name in self.admins.groups]
        accounts = [
            {"kind": "ServiceAccount", "name": name, "namespace": namespace}
            for namespace, name in self.admins.service_accounts
        ]
        return [{"apiGroup": RBAC, "kind": kind, "name": name} for kind, name in people] + accounts

    def rules(self, namespace: str) -> list[dict]:
        """Return what the administrators may do in one of the namespaces."""
        rules = CONTROL_PLANE_RULES if namespace == self.namespace else MEMBER_RULES
        return [dict(rule) for rule in (rules if self.admins.restarts else without_restarts(rules))]


def check_tenants(tenants: Sequence[Tenant]) -> None:
    """Refuse what meshes want of each other: FED111 for two of one name, FED451 for a namespace that two want."""
    holders: dict[str, str] = {}
    names: set[str] = set()
    for tenant in tenants:
        if tenant.mesh in names:
            raise FederationError(
                "FED111",
                where=f"Mesh {tenant.mesh}",
                what="is described twice, and the rights of one would be the other's",
                fix="Give each host of the group meshes its own mesh_name",
            )
        names.add(tenant.mesh)
        for namespace in tenant.namespaces:
            other = holders.setdefault(namespace, tenant.mesh)
            if other != tenant.mesh:
                raise FederationError(
                    "FED451",
                    where=f"Namespace {namespace}",
                    what=f"is wanted by {other} and by {tenant.mesh}",
                    fix="Give it to one of them in mesh_members or mesh_namespace",
                )


def without_restarts(rules: Sequence[Mapping]) -> tuple[dict, ...]:
    """Return rules without the rights that restarts are made with, and so without what those reach."""
    found = []
    for rule in rules:
        taken = {
            verb
            for group in rule["apiGroups"]
            for name in rule["resources"]
            for verb in RESTART_RIGHTS.get((group, name), ())
        }
        verbs = [verb for verb in rule["verbs"] if verb not in taken]
        found += [{**rule, "verbs": verbs}] if verbs else []
    return tuple(found)


def is_for_restarts(verb: str, resource: str) -> bool:
    """Return whether ``restarts: false`` leaves a right out; ``resource`` is as in messages, ``deployments.apps``."""
    name, _dot, rest = resource.partition(".")
    group, _slash, below = rest.partition("/")
    return verb in RESTART_RIGHTS.get((group, f"{name}/{below}" if below else name), ())


def plan_tenant(tenant: Tenant) -> Iterator[dict]:
    """Yield everything that one mesh needs, in the order in which it can be made."""
    for namespace in tenant.namespaces:
        yield _object(tenant, NAMESPACE, "", namespace)
    for namespace, name in tenant.admins.service_accounts:
        if namespace == tenant.namespace:
            yield _object(tenant, SERVICE_ACCOUNT, namespace, name)
    for namespace in tenant.namespaces:
        yield {**_object(tenant, ROLE, namespace, NAME), "rules": tenant.rules(namespace)}
        yield {**_object(tenant, ROLE_BINDING, namespace, NAME), **_bound(ROLE, NAME, tenant)}
    facts = facts_of(tenant.mesh)
    yield {**_object(tenant, CLUSTER_ROLE, "", facts), "rules": [dict(rule) for rule in FACT_RULES]}
    yield {**_object(tenant, CLUSTER_ROLE_BINDING, "", facts), **_bound(CLUSTER_ROLE, facts, tenant)}


def facts_of(mesh: str) -> str:
    """Return the name of a mesh's ClusterRole, and of its binding."""
    return f"{FACTS}-{mesh}"


def _bound(role: Kind, name: str, tenant: Tenant) -> dict:
    return {"roleRef": {"apiGroup": RBAC, "kind": role.name, "name": name}, "subjects": tenant.subjects}


def _object(tenant: Tenant, kind: Kind, namespace: str, name: str) -> dict:
    place = {"namespace": namespace} if namespace else {}
    # A namespace outlives its place in a mesh, and nobody changes it afterwards: it says no more than who made it.
    labels = {MESH_LABEL: tenant.mesh, **({} if kind == NAMESPACE else {CONTROL_PLANE_LABEL: tenant.namespace})}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name, **place, "labels": labels}}


def _label(where: str, name: object, code: str, fix: str) -> str:
    """Return a name that becomes a label and a part of paths; ``..`` and ``a/b`` would lead elsewhere."""
    if not isinstance(name, str) or not _SPACE.fullmatch(name):
        shown = ascii(name)[:80] if name else "nothing"
        raise FederationError(
            code, where=where, what=f"is {shown}", fix=f"{fix}: lower-case letters, digits and hyphens, at most 63"
        )
    return name


def _check_space(where: str, namespace: str) -> None:
    if _PLATFORM.fullmatch(namespace):
        raise FederationError(
            "FED426",
            where=where,
            what=f"is {namespace}, a namespace of the platform: rights in it reach the whole cluster",
            fix="Name a namespace that was made for the mesh or for its applications",
        )
