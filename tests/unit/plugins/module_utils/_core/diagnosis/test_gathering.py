# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What lines, policies and pages come to, before anything is decided from it."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.gathering import (
    CallsTold,
    PortsTold,
    captures_dns,
    client_of,
    cutting,
    days_left,
    hides,
    identities_of,
    peers_hosts,
    resolved,
    server_names,
    taken_in,
)
from unit.access_lines import IMPORTED, http, tcp
from unit.log_entries import CLIENT, EGRESS, entry

LABELS = {"app": "west-egress"}


def told(*lines: str, discovery: int = 8188, service: int = 15443) -> dict:
    found = PortsTold(discovery, service)
    for line in lines:
        found.note(entry(EGRESS, line))
    return found.as_data()


def polled(**fields: str) -> str:
    given = {
        "path": "/v1/services/",
        "host": "198.51.100.7:8188",
        "cluster": "outbound|8188||discovery.east-mesh-system.svc.west.local",
    }
    return http(**{**given, **fields})


def test_the_latest_line_of_a_port_says_whether_it_fails_now() -> None:
    failed = polled(code="503", flags="UF", failure="TLS error: 268435581", details="upstream_reset -")
    assert told(polled(), failed)["8188"]["reason"] == "TLS error: 268435581"
    assert told(failed, polled())["8188"] == {
        "connected": 1,
        "failed": 1,
        "reason": "",
        "refused_empty": 0,
        "durations": [],
        "broken": [],
        "answered": "",
        "denied": 0,
    }
    # Older proxies say it in the details alone, or not at all.
    assert (
        told(polled(code="503", flags="UF", details="connection_timeout -"))["8188"]["reason"] == "connection_timeout"
    )
    assert told(polled(code="503", flags="UF", details=None))["8188"]["reason"] == "connect_error"


def test_a_503_that_came_from_the_peer_is_not_one_of_our_own_gateway() -> None:
    assert told(polled(code="503", flags="-", details="via_upstream -"))["8188"]["answered"] == "via_upstream"
    assert told(polled(code="503", flags="-"), polled())["8188"]["answered"] == ""


def test_a_refusal_after_the_handshake_is_a_failure_and_an_answer_of_our_own_gateway_proves_nothing() -> None:
    alert = "TLS error: 268436504:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA"
    assert told(polled(code="503", flags="UC", failure=alert))["8188"]["reason"] == alert
    own = told(
        polled(code="503", flags="UC", details="upstream_reset_before_response_started{connection_termination} -")
    )
    assert (own["8188"]["connected"], own["8188"]["failed"]) == (0, 0)
    nobody = told(polled(code="503", flags="UH", details="no_healthy_upstream -", host="-"))
    assert nobody["8188"]["reason"] == "no_healthy_upstream"


def test_what_a_policy_of_our_own_gateway_refuses_is_not_the_peers() -> None:
    policy = "rbac_access_denied_matched_policy[ns[east-mesh-system]-policy[p]-rule[0]]"
    assert told(polled(code="403", flags="-", details=f"{policy} -", host="-"))["8188"]["answered"] == policy
    assert told(tcp(host="-").replace(" 0 - - - ", f" 0 - - {policy} "))["15443"]["denied"] == 1
    assert told(polled(code="403", flags="-", details="via_upstream -"))["8188"]["answered"] == "via_upstream"


def test_a_call_that_went_to_a_local_pod_says_nothing_of_the_peer() -> None:
    calls = CallsTold([IMPORTED])
    calls.note(entry(CLIENT, http(code="503", host="10.1.0.33:8080")))
    assert calls.as_data() is None


def test_watches_are_timed_and_ports_are_those_of_the_peer() -> None:
    watch = polled(path="/v1/watch", lasted="350012", host="198.51.100.7:31188")
    assert told(watch, watch, discovery=31188)["8188"]["durations"] == [350012, 350012]
    assert told(watch) == {}, "another port is nobody's"


