# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``wasm_extension`` against a cluster in memory."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.plan import (
    EXTENSIONS_MANAGER,
    INBOUND_ONLY,
    RAW,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.loading import PATIENCE
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import (
    CONTROL_PLANE,
    EXTENSION,
    OLD_EXTENSION,
    WASM_PLUGIN,
)
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, MESH
from ansible_collections.ossm.federation.plugins.modules import wasm_extension
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions.meshes import WHOLE
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.insight.proxies import (
    NAME,
    filter_of,
    listener_of,
)
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE, ISTIOD = "east-mesh-system", "istiod-basic-58b7f78cf5-f56gx"
ACTIVE, WAITING = ([NAME], None), ([], [NAME])
OF_THE_MESH = NAME.replace("shop.", f"{SPACE}.")
MODULE = "a" * 64  # whose digest the image of WHOLE has
REQUESTS = 6
"""Of a run without changes: control plane, member roll, one list in each of three namespaces, pods in one."""


def mesh(version, members=("shop", "desk"), **spec):
    plane = {
        "apiVersion": "maistra.io/v2",
        "kind": "ServiceMeshControlPlane",
        "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
        "spec": {"version": version, **spec},
    }
    roll = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": {"name": "default", "namespace": SPACE},
        "status": {"configuredMembers": list(members)},
    }
    return ClusterInMemory(NOW, plane, roll, pod("cart-1", app="cart"), pod("till-1", app="till"))


def pod(name, namespace="shop", **labels):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": "istio-proxy"}]},
    }


def asked(check_mode=False, **params):
    return RunInMemory(
        MESH, FORCE, wasm_extension.OPTIONS, check_mode=check_mode, **{"mesh": "east", "extensions": [WHOLE], **params}
    )


def run(cluster, **params):
    return wasm_extension.run(asked(**params), cluster, NOW)


def says(cluster, name, found, filters=(), extension=NAME):
    """Let a pod's Envoy say which filters its inbound listener has, as it is and as it waits to be, and which module is
    in each.

    istiod says that it has acknowledged them.
    """
    entries = [listener_of(*found), *(filter_of(module, name=extension) for module in filters)]
    cluster.pages[(name, "/config_dump")] = json.dumps({"configs": entries}).encode()
    istiod = pod(ISTIOD, SPACE, app="istiod", **{"pod-template-hash": "58b7f78cf5"})
    istiod["metadata"]["ownerReferences"] = [
        {"kind": "ReplicaSet", "name": ISTIOD.rpartition("-")[0], "controller": True}
    ]
    cluster.put(istiod)
    row = {"proxy": f"{name}.shop", "extensionconfig_sent": "n1", "extensionconfig_acked": "n1"}
    cluster.pages[(ISTIOD, "/debug/syncz")] = json.dumps([row]).encode()


def hiding(cluster, hidden, *kinds):
    """Return the cluster as somebody sees it who may not read objects of these kinds, or any without one, in one
    namespace.
    """
    answer = cluster.list

    def forbidden(kind, namespace, *rest, **more):
        if namespace == hidden and (not kinds or kind.name in kinds):
            raise FederationError("FED104", where="list", what="is forbidden", fix="Ask")
        return answer(kind, namespace, *rest, **more)

    cluster.list = forbidden
    return cluster


def refusal(cluster, **params):
    with pytest.raises(FederationError) as refused:
        run(cluster, **params)
    assert cluster.writes == []
    return refused.value.code


@pytest.mark.parametrize(("version", "kind"), [("v2.1", EXTENSION), ("v2.2", WASM_PLUGIN), ("v2.5", WASM_PLUGIN)])
def test_an_extension_is_made_kept_and_removed(version, kind):
    cluster = mesh(version)
    planned = run(cluster, check_mode=True)
    assert (planned["changed"], cluster.writes) == (True, [])
    assert run(cluster)["changed"] and cluster.get(kind, "shop", "header")
    again = run(cluster)
    assert (again["changed"], again["diff"]) == (False, [])
    gone = run(cluster, state="absent", extensions=[])
    assert [change["action"] for change in gone["changes"]] == ["delete"] and cluster.get(
        kind, "shop", "header"
    ) is None
    assert not run(cluster, state="absent")["changed"]


