# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What others wrote is shown sign by sign, and does nothing to whatever shows it."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.findings import Finding
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.words import LONGEST, shown, shown_in
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("text", ["plain text", "Größe", "日本語", "naïve café", "Ελληνικά", "a → b · c", "👍"])
def test_letters_and_signs_of_all_languages_stay(text):
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a\x1b[2Kb", "a\\x1b[2Kb"),
        ("a\x9b2Kb", "a\\x9b2Kb"),
        ("a\r\n\tb", "a\\x0d\\x0a\\x09b"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2028b", "a\\u2028b"),
        ("a\u200bb", "a\\u200bb"),
        ("a\ud800b", "a\\ud800b"),
        ("a\u3164b", "a\\u3164b"),
        ("e" + "\u0301" * 4, "e\u0301\u0301\\u0301\\u0301"),
    ],
    ids=["escape", "c1", "lines", "bidi", "line-separator", "zero-width", "surrogate", "filler", "flood"],
)
def test_what_moves_turns_or_hides_is_spelled(text, result):
    assert shown(text) == result


def test_a_text_of_many_signs_is_cut_and_says_so():
    assert shown("x" * (LONGEST + 1234)) == "x" * LONGEST + "… (1,234 more signs)"


def test_certificates_and_diffs_keep_their_lines():
    data = {"pem": "a\nb\x1b", "diff": [{"before": "a\nb", "after": ["x\ny"]}], "msg": "a\nb", "n": [1, None, True]}
    assert shown_in(data) == {
        "pem": "a\nb\\x1b",
        "diff": [{"before": "a\nb", "after": ["x\ny"]}],
        "msg": "a\\x0ab",
        "n": [1, None, True],
    }


@given(st.text())
def test_whatever_is_shown_can_be_printed(text):
    assert shown(text).isprintable()
    shown(text).encode("utf-8")


def test_errors_and_findings_are_fit_from_the_start():
    error = FederationError("FED101", where="a\x1b", what="b\n", fix="c\u202e")
    assert (error.where, error.what, error.fix) == ("a\\x1b", "b\\x0a", "c\\u202e")
    assert "\x1b" not in str(error)
    assert Finding("FED764", "a\x1b", "b\u2066").text.isprintable()
