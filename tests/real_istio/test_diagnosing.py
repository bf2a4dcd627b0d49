# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A diagnosis that makes a real request from a real pod: a command by the API server's exec, through a real sidecar and
egress gateway.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from real_istio.conftest import DESCRIBED, of_west

from testbed.real_istio import HOME, PORT, SHOP, RealIstio

SOMEBODY = "auditor"
_FEDERATION = "federation.maistra.io/v1"
_TILL = {"hostname": of_west("till").partition(":")[0], "name": "till", "namespace": SHOP}
PEER = {
    "apiVersion": _FEDERATION,
    "kind": "ServiceMeshPeer",
    "metadata": {"name": "west", "namespace": HOME},
    "spec": {
        "remote": {"addresses": ["west.example.com"], "discoveryPort": 8188, "servicePort": 15443},
        "gateways": {"ingress": {"name": "west-ingress"}, "egress": {"name": "west-egress"}},
        "security": {
            "trustDomain": "west.local",
            "clientID": "west.local/ns/west-mesh-system/sa/east-egress-service-account",
            "certificateChain": {"kind": "ConfigMap", "name": "west-ca-root-cert"},
        },
    },
}
IMPORTS = {
    "apiVersion": _FEDERATION,
    "kind": "ImportedServiceSet",
    "metadata": {"name": "west", "namespace": HOME},
    "spec": {"importRules": [{"type": "NameSelector", "nameSelector": {"name": "till", "namespace": SHOP}}]},
}
TAKEN = {"importedServices": [{"exportedName": f"till.{SHOP}.svc.east-exports.local", "localService": _TILL}]}


@pytest.fixture
def peered(mesh: RealIstio) -> Iterator[None]:
    """What federation would have written of the peer, since this istiod knows nothing of it."""
    for manifest in (PEER, IMPORTS):
        mesh.apply(manifest)
    mesh.kube.merge("ImportedServiceSet", "west", HOME, {"status": TAKEN}, "status")
    yield
    for manifest in (IMPORTS, PEER):
        mesh.kube.delete(manifest["kind"], "west", HOME)


@pytest.mark.usefixtures("peered")
def test_a_request_from_a_pod_goes_the_way_of_all_calls_as_the_user_who_asks_for_everything_else(
    mesh: RealIstio, module: Callable
) -> None:
    before, logged = mesh.west.calls, mesh.east.audit_log.stat().st_size
    asked = {**DESCRIBED, "imports": [{"name": "till", "namespace": SHOP}], "client": f"{SHOP}/web-1"}
    as_another = {"impersonate_user": SOMEBODY, "impersonate_groups": ["system:masters"]}
    (told,) = module("federation_diagnosis_info", **asked, **as_another, probes="pod").result["diagnoses"]
    (row,) = told["probes"]
    assert (row["from"], row["client"], row["address"], row["port"]) == (
        "pod",
        f"{SHOP}/web-1",
        _TILL["hostname"],
        PORT,
    )
    assert row["outcome"] == "reached" and mesh.west.calls == before + 1, told
    assert told["rungs"][-1]["state"] == "holds" and told["unread"] == [], told
    with mesh.east.audit_log.open(encoding="utf-8") as log:
        log.seek(logged)
        events = [json.loads(line) for line in log]
    streams = [one for one in events if one.get("objectRef", {}).get("subresource") in ("exec", "portforward", "log")]
    assert {one["objectRef"]["subresource"] for one in streams} >= {"exec", "portforward"}
    assert {one.get("impersonatedUser", {}).get("username") for one in streams} == {SOMEBODY}
