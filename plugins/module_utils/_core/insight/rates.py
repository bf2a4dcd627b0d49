# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much goes over the edges of a federation: what Prometheus is asked about calls to imports, about our egress
gateways, and about calls that come in by the ingress gateways for our peers; and what its answers come to.

A client counts its calls itself (``reporter="source"``): the other side's proxies report to a Prometheus of their own.
It does not say whether they are secured (``connection_security_policy`` is "unknown" there); the proxy that is called
does. Gateways of a federation pass TCP on, so they count connections and bytes. Sources: Istio documentation, "Standard
Metrics"; Prometheus documentation, "HTTP API".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..peering.names import is_dns_name
from ..traffic.measuring import Row, any_of
from .statistics import LARGEST

WINDOW = "10m"
MOST_HOSTS = 500
"""Imported names that are asked about."""
MOST_EDGES = 1000
# A dot is seven signs in an address, and one question has its names twice; routers let 32 KB through, others half of
# that.
_MOST_SIGNS = 3000
MANY_ERRORS = 5.0
"""Per cent of calls that may fail before an edge deserves a look."""
_ENDS = "source_workload_namespace,source_workload,destination_service"
_WORKLOAD, _SPACE, _SERVICE, _POLICY = (
    "source_workload",
    "source_workload_namespace",
    "destination_service",
    "connection_security_policy",
)


def asked(hosts: Iterable[str]) -> list[str]:
    """Return the imported names that are asked about. A peer has a hand in them: what is no DNS name gets into no
    question.
    """
    return sorted(filter(is_dns_name, set(hosts)))[:MOST_HOSTS]


def questions(hosts: Iterable[str], gateways: Iterable[str], ingresses: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Return what is asked, each with what it is for: of ``hosts`` that are imported, in several questions where there
    are many, of egress ``gateways``, and of what comes from the peers' ``ingresses``; nothing where there is none of
    them.
    """
    found = []
    leaving = [f'reporter="source",destination_service=~"{named}"' for named in _batches(asked(hosts))]
    entering = [f'reporter="destination",source_workload=~"{named}"' for named in _batches(sorted(set(ingresses)))]
    for calls in (*leaving, *entering):
        found.append(
            ("requests", f"sum by ({_ENDS},{_POLICY},response_code) (rate(istio_requests_total{{{calls}}}[{WINDOW}]))")
        )
        lasted = "istio_request_duration_milliseconds"
        took = (
            f"sum by ({_ENDS}) (rate({lasted}_sum{{{calls}}}[{WINDOW}])) / sum by ({_ENDS})"
            f" (rate({lasted}_count{{{calls}}}[{WINDOW}]))"
        )
        found.append(("milliseconds", took))
    for passing in _batches(sorted(set(gateways))):
        through = f'reporter="source",source_workload=~"{passing}"'
        found.append(
            (
                "connections",
                f"sum by ({_ENDS},{_POLICY}) (rate(istio_tcp_connections_opened_total{{{through}}}[{WINDOW}]))",
            )
        )
        # One by one: where one way has no counter, a sum of both has no figure.
        found += [
            ("bytes", f"sum by ({_ENDS}) (rate(istio_tcp_{way}_bytes_total{{{through}}}[{WINDOW}]))")
            for way in ("sent", "received")
        ]
    return found


def _batches(names: Sequence[str]) -> Iterator[str]:
    """Yield names as regular expressions that are each short enough for the address of a question."""
    batch: list[str] = []
    signs = 0
    for text in (any_of([name]) for name in names):
        if batch and signs + len(text) > _MOST_SIGNS:
            yield "|".join(batch)
            batch, signs = [], 0
        batch.append(text)
        signs += len(text) + 1
    if batch:
        yield "|".join(batch)


@dataclass
class Edge:
    """One edge: ``requests`` and ``failed`` a second, or ``connections`` and ``bytes`` a second. ``secured`` and
    ``known`` are what of that is known to have gone by mutual TLS, and of what that is known.
    """

    source: str
    to: str
    requests: float = 0.0
    failed: float = 0.0
    milliseconds: float | None = None
    connections: float = 0.0
    bytes: float = 0.0
    secured: float = 0.0
    known: float = 0.0
    kinds: set[str] = field(default_factory=set)

    def as_data(self) -> dict:
        """Return it as a row of the page; what was not measured has no figure."""
        is_http = "requests" in self.kinds
        share = 100 * self.failed / self.requests if self.requests else None
        amount = self.requests if is_http else self.connections or self.bytes
        return {
            "edge": f"{self.source} → {self.to}",
            "state": "idle" if not amount else "degraded" if share is not None and share > MANY_ERRORS else "healthy",
            "requests_per_second": _rounded(self.requests if is_http else None),
            "errors_per_cent": _rounded(share),
            "milliseconds": _rounded(self.milliseconds),
            "connections_per_second": _rounded(self.connections if "connections" in self.kinds else None),
            "bytes_per_second": _rounded(self.bytes if "bytes" in self.kinds else None),
            "mutual_tls_per_cent": _rounded(100 * self.secured / self.known if self.known else None),
        }


def edges(answers: Mapping[str, Sequence[Row]], hosts: Iterable[str]) -> list[dict]:
    """Return the rows of all edges, the busiest first, and one for each import that is not called, of those that were
    ``asked`` about; ``answers`` by the names of ``questions``.
    """
    found: dict[tuple[str, str], Edge] = {}
    for kind, rows in answers.items():
        for labels, value in rows:
            _note(found, kind, labels, value)
    busy = sorted(
        found.values(), key=lambda edge: (-edge.requests, -edge.connections, -edge.bytes, edge.source, edge.to)
    )
    called = {edge.to for edge in busy}
    nobody = [Edge("nobody", host) for host in asked(hosts) if host not in called] if "requests" in answers else []
    return [edge.as_data() for edge in [*busy, *nobody][:MOST_EDGES]]


def _note(found: dict[tuple[str, str], Edge], kind: str, labels: Mapping[str, str], value: float) -> None:
    # What is larger is no figure, and sums and shares of such have no end: a page with one is no JSON.
    if not 0 <= value <= LARGEST:
        return
    space, workload = labels.get(_SPACE, ""), labels.get(_WORKLOAD, "")
    ends = (f"{space}/{workload}" if space else workload or "unknown", labels.get(_SERVICE) or "unknown")
    edge = found.setdefault(ends, Edge(*ends))
    edge.kinds.add(kind)
    if kind == "milliseconds":
        edge.milliseconds = value
        return
    setattr(edge, kind, getattr(edge, kind) + value)
    # A call that got no answer at all has the code 0.
    if kind == "requests" and labels.get("response_code", "").startswith(("5", "0")):
        edge.failed += value
    policy = labels.get(_POLICY, "unknown")
    if policy != "unknown":
        edge.known += value
        edge.secured += value if policy == "mutual_tls" else 0


def _rounded(value: float | None) -> float | None:
    """Return a figure with as many digits as say something."""
    return None if value is None else float(f"{value:.3g}")
