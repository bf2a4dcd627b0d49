# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """What is wanted of the operators of a cluster, and where they come from."""

    DOCUMENTATION = r"""
options:
  control_planes:
    description:
      - The control planes that are wanted in this cluster, each with C(mesh), C(version) and C(spec); they say which
        companions are needed.
      - C(control_plane) is its name, C(basic) when absent; some versions do not support every name.
      - One with C(removed) was removed by the same run. When operators are removed in check mode, it counts as removed.
    type: list
    elements: dict
    default: []
  operators:
    description: Operators that should be otherwise than by default, and further ones.
    type: list
    elements: dict
    default: []
    suboptions:
      package:
        description: The package in the catalog, such as C(servicemeshoperator) or C(kiali-ossm).
        type: str
        required: true
      namespace:
        description: The namespace of the operator.
        type: str
      channel:
        description: The channel; C(stable) when absent.
        type: str
      catalog:
        description: Another catalog source than O(catalog).
        type: str
      approval:
        description: Another approval than O(approval).
        type: str
        choices: [Manual, Automatic]
      starting_csv:
        description:
          - The version to install first, such as C(servicemeshoperator.v2.5.2). A pin with O(approval=Manual) alone;
            with V(Automatic) OLM upgrades from there to the newest of the channel.
        type: str
  tenants:
    description: The meshes of this cluster, in the form of M(ossm.federation.mesh_tenants). They are only checked;
      wrong descriptions are refused.
    type: list
    elements: dict
    default: []
  catalog:
    description: The catalog source; disconnected clusters have one of another name.
    type: str
    default: redhat-operators
  catalog_namespace:
    description: The namespace of the catalog source.
    type: str
    default: openshift-marketplace
  approval:
    description: Who approves InstallPlans. With V(Automatic) OLM upgrades by itself, and nothing checks whether a
      control plane loses its support.
    type: str
    choices: [Manual, Automatic]
    default: Manual
"""
