# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a peer's addresses are called from the machine that runs Ansible: a name looked up, a connection, a TLS
handshake.

Nothing but the handshake is sent, and no certificate of ours. All is bounded, since the other end may be anybody.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ._core.card.certificates import told_by
from ._core.diagnosis.probing import (
    BROKEN,
    CLOSED,
    ENDLESS,
    LATE,
    MOST_ADDRESSES,
    MOST_BYTES,
    NO_TIME,
    NO_TLS,
    NOT_CALLED,
    SHAKEN,
    SILENT,
    UNRESOLVED,
    Probed,
    Way,
    fit,
    is_tls,
    shown_in_clear,
    why_unreached,
)
from ._core.plain.addresses import ip_of
from ._resolving import resolved

EACH, ALL = 5.0, 30.0
"""Seconds for one address with both its ports, and for all of a run."""
SHORTEST = 0.5
"""With less time left nothing is begun."""
GRACE = 1.0
"""Seconds after a handshake of TLS 1.3 in which a server says that it wants a certificate."""
MOST_IPS = 2
"""Of a name's addresses that may be called, how many are tried until one connects."""


@dataclass
class Prober:
    """Calls ways of peers; ``left`` are the seconds that all calls may still take."""

    loopback: bool = False
    each: float = EACH
    left: float = ALL

    def probed(self, ways: Sequence[Way]) -> list[Probed]:
        """Return what came of each way, in their order; all are called at the same time."""
        if self.left < SHORTEST:
            return [Probed(way, NOT_CALLED if way.why_not else NO_TIME) for way in ways]
        began = time.monotonic()
        try:
            return self._all(ways, began + min(self.left, self.each))
        finally:
            self.left -= time.monotonic() - began

    def _all(self, ways: Sequence[Way], until: float) -> list[Probed]:
        names = [way.address for way in ways if not way.why_not and ip_of(way.address) is None]
        found = resolved(dict.fromkeys(names), (until - time.monotonic()) / 2)
        with ThreadPoolExecutor(2 * MOST_ADDRESSES) as pool:
            return list(pool.map(lambda way: self._of(way, found.get(way.address), until), ways))

    def _of(self, way: Way, found: Sequence[str] | None, until: float) -> Probed:
        if way.why_not:
            return Probed(way, NOT_CALLED)
        # The answer of DNS is looked at and called as it is: a second look-up might lead elsewhere.
        may, why = fit([way.address] if ip_of(way.address) else found or [], loopback=self.loopback)
        if not may and why:
            return Probed(replace(way, why_not=why), NOT_CALLED)
        if not may:
            return Probed(way, UNRESOLVED, detail="no answer of DNS in time" if found is None else "")
        outcome, ip, detail = LATE, "", ""
        for number, ip in enumerate(may[:MOST_IPS]):
            left = (until - time.monotonic()) / (min(len(may), MOST_IPS) - number)
            try:
                with socket.create_connection((ip, way.port), max(0.05, left)) as way_there:
                    return _shaken(way, ip, way_there, until)
            except OSError as error:
                outcome, detail = why_unreached(error)
        return Probed(way, outcome, ip, detail=detail)


class _Ended(Exception):
    """The handshake goes no further; the text is an outcome."""


class _Wire:
    """A connection of which no more than ``MOST_BYTES`` are read, and nothing after ``until``."""

    def __init__(self, way_there: socket.socket, until: float) -> None:
        self.socket, self.until, self.taken = way_there, until, b""

    def send(self, data: bytes) -> None:
        if data:
            self.socket.settimeout(max(0.05, self.until - time.monotonic()))
            self.socket.sendall(data)

    def take(self, until: float) -> bytes:
        """Return what comes next; raises ``_Ended`` where nothing does, or too much has."""
        left = min(until, self.until) - time.monotonic()
        if left <= 0:
            raise _Ended(SILENT)
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(16 << 10)
        except TimeoutError:
            raise _Ended(SILENT) from None
        if not data:
            raise _Ended(CLOSED)
        self.taken += data
        if not is_tls(self.taken):
            raise _Ended(NO_TLS)
        if len(self.taken) > MOST_BYTES:
            raise _Ended(ENDLESS)
        return data


def _shaken(way: Way, ip: str, way_there: socket.socket, until: float) -> Probed:
    """Return what a TLS handshake on a connection comes to."""
    wire = _Wire(way_there, until)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Whatever certificate is shown is looked at, and nothing is sent by this connection.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(inward, outward, server_hostname=way.server_name or None)
    outcome, detail = _handshake(tls, inward, outward, wire, until)
    der, asks = shown_in_clear(wire.taken)
    if outcome != SHAKEN:
        # Before TLS 1.3 a server that wants our certificate ends the handshake here; all there is to see has been
        # shown.
        is_seen = bool(der) and asks and outcome in (BROKEN, CLOSED)
        told = told_by(der) if der else {}
        return (
            Probed(way, SHAKEN, ip, "TLS before 1.3", told, True)
            if is_seen
            else Probed(way, outcome, ip, "", told, None, detail)
        )
    # Both before anything is read: a refusal that comes then takes them away.
    protocol, shown = tls.version() or "", tls.getpeercert(binary_form=True)
    wants = _wants_ours(tls, inward, wire) if protocol == "TLSv1.3" else asks
    return Probed(way, SHAKEN, ip, protocol, told_by(shown) if shown else {}, wants)


def _handshake(
    tls: ssl.SSLObject, inward: ssl.MemoryBIO, outward: ssl.MemoryBIO, wire: _Wire, until: float
) -> tuple[str, str]:
    """Shake hands; return ``SHAKEN``, or how it ended instead and what TLS says of that."""
    try:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                wire.send(outward.read())
                inward.write(wire.take(until))
        wire.send(outward.read())
    except _Ended as ended:
        return str(ended), ""
    except ssl.SSLError as error:
        return BROKEN, str(error.reason or "")
    except OSError:
        return CLOSED, ""
    return SHAKEN, ""


def _wants_ours(tls: ssl.SSLObject, inward: ssl.MemoryBIO, wire: _Wire) -> bool | None:
    """Return True where a server of TLS 1.3 says that it wants a client certificate; None where it says nothing.

    It says so after the handshake. Python does not tell whether it asked.
    """
    until = time.monotonic() + GRACE
    while True:
        try:
            if not tls.read(1):
                return None
        except ssl.SSLWantReadError:
            try:
                inward.write(wire.take(until))
            except (_Ended, OSError):
                return None
        except ssl.SSLError as error:
            return True if "CERTIFICATE_REQUIRED" in str(error.reason) else None
