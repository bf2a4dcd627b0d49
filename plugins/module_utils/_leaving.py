# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Leaving peers: see who uses them, empty imports, then exports, see each to have worked, then remove. And suspending them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ._cluster.client import Cluster
from ._core.control_plane.live import ControlPlane
from ._core.mesh.topology import Mesh, Peer
from ._core.peering.adopting import as_it_stands, gateway_keys, gateway_names
from ._core.peering.identity import Accepted, owned_by, refuse_two_descriptions, remembered
from ._core.peering.leftovers import Left, bundle_owners, gateway_owners, left_of, path_of
from ._core.peering.plan import plan_exports, plan_imports
from ._core.peering.status import CONNECTED, answers, inbound, settling_seconds, still_exported, still_imported
from ._core.peering.using import NAMING_KINDS, Taken, Use, accounts_in, taken_from, uses_in
from ._core.plain.data import listed, some
from ._core.plain.diff import Change, as_diff, change_to, is_ours
from ._core.plain.errors import FederationError
from ._core.plain.kinds import (
    AUTHORIZATION_POLICY,
    DEPLOYMENT,
    MANAGER,
    MEMBER_ROLL,
    MESH_LABEL,
    PEER,
    PEER_LABEL,
    SERVICE,
    Kind,
)
from ._peering import brought_back, emptied, refuse_live, removed, still_live, stranger
from ._reads.peerings import Peering, Peerings
from ._run import apply_changes, wait_until

NOTHING = {"used": [], "stays": [], "suspending": [], "known_peers": [], "gateway_places": {}}
_MOST_TOLD = 12


def absent(module: AnsibleModule, cluster: Cluster, mesh: Mesh, control_plane: ControlPlane) -> dict:
    """Take the peerings of ``peers`` away, as far as ``stage`` says."""
    names = [peer.local_name for peer in mesh.peers]
    stage = module.params["stage"]
    before = Peerings.read(cluster, control_plane)
    refuse_two_descriptions(mesh, before.written(), Accepted.read(module.params["accept_changes"]))
    left_out = leftovers(before, control_plane, mesh)
    if module.params["must_be_all"]:
        refuse_left_out(control_plane, left_out)
    used = refuse_what_breaks(module, cluster, control_plane, before, names) if stage in ("check", "imports", "all") else []
    if stage == "suspend":
        changes = [change for peer in mesh.peers for change in suspended(mesh, peer, before.of(peer.local_name), force=module.params["force"])]
        apply_changes(module, cluster, changes)
    else:
        changes = leave(module, cluster, control_plane, names, stage)
    gone = {change.name for change in changes if change.action == "delete"}
    going = [name for name in names if before.of(name).peer is not None and name in gone]
    left = Peerings.read(cluster, control_plane)
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        "changes": [change.summary() for change in changes],
        "peers": [
            *({"peer": p.local_name, "mesh": p.name, "state": "suspended" if stage == "suspend" else "absent"} for p in mesh.peers),
            *({"peer": p.local_name, "mesh": p.name, "state": "held"} for p in mesh.held),
        ],
        "expected": [],
        "pending": [
            {"peer": p.local_name, "reason": f"{p.name} failed in this run; its peering was left as it is, run for this mesh alone to leave it"}
            for p in mesh.held
        ],
        "left_alone": [
            {"peer": name, "reason": f"{stranger(peering)} was made by hand and is left alone"}
            for name, peering in ((name, left.of(name)) for name in names if name not in gone)
            if peering.strangers
        ],
        # Of a run for some peers the others are none.
        "leftovers": left_out if not (mesh.peers or mesh.held) else [],
        **NOTHING,
        "known_peers": sorted({*before.peers, *owners(before, control_plane)}),
        "gateway_places": gateway_places(mesh, before, control_plane),
        "used": [use.as_row() for use in used],
        "stays": [line for name in going for line in stays(name, before.of(name), control_plane)],
        "files": [],
        "control_plane": control_plane.as_data(),
    }


def leave(module: AnsibleModule, cluster: Cluster, control_plane: ControlPlane, names: Sequence[str], stage: str) -> list[Change]:
    """Empty imports, then exports, then remove; each stage is seen to have worked before the next.

    In check mode only the end is planned. Raises ``FederationError``: FED502 when a stage is not seen in time, FED507
    when somebody else exports through a peer of ours.
    """
    if not names or stage in ("look", "check"):
        return []

    def read() -> dict[str, Peering]:
        peerings = Peerings.read(cluster, control_plane)
        return {name: peerings.of(name) for name in names}

    if stage == "all" and module.check_mode:
        return [change for peering in read().values() for change in removed(peering)]
    changes: list[Change] = []
    for part in ("imports", "exports") if stage == "all" else (stage,):
        standing = read()
        own = silenced(standing.values(), cluster, control_plane) if part == "exports" else []
        own += [change for peering in standing.values() for change in emptied(getattr(peering, part), force=module.params["force"])]
        apply_changes(module, cluster, own)
        changes += own
        if stage == "all":
            refuse_live(wait_until(lambda part=part: still(cluster, control_plane, read(), part), seconds_for(module, control_plane))[0])
    if stage == "all":
        last = read()
        refuse_foreign_exports(last, is_emptied=True)
        for peering in last.values():
            for warning in brought_back(peering):
                module.warn(warning)
        own = [change for peering in last.values() for change in removed(peering)]
        apply_changes(module, cluster, own)
        changes += own
    return changes


