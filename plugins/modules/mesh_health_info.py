#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_health_info
short_description: Tell whether the components and proxies of a mesh are well
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Shows each component of a mesh with its state, the evidence for it, and a code that says what to do. These are
    istiod, gateways, peers, roots and add-ons.
  - Asks every replica of istiod which proxies it serves and what they acknowledged, merges the answers, and shows the
    proxies by workload, worst first. An unhealthy proxy is checked twice.
  - Pages of istiod, Envoy and add-ons answer inside their pods only, so the module opens a port-forward to them, as the
    same account as for every other request. It sends GET requests from a fixed list and changes nothing.
  - What the account may not read is reported and counts as unknown, never as healthy.
  - Asks Prometheus for the traffic to imports and through egress gateways. It is the one of O(prometheus_url), such as
    a Route with a bearer token that may C(get) pods in the control plane's namespace; else the mesh's own, by a
    port-forward to its pod.
seealso:
  - module: ossm.federation.federation_diagnosis_info
  - module: ossm.federation.proxy_config_info
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Changes nothing.}
options:
  require:
    description:
      - What fails the task. V(core) is a core component (istiod, the ingress gateway, the gateways of peers) that is
        failing or unknown.
      - V(healthy) is anything that is failing, degraded, unknown or could not be read, and any unhealthy proxy.
      - V(none) fails nothing.
    type: str
    choices: [core, healthy, none]
    default: none
  again:
    description:
      - After how many seconds unhealthy proxies are checked again. V(0) checks once, and then nothing is told apart
        that passes by itself.
    type: int
    default: 10
  by_exec:
    description:
      - Whether istiod and Envoy are asked by a command in their containers instead of a port-forward. This needs
        C(pods/exec), with which an account can read the CA key in istiod, so leave it off where a port-forward works.
    type: bool
    default: false
  operators:
    description: The namespace of the operator and of the CNI plug-in.
    type: str
    default: openshift-operators
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.prometheus
"""

EXAMPLES = r"""
- name: Tell whether east is well
  ossm.federation.mesh_health_info:
    kubeconfig: east.kubeconfig
    mesh: east

- name: Fail unless everything in east is well
  ossm.federation.mesh_health_info:
    kubeconfig: east.kubeconfig
    mesh: east
    require: healthy

- name: Look only once at a mesh under names of its own, by commands in its containers
  ossm.federation.mesh_health_info:
    kubeconfig: east.kubeconfig
    mesh: east
    namespace: istio-system
    control_plane: production
    again: 0
    by_exec: true
"""

RETURN = r"""
components:
  description:
    - The components, worst first. C(state) is V(healthy), V(degraded), V(failing), V(absent by intent) or V(unknown);
      C(severity) is V(core), V(peer) or V(add-on).
  returned: success
  type: list
  elements: dict
  sample:
    - component: istiod-basic
      severity: core
      state: healthy
      evidence: 2 of 2 pods available; 412 proxies connected; no update rejected
      since: "2026-01-31T12:00:00Z"
      code: null
workloads:
  description: How many proxies each workload has, and how many are healthy, worst first.
  returned: success
  type: list
  elements: dict
  sample: [{namespace: shop, workload: cart, proxies: 5, in_order: 2, states: {STALE: 3, SYNCED: 2}, worst: STALE, old:
    0}]
proxies:
  description:
    - All proxies, worst first. C(state) is V(NOT CONNECTED), V(REJECTED), V(STALE), V(WAITING), V(UNKNOWN), V(NOT
      SENT), V(GONE) or V(SYNCED). C(types) has the types of configuration that are not synced.
  returned: success
  type: list
  elements: dict
  sample:
    - proxy: shop/cart-1
      workload: cart
      state: SYNCED
      types: {}
      evidence: ""
      version: 1.18.7
      old: false
      istiod: istiod-basic-1
rates:
  description:
    - What Prometheus counted on the edges in the last ten minutes, the busiest first. Calls to imported names are those
      that clients counted; edges of egress gateways are connections and bytes. Those of the ingress gateways for peers
      are what came in, as the services that were called counted it; they alone know whether it came by mutual TLS.
      C(state) is V(healthy), V(degraded) (more than 5 per cent fail) or V(idle). What was not measured is null. Empty
      where no Prometheus of the mesh is ready and O(prometheus_url) is not given.
  returned: success
  type: list
  elements: dict
  sample:
    - edge: shop/web → cart.shop.svc.west-imports.local
      state: healthy
      requests_per_second: 12.1
      errors_per_cent: 0.0
      milliseconds: 14.2
      connections_per_second: null
      bytes_per_second: null
      mutual_tls_per_cent: null
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
  sample: {"√ east: every component and every proxy is healthy": ok}
lines:
  description: The same for people, as tables.
  returned: success
  type: list
  elements: str
  sample: ["east · 9 healthy, 2 absent by intent"]
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import as_data, in_order
from ..module_utils._core.insight.showing import REQUIRED
from ..module_utils._core.peering.verdict import DOWN, OK
from ..module_utils._core.plain.kinds import home_of
from ..module_utils._health import OPERATORS, health_of
from ..module_utils._options import CLUSTER, MESH, PROMETHEUS
from ..module_utils._prometheus import Prometheus
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "require": {"type": "str", "choices": list(REQUIRED), "default": "none"},
    "again": {"type": "int", "default": 10},
    "by_exec": {"type": "bool", "default": False},
    "operators": {"type": "str", "default": OPERATORS},
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Return the health of a mesh. Raises ``FederationError`` FED914 where it is not as is required."""
    params, require = run.params, run.params["require"]
    namespace = home_of(params)
    health = health_of(
        cluster,
        params["mesh"],
        namespace,
        params["control_plane"],
        now,
        again=max(0, params["again"]),
        by_exec=params["by_exec"],
        operators=params["operators"],
        prometheus=Prometheus.of(params, "health_prometheus_url"),
    )
    lines, missing = health.lines(), health.missing(require)
    result = {
        "changed": False,
        **health.as_data(),
        **as_data(in_order(health.findings())),
        "missing": missing,
        "verdict": DOWN if missing else OK,
        "states": health.states(lines, require),
        "lines": [*lines, health.verdict_line(require)],
    }
    if missing:
        raise health.refusal(require, result)
    return result


def main() -> None:
    module = Module({**CLUSTER, **MESH, **PROMETHEUS, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
