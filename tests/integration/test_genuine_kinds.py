# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the operator's own custom resource definitions are at hand, all that we write is accepted by them, oldest and
newest.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from integration.administrators import EVERYBODY, SERVICES, TREE, Administrator, described

from testbed import MeshSpec, Testbed

KINDS = Path(os.environ.get("OSSM_FEDERATION_CRDS") or TREE.parent / "shared" / "crds")


@pytest.mark.skipif(
    not KINDS.is_dir(), reason="optional: set OSSM_FEDERATION_CRDS to a folder with genuine definitions by version"
)
@pytest.mark.parametrize("version", ["2.1", "2.5"])
def test_all_that_we_write_is_accepted_and_kept(tmp_path: Path, collections: str, version: str) -> None:
    meshes = [MeshSpec(name, services=services, version=f"v{version}") for name, services in SERVICES.items()]
    with Testbed.start(tmp_path / "bed", meshes=meshes, clock_scale=0.05, crds=KINDS / version) as bed:
        both = Administrator(tmp_path, collections, {name: described(bed, name) for name in SERVICES})
        both.meshes["east"]["mesh_gateways"] = {
            "replicas": 2,
            "node_selector": {"zone": "a"},
            "tolerations": [{"key": "gateways", "operator": "Exists"}],
        }
        both.meshes["east"]["mesh_exports"] = [
            {"namespace": "shop", "label_selectors": ["app notin (ledger)"], "alias": {"namespace": "public"}}
        ]
        both.meshes["west"]["mesh_imports"] = [
            {"name": "cart", "namespace": "public", "import_as_local": True, "alias": {"namespace": "shop"}}
        ]
        both.play("federate")
        assert bed.meshes["west"].call("cart.shop.svc.cluster.local").status == 200
        again = both.play("federate")
        assert (again.changed("east"), again.changed("west")) == (0, 0), again.output
        gateway = bed.meshes["east"].kube.get("ServiceMeshControlPlane", "basic", "east-mesh-system")["spec"][
            "gateways"
        ]["additionalIngress"]["west-ingress"]
        assert ("routeConfig" in gateway) == (version == "2.5")
        assert ("routerMode" in gateway) == (version == "2.1")
        both.play("unfederate", variables=EVERYBODY)
