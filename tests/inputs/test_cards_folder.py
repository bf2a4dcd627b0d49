# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A folder of cards that is given must be there, and who waits for a card says where it was looked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attacks.api import ApiInMemory
from attacks.attack import call
from attacks.test_identity import card
from inputs.table import FOLDERS, Input
from integration.administrators import Administrator


@pytest.mark.parametrize("wrong", FOLDERS, ids=lambda wrong: f"{wrong.given} {wrong.more}"[:80])
def test_a_folder_that_is_missing_is_told_and_nothing_is_written(
    api: ApiInMemory, collections: str, tmp_path: Path, wrong: Input
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a-file").touch()
    paths = {
        name: str(tmp_path / path)
        for name, path in wrong.more.get("options", {}).items()
        if name in ("cards_dir", "path")
    }
    said: dict[str, Any] = {
        "peers": ["west"],
        "cards_dir": str(tmp_path / "nowhere"),
        **wrong.more.get("options", {}),
        **paths,
    }
    if wrong.given == "mesh_card_info":
        said = {"path": paths["path"], "audience": "east"}
    else:
        said |= {**api.access, "mesh": "east"}
    outcome = call(collections, wrong.given, said, check=wrong.more.get("check", False))
    told = json.dumps(outcome.result.get("pending")) if wrong.verdict == "waits" else outcome.result["msg"]
    assert (outcome.code or "waits") == wrong.verdict and wrong.says in told, outcome.printed
    assert wrong.verdict != "waits" or "4 changes wait for it" in told
    assert not api.writes


def test_the_folder_beside_the_inventory_is_read_without_a_word(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "west-for-east.json").write_text(json.dumps(card("west")), encoding="utf-8")
    east = Administrator(tmp_path, collections, {"east": {**api.variables, "mesh_peers": ["west"]}})
    shown = east.play("render", variables={"mesh_trust_domain": "east.local"}, must_pass=False)
    assert "west-for-east" not in shown.output and (tmp_path / "manifests").is_dir(), shown.output
    refused = east.play("federate", variables={"federation_cards_dir": "carsd"}, must_pass=False)
    assert "FED333 federation_cards_dir:" in refused.output and not (tmp_path / "carsd").exists() and not api.writes
