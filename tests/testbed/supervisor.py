# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The process that runs a testbed: ``python -m testbed.supervisor DIRECTORY``, where ``specification.json`` says what.

It writes ``progress`` line by line while it starts, ``testbed.json`` when everything is up, and takes that away when it
ends. It ends on SIGTERM and SIGINT, when asked through its control endpoint, and, when tied, at the end of its standard
input.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from . import istiod as istiod_module
from . import operator as operator_module
from .addresses import Addresses
from .admission import OPERATOR_NAMESPACE, AdmissionServer
from .api_proxy import ApiProxy
from .clock import Clock
from .cluster import Cluster
from .controllers import start_controllers
from .faults import Faults
from .injection import INJECTOR, injection_hook
from .istiod import Istiod, Surroundings
from .kube import Kube, KubeError, Store
from .olm import CATALOG_NAMESPACE, Lifecycle
from .openshift import DeploymentConfigs, tell_facts
from .operator import Operator
from .pages import NO_SUCH_NAME, SERVER_FAILURE, NameServer
from .processes import ProcessError, Processes
from .programs import Controllers
from .releases import OperatorRelease, release_serving
from .specification import LOG, PROGRESS, SPECIFICATION, STATE, MeshSpec, TestbedSpec
from .workloads import EchoServer, call, endpoints_of

_MANAGER = "testbed"
_READY_SECONDS = 60
_POLL_SECONDS = 0.05
_END_SECONDS = 10
_CONFLICTS = 10
_STORED_KINDS = tuple(dict.fromkeys([*operator_module.KINDS, *istiod_module.KINDS, "ServiceEntry", "Pod"]))

Log = Callable[[str], None]


class Site:
    """One cluster with its operator, as the supervisor runs it."""

    def __init__(self, cluster: Cluster, specs: Sequence[MeshSpec]) -> None:
        self.cluster = cluster
        self.specs = specs
        self.release: OperatorRelease = release_serving(*(spec.version for spec in specs))
        self.store = Store(cluster.kube, _STORED_KINDS)
        self.operator: Operator | None = None
        self.lifecycle: Lifecycle | None = None
        self.injector: AdmissionServer | None = None
        self.deployment_configs: DeploymentConfigs | None = None
        self.is_watched = False

    @property
    def kube(self) -> Kube:
        """The client that may do everything."""
        return self.cluster.kube


