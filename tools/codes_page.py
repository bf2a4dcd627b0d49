# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write docs/codes.md from the catalogue in plugins/module_utils/_core/codes.py: ``python tools/codes_page.py``."""

from __future__ import annotations

import pathlib
import runpy

TREE = pathlib.Path(__file__).resolve().parent.parent
PAGE = TREE / "docs" / "codes.md"
CATALOGUE = TREE / "plugins" / "module_utils" / "_core" / "codes.py"

HEAD = """\
# Codes

Every error says where, what, and how to mend it, after one of these codes. A failed module returns the same parts as
`code`, `where`, `what` and `mend`, and in `written` what it had changed by then, most often nothing.

This page is made from the catalogue by `python tools/codes_page.py`.
"""


def page() -> str:
    """Return the page: one section per range, one heading per code, so that ``codes#fed204`` leads to it."""
    catalogue = runpy.run_path(str(CATALOGUE))
    parts = [HEAD]
    for digit, title in catalogue["RANGES"].items():
        parts.append(f"## {title}\n")
        parts += [
            f"### {name}\n\n**{code.title}**{'' if code.severity == catalogue['ERROR'] else f' ({code.severity})'}. {code.why}\n\nCure: {code.cure}\n"
            for name, code in catalogue["CODES"].items()
            if name[3] == digit
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
