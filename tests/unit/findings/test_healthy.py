# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where nothing is wrong nothing is found: set-ups made by our own plan, with what stands beside a federation."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.tests.unit.draws import each
from ansible_collections.ossm.federation.tests.unit.findings.setups import base, generated


def test_nothing_is_found_in_the_set_up_that_the_corpus_breaks():
    seen = base().look()
    assert (seen["findings"], seen["unknown"], seen["pending"]) == ([], [], [])


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_nothing_is_found_in_healthy_set_ups(first):
    for seed in each(4, range(first, first + 20)):
        seen = generated(seed).look()
        assert (seed, seen["lines"][1:], seen["findings"], seen["unknown"]) == (seed, [], [], [])
