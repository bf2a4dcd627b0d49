# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole set-ups for the preflight: what east's administrator wrote, the cards he has, and what stands on his cluster.

``healthy`` gives one in which nothing is wrong; a test breaks one thing of it. The objects are what our own plan makes,
with the statuses that operator and istiod write.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Export, Ingress, Port
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.described import Mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.identity import remembering
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.names import exported_names, imported_names
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.plan import plan_gateways, plan_peering
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.modules import preflight_info
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory, copied
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

roots_of = functools.cache(read_roots)
SPACE = "east-mesh-system"
HTTP = Port("http", 80, "HTTP")
CHARTS = {(2, 1): "2.1.6", (2, 2): "2.2.13", (2, 3): "2.3.11", (2, 4): "2.4.7", (2, 5): "2.5.1", (2, 6): "2.6.3"}


PLATFORM = {
    "ClusterVersion": "config.openshift.io/v1",
    "Network": "config.openshift.io/v1",
    "ClusterNetwork": "network.openshift.io/v1",
    "Node": "v1",
    "Pod": "v1",
    "Secret": "v1",
    "WasmPlugin": "extensions.istio.io/v1alpha1",
    "AuthorizationPolicy": "security.istio.io/v1beta1",
    "ServiceMeshExtension": "maistra.io/v1",
}


