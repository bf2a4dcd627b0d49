# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many findings of one code are told as one, with their number; nothing is left out without being counted."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.findings import (
    Finding,
    as_data,
    lines,
    texts,
    told,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.data import some


def many(number: int, code: str = "FED761") -> list[Finding]:
    return [Finding(code, f"Service shop/s{place:06}", "has 2 ports") for place in range(number)]


@pytest.mark.parametrize(("number", "messages"), [(0, 0), (1, 1), (5, 5), (6, 1), (20_000, 1)])
def test_more_than_five_of_one_code_are_one_message(number, messages):
    assert len(texts(many(number))) == messages
    assert len(lines("east", many(number), [])) == 1 + 2 * messages


def test_the_one_message_has_the_code_the_number_and_the_first_five():
    (text,) = texts(many(40_001))
    assert text.startswith("FED761 40,001 findings: Exported service with several ports: Service shop/s000000, ")
    assert (
        "Service shop/s000004 … and 39,996 more. " in text and "s000005" not in text and "/codes/fed761.html)" in text
    )


def test_long_places_do_not_push_out_the_number():
    (text,) = texts(Finding("FED761", f"Service shop/{place}{'x' * 5000}", "has 2 ports") for place in range(9))
    assert "… and 4 more" in text and len(text) < 2000


def test_a_flood_of_one_code_leaves_the_others_as_they_are():
    other = Finding("FED731", "ServiceMeshPeer east-mesh-system/west, spec.security.clientID", "is missing")
    assert texts([*many(3), other, *many(20_000)])[1:] == [other.text]


@pytest.mark.parametrize(
    ("number", "kept", "left_out"), [(100, 100, {}), (101, 100, {"FED761": 1}), (20_000, 100, {"FED761": 19_900})]
)
def test_data_holds_a_hundred_of_each_code_and_counts_the_others(number, kept, left_out):
    data = as_data([*many(number), *many(7, "FED731")])
    assert len(data["findings"]) == kept + 7
    assert data["findings_left_out"] == left_out


def test_the_counts_are_of_all():
    found = told("east", [*many(20_000), *many(300, "FED313")], [])
    assert found["counts"] == {"errors": 300, "warnings": 20_000, "unknown": 0}
    assert found["lines"][0] == "east · 300 errors, 20000 warnings"
    assert found["lines"][1].startswith("ERROR    FED313  300 findings: ")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, ""),
        (1, "n0"),
        (10, ", ".join(f"n{i}" for i in range(10))),
        (2010, f"{', '.join(f'n{i}' for i in range(10))} and 2,000 more"),
    ],
)
def test_a_message_lists_ten_names_and_counts_the_others(number, text):
    assert some([f"n{place}" for place in range(number)]) == text
