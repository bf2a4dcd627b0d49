# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the user described: one mesh, its peers, what it offers and what it takes. Checked once, then frozen."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

from ..plain.addresses import is_address, unfit
from ..plain.errors import FederationError
from ..plain.fingerprints import plain_fingerprint
from ..plain.kinds import (
    CLUSTER_DOMAIN,
    RESERVED_GATEWAYS,
    RESERVED_WORDS,
    ROOT_CONFIG_MAP,
    bundle_name,
    is_below,
    is_of_platform,
    is_reserved_gateway,
    is_trust_domain,
)
from ..plain.selectors import label_selector, selects_by_presence
from .given import ALIAS, EXPORT_RULE, GATEWAYS, IMPORT_RULE, KUBECTL, PEER_ENTRY, refuse_empty

LONGEST_PEER = 55
_OWNER = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ._@/:+-]{0,126}[A-Za-z0-9])?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_VERSION = re.compile(r"v?2\.[0-9]{1,2}(\.[0-9]{1,3})?")
_SERVICE_TYPES = ("LoadBalancer", "NodePort", "ClusterIP")
_OF_ONE_PEER = {
    "ingress": "would give all peers one gateway, and each would be refused by the other's rules",
    "egress": "would give all peers one gateway, and each would be refused by the other's rules",
    "node_ports": "would give the gateways of all peers the same ports of the nodes",
    "load_balancer_ip": "would give the gateways of all peers one address",
}
ANY = "*"
LOCALITY = ("region", "zone", "subzone")
_PLACE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
# Stands for a rule that was refused before, so that those after it keep their numbers; it concerns no peer.
LEFT_OUT: Mapping = MappingProxyType({})


@dataclass(frozen=True)
class Alias:
    """The name parts under which a service travels; None keeps the original part."""

    name: str | None = None
    namespace: str | None = None


@dataclass(frozen=True)
class ExportRule:
    """One rule of ``mesh_exports``: by name, or by labels when ``selector`` is set. None means any."""

    number: int
    name: str | None
    namespace: str | None
    selector: Mapping | None
    alias: Alias
    to: tuple[str, ...] | None

    def stored(self) -> dict:
        """Return the rule as an ExportedServiceSet stores it."""
        alias = _stored_alias(self.alias)
        if self.selector is None:
            return {"type": "NameSelector", "nameSelector": {**_parts(self.name, self.namespace), **alias}}
        aliases = {"aliases": [{**_parts(ANY, ANY), **alias}]} if alias else {}
        return {
            "type": "LabelSelector",
            "labelSelector": {"namespace": self.namespace or ANY, "selector": dict(self.selector), **aliases},
        }


@dataclass(frozen=True)
class ImportRule:
    """One rule of ``mesh_imports``; None means any."""

    number: int
    name: str | None
    namespace: str | None
    alias: Alias
    import_as_local: bool
    domain_suffix: str | None
    sources: tuple[str, ...] | None

    def stored(self) -> dict:
        """Return the rule as an ImportedServiceSet stores it."""
        suffix = {"domainSuffix": self.domain_suffix} if self.domain_suffix else {}
        return {
            "type": "NameSelector",
            "importAsLocal": self.import_as_local,
            **suffix,
            "nameSelector": {**_parts(self.name, self.namespace), **_stored_alias(self.alias)},
        }


@dataclass(frozen=True)
class NodePorts:
    """The node ports of an ingress gateway where they are to be fixed; None lets the cluster choose."""

    discovery: int | None = None
    service: int | None = None


@dataclass(frozen=True)
class DisruptionBudget:
    """How many pods of a gateway must stay, or may go, while nodes are drained: a number or a percentage, one of the two."""

    min_available: int | str | None = None
    max_unavailable: int | str | None = None


@dataclass(frozen=True)
class Gateways:
    """How this mesh is reached by one peer, and through what it reaches that peer."""

    ingress: str
    egress: str
    service_type: str = "LoadBalancer"
    annotations: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    discovery_port: int | None = None
    service_port: int | None = None
    replicas: int | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Mapping, ...] | None = None
    node_ports: NodePorts = NodePorts()
    load_balancer_ip: str | None = None
    load_balancer_source_ranges: tuple[str, ...] = ()
    external_traffic_policy: str | None = None
    disruption_budget: DisruptionBudget | None = None


@dataclass(frozen=True)
class Found:
    """What a live gateway of the same name keeps when it is taken over: what we do not send stays with its owner.

    ``label`` is the value of its federation label, ``annotations`` what it says of its kind of load balancer,
    ``networks`` what it looks at (``requestedNetworkView``).
    """

    label: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Half:
    """The peer's side of the peering, for an administrator who has kubectl and no Ansible: written as files for them.

    ``mesh`` is the peer as its administrator would describe it, with this mesh as its only peer; ``version`` its
    control plane's, None while unknown.
    """

    mesh: Mesh
    version: str | None = None

    @property
    def peer(self) -> Peer:
        """Return this mesh as the peer's administrator would describe it."""
        return self.mesh.peers[0]


@dataclass(frozen=True)
class Peer:
    """One other mesh: its ``name`` on its cards, our ``local_name`` for it (the ServiceMeshPeer's name).

    ``given`` names the gateway settings that the peer's own entry makes. ``bundle`` is the ConfigMap with its roots.
    ``found_ingress`` and ``found_egress`` are what stands on the cluster already, once it was looked at. ``locality`` is where it is,
    ``half`` the peer's own side, where its administrator is to get it as files.
    """

    name: str
    local_name: str
    gateways: Gateways
    root_fingerprints: tuple[str, ...] = ()
    same_cluster: bool = False
    suspended: bool = False
    adopt: bool = False
    given: frozenset[str] = frozenset()
    half: Half | None = None
    bundle: str = ""
    locality: Mapping[str, str] = field(default_factory=dict)
    found_ingress: Found | None = None
    found_egress: Found | None = None

    @property
    def bundle_name(self) -> str:
        """Return the name of the ConfigMap with the peer's root certificates."""
        return self.bundle or bundle_name(self.local_name)


