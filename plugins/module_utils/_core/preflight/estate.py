# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that a preflight looks at: what was described, the peers' cards, and live objects, ours or anybody's."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..card.card import Card
from ..card.trust import Root
from ..control_plane.live import ControlPlane
from ..control_plane.members import membership
from ..mesh.described import Mesh
from ..peering.plan import plan_exports, plan_imports
from ..plain.data import at, items, place_of
from ..plain.kinds import (
    AUTHENTICATION,
    AUTHORIZATION_POLICY,
    CLUSTER_NETWORK,
    CLUSTER_VERSION,
    CONFIG_MAP,
    DESTINATION_RULE,
    EXPORTS,
    EXTENSION,
    GROUP,
    IMPORTS,
    ISTIO_GATEWAY,
    NETWORK,
    NETWORK_POLICY,
    NODE,
    PEER,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ENTRY,
    SIDECAR,
    WASM_PLUGIN,
    is_label,
)
from ..traffic.wanted import Wanted
from .checks import CLUSTER, HOME, MEMBERS, MESH, NAMED, ROLL, Read, read_from

Objects = Mapping[str, Mapping]

PEERS, EXPORT_SETS, IMPORT_SETS = (Read(kind, HOME) for kind in (PEER, EXPORTS, IMPORTS))
STRAYS = tuple(Read(kind, MEMBERS) for kind in (PEER, EXPORTS, IMPORTS))
BUNDLES = Read(CONFIG_MAP, HOME)
OWN_SERVICES = Read(SERVICE, HOME)
SERVICES, ENTRIES = Read(SERVICE, MEMBERS), Read(SERVICE_ENTRY, MEMBERS)
SIDECARS, GATEWAYS = Read(SIDECAR, MESH), Read(ISTIO_GATEWAY, MESH)
POLICIES, DESTINATIONS, PODS = Read(NETWORK_POLICY, HOME), Read(DESTINATION_RULE, HOME), Read(POD, HOME)
EXTENSIONS = (Read(EXTENSION, MESH), Read(WASM_PLUGIN, MESH))
SECRETS = Read(SECRET, NAMED)
VERSION, NETWORKS, SDN, NODES, SERVED = (
    Read(kind, CLUSTER) for kind in (CLUSTER_VERSION, NETWORK, CLUSTER_NETWORK, NODE, GROUP)
)
TOKENS = Read(AUTHENTICATION, CLUSTER)
ADMITTING = Read(AUTHORIZATION_POLICY, MESH)


@dataclass(frozen=True)
class Platform:
    """The cluster below a mesh. None means not served or not read; ``groups`` are those API groups of other operators
    that are served.
    """

    version: Mapping | None = field(metadata=read_from(VERSION), default=None)
    network: Mapping | None = field(metadata=read_from(NETWORKS), default=None)
    sdn: Mapping | None = field(metadata=read_from(SDN), default=None)
    nodes: Sequence[Mapping] = field(metadata=read_from(NODES), default=())
    authentication: Mapping | None = field(metadata=read_from(TOKENS), default=None)
    groups: frozenset[str] = field(metadata=read_from(SERVED), default=frozenset())

    @property
    def release(self) -> tuple[int, int, int] | None:
        """Return the OpenShift release that runs: the newest that was completed, such as (4, 14, 3)."""
        done = [
            str(entry.get("version"))
            for entry in items(at(self.version, "status", "history"))
            if entry.get("state") == "Completed"
        ]
        found = re.match(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})", done[0]) if done else None
        return (int(found[1]), int(found[2]), int(found[3])) if found else None

    @property
    def network_type(self) -> str:
        """Return the network type that runs, as it is written; "" while unknown."""
        return str(at(self.network, "status", "networkType") or "")


@dataclass(frozen=True)
class Ground:
    """What the platform's checks look at: a control plane that stands or is wanted, its members, the cluster below."""

    control_plane: ControlPlane
    platform: Platform
    members: Collection[str] | None = field(metadata=read_from(ROLL), default=None)
    server: str = ""


