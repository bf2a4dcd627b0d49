# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of causes: the rungs of a diagnosis."""

from __future__ import annotations

from .code import WARNING, Code

CAUSES: dict[str, Code] = {
    "FED940": Code(
        "Peering that is not there, or not in use",
        WARNING,
        "The ServiceMeshPeer does not exist, is being deleted, or has no address because the peer is "
        "suspended.",
        "Run `federate`, take `suspended` out, or bring `unfederate` to its end.",
    ),
    "FED941": Code(
        "Roots of the peer that are missing or unusable",
        WARNING,
        "istiod does not call a peer whose ConfigMap of roots is missing, and looks again only every 60 s. "
        "Roots that are no certificates break mutual TLS of new proxies.",
        "Run `federate` with the peer's card.",
    ),
    "FED942": Code(
        "Federation gateway that the control plane does not make",
        WARNING,
        "The ServiceMeshPeer names a gateway that is not in the control plane, is not `enabled: true`, or, "
        "before 2.3, sees another network than `network-<peer>`.",
        "Run `federate`, or correct the gateway where the control plane is kept in Git.",
    ),
    "FED943": Code(
        "Federation gateway that does not run",
        WARNING,
        "The Service of a gateway is missing or lacks port 15443 or 8188, or none of its pods is ready. istiod "
        "then says `no such host` or `connection refused`.",
        "See the ServiceMeshControlPlane's conditions, and the events and logs of the gateway's pods.",
    ),
    "FED944": Code(
        "Address that is missing, wrong or out of date",
        WARNING,
        "We call the peer where its card no longer says it is, our own ingress gateway has no address, or the "
        "peer has a card with our former one.",
        "Run `federate` with the peer's new card, or `publish_cards` and hand ours over; see why a load "
        "balancer gives no address.",
    ),
    "FED945": Code(
        "istiod that does not run or is locked",
        WARNING,
        "istiod is not ready, does not answer, or has not taken up a peer that is minutes old. It locks itself "
        "up for good when a peer is deleted while services are exported to it, and for minutes while a peer is "
        "silent.",
        "Restart istiod (`federation_restart_istiod: true`); suspend peers that do not answer.",
    ),
    "FED946": Code(
        "Name of the peer that does not resolve",
        WARNING,
        "The egress gateway cannot resolve the name among the peer's addresses. What other machines resolve "
        "proves nothing.",
        "Let the cluster's DNS forward the zone, or ask the peer for an address that is known everywhere.",
    ),
    "FED947": Code(
        "No connection to the peer",
        WARNING,
        "Connections of our egress gateway to the peer's address are refused, or get no answer. A firewall of "
        "either side, a NetworkPolicy, or a gateway that is gone look the same from here.",
        "Compare what both sides' firewalls let through (`publish_cards` prints it), and ask the peer whether "
        "its gateway listens.",
    ),
    "FED948": Code(
        "Certificate that the peer's roots did not sign",
        WARNING,
        "What answers at the peer's address has a certificate that our copy of the peer's roots does not vouch "
        "for: its roots are new, or something between ends TLS.",
        "Run `federate` with a new card of the peer; let load balancers pass TCP on (layer 4).",
    ),
    "FED949": Code(
        "Peer of another trust domain",
        WARNING,
        "The certificate at the peer's address is good and of another trust domain than our ServiceMeshPeer "
        "has.",
        "Run `federate` with the peer's card, then restart istiod; ask for a new card where the card is wrong.",
    ),
    "FED950": Code(
        "Our root that the peer does not know",
        WARNING,
        "The peer's gateway ends the handshake because it does not trust our certificate: it has not applied "
        "our card, or the card is older than our root.",
        "Run `publish_cards`, hand the card over, and let the peer run `federate`.",
    ),
    "FED951": Code(
        "Certificate out of its time, or a clock that is wrong",
        WARNING,
        "A gateway's certificate has expired or is not valid yet. Certificates of gateways last a day, so a "
        "clock that is a day off looks the same.",
        "Compare clocks; restart the gateway whose certificate is old and see istiod's log.",
    ),
    "FED952": Code(
        "Something that speaks no TLS",
        WARNING,
        "What answers at the peer's address is no TLS: a load balancer or proxy of HTTP.",
        "Use a load balancer that passes TCP on (layer 4).",
    ),
    "FED953": Code(
        "Refused by the peer's gateway (403)",
        WARNING,
        "The peer expects another client identity of us: its `clientID` is that of an older or another card.",
        "Hand our current card over, and let the peer run `federate`.",
    ),
    "FED954": Code(
        "Egress gateway without a route for discovery (404)",
        WARNING,
        "Our egress gateway has not got the route by which istiod calls the peer.",
        "See whether it is in sync with istiod; restart its pods.",
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
        "The status 503 has many causes: the address, a firewall, TLS, or a gateway that has nothing for us. "
        "Only the egress gateway's own Envoy and log tell them apart.",
        "Run `diagnose` with the rights of `playbooks/files/mesh-insight.yml`.",
    ),
    "FED957": Code(
        "Export of ours that is not offered, or cannot be called",
        WARNING,
        "No export rule fits the Service, its namespace is no member, or it has several ports, which "
        "federation cannot tell apart.",
        "Run `explain` for it, and correct `mesh_exports`, the members, or the Service.",
    ),
    "FED958": Code(
        "Watch that does not stay",
        WARNING,
        "The stream by which the peer tells of changes ended well and was not made again, or is cut after the "
        "same time again and again.",
        "Raise idle time-outs between the meshes, and see istiod's log for the peer's name.",
    ),
    "FED959": Code(
        "Connected, and no list comes",
        WARNING,
        "The watch is up, which proves little: the whole list of the peer's services has not come for several "
        "polls.",
        "See whether either istiod answers; restart the one that does not.",
    ),
    "FED960": Code(
        "Peer that does not call us",
        WARNING,
        "Each side polls the other. The peer's istiod does not call ours: we refuse it, it has suspended us, "
        "or something cuts it off.",
        "Compare `clientID` with the peer's card; ask the peer for its status.",
    ),
    "FED961": Code(
        "Service that the peer does not offer",
        WARNING,
        "The list of the peer lacks a service that we import.",
        "Ask the peer to export it, and compare the names in `mesh_imports` with its card.",
    ),
    "FED962": Code(
        "Service that is offered and not imported",
        WARNING,
        "None of our import rules takes it, or istiod has not applied the rules: from 2.2 on it takes an "
        "ImportedServiceSet that was made again for the old one.",
        "Run `explain` for it; change a rule once more, or restart istiod.",
    ),
    "FED963": Code(
        "Client that cannot resolve imported names",
        WARNING,
        "Imported names resolve in sidecars with DNS capture alone.",
        "Let a sidecar be injected, and leave DNS capture on.",
    ),
    "FED964": Code(
        "Import without an endpoint",
        WARNING,
        "The client's sidecar has the host, and no healthy pod of our egress gateway behind it.",
        "See the egress gateway's pods; where all are ejected, see why calls failed.",
    ),
    "FED965": Code(
        "Client that does not see the import",
        WARNING,
        "A Sidecar object hides the control plane's namespace, where imports live, or the sidecar has not got "
        "what istiod knows.",
        "Add `<control plane's namespace>/*` to the Sidecar's egress hosts; restart the pod where it is out of "
        "sync.",
    ),
    "FED966": Code(
        "Egress gateway that is out of date",
        WARNING,
        "A pod of our egress gateway has not got what istiod knows, or has no route for the service: a share "
        "of the calls fails.",
        "Restart the pod that the message names.",
    ),
    "FED967": Code(
        "Workload at the end that does not take the call",
        WARNING,
        "The answer came from the other end: its policy refuses, its pods are not ready, or the application "
        "fails. For our own exports the same is looked up here.",
        "Whose workload it is sees to its pods and AuthorizationPolicies: the peer's calls arrive as the "
        "ingress gateway for the peer.",
    ),
    "FED968": Code(
        "Peer's gateway that ends calls after the handshake",
        WARNING,
        "Discovery works, and connections for calls end without a byte: after a change of identity a running "
        "istiod keeps the old one for services.",
        "Hand our current card over; the peer runs `federate` and restarts istiod.",
    ),
    "FED969": Code(
        "Call that fails at the client",
        WARNING,
        "The call fails before it leaves our mesh, or on a connection that something between has forgotten: a "
        "rule that turns mutual TLS off, a connection pool that is full, an idle time-out.",
        "Correct the DestinationRule of the client; set `idle_timeout` in `mesh_traffic` below the time after "
        "which connections are dropped.",
    ),
}
