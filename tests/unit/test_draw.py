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


def test_each_function_keeps_its_first_its_last_and_a_middle_case(tmp_path: pathlib.Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-p", "pytest_draw", "-p", "no:cacheprovider", "--cases=3", "-v", "test_it.py"]
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    run = subprocess.run(words, cwd=tmp_path, env={**kept, "PYTHONPATH": str(TOOLS)}, capture_output=True, text=True, timeout=120, check=False)
    ran = [line.partition("::")[2].partition(" ")[0] for line in run.stdout.splitlines() if " PASSED" in line]
    assert ran == [*(f"test_of_many_cases[{case}]" for case in (0, 5, 10)), "test_of_two_cases[a]", "test_of_two_cases[b]", "test_of_its_own"], run
    assert "draw: every test function, with at most 3 of its cases" in run.stdout
    assert "6 passed, 8 deselected" in run.stdout