def silenced(peerings: Iterable[Peering], cluster: Cluster, control_plane: ControlPlane) -> list[Change]:
    """Return the changes that take the addresses of peers away that do not answer: istiod hangs on such a peer.

    While it does, it would not even notice that exports were emptied. What another manager holds stays as it is.
    """
    changes = []
    for peering in peerings:
        live = peering.peer
        if live is None or not is_ours(live) or answers(live, cluster.now, control_plane.version):
            continue
        labels = {key: text for key, text in (live["metadata"].get("labels") or {}).items() if key.startswith(f"{MANAGER}/")}
        try:
            change = change_to(live, _without_addresses(live, labels, remembered(live)), MANAGER)
        except FederationError as error:
            if error.code != "FED107":
                raise
            continue
        changes += [change] if change else []
    return changes


def still(cluster: Cluster, control_plane: ControlPlane, peerings: dict[str, Peering], part: str) -> list[str]:
    """Return what of ``part`` (imports or exports) is still seen."""
    found = []
    for name, peering in peerings.items():
        own = replace(peering, exports=None) if part == "imports" else replace(peering, imports=None)
        found += still_live(name, own, cluster.now, control_plane.version)
    return found


def seconds_for(module: AnsibleModule, control_plane: ControlPlane) -> int:
    """Return how long a stage of leaving may take to be seen on this version."""
    return module.params["wait_timeout"] or settling_seconds(control_plane.version)


# Before anything is emptied -----------------------------------------------------------------------------------------


def refuse_what_breaks(
    module: AnsibleModule, cluster: Cluster, control_plane: ControlPlane, peerings: Peerings, names: Sequence[str]
) -> list[Use]:
    """Refuse to leave ``names`` while leaving would break something of ours; nothing has been written by then.

    Returns what breaks all the same: with ``leave_when: always`` it is told as warnings. Raises ``FederationError``: FED505
    an imported host is used, FED506 that cannot be known, FED507 somebody else exports through a peer of ours, FED107
    another manager holds the rules.
    """
    leaving = {name: peerings.of(name) for name in names}
    refuse_foreign_exports(leaving)
    for peering in leaving.values():
        for live in (peering.imports, peering.exports):
            emptied(live, force=module.params["force"])
    taken = [
        taken_from(name, peering.imports, control_plane.cluster_domain, without=hosts_of_others(peerings, leaving, control_plane))
        for name, peering in leaving.items()
        if peering.imports is not None and is_ours(peering.imports)
    ]
    uses, unreadable, policies = uses_of(cluster, control_plane, [given for given in taken if given])
    if module.params["leave_when"] != "always":
        refuse_used(uses)
        refuse_unknown(list(names), unreadable)
    for line in _told([str(use) for use in uses], "FED508 nothing is behind it once {} is left: ".format(", ".join(names))):
        module.warn(line)
    if unreadable:
        module.warn(
            f"FED506 whether something uses what is imported from {some(names, _MOST_TOLD)} is not known: "
            f"{some(unreadable, _MOST_TOLD)} cannot be read"
        )
    for name, peering in leaving.items():
        ingress = ((((peering.peer or {}).get("spec") or {}).get("gateways") or {}).get("ingress") or {}).get("name")
        for place in accounts_in(policies, f"{control_plane.namespace}/sa/{ingress}-service-account") if ingress else []:
            module.warn(f"FED508 {place} lets the gateway {ingress} of {name} in, which goes; take that principal out")
    return uses