def test_connections_that_end_without_a_byte_are_counted_until_one_carries_some() -> None:
    ended = tcp(lasted="15").replace(" 900 5124 ", " 900 0 ")
    assert told(ended, ended)["15443"]["refused_empty"] == 2
    assert told(ended, tcp())["15443"]["refused_empty"] == 0
    assert told(tcp(lasted="600000").replace(" 900 5124 ", " 900 0 "))["15443"]["refused_empty"] == 0


def test_the_latest_call_of_a_client_counts_and_how_long_it_had_been_quiet() -> None:
    calls = CallsTold([IMPORTED])
    for line in (
        http(),
        http(cluster="outbound|80||other.shop.svc.cluster.local"),
        http(at="2026-11-23T10:18:12.100Z", code="503", flags="UC"),
    ):
        calls.note(entry(CLIENT, line))
    assert calls.as_data() == {"code": "503", "flags": "UC", "details": "via_upstream", "idle": 420.0}


def policy(*egress: dict, selects: dict | None = None, types: tuple[str, ...] = ("Egress",)) -> dict:
    return {
        "metadata": {"name": "p"},
        "spec": {"podSelector": selects or {}, "policyTypes": list(types), "egress": list(egress)},
    }


@pytest.mark.parametrize(
    ("policies", "cut"),
    [
        ([], []),
        ([policy(types=("Ingress",))], []),
        ([policy()], [8188, 15443]),
        ([policy({})], []),
        ([policy({"to": [{"namespaceSelector": {}}]})], [8188, 15443]),
        ([policy({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 8188}]})], [15443]),
        ([policy(), policy({"ports": [{"port": 8000, "endPort": 16000}]})], []),
        ([policy(selects={"matchLabels": {"app": "other"}})], []),
        ([policy({"ports": [{"protocol": "UDP", "port": 8188}]})], [8188, 15443]),
        ([{"spec": "odd"}, {"spec": {"policyTypes": ["Egress"], "egress": [3]}}], [8188, 15443]),
    ],
)
def test_a_port_is_cut_only_where_no_policy_lets_it_through(policies: list, cut: list) -> None:
    found = cutting(policies, LABELS, [8188, 15443])
    assert (found[0]["ports"] if found else []) == cut


def sidecar(*hosts: str, **labels: str) -> dict:
    chosen = {"workloadSelector": {"labels": labels}} if labels else {}
    return {"spec": {**chosen, "egress": [{"hosts": list(hosts)}]}}


@pytest.mark.parametrize(
    ("sidecars", "expected"),
    [
        ([], False),
        ([sidecar("./*", "istio-system/*")], True),
        ([sidecar("./*", "east-mesh-system/*")], False),
        ([sidecar("*/*")], False),
        ([sidecar(f"east-mesh-system/{IMPORTED}")], False),
        ([sidecar("east-mesh-system/*.west-imports.local")], False),
        ([sidecar("./*"), sidecar("*/*", app="web")], False),
        ([sidecar("*/*"), sidecar("./*", app="web")], True),
        ([{"spec": {"egress": None}}], False),
    ],
)
def test_a_sidecar_object_hides_imports_unless_it_names_where_they_live(sidecars: list, expected: bool) -> None:
    assert hides(sidecars, {"app": "web"}, "east-mesh-system", IMPORTED) is expected


def test_pages_of_envoy_are_read_with_care() -> None:
    assert (
        days_left(
            {
                "certificates": [
                    {"cert_chain": [{"days_until_expiration": "1"}]},
                    {"cert_chain": [{"days_until_expiration": "-2"}]},
                ]
            }
        )
        == -2
    )
    assert days_left({"certificates": "odd"}) is None
    for odd in ("\u00b2", "\u0663", "--1", "9" * 5000, 1.5, None):
        assert (
            days_left(
                {"certificates": [{"cert_chain": [{"days_until_expiration": odd}, {"days_until_expiration": "-3"}]}]}
            )
            == -3
        )
    clusters = {
        "cluster_statuses": [
            {"name": "outbound|8188||discovery.n.svc.west.local", "host_statuses": [{}, {}]},
            {"name": 3},
        ]
    }
    assert (peers_hosts(clusters, "discovery.n.svc.west.local"), peers_hosts(clusters, "other")) == (2, None)


