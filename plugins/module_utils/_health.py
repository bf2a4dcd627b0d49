# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order the health of a mesh is looked at: objects, pods, istiods, and what is not in order a second time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ._cluster.client import Cluster
from ._core.catalogue.findings import Unknown
from ._core.control_plane.live import ControlPlane
from ._core.control_plane.members import ROLL, membership
from ._core.insight import components, syncz
from ._core.insight.asking import ENVOY, GRAFANA, PROMETHEUS, Page
from ._core.insight.components import Said, Seen, components_of, gateways_of, istiod_name, istiods_among
from ._core.insight.gathering import by_component, gateways_by, imported_hosts, ready_in, said_of_lost, with_proxies
from ._core.insight.showing import Health, with_evidence
from ._core.peering import status
from ._core.peering.live import Peerings
from ._core.plain.errors import FederationError
from ._core.plain.kinds import DAEMON_SET, DEPLOYMENT, JAEGER, JAEGER_OBJECT, KIALI, KIALI_OBJECT, MEMBER_ROLL, SERVICE
from ._prometheus import Prometheus
from ._reads.insight import (
    UNREADABLE,
    Asker,
    listed,
    read_istiods,
    read_pods,
    what_envoys_say,
    what_istiods_log,
    what_logs_say,
)
from ._reads.peerings import read_control_plane, read_peerings, read_roots_of
from ._reads.rates import Ask, of_pod, read_rates

OPERATORS = "openshift-operators"
MOST_ENVOYS = 20
"""How many Envoys are asked themselves: their answers only sharpen what istiods say."""
MOST_LOGS = 5
ASKED_AGAIN = (syncz.NOT_CONNECTED, syncz.STALE, syncz.REJECTED, syncz.WAITING)
LOGGED = (syncz.NOT_CONNECTED, syncz.REJECTED, syncz.WAITING)
"""The states of a proxy whose own log may say why."""
MOST_OF_A_GATEWAY = 4
CERTS = Page(ENVOY, "/certs", most=4 << 20)
OWN_PAGES = {
    "prometheus": Page(PROMETHEUS, "/-/ready", most=1 << 16),
    "grafana": Page(GRAFANA, "/api/health", most=1 << 16),
}


@dataclass
class Look:
    """What one look at a mesh gathers on its way."""

    cluster: Cluster
    asker: Asker
    control_plane: ControlPlane
    gaps: list[Unknown] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> str:
        """The control plane's namespace."""
        return self.control_plane.namespace


def health_of(
    cluster: Cluster,
    mesh: str,
    namespace: str,
    control_plane: str,
    now: datetime,
    *,
    again: float = 10,
    by_exec: bool = False,
    operators: str = OPERATORS,
    prometheus: Prometheus | None = None,
) -> Health:
    """Return the health of a mesh. What is not in order is looked at once more after ``again`` seconds; 0 looks once.

    ``by_exec`` asks istiod and Envoy by a command in their containers instead of a forwarded port. ``prometheus`` is
    asked about calls, else the one of the control plane's namespace, where it is ready. Raises ``FederationError``
    FED401 without the control plane; everything else that cannot be read is told in the result.
    """
    live = read_control_plane(cluster, namespace, control_plane)
    look = Look(cluster, Asker(cluster, by_exec=by_exec), live)
    spaces = [namespace, *_members(look)]
    pods = read_pods(cluster, spaces, look.gaps)
    own = pods.get(namespace, [])
    readings, metrics = _readings(look, spaces, pods, again)
    if len(readings) > 1:
        pods = read_pods(cluster, [space for space in spaces if space in pods], look.gaps)
    peerings = _peerings(look)
    seen = _seen(look, own, metrics, now, operators, peerings)
    proxies = _proxies(
        look, readings, pods, components.version_of(answer.text for answer in metrics.values() if answer.is_good)
    )
    silent = [Unknown(f"proxies that {pod} knows", why) for pod, why in sorted(readings[-1].silent.items())]
    gaps = [*look.gaps, *look.asker.gaps(), *(silent if not look.asker.gaps() else [])]
    ask = prometheus.ask if prometheus else _own_prometheus(look, own)
    rates = (
        []
        if ask is None
        else read_rates(
            ask, imported_hosts(peerings), gateways_by("egress", peerings), gateways_by("ingress", peerings), gaps
        )
    )
    return Health(mesh, components_of(seen), proxies, gaps, cluster.now, rates)


def _peerings(look: Look) -> Peerings:
    try:
        return read_peerings(look.cluster, look.control_plane)
    except FederationError as error:
        if error.code not in UNREADABLE:
            raise
        look.unread[components.PEERS] = error.what
        look.gaps.append(Unknown("peers, their gateways and what they offer", error.what))
        return Peerings({}, {}, {}, {})


def _own_prometheus(look: Look, own: Sequence[Mapping]) -> Ask | None:
    """Return what asks the Prometheus beside the control plane; None where none of its pods is ready."""
    ready = ready_in("prometheus", own)
    return of_pod(look.asker, look.home, ready[0]["metadata"]["name"]) if ready else None


def _members(look: Look) -> list[str]:
    try:
        return membership(look.cluster.get(MEMBER_ROLL, look.home, ROLL))["configured"]
    except FederationError as error:
        if error.code not in UNREADABLE:
            raise
        look.gaps.append(Unknown("members of the mesh, and so their proxies", error.what))
        return []


