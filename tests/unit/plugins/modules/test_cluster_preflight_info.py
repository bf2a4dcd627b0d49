# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``cluster_preflight_info`` against a cluster in memory: what it finds before anything is installed."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import MESH_LABEL, ROLE
from ansible_collections.ossm.federation.plugins.module_utils._core.preflight import clusters as cluster_findings
from ansible_collections.ossm.federation.plugins.module_utils._options import OLM
from ansible_collections.ossm.federation.plugins.modules import cluster_preflight_info
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.findings.recording import Recording
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE, MARKET = "openshift-operators", "openshift-marketplace"
MESH = "servicemeshoperator"
PLAIN = {
    "tracing": {"type": "None"},
    "addons": {name: {"enabled": False} for name in ("kiali", "grafana", "prometheus")},
}
WANTED = {"mesh": "east", "version": "v2.5", "spec": PLAIN}
TENANT = {"mesh": "east", "members": ["shop"], "admins": {"users": ["anna"]}}


def asked(params):
    given = {"title": "east-cluster", "upgrade": False, "control_planes": [WANTED], "tenants": [TENANT]}
    return RunInMemory(OLM, is_quiet=True, **{**given, **params})


class Forbidding(ClusterInMemory):
    """A cluster that forbids to read some kinds."""

    forbidden: tuple[str, ...] = ()

    def get(self, kind, namespace, name):
        self._guard(kind)
        return super().get(kind, namespace, name)

    def list(self, kind, namespace, selector=None, keep=None):
        self._guard(kind)
        return super().list(kind, namespace, selector, keep)

    def serves(self, group):
        if "APIGroup" in self.forbidden:
            raise FederationError("FED104", where=group, what="is forbidden", fix="Ask for the right")
        return super().serves(group)

    def _guard(self, kind):
        if kind.name in self.forbidden:
            raise FederationError("FED104", where=f"list {kind.name}", what="is forbidden", fix="Ask for the right")


def run(cluster, **params):
    return cluster_preflight_info.run(asked(params), cluster, NOW)


def codes(result):
    return [finding["code"] for finding in result["findings"]]


def put(cluster, version, kind, name, namespace=SPACE, **body):
    cluster.put(
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
            **body,
        }
    )


def offer(cluster, package, *versions, channel="stable", catalog="redhat-operators", name=""):
    channels = [{"name": channel, "currentCSV": versions[-1], "entries": [{"name": each} for each in versions]}]
    status = {"packageName": package, "catalogSource": catalog, "channels": channels}
    put(cluster, "packages.operators.coreos.com/v1", "PackageManifest", name or package, MARKET, status=status)


def catalog(cluster, name="redhat-operators", state="READY"):
    put(
        cluster,
        "operators.coreos.com/v1alpha1",
        "CatalogSource",
        name,
        MARKET,
        status={"connectionState": {"lastObservedState": state}},
    )


def bare():
    cluster = Forbidding(NOW)
    cluster.groups.add("operators.coreos.com")
    catalog(cluster)
    offer(cluster, MESH, f"{MESH}.v2.5.1", f"{MESH}.v2.6.0")
    return cluster


@pytest.fixture
def cluster():
    return bare()


def test_a_bare_cluster_that_has_what_is_needed_is_in_order_and_nothing_is_written(cluster):
    result = run(cluster)
    assert (result["lines"], result["unknown"], cluster.writes) == (["east-cluster · nothing found"], [], [])


def test_all_that_installing_would_refuse_is_found_at_once(cluster):
    put(cluster, "operators.coreos.com/v1", "OperatorGroup", "one")
    put(cluster, "operators.coreos.com/v1", "OperatorGroup", "two")
    put(cluster, "operators.coreos.com/v1alpha1", "Subscription", "maistraoperator", spec={"name": "maistraoperator"})
    put(cluster, "v1", "Namespace", "shop", "")
    cluster._objects[("Namespace", "", "shop")]["metadata"]["labels"] = {"maistra.io/member-of": "west-mesh-system"}
    wrong = {**WANTED, "version": "v2.1", "spec": {**PLAIN, "policy": {"type": "Mixer"}}}
    result = run(cluster, control_planes=[wrong], operators=[{"package": MESH, "channel": "stabel"}])
    assert codes(result) == ["FED422", "FED426", "FED441", "FED442", "FED449"]
    assert result["counts"] == {"errors": 5, "warnings": 0, "unknown": 0}
    assert (
        "would follow the channel stabel, and in the CatalogSource openshift-marketplace/redhat-operators it has stable"
        in "\n".join(result["lines"])
    )


