# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""An Envoy's configuration by section and name, without secrets, and as a table of what matters.

Source: Envoy, admin/v3/config_dump.proto, ``/clusters?format=json``; istiod gives the same shape for
``/debug/config_dump?proxyID``, with the names that protobuf gives fields in JSON (``dynamicActiveClusters``), where
Envoy keeps those of the proto files.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..plain.data import at, items, mapping, some, strings
from ..plain.errors import FederationError
from .hiding import cleaned, digest, reason_of, secret_of, type_of

CLUSTERS, LISTENERS, ROUTES, ENDPOINTS = "clusters", "listeners", "routes", "endpoints"
BOOTSTRAP, EXTENSIONS, SECRETS = "bootstrap", "extensions", "secrets"
SECTIONS = (CLUSTERS, LISTENERS, ROUTES, ENDPOINTS, BOOTSTRAP, EXTENSIONS, SECRETS)
OF_ISTIOD = (CLUSTERS, LISTENERS, ROUTES)
"""What istiod says that it would send; secrets and endpoints come on other ways, and the bootstrap is the agent's."""
# What only the names of protobuf's JSON have, and where keys are not names of fields.
_OF_PROTOBUF = frozenset(
    {"versionInfo", "dynamicActiveClusters", "dynamicListeners", "dynamicRouteConfigs", "staticClusters"}
)
_FREE_FORM = frozenset(
    "filter_metadata labels typed_per_filter_config fields struct_value metadata_match json_format".split()
)
_BEFORE_DIGITS = {  # an underscore before a digit leaves no trace in JSON
    "proxy100_continue": "proxy_100_continue",
    "consecutive5xx": "consecutive_5xx",
    "enforcing_consecutive5xx": "enforcing_consecutive_5xx",
    "accept_http10": "accept_http_10",
    "default_host_for_http10": "default_host_for_http_10",
}
_FIELD = re.compile(r"[a-z][A-Za-z0-9]*")
_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")
SAVED = "ossm.federation/proxy-configuration"
MOST_RESOURCES = 50_000
POD_IP, POD_NAME = "POD_IP", "POD_NAME"
# What is known of a proxy's node and says nothing secret; everything else there is a digest.
_OF_NODE = frozenset(
    """NAMESPACE NAME ISTIO_VERSION CLUSTER_ID MESH_ID SERVICE_ACCOUNT OWNER WORKLOAD_NAME INTERCEPTION_MODE
    INSTANCE_IPS LABELS APP_CONTAINERS POD_PORTS ISTIO_PROXY_SHA PROXY_CONFIG NETWORK INCLUDE_INBOUND_PORTS
    UNPRIVILEGED_POD ENVOY_STATUS_PORT ENVOY_PROMETHEUS_PORT""".split()
)
_OBJECT = re.compile(r"/apis/[^/]+/[^/]+/namespaces/([^/]+)/([^/]+)/([^/]+)")


@dataclass(frozen=True)
class Dump:
    """One proxy's configuration: ``sections`` maps a section to its resources by name; ``origin`` says whose it is, in
    words.

    ``dynamic`` are the resources that istiod sent, as (section, name); ``errors`` what Envoy says of updates that it
    rejected.
    """

    origin: str
    sections: Mapping[str, Mapping[str, Any]]
    dynamic: frozenset[tuple[str, str]] = frozenset()
    errors: tuple[str, ...] = ()
    health: Sequence[Mapping] = field(default_factory=tuple)

    def only(self, sections: Sequence[str]) -> Dump:
        """Return it with some sections."""
        return replace(self, sections={section: rows for section, rows in self.sections.items() if section in sections})

    def only_dynamic(self) -> Dump:
        """Return it with what istiod sent, for a comparison with what istiod would send."""
        kept = {
            section: {name: row for name, row in rows.items() if (section, name) in self.dynamic}
            for section, rows in self.sections.items()
        }
        return replace(self, sections=kept)

    def sharing(self, forms: dict[str, Any]) -> Dump:
        """Return it with resources that equal one in ``forms`` as that one; the others are added. Pods of a workload
        are mostly the same.
        """
        shared = {
            section: {name: forms.setdefault(digest(row), row) for name, row in rows.items()}
            for section, rows in self.sections.items()
        }
        return replace(self, sections=shared)

    def as_data(self) -> dict:
        """Return it as it is saved."""
        dynamic = sorted(list(pair) for pair in self.dynamic)
        return {
            "kind": SAVED,
            "origin": self.origin,
            "sections": self.sections,
            "dynamic": dynamic,
            "errors": list(self.errors),
        }


