# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what the user described, and what peers say of themselves, to the manifests that should stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..card.card import Card, Export, Ingress, Port
from ..card.trust import bundle_of
from ..mesh.described import Found, Gateways, Mesh, Peer
from ..plain.addresses import unfit
from ..plain.data import at
from ..plain.errors import refuse
from ..plain.kinds import (
    CONFIG_MAP,
    CONTROL_PLANE,
    DISCOVERY_PORT,
    DISRUPTION_BUDGET,
    EGRESS_FOR,
    EXPORTS,
    GATEWAY_LABEL,
    IMPORTS,
    INGRESS_FOR,
    MESH_LABEL,
    NETWORK_LOAD_BALANCER,
    PEER,
    PEER_LABEL,
    ROOT_KEY,
    SERVICE_PORT,
    Kind,
    is_of_platform,
)
from .names import exported_names, imported_names, ports_of

UNKNOWN_ADDRESS = "(known after apply)"


def plan_gateways(mesh: Mesh, peer: Peer, *, version: tuple[int, int] | None, has_route_config: bool) -> dict:
    """Return our part of the ServiceMeshControlPlane for one peer: its ingress and its egress gateway.

    ``version`` is the control plane's (2.1 wants ``routerMode``), ``has_route_config`` whether its CRD knows
    ``routeConfig``. Source: OpenShift Service Mesh documentation, "Federation", gateways.
    """
    node_ports = peer.gateways.node_ports
    found = peer.found_ingress
    balancer = NETWORK_LOAD_BALANCER if found is None else found.annotations
    ingress_service = {
        "type": peer.gateways.service_type,
        **_filled(
            "metadata",
            {**_label(INGRESS_FOR, peer, found), **_filled("annotations", {**balancer, **peer.gateways.annotations})},
        ),
        "ports": [
            {"name": "tls", "port": SERVICE_PORT, **_filled("nodePort", node_ports.service)},
            {"name": "https-discovery", "port": DISCOVERY_PORT, **_filled("nodePort", node_ports.discovery)},
        ],
        **_filled("loadBalancerIP", peer.gateways.load_balancer_ip),
        **_filled("loadBalancerSourceRanges", list(peer.gateways.load_balancer_source_ranges)),
        **_filled("externalTrafficPolicy", peer.gateways.external_traffic_policy),
    }
    egress_service = {
        **_filled("metadata", _label(EGRESS_FOR, peer, peer.found_egress)),
        "ports": [{"name": "tls", "port": SERVICE_PORT}, {"name": "http-discovery", "port": DISCOVERY_PORT}],
    }
    networks = peer.found_egress.networks if peer.found_egress else (f"network-{peer.local_name}",)
    shared = {"enabled": True, **_runtime(peer.gateways)}
    if version and version < (2, 2):
        shared["routerMode"] = "sni-dnat"
    route_config = {"routeConfig": {"enabled": False}} if has_route_config else {}
    return {
        "apiVersion": CONTROL_PLANE.api_version,
        "kind": CONTROL_PLANE.name,
        "metadata": {"name": mesh.control_plane, "namespace": mesh.namespace},
        "spec": {
            "gateways": {
                "additionalIngress": {peer.gateways.ingress: {**shared, **route_config, "service": ingress_service}},
                "additionalEgress": {
                    peer.gateways.egress: {
                        **shared,
                        "requestedNetworkView": list(networks),
                        "service": egress_service,
                    }
                },
            }
        },
    }


def plan_no_gateways(mesh: Mesh) -> dict:
    """Return the ServiceMeshControlPlane without anything of ours: applied, it removes what the manager owned."""
    return {
        "apiVersion": CONTROL_PLANE.api_version,
        "kind": CONTROL_PLANE.name,
        "metadata": {"name": mesh.control_plane, "namespace": mesh.namespace},
    }


def plan_budgets(mesh: Mesh, peer: Peer) -> list[dict]:
    """Return the PodDisruptionBudgets of a peer's two gateways, none where no ``disruption_budget`` is described.

    A ServiceMeshControlPlane knows budgets only for all of its components at once (``spec.runtime.defaults``).
    """
    budget = peer.gateways.disruption_budget
    if budget is None:
        return []
    kept = (
        {"minAvailable": budget.min_available}
        if budget.min_available is not None
        else {"maxUnavailable": budget.max_unavailable}
    )
    return [
        _object(
            mesh,
            peer,
            DISRUPTION_BUDGET,
            gateway,
            {"spec": {**kept, "selector": {"matchLabels": {GATEWAY_LABEL: f"{gateway}.{mesh.namespace}"}}}},
        )
        for gateway in (peer.gateways.ingress, peer.gateways.egress)
    ]


