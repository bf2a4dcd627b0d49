# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Access lines of every version and format become the same named fields; what is none stays a text."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.logs import access, fields
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.access import parser, value_of
from unit import access_lines


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            access_lines.http(code="503", flags="UF,URX", failure="TLS error: 268435581", details="upstream_reset -"),
            {
                "response_code": "503",
                "response_flags": "UF,URX",
                "response_code_details": "upstream_reset",
                "upstream_transport_failure_reason": "TLS error: 268435581",
                "request_id": access_lines.REQUEST,
                "path": "/cart",
                "downstream_remote_address": "10.1.0.7:55010",
                "requested_server_name": "",
                "route_name": "default",
            },
            id="2.1",
        ),
        pytest.param(
            access_lines.http(details=None),
            {"response_code": "200", "response_code_details": "", "duration": "12", "bytes_sent": "5124"},
            id="2.0 without the details",
        ),
        pytest.param(
            access_lines.tcp(),
            {"method": "", "response_code": "0", "requested_server_name": f"outbound_.80_._.{access_lines.IMPORTED}"},
            id="tcp",
        ),
    ],
)
def test_a_text_line_becomes_named_fields(line: str, expected: dict) -> None:
    found = parser()(line)
    assert found is not None
    assert {name: value_of(found, name) for name in expected} == expected


def test_json_and_text_of_one_request_tell_the_same() -> None:
    text = parser()(access_lines.http())
    assert text is not None
    row = {name: None if value == "-" else int(value) if value.isdigit() else value for name, value in text.items()}
    found = parser()(json.dumps(row))
    assert found is not None
    assert {name: value_of(found, name) for name in fields.BY_NAME} == {
        name: value_of(text, name) for name in fields.BY_NAME
    }


def test_a_format_of_the_users_own_is_read_with_istios_names_where_it_has_them() -> None:
    own = "%START_TIME(%s.%3f)%|%RESPONSE_CODE%|%REQ(X-TENANT):12%|%REQ(X-REQUEST-ID)% done\n"
    found = parser([own])("1795.123|404|blue|abc done")
    assert found == {"start_time": "1795.123", "response_code": "404", "req_x_tenant": "blue", "request_id": "abc"}


def test_names_of_a_json_format_of_the_users_own_stand_for_istios() -> None:
    found = parser([], {"status": "response_code", "who": "authority"})('{"status": 503, "who": "cart", "extra": [1]}')
    assert found is not None
    assert (value_of(found, "response_code"), value_of(found, "authority"), value_of(found, "extra")) == (
        "503",
        "cart",
        "[1]",
    )


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-23T10:11:12Z info xdsproxy connected",
        access_lines.http()[:90],
        '{"response_code": 200',
        '{"level": "info", "msg": "started"}',
        "[" * 5000,
        "{" * 5000,
        "",
    ],
)
def test_what_is_no_access_line_stays_a_text(line: str) -> None:
    assert parser()(line) is None


@pytest.mark.parametrize("format_", ["plain", "%RESPONSE_CODE%%DURATION%", "%START_TIME%" + "x" * 5000])
def test_a_format_that_cannot_be_read_back_is_refused(format_: str) -> None:
    with pytest.raises(access.Unparsable):
        parser([format_])


def test_a_line_made_to_take_long_takes_no_longer_than_its_length() -> None:
    hostile = ['[x] "' + "a " * 30_000, '[x] "' + '" "' * 20_000, "[x] " * 15_000, "[" + '] "- - -" 0 - - - "' * 3000]
    parse = parser()
    began = time.process_time()
    assert [parse(line) for line in hostile] == [None] * 4
    assert time.process_time() - began < 1


def test_each_operator_stands_for_one_field_and_each_flag_has_words() -> None:
    assert set(fields.OPERATORS.values()) == set(fields.BY_NAME)
    assert fields.in_words("UF,URX,XX") == [
        "UF: the connection to the endpoint failed",
        "URX: all retries, or all attempts to connect, are used up",
        "XX: not known to this collection",
    ]
    assert fields.in_words("-") == []
