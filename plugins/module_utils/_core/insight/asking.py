# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may be asked of a proxy, of istiod and of add-ons: whole requests, path and query keys, all of them GET.

A debug page can do harm by a GET, too: ``push=true`` pushes to every proxy, ``clear=true`` empties caches,
``/quitquitquit`` is one path away. So whatever is sent is one of ``ALLOWED``, and no text that somebody else wrote
becomes a path.

Sources: Envoy, operations/admin; maistra/istio, pilot/pkg/xds/debug.go on branches 2.1 to 2.5; Prometheus, HTTP API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ENVOY, ISTIOD, ISTIOD_READY, AGENT, GATEWAY_READY, PROMETHEUS, GRAFANA = (
    "Envoy's admin interface",
    "istiod's debug pages",
    "istiod's readiness",
    "pilot-agent",
    "a gateway's readiness",
    "Prometheus",
    "Grafana",
)
PORTS = {
    ENVOY: 15000,
    ISTIOD: 15014,
    ISTIOD_READY: 8080,
    AGENT: 15020,
    GATEWAY_READY: 15021,
    PROMETHEUS: 9090,
    GRAFANA: 3000,
}

_NOTHING: frozenset[str] = frozenset()
ALLOWED: Mapping[str, Mapping[str, frozenset[str]]] = {
    ENVOY: {
        "/config_dump": frozenset({"include_eds", "resource"}),
        "/clusters": frozenset({"format"}),
        "/listeners": frozenset({"format"}),
        "/stats": frozenset({"filter", "format", "usedonly"}),
        "/server_info": _NOTHING,
        "/certs": _NOTHING,
        "/ready": _NOTHING,
    },
    ISTIOD: {
        "/debug/syncz": _NOTHING,
        "/debug/config_dump": frozenset({"proxyID", "types"}),
        "/debug/adsz": _NOTHING,
        "/debug/endpointz": _NOTHING,
        "/debug/registryz": _NOTHING,
        "/debug/authorizationz": _NOTHING,
        "/metrics": _NOTHING,
        "/version": _NOTHING,
    },
    ISTIOD_READY: {"/ready": _NOTHING},
    AGENT: {"/healthz/ready": _NOTHING, "/stats/prometheus": _NOTHING},
    GATEWAY_READY: {"/healthz/ready": _NOTHING},
    PROMETHEUS: {"/-/ready": _NOTHING, "/api/v1/query": frozenset({"query", "time"})},
    GRAFANA: {"/api/health": _NOTHING},
}
_PROGRAMS = {ENVOY: ("istio-proxy", "pilot-agent"), ISTIOD: ("discovery", "pilot-discovery")}
LARGEST_PAGE = 48 << 20
"""Bytes of one page at the most. A dump of a proxy that sees 2,000 services has some 20 MiB."""


@dataclass(frozen=True)
class Page:
    """One request that is allowed: whom it asks (a key of ``PORTS``), for which path, with which query.

    Raises ``ValueError`` for any other: it is a mistake of ours, never of the user.
    """

    of: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    most: int = LARGEST_PAGE

    def __post_init__(self) -> None:
        keys = ALLOWED.get(self.of, {}).get(self.path)
        if keys is None or not set(self.query) <= keys:
            raise ValueError(f"{self.path} with {sorted(self.query)} may not be asked of {self.of}")

    @property
    def port(self) -> int:
        """The port that answers it."""
        return PORTS[self.of]

    @property
    def program(self) -> tuple[str, str] | None:
        """The container and the program in it that asks from inside the pod; None where no image has one."""
        return _PROGRAMS.get(self.of)