def plan_peering(mesh: Mesh, peer: Peer, card: Card) -> list[dict]:
    """Return the four objects of one peering in the order in which they must come to be.

    The bundle stands before the peer, else istiod gives up on the peer until its next resync; the sets stand even
    when empty, because a set that is deleted and made again is ignored by istiod until it changes once more.
    """
    ingress = card.ingress or Ingress((UNKNOWN_ADDRESS,))
    return [
        _object(mesh, peer, CONFIG_MAP, peer.bundle_name, {"data": {ROOT_KEY: bundle_of(card.roots)}}),
        _object(
            mesh,
            peer,
            PEER,
            peer.local_name,
            {
                "spec": {
                    "remote": {
                        "addresses": [] if peer.suspended else list(ingress.addresses),
                        "discoveryPort": ingress.discovery_port,
                        "servicePort": ingress.service_port,
                    },
                    "gateways": {
                        "ingress": {"name": peer.gateways.ingress},
                        "egress": {"name": peer.gateways.egress},
                    },
                    "security": {
                        "trustDomain": card.trust_domain,
                        "clientID": card.client_id,
                        "certificateChain": {"kind": CONFIG_MAP.name, "name": peer.bundle_name},
                    },
                }
            },
        ),
        plan_exports(mesh, peer),
        plan_imports(mesh, peer),
    ]


def plan_exports(mesh: Mesh, peer: Peer) -> dict:
    """Return the ExportedServiceSet for one peer; without rules it exports nothing."""
    rules = [rule.stored() for rule in mesh.exports_to(peer)]
    return _object(mesh, peer, EXPORTS, peer.local_name, {"spec": {"exportRules": rules}})


def plan_imports(mesh: Mesh, peer: Peer) -> dict:
    """Return the ImportedServiceSet for one peer; without rules it imports nothing."""
    rules = [rule.stored() for rule in mesh.imports_from(peer)]
    locality = {"locality": dict(peer.locality)} if peer.locality else {}
    return _object(mesh, peer, IMPORTS, peer.local_name, {"spec": {**locality, "importRules": rules}})


def check_card(mesh: Mesh, peer: Peer, card: Card, trust_domain: str, *, where: str) -> None:
    """Refuse a card that was read well but does not fit this mesh and peer.

    ``trust_domain`` is this mesh's own. Raises ``FederationError``: FED210 a pin differs, FED212 made for somebody
    else, FED213 our own card, FED215 our own trust domain, FED220 another mesh's, FED221 an address inside a cluster.
    """
    again = f"Ask {peer.name} to run publish_cards and hand over {peer.name}-for-{mesh.name}.json"
    if card.mesh == mesh.name:
        refuse("FED213", where, f"is {mesh.name}'s own card", again)
    if card.mesh != peer.name:
        refuse("FED220", where, f"is the card of {card.mesh}, not of {peer.name}", again)
    if card.audience != mesh.name:
        refuse("FED212", where, f"was made for {card.audience}, not for {mesh.name}", again)
    if card.trust_domain == trust_domain:
        refuse(
            "FED215",
            where,
            f"names our own trust domain {trust_domain}; its identities could not be told from ours",
            "Give each mesh of a federation its own trust domain",
        )
    if peer.root_fingerprints:
        foreign = [root for root in card.roots if root.fingerprint not in peer.root_fingerprints]
        if foreign:
            refuse(
                "FED210",
                where,
                f"root {foreign[0].spoken} is not among root_fingerprints of {peer.name}",
                f"Compare the fingerprint with {peer.name}'s administrator by another way before you change the pin to"
                f" {card.pins}",
            )
    for address in card.ingress.addresses if card.ingress else ():
        reason = unfit(address, loopback=mesh.loopback, same_cluster=peer.same_cluster, home=mesh.namespace)
        if reason:
            fix = f"Ask {peer.name} for another address. {reason.fix}"
            refuse(reason.code, where, f"gives the address {reason.what}", fix)


