# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""From checked rules of ``mesh_traffic`` to the DestinationRules, VirtualServices and AuthorizationPolicies that should
stand.

Sources: Istio documentation, "Destination Rule", "Virtual Service", "Authorization Policy"; OpenShift Service Mesh,
"Federation".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ..mesh.described import Mesh, Peer
from ..peering.using import is_of_traffic, place_in, withdrawals_of
from ..plain.data import at, listed, mapping, place_of
from ..plain.diff import Change, change_to
from ..plain.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    DRY_RUN,
    EGRESS_FOR,
    GATEWAY_LABEL,
    MESH_LABEL,
    SERVICE_PORT,
    TRAFFIC_LABEL,
    TRAFFIC_MERGED,
    TRAFFIC_PEERS,
    VIRTUAL_SERVICE,
    Kind,
)
from .merging import manager_of, rule_held
from .rehearsals import REHEARSED
from .shares import LOCAL, SHIFT, shares
from .standing import Import, Standing, age_of, speaks_http
from .wanted import Callers, Wanted

BY_HOST, BY_WEIGHT = "host", "weight"
# Of what a rule of ours hides: what it says beside localities and ejection stays as it was.
_KEPT = ("tls", "connectionPool", "loadBalancer")
_CLUSTER = "topology.istio.io/cluster"


def way_of(one: Wanted, standing: Standing) -> str | None:
    """Return how a split is done: by weight inside one host where all its peers give the service as local, by host
    where none does.

    None where its peers differ, and without a split.
    """
    kinds = {
        any(found.is_local for found in standing.imports_of(one.namespace, one.name, peer)) for peer in one.split_peers
    }
    return {frozenset({True}): BY_WEIGHT, frozenset({False}): BY_HOST}.get(frozenset(kinds))


def is_located(one: Wanted, standing: Standing) -> bool:
    """Return whether a rule counts only for proxies that have a locality."""
    return bool(one.failover_to) or way_of(one, standing) == BY_WEIGHT


def others_as_local(one: Wanted, standing: Standing) -> list[str]:
    """Return the peers that give the service as local as well, and that the rule does not name."""
    given = {each.peer for each in standing.imports_of(one.namespace, one.name) if each.is_local}
    return sorted(given - {one.failover_to, *one.split_peers})


def goes_by_region(one: Wanted, standing: Standing) -> bool:
    """Return whether a failover goes by regions: on 2.1, and where another peer gives the service as well, which by
    cluster would be as near.
    """
    return (standing.control_plane.version or (2, 5)) < (2, 2) or bool(others_as_local(one, standing))


def least_of(one: Wanted, standing: Standing) -> int:
    """Return how little a side of a split may get: inside one host Istio empties what has nothing."""
    return 1 if way_of(one, standing) == BY_WEIGHT else 0


def plan_traffic(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing, locality: Mapping[str, str]) -> list[dict]:
    """Return all objects that these rules ask for."""
    return [manifest for one in wanted for manifest in plan_rule(one, mesh, standing, locality)]


def changes_of(planned: Sequence[Mapping], standing: Standing, *, force: bool = False) -> list[Change]:
    """Return the changes from what stands to what is planned; of what stands only what is ours goes.

    Rules that route go before those that admit, and what goes first is what nothing wants any more.
    """
    wanted = set(map(place_in, planned))
    gone = withdrawals_of(live for live in standing.kept if place_in(live) not in wanted)
    kept = (change_to(standing.by_place.get(place_in(one)), one, manager_of(one), force=force) for one in planned)
    return [*gone, *(change for change in kept if change)]


def plan_rule(one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str]) -> list[dict]:
    """Return the objects that one rule asks for."""
    objects: list[dict] = []
    way = way_of(one, standing)
    objects += _destination_rules(one, mesh, standing, locality, way)
    objects += _virtual_services(one, mesh, standing, way)
    if one.callers and one.callers.from_mesh:
        objects.append(admitting_policy(one, mesh, standing))
    if one.callers and one.callers.service_accounts:
        objects += _restricting(one, mesh, standing)
    return objects


def needed_fields(one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str]) -> str:
    """Return, for an owner of another DestinationRule, what it would have to say, as one line of JSON."""
    shared = _balancing(one, mesh, standing, locality, way_of(one, standing)) if is_located(one, standing) else {}
    return json.dumps({**shared, **_idle(one)}, sort_keys=True)


