# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Namespaces that should be members of the mesh and are not.

Source: maistra.io/v1, ServiceMeshMemberRoll (status).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..catalogue.findings import Finding
from ..control_plane.members import absent, membership
from ..plain.data import listed
from .checks import ROLL, check
from .estate import Estate


@check(reads=[ROLL], codes=["FED757"], is_thorough=True)
def pending(estate: Estate) -> Iterator[Finding]:
    """Give namespaces that wait to become members."""
    waiting = membership(estate.roll)["pending"]
    missing = [name for name in waiting if name in absent(estate.roll)]
    others = [name for name in waiting if name not in missing]
    place = f"ServiceMeshMemberRoll {estate.namespace}/default"
    if missing:
        cure = f"Create {listed(missing)}, and the operator adds it by itself; or remove it from mesh_members"
        yield Finding("FED757", place, f"lists {listed(missing)}, which does not exist", cure)
    if others:
        yield Finding("FED757", place, f"waits for {listed(others)}")


CHECKS = (pending,)
