"""The federation gateways of one test mesh: one real Envoy that carries them all, and its configuration.

``Programme`` says what the gateways of a mesh have to do, in words of federation; ``configuration`` turns it into
Envoy resources, purely; ``Envoy`` runs the process and hands it the resources as files, renamed into place (LDS, CDS
and SDS over the file system). Each gateway is a pair of listeners on the gateway's own loopback address.
"""

from __future__ import annotations

import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .authority import Identity
from .processes import Process, Processes

DISCOVERY_PORT = 8188
SERVICE_PORT = 15443
# Trust bundles are a secret of their own, as in Istio: all proxies of a mesh take them, or keep what they had, at once.
# Identities stand inline, because Envoy spends one of the user's few inotify instances (128, often) on each file.
BUNDLES = "bundles"
_TYPES = "type.googleapis.com/envoy"
LOG_ENDING = ".access.log"
LINE = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS%'
    ' %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED%'
    ' %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"'
    ' "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS%'
    " %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%"
)

Target = tuple[str, int]  # an address and a port


@dataclass(frozen=True)
class Gateway:
    """One gateway that exists: ``ports`` lists, per container port, the ports to listen on (node ports included)."""

    name: str
    address: str
    ports: Mapping[int, tuple[int, ...]]


@dataclass(frozen=True)
class DiscoveryOut:
    """Egress 8188: calls that carry these two headers go to the peer's ingress. ``names`` are host names that the proxy
    itself resolves, where the programme has a resolver.
    """

    gateway: str
    peer: str
    discovery_service: str
    remote: str
    targets: tuple[Target, ...]
    names: tuple[Target, ...] = ()


@dataclass(frozen=True)
class DiscoveryIn:
    """Ingress 8188: the peer called ``peer`` here reaches istiod; ``client_id`` empty means no policy."""

    gateway: str
    peer: str
    client_id: str


@dataclass(frozen=True)
class ServiceOut:
    """Egress 15443: traffic for ``host`` goes on to the peer's ingress as traffic for ``exported_name``."""

    gateway: str
    host: str
    port: int
    exported_name: str
    targets: tuple[Target, ...]
    identities: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceIn:
    """Ingress 15443: traffic for ``exported_name`` goes to ``endpoints``; none means that it leads nowhere."""

    gateway: str
    exported_name: str
    port: int
    endpoints: tuple[Target, ...]


@dataclass(frozen=True)
class ServicePolicy:
    """Ingress 15443: whoever is not ``client_id`` is turned away."""

    gateway: str
    client_id: str


@dataclass(frozen=True)
class Programme:
    """All that the gateways of one mesh do. ``bundles`` maps a trust domain to PEM text, its own included."""

    istiod: Target
    gateways: tuple[Gateway, ...] = ()
    discovery_out: tuple[DiscoveryOut, ...] = ()
    discovery_in: tuple[DiscoveryIn, ...] = ()
    services_out: tuple[ServiceOut, ...] = ()
    services_in: tuple[ServiceIn, ...] = ()
    policies: tuple[ServicePolicy, ...] = ()
    bundles: Mapping[str, str] = field(default_factory=dict)
    identities: Mapping[str, Identity] = field(default_factory=dict)  # by gateway
    shown_to_peers: Mapping[str, Identity] = field(default_factory=dict)  # by gateway, where it is another (a fault)
    refusing: bool = False  # a fault: ingress gateways do not listen
    silence: Target | None = None  # a fault: ingress gateways hand every connection to this, which never answers
    certificates: Mapping[tuple[str, int], Identity] = field(
        default_factory=dict
    )  # a fault: shown by a gateway at a port
    down: frozenset[str] = frozenset()  # a fault: gateways that do not listen
    denying: frozenset[tuple[str, int]] = frozenset()  # gateways that refuse everybody at a port, as a policy has it
    resolver: Target | None = None  # a DNS server that proxies ask; without one addresses are given
    written: tuple[list[dict], list[dict]] | None = None  # listeners and clusters of another kind of proxy, as they are
    has_logs: bool = False  # each gateway writes an access log, in Istio's default format


def sni(port: int, host: str) -> str:
    """Return the server name by which a sidecar or a gateway asks another gateway for a service."""
    return f"outbound_.{port}_._.{host}"


