# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the price of predicting names grows with services and rules, as ratios within one run.

Prints a table; run it as ``python tests/benchmark/names.py`` from the collection's root.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils"))

from _core.peering.names import exported_names, imported_names

IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
REPEATS = 1 if IS_SMALLEST else 5


def services(count: int) -> list[dict]:
    return [
        {
            "kind": "Service",
            "metadata": {
                "name": f"service-{number}",
                "namespace": f"team-{number % 20}",
                "labels": {"tier": str(number % 3)},
            },
        }
        for number in range(count)
    ]


def export_rules(count: int) -> dict:
    """Half of the rules choose by name, half by label; only the last one matches, so that all are tried."""
    by_name = [
        {"type": "NameSelector", "nameSelector": {"namespace": "team-0", "name": f"absent-{number}"}}
        for number in range(count // 2)
    ]
    absent = {
        "matchLabels": {"tier": "absent"},
        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["absent"]}],
    }
    by_label = [
        {"type": "LabelSelector", "labelSelector": {"selector": absent}} for _number in range(count - len(by_name) - 1)
    ]
    return {"exportRules": [*by_name, *by_label, {"type": "NameSelector", "nameSelector": {}}]}


def import_rules(count: int) -> dict:
    absent = [
        {"type": "NameSelector", "nameSelector": {"namespace": "team-0", "name": f"absent-{number}"}}
        for number in range(count - 1)
    ]
    return {"importRules": [*absent, {"type": "NameSelector", "nameSelector": {}}]}


def seconds(work: Callable[[], object]) -> float:
    """Return the shortest of a few runs: the one that other processes disturbed least."""
    times = []
    for _repeat in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def measured(service_count: int, rule_count: int) -> tuple[float, float]:
    """Return the seconds of an export and of the import of what it exported."""
    manifests, exports, imports = services(service_count), export_rules(rule_count), import_rules(rule_count)
    hosts = [row["exported"] for row in exported_names(manifests, exports, "east")]
    return seconds(lambda: exported_names(manifests, exports, "east")), seconds(
        lambda: imported_names(hosts, imports, "west")
    )


def main() -> None:
    sizes = [(1000, 1), (1000, 10)] if IS_SMALLEST else [(1000, 1), (1000, 10), (1000, 50), (100, 50), (10000, 50)]
    times = {size: measured(*size) for size in sizes}
    base_export, base_import = times[1000, 1]
    print("services  rules  export  import   export per service  import per service   (1 = 1,000 services, one rule)")
    for (service_count, rule_count), (export, imported) in times.items():
        per_service = 1000 / service_count
        print(
            f"{service_count:8}  {rule_count:5}  {export / base_export:6.1f}  {imported / base_import:6.1f}"
            f"   {export / base_export * per_service:18.1f}  {imported / base_import * per_service:18.1f}"
        )


if __name__ == "__main__":
    main()
