# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a server that is no Kubernetes API is asked: one request, within bounds of time and size, and without following
it elsewhere.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import SplitResult

from ._core.plain.errors import FederationError

LARGEST = 4 << 20


def trust_in(ca_cert: str) -> ssl.SSLContext | str:
    """Return the TLS context that trusts the certificates of a PEM file or, without a file, those of the machine; or in
    words why the file cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=ca_cert or None)
    except (OSError, ssl.SSLError) as error:
        return getattr(error, "strerror", None) or type(error).__name__


class Unfit(Exception):
    """Nothing was sent to the address that a name led to; the text says why."""


@dataclass(frozen=True)
class Question:
    """One request. ``unfit`` is given the address that is about to be asked, and says why nothing may be sent there; ""
    where it may.
    """

    url: SplitResult
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes | None = None
    largest: int = LARGEST
    unfit: Callable[[str], str] = lambda _address: ""


@dataclass(frozen=True)
class Answer:
    """What came back: headers by their names in small letters, a body that is cut one byte beyond the bound, and the
    address that sent it.
    """

    status: int
    headers: Mapping[str, list[str]]
    body: bytes
    address: str

    def header(self, name: str) -> str:
        """The first header of a name; "" where there is none."""
        return self.headers.get(name, [""])[0]


class _Way:
    """A connection that can be ended from elsewhere, whatever its other end does."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None

    def end(self) -> None:
        """Wake the thread that waits for the other end; it reads nothing more."""
        with suppress(OSError):
            if self.socket is not None:
                # That of the plain socket: that of TLS would also drop its keys while the other thread still reads.
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


def asked(
    question: Question, trust: ssl.SSLContext | None, seconds: float, failed: Callable[[str], FederationError]
) -> Answer:
    """Return the answer to one question; ``trust`` is None for plain HTTP. ``seconds`` bounds all of it.

    Raises what ``failed`` makes of the reason, where no answer comes, and ``Unfit``.
    """
    found: list[Answer | Exception] = []
    way = _Way()
    # A thread, since a peer that sends a byte now and then is within every timeout of a socket.
    thread = threading.Thread(target=_ask, args=(question, trust, seconds, way, found), daemon=True)
    thread.start()
    thread.join(seconds)
    # The bound of the socket and that of the whole question end at the same time; either means that no answer came.
    if not found or isinstance(found[0], TimeoutError):
        way.end()
        raise failed(f"has not answered within {seconds:g} s")
    answer = found[0]
    if isinstance(answer, Unfit):
        raise answer
    if isinstance(answer, Exception):
        raise failed(f"cannot be asked: {_reason(answer)}")
    return answer


def got(
    url: SplitResult,
    path: str,
    headers: Mapping[str, str],
    trust: ssl.SSLContext | None,
    seconds: float,
    failed: Callable[[str], FederationError],
) -> tuple[int, bytes]:
    """Return status and body of the page at ``path`` below ``url``, as ``asked`` does.

    A body of more than ``LARGEST`` bytes is cut one byte later: see ``bounded``.
    """
    answer = asked(Question(url, path, {"Accept": "application/json", **headers}), trust, seconds, failed)
    return answer.status, answer.body


def bounded(status: int, body: bytes, failed: Callable[[str], FederationError]) -> bytes:
    """Return the body of a good answer. Raises what ``failed`` makes of any other status, and of a body that is too
    large.
    """
    if status != 200:
        raise failed(f"answers with status {status}")
    if len(body) > LARGEST:
        raise failed(f"answers with more than {LARGEST >> 20} MiB")
    return body


def _ask(question: Question, trust: ssl.SSLContext | None, seconds: float, way: _Way, found: list) -> None:
    url = question.url
    host, port = str(url.hostname), url.port or (80 if trust is None else 443)
    connection: http.client.HTTPConnection
    if trust is not None:
        connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=trust)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        way.socket = socket.create_connection((host, port), timeout=seconds)
        address = str(way.socket.getpeername()[0])
        refused = question.unfit(address)
        if refused:
            raise Unfit(refused)
        if trust is not None:
            way.socket = trust.wrap_socket(way.socket, server_hostname=host)
        connection.sock = way.socket
        connection.request(
            question.method, f"{url.path.rstrip('/')}{question.path}", question.body, dict(question.headers)
        )
        told = connection.getresponse()
        headers = {name.lower(): told.headers.get_all(name) or [] for name in told.headers}
        found.append(Answer(told.status, headers, told.read(question.largest + 1), address))
    except (OSError, http.client.HTTPException, ValueError, Unfit) as error:
        found.append(error)
    finally:
        connection.close()
        if way.socket is not None:
            way.socket.close()


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, socket.gaierror):
        return "its name does not resolve"
    return getattr(error, "strerror", None) or type(error).__name__
