# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who a peer is: trust domain, client identity, roots. What of that stands, and what an administrator accepts.

A peer is known while any of its objects exist. What is missing cannot be compared, so the objects that we write
remember whom they were written for: annotations of the ServiceMeshPeer and the bundle, sent by the same request as what
they are about. Gateways are made before anything is known of a peer, so they alone say nothing; the control plane
remembers beside them whom they serve, from the first card on.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..card.card import Card
from ..mesh.described import Mesh, Peer
from ..plain.data import at, some
from ..plain.errors import FederationError
from ..plain.fingerprints import fingerprints_in, same_spoken, spoken
from ..plain.kinds import CONTROL_PLANE, MANAGER, MESH_LABEL, ROOT_KEY, bundle_name
from ..plain.moments import time_of, time_text
from ..plain.words import shown
from .changing import roots_changed

IDENTITY = f"{MANAGER}/identity"
DOMAIN = f"{MANAGER}/trust-domain"
ISSUED = f"{MANAGER}/card-issued"
FACTS = f"{MANAGER}/card-facts"
OWNER = f"{MANAGER}/owner"
KNOWN = f"{MANAGER}/known-"
"""Beside the gateways in a ServiceMeshControlPlane, followed by our name of the peer: its identity and trust domain."""
AHEAD = timedelta(minutes=10)

_AROUND = "[]'\" \t"
_SPIFFE = re.compile(r"(?i)^spiffe://")


def digest(purpose: str, *parts: object) -> str:
    """Return the SHA-256 (upper-case hex) of ``parts`` for one purpose.

    They are hashed as a JSON array, which no other parts give: not those of another purpose, and not the same letters
    divided otherwise.
    """
    text = json.dumps([f"ossm.federation {purpose} 1", *parts], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest().upper()


def identity_digest(card: Card) -> str:
    """Return the digest of who a card's mesh is: trust domain, client identity, and roots in whatever order."""
    return digest("identity", card.trust_domain, card.client_id, sorted(root.fingerprint for root in card.roots))


def facts_digest(card: Card) -> str:
    """Return the digest of all that a card says, but for the day on which it was issued."""
    roots = [root.fingerprint for root in card.roots]
    ingress = (
        [list(card.ingress.addresses), card.ingress.discovery_port, card.ingress.service_port] if card.ingress else None
    )
    exports = [
        [export.name, [[port.name, port.number, port.protocol] for port in export.ports]] for export in card.exports
    ]
    return digest("facts", card.mesh, card.audience, card.trust_domain, card.client_id, roots, ingress, exports)


def replay_digest(card: Card) -> str:
    """Return the digest of one card with its day: what is accepted of an older card is that card and no other."""
    return digest("older card", time_text(card.issued), facts_digest(card))


# What is accepted ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Accepted:
    """What ``federation_accept_changes`` names: (name, digits) of each entry; the digits are "" for a bare name."""

    entries: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, entries: Iterable[object]) -> Accepted:
        """Return what entries such as ``west=<digits>`` say; any separators and either case are fine in the digits."""
        texts = [str(entry).strip(_AROUND) for entry in entries or ()]
        parts = [text.partition("=") for text in texts if text]
        return cls(tuple((name.strip(_AROUND), _plain(digits)) for name, _sign, digits in parts))

    def covers(self, names: Iterable[str], wanted: str) -> bool:
        """Return whether one of ``names`` is accepted with the digits of the digest ``wanted``."""
        names = set(names)
        return any(name in names and same_spoken(digits, wanted) for name, digits in self.entries)

    def refuse_strangers(self, known: Iterable[str], option: str = "federation_accept_changes") -> None:
        """Refuse an entry of ``option`` for somebody who is not ``known``, a typing mistake that would accept nothing:
        FED302.
        """
        names = set(known)
        unknown = [name for name, _digits in self.entries if name not in names]
        if unknown:
            raise FederationError(
                "FED302",
                where=option,
                what=f"names {some([shown(name, longest=63) for name in unknown])}, which no mesh of this run knows",
                fix=f"Correct the name, or remove the entry; known are {some(sorted(names)) or 'none'}",
            )

    def check(self) -> None:
        """Refuse an entry that names no digits, or too few: FED227. It would accept whatever comes."""
        for name, digits in self.entries:
            if not re.fullmatch(r"[0-9A-Fa-f]{32,64}", digits):
                raise FederationError(
                    "FED227",
                    where="federation_accept_changes",
                    what=(
                        f"names {name[:63]!a} without the digits of what is accepted, and no peer of that name has "
                        "changed"
                    ),
                    fix=(
                        "Take the entry out; when something changes, the refusal gives the line to paste: the name, an"
                        " equals sign, and eight groups of four digits"
                    ),
                )


