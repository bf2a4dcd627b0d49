# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One request on its way: the lines of its two sidecars by its id, and those of the gateways between by the connection.

A gateway of a federation routes TCP: it never sees the id, writes one line per connection, and only when that ends.
So lines are joined end to end: the address from which one proxy called is the one that the next was called from.
Between meshes an address may be translated on its way, so what is joined there is probable, never exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..plain.data import items, mapping
from .access import value_of
from .fields import in_words
from .lines import SECOND, Entry, time_text

EXACT, PROBABLE, POSSIBLE = "exact", "probable", "possible"
CLIENT, EGRESS, INGRESS, SERVER = "client", "egress gateway", "ingress gateway", "server"
SLACK = SECOND
"""How much the clocks of two nodes may differ before a connection does not cover a request."""
MOST_LINES = 1000
MOST_CONNECTIONS = 10_000
MOST_LOST = 5
"""Of how many requests without a gateway's line the clients are asked for their connections."""
_COUNTERS = ("cx_active", "cx_total", "rq_active")


@dataclass(frozen=True)
class Hop:
    """One line of the request's way, how sure it is, and by what it was found."""

    role: str
    entry: Entry
    certainty: str
    found_by: str

    def as_data(self) -> dict:
        """Return it as data for a module's result; no text of the line is in it."""
        fields, entry = self.entry.fields or {}, self.entry
        return {
            "role": self.role,
            "container": entry.stream.name,
            "written": time_text(entry.written),
            "started": time_text(entry.started) if entry.started is not None else "",
            "duration": value_of(fields, "duration"),
            "code": value_of(fields, "response_code"),
            "flags": in_words(value_of(fields, "response_flags")),
            "failure": value_of(fields, "upstream_transport_failure_reason"),
            "to": value_of(fields, "upstream_host"),
            "certainty": self.certainty,
            "found_by": self.found_by,
        }

    def line(self) -> str:
        """Return it as one line for people."""
        row = self.as_data()
        said = [
            f"{row['duration']} ms" if row["duration"] else "",
            f"code {row['code']}" if row["code"] not in ("", "0") else "",
        ]
        said += [*row["flags"], row["failure"], f"to {row['to']}" if row["to"] else "no endpoint was chosen"]
        return (
            f"{self.role:<15}  {row['container']}  {row['started'] or row['written']}  "
            f"{', '.join(part for part in said if part)}  ({self.certainty}, {self.found_by})"
        )


@dataclass(frozen=True)
class Journey:
    """The hops of one request in their order, and what is not certain about them.

    ``lost`` are lines of clients whose connection no gateway line has; ``told_of_lost`` says what that means.
    """

    hops: tuple[Hop, ...]
    notes: tuple[str, ...]
    lost: tuple[Entry, ...] = ()


def is_connection(entry: Entry) -> bool:
    """Return whether a line is of a TCP connection through a gateway."""
    return entry.stream.is_gateway and bool(entry.fields) and not _said(entry, "method")


def journey(lines: Sequence[Entry], connections: Sequence[Entry]) -> Journey:
    """Return the way of the request whose access ``lines`` are given, through ``connections`` of gateways."""
    clients = [entry for entry in lines if _direction(entry) == "outbound"]
    servers = [entry for entry in lines if _direction(entry) == "inbound"]
    hops: list[Hop] = []
    notes: list[str] = []
    lost: list[Entry] = []
    for client in clients:
        hops.append(Hop(CLIENT, client, EXACT, "its request id"))
        hops += _beyond(client, servers, connections, notes, lost)
    met = {id(hop.entry) for hop in hops}
    for server in servers:
        if id(server) not in met:
            hops += [*_before(server, connections), Hop(SERVER, server, EXACT, "its request id")]
    if not hops:
        notes.append(
            "No access line has this id. The sidecars may not write an access log, or these pods were not asked"
        )
    notes += _skew(clients, servers)
    return Journey(tuple(hops), tuple(dict.fromkeys(notes)), tuple(lost))


def connections_in(clusters: Mapping, client: Entry) -> dict[str, int] | None:
    """Return what a client's Envoy counts of its connections to where its line says the request went; None where it
    knows no such endpoint.

    Source: Envoy, ``/clusters?format=json`` (``admin.v3.HostStatus``; a counter that is 0 has no value).
    """
    cluster, host = _said(client, "upstream_cluster").rstrip(";"), _said(client, "upstream_host")
    counts: dict[str, int] = {}
    for row in items(clusters.get("cluster_statuses")):
        for end in items(row.get("host_statuses")) if str(row.get("name")).rstrip(";") == cluster else ():
            place = mapping(mapping(end.get("address")).get("socket_address"))
            if host != f"{place.get('address')}:{place.get('port_value')}":
                continue
            given = {str(one.get("name")): str(one.get("value", 0)) for one in items(end.get("stats"))}
            for name in _COUNTERS:
                value = given.get(name, "0")
                counts[name] = counts.get(name, 0) + (int(value) if value.isascii() and value.isdigit() else 0)
    return counts or None


