# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong in silence with what peers offer and our rules take.

Source: federation.md sections 5.4, 5.5 and 8 (G31, G43, G45 to G48, G53).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ..card.card import Port
from ..catalogue.findings import Finding
from ..peering.names import imported_names, ports_of
from ..peering.status import CONNECTED, age, imported, outbound
from ..plain.data import at, by_name, items, listed, mapping, place_of, strings
from ..plain.kinds import SERVICE
from ..plain.moments import latest
from .checks import ROLL, check
from .estate import IMPORT_SETS, PEERS, SERVICES, SIDECARS, Estate
from .peers import PATIENCE

# Told apart by address and port alone; HTTP, gRPC and TLS calls carry a name.
TCP = {"TCP", "Mongo", "MySQL", "Redis"}


@dataclass(frozen=True)
class Taken:
    """One service that our rules take of a peer: its exported and imported host, and its ports, None where they are not
    known.
    """

    peer: str
    where: str
    exported: str
    imported: str
    is_local: bool
    ports: tuple[Port, ...] | None

    @property
    def own_name(self) -> tuple[str, str]:
        """Return namespace and name of a service that is imported as local."""
        name, namespace = self.imported.split(".")[:2]
        return namespace, name


@check(reads=[PEERS, IMPORT_SETS], codes=["FED761", "FED769", "FED782", "FED787", "FED790"])
def offers(estate: Estate) -> Iterator[Finding]:
    """Give what is taken and cannot be called, for its ports, its name, or what else is taken."""
    taken = taken_of(estate)
    for service in taken:
        if service.ports is not None:
            yield from _ports(service)
    yield from _merged(taken)
    yield from _several_tcp(taken)


@check(reads=[PEERS, IMPORT_SETS, SERVICES], codes=["FED785", "FED786", "FED869"])
def local_services(estate: Estate) -> Iterator[Finding]:
    """Give what is imported as local beside a Service that has other ports, or beside none, and what shares the calls
    of a Service with pods of its own although nobody has thought of traffic; rules of ``mesh_traffic`` are looked at
    with all others.
    """
    for service in taken_of(estate):
        if service.is_local:
            yield from _local(estate, service)


def taken_of(estate: Estate) -> list[Taken]:
    """Return what the rules take of the peers' cards; of a peer without a card, what istiod says it offers."""
    found = []
    for peer, spec, _rules in estate.import_rules():
        card = estate.cards.get(peer)
        offered = {export.name: export.ports for export in card.exports} if card else _seen_by_istiod(estate, peer)
        where = f"Card of {card.mesh}" if card else f"Peer {peer}"
        for row in imported_names(list(offered), spec, peer, estate.control_plane.cluster_domain):
            if row["imported"]:
                found.append(Taken(peer, where, row["host"], row["imported"], row["local"], offered[row["host"]]))
    return found


def _seen_by_istiod(estate: Estate, peer: str) -> dict[str, None]:
    if outbound(estate.peers.get(peer), estate.now, estate.version).state != CONNECTED:
        return {}
    return {row["exported"]: None for row in imported(estate.imports.get(peer)) if isinstance(row["exported"], str)}


def _ports(service: Taken) -> Iterator[Finding]:
    place = f"{service.where}, {service.exported}"
    ports = service.ports or ()
    if all(port.protocol == "UDP" for port in ports):
        yield Finding(
            "FED769", place, f"has {'UDP ports only' if ports else 'no ports'}, so {service.imported} cannot be reached"
        )
    if len(ports) > 1:
        shown = listed(f"{port.name or 'unnamed'} {port.number}" for port in ports)
        cure = f"Ask {service.peer} to export one Service per port"
        yield Finding("FED761", place, f"has {len(ports)} ports ({shown}), so calls to {service.imported} fail", cure)


def _local(estate: Estate, service: Taken) -> Iterator[Finding]:
    namespace, name = service.own_name
    services = estate.services.get(namespace, estate.targets.get(namespace))
    if services is None:
        return
    live = by_name(found for found in services if found.get("kind") == SERVICE.name).get(name)
    if live is None:
        yield Finding(
            "FED786",
            f"{SERVICE.name} {namespace}/{name}",
            f"does not exist, and {service.exported} of {service.peer} is imported under its name",
        )
        return
    if estate.wanted is None and mapping(at(live, "spec", "selector")):
        seen = f"is imported as local from {service.peer}, so calls are shared by number of endpoints"
        yield Finding("FED869", place_of(live), seen)
    own = {port["name"] for port in ports_of(live)}
    strange = [port.name or "(unnamed)" for port in service.ports or () if port.name not in own]
    if strange:
        seen = (
            f"has no port called {listed(strange)}, as {service.exported} of {service.peer} has; its own are"
            f" {listed(n or '(unnamed)' for n in own)}"
        )
        yield Finding("FED785", place_of(live), seen)


@check(reads=[PEERS, IMPORT_SETS, ROLL], codes=["FED774"])
def strangers(estate: Estate) -> Iterator[Finding]:
    """Give what is imported as local into a namespace that is no member, whether the peer offers it already or not."""
    for peer, spec, rules in estate.import_rules():
        for index, rule in enumerate(items(at(spec, "importRules"))):
            name, target = at(rule, "nameSelector", "alias", "name"), at(rule, "nameSelector", "alias", "namespace")
            if rule.get("importAsLocal") is not True or target in ("", "*") or not isinstance(target, str):
                continue
            if estate.members is None or target in estate.members:
                continue
            service = f"{target}/{name or at(rule, 'nameSelector', 'name') or '*'}"
            yield Finding(
                "FED774", rules.place(index), f"imports {service} from {peer}, and {target} is not a member of the mesh"
            )


