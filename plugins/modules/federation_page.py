#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_page
short_description: Write the results of a run as one page
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Writes one HTML file that needs no network, and on request the same as Markdown and as JSON. No cluster is asked.
  - The page has the required actions and who must do them, a picture of meshes and peerings, services, trust, findings,
    and what has changed since a saved report. A mesh that the run did not see is unknown in it.
  - Each file can be read by you alone and is replaced in one step. A link, a pipe or a folder in its place is refused
    and left as it is.
seealso:
  - module: ossm.federation.federation_report
  - module: ossm.federation.federation_info
attributes:
  check_mode: {support: full, description: Writes nothing.}
  diff_mode: {support: none, description: The page contains ages and differs each time.}
requirements: [Jinja2]
options:
  path:
    description: The HTML file. Missing folders are created, as for the others.
    type: path
  markdown_path:
    description: The file for Markdown.
    type: path
  json_path:
    description: The file for JSON, which C(docs/report.schema.json) describes and O(since) reads.
    type: path
  report:
    description: What was seen, as the filter P(ossm.federation.mesh_report#filter) gives it.
    type: dict
    required: true
  others:
    description: Names of all meshes of the inventory. Those that O(report) does not have are shown as unknown.
    type: list
    elements: str
    default: []
  join:
    description:
      - JSON files that M(ossm.federation.federation_report) has written for other meshes, such as by one job each. They
        are joined with O(report).
      - A mesh that is in two of them, and not the same in both, is refused with FED365.
    type: list
    elements: path
    default: []
  since:
    description: A JSON file of an earlier run. The page then shows what was added, removed and changed.
    type: path
"""

EXAMPLES = r"""
- name: Write the page
  ossm.federation.federation_page:
    path: report.html
    report: "{{ ansible_play_hosts_all | ossm.federation.mesh_report(hostvars) }}"
  delegate_to: localhost
  run_once: true

- name: Write the page and what has changed since yesterday
  ossm.federation.federation_page:
    path: report.html
    json_path: today.json
    since: yesterday.json
    report: "{{ ansible_play_hosts_all | ossm.federation.mesh_report(hostvars) }}"
  delegate_to: localhost
  run_once: true

- name: Join the reports of the jobs of two meshes
  ossm.federation.federation_page:
    path: report.html
    json_path: report.json
    report: {}
    join: [reports/east.json, reports/west.json]
"""

RETURN = r"""
paths:
  description: The files.
  returned: success
  type: list
  elements: str
  sample: [report.html, report.json]
summary:
  description: The numbers at the head of the page.
  returned: success
  type: dict
  sample:
    {meshes: 2, meshes_unknown: 0, peerings: 1, peerings_ok: 1, offered: 2, taken: 2, errors: 0, warnings: 1, actions:
      1}
actions:
  description:
    - The required actions. Several names in C(who) mean that one of them has to act, and that the run does not know
      which.
  returned: success
  type: list
  elements: dict
  sample:
    - who: [west]
      about: peering east – west
      what: "west refuses east: 403 Forbidden"
      fix: west gets the card of east and runs federate
      code: ""
      severity: error
changes:
  description: What is different since O(since); empty without it.
  returned: success
  type: list
  elements: dict
  sample: [{kind: peering, where: east to west, before: "OUT connected, IN connected", after: "OUT pending, IN
    connected"}]
lines:
  description: Where the page is, in words.
  returned: success
  type: list
  elements: str
  sample: ["Report · 2 of 2 meshes seen · 1 of 1 peerings connected · 1 thing to do · report.html"]
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from ..module_utils._core.plain.moments import time_text
from ..module_utils._core.plain.words import shown_in
from ..module_utils._core.report.joining import as_json, joined, line_of, reported, saved
from ..module_utils._core.report.markdown import markdown
from ..module_utils._core.report.page import page_of
from ..module_utils._core.report.since import changes_since
from ..module_utils._files import Place, read
from ..module_utils._page import html
from ..module_utils._run import Module, Run, run_module
from ..module_utils._writing import kept_files

LARGEST = 64 << 20
OPTIONS = {
    "path": {"type": "path"},
    "markdown_path": {"type": "path"},
    "json_path": {"type": "path"},
    "report": {"type": "dict", "required": True},
    "others": {"type": "list", "elements": "str", "default": []},
    "join": {"type": "list", "elements": "path", "default": []},
    "since": {"type": "path"},
}


FORMATS: dict[str, Callable[[Mapping], str]] = {"path": html, "markdown_path": markdown, "json_path": as_json}


class PageModule(Module):
    """A module whose invocation does not repeat the whole report, in ``-vvv`` or in the system's log."""

    def _log_invocation(self) -> None:
        self.log(f"Invoked with {' '.join(f'{name}={self.params[name]}' for name in (*FORMATS, 'since'))}")


def run(run: Run, _cluster: None, now: datetime) -> dict:
    """Write the files and return the module's result."""
    params = run.params
    others = {path: reported(path, content_of(path)) for path in params["join"]}
    page = shown_in(page_of(joined(params.pop("report"), others), others=params["others"], made=time_text(now)))
    if params["since"]:
        page["changes"] = shown_in(changes_since(saved(params["since"], content_of(params["since"])), page))
    # All of them are made before the first is written.
    texts = {Place.at(params[name], "Report"): write_out(page) for name, write_out in FORMATS.items() if params[name]}
    # Two pages of one moment are equal; what stands there and is no file is refused in check mode as well.
    changed = kept_files(run, texts, LARGEST, 0o600)
    paths = [place.path for place in texts]
    changes = page["changes"]["rows"] if params["since"] else []
    return {
        "changed": bool(changed),
        "paths": paths,
        "summary": page["summary"],
        "actions": page["actions"],
        "changes": changes,
        "lines": [line_of(page, paths, is_written=not run.check_mode)],
    }


def content_of(path: str) -> bytes | None:
    """Return what a file of an earlier run holds."""
    return read(Place.at(path, "Report"), LARGEST)


def main() -> None:
    run_module(
        PageModule(OPTIONS, required_one_of=[tuple(FORMATS)], supports_check_mode=True), run, needs_cluster=False
    )


if __name__ == "__main__":
    main()
