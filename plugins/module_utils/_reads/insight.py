# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What pods say of themselves, and what was read around them. What may not be read is noted, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone

from .._cluster.client import Cluster
from .._core.catalogue.findings import Unknown
from .._core.insight import statistics, syncz
from .._core.insight.asking import ENVOY, ISTIOD, Page
from .._core.insight.components import Said
from .._core.insight.loading import read_rejections, read_unfetched
from .._core.insight.pods import outline
from .._core.logs.lines import PROXY
from .._core.logs.masking import masked
from .._core.plain.data import by_name
from .._core.plain.errors import FORBIDDEN, NOT_SERVED, UNSEEN, FederationError
from .._core.plain.kinds import POD, Kind
from .._core.plain.moments import time_text
from .._core.traffic.rehearsals import COUNTED

UNREADABLE = frozenset({*UNSEEN, "FED106"})
SILENT = frozenset({FORBIDDEN, "FED106", "FED900", "FED901"})
AT_ONCE = 4
"""How many pods are asked at the same time: a dump is made on Envoy's main thread, and all go through one
API server.
"""
SYNCZ = Page(ISTIOD, "/debug/syncz")
METRICS = Page(ISTIOD, "/metrics", most=16 << 20)
ADSZ = Page(ISTIOD, "/debug/adsz")
REGISTRY = Page(ISTIOD, "/debug/registryz")
MOST_OF_A_LOG = 1 << 16
"""Bytes after the moment that is asked about: what Envoy rejects it says within a second."""
MOST_OF_ISTIODS_LOG = 4 << 20
LISTENERS = Page(ENVOY, "/config_dump", {"resource": "dynamic_listeners"})
SERVER_INFO = Page(ENVOY, "/server_info", most=1 << 20)
REHEARSALS = Page(ENVOY, "/stats", {"filter": COUNTED}, most=1 << 20)


class Asker:
    """Asks pods for their pages. In a namespace where a right is missing one pod is asked; a pod that does not answer
    is not asked again.
    """

    def __init__(self, cluster: Cluster, *, by_exec: bool = False) -> None:
        self._cluster, self._by_exec = cluster, by_exec
        self._forbidden: dict[str, str] = {}
        self._unlogged: dict[str, str] = {}
        self._silent: dict[tuple[str, str, int], Said] = {}

    def ask(self, namespace: str, pod: str, page: Page) -> Said:
        """Return what a pod answers, or why it does not."""
        if namespace in self._forbidden:
            return Said(why=self._forbidden[namespace], is_forbidden=True, is_unasked=True)
        key = (namespace, pod, page.port)
        if key in self._silent:
            return self._silent[key]
        try:
            status, content = self._cluster.page(namespace, pod, page, by_exec=self._by_exec)
        except FederationError as error:
            if error.code not in SILENT:
                raise
            if error.code == FORBIDDEN:
                self._forbidden[namespace] = error.what
                return Said(why=error.what, is_forbidden=True, is_unasked=True)
            self._silent[key] = Said(why=error.what, is_unasked=error.code == "FED106")
            return self._silent[key]
        return Said(status, content)

    def ask_each(self, asked: Iterable[tuple[str, str, Page]]) -> list[Said]:
        """Return what each of many pods answers, in their order; few are asked at the same time."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda one: self.ask(*one), asked))

    def log(self, namespace: str, pod: str, most: int, *, container: str = PROXY, **bounds: str) -> str:
        """Return the log of a container within ``bounds``, fields of ``pods/log``, and ``most`` bytes; "" where it may
        not be read or none comes.
        """
        if namespace in self._unlogged:
            return ""
        content = bytearray()
        try:
            self._cluster.copy_log(
                namespace, pod, {"container": container, "limitBytes": str(most), **bounds}, content.extend, most
            )
        except FederationError as error:
            if error.code not in SILENT:
                raise
            if error.code == FORBIDDEN:
                self._unlogged[namespace] = error.what
            return ""
        return content.decode("utf-8", "replace")

    def unlogged(self) -> list[Unknown]:
        """Return the logs that could not be read for want of a right."""
        return [Unknown(f"logs of proxies in {namespace}", why) for namespace, why in self._unlogged.items()]

    def gaps(self) -> list[Unknown]:
        """Return what could not be asked for want of a right."""
        return [Unknown(f"pages of pods in {namespace}", why) for namespace, why in sorted(self._forbidden.items())]


def listed(
    cluster: Cluster, kind: Kind, namespace: str, unread: dict[str, str], *, key: str = "", selector: str | None = None
) -> dict[str, dict] | None:
    """Return objects by name; None where they may not be read, and ``unread`` says why. A kind that is not served has
    no objects.
    """
    try:
        return by_name(cluster.list(kind, namespace, selector))
    except FederationError as error:
        if error.code not in UNREADABLE:
            raise
        if error.code == NOT_SERVED:
            return {}
        unread[key or kind.name] = error.what
        return None


def read_pods(
    cluster: Cluster, namespaces: Iterable[str], gaps: list[Unknown], keep: Callable[[Mapping], dict | None] = outline
) -> dict[str, list[dict]]:
    """Return the pods of each namespace that can be read, as ``outline`` gives them."""
    found = {}
    for namespace in dict.fromkeys(namespaces):
        try:
            found[namespace] = cluster.list(POD, namespace, keep=keep)
        except FederationError as error:
            if error.code not in UNREADABLE:
                raise
            gaps.append(Unknown(f"pods in {namespace}", error.what))
    return found


def read_istiods(asker: Asker, namespace: str, pods: Sequence[str]) -> tuple[syncz.Reading, dict[str, Said]]:
    """Return what all istiods say of proxies at this moment, what these have rejected included, and the metrics of
    each.
    """
    reading = read_proxies(asker, namespace, pods)
    metrics = dict(zip(pods, asker.ask_each((namespace, pod, METRICS) for pod in pods)))
    rejects = sum(
        (syncz.rejects_of(answer.text) for answer in metrics.values() if answer.is_good), start=syncz.rejects_of("")
    )
    return replace(reading, rejects=rejects), metrics


def read_proxies(asker: Asker, namespace: str, pods: Sequence[str]) -> syncz.Reading:
    """Return what all istiods say of proxies at this moment; of two rows for one, since when each is connected."""
    at = datetime.now(timezone.utc)
    answers = dict(zip(pods, asker.ask_each((namespace, pod, SYNCZ) for pod in pods)))
    rows: list[syncz.Row] = []
    silent: dict[str, str] = {}
    for pod, answer in answers.items():
        try:
            rows += syncz.rows_of(answer.content, pod) if answer.is_good else []
        except FederationError as error:
            silent[pod] = error.what
        if not answer.is_good:
            silent[pod] = answer.why or f"it answered {answer.status}"
    reading = syncz.Reading(at, tuple(rows), silent=silent)
    return _dated(asker, namespace, reading) if reading.twice else reading


def _dated(asker: Asker, namespace: str, reading: syncz.Reading) -> syncz.Reading:
    """Return a reading that tells since when each proxy is connected to the istiods that list it."""
    since: dict[tuple[str, str], datetime] = {}
    pods = sorted({row.istiod for row in reading.rows if row.proxy in reading.twice})
    for pod, answer in zip(pods, asker.ask_each((namespace, pod, ADSZ) for pod in pods)):
        try:
            found = syncz.connected_at(answer.content, pod) if answer.is_good else {}
        except FederationError:
            # Without it both rows count, and where they differ the proxy is unknown.
            found = {}
        since |= {(pod, proxy): at for proxy, at in found.items()}
    return replace(reading, since=since)


def what_envoys_say(asker: Asker, proxies: Sequence[syncz.Proxy]) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Return what the Envoys of some proxies say of updates that they rejected, and of their connection to istiod, both
    by proxy.
    """
    page = Page(ENVOY, "/stats", {"filter": "update_rejected|cluster\\.xds-grpc;?\\.upstream_cx"}, most=8 << 20)
    rejected: dict[str, dict[str, str]] = {}
    connections: dict[str, str] = {}
    answers = asker.ask_each((proxy.namespace, proxy.name, page) for proxy in proxies)
    for proxy, answer in zip(proxies, answers):
        if answer.is_good:
            name = f"{proxy.name}.{proxy.namespace}"
            rejected[name] = statistics.rejections_in(answer.text)
            connections[name] = statistics.connection_in(answer.text)
    return rejected, {name: text for name, text in connections.items() if text}


