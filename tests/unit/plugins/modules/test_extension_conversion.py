# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``extension_conversion`` against a cluster in memory."""

from __future__ import annotations

import json
import stat

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import EXTENSION, WASM_PLUGIN
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, MESH
from ansible_collections.ossm.federation.plugins.modules import extension_conversion, wasm_extension
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions.meshes import WHOLE
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions.test_converting import (
    IMAGE,
    old,
)
from ansible_collections.ossm.federation.tests.unit.plugins.modules.test_wasm_extension import (
    ACTIVE,
    ISTIOD,
    MODULE,
    OF_THE_MESH,
    SPACE,
    WAITING,
    hiding,
    mesh,
    says,
)
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory


def run(cluster, check_mode=False, **params):
    asked = RunInMemory(
        MESH,
        FORCE,
        extension_conversion.OPTIONS,
        check_mode=check_mode,
        **{"mesh": "east", "images": {IMAGE: IMAGE}, "wait_timeout": 0, **params},
    )
    return extension_conversion.run(asked, cluster, NOW)


def with_old(version="v2.2", *objects):
    cluster = mesh(version)
    for each in objects or (old(),):
        cluster.put(each)
    return cluster


def test_a_plan_writes_nothing_anywhere(tmp_path):
    cluster = with_old()
    planned = run(cluster, check_mode=True, dest=str(tmp_path / "copies"), apply=True)
    assert planned["changed"] and cluster.writes == [] and not (tmp_path / "copies").exists()
    assert run(cluster)["lines"] == ["shop/header: PostAuthZ becomes STATS"] and cluster.writes == []


