# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What changes about a known peer, and what follows from it.

istiod takes most of a changed ServiceMeshPeer over at once, but its policy for services and its gateways per service
keep the identities and gateways that they were made with, until istiod restarts. So the time of such a change is kept
on the object itself, written by the same request as the change: a run that ends right after it loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..plain.data import at
from ..plain.fingerprints import fingerprints_in, spoken
from ..plain.kinds import MANAGER, PEER_LABEL, ROOT_KEY
from ..plain.moments import time_of, time_text

CHANGED = f"{MANAGER}/identity-changed"
# istiod looks at a bundle again when the peer is reconciled, which happens once a minute by itself.
BUNDLE_NOTICED = timedelta(seconds=60)

TRUST_DOMAIN, CLIENT_ID, INGRESS, EGRESS, ROOTS = "trustDomain", "clientID", "ingress", "egress", "roots"
WORDS = {
    TRUST_DOMAIN: "trust domain",
    CLIENT_ID: "client identity",
    INGRESS: "our ingress gateway",
    EGRESS: "our egress gateway",
    ROOTS: "roots",
}
# Which direction of a connection shows that a change works: the peer's into our ingress, ours through our egress.
OUTBOUND = frozenset({ROOTS, TRUST_DOMAIN, EGRESS})
INBOUND = frozenset({ROOTS, TRUST_DOMAIN, CLIENT_ID, INGRESS})
KEPT_BY_ISTIOD = frozenset({TRUST_DOMAIN, CLIENT_ID, INGRESS, EGRESS})


@dataclass(frozen=True)
class Changed:
    """When the identity in an object last changed, by the API server's clock, and in which parts."""

    at: datetime
    parts: frozenset[str]

    @classmethod
    def of(cls, live: Mapping | None) -> Changed | None:
        """Return what an object's annotation says; None where it says nothing that can be read."""
        text = str(at(live, "metadata", "annotations", CHANGED) or "")
        moment, _space, parts = text.partition(" ")
        when = time_of(moment)
        return cls(when, frozenset(parts.split(",")) & frozenset(WORDS)) if when else None

    def text(self) -> str:
        """Return the annotation's text."""
        return f"{time_text(self.at)} {','.join(sorted(self.parts))}"

    def words(self) -> str:
        """Return for people what changed."""
        return " and ".join(WORDS[part] for part in WORDS if part in self.parts)


@dataclass(frozen=True)
class Restart:
    """Whether a mesh's istiod must be restarted: ``since`` the latest change that it has not been restarted after.

    ``reasons`` has one text for each of ``peers``, ``sentence`` is for people; all are empty when nothing is needed.
    """

    since: datetime | None = None
    peers: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    sentence: str = ""

    def to_data(self) -> dict:
        """Return it as JSON-friendly data."""
        return {
            "needed": bool(self.reasons),
            "since": time_text(self.since) if self.since else None,
            "reasons": list(self.reasons),
            "sentence": self.sentence,
        }


def identity_of(manifest: Mapping | None) -> dict[str, Any]:
    """Return the parts of a peer's identity that a ServiceMeshPeer or a bundle holds, by their names; others are
    absent.
    """
    if not manifest:
        return {}
    if "data" in manifest or manifest.get("kind") == "ConfigMap":
        text = at(manifest, "data", ROOT_KEY)
        return {ROOTS: frozenset(fingerprints_in(text)) if isinstance(text, str) else frozenset()}
    spec = manifest.get("spec") or {}
    security, gateways = spec.get("security"), spec.get("gateways")
    if not security and not gateways:
        return {}
    return {
        TRUST_DOMAIN: (security or {}).get("trustDomain"),
        CLIENT_ID: (security or {}).get("clientID"),
        INGRESS: at(gateways, "ingress", "name"),
        EGRESS: at(gateways, "egress", "name"),
    }


def changed_parts(live: Mapping | None, desired: Mapping) -> frozenset[str]:
    """Return which parts of a known peer's identity ``desired`` changes; none for a new object."""
    if live is None:
        return frozenset()
    before, after = identity_of(live), identity_of(desired)
    return frozenset(part for part, value in after.items() if before.get(part) != value)


def dated(desired: Mapping, live: Mapping | None, now: datetime | None) -> Mapping:
    """Return ``desired`` with the time of the latest change of identity, where a known peer's has changed.

    It stays as it is while the identity stays; parts that changed earlier are kept beside those that change ``now``.
    """
    parts, before = changed_parts(live, desired), Changed.of(live)
    if parts and now:
        changed = Changed(now, parts | (before.parts if before else frozenset()))
    elif before:
        changed = before
    else:
        return desired
    metadata = desired["metadata"]
    annotations = {**(metadata.get("annotations") or {}), CHANGED: changed.text()}
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def differences(live: Iterable[Mapping | None], desired: Iterable[Mapping]) -> list[str]:
    """Return in words what of a known peer changes: identity, our gateways, its address.

    ``live`` are its ServiceMeshPeer and bundle, as far as they stand, ``desired`` what is to be applied of them.
    """
    standing = {one["kind"]: one for one in live if one}
    found: list[str] = []
    for wanted in desired:
        before = standing.get(wanted["kind"])
        if before is not None and wanted["kind"] in ("ServiceMeshPeer", "ConfigMap"):
            found += _identity_changed(before, wanted)
            found += _address_changed(before, wanted)
    return found


