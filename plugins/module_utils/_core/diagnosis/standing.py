# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rungs from the objects to istiod: what stands in our own cluster. All of them are ours to mend.

Sources: OpenShift Service Mesh documentation, "Federation"; maistra/istio ``pkg/servicemesh/federation``. A deviation
without a symptom is drift, and the playbook ``drift`` shows it: here it counts only where something does not work.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from ..peering import status
from ..plain.addresses import is_address
from ..plain.data import at, items, mapping, some, strings
from ..plain.moments import time_of
from .evidence import SERVICE, Evidence
from .reasons import NONE
from .steps import Step, either, holds, ours, unknown

NEEDED = (15443, 8188)
OWN_GATEWAYS = ("istio-ingressgateway", "istio-egressgateway")
TAKEN_UP = timedelta(minutes=3)
NETWORKS_FROM = (2, 3)


def objects(seen: Evidence) -> Step:
    """Whether the ServiceMeshPeer and its roots are there, and meant to be used."""
    place = f"ServiceMeshPeer {seen.namespace}/{seen.peer}"
    if seen.peer_object is None:
        if "peer_object" in seen.unread:
            return unknown(f"{place} may not be read")
        return ours(
            "FED940", f"{place} does not exist", "this mesh has not federated with this peer yet", "Run federate"
        )
    if at(seen.peer_object, "metadata", "deletionTimestamp"):
        return ours(
            "FED940",
            f"{place} is being deleted",
            "it was deleted and waits for istiod",
            "Run unfederate to its end, or federate again",
        )
    if status.is_suspended(seen.peer_object):
        return ours(
            "FED940",
            f"{place} has no address",
            "we have suspended the peer",
            "Set suspended: false for it in mesh_peers, and run federate",
        )
    name = str(at(seen.security, "certificateChain", "name") or f"{seen.peer}-ca-root-cert")
    bundle = f"ConfigMap {seen.namespace}/{name}"
    if seen.bundle is None:
        if "bundle" in seen.unread:
            return unknown(f"{place} exists; {bundle} may not be read")
        return ours(
            "FED941",
            f"{bundle} does not exist",
            "istiod does not call a peer without its roots",
            "Run federate with the peer's card",
        )
    if seen.bundle.get("problem"):
        return ours(
            "FED941",
            f"{bundle} {seen.bundle['problem']}",
            "proxies cannot use these roots",
            "Run federate with the peer's card",
        )
    return holds(f"{place} and {bundle} exist")


def gateways(seen: Evidence) -> Step:
    """Whether the control plane has both gateways, under the names that the ServiceMeshPeer gives."""
    if seen.peer_object is None:
        return unknown("there is no ServiceMeshPeer that names them")
    for kind, key in (("egress", "additionalEgress"), ("ingress", "additionalIngress")):
        name = str(at(seen.peer_object, "spec", "gateways", kind, "name") or "")
        if name in OWN_GATEWAYS:
            continue
        found = _said(seen, "gateways", key, name)
        place = f"spec.gateways.{key}.{name}"
        if not isinstance(found, Mapping):
            return ours(
                "FED942",
                f"{place} is not in the control plane",
                "the ServiceMeshPeer names a gateway that the control plane does not create",
                "Run federate",
            )
        if found.get("enabled") is not True:
            return ours(
                "FED942",
                f"{place}.enabled is not true",
                "the operator makes no gateway without it",
                "Run federate, or set it",
            )
        views = strings(found.get("requestedNetworkView"))
        is_old = seen.version is not None and seen.version < NETWORKS_FROM
        if kind == "egress" and is_old and f"network-{seen.peer}" not in views:
            return ours(
                "FED942",
                f"{place}.requestedNetworkView is {some(views) or 'empty'}",
                f"before 2.3 a gateway without network-{seen.peer} sees no endpoint of the peer",
                f"Set it to [network-{seen.peer}]",
            )
    return holds("the control plane has both gateways")


def _said(seen: Evidence, *path: str) -> object:
    live = seen.control_plane
    return at(live, "spec", *path) or at(live, "status", "appliedSpec", *path)


def services(seen: Evidence) -> Step:
    """Whether both gateways have their Services with both ports, and pods that are ready."""
    missing = []
    for kind, name in (("egress", seen.egress), ("ingress", seen.ingress)):
        step = _service(seen, kind, name)
        if step is not None and step.state == "fails":
            return step
        missing += [step.seen] if step is not None else []
    said = seen.disconnect
    if said.startswith("dial ") or "no such host" in said:
        return ours(
            "FED943",
            f"istiod says: {said}",
            "istiod does not reach our own egress gateway",
            "See the Service and pods of the egress gateway",
        )
    return unknown("; ".join(missing)) if missing else holds("both Services have their ports, and pods are ready")


