# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where this mesh is: as the user says it, else as its proxies, pods and nodes do, and who said so; and what of that
deserves a warning.

Sources: Envoy, operations/admin (``/server_info``); docs/traffic.md for what istiod of 2.5 gives a proxy without a
locality.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest

from ..catalogue.findings import Finding
from ..mesh.described import LOCALITY, Mesh
from ..mesh.parse import PLACE
from ..plain.data import at, from_json, listed, mapping
from ..plain.errors import FederationError
from .plan import BY_WEIGHT, goes_by_region, is_located, way_of
from .standing import Standing
from .wanted import Wanted

MOST_ASKED = 20
"""How many Envoys are asked where they are, of however many: one per service account first."""
_KEYS = {"region": "region", "zone": "zone", "subzone": "sub_zone"}


def locality_said(page: bytes) -> dict[str, str] | None:
    """Return the locality that an Envoy's ``/server_info`` tells, empty for none; None for what is no such page. A word
    with a wildcard or a stroke would mean another place in a rule, and is none.
    """
    node = mapping(at(from_json(page), "node"))
    if not node:
        return None
    said = mapping(node.get("locality"))
    texts = {word: said.get(_KEYS[word]) for word in LOCALITY}
    return {word: text for word, text in texts.items() if isinstance(text, str) and PLACE.fullmatch(text)}


def to_ask(standing: Standing) -> list[tuple[str, str]]:
    """Return (namespace, name) of the pods whose Envoys are asked: few, of as many service accounts as can be."""
    by_account: dict[tuple[str, str], list[str]] = {}
    for pod in standing.clients():
        if at(pod, "status", "phase") == "Running":
            key = str(at(pod, "metadata", "namespace")), str(at(pod, "spec", "serviceAccountName"))
            by_account.setdefault(key, []).append(str(at(pod, "metadata", "name")))
    rows = [
        [(namespace, name) for name in sorted(names)] for (namespace, _account), names in sorted(by_account.items())
    ]
    turns = chain.from_iterable(zip_longest(*rows))
    return [pod for pod in turns if pod][:MOST_ASKED]


def found_locality(
    said: Mapping[str, str], wanted: Iterable[Wanted], standing: Standing
) -> tuple[Mapping[str, str], str]:
    """Return the locality of this mesh and, in words, where it is from; empty if nothing tells, or pods differ."""
    if said:
        return said, f"locality {'/'.join(said.values())}, from mesh_locality"
    asked = [one for one in wanted if one.split or one.failover_to]
    told = _only_one({place.get("region", "") for place in standing.proxies.values()})
    if asked and told:
        count = len(standing.proxies)
        return {
            "region": told
        }, f"locality {told}, as {count} prox{'y says' if count == 1 else 'ies say'} (/server_info)"
    return _by_pods(asked, standing)


def _by_pods(asked: Sequence[Wanted], standing: Standing) -> tuple[Mapping[str, str], str]:
    """Return the locality that all pods of these services are in, and in words what was found."""
    pods = [pod for one in asked for pod in standing.pods_of(one.namespace, one.name)]
    regions = {(standing.locality_of(pod) or {}).get("region") or "" for pod in pods}
    if region := _only_one(regions):
        kind = "nodes" if standing.nodes is not None else "pods"
        return {"region": region}, f"locality {region}, found on the {kind} of {listed(one.service for one in asked)}"
    if len(regions) > 1:
        return {}, f"locality not known: pods are in {listed(region or 'none' for region in sorted(regions))}"
    return {}, ""


def _only_one(regions: Collection[str]) -> str:
    """Return the region where it is one alone; empty where there are several, or none."""
    return next(iter(regions)) if len(regions) == 1 else ""


def clients_elsewhere(region: str | None, standing: Standing) -> list[str]:
    """Return the clients, in words, whose proxies are not in ``region``; for None those that are nowhere."""
    placed = [(name, theirs) for name, theirs in standing.placed_clients if theirs is not None]
    return [f"{name} ({theirs or 'none'})" for name, theirs in placed if (theirs != region if region else not theirs)]


def clients_unknown(standing: Standing) -> list[str]:
    """Return the clients, in words, whose proxies may be anywhere, as far as can be seen."""
    unseen = [f"all of {namespace}" for namespace in sorted(standing.blind)]
    return [*unseen, *(name for name, theirs in standing.placed_clients if theirs is None)]


def warnings_of(wanted: Sequence[Wanted], standing: Standing) -> Iterator[Finding]:
    """Yield what deserves a warning, whatever the rules say: splits that nobody asked for, and failover on old
    versions.
    """
    version = standing.control_plane.version
    for one in wanted:
        if one.failover_to and version and version <= (2, 3):
            seen = (
                f"wants failover on {standing.control_plane.version_text}, where reports differ on whether it works"
                " (OSSM-1211)"
            )
            yield Finding("FED867", one.place, seen)
    yield from _clients(wanted, standing)
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


def regions_to_come(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing) -> Iterator[FederationError]:
    """Yield which rules go by the region of a peer that its import set does not have yet, FED864: what has none gets no
    share, and no order.
    """
    for one in wanted:
        by_region = [one.failover_to] if one.failover_to and goes_by_region(one, standing) else []
        for name in [*by_region, *(one.split_peers if way_of(one, standing) == BY_WEIGHT else ())]:
            peer, stands = mesh.peer(name), standing.given_regions.get(name)
            region = peer.locality.get("region", "") if peer else ""
            if stands is not None and region and stands != region:
                what = (
                    f"goes by the region of {name}, {region}, and the ImportedServiceSet {name} says {stands or 'none'}"
                )
                yield FederationError(
                    "FED864", where=one.place, what=what, fix="Run federate first, which writes it there"
                )


def _clients(wanted: Sequence[Wanted], standing: Standing) -> Iterator[Finding]:
    """Yield which clients may not obey the order or the weights of the rules, because their proxies have no locality,
    or it is not known.
    """
    located = [one.service for one in wanted if is_located(one, standing)]
    nowhere, unknown = clients_elsewhere(None, standing), clients_unknown(standing)
    if located and nowhere:
        seen = f"gives no priorities to clients without a locality: {listed(nowhere, 10)}"
        yield Finding("FED847", f"mesh_traffic, {listed(located)}", seen)
    if located and unknown:
        seen = f"counts for proxies that have a locality, but the locality is unknown for {listed(unknown, 10)}"
        yield Finding("FED847", f"mesh_traffic, {listed(located)}", seen)
