# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked of an API server and what it answers, in the API's words and as HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from .._core.plain.answers import Answer
from .._core.plain.content import Unusable, data_of, seconds_of
from .._core.plain.kinds import Kind


@dataclass(frozen=True)
class Request:
    """One request in the API's words and as HTTP; ``verb`` is the right that it needs.

    ``encoding`` is one that the answer must have, whatever the connection takes otherwise.
    """

    verb: str
    method: str
    path: str
    about: str
    resource: str = ""
    namespace: str = ""
    query: Mapping[str, str | list[str]] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"
    encoding: str = ""

    @classmethod
    def of(cls, verb: str, method: str, kind: Kind, namespace: str, name: str = "", **rest: Any) -> Request:
        """Return a request about objects of ``kind``."""
        group = kind.api_version.rpartition("/")[0]
        return cls(
            verb,
            method,
            kind.path(quote(namespace, safe=""), quote(name, safe="") or None),
            about=(
                f"{verb} {kind.name} {namespace}/{name}"
                if name
                else f"{verb} {kind.name} objects in namespace {namespace}"
            ),
            resource=f"{kind.plural}.{group}" if group else kind.plural,
            namespace=namespace,
            **rest,
        )

    @property
    def target(self) -> str:
        return f"{self.path}?{urlencode(self.query, doseq=True)}" if self.query else self.path


def answer_of(response: Any, content: bytearray) -> Answer:
    """Return the answer that a response holds. Raises ``Unusable`` for a success that cannot be read."""
    text = content[:500].decode("utf-8", "replace")
    body, weight = None, 0
    if content.lstrip()[:1] == b"{":
        try:
            body, weight = data_of(content)
        except Unusable as error:
            if response.status < 300 or error.code != "FED119":
                raise
    return Answer(response.status, body, text, seconds_of(response.headers.get("Retry-After")), weight)
