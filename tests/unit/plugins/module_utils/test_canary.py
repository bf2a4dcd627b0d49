# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One pod tries a guard before all others get it: by ``wasm_extension``, against proxies in memory that run what
selects them.
"""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils import _run
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.canary import CANARY_POD, label_of
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.loading import PATIENCE
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import CONTROL_PLANE, POD, WASM_PLUGIN
from ansible_collections.ossm.federation.plugins.modules import wasm_extension
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.extensions.meshes import IMAGE, WHOLE
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.insight.proxies import (
    filter_of,
    listener_of,
)
from ansible_collections.ossm.federation.tests.unit.plugins.modules.test_wasm_extension import (
    ISTIOD,
    SPACE,
    asked,
    mesh,
    pod,
    says,
)

GUARD = {**WHOLE, "name": "guard", "phase": "AUTHZ"}
NEW = IMAGE.replace("a" * 64, "b" * 64)
LABEL = label_of("shop", "guard")
COMMON = {"app": "cart", "pod-template-hash": "5d6f"}


class Mesh:
    """A mesh whose proxies run each WasmPlugin that selects them, but those of an image in ``broken``, for which they
    wait.

    ``reached`` are the pods that any plugin of such an image ever selected. Who is in ``silent`` does not answer.
    """

    def __init__(self, version="v2.5", pods=("cart-1", "cart-2"), members=("shop", "desk"), **own):
        self.cluster = mesh(version, members=members)
        for each in ("cart-1", "till-1"):
            del self.cluster._objects[("Pod", "shop", each)]
        for name in pods:
            self.cluster.put(pod(name, **COMMON, **own.get(name.replace("-", "_"), {})))
        says(self.cluster, "nobody", ([], None))
        self.broken, self.reached, self.silent, self.tells = set(), set(), set(), True
        self.cluster.page = self._page

    def _page(self, namespace, name, page, by_exec=False):
        if name in self.silent:
            raise FederationError("FED104", where="port-forward", what="is forbidden", fix="Ask")
        if name == ISTIOD:
            pods = [each["metadata"]["name"] for each in self.cluster.list(POD, "shop")]
            rows = [
                {"proxy": f"{each}.shop", "extensionconfig_sent": "n1", "extensionconfig_acked": "n1"} for each in pods
            ]
            return 200, json.dumps(rows if self.tells else []).encode()
        if page.path != "/config_dump":
            return 200, b""
        labels = self.cluster.get(POD, namespace, name)["metadata"]["labels"]
        active, warming, filters = [], [], []
        for plugin in self.cluster.list(WASM_PLUGIN, ""):
            wanted = plugin["spec"].get("selector", {}).get("matchLabels", {})
            if any(labels.get(key) != value for key, value in wanted.items()):
                continue
            listed, image = f"shop.{plugin['metadata']['name']}", plugin["spec"]["url"]
            if image.removeprefix("oci://") in self.broken:
                self.reached.add(name)
                warming.append(listed)
            else:
                active.append(listed)
                filters.append(filter_of(image.rpartition(":")[2], plugin["spec"].get("pluginConfig"), name=listed))
        return (
            200,
            json.dumps({"configs": [listener_of(active, [*active, *warming] if warming else None), *filters]}).encode(),
        )

    def keep(self, *extensions, **params):
        """Run the module once; return its result and its warnings."""
        run = asked(**{"extensions": list(extensions or [GUARD]), "wait": True, "wait_timeout": 0, **params})
        return wasm_extension.run(run, self.cluster, NOW), [text.partition(" ")[0] for text in run.warnings]

    def plugins(self):
        return {each["metadata"]["name"]: each["spec"] for each in self.cluster.list(WASM_PLUGIN, "")}

    def marked(self):
        return [
            each["metadata"]["name"] for each in self.cluster.list(POD, "shop") if LABEL in each["metadata"]["labels"]
        ]


def written(cluster):
    return [" ".join(write) for write in cluster.writes]


def test_a_new_guard_is_written_for_one_pod_and_once_it_runs_there_for_all():
    east = Mesh()
    told, warnings = east.keep()
    assert written(east.cluster) == [
        "apply WasmPlugin guard-canary",
        "merge Pod cart-1",
        "apply WasmPlugin guard",
        "merge Pod cart-1",
        "delete WasmPlugin guard-canary",
    ]
    assert (told["extensions"][0]["why"], list(east.plugins()), east.marked()) == (
        "loaded in 2 of 2 pods",
        ["guard"],
        [],
    )
    assert warnings == ["FED812"]
    assert [(change["action"], change["kind"], change["name"]) for change in told["changes"]] == [
        ("create", "WasmPlugin", "guard-canary"),
        ("merge", "Pod", "cart-1"),
        ("create", "WasmPlugin", "guard"),
        ("merge", "Pod", "cart-1"),
        ("delete", "WasmPlugin", "guard-canary"),
    ]
    again, warnings = east.keep()
    assert (again["changed"], again["canaries"], warnings) == (False, [], [])


@pytest.mark.parametrize("is_update", [False, True], ids=["new", "update"])
def test_a_guard_that_does_not_load_reaches_one_pod_and_leaves_nothing_behind(is_update):
    east = Mesh()
    if is_update:
        east.keep()
    before = east.plugins()
    east.broken = {NEW}
    with pytest.raises(FederationError) as refused:
        east.keep({**GUARD, "image": NEW}, {**WHOLE, "phase": "STATS"})
    error = refused.value
    assert error.code == "FED817" and "shop/cart-1 warming (inbound waits for it" in error.what, error.what
    assert error.facts["loading"]["shop/guard"][0]["listeners"] == ["inbound"]
    assert (east.reached, east.plugins(), east.marked()) == ({"cart-1"}, before, [])
    # The next run finishes it, once the module is there.
    east.broken = set()
    assert east.keep({**GUARD, "image": NEW}, {**WHOLE, "phase": "STATS"})[0]["changed"]
    assert {name: spec["url"] for name, spec in east.plugins().items()} == {
        "guard": f"oci://{NEW}",
        "header": f"oci://{IMAGE}",
    }


@pytest.mark.parametrize(
    ("fields", "is_tried"),
    [
        ({"image": NEW}, True),
        ({"config": {"a": 1}}, True),
        ({"plugin_name": "other"}, True),
        ({"priority": 4}, False),
        ({"selector": {"pod-template-hash": "5d6f"}}, False),
        ({"image": NEW, "canary": False}, False),
        ({"image": NEW, "phase": "STATS"}, False),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_what_brings_another_module_or_configuration_is_tried_and_nothing_else(fields, is_tried):
    east = Mesh()
    east.keep()
    east.cluster.writes.clear()
    told, warnings = east.keep({**GUARD, **fields})
    assert told["changed"] and "FED816" not in warnings
    assert ("apply WasmPlugin guard-canary" in written(east.cluster)) is is_tried


@pytest.mark.parametrize("pods", [("cart-1",), ()], ids=["one", "none"])
def test_where_one_pod_is_selected_or_none_there_is_nobody_to_spare(pods):
    east = Mesh(pods=pods)
    _told, warnings = east.keep()
    assert written(east.cluster) == ["apply WasmPlugin guard"] and "FED816" not in warnings


def test_a_pod_with_a_label_of_its_own_tries_it_without_any_right_to_pods():
    own = {f"cart_{number}": {"statefulset.kubernetes.io/pod-name": f"cart-{number}"} for number in (1, 2)}
    east = Mesh("v2.3", **own)
    # istiod of 2.3 leaves outbound calls alone only where it was told so.
    plane = east.cluster.get(CONTROL_PLANE, SPACE, "basic")
    plane["spec"]["runtime"] = {
        "components": {"pilot": {"container": {"env": {"APPLY_WASM_PLUGINS_TO_INBOUND_ONLY": "true"}}}}
    }
    east.cluster.put(plane)
    east.broken = {NEW}
    with pytest.raises(FederationError, match="FED817"):
        east.keep({**GUARD, "image": NEW})
    assert east.reached == {"cart-1"}
    assert written(east.cluster) == ["apply WasmPlugin guard-canary", "delete WasmPlugin guard-canary"]


def test_before_2_4_no_label_is_put_on_a_pod_since_istiod_would_not_see_it():
    east = Mesh("v2.2")
    _told, warnings = east.keep()
    assert written(east.cluster) == ["apply WasmPlugin guard"] and "FED816" in warnings


def test_an_account_that_may_not_patch_pods_is_told_so_and_all_get_it_at_once():
    east = Mesh()

    def forbidden(*_words, **_more):
        raise FederationError("FED104", where="patch", what="is forbidden", fix="Ask")

    east.cluster.merge_patch = forbidden
    run = asked(extensions=[GUARD], wait=True, wait_timeout=0)
    told = wasm_extension.run(run, east.cluster, NOW)
    assert list(east.plugins()) == ["guard"] and told["extensions"][0]["ready"]
    assert any("FED816" in text and "needs patch on pods" in text for text in run.warnings)


@pytest.mark.parametrize(
    ("silent", "tells", "params"),
    [(("cart-1", "cart-2"), True, {}), ((), False, {}), ((), True, {"wait": False})],
    ids=["pods-may-not-be-asked", "istiod-does-not-tell", "nobody-asks"],
)
def test_without_evidence_all_get_it_at_once_and_that_is_said(silent, tells, params):
    east = Mesh()
    east.silent, east.tells = set(silent), tells
    told, warnings = east.keep(**params)
    assert list(east.plugins()) == ["guard"] and east.marked() == []
    assert "FED816" in warnings and told["extensions"][0]["ready"] is None


def test_a_pod_that_tells_tries_it_though_another_comes_first():
    east = Mesh(pods=("cart-1", "cart-2", "cart-3"))
    east.silent, east.broken = {"cart-1"}, {IMAGE}
    with pytest.raises(FederationError, match="FED817.*cart-"):
        # A right lacks in a whole namespace, so here it is the pod that cannot be reached.
        east.cluster.page = _unreachable(east.cluster.page, "cart-1")
        east.silent = set()
        east.keep()
    assert east.reached == {"cart-2"}


def test_a_pod_that_is_ready_tries_it_rather_than_one_that_comes_first_and_is_not():
    east = Mesh()
    east.broken = {IMAGE}
    east.cluster.set_status(
        "Pod", "shop", "cart-2", {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    )
    east.keep(soft=True)
    assert east.reached == {"cart-2"} == {*east.marked()}


def _unreachable(answer, pod):
    def page(namespace, name, page, by_exec=False):
        if name == pod:
            raise FederationError("FED900", where="pod", what="does not answer", fix="See")
        return answer(namespace, name, page, by_exec=by_exec)

    return page


def test_check_mode_says_who_tries_it_and_writes_and_asks_nothing():
    east = Mesh()
    told, _warnings = east.keep(check_mode=True)
    assert told["canaries"] == [{"extension": "shop/guard", "pod": "shop/cart-1"}]
    assert "shop/guard: shop/cart-1 tries it first, all others get it once it is loaded there" in told["lines"]
    assert [(change["action"], change["name"]) for change in told["changes"]] == [("create", "guard")]
    assert east.cluster.writes == [] and not east.reached


def test_a_wait_in_slices_goes_on_with_the_pod_that_has_begun():
    east = Mesh()
    east.broken = {IMAGE}
    for _slice in range(3):
        told, _warnings = east.keep(soft=True)
        assert [
            line.startswith("shop/guard, tried by one pod first: shop/cart-1 warming") for line in told["waiting_for"]
        ] == [True]
    assert written(east.cluster) == ["apply WasmPlugin guard-canary", "merge Pod cart-1"]
    # A pod that would come first changes nothing.
    east.cluster.put(pod("cart-0", **COMMON))
    east.broken = set()
    told, _warnings = east.keep(soft=True)
    assert list(east.plugins()) == ["guard"] and told["waiting_for"] == [] and east.marked() == []


def test_a_wait_whose_pod_goes_meanwhile_takes_another():
    east = Mesh(pods=("cart-1", "cart-2", "cart-3"))
    east.broken = {IMAGE}
    east.keep(soft=True)
    del east.cluster._objects[("Pod", "shop", "cart-1")]
    east.keep(soft=True)
    assert east.marked() == ["cart-2"] and list(east.plugins()) == ["guard-canary"]


def test_a_trial_of_a_killed_run_that_is_described_otherwise_now_begins_anew():
    east = Mesh()
    east.broken = {IMAGE}
    east.keep(soft=True)
    east.cluster.writes.clear()
    assert east.keep({**GUARD, "image": NEW})[0]["waiting_for"] == []
    assert written(east.cluster) == [
        "merge Pod cart-1",
        "delete WasmPlugin guard-canary",
        "apply WasmPlugin guard-canary",
        "merge Pod cart-1",
        "apply WasmPlugin guard",
        "merge Pod cart-1",
        "delete WasmPlugin guard-canary",
    ]


def test_a_failure_that_stays_ends_the_trial_before_the_deadline():
    east = Mesh()
    east.broken = {IMAGE}
    metrics = b'istio_agent_wasm_remote_fetch_count{result="manifest_failure"} 2\n'
    answer = east.cluster.page

    def page(namespace, name, page, by_exec=False):
        return (200, metrics) if page.path == "/stats/prometheus" else answer(namespace, name, page, by_exec=by_exec)

    east.cluster.page = page
    assert east.keep(soft=True, waited=PATIENCE - 1)[0]["waiting_for"]
    with pytest.raises(FederationError, match="FED817.*2 manifest_failure"):
        east.keep(soft=True, waited=PATIENCE)
    assert list(east.plugins()) == [] and east.marked() == []


@pytest.mark.parametrize("point", range(1, 6))
def test_a_run_that_is_ended_at_any_point_is_finished_by_the_next_one(point, monkeypatch):
    east, left = Mesh(), [point]
    for verb in ("apply", "merge_patch", "delete"):
        answer = getattr(east.cluster, verb)

        def ended(*words, _answer=answer, **more):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return _answer(*words, **more)

        monkeypatch.setattr(east.cluster, verb, ended)
    with pytest.raises(KeyboardInterrupt):
        east.keep()
    monkeypatch.undo()
    assert east.keep(check_mode=True)[0]["changed"]
    assert east.keep()[0]["changed"]
    assert (list(east.plugins()), east.marked()) == (["guard"], [])
    assert not east.keep()[0]["changed"]


@pytest.mark.parametrize(
    "params",
    [{"state": "absent", "extensions": []}, {"extensions": [{**WHOLE, "phase": "STATS"}]}],
    ids=["absent", "gone"],
)
def test_what_a_killed_run_left_on_a_pod_goes_also_with_an_extension_that_is_no_longer_described(params):
    east = Mesh()
    east.broken = {IMAGE}
    east.keep(soft=True)
    assert east.marked() == ["cart-1"]
    east.keep(wait=False, **params)
    assert east.marked() == [] and "guard-canary" not in east.plugins()


@pytest.mark.parametrize(
    "pod", [None, "", "shop", "shop/", "/cart-1", "shop/cart-1/exec", "shop/..", "../shop/cart-1", 7], ids=str
)
def test_a_canary_that_names_no_pod_goes_and_no_pod_is_asked_for(pod):
    east = Mesh()
    east.broken = {IMAGE}
    east.keep(soft=True)
    forged = east.cluster.get(WASM_PLUGIN, "shop", "guard-canary")
    forged["metadata"]["annotations"][CANARY_POD] = pod
    east.cluster.put(forged)
    east.cluster.reads.clear()
    east.keep(state="absent", extensions=[], wait=False)
    assert east.plugins() == {} and not [read for read in east.cluster.reads if read.startswith("get Pod")]


def test_two_guards_are_tried_by_pods_of_their_own_labels():
    east = Mesh()
    second = {**GUARD, "name": "second", "phase": "AUTHN"}
    east.broken = {IMAGE}
    east.keep(GUARD, second, soft=True)
    labels = east.cluster.get(POD, "shop", "cart-1")["metadata"]["labels"]
    assert {LABEL, label_of("shop", "second")} <= set(labels) and east.reached == {"cart-1"}
    east.broken = set()
    assert sorted(east.keep(GUARD, second)[0]["waiting_for"]) == [] and sorted(east.plugins()) == ["guard", "second"]
    assert east.marked() == [] and set(east.cluster.get(POD, "shop", "cart-1")["metadata"]["labels"]) == set(COMMON)


def test_a_name_that_is_described_or_stands_is_never_taken_for_a_canary():
    east = Mesh()
    _told, warnings = east.keep(GUARD, {**WHOLE, "name": "guard-canary", "phase": "STATS"})
    assert "FED816" in warnings and sorted(east.plugins()) == ["guard", "guard-canary"]
    other = Mesh()
    mine = {
        "apiVersion": WASM_PLUGIN.api_version,
        "kind": "WasmPlugin",
        "metadata": {"name": "guard-canary", "namespace": "shop"},
        "spec": {"url": "x"},
    }
    other.cluster.put(mine)
    _told, warnings = other.keep()
    assert "FED816" in warnings and other.plugins()["guard-canary"] == {"url": "x"}


def test_an_extension_of_the_whole_mesh_is_tried_by_one_pod_of_it():
    east = Mesh()
    east.broken = {IMAGE}
    whole = {**GUARD, "namespace": SPACE, "selector": "all"}
    east.keep(whole, soft=True)
    plugins = east.cluster.list(WASM_PLUGIN, SPACE)
    assert [each["spec"]["selector"]["matchLabels"] for each in plugins] == [{label_of(SPACE, "guard"): "true"}]
    assert east.reached == {"cart-1"}


def test_a_run_that_fails_says_what_it_wrote_and_took_away():
    east = Mesh()
    east.broken = {IMAGE}
    run = asked(extensions=[GUARD], wait=True, wait_timeout=0)
    with pytest.raises(FederationError):
        wasm_extension.run(run, east.cluster, NOW)
    assert isinstance(run.journal, _run.Journal) and [text.split()[0] for text in run.journal.done] == [
        "create",
        "merge",
        "merge",
        "delete",
    ]