def ago(**time: float) -> str:
    """Return a time before NOW as Kubernetes writes it."""
    return (NOW - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Setup:
    """Options of the module, cards by peer, and live objects by (kind, namespace, name)."""

    options: dict
    cards: dict[str, Card] = field(default_factory=dict)
    objects: dict[tuple[str, str, str], dict] = field(default_factory=dict)
    server: str = "https://api.east.example.com:6443"
    raw_cards: list = field(default_factory=list)
    groups: set[str] = field(default_factory=set)

    def put(self, kind: str, name: str, namespace: str = SPACE, **body: object) -> dict:
        """Keep an object and return it."""
        versions = {
            **PLATFORM,
            "ServiceMeshControlPlane": "maistra.io/v2",
            "ServiceMeshMemberRoll": "maistra.io/v1",
            "Service": "v1",
            "ConfigMap": "v1",
        }
        federation = kind in ("ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet")
        version = "federation.maistra.io/v1" if federation else versions.get(kind, "networking.istio.io/v1beta1")
        metadata = {"creationTimestamp": ago(days=30), **body.pop("metadata", {}), "name": name, "namespace": namespace}
        live = {"apiVersion": version, "kind": kind, "metadata": metadata, **body}
        self.objects[(kind, namespace, name)] = live
        return live

    def service(self, name: str, namespace: str = "shop", ports: tuple = (HTTP,), **spec: object) -> dict:
        """Keep a member's Service."""
        written = [
            {"name": port.name, "port": port.number, "protocol": "UDP" if port.protocol == "UDP" else "TCP"}
            for port in ports
        ]
        return self.put(
            "Service", name, namespace, spec={"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": written, **spec}
        )

    def live(self, kind: str, name: str, namespace: str = SPACE) -> dict:
        """Return an object, to be changed."""
        return self.objects[(kind, namespace, name)]

    @property
    def control_plane(self) -> dict:
        """The spec of the control plane."""
        return self.live("ServiceMeshControlPlane", "basic")["spec"]

    def ingress(self, name: str = "west-ingress") -> dict:
        """Return an ingress gateway's part of the control plane."""
        return self.control_plane["gateways"]["additionalIngress"][name]

    def egress(self, name: str = "west-egress") -> dict:
        """Return an egress gateway's part of the control plane."""
        return self.control_plane["gateways"]["additionalEgress"][name]

    def peer(self, name: str = "west") -> dict:
        """Return the spec of a ServiceMeshPeer."""
        return self.live("ServiceMeshPeer", name)["spec"]

    def by_hand(self, *names: str) -> None:
        """Make live peerings somebody else's: no label of ours, and not described any more."""
        self.options["peers"] = [entry for entry in self.options["peers"] if _name(entry) not in names]
        for name in names:
            self.cards.pop(name, None)
        for key in ("exports", "imports"):
            self.options[key] = [
                rule for rule in self.options[key] if not set(rule.get("to") or rule.get("from") or ()) & set(names)
            ]
        for kind, _namespace, name in list(self.objects):
            if name in names or any(name == f"{peer}-ca-root-cert" for peer in names):
                self.objects[(kind, _namespace, name)]["metadata"].pop("labels", None)

    def cluster(self) -> ClusterInMemory:
        """Return the live objects as a cluster."""
        cluster = ClusterInMemory(NOW, *self.objects.values())
        cluster.server, cluster.groups = self.server, self.groups
        return cluster

    def module(self) -> RunInMemory:
        """Return the module preflight_info with these options and cards."""
        return asked({**self.options, "cards": [*(card.to_data() for card in self.cards.values()), *self.raw_cards]})

    def look(self) -> dict:
        """Return what the module finds."""
        return preflight_info.run(self.module(), self.cluster(), NOW)


def asked(params: Mapping) -> RunInMemory:
    return RunInMemory(DESCRIBED, preflight_info.OPTIONS, **copied(dict(params)))


def _name(entry: object) -> str:
    return str(entry.get("local_name") or entry["name"]) if isinstance(entry, Mapping) else str(entry)


def card_of(
    mesh: str, exports: tuple[Export, ...] = (), *, audience: str = "east", address: str = "192.0.2.1", pem: str = ""
) -> Card:
    """Return what a peer says of itself."""
    identity = f"{mesh}.local/ns/{mesh}-mesh-system/sa/{audience}-egress-service-account"
    roots = roots_of(pem or root(mesh), mesh, NOW)
    return Card(
        mesh, audience, NOW, f"{mesh}.local", roots, Ingress((address,)) if address else None, identity, exports
    )


def export(name: str, namespace: str = "shop", *ports: Port, audience: str = "east") -> Export:
    """Return a service on a card."""
    return Export(f"{name}.{namespace}.svc.{audience}-exports.local", ports or (HTTP,))


def base() -> Setup:
    """Return the set-up that the corpus breaks: east with west and north, a service each way, one imported as local."""
    made = _base()
    return Setup(copied(made.options), dict(made.cards), copied(made.objects))


@functools.cache
def _base() -> Setup:
    options = {
        "mesh": "east",
        "peers": ["west", "north"],
        "exports": [{"name": "cart", "namespace": "shop", "to": ["west"]}],
        "imports": [
            {"name": "stock", "namespace": "shop", "from": ["west"]},
            {"name": "pay", "namespace": "shop", "import_as_local": True, "from": ["north"]},
        ],
    }
    setup = Setup(
        options,
        {"west": card_of("west", (export("stock"),)), "north": card_of("north", (export("pay"),), address="192.0.2.2")},
    )
    setup.service("cart")
    setup.service("pay")
    return standing(setup)


def standing(setup: Setup, version: tuple[int, int] = (2, 3), **spec: object) -> Setup:
    """Put onto the cluster what a finished run and a finished operator leave there."""
    mesh = mesh_of(setup)
    gateways: dict = {"additionalIngress": {}, "additionalEgress": {}}
    for peer in mesh.peers:
        planned = plan_gateways(mesh, peer, version=version, has_route_config=version >= (2, 5))["spec"]["gateways"]
        for key, maps in gateways.items():
            maps.update(copied(planned[key]))
        for direction, name in (
            ("additionalIngress", peer.gateways.ingress),
            ("additionalEgress", peer.gateways.egress),
        ):
            gateway_service(setup, name, planned[direction][name])
    done = [
        {"type": kind, "status": "True", "reason": "ComponentsReady"} for kind in ("Installed", "Reconciled", "Ready")
    ]
    setup.put(
        "ServiceMeshControlPlane",
        "basic",
        metadata={"generation": 2, "uid": "uid-of-east"},
        spec={
            "version": f"v{version[0]}.{version[1]}",
            "security": {"trust": {"domain": "east.local"}},
            "gateways": gateways,
            **spec,
        },
        status={"observedGeneration": 2, "chartVersion": CHARTS[version], "conditions": done},
    )
    members = sorted({namespace for kind, namespace, _name in setup.objects if namespace not in ("", SPACE)} | {"shop"})
    setup.put("ServiceMeshMemberRoll", "default", status={"configuredMembers": members})
    setup.put("ConfigMap", "istio-ca-root-cert", data={"root-cert.pem": root("east")})
    services = [
        live for (kind, namespace, _name), live in setup.objects.items() if kind == "Service" and namespace != SPACE
    ]
    for peer in mesh.peers:
        if peer.name in setup.cards:
            federated(setup, mesh, peer, services)
    return setup


def mesh_of(setup: Setup) -> Mesh:
    """Return the mesh that the options describe."""
    told = {key: setup.options.get(key) or [] for key in ("peers", "exports", "imports")}
    return parse_mesh(name="east", namespace=SPACE, control_plane="basic", **told)


def gateway_service(setup: Setup, name: str, settings: Mapping) -> None:
    """Put the Service that the operator makes of a gateway."""
    given = settings["service"]
    ports = [{**port, "targetPort": port["port"], "protocol": "TCP"} for port in given["ports"]]
    kind = given.get("type") or "ClusterIP"
    status = {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}} if kind == "LoadBalancer" else {}
    selector = {"app": name, **given["metadata"]["labels"]}
    labels = {"maistra.io/gateway": f"{name}.{SPACE}", **given["metadata"]["labels"]}
    setup.put(
        "Service",
        name,
        metadata={"labels": labels},
        spec={"type": kind, "ports": ports, "selector": selector},
        status=status,
    )


