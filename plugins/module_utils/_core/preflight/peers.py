# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong in silence with live peers: identity, roots, addresses, names, and istiod's own state.

Source: federation.md sections 1.1, 2.5, 3 and 8 (G15 to G29, G52, G54).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..card.card import Card
from ..card.trust import NEAR_EXPIRY, Root, read_roots
from ..catalogue.findings import Finding, finding_of
from ..peering.status import PENDING, STALE, age, exported, imported, is_suspended, outbound, poll_interval
from ..plain.addresses import is_address, special_kind
from ..plain.data import at, items, listed, mapping, place_of, strings
from ..plain.errors import FederationError
from ..plain.fingerprints import fingerprints_in
from ..plain.kinds import CONFIG_MAP, MESH_LABEL, ROOT_KEY, bundle_name
from ..plain.moments import time_of
from ..plain.words import printable
from .checks import check
from .estate import BUNDLES, EXPORT_SETS, IMPORT_SETS, PEERS, STRAYS, Estate

PATIENCE = timedelta(minutes=10)
_IDENTITY = re.compile(r"(?P<domain>[^/*]+)/ns/[^/*]+/sa/[^/*]+")
# What a peer says that is there, or what our own gateway says before it has asked: neither keeps istiod waiting.
_ANSWERED = ("400", "403", "404", "no such host", "connection refused")
_ROOT_CODES = {
    "FED202": "FED735",
    "FED204": "FED736",
    "FED205": "FED735",
    "FED206": "FED735",
    "FED207": "FED737",
    "FED208": "FED738",
    "FED232": "FED233",
}


@check(reads=[PEERS], codes=["FED730", "FED731", "FED732"])
def security(estate: Estate) -> Iterator[Finding]:
    """Yield what is wrong with the identities that live peers claim."""
    for _name, live in estate.standing():
        yield from _security(estate, live)


@check(reads=[PEERS, BUNDLES], codes=["FED233", "FED734", "FED735", "FED736", "FED737", "FED738", "FED739"])
def bundles(estate: Estate) -> Iterator[Finding]:
    """Give what is wrong with the roots of live peers."""
    for name, live in estate.standing():
        yield from _roots(estate, name, live)


@check(reads=[BUNDLES], codes=["FED738"], is_thorough=True)
def own_roots(estate: Estate) -> Iterator[Finding]:
    """Give roots of the mesh itself that end soon."""
    for root in estate.roots:
        yield from _near_expiry(root, estate.now, f"Root of {estate.mesh.name}")


@check(reads=[PEERS], codes=["FED740", "FED741"])
def addresses(estate: Estate) -> Iterator[Finding]:
    """Give addresses of live peers that lead nowhere."""
    for name, live in estate.standing():
        yield from _addresses(estate, name, live)


@check(reads=[PEERS, BUNDLES], codes=["FED742"])
def against_cards(estate: Estate) -> Iterator[Finding]:
    """Give live peers that differ from what their cards say."""
    for name, live in estate.standing():
        yield from _against_card(estate, name, live)


@check(reads=[PEERS, BUNDLES], codes=["FED743", "FED744"])
def reach(estate: Estate) -> Iterator[Finding]:
    """Give live peers that do not answer, or that istiod does not take up, where nothing else shows why."""
    for name, live in estate.standing():
        has_cause = any(found.code in ("FED734", "FED739") for found in _roots(estate, name, live))
        yield from _reach(estate, live, has_cause=has_cause)


def _security(estate: Estate, live: Mapping) -> Iterator[Finding]:
    place, ours = place_of(live), estate.control_plane.trust_domain
    domain, identity = (
        str(at(live, "spec", "security", "trustDomain") or ""),
        str(at(live, "spec", "security", "clientID") or ""),
    )
    if not domain or domain == ours:
        yield Finding(
            "FED732", f"{place}, spec.security.trustDomain", f"is {ours}, this mesh's own" if domain else "is missing"
        )
    place = f"{place}, spec.security.clientID"
    parts = _IDENTITY.fullmatch(identity)
    if not identity:
        yield Finding("FED731", place, "is missing")
    elif identity.startswith("spiffe://"):
        plain = identity.removeprefix("spiffe://")
        yield Finding(
            "FED730", place, f"starts with spiffe:// ({printable(identity, 160)})", f"Write {printable(plain, 160)}"
        )
    elif not parts:
        what = (
            "holds a wildcard"
            if "*" in identity
            else "has not the five parts <trust domain>/ns/<namespace>/sa/<service account>"
        )
        yield Finding("FED730", place, f"{what} ({printable(identity, 160)})")
    elif domain and parts["domain"] != domain:
        yield Finding(
            "FED730", place, f"belongs to the trust domain {printable(parts['domain'], 80)}, the peer's is {domain}"
        )


