# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pytest plugin that runs some of the tests: ``-p pytest_draw [--cases=N [--cases-in=PLACE ...]] [--turn=T --turns-in=PLACE=K ...]``.

``--cases``: of a function that is given more than N cases, N are kept: the first, the last and those evenly between them, so the same ones
each time. A function with N cases or fewer keeps all. With ``--cases-in`` this holds for the tests of those folders and files alone.

``--turns-in``: of the tests in a place, a K-th runs, and another with the next T, so that K turns in a row run all of them. Each file has its
share in every turn; files with fewer tests than K have it together, and those of a file that are marked ``in_order`` are one.

What was left out is counted as deselected, but for rows of a test that runs its table itself (``tests/unit/rows.py``).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")


def drawn(cases: Sequence[T], most: int) -> list[T]:
    """Return at most ``most`` (one or more) of ``cases``, in their order: the first, the last, and evenly between."""
    if len(cases) <= most:
        return list(cases)
    if most == 1:
        return [cases[0]]
    return [cases[round(place * (len(cases) - 1) / (most - 1))] for place in range(most)]


def of_a_turn(files: Mapping[str, Sequence[T]], turns: int, turn: int) -> Iterator[T]:
    """Yield what is to run, given by file, whose turn it is."""
    small = [item for items in files.values() if len(items) < turns for item in items]
    for name, items in {"": small, **{name: items for name, items in files.items() if len(items) >= turns}}.items():
        # Files begin at different places, or the first tests of all would come together.
        begin = (turn + zlib.crc32(name.encode())) % turns
        yield from items[begin::turns]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=int, metavar="N", help="run each test function with at most N of its cases")
    parser.addoption("--cases-in", action="append", default=[], metavar="PLACE", help="only those of this folder or file, as test ids begin; may come again")
    parser.addoption("--turn", type=int, default=0, metavar="T", help="which share: any number, and the next one runs others")
    parser.addoption("--turns-in", action="append", default=[], metavar="PLACE=K", help="run a K-th of the tests of this folder or file; may come again")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept = _with_turns(config, _with_cases(config, items))
    if len(kept) < len(items):
        left_out = set(items) - set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = kept


def of_a_table(file: pytest.Module, rows: list[T]) -> list[T]:
    """Return what is to be run of the rows of a test that runs all of its rows itself."""
    most, places = file.config.getoption("cases"), file.config.getoption("cases_in")
    return drawn(rows, most) if most and (not places or _is_in(f"{file.nodeid}::", places)) else rows


def _with_cases(config: pytest.Config, items: list[pytest.Item]) -> list[pytest.Item]:
    most = config.getoption("cases")
    if not most:
        return items
    places = config.getoption("cases_in")
    functions: dict[str, list[pytest.Item]] = {}
    for item in items:
        is_drawn = not places or _is_in(item.nodeid, places)
        functions.setdefault(item.nodeid.partition("[")[0] if is_drawn else item.nodeid, []).append(item)
    kept = {item for cases in functions.values() for item in drawn(cases, most)}
    return [item for item in items if item in kept]


def _with_turns(config: pytest.Config, items: list[pytest.Item]) -> list[pytest.Item]:
    for place, turns in _turns(config):
        files: dict[str, dict[str, list[pytest.Item]]] = {}
        for item in items:
            if _is_in(item.nodeid, [place]):
                # Tests that need the one before them come together.
                together = "in_order" if item.get_closest_marker("in_order") else item.nodeid
                files.setdefault(item.nodeid.partition("::")[0], {}).setdefault(together, []).append(item)
        parts = of_a_turn({name: list(found.values()) for name, found in files.items()}, turns, config.getoption("turn"))
        kept = {item for part in parts for item in part}
        items = [item for item in items if item in kept or not _is_in(item.nodeid, [place])]
    return items


def _turns(config: pytest.Config) -> list[tuple[str, int]]:
    """Return the places of which shares run, each with how many shares it has."""
    split = (text.rpartition("=") for text in config.getoption("turns_in"))
    return [(place, int(turns)) for place, _equals, turns in split]


def _is_in(nodeid: str, places: Sequence[str]) -> bool:
    return nodeid.startswith(tuple(f"{place.rstrip('/')}{end}" for place in places for end in ("/", "::")))


def pytest_report_header(config: pytest.Config) -> list[str]:
    most, places = config.getoption("cases"), config.getoption("cases_in")
    where = f" of {' and '.join(places)}" if places else ""
    lines = [f"draw: every test function{where}, with at most {most} of its cases"] if most else []
    return lines + [f"draw: one of {turns} shares of the tests of {place}, turn {config.getoption('turn')}" for place, turns in _turns(config)]
