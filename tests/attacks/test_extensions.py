# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wasm extensions under attack: secrets in what modules are told, objects of odd shapes, and module files that were
made to hurt.
"""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from attacks.api import ApiInMemory, serving
from attacks.attack import attack, call, call_each
from attacks.conftest import CONTROL_PLANE
from unit.cluster_in_memory import ClusterInMemory
from unit.plugins.module_utils._core.extensions.modules import HOSTILE

SECRET, OTHER = "hunter2-hunter2-hunter2", "swordfish-swordfish"
HEADER = {
    "name": "header",
    "namespace": "east-mesh-system",
    "selector": {"app": "cart"},
    "image": f"registry.example/header:1@sha256:{'a' * 64}",
    "config": {"system": {"token": SECRET}},
}
OLD = {
    "apiVersion": "maistra.io/v1",
    "kind": "ServiceMeshExtension",
    "metadata": {"name": "old", "namespace": "east-mesh-system"},
    "spec": {"image": "registry.example/old:1", "phase": "PostAuthZ", "config": {"key": "value"}},
}
PLUGIN = {
    "apiVersion": "extensions.istio.io/v1alpha1",
    "kind": "WasmPlugin",
    "metadata": {"name": "other", "namespace": "east-mesh-system"},
    "spec": {
        "url": "oci://registry.example/other:1",
        "selector": {"matchLabels": {"app": "cart"}},
        "phase": "AUTHZ",
        "priority": 1,
    },
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "cart-1", "namespace": "east-mesh-system", "labels": {"app": "cart"}},
    "spec": {"containers": [{"name": "istio-proxy", "args": ["proxy", "sidecar"]}]},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("api")) as running:
        yield running


def standing(server: ApiInMemory, version: str, *objects: dict) -> None:
    """Let a mesh of a version stand, with these objects as they are."""
    plane = copy.deepcopy(CONTROL_PLANE)
    plane["spec"]["version"] = version
    server.store = ClusterInMemory(datetime.now(timezone.utc))
    for number, live in enumerate(copy.deepcopy([plane, *objects])):
        live["metadata"].setdefault("uid", f"uid-{number}")
        server.store._objects[(live["kind"], "east-mesh-system", live["metadata"]["name"])] = live


def test_what_a_module_is_told_is_shown_nowhere(collections: str, server: ApiInMemory) -> None:
    standing(server, "v2.5")
    other = {**HEADER, "config": {"system": {"token": OTHER}}, "env": [{"name": "ACCESS_TOKEN", "value": SECRET[::-1]}]}
    wrong = {**HEADER, "config": {"password": SECRET}, "phase": "Later"}
    asked = [{**server.access, "mesh": "east", "extensions": [each]} for each in (HEADER, other, wrong)]
    outcomes = call_each(collections, "wasm_extension", asked, shown=True)
    assert [(outcome.code, outcome.result.get("changed")) for outcome in outcomes] == [
        (None, True),
        (None, True),
        ("FED800", False),
    ]
    assert not [text for text in (SECRET, OTHER, SECRET[::-1]) if any(text in outcome.printed for outcome in outcomes)]


ODD = [None, "text", [], {"a": {"b": []}}]
PATHS = [
    "spec",
    "spec.selector",
    "spec.selector.matchLabels",
    "spec.priority",
    "spec.phase",
    "metadata.labels",
    "metadata.managedFields",
]


def with_field(live: dict, path: str, value: Any) -> dict:
    """Return an object with one field at a path of keys."""
    changed = copy.deepcopy(live)
    place, keys = changed, path.split(".")
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    place[keys[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("module", "version", "live", "paths"),
    [
        attack("server", "odd WasmPlugins", "wasm_extension", "v2.5", PLUGIN, PATHS),
        attack(
            "server",
            "odd pods",
            "wasm_extension",
            "v2.5",
            POD,
            ["spec", "spec.containers", "metadata.labels", "status"],
        ),
        attack(
            "server",
            "odd old ones",
            "wasm_extension",
            "v2.1",
            OLD,
            ["spec", "spec.phase", "spec.workloadSelector", "status"],
        ),
        attack(
            "server",
            "odd old ones to convert",
            "extension_conversion",
            "v2.2",
            OLD,
            ["spec", "spec.config", "spec.imagePullSecrets", "spec.image"],
        ),
    ],
)
def test_an_object_of_an_odd_shape_is_taken_or_refused_and_never_crashes(
    collections: str, server: ApiInMemory, tmp_path: Path, module: str, version: str, live: dict, paths: list[str]
) -> None:
    given = (
        {"extensions": [HEADER]} if module == "wasm_extension" else {"dest": str(tmp_path / "copies"), "apply": True}
    )
    for path in paths:
        for value in ODD:
            standing(server, version, with_field(live, path, value))
            ended = call(collections, module, {**server.access, "mesh": "east", **given}, check=True)
            assert ended.code != "FED115" and ended.result, f"{path}: {json.dumps(value)}: {ended.printed[-2000:]}"


def test_a_hostile_module_file_is_refused_in_little_memory(collections: str, tmp_path: Path) -> None:
    rows = ["many-exports", "many-custom-sections", "endless-number", "announces-millions", "gzip"]
    for name in rows:
        (tmp_path / name).write_bytes(HOSTILE[name][0])
    with (tmp_path / "endless").open("wb") as sparse:
        sparse.truncate(1 << 40)
    outcomes = call_each(
        collections, "wasm_module_info", [{"path": str(tmp_path / name)} for name in [*rows, "endless"]]
    )
    assert [outcome.code for outcome in outcomes] == [*(HOSTILE[name][1] for name in rows), "FED835"]
    assert max(outcome.peak_mib for outcome in outcomes) < 400