def test_one_list_per_kind_and_namespace_is_all_that_a_run_without_changes_asks():
    cluster = mesh("v2.5")
    run(cluster)
    cluster.requests = 0
    run(cluster)
    # The control plane, the roll, WasmPlugins in three namespaces, pods in one.
    assert cluster.requests == 6


def test_what_is_no_longer_described_goes_and_what_others_made_stays():
    cluster = mesh("v2.5")
    run(cluster, extensions=[WHOLE, {**WHOLE, "name": "second"}])
    copied = cluster.get(WASM_PLUGIN, "shop", "header")
    copied["metadata"] = {"name": "copy", "namespace": "desk", "labels": copied["metadata"]["labels"]}
    other = cluster.get(WASM_PLUGIN, "shop", "header")
    other["metadata"] = {**other["metadata"], "name": "west", "labels": {"ossm.federation/mesh": "west"}}
    cluster.put(copied)
    cluster.put(other)
    result = run(cluster)
    assert [(change["action"], change["name"]) for change in result["changes"]] == [("delete", "second")]
    assert {live["metadata"]["name"] for live in cluster.list(WASM_PLUGIN, "")} == {"header", "copy", "west"}


def test_a_field_that_is_no_longer_described_is_removed():
    cluster = mesh("v2.5")
    run(cluster, extensions=[{**WHOLE, "priority": 5, "config": {"a": 1, "b": {"c": 2}}}])
    run(cluster, extensions=[{**WHOLE, "config": {"b": {}}}])
    assert cluster.get(WASM_PLUGIN, "shop", "header")["spec"].get("priority") is None
    assert not run(cluster, extensions=[{**WHOLE, "config": {"b": {}}}])["changed"]


def test_any_list_may_stand_in_what_a_module_is_told():
    cluster = mesh("v2.5")
    config = {"ports": [80, {"port": 1}, {"name": "x"}], "nested": {"ports": ["a"]}}
    assert run(cluster, extensions=[{**WHOLE, "config": config}])["changed"]
    assert not run(cluster, extensions=[{**WHOLE, "config": config}])["changed"]
    assert run(cluster, extensions=[{**WHOLE, "config": {**config, "ports": [80]}}])["changed"]


def test_an_object_of_somebody_else_is_refused_and_taken_with_force():
    cluster = mesh("v2.5")
    cluster.put(
        {
            "apiVersion": WASM_PLUGIN.api_version,
            "kind": "WasmPlugin",
            "metadata": {"name": "header", "namespace": "shop"},
            "spec": {},
        }
    )
    assert refusal(cluster) == "FED811"
    assert run(cluster, force=True)["changed"] and not run(cluster)["changed"]


def test_both_kinds_under_one_name_are_refused():
    cluster = mesh("v2.2")
    run(cluster, extensions=[{**WHOLE, "kind": "ServiceMeshExtension"}])
    cluster.writes.clear()
    assert refusal(cluster) == "FED810"


@pytest.mark.parametrize(
    ("version", "fields", "code"),
    [
        ("v2.3", {}, "FED805"),
        ("v2.2", {"pull_secret": "registry"}, "FED802"),
        ("v2.5", {"fail": "open"}, "FED802"),
        ("v2.5", {"namespace": "elsewhere"}, "FED803"),
        ("v2.5", {"phase": "PreAuthZ"}, "FED800"),
        ("v1.1", {}, "FED804"),
        ("v2.0", {}, "FED806"),
        ("v2.5", {"config": {RAW: "text"}}, "FED802"),
    ],
)
def test_nothing_is_written_of_what_is_refused(version, fields, code):
    assert refusal(mesh(version), extensions=[{**WHOLE, "name": "good"}, {**WHOLE, **fields}]) == code


