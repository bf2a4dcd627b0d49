# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a code says: one entry of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True)
class Code:
    """One code: its ``title``, whether it stops the run (``severity``), ``why`` it exists, and the ``cure``."""

    title: str
    severity: str
    why: str
    cure: str
