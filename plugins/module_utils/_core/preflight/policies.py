# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which exported services the mesh's own AuthorizationPolicies keep a peer from calling.

Source: Istio documentation, "Authorization Policy"; federation.md section 6.1 (as whom a peer's callers arrive).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..catalogue.findings import Finding
from ..traffic.cutting import cut_off
from ..traffic.standing import Standing
from .checks import check
from .estate import ADMITTING, SERVICES, Estate


@check(reads=[SERVICES, ADMITTING], codes=["FED871"], is_thorough=True)
def callers(estate: Estate) -> Iterator[Finding]:
    """Give exported services that answer a peer with 403, unless a rule of ``mesh_traffic`` is about to admit it."""
    services = {
        (str(live["metadata"]["namespace"]), str(live["metadata"]["name"])): live
        for found in estate.services.values()
        for live in found
    }
    standing = Standing(estate.control_plane, frozenset(), services, rules=tuple(estate.policies))
    kept = tuple(peer for peer in estate.mesh.peers if estate.is_described(peer.local_name))
    yield from cut_off(estate.wanted or (), replace(estate.mesh, peers=kept), standing)


CHECKS = (callers,)
