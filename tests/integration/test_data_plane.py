# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Workloads that really roll: kube-controller-manager, kube-scheduler and kwok, and pods that are injected as they are made.

No operator runs beside them: what it would say of the control plane is written here.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from integration.administrators import Administrator

from testbed import MeshSpec, Testbed
from testbed.client import Mesh
from testbed.controllers import NEVER_READY, NODES

SPACES = ("desk", "shop")
INJECTED = {"sidecar.istio.io/inject": "true"}
OLD, NEW = "2.1.6", "2.2.13"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh of 2.1 with two member namespaces: five Deployments, two StatefulSets (one of them on deletion), a DaemonSet and a bare pod."""
    specs = [MeshSpec("east", members=SPACES, services={}, control_plane_present=False)]
    with Testbed.start(tmp_path_factory.mktemp("rolling"), meshes=specs, controllers=True) as bed:
        east = bed.meshes["east"]
        for space in SPACES:
            east.kube.merge("Namespace", space, None, {"metadata": {"labels": {"maistra.io/member-of": east.namespace}}})
        east.kube.create(
            {"apiVersion": "maistra.io/v2", "kind": "ServiceMeshControlPlane", "metadata": place("basic", east.namespace), "spec": {"version": "v2.1"}}
        )
        roll = {"apiVersion": "maistra.io/v1", "kind": "ServiceMeshMemberRoll", "metadata": place("default", east.namespace)}
        east.kube.create({**roll, "spec": {"members": list(SPACES)}})
        east.kube.merge("ServiceMeshMemberRoll", "default", east.namespace, {"status": {"configuredMembers": list(SPACES)}}, "status")
        is_at(east, OLD)
        for space, names in (("desk", ["mail", "print"]), ("shop", ["cart", "pay", "stock"])):
            for name in names:
                # Some let all pods go before new ones come: these are waited for as well.
                strategy = {"strategy": {"type": "Recreate"}} if name in ("print", "pay") else {}
                east.kube.create(workload("Deployment", name, space, **strategy))
        east.kube.create(workload("StatefulSet", "db", "shop", updateStrategy={"type": "OnDelete"}))
        east.kube.create(workload("StatefulSet", "queue", "shop"))
        east.kube.create(workload("DaemonSet", "agent", "desk"))
        bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {**place("debug", "shop"), "annotations": INJECTED}}
        east.kube.create({**bare, "spec": {"containers": [{"name": "app", "image": "registry.test/debug"}]}})
        until(lambda: len(sidecars(east)) == 2 * 5 + 2 * 2 + 3 + 1, "all pods run")
        yield east


def place(name: str, namespace: str) -> dict:
    return {"name": name, "namespace": namespace}


def workload(kind: str, name: str, namespace: str, **spec: object) -> dict:
    own = {"app": name}
    template = {"metadata": {"labels": own, "annotations": INJECTED}, "spec": {"containers": [{"name": "app", "image": f"registry.test/{name}"}]}}
    counted = {} if kind == "DaemonSet" else {"replicas": 2}
    named = {"serviceName": name} if kind == "StatefulSet" else {}
    body = {**counted, **named, "selector": {"matchLabels": own}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": place(name, namespace), "spec": body}


def is_at(mesh: Mesh, charts: str) -> None:
    """Have the control plane be ready at a version, as its operator would say it."""
    minor = ".".join(charts.split(".")[:2])
    mesh.kube.merge("ServiceMeshControlPlane", "basic", mesh.namespace, {"spec": {"version": f"v{minor}"}})
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    generation = mesh.kube.get("ServiceMeshControlPlane", "basic", mesh.namespace)["metadata"]["generation"]
    status = {
        "chartVersion": charts,
        "operatorVersion": "2.3.11",
        "observedGeneration": generation,
        "readiness": {"components": {"ready": ["istiod"], "pending": [], "unready": []}},
        "conditions": [{"type": kind, "status": "True", "reason": "Done", "lastTransitionTime": now} for kind in ("Installed", "Reconciled", "Ready")],
    }
    mesh.kube.merge("ServiceMeshControlPlane", "basic", mesh.namespace, {"status": status}, "status")


def sidecars(mesh: Mesh) -> dict[str, str]:
    """Return the version of each sidecar that runs, by namespace/pod."""
    return {
        f"{live['metadata']['namespace']}/{live['metadata']['name']}": live["metadata"]["labels"].get("maistra-version", "none")
        for space in SPACES
        for live in mesh.kube.list("Pod", space)
        if (live.get("status") or {}).get("phase") == "Running" and not live["metadata"].get("deletionTimestamp")
    }


def until(is_so: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s: {what}"
        time.sleep(0.2)


def owner_revisions(mesh: Mesh) -> dict[str, int]:
    """Return how often each template has changed."""
    return {
        f"{kind} {space}/{live['metadata']['name']}": live["metadata"]["generation"]
        for space in SPACES
        for kind in ("Deployment", "StatefulSet", "DaemonSet")
        for live in mesh.kube.list(kind, space)
    }


def playbook(folder: Path, **options: object) -> str:
    task = {"mesh": "east", "kubeconfig": "{{ mesh_kubeconfig }}", "state": "restarted", "wait": True, "wait_timeout": 120, **options}
    play = {"name": "Restart", "hosts": "meshes", "connection": "local", "gather_facts": False}
    play |= {"vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
    play["tasks"] = [
        {"name": "Restart", "ossm.federation.data_plane": task, "register": "done"},
        {"name": "Show", "ansible.builtin.debug": {"msg": "{{ done.lines }}"}},
    ]
    (folder / "restart.yml").write_text(json.dumps([play]), encoding="utf-8")
    return "restart.yml"


def test_a_run_that_is_killed_goes_on_and_restarts_nothing_twice(mesh: Mesh, tmp_path: Path, collections: str) -> None:
    admin = Administrator(tmp_path, collections, {"east": {"mesh_kubeconfig": mesh.kubeconfig}})
    assert set(sidecars(mesh).values()) == {OLD}
    before = owner_revisions(mesh)
    is_at(mesh, NEW)
    planned = admin.play(playbook(tmp_path), "--check", "--diff")
    assert planned.changed("east") == 1 and "Deployment shop/cart: 2 pods of 2.1.6" in planned.output
    assert owner_revisions(mesh) == before

    # Killed once the first namespace is done, in the middle of the second.
    running = admin.start(playbook(tmp_path), output=tmp_path / "printed")
    until(lambda: owner_revisions(mesh)["Deployment shop/cart"] > before["Deployment shop/cart"], "the second namespace has begun")
    os.killpg(running.pid, signal.SIGKILL)
    running.wait(30)
    assert {pod: version for pod, version in sidecars(mesh).items() if pod.startswith("desk/")}.keys() and all(
        version == NEW for pod, version in sidecars(mesh).items() if pod.startswith("desk/")
    ), "one namespace after the other"

    done = admin.play(playbook(tmp_path, batch=2))
    assert done.changed("east") == 1 and "Pod shop/debug: 1 pod of 2.1.6; has no owner" in done.output
    assert {pod for pod, version in sidecars(mesh).items() if version == OLD} == {"shop/debug"}
    changed = {name: after - before[name] for name, after in owner_revisions(mesh).items()}
    assert changed.pop("StatefulSet shop/db") == 0, "its pods are deleted, its template stays"
    assert set(changed.values()) == {1}, f"each restarted once: {changed}"
    assert admin.play(playbook(tmp_path)).changed("east") == 0


def test_the_first_that_does_not_come_back_stops_the_run(mesh: Mesh, tmp_path: Path, collections: str) -> None:
    admin = Administrator(tmp_path, collections, {"east": {"mesh_kubeconfig": mesh.kubeconfig}})
    # One pod per node takes the node's port: the one more that a roll-out begins with has no place.
    full = workload("Deployment", "full", "desk", replicas=NODES, progressDeadlineSeconds=3)
    full["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 8099}]
    mesh.kube.create(full)
    until(lambda: mesh.kube.get("Deployment", "full", "desk").get("status", {}).get("availableReplicas") == NODES, "full is up")
    # This one was broken before anybody restarted it.
    mesh.kube.merge("Deployment", "stock", "shop", {"spec": {"template": {"metadata": {"annotations": {NEVER_READY: "true"}}}}})
    is_at(mesh, "2.2.14")
    before = owner_revisions(mesh)
    done = admin.play(playbook(tmp_path), must_pass=False)
    assert "FED617" in done.output and "Deployment desk/full: does not come back" in done.output
    after = owner_revisions(mesh)
    assert {name for name in after if " shop/" in name and after[name] != before[name]} == set()

    room = {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}}
    mesh.kube.merge("Deployment", "full", "desk", room)
    done = admin.play(playbook(tmp_path, batch=3))
    assert "Deployment shop/stock" in done.output and "was not restarted here" in done.output
    old = {pod.rsplit("-", 2)[0] for pod, version in sidecars(mesh).items() if version != "2.2.14"}
    assert old == {"shop/debug", "shop/stock"}
    assert owner_revisions(mesh)["Deployment desk/full"] == after["Deployment desk/full"] + 1, "mended by hand, not restarted again"
