# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan written down: a folder that kustomize takes as it is."""

from __future__ import annotations

import subprocess

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Card, Ingress
from ansible_collections.ossm.federation.plugins.module_utils._core.card.trust import read_roots
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.plan import plan_gateways, plan_peering
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.render import files
from ansible_collections.ossm.federation.tests.unit.pem import NOW, root

EAST = parse_mesh(name="east", namespace="east-mesh-system", control_plane="basic", peers=["west", "north"])
ROOT = root("west")
KEPT_IN_GIT = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": "east-mesh-system"},
    "spec": {
        "version": "v2.3",
        "security": {"trust": {"domain": "east.local"}},
        "gateways": {"additionalIngress": {"shop-ingress": {"enabled": True}}},
    },
}


def rendered(peers=("west", "north"), gateways=True):
    described = [EAST.peer(name) for name in peers]
    card = Card(
        "west",
        "east",
        NOW,
        "west.local",
        read_roots(ROOT, "here", NOW),
        Ingress(("192.0.2.1",)),
        "west.local/ns/w/sa/e",
        (),
    )
    parts = [
        (peer.local_name, plan_gateways(EAST, peer, version=(2, 3), has_route_config=False))
        for peer in described
        if gateways
    ]
    return files(EAST, parts, [("west", plan_peering(EAST, EAST.peer("west"), card))])


def test_a_folder_holds_a_file_per_peering_and_one_patch():
    top = sorted(path for path in rendered() if path.count("/") == 1)
    assert top == ["east/control-plane-patch.yaml", "east/kustomization.yaml", "east/west-peering.yaml"]


def test_a_peering_s_file_holds_its_objects_in_the_order_in_which_they_must_come_to_be():
    documents = list(yaml.safe_load_all(rendered()["east/west-peering.yaml"]))
    assert [document["kind"] for document in documents] == [
        "ConfigMap",
        "ServiceMeshPeer",
        "ExportedServiceSet",
        "ImportedServiceSet",
    ]
    assert documents[0]["data"]["root-cert.pem"] == ROOT


def test_a_certificate_is_written_as_people_read_it():
    assert "root-cert.pem: |\n    -----BEGIN CERTIFICATE-----\n" in rendered()["east/west-peering.yaml"]


def test_one_patch_holds_every_peer_s_gateways():
    patch = yaml.safe_load(rendered()["east/control-plane-patch.yaml"])
    assert sorted(patch["spec"]["gateways"]["additionalIngress"]) == ["north-ingress", "west-ingress"]
    assert sorted(patch["spec"]["gateways"]["additionalEgress"]) == ["north-egress", "west-egress"]


def test_gateways_that_others_manage_are_not_patched_in():
    written = rendered(gateways=False)
    assert "east/control-plane-patch.yaml" not in written
    assert "patches" not in yaml.safe_load(written["east/kustomization.yaml"])


def test_equal_plans_give_equal_texts():
    assert rendered() == rendered()


@pytest.fixture
def base(tmp_path):
    """A kept control plane that takes our folder in as a component."""
    for path, text in rendered().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / "control-plane.yaml").write_text(yaml.safe_dump(KEPT_IN_GIT), encoding="utf-8")
    kustomization = {"resources": ["control-plane.yaml"], "components": ["east"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return tmp_path


def test_kustomize_merges_our_gateways_into_a_control_plane_kept_elsewhere(base):
    try:
        built = subprocess.run(
            ["kubectl", "kustomize", str(base)], capture_output=True, text=True, check=False, timeout=60
        )
    except FileNotFoundError:
        pytest.skip("kubectl is not installed")
    assert built.returncode == 0, built.stderr
    found = {document["kind"]: document for document in yaml.safe_load_all(built.stdout)}
    control_plane = found["ServiceMeshControlPlane"]["spec"]
    assert sorted(found) == [
        "ConfigMap",
        "ExportedServiceSet",
        "ImportedServiceSet",
        "ServiceMeshControlPlane",
        "ServiceMeshPeer",
    ]
    assert (control_plane["version"], control_plane["security"]) == ("v2.3", {"trust": {"domain": "east.local"}})
    assert sorted(control_plane["gateways"]["additionalIngress"]) == ["north-ingress", "shop-ingress", "west-ingress"]
    ports = control_plane["gateways"]["additionalIngress"]["west-ingress"]["service"]["ports"]
    assert ports == [{"name": "tls", "port": 15443}, {"name": "https-discovery", "port": 8188}]


def test_each_folder_below_apply_holds_all_that_one_field_manager_writes():
    written = rendered()
    folders = {path.rpartition("/")[0] for path in written if path.startswith("east/apply/")}
    assert folders == {"east/apply/north/gateways", "east/apply/west/gateways", "east/apply/west/peering"}
    for folder in folders:
        beside = {path.rpartition("/")[2] for path in written if path.rpartition("/")[0] == folder} - {
            "kustomization.yaml"
        }
        assert set(yaml.safe_load(written[f"{folder}/kustomization.yaml"])["resources"]) == beside


def test_kubectl_applies_a_folder_whole_and_in_the_order_in_which_it_must_come_to_be(base):
    try:
        built = subprocess.run(
            ["kubectl", "kustomize", str(base / "east/apply/west/peering")],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except FileNotFoundError:
        pytest.skip("kubectl is not installed")
    assert built.returncode == 0, built.stderr
    found = [document["kind"] for document in yaml.safe_load_all(built.stdout)]
    assert found == ["ConfigMap", "ServiceMeshPeer", "ExportedServiceSet", "ImportedServiceSet"]
