# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``control_plane`` against a cluster in memory: a body of its own beside the gateways of peers."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.kinds import CONTROL_PLANE
from ansible_collections.ossm.federation.plugins.module_utils._options import FORCE, MESH
from ansible_collections.ossm.federation.plugins.modules import control_plane, member_roll
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory

SPACE = "east-mesh-system"
SPEC = {"tracing": {"type": "None"}}
PEER = {
    "apiVersion": "federation.maistra.io/v1",
    "kind": "ServiceMeshPeer",
    "metadata": {"name": "west", "namespace": SPACE},
}


def asked(check_mode, params):
    return RunInMemory(MESH, FORCE, control_plane.OPTIONS, check_mode=check_mode, **{"mesh": "east", **params})


def run(cluster, check_mode=False, **params):
    return control_plane.run(
        asked(check_mode, {"spec": SPEC, "version": "v2.3", "trust_domain": "east.local", **params}), cluster, NOW
    )


def finish(cluster, chart="2.3.11", **status):
    generation = cluster.get(CONTROL_PLANE, SPACE, "basic")["metadata"].get("generation")
    conditions = [{"type": kind, "status": "True", "reason": "ComponentsReady"} for kind in ("Reconciled", "Ready")]
    cluster.set_status(
        "ServiceMeshControlPlane",
        SPACE,
        "basic",
        {"chartVersion": chart, "observedGeneration": generation, "conditions": conditions, **status},
    )


@pytest.fixture
def cluster():
    return ClusterInMemory(NOW)


def test_a_control_plane_is_made_once_and_a_second_run_changes_nothing(cluster):
    first = run(cluster)
    assert [change["action"] for change in first["changes"]] == ["create"]
    assert first["waiting_for"] == ["has no status yet"]
    finish(cluster)
    second = run(cluster)
    assert (second["changed"], second["waiting_for"], second["control_plane"]["ready"]) == (False, [], True)


def test_check_mode_asks_for_a_dry_run_and_writes_nothing(cluster):
    planned = run(cluster, check_mode=True)
    assert cluster.writes == [] and cluster.dry_runs == [("ServiceMeshControlPlane", "basic")]
    assert planned["changes"] == run(cluster)["changes"]


def test_the_gateways_of_a_peer_stay_when_the_body_changes(cluster):
    run(cluster)
    gateway = {"gateways": {"additionalIngress": {"west-ingress": {"enabled": True}}}}
    live = {
        "apiVersion": "maistra.io/v2",
        "kind": "ServiceMeshControlPlane",
        "metadata": {"name": "basic", "namespace": SPACE},
        "spec": gateway,
    }
    cluster.apply(CONTROL_PLANE, live, "ossm.federation/gateways/west")
    run(cluster, spec={"tracing": {"type": "Jaeger"}})
    spec = cluster.get(CONTROL_PLANE, SPACE, "basic")["spec"]
    assert (spec["tracing"], spec["gateways"]) == ({"type": "Jaeger"}, gateway["gateways"])


def test_a_field_that_is_no_longer_described_goes(cluster):
    run(cluster, spec={**SPEC, "addons": {"kiali": {"enabled": False}}})
    result = run(cluster)
    assert result["changes"][0]["fields"] == ["spec.addons.kiali.enabled"]
    assert "addons" not in cluster.get(CONTROL_PLANE, SPACE, "basic")["spec"]


def test_what_the_operator_would_refuse_is_refused_before_anything_is_sent(cluster):
    with pytest.raises(FederationError) as refused:
        run(cluster, spec={"policy": {"type": "Mixer"}})
    assert (refused.value.code, cluster.writes) == ("FED422", [])


def issuer(cluster, url):
    cluster.put(
        {
            "apiVersion": "config.openshift.io/v1",
            "kind": "Authentication",
            "metadata": {"name": "cluster"},
            "spec": {"serviceAccountIssuer": url},
        }
    )