@dataclass(frozen=True)
class Mesh:
    """One mesh and everything its administrator asked for; ``owner`` tells this description from others of it."""

    name: str
    namespace: str
    control_plane: str
    peers: tuple[Peer, ...]
    exports: tuple[ExportRule, ...] = ()
    imports: tuple[ImportRule, ...] = ()
    trust_domain: str | None = None
    held: tuple[Peer, ...] = ()
    owner: str | None = None
    loopback: bool = False

    @classmethod
    def described(
        cls,
        *,
        name: str,
        namespace: str,
        control_plane: str,
        peers: Sequence[str | Mapping],
        gateways: Mapping | None = None,
        exports: Sequence[Mapping] = (),
        imports: Sequence[Mapping] = (),
        trust_domain: str | None = None,
        allow_no_peers: bool = False,
        owner: str | None = None,
        loopback: bool = False,
    ) -> Mesh:
        """Return the mesh that these options describe, all of it checked.

        Raises ``FederationError`` with a code FED3xx that names the option, before anything can have been written.
        """
        _check_home(name, namespace, control_plane, trust_domain, owner)
        _check_shared(gateways or {})
        described = tuple(
            _peer(entry, gateways or {}, at, _Home(name, namespace, loopback)) for at, entry in enumerate(peers or (), start=1)
        )
        if not described and not allow_no_peers:
            _refuse(
                "FED301",
                "mesh_peers",
                f"is empty for mesh {name}, so there is nobody to federate with",
                "List the peers, or set federation_full_mesh: true to peer with every mesh of the inventory",
            )
        _check_peers(name, described)
        names = _Names.of(described)
        mesh = cls(
            name=name,
            namespace=namespace,
            control_plane=control_plane,
            peers=described,
            exports=tuple(_export_rule(rule, at, names) for at, rule in enumerate(exports or (), start=1)),
            imports=tuple(_import_rule(rule, at, names) for at, rule in enumerate(imports or (), start=1)),
            trust_domain=trust_domain,
            owner=owner or None,
            loopback=loopback,
        )
        _check_targets(mesh)
        _check_rules(mesh)
        return mesh

    def holding(self, names: Iterable[str]) -> Mesh:
        """Return this mesh with the peers of these names ``held``: still described, but nothing is done about them.

        The names are those of other hosts' meshes; a name that no mesh has may be ours for a peer. Of two peers with
        one name both are held, since nobody can say which of them failed.
        """
        names = set(names)
        local = names - {peer.name for peer in self.peers}
        held = tuple(peer for peer in self.peers if peer.name in names or peer.local_name in local)
        return replace(self, peers=tuple(peer for peer in self.peers if peer not in held), held=held)

    def is_shared(self, name: str) -> bool:
        """Return whether several peers call themselves ``name``, so that only our own names tell them apart."""
        return sum(peer.name == name for peer in (*self.peers, *self.held)) > 1

    def names_of(self, peer: Peer) -> tuple[str, ...]:
        """Return the names by which a run speaks of ``peer``: ours, and its own where no other peer has that."""
        return (peer.local_name,) if self.is_shared(peer.name) else (peer.local_name, peer.name)

    def known_as(self, peer: Peer) -> str:
        """Return the name under which a card file speaks of ``peer``: its own, or ours where several share that."""
        return peer.local_name if self.is_shared(peer.name) else peer.name

    def peer(self, name: str) -> Peer | None:
        """Return the peer that we call ``name``, or whose cards do; None when it is not ours."""
        return next((p for p in self.peers if p.local_name == name), next((p for p in self.peers if p.name == name), None))

    def exports_to(self, peer: Peer) -> list[ExportRule]:
        """Return the export rules that concern ``peer``, in order; none while it is suspended."""
        return [] if peer.suspended else [rule for rule in self.exports if _concerns(rule.to, peer)]

    def imports_from(self, peer: Peer) -> list[ImportRule]:
        """Return the import rules that concern ``peer``, in order; none while it is suspended."""
        return [] if peer.suspended else [rule for rule in self.imports if _concerns(rule.sources, peer)]

    def check_suffixes(self, cluster_domain: str = CLUSTER_DOMAIN) -> None:
        """Refuse an import rule whose suffix is the cluster's own, or could give names of the cluster: FED310."""
        for problem in self.suffix_problems(cluster_domain):
            raise problem

    def suffix_problems(self, cluster_domain: str) -> Iterator[FederationError]:
        """Give an error for each import rule whose suffix cannot be used in this cluster.

        istiod ignores a rule with the suffix ``svc.<cluster domain>`` without a word, and takes the peer's word for names
        under any other.
        """
        for rule in self.imports:
            suffix = rule.domain_suffix or ""
            what, fix = "", "Use import_as_local: true, or another suffix"
            if suffix == f"svc.{cluster_domain}":
                what = f"domain_suffix {suffix} is the cluster's own, so istiod would ignore the rule"
            elif suffix and (is_below(suffix, cluster_domain) or is_below(cluster_domain, suffix)):
                what = (
                    f"domain_suffix {suffix} and the cluster's domain {cluster_domain} share names, "
                    "so the peer could take the name of a local service"
                )
            if what:
                yield FederationError("FED310", where=f"mesh_imports, rule {rule.number}", what=what, fix=fix)


def egress_account(gateways: Gateways) -> str:
    """Return the service account of the egress gateway, part of this mesh's identity towards the peer."""
    return f"{gateways.egress}-service-account"


def client_id(trust_domain: str, namespace: str, gateways: Gateways) -> str:
    """Return the identity that this mesh's egress gateway presents to its peer, without ``spiffe://``."""
    return f"{trust_domain}/ns/{namespace}/sa/{egress_account(gateways)}"


