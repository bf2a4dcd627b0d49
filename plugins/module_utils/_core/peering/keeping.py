# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One peering's changes: what brings it about, what empties it, what takes it away; and what refuses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ..card.card import Card
from ..catalogue.findings import Finding
from ..control_plane.live import ControlPlane
from ..mesh.described import Mesh, Peer
from ..plain.data import at, place_of, some
from ..plain.diff import Change, Difference, change_to, holders, is_ours, removal_of
from ..plain.errors import FederationError
from ..plain.fingerprints import spoken
from ..plain.kinds import EXPORTS, IMPORTS, MANAGER, identity_manager
from ..plain.moments import time_of
from .adopting import gateway_keys
from .carrying import Received
from .changing import dated
from .identity import (
    Accepted,
    accept_line,
    how_to_accept,
    identity_changes,
    identity_digest,
    is_older_and_accepted,
    refuse_early,
    refuse_shared_bundle,
    refuse_taken,
    refuse_two_descriptions,
    remembering,
    remembering_beside,
    roots_in,
    shared_roots,
)
from .live import Peering, Peerings
from .plan import plan_peering, refuse_our_server
from .status import answers, still_exported, still_imported

YOUNG = timedelta(seconds=30)


def changes_for(
    mesh: Mesh,
    peer: Peer,
    card: Card,
    peering: Peering,
    *,
    force: bool,
    kinds: Sequence[str] | None = None,
    now: datetime | None = None,
) -> list[Change]:
    """Return the changes that bring one peering to what is described: bundle before peer before sets.

    ``kinds`` limits them to some kinds of object. ``now`` is the API server's clock: a change of a known peer's
    identity is dated by it. Raises ``FederationError`` FED107 for another manager's field.
    """
    changes: list[Change] = []
    for desired in plan_peering(mesh, peer, card):
        if kinds is None or desired["kind"] in kinds:
            live = peering.live(desired["kind"])
            # A bundle that a peer made by hand shares with others stays theirs; ours is then made beside it.
            is_same = live is not None and live["metadata"]["name"] == desired["metadata"]["name"]
            standing = live if is_same else None
            wanted = dated(remembering(desired, card, peering.peer, mesh.owner), standing, now)
            change = change_to(standing, wanted, MANAGER, force=force, own=peer.adopt)
            changes += made_again(change, peering.peer, now) if change else []
    return changes


def made_again(change: Change, live_peer: Mapping | None, now: datetime | None) -> list[Change]:
    """Return the steps of one change: an ImportedServiceSet that is made for a peer of old takes two.

    istiod remembers the generation of the set that was there before, and takes a new one of that generation for the old
    one (2.2 and later). So the set is made empty, and gets its rules by a change of its own. A peer that was made a
    moment ago had no set before, and its first rules are in force at once.
    """
    manifest = change.manifest or {}
    rules = at(manifest, "spec", "importRules")
    if change.kind is not IMPORTS or change.action != "create" or live_peer is None or not rules:
        return [change]
    made = time_of(live_peer["metadata"].get("creationTimestamp"))
    if made and now and now - made < YOUNG:
        return [change]
    empty = change_to(
        None, {**manifest, "spec": {**manifest["spec"], "importRules": []}}, change.manager, force=change.force
    )
    filled = replace(change, action="update", differences=(Difference(("spec", "importRules"), [], rules),))
    return [empty, filled] if empty else [change]


def emptied(live: Mapping | None, *, force: bool = False) -> list[Change]:
    """Return the change that takes all rules out of one set of ours; none when it has none.

    The set is about to be deleted, so rules that ``kubectl`` holds as well are taken; those of a manager that applies
    by itself only with ``force``. Raises ``FederationError`` FED107 for the latter without.
    """
    if live is None or not is_ours(live):
        return []
    rules = {EXPORTS.name: "exportRules", IMPORTS.name: "importRules"}[live["kind"]]
    if not at(live, "spec", rules):
        return []
    metadata = live["metadata"]
    desired = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {
                key: text for key, text in (metadata.get("labels") or {}).items() if key.startswith(f"{MANAGER}/")
            },
        },
        "spec": {rules: []},
    }
    applying = {
        str(entry.get("manager")) for entry in metadata.get("managedFields") or [] if entry.get("operation") == "Apply"
    }
    change = change_to(live, desired, MANAGER, force=force or not applying - {MANAGER})
    return [change] if change else []


