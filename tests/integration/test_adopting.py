# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A federation made by hand is left alone, taken over while it carries traffic, and given back as far as it is ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from integration.administrators import EVERYBODY, Administrator, clear, until, versions_of

from testbed import Testbed
from testbed.client import Mesh

Make = Callable[..., Administrator]
NAMES = {
    "east": ("acme", "from-acme", "to-acme", "roots-of-acme"),
    "west": ("orient", "orient-in", "orient-out", "trusted-orient"),
}
HOST = "cart.shop.svc.orient-imports.local"


def gateways(peer: str, ingress: str, egress: str, service_type: str = "LoadBalancer") -> dict:
    """Return the two gateways as the product's documentation has people write them: labels carry the gateway's name."""
    ports = [{"name": "tls", "port": 15443}, {"name": "https-discovery", "port": 8188}]
    return {
        "additionalIngress": {
            ingress: {
                "enabled": True,
                "service": {
                    "type": service_type,
                    "metadata": {"labels": {"federation.maistra.io/ingress-for": ingress}},
                    "ports": ports,
                },
            }
        },
        "additionalEgress": {
            egress: {
                "enabled": True,
                "requestedNetworkView": [f"network-{peer}"],
                "service": {
                    "metadata": {"labels": {"federation.maistra.io/egress-for": egress}},
                    "ports": [ports[0], {"name": "http-discovery", "port": 8188}],
                },
            }
        },
    }


def address_of(mesh: Mesh, ingress: str) -> str:
    """Return the address that the load balancer of a gateway has got."""

    def look() -> str | None:
        service = mesh.kube.get("Service", ingress, mesh.namespace) or {}
        points = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        return points[0]["ip"] if points else None

    return until(look, f"{mesh.name}'s {ingress} has an address")


def federate_by_hand(bed: Testbed) -> None:
    """Federate east and west as people did: own names everywhere, objects created by another field manager."""
    for name, (peer, ingress, egress, _bundle) in NAMES.items():
        mesh = bed.meshes[name]
        mesh.kube.merge(
            "ServiceMeshControlPlane",
            mesh.control_plane,
            mesh.namespace,
            {"spec": {"gateways": gateways(peer, ingress, egress)}},
        )
    for name, other in (("east", "west"), ("west", "east")):
        mesh, there = bed.meshes[name], bed.meshes[other]
        peer, ingress, egress, bundle = NAMES[name]
        place = {"namespace": mesh.namespace}
        root = there.kube.get("ConfigMap", "istio-ca-root-cert", there.namespace)["data"]["root-cert.pem"]
        account = f"{NAMES[other][2]}-service-account"
        federation = "federation.maistra.io/v1"
        objects = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {**place, "name": bundle},
                "data": {"root-cert.pem": root},
            },
            {
                "apiVersion": federation,
                "kind": "ServiceMeshPeer",
                "metadata": {**place, "name": peer},
                "spec": {
                    "remote": {"addresses": [address_of(there, NAMES[other][1])]},
                    "gateways": {"ingress": {"name": ingress}, "egress": {"name": egress}},
                    "security": {
                        "trustDomain": there.trust_domain,
                        "clientID": f"{there.trust_domain}/ns/{there.namespace}/sa/{account}",
                        "certificateChain": {"kind": "ConfigMap", "name": bundle},
                    },
                },
            },
        ]
        rule = {"type": "NameSelector", "nameSelector": {"name": "cart", "namespace": "shop"}}
        if name == "east":
            objects.append(
                {
                    "apiVersion": federation,
                    "kind": "ExportedServiceSet",
                    "metadata": {**place, "name": peer},
                    "spec": {"exportRules": [rule]},
                }
            )
        else:
            objects.append(
                {
                    "apiVersion": federation,
                    "kind": "ImportedServiceSet",
                    "metadata": {**place, "name": peer},
                    "spec": {"importRules": [rule]},
                }
            )
        for manifest in objects:
            mesh.kube.create(manifest)
    until(lambda: bed.meshes["west"].call(HOST).status == 200, "the federation made by hand carries traffic")