def refuse_left_out(control_plane: ControlPlane, left_out: Sequence[str]) -> None:
    """Refuse to go on where the mesh is to be taken away and something of ours stands for a peer that nobody named: FED425."""
    if left_out:
        them = "it" if len(left_out) == 1 else "them"
        raise FederationError(
            "FED425",
            where=control_plane.place,
            what=f"is used by what this collection made for {listed(left_out)}, and mesh_peers does not name {them}",
            mend=f"Run unfederate with unfederate_peers={','.join(left_out)} first, or list {them} in mesh_peers",
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
        if (live.get("spec") or {}).get("exportRules") or still_exported(live):
            raise FederationError(
                "FED507",
                where=f"ExportedServiceSet {live['metadata']['namespace']}/{name}",
                what=f"{'was filled again' if is_ours(live) else 'was made'} by somebody else and exports to {name}, so its peer must not go",
                mend="Empty or remove it where it is kept, or set adopt: true for the peer, run federate once, and leave then",
            )


def refuse_used(uses: Sequence[Use]) -> None:
    """Refuse to go on while imported hosts are used: FED505 with every object."""
    if uses:
        peers = ", ".join(sorted({use.peer for use in uses}))
        raise FederationError(
            "FED505",
            where=f"Leaving {peers}",
            what=f"would break what still names its services: {some([str(use) for use in uses], _MOST_TOLD, '; ')}",
            mend="Change or remove these, or run with unfederate_when: always, which lists them and goes on",
            facts={"used": [use.as_row() for use in uses]},
        )


def refuse_unknown(names: Sequence[str], unreadable: Sequence[str]) -> None:
    """Refuse to go on while nobody knows whether imported hosts are used: FED506."""
    if unreadable:
        raise FederationError(
            "FED506",
            where=f"Leaving {some(names, _MOST_TOLD)}",
            what=f"might break something: {some(unreadable, _MOST_TOLD)} cannot be read",
            mend="Ask for the Role of playbooks/files/mesh-administrator.yml there, or run with unfederate_when: always",
            facts={"unreadable": list(unreadable)},
        )


def uses_of(
    cluster: Cluster, control_plane: ControlPlane, taken: Sequence[Taken]
) -> tuple[list[Use], list[str], list[Mapping]]:
    """Return who uses what is ``taken``, what could not be read, and all AuthorizationPolicies that could.

    Nothing is asked when nothing is taken; else one LIST per kind and namespace, and of Services where a host is imported
    as local. A use of a host that a local Service with endpoints of its own serves as well does not count.
    """
    if not taken:
        return [], [], []
    objects: list[Mapping] = []
    unreadable: list[str] = []
    for namespace in _namespaces(cluster, control_plane, unreadable):
        for kind in NAMING_KINDS:
            objects += _listed(cluster, kind, namespace, unreadable)
    uses = uses_in(objects, taken, control_plane.cluster_domain)
    served = _served_here(cluster, [use.host for use in uses if use.host.endswith(f".svc.{control_plane.cluster_domain}")])
    policies = [live for live in objects if live["kind"] == AUTHORIZATION_POLICY.name]
    return [use for use in uses if use.host not in served], unreadable, policies


def warn_of_lost(module: AnsibleModule, cluster: Cluster, control_plane: ControlPlane, lost: Mapping[str, Iterable[str]]) -> None:
    """Warn of objects that name hosts which dropped import rules take away; ``lost`` are the hosts by our name of the peer."""
    local = f".svc.{control_plane.cluster_domain}"
    taken = [Taken(peer, {host.lower(): host.endswith(local) for host in hosts}) for peer, hosts in lost.items() if hosts]
    uses, _unreadable, _policies = uses_of(cluster, control_plane, taken)
    for line in _told([str(use) for use in uses], "FED508 no rule imports it any more: "):
        module.warn(line)


def lost_hosts(peering: Peering, changes: Iterable[Change], control_plane: ControlPlane) -> list[str]:
    """Return the hosts that ``changes`` of one peering's import rules take away from what its status says is imported."""
    before = still_imported(peering.imports)
    for change in changes:
        if change.kind.name == "ImportedServiceSet" and change.manifest is not None and before:
            name, domain = change.name, control_plane.cluster_domain
            planned = {**peering.imports, "spec": change.manifest["spec"], "status": {}}
            offered = [{"exportedName": row.get("exportedName"), "localService": {}} for row in _rows(peering.imports)]
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


# What remains -------------------------------------------------------------------------------------------------------


def leftovers(peerings: Peerings, control_plane: ControlPlane, mesh: Mesh) -> list[str]:
    """Return our names of the peers of which anything of ours stands and that are no longer described.

    Sets, bundles or gateways alone count as well: an interrupted run may have left just these.
    """
    return sorted(owners(peerings, control_plane) - {peer.local_name for peer in (*mesh.peers, *mesh.held)})


def owners(peerings: Peerings, control_plane: ControlPlane) -> set[str]:
    """Return our names of the peers of which anything of ours stands."""
    return {*peerings.ours(), *bundle_owners(peerings.own_bundles()), *gateway_owners(control_plane.live)}


def gateway_places(mesh: Mesh, peerings: Peerings, control_plane: ControlPlane) -> dict[str, list[str]]:
    """Return, by our name of each peer, where its gateways are in the control plane. Only its ServiceMeshPeer knows those that were taken over.

    What another peer uses as well is not told of it.
    """
    mesh = as_it_stands(_not_adopting(mesh), peerings.peers, control_plane)
    found = {}
    for peer in mesh.peers:
        others = {name for other, live in peerings.peers.items() if other != peer.local_name for name in gateway_names(live)}
        found[peer.local_name] = [key for key in gateway_keys(mesh, peer, control_plane) if path_of(key)[3] not in others]
    return found


def _not_adopting(mesh: Mesh) -> Mesh:
    return replace(mesh, peers=tuple(replace(peer, adopt=False) for peer in mesh.peers))


def what_is_left(cluster: Cluster, mesh: Mesh, control_plane: ControlPlane, places: Mapping[str, Sequence[str]]) -> list[Left]:
    """Return what is left of the peers of ``mesh`` on the cluster, and why; ``places`` are as ``gateway_places`` gave them while the peers stood."""
    peerings = Peerings.read(cluster, control_plane)
    # What could not be taken over any more is still to be found.
    mesh = as_it_stands(_not_adopting(mesh), peerings.peers, control_plane)
    unreadable: list[str] = []
    workloads = [live for kind in (DEPLOYMENT, SERVICE) for live in _listed(cluster, kind, mesh.namespace, unreadable)]
    return [
        left
        for peer in mesh.peers
        for left in left_of(mesh, peer, peerings.of(peer.local_name).objects, control_plane, workloads, places.get(peer.local_name) or ())
    ]


def stays(name: str, peering: Peering, control_plane: ControlPlane) -> list[str]:
    """Return in words what leaving a peer does not end: what istiod and proxies keep in memory, and what the peer keeps.

    Source: Maistra's istiod never sends an empty set of bundles, and its export policy survives the peer.
    """
    domain = (((peering.peer or {}).get("spec") or {}).get("security") or {}).get("trustDomain") or "unknown"
    restart = f"rollout restart deployment/istiod-{control_plane.name} -n {control_plane.namespace}"
    found = [
        f"{name}: the root of trust domain {domain} stays trusted until istiod restarts ({restart}, or federation_restart_istiod: true), "
        "and by gateways and workloads until they restart after it"
    ]
    if inbound(peering.peer).state != CONNECTED:
        found.append(
            f"{name}: does not answer, so it keeps what it imported from here until its own administrator takes its peer for this mesh away; "
            "until then its status says 400 Bad Request once it is back"
        )
    return found


# Suspending ---------------------------------------------------------------------------------------------------------


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


# Reading ------------------------------------------------------------------------------------------------------------


def _namespaces(cluster: Cluster, control_plane: ControlPlane, unreadable: list[str]) -> list[str]:
    try:
        roll = cluster.get(MEMBER_ROLL, control_plane.namespace, "default") or {}
    except FederationError as error:
        if error.code == "FED104":
            unreadable.append(f"{MEMBER_ROLL.name} {control_plane.namespace}/default")
        elif error.code != "FED108":
            raise
        roll = {}
    members = (roll.get("status") or {}).get("configuredMembers") or []
    return sorted({control_plane.namespace, *map(str, members)})


def _listed(cluster: Cluster, kind: Kind, namespace: str, unreadable: list[str]) -> list[dict]:
    """Return the objects of a kind; none where it is not served, and a word in ``unreadable`` where they may not be read."""
    try:
        return cluster.list(kind, namespace)
    except FederationError as error:
        if error.code == "FED104":
            unreadable.append(f"{kind.name} objects in {namespace}")
        elif error.code != "FED108":
            raise
    return []


def _served_here(cluster: Cluster, hosts: Iterable[str]) -> set[str]:
    """Return those hosts of this cluster that a Service with a selector serves; a stub without one only gives the name."""
    served: set[str] = set()
    wanted = {tuple(host.split(".", 2)[:2]): host for host in hosts}
    for namespace in sorted({namespace for _name, namespace in wanted}):
        for live in _listed(cluster, SERVICE, namespace, []):
            host = wanted.get((live["metadata"]["name"], namespace))
            if host and (live.get("spec") or {}).get("selector"):
                served.add(host)
    return served


def _rows(imports: Mapping | None) -> list[Mapping]:
    rows = ((imports or {}).get("status") or {}).get("importedServices") or []
    return [row for row in rows if isinstance(row, Mapping)]


def _told(texts: Sequence[str], start: str) -> list[str]:
    more = [f"and {len(texts) - _MOST_TOLD:,} more"] if len(texts) > _MOST_TOLD else []
    return [f"{start}{text}" for text in (*texts[:_MOST_TOLD], *more)]
