# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which pods each of 3scale's adapters selects, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..catalogue.findings import Finding
from ..extensions.keeping import key_of
from ..extensions.plan import Ground, selector_text
from ..extensions.selecting import Proxy, selected_by
from ..plain.data import some
from ..plain.diff import Change
from ..plain.kinds import EXTENSION, WASM_PLUGIN
from .described import OPTION, Adapter
from .plan import image_of


def wrapper_of(adapter: Adapter, wrappers: Iterable[Mapping]) -> Mapping:
    """Return an adapter's wrapper."""
    return next(each for each in wrappers if key_of(each)[1:] == adapter.extension.key)


def pods_missing(
    adapters: Iterable[Adapter],
    wrappers: Sequence[Mapping],
    proxies: Sequence[Proxy],
    ground: Ground,
    unread: Sequence[str],
) -> Iterator[Finding]:
    """Give the adapters that select no pod: FED809."""
    for adapter in adapters:
        pods = chosen(wrapper_of(adapter, wrappers), proxies, ground, unread)
        if pods == []:
            yield Finding(
                "FED809",
                f"{OPTION}, {adapter.place}",
                f"selects no pod with a proxy ({selector_text(adapter.extension.selector)})",
            )


def chosen(wrapper: Mapping, proxies: Sequence[Proxy], ground: Ground, unread: Sequence[str]) -> list[str] | None:
    """Return the pods that a wrapper selects; None where they may not be read."""
    namespace = wrapper["metadata"]["namespace"]
    if namespace in unread or (namespace == ground.namespace and unread):
        return None
    return sorted(proxy.place for proxy in selected_by(wrapper, proxies, ground.namespace))


def opening(changes: Iterable[Change]) -> Iterator[Finding]:
    """Give what happens while proxies fetch the adapter: FED812."""
    for change in changes:
        is_new = change.action == "create" or any(
            each.path[:2] in (("spec", "url"), ("spec", "image")) for each in change.differences
        )
        if change.kind in (EXTENSION, WASM_PLUGIN) and change.action != "delete" and is_new:
            seen = "authorizes requests, and running proxies go on without it until each has fetched the module"
            yield Finding("FED812", f"{OPTION}, {change.namespace}/{change.name}", seen)


def row(adapter: Adapter, wrapper: Mapping, proxies: Sequence[Proxy], ground: Ground, unread: Sequence[str]) -> dict:
    """Return one adapter as data."""
    return {
        "name": adapter.extension.name,
        "namespace": adapter.extension.namespace,
        "kind": wrapper["kind"],
        "image": image_of(adapter, ground),
        "services": [service.id for service in adapter.services],
        "selector": selector_text(adapter.extension.selector),
        "pods": chosen(wrapper, proxies, ground, unread),
    }


def pods_of(adapters: Iterable[Adapter], rows: Iterable[Mapping]) -> dict[str, Sequence[str]]:
    """Return the pods of some adapters by place, none where they are unknown."""
    pods = {(one["namespace"], one["name"]): one["pods"] or [] for one in rows}
    return {each.place: pods[each.extension.key] for each in adapters}


def row_text(row: Mapping) -> str:
    """Return one adapter as a line for people."""
    pods = "pods unknown" if row["pods"] is None else f"{len(row['pods'])} pod{'s' * (len(row['pods']) != 1)}"
    services = f"service{'s' * (len(row['services']) != 1)} {some(row['services'], 3)}"
    return f"{row['namespace']}/{row['name']}: {row['kind']} for {services}, {row['selector']}, {pods}"
