# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a mesh decides where calls go: one LIST per kind and namespace, of those namespaces alone that count."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import chain

from .._cluster.client import Cluster
from .._core.control_plane.live import ControlPlane
from .._core.mesh.described import Mesh
from .._core.peering.using import NAMING_KINDS, namespaces_of_traffic
from .._core.plain.data import by_name, mapping
from .._core.plain.errors import FORBIDDEN, NOT_SERVED, FederationError
from .._core.plain.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    IMPORTS,
    NODE,
    POD,
    SERVICE,
    SERVICE_ACCOUNT,
    VIRTUAL_SERVICE,
    Kind,
)
from .._core.traffic.localities import locality_said, to_ask
from .._core.traffic.needing import are_located, outline, pods_needed, services_needed
from .._core.traffic.rehearsals import MOST_PROXIES, Count, Tally, count_in
from .._core.traffic.standing import Standing, all_imports, regions_given
from .._core.traffic.wanted import Wanted
from .insight import REHEARSALS, SERVER_INFO, Asker
from .peerings import read_members
from .readable import all_readable, all_served


def read_traffic(
    cluster: Cluster,
    mesh: Mesh,
    control_plane: ControlPlane,
    wanted: Iterable[Wanted],
    *,
    pods_in: Collection[str] = (),
) -> Standing:
    """Return what stands, as far as ``wanted`` needs it; ``pods_in`` are namespaces whose pods are wanted in any case.

    Raises ``FederationError`` FED868 where rules of a namespace may not be read.
    """
    wanted = list(wanted)
    members = frozenset(read_members(cluster, control_plane.namespace)["configured"])
    everywhere = {*members, control_plane.namespace}
    rules = [_rules(cluster, kind, namespace) for namespace in sorted(everywhere) for kind in NAMING_KINDS]
    sets = _sets(cluster, mesh, control_plane)
    imports = all_imports(mesh, sets, control_plane.cluster_domain)
    given = {found.service for found in imports if found.is_local}
    services = _services(cluster, members & {*pods_in, *services_needed(wanted, given)})
    is_located = are_located(wanted, given)
    looked_at = everywhere & {*pods_in, *pods_needed(wanted, members)}
    pods = {namespace: tuple(all_served(cluster, POD, namespace, outline)) for namespace in sorted(looked_at)}
    clients = _clients(cluster, members - looked_at) if is_located else {}
    standing = Standing(
        control_plane=control_plane,
        members=members,
        services=services,
        imports=imports,
        given_regions=regions_given(sets),
        rules=tuple(chain(*rules)),
        accounts=_accounts(cluster, wanted, everywhere),
        pods=pods | {namespace: found for namespace, found in clients.items() if found is not None},
        blind=frozenset(namespace for namespace, found in clients.items() if found is None),
    )
    return _with_nodes(cluster, standing) if is_located or pods_in else standing


def _sets(cluster: Cluster, mesh: Mesh, control_plane: ControlPlane) -> dict[str, dict]:
    """Return the import sets that stand, by the peer's name."""
    return by_name(all_served(cluster, IMPORTS, control_plane.namespace)) if mesh.peers else {}


def _services(cluster: Cluster, namespaces: Iterable[str]) -> dict[tuple[str, str], dict]:
    found = [live for namespace in sorted(namespaces) for live in all_served(cluster, SERVICE, namespace)]
    return {(live["metadata"]["namespace"], live["metadata"]["name"]): live for live in found}


def _clients(cluster: Cluster, namespaces: Iterable[str]) -> dict[str, tuple[dict, ...] | None]:
    """Return the pods of namespaces that may call, None where they may not be read."""
    found = {namespace: all_readable(cluster, POD, namespace, outline) for namespace in sorted(namespaces)}
    return {namespace: None if pods is None else tuple(pods) for namespace, pods in found.items()}


def with_proxies(cluster: Cluster, standing: Standing) -> Standing:
    """Return the same with what a few Envoys say of their localities; if they may not be asked or do not answer, pods
    and nodes decide.
    """
    chosen, asker = to_ask(standing), Asker(cluster)
    answers = zip(chosen, asker.ask_each((*pod, SERVER_INFO) for pod in chosen))
    said = {pod: locality_said(answer.content) for pod, answer in answers if answer.is_good}
    return replace(standing, proxies={pod: place for pod, place in said.items() if place is not None})


