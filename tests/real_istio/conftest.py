# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One mesh with a real Istio control plane and real sidecars, for all tests of this folder, and modules that run
against it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attacks.attack import Outcome, call
from integration import conftest as on_a_testbed

from testbed.real_istio import HOME, LABEL, OURS, PORT, SHOP, THEIRS, RealIstio
from testbed.recorder import Request
from testbed.sidecars import Caller

# Fixtures are found by their names here.
collections = on_a_testbed.collections

DESCRIBED: dict[str, Any] = {
    "mesh": "east",
    "namespace": HOME,
    "peers": [{"name": "west", "locality": {"region": THEIRS}}],
    "exports": [{"name": "checkout", "namespace": SHOP, "to": ["west"]}],
    "imports": [
        {"name": "cart", "namespace": SHOP, "import_as_local": True, "from": ["west"]},
        {"name": "till", "namespace": SHOP, "from": ["west"]},
        {"name": "price", "namespace": SHOP, "from": ["west"]},
    ],
}
# By port and path: the keys that a query may have. ``push=true``, ``clear=true`` and ``/quitquitquit`` are GETs as
# well.
ALLOWED: dict[tuple[int, str], set[str]] = {
    (15000, "/config_dump"): {"include_eds", "resource"},
    (15000, "/clusters"): {"format"},
    (15000, "/stats"): {"filter", "format", "usedonly"},
    (15000, "/server_info"): set(),
    (15000, "/certs"): set(),
    (15014, "/debug/syncz"): set(),
    (15014, "/debug/config_dump"): {"proxyID", "types"},
    (15014, "/debug/adsz"): set(),
    (15014, "/debug/endpointz"): set(),
    (15014, "/debug/registryz"): set(),
    (15014, "/metrics"): set(),
    (15020, "/stats/prometheus"): set(),
    (8080, "/ready"): set(),
}
SECONDS_TO_REACH = 20
"""How long a rule may take from the API server to all sidecars."""


def local(name: str) -> str:
    """Return how a service of east is called."""
    return f"{name}.{SHOP}.svc.cluster.local:{PORT}"


def of_west(name: str) -> str:
    """Return how a service of west with a name of its own is called."""
    return f"{name}.{SHOP}.svc.west-imports.local:{PORT}"


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealIstio]:
    """The running mesh; a folder with a short name, since paths of sockets may not be long."""
    with RealIstio(tmp_path_factory.mktemp("ri"), say=lambda _line: None) as running:
        yield running
        assert not [one for one in running.recorder.requests if not is_allowed(one)]


def is_allowed(request: Request) -> bool:
    """Return whether what a pod was asked is a whole request that changes nothing: path and query."""
    url = urlsplit(request.target)
    return request.method == "GET" and set(parse_qs(url.query, keep_blank_values=True)) <= ALLOWED.get(
        (request.port, url.path), set()
    )


@pytest.fixture
def syncz(collections: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The reader of istiod's pages of proxies."""
    monkeypatch.syspath_prepend(collections)
    return importlib.import_module("ansible_collections.ossm.federation.plugins.module_utils._core.insight.syncz")


@pytest.fixture
def web(mesh: RealIstio) -> Iterator[Caller]:
    """A workload that calls others."""
    caller = mesh.caller("web-1")
    yield caller
    caller.close()


@pytest.fixture
def module(mesh: RealIstio, collections: str) -> Callable[..., Outcome]:
    """Return what runs a module of this collection against the mesh's API server."""

    def run(name: str, **options: Any) -> Outcome:
        outcome = call(collections, name, {"kubeconfig": str(mesh.east.kubeconfig), **options})
        assert not outcome.result.get("failed"), outcome.result
        return outcome

    return run


@pytest.fixture
def keep(module: Callable[..., Outcome]) -> Iterator[Callable[..., Mapping[str, Any]]]:
    """Return what keeps rules of traffic; they are gone when the test is over."""

    def kept(*rules: Mapping[str, Any]) -> Mapping[str, Any]:
        return module("mesh_traffic", **DESCRIBED, locality={"region": OURS}, traffic=list(rules)).result

    yield kept
    kept()


@pytest.hookimpl
def pytest_report_header() -> str:
    """Name the version that all results of this folder are of."""
    return f"results are those of {LABEL}"