def refuse_our_server(card: Card, server: tuple[str, int], *, where: str) -> None:
    """Refuse a card whose address and port are those of our own API server: FED221.

    istiod and the egress gateway would call it. ``server`` is that server's host and port.
    """
    (host, port), found = server, card.ingress
    addresses = [address.removesuffix(".") for address in found.addresses] if found else []
    if found and host in addresses and port in (found.discovery_port, found.service_port):
        what = f"gives {host} and port {port}, which is the API server of our own cluster"
        refuse("FED221", where, what, "Ask the peer for the address of its gateway")


def check_domains(cards: Mapping[str, Card]) -> None:
    """Refuse two peers of one trust domain: their bundles would overwrite each other (FED216).

    ``cards`` maps our name of each peer to its card.
    """
    owners: dict[str, str] = {}
    for peer, card in cards.items():
        other = owners.setdefault(card.trust_domain, peer)
        if other != peer:
            refuse(
                "FED216",
                f"Cards of {other} and {peer}",
                f"name one trust domain, {card.trust_domain}; their roots would overwrite each other",
                "Give each mesh of a federation its own trust domain",
            )


def ingress_of(peer: Peer, mesh: Mesh, cluster_domain: str, service: Mapping | None) -> tuple[Ingress | None, str]:
    """Return where ``peer`` reaches this mesh, and what is missing while that is unknown ("" when known).

    ``service`` is the live Service of the ingress gateway for this peer. Node ports are found by port number or
    name, never by place. Raises ``FederationError`` FED407 when the Service cannot serve a peer.
    """
    gateways = peer.gateways
    place = f"Service {mesh.namespace}/{gateways.ingress}"
    ports = gateways.discovery_port or DISCOVERY_PORT, gateways.service_port or SERVICE_PORT
    if gateways.addresses and gateways.service_type != "NodePort":
        return Ingress(gateways.addresses, *ports), ""
    if service is None:
        return None, f"{place} does not exist yet"
    if gateways.service_type == "NodePort":
        return _ingress_by_node_ports(gateways, place, service)
    if gateways.service_type == "ClusterIP" or peer.same_cluster:
        return Ingress((f"{gateways.ingress}.{mesh.namespace}.svc.{cluster_domain}",), *ports), ""
    addresses = _balanced_addresses(service)
    if not addresses:
        return None, f"{place} has no load balancer address yet"
    for address in addresses:
        reason = unfit(address, loopback=mesh.loopback, same_cluster=False)
        if reason:
            fix = f"Give addresses in mesh_peers, gateways. {reason.fix}"
            refuse(reason.code, place, f"has the load balancer address {reason.what}", fix)
    return Ingress(addresses, *ports), ""


def _ingress_by_node_ports(gateways: Gateways, place: str, service: Mapping) -> tuple[Ingress | None, str]:
    """Return as ``ingress_of`` where a gateway is reached whose Service is, or is to become, a NodePort."""
    if not gateways.addresses:
        return None, f"{place} is a NodePort: give the nodes' addresses in mesh_peers, gateways.addresses"
    kind = at(service, "spec", "type") or "NodePort"
    if kind != "NodePort":
        # The operator has yet to change it. A load balancer has node ports, too, and they would be the wrong ones.
        return None, f"{place} is a {kind} still, not a NodePort"
    discovery = _node_port(service, DISCOVERY_PORT, "https-discovery")
    traffic = _node_port(service, SERVICE_PORT, "tls")
    for found, wanted in ((discovery, gateways.node_ports.discovery), (traffic, gateways.node_ports.service)):
        if wanted and found and found != wanted:
            return None, f"{place} has the node port {found} still, not {wanted}"
    discovery, traffic = gateways.discovery_port or discovery, gateways.service_port or traffic
    if not discovery or not traffic:
        return None, f"{place} has no node ports yet"
    return Ingress(gateways.addresses, discovery, traffic), ""


def _balanced_addresses(service: Mapping) -> tuple[str, ...]:
    """Return the addresses and names that a load balancer has given a Service."""
    points = at(service, "status", "loadBalancer", "ingress") or []
    named = (point.get("ip") or point.get("hostname") for point in points)
    return tuple(str(address) for address in named if address)


def offers(mesh: Mesh, peer: Peer, services: Iterable[Mapping]) -> tuple[Export, ...]:
    """Return what this mesh exports to ``peer``, by its rules and its live Services and ServiceEntries."""
    by_name: dict[str, Export] = {}
    services = list(services)
    rows = exported_names(services, plan_exports(mesh, peer)["spec"], peer.local_name)
    ports = {}
    for service in services:
        hosts = at(service, "spec", "hosts")
        for name in hosts or [service["metadata"]["name"]]:
            ports[(name, service["metadata"]["namespace"])] = service
    for row in rows:
        if row["exported"]:
            service = ports[(row["name"], row["namespace"])]
            named = tuple(Port(port["name"] or "", port["number"], port["protocol"]) for port in ports_of(service))
            by_name.setdefault(row["exported"], Export(row["exported"], named))
    return tuple(by_name[name] for name in sorted(by_name))


