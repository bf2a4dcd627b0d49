# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters take what is asked for, and refuse what nobody could mean or would have to wait for."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.filtering import Wanted
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.lines import nanoseconds
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from unit.access_lines import REQUEST, http
from unit.log_entries import APPLICATION, CLIENT, entry

FAILED = entry(CLIENT, http(code="503", flags="UF,URX", lasted="1200"))
FINE = entry(CLIENT, http(path="/till", request="other"))
SAID = entry(APPLICATION, f"ERROR cart gave 503 for {REQUEST}")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [FAILED, FINE, SAID]),
        ({"codes": ["5xx"]}, [FAILED]),
        ({"codes": [200, "404"]}, [FINE]),
        ({"flags": ["urx"]}, [FAILED]),
        ({"path": "/ti"}, [FINE]),
        ({"slower": 100.0}, [FAILED]),
        ({"request": REQUEST}, [FAILED, SAID]),
        ({"show": ["ERROR"]}, [SAID]),
        ({"show": ["/5[0-9]3 (UF|for)/"]}, [FAILED, SAID]),
        ({"hide": ["curl"]}, [SAID]),
        ({"hide": ["/^ERROR/"], "codes": ["5xx"]}, [FAILED]),
        ({"until": nanoseconds("2026-11-23T10:11:12Z")}, []),
    ],
)
def test_a_filter_takes_what_is_asked_for(asked: dict, expected: list) -> None:
    wanted = Wanted.read(**asked)
    assert [one for one in (FAILED, FINE, SAID) if wanted.takes(one)] == expected


@pytest.mark.parametrize(
    "asked",
    [
        {"codes": ["boom"]},
        {"codes": ["55"]},
        {"flags": ["XYZ"]},
        {"show": [""]},
        {"show": ["/(a+)+$/"]},
        {"show": ["/(a|b*){9}/"]},
        {"hide": ["/.*.*.*x/"]},
        {"hide": ["/(/"]},
        {"hide": [r"/(a)\1/"]},
        {"show": ["x" * 300]},
        {"show": ["x"] * 30},
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_options_name(asked: dict) -> None:
    with pytest.raises(FederationError, match=f"FED931 logs_{next(iter(asked))}"):
        Wanted.read(**asked)
