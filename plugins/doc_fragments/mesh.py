# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """Which mesh a module works on."""

    DOCUMENTATION = r"""
options:
  mesh:
    description: What the mesh calls itself on its cards.
    type: str
    required: true
  namespace:
    description: The namespace of its control plane; the mesh's name followed by C(-mesh-system) when absent.
    type: str
  control_plane:
    description: The name of its ServiceMeshControlPlane.
    type: str
    default: basic
"""
