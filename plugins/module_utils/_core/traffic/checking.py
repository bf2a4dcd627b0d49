# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with rules of ``mesh_traffic`` on this mesh as it stands: every problem, before anything is written.

Sources: federation.maistra.io/v1 (imports and their locality); Istio documentation, "Locality Load Balancing", "Traffic
Management".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..mesh.described import Mesh, Peer
from ..peering.names import exported_names
from ..peering.plan import plan_exports
from ..peering.using import is_of_traffic, place_in
from ..plain.data import at, items, listed, mapping, place_of
from ..plain.errors import FederationError
from ..plain.kinds import DESTINATION_RULE, MESH_LABEL, VIRTUAL_SERVICE, merging_manager
from .calling import WINDOW, is_enforced, local_callers, rehearses
from .localities import clients_elsewhere
from .merging import in_the_way, manager_of, rule_held
from .plan import (
    BY_WEIGHT,
    egress_selector,
    goes_by_region,
    hidden_by,
    is_located,
    needed_fields,
    others_as_local,
    plan_rule,
    way_of,
)
from .shares import LOCAL
from .standing import Standing, covers, is_external, is_headless, is_labelled, ports_in, protocols, speaks_http
from .wanted import Callers, Wanted


def problems_of(
    wanted: Iterable[Wanted], mesh: Mesh, standing: Standing, locality: Mapping[str, str]
) -> list[FederationError]:
    """Return everything that stands in the way of these rules; ``locality`` is where this mesh is, as far as it was
    said.
    """
    found: list[FederationError] = []
    wanted = list(wanted)
    offered = _offered(wanted, mesh, standing)
    for one in wanted:
        unknown = list(_service(one, standing))
        found += unknown
        if unknown:
            continue
        own = [
            *_failover(one, mesh, standing, locality),
            *_split(one, mesh, standing, locality),
            *_http(one, mesh, standing, locality),
        ]
        own += [*_callers(one, mesh, standing, offered), *_accounts(one, standing)]
        found += own or list(_holders(one, mesh, standing, locality))
    return found


def _service(one: Wanted, standing: Standing) -> Iterator[FederationError]:
    service = standing.services.get((one.namespace, one.name))
    if one.namespace not in standing.members and not standing.imports_of(one.namespace, one.name):
        what = (
            f"names the namespace {one.namespace}, which is not a member of the mesh, and no peer gives such a service"
        )
        yield _problem("FED851", one, "service", what, f"Members are {listed(sorted(standing.members), 10) or 'none'}")
    elif service is None and not standing.imports_of(one.namespace, one.name):
        near = sorted(f"{namespace}/{name}" for namespace, name in standing.services if namespace == one.namespace)
        what = "names a service that is not in this mesh and is not imported"
        yield _problem("FED851", one, "service", what, f"Services of {one.namespace}: {listed(near, 10) or 'none'}")
    elif service is None and (one.failover_to or one.split):
        word = "failover_to" if one.failover_to else "split"
        what = "needs a Service of this cluster under that name, and there is only the imported one"
        yield _problem("FED851", one, word, what, "Create the Service, or call the imported host itself")


def _failover(one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str]) -> Iterator[FederationError]:
    if not one.failover_to:
        return
    service = standing.services[(one.namespace, one.name)]
    if is_headless(service) or is_external(service):
        kind = "headless" if is_headless(service) else "of type ExternalName"
        what = f"is for a Service that is {kind}, which has no endpoints to choose among"
        yield _problem("FED857", one, "failover_to", what, "Give the service a cluster IP")
    yield from _as_local(one, "failover_to", [one.failover_to], standing)
    if one.failover_to in one.split:
        yield _problem(
            "FED858",
            one,
            "failover_to",
            f"and split both name {one.failover_to}; Istio refuses failover and distribute in one rule, and a service"
            " has one name per peer",
            "Keep only split (by weight it already fails over), or only failover_to",
        )
    elif one.split and way_of(one, standing) == BY_WEIGHT:
        yield _problem(
            "FED858",
            one,
            "failover_to",
            "is given together with a split by weight, but Istio refuses both in one rule",
            "Keep one of the two",
        )
    if goes_by_region(one, standing):
        others = others_as_local(one, standing)
        named = {"ours": locality.get("region")} | {
            f"that of {name}": _region(mesh.peer(name)) for name in (one.failover_to, *others)
        }
        if not all(named.values()) or len(set(named.values())) < len(named):
            why = (
                f", since {listed(others)} gives it as local as well"
                if others
                else f" on {standing.control_plane.version_text}"
            )
            told = ", ".join(f"{who} {region or 'is not said'}" for who, region in named.items())
            what = f"needs regions that differ{why}: {told}"
            yield _problem("FED864", one, "failover_to", what, "Set mesh_locality, and locality in mesh_peers")
        yield from _pods_elsewhere(one, "failover_to", locality.get("region"), standing)
        yield from _clients(one, "failover_to", locality.get("region"), standing)
    yield from _in_force(one, mesh, standing, locality)


