# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of containers with the times at which they were written, merged by time with a line of each stream in memory.

Nothing is lost: a line without a time has that of the line before it, one that is too long comes in pieces, and bytes
that are no text are spelled. Source: Kubernetes, ``kubectl logs --timestamps`` (RFC 3339 with nanoseconds, in the
node's own offset).
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from itertools import chain

from ..plain.data import from_json
from ..plain.moments import time_of
from .access import Fields, Parser, number_of, value_of

LONGEST = 1 << 16
"""Bytes of a piece of a line. The largest line that a container runtime keeps whole is 16 KiB."""
SECOND = 1_000_000_000

PROXY = "istio-proxy"
ACCESS, PROXY_LINE, APPLICATION = "access", "proxy", "application"

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)(?: |$)", re.ASCII)


@dataclass(frozen=True)
class Stream:
    """One container of one pod of one mesh, and what it is there for; ``peer`` is the peer whose gateway it is."""

    mesh: str
    namespace: str
    pod: str
    container: str
    is_gateway: bool = False
    peer: str = ""
    is_ingress: bool = False

    @property
    def name(self) -> str:
        """Return it as people read it."""
        return f"{self.mesh}/{self.namespace}/{self.pod}/{self.container}"

    @property
    def is_proxy(self) -> bool:
        return self.container == PROXY


@dataclass
class Entry:
    """One line: when it was written, in nanoseconds since 1970, by whom, and its fields where it is of an access
    log."""

    written: int
    stream: Stream
    text: str
    fields: Fields | None = None
    continued: bool = field(default=False)

    @property
    def kind(self) -> str:
        """Return ``access``, ``proxy`` or ``application``."""
        return ACCESS if self.fields else PROXY_LINE if self.stream.is_proxy else APPLICATION

    @property
    def started(self) -> int | None:
        """Return when the request or connection began; None for what is no access line, or has no such time."""
        return nanoseconds(value_of(self.fields, "start_time")) if self.fields else None

    @property
    def ended(self) -> int | None:
        """Return when it ended, by the proxy's own measure."""
        began, lasted = self.started, number_of(self.fields, "duration") if self.fields else None
        return None if began is None or lasted is None else began + int(lasted * 1_000_000)


@dataclass
class Known:
    """How far each log is known: the second of its last line, since 1970, and how many lines of that second are known.

    A log is read again from a whole second on, so lines that are known come again, in the same order. ``partly`` are
    logs of which only the last lines were read: what comes again before those is no news. ``length`` is that of all
    lines of a log that are known.
    """

    last: dict[Stream, tuple[int, int]] = field(default_factory=dict)
    newest: dict[Stream, int] = field(default_factory=dict)
    length: dict[Stream, int] = field(default_factory=dict)
    partly: Collection[Stream] = ()

    def note(self, entry: Entry) -> None:
        """Know a line."""
        self.length[entry.stream] = self.length.get(entry.stream, 0) + len(entry.text) + 1
        self.newest[entry.stream] = max(entry.written, self.newest.get(entry.stream, entry.written))
        second, count = self.last.get(entry.stream, (-1, 0))
        now = entry.written // SECOND
        if now >= second:
            self.last[entry.stream] = now, count + 1 if now == second else 1

    def since(self, stream: Stream) -> str:
        """Return from when on a log is to be read again, "" where no line of it is known."""
        return f"{time_text(self.last[stream][0] * SECOND)[:19]}Z" if stream in self.last else ""

    def new(self, stream: Stream, found: Iterable[Entry]) -> Iterator[Entry]:
        """Give those of the lines of a log, read again from ``since`` on, that are not known."""
        second, known = self.last.get(stream, (-1, 0))
        if stream in self.partly and stream in self.last:
            found, known = self._later(stream, iter(found)), 0
        for entry in found:
            if entry.written // SECOND < second:
                continue
            # Where the log was rotated meanwhile, the known lines of that second do not come again.
            if known > 0 and entry.written // SECOND == second:
                known -= 1
                continue
            yield entry

    def _later(self, stream: Stream, found: Iterator[Entry]) -> Iterator[Entry]:
        """Return what comes after the newest line that is known, and know how many lines of its second come before."""
        second, before = self.last[stream][0], 0
        rest: Iterator[Entry] = iter(())
        for entry in found:
            if entry.written > self.newest[stream]:
                rest = chain([entry], found)
                break
            before += entry.written // SECOND == second
        self.partly = set(self.partly) - {stream}
        self.last[stream] = second, before
        return rest


