# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one side can see of a peering, with whatever rights are there: what may not be read is noted, never guessed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from .._cluster.client import Cluster
from .._core.card.card import Card, file_name, read_card
from .._core.card.trust import read_certificates
from .._core.control_plane.data_plane import has_sidecar
from .._core.control_plane.live import ControlPlane
from .._core.diagnosis.explaining import Pair
from .._core.diagnosis.gathering import (
    ANSWERED,
    CallsTold,
    PortsTold,
    at_client,
    captures_dns,
    client_of,
    counted,
    cutting,
    is_ready,
    peers_hosts,
    resolved,
    server_names,
    skew_of,
    taken_in,
)
from .._core.diagnosis.outlines import hosts_of, is_late, is_stuck, named_fully, outline, ports_of, shown_by, told_by
from .._core.insight import syncz
from .._core.insight.asking import ENVOY, ISTIOD, Page
from .._core.logs.access import Parser, parser
from .._core.logs.choosing import Source, Span
from .._core.logs.lines import LONGEST, PROXY, Entry, Stream, entries
from .._core.logs.switched import Switched, switched
from .._core.mesh.described import Mesh, Peer, client_id
from .._core.peering import status
from .._core.peering.carrying import card_in
from .._core.plain.data import at, items, mapping, strings
from .._core.plain.errors import FederationError
from .._core.plain.kinds import (
    AUTHORIZATION_POLICY,
    CONFIG_MAP,
    DESTINATION_RULE,
    DISCOVERY_PORT,
    EXPORTS,
    IMPORTS,
    NETWORK_POLICY,
    PEER,
    POD,
    ROOT_KEY,
    SERVICE,
    SERVICE_PORT,
    SIDECAR,
)
from .._core.traffic.admitting import Call, verdict
from .._core.traffic.standing import Standing
from .._files import spooled
from .insight import LISTENERS, REGISTRY, SERVER_INFO, Asker, read_proxies
from .peerings import card_file, read_members, read_roots_of
from .remembering import Remembered

MOST_PROXIES = 4
"""Pods of one gateway that are asked at once; dumps run on Envoy's main thread."""
MOST_LOG = 16 << 20
AGAIN_SECONDS = 10
CLUSTERS = Page(ENVOY, "/clusters", {"format": "json"})
CERTS = Page(ENVOY, "/certs")
VERSION = Page(ISTIOD, "/version")
PASSED_OVER = ("FED104", "FED105", "FED106", "FED108", "FED118", "FED119", "FED900", "FED901")


