"""What the operator refuses, word for word, and what it adds; and the server that tells it to the API server."""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
import urllib.error
import urllib.request

import pytest

from testbed.admission import (
    AdmissionServer,
    Incoming,
    Refusal,
    check_control_plane,
    check_member,
    check_member_roll,
    completed_control_plane,
    completed_member_roll,
    operator_hooks,
)
from testbed.releases import RELEASES, release_serving

RELEASE = RELEASES["2.3"]
ALICE = {"username": "alice"}
HDR = {"metadata": {"namespace": "app1", "name": "hdr"}}


class FakeCluster:
    """The rest of the cluster: objects by kind, and the rights of everybody as (verb, resource, namespace)."""

    def __init__(self, rights=(), **objects):
        self.objects, self.rights = objects, rights

    def list(self, kind, namespace=None):
        return [found for found in self.objects.get(kind, []) if namespace in (None, found["metadata"]["namespace"])]

    def may(self, user, verb, group, resource, namespace, name):
        return (verb, resource, namespace) in self.rights


def resource(spec, name="basic", namespace="east-mesh-system"):
    return {"metadata": {"namespace": namespace, "name": name}, "spec": spec}


def asked(new, old=None):
    operation = "UPDATE" if old else "CREATE"
    return Incoming(operation, new["metadata"]["namespace"], new["metadata"]["name"], ALICE, new, old)


def gateways(**gateways_by_place):
    return {"version": "v2.3", "gateways": gateways_by_place}


MIXER = 'support for {0}.type "Mixer" and {0}.Mixer options have been removed in v2.1, please use another alternative'
THREESCALE = (
    "support for 3scale has been removed in v2.1; please remove the spec.addons.3scale section from the SMCP and"
    " configure the 3scale WebAssembly adapter using a ServiceMeshExtension resource"
)
OLD_FEATURES = {"policy": {"type": "Mixer"}, "telemetry": {"type": "Mixer"}}


@pytest.mark.parametrize(
    ("spec", "answer"),
    [
        ({"version": "v1.1"}, "Only '[v2.0 v2.1 v2.2 v2.3]' versions are supported"),
        ({"version": "v2.1", **OLD_FEATURES}, f"[{MIXER.format('policy')}, {MIXER.format('telemetry')}]"),
        ({"version": "v2.1", "addons": {"3scale": {"enabled": False}}}, THREESCALE),
        (
            gateways(additionalIngress={"west": {"enabled": True}}, additionalEgress={"west": {"enabled": True}}),
            'multiple gateways defined for "east-mesh-system/west"',
        ),
        (
            gateways(additionalIngress={"istio-ingressgateway": {"enabled": True}}),
            'cannot define additional gateway named "istio-ingressgateway"',
        ),
    ],
)
def test_a_wrong_control_plane_is_refused_in_the_operators_words(spec, answer):
    with pytest.raises(Refusal) as refusal:
        check_control_plane(asked(resource(spec)), RELEASE, FakeCluster())
    assert (str(refusal.value), refusal.value.code) == (answer, 400)


@pytest.mark.parametrize("version", ["v2.9", "2.3", "v2.3.1", "latest"])
def test_a_version_of_the_wrong_form_or_of_another_release_is_refused_with_the_supported_ones_in_any_order(version):
    with pytest.raises(Refusal) as refusal:
        check_control_plane(asked(resource({"version": version})), RELEASE, FakeCluster())
    found = re.fullmatch(r"invalid Version specified; supported versions are: \[(.*)\]", str(refusal.value))
    assert sorted(found[1].split()) == ["v2.0", "v2.1", "v2.2", "v2.3"]


def test_mixer_and_3scale_are_taken_by_v2_0_and_all_named_at_once_on_the_way_to_v2_1():
    spec = {"version": "v2.0", **OLD_FEATURES, "addons": {"3scale": {"enabled": True}}}
    check_control_plane(asked(resource(spec)), RELEASE, FakeCluster())
    with pytest.raises(Refusal) as refusal:
        check_control_plane(asked(resource({**spec, "version": "v2.1"}), resource(spec)), RELEASE, FakeCluster())
    assert str(refusal.value) == f"[{MIXER.format('policy')}, {MIXER.format('telemetry')}, {THREESCALE}]"