def test_a_package_or_first_version_that_a_catalog_lacks_is_found(cluster):
    catalog(cluster, "mirror")
    assert codes(run(cluster, operators=[{"package": MESH, "starting_csv": f"{MESH}.v2.5.0"}])) == ["FED449"]
    assert codes(run(cluster, catalog="mirror")) == ["FED449"], (
        "another catalog's package of the same name does not count"
    )
    offer(cluster, MESH, f"{MESH}.v2.5.1", catalog="mirror", name="the-other")
    assert codes(run(cluster, catalog="mirror")) == []
    assert codes(run(cluster, control_planes=[{**WANTED, "spec": {"tracing": {"type": "None"}}}])) == ["FED449"], (
        "Kiali"
    )


def test_a_catalog_that_does_not_answer_is_a_warning_and_nobody_says_what_it_has(cluster):
    catalog(cluster, state="TRANSIENT_FAILURE")
    cluster._objects.pop(("PackageManifest", MARKET, MESH))
    result = run(cluster)
    assert (
        codes(result) == ["FED454"] and result["findings"][0]["seen"] == "is not READY; OLM has seen TRANSIENT_FAILURE"
    )
    assert result["counts"]["errors"] == 0


def test_an_operator_that_is_too_old_for_what_is_wanted_is_found(cluster):
    spec = {"name": MESH, "source": "redhat-operators", "sourceNamespace": MARKET}
    put(
        cluster,
        "operators.coreos.com/v1alpha1",
        "Subscription",
        MESH,
        spec=spec,
        status={"installedCSV": f"{MESH}.v2.5.1"},
    )
    assert codes(run(cluster)) == []
    result = run(cluster, control_planes=[{**WANTED, "version": "v2.6"}])
    assert codes(result) == ["FED443"] and "has installed servicemeshoperator.v2.5.1" in result["findings"][0]["seen"]


OLD = [{**WANTED, "version": "v2.3"}]
PINNED = {"package": MESH, "starting_csv": f"{MESH}.v2.5.1"}
SUBSCRIBED = {"name": MESH, "channel": "stable", "source": "redhat-operators", "sourceNamespace": MARKET}


def subscribe(cluster, approval="Manual", *, own=False, package=MESH, status=None, **spec):
    labels = {"app.kubernetes.io/managed-by": "ossm.federation"} if own else {}
    metadata = {"name": package, "namespace": SPACE, "labels": labels}
    spec = {**SUBSCRIBED, "name": package, "installPlanApproval": approval, **spec}
    cluster.put(
        {
            "apiVersion": "operators.coreos.com/v1alpha1",
            "kind": "Subscription",
            "metadata": metadata,
            "spec": spec,
            "status": status or {},
        }
    )


def put_plan(cluster, *csvs, approved=False, phase="RequiresApproval"):
    spec = {"approved": approved, "clusterServiceVersionNames": list(csvs)}
    put(cluster, "operators.coreos.com/v1alpha1", "InstallPlan", "install-1", spec=spec, status={"phase": phase})


def moving(current, installed=""):
    return {
        "currentCSV": f"{MESH}.{current}",
        "installPlanRef": {"name": "install-1"},
        **({"installedCSV": f"{MESH}.{installed}"} if installed else {}),
    }


def test_a_pin_holds_with_manual_and_is_none_with_automatic(cluster):
    assert codes(run(cluster, control_planes=OLD, operators=[{**PINNED, "approval": "Manual"}])) == []
    for also in (
        {"operators": [{**PINNED, "approval": "Automatic"}]},
        {"operators": [PINNED], "approval": "Automatic"},
        {"approval": "Automatic"},
    ):
        result = run(cluster, control_planes=OLD, **also)
        assert codes(result) == ["FED443"]
        seen, cure = result["findings"][0]["seen"], result["findings"][0]["cure"]
        assert seen.startswith(f"would become {MESH}.v2.6.0: with approval Automatic OLM upgrades") and seen.endswith(
            "it supports v2.4 to v2.6: east wants v2.3"
        )
        assert "approval: Manual" in cure and "cluster_operators_upgrade" not in cure and "too new" in cure


