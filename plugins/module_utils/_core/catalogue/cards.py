# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of cards and trust."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

CARDS: dict[str, Code] = {
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
}
