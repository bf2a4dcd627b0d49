# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster administrator makes once, so that the administrators of a mesh need nothing of the cluster afterwards.

Per mesh: the namespaces, a Role in each of them, its binding to the administrators, and the right to read a few facts of
the cluster. Source: OpenShift Service Mesh documentation, "Multitenant deployment model"; rbac.authorization.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from .errors import FederationError
from .kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, MESH_LABEL, MIXER_KINDS, NAMESPACE, ROLE, ROLE_BINDING, SERVICE_ACCOUNT, Kind
from .members import ALL, check_holder, check_member

NAME = "ossm-federation-mesh-administrator"
FACTS = "ossm-federation-facts"
RBAC = "rbac.authorization.k8s.io"
READ = ("get", "list")
WATCH = ("get", "list", "watch")
ALL_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")


def _rule(group: str, resources: str, verbs: Sequence[str], names: str = "") -> dict:
    named = {"resourceNames": names.split()} if names else {}
    return {"apiGroups": [group], "resources": resources.split(), "verbs": list(verbs), **named}


# Nothing on Secrets, nothing by a star. A Role that allows to get namespaces allows it for its own namespace alone.
CONTROL_PLANE_RULES = (
    _rule("maistra.io", "servicemeshcontrolplanes", (*ALL_VERBS, "use")),
    _rule("maistra.io", "servicemeshmemberrolls servicemeshextensions", ALL_VERBS),
    _rule("federation.maistra.io", "servicemeshpeers exportedservicesets importedservicesets", ALL_VERBS),
    _rule("extensions.istio.io", "wasmplugins", ALL_VERBS),
    _rule("", "configmaps", ALL_VERBS),
    _rule("", "services endpoints pods", WATCH),
    _rule("", "namespaces pods/log events", READ),
    _rule("discovery.k8s.io", "endpointslices", READ),
    _rule("networking.istio.io", "serviceentries virtualservices destinationrules envoyfilters gateways sidecars", READ),
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


@dataclass(frozen=True)
class Tenant:
    """One mesh in a cluster: its control plane's namespace, its members, and who administers it."""

    mesh: str
    namespace: str
    members: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    service_accounts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def described(cls, described: Mapping[str, Any]) -> Tenant:
        """Return the tenant that a mapping with mesh, namespace, members and admins describes.

        Raises ``FederationError`` FED426 for what cannot be a member and FED450 for administrators that cannot be read.
        """
        mesh = str(described.get("mesh") or "")
        if not mesh:
            _refuse("a mesh", "is of nobody: the mesh has no name", "Give the tenant its mesh")
        namespace = described.get("namespace") or f"{mesh}-mesh-system"
        members = tuple(member for member in described.get("members") or [] if member != ALL)
        for member in members:
            check_member(member, namespace)
        admins = described.get("admins") or {}
        unknown = sorted(set(admins) - {"users", "groups", "service_accounts"}) if isinstance(admins, Mapping) else ["a list"]
        if unknown:
            _refuse(mesh, f"has {', '.join(unknown)}", "It has users, groups and service_accounts, each a list of names")
        listed = {part: _names(mesh, part, admins.get(part)) for part in ("users", "groups", "service_accounts")}
        if not any(listed.values()):
            _refuse(mesh, "names nobody, so nobody could administer the mesh", "Name users, groups or service_accounts")
        accounts = tuple(_account(mesh, text, namespace) for text in listed["service_accounts"])
        return cls(mesh, namespace, members, listed["users"], listed["groups"], accounts)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The control plane's namespace and those of the members, each once."""
        return tuple(dict.fromkeys((self.namespace, *self.members)))

    @property
    def subjects(self) -> list[dict]:
        """The administrators as a binding names them."""
        people = [("User", name) for name in self.users] + [("Group", name) for name in self.groups]
        accounts = [{"kind": "ServiceAccount", "name": name, "namespace": namespace} for namespace, name in self.service_accounts]
        return [{"apiGroup": RBAC, "kind": kind, "name": name} for kind, name in people] + accounts


def check_tenants(tenants: Sequence[Tenant]) -> None:
    """Refuse a namespace that two meshes want: FED451; istiod would serve it for neither."""
    holders: dict[str, str] = {}
    for tenant in tenants:
        for namespace in tenant.namespaces:
            other = holders.setdefault(namespace, tenant.mesh)
            if other != tenant.mesh:
                raise FederationError(
                    "FED451",
                    where=f"Namespace {namespace}",
                    what=f"is wanted by {other} and by {tenant.mesh}",
                    mend="Give it to one of them in mesh_members or mesh_namespace",
                )


def check_namespaces(tenants: Iterable[Tenant], namespaces: Mapping[str, Mapping]) -> None:
    """Refuse namespaces that another mesh holds (FED426) or that are just going away (FED452); ``namespaces`` are live, by name."""
    for tenant in tenants:
        for name in tenant.namespaces:
            live = namespaces.get(name) or {}
            check_holder(tenant.namespace, name, (live.get("metadata") or {}).get("labels") or {})
            if (live.get("metadata") or {}).get("deletionTimestamp"):
                raise FederationError(
                    "FED452", where=f"Namespace {name}", what="is being deleted", mend="Run again when it is gone; it is made anew then"
                )


def plan_tenant(tenant: Tenant) -> Iterator[dict]:
    """Yield everything that one mesh needs, in the order in which it can be made."""
    for namespace in tenant.namespaces:
        yield _object(tenant, NAMESPACE, "", namespace)
    for namespace, name in tenant.service_accounts:
        if namespace == tenant.namespace:
            yield _object(tenant, SERVICE_ACCOUNT, namespace, name)
    for namespace in tenant.namespaces:
        rules = CONTROL_PLANE_RULES if namespace == tenant.namespace else MEMBER_RULES
        yield {**_object(tenant, ROLE, namespace, NAME), "rules": [dict(rule) for rule in rules]}
        yield {**_object(tenant, ROLE_BINDING, namespace, NAME), **_bound(ROLE, NAME, tenant)}
    facts = f"{FACTS}-{tenant.mesh}"
    yield {**_object(tenant, CLUSTER_ROLE, "", facts), "rules": [dict(rule) for rule in FACT_RULES]}
    yield {**_object(tenant, CLUSTER_ROLE_BINDING, "", facts), **_bound(CLUSTER_ROLE, facts, tenant)}


def _bound(role: Kind, name: str, tenant: Tenant) -> dict:
    return {"roleRef": {"apiGroup": RBAC, "kind": role.name, "name": name}, "subjects": tenant.subjects}


def _object(tenant: Tenant, kind: Kind, namespace: str, name: str) -> dict:
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name, **place, "labels": {MESH_LABEL: tenant.mesh}}}


def _names(mesh: str, part: str, names: object) -> tuple[str, ...]:
    if names is None:
        return ()
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(name, str) and name for name in names):
        _refuse(mesh, f"has {part} that is no list of names", f"Write {part}: [name, name]")
    return tuple(dict.fromkeys(names))


def _account(mesh: str, text: str, namespace: str) -> tuple[str, str]:
    parts = text.split("/")
    if len(parts) > 2 or not all(parts):
        _refuse(mesh, f"has the service account {text}", "Write name, or namespace/name")
    return (parts[0], parts[1]) if len(parts) == 2 else (namespace, text)


def _refuse(mesh: str, what: str, mend: str) -> NoReturn:
    raise FederationError("FED450", where=f"mesh_admins of {mesh}", what=what, mend=mend)
