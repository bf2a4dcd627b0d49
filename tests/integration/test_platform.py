# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The preflight looks at the OpenShift below, as far as a mesh administrator's rights go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.administrators import TREE, Administrator

from testbed import MeshSpec, Testbed
from testbed.client import Mesh

SHIPPED = TREE / "playbooks" / "files" / "mesh-administrator.yml"
SDN = {
    "apiVersion": "network.openshift.io/v1",
    "kind": "ClusterNetwork",
    "metadata": {"name": "default"},
    "pluginName": "redhat/openshift-ovs-multitenant",
}


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh of 2.3 on an OpenShift 4.14 with OVN-Kubernetes."""
    specs = [MeshSpec("east")]
    with Testbed.start(tmp_path_factory.mktemp("platform"), meshes=specs, openshift=True) as running:
        yield running.meshes["east"]


def codes(admin: Administrator) -> set[str]:
    """Return the codes of the platform's findings."""
    found = re.findall(r"(?:ERROR|WARNING|UNKNOWN) +(FED79\d)", admin.play("preflight", must_pass=False).output)
    return set(found)


def test_what_a_mesh_administrator_may_not_see_of_the_platform_is_unknown(
    mesh: Mesh, tmp_path: Path, collections: str
) -> None:
    kubeconfig = mesh.service_account_kubeconfig("pipeline", mesh.namespace, [SHIPPED])
    admin = Administrator(tmp_path, collections, {"east": {"mesh_kubeconfig": kubeconfig}})
    printed = " ".join(admin.play("preflight").output.split())
    unknown = ("Authentication", "ClusterVersion", "Network", "Node")
    for kind in unknown:
        assert f"UNKNOWN {kind} objects in the cluster: this account may not read them" in printed, printed
    assert printed.count("UNKNOWN ") == len(unknown), printed


def test_a_pull_secret_is_looked_for_without_its_content_and_unknown_without_the_right(
    mesh: Mesh, tmp_path: Path, collections: str
) -> None:
    named = {"runtime": {"components": {"pilot": {"container": {"imagePullSecrets": [{"name": "mirror"}]}}}}}
    mesh.kube.merge("ServiceMeshControlPlane", "basic", mesh.namespace, {"spec": named})
    restricted = mesh.service_account_kubeconfig("pipeline", mesh.namespace, [SHIPPED])

    def told(kubeconfig: str) -> str:
        admin = Administrator(tmp_path, collections, {"east": {"mesh_kubeconfig": kubeconfig}})
        return " ".join(admin.play("preflight").output.split())

    assert f"UNKNOWN Secret objects in {mesh.namespace}: this account may not read them" in told(restricted)
    assert "names the pull secret mirror, which does not exist in" in told(mesh.kubeconfig)
    mesh.kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "mirror", "namespace": mesh.namespace},
            "stringData": {"key": "x"},
        }
    )
    assert "FED751" not in told(mesh.kubeconfig)
    mesh.kube.merge("ServiceMeshControlPlane", "basic", mesh.namespace, {"spec": {"runtime": None}})


def test_a_platform_is_judged_by_what_it_says_of_itself_also_for_a_mesh_without_peers(
    mesh: Mesh, tmp_path: Path, collections: str
) -> None:
    admin = Administrator(tmp_path, collections, {"east": {"mesh_kubeconfig": mesh.kubeconfig}})
    assert codes(admin) == set()

    progress = {"type": "Progressing", "status": "True", "message": "Working towards 4.8.9: 44 of 600 done"}
    moved = {
        "desired": {"version": "4.8.9"},
        "history": [{"state": "Partial", "version": "4.8.9"}, {"state": "Completed", "version": "4.8.5"}],
    }
    mesh.kube.merge("ClusterVersion", "version", None, {"status": {**moved, "conditions": [progress]}}, "status")
    both = [{"cidr": "10.128.0.0/14"}, {"cidr": "fd01::/48"}]
    network = {"networkType": "OpenShiftSDN", "migration": {"networkType": "OVNKubernetes"}, "clusterNetwork": both}
    mesh.kube.merge("Network", "cluster", None, {"status": network})
    mesh.kube.create(SDN)
    told = " ".join(admin.play("preflight").output.split())
    for part in (
        "is 4.8.5, and v2.3 is made for 4.9",
        "44 of 600 done",
        "is being moved from OpenShiftSDN to OVNKubernetes",
        "IPv4 and of IPv6",
    ):
        assert part in told, told
    assert codes(admin) == {"FED792", "FED793", "FED794", "FED799"}
