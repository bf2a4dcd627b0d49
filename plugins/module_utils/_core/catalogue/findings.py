# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a preflight finds: a code of the catalogue at a place, what was seen there, and the cure. Lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..plain.errors import FederationError
from ..plain.reference import link_to
from ..plain.words import shown
from .code import ERROR
from .codes import CODES

MOST_TOLD = 5
"""Findings of one code that are told one by one; more are told as one, so that whatever else there is can be seen."""
MOST_KEPT = 100
"""Findings of one code that a module's result holds; more are counted."""
_LONGEST_PLACE = 200


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or will be skipped in silence.

    ``code`` is a key of ``codes.CODES``, ``place`` names an option, a card or an object in the user's own words,
    ``seen`` goes on as a sentence about it. ``cure`` is sharper than the catalogue's where it can be.
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
    def fix(self) -> str:
        """Return what to do, without a full stop."""
        return (self.cure or CODES[self.code].cure).rstrip(".")

    @property
    def text(self) -> str:
        """Return it as one message: code, place, what was seen, the cure, and where the code is explained."""
        return f"{self.code} {self.place}: {self.seen}. {self.fix}.  ({link_to(self.code)})"

    def as_data(self) -> dict:
        """Return it as JSON-friendly data for a module's result."""
        return {
            "code": self.code,
            "severity": self.severity,
            "title": CODES[self.code].title,
            "place": self.place,
            "seen": self.seen,
            "why": CODES[self.code].why,
            "cure": f"{self.fix}.",
            "reference": link_to(self.code),
        }


@dataclass(frozen=True)
class Unknown:
    """Something that could not be looked at, ``because`` of a missing right; ``codes`` would be found
    there. Not green.
    """

    what: str
    because: str
    codes: tuple[str, ...] = ()

    def as_data(self) -> dict:
        """Return it as JSON-friendly data for a module's result."""
        return {"what": self.what, "because": self.because, "codes": list(self.codes)}


def finding_of(error: FederationError) -> Finding:
    """Return an error as a finding, so that it can stand beside others."""
    return Finding(error.code, error.where, error.what, error.fix)


def found_by(*checks: Callable[[], object]) -> list[Finding]:
    """Return what checks refuse, all of them, as findings."""
    findings = []
    for check in checks:
        try:
            check()
        except FederationError as error:
            findings.append(finding_of(error))
    return findings


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings each once, errors first, then by code and place."""
    return sorted(
        dict.fromkeys(findings), key=lambda found: (found.severity != ERROR, found.code, found.place, found.seen)
    )


def told(head: str, findings: Iterable[Finding], unknown: Sequence[Unknown]) -> dict:
    """Return what a preflight found as a module's result: ``findings`` and ``unknown`` as data, ``counts``, and
    ``lines`` for people.
    """
    ordered = in_order(findings)
    errors = sum(finding.severity == ERROR for finding in ordered)
    return {
        "changed": False,
        **as_data(ordered),
        "counts": {"errors": errors, "warnings": len(ordered) - errors, "unknown": len(unknown)},
        "unknown": [gap.as_data() for gap in unknown],
        "lines": lines(head, ordered, unknown),
    }


def as_data(findings: Iterable[Finding]) -> dict:
    """Return ``findings`` as data, the first ``MOST_KEPT`` of each code, and ``findings_left_out``: by code how many
    more there are.
    """
    kept: list[dict] = []
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.code] += 1
        if counts[finding.code] <= MOST_KEPT:
            kept.append(finding.as_data())
    left_out = {code: number - MOST_KEPT for code, number in sorted(counts.items()) if number > MOST_KEPT}
    return {"findings": kept, "findings_left_out": left_out}


def texts(findings: Iterable[Finding]) -> list[str]:
    """Return findings as messages, each as its ``text``; more than ``MOST_TOLD`` of one code are one message."""
    return [finding.text for finding in _folded(findings)]


def _folded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give findings in their order; more than ``MOST_TOLD`` of one code as one, where the first of them stands."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    for code, found in by_code.items():
        if len(found) <= MOST_TOLD:
            yield from found
            continue
        places = ", ".join(shown(finding.place, longest=_LONGEST_PLACE) for finding in found[:MOST_TOLD])
        yield Finding(
            code, f"{len(found):,} findings", f"{CODES[code].title}: {places} … and {len(found) - MOST_TOLD:,} more"
        )


def lines(
    head: str, findings: Sequence[Finding], unknown: Sequence[Unknown], also: Mapping[str, str] | None = None
) -> list[str]:
    """Return findings as lines of text, errors first; ``head`` says of which mesh, and the counts are added to it.

    ``also`` is by code what others call it, and stands beside it.
    """
    errors = sum(found.severity == ERROR for found in findings)
    counts = [(errors, "error"), (len(findings) - errors, "warning")]
    told = [f"{number} {word}{'s' if number > 1 else ''}" for number, word in counts if number]
    if unknown:
        told.append(f"{len(unknown)} unknown")
    shown = [f"{head} · {', '.join(told) or 'nothing found'}"]
    for found in _folded(in_order(findings)):
        others = (also or {}).get(found.code, "")
        shown += [
            f"{found.severity.upper():<8} {found.code}{f' {others}' if others else ''}  {found.place}: {found.seen}",
            f"{'':<16} {found.fix}",
        ]
    for gap in unknown:
        shown.append(f"{'UNKNOWN':<8} {'':<6}  {gap.what}: {gap.because}")
    return shown