class _Home(NamedTuple):
    """The mesh whose peers are read."""

    name: str
    namespace: str
    loopback: bool


def _peer(entry: str | Mapping, shared: Mapping, at: int, home: _Home) -> Peer:
    place = f"mesh_peers, entry {at}"
    if isinstance(entry, str):
        entry = {"name": entry}
    if not isinstance(entry, Mapping):
        _refuse("FED303", place, "is neither a name nor a mapping with a name", "Write the peer's mesh name")
    _check_keys(entry, {"name", *PEER_ENTRY}, place)
    name = _check_word(_check_label(entry.get("name"), f"{place}, name", 63), f"{place}, name")
    place = f"mesh_peers, {name}"
    refuse_empty(entry, place, PEER_ENTRY)
    local_name = _check_label(entry.get("local_name", name), f"{place}, local_name", LONGEST_PEER)
    _check_local_name(local_name, name, f"{place}, local_name")
    same_cluster = _boolean(entry.get("same_cluster"), f"{place}, same_cluster")
    own = entry.get("gateways", {})
    if not isinstance(own, Mapping):
        _refuse("FED307", f"{place}, gateways", "is not a mapping", "Give it keys such as service_type")
    _refuse_empty_settings(own, f"{place}, gateways")
    adopt = _boolean(entry.get("adopt"), f"{place}, adopt")
    gateways = _gateways({**_fitting(shared, own, same_cluster), **own}, local_name, place, same_cluster)
    _check_addresses(gateways, f"{place}, gateways", same_cluster=same_cluster, loopback=home.loopback)
    if not adopt:
        check_reach(gateways, place, same_cluster=same_cluster)
    for kind, gateway in (("ingress", gateways.ingress), ("egress", gateways.egress)):
        if len(gateway) + len(home.namespace) > 62 and (not adopt or kind in own):
            _refuse(
                "FED307",
                f"{place}, gateway {gateway}",
                f"is too long: with the namespace {home.namespace} a label of the operator would exceed 63 characters",
                "Choose a shorter local_name or gateway name",
            )
    return Peer(
        name=name,
        local_name=local_name,
        gateways=gateways,
        root_fingerprints=tuple(_fingerprint(pin, place) for pin in _list(entry.get("root_fingerprints"), place)),
        same_cluster=same_cluster,
        suspended=_boolean(entry.get("suspended"), f"{place}, suspended"),
        adopt=adopt,
        given=frozenset(own),
        half=_half(entry["kubectl"], name, home, place, same_cluster=same_cluster) if "kubectl" in entry and name != home.name else None,
        locality=checked_locality(entry.get("locality"), f"{place}, locality"),
    )


def _half(given: Any, peer: str, home: _Home, place: str, *, same_cluster: bool) -> Half:
    """Return the side of a peer whose administrator has no Ansible, by what is known of the peer's mesh here."""
    place = f"{place}, kubectl"
    _check_keys(given, set(KUBECTL), place)
    refuse_empty(given, place, KUBECTL)
    missing = [key for key in ("namespace", "control_plane") if key not in given]
    if missing:
        _refuse(
            "FED350",
            place,
            f"has no {missing[0]}, and what is written for {peer} goes to its control plane only",
            f"Ask the administrator of {peer} for the namespace and the name of the ServiceMeshControlPlane",
        )
    version = given.get("version")
    if version is not None and not _VERSION.fullmatch(str(version)):
        _refuse("FED350", f"{place}, version", f"is {version!r}", "Write the version as v2.5")
    own = {"gateways": given["gateways"]} if "gateways" in given else {}
    rules: dict[str, Any] = {key: _list(given.get(key), f"{place}, {key}") for key in ("exports", "imports")}
    try:
        mesh = Mesh.described(
            name=peer,
            namespace=given["namespace"],
            control_plane=given["control_plane"],
            peers=[{"name": home.name, "same_cluster": same_cluster, **own}],
            loopback=home.loopback,
            **rules,
        )
    except FederationError as error:
        # What the peer would call mesh_exports is called exports here, and its only peer is this mesh, which nobody wrote down.
        where = error.where.removeprefix(f"mesh_peers, {home.name}, ").removeprefix("mesh_")
        raise FederationError(error.code, where=f"{place}, {where}", what=error.what, fix=error.fix) from None
    return Half(mesh, str(version) if version else None)


