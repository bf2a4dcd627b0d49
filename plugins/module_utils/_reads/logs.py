# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logs of containers, each into a file without a name, so that however long they are, a line of each is in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from .._cluster.client import Cluster
from .._core.catalogue.findings import Unknown
from .._core.logs.access import Parser
from .._core.logs.choosing import Source, Span, outline
from .._core.logs.lines import LONGEST, Entry, Stream, entries
from .._core.plain.errors import NOT_SERVED, FederationError
from .._core.plain.kinds import TELEMETRY
from .._files import spooled
from . import insight
from .insight import UNREADABLE


@dataclass(frozen=True)
class Spool:
    """The log of one container as it was when it was read: how many bytes came, and whether more were there."""

    stream: Stream
    file: BinaryIO
    size: int
    is_cut: bool

    def entries(self, parse: Parser) -> Iterator[Entry]:
        """Give its lines, from the beginning."""
        self.file.seek(0)
        return entries(self.stream, iter(lambda: self.file.readline(LONGEST), b""), parse)


def read_pods(cluster: Cluster, sources: Sequence[Source], unread: list[dict]) -> list[dict]:
    """Return the pods of the namespaces that ``sources`` name; ``unread`` gets what may not be read."""
    gaps: list[Unknown] = []
    found = insight.read_pods(cluster, sorted({source.namespace for source in sources}), gaps, keep=outline)
    unread += [{"what": gap.what, "because": gap.because} for gap in gaps]
    return [pod for pods in found.values() for pod in pods]


def read_telemetries(cluster: Cluster, namespaces: Sequence[str], unread: list[dict]) -> list[dict]:
    """Return the Telemetry objects of some namespaces; none before 2.2, which does not have them."""
    found: list[dict] = []
    for namespace in namespaces:
        try:
            found += cluster.list(TELEMETRY, namespace)
        except FederationError as error:
            if error.code not in UNREADABLE:
                raise
            if error.code == NOT_SERVED:
                return []
            unread.append({"what": f"Telemetry objects in {namespace}", "because": error.what})
    return found


def spool(cluster: Cluster, streams: Sequence[Stream], span: Span, stack: ExitStack, unread: list[dict]) -> list[Spool]:
    """Return the logs of ``streams``, whose files live as long as ``stack``; ``unread`` gets those that do not come,
    and why."""
    found: list[Spool] = []
    for stream in streams:
        file = stack.enter_context(spooled())
        try:
            size = cluster.copy_log(stream.namespace, stream.pod, span.query(stream.container), file.write, span.most)
        except FederationError as error:
            if error.code not in UNREADABLE:
                raise
            unread.append({"what": f"log of {stream.name}", "because": error.what})
            file.close()
            continue
        found.append(Spool(stream, file, size, size >= span.most))
    return found
