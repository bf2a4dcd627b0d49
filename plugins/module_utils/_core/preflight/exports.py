# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong in silence with live Services that rules export, or would.

Source: federation.md sections 5.1, 5.5 and 8 (G31, G32, G34, G35, G39, G53).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..catalogue.findings import Finding
from ..peering.names import EXPORT_TO, exported_names, ports_of
from ..peering.plan import beyond_reach, offers_too_much
from ..plain.data import at, items, listed, mapping, place_of, strings
from ..plain.kinds import SERVICE
from .checks import ROLL, check
from .estate import ENTRIES, EXPORT_SETS, OWN_SERVICES, PEERS, SERVICES, Estate, Rules
from .protocols import advised_name, says_protocol

HEADLESS = "None"


@dataclass
class Offered:
    """One live Service or ServiceEntry and to whom it is exported."""

    live: Mapping
    peers: list[str] = field(default_factory=list)


@check(
    reads=[PEERS, EXPORT_SETS, SERVICES, ENTRIES],
    codes=["FED761", "FED762", "FED764", "FED765", "FED768", "FED769", "FED770"],
)
def services(estate: Estate) -> Iterator[Finding]:
    """Give what is wrong with the Services and ServiceEntries that rules export, and those that they cannot export."""
    found = estate.exportable
    by_name = {_key(live): live for live in found}
    offered: dict[tuple[str, str], Offered] = {}
    for peer, spec, rules in estate.export_rules():
        rows = exported_names(found, spec, peer)
        yield from _clashes(rows, peer, rules)
        yield from _outside(found, spec, peer, rules)
        for row in rows:
            live = by_name.get((row["namespace"], row["name"]))
            if row["exported"] and live is not None:
                offered.setdefault(_key(live), Offered(live)).peers.append(peer)
    for one in offered.values():
        yield from _service(estate, one)


@check(reads=[PEERS, EXPORT_SETS, OWN_SERVICES, SERVICES, ENTRIES], codes=["FED760"], spares=[SERVICES, ENTRIES])
def reach(estate: Estate) -> Iterator[Finding]:
    """Give rules of others without a namespace that offer the control plane's services, or the platform's."""
    found, told = estate.exportable_or_own, set()
    for peer, spec, rules in estate.export_rules():
        for row in beyond_reach(found, spec, peer, estate.namespace):
            place = rules.place(row["rule"])
            is_wide = not _names_a_namespace(at(spec, "exportRules")[row["rule"]])
            # What is described is refused before.
            if is_wide and place not in told and not estate.is_described(peer):
                told.add(place)
                yield Finding("FED760", place, *offers_too_much(row, estate.namespace))


def _names_a_namespace(rule: Mapping) -> bool:
    selector = at(rule, "nameSelector") if at(rule, "type") == "NameSelector" else at(rule, "labelSelector")
    return at(selector, "namespace") not in (None, "", "*")


@check(reads=[PEERS, EXPORT_SETS, ROLL], codes=["FED772"])
def strangers(estate: Estate) -> Iterator[Finding]:
    """Give rules for a namespace that is no member."""
    for place, _name, namespace in _named(estate):
        if estate.members is not None and namespace not in estate.members:
            yield Finding("FED772", place, f"names the namespace {namespace}, which is not a member of the mesh")


@check(reads=[PEERS, EXPORT_SETS, SERVICES, ENTRIES], codes=["FED771"])
def absent(estate: Estate) -> Iterator[Finding]:
    """Give rules for one Service that its namespace does not have; hosts of ServiceEntries only where those
    were read.
    """
    for place, name, namespace in _named(estate):
        if name in ("", "*") or namespace not in estate.services:
            continue
        entries = (estate.entries or {}).get(namespace)
        found = [*estate.services[namespace], *(entries or ())]
        names = {str(at(live, "metadata", "name")) for live in found} | {
            str(host) for live in found for host in strings(at(live, "spec", "hosts"))
        }
        if name not in names and not ("." in name and entries is None):
            yield Finding("FED771", place, f"names {namespace}/{name}, but there is no such Service")


def _named(estate: Estate) -> Iterator[tuple[str, str, str]]:
    """Give the rules for another namespace than our own: how people name the rule, the service's name, the
    namespace.
    """
    for _peer, spec, rules in estate.export_rules():
        stored = at(spec, "exportRules")
        for index, rule in enumerate(stored if isinstance(stored, list) else []):
            selector = at(rule, "nameSelector") if at(rule, "type") == "NameSelector" else at(rule, "labelSelector")
            name, namespace = at(selector, "name"), at(selector, "namespace")
            if namespace not in (None, "", "*", estate.namespace):
                yield rules.place(index), str(name or ""), str(namespace)


