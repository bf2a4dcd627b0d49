# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Extensions that our modules pack, push and write, read by a real istiod, pulled from a real registry by real agents,
run by real Envoys.

Whatever ``wasm_extension`` says of readiness is held against what Envoy does with requests. One has an Envoy reject its
configuration, so this file comes after test_traffic, which looks at all rejections since the start.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import wasmtime
import yaml
from attacks.attack import Outcome, call
from real_istio.conftest import DESCRIBED, SECONDS_TO_REACH, local, of_west

from testbed.cluster import service_account, write_kubeconfig
from testbed.programs import find_registry
from testbed.real_istio import HOME, INBOUND, PORT, SHOP, RealIstio
from testbed.registry import RealRegistry, real_registry
from testbed.sidecars import Answered, Application, Caller

MESH = {key: DESCRIBED[key] for key in ("mesh", "namespace")}
SECONDS_TO_LOAD = 60
SECONDS_TO_OBEY = 20
"""A connection that stands has one more request answered as before, and is closed with that answer."""
CALLERS = 4


def source(name: str) -> str:
    """Return the text of one of our modules."""
    return (Path(__file__).parent / "wasm" / f"{name}.wat").read_text(encoding="utf-8")


CONFIGURED = '(export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)\n    (local $record i32)'
MODULES = {
    "header": source("header"),
    "header-2": source("header").replace('"x-extension"', '"x-extens-2d"'),
    "deny": source("deny"),
    "refuses": source("header").replace(CONFIGURED, f"{CONFIGURED}\n    (return (i32.const 0))"),
}


class Images:
    """Our modules as images in a registry, each by its digest."""

    def __init__(self, registry: RealRegistry, run: Callable[..., Outcome], folder: Path) -> None:
        self.host = registry.host
        self.pinned: dict[str, str] = {}
        for name, text in MODULES.items():
            path = folder / f"{name}.wasm"
            path.write_bytes(bytes(wasmtime.wat2wasm(text)))
            options = {
                "path": str(path),
                "name": name,
                "push": f"{registry.host}/team/{name}:1",
                "registry_plain_http": True,
            }
            self.pinned[name] = run("wasm_image", **options).result["pinned"]

    @property
    def absent(self) -> str:
        """Return an image that the registry does not have."""
        return f"{self.host}/team/absent@sha256:{'0' * 64}"

    def extension(self, name: str, module: str, **fields: Any) -> dict[str, Any]:
        """Return an extension for the local workload; ``module`` is one of ours, or an image."""
        image = self.pinned.get(module, module)
        return {"name": name, "namespace": "shop", "selector": {"app": "cart"}, "image": image, **fields}


