# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of peerings and pods the health of a mesh is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..peering import status
from ..peering.live import Peerings
from ..plain.data import at
from . import syncz
from .components import Said
from .pods import proxy_in, workload_of


def imported_hosts(peerings: Peerings) -> list[str]:
    """Return the host names of all that is imported."""
    rows = [row for name in peerings.peers for row in status.imported(peerings.of(name).imports)]
    return [str(row["imported"]) for row in rows if row["imported"]]


def gateways_by(way: str, peerings: Peerings) -> list[str]:
    """Return the names of the gateways of all peers for one way, egress or ingress."""
    names = [at(live, "spec", "gateways", way, "name") for live in peerings.peers.values()]
    return [str(name) for name in names if name]


def with_proxies(pods: Mapping[str, list[dict]]) -> list[syncz.Pod]:
    return [proxy for space in pods.values() for proxy in map(proxy_in, space) if proxy is not None]


def said_of_lost(proxies: Iterable[syncz.Proxy], connections: Mapping[str, str]) -> dict[str, str]:
    """Return what Envoys say of their ``connections`` where no istiod has a proxy, by its name for istiod."""
    lost = {f"{proxy.name}.{proxy.namespace}" for proxy in proxies if proxy.state == syncz.NOT_CONNECTED}
    return {name: f"its Envoy says {text}" for name, text in connections.items() if name in lost}


def by_component(asked: Sequence[tuple[str, str]], answers: Sequence[Said]) -> dict[str, dict[str, Said]]:
    found: dict[str, dict[str, Said]] = {}
    for (name, pod), answer in zip(asked, answers):
        found.setdefault(name, {})[pod] = answer
    return found


def ready_in(workload: str, pods: Sequence[Mapping]) -> list[Mapping]:
    return [pod for pod in pods if pod["ready"] and workload_of(pod) == workload]