def line_for(name: str, wanted: str) -> str:
    """Return the entry of ``federation_accept_changes`` that accepts a digest: the name and the digits to compare."""
    return f"{name}={spoken(wanted)}"


def accept_line(card: Card, name: str) -> str:
    """Return the entry that accepts a card's identity for the peer called ``name``."""
    return line_for(name, identity_digest(card))


def how_to_accept(line: str) -> str:
    """Return in words how a line is given to a run."""
    return (
        f'run once with federation_accept_changes: ["{line}"] (on a command line: -e federation_accept_changes={line})'
    )


def _plain(digits: str) -> str:
    return "".join(sign for sign in digits if sign.isalnum())


# What stands --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """What the cluster knows of the peer that has one of our names, as far as any of its objects exist.

    ``domains`` are all trust domains that its objects name (lower case), ``client_ids`` and ``fingerprints`` likewise.
    """

    name: str
    place: str
    domains: frozenset[str]
    client_ids: frozenset[str]
    fingerprints: frozenset[str]

    @classmethod
    def of(cls, name: str, live_peer: Mapping | None, live_bundle: Mapping | None) -> Standing:
        """Return what a live ServiceMeshPeer and its bundle say; either may be missing."""
        live = live_peer or live_bundle or {}
        metadata = live.get("metadata") or {}
        client_id = _SPIFFE.sub("", _security(live_peer, "clientID").strip())
        domains = {_security(live_peer, "trustDomain"), client_id.partition("/")[0], annotated(live_bundle, DOMAIN)}
        return cls(
            name,
            f"{live.get('kind') or 'ServiceMeshPeer'} {metadata.get('namespace')}/{metadata.get('name')}",
            frozenset(domain.strip().lower() for domain in domains if domain.strip()),
            frozenset({client_id.lower()} if client_id else ()),
            frozenset(roots_in(live_bundle)),
        )


def known_beside_gateways(control_plane: Mapping) -> dict[str, tuple[str, str]]:
    """Return (digest of the identity, trust domain) that a live control plane remembers, by our name of each peer."""
    annotations = at(control_plane, "metadata", "annotations") or {}
    said = annotations if isinstance(annotations, Mapping) else {}
    parts = {key[len(KNOWN) :]: str(text).partition(" ") for key, text in said.items() if key.startswith(KNOWN)}
    return {name: (digits, domain) for name, (digits, _space, domain) in parts.items()}


def refuse_taken(peer: Peer, card: Card, where: str, others: Iterable[Standing]) -> None:
    """Refuse a card that names the trust domain or the client identity of another peer that stands: FED216.

    istiod keeps one bundle for each trust domain, so the card's roots would vouch for the other peer's identities.
    """
    for other in others:
        if other.name == peer.local_name:
            continue
        if card.trust_domain.lower() in other.domains:
            taken = f"the trust domain {card.trust_domain}"
        elif card.client_id.lower() in other.client_ids:
            taken = f"the client identity {card.client_id}"
        else:
            continue
        raise FederationError(
            "FED216",
            where=where,
            what=(
                f"names {taken}, which {other.place} has on this cluster, so {peer.name}'s roots would vouch for the"
                f" identities of {other.name}"
            ),
            fix=(
                f"Ask {peer.name}'s administrator over another channel. If {other.name} and {peer.name} are one mesh, "
                "remove"
                f" the former peering first (unfederate with unfederate_peers={other.name}); else each mesh needs its "
                "own trust domain"
            ),
            facts={"peer": peer.local_name, "other": other.name},
        )


def refuse_shared_bundle(peer: Peer, peers: Mapping[str, Mapping]) -> None:
    """Refuse to write a bundle that another live ServiceMeshPeer names: FED226. Its roots would vouch for both."""
    for name, live in sorted(peers.items()):
        chain = at(live, "spec", "security", "certificateChain", "name") or bundle_name(name)
        if name != peer.local_name and chain == peer.bundle_name:
            metadata = live["metadata"]
            raise FederationError(
                "FED226",
                where=f"mesh_peers, {peer.local_name}",
                what=(
                    f"leads to ConfigMap {metadata['namespace']}/{chain}, which ServiceMeshPeer"
                    f" {metadata['namespace']}/{name} uses"
                ),
                fix=(
                    f"Give {name} a ConfigMap of its own (spec.security.certificateChain.name), or {peer.name} another"
                    " local_name"
                ),
            )


def shared_roots(peer: Peer, card: Card, others: Iterable[Standing], own: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the names with whom a card shares a root (FED225); none where it shares none, or none that is new to us.

    ``own`` are our mesh's own roots by our name. One CA for several meshes is legitimate: the trust domains still tell
    them apart. But the holder of an intermediate certificate below that root can issue certificates for each of these
    trust domains.
    """
    others = list(others)
    known = {one for other in others if other.name == peer.local_name for one in other.fingerprints}
    new = {root.fingerprint for root in card.roots} - known
    holders = {other.name: other.fingerprints for other in others if other.name != peer.local_name}
    return sorted(name for name, roots in {**own, **holders}.items() if new & set(roots))


