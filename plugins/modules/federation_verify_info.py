#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_verify_info
short_description: Make one real request to each import, from a pod with a sidecar
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Makes one request to each imported service at each of its ports and reports whether the service was reached, was
    not, or whether that cannot be known, with the evidence for it.
  - The request is a command in the container of an application that has a sidecar, so it has to be asked for with
    O(by_exec). It is made by C(curl), C(python3) or C(wget), whichever the container has; where it has none, the result
    is unknown.
  - Any answer that an Envoy did not make in the service's place counts as reached, whatever its status. For other
    protocols than HTTP a connection that stays open, or on which the service speaks, counts.
  - No body of an answer leaves the module, and the commands are bounded in time and output.
seealso:
  - module: ossm.federation.federation_diagnosis_info
  - module: ossm.federation.federation_info
attributes:
  check_mode: {support: full, description: "Reads the imports, and makes no request."}
  diff_mode: {support: none, description: Changes nothing on the cluster.}
options:
  by_exec:
    description:
      - Whether commands may be run in containers of applications. Without it the module refuses. This needs
        C(pods/exec) in the namespaces whose pods are asked from.
    type: bool
    default: false
  client:
    description:
      - From which pod requests are made, as C(namespace/name) of a pod or workload. Without it from the first pods of
        member namespaces that are ready and have a sidecar, of which at most five are tried.
    type: str
  paths:
    description:
      - By import, as C(namespace/name) or as the host that it is imported as, the path that is asked for with GET, such
        as C(/health), or with its port C(:8080/health). All others are asked for C(/) with HEAD.
    type: dict
    default: {}
  peers:
    description:
      - Our names of peers, or mappings with C(local_name) and C(name), by whose cards O(cards_dir) is read. A peer that
        is not named is called as its ServiceMeshPeer is.
    type: list
    elements: raw
    default: []
    version_added: 0.3.0
  cards_dir:
    description:
      - Folder of the cards. Where istiod cannot be asked which ports imports have, those count that the peers' cards
        offer.
    type: path
    version_added: 0.3.0
  timeout:
    description:
      - Seconds that one request may take, from 2 to 60. A connection has to stay open as long, because proxies between
        need up to 10 seconds to find out that they have no connection further on.
    type: int
    default: 15
  require:
    description:
      - What fails the task. V(all) is an import that is not reached or of unknown state, or a peer whose imports are
        not known.
      - V(no_failure) is an import that is not reached.
      - V(none) fails nothing.
    type: str
    choices: [all, no_failure, none]
    default: none
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
"""

EXAMPLES = r"""
- name: See whether the imports of east are reached
  ossm.federation.federation_verify_info:
    kubeconfig: east.kubeconfig
    mesh: east
    by_exec: true

- name: Ask from one workload, and for a path that the service has
  ossm.federation.federation_verify_info:
    kubeconfig: east.kubeconfig
    mesh: east
    by_exec: true
    client: shop/web
    paths:
      shop/cart: /health
      shop/till: :8080/ready

- name: Fail unless every import is known to be reached
  ossm.federation.federation_verify_info:
    kubeconfig: east.kubeconfig
    mesh: east
    by_exec: true
    require: all
"""

RETURN = r"""
calls:
  description:
    - A row per import and port. C(state) is V(reached), V(not reached) or V(unknown); C(port) is 0 where no port is
      known.
  returned: success
  type: list
  elements: dict
  sample:
    - peer: west
      host: cart.shop.svc.west-imports.local
      port: 8080
      protocol: HTTP
      asked: HEAD /
      from: shop/web-1
      program: curl
      state: reached
      evidence: 200 in answer to HEAD /
      code: null
counts:
  description: How many of them are in each state, and how many were not asked for because there are too many.
  returned: success
  type: dict
  sample: {reached: 1, not_reached: 0, unknown: 0, left_out: 0}
unread:
  description: What could not be read, and why.
  returned: success
  type: list
  elements: dict
  sample: []
findings:
  description: What needs attention, with what to do about it.
  returned: success
  type: list
  elements: dict
  sample: []
missing:
  description: What prevents the mesh from meeting O(require).
  returned: success
  type: list
  elements: str
  sample: []
verdict:
  description: V(ok), or V(down) when O(require) is not met.
  returned: success
  type: str
  sample: ok
states:
  description: For lines that have one, the state to colour them by.
  returned: success
  type: dict
  sample: {"√ east: 1 of 1 reached": ok}
lines:
  description: The same for people, as a table.
  returned: success
  type: list
  elements: str
  sample: ["east · 1 reached"]
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import as_data, in_order
from ..module_utils._core.peering.verdict import DOWN, OK, UNSURE
from ..module_utils._core.verification.verdicts import NOT_REACHED, REACHED, REQUIRED, UNKNOWN
from ..module_utils._options import CLUSTER, MESH
from ..module_utils._run import Module, Run, run_module
from ..module_utils._verify import verification_of

OPTIONS = {
    "by_exec": {"type": "bool", "default": False},
    "client": {"type": "str"},
    "paths": {"type": "dict", "default": {}},
    "peers": {"type": "list", "elements": "raw", "default": []},
    "cards_dir": {"type": "path"},
    "timeout": {"type": "int", "default": 15},
    "require": {"type": "str", "choices": list(REQUIRED), "default": "none"},
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Return what the requests came to. Raises ``FederationError`` FED919 where that is not as is required."""
    require, found = run.params["require"], verification_of(run, cluster, now)
    missing, line = found.missing(require), found.verdict_line(require)
    result = {
        "changed": False,
        "calls": [one.as_row() for one in found.verdicts],
        "counts": {
            "reached": found.count(REACHED),
            "not_reached": found.count(NOT_REACHED),
            "unknown": found.count(UNKNOWN),
            "left_out": found.left_out,
        },
        "unread": [gap.as_data() for gap in found.unread],
        **as_data(in_order(found.findings())),
        "missing": missing,
        "verdict": DOWN if missing else OK,
        "states": {line: DOWN if missing else OK if line.startswith("√") else UNSURE},
        "lines": [*found.lines(), line],
    }
    if missing:
        raise found.refusal(require, result)
    return result


def main() -> None:
    module = Module({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