ON = {"techPreview": {"wasmExtensions": {"enabled": True}}}


@pytest.mark.parametrize(
    ("config", "text"),
    [({"b": [1], "a": "é"}, '{"a":"é","b":[1]}'), ({RAW: "any text"}, "any text"), ({}, None)],
    ids=["object", "free-text", "nothing"],
)
def test_on_2_0_an_extension_is_v1alpha1_and_its_module_is_told_a_text(config, text):
    cluster = mesh("v2.0", **ON)
    extension = {**WHOLE, "config": config}
    run(cluster, extensions=[extension])
    made = cluster.get(OLD_EXTENSION, "shop", "header")
    assert (made["apiVersion"], made["spec"].get("config")) == ("maistra.io/v1alpha1", text)
    assert not run(cluster, extensions=[extension])["changed"]
    assert [each["action"] for each in run(cluster, state="absent", extensions=[])["changes"]] == ["delete"]


def test_on_2_0_a_text_that_the_webhook_wrote_anew_is_no_change():
    cluster = mesh("v2.0", **ON)
    extension = {**WHOLE, "config": {"b": 1, "a": 2}}
    run(cluster, extensions=[extension])
    live = cluster.get(OLD_EXTENSION, "shop", "header")
    cluster.put({**live, "spec": {**live["spec"], "config": '{"b": 1, "a": 2}'}})
    assert not run(cluster, extensions=[extension])["changed"]


def test_on_2_0_what_changes_is_deleted_and_made_anew_since_nobody_looks_at_a_change():
    cluster = mesh("v2.0", **ON)
    run(cluster)
    cluster.writes.clear()
    told = asked(extensions=[{**WHOLE, "priority": 3}])
    assert [each["action"] for each in wasm_extension.run(told, cluster, NOW)["changes"]] == ["delete", "create"]
    assert [write[0] for write in cluster.writes] == ["delete", "apply"]
    assert cluster.get(OLD_EXTENSION, "shop", "header")["spec"]["priority"] == 3
    assert [warning.split()[0] for warning in told.warnings] == ["FED815"]


def test_an_empty_list_is_not_taken_for_the_wish_to_remove_everything():
    assert refusal(mesh("v2.5"), extensions=[]) == "FED800"


def test_istiod_of_2_3_is_told_to_leave_outbound_calls_alone():
    env = {"runtime": {"components": {"pilot": {"container": {"env": {INBOUND_ONLY: "true"}}}}}}
    assert run(mesh("v2.3", **env))["changed"]


def test_check_mode_shows_which_pods_are_selected_and_in_which_order_extensions_run():
    extensions = [{**WHOLE, "phase": "AUTHZ", "priority": number, "name": f"e{number}"} for number in (1, 2)]
    result = run(mesh("v2.5"), check_mode=True, extensions=[*extensions, {**WHOLE, "selector": "all"}])
    assert [(row["name"], row["pods"]) for row in result["extensions"]] == [
        ("e1", ["shop/cart-1"]),
        ("e2", ["shop/cart-1"]),
        ("header", ["shop/cart-1", "shop/till-1"]),
    ]
    assert result["orders"] == [
        {"phase": "AUTHZ", "extensions": ["shop/e2", "shop/e1"], "ties": [], "pods": ["shop/cart-1"]}
    ]
    assert result["lines"][-1] == "AUTHZ: shop/e2 → shop/e1 in shop/cart-1"


def test_doubts_are_warnings():
    started = asked(
        extensions=[
            {**WHOLE, "phase": "AUTHZ"},
            {**WHOLE, "name": "tag", "image": "registry.example/header:1", "phase": "AUTHZ"},
            {**WHOLE, "name": "none", "selector": {"app": "crat"}},
        ]
    )
    wasm_extension.run(started, mesh("v2.5"), NOW)
    assert sorted(text[:6] for text in started.warnings) == ["FED807", "FED808", "FED809", "FED812", "FED812"]


