# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The health of a mesh as a table that fits a terminal, as findings, and as a gate."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..catalogue.findings import Finding, Unknown
from ..plain.data import clauses
from ..plain.errors import FederationError
from ..plain.words import shown
from .components import ABSENT, CORE, DEGRADED, FAILING, HEALTHY, UNKNOWN, Component, age_of
from .syncz import GONE, IN_ORDER, NOT_CONNECTED, REJECTED, STALE, WAITING, Proxy, Workload, workloads_of
from .syncz import UNKNOWN as PROXY_UNKNOWN

REQUIRED = ("core", "healthy", "none")
CODES = {
    NOT_CONNECTED: "FED908",
    REJECTED: "FED909",
    STALE: "FED910",
    WAITING: "FED911",
    GONE: "FED912",
    PROXY_UNKNOWN: "FED913",
}
MOST_WORKLOADS = 25
MOST_PROXIES = 15
MOST_WRAPPED = 4
WIDEST = 118
WIDEST_CELL = 36
_COLOURS = {HEALTHY: "ok", FAILING: "down", DEGRADED: "unsure", UNKNOWN: "unsure"}


@dataclass(frozen=True)
class Health:
    """What was found out of one mesh, and what may have been missed (``unread``)."""

    mesh: str
    components: Sequence[Component]
    proxies: Sequence[Proxy]
    unread: Sequence[Unknown]
    now: datetime
    rates: Sequence[Mapping] = ()

    @property
    def workloads(self) -> list[Workload]:
        """Its proxies by workload, worst first."""
        return workloads_of(self.proxies)

    def missing(self, require: str) -> list[str]:
        """Return what keeps it from being as a gate requires, in words.

        ``core``: no core component is failing or unknown. ``healthy``: nothing at all is failing, degraded or unknown,
        and every proxy is in order. ``none``: nothing is required.
        """
        if require == "none":
            return []
        bad = (FAILING, UNKNOWN) if require == "core" else (FAILING, UNKNOWN, DEGRADED)
        found = [
            f"{it.name} is {it.state} ({it.evidence})"
            for it in self.components
            if it.state in bad and (require != "core" or it.severity == CORE)
        ]
        if require == "healthy":
            found += [
                f"{one.namespace}/{one.name} has {one.in_order} of {one.count} proxies healthy"
                for one in self.workloads
                if one.in_order < one.count
            ]
            found += [f"{gap.what} could not be read ({gap.because})" for gap in self.unread]
        return found

    def findings(self) -> list[Finding]:
        """Return what deserves a look, each with the code that says what to do."""
        found = [
            Finding(it.code, it.name, f"{it.state}: {it.evidence}")
            for it in self.components
            if it.code and it.state != HEALTHY
        ]
        by_place: dict[tuple[str, str], list[Proxy]] = {}
        for proxy in self.proxies:
            if proxy.state in CODES:
                by_place.setdefault((proxy.state, f"{proxy.namespace}/{proxy.workload or proxy.name}"), []).append(
                    proxy
                )
        for (state, place), proxies in by_place.items():
            one = proxies[0]
            many = f"{len(proxies)} {'proxies' if len(proxies) > 1 else 'proxy'}"
            found.append(Finding(CODES[state], place, f"{many} {state}, such as {one.name}: {one.evidence}"))
        return found

    def lines(self) -> list[str]:
        """Return the table: components, then workloads worst first, then the proxies that are not in order."""
        unread = [f"not read: {gap.what} ({gap.because})" for gap in self.unread]
        return [*self._component_lines(), *self._workload_lines(), *self._proxy_lines(), *unread]

    def _component_lines(self) -> list[str]:
        counts = Counter(it.state for it in self.components)
        head = ", ".join(
            f"{counts[state]} {state}" for state in (FAILING, UNKNOWN, DEGRADED, HEALTHY, ABSENT) if counts[state]
        )
        table = _table(["COMPONENT", "KIND", "STATE", "SINCE", "EVIDENCE"], [self._cells(it) for it in self.components])
        unwell = [line for it in self.components if it.state != HEALTHY and it.code for line in _whole(it)]
        return [f"{self.mesh} · {head or 'nothing was read'}", *table, *unwell]

    def _workload_lines(self) -> list[str]:
        if not self.proxies:
            return []
        workloads = self.workloads
        in_order, old = sum(it.in_order for it in workloads), sum(it.old for it in workloads)
        more = f", {old:,} of another version than istiod" if old else ""
        shown_lines = ["", f"{in_order:,} of {len(self.proxies):,} proxies healthy{more}"]
        cells = [it.cells for it in workloads[:MOST_WORKLOADS]]
        shown_lines += _table(["WORKLOAD", "IN ORDER", "PROXIES", "VERSION"], cells, widest=60)
        rest = workloads[MOST_WORKLOADS:]
        if rest:
            bad = sum(it.in_order < it.count for it in rest)
            shown_lines.append(f"… and {len(rest):,} more workloads, {bad:,} of them with unhealthy proxies")
        return shown_lines

    def _proxy_lines(self) -> list[str]:
        odd = [proxy for proxy in self.proxies if proxy.state not in IN_ORDER]
        if not odd:
            return []
        cells = [[f"{it.namespace}/{it.name}", it.state, it.evidence] for it in odd[:MOST_PROXIES]]
        left = len(odd) - MOST_PROXIES
        more = [f"… and {left:,} more; the result has all of them (proxies)"] if left > 0 else []
        return ["", *_table(["PROXY", "STATE", "EVIDENCE"], cells), *more]

    def _cells(self, it: Component) -> list[str]:
        since = age_of(it.since, self.now).removesuffix(" ago")
        return [it.name, it.severity, it.state.partition(" ")[0], since, it.evidence]

    def verdict_line(self, require: str) -> str:
        """Return in one line what it comes to."""
        missing = self.missing(require)
        if missing:
            return f"× {self.mesh}: {clauses(missing, 3)}"
        others = self.missing("healthy")
        if others:
            return f"‼ {self.mesh}: {clauses(others, 1)}"
        return f"√ {self.mesh}: every component and every proxy is healthy"

    def states(self, lines: Sequence[str], require: str) -> dict[str, str]:
        """Return the state by which each of the lines of components is coloured, and the verdict's."""
        found = {line: _COLOURS[it.state] for line, it in zip(lines[2:], self.components) if it.state in _COLOURS}
        missing, others = self.missing(require), self.missing("healthy")
        return {**found, self.verdict_line(require): "down" if missing else "unsure" if others else "ok"}

    def as_data(self) -> dict:
        """Return it as JSON-friendly data."""
        return {
            "components": [it.as_data() for it in self.components],
            "workloads": [it.as_data() for it in self.workloads],
            "proxies": [it.as_data() for it in self.proxies],
            "rates": [dict(row) for row in self.rates],
            "unread": [gap.as_data() for gap in self.unread],
        }

    def refusal(self, require: str, result: dict) -> FederationError:
        """Return the failure of a gate: FED914. ``result`` is what was seen."""
        return FederationError(
            "FED914",
            where=f"Mesh {self.mesh}",
            what=f"is not as health_require: {require} asks: {clauses(self.missing(require), 5)}",
            fix="Look at the codes in the table; health_require: none shows the same without failing",
            result=result,
        )