def warned(cluster, **params):
    module = asked(
        params.pop("check_mode", False), {"spec": SPEC, "version": "v2.3", "trust_domain": "east.local", **params}
    )
    control_plane.run(module, cluster, NOW)
    return module.warnings


def test_tokens_of_another_issuer_are_warned_of_unless_third_party_is_set(cluster):
    issuer(cluster, "https://oidc.example.com/1")
    for check_mode in (True, False):
        (text,) = warned(cluster, check_mode=check_mode)
        assert text.startswith(
            "FED753 Authentication cluster, spec.serviceAccountIssuer: is https://oidc.example.com/1, and control plane"
            " east-mesh-system/basic"
        )
        assert "security.identity.type: ThirdParty" in text
    assert warned(cluster, wrote=["create ServiceMeshControlPlane east-mesh-system/basic"]), (
        "also by the last look of a wait"
    )
    assert warned(cluster, spec={**SPEC, "security": {"identity": {"type": "ThirdParty"}}}) == []
    finish(cluster, appliedSpec={"security": {"identity": {"type": "ThirdParty"}}})
    assert warned(cluster) == [], "set by a profile"


def test_a_managed_cluster_that_may_not_be_asked_is_told_by_its_name_in_every_run(cluster):
    cluster.server = "https://api.demo.abcd.p1.openshiftapps.com:6443"
    assert "FED753 API server api.demo.abcd.p1.openshiftapps.com" in warned(cluster)[0]
    finish(cluster)
    assert len(warned(cluster)) == 1
    issuer(cluster, "")
    assert warned(cluster) == []


def test_a_settled_control_plane_costs_no_request_more(cluster):
    run(cluster)
    finish(cluster)
    before = cluster.requests
    run(cluster)
    asked = cluster.requests - before
    issuer(cluster, "https://oidc.example.com/1")
    assert warned(cluster) == [] and cluster.requests - before == 2 * asked


def test_a_control_plane_of_2_3_is_not_made_or_upgraded_under_the_name_default(cluster):
    with pytest.raises(FederationError, match="FED459.*OSSM-2042.*Set mesh_control_plane to another name"):
        run(cluster, control_plane="default")
    assert cluster.writes == []
    run(cluster, control_plane="default", version="v2.2")
    with pytest.raises(FederationError, match="FED459.*in a new namespace and move the members"):
        run(cluster, control_plane="default", version="v2.3", upgrade=True)
    run(cluster, control_plane="default", version="v2.2", spec={"tracing": {"type": "Jaeger"}})
    live = {
        "apiVersion": "maistra.io/v2",
        "kind": "ServiceMeshControlPlane",
        "metadata": {"name": "default", "namespace": SPACE},
    }
    cluster.put({**live, "spec": {"version": "v2.3"}})
    run(cluster, control_plane="default")


def test_an_operator_that_has_given_up_ends_the_wait_with_its_words(cluster):
    run(cluster)
    finish(
        cluster,
        conditions=[
            {"type": "Reconciled", "status": "False", "reason": "DependencyMissingError", "message": "no Kiali"}
        ],
    )
    with pytest.raises(FederationError) as refused:
        run(cluster, wait=True, waited=20, soft=True, wait_timeout=5)
    assert refused.value.code == "FED605" and "DependencyMissingError: no Kiali" in refused.value.what


def test_a_passing_reconcile_error_is_waited_for_until_the_deadline(cluster):
    run(cluster)
    finish(
        cluster,
        conditions=[{"type": "Reconciled", "status": "False", "reason": "ReconcileError", "message": "an image"}],
    )
    assert run(cluster, wait=True, waited=20, soft=True, wait_timeout=1)["waiting_for"] == ["ReconcileError: an image"]


def test_a_control_plane_with_peers_or_members_is_not_removed(cluster):
    run(cluster)
    cluster.put(PEER)
    roll = {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": {"name": "default", "namespace": SPACE},
    }
    cluster.put({**roll, "spec": {"members": ["shop"]}})
    with pytest.raises(FederationError) as refused:
        run(cluster, state="absent")
    assert refused.value.code == "FED425"
    assert refused.value.facts["uses"] == ["ServiceMeshPeer west", "member shop"]


