# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``mesh_operator`` against a cluster in memory: what it approves, and what it takes away when."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE
from ansible_collections.ossm.federation.plugins.modules import mesh_operator
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "openshift-operators"
CSV = "servicemeshoperator.v2.5.1"
PLAIN = {
    "tracing": {"type": "None"},
    "addons": {name: {"enabled": False} for name in ("kiali", "grafana", "prometheus")},
}
WANTED = [{"mesh": "east", "version": "v2.5", "spec": PLAIN}]
DEPLOYMENT = ("apps/v1", "Deployment", "istio-operator")
LEFT = [
    ("v1", "Secret", "maistra-operator-serving-cert"),
    ("apps/v1", "DaemonSet", "istio-cni-node-v2-5"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", f"{SPACE}.servicemesh-resources.maistra.io"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "istio-admin"),
]


def asked(check_mode, params):
    given = {"control_planes": WANTED, **params}
    return RunInMemory(FORCE, mesh_operator.OPTIONS, check_mode=check_mode, is_quiet=True, **given)


def run(cluster, check_mode=False, **params):
    return mesh_operator.run(asked(check_mode, params), cluster, NOW)


def put(cluster, version, kind, name, **body):
    place = (
        {} if kind.startswith(("Cluster", "Validating")) and kind != "ClusterServiceVersion" else {"namespace": SPACE}
    )
    cluster.put({"apiVersion": version, "kind": kind, "metadata": {"name": name, **place}, **body})


@pytest.fixture
def cluster():
    catalog = {"name": "redhat-operators", "namespace": "openshift-marketplace"}
    cluster = ClusterInMemory(
        NOW,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "CatalogSource", "metadata": catalog},
    )
    run(cluster)
    return cluster


@pytest.fixture
def installed(cluster):
    """A cluster in which OLM has installed the operator."""
    cluster.set_status("Subscription", SPACE, "servicemeshoperator", {"installedCSV": CSV, "currentCSV": CSV})
    put(cluster, "operators.coreos.com/v1alpha1", "ClusterServiceVersion", CSV, status={"phase": "Succeeded"})
    put(cluster, *DEPLOYMENT, status={"conditions": [{"type": "Available", "status": "True"}]})
    cluster.writes.clear()
    return cluster


def names(cluster):
    return {name for _kind, _space, name in cluster._objects}


def test_what_is_installed_is_read_once_and_left_alone(installed):
    before = installed.requests
    result = run(installed)
    assert (result["changed"], result["waiting_for"], installed.writes) == (False, [], [])
    first = installed.requests - before
    put(installed, "v1", "ConfigMap", "unrelated")
    run(installed, check_mode=True)
    assert installed.requests - before == 2 * first, (
        "a run that has nothing to do reads no more than one that may do nothing"
    )


def test_a_plan_is_not_approved_while_olm_has_given_up(cluster):
    given_up = [{"type": "BundleUnpackFailed", "status": "True", "message": "deadline"}]
    status = {"conditions": given_up, "currentCSV": CSV, "installPlanRef": {"name": "install-1", "namespace": SPACE}}
    cluster.set_status("Subscription", SPACE, "servicemeshoperator", status)
    spec = {"approval": "Manual", "approved": False, "clusterServiceVersionNames": [CSV]}
    put(
        cluster,
        "operators.coreos.com/v1alpha1",
        "InstallPlan",
        "install-1",
        spec=spec,
        status={"phase": "RequiresApproval"},
    )
    cluster.writes.clear()
    with pytest.raises(FederationError, match="FED611"):
        run(cluster)
    assert cluster.writes == []
    cluster.set_status("Subscription", SPACE, "servicemeshoperator", {**status, "conditions": []})
    run(cluster)
    assert cluster.writes == [("merge", "InstallPlan", "install-1")]


def test_a_channel_that_the_catalog_does_not_have_is_refused_also_where_the_operator_is_subscribed(cluster):
    market = "openshift-marketplace"
    cluster.set_status("CatalogSource", market, "redhat-operators", {"connectionState": {"lastObservedState": "READY"}})
    offered = {
        "packageName": "servicemeshoperator",
        "catalogSource": "redhat-operators",
        "channels": [{"name": "stable"}],
    }
    metadata = {"name": "servicemeshoperator", "namespace": market}
    cluster.put(
        {
            "apiVersion": "packages.operators.coreos.com/v1",
            "kind": "PackageManifest",
            "metadata": metadata,
            "status": offered,
        }
    )
    cluster.writes.clear()
    wish = [{"package": "servicemeshoperator", "channel": "stabel"}]
    with pytest.raises(FederationError, match="FED449.*stabel.*it has stable"):
        run(cluster, operators=wish)
    cluster._objects[("Subscription", SPACE, "servicemeshoperator")]["metadata"]["labels"] = {}
    run(cluster, operators=wish)
    assert cluster.writes == [], "what somebody else has subscribed stays as it is"


