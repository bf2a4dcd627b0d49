# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of the page about validations is the one that the code knows."""

from __future__ import annotations

import pathlib

from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.codes import CODES
from ansible_collections.ossm.federation.plugins.module_utils._core.validation.kiali import table

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "validate.md"


def test_the_page_has_the_table_of_kialis_codes():
    rows = table(
        {code: entry.title for code, entry in CODES.items()}, {code: entry.severity for code, entry in CODES.items()}
    )
    assert "\n".join(rows) in PAGE.read_text(encoding="utf-8"), "\n".join(
        ["put this table into docs/validate.md:", *rows]
    )
