# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a server that is no Kubernetes API is asked: one GET, within bounds of time and size, and without following it elsewhere."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult

from ._core.plain.errors import FederationError

LARGEST = 4 << 20


def trust_in(ca_cert: str) -> ssl.SSLContext | str:
    """Return whom TLS trusts, those of a PEM file or, without one, those of the machine; or in words why the file cannot be used."""
    try:
        return ssl.create_default_context(cafile=ca_cert or None)
    except (OSError, ssl.SSLError) as error:
        return getattr(error, "strerror", None) or type(error).__name__


def got(
    url: SplitResult,
    path: str,
    headers: Mapping[str, str],
    trust: ssl.SSLContext | None,
    seconds: float,
    failed: Callable[[str], FederationError],
) -> tuple[int, bytes]:
    """Return status and body of what stands at ``path`` below ``url``; ``trust`` is None for plain HTTP. ``seconds`` bounds all of it.

    A body of more than ``LARGEST`` bytes is cut one byte later: see ``bounded``. Raises what ``failed`` makes of the reason, where no answer comes.
    """
    found: list[tuple[int, bytes] | Exception] = []
    # A thread, since a peer that sends a byte now and then is within every timeout of a socket.
    words = (url, path, headers, trust, seconds, found)
    thread = threading.Thread(target=_get, args=words, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise failed(f"has not answered within {seconds:g} s")
    answer = found[0]
    if isinstance(answer, Exception):
        raise failed(f"cannot be asked: {_reason(answer)}")
    return answer


def bounded(status: int, body: bytes, failed: Callable[[str], FederationError]) -> bytes:
    """Return the body of a good answer. Raises what ``failed`` makes of any other status, and of a body that is too large."""
    if status != 200:
        raise failed(f"answers with status {status}")
    if len(body) > LARGEST:
        raise failed(f"answers with more than {LARGEST >> 20} MiB")
    return body


def _get(url: SplitResult, path: str, headers: Mapping[str, str], trust: ssl.SSLContext | None, seconds: float, found: list) -> None:
    host = str(url.hostname)
    connection: http.client.HTTPConnection
    if trust is not None:
        connection = http.client.HTTPSConnection(host, url.port or 443, timeout=seconds, context=trust)
    else:
        connection = http.client.HTTPConnection(host, url.port or 80, timeout=seconds)
    try:
        connection.request("GET", f"{url.path.rstrip('/')}{path}", headers={"Accept": "application/json", **headers})
        answer = connection.getresponse()
        found.append((answer.status, answer.read(LARGEST + 1)))
    except (OSError, http.client.HTTPException, ValueError) as error:
        found.append(error)
    finally:
        connection.close()


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, socket.gaierror):
        return "its name does not resolve"
    return getattr(error, "strerror", None) or type(error).__name__
