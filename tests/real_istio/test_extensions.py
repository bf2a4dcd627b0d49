# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Extensions that ``wasm_extension`` writes, read by a real istiod, fetched by a real pilot-agent, and run by a real Envoy."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from real_istio.conftest import DESCRIBED, SECONDS_TO_REACH, local

from testbed.real_istio import RealIstio
from testbed.sidecars import Answered, Caller

wasmtime = pytest.importorskip(
    "wasmtime", reason="wasmtime assembles the modules; pip install wasmtime into this Python"
)

SOURCES = Path(__file__).parent / "wasm"
MESH = {key: DESCRIBED[key] for key in ("mesh", "namespace")}


class Modules:
    """A server of Wasm modules on loopback."""

    def __init__(self) -> None:
        self.files = {
            f"/{path.stem}.wasm": bytes(wasmtime.wat2wasm(path.read_text(encoding="utf-8")))
            for path in SOURCES.glob("*.wat")
        }
        modules = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = modules.files.get(self.path.partition("?")[0])
                self.send_response(404 if body is None else 200)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *words: object) -> None:
                """Keep quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def extension(self, name: str, module: str, **fields: Any) -> dict[str, Any]:
        """Return an extension for the local workload."""
        path = f"/{module}.wasm"
        sha256 = {"sha256": hashlib.sha256(self.files[path]).hexdigest()} if path in self.files else {}
        image = f"http://127.0.0.1:{self.server.server_port}{path}"
        return {"name": name, "namespace": "shop", "selector": {"app": "cart"}, "image": image, **sha256, **fields}


@pytest.fixture(scope="module")
def modules() -> Iterator[Modules]:
    served = Modules()
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def extend(module: Callable) -> Iterator[Callable[..., Any]]:
    def kept(*extensions: dict[str, Any]) -> Any:
        state = "present" if extensions else "absent"
        return module("wasm_extension", **MESH, extensions=list(extensions), state=state).result

    yield kept
    kept()


@pytest.fixture
def web(mesh: RealIstio) -> Iterator[Caller]:
    caller = mesh.caller("web-1")
    yield caller
    caller.close()


def marks(answered: Answered) -> list[str]:
    """Return what extensions wrote into the request, in their order, by what the application saw."""
    text = json.loads(answered.body)["headers"].get("x-extension", "") if answered.mesh else ""
    return sorted((word for word in ("first", "second", "third") if word in text), key=text.index)


def test_an_extension_works_on_requests_and_responses_by_its_configuration_and_goes(
    mesh: RealIstio, web: Caller, modules: Modules, extend: Callable
) -> None:
    def call() -> Answered:
        return web.call(local("till"))

    extend(modules.extension("mark", "header", config={"say": "first"}))
    mesh.wait_until(lambda: marks(call()) == ["first"], SECONDS_TO_REACH, "the extension")
    assert "first" in call().headers["x-extension"]
    extend(modules.extension("mark", "header", config={"say": "third"}))
    mesh.wait_until(lambda: marks(call()) == ["third"], SECONDS_TO_REACH, "its new configuration")
    extend()
    mesh.wait_until(lambda: call().status == 200 and "x-extension" not in call().headers, SECONDS_TO_REACH, "its end")


def test_of_two_extensions_in_a_phase_the_higher_priority_is_first(
    mesh: RealIstio, web: Caller, modules: Modules, extend: Callable
) -> None:
    pair = [("low", "second", 1), ("high", "first", 9)]
    extend(
        *(
            modules.extension(name, "header", phase="AUTHN", priority=priority, config={"say": word})
            for name, word, priority in pair
        )
    )
    mesh.wait_until(
        lambda: marks(web.call(local("till"))) == ["first", "second"],
        SECONDS_TO_REACH,
        "both extensions in their order",
    )


def test_an_extension_that_denies_ends_the_request_and_what_comes_after_it(
    mesh: RealIstio, web: Caller, modules: Modules, extend: Callable
) -> None:
    extend(modules.extension("deny", "deny", phase="AUTHZ"))
    mesh.wait_until(lambda: web.call(local("till")).status == 418, SECONDS_TO_REACH, "the denial")
    assert web.call(local("till")).body == "denied by an extension"


def test_a_call_of_the_selected_workload_itself_stays_untouched(
    mesh: RealIstio, web: Caller, modules: Modules, extend: Callable
) -> None:
    extend(modules.extension("deny", "deny"))
    mesh.wait_until(lambda: web.call(local("till")).status == 418, SECONDS_TO_REACH, "the denial of calls to it")
    assert mesh.caller("cart-1").call(local("checkout")).status == 418  # it is refused by itself as a server
    assert mesh.caller("cart-1").call("price.shop.svc.west-imports.local:8000").mesh == "west"


def test_a_module_that_cannot_be_fetched_leaves_running_proxies_open(
    mesh: RealIstio, web: Caller, modules: Modules, extend: Callable
) -> None:
    agent = mesh.proxies["cart-1"]
    extend(modules.extension("absent", "absent"))
    failed = 'istio_agent_wasm_remote_fetch_count{result="download_failure"}'
    mesh.wait_until(lambda: failed in agent.agent_metrics(), 40, "the agent's count of failed fetches")
    assert web.call(local("till")).status in (200, 500, 503)
    print(f"while a module cannot be fetched a running proxy answers {web.call(local('till')).status}")
