# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of one request, found in logs that are read as often as it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from . import requests
from .access import value_of
from .lines import Entry
from .requests import Journey, is_connection, journey

Reading = Callable[[], Iterator[Entry]]


def joined(readings: Sequence[Reading], request: str) -> Journey:
    """Return the way of one request: its own lines first, then the connections that were open at that time."""
    lines, notes = [], []
    for reading in readings:
        for entry in reading():
            if entry.fields and value_of(entry.fields, "request_id") == request:
                lines.append(entry)
        if len(lines) > requests.MOST_LINES:
            notes.append(f"More than {requests.MOST_LINES:,} lines have this id; the first are joined")
            del lines[requests.MOST_LINES :]
            break
    times = [entry.started for entry in lines if entry.started is not None]
    connections: list[Entry] = []
    for reading in readings if times else ():
        for entry in reading():
            if not is_connection(entry) or not _is_near(entry, min(times), max(times)):
                continue
            if len(connections) == requests.MOST_CONNECTIONS:
                notes.append(
                    f"More than {requests.MOST_CONNECTIONS:,} connections were open at that time; the first are"
                    " looked at"
                )
                break
            connections.append(entry)
    found = journey(lines, connections)
    return Journey(found.hops, (*notes, *found.notes), found.lost)


def _is_near(entry: Entry, first: int, last: int) -> bool:
    began, ended = entry.started, entry.ended
    return (
        began is not None and ended is not None and began - requests.SLACK <= last and ended + requests.SLACK >= first
    )
