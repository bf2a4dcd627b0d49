# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which operators are needed, what is refused, what is approved, and when they are installed."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.install.accepting import release_of
from ansible_collections.ossm.federation.plugins.module_utils._core.install.operators import (
    Found,
    Operator,
    check_cluster,
    hopeless,
    is_left_cni,
    left_behind,
    missing,
    needed,
    plan_operators,
    settled,
    to_approve,
    upgrades_under_way,
    waiting_upgrades,
    with_wishes,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

SPACE = "openshift-operators"
MESH = Operator("servicemeshoperator", SPACE)
OWN = (("app.kubernetes.io/managed-by", "ossm.federation"),)


def live(kind, name, namespace=SPACE, labels=OWN, **body):
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "uid": name, "labels": dict(labels)},
        **body,
    }


def subscription(
    package="servicemeshoperator",
    current="servicemeshoperator.v2.5.1",
    installed=None,
    plan="install-1",
    labels=OWN,
    **more,
):
    status = {
        "currentCSV": current,
        "installedCSV": installed,
        "installPlanRef": {"name": plan},
        "state": "UpgradePending",
        **more,
    }
    return live(
        "Subscription",
        package,
        labels=labels,
        spec={"name": package},
        status={key: value for key, value in status.items() if value},
    )


def plan(*names, phase="RequiresApproval", approved=False, **status):
    return live(
        "InstallPlan",
        "install-1",
        spec={"approved": approved, "clusterServiceVersionNames": list(names)},
        status={"phase": phase, **status},
    )


def group(name="global-operators", **spec):
    return live("OperatorGroup", name, labels=(), spec=spec)


def control_plane(version):
    return live("ServiceMeshControlPlane", "basic", "east-mesh-system", spec={"version": version})


def packages(*control_planes):
    return [operator.package for operator in needed(control_planes)]


def wants(version, **spec):
    return {"mesh": "east", "version": version, "spec": spec}


QUIET = {"addons": {"kiali": {"enabled": False}}, "tracing": {"type": "None"}}


@pytest.mark.parametrize(
    ("control_planes", "expected"),
    [
        ([], ["servicemeshoperator"]),
        ([wants("v2.5", **QUIET)], ["servicemeshoperator"]),
        ([wants("v2.5")], ["jaeger-product", "kiali-ossm", "servicemeshoperator"]),
        ([wants("v2.6")], ["kiali-ossm", "servicemeshoperator"]),
        ([wants("v2.6", tracing={"type": "Jaeger"})], ["jaeger-product", "kiali-ossm", "servicemeshoperator"]),
        (
            [
                wants(
                    "v2.4",
                    addons={"jaeger": {"install": {"storage": {"type": "Elasticsearch"}}}, "kiali": {"enabled": False}},
                )
            ],
            ["elasticsearch-operator", "jaeger-product", "servicemeshoperator"],
        ),
        (
            [wants("v2.5", **QUIET, meshConfig={"extensionProviders": [{"name": "tempo", "zipkin": {}}]})],
            ["tempo-product", "opentelemetry-product", "servicemeshoperator"],
        ),
        ([wants("v2.5", **QUIET), wants("v2.6")], ["kiali-ossm", "servicemeshoperator"]),
    ],
)
def test_exactly_what_the_control_planes_ask_for_is_needed(control_planes, expected):
    assert packages(*control_planes) == expected


def test_wishes_change_an_operator_and_add_others():
    operators = with_wishes(
        [MESH],
        [{"package": "servicemeshoperator", "starting_csv": "x.v2.5.1"}, {"package": "mine", "namespace": "tools"}],
    )
    assert operators == [Operator("servicemeshoperator", SPACE, starting_csv="x.v2.5.1"), Operator("mine", "tools")]


def test_an_operator_that_nobody_knows_needs_a_namespace():
    with pytest.raises(FederationError, match="FED440"):
        with_wishes([MESH], [{"package": "mine"}])


