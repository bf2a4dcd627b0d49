# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two meshes in one cluster, prepared once by its administrator and then run by administrators of their own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.administrators import Administrator

from testbed import MeshSpec, Testbed
from testbed.client import kube_of
from testbed.kube import KubeError

ACCOUNT = "mesh-administrator"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """A cluster with an operator; of the tenants only the control planes' namespaces are there."""
    meshes = [MeshSpec(name, cluster="one", version="v2.3", members=[], services={}, control_plane_present=False) for name in ("east", "lab")]
    with Testbed.start(tmp_path_factory.mktemp("tenants"), meshes=meshes, clock_scale=0.05) as running:
        yield running


def test_an_administrator_of_a_mesh_makes_it_and_reaches_no_other(tmp_path: Path, collections: str, cluster: Testbed) -> None:
    meshes = {
        name: {
            "mesh_cluster": "one",
            "mesh_version": "v2.3",
            "mesh_trust_domain": f"{name}.local",
            "mesh_members": [f"{name}-shop"],
            "mesh_admins": {"service_accounts": [ACCOUNT]},
        }
        for name in cluster.meshes
    }
    root = cluster.meshes["east"].kube
    owner = Administrator(tmp_path, collections, meshes, clusters={"one": {"cluster_kubeconfig": cluster.meshes["east"].kubeconfig}})
    planned = owner.play("tenants", "--check", "--diff")
    assert planned.changed("one") == 1 and "ossm-federation-mesh-administrator" in planned.output
    assert "east-shop" not in [live["metadata"]["name"] for live in root.list("Namespace")]
    owner.play("tenants")
    assert owner.play("tenants").changed("one") == 0

    nothing = tmp_path / "nothing.yml"
    nothing.write_text("---\n", encoding="utf-8")
    for name, mesh in cluster.meshes.items():
        meshes[name]["mesh_kubeconfig"] = mesh.service_account_kubeconfig(ACCOUNT, mesh.namespace, [nothing])
    (tmp_path / "own").mkdir()
    tenants = Administrator(tmp_path / "own", collections, meshes)
    made = tenants.play("control_plane")
    assert made.output.count("v2.3, ready") == 2
    assert tenants.play("control_plane").changed("east") == 0

    own = kube_of(meshes["east"]["mesh_kubeconfig"])
    assert own.list("ServiceMeshMemberRoll", cluster.meshes["east"].namespace)
    for kind, namespace in (("ServiceMeshControlPlane", "lab-mesh-system"), ("Pod", "lab-shop"), ("Secret", "east-mesh-system"), ("Namespace", "")):
        with pytest.raises(KubeError) as refused:
            own.list(kind, namespace or None)
        assert refused.value.status == 403, f"{kind} in {namespace or 'the cluster'}"

    meshes["east"]["mesh_members"] = ["east-shop", "lab-shop"]
    refused = tenants.play("control_plane", "--limit", "east", must_pass=False)
    assert refused.returncode and root.get("ServiceMeshMemberRoll", "default", "east-mesh-system")["spec"]["members"] == ["east-shop"]
    assert "FED451" in owner.play("tenants", must_pass=False).output


def test_the_owner_of_a_namespace_joins_a_mesh_and_leaves_it(tmp_path: Path, collections: str, cluster: Testbed) -> None:
    mesh = cluster.meshes["east"]
    mesh.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "desk"}}, "testbed")
    task = {
        "ossm.federation.mesh_member": {"kubeconfig": mesh.kubeconfig, "mesh": "east", "member": "desk", "wait": True, "state": "{{ state }}"}
    }
    play = {"name": "Join", "hosts": "meshes", "connection": "local", "gather_facts": False, "tasks": [{"name": "Join", **task}]}
    play["vars"] = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    (tmp_path / "join.yml").write_text(json.dumps([play]), encoding="utf-8")
    owner = Administrator(tmp_path, collections, {"east": {}})
    assert owner.play("join.yml", "-e", "state=present").changed("east") == 1
    assert mesh.kube.get("Namespace", "desk")["metadata"]["labels"]["maistra.io/member-of"] == mesh.namespace
    assert owner.play("join.yml", "-e", "state=present").changed("east") == 0

    # Beside it the roll is kept as before: nothing is fought over, and everybody is told.
    described = {"mesh_version": "v2.3", "mesh_trust_domain": "east.local", "mesh_members": ["east-shop"]}
    (tmp_path / "own").mkdir()
    east = Administrator(tmp_path / "own", collections, {"east": {"mesh_kubeconfig": mesh.kubeconfig, **described}})

    def roll() -> dict:
        return mesh.kube.get("ServiceMeshMemberRoll", "default", mesh.namespace)

    kept = east.play("control_plane")
    assert kept.changed("east") == 0 and "joined by themselves: desk" in kept.output
    assert (roll()["spec"]["members"], roll()["status"]["configuredMembers"]) == (["east-shop"], ["desk", "east-shop"])
    seen = east.play("status", variables={"federation_report": "report.json"})
    assert "members: east-shop · joined by themselves: desk" in seen.output
    report = json.loads((east.folder / "report.json").read_text(encoding="utf-8"))
    assert report["east"]["members"] == {"configured": ["desk", "east-shop"], "joined": ["desk"], "pending": []}
    refused = east.play("uninstall", variables={"federation_force": True}, must_pass=False)
    assert "FED427" in refused.output and "has members that joined by themselves, desk" in refused.output
    assert "Nothing was written" in refused.output and "deletionTimestamp" not in roll()["metadata"]

    assert owner.play("join.yml", "-e", "state=absent").changed("east") == 1
    assert owner.play("join.yml", "-e", "state=absent").changed("east") == 0
    assert roll()["status"]["configuredMembers"] == ["east-shop"]


def test_a_namespace_of_the_roll_that_does_not_exist_is_told_and_not_waited_for(tmp_path: Path, collections: str, cluster: Testbed) -> None:
    mesh = cluster.meshes["east"]
    described = {"mesh_version": "v2.3", "mesh_trust_domain": "east.local", "mesh_members": ["east-shop", "later"]}
    east = Administrator(tmp_path, collections, {"east": {"mesh_kubeconfig": mesh.kubeconfig, **described}})
    started = time.monotonic()
    told = " ".join(east.play("control_plane").output.split())
    assert time.monotonic() - started < 40
    assert "FED610 ServiceMeshMemberRoll east-mesh-system/default: later does not exist" in told
    again = east.play("control_plane")
    assert again.changed("east") == 0 and "FED610" in again.output
    mesh.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "later"}})
    joined = east.play("control_plane")
    assert joined.changed("east") == 0 and "FED610" not in joined.output
    assert mesh.kube.get("ServiceMeshMemberRoll", "default", mesh.namespace)["status"]["configuredMembers"] == ["east-shop", "later"]
