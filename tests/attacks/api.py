# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A small API server over TLS on loopback, with its objects in memory: as honest, or as hostile, as a test wants it.

It is enough for the modules to be run as real processes without etcd. What it stores and merges is
``ClusterInMemory``'s; a test that needs admission, garbage collection or RBAC wants the testbed instead.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

import yaml
from unit.cluster_in_memory import ClusterInMemory

from testbed.certificates import ClusterAuthority

TOKEN = "a-token-of-the-tests"
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/?]+)(?:/(?P<name>[^/?]+))?(?P<below>/.+)?"
)
# The kinds that the attacks need, by their plural.
KINDS = {
    "configmaps": "ConfigMap",
    "services": "Service",
    "namespaces": "Namespace",
    "pods": "Pod",
    "deployments": "Deployment",
    "replicasets": "ReplicaSet",
    "replicationcontrollers": "ReplicationController",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "roles": "Role",
    "rolebindings": "RoleBinding",
    "clusterroles": "ClusterRole",
    "clusterrolebindings": "ClusterRoleBinding",
    "secrets": "Secret",
    "networkpolicies": "NetworkPolicy",
    "events": "Event",
    "telemetries": "Telemetry",
    "clusterversions": "ClusterVersion",
    "networks": "Network",
    "clusternetworks": "ClusterNetwork",
    "nodes": "Node",
    "serviceaccounts": "ServiceAccount",
    "poddisruptionbudgets": "PodDisruptionBudget",
    "servicemeshcontrolplanes": "ServiceMeshControlPlane",
    "servicemeshmemberrolls": "ServiceMeshMemberRoll",
    "servicemeshmembers": "ServiceMeshMember",
    "servicemeshextensions": "ServiceMeshExtension",
    "servicemeshpeers": "ServiceMeshPeer",
    "exportedservicesets": "ExportedServiceSet",
    "importedservicesets": "ImportedServiceSet",
    "serviceentries": "ServiceEntry",
    "virtualservices": "VirtualService",
    "destinationrules": "DestinationRule",
    "sidecars": "Sidecar",
    "gateways": "Gateway",
    "authorizationpolicies": "AuthorizationPolicy",
    "peerauthentications": "PeerAuthentication",
    "requestauthentications": "RequestAuthentication",
    "envoyfilters": "EnvoyFilter",
    "wasmplugins": "WasmPlugin",
    "subscriptions": "Subscription",
    "installplans": "InstallPlan",
    "clusterserviceversions": "ClusterServiceVersion",
    "operatorgroups": "OperatorGroup",
    "catalogsources": "CatalogSource",
    "packagemanifests": "PackageManifest",
}


