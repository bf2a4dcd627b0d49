# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The other end of a forwarded port and of a command in a container, as a kubelet speaks it (``v4.channel.k8s.io``)."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit

from attacks.api import Asked, Switched

HEAD = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol:"
    b" v4.channel.k8s.io\r\n\r\n"
)
_BELOW = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/(portforward|exec)")
# An API server asks a kubelet in these words.
_OF_KUBELET = re.compile(r"/(portForward|exec)/([^/]+)/([^/]+)(?:/[^/]+)?")
# Answers GET of a path at a port of a pod (0 for a command): its body, (status, body), or None where nothing listens.
Pages = Callable[[str, str, int, str], "bytes | str | tuple[int, bytes] | None"]


def frame(payload: bytes, opcode: int = 2) -> bytes:
    """Return one frame as a server sends it."""
    size = len(payload)
    if size < 126:
        return struct.pack(">BB", 128 | opcode, size) + payload
    if size < 1 << 16:
        return struct.pack(">BBH", 128 | opcode, 126, size) + payload
    return struct.pack(">BBQ", 128 | opcode, 127, size) + payload


def received(file: BinaryIO) -> bytes:
    """Return the payload of the next frame of a client, which must be masked."""
    _first, second = file.read(2)
    assert second & 128, "a client masks what it sends"
    size = second & 127
    if size == 126:
        (size,) = struct.unpack(">H", file.read(2))
    mask, payload = file.read(4), file.read(size)
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


# What a command in a container comes to: stdout, stderr, and its exit code, None for a program that is not there.
Commands = Callable[[str, str, str, "list[str]"], "tuple[bytes, bytes, int | None]"]


def tunnelling(pages: Pages, commands: Commands | None = None) -> Callable[[Asked], Switched | None]:
    """Return what makes an API server in memory forward ports and run commands, with ``pages`` at their other end, or
    ``commands``.
    """

    def told(asked: Asked) -> Switched | None:
        url = urlsplit(asked.target)
        found, of_kubelet = _BELOW.fullmatch(url.path), _OF_KUBELET.fullmatch(url.path)
        if not (found or of_kubelet) or "websocket" not in asked.headers.get("upgrade", ""):
            return None
        namespace, pod, way = found.groups() if found else (of_kubelet[2], of_kubelet[3], of_kubelet[1])
        query = parse_qs(url.query)
        if way == "exec" and commands:
            container = query["container"][-1] if found else url.path.rpartition("/")[2]
            return Switched(lambda _file: _ended(*commands(namespace, pod, container, query["command"])))
        if way == "exec":
            target = query["command"][-1]
            return Switched(lambda _file: _printed(pages(namespace, pod, 0, target)))
        port = int((query.get("ports") or query["port"])[0])
        return Switched(lambda file: _forwarded(file, port, lambda target: pages(namespace, pod, port, target)))

    return told


def _ended(stdout: bytes, stderr: bytes, code: int | None) -> Iterator[bytes]:
    yield HEAD
    for channel, content in ((b"\x01", stdout), (b"\x02", stderr)):
        for at in range(0, len(content), 30_000):
            yield frame(channel + content[at : at + 30_000])
    status: dict = {"status": "Success"}
    if code is None:
        status = {
            "status": "Failure",
            "reason": "InternalError",
            "message": "executable file not found in $PATH",
            "code": 500,
        }
    elif code:
        causes = {"causes": [{"reason": "ExitCode", "message": str(code)}]}
        status = {"status": "Failure", "reason": "NonZeroExitCode", "details": causes}
    yield frame(b"\x03" + json.dumps(status).encode()) + frame(b"", 8)


def _printed(body: object) -> Iterator[bytes]:
    yield HEAD
    content = body.encode() if isinstance(body, str) else body
    if isinstance(content, bytes):
        yield frame(b"\x01" + content)
    state = (
        {"status": "Success"}
        if isinstance(content, bytes)
        else {"status": "Failure", "message": "command terminated with exit code 1"}
    )
    yield frame(b"\x03" + json.dumps(state).encode()) + frame(b"", 8)


def _forwarded(file: BinaryIO, port: int, page: Callable[[str], object]) -> Iterable[bytes]:
    yield HEAD
    number = struct.pack("<H", port)
    yield frame(b"\x00" + number) + frame(b"\x01" + number)
    request = received(file)
    assert request.startswith(b"\x00GET "), request[:40]
    body = page(request[1:].split(b" ")[1].decode())
    if body is None:
        yield frame(b"\x01" + f"connection refused on port {port}".encode()) + frame(b"", 8)
        return
    status, content = body if isinstance(body, tuple) else (200, body)
    content = content.encode() if isinstance(content, str) else content
    answer = f"HTTP/1.1 {status} it is\r\nConnection: close\r\n\r\n".encode() + content
    # A ping, which some proxies send; then in pieces, as a kubelet copies them.
    yield frame(b"there?", 9)
    received(file)
    for at in range(0, len(answer), 30_000):
        yield frame(b"\x00" + answer[at : at + 30_000])
    yield frame(b"", 8)