def offer(cluster, *csvs):
    market = "openshift-marketplace"
    cluster.set_status("CatalogSource", market, "redhat-operators", {"connectionState": {"lastObservedState": "READY"}})
    channel = {"name": "stable", "currentCSV": csvs[-1], "entries": [{"name": csv} for csv in csvs]}
    offered = {"packageName": "servicemeshoperator", "catalogSource": "redhat-operators", "channels": [channel]}
    metadata = {"name": "servicemeshoperator", "namespace": market}
    cluster.put(
        {
            "apiVersion": "packages.operators.coreos.com/v1",
            "kind": "PackageManifest",
            "metadata": metadata,
            "status": offered,
        }
    )


def test_installing_refuses_what_the_preflight_refuses_before_anything_is_written():
    catalog = {"name": "redhat-operators", "namespace": "openshift-marketplace"}
    bare = ClusterInMemory(
        NOW, {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "CatalogSource", "metadata": catalog}
    )
    offer(bare, CSV, "servicemeshoperator.v2.6.0")
    old = [{**WANTED[0], "version": "v2.3"}]
    pinned = {"package": "servicemeshoperator", "starting_csv": CSV}
    for wish in ({**pinned, "approval": "Automatic"}, {"package": "servicemeshoperator"}):
        with pytest.raises(FederationError, match="FED443.*v2.6.0.*east wants v2.3"):
            run(bare, control_planes=old, operators=[wish])
        assert bare.writes == []
    run(bare, control_planes=old, operators=[pinned])
    assert ("apply", "Subscription", "servicemeshoperator") in bare.writes


@pytest.mark.parametrize(
    ("tenants", "code"),
    [
        ([{"mesh": "east"}], "FED450"),
        ([{"mesh": "east", "admins": {"user": ["anna"]}}], "FED450"),
        ([{"mesh": "east", "admins": {"users": ["anna"]}, "members": ["kube-system"]}], "FED426"),
        ([{"mesh": mesh, "admins": {"users": ["anna"]}, "members": ["shop"]} for mesh in ("east", "lab")], "FED451"),
    ],
)
def test_what_tenants_would_refuse_is_refused_before_anything_is_installed(tenants, code):
    bare = ClusterInMemory(NOW)
    with pytest.raises(FederationError) as refused:
        run(bare, tenants=tenants, check_mode=True)
    assert (refused.value.code, bare.writes) == (code, [])
    run(bare, tenants=tenants, state="absent")


def test_an_operator_that_does_not_take_what_is_wanted_is_refused_with_the_cure_that_fits(installed):
    with pytest.raises(
        FederationError, match="FED443.*has installed servicemeshoperator.v2.5.1.*too new.*OLM never downgrades"
    ):
        run(installed, control_planes=[{**WANTED[0], "version": "v2.1"}])
    with pytest.raises(FederationError, match="FED443.*too old.*name another channel"):
        run(installed, control_planes=[{**WANTED[0], "version": "v2.6"}])
    assert installed.writes == []


def test_what_olm_upgrades_by_itself_is_not_offered_as_a_choice(installed):
    newer = "servicemeshoperator.v2.6.0"
    spec = installed._objects[("Subscription", SPACE, "servicemeshoperator")]["spec"]
    installed.set_status("Subscription", SPACE, "servicemeshoperator", {"installedCSV": CSV, "currentCSV": newer})
    assert [run(installed)[key] for key in ("upgrades", "upgrading")] == [[f"{CSV} could become {newer}"], []]
    spec["installPlanApproval"] = "Automatic"
    result = run(installed, approval="Automatic")
    assert result["upgrades"] == [] and result["upgrading"] == [f"{CSV} becomes {newer}: OLM upgrades it by itself"]


def test_what_an_operator_leaves_goes_once_it_has_ended(installed):
    for version, kind, name in LEFT:
        put(installed, version, kind, name)
    put(installed, "apps/v1", "DaemonSet", "istio-cni-node-watcher")
    still = run(installed, state="absent")
    assert still["waiting_for"] == [f"Deployment {SPACE}/istio-operator is still there"]
    assert {name for _version, _kind, name in LEFT} <= names(installed), "an operator that ends would make them again"
    del installed._objects[("Deployment", SPACE, "istio-operator")]
    done = run(installed, state="absent")
    assert {change["name"] for change in done["changes"]} == {name for _version, _kind, name in LEFT}
    assert names(installed) == {SPACE, "redhat-operators", "istio-cni-node-watcher"}
    assert not run(installed, state="absent")["changed"]


def test_check_mode_shows_what_an_operator_will_leave_while_it_runs(installed):
    put(installed, *LEFT[0])
    planned = run(installed, check_mode=True, state="absent")
    assert [change["kind"] for change in planned["changes"]] == [
        "Subscription",
        "ClusterServiceVersion",
        "OperatorGroup",
        "Secret",
    ]
    assert installed.writes == []


