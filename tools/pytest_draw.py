# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pytest plugin that runs every test function with some of its cases: ``-p pytest_draw --cases=N [--cases-in=PLACE ...]``.

Of a function that is given more than N cases, N are kept: the first, the last and those evenly between them, so the same ones each
time. A function with N cases or fewer keeps all. With ``--cases-in`` this holds for the tests of those folders and files alone. What was left
out is counted as deselected, but for rows of a test that runs its table itself (``tests/unit/rows.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=int, metavar="N", help="run each test function with at most N of its cases")
    parser.addoption("--cases-in", action="append", default=[], metavar="PLACE", help="only those of this folder or file, as test ids begin; may come again")


def _is_drawn(config: pytest.Config, nodeid: str) -> bool:
    places = tuple(f"{place.rstrip('/')}{end}" for place in config.getoption("cases_in") for end in ("/", "::"))
    return not places or nodeid.startswith(places)


def of_a_table(file: pytest.Module, rows: list[T]) -> list[T]:
    """Return what is to be run of the rows of a test that runs all of its rows itself."""
    most = file.config.getoption("cases")
    return drawn(rows, most) if most and _is_drawn(file.config, f"{file.nodeid}::") else rows


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    most = config.getoption("cases")
    if not most:
        return
    functions: dict[str, list[pytest.Item]] = {}
    for item in items:
        functions.setdefault(item.nodeid.partition("[")[0] if _is_drawn(config, item.nodeid) else item.nodeid, []).append(item)
    kept = {item for cases in functions.values() for item in drawn(cases, most)}
    left_out = [item for item in items if item not in kept]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item in kept]


def pytest_report_header(config: pytest.Config) -> list[str]:
    most, places = config.getoption("cases"), config.getoption("cases_in")
    where = f" of {' and '.join(places)}" if places else ""
    return [f"draw: every test function{where}, with at most {most} of its cases"] if most else []
