# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which services are exported to a peer whose callers some policy refuses: imported over there, and
answered with 403.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..catalogue.findings import Finding
from ..mesh.described import Mesh, Peer
from ..peering.names import exported_names
from ..peering.plan import plan_exports
from ..plain.data import at, listed, mapping, place_of
from .admitting import NO, Call, verdict
from .going import policies_of
from .standing import Standing
from .wanted import Wanted


def cut_off(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing) -> Iterator[Finding]:
    """Yield each exported service whose policies refuse a peer, unless a rule of ours is about to admit it."""
    wanted = list(wanted)
    for peer in mesh.peers:
        admitting = [
            one
            for one in wanted
            if one.callers and peer.local_name in one.callers.from_mesh and not one.callers.dry_run
        ]
        yield from _cut_off(peer, {(one.namespace, one.name) for one in admitting}, mesh, standing)


def _cut_off(peer: Peer, admitted: set[tuple[str, str]], mesh: Mesh, standing: Standing) -> Iterator[Finding]:
    services = {key: live for key, live in sorted(standing.services.items()) if key not in admitted}
    exported = {
        (row["namespace"], row["name"])
        for row in exported_names(services.values(), plan_exports(mesh, peer)["spec"], peer.local_name)
        if row["exported"]
    }
    gateway = f"{peer.gateways.ingress}-service-account"
    call = Call(standing.home, gateway, standing.control_plane.trust_domain)
    for key in sorted(exported):
        # A policy that selects by what the Service selects by speaks of each of its pods.
        labels = mapping(at(services[key], "spec", "selector"))
        found = verdict(policies_of({"metadata": {"labels": labels}}, key[0], standing), call) if labels else None
        if found and found.passes == NO:
            seen = (
                f"is exported to {peer.local_name}, whose callers have the identity {gateway}, and {listed(found.by)} "
                "refuses them"
            )
            yield Finding("FED871", place_of({**services[key], "kind": "Service"}), seen)