def test_check_mode_foresees_that_control_planes_of_this_run_will_have_gone(installed):
    """Those of other meshes stay in a real run, too."""
    plane = {"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "spec": {}}
    installed.put(
        {
            **plane,
            "metadata": {"name": "basic", "namespace": "east-mesh-system", "labels": {"ossm.federation/mesh": "east"}},
        }
    )
    gone = [{**WANTED[0], "removed": True}]
    assert run(installed, check_mode=True, state="absent", control_planes=gone)["changed"]
    for given in ({"control_planes": gone}, {"check_mode": True}):
        with pytest.raises(FederationError, match="FED446.*east-mesh-system/basic"):
            run(installed, state="absent", **given)
    installed.put({**plane, "metadata": {"name": "lab", "namespace": "lab-mesh-system"}})
    with pytest.raises(FederationError, match="FED446.*lab-mesh-system/lab"):
        run(installed, check_mode=True, state="absent", control_planes=gone)
    assert installed.writes == []


def definition(plural, group, kind):
    spec = {
        "group": group,
        "names": {"plural": plural, "kind": kind},
        "versions": [{"name": "v1beta1"}, {"name": "v1", "storage": True}],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": spec,
    }


KINDS = [
    definition("servicemeshpeers", "federation.maistra.io", "ServiceMeshPeer"),
    definition("virtualservices", "networking.istio.io", "VirtualService"),
    definition("kialis", "kiali.io", "Kiali"),
]
STRANGE = definition("certificates", "cert-manager.io", "Certificate")


@pytest.fixture
def ended(installed):
    """A cluster whose operator has been removed and has ended, and whose kinds are still there."""
    run(installed, state="absent")
    del installed._objects[("Deployment", SPACE, "istio-operator")]
    for each in (*KINDS, STRANGE):
        installed.put(each)
    installed.writes.clear()
    return installed


def test_kinds_stay_unless_asked_for_and_then_go_at_the_end(ended):
    assert not run(ended, state="absent")["changed"]
    planned = run(ended, check_mode=True, state="absent", remove_crds=True)
    assert ended.writes == []
    done = run(ended, state="absent", remove_crds=True)
    assert done["changes"] == planned["changes"]
    assert [change["name"] for change in done["changes"]] == sorted(each["metadata"]["name"] for each in KINDS)
    assert "certificates.cert-manager.io" in names(ended)
    assert not run(ended, state="absent", remove_crds=True)["changed"]


def test_kinds_that_others_have_objects_of_are_refused_before_anything_is_removed(installed):
    """What we, the operator or the garbage collector keep does not count."""
    for each in KINDS:
        installed.put(each)
    route = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "spec": {}}
    installed.put({**route, "metadata": {"name": "cart", "namespace": "shop"}})
    installed.put(
        {**route, "metadata": {"name": "ours", "namespace": "shop", "labels": {"ossm.federation/mesh": "east"}}}
    )
    installed.put(
        {
            **route,
            "metadata": {
                "name": "owned",
                "namespace": "shop",
                "ownerReferences": [{"kind": "ServiceMeshControlPlane"}],
            },
        }
    )
    made = {"app.kubernetes.io/managed-by": "maistra-istio-operator"}
    installed.put({**route, "metadata": {"name": "made", "namespace": "shop", "labels": made}})
    with pytest.raises(FederationError) as refused:
        run(installed, state="absent", remove_crds=True)
    assert (refused.value.code, installed.writes) == ("FED448", [])
    assert refused.value.what == "would also delete VirtualService shop/cart"
    assert run(installed, state="absent", remove_crds=True, force=True)["changed"]


@pytest.mark.parametrize(
    ("also", "stays"),
    [
        (
            definition("istios", "sailoperator.io", "Istio"),
            "kinds of istio.io stay: sailoperator.io is served, so another Istio uses them",
        ),
        (
            definition("istiooperators", "install.istio.io", "Mesh"),
            "kinds of istio.io stay: install.istio.io is served, so another Istio uses them",
        ),
    ],
)
def test_kinds_that_another_istio_uses_stay(ended, also, stays):
    ended.put(also)
    done = run(ended, state="absent", remove_crds=True)
    assert done["stays"] == [stays]
    assert [change["name"] for change in done["changes"]] == [
        "kialis.kiali.io",
        "servicemeshpeers.federation.maistra.io",
    ]


def test_kinds_of_a_companion_stay_with_its_operator(ended):
    put(ended, "operators.coreos.com/v1alpha1", "Subscription", "kiali", spec={"name": "kiali-ossm"})
    done = run(ended, state="absent", remove_crds=True)
    assert done["stays"] == ["kinds of kiali.io stay: the operator kiali-ossm is subscribed"]
    assert "kialis.kiali.io" in names(ended)
