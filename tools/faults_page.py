# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the page of faults and their verdicts: ``python tools/faults_page.py``.

The faults of running meshes stand in tests/integration/injected_faults.yml, what was found when they were injected last
in injected_results.json beside it. Those of written evidence stand in tests/unit/diagnosis/faults.yml; the page shows
what the ladder really says of each.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

TREE = Path(__file__).resolve().parent.parent
PAGE = TREE / "docs" / "diagnosed-faults.md"

HEAD = """\
# Faults, and what diagnose says of them

Each fault has a verdict that was written down before the code that decides. A verdict is right where code, rung and side are. The faults of the first
part were **injected on the testbed** and looked at from one side; those of the second were **judged from written evidence**. This page is made by
`python tools/faults_page.py`; [diagnose.md](diagnose.md) explains the words.
"""
INJECTED = """\
## Injected on the testbed

Two meshes run, each with an API server, the testbed's istiod, and a real Envoy as its gateways and as the client's sidecar; a fault is injected, shows
itself, is diagnosed from one side, and is healed before the next. A row says what was found of a fault when it was injected last. Envoy's words are
the same for a certificate of a load balancer and for one of another mesh, and a workload that is gone looks like a connection that breaks on the way.
`pytest tests/integration/test_injected_faults.py` injects all again and keeps what it finds; each run in CI injects a sample.
"""
WRITTEN = """\
## Judged from written evidence

The evidence is written by hand, in the shapes that a real operator, istiod and Envoy give.
"""

Verdict = tuple[str, str, str]


def page(
    faults: Mapping[str, Mapping],
    variants: Mapping[str, Mapping],
    verdict_of: Callable[[str], Verdict],
    is_quiet: Callable[[str], bool],
) -> str:
    """Return the page: figures, who was blamed for whose faults, rungs that were mistaken for others, and a row per
    fault.
    """
    expected = {name: tuple(fault["expect"]) for name, fault in faults.items()}
    found = {name: verdict_of(name) for name in faults}
    quiet = sum(map(is_quiet, variants))
    return (
        "\n".join([*_numbers(WRITTEN, expected, found, quiet, len(variants)), *_rows(faults, expected, found)]) + "\n"
    )


def injected(faults: Mapping[str, Mapping], record: Mapping[str, Any]) -> str:
    """Return the part about faults of running meshes: figures, who was blamed for whose faults, rungs, pairs that look
    alike, and a row per fault.
    """
    expected: dict[str, Verdict] = {name: tuple(faults[name]["expect"]) for name in faults}
    found: dict[str, Verdict] = {name: tuple(record["faults"].get(name) or ("", "", "")) for name in faults}
    quiet = sum(not any(verdict) for verdict in record["variants"].values())
    groups: dict[str, list[str]] = {}
    for name, fault in faults.items():
        if "alike" in fault:
            groups.setdefault(fault["alike"], []).append(name)
    pairs = [
        (one, other)
        for names in groups.values()
        for one, other in combinations(names, 2)
        if expected[one] != expected[other]
    ]
    told = sum(found[one] == expected[one] and found[other] == expected[other] for one, other in pairs)
    lines = _numbers(INJECTED, expected, found, quiet, len(record["variants"]))
    alike = (
        f"- {told} of {len(pairs)} pairs of faults of which the ServiceMeshPeer's status says the same, and whose"
        " verdicts differ, are told apart."
    )
    lines.insert(2, alike)
    return "\n".join([HEAD, *lines, *_rows(faults, expected, found)]) + "\n"


def _numbers(
    head: str, expected: Mapping[str, Verdict], found: Mapping[str, Verdict], quiet: int, variants: int
) -> list[str]:
    right = sum(found[name] == expected[name] for name in expected)
    wrong_side = sum({found[name][2], expected[name][2]} == {"us", "them"} for name in expected)
    return [
        head,
        f"- {right} of {len(expected)} faults get the right code, rung and side.",
        f"- {wrong_side} blame the wrong side with certainty.",
        f"- {variants - quiet} of {variants} peerings that work, and look unusual, raise an alarm.\n",
        "### Who is blamed\n",
        *_matrix(Counter((expected[name][2], found[name][2] or "nobody") for name in expected)),
        "### Rungs\n",
        (
            "Rows are the rungs that fail, columns what is found there; what is found elsewhere is counted as another"
            " rung.\n"
        ),
        *_rungs(expected, found),
    ]


def _rows(faults: Mapping[str, Mapping], expected: Mapping[str, Verdict], found: Mapping[str, Verdict]) -> list[str]:
    lines = ["### Faults\n", "| fault | code | rung | who must act | found |", "|---|---|---|---|---|"]
    for name, fault in faults.items():
        code, rung, side = expected[name]
        said = "right" if found[name] == expected[name] else " ".join(found[name]) or "nothing"
        lines.append(f"| {fault['about']} | [{code}](codes.md#{code.lower()}) | {rung} | {side} | {said} |")
    return lines


def _matrix(counts: Mapping[tuple[str, str], int]) -> list[str]:
    sides = ("us", "them", "either")
    rows = [
        f"| {side} | {' | '.join(str(counts.get((side, other), 0)) for other in (*sides, 'nobody'))} |"
        for side in sides
    ]
    return [
        "| must act | found: us | found: them | found: either | found: nobody |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]


def _rungs(expected: Mapping[str, Verdict], found: Mapping[str, Verdict]) -> list[str]:
    lines = [
        "| rung | faults | right | right rung, another verdict | another rung | not found |",
        "|---|---|---|---|---|---|",
    ]
    for rung in dict.fromkeys(verdict[1] for verdict in expected.values()):
        names = [name for name, verdict in expected.items() if verdict[1] == rung]
        right = sum(found[name] == expected[name] for name in names)
        near = sum(found[name][1] == rung for name in names) - right
        unseen = sum(not found[name][1] for name in names)
        lines.append(f"| {rung} | {len(names)} | {right} | {near} | {len(names) - right - near - unseen} | {unseen} |")
    return [*lines, ""]


def running() -> str:
    """Return the part about running meshes, from what was found last."""
    folder = TREE / "tests" / "integration"
    faults = yaml.safe_load((folder / "injected_faults.yml").read_text(encoding="utf-8"))
    return injected(faults, json.loads((folder / "injected_results.json").read_text(encoding="utf-8")))


def made() -> str:
    """Return the page as the code is now."""
    sys.path[:0] = [str(TREE / "plugins" / "module_utils"), str(TREE / "tests")]
    from _core.diagnosis.evidence import Evidence
    from _core.diagnosis.ladder import diagnosed
    from unit.diagnosis.worlds import FAULTS, VARIANTS, changed, healthy, with_fault

    return (
        running()
        + "\n"
        + page(
            FAULTS,
            VARIANTS,
            lambda name: diagnosed(Evidence.of(with_fault(FAULTS[name]))).verdict,
            lambda name: diagnosed(Evidence.of(changed(healthy(), VARIANTS[name]))).first is None,
        )
    )


if __name__ == "__main__":
    PAGE.write_text(made(), encoding="utf-8")
