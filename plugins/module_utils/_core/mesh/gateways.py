# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a peer reaches this mesh, and this mesh the peer: the settings of both gateways, checked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from ..plain.addresses import is_address, unfit
from ..plain.errors import refuse
from ..plain.kinds import RESERVED_GATEWAYS, is_reserved_gateway
from .described import DisruptionBudget, Gateways, NodePorts
from .fields import check_keys, check_label, list_of, mappings_of, port_of, texts_of, whole_of
from .given import GATEWAYS, refuse_empty

_SERVICE_TYPES = ("LoadBalancer", "NodePort", "ClusterIP")
# The fields of a toleration that are texts, and which of them are words of the Kubernetes API.
_TOLERATION: Mapping[str, tuple[str, ...]] = {
    "key": (),
    "operator": ("Exists", "Equal"),
    "value": (),
    "effect": ("NoSchedule", "PreferNoSchedule", "NoExecute"),
}
_OF_ONE_PEER = {
    "ingress": "would give all peers one gateway, and each would be refused by the other's rules",
    "egress": "would give all peers one gateway, and each would be refused by the other's rules",
    "node_ports": "would give the gateways of all peers the same ports of the nodes",
    "load_balancer_ip": "would give the gateways of all peers one address",
}


def check_shared(shared: Mapping) -> None:
    """Refuse settings for all peers that say nothing, or that only one gateway can have."""
    refuse_empty_settings(shared, "mesh_gateways")
    for key, why in _OF_ONE_PEER.items():
        if key in shared:
            refuse("FED307", f"mesh_gateways, {key}", why, f"Give it per peer: mesh_peers, gateways.{key}")


def refuse_empty_settings(given: Mapping, place: str) -> None:
    """Refuse gateway settings that are there and empty, also in mappings; an annotation or label may be an
    empty text.
    """
    refuse_empty(given, place, GATEWAYS)
    for key, value in given.items():
        if isinstance(value, Mapping) and key not in ("annotations", "node_selector"):
            refuse_empty(value, f"{place}, {key}", {})


def fitting(shared: Mapping, own: Mapping, same_cluster: bool) -> Mapping:
    """Return the settings of all peers without those that make no sense for one peer's kind of Service."""
    service_type = own.get("service_type", shared.get("service_type", "ClusterIP" if same_cluster else "LoadBalancer"))
    left_out = {"LoadBalancer": set(), "NodePort": {"load_balancer_source_ranges"}}
    words = left_out.get(str(service_type), {"load_balancer_source_ranges", "external_traffic_policy"})
    return {word: value for word, value in shared.items() if word not in words}


def gateways_of(given: Mapping, peer: str, place: str, same_cluster: bool) -> Gateways:
    place = f"{place}, gateways"
    check_keys(given, set(Gateways.__dataclass_fields__), place)
    service_type = given.get("service_type", "ClusterIP" if same_cluster else "LoadBalancer")
    if service_type not in _SERVICE_TYPES:
        refuse("FED307", f"{place}, service_type", f"is {service_type}", f"Choose one of {', '.join(_SERVICE_TYPES)}")
    addresses = tuple(list_of(given.get("addresses"), f"{place}, addresses"))
    for address in addresses:
        if not is_address(address):
            refuse(
                "FED219",
                f"{place}, addresses",
                f"holds {address}, which is neither an IP address nor a DNS name",
                "Addresses go without scheme and port; use discovery_port and service_port for ports",
            )
    ingress, egress = _names_of(given, peer, place)
    return Gateways(
        ingress=ingress,
        egress=egress,
        service_type=service_type,
        annotations=texts_of(given.get("annotations"), f"{place}, annotations"),
        addresses=addresses,
        discovery_port=port_of(given.get("discovery_port"), f"{place}, discovery_port"),
        service_port=port_of(given.get("service_port"), f"{place}, service_port"),
        replicas=_replicas(given.get("replicas"), f"{place}, replicas"),
        node_selector=texts_of(given["node_selector"], f"{place}, node_selector") if "node_selector" in given else None,
        tolerations=_tolerations(given.get("tolerations"), f"{place}, tolerations") or None,
        node_ports=_node_ports(given.get("node_ports"), service_type, f"{place}, node_ports"),
        load_balancer_ip=_balancer_ip(given.get("load_balancer_ip"), service_type, f"{place}, load_balancer_ip"),
        load_balancer_source_ranges=_source_ranges(
            given.get("load_balancer_source_ranges"), service_type, f"{place}, load_balancer_source_ranges"
        ),
        external_traffic_policy=_traffic_policy(
            given.get("external_traffic_policy"), service_type, f"{place}, external_traffic_policy"
        ),
        disruption_budget=_disruption_budget(given, f"{place}, disruption_budget"),
    )


