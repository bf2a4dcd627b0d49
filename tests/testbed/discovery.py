"""The discovery protocol between two istiods: a list of exported services and a stream of changes (HTTP, JSON).

The caller goes through its own egress gateway and names the peer by headers; the peer's ingress gateway writes the
name by which it knows the caller into the path (federation reference, section 7.1).
"""

from __future__ import annotations

import http.client
import json
import queue
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Protocol

from .serving import QuietServer, Serving


class DiscoveryError(Exception):
    """A call that failed; its text is what istiod writes as ``lastDisconnectStatus``."""


class Stream:
    """The events of one inbound watch, from istiod to the peer that watches."""

    def __init__(self) -> None:
        self._events: queue.Queue = queue.Queue()

    def send(self, event: dict) -> None:
        """Send ``event`` to the peer."""
        self._events.put(event)

    def end(self) -> None:
        """End the stream in good order."""
        self._events.put(None)

    def next(self, seconds: float) -> dict | None:
        """Return the next event, None at the end of the stream; raises ``queue.Empty`` after ``seconds``."""
        return self._events.get(timeout=seconds)


class Exporter(Protocol):
    """What the server asks of its istiod; ``peer`` is taken from the path, ``source`` from X-Forwarded-For."""

    def list_for(self, peer: str, source: str) -> dict | int | None:
        """Return the list message for ``peer``, None when there is no such peer, or the status of an error."""

    def watch_of(self, peer: str, source: str) -> Stream | None:
        """Return a stream for ``peer``, or None when there is no such peer."""

    def watch_ended(self, peer: str, source: str, stream: Stream) -> None:
        """Take note that the peer no longer follows ``stream``."""


class DiscoveryServer(Serving):
    """istiod's port 8188 on ``address``. A watch is ended in good order after ``watch_seconds()``."""

    def __init__(self, address: tuple[str, int], exporter: Exporter, watch_seconds: Callable[[], float]) -> None:
        server = _Server(address, _Handler)
        server.exporter = exporter
        server.watch_seconds = watch_seconds
        self._stopping = server.stopping
        super().__init__(server, "discovery")

    def stop(self) -> None:
        """Stop serving; streams end within a second."""
        self._stopping.set()
        super().stop()


class _Server(QuietServer):
    request_queue_size = 128
    exporter: Exporter
    watch_seconds: Callable[[], float]

    def __init__(self, *arguments: object) -> None:
        self.stopping = threading.Event()
        super().__init__(*arguments)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        _empty, version, what, *rest = [*self.path.split("/"), "", ""][:5]
        peer = rest[0] if rest else ""
        source = self.headers.get("x-forwarded-for", "").split(",")[0].strip()
        if version == "v1" and what == "services":
            self._answer(self.server.exporter.list_for(peer, source))
        elif version == "v1" and what == "watch":
            self._stream(peer, source)
        else:
            self.send_error(404)

    def _answer(self, message: dict | int | None) -> None:
        if message is None or isinstance(message, int):
            self.send_error(message or 400)
            return
        body = json.dumps(message).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, peer: str, source: str) -> None:
        stream = self.server.exporter.watch_of(peer, source)
        if stream is None:
            self.send_error(400)
            return
        try:
            self.send_response(200)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            self._send_events(stream)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True
        finally:
            self.server.exporter.watch_ended(peer, source, stream)

    def _send_events(self, stream: Stream) -> None:
        began = time.monotonic()
        while time.monotonic() - began < self.server.watch_seconds() and not self.server.stopping.is_set():
            try:
                event = stream.next(0.5)
            except queue.Empty:
                if select.select([self.connection], [], [], 0)[0]:
                    raise ConnectionResetError("the watching side went away") from None
                continue
            if event is None:
                return
            line = json.dumps(event).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Calls are not logged: statuses tell them."""


@dataclass(frozen=True)
class Caller:
    """How one istiod reaches one peer: through ``egress``, from its own address, with the headers of that peer."""

    egress: tuple[str, int]
    own_address: str
    discovery_service: str
    remote: str

    def fetch_list(self, seconds: float = 10) -> dict:
        """Return the peer's list message; raises ``DiscoveryError``."""
        connection = self._connection(seconds)
        try:
            response = self._get(connection, "/v1/services/")
            return json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DiscoveryError(_network_error(self.egress, error)) from error
        finally:
            connection.close()

    def open_watch(self) -> Watch:
        """Return a watch that the peer has accepted; raises ``DiscoveryError``."""
        connection = self._connection(10)
        try:
            connection.connect()
            plain = connection.sock  # the connection forgets it when the answer says that it will be closed
            response = self._get(connection, "/v1/watch")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise DiscoveryError(_network_error(self.egress, error)) from error
        except DiscoveryError:
            connection.close()
            raise
        plain.settimeout(None)
        return Watch(plain, response)

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.egress, timeout=seconds, source_address=(self.own_address, 0))

    def _get(self, connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
        connection.request("GET", path, headers={"discovery-service": self.discovery_service, "remote": self.remote})
        response = connection.getresponse()
        if response.status != 200:
            raise DiscoveryError(f"{response.status} {response.reason}")
        return response


class Watch:
    """One outbound watch. ``events`` ends in good order, or raises ``DiscoveryError`` when the connection breaks."""

    def __init__(self, connection: socket.socket, response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response

    def events(self) -> Iterator[dict]:
        """Yield the peer's events as they come."""
        rest = b""
        while True:
            try:
                some = self._response.read1(65536)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise DiscoveryError("unexpected EOF") from error
            if not some:
                return
            *lines, rest = (rest + some).split(b"\n")
            for line in lines:
                yield json.loads(line)

    def close(self) -> None:
        """Break the connection, whatever another thread reads from it."""
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is down already
        self._connection.close()


def _network_error(target: tuple[str, int], error: Exception) -> str:
    """Return a network error in the words of Go's net package, as istiod's status has them."""
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {target[0]}:{target[1]}: connect: connection refused"
    if isinstance(error, TimeoutError):
        return f"dial tcp {target[0]}:{target[1]}: i/o timeout"
    return "EOF"