def removed(peering: Peering) -> list[Change]:
    """Return the changes that take one peering away: peer, sets, bundle; what others made stays."""
    return [removal_of(live, MANAGER) for live in peering.objects if is_ours(live)]


def brought_back(peering: Peering) -> list[str]:
    """Return in words which objects of ours somebody else applies too (Argo CD, Flux), so that deleting is
    not the end.
    """
    return [
        f"FED503 {place_of(live)} is applied by {holder.manager} too, which may restore it: remove it at its source"
        for live in peering.objects
        if is_ours(live)
        for holder in holders(live, MANAGER)
        if holder.is_applying
    ]


def still_live(name: str, peering: Peering, now: datetime, version: tuple[int, int] | None) -> list[str]:
    """Return in words what must be gone before the peer may go.

    An export that is live when its peer is deleted stops istiod's federation for good. Imports are waited for only
    while the peer answers; a peer that does not can take nothing back.
    """
    found = (
        [f"{name}: {host} is still exported" for host in still_exported(peering.exports)]
        if peering.peer is not None
        else []
    )
    if answers(peering.peer, now, version):
        found += [f"{name}: {host} is still imported" for host in still_imported(peering.imports)]
    return found


def check_peer(peer: Peer, control_plane: ControlPlane, found: Received | None) -> None:
    """Refuse a peer that cannot live beside this control plane.

    Raises ``FederationError``: FED306 a peer called like this cluster in the mesh, FED226 one whose bundle would be the
    ConfigMap of our own root, FED215 a trust domain that our proxies have still, FED408 one that the control plane
    takes for its own.
    """
    if peer.local_name == control_plane.cluster_name:
        raise FederationError(
            "FED306",
            where=f"mesh_peers, {peer.local_name}",
            what="is also the control plane's own spec.cluster.name, so istiod would never start the peer",
            fix="Give the peer another local_name",
        )
    if peer.bundle_name in control_plane.own_config_maps:
        raise FederationError(
            "FED226",
            where=f"mesh_peers, {peer.local_name}",
            what=f"leads to ConfigMap {control_plane.namespace}/{peer.bundle_name}, which has this mesh's own root",
            fix="Give the peer another local_name",
        )
    if found and found.card.trust_domain.lower() in control_plane.own_domains:
        raise FederationError(
            "FED215",
            where=found.where,
            what=f"names our own trust domain {found.card.trust_domain}; its identities could not be told from ours",
            fix="Give each mesh of a federation its own trust domain",
        )
    if found and found.card.trust_domain.lower() in {
        domain.strip().lower() for domain in control_plane.additional_domains
    }:
        raise FederationError(
            "FED408",
            where=f"{control_plane.place}, spec.security.trust.additionalDomains",
            what=f"has {peer.name}'s trust domain {found.card.trust_domain}, so its identities would count as ours",
            fix="Remove it from the list",
        )


def check_identity(
    mesh: Mesh,
    peer: Peer,
    found: Received,
    peerings: Peerings,
    control_plane: ControlPlane,
    *,
    accepted: Accepted,
    now: datetime,
) -> list[Finding]:
    """Refuse a card by which a peer would be somebody else, and return what else is to be told of its roots.

    ``now`` is the API server's clock. Raises ``FederationError``: FED218 a card from the future, FED216 another peer's
    identity, FED223 an older card than the one in use, FED217 a known peer's new root, trust domain or client identity,
    until it is accepted.
    """
    peering, card = peerings.of(peer.local_name), found.card
    standing = peerings.standing()
    refuse_early(peer, card, found.where, now)
    refuse_taken(peer, card, found.where, standing)
    refuse_shared_bundle(peer, peerings.peers)
    # A card of this run was made by the peer a moment ago: it is not older, whatever the clock of this machine said
    # before.
    if found.in_run or not is_older_and_accepted(peer, card, found.where, peering.peer, accepted, mesh.names_of(peer)):
        refuse_changed(mesh, peer, found, peering, accepted, peerings.known.get(peer.local_name, ("", ""))[0])
    own = {mesh.name: [one for name in control_plane.own_config_maps for one in roots_in(peerings.bundles.get(name))]}
    sharing = shared_roots(peer, card, standing, own)
    seen = f"brings a root that {peer.local_name} has in common with {some(sharing, 5)}"
    return [Finding("FED225", found.where, seen)] if sharing else []