def _identity_changed(before: Mapping, wanted: Mapping) -> Iterator[str]:
    old, new, changed = identity_of(before), identity_of(wanted), changed_parts(before, wanted)
    for part, word in WORDS.items():
        if part not in changed:
            continue
        if part == ROOTS:
            yield from roots_changed(old.get(ROOTS) or (), new[ROOTS])
        else:
            yield f"{word} {old.get(part) or 'none'} becomes {new[part]}"


def _address_changed(before: Mapping, wanted: Mapping) -> Iterator[str]:
    remote, target = (at(one, "spec", "remote") or {} for one in (before, wanted))
    if target and _reached(remote) != _reached(target):
        yield f"address {_reached(remote)} becomes {_reached(target)}"


def roots_changed(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Return in words which roots come and go, by their fingerprints (SHA-256, upper-case hex)."""
    gone, new = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    kept = set(before) & set(after)
    if gone and new and not kept:
        return [f"{_roots(gone)} replaced by {_spoken(new)}"]
    return [*([f"{_roots(new)} added"] if new else []), *([f"{_roots(gone)} removed"] if gone else [])]


def proven(
    live_peer: Mapping | None, live_bundle: Mapping | None, direction: frozenset[str], connected: datetime | None
) -> bool:
    """Return whether a connection that was made at ``connected`` shows that the latest change of trust works.

    ``direction`` is ``OUTBOUND`` or ``INBOUND``. A connection of before the change says nothing of it, and neither does
    one that was made before istiod can have seen a new bundle. True where nothing has changed since the peer became
    known.
    """
    limit = unproven_until(live_peer, live_bundle, direction)
    return limit is None or (connected is not None and connected > limit)


def unproven_until(
    live_peer: Mapping | None, live_bundle: Mapping | None, direction: frozenset[str]
) -> datetime | None:
    """Return the time after which a connection has to be made to be a proof; None where nothing needs one."""
    moments = [
        changed.at + (BUNDLE_NOTICED if ROOTS in changed.parts else timedelta())
        for changed in (Changed.of(live_peer), Changed.of(live_bundle))
        if changed and changed.parts & direction
    ]
    return max(moments, default=None)


def restart_for(mesh: str, place: str, peers: Mapping[str, Mapping], started: Iterable[datetime] | None) -> Restart:
    """Return whether istiod of ``mesh`` must be restarted, so that it forgets what its peers were.

    ``peers`` are the live ServiceMeshPeers by our names of them, ``started`` when each running istiod pod was made
    (None when that cannot be seen: then it counts as older), ``place`` is its Deployment as ``namespace/name``.
    """
    oldest = None if started is None else min(started, default=datetime.max.replace(tzinfo=timezone.utc))
    found = {
        name: changed
        for name, live in sorted(peers.items())
        if (changed := Changed.of(live)) and changed.parts & KEPT_BY_ISTIOD and (oldest is None or oldest < changed.at)
    }
    if not found:
        return Restart()
    reasons = tuple(
        f"{changed.words()} for {name} changed at {time_text(changed.at)}" for name, changed in found.items()
    )
    namespace, _slash, deployment = place.partition("/")
    sentence = (
        f"istiod of {mesh} must be restarted, because it keeps what it made before {'; '.join(reasons)}: run with "
        f"federation_restart_istiod: true, or kubectl -n {namespace} rollout restart deployment/{deployment}."
    )
    return Restart(max(changed.at for changed in found.values()), tuple(found), reasons, sentence)


def hand_over(mesh: str, peer: str, client_id: str) -> str:
    """Return the sentence for a peer's administrator when our own client identity has changed."""
    return (
        f"Tell the administrator of {peer}: the client identity of {mesh} is now {client_id}, so take the new card of"
        f" {mesh}, run federate with federation_restart_istiod: true and the line for federation_accept_changes that"
        f" its refusal gives (its digits are those that publish_cards of {mesh} shows), because istiod refuses {mesh}'s"
        " calls until then."
    )


def _reached(remote: Mapping) -> str:
    addresses = ", ".join(str(address) for address in remote.get("addresses") or []) or "none"
    return f"{addresses} ({remote.get('discoveryPort') or 8188}, {remote.get('servicePort') or 15443})"


def _roots(fingerprints: list[str]) -> str:
    return f"root {_spoken(fingerprints)} is" if len(fingerprints) == 1 else f"roots {_spoken(fingerprints)} are"


def _spoken(fingerprints: list[str]) -> str:
    return ", ".join(map(spoken, fingerprints))


def labelled(manifest: Mapping) -> str:
    """Return our name of the peer that a manifest of ours is for."""
    return str(at(manifest, "metadata", "labels", PEER_LABEL) or "")
