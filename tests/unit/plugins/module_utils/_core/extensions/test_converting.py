# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a ServiceMeshExtension becomes, and why it cannot."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.converting import (
    conversions,
    refuse_impossible,
    turns,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.phases import NEW_PHASE
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.rendering import old_text
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

from .meshes import ground

IMAGE = "registry.example/header:1.2"


def old(name="header", status=None, metadata=None, **spec):
    return {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshExtension",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", **(metadata or {})},
        "spec": {"image": IMAGE, "phase": "PostAuthZ", **spec},
        **({"status": status} if status else {}),
    }


def converted(*live, minor=2, images=None):
    return conversions(live, ground(minor), {IMAGE: IMAGE} if images is None else images)


def test_every_field_has_its_counterpart():
    metadata = {
        "labels": {"team": "a", "ossm.federation/mesh": "east"},
        "annotations": {"a": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        "finalizers": ["x"],
    }
    live = old(metadata=metadata, workloadSelector={"labels": {"app": "cart"}}, priority=7, config={"a": {"b": 1}})
    (found,) = converted(live)
    assert found.problems == () and found.manifest == {
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {"name": "header", "namespace": "shop", "labels": {"team": "a"}, "annotations": {"a": "b"}},
        "spec": {
            "url": f"oci://{IMAGE}",
            "selector": {"matchLabels": {"app": "cart"}},
            "phase": "STATS",
            "priority": 7,
            "pluginConfig": {"a": {"b": 1}},
            "pluginName": "header_root",
        },
    }
    assert "finalizers" not in old_text(live) and "uid" not in old_text(live)


@pytest.mark.parametrize(("word", "phase"), NEW_PHASE.items())
def test_each_phase_is_the_same_place_or_said_to_be_the_nearest(word, phase):
    (found,) = converted(old(phase=word))
    assert found.manifest["spec"]["phase"] == phase and bool(found.notes) == (
        word == "PostStats" or phase in ("AUTHN", "AUTHZ")
    )


def test_what_the_image_says_of_phase_and_priority_is_kept():
    (found,) = converted(old(phase="", status={"phase": "PreStats", "priority": 3}))
    assert (found.manifest["spec"]["phase"], found.manifest["spec"]["priority"]) == ("STATS", 3)


def test_where_two_phases_become_one_the_earlier_stays_before_the_later():
    found = converted(
        old("a", phase="PostAuthN", priority=1),
        old("b", phase="PreAuthZ", priority=9),
        old("c", phase="PostAuthN", priority=5),
        old("d"),
    )
    assert {each.extension.name: each.extension.priority for each in found} == {"a": 10, "b": 9, "c": 14, "d": None}
    found = converted(old("a", phase="PostAuthZ"), old("b", phase="PreStats"))
    assert {each.extension.name: each.extension.priority for each in found} == {"a": 1, "b": None}


def test_a_text_of_2_0_that_is_an_object_in_json_is_that_object():
    (found,) = converted(old(config='{"a": [1]}'))
    assert found.problems == () and found.manifest["spec"]["pluginConfig"] == {"a": [1]}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"config": "[1]"}, "config"),
        ({"config": {"raw_v1alpha1_config": "text"}}, "config"),
        ({"config": "text"}, "config"),
        ({"phase": "Later"}, "phase"),
        ({"phase": ""}, "phase"),
        ({"imagePullPolicy": "Never"}, "pull_policy"),
        ({"imagePullPolicy": "Always"}, "pull_policy"),
        ({"imagePullSecrets": [{"name": "a"}]}, "pull_secret"),
    ],
)
def test_what_cannot_be_said_in_the_new_kind_is_told_with_its_field(spec, field):
    (found,) = converted(old(**spec))
    assert [(each.code, each.path[-1]) for each in found.problems] == [("FED820", field)]
    with pytest.raises(FederationError):
        refuse_impossible([found], ground(2))


def test_several_pull_secrets_are_one_too_many():
    (found,) = converted(old(imagePullSecrets=[{"name": "a"}, {"name": "b"}]), minor=4)
    assert [each.path[-1] for each in found.problems] == ["imagePullSecrets"]


@pytest.mark.parametrize("image", [IMAGE, "registry.redhat.io/openshift-service-mesh/3scale-auth-wasm-rhel8:0.0.1"])
def test_an_image_of_which_nobody_says_that_the_new_kind_reads_it_is_not_converted(image):
    (found,) = converted(old(image=image), images={})
    assert [each.code for each in found.problems] == ["FED823"]


def test_a_rebuilt_image_takes_the_olds_place():
    (found,) = converted(old(), images={IMAGE: "registry.example/header:2"})
    assert found.manifest["spec"]["url"] == "oci://registry.example/header:2"


def test_a_mesh_of_2_1_may_plan_and_not_convert():
    found = converted(old(), minor=1)
    assert found[0].problems == ()
    with pytest.raises(FederationError) as refused:
        refuse_impossible(found, ground(1))
    assert refused.value.code == "FED804"


def steps(found, live, *loaded):
    turn = turns(found, live, loaded)
    return [(change.action, change.kind.name) for change in turn.changes], [each.place for each in turn.waiting]


def test_an_extension_that_guards_nothing_is_deleted_then_created():
    assert steps(converted(old()), []) == ([("delete", "ServiceMeshExtension"), ("create", "WasmPlugin")], [])


def test_a_guard_is_created_seen_and_only_then_deleted():
    live = old(phase="PreAuthZ")
    found = converted(live)
    # What is made in this run cannot have been seen.
    assert steps(found, [live], "shop/header") == ([("create", "WasmPlugin")], ["shop/header"])
    fields = [{"manager": found[0].manager, "operation": "Apply", "fieldsV1": {}}]
    new = {**found[0].manifest, "metadata": {**found[0].manifest["metadata"], "uid": "u", "managedFields": fields}}
    assert steps(found, [live, new]) == ([], ["shop/header"])
    assert steps(found, [live, new], "shop/header") == ([("delete", "ServiceMeshExtension")], [])
    changed = {**new, "spec": {**new["spec"], "url": "oci://other"}}
    assert steps(found, [live, changed], "shop/header") == ([("update", "WasmPlugin")], ["shop/header"])


def test_a_plugin_of_somebody_else_is_not_taken():
    live = old()
    other = {"kind": "WasmPlugin", "metadata": {"name": "header", "namespace": "shop", "uid": "u"}, "spec": {}}
    with pytest.raises(FederationError) as refused:
        turns(converted(live), [live, other], [])
    assert refused.value.code == "FED811"


@pytest.mark.parametrize(
    "spec", [None, "text", {"workloadSelector": [], "imagePullSecrets": {}, "priority": "x", "image": 5}]
)
def test_an_odd_object_is_told_as_impossible(spec):
    (found,) = conversions([{**old(), "spec": spec}], ground(2), {})
    assert found.problems and found.lines


@pytest.mark.parametrize("priority", [2**31 - 1, 2**40])
def test_a_priority_that_no_plugin_can_have_is_refused_and_not_written(priority):
    pair = [old("first", phase="PostAuthZ", priority=1), old("late", phase="PreStats", priority=priority)]
    found = conversions(pair, ground(2), {IMAGE: IMAGE})
    assert {problem.code for each in found for problem in each.problems if problem.path[-1] == "priority"} == {"FED820"}
