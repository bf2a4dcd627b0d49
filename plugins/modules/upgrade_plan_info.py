#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_plan_info
short_description: Show what an upgrade of a control plane needs
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Lists each minor version in between, what stops the control plane there, what changes for users, and which sidecars
    are old.
  - Reads only.
seealso:
  - module: ossm.federation.control_plane
  - module: ossm.federation.data_plane
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Reads only.}
options:
  to:
    description: The version to arrive at, such as C(v2.3).
    type: str
    required: true
  remove_mixer:
    description: Whether the upgrade removes Mixer and the 3scale add-on by itself, so that neither stops it.
    type: bool
    default: false
  convert_extensions:
    description: Whether the upgrade turns ServiceMeshExtensions into WasmPlugins on 2.2, so that they do not stop it.
    type: bool
    default: false
  images:
    description: The option C(images) of M(ossm.federation.extension_conversion), so that the plan names the extensions
      that cannot be converted.
    type: dict
    default: {}
  strict:
    description: Whether to fail when the first step is stopped.
    type: bool
    default: false
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
"""

EXAMPLES = r"""
- name: See the steps between this mesh and version 2.3
  ossm.federation.upgrade_plan_info:
    kubeconfig: east.kubeconfig
    mesh: east
    to: v2.3

- name: See what would stop an upgrade to 2.6, extensions included
  ossm.federation.upgrade_plan_info:
    kubeconfig: east.kubeconfig
    mesh: east
    to: v2.6

- name: Plan for a mesh whose control plane has other names
  ossm.federation.upgrade_plan_info:
    kubeconfig: east.kubeconfig
    mesh: east
    namespace: istio-system
    control_plane: production
    to: v2.5
"""

RETURN = r"""
steps:
  description: One entry per minor version in between, none when the control plane already has the version.
  returned: success
  type: list
  elements: dict
  sample: [{from: v2.0, to: v2.1, blockers: [], notes: ["Mixer is removed: its policies and adapters stop working"]}]
lines:
  description: The plan as lines for people.
  returned: success
  type: list
  elements: str
  sample: ["ServiceMeshControlPlane east-mesh-system/basic: v2.0 to v2.1, 1 step", "v2.0 → v2.1: possible"]
sidecars:
  description: Pods by the version of their sidecar.
  returned: success
  type: dict
  sample: {v2.0: [shop/cart-5d8c]}
unknown:
  description: What could not be read for lack of rights; it may hide what would stop the upgrade.
  returned: success
  type: list
  elements: str
  sample: []
control_plane:
  description: The mesh's control plane.
  returned: success
  type: dict
  sample: {name: basic, namespace: east-mesh-system, version: v2.0, trust_domain: east.local}
"""

from dataclasses import replace
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.control_plane.upgrade import lines, plan_upgrade, refuse_blocked, text_of
from ..module_utils._core.plain.kinds import home_of
from ..module_utils._options import CLUSTER, MESH
from ..module_utils._reads.around import read_found, read_held
from ..module_utils._reads.peerings import read_control_plane
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "to": {"type": "str", "required": True},
    "remove_mixer": {"type": "bool", "default": False},
    "convert_extensions": {"type": "bool", "default": False},
    "images": {"type": "dict", "default": {}},
    "strict": {"type": "bool", "default": False},
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Return what an upgrade takes."""
    params = run.params
    control_plane = read_control_plane(cluster, home_of(params), params["control_plane"])
    found = read_found(cluster, control_plane, params)
    found = replace(found, held=read_held(cluster, control_plane, found))
    steps = plan_upgrade(
        control_plane,
        params["to"],
        found,
        removes_mixer=params["remove_mixer"],
        converts_extensions=params["convert_extensions"],
    )
    if params["strict"] and steps:
        refuse_blocked(control_plane, steps[0])
    return {
        "changed": False,
        "steps": [step.as_data() for step in steps],
        "lines": lines(control_plane, steps, found),
        "sidecars": {text_of(version): list(pods) for version, pods in found.sidecars.items()},
        "unknown": list(found.unknown),
        "control_plane": control_plane.as_data(),
    }


def main() -> None:
    module = Module({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