def identity_changes(
    peer: Peer, card: Card, live_peer: Mapping | None, live_bundle: Mapping | None, known: str = ""
) -> tuple[list[str], list[str]]:
    """Return how a card's identity differs from what a known peer has, in words, and which parts cannot be compared.

    ``known`` is the digest of the identity that the control plane remembers. Both are empty for one that stayed itself.
    What is missing counts as unchanged where an object of ours remembers the very identity of the card, and roots also
    where the peer's entry pins them: ``check_card`` has seen that they fit.
    """
    found: list[str] = []
    gone: list[str] = []
    for word, key, wanted in (
        ("trust domain", "trustDomain", card.trust_domain),
        ("client identity", "clientID", card.client_id),
    ):
        stands = _security(live_peer, key)
        if not stands:
            gone.append(word)
        elif stands != wanted:
            found.append(f"{word} {stands} becomes {wanted}")
    before = roots_in(live_bundle)
    if before:
        found += roots_changed(before, [root.fingerprint for root in card.roots])
    elif not peer.root_fingerprints:
        gone.append("roots")
    is_proven = not found and identity_digest(card) in (
        annotated(live_peer, IDENTITY),
        annotated(live_bundle, IDENTITY),
        known,
    )
    return found, [] if is_proven else gone


def annotated(live: Mapping | None, name: str) -> str:
    """Return the text of one annotation of an object; "" where there is none."""
    annotations = at(live, "metadata", "annotations") or {}
    return str(annotations.get(name) or "") if isinstance(annotations, Mapping) else ""


def _security(live_peer: Mapping | None, key: str) -> str:
    security = at(live_peer, "spec", "security") or {}
    return str(security.get(key) or "") if isinstance(security, Mapping) else ""


def roots_in(live_bundle: Mapping | None) -> list[str]:
    """Return the SHA-256 of each certificate in a bundle; empty where it is missing, or holds none."""
    text = at(live_bundle, "data", ROOT_KEY)
    return fingerprints_in(text) if isinstance(text, str) else []


# What is remembered -------------------------------------------------------------------------------------------------


def remembering(desired: Mapping, card: Card, live_peer: Mapping | None, owner: str | None) -> Mapping:
    """Return a bundle or ServiceMeshPeer as it remembers whom it is written for; other objects as they are.

    Equal facts keep the day that is remembered, so that a card that was only issued again changes nothing.
    """
    if desired["kind"] == "ConfigMap":
        kept = {IDENTITY: identity_digest(card), DOMAIN: card.trust_domain}
    elif desired["kind"] == "ServiceMeshPeer":
        facts = facts_digest(card)
        issued = annotated(live_peer, ISSUED) if annotated(live_peer, FACTS) == facts else ""
        kept = {
            IDENTITY: identity_digest(card),
            FACTS: facts,
            ISSUED: issued if time_of(issued) else time_text(card.issued),
        }
    else:
        return desired
    metadata = desired["metadata"]
    annotations = owned_by({**(metadata.get("annotations") or {}), **kept}, owner)
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def remembering_beside(control_plane: Mapping, peer: str, card: Card) -> dict:
    """Return what the control plane remembers of a peer beside its gateways, as ``identity_manager`` applies it."""
    metadata = control_plane["metadata"]
    kept = {f"{KNOWN}{peer}": f"{identity_digest(card)} {card.trust_domain.lower()}"}
    return {
        "apiVersion": CONTROL_PLANE.api_version,
        "kind": CONTROL_PLANE.name,
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "annotations": kept},
    }