def test_a_control_plane_that_a_namespace_joined_by_itself_is_in_use_beside_our_own_roll(cluster):
    run(cluster)
    roll = {"apiVersion": "maistra.io/v1", "kind": "ServiceMeshMemberRoll", "spec": {"members": ["shop"]}}
    metadata = {"name": "default", "namespace": SPACE, "labels": {"ossm.federation/mesh": "east"}, "generation": 1}
    cluster.put(
        {**roll, "metadata": metadata, "status": {"observedGeneration": 1, "configuredMembers": ["desk", "shop"]}}
    )
    with pytest.raises(FederationError) as refused:
        run(cluster, state="absent", check_mode=True, is_last=True)
    assert refused.value.facts["uses"] == ["member desk, which joined by itself"]


def test_a_control_plane_that_somebody_made_by_hand_is_told_with_what_to_do_about_that(cluster):
    live = {
        "apiVersion": "maistra.io/v2",
        "kind": "ServiceMeshControlPlane",
        "metadata": {"name": "basic", "namespace": SPACE},
        "spec": {"version": "v2.3"},
    }
    cluster.put(live)
    with pytest.raises(
        FederationError,
        match="FED425.*by hand.*Delete it by hand, or run control_plane for it once, which takes it over\\.",
    ):
        run(cluster, state="absent")
    cluster.put(PEER)
    with pytest.raises(FederationError, match="which takes it over; for the others: run unfederate"):
        run(cluster, state="absent")


def test_check_mode_foresees_that_what_we_keep_will_have_gone_before_the_control_plane(cluster):
    """In check mode nothing of it is gone; what somebody else made stays in a real run, too."""
    run(cluster)
    labels = {"ossm.federation/mesh": "east"}
    cluster.put({**PEER, "metadata": {**PEER["metadata"], "labels": labels}})
    roll = {"apiVersion": "maistra.io/v1", "kind": "ServiceMeshMemberRoll", "spec": {"members": ["shop"]}}
    cluster.put({**roll, "metadata": {"name": "default", "namespace": SPACE, "labels": labels}})
    cluster.writes.clear()
    planned = run(cluster, check_mode=True, state="absent", is_last=True)
    assert ([change["action"] for change in planned["changes"]], cluster.writes) == (["delete"], [])
    for given in ({"check_mode": True}, {"is_last": True}):
        with pytest.raises(FederationError, match="FED425"):
            run(cluster, state="absent", **given)
    cluster.put(PEER)
    with pytest.raises(FederationError, match="ServiceMeshPeer west"):
        run(cluster, check_mode=True, state="absent", is_last=True)


def test_one_that_is_made_by_hand_is_not_removed(cluster):
    cluster.put(
        {
            "apiVersion": "maistra.io/v2",
            "kind": "ServiceMeshControlPlane",
            "metadata": {"name": "basic", "namespace": SPACE},
            "spec": {},
        }
    )
    with pytest.raises(FederationError) as refused:
        run(cluster, state="absent")
    assert "made it by hand" in refused.value.what


def test_one_that_nothing_uses_is_removed_and_removing_it_again_changes_nothing(cluster):
    run(cluster)
    assert run(cluster, state="absent")["changed"]
    again = run(cluster, state="absent")
    assert (again["changed"], again["waiting_for"]) == (False, [])


