# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an import is reached, by what one request came to: reached, not reached, or unknown, with the evidence.

What the service answers counts as reached, whatever it answers; what an Envoy answers in its place does not. An Envoy
that has got an answer from further on adds ``x-envoy-upstream-service-time``; one that answers by itself does not. An
answer that came from further on may still be made by the sidecar of the service: then its body is one of Envoy's own
texts.
Sources: Envoy, "HTTP header manipulation" and "Local reply"; source/common/router/router.cc and
source/common/http/utility.cc (texts).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from ..catalogue.findings import Finding, Unknown
from ..plain.data import clauses
from ..plain.errors import FederationError
from . import programs
from .programs import ANSWERED, CLOSED, LATE, NO_NAME, NO_WAY, OPEN, Said
from .targets import Client, Target

REACHED, NOT_REACHED, UNKNOWN = "reached", "not reached", "unknown"
REQUIRED = ("all", "no_failure", "none")
CODES = {NOT_REACHED: "FED916", UNKNOWN: "FED917"}
MOST_SHOWN = 40
_ENVOY = frozenset({"envoy", "istio-envoy"})
_UPSTREAM = "x-envoy-upstream-service-time"
_OWN_TEXTS = (
    "no healthy upstream",
    "upstream connect error or disconnect/reset before headers",
    "upstream request timeout",
    "upstream_reset_before_response_started",
    "RBAC: access denied",
    "local_rate_limited",
    "fault filter abort",
    "Jwt ",
    "stream timeout",
    "cluster_not_found",
)
"""How the bodies begin that an Envoy writes itself."""
# Statuses that an Envoy may answer by itself. Without a body (HEAD) nobody can tell them from the service's own.
_OF_EITHER = frozenset({401, 403, 408, 426, 429, 502, 503, 504})
_TELLS = {
    NO_NAME: (NOT_REACHED, "the name is not known in the pod: its proxy captures no DNS, or has not got the import"),
    NO_WAY: (NOT_REACHED, "no connection to it"),
    CLOSED: (NOT_REACHED, "the connection was closed without an answer"),
    LATE: (NOT_REACHED, "no answer in time"),
    programs.UNCLEAR: (UNKNOWN, "the program in the pod ended without a result"),
}


@dataclass(frozen=True)
class Verdict:
    """Of one target, what it comes to and why; ``client`` and ``program`` are empty where nobody asked."""

    target: Target
    state: str
    evidence: str
    client: str = ""
    program: str = ""

    @property
    def place(self) -> str:
        """The host and its port."""
        return f"{self.target.host}:{self.target.port}" if self.target.port else self.target.host

    def as_row(self) -> dict:
        """Return it as a row of a module's result."""
        target = {
            key: value for key, value in asdict(self.target).items() if key in ("peer", "host", "port", "protocol")
        }
        told = {"asked": self.target.asked, "from": self.client, "program": self.program}
        return {**target, **told, "state": self.state, "evidence": self.evidence, "code": CODES.get(self.state)}


def judged(target: Target, said: Said, client: Client, program: str) -> Verdict:
    """Return the verdict of what a program in a pod was answered."""
    state, evidence = _of_answer(target, said) if said.outcome == ANSWERED else _of_connection(target, said)
    return Verdict(target, state, evidence, client.place, program)


def _of_connection(target: Target, said: Said) -> tuple[str, str]:
    if said.outcome == OPEN:
        return REACHED, "the connection is accepted and stays open"
    return _TELLS.get(said.outcome, _TELLS[programs.UNCLEAR])


def _of_answer(target: Target, said: Said) -> tuple[str, str]:
    told = f"{said.status} in answer to {target.asked}"
    is_envoys, has_passed = said.headers.get("server", "").lower() in _ENVOY, _UPSTREAM in said.headers
    own = next((text for text in _OWN_TEXTS if said.body.startswith(text)), "")
    if own and (is_envoys or has_passed):
        where = "an Envoy further on" if has_passed else "the pod's own Envoy"
        return NOT_REACHED, f"{told}, which {where} made itself: {own.strip()}"
    if has_passed:
        if target.method == "HEAD" and said.status in _OF_EITHER:
            return (
                UNKNOWN,
                f"{told}, which the service or the Envoy in front of it made; a path in verify_paths tells them apart",
            )
        return REACHED, told
    if not is_envoys:
        return REACHED, f"{told}, by something other than an Envoy"
    if said.status < 400:
        return (
            UNKNOWN,
            f"{told}, which the pod's Envoy may have made itself: a redirect or an answer of a VirtualService",
        )
    return NOT_REACHED, f"{told}, which the pod's own Envoy made: {_reason(said.status)}"


