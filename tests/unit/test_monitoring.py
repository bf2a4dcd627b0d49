# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The examples for monitoring name what the collection writes, and ask for no more than they need."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.report.metrics import HELP, PREFIX, metrics

TREE = Path(__file__).resolve().parents[2]
FOLDER = TREE / "examples" / "monitoring"
NAMES = {f"{PREFIX}{name}" for name in HELP}


def rules() -> list[dict]:
    manifest = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in manifest["spec"]["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    return [
        *(rule["expr"] for rule in rules()),
        *(target["expr"] for panel in dashboard["panels"] for target in panel["targets"]),
    ]


def test_every_metric_that_is_asked_for_is_written_and_every_one_written_is_shown() -> None:
    named = {name for text in expressions() for name in re.findall(rf"{PREFIX}\w+", text)}
    assert named == NAMES


def test_the_page_explains_every_metric() -> None:
    page = (TREE / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert set(re.findall(rf"`({PREFIX}\w+)\{{", page)) == NAMES


def test_an_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "description"} and rule["labels"]["severity"] in (
            "critical",
            "warning",
        ), rule["alert"]


def test_who_looks_may_read_and_nothing_else_and_no_secret() -> None:
    listed = yaml.safe_load((FOLDER / "cronjob.yml").read_text(encoding="utf-8"))["items"]
    allowed = [rule for live in listed if live["kind"] == "Role" for rule in live["rules"]]
    assert {verb for rule in allowed for verb in rule["verbs"]} == {"get", "list"}
    assert not {"secrets", "*"} & {resource for rule in allowed for resource in rule["resources"]}
    (job,) = (live for live in listed if live["kind"] == "CronJob")
    assert job["spec"]["concurrencyPolicy"] == "Forbid" and job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]


LOST = 'ossm_federation_peer_connected{mesh="east",peer="west",direction="inbound"}'
UNREACHED = 'ossm_federation_import_reached{mesh="east",peer="west",host="cart.shop",port="8080"}'


def test_promtool_takes_the_rules_and_sees_them_fire_in_time(promtool: Path, tmp_path: Path) -> None:
    of = {rule["alert"]: rule for rule in rules()}
    series = [{"series": f"{name}", "values": "1x10 0x60"} for name in (LOST, UNREACHED)]
    labels = {"MeshPeerDisconnected": {"mesh": "east", "peer": "west", "direction": "inbound"}}
    labels["MeshImportNotReached"] = {"mesh": "east", "peer": "west", "host": "cart.shop", "port": "8080"}
    expected = []
    for alert, minutes in (("MeshPeerDisconnected", 15), ("MeshImportNotReached", 30)):
        texts = {}
        for key, text in of[alert]["annotations"].items():
            for name, value in labels[alert].items():
                text = text.replace(f"{{{{ $labels.{name} }}}}", value)
            texts[key] = text
        fires = {"exp_labels": {**labels[alert], **of[alert]["labels"]}, "exp_annotations": texts}
        expected += [
            {"eval_time": f"{10 + minutes - 1}m", "alertname": alert, "exp_alerts": []},
            {"eval_time": f"{12 + minutes}m", "alertname": alert, "exp_alerts": [fires]},
        ]
    tried(promtool, tmp_path, series, expected)


def test_promtool_sees_that_nobody_looks_any_more_though_what_was_pushed_last_is_kept(
    promtool: Path, tmp_path: Path
) -> None:
    """A Pushgateway, and a file of the node exporter, have for good what they got."""
    (rule,) = (rule for rule in rules() if rule["alert"] == "MeshFederationNotLookedAt")
    pushed, written = (
        {"job": "ossm-federation", "instance": "east"},
        {
            "instance": "node",
            "file": "/var/lib/node_exporter/federation.prom",
        },
    )
    series = [
        {"series": 'ossm_federation_verdict{mesh="east",verdict="ok"}', "values": "1x400"},
        {"series": 'push_time_seconds{job="ossm-federation",instance="east"}', "values": "0+60x100 6000x300"},
        {"series": 'push_time_seconds{job="another",instance="east"}', "values": "0x400"},
        {
            "series": f'node_textfile_mtime_seconds{{instance="node",file="{written["file"]}"}}',
            "values": "0+60x100 6000x300",
        },
    ]
    fires = [
        {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": rule["annotations"]}
        for labels in (pushed, written)
    ]
    expected = [
        {"eval_time": time, "alertname": rule["alert"], "exp_alerts": alerts}
        for time, alerts in (("100m", []), ("240m", []), ("260m", fires))
    ]
    tried(promtool, tmp_path, series, expected)


def tried(promtool: Path, folder: Path, series: list[dict], expected: list[dict]) -> None:
    """Have promtool check the rules, and try on some series which alerts fire."""
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))["spec"]
    (folder / "rules.yml").write_text(yaml.safe_dump(groups), encoding="utf-8")
    test = {
        "rule_files": ["rules.yml"],
        "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": expected}],
    }
    (folder / "test.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
    for words in (["check", "rules", "rules.yml"], ["test", "rules", "test.yml"]):
        done = subprocess.run([promtool, *words], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_what_a_run_writes(promtool: Path) -> None:
    row = {
        "peer": 'w"e\\st\n',
        "outbound": "connected",
        "inbound": "pending",
        "last_full_sync": "2026-01-31T12:00:00Z",
        "exports": [],
        "imports": [],
    }
    roots = [{"fingerprint": "1b8f", "not_after": "2030-01-31T12:00:00Z"}]
    call = {"peer": "west", "host": "cart.shop", "port": 8080, "state": "reached"}
    entry = {
        "verdict": "down",
        "peers": [row],
        "control_plane": {"roots": roots},
        "faults": [],
        "drift": [],
        "calls": [call],
    }
    text = metrics({"east": {**entry, "findings": [{"code": "FED916", "severity": "error"}]}})
    assert {name for name in NAMES if f"{name}{{" in text} == NAMES
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
