"""The test mesh's istiod on real API servers: what it publishes, its statuses as stored, and what survives there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from testbed_tests.mesh_in_memory import eventually, named, stays

from testbed.addresses import Addresses
from testbed.clock import Clock
from testbed.cluster import Cluster
from testbed.faults import Faults
from testbed.istiod import KINDS, Istiod
from testbed.kube import Kube, Store
from testbed.processes import Processes
from testbed.programs import find_programs
from testbed.workloads import EchoServer, call, endpoints_of

SCALE = 0.05
CART = "cart.shop.svc.east-imports.local"
CART_OFFERED = "cart.shop.svc.west-exports.local"
FEDERATION = "federation.maistra.io/v1"


@dataclass
class Side:
    """One mesh: its cluster's client and cache, and its istiod; the peer is called like the other mesh."""

    name: str
    kube: Kube
    store: Store
    istiod: Istiod
    addresses: Addresses

    @property
    def namespace(self) -> str:
        return f"{self.name}-mesh-system"

    def put(self, kind: str, name: str, spec: dict) -> dict:
        metadata = {"name": name, "namespace": self.namespace}
        return self.kube.apply({"apiVersion": FEDERATION, "kind": kind, "metadata": metadata, "spec": spec}, "test")

    def status(self, kind: str, name: str) -> dict | None:
        return (self.kube.get(kind, name, self.namespace) or {}).get("status")

    def root(self, namespace: str = "") -> str:
        found = self.kube.get("ConfigMap", "istio-ca-root-cert", namespace or self.namespace)
        return found["data"]["root-cert.pem"] if found else ""

    def imported(self, peer: str) -> dict:
        entries = (self.status("ImportedServiceSet", peer) or {}).get("importedServices", [])
        return {entry["exportedName"]: entry["localService"]["hostname"] for entry in entries}

    def is_connected(self, peer: str) -> bool:
        active = (self.status("ServiceMeshPeer", peer) or {}).get("discoveryStatus", {}).get("active") or []
        return any(entry["watch"]["connected"] and "lastFullSync" in entry["watch"] for entry in active)

    def address_of(self, gateway: str) -> str:
        return self.addresses.for_service(self.name, self.namespace, gateway)

    def peer_with(self, other: Side) -> None:
        self.kube.apply(config_map(f"{other.name}-ca-root-cert", self.namespace, other.root()), "test")
        spec = {
            "remote": {"addresses": [other.address_of(f"{self.name}-ingress")]},
            "gateways": {"ingress": {"name": f"{other.name}-ingress"}, "egress": {"name": f"{other.name}-egress"}},
            "security": {
                "trustDomain": f"{other.name}.local",
                "clientID": f"{other.name}.local/ns/{other.namespace}/sa/{self.name}-egress-service-account",
            },
        }
        self.put("ServiceMeshPeer", other.name, spec)


def config_map(name: str, namespace: str, text: str) -> dict:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"root-cert.pem": text}}


def service(name: str, namespace: str, ports: dict[str, int]) -> dict:
    listed = [{"name": port, "port": number} for port, number in ports.items()]
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": listed}}


@pytest.fixture(scope="module")
def clusters(tmp_path_factory) -> Iterator[tuple[dict[str, Cluster], Addresses, Path]]:
    programs, processes, addresses = find_programs(), Processes(), Addresses()
    directory = tmp_path_factory.mktemp("clusters")
    started = {}
    try:
        for name in ("east", "west"):
            started[name] = Cluster(
                name, directory / name, addresses, processes, str(programs.etcd), str(programs.kube_apiserver)
            )
            started[name].start()
            started[name].load_crds("2.3")
        yield started, addresses, programs.envoy
    finally:
        processes.stop()
        addresses.release()


