# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every code that a user can meet: what it says, why it is refused, and the cure. ``docs/codes.md`` is this, printed."""

from __future__ import annotations

from dataclasses import dataclass

ERROR = "error"
WARNING = "warning"

RANGES = {
    "1": "Access and the API server",
    "2": "Cards and trust",
    "3": "What you described",
    "4": "The control plane",
    "5": "Objects on the cluster",
    "6": "Waiting",
}


@dataclass(frozen=True)
class Code:
    """One code: its ``title``, whether it stops the run (``severity``), ``why`` it exists, and the ``cure``."""

    title: str
    severity: str
    why: str
    cure: str


CODES: dict[str, Code] = {
    "FED101": Code(
        "Credentials missing or refused",
        ERROR,
        "Nothing says how to reach this mesh's cluster, or the API server does not accept what was given. The default kubeconfig "
        "and the pod's own account are never used unasked: they could belong to another mesh.",
        "Set `mesh_kubeconfig` (with `mesh_context` when it has several), or `mesh_host` with `mesh_api_key`; log in again when a token expired.",
    ),
    "FED102": Code(
        "Credentials of the environment in a run of several meshes",
        ERROR,
        "`K8S_AUTH_*` variables hold for the whole run. With more than one mesh they would send one mesh's objects to another's cluster.",
        "Give every host its own `mesh_kubeconfig`, or run for one mesh at a time with `--limit`.",
    ),
    "FED103": Code(
        "Two hosts are one control plane",
        ERROR,
        "Two hosts of the inventory lead to the same ServiceMeshControlPlane, so each would undo what the other does.",
        "Correct the kubeconfig, context, `mesh_namespace` or `mesh_control_plane` of one of them.",
    ),
    "FED104": Code(
        "Forbidden",
        ERROR,
        "The account may not do what the message names.",
        "Ask a cluster administrator for the Role of `playbooks/files/mesh-administrator.yml`, explained in `docs/rights.md`.",
    ),
    "FED105": Code(
        "API server unreachable",
        ERROR,
        "The API server did not answer within the deadline, after retries.",
        "Check the address, the network and `mesh_proxy`, then run again: a run that stopped in the middle is finished by the next.",
    ),
    "FED106": Code(
        "The API server refused, or kept failing",
        ERROR,
        "The request arrived and was answered with an error that retries did not mend. The message holds the server's own reason; "
        "often an admission webhook of the operator speaks.",
        "Correct what the reason names. When a webhook cannot be called, wait until the operator runs, then run again.",
    ),
    "FED107": Code(
        "Another field manager holds a field",
        ERROR,
        "Someone else manages a field that we want otherwise (server-side apply). Taking it silently would start a tug-of-war.",
        "Change it where that manager keeps it, or run once with `federation_force: true` (option `force`) to take it.",
    ),
    "FED108": Code(
        "Kind not served",
        ERROR,
        "The API server does not know a kind that federation needs: the operator is missing or older than 2.1.",
        "Install the operator, and wait until its first control plane is ready.",
    ),
    "FED109": Code(
        "Object replaced meanwhile",
        ERROR,
        "Between reading and writing somebody deleted or re-created the object, so the plan no longer fits it.",
        "Run again: the plan is made from what stands there now.",
    ),
    "FED110": Code(
        "A Python library is missing",
        ERROR,
        "The Python that runs the modules lacks a library.",
        "Install it into the Python that runs `ansible-playbook`: `pip install -r requirements.txt`.",
    ),
    "FED111": Code(
        "Two hosts with one mesh name",
        ERROR,
        "Peers know a mesh by its name: two meshes of one name would write the same cards.",
        "Give every mesh a `mesh_name` of its own.",
    ),
    "FED201": Code(
        "Card cannot be read or written as JSON",
        ERROR,
        "The text is not JSON as cards use it, or the file cannot be read or written. Cards are data of strangers: nothing is guessed.",
        "Ask the peer for the file that `publish_cards` wrote, and hand it over unchanged.",
    ),
    "FED202": Code(
        "Card or bundle too large, or nested too deep",
        ERROR,
        "No card comes near 1 MiB or more than six levels, and a bundle larger than 1 MiB does not fit into a ConfigMap.",
        "Ask for the file that `publish_cards` wrote; give only the root certificates of one mesh.",
    ),
    "FED203": Code(
        "Field unknown, missing or malformed",
        ERROR,
        "A card holds exactly the documented fields, so that nothing can be smuggled in and nothing is overlooked.",
        "Ask the peer to run `publish_cards` again. `docs/card.md` explains every field.",
    ),
    "FED204": Code(
        "Private key in a bundle",
        ERROR,
        "Every proxy of the mesh would be handed the key, in silence.",
        "Give certificates only. A key that travelled must be replaced on its own mesh.",
    ),
    "FED205": Code(
        "Broken PEM",
        ERROR,
        "One block that cannot be read, or two blocks joined without a newline, make Envoy refuse the whole bundle: proxies "
        "started afterwards fail every handshake, also inside the mesh.",
        "Copy the whole file again; put every `-----BEGIN CERTIFICATE-----` on a line of its own.",
    ),
    "FED206": Code(
        "No certificate",
        ERROR,
        "Without a certificate istiod drops the peer's trust without a word, or Envoy refuses the bundle.",
        "Give the mesh's root certificate as PEM: ConfigMap `istio-ca-root-cert`, key `root-cert.pem`.",
    ),
    "FED207": Code(
        "Not a CA, or no self-signed root",
        ERROR,
        "A workload's certificate, or an intermediate without its root, is accepted by Envoy, but no peer certificate ever verifies.",
        "Give the self-signed root; intermediates only beside it.",
    ),
    "FED208": Code(
        "Root expired",
        ERROR,
        "What an expired root signed is refused at every handshake.",
        "Rotate the root on its own mesh, publish its cards again, and drop the expired one from `mesh_extra_roots`.",
    ),
    "FED209": Code(
        "Fingerprint is not the certificate's",
        ERROR,
        "The card names another SHA-256 than its certificate has, so one of the two was changed after the card was made.",
        "Ask the peer's administrator how the card travelled, then for a fresh one.",
    ),
    "FED210": Code(
        "Root differs from the pin",
        ERROR,
        "`root_fingerprints` of the peer does not list a root that its card brings.",
        "Compare the fingerprint with the peer's administrator by another way, for instance by voice, before you change the pin.",
    ),
    "FED211": Code(
        "Card of another version",
        ERROR,
        "The card was written in a format that this collection does not read.",
        "Update this collection, or ask the peer to write the older version.",
    ),
    "FED212": Code(
        "Card made for somebody else",
        ERROR,
        "A card speaks for one peering: its addresses and client identity are those of the gateways that serve its audience alone.",
        "Ask the peer for its card for this mesh, `<peer>-for-<this mesh>.json`.",
    ),
    "FED213": Code(
        "This mesh's own card",
        ERROR,
        "The card that this mesh made was given to itself.",
        "Give the card that the peer made for this mesh; hand this one to the peer.",
    ),
    "FED214": Code(
        "Client identity malformed or of another trust domain",
        ERROR,
        "The identity is compared letter by letter at our ingress. With `spiffe://` or a wildcard all is refused or too much "
        "allowed; one of a foreign trust domain would let a third mesh in.",
        "Ask the peer to run `publish_cards` again; it computes `<trust domain>/ns/<namespace>/sa/<service account>`.",
    ),
    "FED215": Code(
        "Trust domain is ours, or everybody's",
        ERROR,
        "Identities are told apart by their trust domain alone. With ours the peer's root is not even read; `cluster.local` is "
        "what every mesh has that set none.",
        "Give every mesh a trust domain of its own: `spec.security.trust.domain` in its ServiceMeshControlPlane.",
    ),
    "FED216": Code(
        "Two peers with one trust domain",
        ERROR,
        "istiod keeps one bundle per trust domain, so the two would overwrite each other.",
        "Give every mesh of a federation a trust domain of its own, and list a peer only once.",
    ),
    "FED217": Code(
        "A known peer's identity changed",
        ERROR,
        "The card brings another root, trust domain or client identity than the peering on the cluster has. It may be a rotation, or a forged card.",
        "Ask the peer's administrator by another way, then run once with `federation_accept_changes: [<peer>]`.",
    ),
    "FED218": Code(
        "Card from the future, or old",
        ERROR,
        "A time in the future means that a clock is wrong. A card older than 180 days is only warned about: the run goes on.",
        "Set the clocks of both sides; ask the peer to run `publish_cards` again.",
    ),
    "FED219": Code(
        "Not an address",
        ERROR,
        "One address with a scheme, a port, an underscore, or without any text makes istiod drop all addresses of the peer, the good ones too.",
        "Write plain IP addresses or DNS names; ports have options of their own.",
    ),
    "FED220": Code(
        "Card of another mesh",
        ERROR,
        "The file is named for one mesh and the card inside speaks for another.",
        "Ask the peer to hand over the file under the name that `publish_cards` gave it.",
    ),
    "FED221": Code(
        "Address that resolves only inside its cluster",
        ERROR,
        "A Service's name leads nowhere from another cluster, or to a namesake in this one.",
        "Set `same_cluster: true` for the peer on both sides when the meshes share a cluster; else ask for another address.",
    ),
    "FED230": Code(
        "Expression that does more than name variables",
        ERROR,
        "`federation_cards` is one expression, and a received card may stand where it was written. So it may name variables, join them and "
        "take parts of them; it may not call anything.",
        "Write `{{ [card_of_west, card_of_north] }}`, or use `federation_cards_dir` for files.",
    ),
    "FED231": Code(
        "More than a card holds",
        ERROR,
        "A card has at most 1 MiB and 5,000 exported services; one with more would be refused by every peer that gets it.",
        "Narrow `mesh_exports`, or say with `to` which peers a rule is for.",
    ),
    "FED301": Code(
        "No peers",
        ERROR,
        "An empty `mesh_peers` is more often a mistake than a wish, so it is not taken for one.",
        "List the peers, or set `federation_full_mesh: true` to peer with every mesh of the inventory.",
    ),
    "FED302": Code(
        "Unknown peer",
        ERROR,
        "A rule or option names a peer that `mesh_peers` does not have.",
        "Correct the name, or add the peer.",
    ),
    "FED303": Code(
        "Not a usable name or fingerprint",
        ERROR,
        "Names become parts of Kubernetes objects and labels, and fingerprints are compared: both have a fixed form.",
        "Use lower-case letters, digits and hyphens within the length given; fingerprints are SHA-256 in hexadecimal.",
    ),
    "FED304": Code(
        "Two peers under one name",
        ERROR,
        "Objects and rules are found by our name of a peer (`local_name`), so it must mean one peer only.",
        "Give one of the two another `local_name`.",
    ),
    "FED305": Code("The mesh is its own peer", ERROR, "A mesh does not federate with itself.", "List other meshes only."),
    "FED306": Code(
        "Peer called like the control plane's cluster",
        ERROR,
        "istiod keeps both in one registry and would never start the peer (`spec.cluster.name`).",
        "Give the peer another `local_name`.",
    ),
    "FED307": Code(
        "Gateway settings cannot work",
        ERROR,
        "A gateway serves one peer in one direction, its name becomes a Service and a label, and each setting has a form that the operator takes.",
        "Correct the setting that the message names, or leave it out: the defaults work.",
    ),
    "FED308": Code(
        "No address that the peer could reach",
        ERROR,
        "NodePort needs node addresses, which only a cluster administrator can list; ClusterIP is reachable inside its cluster only.",
        "Give `addresses`, choose LoadBalancer, or set `same_cluster: true` for a peer in this cluster.",
    ),
    "FED310": Code(
        "Domain suffix cannot be used",
        ERROR,
        "istiod ignores a rule whose suffix is the cluster's own, and cannot use one that is no DNS name.",
        "Use `import_as_local: true`, or another suffix of DNS labels joined by dots.",
    ),
    "FED311": Code(
        "Two services under one name",
        ERROR,
        "Two exports of one name freeze the status; two imports of one name overwrite each other, and dropping either loses both.",
        "Give one of them another alias, or match one service by name and namespace.",
    ),
    "FED312": Code(
        "Rule never reached",
        ERROR,
        "The first rule that matches decides, and an earlier one matches all that this one does.",
        "Put the specific rule first, or drop it.",
    ),
    "FED313": Code(
        "Wildcard imported as local",
        ERROR,
        "istiod ignores an import as local whose target namespace is not fixed.",
        "Give `alias.namespace`, or a fixed name and namespace.",
    ),
    "FED314": Code(
        "Label selector cannot be read",
        ERROR,
        "istiod skips a rule with an invalid selector without a word.",
        "Write selectors as kubernetes.core does: `app=web`, `tier in (a,b)`, `!key`.",
    ),
    "FED315": Code(
        "Rule offers the control plane",
        ERROR,
        "A rule for everything, or for the control plane's namespace, would export istiod, gateways and telemetry too.",
        "Name member namespaces, or select by labels.",
    ),
    "FED316": Code(
        "Alias is no DNS label",
        ERROR,
        "istiod does not export a service whose alias is no DNS label, and says so in its log only.",
        "Use lower-case letters, digits and hyphens, at most 63 characters.",
    ),
    "FED317": Code(
        "Rule malformed",
        ERROR,
        "A key is unknown, or a value has another form than the option takes; what is misspelled would otherwise be ignored in silence.",
        "Correct the key or value that the message names.",
    ),
    "FED318": Code(
        "Missing for rendering",
        ERROR,
        "Rendering asks no cluster, so what is otherwise read from the control plane must be given.",
        "Set the option that the message names.",
    ),
    "FED401": Code(
        "Control plane missing",
        ERROR,
        "There is no ServiceMeshControlPlane of this name in this namespace; the message lists those that exist.",
        "Correct `mesh_namespace` and `mesh_control_plane`, or install the control plane first.",
    ),
    "FED402": Code(
        "Control plane older than 2.1",
        ERROR,
        "Federation came with version 2.1.",
        "Upgrade the control plane first.",
    ),
    "FED403": Code(
        "No trust domain of its own",
        ERROR,
        "The control plane sets none, so it uses `cluster.local` like every other such mesh, and identities could not be told apart.",
        "Set `spec.security.trust.domain` to a name of this mesh alone; its workloads then need a restart.",
    ),
    "FED404": Code(
        "Trust domain is not the expected one",
        ERROR,
        "`mesh_trust_domain` and the control plane disagree.",
        "Correct `mesh_trust_domain`. Changing the mesh's own would change every identity in it.",
    ),
    "FED405": Code(
        "Root ConfigMap missing",
        ERROR,
        "istiod publishes the mesh's root in a ConfigMap, which is not there or holds no `root-cert.pem`.",
        "Wait until the control plane is ready, or give the root as `mesh_roots`.",
    ),
    "FED406": Code(
        "Gateways missing",
        ERROR,
        "With `mesh_gateways_managed: false` the gateways are only verified, and they are not as federation needs them.",
        "Render them (playbook `ossm.federation.render`) into the place where the control plane is kept, or let this collection manage them.",
    ),
    "FED407": Code(
        "Gateway cannot serve a peer",
        ERROR,
        "The gateway's Service, or an address or port of it, cannot be used for federation.",
        "Correct what the message names; `mesh_peers`, `gateways` holds the settings.",
    ),
    "FED408": Code(
        "Peer's trust domain is an alias of ours",
        ERROR,
        "`spec.security.trust.additionalDomains` lists the peer's trust domain, so policies take the peer's identities for ours.",
        "Take it out of the list.",
    ),
    "FED420": Code(
        "Version or trust domain missing, malformed or said twice",
        ERROR,
        "The operator takes its newest version where none is given, and two different words for one thing cannot both hold.",
        "Give `mesh_version` as `v2.6` and `mesh_trust_domain`, or the same in `mesh_control_plane_spec`, once.",
    ),
    "FED421": Code(
        "Field that the control plane does not know",
        ERROR,
        "A field that the cluster's CRD does not have is dropped in silence, or the whole object is refused.",
        "Correct the name; the message gives the nearest one. A field of a later version needs a later operator.",
    ),
    "FED422": Code(
        "Refused by this version of the control plane",
        ERROR,
        "The operator's admission refuses these fields for the version asked for; some of them only once it reconciles.",
        "Correct `mesh_control_plane_spec` as the message says. All reasons are listed at once.",
    ),
    "FED423": Code(
        "Downgrade",
        ERROR,
        "The operator carries out a lower version without a word, and nobody supports what comes of it.",
        "Keep the version, or make a new mesh and move namespaces to it.",
    ),
    "FED424": Code(
        "Upgrade in passing",
        ERROR,
        "Another minor version changes what applications meet and is refused for features that are gone; it is a piece of work of its own.",
        "Keep `mesh_version` at the version that runs until the upgrade is meant.",
    ),
    "FED425": Code(
        "Control plane still in use",
        ERROR,
        "Peers, members or fields of others depend on the control plane that is to be removed.",
        "Run `unfederate` first and empty the member roll; the message names what is left.",
    ),
    "FED501": Code(
        "Made by someone else",
        ERROR,
        "An object of this peering carries no label of ours: somebody made it by hand or with another tool.",
        "Leave it to them, or set `adopt: true` for the peer to take it over.",
    ),
    "FED502": Code(
        "Not gone yet",
        ERROR,
        "Deleting a peer while a service is still exported to it stops istiod's federation until it is restarted, so each step waits for the one before.",
        "Run again in a minute: emptied sets take effect when istiod looks, up to five minutes before version 2.5.",
    ),
    "FED601": Code(
        "Address pending",
        ERROR,
        "The gateway's Service has no address that the peer could be given.",
        "Look at the Service's events (does this cluster give out load balancers?), give `addresses`, or use `service_type: NodePort`.",
    ),
    "FED602": Code(
        "Not connected",
        ERROR,
        "A peering was applied and has not connected within the time.",
        "Look at the reasons that the message lists; playbook `ossm.federation.status` shows them again.",
    ),
    "FED603": Code(
        "Imports missing",
        ERROR,
        "The peer is connected, and names that the rules ask for have not arrived.",
        "See in the status what the peer offers; before version 2.5 a change takes up to five minutes. Raise `federation_timeout`.",
    ),
    "FED604": Code(
        "Not drained",
        ERROR,
        "Rules were emptied, and services are still imported or exported.",
        "Look whether istiod of this mesh is running (`rollout restart`), then run again.",
    ),
    "FED605": Code(
        "Control plane not ready",
        ERROR,
        "The control plane did not become ready within the time; its condition stands in the message.",
        "Look at the ServiceMeshControlPlane's conditions and the operator's log, then run again.",
    ),
}
