# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The draw of cases that the oldest Ansible is given: no test function is left out, and the same cases come each time."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
TESTS = """
import pytest

@pytest.mark.parametrize("case", range(11))
def test_of_many_cases(case):
    pass

@pytest.mark.parametrize("case", "ab")
def test_of_two_cases(case):
    pass

def test_of_its_own():
    pass
"""


def drawn(folder: pathlib.Path, *options: str) -> tuple[list[str], str]:
    """Return the tests that run with these options, and all that pytest prints."""
    for name in ("some", "others"):
        (folder / name).mkdir()
        (folder / name / "test_it.py").write_text(TESTS, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-p", "pytest_draw", "-p", "no:cacheprovider", "--import-mode=importlib", "-v", *options, "some", "others"]
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    run = subprocess.run(words, cwd=folder, env={**kept, "PYTHONPATH": str(TOOLS)}, capture_output=True, text=True, timeout=120, check=False)
    return [line.partition(" ")[0] for line in run.stdout.splitlines() if " PASSED" in line], run.stdout


def test_each_function_keeps_its_first_its_last_and_a_middle_case(tmp_path: pathlib.Path) -> None:
    ran, printed = drawn(tmp_path, "--cases=3")
    of_a_file = [*(f"test_of_many_cases[{case}]" for case in (0, 5, 10)), "test_of_two_cases[a]", "test_of_two_cases[b]", "test_of_its_own"]
    assert ran == [f"{folder}/test_it.py::{name}" for folder in ("some", "others") for name in of_a_file], printed
    assert "draw: every test function, with at most 3 of its cases" in printed
    assert "12 passed, 16 deselected" in printed


def test_folders_that_are_not_named_keep_all_cases(tmp_path: pathlib.Path) -> None:
    ran, printed = drawn(tmp_path, "--cases=1", "--cases-in=some")
    assert [name for name in ran if name.startswith("some/")] == [
        f"some/test_it.py::{name}" for name in ("test_of_many_cases[0]", "test_of_two_cases[a]", "test_of_its_own")
    ], printed
    assert len(ran) == 3 + 11 + 2 + 1
    assert "draw: every test function of some, with at most 1 of its cases" in printed
