# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a call goes, computed from live objects: hosts and shares, endpoints by priority, and who admits it on each
hop.

Sources: Istio documentation, "Virtual Service", "Destination Rule", "Locality Load Balancing"; what istiod of 2.5 was
seen to tell proxies (docs/traffic.md). What no object tells is said, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..mesh.described import LOCALITY, Mesh
from ..peering.names import ports_of
from ..peering.using import full_names
from ..plain.data import at, is_true, items, listed, mapping, place_of, strings
from ..plain.errors import FederationError
from ..plain.kinds import AUTHORIZATION_POLICY, GATEWAY_LABEL, SERVICE_PORT
from .admitting import Call, Verdict, verdict
from .standing import HTTP, Import, Standing, is_headless, is_labelled, is_visible, protocols, speaks_http

_CLUSTER, _KUBERNETES = "topology.istio.io/cluster", "topology.kubernetes.io/"
_NOT_COMPUTED = ("fault", "redirect", "delegate", "directResponse")


@dataclass(frozen=True)
class Client:
    """Who calls: a workload of this mesh by its pods, or a whole ``peer``. What pods differ in is empty, and said in
    ``notes``.
    """

    namespace: str
    name: str
    account: str | None = None
    locality: Mapping[str, str] = field(default_factory=dict)
    peer: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """Where a call may end: a pod of ours, or a ``peer`` behind a pod of our egress gateway. ``share`` is per cent of
    all calls.
    """

    name: str
    peer: str | None
    priority: int
    share: float
    verdict: Verdict
    locality: str = ""


@dataclass(frozen=True)
class Going:
    """All that was found: ``shares`` by host as (host, per cent, endpoints), and what is not certain in ``notes``."""

    service: str
    client: Client
    shares: tuple[tuple[str, float, tuple[Endpoint, ...]], ...]
    notes: tuple[str, ...]

    def as_data(self) -> list[dict]:
        """Return the endpoints as JSON-friendly rows."""
        return [
            {
                "host": host,
                "endpoint": one.name,
                "peer": one.peer or "",
                "priority": one.priority,
                "share": round(one.share, 1),
                "passes": one.verdict.passes,
                "policies": list(one.verdict.by),
                "rehearsed": list(one.verdict.rehearsed),
            }
            for host, _share, endpoints in self.shares
            for one in endpoints
        ]

    def lines(self) -> list[str]:
        """Return it as lines for people."""
        who = f"peer {self.client.peer}" if self.client.peer else f"{self.client.namespace}/{self.client.name}"
        told = [f"{who} → {self.service}"]
        for host, share, endpoints in self.shares:
            told.append(f"{share:5.1f} %  {host}{'' if endpoints else ': no endpoint, calls fail with 503'}")
            for one in endpoints:
                where = f"{one.peer} by {one.name}" if one.peer else f"pod {one.name}"
                place = f" ({one.locality})" if one.locality else ""
                told.append(f"         {one.share:5.1f} %  priority {one.priority}  {where}{place}: {one.verdict}")
        return [*told, *(f"note: {note}" for note in self.notes)]


class _Met(NamedTuple):
    """A pod that a call may meet, the ``peer`` that it stands for, where it is, and whether it admits the call."""

    name: str
    peer: str | None
    locality: Mapping[str, str]
    verdict: Verdict


def client_of(text: str, mesh: Mesh, standing: Standing) -> Client:
    """Return the caller that ``text`` names: ``namespace/name`` of a service account, label app, Service or pod; or the
    name of a peer.

    Raises ``FederationError`` FED854 if there is no such caller.
    """
    peer = mesh.peer(text) if "/" not in text else None
    if peer:
        return Client(standing.home, text, f"{peer.gateways.ingress}-service-account", peer=peer.local_name)
    namespace, _slash, name = text.partition("/")
    kind, found = _meant(namespace, name, standing)
    if not found:
        raise FederationError(
            "FED854",
            where="routes_from",
            what=f"is {text}, and no pod of this mesh has that service account, label app, Service or name",
            fix="Write a workload that runs as namespace/name, or the name of a peer",
        )
    accounts = sorted({str(at(pod, "spec", "serviceAccountName") or "default") for pod in found})
    places = {tuple((standing.locality_of_proxy(pod) or {}).items()) for pod in found}
    notes = [f"{text} is read as {kind}: {len(found)} pod{'s' if len(found) > 1 else ''}"]
    notes += [f"its pods run as {listed(accounts)}, so policies are not certain"] if len(accounts) > 1 else []
    notes += ["its pods are in several localities, so priorities differ among them"] if len(places) > 1 else []
    locality = dict(next(iter(places))) if len(places) == 1 else {}
    return Client(namespace, name, accounts[0] if len(accounts) == 1 else None, locality, notes=tuple(notes))


