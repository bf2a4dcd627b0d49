# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report's published JSON schema describes every report, field by field, and the one that other playbooks write."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.report.page import page_of
from ansible_collections.ossm.federation.plugins.module_utils._core.report.since import changes_since
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.report import estates

# Agreement does not depend on the Python version; the pins of the newest Ansible bring the library.
jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads(
    (pathlib.Path(__file__).resolve().parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
STATUS = jsonschema.Draft202012Validator({**SCHEMA["$defs"]["status"], "$defs": SCHEMA["$defs"]})
DIAGNOSES = [{"peer": "west", "code": "", "rung": "", "probes": [estates.probe("west")]}]
MORE = {
    "diagnoses": DIAGNOSES,
    "health": [{"component": "istiod", "state": "healthy"}],
    "rates": [{"service": "cart.shop", "errors": 0.1}],
}


def errors(validator: object, data: object) -> list[str]:
    plain = json.loads(json.dumps(data))
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(plain)]


def reports() -> dict[str, dict]:
    return {
        "two": estates.two(),
        "unwell": estates.unwell(),
        "more": {"east": {**estates.two()["east"], **MORE}},
        "none": {},
    }


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", ["two", "unwell", "more", "none"])
def test_a_report_is_what_the_schema_says(name):
    report = reports()[name]
    page = page_of(report, others=["east", "far"], made=estates.MADE)
    assert errors(VALIDATOR, page) == []
    page["changes"] = changes_since(page_of({}), page)
    assert errors(VALIDATOR, page) == [] and errors(STATUS, report) == []


def test_the_schema_knows_no_field_that_a_report_does_not_have():
    page = page_of(reports()["more"], made=estates.MADE)
    told = {*page, "changes", "proxies", "comparisons", "mutual_tls"}
    assert told == set(SCHEMA["properties"])
    assert errors(VALIDATOR, {**page, "more": 1}) and errors(VALIDATOR, {**page, "verdict": "green"})
