# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is told of real proxies when something is wrong, where a request went, and what is kept secret of their
configuration.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType

import pytest
from real_istio.conftest import DESCRIBED, SECONDS_TO_REACH, local, of_west

from testbed.kube import KINDS, Resource
from testbed.real_istio import HOME, ISTIOD, SHOP, RealIstio

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

CLOSING = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "closing", "namespace": SHOP},
    "spec": {
        "host": of_west("till").partition(":")[0],
        "trafficPolicy": {"connectionPool": {"http": {"idleTimeout": "1s"}}, "tls": {"mode": "ISTIO_MUTUAL"}},
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
    assert "config.cluster.v3.Cluster rejected: " in other["evidence"], other
    assert states["shop/web-1"]["state"] == "SYNCED", states["shop/web-1"]


ONLOOKER = "onlooker"
_READS = [
    "pods",
    "services",
    "configmaps",
    "deployments",
    "servicemeshcontrolplanes",
    "servicemeshmemberrolls",
    "servicemeshpeers",
]
_RBAC = "rbac.authorization.k8s.io"


def rights(kind: str, rules: list[dict], **metadata: str) -> list[dict]:
    """Return a role for the onlooker, and what gives it."""
    named = {"apiVersion": f"{_RBAC}/v1", "metadata": {"name": ONLOOKER, **metadata}}
    subjects = [{"apiGroup": _RBAC, "kind": "User", "name": ONLOOKER}]
    role = {"apiGroup": _RBAC, "kind": kind, "name": ONLOOKER}
    return [
        {**named, "kind": kind, "rules": rules},
        {**named, "kind": f"{kind}Binding", "roleRef": role, "subjects": subjects},
    ]


@pytest.fixture
def onlooker(mesh: RealIstio) -> Iterator[str]:
    """Somebody who may see the objects, and ask pods of the control plane's namespace only."""
    mine = rights("ClusterRole", [{"apiGroups": ["*"], "resources": _READS, "verbs": ["get", "list"]}])
    pods = [{"apiGroups": [""], "resources": ["pods/log", "pods/portforward"], "verbs": ["get", "create"]}]
    mine += rights("Role", pods, namespace=HOME)
    for manifest in mine:
        mesh.apply(manifest)
    yield ONLOOKER
    for manifest in mine:
        mesh.kube.delete(manifest["kind"], ONLOOKER, manifest["metadata"].get("namespace"))


@pytest.mark.usefixtures("refused")
def test_what_istiod_is_told_of_a_rejection_is_enough_where_no_envoy_may_be_asked(
    mesh: RealIstio, module: Callable, onlooker: str
) -> None:
    # istiod sends another one between the two readings, and is told again that it is rejected.
    patch = {"applyTo": "CLUSTER", "patch": {"operation": "ADD", "value": {**_CLUSTER, "connect_timeout": "2s"}}}
    again = threading.Timer(3, mesh.apply, [{**REFUSED, "spec": {**REFUSED["spec"], "configPatches": [patch]}}])
    again.start()
    told = module("mesh_health_info", **MESH, again=6, impersonate_user=onlooker).result
    again.join()
    (other,) = [row for row in told["proxies"] if row["proxy"] == "shop/other-1"]
    assert other["state"] == "REJECTED" and "istiod has counted" in other["evidence"], told["proxies"]
    assert "istiod's log: CDS Internal:" in other["evidence"] and "Envoy says" not in other["evidence"], other
    assert any(gap["what"] == "pages of pods in shop" for gap in told["unread"]), told["unread"]


@pytest.fixture
def lost(mesh: RealIstio) -> Iterator[None]:
    """The proxy of other-1 runs with a token that istiod does not take; the pod of cart-1 is gone, and its proxy is
    not.
    """
    mesh.run(mesh.proxies["other-1"], token="nobody's")
    mesh.remove_local()
    yield
    mesh.restore_local()
    mesh.run(mesh.proxies["other-1"])
    mesh.proxies["other-1"].wait_ready()


@pytest.mark.usefixtures("lost")
def test_who_has_no_row_is_not_connected_and_a_row_without_a_pod_is_gone(
    mesh: RealIstio, module: Callable, syncz: ModuleType
) -> None:
    found: list[dict] = []

    def first() -> str:
        found[:] = module("mesh_health_info", **MESH, again=1).result["proxies"]
        return found[0]["state"]

    def is_told() -> bool:
        return first() == "NOT CONNECTED" and "its Envoy says" in found[0]["evidence"]

    mesh.wait_until(is_told, syncz.STARTING.seconds + 3 * SECONDS_TO_REACH, "a proxy that is not connected")
    states = {row["proxy"]: row["state"] for row in found}
    assert (found[0]["proxy"], states["shop/cart-1"], states["shop/web-1"]) == ("shop/other-1", "GONE", "SYNCED")
    evidence = found[0]["evidence"]
    assert "no istiod knows it" in evidence and "its Envoy says upstream_cx_active" in evidence, evidence
    assert "its log: " in evidence and "nobody's" not in evidence, evidence
    # One replica that does not answer may be the one that has it.
    silent = "istiod-basic-58b7f78cf5-quiet"
    mesh.add_silent_istiod(silent)
    try:
        assert first() == "UNKNOWN" and f"{silent} did not answer" in found[0]["evidence"], found[0]
    finally:
        mesh.kube.delete("Pod", silent, HOME)


def test_connections_are_dated_by_the_istiod_that_has_them(mesh: RealIstio, syncz: ModuleType) -> None:
    since = syncz.connected_at(mesh.debug("/debug/adsz").encode(), ISTIOD)
    assert set(since) >= {f"{name}.{proxy.namespace}" for name, proxy in mesh.proxies.items()}
    assert all(timedelta() < datetime.now(timezone.utc) - moment < timedelta(hours=3) for moment in since.values())


def test_a_request_is_followed_from_its_client_to_its_pod(mesh: RealIstio, module: Callable, tmp_path: Path) -> None:
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


def test_a_request_through_the_gateway_says_that_its_connection_is_open_and_then_joins_its_line(
    mesh: RealIstio, module: Callable, tmp_path: Path
) -> None:
    caller, request = mesh.caller("web-1"), str(uuid.uuid4())
    assert caller.call(of_west("till"), "/", {"X-Request-Id": request}).status == 200
    caller.close()
    asked = {
        "peers": DESCRIBED["peers"],
        "of": ["shop/web-1", "west"],
        "request": request,
        "file": str(tmp_path / "log"),
    }
    found: dict = {}

    def roles() -> list[tuple[str, str]]:
        found.update(module("mesh_logs_info", **MESH, **asked).result)
        return [(hop["role"], hop["certainty"]) for hop in found["hops"]]

    mesh.wait_until(roles, SECONDS_TO_REACH, "the client's line")
    assert roles() == [("client", "exact")] and "connection still open" in "".join(found["notes"]), found
    # The sidecar closes its connections when its cluster changes; only then the gateway writes its line.
    mesh.apply(CLOSING)
    try:
        both = [("client", "exact"), ("egress gateway", "exact")]
        mesh.wait_until(lambda: roles() == both, SECONDS_TO_REACH, "the gateway's line")
    finally:
        mesh.kube.delete("DestinationRule", "closing", SHOP)
    for pod, name, value in (
        ("web-1", "response_code", "200"),
        ("west-egress-1", "upstream_cluster", "outbound|9000||wire.west.test"),
    ):
        line = next(
            line
            for line in reversed(mesh.proxies[pod].log.read_text(encoding="utf-8").splitlines())
            if line.startswith("[")
        )
        fields = {row["field"]: row for row in module("mesh_logs_info", mesh="east", explain=line).result["fields"]}
        assert fields[name]["value"].rstrip(";") == value and fields[name]["meaning"], fields[name]


def test_neither_a_result_nor_a_saved_configuration_holds_a_key(module: Callable, tmp_path: Path) -> None:
    shown = module("proxy_config_info", **MESH, of="shop/web-1", directory=str(tmp_path))
    saved = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert '"secrets"' in saved
    for text in (shown.printed, saved):
        assert "PRIVATE KEY" not in text
        assert "LS0tLS1CRUdJTi" not in text  # a PEM text in base64
