# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked for: each imported host at each of its ports, and from which pod."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..card.card import Card
from ..control_plane.data_plane import PROXY
from ..insight.pods import workload_of
from ..plain.data import at, is_true, items, mapping
from ..plain.errors import FederationError

MOST_TARGETS = 200
"""Requests of one run at the most; imports beyond are told and not asked for."""
MOST_CLIENTS = 5
"""Pods of which one is looked for that has a program to ask with."""
_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-Web"})
# RFC 3986, path and query, without what a program could take for an option or a pattern of its own.
_PATH = re.compile(r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,1000})")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class Target:
    """One request: an imported host of a peer, its port, and how it is asked. Port 0 says that it is not known."""

    peer: str
    host: str
    port: int = 0
    protocol: str = ""
    path: str = "/"
    method: str = "HEAD"

    @property
    def is_http(self) -> bool:
        """Whether an HTTP request is made; otherwise a connection alone."""
        return self.protocol in _HTTP

    @property
    def url(self) -> str:
        """The URL of an HTTP request."""
        return f"http://{self.host}:{self.port}{self.path}"

    @property
    def asked(self) -> str:
        """How it is asked, in words."""
        return f"{self.method} {self.path}" if self.is_http else "connecting"


@dataclass(frozen=True)
class Client:
    """A pod with a sidecar, and the container of its application."""

    namespace: str
    pod: str
    container: str
    workload: str

    @property
    def place(self) -> str:
        """The pod's place."""
        return f"{self.namespace}/{self.pod}"


def client_of(pod: Mapping) -> dict | None:
    """Return what is needed of a live pod that a request can be made from; None of any other.

    It runs, its proxy is ready, and it has another container that runs: the first that its specification names.
    """
    if at(pod, "metadata", "deletionTimestamp") or not is_true(pod, "Ready"):
        return None
    running = {
        str(one.get("name")) for one in items(at(pod, "status", "containerStatuses")) if at(one, "state", "running")
    }
    # A proxy may be a native sidecar, which is an init container that goes on.
    running |= {
        str(one.get("name")) for one in items(at(pod, "status", "initContainerStatuses")) if at(one, "state", "running")
    }
    named = [str(one.get("name")) for one in items(at(pod, "spec", "containers"))]
    own = next((name for name in named if name != PROXY and name in running), None)
    if PROXY not in running or own is None:
        return None
    metadata = mapping(pod.get("metadata"))
    place = {"namespace": str(metadata.get("namespace")), "pod": str(metadata.get("name"))}
    return {**place, "container": own, "workload": workload_of(pod)}


def clients_among(found: Iterable[Mapping], wanted: str) -> list[Client]:
    """Return the pods to ask from, at most ``MOST_CLIENTS``: those of ``wanted``, or any.

    ``wanted`` is ``namespace/name`` of a pod or workload.

    One of each workload comes before a second one of any: pods of one workload have the same programs.
    """
    namespace, _slash, name = wanted.partition("/")
    clients = sorted((Client(**one) for one in found), key=lambda one: (one.namespace, one.workload, one.pod))
    if wanted:
        clients = [one for one in clients if one.namespace == namespace and name in (one.workload, one.pod)]
    counts: dict[tuple[str, str], int] = {}
    ranked = []
    for one in clients:
        key = (one.namespace, one.workload)
        counts[key] = counts.get(key, 0) + 1
        ranked.append((counts[key], one))
    return [one for _rank, one in sorted(ranked, key=lambda pair: pair[0])][:MOST_CLIENTS]


def read_client(wanted: object) -> str:
    """Return ``verify_from`` as it was written; raises ``FederationError`` FED925 for what is no namespace/name."""
    text = str(wanted or "")
    if text and not re.fullmatch(r"[a-z0-9-]{1,63}/[a-z0-9.-]{1,253}", text):
        raise _wrong("verify_from", text, "Write a pod or a workload as namespace/name, such as shop/web")
    return text


