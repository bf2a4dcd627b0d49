# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands on the cluster, as far as traffic between meshes needs it, and the questions that are asked of it.

Sources: Istio documentation, "Destination Rule" and "Virtual Service" (which object a proxy obeys); Kubernetes,
well-known labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from ..control_plane.data_plane import PROXY
from ..control_plane.live import ControlPlane
from ..mesh.described import LOCALITY, Mesh, Peer
from ..peering.names import imported_names, ports_of
from ..peering.plan import plan_imports
from ..peering.status import imported
from ..peering.using import full_names, is_kept, is_of_traffic, place_in
from ..plain.data import at, items, mapping, strings
from ..plain.kinds import DESTINATION_RULE, VIRTUAL_SERVICE
from .rehearsals import Tally

HTTP = ("HTTP", "HTTP2", "GRPC", "GRPC-Web")
_OF_NODES = {word: f"topology.kubernetes.io/{word}" for word in ("region", "zone")} | {
    "subzone": "topology.istio.io/subzone"
}


@dataclass(frozen=True)
class Import:
    """One service that a peer gives: ``host`` is its name here, ``is_local`` whether that is a name of this cluster."""

    peer: str
    host: str
    is_local: bool

    @property
    def service(self) -> tuple[str, str]:
        """Return namespace and name of the service as it is called here."""
        name, namespace = (*self.host.split(".", 2), "")[:2]
        return namespace, name


@dataclass(frozen=True)
class Caller:
    """One workload that has called: as which service account, "" for one without an identity."""

    namespace: str
    account: str
    workload: str
    domain: str = ""

    def __str__(self) -> str:
        return (
            f"{self.namespace}/{self.account}"
            if self.account
            else f"{self.namespace}/{self.workload} (without an identity)"
        )


