# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who calls a service of this mesh today, as Prometheus has it, and whom a first ALLOW policy would cut off.

Source: Istio documentation, "Standard Metrics": what the sidecar of the workload that is called reports of its callers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..catalogue.findings import Finding
from ..mesh.topology import Mesh
from ..plain.data import at, listed, mapping
from .measuring import Row, any_of
from .plan import ingress_principal
from .standing import Caller, Standing
from .wanted import Wanted

WINDOW = "7d"
_PRINCIPAL = re.compile(r"(?:spiffe://)?([^/]+)/ns/([a-z0-9-]{1,63})/sa/([a-z0-9.-]{1,253})")
_METRICS = "istio_requests_total|istio_tcp_connections_opened_total"


def admitting(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Return the rules that write an ALLOW policy on a workload."""
    return [one for one in wanted if one.callers and one.callers.from_mesh]


def callers_query(one: Wanted, standing: Standing) -> str:
    """Return the question who has called the workload of a service, by whichever Service of the same selector."""
    selector = mapping(at(standing.services.get((one.namespace, one.name)), "spec", "selector"))
    names = {name for (namespace, name), live in standing.services.items() if namespace == one.namespace and at(live, "spec", "selector") == selector}
    chosen = any_of({*names, one.name} if selector else {one.name})
    labels = f'__name__=~"{_METRICS}",reporter="destination",destination_service_namespace="{one.namespace}",destination_service_name=~"{chosen}"'
    return f"sum by (source_principal,source_workload_namespace,source_workload) (increase({{{labels}}}[{WINDOW}])) > 0"


def callers_of(rows: Iterable[Row]) -> tuple[Caller, ...]:
    """Return the callers that an answer names, each once."""
    found: dict[Caller, None] = {}
    for labels, _count in rows:
        principal = _PRINCIPAL.fullmatch(labels.get("source_principal", ""))
        workload = labels.get("source_workload", "unknown")
        if principal:
            found[Caller(principal[2], principal[3], workload, principal[1])] = None
        else:
            found[Caller(labels.get("source_workload_namespace", "unknown"), "", workload)] = None
    return tuple(sorted(found, key=str))


def local_callers(one: Wanted, mesh: Mesh, standing: Standing) -> list[Caller]:
    """Return who has called a service from inside this mesh; the gateways of peers stand for others."""
    gateways = {ingress_principal(peer, standing) for peer in mesh.peers}
    seen = standing.callers.get((one.namespace, one.name)) or ()
    return [caller for caller in seen if f"{standing.control_plane.trust_domain}/ns/{caller.namespace}/sa/{caller.account}" not in gateways]


def cut_off_locally(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing) -> Iterator[Finding]:
    """Yield callers of this mesh that a policy which is about to count does not name."""
    for one in admitting(wanted):
        named = set(one.callers.local or ()) if one.callers else set()
        lost = [caller for caller in local_callers(one, mesh, standing) if (caller.namespace, caller.account) not in named]
        if lost and one.callers and one.callers.local is not None:
            words = "would cut off, once it is no rehearsal," if one.callers.dry_run else "cuts off"
            yield Finding("FED846", one.place, f"{words} {listed(dict.fromkeys(map(str, lost)), 20)}, seen in the last {WINDOW}")