def with_tallies(cluster: Cluster, standing: Standing, rehearsed: Iterable[Wanted]) -> Standing:
    """Return the same with what the proxies of workloads whose policy is ``rehearsed`` count, and with their pods, each
    Envoy asked once.
    """
    rehearsed, pods = list(rehearsed), dict(standing.pods)
    for namespace in sorted({one.namespace for one in rehearsed} - set(pods)):
        found = all_readable(cluster, POD, namespace, outline)
        pods |= {} if found is None else {namespace: tuple(found)}
    seeing, asker = replace(standing, pods=pods), Asker(cluster)
    tallies = {(one.namespace, one.name): _tally(asker, one, seeing) for one in rehearsed}
    return replace(seeing, tallies=tallies)


def _tally(asker: Asker, one: Wanted, standing: Standing) -> Tally:
    """Return what the running proxies of a workload count; one that is not ready, or does not answer, leaves all of it
    unknown.
    """
    if one.namespace not in standing.pods:
        return Tally(why=f"pods in {one.namespace} may not be read")
    names = standing.proxies_of(one.namespace, one.name)
    if len(names) > MOST_PROXIES:
        return Tally(why=f"the workload has {len(names):,} proxies, and at most {MOST_PROXIES} can be asked")
    answers = dict(zip(names, asker.ask_each((one.namespace, name, REHEARSALS) for name in names)))
    counts: dict[str, Count] = {}
    for name, answer in answers.items():
        count = count_in(answer.text) if answer.is_good else None
        if count is None:
            return Tally(why=f"the Envoy of {name} gives no counts: {answer.why or f'it answered {answer.status}'}")
        counts[name] = count
    return Tally(counts)


def read_routes(
    cluster: Cluster, namespaces: Iterable[str], kinds: Sequence[Kind] = (VIRTUAL_SERVICE, DESTINATION_RULE)
) -> list[dict] | None:
    """Return the VirtualServices and DestinationRules, or other ``kinds``, of some namespaces; None where some may not
    be read.
    """
    found: list[dict] = []
    for namespace in sorted(set(namespaces)):
        for kind in kinds:
            try:
                found += cluster.list(kind, namespace)
            except FederationError as error:
                if error.code == FORBIDDEN:
                    return None
                if error.code != NOT_SERVED:
                    raise
    return found


def read_shown(cluster: Cluster, traffic: object) -> tuple[list[dict] | None, list[dict] | None]:
    """Return the routes, and the policies, that rules of ``mesh_traffic`` have made; None for what may not be read."""
    namespaces = namespaces_of_traffic(traffic)
    routes = read_routes(cluster, namespaces)
    if routes is None or not namespaces:
        return routes, []
    return routes, read_routes(cluster, namespaces_of_traffic(traffic, "callers"), (AUTHORIZATION_POLICY,))


def _with_nodes(cluster: Cluster, standing: Standing) -> Standing:
    """Return the same with all nodes, where this mesh's istiod goes by their labels."""
    if not standing.reads_nodes:
        return standing
    nodes = all_readable(cluster, NODE, "")
    return replace(standing, nodes=None if nodes is None else by_name(nodes))


def _rules(cluster: Cluster, kind: Kind, namespace: str) -> list[dict]:
    try:
        return cluster.list(kind, namespace)
    except FederationError as error:
        if error.code == NOT_SERVED:
            return []
        if error.code != FORBIDDEN:
            raise
        raise FederationError(
            "FED868",
            where=f"{kind.name} objects in {namespace}",
            what="may not be read, so it is not known which hosts others have rules for",
            fix="Ask a cluster administrator for the Role of playbooks/files/mesh-traffic.yml",
        ) from error


def _accounts(cluster: Cluster, wanted: Iterable[Wanted], places: Collection[str]) -> frozenset[tuple[str, str]] | None:
    named = {
        account
        for one in wanted
        if one.callers
        for account in (*(one.callers.local or ()), *one.callers.service_accounts)
    }
    found: set[tuple[str, str]] = set()
    for namespace in sorted({namespace for namespace, _name in named} & set(places)):
        listed = all_readable(cluster, SERVICE_ACCOUNT, namespace)
        if listed is None:
            return None
        found |= {(namespace, str(mapping(live.get("metadata")).get("name"))) for live in listed}
    return frozenset(found) if named else None
