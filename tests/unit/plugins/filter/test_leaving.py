# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whom a run leaves."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.filter.leaving import peers_leaving

PROD = {"name": "prod", "local_name": "west", "suspended": True, "gateways": {"ingress": "in-west", "service_type": "NodePort"}}
NORTH = {"name": "north", "local_name": "north", "gateways": {}}
WEST = {"name": "prod", "local_name": "west", "gateways": {"ingress": "in-west"}}


@pytest.mark.parametrize("names", ["", [], " "])
def test_without_names_all_peers_are_left_in_as_few_words_as_leaving_takes(names):
    assert peers_leaving(["north", PROD], names, "east") == [NORTH, WEST]


@pytest.mark.parametrize("names", ["west,gone", "[west, gone]", ["west", "gone"], "prod, gone"])
def test_names_mean_entries_or_peers_that_are_no_longer_described(names):
    assert peers_leaving(["north", PROD], names, "east") == [WEST, {"name": "gone", "local_name": "gone", "gateways": {}}]


def test_a_mesh_has_nothing_to_leave_by_its_own_name():
    assert peers_leaving(["north", PROD], "east", "east") == []
