# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What firewalls must let through between two meshes."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card import firewall
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Ingress
from ansible_collections.ossm.federation.plugins.module_utils._core.card.firewall import Path

OURS = Ingress(("192.0.2.10",))
THEIRS = Ingress(("198.51.100.7", "198.51.100.8"), 30188, 31443)


def path(ours=OURS, theirs=THEIRS, **more):
    return Path("east", "west", "west", ours, theirs, **more)


def test_both_firewalls_open_both_ports_in_both_directions():
    rows = [rule.to_data() for rule in firewall.rules(path())]
    assert {
        (row["firewall"], row["direction"], row["from"], tuple(row["to"]), row["port"], row["purpose"]) for row in rows
    } == {
        ("east", "in", "west's cluster", OURS.addresses, 8188, "discovery"),
        ("east", "in", "west's cluster", OURS.addresses, 15443, "services"),
        ("east", "out", "east's cluster", THEIRS.addresses, 30188, "discovery"),
        ("east", "out", "east's cluster", THEIRS.addresses, 31443, "services"),
        ("west", "out", "west's cluster", OURS.addresses, 8188, "discovery"),
        ("west", "out", "west's cluster", OURS.addresses, 15443, "services"),
        ("west", "in", "east's cluster", THEIRS.addresses, 30188, "discovery"),
        ("west", "in", "east's cluster", THEIRS.addresses, 31443, "services"),
    }
    assert {row["protocol"] for row in rows} == {"TCP"}


def test_while_the_peer_is_unknown_its_rules_name_no_address_and_the_usual_ports():
    rules = [rule for rule in firewall.rules(path(theirs=None)) if rule.source == "east's cluster"]
    assert {(rule.to, rule.port) for rule in rules} == {((), 8188), ((), 15443)}
    assert (
        "east reaches west at the addresses on west-for-east.json, as a rule TCP 8188 (discovery) and TCP 15443"
        " (services)" in firewall.lines(path(theirs=None))
    )


def test_the_lines_say_who_reaches_whom_where():
    lines = firewall.lines(path())
    assert lines[0] == "west reaches east at 192.0.2.10, TCP 8188 (discovery) and TCP 15443 (services)"
    assert lines[2] == "east reaches west at 198.51.100.7, 198.51.100.8, TCP 30188 (discovery) and TCP 31443 (services)"
    assert lines[1].startswith("east's firewall must allow it in, west's must allow it out")
    assert lines[3].startswith("east's firewall must allow it out, west's must allow it in")


def test_meshes_of_one_cluster_need_no_firewall():
    inside = path(ours=Ingress(("west-ingress.east-mesh-system.svc.cluster.local",)), theirs=None)
    assert firewall.rules(inside) == firewall.rules(path(same_cluster=True)) == []
    assert firewall.lines(inside)[-1] == "east and west connect inside one cluster: only a NetworkPolicy can block them"
    assert inside.names() == []


@pytest.mark.parametrize(
    ("ours", "theirs", "version", "said"),
    [
        pytest.param(
            ["2001:db8::1"],
            ["2001:db8::2"],
            (2, 3),
            ["its control plane is v2.3: IPv6 is supported from v2.4 on"],
            id="too-old",
        ),
        pytest.param(["2001:db8::1"], ["2001:db8::2"], (2, 4), [], id="new-enough"),
        pytest.param(["2001:db8::1"], ["2001:db8::2"], None, [], id="unknown-version"),
        pytest.param(
            ["192.0.2.1", "2001:db8::1"],
            [],
            (2, 6),
            ["east gives IPv4 and IPv6 addresses, and west spreads"],
            id="both-of-ours",
        ),
        pytest.param(
            ["192.0.2.1"],
            ["192.0.2.2", "2001:db8::1"],
            (2, 6),
            ["west gives IPv4 and IPv6 addresses, and east"],
            id="both-of-theirs",
        ),
        pytest.param(
            ["192.0.2.1"], ["2001:db8::1"], (2, 6), ["east is reached by IPv4 and west by IPv6"], id="one-each"
        ),
        pytest.param(["192.0.2.1"], ["198.51.100.1"], (2, 1), [], id="IPv4"),
    ],
)
def test_address_families_that_cannot_meet_are_told(ours, theirs, version, said):
    notes = firewall.notes(path(Ingress(tuple(ours)), Ingress(tuple(theirs)) if theirs else None), version, {})
    assert len(notes) == len(said)
    assert all(part in note for part, note in zip(said, notes))


def test_a_name_is_told_by_what_it_resolves_to_and_who_must_resolve_it():
    between = path(Ingress(("east.example.com",)), Ingress(("west.example.com", "slow.example.com")))
    assert between.names() == ["east.example.com", "west.example.com", "slow.example.com"]
    open_name, missing = firewall.notes(
        between, (2, 3), {"east.example.com": ["192.0.2.1", "192.0.2.2"], "west.example.com": []}
    )
    assert open_name.startswith("east.example.com is 192.0.2.1, 192.0.2.2 now")
    assert "west.example.com does not resolve here yet" in missing
    assert "in east's cluster, for istiod and for the egress gateway to west" in missing
