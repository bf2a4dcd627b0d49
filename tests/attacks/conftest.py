# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What attacks start from: a testbed with two meshes, administrators, and an API server in memory with one control
plane.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks.api import ApiInMemory, serving
from integration import conftest as on_a_testbed

# Fixtures are found by their names here.
administrator, bed, collections = on_a_testbed.administrator, on_a_testbed.bed, on_a_testbed.collections

CONTROL_PLANE = {
    "apiVersion": "maistra.io/v2",
    "kind": "ServiceMeshControlPlane",
    "metadata": {"name": "basic", "namespace": "east-mesh-system", "generation": 1},
    "spec": {"version": "v2.3", "security": {"trust": {"domain": "east.local"}}},
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiInMemory]:
    """An API server with the control plane of east and nothing else."""
    with serving(tmp_path / "api", CONTROL_PLANE) as running:
        yield running
