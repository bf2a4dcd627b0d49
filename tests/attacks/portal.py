# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""3scale's admin portal as far as a mesh needs it, over TLS on loopback: real paths, and as hostile as a
test wants it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from testbed.certificates import ClusterAuthority

ACCESS = "access-token-of-the-portal"


@dataclass
class PortalOfTests:
    """A running portal: where it is, what it answers by path (a status, headers and a body), and all that
    it was asked.
    """

    url: str
    ca_file: Path
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    seconds_per_byte: float = 0

    def tell(self, service: str, token: str, rules: Any, environment: str = "production") -> None:
        """Answer for one service as the portal does."""
        content = {
            "id": int(service),
            "system_name": "api",
            "backend_authentication_type": "service_token",
            "backend_authentication_value": token,
            "proxy": {"id": 1, "service_id": int(service), "proxy_rules": rules},
        }
        body = {"proxy_config": {"id": 1, "version": 2, "environment": environment, "content": content}}
        path = f"/admin/api/services/{service}/proxy/configs/{environment}/latest.json"
        self.answers[path] = (200, {}, json.dumps(body).encode())


@contextmanager
def answering(folder: Path) -> Iterator[PortalOfTests]:
    """Run a portal until the block ends."""
    authority = ClusterAuthority(folder, "authority of the portal")
    certificate, key = authority.serving("portal", ["127.0.0.1"], ["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    portal = PortalOfTests("", authority.file)
    expected = f"Basic {base64.b64encode(f'{ACCESS}:'.encode()).decode()}"

    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Keep the tests' output to the tests."""

        def do_GET(self) -> None:
            portal.asked.append((self.path, self.headers.get("Authorization", "")))
            if self.headers.get("Authorization") != expected:
                status, headers, body = 403, {}, b'{"error": "Your access token does not have the correct permissions"}'
            else:
                status, headers, body = portal.answers.get(self.path, (404, {}, b'{"status": "Not found"}'))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            pace = portal.seconds_per_byte
            with contextlib.suppress(OSError):
                for place in range(len(body)) if pace else ():
                    self.wfile.write(body[place : place + 1])
                    # Nobody is sent another byte once this portal has ended: a later test may count who sleeps.
                    if ended.wait(pace):
                        return
                if not pace:
                    self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    portal.url = f"https://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield portal
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
