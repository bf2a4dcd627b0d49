# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two whole meshes, federated by hand: API servers, webhooks, operators, istiods and Envoys work together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from testbed import Mesh, Testbed

MANAGER = "by-hand"
WAIT_SECONDS = 30
IMPORTED = "cart.shop.svc.east-imports.local"


def eventually(value: Callable[[], object], what: str) -> object:
    """Return the first true value, or fail after WAIT_SECONDS."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := value()):
        assert time.monotonic() < deadline, f"{what}: not within {WAIT_SECONDS} s"
        time.sleep(0.05)
    return found


def gateway(kind: str, peer: str, service_type: str, **more: object) -> dict:
    discovery = {"ingress": "https-discovery", "egress": "http-discovery"}[kind]
    service = {
        "type": service_type,
        "metadata": {"labels": {f"federation.maistra.io/{kind}-for": peer}},
        "ports": [{"name": "tls", "port": 15443}, {"name": discovery, "port": 8188}],
    }
    return {f"{peer}-{kind}": {"enabled": True, "service": service, **more}}


def make_gateways(mesh: Mesh, peer: Mesh) -> None:
    spec = {
        "gateways": {
            "additionalIngress": gateway("ingress", peer.name, "LoadBalancer"),
            "additionalEgress": gateway("egress", peer.name, "ClusterIP", requestedNetworkView=[f"network-{peer.name}"]),
        }
    }
    metadata = {"name": mesh.control_plane, "namespace": mesh.namespace}
    mesh.kube.apply({"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "metadata": metadata, "spec": spec}, MANAGER)


def address(mesh: Mesh, peer: Mesh) -> str | None:
    service = mesh.kube.get("Service", f"{peer.name}-ingress", mesh.namespace) or {}
    given = (service.get("status", {}).get("loadBalancer") or {}).get("ingress") or [{}]
    return given[0].get("ip")


def federation_object(mesh: Mesh, peer: Mesh, kind: str, spec: dict) -> None:
    metadata = {"name": peer.name, "namespace": mesh.namespace}
    mesh.kube.apply({"apiVersion": "federation.maistra.io/v1", "kind": kind, "metadata": metadata, "spec": spec}, MANAGER)


def make_peer(mesh: Mesh, peer: Mesh, peer_address: str) -> None:
    root = peer.kube.get("ConfigMap", "istio-ca-root-cert", peer.namespace)["data"]
    bundle = f"{peer.name}-ca-root-cert"
    mesh.kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": bundle, "namespace": mesh.namespace}, "data": root}, MANAGER)
    client_id = f"{peer.trust_domain}/ns/{peer.namespace}/sa/{mesh.name}-egress-service-account"
    spec = {
        "remote": {"addresses": [peer_address]},
        "gateways": {"ingress": {"name": f"{peer.name}-ingress"}, "egress": {"name": f"{peer.name}-egress"}},
        "security": {"trustDomain": peer.trust_domain, "clientID": client_id, "certificateChain": {"kind": "ConfigMap", "name": bundle}},
    }
    federation_object(mesh, peer, "ServiceMeshPeer", spec)


def is_connected(mesh: Mesh, peer: Mesh) -> bool:
    status = mesh.kube.get("ServiceMeshPeer", peer.name, mesh.namespace).get("status") or {}
    return any(pod["watch"]["connected"] for pod in status.get("discoveryStatus", {}).get("active") or [])


def imported(mesh: Mesh, peer: Mesh) -> list[str]:
    status = mesh.kube.get("ImportedServiceSet", peer.name, mesh.namespace).get("status") or {}
    return [entry["localService"]["hostname"] for entry in status.get("importedServices", []) if entry["localService"]["name"]]


@pytest.fixture(scope="module")
def pair(whole_bed: Testbed) -> Iterator[tuple[Mesh, Mesh]]:
    """East, which offers its cart, and west, which takes it; nothing of it stays."""
    east, west = whole_bed.meshes["east"], whole_bed.meshes["west"]
    rule = {"type": "NameSelector", "nameSelector": {"namespace": "shop", "name": "cart"}}
    for mesh, peer in ((east, west), (west, east)):
        make_gateways(mesh, peer)
    for mesh, peer in ((east, west), (west, east)):
        make_peer(mesh, peer, eventually(lambda: address(mesh=peer, peer=mesh), "an address"))
    federation_object(east, west, "ExportedServiceSet", {"exportRules": [rule]})
    federation_object(west, east, "ImportedServiceSet", {"importRules": [rule]})
    yield east, west
    for mesh, peer in ((west, east), (east, west)):
        for kind in ("ImportedServiceSet", "ExportedServiceSet"):
            if mesh.kube.get(kind, peer.name, mesh.namespace):
                mesh.kube.delete(kind, peer.name, mesh.namespace)
    for mesh, peer in ((west, east), (east, west)):
        mesh.kube.delete("ServiceMeshPeer", peer.name, mesh.namespace)
        metadata = {"name": mesh.control_plane, "namespace": mesh.namespace}
        mesh.kube.apply({"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "metadata": metadata}, MANAGER)


def test_both_sides_are_connected_and_the_exported_service_answers_across(pair):
    east, west = pair
    for mesh, peer in ((east, west), (west, east)):
        eventually(lambda: is_connected(mesh, peer), f"{mesh.name} connected")
    eventually(lambda: imported(west, east) == [IMPORTED], "the import")
    answer = eventually(lambda: (got := west.call(IMPORTED)).status == 200 and got, "the call")
    assert answer.json["mesh"] == "east"


def test_what_is_not_exported_does_not_answer(pair):
    east, west = pair
    east.echo("shop", "ledger")
    assert west.call("ledger.shop.svc.east-imports.local").status != 200
    east.unecho("shop", "ledger")


def test_a_peer_that_is_unreachable_is_seen_and_comes_back(pair):
    east, west = pair
    eventually(lambda: west.call(IMPORTED).status == 200, "the call")
    east.fault("peer-unreachable")
    eventually(lambda: west.call(IMPORTED).status != 200, "the refusal")
    eventually(lambda: not is_connected(west, east), "west without its peer")
    east.heal("peer-unreachable")
    eventually(lambda: is_connected(west, east), "west connected again")
    eventually(lambda: west.call(IMPORTED).status == 200, "the call")


def test_the_wrong_client_identity_is_refused(pair):
    east, west = pair
    eventually(lambda: west.call(IMPORTED).status == 200, "the call")
    west.fault("wrong-client-id")
    eventually(lambda: west.call(IMPORTED).status != 200, "the refusal")
    west.heal("wrong-client-id")
    eventually(lambda: west.call(IMPORTED).status == 200, "the call")
    assert eventually(lambda: is_connected(west, east), "west connected")


def test_calls_go_on_while_istiod_restarts(pair):
    east, west = pair
    eventually(lambda: west.call(IMPORTED).status == 200, "the call")
    for mesh in (west, east):
        restarting = threading.Thread(target=mesh.restart_istiod)
        restarting.start()
        answers = []
        while restarting.is_alive() or len(answers) < 20:
            answers.append(west.call(IMPORTED))
        assert [answer for answer in answers if answer.status != 200] == []
    for mesh, peer in ((east, west), (west, east)):
        eventually(lambda: is_connected(mesh, peer), f"{mesh.name} connected")
    assert [west.call(IMPORTED).status for _try in range(20)] == [200] * 20
