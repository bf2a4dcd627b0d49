# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is told of real proxies when something is wrong, where a request went, and what is kept secret of their configuration."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from real_istio.conftest import DESCRIBED, SECONDS_TO_REACH, local

from testbed.kube import KINDS, Resource
from testbed.real_istio import SHOP, RealIstio

MESH = {key: DESCRIBED[key] for key in ("mesh", "namespace")}
KINDS.setdefault("EnvoyFilter", Resource("networking.istio.io/v1alpha3", "envoyfilters"))
# A cluster that no Envoy takes: its balancing policy needs a cluster of another type. istiod passes on what it says.
_CLUSTER = {"name": "refused", "type": "STATIC", "connect_timeout": "1s", "lb_policy": "CLUSTER_PROVIDED"}
REFUSED = {
    "apiVersion": "networking.istio.io/v1alpha3",
    "kind": "EnvoyFilter",
    "metadata": {"name": "refused", "namespace": SHOP},
    "spec": {
        "workloadSelector": {"labels": {"app": "other"}},
        "configPatches": [{"applyTo": "CLUSTER", "patch": {"operation": "ADD", "value": _CLUSTER}}],
    },
}


@pytest.fixture
def refused(mesh: RealIstio) -> Iterator[None]:
    """An update that the proxy of other-1 has rejected; afterwards it has taken all again."""
    mesh.apply(REFUSED)
    mesh.wait_until(mesh.proxies["other-1"].rejected, SECONDS_TO_REACH, "an update that Envoy rejects")
    yield
    mesh.kube.delete("EnvoyFilter", "refused", SHOP)


@pytest.mark.usefixtures("refused")
def test_a_rejected_update_is_told_with_its_type(module: Callable) -> None:
    health = module("mesh_health_info", **MESH, again=2).result
    states = {row["proxy"]: row for row in health["proxies"]}
    other = states["shop/other-1"]
    assert (other["state"], other["types"].get("cluster")) == ("REJECTED", "REJECTED"), other
    assert "update_rejected" in other["evidence"], other
    assert states["shop/web-1"]["state"] == "SYNCED", states["shop/web-1"]


def test_a_request_is_followed_from_its_client_to_its_pod(
    mesh: RealIstio, module: Callable, tmp_path: Path
) -> None:
    caller, request = mesh.caller("web-1"), str(uuid.uuid4())
    assert caller.call(local("checkout"), "/basket?of=7", {"X-Request-Id": request}).status == 200
    caller.close()
    asked = {"of": ["shop/web-1", "shop/cart-1"], "request": request, "file": str(tmp_path / "log")}
    found: dict = {}

    def hops() -> dict[str, dict]:
        found.update(module("mesh_logs_info", **MESH, **asked).result)
        return {hop["role"]: hop for hop in found["hops"]}

    mesh.wait_until(lambda: set(hops()) == {"client", "server"}, SECONDS_TO_REACH, "the lines of both sidecars")
    assert {(hop["code"], hop["certainty"]) for hop in hops().values()} == {("200", "exact")}, found["hops"]


def test_neither_a_result_nor_a_saved_configuration_holds_a_key(module: Callable, tmp_path: Path) -> None:
    shown = module("proxy_config_info", **MESH, of="shop/web-1", directory=str(tmp_path))
    saved = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert '"secrets"' in saved
    for text in (shown.printed, saved):
        assert "PRIVATE KEY" not in text
        assert "LS0tLS1CRUdJTi" not in text  # a PEM text in base64
