# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a mesh's own Prometheus counts on the edges of its federation, asked by a forwarded port of its pod, or by its
URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .._core.catalogue.findings import Unknown
from .._core.insight.asking import PROMETHEUS, Page
from .._core.insight.rates import MOST_HOSTS, asked, edges, questions
from .._core.plain.data import from_json
from .._core.plain.errors import FederationError
from .._core.traffic.measuring import Row, refusal_of, rows_of
from .insight import Asker

MOST = 8 << 20
Ask = Callable[[str], Sequence[Row]]


class NoAnswer(Exception):
    """Prometheus does not answer, and why."""


def of_pod(asker: Asker, namespace: str, pod: str) -> Ask:
    """Return what asks the Prometheus in a pod."""

    def ask(query: str) -> Sequence[Row]:
        said = asker.ask(namespace, pod, Page(PROMETHEUS, "/api/v1/query", {"query": query}, most=MOST))
        if not said.is_good:
            raise NoAnswer(said.why or refusal_of(from_json(said.text)) or f"answers with status {said.status}")
        rows = rows_of(from_json(said.text))
        if isinstance(rows, str):
            raise NoAnswer(rows)
        return rows

    return ask


def read_rates(
    ask: Ask, hosts: Iterable[str], gateways: Iterable[str], ingresses: Iterable[str], gaps: list[Unknown]
) -> list[dict]:
    """Return the edges' rows; a question without an answer is told, and so is how many imports were not asked about."""
    wanted = list(hosts)
    answers: dict[str, list[Row]] = {}
    for kind, query in questions(wanted, gateways, ingresses):
        try:
            answers.setdefault(kind, []).extend(ask(query))
        except (NoAnswer, FederationError) as error:
            why = error.what if isinstance(error, FederationError) else str(error)
            gaps.append(Unknown("requests and errors on the edges", f"Prometheus: {why}"))
            return []
    if left := len(set(wanted)) - len(asked(wanted)):
        gaps.append(
            Unknown(
                "requests and errors on the edges",
                f"{left} imports were not asked about: more than {MOST_HOSTS}, or no DNS names",
            )
        )
    return edges(answers, wanted)
