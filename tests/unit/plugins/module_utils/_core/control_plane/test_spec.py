# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a ServiceMeshControlPlane's spec is refused for before it is sent."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import (
    ControlPlane,
    permanent_reason,
    unready,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.spec import (
    check_spec,
    check_step,
    objections,
    plan_control_plane,
    unknown_fields,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

MIXER = {"policy": {"type": "Mixer"}, "telemetry": {"mixer": {}}}
ANTI = "podAntiAffinity"
SCHEMA = {
    "components": {
        "schemas": {
            "smcp": {
                "x-kubernetes-group-version-kind": [{"kind": "ServiceMeshControlPlane"}],
                "properties": {
                    "spec": {
                        "properties": {
                            "version": {"type": "string"},
                            "techPreview": {"x-kubernetes-preserve-unknown-fields": True},
                            "gateways": {
                                "properties": {
                                    "additionalIngress": {
                                        "additionalProperties": {
                                            "properties": {
                                                "enabled": {},
                                                "volumes": {"items": {"properties": {"name": {}}}},
                                            }
                                        }
                                    }
                                }
                            },
                        }
                    }
                },
            }
        }
    }
}


def affinity(component, **affinity):
    return {"runtime": {"components": {component: {"pod": {"affinity": affinity}}}}}


def detection(**settings):
    return {"proxy": {"networking": {"protocol": {"autoDetect": settings}}}}


def providers(*entries):
    return {"meshConfig": {"extensionProviders": list(entries)}}


def planned(spec=None, **words):
    return plan_control_plane(
        "east",
        "east-mesh-system",
        "basic",
        spec or {},
        **{"version": None, "trust_domain": None, "live": None, **words},
    )


def standing(
    version="v2.3",
    chart="2.3.11",
    generation=1,
    observed=1,
    reconciled=("True", "UpdateSuccessful", ""),
    components=None,
):
    status, reason, message = reconciled
    return {
        "metadata": {"name": "basic", "namespace": "east-mesh-system", "uid": "u", "generation": generation},
        "spec": {"version": version},
        "status": {
            "chartVersion": chart,
            "observedGeneration": observed,
            "conditions": [
                {"type": "Reconciled", "status": status, "reason": reason, "message": message},
                {"type": "Ready", "status": status, "reason": "ComponentsReady" if status == "True" else reason},
            ],
            "readiness": {"components": components or {}},
        },
    }


@pytest.mark.parametrize(
    ("spec", "versions", "path"),
    [
        (detection(inbound=True), ["2.0", "2.1"], "spec.proxy.networking.protocol.autoDetect.inbound"),
        (detection(outbound=True), ["2.0", "2.1"], "spec.proxy.networking.protocol.autoDetect.outbound"),
        (
            detection(timeout="soon"),
            ["2.2", "2.3", "2.4", "2.5", "2.6"],
            "spec.proxy.networking.protocol.autoDetect.timeout",
        ),
        ({"mode": "ClusterWide"}, ["2.0", "2.1", "2.2", "2.3"], "spec.mode"),
        (
            {"techPreview": {"controlPlaneMode": "MultiTenant"}},
            ["2.0", "2.1", "2.2", "2.4", "2.5", "2.6"],
            "spec.techPreview.controlPlaneMode",
        ),
        (
            {"meshConfig": {"discoverySelectors": []}},
            ["2.0", "2.1", "2.2", "2.4", "2.5", "2.6"],
            "spec.meshConfig.discoverySelectors",
        ),
        ({"policy": {"type": "Remote"}}, ["2.0"], "spec.policy.type"),
        ({"policy": {"remote": {"address": "a:1"}}}, ["2.0"], "spec.policy.remote.address"),
        (
            {"telemetry": {"mixer": {"adapters": {"useAdapterCRDs": True}}}},
            ["2.0"],
            "spec.telemetry.mixer.adapters.useAdapterCRDs",
        ),
        ({"policy": {"type": "Mixer"}}, ["2.1", "2.2", "2.3", "2.4", "2.5", "2.6"], "spec.policy.type"),
        ({"telemetry": {"mixer": {}}}, ["2.1", "2.6"], "spec.telemetry.mixer"),
        ({"addons": {"3scale": {"enabled": False}}}, ["2.1", "2.6"], "spec.addons.3scale"),
        (affinity("pilot", nodeAffinity={}), ["2.1", "2.6"], "spec.runtime.components.pilot.pod.affinity"),
        (
            affinity("pilot", **{ANTI: {"requiredDuringSchedulingIgnoredDuringExecution": []}}),
            ["2.1"],
            "spec.runtime.components.pilot.pod.affinity",
        ),
        (
            affinity("kiali", **{ANTI: {"requiredDuringScheduling": []}}),
            ["2.1", "2.6"],
            "spec.runtime.components.kiali.pod.affinity",
        ),
        (
            {"gateways": {"additionalEgress": {"istio-ingressgateway": {}}}},
            ["2.0", "2.3", "2.6"],
            "spec.gateways.additionalEgress.istio-ingressgateway",
        ),
        (
            {"gateways": {"additionalIngress": {"a": {}}, "additionalEgress": {"a": {}}}},
            ["2.0", "2.6"],
            "spec.gateways.additionalEgress.a",
        ),
        (providers({"prometheus": {}}), ["2.4", "2.5", "2.6"], "spec.meshConfig.extensionProviders[0]"),
        (providers({"name": "x"}), ["2.4", "2.6"], "spec.meshConfig.extensionProviders[0]"),
        (providers({"name": "x", "zipkin": {}}), ["2.4"], "spec.meshConfig.extensionProviders[0]"),
        (
            providers({"name": "x", "envoyExtAuthzHttp": {"timeout": "1"}}),
            ["2.4", "2.6"],
            "spec.meshConfig.extensionProviders[0].envoyExtAuthzHttp.timeout",
        ),
        (
            {**providers({"name": "x", "zipkin": {}}), "tracing": {"type": "Jaeger"}},
            ["2.5", "2.6"],
            "spec.meshConfig.extensionProviders[0]",
        ),
        (
            {"addons": {"kiali": {"enabled": True}, "prometheus": {"enabled": False}}},
            ["2.0", "2.3", "2.4"],
            "spec.addons.kiali.enabled",
        ),
    ],
)
def test_each_version_refuses_what_its_admission_refuses(spec, versions, path):
    for text in versions:
        version = tuple(int(part) for part in text.split("."))
        assert path in [each.path for each in objections(spec, version)], text


@pytest.mark.parametrize(
    ("spec", "versions"),
    [
        (detection(inbound=True, timeout="100ms"), [(2, 2), (2, 6)]),
        ({"mode": "ClusterWide", "meshConfig": {"discoverySelectors": []}}, [(2, 4), (2, 6)]),
        ({"techPreview": {"controlPlaneMode": "ClusterScoped"}}, [(2, 3)]),
        (MIXER, [(2, 0)]),
        ({"addons": {"3scale": {"enabled": True}}}, [(2, 0)]),
        (affinity("kiali", nodeAffinity={}), [(2, 1), (2, 6)]),
        (affinity("pilot", **{ANTI: {"preferredDuringScheduling": []}}), [(2, 1), (2, 6)]),
        (providers({"name": "x", "zipkin": {}}), [(2, 5), (2, 6)]),
        ({"addons": {"kiali": {"enabled": True, "name": "own"}, "prometheus": {"enabled": False}}}, [(2, 4), (2, 6)]),
        (
            {
                "gateways": {
                    "additionalIngress": {"a": {"namespace": "one"}},
                    "additionalEgress": {"a": {"namespace": "two"}},
                }
            },
            [(2, 0), (2, 6)],
        ),
    ],
)
def test_each_version_takes_what_its_admission_takes(spec, versions):
    for version in versions:
        assert list(objections(spec, version)) == []


def test_all_reasons_are_told_at_once():
    with pytest.raises(FederationError) as refused:
        check_spec(planned({**MIXER, "addons": {"3scale": {}}}, version="v2.1"), None, (2, 1))
    assert refused.value.code == "FED422"
    for field in ("spec.policy.type", "spec.telemetry.mixer", "spec.addons.3scale"):
        assert field in refused.value.what


def test_a_field_that_the_cluster_does_not_know_is_named_with_the_one_it_resembles():
    spec = {"gatways": {}, "gateways": {"additionalIngress": {"a": {"routeConfig": {}, "volumes": [{"nam": 1}]}}}}
    found = {each.path: each.fix for each in unknown_fields(spec, SCHEMA)}
    assert found["spec.gatways"] == "Did you mean gateways?"
    assert found["spec.gateways.additionalIngress.a.routeConfig"] == "Known here: enabled, volumes"
    assert found["spec.gateways.additionalIngress.a.volumes[0].nam"] == "Did you mean name?"
    with pytest.raises(FederationError) as refused:
        check_spec(planned(spec, version="v2.3"), SCHEMA, (2, 3))
    assert (refused.value.code, refused.value.where) == ("FED421", "mesh_control_plane_spec, spec.gatways")


def test_a_free_part_of_the_schema_takes_anything():
    assert list(unknown_fields({"version": "v2.3", "techPreview": {"any": {"thing": 1}}}, SCHEMA)) == []


def test_version_and_trust_domain_have_words_of_their_own_and_join_the_spec():
    spec = planned(
        {"security": {"trust": {"additionalDomains": ["old"]}}}, version="v2.6", trust_domain="east.example"
    )["spec"]
    assert spec == {"version": "v2.6", "security": {"trust": {"additionalDomains": ["old"], "domain": "east.example"}}}


@pytest.mark.parametrize("text", ["2.3", "v2.3.1", "v1.1", "v2.9", "v3.0", "newest"])
def test_a_version_that_no_operator_takes_is_refused(text):
    with pytest.raises(FederationError) as refused:
        planned(version=text)
    assert refused.value.code == "FED420"


def test_a_new_control_plane_needs_a_version_and_a_standing_one_does_not():
    with pytest.raises(FederationError) as refused:
        planned()
    assert (refused.value.code, refused.value.where) == ("FED420", "mesh_version")
    assert "version" not in planned(live=standing())["spec"]


def test_two_words_for_one_thing_must_agree():
    assert planned({"version": "v2.6"}, version="v2.6")["spec"]["version"] == "v2.6"
    with pytest.raises(FederationError) as refused:
        planned({"version": "v2.5"}, version="v2.6")
    assert refused.value.code == "FED420"


def test_neither_a_downgrade_nor_an_upgrade_happens_in_passing():
    live = ControlPlane.read(standing(version="v2.3"))
    for version, code in (((2, 2), "FED423"), ((2, 4), "FED424")):
        with pytest.raises(FederationError) as refused:
            check_step(live, version)
        assert refused.value.code == code
    check_step(live, (2, 3))
    check_step(None, (2, 3))


def test_a_stale_ready_counts_as_nothing():
    assert unready(standing()) == []
    (line,) = unready(standing(generation=2))
    assert "about an earlier generation" in line


def test_what_is_missing_names_the_components_and_the_operator_s_words():
    components = {"ready": ["mesh-config"], "unready": ["istio-discovery"], "pending": ["istio-egress"]}
    (line,) = unready(standing(reconciled=("False", "PausingInstall", "waiting"), components=components))
    assert line == "1 of 3 components ready; unready: istio-discovery; pending: istio-egress; PausingInstall: waiting"


def test_only_some_reasons_are_for_good():
    assert permanent_reason(standing(reconciled=("False", "ReconcileError", "an image"))) == ""
    assert (
        permanent_reason(standing(reconciled=("False", "DependencyMissingError", "no Kiali")))
        == "DependencyMissingError: no Kiali"
    )


def test_a_gateway_in_the_control_planes_own_namespace_is_the_same_whether_that_is_written_or_not():
    spec = {"gateways": {"additionalIngress": {"a": {"namespace": "east-mesh-system"}}, "additionalEgress": {"a": {}}}}
    assert [each.path for each in objections(spec, (2, 3), "east-mesh-system")] == ["spec.gateways.additionalEgress.a"]
    assert list(objections(spec, (2, 3), "elsewhere")) == []
