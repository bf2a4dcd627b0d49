#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_config_info
short_description: Show the configuration of proxies, and compare it
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Shows the configuration of the Envoy of a pod, as a table of the important parts, or compares it with another pod,
    workload or saved file, or with what istiod would send. Pods of a workload are compared with the majority of them.
  - Differences go by meaning, first by name and then by field. What differs by nature (version stamps, nonces, node
    ids, addresses) is folded away.
  - No secret leaves the module. Certificates are fingerprints, keys are left out, and the configuration of extensions
    is a digest.
  - Envoy is asked by a port-forward, as the same account as for every other request, one pod after the other, since
    Envoy makes a dump on its main thread.
seealso:
  - module: ossm.federation.mesh_health_info
  - module: ossm.federation.mesh_logs_info
attributes:
  check_mode: {support: full, description: "Reads, and writes no file."}
  diff_mode: {support: none, description: Changes nothing on the cluster.}
options:
  of:
    description: The pod or workload whose configuration is read, as C(namespace/name).
    type: str
    required: true
  against:
    description: The other side of the comparison, as C(namespace/name) of a pod or workload, or V(istiod) for what
      istiod would send to the pod.
    type: str
  against_file:
    description: A file to compare with, from O(directory) or from Envoy's C(/config_dump).
    type: path
  sections:
    description: Which parts are read.
    type: list
    elements: str
    choices: [clusters, listeners, routes, endpoints, bootstrap, extensions, secrets]
    default: [clusters, listeners, routes, bootstrap, extensions, secrets]
  fold:
    description:
      - Paths of fields that may differ, beside those that always may. A path begins with a section and has C(/) between
        names. C(*) is one name, C(**) any number of them.
    type: list
    elements: str
    default: []
  show:
    description: Only rows of the table that contain this text.
    type: str
    default: ""
  directory:
    description: A folder that gets the whole configuration of each pod as a JSON file that only you can read; none when
      not set.
    type: path
  fail:
    description: Whether a difference fails the task.
    type: bool
    default: false
  clear:
    description:
      - Whether the configuration of Wasm extensions is shown instead of its digest. Known secrets in it are still
        hidden, but an extension may call its secrets as it likes.
    type: bool
    default: false
  by_exec:
    description: Whether Envoy and istiod are asked by a command in their containers instead of a port-forward. This
      needs C(pods/exec).
    type: bool
    default: false
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
"""

EXAMPLES = r"""
- name: Show which clusters of a pod of web belong to the peer west
  ossm.federation.proxy_config_info:
    kubeconfig: east.kubeconfig
    mesh: east
    of: shop/web-7d4b-k8s2p
    sections: [clusters]
    show: west-imports

- name: Fail when the pods of cart are not configured alike
  ossm.federation.proxy_config_info:
    kubeconfig: east.kubeconfig
    mesh: east
    of: shop/cart
    fail: true

- name: Compare a pod with what istiod would send
  ossm.federation.proxy_config_info:
    kubeconfig: east.kubeconfig
    mesh: east
    of: shop/cart-7d4b-x2x9k
    against: istiod
"""

RETURN = r"""
equal:
  description: Whether nothing differs that is not folded away; true where nothing was compared.
  returned: success
  type: bool
  sample: true
comparisons:
  description:
    - What was compared. Each has C(left), C(right), C(equal), C(compared) resources, C(counts) by section,
      C(differences) with their fields, and how many were C(left_out).
  returned: success
  type: list
  elements: dict
  sample:
    - {left: shop/cart-1, right: most of shop/cart (3 pods), equal: true, compared: 214, counts: {}, differences: [],
      left_out: 0}
rows:
  description: The table of one pod, or of the first of them; empty where something was compared.
  returned: success
  type: list
  elements: dict
  sample:
    - section: clusters
      name: outbound|80||cart.shop.svc.west-imports.local
      fqdn: cart.shop.svc.west-imports.local
      port: "80"
      subset: ""
      direction: outbound
      type: EDS
      object: ""
      federation: true
rows_left_out:
  description: How many rows more there are.
  returned: success
  type: int
  sample: 0
errors:
  description: What Envoys say of updates that they rejected.
  returned: success
  type: list
  elements: str
  sample: []
saved:
  description: The files that were written, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: []
lines:
  description: All of it as lines for people.
  returned: success
  type: list
  elements: str
  sample: ["= shop/cart-1 and most of shop/cart (3 pods): 214 resources, nothing differs"]
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._compare import Comparer
from ..module_utils._core.insight.dump import ENDPOINTS, SECTIONS, table_of
from ..module_utils._core.insight.telling import differ, fitting, lines_of
from ..module_utils._core.plain.kinds import home_of
from ..module_utils._options import CLUSTER, MESH
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "of": {"type": "str", "required": True},
    "against": {"type": "str"},
    "against_file": {"type": "path"},
    "sections": {
        "type": "list",
        "elements": "str",
        "choices": list(SECTIONS),
        "default": [section for section in SECTIONS if section != ENDPOINTS],
    },
    "fold": {"type": "list", "elements": "str", "default": []},
    "show": {"type": "str", "default": ""},
    "directory": {"type": "path"},
    "fail": {"type": "bool", "default": False},
    "clear": {"type": "bool", "default": False},
    "by_exec": {"type": "bool", "default": False},
}


def run(run: Run, cluster: Cluster, _now: datetime) -> dict:
    """Return what proxies are configured with, and what differs. Raises ``FederationError`` FED920 where a difference
    is a failure.
    """
    params = run.params
    comparer = Comparer(run, cluster, home_of(params))
    dumps, comparisons = comparer.look()
    rows = [] if comparisons else table_of(dumps[0], params["show"])
    result = {
        "changed": False,
        "equal": all(one.is_equal for one in comparisons),
        **fitting(comparisons, rows),
        "errors": [f"{dump.origin}: {error}" for dump in dumps for error in dump.errors][:100],
        "saved": comparer.saved,
    }
    result["lines"] = lines_of(result, comparisons, rows)
    if params["fail"] and not result["equal"]:
        raise differ(comparisons, result)
    return result


def main() -> None:
    module = Module({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
