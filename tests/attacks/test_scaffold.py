# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the attacks stand on works: an honest call against the server in memory succeeds, so a refusal elsewhere means
something.
"""

from __future__ import annotations

import json
from pathlib import Path

from attacks.api import TOKEN, ApiInMemory
from attacks.attack import call
from integration.administrators import Administrator


def test_a_module_run_as_a_process_reads_the_control_plane_with_the_token_it_was_given(
    api: ApiInMemory, collections: str
) -> None:
    outcome = call(collections, "federation_info", {**api.access, "mesh": "east", "peers": ["west"]})
    assert outcome.code is None, outcome.printed
    assert outcome.result["control_plane"]["trust_domain"] == "east.local"
    assert {asked.headers["authorization"] for asked in api.asked} == {f"Bearer {TOKEN}"}


def test_a_playbook_speaks_to_the_server_in_memory(api: ApiInMemory, collections: str, tmp_path: Path) -> None:
    east = Administrator(tmp_path, collections, {"east": {**api.variables, "mesh_peers": ["west"]}})
    report = {"federation_report": "report.json"}
    red = east.play("status", variables=report, must_pass=False)
    assert red.returncode and "FED630 Mesh east: west has no peering" in red.output and red.failed("east") == 1
    assert red.output.index("trust domain east.local") < red.output.index("FED630"), "the table is there to be read"
    entry = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["east"]
    assert (entry["verdict"], entry["error"]["code"]) == ("down", "FED630")
    assert [row["outbound"] for row in entry["peers"]] == ["absent"] and entry["server"]

    # The pending peer is shown on purpose.
    seen = east.play("status", variables={**report, "status_fail_on": []})
    assert "trust domain east.local" in seen.output and "‼ east: west has no peering" in seen.output
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["east"]["verdict"] == "down"
