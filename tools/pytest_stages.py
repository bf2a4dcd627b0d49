# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pytest plugin that makes each stage of ``make test`` a test of the last session and prints a table of them at its end."""

from __future__ import annotations

import json
import os
import pathlib

import pytest


def _results() -> list[dict]:
    return json.loads(pathlib.Path(os.environ["OSSM_FEDERATION_STAGES"]).read_text(encoding="utf-8"))


class Stage(pytest.Item):
    """One stage that has already run."""

    def __init__(self, *, result: dict, **kwargs) -> None:
        super().__init__(**kwargs)
        self.result = result

    def runtest(self) -> None:
        if self.result.get("not_run"):
            pytest.skip(self.result["not_run"])
        if not self.result["passed"]:
            last = "\n".join(self.result["output"].splitlines()[-30:])
            pytest.fail(f"Stage {self.result['stage']} failed. Its whole output stands above; it ended:\n{last}", pytrace=False)

    def reportinfo(self) -> tuple[pathlib.Path, int | None, str]:
        return self.path, None, f"stage {self.result['stage']}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    items[:0] = [Stage.from_parent(session, name=f"stage-{result['stage']}", result=result) for result in _results()]


def pytest_terminal_summary(terminalreporter) -> None:
    terminalreporter.section("stages")
    for result in _results():
        word = "passed" if result["passed"] else "FAILED"
        how = f"NOT RUN: {result['not_run']}" if result.get("not_run") else f"{word}  {result['seconds']:6.0f} s {result['processor']:6.0f} s of processor"
        terminalreporter.write_line(f"{result['stage']:<20} {how}")
    terminalreporter.write_line(f"{'newest':<20} {os.environ.get('OSSM_FEDERATION_COVERED', '')}")
    counts = {word: len(terminalreporter.stats.get(word, [])) for word in ("passed", "failed", "error", "skipped")}
    failed = counts["failed"] + counts["error"]
    terminalreporter.write_line(f"{'pytest, with these':<20} {'FAILED' if failed else 'passed'}  {', '.join(f'{n} {word}' for word, n in counts.items())}")
