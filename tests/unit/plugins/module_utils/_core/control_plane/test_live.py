# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a live ServiceMeshControlPlane says, read as the real operator writes it."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import (
    ControlPlane,
    has_route_config,
    readiness,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError


def live(spec=None, status=None, generation=1):
    metadata = {"name": "basic", "namespace": "east-mesh-system", "uid": "u", "generation": generation}
    return {"metadata": metadata, "spec": spec or {}, "status": status or {}}


def conditions(reconciled, ready, **status):
    rows = [("Reconciled", *reconciled), ("Ready", *ready)]
    return {"conditions": [{"type": t, "status": s, "reason": r, "message": "m"} for t, s, r in rows], **status}


DONE, OK = ("True", "UpdateSuccessful"), ("True", "ComponentsReady")


@pytest.mark.parametrize(
    ("status", "generation", "is_ready"),
    [
        pytest.param({}, 1, False, id="no status yet"),
        pytest.param(
            conditions(("False", "ResourceCreated"), ("False", "ResourceCreated")), 1, False, id="just created"
        ),
        pytest.param(
            conditions(("False", "ReconcileError"), ("False", "ReconcileError")), 1, False, id="passing error"
        ),
        pytest.param(
            conditions(DONE, OK, observedGeneration=1, chartVersion="2.0.11"),
            2,
            False,
            id="ready about the old generation",
        ),
        pytest.param(
            conditions(DONE, OK, observedGeneration=2, chartVersion="2.0.11"), 2, False, id="charts of the old version"
        ),
        pytest.param(
            conditions(DONE, ("False", "ComponentsNotReady"), observedGeneration=2, chartVersion="2.1.6"),
            2,
            False,
            id="pods went away",
        ),
        pytest.param(conditions(DONE, OK, observedGeneration=2, chartVersion="2.1.6"), 2, True, id="done"),
    ],
)
def test_ready_means_this_generation_and_this_version(status, generation, is_ready):
    assert readiness(live({"version": "v2.1"}, status, generation))[0] is is_ready


def test_a_ready_that_speaks_of_an_earlier_generation_says_so():
    told = readiness(live({"version": "v2.1"}, conditions(DONE, OK, observedGeneration=1, chartVersion="2.1.6"), 2))
    assert told == (False, "ComponentsReady: m (about an earlier generation)")


def test_what_profiles_set_counts_where_the_spec_is_silent():
    applied = {
        "security": {"trust": {"domain": "by-profile.local"}},
        "proxy": {"networking": {"clusterDomain": "corp.local"}},
    }
    read = ControlPlane.read(live({"version": "v2.3"}, {"appliedSpec": applied}))
    assert (read.trust_domain, read.cluster_domain, read.version, read.version_text) == (
        "by-profile.local",
        "corp.local",
        (2, 3),
        "v2.3",
    )


def test_cert_manager_names_the_config_map_of_the_root():
    authority = {"type": "cert-manager", "cert-manager": {"rootCAConfigMapName": "our-root"}}
    assert ControlPlane.read(live({"security": {"certificateAuthority": authority}})).root_config_map == "our-root"
    assert ControlPlane.read(live()).root_config_map == "istio-ca-root-cert"


@pytest.mark.parametrize(
    ("spec", "wanted", "code"),
    [
        ({"version": "v2.0", "security": {"trust": {"domain": "east.local"}}}, None, "FED402"),
        ({"version": "v2.3"}, None, "FED403"),
        ({"version": "v2.3", "security": {"trust": {"domain": "cluster.local"}}}, None, "FED403"),
        ({"version": "v2.3", "security": {"trust": {"domain": "East.Local"}}}, None, "FED403"),
        ({"version": "v2.3", "security": {"trust": {"domain": "east.local"}}}, "other.local", "FED404"),
    ],
)
def test_a_control_plane_that_cannot_federate_is_refused(spec, wanted, code):
    with pytest.raises(FederationError, match=f"{code} ServiceMeshControlPlane east-mesh-system/basic: "):
        ControlPlane.read(live(spec)).check(wanted)


@pytest.mark.parametrize(
    ("version", "operator", "is_in_schema", "written"),
    [
        ("v2.5", "2.5.1", True, True),
        ("v2.3", "2.5.1", True, True),
        ("v2.3", "2.3.11", True, False),
        ("v2.3", "2.3.11", False, False),
        ("v2.5", "unknown", True, True),
        ("v2.3", "unknown", True, False),
    ],
)
def test_route_config_goes_where_the_kind_has_it_and_the_operator_keeps_it(version, operator, is_in_schema, written):
    assert (
        ControlPlane.read(live({"version": version}, {"operatorVersion": operator})).writes_route_config(is_in_schema)
        is written
    )


def test_the_schema_tells_whether_an_additional_ingress_has_route_config():
    def schema(fields):
        ingress = {"additionalProperties": {"properties": fields}}
        spec = {
            "properties": {
                "gateways": {
                    "properties": {"additionalIngress": ingress, "ingress": {"properties": {"routeConfig": {}}}}
                }
            }
        }
        definition = {
            "x-kubernetes-group-version-kind": [{"kind": "ServiceMeshControlPlane"}],
            "properties": {"spec": spec},
        }
        return {"components": {"schemas": {"io.maistra.v2.ServiceMeshControlPlane": definition}}}

    assert has_route_config(schema({"enabled": {}, "routeConfig": {}}))
    assert not has_route_config(schema({"enabled": {}}))
    assert not has_route_config(None)