@dataclass(frozen=True)
class Estate:
    """One mesh as its administrator and its cluster have it.

    ``cards`` are peers' cards by our names of the peers; ``peers``, ``exports``, ``imports``, ``config_maps`` and
    ``own_services`` (those of the control plane's namespace) are live objects by name; ``services``, ``entries``
    (ServiceEntries) and ``sidecars`` by namespace, ``targets`` the Services of other namespaces that something is
    imported into as local. None, or a namespace that is missing, was not read: nothing is found there. ``roll`` is the
    member roll, empty where there is none. ``untouched`` are described peers that belong to somebody else,
    ``without_gateways`` those whose gateways only a real run makes. ``is_thorough``: asked for by somebody who waits
    for it, not by a run that has just changed things. ``platform`` is the cluster below. ``extensions`` are WasmPlugins
    and ServiceMeshExtensions, ``own_pods`` the pods of the control plane's namespace, ``missing_secrets`` those pull
    secrets (namespace, name) that something names and that are not there. ``policies`` are AuthorizationPolicies, where
    something is exported; ``wanted`` are the rules of ``mesh_traffic`` as far as they could be read, None where it is
    not set. What is filled from the cluster says from which reads.
    """

    mesh: Mesh
    control_plane: ControlPlane
    now: datetime
    cards: Mapping[str, Card] = field(default_factory=dict)
    peers: Objects = field(metadata=read_from(PEERS), default_factory=dict)
    exports: Objects = field(metadata=read_from(EXPORT_SETS), default_factory=dict)
    imports: Objects = field(metadata=read_from(IMPORT_SETS), default_factory=dict)
    config_maps: Objects = field(metadata=read_from(BUNDLES), default_factory=dict)
    own_services: Objects | None = field(metadata=read_from(OWN_SERVICES), default=None)
    roll: Mapping | None = field(metadata=read_from(ROLL), default=None)
    services: Mapping[str, Sequence[Mapping]] = field(metadata=read_from(SERVICES), default_factory=dict)
    targets: Mapping[str, Sequence[Mapping]] = field(metadata=read_from(SERVICES), default_factory=dict)
    entries: Mapping[str, Sequence[Mapping]] | None = field(metadata=read_from(ENTRIES), default=None)
    sidecars: Mapping[str, Sequence[Mapping]] = field(metadata=read_from(SIDECARS), default_factory=dict)
    gateways: Sequence[Mapping] = field(metadata=read_from(GATEWAYS), default=())
    network_policies: Sequence[Mapping] | None = field(metadata=read_from(POLICIES), default=None)
    destination_rules: Sequence[Mapping] | None = field(metadata=read_from(DESTINATIONS), default=None)
    elsewhere: Sequence[Mapping] = field(metadata=read_from(*STRAYS), default=())
    roots: Sequence[Root] = field(metadata=read_from(BUNDLES), default=())
    server: str = ""
    untouched: frozenset[str] = frozenset()
    without_gateways: frozenset[str] = frozenset()
    is_thorough: bool = False
    platform: Platform | None = None
    extensions: Sequence[Mapping] = field(metadata=read_from(*EXTENSIONS), default=())
    own_pods: Sequence[Mapping] = field(metadata=read_from(PODS), default=())
    policies: Sequence[Mapping] = field(metadata=read_from(ADMITTING), default=())
    wanted: Sequence[Wanted] | None = None
    missing_secrets: frozenset[tuple[str, str]] = field(metadata=read_from(SECRETS), default=frozenset())

    @property
    def namespace(self) -> str:
        """Return the control plane's namespace."""
        return self.control_plane.namespace

    @property
    def version(self) -> tuple[int, int] | None:
        """Return the control plane's version."""
        return self.control_plane.version

    @property
    def patch(self) -> tuple[int, ...] | None:
        """Return the charts' whole version, such as (2, 1, 6); None while unknown."""
        said = str(at(self.control_plane.live, "status", "chartVersion") or "")
        parts = re.fullmatch(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})", said)
        return tuple(map(int, parts.groups())) if parts else None

    @property
    def members(self) -> frozenset[str] | None:
        """Return the member namespaces; None where the member roll was not read."""
        return None if self.roll is None else frozenset(membership(self.roll)["configured"])

    @property
    def exportable(self) -> list[Mapping]:
        """Return the Services and ServiceEntries that rules can mean, as far as they were read."""
        return [live for found in (*self.services.values(), *(self.entries or {}).values()) for live in found]

    @property
    def exportable_or_own(self) -> list[Mapping]:
        """Return what rules without a namespace can mean: what is exportable, and the Services of the control plane's
        namespace.
        """
        return [*(self.own_services or {}).values(), *self.exportable]

    def said(self, *path: str) -> object:
        """Return what the control plane's spec says at a path; its profiles count where the spec is silent."""
        return self.control_plane.said(*path)

    def pilot_env(self, name: str) -> object:
        """Return what an environment variable of istiod is set to in the control plane; None when it is not."""
        return self.said("runtime", "components", "pilot", "container", "env", name)

    def standing(self) -> Iterator[tuple[str, Mapping]]:
        """Give the live peers that are not being deleted, by name."""
        for name, live in sorted(self.peers.items()):
            if not at(live, "metadata", "deletionTimestamp"):
                yield name, live

    def is_described(self, name: str) -> bool:
        """Return whether a peer is described and ours to keep, so that the rules in force will be those described."""
        peer = self.mesh.peer(name)
        return peer is not None and peer.local_name == name and name not in self.untouched

    def export_rules(self) -> Iterator[tuple[str, Mapping | None, Rules]]:
        """Give, per peer, the set's spec that counts for services, and how its rules are called."""
        for name in self._names(self.exports):
            peer = self.mesh.peer(name)
            if peer and self.is_described(name):
                yield (
                    name,
                    plan_exports(self.mesh, peer)["spec"],
                    Rules("mesh_exports", tuple(rule.number for rule in self.mesh.exports_to(peer))),
                )
            elif name in self.exports:
                yield name, at(self.exports[name], "spec"), Rules(place_of(self.exports[name]), None, "exportRules")

    def import_rules(self) -> Iterator[tuple[str, Mapping | None, Rules]]:
        """Give, per peer, the set's spec that counts for what the peer offers, and how its rules are called."""
        for name in self._names(self.imports):
            peer = self.mesh.peer(name)
            if peer and self.is_described(name):
                yield (
                    name,
                    plan_imports(self.mesh, peer)["spec"],
                    Rules("mesh_imports", tuple(rule.number for rule in self.mesh.imports_from(peer))),
                )
            elif name in self.imports:
                yield name, at(self.imports[name], "spec"), Rules(place_of(self.imports[name]), None, "importRules")

    def with_plan(self, manifests: Sequence[Mapping]) -> Estate:
        """Return the estate as it will be once ``manifests`` are applied; what the cluster says of them stays."""
        after = {
            kind: dict(live)
            for kind, live in ((PEER.name, self.peers), (EXPORTS.name, self.exports), (IMPORTS.name, self.imports))
        }
        after["ConfigMap"] = dict(self.config_maps)
        for manifest in manifests:
            live = after[manifest["kind"]].get(manifest["metadata"]["name"]) or {}
            merged = {**live, **manifest, "metadata": {**manifest["metadata"], **(live.get("metadata") or {})}}
            after[manifest["kind"]][manifest["metadata"]["name"]] = merged
        return replace(
            self,
            peers=after[PEER.name],
            exports=after[EXPORTS.name],
            imports=after[IMPORTS.name],
            config_maps=after["ConfigMap"],
        )

    def _names(self, sets: Objects) -> list[str]:
        standing = {name for name, _live in self.standing()}
        return sorted((standing & set(sets)) | {peer.local_name for peer in self.mesh.peers})


