# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two tenants of one cluster federate by the names of Services, which nobody outside could use."""

from __future__ import annotations

from pathlib import Path

from integration.administrators import ON_ONE_MACHINE, Administrator

from testbed import MeshSpec, Testbed


def test_two_meshes_of_one_cluster_federate_without_a_load_balancer(tmp_path: Path, collections: str) -> None:
    meshes = [
        MeshSpec("east", cluster="one", members=["shop"], services={"shop": ["cart"]}),
        MeshSpec("west", cluster="one", members=["desk"], services={"desk": ["checkout"]}),
    ]
    with Testbed.start(tmp_path / "bed", meshes=meshes, clock_scale=0.05) as bed:
        both = Administrator(
            tmp_path,
            collections,
            {
                "east": {
                    "mesh_peers": [{"name": "west", "same_cluster": True}],
                    "mesh_exports": [{"name": "cart", "namespace": "shop"}],
                },
                "west": {
                    "mesh_peers": [{"name": "east", "same_cluster": True}],
                    "mesh_imports": [{"namespace": "shop"}],
                },
            },
        )
        for name, mesh in bed.meshes.items():
            both.meshes[name]["mesh_kubeconfig"] = mesh.kubeconfig
        both.play("federate")
        peer = bed.meshes["west"].kube.get("ServiceMeshPeer", "east", "west-mesh-system")
        assert peer["spec"]["remote"]["addresses"] == ["west-ingress.east-mesh-system.svc.cluster.local"]
        assert bed.meshes["east"].kube.get("Service", "west-ingress", "east-mesh-system")["spec"]["type"] == "ClusterIP"
        assert bed.meshes["west"].call("cart.shop.svc.east-imports.local", source="client.desk").status == 200

        # West's gateway for east becomes a load balancer, whose address is one of this machine.
        both.meshes["west"].update(ON_ONE_MACHINE, mesh_peers=["east"])
        refused = both.play("federate", must_pass=False)
        assert "FED221" in refused.output, "an address inside the cluster counts only where both sides say so"
