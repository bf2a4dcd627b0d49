# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``federation_page``: a page that is written once, joined with reports of other runs and compared with one
of before.
"""

from __future__ import annotations

import json

from ansible_collections.ossm.federation.plugins.module_utils._core.report.joining import as_json
from ansible_collections.ossm.federation.plugins.modules import federation_page
from ansible_collections.ossm.federation.tests.unit.pem import NOW
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.report import estates
from ansible_collections.ossm.federation.tests.unit.run_in_memory import RunInMemory


def written(**params):
    return federation_page.run(RunInMemory(federation_page.OPTIONS, **params), None, NOW)


def test_a_page_is_joined_with_another_runs_report_and_compared_with_one_of_before(tmp_path):
    east, west = ({name: entry} for name, entry in estates.two().items())
    (tmp_path / "west.json").write_text(as_json(west), encoding="utf-8")
    files = {"json_path": str(tmp_path / "page.json"), "join": [str(tmp_path / "west.json")]}
    assert written(report=dict(east), **files)["changed"] is True
    page = json.loads((tmp_path / "page.json").read_text(encoding="utf-8"))
    assert [mesh["name"] for mesh in page["meshes"]] == ["east", "west"]
    again = written(
        report=dict(east),
        since=str(tmp_path / "page.json"),
        markdown_path=str(tmp_path / "page.md"),
        join=files["join"],
    )
    assert again["changes"] == [] and again["lines"] == [again["lines"][0]] and "0 changes since" in again["lines"][0]