def nanoseconds(text: str) -> int | None:
    """Return the moment that an RFC 3339 text begins with, in nanoseconds since 1970; None for another text."""
    found = _TIME.match(text)
    return _moment(found) if found else None


def _moment(found: re.Match[str]) -> int | None:
    second = _second(found[1], found[3])
    return None if second is None else second * SECOND + int((found[2] or "0").ljust(9, "0"))


@lru_cache(maxsize=4096)
def _second(text: str, offset: str) -> int | None:
    plain = "+00:00" if offset == "Z" else offset if ":" in offset else f"{offset[:3]}:{offset[3:]}"
    moment = time_of(text + plain)
    return None if moment is None else int(moment.timestamp())


def time_text(written: int) -> str:
    """Return a moment as text: UTC, with milliseconds."""
    moment = datetime.fromtimestamp(written // SECOND, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{written % SECOND // 1_000_000:03d}Z"


def entries(stream: Stream, pieces: Iterable[bytes], parse: Parser) -> Iterator[Entry]:
    """Give the lines of one container, from pieces of at most ``LONGEST`` bytes of which each but a cut one ends its
    line.

    Access lines are looked for where a proxy writes.
    """
    written, is_whole = 0, True
    for piece in pieces:
        text = piece.decode("utf-8", "backslashreplace")
        continued, is_whole = not is_whole, text.endswith("\n")
        text = text.rstrip("\r\n")
        found = None if continued else _TIME.match(text)
        moment = _moment(found) if found else None
        if found and moment is not None:
            written, text = moment, text[found.end() :]
        fields = parse(text) if stream.is_proxy and not continued else None
        yield Entry(written, stream, text, fields, continued)


def saved_entries(pieces: Iterable[bytes], parse: Parser, mesh: str) -> Iterator[Entry]:
    """Give the lines of a file that somebody else saved: JSON lines as this collection writes them, or lines with
    times.

    What has no time stays beside the line before it.
    """
    streams: dict[tuple[str, ...], Stream] = {}
    other = Stream(mesh, "", "saved", PROXY, is_gateway=True)
    written = 0
    for piece in pieces:
        text = piece.decode("utf-8", "backslashreplace").rstrip("\r\n")
        row = _row(text)
        if row is None:
            found = _TIME.match(text)
            moment = _moment(found) if found else None
            if found and moment is not None:
                written, text = moment, text[found.end() :]
            yield Entry(written, other, text, parse(text))
            continue
        namespace, pod, container, peer = key = tuple(
            str(row.get(name) or "")[:253] for name in ("namespace", "pod", "container", "peer")
        )
        stream = streams.get(key)
        if stream is None:
            role = str(row.get("gateway") or "")
            stream = Stream(mesh, namespace, pod, container, bool(role), peer, role == "ingress")
            if len(streams) < MOST_STREAMS:
                streams[key] = stream
        moment = nanoseconds(str(row.get("time") or ""))
        written = written if moment is None else moment
        line = str(row.get("text") or "")
        yield Entry(written, stream, line, parse(line) if stream.is_proxy else None)


MOST_STREAMS = 200
"""Containers that are read in one run."""


def _row(text: str) -> dict | None:
    if not text.startswith('{"time"'):
        return None
    read = from_json(text)
    return read if isinstance(read, dict) and "text" in read else None


def merged(streams: Iterable[Iterator[Entry]]) -> Iterator[Entry]:
    """Give the lines of all streams in the order of their times; lines of one stream stay in their order.

    A line that is older than the one before it in its stream comes beside that.
    """
    return heapq.merge(*map(_rising, streams), key=lambda entry: entry.written)


def _rising(stream: Iterator[Entry]) -> Iterator[Entry]:
    latest = 0
    for entry in stream:
        latest = entry.written = max(entry.written, latest)
        yield entry
