# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A server on loopback that does to each connection what a test says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Give the port of a server on loopback that serves each connection so, until it fails or is over."""
    listening = socket.create_server(("127.0.0.1", 0))

    def each(way: socket.socket) -> None:
        with contextlib.suppress(OSError), way:
            way.settimeout(5)
            serve(way)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=each, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
