# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write docs/codes.md from the catalogue in plugins/module_utils/_core/codes.py: ``python tools/codes_page.py``."""

from __future__ import annotations

import importlib
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

TREE = pathlib.Path(__file__).resolve().parent.parent
PAGE = TREE / "docs" / "codes.md"

HEAD = """\
# Codes

Every error says where, what, and how to mend it, after one of these codes. A failed module returns the same parts as
`code`, `where`, `what` and `mend`, and in `written` what it had changed by then, most often nothing.

This page is made from the catalogue by `python tools/codes_page.py`.
"""


def page(ranges: Mapping[str, str], codes: Mapping[str, Any]) -> str:
    """Return the page: one section per range, one heading per code, so that ``codes#fed204`` leads to it."""
    parts = [HEAD]
    for digit, title in ranges.items():
        parts.append(f"## {title}\n")
        parts += [
            f"### {name}\n\n**{code.title}**{'' if code.severity == 'error' else f' ({code.severity})'}. {code.why}\n\nCure: {code.cure}\n"
            for name, code in codes.items()
            if name[3] == digit
        ]
    return "\n".join(parts)


def main() -> None:
    sys.path.insert(0, str(TREE / "plugins" / "module_utils" / "_core"))
    catalogue = importlib.import_module("codes")
    PAGE.write_text(page(catalogue.RANGES, catalogue.CODES), encoding="utf-8")


if __name__ == "__main__":
    main()
