# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of what would be skipped in silence."""

from __future__ import annotations

from .code import WARNING, Code

SILENCE: dict[str, Code] = {
    "FED701": Code(
        "Network view does not fit the peer",
        WARNING,
        "The egress gateway must look into `network-<peer>`. Up to 2.2, and later as soon as a second network is configured, calls fail "
        "with no healthy upstream while discovery works.",
        "Set `requestedNetworkView: [network-<name of the ServiceMeshPeer>]` on the egress gateway; `federate` writes it.",
    ),
    "FED702": Code(
        "Gateway not enabled",
        WARNING,
        "The operator makes an additional gateway only when `enabled` is literally true; left out means no gateway, whatever "
        "the documentation says.",
        "Write `enabled: true` for the gateway; `federate` does.",
    ),
    "FED703": Code(
        "Gateway in another namespace",
        WARNING,
        "istiod looks for the gateway's Service in the control plane's namespace only, and finds nothing.",
        "Take `namespace` out of the gateway.",
    ),
    "FED704": Code(
        "Peer's gateway is not in the control plane",
        WARNING,
        "A ServiceMeshPeer names its gateways by their keys under `additionalIngress` and `additionalEgress`. A name that is not there "
        "leads to no discovery or no endpoints, and nothing says so.",
        "Correct `spec.gateways` of the peer, or add the gateway; `federate` keeps both.",
    ),
    "FED705": Code(
        "Name too long",
        WARNING,
        "The operator and istiod build labels of at most 63 characters out of these names.",
        "Keep a peer's name within 55 characters, and a gateway's name together with the control plane's namespace within 62.",
    ),
    "FED706": Code(
        "Gateway without a federation label",
        WARNING,
        "`federation.maistra.io/ingress-for` and `egress-for` keep the selectors of gateways apart. Without them one Service can select "
        "another gateway's pods.",
        "A gateway that stands keeps its labels: they are part of the Deployment's selector, which is immutable. Leave it as it is while no other "
        "Service selects its pods. Otherwise make a gateway of another name that has the label (one that this collection makes has it), name it "
        "for the peer (`gateways` in `mesh_peers`), give the peer the new card, and remove the old gateway.",
    ),
    "FED707": Code(
        "User Gateways bind to a federation ingress",
        WARNING,
        "Federation ingress pods carry the label `istio: ingressgateway`, so a Gateway that selects by this label alone opens "
        "its ports there too.",
        "Select the ordinary ingress by `app: istio-ingressgateway` as well, or give federation gateways another `istio` label "
        "from the start.",
    ),
    "FED708": Code(
        "Stray Route to a federation ingress",
        WARNING,
        "Unless `routeConfig.enabled` is false the chart adds an OpenShift Route to port 8080, which this gateway does not serve.",
        "Set `routeConfig: {enabled: false}` on the gateway, where the ServiceMeshControlPlane has the field; `federate` does.",
    ),
    "FED709": Code(
        "One ingress gateway for several peers",
        WARNING,
        "Each peer's rules deny the other, and both claim every host: 403, or one peer is served the other's list.",
        "Give each ServiceMeshPeer an ingress gateway of its own.",
    ),
    "FED710": Code(
        "One egress gateway for several peers",
        WARNING,
        "The documentation demands one each, and both peers then see the same client identity, so neither can be told apart or "
        "cut off alone.",
        "Give each ServiceMeshPeer an egress gateway of its own.",
    ),
    "FED711": Code(
        "Peer called like the control plane's cluster",
        WARNING,
        "istiod keeps both in one registry, so the peer is never started; only the log says that the registry belongs to another provider.",
        "Give the ServiceMeshPeer another name, or change `spec.cluster.name`.",
    ),
    "FED712": Code(
        "Cluster domain is not cluster.local",
        WARNING,
        "The operator's DestinationRule that lets gateways speak TLS to istiod's port 8188 is fixed to `svc.cluster.local`, so "
        "peers that ask for our list fail.",
        "Add an equivalent DestinationRule for `istiod-<control plane>.<namespace>.svc.<cluster domain>`.",
    ),
    "FED713": Code(
        "Gateway's ports do not serve federation",
        WARNING,
        "Federation needs ports 15443 (services) and 8188 (discovery), each with itself as target: endpoints are found by the target port.",
        "List both ports and leave `targetPort` out.",
    ),
    "FED714": Code(
        "Load balancer is not layer 4",
        WARNING,
        "A classic AWS load balancer, or any that ends TLS or speaks HTTP, breaks the TLS between the gateways.",
        "Annotate the Service `service.beta.kubernetes.io/aws-load-balancer-type: nlb` before it is made; an existing balancer "
        "must be made anew.",
    ),
    "FED715": Code(
        "Gateway's Service is missing",
        WARNING,
        "The control plane is ready and asks for the gateway, and its Service is not there: no address and no endpoints.",
        "Look at the operator's log and at the events of the ServiceMeshControlPlane.",
    ),
    "FED716": Code(
        "External IPs not applied",
        WARNING,
        "Control planes 2.2 and 2.3 leave `externalIPs` of a gateway out of its Service (OSSM-1396, OSSM-1052).",
        "Patch the Service, and check it after every reconcile, or upgrade the control plane.",
    ),
    "FED717": Code(
        "No NetworkPolicy lets peers in",
        WARNING,
        "Control plane 2.1.0 makes no NetworkPolicy for additional ingress gateways (MAISTRA-2411); what is not a member is "
        "then refused, and peers see 503.",
        "Make a NetworkPolicy that opens the gateway's ports 15443 and 8188, or take a newer patch release.",
    ),
    "FED718": Code(
        "Member workloads do not use mTLS by themselves",
        WARNING,
        "Sidecars must reach the egress gateway's port 15443 with mTLS. With `automtls: false` and no `mtls: true` they speak "
        "plain text, and calls fail.",
        "Leave `spec.security.dataPlane.automtls` out, or set `dataPlane.mtls: true`.",
    ),
    "FED719": Code(
        "Peer's trust domain is an alias of ours",
        WARNING,
        "Policies take the identities of an alias for the mesh's own, so the peer's workloads pass as ours.",
        "Take the peer's trust domain out of the aliases.",
    ),
    "FED720": Code(
        "EndpointSlices switched off",
        WARNING,
        "From 2.3 on federation finds its gateways' endpoints by EndpointSlices only (OSSM-1962).",
        "Take `PILOT_USE_ENDPOINT_SLICE` out of `spec.runtime.components.pilot.container.env`.",
    ),
    "FED721": Code(
        "Federation switched off",
        WARNING,
        "`PILOT_ENABLE_FEDERATION` is false, so istiod looks at no peer.",
        "Take it out of `spec.runtime.components.pilot.container.env`; federation is on by default.",
    ),
    "FED722": Code(
        "Egress gateway may get endpoints of other networks",
        WARNING,
        "With several networks, control planes 2.3 and 2.4 up to an unknown patch release hand a federation egress endpoints "
        "of other networks (OSSM-3644).",
        "Take the newest patch release, and compare the egress gateway's endpoints.",
    ),
    "FED723": Code(
        "istiod may lock up with many members",
        WARNING,
        "Control plane 2.3 up to an unknown patch release deadlocks with many members (OSSM-3025). The notes give no number.",
        "Take the newest patch release of 2.3, or upgrade.",
    ),
    "FED724": Code(
        "Failover by locality may not work",
        WARNING,
        "With control planes 2.1 to 2.3 up to an unknown patch release failover to a peer by locality does not work (OSSM-1211).",
        "Take the newest patch release, and try the failover before relying on it.",
    ),
    "FED725": Code(
        "Not supported on this managed cluster",
        WARNING,
        "The documentation of 2.1 excludes federation on OpenShift Dedicated, ROSA and ARO.",
        "Upgrade the control plane to 2.2 or later.",
    ),
    "FED726": Code(
        "Control plane not ready",
        WARNING,
        "The operator has not finished, so what stands on the cluster may not be what the control plane asks for.",
        "Look at the conditions of the ServiceMeshControlPlane, and run again when it is ready.",
    ),
    "FED730": Code(
        "Client identity malformed",
        WARNING,
        "istiod compares it letter by letter and puts `spiffe://` before it itself. With the prefix, without the five parts, or of another "
        "trust domain every call is refused (403); a wildcard admits too much.",
        "Write `<trust domain>/ns/<namespace>/sa/<service account>`; the peer's card has it.",
    ),
    "FED731": Code(
        "Client identity missing",
        WARNING,
        "Without `clientID` there is no authorization at all: any identity of any trusted domain may discover and call. "
        "Nothing but a log line says so.",
        "Set `spec.security.clientID`; the peer's card has it.",
    ),
    "FED732": Code(
        "Peer without a trust domain of its own",
        WARNING,
        "When the peer's trust domain is ours, or not given, istiod does not read its roots: TLS fails unless both meshes share a root.",
        "Give every mesh a trust domain of its own, and write the peer's into `spec.security.trustDomain`.",
    ),
    "FED733": Code(
        "Two peers with one trust domain",
        WARNING,
        "istiod keeps one bundle per trust domain, so the two overwrite each other.",
        "Give every mesh of a federation a trust domain of its own.",
    ),
    "FED734": Code(
        "Peer's roots missing",
        WARNING,
        "The ConfigMap, or its key `root-cert.pem`, is not there. istiod gives up on the peer until its next resync, without a status.",
        "Create the ConfigMap before the peer; `federate` keeps the order.",
    ),
    "FED735": Code(
        "Peer's roots cannot be read",
        WARNING,
        "Every proxy of the mesh gets the text as it stands. Running ones keep their old bundles, new ones fail every "
        "handshake, also inside the mesh; "
        "an empty text is dropped without a word.",
        "Give whole certificates, each block on lines of its own.",
    ),
    "FED736": Code(
        "Private key among a peer's roots",
        WARNING,
        "Every proxy of the mesh is handed the key, in silence.",
        "Take it out at once, and replace the key on its own mesh.",
    ),
    "FED737": Code(
        "Peer's roots verify nothing",
        WARNING,
        "They are accepted, but no certificate of the peer ever verifies by them: a workload's certificate, an intermediate without the root "
        "that signed it, a CA whose limits exclude SPIFFE identities.",
        "Give the peer's self-signed root; intermediates only beside it.",
    ),
    "FED738": Code(
        "Root expired or about to",
        WARNING,
        "What an expired root signed is refused at every handshake. Thirty days are what a rotation with a partner should have at least.",
        "Rotate the root on its own mesh, announce the next one with `mesh_extra_roots`, and hand the new cards over.",
    ),
    "FED739": Code(
        "Roots in another kind than ConfigMap",
        WARNING,
        "istiod knows ConfigMap only. With Secret it logs `unknown Kind`, and the peer is dead without a status.",
        "Put the root certificates into a ConfigMap, and name it with `kind: ConfigMap`.",
    ),
    "FED740": Code(
        "Address that istiod cannot use",
        WARNING,
        "One address with a scheme, a port, an underscore, or without any text makes istiod drop all addresses of the peer, the good ones too. "
        "A loopback, link-local or multicast address leads back to the pod that calls, or to its node.",
        "Write plain IP addresses or DNS names that this cluster reaches; ports have fields of their own.",
    ),
    "FED741": Code(
        "Peer without an address",
        WARNING,
        "An empty list is accepted and leads nowhere.",
        "Write the address of the peer's ingress gateway that serves us; the peer's card has it.",
    ),
    "FED742": Code(
        "Peering differs from the peer's card",
        WARNING,
        "What this mesh has of its peer is not what the peer says of itself, so discovery or calls fail on one side.",
        "Compare with the peer's administrator; `federate` writes what the card says, a peering made by hand only with `adopt: true`.",
    ),
    "FED743": Code(
        "A dead peer that stalls istiod",
        WARNING,
        "Each poll of a peer that does not answer is retried for up to two minutes, and istiod cannot list services meanwhile: "
        "new endpoints of the "
        "whole mesh are late. Before 2.5 it polls every five minutes, from 2.5 on every minute, so that it may be blocked most "
        "of the time.",
        "Check the way to the peer's address. Remove a peer that does not come back, or set `suspended: true` until it does.",
    ),
    "FED744": Code(
        "istiod does not take the peer up",
        WARNING,
        "A peer has a status within moments. One without has broken roots or a broken kind, or istiod is locked since another "
        "peer was deleted while services were exported to it.",
        "Fix what else is said of the peer, then restart istiod: `oc rollout restart deployment/istiod-<control plane>`.",
    ),
    "FED745": Code(
        "Peer deleted while services are exported to it",
        WARNING,
        "istiod then locks itself: no peer is added, changed or removed any more, and nothing is logged.",
        "Restart istiod, then remove the set of exports. Next time empty it first; `unfederate` keeps the order.",
    ),
    "FED746": Code(
        "Imports left behind",
        WARNING,
        "The peer is gone and its set of imports still lists services. The list is stale, and routes may stay in istiod until it restarts.",
        "Remove the ImportedServiceSet and restart istiod.",
    ),
    "FED747": Code(
        "Set without a peer of its name",
        WARNING,
        "istiod finds a peer's rules by the name of the ServiceMeshPeer. Rules of any other name are never used, and no status "
        "ever appears.",
        "Give the set the name of the ServiceMeshPeer, in the same namespace.",
    ),
    "FED748": Code(
        "Federation object in another namespace",
        WARNING,
        "istiod reads peers and sets in the control plane's namespace only; elsewhere they are ignored in silence.",
        "Move it into the control plane's namespace.",
    ),
    "FED749": Code(
        "Peers may not be able to build our chain",
        WARNING,
        "Gateways of 2.1.0 do not send the intermediate of a plugged-in CA (MAISTRA-2687), so a peer that has the root alone "
        "cannot verify them.",
        "Announce the intermediate beside the root (`mesh_extra_roots`), or take a newer patch release.",
    ),
    "FED750": Code(
        "Wasm image that nobody may pull",
        WARNING,
        "Extensions are pulled by proxies or by the mesh's cache, not by the node: the cluster's own pull secret does not count there. Where "
        "a registry wants a login, an extension without a pull secret never arrives.",
        "Name a pull secret of the extension's own namespace, or serve the image from a registry that is open to the proxies.",
    ),
    "FED751": Code(
        "Pull secret missing",
        WARNING,
        "A pull secret is looked for in the namespace of what names it, and nowhere else. What pulls goes on without it and is refused by "
        "the registry.",
        "Make the Secret (type kubernetes.io/dockerconfigjson) in that namespace, or correct the name.",
    ),
    "FED752": Code(
        "Image cannot be pulled",
        WARNING,
        "A pod of the control plane waits for an image. While it does, its component is not ready or stays at its old version.",
        "Correct the image's name, add the registry's credentials to the cluster's pull secret or name one under `imagePullSecrets`, or let the "
        "node reach the registry; kubelet tries again by itself.",
    ),
    "FED753": Code(
        "Tokens of another issuer",
        WARNING,
        "On ROSA and some newer OpenShift clusters service account tokens are bound and name another issuer. A control plane that expects first-party tokens "
        "does not accept its proxies by them.",
        "Set `security.identity.type: ThirdParty` in `mesh_control_plane_spec`.",
    ),
    "FED754": Code(
        "Control plane called default",
        WARNING,
        "The release notes list that a control plane of v2.3 called `default` fails to deploy (OSSM-2042); which patch release ends that they do not say.",
        "Where it is not ready, make a control plane of another name in a new namespace and move the members to it.",
    ),
    "FED757": Code(
        "Namespace that is not a member yet",
        WARNING,
        "The member roll lists it, or it asked to join by itself, and the operator has not added it to the mesh. Its workloads get no sidecar, and "
        "nothing of it is exported.",
        "Look at the member roll's `status.memberStatuses` and at the operator's log for its reason.",
    ),
    "FED760": Code(
        "Rule offers the control plane",
        WARNING,
        "A rule for everything, or for the control plane's namespace, exports istiod, gateways and telemetry too.",
        "Name member namespaces, or select by labels.",
    ),
    "FED761": Code(
        "Exported service with several ports",
        WARNING,
        "It is exported and imported, but calls fail: the routes between gateways name no port, so Istio looks for 15443 and "
        "finds nothing.",
        "Export one Service per port: make one with the same selector and that port alone.",
    ),
    "FED762": Code(
        "Two services under one exported name",
        WARNING,
        "istiod stops writing the set's status, and the importer keeps one of the two.",
        "Give one of them another alias.",
    ),
    "FED763": Code(
        "Alias is no DNS label",
        WARNING,
        "istiod does not export a service whose alias is no DNS label, and says so in its log only.",
        "Use lower-case letters, digits and hyphens, at most 63 characters.",
    ),
    "FED764": Code(
        "exportTo holds an exported service back, sometimes",
        WARNING,
        "The annotation counts only when istiod looks at all services again. Whether the service is exported depends on what "
        "came first, and an exported one stays.",
        "Decide by the rules whether it is exported, and do not rely on the annotation.",
    ),
    "FED765": Code(
        "Rule names a service outside the mesh",
        WARNING,
        "ExternalName Services and ServiceEntries that are not MESH_INTERNAL are never exported.",
        "Export the service that stands behind it, in the mesh that has it.",
    ),
    "FED766": Code(
        "Rule that istiod passes over",
        WARNING,
        "A rule whose type is unknown, whose selector does not belong to its type, or whose label selector is invalid does not "
        "count, without a word.",
        "Correct the rule: `type: NameSelector` with `nameSelector`, or (exports only) `LabelSelector` with `labelSelector`.",
    ),
    "FED767": Code(
        "Rule never reached",
        WARNING,
        "The first rule that matches decides, and an earlier one matches all that this one does, so its alias is never applied.",
        "Put the specific rule first, or drop it.",
    ),
    "FED768": Code(
        "Headless service exported",
        WARNING,
        "The peer reaches it under one name, balanced over its pods; the names of single pods do not exist there.",
        "Export one Service per pod where clients need single pods.",
    ),
    "FED769": Code(
        "Exported service without a TCP port",
        WARNING,
        "A service without ports, or with UDP ports only, is exported and listed and cannot be reached.",
        "Give it a TCP port, or leave it out.",
    ),
    "FED770": Code(
        "Port without a protocol",
        WARNING,
        "The protocol comes from the port's name or `appProtocol`, since detection is off in OpenShift's profiles. Without it the peer "
        "gets plain TCP: no retries, no routes, and an address that may collide with other TCP imports.",
        "Name the port for its protocol: `http` or `grpc-api` for requests, `tcp-postgres` and the like for a database, a queue or anything else "
        "that is not HTTP. Or set `appProtocol`.",
    ),
    "FED771": Code(
        "Rule for a service that is not there",
        WARNING,
        "The rule names one Service, and its namespace has none of that name.",
        "Correct the name; names are compared letter by letter.",
    ),
    "FED772": Code(
        "Rule for a namespace that is no member",
        WARNING,
        "istiod knows the services of member namespaces only.",
        "Add the namespace to the ServiceMeshMemberRoll.",
    ),
    "FED773": Code(
        "Wildcard imported as local",
        WARNING,
        "The peer chooses the names: whatever it exports becomes a service of this cluster at once, beside a local Service of that name.",
        "Write one rule for each service, with its name and namespace.",
    ),
    "FED774": Code(
        "Imported as local into a namespace that is no member",
        WARNING,
        "Sidecars of the mesh send calls of that name to the peer, whatever the namespace's owner runs under it, and nobody without a sidecar knows it.",
        "Use a member namespace in `alias.namespace`, or add the namespace to the ServiceMeshMemberRoll.",
    ),
    "FED775": Code(
        "Import that can take a name of this cluster",
        WARNING,
        "The peer answers for a name that this cluster depends on: imported as local into a namespace of the platform or the control plane, or under "
        "a suffix that shares names with the cluster's domain.",
        "Use `alias.namespace` of an application, or a suffix of your own.",
    ),
    "FED780": Code(
        "Imported as local without a fixed namespace",
        WARNING,
        "istiod ignores a rule with `importAsLocal` whose `alias.namespace` is missing or `*`.",
        "Give `alias.namespace`.",
    ),
    "FED781": Code(
        "Import under the cluster's own suffix",
        WARNING,
        "istiod ignores a rule whose suffix is `svc.<cluster domain>`.",
        "Use `importAsLocal: true`, or another suffix.",
    ),
    "FED782": Code(
        "Several imports under one name",
        WARNING,
        "They overwrite each other, and when the peer drops one of them the name is lost although the status shows it.",
        "Leave `alias.name` out, or match one service by name and namespace.",
    ),
    "FED783": Code(
        "Import rules not in force",
        WARNING,
        "The rules match what the peer offers, and long after they were written nothing of it is imported. From 2.2 on istiod "
        "takes a set that was deleted "
        "and made again for the old one when the generations are equal.",
        "Make one more real change to the rules. Never delete a set: empty it.",
    ),
    "FED784": Code(
        "Locality dropped",
        WARNING,
        "A zone without its region, or a subzone without both, makes istiod drop the whole locality without an error.",
        "Give the region, and the zone before a subzone.",
    ),
    "FED785": Code(
        "Port names differ between the peer and the local Service",
        WARNING,
        "Where a service is imported as local, the peer's endpoints join the local Service by port name, so these are never used.",
        "Give the port one name in both meshes.",
    ),
    "FED786": Code(
        "Imported as local without a local Service",
        WARNING,
        "The name then exists for workloads with a sidecar only; no DNS server knows it.",
        "Make a Service of that name without a selector, with the same ports.",
    ),
    "FED787": Code(
        "Several TCP services imported",
        WARNING,
        "Their automatic addresses are numbered per peer from the same start and in no fixed order, so calls may reach the wrong one.",
        "Import TCP services as local, onto Services without selector that have a cluster IP each.",
    ),
    "FED788": Code(
        "Sidecar hides imported services",
        WARNING,
        "Imported services sit in the control plane's namespace. Workloads under a Sidecar whose egress does not list it cannot see them.",
        "Add `<control plane namespace>/*`, or the imported host there, to the Sidecar's egress hosts.",
    ),
    "FED789": Code(
        "Imported name is no DNS name",
        WARNING,
        "istiod matches the rule, then fails to build the import and does not even list it.",
        "Use DNS labels in `alias` and `domainSuffix`, joined by dots, none at the ends.",
    ),
    "FED790": Code(
        "One name imported from two peers",
        WARNING,
        "Endpoints of both are merged, and the ports are those of whichever istiod sees first.",
        "Where this is not meant, import one of them under another alias.",
    ),
    "FED791": Code(
        "Rule that matches nothing the peer offers",
        WARNING,
        "Import rules match the exported names, after the peer's own aliases; none of its card fits.",
        "Compare with the names on the card, or ask the peer to publish a new one.",
    ),
    "FED792": Code(
        "OpenShift older than this version of the mesh takes",
        WARNING,
        "Every version of OpenShift Service Mesh is made and tested for OpenShift from a certain version on.",
        "Update the cluster first, or stay with an earlier version of the mesh.",
    ),
    "FED793": Code(
        "Update of the cluster under way",
        WARNING,
        "Nodes restart one after the other, and a mesh that is changed meanwhile is ready late or not at all.",
        "Wait until the update has completed.",
    ),
    "FED794": Code(
        "Migration of the cluster's network under way",
        WARNING,
        "The operator chooses how it isolates namespaces by the network type, which is about to change under it.",
        "Wait until the migration is over, then look again.",
    ),
    "FED795": Code(
        "Network type that this version does not fully take",
        WARNING,
        "OVN-Kubernetes became generally available with 2.1, and with 2.0 on later patches of OpenShift; "
        "OpenShiftSDN joins projects one by one in its multitenant mode.",
        "Upgrade the mesh or the cluster.",
    ),
    "FED796": Code(
        "Another Istio in the cluster",
        WARNING,
        "Two control planes of different makers claim the same kinds and webhooks, and each takes the other's pods for its own.",
        "Keep one of them. The operator of version 3 stands beside 2.6 only: upgrade to that first.",
    ),
    "FED797": Code(
        "Companion operator missing",
        WARNING,
        "The control plane asks for an addon whose operator is not installed; it never becomes ready, or stands without it.",
        "Install the operator (playbook `install`), or turn the addon off.",
    ),
    "FED798": Code(
        "Nodes of an architecture without images",
        WARNING,
        "Images for arm64 come with 2.5; a proxy that lands on such a node does not start.",
        "Keep mesh workloads off these nodes, or upgrade to 2.5.",
    ),
    "FED799": Code(
        "IP family that this version does not take",
        WARNING,
        "IPv6 alone is taken from 2.4 on, both families at once by no version 2.",
        "Upgrade to 2.4 where the cluster has IPv6 only; with both families keep the mesh in another cluster.",
    ),
}