def _reason(status: int) -> str:
    return {
        404: "it has no route there",
        403: "its own policy refuses the call",
        503: "it has no endpoint that is well, or its connection failed",
        504: "nothing answered in time",
    }.get(status, "nothing further on has answered")


def silent(target: Target, why: str) -> Verdict:
    """Return the verdict of a target that could not be asked."""
    return Verdict(target, UNKNOWN, why)


@dataclass(frozen=True)
class Verification:
    """What a run has verified of one mesh; ``unread`` is what could not be read, ``left_out`` how many targets were not
    asked for.
    """

    mesh: str
    verdicts: Sequence[Verdict]
    unread: Sequence[Unknown] = ()
    left_out: int = 0
    is_asked: bool = True

    def count(self, state: str) -> int:
        """Return how many targets are in a state."""
        return sum(one.state == state for one in self.verdicts)

    def missing(self, require: str) -> list[str]:
        """Return what keeps the mesh from being as a gate requires, in words.

        ``all``: every import is reached. ``no_failure``: none is not reached; unknown passes. ``none``: nothing is
        required.
        """
        if require == "none" or not self.is_asked:
            return []
        bad = (NOT_REACHED,) if require == "no_failure" else (NOT_REACHED, UNKNOWN)
        found = [f"{one.place} is {_word(one)} ({one.evidence})" for one in self.verdicts if one.state in bad]
        if require == "all":
            found += [f"{gap.what} could not be read ({gap.because})" for gap in self.unread]
            found += [f"{self.left_out} more were not asked for"] if self.left_out else []
        return found

    def findings(self) -> list[Finding]:
        """Return what deserves a look, each with the code that says what to do."""
        odd = [one for one in self.verdicts if one.state in CODES] if self.is_asked else []
        return [
            Finding(CODES[one.state], one.place, f"{_word(one)} from {one.client or 'here'}: {one.evidence}")
            for one in odd
        ]

    def lines(self) -> list[str]:
        """Return the table: what is not reached first."""
        order = (NOT_REACHED, UNKNOWN, REACHED)
        counts = Counter(one.state for one in self.verdicts)
        head = ", ".join(f"{counts[state]} {state}" for state in order if counts[state]) or "no imports"
        if not self.is_asked:
            head = f"would ask for {len(self.verdicts)}" if self.verdicts else head
        rows = sorted(self.verdicts, key=lambda one: (order.index(one.state), one.target.peer, one.place))
        told = [f"{self.mesh} · {head}"]
        cells = [
            [one.place, one.target.peer, one.state, one.target.asked, one.client or "-", one.evidence] for one in rows
        ]
        told += table(["IMPORT", "PEER", "STATE", "ASKED", "FROM", "EVIDENCE"], cells[:MOST_SHOWN])
        if len(cells) > MOST_SHOWN:
            told.append(f"… and {len(cells) - MOST_SHOWN:,} more; the result has all of them (calls)")
        told += [f"not read: {gap.what} ({gap.because})" for gap in self.unread]
        return [*told, *([f"not asked for: {self.left_out:,} more"] if self.left_out else [])]

    def verdict_line(self, require: str) -> str:
        """Return in one line what it comes to."""
        missing = self.missing(require)
        if missing:
            return f"× {self.mesh}: {clauses(missing, 3)}"
        if not self.is_asked:
            return f"‼ {self.mesh}: check mode asks for nothing"
        others = self.missing("all")
        if others:
            return f"‼ {self.mesh}: {clauses(others, 3)}"
        return (
            f"√ {self.mesh}: {self.count(REACHED)} of {len(self.verdicts)} reached"
            if self.verdicts
            else f"√ {self.mesh}: nothing is imported"
        )

    def refusal(self, require: str, result: dict) -> FederationError:
        """Return the failure of a mesh that is not as is required: FED919."""
        return FederationError(
            "FED919",
            where=f"Mesh {self.mesh}",
            what=f"is not as verify_require: {require} asks: {clauses(self.missing(require), 3)}",
            fix="Run ossm.federation.diagnose for the peer; verify_require: none shows the same without failing",
            result=result,
        )


def _word(one: Verdict) -> str:
    return "not known to be reached" if one.state == UNKNOWN else one.state


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return cells as aligned lines; none without rows."""
    cells = [list(map(str, row)) for row in rows]
    if not cells:
        return []
    widths = [max(map(len, column)) for column in zip(head, *cells)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in (list(head), *cells)]
