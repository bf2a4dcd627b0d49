# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one error that users meet: a stable code, where, what, and how to fix it."""

from __future__ import annotations

from typing import NoReturn

from .reference import link_to
from .words import shown

FORBIDDEN, NOT_SERVED = "FED104", "FED108"
"""The codes for what this account may not do, and for a kind that the cluster does not serve."""
UNSEEN = (FORBIDDEN, NOT_SERVED)
"""The codes of answers that do not tell which objects exist."""


class FederationError(Exception):
    """Something that a user can fix.

    ``code`` is a key of ``codes.CODES``; ``where`` names the place in the user's own words (an option, a card, an
    object), ``what`` says what is wrong there, ``fix`` what to do. None of them holds a secret, and all are fit for a
    terminal. ``facts`` are the same things as data, for a module's result; ``result`` is what the module had found out
    by then, beside them.
    """

    def __init__(
        self, code: str, *, where: str, what: str, fix: str, facts: dict | None = None, result: dict | None = None
    ) -> None:
        where, what, fix = shown(where), shown(what), shown(fix)
        super().__init__(code, where, what, fix)
        self.code, self.where, self.what, self.fix = code, where, what, fix
        self.facts = facts or {}
        self.result = result or {}

    def __str__(self) -> str:
        return f"{self.code} {self.where}: {self.what}. {self.fix}."

    @property
    def reference(self) -> str:
        """Where the documentation explains the code."""
        return link_to(self.code)

    def failure(self, written: str = "") -> dict:
        """Return what each failed task's result says of this; ``written`` is what had been written by then, as a
        sentence.
        """
        said = f" {written}" if written else ""
        parts = {"code": self.code, "where": self.where, "what": self.what, "fix": self.fix, "link": self.reference}
        return {"msg": f"{self}{said}  ({self.reference})", **parts}


def refuse(code: str, where: str, what: str, fix: str) -> NoReturn:
    """Raise the error of a code, as ``FederationError`` takes its parts."""
    raise FederationError(code, where=where, what=what, fix=fix)
