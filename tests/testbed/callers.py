# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A client with a sidecar: a real Envoy that takes plain requests and brings them to our egress gateway by mutual TLS,
as Istio's does.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .authority import Identity
from .gateways import SERVICE_PORT, Envoy, Programme, access_log, cluster_of, http_filter, sni, upstream_tls

PORT = 8000
LOG = "web.access.log"
_SECONDS = 10


@dataclass(frozen=True)
class Calls:
    """What the sidecar knows. ``hosts`` maps an imported host name to its port; ``egress`` are addresses of our egress
    gateway, whose identity is ``expected``.
    """

    address: str
    identity: Identity
    roots: Mapping[str, str]
    egress: tuple[str, ...]
    expected: str
    hosts: Mapping[str, int] = field(default_factory=dict)
    is_plain: bool = False
    most_requests: int | None = None
    ejects: bool = False


def resources(calls: Calls) -> tuple[list[dict], list[dict]]:
    """Return the sidecar's listeners and clusters."""
    # As every sidecar of Istio's, it has this one.
    clusters, routes = [cluster_of("BlackHoleCluster", [])], []
    for host, port in calls.hosts.items():
        name = f"outbound|{port}||{host}"
        tls = None if calls.is_plain else upstream_tls(calls.identity, sni(port, host), (calls.expected,))
        cluster = cluster_of(name, [(address, SERVICE_PORT) for address in calls.egress], tls)
        if calls.most_requests is not None:
            cluster["circuit_breakers"] = {
                "thresholds": [{"max_requests": calls.most_requests, "max_connections": 1, "max_pending_requests": 0}]
            }
        if calls.ejects:
            cluster["outlier_detection"] = {
                "consecutive_5xx": 1,
                "interval": "0.2s",
                "base_ejection_time": "60s",
                "max_ejection_percent": 100,
            }
            cluster["common_lb_config"] = {"healthy_panic_threshold": {"value": 0}}
        clusters.append(cluster)
        routes.append(
            {
                "match": {"prefix": "/", "headers": [{"name": ":authority", "string_match": {"exact": host}}]},
                "route": {"cluster": name, "timeout": "5s"},
            }
        )
    listener = {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": "outbound",
        "address": {"socket_address": {"address": calls.address, "port_value": PORT}},
        "filter_chains": [{"filters": [http_filter("outbound", routes, [], [access_log(f"./{LOG}")])]}],
    }
    return [listener], clusters


class Sidecar:
    """The running sidecar; ``directory`` holds its files and its logs."""

    def __init__(self, envoy: Path, directory: Path, calls: Calls) -> None:
        self._envoy = Envoy(envoy, directory, calls.address)
        self.calls = calls
        self.directory = directory
        self._envoy.start(self._programme(calls))

    @staticmethod
    def _programme(calls: Calls) -> Programme:
        listeners, clusters = resources(calls)
        return Programme(("", 0), bundles=calls.roots, written=(listeners, clusters))

    def follow(self, calls: Calls) -> None:
        """Hand the sidecar what it shall know from now on."""
        self._envoy.follow(self._programme(calls))

    def is_in_force(self) -> bool:
        """Return whether the sidecar does all that it was given last."""
        return self._envoy.is_in_force()

    def call(self, host: str, connection: http.client.HTTPConnection | None = None) -> int:
        """Call a host as the application would, and return the status."""
        asking = connection or http.client.HTTPConnection(self.calls.address, PORT, timeout=_SECONDS)
        try:
            asking.request("GET", "/", headers={"Host": host})
            answer = asking.getresponse()
            answer.read()
            return answer.status
        finally:
            if connection is None:
                asking.close()

    def stop(self) -> None:
        """End it."""
        self._envoy.stop()
