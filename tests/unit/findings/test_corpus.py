# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each broken input of the corpus is found, by its code and no other, with the place in words; every code has one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.code import ERROR
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.codes import CODES
from ansible_collections.ossm.federation.tests.unit.findings.corpus import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.name}")
def test_a_broken_input_is_found_at_its_place(case):
    seen = case.setup().look()
    found = {entry["code"]: entry for entry in seen["findings"]}
    assert set(found) - set(case.also) == {case.code}, seen["lines"]
    assert case.place in found[case.code]["place"]
    assert len(found[case.code]["seen"]) > 5 and found[case.code]["cure"].endswith(".")
    assert seen["lines"][1].startswith("ERROR" if CODES[case.code].severity == ERROR else "WARNING"), (
        "errors come first"
    )
    assert any(case.code in line and case.place in line for line in seen["lines"])


def test_every_code_of_the_preflight_has_a_broken_input_and_every_broken_input_a_code():
    cases = {case.code for case in CASES}
    assert cases <= set(CODES)
    assert {code for code in CODES if code.startswith("FED7")} <= cases


def test_the_page_of_the_preflight_names_every_code_of_it():
    page = Path(__file__).parents[3].joinpath("docs", "preflight.md").read_text(encoding="utf-8")
    assert [code for code in CODES if code.startswith("FED7") and code not in page] == []