def read_dump(content: bytes, origin: str, *, own: Mapping[str, str] | None = None, clear: bool = False) -> Dump:
    """Return a dump as Envoy, istiod or ``Dump.as_data`` writes it, cleaned of secrets.

    ``own`` are texts that differ from pod to pod by nature, such as its addresses, and what stands for each. Raises
    ``FederationError`` FED922 for what is no dump.
    """
    try:
        text = content.decode("utf-8", "replace")
        for word, instead in sorted((own or {}).items(), key=lambda pair: -len(pair[0])):
            text = re.sub(rf"(?<![0-9A-Za-z.]){re.escape(word)}(?![0-9A-Za-z])", instead, text)
        return _read(json.loads(text), origin, clear)
    except (ValueError, RecursionError):
        raise _unusable(origin, "is no JSON") from None


def own_of(pod: Mapping) -> dict[str, str]:
    """Return the texts that differ from pod to pod by nature, and what stands for each; of a pod's ``outline``."""
    return {**dict.fromkeys(pod["ips"], POD_IP), pod["metadata"]["name"]: POD_NAME}


def in_envoys_names(configs: Any) -> Any:
    """Return configurations with fields named as Envoy names them; those that are so already stay as they are, key by
    key.
    """
    if not isinstance(configs, list) or not any(_OF_PROTOBUF & set(mapping(config)) for config in configs):
        return configs
    return [_renamed(config) for config in configs]


def _renamed(value: Any, within: str = "") -> Any:
    """Return a message with its fields renamed. The keys of maps and of free-form structures are data and stay."""
    if isinstance(value, list):
        return [_renamed(one, within) for one in value]
    if not isinstance(value, dict):
        return value
    if within in _FREE_FORM:
        return value
    found = {}
    for key, inner in value.items():
        plain = _CAPITAL.sub(lambda letter: f"_{letter[0].lower()}", key) if _FIELD.fullmatch(key) else key
        name = _BEFORE_DIGITS.get(plain, plain)
        is_free = name == "match" and "transportSocket" in value
        found[name] = inner if is_free else _renamed(inner, name)
    return found


def _read(data: Any, origin: str, clear: bool) -> Dump:
    if isinstance(data, Mapping) and data.get("kind") == SAVED:
        return _saved(data, origin, clear)
    if not isinstance(data, Mapping) or not isinstance(data.get("configs"), list):
        raise _unusable(origin, "has no configs")
    sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    dynamic: set[tuple[str, str]] = set()
    errors: dict[str, str] = {}
    named: Counter = Counter()
    for config in items(in_envoys_names(data["configs"])):
        for section, name, resource, is_dynamic in _resources(config, errors):
            rows = sections[section]
            if len(rows) >= MOST_RESOURCES:
                raise _unusable(origin, f"has more than {MOST_RESOURCES:,} {section}")
            named[(section, name)] += 1
            unique = name if named[(section, name)] == 1 else f"{name} #{named[(section, name)]}"
            rows[unique] = resource if section == SECRETS else cleaned(resource, clear=clear)
            if is_dynamic:
                dynamic.add((section, unique))
    told = tuple(f"{place}: {text}" for place, text in errors.items())
    return Dump(origin, {section: rows for section, rows in sections.items() if rows}, frozenset(dynamic), told)


