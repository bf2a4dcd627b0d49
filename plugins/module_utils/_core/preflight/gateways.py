# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong in silence with a control plane and its federation gateways.

Source: federation.md sections 2 and 8 (G1 to G14); charts of the operator, gateways.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..catalogue.findings import Finding
from ..mesh.described import LONGEST_PEER
from ..plain.data import at, items, listed, mapping, place_of, strings
from ..plain.kinds import CLUSTER_DOMAIN, DISCOVERY_PORT, EGRESS_FOR, INGRESS_FOR, PEER, SERVICE, SERVICE_PORT
from .checks import check
from .estate import DESTINATIONS, GATEWAYS, OWN_SERVICES, PEERS, Estate

# A network load balancer is called <name>.elb.<region>.amazonaws.com.
_NOT_LAYER_4 = re.compile(r"[^.]+\.[a-z0-9-]+\.elb\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True)
class Gateway:
    """One gateway that a peer uses: in which direction, and its part of the control plane, None when it has none."""

    peer: str
    direction: str
    name: str
    settings: Mapping | None
    control_plane: str

    @property
    def key(self) -> str:
        """Return its map in the control plane: ``additionalIngress`` or ``additionalEgress``."""
        return f"additional{self.direction.capitalize()}"

    @property
    def place(self) -> str:
        """Return how people name it."""
        return f"{self.control_plane}, {self.key}.{self.name}"


def gateways_in_use(estate: Estate) -> list[Gateway]:
    """Return the gateways of live peers, by peer; those that only a real run would make are left out."""
    used = []
    for name, live in estate.standing():
        if name in estate.without_gateways:
            continue
        for direction in ("ingress", "egress"):
            gateway = str(at(live, "spec", "gateways", direction, "name") or "")
            used.append(
                Gateway(name, direction, gateway, settings_of(estate, direction, gateway), estate.control_plane.place)
            )
    return used


def settings_of(estate: Estate, direction: str, name: str) -> Mapping | None:
    """Return a gateway's part of the control plane, profiles included; None when there is none."""
    path = ("gateways", f"additional{direction.capitalize()}", name)
    found = estate.said(*path)
    return found if isinstance(found, Mapping) else None


@check(reads=[PEERS], codes=["FED704"])
def missing(estate: Estate) -> Iterator[Finding]:
    """Give gateways that a peer names and the control plane does not have."""
    for gateway in gateways_in_use(estate):
        if gateway.settings is None:
            seen = (
                f"names the {gateway.direction} gateway {gateway.name}"
                if gateway.name
                else f"names no {gateway.direction} gateway"
            )
            place = f"{PEER.name} {gateway.peer}, spec.gateways.{gateway.direction}"
            yield Finding("FED704", place, f"{seen}, and {gateway.control_plane} has no such key under {gateway.key}")


@check(reads=[PEERS], codes=["FED701", "FED702", "FED703", "FED706", "FED708", "FED713"])
def settings(estate: Estate) -> Iterator[Finding]:
    """Give what is wrong with the gateways as the control plane describes them."""
    for gateway in gateways_in_use(estate):
        if gateway.settings is not None:
            yield from _settings(estate, gateway)


def _settings(estate: Estate, gateway: Gateway) -> Iterator[Finding]:
    settings = mapping(gateway.settings)
    if settings.get("enabled") is not True:
        yield Finding(
            "FED702",
            gateway.place,
            "has enabled: false" if settings.get("enabled") is False else "does not have enabled: true",
        )
    namespace = settings.get("namespace")
    if namespace and namespace != estate.namespace:
        yield Finding("FED703", gateway.place, f"has the namespace {namespace}, not {estate.namespace}")
    label = INGRESS_FOR if gateway.direction == "ingress" else EGRESS_FOR
    if not at(settings, "service", "metadata", "labels", label):
        cure = (
            "The label cannot be added to an existing gateway. Leave it as it is while no other Service selects its "
            "pods; else create a gateway with another name and the label, and name it for the peer (mesh_peers, "
            f"gateways: {gateway.direction})"
        )
        yield Finding("FED706", gateway.place, f"has no label {label} under service.metadata.labels", cure)
    wrong = _wrong_ports(at(settings, "service", "ports"))
    if wrong:
        yield Finding("FED713", gateway.place, wrong)
    if gateway.direction == "egress":
        view, wanted = strings(settings.get("requestedNetworkView")), f"network-{gateway.peer}"
        if wanted not in view:
            seen = (
                f"has requestedNetworkView {', '.join(map(str, view)) or 'empty'}, and its peer is called"
                f" {gateway.peer}"
            )
            yield Finding("FED701", gateway.place, seen, f"Set requestedNetworkView: [{wanted}]")
    elif estate.version and estate.version >= (2, 5) and at(settings, "routeConfig", "enabled") is not False:
        yield Finding("FED708", gateway.place, "does not have routeConfig.enabled: false")


@check(reads=[PEERS, OWN_SERVICES], codes=["FED713", "FED714", "FED715"])
def services(estate: Estate) -> Iterator[Finding]:
    """Give what is wrong with the Services that the operator makes of the gateways."""
    for gateway in gateways_in_use(estate):
        if gateway.settings is not None:
            yield from _service(estate, gateway)


def _service(estate: Estate, gateway: Gateway) -> Iterator[Finding]:
    if estate.own_services is None or at(gateway.settings, "enabled") is not True:
        return
    live = estate.own_services.get(gateway.name)
    place = f"{SERVICE.name} {estate.namespace}/{gateway.name}"
    if live is None:
        if estate.control_plane.is_ready:
            yield Finding("FED715", place, f"does not exist, and {gateway.control_plane} is ready")
        return
    wrong = _wrong_ports(at(live, "spec", "ports"))
    if wrong and not _wrong_ports(at(gateway.settings, "service", "ports")):
        yield Finding("FED713", place, wrong)
    for point in items(at(live, "status", "loadBalancer", "ingress")):
        if gateway.direction == "ingress" and is_not_layer_4(point.get("hostname")):
            yield Finding(
                "FED714", place, f"has the address {point['hostname']}, which is a classic or application load balancer"
            )


def is_not_layer_4(address: object) -> bool:
    """Return whether an address is that of an AWS load balancer which is no network load balancer."""
    return isinstance(address, str) and bool(_NOT_LAYER_4.fullmatch(address.removesuffix(".")))


@check(reads=[PEERS], codes=["FED714"])
def load_balancers(estate: Estate) -> Iterator[Finding]:
    """Give the peers' balancers that are none for federation, by their cards or by what stands in their peerings."""
    told = {
        name: (f"Card of {card.mesh}", card.ingress.addresses) for name, card in estate.cards.items() if card.ingress
    }
    for name, live in estate.standing():
        told.setdefault(name, (place_of(live), tuple(strings(at(live, "spec", "remote", "addresses")))))
    for place, addresses in told.values():
        for address in filter(is_not_layer_4, addresses):
            yield Finding(
                "FED714",
                place,
                f"gives the address {address}, which is a classic or application load balancer",
                "Ask the peer to re-create its federation ingress behind a network load balancer (annotation "
                "aws-load-balancer-type: nlb)",
            )


def _wrong_ports(ports: object) -> str:
    found = {port["port"]: port for port in items(ports) if isinstance(port.get("port"), int)}
    lacking = [str(number) for number in (SERVICE_PORT, DISCOVERY_PORT) if number not in found]
    if lacking:
        return f"lacks port {' and '.join(lacking)}"
    for number in (SERVICE_PORT, DISCOVERY_PORT):
        # The operator's webhook stores 0 where nothing was said.
        target = found[number].get("targetPort")
        if target not in (None, 0, "", number, str(number)):
            return f"sends port {number} to {target}"
    return ""


@check(reads=[PEERS], codes=["FED709", "FED710"])
def shared(estate: Estate) -> Iterator[Finding]:
    """Give gateways that serve several peers."""
    users: dict[tuple[str, str], list[str]] = {}
    for gateway in gateways_in_use(estate):
        if gateway.name:
            users.setdefault((gateway.direction, gateway.name), []).append(gateway.peer)
    for (direction, name), peers in users.items():
        if len(peers) > 1:
            code = "FED709" if direction == "ingress" else "FED710"
            place = f"{estate.control_plane.place}, additional{direction.capitalize()}.{name}"
            yield Finding(code, place, f"serves the peers {listed(peers)}")


@check(reads=[PEERS], codes=["FED705", "FED711"])
def names(estate: Estate) -> Iterator[Finding]:
    """Give names of peers and gateways that are too long, or taken."""
    for name, live in estate.standing():
        if len(name) > LONGEST_PEER:
            yield Finding(
                "FED705", place_of(live), f"has a name of {len(name)} characters, {LONGEST_PEER} are the most"
            )
        if name == estate.control_plane.cluster_name:
            yield Finding(
                "FED711", place_of(live), f"is called {name}, like spec.cluster.name of {estate.control_plane.place}"
            )
    for gateway in gateways_in_use(estate):
        length = len(gateway.name) + len(estate.namespace)
        if gateway.settings is not None and length > 62:
            yield Finding(
                "FED705",
                gateway.place,
                f"and the namespace {estate.namespace} have {length} characters together, 62 are the most",
            )


@check(reads=[PEERS, GATEWAYS], codes=["FED707"], is_thorough=True)
def user_gateways(estate: Estate) -> Iterator[Finding]:
    """Give Gateways of Istio that select the federation ingress as well."""
    pods = {}
    for gateway in gateways_in_use(estate):
        if gateway.direction == "ingress" and gateway.settings is not None:
            own = mapping(at(gateway.settings, "service", "metadata", "labels"))
            pods[gateway.name] = {"istio": "ingressgateway", "app": gateway.name, **own}
    for live in estate.gateways:
        selector = mapping(at(live, "spec", "selector"))
        bound = [name for name, labels in pods.items() if selector and selector.items() <= labels.items()]
        if bound:
            shown = ", ".join(f"{key}: {text}" for key, text in selector.items())
            yield Finding(
                "FED707", place_of(live), f"selects {shown}, and so the federation ingress {listed(bound)} too"
            )


@check(codes=["FED726"], is_thorough=True)
def readiness(estate: Estate) -> Iterator[Finding]:
    """Give a control plane that is not ready."""
    if not estate.control_plane.is_ready:
        yield Finding("FED726", estate.control_plane.place, f"is not ready: {estate.control_plane.condition}")


@check(reads=[PEERS, DESTINATIONS], codes=["FED712"])
def cluster_domain(estate: Estate) -> Iterator[Finding]:
    """Give a cluster domain for which istiod cannot be called with mutual TLS."""
    control_plane, domain = estate.control_plane, estate.control_plane.cluster_domain
    if not _is_federated(estate) or domain == CLUSTER_DOMAIN or estate.destination_rules is None:
        return
    host = f"istiod-{control_plane.name}.{estate.namespace}.svc.{domain}"
    if not any(at(rule, "spec", "host") == host for rule in estate.destination_rules):
        seen = f"has the cluster domain {domain}, and no DestinationRule in {estate.namespace} has the host {host}"
        yield Finding(
            "FED712",
            control_plane.place,
            seen,
            f"Add a DestinationRule for {host}, like the operator's for {CLUSTER_DOMAIN}",
        )


@check(reads=[PEERS], codes=["FED718", "FED719", "FED721"])
def control_plane_settings(estate: Estate) -> Iterator[Finding]:
    """Give what the control plane says that federation cannot work with."""
    if not _is_federated(estate):
        return
    control_plane = estate.control_plane
    if (
        estate.said("security", "dataPlane", "automtls") is False
        and estate.said("security", "dataPlane", "mtls") is not True
    ):
        yield Finding(
            "FED718", f"{control_plane.place}, spec.security.dataPlane", "has automtls: false and no mtls: true"
        )
    aliases = {
        *control_plane.additional_domains,
        *strings(estate.said("techPreview", "meshConfig", "trustDomainAliases")),
    }
    for _name, live in estate.standing():
        domain = at(live, "spec", "security", "trustDomain")
        if isinstance(domain, str) and domain in aliases:
            yield Finding(
                "FED719",
                f"{control_plane.place}, trust domain aliases",
                f"hold {domain}, the trust domain of {place_of(live)}",
            )
    if str(estate.pilot_env("PILOT_ENABLE_FEDERATION")).lower() == "false":
        yield Finding("FED721", control_plane.place, "sets PILOT_ENABLE_FEDERATION to false for istiod")


def _is_federated(estate: Estate) -> bool:
    return bool(estate.peers or estate.mesh.peers)


CHECKS = (
    missing,
    settings,
    services,
    load_balancers,
    shared,
    names,
    user_gateways,
    readiness,
    cluster_domain,
    control_plane_settings,
)