@pytest.fixture(scope="module")
def images(collections: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    def run(module: str, /, **options: Any) -> Outcome:
        outcome = call(collections, module, options)
        assert not outcome.result.get("failed"), outcome.result
        return outcome

    with real_registry(find_registry(), tmp_path_factory.mktemp("rg"), tls=False) as registry:
        yield Images(registry, run, tmp_path_factory.mktemp("modules"))


@pytest.fixture
def extend(mesh: RealIstio, collections: str) -> Iterator[Callable[..., dict[str, Any]]]:
    """Return what keeps extensions and waits for the proxies; they are gone when the test is over."""

    def kept(*extensions: dict[str, Any], seconds: int = SECONDS_TO_LOAD, **options: Any) -> dict[str, Any]:
        state = "present" if extensions else "absent"
        asked = {
            "kubeconfig": str(mesh.east.kubeconfig),
            **MESH,
            "extensions": list(extensions),
            "state": state,
            "wait": True,
            **options,
        }
        return call(collections, "wasm_extension", {"wait_timeout": seconds, **asked}).result

    assert mesh.proxies["cart-1"].has_own_data, (
        "no agent can have a folder for modules of its own: unshare -rm is refused here"
    )
    yield kept
    kept()
    caller = mesh.caller("web-1")
    try:
        mesh.wait_until(lambda: is_plain(caller.call(local("till"))), SECONDS_TO_OBEY, "the end of all extensions")
    finally:
        caller.close()


def marks(answered: Answered) -> list[str]:
    """Return what extensions wrote into the request, in their order, by what the application saw."""
    text = json.loads(answered.body)["headers"].get("x-extension", "") if answered.mesh else ""
    return sorted((word for word in ("first", "second", "third") if word in text), key=text.index)


def is_plain(answered: Answered) -> bool:
    """Return whether an application answered and no extension saw the response."""
    return answered.status == 200 and not {"x-extension", "x-extens-2d"} & set(answered.headers)


def connections(mesh: RealIstio, pod: str) -> int:
    """Return how many connections the sidecar of ``pod`` keeps to the local workload."""
    rows = [line.split("::") for line in mesh.proxies[pod].admin("/clusters").splitlines()]
    return sum(
        int(row[-1]) for row in rows if row[0].endswith("||till.shop.svc.cluster.local") and row[-2] == "cx_active"
    )


def states(told: dict[str, Any]) -> dict[str, str]:
    """Return how each extension fares in the pod of the local workload."""
    rows = told.get("extensions", [])
    return {row["name"]: each["state"] for row in rows for each in row["loading"] if each["pod"] == "shop/cart-1"}


GUARDED = ("guarded-1", "guarded-2")


@pytest.fixture
def guarded(mesh: RealIstio) -> Iterator[str]:
    """A service of two pods that have all their labels in common, each of which answers with its name."""
    applications = [Application("east", name) for name in GUARDED]
    host = local("guarded")
    port = {"number": PORT, "name": "http", "protocol": "HTTP", "targetPort": INBOUND}
    spec = {"hosts": [host.partition(":")[0]], "location": "MESH_INTERNAL", "resolution": "STATIC", "ports": [port]}
    spec["workloadSelector"] = {"labels": {"app": "guarded"}}
    mesh.apply(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "ServiceEntry",
            "metadata": {"name": "guarded", "namespace": SHOP},
            "spec": spec,
        }
    )
    for name, application in zip(GUARDED, applications):
        application.start()
        # The Sidecar that opens a port for each has to tell them apart, by a label that no pod bears.
        mesh.add(name, SHOP, "guarded", {"app": "guarded"}, application=application, told={"proxy": name})
    mesh.serve()
    for name in GUARDED:
        mesh.proxies[name].wait_ready()
    yield host
    for name, application in zip(GUARDED, applications):
        mesh.remove(name)
        application.stop()
    mesh.kube.delete("ServiceEntry", "guarded", SHOP)


@pytest.fixture
def as_shipped(mesh: RealIstio, tmp_path: Path) -> str:
    """The kubeconfig of an account that has what the files of rights for extensions give, and no more."""
    files = Path(__file__).parents[2] / "playbooks" / "files"
    texts = [(files / f"extensions-{name}.yml").read_text(encoding="utf-8") for name in ("administrator", "canary")]
    roles = [each for text in texts for each in yaml.safe_load(text)["items"] if each["kind"] == "Role"]
    token = service_account(mesh.kube, "extensions-administrator", HOME, roles)
    write_kubeconfig(tmp_path / "kubeconfig", "east", mesh.east.server, mesh.east.authority.pem, token)
    return str(tmp_path / "kubeconfig")


