# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which namespaces a roll may list, in which steps, and when it is done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import ControlPlane
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.members import (
    BATCH,
    check_going,
    check_holder,
    check_roll,
    check_takeover,
    joined,
    lacks,
    member_lines,
    membership,
    plan_roll,
    steps,
    unconfigured,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.pem import NOW

SPACE = "east-mesh-system"
PLANE = ControlPlane.read(
    {
        "metadata": {"name": "basic", "namespace": SPACE, "uid": "u", "generation": 2},
        "spec": {"version": "v2.3"},
        "status": {
            "operatorVersion": "2.3.11",
            "observedGeneration": 2,
            "chartVersion": "2.3.11",
            "conditions": [
                {"type": kind, "status": "True", "reason": "ComponentsReady"} for kind in ("Reconciled", "Ready")
            ],
        },
    }
)


def roll(members=("shop",), generation=1, **status):
    ready = {"type": "Ready", "status": "True", "reason": "Configured"}
    done = {
        "observedGeneration": 1,
        "configuredMembers": ["shop"],
        "conditions": [ready],
        "meshReconciledVersion": "2.3.11-2",
        **status,
    }
    return {
        "metadata": {"name": "default", "namespace": SPACE, "generation": generation},
        "spec": {"members": list(members)},
        "status": done,
    }


@pytest.mark.parametrize(
    ("members", "selectors", "version", "code"),
    [
        ([], [], (2, 3), "FED426"),
        (["Shop"], [], (2, 3), "FED426"),
        ([SPACE], [], (2, 3), "FED426"),
        (["openshift-monitoring"], [], (2, 3), "FED426"),
        (["kube-system"], [], (2, 3), "FED426"),
        (["shop", "shop"], [], (2, 3), "FED426"),
        (["*", "shop"], [], (2, 3), "FED426"),
        (["*"], [], (2, 2), "FED427"),
        ([], ["mesh=east"], (2, 3), "FED427"),
        (["shop"], ["mesh=east"], (2, 5), "FED427"),
        ([], ["mesh east"], (2, 5), "FED427"),
    ],
)
def test_what_no_roll_of_this_version_takes_is_refused(members, selectors, version, code):
    with pytest.raises(FederationError) as refused:
        plan_roll("east", SPACE, members, selectors, version)
    assert refused.value.code == code


def test_a_roll_lists_names_in_their_order_or_selects_by_label():
    assert plan_roll("east", SPACE, ["shop", "desk"], [], (2, 1))["spec"] == {"members": ["shop", "desk"]}
    assert plan_roll("east", SPACE, [], ["mesh=east"], (2, 5))["spec"] == {
        "memberSelectors": [{"matchLabels": {"mesh": "east"}}]
    }
    assert plan_roll("east", SPACE, ["kubernetes-shop", "openshifty"], [], (2, 1))["spec"]["members"] == [
        "kubernetes-shop",
        "openshifty",
    ]


def test_a_roll_that_the_operator_makes_from_members_is_left_to_it():
    check_roll(roll())
    with pytest.raises(FederationError) as refused:
        check_roll({"metadata": {"name": "default", "namespace": SPACE, "annotations": {"maistra.io/created-by": "x"}}})
    assert refused.value.code == "FED427"


def test_a_namespace_of_another_mesh_is_refused_with_the_holder_s_name():
    check_holder(SPACE, "shop", {})
    check_holder(SPACE, "shop", {"maistra.io/member-of": SPACE})
    with pytest.raises(FederationError) as refused:
        check_holder(SPACE, "shop", {"maistra.io/member-of": "west-mesh-system"})
    assert "west-mesh-system" in refused.value.what


def test_many_new_namespaces_come_some_at_a_time_and_what_goes_goes_at_once():
    wanted = [f"app-{number}" for number in range(2 * BATCH + 1)]
    desired = plan_roll("east", SPACE, wanted, [], (2, 3))
    parts = [part["spec"]["members"] for part in steps(roll(["old", "app-0"]), desired)]
    sizes = [len(part) for part in parts]
    assert sizes == [BATCH + 1, 2 * BATCH + 1]
    assert parts[-1] == wanted and "old" not in parts[0]
    assert [part["spec"]["members"] for part in steps(None, plan_roll("east", SPACE, ["shop"], [], (2, 3)))] == [
        ["shop"]
    ]


def test_a_roll_is_done_when_all_that_it_lists_is_configured_for_the_present_control_plane():
    assert unconfigured(roll(), PLANE) == []
    assert unconfigured(None, PLANE) == ["there is no member roll yet"]
    assert unconfigured(roll(generation=2), PLANE) == ["the operator has not seen the member roll yet"]
    assert unconfigured(roll(meshReconciledVersion="2.3.11-1"), PLANE) == [
        "members are configured for 2.3.11-1, the control plane is 2.3.11-2"
    ]
    assert unconfigured(roll(terminatingMembers=["old"]), PLANE) == ["old is leaving"]


def test_a_pending_namespace_is_named_with_the_operator_s_reason():
    why = {
        "type": "Reconciled",
        "status": "False",
        "reason": "NamespaceNotExists",
        "message": "Namespace desk does not exist",
    }
    status = {"pendingMembers": ["desk"], "memberStatuses": [{"namespace": "desk", "conditions": [why]}]}
    assert unconfigured(roll(["shop", "desk"], **status), PLANE) == [
        "desk is pending (NamespaceNotExists: Namespace desk does not exist)"
    ]


BY_ITSELF = {"configuredMembers": ["desk", "shop"]}


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        pytest.param(None, [], id="no roll"),
        pytest.param(roll(), [], id="as listed"),
        pytest.param(roll(**BY_ITSELF), ["desk"], id="beside those of the roll"),
        pytest.param(
            roll(generation=2, **BY_ITSELF),
            [],
            id="the operator has not seen the roll yet, so desk may be one that was listed",
        ),
        pytest.param(roll(**BY_ITSELF, terminatingMembers=["desk"]), [], id="one that is leaving"),
        pytest.param(roll(["*"], **BY_ITSELF), [], id="all are members"),
    ],
)
def test_who_is_a_member_and_not_listed_joined_by_himself(live, expected):
    assert joined(live) == expected


