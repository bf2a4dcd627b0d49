# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Workloads that really roll, and control planes that go up: kube-controller-manager, kube-scheduler, kwok, and the
test mesh's operator.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.administrators import Administrator, until
from integration.crashing import kill_tree

from testbed import MeshSpec, Testbed
from testbed.client import Mesh
from testbed.controllers import NEVER_READY, NODES

SPACES = ("desk", "shop")
INJECTED = {"sidecar.istio.io/inject": "true"}
CHARTS = {"v2.0": "2.0.11", "v2.1": "2.1.6", "v2.2": "2.2.13", "v2.3": "2.3.11"}
OLD, NEW, NEWEST = CHARTS["v2.1"], CHARTS["v2.2"], CHARTS["v2.3"]
# A whole upgrade: so many workloads by their kinds, in so many namespaces, by runs of which so many are killed.
ESTATE = {"Deployment": 30, "StatefulSet": 5, "DaemonSet": 2}
ESTATE_SPACES = tuple(f"team-{number}" for number in range(6))
DEATHS = 10
MIXER = {"policy": {"type": "Mixer"}, "telemetry": {"type": "Mixer"}, "addons": {"3scale": {"enabled": True}}}


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """Two meshes in one cluster whose workloads really roll."""
    specs = [
        MeshSpec("east", version="v2.1", members=SPACES, services={}),
        MeshSpec("grown", cluster="east", version="v2.0", members=ESTATE_SPACES, services={}),
    ]
    with Testbed.start(tmp_path_factory.mktemp("rolling"), meshes=specs, controllers=True, openshift=True) as started:
        yield started


@pytest.fixture(scope="module")
def mesh(bed: Testbed) -> Mesh:
    """A mesh of 2.1 with two member namespaces: five Deployments, two StatefulSets (one of them on deletion), a
    DaemonSet and a bare pod.
    """
    east = bed.meshes["east"]
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
    return east


def place(name: str, namespace: str) -> dict:
    return {"name": name, "namespace": namespace}