def test_a_guard_is_tried_by_one_pod_and_a_bad_one_reaches_no_other(
    mesh: RealIstio, images: Images, extend: Callable, guarded: str, as_shipped: str
) -> None:
    def served(count: int = 20) -> list[tuple[int, str, list[str]]]:
        caller = mesh.caller("web-1")
        answers = [caller.call(guarded) for _call in range(count)]
        caller.close()
        return [
            (
                each.status,
                json.loads(each.body)["name"] if each.status == 200 else "",
                marks(each) if each.status == 200 else [],
            )
            for each in answers
        ]

    def pods() -> dict[str, set[str]]:
        return {name: set(mesh.kube.get("Pod", name, SHOP)["metadata"]["labels"]) for name in GUARDED}

    mesh.wait_until(lambda: {name for _status, name, _marks in served()} == {*GUARDED}, SECONDS_TO_REACH, "both pods")
    before = pods()
    guard = {
        **images.extension("guard", "header", phase="AUTHN", config={"say": "first"}),
        "selector": {"app": "guarded"},
    }
    told = extend(guard, kubeconfig=as_shipped)
    assert [each["state"] for each in told["extensions"][0]["loading"]] == ["loaded"] * 2, told
    assert [change["name"] for change in told["changes"]] == [
        "guard-canary",
        "guarded-1",
        "guard",
        "guarded-1",
        "guard-canary",
    ]
    every = [(200, name, ["first"]) for name in GUARDED]
    mesh.wait_until(
        lambda: sorted(set(map(str, served()))) == sorted(map(str, every)), SECONDS_TO_OBEY, "both pods, guarded"
    )

    seen, ended = [], threading.Event()

    def load() -> None:
        while not ended.is_set():
            seen.extend(served())

    caller = threading.Thread(target=load)
    caller.start()
    try:
        told = extend({**guard, "image": images.absent}, seconds=10, kubeconfig=as_shipped)
    finally:
        ended.set()
        caller.join()
    assert told["failed"] and told["msg"].startswith("FED817") and "denies every request" in told["msg"], told
    assert {each["pod"] for each in told["facts"]["loading"]["shop/guard"]} == {"shop/guarded-1"}
    assert "absent" not in mesh.proxies["guarded-2"].log.read_text(encoding="utf-8"), (
        "its agent was told of the bad module"
    )
    refused = [each for each in seen if each[0] == 403]
    others = {str(each) for each in seen if each[1] == "guarded-2"}
    print(f"of {len(seen)} calls {len(refused)} met the pod that tried it, and were refused")
    assert (
        0 < len(refused) < len(seen)
        and others == {str((200, "guarded-2", ["first"]))}
        and {each[0] for each in seen} == {200, 403}
    )
    mesh.wait_until(
        lambda: sorted(set(map(str, served()))) == sorted(map(str, every)), SECONDS_TO_OBEY, "both pods, as they were"
    )
    assert pods() == before and [each["metadata"]["name"] for each in mesh.kube.list("WasmPlugin", SHOP)] == ["guard"]
    assert not extend(guard)["changed"]


def test_an_extension_that_is_ready_sees_every_request_and_response_with_its_configuration_and_goes(
    mesh: RealIstio, web: Caller, images: Images, extend: Callable
) -> None:
    for word in ("first", "third"):
        told = extend(images.extension("mark", "header", config={"say": word}))
        assert states(told) == {"mark": "loaded"}, told
        mesh.wait_until(
            lambda word=word: marks(web.call(local("till"))) == [word], SECONDS_TO_OBEY, f"calls that are marked {word}"
        )
        answers = [web.call(local("till")) for _call in range(20)]
        assert [marks(each) for each in answers] == [[word]] * 20
        assert [json.loads(each.headers["x-extension"]) for each in answers] == [{"say": word}] * 20
    assert not extend(images.extension("mark", "header", config={"say": "third"}))["changed"]
    assert extend()["changed"]
    mesh.wait_until(lambda: is_plain(web.call(local("till"))), SECONDS_TO_OBEY, "the end of the extension")


def test_of_two_extensions_in_a_phase_the_higher_priority_is_first(
    mesh: RealIstio, web: Caller, images: Images, extend: Callable
) -> None:
    for order in (["first", "second"], ["second", "first"]):
        pair = [
            images.extension(word, "header", phase="AUTHN", priority=9 - number, config={"say": word})
            for number, word in enumerate(order)
        ]
        told = extend(*pair)
        assert states(told) == {"first": "loaded", "second": "loaded"}, told
        assert [row["extensions"] for row in told["orders"]] == [[f"shop/{word}" for word in order]]
        mesh.wait_until(
            lambda order=order: marks(web.call(local("till"))) == order, SECONDS_TO_OBEY, f"the order {order}"
        )
        assert [marks(web.call(local("till"))) for _call in range(10)] == [order] * 10