def checked_locality(value: object, place: str) -> dict[str, str]:
    """Return where a mesh is: its ``region``, and a ``zone`` and ``subzone`` where they are given.

    Raises ``FederationError`` FED856 for a zone without its region or a subzone without its zone, of which istiod drops all.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        _refuse("FED856", place, "is not a mapping", "Write it as region: eu-west, and zone where you want one")
    unknown = sorted(str(key) for key in value if key not in LOCALITY)
    if unknown:
        _refuse("FED856", place, f"has the unknown key {unknown[0]}", f"Known are {', '.join(LOCALITY)}")
    for word in value:
        if not isinstance(value[word], str) or not _PLACE.fullmatch(value[word]):
            _refuse("FED856", f"{place}, {word}", f"is {value[word]!r}", "Write it as the nodes' labels topology.kubernetes.io do")
    given = [word for word in LOCALITY if word in value]
    missing = next((above for above, word in zip(LOCALITY, given) if above != word), "")
    if missing:
        _refuse("FED856", place, f"has a {given[-1]} and no {missing}, so istiod would drop all of it", f"Add the {missing}")
    return {word: value[word] for word in given}


def _check_home(name: str, namespace: str, control_plane: str, trust_domain: str | None, owner: str | None) -> None:
    """Refuse what a mesh cannot be called, or its owner."""
    _check_word(_check_label(name, "mesh_name", 63), "mesh_name")
    _check_label(namespace, "mesh_namespace", 63)
    if not isinstance(control_plane, str) or not _NAME.fullmatch(control_plane):
        _refuse("FED303", "mesh_control_plane", f"{control_plane!r} is no name", "Give the ServiceMeshControlPlane's name")
    if trust_domain and not is_trust_domain(trust_domain):
        _refuse("FED303", "mesh_trust_domain", f"{trust_domain!r} is no trust domain", "Use lower-case letters, digits, dots and hyphens")
    if owner and not _OWNER.fullmatch(owner):
        _refuse(
            "FED303",
            "federation_owner",
            f"{owner[:80]!a} is not a valid owner",
            "Use up to 128 letters, digits, spaces and . _ @ / : + -",
        )


def _check_rules(mesh: Mesh) -> None:
    """Check the rules for each peer; of peers that the same rules concern, once."""
    checked: set[tuple] = set()
    for peer in mesh.peers:
        exported, imported = mesh.exports_to(peer), mesh.imports_from(peer)
        concerned = (tuple(rule.number for rule in exported), tuple(rule.number for rule in imported))
        if concerned not in checked:
            checked.add(concerned)
            _check_exports(exported, mesh, peer)
            _check_imports(imported, peer)


def _check_shared(shared: Mapping) -> None:
    """Refuse settings for all peers that say nothing, or that only one gateway can have."""
    _refuse_empty_settings(shared, "mesh_gateways")
    for key, why in _OF_ONE_PEER.items():
        if key in shared:
            _refuse("FED307", f"mesh_gateways, {key}", why, f"Give it per peer: mesh_peers, gateways.{key}")


def _refuse_empty_settings(given: Mapping, place: str) -> None:
    """Refuse gateway settings that are there and empty, also in mappings; an annotation or label may be an empty text."""
    refuse_empty(given, place, GATEWAYS)
    for key, value in given.items():
        if isinstance(value, Mapping) and key not in ("annotations", "node_selector"):
            refuse_empty(value, f"{place}, {key}", {})


def _fitting(shared: Mapping, own: Mapping, same_cluster: bool) -> Mapping:
    """Return the settings of all peers without those that make no sense for one peer's kind of Service."""
    service_type = own.get("service_type", shared.get("service_type", "ClusterIP" if same_cluster else "LoadBalancer"))
    left_out = {"LoadBalancer": set(), "NodePort": {"load_balancer_source_ranges"}}
    words = left_out.get(str(service_type), {"load_balancer_source_ranges", "external_traffic_policy"})
    return {word: value for word, value in shared.items() if word not in words}


def _gateways(given: Mapping, peer: str, place: str, same_cluster: bool) -> Gateways:
    place = f"{place}, gateways"
    _check_keys(given, set(Gateways.__dataclass_fields__), place)
    service_type = given.get("service_type", "ClusterIP" if same_cluster else "LoadBalancer")
    if service_type not in _SERVICE_TYPES:
        _refuse("FED307", f"{place}, service_type", f"is {service_type}", f"Choose one of {', '.join(_SERVICE_TYPES)}")
    addresses = tuple(_list(given.get("addresses"), f"{place}, addresses"))
    for address in addresses:
        if not is_address(address):
            _refuse(
                "FED219",
                f"{place}, addresses",
                f"holds {address}, which is no IP address and no DNS name",
                "Addresses go without scheme and port; use discovery_port and service_port for ports",
            )
    ingress = _check_label(given.get("ingress", f"{peer}-ingress"), f"{place}, ingress", 62)
    egress = _check_label(given.get("egress", f"{peer}-egress"), f"{place}, egress", 62)
    for kind, gateway in (("ingress", ingress), ("egress", egress)):
        if gateway[0] in "0123456789":
            _refuse("FED307", f"{place}, {kind}", f"is {gateway}; the name of a Service starts with a letter", f"Name the {kind} gateway")
    for kind, gateway in (("ingress", ingress), ("egress", egress)):
        if is_reserved_gateway(gateway) and gateway not in RESERVED_GATEWAYS:
            _refuse(
                "FED307",
                f"{place}, {kind}",
                f"is {gateway}, a name that the control plane gives to a part of its own",
                "Choose another name",
            )
    if ingress == egress or {ingress, egress} & set(RESERVED_GATEWAYS):
        _refuse(
            "FED307",
            place,
            f"uses the names {ingress} and {egress}, which must differ from each other and from {RESERVED_GATEWAYS[0]} "
            f"and {RESERVED_GATEWAYS[1]}",
            "Choose other names, or leave them out",
        )
    return Gateways(
        ingress=ingress,
        egress=egress,
        service_type=service_type,
        annotations=_texts(given.get("annotations"), f"{place}, annotations"),
        addresses=addresses,
        discovery_port=_port(given.get("discovery_port"), f"{place}, discovery_port"),
        service_port=_port(given.get("service_port"), f"{place}, service_port"),
        replicas=_whole(given.get("replicas"), f"{place}, replicas"),
        node_selector=_texts(given["node_selector"], f"{place}, node_selector") if "node_selector" in given else None,
        tolerations=_mappings(given.get("tolerations"), f"{place}, tolerations") or None,
        node_ports=_node_ports(given.get("node_ports"), service_type, f"{place}, node_ports"),
        load_balancer_ip=_balancer_ip(given.get("load_balancer_ip"), service_type, f"{place}, load_balancer_ip"),
        load_balancer_source_ranges=_source_ranges(
            given.get("load_balancer_source_ranges"), service_type, f"{place}, load_balancer_source_ranges"
        ),
        external_traffic_policy=_traffic_policy(
            given.get("external_traffic_policy"), service_type, f"{place}, external_traffic_policy"
        ),
        disruption_budget=_disruption_budget(given, f"{place}, disruption_budget"),
    )


