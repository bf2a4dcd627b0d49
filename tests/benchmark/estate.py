# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a mesh costs in a run of twelve, against a run of two: time, processor time and requests, each per mesh.

Starts the testbed for each number of meshes and plays ``federate`` on the example estate as a full mesh, once when
nothing stands and then when nothing is left to do. On another testbed, as a ring, it plays it for one mesh, two and all
of them, one after the other, beside a playbook of three modules that do nothing. Prints tables; times without change
are medians. Run it as ``PYTHONPATH=tests python tests/benchmark/estate.py`` from the collection's root. Testbed and
playbook share the machine's processors, so the time of a run counts both; its processor time does not.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testbed import MeshSpec, Testbed

TREE = Path(__file__).resolve().parents[2]
EXAMPLE = TREE / "examples" / "estate"
IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
SCALE, COUNTS, ROUND, ROUNDS = (0.05, (2,), 3, 1) if IS_SMALLEST else (0.5, (2, 12), 12, 5)
FEDERATE = "ossm.federation.federate"
FULL_MESH, RING = ("-e", "@topology/full-mesh.yml"), ("-e", "@topology/ring.yml")
CLUSTERS = {"north": ("amber", "birch", "cedar", "delta", "ember", "flint")}
if not IS_SMALLEST:
    CLUSTERS["south"] = ("grove", "haven", "islet", "jetty", "knoll", "larch")


@dataclass(frozen=True)
class Cost:
    """What one run cost: seconds, seconds of a processor, and requests to API servers."""

    wall: float
    processor: float
    requests: int


def collections_in(folder: Path) -> Path:
    """Return a collections path in which this checkout is ossm.federation."""
    link = folder / "collections" / "ansible_collections" / "ossm" / "federation"
    link.parent.mkdir(parents=True)
    link.symlink_to(TREE)
    return folder / "collections"


def requests_so_far(bed: Testbed) -> int:
    """Return how many requests of ours the API servers' audit logs tell of."""
    logs = {Path(mesh.audit_log) for mesh in bed.meshes.values()}
    events = (json.loads(line) for log in logs for line in log.read_text(encoding="utf-8").splitlines())
    return sum(event.get("userAgent") == "ossm.federation" for event in events)


