# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A kubeconfig with several contexts says nothing to a module that writes; what is said of a control plane names its
server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from attacks.api import ApiInMemory
from attacks.attack import call
from attacks.test_identity import card
from inputs.table import CONTEXTS, NO_CONTEXT, Input

OPTIONS: dict[str, dict[str, Any]] = {
    "federation": {"peers": ["west"], "cards": [card("west")]},
    "federation_gateways": {"peers": ["west"]},
    "mesh_card": {"peers": ["west"]},
    "exported_services": {"peer": "west", "rules": [{"name": "cart", "namespace": "shop"}]},
    "member_roll": {"members": ["shop"]},
}


def kubeconfig_of_two(api: ApiInMemory, folder: Path) -> dict[str, Any]:
    """Return a kubeconfig with two contexts, of which one is the current one."""
    config = yaml.safe_load(api.kubeconfig(folder / "config").read_text(encoding="utf-8"))
    (context,) = config["contexts"]
    config["contexts"] = [{**context, "name": "home"}, {**context, "name": "work"}]
    return {**config, "current-context": "home"}


@pytest.mark.parametrize("wrong", CONTEXTS, ids=lambda wrong: f"{wrong.given} {wrong.verdict}")
def test_which_context_is_meant_must_be_said_to_what_writes(
    api: ApiInMemory, collections: str, tmp_path: Path, wrong: Input
) -> None:
    config = kubeconfig_of_two(api, tmp_path)
    said = {"kubeconfig": config, "mesh": "east", **OPTIONS.get(wrong.given, {})}
    if wrong.verdict == "FED401":
        said["control_plane"] = "other"
    if wrong.more:
        said |= {"peers": ["west"], "context": "home", **wrong.more}
    outcome = call(collections, wrong.given, said)
    assert outcome.code == wrong.verdict and wrong.says in outcome.result["msg"], outcome.printed
    assert wrong.verdict == NO_CONTEXT or api.url in outcome.result["msg"]
    assert wrong.verdict != NO_CONTEXT or not api.asked


def test_a_context_that_is_said_and_what_only_reads_go_on(api: ApiInMemory, collections: str, tmp_path: Path) -> None:
    said = {"kubeconfig": kubeconfig_of_two(api, tmp_path), "mesh": "east", "until": "reachable"}
    assert call(collections, "federation_info", said).code is None
    federating = {"kubeconfig": said["kubeconfig"], "mesh": "east", **OPTIONS["federation"]}
    assert call(collections, "federation", federating, check=True).code is None
    assert call(collections, "federation", {**federating, "context": "work"}).code is None
