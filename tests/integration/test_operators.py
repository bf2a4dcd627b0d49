# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a cluster with nothing but OLM to federated meshes, and back; and each way in which OLM fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.administrators import Administrator

from testbed import MeshSpec, Testbed

SPACE = "openshift-operators"
PLAIN = {"tracing": {"type": "None"}, "addons": {"kiali": {"enabled": False}, "grafana": {"enabled": False}, "prometheus": {"enabled": False}}}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """Two clusters with OLM and nothing of a mesh."""
    meshes = [MeshSpec(name, members=["shop"], services={"shop": ["cart"]}, control_plane_present=False) for name in ("east", "west")]
    with Testbed.start(tmp_path_factory.mktemp("bare"), meshes=meshes, clock_scale=0.05, olm=True) as running:
        yield running


@pytest.fixture
def owner(bare: Testbed, tmp_path: Path, collections: str) -> Administrator:
    """The administrator of both clusters and of their meshes."""
    meshes, clusters = {}, {}
    for name, other in (("east", "west"), ("west", "east")):
        kubeconfig = bare.meshes[name].kubeconfig
        clusters[f"{name}-cluster"] = {"cluster_kubeconfig": kubeconfig}
        meshes[name] = {
            "mesh_kubeconfig": kubeconfig,
            "mesh_cluster": f"{name}-cluster",
            "mesh_version": "v2.5",
            "mesh_trust_domain": f"{name}.local",
            "mesh_control_plane_spec": PLAIN,
            "mesh_members": ["shop"],
            "mesh_admins": {"users": ["anna"]},
            "mesh_peers": [other],
            "mesh_exports": [{"name": "cart", "namespace": "shop"}],
            "mesh_imports": [{"namespace": "shop"}],
        }
    pinned = [{"package": "servicemeshoperator", "starting_csv": "servicemeshoperator.v2.5.1"}]
    for cluster in clusters.values():
        cluster |= {"cluster_operators": pinned, "operator_timeout": 60}
    return Administrator(tmp_path, collections, meshes, clusters=clusters)


def csvs(bed: Testbed, name: str) -> list[str]:
    return sorted(live["metadata"]["name"] for live in bed.meshes[name].kube.list("ClusterServiceVersion", SPACE))


def test_what_olm_cannot_do_is_told_in_its_own_words(bare: Testbed, owner: Administrator) -> None:
    east = bare.meshes["east"]
    hurried = {"operator_timeout": 4}
    for fault, says in (
        ("olm-catalog-down", "CatalogSourcesUnhealthy: targeted catalogsource openshift-marketplace/redhat-operators missing"),
        ("olm-resolution-failed", "ResolutionFailed: constraints not satisfiable: no operators found in package servicemeshoperator"),
    ):
        east.fault(fault)
        done = owner.play("install", "--limit", "east-cluster", variables=hurried, must_pass=False)
        east.heal(fault)
        assert "FED612" in done.output and says in " ".join(done.output.split())
    east.fault("olm-bundle-unpack-failed")
    done = owner.play("install", "--limit", "east-cluster", variables=hurried, must_pass=False)
    east.heal("olm-bundle-unpack-failed")
    assert "FED611" in done.output and "Job was active longer than specified deadline" in " ".join(done.output.split())
    assert csvs(bare, "east") == []


def test_a_plan_that_would_install_more_is_left_to_people(bare: Testbed, owner: Administrator) -> None:
    west = bare.meshes["west"]
    west.fault("olm-extra-csv", csv="other-operator.v1.0.0")
    done = owner.play("install", "--limit", "west-cluster", must_pass=False)
    west.heal("olm-extra-csv")
    assert "FED444" in done.output and "other-operator.v1.0.0" in done.output
    plans = west.kube.list("InstallPlan", SPACE)
    assert plans and not any(plan["spec"]["approved"] for plan in plans)
    for plan in plans:
        west.kube.delete("InstallPlan", plan["metadata"]["name"], SPACE)


def test_site_goes_from_empty_clusters_to_federated_meshes_and_uninstall_back(bare: Testbed, owner: Administrator) -> None:
    planned = owner.play("install", "--check", "--diff")
    assert planned.changed("east-cluster") <= 1 and csvs(bare, "east") == []
    owner.play("site")
    for name in ("east", "west"):
        assert csvs(bare, name) == ["servicemeshoperator.v2.5.1"], "no companion that nobody asks for"
    assert bare.meshes["west"].call("cart.shop.svc.east-imports.local").status == 200
    again = owner.play("site")
    assert [again.changed(host) for host in ("east", "west", "east-cluster", "west-cluster")] == [0, 0, 0, 0]
    assert "servicemeshoperator.v2.5.1 could become servicemeshoperator.v2.6.0" in " ".join(again.output.split())

    refused = owner.play("install", "-e", "operator_state=absent", must_pass=False)
    assert "FED446" in refused.output and "east-mesh-system/basic" in refused.output
    owner.meshes["east"]["mesh_version"] = "v2.3"
    stranded = owner.play("install", "--limit", "east-cluster", variables={"cluster_operators_upgrade": True}, must_pass=False)
    assert "FED443" in stranded.output and "east wants v2.3" in stranded.output
    owner.meshes["east"]["mesh_version"] = "v2.5"

    owner.play("uninstall")
    for name, mesh in bare.meshes.items():
        assert csvs(bare, name) == mesh.kube.list("Subscription", SPACE) == mesh.kube.list("ServiceMeshControlPlane") == []
        hooks = [live["metadata"]["name"] for live in mesh.kube.list("ValidatingWebhookConfiguration")]
        assert not [hook for hook in hooks if "maistra" in hook]
    assert owner.play("uninstall").changed("east-cluster") == 0