def test_what_a_module_is_told_is_a_digest_in_diffs():
    cluster = mesh("v2.5")
    first = run(cluster, extensions=[{**WHOLE, "config": {"token": "hunter2hunter2"}}])
    second = run(cluster, extensions=[{**WHOLE, "config": {"token": "another-of-them"}}])
    assert "hunter2" not in json.dumps([first, second]) and "another-of-them" not in json.dumps(second)
    assert (
        "spec.pluginConfig" in second["changes"][0]["fields"]
        and second["diff"][0]["before"] != second["diff"][0]["after"]
    )


def test_an_old_extension_tells_whether_it_is_ready():
    cluster = mesh("v2.1")
    run(cluster)
    status = {"deployment": {"ready": False, "message": "no such image"}}
    cluster.set_status("ServiceMeshExtension", "shop", "header", status)
    (row,) = run(cluster)["extensions"]
    assert (row["ready"], row["why"]) == (False, "no such image")


def test_the_objects_bear_a_manager_of_their_own():
    cluster = mesh("v2.5")
    run(cluster)
    managers = [entry["manager"] for entry in cluster.get(WASM_PLUGIN, "shop", "header")["metadata"]["managedFields"]]
    assert managers == [EXTENSIONS_MANAGER]


def test_all_that_is_returned_is_documented_and_the_other_way_round():
    assert set(yaml.safe_load(wasm_extension.RETURN)) == set(run(mesh("v2.5"))) - {"changed", "diff"}


def test_a_plugin_is_ready_once_all_selected_proxies_run_it():
    cluster = mesh("v2.5")
    says(cluster, "cart-1", ACTIVE, [MODULE])
    told = run(cluster, wait=True, wait_timeout=0)
    (row,) = told["extensions"]
    assert (row["ready"], row["why"], told["waiting_for"]) == (True, "loaded in 1 of 1 pods", [])
    assert row["loading"] == [{"pod": "shop/cart-1", "state": "loaded", "why": "", "listeners": []}]


def test_a_wait_for_a_proxy_that_does_not_load_it_fails_after_the_object_is_written():
    cluster = mesh("v2.5")
    says(cluster, "cart-1", WAITING)
    with pytest.raises(
        FederationError, match="FED814 WasmPlugin shop/header: is not loaded after 0 s: .*cart-1 warming"
    ):
        run(cluster, wait=True, wait_timeout=0)
    assert cluster.get(WASM_PLUGIN, "shop", "header")
    told = run(cluster, wait=True, wait_timeout=0, soft=True)
    assert [line.startswith("shop/header: shop/cart-1 warming (inbound waits") for line in told["waiting_for"]] == [
        True
    ]
    assert run(cluster, ask_proxies=True)["extensions"][0]["ready"] is False


def test_failed_fetches_are_told_where_a_listener_waits():
    cluster = mesh("v2.5")
    says(cluster, "cart-1", WAITING)
    cluster.pages[("cart-1", "/stats/prometheus")] = (
        b'istio_agent_wasm_remote_fetch_count{result="manifest_failure"} 2\n'
    )
    cluster.logs["cart-1"] = (
        f"2026-11-30T06:32:58Z\terror\twasm\tcannot fetch Wasm module oci://{WHOLE['image']}: no such host\n".encode()
    )
    (row,) = run(cluster, ask_proxies=True)["extensions"]
    assert (row["loading"][0]["state"], "2 manifest_failure; it says: no such host" in row["why"]) == ("failed", True)


def test_a_proxy_that_cannot_be_asked_is_no_failure_and_readiness_is_unknown():
    (row,) = run(mesh("v2.5"), wait=True, wait_timeout=0)["extensions"]
    assert (row["ready"], row["why"]) == (None, "shop/cart-1 unknown (does not answer)")


