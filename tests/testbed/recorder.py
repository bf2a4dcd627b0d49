# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stands before a port of a pod and notes what it is asked for: one request each connection, and how many of them were
under way at once.

A request has no body here, and whoever answers it closes the connection.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """Whose pod and which of its ports was asked, for what, and how many requests to all pods were under way then."""

    pod: str
    port: int
    method: str
    target: str
    at_once: int


class Recorder:
    """Notes requests to the ports that it stands before. All of it ends with ``stop``."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._open = 0
        self._lock = threading.Lock()
        self._servers: list[socketserver.ThreadingTCPServer] = []

    def before(self, pod: str, port: int, place: tuple[str, int]) -> tuple[str, int]:
        """Return where to ask instead of ``place``, which is ``port`` of ``pod``."""
        recorder = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    recorder._pass_on(pod, port, self.request, place)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

        server = Server(("127.0.0.1", 0), Handler)
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return "127.0.0.1", server.server_address[1]

    def stop(self) -> None:
        """Listen no more."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _pass_on(self, pod: str, port: int, client: socket.socket, place: tuple[str, int]) -> None:
        head = client.recv(1 << 16)
        if not head:
            return
        method, _space, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        with self._lock:
            self._open += 1
            self.requests.append(Request(pod, port, method, rest.rpartition(" ")[0], self._open))
        try:
            with socket.create_connection(place, timeout=30) as server:
                server.sendall(head)
                while part := server.recv(1 << 16):
                    client.sendall(part)
        finally:
            # Before the other end learns that this was all, and asks for the next.
            with self._lock:
                self._open -= 1