def _as_local(one: Wanted, word: str, peers: Iterable[str], standing: Standing) -> Iterator[FederationError]:
    for peer in peers:
        given = standing.imports_of(one.namespace, one.name, peer)
        if not any(found.is_local for found in given):
            seen = f"{peer} gives it as {given[0].host} only" if given else f"no rule imports it from {peer}"
            yield _problem(
                "FED852",
                one,
                word,
                f"needs the service imported as local from {peer} under the same names, and {seen}",
                f"Add {{name: <its name at {peer}>, namespace: <its namespace>, import_as_local: true, alias: {{name:"
                f" {one.name}, namespace: {one.namespace}}}, from: [{peer}]}} to mesh_imports, before rules that match"
                " it, and federate",
            )


def _split(one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str]) -> Iterator[FederationError]:
    if not one.split:
        return
    service = standing.services[(one.namespace, one.name)]
    if is_headless(service) or is_external(service):
        kind = "headless" if is_headless(service) else "of type ExternalName"
        yield _problem("FED857", one, "split", f"is for a Service that is {kind}", "Give the service a cluster IP")
        return
    missing = [peer for peer in one.split_peers if not standing.imports_of(one.namespace, one.name, peer)]
    if missing:
        what = f"gives a share to {listed(missing)}, and no rule imports {one.service} from there"
        yield _problem(
            "FED852",
            one,
            "split",
            what,
            "Add the service to mesh_imports, under another suffix or as local, and federate",
        )
        return
    way = way_of(one, standing)
    if way is None:
        what = "gives shares to one peer whose service is imported as local and to one whose service has its own name"
        yield _problem("FED866", one, "split", what, "Import it from all of these peers in the same way")
    elif way == BY_WEIGHT:
        yield from _by_weight(one, mesh, standing, locality)
        return
    if one.merge and not one.failover_to and not one.idle_timeout:
        what = "is for a DestinationRule, and this split is between two hosts, by a VirtualService"
        yield _problem("FED850", one, "merge", what, "Take merge out, and put the routes into your VirtualService")
    if len(ports_in(service)) != 1 or "UDP" in protocols(service):
        what = "is by host, and the Service does not have just one port that is HTTP or TCP"
        yield _problem("FED861", one, "split", what, "Export and split one Service per port")


def _by_weight(one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str]) -> Iterator[FederationError]:
    """Yield what is wrong with a split inside one host: each locality must be known, and none may get nothing."""
    if any(not weight for weight in one.split.values()) or LOCAL not in one.split:
        what = "is by weight inside one host, where each side has 1 to 99"
        yield _problem(
            "FED855",
            one,
            "split",
            what,
            "Take the split out to send a peer nothing; 99 : 1 is the farthest that local can give",
        )
    regions = {LOCAL: locality.get("region")} | {name: _region(mesh.peer(name)) for name in one.split_peers}
    unsaid = [name for name, region in regions.items() if not region]
    if unsaid:
        how = ["mesh_locality" if name == LOCAL else f"locality of {name} in mesh_peers" for name in unsaid]
        yield _problem(
            "FED864",
            one,
            "split",
            "is by weight inside one host, which needs the region of each side",
            f"Set {listed(how)}, and federate",
        )
        return
    if len(set(regions.values())) < len(regions):
        what = f"has two sides in one region ({listed(str(region) for region in regions.values())})"
        yield _problem("FED864", one, "split", what, "Give each mesh its own region")
    others = others_as_local(one, standing)
    if others:
        what = (
            f"gives nothing to {listed(others)}, which gives the service as local as well: Istio empties a locality"
            " without a weight"
        )
        fix = "Give each such peer a weight, or import it from there under its own name"
        yield _problem("FED855", one, "split", what, fix)
    yield from _pods_elsewhere(one, "split", regions[LOCAL], standing)
    yield from _clients(one, "split", regions[LOCAL], standing)
    yield from _in_force(one, mesh, standing, locality)


