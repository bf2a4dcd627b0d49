# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Leaving peers, and suspending them: what refuses it, what it changes, what it leaves behind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ..control_plane.live import ControlPlane
from ..mesh.described import Mesh, Peer
from ..plain.data import at, listed, some
from ..plain.diff import Change, change_to, is_ours
from ..plain.errors import FederationError
from ..plain.kinds import AUTHORIZATION_POLICY, MANAGER, MESH_LABEL, PEER, PEER_LABEL
from .adopting import as_it_stands, gateway_keys, gateway_names
from .identity import owned_by, remembered
from .keeping import emptied, removed, still_live, stranger
from .leftovers import bundle_owners, gateway_owners, path_of
from .live import Peering, Peerings
from .plan import plan_exports, plan_imports
from .status import CONNECTED, answers, inbound, still_exported, still_imported
from .using import Taken, Use, accounts_in, is_of_traffic, taken_from

MOST_TOLD = 12


def silenced(peerings: Iterable[Peering], now: datetime, control_plane: ControlPlane) -> list[Change]:
    """Return the changes that take the addresses of peers away that do not answer: istiod hangs on such a peer.

    While it does, it would not even notice that exports were emptied. What another manager holds stays as it is.
    """
    changes = []
    for peering in peerings:
        live = peering.peer
        if live is None or not is_ours(live) or answers(live, now, control_plane.version):
            continue
        labels = {
            key: text for key, text in (live["metadata"].get("labels") or {}).items() if key.startswith(f"{MANAGER}/")
        }
        try:
            change = change_to(live, _without_addresses(live, labels, remembered(live)), MANAGER)
        except FederationError as error:
            if error.code != "FED107":
                raise
            continue
        changes += [change] if change else []
    return changes


def still(now: datetime, control_plane: ControlPlane, peerings: Mapping[str, Peering], part: str) -> list[str]:
    """Return what of ``part`` (imports or exports) is still seen."""
    found = []
    for name, peering in peerings.items():
        own = replace(peering, exports=None) if part == "imports" else replace(peering, imports=None)
        found += still_live(name, own, now, control_plane.version)
    return found


def refuse_left_out(control_plane: ControlPlane, left_out: Sequence[str]) -> None:
    """Refuse to remove the mesh while objects of ours exist for a peer that was not named: FED425."""
    if left_out:
        them = "it" if len(left_out) == 1 else "them"
        raise FederationError(
            "FED425",
            where=control_plane.place,
            what=f"is used by what this collection made for {listed(left_out)}, and mesh_peers does not name {them}",
            fix=f"Run unfederate with unfederate_peers={','.join(left_out)} first, or list {them} in mesh_peers",
            facts={"uses": [f"peer {name}" for name in left_out]},
        )


def refuse_foreign_exports(peerings: Mapping[str, Peering], *, is_emptied: bool = False) -> None:
    """Refuse to take a peer away through which somebody else exports: FED507.

    istiod stops serving federation when a peer is deleted while something is exported to it, and a set that is not ours
    is not ours to empty. With ``is_emptied`` we have emptied ours, and one with rules was filled again.
    """
    for name, peering in peerings.items():
        live = peering.exports
        if peering.peer is None or live is None or not is_ours(peering.peer):
            continue
        if is_ours(live) and not is_emptied:
            continue
        if at(live, "spec", "exportRules") or still_exported(live):
            raise FederationError(
                "FED507",
                where=f"ExportedServiceSet {live['metadata']['namespace']}/{name}",
                what=(
                    f"{'was filled again' if is_ours(live) else 'was made'} by somebody else and exports to {name}, "
                    "so its peer must not be deleted"
                ),
                fix="Empty or remove it there, or set adopt: true for the peer, run federate once, and then leave",
            )


def refuse_used(uses: Sequence[Use]) -> None:
    """Refuse to go on while imported hosts are used: FED505 with every object."""
    if uses:
        peers = ", ".join(sorted({use.peer for use in uses}))
        raise FederationError(
            "FED505",
            where=f"Leaving {peers}",
            what=f"would break objects that name its services: {some([str(use) for use in uses], MOST_TOLD, '; ')}",
            fix=("Take it out of mesh_traffic and run traffic, " if any(use.is_routed for use in uses) else "")
            + ("change or remove these" if any(use.is_routed for use in uses) else "Change or remove these")
            + ", or run with unfederate_when: always, which lists them and continues",
            facts={"used": [use.as_row() for use in uses]},
        )


def refuse_unknown(names: Sequence[str], unreadable: Sequence[str]) -> None:
    """Refuse to go on while it is not known whether imported hosts are used: FED506."""
    if unreadable:
        raise FederationError(
            "FED506",
            where=f"Leaving {some(names, MOST_TOLD)}",
            what=f"might break something: {some(unreadable, MOST_TOLD)} cannot be read",
            fix="Ask for the Role of playbooks/files/mesh-administrator.yml there, or run with unfederate_when: always",
            facts={"unreadable": list(unreadable)},
        )


