# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who in a mesh uses what it imports: VirtualServices, DestinationRules and AuthorizationPolicies that name such hosts.

Sources: the API references of networking.istio.io/v1beta1 and security.istio.io/v1beta1, where hosts and principals
stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..plain.data import at, items, mapping
from ..plain.diff import Change, change_to, owned_leaves, removal_of
from ..plain.kinds import (
    AUTHORIZATION_POLICY,
    CLUSTER_DOMAIN,
    DESTINATION_RULE,
    KINDS,
    TRAFFIC_LABEL,
    TRAFFIC_MERGED,
    TRAFFIC_PEERS,
    VIRTUAL_SERVICE,
    is_label,
    merging_manager,
    traffic_manager,
)
from .names import imported_names
from .status import imported

NAMING_KINDS = (VIRTUAL_SERVICE, DESTINATION_RULE, AUTHORIZATION_POLICY)
_SNI = "connection.sni"
TRAFFIC = "mesh_traffic"


@dataclass(frozen=True)
class Taken:
    """What one peer gives this mesh: ``hosts`` by their imported names, and ``domains`` of which all hosts are this
    peer's.

    ``is_local`` tells for each host whether it is imported as a service of this cluster.
    """

    peer: str
    hosts: Mapping[str, bool] = field(default_factory=dict)
    domains: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.hosts or self.domains)

    def named_by(self, name: str) -> str | None:
        """Return the imported host that ``name`` stands for, or ``name`` itself for a host of this peer's own domain.

        A wildcard stands for a host when all that it covers is imported from the host's own domain; ``*.local`` and the
        like name nobody in particular, and a wildcard over the cluster's domain covers local services.
        """
        bare = name.rstrip(".").lower()
        if "*" not in bare:
            return bare if bare in self.hosts or any(bare.endswith(f".{domain}") for domain in self.domains) else None
        end = bare.rpartition("*")[2].lstrip(".")
        if any(end == domain or end.endswith(f".{domain}") for domain in self.domains):
            return bare
        for host, is_local in self.hosts.items():
            domain = host.split(".", 2)[-1]
            if (
                not is_local
                and (end == domain or end.endswith(f".{domain}"))
                and (host == end or host.endswith(f".{end}"))
            ):
                return host
        return None


@dataclass(frozen=True)
class Use:
    """One object of this mesh that names an imported ``host`` in ``field``.

    One that ``is_routed`` was written for ``mesh_traffic`` and depends on the peer, whoever else serves the host.
    """

    kind: str
    namespace: str
    name: str
    field: str
    host: str
    peer: str
    is_routed: bool = False

    @property
    def place(self) -> tuple[str, str, str]:
        """The kind, namespace and name of the object, as ``place_in`` gives them."""
        return self.kind, self.namespace, self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name} ({self.field}) names {self.host}"

    def as_row(self) -> dict:
        """Return the use as JSON-friendly data."""
        return {
            "peer": self.peer,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "field": self.field,
            "host": self.host,
        }


def taken_from(
    peer: str, imports: Mapping | None, cluster_domain: str = CLUSTER_DOMAIN, *, without: Iterable[str] = ()
) -> Taken:
    """Return what the mesh takes from ``peer`` by its ImportedServiceSet: as its status says, and as its rules will.

    Empty for a set without rules that imports nothing, so an emptied set is used by nobody. The suffix that rules give
    by default belongs to this peer alone, so each host of it counts, whether the peer offers it now or not. ``without``
    are hosts that another peer gives as well.
    """
    spec = (imports or {}).get("spec") or {}
    rules = spec.get("importRules") or []
    rows = imported(imports)
    hosts = [str(row["imported"]) for row in rows if row["imported"]]
    offered = [str(row["exported"]) for row in rows]
    fixed = [f"{name}.{namespace}.svc.{peer}-exports.local" for name, namespace in _fixed_names(rules)]
    hosts += [
        row["imported"] for row in imported_names([*offered, *fixed], spec, peer, cluster_domain) if row["imported"]
    ]
    domain = f"svc.{peer}-imports.local"
    local = f".svc.{cluster_domain}"
    others = set(without)
    has_domain = _uses_default_suffix(spec, rules) or any(host.endswith(f".{domain}") for host in hosts)
    return Taken(
        peer,
        {host.lower(): host.endswith(local) for host in hosts if host not in others},
        (domain,) if has_domain else (),
    )