def check_identities(
    mesh: Mesh,
    received: Mapping[str, Received],
    peerings: Peerings,
    control_plane: ControlPlane,
    *,
    server: tuple[str, int],
    accepted: Accepted,
    now: datetime,
) -> list[Finding]:
    """Refuse peers that cannot be or are not who they were, and return what else is to be told of their roots.

    ``received`` are the cards by our names of the peers, ``server`` the host and port of our API server, ``now`` its
    clock.
    """
    told = []
    for peer in mesh.peers:
        found, peering = received.get(peer.local_name), peerings.of(peer.local_name)
        check_peer(peer, control_plane, found)
        if found:
            refuse_our_server(found.card, server, where=found.where)
        if found and (peer.adopt or not peering.strangers):
            told += check_identity(mesh, peer, found, peerings, control_plane, accepted=accepted, now=now)
    accepted.check()
    return told


def refuse_changed(
    mesh: Mesh, peer: Peer, found: Received, peering: Peering, accepted: Accepted, known: str = ""
) -> None:
    """Refuse a known peer's new root, trust domain or client identity until exactly that is accepted: FED217.

    ``known`` is the digest of the identity that the control plane remembers beside the peer's gateways.
    """
    if not (peering.objects or known):
        return
    changes, gone = identity_changes(peer, found.card, peering.peer, peering.bundle, known)
    wanted = identity_digest(found.card)
    if not (changes or gone) or accepted.covers(mesh.names_of(peer), wanted):
        return
    line = accept_line(found.card, peer.local_name)
    said = [f"says that {peer.name} has changed: {'; '.join(changes)}"] if changes else []
    said += (
        [f"cannot be compared with the peering of {peer.name}: the cluster no longer has its {' and its '.join(gone)}"]
        if gone
        else []
    )
    raise FederationError(
        "FED217",
        where=found.where,
        what=", and ".join(said),
        fix=(
            f"Ask {peer.name}'s administrator by another way, and let them read out the digits that {peer.name}'s"
            f" publish_cards shows for {mesh.name}. If they are {spoken(wanted)}, {how_to_accept(line)}"
        ),
        facts={"peer": peer.local_name, "changes": changes, "missing": gone, "accept": line},
    )


def check_descriptions(mesh: Mesh, peerings: Peerings, accepted: Accepted) -> None:
    """Refuse to write where another description of this control plane has written: FED112."""
    refuse_two_descriptions(mesh, peerings.written(), accepted)


def stranger(peering: Peering) -> str:
    """Return how people name the first object of a peering that somebody else made."""
    return place_of(peering.strangers[0])


def refuse_strangers(peer: Peer, peering: Peering) -> None:
    """Refuse to touch what somebody else made: FED501."""
    if peering.strangers and not peer.adopt:
        raise FederationError(
            "FED501",
            where=stranger(peering),
            what="was made by hand",
            fix=f"Set adopt: true for {peer.name} to take it over",
        )


def refuse_live(places: Sequence[str]) -> None:
    """Refuse to go on while something must still be emptied: FED502."""
    if places:
        raise FederationError(
            "FED502",
            where="Leaving",
            what=f"is not possible yet: {'; '.join(places)}",
            fix="Run again in a minute: emptied sets take effect when istiod looks, up to 5 minutes before version 2.5",
            facts={"waiting_for": list(places)},
        )


def remembered_beside(
    mesh: Mesh, peer: Peer, card: Card, control_plane: ControlPlane, changes: Sequence[Change]
) -> list[Change]:
    """Return the change by which the control plane remembers whom a peer's gateways serve; ``changes`` are the
    peering's.

    It goes first: what is accepted is remembered before anything relies on it.
    """
    is_said = any(change.kind.name in ("ServiceMeshPeer", "ConfigMap") and change.manifest for change in changes)
    if not is_said or not gateway_keys(mesh, peer, control_plane):
        return []
    wanted = remembering_beside(control_plane.live, peer.local_name, card)
    change = change_to(control_plane.live, wanted, identity_manager(peer.local_name), force=True)
    return [change] if change else []