def test_a_loaded_guard_judges_new_connections_at_once_and_one_that_stands_after_one_more_request(
    mesh: RealIstio, web: Caller, images: Images, extend: Callable
) -> None:
    assert is_plain(web.call(local("till")))
    standing = connections(mesh, "web-1")
    assert standing > 0 and connections(mesh, "cart-1") == 0
    assert states(extend(images.extension("deny", "deny", phase="AUTHZ"))) == {"deny": "loaded"}
    new = mesh.caller("cart-1")
    assert [new.call(local("till")).status for _call in range(10)] == [418] * 10
    new.close()
    statuses = [web.call(local("till")).status for _call in range(10 + standing)]
    passed = statuses.count(200)
    print(f"of {standing} connections that stood, {passed} let one more request pass")
    assert 0 < passed <= standing
    assert statuses == [200] * passed + [418] * (10 + standing - passed)


def test_an_extension_that_denies_ends_each_request_to_its_workload_and_no_call_that_the_workload_makes(
    mesh: RealIstio, images: Images, extend: Callable, web: Caller
) -> None:
    own = mesh.caller("cart-1")
    mesh.wait_until(
        lambda: own.call(of_west("price")).mesh == "west", SECONDS_TO_REACH, "a call that the workload makes"
    )
    told = extend(images.extension("deny", "deny", phase="AUTHZ"))
    assert states(told) == {"deny": "loaded"}, told
    mesh.wait_until(lambda: web.call(local("till")).status == 418, SECONDS_TO_OBEY, "the denial")
    answers = [web.call(local("till")) for _call in range(10)]
    assert [(each.status, each.body) for each in answers] == [(418, "denied by an extension")] * 10
    assert [own.call(of_west("price")).mesh for _call in range(10)] == ["west"] * 10
    own.close()


def test_a_new_digest_takes_over_under_load_without_a_lost_request(
    mesh: RealIstio, images: Images, extend: Callable
) -> None:
    assert states(extend(images.extension("mark", "header", config={"say": "first"}))) == {"mark": "loaded"}
    first = mesh.caller("web-1")
    mesh.wait_until(lambda: marks(first.call(local("till"))) == ["first"], SECONDS_TO_OBEY, "the first module")
    first.close()
    ended, lost, seen = threading.Event(), [], [0, 0]

    def load() -> None:
        caller = mesh.caller("web-1")
        while not ended.is_set():
            answered = caller.call(local("till"))
            versions = ["x-extension" in answered.headers, "x-extens-2d" in answered.headers]
            if answered.status != 200 or sum(versions) != 1:
                lost.append(answered)
            seen[versions.index(True) if any(versions) else 0] += 1
        caller.close()

    callers = [threading.Thread(target=load) for _caller in range(CALLERS)]
    for each in callers:
        each.start()
    try:
        mesh.wait_until(lambda: seen[0] > 200, 30, "calls through the first module")
        told = extend(images.extension("mark", "header-2", config={"say": "first"}))
        before = seen[0]
        mesh.wait_until(lambda: seen[1] > 200, 30, "calls through the second module")
    finally:
        ended.set()
        for each in callers:
            each.join()
    print(f"calls through the first module {seen[0]}, through the second {seen[1]}, lost {len(lost)}")
    assert states(told) == {"mark": "loaded"}, told
    assert lost == []
    assert seen[0] - before <= CALLERS, "the first module still answered when the second was called loaded"


def test_a_module_that_cannot_be_pulled_is_told_and_what_envoy_does_is_what_was_told(
    mesh: RealIstio, web: Caller, images: Images, extend: Callable
) -> None:
    told = extend(images.extension("absent", images.absent, phase="AUTHZ"), seconds=15)
    assert told["failed"] and told["msg"].startswith("FED814"), told
    (loading,) = told["facts"]["loading"]["shop/absent"]
    assert (
        loading["state"] == "failed"
        and "denies every request" in loading["why"]
        and "manifest unknown" in loading["why"]
    ), loading
    mesh.wait_until(lambda: web.call(local("till")).status == 403, SECONDS_TO_OBEY, "the agent's denial")
    assert [web.call(local("till")).status for _call in range(10)] == [403] * 10
    assert states(extend(images.extension("absent", "header", config={"say": "first"}))) == {"absent": "loaded"}
    mesh.wait_until(lambda: marks(web.call(local("till"))) == ["first"], SECONDS_TO_OBEY, "the module after all")
    assert [marks(web.call(local("till"))) for _call in range(10)] == [["first"]] * 10


