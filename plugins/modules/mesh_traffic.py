#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_traffic
short_description: Keep failover, splits and callers of services between meshes
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps the DestinationRules, VirtualServices and AuthorizationPolicies that O(traffic) asks for, in one call for a
    whole mesh.
  - Objects that it made and that no rule needs any more are removed. Objects of others are not written unless a rule
    has C(merge); where one is for a host, the rule is refused and the fields that it needs are shown.
  - Every problem of every rule is found before anything is written.
  - With O(prometheus_url) the callers of the last seven days are named that a policy on a workload would cut off. A
    rule that names none of them (C(local)) is then rehearsed with those that were seen, from 2.2 on. Where Prometheus
    does not answer, such a rule is refused.
seealso:
  - module: ossm.federation.traffic_info
  - module: ossm.federation.federation
attributes:
  check_mode: {support: full, description: Plans and shows everything; writes nothing.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: A second run changes nothing.}
options:
  state:
    description: Whether the rules are kept, or all that this module made in this mesh is removed.
    type: str
    choices: [present, absent]
    default: present
  traffic:
    description:
      - The rules, one per service. Each has C(service) (C(namespace/name), as it is called in this mesh) and one or
        more of C(failover_to), C(outlier), C(split), C(callers), C(timeout), C(retries), C(idle_timeout) and C(merge).
      - An empty list removes all that was made before. Required with O(state=present).
    type: raw
    suboptions:
      service:
        description: The service as C(namespace/name), as it is called in this mesh.
        type: str
        required: true
      failover_to:
        description: The peer that answers when no local endpoint is left.
        type: str
      outlier:
        description: When an endpoint that fails is left out, and for how long.
        type: dict
        suboptions:
          consecutive_5xx:
            description: How many failures in a row; 5 when absent.
            type: int
          interval:
            description: How often endpoints are checked, such as V(10s), the default.
            type: str
          base_ejection_time:
            description: For how long an endpoint is left out at first, such as V(30s), the default.
            type: str
      split:
        description: A weight for C(local) and for peers by name, 100 in all.
        type: dict
      callers:
        description: The callers that may call the service.
        type: dict
        suboptions:
          from_mesh:
            description: Peers that may call a service of this mesh.
            type: list
            elements: str
          local:
            description:
              - Service accounts of this mesh (C(namespace/name)) that may also call, or V(nobody).
              - When absent, O(prometheus_url) must show the callers, and the policy is only rehearsed.
            type: raw
          service_accounts:
            description: Service accounts of this mesh that may call an imported service.
            type: list
            elements: str
          dry_run:
            description: Whether the policy is only rehearsed, from 2.2 on.
            type: bool
          enforce_after:
            description:
              - Rehearse the policy, from 2.2 on, and enforce it in the first run after a window such as V(7d), V(12h),
                V(30m) or V(90s) in which the proxies of the workload counted nothing that it would refuse.
              - What they count is read from the proxies (C(pods/portforward)). Where they were restarted or cannot be
                asked, O(prometheus_url) is; an unknown count is not treated as zero.
            type: str
            version_added: 0.3.0
      timeout:
        description: How long a call may take, such as V(2s).
        type: str
      retries:
        description: How often a call that failed is made again.
        type: dict
        suboptions:
          attempts:
            description: How often; 0 for never.
            type: int
            required: true
          per_try_timeout:
            description: How long one attempt may take.
            type: str
          retry_on:
            description: What counts as failed, in Envoy's words with commas.
            type: str
      idle_timeout:
        description: After how long clients close a connection to an imported host that nobody uses, such as V(60s); for
          HTTP.
        type: str
        version_added: 0.3.0
      merge:
        description:
          - Whether the fields that a failover or a split by weight needs are merged into your DestinationRule of the
            host. This module then owns only these fields, and removes them again when no rule needs them.
          - Refused where your rule sets one of these fields to something else.
        type: bool
        version_added: 0.3.0
  locality:
    description: Where this mesh is, with C(region), and C(zone) and C(subzone) where wanted. Found on pods or nodes
      when absent.
    type: dict
    suboptions:
      region:
        description: The region, as the nodes' label C(topology.kubernetes.io/region) has it.
        type: str
      zone:
        description: The zone; needs a region.
        type: str
      subzone:
        description: The subzone; needs a zone.
        type: str
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
  - ossm.federation.force
  - ossm.federation.prometheus
"""

EXAMPLES = r"""
- name: Answer for cart from west when no local endpoint is left
  ossm.federation.mesh_traffic:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: cart, namespace: shop, import_as_local: true}
    traffic:
      - service: shop/cart
        failover_to: west
        outlier: {consecutive_5xx: 3}