@dataclass(frozen=True)
class Standing:
    """The live objects. ``rules`` are all VirtualServices, DestinationRules and AuthorizationPolicies of the mesh's
    namespaces.

    ``accounts`` are (namespace, name), None where they may not be read. ``pods`` are those of namespaces whose
    localities or labels count, ``nodes`` all nodes by name, None where they may not be read. ``callers`` are who called
    services of late, by (namespace, name), where somebody could tell. ``proxies`` are the localities that Envoys say
    they have, empty for none, by (namespace, pod) for those that were asked and answered; ``blind`` are member
    namespaces whose pods may not be read. ``tallies`` are what proxies count of rehearsals, by (namespace, name) of the
    service. ``given_regions`` are the regions of what peers give, as the import sets that stand say, "" for none.
    """

    control_plane: ControlPlane
    members: frozenset[str]
    services: Mapping[tuple[str, str], Mapping]
    imports: tuple[Import, ...] = ()
    rules: tuple[Mapping, ...] = ()
    accounts: frozenset[tuple[str, str]] | None = None
    pods: Mapping[str, tuple[Mapping, ...]] = field(default_factory=dict)
    nodes: Mapping[str, Mapping] | None = None
    callers: Mapping[tuple[str, str], tuple[Caller, ...]] = field(default_factory=dict)
    proxies: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    blind: frozenset[str] = frozenset()
    tallies: Mapping[tuple[str, str], Tally] = field(default_factory=dict)
    given_regions: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> str:
        """Return the control plane's namespace."""
        return self.control_plane.namespace

    def host(self, namespace: str, name: str) -> str:
        """Return the host of a service of this cluster."""
        return f"{name}.{namespace}.svc.{self.control_plane.cluster_domain}"

    def imports_of(self, namespace: str, name: str, peer: str | None = None) -> list[Import]:
        """Return under which hosts peers give the service that is called ``name`` in ``namespace`` here."""
        return [one for one in self.imports if one.service == (namespace, name) and peer in (None, one.peer)]

    @cached_property
    def by_place(self) -> Mapping[tuple[str, str, str], Mapping]:
        """Return all rules by kind, namespace and name."""
        return {place_in(live): live for live in self.rules}

    @cached_property
    def ours(self) -> list[Mapping]:
        """Return the rules that this collection made."""
        return [live for live in self.rules if is_of_traffic(live)]

    @cached_property
    def kept(self) -> list[Mapping]:
        """Return the rules that this collection made, and those of other people into which fields of ours
        were merged.
        """
        return [live for live in self.rules if is_kept(live)]

    def routes_for(self, host: str) -> list[Mapping]:
        """Return the VirtualServices, whoever made them, that sidecars obey for ``host``."""
        return [live for live in self.rules if live.get("kind") == VIRTUAL_SERVICE.name and self._routes(live, host)]

    def _routes(self, live: Mapping, host: str) -> bool:
        gateways = strings(at(live, "spec", "gateways"))
        names = strings(at(live, "spec", "hosts"))
        return (not gateways or "mesh" in gateways) and any(covers(name, host) for name in self._completed(live, names))

    def destination_rules(self, host: str) -> Iterator[tuple[str, Mapping]]:
        """Yield (host as the rule writes it, rule) for each DestinationRule that covers ``host``."""
        for live in self.rules:
            if live.get("kind") == DESTINATION_RULE.name:
                for name in self._completed(live, [str(at(live, "spec", "host") or "")]):
                    if covers(name, host):
                        yield name, live
                        break

    def _completed(self, live: Mapping, names: Iterable[str]) -> list[str]:
        namespace = str(at(live, "metadata", "namespace") or "")
        # For Istio a name with a dot is complete: cart.shop is no service of namespace shop.
        short = (
            full_names(name, namespace, self.control_plane.cluster_domain) if "." not in name else [name]
            for name in names
        )
        return [full for several in short for full in several]

    def effective_rule(self, host: str, client: str, service: str) -> Mapping | None:
        """Return the DestinationRule whose traffic policy counts for ``host`` in the namespace ``client``; None without
        one.

        Looked up in the client's, the service's, then the control plane's namespace; the most specific host within
        each, and of equal ones the older. Nothing is inherited from those that come later. For a client in the control
        plane's namespace, such as an ingress gateway, the service's comes first (maistra/istio,
        pilot/pkg/model/push_context.go, ``destinationRule``).
        """
        places = (service, self.home) if client == self.home else (client, service, self.home)
        for place in dict.fromkeys(places):
            found = [
                (name, live)
                for name, live in self.destination_rules(host)
                if at(live, "metadata", "namespace") == place
                and is_visible(live, client)
                and not at(live, "spec", "workloadSelector")
            ]
            if found:
                return min(found, key=lambda one: ("*" in one[0], -len(one[0]), *age_of(one[1])))[1]
        return None

    def pods_of(self, namespace: str, name: str) -> list[Mapping]:
        """Return the pods behind a service of this cluster."""
        selector = mapping(at(self.services.get((namespace, name)), "spec", "selector"))
        return [pod for pod in self.pods.get(namespace, ()) if selector and is_labelled(pod, selector)]

    def proxies_of(self, namespace: str, name: str) -> list[str]:
        """Return the names of the running pods behind a service of this cluster that have a sidecar."""
        return self._running(namespace, name, has_proxy=True)

    def bare_pods_of(self, namespace: str, name: str) -> list[str]:
        """Return the names of the running pods behind a service of this cluster that have no sidecar."""
        return self._running(namespace, name, has_proxy=False)

    def _running(self, namespace: str, name: str, *, has_proxy: bool) -> list[str]:
        return sorted(
            str(at(pod, "metadata", "name"))
            for pod in self.pods_of(namespace, name)
            if (PROXY in strings(pod.get("containers"))) is has_proxy and at(pod, "status", "phase") == "Running"
        )

    def locality_of(self, pod: Mapping) -> dict[str, str] | None:
        """Return where istiod takes a pod to be; empty where it knows nothing, None where we cannot know.

        The pod's own label counts first. A multi-tenant istiod cannot read nodes.
        """
        labels = mapping(at(pod, "metadata", "labels"))
        text = labels.get("istio-locality")
        if isinstance(text, str) and text:
            parts = text.split("/" if "/" in text else ".")
            return {word: part for word, part in zip(LOCALITY, parts) if part}
        own = _topology(labels)
        if own.get("region"):
            return own
        if not self.reads_nodes:
            return {}
        if self.nodes is None:
            return None
        return _topology(mapping(at(self.nodes.get(str(at(pod, "spec", "nodeName"))), "metadata", "labels")))

    def clients(self) -> list[Mapping]:
        """Return the pods of members that may call through a sidecar."""
        return [
            pod
            for space in sorted(self.members)
            for pod in self.pods.get(space, ())
            if PROXY in strings(pod.get("containers"))
        ]

    @cached_property
    def placed_clients(self) -> list[tuple[str, str | None]]:
        """Return the clients as namespace/name with the region of their proxies: "" for none, None where we cannot
        know.
        """
        placed = ((mapping(pod.get("metadata")), self.locality_of_proxy(pod)) for pod in self.clients())
        return [
            (f"{named.get('namespace')}/{named.get('name')}", None if place is None else place.get("region", ""))
            for named, place in placed
        ]

    def locality_of_proxy(self, pod: Mapping) -> Mapping[str, str] | None:
        """Return where a pod's proxy is for istiod: what Envoy says, else what istiod takes the pod to be; None where
        we cannot know.
        """
        said = self.proxies.get((str(at(pod, "metadata", "namespace")), str(at(pod, "metadata", "name"))))
        return said if said else self.locality_of(pod)

    @property
    def reads_nodes(self) -> bool:
        """Return whether this mesh's istiod may read the labels of nodes."""
        previewed = self.control_plane.said("techPreview", "controlPlaneMode")
        return self.control_plane.said("mode") == "ClusterWide" or previewed in ("ClusterScoped", "ClusterWide")


