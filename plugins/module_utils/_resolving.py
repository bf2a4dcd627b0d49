# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What DNS names are, as the machine that runs Ansible sees them; never longer than asked for, and never an error."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable

MOST_NAMES = 64


def resolved(names: Iterable[str], seconds: float = 3.0) -> dict[str, list[str]]:
    """Return the addresses of each name, none for one that does not resolve; names without an answer in time are
    missing.

    ``seconds`` bounds all of it. A resolver cannot be told to stop, so each name has a thread that ends with the
    process.
    """
    found: dict[str, list[str]] = {}
    threads = [threading.Thread(target=_resolve, args=(name, found), daemon=True) for name in list(names)[:MOST_NAMES]]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(found)


def _resolve(name: str, found: dict[str, list[str]]) -> None:
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the second: a label that no DNS name can have
        answers = []
    found[name] = sorted({str(answer[4][0]) for answer in answers})
