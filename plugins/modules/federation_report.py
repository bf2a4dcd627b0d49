#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_report
short_description: Write the report of a run to a file
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Writes the report to files that only you can read, as JSON, as JUnit's XML, or as metrics for Prometheus. No cluster
    is asked.
  - Each replaces its file in one step. A link, a pipe or a folder in its place is refused and left as it is.
seealso:
  - module: ossm.federation.federation_info
  - module: ossm.federation.federation_page
attributes:
  check_mode: {support: full, description: Writes nothing.}
  diff_mode: {support: none, description: The report contains ages and differs each time.}
  idempotent: {support: full, description: An equal report is not written again.}
options:
  path:
    description: The file for JSON. Missing folders are created, as for the others.
    type: path
  junit_path:
    description: The file for JUnit's XML. It has a suite for each mesh, and a case for each peer, finding and change.
    type: path
  metrics_path:
    description: The file for metrics in Prometheus' text format (0.0.4), such as one that the node exporter's textfile
      collector reads.
    type: path
  report:
    description: What to write, as the filter P(ossm.federation.mesh_report#filter) gives it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Write the report
  ossm.federation.federation_report:
    path: report.json
    report: "{{ ansible_play_hosts_all | ossm.federation.mesh_report(hostvars) }}"
  delegate_to: localhost
  run_once: true

- name: Write metrics for the node exporter
  ossm.federation.federation_report:
    metrics_path: /var/lib/node_exporter/federation.prom
    report: "{{ ansible_play_hosts_all | ossm.federation.mesh_report(hostvars) }}"
  delegate_to: localhost
  run_once: true

- name: Write test results for a CI system
  ossm.federation.federation_report:
    junit_path: report.xml
    report: "{{ ansible_play_hosts_all | ossm.federation.mesh_report(hostvars) }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
path:
  description: The file with JSON; empty where none was asked for.
  returned: success
  type: str
  sample: report.json
paths:
  description: All files of the report.
  returned: success
  type: list
  elements: str
  sample: [report.json, report.xml, federation.prom]
"""

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial

from ..module_utils._core.report.junit import junit
from ..module_utils._core.report.metrics import metrics
from ..module_utils._files import Place
from ..module_utils._run import Module, Run, run_module
from ..module_utils._writing import kept_files

# Many hundreds of meshes.
LARGEST = 64 << 20
OPTIONS = {
    "path": {"type": "path"},
    "junit_path": {"type": "path"},
    "metrics_path": {"type": "path"},
    "report": {"type": "dict", "required": True},
}


FORMATS: dict[str, Callable[[dict], str]] = {
    "path": partial(json.dumps, indent=4, sort_keys=True, ensure_ascii=False),
    "junit_path": junit,
    "metrics_path": metrics,
}


class ReportModule(Module):
    """A module whose invocation does not repeat the whole report, in ``-vvv`` or in the system's log."""

    def _log_invocation(self) -> None:
        self.log(f"Invoked with {' '.join(f'{name}={self.params[name]}' for name in FORMATS)}")


def run(run: Run, _cluster: None, _now: datetime) -> dict:
    """Write the report and return the module's result."""
    report = run.params.pop("report")
    texts = {
        Place.at(run.params[name], "Report"): write_out(report)
        for name, write_out in FORMATS.items()
        if run.params[name]
    }
    changed = kept_files(run, texts, LARGEST, 0o600)
    path = run.params["path"]
    return {
        "changed": bool(changed),
        "path": Place.at(path, "Report").path if path else "",
        "paths": [place.path for place in texts],
    }


def main() -> None:
    run_module(
        ReportModule(OPTIONS, required_one_of=[tuple(FORMATS)], supports_check_mode=True), run, needs_cluster=False
    )


if __name__ == "__main__":
    main()
