# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two whole meshes, federated by hand: API servers, webhooks, operators, istiods and Envoys work together."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from cryptography import x509

from testbed import Mesh, Testbed, TestbedError
from testbed.client import Answer

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
            "additionalEgress": gateway(
                "egress", peer.name, "ClusterIP", requestedNetworkView=[f"network-{peer.name}"]
            ),
        }
    }
    metadata = {"name": mesh.control_plane, "namespace": mesh.namespace}
    mesh.kube.apply(
        {"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "metadata": metadata, "spec": spec}, MANAGER
    )


def address(mesh: Mesh, peer: Mesh) -> str | None:
    service = mesh.kube.get("Service", f"{peer.name}-ingress", mesh.namespace) or {}
    given = (service.get("status", {}).get("loadBalancer") or {}).get("ingress") or [{}]
    return given[0].get("ip")


def federation_object(mesh: Mesh, peer: Mesh, kind: str, spec: dict) -> None:
    metadata = {"name": peer.name, "namespace": mesh.namespace}
    mesh.kube.apply(
        {"apiVersion": "federation.maistra.io/v1", "kind": kind, "metadata": metadata, "spec": spec}, MANAGER
    )


def make_bundle(mesh: Mesh, peer: Mesh, roots: str) -> None:
    metadata = {"name": f"{peer.name}-ca-root-cert", "namespace": mesh.namespace}
    mesh.kube.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"root-cert.pem": roots}}, MANAGER
    )


def make_peer(mesh: Mesh, peer: Mesh, *addresses: str) -> None:
    bundle = f"{peer.name}-ca-root-cert"
    make_bundle(mesh, peer, published_root(peer))
    client_id = f"{peer.trust_domain}/ns/{peer.namespace}/sa/{mesh.name}-egress-service-account"
    spec = {
        "remote": {"addresses": list(addresses)},
        "gateways": {"ingress": {"name": f"{peer.name}-ingress"}, "egress": {"name": f"{peer.name}-egress"}},
        "security": {
            "trustDomain": peer.trust_domain,
            "clientID": client_id,
            "certificateChain": {"kind": "ConfigMap", "name": bundle},
        },
    }
    federation_object(mesh, peer, "ServiceMeshPeer", spec)


def published_root(mesh: Mesh) -> str:
    return mesh.kube.get("ConfigMap", "istio-ca-root-cert", mesh.namespace)["data"]["root-cert.pem"]


