# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the page says of a run: unknown is not green, and whoever has to act is named only where that is known."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.diagnosis import probing
from ansible_collections.ossm.federation.plugins.module_utils._core.report.page import page_of, state_of, worst
from ansible_collections.ossm.federation.plugins.module_utils._core.report.since import changes_since, is_page
from ansible_collections.ossm.federation.plugins.module_utils._core.verification.verdicts import NOT_REACHED, REACHED
from ansible_collections.ossm.federation.plugins.module_utils._core.verification.verdicts import (
    UNKNOWN as VERDICT_UNKNOWN,
)
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.report import estates


def states(page: dict) -> dict[str, str]:
    return {row["name"]: row["state"] for row in page["meshes"]}


def test_two_meshes_that_are_well_are_one_peering_with_its_names_each_once():
    page = page_of(estates.two(), made=estates.MADE)
    assert states(page) == {"east": "ok", "west": "ok"} and page["verdict"] == "ok"
    (peering,) = page["peerings"]
    assert (peering["between"], peering["state"], len(peering["sides"])) == (["east", "west"], "ok", 2)
    names = [(each["from"], each["to"], each["name"]) for each in peering["names"]]
    assert names == [("east", "west", "cart.shop"), ("east", "west", "price.shop"), ("west", "east", "ledger.bank")]
    assert [action["code"] for action in page["actions"]] == ["FED761"]
    assert page["summary"] == {
        "meshes": 2, "meshes_unknown": 0, "peerings": 1, "peerings_ok": 1, "offered": 3, "taken": 2, "errors": 0,
        "warnings": 1, "actions": 1,
    }  # fmt: skip


def test_an_import_belongs_to_the_cluster_of_its_peer_and_what_is_not_taken_is_no_service():
    report = estates.two()
    report["east"]["peers"][0]["offered_not_imported"] = ["secret.bank.svc.east-exports.local"]
    rows = {
        (row["mesh"], row["side"], row["peer"], row["namespace"], row["name"], row["local"])
        for row in page_of(report)["services"]
    }
    assert ("east", "taken", "west", "bank", "ledger", False) in rows and (
        "west",
        "taken",
        "east",
        "shop",
        "cart",
        True,
    ) in rows
    assert not [row for row in rows if "secret" in row]


def test_what_the_run_has_not_seen_is_unknown():
    page = page_of(estates.unwell(), others=["east", "north", "south", "far"])
    assert states(page) == {"east": "down", "north": "down", "south": "unknown", "far": "unknown", "west": "unknown"}
    seen = {row["name"]: (row["role"], row["seen"]) for row in page["meshes"]}
    assert seen["far"] == ("left out", False) and seen["west"] == ("peer", False) and seen["south"] == ("run", False)


def test_who_has_to_act_is_named_where_it_is_known():
    found = {(tuple(action["who"]), action["about"]) for action in page_of(estates.unwell())["actions"]}
    assert (("west",), "peering east – west") in found, "who refuses us has to let us in"
    assert (
        ("east",),
        "peering east – north",
    ) in found, "who has no peering has to make one, and the other side is not blamed for it"
    assert not [who for who, about in found if about == "peering east – north" and "north" in who]
    assert (("south",), "south") in found and (("east",), "roots of east") in found


def test_a_connection_that_is_down_for_an_unknown_reason_blames_nobody_with_certainty():
    for state in ("pending", "stale", "unknown"):
        page = page_of({"east": estates.entry("east", estates.peer("west", outbound=state))})
        (action,) = page["actions"]
        assert action["who"] == ["east", "west"], state
        assert action["severity"] == ("warning" if state == "unknown" else "error")


def test_a_suspended_peering_asks_nobody_for_anything():
    page = page_of({"east": estates.entry("east", estates.peer("west", outbound="suspended", inbound="pending"))})
    assert page["actions"] == [] and page["peerings"][0]["state"] == "suspended"


def test_two_partners_of_one_name_are_two_meshes():
    rows = (estates.peer("prod-a", mesh="prod"), estates.peer("prod-b", mesh="prod"))
    assert sorted(states(page_of({"east": estates.entry("east", *rows)}))) == ["east", "prod-a (prod)", "prod-b (prod)"]


def test_a_root_that_ends_soon_or_has_ended_is_seen():
    for days, state in ((-1, "down"), (29, "unsure"), (30, "ok"), (None, "unknown")):
        page = page_of({"east": estates.entry("east", control_plane=estates.plane("east", days))})
        assert [row["state"] for row in page["trust"]] == [state]


