# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the price of planning a fleet grows with its meshes, as ring, star and tags: ratios within one run.

What is measured is what happens to each mesh before any cluster is asked: its description is checked and frozen, and
its digest and those of the cards for it are compared with a plan of before. Prints a table; run it as ``python
tests/benchmark/fleet.py`` from the collection's root.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils"))

from _core.fleet.plan import Need, changes_between, digest, plan_of
from _core.mesh.parse import parse_mesh

IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
REPEATS = 1 if IS_SMALLEST else 5
COUNTS = (5, 10) if IS_SMALLEST else (50, 500)
OF_ONE_TAG = 10
CARD = b"x" * 4096


def ring(names: list[str]) -> dict[str, list[str]]:
    """Each peers with the two beside it."""
    return {name: [names[at - 1], names[(at + 1) % len(names)]] for at, name in enumerate(names)}


def star(names: list[str]) -> dict[str, list[str]]:
    """All peer with the first."""
    return {name: names[1:] if name == names[0] else [names[0]] for name in names}


def tags(names: list[str]) -> dict[str, list[str]]:
    """Each peers with those of its tag."""
    groups = [names[at : at + OF_ONE_TAG] for at in range(0, len(names), OF_ONE_TAG)]
    return {name: [other for other in group if other != name] for group in groups for name in group}


def planned(peers_of: dict[str, list[str]]) -> None:
    """Describe every mesh, make the plan, and compare it with itself."""
    needs = []
    for name, peers in peers_of.items():
        mesh = parse_mesh(
            name=name,
            namespace=f"{name}-mesh-system",
            control_plane="basic",
            peers=peers,
            gateways=None,
            exports=[],
            imports=[],
        )
        needs.append(
            Need(name, mesh.name, digest({"mesh_peers": peers}), tuple(sorted(peer.name for peer in mesh.peers)))
        )
    plan = plan_of(needs, lambda _mesh, _audience: CARD, "1")
    assert not changes_between(plan, plan).changed


def seconds(peers_of: dict[str, list[str]]) -> float:
    """Return the shortest of a few runs: the one that other processes disturbed least."""
    times = []
    for _repeat in range(REPEATS):
        begun = time.perf_counter()
        planned(peers_of)
        times.append(time.perf_counter() - begun)
    return min(times)


def main() -> None:
    """Print, for each shape, what a peering costs in the large fleet, by what it costs in the small one."""
    print("| shape | meshes | peerings | ms | a peering, by one of the small fleet |")
    print("|---|---|---|---|---|")
    for shape in (ring, star, tags):
        cost: dict[int, float] = {}
        for count in COUNTS:
            peers_of = shape([f"mesh-{at}" for at in range(count)])
            peerings = sum(map(len, peers_of.values()))
            took = seconds(peers_of)
            cost[count] = took / peerings
            print(
                f"| {shape.__name__} | {count} | {peerings} | {took * 1000:.1f} | {cost[count] / cost[COUNTS[0]]:.2f} |"
            )
        assert IS_SMALLEST or cost[COUNTS[-1]] < 3 * cost[COUNTS[0]], (
            f"{shape.__name__}: a peering costs more in a larger fleet"
        )


if __name__ == "__main__":
    main()