def _meant(namespace: str, name: str, standing: Standing) -> tuple[str, Sequence[Mapping]]:
    """Return as what the name of a caller is read, and its pods: the first of four ways that finds any."""
    pods = standing.pods.get(namespace, ())
    ways: tuple[tuple[str, Sequence[Mapping]], ...] = (
        ("service account", [pod for pod in pods if at(pod, "spec", "serviceAccountName") == name]),
        ("label app", [pod for pod in pods if is_labelled(pod, {"app": name})]),
        ("Service", standing.pods_of(namespace, name)),
        ("pod", [pod for pod in pods if at(pod, "metadata", "name") == name]),
    )
    return next((way for way in ways if way[1]), ("", ()))


def where_it_goes(namespace: str, name: str, client: Client, mesh: Mesh, standing: Standing) -> Going:
    """Return where a call of ``client`` to a service goes. Raises ``FederationError`` FED851 for a service that nothing
    gives.
    """
    notes = list(client.notes)
    hosts = _hosts(namespace, name, standing)
    if not hosts:
        raise FederationError(
            "FED851",
            where="routes_service",
            what=f"is {namespace}/{name}, which is not in this mesh and is not imported",
            fix="Write it as namespace/name, as it is called in this mesh",
        )
    if len(hosts) > 1:
        notes.append(
            f"several peers export it, each under its own name: {listed(hosts)}; the caller chooses, and the first is "
            "shown here"
        )
    service = standing.services.get((namespace, name))
    if service is not None and is_headless(service):
        notes.append(
            "the Service is headless: a caller that asks for the name of a pod gets that pod, whatever the rules are"
        )
    # What comes from a peer is routed over there; here it only meets the pods.
    destinations = [(hosts[0], "", 100.0)] if client.peer else _destinations(hosts[0], client, service, standing, notes)
    if client.peer:
        notes.append(f"{client.peer} decides over there whether it calls us")
    shares = tuple(
        (host, share, _endpoints(host, subset, share, client, mesh, standing, notes))
        for host, subset, share in destinations
    )
    if any(one.peer for _host, _share, endpoints in shares for one in endpoints):
        notes.append("whether the peer's own policies admit the call is not visible from here")
    return Going(f"{namespace}/{name}", client, shares, tuple(dict.fromkeys(notes)))


def _hosts(namespace: str, name: str, standing: Standing) -> list[str]:
    local = standing.host(namespace, name)
    if (namespace, name) in standing.services or any(one.host == local for one in standing.imports):
        return [local]
    return [one.host for one in standing.imports_of(namespace, name)]


def _destinations(
    host: str, client: Client, service: Mapping | None, standing: Standing, notes: list[str]
) -> list[tuple[str, str, float]]:
    """Return (host, subset, per cent) as a VirtualService says, or the host itself."""
    live = _routing(host, client, standing, notes)
    if live is None:
        return [(host, "", 100.0)]
    is_http = speaks_http(service)
    routes = items(at(live, "spec", "http" if is_http else "tcp"))
    if not routes:
        notes.append(
            f"{place_of(live)} has no routes for {'HTTP' if is_http else 'TCP'}, so calls go to the host itself"
        )
        return [(host, "", 100.0)]
    matching = [route for route in routes if items(route.get("match"))]
    plain = next((route for route in routes if not items(route.get("match"))), None)
    if matching:
        notes.append(f"{place_of(live)} has {len(matching)} routes for calls that match something; those are not shown")
    if plain is None:
        notes.append("a call that matches none of them fails with 404")
        return []
    if any(map(plain.get, _NOT_COMPUTED)):
        notes.append(f"{place_of(live)} also injects faults, redirects, answers or delegates; that is not computed")
    return _weighted(plain, live, standing)