class Supervisor:
    """Everything of one testbed. ``start()`` returns when all meshes are up; ``stop()`` leaves no process."""

    def __init__(self, directory: Path, spec: TestbedSpec, progress: Log, log: Log) -> None:
        self.directory = directory
        self.spec = spec
        self._progress, self._log = progress, log
        self.addresses = Addresses()
        self.processes = Processes()
        self.clock = Clock(spec.clock_scale)
        self.faults = Faults()
        self.world: dict[tuple[str, str], Istiod] = {}
        self._istiods: dict[tuple[str, str], Istiod] = {}
        self.stop_requested = threading.Event()
        self._meshes = {mesh.name: mesh for mesh in spec.meshes}
        self._sites = {name: self._site(name) for name in dict.fromkeys(mesh.cluster for mesh in spec.meshes)}
        self._proxies: dict[str, ApiProxy] = {}
        self._echoes: dict[tuple[str, str, str], EchoServer] = {}
        self._echo_lock = threading.Lock()
        self._names: dict[str, list[str]] = {}
        self._name_servers: dict[str, NameServer] = {}
        self._control: _ControlServer | None = None

    # start and stop

    def start(self) -> None:
        """Bring up all clusters, side by side, and then all meshes. Raises what went wrong; ``stop()`` is due then,
        too.
        """
        started = time.monotonic()
        with ThreadPoolExecutor(max(1, len(self._sites))) as pool:
            list(pool.map(self._start_site, self._sites.values()))
        with ThreadPoolExecutor(max(1, len(self._meshes))) as pool:
            list(pool.map(self._start_mesh, self._meshes.values()))
        self._control = _ControlServer(self.addresses.for_key("control"), self)
        self._progress(f"{len(self._meshes)} meshes are up after {time.monotonic() - started:.1f} s")

    def stop(self) -> None:
        """End the meshes, the clusters and every process."""
        if self._control is not None:
            self._control.stop()
        for site in self._sites.values():
            if site.lifecycle is not None:
                site.lifecycle.stop()
            if site.deployment_configs is not None:
                site.deployment_configs.stop()
            if site.injector is not None:
                site.injector.stop()
            if site.operator is not None:
                site.operator.stop()
        for echo in list(self._echoes.values()):
            echo.stop()
        for proxy in self._proxies.values():
            proxy.stop()
        for server in self._name_servers.values():
            server.stop()
        for site in self._sites.values():
            if site.is_watched:
                site.store.stop()
        for site in self._sites.values():
            site.cluster.stop()
        self.processes.stop()
        self.addresses.release()

    def state(self) -> dict[str, Any]:
        """Return what ``testbed.json`` holds."""
        return {
            "clusters": {name: site.cluster.files for name, site in self._sites.items()},
            "meshes": {name: self._mesh_state(mesh) for name, mesh in self._meshes.items()},
            "control": self._control.url if self._control else None,
            "pid": os.getpid(),
            "clock_scale": self.spec.clock_scale,
        }

    def _site(self, name: str) -> Site:
        programs, lent = (self.spec.etcd, self.spec.kube_apiserver), self.spec.lent.get(name)
        cluster = Cluster(name, self.directory / name, self.addresses, self.processes, *programs, lent)
        return Site(cluster, [mesh for mesh in self.spec.meshes if mesh.cluster == name])

    def _start_site(self, site: Site) -> None:
        name = site.cluster.name
        self._progress(f"{name}: etcd and kube-apiserver start")
        site.cluster.start()
        comes = "OLM comes" if self.spec.olm else f"kinds and operator {site.release.version} come"
        self._progress(f"{name}: the API server is ready; {comes}")
        if self.spec.openshift:
            site.cluster.load_openshift()
            tell_facts(site.kube)
        if self.spec.controllers:
            self._start_controllers(site)
        if self.spec.olm:
            site.cluster.load_olm()
            for namespace in (OPERATOR_NAMESPACE, CATALOG_NAMESPACE):
                site.cluster.ensure_namespace(namespace)
            site.lifecycle = Lifecycle(
                site.cluster.client("olm-operator"),
                self.clock,
                lambda fault: next(
                    (found for mesh in site.specs if (found := self.faults.is_on(mesh.name, fault)) is not None), None
                ),
                lambda release: self._install(site, release),
                self._log,
            )
            site.lifecycle.start()
        else:
            self._install(site, site.release)

    def _start_controllers(self, site: Site) -> None:
        """Have workloads roll and pods be injected in a cluster."""
        start_controllers(site.cluster, Controllers(*map(Path, self.spec.controllers)), self.processes.start)
        view = operator_module.ApiView(site.cluster.client("sidecar-injector"))
        site.injector = AdmissionServer(
            [injection_hook(view)], site.cluster.directory, lambda: False, self._log, INJECTOR
        )
        site.injector.start()
        for configuration in site.injector.configurations():
            site.kube.apply(configuration, _MANAGER, force=True)
        if self.spec.openshift:
            site.deployment_configs = DeploymentConfigs(site.cluster, self._log)
            site.deployment_configs.start()

    def _install(self, site: Site, release: OperatorRelease | None) -> None:
        """Have the operator of a cluster be this release's; None ends it."""
        if site.operator is not None:
            site.operator.stop()
            site.operator = None
            if release is None:
                site.kube.delete("Deployment", "istio-operator", OPERATOR_NAMESPACE)
        if release is None:
            return
        site.release = release
        site.cluster.load_crds(release.crds, Path(self.spec.crds) if self.spec.crds else None)
        if not site.is_watched:
            site.store.start()
            site.is_watched = True
        site.store.wait_synced()
        names = {mesh.namespace: mesh.name for mesh in site.specs}
        site.operator = Operator(
            site.cluster.client("istio-operator"),
            site.store,
            self.addresses,
            self.clock,
            self.faults,
            site.cluster.name,
            lambda namespace, control_plane, smcp: self._new_istiod(site, namespace, control_plane, smcp),
            directory=site.cluster.directory,
            release=site.release,
            mesh_names=names,
            workloads_are_real=bool(self.spec.controllers),
            log=self._log,
        )
        site.operator.start()

    def _new_istiod(self, site: Site, namespace: str, control_plane: str, smcp: dict) -> Istiod:
        former = self._istiods.get((site.cluster.name, namespace))
        mesh_name = {mesh.namespace: mesh.name for mesh in site.specs}.get(namespace)
        istiod = self._istiods[site.cluster.name, namespace] = Istiod(
            site.cluster.client("pilot-discovery"),
            site.store,
            namespace,
            control_plane,
            smcp,
            self.addresses,
            self.clock,
            self.faults,
            site.cluster.directory,
            Path(self.spec.envoy),
            site.cluster.name,
            self.world,
            mesh_name=mesh_name,
            pod=site.operator.istiod_pod(namespace, control_plane) if site.operator else None,
            envoy=former.envoy if former is not None and former.envoy.is_running() else None,
            around=self._around(mesh_name),
        )
        return istiod

    def _start_mesh(self, mesh: MeshSpec) -> None:
        site = self._sites[mesh.cluster]
        for namespace in dict.fromkeys([mesh.namespace, *mesh.members, *mesh.services]):
            site.cluster.ensure_namespace(namespace)
        self._start_proxy(mesh, site)
        if mesh.control_plane_present:
            site.kube.create(_control_plane(mesh))  # as people do
            if mesh.members:
                site.kube.apply(_member_roll(mesh), _MANAGER)
        for namespace, services in mesh.services.items():
            for service in services:
                self.echo(mesh.name, namespace, service, [{"name": "http", "port": 80}], is_member=False)
        if mesh.control_plane_present:
            self._wait_for_mesh(mesh, site)
            self._progress(f"{mesh.name}: control plane {mesh.namespace}/{mesh.control_plane} {mesh.version} is ready")

    def _around(self, mesh: str | None) -> Surroundings | None:
        """Return what is around an istiod; its DNS server is started when it is first asked for."""
        if not self.spec.insight or mesh is None:
            return None
        if mesh not in self._name_servers:
            self._name_servers[mesh] = NameServer(
                self.addresses.for_key("names", mesh), lambda name: self._look_up(mesh, name)
            )
            self._name_servers[mesh].start()
        return Surroundings(self._name_servers[mesh].place, self._names)

    def _look_up(self, mesh: str, name: str) -> list[str] | int:
        if self.faults.is_on(mesh, "names-failing") is not None:
            return SERVER_FAILURE
        if self.faults.is_on(mesh, "no-such-names") is not None:
            return NO_SUCH_NAME
        return self._names.get(name, NO_SUCH_NAME)

    def _start_proxy(self, mesh: MeshSpec, site: Site) -> None:
        address = self.addresses.for_key("api-proxy", mesh.name)
        certificate = site.cluster.authority.serving(f"proxy-{mesh.name}", [address])
        proxy = ApiProxy(mesh.name, site.cluster.server, site.cluster.authority.file, certificate, address, self.faults)
        self._proxies[mesh.name] = proxy
        site.cluster.write_kubeconfig(self._proxied_kubeconfig(mesh), mesh.name, proxy.url)

    def _wait_for_mesh(self, mesh: MeshSpec, site: Site) -> None:
        def is_up() -> bool:
            smcp = site.store.get("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace) or {"metadata": {}}
            status = smcp.get("status") or {}
            is_ready = any(
                entry["type"] == "Ready" and entry["status"] == "True" for entry in status.get("conditions") or []
            )
            if not is_ready or status.get("observedGeneration") != smcp["metadata"].get("generation"):
                return False
            if (mesh.cluster, mesh.namespace) not in self.world:
                return False
            roll = site.store.get("ServiceMeshMemberRoll", "default", mesh.namespace) or {}
            configured = (roll.get("status") or {}).get("configuredMembers") or []
            return set(mesh.members) <= set(configured)

        deadline = time.monotonic() + _READY_SECONDS
        while not is_up():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"mesh {mesh.name} was not ready within {_READY_SECONDS} s; {self.directory / LOG} tells more"
                )
            time.sleep(_POLL_SECONDS)

    def _proxied_kubeconfig(self, mesh: MeshSpec) -> Path:
        return self.directory / mesh.cluster / f"kubeconfig-proxied-{mesh.name}"

    def _mesh_state(self, mesh: MeshSpec) -> dict[str, Any]:
        files = self._sites[mesh.cluster].cluster.files
        return {
            "cluster": mesh.cluster,
            "namespace": mesh.namespace,
            "control_plane": mesh.control_plane,
            "version": mesh.version,
            "trust_domain": mesh.trust_domain,
            "kubeconfig": files["kubeconfig"],
            "proxied_kubeconfig": str(self._proxied_kubeconfig(mesh)),
            "proxied_server": self._proxies[mesh.name].url,
            "audit_log": files["audit_log"],
        }

    # what the control endpoint offers

    def set_fault(self, mesh: str, name: str, settings: Mapping[str, Any] | None) -> None:
        """Switch a fault of a mesh on with ``settings``, or off with None. Raises ``LookupError`` on a mesh or fault
        that there is not.
        """
        self._mesh(mesh)
        self.faults.set(mesh, name, settings)
        self._proxies[mesh].refresh()

    def restart_istiod(self, mesh: str) -> None:
        """Give a mesh a new istiod, which has forgotten what the old one knew."""
        spec = self._mesh(mesh)
        self._sites[spec.cluster].operator.restart_istiod(spec.namespace, spec.control_plane)

    def rotate_root(self, mesh: str, stage: str) -> dict[str, str]:
        """Go on to a stage of replacing a mesh's root (``Authority.advance``); return the new root when the gateways
        follow.
        """
        return {"root": self._istiod(mesh).rotate_root(stage)}

    def bundle_of(self, mesh: str, trust_domain: str) -> dict[str, str]:
        """Return the roots by which a mesh's proxies judge identities of a trust domain now; none when they
        know none.
        """
        return {"roots": self._istiod(mesh).envoy.programme.bundles.get(trust_domain, "")}

    def address(self, words: Sequence[str]) -> dict[str, str]:
        """Return the loopback address that belongs to ``words``."""
        return {"address": self.addresses.for_key(*words)}

    def name(self, host: str, addresses: Sequence[str]) -> None:
        """Have a host name resolve to ``addresses`` in all meshes."""
        self._names[host.lower()] = list(addresses)

    def move_address(self, mesh: str, gateway: str) -> dict[str, str]:
        """Have a gateway's load balancer change its address; return the new one."""
        spec = self._mesh(mesh)
        return {"address": self._sites[spec.cluster].operator.move_address(spec.namespace, gateway)}

    def call(self, mesh: str, source: str, host: str, port: int, path: str, **proof: Any) -> dict[str, Any]:
        """Call a host as a workload of a mesh and return status, body and error; ``proof`` as ``workloads.call`` has
        it.
        """
        answer = call(self._istiod(mesh), source, host, port, path, **proof)
        return {"status": answer.status, "body": answer.body, "error": answer.error, "mesh": answer.mesh}

    def echo(
        self,
        mesh: str,
        namespace: str,
        name: str,
        ports: Sequence[Mapping[str, Any]],
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        text: str = "",
        is_member: bool = True,
    ) -> None:
        """Make a namespace, a Service and the server behind it, in place of one of that name; ``is_member`` adds the
        namespace to the roll.
        """
        spec = self._mesh(mesh)
        site = self._sites[spec.cluster]
        site.cluster.ensure_namespace(namespace)
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {"app": name, **(labels or {})},
                "annotations": dict(annotations or {}),
            },
            "spec": {"selector": {"app": name}, "ports": [dict(port) for port in ports]},
        }
        self._serve_echo(spec, service, text=text)
        site.kube.apply(service, _MANAGER, force=True)
        if is_member:
            self._add_member(spec, site, namespace)

    def answer(self, mesh: str, namespace: str, name: str, status: int) -> None:
        """Have the server behind a Service answer with ``status`` from now on; 0 ends it, and the Service stays."""
        spec = self._mesh(mesh)
        site = self._sites[spec.cluster]
        service = site.kube.get("Service", name, namespace)
        if service is None:
            raise LookupError(f"mesh {mesh} has no Service {namespace}/{name}")
        self._serve_echo(spec, service, status=status)

    def _serve_echo(self, spec: MeshSpec, service: Mapping[str, Any], text: str = "", status: int = 200) -> None:
        """Start the server behind a Service, in place of the one that is there; with the ``status`` 0 there is none."""
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        endpoints = endpoints_of(self.addresses, self._sites[spec.cluster].cluster.name, service)
        ports = [port["port"] for port in service["spec"]["ports"]]
        with self._echo_lock:
            former = self._echoes.pop((spec.cluster, namespace, name), None)
            if former is not None:
                former.stop()
            if status:
                server = EchoServer(spec.name, namespace, name, endpoints, ports, text, status)
                server.start()
                self._echoes[spec.cluster, namespace, name] = server

    def unecho(self, mesh: str, namespace: str, name: str) -> None:
        """Take a Service and its server away; its namespace stays."""
        spec = self._mesh(mesh)
        with self._echo_lock:
            server = self._echoes.pop((spec.cluster, namespace, name), None)
        if server is None:
            raise LookupError(f"mesh {mesh} has no echo service {namespace}/{name}")
        self._sites[spec.cluster].kube.delete("Service", name, namespace)
        server.stop()

    def _istiod(self, mesh: str) -> Istiod:
        """Return the istiod that a mesh had last: while it restarts, its gateways and sidecars work on."""
        spec = self._mesh(mesh)
        istiod = self._istiods.get((spec.cluster, spec.namespace))
        if istiod is None:
            raise LookupError(f"mesh {mesh} never had an istiod")
        return istiod

    def _mesh(self, name: str) -> MeshSpec:
        if name not in self._meshes:
            raise LookupError(f"there is no mesh '{name}'; there are {', '.join(self._meshes)}")
        return self._meshes[name]

    def _add_member(self, spec: MeshSpec, site: Site, namespace: str) -> None:
        for _attempt in range(_CONFLICTS):
            roll = site.kube.get("ServiceMeshMemberRoll", "default", spec.namespace)
            if roll is None:
                return
            members = (roll.get("spec") or {}).get("members") or []
            if namespace in members:
                return
            roll["spec"]["members"] = [*members, namespace]
            try:
                site.kube.replace(roll)
                return
            except KubeError as error:
                if error.status != 409:
                    raise
        raise TimeoutError(f"the member roll of {spec.namespace} changes too often to add {namespace}")


