# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The examples for monitoring name what the collection writes, and ask for no more than they need."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.report.metrics import HELP, PREFIX

TREE = Path(__file__).resolve().parents[2]
FOLDER = TREE / "examples" / "monitoring"
NAMES = {f"{PREFIX}{name}" for name in HELP}


def rules() -> list[dict]:
    manifest = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in manifest["spec"]["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    return [*(rule["expr"] for rule in rules()), *(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])]


def test_every_metric_that_is_asked_for_is_written_and_every_one_written_is_shown() -> None:
    named = {name for text in expressions() for name in re.findall(rf"{PREFIX}\w+", text)}
    assert named == NAMES


def test_the_page_explains_every_metric() -> None:
    page = (TREE / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert set(re.findall(rf"`({PREFIX}\w+)\{{", page)) == NAMES


def test_an_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "description"} and rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]


def test_who_looks_may_read_and_nothing_else_and_no_secret() -> None:
    listed = yaml.safe_load((FOLDER / "cronjob.yml").read_text(encoding="utf-8"))["items"]
    allowed = [rule for live in listed if live["kind"] == "Role" for rule in live["rules"]]
    assert {verb for rule in allowed for verb in rule["verbs"]} == {"get", "list"}
    assert not {"secrets", "*"} & {resource for rule in allowed for resource in rule["resources"]}
    (job,) = (live for live in listed if live["kind"] == "CronJob")
    assert job["spec"]["concurrencyPolicy"] == "Forbid" and job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not in PATH; Debian has it in the package prometheus")
def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))["spec"]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(groups), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
