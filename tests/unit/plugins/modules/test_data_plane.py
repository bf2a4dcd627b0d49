# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``data_plane`` against a cluster in memory in which workloads come back when they are told to,
or do not.
"""

from __future__ import annotations

import copy
from datetime import timedelta
from types import SimpleNamespace

import pytest
from ansible_collections.ossm.federation.plugins.module_utils import _restarting
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.data_plane import (
    Newest,
    is_old,
    sidecar_version,
    under_way,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.live import ControlPlane
from ansible_collections.ossm.federation.plugins.module_utils._core.control_plane.rollout import RESTARTED_AT
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.moments import time_text
from ansible_collections.ossm.federation.plugins.module_utils._options import MESH
from ansible_collections.ossm.federation.plugins.modules import data_plane
from ansible_collections.ossm.federation.tests.unit.cluster_in_memory import ClusterInMemory
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SPACE = "east-mesh-system"
OLD, NEW = "2.1.6", "2.2.13"
YESTERDAY, LATER = time_text(NOW - timedelta(days=1)), time_text(NOW + timedelta(minutes=5))


def asked(check_mode, params):
    return RunInMemory(MESH, data_plane.OPTIONS, check_mode=check_mode, is_quiet=True, **{"mesh": "east", **params})


class Rolling(ClusterInMemory):
    """Rolls what is restarted out between two looks: first all pods are new and none is up, then they are; ``stuck``
    stay where they are.
    """

    def __init__(self, *objects):
        super().__init__(NOW, *objects)
        self.order, self.stuck = [], set()

    def put(self, manifest):
        manifest["metadata"].setdefault("resourceVersion", "1")
        super().put(manifest)

    def touch(self, kind, namespace, name):
        """Change an object as somebody else would; return it."""
        live = self._objects[(kind, namespace, name)]
        live["metadata"]["resourceVersion"] = str(int(live["metadata"]["resourceVersion"]) + 1)
        return live

    def merge_patch(self, kind, namespace, name, patch, manager=""):
        read = patch.get("metadata", {}).get("resourceVersion")
        if read and read != self._objects[(kind.name, namespace, name)]["metadata"]["resourceVersion"]:
            raise FederationError("FED109", where=name, what="changed", fix="")
        self.order.append(f"{kind.name} {namespace}/{name}")
        patch = {**patch, "metadata": {**patch.get("metadata", {}), "resourceVersion": str(len(self.order) + 100)}}
        live = super().merge_patch(kind, namespace, name, patch, manager)
        self._objects[(kind.name, namespace, name)]["metadata"]["generation"] += 1 if "spec" in patch else 0
        return live

    def delete(self, kind, namespace, name, uid):
        self.order.append(f"{kind.name} {namespace}/{name}")
        owner = self._objects[(kind.name, namespace, name)]["metadata"]["ownerReferences"][0]
        super().delete(kind, namespace, name, uid)
        self.put(pod(f"{name}", namespace, owner["kind"], owner["name"], NEW))
        self._objects[(owner["kind"], namespace, owner["name"])]["status"].update(readyReplicas=0, numberAvailable=0)
        return True

    def create_below(self, kind, namespace, name, subresource, body):
        self.order.append(f"{kind.name} {namespace}/{name} {subresource}")
        for key, live in list(self._objects.items()):
            if key[0] == "Pod" and live["metadata"]["labels"].get("of") == name:
                live["metadata"]["labels"]["maistra-version"] = NEW

    def settle(self):
        for (kind, namespace, name), live in list(self._objects.items()):
            if kind in ("Deployment", "StatefulSet", "DaemonSet") and name not in self.stuck:
                status, count = live["status"], live["spec"]["replicas"]
                if status["observedGeneration"] == live["metadata"]["generation"]:
                    status.update(availableReplicas=count, readyReplicas=count, numberAvailable=count)
                else:
                    status["observedGeneration"] = live["metadata"]["generation"]
                    status.update(availableReplicas=0, readyReplicas=0, numberAvailable=0)
                    for (of, place, _pod), found in self._objects.items():
                        if of == "Pod" and place == namespace and found["metadata"]["labels"].get("of") == name:
                            found["metadata"]["labels"]["maistra-version"] = NEW


def plane(version=NEW):
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": time_text(NOW)} for kind in ("Reconciled", "Ready")
    ]
    return {
        "apiVersion": "maistra.io/v2",
        "kind": "ServiceMeshControlPlane",
        "metadata": {"name": "basic", "namespace": SPACE, "generation": 1},
        "spec": {"version": "v2.2"},
        "status": {"chartVersion": version, "observedGeneration": 1, "conditions": conditions},
    }


def roll(*members):
    metadata = {"name": "default", "namespace": SPACE}
    return {
        "apiVersion": "maistra.io/v1",
        "kind": "ServiceMeshMemberRoll",
        "metadata": metadata,
        "status": {"configuredMembers": list(members)},
    }


def pod(name, namespace, owner_kind, owner, version, made=YESTERDAY, phase="Running", labels=None):
    own = {"of": owner, **({"maistra-version": version} if version else {}), **(labels or {})}
    references = [{"kind": owner_kind, "name": owner, "controller": True}] if owner_kind else []
    metadata = {
        "name": name,
        "namespace": namespace,
        "labels": own,
        "creationTimestamp": made,
        "ownerReferences": references,
    }
    metadata["annotations"] = {"sidecar.istio.io/status": "{}"}
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "istio-proxy"}]},
        "status": {"phase": phase},
    }


def workload(kind, name, namespace="shop", version=OLD, count=2, strategy="RollingUpdate", **spec):
    status = {
        "observedGeneration": 1,
        "replicas": count,
        "updatedReplicas": count,
        "availableReplicas": count,
        "readyReplicas": count,
    }
    status |= {"desiredNumberScheduled": count, "updatedNumberScheduled": count, "numberAvailable": count}
    metadata = {"name": name, "namespace": namespace, "generation": 1}
    if kind != "Deployment":
        spec["updateStrategy"] = {"type": strategy}
    body = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"replicas": count, "template": {"metadata": {}}, **spec},
        "status": status,
    }
    pods = [pod(f"{name}-{number}", namespace, kind, name, version) for number in range(count)]
    return [body, *pods]


def deployment(name, namespace="shop", version=OLD, **spec):
    """A Deployment owns its pods through a ReplicaSet."""
    body, *pods = workload("Deployment", name, namespace, version, **spec)
    between = f"{name}-5f7"
    for each in pods:
        each["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": between, "controller": True}]
    metadata = {
        "name": between,
        "namespace": namespace,
        "ownerReferences": [{"kind": "Deployment", "name": name, "controller": True}],
    }
    return [body, *pods, {"kind": "ReplicaSet", "metadata": metadata}]


@pytest.fixture(autouse=True)
def settling(monkeypatch):
    """Between two looks the cluster does its work; time passes only there."""
    clusters, passed = [], [0.0]

    def sleep(seconds):
        passed[0] += seconds
        for cluster in clusters:
            cluster.settle()

    monkeypatch.setattr(_restarting, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: passed[0]))
    return clusters


@pytest.fixture
def cluster(settling):
    def make(*parts, members=("shop", "desk")):
        made = Rolling(
            plane(), roll(*members), *[live for part in parts for live in (part if isinstance(part, list) else [part])]
        )
        settling.append(made)
        return made

    return make


def run(cluster, check_mode=False, **params):
    return data_plane.run(asked(check_mode, params), cluster, NOW)


def restart(cluster, **params):
    return run(cluster, state="restarted", wait=True, **params)


def test_old_sidecars_are_found_with_their_owners_and_nothing_is_restarted(cluster):
    found = cluster(deployment("cart"), deployment("pay", version=NEW))
    seen = run(found)
    assert seen["pods"] == {"sidecars": 4, "old": 2} and not seen["changed"] and not found.order
    assert {entry["owner"] for entry in seen["old"]} == {"Deployment shop/cart"}
    assert seen["lines"] == ["2 pods with a sidecar other than 2.2.13", "Deployment shop/cart: 2 pods of 2.1.6"]


def test_workloads_are_restarted_namespace_by_namespace_and_then_nothing_is_left(cluster):
    found = cluster(deployment("cart"), workload("StatefulSet", "db"), workload("DaemonSet", "agent", "desk"))
    done = restart(found)
    assert found.order == ["DaemonSet desk/agent", "Deployment shop/cart", "StatefulSet shop/db"]
    assert done["changed"] and done["pods"]["old"] == 0
    again = restart(found)
    assert not again["changed"] and len(found.order) == 3


def test_so_many_at_a_time_are_restarted(cluster):
    found = cluster(*(deployment(f"cart-{number}") for number in range(5)))
    found.stuck = {"cart-0", "cart-1"}
    with pytest.raises(FederationError, match="FED616"):
        restart(found, batch=2, wait_timeout=0)
    assert found.order == ["Deployment shop/cart-0", "Deployment shop/cart-1"]
    with pytest.raises(FederationError, match="cart-0.*not been noticed"):
        restart(found, batch=2, wait_timeout=0)
    assert len(found.order) == 2, "what is under way is waited for and not restarted again"
    found.stuck = set()
    found.settle()
    assert restart(found, batch=2)["pods"]["old"] == 0
    assert sorted(found.order) == [f"Deployment shop/cart-{number}" for number in range(5)]


def test_the_first_that_does_not_come_back_stops_the_run(cluster):
    found = cluster(deployment("cart"), deployment("pay"))
    restarted = found._objects[("Deployment", "shop", "cart")]
    restarted["status"] |= {
        "updatedReplicas": 1,
        "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out"}],
    }
    restarted["spec"]["template"]["metadata"]["annotations"] = {RESTARTED_AT: time_text(NOW)}
    with pytest.raises(
        FederationError, match="FED617 Deployment shop/cart: does not come back: timed out; 1 of 2 pods are new"
    ) as stopped:
        restart(found)
    assert found.order == [] and stopped.value.facts["pods"]["old"] == 4


def test_a_set_that_is_updated_on_deletion_loses_one_pod_after_the_other(cluster):
    found = cluster(workload("StatefulSet", "db", strategy="OnDelete"))
    assert restart(found)["pods"]["old"] == 0
    assert found.order == ["StatefulSet shop/db", "Pod shop/db-0", "Pod shop/db-1"]
    assert found._objects[("StatefulSet", "shop", "db")]["metadata"]["generation"] == 1, "its template stays"


def test_a_deployment_config_is_rolled_out_by_a_request(cluster):
    config = {
        "kind": "DeploymentConfig",
        "metadata": {"name": "web", "namespace": "shop", "generation": 1},
        "spec": {"replicas": 1},
    }
    config["status"] = {"observedGeneration": 1, "availableReplicas": 1}
    controller = {
        "name": "web-1",
        "namespace": "shop",
        "ownerReferences": [{"kind": "DeploymentConfig", "name": "web", "controller": True}],
    }
    own = pod("web-1-x", "shop", "ReplicationController", "web-1", OLD, labels={"of": "web"})
    found = cluster(config, {"kind": "ReplicationController", "metadata": controller}, own)
    restart(found)
    assert found.order == ["DeploymentConfig shop/web instantiate"]


def test_what_nobody_would_make_again_is_told_and_left_alone(cluster):
    paused = deployment("slow", paused=True)
    job = pod("report-x", "shop", "Job", "report", OLD)
    found = cluster(pod("debug", "shop", "", "", OLD), job, paused, pod("odd-1", "shop", "Thing", "odd", OLD))
    done = restart(found)
    told = {entry["owner"]: entry["reason"] for entry in done["left_alone"]}
    assert set(told) == {"Pod shop/debug", "Job shop/report", "Deployment shop/slow", "Thing shop/odd"}
    assert "paused" in told["Deployment shop/slow"] and not done["changed"] and not found.order


def test_a_pod_that_is_made_anew_and_still_old_is_not_restarted_for_ever(cluster):
    body, *pods = workload("StatefulSet", "db")
    for each in pods:
        each["metadata"]["creationTimestamp"] = LATER
    done = restart(cluster([body, *pods]))
    assert not done["changed"] and "another control plane injects it" in done["left_alone"][0]["reason"]


WRITTEN = {
    "metadata": {"annotations": {"sidecar.istio.io/status": "{}"}},
    "spec": {"containers": [{"name": "cart"}, {"name": "istio-proxy"}]},
}


@pytest.mark.parametrize(
    ("template", "labels", "status", "says"),
    [
        (WRITTEN, {}, "{}", "its template has the container istio-proxy itself"),
        (WRITTEN, {"istio.io/rev": "other"}, "{}", "its template has the container istio-proxy itself"),
        ({"metadata": {}}, {"istio.io/rev": "other"}, "{}", "the injector other gave them their sidecar"),
        (
            {"metadata": {}},
            {"istio.io/rev": "basic"},
            '{"revision": "canary"}',
            "the injector canary gave them their sidecar",
        ),
        (
            {"metadata": {}},
            {"istio.io/rev": "basic"},
            "{}",
            "another control plane injects it; find out which webhook does",
        ),
        (
            {"metadata": {}},
            {"istio.io/rev": "\x1b[2J"},
            "[" * 100_000,
            "another control plane injects it; find out which webhook does",
        ),
    ],
)
def test_where_a_sidecar_comes_from_that_stays_old_is_told_with_what_to_do(cluster, template, labels, status, says):
    body, *pods = workload("Deployment", "cart", count=1)
    body["spec"]["template"] = template
    for each in pods:
        each["metadata"]["creationTimestamp"] = LATER
        each["metadata"]["labels"] |= labels
        each["metadata"]["annotations"]["sidecar.istio.io/status"] = status
    done = restart(cluster([body, *pods]))
    reason = done["left_alone"][0]["reason"]
    assert not done["changed"] and reason.startswith("is not injected by this control plane: ") and says in reason


def test_a_template_with_a_sidecar_is_restarted_once_since_injection_may_replace_it(cluster):
    body, *pods = workload("Deployment", "cart", count=1)
    body["spec"]["template"] = copy.deepcopy(WRITTEN)
    assert restart(cluster([body, *pods]))["restarted"] == ["Deployment shop/cart"]


def test_check_mode_shows_every_workload_and_restarts_none(cluster):
    found = cluster(deployment("cart"), workload("StatefulSet", "db"))
    planned = run(found, check_mode=True, state="restarted", wait=True)
    assert [change["name"] for change in planned["changes"]] == ["cart", "db"] and not found.order
    assert RESTARTED_AT in planned["diff"][0]["after"]


def test_finished_pods_gateways_and_other_namespaces_do_not_count(cluster):
    gateway = pod("gateway", SPACE, "Deployment", "gateway", OLD)
    gateway["metadata"]["annotations"] = {}
    ended = pod("ended", "shop", "Job", "job", OLD, phase="Succeeded")
    assert run(cluster(gateway, ended, deployment("cart", "elsewhere")))["pods"] == {"sidecars": 0, "old": 0}


def test_a_namespace_that_is_not_of_the_mesh_is_refused(cluster):
    with pytest.raises(FederationError, match="FED432"):
        run(cluster(), namespaces=["elsewhere"])


@pytest.mark.parametrize(
    ("version", "label", "image", "chosen", "expected"),
    [
        ("2.2.13", "2.2.13", "r/p:1", False, False),
        ("2.2.13", "2.2.12", "r/p:1", False, True),
        ("2.2.13", "", "r/p:1", False, True),
        ("2.0.11", "", "r/p:1", False, False),
        ("2.0.11", "", "r/p:0", False, True),
        ("2.0.11", "", "r/p:0", True, False),
        ("", "2.2.13", "r/p:1", False, False),
    ],
)
def test_what_is_old_is_told_by_the_label_and_on_2_0_by_the_image(version, label, image, chosen, expected):
    own = pod("p", "shop", "Deployment", "d", label)
    own["spec"]["containers"][0]["image"] = image
    if chosen:
        own["metadata"]["annotations"]["sidecar.istio.io/proxyImage"] = image
    assert is_old(own, Newest(version, "r/p:1")) is expected


@pytest.mark.parametrize(
    ("labels", "annotated", "phase", "version"),
    [
        ({"maistra-version": "2.1.6"}, True, "Running", (2, 1)),
        ({}, True, "Running", (2, 0)),
        ({"maistra-version": "2.1.6"}, True, "Succeeded", None),
        ({}, False, "Running", None),
    ],
)
def test_a_sidecar_is_as_old_as_its_label_and_without_one_from_2_0(labels, annotated, phase, version):
    annotations = {"sidecar.istio.io/status": "{}"} if annotated else {}
    pod = {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {"containers": [{"name": "istio-proxy"}]},
        "status": {"phase": phase},
    }
    assert sidecar_version(pod) == version


def ours(*parts, **status):
    """A workload whose restart was asked for in this upgrade and whose pods are new."""
    body, *pods = parts
    body["spec"]["template"]["metadata"]["annotations"] = {RESTARTED_AT: time_text(NOW)}
    body["status"].update(status)
    return [body, *pods]


def test_one_whose_old_pods_are_gone_is_waited_for_until_it_is_up(cluster):
    found = cluster(deployment("cart"), deployment("pay"))
    found.stuck = {"pay"}
    with pytest.raises(FederationError, match="FED616.*pay: the new template"):
        restart(found, wait_timeout=10)
    assert found.order == ["Deployment shop/cart", "Deployment shop/pay"]
    down = cluster(ours(*workload("StatefulSet", "db", version=NEW, count=1), readyReplicas=0), deployment("pay"))
    down.stuck = {"db"}
    with pytest.raises(FederationError, match="FED616.*StatefulSet shop/db: 0 of 1 pods are ready"):
        restart(down, wait_timeout=10)
    assert down.order == [], "the next waits for it, though none of its pods is old"


def test_a_workload_under_way_in_one_namespace_holds_the_others_back(cluster):
    found = cluster(ours(*workload("DaemonSet", "agent", version=NEW), numberAvailable=1), deployment("mail", "desk"))
    found.stuck = {"agent"}
    with pytest.raises(FederationError, match="FED616.*agent: 1 of 2 pods are available"):
        restart(found, wait_timeout=10, batch=5)
    assert found.order == []
    found.stuck = set()
    assert [change["name"] for change in restart(found, batch=5)["changes"]] == ["mail"]


def test_what_was_broken_before_is_left_alone_and_the_others_go_on(cluster):
    broken = deployment("cart")
    broken[0]["status"].update(availableReplicas=1)
    found = cluster(broken, deployment("pay"))
    found.stuck = {"cart"}
    done = restart(found)
    assert found.order == ["Deployment shop/pay"]
    assert done["left_alone"] == [
        {
            "owner": "Deployment shop/cart",
            "reason": "is not up, and was not restarted here (1 of 2 new pods are available); once it is, run again",
        }
    ]


def test_nothing_is_restarted_before_the_control_plane_is_ready(cluster, settling):
    found = cluster(deployment("cart"))
    conditions = found._objects[("ServiceMeshControlPlane", SPACE, "basic")]["status"]["conditions"]
    conditions[1].update(status="False", reason="ComponentsNotReady", message="istiod is gone")
    seen = run(found, state="restarted")
    assert not found.order and not seen["changed"]
    assert seen["waiting_for"] == [f"ServiceMeshControlPlane {SPACE}/basic: ComponentsNotReady: istiod is gone"]
    with pytest.raises(FederationError, match="FED433.*istiod is gone"):
        restart(found, wait_timeout=10)
    conditions[0].update(status="False", reason="ValidationError", message="no such version")
    with pytest.raises(FederationError, match="FED433.*no such version"):
        run(found, state="restarted")

    class Fixed:
        def settle(self):
            conditions[0].update(status="True")
            conditions[1].update(status="True")

    conditions[0].update(reason="")
    settling.append(Fixed())
    assert restart(found)["pods"]["old"] == 0 and found.order == ["Deployment shop/cart"]


def test_a_roll_out_that_ends_between_two_reads_is_not_begun_again(cluster):
    found = cluster(deployment("cart"))
    listed = found.list

    def late(kind, namespace, selector=None, keep=None):
        seen = listed(kind, namespace, selector, keep)
        if kind.name == "Pod" and namespace == "shop":
            for (of, _place, _name), live in found._objects.items():
                if of == "Pod":
                    live["metadata"].update(
                        uid="another", labels={**live["metadata"]["labels"], "maistra-version": NEW}
                    )
        return seen

    found.list = late
    assert not restart(found)["changed"] and not found.order


def test_what_another_run_restarts_between_reading_and_writing_is_not_restarted_again(cluster):
    found = cluster(deployment("cart"))
    stayed = data_plane.Surveyor.has_stayed

    def late(surveyor, workload):
        # A playbook that is killed leaves the module that it had started.
        answer = stayed(surveyor, workload)
        live = found.touch("Deployment", "shop", "cart")
        live["spec"]["template"]["metadata"]["annotations"] = {RESTARTED_AT: LATER}
        live["metadata"]["generation"] += 1
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(data_plane.Surveyor, "has_stayed", late)
        done = restart(found)
    assert not done["changed"] and not done["restarted"] and not found.order
    assert done["pods"]["old"] == 0, "it was waited for all the same"


def test_a_restart_whose_answer_was_lost_counts_as_done(cluster):
    found = cluster(deployment("cart"))
    merge = found.merge_patch

    def lost(*arguments, **named):
        merge(*arguments, **named)
        return merge(*arguments, **named)  # what the connection does when it was cut after the first

    found.merge_patch = lost
    assert restart(found)["restarted"] == ["Deployment shop/cart"] and found.order == ["Deployment shop/cart"]


def test_a_pod_that_another_run_deletes_first_is_not_waited_for_in_vain(cluster):
    found = cluster(workload("StatefulSet", "db", strategy="OnDelete"))
    delete, calls = found.delete, []

    def second(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            delete(*arguments)
            raise FederationError("FED109", where="db-0", what="replaced", fix="")
        return delete(*arguments)

    found.delete = second
    assert restart(found)["pods"]["old"] == 0 and len(calls) == 2


def test_a_set_that_holds_some_pods_back_is_left_alone(cluster):
    held = workload("StatefulSet", "db")
    held[0]["spec"]["updateStrategy"]["rollingUpdate"] = {"partition": 1}
    done = restart(cluster(held))
    assert "partition" in done["left_alone"][0]["reason"] and not done["changed"]


def knative(revision, **spec):
    metadata = {"name": "shown", "namespace": "shop", "generation": 1}
    status = {"observedGeneration": 1, "latestCreatedRevisionName": revision, "latestReadyRevisionName": revision}
    service = {
        "kind": "Service",
        "metadata": metadata,
        "spec": {"template": {"metadata": {}}, **spec},
        "status": status,
    }
    labels = {"serving.knative.dev/service": "shown", "serving.knative.dev/revision": "shown-1"}
    return [service, pod("shown-1-x", "shop", "ReplicaSet", "shown-1-abc", OLD, labels=labels)]


def test_a_knative_service_gets_one_new_revision_and_its_former_is_left_to_end(cluster):
    found = cluster(knative("shown-1"))
    with pytest.raises(FederationError, match="FED616.*new revision"):
        restart(found, wait_timeout=10)
    live = found._objects[("Service", "shop", "shown")]
    live["status"].update(observedGeneration=2, latestCreatedRevisionName="shown-2", latestReadyRevisionName="shown-2")
    done = restart(found)
    assert found.order == ["Service shop/shown"] and "former revision" in done["left_alone"][0]["reason"]
    named = knative("shown-1")
    named[0]["spec"]["template"]["metadata"]["name"] = "shown-1"
    assert "names its revision" in restart(cluster(named))["left_alone"][0]["reason"]


@pytest.mark.parametrize(("moment", "code"), [(LATER, "FED617"), (YESTERDAY, "")])
def test_a_deployment_config_whose_rollout_failed_stops_the_run_when_it_failed_in_this_upgrade(cluster, moment, code):
    failed = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": "web-2 has failed",
        "lastUpdateTime": moment,
    }
    config = {
        "kind": "DeploymentConfig",
        "metadata": {"name": "web", "namespace": "shop", "generation": 1},
        "spec": {"replicas": 1},
    }
    config["status"] = {"observedGeneration": 1, "availableReplicas": 1, "conditions": [failed]}
    controller = {
        "name": "web-1",
        "namespace": "shop",
        "ownerReferences": [{"kind": "DeploymentConfig", "name": "web", "controller": True}],
    }
    found = cluster(
        config,
        {"kind": "ReplicationController", "metadata": controller},
        pod("web-1-x", "shop", "ReplicationController", "web-1", OLD),
    )
    if code:
        with pytest.raises(
            FederationError, match=f"{code} DeploymentConfig shop/web: does not come back: web-2 has failed"
        ):
            restart(found)
    else:
        assert "was not restarted here" in restart(found)["left_alone"][0]["reason"]
    assert not found.order


class Killed(Exception):
    """The run died."""


ESTATES = st.lists(
    st.tuples(
        st.sampled_from(("Deployment", "StatefulSet", "DaemonSet", "OnDelete")),
        st.sampled_from(("desk", "mill", "shop")),
    ),
    min_size=1,
    max_size=9,
)


@settings(
    max_examples=settings.default.max_examples // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(estate=ESTATES, batch=st.integers(1, 4), deaths=st.lists(st.integers(1, 40), max_size=3))
def test_however_often_a_run_dies_each_workload_is_restarted_once_and_no_more_than_allowed_at_a_time(
    settling, estate, batch, deaths
):
    settling.clear()
    parts, pods = [], 0
    for number, (kind, space) in enumerate(estate):
        name = f"w{number}"
        made = (
            deployment(name, space)
            if kind == "Deployment"
            else workload("StatefulSet" if kind == "OnDelete" else kind, name, space)
        )
        if kind == "OnDelete":
            made[0]["spec"]["updateStrategy"] = {"type": "OnDelete"}
            pods += 2
        parts += made
    found = Rolling(plane(), roll("desk", "mill", "shop"), *parts)
    settling.append(found)
    surveyor = data_plane.Surveyor(found, ["desk", "mill", "shop"], Newest(NEW, "", NOW), restarts=True)
    merge, delete = found.merge_patch, found.delete
    left = [0]

    def dying(write):
        def written(*arguments, **named):
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            answer = write(*arguments, **named)
            running = under_way(surveyor.look().workloads)
            assert len(running) <= batch and len({each.owner.namespace for each in running}) <= 1
            return answer

        return written

    found.merge_patch, found.delete = dying(merge), dying(delete)
    for death in deaths:
        left[0] = death
        try:
            restart(found, batch=batch)
        except Killed:
            continue
    left[0] = 0
    assert restart(found, batch=batch)["pods"]["old"] == 0
    assert len(found.order) == len(set(found.order)) == len(estate) + pods
    assert not restart(found, batch=batch)["changed"]


def test_what_would_orphan_sidecars_is_refused_while_any_runs_whatever_its_version(cluster):
    found = cluster(deployment("cart", version=NEW), deployment("mail", "desk"))
    with pytest.raises(FederationError) as refused:
        run(found, must_be_empty=True)
    assert refused.value.code == "FED434" and "4 pods with a sidecar, 2 in desk, 2 in shop" in refused.value.what
    bare = cluster(pod("job", "shop", "", "", NEW, phase="Succeeded"))
    assert run(bare, must_be_empty=True)["pods"]["sidecars"] == 0
    blind = cluster(deployment("cart"))
    listed = blind.list

    def forbidden(kind, namespace, selector=None, keep=None):
        if kind.name == "Pod" and namespace == "shop":
            raise FederationError("FED104", where="shop", what="forbidden", fix="")
        return listed(kind, namespace, selector, keep)

    blind.list = forbidden
    with pytest.raises(FederationError) as unsure:
        run(blind, must_be_empty=True)
    assert "unknown: pods in shop" in unsure.value.what


@pytest.mark.parametrize(
    ("settings", "image"),
    [
        ({"proxy": {"image": "registry.example/proxy@sha256:1"}}, "registry.example/proxy@sha256:1"),
        (
            {"proxy": {"image": "proxyv2-ubi8"}, "hub": "quay.example/mesh", "tag": "2.0.11"},
            "quay.example/mesh/proxyv2-ubi8:2.0.11",
        ),
        ({"proxy": {"image": "proxyv2-ubi8"}}, ""),
        ({}, ""),
    ],
)
def test_the_proxys_image_is_named_whole_or_put_together_of_hub_and_tag(settings, image):
    live = plane("2.0.11")
    live["metadata"]["uid"] = "u"
    live["status"]["appliedValues"] = {"istio": {"global": settings}}
    assert Newest.of(ControlPlane.read(live)).image == image