def is_ready(mesh: Mesh) -> bool:
    """Whether the operator has done all that the control plane says now."""
    smcp = mesh.kube.get("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace)
    conditions = {entry["type"]: entry["status"] for entry in smcp["status"]["conditions"]}
    return smcp["status"]["observedGeneration"] == smcp["metadata"]["generation"] and conditions["Ready"] == "True"


def is_connected(mesh: Mesh, peer: Mesh) -> bool:
    status = mesh.kube.get("ServiceMeshPeer", peer.name, mesh.namespace).get("status") or {}
    return any(pod["watch"]["connected"] for pod in status.get("discoveryStatus", {}).get("active") or [])


def imported(mesh: Mesh, peer: Mesh) -> list[str]:
    status = mesh.kube.get("ImportedServiceSet", peer.name, mesh.namespace).get("status") or {}
    return [
        entry["localService"]["hostname"]
        for entry in status.get("importedServices", [])
        if entry["localService"]["name"]
    ]


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
        mesh.kube.apply(
            {"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "metadata": metadata}, MANAGER
        )
    for mesh in (west, east):  # whose testbed the next file's tests may share
        eventually(lambda: is_ready(mesh), f"{mesh.name} without its gateways")


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


def test_the_root_is_replaced_without_one_failed_call(pair):
    east, west = pair
    eventually(lambda: west.call(IMPORTED).status == 200, "the call")
    old = published_root(east)
    answers: list[Answer] = []
    is_over = threading.Event()

    def keep_calling() -> None:
        while not is_over.is_set():
            answers.append(west.call(IMPORTED))

    calling = threading.Thread(target=keep_calling)
    calling.start()
    try:
        new = east.rotate_root("announce")
        assert published_root(east) == old
        make_bundle(west, east, old + new)
        with pytest.raises(TestbedError, match="the next stage is 'trust'"):
            east.rotate_root("sign")
        east.rotate_root("trust")
        eventually(lambda: published_root(east) == old + new, "both roots")
        eventually(lambda: new in west.bundle_of(east.trust_domain), "the bundle in the proxies")
        east.rotate_root("sign")
        shown = x509.load_pem_x509_certificate(ssl.get_server_certificate((address(east, west), 8188)).encode())
        shown.verify_directly_issued_by(x509.load_pem_x509_certificate(new.encode()))
        east.rotate_root("drop")
        eventually(lambda: published_root(east) == new, "the new root alone")
        make_bundle(west, east, new)
        eventually(lambda: west.bundle_of(east.trust_domain) == new, "the new root alone in the proxies")
        reached = len(answers)
        eventually(lambda: len(answers) > reached + 20, "some more calls")
    finally:
        is_over.set()
        calling.join()
    assert len(answers) > 20 and [answer for answer in answers if answer.status != 200] == []


def last_connected(mesh: Mesh, peer: Mesh) -> str:
    [pod] = mesh.kube.get("ServiceMeshPeer", peer.name, mesh.namespace)["status"]["discoveryStatus"]["active"]
    return pod["watch"]["lastConnected"]


def test_a_connection_made_before_a_change_of_trust_lives_on(pair):
    east, west = pair
    eventually(lambda: west.call(IMPORTED).status == 200, "the call")
    east.fault("long-watch")
    right = west.bundle_of(east.trust_domain)
    make_bundle(west, east, published_root(west))  # roots of somebody else
    eventually(lambda: west.bundle_of(east.trust_domain) != right, "the bundle in the proxies")
    eventually(lambda: west.call(IMPORTED).status != 200, "the end of trust")
    since = last_connected(west, east)
    time.sleep(1)  # what must not happen has this long to happen
    assert is_connected(west, east) and last_connected(west, east) == since
    east.heal("long-watch")
    eventually(lambda: not is_connected(west, east), "the end of the watch")
    make_bundle(west, east, right)
    eventually(lambda: is_connected(west, east) and west.call(IMPORTED).status == 200, "west connected again")


def test_a_gateway_whose_address_moves_is_found_only_where_it_is_now(pair):
    east, west = pair
    eventually(lambda: west.call(IMPORTED).status == 200, "the call")
    before = address(east, west)
    after = east.move_address("west-ingress")
    assert after == address(east, west) != before
    eventually(lambda: west.call(IMPORTED).status != 200, "the old address is dead")
    make_peer(west, east, after)
    eventually(lambda: is_connected(west, east) and west.call(IMPORTED).status == 200, "west connected again")


def test_a_gateway_that_is_made_again_gets_another_address(pair):
    east, west = pair
    before = address(east, west)
    east.kube.delete("Service", "west-ingress", east.namespace)
    after = eventually(lambda: address(east, west), "the address")
    assert after != before
    make_peer(west, east, after)
    eventually(lambda: is_connected(west, east) and west.call(IMPORTED).status == 200, "west connected again")


def exported(mesh: Mesh, peer: Mesh) -> list[str]:
    status = mesh.kube.get("ExportedServiceSet", peer.name, mesh.namespace).get("status") or {}
    return [entry["localService"]["name"] for entry in status.get("exportedServices", [])]


def test_a_peer_that_accepts_and_never_answers_stalls_the_exports_of_whoever_polls_it_until_it_is_left_alone(pair):
    east, west = pair
    east.echo("shop", "tea")
    cart = {"type": "NameSelector", "nameSelector": {"namespace": "shop", "name": "cart"}}
    tea = {"type": "NameSelector", "nameSelector": {"namespace": "shop", "name": "tea"}}

    def is_stalled() -> bool:
        rule, name = (tea, "tea") if exported(east, west) == ["cart"] else (cart, "cart")
        federation_object(east, west, "ExportedServiceSet", {"exportRules": [rule]})
        deadline = time.monotonic() + 1
        while exported(east, west) != [name]:
            if time.monotonic() > deadline:
                return True
            time.sleep(0.05)
        return False

    assert not is_stalled() and not is_stalled()
    west.fault("peer-hang")
    eventually(is_stalled, "the stall")
    make_peer(east, west)
    federation_object(east, west, "ExportedServiceSet", {"exportRules": [cart, tea]})
    eventually(lambda: sorted(exported(east, west)) == ["cart", "tea"], "the exports of an istiod that calls nobody")
    federation_object(east, west, "ExportedServiceSet", {"exportRules": [cart]})
    west.heal("peer-hang")
    make_peer(east, west, address(west, east))
    eventually(lambda: is_connected(east, west), "east connected again")
    east.unecho("shop", "tea")
