# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``control_plane`` against a cluster in memory: a body of its own beside the gateways of peers."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.kinds import CONTROL_PLANE
from ansible_collections.ossm.federation.plugins.module_utils._described import FORCE, MESH
from ansible_collections.ossm.federation.plugins.module_utils._running import Journal
from ansible_collections.ossm.federation.plugins.modules import control_plane
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW

SPACE = "east-mesh-system"
SPEC = {"tracing": {"type": "None"}}
PEER = {"apiVersion": "federation.maistra.io/v1", "kind": "ServiceMeshPeer", "metadata": {"name": "west", "namespace": SPACE}}


class Module:
    """As much of an AnsibleModule as the module's ``run`` sees."""

    def __init__(self, check_mode, params):
        options = {**MESH, **FORCE, **control_plane.OPTIONS}
        self.params = {**{name: option.get("default") for name, option in options.items()}, "mesh": "east", **params}
        self.check_mode = check_mode
        self.journal = Journal()


def run(cluster, check_mode=False, **params):
    return control_plane.run(Module(check_mode, {"spec": SPEC, "version": "v2.3", "trust_domain": "east.local", **params}), cluster, NOW)


def finish(cluster, chart="2.3.11", **status):
    generation = cluster.get(CONTROL_PLANE, SPACE, "basic")["metadata"].get("generation")
    conditions = [{"type": kind, "status": "True", "reason": "ComponentsReady"} for kind in ("Reconciled", "Ready")]
    cluster.set_status(
        "ServiceMeshControlPlane", SPACE, "basic", {"chartVersion": chart, "observedGeneration": generation, "conditions": conditions, **status}
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
    live = {"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "metadata": {"name": "basic", "namespace": SPACE}, "spec": gateway}
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


def test_an_operator_that_has_given_up_ends_the_wait_with_its_words(cluster):
    run(cluster)
    finish(cluster, conditions=[{"type": "Reconciled", "status": "False", "reason": "DependencyMissingError", "message": "no Kiali"}])
    with pytest.raises(FederationError) as refused:
        run(cluster, wait=True, waited=20, soft=True, wait_timeout=5)
    assert refused.value.code == "FED605" and "DependencyMissingError: no Kiali" in refused.value.what


def test_a_passing_reconcile_error_is_waited_for_until_the_deadline(cluster):
    run(cluster)
    finish(cluster, conditions=[{"type": "Reconciled", "status": "False", "reason": "ReconcileError", "message": "an image"}])
    assert run(cluster, wait=True, waited=20, soft=True, wait_timeout=1)["waiting_for"] == ["ReconcileError: an image"]


def test_a_control_plane_with_peers_or_members_is_not_removed(cluster):
    run(cluster)
    cluster.put(PEER)
    roll = {"apiVersion": "maistra.io/v1", "kind": "ServiceMeshMemberRoll", "metadata": {"name": "default", "namespace": SPACE}}
    cluster.put({**roll, "spec": {"members": ["shop"]}})
    with pytest.raises(FederationError) as refused:
        run(cluster, state="absent")
    assert refused.value.code == "FED425"
    assert refused.value.facts["uses"] == ["ServiceMeshPeer west", "member shop"]


def test_one_that_is_made_by_hand_is_not_removed(cluster):
    cluster.put({"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "metadata": {"name": "basic", "namespace": SPACE}, "spec": {}})
    with pytest.raises(FederationError) as refused:
        run(cluster, state="absent")
    assert "made it by hand" in refused.value.what


def test_one_that_nothing_uses_is_removed_and_removing_it_again_changes_nothing(cluster):
    run(cluster)
    assert run(cluster, state="absent")["changed"]
    again = run(cluster, state="absent")
    assert (again["changed"], again["waiting_for"]) == (False, [])


def test_an_upgrade_goes_one_minor_up_and_takes_mixer_out_in_the_same_update(cluster):
    mixer = {"policy": {"type": "Mixer"}, "addons": {"3scale": {"enabled": True}, "kiali": {"enabled": False}}}
    old = {"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "metadata": {"name": "basic", "namespace": SPACE}}
    cluster.put({**old, "spec": {"version": "v2.0", **mixer}})
    upgrade = {"spec": {}, "version": "v2.1", "trust_domain": None, "upgrade": True}
    with pytest.raises(FederationError) as refused:
        run(cluster, **{**upgrade, "version": "v2.2"})
    assert refused.value.code == "FED424"
    run(cluster, remove_mixer=True, **upgrade)
    assert cluster.writes == [("merge", "ServiceMeshControlPlane", "basic")]
    spec = cluster.get(CONTROL_PLANE, SPACE, "basic")["spec"]
    assert (spec["version"], spec["policy"], spec["addons"]) == ("v2.1", {"type": "Istiod"}, {"kiali": {"enabled": False}})
    run(cluster, remove_mixer=True, **upgrade)
    assert not run(cluster, remove_mixer=True, **upgrade)["changed"]