def _names_of(given: Mapping, peer: str, place: str) -> tuple[str, str]:
    """Return the names of the ingress and the egress gateway; FED307 for what cannot be one."""
    ingress = check_label(given.get("ingress", f"{peer}-ingress"), f"{place}, ingress", 62)
    egress = check_label(given.get("egress", f"{peer}-egress"), f"{place}, egress", 62)
    for kind, gateway in (("ingress", ingress), ("egress", egress)):
        if gateway[0] in "0123456789":
            refuse(
                "FED307",
                f"{place}, {kind}",
                f"is {gateway}; the name of a Service starts with a letter",
                f"Name the {kind} gateway",
            )
    for kind, gateway in (("ingress", ingress), ("egress", egress)):
        if is_reserved_gateway(gateway) and gateway not in RESERVED_GATEWAYS:
            refuse(
                "FED307",
                f"{place}, {kind}",
                f"is {gateway}, a name that the control plane uses itself",
                "Choose another name",
            )
    if ingress == egress or {ingress, egress} & set(RESERVED_GATEWAYS):
        refuse(
            "FED307",
            place,
            f"uses the names {ingress} and {egress}, which must differ from each other and from {RESERVED_GATEWAYS[0]} "
            f"and {RESERVED_GATEWAYS[1]}",
            "Choose other names, or leave them out",
        )
    return ingress, egress


def check_addresses(gateways: Gateways, place: str, *, same_cluster: bool, loopback: bool) -> None:
    """Refuse addresses of ours at which no peer in another cluster could reach us, or would reach itself."""
    given = [("addresses", address) for address in gateways.addresses]
    given += [("load_balancer_ip", gateways.load_balancer_ip)] if gateways.load_balancer_ip else []
    for key, address in given:
        reason = unfit(address, loopback=loopback, same_cluster=same_cluster)
        if reason:
            refuse(reason.code, f"{place}, {key}", f"holds {reason.what}", reason.fix)


def check_reach(gateways: Gateways, place: str, *, same_cluster: bool) -> None:
    """Refuse gateways that no peer could reach: FED308. ``place`` says where they are described."""
    if gateways.service_type == "NodePort" and not gateways.addresses:
        refuse(
            "FED308",
            f"{place}, gateways, addresses",
            "is empty, and a NodePort is reached at the addresses of nodes, which only a cluster administrator can"
            " list",
            "Give the nodes' addresses that the peer can reach",
        )
    if gateways.service_type == "ClusterIP" and not gateways.addresses and not same_cluster:
        refuse(
            "FED308",
            f"{place}, gateways, service_type",
            "is ClusterIP, which nobody outside this cluster can reach",
            "Set same_cluster: true for a peer in this cluster, give addresses, or choose LoadBalancer",
        )


def _replicas(value: object, place: str) -> int | None:
    number = whole_of(value, place)
    if number == 0:
        refuse("FED307", place, "is 0, so the peer would reach no pod", "Give 1 or more; suspended: true stops calls")
    return number


