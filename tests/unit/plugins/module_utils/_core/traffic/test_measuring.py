# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How names get into a question to Prometheus."""

from __future__ import annotations

import re

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.traffic.measuring import any_of, error_query


def test_names_are_asked_for_letter_by_letter() -> None:
    assert any_of(["till.shop", "cart-2.shop", "till.shop"]) == r"cart-2\\.shop|till\\.shop"


@pytest.mark.parametrize("name", ['x"} or vector(0) #', "x'", "x`", "x\\", "x\n", "x|y", "x.*", "x(", "x[", "x{", "x}", "x$", "^x", "x+?", "x\u0430"])
def test_no_name_ends_the_text_of_a_question_or_means_more_than_itself(name: str) -> None:
    assert re.fullmatch(r"(?:[A-Za-z0-9_-]|\\\\\.|\\\\x\{[0-9a-f]+\})+", any_of([name]))
    assert any_of([name]) in error_query([name], 60)


def test_another_sign_stands_by_its_number() -> None:
    assert any_of(['a"b']) == r"a\\x{22}b"