def lost_hosts(peering: Peering, changes: Iterable[Change], control_plane: ControlPlane) -> list[str]:
    """Return the hosts that ``changes`` of one peering's import rules take away from what its status says
    is imported.
    """
    before = still_imported(peering.imports)
    for change in changes:
        if change.kind.name == "ImportedServiceSet" and change.manifest is not None and before:
            name, domain = change.name, control_plane.cluster_domain
            planned = {**(peering.imports or {}), "spec": change.manifest["spec"], "status": {}}
            offered: list[dict] = [
                {"exportedName": row.get("exportedName"), "localService": {}} for row in _rows(peering.imports)
            ]
            after = taken_from(name, {**planned, "status": {"importedServices": offered}}, domain)
            return [host for host in before if host.lower() not in after.hosts]
    return []


def hosts_of_others(peerings: Peerings, leaving: Mapping[str, Peering], control_plane: ControlPlane) -> list[str]:
    """Return the hosts that peers give which stay."""
    return [
        host
        for name, live in peerings.imports.items()
        if name not in leaving
        for host in taken_from(name, live, control_plane.cluster_domain).hosts
    ]


def leftovers(peerings: Peerings, control_plane: ControlPlane, mesh: Mesh) -> list[str]:
    """Return our names of the peers of which anything of ours stands and that are no longer described.

    Sets, bundles or gateways alone count as well: an interrupted run may have left just these.
    """
    return sorted(owners(peerings, control_plane) - {peer.local_name for peer in (*mesh.peers, *mesh.held)})


def told_of_leftovers(names: Sequence[str]) -> str:
    """Return in words that something stands of peers that are not described, and what removes it."""
    return (
        f"FED509 {some(names)} {'is' if len(names) == 1 else 'are'} not in mesh_peers, and something of it"
        " stands: federation_prune: true removes it, and so does unfederate with"
        f" unfederate_peers={','.join(names)}"
    )


def owners(peerings: Peerings, control_plane: ControlPlane) -> set[str]:
    """Return our names of the peers of which anything of ours stands."""
    return {*peerings.ours(), *bundle_owners(peerings.own_bundles()), *gateway_owners(control_plane.live)}


def gateway_places(mesh: Mesh, peerings: Peerings, control_plane: ControlPlane) -> dict[str, list[str]]:
    """Return, by our name of each peer, where its gateways are in the control plane. Only its ServiceMeshPeer knows
    those that were taken over.

    What another peer uses as well is not told of it.
    """
    mesh = as_it_stands(not_adopting(mesh), peerings.peers, control_plane)
    found = {}
    for peer in mesh.peers:
        others = {
            name for other, live in peerings.peers.items() if other != peer.local_name for name in gateway_names(live)
        }
        found[peer.local_name] = [
            key for key in gateway_keys(mesh, peer, control_plane) if path_of(key)[3] not in others
        ]
    return found


def not_adopting(mesh: Mesh) -> Mesh:
    return replace(mesh, peers=tuple(replace(peer, adopt=False) for peer in mesh.peers))


def stays(name: str, peering: Peering, control_plane: ControlPlane) -> list[str]:
    """Return in words what leaving a peer does not end: what istiod and proxies keep in memory, and what the peer
    keeps.

    Source: Maistra's istiod never sends an empty set of bundles, and its export policy survives the peer.
    """
    domain = at(peering.peer, "spec", "security", "trustDomain") or "unknown"
    restart = f"rollout restart deployment/istiod-{control_plane.name} -n {control_plane.namespace}"
    found = [
        f"{name}: the root of trust domain {domain} stays trusted until istiod restarts ({restart}, or"
        " federation_restart_istiod: true), and by gateways and workloads until they restart after it"
    ]
    if inbound(peering.peer).state != CONNECTED:
        found.append(
            f"{name}: does not answer, so it keeps what it imported from here until its own administrator removes its "
            "peer for this mesh; until then its status shows 400 Bad Request once it is back"
        )
    return found


def suspended(mesh: Mesh, peer: Peer, peering: Peering, *, force: bool, is_closing: bool = True) -> list[Change]:
    """Return the changes that keep a known peer and have it offer nothing, take nothing and be called nowhere.

    Both sets are emptied; with ``is_closing`` the peer loses its addresses as well. istiod polls a peer that has an
    address, and holds up its own listings while that does not answer; without one each poll fails at once.
    """
    if peering.peer is None:
        return []
    force = force or peer.adopt
    quiet = replace(peer, suspended=True)
    changes = []
    for live, desired in ((peering.imports, plan_imports(mesh, quiet)), (peering.exports, plan_exports(mesh, quiet))):
        if live is not None:
            changes.append(change_to(live, desired, MANAGER, force=force, own=peer.adopt))
    if is_closing:
        labels = {MESH_LABEL: mesh.name, PEER_LABEL: peer.local_name}
        closed = _without_addresses(peering.peer, labels, owned_by(remembered(peering.peer), mesh.owner))
        changes.append(change_to(peering.peer, closed, MANAGER, force=force, own=peer.adopt))
    return [change for change in changes if change]