def _readings(
    look: Look, spaces: Sequence[str], pods: Mapping[str, list[dict]], again: float
) -> tuple[list[syncz.Reading], dict[str, Said]]:
    """Return what istiods say, a second time where something is not in order that may be a moment's."""
    name = istiod_name(look.control_plane)
    istiods = [pod["metadata"]["name"] for pod in istiods_among(pods.get(look.home, []), look.control_plane)]
    if not istiods:
        # Nobody was asked, so nobody can be said to be missing, or to be in order.
        silent = {name: "none of its pods was found" if look.home in pods else "its pods could not be read"}
        return [syncz.Reading(look.cluster.now, silent=silent)], {}
    first, metrics = read_istiods(look.asker, look.home, istiods)
    if not again or not syncz.needs_another_look(first, with_proxies(pods), pods):
        return [first], metrics
    time.sleep(again)
    second, metrics = read_istiods(look.asker, look.home, istiods)
    return [first, second], metrics


def _proxies(
    look: Look, readings: Sequence[syncz.Reading], pods: Mapping[str, list[dict]], current: str
) -> list[syncz.Proxy]:
    """Return the proxies. The Envoys of those that are not in order are asked themselves; their word only counts beside
    istiod's.
    """
    if not readings[-1].rows and readings[-1].silent:
        return []
    known = with_proxies(pods)
    found = syncz.proxies_of(readings, known, pods, current=current)
    odd = [proxy for proxy in found if proxy.state in ASKED_AGAIN][:MOST_ENVOYS]
    if not odd:
        return found
    rejected, connections = what_envoys_say(look.asker, odd)
    # One reading alone shows what is on its way, too.
    found = syncz.proxies_of(readings, known, pods, rejected if len(readings) > 1 else {}, current)
    if len(readings) > 1 and any(proxy.state == syncz.STALE for proxy in found):
        found = _by_logs_of_istiods(look, readings, pods, rejected, current)
    alone = [proxy for proxy in found if proxy.state in LOGGED][:MOST_LOGS]
    found = with_evidence(found, said_of_lost(odd, connections))
    return with_evidence(found, what_logs_say(look.asker, alone, look.gaps))


def _by_logs_of_istiods(
    look: Look,
    readings: Sequence[syncz.Reading],
    pods: Mapping[str, list[dict]],
    rejected: Mapping[str, Mapping[str, str]],
    current: str,
) -> list[syncz.Proxy]:
    """Return the proxies where Envoys have not said why they are stale: they have nothing to say, or may not be asked.
    istiods log what they are told.
    """
    istiods = sorted({row.istiod for row in readings[-1].rows})
    nacks = what_istiods_log(look.asker, look.home, istiods, readings[0].at, look.gaps)
    found = syncz.proxies_of(syncz.with_nacks(readings, nacks), with_proxies(pods), pods, rejected, current)
    return with_evidence(found, {proxy: f"istiod's log: {kind} {why}" for proxy, kind, why in nacks})


def _seen(
    look: Look, own: Sequence[Mapping], metrics: Mapping[str, Said], now: datetime, operators: str, peerings: Peerings
) -> Seen:
    """Return what was read of the components."""
    cluster, control_plane, home, unread = look.cluster, look.control_plane, look.home, look.unread
    rows = [
        status.peer_row(
            name,
            name,
            peerings.of(name).as_rows(),
            now=cluster.now,
            version=control_plane.version,
            cluster_domain=control_plane.cluster_domain,
        )
        for name in sorted(peerings.peers)
    ]
    roots, why = (), ""
    try:
        roots = read_roots_of(cluster, control_plane, now)
    except FederationError as error:
        why = f"{error.where} {error.what}"
    names = [
        name
        for name, space, _severity, wanted in gateways_of(control_plane, peerings.peers)
        if wanted and space == home
    ]
    asked = [(name, pod["metadata"]["name"]) for name in names for pod in ready_in(name, own)[:MOST_OF_A_GATEWAY]]
    answers = look.asker.ask_each((home, pod, CERTS) for _name, pod in asked)
    said = {
        istiod_name(control_plane): metrics,
        **{name: _own_page(look, name, page, own) for name, page in OWN_PAGES.items()},
    }
    kiali, jaeger = (
        listed(cluster, kind, home, unread) if cluster.serves(group) else {}
        for kind, group in ((KIALI_OBJECT, KIALI), (JAEGER_OBJECT, JAEGER))
    )
    return Seen(
        control_plane,
        now,
        deployments=listed(cluster, DEPLOYMENT, home, unread),
        services=listed(cluster, SERVICE, home, unread),
        daemon_sets=listed(cluster, DAEMON_SET, operators, unread, selector="istio=cni"),
        operator=listed(cluster, DEPLOYMENT, operators, unread, key="operator"),
        kiali=None if kiali is None else list(kiali.values()),
        jaeger=None if jaeger is None else list(jaeger.values()),
        peers=peerings.peers,
        rows=rows,
        bundles={name: peerings.of(name).bundle for name in peerings.peers},
        roots=roots,
        roots_why=why,
        said=said,
        certificates=by_component(asked, answers),
        unread=unread,
    )


def _own_page(look: Look, name: str, page: Page, own: Sequence[Mapping]) -> dict[str, Said]:
    pods = [pod["metadata"]["name"] for pod in ready_in(name, own)[:1]]
    return dict(zip(pods, look.asker.ask_each((look.home, pod, page) for pod in pods)))
