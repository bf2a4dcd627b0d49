# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is drawn of the tests: cases, of which the same ones come each time, and shares, which together are
all tests.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]
TOOLS = TREE / "tools"
sys.path.append(str(TOOLS))
import stages
from pytest_draw import LIGHT, of_a_turn

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
    (folder / "tests").mkdir()
    (folder / "tests" / "weights.json").write_text("{}", encoding="utf-8")
    for name in ("some", "others"):
        (folder / name).mkdir()
        (folder / name / "test_it.py").write_text(TESTS, encoding="utf-8")
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "pytest_draw",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "-v",
        *options,
        "some",
        "others",
    ]
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    env = {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(TOOLS)}
    run = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    return [line.partition(" ")[0] for line in run.stdout.splitlines() if " PASSED" in line], run.stdout


def test_each_function_keeps_its_first_its_last_and_a_middle_case(tmp_path: pathlib.Path) -> None:
    ran, printed = drawn(tmp_path, "--cases=3")
    of_a_file = [
        *(f"test_of_many_cases[{case}]" for case in (0, 5, 10)),
        "test_of_two_cases[a]",
        "test_of_two_cases[b]",
        "test_of_its_own",
    ]
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


def test_all_turns_together_run_each_file_once_and_heavy_ones_do_not_come_together() -> None:
    files = [f"some/test_{name}.py" for name in "abcdefghij"]
    weights = {"some/test_c.py": 90, "some/test_d.py": 80, "some/test_j.py": 70, "elsewhere/test_it.py": 500}
    shares = [of_a_turn(files, weights, 3, turn) for turn in (7, 8, 9)]
    assert sorted(name for share in shares for name in share) == files
    assert all(len(share & set(weights)) == 1 for share in shares)
    assert of_a_turn(files, weights, 3, 10) == shares[0]


def test_the_shares_of_a_run_are_about_alike_and_every_weight_is_of_a_file() -> None:
    weights = json.loads((TREE / "tests" / "weights.json").read_text(encoding="utf-8"))
    assert not [name for name in weights if not (TREE / name).is_file()]
    for place, turns in stages.TURNS.items():
        files = [str(path.relative_to(TREE)) for path in (TREE / place).glob("test_*.py")]
        loads = [
            sum(weights.get(name, LIGHT) for name in of_a_turn(files, weights, turns, turn)) for turn in range(turns)
        ]
        assert max(loads) < 1.5 * sum(loads) / turns, f"{place}: {loads}"


def test_a_run_says_its_turn_and_leaves_other_folders_whole(tmp_path: pathlib.Path) -> None:
    ran, printed = drawn(tmp_path, "--cases=2", "--turn=7", "--turns-in=some=3")
    assert "draw: one of 3 shares of the files of some, turn 7" in printed
    assert {name.partition("/")[0] for name in ran} == {"others"} and len(ran) == 5, (
        "the only file of some is in the first share"
    )