def _without_addresses(live: Mapping, labels: Mapping[str, str], annotations: Mapping[str, str]) -> dict:
    """Return a live ServiceMeshPeer as we write one, with no address."""
    spec, metadata = live.get("spec") or {}, live["metadata"]
    own = {"labels": dict(labels), **({"annotations": dict(annotations)} if annotations else {})}
    kept = {key: spec[key] for key in ("gateways", "security") if key in spec}
    return {
        "apiVersion": PEER.api_version,
        "kind": PEER.name,
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], **own},
        "spec": {"remote": {**(spec.get("remote") or {}), "addresses": []}, **kept},
    }


def _rows(imports: Mapping | None) -> list[Mapping]:
    rows = at(imports, "status", "importedServices") or []
    return [row for row in rows if isinstance(row, Mapping)]


def told(texts: Sequence[str], start: str) -> list[str]:
    more = [f"and {len(texts) - MOST_TOLD:,} more"] if len(texts) > MOST_TOLD else []
    return [f"{start}{text}" for text in (*texts[:MOST_TOLD], *more)]


def rows_of_leaving(mesh: Mesh, state: str) -> dict[str, list]:
    """Return the rows of a module's result about peers that are left or suspended, and about those that are held."""
    why = "failed in this run; its peering was left as it was, run for this mesh alone to leave it"
    states = [*((peer, state) for peer in mesh.peers), *((peer, "held") for peer in mesh.held)]
    return {
        "peers": [{"peer": peer.local_name, "mesh": peer.name, "state": state} for peer, state in states],
        "expected": [],
        "pending": [{"peer": peer.local_name, "reason": f"{peer.name} {why}"} for peer in mesh.held],
    }


def left_alone(peerings: Peerings, names: Iterable[str]) -> list[dict]:
    """Return which of these peers somebody else made, of whatever of them stands."""
    found = ((name, peerings.of(name)) for name in names)
    return [
        {"peer": name, "reason": f"{stranger(peering)} was made by hand and is left alone"}
        for name, peering in found
        if peering.strangers
    ]


def refuse_held(leaving: Mapping[str, Peering], *, force: bool) -> None:
    """Refuse to leave peerings whose rules another manager holds: FED107."""
    for peering in leaving.values():
        for live in (peering.imports, peering.exports):
            emptied(live, force=force)


def taken_with(leaving: Mapping[str, Peering], peerings: Peerings, control_plane: ControlPlane) -> list[Taken]:
    """Return what goes with the peerings that are left, as far as no other peering gives it too."""
    others = hosts_of_others(peerings, leaving, control_plane)
    ours = {
        name: peering.imports
        for name, peering in leaving.items()
        if peering.imports is not None and is_ours(peering.imports)
    }
    taken = [taken_from(name, imports, control_plane.cluster_domain, without=others) for name, imports in ours.items()]
    return [given for given in taken if given]


def breaking(uses: Sequence[Use], unreadable: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield in words what breaks nevertheless, and what is not known."""
    yield from told(
        [str(use) for use in uses], "FED508 nothing is behind it once {} is left: ".format(", ".join(names))
    )
    if unreadable:
        yield (
            f"FED506 whether something uses what is imported from {some(names, MOST_TOLD)} is not known: "
            f"{some(unreadable, MOST_TOLD)} cannot be read"
        )


def letting_in(
    objects: Iterable[Mapping], leaving: Mapping[str, Peering], control_plane: ControlPlane
) -> Iterator[str]:
    """Give in words the policies that let in a gateway which goes."""
    policies = [live for live in objects if live["kind"] == AUTHORIZATION_POLICY.name]
    ours = [live for live in policies if is_of_traffic(live)]
    others = [live for live in policies if not is_of_traffic(live)]
    for name, peering in leaving.items():
        ingress = at(peering.peer, "spec", "gateways", "ingress", "name")
        account = f"{control_plane.namespace}/sa/{ingress}-service-account"
        fixes = (
            (others, "take that principal out"),
            (ours, f"take {name} out of callers in mesh_traffic and run traffic"),
        )
        for place, fix in ((place, fix) for found, fix in fixes for place in accounts_in(found, account) if ingress):
            yield f"FED508 {place} lets the gateway {ingress} of {name} in, which goes; {fix}"


def what_stays(before: Peerings, control_plane: ControlPlane, names: Iterable[str], gone: Collection[str]) -> list[str]:
    """Return in words what stays behind those of ``names`` that were there ``before`` and are ``gone``."""
    going = [name for name in names if name in gone and before.of(name).peer is not None]
    return [line for name in going for line in stays(name, before.of(name), control_plane)]


def all_removed(peerings: Iterable[Peering]) -> list[Change]:
    """Return the changes that remove peerings."""
    return [change for peering in peerings for change in removed(peering)]
