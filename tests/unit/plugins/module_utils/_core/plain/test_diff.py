# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Live compared with desired: what changes, what was ours and goes, and what belongs to others."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.diff import (
    MISSING,
    Holder,
    as_diff,
    change_to,
    holders,
    leaves,
    path_text,
    removal_of,
    value_at,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.pem import root
from hypothesis import given
from hypothesis import strategies as st

OURS = "ossm.federation"
PLACE = {"name": "west", "namespace": "east-mesh-system"}
SET = {
    "apiVersion": "federation.maistra.io/v1",
    "kind": "ExportedServiceSet",
    "metadata": {**PLACE, "labels": {"ossm.federation/mesh": "east"}},
    "spec": {"exportRules": [{"type": "NameSelector"}]},
}


def stored(desired, manager=OURS, operation="Apply", **more):
    """Return a manifest as the API server gives it back: with a uid and the fields that its manager owns."""
    live = copy.deepcopy(desired)
    entry = {
        "manager": manager,
        "operation": operation,
        "fieldsV1": owned({key: desired[key] for key in ("spec", "data") if key in desired}),
    }
    entry["fieldsV1"]["f:metadata"] = {"f:labels": owned(desired["metadata"].get("labels", {}))}
    live["metadata"].update(uid="u-1", resourceVersion="7", managedFields=[entry])
    for key, value in more.items():
        live[key] = value
    return live


def owned(value):
    if not isinstance(value, dict):
        return {}
    return {f"f:{key}": owned(below) for key, below in value.items()}


def changed(**spec):
    return {**SET, "spec": spec}


@pytest.mark.parametrize("more", [{}, {"status": {"exportedServices": []}}], ids=["plain", "with a status"])
def test_what_stands_as_desired_needs_no_change(more):
    assert change_to(stored(SET, **more), SET, OURS) is None


def test_what_is_missing_is_created():
    change = change_to(None, SET, OURS)
    assert (change.action, change.uid, change.manager, change.place) == (
        "create",
        None,
        OURS,
        "ExportedServiceSet east-mesh-system/west",
    )
    assert [path_text(difference.path) for difference in change.differences] == [
        'metadata.labels["ossm.federation/mesh"]',
        "spec.exportRules",
    ]


def test_an_update_is_bound_to_the_object_that_was_read():
    change = change_to(stored(SET), changed(exportRules=[]), OURS)
    assert (change.action, change.uid, change.manifest) == ("update", "u-1", changed(exportRules=[]))
    assert [(d.before, d.after) for d in change.differences] == [([{"type": "NameSelector"}], [])]


def test_what_was_ours_and_is_no_longer_wanted_is_a_change():
    change = change_to(stored(changed(exportRules=[], extra="x")), changed(exportRules=[]), OURS)
    assert [(path_text(d.path), d.before, d.after) for d in change.differences] == [("spec.extra", "x", MISSING)]


def test_what_somebody_else_added_is_none_of_ours():
    live = stored(SET)
    live["spec"]["theirs"] = 1
    live["metadata"]["managedFields"].append(
        {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:theirs": {}}}}
    )
    assert change_to(live, SET, OURS) is None


def test_what_we_once_owned_and_another_has_removed_is_no_change():
    live = stored(changed(exportRules=[], extra="x"))
    del live["spec"]["extra"]
    assert change_to(live, changed(exportRules=[]), OURS) is None


def test_another_manager_s_field_is_left_to_it_until_forced():
    live = stored(SET, manager="argocd")
    wanted = changed(exportRules=[])
    with pytest.raises(FederationError) as raised:
        change_to(live, wanted, OURS)
    error = raised.value
    assert (error.code, error.where) == ("FED107", "ExportedServiceSet east-mesh-system/west")
    assert error.what == "spec.exportRules belongs to the field manager argocd, which wants it otherwise"
    assert error.facts == {"manager": "argocd", "field": "spec.exportRules"}
    assert change_to(live, wanted, OURS, force=True).force


def test_what_another_manager_owns_and_wants_alike_is_no_conflict():
    assert change_to(stored(SET, manager="argocd"), SET, OURS) is None


def test_a_removal_is_bound_to_the_object_that_was_read():
    change = removal_of(stored(SET), OURS)
    assert (change.action, change.uid, change.manifest) == ("delete", "u-1", None)


def test_ports_are_compared_by_their_number():
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": PLACE,
        "spec": {"ports": [{"port": 8188, "name": "a"}, {"port": 15443, "name": "b"}]},
    }
    live = stored(service)
    live["metadata"]["managedFields"] = []
    live["spec"]["ports"] = [
        {"port": 15443, "name": "b", "nodePort": 31443},
        {"port": 8188, "name": "a", "protocol": "TCP"},
    ]
    assert change_to(live, service, OURS) is None
    live["spec"]["ports"][1]["name"] = "c"
    (difference,) = change_to(live, service, OURS).differences
    assert path_text(difference.path) == "spec.ports[port=8188].name"


def test_true_is_not_one():
    assert change_to(stored(changed(enabled=1)), changed(enabled=True), OURS) is not None


