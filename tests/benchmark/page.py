# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a page of many meshes costs against one of two: time to make it, and its size, as ratios within one run.

Prints a table; `make benchmark` does.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

try:
    from ansible_collections.ossm.federation.plugins.module_utils._core.report.page import page_of
except ModuleNotFoundError:
    sys.exit("Run it by `make benchmark`, or with the collection on PYTHONPATH")
from ansible_collections.ossm.federation.plugins.module_utils._core.report.drawing import drawing_of
from ansible_collections.ossm.federation.plugins.module_utils._page import html
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.report.estates import MADE, many

IS_SMALLEST = bool(os.environ.get("OSSM_FEDERATION_SMALLEST"))
COUNTS = (2, 12) if IS_SMALLEST else (2, 12, 50)
REPEATS = 1 if IS_SMALLEST else 5


def seconds(work: Callable[[], object]) -> float:
    """Return the shortest of a few runs: the one that other processes disturbed least."""
    times = []
    for _repeat in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def main() -> None:
    base: list[float] = []
    print("meshes  peerings  model  picture  whole page   size   (1 = two meshes)")
    for count in COUNTS:
        report = many(count)
        page = page_of(report, made=MADE)
        works = (lambda: page_of(report, made=MADE), lambda: drawing_of(page), lambda: html(page_of(report, made=MADE)))
        found = [*map(seconds, works), float(len(html(page)))]
        base = base or found
        model, picture, whole, size = (value / first for value, first in zip(found, base))
        print(f"{count:6}  {len(page['peerings']):8}  {model:5.1f}  {picture:7.1f}  {whole:10.1f}  {size:5.1f}")


if __name__ == "__main__":
    main()