def test_istiod_is_asked_after_the_envoys_since_its_word_is_of_what_they_have_now():
    cluster = mesh("v2.5")
    says(cluster, "cart-1", ACTIVE, [MODULE])
    asked_for, answer = [], cluster.page
    cluster.page = lambda namespace, pod, page, by_exec=False: (
        asked_for.append(page.path) or answer(namespace, pod, page, by_exec=by_exec)
    )
    run(cluster, ask_proxies=True)
    assert asked_for == ["/config_dump", "/config_dump", "/debug/syncz"]


def test_what_an_envoy_says_to_have_rejected_is_told_where_its_log_may_be_read():
    cluster = mesh("v2.5")
    says(cluster, "cart-1", ACTIVE, [MODULE])
    dump = json.loads(cluster.pages[("cart-1", "/config_dump")])
    dump["configs"][1]["last_updated"] = "2026-11-29T23:12:32.642Z"
    cluster.pages[("cart-1", "/config_dump")] = json.dumps(dump).encode()
    line = (
        "2026-11-29T23:12:32.671Z\twarning\tenvoy config\tgRPC config for a.b.TypedExtensionConfig rejected: Unable to"
        " create Wasm plugin shop.header\t"
    )
    cluster.logs["cart-1"] = f"{line}thread=1\n".encode()
    (row,) = run(cluster, ask_proxies=True)["extensions"]
    assert (row["ready"], row["why"]) == (
        False,
        "shop/cart-1 failed (Envoy has rejected it: Unable to create Wasm plugin shop.header)",
    )
    assert [read for read in cluster.reads if read.startswith("log ")] == ["log shop/cart-1 since 2026-11-29T23:12:32Z"]
    # What came long before is looked at from there, and takes nothing away of what is said of the latest.
    former = NAME.replace("header", "former")
    later = [
        listener_of([NAME, former], None),
        {**filter_of(MODULE, name=former), "last_updated": "2026-11-01T00:00:00Z"},
        dump["configs"][1],
    ]
    cluster.pages[("cart-1", "/config_dump")] = json.dumps({"configs": later}).encode()
    cluster.reads.clear()
    rows = run(cluster, ask_proxies=True, extensions=[{**WHOLE, "name": "former"}, WHOLE])["extensions"]
    assert {row["name"]: row["ready"] for row in rows} == {"former": True, "header": False}
    moments = ("2026-11-01T00:00:00Z", "2026-11-29T23:12:32Z")
    assert [read for read in cluster.reads if read.startswith("log ")] == [
        f"log shop/cart-1 since {moment}" for moment in moments
    ]

    def forbidden(*_words):
        raise FederationError("FED104", where="get the log", what="is forbidden", fix="Ask")

    cluster.copy_log = forbidden
    assert run(cluster, ask_proxies=True)["extensions"][0]["ready"] is True


def test_a_wait_asks_again_for_a_while_where_a_proxy_is_connecting_and_fails_for_nobody_who_does_not_tell():
    cluster = mesh("v2.5")
    says(cluster, "cart-1", ACTIVE, [MODULE])
    istiod = [{"proxy": "till-1.shop", "extensionconfig_sent": "n1", "extensionconfig_acked": "n1"}]
    for rows, is_awaited in ((istiod, True), ([], False)):
        cluster.pages[(ISTIOD, "/debug/syncz")] = json.dumps(rows).encode()
        for waited in (0, PATIENCE):
            told = run(cluster, wait=True, wait_timeout=0, waited=waited)
            assert told["extensions"][0]["ready"] is None
            assert bool(told["waiting_for"]) is (is_awaited and waited < PATIENCE)