def _destination_rules(
    one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str], way: str | None
) -> list[dict]:
    """Return the rule for the service's own host, and for each other host under which a peer gives it that on idle
    connections.
    """
    found = []
    given = standing.imports_of(one.namespace, one.name) if one.idle_timeout else []
    is_sharing = is_located(one, standing)
    local = [each.peer for each in given if each.is_local]
    if is_sharing or local:
        weighing = bool(one.failover_to) or (is_sharing and _weights(one, standing) is not None)
        ours = _balancing(one, mesh, standing, locality, way) if weighing else {}
        moving = _moving(one) if way == BY_WEIGHT and not one.failover_to else {}
        peers = _depends_on(one) if is_sharing else local
        found.append(_destination_rule(one, mesh, standing, "", {**ours, **_idle(one)}, peers, moving))
    for each in given:
        if not each.is_local:
            found.append(_destination_rule(one, mesh, standing, each.host, _idle(one), [each.peer], {}))
    return found


def _destination_rule(
    one: Wanted,
    mesh: Mesh,
    standing: Standing,
    imported: str,
    ours: Mapping,
    peers: Sequence[str],
    moving: Mapping[str, str],
) -> dict:
    """Return the rule of one host, that of the service or an ``imported`` one: what is ours, and of what it hides what
    must stay.
    """
    host = imported or standing.host(one.namespace, one.name)
    theirs = rule_held(one, standing, imported) if one.merge else None
    if theirs is not None:
        return _merged(one, theirs, ours, peers, moving)
    hidden = mapping(at(hidden_by(one, standing, host), "spec", "trafficPolicy"))
    kept = {key: value for key, value in hidden.items() if key in _KEPT or "loadBalancer" not in ours}
    policy = _together(kept, ours)
    namespace, name = (standing.home, name_of(one, peers[0])) if imported else (one.namespace, name_of(one))
    spec = {"host": host, **({"trafficPolicy": policy} if policy else {})}
    return _object(mesh, one, DESTINATION_RULE, namespace, name, peers, spec, moving)


def _together(kept: Mapping, ours: Mapping) -> dict:
    """Return a traffic policy of what stays and what is ours; of a connection pool and a balancer the other fields
    stay.
    """
    policy = {**kept, **ours}
    for word in ("loadBalancer", "connectionPool"):
        if word in kept and word in ours:
            policy[word] = {**kept[word], **ours[word]}
    http = ("connectionPool", "http")
    if isinstance(at(kept, *http), Mapping) and isinstance(at(ours, *http), Mapping):
        policy["connectionPool"] = {**policy["connectionPool"], "http": {**at(kept, *http), **at(ours, *http)}}
    return policy


def _idle(one: Wanted) -> dict:
    """Return the part of a traffic policy by which a client closes an idle connection before a device in between
    forgets it.
    """
    return {"connectionPool": {"http": {"idleTimeout": one.idle_timeout}}} if one.idle_timeout else {}


def _merged(one: Wanted, theirs: Mapping, policy: Mapping, peers: Iterable[str], moving: Mapping[str, str]) -> dict:
    """Return what of a rule of somebody else is ours: the fields that are needed, and for whom they stand there."""
    annotations = {TRAFFIC_MERGED: one.service, **_depending(peers), **moving}
    return {
        "apiVersion": DESTINATION_RULE.api_version,
        "kind": DESTINATION_RULE.name,
        "metadata": {**{key: theirs["metadata"][key] for key in ("name", "namespace")}, "annotations": annotations},
        **({"spec": {"trafficPolicy": dict(policy)}} if policy else {}),
    }


def _depends_on(one: Wanted) -> list[str]:
    """Return the peers that a DestinationRule sends calls to."""
    return [one.failover_to] if one.failover_to else _split_peers(one)


def _depending(peers: Iterable[str]) -> dict[str, str]:
    return {TRAFFIC_PEERS: ",".join(sorted(set(peers)))}


def _weights(one: Wanted, standing: Standing) -> Mapping[str, int] | None:
    """Return the weights of a split as they are written now: those of the rule, or of the step that it is at; None for
    no split at all.
    """
    return one.shift.weights(least_of(one, standing)) if one.shift else one.split


def _split_peers(one: Wanted) -> list[str]:
    """Return the peers that get a share, or get one when a share that is under way moves on or back."""
    shift = one.shift
    moving = [shift.before, shift.start, shift.goal] if shift else []
    return [*one.split_peers, *(name for weights in moving for name in weights or () if name != LOCAL)]


def _moving(one: Wanted) -> dict[str, str]:
    return {SHIFT: one.shift.text()} if one.shift else {}