def test_files_hold_both_kinds_for_their_owner_alone(tmp_path):
    cluster = with_old()
    first = run(cluster, dest=str(tmp_path))
    assert first["changed"] and cluster.writes == [] and not run(cluster, dest=str(tmp_path))["changed"]
    texts = [
        yaml.safe_load((tmp_path / f"shop-header-{age}.yml").read_text(encoding="utf-8")) for age in ("old", "new")
    ]
    assert [text["kind"] for text in texts] == ["ServiceMeshExtension", "WasmPlugin"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_link_where_a_copy_belongs_is_refused_before_anything_is_deleted(tmp_path):
    cluster = with_old()
    (tmp_path / "shop-header-old.yml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FederationError):
        run(cluster, dest=str(tmp_path), apply=True)
    assert cluster.writes == [] and not (tmp_path / "elsewhere").exists()


def test_an_extension_is_replaced_and_a_second_run_has_nothing_to_do(tmp_path):
    cluster = with_old()
    assert run(cluster, dest=str(tmp_path), apply=True)["changed"]
    assert cluster.dry_runs == [("WasmPlugin", "header")]
    assert cluster.writes == [("delete", "ServiceMeshExtension", "header"), ("apply", "WasmPlugin", "header")]
    assert not run(cluster, dest=str(tmp_path), apply=True)["changed"]


def test_without_a_copy_nothing_is_deleted():
    cluster = with_old()
    with pytest.raises(FederationError) as refused:
        run(cluster, apply=True)
    assert (refused.value.code, cluster.writes) == ("FED822", [])


def test_a_guard_stops_the_run_until_it_has_been_seen(tmp_path):
    cluster = with_old("v2.2", old(phase="PreAuthZ", workloadSelector={"labels": {"app": "cart"}}))
    # What is made in this run cannot have been seen before it.
    for loaded in (["shop/header"], []):
        with pytest.raises(FederationError) as stopped:
            run(cluster, dest=str(tmp_path), apply=True, loaded=loaded)
        assert stopped.value.code == "FED821" and stopped.value.facts["selected"] == {"shop/header": ["shop/cart-1"]}
        assert cluster.get(EXTENSION, "shop", "header") and cluster.get(WASM_PLUGIN, "shop", "header")
    assert run(cluster, dest=str(tmp_path), apply=True, loaded=["shop/header"])["changed"]
    assert cluster.get(EXTENSION, "shop", "header") is None and cluster.get(WASM_PLUGIN, "shop", "header")


def guarded(version="v2.2"):
    """Return a mesh with a guard whose image names its module by a digest, and that image."""
    image = f"registry.example/header:1.2@sha256:{MODULE}"
    return with_old(
        version, old(phase="PreAuthZ", workloadSelector={"labels": {"app": "cart"}}, image=image, config={})
    ), {image: image}


def test_the_old_guard_goes_in_the_same_run_where_every_proxy_says_that_it_runs_the_new_one(tmp_path):
    cluster, images = guarded()
    says(cluster, "cart-1", ACTIVE, [MODULE])
    done = run(cluster, dest=str(tmp_path), apply=True, images=images)
    assert [(each["action"], each["kind"]) for each in done["changes"]] == [
        ("create", "WasmPlugin"),
        ("delete", "ServiceMeshExtension"),
    ]
    assert done["waiting"] == [] and cluster.get(EXTENSION, "shop", "header") is None
    assert not run(cluster, dest=str(tmp_path), apply=True, images=images)["changed"]


@pytest.mark.parametrize(
    ("found", "filters", "why"),
    [(WAITING, [], "inbound waits for it"), (ACTIVE, ["b" * 64], "runs the module"), (None, [], "does not answer")],
    ids=["waits", "other-module", "silent"],
)
def test_the_old_guard_stays_where_a_proxy_does_not_run_the_new_one_or_does_not_say(tmp_path, found, filters, why):
    cluster, images = guarded()
    if found:
        says(cluster, "cart-1", found, filters)
    with pytest.raises(FederationError, match="FED821") as stopped:
        run(cluster, dest=str(tmp_path), apply=True, images=images)
    assert (
        why in stopped.value.what
        and cluster.get(EXTENSION, "shop", "header")
        and cluster.get(WASM_PLUGIN, "shop", "header")
    )


def as_on_2_2(cluster, rejections=""):
    """Let Envoy and istiod say what those of 2.2 do: no filters, no acknowledgements, and how many rejections there
    were.
    """
    says(cluster, "cart-1", ACTIVE)
    dump = json.loads(cluster.pages[("cart-1", "/config_dump")])
    dump["configs"][0]["active_state"]["last_updated"] = "2026-11-29T12:00:01Z"
    cluster.pages[("cart-1", "/config_dump")] = json.dumps(dump).encode()
    cluster.pages[(ISTIOD, "/debug/syncz")] = json.dumps(
        [{"proxy": "cart-1.shop", "listener_sent": "a", "listener_acked": "a"}]
    ).encode()
    cluster.pages[(ISTIOD, "/metrics")] = f'#\npilot_xds_pushes{{type="ecds"}} 1\n{rejections}'.encode()
    page, listed = cluster.page, cluster.list

    def answer(namespace, pod, asked, by_exec=False):
        return (
            (404, b"not found in config dump")
            if asked.query.get("resource") == "ecds_filters"
            else page(namespace, pod, asked, by_exec=by_exec)
        )

    def as_made(kind, namespace, *rest, **more):
        found = listed(kind, namespace, *rest, **more)
        for each in found if kind is WASM_PLUGIN else ():
            each["metadata"] |= {"generation": 1, "creationTimestamp": "2026-11-29T12:00:00Z"}
        return found

    cluster.page, cluster.list = answer, as_made


@pytest.mark.parametrize("is_rejected", [False, True], ids=["nothing-rejected", "something-rejected"])
def test_on_2_2_the_old_guard_goes_where_listeners_have_the_new_one_and_no_proxy_has_rejected_any_filter(
    tmp_path, is_rejected
):
    cluster, images = guarded()
    as_on_2_2(cluster, 'pilot_total_xds_rejects{type="ecds"} 1\n' if is_rejected else "")
    if is_rejected:
        with pytest.raises(FederationError, match="FED821.*it counts 1 rejections of filters"):
            run(cluster, dest=str(tmp_path), apply=True, images=images)
    else:
        assert run(cluster, dest=str(tmp_path), apply=True, images=images)["waiting"] == []
    assert (cluster.get(EXTENSION, "shop", "header") is None) is not is_rejected


def test_the_old_guard_of_a_whole_mesh_stays_where_some_pods_may_not_be_read(tmp_path):
    image = f"registry.example/header:1.2@sha256:{MODULE}"
    guard = old(phase="PreAuthZ", workloadSelector={"labels": {"app": "cart"}}, image=image, config={})
    guard["metadata"]["namespace"] = SPACE
    cluster = hiding(with_old("v2.2", guard), "desk", "Pod")
    says(cluster, "cart-1", ([OF_THE_MESH], None), [MODULE], OF_THE_MESH)
    with pytest.raises(FederationError, match="FED821") as stopped:
        run(cluster, dest=str(tmp_path), apply=True, images={image: image})
    assert "loaded in 1 of 1 pods; pods in desk may not be read" in stopped.value.what and cluster.get(
        EXTENSION, SPACE, "header"
    )


def test_one_that_cannot_be_converted_keeps_all_of_them(tmp_path):
    cluster = with_old("v2.2", old("a"), old("b", config={"raw_v1alpha1_config": "text"}))
    with pytest.raises(FederationError) as refused:
        run(cluster, dest=str(tmp_path), apply=True)
    assert (refused.value.code, cluster.writes) == ("FED820", [])


def test_what_extend_made_stays_extends_and_keeps_its_root_id(tmp_path):
    cluster = mesh("v2.2")

    def extend(**fields):
        asked = RunInMemory(
            MESH, FORCE, wasm_extension.OPTIONS, mesh="east", extensions=[{**WHOLE, "phase": "STATS", **fields}]
        )
        return wasm_extension.run(asked, cluster, NOW)

    extend(kind="ServiceMeshExtension")
    assert run(cluster, dest=str(tmp_path), apply=True, images={WHOLE["image"]: WHOLE["image"]})["changed"]
    assert not extend()["changed"]
    assert cluster.get(WASM_PLUGIN, "shop", "header")["spec"]["pluginName"] == "header_root"


def test_what_others_made_is_not_pruned_by_extend_after_its_conversion(tmp_path):
    cluster = with_old()
    run(cluster, dest=str(tmp_path), apply=True)
    asked = RunInMemory(MESH, FORCE, wasm_extension.OPTIONS, mesh="east", state="absent")
    assert not wasm_extension.run(asked, cluster, NOW)["changed"] and cluster.get(WASM_PLUGIN, "shop", "header")


def test_a_namespace_that_may_not_be_read_is_told():
    found = run(hiding(with_old(), "desk"))
    assert [text.split(":")[0] for text in found["unknown"]] == [
        "ServiceMeshExtension objects in desk",
        "WasmPlugin objects in desk",
    ]
    assert found["lines"][-1].startswith("unknown: ")


def test_all_that_is_returned_is_documented_and_the_other_way_round():
    assert set(yaml.safe_load(extension_conversion.RETURN)) == set(run(with_old())) - {"changed", "diff"}


@pytest.mark.parametrize("described", [None, 5])
def test_extend_keeps_a_priority_that_a_conversion_raised_until_it_is_described_anew(tmp_path, described):
    cluster = mesh("v2.2")

    def extend(**own):
        first = {**WHOLE, "phase": "STATS", "image": IMAGE, **({"priority": described} if described else {}), **own}
        asked = RunInMemory(MESH, FORCE, wasm_extension.OPTIONS, mesh="east", extensions=[first])
        return wasm_extension.run(asked, cluster, NOW)["changed"]

    assert extend(kind="ServiceMeshExtension")
    cluster.put(old("late", phase="PreStats", priority=40))
    run(cluster, dest=str(tmp_path), apply=True)
    assert cluster.get(WASM_PLUGIN, "shop", "header")["spec"]["priority"] == 41
    assert not extend() and cluster.get(WASM_PLUGIN, "shop", "header")["spec"]["priority"] == 41
    assert extend(priority=7) and cluster.get(WASM_PLUGIN, "shop", "header")["spec"]["priority"] == 7
    assert not extend(priority=7)
