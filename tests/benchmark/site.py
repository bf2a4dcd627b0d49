# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs of ``site`` and ``extend`` cost that have nothing to do, against kubernetes.core's tasks on the same
objects.

Starts two clusters with OLM alone, plays ``site`` for a mesh with ten members in each until nothing changes, and then
measures in turns: ``site``; a playbook with a ``kubernetes.core.k8s`` task per object; and one with a task per mesh,
given all its objects as one list. Then one mesh keeps 200 extensions, for ``extend`` and the list. kubernetes.core
counts an object as changed whose status moved meanwhile, as a peer's does by itself: what it changed is told by the
objects. Prints tables; run it as ``PYTHONPATH=tests python tests/benchmark/site.py`` with kubernetes.core among the
collections (``OSSM_FEDERATION_BESIDE``); `make benchmark` does. Testbed and playbooks share the machine's processors.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.estate import collections_in

from testbed import MeshSpec, Testbed
from testbed.client import Mesh
from testbed.kube import KubeError

TREE = Path(__file__).resolve().parents[2]
IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
MESHES = ("east",) if IS_SMALLEST else ("east", "west")
MEMBERS = tuple(f"team-{number}" for number in range(1 if IS_SMALLEST else 10))
EXTENSIONS, ROUNDS = (2, 1) if IS_SMALLEST else (200, 3)
PLAIN = {
    "tracing": {"type": "None"},
    "addons": {name: {"enabled": False} for name in ("kiali", "grafana", "prometheus")},
}
# Of what `site` writes: the kinds, each with the API's word for it.
KINDS = (
    "ServiceMeshMemberRoll Namespace Subscription OperatorGroup Role RoleBinding ClusterRole ClusterRoleBinding"
    " ServiceMeshControlPlane ConfigMap ServiceMeshPeer ExportedServiceSet ImportedServiceSet"
).split()[: 1 if IS_SMALLEST else None]


def inventory(bed: Testbed) -> dict:
    """Return the inventory of the meshes, each in a cluster of its own."""
    meshes, clusters = {}, {}
    for name in MESHES:
        kubeconfig = bed.meshes[name].kubeconfig
        clusters[f"{name}-cluster"] = {
            "cluster_kubeconfig": kubeconfig,
            "cluster_operators": [{"package": "servicemeshoperator", "starting_csv": "servicemeshoperator.v2.5.1"}],
        }
        meshes[name] = {
            "mesh_kubeconfig": kubeconfig,
            "federation_loopback": True,
            "mesh_cluster": f"{name}-cluster",
            "mesh_version": "v2.5",
            "mesh_trust_domain": f"{name}.local",
            "mesh_control_plane_spec": PLAIN,
            "mesh_members": list(MEMBERS),
            "mesh_admins": {"users": ["anna"]},
            "mesh_peers": [other for other in MESHES if other != name],
            "mesh_exports": [{"name": "cart", "namespace": "team-0"}],
            "mesh_imports": [{"namespace": "team-0"}],
        }
    return {"meshes": {"hosts": meshes}, "clusters": {"hosts": clusters}}


def extensions() -> list[dict]:
    """Return a mesh's extensions, spread over its members."""
    return [
        {
            "name": f"header-{number}",
            "namespace": MEMBERS[number % len(MEMBERS)],
            "selector": {"app": f"app-{number}"},
            "image": f"registry.example/header:{number}@sha256:{number:064x}",
            "phase": "STATS",
            "priority": number,
            "config": {"header": f"x-{number}", "values": [number, number + 1]},
        }
        for number in range(EXTENSIONS)
    ]


def kept_objects(mesh: Mesh, kinds: Sequence[str]) -> list[dict]:
    """Return what we keep of some kinds in a mesh's cluster, as somebody would write it down: the fields that our
    managers hold.
    """
    found = []
    for kind in kinds:
        try:
            listed = mesh.kube.list(kind)
        except KubeError as error:
            if error.status != 404:
                raise
            continue
        found += [written for live in listed if (written := as_written(live, kind))]
    return found


def as_written(live: dict, kind: str) -> dict | None:
    """Return an object with the fields that ossm.federation applied; None when it applied none."""
    ours = [
        entry
        for entry in live["metadata"].get("managedFields") or []
        if entry["manager"].startswith("ossm.federation") and not entry.get("subresource")
    ]
    if not ours:
        return None
    metadata = {key: live["metadata"][key] for key in ("name", "namespace", "labels") if key in live["metadata"]}
    bodies = {key: live[key] for key in ("spec", "data", "rules", "roleRef", "subjects") if key in live}
    return {"apiVersion": live["apiVersion"], "kind": kind, "metadata": metadata, **bodies}