def workload(kind: str, name: str, namespace: str, **spec: object) -> dict:
    own = {"app": name}
    template = {
        "metadata": {"labels": own, "annotations": INJECTED},
        "spec": {"containers": [{"name": "app", "image": f"registry.test/{name}"}]},
    }
    counted = {} if kind == "DaemonSet" else {"replicas": 2}
    named = {"serviceName": name} if kind == "StatefulSet" else {}
    body = {**counted, **named, "selector": {"matchLabels": own}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": place(name, namespace), "spec": body}


def change(mesh: Mesh, spec: dict, charts: str) -> None:
    """Change a control plane's spec as somebody else would, and return when the operator is done with it."""
    mesh.kube.merge("ServiceMeshControlPlane", "basic", mesh.namespace, {"spec": spec})

    def is_done() -> bool:
        live = mesh.kube.get("ServiceMeshControlPlane", "basic", mesh.namespace)
        return (live["status"]["observedGeneration"], live["status"]["chartVersion"]) == (
            live["metadata"]["generation"],
            charts,
        )

    until(is_done, f"the control plane is at {charts}")


def sidecars(mesh: Mesh, spaces: tuple[str, ...] = SPACES) -> dict[str, str]:
    """Return the version of each sidecar that runs, by namespace/pod."""
    return {
        f"{live['metadata']['namespace']}/{live['metadata']['name']}": (
            live["metadata"]["labels"].get("maistra-version", "none")
        )
        for space in spaces
        for live in mesh.kube.list("Pod", space)
        if (live.get("status") or {}).get("phase") == "Running" and not live["metadata"].get("deletionTimestamp")
    }


def owner_revisions(mesh: Mesh, spaces: tuple[str, ...] = SPACES) -> dict[str, int]:
    """Return how often each template has changed."""
    return {
        f"{kind} {space}/{live['metadata']['name']}": live["metadata"]["generation"]
        for space in spaces
        for kind in ("Deployment", "StatefulSet", "DaemonSet")
        for live in mesh.kube.list(kind, space)
    }


def playbook(folder: Path, **options: object) -> str:
    task = {
        "mesh": "east",
        "kubeconfig": "{{ mesh_kubeconfig }}",
        "state": "restarted",
        "wait": True,
        "wait_timeout": 120,
        **options,
    }
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
    change(mesh, {"version": "v2.2"}, NEW)
    planned = admin.play(playbook(tmp_path), "--check", "--diff")
    assert planned.changed("east") == 1 and "Deployment shop/cart: 2 pods of 2.1.6" in planned.output
    assert owner_revisions(mesh) == before

    # Killed once the first namespace is done, in the middle of the second.
    running = admin.start(playbook(tmp_path), output=tmp_path / "printed")
    until(
        lambda: owner_revisions(mesh)["Deployment shop/cart"] > before["Deployment shop/cart"],
        "the second namespace has begun",
    )
    kill_tree(running.pid)
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
    until(
        lambda: mesh.kube.get("Deployment", "full", "desk").get("status", {}).get("availableReplicas") == NODES,
        "full is up",
    )
    # This one was broken before anybody restarted it.
    mesh.kube.merge(
        "Deployment", "stock", "shop", {"spec": {"template": {"metadata": {"annotations": {NEVER_READY: "true"}}}}}
    )
    change(mesh, {"version": "v2.3"}, NEWEST)
    before = owner_revisions(mesh)
    done = admin.play(playbook(tmp_path), must_pass=False)
    assert "FED617" in done.output and "Deployment desk/full: does not come back" in done.output
    after = owner_revisions(mesh)
    assert {name for name in after if " shop/" in name and after[name] != before[name]} == set()

    room = {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}}
    mesh.kube.merge("Deployment", "full", "desk", room)
    done = admin.play(playbook(tmp_path, batch=3))
    assert "Deployment shop/stock" in done.output and "was not restarted here" in done.output
    old = {pod.rsplit("-", 2)[0] for pod, version in sidecars(mesh).items() if version != NEWEST}
    assert old == {"shop/debug", "shop/stock"}
    assert owner_revisions(mesh)["Deployment desk/full"] == after["Deployment desk/full"] + 1, (
        "fixed by hand, not restarted again"
    )


def test_a_deployment_config_is_rolled_out_anew_waited_for_and_left_alone_while_it_is_paused(
    mesh: Mesh, tmp_path: Path, collections: str
) -> None:
    admin = Administrator(tmp_path, collections, {"east": {"mesh_kubeconfig": mesh.kubeconfig}})
    admin.play(playbook(tmp_path, batch=9))

    def config(name: str) -> dict:
        body = workload("DeploymentConfig", name, "desk")
        return {**body, "apiVersion": "apps.openshift.io/v1", "spec": {**body["spec"], "selector": {"app": name}}}

    def is_rolled(name: str, version: int) -> bool:
        status = mesh.kube.get("DeploymentConfig", name, "desk")["status"]
        return status["latestVersion"] == version and status.get("availableReplicas") == 2

    for name in ("legacy", "frozen"):
        mesh.kube.create(config(name))
        until(lambda name=name: is_rolled(name, 1), f"{name} runs")
    mesh.kube.merge("DeploymentConfig", "frozen", "desk", {"spec": {"paused": True}})
    # They are told by the label that injection sets; here as if they had come before the last upgrade.
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    time.sleep(2)
    conditions = mesh.kube.get("ServiceMeshControlPlane", "basic", mesh.namespace)["status"]["conditions"]
    later = [
        {**entry, "lastTransitionTime": moment} if entry["type"] in ("Reconciled", "Ready") else entry
        for entry in conditions
    ]
    mesh.kube.merge("ServiceMeshControlPlane", "basic", mesh.namespace, {"status": {"conditions": later}}, "status")
    for live in mesh.kube.list("Pod", "desk", "deploymentconfig"):
        mesh.kube.merge("Pod", live["metadata"]["name"], "desk", {"metadata": {"labels": {"maistra-version": "2.1.0"}}})

    done = admin.play(playbook(tmp_path))
    assert "DeploymentConfig desk/frozen: 2 pods of 2.1.0; is paused" in done.output
    assert is_rolled("legacy", 2) and is_rolled("frozen", 1)
    left = {
        live["metadata"]["labels"]["deploymentconfig"]
        for live in mesh.kube.list("Pod", "desk", "maistra-version=2.1.0")
    }
    assert left == {"frozen"}
    admin.play(playbook(tmp_path))
    assert is_rolled("legacy", 2), "not again"
    for name in ("legacy", "frozen"):
        mesh.kube.delete("DeploymentConfig", name, "desk")


