# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is tried of the many places and values that a test could try: some, the same each time; all with
``OSSM_FEDERATION_SOAK=1``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
IS_SOAK = os.environ.get("OSSM_FEDERATION_SOAK") == "1"


def each(step: int, values: Sequence[T], first: int = 0) -> Sequence[T]:
    """Return every ``step``-th of ``values`` from ``first`` on, or all of them in a soak."""
    return values if IS_SOAK else values[first % step :: step]
