# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the machine that runs Ansible sees of a peer's addresses: which of them it may call, and what came of it.

This stands beside the ladder and decides no rung: an egress gateway leaves its cluster another way. Sources: RFC 8446
(records, certificate_required), RFC 5246 (Certificate and CertificateRequest, in clear).
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..card.card import Export
from ..peering import status
from ..peering.names import exported_service
from ..plain.addresses import is_address, special_kind, unfit
from ..plain.data import at, mapping, some, strings
from ..plain.words import printable
from .evidence import DISCOVERY, SERVICE

NOBODY, CONTROLLER, POD = "none", "controller", "pod"
FROM = (NOBODY, CONTROLLER, POD)
MOST_ADDRESSES = 6
"""Addresses of one peer that are called; those beyond are told."""
MOST_BYTES = 64 << 10
"""What is read of one handshake; certificate chains of a mesh have some 4 KiB."""
NOT_CALLED, NO_TIME, UNRESOLVED = "not called", "no time left", "does not resolve"
REFUSED, UNREACHABLE, LATE = "refused", "unreachable", "no connection in time"
NO_TLS, CLOSED, SILENT, ENDLESS, BROKEN = "no TLS", "closed", "no handshake in time", "endless handshake", "TLS fails"
SHAKEN = "TLS"
"""A handshake came about, or as much of one as can without a client certificate."""
CONNECTED = (NO_TLS, CLOSED, SILENT, ENDLESS, BROKEN, SHAKEN)
_TELLS = {
    NO_TIME: "not called: the time for all probes is over",
    UNRESOLVED: "the name does not resolve here",
    REFUSED: "the connection is refused",
    UNREACHABLE: "there is no route to it",
    LATE: "no connection in time: packets are dropped on the way, or nothing has the address",
    NO_TLS: "connects, but the answer is not TLS",
    CLOSED: (
        "connects, and is closed during the TLS handshake, as a gateway does for a server name that it does not know"
    ),
    SILENT: "connects, and the TLS handshake does not end in time",
    ENDLESS: f"connects, and its TLS handshake is longer than {MOST_BYTES >> 10} KiB",
}
_ASKS = {
    True: "asks for a client certificate",
    False: "asks for no client certificate",
    None: "whether it asks for a client certificate is not known",
}
_HANDSHAKE = 22
_RECORDS = range(20, 25)
_CERTIFICATE, _REQUEST = 11, 13


@dataclass(frozen=True)
class Way:
    """One address and port of a peer. ``server_name`` is what the handshake asks for, "" for nothing; ``why_not`` says
    why nobody calls it."""

    address: str
    port: int
    use: str
    server_name: str = ""
    why_not: str = ""


@dataclass(frozen=True)
class Probed:
    """What came of one way. ``asks`` is whether the server asks for a client certificate, None where that
    is not known.
    """

    way: Way
    outcome: str
    ip: str = ""
    protocol: str = ""
    certificate: Mapping[str, Any] = field(default_factory=dict)
    asks: bool | None = None
    detail: str = ""

    def as_data(self) -> dict:
        """Return it as data for a module's result."""
        return {
            "from": CONTROLLER,
            "address": self.way.address,
            "port": self.way.port,
            "use": self.way.use,
            "server_name": self.way.server_name,
            "ip": self.ip,
            "client": "",
            "outcome": self.outcome,
            "is_connected": self.outcome in CONNECTED,
            "protocol": self.protocol,
            "certificate": dict(self.certificate),
            "asks_for_certificate": self.asks,
            "told": self._told(),
        }

    def _told(self) -> str:
        if self.outcome == NOT_CALLED:
            return f"not called: {self.way.why_not}"
        if self.outcome == BROKEN:
            return f"connects, and the TLS handshake fails ({self.detail or 'no reason is given'})"
        if self.outcome != SHAKEN:
            return _TELLS[self.outcome] + (f" ({self.detail})" if self.detail else "")
        return f"connects, {self.protocol}, {certificate_in_words(self.certificate)}; {_ASKS[self.asks]}"


def call_row(call: Mapping) -> dict:
    """Return, as a row like those of ``Probed``, what one request from a pod came to: ``host``, ``port``, ``client``,
    ``state`` and ``evidence``."""
    return {
        "from": POD,
        "address": call["host"],
        "port": call["port"],
        "use": "call",
        "server_name": "",
        "ip": "",
        "client": call["client"],
        "outcome": call["state"],
        "is_connected": None,
        "protocol": "",
        "certificate": {},
        "asks_for_certificate": None,
        "told": call["evidence"],
    }


def certificate_in_words(certificate: Mapping[str, Any]) -> str:
    """Return whose certificate it is, who issued it, how long it lasts, and its fingerprint as people compare it."""
    if not certificate.get("not_after"):
        return "shows a certificate that cannot be read" if certificate else "shows no certificate"
    names = [str(name) for name in certificate["names"]]
    shown = some(names, 2)
    return (
        f"shows the certificate of {shown or certificate['subject'] or 'nobody'}, issued by"
        f" {certificate['issuer'] or 'nobody'}, until {certificate['not_after']}, {certificate['spoken']}"
    )


