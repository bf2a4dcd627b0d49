# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One peering's changes: what brings it about, what empties it, what takes it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ansible.module_utils.basic import AnsibleModule

from ._cluster import Cluster
from ._core.card import Card
from ._core.carrying import Received
from ._core.changing import CLIENT_ID, ROOTS, TRUST_DOMAIN, dated, identity_of, time_of
from ._core.control_plane import ControlPlane
from ._core.diff import Change, Difference, as_diff, change_to, holders, is_ours, removal_of
from ._core.errors import FederationError
from ._core.kinds import EXPORTS, IMPORTS, MANAGER, PEER, SERVICE, Kind
from ._core.names import exported_names, imported_names
from ._core.plan import identity_changes, plan_peering, refuse_beyond_reach
from ._core.status import answers, still_exported, still_imported
from ._core.topology import Mesh, Peer
from ._live import Peering
from ._running import apply_changes

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

    ``kinds`` limits them to some kinds of object. ``now`` is the API server's clock: a change of a known peer's identity is
    dated by it. Raises ``FederationError`` FED107 for another manager's field.
    """
    changes: list[Change] = []
    for desired in plan_peering(mesh, peer, card):
        if kinds is None or desired["kind"] in kinds:
            live = peering.live(desired["kind"])
            # A bundle that a peer made by hand shares with others stays theirs; ours is then made beside it.
            is_same = live is not None and live["metadata"]["name"] == desired["metadata"]["name"]
            standing = live if is_same else None
            change = change_to(standing, dated(desired, standing, now), MANAGER, force=force, own=peer.adopt)
            changes += made_again(change, peering.peer, now) if change else []
    return changes


def made_again(change: Change, live_peer: Mapping | None, now: datetime | None) -> list[Change]:
    """Return the steps of one change: an ImportedServiceSet that is made for a peer of old takes two.

    istiod remembers the generation of the set that was there before, and takes a new one of that generation for the old one
    (2.2 and later). So the set is made empty, and gets its rules by a change of its own. A peer that was made a moment ago
    had no set before, and its first rules are in force at once.
    """
    rules = ((change.manifest or {}).get("spec") or {}).get("importRules")
    if change.kind is not IMPORTS or change.action != "create" or live_peer is None or not rules:
        return [change]
    made = time_of(live_peer["metadata"].get("creationTimestamp"))
    if made and now and now - made < YOUNG:
        return [change]
    empty = change_to(None, {**change.manifest, "spec": {**change.manifest["spec"], "importRules": []}}, change.manager, force=change.force)
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
    if not (live.get("spec") or {}).get(rules):
        return []
    metadata = live["metadata"]
    desired = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {key: text for key, text in (metadata.get("labels") or {}).items() if key.startswith(f"{MANAGER}/")},
        },
        "spec": {rules: []},
    }
    applying = {str(entry.get("manager")) for entry in metadata.get("managedFields") or [] if entry.get("operation") == "Apply"}
    change = change_to(live, desired, MANAGER, force=force or not applying - {MANAGER})
    return [change] if change else []


def removed(peering: Peering) -> list[Change]:
    """Return the changes that take one peering away: peer, sets, bundle; what others made stays."""
    return [removal_of(live, MANAGER) for live in peering.objects if is_ours(live)]


def brought_back(peering: Peering) -> list[str]:
    """Return in words which objects of ours somebody else applies too (Argo CD, Flux), so that deleting is not the end."""
    return [
        f"FED503 {live['kind']} {live['metadata']['namespace']}/{live['metadata']['name']} is applied by {holder.manager} too, which may "
        "bring it back: take it out where that keeps it"
        for live in peering.objects
        if is_ours(live)
        for holder in holders(live, MANAGER)
        if holder.is_applying
    ]


def still_live(name: str, peering: Peering, now: object, version: tuple[int, int] | None) -> list[str]:
    """Return in words what must be gone before the peer may go.

    An export that is live when its peer is deleted stops istiod's federation for good. Imports are waited for only
    while the peer answers; a peer that does not can take nothing back.
    """
    found = [f"{name}: {host} is still exported" for host in still_exported(peering.exports)] if peering.peer is not None else []
    if answers(peering.peer, now, version):
        found += [f"{name}: {host} is still imported" for host in still_imported(peering.imports)]
    return found


def names_item(peer: str, changes: Sequence[Change], live: Peering, services: Callable[[], list], hosts: Sequence[str], domain: str) -> list[dict]:
    """Return a diff item with the names that one peering's new rules will give, beside those of its present rules.

    Empty when no rule changes a name. ``services`` is asked only when export rules change.
    """
    before, after = [], []
    for change in changes:
        stands, wanted = (live.live(change.kind.name) or {}).get("spec"), (change.manifest or {}).get("spec")
        if change.kind is EXPORTS:
            found = services()
            for rows, shown in ((exported_names(found, stands, peer), before), (exported_names(found, wanted, peer), after)):
                shown += [f"{row['namespace']}/{row['name']} exported as {row['exported']}" for row in rows if row["exported"]]
        if change.kind is IMPORTS:
            for spec, shown in ((stands, before), (wanted, after)):
                rows = imported_names(list(hosts), spec, peer, domain)
                shown += [f"{row['host']} imported as {row['imported']}" for row in rows if row["imported"]]
    if before == after:
        return []
    header = f"names for {peer}, predicted"
    return [
        {"before_header": header, "after_header": header, "before": _text(before), "after": _text(after)},
    ]


def check_peer(peer: Peer, control_plane: ControlPlane, found: Received | None) -> None:
    """Refuse a peer that cannot live beside this control plane.

    Raises ``FederationError``: FED306 a peer called like this cluster in the mesh, FED408 a trust domain that the
    control plane takes for its own.
    """
    if peer.local_name == control_plane.cluster_name:
        raise FederationError(
            "FED306",
            where=f"mesh_peers, {peer.local_name}",
            what="is also the control plane's own spec.cluster.name, so istiod would never start the peer",
            mend="Give the peer another local_name",
        )
    if found and found.card.trust_domain in control_plane.additional_domains:
        raise FederationError(
            "FED408",
            where=f"{control_plane.place}, spec.security.trust.additionalDomains",
            what=f"holds {peer.name}'s trust domain {found.card.trust_domain}, so its identities would count as ours",
            mend="Take it out of the list",
        )


def check_identity(peer: Peer, found: Received, peering: Peering, *, is_accepted: bool) -> None:
    """Refuse a known peer's new root, trust domain or client identity until it is accepted: FED217."""
    found_changes = [] if is_accepted else identity_changes(peer, found.card, peering.peer, peering.bundle)
    if found_changes:
        raise FederationError(
            "FED217",
            where=found.where,
            what=f"says that {peer.name} has changed: {'; '.join(found_changes)}",
            mend=f"Ask {peer.name}'s administrator by another way, and let them read out {to_compare(found.card, peering)}; if that is the "
            f"same, run with federation_accept_changes: [{peer.local_name}]",
            facts={"peer": peer.local_name, "changes": found_changes},
        )


