# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a developer portal is told leads to files that are there, in the repository that galaxy.yml names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

TREE = Path(__file__).resolve().parents[2]
COMPONENT = yaml.safe_load((TREE / "catalog-info.yaml").read_text(encoding="utf-8"))
GALAXY = yaml.safe_load((TREE / "galaxy.yml").read_text(encoding="utf-8"))


def test_every_link_leads_to_a_file_of_the_repository() -> None:
    base = f"{GALAXY['repository']}/tree/main/"
    for link in COMPONENT["metadata"]["links"]:
        assert link["url"].startswith(base) and (TREE / link["url"].removeprefix(base)).is_file(), link
        assert link["title"] and link["icon"]


def test_it_has_what_a_portal_asks_for() -> None:
    assert (COMPONENT["apiVersion"], COMPONENT["kind"]) == ("backstage.io/v1alpha1", "Component")
    assert {"type", "lifecycle", "owner"} <= set(COMPONENT["spec"])
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", COMPONENT["metadata"]["name"])
    assert COMPONENT["metadata"]["description"] == GALAXY["description"]


def test_the_dashboard_has_the_tag_that_it_is_found_by() -> None:
    dashboard = json.loads((TREE / "examples" / "monitoring" / "dashboard.json").read_text(encoding="utf-8"))
    assert COMPONENT["metadata"]["annotations"]["grafana/dashboard-selector"] in dashboard["tags"]
