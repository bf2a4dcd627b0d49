# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names that nobody in the run knows are refused: whom to leave, and whose changes to accept."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest
from attacks.api import ApiInMemory
from attacks.attack import call
from attacks.conftest import CONTROL_PLANE
from attacks.test_identity import card
from inputs.table import NAMES
from integration.administrators import Administrator

ACCEPTING = [wrong for wrong in NAMES if "federation_accept_changes" in wrong.given]
LEAVING = [wrong for wrong in NAMES if "unfederate_peers" in wrong.given]


@pytest.mark.parametrize("wrong", ACCEPTING, ids=lambda wrong: str(wrong.given))
def test_a_change_is_accepted_of_nobody_whom_the_run_does_not_know(api: ApiInMemory, collections: str, wrong) -> None:
    accept = wrong.given["federation_accept_changes"]
    said = {
        **api.access,
        "mesh": "east",
        "peers": ["west"],
        "cards": [card("west")],
        "accept_changes": accept,
        "known_in_run": ["east", "south", "west"],
    }
    outcome = call(collections, "federation", said)
    assert outcome.code == wrong.verdict and wrong.says in outcome.result["msg"] and not api.writes, outcome.printed
    others = ["nort", "wset", "wesst", "WEST", "west.local"]
    assert call(collections, "federation", {**said, "known_in_run": others}, check=True).code is None


@pytest.mark.parametrize("code", sorted({wrong.verdict for wrong in LEAVING}))
def test_nobody_is_left_whom_the_run_does_not_know(
    api: ApiInMemory, collections: str, tmp_path: Path, code: str
) -> None:
    wrongs = [wrong for wrong in LEAVING if wrong.verdict == code]
    hosts = {f"h{at}": {**api.variables, "mesh_peers": ["west"], **wrong.given} for at, wrong in enumerate(wrongs)}
    for name in hosts:
        live = copy.deepcopy(CONTROL_PLANE)
        live["metadata"]["namespace"] = f"{name}-mesh-system"
        api.store.put(live)
    run = Administrator(tmp_path, collections, hosts).play(
        "unfederate", variables={"federation_report": "report.json"}, must_pass=False
    )
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    for at, wrong in enumerate(wrongs):
        error = report[f"h{at}"]["error"]
        assert error["code"] == wrong.verdict and wrong.says in re.sub(r"\s+", " ", error["message"]), run.output
    assert not api.writes