@pytest.mark.parametrize(
    ("other", "spec", "answer"),
    [
        (resource({}, name="other"), {}, "only one service mesh may be installed per project/namespace"),
        (
            resource({}, namespace="elsewhere"),
            {"techPreview": {"controlPlaneMode": "ClusterScoped"}},
            "a cluster-scoped SMCP may only be created when no other SMCPs exist",
        ),
    ],
)
def test_a_second_control_plane_is_refused_where_it_would_clash(other, spec, answer):
    cluster = FakeCluster(ServiceMeshControlPlane=[other])
    with pytest.raises(Refusal) as refusal:
        check_control_plane(asked(resource({"version": "v2.3", **spec})), RELEASE, cluster)
    assert str(refusal.value) == answer


def test_a_control_plane_in_the_operators_namespace_is_refused():
    with pytest.raises(
        Refusal, match="^service mesh may not be installed in the same project/namespace as the operator$"
    ):
        check_control_plane(
            asked(resource({"version": "v2.3"}, namespace="openshift-operators")), RELEASE, FakeCluster()
        )


def test_an_upgrade_to_v2_3_is_refused_while_a_member_has_a_service_mesh_extension():
    roll = resource({"members": ["app1"]}, name="default")
    cluster = FakeCluster(ServiceMeshMemberRoll=[roll], ServiceMeshExtension=[HDR])
    with pytest.raises(Refusal) as refusal:
        check_control_plane(asked(resource({"version": "v2.3"}), resource({"version": "v2.2"})), RELEASE, cluster)
    assert (
        str(refusal.value)
        == "cannot upgrade control plane from version v2.2 to v2.3: found a ServiceMeshExtension 'hdr' in namespace"
        " 'app1'. ServiceMeshExtension support has been removed; please migrate existing ServiceMeshExtensions to"
        " WasmPlugin"
    )


def test_a_control_plane_that_is_being_deleted_passes_unchecked():
    going = resource({"version": "v2.9"})
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    check_control_plane(asked(going, going), RELEASE, FakeCluster())


def test_a_version_that_is_not_named_becomes_the_newest_and_one_that_is_dropped_comes_back():
    assert completed_control_plane(asked(resource({})), RELEASE)["spec"]["version"] == "v2.3"
    dropped = asked(resource({}), resource({"version": "v2.1"}))
    assert completed_control_plane(dropped, RELEASE)["spec"] == {"version": "v2.1", "profiles": ["default"]}


def test_every_gateway_port_without_a_target_port_gets_the_target_port_0():
    ports = [{"name": "tls", "port": 15443}, {"name": "web", "port": 80, "targetPort": 8080}]
    spec = gateways(additionalIngress={"west-ingress": {"enabled": True, "service": {"ports": ports}}})
    completed = completed_control_plane(asked(resource(spec)), RELEASE)
    stored = completed["spec"]["gateways"]["additionalIngress"]["west-ingress"]["service"]["ports"]
    assert stored == [{"name": "tls", "port": 15443, "targetPort": 0}, {"name": "web", "port": 80, "targetPort": 8080}]


def test_a_new_mesh_of_v2_5_gets_no_openshift_routes_and_an_upgraded_one_keeps_its_own():
    release = RELEASES["2.5"]
    assert completed_control_plane(asked(resource({"version": "v2.5"})), release)["spec"]["gateways"] == {
        "openshiftRoute": {"enabled": False}
    }
    upgraded = completed_control_plane(asked(resource({"version": "v2.5"}), resource({"version": "v2.4"})), release)
    assert "gateways" not in upgraded["spec"]


def test_a_release_is_found_that_serves_all_versions_of_a_cluster():
    assert release_serving("v2.1", "v2.3") is RELEASES["2.3"]
    assert release_serving("v2.3", "v2.5") is RELEASES["2.5"]
    with pytest.raises(ValueError, match="no release of the operator serves v2.0, v2.5 at once"):
        release_serving("v2.0", "v2.5")


def test_a_member_roll_of_another_name_or_with_a_namespace_of_another_roll_is_refused():
    taken = FakeCluster(
        ServiceMeshMemberRoll=[resource({"members": ["shop"]}, name="default", namespace="west-mesh-system")]
    )
    for roll, answer in (
        (resource({}, name="mine"), "ServiceMeshMemberRoll must be named 'default'"),
        (
            resource({"members": ["shop"]}, name="default"),
            "one or more members are already defined in another ServiceMeshMemberRoll",
        ),
    ):
        with pytest.raises(Refusal) as refusal:
            check_member_roll(asked(roll), taken)
        assert (str(refusal.value), refusal.value.code) == (answer, 400)