def _service(seen: Evidence, kind: str, name: str) -> Step | None:
    """Return what is wrong with one gateway's Service, an unknown step where it was not read, None where nothing is."""
    if seen.services is None or name not in seen.services:
        return unknown(f"Service {name} was not read")
    place, live = f"Service {seen.namespace}/{name}", seen.services[name]
    if live is None:
        return ours(
            "FED943",
            f"{place} does not exist",
            "the operator has not created it, or somebody deleted it",
            "See the ServiceMeshControlPlane's conditions",
        )
    lacking = [port for port in NEEDED if port not in [entry.get("port") for entry in items(at(live, "spec", "ports"))]]
    if lacking:
        return ours(
            "FED943",
            f"{place} has no port {some([str(port) for port in lacking])}",
            "federation needs both",
            "Run federate",
        )
    counted = (seen.pods or {}).get(name)
    if counted is None:
        return unknown(f"pods of {name} were not read")
    link = seen.outbound if kind == "egress" else seen.inbound
    if not counted.get("ready") and link.state == status.CONNECTED:
        return unknown(f"no pod of the {kind} gateway {name} was found ready, and its connection is up")
    if not counted.get("ready"):
        return ours(
            "FED943",
            f"none of the {counted.get('all', 0)} pods of the {kind} gateway {name} is ready",
            "they do not start, or are not there",
            "See the pods' events and logs",
        )
    return None


def addresses(seen: Evidence) -> Step:
    """Whether we call the peer where its card says, and can be called where ours says."""
    for address in seen.addresses:
        if not is_address(address):
            found = f"the ServiceMeshPeer has the address {address!r}, which is neither an IP address nor a DNS name"
            return ours(
                "FED944", found, "istiod drops all addresses where one is wrong", "Run federate with the peer's card"
            )
    if seen.card is not None and not seen.is_listening:
        card = mapping(seen.card)
        if set(strings(card.get("addresses"))) != set(seen.addresses):
            return _moved(
                seen,
                f"our ServiceMeshPeer calls {some(seen.addresses)}, and the peer's card says"
                f" {some(strings(card.get('addresses')))}",
            )
        if card.get("discovery_port") != seen.remote.get("discoveryPort", 8188):
            return _moved(
                seen,
                f"our ServiceMeshPeer calls port {seen.remote.get('discoveryPort', 8188)}, and the card says"
                f" {card.get('discovery_port')}",
            )
    if seen.card is not None and seen.failure(SERVICE) != NONE:
        port = mapping(seen.card).get("service_port")
        if port != seen.remote.get("servicePort", 15443):
            return _moved(
                seen,
                f"our ServiceMeshPeer calls port {seen.remote.get('servicePort', 15443)}, and the peer's card says"
                f" {port}",
            )
    return _our_own(seen)


def _moved(seen: Evidence, found: str) -> Step:
    if seen.is_card_older:
        return either(
            "FED944",
            found,
            "one of the two is out of date: the ServiceMeshPeer was written after that card was made",
            "Run federate with the peer's newest card",
            "At which address and ports does your ingress gateway for us listen now? Please send a new card.",
        )
    return ours(
        "FED944", found, "the peer has moved, and its new card was not applied", "Run federate with the peer's new card"
    )


def _our_own(seen: Evidence) -> Step:
    live = mapping((seen.services or {}).get(seen.ingress))
    balanced = items(at(live, "status", "loadBalancer", "ingress"))
    # What the inventory gives goes onto our card, whatever the Service has.
    own = list(seen.given_addresses) or [str(entry.get("hostname") or entry.get("ip")) for entry in balanced]
    if seen.inbound.state == status.CONNECTED:
        return holds(f"we call {some(seen.addresses)}; the peer reaches us")
    if at(live, "spec", "type") == "LoadBalancer" and not own:
        return ours(
            "FED944",
            f"Service {seen.namespace}/{seen.ingress} has no address",
            "the cloud provides none: no load balancer, no quota, or one of another kind",
            "See the Service's events; without a load balancer, set service_type: NodePort in mesh_gateways",
        )
    handed = strings(mapping(seen.handed).get("addresses"))
    if own and handed and not set(own) & set(handed):
        return ours(
            "FED944",
            f"our ingress gateway is at {some(own)}, and the card that we gave to the peer says {some(handed)}",
            "our address has moved",
            "Run publish_cards, and hand the new card over",
            f"Our address is now {some(own)}. Please run federate with our new card.",
        )
    return holds(f"we call {some(seen.addresses)}")


def istiod(seen: Evidence) -> Step:
    """Whether istiod runs, answers, and has taken the peer up."""
    counted = (seen.pods or {}).get("istiod")
    if counted is not None and not counted.get("ready"):
        return ours(
            "FED945",
            f"none of the {counted.get('all', 0)} pods of istiod is ready",
            "nothing is decided without it",
            "See the pods' events and logs",
        )
    if seen.istiod.get("answers") is False:
        return ours(
            "FED945",
            "istiod does not answer in time when it is asked for its services",
            "it waits for a lock: an unreachable peer blocks it for minutes, and a peer that was deleted while "
            "services were exported to it forever",
            "Restart istiod (federation_restart_istiod: true); suspend peers that do not answer",
        )
    made = time_of(at(seen.peer_object, "metadata", "creationTimestamp"))
    if seen.peer_object is not None and not seen.has_status:
        if made is not None and seen.now - made > TAKEN_UP:
            return ours(
                "FED945",
                f"istiod has written no status for a peer of {status.age(int((seen.now - made).total_seconds()))}",
                "it has locked itself up, or cannot use the ServiceMeshPeer",
                "See its log for the peer's name; restart istiod (federation_restart_istiod: true)",
            )
        return unknown("istiod has not processed the peer yet; that takes up to a minute")
    return (
        holds("istiod runs and has processed the peer") if seen.has_status else unknown("there is no ServiceMeshPeer")
    )
