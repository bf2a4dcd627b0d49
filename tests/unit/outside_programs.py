# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs of others that tests run, where the machine has them."""

from __future__ import annotations

import pytest

from testbed.programs import ProgramsError, Prometheus, find_prometheus, may_lack_prometheus


def prometheus_or_skip() -> Prometheus:
    """Return Prometheus and its tool; the test is skipped where the machine may lack them, and fails elsewhere."""
    try:
        return find_prometheus()
    except ProgramsError as error:
        if not may_lack_prometheus():
            raise
        pytest.skip(f"NOT RUN: {error}")