def played(bed: Testbed, folder: Path, collections: Path, playbook: str, *more: str) -> Cost:
    """Play a playbook and return what it cost."""
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("ANSIBLE_", "K8S_AUTH_", "KUBE"))}
    paths = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
    }
    environment = {**kept, **paths, "ANSIBLE_HOME": str(folder / ".ansible"), "ANSIBLE_FORKS": str(len(bed.meshes))}
    words = [
        "ansible-playbook",
        "-i",
        "meshes.yml",
        playbook,
        "-e",
        "federation_loopback=true",
        *more,
    ]
    before, times, begun = requests_so_far(bed), os.times(), time.perf_counter()
    done = subprocess.run(
        words, check=False, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - begun, os.times()
    if done.returncode:
        sys.exit(f"{playbook} failed:\n{done.stdout}{done.stderr}")
    used = after.children_user + after.children_system - times.children_user - times.children_system
    return Cost(wall, used, requests_so_far(bed) - before)


def again(bed: Testbed, folder: Path, collections: Path, playbook: str, *more: str) -> Cost:
    """Return what a playbook costs that changes nothing: the medians of some runs."""
    costs = [played(bed, folder, collections, playbook, *more) for _round in range(ROUNDS)]
    return Cost(
        *(statistics.median(getattr(cost, what) for cost in costs) for what in ("wall", "processor", "requests"))
    )


def growth(bed: Testbed, folder: Path, collections: Path) -> tuple[list[Cost], Cost]:
    """Return what ``federate`` costs that changes nothing for one mesh, for two and for all, and what three modules
    that do nothing cost for one mesh. Every mesh has two peers, and reads their cards in a folder. One mesh after the
    other, so that the time of a further mesh is its own.
    """
    tasks = [{"name": f"Do nothing, {number}", "ansible.builtin.ping": {}} for number in range(3)]
    play = {"name": "Do nothing", "hosts": "meshes", "connection": "local", "gather_facts": False, "tasks": tasks}
    play["vars"] = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    (folder / "nothing.yml").write_text(json.dumps([play]), encoding="utf-8")
    one, two, *_others = bed.meshes
    played(bed, folder, collections, FEDERATE, *RING)
    played(bed, folder, collections, "ossm.federation.publish_cards", *RING)
    serially = (*RING, "--forks", "1", "--limit")
    federated = [
        again(bed, folder, collections, FEDERATE, *serially, limit) for limit in (one, f"{one},{two}", "meshes")
    ]
    return federated, again(bed, folder, collections, "nothing.yml", *serially, one)


@contextlib.contextmanager
def estate(count: int, folder: Path) -> Iterator[Testbed]:
    """Start a testbed of so many meshes, as many on each cluster, with the example estate's inventory for it in a
    folder.
    """
    shutil.copytree(EXAMPLE, folder)
    per_cluster = count // len(CLUSTERS)
    chosen = {name: cluster for cluster, names in CLUSTERS.items() for name in names[:per_cluster]}
    hosts = {
        "meshes": {
            "children": {cluster: {"hosts": dict.fromkeys(names[:per_cluster])} for cluster, names in CLUSTERS.items()}
        }
    }
    (folder / "meshes.yml").write_text(json.dumps(hosts), encoding="utf-8")
    meshes = [
        MeshSpec(name, cluster=cluster, members=[f"{name}-shop"], services={f"{name}-shop": ["cart"]})
        for name, cluster in chosen.items()
    ]
    with Testbed.start(folder / "bed", meshes=meshes, clock_scale=SCALE) as bed:
        for name, cluster in chosen.items():
            shutil.copy2(bed.meshes[name].kubeconfig, folder / f"{cluster}.kubeconfig")
        yield bed


def first_and_again(bed: Testbed, folder: Path, collections: Path) -> tuple[Cost, Cost]:
    """Return what a full mesh costs when it is made, and when nothing is left to do."""
    return played(bed, folder, collections, FEDERATE, *FULL_MESH), again(bed, folder, collections, FEDERATE, *FULL_MESH)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ossm-federation-") as scratch:
        collections = collections_in(Path(scratch))
        costs = {}
        for count in COUNTS:
            folder = Path(scratch) / f"estate-{count}"
            with estate(count, folder) as bed:
                costs[count] = first_and_again(bed, folder, collections)
        folder = Path(scratch) / "ring"
        with estate(ROUND, folder) as bed:
            (one, two, every), nothing = growth(bed, folder, collections)
    print("Per mesh, federate as a full mesh. Times: 1 is what a mesh costs in a run of two that changes nothing")
    print(f"({costs[2][1].wall / 2:.1f} s, {costs[2][1].processor / 2:.1f} s of a processor).")
    print("meshes  peerings  run          time  processor  requests")
    base = costs[2][1]
    for count, runs in costs.items():
        for what, cost in zip(("first", "no change"), runs):
            each = 2 / count
            times = f"{cost.wall * each / base.wall:4.1f}  {cost.processor * each / base.processor:9.1f}"
            print(f"{count:6}  {count * (count - 1):8}  {what:9}  {times}  {cost.requests / count:8.1f}")
    print(
        f"One mesh, nothing to do: {one.wall / nothing.wall:.2f} times three modules that do nothing"
        f" ({nothing.wall:.1f} s), {one.requests:.0f} requests."
    )
    print(f"A ring of {ROUND}, nothing to do, one mesh after the other:")
    for what in ("wall", "processor"):
        first, both, whole = (getattr(cost, what) for cost in (one, two, every))
        second, later = both - first, (whole - both) / (ROUND - 2)
        print(
            f"  {what}: {first:.2f} s for one mesh, {both:.2f} s for two, {whole:.2f} s for all; {second:.2f} s for the"
            f" second, {later:.2f} s for each after it ({later / second:.2f} times the second)."
        )


if __name__ == "__main__":
    main()
