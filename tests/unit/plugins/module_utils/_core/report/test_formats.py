# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run's report as metrics and as JUnit's XML, read back by readers that take nothing but the formats."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ansible_collections.ossm.federation.plugins.module_utils._core.report.junit import junit
from ansible_collections.ossm.federation.plugins.module_utils._core.report.metrics import metrics

HOSTILE = 'we"st\\,}\n# HELP x y{peer="\u202eadmin'
FINDING = {
    "code": "FED761",
    "severity": "warning",
    "place": "Service shop/cart",
    "seen": "has 2 ports",
    "cure": "Make one",
}
DOWN = {"kind": "pending", "peer": HOSTILE, "what": "OUT pending (503)", "fails": True}
REPORT = {
    "east": {
        "verdict": "down",
        "control_plane": {"roots": [{"fingerprint": "B1C3", "not_after": "2036-06-13T12:00:00Z"}]},
        "peers": [
            {
                "peer": HOSTILE,
                "outbound": "pending",
                "inbound": "connected",
                "exports": [{}],
                "imports": None,
                "last_full_sync": None,
            },
            {
                "peer": "north",
                "outbound": "connected",
                "inbound": "connected",
                "exports": [],
                "imports": [{}],
                "last_full_sync": "2026-01-31T12:00:00Z",
            },
        ],
        "faults": [DOWN, {"kind": "unknown", "peer": "north", "what": "IN not proven", "fails": False}],
        "findings": [FINDING, {**FINDING, "code": "FED301", "severity": "error"}],
        "findings_left_out": {"FED761": 7},
        "drift": [{"action": "merge", "kind": "ServiceMeshPeer", "namespace": "mesh", "name": "west", "fields": []}],
        "error": {"code": "FED630", "message": "FED630 Mesh east: …"},
    },
    "west": {"verdict": "error", "error": {"code": "FED110", "message": "FED110 Mesh west: no answer"}, "peers": []},
}

# The format, version 0.0.4, without timestamps.
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
SAMPLE = re.compile(rf"({NAME})\{{({LABEL}(?:,{LABEL})*)\}} (-?[0-9.]+(?:e[+-]?[0-9]+)?)")


def read_back(text: str) -> dict[tuple, float]:
    """Return the samples of a text by name and labels; fail the test where it is not the format."""
    assert text == "" or text.endswith("\n")
    found, typed, current = {}, set(), ""
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            current = line.split(" ")[2]
            assert current not in typed, "a metric's lines stand together"
            continue
        if line.startswith("# TYPE "):
            assert line == f"# TYPE {current} gauge"
            typed.add(current)
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample and sample[1] == current and current in typed, line
        unquoted = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
        labels = {
            key: re.sub(r'\\[\\"n]', lambda at: unquoted[at[0]], value) for key, value in re.findall(LABEL, sample[2])
        }
        key = (sample[1].removeprefix("ossm_federation_"), *sorted(labels.items()))
        assert key not in found, "no series is there twice"
        found[key] = float(sample[7])
    return found


def test_metrics_are_the_format_and_a_hostile_name_stays_a_label():
    found = read_back(metrics(REPORT))
    east = ("mesh", "east")
    assert found[("verdict", east, ("verdict", "down"))] == 1 and found[("verdict", east, ("verdict", "ok"))] == 0
    assert found[("peer_connected", ("direction", "outbound"), east, ("peer", HOSTILE))] == 0
    assert found[("peer_connected", ("direction", "inbound"), east, ("peer", HOSTILE))] == 1
    assert found[("peer_last_full_sync_timestamp_seconds", east, ("peer", "north"))] == 1769860800
    assert found[("imported_services", east, ("peer", "north"))] == 1
    assert ("imported_services", east, ("peer", HOSTILE)) not in found, "unknown is not nothing"
    assert found[("root_not_after_timestamp_seconds", ("fingerprint", "B1C3"), east)] == 2096971200
    assert found[("findings", ("code", "FED761"), east, ("severity", "warning"))] == 8
    assert found[("drift_objects", east)] == 1 and found[("faults", ("kind", "pending"), east)] == 1
    assert found[("verdict", ("mesh", "west"), ("verdict", "error"))] == 1
    assert metrics({}) == ""


def test_a_peer_that_is_there_twice_is_one_series():
    row = {"peer": "west", "outbound": "connected", "inbound": "connected"}
    assert len(read_back(metrics({"east": {"verdict": "ok", "peers": [row, row]}}))) == 6


def test_junit_has_a_case_for_each_peer_finding_and_change_and_says_which_of_them_fail():
    root = ElementTree.fromstring(junit(REPORT))
    cases = {
        (case.get("classname"), case.get("name")): [(each.tag, each.get("type")) for each in case]
        for case in root.iter("testcase")
    }
    assert cases[("east", "run")] == [] and cases[("west", "run")] == [("error", "FED110")]
    assert cases[("east", "peer " + HOSTILE)] == [("failure", "pending")]
    assert cases[("east", "peer north")] == [("skipped", "unknown")], "what fails no run is told all the same"
    assert cases[("east", "FED761 Service shop/cart")] == [("skipped", "FED761")]
    assert cases[("east", "FED301 Service shop/cart")] == [("failure", "FED301")]
    assert cases[("east", "ServiceMeshPeer mesh/west")] == [("failure", "drift")]
    suite = root.find("testsuite")
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",
        "failures": "3",
        "errors": "0",
        "skipped": "2",
    }


def test_junit_holds_nothing_that_xml_cannot():
    text = junit({"e\x00ast\ud800": {"verdict": "ok", "peers": [{"peer": "]]><x>&\x1b"}]}})
    root = ElementTree.fromstring(text)
    assert [case.get("name") for case in root.iter("testcase")] == ["run", "peer ]]><x>&?"]