def test_an_operator_stays_in_the_namespace_where_somebody_subscribed_it():
    found = Found(subscriptions=[live("Subscription", "ossm", "elsewhere", (), spec={"name": "servicemeshoperator"})])
    operators = settled([MESH], found)
    assert (operators[0].namespace, operators[0].place) == ("elsewhere", "Subscription elsewhere/ossm")
    assert [desired["kind"] for desired in plan_operators(operators, found)] == ["Namespace", "OperatorGroup"]


def test_a_group_is_made_only_where_there_is_none():
    here = frozenset({SPACE})
    assert [desired["kind"] for desired in plan_operators([MESH], Found(namespaces=here))] == [
        "OperatorGroup",
        "Subscription",
    ]
    assert [desired["kind"] for desired in plan_operators([MESH], Found(namespaces=here, groups=[group()]))] == [
        "Subscription"
    ]


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ([group("one"), group("two")], "one"),
        ([group(targetNamespaces=["shop"])], "selects namespaces"),
        ([group(selector={"a": "b"})], "selects"),
    ],
)
def test_a_namespace_in_which_no_operator_would_work_is_refused(groups, says):
    with pytest.raises(FederationError, match=says) as refused:
        check_cluster([MESH], Found(groups=groups), [])
    assert refused.value.code == "FED441"


def test_the_communitys_operator_is_refused():
    with pytest.raises(FederationError, match="FED442"):
        check_cluster([MESH], Found(subscriptions=[subscription("maistraoperator")]), [])


@pytest.mark.parametrize(("standing", "wanted"), [("v2.3", []), ("v2.5", [wants("v2.3")])])
def test_a_first_version_that_would_strand_a_control_plane_is_refused(standing, wanted):
    pinned = Operator("servicemeshoperator", SPACE, starting_csv="servicemeshoperator.v2.6.0")
    with pytest.raises(FederationError, match="supports v2.4 to v2.6") as refused:
        check_cluster([pinned], Found(control_planes=[control_plane(standing)]), wanted)
    assert refused.value.code == "FED443"


def test_a_first_install_is_approved_and_an_upgrade_only_when_asked_for():
    names = "servicemeshoperator.v2.6.0"
    first = Found(subscriptions=[subscription(current=names)], plans=[plan(names)])
    assert len(to_approve([MESH], first, upgrade=False)) == 1
    later = Found(
        subscriptions=[subscription(current=names, installed="servicemeshoperator.v2.5.1")], plans=[plan(names)]
    )
    assert to_approve([MESH], later, upgrade=False) == [] and len(to_approve([MESH], later, upgrade=True)) == 1
    assert waiting_upgrades([MESH], later) == ["servicemeshoperator.v2.5.1 could become servicemeshoperator.v2.6.0"]


@pytest.mark.parametrize("others", [{"approved": True}, {"phase": "Complete"}, {"phase": "Installing"}])
def test_a_plan_that_does_not_wait_is_not_approved(others):
    found = Found(subscriptions=[subscription()], plans=[plan("servicemeshoperator.v2.5.1", **others)])
    assert to_approve([MESH], found, upgrade=True) == []


def test_a_plan_that_names_more_than_is_meant_is_refused_and_lists_it():
    found = Found(subscriptions=[subscription()], plans=[plan("servicemeshoperator.v2.5.1", "other.v1.0.0")])
    with pytest.raises(FederationError, match="other.v1.0.0") as refused:
        to_approve([MESH], found, upgrade=True)
    assert refused.value.code == "FED444"


def test_a_plan_that_waits_for_anothers_sake_says_whose():
    other = live("Subscription", "other", labels=(), spec={"name": "other", "installPlanApproval": "Manual"})
    own = subscription(current="servicemeshoperator.v2.5.1")
    found = Found(subscriptions=[own, other], plans=[plan("servicemeshoperator.v2.5.1", "other.v1.0.0")])
    with pytest.raises(FederationError) as refused:
        to_approve([MESH], found, upgrade=False)
    assert (
        f"it waits for approval because Subscription {SPACE}/other is Manual, and OLM makes one plan"
        in refused.value.what
    )
    automatic = Operator("servicemeshoperator", SPACE, approval="Automatic")
    assert f"because Subscription {SPACE}/other is Manual" in missing([automatic], found)[0]
    assert "because" not in missing([MESH], found)[0], "ours alone would make it wait"


