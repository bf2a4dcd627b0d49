# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``upgrade_plan_info`` against a cluster in memory: what it looks at on the way."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._options import MESH
from ansible_collections.ossm.federation.plugins.modules import upgrade_plan_info
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"


def injected(name, version):
    labels = {"maistra-version": version} if version else {}
    metadata = {"name": name, "namespace": SPACE, "labels": labels, "annotations": {"sidecar.istio.io/status": "{}"}}
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "istio-proxy"}]},
        "status": {"phase": "Running"},
    }


READY = {"status": "True", "lastTransitionTime": "2026-06-15T12:00:00Z"}
PLANE = {
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
    "spec": {"version": "v2.2"},
    "status": {
        "chartVersion": "2.2.13",
        "observedGeneration": 1,
        "conditions": [{**READY, "type": kind} for kind in ("Reconciled", "Ready")],
    },
}


def asked(**params):
    return RunInMemory(MESH, upgrade_plan_info.OPTIONS, is_quiet=True, **{"mesh": "east", "strict": True, **params})


def owned(name, made, template=None):
    live = injected(f"{name}-1", "2.1.6")
    live["metadata"] |= {
        "creationTimestamp": made,
        "uid": name,
        "ownerReferences": [{"kind": "Deployment", "name": name, "controller": True}],
    }
    metadata = {"name": name, "namespace": SPACE, "generation": 1}
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    return [
        live,
        {
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"replicas": 1, "template": template or {}},
            "status": status,
        },
    ]


def refused(*objects, to="v2.4"):
    steps = ClusterInMemory(
        NOW, {**PLANE, "spec": {"version": "v2.3"}, "status": {**PLANE["status"], "chartVersion": "2.3.11"}}, *objects
    )
    with pytest.raises(FederationError) as error:
        upgrade_plan_info.run(asked(to=to), steps, NOW)
    assert error.value.code == "FED431"
    return error.value


def test_what_no_restart_renews_is_not_told_to_be_restarted():
    written = {"spec": {"containers": [{"name": "istio-proxy"}]}}
    error = refused(*owned("legacy", "2026-06-15T12:30:00Z", written))
    assert (
        "the sidecar of Deployment east-mesh-system/legacy would be more than one minor behind, and a restart does not"
        " renew it" in error.what
    )
    assert (
        "its template has the container istio-proxy itself" in error.what
        and "estart these workloads first" not in error.fix
    )
    both = refused(*owned("legacy", "2026-06-15T12:30:00Z", written), *owned("cart", "2026-06-14T12:00:00Z"))
    assert "more than one minor behind: east-mesh-system/cart-1;" in both.what and both.fix.startswith(
        "Restart these workloads first (upgrade_restart: true)"
    )


def test_a_bare_pod_that_stops_a_step_is_told_with_its_reason():
    bare = injected("debug", "2.1.6")
    bare["metadata"] |= {"uid": "debug", "creationTimestamp": "2026-06-14T12:00:00Z"}
    assert (
        "Pod east-mesh-system/debug would be more than one minor behind, and a restart does not renew it: it has no"
        " owner" in refused(bare).what
    )


def test_nobody_is_asked_for_owners_while_no_sidecar_stops_the_step():
    pod, deployment = owned("cart", "2026-06-14T12:00:00Z")
    pod["metadata"]["labels"]["maistra-version"] = "2.2.5"
    quiet = ClusterInMemory(NOW, PLANE, pod, deployment)
    upgrade_plan_info.run(asked(to="v2.3"), quiet, NOW)
    before = quiet.requests
    bare = ClusterInMemory(NOW, PLANE)
    upgrade_plan_info.run(asked(to="v2.3"), bare, NOW)
    assert before == bare.requests


def test_the_way_from_2_0_names_the_modules_that_are_told_free_text_at_2_1_and_where_it_stops_them():
    def extension(name, config):
        spec = {"image": "registry.example/hdr:1", "phase": "PostAuthZ", "config": config}
        metadata = {"name": name, "namespace": SPACE}
        return {"apiVersion": "maistra.io/v1alpha1", "kind": "ServiceMeshExtension", "metadata": metadata, "spec": spec}

    old = {**PLANE, "spec": {"version": "v2.0"}, "status": {**PLANE["status"], "chartVersion": "2.0.11"}}
    cluster = ClusterInMemory(NOW, old, extension("text", "any text"), extension("object", '{"a": 1}'))
    images = {"registry.example/hdr:1": "registry.example/hdr:2"}
    asked = RunInMemory(MESH, upgrade_plan_info.OPTIONS, mesh="east", to="v2.3", convert_extensions=True, images=images)
    steps = {step["to"]: step for step in upgrade_plan_info.run(asked, cluster, NOW)["steps"]}
    (note,) = (text for text in steps["v2.1"]["notes"] if "free text" in text)
    assert note.endswith(f"of an object: {SPACE}/text")
    stops = [blocker["what"] for blocker in steps["v2.3"]["blockers"] if "ServiceMeshExtension" in blocker["what"]]
    assert stops == [
        f"ServiceMeshExtension {SPACE}/text, config is free text of v1alpha1, and the pluginConfig of a WasmPlugin is"
        " an object"
    ]


def test_what_keeps_an_extension_from_conversion_is_told_before_the_way_begins():
    spec = {"image": "registry.example/hdr:1", "phase": "PostAuthZ", "config": {"raw_v1alpha1_config": "text"}}
    extension = {"kind": "ServiceMeshExtension", "metadata": {"name": "hdr", "namespace": SPACE}, "spec": spec}
    cluster = ClusterInMemory(NOW, PLANE, extension)
    told = {}
    for converts in (False, True):
        asked = RunInMemory(MESH, upgrade_plan_info.OPTIONS, mesh="east", to="v2.3", convert_extensions=converts)
        (step,) = upgrade_plan_info.run(asked, cluster, NOW)["steps"]
        told[converts] = [each["what"].partition(": ")[0] for each in step["blockers"]]
    raw, image = (f"ServiceMeshExtension {SPACE}/hdr, {field}" for field in ("config", "image"))
    assert [len(each) for each in told.values()] == [2, 3]
    assert told[False][0] == "ServiceMeshExtensions exist" and told[False][1].startswith(raw)
    assert any(each.startswith(image) for each in told[True]) and told[True][-1].startswith(
        "WasmPlugins would also run"
    )