def _pods_elsewhere(one: Wanted, word: str, region: str | None, standing: Standing) -> Iterator[FederationError]:
    """Yield the first pod of ours that a rule by regions would leave out."""
    for pod in standing.pods_of(one.namespace, one.name) if region else ():
        seen = standing.locality_of(pod)
        if seen is not None and seen.get("region") != region:
            what = (
                f"would give the pod {at(pod, 'metadata', 'name')} nothing: its region is"
                f" {seen.get('region') or 'unknown to istiod'}"
            )
            fix = "Label the pods of the workload: istio-locality: <region>"
            yield _problem("FED864", one, word, f"{what}, not {region}", fix)
            break


def _clients(one: Wanted, word: str, region: str | None, standing: Standing) -> Iterator[FederationError]:
    """Yield that a rule which begins in ``region`` is nothing to clients elsewhere: they get neither weights nor
    failover.
    """
    elsewhere = clients_elsewhere(region, standing) if region else []
    if elsewhere:
        what = f"is for clients in {region}, and gives neither weights nor failover to {listed(elsewhere, 10)}"
        fix = "Label those pods (istio-locality: <region>) and restart them, or set mesh_locality to where they are"
        yield _problem("FED864", one, word, what, fix)


def _region(peer: Peer | None) -> str | None:
    return peer.locality.get("region") if peer else None


def _in_force(
    one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str], imported: str = ""
) -> Iterator[FederationError]:
    """Yield where a DestinationRule of ours would not count, or would take mutual TLS away; for the service's own host,
    or an ``imported`` one.
    """
    host = imported or standing.host(one.namespace, one.name)
    places = (standing.home,) if imported else (one.namespace, standing.home)
    elsewhere = [
        live
        for _name, live in standing.destination_rules(host)
        if not is_of_traffic(live)
        and at(live, "metadata", "namespace") not in places
        and at(live, "metadata", "namespace") in standing.members
    ]
    if elsewhere:
        clients = listed(sorted({str(at(live, "metadata", "namespace")) for live in elsewhere}), 10)
        what = (
            f"would be without effect for clients in {clients}: {listed(map(place_of, elsewhere))} counts there first"
        )
        yield FederationError(
            "FED860",
            where=one.place,
            what=what,
            fix=f"Take that rule away, or add these fields to it: {needed_fields(one, mesh, standing, locality)}",
        )
    is_merging = one.merge and rule_held(one, standing, imported) is not None
    if standing.control_plane.said("security", "dataPlane", "automtls") is False and not is_merging:
        shadowed = standing.effective_rule(host, one.namespace, places[0])
        if not mapping(at(shadowed, "spec", "trafficPolicy", "tls")):
            what = "needs a DestinationRule, but this mesh has automtls: false and no rule that sets TLS for the host"
            yield FederationError(
                "FED870",
                where=one.place,
                what=what,
                fix="Turn security.dataPlane.automtls on, or write a rule with tls for *.local",
            )


def _http(one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str]) -> Iterator[FederationError]:
    """Yield what is wrong with a timeout and retries: a client's sidecar must read them, for a host that comes from a
    peer.
    """
    asked = (("timeout", one.timeout), ("retries", one.retries), ("idle_timeout", one.idle_timeout))
    words = [word for word, value in asked if value is not None]
    if not words:
        return
    if not standing.imports_of(one.namespace, one.name):
        what = "is for a service that no peer gives; it is offered for imported hosts"
        yield _problem("FED852", one, words[0], what, "Write your own VirtualService for local services")
    service = standing.services.get((one.namespace, one.name))
    if service is not None and not speaks_http(service):
        what = f"is for ports that speak {listed(protocols(service)) or 'nothing'}, and nothing would read it"
        yield _problem("FED861", one, words[0], what, "Name the port http, http2 or grpc if it speaks that")
    given = standing.imports_of(one.namespace, one.name) if one.idle_timeout else []
    for imported in dict.fromkeys("" if each.is_local else each.host for each in given):
        # Of a failover or a split by weight it is said there.
        if imported or not is_located(one, standing):
            yield from _in_force(one, mesh, standing, locality, imported)


