# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a preflight finds: a code of the catalogue at a place, what was seen there, and the cure. Lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .codes import CODES, ERROR
from .errors import FederationError
from .words import shown


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or will be skipped in silence.

    ``code`` is a key of ``codes.CODES``, ``place`` names an option, a card or an object in the user's own words, ``seen``
    goes on as a sentence about it. ``cure`` is sharper than the catalogue's where it can be.
    """

    code: str
    place: str
    seen: str
    cure: str = ""

    def __post_init__(self) -> None:
        # What was seen is most often somebody else's text.
        for name in ("place", "seen", "cure"):
            object.__setattr__(self, name, shown(getattr(self, name)))

    @property
    def severity(self) -> str:
        """Return ``error`` for what stops ``federate``, else ``warning``."""
        return CODES[self.code].severity

    @property
    def mend(self) -> str:
        """Return what to do, without a full stop."""
        return (self.cure or CODES[self.code].cure).rstrip(".")

    @property
    def text(self) -> str:
        """Return it as one message: code, place, what was seen, the cure, and where the code is explained."""
        return f"{self.code} {self.place}: {self.seen}. {self.mend}.  (docs: codes#{self.code.lower()})"

    def as_data(self) -> dict:
        """Return it as JSON-friendly data for a module's result."""
        return {
            "code": self.code,
            "severity": self.severity,
            "title": CODES[self.code].title,
            "place": self.place,
            "seen": self.seen,
            "why": CODES[self.code].why,
            "cure": f"{self.mend}.",
            "reference": f"docs: codes#{self.code.lower()}",
        }


@dataclass(frozen=True)
class Unknown:
    """Something that could not be looked at, ``because`` of a missing right; ``codes`` would be found there. Not green."""

    what: str
    because: str
    codes: tuple[str, ...] = ()

    def as_data(self) -> dict:
        """Return it as JSON-friendly data for a module's result."""
        return {"what": self.what, "because": self.because, "codes": list(self.codes)}


def finding_of(error: FederationError) -> Finding:
    """Return an error as a finding, so that it can stand beside others."""
    return Finding(error.code, error.where, error.what, error.mend)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings each once, errors first, then by code and place."""
    return sorted(dict.fromkeys(findings), key=lambda found: (found.severity != ERROR, found.code, found.place, found.seen))


def told(head: str, findings: Iterable[Finding], unknown: Sequence[Unknown]) -> dict:
    """Return what a preflight found as a module's result: ``findings`` and ``unknown`` as data, ``counts``, and ``lines`` for people."""
    ordered = in_order(findings)
    errors = sum(finding.severity == ERROR for finding in ordered)
    return {
        "changed": False,
        "findings": [finding.as_data() for finding in ordered],
        "counts": {"errors": errors, "warnings": len(ordered) - errors, "unknown": len(unknown)},
        "unknown": [gap.as_data() for gap in unknown],
        "lines": lines(head, ordered, unknown),
    }


def lines(head: str, findings: Sequence[Finding], unknown: Sequence[Unknown]) -> list[str]:
    """Return findings as lines of text, errors first; ``head`` says of which mesh, and the counts are added to it."""
    errors = sum(found.severity == ERROR for found in findings)
    counts = [(errors, "error"), (len(findings) - errors, "warning")]
    told = [f"{number} {word}{'s' if number > 1 else ''}" for number, word in counts if number]
    if unknown:
        told.append(f"{len(unknown)} unknown")
    shown = [f"{head} · {', '.join(told) or 'nothing found'}"]
    for found in in_order(findings):
        shown += [f"{found.severity.upper():<8} {found.code}  {found.place}: {found.seen}", f"{'':<16} {found.mend}"]
    for gap in unknown:
        shown.append(f"{'UNKNOWN':<8} {'':<6}  {gap.what}: {gap.because}")
    return shown
