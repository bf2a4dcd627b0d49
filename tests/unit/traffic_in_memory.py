# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A mesh east with a cart, a till and a checkout, and what west gives it: for tests of traffic between meshes."""

from __future__ import annotations

from typing import Any

from .cluster_in_memory import ClusterInMemory
from .pem import NOW

SPACE = "east-mesh-system"
PEERS = [{"name": "west", "locality": {"region": "eu-west"}}, {"name": "north", "locality": {"region": "eu-north"}}]
EXPORTS = [{"name": "checkout", "namespace": "shop", "to": ["west"]}]
IMPORTS = [
    {
        "name": "cart",
        "namespace": "public",
        "alias": {"name": "cart", "namespace": "shop"},
        "import_as_local": True,
        "from": ["west"],
    },
    {"name": "till", "namespace": "shop", "from": ["west"]},
    {"name": "price", "namespace": "shop", "from": ["west"]},
]
LOCALITY = {"region": "eu-central"}


def thing(version: str, kind: str, namespace: str, name: str, **body: Any) -> dict:
    """Return an object; ``labels`` and ``annotations`` are its metadata's."""
    metadata = {
        "name": name,
        "namespace": namespace,
        **{key: body.pop(key) for key in ("labels", "annotations") if key in body},
    }
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


def control_plane(version: str = "v2.5", **spec: Any) -> dict:
    """Return the control plane of east."""
    body = {"version": version, "security": {"trust": {"domain": "east.local"}}, **spec}
    return thing("maistra.io/v2", "ServiceMeshControlPlane", SPACE, "basic", spec=body)


def service(name: str, namespace: str = "shop", port: str = "http", **spec: Any) -> dict:
    """Return a Service with one port."""
    body = {"selector": {"app": name}, "ports": [{"name": port, "port": 80}], "clusterIP": "10.0.0.7", **spec}
    return thing("v1", "Service", namespace, name, spec=body)


def pod(
    name: str,
    app: str,
    namespace: str = "shop",
    *,
    account: str = "default",
    ready: bool = True,
    node: str = "n1",
    sidecar: bool = False,
    **labels: str,
) -> dict:
    """Return a pod of a workload."""
    containers = [{"name": name} for name in (("app", "istio-proxy") if sidecar else ("app",))]
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    body = {"spec": {"nodeName": node, "serviceAccountName": account, "containers": containers}, "status": status}
    return thing(
        "v1",
        "Pod",
        namespace,
        name,
        labels={"app": app, **{key.replace("_", "-"): value for key, value in labels.items()}},
        **body,
    )


def account(name: str, namespace: str = "shop") -> dict:
    return thing("v1", "ServiceAccount", namespace, name)


def rule(host: str, namespace: str = "shop", name: str = "theirs", **policy: Any) -> dict:
    """Return a DestinationRule that somebody else made."""
    return thing(
        "networking.istio.io/v1beta1", "DestinationRule", namespace, name, spec={"host": host, "trafficPolicy": policy}
    )


def routes(*hosts: str, namespace: str = "shop", name: str = "theirs", **spec: Any) -> dict:
    """Return a VirtualService that somebody else made."""
    return thing("networking.istio.io/v1beta1", "VirtualService", namespace, name, spec={"hosts": list(hosts), **spec})


def roll(*members: str) -> dict:
    body = {"spec": {"members": list(members)}, "status": {"configuredMembers": list(members)}}
    return thing("maistra.io/v1", "ServiceMeshMemberRoll", SPACE, "default", **body)


def estate(*more: dict, version: str = "v2.5", **spec: Any) -> ClusterInMemory:
    """Return a cluster with the mesh east, and ``more`` objects."""
    standing = [
        control_plane(version, **spec),
        roll("shop", "desk"),
        service("cart"),
        service("till"),
        service("checkout"),
    ]
    standing += [account("web"), account("till"), account("clerk", "desk")]
    return ClusterInMemory(NOW, *standing, *more)
