# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A peering of east with west as a run leaves it, for tests that keep, leave and take it away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Ingress
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import ControlPlane
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.live import Peering, Peerings
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.plan import plan_peering
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root

HOST = "cart.shop.svc.west-imports.local"
OFFERED = "cart.shop.svc.west-exports.local"
CARD = Card(
    mesh="west",
    audience="east",
    issued=NOW - timedelta(days=1),
    trust_domain="west.local",
    roots=read_roots(root("west"), "Card west-for-east.json", NOW),
    ingress=Ingress(("192.0.2.9",), 8188, 15443),
    client_id="west.local/ns/west-mesh-system/sa/east-egress-service-account",
    exports=(),
)


def refused(call):
    """Return the error with which ``call`` refuses."""
    with pytest.raises(FederationError) as caught:
        call()
    return caught.value


def east(**changes):
    """Return the mesh east, which exports cart to west and takes all of west's shop."""
    described = {
        "peers": ["west"],
        "exports": [{"name": "cart", "namespace": "shop"}],
        "imports": [{"namespace": "shop"}],
    }
    return parse_mesh(name="east", namespace="east-mesh-system", control_plane="basic", **{**described, **changes})


def control_plane(spec=None, version="v2.3"):
    """Return east's control plane as it is read."""
    return ControlPlane.read(
        {
            "apiVersion": "maistra.io/v2",
            "kind": "ServiceMeshControlPlane",
            "metadata": {"name": "basic", "namespace": "east-mesh-system", "uid": "c-1"},
            "spec": {"version": version, "security": {"trust": {"domain": "east.local"}}, **(spec or {})},
        }
    )


def standing(*, exported=(), imported=(), connected=None, by_hand=()):
    """Return the peering as it stands.

    ``exported`` and ``imported`` are what the sets' statuses say, ``connected`` is when west was last heard of (None:
    it does not answer), ``by_hand`` are the kinds that somebody else made.
    """
    found = {}
    for number, manifest in enumerate(plan_peering(east(), east().peers[0], CARD)):
        kind = manifest["kind"]
        metadata = {**manifest["metadata"], "uid": f"u-{number}", "creationTimestamp": "2026-06-01T00:00:00Z"}
        if kind in by_hand:
            metadata.pop("labels")
        found[kind] = {**manifest, "metadata": metadata}
    found["ExportedServiceSet"]["status"] = {
        "exportedServices": [
            {"exportedName": host, "localService": {"name": "cart", "namespace": "shop"}} for host in exported
        ]
    }
    found["ImportedServiceSet"]["status"] = {
        "importedServices": [{"exportedName": OFFERED, "localService": {"hostname": host}} for host in imported]
    }
    watch = (
        {"connected": True, "lastFullSync": connected.strftime("%Y-%m-%dT%H:%M:%SZ")}
        if connected
        else {"connected": False}
    )
    entry = {"pod": "istiod-1", "watch": watch, "remotes": [{"source": "192.0.2.9", "connected": bool(connected)}]}
    found["ServiceMeshPeer"]["status"] = {"discoveryStatus": {"active" if connected else "inactive": [entry]}}
    return Peering(
        found["ServiceMeshPeer"], found["ExportedServiceSet"], found["ImportedServiceSet"], found["ConfigMap"]
    )


def all_of(peering, name="west"):
    """Return the peerings of a namespace that holds this one."""
    sets = ({name: live} if live else {} for live in (peering.peer, peering.exports, peering.imports))
    return Peerings(*sets, {peering.bundle["metadata"]["name"]: peering.bundle} if peering.bundle else {})
