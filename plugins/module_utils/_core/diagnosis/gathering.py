# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what was read to evidence: pods counted, policies looked through, and what Envoy and its log tell of each
port of the peer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ..control_plane.data_plane import has_sidecar
from ..logs.access import number_of, value_of
from ..logs.lines import SECOND, Entry
from ..plain.data import at, is_true, items, mapping, strings
from ..plain.selectors import is_selected
from .evidence import DISCOVERY, SERVICE

DENIED = "rbac_access_denied"
MOST_DURATIONS = 50
SLACK_SECONDS, FRESH_SECONDS = 60, 150
WATCH = "/watch"
VIA_UPSTREAM = "via_upstream"
CLOSED_AT_ONCE = 5_000
LOST = ("UF", "URX", "UH")
"""Flags of a connection that did not come about."""
BROKEN = ("UC", "UR", "UPE")
"""Flags of an answer that ended before its end."""
ANSWERED, NO_SUCH_NAME, FAILING, UNRESOLVED = "answered", "nxdomain", "failing", "unresolved"
"""What a proxy's DNS made of a host name; the last where the proxy has no endpoint and does not tell why."""
SPIFFE = "spiffe://"


def counted(pods: Iterable[Mapping]) -> dict[str, int]:
    """Return how many pods there are that shall stay, and how many of them are ready."""
    standing = [pod for pod in pods if not at(pod, "metadata", "deletionTimestamp")]
    return {"all": len(standing), "ready": sum(map(is_ready, standing))}


def is_ready(pod: Mapping) -> bool:
    """Return whether a pod says that it is ready."""
    return is_true(pod, "Ready")


def cutting(policies: Iterable[Mapping], labels: Mapping, ports: Sequence[int]) -> list[dict]:
    """Return the NetworkPolicies that together let pods with ``labels`` call none of some ports outside: name and
    ports.

    Several policies add up: a port is cut only where none of those that select the pods lets it through. A rule that
    names blocks of addresses may fit the peer's, so it counts as letting through. Source: Kubernetes, NetworkPolicy.
    """
    selecting = [
        live
        for live in policies
        if "Egress" in strings(at(live, "spec", "policyTypes"))
        and is_selected(mapping(at(live, "spec", "podSelector")), labels)
    ]
    rules = [rule for live in selecting for rule in items(at(live, "spec", "egress"))]
    cut = [port for port in ports if selecting and not any(_lets(rule, port) for rule in rules)]
    return [{"name": str(at(live, "metadata", "name")), "ports": cut} for live in selecting] if cut else []


def _lets(rule: Mapping, port: int) -> bool:
    to, ports = items(rule.get("to")), items(rule.get("ports"))
    is_outside = not to or any("ipBlock" in entry for entry in to)
    return is_outside and (not ports or any(_has(entry, port) for entry in ports))


def _has(entry: Mapping, port: int) -> bool:
    first, last = entry.get("port"), entry.get("endPort")
    if str(entry.get("protocol") or "TCP") != "TCP" or isinstance(first, str):
        return False
    return (
        first is None or first == port or (isinstance(last, int) and isinstance(first, int) and first <= port <= last)
    )


