# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write what is made from the code into the documentation: ``python tools/codes_page.py``.

docs/codes.md is the catalogue that plugins/module_utils/_core/catalogue/codes.py joins; a table in docs/preflight.md is
what the checks declare. What tools/specs_pages.py makes of argument specs is written, too.
"""

from __future__ import annotations

import importlib
import itertools
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

TREE = pathlib.Path(__file__).resolve().parent.parent
PAGE = TREE / "docs" / "codes.md"
PREFLIGHT = TREE / "docs" / "preflight.md"
BEGIN, END = "<!-- made by tools/codes_page.py -->", "<!-- end of what is made -->"

HEAD = """\
# Codes

Every error says where, what, and how to fix it, after one of these codes. A failed module returns the same parts as
`code`, `where`, `what` and `fix`, and in `written` what it had changed by then, most often nothing.

This page is made from the catalogue by `python tools/codes_page.py`.
"""


def page(ranges: Mapping[str, str], codes: Mapping[str, Any]) -> str:
    """Return the page: one section per range, one heading per code, so that ``codes#fed204`` leads to it."""
    parts = [HEAD]
    for digit, title in ranges.items():
        parts.append(f"## {title}\n")
        parts += [
            f"### {name}\n\n**{code.title}**{'' if code.severity == 'error' else f' ({code.severity})'}."
            f" {code.why}\n\nCure: {code.cure}\n"
            for name, code in codes.items()
            if name[3] == digit
        ]
    return "\n".join(parts)


def table(meshes: Sequence[Any], clusters: Sequence[Any], codes: Sequence[str]) -> str:
    """Return which of ``codes`` stay unknown without which right: ``meshes`` and ``clusters`` are the checks of the two
    preflights.
    """
    rows = []
    for checks in (meshes, clusters):
        reads = {read for check in checks for read in check.reads}
        for read in sorted(
            reads, key=lambda read: (read.kind.api_version.partition("/")[0], read.kind.plural, read.where)
        ):
            unknown = {code for check in checks if check.needs([read]) for code in check.codes}
            group = read.kind.api_version.rpartition("/")[0] or '""'
            rows.append(
                f"| `{group}` | `{read.kind.plural}` | {read.where} |"
                f" {', '.join(runs([code in unknown and code for code in codes]))} |"
            )
    head = ["| API group | resources | in | without it unknown |", "|---|---|---|---|"]
    return "\n".join([*head, *dict.fromkeys(rows)])


def runs(codes: Sequence[Any]) -> list[str]:
    """Return names of which three or more stand side by side as ``first to last``; what is no name parts them."""
    told: list[str] = []
    for is_code, group in itertools.groupby(codes, bool):
        names = list(group) if is_code else []
        told += [f"{names[0]} to {names[-1]}"] if len(names) > 2 else names
    return told


def with_table(text: str, rows: str) -> str:
    """Return a page with its table replaced."""
    before, _begin, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{rows}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    sys.path.insert(0, str(TREE / "plugins" / "module_utils"))
    catalogue = importlib.import_module("_core.catalogue.codes")
    PAGE.write_text(page(catalogue.RANGES, catalogue.CODES), encoding="utf-8")
    meshes, clusters = (importlib.import_module(f"_core.preflight.{name}") for name in ("everything", "clusters"))
    rows = table(meshes.CHECKS, clusters.CHECKS, list(catalogue.CODES))
    PREFLIGHT.write_text(with_table(PREFLIGHT.read_text(encoding="utf-8"), rows), encoding="utf-8")
    importlib.import_module("specs_pages").main()


if __name__ == "__main__":
    main()
