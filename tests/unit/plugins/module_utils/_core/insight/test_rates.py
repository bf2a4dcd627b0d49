# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Prometheus is asked about the edges of a federation, and what its answers come to."""

from __future__ import annotations

import math

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.insight.rates import (
    MOST_EDGES,
    MOST_HOSTS,
    edges,
    questions,
)

CART, TILL = "cart.shop.svc.west-imports.local", "till.shop.svc.west-imports.local"
WEB = {"source_workload_namespace": "shop", "source_workload": "web", "destination_service": CART}
GATEWAY = {**WEB, "source_workload_namespace": "east-mesh-system", "source_workload": "west-egress"}


def test_calls_are_asked_of_those_who_make_them_and_gateways_of_connections() -> None:
    asked = questions([CART], ["west-egress"])
    assert [kind for kind, _query in asked] == ["requests", "milliseconds", "connections", "bytes", "bytes"]
    assert all('reporter="source"' in query for _kind, query in asked)
    assert "cart\\\\.shop\\\\.svc" in asked[0][1] and "istio_tcp_" in asked[2][1]
    assert questions([], []) == []
    calls, _times = questions([], [], ["west-ingress"])
    assert 'reporter="destination",source_workload=~"west-ingress"' in calls[1]


def test_an_edge_has_its_errors_its_time_and_its_share_of_mutual_tls() -> None:
    answers = {
        "requests": [
            ({**WEB, "response_code": "200", "connection_security_policy": "mutual_tls"}, 9.0),
            ({**WEB, "response_code": "503", "connection_security_policy": "none"}, 2.0),
            ({**WEB, "response_code": "0", "connection_security_policy": "none"}, 1.0),
        ],
        "milliseconds": [(WEB, 12.345)],
    }
    (row,) = edges(answers, [CART])
    assert row == {
        "edge": f"shop/web → {CART}",
        "state": "degraded",
        "requests_per_second": 12.0,
        "errors_per_cent": 25.0,
        "milliseconds": 12.3,
        "connections_per_second": None,
        "bytes_per_second": None,
        "mutual_tls_per_cent": 75.0,
    }


def test_what_a_client_does_not_know_of_mutual_tls_is_no_figure() -> None:
    unknown = {**WEB, "response_code": "200", "connection_security_policy": "unknown"}
    (row,) = edges({"requests": [(unknown, 1.0)]}, [CART])
    assert (row["mutual_tls_per_cent"], row["state"]) == (None, "healthy")


def test_an_import_that_nobody_calls_is_idle_and_so_is_one_whose_calls_have_ended() -> None:
    rows = edges({"requests": [({**WEB, "response_code": "200"}, 0.0)]}, [CART, TILL])
    assert [(row["edge"], row["state"]) for row in rows] == [
        (f"shop/web → {CART}", "idle"),
        (f"nobody → {TILL}", "idle"),
    ]
    assert edges({}, [CART]) == []


def test_a_gateways_edge_has_connections_and_bytes_and_no_requests() -> None:
    (row,) = edges({"connections": [(GATEWAY, 0.5)], "bytes": [(GATEWAY, 2050.0)]}, [])
    assert (row["requests_per_second"], row["connections_per_second"], row["bytes_per_second"]) == (None, 0.5, 2050.0)
    assert row["edge"] == f"east-mesh-system/west-egress → {CART}"


def test_nobody_is_said_to_call_an_import_that_was_not_asked_about() -> None:
    many = [f"s{number:03}.shop.svc.west-imports.local" for number in range(MOST_HOSTS + 2)]
    asked, rows = [query for kind, query in questions(many, []) if kind == "requests"], edges({"requests": []}, many)
    assert sum(query.count("|") + 1 for query in asked) == MOST_HOSTS == len(rows) and max(map(len, asked)) < 4000
    assert f"nobody → {many[-1]}" not in [row["edge"] for row in rows]


@pytest.mark.parametrize("name", ['x",y="', "cart\n", "cart.*", "my_cart.example", "", "a" * 64])
def test_an_imported_name_that_is_no_dns_name_gets_into_no_question(name: str) -> None:
    assert questions([name, CART], []) == questions([CART], [])
    assert edges({"requests": []}, [name]) == []


# A sum of two of the last but one is infinite, and 100 times it as well.
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 1.7e308, 1e16])
def test_figures_that_are_none_are_passed_over(value: float) -> None:
    assert edges({"requests": [({**WEB, "response_code": "503"}, value)] * 2, "bytes": [(WEB, value)]}, []) == []


def test_edges_have_a_bound_and_the_busiest_are_kept() -> None:
    many = [
        ({**WEB, "source_workload": f"w{number}", "response_code": "200"}, float(number))
        for number in range(MOST_EDGES + 5)
    ]
    found = edges({"requests": many}, [])
    assert len(found) == MOST_EDGES and found[0]["edge"].startswith(f"shop/w{MOST_EDGES + 4} ")
