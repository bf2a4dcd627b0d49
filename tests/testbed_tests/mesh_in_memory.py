"""A cluster in memory for tests of the test mesh's istiod: objects, generations, list-map keys, watches.

It stands in for the API client and for its cache in one. It is not the API server: tests of the whole testbed run
against real ones.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from testbed.authority import Authority
from testbed.istiod import Istiod
from testbed.kube import KubeError
from testbed.workloads import Answer, EchoServer, call, endpoints_of

MAP_KEYS = {"ExportedServiceSet": "exportedServices", "ImportedServiceSet": "importedServices"}


class Cluster:
    """Kube and Store of one cluster."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str, str], dict] = {}
        self._followers: dict[str, list[Callable]] = {}
        self._lock = threading.RLock()

    def get(self, kind, name, namespace=None):
        with self._lock:
            return copy.deepcopy(self._objects.get((kind, namespace or "", name)))

    def list(self, kind, namespace=None, selector=None):
        with self._lock:
            return [
                copy.deepcopy(found)
                for (its_kind, its_namespace, _name), found in sorted(self._objects.items())
                if its_kind == kind and namespace in (None, its_namespace)
            ]

    def subscribe(self, kind, callback):
        self._followers.setdefault(kind, []).append(callback)

    def unsubscribe(self, kind, callback):
        self._followers[kind].remove(callback)

    def create(self, made):
        if self.get(made["kind"], made["metadata"]["name"], made["metadata"].get("namespace")):
            raise KubeError(409, "AlreadyExists", made["metadata"]["name"])
        return self.put(made)

    def put(self, wanted):
        """Create or replace an object; a changed spec makes its generation grow, the status stays."""
        with self._lock:
            key = (wanted["kind"], wanted["metadata"].get("namespace", ""), wanted["metadata"]["name"])
            old = self._objects.get(key)
            new = copy.deepcopy(wanted)
            before = (old or {}).get("metadata", {}).get("generation", 0)
            new["metadata"]["generation"] = before + (old is None or old.get("spec") != new.get("spec"))
            if old and "status" in old:
                new.setdefault("status", old["status"])
            self._objects[key] = new
        self._tell("MODIFIED" if old else "ADDED", new, old)
        return new

    def merge(self, kind, name, namespace, patch, subresource=None):
        return self.put({**self.get(kind, name, namespace), **patch})

    def delete(self, kind, name, namespace):
        with self._lock:
            old = self._objects.pop((kind, namespace, name))
        self._tell("DELETED", old, None)

    def update_status(self, wanted):
        kind, status = wanted["kind"], wanted["status"]
        names = [entry["exportedName"] for entry in status.get(MAP_KEYS.get(kind, ""), [])]
        if len(names) != len(set(names)):
            raise KubeError(422, "Invalid", "duplicate list-map key")
        with self._lock:
            key = (kind, wanted["metadata"]["namespace"], wanted["metadata"]["name"])
            if key not in self._objects:
                raise KubeError(404, "NotFound", key[2])
            old, new = self._objects[key], {**self._objects[key], "status": copy.deepcopy(status)}
            self._objects[key] = new
        self._tell("MODIFIED", new, old)

    def _tell(self, event, told, old):
        for callback in list(self._followers.get(told["kind"], [])):
            callback(event, copy.deepcopy(told), old)


