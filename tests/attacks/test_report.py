# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page is made of what others call their things, and a run that sees little says so."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from attacks.api import ApiInMemory
from attacks.attack import Outcome, call
from integration.administrators import Administrator

HOSTILE = "</script><script>alert(1)</script>{{ 7 * 7 }}"


def test_playbook_report_shows_unknown_for_what_it_cannot_reach_and_for_what_the_limit_leaves_out(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    # Nobody listens on the discard port.
    south = {**api.variables, "mesh_host": "https://127.0.0.1:9", "mesh_api_timeout": 1, "mesh_peers": ["east"]}
    meshes = {"east": {**api.variables, "mesh_peers": ["west"]}, "south": south, "far": dict(south)}
    admin = Administrator(tmp_path, collections, meshes)
    files = {
        "report_json": "page.json",
        "report_markdown": "page.md",
        "report_parts": ["preflight", "validate", "health", "diagnose"],
    }
    run = admin.play("report", "--limit", "east,south", variables=files, must_pass=False)
    assert run.returncode, "a mesh that cannot be read fails the run, and the page is there all the same"
    said = (
        r"Report · 1 of 4 meshes seen · 0 of 1 peerings connected · \d+ things to do ·"
        rf" {tmp_path}/federation-report\.html"
    )
    assert re.search(said, run.output), run.output
    page = json.loads((tmp_path / "page.json").read_text(encoding="utf-8"))
    assert {row["name"]: row["state"] for row in page["meshes"]} == {
        "east": "down",
        "south": "unknown",
        "far": "unknown",
        "west": "unknown",
    }
    assert {tuple(action["who"]) for action in page["actions"]} >= {("east",), ("south",)}
    assert {(row["mesh"], row["component"], row["state"]) for row in page["health"]} >= {
        ("east", "istiod-basic", "failing")
    }
    assert {(row["mesh"], row["peer"], row["state"]) for row in page["diagnoses"]} == {("east", "west", "down")}
    for name in ("federation-report.html", "page.json", "page.md"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600

    # Compared with itself, nothing has changed but what another run did not see.
    options = {
        "json_path": f"{tmp_path}/page.json",
        "since": f"{tmp_path}/page.json",
        "report": {},
        "others": ["east", "south", "far", "west"],
    }
    changes = call(collections, "federation_page", options).result["changes"]
    assert {(row["kind"], row["where"]) for row in changes} >= {("mesh", "east"), ("peering", "east to west")}
    assert not [row for row in changes if row["where"] in ("south", "far")]


def test_names_that_others_chose_are_text_on_the_page(collections: str, tmp_path: Path) -> None:
    row = {
        "peer": HOSTILE,
        "mesh": HOSTILE,
        "outbound": "pending",
        "inbound": "unknown",
        "outbound_reason": HOSTILE,
        "imports": None,
        "exports": [],
    }
    report = {
        "east": {
            "control_plane": {"name": HOSTILE, "version": HOSTILE, "ready": False, "condition": HOSTILE},
            "peers": [row],
            "verdict": "down",
        }
    }
    options = {
        "path": f"{tmp_path}/page.html",
        "json_path": f"{tmp_path}/page.json",
        "report": report,
        "others": [HOSTILE],
    }
    tried = call(collections, "federation_page", options, check=True)
    assert "not written in check mode" in tried.result["lines"][0] and not list(tmp_path.iterdir())
    made = call(collections, "federation_page", options)
    assert made.code is None and made.result["summary"]["meshes_unknown"] == 1, made.printed
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert (
        len(re.findall(r"<script", text)) == 1
        and "&lt;/script&gt;&lt;script&gt;alert(1)" in text
        and "{{ 7 * 7 }}" in text
    )


def test_what_stands_where_the_page_goes_and_is_no_file_is_left_alone(collections: str, tmp_path: Path) -> None:
    place, secret = tmp_path / "page.html", tmp_path / "secret"
    secret.write_text("keep me", encoding="utf-8")
    for plant in (lambda: place.symlink_to(secret), place.mkdir, lambda: os.mkfifo(place)):
        plant()
        refused = call(collections, "federation_page", {"markdown_path": str(place), "report": {}})
        assert refused.code == "FED235" and secret.read_text(encoding="utf-8") == "keep me", refused.printed
        place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()


def test_what_is_no_saved_report_is_refused_before_anything_is_written(collections: str, tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    options = {"path": f"{tmp_path}/page.html", "since": str(saved), "report": {}}
    for content in (None, "{}", "[" * 100_000):
        if content is not None:
            saved.write_text(content, encoding="utf-8")
        refused = call(collections, "federation_page", options)
        assert refused.code == "FED970" and not (tmp_path / "page.html").exists(), refused.printed
    saved.unlink()
    saved.symlink_to("/etc/passwd")
    refused = call(collections, "federation_page", options)
    assert refused.code == "FED235" and "root:" not in refused.printed


def test_reports_of_several_runs_are_joined_and_two_of_one_mesh_are_refused(collections: str, tmp_path: Path) -> None:
    entry = {"verdict": "ok", "control_plane": {"name": "basic", "namespace": "east-mesh-system", "version": "v2.3"}}
    for name, report in (
        ("east", {"east": entry}),
        ("west", {"west": entry}),
        ("older", {"west": {"verdict": "down"}}),
        ("junk", {"west": 1}),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(report), encoding="utf-8")

    def joined(*names: str) -> Outcome:
        options = {"json_path": f"{tmp_path}/page.json", "report": {}, "others": ["east", "west", "north"]}
        return call(collections, "federation_page", {**options, "join": [f"{tmp_path}/{name}.json" for name in names]})

    assert joined("east", "west", "west").code is None
    page = json.loads((tmp_path / "page.json").read_text(encoding="utf-8"))
    assert {row["name"]: row["state"] for row in page["meshes"]} == {"east": "ok", "west": "ok", "north": "unknown"}
    assert {names: joined(*names).code for names in (("west", "older"), ("junk",), ("missing",))} == {
        ("west", "older"): "FED365",
        ("junk",): "FED364",
        ("missing",): "FED364",
    }