def told_of_lost(client: Entry, counts: Mapping[str, int] | None) -> str:
    """Return why no gateway line has a client's connection, by what its Envoy ``counts`` now; None if it could not be
    asked.
    """
    if counts is None:
        return (
            f"{client.stream.name}: no gateway line has the connection from"
            f" {_called_from(client) or 'an unknown address'}. A line is written when the connection closes: it may"
            " still be open, or that gateway was not asked"
        )
    told = f"to {_said(client, 'upstream_host')} ({', '.join(f'{name} {counts[name]}' for name in _COUNTERS)})"
    if counts["cx_active"]:
        return (
            f"{client.stream.name}: connection still open: its Envoy has one {told}, and a gateway writes its line when"
            " the connection closes"
        )
    return (
        f"{client.stream.name}: its Envoy has no connection open any more {told}: that gateway was not asked, or it"
        " writes no access log"
    )


def _beyond(
    client: Entry, servers: Sequence[Entry], connections: Sequence[Entry], notes: list[str], lost: list[Entry]
) -> list[Hop]:
    """Return the hops after a client, as far as lines lead."""
    through = [
        entry
        for entry in connections
        if _joins(client, entry) and entry.stream.mesh == client.stream.mesh and _covers(entry, client)
    ]
    direct = [server for server in servers if _joins(client, server)]
    if direct:
        return [Hop(SERVER, direct[0], EXACT, "its request id and the connection")]
    if not through:
        if _said(client, "upstream_host"):
            lost.append(client)
        return []
    egress = through[0]
    sure = EXACT if len(through) == 1 else PROBABLE
    hops = [Hop(EGRESS, egress, sure, "the connection from the client")]
    ingress, how, certainty = _other_end(egress, connections)
    if ingress is None:
        notes.append(f"{egress.stream.name}: {how}")
        return hops
    hops.append(Hop(INGRESS, ingress, certainty, how))
    reached = [
        Hop(SERVER, server, EXACT, "its request id and the connection") for server in servers if _joins(ingress, server)
    ]
    return hops + reached[:1]


def _other_end(egress: Entry, connections: Sequence[Entry]) -> tuple[Entry | None, str, str]:
    """Return the line of the peer's ingress gateway for a connection of our egress gateway, by what it was found,
    and how sure it is."""
    inward = [entry for entry in connections if entry.stream.is_ingress and entry.stream.mesh != egress.stream.mesh]
    same = [entry for entry in inward if _joins(egress, entry) and _overlap(egress, entry)]
    if same:
        return same[0], "the connection between the meshes", PROBABLE
    host = _said(egress, "upstream_cluster").split("|")
    name = f"outbound_.{host[1]}_.{host[2]}_.{host[3]}" if len(host) == 4 else ""
    alike = [
        entry for entry in inward if name and _said(entry, "requested_server_name") == name and _overlap(egress, entry)
    ]
    if len(alike) == 1:
        return alike[0], "SNI and time; the address was translated on its way", PROBABLE
    if alike:
        return alike[0], f"SNI and time, one of {len(alike)} connections", POSSIBLE
    return (
        None,
        "no line of the peer's ingress gateway matches. Give the file that its administrator saved (logs_with)",
        "",
    )


def _before(server: Entry, connections: Sequence[Entry]) -> list[Hop]:
    """Return the gateway through which a server was called whose client is not known."""
    found = [
        entry
        for entry in connections
        if entry.stream.mesh == server.stream.mesh and _joins(entry, server) and _covers(entry, server)
    ]
    return (
        [Hop(INGRESS, found[0], EXACT if len(found) == 1 else PROBABLE, "the connection to the server")]
        if found
        else []
    )


def _skew(clients: Iterable[Entry], servers: Iterable[Entry]) -> list[str]:
    """Say by how much clocks differ at least: a server works within the time in which its client waits."""
    for client in clients:
        for server in servers:
            began, ended, at, done = client.started, client.ended, server.started, server.ended
            if began is None or ended is None or at is None or done is None:
                continue
            behind, ahead = began - at, done - ended
            least = max(behind, ahead) // 1_000_000
            if least > 1:
                which = "behind" if behind > ahead else "ahead of"
                return [f"Clock skew: {server.stream.name} is at least {least:,} ms {which} {client.stream.name}"]
    return []


def _direction(entry: Entry) -> str:
    return _said(entry, "upstream_cluster").partition("|")[0] or "outbound"


def _joins(before: Entry, after: Entry) -> bool:
    """Return whether one proxy called from the address that the next was called from."""
    local = _called_from(before)
    return bool(local) and _said(after, "downstream_remote_address") == local


def _called_from(entry: Entry) -> str:
    return _said(entry, "upstream_local_address")


def _said(entry: Entry, name: str) -> str:
    return value_of(entry.fields or {}, name)


def _covers(connection: Entry, request: Entry) -> bool:
    began, ended, at = connection.started, connection.ended, request.started
    if began is None or ended is None or at is None:
        return False
    return began - SLACK <= at <= ended + SLACK


def _overlap(one: Entry, other: Entry) -> bool:
    a, b, c, d = one.started, one.ended, other.started, other.ended
    if a is None or b is None or c is None or d is None:
        return False
    return a - SLACK <= d and c - SLACK <= b
