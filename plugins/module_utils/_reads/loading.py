# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What proxies say of the WasmPlugins that select them: their Envoys' listeners and filters, and pilot-agent's count of failed fetches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .._core.extensions.selecting import Proxy, selected_by
from .._core.insight.asking import AGENT, ENVOY, Page
from .._core.insight.loading import (
    IDLE,
    LOADED,
    Heard,
    Loading,
    loading_of,
    read_failures,
    read_filters,
    read_listeners,
)
from .._core.plain.errors import FederationError
from .insight import AT_ONCE, Asker

LISTENERS = Page(ENVOY, "/config_dump", {"resource": "dynamic_listeners"})
FILTERS = Page(ENVOY, "/config_dump", {"resource": "ecds_filters"})
METRICS = Page(AGENT, "/stats/prometheus")


def read_loadings(asker: Asker, plugins: Sequence[Mapping], proxies: Sequence[Proxy], root: str) -> list[list[Loading]]:
    """Return for each WasmPlugin how it fares in each proxy that it selects; each proxy is asked once, and few at the same time."""
    selected = [selected_by(plugin, proxies, root) for plugin in plugins]
    wanted: dict[Proxy, list[int]] = {}
    for number, chosen in enumerate(selected):
        for proxy in chosen:
            wanted.setdefault(proxy, []).append(number)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(lambda proxy: _of_proxy(asker, [plugins[number] for number in wanted[proxy]], proxy), wanted))
    found = {(number, proxy): one for proxy, each in zip(wanted, told) for number, one in zip(wanted[proxy], each)}
    return [[found[(number, proxy)] for proxy in chosen] for number, chosen in enumerate(selected)]


def _of_proxy(asker: Asker, plugins: Sequence[Mapping], proxy: Proxy) -> list[Loading]:
    heard = _heard(asker, proxy)
    told = [loading_of(plugin, proxy, heard) for plugin in plugins]
    if heard.why or all(each.state in (LOADED, IDLE) for each in told):
        return told
    metrics = asker.ask(proxy.namespace, proxy.name, METRICS)
    heard = replace(heard, failures=read_failures(metrics.text) if metrics.is_good else {})
    return [loading_of(plugin, proxy, heard) for plugin in plugins]


def _heard(asker: Asker, proxy: Proxy) -> Heard:
    listeners, filters = (asker.ask(proxy.namespace, proxy.name, page) for page in (LISTENERS, FILTERS))
    try:
        if not listeners.is_good:
            return Heard(why=listeners.why or f"its Envoy answered {listeners.status}")
        return Heard(read_listeners(listeners.content), read_filters(filters.content) if filters.is_good else None)
    except FederationError as error:
        return Heard(why=error.what)