def _control_plane(mesh: MeshSpec) -> dict:
    return {
        "apiVersion": "maistra.io/v2",
        "kind": "ServiceMeshControlPlane",
        "metadata": {"name": mesh.control_plane, "namespace": mesh.namespace},
        "spec": {
            "version": mesh.version,
            "security": {"trust": {"domain": mesh.trust_domain}},
            "tracing": {"type": "None"},
            "addons": {"grafana": {"enabled": False}, "kiali": {"enabled": False}, "prometheus": {"enabled": False}},
        },
    }


def _member_roll(mesh: MeshSpec) -> dict:
    return {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": {"name": "default", "namespace": mesh.namespace},
        "spec": {"members": list(mesh.members)},
    }


# the control endpoint


class _ControlServer:
    """HTTP with JSON on a loopback address, for the handles of this testbed."""

    def __init__(self, address: str, supervisor: Supervisor) -> None:
        self._server = ThreadingHTTPServer((address, 0), _ControlHandler)
        self._server.daemon_threads = True
        self._server.supervisor = supervisor
        self.url = f"http://{address}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="control", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _ControlHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        supervisor: Supervisor = self.server.supervisor
        if self.path == "/state":
            self._answer(200, {**supervisor.state(), "faults": supervisor.faults.all_on()})
        else:
            self._answer(404, {"error": f"there is no {self.path}"})

    def do_POST(self) -> None:
        supervisor: Supervisor = self.server.supervisor
        actions: dict[str, Callable[..., Any]] = {
            "/fault": supervisor.set_fault,
            "/restart-istiod": supervisor.restart_istiod,
            "/rotate-root": supervisor.rotate_root,
            "/bundle-of": supervisor.bundle_of,
            "/move-address": supervisor.move_address,
            "/address": supervisor.address,
            "/name": supervisor.name,
            "/call": supervisor.call,
            "/echo": supervisor.echo,
            "/unecho": supervisor.unecho,
            "/answer": supervisor.answer,
            "/stop": supervisor.stop_requested.set,
        }
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path not in actions:
            self._answer(404, {"error": f"there is no {self.path}"})
            return
        try:
            result = actions[self.path](**body)
        except (LookupError, TypeError, ValueError, KubeError, OSError) as error:
            self._answer(400, {"error": f"{type(error).__name__}: {error}"})
        else:
            self._answer(200, result if result is not None else {})

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # pylint: disable=redefined-builtin
        """Keep quiet."""


