# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One set of exported or imported services, for the modules that keep just that."""

from __future__ import annotations

from collections.abc import Mapping

from ._cluster.client import Cluster
from ._core.mesh.described import Mesh
from ._core.peering.identity import Accepted, refuse_two_descriptions
from ._core.peering.keeping import emptied, made_again, refuse_strangers
from ._core.peering.live import Peering
from ._core.peering.plan import refuse_beyond_reach
from ._core.peering.withdrawing import refuse_withdrawals, withdrawal
from ._core.plain.diff import Change, as_diff, change_to, is_ours
from ._core.plain.kinds import EXPORTS, MANAGER, PEER, SERVICE, Kind
from ._reads.peerings import read_services
from ._run import Run


def keep_set(run: Run, cluster: Cluster, mesh: Mesh, kind: Kind, desired: Mapping) -> dict:
    """Bring one set of services to its desired state and return a module's result; absent is the emptied set."""
    peer, params = mesh.peers[0], run.params
    live = cluster.get(kind, mesh.namespace, peer.local_name)
    live_peer = cluster.get(PEER, mesh.namespace, peer.local_name)
    written = next((one for one in (live_peer, live) if one is not None and is_ours(one)), None)
    refuse_two_descriptions(
        mesh, {peer.local_name: written} if written else {}, Accepted.read(params["accept_changes"])
    )
    own = {"exports": live, "imports": None} if kind is EXPORTS else {"exports": None, "imports": live}
    peering = Peering(peer=None, bundle=None, **own)
    if params["state"] == "absent":
        changes = emptied(live)
    else:
        mesh.check_suffixes()
        if kind is EXPORTS and any(rule.namespace is None for rule in mesh.exports):
            refuse_beyond_reach(mesh, [peer], cluster.list(SERVICE, mesh.namespace))
        refuse_strangers(peer, peering)
        change = change_to(live, desired, MANAGER, force=params["force"], own=peer.adopt)
        changes = made_again(change, live_peer, cluster.now) if change else []
        if kind is EXPORTS and change:
            check_withdrawal(run, cluster, mesh, peering, change)
    run.apply(cluster, changes)
    return {"changed": bool(changes), "diff": as_diff(changes), "changes": [change.summary() for change in changes]}


def check_withdrawal(run: Run, cluster: Cluster, mesh: Mesh, peering: Peering, change: Change) -> None:
    """Refuse rules that would take from the peer what it is offered and look like a mistake, and say what else it would
    lose: FED332.
    """
    peer = mesh.peers[0]
    services = read_services(cluster, mesh, [peer], run.warn)
    found = withdrawal(peer, peering, [change], services)
    accepted = [peer.local_name] if run.params["withdraw"] else []
    refuse_withdrawals([found], accepted, {peer.local_name: [peer.local_name]}, "rules", "withdraw: true")
    if found.names:
        run.warn(f"rules: {found}")
