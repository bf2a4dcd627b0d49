# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pytest plugin that makes each stage of ``make test`` a test, which waits for the stage, and prints a table of them
at the end.
"""

from __future__ import annotations

import json
import os
import pathlib
import time

import pytest

MOST_SECONDS = 5400
"""How long a stage is waited for; `make test` as a whole has no more."""

POLL_SECONDS = 0.5


def _result_of(stage: str) -> dict | None:
    """Return how a stage ended, as ``stages.Result`` has it; None while it runs."""
    try:
        return json.loads(
            pathlib.Path(os.environ["OSSM_FEDERATION_STAGES"], f"{stage}.json").read_text(encoding="utf-8")
        )
    except FileNotFoundError:
        return None


def _stages() -> list[str]:
    return os.environ["OSSM_FEDERATION_STAGE_NAMES"].split()


class Stage(pytest.Item):
    """One stage, which runs beside the tests."""

    def __init__(self, *, stage: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.stage = stage

    def runtest(self) -> None:
        deadline = time.monotonic() + MOST_SECONDS
        while (result := _result_of(self.stage)) is None:
            if time.monotonic() > deadline:
                pytest.fail(f"Stage {self.stage} did not end within {MOST_SECONDS} s.", pytrace=False)
            time.sleep(POLL_SECONDS)
        if result["not_run"]:
            pytest.skip(result["not_run"])
        if not result["passed"]:
            last = "\n".join(result["output"].splitlines()[-30:])
            pytest.fail(f"Stage {self.stage} failed. Its whole output stands above; it ended:\n{last}", pytrace=False)

    def reportinfo(self) -> tuple[pathlib.Path, int | None, str]:
        return self.path, None, f"stage {self.stage}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    items += [Stage.from_parent(session, name=f"stage-{stage}", stage=stage) for stage in _stages()]


def pytest_terminal_summary(terminalreporter) -> None:
    terminalreporter.section("stages")
    for stage in _stages():
        result = _result_of(stage)
        if result is None:  # an interrupted run
            terminalreporter.write_line(f"{stage:<20} not ended")
            continue
        word = "passed" if result["passed"] else "FAILED"
        how = (
            f"NOT RUN: {result['not_run']}"
            if result["not_run"]
            else f"{word}  {result['seconds']:6.0f} s {result['processor']:6.0f} s of processor"
        )
        terminalreporter.write_line(f"{stage:<20} {how}")
    terminalreporter.write_line(f"{'newest':<20} {os.environ.get('OSSM_FEDERATION_COVERED', '')}")
    counts = {word: len(terminalreporter.stats.get(word, [])) for word in ("passed", "failed", "error", "skipped")}
    failed = counts["failed"] + counts["error"]
    terminalreporter.write_line(
        f"{'pytest, with these':<20} {'FAILED' if failed else 'passed'} "
        f" {', '.join(f'{n} {word}' for word, n in counts.items())}"
    )
