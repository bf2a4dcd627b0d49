# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a cluster with nothing but OLM to federated meshes, and back; and each way in which OLM fails."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from integration.administrators import ON_ONE_MACHINE, TREE, Administrator

from testbed import MeshSpec, Testbed

SPACE = "openshift-operators"
PLAIN = {
    "tracing": {"type": "None"},
    "addons": {"kiali": {"enabled": False}, "grafana": {"enabled": False}, "prometheus": {"enabled": False}},
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """Two clusters with OLM and nothing of a mesh."""
    meshes = [
        MeshSpec(name, members=["shop"], services={"shop": ["cart"]}, control_plane_present=False)
        for name in ("east", "west")
    ]
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
            **ON_ONE_MACHINE,
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


# What the product's operator leaves in a cluster, and what only looks like it.
BODIES = {"Service": {"spec": {"ports": [{"port": 443}]}}, "Secret": {"stringData": {"tls.key": "hidden-key"}}}
LEFT = [
    *(
        ("Service", "maistra-admission-controller"),
        ("Secret", "maistra-operator-serving-cert"),
        ("ConfigMap", "maistra-operator-cabundle"),
    ),
    *(
        ("DaemonSet", "istio-node"),
        ("DaemonSet", "istio-cni-node-v2-5"),
        ("ClusterRole", "istio-admin"),
        ("ClusterRole", "ossm-cni"),
    ),
]
STRANGERS = [
    ("DaemonSet", "istio-cni-node-v2-5-metrics"),
    ("ClusterRole", "istio-auditor"),
    ("ClusterRole", "jaegers.jaegertracing.io-v1-admin"),
]


def left_object(kind: str, name: str) -> dict:
    """Return an object of the operator's namespace, or of the cluster."""
    labels = {"app": name}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "install", "image": "registry.test/cni"}]}}
    bodies = {
        **BODIES,
        "DaemonSet": {"spec": {"selector": {"matchLabels": labels}, "template": pods}},
        "ClusterRole": {"rules": []},
    }
    versions = {"DaemonSet": "apps/v1", "ClusterRole": "rbac.authorization.k8s.io/v1"}
    place = {} if kind == "ClusterRole" else {"namespace": SPACE}
    return {
        "apiVersion": versions.get(kind, "v1"),
        "kind": kind,
        "metadata": {"name": name, **place},
        **bodies.get(kind, {}),
    }


def csvs(bed: Testbed, name: str) -> list[str]:
    return sorted(live["metadata"]["name"] for live in bed.meshes[name].kube.list("ClusterServiceVersion", SPACE))


def test_what_stands_in_the_way_in_a_bare_cluster_is_found_before_anything_is_installed(
    bare: Testbed, owner: Administrator
) -> None:
    found = owner.play("preflight", "--limit", "clusters")
    assert "east-cluster · nothing found" in found.output and "west-cluster · nothing found" in found.output
    misspelled = {"cluster_operators": [{"package": "servicemeshoperator", "channel": "stabel"}]}
    for play in ("preflight", "install"):
        refused = owner.play(play, "--limit", "east-cluster", variables=misspelled, must_pass=False)
        assert "FED449" in refused.output and "openshift-marketplace/redhat-operators it has stable" in " ".join(
            refused.output.split()
        )
    assert bare.meshes["east"].kube.list("Subscription", SPACE) == []
    mirrored = {"cluster_catalog": "mirrored-operators"}
    assert "nothing found" in owner.play("preflight", "--limit", "east-cluster", variables=mirrored).output


def test_the_inventory_of_the_documentation_passes_as_it_stands(
    bare: Testbed, tmp_path: Path, collections: str
) -> None:
    page = (TREE / "docs" / "operators.md").read_text(encoding="utf-8")
    inventory = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    shutil.copy(bare.meshes["east"].kubeconfig, tmp_path / "prod-admin.kubeconfig")
    reader = Administrator(tmp_path, collections, inventory["meshes"]["hosts"], clusters=inventory["clusters"]["hosts"])
    assert "prod · nothing found" in reader.play("preflight", "--limit", "clusters").output
    planned = reader.play("site", "--check").output
    assert "east-mesh-system/basic would be made" in planned
    reader.meshes["east"].pop("mesh_admins")
    for play in ("preflight", "install", "site"):
        refused = reader.play(play, "--limit", "clusters", must_pass=False)
        assert "FED450" in refused.output and "mesh_admins of east" in refused.output, play
    assert bare.meshes["east"].kube.list("Subscription", SPACE) == []