@pytest.fixture(scope="module")
def sides(clusters, tmp_path_factory) -> Iterator[tuple[Side, Side]]:
    """East, which has shop/cart, and west, both with gateways for each other and connected."""
    found, addresses, envoy = clusters
    world: dict = {}
    sides, echoes = [], []
    for name, other in (("east", "west"), ("west", "east")):
        kube, namespace = found[name].kube, f"{name}-mesh-system"
        for each in (namespace, "shop"):
            found[name].ensure_namespace(each)
        roll = {
            "apiVersion": "maistra.io/v1",
            "kind": "ServiceMeshMemberRoll",
            "metadata": {"name": "default", "namespace": namespace},
            "spec": {"members": ["shop"]},
        }
        kube.update_status({**kube.create(roll), "status": {"configuredMembers": ["shop"]}})
        for gateway in (f"{other}-ingress", f"{other}-egress"):
            kube.create(service(gateway, namespace, {"tls": 15443, "discovery": 8188}))
        store = Store(kube, KINDS)
        store.start()
        store.wait_synced()
        smcp = {"spec": {"version": "v2.3", "security": {"trust": {"domain": f"{name}.local"}}}}
        directory = tmp_path_factory.mktemp(name)
        istiod = Istiod(
            kube, store, namespace, "basic", smcp, addresses, Clock(SCALE), Faults(), directory, envoy, name, world
        )
        istiod.start()
        sides.append(Side(name, kube, store, istiod, addresses))
    east, west = sides
    stored = east.kube.create(service("cart", "shop", {"http": 80}))
    echoes.append(EchoServer("east", "shop", "cart", endpoints_of(addresses, "east", stored), [80]))
    echoes[0].start()
    try:
        eventually(lambda: east.root() and west.root())
        east.peer_with(west)
        west.peer_with(east)
        eventually(lambda: east.is_connected("west") and west.is_connected("east"))
        yield east, west
    finally:
        for side in sides:
            side.istiod.stop()
            side.store.stop()
        for echo in echoes:
            echo.stop()


def test_the_root_is_published_in_the_control_planes_and_the_members_namespace_and_comes_back(sides):
    east, _west = sides
    assert east.root() == east.root("shop") != ""

    east.kube.delete("ConfigMap", "istio-ca-root-cert", "shop")

    eventually(lambda: east.root("shop") == east.root())


def test_a_service_is_exported_imported_and_called(sides):
    east, west = sides
    east.put("ExportedServiceSet", "west", {"exportRules": [named("shop/cart")]})
    west.put("ImportedServiceSet", "east", {"importRules": [named("*/*")]})

    eventually(lambda: west.imported("east") == {CART_OFFERED: CART})

    answer = eventually(lambda: (got := call(west.istiod, "client.shop", CART)).status == 200 and got)
    assert answer.mesh == "east"


def test_statuses_are_the_stored_ones_word_for_word(sides):
    east, west = sides
    eventually(lambda: west.imported("east") == {CART_OFFERED: CART})
    eventually(lambda: "remotes" in east.status("ServiceMeshPeer", "west")["discoveryStatus"]["active"][0])

    assert east.status("ExportedServiceSet", "west")["exportedServices"] == [
        {
            "exportedName": CART_OFFERED,
            "localService": {"name": "cart", "namespace": "shop", "hostname": "cart.shop.svc.cluster.local"},
        }
    ]
    [entry] = east.status("ServiceMeshPeer", "west")["discoveryStatus"]["active"]
    assert entry["pod"] == east.istiod.pod and entry["remotes"][0]["source"] == west.address_of("istiod-basic")


def test_the_api_server_refuses_a_status_with_one_name_twice_and_the_old_one_stays(sides):
    east, west = sides
    eventually(lambda: west.imported("east") == {CART_OFFERED: CART})
    east.kube.create(service("cart2", "shop", {"http": 80}))

    east.put("ExportedServiceSet", "west", {"exportRules": [named("shop/* -> shop/one")]})

    eventually(lambda: "one.shop.svc.west-exports.local" in west.imported("east"))
    names = [CART_OFFERED]
    stays(
        lambda: (
            [entry["exportedName"] for entry in east.status("ExportedServiceSet", "west")["exportedServices"]] == names
        ),
        1,
    )
    east.put("ExportedServiceSet", "west", {"exportRules": [named("shop/cart")]})
    eventually(lambda: west.imported("east") == {CART_OFFERED: CART})


def test_a_set_of_equal_generation_that_is_made_again_imports_nothing(sides):
    _east, west = sides
    eventually(lambda: call(west.istiod, "client.shop", CART).status == 200)
    assert west.kube.get("ImportedServiceSet", "east", west.namespace)["metadata"]["generation"] == 1
    west.kube.delete("ImportedServiceSet", "east", west.namespace)
    eventually(lambda: call(west.istiod, "client.shop", CART).status is None)

    west.put("ImportedServiceSet", "east", {"importRules": [named("*/*")]})

    stays(lambda: not any(west.imported("east").values()), 60 * SCALE + 1)
