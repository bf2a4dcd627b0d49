# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with what a user described: all of it, each with its place, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..plain.data import some
from ..plain.errors import FederationError

MOST_TOLD = 5


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: its code, its place as a path of options, what is wrong there, and what to do."""

    code: str
    path: tuple[str, ...]
    what: str
    fix: str

    @property
    def where(self) -> str:
        """Return the place as people name it: ``mesh_extensions, shop/header: phase``."""
        *outer, last = self.path
        return f"{', '.join(outer)}: {last}" if len(self.path) > 2 else ", ".join(self.path)

    def as_data(self) -> dict:
        """Return it as JSON-friendly data."""
        return {"code": self.code, "where": self.where, "what": self.what, "fix": self.fix}


def refuse(problems: Sequence[Problem]) -> None:
    """Raise the first problem as a ``FederationError`` that names the others; nothing happens where there are none."""
    if not problems:
        return
    first, others = problems[0], problems[1:]
    more = (
        f"; also {some([f'{each.code} {each.where} {each.what}' for each in others], MOST_TOLD, '; ')}"
        if others
        else ""
    )
    raise FederationError(
        first.code,
        where=first.where,
        what=f"{first.what}{more}",
        fix=first.fix,
        facts={"problems": [each.as_data() for each in problems]},
    )