def test_parts_that_nobody_has_looked_at_are_not_there_and_the_others_are():
    assert not {"health", "proxies", "comparisons", "rates"} & set(page_of(estates.two()))
    page = page_of({"east": estates.entry("east", health=[{"component": "istiod", "state": "healthy"}], proxies=[])})
    assert page["health"] == [{"mesh": "east", "component": "istiod", "state": "healthy"}] and "proxies" not in page


@pytest.mark.parametrize(
    ("side", "who"), [("us", ["east"]), ("them", ["west"]), ("either", ["east", "west"]), ("", ["east", "west"])]
)
def test_a_diagnosis_says_who_acts_and_what_to_tell_the_other_side(side, who):
    told = {"seen": "no connection", "cause": "a firewall", "fix": "Look", "tell": "Do you listen?"}
    row = {"peer": "west", "code": "FED947", "rung": "tcp", "side": side, **told}
    page = page_of(
        {"east": estates.entry("east", estates.peer("west", outbound="pending", inbound="pending"), diagnoses=[row])}
    )
    (action,) = page["actions"]
    assert (action["who"], action["code"], action["what"]) == (who, "FED947", "no connection; a firewall")
    assert action["fix"] == "east: Look · Tell west: Do you listen?" and page["diagnoses"][0]["state"] == "down"


def test_a_diagnosis_without_a_fault_leaves_what_the_status_says():
    row = {"peer": "west", "code": "", "rung": "", "side": "", "seen": "", "cause": "", "fix": "", "tell": ""}
    page = page_of({"east": estates.entry("east", estates.peer("west", outbound="pending"), diagnoses=[row])})
    assert [action["code"] for action in page["actions"]] == [""] and page["diagnoses"][0]["state"] == "ok"


def called(origin: str, outcome: str, **more: object) -> dict:
    row = {
        "from": origin,
        "address": "192.0.2.9",
        "port": 8188,
        "use": "8188",
        "server_name": "",
        "ip": "192.0.2.9",
        "client": "",
    }
    return {
        **row,
        "outcome": outcome,
        "is_connected": True,
        "protocol": "",
        "certificate": {},
        "asks_for_certificate": None,
        "told": "said",
        **more,
    }


def test_calls_of_a_diagnosis_stand_beside_it_with_who_made_them_and_what_was_shown():
    certificate = {"subject": "CN=west", "issuer": "O=west", "not_after": "2026-12-01T10:00:00Z"}
    calls = [
        called("controller", "TLS", protocol="TLSv1.3", certificate=certificate, asks_for_certificate=True),
        called("controller", "refused"),
    ]
    row = {
        "peer": "west",
        "code": "FED947",
        "rung": "tcp-8188",
        "side": "either",
        "seen": "none",
        "cause": "",
        "fix": "",
        "tell": "",
    }
    without = page_of({"east": estates.entry("east", estates.peer("west"), diagnoses=[{**row, "probes": []}])})
    page = page_of({"east": estates.entry("east", estates.peer("west"), diagnoses=[{**row, "probes": calls}])})
    first, second = page.pop("probes")
    assert page == without and "probes" not in page["diagnoses"][0], "they change nothing of what is said beside them"
    assert (first["mesh"], first["peer"], first["from"], first["address"], first["port"]) == (
        "east",
        "west",
        "controller",
        "192.0.2.9",
        8188,
    )
    assert first["handshake"] == {"protocol": "TLSv1.3", "certificate": certificate, "asks_for_certificate": True}
    assert (first["state"], second["state"]) == ("ok", "unsure")


def test_each_outcome_of_a_call_has_a_state_and_one_from_the_controller_is_never_down():
    proved = {"TLS": "ok", "not called": "unknown", "no time left": "unknown"}
    outcomes = {
        "controller": {probing.NOT_CALLED, probing.NO_TIME, *probing.CONNECTED, *probing._TELLS},
        "pod": {REACHED, NOT_REACHED, VERDICT_UNKNOWN},
    }
    found = {}
    for origin, words in outcomes.items():
        calls = [called(origin, word) for word in sorted(words)]
        page = page_of(
            {"east": estates.entry("east", diagnoses=[{"peer": "west", "code": "", "rung": "", "probes": calls}])}
        )
        found[origin] = {row["outcome"]: row["state"] for row in page["probes"]}
    assert found["pod"] == {"reached": "ok", "not reached": "down", "unknown": "unknown"}
    assert (
        found["controller"] == {word: proved.get(word, "unsure") for word in outcomes["controller"]}
        and proved.keys() < found["controller"].keys()
    )