def with_evidence(proxies: Iterable[Proxy], said: Mapping[str, str]) -> list[Proxy]:
    """Return proxies with what else is ``said`` of each, by its name for istiod."""
    return [
        (
            replace(proxy, evidence=f"{proxy.evidence}; {said[key]}")
            if (key := f"{proxy.name}.{proxy.namespace}") in said
            else proxy
        )
        for proxy in proxies
    ]


def _whole(it: Component) -> list[str]:
    """Return what is seen of a component that is not well, without a cut."""
    return textwrap.wrap(shown(f"{it.code} {it.name} {it.state}: {it.evidence}"), WIDEST, subsequent_indent="       ")[
        :MOST_WRAPPED
    ]


def _table(heads: list[str], rows: Sequence[list[str]], widest: int = WIDEST_CELL) -> list[str]:
    """Return a table whose last column is cut where a terminal ends; the whole is in the result."""
    table = [heads, *([shown(cell, longest=WIDEST) for cell in row] for row in rows)]
    widths = [min(max(len(row[at]) for row in table), widest) for at in range(len(heads))]
    lines = []
    for row in table:
        line = "  ".join(_cut(cell, width).ljust(width) for cell, width in zip(row[:-1], widths))
        left = max(20, WIDEST - len(line) - 2)
        lines.append(f"{line}  {_cut(row[-1], left)}".rstrip())
    return lines


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