def _offered(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing) -> dict[str, set[tuple[str, str]]]:
    """Return for each peer that a rule admits which of the services that rules are for is exported to it, by namespace
    and name.
    """
    admitted = dict.fromkeys(name for one in wanted if one.callers for name in one.callers.from_mesh)
    places = dict.fromkeys((one.namespace, one.name) for one in wanted if one.callers)
    services = [standing.services[place] for place in places if place in standing.services]
    found: dict[str, set[tuple[str, str]]] = {}
    for name in admitted:
        if peer := mesh.peer(name):
            rows = exported_names(services, plan_exports(mesh, peer)["spec"], peer.local_name)
            found[name] = {(row["namespace"], row["name"]) for row in rows if row["exported"]}
    return found


def _callers(
    one: Wanted, mesh: Mesh, standing: Standing, offered: Mapping[str, set[tuple[str, str]]]
) -> Iterator[FederationError]:
    callers = one.callers
    if callers is None:
        return
    if callers.from_mesh:
        yield from _from_mesh(one, mesh, standing, offered)
    if callers.service_accounts and not standing.imports_of(one.namespace, one.name):
        what = f"lists the workloads that may call {one.service} at a peer, but no peer exports it"
        yield _problem(
            "FED852",
            one,
            "callers, service_accounts",
            what,
            "For callers of one of our services use local, beside from_mesh",
        )
    for peer in (
        {found.peer for found in standing.imports_of(one.namespace, one.name)} if callers.service_accounts else ()
    ):
        labels = egress_selector(mesh.peer(peer), peer, standing)
        bearing = [
            pod
            for namespace in standing.members
            for pod in standing.pods.get(namespace, ())
            if is_labelled(pod, labels)
        ]
        if bearing:
            pod = f"{at(bearing[0], 'metadata', 'namespace')}/{at(bearing[0], 'metadata', 'name')}"
            what = f"would hit the pod {pod}, which has the labels of the egress gateway ({listed(labels)})"
            yield _problem("FED863", one, "callers", what, "Take that label off the workload")


def _from_mesh(
    one: Wanted, mesh: Mesh, standing: Standing, offered: Mapping[str, set[tuple[str, str]]]
) -> Iterator[FederationError]:
    callers = one.callers or Callers()
    service = standing.services.get((one.namespace, one.name))
    if service is None or not mapping(at(service, "spec", "selector")):
        what = "admits peers to a workload, but none of our Services has a selector for that workload"
        yield _problem("FED857", one, "callers, from_mesh", what, "Admit callers where the service runs")
        return
    for name in callers.from_mesh:
        if (one.namespace, one.name) not in offered.get(name, ()):
            what = f"admits {name}, and no rule exports {one.service} to it"
            yield _problem(
                "FED852",
                one,
                "callers, from_mesh",
                what,
                f"Add the service to mesh_exports for {name}, or remove {name}",
            )
    if callers.local is None:
        what = "makes a first ALLOW policy for the workload, which cuts off every caller that it does not name"
        if is_enforced(one, standing):
            what = (
                "is no longer set, but the existing policy is enforced; without the list it would cut off callers, "
                "or become a rehearsal"
            )
        yield _problem(
            "FED862",
            one,
            "callers, local",
            what,
            _who_calls(one, mesh, standing)
            + "List the service accounts of this mesh that call it, such as local: [shop/web], ingress gateways and"
            " scrapers included; or write local: nobody",
        )
    if callers.dry_run and not rehearses(standing):
        what = (
            f"is for a mesh of {standing.control_plane.version_text}, which ignores the annotation and enforces the"
            " policy"
        )
        word = "enforce_after" if callers.enforce_after else "dry_run"
        yield _problem("FED865", one, f"callers, {word}", what, "Upgrade to 2.2 first, or leave it out")


def _who_calls(one: Wanted, mesh: Mesh, standing: Standing) -> str:
    if (one.namespace, one.name) not in standing.callers:
        return ""
    seen = listed(dict.fromkeys(map(str, local_callers(one, mesh, standing))), 20)
    return f"Seen in the last {WINDOW}: {seen or 'nobody'}; callers that are not listed may still exist. "


def _accounts(one: Wanted, standing: Standing) -> Iterator[FederationError]:
    callers = one.callers or Callers()
    # Who was seen calling was there.
    named = [*(() if callers.is_seen else callers.local or ()), *callers.service_accounts]
    places = {*standing.members, standing.home}
    for namespace, name in named:
        if namespace not in places:
            what = f"names {namespace}/{name}, and the namespace {namespace} is not a member of the mesh"
            yield _problem("FED854", one, "callers", what, "Name service accounts of member namespaces")
        elif standing.accounts is not None and (namespace, name) not in standing.accounts:
            near = sorted(other for place, other in standing.accounts if place == namespace)
            what = f"names the service account {namespace}/{name}, which does not exist"
            yield _problem("FED854", one, "callers", what, f"Those of {namespace}: {listed(near, 10) or 'none'}")