def federated(setup: Setup, mesh: Mesh, peer: object, services: list[dict]) -> None:
    """Put one peering's objects as our plan makes them, connected, with what is exported and imported."""
    card, name = setup.cards[peer.name], peer.local_name
    for planned in plan_peering(mesh, peer, card):
        manifest = remembering(planned, card, None, None)
        metadata = {**manifest["metadata"], "creationTimestamp": ago(days=30), "generation": 3}
        setup.objects[(manifest["kind"], SPACE, metadata["name"])] = {**copied(manifest), "metadata": metadata}
    watch = {"connected": True, "lastConnected": ago(days=1), "lastFullSync": ago(seconds=20)}
    remote = {"connected": True, "source": "10.255.0.2", "lastFullSync": ago(seconds=20)}
    setup.live("ServiceMeshPeer", name)["status"] = {
        "discoveryStatus": {"active": [{"pod": "istiod-basic-0", "watch": watch, "remotes": [remote]}]}
    }
    exports, imports = setup.live("ExportedServiceSet", name), setup.live("ImportedServiceSet", name)
    rows = exported_names(services, exports["spec"], name)
    exports["status"] = {
        "exportedServices": [
            {"exportedName": r["exported"], "localService": {"name": r["name"], "namespace": r["namespace"]}}
            for r in rows
            if r["exported"]
        ]
    }
    rows = imported_names([entry.name for entry in card.exports], imports["spec"], name)
    imports["status"] = {
        "importedServices": [
            {"exportedName": row["host"], "localService": {"hostname": row["imported"] or ""}} for row in rows
        ]
    }


def put_platform(
    setup: Setup, release: str = "4.16.3", network: str = "OVNKubernetes", cidr: str = "10.128.0.0/14"
) -> None:
    """Stand the set-up on an OpenShift that every version takes."""
    history = [
        {"version": "4.17.0", "state": "Partial"},
        {"version": release, "state": "Completed"},
        {"version": "4.5.0", "state": "Completed"},
    ]
    conditions = [{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "False"}]
    setup.put(
        "ClusterVersion",
        "version",
        "",
        status={"history": history, "desired": {"version": "4.17.0"}, "conditions": conditions},
    )
    status = {"networkType": network, "clusterNetwork": [{"cidr": cidr, "hostPrefix": 23}]}
    setup.groups.add("config.openshift.io")
    setup.put("Network", "cluster", "", spec={"networkType": network}, status=status)
    for number in range(2):
        setup.put("Node", f"worker-{number}", "", status={"nodeInfo": {"architecture": "amd64"}})


