# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the user described, once it was checked: one mesh, its peers, what it offers and what it takes. Frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..plain.errors import FederationError
from ..plain.kinds import CLUSTER_DOMAIN, bundle_name, is_below

LONGEST_PEER = 55
ANY = "*"
LOCALITY = ("region", "zone", "subzone")


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
    """How many pods of a gateway must stay, or may go, while nodes are drained: a number or a percentage, one of the
    two.
    """

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
    ``found_ingress`` and ``found_egress`` are what stands on the cluster already, once it was looked at. ``locality``
    is where it is, ``half`` the peer's own side, where its administrator is to get it as files.
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
        return next(
            (p for p in self.peers if p.local_name == name), next((p for p in self.peers if p.name == name), None)
        )

    def exports_to(self, peer: Peer) -> list[ExportRule]:
        """Return the export rules that concern ``peer``, in order; none while it is suspended."""
        return [] if peer.suspended else [rule for rule in self.exports if concerns(rule.to, peer)]

    def imports_from(self, peer: Peer) -> list[ImportRule]:
        """Return the import rules that concern ``peer``, in order; none while it is suspended."""
        return [] if peer.suspended else [rule for rule in self.imports if concerns(rule.sources, peer)]

    def check_suffixes(self, cluster_domain: str = CLUSTER_DOMAIN) -> None:
        """Refuse an import rule whose suffix is the cluster's own, or could give names of the cluster: FED310."""
        for problem in self.suffix_problems(cluster_domain):
            raise problem

    def suffix_problems(self, cluster_domain: str) -> Iterator[FederationError]:
        """Give an error for each import rule whose suffix cannot be used in this cluster.

        istiod ignores a rule with the suffix ``svc.<cluster domain>`` without a word, and takes the peer's word for
        names under any other.
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


def concerns(names: tuple[str, ...] | None, peer: Peer) -> bool:
    return names is None or peer.local_name in names or peer.name in names


def _stored_alias(alias: Alias) -> dict:
    parts = {key: part for key, part in (("name", alias.name), ("namespace", alias.namespace)) if part}
    return {"alias": parts} if parts else {}


def _parts(name: str | None, namespace: str | None) -> dict:
    return {"name": name or ANY, "namespace": namespace or ANY}