def configuration(programme: Programme) -> tuple[list[dict], list[dict], dict[str, dict]]:
    """Return Envoy's listeners, clusters, and secrets by name."""
    bundles = {"validation_context": {"custom_validator_config": _spiffe_validator(programme.bundles)}}
    if programme.written is not None:
        return *programme.written, {BUNDLES: bundles}
    clusters: dict[str, dict] = {"istiod": cluster_of("istiod", [programme.istiod])}
    listeners: list[dict] = []
    for gateway in programme.gateways:
        if gateway.name not in programme.identities or gateway.name in programme.down:
            continue
        chains = {
            DISCOVERY_PORT: _discovery_chains(gateway.name, programme, clusters),
            SERVICE_PORT: _service_chains(gateway.name, programme, clusters),
        }
        listeners += [
            _listener(f"{gateway.name}:{port}", gateway.address, port, chains[target], needs_sni=target == SERVICE_PORT)
            for target, ports in gateway.ports.items()
            for port in ports
            if chains.get(target)
        ]
    return listeners, list(clusters.values()), {BUNDLES: bundles}


def _discovery_chains(gateway: str, programme: Programme, clusters: dict[str, dict]) -> list[dict]:
    outward = [each for each in programme.discovery_out if each.gateway == gateway]
    inward = [] if programme.refusing else [each for each in programme.discovery_in if each.gateway == gateway]
    chains = []
    if inward and programme.silence:
        return [_silent_chain(programme.silence, clusters)]
    if outward:
        routes = []
        for each in outward:
            name = f"outbound|{DISCOVERY_PORT}||{each.discovery_service}"
            tls = upstream_tls(_shown(programme, gateway, DISCOVERY_PORT), each.discovery_service)
            clusters[name] = cluster_of(name, each.targets, tls)
            if programme.resolver and each.names:
                clusters[name] = _by_names(clusters[name], each.names, programme.resolver)
            headers = (("discovery-service", each.discovery_service), ("remote", each.remote))
            routes.append(
                {
                    "match": {
                        "prefix": "/",
                        "headers": [{"name": key, "string_match": {"exact": value}} for key, value in headers],
                    },
                    "route": {"cluster": name, "timeout": "0s"},
                }
            )
        refusing = [_refusal("http")] if (gateway, DISCOVERY_PORT) in programme.denying else []
        chains.append({"filters": [http_filter(f"egress {gateway}", routes, refusing, _log(programme, gateway))]})
    elif inward:
        routes = [
            {
                "match": {"prefix": path},
                "route": {"cluster": "istiod", "timeout": "0s", "prefix_rewrite": f"{path.rstrip('/')}/{each.peer}"},
            }
            for each in inward
            for path in ("/v1/services/", "/v1/watch")
        ]
        allowed = [each.client_id for each in inward if each.client_id]
        rbac = [{"name": "envoy.filters.http.rbac", "typed_config": _rbac("http", allowed)}] if allowed else []
        chains.append(
            {
                "transport_socket": _downstream_tls(_shown(programme, gateway, DISCOVERY_PORT)),
                "filters": [http_filter(f"ingress {gateway}", routes, rbac, _log(programme, gateway))],
            }
        )
    return chains


def _service_chains(gateway: str, programme: Programme, clusters: dict[str, dict]) -> list[dict]:
    """Return one filter chain per server name; of two services under one name the first stays, as names must differ."""
    identity = programme.identities[gateway]
    chains: dict[str, dict] = {}
    for out in programme.services_out:
        name = sni(out.port, out.host)
        if out.gateway != gateway or name in chains:
            continue
        cluster = f"{gateway}|{name}"
        shown = _shown(programme, gateway, SERVICE_PORT)
        tls = upstream_tls(shown, sni(out.port, out.exported_name), out.identities)
        clusters[cluster] = cluster_of(cluster, out.targets, tls, f"outbound|{out.port}||{out.exported_name}")
        refusing = [_refusal("network")] if (gateway, SERVICE_PORT) in programme.denying else []
        chains[name] = _tcp_chain(identity, name, cluster, refusing, _log(programme, gateway))
    if not programme.refusing:
        allowed = [each.client_id for each in programme.policies if each.gateway == gateway]
        for inward in programme.services_in:
            name = sni(inward.port, inward.exported_name)
            if inward.gateway != gateway or name in chains:
                continue
            cluster = f"inbound|{inward.port}|{inward.exported_name}"
            clusters[cluster] = cluster_of(cluster, inward.endpoints)
            rbac = (
                [{"name": "envoy.filters.network.rbac", "typed_config": _rbac("network", allowed)}] if allowed else []
            )
            shown = _shown(programme, gateway, SERVICE_PORT)
            chains[name] = _tcp_chain(shown, name, cluster, rbac, _log(programme, gateway))
            if programme.silence:
                return [_silent_chain(programme.silence, clusters)]
    return list(chains.values())