def hidden_by(one: Wanted, standing: Standing, host: str) -> Mapping | None:
    """Return the rule with a wildcard that counted for the host before ours: of its traffic policy nothing would be
    inherited.
    """
    theirs = [
        (name, live) for name, live in standing.destination_rules(host) if not is_of_traffic(live) and "*" in name
    ]
    is_local = host == standing.host(one.namespace, one.name)
    for place in (one.namespace, standing.home) if is_local else (standing.home,):
        found = [(name, live) for name, live in theirs if at(live, "metadata", "namespace") == place]
        if found:
            return min(found, key=lambda pair: (-len(pair[0]), *age_of(pair[1])))[1]
    return None


def _balancing(one: Wanted, mesh: Mesh, standing: Standing, locality: Mapping[str, str], way: str | None) -> dict:
    """Return the part of a traffic policy that says who gets what. Without ejection Istio gives no priorities, and with
    its default of 10 % a lone endpoint is never ejected.
    """
    outlier = {
        "consecutive5xxErrors": one.outlier.consecutive_5xx,
        "interval": one.outlier.interval,
        "baseEjectionTime": one.outlier.base_ejection_time,
        "maxEjectionPercent": 100,
    }
    ours = f"{locality.get('region') or '<our region>'}/*"
    if way == BY_WEIGHT:
        weights = _weights(one, standing) or {}
        to = {ours if name == LOCAL else f"{_region(mesh, name)}/*": weight for name, weight in weights.items()}
        setting: dict = {"enabled": True, "distribute": [{"from": ours, "to": to}]}
    elif not goes_by_region(one, standing):
        # An import bears its peer's name as its cluster, a local pod and every proxy ours: an order that needs no
        # localities.
        setting = {"enabled": True, "failoverPriority": [_CLUSTER]}
    else:
        region = _region(mesh, one.failover_to or "")
        setting = {"enabled": True, "failover": [{"from": ours[:-2], "to": region}]}
    return {"loadBalancer": {"localityLbSetting": setting}, "outlierDetection": outlier}


def _region(mesh: Mesh, name: str) -> str:
    peer = mesh.peer(name)
    return (peer.locality.get("region") if peer else None) or f"<region of {name}>"


def _virtual_services(one: Wanted, mesh: Mesh, standing: Standing, way: str | None) -> list[dict]:
    """Return what routes: a split between hosts, and timeout and retries for every host under which a peer gives the
    service.
    """
    extra = _http(one)
    local = standing.host(one.namespace, one.name)
    imports = standing.imports_of(one.namespace, one.name)
    found = [_between_hosts(one, mesh, standing)] if way == BY_HOST else []
    for each in imports if extra else ():
        if each.host == local and not any(manifest["spec"]["hosts"] == [local] for manifest in found):
            peers = [other.peer for other in imports if other.host == local]
            body = {"hosts": [local], "http": [{"route": [{"destination": {"host": local}}], **extra}]}
            found.append(_object(mesh, one, VIRTUAL_SERVICE, one.namespace, name_of(one), peers, body))
        elif each.host != local:
            body = {"hosts": [each.host], "http": [{"route": [{"destination": {"host": each.host}}], **extra}]}
            found.append(_object(mesh, one, VIRTUAL_SERVICE, standing.home, name_of(one, each.peer), [each.peer], body))
    return found


def _between_hosts(one: Wanted, mesh: Mesh, standing: Standing) -> dict:
    """Return what splits calls to our own host between it and the hosts of peers."""
    local = standing.host(one.namespace, one.name)
    weights = {name: weight for name, weight in (_weights(one, standing) or {LOCAL: 100}).items() if weight}
    hosts = {LOCAL: local} | {
        peer: standing.imports_of(one.namespace, one.name, peer)[0].host for peer in weights if peer != LOCAL
    }
    routes = [{"destination": {"host": hosts[name]}, "weight": weight} for name, weight in weights.items()]
    is_http = speaks_http(standing.services.get((one.namespace, one.name)))
    body = {"http": [{"route": routes, **_http(one)}]} if is_http else {"tcp": [{"route": routes}]}
    spec = {"hosts": [local], **body}
    return _object(mesh, one, VIRTUAL_SERVICE, one.namespace, name_of(one), _split_peers(one), spec, _moving(one))


def _http(one: Wanted) -> dict:
    extra: dict = {"timeout": one.timeout} if one.timeout else {}
    if one.retries:
        more = {"perTryTimeout": one.retries.per_try_timeout, "retryOn": one.retries.retry_on}
        extra["retries"] = {"attempts": one.retries.attempts, **{key: value for key, value in more.items() if value}}
    return extra