@pytest.mark.long
def test_an_upgrade_from_2_0_with_mixer_that_is_killed_again_and_again_restarts_each_workload_once_per_step(
    bed: Testbed, tmp_path: Path, collections: str
) -> None:
    mesh, spaces = bed.meshes["grown"], ESTATE_SPACES
    change(mesh, MIXER, CHARTS["v2.0"])
    components = {live["metadata"]["name"] for live in mesh.kube.list("Deployment", mesh.namespace)}
    assert {"istio-policy", "istio-telemetry", "3scale-istio-adapter"} < components
    for kind, count in ESTATE.items():
        for number in range(count):
            strategy = {"strategy": {"type": "Recreate"}} if kind == "Deployment" and number % 4 == 3 else {}
            mesh.kube.create(workload(kind, f"{kind.lower()}-{number}", spaces[number % len(spaces)], **strategy))
    pods = 2 * (ESTATE["Deployment"] + ESTATE["StatefulSet"]) + NODES * ESTATE["DaemonSet"]
    until(lambda: len(sidecars(mesh, spaces)) == pods, "all pods run")
    assert set(sidecars(mesh, spaces).values()) == {"none"}, "2.0 labels nothing"
    before = owner_revisions(mesh, spaces)
    admin = Administrator(tmp_path, collections, {"grown": {"mesh_kubeconfig": mesh.kubeconfig}})
    wanted = {"upgrade_to": "v2.3", "upgrade_remove_mixer": True, "upgrade_restart": True, "upgrade_batch": 4}

    def restarts() -> int:
        return sum(owner_revisions(mesh, spaces).values()) - sum(before.values())

    deaths = []
    for number, point in enumerate(sorted(random.Random(7).sample(range(1, 3 * len(before)), DEATHS))):
        running = admin.start("upgrade", "-e", json.dumps(wanted), output=tmp_path / "printed")
        until(
            lambda point=point: restarts() >= point or running.poll() is not None,
            f"{point} workloads are restarted",
            400,
        )
        assert running.poll() is None, (tmp_path / "printed").read_text(encoding="utf-8")
        if number % 2:
            kill_tree(running.pid)
        else:
            # The module that it had started leads a session of its own, goes on to its end, and meets the next run.
            os.kill(running.pid, signal.SIGKILL)
        running.wait(30)
        deaths.append(mesh.kube.get("ServiceMeshControlPlane", "basic", mesh.namespace)["spec"]["version"])
    assert set(deaths) == {"v2.1", "v2.2", "v2.3"}, "the points lie on the whole way"
    done = admin.play("upgrade", variables=wanted)
    assert set(sidecars(mesh, spaces).values()) == {CHARTS["v2.3"]}
    steps = {name: after - before[name] for name, after in owner_revisions(mesh, spaces).items()}
    assert set(steps.values()) == {3}, f"once for each of 2.1, 2.2 and 2.3: {steps}"
    left = {live["metadata"]["name"] for live in mesh.kube.list("Deployment", mesh.namespace)}
    assert left == components - {"istio-policy", "istio-telemetry", "3scale-istio-adapter"}
    assert "restarted" in done.output
    spec = mesh.kube.get("ServiceMeshControlPlane", "basic", mesh.namespace)["spec"]
    assert spec["policy"]["type"] == spec["telemetry"]["type"] == "Istiod" and "3scale" not in spec.get("addons", {})
    assert admin.play("upgrade", variables=wanted).changed("grown") == 0
