# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nothing that this collection prints, documents or fills in shows less of a fingerprint than 128 bits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = (
    "README.md",
    "docs",
    "plugins",
    "roles",
    "playbooks",
    "molecule",
    "extensions",
    "examples",
    "changelogs",
    "tests/testbed",
    "tests/integration",
)
CUT = "(?:…|\\.\\.\\.|~|\\\\u2026|&hellip;)"
SHORT = re.compile(
    rf"\b(?:[0-9A-F]{{2}}[:-]?){{1,15}}{CUT}|"  # the beginning alone, with or without an end
    rf"{CUT}(?:[0-9A-F]{{2}}[:-]?){{2,}}\b|"  # the end alone
    r"(?<![-0-9A-Za-z])[0-9A-F]{4}(?:-[0-9A-F]{4}){1,6}(?![-0-9A-Za-z])|"  # fewer groups than eight
    r"fingerprints?: \[?[0-9A-F]{2,63}\b(?!-)|"  # a sample that is no whole one
    r"fingerprint\[[^\]]*:"  # code that cuts one
)
SHOWN_SHORT = [
    "3F9A…C1D0",
    "3F9A...C1D0",
    "3F:9A:…",
    "…C1D0",
    "3F9A-1B2C",
    "sample: fingerprint: 3F9A",
    "root.fingerprint[:4]",
]


def texts() -> Iterator[Path]:
    for place in PLACES:
        path = ROOT / place
        yield from (
            [path]
            if path.is_file()
            else (found for found in sorted(path.rglob("*")) if found.is_file() and "__pycache__" not in found.parts)
        )


@pytest.mark.parametrize("text", SHOWN_SHORT)
def test_the_search_finds_each_short_form(text):
    assert SHORT.search(text)


def test_nothing_of_ours_shows_less_of_a_fingerprint_than_128_bits():
    found = []
    for path in texts():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {hit[0]}"
            for number, line in enumerate(lines, start=1)
            if (hit := SHORT.search(line))
        ]
    assert not found, "\n".join(found)
