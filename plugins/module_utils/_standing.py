# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the peerings of a mesh stand, in rows for programs and lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ._cluster.client import Cluster
from ._core.control_plane.live import ControlPlane
from ._core.peering import status, verdict
from ._core.peering.changing import Restart
from ._core.peering.live import Peerings
from ._core.plain.errors import FederationError
from ._reads.peerings import read_roots_of


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