@check(reads=[PEERS, IMPORT_SETS], codes=["FED791"])
def unmatched(estate: Estate) -> Iterator[Finding]:
    """Give rules that match nothing on any card of the peers that they are for; a peer without a card could still
    match.
    """
    matched: dict[str, bool] = {}
    peers: dict[str, list[str]] = {}
    for peer, spec, rules in estate.import_rules():
        stored = at(spec, "importRules")
        card = estate.cards.get(peer)
        hosts = [export.name for export in card.exports] if card else []
        for index, rule in enumerate(stored if isinstance(stored, list) else []):
            place = rules.place(index)
            alone = {**(spec or {}), "importRules": [rule]}
            rows = imported_names(hosts, alone, peer, estate.control_plane.cluster_domain)
            # A rule that does not count has a code of its own.
            passes_over = any("skipped" in row["reason"] for row in rows)
            matched[place] = (
                matched.get(place, False) or card is None or passes_over or any(row["rule"] is not None for row in rows)
            )
            peers.setdefault(place, []).append(peer)
    for place, is_matched in matched.items():
        if not is_matched:
            yield Finding("FED791", place, f"matches nothing that {listed(peers[place])} offers")


def _merged(taken: list[Taken]) -> Iterator[Finding]:
    peers: dict[str, list[str]] = {}
    for service in taken:
        peers.setdefault(service.imported, []).append(service.peer)
    for host, names in peers.items():
        if len(set(names)) > 1:
            yield Finding("FED790", f"Imported host {host}", f"is imported from {listed(names)}")
    for (peer, host), exported in _by_host(taken).items():
        if len(exported) > 1:
            yield Finding("FED782", f"Imported host {host}", f"stands for {listed(exported)} of {peer}")


def _by_host(taken: list[Taken]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for service in taken:
        found.setdefault((service.peer, service.imported), []).append(service.exported)
    return found


def _several_tcp(taken: list[Taken]) -> Iterator[Finding]:
    hosts = [
        service
        for service in taken
        if not service.is_local and any(port.protocol in TCP for port in service.ports or ())
    ]
    if len(hosts) > 1:
        place = f"Imported hosts {listed(service.imported for service in hosts)}"
        yield Finding(
            "FED787",
            place,
            f"are plain TCP, from {listed(service.peer for service in hosts)}, and not imported as local",
        )


@check(reads=[PEERS, IMPORT_SETS, SIDECARS], codes=["FED788"])
def hidden(estate: Estate) -> Iterator[Finding]:
    """Give Sidecars that hide imports; those that hide the same are told in one."""
    taken = taken_of(estate)
    places: dict[tuple[str, ...], list[str]] = {}
    for namespace, sidecars in sorted(estate.sidecars.items()):
        for live in sidecars:
            egress = items(at(live, "spec", "egress"))
            hosts = [str(host) for entry in egress for host in strings(entry.get("hosts"))]
            unseen = tuple(sorted({s.imported for s in taken if not _is_seen(s, hosts, namespace, estate.namespace)}))
            if egress and unseen:
                places.setdefault(unseen, []).append(place_of(live))
    for unseen, found in places.items():
        cure = f"Add {estate.namespace}/* to the egress hosts, where its workloads call them"
        yield Finding("FED788", listed(found), f"lists egress hosts without {listed(unseen)}", cure)


def _is_seen(service: Taken, hosts: list[str], own: str, home: str) -> bool:
    where = service.own_name[0] if service.is_local else home
    for entry in hosts:
        namespace, slash, host = entry.partition("/")
        is_there = namespace in ("*", where) or (namespace == "." and own == where)
        if slash and is_there and _covers(host, service.imported):
            return True
    return False


def _covers(pattern: str, host: str) -> bool:
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))


@check(reads=[PEERS, IMPORT_SETS], codes=["FED783"], is_thorough=True)
def not_in_force(estate: Estate) -> Iterator[Finding]:
    """Give sets whose rules match what istiod lists as offered and not imported, long after they were written."""
    for name, live in estate.standing():
        imports = estate.imports.get(name)
        written = _written(imports)
        if imports is None or not written or estate.now - written < PATIENCE:
            continue
        if outbound(live, estate.now, estate.version).state != CONNECTED or (estate.version or (9, 9)) < (2, 2):
            continue
        rows = imported(imports)
        waiting = [row["exported"] for row in rows if not row["imported"]]
        meant = imported_names(waiting, at(imports, "spec"), name, estate.control_plane.cluster_domain)
        missing = [row["host"] for row in meant if row["imported"]]
        if missing and not any(row["imported"] for row in rows):
            seen = (
                f"has rules for {listed(missing)}, written {age(int((estate.now - written).total_seconds()))}, and"
                " nothing of it is imported"
            )
            yield Finding(
                "FED783", place_of(imports), f"{seen} (metadata.generation {at(imports, 'metadata', 'generation')})"
            )


def _written(live: Mapping | None) -> datetime | None:
    """Return when an object's spec was last written, as far as its field managers tell."""
    entries = [entry for entry in items(at(live, "metadata", "managedFields")) if not entry.get("subresource")]
    return latest((at(live, "metadata", "creationTimestamp"), *(entry.get("time") for entry in entries)))


CHECKS = (offers, local_services, strangers, unmatched, hidden, not_in_force)
