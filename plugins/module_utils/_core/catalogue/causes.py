# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of causes: the rungs of a diagnosis."""

from __future__ import annotations

from .code import WARNING, Code

CAUSES: dict[str, Code] = {
    "FED940": Code(
        "Peering missing or not in use",
        WARNING,
        "The ServiceMeshPeer does not exist, is being deleted, or has no address because it is suspended.",
        "Run `federate`, remove `suspended`, or let `unfederate` finish.",
    ),
    "FED941": Code(
        "Roots of the peer that are missing or unusable",
        WARNING,
        "istiod does not call a peer whose ConfigMap of roots is missing, and looks again only every 60 s. "
        "Roots that are not certificates break mutual TLS of new proxies.",
        "Run `federate` with the peer's card.",
    ),
    "FED942": Code(
        "Federation gateway that the control plane does not create",
        WARNING,
        "The ServiceMeshPeer names a gateway that is not in the control plane, is not `enabled: true`, or, before 2.3, "
        "has another network view than `network-<peer>`.",
        "Run `federate`, or correct the gateway in the Git repository of the control plane.",
    ),
    "FED943": Code(
        "Federation gateway that does not run",
        WARNING,
        "The Service of a gateway is missing or lacks port 15443 or 8188, or none of its pods is ready. istiod then "
        "logs `no such host` or `connection refused`.",
        "Look at the ServiceMeshControlPlane's conditions, and at the events and logs of the gateway's pods.",
    ),
    "FED944": Code(
        "Address that is missing, wrong or out of date",
        WARNING,
        "Our address of the peer is not the one on its card, our own ingress gateway has no address, or the peer has a "
        "card with our former address.",
        "Run `federate` with the peer's new card, or run `publish_cards` and hand our card over; find out why a load "
        "balancer has no address.",
    ),
    "FED945": Code(
        "istiod that does not run or is locked",
        WARNING,
        "istiod is not ready, does not answer, or has not processed a peer that is minutes old. It locks up "
        "permanently if a peer is deleted while services are exported to it, and for minutes while a peer does not "
        "answer.",
        "Restart istiod (`federation_restart_istiod: true`); suspend peers that do not answer.",
    ),
    "FED946": Code(
        "Name of the peer that does not resolve",
        WARNING,
        "The egress gateway cannot resolve a name among the peer's addresses. That other machines can resolve it "
        "proves nothing.",
        "Let the cluster's DNS forward the zone, or ask the peer for an address that resolves everywhere.",
    ),
    "FED947": Code(
        "No connection to the peer",
        WARNING,
        "Connections from our egress gateway to the peer's address are refused, or get no answer. A firewall on either "
        "side, a NetworkPolicy and a missing gateway look the same from here.",
        "Check that the firewalls of both sides allow the connection (`publish_cards` prints the rules), and ask the "
        "peer whether "
        "its gateway listens.",
    ),
    "FED948": Code(
        "Certificate that the peer's roots did not sign",
        WARNING,
        "Our copy of the peer's roots does not verify the certificate at the peer's address: its roots are new, or "
        "something between terminates TLS.",
        "Run `federate` with a new card of the peer; let load balancers forward TCP (layer 4).",
    ),
    "FED949": Code(
        "Peer of another trust domain",
        WARNING,
        "The certificate at the peer's address is valid, but its trust domain is not the one in our ServiceMeshPeer.",
        "Run `federate` with the peer's card, then restart istiod; ask for a new card if the card is wrong.",
    ),
    "FED950": Code(
        "Our root that the peer does not know",
        WARNING,
        "The peer's gateway ends the handshake because it does not trust our certificate: the peer has not applied our "
        "card, or the card is older than our root.",
        "Run `publish_cards`, hand the card over, and let the peer run `federate`.",
    ),
    "FED951": Code(
        "Certificate expired or not yet valid, or a wrong clock",
        WARNING,
        "A gateway's certificate has expired or is not valid yet. Certificates of gateways are valid for a day, so a "
        "clock that is a day off looks the same.",
        "Compare the clocks; restart the gateway whose certificate is old, and look at istiod's log.",
    ),
    "FED952": Code(
        "No TLS at the peer's address",
        WARNING,
        "The peer's address answers without TLS: it is probably an HTTP load balancer or proxy.",
        "Use a load balancer that forwards TCP (layer 4).",
    ),
    "FED953": Code(
        "Refused by the peer's gateway (403)",
        WARNING,
        "The peer expects another client identity from us: its `clientID` comes from an older or another card.",
        "Hand our current card over, and let the peer run `federate`.",
    ),
    "FED954": Code(
        "Egress gateway without a route for discovery (404)",
        WARNING,
        "Our egress gateway lacks the route by which istiod calls the peer.",
        "Check whether it is in sync with istiod; restart its pods.",
    ),
    "FED955": Code(
        "Peer that does not know us (400)",
        WARNING,
        "The peer's istiod has no ServiceMeshPeer for us, or is deleting it.",
        "Ask the peer to run `federate`, or leave the peering.",
    ),
    "FED956": Code(
        "Discovery that is unavailable (503)",
        WARNING,
        "The status 503 has many causes: the address, a firewall, TLS, or a gateway without a route for us. "
        "Only the egress gateway's Envoy and log tell them apart.",
        "Run `diagnose` with the rights of `playbooks/files/mesh-insight.yml`.",
    ),
    "FED957": Code(
        "Our export that is not offered, or cannot be called",
        WARNING,
        "No export rule matches the Service, its namespace is not a member, or it has several ports, which federation "
        "cannot tell apart.",
        "Run `explain` for it, and correct `mesh_exports`, the members, or the Service.",
    ),
    "FED958": Code(
        "Watch that does not stay connected",
        WARNING,
        "The stream by which the peer reports changes ended without an error and was not opened again, or is "
        "repeatedly cut after the same time.",
        "Raise idle timeouts between the meshes, and search istiod's log for the peer's name.",
    ),
    "FED959": Code(
        "Connected, but no list of services",
        WARNING,
        "The watch is connected, which proves little: for several polls the full list of the peer's services has not "
        "arrived.",
        "Check whether both istiods answer; restart the one that does not.",
    ),
    "FED960": Code(
        "Peer that does not call us",
        WARNING,
        "Each side polls the other. The peer's istiod does not call ours: we refuse it, it has suspended us, or the "
        "connection is blocked.",
        "Compare `clientID` with the peer's card; ask the peer for its status.",
    ),
    "FED961": Code(
        "Service that the peer does not offer",
        WARNING,
        "The peer's list lacks a service that we import.",
        "Ask the peer to export it, and compare the names in `mesh_imports` with its card.",
    ),
    "FED962": Code(
        "Service that is offered but not imported",
        WARNING,
        "None of our import rules matches it, or istiod has not applied the rules: from 2.2 on it can mistake a "
        "re-created ImportedServiceSet for the old one.",
        "Run `explain` for it; change a rule again, or restart istiod.",
    ),
    "FED963": Code(
        "Client that cannot resolve imported names",
        WARNING,
        "Imported names resolve only in sidecars with DNS capture.",
        "Let a sidecar be injected, and leave DNS capture on.",
    ),
    "FED964": Code(
        "Import without an endpoint",
        WARNING,
        "The client's sidecar has the host, but no healthy pod of our egress gateway for it.",
        "Look at the egress gateway's pods; if all are ejected, find out why calls failed.",
    ),
    "FED965": Code(
        "Client that does not see the import",
        WARNING,
        "A Sidecar object hides the control plane's namespace, where imports are, or the sidecar is not in sync with "
        "istiod.",
        "Add `<control plane's namespace>/*` to the Sidecar's egress hosts; restart the pod if it is out of sync.",
    ),
    "FED966": Code(
        "Egress gateway that is out of date",
        WARNING,
        "A pod of our egress gateway is not in sync with istiod, or has no route for the service: a share of the calls "
        "fails.",
        "Restart the pod that the message names.",
    ),
    "FED967": Code(
        "Target workload that does not accept the call",
        WARNING,
        "The answer came from the other end: its policy refuses, its pods are not ready, or the application fails. For "
        "our own exports this side is checked.",
        "The owner of the workload checks its pods and AuthorizationPolicies: calls of the peer arrive with the "
        "identity of the ingress gateway for that peer.",
    ),
    "FED968": Code(
        "Peer's gateway that ends calls after the handshake",
        WARNING,
        "Discovery works, but connections for calls close without a byte: after a change of identity a running istiod "
        "keeps the old one for services.",
        "Hand our current card over; the peer runs `federate` and restarts istiod.",
    ),
    "FED969": Code(
        "Call that fails at the client",
        WARNING,
        "The call fails before it leaves our mesh, or on a connection that a device between has dropped. Causes are a "
        "rule that turns mutual TLS off, a full connection pool, or an idle timeout.",
        "Correct the DestinationRule of the client; set `idle_timeout` in `mesh_traffic` below the time after which "
        "idle connections are dropped.",
    ),
}
