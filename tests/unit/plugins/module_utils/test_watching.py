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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("interval", "soon"),
        ("interval", -5),
        ("interval", "\u0665\u0665"),
        ("again", 10**20),
        ("again", 1.5),
        ("peers", 5),
        ("peers", {"west": 1}),
    ],
)
def test_an_argument_that_no_watch_can_have_is_refused_by_name(name, value):
    with pytest.raises(FederationError, match=f"FED926 Argument {name}"):
        Watch.of({"mesh": "east", name: value})


@pytest.mark.parametrize("peers", ["west,north", " west , north ", ["west", "north"]])
def test_peers_may_be_a_text_with_commas_as_everywhere_else(peers):
    assert Watch.of({"mesh": "east", "peers": peers}).params["peers"] == ["west", "north"]
