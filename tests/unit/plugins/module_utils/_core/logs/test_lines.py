# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines keep their order and none is lost, whatever is in them; the whole is never in memory."""

from __future__ import annotations

import itertools
import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.access import parser
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.lines import (
    ACCESS,
    Known,
    entries,
    merged,
    nanoseconds,
    saved_entries,
    time_text,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.showing import Writer
from unit import access_lines
from unit.log_entries import APPLICATION, CLIENT, way


def test_lines_of_several_containers_come_in_the_order_of_their_times() -> None:
    one = [b"2026-11-23T10:00:01.5Z a\n", b"2026-11-23T10:00:03Z c\n"]
    # A node may write its own offset.
    other = [b"2026-11-23T12:00:02.000000001+02:00 b\n", b"2026-11-23T10:00:03.1Z d\n"]
    found = list(merged([entries(APPLICATION, one, parser()), entries(CLIENT, other, parser())]))
    assert [entry.text for entry in found] == ["a", "b", "c", "d"]
    assert [time_text(entry.written) for entry in found][1] == "2026-11-23T10:00:02.000Z"


def test_of_a_log_that_is_read_again_each_line_is_given_once() -> None:
    log = [b"2026-11-23T10:00:01.5Z a\n", b"2026-11-23T10:00:02.1Z b\n", b"2026-11-23T10:00:02.1Z b\n"]
    more = [b"2026-11-23T10:00:02.1Z b\n", b"2026-11-23T10:00:02.05Z late\n", b"2026-11-23T10:00:03Z c\n"]
    known, told = Known(), []
    assert known.since(APPLICATION) == ""
    for pieces in (log, log, [*log, *more], [*log, *more][1:], [*log, *more][-1:]):
        for entry in known.new(APPLICATION, entries(APPLICATION, pieces, parser())):
            known.note(entry)
            told.append(entry.text)
    assert told == ["a", "b", "b", "b", "late", "c"] and known.since(APPLICATION) == "2026-11-23T10:00:03Z"


def test_of_a_log_whose_last_lines_alone_were_read_nothing_before_them_is_new_and_no_line_is_given_twice() -> None:
    log = [b"2026-11-23T10:00:02.%dZ %d\n" % (number, number) for number in range(1, 7)]
    more = [b"2026-11-23T10:00:02.7Z 7\n", b"2026-11-23T10:00:03Z 8\n"]
    known, told = Known(), []
    for entry in entries(APPLICATION, log[-2:], parser()):
        known.note(entry)
    known.partly = {APPLICATION}
    for pieces in (log, [*log, more[0]], [*log, *more], more[1:]):
        for entry in known.new(APPLICATION, entries(APPLICATION, pieces, parser())):
            known.note(entry)
            told.append(entry.text)
    assert told == ["7", "8"]


def test_nothing_is_lost_of_lines_that_are_broken_cut_or_binary() -> None:
    pieces = [
        b"no time at all\n",
        b"2026-11-23T10:00:01Z first\n",
        b"a continuation without a time\n",
        b"2026-11-23T10:00:00Z older than the one before\n",
        b"2026-11-23T10:00:02Z \xff\xfe\x00\x1b[2Jbinary\n",
        b"2026-11-23T10:00:03Z half of a line, which ends",
        b" in another piece\n",
        b"2026-99-99T10:00:03Z no such day\n",
    ]
    found = list(merged([entries(CLIENT, pieces, parser())]))
    assert [entry.text for entry in found] == [
        "no time at all",
        "first",
        "a continuation without a time",
        "older than the one before",
        "\\xff\\xfe\x00\x1b[2Jbinary",
        "half of a line, which ends",
        " in another piece",
        "2026-99-99T10:00:03Z no such day",
    ]
    written = Writer("text").line(found[4])
    assert "\x1b" not in written and "\x00" not in written and "binary" in written
    assert [entry.continued for entry in found].count(True) == 1


def test_a_stream_without_an_end_is_read_line_by_line() -> None:
    endless = entries(
        CLIENT, (f"2026-11-23T10:00:00.{number % 10**9:09d}Z x\n".encode() for number in itertools.count()), parser()
    )
    assert [entry.text for entry in itertools.islice(merged([endless]), 3)] == ["x", "x", "x"]


def test_an_access_line_shows_when_its_request_began_and_ended() -> None:
    (found,) = entries(CLIENT, [b"2026-11-23T10:11:13Z " + access_lines.http().encode()], parser())
    assert (found.kind, found.started, found.ended) == (
        ACCESS,
        nanoseconds("2026-11-23T10:11:12.100Z"),
        nanoseconds("2026-11-23T10:11:12.112Z"),
    )
    (other,) = entries(APPLICATION, [b"2026-11-23T10:11:13Z " + access_lines.http().encode()], parser())
    assert other.kind == "application", "an application may write what it likes"


def test_what_one_administrator_saved_the_other_reads_in_as_it_was() -> None:
    lines = way()
    saved = [Writer("json").line(entry).encode() for entry in lines.values()]
    read = list(saved_entries([*saved, b"a line of somebody\n", b'{"time": 3, "text": []}\n'], parser(), "west"))
    assert [(entry.written, entry.text, entry.fields) for entry in read[:4]] == [
        (entry.written, entry.text, entry.fields) for entry in lines.values()
    ]
    assert [(entry.stream.pod, entry.stream.is_gateway, entry.stream.is_ingress) for entry in read[:4]] == [
        ("web-1", False, False),
        ("west-egress-1", True, False),
        ("east-ingress-1", True, True),
        ("cart-1", False, False),
    ]
    assert {entry.stream.mesh for entry in read} == {"west"}, "who a file is from is what we say"


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_saved_line_of_a_time_that_no_clock_shows_stays_beside_the_line_before_it(time: str) -> None:
    row = {"time": time, "namespace": "shop", "pod": "web-1", "container": "web", "text": "x"}
    before, found = saved_entries([b"2026-11-23T10:11:13Z a\n", json.dumps(row).encode()], parser(), "west")
    assert found.written == before.written
    assert [Writer(form).line(entry) for form in ("text", "json") for entry in (before, found)]


@pytest.mark.parametrize("format_", ["text", "json"])
def test_written_lines_are_one_line_each(format_: str) -> None:
    (found,) = entries(APPLICATION, ["2026-11-23T10:11:13Z a\r\u2028b\x85c\n".encode()], parser())
    written = Writer(format_, colour=True).line(found)
    assert len(written.splitlines()) == 1
    if format_ == "json":
        assert json.loads(written)["text"] == "a\r\u2028b\x85c"