class PortsTold:
    """What access lines of one pod of our egress gateway tell of the two ports of a peer, line by line; the latest
    counts."""

    def __init__(self, discovery_port: int, service_port: int) -> None:
        self._ports = {str(discovery_port): DISCOVERY, str(service_port): SERVICE}
        self._told: dict[str, dict] = {}
        self.latest = 0

    def note(self, entry: Entry) -> None:
        """Take one line in; lines that are not of a connection to the peer say nothing but when they were written."""
        fields = entry.fields
        self.latest = max(self.latest, entry.written)
        if not fields:
            return
        host = value_of(fields, "upstream_host")
        # A TCP proxy may have an endpoint already when a filter before it refuses.
        if _is_denied(fields) and not (host and value_of(fields, "method")):
            self._note_denied(fields)
            return
        port = self._ports.get(host.rpartition(":")[2]) if host else self._without_host(fields)
        if port is None:
            return
        told = self._of(port)
        # With TLS 1.3 the peer's refusal of our certificate comes after the handshake: the flag is UC then, as for
        # any end.
        reason = value_of(fields, "upstream_transport_failure_reason")
        if reason or set(value_of(fields, "response_flags").split(",")) & set(LOST):
            told["failed"] += 1
            told["reason"] = reason or value_of(fields, "response_code_details") or "connect_error"
        elif port == SERVICE:
            self._note_call(told, fields)
        else:
            self._note_poll(told, fields)

    def _of(self, port: str) -> dict:
        nothing = {"connected": 0, "failed": 0, "reason": "", "refused_empty": 0, "answered": "", "denied": 0}
        return self._told.setdefault(port, {**nothing, "durations": [], "broken": []})

    def _note_denied(self, fields: Mapping) -> None:
        """Take in that a policy at this gateway refused: istiod's polls have a method, calls are of TCP."""
        if value_of(fields, "method"):
            self._of(DISCOVERY)["answered"] = value_of(fields, "response_code_details")
        else:
            self._of(SERVICE)["denied"] += 1

    @staticmethod
    def _note_call(told: dict, fields: Mapping) -> None:
        told["connected"] += 1
        told["reason"], told["denied"] = "", 0
        is_empty = value_of(fields, "bytes_sent") == "0" and value_of(fields, "bytes_received") not in ("", "0")
        is_short = (number_of(fields, "duration") or 0) < CLOSED_AT_ONCE
        told["refused_empty"] = told["refused_empty"] + 1 if is_empty and is_short else 0

    @staticmethod
    def _note_poll(told: dict, fields: Mapping) -> None:
        code, details = value_of(fields, "response_code"), value_of(fields, "response_code_details")
        told["answered"] = details if code[:1] in ("4", "5") else ""
        if told["answered"] and details != VIA_UPSTREAM:
            return  # Our own gateway's answer proves no connection.
        told["connected"] += 1
        told["reason"] = ""
        if WATCH in value_of(fields, "path") and code == "200":
            is_broken = set(value_of(fields, "response_flags").split(",")) & set(BROKEN)
            lasted = told["broken" if is_broken else "durations"]
            lasted.append(int(number_of(fields, "duration") or 0))
            del lasted[:-MOST_DURATIONS]

    @staticmethod
    def _without_host(fields: Mapping) -> str | None:
        """Return the port of a line that got no endpoint, by its cluster: discovery has one of its own."""
        cluster = value_of(fields, "upstream_cluster").split("|")
        return DISCOVERY if len(cluster) == 4 and cluster[:2] == ["outbound", DISCOVERY] else None

    def as_data(self) -> dict[str, dict]:
        return self._told


def _is_denied(fields: Mapping) -> bool:
    """Return whether an AuthorizationPolicy at this very proxy refused."""
    said = (value_of(fields, "response_code_details"), value_of(fields, "connection_termination_details"))
    return any(text.startswith(DENIED) for text in said)


