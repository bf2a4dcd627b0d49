# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What diagnose says of faults that are injected into running meshes: a sample in each run, all of them with `make soak`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from integration.injecting import FAULTS, RECORD, VARIANTS, Meshes

QUICK = [name for name, fault in FAULTS.items() if fault.get("quick")]
LEAST_RIGHT = 0.95
"""Of all faults; of those that are not right none may blame the wrong side with certainty."""


def written(record: dict[str, dict]) -> str:
    """Return a record as JSON with a line for each fault."""
    parts = []
    for key, found in record.items():
        rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(verdict)}" for name, verdict in found.items())
        parts.append(f' "{key}": {{\n{rows}\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


@pytest.fixture(scope="module")
def meshes(tmp_path_factory: pytest.TempPathFactory, collections: str) -> Iterator[Meshes]:
    """East and west, federated."""
    with Meshes(tmp_path_factory.mktemp("if"), collections) as running:
        yield running


@pytest.mark.parametrize("name", QUICK)
def test_a_fault_of_a_running_mesh_gets_its_verdict(meshes: Meshes, name: str) -> None:
    verdict, found = meshes.result_of(FAULTS[name])
    assert list(verdict) == FAULTS[name]["expect"], found


def test_meshes_that_work_raise_no_alarm(meshes: Meshes) -> None:
    verdict, found = meshes.result_of({})
    assert verdict == ("", "", ""), found


@pytest.mark.long
def test_all_faults_and_healthy_variants_get_their_verdicts(meshes: Meshes) -> None:
    found = {name: meshes.diagnosed(fault) for name, fault in FAULTS.items()}
    quiet = {name: meshes.diagnosed(variant) for name, variant in VARIANTS.items()}
    RECORD.write_text(written({"faults": found, "variants": quiet}), encoding="utf-8")
    alarms = {name: verdict for name, verdict in quiet.items() if any(verdict)}
    wrong = {name: verdict for name, verdict in found.items() if list(verdict) != FAULTS[name]["expect"]}
    blamed = {name for name, verdict in wrong.items() if {verdict[2], FAULTS[name]["expect"][2]} == {"us", "them"}}
    assert not alarms and not blamed, (alarms, blamed)
    assert len(wrong) <= (1 - LEAST_RIGHT) * len(FAULTS), wrong