def _silent_chain(silence: Target, clusters: dict[str, dict]) -> dict:
    clusters["silence"] = cluster_of("silence", [silence])
    return {"filters": [_tcp_proxy("silence")]}


def _shown(programme: Programme, gateway: str, port: int) -> Identity:
    """Return the certificate that a gateway shows peers at a port."""
    own = programme.shown_to_peers.get(gateway, programme.identities[gateway])
    return programme.certificates.get((gateway, port), own)


def _log(programme: Programme, gateway: str) -> list[dict]:
    """Return the access log of a gateway: a file beside Envoy's own, in Istio's default format."""
    return [access_log(f"./{gateway}{LOG_ENDING}")] if programme.has_logs else []


def access_log(path: str) -> dict:
    """Return an access log in the format that Istio has by default (Istio documentation, "Envoy Access Logs")."""
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"text_format_source": {"inline_string": f"{LINE}\n"}},
        },
    }


def _tcp_chain(identity: Identity, name: str, cluster: str, before: list[dict], logs: list[dict]) -> dict:
    return {
        "name": name,
        "filter_chain_match": {"server_names": [name.lower()]},
        "transport_socket": _downstream_tls(identity),
        "filters": [*before, _tcp_proxy(cluster, logs)],
    }


def _tcp_proxy(cluster: str, logs: list[dict] | None = None) -> dict:
    return {
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "services",
            "cluster": cluster,
            **({"access_log": logs} if logs else {}),
        },
    }


def _refusal(layer: str) -> dict:
    """Return the filter of an AuthorizationPolicy that lets nobody through."""
    policy = {"permissions": [{"any": True}], "principals": [{"any": True}]}
    rbac = {
        "@type": f"{_TYPES}.extensions.filters.{layer}.rbac.v3.RBAC",
        "rules": {"action": "DENY", "policies": {"ns[mesh]-policy[nobody]-rule[0]": policy}},
    }
    whole = rbac if layer == "http" else {**rbac, "stat_prefix": "services"}
    return {"name": f"envoy.filters.{layer}.rbac", "typed_config": whole}


def _listener(name: str, address: str, port: int, chains: list[dict], needs_sni: bool) -> dict:
    listener = {
        "@type": f"{_TYPES}.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": chains,
        "per_connection_buffer_limit_bytes": 65536,
    }
    if needs_sni:
        listener["listener_filters"] = [
            {
                "name": "envoy.filters.listener.tls_inspector",
                "typed_config": {"@type": f"{_TYPES}.extensions.filters.listener.tls_inspector.v3.TlsInspector"},
            }
        ]
    return listener


def http_filter(name: str, routes: list[dict], filters: list[dict], logs: list[dict]) -> dict:
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router"},
    }
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": name,
            "use_remote_address": True,  # so that X-Forwarded-For starts with the calling istiod
            "stream_idle_timeout": "0s",
            **({"access_log": logs} if logs else {}),
            "http_filters": [*filters, router],
            "route_config": {
                "name": name,
                "validate_clusters": False,
                "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}],
            },
        },
    }


def _by_names(cluster: dict, names: Iterable[Target], resolver: Target) -> dict:
    """Return a cluster whose endpoints are host names, resolved by Envoy again and again."""
    address, port = resolver
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": name, "port_value": number}}}} for name, number in names
    ]
    asked = {
        "@type": f"{_TYPES}.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
        "resolvers": [{"socket_address": {"address": address, "port_value": port}}],
        "dns_resolver_options": {"no_default_search_domain": True},
        "query_timeout_seconds": 1,
        "query_tries": 1,
    }
    return {
        **cluster,
        "type": "STRICT_DNS",
        "dns_refresh_rate": "1s",
        "dns_failure_refresh_rate": {"base_interval": "0.5s", "max_interval": "1s"},
        "dns_lookup_family": "V4_ONLY",
        "typed_dns_resolver_config": {"name": "envoy.network.dns_resolver.cares", "typed_config": asked},
        "load_assignment": {**cluster["load_assignment"], "endpoints": [{"lb_endpoints": endpoints}]},
    }