# the process


def _end_with_input(stop: threading.Event) -> None:
    """Set ``stop`` at the end of standard input: whoever holds its other end is gone, and with it the clusters that it
    lent.
    """

    def wait() -> None:
        while os.read(0, 1):
            pass
        stop.set()
        time.sleep(_END_SECONDS)
        os._exit(1)  # something still waits for an API server that is no more; the children end with this process

    threading.Thread(target=wait, name="tie", daemon=True).start()


@contextlib.contextmanager
def _lines_to(path: Path) -> Iterator[Log]:
    lock = threading.Lock()
    started = time.monotonic()
    with open(path, "a", encoding="utf-8") as written:

        def write(text: str) -> None:
            with lock:
                written.write(f"{time.monotonic() - started:6.1f} s  {text}\n")
                written.flush()

        yield write


def run(directory: Path) -> int:
    """Run the testbed that ``directory`` describes until it shall end; return the exit code."""
    spec = TestbedSpec.from_json(json.loads((directory / SPECIFICATION).read_text(encoding="utf-8")))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    state_file = directory / STATE
    with _lines_to(directory / PROGRESS) as progress:
        supervisor = Supervisor(directory, spec, progress, logging.getLogger("testbed").info)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: supervisor.stop_requested.set())
        if spec.tied:
            _end_with_input(supervisor.stop_requested)
        try:
            supervisor.start()
            fresh = state_file.with_suffix(".new")
            fresh.write_text(json.dumps(supervisor.state(), indent=2) + "\n", encoding="utf-8")
            os.replace(fresh, state_file)
            supervisor.stop_requested.wait()
        except (ProcessError, TimeoutError, KubeError, OSError, ValueError) as error:
            progress(f"failed: {error}")
            raise
        finally:
            state_file.unlink(missing_ok=True)
            supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