def _holders(one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str]) -> Iterator[FederationError]:
    """Yield which objects of others hold what this rule would write: a host, or the name of an object."""
    for manifest in plan_rule(one, mesh, standing, locality):
        live = standing.by_place.get(place_in(manifest))
        theirs = live if live and not is_of_traffic(live) else None
        if manager_of(manifest) == merging_manager():
            yield from in_the_way(one, theirs, manifest, standing) if theirs else ()
        elif theirs:
            yield FederationError(
                "FED863",
                where=one.place,
                what=f"needs {place_of(theirs)}, which somebody else made",
                fix="Rename or delete that object",
            )
        elif manifest["kind"] == VIRTUAL_SERVICE.name:
            yield from _routed(one, manifest["spec"]["hosts"], standing)
        elif manifest["kind"] == DESTINATION_RULE.name:
            yield from _ruled(one, manifest["spec"]["host"], mesh, standing, locality)


def _routed(one: Wanted, hosts: Iterable[str], standing: Standing) -> Iterator[FederationError]:
    """Yield which VirtualServices of others route the hosts that this rule would route: FED859."""
    for host in hosts:
        for live in standing.routes_for(host):
            if not is_of_traffic(live):
                yield FederationError(
                    "FED859",
                    where=one.place,
                    what=f"routes {host}, and {place_of(live)} already does",
                    fix="Put the routes into that VirtualService, or delete it",
                )


def _ruled(
    one: Wanted, host: str, mesh: Mesh, standing: Standing, locality: Mapping[str, str]
) -> Iterator[FederationError]:
    """Yield which DestinationRules of others are for the host, or would be hidden with more than is carried over:
    FED860.
    """
    hidden = hidden_by(one, standing, host)
    if items(at(hidden, "spec", "trafficPolicy", "portLevelSettings")):
        what = f"would hide {place_of(hidden or {})}, whose portLevelSettings would no longer apply"
        fix = f"Write a DestinationRule for {host} that has them, and set merge: true"
        yield FederationError("FED860", where=one.place, what=what, fix=fix)
    subsets = [str(subset.get("name")) for subset in items(at(hidden, "spec", "subsets"))]
    if subsets:
        what = (
            f"would hide {place_of(hidden or {})}, whose subsets ({listed(subsets, 5)}) would be missing, and calls "
            "that are routed to them would fail"
        )
        fix = f"Write a DestinationRule for {host} that has them, and set merge: true"
        yield FederationError("FED860", where=one.place, what=what, fix=fix)
    for name, live in standing.destination_rules(host):
        is_for_it = covers(name, host) and "*" not in name
        if (
            is_for_it
            and not is_of_traffic(live)
            and at(live, "metadata", "namespace") in (one.namespace, standing.home)
        ):
            what = f"needs a DestinationRule for {host}, and {place_of(live)} already is one"
            fix = (
                "Merge them into it (merge: true), add them by hand and remove the rule from mesh_traffic, or delete "
                f"that rule; the fields are {needed_fields(one, mesh, standing, locality)}"
            )
            yield FederationError("FED860", where=one.place, what=what, fix=fix)


def _problem(code: str, one: Wanted, word: str, what: str, fix: str) -> FederationError:
    return FederationError(code, where=f"{one.place}, {word}", what=what, fix=fix)


def of_others(mesh: Mesh, standing: Standing) -> Iterator[FederationError]:
    """Yield that another description of this control plane keeps rules here, which this one would remove: FED112."""
    names = {str(mapping(at(live, "metadata", "labels")).get(MESH_LABEL) or "nobody") for live in standing.ours} - {
        mesh.name
    }
    if names:
        yield FederationError(
            "FED112",
            where=standing.control_plane.place,
            what=(
                f"has rules of traffic of the description with mesh_name {listed(sorted(names))}, and this one is"
                f" mesh_name {mesh.name}"
            ),
            fix=(
                "Keep one description of each control plane; where you renamed the mesh on purpose, run once with"
                " federation_force: true (option force)"
            ),
        )
