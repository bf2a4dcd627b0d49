# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What it costs to read and merge what istiods say of many proxies, against reading the same as JSON alone, within one
run.

Prints a table; `make benchmark` does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone

try:
    from ansible_collections.ossm.federation.plugins.module_utils._core.insight import syncz
except ModuleNotFoundError:
    sys.exit("Run it by `make benchmark`, or with the collection on PYTHONPATH")
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.showing import Health

IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
COUNTS = (50, 100) if IS_SMALLEST else (500, 5_000)
REPEATS = 1 if IS_SMALLEST else 5
NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
TYPES = ("cluster", "listener", "route", "endpoint")


def seconds(work: Callable[[], object]) -> float:
    """Return the shortest of a few runs: the one that other processes disturbed least."""
    times = []
    for _repeat in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def page(numbers: range) -> bytes:
    """Return what one istiod says; each tenth proxy lags behind."""
    rows = []
    for number in numbers:
        nonces = {f"{kind}_{word}": f"{kind}-{number:032}" for kind in TYPES for word in ("sent", "acked")}
        lag = {"listener_acked": "before"} if number % 10 == 0 else {}
        rows.append({"proxy": f"app-{number}.shop", "istio_version": "1.18.7", **nonces, **lag})
    return json.dumps(rows).encode()


def main() -> None:
    print("proxies  read and shown / json.loads   time per proxy (1 = the fewest)   lines")
    first = 0.0
    for count in COUNTS:
        half = count // 2
        pages = {"istiod-1": page(range(half)), "istiod-2": page(range(half, count))}
        pods = [syncz.Pod("shop", f"app-{number}", f"app-{number // 10}", NOW) for number in range(count)]

        def whole() -> Health:
            rows = tuple(row for name, content in pages.items() for row in syncz.rows_of(content, name))
            readings = [syncz.Reading(NOW, rows)] * 2
            health = Health("east", (), syncz.proxies_of(readings, pods, ["shop"]), (), NOW)
            health.lines()
            return health

        taken, plain = seconds(whole), seconds(lambda: [json.loads(content) for content in pages.values()])
        first = first or taken / count
        print(f"{count:7}  {taken / plain:27.1f}   {taken / count / first:32.1f}   {len(whole().lines()):5}")


if __name__ == "__main__":
    main()