def test_without_a_pin_the_newest_of_the_channel_is_judged(cluster):
    result = run(cluster, control_planes=OLD)
    assert codes(result) == ["FED443"]
    assert "set starting_csv to a version that supports them" in result["findings"][0]["cure"]
    offer(cluster, MESH, f"{MESH}.v2.5.1", channel="stable")
    assert codes(run(cluster, control_planes=OLD)) == []


def test_an_automatic_subscription_of_another_owner_is_judged_by_its_own_channel_and_catalog(cluster):
    catalog(cluster, "mirror")
    offer(cluster, MESH, f"{MESH}.v2.3.4", catalog="mirror", name="the-other")
    subscribe(
        cluster, "Automatic", source="mirror", status={"installedCSV": f"{MESH}.v2.3.4", "currentCSV": f"{MESH}.v2.3.4"}
    )
    assert codes(run(cluster, control_planes=OLD)) == []
    subscribe(cluster, "", status={"installedCSV": f"{MESH}.v2.5.1", "currentCSV": f"{MESH}.v2.5.1"})
    result = run(cluster, control_planes=OLD)
    assert (
        codes(result) == ["FED443"]
        and "have the owner of the Subscription set it to Manual" in result["findings"][0]["cure"]
    )


def test_a_manual_subscription_that_is_to_become_automatic_goes_on_to_the_newest(cluster):
    subscribe(cluster, "Manual", own=True, status={"installedCSV": f"{MESH}.v2.5.1", "currentCSV": f"{MESH}.v2.5.1"})
    assert codes(run(cluster, control_planes=OLD)) == []
    assert codes(run(cluster, control_planes=OLD, approval="Automatic")) == ["FED443"]


def test_a_change_of_channel_is_judged_by_the_new_one(cluster):
    channels = [
        {"name": name, "currentCSV": f"{MESH}.{csv}", "entries": []}
        for name, csv in (("stable", "v2.5.1"), ("next", "v2.6.0"))
    ]
    status = {"packageName": MESH, "catalogSource": "redhat-operators", "channels": channels}
    put(cluster, "packages.operators.coreos.com/v1", "PackageManifest", MESH, MARKET, status=status)
    subscribe(cluster, "Automatic", own=True, status={"installedCSV": f"{MESH}.v2.5.1", "currentCSV": f"{MESH}.v2.5.1"})
    assert codes(run(cluster, control_planes=OLD, approval="Automatic")) == []
    assert codes(
        run(cluster, control_planes=OLD, approval="Automatic", operators=[{"package": MESH, "channel": "next"}])
    ) == ["FED443"]


def test_a_newer_plan_that_somebody_has_approved_is_told_though_the_pin_is_older(cluster):
    subscribe(cluster, own=True, startingCSV=f"{MESH}.v2.5.1", status=moving("v2.6.0"))
    put_plan(cluster, f"{MESH}.v2.6.0", approved=True, phase="Installing")
    result = run(cluster, control_planes=OLD, operators=[PINNED])
    assert codes(result) == ["FED443"] and "by an InstallPlan that is approved already" in result["findings"][0]["seen"]
    put_plan(cluster, f"{MESH}.v2.6.0")
    assert codes(run(cluster, control_planes=OLD, operators=[PINNED])) == [], (
        "a plan that waits is not approved against the pin"
    )


@pytest.mark.parametrize(
    ("version", "approval", "current", "upgrade", "says"),
    [
        ("v2.6", "Manual", "v2.5.1", False, "name another channel or catalog"),
        (
            "v2.6",
            "Manual",
            "v2.6.0",
            False,
            "upgrade it to servicemeshoperator.v2.6.0 (cluster_operators_upgrade: true)",
        ),
        ("v2.6", "Manual", "v2.6.0", True, None),
        ("v2.6", "Automatic", "v2.6.0", False, None),
        ("v2.1", "Manual", "v2.5.1", False, "OLM never downgrades"),
        ("v2.1", "Manual", "v2.6.0", False, "upgrade these control planes to v2.2 or later"),
        ("v2.1", "Automatic", "v2.6.0", False, "upgrade these control planes to v2.4 or later"),
    ],
)
def test_the_cure_fits_the_case_of_an_installed_operator_that_is_too_old_or_too_new(
    cluster, version, approval, current, upgrade, says
):
    subscribe(cluster, approval, own=True, status=moving(current, installed="v2.5.1"))
    put_plan(cluster, f"{MESH}.{current}", approved=approval == "Automatic")
    result = run(cluster, control_planes=[{**WANTED, "version": version}], approval=approval, upgrade=upgrade)
    cures = [finding["cure"] for finding in result["findings"] if finding["code"] == "FED443"]
    assert (cures == []) if says is None else (len(cures) == 1 and says in cures[0])
    assert says is None or ("too old" in cures[0]) == (version == "v2.6")
    assert approval == "Manual" or "cluster_operators_upgrade" not in "".join(cures)


