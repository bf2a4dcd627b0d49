# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Leaving peers: empty imports, then exports, see each to have worked, then remove."""

from __future__ import annotations

from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ._cluster import Cluster
from ._core.control_plane import ControlPlane
from ._core.diff import Change, as_diff
from ._core.status import settling_seconds
from ._core.topology import Mesh
from ._live import Peering, Peerings, described_control_plane
from ._peering import emptied, refuse_live, removed, still_live, stranger
from ._running import apply_changes, wait_until


def absent(module: AnsibleModule, cluster: Cluster, mesh: Mesh, control_plane: ControlPlane) -> dict:
    """Take the peerings of ``peers`` away, as far as ``stage`` says."""
    names = [peer.local_name for peer in mesh.peers]
    changes = leave(module, cluster, control_plane, names, module.params["stage"])
    gone = {change.name for change in changes if change.action == "delete"}
    left = Peerings.read(cluster, mesh.namespace)
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        "changes": [change.summary() for change in changes],
        "peers": [{"peer": p.local_name, "mesh": p.name, "state": "absent"} for p in mesh.peers],
        "expected": [],
        "pending": [],
        "left_alone": [
            {"peer": name, "reason": f"{stranger(peering)} was made by hand and is left alone"}
            for name, peering in ((name, left.of(name)) for name in names if name not in gone)
            if peering.strangers
        ],
        "leftovers": [],
        "files": [],
        "control_plane": described_control_plane(control_plane),
    }


def leave(module: AnsibleModule, cluster: Cluster, control_plane: ControlPlane, names: list[str], stage: str) -> list[Change]:
    """Empty imports, then exports, then remove; each stage is seen to have worked before the next.

    In check mode only the end is planned. Raises ``FederationError`` FED502 when a stage is not seen in time.
    """
    if not names:
        return []

    def read() -> dict[str, Peering]:
        peerings = Peerings.read(cluster, control_plane.namespace)
        return {name: peerings.of(name) for name in names}

    if stage == "all" and module.check_mode:
        return [change for peering in read().values() for change in removed(peering)]
    changes: list[Change] = []
    for part in ("imports", "exports") if stage == "all" else (stage,):
        own = [change for peering in read().values() for change in emptied(getattr(peering, part))]
        apply_changes(module, cluster, own)
        changes += own
        if stage == "all":
            refuse_live(wait_until(lambda part=part: still(cluster, control_plane, read(), part), seconds_for(module, control_plane))[0])
    if stage == "all":
        own = [change for peering in read().values() for change in removed(peering)]
        apply_changes(module, cluster, own)
        changes += own
    return changes


def still(cluster: Cluster, control_plane: ControlPlane, peerings: dict[str, Peering], part: str) -> list[str]:
    """Return what of ``part`` (imports or exports) is still seen."""
    found = []
    for name, peering in peerings.items():
        own = replace(peering, exports=None) if part == "imports" else replace(peering, imports=None)
        found += still_live(name, own, cluster.now, control_plane.version)
    return found


def seconds_for(module: AnsibleModule, control_plane: ControlPlane) -> int:
    """Return how long a stage of leaving may take to be seen on this version."""
    return module.params["wait_timeout"] or settling_seconds(control_plane.version)
