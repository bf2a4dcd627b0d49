# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run of ``extend`` costs that has nothing to do, against one task of kubernetes.core that holds the same objects.

Starts a mesh with 20 members, keeps 200 extensions in them until nothing changes, and then measures in turns. Prints a table; run it
as ``PYTHONPATH=tests python tests/benchmark/extensions.py`` with kubernetes.core among the collections (``OSSM_FEDERATION_BESIDE``);
`make benchmark` does. Testbed and playbooks share the machine's processors.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmark.estate import collections_in
from benchmark.site import as_written, played, unchanged

from testbed import MeshSpec, Testbed

TREE = Path(__file__).resolve().parents[2]
IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
NAMESPACES = tuple(f"team-{number}" for number in range(2 if IS_SMALLEST else 20))
COUNT, ROUNDS = (4, 1) if IS_SMALLEST else (200, 3)


def described() -> list[dict]:
    """Return the extensions, spread over the namespaces."""
    return [
        {
            "name": f"header-{number}",
            "namespace": NAMESPACES[number % len(NAMESPACES)],
            "selector": {"app": f"app-{number}"},
            "image": f"registry.example/header:{number}@sha256:{number:064x}",
            "phase": "STATS",
            "priority": number,
            "config": {"header": f"x-{number}", "values": [number, number + 1]},
        }
        for number in range(COUNT)
    ]


def measured(folder: Path, collections: str) -> Iterator[tuple[str, float]]:
    """Yield what was run and its median seconds."""
    spec = MeshSpec("east", version="v2.5", members=NAMESPACES, services={namespace: [] for namespace in NAMESPACES})
    with Testbed.start(folder / "bed", meshes=[spec]) as bed:
        mesh = bed.meshes["east"]
        host = {"mesh_kubeconfig": str(mesh.kubeconfig), "mesh_extensions": described(), "federation_loopback": True}
        (folder / "meshes.json").write_text(json.dumps({"meshes": {"hosts": {"east": host}}}), encoding="utf-8")
        extend = ["ossm.federation.extend"]
        played(folder, extend, collections)
        objects = [written for live in mesh.kube.list("WasmPlugin") if (written := as_written(live, "WasmPlugin"))]
        if len(objects) != COUNT:
            sys.exit(f"{len(objects)} of {COUNT} extensions stand")
        whole = {"kubernetes.core.k8s": {"state": "present", "kubeconfig": "{{ mesh_kubeconfig }}", "resource_definition": objects}}
        play = {"name": "Keep", "hosts": "meshes", "connection": "local", "gather_facts": False, "tasks": [{"name": "Keep the objects", **whole}]}
        play |= {"vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
        (folder / "whole.yml").write_text(json.dumps([play]), encoding="utf-8")
        runs = {"ossm.federation.extend": extend, "kubernetes.core.k8s, one task with all": ["whole.yml"]}
        played(folder, ["whole.yml"], collections)  # what it writes in its own way is written now
        times: dict[str, list[float]] = {what: [] for what in runs}
        for _round in range(ROUNDS):
            for what, words in runs.items():
                times[what].append(played(folder, words, collections))
                if not unchanged(folder):
                    sys.exit(f"{what} still changes something: not a run to compare\n{(folder / 'printed').read_text(encoding='utf-8')}")
        for what, seconds in times.items():
            yield what, statistics.median(seconds)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ossm-federation-") as scratch:
        folder = Path(scratch)
        collections = os.pathsep.join(filter(None, [str(collections_in(folder)), os.environ.get("OSSM_FEDERATION_BESIDE")]))
        rows = list(measured(folder, collections))
    base = rows[-1][1]
    print(f"{COUNT} extensions in {len(NAMESPACES)} namespaces, nothing to do. 1 is the task of kubernetes.core ({base:.1f} s); median of {ROUNDS} in turns.")
    print(f"{'what':45}  time")
    for what, seconds in rows:
        print(f"{what:45}  {seconds / base:5.2f}")


if __name__ == "__main__":
    main()
