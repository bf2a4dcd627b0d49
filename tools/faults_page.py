# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the page of faults and their verdicts: ``python tools/faults_page.py``.

The faults stand in tests/unit/diagnosis/faults.yml with the verdicts that they must get; the page shows what the ladder really says of each.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
PAGE = TREE / "docs" / "diagnosed-faults.md"

HEAD = """\
# Faults, and what diagnose says of them

Each fault is evidence as one side sees it, with the verdict that was written down before the code that decides. A verdict is right where code, rung
and side are. The evidence is written by hand, in the shapes that a real operator, istiod and Envoy give; the faults were not injected into a running
mesh. This page is made by `python tools/faults_page.py`; [diagnose.md](diagnose.md) explains the words.
"""

Verdict = tuple[str, str, str]


def page(faults: Mapping[str, Mapping], variants: Mapping[str, Mapping], verdict_of: Callable[[str], Verdict], is_quiet: Callable[[str], bool]) -> str:
    """Return the page: figures, who was blamed for whose faults, rungs that were mistaken for others, and a row per fault."""
    expected = {name: tuple(fault["expect"]) for name, fault in faults.items()}
    found = {name: verdict_of(name) for name in faults}
    right = sum(found[name] == expected[name] for name in faults)
    quiet = sum(map(is_quiet, variants))
    wrong_side = sum({found[name][2], expected[name][2]} == {"us", "them"} for name in faults)
    lines = [
        HEAD,
        f"- {right} of {len(faults)} faults get the right code, rung and side.",
        f"- {wrong_side} blame the wrong side with certainty.",
        f"- {len(variants) - quiet} of {len(variants)} peerings that work, and look unusual, raise an alarm.\n",
        "## Who is blamed\n",
        *_matrix(Counter((expected[name][2], found[name][2] or "nobody") for name in faults)),
        "## Rungs\n",
        "Rows are the rungs that fail, columns what is found there; what is found elsewhere is counted as another rung.\n",
        *_rungs(expected, found),
        "## Faults\n",
        "| fault | code | rung | who must act | found |",
        "|---|---|---|---|---|",
    ]
    for name, fault in faults.items():
        code, rung, side = expected[name]
        said = "right" if found[name] == expected[name] else " ".join(found[name]) or "nothing"
        lines.append(f"| {fault['about']} | [{code}](codes.md#{code.lower()}) | {rung} | {side} | {said} |")
    return "\n".join(lines) + "\n"


def _matrix(counts: Mapping[tuple[str, str], int]) -> list[str]:
    sides = ("us", "them", "either")
    rows = [f"| {side} | {' | '.join(str(counts.get((side, other), 0)) for other in (*sides, 'nobody'))} |" for side in sides]
    return ["| must act | found: us | found: them | found: either | found: nobody |", "|---|---|---|---|---|", *rows, ""]


def _rungs(expected: Mapping[str, Verdict], found: Mapping[str, Verdict]) -> list[str]:
    lines = ["| rung | faults | right | right rung, another verdict | another rung | not found |", "|---|---|---|---|---|---|"]
    for rung in dict.fromkeys(verdict[1] for verdict in expected.values()):
        names = [name for name, verdict in expected.items() if verdict[1] == rung]
        right = sum(found[name] == expected[name] for name in names)
        near = sum(found[name][1] == rung for name in names) - right
        unseen = sum(not found[name][1] for name in names)
        lines.append(f"| {rung} | {len(names)} | {right} | {near} | {len(names) - right - near - unseen} | {unseen} |")
    return [*lines, ""]


def made() -> str:
    """Return the page as the code is now."""
    sys.path[:0] = [str(TREE / "plugins" / "module_utils"), str(TREE / "tests")]
    from _core.diagnosis.evidence import Evidence
    from _core.diagnosis.ladder import diagnosed
    from unit.diagnosis.worlds import FAULTS, VARIANTS, changed, healthy, with_fault

    return page(
        FAULTS,
        VARIANTS,
        lambda name: diagnosed(Evidence.of(with_fault(FAULTS[name]))).verdict,
        lambda name: diagnosed(Evidence.of(changed(healthy(), VARIANTS[name]))).first is None,
    )


if __name__ == "__main__":
    PAGE.write_text(made(), encoding="utf-8")