@dataclass(frozen=True)
class Rules:
    """How people name the rules of one set: by the options' numbers, or by their place in a live set."""

    where: str
    numbers: tuple[int, ...] | None
    field: str = ""

    def place(self, index: int) -> str:
        """Return the name of the rule at ``index`` of the set."""
        if self.numbers is not None:
            return f"{self.where}, rule {self.numbers[index]}"
        return f"{self.where}, {self.field}[{index}]"


def rules_in(sets: Iterable[tuple], name: str) -> list[Mapping]:
    """Return the rules of sets, as ``export_rules`` and ``import_rules`` give them; ``name`` is their word
    in a spec.
    """
    return [rule for _peer, spec, _places in sets for rule in items(at(spec, name))]


def namespaces_in(exports: Sequence[Mapping], imports: Sequence[Mapping], members: frozenset[str]) -> set[str]:
    """Return the member namespaces whose Services the rules are about: those exported from, and those imported into as
    local.
    """
    named = {
        str(at(rule, "nameSelector", "namespace") or at(rule, "labelSelector", "namespace") or "*") for rule in exports
    }
    wanted = members if "*" in named else members & named
    return set(wanted) | (targets_of(imports) & members)


def targets_of(imports: Sequence[Mapping]) -> set[str]:
    """Return the namespaces that something is imported into as local, whether they are members or not."""
    targets = {
        str(at(rule, "nameSelector", "alias", "namespace") or "") for rule in imports if rule.get("importAsLocal")
    }
    return {target for target in targets if is_label(target)}
