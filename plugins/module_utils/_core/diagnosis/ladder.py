# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ladder of a peering, from one side: rung by rung from the object to a real call, and the first that does not
hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..plain.reference import link_to
from . import calling, probing, reaching, standing
from .evidence import DISCOVERY, SERVICE, Evidence
from .reaching import identity, of_ports, tcp, tls
from .steps import EITHER, FAILS, HOLDS, THEM, UNKNOWN, US, Step


@dataclass(frozen=True)
class Rung:
    """One rung: its name, what it is about, and what decides it."""

    name: str
    title: str
    look: Callable[[Evidence], Step]


RUNGS = (
    Rung("object", "ServiceMeshPeer and roots", standing.objects),
    Rung("gateway", "gateways in the control plane", standing.gateways),
    Rung("service", "Services and pods of the gateways", standing.services),
    Rung("address", "addresses", standing.addresses),
    Rung("istiod", "istiod", standing.istiod),
    Rung("dns", "DNS", reaching.dns),
    Rung("tcp-8188", "TCP for discovery", of_ports(tcp, DISCOVERY)),
    Rung("tls-8188", "TLS for discovery", of_ports(tls, DISCOVERY)),
    Rung("identity-8188", "identities for discovery", of_ports(identity, DISCOVERY)),
    Rung("discovery", "answer of the peer's istiod", reaching.discovery),
    Rung("watch", "watch", reaching.watch),
    Rung("sync", "full list", reaching.full_sync),
    Rung("inbound", "the peer's calls to us", reaching.inbound),
    Rung("tcp-15443", "TCP for calls", of_ports(tcp, SERVICE)),
    Rung("tls-15443", "TLS for calls", of_ports(tls, SERVICE)),
    Rung("identity-15443", "identities for calls", of_ports(identity, SERVICE)),
    Rung("export", "export rules", calling.exports),
    Rung("import", "import rules", calling.imports),
    Rung("host", "host name at the client", calling.host),
    Rung("endpoints", "endpoints at the client", calling.endpoints),
    Rung("sidecar", "sidecar of the client", calling.sidecar),
    Rung("egress", "our egress gateway in sync", calling.egress),
    Rung("admission", "the peer's gateway lets us in", calling.admission),
    Rung("target", "workload at the end", calling.target),
    Rung("request", "a real call", calling.request),
)
MARKS = {HOLDS: "√", FAILS: "×", UNKNOWN: "?", "skipped": "-"}
WHO = {US: "us", THEM: "the peer", EITHER: "not certain: one of the two"}


@dataclass(frozen=True)
class Diagnosis:
    """All rungs in their order with what was found, for one peering as ``mesh`` sees it; ``probes`` stand
    beside them.
    """

    mesh: str
    peer: str
    steps: tuple[tuple[Rung, Step], ...]
    unread: tuple[str, ...] = ()
    probes: tuple[Mapping, ...] = ()

    @property
    def first(self) -> tuple[Rung, Step] | None:
        """The first rung that does not hold; None where none is known to fail."""
        return next(((rung, step) for rung, step in self.steps if step.state == FAILS), None)

    @property
    def verdict(self) -> tuple[str, str, str]:
        """Code, rung and side; three empty texts where nothing fails."""
        return (self.first[1].code, self.first[0].name, self.first[1].side) if self.first else ("", "", "")

    def as_data(self) -> dict:
        """Return it as data for a module's result."""
        code, rung, side = self.verdict
        step = self.first[1] if self.first else None
        return {
            "peer": self.peer,
            "code": code,
            "rung": rung,
            "side": side,
            "seen": step.seen if step else "",
            "cause": step.cause if step else "",
            "fix": step.fix if step else "",
            "tell": step.tell if step else "",
            "rungs": [{"rung": rung.name, "state": step.state, "seen": step.seen} for rung, step in self.steps],
            "probes": [dict(row) for row in self.probes],
            "unread": list(self.unread),
        }

    def lines(self) -> list[str]:
        """Return it as lines for people: the rungs up to the first that fails, and what follows from that."""
        shown = [f"{self.mesh} → {self.peer} · {self._verdict_in_words()}"]
        for rung, step in self.steps:
            shown.append(f"{MARKS[step.state]} {rung.title:<34} {step.seen}")
            if step.state == FAILS:
                shown += self._what_follows(step)
                break
        return [*shown, *probing.lines(self.probes), *(f"? not read: {what}" for what in self.unread)]

    def _verdict_in_words(self) -> str:
        if self.first is None:
            open_ = sum(step.state == UNKNOWN for _rung, step in self.steps)
            return f"no rung fails{f', {open_} unknown' if open_ else ''}"
        return f"{self.first[1].code} {self.first[0].title}; who must act: {WHO[self.first[1].side]}"

    def _what_follows(self, step: Step) -> list[str]:
        rows = [("likely cause", step.cause)]
        if step.side == EITHER:
            rows += [("if it is us", step.fix), ("if it is them", step.tell)]
        elif step.side == US:
            rows += [("do", step.fix), ("then tell them", step.tell)]
        else:
            rows += [("tell them", step.tell)]
        return [f"  {label + ':':<16} {text}" for label, text in [*rows, ("explained at", link_to(step.code))] if text]


def diagnosed(evidence: Evidence, probes: Sequence[Mapping] = ()) -> Diagnosis:
    """Return what the evidence says of each rung. ``probes`` (``probing``) are shown beside the rungs and
    decide none.
    """
    steps = tuple((rung, rung.look(evidence)) for rung in RUNGS)
    return Diagnosis(evidence.mesh, evidence.peer, steps, tuple(evidence.unread), tuple(probes))