class Mesh:
    """One mesh called ``name`` with its Services, echo servers and istiod; peers' objects are named for the peer.

    It has a cluster of its own, or that of the mesh ``beside``.
    """

    def __init__(
        self, name, directory: Path, envoy: Path, addresses, clock, faults, world, version="v2.3", beside=None,
        members=("shop",),
    ):  # fmt: skip
        self.name, self.namespace, self.trust_domain = name, f"{name}-mesh-system", f"{name}.local"
        self.cluster = beside.cluster if beside else Cluster()
        self.cluster_name = beside.cluster_name if beside else name
        self._directory, self._envoy, self._clock, self._world = directory, envoy, clock, world
        self._faults = faults
        self.addresses = addresses
        self._echoes: list[EchoServer] = []
        self.smcp = {
            "kind": "ServiceMeshControlPlane",
            "metadata": {"name": "basic", "namespace": self.namespace},
            "spec": {"version": version, "security": {"trust": {"domain": self.trust_domain}}},
        }
        self.cluster.put(self.smcp)
        self.cluster.put(
            {
                "kind": "ServiceMeshMemberRoll",
                "metadata": {"name": "default", "namespace": self.namespace},
                "status": {"configuredMembers": list(members)},
            }
        )
        self.istiod = self._new_istiod()

    def _new_istiod(self):
        return Istiod(
            self.cluster, self.cluster, self.namespace, "basic", self.smcp, self.addresses, self._clock, self._faults,
            self._directory, self._envoy, self.cluster_name, self._world,
        )  # fmt: skip

    def start(self):
        self.istiod.start()

    def stop(self):
        self.istiod.stop()
        for echo in self._echoes:
            echo.stop()

    def restart_istiod(self):
        self.istiod.stop()
        self.istiod = self._new_istiod()
        self.istiod.start()

    def serve(self, name, ports=(("http", 80),), namespace="shop", annotations=None, labels=None):
        """Make a Service and the echo server behind it."""
        service = self.cluster.put(
            {
                "kind": "Service",
                "metadata": {
                    "name": name, "namespace": namespace, "annotations": annotations or {}, "labels": labels or {},
                },
                "spec": {"ports": [{"name": each, "port": number} for each, number in ports]},
            }
        )  # fmt: skip
        endpoints = endpoints_of(self.addresses, self.cluster_name, service)
        echo = EchoServer(self.name, namespace, name, endpoints, [number for _name, number in ports])
        echo.start()
        self._echoes.append(echo)

    def fault(self, name, **settings):
        self._faults.set(self.name, name, settings)

    def heal(self, name):
        self._faults.set(self.name, name, None)

    def make_gateways(self, peer, kind="LoadBalancer", node_ports=(None, None)):
        for name, service_kind in ((f"{peer}-ingress", kind), (f"{peer}-egress", "ClusterIP")):
            ports = [{"port": 15443, "nodePort": node_ports[0]}, {"port": 8188, "nodePort": node_ports[1]}]
            self.cluster.put(
                {
                    "kind": "Service",
                    "metadata": {"name": name, "namespace": self.namespace},
                    "spec": {"type": service_kind, "ports": ports},
                }
            )

    def give_host_name(self, gateway, host):
        """Have the gateway's load balancer known by a host name."""
        service = self.cluster.get("Service", gateway, self.namespace)
        self.cluster.put({**service, "status": {"loadBalancer": {"ingress": [{"hostname": host}]}}})

    def address_of(self, gateway):
        return self.addresses.for_service(self.cluster_name, self.namespace, gateway)

    def root(self):
        """Return the root that this mesh publishes."""
        return self.cluster.get("ConfigMap", "istio-ca-root-cert", self.namespace)["data"]["root-cert.pem"]

    def peer_with(self, other: Mesh, root=None, **changes):
        """Make gateways, bundle and ServiceMeshPeer for ``other``; ``changes`` replace keys of ``spec`` by
        path a__b.
        """
        self.make_gateways(other.name)
        if root != "":
            self.put_bundle(other, root or other.root())
        spec = {
            "remote": {"addresses": [other.address_of(f"{self.name}-ingress")]},
            "gateways": {"ingress": {"name": f"{other.name}-ingress"}, "egress": {"name": f"{other.name}-egress"}},
            "security": {
                "trustDomain": other.trust_domain,
                "clientID": f"{other.trust_domain}/ns/{other.namespace}/sa/{self.name}-egress-service-account",
            },
        }
        for path, value in changes.items():
            section, _underscores, key = path.partition("__")
            spec[section][key] = value
        self.put("ServiceMeshPeer", other.name, spec)

    def put_bundle(self, other, text):
        metadata = {"name": f"{other.name}-ca-root-cert", "namespace": self.namespace}
        self.cluster.put({"kind": "ConfigMap", "metadata": metadata, "data": {"root-cert.pem": text}})

    def put(self, kind, name, spec):
        self.cluster.put({"kind": kind, "metadata": {"name": name, "namespace": self.namespace}, "spec": spec})

    def export(self, peer, *rules):
        self.put("ExportedServiceSet", peer, {"exportRules": [named(rule) for rule in rules]})

    def take(self, peer, *rules):
        self.put("ImportedServiceSet", peer, {"importRules": [named(rule) for rule in rules]})

    def delete(self, kind, name):
        self.cluster.delete(kind, name, self.namespace)

    def status(self, kind, name):
        return (self.cluster.get(kind, name, self.namespace) or {}).get("status")

    def watch(self, peer):
        """Return the outbound watch of the peer's status; {} while there is none."""
        discovery = (self.status("ServiceMeshPeer", peer) or {}).get("discoveryStatus", {})
        return next((each["watch"] for part in ("active", "inactive") for each in discovery.get(part, [])), {})

    def is_connected(self, peer):
        return bool(self.watch(peer).get("connected") and self.watch(peer).get("lastFullSync"))

    def imported(self, peer):
        """Return {exported name: host} of the status; host is "" where nothing is imported."""
        entries = (self.status("ImportedServiceSet", peer) or {}).get("importedServices", [])
        return {entry["exportedName"]: entry["localService"]["hostname"] for entry in entries}

    def exported(self, peer):
        entries = (self.status("ExportedServiceSet", peer) or {"exportedServices": None})["exportedServices"]
        return entries if entries is None else [entry["exportedName"] for entry in entries]

    def call(self, host, port=80, path="/", source="client.shop", **proof) -> Answer:
        return call(self.istiod, source, host, port, path, **proof)


def named(rule):
    """Return a NameSelector for ``ns/name`` or ``ns/name -> ns/name`` (with ``!`` in front: as local); dicts stay."""
    if isinstance(rule, dict):
        return rule
    made = {"type": "NameSelector"}
    if rule.startswith("!"):
        made["importAsLocal"], rule = True, rule[1:]
    pattern, arrow, alias = rule.partition(" -> ")
    keys = ("namespace", "name")
    made["nameSelector"] = dict(zip(keys, pattern.split("/")))
    if arrow:
        made["nameSelector"]["alias"] = dict(zip(keys, alias.split("/")))
    return made


def eventually(is_so: Callable[[], object], seconds: float = 15):
    """Return what ``is_so`` returns once that is true; fail with its last answer after so many seconds."""
    end = time.monotonic() + seconds
    while not (answer := is_so()):
        assert time.monotonic() < end, f"not within {seconds} s; last answer: {json.dumps(answer, default=str)}"
        time.sleep(0.03)
    return answer


def stays(is_so: Callable[[], object], seconds: float) -> None:
    """Fail when ``is_so`` stops being true within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert is_so()
        time.sleep(0.05)


def another_root(directory: Path, trust_domain: str) -> str:
    """Return the root of an authority that nobody uses."""
    return Authority(directory / "nobody", trust_domain).root()
