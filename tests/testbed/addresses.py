# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Loopback addresses of a testbed's own, so that testbeds can run side by side and every gateway has the
usual ports.
"""

from __future__ import annotations

import socket
import threading

_FIRST_BLOCK, _LAST_BLOCK = 16, 250
_PER_ROW = 254


class Addresses:
    """One block ``127.<block>.0.0/16``, held by this process until ``release()`` or its end, also a sudden one.

    A block is held by listening on a Linux abstract socket named after it: the kernel gives it back with the process,
    and its names reach exactly as far as the loopback addresses do. Raises ``OSError`` when all blocks are taken.
    """

    def __init__(self) -> None:
        self._held, self.block = _free_block()
        self._lock = threading.Lock()
        self._numbers: dict[tuple[str, ...], int] = {}
        self._given = 0

    def for_service(self, cluster: str, namespace: str, name: str) -> str:
        """Return the address of a Service, a gateway or a workload: the same for the same three words until renewed,
        never shared.
        """
        return self.for_key("service", cluster, namespace, name)

    def for_key(self, *words: str) -> str:
        """Return the address that belongs to ``words``: stable until renewed, and of nothing else."""
        with self._lock:
            if words not in self._numbers:
                self._number(words)
            number = self._numbers[words]
        return f"127.{self.block}.{number // _PER_ROW}.{number % _PER_ROW + 1}"

    def renew_service(self, cluster: str, namespace: str, name: str) -> str:
        """Return another address for a Service: its own from now on, and never anybody's before."""
        words = ("service", cluster, namespace, name)
        with self._lock:
            self._number(words)
        return self.for_key(*words)

    def _number(self, words: tuple[str, ...]) -> None:
        self._numbers[words] = self._given
        self._given += 1

    def release(self) -> None:
        """Give the block back."""
        self._held.close()


def _free_block() -> tuple[socket.socket, int]:
    for block in range(_FIRST_BLOCK, _LAST_BLOCK + 1):
        held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            held.bind(f"\0ossm-federation-testbed-127.{block}")
        except OSError:
            held.close()
            continue
        return held, block
    raise OSError(f"no block of loopback addresses is free: {_LAST_BLOCK - _FIRST_BLOCK + 1} testbeds are running")


def free_port(address: str) -> int:
    """Return a TCP port of ``address`` that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]