def _imports_from(mesh: Mesh, peer: Peer, live: Mapping | None, cluster_domain: str) -> list[Import]:
    """Return what ``peer`` gives by the described rules: what it offers (as its live set tells), and what rules name
    one by one.
    """
    offered = [str(row["exported"]) for row in imported(live)]
    fixed = [
        f"{rule.name}.{rule.namespace}.svc.{peer.local_name}-exports.local"
        for rule in mesh.imports_from(peer)
        if rule.name and rule.namespace
    ]
    rows = imported_names([*offered, *fixed], plan_imports(mesh, peer)["spec"], peer.local_name, cluster_domain)
    hosts = {str(row["imported"]): bool(row["local"]) for row in rows if row["imported"]}
    return [Import(peer.local_name, host, is_local) for host, is_local in sorted(hosts.items())]


def all_imports(mesh: Mesh, sets: Mapping[str, Mapping], cluster_domain: str) -> tuple[Import, ...]:
    """Return what all peers give; ``sets`` are the live import sets by our name of the peer."""
    found = (_imports_from(mesh, peer, sets.get(peer.local_name), cluster_domain) for peer in mesh.peers)
    return tuple(chain.from_iterable(found))


def regions_given(sets: Mapping[str, Mapping]) -> dict[str, str]:
    """Return the region that each live import set gives its services, "" for none, by our name of the peer."""
    return {name: str(at(live, "spec", "locality", "region") or "") for name, live in sets.items()}


def covers(name: str, host: str) -> bool:
    """Return whether a host in a rule, which may start with a wildcard, stands for ``host``."""
    bare, wanted = name.rstrip(".").lower(), host.lower()
    return wanted.endswith(bare[1:]) if bare.startswith("*") else bare == wanted


def is_visible(live: Mapping, client: str) -> bool:
    """Return whether a rule is exported to the namespace of a client. A rule without ``exportTo`` is for everybody."""
    places = strings(at(live, "spec", "exportTo"))
    return (
        not places
        or "*" in places
        or client in places
        or ("." in places and at(live, "metadata", "namespace") == client)
    )


def is_labelled(live: Mapping, labels: Mapping) -> bool:
    """Return whether an object has all of these labels."""
    found = mapping(at(live, "metadata", "labels"))
    return all(found.get(key) == value for key, value in labels.items())


def is_headless(service: Mapping) -> bool:
    """Return whether a Service has no address of its own, so that its clients call pods directly."""
    return at(service, "spec", "clusterIP") == "None"


def is_external(service: Mapping) -> bool:
    """Return whether a Service is only another name for a host outside."""
    return at(service, "spec", "type") == "ExternalName"


def protocols(service: Mapping) -> list[str]:
    """Return what the ports of a Service speak, in Istio's words."""
    return [port["protocol"] for port in ports_of(service)]


def speaks_http(service: Mapping | None) -> bool:
    """Return whether a port of a Service speaks HTTP; where there is no Service it is taken to."""
    return service is None or not set(HTTP).isdisjoint(protocols(service))


def _topology(labels: Mapping) -> dict[str, str]:
    return {word: str(labels[label]) for word, label in _OF_NODES.items() if labels.get(label)}


def age_of(live: Mapping) -> tuple[str, str]:
    """Return by what the older of two rules comes first, as istiod orders them."""
    return str(at(live, "metadata", "creationTimestamp") or ""), str(at(live, "metadata", "name"))


def ports_in(service: Mapping) -> list[Mapping]:
    """Return the ports of a Service as it writes them."""
    return items(at(service, "spec", "ports"))