def test_a_module_that_envoy_rejects_is_told_with_the_reason_also_when_another_has_been_taken_since(
    mesh: RealIstio, web: Caller, images: Images, extend: Callable
) -> None:
    def fare(*extensions: dict[str, Any]) -> dict[str, str]:
        told = extend(*extensions, wait=False, ask_proxies=True)
        return {row["name"]: f"{each['state']} {each['why']}" for row in told["extensions"] for each in row["loading"]}

    def wait_until(wanted: dict[str, str], *extensions: dict[str, Any]) -> None:
        def is_so() -> bool:
            found = fare(*extensions)
            return all(found.get(name, "").startswith(text) for name, text in wanted.items())

        mesh.wait_until(is_so, SECONDS_TO_LOAD, str(wanted))

    bad = images.extension("refuses", "refuses", phase="AUTHZ", config={"say": "first"})
    good = images.extension("mark", "header", config={"say": "third"})
    rejected = "failed Envoy has rejected it: Unable to create Wasm"
    wait_until({"refuses": rejected}, bad)
    mesh.wait_until(
        lambda: web.call(local("till")).status == 500, SECONDS_TO_OBEY, "Envoy's answer where it has no filter"
    )
    listener = "failed Envoy has rejected the configuration of"
    wait_until({"refuses": rejected, "mark": listener}, bad, good)
    assert [web.call(local("till")).status for _call in range(5)] == [500] * 5
    # The listener that Envoy has rejected comes again with the next change only.
    mended = {**bad, "image": images.pinned["header"]}
    wait_until({"refuses": "loaded", "mark": listener}, mended, good)
    assert states(extend({**mended, "config": {"say": "second"}}, good)) == {"refuses": "loaded", "mark": "loaded"}
    # What was taken once goes on as it was when it is rejected later; that is told as well.
    wait_until({"refuses": rejected}, bad, good)
    assert [web.call(local("till")).status for _call in range(5)] == [200] * 5


def test_a_module_that_cannot_be_pulled_holds_no_other_extension_back(
    mesh: RealIstio, web: Caller, images: Images, extend: Callable
) -> None:
    good = images.extension("mark", "header", phase="AUTHN", config={"say": "first"})
    told = extend(good, images.extension("absent", images.absent, phase="STATS"), seconds=15)
    assert told["failed"] and sorted(told["facts"]["loading"]) == ["shop/absent"], told
    mesh.wait_until(lambda: web.call(local("till")).status == 403, SECONDS_TO_OBEY, "the agent's denial")
    answered = web.call(local("till"))
    assert answered.status == 403 and json.loads(answered.headers["x-extension"]) == {"say": "first"}
    told = extend(
        {**good, "config": {"say": "third"}}, images.extension("absent", images.absent, phase="STATS"), seconds=15
    )
    assert sorted(told["facts"]["loading"]) == ["shop/absent"], told
    assert json.loads(web.call(local("till")).headers["x-extension"]) == {"say": "third"}


def test_a_module_that_cannot_be_pulled_lets_all_pass_where_it_fails_open(
    mesh: RealIstio, web: Caller, images: Images
) -> None:
    # By hand, since the mesh is described as 2.5, whose WasmPlugin has no failStrategy.
    spec = {"selector": {"matchLabels": {"app": "cart"}}, "url": f"oci://{images.absent}", "failStrategy": "FAIL_OPEN"}
    whole = {
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {"name": "open", "namespace": "shop"},
        "spec": spec,
    }
    cart = mesh.proxies["cart-1"]
    mesh.apply(whole)
    try:
        mesh.wait_until(
            lambda: "wasm-default-allow" in cart.admin("/config_dump?resource=ecds_filters"), 20, "the agent's filter"
        )
        assert [web.call(local("till")).status for _call in range(10)] == [200] * 10
    finally:
        mesh.kube.delete("WasmPlugin", "open", "shop")
        mesh.wait_until(lambda: "shop.open" not in cart.admin("/config_dump?resource=dynamic_listeners"), 20, "its end")
