# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What diagnose says of faults that are injected into running meshes: a sample in each run, all of them with `make
soak`.
"""

from __future__ import annotations

import importlib
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


def test_real_gateways_show_a_probe_from_here_their_certificate_and_ask_for_ours(
    meshes: Meshes, collections: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(collections)
    core = "ansible_collections.ossm.federation.plugins.module_utils"
    way_to = importlib.import_module(f"{core}._core.diagnosis.probing").Way
    prober = importlib.import_module(f"{core}._probing").Prober(loopback=True)
    offered, *_others = json.loads((meshes.cards / "west-for-east.json").read_text(encoding="utf-8"))["exports"]
    name = f"outbound_.{offered['ports'][0]['number']}_._.{offered['name']}"
    address, unknown = meshes.way.address, "outbound_.80_._.nobody.example.com"
    asked = [
        way_to(address, 8188, "8188"),
        way_to(address, 15443, "15443", name),
        way_to(address, 15443, "15443", unknown),
    ]
    *known, closed = [one.as_data() for one in prober.probed(asked)]
    identity = ["spiffe://west.local/ns/west-mesh-system/sa/east-ingress-service-account"]
    told = [(row["outcome"], row["asks_for_certificate"], row["certificate"].get("names")) for row in known]
    assert told == [("TLS", True, identity)] * 2, known
    assert closed["outcome"] == "closed", closed


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