@dataclass
class Caller:
    """What calls one after another came back with."""

    statuses: list[int | None] = field(default_factory=list)


@contextmanager
def calling(mesh: Mesh, host: str) -> Iterator[Caller]:
    """Call ``host`` without a break for as long as the block lasts."""
    caller, done = Caller(), threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            caller.statuses.append(mesh.call(host).status)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield caller
    finally:
        done.set()
        thread.join()


@pytest.fixture
def by_hand(bed: Testbed) -> Iterator[Testbed]:
    """A federation made by hand; afterwards nothing of it is left."""
    clear(bed)
    federate_by_hand(bed)
    yield bed
    for name, (_peer, _ingress, _egress, bundle) in NAMES.items():
        mesh = bed.meshes[name]
        if mesh.kube.get("ConfigMap", bundle, mesh.namespace):
            mesh.kube.delete("ConfigMap", bundle, mesh.namespace)
    clear(bed)


def generation(mesh: Mesh) -> int:
    """Return how often a mesh's control plane was changed."""
    return mesh.kube.get("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace)["metadata"]["generation"]


def both(administrator: Make, **entry: object) -> Administrator:
    """Return the administrator of both meshes whose peers have our names, and ``entry`` besides."""
    admin = administrator("east", "west")
    admin.meshes["east"]["mesh_peers"] = [{"name": "west", "local_name": "acme", **entry}]
    admin.meshes["west"]["mesh_peers"] = [{"name": "east", "local_name": "orient", **entry}]
    admin.meshes["west"]["mesh_imports"] = [{"name": "cart", "namespace": "shop"}]
    return admin


def test_a_federation_made_by_hand_is_taken_over_while_it_carries_traffic(
    by_hand: Testbed, administrator: Make
) -> None:
    east, west = by_hand.meshes["east"], by_hand.meshes["west"]
    before = versions_of(by_hand, "east"), versions_of(by_hand, "west")
    services = east.kube.get("Service", "from-acme", east.namespace)

    alone = both(administrator).play("federate")
    assert "acme" in alone.output and "was made by hand and is left alone; adopt: true takes it over" in alone.output
    assert (alone.changed("east"), alone.changed("west")) == (0, 0), alone.output
    assert (versions_of(by_hand, "east"), versions_of(by_hand, "west")) == before

    greedy = administrator("east")
    greedy.meshes["east"]["mesh_peers"] = [{"name": "north", "gateways": {"ingress": "from-acme"}}]
    refused = greedy.play("federate", must_pass=False)
    assert "FED415" in refused.output and "acme" in refused.output
    assert versions_of(by_hand, "east") == before[0], (
        "an ingress that somebody else uses is refused before anything is written"
    )

    admin = both(administrator, adopt=True)
    planned = admin.play("federate", "--check", "--diff")
    assert "metadata.managedFields[manager=ossm.federation/gateways/acme]" in planned.output
    assert "- spec.gateways.additionalIngress.from-acme.enabled" in planned.output
    assert "metadata.labels" in planned.output and "roots-of-acme" in planned.output
    assert "acme-ingress" not in planned.output and "acme-ca-root-cert" not in planned.output
    assert (versions_of(by_hand, "east"), versions_of(by_hand, "west")) == before

    with calling(west, HOST) as caller:
        taken = admin.play("federate", "--diff")
        assert admin.play("federate", "-vv").changed("east") == 0
    assert taken.changed("east") > 0
    assert caller.statuses and set(caller.statuses) == {200}, "a call failed while the federation was taken over"
    after = east.kube.get("Service", "from-acme", east.namespace)
    assert (after["metadata"]["uid"], after["status"]) == (
        services["metadata"]["uid"],
        services["status"],
    ), "the address is kept"
    peer = east.kube.get("ServiceMeshPeer", "acme", east.namespace)
    assert peer["metadata"]["labels"]["ossm.federation/peer"] == "acme"
    assert peer["spec"]["security"]["certificateChain"]["name"] == "roots-of-acme"
    assert peer["spec"]["gateways"] == {"ingress": {"name": "from-acme"}, "egress": {"name": "to-acme"}}
    assert east.kube.get("ConfigMap", "acme-ca-root-cert", east.namespace) is None

    left = admin.play("unfederate", variables=EVERYBODY)
    assert "FED503" in left.output and "spec.gateways.additionalIngress.from-acme" in left.output, left.output
    told = " ".join(left.output.split())
    for part in ("additionalIngress.from-acme", "additionalEgress.to-acme"):
        assert f"spec.gateways.{part} is managed by" in told, "what FED503 names is on the list of what is left"
    for name, mesh in by_hand.meshes.items():
        local, ingress, _egress, bundle = NAMES[name]
        for kind in ("ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet"):
            assert mesh.kube.get(kind, local, mesh.namespace) is None
        assert mesh.kube.get("ConfigMap", bundle, mesh.namespace) is None
        control_plane = mesh.kube.get("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace)
        assert ingress in control_plane["spec"]["gateways"]["additionalIngress"], "what others hold too stays"
        assert not [
            entry for entry in control_plane["metadata"]["managedFields"] if "ossm.federation" in entry["manager"]
        ]

    for name, (_local, ingress, egress, _bundle) in NAMES.items():
        admin.meshes[name]["mesh_peers"][0]["gateways"] = {"ingress": ingress, "egress": egress}
    admin.play("unfederate", variables={**EVERYBODY, "federation_force": True})
    for mesh in by_hand.meshes.values():
        spec = mesh.kube.get("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace)["spec"]
        assert not any((spec.get("gateways") or {}).values()), "by force it goes"


def test_a_control_plane_that_belongs_to_git_is_compared_and_never_written(bed: Testbed, administrator: Make) -> None:
    clear(bed)
    admin = administrator("east", "west")
    for name, other in (("east", "west"), ("west", "east")):
        mesh = bed.meshes[name]
        kept = gateways(other, f"{other}-ingress", f"{other}-egress")
        manifest = {
            "apiVersion": "maistra.io/v2",
            "kind": "ServiceMeshControlPlane",
            "metadata": {"name": mesh.control_plane, "namespace": mesh.namespace},
            "spec": {"gateways": kept},
        }
        mesh.kube.apply(manifest, "argocd-controller")
        admin.meshes[name]["mesh_gateways_managed"] = False
    before = {name: generation(mesh) for name, mesh in bed.meshes.items()}
    admin.play("federate")
    assert bed.meshes["west"].call("cart.shop.svc.east-imports.local").status == 200
    left = admin.play("unfederate", variables=EVERYBODY).output
    assert "take out where the control plane is kept: spec.gateways.additionalIngress.west-ingress" in " ".join(
        left.split()
    ), left
    assert {name: generation(mesh) for name, mesh in bed.meshes.items()} == before


def test_peers_are_reached_at_the_ports_of_nodes(bed: Testbed, administrator: Make) -> None:
    clear(bed)
    admin, east, west = administrator("east", "west"), bed.meshes["east"], bed.meshes["west"]
    admin.play("federate")
    address = address_of(east, "west-ingress")
    nodes = {"service_type": "NodePort", "addresses": [address], "node_ports": {"discovery": 30188, "service": 30443}}
    admin.meshes["east"]["mesh_peers"] = [{"name": "west", "gateways": nodes}]
    moved = admin.play("federate", "--diff")
    assert "service.type: NodePort" in moved.output
    ports = east.kube.get("Service", "west-ingress", east.namespace)["spec"]["ports"]
    assert {port["port"]: port["nodePort"] for port in ports} == {8188: 30188, 15443: 30443}
    remote = west.kube.get("ServiceMeshPeer", "east", west.namespace)["spec"]["remote"]
    assert remote == {"addresses": [address], "discoveryPort": 30188, "servicePort": 30443}
    host = "cart.shop.svc.east-imports.local"
    until(lambda: west.call(host).status == 200, "calls pass through the node ports")
