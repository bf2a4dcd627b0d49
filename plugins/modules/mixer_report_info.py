#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mixer_report_info
short_description: Show what Mixer does in a mesh of 2.0, and what replaces it from 2.1 on
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Lists every object of Mixer's in the mesh and every part of the control plane that uses it, each with what replaces
    it, or with what is lost.
  - Writes rate limits in the control plane's words, and 3scale as a draft of C(mesh_threescale), without the access
    token.
  - Changes nothing.
seealso:
  - module: ossm.federation.upgrade_plan_info
  - module: ossm.federation.threescale_adapter
attributes:
  check_mode: {support: full, description: Only reads.}
  diff_mode: {support: none, description: There is nothing to compare.}
  idempotent: {support: full, description: Only reads.}
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
"""

EXAMPLES = r"""
- name: See what Mixer does here before 2.1 removes it
  ossm.federation.mixer_report_info:
    kubeconfig: east.kubeconfig
    mesh: east
  register: mixer

- name: Look at a mesh under names of its own
  ossm.federation.mixer_report_info:
    kubeconfig: east.kubeconfig
    mesh: east
    namespace: istio-system
    control_plane: production

- name: Look with the rights of an account that may only read
  ossm.federation.mixer_report_info:
    kubeconfig: east.kubeconfig
    impersonate_user: system:serviceaccount:east-mesh-system:auditor
    mesh: east
"""

RETURN = r"""
objects:
  description: Each object with what it does, its successor, how that is set up, and what is lost. C(of_operator) are
    those that the control plane made.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: handler
      namespace: east-mesh-system
      name: quotas
      does: rate limits
      successor: rate limiting of Envoy
      how: spec.techPreview.rateLimiting of the control plane and a Redis, written below
      loses: limits for TCP, and quotas by best effort
      of_operator: false
rate_limits:
  description: The part of the control plane's spec that keeps the rate limits from 2.1 on; null where there are none.
  returned: success
  type: dict
  sample: null
threescale:
  description: A draft of C(mesh_threescale), null where 3scale is not behind Mixer. The access token stays in the
    handler.
  returned: success
  type: dict
  sample: null
findings:
  description: What of 3scale has no counterpart, or needs a decision.
  returned: success
  type: list
  elements: dict
  sample: []
lines:
  description: The same as lines for people.
  returned: success
  type: list
  elements: str
  sample: ["east-mesh-system/basic v2.0: 1 object of Mixer's"]
unknown:
  description: What could not be read for lack of rights.
  returned: success
  type: list
  elements: str
  sample: []
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.control_plane.members import ROLL, membership
from ..module_utils._core.plain.kinds import MEMBER_ROLL, POD, home_of
from ..module_utils._core.plain.refusals import Refusal
from ..module_utils._core.report.mixer import has_threescale, report
from ..module_utils._options import CLUSTER, MESH
from ..module_utils._reads.extensions import read_pods
from ..module_utils._reads.mixer import read_mixer
from ..module_utils._reads.peerings import read_control_plane
from ..module_utils._run import Module, Run, run_module

OPTIONS: dict = {}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Return what Mixer does in a mesh, and what takes its place."""
    params = run.params
    namespace = home_of(params)
    control_plane = read_control_plane(cluster, namespace, params["control_plane"])
    members = membership(cluster.get(MEMBER_ROLL, namespace, ROLL))["configured"]
    places = sorted({namespace, *members})
    objects, unknown = read_mixer(cluster, places)
    proxies, unread = read_pods(cluster, places) if has_threescale(objects) else ([], [])
    unknown += [Refusal(POD, place).text for place in unread]
    return {"changed": False, **report(control_plane, objects, proxies, unknown)}


def main() -> None:
    module = Module({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