def cluster_of(name: str, targets: Iterable[Target], tls: dict | None = None, shown_as: str = "") -> dict:
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}}
        for address, port in targets
    ]
    cluster = {
        "@type": f"{_TYPES}.config.cluster.v3.Cluster",
        "name": name,
        **({"alt_stat_name": shown_as} if shown_as else {}),
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {}},
                # Every call makes its own handshake, so that a root or an identity that changed shows at once.
                "common_http_protocol_options": {"max_requests_per_connection": 1},
            }
        },
    }
    if tls:
        cluster["transport_socket"] = tls
    return cluster


def _downstream_tls(identity: Identity) -> dict:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "require_client_certificate": True,
            "common_tls_context": _common_tls(identity, ()),
        },
    }


def upstream_tls(identity: Identity, server_name: str, peers: Iterable[str] = ()) -> dict:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": server_name,
            "max_session_keys": 0,  # a resumed session would not look at the certificate again
            "common_tls_context": _common_tls(identity, peers),
        },
    }


def _common_tls(identity: Identity, peers: Iterable[str]) -> dict:
    allowed = [{"san_type": "URI", "matcher": {"exact": peer}} for peer in peers]
    return {
        "tls_certificates": [
            {
                "certificate_chain": {"inline_string": identity.chain},
                "private_key": {"inline_string": identity.key},
            }
        ],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": allowed} if allowed else {},
            "validation_context_sds_secret_config": _sds(BUNDLES),
        },
    }


def _sds(name: str) -> dict:
    source = {"path": f"./{name}.json"}  # seen from the directory that Envoy runs in
    return {"name": name, "sds_config": {"resource_api_version": "V3", "path_config_source": source}}


def _spiffe_validator(bundles: Mapping[str, str]) -> dict:
    return {
        "name": "envoy.tls.cert_validator.spiffe",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig",
            "trust_domains": [
                {"name": trust_domain, "trust_bundle": {"inline_string": text}}
                for trust_domain, text in sorted(bundles.items())
            ],
        },
    }


def _rbac(layer: str, identities: Iterable[str]) -> dict:
    """Return a filter that denies, once per identity, everybody who is not that identity."""
    policies = {
        identity: {
            "permissions": [{"any": True}],
            "principals": [{"not_id": {"authenticated": {"principal_name": _principal(identity)}}}],
        }
        for identity in identities
    }
    rbac = {
        "@type": f"{_TYPES}.extensions.filters.{layer}.rbac.v3.RBAC",
        "rules": {"action": "DENY", "policies": policies},
    }
    return rbac if layer == "http" else {**rbac, "stat_prefix": "services"}


def _principal(identity: str) -> dict:
    """Return the matcher that Istio makes of a principal: exact, or with a star at one end."""
    if identity == "*":
        return {"safe_regex": {"regex": ".+"}}
    if identity.startswith("*"):
        return {"suffix": identity[1:]}
    if identity.endswith("*"):
        return {"prefix": f"spiffe://{identity[:-1]}"}
    return {"exact": f"spiffe://{identity}"}


def admin_of(directory: Path) -> tuple[str, int]:
    """Return the place of the administration port of an Envoy whose files are in ``directory``."""
    address, _colon, port = (directory / "admin.txt").read_text(encoding="utf-8").strip().rpartition(":")
    return address, int(port)


