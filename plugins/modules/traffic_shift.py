#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: traffic_shift
short_description: Move the shares of splits towards their goal in steps, with a check between
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Moves the weights of a split from the present ones towards O(traffic), step by step. Both kinds of split move, by
    weight inside one host and between two hosts.
  - A check after each step decides. If it fails, the module restores the weights from before the first step, where they
    stay until the module is asked to move again or to abort.
  - The annotation C(ossm.federation/shift) of the object records how far a share is, so a run that was killed continues
    where it was, and M(ossm.federation.mesh_traffic) leaves such a share alone.
seealso:
  - module: ossm.federation.mesh_traffic
  - module: ossm.federation.traffic_info
attributes:
  check_mode: {support: full, description: Shows all steps; writes nothing and waits for nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: At the goal nothing changes and nothing is waited for.}
options:
  action:
    description:
      - V(move) walks towards the goal. V(back) steps back what is under way and keeps it there. V(abort) steps back and
        forgets the shift; from then on O(traffic) counts again.
    type: str
    choices: [move, back, abort]
    default: move
  traffic:
    description: The rules, as in M(ossm.federation.mesh_traffic). Their splits are the goal.
    type: raw
    required: true
  locality:
    description: Where this mesh is, as in M(ossm.federation.mesh_traffic).
    type: dict
  services:
    description: The services whose shares move, as C(namespace/name); all that have a split when absent.
    type: list
    elements: str
  steps:
    description: The progress after each step, in per cent. Rising, the last one 100.
    type: list
    elements: int
    default: [0, 5, 25, 100]
  check:
    description:
      - What decides after a step. V(wait) waits O(pause) seconds and continues. V(prometheus) waits and then asks for
        the share of calls that fail. V(approve) makes one step, and the next call of the module is the approval.
    type: str
    choices: [wait, approve, prometheus]
    default: wait
  pause:
    description: Seconds after each step, and the time over which Prometheus is asked.
    type: int
    default: 60
  one_step:
    description: Whether to make one step only, whatever the check.
    type: bool
    default: false
  error_rate:
    description: How many per cent of the calls may fail.
    type: float
    default: 1.0
  unproven:
    description: What follows when Prometheus does not answer, or not with one number.
    type: str
    choices: [back, go_on]
    default: back
  query:
    description:
      - Your own query that returns one number, the share of calls that fail, from 0 to 1. C($hosts) stands for the
        hosts as a regular expression, C($window) for the time.
    type: str
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
  - ossm.federation.force
  - ossm.federation.prometheus
"""

EXAMPLES = r"""
- name: Move the share of west in three steps, one minute each
  ossm.federation.traffic_shift:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: till, namespace: shop}
    traffic:
      - service: shop/till
        split: {local: 0, west: 100}

- name: Move it while at most 2 % of the calls fail
  ossm.federation.traffic_shift:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: till, namespace: shop}
    traffic:
      - service: shop/till
        split: {local: 0, west: 100}
    steps: [10, 50, 100]
    check: prometheus
    prometheus_url: https://thanos-querier.example.com
    prometheus_token: "{{ lookup('ansible.builtin.env', 'PROMETHEUS_TOKEN') }}"
    error_rate: 2

- name: Restore the previous weights, and forget the shift
  ossm.federation.traffic_shift:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: till, namespace: shop}
    traffic:
      - service: shop/till
        split: {local: 0, west: 100}
    action: abort
"""

RETURN = r"""
changes:
  description: What was changed, or would be at first in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: update, kind: VirtualService, namespace: shop, name: federation.till, fields: ["spec.http"]}]
lines:
  description: What happened to each share, in words.
  returned: success
  type: list
  elements: str
  sample: ["shop/till: local 100 : west 0 → local 95 : west 5", "shop/till: at its goal, local 0 : west 100"]
services:
  description: The present state of each share. C(state) is V(goal), V(moving), V(back), or V(idle) for one that has not
    begun.
  returned: success
  type: list
  elements: dict
  sample: [{service: shop/till, state: goal, step: 100, weights: {local: 0, west: 100}, goal: {local: 0, west: 100}}]
pending:
  description: Whether a share is under way, so that another call moves it on.
  returned: success
  type: bool
  sample: false
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.traffic.shifting import STEPS
from ..module_utils._described import DESCRIBED
from ..module_utils._options import CLUSTER, FORCE, PROMETHEUS
from ..module_utils._run import Module, Run, run_module
from ..module_utils._shifting import Walk
from ..module_utils._traffic import TRAFFIC

OPTIONS = {
    **TRAFFIC,
    "traffic": {"type": "raw", "required": True},
    "action": {"type": "str", "choices": ["move", "back", "abort"], "default": "move"},
    "services": {"type": "list", "elements": "str"},
    "steps": {"type": "list", "elements": "int", "default": list(STEPS)},
    "check": {"type": "str", "choices": ["wait", "approve", "prometheus"], "default": "wait"},
    "pause": {"type": "int", "default": 60},
    "one_step": {"type": "bool", "default": False},
    "error_rate": {"type": "float", "default": 1.0},
    "unproven": {"type": "str", "choices": ["back", "go_on"], "default": "back"},
    "query": {"type": "str"},
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Move the shares of one mesh, or step them back, and return the module's result."""
    walk = Walk(run, cluster)
    {"move": walk.move, "back": walk.back, "abort": walk.abort}[run.params["action"]]()
    return walk.result()


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **FORCE, **PROMETHEUS, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