def _routing(host: str, client: Client, standing: Standing, notes: list[str]) -> Mapping | None:
    """Return the VirtualService that routes a host for a caller; None where none does."""
    found = [live for live in standing.routes_for(host) if is_visible(live, client.namespace)]
    if len(found) > 1:
        found.sort(key=lambda live: (str(at(live, "metadata", "creationTimestamp") or ""), place_of(live)))
        notes.append(
            f"several VirtualServices route {host}: {listed(map(place_of, found))}; which one counts is not certain,"
            " the oldest is shown"
        )
    return found[0] if found else None


def _weighted(route: Mapping, live: Mapping, standing: Standing) -> list[tuple[str, str, float]]:
    """Return (host, subset, per cent) of one route of a VirtualService."""
    entries = items(route.get("route"))
    weights = [100.0] if len(entries) == 1 else [_number(entry.get("weight")) for entry in entries]
    whole = sum(weights) or 1.0
    namespace = str(at(live, "metadata", "namespace"))
    known = {*(standing.host(*one) for one in standing.services), *(one.host for one in standing.imports)}
    result = []
    for entry, weight in zip(entries, weights):
        names = full_names(
            str(at(entry, "destination", "host") or ""), namespace, standing.control_plane.cluster_domain
        )
        if weight:
            full = next((name for name in names if name in known), names[0])
            result.append((full, str(at(entry, "destination", "subset") or ""), 100 * weight / whole))
    return result


def _number(weight: object) -> float:
    """Return a weight of somebody's, nothing for what is none."""
    return max(0.0, float(weight)) if isinstance(weight, (int, float)) and not isinstance(weight, bool) else 0.0


def _endpoints(
    host: str, subset: str, share: float, client: Client, mesh: Mesh, standing: Standing, notes: list[str]
) -> tuple[Endpoint, ...]:
    """Return the endpoints of one host with their priorities and shares, as the effective DestinationRule
    orders them.
    """
    name, namespace = (*host.split(".", 2), "")[:2]
    service = standing.services.get((namespace, name))
    is_local = host == standing.host(namespace, name)
    rule = standing.effective_rule(host, client.namespace, namespace if is_local else standing.home)
    policy = _for_its_port(mapping(at(rule, "spec", "trafficPolicy")), service, rule, notes)
    labels: Mapping = {}
    if subset:
        one = _subset_of(rule, subset)
        if one is None:
            notes.append(
                f"no DestinationRule that counts has the subset {subset} of {host}, so calls to it fail with 503"
            )
            return ()
        of_subset = mapping(one.get("trafficPolicy"))
        labels, policy = mapping(one.get("labels")), {**policy, **_for_its_port(of_subset, service, rule, notes)}
    found = _at_pods(namespace, name, labels, client, standing) if is_local else []
    imports = [one for one in standing.imports if one.host == host]
    if subset and imports:
        notes.append(f"the subset {subset} selects by labels, which imported endpoints do not have")
    elif not client.peer:
        for each in imports:
            found += _at_gateways(each, client, mesh, standing, notes)
    ordered = _ordered([(met.peer, met.locality) for met in found], policy, client, standing, notes)
    return tuple(
        Endpoint(met.name, met.peer, priority, share * part, met.verdict, "/".join(met.locality.values()))
        for met, (priority, part) in sorted(
            zip(found, ordered), key=lambda pair: (pair[1][0], pair[0].peer or "", pair[0].name)
        )
    )


def _subset_of(rule: Mapping | None, name: str) -> Mapping | None:
    return next((one for one in items(at(rule, "spec", "subsets")) if one.get("name") == name), None)