def to_compare(card: Card, peering: Peering) -> str:
    """Return what two people compare by voice before a known peer's new identity is accepted: what is new, as the card has it."""
    known = {**identity_of(peering.bundle), **identity_of(peering.peer)}
    new = [root.spoken for root in card.roots if root.fingerprint not in (known.get(ROOTS) or ())]
    roots = new or [root.spoken for root in card.roots]
    said = [f"the fingerprint{'s' if len(roots) > 1 else ''} of {'the new' if new else 'all'} roots as publish_cards shows them ({', '.join(roots)})"]
    said += [f"its trust domain ({card.trust_domain})"] if known.get(TRUST_DOMAIN) != card.trust_domain else []
    said += [f"its client identity ({card.client_id})"] if known.get(CLIENT_ID) != card.client_id else []
    if not new and len(said) > 1 and {root.fingerprint for root in card.roots} == set(known.get(ROOTS) or ()):
        said = said[1:]
    return " and ".join(said)


def stranger(peering: Peering) -> str:
    """Return how people name the first object of a peering that somebody else made."""
    live = peering.strangers[0]
    return f"{live['kind']} {live['metadata']['namespace']}/{live['metadata']['name']}"


def refuse_strangers(peer: Peer, peering: Peering) -> None:
    """Refuse to touch what somebody else made: FED501."""
    if peering.strangers and not peer.adopt:
        raise FederationError(
            "FED501", where=stranger(peering), what="was made by hand", mend=f"Set adopt: true for {peer.name} to take it over"
        )


def keep_set(module: AnsibleModule, cluster: Cluster, mesh: Mesh, kind: Kind, desired: Mapping) -> dict:
    """Bring one set of services to its desired state and return a module's result; absent is the emptied set."""
    peer, params = mesh.peers[0], module.params
    live = cluster.get(kind, mesh.namespace, peer.local_name)
    own = {"exports": live, "imports": None} if kind is EXPORTS else {"exports": None, "imports": live}
    peering = Peering(peer=None, bundle=None, **own)
    if params["state"] == "absent":
        changes = emptied(live)
    else:
        mesh.check_suffixes()
        if kind is EXPORTS and any(rule.namespace is None for rule in mesh.exports):
            refuse_beyond_reach(mesh, [peer], cluster.list(SERVICE, mesh.namespace))
        refuse_strangers(peer, peering)
        change = change_to(live, desired, MANAGER, force=params["force"], own=peer.adopt)
        is_new = change is not None and change.kind is IMPORTS and change.action == "create"
        live_peer = cluster.get(PEER, mesh.namespace, peer.local_name) if is_new else None
        changes = made_again(change, live_peer, cluster.now) if change else []
    apply_changes(module, cluster, changes)
    return {"changed": bool(changes), "diff": as_diff(changes), "changes": [change.summary() for change in changes]}


def refuse_live(places: Sequence[str]) -> None:
    """Refuse to go on while something must still be emptied: FED502."""
    if places:
        raise FederationError(
            "FED502",
            where="Leaving",
            what=f"is not possible yet: {'; '.join(places)}",
            mend="Run again in a minute: emptied sets take effect when istiod looks, up to 5 minutes before version 2.5",
            facts={"waiting_for": list(places)},
        )


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