class Envoy:
    """One Envoy process that follows the programme that it is given last.

    ``directory`` holds its files and its log; ``address`` is the loopback address of its administration port,
    ``programme`` what it was given last.
    """

    def __init__(self, program: Path, directory: Path, address: str) -> None:
        self._program = program
        self._directory = Path(directory)
        self._address = address
        self._processes = Processes()
        self._process: Process | None = None
        self.programme = Programme(("", 0))
        self._written: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self._lock = threading.Lock()

    def start(self, programme: Programme) -> None:
        """Write the first configuration and start the process."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.follow(programme)
        self._write("bootstrap.json", json.dumps(self._bootstrap()))
        # Envoy's files are named from where it runs; the program env takes it there.
        words = ["env", "--chdir", self._directory, self._program, "-c", "bootstrap.json", "--concurrency", "1"]
        # A connection outlives the certificates that it was opened with, as one does whose certificates come over SDS.
        words += ["--disable-hot-restart", "--drain-time-s", "600", "--drain-strategy", "immediate"]
        words += ["--log-level", "warning", "--admin-address-path", "admin.txt", "--file-flush-interval-msec", "100"]
        self._process = self._processes.start("envoy", words, self._directory / "envoy.log")

    def follow(self, programme: Programme) -> None:
        """Hand ``programme`` to Envoy; only files whose content changes are written. Secrets and clusters
        come first.
        """
        listeners, clusters, secrets = configuration(programme)
        with self._lock:
            for name, secret in secrets.items():
                kind = f"{_TYPES}.extensions.transport_sockets.tls.v3.Secret"
                self._write_resources(f"{name}.json", [{"@type": kind, "name": name, **secret}])
            self._write_resources("clusters.json", clusters)
            self._write_resources("listeners.json", listeners)
            self.programme = programme

    def restart(self, programme: Programme) -> None:
        """Begin anew, as pods do that are made anew: no certificate and no connection of before is left."""
        self.stop()
        self._processes = Processes()
        with self._lock:
            self._written.clear()
        (self._directory / "admin.txt").unlink(missing_ok=True)
        self.start(programme)

    def is_running(self) -> bool:
        """Return whether the process lives."""
        return self._process is not None and self._process.is_running

    def listeners(self) -> set[str]:
        """Return ``address:port`` of every listener that Envoy has up, nothing while it cannot say."""
        statuses = self._told("listeners?format=json").get("listener_statuses", [])
        addresses = [status["local_address"]["socket_address"] for status in statuses]
        return {f"{address['address']}:{address['port_value']}" for address in addresses}

    def is_in_force(self) -> bool:
        """Return whether Envoy does all that it was given last: nothing is unread, refused or still warming up."""
        dumps = {dump["@type"].rpartition(".")[2]: dump for dump in self._told("config_dump").get("configs", [])}
        listeners, clusters = dumps.get("ListenersConfigDump", {}), dumps.get("ClustersConfigDump", {})
        secrets = dumps.get("SecretsConfigDump", {})
        warming = [each for each in listeners.get("dynamic_listeners", []) if "warming_state" in each]
        warming += [*clusters.get("dynamic_warming_clusters", []), *secrets.get("dynamic_warming_secrets", [])]
        taken = {"listeners.json": listeners.get("version_info"), "clusters.json": clusters.get("version_info")}
        # A secret is asked for by the first listener that needs it.
        taken.update(
            {f"{each['name']}.json": each.get("version_info") for each in secrets.get("dynamic_active_secrets", [])}
        )
        return not warming and all(taken[name] == str(self._versions.get(name)) for name in taken)

    def _told(self, question: str) -> dict:
        """Return what the administration port says, {} while it does not."""
        try:
            admin = (self._directory / "admin.txt").read_text().strip()
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://{admin}/{question}", timeout=2) as answer:
                return json.load(answer)
        except (OSError, urllib.error.URLError, ValueError):
            return {}

    def versions(self) -> dict[str, tuple[str, str]]:
        """Return of clusters and listeners the version that was given last, and the one that Envoy has taken."""
        dumps = {dump["@type"].rpartition(".")[2]: dump for dump in self._told("config_dump").get("configs", [])}
        kinds = {
            "cluster": ("clusters.json", "ClustersConfigDump"),
            "listener": ("listeners.json", "ListenersConfigDump"),
        }
        return {
            kind: (str(self._versions.get(name, "")), str(dumps.get(dump, {}).get("version_info", "")))
            for kind, (name, dump) in kinds.items()
        }

    def last_lines(self) -> str:
        """Return the end of its log."""
        return self._process.last_lines() if self._process else ""

    def stop(self) -> None:
        """End the process and wait for its end."""
        self._processes.stop()

    def _bootstrap(self) -> dict:
        return {
            "node": {"id": "gateways", "cluster": "gateways"},
            "admin": {"address": {"socket_address": {"address": self._address, "port_value": 0}}},
            "dynamic_resources": {
                "lds_config": {"resource_api_version": "V3", "path_config_source": {"path": "./listeners.json"}},
                "cds_config": {"resource_api_version": "V3", "path_config_source": {"path": "./clusters.json"}},
            },
        }

    def _write_resources(self, name: str, resources: list[dict]) -> None:
        text = json.dumps(resources, sort_keys=True)
        if self._written.get(name) != text:
            version = self._versions[name] = self._versions.get(name, 0) + 1
            self._write(name, json.dumps({"version_info": str(version), "resources": resources}))
            self._written[name] = text

    def _write(self, name: str, text: str) -> None:
        path = self._directory / name
        fresh = path.with_name(path.name + ".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        os.replace(fresh, path)