def _check_addresses(gateways: Gateways, place: str, *, same_cluster: bool, loopback: bool) -> None:
    """Refuse addresses of ours at which no peer in another cluster could reach us, or would reach itself."""
    given = [("addresses", address) for address in gateways.addresses]
    given += [("load_balancer_ip", gateways.load_balancer_ip)] if gateways.load_balancer_ip else []
    for key, address in given:
        reason = unfit(address, loopback=loopback, same_cluster=same_cluster)
        if reason:
            _refuse(reason.code, f"{place}, {key}", f"holds {reason.what}", reason.fix)


def check_reach(gateways: Gateways, place: str, *, same_cluster: bool) -> None:
    """Refuse gateways that no peer could reach: FED308. ``place`` says where they are described."""
    if gateways.service_type == "NodePort" and not gateways.addresses:
        _refuse(
            "FED308",
            f"{place}, gateways, addresses",
            "is empty, and a NodePort is reached at the addresses of nodes, which only a cluster administrator can list",
            "Give the nodes' addresses that the peer can reach",
        )
    if gateways.service_type == "ClusterIP" and not gateways.addresses and not same_cluster:
        _refuse(
            "FED308",
            f"{place}, gateways, service_type",
            "is ClusterIP, which nobody outside this cluster can reach",
            "Set same_cluster: true for a peer in this cluster, give addresses, or choose LoadBalancer",
        )


def _node_ports(value: object, service_type: str, place: str) -> NodePorts:
    if value is None:
        return NodePorts()
    if not isinstance(value, Mapping):
        _refuse("FED307", place, "is not a mapping", "Give it discovery and service, or one of them")
    _check_keys(value, {"discovery", "service"}, place)
    if service_type == "ClusterIP":
        _refuse("FED307", place, "fixes node ports, and a ClusterIP has none", "Use service_type: NodePort, or leave them out")
    ports = NodePorts(_port(value.get("discovery"), f"{place}, discovery"), _port(value.get("service"), f"{place}, service"))
    if ports.discovery and ports.discovery == ports.service:
        _refuse("FED307", place, f"gives {ports.discovery} twice", "Each port needs a node port of its own")
    return ports


def _balancer_ip(value: object, service_type: str, place: str) -> str | None:
    if value is None:
        return None
    _need_balancer(service_type, place)
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        _refuse("FED307", place, f"is {value}, which is no IP address", "Give the address that the load balancer shall have")


def _source_ranges(value: object, service_type: str, place: str) -> tuple[str, ...]:
    ranges = _list(value, place)
    if ranges:
        _need_balancer(service_type, place)
    for entry in ranges:
        try:
            ipaddress.ip_network(str(entry))
        except ValueError:
            _refuse("FED307", place, f"holds {entry}, which is no range of addresses", "Write them as 192.0.2.0/24")
    return tuple(str(entry) for entry in ranges)


def _traffic_policy(value: object, service_type: str, place: str) -> str | None:
    if value is None:
        return None
    if service_type == "ClusterIP" or value not in ("Cluster", "Local"):
        _refuse("FED307", place, f"is {value} with service_type {service_type}", "Use Cluster or Local, with LoadBalancer or NodePort")
    return str(value)


def _disruption_budget(given: Mapping, place: str) -> DisruptionBudget | None:
    value = given.get("disruption_budget")
    if value is None:
        return None
    if not isinstance(value, Mapping):
        _refuse("FED307", place, "is not a mapping", "Give it min_available or max_unavailable")
    _check_keys(value, {"min_available", "max_unavailable"}, place)
    parts = {key: _pods(part, f"{place}, {key}") for key, part in value.items()}
    if len(parts) != 1:
        _refuse("FED307", place, "has not just one of min_available and max_unavailable", "Give one of the two")
    replicas = _whole(given.get("replicas"), place) or 1
    budget = DisruptionBudget(**parts)
    keeps_all = budget.min_available == "100%" or (isinstance(budget.min_available, int) and budget.min_available >= replicas)
    if keeps_all or budget.max_unavailable in (0, "0%"):
        _refuse(
            "FED307",
            place,
            f"lets none of {replicas} pods go, so no node with one of them could ever be drained",
            "Give more replicas, or a budget that lets one go",
        )
    return budget


def _pods(value: object, place: str) -> int | str:
    if isinstance(value, str) and re.fullmatch(r"(100|[0-9]{1,2})%", value):
        return value
    number = _whole(value, place)
    return 0 if number is None else number


def _need_balancer(service_type: str, place: str) -> None:
    if service_type != "LoadBalancer":
        _refuse("FED307", place, f"is for load balancers, and service_type is {service_type}", "Leave it out, or choose LoadBalancer")


def _check_peers(name: str, peers: Sequence[Peer]) -> None:
    local_names: set[str] = set()
    for peer in peers:
        place = f"mesh_peers, {peer.name}"
        if peer.name == name:
            _refuse("FED305", place, "is this mesh itself", "List other meshes only")
        if peer.local_name == name:
            _refuse(
                "FED305",
                f"{place}, local_name",
                f"is {name}, the name of this mesh itself",
                "Give the peer another local_name",
            )
        if peer.local_name in local_names:
            _refuse("FED304", place, f"is called {peer.local_name}, like another entry", "Give each its own local_name")
        local_names.add(peer.local_name)
    purposes: dict[str, str] = {}
    node_ports: dict[int, str] = {}
    for peer in peers:
        if peer.name != peer.local_name and peer.name in local_names:
            _refuse(
                "FED304",
                f"mesh_peers, {peer.name}",
                f"is the local_name of another entry, so a rule for {peer.name} could mean either",
                "Give the other entry another local_name",
            )
        for kind, gateway in (("ingress", peer.gateways.ingress), ("egress", peer.gateways.egress)):
            if gateway in purposes:
                _refuse(
                    "FED307",
                    f"mesh_peers, {peer.name}, gateways.{kind}",
                    f"is {gateway}, which is the {purposes[gateway]} already; each gateway serves one peer, and in one direction",
                    "Choose another name, or leave it out",
                )
            purposes[gateway] = f"{kind} gateway of {peer.name}"
        for word, port in (("discovery", peer.gateways.node_ports.discovery), ("service", peer.gateways.node_ports.service)):
            owner = node_ports.setdefault(port, peer.local_name) if port else peer.local_name
            if owner != peer.local_name:
                _refuse(
                    "FED307",
                    f"mesh_peers, {peer.name}, gateways.node_ports.{word}",
                    f"is {port}, which {owner} has already",
                    "Each gateway needs node ports of its own",
                )


