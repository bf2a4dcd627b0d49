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
    "7": "Skipped in silence",
    "8": "Wasm extensions, and traffic between meshes",
    "9": "Insight: health, configuration, logs, causes, and the report",
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
        "Nothing says how to reach this mesh's cluster, what says it cannot be used, or the API server does not accept what was given. "
        "What a task or host names is complete: `K8S_AUTH_*` variables are taken only where nothing is named. The default kubeconfig "
        "and the pod's own account are never used: they could belong to another mesh.",
        "Set `mesh_kubeconfig` (with `mesh_context` when it has several), or `mesh_host` with `mesh_api_key`; log in again when a token expired.",
    ),
    "FED102": Code(
        "Credentials of the environment in a run of several meshes",
        ERROR,
        "`K8S_AUTH_*` variables hold for the whole run. With more than one mesh (or cluster) they would send the credentials of one to the "
        "API server of another. A `mesh_host` or `mesh_context` alone is no credential.",
        "Give every host its own `mesh_kubeconfig`, or `mesh_host` with `mesh_api_key` (`cluster_*` for clusters), or run for one at a time "
        "with `--limit`.",
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
        "Ask a cluster administrator for the Role of `playbooks/files/mesh-administrator.yml`, explained in `docs/rights.md`. The right to restart "
        "workloads is left out with `restarts: false` in `mesh_admins`; a cluster administrator restarts them then.",
    ),
    "FED105": Code(
        "API server unreachable",
        ERROR,
        "The API server did not answer within the deadline, after retries, or no TLS connection comes about. The message says whether a "
        "proxy was used; `HTTPS_PROXY` and `NO_PROXY` are not looked at.",
        "Check the address, the network, and `mesh_proxy` or the kubeconfig's `proxy-url`; for TLS, give `mesh_ca_cert` (option `ca_cert`). "
        "Then run again: a run that stopped in the middle is finished by the next.",
    ),
    "FED106": Code(
        "The API server refused, or kept failing",
        ERROR,
        "The request arrived and was answered with an error that retries did not fix. The message holds the server's own reason; "
        "often an admission webhook of the operator speaks.",
        "Correct what the reason names. When a webhook cannot be called, wait until the operator runs, then run again.",
    ),
    "FED107": Code(
        "Another field manager holds a field",
        ERROR,
        "Someone else manages a field that we want otherwise (server-side apply). Taking it silently would start a tug-of-war. "
        "What the operator itself puts onto a member roll is not taken with `force` either, since it would put that back.",
        "Change it where that manager keeps it, or run once with `federation_force: true` (option `force`) to take it, where the message says so.",
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
        "Between reading and writing somebody changed, deleted or re-created the object, so the plan no longer fits it.",
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
    "FED112": Code(
        "Two descriptions of one control plane",
        ERROR,
        "Something in the control plane's namespace was written by a description with another `mesh_name`, or with another "
        "`federation_owner`. The two would undo each other's work, one at each run. Descriptions are told apart by these names and the "
        "control plane's namespace, never by the machine or folder that they are kept in.",
        "Keep one description of each control plane. Where you renamed the mesh or its owner on purpose, run once with the line that the "
        "message gives, `federation_accept_changes: [\"<mesh>=<digits>\"]`; what is not in `mesh_peers` any more must go in that run "
        "(`federation_prune: true`). Rules of traffic that bear another `mesh_name` are taken over, and removed, with `federation_force: true`.",
    ),
    "FED114": Code(
        "A kubeconfig says what is not obeyed",
        ERROR,
        "A kubeconfig holds a key that this collection does not read, or two that contradict each other. Leaving it out could "
        "act as another user, on another way, or without verification, so nothing is left out without a word. No value is quoted.",
        "Correct the kubeconfig as the message says, or give another. What is read, and how, is in `docs/usage.md`.",
    ),
    "FED115": Code(
        "Unexpected error",
        ERROR,
        "A module met an error that nobody expected: a fault of this collection, or of a library. Its text is not shown, because it may "
        "quote a secret; its type and the place in the code are.",
        "Run again. If it stays, report the message and the result's `facts.way`; neither holds values of yours.",
    ),
    "FED116": Code(
        "Credentials would be sent in the clear",
        ERROR,
        "The URL of the API server begins with `http://`, so everybody on the way could read the token or password.",
        "Give the `https://` URL. A kubeconfig without credentials may name an `http://` server, such as that of `kubectl proxy`.",
    ),
    "FED117": Code(
        "API server not verified",
        WARNING,
        "An option, an environment variable or the kubeconfig ends the verification of the API server's certificate. Anybody on the way "
        "can then read the credentials and answer in its place.",
        "Give the CA certificate: `mesh_ca_cert` or `cluster_ca_cert`, or `certificate-authority-data` in the kubeconfig.",
    ),
    "FED118": Code(
        "Answer out of bounds",
        ERROR,
        "An answer of the API server is larger, nested deeper, or goes on for longer than any API server's: 32 MiB for one answer, 100,000 "
        "objects, 1,000 pages or ten times `mesh_api_timeout` for one list, an hour of requests for one task. A list that leads back to a page "
        "that was read before counts, too. Nothing that was read until then is used.",
        "See that the URL is the API server's own, and what stands between. Where objects are really so many or large, remove what nobody needs.",
    ),
    "FED119": Code(
        "Answer that is not of the Kubernetes API's shape",
        ERROR,
        "An answer is not JSON as API servers write it, or is not the object that was asked for: another kind, name or namespace, no name, "
        "metadata that cannot be, or a field of another type than its kind gives it. Whatever gives such an answer is broken, or is no API "
        "server. Nothing of it is used.",
        "See that the URL is the API server's own, and that no proxy, gateway or login page between changes its answers.",
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
        "Certificate that cannot be read",
        ERROR,
        "One block that cannot be read in every part (its issuer, its subject, its times, its key, each extension), or two blocks joined "
        "without a newline, can make Envoy refuse the whole bundle. Then proxies that start afterwards fail every handshake, also inside "
        "the mesh and with other peers.",
        "Copy the whole file again; put every `-----BEGIN CERTIFICATE-----` on a line of its own. If it is the same, make the certificate "
        "anew on its own mesh.",
    ),
    "FED206": Code(
        "No certificate",
        ERROR,
        "Without a certificate istiod drops the peer's trust without a word, or Envoy refuses the bundle.",
        "Give the mesh's root certificate as PEM: ConfigMap `istio-ca-root-cert`, key `root-cert.pem`.",
    ),
    "FED207": Code(
        "Certificate that vouches for nothing",
        ERROR,
        "Envoy accepts it, but no peer certificate ever verifies by it: a workload's certificate; an intermediate without the root that "
        "signed it; a CA whose key usage, extended key usage, name constraints, policies or critical extensions do not fit SPIFFE "
        "identities; two CAs of one name that proxies cannot tell apart.",
        "Give the self-signed root of the mesh, and intermediates only beside the root that signed them.",
    ),
    "FED208": Code(
        "Root expired, or not valid yet",
        ERROR,
        "What such a root signed is refused at every handshake. Proxies allow for no difference of clocks; the reader allows five minutes.",
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
        "Compare all eight groups of the fingerprint with the peer's administrator by another way, for instance by voice, before you change "
        "the pin.",
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
        "istiod keeps one bundle per trust domain, so the roots of one would vouch for the identities of the other. A card is compared with "
        "the other cards and with everything that stands on the cluster: peers without a card in this run, suspended, failed, no longer "
        "described, made by hand, or half removed.",
        "Give every mesh of a federation a trust domain of its own, and list a peer only once. If both are one mesh under two names, "
        "remove the former peering first (`unfederate_peers`). Otherwise ask who wrote the card: it takes another mesh's place.",
    ),
    "FED217": Code(
        "A known peer's identity changed",
        ERROR,
        "The card brings another root, trust domain or client identity than the peering on the cluster has, or parts of the peering are gone, "
        "so that nothing tells whether the card is still the peer's. It may be a rotation, or a forged card.",
        "Ask the peer's administrator by another way; `publish_cards` shows them the digits for this mesh. If they are those of the message, run "
        "once with its line, `federation_accept_changes: [\"<peer>=<digits>\"]`. The digits name the card's trust domain, client identity and "
        "roots, so the line accepts nothing else, also when it stays in the inventory. A name without digits accepts nothing.",
    ),
    "FED218": Code(
        "Card from the future, or old",
        ERROR,
        "A time more than 10 minutes after the API server's clock means that a clock is wrong, or that somebody wrote the card for later: "
        "remembered, it would make every card until then an older one. Nothing accepts it. A card older than 180 days is only warned about: "
        "the run goes on.",
        "Set the clocks of both sides; ask the peer to run `publish_cards` again.",
    ),
    "FED219": Code(
        "Not an address that a peer can have",
        ERROR,
        "One address with a scheme, a port, an underscore, or without any text makes istiod drop all addresses of the peer, the good ones too. "
        "A loopback, link-local, unspecified, multicast or reserved address, also inside an IPv6 address, and names such as `localhost` lead back "
        "to the machine that calls, to its node or to the platform's metadata service.",
        "Write plain IP addresses or DNS names that the other cluster reaches; ports have options of their own. Testbeds on one machine set "
        "`federation_loopback: true`.",
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
        "A Service's name leads nowhere from another cluster, or to a namesake in this one. The search path of pods completes names of one or two "
        "labels (`kubernetes.default`, `istiod-basic`) to Services of their own cluster. In a cluster that both meshes share, the platform's Services, "
        "those of our own control plane's namespace and our API server are nobody's gateway.",
        "Set `same_cluster: true` for the peer on both sides when the meshes share a cluster; else give a DNS name of at least three labels, or an IP address.",
    ),
    "FED223": Code(
        "Older than the card in use",
        ERROR,
        "The ServiceMeshPeer remembers when the card in use was issued. This one was issued before that and says something else: it may have "
        "been lying in the wrong folder, or somebody hands over a former card again, to move an address or an offer back. An older card "
        "that says the same is taken.",
        "Take the newest card. If the peer's administrator confirms that the older one is meant, run once with the line that the message "
        "gives, `federation_accept_changes: [\"<peer>=<digits>\"]`; its digits name that one card, with its day.",
    ),
    "FED225": Code(
        "A root that several meshes share",
        WARNING,
        "Envoy takes a root only for the trust domains that it was given for, so the meshes are still told apart. But whoever holds a CA below "
        "a shared root can make certificates of each of these trust domains, ours included where it is our root.",
        "Nothing, where one company's CA serves these meshes on purpose. Otherwise ask the peer's administrator which root its mesh really has.",
    ),
    "FED226": Code(
        "A bundle that is not the peer's alone",
        ERROR,
        "The peer's name leads to a ConfigMap in which the control plane keeps its own root certificate, or which another ServiceMeshPeer "
        "uses. Written, the peer's root would vouch for this mesh, or for the other peer; removed with the peer, theirs would be gone.",
        "Give the peer another `local_name`, or the other ServiceMeshPeer a ConfigMap of its own.",
    ),
    "FED227": Code(
        "Accepted without digits",
        ERROR,
        "An entry of `federation_accept_changes` names a peer and not what is accepted, or fewer digits than 32. It would accept whatever a "
        "card says on the day of the run.",
        "Take the entry out. When something changes, the refusal gives the line to paste.",
    ),
    "FED228": Code(
        "A gateway that is not the peer's",
        ERROR,
        "A gateway, Service or Deployment of that name stands already, and nothing says that it is this peer's: no label, no network, no "
        "ServiceMeshPeer. The operator would turn it into the peer's gateway.",
        "Name another gateway for the peer, or set `adopt: true` for the peer if that gateway is to be its own.",
    ),
    "FED230": Code(
        "Expression that does more than name variables",
        ERROR,
        "`federation_cards` is one expression, and a received card may stand where it was written. So it may name variables, join them and "
        "take parts of them; it may not call anything, and a key or attribute of it must not begin with an underscore. It has at most 1,024 "
        "characters.",
        "Write `{{ [card_of_west, card_of_north] }}`, or use `federation_cards_dir` for files.",
    ),
    "FED231": Code(
        "More than a card holds",
        ERROR,
        "A card has at most 1 MiB and 5,000 exported services; one with more would be refused by every peer that gets it.",
        "Narrow `mesh_exports`, or say with `to` which peers a rule is for.",
    ),
    "FED232": Code(
        "Key or signature too weak",
        ERROR,
        "Whoever can find the private key of a root, or another certificate with its signature, can pretend to be each workload of that mesh. "
        "Proxies take RSA with 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, and Ed25519, with signatures by SHA-256, SHA-384 or "
        "SHA-512; a peer's bundle may hold nothing else.",
        "Replace the root on its own mesh (`docs/changing.md`). To announce another root than the one on the cluster, set `mesh_roots`.",
    ),
    "FED233": Code(
        "Weak root of a live peer",
        WARNING,
        "The bundle on the cluster holds a certificate whose key or signature is too weak, or unknown to proxies. `federate` does not take "
        "it from a card any more; it stays in force until the bundle is changed.",
        "Ask the peer to replace its root, and take its new card.",
    ),
    "FED234": Code(
        "Expression that does not work out",
        ERROR,
        "`federation_cards` is an expression that names what does not exist, takes a list for a mapping or the like, or takes more work than "
        "any set of cards needs. Nothing of it was used.",
        "Write `{{ [card_of_west, card_of_north] }}` and define each of these, or use `federation_cards_dir` for files.",
    ),
    "FED235": Code(
        "Link, or other than a file, in a file's place",
        ERROR,
        "A report or a manifest is about to be written, and a link, a pipe, a device, a socket or a folder stands there, or the file is larger "
        "than such a file can be, or the folder cannot be written. Others may write that folder, and a link would lead the write elsewhere. "
        "Links on the way to the folder that you name are followed, links below it are not. For cards the code is FED201.",
        "Look at who put it there, remove it, and run again. If the link is your own, name the folder that it leads to.",
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
        "A rule or option names a peer that `mesh_peers` does not have; or `unfederate_peers` or `federation_accept_changes` names somebody whom no "
        "mesh of the run knows: no mesh, no peer, nobody of whom anything is left.",
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
        "istiod ignores a rule whose suffix is the cluster's own, and cannot use one that is no DNS name. Under a suffix that shares names "
        "with the cluster's domain, with the suffix of another peer, or that is a single label such as `com`, the peer could take names "
        "that are not its own.",
        "Use `import_as_local: true`, or another suffix of at least two DNS labels joined by dots, in a domain of your own.",
    ),
    "FED311": Code(
        "Two services under one name",
        ERROR,
        "Two exports of one name freeze the status; two imports of one name overwrite each other, and dropping either loses both. Where services "
        "of several namespaces get names in one namespace, whoever can make a Service in one of them could take the name of another's.",
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
        "What a wildcard imports as local is named by the peer: whatever it exports later becomes a service of this cluster at once, without a run "
        "and beside a local Service of that name. istiod ignores a rule whose target namespace is not fixed.",
        "Write one rule for each service, with its `name` and `namespace` as the peer exports them.",
    ),
    "FED314": Code(
        "Label selector cannot be read",
        ERROR,
        "istiod skips a rule with an invalid selector without a word. A selector that is there and empty would match every Service.",
        "Write selectors as kubernetes.core does: `app=web`, `tier in (a,b)`, `!key`.",
    ),
    "FED315": Code(
        "Rule offers the control plane",
        ERROR,
        "A rule for everything, for whatever lacks a label, or for the control plane's namespace would export istiod, gateways and telemetry "
        "too. A rule for a namespace of the platform (`default`, `kube-*`, `openshift-*`) would export the API server or its helpers. A rule "
        "without a namespace is compared with the Services that stand there.",
        "Name member namespaces, or select by labels that only your applications have.",
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
        "A key is unknown, is there and empty, or has a value of another form than the option takes; what is misspelled would otherwise be ignored "
        "in silence. An empty key is more often a variable that was not set than the wish for what an absent key means, such as every peer.",
        "Correct the key or value that the message names, or take the key out.",
    ),
    "FED318": Code(
        "Missing for rendering",
        ERROR,
        "Rendering asks no cluster, so what is otherwise read from the control plane must be given.",
        "Set the option that the message names.",
    ),
    "FED319": Code(
        "Gateway cannot be taken over",
        ERROR,
        "A peering made by hand runs through a gateway that is not one of the control plane's additional ones, so nobody could keep it for one peer alone.",
        "Name gateways of its own in the peer's entry, `gateways: {ingress, egress}`, and hand over a new card: its address will be another. "
        "Or leave the peering as it is, without `adopt`.",
    ),
    "FED320": Code(
        "Name that several peers share",
        ERROR,
        "Two partners may both call themselves prod, but then the name alone does not say which of them is meant.",
        "Use our own names for them, their `local_name`.",
    ),
    "FED321": Code(
        "Card could be any of several peers'",
        ERROR,
        "Several peers share the name on the card, or several different cards came from one peer, and neither a pin nor the peer on the cluster "
        "says which is meant. Guessing could let one partner speak for another.",
        "Pin `root_fingerprints` of each peer, or hand the card over as the file `<local_name>-for-<this mesh>.json`.",
    ),
    "FED322": Code(
        "Nobody is named to leave",
        ERROR,
        "`unfederate` takes away whom you name. An empty name is more often a variable that was not set than a wish to leave everybody.",
        "Name the peers, `-e unfederate_peers=west,north`, or leave every peer of `mesh_peers` with `-e unfederate_peers=all`.",
    ),
    "FED323": Code(
        "Imported into a namespace of the platform",
        ERROR,
        "A name in `default`, `kube-*`, `openshift-*` or the control plane's namespace is one that this cluster depends on, such as that of "
        "the API server. A peer must not answer for it.",
        "Give `alias.namespace`, the namespace of an application.",
    ),
    "FED324": Code(
        "Addresses of the machine itself are taken",
        WARNING,
        "With `federation_loopback: true` a card or an option may name loopback, link-local, unspecified and multicast addresses, and short names. "
        "In a real cluster istiod and the egress gateway would then call the node, the platform's metadata service or a Service of their own cluster.",
        "Take `federation_loopback` out, unless all meshes of the run are testbeds on one machine.",
    ),
    "FED325": Code(
        "A variable is not what it must be",
        ERROR,
        "A variable of a role is of another kind than the role's description says (a text where a list belongs), is not one of the values that "
        "there are, is missing, or is an expression that cannot be evaluated. It is refused in the first task of the role, before anything is "
        "asked or written.",
        "Correct the variable that the message names, where the inventory, a file of variables or `-e` sets it. "
        "`ansible-doc -t role ossm.federation.mesh` describes them.",
    ),
    "FED330": Code(
        "A variable that nothing here knows",
        ERROR,
        "A variable of a host, a group or `-e` begins with `mesh_`, `federation_` or `unfederate_`, and no role of this collection reads it; "
        "or it is nearly called like one of the others (`cluster_…`, `upgrade_…`); or `-e` calls it after the playbook that runs "
        "(`gather_folder` for `gather`). In an inventory such a name is only warned of. A misspelled name would be passed over in silence: "
        "`mesh_export` would offer nothing, and take from the peers what they are offered. Refused before the first request.",
        "Correct the name; the message has the nearest one that is known. List it in `federation_ignore_variables` when it belongs to "
        "somebody else (`*` stands for any letters).",
    ),
    "FED331": Code(
        "No meshes in this run",
        ERROR,
        "The inventory has no group `meshes` (for `install` and `tenants`, `clusters`), the group is empty, or `--limit` leaves none of its "
        "hosts. Ansible says \"no hosts matched\" then "
        "and ends well, though nothing was done.",
        "Look for the group's name in the inventory, and give the right inventory with `-i`. Where an inventory cannot be "
        "parsed, Ansible goes on without it: set `any_unparsed_is_failed = true` in `ansible.cfg`, as the examples do.",
    ),
    "FED332": Code(
        "A peer would lose what it is offered",
        ERROR,
        "By the changed rules of `mesh_exports`, names vanish that the status of the peer's set has as exported: all of them, or some while a "
        "rule that was added matches no Service. A misspelled name looks just so, and the peer's callers would be cut off. Nothing is written; "
        "the message lists the names.",
        "Correct the rules. Where it is meant, name the peer in `federation_withdraw` (`withdraw` of the module) for this run; "
        "a peer that is `suspended` needs no such word.",
    ),
    "FED333": Code(
        "The folder of cards is missing",
        ERROR,
        "`federation_cards_dir` (`cards_dir` of a module) names a folder that is not there, or something that is no folder. Taken for an empty "
        "one, every peer would wait for its card without a word of the misspelled path.",
        "Correct the path; a relative one starts at the inventory. `publish_cards` makes the folder. Without the variable the folder `cards` "
        "beside the inventory is used where it is there.",
    ),
    "FED350": Code(
        "Files for a peer without Ansible lack a place",
        ERROR,
        "An entry of `mesh_peers` has `kubectl`, so the peer's half is to be written as files for the peer's administrator. They name the peer's "
        "control plane and its namespace, which nobody here can look up, and a guess would make objects in somebody else's cluster.",
        "Ask the peer's administrator, and write `kubectl: {namespace: west-mesh-system, control_plane: basic}`; `version: v2.5` helps, too.",
    ),
    "FED351": Code(
        "Handed over without digits",
        ERROR,
        "`federation_handed_over` says that a peer has one card, by the digits of that card. A name alone would say it of every card to come.",
        "Paste the line that a run shows, `federation_handed_over=west=<eight groups of digits>`, or take the entry out.",
    ),
    "FED360": Code(
        "Too many cards as artifacts of a workflow",
        ERROR,
        "More than 20 meshes would hand their cards on from job to job. AWX copies the artifacts of all jobs before a job into its variables, so "
        "each job gets every card, and what AWX stores grows with the square of the meshes.",
        "Carry the cards by Git: `publish_cards` writes them to a folder of the repository, and each job reads it as `federation_cards_dir`. "
        "In `extensions/awx` that is `awx_cards_dir`; the workflow then has no jobs that publish.",
    ),
    "FED361": Code(
        "One card in two places",
        ERROR,
        "The folder of cards holds a card both as `<mesh>-for-<audience>.json` and as `<audience>/<mesh>.json`, and the two differ. One of them is left "
        "from before the layout was changed, and no rule could say which without trusting what stands in it.",
        "Remove the file that its mesh no longer writes: the flat one where it sets `federation_cards_layout: audience`.",
    ),
    "FED362": Code(
        "No plan of a fleet",
        ERROR,
        "`fleet_plan_since` names a file that `fleet_plan` has not written, or that somebody changed. Taken for a plan, meshes that need a job could "
        "get none.",
        "Name the file that `fleet_plan_file` has written, or take the variable out: every mesh then gets a job.",
    ),
    "FED363": Code(
        "A description cannot be evaluated",
        ERROR,
        "`fleet_plan` reads what every host of the inventory says of its mesh, and one variable is an expression that cannot be evaluated.",
        "Correct the expression, or define what it names.",
    ),
    "FED364": Code(
        "No report to join",
        ERROR,
        "`report_join` names a file that is missing, or that is no report of a run. Left out in silence, its meshes would be unknown on the page without "
        "a word of the reason.",
        "Name the files that `federation_report` names in the runs of the other meshes. What `report_json` writes is a page, and cannot be joined.",
    ),
    "FED365": Code(
        "One mesh in two reports",
        ERROR,
        "Two of the reports that are to be joined tell something else of one mesh: one of them is older, or two meshes have one name.",
        "Leave the older one out, or give each mesh a name of its own.",
    ),
    "FED366": Code(
        "What has changed is no list of meshes",
        ERROR,
        "`federate_changed` is told by `fleet_changed` which meshes need a job. It is not set, is no list, or names what is no host of the group "
        "`meshes`: a pattern, a group, or a mesh that went. It comes out of another job, so nothing in it is taken for a pattern or an expression.",
        "Run `fleet_plan` before it, in the same workflow, or give the hosts as a list or as a text with commas. To federate all, play `federate`.",
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
    "FED415": Code(
        "Gateway serves another peer",
        ERROR,
        "A ServiceMeshPeer on the cluster, which may be somebody else's, names the ingress gateway that an entry wants. Each peer's rules deny the "
        "other's requests, so both would be cut off.",
        "Name another gateway in the entry, `gateways: {ingress: ...}`, or take the other peer away first.",
    ),
    "FED416": Code(
        "Egress gateway is shared",
        WARNING,
        "Two ServiceMeshPeers go out through one gateway. It seems to work; both peers then see the same identity of this mesh, and what is done to "
        "the gateway for one concerns the other.",
        "Give each an egress gateway of its own when you can: `gateways: {egress: ...}` and a new card.",
    ),
    "FED417": Code(
        "Taken over as it stands",
        WARNING,
        "Something about a gateway made by hand is not as this collection makes it, and changing it would re-create the gateway or lose its address.",
        "Nothing needs to be done. The message says what it would take to change it.",
    ),
    "FED418": Code(
        "Gateway has a disruption budget already",
        ERROR,
        "A pod with two PodDisruptionBudgets cannot be evicted at all, so nodes could not be drained.",
        "Leave `disruption_budget` out, or take the other budget away: `spec.runtime.defaults.deployment.podDisruption` of the control plane makes "
        "one for each of its components.",
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
        "Run `unfederate` first and empty the member roll; who joined by a ServiceMeshMember leaves by deleting it. The message names what is left.",
    ),
    "FED426": Code(
        "Namespace that a mesh cannot have",
        ERROR,
        "The operator drops the control plane's own namespace and those of the platform without a word, and a namespace belongs to one mesh only. "
        "Rights in a namespace of the platform, or where operators of the whole cluster run, would reach the whole cluster.",
        "Correct `mesh_members` or `mesh_namespace`; the message names the mesh that holds the namespace.",
    ),
    "FED427": Code(
        "Members are kept another way",
        ERROR,
        "A roll lists namespaces, or selects them by label from version 2.4 on, or is made by the operator from ServiceMeshMembers. "
        "One namespace is kept in one way only, and a roll beside which others joined by themselves is not removed: they would leave the mesh with it.",
        "Use one way for each namespace, and one that this version has; the message names who must leave first.",
    ),
    "FED428": Code(
        "Member that takes the whole roll along",
        ERROR,
        "On 2.2 and 2.3 the operator deletes a member roll that it made itself as soon as any of its members goes (OSSM-2374): every "
        "namespace leaves the mesh.",
        "Keep a roll of your own (`mesh_members`) in the control plane's namespace first; its members stay.",
    ),
    "FED430": Code(
        "No way to this version",
        ERROR,
        "Version 1.1 is never upgraded in place, a downgrade is carried out by the operator and supported by nobody, and version 3 is another product.",
        "Choose a later version 2, or make a new mesh and move namespaces to it.",
    ),
    "FED431": Code(
        "Upgrade stopped",
        ERROR,
        "The operator would refuse the step, or something would break that nobody sees at once; the message lists each reason.",
        "Do what the message says for each reason, then run again: an upgrade goes on where it stopped.",
    ),
    "FED432": Code(
        "Namespace that is not of the mesh",
        ERROR,
        "Sidecars belong to the control plane's namespace and its members; elsewhere this mesh has none.",
        "Correct the list; the message has the mesh's namespaces.",
    ),
    "FED433": Code(
        "Control plane is not ready",
        ERROR,
        "A pod that is made before its control plane is ready gets the old sidecar once more, or none. Nothing was restarted.",
        "Fix the control plane; the message has its operator's words. Then run again.",
    ),
    "FED434": Code(
        "Sidecars run",
        ERROR,
        "Without their control plane sidecars go on with what they know and stop working when their certificates end, within a day. Nothing was "
        "removed.",
        "Take `sidecar.istio.io/inject` off the workloads and restart them, then run again; or let them be with `uninstall_leave_sidecars: true`.",
    ),
    "FED440": Code(
        "Operator without a place",
        ERROR,
        "Where the usual operators go is known; for another one it must be said.",
        "Give the operator its namespace in `cluster_operators`.",
    ),
    "FED441": Code(
        "Operator groups",
        ERROR,
        "OLM runs no operator in a namespace with two OperatorGroups, and these operators in none whose group selects namespaces.",
        "Leave exactly one OperatorGroup with an empty spec in the namespace. A second is never made.",
    ),
    "FED442": Code(
        "Another maker's operator",
        ERROR,
        "The community's edition and the product claim the same kinds and webhooks.",
        "Remove one of them first.",
    ),
    "FED443": Code(
        "Operator that does not take a control plane",
        ERROR,
        "Each operator takes a range of control plane versions. An older control plane stands still under it and can be neither changed nor upgraded; a "
        "newer one is refused. With approval `Automatic` OLM goes on to the newest operator of the channel by itself: `starting_csv` says "
        "only where it begins.",
        "The message says which of two it is. Too new: raise the control planes first, one operator version at a time, or pin the operator "
        "with approval `Manual` "
        "and `starting_csv`. Too old: approve the upgrade that waits (`cluster_operators_upgrade: true`), choose a channel or catalog that "
        "has a later one, or a "
        "lower `mesh_version`.",
    ),
    "FED444": Code(
        "InstallPlan with more than is meant",
        ERROR,
        "OLM resolves all Subscriptions of a namespace together; who approves the plan approves everything on it. One Subscription that is "
        "`Manual` makes the plan "
        "wait for all of them, also for those that are `Automatic`; the message names it.",
        "Look at the plan and approve it by hand, or name the other operators in `cluster_operators`.",
    ),
    "FED445": Code(
        "No Operator Lifecycle Manager",
        ERROR,
        "Operators are installed through OLM, which this cluster does not have.",
        "Install the operator from its manifest; everything but `install` works then.",
    ),
    "FED446": Code(
        "Control planes that would lose their operator",
        ERROR,
        "Only the operator removes what it made; a control plane that is deleted after it hangs in its finalizer.",
        "Remove the control planes first, or set `federation_force` to remove the operator all the same.",
    ),
    "FED447": Code(
        "Catalog source is not there",
        ERROR,
        "OLM would take the operator from a CatalogSource that does not exist, and wait for it for ever. A disconnected cluster has one of its own, "
        "under the name that its mirror was given.",
        "See `oc get catalogsources -A` and set `cluster_catalog`, `cluster_catalog_namespace`.",
    ),
    "FED448": Code(
        "Objects that would go with their kinds",
        ERROR,
        "When a kind (CRD) is deleted, every object of it goes along, in all namespaces. There are some that this collection has not made.",
        "Save what is still needed (`oc get … -o yaml`) and delete them; or set `federation_force: true`, or leave `uninstall_crds` out.",
    ),
    "FED449": Code(
        "Package, channel or version that the catalog does not have",
        ERROR,
        "OLM would look for it for ever. A mirrored catalog often has fewer packages and versions than the one that it mirrors.",
        "See `oc get packagemanifest` and correct `cluster_operators`, or mirror what is missing.",
    ),
    "FED450": Code(
        "Administrators of a mesh",
        ERROR,
        "`tenants` binds rights to exactly the users, groups and service accounts that it is told, so each must be readable, and none may "
        "stand for accounts that nobody chose, as `system:authenticated` does.",
        "Write `mesh_admins` with the lists users, groups and service_accounts, and name somebody.",
    ),
    "FED451": Code(
        "Namespace wanted by two meshes",
        ERROR,
        "A namespace belongs to one mesh at the most; the operator refuses the second. Rights of another mesh in it, a control plane or a member "
        "roll show whose it is.",
        "Take it out of `mesh_members` of one of them, or correct `mesh_namespace`. A control plane that was made by hand and is this mesh's: "
        "`-e tenants_adopt=<mesh>`, once.",
    ),
    "FED452": Code(
        "Namespace on its way out",
        ERROR,
        "Nothing can be made in a namespace that is being deleted.",
        "Wait until it is gone and run again.",
    ),
    "FED453": Code(
        "Mesh of no known cluster",
        ERROR,
        "`mesh_cluster` says which host of the group clusters a mesh lies in; `tenants` prepares it with that host's credentials.",
        "Correct `mesh_cluster`, or add the host to the group clusters.",
    ),
    "FED454": Code(
        "Catalog that OLM does not reach",
        WARNING,
        "Operators of this catalog are neither installed nor upgraded until its registry answers.",
        "See `oc describe catalogsource` and the catalog's pod: its image must be pulled, and it must answer.",
    ),
    "FED455": Code(
        "Right that stands otherwise",
        ERROR,
        "Under the name of our Role or binding stands one that cannot become ours: a binding's role never changes, and an aggregated "
        "ClusterRole allows what others are labelled to add.",
        "See who made it and why, delete it, and run `tenants` again.",
    ),
    "FED456": Code(
        "Mesh of this name with another control plane",
        ERROR,
        "The cluster has rights for a mesh of this name whose control plane is in another namespace: another inventory's, or this mesh before "
        "it moved. With one name for both, each run would take the other's rights away.",
        "Give one of the two another `mesh_name`. Where the mesh has moved, run `tenants` with `-e tenants_state=absent` and its former "
        "`mesh_namespace` first.",
    ),
    "FED457": Code(
        "Service account with the whole cluster",
        ERROR,
        "Who may restart workloads in a namespace can run anything there as any of its service accounts. One of them is bound to cluster-admin, "
        "so this right would be the whole cluster's.",
        "Take the binding away or give the account a namespace of its own; or leave the right out with `restarts: false` in `mesh_admins`.",
    ),
    "FED458": Code(
        "Labelled like ours",
        WARNING,
        "Anybody who may write in a namespace can put a label on an object. What `tenants` did not make, it does not delete.",
        "Delete it if nobody needs it, or take the label `ossm.federation/mesh` off.",
    ),
    "FED459": Code(
        "Name that this version cannot have",
        ERROR,
        "A control plane of v2.3 that is called `default` fails to deploy: its webhook's certificate does not hold for the name "
        "(OSSM-2042, a known issue in the "
        "release notes). A control plane cannot be renamed later.",
        "Set `mesh_control_plane` to another name, such as `basic`. For one that stands as an earlier version, make a control plane of another name in a new "
        "namespace and move the members to it.",
    ),
    "FED460": Code(
        "Which context of the kubeconfig is not said",
        ERROR,
        "The kubeconfig has several contexts, and only its `current-context` chooses one. `oc login`, `oc project` and `kubectl config use-context` "
        "change that from one day to the next, so a run that writes could change another cluster. What only reads, and check mode, goes on.",
        "Set `mesh_context` (`cluster_context` for a cluster, `context` of a module), or give a kubeconfig that has one context.",
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
    "FED503": Code(
        "Kept by somebody else too",
        WARNING,
        "What was taken over still belongs to another field manager as well, `kubectl apply` or a GitOps tool. Giving up our part leaves theirs, and "
        "a tool that runs by itself brings back what is deleted.",
        "Take it out where they keep it, or run once with `federation_force: true`, which removes it in spite of them.",
    ),
    "FED505": Code(
        "An imported host is still used",
        ERROR,
        "A VirtualService, DestinationRule or AuthorizationPolicy of this mesh names a host that comes from the peer to leave. Its share of the traffic would "
        "turn into errors the moment the imports go, so nothing is emptied first.",
        "Change or remove the objects that the message lists, or run with `unfederate_when: always`, which lists them and goes on.",
    ),
    "FED506": Code(
        "Use of imported hosts cannot be ruled out",
        ERROR,
        "The account may not read the VirtualServices, DestinationRules or AuthorizationPolicies of a namespace, so nobody knows whether leaving breaks one.",
        "Ask for the Role of `playbooks/files/mesh-administrator.yml` there, or run with `unfederate_when: always`.",
    ),
    "FED507": Code(
        "Somebody else exports through this peer",
        ERROR,
        "The ServiceMeshPeer is ours, the ExportedServiceSet is not, or is filled again by another manager. A peer that is deleted while something is exported "
        "through it stops istiod's federation until it is restarted, and the set is not ours to empty.",
        "Empty or remove the set where it is kept, or set `adopt: true` for the peer and run `federate` once; then leave.",
    ),
    "FED508": Code(
        "A host that is used goes away",
        WARNING,
        "An import goes (`unfederate_when: always`, or a rule of `mesh_imports` that was dropped) and objects of this mesh still name it; "
        "or a host that is imported beside a local Service is served by that alone from now on.",
        "Change or remove the objects that the message lists.",
    ),
    "FED509": Code(
        "Leftovers",
        WARNING,
        "Objects that this collection made for a peer that is no longer described: a peering, or what an interrupted run has left of it.",
        "Run `federate` with `federation_prune: true`, or `unfederate` with `unfederate_peers`; list the peer again to keep it.",
    ),
    "FED512": Code(
        "Owners that lead nowhere",
        WARNING,
        "The ownerReferences of a workload come back to where they started, or are longer than Kubernetes makes them. Nobody can say what makes its "
        "pods again, so nothing of it is restarted; everything else is.",
        "Correct or remove the ownerReferences of the object that the message names. Its namespace's owner wrote them.",
    ),
    "FED515": Code(
        "Changed by another run meanwhile",
        ERROR,
        "Another run, with another description, wrote the same objects while this one did. Each of its writes was whole, but what stands "
        "now is partly the one's and partly the other's.",
        "See who else runs playbooks for this mesh and which description holds, then run again.",
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
    "FED606": Code(
        "istiod not restarted",
        ERROR,
        "istiod was told to restart, and its new pods are not available within the time. Proxies go on with what they know meanwhile.",
        "Look at the pods of the Deployment `istiod-<control plane>`; `federation_timeout` gives them longer. Then run again.",
    ),
    "FED607": Code(
        "No istiod",
        ERROR,
        "The control plane has no Deployment `istiod-<name>`, so there is nothing to restart.",
        "Look whether the control plane is ready, and whether `mesh_control_plane` is its name.",
    ),
    "FED608": Code(
        "Not a time",
        ERROR,
        "The option `since` of the module `istiod` is not a moment that can be read.",
        "Write it as in `2026-01-31T12:00:00Z`.",
    ),
    "FED609": Code(
        "Namespace that did not join",
        ERROR,
        "The operator adds a namespace to the mesh some seconds after its ServiceMeshMember; here it did not within the time allowed.",
        "The message has the operator's own reason; fix it and run again.",
    ),
    "FED610": Code(
        "Members not configured",
        ERROR,
        "The operator did not configure all namespaces of the member roll within the time; workloads made there now have no sidecar. "
        "A namespace that does not exist and that nobody creates meanwhile is a warning: the run goes on after 10 seconds.",
        "Create the namespaces that do not exist, look at the operator's log for the others, then run again.",
    ),
    "FED611": Code(
        "OLM has given up",
        ERROR,
        "A failed InstallPlan and a bundle that cannot be unpacked are not tried again for the same version.",
        "Fix what the message says, delete the failed InstallPlan (or the Subscription) and run again.",
    ),
    "FED612": Code(
        "Operators that are not installed in time",
        ERROR,
        "OLM has not finished within the time allowed; the message has what it says of each Subscription.",
        "ResolutionFailed and CatalogSourcesUnhealthy need the catalog fixed; else run again, the wait goes on.",
    ),
    "FED616": Code(
        "Restarts not finished at the deadline",
        ERROR,
        "Workloads are restarted one batch after the other, and the time allowed has passed; the message has what is not up yet.",
        "Look at the pods of what is named, then run again: it goes on where it stopped and restarts nothing twice.",
    ),
    "FED617": Code(
        "Workload that does not come back",
        ERROR,
        "Kubernetes has given the roll-out up. The run stops at the first such workload, so that the others keep serving.",
        "Fix the workload or undo its last change, then run again.",
    ),
    "FED630": Code(
        "A peering is not as it should be",
        ERROR,
        "What `status` shows is one of the faults that `status_fail_on` names: a peer is not connected both ways (`pending`, the default), one of which "
        "that cannot be known (`unknown`), or a root that soon expires (`expiring`). It was looked at again for some seconds first, since a connection "
        "that is renewed is down for an instant.",
        "Look at the reasons in the table. `status_fail_on: []` shows the same without failing.",
    ),
    "FED631": Code(
        "The cluster differs from the description",
        ERROR,
        "`federate` would change something: somebody has changed the objects, the description, or what it selects since the last run. Nothing was written.",
        "Look at the lines above. Run `federate` to bring the cluster to the description, or correct the description.",
    ),
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
    "FED800": Code(
        "Extension described wrongly",
        ERROR,
        "An entry of `mesh_extensions` lacks a field, has one that does not exist, or a value that neither kind takes. An empty selector or an "
        "empty list is refused: it is more often a mistake than a wish.",
        "Correct the field that the message names. Write `selector: all` for every workload, and `extensions_state: absent` to remove everything.",
    ),
    "FED801": Code(
        "Two extensions of one name",
        ERROR,
        "Name and namespace tell extensions apart, and the second would overwrite the first.",
        "Give each extension of a namespace a name of its own.",
    ),
    "FED802": Code(
        "Field that this kind or version cannot express",
        ERROR,
        "ServiceMeshExtension and WasmPlugin have different fields, and istiod does not look at some of them before a later version. A field "
        "without effect would pass in silence.",
        "Leave the field out, choose the other kind where the mesh obeys both (2.2), or upgrade.",
    ),
    "FED803": Code(
        "Extension in a namespace outside the mesh",
        ERROR,
        "istiod looks at extensions in its own namespace and in those of configured members. An object elsewhere does nothing.",
        "Add the namespace to `mesh_members` and run `control_plane`, or correct the extension's namespace.",
    ),
    "FED804": Code(
        "Kind or version without such extensions",
        ERROR,
        "ServiceMeshExtension ends with 2.2, WasmPlugin begins with it. The API server takes both, and the mesh obeys one.",
        "Leave `kind` out: the version of the mesh then decides.",
    ),
    "FED805": Code(
        "Extension that sees other calls than it should",
        ERROR,
        "From 2.3 on a WasmPlugin also runs on the outbound calls of the workloads that it selects, where nothing limits it; before, it never does. "
        "On 2.3 only istiod's environment limits it: an extension that authorizes requests would authorize what the workload itself calls.",
        "Set `APPLY_WASM_PLUGINS_TO_INBOUND_ONLY` for istiod on 2.3, or say `traffic` as the version has it.",
    ),
    "FED806": Code(
        "Wasm extensions are off",
        ERROR,
        "Without the cacher that `techPreview.wasmExtensions.enabled` brings, no ServiceMeshExtension ever becomes ready.",
        "Turn it on in the control plane's description.",
    ),
    "FED807": Code(
        "Module that can change under running proxies",
        WARNING,
        "A tag names another image tomorrow, and proxies that start later run another module than those that run already.",
        "Write the digest behind the tag: `registry.example/header:1.2@sha256:…`. For http and https addresses give `sha256`.",
    ),
    "FED808": Code(
        "Order that nobody has said",
        WARNING,
        "Extensions of one phase run by priority, the higher first. Equal ones run in an order that depends on when they were made.",
        "Give each of them a `priority`.",
    ),
    "FED809": Code(
        "Extension that selects no pod",
        WARNING,
        "A selector with a wrong label is valid, and the extension does nothing until a pod fits.",
        "Compare the selector with the labels of the pods. Pods without a proxy do not count.",
    ),
    "FED810": Code(
        "Extension in both kinds",
        ERROR,
        "On 2.2 both kinds are obeyed. A module that stands in both runs twice for each request.",
        "Convert the old one with the playbook `convert_extensions`, or name the kind that stands.",
    ),
    "FED811": Code(
        "Extension made by somebody else",
        ERROR,
        "An object of this name stands and this collection did not make it for this mesh.",
        "Give the extension another name, or take the object over with `federation_force: true`.",
    ),
    "FED812": Code(
        "Guard that is open until it is fetched",
        WARNING,
        "A proxy holds its new listeners back until it has fetched the module. Until then running proxies answer without the extension, new pods "
        "do not become ready, and later changes of these listeners wait, AuthorizationPolicies among them. A module that cannot be fetched leaves it so "
        "(an Istio of today denies every request instead). Once it is loaded, the extension guards new connections; one that stood before has one more "
        "request answered without it, and is closed then or after the proxy's drain time.",
        "Check first that the proxies can pull the image, try it on one workload, then widen the selector.",
    ),
    "FED813": Code(
        "Extension that never runs on a gateway",
        WARNING,
        "`traffic: inbound` selects the inbound listeners of sidecars; the listeners of a gateway are of the other class.",
        "Write `traffic: gateway`, or select sidecars alone.",
    ),
    "FED814": Code(
        "Extension that proxies have not loaded",
        ERROR,
        "The object stands as described, and some of the pods that it selects do not run it: their listeners wait for it, its module could not be "
        "fetched, or Envoy has rejected it. `facts.loading` tells of each pod. While listeners wait, running proxies answer as before, and new pods do "
        "not become ready. A proxy whose Envoy has rejected a module goes on with the one before, or answers each request with 500 where it had none. "
        "Where an agent's filter denies every request in the module's place, it does so on new connections at once, and on one that stood before after "
        "one more request.",
        "Look into the log of a pod's proxy, correct the image, its pull secret or `config` and run again, or take the extension out of `mesh_extensions`.",
    ),
    "FED815": Code(
        "Extension that is made anew",
        WARNING,
        "On 2.0 nothing picks up a ServiceMeshExtension that has changed, so it is deleted and made anew. Until proxies have fetched the module again, "
        "requests pass without the extension.",
        "Change it when that does no harm, or upgrade to v2.1 first, where a change is picked up.",
    ),
    "FED820": Code(
        "Extension that cannot become a WasmPlugin",
        ERROR,
        "A ServiceMeshExtension has something that a WasmPlugin does not express, or that its version does not look at: free text as its "
        "configuration, several pull secrets, a pull secret on 2.2, the pull policy Never.",
        "Change the extension as the message says, then convert.",
    ),
    "FED821": Code(
        "Nothing tells that the new extension is loaded",
        ERROR,
        "An extension that guards requests is created in the new kind before the old one goes. A WasmPlugin has no status, so the proxies are asked. "
        "Where one does not run it, or nobody can tell, somebody has to see it in each proxy. Until then both stand, and the module runs twice.",
        "Look into the pods that the result names in `facts.selected`, then run again with `convert_extensions_loaded`.",
    ),
    "FED822": Code(
        "No copy of what is to be deleted",
        ERROR,
        "A run that dies between the deletion of the old object and the creation of the new one leaves neither. The files bring both back.",
        "Set `convert_extensions_dir` (option dest).",
    ),
    "FED823": Code(
        "Image that a WasmPlugin may not be able to read",
        ERROR,
        "A ServiceMeshExtension reads the module that the image's manifest names, a WasmPlugin the file `plugin.wasm`, on 2.2 from the only layer.",
        "Build an image with `/manifest.yaml` (`module: plugin.wasm`) and `/plugin.wasm` in one gzip layer, which both kinds read, and name it in "
        "`convert_extensions_images`.",
    ),
    "FED824": Code(
        "Extension that never becomes ready on this OpenShift",
        WARNING,
        "On OpenShift 4.11 and later the operator does not get the module of a ServiceMeshExtension out of its image (OSSM-1505): it never becomes "
        "ready, and requests pass without it.",
        "Write `kind: WasmPlugin` on a control plane of 2.2, or upgrade to 2.3; a 2.1 has no other kind.",
    ),
    "FED830": Code(
        "Not a Wasm module",
        ERROR,
        "The file is something else than a module of WebAssembly 1.0: compressed, a component, a text, a program of a machine.",
        "Name the `.wasm` file that the build has made; unpack it first. A component has to be built as a core module.",
    ),
    "FED831": Code(
        "Broken Wasm module",
        ERROR,
        "The file breaks the binary format: it is cut off, was changed on the way, or was made to look like a module.",
        "Copy or build it again, and compare its digest with that of the source.",
    ),
    "FED832": Code(
        "Module without a Proxy-Wasm ABI",
        ERROR,
        "Envoy loads a module only if one of its exported functions names the version of the Proxy-Wasm ABI. Other modules are for other programs.",
        "Build it with a Proxy-Wasm SDK (C++, Rust, Go, AssemblyScript).",
    ),
    "FED833": Code(
        "Proxy-Wasm ABI that no proxy here takes",
        ERROR,
        "The proxies of 2.1 to 2.6 take versions 0.1.0, 0.2.0 and 0.2.1.",
        "Build it with an SDK of one of these versions.",
    ),
    "FED834": Code(
        "Module with another digest",
        ERROR,
        "The file is not the one whose digest was written down: an older build, or one that somebody changed.",
        "Do not use it until you know who changed it. Then write the digest down anew.",
    ),
    "FED835": Code(
        "Module beyond all bounds",
        ERROR,
        "The file is larger, or has more or longer names, than any compiler writes. Reading on would cost time and memory without end.",
        "See whether it is the right file, or strip its debugging symbols.",
    ),
    "FED836": Code(
        "Module file that cannot be read",
        ERROR,
        "The file does not exist, may not be read, or is a link, a folder, a pipe or a device. Links are not followed: others could lead them elsewhere.",
        "Name the file itself.",
    ),
    "FED837": Code(
        "Module that needs more than every proxy gives",
        WARNING,
        "A module imports functions of its host. Where the proxy does not have one of them, it refuses the whole module, and with it every change of the "
        "listener.",
        "Build it with an older SDK or for another target, or try it on one workload first.",
    ),
    "FED838": Code(
        "Module that no proxy can speak with",
        ERROR,
        "A proxy hands over data in the module's memory, which the module must export with a function that allocates.",
        "Build it with a Proxy-Wasm SDK as a library (reactor), and strip nothing that is exported.",
    ),
    "FED839": Code(
        "Service of 3scale that is never reached",
        WARNING,
        "The adapter uses the first service whose authorities match, in the order in which the services stand.",
        "Take the authority out of one of the two services, or put the narrower one first.",
    ),
    "FED840": Code(
        "Image that wants a login, and no pull secret",
        WARNING,
        "Red Hat's registry gives images to nobody without a login. A module that cannot be pulled leaves running proxies without the adapter, and "
        "new pods never become ready.",
        "Give `pull_secret`, a Secret in the namespace of the adapter, or use a registry that is open to the proxies.",
    ),
    "FED841": Code(
        "Not an image that can be read",
        ERROR,
        "The archive is something else than one image as an OCI layout: a Docker archive, several images, a text, or broken.",
        "Save it with `skopeo copy docker://… oci-archive:image.tar`.",
    ),
    "FED842": Code(
        "Image with another digest",
        ERROR,
        "A part of the image is not what its digest says, or the image is not the one that was asked for. It was changed on the way, or somebody "
        "offers another one under its name.",
        "Save it anew from a registry that you trust, and compare the digest with that of the build.",
    ),
    "FED843": Code(
        "Image whose layer is out of bounds",
        ERROR,
        "A layer unpacks to more than any module needs, is no archive, or has a link where the module or its manifest belongs.",
        "Build the image anew with `wasm_image`.",
    ),
    "FED844": Code(
        "Image without a module that anybody reads",
        ERROR,
        "A ServiceMeshExtension reads the file that `/manifest.yaml` names, a WasmPlugin the file `plugin.wasm` of the last layer or an artifact of two "
        "layers. The image has neither.",
        "Build it with `wasm_image`, which packs the module so that both read it.",
    ),
    "FED845": Code(
        "Import that a traffic rule still needs",
        ERROR,
        "`mesh_imports` does not take the service from that peer any more, and `mesh_traffic` still sends calls to it. They would fail from the moment the "
        "import goes, so nothing is written.",
        "Take the peer out of the rule of `mesh_traffic`, or put the rule of `mesh_imports` back.",
    ),
    "FED846": Code(
        "Callers that a policy cuts off",
        WARNING,
        "Prometheus has seen these callers of the workload in the last seven days, and the ALLOW policy of `callers` does not name them. A caller "
        "without an identity (plain text) can be named by no policy.",
        "Add them to `callers.local`, or rehearse with `dry_run: true` from 2.2 on. That a caller was not seen proves nothing.",
    ),
    "FED847": Code(
        "Clients without a known locality",
        WARNING,
        "istiod gives priorities and weights of localities only to a proxy that has a locality: from its Envoy, from the label `istio-locality` of its "
        "pod, or from its node where istiod reads nodes. Other clients share calls by number of endpoints.",
        "Label the pods (`istio-locality: <region>`) and restart them. To have Envoys asked, give the right of `mesh-insight.yml`.",
    ),
    "FED850": Code(
        "Traffic rule that cannot be read",
        ERROR,
        "`mesh_traffic` is a list with one mapping per service. A key that is unknown, or there and empty, could "
        "mean anything, so it means nothing. `mesh_traffic: []` withdraws all that was there.",
        "Correct the entry; `docs/traffic.md` shows each key.",
    ),
    "FED851": Code(
        "Service that is not there",
        ERROR,
        "Traffic is routed to a service that stands in a member namespace, or that a peer gives under that name.",
        "Correct the name, written `namespace/name` as it is called in this mesh, or create the Service.",
    ),
    "FED852": Code(
        "Peer that the service does not go to, or come from",
        ERROR,
        "Failover needs the service imported as local under the same names, a share needs it imported, callers of "
        "a peer need it exported to that peer.",
        "Add the rule to `mesh_imports` or `mesh_exports`, run `federate`, then run again.",
    ),
    "FED853": Code(
        "Two traffic rules for one service",
        ERROR,
        "Of two rules for one host a proxy obeys one, and nobody said which.",
        "Write everything about one service in one entry.",
    ),
    "FED854": Code(
        "Service account that is not there",
        ERROR,
        "A policy that names an account that does not exist admits nobody, or shuts everybody out.",
        "Correct the name, written `namespace/name`, or create the account first.",
    ),
    "FED855": Code(
        "Weights that cannot be used",
        ERROR,
        "Shares are whole numbers that make 100 together, with `local` for this mesh. Inside one host no side can "
        "get nothing, because Istio empties each locality that has no weight.",
        "Correct the weights. To send a peer nothing, take the split out.",
    ),
    "FED856": Code(
        "Locality without its parents",
        ERROR,
        "istiod drops a locality whole, without an error, when it has a zone without its region or a subzone without its zone.",
        "Give the parts from the region down, as the labels of the nodes have them.",
    ),
    "FED857": Code(
        "Service that cannot be routed so",
        ERROR,
        "A headless Service is called pod by pod, an ExternalName Service has no endpoints, and a policy needs "
        "the selector of a Service to find its workload.",
        "Use a Service with a cluster IP and a selector.",
    ),
    "FED858": Code(
        "Failover and split of one service",
        ERROR,
        "Istio refuses `failover` and `distribute` in one rule, and a service has one imported name per peer. A "
        "split by weight already fails over by itself, since it ejects what fails.",
        "Keep one of the two, or import the service a second time from another export name.",
    ),
    "FED859": Code(
        "Host that a foreign VirtualService holds",
        ERROR,
        "Two VirtualServices for one host are merged in no fixed order, or one of them is ignored.",
        "Put the routes into the VirtualService that is there, or delete that.",
    ),
    "FED860": Code(
        "Host that a foreign DestinationRule holds",
        ERROR,
        "Of several DestinationRules for one host only the first one's traffic policy counts, and it counts "
        "whole. This collection never overwrites yours.",
        "Say `merge: true` to have the fields that the message shows merged into your rule, add them by hand, or delete your rule.",
    ),
    "FED861": Code(
        "Protocol that cannot be routed so",
        ERROR,
        "A split between two hosts needs a Service with one port of HTTP or TCP. Timeouts and retries are read by "
        "the client's sidecar, for HTTP only.",
        "Name the port for what it speaks, or use one Service per port.",
    ),
    "FED862": Code(
        "Local callers that nobody named",
        ERROR,
        "The first ALLOW policy on a workload cuts off every caller that no policy names: workloads of this mesh, "
        "ingress gateways, scrapers, and callers without an identity. Who calls today is not visible in the "
        "objects of the cluster, and no Prometheus told, or the version cannot rehearse, or the policy is enforced already.",
        "List the service accounts in `callers.local`, or write `local: nobody`. From 2.2 on, set `traffic_prometheus_url` to have the policy "
        "rehearsed with the callers that were seen.",
    ),
    "FED863": Code(
        "Object in the way",
        ERROR,
        "An object of somebody else has the name that a traffic rule needs, or a workload bears the label of a "
        "gateway and would be hit by the gateway's policy.",
        "Rename or delete that object, or take the label off the workload.",
    ),
    "FED864": Code(
        "Region that is not known",
        ERROR,
        "A split by weight inside one host, and failover on 2.1, follow regions. What has none gets no share.",
        "Set `mesh_locality`, and `locality` in `mesh_peers`; in a multi-tenant mesh label the pods "
        "(`istio-locality`), since istiod cannot read nodes there.",
    ),
    "FED865": Code(
        "Rehearsal that this version would enforce",
        ERROR,
        "Control planes before 2.2 ignore the annotation `istio.io/dry-run` and enforce the policy.",
        "Upgrade first, or leave `dry_run` out.",
    ),
    "FED866": Code(
        "Split of two kinds",
        ERROR,
        "A service that is imported as local is one host with several localities; one that has a name of its own "
        "is a second host. One split cannot be both.",
        "Import the service from all peers of the split in the same way.",
    ),
    "FED867": Code(
        "Failover on a version that may not have it",
        WARNING,
        "OSSM-1211: reports disagree whether failover to a peer works on 2.1 to 2.3. It was fixed late in 2.1.z "
        "and in 2.2 by one account, by another it fails up to an unknown patch of 2.3.",
        "Try it before you rely on it: scale the local workload down and call the service.",
    ),
    "FED868": Code(
        "Traffic rules that cannot be read",
        ERROR,
        "Without reading VirtualServices, DestinationRules and AuthorizationPolicies of the mesh's namespaces "
        "nobody knows whether a host is held by somebody else.",
        "Ask a cluster administrator for the Role of `playbooks/files/mesh-traffic.yml`, explained in `docs/rights.md`.",
    ),
    "FED869": Code(
        "Split by number of endpoints",
        WARNING,
        "A service that is imported as local beside a local Service is shared by number of endpoints: each pod of "
        "our egress gateway counts as one. No rule says that this is meant.",
        "Add `failover_to` or `split` for it to `mesh_traffic`.",
    ),
    "FED870": Code(
        "Rule that would turn mutual TLS off",
        ERROR,
        "With `automtls: false` a host is called with mutual TLS only where a DestinationRule says so, and the "
        "traffic policy of a new rule counts whole.",
        "Turn `security.dataPlane.automtls` on, or keep a DestinationRule with `tls` for `*.local`, whose `tls` is taken over.",
    ),
    "FED871": Code(
        "Exported service whose policies refuse the peer",
        WARNING,
        "All callers of a peer arrive as this mesh's own ingress gateway for that peer. An ALLOW policy that lists only local "
        "callers, or a DENY that fits, answers them with 403, though the service is imported over there.",
        "Admit the peer: `callers: {from_mesh: [<peer>], local: [...]}` in `mesh_traffic`, or its gateway in your own policy.",
    ),
    "FED872": Code(
        "Shift whose state cannot be read",
        ERROR,
        "How far a share has moved, and what stood before, is in the annotation `ossm.federation/shift` of its object. Somebody has changed it, and "
        "a guess could send all calls to the wrong side.",
        "Take the annotation off the object. The next run of `traffic` then writes the goal, the next `shift` starts from what stands.",
    ),
    "FED873": Code(
        "Share that stands and has no name",
        ERROR,
        "The split on the cluster gives a share to a host or a region that belongs to none of the peers described, so there is no way from there "
        "to the goal.",
        "Describe that peer or its locality again, or run `traffic`, which writes the goal at once.",
    ),
    "FED874": Code(
        "Share that was stepped back",
        ERROR,
        "After a step too many calls failed, or nothing proved that they do not. The weights that stood before the first step stand again, and "
        "`traffic`, `site` and `federate` leave them alone.",
        "Find the cause, then run `shift` again, or end it with `shift_abort: true` and change `mesh_traffic`.",
    ),
    "FED875": Code(
        "Prometheus that does not answer",
        ERROR,
        "The URL cannot be used, the server does not answer in 20 seconds or 4 MiB, does not accept the token, or answers with something else "
        "than the result of a query. During a shift this proves nothing, so the share is stepped back unless `shift_unproven: go_on`.",
        "Check URL, CA certificate and token, and the way from the machine that runs Ansible.",
    ),
    "FED876": Code(
        "Share that is under way",
        WARNING,
        "`shift` moves this share, or has stepped it back. Other runs leave its weights alone, whatever `mesh_traffic` says.",
        "Run `shift` to go on, or `shift` with `shift_abort: true` to put back what stood before.",
    ),
    "FED877": Code(
        "Shift described wrongly",
        ERROR,
        "Steps rise to 100 per cent of the way, a pause has an end, and a share that moves needs a split in `mesh_traffic` as its goal.",
        "Correct the variable that the message names; `docs/traffic.md` shows each.",
    ),
    "FED878": Code(
        "Step that nothing has proven",
        WARNING,
        "Prometheus gave no number for the calls of a step, and `shift_unproven: go_on` lets the share move on all the same.",
        "See that Prometheus scrapes the sidecars of the callers, and that there are calls.",
    ),
    "FED879": Code(
        "Field that your DestinationRule sets otherwise",
        ERROR,
        "With `merge: true` the fields that a rule needs go into your DestinationRule. Yours has another value in one of them, or one of "
        "`distribute`, `failover` and `failoverPriority` beside the one that is needed. Nothing of yours is changed, even with force.",
        "Take the field out of your rule, or write the same value in both.",
    ),
    "FED880": Code(
        "3scale described wrongly",
        ERROR,
        "A field of `mesh_threescale` or `threescale_tests` is missing, is not known, or has a value that the adapter does not take. The adapter takes "
        "its configuration whole or not at all: with one wrong field it refuses every request.",
        "Correct the field that the message names; `docs/threescale.md` lists all of them.",
    ),
    "FED881": Code(
        "Adapter or service that stands twice",
        ERROR,
        "Namespace and name tell adapters apart, and a service's id tells services of one adapter apart. The second would never count.",
        "Give each adapter a name of its own, and each service one entry with all its authorities.",
    ),
    "FED882": Code(
        "Credentials that are never found",
        ERROR,
        "A service needs `user_key` or `app_id`. Each lookup has one source with keys; names of headers are in lower case, and operations are those "
        "that the adapter knows. Whatever else stands there makes every request fail with 403.",
        "Correct the lookup that the message names.",
    ),
    "FED883": Code(
        "Mapping rule that cannot match, or not predictably",
        ERROR,
        "A pattern begins with `/`, may have `{name}` for what varies, and ends with `$` where nothing may follow. The adapter takes other signs in "
        "the path for a regular expression.",
        "Write the pattern with `{name}`, here or in the portal.",
    ),
    "FED884": Code(
        "3scale at an address that proxies cannot or must not call",
        ERROR,
        "Without TLS, service tokens and keys of callers travel in clear. A Service of a namespace outside the mesh has no cluster in the proxies, "
        "and the adapter refuses every request. So does an adapter in the control plane's namespace for workloads elsewhere: a host outside of the "
        "cluster is made known to the proxies of the adapter's own namespace alone.",
        "Write `https://`, or name a Service of a member namespace; describe an adapter in each namespace of its workloads.",
    ),
    "FED885": Code(
        "Tokens that would be handed to the application",
        ERROR,
        "With `passthrough_metadata` the adapter asks 3scale nothing: it hands the service token, the caller's key and the usages to the application "
        "as request headers. Nobody is refused unless the application does so.",
        "Leave it out, or ask for it by its own word: `passthrough_metadata: forward-tokens-to-the-application`.",
    ),
    "FED886": Code(
        "Rules that the adapter fetches by itself",
        ERROR,
        "The adapter of 0.0.1 never uses `system`. Later ones poll the portal from every proxy, and add what they fetch to `mapping_rules`, so that "
        "each request counts twice. The access token would stand in the mesh.",
        "Leave `system` out: the playbook fetches service tokens and rules and writes them.",
    ),
    "FED887": Code(
        "Nobody has said how one adapter takes the other's place",
        ERROR,
        "A ServiceMeshExtension and a WasmPlugin beside each other report each request twice, which counts for limits and bills. With neither of them "
        "the API is open. There is no third way, so somebody has to choose.",
        "Write `switch: overlap` (counted twice meanwhile) or `switch: deny` (every request is refused meanwhile).",
    ),
    "FED888": Code(
        "Nothing tells that the new adapter is loaded",
        ERROR,
        "A WasmPlugin has no status. Somebody has to see in each proxy that the new adapter is in its active listeners before the old one, or the "
        "policy that refuses all requests, is removed.",
        "Look into the pods of `facts.selected`, then run again with `threescale_loaded`. If it does not load, set `kind` back and run again.",
    ),
    "FED889": Code(
        "Test of 3scale that is not met",
        ERROR,
        "The adapter would find another service, other rules or other credentials than `threescale_tests` expects. Nothing is written.",
        "Correct the service that the message names, or the test.",
    ),
    "FED890": Code(
        "3scale's portal cannot be asked",
        ERROR,
        "The machine that runs Ansible reaches no portal at this URL, does not trust its certificate, or gets an answer that is none. Redirections "
        "are not followed: the access token would go along. No proxy is used.",
        "Correct `portal`: `url`, or `ca_cert`. Without a way to the portal write `token` and `mapping_rules` of each service.",
    ),
    "FED891": Code(
        "3scale's portal does not accept the access token",
        ERROR,
        "The token is wrong, or its scopes lack the Account Management API.",
        "Make an access token with the scope Account Management API and the right to read.",
    ),
    "FED892": Code(
        "Service that the portal cannot tell of",
        ERROR,
        "The portal has no such service, nothing promoted to its environment, no service token for it, or no mapping rules.",
        "Compare the id with the portal, and promote the configuration to the environment that the service names.",
    ),
    "FED893": Code(
        "Many may read the service tokens",
        WARNING,
        "What the adapter is told stands in clear in its object, service tokens among it. A group that is wider than the administrators may read it.",
        "Take the right to read these objects from the group, or give the workloads a namespace of their own.",
    ),
    "FED894": Code(
        "Nothing checks the tokens that the adapter looks into",
        WARNING,
        "Claims of a JSON Web Token are there only after a RequestAuthentication has checked it. Without one every request is refused with 403.",
        "Give the adapter `oidc`, or apply a RequestAuthentication for the same workloads.",
    ),
    "FED895": Code(
        "Host of 3scale that somebody else keeps",
        WARNING,
        "A ServiceEntry or DestinationRule of somebody else is for the same host in the same namespace. Two of one host contradict each other, so none "
        "is made.",
        "See that it has the port and TLS (mode SIMPLE) that the adapter needs, or delete it and run again.",
    ),
    "FED896": Code(
        "Secret without an access token",
        ERROR,
        "The Secret that `token_from` names does not exist, or its key holds no access token.",
        "Correct `token_from`, or what the Secret holds.",
    ),
    "FED897": Code(
        "Part of Mixer's 3scale without a counterpart",
        WARNING,
        "Mixer's handlers, instances and rules say it by attributes that the WebAssembly adapter does not have, or leave it to the portal.",
        "Decide what the message names, and write it into the draft by hand.",
    ),
    "FED898": Code(
        "Object in the way of 3scale's adapter",
        ERROR,
        "An object of this name stands and this collection did not make it for this mesh.",
        "Give the adapter another name, or take the object over with `federation_force: true`.",
    ),
    "FED899": Code(
        "Adapters that count each request twice",
        WARNING,
        "Each adapter that runs in a proxy reports each request to 3scale by itself, which counts for limits and bills.",
        "Narrow the selector of one, or put the services of both into one adapter.",
    ),
    "FED900": Code(
        "A pod does not answer",
        ERROR,
        "Envoy's admin interface and istiod's debug pages answer inside their pod only, so they are asked by port-forward, with the same "
        "account as every other request. The pod did not answer there: it does not run, nothing listens, or the way is cut.",
        "Look whether the pod runs and is ready, and run again.",
    ),
    "FED901": Code(
        "An answer of a pod that cannot be used",
        ERROR,
        "What a pod answers over a forwarded port is read as a stranger's: it is bounded in bytes and time and must have the shape that its "
        "version gives it.",
        "See which program answers on that port; nothing of the answer was used.",
    ),
    "FED902": Code(
        "Scaled to zero",
        ERROR,
        "The control plane wants this component and its Deployment has no replicas, so nobody does its work.",
        "Scale it up, or say in the ServiceMeshControlPlane that it is not wanted.",
    ),
    "FED903": Code(
        "Component that is not well",
        ERROR,
        "The component has too few pods that are available, or its own page says that it is not ready.",
        "Look at its pods (`oc describe`, `oc logs`): images, scheduling, quotas and probes are the usual causes.",
    ),
    "FED904": Code(
        "Component that is missing",
        ERROR,
        "The control plane says that this component is wanted, and it is not there.",
        "Look at the conditions of the ServiceMeshControlPlane and at its operator, which makes it.",
    ),
    "FED905": Code(
        "Gateway that nobody can reach",
        ERROR,
        "The gateway's pods are available, and its Service is missing or its load balancer has no address yet.",
        "Look at the events of the Service; the cloud's quota and the annotations of the load balancer are the usual causes.",
    ),
    "FED906": Code(
        "Certificate that ends soon",
        WARNING,
        "A root has less than 30 days left, or a certificate that renews itself was not renewed in time. When it ends, calls fail.",
        "Renew the root as `docs/changing.md` tells; where a proxy does not renew its certificate, look at istiod's log and the proxy's.",
    ),
    "FED907": Code(
        "Peer that is not connected both ways",
        ERROR,
        "One direction of the peering, or both, does not stand, or nothing proves that it does.",
        "Run `ossm.federation.status`, which shows the reasons by direction.",
    ),
    "FED908": Code(
        "Proxy that no istiod knows",
        ERROR,
        "The proxy runs and every istiod has answered, and none of them has a connection to it. It keeps its last configuration, and what has "
        "changed since then does not reach it. A new one serves nothing.",
        "Look at the proxy's log for token and certificate errors, and at network policies between the namespace and istiod.",
    ),
    "FED909": Code(
        "Configuration that a proxy rejects",
        ERROR,
        "The proxy has refused what istiod sent and works with what it had before. Later changes of the same type wait as well. Usually an "
        "EnvoyFilter, a Wasm extension, or two listeners for one address is the cause.",
        "Look at the proxy's log, which names the resource; istiod's log has `ACK ERROR` with the same words.",
    ),
    "FED910": Code(
        "Proxy that lags behind",
        WARNING,
        "What istiod sent last is not acknowledged. istiod keeps the last acknowledgement, so a rejection looks the same from there; here the "
        "proxy could not say more.",
        "Look again after a minute; if it stays, look at the proxy's log, its memory and its CPU limit.",
    ),
    "FED911": Code(
        "Proxy that waits for its certificates",
        ERROR,
        "The proxy has its clusters and never asked for listeners: it waits for its certificate and serves nothing, though by its "
        "acknowledgements it looks synced.",
        "Look at the proxy's log for the signing request; the token's audience, the clock and the CA of istiod are the usual causes.",
    ),
    "FED912": Code(
        "Proxy that istiod lists and that is gone",
        WARNING,
        "An istiod lists a proxy of which no pod is left. It costs a little memory and ends when the connection times out.",
        "Nothing has to be done; if there are many for hours, restart that istiod.",
    ),
    "FED913": Code(
        "Proxy of which nothing is known",
        WARNING,
        "A replica of istiod did not answer, two of them list the proxy, or it has only just started. So nobody can say whether it is in order.",
        "Give the account the rights of `playbooks/files/mesh-insight.yml`, see that all replicas of istiod run, and look again.",
    ),
    "FED914": Code(
        "Mesh that is not as health_require asks",
        ERROR,
        "The run looked at the mesh as a gate, and something of what the gate is about is not in order or could not be read.",
        "Follow the codes in the table. `health_require: none` shows the same and fails nothing.",
    ),
    "FED915": Code(
        "Certificate that has ended",
        ERROR,
        "A certificate or root that a gateway uses is no longer valid, so calls through it fail.",
        "Where a gateway does not renew its certificate, look at its log and at istiod's; a root is renewed as `docs/changing.md` tells.",
    ),
    "FED916": Code(
        "Import that is not reached",
        ERROR,
        "A request to an imported service, made from a pod with a sidecar, did not get to the service: an Envoy answered in its place, the "
        "connection was refused or closed, its name is not known in the pod, or no answer came in time.",
        "Run `diagnose` for that peer: it names the first thing on the way that does not hold, and who must act.",
    ),
    "FED917": Code(
        "Import of which it is not known whether it is reached",
        WARNING,
        "Nobody could ask, or the answer does not tell the service from a proxy: no pod has a program to ask with, a right is missing, the "
        "import's ports are not known, or an answer without a body has a status that both give.",
        "The evidence says which. Name a pod in `verify_from` whose image has curl, python3 or wget, and a path in `verify_paths`.",
    ),
    "FED918": Code(
        "Requests from containers that nobody has asked for",
        ERROR,
        "`verify` runs a program in the container of an application, which is somebody's own. So it does that only when it is told to.",
        "Set `verify_exec: true`, with the rights of `playbooks/files/mesh-verify.yml`.",
    ),
    "FED919": Code(
        "Mesh whose imports are not as verify_require asks",
        ERROR,
        "The run made requests as a gate, and an import was not reached, or could not be asked for.",
        "Follow the codes in the table, or run `diagnose`. `verify_require: none` shows the same and fails nothing.",
    ),
    "FED920": Code(
        "Configurations that differ",
        ERROR,
        "Two proxies that should have the same configuration have not, and `compare_fail` makes that a failure.",
        "Look at the fields that are shown. What differs by nature is folded away with `compare_fold`.",
    ),
    "FED921": Code(
        "Nothing to compare",
        ERROR,
        "A pod or workload that was named does not exist, has no proxy that runs, or its namespace cannot be read.",
        "Write it as namespace/name of a pod or of its workload, as `health` shows them.",
    ),
    "FED922": Code(
        "Dump that cannot be read",
        ERROR,
        "What should be the configuration of an Envoy has not the shape of one: it is no JSON, has no `configs`, or is too large.",
        "Give a file that `compare_save` has written, or what `pilot-agent request GET config_dump` prints.",
    ),
    "FED923": Code(
        "Path to fold away that is none",
        ERROR,
        "`compare_fold` lists paths of fields that may differ. A path begins with a section and has `/` between its names; `*` stands for "
        "one name, `**` for any number.",
        "Correct the path, such as `clusters/*/connect_timeout`. Names that hold `/` are written with `~1`.",
    ),
    "FED924": Code(
        "Comparison that is not clear",
        ERROR,
        "The words that say what is compared with what do not fit together.",
        "Give `compare_of`, and at most one of `compare_with` and `compare_with_file`. istiod is compared with one pod.",
    ),
    "FED925": Code(
        "Request that cannot be made as it is written",
        ERROR,
        "`verify_from` or `verify_paths` names something that is no pod, no path, or no import of the mesh.",
        "Write a pod or workload as namespace/name, an import as `status` shows it, and a path that begins with a slash.",
    ),
    "FED926": Code(
        "Argument that the event source does not know",
        ERROR,
        "A rulebook gives the event source `ossm.federation.federation` an argument that it does not have, or no `mesh`.",
        "Correct it: `docs/events.md` lists the arguments. Connection options are those of the modules.",
    ),
    "FED930": Code(
        "Access log that is off",
        WARNING,
        "The proxies of a mesh write an access log only where the control plane or a Telemetry object says so; by default they write none. "
        "Without it a request leaves no line in any proxy, and the logs hold applications' own lines and warnings of proxies alone.",
        "Set `spec.proxy.accessLogging.file: {name: /dev/stdout, encoding: JSON}` in the ServiceMeshControlPlane. Running proxies take it "
        "without a restart; requests from then on leave lines.",
    ),
    "FED931": Code(
        "Question that cannot be read",
        ERROR,
        "A variable of the playbooks `logs`, `diagnose` or `explain` is not of the shape that it has: a service, a status, "
        "a flag, a time, a format, or a regular expression that could take very long on a line that others wrote.",
        "Correct what the message names; `docs/logs.md` and `docs/diagnose.md` have an example of each.",
    ),
    "FED932": Code(
        "Too many logs at once",
        ERROR,
        "The logs of more containers are asked for than are read in one run.",
        "Name fewer workloads in `logs_of`, or the containers in `logs_containers`.",
    ),
    "FED933": Code(
        "Log that was cut",
        WARNING,
        "A container has written more than is read of it. The API server gives a log from its beginning, so the latest lines are missing.",
        "Ask for less time with `logs_since`, for the last lines with `logs_tail`, or for more with `logs_most_mib`.",
    ),
    "FED934": Code(
        "Name of an image that cannot be read",
        ERROR,
        "An image in a registry is named by the registry, the repository and a tag or a digest. A name without a registry means another one "
        "in each program, and user and password have no place in it.",
        "Write `registry.example/team/header:1.2@sha256:…`; for Docker Hub, `docker.io/team/header:1.2`.",
    ),
    "FED935": Code(
        "Registry that cannot be used",
        ERROR,
        "The registry does not answer within `registry_timeout`, its certificate is not valid, or it answers with something else than it was "
        "asked for. A proxy of the machine's environment is not used.",
        "Check the name of the image, `registry_ca_cert`, and the way from the machine that runs Ansible.",
    ),
    "FED936": Code(
        "Registry and login that do not fit",
        ERROR,
        "The registry refuses the login, or wants it where it does not belong: at another host than its own, or by plain HTTP.",
        "Give the login of an account with the right to read, or to write. Name the host that gives the registry's tokens in "
        "`registry_token_host`, if it is the registry's own.",
    ),
    "FED937": Code(
        "Registry that leads elsewhere",
        ERROR,
        "An answer leads away from TLS, to an address of this machine, its link or a private network that the registry is not in itself, round in circles, or "
        "has what is pushed sent to another host. Nothing was sent there.",
        "Ask who runs the registry.",
    ),
    "FED938": Code(
        "Tag that names another image",
        ERROR,
        "The tag stands in the registry already, for another image. Proxies that pull by the tag would run another module, each at its own time.",
        "Give each module a tag of its own, or set `move_tag: true`.",
    ),
    "FED939": Code(
        "Image that is not signed by the key",
        ERROR,
        "`public_key` was given, and the image has no signature, none by that key, or one that was made for another image. Signatures are looked for "
        "where `cosign sign --key` puts them, under the tag `sha256-<digest>.sig` beside the image. Keys are ECDSA on P-256, RSA from 2048 "
        "bits on, or Ed25519.",
        "Do not use the image until you know who built it. Sign it, or give the key of who signs.",
    ),
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
    "FED970": Code(
        "Saved report that cannot be compared with",
        ERROR,
        "`report_since` names the report of an earlier run, from which the page takes what has changed. Only the JSON that `report_json` "
        "writes has all of it; the HTML page and the report of other playbooks (`federation_report`) have not.",
        "Run `report` once with `report_json`, keep that file, and name it in `report_since` the next time.",
    ),
    "FED971": Code(
        "No Jinja2 for the page",
        ERROR,
        "The page is made by Jinja2, which Ansible itself needs. The machine that runs Ansible has it; another machine, or another Python "
        "on it, may not.",
        "Delegate the task to localhost and set `ansible_python_interpreter` to `ansible_playbook_python`, as playbook `report` does.",
    ),
    "FED972": Code(
        "Validation that fails the run",
        ERROR,
        "`validate` found something of a kind that `validate_fail_on` names. The lines before it, and the "
        "result, have all of it.",
        "Correct the objects that the lines name, or set `validate_fail_on: []` to look without failing.",
    ),
    "FED973": Code(
        "Policy that names a namespace that does not exist",
        WARNING,
        "An AuthorizationPolicy compares the namespace of the caller, and nobody calls from there.",
        "Correct the name, or remove it from the rule.",
    ),
    "FED974": Code(
        "Policy for a host that nobody can call",
        ERROR,
        "`hosts` of an AuthorizationPolicy are compared with the host that a call asks for. No Service, "
        "ServiceEntry, import, route or gateway of the mesh has this one.",
        "Correct the host, or remove it from the rule.",
    ),
    "FED975": Code(
        "Policy that names a service account that does not exist",
        ERROR,
        "A principal is `<trust domain>/ns/<namespace>/sa/<service account>`. Without the account no call "
        "arrives as it: an ALLOW admits nobody, a DENY refuses nobody.",
        "Correct the principal, or make the service account.",
    ),
    "FED976": Code(
        "Two DestinationRules for one host",
        WARNING,
        "In one namespace the traffic policy of the oldest rule for a host counts whole, those of others are "
        "passed over, and a subset counts once.",
        "Put both into one DestinationRule.",
    ),
    "FED977": Code(
        "DestinationRule for a host that does not exist",
        ERROR,
        "A rule for a host that no Service, ServiceEntry or import of the mesh has is obeyed by nobody.",
        "Correct `host`; write it in full, `<service>.<namespace>.svc.cluster.local`.",
    ),
    "FED978": Code(
        "Subset whose labels no workload has",
        ERROR,
        "A subset is those pods behind the host that have its labels. Without any, calls to it fail with 503 "
        "(UH).",
        "Correct the labels of the subset, or of the workload.",
    ),
    "FED979": Code(
        "Plain calls to a service that demands mutual TLS",
        ERROR,
        "The DestinationRule tells clients to call without the mesh's certificate, and a PeerAuthentication "
        "with mode STRICT refuses such calls.",
        "Take `tls` out of the DestinationRule or set `ISTIO_MUTUAL`; or set the PeerAuthentication to "
        "PERMISSIVE.",
    ),
    "FED980": Code(
        "Mutual TLS to a service that has turned it off",
        ERROR,
        "The DestinationRule tells clients to call with mutual TLS, and a PeerAuthentication with mode "
        "DISABLE takes plain calls only.",
        "Take `tls` out of the DestinationRule, or turn mutual TLS on where the service is.",
    ),
    "FED981": Code(
        "Subset without labels",
        WARNING,
        "A subset without labels is the whole host, unless its traffic policy is all that is wanted of it.",
        "Give the subset labels, or put its traffic policy into the rule's own.",
    ),
    "FED982": Code(
        "Two Gateways for one host and port",
        WARNING,
        "Two Gateways on the same workload have the same host at the same port. Only one of the two servers "
        "is made.",
        "Take the host out of one of them.",
    ),
    "FED983": Code(
        "Gateway that no workload serves",
        WARNING,
        "The selector of a Gateway names the labels of the ingress or egress pods. No pod of the mesh has "
        "these.",
        "Correct `selector`, or make the gateway in the control plane.",
    ),
    "FED984": Code(
        "Route to a host that does not exist",
        ERROR,
        "A destination that no Service, ServiceEntry or import of the mesh has: calls that take this route "
        "fail with 503. What a peer gives counts while it is connected.",
        "Correct the host; write it in full. For an import look at the status of the peer, and whether it "
        "offers the service.",
    ),
    "FED985": Code(
        "Route for a Gateway that does not exist",
        ERROR,
        "The VirtualService counts for nobody who comes through this Gateway.",
        "Correct `gateways`; write `<namespace>/<name>`.",
    ),
    "FED986": Code(
        "VirtualService without a route",
        ERROR,
        "Without `http`, `tls` or `tcp` it routes nothing, and takes the host from others that would.",
        "Write a route, or remove the object.",
    ),
    "FED987": Code(
        "Weight of an only destination",
        WARNING,
        "With one destination all calls go there, whatever its weight says.",
        "Remove the weight, or add the destination that is missing.",
    ),
    "FED988": Code(
        "Destination that stands twice in one route",
        WARNING,
        "Host, port and subset are those of another destination of the same route, so that their weights add "
        "up.",
        "Keep one of the two with the sum of the weights.",
    ),
    "FED989": Code(
        "Two VirtualServices for one host",
        WARNING,
        "Sidecars obey one VirtualService for a host, the oldest. A Gateway has the routes of both, in an "
        "order that nothing fixes.",
        "Put the routes into one VirtualService, or give each its own namespaces by `exportTo`.",
    ),
    "FED990": Code(
        "Subset that no DestinationRule has",
        WARNING,
        "A route names a subset of a host, and no DestinationRule that the route's namespace sees defines it: "
        "calls that take this route fail with 503 (NC).",
        "Add the subset to the DestinationRule of the host, or correct its name.",
    ),
    "FED991": Code(
        "Object that selects no workload",
        WARNING,
        "Its selector names labels that no pod, Deployment or StatefulSet has where it counts, so it does "
        "nothing.",
        "Correct the labels, or remove the object.",
    ),
    "FED992": Code(
        "Two objects without a selector in one namespace",
        ERROR,
        "Each of them is for the whole namespace, and only one counts.",
        "Remove one, or give it a selector.",
    ),
    "FED993": Code(
        "Sidecar that names a host that does not exist",
        WARNING,
        "`egress` of a Sidecar lists the hosts that a workload may know. This one is no Service, ServiceEntry "
        "or import of the mesh.",
        "Correct the host, `<namespace>/<name in full>`. Imported services stand in the control plane's "
        "namespace.",
    ),
    "FED994": Code(
        "TLS settings for a host that a peer gives",
        ERROR,
        "Calls to an imported service go to our egress gateway, by mutual TLS of the mesh. Any other mode "
        "breaks them.",
        "Leave `tls` out, or set `ISTIO_MUTUAL`.",
    ),
    "FED995": Code(
        "Policy that names an identity of a peer",
        WARNING,
        "Both gateways end mutual TLS: calls of a peer arrive with the identity of our own ingress gateway "
        "for it. An identity of the peer's trust domain is seen at the gateway only.",
        "Name the service account of our ingress gateway for that peer, or use `callers` of `mesh_traffic`.",
    ),
}