def test_a_client_that_is_going_does_not_count() -> None:
    going = {"metadata": {"deletionTimestamp": "x"}, "spec": {}}
    assert client_of("shop/web", [going], None, "home", [IMPORTED])["pods"] == {"all": 0, "with_sidecar": 0}


def test_a_watch_that_was_cut_off_is_told_from_one_that_ended() -> None:
    cut = polled(path="/v1/watch", flags="UC", details="upstream_reset_before_response_started -", lasted="1500")
    found = told(polled(path="/v1/watch", lasted="45000"), cut, cut)["8188"]
    assert (found["durations"], found["broken"]) == ([45000], [1500, 1500])


def test_refusals_before_a_call_that_came_through_no_longer_count() -> None:
    refused = tcp(host="-").replace(" - - ", " - rbac_access_denied_matched_policy[x] ", 1)
    assert told(refused, refused)["15443"]["denied"] == 2
    # Newer proxies have chosen an endpoint by then.
    with_endpoint = tcp().replace(" - - ", " - rbac_access_denied_matched_policy[x] ", 1)
    assert told(with_endpoint)["15443"]["denied"] == 1
    assert told(refused, tcp())["15443"]["denied"] == 0


def test_server_names_are_those_of_all_filter_chains_and_fit_services_by_their_host() -> None:
    chains = [
        {"filter_chain_match": {"server_names": ["outbound_.80_._.cart.shop.svc.west-imports.local"]}},
        {"filter_chain_match": {}},
    ]
    dump = {"configs": [{"active_state": {"listener": {"filter_chains": chains}}}, {"warming_state": {}}, None]}
    names = server_names(dump)
    assert names == {"outbound_.80_._.cart.shop.svc.west-imports.local"}
    hosts = {"shop/cart": IMPORTED, "shop/till": "till.shop.svc.west-imports.local"}
    assert taken_in(names, hosts) == ["shop/cart"]
    assert taken_in({"*"}, hosts) == list(hosts)
    assert server_names({}) == server_names({"configs": "odd"}) == set()


def test_identities_are_those_of_all_certificates_and_nothing_else() -> None:
    entry_ = {"subject_alt_names": [{"uri": "spiffe://east.local/ns/a/sa/b"}, {"dns": "x"}, {"uri": "https://odd"}]}
    assert identities_of({"certificates": [{"cert_chain": [entry_, {}]}, {"ca_cert": [entry_]}]}) == [
        "east.local/ns/a/sa/b"
    ]


@pytest.mark.parametrize(
    ("endpoints", "statistics", "expected"),
    [
        (None, "", None),
        (2, "c.update_failure: 9", "answered"),
        (0, "c.update_empty: 1\nc.update_failure: 0", "nxdomain"),
        (0, "c.update_empty: 0\nc.update_failure: 3", "failing"),
        (0, "odd\nc.update_empty: many", "unresolved"),
        (0, f"c.update_empty: {'9' * 5000}", "unresolved"),
    ],
)
def test_what_dns_made_of_a_name_shows_in_endpoints_and_statistics(
    endpoints: int | None, statistics: str, expected: str | None
) -> None:
    assert resolved(endpoints, statistics) == expected


def test_a_sidecar_itself_knows_best_whether_it_answers_dns() -> None:
    off = {"defaultConfig": {"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "false"}}}
    control_plane = {"spec": {"techPreview": {"meshConfig": off}}}
    assert captures_dns({"node": {"metadata": {"DNS_CAPTURE": "true"}}}, control_plane) is True
    assert captures_dns({"node": {"metadata": {}}}, control_plane) is False
    assert captures_dns(None, {"spec": {"meshConfig": off}}) is False
    assert captures_dns({"node": "odd"}, {}) is None