def test_late_releases_of_2_6_take_no_earlier_control_plane(cluster):
    offer(cluster, MESH, f"{MESH}.v2.6.11")
    result = run(cluster)
    assert codes(result) == ["FED443"] and "it supports v2.6: east wants v2.5" in result["findings"][0]["seen"]


def test_a_plan_with_more_than_is_meant_is_found_and_who_keeps_it_waiting(cluster):
    subscribe(cluster, "Automatic", own=True, status=moving("v2.5.1"))
    put_plan(cluster, f"{MESH}.v2.5.1", "other.v1.0.0")
    subscribe(cluster, "Manual", package="other")
    result = run(cluster, approval="Automatic")
    assert codes(result) == ["FED444"]
    assert f"it waits for approval because Subscription {SPACE}/other is Manual" in result["findings"][0]["seen"]


def test_the_platform_is_judged_for_each_version_that_is_wanted(cluster):
    cluster.groups.add("config.openshift.io")
    status = {"history": [{"state": "Completed", "version": "4.10.9"}]}
    put(cluster, "config.openshift.io/v1", "ClusterVersion", "version", "", status=status)
    put(cluster, "config.openshift.io/v1", "Network", "cluster", "", status={"networkType": "OVNKubernetes"})
    both = [WANTED, {**WANTED, "mesh": "lab", "version": "v2.4"}]
    result = run(cluster, control_planes=both)
    assert [(found["code"], found["seen"]) for found in result["findings"]] == [
        ("FED792", "is 4.10.9, and v2.5 is made for 4.13 and later")
    ]


ROSA = "https://api.demo.abcd.p1.openshiftapps.com:6443"
THIRD_PARTY = {**PLAIN, "security": {"identity": {"type": "ThirdParty"}}}


@pytest.mark.parametrize(
    ("server", "issuer", "expected"),
    [
        (ROSA, None, ["FED753"]),
        (ROSA.upper().replace("HTTPS", "https"), None, ["FED753"]),
        ("https://api.demo.westeurope.aroapp.io:6443", None, ["FED753"]),
        (ROSA, "https://oidc.example.com/1", ["FED753"]),
        (ROSA, "", []),
        ("https://api.east.example.com:6443", "https://oidc.example.com/1", ["FED753"]),
        ("https://api.east.example.com:6443", "https://kubernetes.default.svc", []),
        ("https://api.east.example.com:6443", None, []),
        ("https://api.openshiftapps.com.example.com:6443", None, []),
    ],
)
def test_tokens_of_another_issuer_are_told_by_the_cluster_itself_else_by_its_name(cluster, server, issuer, expected):
    cluster.server = server
    if issuer is not None:
        cluster.groups.add("config.openshift.io")
        put(cluster, "config.openshift.io/v1", "Authentication", "cluster", "", spec={"serviceAccountIssuer": issuer})
    assert codes(run(cluster)) == expected
    lab = {"mesh": "lab", "version": "v2.5", "spec": THIRD_PARTY}
    result = run(cluster, control_planes=[{**WANTED, "spec": THIRD_PARTY}, lab])
    assert (codes(result), gaps_of_tokens(result)) == ([], [])


def gaps_of_tokens(result):
    return [gap["what"] for gap in result["unknown"] if "FED753" in gap["codes"]]


def test_tokens_are_unknown_where_neither_the_cluster_nor_its_name_tells(cluster):
    cluster.groups.add("config.openshift.io")
    cluster.forbidden = ("Authentication",)
    assert gaps_of_tokens(run(cluster)) == ["Authentication objects in the cluster"]
    assert gaps_of_tokens(run(cluster, control_planes=[{**WANTED, "spec": THIRD_PARTY}])) == []
    cluster.server = ROSA
    result = run(cluster)
    assert (codes(result), gaps_of_tokens(result)) == (["FED753"], [])