class CallsTold:
    """What access lines of a client tell of calls to imported hosts: the latest one, and for how long it had been
    quiet before."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(hosts)
        self._latest: dict | None = None
        self._at: int | None = None

    def note(self, entry: Entry) -> None:
        """Take one line in."""
        cluster = value_of(entry.fields or {}, "upstream_cluster").split("|")
        if len(cluster) != 4 or cluster[0] != "outbound" or cluster[3] not in self._hosts:
            return
        endpoint = value_of(entry.fields or {}, "upstream_host")
        if endpoint and not endpoint.endswith(f":{SERVICE}"):
            return  # A service that is imported as local has local endpoints, too.
        began = entry.started
        idle = (began - self._at) / SECOND if began is not None and self._at is not None else None
        self._at = began
        fields = entry.fields or {}
        self._latest = {
            "code": value_of(fields, "response_code"),
            "flags": value_of(fields, "response_flags"),
            "details": value_of(fields, "response_code_details"),
            "idle": idle,
        }

    def as_data(self) -> dict | None:
        return self._latest


def days_left(certs: Mapping) -> int | None:
    """Return the days that the own certificate of an Envoy is valid yet, from its page /certs; None where it tells
    none."""
    found = [
        entry.get("days_until_expiration")
        for one in items(certs.get("certificates"))
        for entry in items(one.get("cert_chain"))
    ]
    days = [int(str(left)) for left in found if re.fullmatch(r"-?[0-9]{1,9}", str(left))]
    return min(days) if days else None


def identities_of(certs: Mapping) -> list[str]:
    """Return the identities, without ``spiffe://``, of the certificates that an Envoy shows, from its page /certs."""
    found = {
        str(name.get("uri"))
        for one in items(certs.get("certificates"))
        for entry in items(one.get("cert_chain"))
        for name in items(entry.get("subject_alt_names"))
    }
    return sorted(uri.removeprefix(SPIFFE) for uri in found if uri.startswith(SPIFFE))


def server_names(dump: Mapping) -> set[str]:
    """Return the server names by which an Envoy takes connections, from the listeners of its ``/config_dump``.

    Source: Envoy, ``admin.v3.ListenersConfigDump.DynamicListener``, ``FilterChainMatch.server_names``.
    """
    listeners = [mapping(at(one, "active_state", "listener")) for one in items(dump.get("configs"))]
    chains = [chain for listener in listeners for chain in items(listener.get("filter_chains"))]
    return {name for chain in chains for name in strings(at(chain, "filter_chain_match", "server_names"))}


def taken_in(names: Iterable[str], hosts: Mapping[str, str]) -> list[str]:
    """Return those services, of ``hosts`` by service, for whose host there is a server name; ``*`` takes all.

    Istio writes a server name as ``outbound_.<port>_.<subset>_.<host>``.
    """
    given = list(names)
    ends = {name.rpartition("_.")[2].lower() for name in given}
    return [service for service, host in hosts.items() if host.lower() in ends or "*" in given]


def peers_hosts(clusters: Mapping, host: str) -> int | None:
    """Return how many endpoints an Envoy has for a cluster of a host name, from its page /clusters; None where it
    has no such cluster."""
    found = [one for one in items(clusters.get("cluster_statuses")) if _host_of(one) == host]
    return sum(len(items(one.get("host_statuses"))) for one in found) if found else None


def _host_of(cluster: Mapping) -> str:
    """Return the host name of a cluster; from some version on Istio's names of statistics end in a semicolon."""
    return str(cluster.get("name")).rsplit("|", maxsplit=1)[-1]


def resolved(endpoints: int | None, statistics: str) -> str | None:
    """Return what a proxy's DNS made of the names of a cluster with so many endpoints; None where it has no such
    cluster.

    ``statistics`` are those of the cluster's updates, as text; by default Istio's proxies keep none of them. Source:
    Envoy, cluster manager statistics: ``update_empty`` counts answers without an address, ``update_failure`` what DNS
    did not answer.
    """
    if endpoints is None:
        return None
    if endpoints:
        return ANSWERED
    counts: dict[str, int] = {}
    for line in statistics.splitlines():
        name, _colon, value = line.rpartition(": ")
        kind = name.rpartition(".")[2]
        counts[kind] = counts.get(kind, 0) + (int(value) if re.fullmatch("[0-9]{1,18}", value) else 0)
    if counts.get("update_empty"):
        return NO_SUCH_NAME
    return FAILING if counts.get("update_failure") else UNRESOLVED


def captures_dns(server_info: Mapping | None, control_plane: Mapping) -> bool | None:
    """Return whether a sidecar answers its pod's DNS questions: as the proxy itself says, else as the control plane has
    it for all; None where neither says anything, which means yes from 2.1 on.

    Sources: Envoy, ``/server_info`` (``node.metadata``); Istio documentation, "DNS Proxying".
    """
    own = at(server_info, "node", "metadata", "DNS_CAPTURE")
    places = (("meshConfig",), ("techPreview", "meshConfig"))
    told = [
        at(control_plane, "spec", *place, "defaultConfig", "proxyMetadata", "ISTIO_META_DNS_CAPTURE")
        for place in places
    ]
    said = [str(one).lower() for one in (own, *told) if one is not None]
    return said[0] == "true" if said else None


