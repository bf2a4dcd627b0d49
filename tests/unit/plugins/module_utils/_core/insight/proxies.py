# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Envoys say of extensions, in the shapes of Envoy 1.40."""

from __future__ import annotations

import json
from collections.abc import Sequence

TYPE = "type.googleapis.com/envoy."
# As istiod has named them: before 1.18, since then, and since plugins are TrafficExtensions.
NAMES = (
    "shop.header",
    "extenstions.istio.io/wasmplugin/shop.header",
    "extensions.istio.io/trafficextension/shop.header~istio-translated-wasmplugin",
)
NAME = NAMES[-1]


def listener_of(active: Sequence[str] | None, warming: Sequence[str] | None, direction: str = "inbound") -> dict:
    """Return one listener of a dump by the names of its filters, as it is and as it waits to be; None where it is not
    so.
    """
    entry = {"@type": f"{TYPE}admin.v3.ListenersConfigDump.DynamicListener", "name": direction}
    for key, filters in (("active_state", active), ("warming_state", warming)):
        if filters is not None:
            entry[key] = {"listener": _listener(filters, direction)}
    return entry


def _listener(filters: Sequence[str], direction: str) -> dict:
    manager = {
        "@type": f"{TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "http_filters": [{"name": name} for name in (*filters, "envoy.filters.http.router")],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"traffic_direction": direction.upper(), "filter_chains": [chain]}


def filter_of(module: str, config: object = None, name: str = NAME) -> dict:
    """Return one discovered filter of a dump, with a module by its digest and what it is told."""
    code = {"local": {"filename": f"/var/lib/istio/data/{'c' * 64}/{module}.wasm"}}
    inner = {"name": "shop.header", "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": code}}
    if config is not None:
        inner["configuration"] = {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": json.dumps(config),
        }
    return discovered(name, {"@type": f"{TYPE}extensions.filters.http.wasm.v3.Wasm", "config": inner})


def discovered(name: str, config: dict) -> dict:
    """Return one discovered filter of a dump."""
    return {
        "@type": f"{TYPE}admin.v3.EcdsConfigDump.EcdsFilterConfig",
        "ecds_filter": {"name": name, "typed_config": config},
    }
