# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times as others write them: Go with as many digits of a second as there are, on every Python."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.moments import latest, time_of

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2026-01-31T12:00:00Z", 0),
        ("2026-01-31T12:00:00.5Z", 500_000),
        ("2026-01-31T12:00:00.12345678Z", 123_456),
        ("2026-01-31T12:00:00.123456789Z", 123_456),
        ("2026-01-31T13:00:00.000001+01:00", 1),
        ("2026-01-31 12:00:00.25", 250_000),
    ],
)
def test_a_fraction_of_a_second_has_any_number_of_digits(text: str, microseconds: int) -> None:
    assert time_of(text) == NOON + timedelta(microseconds=microseconds)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1899-12-31T23:59:59Z"]
)
def test_what_no_clock_has_shown_is_none_and_nobody_reckons_with_it(text: str) -> None:
    assert time_of(text) is None


@pytest.mark.parametrize("text", ["", "soon", "12:00", None, 7])
def test_what_tells_no_time_is_none(text: object) -> None:
    assert time_of(text) is None


def test_the_last_of_some_times_passes_over_what_tells_none():
    assert latest(["2026-01-31T12:00:00Z", None, "soon", "2026-01-31T12:30:00+01:00"]) == time_of(
        "2026-01-31T12:00:00Z"
    )
    assert latest([]) is None