def test_what_olm_cannot_do_is_told_in_its_own_words(bare: Testbed, owner: Administrator) -> None:
    east = bare.meshes["east"]
    hurried = {"operator_timeout": 4}
    wrong = owner.play(
        "install", "--limit", "east-cluster", variables={"cluster_catalog": "redhat-operator"}, must_pass=False
    )
    assert "FED447" in wrong.output and "openshift-marketplace/redhat-operators" in wrong.output
    assert east.kube.list("Subscription", SPACE) == []
    faults = (
        (
            "olm-catalog-down",
            "FED612",
            "CatalogSourcesUnhealthy: targeted catalogsource openshift-marketplace/redhat-operators missing",
        ),
        (
            "olm-resolution-failed",
            "FED612",
            "ResolutionFailed: constraints not satisfiable: no operators found in package servicemeshoperator",
        ),
        ("olm-bundle-unpack-failed", "FED611", "Job was active longer than specified deadline"),
    )
    before = ""
    for fault, code, says in faults:
        # One fault begins before the other ends: OLM would get on in between.
        east.fault(fault)
        if before:
            east.heal(before)
        before = fault
        done = owner.play("install", "--limit", "east-cluster", variables=hurried, must_pass=False)
        assert code in done.output and says in " ".join(done.output.split())
    east.heal(before)
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


def test_site_goes_from_empty_clusters_to_federated_meshes_and_uninstall_back(
    bare: Testbed, owner: Administrator
) -> None:
    planned = owner.play("site", "--check", "--diff")
    assert "east-mesh-system/basic would be made" in planned.output and planned.changed("east") == 2, (
        "a control plane and a roll"
    )
    assert csvs(bare, "east") == []
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
    stranded = owner.play(
        "install", "--limit", "east-cluster", variables={"cluster_operators_upgrade": True}, must_pass=False
    )
    assert "FED443" in stranded.output and "east wants v2.3" in stranded.output
    owner.meshes["east"]["mesh_version"] = "v2.5"

    # A pod that nobody stops would lose its control plane with its sidecar left.
    metadata = {"name": "cart", "namespace": "shop", "annotations": {"sidecar.istio.io/status": "{}"}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "istio-proxy", "image": "registry.test/proxyv2"}]},
    }
    bare.meshes["east"].kube.create(pod)
    refused = owner.play("uninstall", "--limit", "east", must_pass=False)
    assert "FED434" in refused.output and "1 in shop" in refused.output
    assert bare.meshes["east"].kube.list("ServiceMeshPeer")
    bare.meshes["east"].kube.delete("Pod", "cart", "shop")

    east = bare.meshes["east"]
    # The operator has made its newer DaemonSets itself.
    assert east.kube.get("DaemonSet", "istio-cni-node-v2-5", SPACE)
    for kind, name in (*LEFT, *STRANGERS):
        if name != "istio-cni-node-v2-5":
            east.kube.create(left_object(kind, name))
    planned = owner.play("uninstall", "--check", "--diff", variables={"uninstall_crds": True})
    assert (
        "ServiceMeshControlPlane east-mesh-system/basic" in planned.output
        and "ServiceMeshMemberRoll east-mesh-system/default" in planned.output
    )
    assert "CustomResourceDefinition /servicemeshpeers.federation.maistra.io" in planned.output
    assert planned.changed("east-cluster") == 1 and csvs(bare, "east") == ["servicemeshoperator.v2.5.1"]
    gone = owner.play("uninstall", "--diff")
    assert "hidden-key" not in gone.output
    standing = {(kind, live["metadata"]["name"]) for kind, _name in LEFT for live in east.kube.list(kind)}
    assert not standing & set(LEFT) and standing >= set(STRANGERS)
    assert "servicemeshoperator: not installed" in gone.output and "could become" not in gone.output
    for name, mesh in bare.meshes.items():
        assert (
            csvs(bare, name) == mesh.kube.list("Subscription", SPACE) == mesh.kube.list("ServiceMeshControlPlane") == []
        )
        hooks = [live["metadata"]["name"] for live in mesh.kube.list("ValidatingWebhookConfiguration")]
        assert not [hook for hook in hooks if "maistra" in hook]
        assert not [
            live
            for live in mesh.kube.list("Namespace")
            if "maistra.io/member-of" in (live["metadata"].get("labels") or {})
        ]
    assert owner.play("uninstall").changed("east-cluster") == 0


def test_kinds_go_on_request_once_nobody_has_objects_of_them(bare: Testbed, owner: Administrator) -> None:
    """The last test here: without its kinds a test mesh is no more."""
    west = bare.meshes["west"]
    route = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": "cart", "namespace": "shop"},
    }
    west.kube.create({**route, "spec": {"hosts": ["cart"]}})
    also = ("--limit", "west,west-cluster")
    refused = owner.play("uninstall", *also, variables={"uninstall_crds": True}, must_pass=False)
    assert "FED448" in refused.output and "VirtualService shop/cart" in refused.output
    assert west.kube.get("VirtualService", "cart", "shop")
    west.kube.delete("VirtualService", "cart", "shop")
    assert owner.play("uninstall", *also, variables={"uninstall_crds": True}).changed("west-cluster") == 1
    left = [live["metadata"]["name"] for live in west.kube.list("CustomResourceDefinition")]
    assert left and not [name for name in left if name.endswith((".maistra.io", ".istio.io"))]
    assert owner.play("uninstall", *also, variables={"uninstall_crds": True}).changed("west-cluster") == 0