def test_a_plan_past_the_pin_is_not_approved_and_the_wait_says_why():
    pinned = Operator("servicemeshoperator", SPACE, starting_csv="servicemeshoperator.v2.5.1")
    found = Found(
        subscriptions=[subscription(current="servicemeshoperator.v2.6.0")], plans=[plan("servicemeshoperator.v2.6.0")]
    )
    assert to_approve([pinned], found, upgrade=False) == []
    assert "starting_csv is servicemeshoperator.v2.5.1, so it is not approved" in missing([pinned], found)[0]
    assert len(to_approve([MESH], found, upgrade=False)) == 1


def test_what_olm_upgrades_by_itself_waits_for_nobody():
    moving = subscription(current="servicemeshoperator.v2.6.0", installed="servicemeshoperator.v2.5.1")
    automatic = Operator("servicemeshoperator", SPACE, approval="Automatic")
    running = Found(
        subscriptions=[moving], plans=[plan("servicemeshoperator.v2.6.0", approved=True, phase="Installing")]
    )
    for operator, found in ((automatic, running), (MESH, running), (automatic, Found(subscriptions=[moving]))):
        assert waiting_upgrades([operator], found) == []
        assert upgrades_under_way([operator], found) == [
            "servicemeshoperator.v2.5.1 becomes servicemeshoperator.v2.6.0: OLM upgrades it by itself"
        ]
    held = Found(subscriptions=[moving], plans=[plan("servicemeshoperator.v2.6.0")])
    assert (len(waiting_upgrades([automatic], held)), upgrades_under_way([automatic], held)) == (
        1,
        [],
    ), "another Manual Subscription holds it"


def test_a_first_install_does_not_upgrade_its_neighbour_in_passing():
    kiali = Operator("kiali-ossm", SPACE)
    installed = subscription("kiali-ossm", current="kiali-operator.v2", installed="kiali-operator.v1")
    found = Found(
        subscriptions=[subscription(), installed], plans=[plan("servicemeshoperator.v2.5.1", "kiali-operator.v2")]
    )
    with pytest.raises(FederationError, match="kiali-operator.v2"):
        to_approve([MESH, kiali], found, upgrade=False)
    assert len(to_approve([MESH, kiali], found, upgrade=True)) == 1


def test_an_upgrade_that_would_strand_a_control_plane_is_refused():
    names = "servicemeshoperator.v2.6.0"
    found = Found(
        subscriptions=[subscription(current=names, installed="servicemeshoperator.v2.5.1")],
        plans=[plan(names)],
        control_planes=[control_plane("v2.3")],
    )
    with pytest.raises(FederationError, match="east-mesh-system/basic is v2.3") as refused:
        to_approve([MESH], found, upgrade=True)
    assert refused.value.code == "FED443"


def version(phase="Succeeded", **status):
    return live("ClusterServiceVersion", "servicemeshoperator.v2.5.1", status={"phase": phase, **status})


def deployment(status="True"):
    return live("Deployment", "istio-operator", status={"conditions": [{"type": "Available", "status": status}]})


DONE = subscription(installed="servicemeshoperator.v2.5.1")


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (Found(), "does not exist yet"),
        (Found(subscriptions=[subscription()], plans=[plan("x")]), "InstallPlan install-1 waits for approval"),
        (
            Found(subscriptions=[subscription()], plans=[plan("x", phase="Failed", message="no disk")]),
            "failed: no disk",
        ),
        (Found(subscriptions=[DONE]), "is not there yet"),
        (
            Found(subscriptions=[DONE], versions=[version("Failed", reason="TooManyOperatorGroups", message="two")]),
            "is Failed (TooManyOperatorGroups: two)",
        ),
        (
            Found(subscriptions=[DONE], versions=[version()]),
            "Deployment openshift-operators/istio-operator is not available yet",
        ),
        (Found(subscriptions=[DONE], versions=[version()], deployments=[deployment("False")]), "is not available yet"),
    ],
)
def test_what_is_missing_is_told_in_olms_words(found, says):
    told = missing([MESH], found)
    assert len(told) == 1 and says in told[0]