def at_client(clusters: Mapping, hosts: Iterable[str]) -> tuple[bool | None, dict[str, int] | None]:
    """Return whether an Envoy has a cluster for each host, and the endpoints of the poorest: how many, how many
    healthy.

    Source: Envoy, ``/clusters?format=json`` (``admin.v3.HostHealthStatus``; what outlier detection has ejected has
    failed its check).
    """
    rows = items(clusters.get("cluster_statuses"))
    if not rows or not hosts:
        return None, None
    found = []
    for host in hosts:
        own = [
            row
            for row in rows
            if str(row.get("name")).startswith("outbound|") and str(row.get("name")).rsplit("|", maxsplit=1)[-1] == host
        ]
        if not own:
            return False, None
        ends = [end for row in own for end in items(row.get("host_statuses"))]
        found.append({"all": len(ends), "healthy": sum(map(_is_healthy, ends))})
    return True, min(found, key=lambda counts: counts["healthy"])


def _is_healthy(end: Mapping) -> bool:
    health = mapping(end.get("health_status"))
    is_failing = any(
        health.get(check)
        for check in ("failed_outlier_check", "failed_active_health_check", "failed_active_degraded_check")
    )
    return not is_failing and health.get("eds_health_status", "HEALTHY") in ("HEALTHY", "UNKNOWN", "DEGRADED")


def skew_of(written: int, now: float) -> float | None:
    """Return by how many seconds a node's clock is off, from the latest line of a gateway that is asked every minute.

    A line of the future proves a clock that is ahead; one of the last minutes proves one that is right; older ones
    prove nothing.
    """
    ahead = written / SECOND - now
    return ahead if ahead > SLACK_SECONDS else 0.0 if ahead > -FRESH_SECONDS else None


def hides(sidecars: Iterable[Mapping], labels: Mapping, home: str, host: str) -> bool:
    """Return whether the Sidecar object that holds for a pod leaves the host of an import, which lives in ``home``,
    out.

    One that selects the pod goes before one without a selector. Source: Istio documentation, "Sidecar".
    """
    selecting, whole = [], []
    for live in sidecars:
        chosen = mapping(at(live, "spec", "workloadSelector", "labels"))
        if not chosen:
            whole.append(live)
        elif all(labels.get(key) == value for key, value in chosen.items()):
            selecting.append(live)
    counting = selecting or whole
    if not counting:
        return False
    entries = items(at(counting[0], "spec", "egress"))
    return bool(entries) and not any(
        _shows(text, home, host) for entry in entries for text in strings(entry.get("hosts"))
    )


def _shows(text: str, home: str, host: str) -> bool:
    namespace, _slash, name = text.partition("/")
    return namespace in ("*", home) and (name in ("*", host) or (name.startswith("*.") and host.endswith(name[1:])))


def client_of(
    name: str, pods: Sequence[Mapping], sidecars: Sequence[Mapping] | None, home: str, hosts: Sequence[str]
) -> dict:
    """Return what is known of a client without asking its Envoy."""
    standing = [pod for pod in pods if not at(pod, "metadata", "deletionTimestamp")]
    with_sidecar = [pod for pod in standing if has_sidecar(pod)]
    labels = mapping(at(with_sidecar[0], "metadata", "labels")) if with_sidecar else {}
    hidden = bool(with_sidecar and hosts and any(hides(sidecars or (), labels, home, host) for host in hosts))
    return {
        "name": name,
        "pods": {"all": len(standing), "with_sidecar": len(with_sidecar)},
        "dns_capture": None,
        "sidecar_hides": hidden,
        "has_cluster": None,
        "endpoints": None,
        "tls_mode": "",
    }
