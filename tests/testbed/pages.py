# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two servers beside a test mesh's istiod: its debug pages, and the DNS that its pods see."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from .serving import QuietServer, Serving

PORT = 15014
Pages = Mapping[str, Callable[[], Any]]
NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME = 0, 2, 3
_SECONDS_TO_LIVE = 1


class DebugPages(Serving):
    """istiod's debug port at ``address``: ``pages`` maps a path to what its content is made of, as JSON, when it is
    asked for.
    """

    def __init__(self, address: str, pages: Pages) -> None:
        server = _Server((address, PORT), _Handler)
        server.pages = pages
        super().__init__(server, "pages")


class _Server(QuietServer):
    pages: Pages


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            self.send_error(404)
            return
        body = json.dumps(page()).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Questions are not logged."""


class NameServer(Serving):
    """A DNS server over UDP at ``address``. ``look`` returns the IPv4 addresses of a name, or one of the codes of RFC
    1035.
    """

    def __init__(self, address: str, look: Callable[[str], list[str] | int]) -> None:
        server = socketserver.ThreadingUDPServer((address, 0), _Question)
        server.daemon_threads = True
        server.look = look  # type: ignore[attr-defined]
        self.place: tuple[str, int] = server.server_address  # type: ignore[assignment]
        super().__init__(server, "names")


class _Question(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        asked, answering = self.request
        if len(asked) < 17:
            return
        name, end = _name_in(asked)
        kind = struct.unpack(">H", asked[end : end + 2])[0]
        found = self.server.look(name)  # type: ignore[attr-defined]
        code, addresses = (found, []) if isinstance(found, int) else (NO_ERROR, found if kind == 1 else [])
        head = asked[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(addresses), 0, 0)
        records = [
            b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, _SECONDS_TO_LIVE, 4) + socket.inet_aton(each) for each in addresses
        ]
        answering.sendto(head + asked[12 : end + 4] + b"".join(records), self.client_address)


def _name_in(message: bytes) -> tuple[str, int]:
    """Return the name that a question asks for, and where it ends."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode("ascii", "replace"))
        at += 1 + message[at]
    return ".".join(labels).lower(), at + 1
