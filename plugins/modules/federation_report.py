#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_report
short_description: Write the report of a run to a file
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Writes the report, as JSON, to a file that only you can read. No cluster is asked.
  - The report replaces the file in one step. A link, a pipe or a folder in its place is refused and left as it is.
attributes:
  check_mode: {support: full, description: Writes nothing.}
  diff_mode: {support: none, description: The report holds ages and differs each time.}
  idempotent: {support: full, description: An equal report is not written again.}
options:
  path:
    description: The report's file. Missing folders on the way are made.
    type: path
    required: true
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
"""

RETURN = r"""
path:
  description: The report's file.
  returned: success
  type: str
  sample: report.json
"""

import json  # noqa: E402
import os  # noqa: E402
from datetime import datetime  # noqa: E402

from ..module_utils._files import Place, read, write  # noqa: E402
from ..module_utils._run import Module, Run, run_module  # noqa: E402

# Many hundreds of meshes.
LARGEST = 64 << 20
OPTIONS = {
    "path": {"type": "path", "required": True},
    "report": {"type": "dict", "required": True},
}


class ReportModule(Module):
    """A module whose invocation does not repeat the whole report, in ``-vvv`` or in the system's log."""

    def _log_invocation(self) -> None:
        self.log(f"Invoked with path={self.params['path']}")


def run(run: Run, _cluster: None, _now: datetime) -> dict:
    """Write the report and return the module's result."""
    folder, name = os.path.split(run.params["path"])
    place = Place(folder, name, kind="Report")
    text = json.dumps(run.params.pop("report"), indent=4, sort_keys=True, ensure_ascii=False)
    is_changed = read(place, LARGEST) != text.encode("utf-8", "replace")
    if is_changed and not run.check_mode:
        write(place, text, 0o600)
        run.journal.done.append(f"file {place.path}")
    return {"changed": is_changed, "path": place.path}


def main() -> None:
    run_module(ReportModule(OPTIONS, supports_check_mode=True), run, needs_cluster=False)


if __name__ == "__main__":
    main()
