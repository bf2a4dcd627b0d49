#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_logs_info
short_description: Write logs of a mesh into one file, in order of time
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Reads logs of applications and proxies, merges them by time across containers and pods, and writes them to a file
    that you alone can read. Lines of access logs are parsed into named fields, and response flags are explained in
    words.
  - Lines never go through the result of the module. Tokens, keys, C(Authorization) and C(Cookie) are masked.
  - With O(request) it shows the path of one request through both sidecars and the gateways between.
seealso:
  - module: ossm.federation.federation_info
  - module: ossm.federation.traffic_info
attributes:
  check_mode: {support: full, description: "Reads, and writes no file."}
  diff_mode: {support: none, description: Changes nothing on the cluster.}
options:
  of:
    description: The pods whose logs are read, as C(namespace/name) of pods or workloads, C(namespace/*), or names of
      peers for both of their gateways. Without it the gateways of all peers.
    type: list
    elements: str
    default: []
  containers:
    description: Names of containers; without it all of a pod.
    type: list
    elements: str
    default: []
  file:
    description: The file that is written. Needed unless O(explain) is given.
    type: path
  format:
    description: Whether lines are written as text or as JSON, one object per line.
    type: str
    choices: [text, json]
    default: text
  colour:
    description: Whether text lines are coloured by container, and errors red. C(less -R) shows it.
    type: bool
    default: false
  since:
    description: From when on, as a duration such as C(10m) or a time such as C(2026-11-23T10:15:00Z).
    type: str
    default: 10m
  until:
    description: Until when, in the same way.
    type: str
  tail:
    description: How many of the last lines of each container are read.
    type: int
  previous:
    description: Whether the log of the container before its last restart is read.
    type: bool
    default: false
  follow:
    description:
      - For how long new lines are written to the file after that, as they arrive, such as C(5m); one hour at most.
        Lines of containers that are there at the beginning.
      - Not together with O(until), O(previous) or O(request). In check mode nothing is waited for.
    type: str
    version_added: 0.3.0
  most_mib:
    description: How many MiB of one container are read at most, including while it is followed.
    type: int
    default: 256
  codes:
    description: Only access lines of these statuses, such as C(503) or C(5xx).
    type: list
    elements: str
    default: []
  flags:
    description: Only access lines with one of these response flags, such as C(UF).
    type: list
    elements: str
    default: []
  path:
    description: Only access lines whose path contains this text.
    type: str
  request:
    description: Only lines of the request with this id, and the gateway lines that carried it.
    type: str
  slower_than:
    description: Only access lines of requests and connections that took more milliseconds.
    type: float
  show:
    description: Only lines that contain one of these texts, or match one of these regular expressions between slashes.
    type: list
    elements: str
    default: []
  hide:
    description: No lines that contain one of these texts, or match one of these regular expressions between slashes.
    type: list
    elements: str
    default: []
  formats:
    description: Your own formats of access logs, in Envoy's syntax, beside those of Istio and of the control plane.
    type: list
    elements: str
    default: []
  others:
    description: Files of logs that others saved, each as C(mesh=path) or as a path; this module's own JSON lines, or
      lines that begin with times.
    type: list
    elements: str
    default: []
  explain:
    description: One line of an access log that is explained field by field. No cluster is asked.
    type: str
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
"""

EXAMPLES = r"""
- name: Write what failed between the meshes in the last ten minutes
  ossm.federation.mesh_logs_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    of: [west, shop/web]
    codes: [5xx]
    file: logs/east.log

- name: Follow one request through both gateways, with the lines that west has sent
  ossm.federation.mesh_logs_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    of: [west, shop/web]
    request: 0f2c9b1e-5d7a-4c3e-9b8f-6a1d2e3f4a5b
    others: [west=logs/west.jsonl]
    file: logs/request.log

- name: Write what fails while somebody tries it again, for two minutes
  ossm.federation.mesh_logs_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    of: [west, shop/web]
    codes: [5xx]
    follow: 2m
    file: logs/east.log

- name: Explain one line of an access log
  ossm.federation.mesh_logs_info:
    mesh: east
    explain: >-
      [2026-11-23T10:15:00.123Z] "GET /products/7 HTTP/1.1" 503 UF
      upstream_reset_before_response_started{connection_failure} - "-" 0 91 7 -
      "-" "curl/7.76.1" "0f2c9b1e-5d7a-4c3e-9b8f-6a1d2e3f4a5b" "cart.shop" "10.0.0.7:8080"
      outbound|80||cart.shop.svc.cluster.local - 10.0.0.9:80 10.0.0.3:41234 - default
"""

RETURN = r"""
file:
  description: The file that was written; empty in check mode and with O(explain).
  returned: success
  type: str
  sample: logs/east.log
counts:
  description: Lines that were read and written, access lines among them and lines of a proxy that no format fits;
    statuses and flags.
  returned: success
  type: dict
  sample:
    {read: 120, written: 2, access: 2, unparsed: 0, codes: {"503": 2},
     flags: {"UF: the connection to the endpoint failed": 2}}
streams:
  description: The containers whose logs were read, how many bytes were read, and whether there were more.
  returned: success
  type: list
  elements: dict
  sample: [{name: east/shop/web-1/istio-proxy, bytes: 20480, cut: false}]
unread:
  description: What could not be read, and why.
  returned: success
  type: list
  elements: dict
  sample: []
findings:
  description: What hides lines, such as an access log that is off.
  returned: success
  type: list
  elements: dict
  sample: []
fields:
  description: The fields of the line of O(explain), each with its operator, value and meaning.
  returned: success
  type: list
  elements: dict
  sample: []
hops:
  description: The path of the request of O(request), one row per proxy.
  returned: success
  type: list
  elements: dict
  sample: []
notes:
  description: What is not certain.
  returned: success
  type: list
  elements: str
  sample: []
lines:
  description: All of this as lines for people; no line of a log is among them.
  returned: success
  type: list
  elements: str
  sample: ["east · 2 of 120 lines from 3 containers → logs/east.log"]
"""

from contextlib import ExitStack
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._described import DESCRIBED
from ..module_utils._logs import LOGS, explain, gather
from ..module_utils._options import CLUSTER
from ..module_utils._run import Module, Run, run_module

OPTIONS = LOGS


def run(run: Run, cluster: Cluster, _now: datetime) -> dict:
    """Return what was written and what it comes to."""
    if run.params["explain"]:
        return explain(run)
    if not run.params["file"]:
        raise FederationError(
            "FED931", where="file", what="is not set", fix="Name the file that is written (the role does: logs_dir)"
        )
    with ExitStack() as stack:
        return gather(run, cluster, stack)


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False, needs_cluster=not module.params["explain"])


if __name__ == "__main__":
    main()
