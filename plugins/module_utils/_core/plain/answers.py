# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an API server answers: a status, data, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .data import items, mapping

TRANSIENT = (429, 500, 502, 503, 504)
# A manifest that the schema does not know is answered with 500 too, and stays wrong however often it is sent.
STAYS_WRONG = "failed to create typed patch object"
DENIED = "denied the request"
REPLACED = re.compile(r"uid mismatch|uid in (the )?precondition|precondition failed", re.IGNORECASE)
MOST_CAUSES = 100
OTHER_MANAGER = re.compile(r'conflict with "([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """One answer: its HTTP ``status``, its ``body`` as data (None when it is not JSON) and the start of its ``text``.

    ``retry_after`` is the seconds to wait if it says so, ``weight`` the bytes that the body takes in memory.
    """

    status: int
    body: Any
    text: str
    retry_after: float | None
    weight: int = 0

    @property
    def is_json(self) -> bool:
        return isinstance(self.body, dict)

    @property
    def reason(self) -> str:
        """What the server says about a failure, in its own words."""
        said = self.body.get("message") if self.is_json else self.text
        return " ".join(str(said or "").split()).rstrip(".")[:2000]

    @property
    def details(self) -> Mapping:
        return mapping(self.body.get("details")) if self.is_json else {}

    @property
    def causes(self) -> list[Mapping]:
        return items(self.details.get("causes"))[:MOST_CAUSES]

    @property
    def conflicts(self) -> list[dict]:
        """The fields that other field managers hold, each ``{manager, field}``."""
        return [
            {"manager": found[1], "field": str(cause.get("field", ""))}
            for cause in self.causes
            if cause.get("reason") == "FieldManagerConflict"
            and (found := OTHER_MANAGER.search(str(cause.get("message", ""))))
        ]

    @property
    def is_missing_object(self) -> bool:
        """Whether this 404 is about the object that was asked for, not about its kind. A missing namespace is answered
        the same way.
        """
        return bool(self.details.get("name"))

    @property
    def is_kind_unknown(self) -> bool:
        return self.status == 404 and not self.details.get("name")

    @property
    def is_replaced(self) -> bool:
        """Whether the object with the uid that was sent is there no more, or another has taken its name."""
        if self.status == 422:
            return any(cause.get("field") == "metadata.uid" for cause in self.causes)
        return self.status == 409 and bool(REPLACED.search(self.reason))

    @property
    def is_worth_another_try(self) -> bool:
        if DENIED in self.reason or STAYS_WRONG in self.reason:
            return False
        if self.status == 409:
            return not self.conflicts and not self.is_replaced
        return self.status in TRANSIENT


def quoted(reason: str) -> str:
    """Return what a server says as the end of a sentence, nothing where it says nothing."""
    return f": {reason}" if reason else ""