@dataclass(frozen=True)
class _Names:
    """The names by which rules may speak of peers: ``known``, and ``shared`` with our own names for those behind each."""

    known: frozenset[str]
    shared: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, peers: Iterable[Peer]) -> _Names:
        called: dict[str, list[str]] = {}
        for peer in peers:
            called.setdefault(peer.name, []).append(peer.local_name)
        shared = {name: tuple(local) for name, local in called.items() if len(local) > 1}
        local = {name for names in called.values() for name in names}
        return cls(frozenset((called.keys() | local) - shared.keys()), shared)


def _concerns(names: tuple[str, ...] | None, peer: Peer) -> bool:
    return names is None or peer.local_name in names or peer.name in names


def _export_rule(rule: Mapping, number: int, peers: _Names) -> ExportRule:
    if rule is LEFT_OUT:
        return ExportRule(number, None, None, None, Alias(), to=())
    place = f"mesh_exports, rule {number}"
    _check_keys(rule, set(EXPORT_RULE), place)
    refuse_empty(rule, place, EXPORT_RULE, {"label_selectors": "FED314"})
    selectors = _list(rule.get("label_selectors"), f"{place}, label_selectors")
    if selectors and "name" in rule:
        _refuse("FED317", place, "has both a name and label_selectors", "Use one of the two")
    selector = None
    if selectors:
        try:
            selector = label_selector(selectors)
        except ValueError as reason:
            _refuse("FED314", f"{place}, label_selectors", str(reason), "Write them as kubernetes.core does: app=web, tier in (a,b), !key")
    name, namespace = _service_parts(rule, place)
    return ExportRule(
        number=number,
        name=name,
        namespace=namespace,
        selector=selector,
        alias=_alias(rule.get("alias"), place),
        to=_peer_names(rule.get("to"), peers, f"{place}, to"),
    )


def _import_rule(rule: Mapping, number: int, peers: _Names) -> ImportRule:
    if rule is LEFT_OUT:
        return ImportRule(number, None, None, Alias(), import_as_local=False, domain_suffix=None, sources=())
    place = f"mesh_imports, rule {number}"
    _check_keys(rule, set(IMPORT_RULE), place)
    refuse_empty(rule, place, IMPORT_RULE)
    name, namespace = _service_parts(rule, place)
    alias = _alias(rule.get("alias"), place)
    as_local = _boolean(rule.get("import_as_local"), f"{place}, import_as_local")
    suffix = rule.get("domain_suffix")
    if as_local and suffix is not None:
        _refuse("FED310", place, "has a domain_suffix, which import_as_local overrides", "Leave one of the two out")
    if as_local and not (name and namespace):
        _refuse(
            "FED313",
            place,
            "imports as local what a wildcard matches, so the peer would choose the names of services in this cluster",
            "Write one rule for each service, with its name and namespace as the peer exports them",
        )
    if as_local and not alias.namespace:
        alias = Alias(name=alias.name or name, namespace=namespace)
    if suffix is not None and not _is_domain(suffix):
        _refuse("FED310", f"{place}, domain_suffix", f"{suffix} is no DNS name", "Use DNS labels joined by dots, none at the ends")
    if suffix is not None and "." not in suffix:
        _refuse(
            "FED310",
            f"{place}, domain_suffix",
            f"{suffix} is a single label, so the peer could give any name that ends in it",
            "Use a domain of your own, such as partners.example.com",
        )
    return ImportRule(
        number=number,
        name=name,
        namespace=namespace,
        alias=alias,
        import_as_local=as_local,
        domain_suffix=suffix,
        sources=_peer_names(rule.get("from"), peers, f"{place}, from"),
    )


def _is_domain(value: object) -> bool:
    if not isinstance(value, str) or len(value) > 200:
        return False
    return all(len(part) <= 63 and _LABEL.fullmatch(part) for part in value.split("."))


def _check_targets(mesh: Mesh) -> None:
    """Refuse imports into the platform's or the control plane's namespaces, and under another peer's own suffix."""
    for rule in mesh.imports:
        place, target = f"mesh_imports, rule {rule.number}", rule.alias.namespace or ""
        if is_of_platform(target) or target == mesh.namespace:
            whose = "the control plane's own" if target == mesh.namespace else "the platform's"
            what = f"imports into the namespace {target}, which is {whose}"
            _refuse("FED323", place, what, "Use the namespace of an application in alias.namespace")
        suffix = rule.domain_suffix or ""
        for peer in mesh.peers if suffix else ():
            its = f"svc.{peer.local_name}-imports.local"
            is_foreign = any(other is not peer and _concerns(rule.sources, other) for other in mesh.peers)
            if is_foreign and (is_below(suffix, its) or is_below(its, suffix)):
                _refuse(
                    "FED310",
                    f"{place}, domain_suffix",
                    f"{suffix} shares names with {its}, under which the services of {peer.local_name} are imported, "
                    "so another peer could take them",
                    "Use another suffix, or leave it out",
                )


