# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of what would be skipped in silence."""

from __future__ import annotations

from .code import WARNING, Code

SILENCE: dict[str, Code] = {
    "FED701": Code(
        "Network view does not fit the peer",
        WARNING,
        "The egress gateway must see the network `network-<peer>`. Up to 2.2, and later as soon as a second network is "
        "configured, calls fail with `no healthy upstream`, although discovery works.",
        "Set `requestedNetworkView: [network-<name of the ServiceMeshPeer>]` on the egress gateway; `federate`"
        " writes it.",
    ),
    "FED702": Code(
        "Gateway not enabled",
        WARNING,
        "The operator creates an additional gateway only if `enabled` is explicitly true. If it is missing, there is "
        "no gateway, whatever the documentation says.",
        "Write `enabled: true` for the gateway; `federate` does.",
    ),
    "FED703": Code(
        "Gateway in another namespace",
        WARNING,
        "istiod looks for the gateway's Service in the control plane's namespace only, and finds nothing.",
        "Remove `namespace` from the gateway.",
    ),
    "FED704": Code(
        "Peer's gateway is not in the control plane",
        WARNING,
        "A ServiceMeshPeer names its gateways by their keys under `additionalIngress` and `additionalEgress`. With a "
        "name that does not exist there is no discovery or no endpoints, and no error.",
        "Correct `spec.gateways` of the peer, or add the gateway; `federate` keeps both.",
    ),
    "FED705": Code(
        "Name too long",
        WARNING,
        "The operator and istiod build labels of at most 63 characters out of these names.",
        "Keep a peer's name within 55 characters, and a gateway's name together with the control plane's namespace"
        " within 62.",
    ),
    "FED706": Code(
        "Gateway without a federation label",
        WARNING,
        "`federation.maistra.io/ingress-for` and `egress-for` keep the selectors of gateways apart. Without them one"
        " Service can select another gateway's pods.",
        "An existing gateway keeps its labels: they are part of the Deployment's selector, which is immutable. Leave "
        "it as it is while no other Service selects its pods. Otherwise create a gateway with another name and the "
        "label (gateways of this collection have it), name it for the peer (`gateways` in `mesh_peers`), give the peer "
        "the new card, and remove the old gateway.",
    ),
    "FED707": Code(
        "User Gateways bind to a federation ingress",
        WARNING,
        "Federation ingress pods carry the label `istio: ingressgateway`, so a Gateway that selects only by this label "
        "also opens its ports there.",
        "Select the ordinary ingress by `app: istio-ingressgateway` as well, or give federation gateways another"
        " `istio` label from the start.",
    ),
    "FED708": Code(
        "Stray Route to a federation ingress",
        WARNING,
        "Unless `routeConfig.enabled` is false the chart adds an OpenShift Route to port 8080, which this gateway does"
        " not serve.",
        "Set `routeConfig: {enabled: false}` on the gateway, if the ServiceMeshControlPlane has the field; `federate` "
        "does.",
    ),
    "FED709": Code(
        "One ingress gateway for several peers",
        WARNING,
        "Each peer's rules deny the other, and both claim every host: calls get 403, or one peer gets the other's "
        "list.",
        "Give each ServiceMeshPeer its own ingress gateway.",
    ),
    "FED710": Code(
        "One egress gateway for several peers",
        WARNING,
        "The documentation requires one for each peer. Both peers see the same client identity, so one cannot be told "
        "from the other, or cut off alone.",
        "Give each ServiceMeshPeer its own egress gateway.",
    ),
    "FED711": Code(
        "Peer called like the control plane's cluster",
        WARNING,
        "istiod keeps both in one registry, so the peer is never started; only the log says that the registry belongs"
        " to another provider.",
        "Give the ServiceMeshPeer another name, or change `spec.cluster.name`.",
    ),
    "FED712": Code(
        "Cluster domain is not cluster.local",
        WARNING,
        "The operator's DestinationRule for TLS from gateways to istiod's port 8188 is fixed to `svc.cluster.local`, "
        "so peers cannot get our list.",
        "Add an equivalent DestinationRule for `istiod-<control plane>.<namespace>.svc.<cluster domain>`.",
    ),
    "FED713": Code(
        "Gateway's ports do not serve federation",
        WARNING,
        "Federation needs ports 15443 (services) and 8188 (discovery), each with the same target port, because istiod "
        "finds endpoints by it.",
        "List both ports and leave `targetPort` out.",
    ),
    "FED714": Code(
        "Load balancer is not layer 4",
        WARNING,
        "A classic AWS load balancer, or any other that terminates TLS or uses HTTP, breaks the TLS between the "
        "gateways.",
        "Annotate the Service `service.beta.kubernetes.io/aws-load-balancer-type: nlb` before it is created; an "
        "existing load balancer must be re-created.",
    ),
    "FED715": Code(
        "Gateway's Service is missing",
        WARNING,
        "The control plane is ready and has the gateway, but the gateway's Service does not exist: no address and no "
        "endpoints.",
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
        "Control plane 2.1.0 creates no NetworkPolicy for additional ingress gateways (MAISTRA-2411); connections from "
        "outside the mesh are then refused, and peers see 503.",
        "Create a NetworkPolicy that opens the gateway's ports 15443 and 8188, or update to a newer patch release.",
    ),
    "FED718": Code(
        "Member workloads do not use mTLS automatically",
        WARNING,
        "Sidecars must reach the egress gateway's port 15443 with mTLS. With `automtls: false` and without `mtls: "
        "true` they send plain text, and calls fail.",
        "Leave `spec.security.dataPlane.automtls` out, or set `dataPlane.mtls: true`.",
    ),
    "FED719": Code(
        "Peer's trust domain is an alias of ours",
        WARNING,
        "Policies treat the identities of an alias as the mesh's own, so the peer's workloads pass as ours.",
        "Remove the peer's trust domain from the aliases.",
    ),
    "FED720": Code(
        "EndpointSlices switched off",
        WARNING,
        "From 2.3 on federation finds the endpoints of its gateways only by EndpointSlices (OSSM-1962).",
        "Remove `PILOT_USE_ENDPOINT_SLICE` from `spec.runtime.components.pilot.container.env`.",
    ),
    "FED721": Code(
        "Federation switched off",
        WARNING,
        "`PILOT_ENABLE_FEDERATION` is false, so istiod ignores all peers.",
        "Remove it from `spec.runtime.components.pilot.container.env`; federation is on by default.",
    ),
    "FED722": Code(
        "Egress gateway may get endpoints of other networks",
        WARNING,
        "With several networks, control planes 2.3 and 2.4 up to an unknown patch release give a federation egress "
        "gateway endpoints of other networks (OSSM-3644).",
        "Update to the newest patch release, and compare the egress gateway's endpoints.",
    ),
    "FED723": Code(
        "istiod may lock up with many members",
        WARNING,
        "Control plane 2.3 up to an unknown patch release deadlocks with many members (OSSM-3025). The notes give no"
        " number.",
        "Update to the newest patch release of 2.3, or upgrade.",
    ),
    "FED724": Code(
        "Failover by locality may not work",
        WARNING,
        "With control planes 2.1 to 2.3 up to an unknown patch release failover to a peer by locality does not work"
        " (OSSM-1211).",
        "Update to the newest patch release, and try the failover before relying on it.",
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
        "The operator has not finished, so the objects on the cluster may not match the control plane yet.",
        "Look at the conditions of the ServiceMeshControlPlane, and run again when it is ready.",
    ),
    "FED730": Code(
        "Client identity malformed",
        WARNING,
        "istiod compares it letter by letter and adds `spiffe://` itself. With the prefix, without the five parts, or "
        "with another trust domain every call is refused (403); a wildcard admits too much.",
        "Write `<trust domain>/ns/<namespace>/sa/<service account>`; the peer's card has it.",
    ),
    "FED731": Code(
        "Client identity missing",
        WARNING,
        "Without `clientID` there is no authorization at all: any identity of any trusted domain may discover and "
        "call. Only a log line reports it.",
        "Set `spec.security.clientID`; the peer's card has it.",
    ),
    "FED732": Code(
        "Peer without a trust domain of its own",
        WARNING,
        "If the peer's trust domain is ours or missing, istiod does not read its roots: TLS fails unless both meshes "
        "share a root.",
        "Give each mesh its own trust domain, and write the peer's into `spec.security.trustDomain`.",
    ),
    "FED733": Code(
        "Two peers with one trust domain",
        WARNING,
        "istiod keeps one bundle per trust domain, so the two overwrite each other.",
        "Give each mesh of a federation its own trust domain.",
    ),
    "FED734": Code(
        "Peer's roots missing",
        WARNING,
        "The ConfigMap, or its key `root-cert.pem`, does not exist. istiod skips the peer until its next resync and "
        "writes no status.",
        "Create the ConfigMap before the peer; `federate` keeps the order.",
    ),
    "FED735": Code(
        "Peer's roots cannot be read",
        WARNING,
        "Every proxy of the mesh gets the text unchanged. Running proxies keep their old bundles, new ones fail every "
        "handshake, also inside the mesh; an empty text is dropped without an error.",
        "Give whole certificates, each block on separate lines.",
    ),
    "FED736": Code(
        "Private key among a peer's roots",
        WARNING,
        "istiod gives the key to every proxy of the mesh, without an error.",
        "Remove it at once, and replace the key on its own mesh.",
    ),
    "FED737": Code(
        "Peer's roots verify nothing",
        WARNING,
        "They are accepted, but cannot verify any certificate of the peer: a workload's certificate, an intermediate "
        "without the root "
        "that signed it, a CA whose limits exclude SPIFFE identities.",
        "Give the peer's self-signed root; intermediates only beside it.",
    ),
    "FED738": Code(
        "Root expired or about to",
        WARNING,
        "Proxies refuse every certificate that an expired root signed. A rotation together with a peer should start at "
        "least 30 days before.",
        "Rotate the root on its own mesh, announce the next one with `mesh_extra_roots`, and hand the new cards over.",
    ),
    "FED739": Code(
        "Roots in another kind than ConfigMap",
        WARNING,
        "istiod supports only ConfigMap. With Secret it logs `unknown Kind`, and the peer does not work and has no "
        "status.",
        "Put the root certificates into a ConfigMap, and name it with `kind: ConfigMap`.",
    ),
    "FED740": Code(
        "Address that istiod cannot use",
        WARNING,
        "One address with a scheme, a port, an underscore, or without any text makes istiod drop all addresses of the"
        " peer, the good ones too. A loopback, link-local or multicast address leads back to the calling pod, or to its"
        " node.",
        "Write plain IP addresses or DNS names that this cluster reaches; ports have separate fields.",
    ),
    "FED741": Code(
        "Peer without an address",
        WARNING,
        "An empty list is accepted, but the peer is never called.",
        "Write the address of the peer's ingress gateway that serves us; the peer's card has it.",
    ),
    "FED742": Code(
        "Peering differs from the peer's card",
        WARNING,
        "The peering on this mesh differs from the peer's card, so discovery or calls fail on one side.",
        "Compare with the peer's administrator; `federate` writes what the card says, to a peering made by hand only "
        "with `adopt: true`.",
    ),
    "FED743": Code(
        "Unreachable peer that stalls istiod",
        WARNING,
        "istiod retries each poll of an unreachable peer for up to two minutes, and cannot list services meanwhile: "
        "new endpoints of the whole mesh are late. Before 2.5 it polls every five minutes, from 2.5 on every minute, "
        "so it may be blocked most of the time.",
        "Check the connection to the peer's address. Remove a peer that does not come back, or set `suspended: true` "
        "until it does.",
    ),
    "FED744": Code(
        "istiod does not process the peer",
        WARNING,
        "A peer gets a status within moments. If it has none, its roots or their kind are broken, or istiod is locked "
        "because another peer was deleted while services were exported to it.",
        "Fix the other findings of the peer, then restart istiod: `oc rollout restart deployment/istiod-<control "
        "plane>`.",
    ),
    "FED745": Code(
        "Peer deleted while services are exported to it",
        WARNING,
        "istiod then locks up: it no longer adds, changes or removes any peer, and logs nothing.",
        "Restart istiod, then remove the ExportedServiceSet. Next time empty it first; `unfederate` keeps the order.",
    ),
    "FED746": Code(
        "Imports left behind",
        WARNING,
        "The peer is gone, but its ImportedServiceSet still lists services. The list is stale, and routes may stay in "
        "istiod until it restarts.",
        "Remove the ImportedServiceSet and restart istiod.",
    ),
    "FED747": Code(
        "Set without a peer of its name",
        WARNING,
        "istiod finds a peer's rules by the name of the ServiceMeshPeer. Rules with any other name are never used and "
        "never get a status.",
        "Give the set the name of the ServiceMeshPeer, in the same namespace.",
    ),
    "FED748": Code(
        "Federation object in another namespace",
        WARNING,
        "istiod reads peers and sets in the control plane's namespace only; elsewhere it ignores them without an "
        "error.",
        "Move it into the control plane's namespace.",
    ),
    "FED749": Code(
        "Peers may not be able to build our chain",
        WARNING,
        "Gateways of 2.1.0 do not send the intermediate of a plugged-in CA (MAISTRA-2687), so a peer that has only the "
        "root cannot verify them.",
        "Announce the intermediate beside the root (`mesh_extra_roots`), or update to a newer patch release.",
    ),
    "FED750": Code(
        "Wasm image without a pull secret",
        WARNING,
        "Proxies or the mesh's cache pull extensions, not the node: the cluster's pull secret is not used. If the "
        "registry requires a login, an extension without a pull secret is never loaded.",
        "Name a pull secret in the extension's namespace, or serve the image from a registry that is open to the "
        "proxies.",
    ),
    "FED751": Code(
        "Pull secret missing",
        WARNING,
        "A pull secret is searched only in the namespace of the object that names it. Without it the pull continues, "
        "and the registry refuses it.",
        "Create the Secret (type kubernetes.io/dockerconfigjson) in that namespace, or correct the name.",
    ),
    "FED752": Code(
        "Image cannot be pulled",
        WARNING,
        "A pod of the control plane waits for an image. Meanwhile its component is not ready or stays at its old "
        "version.",
        "Correct the image's name, add the registry's credentials to the cluster's pull secret or name one under "
        "`imagePullSecrets`, or let the node reach the registry; kubelet retries by itself.",
    ),
    "FED753": Code(
        "Tokens of another issuer",
        WARNING,
        "On ROSA and some newer OpenShift clusters service account tokens are bound and name another issuer. A control "
        "plane that expects first-party tokens does not accept proxies with such tokens.",
        "Set `security.identity.type: ThirdParty` in `mesh_control_plane_spec`.",
    ),
    "FED754": Code(
        "Control plane called default",
        WARNING,
        "The release notes list that a control plane of v2.3 called `default` fails to deploy (OSSM-2042); they do not "
        "say which patch release fixes it.",
        "If it is not ready, create a control plane with another name in a new namespace and move the members to it.",
    ),
    "FED757": Code(
        "Namespace that is not a member yet",
        WARNING,
        "The member roll lists it, or a ServiceMeshMember in it asked to join, but the operator has not added it to "
        "the mesh. Its workloads get no sidecar, and none of its services is exported.",
        "Look at the member roll's `status.memberStatuses` and at the operator's log for its reason.",
    ),
    "FED760": Code(
        "Rule offers the control plane",
        WARNING,
        "A rule for everything, or for the control plane's namespace, also exports istiod, gateways and telemetry.",
        "Name member namespaces, or select by labels.",
    ),
    "FED761": Code(
        "Exported service with several ports",
        WARNING,
        "It is exported and imported, but calls fail: the routes between gateways name no port, so Istio looks for"
        " 15443 and finds nothing.",
        "Export one Service per port: create each with the same selector and only that port.",
    ),
    "FED762": Code(
        "Two services under one exported name",
        WARNING,
        "istiod stops writing the set's status, and the importer keeps one of the two.",
        "Give one of them another alias.",
    ),
    "FED763": Code(
        "Alias is not a DNS label",
        WARNING,
        "istiod does not export a service whose alias is not a DNS label, and reports that only in its log.",
        "Use lower-case letters, digits and hyphens, at most 63 characters.",
    ),
    "FED764": Code(
        "exportTo may prevent the export of a service",
        WARNING,
        "istiod evaluates the annotation only when it lists all services again. Whether the service is exported "
        "depends on the order of events, and an exported service stays exported.",
        "Decide by export rules whether it is exported, and do not rely on the annotation.",
    ),
    "FED765": Code(
        "Rule names a service outside the mesh",
        WARNING,
        "ExternalName Services and ServiceEntries that are not MESH_INTERNAL are never exported.",
        "Export the service behind it, in the mesh that has it.",
    ),
    "FED766": Code(
        "Rule that istiod ignores",
        WARNING,
        "A rule whose type is unknown, whose selector does not belong to its type, or whose label selector is invalid "
        "is ignored without an error.",
        "Correct the rule: `type: NameSelector` with `nameSelector`, or (exports only) `LabelSelector` with"
        " `labelSelector`.",
    ),
    "FED767": Code(
        "Rule never reached",
        WARNING,
        "The first rule that matches decides, and an earlier rule matches everything that this one does, so its alias "
        "is never applied.",
        "Put the specific rule first, or drop it.",
    ),
    "FED768": Code(
        "Headless service exported",
        WARNING,
        "The peer reaches it under one name, balanced over its pods; names of single pods do not exist in the peer's "
        "mesh.",
        "Export one Service per pod where clients need single pods.",
    ),
    "FED769": Code(
        "Exported service without a TCP port",
        WARNING,
        "A service without ports, or with UDP ports only, is exported and listed, but cannot be reached.",
        "Give it a TCP port, or do not export it.",
    ),
    "FED770": Code(
        "Port without a protocol",
        WARNING,
        "The protocol comes from the port's name or `appProtocol`, because detection is off in OpenShift's profiles. "
        "Without it the peer gets plain TCP, without retries and routes, and with an address that may collide with "
        "other TCP imports.",
        "Name the port for its protocol: `http` or `grpc-api` for requests, `tcp-postgres` and the like for a database,"
        " a queue or anything else that is not HTTP. Or set `appProtocol`.",
    ),
    "FED771": Code(
        "Rule for a Service that does not exist",
        WARNING,
        "The rule names a Service that does not exist in its namespace.",
        "Correct the name; names are compared letter by letter.",
    ),
    "FED772": Code(
        "Rule for a namespace that is not a member",
        WARNING,
        "istiod knows only the services of member namespaces.",
        "Add the namespace to the ServiceMeshMemberRoll.",
    ),
    "FED773": Code(
        "Wildcard imported as local",
        WARNING,
        "The peer chooses the names: each of its exports becomes a service of this cluster at once, beside a local "
        "Service of the same name.",
        "Write one rule for each service, with its name and namespace.",
    ),
    "FED774": Code(
        "Imported as local into a namespace that is not a member",
        WARNING,
        "Sidecars of the mesh send calls for that name to the peer, even if the namespace has a Service of that name; "
        "without a sidecar the name is unknown.",
        "Use a member namespace in `alias.namespace`, or add the namespace to the ServiceMeshMemberRoll.",
    ),
    "FED775": Code(
        "Import that can take a name of this cluster",
        WARNING,
        "The peer answers for a name that this cluster depends on: imported as local into a namespace of the platform "
        "or the control plane, or with a suffix that shares names with the cluster's domain.",
        "Use `alias.namespace` of an application, or your own suffix.",
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
        "They overwrite each other, and if the peer stops exporting one of them, the name is lost although the status "
        "shows it.",
        "Leave `alias.name` out, or match one service by name and namespace.",
    ),
    "FED783": Code(
        "Import rules not in force",
        WARNING,
        "The rules match exports of the peer, but long after they were written nothing is imported. From 2.2 on istiod "
        "mistakes a set that was deleted and re-created for the old one if the generations are equal.",
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
        "Where a service is imported as local, the peer's endpoints join the local Service by port name, so endpoints "
        "of other port names are never used.",
        "Give the port the same name in both meshes.",
    ),
    "FED786": Code(
        "Imported as local without a local Service",
        WARNING,
        "The name then exists for workloads with a sidecar only; no DNS server knows it.",
        "Create a Service of that name without a selector, with the same ports.",
    ),
    "FED787": Code(
        "Several TCP services imported",
        WARNING,
        "istiod numbers their automatic addresses for each peer from the same start and in no fixed order, so calls "
        "may reach the wrong service.",
        "Import TCP services as local, onto Services without a selector that have their own cluster IP.",
    ),
    "FED788": Code(
        "Sidecar hides imported services",
        WARNING,
        "Imported services are in the control plane's namespace. Workloads whose Sidecar does not list it under egress "
        "cannot see them.",
        "Add `<control plane namespace>/*`, or the imported host there, to the Sidecar's egress hosts.",
    ),
    "FED789": Code(
        "Imported name is not a DNS name",
        WARNING,
        "istiod matches the rule, but cannot create the import and does not list it.",
        "Use DNS labels in `alias` and `domainSuffix`, joined by dots, none at the ends.",
    ),
    "FED790": Code(
        "One name imported from two peers",
        WARNING,
        "istiod merges the endpoints of both, and uses the ports of the one that it sees first.",
        "If you do not want this, import one of them under another alias.",
    ),
    "FED791": Code(
        "Rule that matches no export of the peer",
        WARNING,
        "Import rules match the exported names, after the peer's aliases; no name on its card matches.",
        "Compare with the names on the card, or ask the peer to publish a new one.",
    ),
    "FED792": Code(
        "OpenShift too old for this version of the mesh",
        WARNING,
        "Each version of OpenShift Service Mesh is built and tested for OpenShift from a certain version on.",
        "Update the cluster first, or stay with an earlier version of the mesh.",
    ),
    "FED793": Code(
        "Update of the cluster under way",
        WARNING,
        "Nodes restart one after the other, and a mesh that is changed meanwhile becomes ready late or not at all.",
        "Wait until the update has completed.",
    ),
    "FED794": Code(
        "Migration of the cluster's network under way",
        WARNING,
        "The operator chooses how it isolates namespaces by the network type, which is about to change under it.",
        "Wait until the migration is over, then look again.",
    ),
    "FED795": Code(
        "Network type that this version does not fully support",
        WARNING,
        "OVN-Kubernetes became generally available with 2.1, and with 2.0 on later patches of OpenShift; "
        "OpenShiftSDN joins projects one by one in its multitenant mode.",
        "Upgrade the mesh or the cluster.",
    ),
    "FED796": Code(
        "Another Istio in the cluster",
        WARNING,
        "Two control planes of different vendors use the same kinds and webhooks, and each handles the other's pods as "
        "its own.",
        "Keep one of them. The operator of version 3 can run only beside 2.6: upgrade to that first.",
    ),
    "FED797": Code(
        "Companion operator missing",
        WARNING,
        "The control plane has an addon whose operator is not installed; it never becomes ready, or runs without the "
        "addon.",
        "Install the operator (playbook `install`), or turn the addon off.",
    ),
    "FED798": Code(
        "Nodes of an architecture without images",
        WARNING,
        "Images for arm64 exist from 2.5 on; with an earlier version a proxy on such a node does not start.",
        "Keep mesh workloads off these nodes, or upgrade to 2.5.",
    ),
    "FED799": Code(
        "IP family that this version does not support",
        WARNING,
        "IPv6 alone is supported from 2.4 on, dual stack by no version 2.",
        "Upgrade to 2.4 if the cluster has IPv6 only; for dual stack use another cluster.",
    ),
}
