# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wrong descriptions end in a role's first task: one short message with the variable's name, and no server is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attacks.api import ApiInMemory
from attacks.attack import attack
from integration.administrators import Administrator

SECRET = "hunter2-of-the-inventory"
MOST_LINES = 10


def failure_of(output: str) -> str:
    """Return what was printed from the refusal to the end of its task."""
    return output[output.index("FED325") :].partition("\n\nTASK")[0].partition("\n\nPLAY RECAP")[0]


@pytest.mark.parametrize(
    ("playbook", "variables", "name"),
    [
        attack(
            "tired administrator",
            "gives a mapping for a list",
            "status",
            {"mesh_exports": {"name": "cart"}},
            "mesh_exports",
        ),
        attack(
            "tired administrator",
            "gives a text for a number",
            "upgrade",
            {"upgrade_to": "v2.4", "mesh_api_timeout": "a while"},
            "mesh_api_timeout",
        ),
        attack("tired administrator", "names no version to upgrade to", "upgrade", {}, "upgrade_to"),
        attack(
            "tired administrator",
            "gives a text for true or false",
            "federate",
            {"federation_force": "surely"},
            "federation_force",
        ),
        attack("tired administrator", "gives a number for peers", "preflight", {"mesh_gateways": 5}, "mesh_gateways"),
        attack(
            "hostile inventory",
            "hides a secret in a broken template",
            "status",
            {"mesh_imports": "{{ '" + SECRET + "' | nofilter }}"},
            "mesh_imports",
        ),
    ],
)
def test_a_wrong_description_is_refused_in_a_few_lines_with_its_variable(
    api: ApiInMemory, collections: str, tmp_path: Path, playbook: str, variables: dict[str, Any], name: str
) -> None:
    report = tmp_path / "report.json"
    host = {**api.variables, "mesh_peers": ["west"], "federation_report": str(report), **variables}
    refused = Administrator(tmp_path, collections, {"east": host}).play(playbook, must_pass=False)
    assert refused.returncode and f"FED325 {name}: " in refused.output, refused.output
    assert len(failure_of(refused.output).splitlines()) <= MOST_LINES, refused.output
    assert "argument_spec" not in refused.output and SECRET not in refused.output
    # What is a later role's own is refused by that; until then it is only shown who is who.
    assert not api.writes and (name == "upgrade_to" or not api.asked)
    if playbook != "upgrade":
        assert json.loads(report.read_text(encoding="utf-8"))["east"]["error"]["code"] == "FED325"
