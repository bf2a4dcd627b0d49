# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one place that asks 3scale's admin portal: by GET alone, over TLS, within bounds of time and size, and without
following it elsewhere.
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import urlsplit

from ._asking import bounded, got, trust_in
from ._core.plain.errors import FederationError

SECONDS = 30.0
"""Seconds that one question may take, whatever the portal does."""
WHOLE = 600.0
"""Seconds that all questions of one run may take: there may be thousands of services."""
_TOKEN_REFUSED = (401, 403)


class Portal:
    """An admin portal at ``url``; ``token`` is the access token, which travels in a header and stands in no URL.

    One question takes ``seconds`` at the most, and all of them together ``whole``.
    """

    def __init__(self, url: str, token: str, ca_cert: str = "", seconds: float = SECONDS, whole: float = WHOLE) -> None:
        self._end, self._whole = time.monotonic() + whole, whole
        self._parts = urlsplit(url)
        self._host = str(self._parts.hostname)
        self._token = token
        self._seconds = seconds
        trust = trust_in(ca_cert)
        if isinstance(trust, str):
            what = f"cannot be used as a file of certificates ({trust})"
            raise FederationError(
                "FED890", where="mesh_threescale, portal: ca_cert", what=what, fix="Name a PEM file that can be read"
            )
        self._trust = trust

    def get(self, path: str) -> Any:
        """Return what stands at a path, parsed. Raises ``FederationError``: FED890, FED891 for the token, FED892 where
        nothing is.
        """
        login = base64.b64encode(f"{self._token}:".encode()).decode()
        left = self._end - time.monotonic()
        if left <= 0:
            raise self._failed(f"has not answered all questions within {self._whole:g} s")
        seconds = min(self._seconds, left)
        status, body = got(self._parts, path, {"Authorization": f"Basic {login}"}, self._trust, seconds, self._failed)
        return self._read(path, status, body)

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
        content = bounded(status, body, self._failed)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise self._failed("answers with something else than JSON") from None

    def _failed(self, what: str) -> FederationError:
        return FederationError(
            "FED890",
            where=f"mesh_threescale, portal {self._host}",
            what=what,
            fix=(
                "Check the URL and the way from the machine that runs Ansible, or write token and mapping_rules of each"
                " service"
            ),
        )
