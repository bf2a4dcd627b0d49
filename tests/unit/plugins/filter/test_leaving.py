# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whom a run leaves."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ossm.federation.plugins.filter.leaving import leaving_refused, leaving_unknown, peers_leaving

PROD = {
    "name": "prod",
    "local_name": "west",
    "suspended": True,
    "gateways": {"ingress": "in-west", "service_type": "NodePort"},
}
NORTH = {"name": "north", "local_name": "north"}
WEST = {"name": "prod", "local_name": "west", "gateways": {"ingress": "in-west"}}


@pytest.mark.parametrize("names", ["all", ["all"], "[all]", " all "])
def test_by_the_word_all_peers_are_left_in_as_few_words_as_leaving_takes(names):
    assert peers_leaving(["north", PROD], names, "east") == [NORTH, WEST]
    assert leaving_refused(names) == ""


NOBODY = ["", " ", ",", " , ", "[]", "[ ]", "['']", '""', "\n", [], [""], [None], ["", None], (), None]
UNSAID = [
    "{}",
    "~",
    "west,,north",
    "west,",
    "west north",
    "all,west",
    ["all", "west"],
    ["west", None],
    {},
    {"west": 1},
    False,
    True,
    0,
    5,
    [5],
]


@pytest.mark.parametrize("names", [*NOBODY, *UNSAID], ids=repr)
def test_what_does_not_say_whom_to_leave_is_refused_and_leaves_nobody(names):
    assert leaving_refused(names).startswith("FED322 unfederate_peers: ")
    with pytest.raises(AnsibleFilterError, match="FED322"):
        peers_leaving(["north", PROD], names, "east")


def test_all_of_nobody_is_nobody():
    assert peers_leaving([], "all", "east") == []


@pytest.mark.parametrize("names", ["west,gone", "[west, gone]", ["west", "gone"], "prod, gone"])
def test_names_mean_entries_or_peers_that_are_no_longer_described(names):
    assert peers_leaving(["north", PROD], names, "east") == [WEST, {"name": "gone", "local_name": "gone"}]


def test_a_mesh_has_nothing_to_leave_by_its_own_name():
    assert peers_leaving(["north", PROD], "east", "east") == []


KNOWN = {"east": {"__peers_known": ["prod", "west"]}, "north": {"__peers_known": ["east", "leftover"]}}


@pytest.mark.parametrize("names", ["west", "prod", "leftover,east", "north", "all"])
def test_a_name_counts_that_any_host_describes_or_has_something_of_or_is(names):
    assert leaving_unknown(["east", "north"], KNOWN, names) == ""


def test_a_name_that_no_host_knows_is_refused_with_those_that_are_known():
    told = leaving_unknown(["east", "north"], KNOWN, "west,nobody")
    assert told.startswith("FED302 unfederate_peers: names nobody, ")
    assert "known peers are east, leftover, prod, west" in told


def test_a_mesh_alone_has_nothing_to_leave_by_its_own_name():
    assert "FED302" in leaving_unknown(["east"], KNOWN, "east")


def test_while_a_host_has_not_told_whom_it_knows_no_name_is_unknown():
    assert leaving_unknown(["east", "south"], {**KNOWN, "south": {}}, "nobody") == ""


@pytest.mark.parametrize(
    ("names", "leaves"),
    [
        ("all", True),
        (["all"], True),
        ("[all]", True),
        ("west", True),
        ("west,east", True),
        ("east", False),
        (["east"], False),
    ],
)
def test_a_mesh_without_peers_of_its_own_knows_by_the_same_words_whether_it_leaves(names, leaves):
    # As roles/peers asks.
    assert bool(peers_leaving(["anybody"], names, "east")) is leaves
