# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an API server answers, bounded in bytes and time, and a list of it page by page."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.plain.content import MIB, Unusable, mapping_of

LARGEST = 32 * MIB
"""Bytes of one answer, as they come and decompressed."""
BLOCK = 1 << 16
LONGEST_TOKEN = 8192
# Bounds of a list: far beyond the largest meshes, and near enough for a server that never ends.
MOST_PAGES = 1000
MOST_SHORT_PAGES = 20  # an API server fills every page but the last
MOST_EXPIRED = 3
MOST_OBJECTS = 100_000
HEAVIEST_LIST = 256 * MIB

_LENGTH = re.compile(r"[0-9]{1,12}")


class CutOff(Exception):
    """An answer that ended too early; another try may bring the whole."""


def content_of(response: Any, deadline: float) -> bytearray:
    """Return the decompressed content of a response that was not read yet, which is closed where it is not taken.

    ``deadline`` is of ``time.monotonic``; the caller waits no longer, so what comes later is not read. Raises
    ``Unusable`` FED118 beyond the bounds, FED119 for an encoding that was not asked for, ``CutOff`` and what urllib3
    raises.
    """
    try:
        content = bytearray()
        for block in _decoded(response, _raw(response, deadline)):
            content += block
            if len(content) > LARGEST:
                raise Unusable("FED118", f"is larger than {LARGEST // MIB} MiB", is_too_large=True)
        return content
    except BaseException:
        response.close()
        raise


def _raw(response: Any, deadline: float) -> Iterator[bytes]:
    """Give the bytes of a response as they come."""
    announced = response.headers.get("Content-Length") or ""
    count = 0
    while block := response.read(BLOCK, decode_content=False):
        count += len(block)
        if count > LARGEST:
            raise Unusable("FED118", f"is larger than {LARGEST // MIB} MiB", is_too_large=True)
        if time.monotonic() > deadline:
            raise CutOff("the answer does not end")
        yield block
    if _LENGTH.fullmatch(announced) and count < int(announced) and response.status not in (204, 304):
        raise CutOff(f"{count} of {announced} bytes arrived")


def _decoded(response: Any, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Give what the bytes of a response stand for, in pieces of a bounded size each."""
    encoding = (response.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding == "identity":
        yield from blocks
        return
    if encoding != "gzip":
        raise Unusable("FED119", "has a Content-Encoding that was not asked for")
    unpacked = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        for block in blocks:
            while block and not unpacked.eof:
                yield unpacked.decompress(block, MIB)
                block = unpacked.unconsumed_tail
    except zlib.error:
        raise Unusable("FED119", "is declared as gzip but is not gzip") from None
    if not unpacked.eof:
        raise CutOff("the compressed answer ends early")


class Pages:
    """How far a list has come, page by page, and that it comes to an end. ``deadline`` is of ``time.monotonic``."""

    def __init__(self, limit: int, deadline: float) -> None:
        self._limit, self._deadline, self._expired = limit, deadline, 0
        self._asked: set[str] = set()
        self._token = ""
        self._is_whole = False
        self._objects = self._short = self._weight = 0

    @property
    def query(self) -> dict[str, str]:
        """Return what the next page is asked for with."""
        if self._is_whole:
            return {}
        return {"limit": str(self._limit), **({"continue": self._token} if self._token else {})}

    def begin_again(self) -> bool:
        """Start again and ask for the whole list at once, because the version that the pages were cut from is gone;
        False if that did not help.
        """
        self._expired += 1
        if not self._token or self._expired > MOST_EXPIRED:
            return False
        self._token, self._is_whole = "", True
        self._asked.clear()
        self._objects = self._short = self._weight = 0
        return True

    def ask_for_less(self) -> bool:
        """Ask for fewer objects at once, because those were too many; False if it is one already."""
        if self._limit == 1 and not self._is_whole:
            return False
        self._limit, self._is_whole = (self._limit if self._is_whole else max(1, self._limit // 10)), False
        return True

    def turn(self, body: Mapping, count: int, weight: int) -> bool:
        """Go on to the page after this one of ``count`` objects, whose ``weight`` is kept; False when it was the last.

        Raises ``Unusable``: FED118 where the list does not end or is larger than any mesh's, FED119 for what is no
        token.
        """
        metadata = body.get("metadata")
        token = mapping_of({} if metadata is None else metadata, "metadata").get("continue") or ""
        if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
            raise Unusable("FED119", "has a metadata.continue that is not a token")
        self._objects += count
        self._weight += weight
        self._short += count < self._limit
        bounds = (
            (token in self._asked, "leads back to a page that was read before"),
            (len(self._asked) >= MOST_PAGES, f"has more than {MOST_PAGES:,} pages"),
            (
                bool(token) and self._short > MOST_SHORT_PAGES,
                f"has more than {MOST_SHORT_PAGES} pages that are not full",
            ),
            (self._objects > MOST_OBJECTS, f"has more than {MOST_OBJECTS:,} objects"),
            (self._weight > HEAVIEST_LIST, f"takes more than {HEAVIEST_LIST // MIB} MiB of memory"),
            (bool(token) and time.monotonic() > self._deadline, "does not end in time"),
        )
        for is_reached, what in bounds:
            if is_reached:
                raise Unusable("FED118", what)
        self._token = token
        self._asked.add(token)
        return bool(token)
