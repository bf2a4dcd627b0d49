# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings of ``extensions/awx/load.yml`` that would be ignored or misread are found before AWX is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19

    def trust_as_template(text):
        return text


AWX = Path(__file__).resolve().parents[2] / "extensions" / "awx"


def trusted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: trusted(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [trusted(entry) for entry in value]
    return trust_as_template(value) if isinstance(value, str) else value


def wrong_in(**given: Any) -> list[str]:
    """Return the sentences that the checks have for settings beside those that are shipped."""
    variables: dict[str, Any] = {"awx_data": str(AWX)}
    for name in ("data/settings.yml", "checks.yml"):
        variables |= yaml.safe_load((AWX / name).read_text(encoding="utf-8"))
    loader = DataLoader()
    templar = Templar(loader=loader, variables={**trusted(variables), **given})
    return list(templar.template(trust_as_template("{{ awx_wrong }}")))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"awx_meshes": "east,west"}, "awx_meshes must be a list"),
        ({"awx_meshes": [], "awx_kubeconfigs": {}}, "awx_meshes is empty"),
        ({"awx_meshes": ["east", "west", "west"]}, "awx_meshes has west twice"),
        ({"awx_meshs": ["east"]}, "awx_meshs is not a setting of load.yml"),
        ({"awx_removed_meshes": ["west"]}, "awx_meshes has west, which awx_removed_meshes has as well"),
        ({"awx_kubeconfigs": {"eest": "x"}}, "awx_kubeconfigs has eest, which is not in awx_meshes"),
        ({"awx_kubeconfigs": "~/east"}, "awx_kubeconfigs must be a mapping"),
        ({"awx_reading_kubeconfigs": {"wset": "x"}}, "awx_reading_kubeconfigs has wset, which is not in awx_meshes"),
        ({"awx_instance_groups": {"wset": ["x"]}}, "awx_instance_groups has wset, which is not in awx_meshes"),
        ({"awx_teams": {"approvers": ["x"]}}, "awx_teams has approvers; known are approve, run, read"),
        ({"awx_teams": {"approve": "Security"}}, "awx_teams, approve must be a list"),
        ({"awx_teams": ["Security"]}, "awx_teams must be a mapping"),
        ({"awx_when": {"stauts": ""}}, "awx_when has stauts; known are status, preflight, drift"),
        ({"awx_when": {"status": "every hour"}}, "awx_when, status must be a rule such as FREQ=DAILY"),
        ({"awx_notifications": {"name": "x"}}, "awx_notifications must be a list"),
        ({"awx_fleet_plan": "/plans/fleet.json"}, "awx_fleet_plan is set without awx_cards_dir"),
    ],
    ids=str,
)
def test_a_setting_that_would_be_ignored_or_misread_is_told(given, told):
    found = wrong_in(**given)
    assert len(found) == 1 and found[0].startswith(told)


def test_settings_as_they_are_shipped_and_as_the_documentation_has_them_are_right():
    assert wrong_in() == []
    page = (AWX.parents[1] / "docs" / "awx.md").read_text(encoding="utf-8")
    mine = page.partition("A `mine.yml` for two clusters")[2].partition("```yaml\n")[2].partition("```")[0]
    assert wrong_in(**yaml.safe_load(mine), vault_git="x", vault_registry="x") == []
    assert wrong_in(awx_url="https://awx.example.com", awx_ignore_variables=["awx_url"]) == []
    gone = {"awx_meshes": ["east"], "awx_removed_meshes": ["west"], "awx_when": {"status": ""}}
    assert wrong_in(**gone, awx_fleet_plan="/plans/x", awx_cards_dir="/cards") == []
