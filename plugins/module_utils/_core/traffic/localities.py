# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where this mesh is: as the user says it, else as pods and nodes do, and who said so; and what of that deserves a warning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..catalogue.findings import Finding
from ..plain.data import at, listed, mapping
from .standing import Standing
from .wanted import Wanted


def found_locality(
    said: Mapping[str, str], wanted: Iterable[Wanted], standing: Standing
) -> tuple[Mapping[str, str], str]:
    """Return the locality of this mesh and, in words, where it is from; empty where nobody says, or pods differ."""
    if said:
        return said, f"locality {'/'.join(said.values())}, as mesh_locality says"
    pods = [pod for one in wanted if one.split or one.failover_to for pod in standing.pods_of(one.namespace, one.name)]
    regions = sorted({(standing.locality_of(pod) or {}).get("region") or "" for pod in pods})
    if len(regions) == 1 and regions[0]:
        kind = "nodes" if standing.nodes is not None else "pods"
        return {
            "region": regions[0]
        }, f"locality {regions[0]}, found on the {kind} of {listed(one.service for one in wanted)}"
    if len(regions) > 1:
        return {}, f"locality not known: pods are in {listed(region or 'none' for region in regions)}"
    return {}, ""


def warnings_of(wanted: Sequence[Wanted], standing: Standing) -> Iterator[Finding]:
    """Yield what deserves a warning, whatever the rules say: splits that nobody asked for, and failover on old versions."""
    version = standing.control_plane.version
    for one in wanted:
        if one.failover_to and version and version <= (2, 3):
            seen = f"wants failover on {standing.control_plane.version_text}, where reports differ on whether it works (OSSM-1211)"
            yield Finding("FED867", one.place, seen)
    routed = {(one.namespace, one.name) for one in wanted if one.failover_to or one.split}
    for each in standing.imports:
        service = standing.services.get(each.service)
        if each.is_local and each.service not in routed and mapping(at(service, "spec", "selector")):
            place = f"Service {'/'.join(each.service)}"
            rules = [
                live
                for _name, live in standing.destination_rules(each.host)
                if at(live, "spec", "trafficPolicy", "outlierDetection")
            ]
            if not rules:
                yield Finding(
                    "FED869",
                    place,
                    f"is imported as local from {each.peer}, so calls are shared by number of endpoints",
                )
