# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be written in ``mesh_traffic``, and what is told of what cannot."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.parse import parse_mesh
from ansible_collections.ossm.federation.plugins.module_utils._core.traffic.wanted import Outlier, Retries, read_wanted

MESH = parse_mesh(
    name="east",
    namespace="east-mesh-system",
    control_plane="basic",
    peers=["west", {"name": "prod", "local_name": "first"}, {"name": "prod", "local_name": "second"}],
)


def read(*entries):
    return read_wanted(list(entries), MESH)


def test_a_whole_rule_is_read():
    found, problems = read(
        {
            "service": "shop/cart",
            "failover_to": "west",
            "outlier": {"consecutive_5xx": "3", "interval": "5s"},
            "callers": {"from_mesh": ["west"], "local": "nobody", "dry_run": "yes"},
            "retries": {"attempts": 0},
        }
    )
    assert problems == []
    assert (found[0].service, found[0].failover_to, found[0].outlier) == ("shop/cart", "west", Outlier(3, "5s", "30s"))
    assert (found[0].callers.local, found[0].callers.dry_run, found[0].retries) == ((), True, Retries(0))


def test_a_peer_is_told_by_our_own_name_where_several_share_theirs():
    assert [problem.code for problem in read({"service": "a/b", "failover_to": "prod"})[1]] == ["FED320"]
    assert read({"service": "a/b", "failover_to": "second"})[0][0].failover_to == "second"


@pytest.mark.parametrize(
    ("code", "entry"),
    [
        ("FED850", "shop/cart"),
        ("FED850", {}),
        ("FED850", {"failover_to": "west"}),
        ("FED850", {"service": "cart", "failover_to": "west"}),
        ("FED850", {"service": "shop/Cart", "failover_to": "west"}),
        ("FED850", {"service": "a/b/c", "failover_to": "west"}),
        ("FED850", {"service": "shop/cart"}),
        ("FED850", {"service": "shop/cart", "failover": "west"}),
        ("FED850", {"service": "shop/cart", "failover_to": ""}),
        ("FED302", {"service": "shop/cart", "failover_to": ["west"]}),
        ("FED850", {"service": "shop/cart", "outlier": {"consecutive_5xx": 3}}),
        ("FED850", {"service": "shop/cart", "failover_to": "west", "outlier": {"consecutive_5xx": 0}}),
        ("FED850", {"service": "shop/cart", "failover_to": "west", "outlier": {"consecutive_5xx": True}}),
        ("FED850", {"service": "shop/cart", "failover_to": "west", "outlier": {"interval": 10}}),
        ("FED850", {"service": "shop/cart", "failover_to": "west", "outlier": {"interval": "0s"}}),
        ("FED850", {"service": "shop/cart", "failover_to": "west", "outlier": {"max_ejection": 10}}),
        ("FED855", {"service": "shop/cart", "split": [80, 20]}),
        ("FED855", {"service": "shop/cart", "split": {"local": 80.5, "west": 19.5}}),
        ("FED855", {"service": "shop/cart", "split": {"local": 99, "west": True}}),
        ("FED302", {"service": "shop/cart", "split": {"local": 80, "wset": 20}}),
        ("FED850", {"service": "shop/cart", "callers": {"local": ["shop/web"]}}),
        ("FED850", {"service": "shop/cart", "callers": {"service_accounts": ["web"]}}),
        ("FED850", {"service": "shop/cart", "callers": {"service_accounts": ["shop/web"], "dry_run": True}}),
        ("FED850", {"service": "shop/cart", "callers": {"from_mesh": ["west"], "local": []}}),
        ("FED850", {"service": "shop/cart", "timeout": "soon"}),
        ("FED850", {"service": "shop/cart", "retries": {"retry_on": "503"}}),
        ("FED850", {"service": "shop/cart", "retries": {"attempts": 2, "retry_on": "a b"}}),
    ],
)
def test_what_cannot_be_read_is_a_problem_with_a_place(code, entry):
    _found, problems = read(entry)
    assert code in [problem.code for problem in problems]
    assert all(problem.where.startswith("mesh_traffic") and problem.fix for problem in problems)


@pytest.mark.parametrize("local", [False, ["nobody"], "web"], ids=str)
def test_who_means_nobody_is_told_the_word_for_it(local):
    (problem,) = read({"service": "shop/cart", "callers": {"from_mesh": ["west"], "local": local}})[1]
    assert problem.fix.endswith("; local: nobody admits none")


def test_retries_that_are_a_number_are_one_problem():
    (problem,) = read({"service": "shop/cart", "retries": 3})[1]
    assert (problem.where, problem.what) == ("mesh_traffic, shop/cart, retries", "is not a mapping")


def test_what_is_no_list_is_refused_whole():
    assert [problem.code for problem in read_wanted("shop/cart", MESH)[1]] == ["FED850"]


def test_more_rules_than_one_run_takes_are_refused_whole():
    _found, problems = read_wanted([{"service": f"shop/s{number}", "timeout": "5s"} for number in range(1001)], MESH)
    assert [(problem.code, problem.what) for problem in problems] == [
        ("FED850", "has 1,001 entries, and at most 1,000 are allowed")
    ]


@pytest.mark.parametrize(
    ("duration", "is_taken"),
    [
        ("500ms", True),
        ("0.5s", True),
        ("1h30m", True),
        ("8760h", True),
        ("1.5ms", False),
        ("0.0001s", False),
        ("8761h", False),
        ("9" * 30 + "h", False),
    ],
)
def test_a_duration_is_one_that_istiod_takes(duration, is_taken):
    assert (read({"service": "shop/cart", "timeout": duration})[1] == []) is is_taken