def admitting_policy(one: Wanted, mesh: Mesh, standing: Standing) -> dict:
    """Return the policy on the workload: a peer's callers all come as this mesh's own ingress gateway for that peer."""
    callers = one.callers or Callers()
    gateways = [ingress_principal(mesh.peer(name), standing) for name in callers.from_mesh]
    local = [principal(standing, *account) for account in callers.local or ()]
    selector = dict(mapping(at(standing.services.get((one.namespace, one.name)), "spec", "selector")))
    spec = {
        "action": "ALLOW",
        "selector": {"matchLabels": selector},
        "rules": [{"from": [{"source": {"principals": [*gateways, *local]}}]}],
    }
    return _object(
        mesh,
        one,
        AUTHORIZATION_POLICY,
        one.namespace,
        name_of(one),
        callers.from_mesh,
        spec,
        _rehearsed(one) if callers.dry_run else {},
    )


def _rehearsed(one: Wanted) -> dict[str, str]:
    return {DRY_RUN: "true", **({REHEARSED: one.rehearsal.text()} if one.rehearsal else {})}


def _restricting(one: Wanted, mesh: Mesh, standing: Standing) -> list[dict]:
    """Return what stops all other workloads at the egress gateways, by the server name that they ask for.

    DENY, since an ALLOW there would also stop discovery; on the port for services alone.
    """
    allowed = [principal(standing, *account) for account in (one.callers or Callers()).service_accounts]
    found = []
    for peer in sorted({each.peer for each in standing.imports_of(one.namespace, one.name)}):
        names = sorted({f"*.{each.host}" for each in standing.imports_of(one.namespace, one.name, peer)})
        rule = {
            "from": [{"source": {"notPrincipals": allowed}}],
            "to": [{"operation": {"ports": [str(SERVICE_PORT)]}}],
            "when": [{"key": "connection.sni", "values": names}],
        }
        spec = {
            "action": "DENY",
            "selector": {"matchLabels": egress_selector(mesh.peer(peer), peer, standing)},
            "rules": [rule],
        }
        found.append(_object(mesh, one, AUTHORIZATION_POLICY, standing.home, name_of(one, peer), [peer], spec))
    return found


def egress_label(peer: Peer | None, name: str) -> str:
    """Return the value of the federation label on the pods of a peer's egress gateway; empty where one that stands has
    none.
    """
    return name if peer is None or peer.found_egress is None else peer.found_egress.label or ""


def egress_selector(peer: Peer | None, name: str, standing: Standing) -> dict[str, str]:
    """Return labels that the pods of a peer's egress gateway have, and no others of the mesh."""
    label = egress_label(peer, name)
    gateway = peer.gateways.egress if peer else f"{name}-egress"
    return {EGRESS_FOR: label} if label else {GATEWAY_LABEL: f"{gateway}.{standing.home}"}


def principal(standing: Standing, namespace: str, account: str) -> str:
    """Return how a policy names a service account of this mesh."""
    return f"{standing.control_plane.trust_domain}/ns/{namespace}/sa/{account}"


def ingress_principal(peer: Peer | None, standing: Standing) -> str:
    """Return as whom the callers of a peer reach the workloads of this mesh."""
    return principal(standing, standing.home, f"{peer.gateways.ingress if peer else ''}-service-account")


def name_of(one: Wanted, peer: str = "") -> str:
    """Return what an object of ours is called: beside the service, or in the control plane's namespace for one peer."""
    return f"federation.{one.name}.{one.namespace}.{peer}" if peer else f"federation.{one.name}"


def _object(
    mesh: Mesh,
    one: Wanted,
    kind: Kind,
    namespace: str,
    name: str,
    peers: Iterable[str],
    spec: Mapping,
    annotations: Mapping[str, str] | None = None,
) -> dict:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {MESH_LABEL: mesh.name, TRAFFIC_LABEL: one.name[:63].rstrip(".-")},
            "annotations": {**_depending(peers), **(annotations or {})},
        },
        "spec": dict(spec),
    }


