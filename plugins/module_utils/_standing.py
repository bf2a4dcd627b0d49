# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the peerings of a mesh stand, in rows for programs and lines for people, looked at until what is
waited for is there or gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ._cluster.client import Cluster
from ._core.control_plane.live import ControlPlane
from ._core.mesh.parse import asked_peers, described_mesh
from ._core.peering import status, verdict
from ._core.peering.changing import Restart
from ._core.peering.leftovers import lines_of
from ._core.peering.live import Peerings
from ._core.peering.waiting import longest, missing, refuse_waiting, without_peers
from ._core.plain.errors import FederationError
from ._reads.peerings import read_bundles, read_control_plane, read_peerings, read_roots_of
from ._reads.uses import what_is_left
from ._run import Run, wait_until

AGAIN_SECONDS = 5
"""How long a fault that may pass by itself is looked at again before it fails a run."""


def shown(
    cluster: Cluster,
    mesh: str,
    control_plane: ControlPlane,
    seen: tuple[Peerings, list[dict]],
    restart: Restart,
    now: datetime,
    fail_on: Sequence[str] = (),
    *,
    is_planned: bool = False,
    is_leaving: bool = False,
) -> dict:
    """Return the part of a module's result that people look at: control plane, rows, lines, verdict, and whether istiod
    must be restarted.

    ``seen`` are the peerings and their rows; faults of the kinds ``fail_on`` are shown as failures. With ``is_planned``
    the table's head says that it is older than the plan; with ``is_leaving`` a peer without a peering is no fault.
    """
    peerings, rows = seen
    roots, refused = (), None
    try:
        roots = read_roots_of(cluster, control_plane, now)
    except FederationError as error:
        # They are for showing: a mesh whose roots cannot be read, or are not in order, stands all the same.
        refused = error
    data = control_plane.as_data(roots, now)
    bundles = {row["peer"]: peerings.of(row["peer"]).bundle for row in rows}
    standing = [row for row in rows if not (is_leaving and row["outbound"] == status.ABSENT)]
    faults = [*verdict.own_roots(refused), *verdict.faults_of(standing, data, bundles, now)]
    lines = [*status.lines(control_plane, mesh, roots, rows, now), *([restart.sentence] if restart.sentence else [])]
    line = verdict.verdict_line(mesh, standing, faults, fail_on)
    # The rows of the table of peers stand below its head.
    states = {text: verdict.state_of(row, faults) for text, row in zip(lines[2:], rows)}
    states[line] = verdict.DOWN if verdict.counting(faults, fail_on) else verdict.UNSURE if faults else verdict.OK
    lines[0] = f"the present status: {lines[0]}" if is_planned else lines[0]
    return {
        "control_plane": data,
        "peers": rows,
        "lines": [*lines, line],
        "states": states,
        "restart": restart.to_data(),
        "verdict": verdict.verdict_of(faults, fail_on),
        "faults": [fault.as_row(fail_on) for fault in faults],
    }


class Watch:
    """The peerings of a mesh, which can be looked at again."""

    def __init__(self, cluster: Cluster, params: Mapping[str, Any], control_plane: ControlPlane) -> None:
        self._cluster, self._params, self.control_plane = cluster, params, control_plane
        # Read once: nothing but a run of ours changes them.
        self._bundles = read_bundles(cluster, control_plane.namespace)
        self.waiting_for = self.look()

    def look(self) -> list[str]:
        """Read the peerings as they stand now, and return in words what is not there yet, or not gone yet."""
        self.peerings = replace(
            read_peerings(self._cluster, self.control_plane, with_bundles=False), bundles=self._bundles
        )
        self.rows = self._rows()
        return missing(
            self._params["until"],
            self._params["expected"],
            self.peerings,
            self.rows,
            self._cluster.now,
            self.control_plane.version,
        )

    def _rows(self) -> list[dict]:
        """Return a row per peer: those that stand, those that are asked for, those that have a note."""
        asked = asked_peers(self._params["peers"])
        others = self._params["peers"] is None or self._params["until"] == "connected"
        strange = "not in mesh_peers" if self._params.get("described") else ""
        return status.peer_rows(
            asked,
            self._params["notes"],
            self.peerings,
            self.control_plane,
            self._cluster.now,
            others=others,
            strange=strange,
        )

    def progress(self) -> list[str]:
        """Return how far each import is that is waited for, in words; nothing where nothing is missing."""
        if not self.waiting_for:
            return []
        return status.progress(self.rows, {entry["peer"]: entry["imports"] for entry in self._params["expected"]})

    def wait(self, limit: int) -> int:
        """Look until nothing is missing, at most ``limit`` seconds; return how long that took."""
        self.waiting_for, waited = wait_until(self.look, limit)
        return waited

    def look_again(self, fail_on: list[str]) -> int:
        """Look whether faults that fail the run pass by themselves, and return for how long; 0 where there are none."""

        def look() -> list[str]:
            self.look()
            return verdict.passing(self.rows, fail_on)

        return wait_until(look, AGAIN_SECONDS, 1.0)[1] if verdict.passing(self.rows, fail_on) else 0


def gone(run: Run, cluster: Cluster, namespace: str, control_plane: ControlPlane) -> dict:
    """Return what is left of the peers, after waiting for what goes by itself."""
    params = run.params
    mesh = described_mesh({**params, "namespace": namespace, "loopback": True}, allow_no_peers=True)

    def look() -> list[str]:
        nonlocal left
        left = what_is_left(
            cluster, mesh, read_control_plane(cluster, namespace, control_plane.name), params["gateway_places"]
        )
        return [str(each) for each in left if each.is_going]

    left = what_is_left(cluster, mesh, control_plane, params["gateway_places"])
    waiting_for, waited = [str(each) for each in left if each.is_going], 0
    limit = params["wait_timeout"] or longest(params["until"], control_plane.version)
    if waiting_for and params["wait"] and not run.check_mode:
        waiting_for, waited = wait_until(look, limit)
        if not params["soft"]:
            refuse_waiting(params["mesh"], params["until"], waiting_for, params["waited"] + waited)
    return {
        **without_peers(control_plane, lines_of([peer.local_name for peer in mesh.peers], left)),
        "left": [each.as_row() for each in left],
        "waiting_for": waiting_for,
        "polled_seconds": waited,
        "wait_limit": limit,
    }
