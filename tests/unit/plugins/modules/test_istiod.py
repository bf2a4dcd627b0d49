# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module istiod, against a cluster in memory."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.modules import istiod
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
RESTARTED = "kubectl.kubernetes.io/restartedAt"
LABELS = {"app": "istiod", "istio.io/rev": "basic"}


def deployment(*, generation=1, annotations=None, **status):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "istiod-basic",
            "namespace": "east-mesh-system",
            "generation": generation,
            "uid": "uid-istiod",
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS, "annotations": annotations or {}}},
        },
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, **status},
    }


def pod(name="istiod-basic-1", created="2026-01-31T10:00:00Z", **metadata):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "east-mesh-system",
            "labels": LABELS,
            "creationTimestamp": created,
            **metadata,
        },
        "status": {"phase": "Running"},
    }


def restarted(cluster, *, check_mode=False, **params):
    options = {key: option.get("default") for key, option in istiod.OPTIONS.items()}
    given = {**options, "mesh": "east", "namespace": None, "control_plane": "basic", "wait_timeout": 1, **params}
    module = SimpleNamespace(params=given, check_mode=check_mode, journal=SimpleNamespace(done=[]))
    return istiod.run(module, cluster, NOW)


def annotation(cluster):
    live = next(iter(cluster.list(SimpleNamespace(name="Deployment"), "east-mesh-system")))
    return live["spec"]["template"]["metadata"]["annotations"].get(RESTARTED)


def test_a_restart_is_one_patch_of_the_pod_template():
    cluster = ClusterInMemory(NOW, deployment(), pod())
    result = restarted(cluster)
    assert cluster.writes == [("merge", "Deployment", "istiod-basic")]
    assert annotation(cluster) == "2026-01-31T12:00:00Z"
    assert result["changed"] and "restartedAt" in result["diff"][0]["after"]
    assert result["deployment"] == "east-mesh-system/istiod-basic" and result["restarted_at"] == "2026-01-31T12:00:00Z"


def test_check_mode_foretells_a_restart_and_writes_nothing():
    cluster = ClusterInMemory(NOW, deployment(), pod())
    result = restarted(cluster, check_mode=True)
    assert result["changed"] and result["diff"] and not cluster.writes


@pytest.mark.parametrize(
    ("since", "is_due"),
    [
        pytest.param("2026-01-31T11:00:00Z", True, id="the-pod-is-older"),
        pytest.param("2026-01-31T09:00:00Z", False, id="the-pod-is-younger"),
        pytest.param("2026-01-31T10:00:00Z", False, id="made-in-that-second"),
        pytest.param("2026-01-31T12:30:00+01:00", True, id="another-offset"),
    ],
)
def test_since_restarts_only_pods_that_are_older(since, is_due):
    cluster = ClusterInMemory(NOW, deployment(), pod())
    assert restarted(cluster, since=since)["changed"] is is_due
    assert bool(cluster.writes) is is_due


def test_one_old_pod_among_several_is_enough():
    cluster = ClusterInMemory(NOW, deployment(), pod("a", "2026-01-31T11:30:00Z"), pod("b"))
    assert restarted(cluster, since="2026-01-31T11:00:00Z")["changed"]


def test_a_pod_that_is_going_does_not_count():
    going = pod("b", deletionTimestamp="2026-01-31T11:31:00Z")
    cluster = ClusterInMemory(NOW, deployment(), pod("a", "2026-01-31T11:30:00Z"), going)
    assert not restarted(cluster, since="2026-01-31T11:00:00Z")["changed"]


def test_a_restart_under_way_is_waited_for_and_not_asked_for_again():
    rolling = deployment(generation=2, annotations={RESTARTED: "2026-01-31T11:00:01Z"})
    cluster = ClusterInMemory(NOW, rolling, pod())
    with pytest.raises(FederationError, match="FED606.*not been noticed"):
        restarted(cluster, since="2026-01-31T11:00:00Z")
    assert not cluster.writes


def test_two_restarts_in_one_second_are_two():
    cluster = ClusterInMemory(NOW, deployment(annotations={RESTARTED: "2026-01-31T12:00:00Z"}), pod())
    restarted(cluster)
    assert annotation(cluster) == "2026-01-31T12:00:01Z"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"updatedReplicas": 0}, "0 of 1 pods are new"),
        ({"replicas": 2}, "1 former pods are still there"),
        ({"availableReplicas": 0}, "0 of 1 new pods are available"),
    ],
)
def test_a_roll_out_is_done_when_all_pods_are_new_and_available(status, said):
    cluster = ClusterInMemory(NOW, deployment(**status), pod())
    with pytest.raises(FederationError, match=f"FED606.*{said}"):
        restarted(cluster)
    assert restarted(cluster, soft=True, since="2026-01-31T09:00:00Z")["waiting_for"] == [f"istiod: {said}"]


def test_a_roll_out_that_kubernetes_gave_up_fails_at_once():
    stuck = deployment(
        updatedReplicas=0,
        conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out"}],
    )
    with pytest.raises(FederationError, match="FED606.*timed out"):
        restarted(ClusterInMemory(NOW, stuck, pod()), wait_timeout=600)


def test_without_a_deployment_there_is_nothing_to_restart():
    with pytest.raises(FederationError, match="FED607"):
        restarted(ClusterInMemory(NOW))


def test_a_time_that_is_none_is_refused():
    with pytest.raises(FederationError, match="FED608"):
        restarted(ClusterInMemory(NOW, deployment(), pod()), since="yesterday")


def test_what_is_documented_as_returned_is_returned():
    import yaml

    result = restarted(ClusterInMemory(NOW, deployment(), pod()))
    assert set(yaml.safe_load(istiod.RETURN)) <= set(result)