def clashes(mesh: Mesh, peer: Peer, services: Iterable[Mapping]) -> list[str]:
    """Return in words which live services our rules give one exported name: istiod then stops writing the
    set's status.
    """
    owners: dict[str, list[str]] = {}
    for row in exported_names(services, plan_exports(mesh, peer)["spec"], peer.local_name):
        if row["exported"]:
            owners.setdefault(row["exported"], []).append(f"{row['namespace']}/{row['name']}")
    return [
        f"{' and '.join(names)} are both exported to {peer.name} as {exported}; give one of them another alias"
        for exported, names in owners.items()
        if len(set(names)) > 1
    ]


def beyond_reach(services: Iterable[Mapping], spec: Mapping | None, peer: str, home: str) -> list[dict]:
    """Return the rows of ``exported_names`` that no rule should give: the control plane's services, and the platform's.

    ``home`` is the control plane's namespace. Of the namespace ``default`` only the API server's Service counts.
    """
    return [
        row
        for row in exported_names(services, spec, peer)
        if row["exported"] and (row["namespace"] == home or _is_of_platform(row["namespace"], row["name"]))
    ]


def _is_of_platform(namespace: str, name: str) -> bool:
    return is_of_platform(namespace) and (namespace != "default" or name == "kubernetes")


def refuse_beyond_reach(mesh: Mesh, peers: Iterable[Peer], services: Iterable[Mapping]) -> None:
    """Refuse export rules without a namespace that meet live services of the control plane or the platform: FED315."""
    services = list(services)
    for peer in peers:
        rules = mesh.exports_to(peer)
        for row in beyond_reach(services, plan_exports(mesh, peer)["spec"], peer.local_name, mesh.namespace):
            refuse("FED315", f"mesh_exports, rule {rules[row['rule']].number}", *offers_too_much(row, mesh.namespace))


def offers_too_much(row: Mapping, home: str) -> tuple[str, str]:
    """Return in words what a row of ``beyond_reach`` comes to, and the cure."""
    whose = "the control plane's namespace" if row["namespace"] == home else "the platform's namespace"
    what = f"has no namespace and matches {row['name']} of {whose} {row['namespace']}"
    return what, "Name the member namespaces that it is for, or select by labels that only your applications have"


def takes(mesh: Mesh, peer: Peer, hosts: Iterable[str], cluster_domain: str) -> list[dict]:
    """Return the rows of ``imported_names`` for what ``peer`` exports under our own rules."""
    return imported_names(list(hosts), plan_imports(mesh, peer)["spec"], peer.local_name, cluster_domain)


def _object(mesh: Mesh, peer: Peer, kind: Kind, name: str, body: Mapping) -> dict:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {
            "name": name,
            "namespace": mesh.namespace,
            "labels": {MESH_LABEL: mesh.name, PEER_LABEL: peer.local_name},
        },
        **body,
    }


def _label(name: str, peer: Peer, found: Found | None) -> dict:
    """Return a gateway's federation label; one that stands keeps its value, since it is part of immutable selectors."""
    value = peer.local_name if found is None else found.label
    return {"labels": {name: value}} if value else {}


def _filled(key: str, value: object) -> dict:
    return {key: value} if value else {}


def _runtime(gateways: Gateways) -> dict:
    runtime: dict = {}
    if gateways.replicas is not None:
        runtime["deployment"] = {"replicas": gateways.replicas, "autoScaling": {"enabled": False}}
    pod: dict = {}
    if gateways.node_selector:
        pod["nodeSelector"] = dict(gateways.node_selector)
    if gateways.tolerations:
        pod["tolerations"] = [dict(toleration) for toleration in gateways.tolerations]
    if pod:
        runtime["pod"] = pod
    return {"runtime": runtime} if runtime else {}


def _node_port(service: Mapping, number: int, name: str) -> int | None:
    ports = at(service, "spec", "ports") or []
    found: Mapping = next(
        (p for p in ports if p.get("port") == number), next((p for p in ports if p.get("name") == name), {})
    )
    return found.get("nodePort")
