# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which addresses are called from here, and that what comes of it decides no rung; a request from a pod decides the
last.
"""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import Export, Port
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis import probing
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.calling import NOT_REACHED, REACHED
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.evidence import Evidence
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.ladder import Diagnosis, diagnosed
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis.probing import (
    MOST_ADDRESSES,
    Probed,
    fit,
    is_tls,
    shown_in_clear,
    wanted_first,
    ways,
    ways_of,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.verification import verdicts
from unit.diagnosis.worlds import FAULTS, healthy, with_fault

PORTS = {"8188": 8188, "15443": 15443}
REFUSED = probing.Way("west.example.com", 8188, "8188")


def told_of(*addresses: str, loopback: bool = False) -> list[str]:
    return [way.why_not for way in ways(addresses, PORTS, loopback=loopback) if way.use == "8188"]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("fd00:ec2::254", "metadata"),
        ("metadata.google.internal", "metadata"),
        ("localhost", "machine itself"),
        ("kubernetes.default.svc.cluster.local", "inside its own cluster"),
        ("intranet", "search path"),
        ("west.example.com/x?", "neither"),
        ("2130706433", "neither"),
        ("-oProxyCommand=x", "neither"),
    ],
)
def test_an_address_that_leads_back_here_is_not_called(address: str, why: str) -> None:
    (told,) = told_of(address)
    assert why in told


def test_a_testbed_on_one_machine_may_call_itself_and_a_peer_elsewhere_is_called() -> None:
    assert told_of("127.0.0.1", loopback=True) == [""]
    assert told_of("west.example.com", "192.0.2.9", "10.1.2.3") == ["", "", ""]


def test_what_a_name_leads_to_is_looked_at_as_the_name_was() -> None:
    may, why = fit(["169.254.169.254", "192.0.2.9"], loopback=False)
    assert may == ["192.0.2.9"] and "link-local" in why
    assert fit(["fe80::1%eth0"], loopback=False)[0] == []
    assert fit(["127.0.0.1"], loopback=True) == (["127.0.0.1"], "")


def test_addresses_beyond_the_most_are_told_once_and_not_called() -> None:
    told = told_of(*(f"192.0.2.{number}" for number in range(1, 200)))
    assert len(told) == MOST_ADDRESSES + 1 and not any(told[:-1])
    assert told[-1] == "at most 6 addresses of a peer are called, and it has 199"


@pytest.mark.parametrize("port", [0, 65536, "8188; rm", {"a": 1}, [8188]])
def test_a_port_that_is_none_is_not_called(port: object) -> None:
    way = ways(["192.0.2.9"], {"8188": port, "15443": 15443}, loopback=False)[0]  # type: ignore[dict-item]
    assert way.port == 0 and "is not a port" in way.why_not


def test_the_ways_are_those_of_the_object_and_of_the_card_where_none_stands() -> None:
    world = healthy()
    world["peer_object"]["spec"]["remote"] = {"addresses": ["192.0.2.9"], "servicePort": 30443}
    exports = [Export("cart.shop.svc.east-exports.local", (Port("http", 80, "HTTP"),))]
    found = [(way.address, way.port, way.server_name) for way in ways_of(world, exports, loopback=False)]
    name = "outbound_.80_._.cart.shop.svc.east-exports.local"
    assert found == [("192.0.2.9", 8188, ""), ("192.0.2.9", 30443, name)]
    card = {"addresses": ["192.0.2.10"], "discovery_port": 31188, "service_port": 31443}
    found = [
        (way.address, way.port, way.server_name)
        for way in ways_of({"peer_object": None, "card": card}, (), loopback=False)
    ]
    assert found == [("192.0.2.10", 31188, ""), ("192.0.2.10", 31443, "")]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (b"\x16", True),
        (b"\x16\x03\x03", True),
        (b"\x15\x03", True),
        (b"HTTP/1.1 400", False),
        (b"SSH-2.0", False),
        (b"\x16\x02", False),
    ],
)
def test_an_answer_that_is_not_tls_is_known_by_its_first_bytes(first: bytes, expected: bool) -> None:
    assert is_tls(first) is expected


@pytest.mark.parametrize(
    "taken",
    [b"", b"\x16\x03\x03", b"\x16\x03\x03\xff\xff\x0b\xff\xff\xff", b"\x16\x03\x03\x00\x05\x0b\x00\x00\x01\x00"],
)
def test_half_a_handshake_shows_nothing_and_raises_nothing(taken: bytes) -> None:
    assert shown_in_clear(taken) == (b"", False)


def with_probe(world: dict) -> Diagnosis:
    return diagnosed(Evidence.of(world), [Probed(REFUSED, probing.REFUSED).as_data()])


@pytest.mark.parametrize("name", [None, *FAULTS])
def test_a_probe_from_the_controller_changes_no_code_rung_side_or_state(name: str | None) -> None:
    world = with_fault(FAULTS[name]) if name else healthy()
    before, after = diagnosed(Evidence.of(world)), with_probe(world)
    assert after.steps == before.steps and after.verdict == before.verdict
    assert {**after.as_data(), "probes": []} == before.as_data()
    assert [line for line in after.lines() if line not in before.lines()] == [
        "from the machine that runs Ansible, which may go another way than the mesh; it decides no rung above:",
        "  west.example.com port 8188   the connection is refused",
    ]


def request_rung(**call: str) -> tuple[str, str]:
    world = healthy()
    world["request"] = None
    if call:
        world["own_request"] = {"client": "shop/web-1", "host": "cart.shop.svc.west-imports.local", **call}
    found = diagnosed(Evidence.of(world))
    return {rung.name: step.state for rung, step in found.steps}["request"], found.verdict[2]


def test_a_request_from_a_pod_decides_the_last_rung_and_names_both_candidates_where_it_fails() -> None:
    assert request_rung() == ("unknown", "")
    assert request_rung(state="reached", evidence="200 in answer to HEAD /") == ("holds", "")
    assert request_rung(state="not reached", evidence="no answer in time") == ("fails", "either")
    assert request_rung(state="unknown", evidence="no pod is ready") == ("unknown", "")
    assert (verdicts.REACHED, verdicts.NOT_REACHED) == (REACHED, NOT_REACHED)


@pytest.mark.parametrize("state", ["reached", "not reached"])
def test_a_failing_call_in_the_log_stands_before_one_request_whatever_that_came_to(state: str) -> None:
    world = healthy()
    world["request"] = {"code": "503", "flags": "UO", "details": "", "idle": None}
    world["own_request"] = {"client": "shop/web-1", "host": "cart", "state": state, "evidence": "200 in answer"}
    found = diagnosed(Evidence.of(world))
    assert found.verdict == ("FED969", "request", "us")
    assert ("our request from shop/web-1" in found.as_data()["seen"]) is (state == "reached")


def test_the_wanted_import_is_asked_for_first_and_one_that_is_named_alone() -> None:
    rows = [
        {
            "exportedName": f"{name}.shop.svc.east-exports.local",
            "localService": {"hostname": f"{name}.shop.svc.west-imports.local"},
        }
        for name in ("cart", "desk")
    ]
    live = {"status": {"importedServices": rows}}
    first = [row["imported"] for row in wanted_first(live, ["shop/desk"], only=False)]
    assert first == ["desk.shop.svc.west-imports.local", "cart.shop.svc.west-imports.local"]
    assert [row["imported"] for row in wanted_first(live, ["shop/desk"], only=True)] == first[:1]
    assert wanted_first(None, ["shop/desk"], only=True) == []