@dataclass(frozen=True)
class Asked:
    """One request as it came: method, path with query, headers (names in lower case), and body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Raw:
    """Bytes that go out as they are, head included; then the connection ends."""

    blocks: Iterable[bytes]


@dataclass(frozen=True)
class Switched:
    """A connection that speaks another protocol from now on: what it says, head included, while it reads what the other
    end sends.
    """

    talk: Callable[[BinaryIO], Iterable[bytes]]


# Answers a request instead of the store, or gives None and leaves it to the store: (status, headers, body).
Hostile = Callable[[Asked], "tuple[int, dict[str, str], bytes | Iterator[bytes]] | Raw | Switched | None"]


@dataclass
class ApiInMemory:
    """A running server: where it is, what it holds, and all that it was asked."""

    url: str
    ca_file: Path
    store: ClusterInMemory
    asked: list[Asked] = field(default_factory=list)
    hostile: Hostile | None = None

    @property
    def access(self) -> dict[str, Any]:
        """The connection options of a module."""
        return {"host": self.url, "api_key": TOKEN, "ca_cert": str(self.ca_file)}

    @property
    def variables(self) -> dict[str, Any]:
        """The connection variables of a mesh in an inventory."""
        return {"mesh_host": self.url, "mesh_api_key": TOKEN, "mesh_ca_cert": str(self.ca_file)}

    @property
    def writes(self) -> list[tuple[str, str, str]]:
        """What was written, in order: (verb, kind, name)."""
        return self.store.writes

    def kubeconfig(self, path: Path, **user: Any) -> Path:
        """Write a kubeconfig for this server; ``user`` stands beside the token in its user."""
        text = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url, "certificate-authority": str(self.ca_file)}}],
            "users": [{"name": "u", "user": {"token": TOKEN, **user}}],
        }
        path.write_text(yaml.safe_dump(text), encoding="utf-8")
        return path


@contextmanager
def serving(folder: Path, *objects: dict, hostile: Hostile | None = None) -> Iterator[ApiInMemory]:
    """Serve ``objects`` until the block ends; ``folder`` gets the certificates."""
    authority = ClusterAuthority(folder, "authority of the api in memory")
    certificate, key = authority.serving("api", ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    api = ApiInMemory("", authority.file, ClusterInMemory(datetime.now(timezone.utc), *objects), hostile=hostile)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    api.url = f"https://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


def _handler(api: ApiInMemory) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            """Keep the tests' output to the tests."""

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, {key.lower(): value for key, value in self.headers.items()}, body)
            with lock:
                api.asked.append(asked)
                told = (api.hostile and api.hostile(asked)) or _honest(api.store, asked)
            try:
                if isinstance(told, (Raw, Switched)):
                    self.close_connection = True
                    for block in told.blocks if isinstance(told, Raw) else told.talk(self.rfile):
                        self.wfile.write(block)
                else:
                    self._send(*told)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                self.close_connection = True

        def _send(self, status: int, headers: dict[str, str], content: bytes | Iterator[bytes]) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            if isinstance(content, bytes):
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                return
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            for block in content:
                self.wfile.write(block)

        do_GET = do_PATCH = do_POST = do_DELETE = do_PUT = answer

    return Handler


def _honest(store: ClusterInMemory, asked: Asked) -> tuple[int, dict[str, str], bytes]:
    """Return what an API server answers."""
    url = urlsplit(asked.target)
    found = _PATH.fullmatch(url.path)
    if not found or found["plural"] not in KINDS:
        return _status(404, "the server could not find the requested resource")
    kind = SimpleNamespace(name=KINDS[found["plural"]])
    namespace, name = found["namespace"] or "", found["name"] or ""
    if found["plural"] == "namespaces" or (found["namespace"] and found["plural"] == found["namespace"]):
        namespace = ""
    query = {key: values[-1] for key, values in parse_qs(url.query).items()}
    try:
        if asked.method == "GET" and name:
            live = store.get(kind, namespace, name)
            return _json(200, live) if live else _status(404, f'{found["plural"]} "{name}" not found', name=name)
        if asked.method == "GET":
            return _json(
                200,
                {"kind": f"{kind.name}List", "apiVersion": "v1", "metadata": {}, "items": store.list(kind, namespace)},
            )
        if asked.method == "PATCH" and "apply-patch" in asked.headers.get("content-type", ""):
            stored = store.apply(
                kind, json.loads(asked.body), query["fieldManager"], "force" in query, "dryRun" in query
            )
            return _json(200, stored)
        if asked.method == "PATCH":
            return _json(200, store.merge_patch(kind, namespace, name, json.loads(asked.body)))
        if asked.method == "DELETE":
            if not store.get(kind, namespace, name):
                return _status(404, f'{found["plural"]} "{name}" not found', name=name)
            store.delete(kind, namespace, name, json.loads(asked.body)["preconditions"]["uid"])
            return _json(200, {"kind": "Status", "status": "Success"})
    except (AssertionError, KeyError) as error:
        return _status(409, f"{error}")
    return _status(405, "the server does not allow this method on the requested resource")


def _json(status: int, body: Any) -> tuple[int, dict[str, str], bytes]:
    return status, {}, json.dumps(body).encode()


def _status(status: int, message: str, name: str = "") -> tuple[int, dict[str, str], bytes]:
    details = {"details": {"name": name}} if name else {}
    return _json(
        status,
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status, **details},
    )
