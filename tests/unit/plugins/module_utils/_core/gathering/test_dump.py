# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rights that ship for a dump are those that it takes, and no verb on Secrets is among them."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.gathering.dump import (
    CONFIGURATION,
    HOME,
    MEMBERS,
    MESH,
)

FILE = Path(__file__).resolve().parents[6] / "playbooks" / "files" / "mesh-gather.yml"


def test_each_kind_that_is_read_may_be_listed_and_nothing_else_is_given():
    roles = [one for one in yaml.safe_load(FILE.read_text(encoding="utf-8"))["items"] if one["kind"] == "Role"]
    for role, kinds in zip(roles, ((*MESH, *HOME, *CONFIGURATION), MEMBERS)):
        listed = {
            (group, plural)
            for rule in role["rules"]
            if "list" in rule["verbs"]
            for group in rule["apiGroups"]
            for plural in rule["resources"]
        }
        assert listed == {(kind.api_version.rpartition("/")[0], kind.plural) for kind in kinds}
        assert {verb for rule in role["rules"] for verb in rule["verbs"]} <= {"get", "list"}
        assert "secrets" not in {plural for _group, plural in listed}