- name: Send a fifth of the calls to west, and repeat those that fail
  ossm.federation.mesh_traffic:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: cart, namespace: shop}
    traffic:
      - service: shop/cart
        split: {local: 80, west: 20}
        timeout: 2s
        retries: {attempts: 2, retry_on: "connect-failure,refused-stream"}

- name: Add the failover of cart to the DestinationRule that the shop has for it
  ossm.federation.mesh_traffic:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: cart, namespace: shop, import_as_local: true}
    traffic:
      - service: shop/cart
        failover_to: west
        merge: true

- name: Rehearse the policy of checkout
  ossm.federation.mesh_traffic:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    exports:
      - {name: checkout, namespace: shop}
    traffic:
      - service: shop/checkout
        callers: {from_mesh: [west], local: [shop/web], dry_run: true}

- name: Enforce it after a week in which nobody would have been refused
  ossm.federation.mesh_traffic:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    exports:
      - {name: checkout, namespace: shop}
    traffic:
      - service: shop/checkout
        callers: {from_mesh: [west], local: [shop/web], enforce_after: 7d}

- name: Remove every rule that this module made
  ossm.federation.mesh_traffic:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    state: absent
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, kind: DestinationRule, namespace: shop, name: federation.cart, fields: [spec.host]}]
lines:
  description: What each rule does, in words, and what it does not guarantee.
  returned: success
  type: list
  elements: str
  sample: ["east · 1 rule", "shop/cart: local endpoints first, west when none of them is left"]
locality:
  description: Where this mesh is, as far as it is known.
  returned: success
  type: dict
  sample: {region: eu-central}
rehearsals:
  description: >-
    The state of each policy that is not enforced yet, or that this run enforced: I(state) is V(new), V(waiting),
    V(quiet), V(denied), V(unknown), V(over) or
    V(enforced), I(denied) how many requests and connections it would have refused, I(why) the reason if that is not
    known.
  returned: success
  type: list
  elements: dict
  version_added: 0.3.0
  sample: [{service: shop/checkout, state: waiting, since: "2026-05-01T08:00:00Z", enforce_after: 7d, denied: 0, why:
    ""}]
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import texts
from ..module_utils._core.plain.diff import as_diff
from ..module_utils._core.traffic.asking import refuse
from ..module_utils._core.traffic.calling import cut_off_locally, told_of_callers, widened
from ..module_utils._core.traffic.cutting import cut_off
from ..module_utils._core.traffic.enforcing import findings_of, rows_of, told_of_rehearsal
from ..module_utils._core.traffic.localities import regions_to_come, warnings_of
from ..module_utils._core.traffic.plan import changes_of, plan_traffic, told
from ..module_utils._core.traffic.shifting import warnings_under_way
from ..module_utils._described import DESCRIBED
from ..module_utils._options import CLUSTER, FORCE, PROMETHEUS
from ..module_utils._run import Module, Run, run_module
from ..module_utils._traffic import TRAFFIC, look

OPTIONS = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}, **TRAFFIC}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring the rules of one mesh to their desired state and return the module's result."""
    is_absent = run.params["state"] == "absent"
    if is_absent:
        run.params = {**run.params, "traffic": None}
    asked = look(run, cluster, may_be_unset=is_absent, asks_callers=True)
    # In check mode federate was only checked, too.
    refuse([*asked.problems, *(() if run.check_mode else regions_to_come(asked.wanted, asked.mesh, asked.standing))])
    found = [*warnings_of(asked.wanted, asked.standing), *cut_off(asked.wanted, asked.mesh, asked.standing)]
    found += warnings_under_way(asked.wanted, asked.standing)
    found += [*cut_off_locally(asked.wanted, asked.mesh, asked.standing), *findings_of(asked.wanted)]
    found += widened(asked.wanted, asked.mesh, asked.standing)
    for warning in texts(found) if not is_absent else ():
        run.warn(warning)
    planned = plan_traffic(asked.wanted, asked.mesh, asked.standing, asked.locality)
    changes = changes_of(planned, asked.standing, force=run.params["force"])
    run.apply(cluster, changes)
    count = len(asked.wanted)
    called = [line for one in asked.wanted for line in told_of_callers(one, asked.mesh, asked.standing)]
    called += [line for one in asked.wanted for line in told_of_rehearsal(one, asked.standing)]
    head = (
        f"{asked.mesh.name} · {count or 'no'}"
        f" rule{'' if count == 1 else 's'}{f' · {asked.where}' if asked.where else ''}"
    )
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        "changes": [change.summary() for change in changes],
        "lines": [head, *told(asked.wanted, asked.mesh, asked.standing), *called],
        "locality": dict(asked.locality),
        "rehearsals": rows_of(asked.wanted),
    }


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **FORCE, **PROMETHEUS, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