def test_a_diff_shows_only_the_fields_that_change():
    (shown,) = as_diff([change_to(stored(changed(a=1, b=["x"])), changed(a=1, b=["x", "y"]), OURS)])
    assert shown["before_header"] == shown["after_header"] == "ExportedServiceSet east-mesh-system/west"
    assert (shown["before"], shown["after"]) == ("spec.b:\n- x\n", "spec.b:\n- x\n- y\n")


def test_a_diff_shows_certificates_by_their_fingerprints():
    bundle = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": PLACE, "data": {"root-cert.pem": root("west")}}
    (shown,) = as_diff([change_to(None, bundle, OURS)])
    assert shown["before_header"].endswith("(absent)")
    assert "certificate SHA-256 " in shown["after"] and "BEGIN" not in shown["after"]


MANIFESTS = st.dictionaries(
    st.sampled_from(["a", "b", "ports", "f.g"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c/d"]), inner, min_size=1, max_size=3),
        max_leaves=6,
    ),
    min_size=1,
)


@given(MANIFESTS)
def test_a_manifest_compared_with_itself_needs_no_change(spec):
    assert change_to(stored(changed(**spec)), changed(**spec), OURS) is None
    assert all(value_at(spec, path) == value for path, value in leaves(spec))


@given(MANIFESTS, MANIFESTS)
def test_a_change_names_every_field_that_differs(before, after):
    change = change_to(stored(changed(**before)), changed(**after), OURS)
    wanted = dict(leaves(changed(**after)["spec"], ("spec",)))
    live = stored(changed(**before))
    differing = {
        path
        for path, value in wanted.items()
        if value_at(live, path) != value and not (value is None and value_at(live, path) is MISSING)
    }
    assert differing <= {difference.path for difference in (change.differences if change else ())}


# A control plane with one peer's gateway as an API server keeps it: ports merged by their number, defaults added by the
# operator.
GATEWAYS = "ossm.federation/gateways/west"
PORT_FIELDS = {
    'k:{"port":8188}': {".": {}, "f:name": {}, "f:port": {}},
    'k:{"port":15443}': {".": {}, "f:name": {}, "f:port": {}},
}
INGRESS_FIELDS = {"f:enabled": {}, "f:service": {"f:ports": PORT_FIELDS, "f:type": {}}}
PATCH = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": "east-mesh-system"},
    "spec": {
        "gateways": {
            "additionalIngress": {
                "west-ingress": {
                    "enabled": True,
                    "service": {
                        "type": "LoadBalancer",
                        "ports": [{"name": "tls", "port": 15443}, {"name": "https-discovery", "port": 8188}],
                    },
                }
            }
        }
    },
}