def test_health_blames_nobody_for_a_peering_of_which_the_status_says_more():
    found = {"code": "FED907", "severity": "error", "place": "peer west", "seen": "IN pending", "cure": "Run status."}
    page = page_of({"east": estates.entry("east", estates.peer("west", inbound="pending"), findings=[found])})
    assert [action["who"] for action in page["actions"]] == [["east", "west"]] and page["findings"][0][
        "code"
    ] == "FED907"


@pytest.mark.parametrize(
    ("said", "severity", "state"),
    [
        ("healthy", "core", "ok"),
        ("failing", "core", "down"),
        ("failing", "add-on", "ok"),
        ("degraded", "core", "unsure"),
        ("new word", "core", "unsure"),
    ],
)
def test_a_mesh_is_as_well_as_its_core_components(said, severity, state):
    page = page_of(
        {"east": estates.entry("east", health=[{"component": "istiod", "severity": severity, "state": said}])}
    )
    assert states(page) == {"east": state}


def test_what_others_call_their_states_is_said_in_the_words_of_the_page():
    found = {
        word: state_of({"state": word})
        for word in ("SYNCED", "NOT CONNECTED", "Rejected", "STALE", "GONE", "absent by intent", "down", "", None)
    }
    assert [*found.values()] == ["ok", "down", "down", "unsure", "unknown", "ok", "down", "unknown", "unknown"]


def test_what_a_validation_has_found_is_there_with_kialis_codes_and_mutual_tls():
    found = {
        "code": "FED984",
        "kiali": ["KIA1101"],
        "severity": "error",
        "place": "VirtualService shop/cart",
        "seen": "names chart",
        "cure": "Correct it.",
    }
    modes = [{"namespace": "shop", "mode": "STRICT"}, {"namespace": "desk", "mode": "DISABLE"}]
    page = page_of({"east": estates.entry("east", findings=[found], mutual_tls=modes)})
    assert page["findings"][0]["kiali"] == ["KIA1101"] and states(page) == {"east": "down"}
    assert [(row["namespace"], row["state"]) for row in page["mutual_tls"]] == [("shop", "ok"), ("desk", "unsure")]


def test_odd_data_makes_a_page_too():
    assert (
        page_of({"east": None, "west": {"peers": [None, 3], "findings": "x", "faults": {}, "control_plane": []}})[
            "summary"
        ]["meshes"]
        == 2
    )
    assert (
        worst([]) == "unknown" and worst(["ok", "unknown"]) == "unknown" and worst(["unsure", "down", "ok"]) == "down"
    )


def test_what_has_changed_since_a_saved_page_is_listed():
    before = json.loads(json.dumps(page_of(estates.two(), made="2026-01-30T12:00:00Z")))
    report = estates.two()
    report["east"]["findings"] = []
    report["east"]["peers"][0].update(outbound="pending", imports=None)
    found = changes_since(before, page_of(report, made=estates.MADE))
    assert found["since"] == "2026-01-30T12:00:00Z" and found["left_out"] == 0
    rows = {(row["kind"], row["where"]): (row["before"], row["after"]) for row in found["rows"]}
    assert rows["peering", "east to west"] == ("OUT connected, IN connected", "OUT pending, IN connected")
    assert rows["service", "east · taken · west · ledger.bank.svc.west-imports.local"] == ("there", "")
    assert rows["finding", "east · FED761 · Service shop/price"][1] == ""
    assert changes_since(before, before)["rows"] == []


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"version": 2},
        {"version": 1, "meshes": [], "peerings": {}, "findings": []},
        {"east": {"verdict": "ok"}},
    ],
)
def test_what_is_no_saved_page_is_told_from_one(data):
    assert not is_page(data)
    assert is_page(json.loads(json.dumps(page_of(estates.unwell()))))


def test_a_saved_page_of_odd_rows_is_compared_all_the_same():
    former = {
        "version": 1,
        "meshes": [None, {"name": 3}],
        "peerings": [{"sides": "x"}],
        "findings": [[]],
        "services": 1,
        "trust": None,
    }
    assert is_page(former) and changes_since(former, page_of(estates.two()))["rows"]