def ways(
    addresses: Sequence[str], ports: Mapping[str, int], *, loopback: bool, server_names: Mapping[str, str] | None = None
) -> list[Way]:
    """Return each port of each address, with why nobody calls it where that is so.

    Addresses are a stranger's. ``ports`` and ``server_names`` are by use, ``DISCOVERY`` and ``SERVICE``.
    """
    found, each = [], list(dict.fromkeys(addresses))
    for number, address in enumerate(each[: MOST_ADDRESSES + 1]):
        why = why_not_called(address, loopback=loopback)
        if number == MOST_ADDRESSES:
            why = f"at most {MOST_ADDRESSES} addresses of a peer are called, and it has {len(each):,}"
        for use in (DISCOVERY, SERVICE):
            port, name = ports[use], (server_names or {}).get(use, "")
            is_port = isinstance(port, int) and 0 < port < 65536
            told = why or ("" if is_port else f"{printable(str(port), 20)} is not a port")
            found.append(Way(printable(address, 253), port if is_port else 0, use, name, told))
    return found


def ways_of(told: Mapping, exports: Sequence[Export], *, loopback: bool) -> list[Way]:
    """Return the ways to the peer of some evidence: as our ServiceMeshPeer says, or its card where none stands.

    A gateway takes calls for server names that it knows; that of the first of its ``exports``, on its card, is asked
    for.
    """
    card, remote = mapping(told.get("card")), mapping(at(told.get("peer_object"), "spec", "remote"))
    addresses = strings(remote.get("addresses")) or strings(card.get("addresses"))
    ports = {
        DISCOVERY: remote.get("discoveryPort") or card.get("discovery_port") or int(DISCOVERY),
        SERVICE: remote.get("servicePort") or card.get("service_port") or int(SERVICE),
    }
    names = [f"outbound_.{export.ports[0].number}_._.{export.name}" for export in exports if export.ports]
    return ways(addresses, ports, loopback=loopback, server_names={SERVICE: names[0]} if names else {})


def wanted_first(imports: Mapping | None, wanted: Sequence[str], *, only: bool) -> list[dict]:
    """Return the rows of what is imported, those of ``wanted`` services (``namespace/name``) first, and with ``only``
    no others."""
    rows = [row for row in status.imported(imports) if row["imported"]]
    first = [row for row in rows if exported_service(str(row["exported"])) in wanted]
    return first if only else [*first, *(row for row in rows if row not in first)]


def why_not_called(address: str, *, loopback: bool) -> str:
    """Return why an address, which a stranger wrote, is not called from here; "" where it may be."""
    if not is_address(address):
        return "it is neither an IP address nor a DNS name"
    reason = unfit(address, loopback=loopback, same_cluster=False)
    return f"it is {reason.what}" if reason else ""


def fit(resolved: Iterable[str], *, loopback: bool) -> tuple[list[str], str]:
    """Return which of the addresses that a name leads to may be called, and what keeps the first other from it."""
    may, why = [], ""
    for ip in resolved:
        kind = special_kind(ip.partition("%")[0]) if not loopback else ""
        may += [] if kind else [ip]
        why = why or (f"it leads to {printable(ip, 80)}, which is {kind}" if kind else "")
    return may, why


def is_tls(first: bytes) -> bool:
    """Return whether an answer begins as a TLS record does, as far as it has come."""
    return first[:1] in [bytes([kind]) for kind in _RECORDS] and first[1:2] in (b"", b"\x03")


def shown_in_clear(taken: bytes) -> tuple[bytes, bool]:
    """Return of a handshake before TLS 1.3 the server's own certificate (DER, empty where none came), and whether it
    asked for ours.

    Such a server ends the handshake of a client without a certificate, so nothing more can be seen. Never raises: a
    stranger's.
    """
    stream, at = b"", 0
    while at + 5 <= len(taken) and taken[at] == _HANDSHAKE:
        length = int.from_bytes(taken[at + 3 : at + 5], "big")
        stream += taken[at + 5 : at + 5 + length]
        at += 5 + length
    certificate, asks, at = b"", False, 0
    while at + 4 <= len(stream):
        kind, length = stream[at], int.from_bytes(stream[at + 1 : at + 4], "big")
        body = stream[at + 4 : at + 4 + length]
        if len(body) < length:
            break
        if kind == _CERTIFICATE and not certificate:
            certificate = body[6 : 6 + int.from_bytes(body[3:6], "big")]
        asks = asks or kind == _REQUEST
        at += 4 + length
    return certificate, asks


def lines(rows: Sequence[Mapping]) -> list[str]:
    """Return the probes of one peer as lines for people."""
    if not rows:
        return []
    shown = [f"  {row['address']} port {row['port']:<6} {row['told']}" for row in rows if row["from"] == CONTROLLER]
    if shown:
        head = "from the machine that runs Ansible, which may go another way than the mesh; it decides no rung above:"
        return [head, *shown]
    return [
        f"from a pod ({row['client'] or 'none'}), one real request: {row['address'] or 'nothing'}"
        f" port {row['port']}: {row['outcome']}, {row['told']}"
        for row in rows
    ]


def why_unreached(error: OSError) -> tuple[str, str]:
    """Return why a connection does not come about, and the system's word for it where it is none of the usual."""
    if isinstance(error, TimeoutError):
        return LATE, ""
    if error.errno == errno.ECONNREFUSED:
        return REFUSED, ""
    return UNREACHABLE, errno.errorcode.get(error.errno or 0, "")
