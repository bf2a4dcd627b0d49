# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The catalogue of codes is complete, printed, and used."""

from __future__ import annotations

import importlib.util
import pathlib
import re

import pytest
import yaml
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.code import ERROR, WARNING
from ansible_collections.ossm.federation.plugins.module_utils._core.catalogue.codes import CODES, PARTS, RANGES
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.reference import link_to
from ansible_collections.ossm.federation.plugins.module_utils._core.preflight import clusters as cluster_findings
from ansible_collections.ossm.federation.plugins.module_utils._core.preflight import everything as preflight

TREE = pathlib.Path(__file__).resolve().parents[6]
CODE = re.compile(r"FED\d{3}")


def sources() -> list[pathlib.Path]:
    return [
        path
        for part in ("plugins", "roles", "playbooks")
        for path in (TREE / part).glob("**/*")
        if path.suffix in (".py", ".yml", ".j2")
    ]


def test_every_code_that_is_used_stands_in_the_catalogue():
    used = {code: path.name for path in sources() for code in CODE.findall(path.read_text(encoding="utf-8"))}
    assert {code: file for code, file in used.items() if code not in CODES} == {}


def test_every_code_of_the_catalogue_is_met_somewhere():
    rooms = (("plugins", "py"), ("playbooks", "yml"), ("extensions", "yml"))
    paths = [path for room, kind in rooms for path in (TREE / room).glob(f"**/*.{kind}")]
    texts = [path.read_text(encoding="utf-8") for path in paths if path.parent.name != "catalogue"]
    met = {code for text in texts for code in CODE.findall(text)}
    assert [code for code in CODES if code not in met] == []


def codes_page():
    tool = importlib.util.spec_from_file_location("codes_page", TREE / "tools" / "codes_page.py")
    module = importlib.util.module_from_spec(tool)
    tool.loader.exec_module(module)
    return module


def test_the_page_is_what_the_catalogue_says():
    written = (TREE / "docs" / "codes.md").read_text(encoding="utf-8")
    assert written == codes_page().page(RANGES, CODES), "run python tools/codes_page.py"


def test_the_page_of_the_preflight_has_what_the_checks_declare():
    written, tool = (TREE / "docs" / "preflight.md").read_text(encoding="utf-8"), codes_page()
    rows = tool.table(preflight.CHECKS, cluster_findings.CHECKS, list(CODES))
    assert written == tool.with_table(written, rows), "run python tools/codes_page.py"


def test_the_page_has_the_place_that_an_error_refers_to():
    page = (TREE / "docs" / "codes.md").read_text(encoding="utf-8")
    headings = {line.removeprefix("### ").lower() for line in page.splitlines() if line.startswith("### ")}
    galaxy = yaml.safe_load((TREE / "galaxy.yml").read_text(encoding="utf-8"))
    for code in CODES:
        error = FederationError(code, where="Here", what="is wrong", fix="Fix it")
        assert (
            error.reference
            == link_to(code)
            == f"{galaxy['documentation']}/{galaxy['version']}/codes/{code.lower()}.html"
        )
        assert code.lower() in headings


@pytest.mark.parametrize("name", CODES)
def test_a_code_says_in_whole_sentences_what_why_and_how_to_mend(name):
    code = CODES[name]
    assert CODE.fullmatch(name) and name[3] in RANGES
    assert code.severity in (ERROR, WARNING)
    assert code.title and not code.title.endswith(".")
    assert code.why.endswith(".") and code.cure.endswith(".")


def test_the_codes_stand_in_order_and_each_in_one_file():
    assert [name for part in PARTS for name in part] == sorted(CODES)
