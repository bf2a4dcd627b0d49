# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The testbed: service meshes that can be federated, on real API servers and with real Envoys, on one Linux machine."""

from __future__ import annotations

from .client import Answer, Mesh, Testbed, TestbedError
from .specification import MeshSpec

__all__ = ["Answer", "Mesh", "MeshSpec", "Testbed", "TestbedError"]
