# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A table is one test, and every row of it that fails is told; who asks for one row is given it."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]
TESTS = """
import pytest

@pytest.mark.parametrize("case", [1, pytest.param(2, id="two"), 3, 4, 5])
def test_of_a_table(case):
    assert case % 2

@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 3)], ids=["first", "second"])
@pytest.mark.parametrize("more", "ab", ids=str.upper)
def test_of_two_tables(one, other, more):
    if one == 2:
        pytest.fail("is two")

@pytest.mark.parametrize("case", [1, pytest.param(2, marks=pytest.mark.skip)])
def test_of_rows_with_marks(case):
    pass

@pytest.mark.parametrize("case", [1, 2])
def test_of_a_fixture(case, tmp_path):
    pass

@pytest.mark.parametrize("case", [1, 2])
def test_of_a_skip(case):
    if case == 2:
        pytest.skip("it is two")
"""


def printed(folder: pathlib.Path, *words: str) -> str:
    (folder / "conftest.py").write_text("from unit.rows import pytest_pycollect_makeitem\n", encoding="utf-8")
    (folder / "test_it.py").write_text(TESTS, encoding="utf-8")
    whole = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "pytest_draw",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "-v",
        "-rs",
        *words,
    ]
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    paths = os.pathsep.join([str(TREE / "tools"), str(TREE / "tests")])
    env = {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": paths}
    return subprocess.run(whole, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False).stdout


def test_a_table_is_one_test_that_tells_every_row_that_fails(tmp_path: pathlib.Path) -> None:
    told = printed(tmp_path, "test_it.py")
    assert (
        "2 of 5 rows fail" in told
        and "[two] AssertionError: assert (2 % 2)" in told
        and "[4] AssertionError: assert (4 % 2)" in told
    ), told
    assert "2 of 4 rows fail" in told and "[A-second] Failed: is two" in told and "[B-second] Failed: is two" in told, (
        told
    )
    assert "1 of 2 rows, of which the first: [2] it is two" in told, told
    assert "2 failed, 3 passed, 2 skipped" in told, told


def test_a_row_that_is_asked_for_is_a_test_of_its_own_and_a_draw_holds_for_rows(tmp_path: pathlib.Path) -> None:
    assert "1 failed in" in printed(tmp_path, "test_it.py::test_of_a_table[two]")
    assert "2 failed, 2 passed, 11 deselected" in printed(tmp_path, "-k", "of_two_tables")
    told = printed(tmp_path, "--cases=3", "test_it.py::test_of_a_table", "test_it.py::test_of_two_tables")
    assert "1 passed" in told and "1 of 3 rows fail" in told, told