def _check_exports(rules: Sequence[ExportRule], mesh: Mesh, peer: Peer) -> None:
    names: dict[tuple[str, str], ExportRule] = {}
    for rule in rules:
        place = f"mesh_exports, rule {rule.number}"
        _check_reach(rule, mesh.namespace)
        earlier = next((r for r in rules if r.number < rule.number and _hides_export(r, rule)), None)
        if earlier:
            _refuse_unreachable(place, earlier.number, peer)
        fixed = _fixed_name(rule)
        if fixed and fixed in names:
            _refuse_twice("FED311", place, names[fixed].number, f"{fixed[0]}.{fixed[1]}", "exported", peer)
        if fixed:
            names[fixed] = rule
        if rule.alias.name and _is_many(rule):
            _refuse_many(place, rule.alias.name)
        _refuse_merging(rules, rule, place, "exported", peer)


def _check_reach(rule: ExportRule, home: str) -> None:
    """Refuse a rule that offers what is not an application's; ``home`` is the control plane's namespace."""
    place, members_only = f"mesh_exports, rule {rule.number}", "Offer services of member namespaces only"
    if rule.selector is None and not rule.name and not rule.namespace:
        what = "matches every service, istiod and the gateways included"
        _refuse("FED315", place, what, "Name a namespace, or select by labels")
    if rule.namespace == home:
        _refuse("FED315", place, f"offers services of the control plane's namespace {home}", members_only)
    # One named application may live in the namespace default, where the Service of the API server is.
    is_application = rule.namespace == "default" and rule.name not in (None, "kubernetes")
    if is_of_platform(rule.namespace or "") and not is_application:
        _refuse("FED315", place, f"offers services of the platform's namespace {rule.namespace}", members_only)
    if rule.selector is not None and not rule.namespace and not selects_by_presence(rule.selector):
        _refuse(
            "FED315",
            place,
            "matches every service that lacks a label, istiod and the gateways included",
            "Name a namespace, or add a label that the services must have",
        )


def _check_imports(rules: Sequence[ImportRule], peer: Peer) -> None:
    names: dict[tuple, ImportRule] = {}
    for rule in rules:
        place = f"mesh_imports, rule {rule.number}"
        earlier = next((r for r in rules if r.number < rule.number and _covers(r, rule)), None)
        if earlier:
            _refuse_unreachable(place, earlier.number, peer)
        fixed = _fixed_name(rule)
        key = fixed and (*fixed, rule.import_as_local, None if rule.import_as_local else rule.domain_suffix)
        if fixed and key in names:
            _refuse_twice("FED311", place, names[key].number, f"{fixed[0]}.{fixed[1]}", "imported", peer)
        if key:
            names[key] = rule
        if rule.alias.name and _is_many(rule):
            _refuse_many(place, rule.alias.name)
        _refuse_merging([other for other in rules if _same_suffix(other, rule)], rule, place, "imported", peer)


def _fixed_name(rule: ExportRule | ImportRule) -> tuple[str, str] | None:
    name, namespace = rule.alias.name or rule.name, rule.alias.namespace or rule.namespace
    return (name, namespace) if name and namespace else None


def _is_many(rule: ExportRule | ImportRule) -> bool:
    """Whether several services can fall under a rule and would get one name by its fixed alias.

    A wildcard namespace alone is many only when the alias fixes the namespace as well.
    """
    if getattr(rule, "selector", None) is not None or not rule.name:
        return True
    return not rule.namespace and bool(rule.alias.namespace)


def _refuse_merging(
    rules: Sequence[ExportRule | ImportRule], rule: ExportRule | ImportRule, place: str, verb: str, peer: Peer
) -> None:
    """Refuse a rule that gives services of several namespaces names in one, alone or beside an earlier rule: FED311.

    Whoever can make a Service in one of these namespaces could take the name of another's.
    """
    if rule.alias.namespace and not rule.namespace:
        _refuse(
            "FED311",
            place,
            f"gives services of every namespace names in the one namespace {rule.alias.namespace}, "
            "so one of them can take another's name",
            "Name the namespace that the rule is for",
        )
    before = [other for other in rules if other.number < rule.number]
    earlier = next((other for other in before if _merge(other, rule, is_import=verb == "imported")), None)
    if earlier:
        into = rule.alias.namespace or earlier.alias.namespace
        _refuse(
            "FED311",
            place,
            f"and rule {earlier.number} give services of different namespaces {verb} names in the one namespace {into} "
            f"for {peer.name}, so one of them can take another's name",
            "Give one of the rules another alias.namespace, or fixed names that differ to both",
        )


def _merge(one: ExportRule | ImportRule, other: ExportRule | ImportRule, *, is_import: bool) -> bool:
    """Return whether one of two rules gives services a name in a namespace that the other offers as it is.

    Two rules that both rename to a namespace of their own choice say so. A peer names all that it offers, so an import
    rule that leaves all namespaces as they are adds nothing to what it can do.
    """
    if bool(one.alias.namespace) == bool(other.alias.namespace):
        return False
    if is_import and not (one.namespace and other.namespace):
        return False
    if one.namespace == other.namespace:
        return False
    names = [rule.alias.name or rule.name for rule in (one, other)]
    spaces = [rule.alias.namespace or rule.namespace for rule in (one, other)]
    return all(None in pair or pair[0] == pair[1] for pair in (names, spaces))


def _same_suffix(one: ImportRule, other: ImportRule) -> bool:
    return (one.import_as_local, one.domain_suffix) == (other.import_as_local, other.domain_suffix)


def _covers(earlier: ExportRule | ImportRule, later: ExportRule | ImportRule) -> bool:
    return (earlier.name is None or earlier.name == later.name) and (
        earlier.namespace is None or earlier.namespace == later.namespace
    )


def _hides_export(earlier: ExportRule, later: ExportRule) -> bool:
    if earlier.selector is not None and earlier.selector != later.selector:
        return False
    return _covers(earlier, later)


def _refuse_unreachable(place: str, earlier: int, peer: Peer) -> NoReturn:
    _refuse(
        "FED312",
        place,
        f"is never reached for {peer.name}: rule {earlier} before it matches everything that it does",
        "Put the specific rule first, or drop it",
    )


