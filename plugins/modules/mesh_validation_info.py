#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_validation_info
short_description: Find what is wrong with the Istio configuration of a mesh
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Looks at VirtualServices, DestinationRules, Gateways, Sidecars and policies of a mesh's members and of its control
    plane's namespace, and returns what Kiali's validations find, with Kiali's code beside ours.
  - Hosts that are known are Services, ServiceEntries and the exports of a connected peer. What cannot be decided is
    unknown, never wrong and never correct.
seealso:
  - module: ossm.federation.federation_diagnosis_info
  - module: ossm.federation.mesh_health_info
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Changes nothing.}
options:
  fail_on:
    description:
      - What fails the task. The result is that of a task that does not fail, beside the error.
    type: list
    elements: str
    choices: [error, warning, unknown]
    default: []
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
"""

EXAMPLES = r"""
- name: Look at the Istio configuration of east
  ossm.federation.mesh_validation_info:
    kubeconfig: east.kubeconfig
    mesh: east
  register: validation

- name: Fail where a route leads nowhere
  ossm.federation.mesh_validation_info:
    kubeconfig: east.kubeconfig
    mesh: east
    fail_on: [error]

- name: Fail on warnings too, and where something could not be read, in a mesh under names of its own
  ossm.federation.mesh_validation_info:
    kubeconfig: east.kubeconfig
    mesh: east
    namespace: istio-system
    control_plane: production
    fail_on: [error, warning, unknown]
"""

RETURN = r"""
findings:
  description: What was found, errors first. RV(ignore:kiali) has Kiali's codes for it, an empty list where Kiali has
    none.
  returned: success
  type: list
  elements: dict
  sample:
    - code: FED984
      kiali: [KIA1101]
      severity: error
      title: Route to a host that does not exist
      place: VirtualService shop/cart, http[0].route[0]
      seen: names chart.shop.svc.cluster.local, which is not a Service, ServiceEntry or import of this mesh
      why: "No Service, ServiceEntry or import of the mesh has this destination, so calls that take this route fail with
        503."
      cure: Correct the host; write it in full.
      reference: https://example.com/ossm/federation/docs/0.2.0/codes/fed984.html
findings_left_out:
  description: By code, how many more findings there are than the first 100 in RV(findings); empty when all are there.
  returned: success
  type: dict
  sample: {FED984: 12}
counts:
  description: How many errors and warnings, and how many reasons for which something is unknown.
  returned: success
  type: dict
  sample: {errors: 1, warnings: 0, unknown: 0}
unknown:
  description: What could not be decided, why, and the codes that would be found there.
  returned: success
  type: list
  elements: dict
  sample: [{what: host cart.shop.svc.west-imports.local, because: "peer west is not connected, so its exports are not
    known", codes: [FED984]}]
mutual_tls:
  description: Per namespace whether calls must come with mutual TLS, which object says so, and objects that say
    otherwise for some workloads.
  returned: success
  type: list
  elements: dict
  sample: [{namespace: shop, mode: STRICT, said_by: PeerAuthentication east-mesh-system/default, exceptions: []}]
lines:
  description: The same for people, as a list of lines.
  returned: success
  type: list
  elements: str
  sample: ["east · 14 objects in 3 namespaces · 1 error"]
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.plain.kinds import home_of
from ..module_utils._core.validation.everything import KINDS, refusal, validated
from ..module_utils._options import CLUSTER, MESH
from ..module_utils._reads.peerings import read_control_plane
from ..module_utils._reads.validation import read_objects
from ..module_utils._run import Module, Run, run_module

OPTIONS = {"fail_on": {"type": "list", "elements": "str", "choices": list(KINDS), "default": []}}


def run(run: Run, cluster: Cluster, _now: datetime) -> dict:
    """Read, check, and return the module's result."""
    params = run.params
    control_plane = read_control_plane(cluster, home_of(params), params["control_plane"])
    result = {
        **validated(params["mesh"], read_objects(cluster, control_plane)),
        "control_plane": control_plane.as_data(),
    }
    error = refusal(params["mesh"], result, params["fail_on"])
    if error:
        raise error
    return result


def main() -> None:
    module = Module({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
