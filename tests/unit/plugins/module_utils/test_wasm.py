# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Extensions and 3scale's adapters written down without a cluster: what a run writes, less what holds a secret."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._described import DESCRIBED
from ansible_collections.ossm.federation.plugins.module_utils._options import CLUSTER, FORCE, MESH
from ansible_collections.ossm.federation.plugins.modules import federation, threescale_adapter, wasm_extension
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE, TOKEN = "east-mesh-system", "hunter2-hunter2"
IMAGE = f"registry.example/header:1@sha256:{'a' * 64}"
HEADER = {
    "name": "header",
    "namespace": "shop",
    "selector": {"app": "cart"},
    "image": IMAGE,
    "config": {"header": "x-shop"},
}
SERVICE = {
    "id": "7",
    "token": TOKEN,
    "authorities": ["cart.shop"],
    "credentials": {"user_key": [{"header": {"keys": ["x-user-key"]}}]},
    "mapping_rules": [{"method": "GET", "pattern": "/", "usages": [{"name": "hits", "delta": 1}]}],
}
ADAPTER = {"name": "cart", "namespace": "shop", "selector": {"app": "cart"}, "image": IMAGE, "services": [SERVICE]}
THREESCALE = {"backend": {"url": "https://su1.3scale.net"}, "adapters": [ADAPTER]}
PLANE = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
    "spec": {"version": "v2.5"},
}
ROLL = {
    "apiVersion": "maistra.io/v1",
    "kind": "ServiceMeshMemberRoll",
    "metadata": {"name": "default", "namespace": SPACE},
}


def render(tmp_path, version="v2.5", **described):
    asked = {
        "mesh": "east",
        "peers": ["west"],
        "trust_domain": "east.local",
        "state": "rendered",
        "render_dir": str(tmp_path),
        "version": version,
    }
    run = RunInMemory(DESCRIBED, FORCE, federation.OPTIONS, **{**asked, **described})
    done = federation.run(run, None, NOW)
    # West has given no card, which is another matter.
    return {**done, "pending": [row for row in done["pending"] if not row["peer"]]}


def written(tmp_path, name):
    path = tmp_path / "east" / name
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8"))) if path.exists() else None


def live():
    return ClusterInMemory(
        NOW, PLANE, {**ROLL, "spec": {"members": ["shop"]}, "status": {"configuredMembers": ["shop"]}}
    )


def test_extensions_that_are_rendered_are_those_that_a_run_writes(tmp_path):
    done = render(tmp_path, extensions=[HEADER])
    cluster = live()
    wasm_extension.run(
        RunInMemory(CLUSTER, MESH, FORCE, wasm_extension.OPTIONS, mesh="east", extensions=[HEADER]), cluster, NOW
    )
    (manifest,) = written(tmp_path, "extensions.yaml")
    stands = cluster._objects[("WasmPlugin", "shop", "header")]
    assert (manifest["spec"], manifest["metadata"]["labels"]) == (stands["spec"], stands["metadata"]["labels"])
    assert "extensions.yaml" in written(tmp_path, "kustomization.yaml")[0]["resources"] and done["pending"] == []
    assert len(list((tmp_path / "east" / "apply" / "extensions").iterdir())) == 2
    assert render(tmp_path, extensions=[HEADER])["changed"] is False


def test_what_holds_a_secret_is_no_file_and_is_named(tmp_path):
    guarded = {**HEADER, "name": "guard", "config": {"nested": [{"api_key": TOKEN}]}}
    told = {**HEADER, "name": "told", "env": [{"name": "PASSWORD", "value": TOKEN}]}
    done = render(tmp_path, extensions=[HEADER, guarded, told], threescale=THREESCALE)
    reasons = [row["reason"] for row in done["pending"]]
    assert [reason.partition(":")[0] for reason in reasons] == [
        "mesh_extensions, shop/guard",
        "mesh_extensions, shop/told",
        "mesh_threescale, shop/cart",
    ]
    everything = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file())
    assert TOKEN not in everything and TOKEN not in str(done)
    assert [each["metadata"]["name"] for each in written(tmp_path, "extensions.yaml")] == ["header"]


def test_what_3scale_needs_around_its_adapters_is_what_a_run_writes(tmp_path):
    render(tmp_path, threescale=THREESCALE)
    cluster = live()
    options = {"mesh": "east", "threescale": THREESCALE}
    threescale_adapter.run(RunInMemory(CLUSTER, MESH, FORCE, threescale_adapter.OPTIONS, **options), cluster, NOW)
    files = {(each["kind"], each["metadata"]["name"]): each["spec"] for each in written(tmp_path, "threescale.yaml")}
    stands = {
        (kind, name): each["spec"]
        for (kind, space, name), each in cluster._objects.items()
        if space == "shop" and kind != "WasmPlugin"
    }
    assert files == stands and {kind for kind, _name in files} == {"ServiceEntry", "DestinationRule"}


@pytest.mark.parametrize(
    ("version", "extension", "reason"),
    [(None, HEADER, "need mesh_version"), ("v2.3", HEADER, "FED805"), ("v2.5", {**HEADER, "fail": "open"}, "FED802")],
)
def test_what_needs_a_cluster_or_another_version_is_named(tmp_path, version, extension, reason):
    done = render(tmp_path, version, extensions=[extension])
    assert [reason in row["reason"] for row in done["pending"]] == [True] and not written(tmp_path, "extensions.yaml")


def test_on_2_0_extensions_are_written_in_their_old_kind_and_3scale_is_named(tmp_path):
    done = render(tmp_path, "v2.0", extensions=[HEADER], threescale=THREESCALE)
    assert [each["apiVersion"] for each in written(tmp_path, "extensions.yaml")] == ["maistra.io/v1alpha1"]
    assert ["mesh_threescale: needs mesh_version v2.1" in row["reason"] for row in done["pending"]] == [True]


def test_a_description_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(FederationError, match="FED800"):
        render(tmp_path, extensions=[{"name": "x"}])
    with pytest.raises(FederationError, match="FED880"):
        render(tmp_path, threescale={"adapters": 7})


def test_nothing_is_described_and_nothing_is_written(tmp_path):
    render(tmp_path)
    assert written(tmp_path, "extensions.yaml") is None and written(tmp_path, "threescale.yaml") is None
