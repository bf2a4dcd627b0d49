# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is drawn of the tests: cases, of which the same ones come each time, and shares, which together are all tests."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
sys.path.append(str(TOOLS))
from pytest_draw import of_a_turn  # noqa: E402 - a program of tools/, which is no package

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
    env = {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(TOOLS)}
    run = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
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


def test_each_turn_runs_a_share_of_every_file_and_all_turns_together_run_each_test_once() -> None:
    files = {f"some/test_{file}.py": [f"{file}-{number}" for number in range(7)] for file in "abcd"}
    shares = [list(of_a_turn(files, 3, turn)) for turn in (7, 8, 9)]
    for share in shares:
        assert {test[0] for test in share} == set("abcd")
        assert all(2 <= sum(test.startswith(file) for test in share) <= 3 for file in "abcd")
    assert sorted(test for share in shares for test in share) == sorted(test for tests in files.values() for test in tests)


def test_files_with_fewer_tests_than_turns_take_turns_together() -> None:
    files = {f"some/test_{number}.py": [f"only-{number}"] for number in range(5)}
    shares = [list(of_a_turn(files, 4, turn)) for turn in range(4)]
    assert sorted(map(len, shares)) == [1, 1, 1, 2]
    assert sorted(test for share in shares for test in share) == [f"only-{number}" for number in range(5)]


def test_a_run_says_its_turn_and_leaves_other_folders_whole(tmp_path: pathlib.Path) -> None:
    ran, printed = drawn(tmp_path, "--cases=2", "--turn=7", "--turns-in=some=3")
    assert "draw: one of 3 shares of the tests of some, turn 7" in printed
    assert len([name for name in ran if name.startswith("others/")]) == 5
    assert 1 <= len([name for name in ran if name.startswith("some/")]) <= 2
