# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands between two meshes: a load balancer or a firewall, which passes TCP on until it is told to do something
else.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .authority import Identity

_POLL_SECONDS = 0.1
_PLAIN_ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset


@dataclass(frozen=True)
class Way:
    """What is done with connections to one port. ``kind``: ``pass``, ``refuse``, ``drop`` (no answer at all), ``plain``
    (HTTP in clear), ``tls`` (ends TLS with ``identity``, and with ``roots`` takes clients of these alone), ``cut``
    (ends each after ``seconds``, in good order or by a reset with ``is_rude``), ``forget`` (one that was idle for
    ``seconds`` is reset at its next byte).
    """

    kind: str = "pass"
    seconds: float = 0.0
    is_rude: bool = False
    identity: Identity | None = None
    roots: str = ""


class Middlebox:
    """Listens at ``address`` on each port of ``targets`` and passes connections on to its target."""

    def __init__(self, address: str, targets: Mapping[int, tuple[str, int]]) -> None:
        self.address = address
        self.targets = dict(targets)
        self._ports = {port: _Port(self, port) for port in targets}

    def treat(self, port: int, way: Way) -> None:
        """Treat connections to a port so from now on; those that are open end."""
        self._ports[port].treat(way)

    def stop(self) -> None:
        """Stop listening; all connections end."""
        for port in self._ports.values():
            port.close()


class _Port:
    def __init__(self, box: Middlebox, port: int) -> None:
        self._box, self._port = box, port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._generation = 0
        self._listening: list[socket.socket] = []
        self.treat(Way())

    def treat(self, way: Way) -> None:
        self.close()
        with self._lock:
            self._generation += 1
            generation = self._generation
        if way.kind == "refuse":
            return
        place = (self._box.address, self._port)
        if way.kind == "drop":
            # Once the queue of a socket that nobody accepts from is full, the kernel drops what else wants to connect.
            full = socket.create_server(place, backlog=0)
            fillers = [socket.socket() for _number in range(2)]
            for each in fillers:
                each.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    each.connect(place)
            self._listening = [full, *fillers]
            return
        server = socket.create_server(place, backlog=128)
        self._listening = [server]
        threading.Thread(target=self._accept, args=(server, way, generation), name="middlebox", daemon=True).start()

    def close(self) -> None:
        for each in self._listening:
            # An accept in another thread holds the socket open until it is shut down.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._listening = []
        with self._lock:
            open_, self._open = self._open, set()
        for each in open_:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, server: socket.socket, way: Way, generation: int) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _from = server.accept()
                threading.Thread(
                    target=self._serve, args=(client, way, generation), name="connection", daemon=True
                ).start()

    def _serve(self, client: socket.socket, way: Way, generation: int) -> None:
        with client:
            with self._lock:
                if generation != self._generation:
                    return
                self._open.add(client)
            with contextlib.suppress(OSError):
                self._treat(client, way)
            with self._lock:
                self._open.discard(client)

    def _treat(self, client: socket.socket, way: Way) -> None:
        if way.kind == "plain":
            client.settimeout(2)
            client.recv(4096)
            client.sendall(_PLAIN_ANSWER)
        elif way.kind == "tls":
            _end_tls(client, way)
        else:
            with socket.create_connection(self._box.targets[self._port], timeout=5) as server:
                _relay(client, server, way)


def _relay(client: socket.socket, server: socket.socket, way: Way) -> None:
    """Copy both ways until an end closes, or the way says otherwise."""
    began = heard = time.monotonic()
    ends = {client: server, server: client}
    while True:
        ready = select.select(list(ends), [], [], _POLL_SECONDS)[0]
        now = time.monotonic()
        is_over = (way.kind == "cut" and now - began > way.seconds) or (
            way.kind == "forget" and bool(ready) and now - heard > way.seconds
        )
        if is_over:
            if way.is_rude or way.kind == "forget":
                for end in ends:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            return
        for end in ready:
            some = end.recv(65536)
            if not some:
                return
            heard = now
            ends[end].sendall(some)


def _end_tls(client: socket.socket, way: Way) -> None:
    assert way.identity is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with _file_of(way.identity.key + way.identity.chain) as chain:
        context.load_cert_chain(chain)
    if way.roots:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=way.roots)
    client.settimeout(2)
    with contextlib.suppress(ssl.SSLError), context.wrap_socket(client, server_side=True) as secured:
        secured.recv(4096)
        secured.sendall(_PLAIN_ANSWER)


@contextlib.contextmanager
def _file_of(text: str) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            written.write(text)
        yield Path(name)
    finally:
        os.unlink(name)
