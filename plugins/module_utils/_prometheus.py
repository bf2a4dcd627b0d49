# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one place that asks Prometheus: instant queries alone, within bounds of time and size, and without following it
elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from ._asking import bounded, got, trust_in
from ._core.plain.data import from_json
from ._core.plain.errors import FederationError
from ._core.traffic.measuring import Row, refusal_of, rows_of

SECONDS = 20.0
"""Seconds that one question may take, whatever answers."""


class Prometheus:
    """A Prometheus at ``url``, asked with a bearer ``token`` where there is one. ``word`` is how the user calls the
    option with the URL.
    """

    def __init__(
        self, url: str, token: str = "", ca_cert: str = "", *, word: str = "prometheus_url", seconds: float = SECONDS
    ) -> None:
        # A block of YAML, and most Secrets that are pasted, end in a newline.
        self._word, self._token, self._seconds = word, token.strip(), seconds
        try:
            self._parts = urlsplit(url)
            int(self._parts.port or 0)  # looked at only when it is asked for
        except ValueError:
            raise self._failed("is no URL") from None
        if (
            self._parts.scheme not in ("http", "https")
            or not self._parts.hostname
            or self._parts.query
            or self._parts.username is not None
        ):
            raise self._failed("is not a URL of the form https://host[:port][/path], without user and query")
        if not (self._token.isascii() and self._token.isprintable()) or " " in self._token:
            raise self._failed("has a token with signs that no header can have")
        if self._token and self._parts.scheme == "http":
            raise self._failed("is http, and the token would travel in clear text")
        trust = trust_in(ca_cert) if self._parts.scheme == "https" else None
        if isinstance(trust, str):
            raise self._failed(f"has a CA file that cannot be used ({trust})")
        self._trust = trust

    @classmethod
    def of(cls, params: Mapping[str, Any], word: str) -> Prometheus | None:
        """Return the Prometheus that a module's options name, None where they name none."""
        url = params["prometheus_url"]
        return (
            cls(url, params["prometheus_token"] or "", params["prometheus_ca_cert"] or "", word=word) if url else None
        )

    def ask(self, query: str) -> list[Row]:
        """Return the rows that answer ``query``. Raises ``FederationError`` FED875 where no whole answer comes, or none
        that can be read.
        """
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        path = f"/api/v1/query?{urlencode({'query': query})}"
        status, body = got(self._parts, path, headers, self._trust, self._seconds, self._failed)
        if status in (401, 403):
            raise self._failed(f"does not let us ask (status {status})")
        if status != 200 and (refused := refusal_of(from_json(body))):
            raise self._failed(refused)
        rows = rows_of(from_json(bounded(status, body, self._failed)))
        if isinstance(rows, str):
            raise self._failed(rows)
        return rows

    def _failed(self, what: str) -> FederationError:
        where = self._word
        if getattr(self, "_parts", None) is not None and self._parts.hostname:
            where = f"{self._word}, {self._parts.hostname}"
        return FederationError(
            "FED875",
            where=where,
            what=what,
            fix=(
                "Check the URL, the CA file and the token: a bearer token that may query, such as that of a service"
                " account with cluster-monitoring-view"
            ),
        )
