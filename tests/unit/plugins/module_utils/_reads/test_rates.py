# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is read of Prometheus about edges, and what is told where it cannot be."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.findings import Unknown
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.rates import MOST_HOSTS
from ansible_collections.ossm.federation.plugins.module_utils._reads.rates import read_rates


def test_how_many_imports_were_not_asked_about_is_told() -> None:
    gaps: list[Unknown] = []
    many = [f"s{number:03}.shop.svc.west-imports.local" for number in range(MOST_HOSTS + 2)]
    assert len(read_rates(lambda query: [], [*many, 'x",y="'], [], [], gaps)) == MOST_HOSTS
    (gap,) = gaps
    assert gap.because.startswith("3 imports were not asked about")


def test_nothing_is_told_where_all_were_asked_about() -> None:
    gaps: list[Unknown] = []
    read_rates(lambda query: [], ["cart.shop.svc.west-imports.local"] * 2, [], [], gaps)
    assert gaps == []