def _for_its_port(policy: Mapping, service: Mapping | None, rule: Mapping | None, notes: list[str]) -> Mapping:
    """Return the part of a policy that counts for the port that is called: what stands there replaces all
    four parts.
    """
    by_port = {at(one, "port", "number"): one for one in items(policy.get("portLevelSettings"))}
    ports = {port["number"] for port in ports_of(service or {})}
    if not by_port or not ports & set(by_port):
        return policy
    if len(ports) > 1:
        notes.append(
            f"{place_of(rule or {})} has portLevelSettings, which replace its policy for some ports; calls to another"
            " port are shown"
        )
        return policy if ports - set(by_port) else mapping(by_port[min(ports)])
    return mapping(by_port[min(ports)])


def _ordered(
    endpoints: Sequence[tuple[str | None, Mapping[str, str]]],
    policy: Mapping,
    client: Client,
    standing: Standing,
    notes: list[str],
) -> list[tuple[int, float]]:
    """Return (priority, part of the host's calls) for each endpoint, given as (peer, locality)."""
    setting = mapping(at(policy, "loadBalancer", "localityLbSetting"))
    if setting.get("enabled") is not False and items(setting.get("distribute")):
        parts = _distributed(endpoints, items(setting["distribute"]), client, notes)
        if parts is not None:
            return [(0, part) for part in parts]
    is_ejecting = bool(mapping(policy.get("outlierDetection")))
    priorities = _priorities(endpoints, setting, client, notes, is_ejecting=is_ejecting)
    ranks = {priority: rank for rank, priority in enumerate(sorted(set(priorities)))}
    first = sum(priority == min(priorities) for priority in priorities) if priorities else 1
    return [(ranks[priority], 1 / first if ranks[priority] == 0 else 0.0) for priority in priorities]


def _priorities(
    endpoints: Sequence[tuple[str | None, Mapping[str, str]]],
    setting: Mapping,
    client: Client,
    notes: list[str],
    *,
    is_ejecting: bool,
) -> list[int]:
    """Return the priority of each endpoint, lower first; without ejection, or without a locality to go by, all have
    one.
    """
    even = [0] * len(endpoints)
    labels = strings(setting.get("failoverPriority"))
    if setting.get("enabled") is False or items(setting.get("distribute")):
        return even
    if not is_ejecting:
        if setting.get("failover") or labels:
            notes.append("failover without outlierDetection is inert: all endpoints have one priority")
        return even
    if not client.locality and not client.peer:
        notes.append(
            "the caller's proxy has no locality that we can see; it may then get no priorities at all"
            if labels
            else "the caller's proxy has no locality that we can see, so it gets no priorities"
        )
    if labels:
        return _by_labels(endpoints, labels, client, notes)
    if not client.locality:
        return even
    return [_distance(client.locality, locality, items(setting.get("failover"))) for _peer, locality in endpoints]


def _distributed(
    endpoints: Sequence[tuple[str | None, Mapping[str, str]]],
    distribute: Iterable[Mapping],
    client: Client,
    notes: list[str],
) -> list[float] | None:
    weights = _weights_of(client.locality, distribute)
    if weights is None:
        notes.append("no from of distribute matches the caller's locality, so it gets neither weights nor failover")
        return None
    places = {
        place: [number for number, (_peer, locality) in enumerate(endpoints) if _is_in(locality, place)]
        for place in weights
    }
    whole = sum(weight for place, weight in weights.items() if places[place]) or 1.0
    parts = [0.0] * len(endpoints)
    for place, weight in weights.items():
        there = [number for number in places[place] if not parts[number]]
        for number in there:
            parts[number] = weight / whole / len(there)
    if not all(parts):
        notes.append("an endpoint whose locality no to of distribute names gets nothing")
    return parts


def _weights_of(ours: Mapping[str, str], distribute: Iterable[Mapping]) -> dict[str, float] | None:
    """Return the weight of each place for a caller; None where no from of ``distribute`` fits where it is, or nobody
    knows that.
    """
    fitting = (one for one in distribute if ours and _is_in(ours, str(one.get("from") or "")))
    rule = next(fitting, None)
    return None if rule is None else {str(place): _number(weight) for place, weight in mapping(rule.get("to")).items()}