@dataclass
class Looking:
    """One look at a mesh's own side. ``unread`` gets what could not be read, each once."""

    cluster: Cluster
    mesh: Mesh
    control_plane: ControlPlane
    now: datetime
    cards_dir: str = ""
    asks_proxies: bool = True
    span: Span = field(default_factory=Span)
    unread: list[str] = field(default_factory=list)
    _pods: dict[str, list[dict] | None] = field(default_factory=dict)

    @cached_property
    def _objects(self) -> Remembered:
        """The cluster's objects, each asked for once however many peers it is looked at for."""
        return Remembered(self.cluster)

    @cached_property
    def _asker(self) -> Asker:
        return Asker(self.cluster)

    @cached_property
    def _said(self) -> syncz.Reading:
        """What all istiods say of all proxies."""
        return read_proxies(self._asker, self.mesh.namespace, self._istiods())

    @cached_property
    def _said_again(self) -> syncz.Reading:
        """The same some seconds later: what differed then may have been under way."""
        time.sleep(AGAIN_SECONDS)
        return read_proxies(self._asker, self.mesh.namespace, self._istiods())

    def evidence(self, peer: Peer, *, client: str = "", service: str = "") -> dict[str, Any]:
        """Return the evidence of one peering as data, for ``Evidence.of``."""
        home, name = self.mesh.namespace, peer.local_name
        live = self._may("peer_object", lambda: self._objects.get(PEER, home, name))
        imports = self._may("imports", lambda: self._objects.get(IMPORTS, home, name))
        exports = self._may("exports", lambda: self._objects.get(EXPORTS, home, name))
        ingress, egress = peer.gateways.ingress, peer.gateways.egress
        gateway_pods = {kind: self._of(kind) for kind in (ingress, egress)}
        found = {
            "now": self.now,
            "mesh": self.mesh.name,
            "peer": name,
            "namespace": home,
            "ingress": ingress,
            "egress": egress,
            "trust_domain": self.control_plane.trust_domain,
            "client_id": client_id(self.control_plane.trust_domain, home, peer.gateways),
            "control_plane": self.control_plane.live,
            "peer_object": live,
            "bundle": self._bundle(live, peer),
            "imports": imports,
            "exports": exports,
            "roots": self._roots(),
            "wanted_imports": [service] if service else named_fully(self.mesh.imports_from(peer)),
            "wanted_exports": [] if service else named_fully(self.mesh.exports_to(peer)),
            "card": self._card(peer),
            "handed": self._handed(peer),
            "given_addresses": list(peer.gateways.addresses or ()),
            "services": self._services(ingress, egress),
            "pods": self._counted({**gateway_pods, "istiod": self._of("istiod")}),
            "network_policies": self._policies(gateway_pods[egress], live),
            **self._told(peer, live, gateway_pods[egress], hosts_of(imports)),
            "istiod": self._istiod,
            "egress_admits": self._egress_admits(gateway_pods[egress]),
            **self._client(client, imports),
        }
        found["targets"] = self._targets(found["wanted_exports"], f"{ingress}-service-account")
        return {**found, "unread": list(dict.fromkeys(self.unread))}

    def card_of(self, peer: Peer) -> Card | None:
        """Return the peer's card; None without one that can be read."""
        return self._file(self.mesh.known_as(peer), self.mesh.name)

    def service(self, full: str) -> dict | None:
        """Return our Service of that namespace/name; None where there is none, or it may not be read."""
        namespace, _slash, name = full.partition("/")
        return self._may(f"Service {full}", lambda: self._objects.get(SERVICE, namespace, name))

    def pairs(self) -> list[Pair]:
        """Return what stands of each peer, as far as names depend on it."""
        home, found = self.mesh.namespace, []
        for peer in self.mesh.peers:
            name = peer.local_name
            card = self.card_of(peer)
            pods = [pod for pod in self._of(peer.gateways.egress) or () if is_ready(pod)]
            found.append(
                Pair(
                    name,
                    self._may(f"ExportedServiceSet {name}", lambda of=name: self._objects.get(EXPORTS, home, of)),
                    self._may(f"ImportedServiceSet {name}", lambda of=name: self._objects.get(IMPORTS, home, of)),
                    peer.gateways.ingress,
                    peer.gateways.egress,
                    [str(at(pod, "metadata", "name")) for pod in pods],
                    {one.name: [port.number for port in one.ports] for one in card.exports} if card else None,
                )
            )
        return found

    def _may(self, what: str, read: Callable[[], Any]) -> Any:
        """Return what is read; None where that may not be, which is noted."""
        try:
            return read()
        except FederationError as error:
            if error.code not in PASSED_OVER:
                raise
            self.unread.append(f"{what}: {error.what}")
            return None

    def _pods_in(self, namespace: str) -> list[dict] | None:
        if namespace not in self._pods:
            self._pods[namespace] = self._may(
                f"pods in {namespace}", lambda: self.cluster.list(POD, namespace, keep=outline)
            )
        return self._pods[namespace]

    def _of(self, name: str) -> list[dict] | None:
        """Return the pods of a gateway, or of istiod, of the control plane's namespace."""
        pods, source = self._pods_in(self.mesh.namespace), Source(self.mesh.namespace, name)
        return None if pods is None else [pod for pod in pods if source.has(pod)]

    @staticmethod
    def _counted(pods: Mapping[str, list[dict] | None]) -> dict[str, dict] | None:
        return {name: counted(found) for name, found in pods.items() if found is not None} or None

    def _bundle(self, live: Mapping | None, peer: Peer) -> dict | None:
        name = str(at(live, "spec", "security", "certificateChain", "name") or peer.bundle_name)
        place = f"ConfigMap {self.mesh.namespace}/{name}"
        try:
            found = self._objects.get(CONFIG_MAP, self.mesh.namespace, name)
        except FederationError as error:
            if error.code not in PASSED_OVER:
                raise
            self.unread += ["bundle", f"{place}: {error.what}"]
            return None
        if found is None:
            return None
        try:
            roots = read_certificates(str(at(found, "data", ROOT_KEY) or ""), place, self.now, left_out=[])
        except FederationError as error:
            return {"roots": [], "problem": error.what}
        times = [str(entry.get("time")) for entry in items(at(found, "metadata", "managedFields")) if entry.get("time")]
        return {"roots": [root.fingerprint for root in roots], "problem": "", "written": max(times, default="")}

    def _roots(self) -> list[str] | None:
        try:
            return [root.fingerprint for root in read_roots_of(self._objects, self.control_plane, self.now)]
        except FederationError as error:
            self.unread.append(f"our own roots: {error.what}")
            return None

    def _file(self, mesh: str, audience: str) -> Card | None:
        try:
            found = card_in(lambda name: card_file(self.cards_dir, name), mesh, audience)
            return None if found is None else read_card(found[1], found[0], self.now)
        except FederationError as error:
            self.unread.append(f"card {file_name(mesh, audience)}: {error.what}")
            return None

    def _card(self, peer: Peer) -> dict | None:
        card = self.card_of(peer)
        return None if card is None else told_by(card)

    def _handed(self, peer: Peer) -> dict | None:
        card = self._file(self.mesh.name, self.mesh.known_as(peer))
        return None if card is None else told_by(card)

    def _services(self, *names: str) -> dict[str, dict | None] | None:
        found: dict[str, dict | None] = {}
        for name in names:
            before = len(self.unread)
            live = self._may(f"Service {name}", lambda name=name: self._objects.get(SERVICE, self.mesh.namespace, name))
            if len(self.unread) == before:
                found[name] = live
        return found or None

    def _policies(self, pods: Sequence[Mapping] | None, live: Mapping | None) -> list[dict] | None:
        found = self._may("NetworkPolicies", lambda: self._objects.list(NETWORK_POLICY, self.mesh.namespace))
        labels = mapping(at(pods[0], "metadata", "labels")) if pods else {}
        if found is None or not labels:
            return None
        rows = []
        for port, real in zip((DISCOVERY_PORT, SERVICE_PORT), ports_of(live)):
            rows += [{"name": row["name"], "ports": [port]} for row in cutting(found, labels, [real])]
        return rows

    def _told(self, peer: Peer, live: Mapping | None, pods: Sequence[Mapping] | None, hosts: Mapping[str, str]) -> dict:
        """Return what the pods of our egress gateway tell: their Envoys, and their access logs."""
        if not self.asks_proxies or not pods:
            return {}
        synced, rows, dns, skews = self._synced(pods), [], {}, []
        for pod in pods[:MOST_PROXIES]:
            name = str(at(pod, "metadata", "name"))
            told = PortsTold(*ports_of(live))
            is_read = self._each_line(name, self.mesh.namespace, told.note)
            clusters = self._page(self.mesh.namespace, name, CLUSTERS)
            certs = self._page(self.mesh.namespace, name, CERTS)
            listeners = self._page(self.mesh.namespace, name, LISTENERS) if hosts else None
            answer = self._resolved(name, clusters, f"discovery.{self.mesh.namespace}.svc.{peer.local_name}.local")
            # Envoy does not tell which of several names an endpoint is of; and what one pod resolves, DNS knows.
            dns = (
                dict.fromkeys(strings(at(live, "spec", "remote", "addresses")), answer)
                if answer and ANSWERED not in dns.values()
                else dns
            )
            if not is_read and clusters is None and synced.get(name) is None:
                continue
            skews.append(skew_of(told.latest, self.now.timestamp()))
            rows.append(
                {
                    "pod": name,
                    "is_synced": synced.get(name),
                    "has_sni": None if listeners is None else taken_in(server_names(listeners), hosts),
                    **shown_by(certs),
                    "ports": told.as_data(),
                }
            )
        known = [skew for skew in skews if skew is not None]
        return {"proxies": rows, "dns": dns, "clock_skew": max(known, default=None)} if rows else {}

    def _resolved(self, pod: str, clusters: Mapping | None, host: str) -> str | None:
        """Return what the DNS of a proxy made of the peer's names; its statistics are asked for where it has no
        endpoint.
        """
        endpoints = None if clusters is None else peers_hosts(clusters, host)
        if endpoints != 0:
            return resolved(endpoints, "")
        said = self._asker.ask(self.mesh.namespace, pod, Page(ENVOY, "/stats", {"filter": r"discovery\..*\.update_"}))
        return resolved(
            endpoints, "\n".join(line for line in said.text.splitlines() if host in line) if said.is_good else ""
        )

    def _istiods(self) -> list[str]:
        return [str(at(pod, "metadata", "name")) for pod in self._of("istiod") or () if is_ready(pod)][:MOST_PROXIES]

    def _synced(self, pods: Sequence[Mapping]) -> dict[str, bool | None]:
        """Return of each pod that is ready whether it has what istiod knows, None where that is not certain.

        What differs may be under way: then istiod is asked once more, some seconds later.
        """
        if not self._istiods():
            return {}
        first = self._said
        names = [str(at(pod, "metadata", "name")) for pod in pods if is_ready(pod)]
        if first.silent:
            self.unread += [f"proxies of {istiod}: {why}" for istiod, why in first.silent.items()]
            return {}
        found = {name: first.by_proxy.get(f"{name}.{self.mesh.namespace}", []) for name in names}
        late = {name for name, rows in found.items() if is_late(rows)}
        if not late:
            return dict.fromkeys(names, True)
        again = self._said_again
        stuck = {
            name for name in late if is_stuck(found[name], again.by_proxy.get(f"{name}.{self.mesh.namespace}", []))
        }
        certain = set() if again.silent else stuck
        return dict.fromkeys(names, True) | dict.fromkeys(late, None) | dict.fromkeys(certain, False)

    @cached_property
    def _istiod(self) -> dict[str, bool | None]:
        """Whether istiod lists its services, which takes the lock that a silent peer holds.

        That it does not counts only where it answers another question: else it is the way to it that is cut.
        """
        answers: list[bool] = []
        for name in self._istiods() if self.asks_proxies else ():
            said = self._asker.ask(self.mesh.namespace, name, VERSION)
            if not said.is_good:
                continue
            try:
                answers.append(self.cluster.page(self.mesh.namespace, name, REGISTRY)[0] == 200)
            except FederationError as error:
                if error.code not in PASSED_OVER:
                    raise
                answers += [False] if error.code == "FED900" else []
        return {"answers": all(answers) if answers else None}

    def _page(self, namespace: str, pod: str, page: Page) -> Mapping | None:
        said = self._asker.ask(namespace, pod, page)
        if not said.is_good:
            self.unread.append(
                f"{page.path} of {pod}: {said.why or f'it answered {said.status}'}"
                if not said.is_forbidden
                else said.why
            )
            return None
        try:
            return mapping(json.loads(said.content))
        except (ValueError, RecursionError):
            self.unread.append(f"{page.path} of {pod}: its answer is not JSON")
            return None

    @cached_property
    def _log(self) -> Switched:
        return switched(self.control_plane.live)

    @cached_property
    def _parse(self) -> Parser:
        return parser(self._log.formats, self._log.keys)

    def _each_line(self, pod: str, namespace: str, note: Callable[[Entry], None]) -> bool:
        """Hand each line of a pod's proxy to ``note``; return whether its log could be read."""
        if self._log.is_off:
            self.unread.append("access logs: they are off (FED930), so no line shows why connections fail")
            return False
        with spooled() as file:
            query = self.span.query(PROXY)
            size = self._may(
                f"log of {pod}", lambda: self.cluster.copy_log(namespace, pod, query, file.write, MOST_LOG)
            )
            if size is None:
                return False
            file.seek(0)
            stream = Stream(self.mesh.name, namespace, pod, PROXY, True)
            for entry in entries(stream, iter(lambda: file.readline(LONGEST), b""), self._parse):
                note(entry)
        return True

    def _client(self, client: str, imports: Mapping | None) -> dict:
        """Return what is known of a client, and of its latest call to an import."""
        if not client:
            return {}
        namespace, _slash, name = client.partition("/")
        pods = self._pods_in(namespace)
        if pods is None:
            return {}
        source = Source(namespace, name)
        own = [pod for pod in pods if source.has(pod)]
        sidecars = self._may(f"Sidecar objects in {namespace}", lambda: self._objects.list(SIDECAR, namespace))
        hosts = [str(row["imported"]) for row in status.imported(imports) if row["imported"]]
        told = CallsTold(hosts)
        for pod in own[:MOST_PROXIES] if self.asks_proxies else ():
            self._each_line(str(at(pod, "metadata", "name")), namespace, told.note)
        row = client_of(client, own, sidecars, self.mesh.namespace, hosts)
        asked = next((str(at(pod, "metadata", "name")) for pod in own if has_sidecar(pod) and is_ready(pod)), "")
        if asked:
            row |= self._at_proxy(namespace, asked, hosts)
        return {"client": {**row, "tls_mode": self._tls_mode(namespace, hosts)}, "request": told.as_data()}

    def _at_proxy(self, namespace: str, pod: str, hosts: Sequence[str]) -> dict:
        """Return which imports a client's proxy knows, and whether it captures DNS, which the control plane tells where
        no proxy is asked.
        """
        row: dict = {}
        clusters = self._page(namespace, pod, CLUSTERS) if hosts and self.asks_proxies else None
        if clusters is not None:
            row["has_cluster"], row["endpoints"] = at_client(clusters, hosts)
        info = self._page(namespace, pod, SERVER_INFO) if self.asks_proxies else None
        return {**row, "dns_capture": captures_dns(info, self.control_plane.live)}

    def _targets(self, names: Sequence[str], account: str) -> dict[str, dict]:
        """Return what stands of the services that we export."""
        members = {*read_members(self._objects, self.mesh.namespace)["configured"]} if names else set()
        found = {}
        for full in names:
            namespace, _slash, name = full.partition("/")
            before = len(self.unread)
            live = self._may(f"Service {full}", lambda at_=(namespace, name): self._objects.get(SERVICE, *at_))
            if len(self.unread) > before:
                continue
            row: dict[str, Any] = {"exists": live is not None, "is_member": namespace in members if members else None}
            selector = mapping(at(live, "spec", "selector"))
            pods = self._pods_in(namespace) if selector else None
            if pods is not None:
                behind = [pod for pod in pods if selector.items() <= mapping(at(pod, "metadata", "labels")).items()]
                row |= {"ready": counted(behind)["ready"], "pods": len(behind)}
            row["ports"] = len(items(at(live, "spec", "ports")))
            row["admitted"] = self._admitted(namespace, selector, account)
            found[full] = row
        return found

    def _admitted(self, namespace: str, labels: Mapping, account: str) -> str:
        """Return whether policies let the peer's callers, who come as our ingress gateway, through to pods with
        ``labels``."""
        home, policies = self.mesh.namespace, []
        for place in dict.fromkeys((namespace, home)):
            policies += (
                self._may(
                    f"AuthorizationPolicies in {place}", lambda at_=place: self._objects.list(AUTHORIZATION_POLICY, at_)
                )
                or ()
            )
        selecting = [
            live for live in policies if mapping(at(live, "spec", "selector", "matchLabels")).items() <= labels.items()
        ]
        return verdict(selecting, Call(home, account, self.control_plane.trust_domain)).passes

    def _egress_admits(self, pods: Sequence[Mapping] | None) -> str | None:
        """Return whether policies let istiod, which shows no identity, call port 8188 of our egress gateway."""
        if not pods:
            return None
        home, labels = self.mesh.namespace, mapping(at(pods[0], "metadata", "labels"))
        policies = self._may(f"AuthorizationPolicies in {home}", lambda: self._objects.list(AUTHORIZATION_POLICY, home))
        if policies is None:
            return None
        selecting = [
            live for live in policies if mapping(at(live, "spec", "selector", "matchLabels")).items() <= labels.items()
        ]
        return verdict(selecting, Call(None, None, self.control_plane.trust_domain, 8188)).passes

    def _tls_mode(self, namespace: str, hosts: Sequence[str]) -> str:
        """Return the tls.mode that a DestinationRule gives calls of a namespace to one of ``hosts``; "" where none
        says one."""
        rules: list[dict] = []
        for place in dict.fromkeys((namespace, self.mesh.namespace)):
            rules += (
                self._may(f"DestinationRules in {place}", lambda at_=place: self._objects.list(DESTINATION_RULE, at_))
                or ()
            )
        standing = Standing(self.control_plane, frozenset(), {}, rules=tuple(rules))
        found = [standing.effective_rule(host, namespace, self.mesh.namespace) for host in hosts]
        modes = [str(at(rule, "spec", "trafficPolicy", "tls", "mode") or "") for rule in found]
        return next((mode for mode in modes if mode), "")