def _saved(data: Mapping, origin: str, clear: bool) -> Dump:
    sections = mapping(data.get("sections"))
    # Whoever wrote the file may have put anything there, so it is cleaned again.
    kept: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS if mapping(sections.get(section))}
    for section, rows in kept.items():
        for name, resource in list(mapping(sections[section]).items())[:MOST_RESOURCES]:
            plain = _node(resource) if (section, name) == (BOOTSTRAP, "node") else resource
            rows[_name(name)] = _kept_secret(resource) if section == SECRETS else cleaned(plain, clear=clear)
    said = data.get("dynamic")
    pairs = said if isinstance(said, list) else []
    dynamic = frozenset((str(pair[0]), str(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2)
    return Dump(origin, kept, dynamic)


def _kept_secret(resource: object) -> dict:
    prints = [text for text in strings(mapping(resource).get("certificates")) if re.fullmatch("[0-9a-f]{64}", text)]
    return {"kind": str(mapping(resource).get("kind"))[:20], "certificates": prints}


# By part of a dump: the section, the field of an entry that holds the resource, and the lists of entries.
_ENTRIES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "ClustersConfigDump": (
        CLUSTERS,
        "cluster",
        ("static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"),
    ),
    "ListenersConfigDump": (LISTENERS, "listener", ("static_listeners",)),
    "RoutesConfigDump": (ROUTES, "route_config", ("static_route_configs", "dynamic_route_configs")),
    "EndpointsConfigDump": (ENDPOINTS, "endpoint_config", ("static_endpoint_configs", "dynamic_endpoint_configs")),
}


def _resources(config: Mapping, errors: dict[str, str]) -> Iterator[tuple[str, str, Any, bool]]:
    """Give section, name and content of each resource of one part of a dump, and whether istiod sent it."""
    kind = type_of(config)
    if kind in _ENTRIES:
        section, holder, keys = _ENTRIES[kind]
        for key in keys:
            for entry in items(config.get(key)):
                yield from _one(section, entry, mapping(entry.get(holder)), key, errors)
    if kind == "BootstrapConfigDump":
        for key, value in mapping(config.get("bootstrap")).items():
            yield BOOTSTRAP, str(key), _node(value) if key == "node" else value, False
    elif kind == "ListenersConfigDump":
        for entry in items(config.get("dynamic_listeners")):
            for key in ("active_state", "warming_state"):
                yield from _one(LISTENERS, entry, mapping(at(entry, key, "listener")), f"dynamic_{key}", errors)
    elif kind == "EcdsConfigDump":
        for entry in items(config.get("ecds_filters")):
            yield from _one(EXTENSIONS, entry, mapping(entry.get("ecds_filter")), "dynamic_ecds", errors)
    elif kind == "SecretsConfigDump":
        for key in ("static_secrets", "dynamic_active_secrets", "dynamic_warming_secrets"):
            for entry in items(config.get(key)):
                yield SECRETS, _name(entry.get("name")), secret_of(entry), False


def _one(
    section: str, entry: Mapping, resource: Mapping, key: str, errors: dict[str, str]
) -> Iterator[tuple[str, str, Any, bool]]:
    failure = mapping(entry.get("error_state"))
    name = _name(resource.get("name") or resource.get("cluster_name") or entry.get("name"))
    if failure and len(errors) < 100:
        place = f"{section} {_name(entry.get('name') or name)}"
        errors.setdefault(place, reason_of(str(failure.get("details") or "rejected")))
    if resource:
        warming = f"{name} (warming)" if "warming" in key else name
        yield section, warming, resource, key.startswith("dynamic")


def _name(value: object) -> str:
    return value[:400] if isinstance(value, str) and value else "(unnamed)"


def _node(node: object) -> Any:
    """Return a node whose metadata is only what is known to be harmless."""
    metadata = mapping(mapping(node).get("metadata"))
    kept = {key: value if key in _OF_NODE else digest(value) for key, value in metadata.items()}
    return {**mapping(node), "metadata": kept}


def _unusable(origin: str, what: str) -> FederationError:
    return FederationError(
        "FED922",
        where=origin,
        what=what,
        fix="Give a dump that compare_save, or GET /config_dump of Envoy, has written",
    )


# What matters, as a table


def table_of(dump: Dump, word: str = "") -> list[dict]:
    """Return a row per resource with the columns of its section; ``word`` keeps those whose row holds it."""
    makers: dict[str, Callable[[str, Mapping], dict]] = {
        CLUSTERS: _cluster_row,
        LISTENERS: _listener_row,
        ROUTES: _route_row,
        ENDPOINTS: _endpoint_row,
        EXTENSIONS: _extension_row,
        SECRETS: _secret_row,
        BOOTSTRAP: lambda _name, value: {"digest": digest(value)},
    }
    rows = []
    for section in SECTIONS:
        for name, resource in mapping(dump.sections.get(section)).items():
            row = {"section": section, "name": name, **makers[section](name, mapping(resource))}
            row["object"] = _object(mapping(resource)) or row.get("object") or ""
            row["federation"] = _is_federations(json.dumps(row))
            rows.append(row)
    rows += [{"section": "health", "name": _name(row.get("cluster")), **row} for row in dump.health]
    return [row for row in rows if not word or word.lower() in json.dumps(row, ensure_ascii=False).lower()]


def _is_federations(text: str) -> bool:
    """Whether a row is about what came from a peer, which exists in istiod's memory only."""
    return (
        "-imports.local" in text
        or "-exports.local" in text
        or "federation.maistra.io" in text
        or ".svc.federation" in text
    )


def _object(resource: Mapping) -> str:
    """Return the Istio object that a resource was made of."""
    found = _OBJECT.fullmatch(str(at(resource, "metadata", "filter_metadata", "istio", "config") or ""))
    return f"{found[2]} {found[1]}/{found[3]}" if found else ""


def _cluster_row(name: str, cluster: Mapping) -> dict:
    direction, port, subset, host = (name.split("|") + ["", "", ""])[:4] if name.count("|") == 3 else ("", "", "", name)
    return {
        "fqdn": host,
        "port": port,
        "subset": subset,
        "direction": direction,
        "type": str(cluster.get("type") or at(cluster, "cluster_type", "name") or ""),
    }


def _secret_row(_name: str, secret: Mapping) -> dict:
    return {
        "kind": secret.get("kind"),
        "certificates": ", ".join(one[:16] for one in strings(secret.get("certificates"))),
    }


def _listener_row(_name: str, listener: Mapping) -> dict:
    address = mapping(at(listener, "address", "socket_address"))
    chains = [*items(listener.get("filter_chains")), *items([listener.get("default_filter_chain")])]
    matches = [_match(mapping(chain.get("filter_chain_match"))) for chain in chains]
    goals = [
        goal
        for chain in chains
        for one in items(chain.get("filters"))
        for goal in _goals(mapping(one.get("typed_config")))
    ]
    return {
        "address": str(address.get("address") or ""),
        "port": address.get("port_value"),
        "match": some([match for match in dict.fromkeys(matches) if match], 5),
        "goes_to": some(list(dict.fromkeys(goals)), 5),
    }


def _match(match: Mapping) -> str:
    parts = [*strings(match.get("server_names")), *strings(match.get("application_protocols"))]
    parts += [f"{entry.get('address_prefix')}/{entry.get('prefix_len')}" for entry in items(match.get("prefix_ranges"))]
    return ", ".join([*parts, *([f"port {match['destination_port']}"] if match.get("destination_port") else [])])


def _goals(config: Mapping) -> Iterator[str]:
    if at(config, "rds", "route_config_name"):
        yield f"route {at(config, 'rds', 'route_config_name')}"
    elif config.get("route_config"):
        yield f"route {mapping(config['route_config']).get('name') or 'inline'}"
    elif config.get("cluster"):
        yield f"cluster {config['cluster']}"


def _route_row(_name: str, config: Mapping) -> dict:
    hosts = items(config.get("virtual_hosts"))
    routes = [route for host in hosts for route in items(host.get("routes"))]
    objects = [found for found in map(_object, routes) if found]
    matches = [
        f"{key} {match[key]}"
        for route in routes
        for match in [mapping(route.get("match"))]
        for key in ("prefix", "path")
        if match.get(key)
    ]
    return {
        "domains": some([domain for host in hosts for domain in strings(host.get("domains"))], 5),
        "match": some(list(dict.fromkeys(matches)), 5),
        "object": some(list(dict.fromkeys(objects)), 5),
    }


def _endpoint_row(_name: str, load: Mapping) -> dict:
    endpoints = [one for group in items(load.get("endpoints")) for one in items(group.get("lb_endpoints"))]
    addresses = [str(at(one, "endpoint", "address", "socket_address", "address")) for one in endpoints]
    return {"endpoints": len(endpoints), "addresses": some(addresses, 5)}


def _extension_row(_name: str, extension: Mapping) -> dict:
    config = mapping(at(extension, "typed_config", "config"))
    return {
        "type": type_of(mapping(extension.get("typed_config"))),
        "root_id": str(config.get("root_id") or ""),
        "digest": digest(extension),
    }


def health_of(content: bytes, origin: str) -> list[dict]:
    """Return the endpoints of Envoy's ``/clusters?format=json``: health, whether ejected, priority, weight,
    locality.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        raise _unusable(origin, "is no JSON") from None
    rows = []
    for cluster in items(mapping(data).get("cluster_statuses"))[:MOST_RESOURCES]:
        for host in items(cluster.get("host_statuses")):
            status = mapping(host.get("health_status"))
            address = mapping(at(host, "address", "socket_address"))
            rows.append(
                {
                    "cluster": _name(cluster.get("name")),
                    "endpoint": f"{address.get('address')}:{address.get('port_value')}" if address else "",
                    "health": str(status.get("eds_health_status") or "HEALTHY"),
                    "ejected": bool(status.get("failed_outlier_check")),
                    "priority": host.get("priority") or 0,
                    "weight": host.get("weight"),
                    "locality": (
                        "/".join(
                            str(mapping(host.get("locality")).get(key) or "") for key in ("region", "zone", "sub_zone")
                        ).strip("/")
                    ),
                }
            )
    return rows[:MOST_RESOURCES]