def uses_in(objects: Iterable[Mapping], taken: Sequence[Taken], cluster_domain: str = CLUSTER_DOMAIN) -> list[Use]:
    """Return every place where one of these objects names a host that is taken from a peer, each once.

    ``objects`` are VirtualServices, DestinationRules and AuthorizationPolicies. A short name means a service of the
    object's own namespace, ``cart.shop`` one of namespace ``shop``.
    """
    found: dict[tuple, Use] = {}
    for live in objects:
        metadata = live.get("metadata") or {}
        namespace = str(metadata.get("namespace") or "")
        is_routed = live.get("kind") != AUTHORIZATION_POLICY.name and is_kept(live)
        for given in _peers_of(live, taken) if is_routed else taken:
            named = list(_named(live, namespace, given, cluster_domain))
            if is_routed:
                # It depends on the peer whoever else serves the host, and says so once for each host.
                hosts = [host for _place, host in named] or [
                    text for place, text in _names_in(live) if place in ("host", "hosts")
                ]
                named = [(TRAFFIC, host) for host in hosts]
            for place, host in named:
                use = Use(
                    str(live.get("kind")), namespace, str(metadata.get("name")), place, host, given.peer, is_routed
                )
                found.setdefault((use.kind, use.namespace, use.name, use.field, use.host, use.peer), use)
    return list(found.values())


def routes_in(objects: Iterable[Mapping], uses: Iterable[Use], taken: Iterable[Taken]) -> list[Mapping]:
    """Return those ``objects`` of ``mesh_traffic`` that send calls to a host which is ``taken``; ``uses`` are theirs,
    as ``uses_in`` gives them.

    A policy is none of them: what keeps callers out stays as long as there is anything to call.
    """
    hosts = {host for given in taken for host in given.hosts}
    return _behind(objects, (use for use in uses if use.host in hosts))


def _behind(objects: Iterable[Mapping], uses: Iterable[Use]) -> list[Mapping]:
    """Return those ``objects`` of ``mesh_traffic`` whose ``uses`` these are."""
    places = {use.place for use in uses if use.is_routed}
    return [live for live in objects if place_in(live) in places]


def place_in(live: Mapping) -> tuple[str, str, str]:
    """Return the kind, namespace and name of an object, as a ``Use`` has them."""
    return live["kind"], live["metadata"]["namespace"], live["metadata"]["name"]


def routed_by(traffic: object) -> dict[tuple[str, str], set[str]] | None:
    """Return the peers, in the user's words, that rules of ``mesh_traffic`` send calls to, by (namespace, name) of the
    service; None without rules.

    Rules are read leniently: a rule that is wrong elsewhere must not keep a mesh from leaving.
    """
    if not isinstance(traffic, (list, tuple)):
        return None
    found: dict[tuple[str, str], set[str]] = {}
    for entry in map(mapping, traffic):
        namespace, _slash, name = str(entry.get("service")).partition("/")
        words = {
            str(word) for word in (entry.get("failover_to"), *mapping(entry.get("split"))) if word and word != "local"
        }
        if words:
            found.setdefault((namespace, name), set()).update(words)
    return found


def namespaces_of_traffic(traffic: object, word: str = "service") -> set[str]:
    """Return the namespaces of the services that rules of ``mesh_traffic`` which say ``word`` name, read as loosely."""
    rules = map(mapping, traffic) if isinstance(traffic, (list, tuple)) else ()
    named = {str(rule.get("service")).partition("/")[0] for rule in rules if word in rule}
    return {namespace for namespace in named if is_label(namespace)}


def names_of_traffic(live: Mapping) -> tuple[str, str]:
    """Return (namespace, name) of the service whose split or failover an object of ours would hold by its name, or
    holds as merged.
    """
    merged = at(live, "metadata", "annotations", TRAFFIC_MERGED)
    if isinstance(merged, str) and is_merged(live):
        namespace, _slash, name = merged.partition("/")
        return namespace, name
    return str(at(live, "metadata", "namespace")), str(at(live, "metadata", "name")).partition(".")[2]


def unwanted_routes(
    objects: Iterable[Mapping], uses: Iterable[Use], routed: Mapping[tuple[str, str], object] | None
) -> list[Mapping]:
    """Return those ``objects`` of ours behind ``uses`` which no rule of ``mesh_traffic`` asks for any more; none where
    rules are not known.
    """
    if routed is None:
        return []
    return [live for live in _behind(objects, uses) if names_of_traffic(live) not in routed]


def _peers_of(live: Mapping, taken: Sequence[Taken]) -> list[Taken]:
    peers = str(at(live, "metadata", "annotations", TRAFFIC_PEERS) or "").split(",")
    return [given for given in taken if given.peer in peers]


def _named(live: Mapping, namespace: str, given: Taken, cluster_domain: str) -> Iterator[tuple[str, str]]:
    """Yield (field, host) for each place where an object names what is taken from one peer."""
    for place, name in _names_in(live):
        for text in (
            [name] if live.get("kind") == AUTHORIZATION_POLICY.name else full_names(name, namespace, cluster_domain)
        ):
            host = given.named_by(_host_of_sni(text))
            if host:
                yield place, host


def is_of_traffic(live: Mapping) -> bool:
    """Return whether this collection wrote an object for ``mesh_traffic``: it carries our label, and our manager
    applied it.
    """
    labels = at(live, "metadata", "labels")
    return isinstance(labels, Mapping) and TRAFFIC_LABEL in labels and bool(owned_leaves(live, traffic_manager()))