def test_an_extension_of_the_whole_mesh_is_not_known_to_run_where_some_pods_may_not_be_read():
    cluster = hiding(mesh("v2.5"), "desk", "Pod")
    says(cluster, "cart-1", ([OF_THE_MESH], None), [MODULE], OF_THE_MESH)
    (row,) = run(cluster, ask_proxies=True, extensions=[{**WHOLE, "namespace": SPACE}])["extensions"]
    assert (row["ready"], row["why"]) == (None, "loaded in 1 of 1 pods, of those that this account may read")
    assert row["pods"] is None and [each["state"] for each in row["loading"]] == ["loaded"]


@pytest.mark.parametrize("params", [{}, {"wait": True, "check_mode": True}], ids=["not-asked-for", "check-mode"])
def test_no_proxy_is_asked_unless_it_is_wanted(params):
    cluster = mesh("v2.5")
    run(cluster)
    before = cluster.requests
    assert run(cluster, **params)["extensions"][0]["loading"] == []
    assert cluster.requests - before == REQUESTS


@pytest.mark.parametrize("version", ["v2.0", "v2.1", "v2.4", None])
def test_what_was_made_is_removed_whatever_the_control_plane_has_become(version):
    cluster = mesh("v2.4")
    run(cluster)
    plane = cluster.get(CONTROL_PLANE, SPACE, "basic")
    plane["spec"]["version"] = version
    cluster.put(plane)
    assert {change["action"] for change in run(cluster, state="absent", extensions=[])["changes"]} == {"delete"}
    assert cluster.list(WASM_PLUGIN, "") == []


def test_many_warnings_of_one_kind_are_one():
    many = [{**WHOLE, "name": f"e{number}", "image": "registry.example/header:1"} for number in range(200)]
    started = asked(extensions=many)
    wasm_extension.run(started, mesh("v2.5"), NOW)
    assert len(started.warnings) < 10 and any("200 findings" in text for text in started.warnings)


@pytest.mark.parametrize("name", ["LEVEL", "API_TOKEN"])
def test_the_environment_of_a_module_is_shown_neither_when_it_comes_nor_when_it_goes(name):
    cluster = mesh("v2.5")
    told = {**WHOLE, "env": [{"name": name, "value": "hunter2hunter2"}], "config": {"header": "hunter3hunter3"}}
    made = run(cluster, extensions=[told])
    gone = run(cluster, state="absent", extensions=[])
    assert made["changed"] and gone["changed"] and "hunter" not in json.dumps([made, gone])


def openshift(release):
    history = [{"state": "Partial", "version": "4.99.0"}, {"state": "Completed", "version": release}]
    return {"kind": "ClusterVersion", "metadata": {"name": "version"}, "status": {"history": history}}


@pytest.mark.parametrize(
    ("release", "kind", "is_told"),
    [
        ("4.11.0", "ServiceMeshExtension", True),
        ("4.10.67", "ServiceMeshExtension", False),
        ("4.12.1", "WasmPlugin", False),
    ],
)
def test_an_extension_that_never_becomes_ready_on_this_openshift_is_told(release, kind, is_told):
    cluster = mesh("v2.2")
    cluster.put(openshift(release))
    started = asked(extensions=[{**WHOLE, "kind": kind}])
    wasm_extension.run(started, cluster, NOW)
    assert any(text.startswith("FED824") for text in started.warnings) is is_told


def test_an_openshift_that_may_not_be_read_is_unknown_and_no_other_kind_asks_for_it(monkeypatch):
    for kind, is_unknown in (("ServiceMeshExtension", True), ("WasmPlugin", False)):
        cluster = mesh("v2.2")
        answer = cluster.get

        def forbidden(of, namespace, name, answer=answer):
            if of.name == "ClusterVersion":
                raise FederationError("FED104", where="get", what="is forbidden", fix="Ask")
            return answer(of, namespace, name)

        monkeypatch.setattr(cluster, "get", forbidden)
        told = run(cluster, extensions=[{**WHOLE, "kind": kind}])["unknown"]
        assert [text.partition(":")[0] for text in told] == (["ClusterVersion"] if is_unknown else [])
