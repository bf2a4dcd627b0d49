"""What runs in the test meshes: echo servers behind Services, and clients that call as a pod with a sidecar would.

An echo server listens on the loopback addresses of its Service's endpoints. How many endpoints a Service has stands in
its annotation ``testbed/endpoints`` (default 1), so that everybody who reads the Service knows.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from .addresses import Addresses
from .authority import Identity
from .gateways import SERVICE_PORT

if TYPE_CHECKING:
    from .istiod import Istiod

ENDPOINTS = "testbed/endpoints"
MESH_HEADER = "x-testbed-mesh"


@dataclass(frozen=True)
class Answer:
    """What a call came back with: ``status`` is None when no HTTP answer came at all; ``error`` then says why."""

    status: int | None
    body: str = ""
    error: str = ""
    mesh: str = ""  # the mesh whose workload answered


def endpoints_of(addresses: Addresses, cluster: str, service: Mapping) -> tuple[str, ...]:
    """Return the loopback addresses behind a Service."""
    metadata = service["metadata"]
    count = int((metadata.get("annotations") or {}).get(ENDPOINTS, "1"))
    names = [metadata["name"], *(f"{metadata['name']}#{number}" for number in range(2, count + 1))]
    return tuple(addresses.for_service(cluster, metadata["namespace"], name) for name in names[:count])


class EchoServer:
    """A service that answers every request with a small JSON about itself, on all of ``endpoints`` × ``ports``."""

    def __init__(
        self,
        mesh: str,
        namespace: str,
        name: str,
        endpoints: Iterable[str],
        ports: Sequence[int],
        text: str = "",
        status: int = 200,
    ) -> None:
        told = {"mesh": mesh, "namespace": namespace, "service": name, "text": text}
        self._servers = []
        try:
            for address in endpoints:
                for port in ports:
                    server = _EchoHttpServer((address, port), _EchoHandler)
                    server.told = {**told, "endpoint": address, "port": port}
                    server.status = status
                    self._servers.append(server)
        except OSError:
            for server in self._servers:
                server.server_close()
            raise
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.2,), name=f"echo-{name}", daemon=True)
            for server in self._servers
        ]

    def start(self) -> None:
        """Serve, in threads of its own."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop serving and free the addresses."""
        for server, thread in zip(self._servers, self._threads):
            server.shutdown()
            server.server_close()
            thread.join()


class _EchoHttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    told: dict
    status: int

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that went away is no event here."""


class _EchoHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _EchoHttpServer

    def do_GET(self) -> None:
        body = json.dumps({**self.server.told, "path": self.path}).encode() + b"\n"
        self.send_response(self.server.status)
        self.send_header("content-type", "application/json")
        self.send_header(MESH_HEADER, self.server.told["mesh"])
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET

    def log_message(self, *arguments: object) -> None:
        """Requests are not logged: callers see the answers."""


def call(
    istiod: Istiod,
    source: str,
    host: str,
    port: int = 80,
    path: str = "/",
    *,
    principal: str | None = None,
    force_sni: str | None = None,
    root_number: int | None = None,
) -> Answer:
    """Call ``host`` from the mesh of ``istiod`` as the workload ``source`` and return what came back.

    ``source`` is ``<service account>.<namespace>``. The host is found as a sidecar finds it: a Service of this cluster
    (its endpoints take turns, together with those of a service that is imported under the same name), an imported
    name, or nothing. An imported service is reached through this mesh's egress gateway with mutual TLS.

    For proofs on the wire: with ``force_sni`` the call goes straight to the gateway whose *address* is ``host``, asks
    it for this server name, and shows the certificate of ``principal`` (``<namespace>/<service account>``, default the
    source) signed by root ``root_number`` of this mesh (default the one in use).
    """
    account, _dot, namespace = source.partition(".")
    if principal:
        namespace, _slash, account = principal.partition("/")
    signed_by = istiod.root_number_in_use() if root_number is None else root_number
    identity = istiod.authority.identity(namespace, account, signed_by)
    if force_sni is not None:
        return _through_gateway(istiod, identity, host, port, force_sni, None, host, path)

    name = host.rstrip(".").lower()
    short = name.removesuffix(f".svc.{istiod.cluster_domain}").removesuffix(".svc")
    service_name, _dot, service_namespace = short.partition(".")
    service_namespace = service_namespace or namespace
    local_name = f"{service_name}.{service_namespace}.svc.{istiod.cluster_domain}"
    service = None if "." in service_namespace else istiod.store.get("Service", service_name, service_namespace)
    full_name = local_name if service is not None else name
    ways: list = list(istiod.ways_to(full_name, port))
    if service is not None and port in {each["port"] for each in (service.get("spec") or {}).get("ports") or ()}:
        ways += endpoints_of(istiod.addresses, istiod.cluster_name, service)
    if not ways:
        if service is None and not istiod.is_imported(full_name):
            return Answer(None, error=f"could not resolve host: {host}")
        return Answer(503, error=f"no healthy upstream for {host}:{port}")
    way = ways[istiod.next_turn() % len(ways)]
    if isinstance(way, str):
        return _plainly(way, port, host, path)
    address, server_name, gateway = way
    return _through_gateway(istiod, identity, address, SERVICE_PORT, server_name, gateway, host, path)


def _plainly(address: str, port: int, host: str, path: str) -> Answer:
    try:
        return _ask(socket.create_connection((address, port), timeout=10), host, path)
    except OSError as error:
        return Answer(503, error=f"upstream connect error: {error}")


def _through_gateway(
    istiod: Istiod,
    identity: Identity,
    address: str,
    port: int,
    server_name: str,
    gateway: str | None,
    host: str,
    path: str,
) -> Answer:
    """Ask a gateway by server name over mutual TLS; a gateway of another mesh (``gateway`` None) is not verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if gateway is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=istiod.trusted_roots())
    with tempfile.NamedTemporaryFile("w", dir=istiod.directory, suffix=".pem") as chain:
        chain.write(identity.key + identity.chain)
        chain.flush()
        context.load_cert_chain(Path(chain.name))
    try:
        plain = socket.create_connection((address, port), timeout=10)
        with plain, context.wrap_socket(plain, server_hostname=server_name) as secured:
            if gateway is not None:
                shown = [value for kind, value in secured.getpeercert().get("subjectAltName", ()) if kind == "URI"]
                if shown != [gateway]:
                    return Answer(503, error=f"upstream connect error: the gateway is {shown}, not {gateway}")
            return _ask(secured, host, path)
    except OSError as error:
        return Answer(503, error=f"upstream connect error or disconnect before headers: {error}")


def _ask(connection: socket.socket, host: str, path: str) -> Answer:
    asking = http.client.HTTPConnection(host, timeout=10)
    asking.sock = connection
    try:
        asking.request("GET", path, headers={"host": host, "connection": "close"})
        response = asking.getresponse()
        body = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return Answer(503, error=f"upstream connect error or disconnect before headers: {error}")
    finally:
        asking.close()
    return Answer(response.status, body, mesh=response.headers.get(MESH_HEADER, ""))