def read_paths(wanted: Mapping[str, Any]) -> dict[str, tuple[int, str]]:
    """Return ``verify_paths`` by its keys: port (0 for any) and path; raises ``FederationError`` FED925 for what is no
    such thing.
    """
    found: dict[str, tuple[int, str]] = {}
    for key, value in wanted.items():
        read = _PATH.fullmatch(str(value))
        if read is None or int(read["port"] or 1) not in range(1, 65536):
            raise _wrong(
                f"verify_paths, {key}",
                str(value),
                "Write a path such as /health, or with its port such as :8080/health",
            )
        found[str(key)] = (int(read["port"] or 0), read["path"])
    return found


def ports_in(registry: object) -> dict[str, list[tuple[int, str]]]:
    """Return, by host, the ports and protocols that istiod knows. Source: istio, ``/debug/registryz`` (model.Service),
    1.9 to 1.18.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for service in items(registry):
        host = str(service.get("hostname"))
        for port in items(service.get("ports")):
            number = port.get("port")
            if isinstance(number, int) and 0 < number < 65536:
                found.setdefault(host, []).append((number, str(port.get("protocol") or "")))
    return found


def ports_on(cards: Mapping[str, Card], rows: Iterable[Mapping]) -> dict[str, list[tuple[int, str]]]:
    """Return, by imported host, the ports and protocols that the peers' ``cards`` offer (by our names of the peers).

    They are what the peers said when they wrote their cards, where istiod cannot be asked what it knows.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for row in rows:
        card = cards.get(str(row["peer"]))
        offered = {export.name: export.ports for export in card.exports} if card else {}
        for one in row["imports"] or ():
            ports = [(port.number, port.protocol) for port in offered.get(str(one["exported"]), ())]
            found.update({str(one["imported"]): ports} if ports else {})
    return found


def targets_of(
    rows: Iterable[Mapping], ports: Mapping[str, Sequence[tuple[int, str]]], paths: Mapping[str, tuple[int, str]]
) -> list[Target]:
    """Return what is asked for; a host without known ports has one target with port 0.

    ``rows`` are those of ``status.peer_row``.

    Raises ``FederationError`` FED925 for a key of ``paths`` that fits no import.
    """
    hosts = [(str(row["peer"]), str(one["imported"])) for row in rows for one in row["imports"] or ()]
    names = {key for _peer, host in hosts for key in _keys(host)}
    for key in paths:
        if key not in names:
            raise _wrong("verify_paths", key, "Use the name of an import as status shows it, or its namespace/name")
    return [
        target
        for peer, host in hosts
        if _HOST.fullmatch(host)
        for target in _of_host(peer, host, ports.get(host, ()), paths)
    ]


def _of_host(
    peer: str, host: str, ports: Sequence[tuple[int, str]], paths: Mapping[str, tuple[int, str]]
) -> Iterator[Target]:
    port, path = next((paths[key] for key in _keys(host) if key in paths), (0, ""))
    known = dict(ports)
    if port:
        yield Target(peer, host, port, known.get(port, "HTTP"), path, "GET")
        return
    asked = [one for one in known.items() if one[1] != "UDP"]
    for number, protocol in asked:
        target = Target(peer, host, number, protocol)
        yield Target(peer, host, number, protocol, path, "GET") if path and target.is_http else target
    if not asked:
        yield Target(peer, host)


def _keys(host: str) -> tuple[str, ...]:
    """Return how a user may name an import: its host, or namespace/name."""
    service, is_named, _domain = host.partition(".svc.")
    name, dot, namespace = service.rpartition(".")
    return (host, f"{namespace}/{name}") if is_named and dot else (host,)


def _wrong(where: str, what: str, fix: str) -> FederationError:
    return FederationError("FED925", where=where, what=f"is {what[:200]!r}", fix=fix)


def refuse_unasked(params: Mapping[str, Any]) -> None:
    """Refuse to run commands in containers without being asked to: FED918."""
    if not params["by_exec"]:
        raise FederationError(
            "FED918",
            where="verify_exec",
            what="is not set, and each request is a command in a container of an application",
            fix=(
                "Set verify_exec: true if you may run commands there, and give the rights of mesh-verify.yml"
                " (docs/verify.md)"
            ),
        )