def test_a_roll_takes_new_namespaces_only_from_who_may_update_pods_there():
    roll, cluster = resource({"members": ["shop", "bank"]}, name="default"), FakeCluster([("update", "pods", "shop")])
    with pytest.raises(Refusal) as refusal:
        check_member_roll(asked(roll), cluster)
    assert (str(refusal.value), refusal.value.code) == (
        "user 'alice' does not have permission to access namespace 'bank'",
        403,
    )
    check_member_roll(asked(roll, old=resource({"members": ["bank"]}, name="default")), cluster)
    check_member_roll(asked(roll), FakeCluster([("update", "pods", None)]))


def test_a_rolls_own_control_plane_namespace_silently_drops_out():
    roll = resource({"members": ["shop", "east-mesh-system"]}, name="default")
    assert completed_member_roll(asked(roll))["spec"] == {"members": ["shop"]}


def test_a_member_must_be_called_default_and_may_be_made_by_who_may_use_the_control_plane():
    spec = {"controlPlaneRef": {"namespace": "east-mesh-system", "name": "basic"}}
    with pytest.raises(Refusal, match='^the ServiceMeshMember resource must be named "default"$'):
        check_member(asked(resource(spec, name="mine", namespace="shop")), FakeCluster())
    member = resource(spec, name="default", namespace="shop")
    with pytest.raises(Refusal) as refusal:
        check_member(asked(member), FakeCluster())
    assert refusal.value.code == 403
    check_member(asked(member), FakeCluster([("use", "servicemeshcontrolplanes", "east-mesh-system")]))


# The server


@pytest.fixture
def served(tmp_path):
    """A running admission server, and the list that takes it down while it holds something."""
    down = []
    server = AdmissionServer(operator_hooks(RELEASE, FakeCluster()), tmp_path, lambda: bool(down), print)
    server.start()
    yield server, down
    server.stop()


def ask(server, hook, new):
    """Ask one hook as the API server does: by its registered address and authority."""
    registered = {
        entry["name"]: entry["clientConfig"] for kind in server.configurations() for entry in kind["webhooks"]
    }[hook]
    trusting = ssl.create_default_context(cadata=base64.b64decode(registered["caBundle"]).decode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting))
    request = {
        "uid": "1",
        "operation": "CREATE",
        "namespace": new["metadata"]["namespace"],
        "name": new["metadata"]["name"],
        "object": new,
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    with opener.open(registered["url"], data=json.dumps(review).encode(), timeout=5) as response:
        return json.load(response)["response"]


def test_the_server_registers_the_hooks_under_the_operators_names(served):
    server, _down = served
    mutating, validating = server.configurations()
    assert {mutating["metadata"]["name"], validating["metadata"]["name"]} == {
        "openshift-operators.servicemesh-resources.maistra.io"
    }
    assert [hook["name"] for hook in mutating["webhooks"]] == ["smcp.mutation.maistra.io", "smmr.mutation.maistra.io"]
    assert [hook["name"] for hook in validating["webhooks"]] == [
        f"{kind}.validation.maistra.io" for kind in ("smcp", "smmr", "smm")
    ]
    assert {hook["failurePolicy"] for hook in mutating["webhooks"] + validating["webhooks"]} == {"Fail"}


def test_the_server_answers_with_a_patch_or_with_a_refusal(served):
    server, _down = served
    mutated = ask(server, "smcp.mutation.maistra.io", resource({}))
    assert json.loads(base64.b64decode(mutated["patch"])) == [
        {"op": "replace", "path": "/spec", "value": {"version": "v2.3"}}
    ]
    refused = ask(server, "smcp.validation.maistra.io", resource({"version": "v1.1"}))
    assert (refused["allowed"], refused["status"]["code"]) == (False, 400)
    assert server.asked == {"smcp.mutation.maistra.io", "smcp.validation.maistra.io"}


def test_a_server_that_is_down_refuses_connections_and_comes_back_on_its_port(served):
    server, down = served

    def refuses():
        try:
            ask(server, "smcp.mutation.maistra.io", resource({}))
        except urllib.error.URLError as error:
            return isinstance(error.reason, (ConnectionRefusedError, ConnectionResetError))
        return False

    for is_down in (True, False, True, False):
        down[:] = [True] if is_down else []
        deadline = time.monotonic() + 10
        while refuses() != is_down:
            assert time.monotonic() < deadline
