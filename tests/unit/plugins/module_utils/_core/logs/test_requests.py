# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One request is followed through four proxies; what is only probable is never called exact."""

from __future__ import annotations

from ansible_collections.ossm.federation.plugins.module_utils._core.logs.lines import Entry
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.requests import (
    connections_in,
    is_connection,
    journey,
    told_of_lost,
)
from unit.access_lines import EXPORTED, http, tcp
from unit.log_entries import CLIENT, EGRESS, INGRESS, SERVER, entry, way


def followed(*entries: Entry) -> tuple[list[tuple[str, str]], list[str]]:
    found = journey([one for one in entries if not is_connection(one)], [one for one in entries if is_connection(one)])
    return [(hop.role, hop.certainty) for hop in found.hops], [
        *found.notes,
        *(told_of_lost(one, None) for one in found.lost),
    ]


def test_a_request_is_followed_from_its_client_through_both_gateways_to_its_server() -> None:
    hops, notes = followed(*way().values())
    # Between meshes an address may be somebody else's.
    assert hops == [
        ("client", "exact"),
        ("egress gateway", "exact"),
        ("ingress gateway", "probable"),
        ("server", "exact"),
    ]
    assert notes == []


def test_a_translated_address_is_joined_by_sni_and_time_and_only_probable() -> None:
    lines = way()
    lines["ingress"] = entry(
        INGRESS, tcp(local="10.2.0.9:52002", remote="203.0.113.9:1025", sni=f"outbound_.80_._.{EXPORTED}")
    )
    hops, _notes = followed(*lines.values())
    assert hops[2] == ("ingress gateway", "probable")
    other = entry(INGRESS, tcp(local="10.2.0.9:52099", remote="203.0.113.9:1026", sni=f"outbound_.80_._.{EXPORTED}"))
    hops, _notes = followed(*lines.values(), other)
    assert hops[2] == ("ingress gateway", "possible")


def test_without_a_line_of_the_gateway_the_connection_may_still_be_open() -> None:
    lines = way()
    hops, notes = followed(lines["client"])
    assert hops == [("client", "exact")]
    assert "may still be open" in notes[0]


def endpoint(active: int, **more: object) -> dict:
    counts = {"cx_total": 3, "cx_active": active, "rq_active": 0}
    # What is 0 has no value.
    stats = [{"name": name, **({"value": str(count)} if count else {})} for name, count in counts.items()]
    return {"address": {"socket_address": {"address": "10.1.0.15", "port_value": 15443}}, "stats": stats, **more}


def test_an_envoy_that_has_the_connection_still_says_so_and_one_that_has_none_blames_the_gateways_log() -> None:
    client = way()["client"]
    name = client.fields["upstream_cluster"]
    other = {"name": "outbound|80||other.shop", "host_statuses": [endpoint(9)]}
    still = "connection still open: its Envoy has one to 10.1.0.15:15443 (cx_active 1, cx_total 3, rq_active 0)"
    for active, said in ((1, still), (0, "writes no access log")):
        page = {"cluster_statuses": [other, {"name": f"{name};", "host_statuses": [endpoint(active)]}]}
        counts = connections_in(page, client)
        assert counts == {"cx_active": active, "cx_total": 3, "rq_active": 0} and said in told_of_lost(client, counts)
    for page in (
        {},
        {"cluster_statuses": [other]},
        {"cluster_statuses": [{"name": name, "host_statuses": [endpoint(1, address={})]}]},
    ):
        assert connections_in(page, client) is None


def test_a_connection_that_had_ended_before_is_not_the_requests() -> None:
    lines = way()
    lines["egress"] = entry(EGRESS, tcp(at="2026-11-23T10:00:00.000Z", lasted="1000"))
    hops, _notes = followed(lines["client"], lines["egress"])
    assert hops == [("client", "exact")]


def test_one_address_on_two_connections_at_that_time_is_not_exact() -> None:
    lines = way()
    hops, _notes = followed(*lines.values(), entry(EGRESS, tcp(local="10.1.0.15:33999")))
    assert hops[1] == ("egress gateway", "probable")


def test_from_the_exporting_side_alone_the_gateway_before_the_server_is_found() -> None:
    lines = way()
    assert followed(lines["ingress"], lines["server"])[0] == [("ingress gateway", "exact"), ("server", "exact")]


def test_clocks_that_cannot_be_right_are_told() -> None:
    early = entry(
        SERVER, http(at="2026-11-23T10:11:09.100Z", lasted="8", cluster="inbound|8080||", remote="10.2.0.9:52002")
    )
    _hops, notes = followed(entry(CLIENT, http()), early)
    assert "Clock skew: west/shop/cart-1/istio-proxy is at least 3,000 ms behind east/shop/web-1/istio-proxy" in notes


def test_a_request_that_nobody_logged_is_said_to_be_so() -> None:
    assert followed() == (
        [],
        ["No access line has this id. The sidecars may not write an access log, or these pods were not asked"],
    )


def test_a_hop_is_told_without_the_text_of_its_line() -> None:
    found = journey([entry(CLIENT, http(code="503", flags="UH", host="-", path="/secret-path"))], [])
    (hop,) = found.hops
    assert "no endpoint was chosen" in hop.line() and "UH: no healthy endpoint" in hop.line()
    assert "secret-path" not in str(hop.as_data()) + hop.line()
