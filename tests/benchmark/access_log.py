# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What it costs to parse lines of an access log, as ratios of ``json.loads`` on the same records in JSON form, within
one run.

Prints a table; run it as ``python tests/benchmark/access_log.py`` from the collection's root.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils"))

from _core.logs.access import parser

IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
REPEATS = 1 if IS_SMALLEST else 9
LINES = 100 if IS_SMALLEST else 20_000
BOUND = 1.5


def line(number: int, between: str = " via_upstream -") -> str:
    return (
        f'[2026-11-23T10:11:12.{number % 1000:03d}Z] "GET /cart/items?id={number} HTTP/1.1" 200 -{between} "-" 0'
        f' {number} 12 11 "10.128.0.1" "Mozilla/5.0 (X11; Linux x86_64)" "7f0a1c4e-2b3d-4c5e-8f90-{number:012x}"'
        ' "cart.shop.svc.west-imports.local" "10.128.2.15:15443" outbound|80||cart.shop.svc.west-imports.local'
        f" 10.128.1.7:41234 240.240.0.5:80 10.128.1.7:{number % 65536} - default"
    )


def seconds(work: Callable[[str], object], lines: list[str]) -> float:
    begun = time.perf_counter()
    for text in lines:
        work(text)
    return time.perf_counter() - begun


def main() -> None:
    texts, older = [line(number) for number in range(LINES)], [line(number, "") for number in range(LINES)]
    records = []
    for text in texts:
        fields = parser()(text) or {}
        records.append(
            json.dumps(
                {
                    key: None if value == "-" else int(value) if value.isdigit() else value
                    for key, value in fields.items()
                }
            )
        )
    ways = {
        "json.loads": (json.loads, records),
        "text of 2.1": (parser(), texts),
        "text of 2.0": (parser(), older),
        "JSON": (parser(), records),
    }
    times = dict.fromkeys(ways, float("inf"))
    # In turns, so that what else the machine does disturbs each alike.
    for _repeat in range(REPEATS):
        for name, (work, lines) in ways.items():
            times[name] = min(times[name], seconds(work, lines))
    print(f"lines of     time / json.loads   ({LINES:,} lines each; at most {BOUND})")
    for name, took in times.items():
        print(f"{name:12} {took / times['json.loads']:17.2f}")


if __name__ == "__main__":
    main()