def is_merged(live: Mapping) -> bool:
    """Return whether fields that ``mesh_traffic`` needs were merged into an object of somebody else."""
    return bool(at(live, "metadata", "annotations", TRAFFIC_MERGED)) and bool(owned_leaves(live, merging_manager()))


def is_kept(live: Mapping) -> bool:
    """Return whether an object is there for ``mesh_traffic``: one of ours, or one of somebody else into which fields of
    ours were merged.
    """
    return is_of_traffic(live) or is_merged(live)


def withdrawal_of(live: Mapping) -> Change | None:
    """Return the change that takes away what ``mesh_traffic`` put: the object, or of somebody else's the fields that
    are ours.
    """
    if not is_merged(live):
        return removal_of(live, traffic_manager())
    metadata = {key: live["metadata"][key] for key in ("name", "namespace")}
    kind = KINDS[live["kind"]]
    return change_to(live, {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}, merging_manager())


def withdrawals_of(several: Iterable[Mapping]) -> list[Change]:
    """Return the changes that take away what ``mesh_traffic`` put on several objects."""
    return [change for change in map(withdrawal_of, several) if change]


def accounts_in(policies: Iterable[Mapping], account: str) -> list[str]:
    """Return which AuthorizationPolicies name ``account``, the service account of a gateway, among their principals.

    ``account`` is ``<namespace>/sa/<name>``. Such a policy speaks of nobody once the gateway is gone.
    """
    found = []
    for policy in policies:
        spec, metadata = mapping(policy.get("spec")), policy.get("metadata") or {}
        sources = [mapping(each.get("source")) for rule in items(spec.get("rules")) for each in items(rule.get("from"))]
        names = [
            text for source in sources for key in ("principals", "notPrincipals") for text in _texts(source.get(key))
        ]
        if any(text.endswith(f"/ns/{account}") for text in names):
            found.append(f"AuthorizationPolicy {metadata.get('namespace')}/{metadata.get('name')}")
    return found


def _fixed_names(rules: Iterable[object]) -> Iterator[tuple[str, str]]:
    """Yield name and namespace of rules that mean one service; others show what they import only in a status."""
    for rule in rules:
        selector = mapping(mapping(rule).get("nameSelector"))
        name, namespace = selector.get("name"), selector.get("namespace")
        if name not in (None, "", "*") and namespace not in (None, "", "*"):
            yield str(name), str(namespace)


def _uses_default_suffix(spec: Mapping, rules: Iterable[object]) -> bool:
    return not spec.get("domainSuffix") and any(
        not mapping(rule).get("importAsLocal") and not mapping(rule).get("domainSuffix") for rule in rules
    )


def _names_in(live: Mapping) -> Iterator[tuple[str, str]]:
    """Yield (field, text) for each place of an object that may hold a host."""
    spec = mapping(live.get("spec"))
    if live.get("kind") == DESTINATION_RULE.name:
        yield from (("host", text) for text in _texts([spec.get("host")]))
    elif live.get("kind") == VIRTUAL_SERVICE.name:
        yield from (("hosts", text) for text in _texts(spec.get("hosts")))
        for kind in ("http", "tls", "tcp"):
            for number, route in enumerate(items(spec.get(kind))):
                yield from _names_in_route(f"{kind}[{number}]", route)
    elif live.get("kind") == AUTHORIZATION_POLICY.name:
        for number, rule in enumerate(items(spec.get("rules"))):
            for condition in items(rule.get("when")):
                if condition.get("key") == _SNI:
                    for key in ("values", "notValues"):
                        yield from ((f"rules[{number}].when {_SNI}", text) for text in _texts(condition.get(key)))


def _names_in_route(at: str, route: Mapping) -> Iterator[tuple[str, str]]:
    for each in items(route.get("route")):
        yield from ((f"{at}.route", text) for text in _texts([mapping(each.get("destination")).get("host")]))
    mirrors = [
        mapping(route.get("mirror")),
        *(mapping(each.get("destination")) for each in items(route.get("mirrors"))),
    ]
    for mirror in mirrors:
        yield from ((f"{at}.mirror", text) for text in _texts([mirror.get("host")]))
    for match in items(route.get("match")):
        yield from ((f"{at}.match", text) for text in _texts(match.get("sniHosts")))


def full_names(name: str, namespace: str, cluster_domain: str) -> list[str]:
    """Return the host that a name means, as Istio and Kubernetes complete short ones."""
    labels = name.split(".")
    if "*" in name or len(labels) > 3:
        return [name]
    if len(labels) == 1:
        return [f"{name}.{namespace}.svc.{cluster_domain}"]
    if len(labels) == 2:
        return [name, f"{name}.svc.{cluster_domain}"]
    return [name, f"{name}.{cluster_domain}"] if labels[2] == "svc" else [name]


def _host_of_sni(text: str) -> str:
    """Return the host of a server name such as ``outbound_.8080_._.cart.shop.svc.west-imports.local``."""
    return text.rpartition("_._.")[2] if "_._." in text else text


def _texts(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str) and entry] if isinstance(value, (list, tuple)) else []
