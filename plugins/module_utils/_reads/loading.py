# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What proxies say of the WasmPlugins that select them: their Envoys' listeners and filters, and pilot-agent's count of
failed fetches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

from .._cluster.client import Cluster
from .._core.control_plane.live import ControlPlane
from .._core.extensions.keeping import key_of
from .._core.extensions.selecting import Proxy, selected_by
from .._core.insight.asking import AGENT, ENVOY, Page
from .._core.insight.components import istiods_among
from .._core.insight.loading import (
    IDLE,
    LOADED,
    Heard,
    Loading,
    acknowledged,
    are_all,
    filters_rejected,
    held_of,
    read_failures,
    read_filters,
    read_listeners,
    told_of,
    with_word_of_istiod,
)
from .._core.insight.pods import outline
from .._core.plain.errors import FederationError
from .._core.plain.kinds import POD, WASM_PLUGIN
from .._core.plain.supported import FILTERS_ACKNOWLEDGED_FROM
from .insight import AT_ONCE, LISTENERS, UNREADABLE, Asker, read_proxies, rejections_since, unfetched_lately
from .insight import METRICS as OF_ISTIOD

FILTERS = Page(ENVOY, "/config_dump", {"resource": "ecds_filters"})
METRICS = Page(AGENT, "/stats/prometheus")


def read_loadings(
    cluster: Cluster, control_plane: ControlPlane, plugins: Sequence[Mapping], proxies: Sequence[Proxy]
) -> list[list[Loading]]:
    """Return for each WasmPlugin how it fares in each proxy that it selects; each proxy is asked once, and few at the
    same time.
    """
    asker = Asker(cluster)
    selected = [selected_by(plugin, proxies, control_plane.namespace) for plugin in plugins]
    wanted: dict[Proxy, list[int]] = {}
    for number, chosen in enumerate(selected):
        for proxy in chosen:
            wanted.setdefault(proxy, []).append(number)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        heard = dict(zip(wanted, pool.map(lambda proxy: _heard(asker, proxy), wanted)))
        # istiod is asked after the Envoys: what it said before them would be of what they were sent before.
        taken, rejects = _word_of_istiods(cluster, asker, control_plane) if wanted else ({}, None)
        heard = {
            proxy: replace(with_word_of_istiod(said, proxy, taken), rejects=rejects) for proxy, said in heard.items()
        }
        if any(said.filters is None and not said.why for said in heard.values()):
            plugins = _as_made(cluster, plugins)
        told = list(
            pool.map(
                lambda proxy: _of_proxy(asker, [plugins[number] for number in wanted[proxy]], proxy, heard[proxy]),
                wanted,
            )
        )
    found = {(number, proxy): one for proxy, each in zip(wanted, told) for number, one in zip(wanted[proxy], each)}
    return [[found[(number, proxy)] for proxy in chosen] for number, chosen in enumerate(selected)]


def _word_of_istiods(cluster: Cluster, asker: Asker, control_plane: ControlPlane) -> tuple[dict[str, bool], int | None]:
    """Return of each proxy whether it has acknowledged its filters, as far as istiods tell; and, before 2.3, where none
    does, how many answers with filters were rejected by any.
    """
    home = control_plane.namespace
    try:
        pods = cluster.list(POD, home, keep=outline)
    except FederationError as error:
        if error.code not in UNREADABLE:
            raise
        return {}, None
    names = [pod["metadata"]["name"] for pod in istiods_among(pods, control_plane)]
    taken = acknowledged(read_proxies(asker, home, names).rows)
    if taken or control_plane.version is None or control_plane.version >= FILTERS_ACKNOWLEDGED_FROM:
        return taken, None
    counts = [
        filters_rejected(said.text) if said.is_good else None
        for said in asker.ask_each((home, name, OF_ISTIOD) for name in names)
    ]
    return {}, None if None in counts or not counts else sum(count for count in counts if count)


def _as_made(cluster: Cluster, plugins: Sequence[Mapping]) -> list[Mapping]:
    """Return the plugins with what the API server says of when each was made, and whether it has changed since."""
    spaces = sorted({plugin["metadata"]["namespace"] for plugin in plugins})
    live = {key_of(each): each["metadata"] for space in spaces for each in cluster.list(WASM_PLUGIN, space)}
    told = (
        {field: live.get(key_of(plugin), {}).get(field) for field in ("generation", "creationTimestamp")}
        for plugin in plugins
    )
    return [{**plugin, "metadata": {**plugin["metadata"], **made}} for plugin, made in zip(plugins, told)]


def _of_proxy(asker: Asker, plugins: Sequence[Mapping], proxy: Proxy, heard: Heard) -> list[Loading]:
    """Return how each plugin fares in a proxy; its log is asked only where one has come, and its counts where one does
    not run.
    """
    told = told_of(plugins, proxy, heard)
    if heard.why or are_all(told, IDLE):
        return told
    come = [plugin for plugin, one in zip(plugins, told) if one.state != IDLE]
    heard = replace(heard, rejections=_rejections(asker, come, proxy, heard))
    told = told_of(plugins, proxy, heard)
    if are_all(told, IDLE, LOADED):
        return told
    metrics = asker.ask(proxy.namespace, proxy.name, METRICS)
    heard = replace(heard, failures=read_failures(metrics.text) if metrics.is_good else {})
    if heard.failures or any(
        each is not None and each.instead for each in (held_of(plugin, heard.filters) for plugin in plugins)
    ):
        heard = replace(heard, unfetched=unfetched_lately(asker, proxy.namespace, proxy.name))
    return told_of(plugins, proxy, heard)


def _rejections(asker: Asker, plugins: Sequence[Mapping], proxy: Proxy, heard: Heard) -> list[tuple[datetime, str]]:
    """Return what a proxy's log says of rejections from when each plugin came on.

    Each from its own moment: a log goes on for long after an old one, and what is said of a new one would be cut off.
    """
    held = (held_of(plugin, heard.filters) for plugin in plugins)
    moments = sorted({each.since.replace(microsecond=0) for each in held if each is not None and each.since})
    return [each for moment in moments for each in rejections_since(asker, proxy.namespace, proxy.name, moment)]


def _heard(asker: Asker, proxy: Proxy) -> Heard:
    listeners, filters = (asker.ask(proxy.namespace, proxy.name, page) for page in (LISTENERS, FILTERS))
    # Who did not answer at all may do so the next time; a right that is missing, or a page that an Envoy has not, will
    # not come.
    is_momentary = any(each.status == 0 and not each.is_unasked for each in (listeners, filters))
    try:
        if not listeners.is_good:
            return Heard(why=listeners.why or f"its Envoy answered {listeners.status}", is_momentary=is_momentary)
        discovered = read_filters(filters.content) if filters.is_good else None
        return Heard(read_listeners(listeners.content), discovered, is_momentary=is_momentary)
    except FederationError as error:
        return Heard(why=error.what)
