# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A way to an API server that can be made to fail."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import sys
import threading
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .faults import Faults

_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
_BLOCK = 65536
_IDLE_SECONDS = 300
_HANG_POLL_SECONDS = 0.1
_REASONS = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


class ApiProxy:
    """An HTTPS server at ``address`` that hands each request on to ``server``, unless a fault of ``mesh`` is on.

    Requests are passed on as they are, so who calls is known by a bearer token only. ``refresh()`` after each change of
    the faults makes ``api-refuse`` real: the port is kept, and nobody listens on it.
    """

    def __init__(
        self, mesh: str, server: str, authority_file: Path, certificate: tuple[Path, Path], address: str, faults: Faults
    ) -> None:
        self._mesh = mesh
        self._faults = faults
        self.target = urllib.parse.urlsplit(server)
        self.target_tls = ssl.create_default_context(cafile=str(authority_file))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*certificate)
        self._address = address
        self._lock = threading.Lock()
        self._placeholder: socket.socket | None = None
        self.stopping = threading.Event()
        self._serving = self._listen(0)
        self.port: int = self._serving.server_address[1]
        self.url = f"https://{address}:{self.port}"

    def refresh(self) -> None:
        """Listen, or do not, as the fault ``api-refuse`` asks."""
        refuses = self.fault("api-refuse") is not None
        with self._lock:
            if refuses and self._serving is not None:
                self._end_serving()
                self._placeholder = _bound_socket(self._address, self.port)
            elif not refuses and self._serving is None:
                self._placeholder.close()
                self._serving = self._listen(self.port)

    def stop(self) -> None:
        """Stop serving."""
        self.stopping.set()
        with self._lock:
            if self._serving is not None:
                self._end_serving()
            if self._placeholder is not None:
                self._placeholder.close()

    def fault(self, name: str) -> dict[str, Any] | None:
        """Return the settings of a fault of this proxy's mesh that is on, else None."""
        return self._faults.is_on(self._mesh, name)

    def matched_fault(self, name: str, request: str) -> dict[str, Any] | None:
        """Return the settings of a fault that is on and concerns ``request``, which reads ``GET /path?query``."""
        settings = self.fault(name)
        if settings is None or not re.search(settings.get("match") or "", request):
            return None
        return settings if self._faults.take_one(self._mesh, name) else None

    def cuts(self, request: str) -> dict[str, Any] | None:
        """Return the settings of ``api-cut`` when it is ``request`` whose connection shall be cut, else None."""
        settings = self.fault("api-cut")
        if (
            settings is None
            or not re.search(settings.get("match") or "", request)
            or not self._faults.reach(self._mesh, "api-cut")
        ):
            return None
        return settings

    def has_cut(self) -> None:
        """Say in the settings of ``api-cut`` that what was to happen before the cut has happened: ``is_done``."""
        self._faults.note(self._mesh, "api-cut", is_done=True)

    def _listen(self, port: int) -> _Server:
        server = _Server((self._address, port), self, self._tls)
        threading.Thread(target=server.serve_forever, args=(0.05,), name=f"api-proxy-{self._mesh}", daemon=True).start()
        return server

    def _end_serving(self) -> None:
        self._serving.shutdown()
        self._serving.server_close()
        self._serving = None


def _bound_socket(address: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((address, port))
    return bound


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], proxy: ApiProxy, tls: ssl.SSLContext) -> None:
        self.proxy = proxy
        self._tls = tls
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.settimeout(_IDLE_SECONDS)
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of our own mistakes; a caller that went away is no event here."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream: http.client.HTTPSConnection | None = None

    def finish(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
        super().finish()

    def _pass_on(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = f"{self.command} {self.path}"
        if proxy.fault("api-refuse") is not None:
            self.close_connection = True
            return
        if proxy.matched_fault("api-hang", request) is not None:
            while proxy.fault("api-hang") is not None and not proxy.stopping.wait(_HANG_POLL_SECONDS):
                pass
            self.close_connection = True
            return
        cut = proxy.cuts(request)
        if cut is not None:
            self._cut(cut, body)
            return
        slow = proxy.matched_fault("api-slow", request)
        if slow is not None:
            proxy.stopping.wait(float(slow.get("seconds", 1)))
        failing = proxy.matched_fault("api-errors", request)
        if failing is not None:
            self._fail(failing)
            return
        self._relay(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _pass_on

    def _cut(self, settings: Mapping[str, Any], body: bytes) -> None:
        """Let the API server deal with the request, or not, and never answer."""
        proxy = self.server.proxy
        if settings.get("when") == "after":
            self._ask(self._passed_headers(), body).read()
        proxy.has_cut()
        if settings.get("holds"):
            while proxy.fault("api-cut") is not None and not proxy.stopping.wait(_HANG_POLL_SECONDS):
                pass
        self.close_connection = True

    def _fail(self, settings: Mapping[str, Any]) -> None:
        code = int(settings.get("status", 503))
        status = {
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "code": code,
            "reason": settings.get("reason") or _REASONS.get(code, "InternalError"),
            "message": settings.get("message") or f"the testbed's fault api-errors answers {code}",
        }
        body = json.dumps(status).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if code == 429:
            self.send_header("Retry-After", str(settings.get("retry_after", 1)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _relay(self, body: bytes) -> None:
        answer = self._ask(self._passed_headers(), body)
        self.send_response(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP and name.lower() not in ("date", "server"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length")
        if length is not None:
            self.send_header("Content-Length", length)
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            answer.read()
            return
        while block := answer.read1(_BLOCK):
            self.wfile.write(block if length is not None else b"%x\r\n%s\r\n" % (len(block), block))
        answer.close()  # else http.client takes one that was read by read1() for unread
        if length is None:
            self.wfile.write(b"0\r\n\r\n")

    def _passed_headers(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}

    def _ask(self, headers: Mapping[str, str], body: bytes) -> http.client.HTTPResponse:
        proxy = self.server.proxy
        if self._upstream is None:
            self._upstream = http.client.HTTPSConnection(
                proxy.target.hostname, proxy.target.port, context=proxy.target_tls, timeout=_IDLE_SECONDS
            )
        has_body = bool(body) or self.command in ("POST", "PUT", "PATCH")
        self._upstream.request(self.command, self.path, body if has_body else None, dict(headers))
        return self._upstream.getresponse()

    def log_message(self, format: str, *arguments: Any) -> None:  # pylint: disable=redefined-builtin
        """Keep quiet: the API server's audit log tells what was asked."""
