"""What the operator makes of a control plane, where no API server is needed to see it."""

from __future__ import annotations

import pytest

from testbed.manifests import (
    applied_spec,
    component_objects,
    components_of,
    gateway_objects,
    gateways_of,
    istiod_objects,
    trust_domain,
)
from testbed.releases import RELEASES

RELEASE = RELEASES["2.3"]


def control_plane(**spec):
    metadata = {"name": "basic", "namespace": "east-mesh-system", "uid": "u", "generation": 3}
    return {"metadata": metadata, "spec": {"version": "v2.3", **spec}}


def names(smcp):
    return [gateway.name for gateway in gateways_of(smcp)]


def test_the_base_profile_runs_both_default_gateways_and_trusts_cluster_local():
    assert names(control_plane()) == ["istio-ingressgateway", "istio-egressgateway"]
    assert trust_domain(control_plane()) == "cluster.local"


def test_what_the_user_wrote_wins_over_the_profile_and_the_rest_of_it_stays():
    spec = applied_spec(control_plane(security={"trust": {"domain": "east.local"}}))
    assert spec["security"] == {"identity": {"type": "Kubernetes"}, "trust": {"domain": "east.local"}}


@pytest.mark.parametrize(
    ("enabled", "runs"),
    [({"enabled": True}, True), ({}, False), ({"enabled": False}, False)],
)
def test_an_additional_gateway_runs_only_when_enabled_is_literally_true(enabled, runs):
    smcp = control_plane(gateways={"additionalIngress": {"west-ingress": enabled}})
    assert ("west-ingress" in names(smcp)) == runs


def test_default_gateways_can_be_switched_off():
    assert names(control_plane(gateways={"ingress": {"enabled": False}, "egress": {"enabled": False}})) == []
    assert names(control_plane(gateways={"enabled": False, "additionalEgress": {"west": {"enabled": True}}})) == []


def test_only_an_ingress_gateway_gets_a_network_policy():
    smcp = control_plane()
    kinds = [
        [manifest["kind"] for manifest in gateway_objects(smcp, gateway, RELEASE)] for gateway in gateways_of(smcp)
    ]
    assert kinds == [
        ["ServiceAccount", "Deployment", "Service", "NetworkPolicy"],
        ["ServiceAccount", "Deployment", "Service"],
    ]


def test_a_target_port_of_0_stands_for_the_port_itself():
    ports = [{"name": "tls", "port": 15443, "targetPort": 0}]
    smcp = control_plane(
        gateways={"additionalIngress": {"west-ingress": {"enabled": True, "service": {"ports": ports}}}}
    )
    service = next(
        manifest
        for gateway in gateways_of(smcp)
        for manifest in gateway_objects(smcp, gateway, RELEASE)
        if manifest["kind"] == "Service" and gateway.name == "west-ingress"
    )
    assert service["spec"]["ports"] == [{"name": "tls", "port": 15443, "protocol": "TCP", "targetPort": 15443}]


def test_istiod_is_rolled_by_another_trust_domain_and_not_by_another_gateway():
    def template(**spec):
        return next(
            manifest for manifest in istiod_objects(control_plane(**spec), RELEASE) if manifest["kind"] == "Deployment"
        )["spec"]["template"]

    assert template() != template(security={"trust": {"domain": "east.local"}})
    assert template() == template(gateways={"additionalEgress": {"west-egress": {"enabled": True}}})


def test_a_v2_0_mesh_with_mixer_has_eight_components_and_v2_1_six():
    old = {"policy": {"type": "Mixer"}, "telemetry": {"type": "Mixer"}, "addons": {"3scale": {"enabled": True}}}
    assert len(components_of(control_plane(version="v2.0", **old))) == 8
    assert len(components_of(control_plane(version="v2.1"))) == 6


@pytest.mark.parametrize(
    ("spec", "deployments"),
    [
        (
            {
                "version": "v2.0",
                "policy": {"type": "Mixer"},
                "telemetry": {"type": "Mixer"},
                "addons": {"3scale": {"enabled": True}},
            },
            ["istio-policy", "istio-telemetry", "3scale-istio-adapter"],
        ),
        ({"version": "v2.0"}, []),
        ({"version": "v2.1"}, ["wasm-cacher-basic"]),
        ({"version": "v2.3"}, []),
    ],
)
def test_mixer_and_its_adapter_have_deployments_on_2_0_and_extensions_from_2_1_to_2_2(spec, deployments):
    made = component_objects(control_plane(**spec), RELEASE)
    assert [manifest["metadata"]["name"] for manifest in made] == deployments
