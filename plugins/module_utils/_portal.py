# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one place that asks 3scale's admin portal: by GET alone, over TLS, within bounds of time and size, and without following it elsewhere."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import threading
from typing import Any
from urllib.parse import urlsplit

from ._core.plain.errors import FederationError

LARGEST = 4 << 20
SECONDS = 30.0
"""Seconds that one question may take, whatever the portal does."""
_TOKEN_REFUSED = (401, 403)


class Portal:
    """An admin portal at ``url``; ``token`` is the access token, which travels in a header and stands in no URL."""

    def __init__(self, url: str, token: str, ca_cert: str = "", seconds: float = SECONDS) -> None:
        self._parts = urlsplit(url)
        self._host = str(self._parts.hostname)
        self._token = token
        self._seconds = seconds
        try:
            self._trust = ssl.create_default_context(cafile=ca_cert or None)
        except (OSError, ssl.SSLError) as error:
            what = f"cannot be used as a file of certificates ({getattr(error, 'strerror', None) or type(error).__name__})"
            raise FederationError("FED890", where="mesh_threescale, portal: ca_cert", what=what, fix="Name a PEM file that can be read") from None

    def get(self, path: str) -> Any:
        """Return what stands at a path, parsed. Raises ``FederationError``: FED890, FED891 for the token, FED892 where nothing is."""
        found: list[tuple[int, bytes] | Exception] = []
        # A thread, since a peer that sends a byte now and then is within every timeout of a socket.
        thread = threading.Thread(target=self._ask, args=(path, found), daemon=True)
        thread.start()
        thread.join(self._seconds)
        if not found:
            raise self._failed(f"has not answered within {self._seconds:g} s")
        answer = found[0]
        if isinstance(answer, Exception):
            raise self._failed(f"cannot be asked: {_reason(answer)}")
        return self._read(path, *answer)

    def _ask(self, path: str, found: list) -> None:
        connection = http.client.HTTPSConnection(self._host, self._parts.port or 443, timeout=self._seconds, context=self._trust)
        try:
            login = base64.b64encode(f"{self._token}:".encode()).decode()
            headers = {"Authorization": f"Basic {login}", "Accept": "application/json"}
            connection.request("GET", f"{self._parts.path.rstrip('/')}{path}", headers=headers)
            answer = connection.getresponse()
            found.append((answer.status, answer.read(LARGEST + 1)))
        except (OSError, http.client.HTTPException, ValueError) as error:
            found.append(error)
        finally:
            connection.close()

    def _read(self, path: str, status: int, body: bytes) -> Any:
        if status in _TOKEN_REFUSED:
            raise FederationError(
                "FED891",
                where=f"mesh_threescale, portal {self._host}",
                what=f"does not accept the access token ({status}) for {path}",
                fix="Use a token of an admin with the scope Account Management API and the right to read",
            )
        if status == 404:
            raise FederationError(
                "FED892",
                where=f"mesh_threescale, portal {self._host}",
                what=f"has nothing at {path}: the service does not exist, or nothing was promoted to that environment",
                fix="Compare the service's id with the portal, and promote its configuration",
            )
        if status != 200:
            raise self._failed(f"answers with status {status}")
        if len(body) > LARGEST:
            raise self._failed(f"answers with more than {LARGEST >> 20} MiB")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise self._failed("answers with something else than JSON") from None

    def _failed(self, what: str) -> FederationError:
        return FederationError(
            "FED890",
            where=f"mesh_threescale, portal {self._host}",
            what=what,
            fix="Check the URL and the way from the machine that runs Ansible, or write token and mapping_rules of each service",
        )


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, socket.gaierror):
        return "its name does not resolve"
    return getattr(error, "strerror", None) or type(error).__name__