def generated(seed: int) -> Setup:
    """Return a healthy set-up of this number: other versions, peers, names, gateways, rules and neighbours
    each time.
    """
    dice = random.Random(seed)
    version = dice.choice(list(CHARTS))
    setup = Setup({"mesh": "east", "peers": [], "exports": [], "imports": []})
    if dice.random() < 0.5:
        put_platform(setup, network=dice.choice(["OVNKubernetes", "OpenShiftSDN", "Calico"]))
    tcp_is_free = True
    for number, name in enumerate(dice.sample(["west", "north", "south", "partner-1", "prod"], dice.randint(1, 4))):
        local_name = name if dice.random() < 0.6 else f"the-{name}"
        entry: dict = {"name": name, "local_name": local_name, "suspended": dice.random() < 0.15}
        gateways = dice.choice(
            [
                {},
                {"service_type": "NodePort", "addresses": ["192.0.2.20"]},
                {"replicas": 2},
                {"addresses": ["gw.example.com"]},
            ]
        )
        if dice.random() < 0.3:
            gateways = {**gateways, "ingress": f"in-{number}", "egress": f"out-{number}"}
        setup.options["peers"].append({**entry, "gateways": gateways} if gateways else entry)
        offered = []
        for which in range(dice.randint(0, 3)):
            service, namespace = (
                f"{dice.choice(['stock', 'pay', 'mail'])}-{number}-{which}",
                dice.choice(["shop", "bank"]),
            )
            port = dice.choice([HTTP, Port("grpc-api", 9000, "GRPC"), Port("http-web", 8080, "HTTP")])
            rule: dict = {"name": service, "namespace": namespace, "from": [local_name]}
            if tcp_is_free and dice.random() < 0.2:
                port, tcp_is_free = Port("tcp", 5432, "TCP"), False
            elif dice.random() < 0.3:
                rule["import_as_local"] = True
                setup.service(service, namespace, (port,))
            elif dice.random() < 0.3:
                rule["domain_suffix"] = "partners.example.com"
            elif dice.random() < 0.3:
                rule["alias"] = {"namespace": f"from-{name}"}
            offered.append(export(service, namespace, port))
            setup.options["imports"].append(rule)
        address = dice.choice(
            [
                f"192.0.2.{number + 1}",
                f"gw-{number}.example.com",
                f"2001:db8::{number + 1}",
                f"lb-0a1b{number}.elb.eu-west-1.amazonaws.com",
            ]
        )
        pem = root(name) + (root(f"{name} next") if dice.random() < 0.3 else "")
        setup.cards[name] = card_of(name, tuple(offered), address=address, pem=pem)
    _generated_exports(dice, setup)
    standing(
        setup,
        version,
        **dice.choice([{}, {"proxy": {"networking": {"protocol": {"autoDetect": {"outbound": False}}}}}]),
    )
    _neighbours(dice, setup, version)
    return setup


def _generated_exports(dice: random.Random, setup: Setup) -> None:
    names = [_name(entry) for entry in setup.options["peers"]]
    for which in range(dice.randint(0, 4)):
        service, namespace = f"cart-{which}", dice.choice(["shop", "bank"])
        port = dice.choice([HTTP, Port("grpc", 9000, "GRPC"), Port("tcp-db", 5432, "TCP"), Port("https", 443, "HTTPS")])
        live = setup.service(service, namespace, (port,))
        rule: dict = {"name": service, "namespace": namespace}
        if dice.random() < 0.3:
            live["metadata"]["labels"] = {"tier": f"t{which}"}
            rule = {"namespace": namespace, "label_selectors": [f"tier=t{which}"]}
        if dice.random() < 0.3:
            rule["alias"] = {"namespace": "public"}
        if dice.random() < 0.3:
            rule["to"] = dice.sample(names, dice.randint(1, len(names)))
        setup.options["exports"].append(rule)
        if dice.random() < 0.2:
            live["metadata"]["annotations"] = {"networking.istio.io/exportTo": dice.choice(["*", f".,{SPACE}"])}


def _neighbours(dice: random.Random, setup: Setup, version: tuple[int, int]) -> None:
    """Put what stands beside a federation in real clusters and does it no harm."""
    if dice.random() < 0.5:
        hosts = dice.choice([["*/*"], ["./*", f"{SPACE}/*", "shop/*", "bank/*"], ["*/*.local", f"*/{'*'}"]])
        setup.put("Sidecar", "default", "shop", spec={"egress": [{"hosts": hosts}]})
    if dice.random() < 0.5:
        setup.put(
            "Gateway", "web", "shop", spec={"selector": {"istio": "ingressgateway", "app": "istio-ingressgateway"}}
        )
    if dice.random() < 0.5:
        setup.service("database", "shop", (Port("tcp", 5432, "TCP"), Port("http-metrics", 9090, "HTTP")))
        setup.put("ServiceEntry", "payments", "shop", spec={"hosts": ["api.example.net"], "location": "MESH_EXTERNAL"})
    if version == (2, 1):
        for name in list(setup.control_plane["gateways"]["additionalIngress"]):
            setup.put(
                "NetworkPolicy",
                name,
                spec={"podSelector": {"matchLabels": {"app": name}}, "ingress": [{}], "policyTypes": ["Ingress"]},
            )
        setup.put(
            "NetworkPolicy",
            "istio-mesh-basic",
            spec={"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]},
        )
    names = [_name(entry) for entry in setup.options["peers"]]
    if dice.random() < 0.3:
        # A peering of a few moments ago has no status yet.
        live = setup.live("ServiceMeshPeer", dice.choice(names))
        live.pop("status")
        live["metadata"]["creationTimestamp"] = ago(minutes=2)
    talking = [_name(entry) for entry in setup.options["peers"] if not entry["suspended"]]
    if len(names) > 1 and talking and dice.random() < 0.4:
        setup.by_hand(dice.choice(talking))