def _by_labels(
    endpoints: Sequence[tuple[str | None, Mapping[str, str]]],
    labels: Sequence[str],
    client: Client,
    notes: list[str],
) -> list[int]:
    """Return the priorities of ``failoverPriority``: how many of the labels, from the first on, are as the caller's."""
    found = []
    for peer, locality in endpoints:
        same = 0
        for label in labels:
            if label == _CLUSTER:
                is_same = peer is None
            elif label.startswith(_KUBERNETES) and label[len(_KUBERNETES) :] in LOCALITY:
                word = label[len(_KUBERNETES) :]
                is_same = locality.get(word) == client.locality.get(word)
            else:
                notes.append(f"failoverPriority names the label {label}, which is not looked at")
                break
            if not is_same:
                break
            same += 1
        found.append(len(labels) - same)
    return found


def _distance(ours: Mapping[str, str], theirs: Mapping[str, str], failover: Iterable[Mapping]) -> int:
    for depth, word in enumerate(LOCALITY):
        if ours.get(word, "") != theirs.get(word, ""):
            if depth:
                return 3 - depth
            target = next((one.get("to") for one in failover if one.get("from") == ours.get("region")), None)
            return 3 if target in (None, theirs.get("region")) else 4
    return 0


def _is_in(locality: Mapping[str, str], place: str) -> bool:
    parts = place.split("/")
    return all(part in ("*", "", locality.get(word, "")) for word, part in zip(LOCALITY, parts))


def is_ready(pod: Mapping) -> bool:
    """Return whether a pod gets calls."""
    return is_true(pod, "Ready") and not at(pod, "metadata", "deletionTimestamp")


def _at_pods(namespace: str, name: str, labels: Mapping, client: Client, standing: Standing) -> list[_Met]:
    """Return the pods of a Service that get calls and also have these labels."""
    spoken = protocols(standing.services.get((namespace, name)) or {})
    is_tcp = bool(spoken) and set(HTTP).isdisjoint(spoken)
    call = Call(client.namespace, client.account, standing.control_plane.trust_domain, is_tcp=is_tcp)
    return [
        _Met(
            str(at(pod, "metadata", "name")),
            None,
            standing.locality_of(pod) or {},
            verdict(policies_of(pod, namespace, standing), call),
        )
        for pod in standing.pods_of(namespace, name)
        if is_ready(pod) and is_labelled(pod, labels)
    ]


def _at_gateways(one: Import, client: Client, mesh: Mesh, standing: Standing, notes: list[str]) -> list[_Met]:
    """Return the pods of the egress gateway that stand for a peer: they bear the peer's locality."""
    peer = mesh.peer(one.peer)
    gateway = f"{peer.gateways.egress if peer else one.peer}.{standing.home}"
    pods = [
        pod
        for pod in standing.pods.get(standing.home, ())
        if is_labelled(pod, {GATEWAY_LABEL: gateway}) and is_ready(pod)
    ]
    if not pods:
        notes.append(f"no pod of the egress gateway for {one.peer} is ready")
    locality = dict(peer.locality) if peer else {}
    port = next((port["number"] for port in ports_of(standing.services.get(one.service) or {})), 80)
    domain = standing.control_plane.trust_domain
    call = Call(client.namespace, client.account, domain, SERVICE_PORT, f"outbound_.{port}_._.{one.host}", is_tcp=True)
    return [
        _Met(
            str(at(pod, "metadata", "name")),
            one.peer,
            locality,
            verdict(policies_of(pod, standing.home, standing), call),
        )
        for pod in pods
    ]


def policies_of(pod: Mapping, namespace: str, standing: Standing) -> list[Mapping]:
    """Return the policies of a pod: those of its namespace and of the mesh's root namespace that select it."""
    return [
        live
        for live in standing.rules
        if live.get("kind") == AUTHORIZATION_POLICY.name
        and at(live, "metadata", "namespace") in (namespace, standing.home)
        and is_labelled(pod, mapping(at(live, "spec", "selector", "matchLabels")))
    ]
