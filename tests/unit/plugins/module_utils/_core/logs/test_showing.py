# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A line is explained field by field, told in words, and counted; formats and switches are read from the
control plane.
"""

from __future__ import annotations

import json

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.access import parser
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.fields import BY_NAME
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.lines import Entry
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.showing import (
    Tally,
    Writer,
    explained,
    explanation,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.switched import findings_of, switched
from unit.access_lines import http, tcp
from unit.log_entries import CLIENT, EGRESS, entry


def test_each_field_of_a_line_is_explained_and_what_a_connection_never_has_is_said() -> None:
    rows = {row["field"]: row for row in explained(parser()(tcp(flags="UF")))}
    assert rows["response_flags"]["meaning"] == "UF: the connection to the endpoint failed"
    assert rows["method"] == {
        "field": "method",
        "operator": "%REQ(:METHOD)%",
        "value": "-",
        "meaning": "- by nature: a TCP connection has none",
    }
    assert rows["requested_server_name"]["meaning"] == BY_NAME["requested_server_name"].of_tcp
    told = explanation(parser()(http(details=None, path="/a?user_key=abcdefgh")))
    assert told[0] == "The line is of an HTTP request." and "abcdefgh" not in str(told)
    assert told[-1].endswith("not in this line: Istio writes it from 2.1 on")
    assert explanation(None)[0].startswith("This line has no known format")


def test_text_lines_have_the_flags_in_words_and_colours_where_asked() -> None:
    failed = entry(CLIENT, http(code="503", flags="UH"))
    plain = Writer("text").line(failed)
    assert plain.startswith("2026-11-23T10:11:13.000Z east/shop/web-1/istio-proxy [2026-11-23T10:11:12.100Z]")
    assert plain.endswith("  [UH: no healthy endpoint]\n")
    assert "\x1b[31m" in Writer("text", colour=True).line(failed)
    row = json.loads(Writer("json").line(entry(EGRESS, tcp())))
    assert (row["gateway"], row["peer"], row["kind"], row["fields"]["response_code"], "method" in row["fields"]) == (
        "egress",
        "west",
        "access",
        "0",
        False,
    )


@pytest.mark.parametrize("format_", ["text", "json"])
def test_what_a_format_of_ones_own_writes_without_a_name_is_masked_by_its_operator(format_: str) -> None:
    parse = parser(["%RESPONSE_CODE% %REQ(COOKIE)% %REQ(USER-KEY)% %DURATION%"])
    line = "200 session:abc123 tiny-key 12"
    found = Entry(0, CLIENT, line, parse(line))
    written = Writer(format_).line(found)
    assert "abc123" not in written and "tiny-key" not in written and "200 ******** ******** 12" in written
    assert not {"abc123", "tiny-key"} & set(str(explained(found.fields)).split("'"))


def test_lines_are_counted_by_status_and_flag() -> None:
    tally = Tally()
    for one in (entry(CLIENT, http(code="503", flags="UH")), entry(CLIENT, http()), entry(CLIENT, http()[:80])):
        tally.note(one, is_wanted=True)
    assert tally.as_data() == {
        "read": 3,
        "written": 3,
        "access": 2,
        "unparsed": 1,
        "codes": {"200": 1, "503": 1},
        "flags": {"UH: no healthy endpoint": 1},
    }


def plane(**spec: object) -> dict:
    return {
        "kind": "ServiceMeshControlPlane",
        "metadata": {"name": "basic", "namespace": "east-mesh-system"},
        "spec": spec,
    }


LOG = {
    "kind": "Telemetry",
    "metadata": {"name": "log", "namespace": "shop"},
    "spec": {"accessLogging": [{"providers": [{"name": "envoy"}]}]},
}


@pytest.mark.parametrize(
    ("live", "telemetries", "codes"),
    [
        (plane(), [], ["FED930"]),
        (plane(proxy={"accessLogging": {"file": {"name": "/var/log/access"}}}), [], ["FED930"]),
        (plane(proxy={"accessLogging": {"file": {"name": "/dev/stdout"}}}), [], []),
        (plane(), [LOG], []),
        (plane(), [{**LOG, "spec": {"accessLogging": [{"disabled": True}]}}], ["FED930"]),
        (plane(proxy="odd"), [{"spec": 3}], ["FED930"]),
    ],
)
def test_an_access_log_that_is_off_is_found_with_where_to_turn_it_on(
    live: dict, telemetries: list, codes: list
) -> None:
    found = findings_of(switched(live, telemetries))
    assert [one.code for one in found] == codes
    assert all("spec.proxy.accessLogging.file" in one.cure for one in found)


def test_formats_come_from_the_control_plane_and_its_providers() -> None:
    text = plane(proxy={"accessLogging": {"file": {"name": "/dev/stdout", "format": "%RESPONSE_CODE% %DURATION%\n"}}})
    assert switched(text).formats == ("%RESPONSE_CODE% %DURATION%\n",)
    as_json = plane(
        proxy={
            "accessLogging": {
                "file": {"name": "/dev/stdout", "encoding": "JSON", "format": '{"status": "%RESPONSE_CODE%"}'}
            }
        }
    )
    assert switched(as_json).keys == {"status": "response_code"}
    bad = plane(proxy={"accessLogging": {"file": {"name": "/dev/stdout", "format": "nothing"}}})
    assert switched(bad).unread == (
        "a format of the access log has no operator such as %RESPONSE_CODE%: its lines stay texts",
    )
    provider = {"name": "log", "envoyFileAccessLog": {"logFormat": {"labels": {"took": "%DURATION%"}}}}
    assert switched(plane(meshConfig={"extensionProviders": [provider]})).keys == {"took": "duration"}
