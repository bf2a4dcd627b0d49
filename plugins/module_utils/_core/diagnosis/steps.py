# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is found at one rung of the ladder: that it holds, that it does not and who must act, or that nobody can
tell."""

from __future__ import annotations

from dataclasses import dataclass

HOLDS, FAILS, UNKNOWN, SKIPPED = "holds", "fails", "unknown", "skipped"
US, THEM, EITHER = "us", "them", "either"


@dataclass(frozen=True)
class Step:
    """One rung. ``seen`` is the evidence; of one that fails, ``code`` is its kind, ``side`` who must act, ``cause``
    what is likely.

    ``fix`` is what we do ourselves, ``tell`` the sentence for the peer's administrator. Where the side is ``either``
    both are given: two candidates, and neither is certain.
    """

    state: str
    seen: str
    code: str = ""
    side: str = ""
    cause: str = ""
    fix: str = ""
    tell: str = ""


def holds(seen: str) -> Step:
    return Step(HOLDS, seen)


def unknown(why: str) -> Step:
    return Step(UNKNOWN, why)


def skipped(why: str) -> Step:
    return Step(SKIPPED, why)


def ours(code: str, seen: str, cause: str, fix: str, tell: str = "") -> Step:
    """Return a rung that fails, and that we must mend; ``tell`` is what the peer must do afterwards."""
    return Step(FAILS, seen, code, US, cause, fix, tell)


def theirs(code: str, seen: str, cause: str, tell: str) -> Step:
    """Return a rung that fails, and that the peer must mend."""
    return Step(FAILS, seen, code, THEM, cause, "", tell)


def either(code: str, seen: str, cause: str, fix: str, tell: str) -> Step:
    """Return a rung that fails where the evidence does not tell who must act."""
    return Step(FAILS, seen, code, EITHER, cause, fix, tell)
