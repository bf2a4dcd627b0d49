#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_gather_info
short_description: Write the data of a mesh that support needs, without secrets
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Writes the objects of a mesh and of its federation, their status, events, the ends of the logs of gateways and
    istiod, versions, and how the federation stands to a new folder, one file per object and log, with an index.
  - Secrets are not read. In what is read, tokens, keys, passwords, user information in URLs and whatever looks like one
    are hidden; what may hold anything is a digest.
  - The index lists what may not be read; that is not a failure. For a mesh that does not answer, the dump has what was
    found before.
  - Folders and files can be read by you alone (modes 0700 and 0600).
seealso:
  - module: ossm.federation.mesh_logs_info
  - module: ossm.federation.mesh_health_info
attributes:
  check_mode: {support: full, description: "Reads, and writes no file."}
  diff_mode: {support: none, description: Changes nothing on the cluster.}
options:
  folder:
    description: The folder that gets the dump, as C(<mesh>/<time>/README.md) and so on. It is made where it is missing.
    type: path
    required: true
  since_minutes:
    description: From how many minutes ago on the ends of logs are read.
    type: int
    default: 60
  found:
    description: What else was found out, by a name; each is written to C(findings/<name>.json), redacted.
    type: dict
    default: {}
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
"""

EXAMPLES = r"""
- name: Write a support dump of east
  ossm.federation.federation_gather_info:
    kubeconfig: east.kubeconfig
    mesh: east
    folder: dumps

- name: Write it with the logs of the last day
  ossm.federation.federation_gather_info:
    kubeconfig: east.kubeconfig
    mesh: east
    folder: dumps
    since_minutes: 1440

- name: Put beside it what was found out before
  ossm.federation.federation_gather_info:
    kubeconfig: east.kubeconfig
    mesh: east
    folder: dumps
    found:
      run: "{{ ansible_play_hosts_all | ossm.federation.mesh_report(hostvars) }}"
"""

RETURN = r"""
folder:
  description: The folder of this dump; empty in check mode.
  returned: success
  type: str
  sample: dumps/east/20260131T120000Z
files:
  description: How many files it has.
  returned: success
  type: int
  sample: 84
counts:
  description: How many of them have which content.
  returned: success
  type: dict
  sample: {ServiceMeshPeer in east-mesh-system: 1, logs: 3}
unread:
  description: What could not be read, and why.
  returned: success
  type: list
  elements: dict
  sample: []
left_out:
  description: What was left out because there is too much of it, or because the API server does not answer.
  returned: success
  type: list
  elements: str
  sample: []
lines:
  description: The same for people.
  returned: success
  type: list
  elements: str
  sample: ["east · 84 files → dumps/east/20260131T120000Z"]
"""

import os
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._gather import gathered
from ..module_utils._options import CLUSTER, MESH
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "folder": {"type": "path", "required": True},
    "since_minutes": {"type": "int", "default": 60},
    "found": {"type": "dict", "default": {}},
}
MOST_TOLD = 10


class DumpModule(Module):
    """A module whose invocation does not repeat what was found, in ``-vvv`` or in the system's log."""

    def _log_invocation(self) -> None:
        self.log(f"Invoked with folder={self.params['folder']}")


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Write the dump and return what is in it."""
    dump, folder, _head = gathered(run, cluster, now)
    run.params["found"] = {}
    path = "" if run.check_mode else os.path.join(run.params["folder"], folder)
    unread = [f"not read: {gap.what} ({gap.because})" for gap in dump.unread]
    more = [f"… and {len(unread) - MOST_TOLD} more; README.md has all of them"] if len(unread) > MOST_TOLD else []
    told = [f"left out: {what}" for what in dump.left_out[:MOST_TOLD]]
    return {
        "changed": False,
        "folder": path,
        "files": len(dump.files),
        "counts": dump.counts,
        "unread": [gap.as_data() for gap in dump.unread],
        "left_out": dump.left_out,
        "lines": [
            f"{dump.mesh} · {len(dump.files):,} files → {path or '(check mode writes none)'}",
            *unread[:MOST_TOLD],
            *more,
            *told,
        ],
    }


def main() -> None:
    run_module(DumpModule({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True), run, writes=False)


if __name__ == "__main__":
    main()
