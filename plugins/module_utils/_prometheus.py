# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one place that asks Prometheus: instant queries alone, within bounds of time and size, and without following it elsewhere."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from ._core.plain.errors import FederationError
from ._core.traffic.measuring import Row, rows_of

LARGEST = 4 << 20
SECONDS = 20.0
"""Seconds that one question may take, whatever answers."""


class Prometheus:
    """A Prometheus at ``url``, asked with a bearer ``token`` where there is one. ``word`` is how the user calls the option with the URL."""

    def __init__(self, url: str, token: str = "", ca_cert: str = "", *, word: str = "prometheus_url", seconds: float = SECONDS) -> None:
        self._word, self._token, self._seconds = word, token, seconds
        try:
            self._parts = urlsplit(url)
            self._port = self._parts.port
        except ValueError:
            raise self._failed("is no URL") from None
        if self._parts.scheme not in ("http", "https") or not self._parts.hostname or self._parts.query or self._parts.username is not None:
            raise self._failed("is no URL of the form https://host[:port][/path], without user and query")
        if token and self._parts.scheme == "http":
            raise self._failed("is http, and the token would travel in clear text")
        self._trust = None
        try:
            self._trust = ssl.create_default_context(cafile=ca_cert or None) if self._parts.scheme == "https" else None
        except (OSError, ssl.SSLError) as error:
            raise self._failed(f"has a CA file that cannot be used ({getattr(error, 'strerror', None) or type(error).__name__})") from None

    @classmethod
    def of(cls, params: Mapping[str, Any], word: str) -> Prometheus | None:
        """Return the Prometheus that a module's options name, None where they name none."""
        url = params["prometheus_url"]
        return cls(url, params["prometheus_token"] or "", params["prometheus_ca_cert"] or "", word=word) if url else None

    def ask(self, query: str) -> list[Row]:
        """Return the rows that answer ``query``. Raises ``FederationError`` FED875 where no answer comes, or none that can be read."""
        found: list[tuple[int, bytes] | Exception] = []
        # A thread, since a peer that sends a byte now and then is within every timeout of a socket.
        thread = threading.Thread(target=self._get, args=(query, found), daemon=True)
        thread.start()
        thread.join(self._seconds)
        if not found:
            raise self._failed(f"has not answered within {self._seconds:g} s")
        answer = found[0]
        if isinstance(answer, Exception):
            raise self._failed(f"cannot be asked: {_reason(answer)}")
        status, body = answer
        if status in (401, 403):
            raise self._failed(f"does not let us ask (status {status})")
        if status != 200:
            raise self._failed(f"answers with status {status}")
        if len(body) > LARGEST:
            raise self._failed(f"answers with more than {LARGEST >> 20} MiB")
        try:
            rows = rows_of(json.loads(body))
        except (ValueError, RecursionError):
            rows = None
        if rows is None:
            raise self._failed("answers with something else than the result of a query")
        return rows

    def _get(self, query: str, found: list) -> None:
        host, port = str(self._parts.hostname), self._port
        connection: http.client.HTTPConnection
        if self._trust is not None:
            connection = http.client.HTTPSConnection(host, port or 443, timeout=self._seconds, context=self._trust)
        else:
            connection = http.client.HTTPConnection(host, port or 80, timeout=self._seconds)
        try:
            headers = {"Accept": "application/json", **({"Authorization": f"Bearer {self._token}"} if self._token else {})}
            connection.request("GET", f"{self._parts.path.rstrip('/')}/api/v1/query?{urlencode({'query': query})}", headers=headers)
            answer = connection.getresponse()
            found.append((answer.status, answer.read(LARGEST + 1)))
        except (OSError, http.client.HTTPException, ValueError) as error:
            found.append(error)
        finally:
            connection.close()

    def _failed(self, what: str) -> FederationError:
        where = self._word
        if getattr(self, "_parts", None) is not None and self._parts.hostname:
            where = f"{self._word}, {self._parts.hostname}"
        return FederationError(
            "FED875",
            where=where,
            what=what,
            fix="Check the URL, the CA file and the token: a bearer token that may query, such as that of a service account with cluster-monitoring-view",
        )


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, socket.gaierror):
        return "its name does not resolve"
    return getattr(error, "strerror", None) or type(error).__name__