def test_a_control_plane_of_2_3_is_not_called_default_unless_it_stands(cluster):
    offer(cluster, MESH, f"{MESH}.v2.5.1")
    wanted = {**WANTED, "version": "v2.3", "control_plane": "default"}
    result = run(cluster, control_planes=[wanted])
    assert codes(result) == ["FED459"] and "Set mesh_control_plane to another name" in result["findings"][0]["cure"]
    in_spec = {**wanted, "version": "", "spec": {**PLAIN, "version": "v2.3"}}
    assert codes(run(cluster, control_planes=[in_spec])) == ["FED459"]
    assert codes(run(cluster, control_planes=[{**wanted, "version": "v2.4"}])) == []
    put(cluster, "maistra.io/v2", "ServiceMeshControlPlane", "default", "east-mesh-system", spec={"version": "v2.3"})
    cluster._objects[("ServiceMeshControlPlane", "east-mesh-system", "default")]["metadata"]["labels"] = {
        MESH_LABEL: "east"
    }
    assert codes(run(cluster, control_planes=[wanted])) == []


def test_without_olm_that_is_found_and_the_rest_is_looked_at_all_the_same(cluster):
    cluster.groups.clear()
    assert codes(run(cluster, control_planes=[{**WANTED, "version": "2.5"}])) == ["FED420", "FED445"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Subscription", ["FED441", "FED442", "FED443", "FED444", "FED447", "FED449", "FED454"]),
        ("CatalogSource", ["FED443", "FED447", "FED449", "FED454"]),
        ("PackageManifest", ["FED443", "FED449"]),
        ("OperatorGroup", ["FED426", "FED441"]),
        ("ServiceMeshControlPlane", ["FED443", "FED451"]),
        ("ServiceMeshMemberRoll", ["FED426", "FED451"]),
        ("ServiceMeshMember", ["FED426"]),
        ("Namespace", ["FED426", "FED452"]),
        ("Role", ["FED451", "FED456"]),
        ("ClusterRoleBinding", ["FED456", "FED457"]),
    ],
)
def test_what_may_not_be_read_is_unknown(cluster, kind, expected):
    cluster.forbidden = (kind,)
    result = run(cluster)
    assert (codes(result), [gap["codes"] for gap in result["unknown"]], result["counts"]["unknown"]) == (
        [],
        [expected],
        1,
    )


def test_a_namespace_that_two_meshes_want_is_found(cluster):
    assert codes(run(cluster, tenants=[TENANT, {**TENANT, "mesh": "lab"}])) == ["FED451"]


def test_a_mesh_that_cannot_be_read_does_not_hide_another(cluster):
    put(cluster, "v1", "Namespace", "shop", "")
    cluster._objects[("Namespace", "", "shop")]["metadata"]["labels"] = {"maistra.io/member-of": "west-mesh-system"}
    assert codes(run(cluster, tenants=[{"mesh": "lab", "admins": {}}, TENANT])) == ["FED426", "FED450"]


def member_of_another(cluster):
    put(cluster, "v1", "Namespace", "shop", "")
    cluster._objects[("Namespace", "", "shop")]["metadata"]["labels"] = {"maistra.io/member-of": "west-mesh-system"}


def two_groups(cluster):
    put(cluster, "operators.coreos.com/v1", "OperatorGroup", "one")
    put(cluster, "operators.coreos.com/v1", "OperatorGroup", "two")


def the_community_s(cluster):
    put(cluster, "operators.coreos.com/v1alpha1", "Subscription", "maistraoperator", spec={"name": "maistraoperator"})


def an_old_operator(cluster):
    spec = {"name": MESH, "source": "redhat-operators", "sourceNamespace": MARKET}
    put(
        cluster,
        "operators.coreos.com/v1alpha1",
        "Subscription",
        MESH,
        spec=spec,
        status={"installedCSV": f"{MESH}.v2.3.0"},
    )


def an_old_control_plane(cluster):
    put(cluster, "maistra.io/v2", "ServiceMeshControlPlane", "basic", "old-mesh-system", spec={"version": "v2.0"})
    return {"operators": [{"package": MESH, "starting_csv": f"{MESH}.v2.6.0"}]}


def a_plan_with_more(cluster):
    subscribe(cluster, status=moving("v2.5.1"))
    put_plan(cluster, f"{MESH}.v2.5.1", "other.v1.0.0")
    return {"operators": [PINNED]}


