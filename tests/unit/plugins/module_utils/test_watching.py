# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which arguments an event source takes."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._watching import Watch


@pytest.mark.parametrize(
    ("args", "what"),
    [({"mesh": "east", "kube_config": "x"}, "Argument kube_config: is not known"), ({}, "Argument mesh: is not set")],
)
def test_an_argument_that_is_unknown_or_missing_is_refused(args, what):
    with pytest.raises(FederationError, match=what) as refused:
        Watch.of(args)
    assert refused.value.code == "FED926"


def test_a_watch_waits_some_seconds_whatever_it_is_told():
    assert [Watch.of({"mesh": "east", "interval": seconds}).interval for seconds in (None, 0, 1, 30)] == [60, 60, 5, 30]