def _tolerations(value: object, place: str) -> tuple[Mapping, ...]:
    """Return tolerations; one with a word that the API server drops would tolerate more than it says."""
    entries = mappings_of(value, place)
    for number, entry in enumerate(entries, start=1):
        at = f"{place}, entry {number}"
        check_keys(entry, {*_TOLERATION, "tolerationSeconds"}, at)
        whole_of(entry.get("tolerationSeconds"), f"{at}, tolerationSeconds")
        for word, choices in _TOLERATION.items():
            given = entry.get(word, "")
            if not isinstance(given, str) or (given and choices and given not in choices):
                fix = f"Choose one of {', '.join(choices)}" if choices else "Write a text, numbers in quotes"
                refuse("FED307", f"{at}, {word}", f"is {given!r}", fix)
    return entries


def _node_ports(value: object, service_type: str, place: str) -> NodePorts:
    if value is None:
        return NodePorts()
    if not isinstance(value, Mapping):
        refuse("FED307", place, "is not a mapping", "Give it discovery and service, or one of them")
    check_keys(value, {"discovery", "service"}, place)
    if service_type == "ClusterIP":
        refuse(
            "FED307",
            place,
            "fixes node ports, and a ClusterIP has none",
            "Use service_type: NodePort, or leave them out",
        )
    ports = NodePorts(
        port_of(value.get("discovery"), f"{place}, discovery"), port_of(value.get("service"), f"{place}, service")
    )
    if ports.discovery and ports.discovery == ports.service:
        refuse("FED307", place, f"gives {ports.discovery} twice", "Each port needs its own node port")
    return ports


def _balancer_ip(value: object, service_type: str, place: str) -> str | None:
    if value is None:
        return None
    _need_balancer(service_type, place)
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        refuse("FED307", place, f"is {value}, which is not an IP address", "Give the address for the load balancer")


def _source_ranges(value: object, service_type: str, place: str) -> tuple[str, ...]:
    ranges = list_of(value, place)
    if ranges:
        _need_balancer(service_type, place)
    for entry in ranges:
        try:
            ipaddress.ip_network(str(entry))
        except ValueError:
            refuse("FED307", place, f"holds {entry}, which is not a range of addresses", "Write them as 192.0.2.0/24")
    return tuple(str(entry) for entry in ranges)


def _traffic_policy(value: object, service_type: str, place: str) -> str | None:
    if value is None:
        return None
    if service_type == "ClusterIP" or value not in ("Cluster", "Local"):
        refuse(
            "FED307",
            place,
            f"is {value} with service_type {service_type}",
            "Use Cluster or Local, with LoadBalancer or NodePort",
        )
    return str(value)


def _disruption_budget(given: Mapping, place: str) -> DisruptionBudget | None:
    value = given.get("disruption_budget")
    if value is None:
        return None
    if not isinstance(value, Mapping):
        refuse("FED307", place, "is not a mapping", "Give it min_available or max_unavailable")
    check_keys(value, {"min_available", "max_unavailable"}, place)
    parts = {key: _pods(part, f"{place}, {key}") for key, part in value.items()}
    if len(parts) != 1:
        refuse("FED307", place, "has not just one of min_available and max_unavailable", "Give one of the two")
    replicas = whole_of(given.get("replicas"), place) or 1
    budget = DisruptionBudget(**parts)
    keeps_all = budget.min_available == "100%" or (
        isinstance(budget.min_available, int) and budget.min_available >= replicas
    )
    if keeps_all or budget.max_unavailable in (0, "0%"):
        refuse(
            "FED307",
            place,
            f"lets none of {replicas} pods be evicted, so no node with one of them could be drained",
            "Give more replicas, or a budget that lets one go",
        )
    return budget


def _pods(value: object, place: str) -> int | str:
    if isinstance(value, str) and re.fullmatch(r"(100|[0-9]{1,2})%", value):
        return value
    number = whole_of(value, place)
    return 0 if number is None else number


def _need_balancer(service_type: str, place: str) -> None:
    if service_type != "LoadBalancer":
        refuse(
            "FED307",
            place,
            f"is for load balancers, and service_type is {service_type}",
            "Leave it out, or choose LoadBalancer",
        )