def what_logs_say(asker: Asker, proxies: Sequence[syncz.Proxy], gaps: list[Unknown]) -> dict[str, str]:
    """Return, by proxy, the latest line of its log that tells why it has no connection or certificates, or what it
    rejects; secrets are masked.
    """
    lines = {}
    for proxy in proxies:
        told = statistics.rejection_in if proxy.state == syncz.REJECTED else statistics.trouble_in
        log = asker.log(proxy.namespace, proxy.name, 1 << 18, tailLines="200")
        lines[f"{proxy.name}.{proxy.namespace}"] = masked(told(log))
    gaps += asker.unlogged()
    return {name: f"its log: {line}" for name, line in lines.items() if line}


def what_istiods_log(
    asker: Asker, namespace: str, pods: Iterable[str], since: datetime, gaps: list[Unknown]
) -> list[tuple[str, str, str]]:
    """Return what the logs of istiods say of rejections from a moment on: the proxy, the type such as LDS, and why;
    secrets are masked.
    """
    logs = [
        asker.log(namespace, pod, MOST_OF_ISTIODS_LOG, container="discovery", sinceTime=time_text(since))
        for pod in pods
    ]
    gaps += asker.unlogged()
    return [(proxy, kind, masked(why)) for log in logs for proxy, kind, why in statistics.nacks_in(log)]


def rejections_since(asker: Asker, namespace: str, pod: str, moment: datetime) -> list[tuple[datetime, str]]:
    """Return what the log of a pod's proxy says of filters that it has rejected, from a moment on; secrets
    are masked.
    """
    log = asker.log(namespace, pod, MOST_OF_A_LOG, sinceTime=time_text(moment))
    return [(at, masked(why)) for at, why in read_rejections(log)]


def unfetched_lately(asker: Asker, namespace: str, pod: str) -> dict[str, str]:
    """Return why a pod's agent could not fetch modules, by their addresses, as the end of its log says; secrets are
    masked.
    """
    log = asker.log(namespace, pod, MOST_OF_A_LOG, tailLines="200")
    return {address: masked(why) for address, why in read_unfetched(log).items()}