def control_plane():
    live = copy.deepcopy(PATCH)
    live["spec"].update(version="v2.3", profiles=["default"], security={"trust": {"domain": "east.local"}})
    for port in live["spec"]["gateways"]["additionalIngress"]["west-ingress"]["service"]["ports"]:
        port["targetPort"] = 0
    ours = {"f:spec": {"f:gateways": {"f:additionalIngress": {"f:west-ingress": INGRESS_FIELDS}}}}
    team = {"f:spec": {"f:security": {"f:trust": {"f:domain": {}}}, "f:version": {}}}
    live["metadata"].update(
        uid="u-1",
        generation=2,
        finalizers=["maistra.io/istio-operator"],
        managedFields=[
            {"manager": GATEWAYS, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": ours},
            {"manager": "team-gitops", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": team},
            {
                "manager": "istio-operator",
                "operation": "Update",
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:profiles": {}}},
            },
            {
                "manager": "istio-operator",
                "operation": "Update",
                "subresource": "status",
                "fieldsV1": {"f:status": {"f:conditions": {}}},
            },
        ],
    )
    return live


def without(manifest, *path):
    manifest = copy.deepcopy(manifest)
    inner = manifest
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return manifest


def test_what_the_operator_added_to_a_control_plane_is_no_change():
    assert change_to(control_plane(), PATCH, GATEWAYS) is None


def test_a_gateway_that_is_no_longer_sent_is_seen_with_its_ports():
    change = change_to(control_plane(), without(PATCH, "spec"), GATEWAYS)
    place = "spec.gateways.additionalIngress.west-ingress"
    assert [path_text(difference.path) for difference in change.differences] == [
        f"{place}.enabled",
        f"{place}.service.ports[port=15443].name",
        f"{place}.service.ports[port=15443].port",
        f"{place}.service.ports[port=8188].name",
        f"{place}.service.ports[port=8188].port",
        f"{place}.service.type",
    ]
    assert all(difference.after is MISSING for difference in change.differences)


def test_a_port_that_is_no_longer_sent_is_seen_alone():
    wanted = copy.deepcopy(PATCH)
    del wanted["spec"]["gateways"]["additionalIngress"]["west-ingress"]["service"]["ports"][1]
    change = change_to(control_plane(), wanted, GATEWAYS)
    assert [path_text(difference.path).rpartition(".ports")[2] for difference in change.differences] == [
        "[port=8188].name",
        "[port=8188].port",
    ]


def test_two_managers_of_one_control_plane_are_no_conflict_until_a_value_differs():
    wanted = {**PATCH, "spec": {**PATCH["spec"], "version": "v2.3"}}
    assert change_to(control_plane(), wanted, GATEWAYS) is None
    wanted["spec"]["version"] = "v2.4"
    with pytest.raises(FederationError, match="spec.version belongs to the field manager team-gitops"):
        change_to(control_plane(), wanted, GATEWAYS)


def test_fields_that_other_managers_hold_too_are_named_with_their_manager():
    ours = {
        "f:metadata": {"f:labels": {"f:ossm.federation/mesh": {}}},
        "f:spec": {"f:remote": {"f:addresses": {}, "f:discoveryPort": {}}},
    }
    theirs = {
        "f:metadata": {"f:labels": {"f:ossm.federation/mesh": {}}},
        "f:spec": {"f:remote": {"f:addresses": {}}, "f:security": {}},
    }
    live = {
        "metadata": {
            "managedFields": [
                {"manager": "ossm.federation", "operation": "Apply", "fieldsV1": ours},
                {"manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": theirs},
                {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": theirs},
                {"manager": "istiod", "operation": "Update", "subresource": "status", "fieldsV1": ours},
            ]
        }
    }
    addresses = frozenset({("spec", "remote", "addresses")})
    assert holders(live, "ossm.federation") == [
        Holder("argocd-controller", True, addresses),
        Holder("kubectl-client-side-apply", False, addresses),
    ]
    assert holders({"metadata": {}}, "ossm.federation") == []


POLICY = {
    "apiVersion": "security.istio.io/v1beta1",
    "kind": "AuthorizationPolicy",
    "metadata": {**PLACE, "labels": {"ossm.federation/mesh": "east"}},
    "spec": {"action": "ALLOW", "selector": {"matchLabels": {"app": "cart"}}},
}
PLUGIN = {
    **POLICY,
    "apiVersion": "extensions.istio.io/v1alpha1",
    "kind": "WasmPlugin",
    "spec": {"phase": "AUTHN", "url": "oci://x"},
}
REHEARSED = {"f:metadata": {"f:annotations": {"f:istio.io/dry-run": {}}}}


def added(desired, patch, fields, **more):
    """Return an object of ours to which somebody has added something."""
    live = stored(desired)
    live["spec"] = {**live["spec"], **patch.get("spec", {})}
    live["metadata"]["annotations"] = patch.get("annotations", {})
    live["metadata"]["managedFields"].append(
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields, **more}
    )
    return live


ADDED = [
    (
        POLICY,
        {"spec": {"selector": {"matchLabels": {"app": "cart", "x": "y"}}}},
        {"f:spec": {"f:selector": {".": {}, "f:matchLabels": {".": {}, "f:x": {}}}}},
        "spec.selector.matchLabels.x",
    ),
    (POLICY, {"annotations": {"istio.io/dry-run": "true"}}, REHEARSED, 'metadata.annotations["istio.io/dry-run"]'),
    (
        {**PLUGIN, "apiVersion": "maistra.io/v1", "kind": "ServiceMeshExtension"},
        {"spec": {"workloadSelector": {"labels": {"app": "nobody"}}}},
        {"f:spec": {"f:workloadSelector": {"f:labels": {"f:app": {}}}}},
        "spec.workloadSelector.labels.app",
    ),
    (PLUGIN, {"spec": {"failStrategy": "FAIL_OPEN"}}, {"f:spec": {"f:failStrategy": {}}}, "spec.failStrategy"),
]


@pytest.mark.parametrize(("desired", "patch", "fields", "path"), ADDED)
def test_what_somebody_adds_to_an_object_that_decides_who_gets_in_is_refused_though_nothing_of_ours_has_changed(
    desired, patch, fields, path
):
    live = added(desired, patch, fields)
    with pytest.raises(FederationError) as refused:
        change_to(live, desired, OURS)
    assert (refused.value.code, refused.value.facts) == ("FED107", {"manager": "kubectl-edit", "field": path})
    assert change_to(live, desired, OURS, force=True) is None
    live["metadata"]["managedFields"][-1]["manager"] = OURS
    with pytest.raises(FederationError, match="FED107"):
        change_to(live, desired, OURS)  # kubectl edit --field-manager takes any name
    assert change_to(added(desired, patch, fields, subresource="status"), desired, OURS) is None


def test_what_is_described_as_well_what_has_gone_and_labels_are_no_additions():
    fields = {"f:spec": {"f:selector": {"f:matchLabels": {"f:app": {}}}, "f:gone": {}}}
    fields["f:metadata"] = {"f:labels": {"f:team": {}}, "f:annotations": {"f:note": {}}}
    assert change_to(added(POLICY, {"annotations": {"note": "x"}}, fields), POLICY, OURS) is None
    assert change_to(added(SET, {"spec": {"x": "y"}}, {"f:spec": {"f:x": {}}}), SET, OURS) is None
