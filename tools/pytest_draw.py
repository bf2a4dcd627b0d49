# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pytest plugin that runs some of the tests: ``-p pytest_draw [--cases=N [--cases-in=PLACE ...]] [--turn=T
--turns-in=PLACE=K ...]``.

``--cases``: of a function that is given more than N cases, N are kept: the first, the last and those evenly between
them, so the same ones each time. A function with N cases or fewer keeps all. With ``--cases-in`` this holds for the
tests of those folders and files alone.

``--turns-in``: of the files in a place, a K-th runs, and others with the next T, so that K turns in a row run all of
them. How much of the processor each takes, as far as it is much, stands in ``tests/weights.json``, so that shares take
about the same.

What was left out is counted as deselected, but for rows of a test that runs its table itself (``tests/unit/rows.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")
LIGHT = 6  # seconds of processor of a file that has no weight


def drawn(cases: Sequence[T], most: int) -> list[T]:
    """Return at most ``most`` (one or more) of ``cases``, in their order: the first, the last, and evenly between."""
    if len(cases) <= most:
        return list(cases)
    if most == 1:
        return [cases[0]]
    return [cases[round(place * (len(cases) - 1) / (most - 1))] for place in range(most)]


def of_a_turn(files: Sequence[str], weights: Mapping[str, int], turns: int, turn: int) -> set[str]:
    """Return the files whose turn it is: each in turn, heaviest first, belongs to the share that is lightest so far."""
    shares: list[set[str]] = [set() for _turn in range(turns)]
    loads = [0] * turns
    for name in sorted(files, key=lambda name: (-weights.get(name, LIGHT), name)):
        lightest = loads.index(min(loads))
        loads[lightest] += weights.get(name, LIGHT)
        shares[lightest].add(name)
    return shares[turn % turns]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=int, metavar="N", help="run each test function with at most N of its cases")
    parser.addoption(
        "--cases-in",
        action="append",
        default=[],
        metavar="PLACE",
        help="only those of this folder or file, as test ids begin; may come again",
    )
    parser.addoption(
        "--turn", type=int, default=0, metavar="T", help="which share: any number, and the next one runs others"
    )
    parser.addoption(
        "--turns-in",
        action="append",
        default=[],
        metavar="PLACE=K",
        help="run a K-th of the files of this folder; may come again",
    )


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
    weights = (
        json.loads((config.rootpath / "tests" / "weights.json").read_text(encoding="utf-8")) if _turns(config) else {}
    )
    for place, turns in _turns(config):
        files = dict.fromkeys(_file_of(item) for item in items if _is_in(item.nodeid, [place]))
        chosen = of_a_turn(list(files), weights, turns, config.getoption("turn"))
        items = [item for item in items if _file_of(item) in chosen or not _is_in(item.nodeid, [place])]
    return items


def _turns(config: pytest.Config) -> list[tuple[str, int]]:
    """Return the places of which shares run, each with how many shares it has."""
    split = (text.rpartition("=") for text in config.getoption("turns_in"))
    return [(place, int(turns)) for place, _equals, turns in split]


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _is_in(nodeid: str, places: Sequence[str]) -> bool:
    return nodeid.startswith(tuple(f"{place.rstrip('/')}{end}" for place in places for end in ("/", "::")))


def pytest_report_header(config: pytest.Config) -> list[str]:
    most, places = config.getoption("cases"), config.getoption("cases_in")
    where = f" of {' and '.join(places)}" if places else ""
    lines = [f"draw: every test function{where}, with at most {most} of its cases"] if most else []
    return lines + [
        f"draw: one of {turns} shares of the files of {place}, turn {config.getoption('turn')}"
        for place, turns in _turns(config)
    ]