def core_playbooks(folder: Path, objects: Mapping[str, list[dict]]) -> tuple[list[str], list[str]]:
    """Write both playbooks of kubernetes.core for each mesh's objects; return their words."""
    (folder / "objects.json").write_text(json.dumps({"objects": objects}), encoding="utf-8")
    common = {"state": "present", "kubeconfig": "{{ mesh_kubeconfig }}"}
    each = {
        "kubernetes.core.k8s": {**common, "resource_definition": "{{ item }}"},
        "loop": "{{ objects[inventory_hostname] }}",
    }
    each["loop_control"] = {"label": "{{ item.kind }}"}
    whole = {"kubernetes.core.k8s": {**common, "resource_definition": "{{ objects[inventory_hostname] }}"}}
    for file, task in (("each.yml", each), ("whole.yml", whole)):
        play = {
            "name": "Keep",
            "hosts": "meshes",
            "connection": "local",
            "gather_facts": False,
            "vars_files": ["objects.json"],
        }
        play |= {
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "tasks": [{"name": "Keep the objects", **task}],
        }
        (folder / file).write_text(json.dumps([play]), encoding="utf-8")
    return ["each.yml"], ["whole.yml"]


def played(folder: Path, words: Sequence[str], collections: str) -> float:
    """Run a playbook and return the seconds that it took. Ends the benchmark when it fails."""
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("ANSIBLE_", "K8S_AUTH_", "KUBE"))}
    paths = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_HOME": str(folder / ".ansible"),
    }
    begun = time.perf_counter()
    command = ["ansible-playbook", "-i", "meshes.json", *words]
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env={**kept, **paths},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    (folder / "printed").write_text(done.stdout, encoding="utf-8")
    return time.perf_counter() - begun


def unchanged(folder: Path) -> bool:
    """Return whether the last run changed nothing, by its recap."""
    recap = (folder / "printed").read_text(encoding="utf-8").partition("PLAY RECAP")[2]
    return "changed=" in recap and all(f"changed={count}" not in recap for count in range(1, 10))


def requests_of(bed: Testbed) -> int:
    """Return how many requests the API servers' audit logs tell of, but those of the testbed itself, which they leave
    out.
    """
    logs = {Path(mesh.audit_log) for mesh in bed.meshes.values()}
    return sum(len(log.read_text(encoding="utf-8").splitlines()) for log in logs)


def measured(bed: Testbed, folder: Path, collections: str, playbook: str, kinds: Sequence[str]) -> None:
    """Play one of our playbooks until nothing changes, measure it against kubernetes.core's for what it keeps of
    ``kinds``, and print a table.
    """
    hosts = json.loads((folder / "meshes.json").read_text(encoding="utf-8"))["meshes"]["hosts"]

    def kept() -> dict[str, list[dict]]:
        return {name: kept_objects(bed.meshes[name], kinds) for name in hosts}

    played(folder, [playbook], collections)
    objects = kept()
    each, whole = core_playbooks(folder, objects)
    runs = {playbook: [playbook], "kubernetes.core, a list per mesh": whole}
    if playbook == "ossm.federation.site":  # extensions are hundreds, and each task takes seconds
        runs["kubernetes.core, a task per object"] = each
    for words in () if IS_SMALLEST else runs.values():  # what each writes in its own way is written now
        played(folder, words, collections)
    times: dict[str, list[float]] = {what: [] for what in runs}
    asked = dict.fromkeys(runs, 0)
    for _round in range(ROUNDS):
        for what, words in runs.items():
            standing, before = kept(), requests_of(bed)
            times[what].append(played(folder, words, collections))
            asked[what] += requests_of(bed) - before
            if not unchanged(folder) and (what == playbook or kept() != standing):
                sys.exit(
                    f"{what} still changes something: not a run to"
                    f" compare\n{(folder / 'printed').read_text(encoding='utf-8')}"
                )
    base = statistics.median(times[playbook])
    count = sum(map(len, objects.values()))
    print(
        f"{len(hosts)} meshes with {len(MEMBERS)} members each and {count} objects, nothing to do. 1 is {base:.1f} s;"
        f" median of {ROUNDS} runs in turns."
    )
    print(f"{'what':45}  time  requests")
    for what, seconds in times.items():
        print(f"{what:45}  {statistics.median(seconds) / base:4.1f}  {asked[what] / ROUNDS:8.0f}")


def main() -> None:
    specs = [MeshSpec(name, members=(), services={}, control_plane_present=False) for name in MESHES]
    with (
        tempfile.TemporaryDirectory(prefix="ossm-federation-") as scratch,
        Testbed.start(Path(scratch) / "bed", meshes=specs, olm=True) as bed,
    ):
        folder = Path(scratch)
        collections = os.pathsep.join(
            filter(None, [str(collections_in(folder)), os.environ.get("OSSM_FEDERATION_BESIDE")])
        )
        hosts = inventory(bed)
        (folder / "meshes.json").write_text(json.dumps(hosts), encoding="utf-8")
        measured(bed, folder, collections, "ossm.federation.site", KINDS)
        hosts["meshes"]["hosts"] = {"east": {**hosts["meshes"]["hosts"]["east"], "mesh_extensions": extensions()}}
        (folder / "meshes.json").write_text(json.dumps(hosts), encoding="utf-8")
        measured(bed, folder, collections, "ossm.federation.extend", ["WasmPlugin"])


if __name__ == "__main__":
    main()