@pytest.mark.parametrize("kind", ["ResolutionFailed", "CatalogSourcesUnhealthy", "BundleUnpackFailed"])
def test_a_condition_that_stops_olm_is_told_with_its_message(kind):
    found = Found(
        subscriptions=[subscription(plan=None, conditions=[{"type": kind, "status": "True", "message": "because"}])]
    )
    assert missing([MESH], found) == [f"servicemeshoperator: {kind}: because"]


def test_installed_is_installed_even_while_an_upgrade_waits_that_nobody_asked_for():
    waiting = subscription(current="servicemeshoperator.v2.6.0", installed="servicemeshoperator.v2.5.1")
    found = Found(
        subscriptions=[waiting],
        versions=[version()],
        deployments=[deployment()],
        plans=[plan("servicemeshoperator.v2.6.0")],
    )
    assert missing([MESH], found) == []
    assert "waits for approval" in missing([MESH], found, upgrade=True)[0]


def test_what_olm_does_not_try_again_is_hopeless_and_the_rest_is_not():
    failed = Found(subscriptions=[subscription()], plans=[plan("x", phase="Failed", message="no disk")])
    assert hopeless([MESH], failed) == ["InstallPlan install-1 failed: no disk"]
    unresolved = Found(
        subscriptions=[subscription(plan=None, conditions=[{"type": "ResolutionFailed", "status": "True"}])]
    )
    assert hopeless([MESH], unresolved) == []


@pytest.mark.parametrize(
    ("csv", "expected"), [("servicemeshoperator.v2.5.11-0", (2, 5, 11)), ("servicemeshoperator", None)]
)
def test_a_release_is_read_from_a_name(csv, expected):
    assert release_of(csv) == expected


def test_a_catalog_that_is_not_there_is_refused_for_what_is_still_to_be_subscribed():
    mirror = live("CatalogSource", "mirror", "openshift-marketplace")
    with pytest.raises(FederationError) as refused:
        check_cluster([MESH], Found(catalogs=[mirror]), [])
    assert refused.value.code == "FED447" and "there are openshift-marketplace/mirror" in refused.value.what
    with pytest.raises(FederationError, match="there is none at all"):
        check_cluster([MESH], Found(catalogs=[]), [])
    check_cluster([MESH], Found(catalogs=[live("CatalogSource", "redhat-operators", "openshift-marketplace")]), [])
    check_cluster([MESH], Found(catalogs=[mirror], subscriptions=[subscription(labels=())]), [])
    check_cluster([MESH], Found(catalogs=None), [])


def test_what_operators_leave_behind_is_named_and_jaegers_roles_only_with_jaeger():
    mesh_alone = left_behind(["servicemeshoperator"], "openshift-operators")
    assert [name for _kind, _space, name in mesh_alone[:2]] == [
        "openshift-operators.servicemesh-resources.maistra.io"
    ] * 2
    assert {space for kind, space, _name in mesh_alone if kind.name in ("Service", "Secret", "ConfigMap")} == {
        "openshift-operators"
    }
    more = set(left_behind(["servicemeshoperator", "jaeger-product"], "openshift-operators")) - set(mesh_alone)
    assert {name.partition("-v1-")[0] for _kind, _space, name in more} == {"jaegers.jaegertracing.io"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("istio-node", True),
        ("istio-cni-node", True),
        ("istio-cni-node-v2-4", True),
        ("istio-cni-node-v3-0", False),
        ("istio-node-exporter", False),
    ],
)
def test_a_cni_daemon_set_is_told_by_its_whole_name(name, expected):
    assert is_left_cni(name) is expected
