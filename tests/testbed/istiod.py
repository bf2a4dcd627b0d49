"""istiod of one test mesh, as far as federation sees it: peers, exports, imports, statuses, roots, gateways.

It reads ServiceMeshPeer, ExportedServiceSet and ImportedServiceSet of its own namespace, speaks the discovery protocol
with its peers through both meshes' Envoys, and writes statuses. Sections named in comments are those of the federation
reference. What istiod forgets only by a restart is kept in this object and in no other place.

Threads: one *controller* (objects in, gateway configuration and statuses out), per peer a *watcher* and a *fetcher*,
and those of the discovery server.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import json
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from .addresses import Addresses
from .authority import WRONG_ROOT, Authority, Identity, spiffe_uri
from .clock import Clock
from .discovery import Caller, DiscoveryError, DiscoveryServer, Stream, Watch
from .faults import Faults
from .gateways import (
    DISCOVERY_PORT,
    SERVICE_PORT,
    DiscoveryIn,
    DiscoveryOut,
    Envoy,
    Gateway,
    Programme,
    ServiceIn,
    ServiceOut,
    ServicePolicy,
    Target,
    sni,
)
from .kube import Kube, KubeError, Store
from .naming import Candidate, MappedName, exported_as, imported_as, is_dns_label, is_hostname
from .pages import DebugPages
from .workloads import endpoints_of

LOG = logging.getLogger(__name__)

PROTOCOLS = {"http": "HTTP", "http2": "HTTP2", "https": "HTTPS", "grpc": "GRPC", "tls": "TLS", "mongo": "Mongo"}
ROOT_KEY = "root-cert.pem"
RESYNC = 60.0  # seconds of mesh time, as all durations here unless they say otherwise
FIRST_BACK_OFF, LAST_BACK_OFF, BACK_OFF_GROWTH = 0.5, 60.0, 1.5
SLOW_POLL, QUICK_POLL = 299.0, 60.0  # to v2.4, from v2.5
FIRST_IMPORT_DELAY = 1.3
WATCH_LIFE = 45.0
LONG_WATCH_LIFE = 3600.0
LONGEST_TAKEOVER = 60.0
LONGEST_POLL = 120.0
REMOTE_KEPT = 300.0
STATUS_DELAY_REAL = 0.1  # real seconds: several changes in one write
FAULT_CHECK_REAL = 0.25
TAKEOVER_CHECK_REAL = 0.1
LONGEST_DIRECTION_REAL = 15.0
SLOW_ANSWER_REAL = 0.5  # a peer that refuses is faster
POSTPONED_REAL = 0.05
RENEWAL_REAL = 3.0  # a watch that ends is opened again at once, as a rule, and is not called ended before
SHORTEST_BACK_OFF_REAL = 0.15
SHORTEST_WATCH_REAL = 5.0

OF_GATEWAYS = (
    "peer-unreachable",
    "peer-hang",
    "wrong-root",
    "wrong-client-id",
    "certificate",
    "gateway-down",
    "denying",
    "frozen-proxies",
    "no-route",
    "istiod-unreachable",
    "former-client",
)
"""Faults that change what gateways do."""
WATCHED = (
    "ServiceMeshPeer",
    "ExportedServiceSet",
    "ImportedServiceSet",
    "ConfigMap",
    "Service",
    "ServiceEntry",
    "ServiceMeshMemberRoll",
)
KINDS = (*WATCHED, "ServiceMeshControlPlane")  # what the cache has to hold


@dataclass(frozen=True)
class Export:
    """A service that is exported to one peer; ``ingress`` is the gateway of the moment when it was first exported."""

    mapped: MappedName
    namespace: str
    name: str
    hostname: str
    ports: tuple[tuple[str, int, str], ...]  # name, number, protocol
    endpoints: tuple[str, ...]
    ingress: str


@dataclass(frozen=True)
class KnownService:
    """A Service, or one host of a ServiceEntry; ``is_visible`` says whether ``exportTo`` lets us see it."""

    candidate: Candidate
    hostname: str
    ports: tuple[tuple[str, int, str], ...]
    endpoints: tuple[str, ...]
    is_visible: bool


@dataclass(frozen=True)
class Import:
    """A host that is imported from one peer."""

    exported_name: str
    ports: tuple[tuple[str, int, str], ...]
    identities: tuple[str, ...]
    egress: str


@dataclass
class Connection:
    """One entry of the status: a watch, ours of the peer or the peer's of us."""

    connected: bool = False
    last_connected: str | None = None
    last_full_sync: str | None = None
    last_event: str | None = None
    last_disconnect: str | None = None
    last_disconnect_status: str | None = None
    ended: float | None = None  # by the monotonic clock

    def as_status(self) -> dict:
        entry = {
            "connected": self.connected,
            "lastConnected": self.last_connected,
            "lastFullSync": self.last_full_sync,
            "lastEvent": self.last_event,
            "lastDisconnect": self.last_disconnect,
            "lastDisconnectStatus": self.last_disconnect_status,
        }
        return {key: value for key, value in entry.items() if value is not None}


@dataclass(frozen=True)
class Surroundings:
    """What is around an istiod whose mesh is looked at: ``names`` resolve to addresses, for proxies by the DNS server
    ``resolver``; its proxies write access logs, and it has debug pages.
    """

    resolver: Target
    names: Mapping[str, list[str]]


@dataclass
class Peer:
    """What istiod remembers of one ServiceMeshPeer."""

    name: str
    spec: dict
    exports: dict[tuple[str, str], Export] = field(default_factory=dict)
    export_rules: list | None = None
    streams: list[Stream] = field(default_factory=list)
    watch: Connection = field(default_factory=Connection)
    remotes: dict[str, Connection] = field(default_factory=dict)
    import_spec: dict | None = None
    import_generation: int | None = None  # of the last ImportedServiceSet that was taken
    imports: dict[str, Import] = field(default_factory=dict)  # by host
    offered: dict[str, MappedName | None] = field(default_factory=dict)  # exported name -> imported as
    lost_hosts: set[str] = field(default_factory=set)
    outbound: Watch | None = None
    generation_of_links: int = 0  # goes up when what we call changes
    needs_list: bool = True
    hangs: bool = False  # it accepted our last call and never answered
    fetch_wanted: threading.Event = field(default_factory=threading.Event)
    retry_now: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def ingress(self) -> str:
        return ((self.spec.get("gateways") or {}).get("ingress") or {}).get("name") or ""

    @property
    def egress(self) -> str:
        return ((self.spec.get("gateways") or {}).get("egress") or {}).get("name") or ""

    @property
    def client_id(self) -> str:
        return (self.spec.get("security") or {}).get("clientID") or ""

    @property
    def remote(self) -> dict:
        return self.spec.get("remote") or {}

    @property
    def remote_hash(self) -> str:
        return hashlib.sha256(json.dumps(self.remote, sort_keys=True).encode()).hexdigest()[:16]