def _roots(estate: Estate, name: str, live: Mapping) -> Iterator[Finding]:
    domain, kind = at(live, "spec", "security", "trustDomain"), at(live, "spec", "security", "certificateChain", "kind")
    if kind not in (None, "", CONFIG_MAP.name):
        yield Finding("FED739", f"{place_of(live)}, spec.security.certificateChain", f"has kind {kind}")
        return
    if not domain or domain == estate.control_plane.trust_domain:
        return
    bundle = str(at(live, "spec", "security", "certificateChain", "name") or bundle_name(name))
    place = f"{CONFIG_MAP.name} {estate.namespace}/{bundle}"
    found = estate.config_maps.get(bundle)
    text = at(found, "data", ROOT_KEY)
    if text is None:
        yield Finding(
            "FED734", place, f"{'has no ' + ROOT_KEY if found else 'does not exist'}, and {place_of(live)} needs it"
        )
        return
    if not text:
        yield Finding("FED735", f"{place}, {ROOT_KEY}", "is empty")
        return
    try:
        roots = read_roots(str(text), f"{place}, {ROOT_KEY}", estate.now, trust_domain=str(domain))
    except FederationError as error:
        told = finding_of(error)
        yield Finding(_ROOT_CODES[told.code], told.place, told.seen)
        return
    for root in roots:
        yield from _near_expiry(root, estate.now, f"{place}, root {root.spoken}")


def _near_expiry(root: Root, now: datetime, place: str) -> Iterator[Finding]:
    if root.not_after - now < NEAR_EXPIRY:
        yield Finding("FED738", place, f"expires on {root.not_after:%Y-%m-%d}, in {root.days_left(now)} days")


def _addresses(estate: Estate, name: str, live: Mapping) -> Iterator[Finding]:
    place, addresses = f"{place_of(live)}, spec.remote.addresses", strings(at(live, "spec", "remote", "addresses"))
    wrong = [address for address in addresses if not is_address(address)]
    if not addresses and not _is_suspended(estate, name, live):
        yield Finding("FED741", place, "is empty")
    special = [
        address for address in addresses if address not in wrong and special_kind(address) and not estate.mesh.loopback
    ]
    if wrong or special:
        seen = [f"{printable(str(address), 80)!r}" for address in wrong] + [
            f"{address}, {special_kind(address)}" for address in special
        ]
        yield Finding("FED740", place, f"holds {listed(seen)}")


def _is_suspended(estate: Estate, name: str, live: Mapping) -> bool:
    """Return whether a peer has no address on purpose: the description says so, or without one our own mark on it."""
    if estate.is_described(name):
        peer = estate.mesh.peer(name)
        return peer is not None and peer.suspended
    return is_suspended(live) and MESH_LABEL in mapping(at(live, "metadata", "labels"))


def _against_card(estate: Estate, name: str, live: Mapping) -> Iterator[Finding]:
    card = estate.cards.get(name)
    differences = _differences(estate, name, live, card) if card else []
    if card and differences:
        cure = ""
        if estate.is_described(name):
            cure = (
                "Run federate, which writes the card's values; compare with the peer's administrator first when its "
                "identity changed"
            )
        yield Finding("FED742", place_of(live), f"differs from the card of {card.mesh}: {'; '.join(differences)}", cure)


def _differences(estate: Estate, name: str, live: Mapping, card: Card) -> list[str]:
    pairs: list[tuple[str, Any, Any]] = [
        ("trust domain", at(live, "spec", "security", "trustDomain"), card.trust_domain)
    ]
    pairs += [("client identity", at(live, "spec", "security", "clientID"), card.client_id)]
    if card.ingress and at(live, "spec", "remote", "addresses"):
        remote = at(live, "spec", "remote")
        pairs += [
            ("addresses", ", ".join(map(str, at(remote, "addresses") or [])), ", ".join(card.ingress.addresses)),
            ("discovery port", at(remote, "discoveryPort") or 8188, card.ingress.discovery_port),
            ("service port", at(remote, "servicePort") or 15443, card.ingress.service_port),
        ]
    # What is missing altogether has a code of its own.
    found = [
        f"{word} {printable(str(stands), 120)}, the card says {said}"
        for word, stands, said in pairs
        if stands and stands != said
    ]
    bundle = str(at(live, "spec", "security", "certificateChain", "name") or bundle_name(name))
    text = at(estate.config_maps.get(bundle), "data", ROOT_KEY)
    if text and not set(fingerprints_in(str(text))) >= {root.fingerprint for root in card.roots}:
        found.append(f"roots without {listed(root.spoken for root in card.roots)} of the card")
    return found


