# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A container's log as an API server hands it on: bytes without an end of their own, passed on block by block and
never kept."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import Any

from .._core.plain.answers import Answer
from .._core.plain.content import Unusable
from . import answers
from .answers import CutOff
from .messages import answer_of

BLOCK = 1 << 16
REFUSAL_SECONDS = 30.0


class Refused(Exception):
    """An answer that is no log; ``answer`` is what it says."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def broken() -> tuple[type[Exception], ...]:
    """Return what is raised where a log does not come, or ends in the middle."""
    import urllib3

    return (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, CutOff)


def copied(response: Any, write: Callable[[bytes], object], most: int, deadline: float) -> int:
    """Hand the bytes of a response on, at most ``most``, until a ``deadline`` of ``time.monotonic``; return how many
    there were.

    Raises ``Unusable`` FED119 for one that is encoded, ``Refused`` for an answer that is no success, ``CutOff`` at
    the deadline, and what urllib3 raises.
    """
    try:
        if response.status != 200:
            content = answers.content_of(response, time.monotonic() + REFUSAL_SECONDS)
            raise Refused(answer_of(response, content))
        if (response.headers.get("Content-Encoding") or "identity").lower() != "identity":
            raise Unusable("FED119", "has a Content-Encoding that was not asked for")
        count = 0
        while count < most and (block := response.read(min(BLOCK, most - count), decode_content=False)):
            write(block)
            count += len(block)
            if time.monotonic() > deadline:
                raise CutOff(f"the log does not end; {count:,} bytes arrived")
        return count
    finally:
        # What is left of it is not wanted, so its connection cannot be used again.
        response.close()
