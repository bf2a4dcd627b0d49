# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What small servers of the testbed have in common: a thread of their own, and callers that may go away."""

from __future__ import annotations

import socketserver
import threading
from http.server import ThreadingHTTPServer


class QuietServer(ThreadingHTTPServer):
    """An HTTP server that waits for no caller when it is closed."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that went away is no event here."""


class Serving:
    """A server in a thread of its own."""

    def __init__(self, server: socketserver.BaseServer, name: str) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.2,), name=name, daemon=True)

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; who still waits for an answer gets none."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