def no_olm(cluster):
    cluster.groups.clear()


def another_catalog(cluster):
    return {"catalog": "mirror"}


def a_catalog_that_is_down(cluster):
    catalog(cluster, state="CONNECTING")


def another_channel(cluster):
    return {"operators": [{"package": MESH, "channel": "stabel"}]}


def joined_elsewhere(cluster):
    put(cluster, "v1", "Namespace", "shop", "")
    spec = {"controlPlaneRef": {"name": "basic", "namespace": "west-mesh-system"}}
    put(cluster, "maistra.io/v1", "ServiceMeshMember", "default", "shop", spec=spec)


def a_roll_that_lists_it(cluster):
    put(cluster, "maistra.io/v1", "ServiceMeshMemberRoll", "default", "west-mesh-system", spec={"members": ["shop"]})


def operators_in_a_member(cluster):
    put(cluster, "operators.coreos.com/v1", "OperatorGroup", "all", "shop", spec={})


def on_its_way_out(cluster):
    put(cluster, "v1", "Namespace", "shop", "")
    cluster._objects[("Namespace", "", "shop")]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"


def rights_of(mesh, namespace):
    def broken(cluster):
        metadata = {"name": "ossm-federation-mesh-administrator", "namespace": namespace, "labels": {MESH_LABEL: mesh}}
        rules = [{"apiGroups": ["maistra.io"], "resources": ["servicemeshcontrolplanes"], "verbs": ["use"]}]
        role = {"apiVersion": ROLE.api_version, "kind": "Role", "metadata": metadata, "rules": rules}
        cluster.apply(ROLE, role, "ossm.federation")

    broken.__name__ = f"rights_of_{mesh}"
    return broken


def a_control_plane_by_hand(cluster):
    put(cluster, "maistra.io/v2", "ServiceMeshControlPlane", "basic", "east-mesh-system", spec={"version": "v2.5"})


def a_roll_by_hand(cluster):
    put(cluster, "maistra.io/v1", "ServiceMeshMemberRoll", "default", "east-mesh-system", spec={"members": ["desk"]})


def an_account_with_everything(cluster):
    put(
        cluster, "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "ci", "",
        roleRef={"kind": "ClusterRole", "name": "cluster-admin"},
        subjects=[{"kind": "ServiceAccount", "name": "jenkins", "namespace": "shop"}],
    )  # fmt: skip


def facts_of_another(cluster):
    put(cluster, "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "ossm-federation-facts-east", "")
    metadata = cluster._objects[("ClusterRoleBinding", "", "ossm-federation-facts-east")]["metadata"]
    metadata["labels"] = {MESH_LABEL: "east", "ossm.federation/control-plane": "elsewhere"}


BROKEN = (
    *(joined_elsewhere, a_roll_that_lists_it, operators_in_a_member, on_its_way_out),
    *(rights_of("west", "shop"), rights_of("east", "elsewhere"), a_control_plane_by_hand, a_roll_by_hand),
    *(an_account_with_everything, facts_of_another),
    *(member_of_another, two_groups, the_community_s, an_old_operator, an_old_control_plane, a_plan_with_more, no_olm),
    *(another_catalog, a_catalog_that_is_down, another_channel),
)


def test_the_checks_touch_and_yield_what_they_declare_and_nothing_else(monkeypatch):
    recording = Recording(cluster_findings.CHECKS)
    monkeypatch.setattr(cluster_findings, "CHECKS", recording.checks)
    for breaks in BROKEN:
        cluster = bare()
        run(cluster, **(breaks(cluster) or {}))
    recording.compare()


def blind_cases():
    for breaks in BROKEN:
        cluster = bare()
        params = breaks(cluster) or {}
        for code in codes(run(cluster, **params)):
            for kind in sorted(
                {read.kind.name for one in cluster_findings.CHECKS if code in one.codes for read in one.reads}
            ):
                yield pytest.param(breaks, code, kind, id=f"{breaks.__name__}: {code} without {kind}")


@pytest.mark.parametrize(("breaks", "code", "kind"), [*blind_cases()])
def test_what_cannot_be_read_is_found_all_the_same_or_unknown(breaks, code, kind):
    cluster = bare()
    params = breaks(cluster) or {}
    cluster.forbidden = (kind,)
    result = run(cluster, **params)
    assert code in {*codes(result), *(each for gap in result["unknown"] for each in gap["codes"])}, result["lines"]
