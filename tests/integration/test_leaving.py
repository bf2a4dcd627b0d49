# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Leaving on the testbed: nothing that is used, without peers that are gone, and without a trace; and suspending."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from integration.administrators import EVERYBODY, Administrator, clear, federation_of

from testbed import Testbed

Make = Callable[..., Administrator]
HOST = "cart.shop.svc.east-imports.local"


@pytest.fixture
def both(bed: Testbed, administrator: Make) -> Iterator[Administrator]:
    """One administrator of both meshes, federated; every trace is gone afterwards."""
    admin = administrator("east", "west")
    admin.play("federate")
    yield admin
    for kind in ("VirtualService", "DestinationRule", "AuthorizationPolicy"):
        for mesh in bed.meshes.values():
            for live in mesh.kube.list(kind, "shop"):
                mesh.kube.delete(kind, live["metadata"]["name"], "shop")
    clear(bed)


def virtual_service(bed: Testbed, name: str, host: str) -> None:
    """Have an application of a mesh send a fifth of its requests to ``host``."""
    bed.meshes[name].kube.create(
        {
            "apiVersion": "networking.istio.io/v1beta1",
            "kind": "VirtualService",
            "metadata": {"name": "split", "namespace": "shop"},
            "spec": {"hosts": ["checkout"], "http": [{"route": [{"destination": {"host": host}, "weight": 20}]}]},
        }
    )


def workloads_of(bed: Testbed, name: str, peer: str) -> list[str]:
    """Return the Deployments and Services of the gateways for one peer."""
    mesh = bed.meshes[name]
    found = [
        live["metadata"]["name"] for kind in ("Deployment", "Service") for live in mesh.kube.list(kind, mesh.namespace)
    ]
    return [gateway for gateway in found if gateway.startswith(f"{peer}-")]


def test_what_is_used_is_not_left_and_then_nothing_is_left(bed: Testbed, both: Administrator) -> None:
    virtual_service(bed, "west", HOST)
    before = {name: federation_of(bed, name) for name in bed.meshes}
    for options in (["--check"], []):
        refused = both.play("unfederate", *options, variables=EVERYBODY, must_pass=False)
        assert re.search(
            r"FED505 .*VirtualService shop/split \(http\[0\]\.route\) names " + re.escape(HOST), refused.output
        ), refused.output
        assert (refused.failed("west"), refused.failed("east")) == (1, 0)
        assert "west failed in this run" in refused.output
        assert {name: federation_of(bed, name) for name in bed.meshes} == before
    assert bed.meshes["west"].call(HOST).status == 200

    done = both.play(
        "unfederate", "--diff", variables={**EVERYBODY, "unfederate_when": "always", "federation_restart_istiod": True}
    )
    assert "FED508" in done.output
    assert "nothing of east is left" in done.output and "nothing of west is left" in done.output
    assert "istiod was restarted" in done.output
    for name, peer in (("east", "west"), ("west", "east")):
        assert federation_of(bed, name) == {}
        assert workloads_of(bed, name, peer) == []
        assert bed.meshes[name].bundle_of(f"{peer}.local") == ""
    again = both.play("unfederate", variables={**EVERYBODY, "federation_restart_istiod": True})
    assert (again.changed("east"), again.changed("west")) == (0, 0)


def test_a_peer_that_answers_no_more_is_suspended_resumed_and_left(
    bed: Testbed, both: Administrator, administrator: Make
) -> None:
    east, west = administrator("east"), bed.meshes["west"]
    west.fault("peer-hang")
    east.meshes["east"]["mesh_peers"] = [{"name": "west", "suspended": True}]
    suspended = east.play("federate")
    assert re.search(r"west +suspended", suspended.output), suspended.output
    live = federation_of(bed, "east")
    assert live["ServiceMeshPeer/west"]["remote"]["addresses"] == []
    assert live["ExportedServiceSet/west"] == {"exportRules": []}
    assert "additionalIngress/west-ingress" in live and "ConfigMap/west-ca-root-cert" in live
    assert east.play("federate").changed("east") == 0

    west.heal("peer-hang")
    resumed = both.play("federate")
    assert re.search(r"west +connected +connected", resumed.output), resumed.output
    assert west.call(HOST).status == 200

    west.fault("peer-hang")
    started = time.monotonic()
    left = east.play("unfederate", variables={"unfederate_peers": "west"})
    assert time.monotonic() - started < 90
    assert "nothing of west is left" in left.output
    assert "stays trusted until istiod restarts" in left.output
    assert federation_of(bed, "east") == {}


def test_what_an_interrupted_run_left_is_listed_and_pruned(bed: Testbed, both: Administrator) -> None:
    mesh = bed.meshes["west"]
    for kind in ("ServiceMeshPeer", "ImportedServiceSet", "ExportedServiceSet"):
        mesh.kube.delete(kind, "east", mesh.namespace)
    west = Administrator(both.folder, both.collections, {"west": {**both.meshes["west"], "mesh_peers": ["north"]}})
    listed = west.play("federate")
    assert "FED509 east is not in mesh_peers" in " ".join(listed.output.split()), listed.output
    assert re.search(r"east .*federation_prune: true removes it", listed.output), listed.output
    west.play("federate", variables={"federation_prune": True})
    assert [name for name in federation_of(bed, "west") if "east" in name] == []
