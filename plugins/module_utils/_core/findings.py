# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a preflight finds: a code of the catalogue at a place, what was seen there, and the cure. Lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from .codes import CODES, ERROR
from .errors import FederationError


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


def place_of(live: Mapping) -> str:
    """Return how people name an object: its kind and namespace/name."""
    metadata = live.get("metadata") or {}
    return f"{live.get('kind')} {metadata.get('namespace')}/{metadata.get('name')}"


def at(live: object, *path: str) -> object:
    """Return what stands at a path of keys; None where the path ends early."""
    for key in path:
        live = live.get(key) if isinstance(live, Mapping) else None
    return live


def mapping(value: object) -> Mapping:
    """Return a mapping as it is, anything else as an empty one: live objects may be anybody's."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Mapping]:
    """Return the mappings of a list; none for what is no list."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, (list, tuple)) else []


def listed(words: Iterable[str], most: int = 3) -> str:
    """Return words as people list them: ``a, b and c``, ``a, b, c and 4 more``."""
    texts = list(dict.fromkeys(words))
    if len(texts) > most:
        return f"{', '.join(texts[:most])} and {len(texts) - most} more"
    return " and ".join(part for part in (", ".join(texts[:-1]), *texts[-1:]) if part)


def moment(text: object) -> datetime | None:
    """Return a time as Kubernetes writes it; None for what is no such time."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