def test_of_a_roll_that_the_operator_made_all_joined_by_themselves_wherever_it_notes_them():
    made = roll([], **BY_ITSELF)
    made["metadata"]["annotations"] = {"maistra.io/created-by": "servicemeshmember-controller"}
    assert joined(made) == ["desk", "shop"]
    with pytest.raises(
        FederationError, match="Delete the ServiceMeshMember in desk and shop; the roll is removed with the last one"
    ):
        check_going(made)
    assert joined({**made, "spec": {"members": ["old"]}, "status": {}}) == ["old"]


def test_a_roll_beside_which_somebody_joined_is_not_removed():
    check_going(roll())
    with pytest.raises(FederationError, match="has members that joined by themselves, desk") as refused:
        check_going(roll(**BY_ITSELF))
    assert refused.value.code == "FED427"


def test_a_namespace_that_cannot_join_by_itself_keeps_nobody_waiting():
    ready = {"type": "Ready", "status": "False", "reason": "ReconcileError", "message": "not yet configured: [desk]"}
    assert unconfigured(roll(pendingMembers=["desk"], conditions=[ready]), PLANE) == []
    assert unconfigured(roll(pendingMembers=["shop"], configuredMembers=[], conditions=[ready]), PLANE) == [
        "shop is pending"
    ]
    assert unconfigured(roll(conditions=[ready]), PLANE) == ["ReconcileError: not yet configured: [desk]"]


def test_a_namespace_that_nobody_makes_is_told_after_a_grace():
    def missed(**time):
        why = {"type": "Reconciled", "status": "False", "reason": "NamespaceNotExists", "message": "it does not exist"}
        status = {
            "pendingMembers": ["desk"],
            "memberStatuses": [{"namespace": "desk", "conditions": [{**why, **time}]}],
        }
        return lacks(roll(["shop", "desk"], **status), PLANE)[0]

    since = {
        seconds: {"lastTransitionTime": (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")}
        for seconds in (3, 30)
    }
    assert not missed(**since[3]).is_told(NOW, timedelta(seconds=2))
    assert missed(**since[30]).is_told(NOW, timedelta(0)), "a further run does not wait again"
    assert missed(**since[3]).is_told(NOW, timedelta(seconds=10)) and missed().is_told(NOW, timedelta(seconds=10))
    assert not lacks(roll(["shop", "desk"]), PLANE)[0].is_told(NOW, timedelta(hours=1)), (
        "that is the operator's to explain"
    )


def test_what_the_operator_keeps_on_the_roll_is_never_to_be_taken():
    def error(manager):
        return FederationError(
            "FED107", where="the roll", what="x", fix="take it", facts={"manager": manager, "field": "spec.members"}
        )

    live, desired = roll(["shop", "desk"]), plan_roll("east", SPACE, ["shop"], [], (2, 1))
    check_takeover(live, error("argocd"), desired)
    with pytest.raises(FederationError, match="desk joined by itself; the operator would restore them") as refused:
        check_takeover(live, error("istio-operator"), desired)
    assert "force" not in refused.value.fix and "Add desk to mesh_members" in refused.value.fix


def test_a_status_names_members_where_there_is_something_to_say():
    assert member_lines(membership(roll())) == member_lines(membership(None)) == []
    assert member_lines(membership(roll(**BY_ITSELF, pendingMembers=["later"]))) == [
        "members: shop · joined by themselves: desk · pending: later"
    ]
