# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order logs are read, merged, joined and written: what the core decides about lines, over files that hold
them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO

from ._cluster.client import Cluster
from ._core.catalogue.findings import Finding, Unknown, told
from ._core.insight.asking import ENVOY, Page
from ._core.logs import requests
from ._core.logs.access import Parser
from ._core.logs.choosing import Span, sources_of, streams_of
from ._core.logs.filtering import Wanted, parser_of, refused, wanted_of
from ._core.logs.joining import Reading, joined
from ._core.logs.lines import LONGEST, Entry, Known, Stream, merged, saved_entries
from ._core.logs.missing import cut_short, missed, uncertain
from ._core.logs.requests import Journey
from ._core.logs.showing import Tally, Writer, explained, explanation
from ._core.logs.switched import findings_of, switched
from ._core.mesh.parse import described_mesh
from ._core.plain.data import from_json, mapping
from ._files import Place, kept_open, own_lines, written
from ._reads.insight import Asker
from ._reads.logs import Spool, read_pods, read_telemetries, spool
from ._reads.peerings import read_control_plane
from ._run import Run

_TEXTS = {"type": "list", "elements": "str", "default": []}
LOGS = {
    "of": _TEXTS,
    "containers": _TEXTS,
    "file": {"type": "path"},
    "format": {"type": "str", "choices": ["text", "json"], "default": "text"},
    "colour": {"type": "bool", "default": False},
    "since": {"type": "str", "default": "10m"},
    "until": {"type": "str"},
    "tail": {"type": "int"},
    "previous": {"type": "bool", "default": False},
    "follow": {"type": "str"},
    "most_mib": {"type": "int", "default": 256},
    "codes": _TEXTS,
    "flags": _TEXTS,
    "path": {"type": "str"},
    "request": {"type": "str"},
    "slower_than": {"type": "float"},
    "show": _TEXTS,
    "hide": _TEXTS,
    "formats": _TEXTS,
    "others": _TEXTS,
    "explain": {"type": "str"},
}
MOST_OTHERS = 20
MOST_HOPS = 100
ROUND = 2.0
"""Seconds between two looks at logs that are followed."""
CLUSTERS = Page(ENVOY, "/clusters", {"format": "json"})


def explain(run: Run) -> dict:
    """Return one line explained."""
    fields = parser_of(run.params["formats"])(run.params["explain"].strip()[:LONGEST])
    found = {"file": "", "counts": {}, "streams": [], "unread": [], "findings": [], "hops": [], "notes": []}
    return {"changed": False, **found, "fields": explained(fields), "lines": explanation(fields)}


def gather(run: Run, cluster: Cluster, stack: ExitStack) -> dict:
    """Read the logs that are asked for, write the lines that are wanted, and return what they come to."""
    params = run.params
    mesh = described_mesh(params, allow_no_peers=True)
    sources, span = sources_of(params["of"], mesh), Span.read(params, cluster.now)
    wanted = wanted_of(params, span.until)
    parser_of(params["formats"])  # refuses here what cannot be read
    unread: list[dict] = []
    control_plane = read_control_plane(cluster, mesh.namespace, mesh.control_plane)
    span = Span.read(params, cluster.now)
    spaces = sorted({mesh.namespace, *(source.namespace for source in sources)})
    log = switched(control_plane.live, read_telemetries(cluster, spaces, unread), params["formats"])
    streams = streams_of(read_pods(cluster, sources, unread), sources, params["containers"], mesh.name)
    spools = spool(cluster, streams, span, stack, unread)
    parse = parser_of(log.formats, log.keys)
    readings = [*(partial(one.entries, parse) for one in spools), *_others(params["others"], parse)]
    found = joined(readings, wanted.request) if wanted.request else Journey((), ())
    out, later = _written(run, readings, wanted, found, stack)
    tally = out.tally
    cut = [one for one in spools if one.is_cut]
    if later is not None and span.follow:
        out.file = later
        cut += _follow(cluster, out, spools, span, parse, unread)
    findings = [
        *(findings_of(log) if any(stream.is_proxy for stream in streams) else ()),
        *cut_short({one.stream.name: one.size for one in cut}),
    ]
    notes = [
        *log.unread,
        *found.notes,
        *_lost(cluster, found, streams),
        *missed(sources, streams),
        *uncertain(tally, wanted),
    ]
    return _result(run, mesh.name, spools, unread, findings, notes, found, tally)


def _others(files: Sequence[str], parse: Parser) -> list[Reading]:
    """Return how the files that others saved are read, each by the name of its mesh. Raises ``FederationError``
    FED931, FED235."""
    if len(files) > MOST_OTHERS:
        raise refused("logs_with", f"names {len(files)} files", f"Name at most {MOST_OTHERS}")
    found: list[Reading] = []
    for text in files:
        mesh, equals, path = text.partition("=")
        mesh, path = (mesh, path) if equals else ("other", text)
        place = Place(*os.path.split(path), kind="Saved log")
        for _piece in own_lines(place, 1):  # refuses here what cannot be read
            break
        found.append(partial(_saved, place, parse, mesh))
    return found