def _refuse_twice(code: str, place: str, earlier: int, name: str, verb: str, peer: Peer) -> NoReturn:
    _refuse(code, place, f"and rule {earlier} both give the {verb} name {name} for {peer.name}", "Give one of them another alias")


def _refuse_many(place: str, name: str) -> NoReturn:
    _refuse(
        "FED311",
        place,
        f"gives every service that it matches the one name {name}",
        "Leave alias.name out, or match one service by name and namespace",
    )


def _service_parts(rule: Mapping, place: str) -> tuple[str | None, str | None]:
    parts: list[str | None] = []
    for key in ("name", "namespace"):
        value = rule.get(key)
        if value in (None, ANY):
            parts.append(None)
            continue
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            _refuse(
                "FED317",
                f"{place}, {key}",
                f"{value} is no name that a service can have",
                "Write a whole name, or * for any: patterns such as web-* are not understood by istiod",
            )
        parts.append(value)
    return parts[0], parts[1]


def _alias(value: object, place: str) -> Alias:
    if value is None:
        return Alias()
    if not isinstance(value, Mapping):
        _refuse("FED317", f"{place}, alias", "is not a mapping", "Give it name and namespace, or one of them")
    _check_keys(value, set(ALIAS), f"{place}, alias")
    refuse_empty(value, f"{place}, alias", ALIAS)
    parts = {}
    for key, part in value.items():
        if part != ANY:
            parts[key] = _check_label(part, f"{place}, alias.{key}", 63, code="FED316")
    return Alias(**parts)


def _peer_names(value: object, peers: _Names, place: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = _list(value, place)
    for name in names:
        if isinstance(name, str) and name in peers.shared:
            _refuse(
                "FED320",
                place,
                f"names {name}, and {len(peers.shared[name])} peers call themselves that",
                f"Use our own names for them: {', '.join(peers.shared[name])}",
            )
        if not isinstance(name, str) or name not in peers.known:
            known = ", ".join(sorted(peers.known)) or "none"
            _refuse("FED302", place, f"names {name}, which is not in mesh_peers", f"Known peers: {known}")
    return tuple(names)


def _stored_alias(alias: Alias) -> dict:
    parts = {key: part for key, part in (("name", alias.name), ("namespace", alias.namespace)) if part}
    return {"alias": parts} if parts else {}


def _parts(name: str | None, namespace: str | None) -> dict:
    return {"name": name or ANY, "namespace": namespace or ANY}


def _check_keys(given: Mapping, known: set[str], place: str) -> None:
    if not isinstance(given, Mapping):
        _refuse("FED317", place, "is not a mapping", "Write it as key: value")
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        _refuse("FED317", place, f"has the unknown key {unknown[0]}", f"Known are {', '.join(sorted(known))}")


def _check_label(value: object, place: str, longest: int, code: str = "FED303") -> str:
    if not isinstance(value, str) or not _LABEL.fullmatch(value) or len(value) > longest:
        shown = "is missing" if value in (None, "") else f"{value!r} is no DNS label of at most {longest} characters"
        _refuse(code, place, shown, "Use lower-case letters, digits and hyphens")
    return str(value)


def _check_word(name: str, place: str) -> str:
    """Refuse a mesh whose name means something else where names of peers are listed."""
    if name in RESERVED_WORDS:
        _refuse(
            "FED303",
            place,
            f"{name!r} is a word with a meaning of its own where peers are listed",
            "Choose another name for the mesh",
        )
    return name


def _check_local_name(local_name: str, name: str, place: str) -> None:
    """Refuse a name of ours for a peer that leads to an object which is not the peer's."""
    if local_name != name:
        _check_word(local_name, place)
    if bundle_name(local_name) == ROOT_CONFIG_MAP:
        _refuse(
            "FED303",
            place,
            f"{local_name!r} leads to the ConfigMap {ROOT_CONFIG_MAP}, which holds this mesh's own root",
            "Give the peer another local_name",
        )


def _fingerprint(value: object, place: str) -> str:
    plain = plain_fingerprint(str(value))
    if not re.fullmatch(r"[0-9A-F]{64}", plain):
        _refuse(
            "FED303", f"{place}, root_fingerprints", f"{value!r} is no SHA-256 fingerprint", "Give 64 hexadecimal digits; mesh_card prints them"
        )
    return plain


def _list(value: object, place: str) -> list:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return list(value)
    _refuse("FED317", place, "is not a list", "Write it as a list")


def _texts(value: object, place: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        _refuse("FED307", place, "is not a mapping", "Write it as key: value")
    for key, text in value.items():
        if text is None or isinstance(text, (Mapping, list, tuple)):
            _refuse("FED307", f"{place}, {key}", "is not a text", "Write it as key: value")
    return {str(key): str(text).lower() if isinstance(text, bool) else str(text) for key, text in value.items()}


def _mappings(value: object, place: str) -> tuple[Mapping, ...]:
    entries = _list(value, place)
    if not all(isinstance(entry, Mapping) and entry for entry in entries):
        _refuse("FED307", place, "holds what is not a mapping, or an empty one", "Write each as key: value")
    return tuple(entries)


def _boolean(value: object, place: str) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    if str(value).lower() in ("true", "yes", "on", "1"):
        return True
    if str(value).lower() in ("false", "no", "off", "0"):
        return False
    _refuse("FED317", place, f"is {value!r}", "Write true or false")


def _port(value: object, place: str) -> int | None:
    number = _whole(value, place)
    if number is not None and not 1 <= number <= 65535:
        _refuse("FED307", place, f"is {number}", "Give a port from 1 to 65535")
    return number


def _whole(value: object, place: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value)):
        _refuse("FED307", place, f"is {value!r}", "Give a whole number")
    return int(str(value))


def _refuse(code: str, where: str, what: str, fix: str) -> NoReturn:
    raise FederationError(code, where=where, what=what, fix=fix)