def _key(live: Mapping) -> tuple[str, str]:
    return str(at(live, "metadata", "namespace")), str(at(live, "metadata", "name"))


def _service(estate: Estate, offered: Offered) -> Iterator[Finding]:
    live, place, to = offered.live, place_of(offered.live), f"and is exported to {listed(offered.peers)}"
    ports = ports_of(live)
    reachable = [port for port in ports if port["protocol"] != "UDP"]
    if not reachable:
        yield Finding("FED769", place, f"has {'UDP ports only' if ports else 'no ports'} {to}")
    if len(ports) > 1:
        shown = listed(f"{port['name'] or 'unnamed'} {port['number']}" for port in ports)
        yield Finding("FED761", place, f"has {len(ports)} ports ({shown}) {to}", _one_port_each(live, ports))
    if at(live, "spec", "clusterIP") == HEADLESS:
        yield Finding("FED768", place, f"is headless {to}")
    hint = mapping(at(live, "metadata", "annotations")).get(EXPORT_TO)
    if hint and not {"*", estate.namespace} & {part.strip() for part in str(hint).split(",")}:
        yield Finding("FED764", place, f"has the annotation {EXPORT_TO}: {hint} {to}")
    silent = _silent(estate, live)
    if silent:
        shown = listed(str(port.get("name") or port.get("port")) for port in silent)
        yield Finding("FED770", place, f"gives no protocol for port {shown} {to}", _named_for(live, silent))


def _one_port_each(live: Mapping, ports: list[dict]) -> str:
    name = at(live, "metadata", "name")
    proposed = [
        f"{name}-{port['name'] or port['number']} with port {port['number']}"
        for port in ports
        if port["protocol"] != "UDP"
    ]
    return f"Make one Service per port with the same selector, such as {listed(proposed)}, and export those"


def _detects_protocols(estate: Estate) -> bool:
    return estate.said("proxy", "networking", "protocol", "autoDetect", "outbound") is True


def _silent(estate: Estate, live: Mapping) -> list[Mapping]:
    """Return the ports of a Service that do not say what they speak, where no proxy finds it out."""
    if live.get("kind") != SERVICE.name or _detects_protocols(estate):
        return []
    return [port for port in items(at(live, "spec", "ports")) if not says_protocol(port)]


def _named_for(live: Mapping, silent: list[Mapping]) -> str:
    """Return which names the ports should have; "" where nothing tells what any of them speaks."""
    known = [(port.get("port"), advised_name(port, str(at(live, "metadata", "name") or ""))) for port in silent]
    advised = [f"port {number} {name}" for number, name in known if name]
    if not advised:
        return ""
    return (
        f"Name {listed(advised)} if that is its protocol (http or grpc for requests, tcp- for anything else), or "
        "set appProtocol"
    )


def _clashes(rows: list[dict], peer: str, rules: Rules) -> Iterator[Finding]:
    owners: dict[str, list[str]] = {}
    for row in rows:
        if row["exported"]:
            owners.setdefault(row["exported"], []).append(f"{row['namespace']}/{row['name']}")
    for name, services in owners.items():
        if len(set(services)) > 1:
            yield Finding("FED762", rules.where, f"export {listed(services)} to {peer} as {name}")


def _outside(exportable: list[Mapping], spec: Mapping | None, peer: str, rules: Rules) -> Iterator[Finding]:
    inside = [_as_if_inside(live) for live in exportable if _is_outside(live)]
    stored = items(at(spec, "exportRules"))
    for row in exported_names(inside, spec, peer):
        if row["exported"] is None:
            continue
        rule = stored[row["rule"]]
        if rule.get("type") == "LabelSelector" or at(rule, "nameSelector", "name") not in (None, "", "*"):
            what = "a ServiceEntry outside the mesh" if "." in row["name"] else "an ExternalName Service"
            yield Finding(
                "FED765", rules.place(row["rule"]), f"means {row['namespace']}/{row['name']}, which is {what}"
            )


def _is_outside(live: Mapping) -> bool:
    if live.get("kind") == SERVICE.name:
        return at(live, "spec", "type") == "ExternalName"
    return at(live, "spec", "location") != "MESH_INTERNAL"


def _as_if_inside(live: Mapping) -> dict:
    moved = copy.deepcopy(dict(live))
    moved["spec"] = {
        **mapping(moved.get("spec")),
        **({"type": "ClusterIP"} if live.get("kind") == SERVICE.name else {"location": "MESH_INTERNAL"}),
    }
    return moved


CHECKS = (reach, services, strangers, absent)