def owned_by(annotations: Mapping[str, str], owner: str | None) -> dict[str, str]:
    """Return annotations with the owner of this description, and no other."""
    return {**{key: text for key, text in annotations.items() if key != OWNER}, **({OWNER: owner} if owner else {})}


def remembered(live: Mapping) -> dict[str, str]:
    """Return what an object of ours remembers, as annotations: a run that writes it without a card keeps them."""
    annotations = at(live, "metadata", "annotations") or {}
    return {key: str(text) for key, text in annotations.items() if key.startswith(f"{MANAGER}/")}


def is_older_and_accepted(
    peer: Peer, card: Card, where: str, live_peer: Mapping | None, accepted: Accepted, names: Sequence[str]
) -> bool:
    """Return whether a card is older than the one in use, says something else, and is accepted as that very card.

    Raises ``FederationError`` FED223 where it is not accepted.
    """
    in_use = time_of(annotated(live_peer, ISSUED))
    if in_use is None or card.issued >= in_use or annotated(live_peer, FACTS) == facts_digest(card):
        return False
    wanted = replay_digest(card)
    if accepted.covers(names, wanted):
        return True
    line = line_for(peer.local_name, wanted)
    raise FederationError(
        "FED223",
        where=where,
        what=(
            f"was issued on {time_text(card.issued)}, before the card of {peer.name} in use ({time_text(in_use)}), and "
            "differs from it"
        ),
        fix=(
            f"Take {peer.name}'s newest card. If {peer.name}'s administrator confirms that this older one is meant,"
            f" {how_to_accept(line)}"
        ),
        facts={"peer": peer.local_name, "accept": line},
    )


def refuse_early(peer: Peer, card: Card, where: str, now: datetime) -> None:
    """Refuse a card from the future: FED218. Remembered, it would make every card until then an older one."""
    if card.issued > now + AHEAD:
        raise FederationError(
            "FED218",
            where=where,
            what=(
                f"was issued on {time_text(card.issued)}, more than 10 minutes after the API server's clock"
                f" ({time_text(now)})"
            ),
            fix=f"Set the clocks of both sides, and ask {peer.name} to run publish_cards again",
        )


# Who describes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Description:
    """Who describes a control plane: the mesh's name, and the owner that it gives; "" where it gives none."""

    mesh: str
    owner: str

    @classmethod
    def of(cls, live: Mapping) -> Description | None:
        """Return who wrote an object of ours; None for one without our label. Sets do not tell their owner."""
        labels = at(live, "metadata", "labels") or {}
        mesh = labels.get(MESH_LABEL)
        return cls(str(mesh), annotated(live, OWNER)) if mesh else None

    def __str__(self) -> str:
        return f"mesh_name {self.mesh} with {f'federation_owner {self.owner}' if self.owner else 'no federation_owner'}"


def refuse_two_descriptions(mesh: Mesh, written: Mapping[str, Mapping], accepted: Accepted) -> None:
    """Refuse to write where another description has written: FED112, until the handing over is accepted.

    ``written`` are live objects of ours by our name of the peer, one for each. Two descriptions of one control plane
    would undo each other's work, one at each run.
    """
    own = Description(mesh.name, mesh.owner or "")
    others: dict[Description, list[str]] = {}
    for _name, live in sorted(written.items()):
        described = Description.of(live)
        if described and (
            described.mesh != own.mesh
            or (described.owner != own.owner and live.get("kind") in ("ServiceMeshPeer", "ConfigMap"))
        ):
            others.setdefault(described, []).append(f"{live.get('kind')} {mesh.namespace}/{live['metadata']['name']}")
    if not others:
        return
    wanted = digest(
        "handing over", mesh.namespace, sorted([one.mesh, one.owner] for one in others), [own.mesh, own.owner]
    )
    if accepted.covers([mesh.name], wanted):
        return
    line = line_for(mesh.name, wanted)
    told = "; ".join(f"{some(places, 1)} by {one}" for one, places in sorted(others.items()))
    raise FederationError(
        "FED112",
        where=f"Control plane namespace {mesh.namespace}",
        what=f"is described twice: here by {own}, and the objects are of {told}",
        fix=(
            "Keep one description of each control plane, and give the other inventory its own control plane. Where the"
            f" mesh or its owner was renamed on purpose, {how_to_accept(line)}"
        ),
        facts={"accept": line, "others": [{"mesh": one.mesh, "owner": one.owner} for one in sorted(others)]},
    )