def test_one_that_is_being_removed_is_waited_for_and_not_removed_again(cluster):
    run(cluster)
    live = cluster.get(CONTROL_PLANE, SPACE, "basic")
    cluster.put({**live, "metadata": {**live["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}})
    going = run(cluster, state="absent")
    assert (going["changed"], going["waiting_for"]) == (False, ["the operator is still removing it"])


def test_an_upgrade_goes_one_minor_up_and_takes_mixer_out_in_the_same_update(cluster):
    mixer = {"policy": {"type": "Mixer"}, "addons": {"3scale": {"enabled": True}, "kiali": {"enabled": False}}}
    old = {
        "apiVersion": "maistra.io/v2",
        "kind": "ServiceMeshControlPlane",
        "metadata": {"name": "basic", "namespace": SPACE},
    }
    cluster.put({**old, "spec": {"version": "v2.0", **mixer}})
    upgrade = {"spec": {}, "version": "v2.1", "trust_domain": None, "upgrade": True}
    with pytest.raises(FederationError) as refused:
        run(cluster, **{**upgrade, "version": "v2.2"})
    assert refused.value.code == "FED424"
    run(cluster, remove_mixer=True, **upgrade)
    assert cluster.writes == [("merge", "ServiceMeshControlPlane", "basic")]
    spec = cluster.get(CONTROL_PLANE, SPACE, "basic")["spec"]
    assert (spec["version"], spec["policy"], spec["addons"]) == (
        "v2.1",
        {"type": "Istiod"},
        {"kiali": {"enabled": False}},
    )
    run(cluster, remove_mixer=True, **upgrade)
    assert not run(cluster, remove_mixer=True, **upgrade)["changed"]


def by_hand(cluster, operation, **spec):
    """A control plane of 2.0 that somebody else wrote."""
    live = {
        "apiVersion": "maistra.io/v2",
        "kind": "ServiceMeshControlPlane",
        "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
    }
    fields = {"f:spec": {f"f:{name}": {} for name in ("version", *spec)}}
    live["metadata"]["managedFields"] = [{"manager": "kubectl-create", "operation": operation, "fieldsV1": fields}]
    cluster.put({**live, "spec": {"version": "v2.0", **spec}})
    finish(cluster, "2.0.11", appliedSpec={"version": "v2.0", **spec})


UP = {"spec": {}, "version": "v2.1", "trust_domain": None, "upgrade": True, "remove_mixer": True}


@pytest.mark.parametrize("spec", [{}, {"policy": {"type": "Mixer"}}], ids=["plain", "with Mixer"])
def test_an_upgrade_takes_over_a_version_that_was_written_by_hand(cluster, spec):
    by_hand(cluster, "Update", **spec)
    assert run(cluster, **UP)["changed"]
    assert cluster.get(CONTROL_PLANE, SPACE, "basic")["spec"]["version"] == "v2.1"


@pytest.mark.parametrize("spec", [{}, {"policy": {"type": "Mixer"}}], ids=["plain", "with Mixer"])
def test_an_upgrade_does_not_quarrel_with_one_who_applies_the_version_by_himself(cluster, spec):
    by_hand(cluster, "Apply", **spec)
    with pytest.raises(FederationError) as refused:
        run(cluster, **UP)
    assert refused.value.code == "FED107" and cluster.writes == []
    assert run(cluster, **UP, force=True)["changed"]


def test_an_upgrade_that_takes_mixer_out_does_so_too_where_the_description_still_has_it(cluster):
    mixer = {
        "policy": {"type": "Mixer", "mixer": {"enableChecks": True}},
        "telemetry": {"type": "None"},
        "addons": {"3scale": {"enabled": True}},
    }
    by_hand(cluster, "Update", **mixer)
    assert run(cluster, **{**UP, "spec": {**mixer, "tracing": {"type": "None"}}})["changed"]
    spec = cluster.get(CONTROL_PLANE, SPACE, "basic")["spec"]
    assert (spec["version"], spec["policy"], spec["telemetry"]["type"]) == ("v2.1", {"type": "Istiod"}, "None")
    assert "3scale" not in spec.get("addons", {})
    with pytest.raises(FederationError) as refused:
        run(cluster, **{**UP, "spec": mixer, "remove_mixer": False})
    assert refused.value.code == "FED422"


@pytest.mark.parametrize(
    ("code", "facts", "is_passed"),
    [
        ("FED108", {}, True),
        ("FED106", {"status": 404, "reason": 'namespaces "east-mesh-system" not found'}, True),
        (
            "FED106",
            {"status": 400, "reason": 'admission webhook "smcp.validation.maistra.io" does not support dry run'},
            True,
        ),
        ("FED106", {"status": 400, "reason": "admission webhook denied the request: no"}, False),
    ],
    ids=["kind comes later", "namespace comes later", "webhook without dry runs", "refused"],
)
def test_check_mode_asks_for_a_judgement_as_far_as_there_can_be_one(cluster, code, facts, is_passed):
    apply = cluster.apply

    def judged(kind, manifest, manager, force=False, dry_run=False):
        if dry_run:
            raise FederationError(code, where="east", what="refused", fix="", facts=facts)
        return apply(kind, manifest, manager, force=force)

    cluster.apply = judged
    if is_passed:
        assert run(cluster, check_mode=True)["changed"]
    else:
        with pytest.raises(FederationError, match=code):
            run(cluster, check_mode=True)


def test_a_kind_that_is_not_served_yet_is_no_obstacle_in_check_mode_and_one_otherwise(cluster):
    def get(*_place):
        raise FederationError("FED108", where="east", what="is not served", fix="")

    cluster.get = get
    assert run(cluster, check_mode=True)["changed"]
    with pytest.raises(FederationError, match="FED108"):
        run(cluster)
    gone = run(cluster, state="absent", wait=True)
    assert (gone["changed"], gone["waiting_for"]) == (False, []), "where its kind has gone there is none left"


def test_a_control_plane_that_is_kept_as_another_mesh_is_refused_unless_forced(cluster):
    run(cluster)
    with pytest.raises(FederationError) as refused:
        run(cluster, mesh="west", namespace=SPACE, spec={})
    assert refused.value.code == "FED103" and "is kept as the mesh east, and this is west" in refused.value.what
    assert run(cluster, mesh="west", namespace=SPACE, force=True)["changed"]


def roll(cluster, *members, configured=None, **described):
    """Keep the roll as member_roll does, and have the operator configure it."""
    params = {
        **{name: option.get("default") for name, option in {**MESH, **FORCE, **member_roll.OPTIONS}.items()},
        "mesh": "east",
    }
    module = asked(False, {**params, "members": list(members), **described})
    member_roll.run(module, cluster, NOW)
    status = {"configuredMembers": list(members if configured is None else configured), "observedGeneration": None}
    cluster.set_status(
        "ServiceMeshMemberRoll",
        SPACE,
        "default",
        {**status, "conditions": [{"type": "Ready", "status": "True", "reason": "Configured"}]},
    )


def test_members_stand_once_the_roll_is_as_described_and_all_are_configured(cluster):
    run(cluster)
    finish(cluster)
    assert run(cluster, members=["shop"])["members_stand"] is False, "there is no roll"
    roll(cluster, "shop", configured=())
    assert run(cluster, members=["shop"])["members_stand"] is False, "shop is not configured"
    roll(cluster, "shop")
    assert run(cluster, members=["shop"])["members_stand"] is True
    assert run(cluster, members=["shop", "desk"])["members_stand"] is False, "desk is to be added"
    assert run(cluster, members=[])["members_stand"] is False, "nobody described members"
    assert run(cluster, members=["openshift-x"])["members_stand"] is False, "it is for member_roll to refuse"


def test_members_are_not_looked_at_while_there_is_something_to_do_about_the_control_plane(cluster):
    run(cluster)
    finish(cluster)
    roll(cluster, "shop")
    changed = run(cluster, members=["shop"], spec={"tracing": {"type": "Jaeger"}})
    assert changed["changed"] and changed["members_stand"] is False
    unready = {"conditions": [{"type": "Reconciled", "status": "False", "reason": "ReconcileError"}]}
    finish(cluster, **unready)
    assert run(cluster, members=["shop"], spec={"tracing": {"type": "Jaeger"}})["members_stand"] is False
