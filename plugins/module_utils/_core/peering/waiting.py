# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of peerings is waited for: until when, what is missing still, and what is said where it does not come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ..control_plane.live import ControlPlane
from ..control_plane.members import membership
from ..plain.errors import FederationError
from . import status
from .changing import Restart
from .live import Peerings

CODES = {"connected": "FED602", "no_imports": "FED604", "no_exports": "FED604", "gone": "FED604"}
MENDS = {
    "connected": (
        "Look at the reasons above; playbook ossm.federation.status shows them again, and a longer federation_timeout"
        " waits longer"
    ),
    "no_imports": "Look whether istiod of this mesh is running, then run again",
    "gone": "Look at the conditions of the ServiceMeshControlPlane: its operator removes the gateways",
    "no_exports": (
        "Look whether istiod of this mesh is running (rollout restart), then run again; a peer must not go while it is"
        " offered services"
    ),
}


def missing(
    until: str,
    expected: Iterable[Mapping],
    peerings: Peerings,
    rows: Sequence[Mapping],
    now: datetime,
    version: tuple[int, int] | None,
) -> list[str]:
    """Return in words what is not there yet, or not gone yet. ``expected`` are peers with the names to be imported."""
    if until == "connected":
        return status.unmet(rows, {entry["peer"]: entry["imports"] for entry in expected})
    found = []
    for row in rows:
        peering = peerings.of(row["peer"])
        if until == "no_imports" and status.answers(peering.peer, now, version):
            found += [f"{row['peer']}: {host} is still imported" for host in status.still_imported(peering.imports)]
        if until == "no_exports" and peering.peer is not None:
            found += [f"{row['peer']}: {name} is still exported" for name in status.still_exported(peering.exports)]
    return found


def longest(until: str, version: tuple[int, int] | None) -> int:
    """Return how many seconds a wait may take on this version, if no limit is given."""
    if until == "gone":
        return 120
    return 600 if until == "connected" else status.settling_seconds(version)


def refuse_waiting(mesh: str, until: str, waiting_for: Sequence[str], seconds: int) -> None:
    """Fail at the end of a wait, where anything is still missing: FED602, FED604 with what that is."""
    if waiting_for:
        raise FederationError(
            CODES[until],
            where=f"Mesh {mesh}",
            what=f"still waiting after {seconds} s: {'; '.join(waiting_for)}",
            fix=MENDS[until],
            facts={"waiting_for": list(waiting_for)},
        )


def without_peers(control_plane: ControlPlane, lines: Sequence[str]) -> dict:
    """Return the result of a look at a control plane that shows nothing of its peers, after no wait."""
    return {
        "changed": False,
        "control_plane": control_plane.as_data(),
        "peers": [],
        "members": membership(None),
        "lines": list(lines),
        "restart": Restart().to_data(),
        "left": [],
        "traffic": [],
        "wasm": [],
        "waiting_for": [],
        "polled_seconds": 0,
        "wait_limit": 0,
    }


def reached(mesh: str, server: str, control_plane: ControlPlane) -> str:
    """Return in one line which control plane a mesh is."""
    place = f"{control_plane.namespace}/{control_plane.name}"
    return f"{mesh}: {server} {place} {control_plane.version_text}, trust domain {control_plane.trust_domain}"