def _reach(estate: Estate, live: Mapping, *, has_cause: bool) -> Iterator[Finding]:
    """Give a peer that does not answer, or that istiod does not take up, once it has had time to."""
    created = time_of(at(live, "metadata", "creationTimestamp"))
    if not created or estate.now - created < PATIENCE:
        return
    if not at(live, "status", "discoveryStatus"):
        if not has_cause and not is_suspended(live):
            yield Finding("FED744", place_of(live), f"has had no status since it was made {_ago(estate.now - created)}")
        return
    link = outbound(live, estate.now, estate.version)
    since = estate.now - (link.last_sync or created)
    if link.state not in (PENDING, STALE) or since < max(PATIENCE, 3 * poll_interval(estate.version)):
        return
    if any(word in link.reason for word in _ANSWERED):
        return
    status = link.reason.partition(";")[0] or "no answer yet"
    loud = (
        "; from 2.5 on istiod polls every minute, so it may be blocked most of the time"
        if (estate.version or (0, 0)) >= (2, 5)
        else ""
    )
    last = (
        f"has not sent its list since {_ago(since)}"
        if link.last_sync
        else f"has not answered since it was made {_ago(since)}"
    )
    yield Finding("FED743", place_of(live), f"{last} ({status}){loud}")


def _ago(time: timedelta) -> str:
    return age(int(time.total_seconds()))


@check(reads=[PEERS], codes=["FED733"])
def shared_domains(estate: Estate) -> Iterator[Finding]:
    """Give peers that have one trust domain, by their cards or as they stand."""
    users: dict[str, list[str]] = {}
    domains = {name: card.trust_domain for name, card in estate.cards.items()}
    domains.update({name: str(at(live, "spec", "security", "trustDomain") or "") for name, live in estate.standing()})
    for name, domain in sorted(domains.items()):
        if domain and domain != estate.control_plane.trust_domain:
            users.setdefault(domain, []).append(name)
    for domain, names in users.items():
        if len(names) > 1:
            yield Finding("FED733", f"Peers {listed(names)}", f"have one trust domain, {printable(domain, 80)}")


@check(reads=[PEERS, EXPORT_SETS], codes=["FED745", "FED747"])
def left_exports(estate: Estate) -> Iterator[Finding]:
    """Give sets of exports whose peer is gone, is going, or never was."""
    going = {name for name, live in estate.peers.items() if at(live, "metadata", "deletionTimestamp")}
    for name, live in sorted(estate.exports.items()):
        offered = [row["exported"] for row in exported(live)]
        if name in going and offered:
            yield Finding(
                "FED745", place_of(estate.peers[name]), f"is being deleted while {listed(offered)} is exported to it"
            )
        elif name not in estate.peers and offered:
            yield Finding(
                "FED745", place_of(live), f"still lists {listed(offered)}, but the peer {name} no longer exists"
            )
        elif _is_alone(estate, name) and items(at(live, "spec", "exportRules")):
            yield Finding("FED747", place_of(live), f"has rules, and no ServiceMeshPeer is called {name}")


@check(reads=[PEERS, IMPORT_SETS], codes=["FED746", "FED747"])
def left_imports(estate: Estate) -> Iterator[Finding]:
    """Give sets of imports whose peer is gone, or never was."""
    for name, live in sorted(estate.imports.items()):
        taken = [str(row["imported"]) for row in imported(live) if row["imported"]]
        if name not in estate.peers and taken:
            yield Finding(
                "FED746", place_of(live), f"still lists {listed(taken)}, but the peer {name} no longer exists"
            )
        elif _is_alone(estate, name) and items(at(live, "spec", "importRules")):
            yield Finding("FED747", place_of(live), f"has rules, and no ServiceMeshPeer is called {name}")


def _is_alone(estate: Estate, name: str) -> bool:
    return name not in estate.peers and not estate.is_described(name)


@check(reads=STRAYS, codes=["FED748"], is_thorough=True)
def elsewhere(estate: Estate) -> Iterator[Finding]:
    """Give objects of federation outside the control plane's namespace."""
    for live in estate.elsewhere:
        yield Finding("FED748", place_of(live), f"is not in the control plane's namespace {estate.namespace}")


CHECKS = (
    security,
    bundles,
    own_roots,
    addresses,
    against_cards,
    reach,
    shared_domains,
    left_exports,
    left_imports,
    elsewhere,
)
