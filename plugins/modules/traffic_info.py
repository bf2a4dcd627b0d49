#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: traffic_info
short_description: Show how calls go between meshes
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Shows which rules of M(ossm.federation.mesh_traffic) exist, and everything that is wrong with the described ones.
  - With O(service) and O(client) it computes from live objects where a call goes, with shares, endpoints by priority,
    and the policies that admit it on each hop of this mesh. Notes say what no object shows.
seealso:
  - module: ossm.federation.mesh_traffic
  - module: ossm.federation.federation_info
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Changes nothing.}
options:
  traffic:
    description: The rules, as in M(ossm.federation.mesh_traffic). Existing objects are also shown without them.
    type: raw
  locality:
    description: Where this mesh is, as in M(ossm.federation.mesh_traffic).
    type: dict
  service:
    description: The service that is called, as C(namespace/name) in this mesh.
    type: str
  client:
    description: The caller, as C(namespace/name) of a service account, label app, Service or pod (the first that
      matches), or the name of a peer.
    type: str
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.described
  - ossm.federation.prometheus
"""

EXAMPLES = r"""
- name: Show where calls of web to cart go
  ossm.federation.traffic_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    imports:
      - {name: cart, namespace: shop, import_as_local: true}
    service: shop/cart
    client: shop/web

- name: Show what exists, without asking about a call
  ossm.federation.traffic_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]

- name: Show where calls of west to our checkout go
  ossm.federation.traffic_info:
    kubeconfig: east.kubeconfig
    mesh: east
    peers: [west]
    exports:
      - {name: checkout, namespace: shop}
    service: shop/checkout
    client: west
"""

RETURN = r"""
findings:
  description: What is wrong with the rules that are described, or deserves a warning.
  returned: success
  type: list
  elements: dict
  sample: []
rules:
  description: The existing objects of C(mesh_traffic).
  returned: success
  type: list
  elements: dict
  sample: [{kind: DestinationRule, namespace: shop, name: federation.cart, peers: [west]}]
routes:
  description: Where the call goes, one row per endpoint, in the order of priorities; empty without O(service).
  returned: success
  type: list
  elements: dict
  sample:
    - {host: cart.shop.svc.cluster.local, endpoint: cart-1, peer: "", priority: 0, share: 100.0, passes: "yes",
      policies: [], rehearsed: []}
notes:
  description: What is not certain about the routes, or not visible from here.
  returned: success
  type: list
  elements: str
  sample: ["shop/web is read as service account: 1 pod"]
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
lines:
  description: All of it as lines.
  returned: success
  type: list
  elements: str
  sample: ["shop/web → shop/cart", "100.0 %  cart.shop.svc.cluster.local"]
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import finding_of, told
from ..module_utils._core.plain.kinds import home_of
from ..module_utils._core.traffic.asking import asked_for, row_of
from ..module_utils._core.traffic.calling import cut_off_locally, widened
from ..module_utils._core.traffic.cutting import cut_off
from ..module_utils._core.traffic.enforcing import findings_of, rows_of, told_of_rehearsal
from ..module_utils._core.traffic.going import client_of, where_it_goes
from ..module_utils._core.traffic.localities import regions_to_come, warnings_of
from ..module_utils._core.traffic.shifting import warnings_under_way
from ..module_utils._described import DESCRIBED
from ..module_utils._options import CLUSTER, PROMETHEUS
from ..module_utils._run import Module, Run, run_module
from ..module_utils._traffic import TRAFFIC, look

OPTIONS = {**TRAFFIC, "service": {"type": "str"}, "client": {"type": "str"}}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Return what stands, what is wrong, and where a call goes."""
    service, client = run.params["service"], run.params["client"]
    parts, home = asked_for(service, client), home_of(run.params)
    pods_in = {parts[0], str(client).partition("/")[0], home} if service is not None else ()
    asked = look(run, cluster, may_be_unset=True, asks_callers=service is None, pods_in=pods_in)
    standing = asked.standing
    if service is None:
        warned = [*warnings_of(asked.wanted, standing), *cut_off(asked.wanted, asked.mesh, standing)]
        warned += warnings_under_way(asked.wanted, standing)
        warned += [*cut_off_locally(asked.wanted, asked.mesh, standing), *findings_of(asked.wanted)]
        warned += widened(asked.wanted, asked.mesh, standing)
        found = told(
            asked.mesh.name,
            [*map(finding_of, [*asked.problems, *regions_to_come(asked.wanted, asked.mesh, standing)]), *warned],
            [],
        )
        rules = [row_of(live) for live in standing.kept]
        shown = [f"{row['kind']} {row['namespace']}/{row['name']} · {', '.join(row['peers'])}" for row in rules]
        rehearsed = [line for one in asked.wanted for line in told_of_rehearsal(one, standing)]
        return {
            "changed": False,
            "findings": found["findings"],
            "rules": rules,
            "rehearsals": rows_of(asked.wanted),
            "routes": [],
            "notes": [],
            "lines": [*found["lines"], *shown, *rehearsed],
        }
    going = where_it_goes(*parts, client_of(str(client), asked.mesh, standing), asked.mesh, standing)
    rules = [row_of(live) for live in standing.kept]
    return {
        "changed": False,
        "findings": [],
        "rules": rules,
        "rehearsals": [],
        "routes": going.as_data(),
        "notes": list(going.notes),
        "lines": going.lines(),
    }


def main() -> None:
    module = Module({**CLUSTER, **DESCRIBED, **PROMETHEUS, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
