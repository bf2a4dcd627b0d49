# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A control plane is made, kept and refused through the playbook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.administrators import Administrator

from testbed import MeshSpec, Testbed

SPEC = {"tracing": {"type": "None"}, "addons": {"kiali": {"enabled": False}, "grafana": {"enabled": False}}}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """A cluster with an operator and no control plane."""
    with Testbed.start(
        tmp_path_factory.mktemp("empty"), meshes=[MeshSpec("east", members=["shop"], control_plane_present=False)], clock_scale=0.05
    ) as running:
        yield running


def test_a_control_plane_is_made_kept_and_never_stepped_in_passing(tmp_path: Path, collections: str, empty: Testbed) -> None:
    mesh = empty.meshes["east"]
    east = {
        "mesh_kubeconfig": mesh.kubeconfig,
        "mesh_version": "v2.2",
        "mesh_trust_domain": "east.local",
        "mesh_control_plane_spec": SPEC,
        "mesh_members": ["shop"],
    }
    administrator = Administrator(tmp_path, collections, {"east": east})

    planned = administrator.play("control_plane", "--check", "--diff")
    assert planned.changed("east") == 2 and "spec.tracing.type: None" in planned.output
    assert mesh.kube.list("ServiceMeshControlPlane", mesh.namespace) == []

    made = administrator.play("control_plane")
    assert "v2.2, ready · trust domain east.local" in made.output
    roll = mesh.kube.get("ServiceMeshMemberRoll", "default", mesh.namespace)
    assert roll["status"]["configuredMembers"] == ["shop"]
    assert administrator.play("control_plane").changed("east") == 0

    for version, code in (("v2.1", "FED423"), ("v2.3", "FED424"), ("2.2", "FED420")):
        east["mesh_version"] = version
        refused = administrator.play("control_plane", must_pass=False)
        assert code in refused.output and "Nothing was written" in refused.output
    east["mesh_version"] = "v2.2"
    east["mesh_control_plane_spec"] = {**SPEC, "trcing": {"type": "None"}}
    refused = administrator.play("control_plane", "--check", must_pass=False)
    assert "FED421" in refused.output and "Did you mean tracing?" in refused.output