def _saved(place: Place, parse: Parser, mesh: str) -> Iterator[Entry]:
    return saved_entries(own_lines(place, LONGEST), parse, mesh)


def _lost(cluster: Cluster, found: Journey, streams: Sequence[Stream]) -> list[str]:
    """Return why no gateway line has the connections of some clients; those of this mesh are asked what is open now."""
    asker, notes = Asker(cluster), []
    for client in found.lost[: requests.MOST_LOST]:
        counts = None
        if client.stream in streams:
            said = asker.ask(client.stream.namespace, client.stream.pod, CLUSTERS)
            counts = requests.connections_in(mapping(from_json(said.content)), client) if said.is_good else None
        notes.append(requests.told_of_lost(client, counts))
    return notes


@dataclass
class _Output:
    """Where lines go that are wanted, what all that were read come to, and how far each log is known."""

    wanted: Wanted
    writer: Writer
    file: BinaryIO | None
    carried: set[tuple[int, Stream, str]]
    tally: Tally = field(default_factory=Tally)
    known: Known = field(default_factory=Known)

    def take(self, entries: Iterable[Entry]) -> None:
        """Write those of some lines that are wanted."""
        for entry in entries:
            is_wanted = self.wanted.takes(entry) or (entry.written, entry.stream, entry.text) in self.carried
            self.tally.note(entry, is_wanted=is_wanted)
            self.known.note(entry)
            if is_wanted and self.file is not None:
                self.file.write(self.writer.line(entry).encode("utf-8", "replace"))


def _written(
    run: Run, readings: Sequence[Reading], wanted: Wanted, found: Journey, stack: ExitStack
) -> tuple[_Output, BinaryIO | None]:
    """Write what is wanted in the order of time, in check mode nothing; return what it comes to, and the file, open as
    long as ``stack``.
    """
    params, later = run.params, None
    carried = {(hop.entry.written, hop.entry.stream, hop.entry.text) for hop in found.hops}
    place = Place(*os.path.split(params["file"]), kind="File of logs")
    with nullcontext() if run.check_mode else written(place, 0o600) as file:
        out = _Output(wanted, Writer(params["format"], colour=params["colour"]), file, carried)
        out.take(merged(reading() for reading in readings))
        if file is not None:
            later = stack.enter_context(kept_open(file))
    return out, later


def _follow(
    cluster: Cluster, out: _Output, spools: Sequence[Spool], span: Span, parse: Parser, unread: list[dict]
) -> list[Spool]:
    """Write new lines as they come, those of one look in the order of time, until the time is over or a log has come to
    the most of it that is read; return what was cut.
    """
    began, ends, cut = cluster.now, time.monotonic() + span.follow, []
    left = [one.stream for one in spools]
    out.known.partly = left if span.tail else ()
    while left and (seconds := ends - time.monotonic()) > 0:
        time.sleep(min(ROUND, seconds))
        with ExitStack() as stack:
            found: list[Spool] = []
            for stream in left:
                found += spool(cluster, [stream], span.after(out.known.since(stream), began), stack, unread)
            out.take(merged(out.known.new(one.stream, one.entries(parse)) for one in found))
        full = [one for one in found if out.known.length.get(one.stream, 0) >= span.most]
        cut += [replace(one, size=span.most) for one in found if one.is_cut or one in full]
        # What cannot be read any more is told once.
        left = [one.stream for one in found if one not in full]
        if out.file is not None:
            out.file.flush()
    return cut


def _result(
    run: Run,
    mesh: str,
    spools: Sequence[Spool],
    unread: list[dict],
    findings: Sequence[Finding],
    notes: list[str],
    found: Journey,
    tally: Tally,
) -> dict:
    path = "" if run.check_mode else run.params["file"]
    head = f"{mesh} · {tally.written:,} of {tally.read:,} lines from {len(spools)} containers"
    gaps = [Unknown(row["what"], row["because"]) for row in unread]
    seen = told(head + (f" → {path}" if path else ""), findings, gaps)
    counted = [f"{tally.codes[code]:>8,}  status {code}" for code in sorted(tally.codes)]
    counted += [f"{number:>8,}  {flag}" for flag, number in tally.flags.most_common()]
    hops = found.hops[:MOST_HOPS]
    return {
        "changed": False,
        "file": path,
        "counts": tally.as_data(),
        "streams": [{"name": one.stream.name, "bytes": one.size, "cut": one.is_cut} for one in spools],
        "unread": unread,
        "findings": seen["findings"],
        "fields": [],
        "hops": [hop.as_data() for hop in hops],
        "notes": notes,
        "lines": [*seen["lines"], *counted, *(hop.line() for hop in hops), *notes],
    }
