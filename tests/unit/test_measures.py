# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The house keeps its measure: how long modules and functions are, how many ways lead through one, and what stands
outside the core.
"""

from __future__ import annotations

import importlib.util
import pathlib
import statistics
import sys

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
LONGEST_MODULE, MEDIAN_MODULE, MOST_OUTSIDE = 120, 60, 8
# Those that stay outside the core: seven read what HTTP, TLS or a file system says, one makes a cache's key.


@pytest.fixture(scope="module")
def measures():
    tool = importlib.util.spec_from_file_location("measures", TREE / "tools" / "measures.py")
    module = importlib.util.module_from_spec(tool)
    sys.modules[tool.name] = module  # a dataclass looks its module up
    tool.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def house(measures):
    return measures.House(TREE)


def test_a_module_reads_decides_applies_and_reports_in_few_lines(measures, house):
    sizes = {path.stem: measures.outside_documents(house, path)[1] for path in house.below("plugins/modules")}
    assert {name: size for name, size in sizes.items() if size > LONGEST_MODULE} == {}
    assert statistics.median(sizes.values()) <= MEDIAN_MODULE


def test_a_function_is_short_and_few_ways_lead_through_it(measures, house):
    functions = {f"{house.place(one.path)}:{one.name}": one for one in house.functions(house.below("plugins"))}
    assert [name for name, one in functions.items() if one.lines > measures.LONG] == []
    ways = {name: one.complexity for name, one in functions.items()}
    assert {name: count for name, count in ways.items() if count > measures.COMPLEX} == {}


def test_what_could_stand_in_the_core_does(measures, house):
    free = [f"{house.place(one.path)}:{one.name}" for one in measures.Border(house).free()]
    assert len(free) <= MOST_OUTSIDE, free


def test_glue_is_told_from_decisions_by_all_that_it_calls(measures, tmp_path):
    room = tmp_path / "plugins" / "module_utils"
    room.mkdir(parents=True)
    (room / "_shared.py").write_text(
        "import time\n\nLIMIT = 3\n\ndef later(seconds): return time.time() + seconds\n", encoding="utf-8"
    )
    (room / "_glue.py").write_text(
        "from ._shared import LIMIT, later\n"
        "def glue(): return later(1)\n"
        "def above(): return glue()\n"
        "def decided(found): return len(found) > LIMIT\n"
        "def reads(path): return open(path)\n",
        encoding="utf-8",
    )
    assert [one.name for one in measures.Border(measures.House(tmp_path)).free()] == ["decided"]