class Istiod:
    """istiod of the control plane ``smcp_name`` in ``namespace``; ``start`` returns once its root is published.

    ``mesh_name`` is the name under which faults are switched (default: the namespace without ``-mesh-system``); ``pod``
    the pod name in statuses, made up when not given. ``world`` maps (cluster, namespace) to the istiods of all meshes;
    this one enters itself while it runs. ``envoy`` carries the mesh's gateways; one that runs already was left by the
    istiod before, and keeps what it does until this one has heard of every peer.
    """

    def __init__(
        self,
        kube: Kube,
        store: Store,
        namespace: str,
        smcp_name: str,
        smcp: Mapping,
        addresses: Addresses,
        clock: Clock,
        faults: Faults,
        directory: Path,
        envoy_path: Path,
        cluster_name: str,
        world: dict[tuple[str, str], Istiod] | None = None,
        mesh_name: str | None = None,
        pod: str | None = None,
        envoy: Envoy | None = None,
        around: Surroundings | None = None,
    ) -> None:
        self.namespace, self.cluster_name = namespace, cluster_name
        self.mesh_name = mesh_name or namespace.removesuffix("-mesh-system")
        self.pod = pod or f"istiod-{smcp_name}-{random.randrange(16**9):09x}-{random.randrange(16**5):05x}"
        self.store, self.addresses = store, addresses
        self._kube, self._clock, self._faults = kube, clock, faults
        self._around = around
        self._smcp_name, self._smcp = smcp_name, smcp
        self._world = {} if world is None else world
        security = (smcp.get("spec") or {}).get("security") or {}
        self.trust_domain: str = (security.get("trust") or {}).get("domain") or "cluster.local"
        proxy = (smcp.get("spec") or {}).get("proxy") or {}
        self.cluster_domain: str = (proxy.get("networking") or {}).get("clusterDomain") or "cluster.local"
        own = Path(directory) / f"istiod-{cluster_name}-{namespace}"
        self.directory = own
        self.authority = Authority(own / "ca", self.trust_domain)
        self._address = addresses.for_service(cluster_name, namespace, f"istiod-{smcp_name}")
        self._discovery: Target = (self._address, DISCOVERY_PORT)
        self._server = DiscoveryServer(self._discovery, self, self._watch_seconds)
        self._pages = DebugPages(self._address, self._debug_pages()) if around else None
        self.envoy = envoy or Envoy(Path(envoy_path), own / "envoy", self._address)
        self._gateways_wait_until: float | None = None  # by the monotonic clock
        self._direction_wanted = self._direction_given = 0  # counts what the gateways were asked to follow

        self._lock = threading.RLock()
        self._wake = threading.Condition()  # guards the two below; nothing is called while it is held
        self._events: list[tuple[str, str, str]] = []
        self._due: dict[str, float] = {}  # what is to be done at which time of the monotonic clock
        self._peers: dict[str, Peer] = {}
        self._bundles: dict[str, str] = {}
        self._service_policies: dict[str, ServicePolicy] = {}
        self._departed: dict[str, DiscoveryIn] = {}
        self._is_deadlocked = False
        self._silence: socket.socket | None = None
        # Held by a poll for as long as it tries (G25); exports and statuses wait for it. Taken before _lock.
        self._listing = threading.RLock()
        self._active_faults: tuple = ()
        self._odd_certificates: dict[str, Identity] = {}
        self._refused_status: dict[tuple[str, str], dict] = {}
        self._turn = 0
        self._stopping = threading.Event()
        self._gateways_stay = False
        self._ready = threading.Event()
        self._threads: list[threading.Thread] = []
        self._controller = threading.Thread(target=self._control, name=f"istiod-{namespace}", daemon=True)

    # ---- from outside ----

    def start(self) -> None:
        """Start all threads and the gateways' Envoy."""
        self._server.start()
        if self._pages:
            self._pages.start()
        for kind in WATCHED:
            self.store.subscribe(kind, self._seen)
        self._world[(self.cluster_name, self.namespace)] = self
        self._controller.start()
        self._ready.wait(30)

    def stop(self, gateways_stay: bool = False) -> None:
        """End everything and wait for it; the memory goes with this object. The gateways' Envoy runs on if
        they stay.
        """
        self._gateways_stay = gateways_stay
        self._stopping.set()
        for kind in WATCHED:
            self.store.unsubscribe(kind, self._seen)
        if self._world.get((self.cluster_name, self.namespace)) is self:
            del self._world[(self.cluster_name, self.namespace)]
        with self._lock:
            for peer in self._peers.values():
                self._let_go(peer)
        with self._wake:
            self._wake.notify_all()
        self._server.stop()
        if self._pages:
            self._pages.stop()
        for thread in [self._controller, *self._threads]:
            if thread.ident is not None:
                thread.join(15)

    def root_number_in_use(self) -> int:
        """Return which root signs this mesh's certificates now: another than planned while the fault
        wrong-root is on.
        """
        return self.authority.signing if self._faults.is_on(self.mesh_name, "wrong-root") is None else WRONG_ROOT

    def trusted_roots(self) -> str:
        """Return the roots that this mesh's own workloads trust among themselves, PEM."""
        return "".join(map(self.authority.root, dict.fromkeys([*self.authority.trusted, self.root_number_in_use()])))

    def rotate_root(self, stage: str) -> str:
        """Go on to a stage of ``Authority.advance`` and return the new root, PEM, once the gateways do as it says.

        Raises ``ValueError`` on a stage that is not due, ``TimeoutError`` when the gateways do not follow.
        """
        root = self.authority.advance(stage)
        with self._lock:
            self._direction_wanted += 1
            wanted = self._direction_wanted
        self._at("roots", 0)
        self._at("gateways", 0)
        end = time.monotonic() + LONGEST_DIRECTION_REAL
        while self._direction_given < wanted or not self.envoy.is_in_force():
            if time.monotonic() > end:
                raise TimeoutError(
                    f"the gateways of {self.mesh_name} do not follow the root:\n{self.envoy.last_lines()}"
                )
            time.sleep(0.02)
        return root

    def is_imported(self, host: str) -> bool:
        """Return whether a sidecar of this mesh would know ``host`` as imported."""
        if any(out.host == host for out in self.envoy.programme.services_out):
            return True
        with self._lock:
            return any(host in peer.imports for peer in self._peers.values())

    def ways_to(self, host: str, port: int) -> list[tuple[str, str, str]]:
        """Return for each peer from which ``host`` is imported: egress address, server name, egress identity.

        Sidecars know what proxies were told last, also while istiod restarts.
        """
        return [
            (
                self.addresses.for_service(self.cluster_name, self.namespace, out.gateway),
                sni(port, host),
                spiffe_uri(self.trust_domain, self.namespace, f"{out.gateway}-service-account"),
            )
            for out in self.envoy.programme.services_out
            if (out.host, out.port) == (host, port)
        ]

    def next_turn(self) -> int:
        """Return a number that grows by one with each call: endpoints take turns by it."""
        with self._lock:
            self._turn += 1
            return self._turn

    # ---- debug pages ----

    def _debug_pages(self) -> dict[str, Callable[[], object]]:
        return {
            "/version": lambda: {"version": f"{self._version()[0]}.{self._version()[1]}-testbed"},
            "/debug/registryz": self._registry,
            "/debug/syncz": self._proxies_in_sync,
            "/debug/adsz": lambda: {"clients": []},
        }

    def _registry(self) -> list[dict]:
        """Return istiod's services, once no poll of a silent peer holds the lock that this takes (G25)."""
        while self._faults.is_on(self.mesh_name, "mute-registry") is not None and not self._stopping.is_set():
            time.sleep(FAULT_CHECK_REAL)
        if not self._listing.acquire(timeout=LONGEST_POLL):
            return []
        try:
            return [{"hostname": service.hostname} for service in self._known_services()]
        finally:
            self._listing.release()

    def _proxies_in_sync(self) -> list[dict]:
        """Return of each gateway, as the first pod of its workload, what it was sent last and what it has taken."""
        is_behind = (
            self._faults.is_on(self.mesh_name, "frozen-proxies") is not None
            and self._programme() != self.envoy.programme
        )
        rows = []
        versions = self.envoy.versions()
        for gateway in self.envoy.programme.gateways:
            row = {"proxy": f"{gateway.name}-1.{self.namespace}", "proxy_type": "router", "istio_version": "testbed"}
            for kind, (sent, taken) in versions.items():
                row |= {f"{kind}_sent": f"{sent}+" if is_behind else sent, f"{kind}_acked": taken}
            rows.append(row)
        return rows

    # ---- the discovery server's questions (Exporter) ----

    def list_for(self, peer: str, source: str) -> dict | int | None:
        refused = self._faults.is_on(self.mesh_name, "lists-refused")
        if refused is not None:
            return int(refused.get("status", 500))
        with self._lock:
            known = self._peers.get(peer)
            if known is None:
                return None
            if source in known.remotes:
                known.remotes[source].last_full_sync = _now()
                self._status_changed()
            services = [_message(each, self._identity_of(each.ingress)) for each in known.exports.values()]
        services.sort(key=lambda service: (service["hostname"], service["local"]))
        for service in services:
            del service["local"]
        checksum = hashlib.sha256(json.dumps(services).encode()).hexdigest()[:16]
        return {"checksum": checksum, "services": services}

    def watch_of(self, peer: str, source: str) -> Stream | None:
        with self._lock:
            known = self._peers.get(peer)
            if known is None:
                return None
            stream = Stream()
            known.streams.append(stream)
            entry = known.remotes.setdefault(source, Connection())
            entry.connected, entry.last_connected, entry.ended = True, _now(), None
            self._status_changed()
            return stream

    def watch_ended(self, peer: str, source: str, stream: Stream) -> None:
        with self._lock:
            known = self._peers.get(peer)
            if known is None or stream not in known.streams:
                return
            known.streams.remove(stream)
            if not known.streams and source in known.remotes:
                entry = known.remotes[source]
                entry.last_disconnect, entry.ended = _now(), time.monotonic()
                self._at("remotes", RENEWAL_REAL)

    # ---- events ----

    def _seen(self, _event: str, seen: dict, _old: dict | None = None) -> None:
        """Take note of an event, in the cache's own thread: nothing is asked and no other lock taken here."""
        metadata = seen["metadata"]
        with self._wake:
            self._events.append((seen["kind"], metadata.get("namespace", ""), metadata["name"]))
            self._wake.notify_all()

    def _heed_event(self, kind: str, namespace: str, name: str, work: set[str], peers: dict[str, None]) -> None:
        is_here = namespace == self.namespace
        if kind == "ServiceMeshPeer" and is_here:
            peers[name] = None
        elif kind == "ExportedServiceSet" and is_here:
            work.add("exports")
            peer = self._peers.get(name)
            if peer and self._export_rules(peer) != peer.export_rules:  # that evaluates anew what was there before it
                work -= {what for what in work if what.startswith("service ")}
        elif kind == "ImportedServiceSet" and is_here:
            peer = self._peers.get(name)
            if peer and self._notices_imports_at_once():
                peers[name] = None
            elif peer and peer.import_generation is None:
                self._at(f"peer {name}", self._clock.seconds(FIRST_IMPORT_DELAY))
            self._status_changed()
        elif kind in ("Service", "ServiceEntry"):
            work.update(("services", "gateways") if is_here else ("services",))
            work.add(f"service {namespace}/{name}")
        elif kind == "ServiceMeshMemberRoll" and is_here:
            work.update(("services", "roots"))
        elif kind == "ConfigMap" and name == self._root_name():
            work.add("roots")

    @property
    def next_resync(self) -> float:
        """The moment of the next resync, as ``time.monotonic`` tells moments; now, while there is one."""
        with self._wake:
            return self._due.get("resync", time.monotonic())

    def _at(self, what: str, seconds: float) -> None:
        """Have ``what`` done in so many real seconds, or earlier when that was wanted before."""
        moment = time.monotonic() + seconds
        with self._wake:
            self._due[what] = min(moment, self._due.get(what, moment))
            self._wake.notify_all()

    def _status_changed(self, seconds: float = STATUS_DELAY_REAL) -> None:
        self._at("status", seconds)

    # ---- the controller ----

    def _control(self) -> None:
        try:
            self._publish_roots()
            if self.envoy.is_running():
                self._gateways_wait_until = time.monotonic() + self._clock.seconds(LONGEST_TAKEOVER)
            else:
                self.envoy.start(self._programme())
            self._ready.set()
            self._at("resync", 0)
            self._at("faults", 0)
            while not self._stopping.is_set():
                self._do(*self._next_work())
        finally:
            self._ready.set()
            if not self._gateways_stay:
                self.envoy.stop()
            if self._silence is not None:
                self._silence.close()

    def _next_work(self) -> tuple[set[str], dict[str, None]]:
        """Wait for something to do; return what it is, and the peers that it is about, in the order of their events."""
        with self._wake:
            while True:
                now = time.monotonic()
                work = {what for what, moment in self._due.items() if moment <= now}
                if work or self._events or self._stopping.is_set():
                    break
                self._wake.wait(min(self._due.values()) - now if self._due else None)
            for what in work:
                del self._due[what]
            events, self._events = self._events, []
        peers: dict[str, None] = {}
        for event in events:
            self._heed_event(*event, work, peers)
        peers.update((what.removeprefix("peer "), None) for what in work if what.startswith("peer "))
        return work, peers

    def _do(self, work: set[str], peers: dict[str, None]) -> None:
        if "resync" in work:
            self._at("resync", self._clock.seconds(RESYNC))
            if not self.envoy.is_running():
                LOG.error("%s: Envoy has ended:\n%s", self.mesh_name, self.envoy.last_lines())
            work |= {"roots", "services", "gateways"}
            peers.update(dict.fromkeys(self._peers))
            live = self.store.list("ServiceMeshPeer", self.namespace)
            peers.update((smp["metadata"]["name"], None) for smp in live)
        if "faults" in work:
            self._at("faults", FAULT_CHECK_REAL)
            self._heed_faults(work)
        if "roots" in work:
            self._publish_roots()
        for name in peers:
            if not self._is_deadlocked:
                self._reconcile(name, work)
        if work & {"exports", "services"}:
            self._if_services_can_be_listed(work - {"status", "gateways"}, partial(self._evaluate_exports, work))
        if "remotes" in work:
            self._forget_remotes()
        if "gateways" in work:
            self._direct_gateways()
        if "status" in work:
            self._if_services_can_be_listed({"status"}, self._write_statuses)

    def _if_services_can_be_listed(self, work: set[str], run: Callable[[], None]) -> None:
        """Run it, or put ``work`` off while a poll of a peer holds the lock that it takes."""
        if self._listing.acquire(blocking=False):
            try:
                run()
            finally:
                self._listing.release()
        else:
            for what in work & {"exports", "services", "status"} | {
                each for each in work if each.startswith("service ")
            }:
                self._at(what, POSTPONED_REAL)

    def _direct_gateways(self) -> None:
        """Hand the gateways what they have to do, but not to those of a former istiod before every peer has been heard
        of.
        """
        if self._gateways_wait_until is not None:
            if time.monotonic() < self._gateways_wait_until and not self._has_heard_of_all_peers():
                self._at("gateways", TAKEOVER_CHECK_REAL)
                return
            self._gateways_wait_until = None
        number = self._direction_wanted
        if self._faults.is_on(self.mesh_name, "frozen-proxies") is None:
            self.envoy.follow(self._programme())
        self._direction_given = number

    def _has_heard_of_all_peers(self) -> bool:
        """Return whether each peer has given its list, or has failed to."""
        with self._lock:
            live = {smp["metadata"]["name"] for smp in self.store.list("ServiceMeshPeer", self.namespace)}
            heard = {
                peer.name
                for peer in self._peers.values()
                if peer.watch.last_full_sync or peer.watch.last_disconnect_status
            }
            return live <= heard

    def _heed_faults(self, work: set[str]) -> None:
        names = OF_GATEWAYS
        active = tuple(json.dumps(self._faults.is_on(self.mesh_name, name), sort_keys=True) for name in names)
        former, self._active_faults = self._active_faults, active
        if active == former or not former:
            return
        work.update(("gateways", "roots"))
        if self._faults.is_on(self.mesh_name, "frozen-proxies") is not None:
            return
        if any("is_whole" in said for said in {*active} ^ {*former}):
            self.envoy.restart(self._programme())
        self.envoy.follow(self._programme())
        # Proxies that were restarted with another identity, or cut off, hold no connection of before.
        with self._lock:
            for peer in self._peers.values():
                self._reconnect(peer)
                for stream in peer.streams:
                    stream.end()

    # ---- roots ----

    def _root_name(self) -> str:
        authority = ((self._live_smcp().get("spec") or {}).get("security") or {}).get("certificateAuthority") or {}
        own = (authority.get("cert-manager") or {}).get("rootCAConfigMapName")
        return own if own and authority.get("type") == "cert-manager" else "istio-ca-root-cert"

    def _published_roots(self) -> str:
        """Return what this mesh says its roots are: with the fault wrong-root those of before, unless the fault says
        more.
        """
        settings = self._faults.is_on(self.mesh_name, "wrong-root")
        published = (settings or {}).get("published", "old")
        right = self.authority.trusted
        return "".join(
            map(self.authority.root, {"old": right, "new": (WRONG_ROOT,), "both": (*right, WRONG_ROOT)}[published])
        )

    def _watch_seconds(self) -> float:
        """Return after how many real seconds a peer's watch of us is renewed."""
        settings = self._faults.is_on(self.mesh_name, "long-watch")
        if settings is not None:
            return self._clock.seconds(float(settings.get("seconds", LONG_WATCH_LIFE)))
        return max(self._clock.seconds(WATCH_LIFE), SHORTEST_WATCH_REAL)

    def _publish_roots(self) -> None:
        data = {ROOT_KEY: self._published_roots()}
        name = self._root_name()
        for namespace in [self.namespace, *self._member_namespaces()]:
            live = self.store.get("ConfigMap", name, namespace)
            if live is not None and live.get("data") == data:
                continue
            wanted = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": namespace, "labels": {"istio.io/config": "true"}},
                "data": data,
            }
            try:
                if live is None:
                    self._kube.create(wanted)
                else:
                    self._kube.merge("ConfigMap", name, namespace, {"data": data})
            except (KubeError, OSError) as error:
                # There already (our cache is behind), gone, or the API server is troubled: once more, a little later.
                LOG.info("%s: root for %s: %s", self.mesh_name, namespace, error)
                self._at("roots", 1.0)

    # ---- peers (section 3.2) ----

    def _reconcile(self, name: str, work: set[str]) -> None:
        smp = self.store.get("ServiceMeshPeer", name, self.namespace)
        if smp is None:
            self._remove(name, work)
            return
        if name == (((self._live_smcp().get("spec") or {}).get("cluster")) or {}).get("name"):
            LOG.warning("%s: registry %s exists and belongs to another provider", self.mesh_name, name)
            return
        spec = smp.get("spec") or {}
        try:
            bundle = self._bundle_of(name, spec)
        except LookupError as error:
            LOG.warning("%s: peer %s: %s", self.mesh_name, name, error)
            return
        with self._lock:
            trust_domain = (spec.get("security") or {}).get("trustDomain")
            if bundle is not None and self._bundles.get(trust_domain, "") != bundle:
                if bundle:
                    self._bundles[trust_domain] = bundle
                else:
                    self._bundles.pop(trust_domain, None)
                work.add("gateways")
            peer = self._peers.get(name)
            if peer is None:
                self._add(name, spec, work)
            elif peer.spec != spec:
                links = (peer.remote, peer.egress)
                peer.spec = spec
                work.add("gateways")
                if links != (peer.remote, peer.egress):
                    self._reconnect(peer)
            self._notice_imports(self._peers[name], work)

    def _bundle_of(self, name: str, spec: Mapping) -> str | None:
        """Return the peer's bundle, None when it is not to be read; raises ``LookupError`` after five quick tries."""
        security = spec.get("security") or {}
        if not security.get("trustDomain") or security["trustDomain"] == self.trust_domain:
            return None
        chain = security.get("certificateChain") or {}
        if chain.get("kind") not in (None, "", "ConfigMap"):
            raise LookupError(f"unknown Kind {chain['kind']}")
        config_map = chain.get("name") or f"{name}-ca-root-cert"
        for _try in range(5):
            found = self.store.get("ConfigMap", config_map, self.namespace)
            if found is not None and ROOT_KEY in (found.get("data") or {}):
                return found["data"][ROOT_KEY]
            self._stopping.wait(0.02)
        raise LookupError(f"ConfigMap {config_map} is missing, or has no {ROOT_KEY}")

    def _add(self, name: str, spec: dict, work: set[str]) -> None:
        peer = self._peers[name] = Peer(name, spec)
        self._departed.pop(name, None)
        work.update(("exports", "gateways"))
        self._status_changed()
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        for run in (self._follow_peer, self._fetch_from_peer):
            thread = threading.Thread(target=run, args=(peer,), name=f"{self.mesh_name}-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _remove(self, name: str, work: set[str]) -> None:
        with self._lock:
            peer = self._peers.get(name)
            if peer is None:
                return
            if peer.exports:
                # G52: the peer controller takes one lock twice. Nothing is logged; only a restart helps.
                self._is_deadlocked = True
                return
            self._let_go(peer)
            del self._peers[name]
            # Its gateway goes on sending the peer here, with a name that is not known any more: 400 until a restart.
            self._departed[name] = DiscoveryIn(peer.ingress, name, peer.client_id)
            work.add("gateways")

    def _let_go(self, peer: Peer) -> None:
        peer.gone.set()
        peer.fetch_wanted.set()
        peer.retry_now.set()
        for stream in peer.streams:
            stream.end()
        if peer.outbound:
            peer.outbound.close()

    def _reconnect(self, peer: Peer) -> None:
        peer.generation_of_links += 1
        peer.needs_list = True
        peer.retry_now.set()
        if peer.outbound:
            peer.outbound.close()

    # ---- imports (sections 5.4, 5.5, 7.2; G43) ----

    def _version(self) -> tuple[int, int]:
        text = (self._live_smcp().get("spec") or {}).get("version") or "v2.6"
        major, minor = text.removeprefix("v").split(".")[:2]
        return int(major), int(minor)

    def _live_smcp(self) -> Mapping:
        return self.store.get("ServiceMeshControlPlane", self._smcp_name, self.namespace) or self._smcp

    def _notices_imports_at_once(self) -> bool:
        return self._version() <= (2, 1)

    def _notice_imports(self, peer: Peer, work: set[str]) -> None:
        """Take a new or changed ImportedServiceSet; it counts from the next full list on."""
        found = self.store.get("ImportedServiceSet", peer.name, self.namespace)
        if found is None:
            if peer.import_spec is not None:
                peer.import_spec = None
                peer.imports = {}
                peer.offered = dict.fromkeys(peer.offered)
                work.add("gateways")
                self._status_changed()
            if self._notices_imports_at_once():
                peer.import_generation = None
            return
        generation = found["metadata"].get("generation", 1)
        if generation == peer.import_generation:
            return
        is_first = peer.import_generation is None
        peer.import_generation, peer.import_spec = generation, found.get("spec") or {}
        if is_first and peer.watch.connected:
            peer.fetch_wanted.set()

    def _take_list(self, peer: Peer, services: list[dict]) -> None:
        """Make the peer's full list what is imported and offered."""
        listed = {service["hostname"]: service for service in services}
        imports: dict[str, Import] = {}
        statuses: dict[str, MappedName | None] = {}
        for exported_name, service in sorted(listed.items()):
            namespace, name = service["namespace"], service["name"]
            mapped = imported_as(peer.import_spec, namespace, name, peer.name, self.cluster_domain)
            if mapped and not is_hostname(mapped.hostname):
                LOG.warning("%s: %s is no host name, not imported", self.mesh_name, mapped.hostname)
                continue
            statuses[exported_name] = mapped
            if mapped:
                ports = tuple((port["name"], port["number"], port["protocol"]) for port in service["ports"])
                imports[mapped.hostname] = Import(exported_name, ports, tuple(service["identities"]), peer.egress)
        # Of two that share a host, one that is withdrawn takes the host away from both (5.5).
        withdrawn = {mapped.hostname for name, mapped in peer.offered.items() if mapped and name not in listed}
        peer.lost_hosts = (peer.lost_hosts | withdrawn) & set(imports)
        for host in peer.lost_hosts:
            del imports[host]
        # What was offered and never imported stays in the status when it is withdrawn (7.3).
        leftovers = {name: None for name, mapped in peer.offered.items() if mapped is None and name not in listed}
        peer.imports, peer.offered = imports, {**leftovers, **statuses}
        self._at("gateways", 0)
        self._status_changed()

    # ---- exports (sections 5.1, 5.3) ----

    def _member_namespaces(self) -> list[str]:
        roll = self.store.get("ServiceMeshMemberRoll", "default", self.namespace) or {}
        return list((roll.get("status") or {}).get("configuredMembers") or ())

    def _known_services(self) -> Iterator[KnownService]:
        """Yield every service that istiod knows: of its own namespace and of the members'."""
        for namespace in dict.fromkeys([self.namespace, *self._member_namespaces()]):
            for service in self.store.list("Service", namespace):
                metadata, spec = service["metadata"], service.get("spec") or {}
                yield KnownService(
                    Candidate(
                        namespace,
                        metadata["name"],
                        metadata.get("labels") or {},
                        is_mesh_external=spec.get("type") == "ExternalName",
                    ),
                    f"{metadata['name']}.{namespace}.svc.{self.cluster_domain}",
                    _ports(spec),
                    endpoints_of(self.addresses, self.cluster_name, service),
                    self._sees(service),
                )
            for entry in self.store.list("ServiceEntry", namespace):
                spec = entry.get("spec") or {}
                endpoints = tuple(each["address"] for each in spec.get("endpoints") or () if each.get("address"))
                for host in spec.get("hosts") or ():
                    labels = entry["metadata"].get("labels") or {}
                    is_external = spec.get("location") != "MESH_INTERNAL"
                    candidate = Candidate(namespace, host, labels, is_mesh_external=is_external)
                    yield KnownService(candidate, host, _ports(spec), endpoints, True)

    def _sees(self, service: Mapping) -> bool:
        """Return whether the annotation exportTo lets the control plane's namespace see ``service``."""
        metadata = service["metadata"]
        export_to = (metadata.get("annotations") or {}).get("networking.istio.io/exportTo")
        allowed = {part.strip() for part in export_to.split(",")} if export_to else {"*"}
        is_ours = metadata["namespace"] == self.namespace
        return bool(allowed & {"*", self.namespace}) or ("." in allowed and is_ours)

    def _evaluate_exports(self, work: set[str]) -> None:
        known = list(self._known_services())
        with self._lock:
            for peer in self._peers.values():
                peer.export_rules = self._export_rules(peer)
                self._export_to(peer, known, work)
        work.add("gateways")
        # Exports show in the status within a fifth of a second.
        self._status_changed(0.02)

    def _export_rules(self, peer: Peer) -> list | None:
        found = self.store.get("ExportedServiceSet", peer.name, self.namespace)
        return None if found is None else (found.get("spec") or {}).get("exportRules") or []

    def _export_to(self, peer: Peer, known: list[KnownService], looked_at: set[str]) -> None:
        """Evaluate a peer's rules for all services; those in ``looked_at`` ("service ns/name") had an event of their
        own.

        Such an event looks at its own Service alone, past the filter of exportTo, and nothing is ever taken back by
        that filter (5.1).
        """
        exports: dict[tuple[str, str], Export] = {}
        for service in known:
            candidate = service.candidate
            mapped = exported_as(peer.export_rules, candidate, peer.name)
            key = (candidate.namespace, candidate.name)
            before = peer.exports.get(key)
            is_hidden = not service.is_visible and before is None and f"service {'/'.join(key)}" not in looked_at
            if not mapped or is_hidden:
                continue
            has_name = mapped.name == candidate.name or is_dns_label(mapped.name)
            if not (has_name and is_dns_label(mapped.namespace)):
                LOG.warning("%s: %s is no valid name, not exported", self.mesh_name, mapped.hostname)
                continue
            ingress = before.ingress if before and before.mapped == mapped else peer.ingress
            exports[key] = Export(
                mapped, candidate.namespace, candidate.name, service.hostname, service.ports, service.endpoints, ingress
            )
        if exports and peer.client_id and peer.name not in self._service_policies:
            # G26: made with the first export and never again until a restart.
            self._service_policies[peer.name] = ServicePolicy(peer.ingress, peer.client_id)
        if exports == peer.exports:
            return
        events = [("delete", peer.exports[key]) for key in peer.exports.keys() - exports.keys()]
        events += [
            ("update" if key in peer.exports else "add", export)
            for key, export in exports.items()
            if export != peer.exports.get(key)
        ]
        peer.exports = exports
        for stream in peer.streams:
            for action, export in events:
                stream.send({"action": action, "service": export.mapped.hostname})
        for entry in peer.remotes.values():
            if entry.connected:
                entry.last_event = _now()

    # ---- the peer's side, called by us (sections 7.1, 7.2) ----

    def _caller(self, peer: Peer) -> Caller:
        """Return how to call ``peer``; raises ``DiscoveryError`` when its egress gateway has no Service."""
        with self._lock:
            if self.store.get("Service", peer.egress, self.namespace) is None:
                host = f"{peer.egress}.{self.namespace}.svc.{self.cluster_domain}"
                raise DiscoveryError(f"dial tcp: lookup {host}: no such host")
            egress = self.addresses.for_service(self.cluster_name, self.namespace, peer.egress)
            return Caller((egress, DISCOVERY_PORT), self._address, self._discovery_service(peer), peer.remote_hash)

    def _discovery_service(self, peer: Peer) -> str:
        return f"discovery.{self.namespace}.svc.{peer.name}.local"

    def _follow_peer(self, peer: Peer) -> None:
        """Keep a watch on the peer, for ever."""
        back_off = FIRST_BACK_OFF
        while not peer.gone.is_set():
            peer.retry_now.clear()
            with self._lock:
                peer.watch.last_connected = _now()
                links = peer.generation_of_links
            began = time.monotonic()
            try:
                watch = self._caller(peer).open_watch()
            except DiscoveryError as error:
                peer.hangs = time.monotonic() - began > SLOW_ANSWER_REAL
                self._disconnected(peer, str(error))
                if peer.hangs:
                    peer.fetch_wanted.set()
                pause = self._clock.seconds(back_off) * random.uniform(0.75, 1.25)
                back_off = min(back_off * BACK_OFF_GROWTH, LAST_BACK_OFF)
                peer.retry_now.wait(max(pause, SHORTEST_BACK_OFF_REAL))
                continue
            back_off, peer.hangs = FIRST_BACK_OFF, False
            if self._connected(peer, watch, links):
                self._read_events(peer, watch)
            watch.close()
        with self._lock:
            peer.outbound = None

    def _connected(self, peer: Peer, watch: Watch, links: int) -> bool:
        with self._lock:
            if peer.gone.is_set() or peer.generation_of_links != links:
                return False
            peer.outbound = watch
            peer.watch.connected = True
            if peer.needs_list:
                peer.fetch_wanted.set()
            self._status_changed()
            return True

    def _read_events(self, peer: Peer, watch: Watch) -> None:
        try:
            for _event in watch.events():
                peer.fetch_wanted.set()  # lastEvent is never kept, so each event costs a full list (7.3)
        except DiscoveryError as error:
            self._disconnected(peer, str(error))
            peer.retry_now.wait(SHORTEST_BACK_OFF_REAL)
            return
        with self._lock:
            # A clean end: the next attempt follows at once and says whether we are connected.
            peer.watch.last_disconnect, peer.watch.last_disconnect_status = _now(), "200 OK"

    def _disconnected(self, peer: Peer, status: str) -> None:
        with self._lock:
            if peer.watch.connected:
                peer.watch.last_disconnect = _now()
            peer.watch.connected, peer.watch.last_disconnect_status = False, status
            peer.needs_list = True
            peer.outbound = None
            self._status_changed()

    def _fetch_from_peer(self, peer: Peer) -> None:
        """Fetch the peer's full list when it connected, when an event came, and at each poll."""
        while not peer.gone.is_set():
            poll = QUICK_POLL if self._version() >= (2, 5) else SLOW_POLL
            peer.fetch_wanted.wait(self._clock.seconds(poll))
            peer.fetch_wanted.clear()
            if peer.gone.is_set() or not (peer.watch.connected or peer.hangs):
                continue
            if not self._poll(peer) and not peer.gone.wait(
                max(self._clock.seconds(FIRST_BACK_OFF), SHORTEST_BACK_OFF_REAL)
            ):
                peer.fetch_wanted.set()

    def _poll(self, peer: Peer) -> bool:
        """Fetch the peer's full list and return whether it came. A peer that never answers is asked again, up to two
        minutes, with the lock held that istiod needs for its own services (G25); one that refuses is left at once.
        """
        with self._listing:
            links, end = peer.generation_of_links, time.monotonic() + self._clock.seconds(LONGEST_POLL)
            while not peer.gone.is_set() and peer.generation_of_links == links:
                began = time.monotonic()
                try:
                    message = self._caller(peer).fetch_list()
                except DiscoveryError as error:
                    LOG.info("%s: list of %s: %s", self.mesh_name, peer.name, error)
                    if time.monotonic() - began < SLOW_ANSWER_REAL or time.monotonic() > end:
                        return False
                    continue
                with self._lock:
                    if not peer.gone.is_set():
                        peer.watch.last_full_sync = _now()
                        peer.needs_list = False
                        self._take_list(peer, message["services"])
                    return True
            return False

    # ---- gateways ----

    def _identity_of(self, gateway: str) -> str:
        return spiffe_uri(self.trust_domain, self.namespace, f"{gateway}-service-account")

    def _programme(self) -> Programme:
        """Return what the gateways have to do now, from what is remembered of the peers and from live Services."""
        is_impostor = self._faults.is_on(self.mesh_name, "wrong-client-id") is not None
        root = self.root_number_in_use()
        with self._lock:
            peers = list(self._peers.values())
            serving = [DiscoveryIn(peer.ingress, peer.name, peer.client_id) for peer in peers]
            egresses = {peer.egress for peer in peers}
            ingresses = {each.gateway for each in [*serving, *self._departed.values()]}
            ingresses |= {export.ingress for peer in peers for export in peer.exports.values()}
            gateways = [each for each in map(self._gateway, sorted(egresses | ingresses)) if each]
            identities, impostors = (
                {
                    gateway.name: self.authority.identity(self.namespace, f"{gateway.name}-{ending}", root)
                    for gateway in gateways
                }
                for ending in ("service-account", "impostor")
            )
            odd = self._faults.is_on(self.mesh_name, "certificate") or {}
            if odd.get("is_whole") and odd["gateway"] in identities:
                identities[odd["gateway"]] = self._odd_certificate(odd)
            cut = self._faults.is_on(self.mesh_name, "istiod-unreachable") is not None
            former = self._faults.is_on(self.mesh_name, "former-client")
            policies = tuple(self._service_policies.values())
            if former is not None:
                policies = tuple(ServicePolicy(each.gateway, former["client_id"]) for each in policies)
            return Programme(
                istiod=(self._address, 1) if cut else self._discovery,
                gateways=tuple(gateways),
                discovery_out=tuple(self._discovery_out(peer) for peer in peers),
                discovery_in=(*serving, *self._departed.values()),
                services_out=(
                    ()
                    if self._faults.is_on(self.mesh_name, "no-route") is not None
                    else tuple(out for peer in peers for out in self._services_out(peer))
                ),
                services_in=tuple(
                    ServiceIn(
                        export.ingress,
                        export.mapped.hostname,
                        number,
                        # G31: with several ports the route names none and ends nowhere.
                        tuple((each, number) for each in export.endpoints) if len(export.ports) == 1 else (),
                    )
                    for peer in (peers)
                    for export in (peer.exports.values())
                    for _name, number, protocol in export.ports
                    if protocol != "UDP"
                ),
                policies=policies,
                bundles={**self._bundles, self.trust_domain: self.trusted_roots()},
                identities=identities,
                shown_to_peers={name: impostors[name] for name in egresses & impostors.keys()} if is_impostor else {},
                refusing=self._faults.is_on(self.mesh_name, "peer-unreachable") is not None,
                silence=self._silence_target() if self._faults.is_on(self.mesh_name, "peer-hang") is not None else None,
                **self._faults_of_one_gateway(),
                resolver=self._around.resolver if self._around else None,
                has_logs=self._around is not None,
            )

    def _faults_of_one_gateway(self) -> dict:
        shown = self._faults.is_on(self.mesh_name, "certificate")
        down = self._faults.is_on(self.mesh_name, "gateway-down")
        denying = self._faults.is_on(self.mesh_name, "denying")
        return {
            "certificates": (
                {(shown["gateway"], port): self._odd_certificate(shown) for port in shown["ports"]} if shown else {}
            ),
            "down": frozenset([down["gateway"]] if down else ()),
            "denying": frozenset([(denying["gateway"], denying["port"])] if denying else ()),
        }

    def _odd_certificate(self, shown: Mapping) -> Identity:
        """Return the certificate of the fault of that name, the same one as long as the fault says the same."""
        said = json.dumps(shown, sort_keys=True)
        if said not in self._odd_certificates:
            starts, ends = (
                datetime.timedelta(hours=shown.get(key, hours)) for key, hours in (("starts", -1), ("ends", 24))
            )
            uri = shown.get("uri") or self._identity_of(shown["gateway"])
            self._odd_certificates[said] = self.authority.issue(uri, starts, ends, shown.get("root", 0))
        return self._odd_certificates[said]

    def _silence_target(self) -> Target:
        """Return where connections are accepted, by the kernel, and never looked at."""
        if self._silence is None:
            self._silence = socket.create_server((self._address, 0), backlog=4096)
        return self._silence.getsockname()

    def _gateway(self, name: str) -> Gateway | None:
        service = self.store.get("Service", name, self.namespace) if name else None
        if service is None:
            return None
        spec = service.get("spec") or {}
        ports: dict[int, tuple[int, ...]] = {}
        for port in spec.get("ports") or ():
            number = port["port"]
            if number in (DISCOVERY_PORT, SERVICE_PORT) and port.get("targetPort") in (None, 0, number):
                node_port = port.get("nodePort") if spec.get("type") == "NodePort" else None
                ports[number] = (number, node_port) if node_port else (number,)
        return Gateway(name, self.addresses.for_service(self.cluster_name, self.namespace, name), ports)

    def _discovery_out(self, peer: Peer) -> DiscoveryOut:
        port = peer.remote.get("discoveryPort") or DISCOVERY_PORT
        targets = self._targets(peer, port)
        given = [each for each in peer.remote.get("addresses") or () if _is_address(each)]
        # One that is wrong takes all with it; names are the proxy's to resolve.
        names = tuple((each, port) for each in given) if any(map(str.isalpha, "".join(given))) else ()
        is_whole = len(given) == len(peer.remote.get("addresses") or ())
        return DiscoveryOut(
            peer.egress,
            peer.name,
            self._discovery_service(peer),
            peer.remote_hash,
            targets,
            names if is_whole and self._around else (),
        )

    def _services_out(self, peer: Peer) -> list[ServiceOut]:
        targets = self._targets(peer, peer.remote.get("servicePort") or SERVICE_PORT)
        return [
            ServiceOut(each.egress, host, number, each.exported_name, targets, each.identities)
            for host, each in peer.imports.items()
            for _name, number, protocol in each.ports
            if protocol != "UDP"
        ]

    def _targets(self, peer: Peer, port: int) -> tuple[Target, ...]:
        given = peer.remote.get("addresses") or []
        if not all(_is_address(each) for each in given):
            return ()  # G23: one bad address makes the whole entry invalid
        return tuple((found, port) for each in given for found in self._resolved(each))

    def _resolved(self, address: str) -> list[str]:
        """Return the IP addresses of ``address``: itself, a Service of our cluster, or a load balancer's host name."""
        name = address.rstrip(".").lower()
        try:
            return [str(ipaddress.ip_address(name))]
        except ValueError:
            pass
        if self._around and name in self._around.names:
            is_gone = self._faults.is_on(self.mesh_name, "no-such-names") or self._faults.is_on(
                self.mesh_name, "names-failing"
            )
            return [] if is_gone else self._around.names[name]
        for ending in (f".svc.{self.cluster_domain}", ".svc"):
            service, _dot, namespace = name.removesuffix(ending).partition(".")
            if name.endswith(ending) and namespace and self.store.get("Service", service, namespace):
                return [self.addresses.for_service(self.cluster_name, namespace, service)]
        for (cluster, namespace), istiod in list(self._world.items()):
            for service in istiod.store.list("Service", namespace):
                balanced = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
                if any(entry.get("hostname", "").lower() == name for entry in balanced):
                    return [self.addresses.for_service(cluster, namespace, service["metadata"]["name"])]
        return []

    # ---- statuses (sections 1.2 to 1.4, 7.3) ----

    def _forget_remotes(self) -> None:
        kept = max(self._clock.seconds(REMOTE_KEPT), RENEWAL_REAL)
        now = time.monotonic()
        with self._lock:
            for peer in self._peers.values():
                for each in peer.remotes.values():
                    if each.ended and each.connected:
                        if now - each.ended < RENEWAL_REAL:
                            self._at("remotes", RENEWAL_REAL - (now - each.ended))
                            continue
                        each.connected = False
                        self._status_changed()
                        self._at("remotes", kept - RENEWAL_REAL + 0.1)
                fresh = {name: each for name, each in peer.remotes.items() if not each.ended or now - each.ended < kept}
                if fresh != peer.remotes:
                    peer.remotes = fresh
                    self._status_changed()

    def _write_statuses(self) -> None:
        with self._lock:
            statuses = [
                (kind, peer.name, status)
                for peer in self._peers.values()
                for kind, status in (
                    ("ServiceMeshPeer", self._peer_status(peer)),
                    ("ExportedServiceSet", _export_status(peer)),
                    ("ImportedServiceSet", _import_status(peer)),
                )
            ]
        for kind, name, status in statuses:
            live = self.store.get(kind, name, self.namespace)
            if live is None or live.get("status") == status or self._refused_status.get((kind, name)) == status:
                continue
            self._write_status(kind, name, status)

    def _peer_status(self, peer: Peer) -> dict:
        entry: dict = {"pod": self.pod, "watch": peer.watch.as_status()}
        if peer.remotes:
            entry["remotes"] = [{"source": name, **each.as_status()} for name, each in sorted(peer.remotes.items())]
        return {"discoveryStatus": {"active" if peer.watch.connected else "inactive": [entry]}}

    def _write_status(self, kind: str, name: str, status: dict) -> None:
        for _try in range(5):
            try:
                live = self._kube.get(kind, name, self.namespace)
                if live is None:
                    return
                self._kube.update_status({**live, "status": status})
                self._refused_status.pop((kind, name), None)
                return
            except KubeError as error:
                LOG.info("%s: status of %s %s: %s", self.mesh_name, kind, name, error)
                if error.status == 404:
                    return
                if error.status == 422:  # two entries of one name: it freezes at its last good content (5.5)
                    self._refused_status[(kind, name)] = status
                    return
                if error.status != 409:
                    break
            except OSError as error:
                LOG.info("%s: status of %s %s: %s", self.mesh_name, kind, name, error)
                break
        self._status_changed(1.0)


def _export_status(peer: Peer) -> dict:
    entries = [
        {
            "exportedName": export.mapped.hostname,
            "localService": {"name": export.name, "namespace": export.namespace, "hostname": export.hostname},
        }
        for export in peer.exports.values()
    ]
    return {"exportedServices": sorted(entries, key=lambda entry: entry["exportedName"])}


def _import_status(peer: Peer) -> dict:
    entries = []
    for exported_name, mapped in sorted(peer.offered.items()):
        local = (mapped.name, mapped.namespace, mapped.hostname) if mapped else ("", "", "")
        service = dict(zip(("name", "namespace", "hostname"), local))
        entries.append({"exportedName": exported_name, "localService": service})
    return {"importedServices": entries}


def _message(export: Export, identity: str) -> dict:
    return {
        "name": export.mapped.name,
        "namespace": export.mapped.namespace,
        "hostname": export.mapped.hostname,
        "ports": [{"name": name, "number": number, "protocol": protocol} for name, number, protocol in export.ports],
        "identities": [identity],
        "local": f"{export.namespace}/{export.name}",  # for a stable order; it is taken out before sending
    }


def _ports(spec: Mapping) -> tuple[tuple[str, int, str], ...]:
    """Return name, number and protocol of each port of a Service or ServiceEntry.

    A Service's protocol comes from the port's name, since profiles switch protocol detection off.
    """
    found = []
    for port in spec.get("ports") or ():
        name, protocol = port.get("name") or "", port.get("protocol")
        if protocol in (None, "TCP"):
            protocol = PROTOCOLS.get(name.split("-")[0], "TCP")
        found.append((name, port.get("port") or port["number"], protocol))
    return tuple(found)


def _is_address(text: object) -> bool:
    """Return whether istiod can make a discovery endpoint of ``text``: an IP literal or a host name (G23)."""
    if not isinstance(text, str) or not text:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return is_hostname(text)
    return True


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
