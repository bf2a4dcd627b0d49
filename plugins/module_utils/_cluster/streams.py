# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A connection that an API server has switched to WebSocket: a port of a pod, or a command in a container, bounded in
time and bytes.

Kubernetes' subprotocol ``v4.channel.k8s.io``: the first byte of each message says the channel. A forwarded port has
two, for data (0) and for errors (1), and each begins with the port's number in two bytes; a command has stdin, stdout,
stderr and how it ended (0 to 3). Sources: RFC 6455; kubernetes, pkg/kubelet/cri/streaming (portforward/websocket.go,
remotecommand/websocket.go).
"""

from __future__ import annotations

import base64
import http.client
import io
import os
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from .._core.insight.asking import Page
from .._core.plain.content import Unusable
from .answers import CutOff

PROTOCOL = "v4.channel.k8s.io"
LARGEST_FRAME = 1 << 24
LONGEST_ERROR = 4096
MOST_HEADERS = 1 << 16
OVERHEAD = 64
"""Bytes of framing that each byte of payload may cost at the most: a server that sends empty messages for ever is not
listened to.
"""
_CONTINUED, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10


def upgrade_headers() -> dict[str, str]:
    """Return the headers that ask for the switch, beside who we are."""
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Protocol": PROTOCOL,
        "Sec-WebSocket-Version": "13",
    }


class Stream:
    """One switched connection. Nothing that comes over it is trusted: frames, messages and all bytes together are
    bounded.
    """

    def __init__(self, response: Any, most: int, deadline: float) -> None:
        """Take a response of status 101. ``most`` bytes are read until ``deadline``, which is of ``time.monotonic``."""
        self._response = response
        # What came with the answer's head is in the file of the response; what is sent goes to its socket.
        self._file = response._original_response.fp
        self._socket = response.connection.sock
        self._left = most
        self._messages = most // OVERHEAD + 1024
        self._deadline = deadline
        self._is_closed = False

    def close(self) -> None:
        """End the connection; it cannot be used again."""
        try:
            self._socket.close()
        finally:
            self._response.close()

    def send(self, channel: int, data: bytes) -> None:
        """Send a message to a channel."""
        self._send(_BINARY, bytes([channel]) + data)

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Give channel and bytes of each message, in pieces as they come, until the other end closes.

        Raises ``Unusable`` FED901 for what is no WebSocket or too much, ``CutOff`` at the deadline or where the
        connection breaks.
        """
        channel: int | None = None
        while not self._is_closed:
            opcode, is_last, payload = self._frame()
            if opcode == _CLOSE:
                self._is_closed = True
            elif opcode == _PING:
                # The other end may have gone, and what it said before is still to be read.
                with suppress(OSError):
                    self._send(_PONG, payload)
            elif opcode in (_CONTINUED, _TEXT, _BINARY):
                if opcode != _CONTINUED and payload:
                    channel, payload = payload[0], payload[1:]
                if payload and channel is None:
                    raise Unusable("FED901", "is not a message of a channel")
                if payload:
                    yield channel or 0, payload
                channel = None if is_last else channel
            elif opcode != _PONG:
                raise Unusable("FED901", "has a frame of an unknown kind")

    def _frame(self) -> tuple[int, bool, bytes]:
        self._messages -= 1
        if self._messages < 0:
            raise Unusable("FED901", "is more messages than bytes are due")
        head = self._read(2)
        opcode, is_last, size = head[0] & 15, bool(head[0] & 128), head[1] & 127
        if head[1] & 128 or head[0] & 112:
            raise Unusable("FED901", "is not framed as a server frames it")
        if size == 126:
            (size,) = struct.unpack(">H", self._read(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self._read(8))
        if size > min(LARGEST_FRAME, self._left):
            raise Unusable("FED901", "is larger than the limit", is_too_large=True)
        self._left -= size
        return opcode, is_last, self._read(size)

    def _read(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise CutOff("no more data arrived in time")
            self._socket.settimeout(left)
            # One read of what is there: a server that sends byte by byte must not outlive the deadline.
            block = self._file.read1(size - len(content))
            if not block:
                # The other end says goodbye: without it nobody knows whether this was all.
                raise CutOff("the connection broke")
            content += block
        return bytes(content)

    def _send(self, opcode: int, payload: bytes) -> None:
        size, mask = len(payload), os.urandom(4)
        if size < 126:
            head = struct.pack(">BB", 128 | opcode, 128 | size)
        elif size < 1 << 16:
            head = struct.pack(">BBH", 128 | opcode, 128 | 126, size)
        else:
            head = struct.pack(">BBQ", 128 | opcode, 128 | 127, size)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self._socket.settimeout(max(0.05, self._deadline - time.monotonic()))
        self._socket.sendall(head + mask + masked)


class _Port(io.RawIOBase):
    """A forwarded port as a file to read from; what the other end says of an error is kept."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._messages = stream.messages()
        self._rest = b""
        self._greeted: set[int] = set()
        self.error = ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            found = next(self._messages, None)
            if found is None:
                return 0
            channel, data = found
            if channel not in self._greeted:
                # Each channel begins with the number of the port.
                self._greeted.add(channel)
                data = data[2:]
            if channel == 1:
                self.error = (self.error + data.decode("utf-8", "replace"))[:LONGEST_ERROR]
            elif channel == 0:
                self._rest = data
            else:
                raise Unusable("FED901", "names a channel that was not asked for")
            if self.error:
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def makefile(self, *_mode: Any, **_more: Any) -> io.BufferedReader:
        """Be the socket that the HTTP library reads an answer from."""
        return io.BufferedReader(self, 1 << 16)


class Unreached(Exception):
    """The other end of a forwarded port says that it cannot be reached, and why."""


def target_of(page: Page) -> str:
    """Return a page's path with its query, as it is sent."""
    return f"{page.path}?{urlencode(page.query)}" if page.query else page.path


def command_of(page: Page, program: str) -> list[str]:
    """Return the command that asks for a page from inside its pod. Source: istio, pilot-agent request, pilot-discovery
    request.
    """
    target = target_of(page)
    return [program, "request", "GET", target.lstrip("/") if program == "pilot-agent" else target]


def asked_through(stream: Stream, page: Page) -> tuple[int, bytes]:
    """Ask for one page over a forwarded port; return its HTTP status and its content.

    Raises ``Unreached`` where nothing listens there, ``Unusable`` FED901 for what is not HTTP or too large, ``CutOff``
    as ``messages``.
    """
    request = (
        f"GET {target_of(page)} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    stream.send(0, request.encode("ascii"))
    port = _Port(stream)
    response = http.client.HTTPResponse(port, method="GET")  # type: ignore[arg-type]
    try:
        response.begin()
        content = response.read(page.most + 1)
    except http.client.IncompleteRead:
        raise CutOff("the page ended early") from None
    except http.client.HTTPException as error:
        if port.error:
            raise Unreached(port.error) from None
        if isinstance(error, http.client.RemoteDisconnected):
            raise CutOff("the port was closed without an answer") from None
        raise Unusable("FED901", f"is not HTTP ({type(error).__name__})") from None
    if response.length and len(content) <= page.most:
        raise CutOff("the page ended early")
    if len(content) > page.most:
        raise Unusable("FED901", f"is larger than {page.most:,} bytes", is_too_large=True)
    return response.status, content


def printed(stream: Stream, most: int) -> tuple[bytes, str]:
    """Return what a command wrote to stdout, at most ``most`` bytes, and how it ended: the API's Status as text, or
    empty.
    """
    content, ended = bytearray(), bytearray()
    for channel, data in stream.messages():
        if channel == 1:
            content += data
        elif channel == 3:
            ended += data[: LONGEST_ERROR - len(ended)]
        elif channel != 2:
            raise Unusable("FED901", "names a channel that was not asked for")
        if len(content) > most:
            raise Unusable("FED901", f"is larger than {most:,} bytes", is_too_large=True)
    return bytes(content), ended.decode("utf-8", "replace")


def ran(stream: Stream, most: int) -> tuple[bytes, bytes, str]:
    """Return what a command wrote to stdout and to stderr, at most ``most`` bytes each, and how it ended: the API's
    Status as text.

    A command that writes more is not listened to any longer, and how it ended is empty.
    """
    written: dict[int, bytearray] = {1: bytearray(), 2: bytearray(), 3: bytearray()}
    for channel, data in stream.messages():
        if channel not in written:
            raise Unusable("FED901", "names a channel that was not asked for")
        written[channel] += data[: max(0, (LONGEST_ERROR if channel == 3 else most + 1) - len(written[channel]))]
        if max(len(written[1]), len(written[2])) > most:
            return bytes(written[1][:most]), bytes(written[2][:most]), ""
        if channel == 3:
            break
    return bytes(written[1]), bytes(written[2]), written[3].decode("utf-8", "replace")