def told(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing) -> list[str]:
    """Return in words what each rule does, and what a reader could take for granted and must not."""
    lines = []
    for one in wanted:
        name, peers = one.service, listed(one.split_peers)
        if one.failover_to:
            lines.append(
                f"{name}: local endpoints first, {one.failover_to} when none of them is left (ejected after"
                f" {one.outlier.consecutive_5xx} errors in a row, for {one.outlier.base_ejection_time} times the number"
                " of ejections); when all are ejected on both sides, calls fail with 503 (UH)"
            )
        if one.split and way_of(one, standing) == BY_WEIGHT:
            lines.append(
                f"{name}: split by weight inside one host, {shares(_weights(one, standing))}; a client without a region"
                " gets neither weights nor failover"
            )
        elif one.split:
            lines.append(
                f"{name}: split between two hosts, {shares(_weights(one, standing))}; when {peers} stops giving it,"
                " that share fails until this rule changes"
            )
        if one.callers and one.callers.from_mesh:
            rehearsed = " (rehearsed only)" if one.callers.dry_run else ""
            lines.append(
                f"{name}: admits all callers of {listed(one.callers.from_mesh)}{rehearsed}; they have the identity of "
                "the ingress gateway, so the calling workload of the peer is unknown"
            )
        if one.callers and one.callers.service_accounts:
            accounts = listed((f"{namespace}/{account}" for namespace, account in one.callers.service_accounts), 5)
            local = any(each.is_local for each in standing.imports_of(one.namespace, one.name))
            rest = "; calls to local pods do not pass the gateway and are not stopped" if local else ""
            lines.append(
                f"{name}: only {accounts} may call it at a peer, stopped at the egress gateway by server name; "
                f"a connection that is open stays until the gateway drains it (45 s as a rule){rest}"
            )
        lines += [*_told_of_gateways(one, mesh, standing), *_told_of_rules(one, standing)]
    return lines


def _told_of_gateways(one: Wanted, mesh: Mesh, standing: Standing) -> list[str]:
    """Return in words whose egress gateway should have more pods: what is ejected for a peer are these, each as one
    endpoint.
    """
    named = (
        [mesh.peer(name) for name in dict.fromkeys((one.failover_to, *one.split_peers)) if name]
        if is_located(one, standing)
        else []
    )
    return [
        f"{one.service}: run two or more pods of {peer.gateways.egress} (gateways.replicas); with one, a path that"
        f" fails is all of {peer.local_name}"
        for peer in named
        if peer and (peer.gateways.replicas or 1) < 2
    ]


def _told_of_rules(one: Wanted, standing: Standing) -> list[str]:
    """Return in words what becomes of other rules for the same hosts, and what comes with a rule that
    nobody asked for.
    """
    name, lines = one.service, []
    if one.split and not speaks_http(standing.services.get((one.namespace, one.name))):
        lines.append(f"{name}: weights count for new connections; one that is open stays where it is")
    given = standing.imports_of(one.namespace, one.name) if one.idle_timeout else []
    for imported in _ruled_hosts(one, given, standing):
        theirs = rule_held(one, standing, imported) if one.merge else None
        hidden = hidden_by(one, standing, imported or standing.host(one.namespace, one.name))
        if theirs is not None:
            lines.append(f"{name}: merged into {place_of(theirs)}, which stays its owner's; only these fields are ours")
        elif hidden:
            lines.append(f"{name}: takes over {', '.join(_KEPT)} of {place_of(hidden)}, which its rule hides")
    if given:
        lines.append(f"{name}: clients close connections to it that were idle for {one.idle_timeout}")
    if one.failover_to and goes_by_region(one, standing):
        zones = _zones(one, standing)
        lines.append(
            f"{name}: uses regions, so clients also prefer endpoints of their own zone{f': {zones}' if zones else ''}"
        )
    return lines


def _ruled_hosts(one: Wanted, given: Sequence[Import], standing: Standing) -> list[str]:
    """Return the hosts whose DestinationRule this rule writes, of those that peers give; the local one is empty."""
    local = [""] if is_located(one, standing) or any(each.is_local for each in given) else []
    return [*local, *(each.host for each in given if not each.is_local)]


def _zones(one: Wanted, standing: Standing) -> str:
    """Return in words how many endpoints of ours each zone has, and how many clients prefer them."""
    found = Counter(
        (standing.locality_of(pod) or {}).get("zone", "") for pod in standing.pods_of(one.namespace, one.name)
    )
    clients = Counter((standing.locality_of_proxy(pod) or {}).get("zone", "") for pod in standing.clients())
    endpoints = ", ".join(f"{zone or 'without a zone'} {count}" for zone, count in sorted(found.items()))
    told = [
        f"{count} in {zone or 'no zone'}{'' if found[zone] else ' (no endpoints there)'}"
        for zone, count in sorted(clients.items())
    ]
    return f"{endpoints}; clients: {listed(told, 10)}" if endpoints and told else endpoints
