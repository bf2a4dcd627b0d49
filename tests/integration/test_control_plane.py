# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A control plane is made, kept, refused and upgraded through the playbooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.administrators import Administrator

from testbed import MeshSpec, Testbed
from testbed.kube import KubeError

SPEC = {"tracing": {"type": "None"}, "addons": {"kiali": {"enabled": False}, "grafana": {"enabled": False}}}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """A cluster with an operator, two meshes' namespaces and no control plane."""
    meshes = [
        MeshSpec("east", cluster="one", members=["shop"], control_plane_present=False),
        MeshSpec("old", cluster="one", members=["desk"], control_plane_present=False),
    ]
    with Testbed.start(tmp_path_factory.mktemp("empty"), meshes=meshes, clock_scale=0.05) as running:
        yield running


def test_a_control_plane_is_made_kept_and_never_stepped_in_passing(
    tmp_path: Path, collections: str, empty: Testbed
) -> None:
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
    assert "v2.2, ready, trust domain east.local" in made.output
    roll = mesh.kube.get("ServiceMeshMemberRoll", "default", mesh.namespace)
    assert roll["status"]["configuredMembers"] == ["shop"]
    assert administrator.play("control_plane").changed("east") == 0

    east["mesh_members"] = ["shop", "later"]
    assert administrator.play("control_plane", "--check").changed("east") == 1
    waiting = administrator.play("control_plane", variables={"members_timeout": 3}, must_pass=False)
    told = waiting.output.partition("FED610")[2]
    assert "later" in told and "Written before that: update ServiceMeshMemberRoll east-mesh-system/default" in told, (
        waiting.output
    )
    mesh.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "later"}})
    assert administrator.play("control_plane").changed("east") == 0
    roll = mesh.kube.get("ServiceMeshMemberRoll", "default", mesh.namespace)
    assert sorted(roll["status"]["configuredMembers"]) == ["later", "shop"]

    for version, code in (("v2.1", "FED423"), ("v2.3", "FED424"), ("2.2", "FED420")):
        east["mesh_version"] = version
        refused = administrator.play("control_plane", must_pass=False)
        assert code in refused.output and "Nothing was written" in refused.output
    east["mesh_version"] = "v2.2"
    east["mesh_control_plane_spec"] = {**SPEC, "trcing": {"type": "None"}}
    refused = administrator.play("control_plane", "--check", must_pass=False)
    assert "FED421" in refused.output and "Did you mean tracing?" in refused.output


def test_an_upgrade_shows_its_way_and_takes_mixer_out_only_when_asked(
    tmp_path: Path, collections: str, empty: Testbed
) -> None:
    mesh = empty.meshes["old"]
    pilot = {
        "runtime": {"components": {"pilot": {"container": {"env": {"APPLY_WASM_PLUGINS_TO_INBOUND_ONLY": "true"}}}}}
    }
    mixer = {
        "policy": {"type": "Mixer"},
        "telemetry": {"type": "Mixer"},
        "addons": {"3scale": {"enabled": True}},
        **pilot,
    }
    old = {
        "mesh_kubeconfig": mesh.kubeconfig,
        "mesh_version": "v2.0",
        "mesh_trust_domain": "old.local",
        "mesh_control_plane_spec": mixer,
    }
    administrator = Administrator(tmp_path, collections, {"old": old})
    administrator.play("control_plane")

    def version() -> str:
        return mesh.kube.get("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace)["status"]["chartVersion"]

    planned = administrator.play("upgrade", "--check", "-e", "upgrade_to=v2.3")
    assert "v2.0 → v2.1: stopped" in planned.output and "use Mixer, which v2.1 does not have" in planned.output
    assert "v2.2 → v2.3: possible" in planned.output and version().startswith("2.0.")
    refused = administrator.play("upgrade", "-e", "upgrade_to=v2.1", must_pass=False)
    assert "FED431" in refused.output and version().startswith("2.0.")

    # One description is each version's own kind; the old one stops the way at 2.2, for us and for the webhook.
    image = f"registry.example/hdr:1@sha256:{'a' * 64}"
    hdr = {
        "name": "hdr",
        "namespace": mesh.namespace,
        "selector": "all",
        "image": image,
        "phase": "STATS",
        "traffic": "gateway",
        "config": {"ports": [1]},
    }
    old["mesh_extensions"] = [hdr]
    administrator.play("upgrade", variables={"upgrade_to": "v2.1", "upgrade_remove_mixer": True})
    assert administrator.play("extend").changed("old") == 1 and administrator.play("extend").changed("old") == 0
    assert mesh.kube.get("ServiceMeshExtension", "hdr", mesh.namespace)["spec"]["phase"] == "PostAuthZ"
    wanted = {"upgrade_to": "v2.3", "upgrade_remove_mixer": True}
    halted = administrator.play("upgrade", variables=wanted, must_pass=False)
    assert "FED431" in halted.output and "ServiceMeshExtensions exist: old-mesh-system/hdr" in " ".join(
        halted.output.split()
    )
    assert "control plane v2.1 to v2.2" in halted.output and version().startswith("2.2."), (
        "the report tells how far it came"
    )
    with pytest.raises(KubeError, match="found a ServiceMeshExtension 'hdr'"):
        mesh.kube.merge("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace, {"spec": {"version": "v2.3"}})
    wanted |= {"upgrade_convert_extensions": True, "convert_extensions_images": {image: image}}

    done = administrator.play("upgrade", variables=wanted)
    assert mesh.kube.get("WasmPlugin", "hdr", mesh.namespace)["spec"]["pluginName"] == "hdr_root"
    assert "is v2.3; restart workloads" in done.output and version() == "2.3.11"
    spec = mesh.kube.get("ServiceMeshControlPlane", mesh.control_plane, mesh.namespace)["spec"]
    assert spec["policy"]["type"] == spec["telemetry"]["type"] == "Istiod" and "3scale" not in spec.get("addons", {})
    old["mesh_control_plane_spec"] = pilot
    assert administrator.play("upgrade", "-e", "upgrade_to=v2.3").changed("old") == 0
    assert administrator.play("extend").changed("old") == 0
    assert mesh.kube.get("WasmPlugin", "hdr", mesh.namespace)["spec"]["url"] == f"oci://{image}"
    back = administrator.play("upgrade", "-e", "upgrade_to=v2.2", must_pass=False)
    assert "FED430" in back.output
