# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of cards and trust."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

CARDS: dict[str, Code] = {
    "FED201": Code(
        "Card cannot be read or written as JSON",
        ERROR,
        "The text is not JSON as cards use it, or the file cannot be read or written. Cards come from other "
        "organizations, so nothing in them is guessed.",
        "Ask the peer for the file that `publish_cards` wrote, and hand it over unchanged.",
    ),
    "FED202": Code(
        "Card or bundle too large, or nested too deep",
        ERROR,
        "A valid card is far smaller than 1 MiB and has at most six levels, and a bundle larger than 1 MiB does not "
        "fit into a ConfigMap.",
        "Ask for the file that `publish_cards` wrote; give only the root certificates of one mesh.",
    ),
    "FED203": Code(
        "Field unknown, missing or malformed",
        ERROR,
        "A card must have exactly the documented fields, so that nothing can be smuggled in or overlooked.",
        "Ask the peer to run `publish_cards` again. `docs/card.md` explains every field.",
    ),
    "FED204": Code(
        "Private key in a bundle",
        ERROR,
        "istiod would give the key to every proxy of the mesh, without an error.",
        "Give certificates only. A key that has left its mesh must be replaced there.",
    ),
    "FED205": Code(
        "Certificate that cannot be read",
        ERROR,
        "One block that cannot be read in every part (its issuer, its subject, its times, its key, each extension), or"
        " two blocks joined without a newline, can make Envoy refuse the whole bundle. Then proxies that start"
        " afterwards fail every handshake, also inside the mesh and with other peers.",
        "Copy the whole file again; put every `-----BEGIN CERTIFICATE-----` on a line of its own. If the error "
        "remains, create a new certificate on its own mesh.",
    ),
    "FED206": Code(
        "No certificate",
        ERROR,
        "Without a certificate istiod drops the peer's roots without an error, or Envoy refuses the bundle.",
        "Give the mesh's root certificate as PEM: ConfigMap `istio-ca-root-cert`, key `root-cert.pem`.",
    ),
    "FED207": Code(
        "Certificate that verifies nothing",
        ERROR,
        "Envoy accepts it, but it can verify no certificate of the peer: a workload's certificate; an intermediate"
        " without the root that signed it; a CA whose key usage, extended key usage, name constraints, policies or"
        " critical extensions do not fit SPIFFE identities; two CAs of one name that proxies cannot tell apart.",
        "Give the self-signed root of the mesh, and intermediates only beside the root that signed them.",
    ),
    "FED208": Code(
        "Root expired, or not valid yet",
        ERROR,
        "Proxies refuse every certificate that such a root signed. Proxies allow no difference of clocks; this "
        "collection allows five minutes.",
        "Rotate the root on its own mesh, publish its cards again, and drop the expired one from `mesh_extra_roots`.",
    ),
    "FED209": Code(
        "Fingerprint is not the certificate's",
        ERROR,
        "The SHA-256 in the card is not that of its certificate, so one of the two was changed after the card was "
        "made.",
        "Ask the peer's administrator how the card was sent, and for a new one.",
    ),
    "FED210": Code(
        "Root differs from the pin",
        ERROR,
        "The card contains a root that the peer's `root_fingerprints` do not list.",
        "Before you change the pin, compare all eight groups of the fingerprint with the peer's administrator over "
        "another channel, for instance by phone.",
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
        "A card is valid for one peering: its addresses and client identity belong to gateways that serve only its "
        "audience.",
        "Ask the peer for its card for this mesh, `<peer>-for-<this mesh>.json`.",
    ),
    "FED213": Code(
        "This mesh's own card",
        ERROR,
        "This mesh was given a card that it made itself.",
        "Give the card that the peer made for this mesh; hand this one to the peer.",
    ),
    "FED214": Code(
        "Client identity malformed or of another trust domain",
        ERROR,
        "Our ingress gateway compares the identity letter by letter. With `spiffe://` it refuses everything; with a "
        "wildcard it admits too much. An identity of another trust domain would admit a third mesh.",
        "Ask the peer to run `publish_cards` again; it computes `<trust domain>/ns/<namespace>/sa/<service account>`.",
    ),
    "FED215": Code(
        "Trust domain is ours, or the default",
        ERROR,
        "Identities of meshes differ only by their trust domain. If it is ours, the peer's root is not even read; "
        "`cluster.local` is the default of every mesh that sets none.",
        "Give each mesh its own trust domain: `spec.security.trust.domain` in its ServiceMeshControlPlane.",
    ),
    "FED216": Code(
        "Two peers with one trust domain",
        ERROR,
        "istiod keeps one bundle per trust domain, so the roots of one would vouch for the identities of the other. A "
        "card is compared with the other cards and with every peering on the cluster: peers without a card in this "
        "run, suspended, failed, no longer described, made by hand, or half removed.",
        "Give each mesh of a federation its own trust domain, and list a peer only once. If both are one mesh under "
        "two names, remove the former peering first (`unfederate_peers`). Otherwise find out who wrote the card: it "
        "claims another mesh's identity.",
    ),
    "FED217": Code(
        "A known peer's identity changed",
        ERROR,
        "The card brings another root, trust domain or client identity than the peering on the cluster has, or parts "
        "of the peering are missing, so it is unknown whether the card is still the peer's. The cause may be a "
        "rotation or a forged card.",
        "Ask the peer's administrator over another channel; `publish_cards` shows them the digits for this mesh. If the"
        ' digits are those of the message, run once with its line, `federation_accept_changes: ["<peer>=<digits>"]`.'
        " The digits name the card's trust domain, client identity and roots, so the line accepts nothing else, also"
        " when it stays in the inventory. A name without digits accepts nothing.",
    ),
    "FED218": Code(
        "Card from the future, or old",
        ERROR,
        "A time more than 10 minutes after the API server's clock means that a clock is wrong, or that the time was "
        "forged: every card issued before that time would then count as older. Such a card is never accepted. For a "
        "card older than 180 days there is only a warning, and the run continues.",
        "Set the clocks of both sides; ask the peer to run `publish_cards` again.",
    ),
    "FED219": Code(
        "Not a usable address of a peer",
        ERROR,
        "One address with a scheme, a port, an underscore, or without any text makes istiod drop all addresses of the"
        " peer, the good ones too. A loopback, link-local, unspecified, multicast or reserved address, also inside an"
        " IPv6 address, and names such as `localhost` lead back to the calling machine, to its node or to the"
        " platform's metadata service.",
        "Write plain IP addresses or DNS names that the other cluster reaches; ports have options of their own."
        " Testbeds on one machine set `federation_loopback: true`.",
    ),
    "FED220": Code(
        "Card of another mesh",
        ERROR,
        "The file name is for one mesh, and the card in it is of another.",
        "Ask the peer to hand over the file under the name that `publish_cards` gave it.",
    ),
    "FED221": Code(
        "Address that resolves only inside its cluster",
        ERROR,
        "A Service's name does not resolve from another cluster, or resolves to a Service of the same name in this "
        "one. The search path of pods completes names of one or two "
        "labels (`kubernetes.default`, `istiod-basic`) to Services of their own cluster. In a cluster that both meshes "
        "share, the platform's Services, those of our own control plane's namespace and our API server cannot be a "
        "peer's gateway.",
        "Set `same_cluster: true` for the peer on both sides when the meshes share a cluster; else give a DNS name of"
        " at least three labels, or an IP address.",
    ),
    "FED223": Code(
        "Older than the card in use",
        ERROR,
        "The ServiceMeshPeer remembers when the card in use was issued. This one was issued earlier and differs from "
        "it. It may come from the wrong folder, or somebody may use a former card to restore an old address or offer. "
        "An older card with the same content is accepted.",
        "Use the newest card. If the peer's administrator confirms the older one, run once with the line that the "
        "message "
        'gives, `federation_accept_changes: ["<peer>=<digits>"]`; its digits accept only that card with that date.',
    ),
    "FED225": Code(
        "A root that several meshes share",
        WARNING,
        "Envoy uses a root only for the trust domains that it was given for, so the meshes are still told apart. But "
        "the owner of any CA below a shared root can issue certificates for each of these trust domains, including "
        "ours if it is our root.",
        "Nothing, if one company's CA serves these meshes on purpose. Otherwise ask the peer's administrator which "
        "root its mesh really has.",
    ),
    "FED226": Code(
        "A bundle that is not the peer's alone",
        ERROR,
        "The ConfigMap for the peer's roots is the one in which the control plane keeps its own root certificate, or "
        "which another ServiceMeshPeer uses. Writing the peer's root there would make it valid for this mesh or for "
        "the other peer; removing the peer would remove their roots.",
        "Give the peer another `local_name`, or the other ServiceMeshPeer a ConfigMap of its own.",
    ),
    "FED227": Code(
        "Accepted without digits",
        ERROR,
        "An entry of `federation_accept_changes` has no digits, or fewer than 32. It would accept any card that exists "
        "at the time of the run.",
        "Remove the entry. When something changes, the refusal gives the line to paste.",
    ),
    "FED228": Code(
        "A gateway that is not the peer's",
        ERROR,
        "A gateway, Service or Deployment of that name already exists, and nothing shows that it is this peer's: no "
        "label, no network, no ServiceMeshPeer. The operator would turn it into the peer's gateway.",
        "Name another gateway for the peer, or set `adopt: true` for the peer if that gateway is to be its own.",
    ),
    "FED230": Code(
        "Expression that does more than name variables",
        ERROR,
        "`federation_cards` is one expression, and its text may come from a received card. So it may name variables, "
        "join them and take parts of them, but not call anything; no key or attribute in it may begin with an "
        "underscore. It has at most 1,024 "
        "characters.",
        "Write `{{ [card_of_west, card_of_north] }}`, or use `federation_cards_dir` for files.",
    ),
    "FED231": Code(
        "More than a card holds",
        ERROR,
        "A card has at most 1 MiB and 5,000 exported services; every peer would refuse a larger one.",
        "Narrow `mesh_exports`, or say with `to` which peers a rule is for.",
    ),
    "FED232": Code(
        "Key or signature too weak",
        ERROR,
        "An attacker who can compute the private key of a root, or another certificate with its signature, can "
        "impersonate every workload of that mesh. Proxies accept RSA with 2048 to 8192 bits, ECDSA on P-256, P-384 or "
        "P-521, and Ed25519, with signatures by SHA-256, SHA-384 or SHA-512; a peer's bundle may contain nothing else.",
        "Replace the root on its own mesh (`docs/changing.md`). To announce another root than the one on the cluster,"
        " set `mesh_roots`.",
    ),
    "FED233": Code(
        "Weak root of a live peer",
        WARNING,
        "The bundle on the cluster holds a certificate whose key or signature is too weak, or unknown to proxies. "
        "`federate` no longer accepts it from a card; it stays in force until the bundle is changed.",
        "Ask the peer to replace its root, and take its new card.",
    ),
    "FED234": Code(
        "Expression that cannot be evaluated",
        ERROR,
        "`federation_cards` is an expression that names a missing variable, uses a list as a mapping or the like, or "
        "needs more work than any set of cards. Nothing of it was used.",
        "Write `{{ [card_of_west, card_of_north] }}` and define each of these, or use `federation_cards_dir` for"
        " files.",
    ),
    "FED235": Code(
        "Link or special file in the place of a file",
        ERROR,
        "A report or manifest cannot be written: its path is a link, a pipe, a device, a socket or a folder, the "
        "existing file is too large, or the folder cannot be written. Other users may be able to write that folder, "
        "and a link would redirect the write. Links in the path of the folder that you name are followed, links below "
        "it are not. For cards the code is FED201.",
        "Find out who created it, remove it, and run again. If the link is your own, name the folder that it leads to.",
    ),
}
