# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is news about a mesh, look by look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.report import events
from ansible_collections.ossm.federation.plugins.module_utils._core.report.events import (
    Event,
    Memory,
    of_card,
    of_peers,
)
from ansible_collections.ossm.federation.tests.unit.pem import NOW

DAY = timedelta(days=1)


@dataclass
class Issued:
    """As much of a card as its age needs."""

    issued: datetime

    def is_old(self, now):
        return now - self.issued > timedelta(days=180)


def fault(kind, peer, what="503"):
    return {"kind": kind, "peer": peer, "what": what, "fails": True}


def west(*faults, outbound="connected"):
    return of_peers([{"peer": "west", "outbound": outbound}], faults)


def told(memory, seen, now=NOW):
    return [(one.kind, one.name, one.state) for one in memory.news(seen, now)]


def test_a_first_look_tells_only_what_is_not_well():
    seen = [*west(fault("expiring", "", "root 1b8f expires in 20 days")), Event("mesh", "", "well")]
    assert told(Memory(DAY, {}), seen) == [("root", "", "expiring")]


def test_a_peer_that_is_lost_and_comes_back_is_told_once_each():
    memory = Memory(DAY, {})
    looks = [west(), west(fault("pending", "west")), west(fault("pending", "west", "since 40 s")), west(), west()]
    assert [told(memory, look) for look in looks] == [
        [],
        [("peer", "west", "pending")],
        [],
        [("peer", "west", "connected")],
        [],
    ]


def test_what_is_still_not_well_is_told_again_after_a_while():
    memory = Memory(DAY, {})
    lost = west(fault("unknown", "west"))
    assert [bool(told(memory, lost, NOW + timedelta(hours=hours))) for hours in (0, 23, 24, 47, 48)] == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_a_peering_that_goes_is_told_and_a_look_that_fails_forgets_nothing():
    memory = Memory(DAY, {})
    assert told(memory, west()) == []
    assert [one.state for one in memory.news([Event("mesh", "", "unreached")], NOW, is_whole=False)] == ["unreached"]
    assert told(memory, [*west(), Event("mesh", "", "well")]) == [("mesh", "", "well")]
    assert told(memory, of_peers([], [])) == [("peer", "west", "gone")]


def test_a_suspended_peer_is_as_it_should_be():
    assert told(Memory(DAY, {}), west(fault("pending", "west"), outbound="suspended")) == []


@pytest.mark.parametrize(("days", "state"), [(0, "well"), (89, "well"), (90, "old"), (180, "old"), (181, "expired")])
def test_a_card_is_old_from_half_of_its_life_on(days, state):
    assert of_card("card", "east-for-west.json", Issued(NOW - timedelta(days=days)), NOW).state == state


def test_text_of_others_is_fit_for_a_terminal():
    data = Event("peer", "west", "pending", "\x1b[2J").as_data("east")["federation"]
    assert "\x1b" not in data["what"] and set(data) == {"kind", "mesh", "name", "state", "what", "code"}
    assert {"connected", "suspended", "well"} == events.GOOD


@pytest.mark.parametrize(
    "text", ["{{ lookup('pipe', 'id') }}", "{% raw %}", "{# x #}", "{{{ 7 * 7 }}}", "{{{% if x %}"]
)
def test_what_others_wrote_is_no_template_for_a_playbook_that_gets_it_as_an_extra_variable(text):
    """Ansible evaluates extra variables, and a rule hands on what it finds in an event."""
    told = Event("peer", text, "pending", f"answers {text}").as_data("east")["federation"]
    assert not any(mark in said for said in told.values() for mark in ("{{", "{%", "{#"))
    assert told["name"].replace("\\x7b", "{") == text, "every sign is seen where it stands"
