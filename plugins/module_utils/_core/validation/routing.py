# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Routes, destination rules, gateways and sidecars: hosts, subsets and gateways that are not there, and two of one kind
for one host.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from ..peering.using import full_names
from ..plain.data import at, items, mapping, place_of, strings
from ..plain.kinds import DESTINATION_RULE, ISTIO_GATEWAY, MEMBER_ROLL, POD, VIRTUAL_SERVICE
from ..traffic.standing import is_labelled, is_visible
from .looking import Look, namespace_of
from .registry import MISSING, UNKNOWN, Objects

SECTIONS = ("http", "tls", "tcp")
MESH = "mesh"


def check_routing(objects: Objects, look: Look) -> None:
    """Note what is wrong with VirtualServices, DestinationRules, Gateways and Sidecars."""
    for live in objects.rules(VIRTUAL_SERVICE):
        _routes(objects, live, look)
    _routes_of_one_host(objects, look)
    for live in objects.rules(DESTINATION_RULE):
        _destination_rule(objects, live, look)
    _rules_of_one_host(objects, look)
    _gateways(objects, look)
    for live in objects.sidecars:
        _sidecar(objects, live, look)


def _routes(objects: Objects, live: Mapping, look: Look) -> None:
    spec, namespace = mapping(live.get("spec")), namespace_of(live)
    if not any(items(spec.get(section)) for section in SECTIONS):
        look.found("FED986", live, "has no http, tls or tcp route")
    for field, destinations in _destinations(spec):
        used: set[tuple] = set()
        for number, entry in enumerate(destinations):
            destination = mapping(entry.get("destination")) or entry
            host, subset = str(destination.get("host") or ""), str(destination.get("subset") or "")
            place = f"{field}[{number}]"
            if not host:
                continue
            key = (
                *full_names(host, namespace, objects.standing.control_plane.cluster_domain)[-1:],
                subset,
                at(destination, "port", "number"),
            )
            if key in used:
                look.found(
                    "FED988",
                    live,
                    f"names {host}{f', subset {subset},' if subset else ''} twice in one route",
                    field=place,
                )
            used.add(key)
            _host(objects, live, host, look, "FED984", place)
            if subset:
                _subset(objects, live, (host, subset), look, place)
        weight = destinations[0].get("weight") if len(destinations) == 1 else None
        if weight not in (None, 0, 100):
            look.found("FED987", live, f"gives weight {weight} to the only destination of a route", field=field)
    for gateway in strings(spec.get("gateways")):
        _gateway_of(objects, live, gateway, look)


def _destinations(spec: Mapping) -> Iterator[tuple[str, list[Mapping]]]:
    """Give each list of destinations that share calls, with the field that it stands in; mirrors are lists of their
    own.
    """
    for section in SECTIONS:
        for number, route in enumerate(items(spec.get(section))):
            yield f"{section}[{number}].route", items(route.get("route"))
            if isinstance(route.get("mirror"), Mapping):
                yield f"{section}[{number}].mirror", [route["mirror"]]


def _host(objects: Objects, live: Mapping, host: str, look: Look, code: str, field: str) -> None:
    state, because = objects.host_state(host, namespace_of(live))
    if state == MISSING:
        look.found(
            code, live, f"names {host}, which is not a Service, ServiceEntry or import of this mesh", field=field
        )
    elif state == UNKNOWN:
        look.unsure(code, f"host {host}", because)


def _subset(objects: Objects, live: Mapping, named: tuple[str, str], look: Look, field: str) -> None:
    host, subset = named
    lacking = objects.lacks(DESTINATION_RULE)
    domain = objects.standing.control_plane.cluster_domain
    rules = [
        rule
        for full in full_names(host, namespace_of(live), domain)
        for _name, rule in objects.standing.destination_rules(full)
        if is_visible(rule, namespace_of(live))
    ]
    known = {str(each.get("name")) for rule in rules for each in items(at(rule, "spec", "subsets"))}
    if subset in known:
        return
    if lacking:
        look.unsure("FED990", f"subset {subset} of {host}", lacking)
        return
    has = (
        f"the DestinationRules for it have {', '.join(sorted(known))}"
        if known
        else "no DestinationRule gives it subsets"
    )
    look.found("FED990", live, f"names subset {subset} of {host}; {has}", field=field)


def _gateway_of(objects: Objects, live: Mapping, gateway: str, look: Look) -> None:
    if gateway == MESH:
        return
    space, slash, name = gateway.partition("/")
    if not slash:
        # An older form: <name>.<namespace>.svc.<domain>; without dots it is a Gateway of the same namespace.
        parts = gateway.split(".")
        name, space = parts[0], parts[1] if len(parts) > 1 else namespace_of(live)
    if any(at(found, "metadata", "name") == name and namespace_of(found) == space for found in objects.gateways):
        return
    because = objects.beyond(space) or objects.lacks(ISTIO_GATEWAY, space)
    if because:
        look.unsure("FED985", f"Gateway {space}/{name}", because)
    else:
        look.found("FED985", live, f"names Gateway {space}/{name}, which does not exist", field="gateways")


def _routes_of_one_host(objects: Objects, look: Look) -> None:
    """Note VirtualServices that share a host on the same gateway and are seen by the same clients."""
    by_host: dict[tuple[str, str], list[Mapping]] = {}
    domain = objects.standing.control_plane.cluster_domain
    for live in objects.rules(VIRTUAL_SERVICE):
        gateways = strings(at(live, "spec", "gateways")) or [MESH]
        names = {
            full_names(host, namespace_of(live), domain)[-1].lower() for host in strings(at(live, "spec", "hosts"))
        }
        for host, gateway in itertools.product(sorted(names), gateways):
            scope = gateway if gateway == MESH or "/" in gateway else f"{namespace_of(live)}/{gateway}"
            by_host.setdefault((host, scope), []).append(live)
    for (host, gateway), found in sorted(by_host.items()):
        for one, other in itertools.combinations(found, 2):
            if one is other or (gateway == MESH and not _meet(objects, one, other)):
                continue
            both = f"Gateway {gateway} has the routes of both, in no fixed order"
            happens = "sidecars use only the older one" if gateway == MESH else both
            look.found("FED989", other, f"has host {host}, as {place_of(one)} has; {happens}", field="hosts")


def _meet(objects: Objects, one: Mapping, other: Mapping) -> bool:
    """Return whether any namespace of the mesh sees both."""
    return any(is_visible(one, space) and is_visible(other, space) for space in objects.spaces)


def _destination_rule(objects: Objects, live: Mapping, look: Look) -> None:
    spec, namespace = mapping(live.get("spec")), namespace_of(live)
    host = str(spec.get("host") or "")
    if host:
        _host(objects, live, host, look, "FED977", "host")
    key = objects.service_of(host, namespace) if host and "*" not in host else None
    for number, subset in enumerate(items(spec.get("subsets"))):
        labels, field = mapping(subset.get("labels")), f"subsets[{number}]"
        if not labels:
            look.found("FED981", live, f"has subset {subset.get('name')} without labels", field=field)
        elif key is not None and not objects.is_given(objects.standing.host(*key)):
            _labels_of(objects, live, key, (str(subset.get("name")), labels), look)


def _labels_of(objects: Objects, live: Mapping, key: tuple[str, str], subset: tuple[str, Mapping], look: Look) -> None:
    """Note a subset whose labels no pod behind a Service has. A Service without a selector has endpoints that somebody
    else names.
    """
    name, labels = subset
    selector = mapping(at(objects.standing.services.get(key), "spec", "selector"))
    if not selector or any(entry for entry in objects.entries if at(entry, "spec", "workloadSelector")):
        return
    behind = [found for found in objects.labels_in(key[0]) if is_labelled({"metadata": {"labels": found}}, selector)]
    if any(is_labelled({"metadata": {"labels": found}}, labels) for found in behind):
        return
    because = objects.lacks(POD, key[0])
    if because:
        look.unsure("FED978", f"subset {name} of {key[0]}/{key[1]}", because)
        return
    told = ", ".join(f"{label}={value}" for label, value in sorted(labels.items()))
    look.found(
        "FED978",
        live,
        f"has subset {name} ({told}), but no workload behind Service {key[0]}/{key[1]} has these labels",
        field="subsets",
    )


def _rules_of_one_host(objects: Objects, look: Look) -> None:
    """Note DestinationRules of one namespace for one host that are not parts of one: two traffic policies, or one
    subset twice.
    """
    by_host: dict[tuple[str, str], list[Mapping]] = {}
    domain = objects.standing.control_plane.cluster_domain
    for live in objects.rules(DESTINATION_RULE):
        host = str(at(live, "spec", "host") or "")
        if host and not at(live, "spec", "workloadSelector"):
            by_host.setdefault(
                (namespace_of(live), full_names(host, namespace_of(live), domain)[-1].lower()), []
            ).append(live)
    for (_space, host), found in sorted(by_host.items()):
        for one, other in itertools.combinations(found, 2):
            shared = sorted(_subsets(one) & _subsets(other))
            what = ""
            if shared:
                what = f"both have subset {shared[0]}, and only one of them counts"
            elif at(one, "spec", "trafficPolicy") and at(other, "spec", "trafficPolicy"):
                what = "the traffic policy of the older one counts whole, the other's is passed over"
            if what and _meet(objects, one, other):
                look.found("FED976", other, f"is for {host}, as {place_of(one)} is; {what}", field="host")


def _subsets(live: Mapping) -> set[str]:
    return {str(each.get("name")) for each in items(at(live, "spec", "subsets"))}


def _gateways(objects: Objects, look: Look) -> None:
    taken: dict[tuple, Mapping] = {}
    for live in objects.gateways:
        selector = mapping(at(live, "spec", "selector"))
        if selector and not objects.is_selected(selector, sorted(objects.spaces)):
            because = objects.lacks(MEMBER_ROLL, objects.home) or objects.lacks(POD)
            told = ", ".join(f"{label}={value}" for label, value in sorted(selector.items()))
            if because:
                look.unsure("FED983", f"workload of {place_of(live)}", because)
            else:
                look.found(
                    "FED983", live, f"selects {told}, but no workload of the mesh has these labels", field="selector"
                )
        for number, server in enumerate(items(at(live, "spec", "servers"))):
            for host in strings(server.get("hosts")):
                key = (*sorted(selector.items()), at(server, "port", "number"), host.rpartition("/")[2].lower())
                other = taken.setdefault(key, live)
                if other is not live:
                    port = at(server, "port", "number")
                    look.found(
                        "FED982",
                        live,
                        f"has host {host} at port {port}, as {place_of(other)} has",
                        field=f"servers[{number}]",
                    )


def _sidecar(objects: Objects, live: Mapping, look: Look) -> None:
    for number, entry in enumerate(items(at(live, "spec", "egress"))):
        for host in strings(entry.get("hosts")):
            space, slash, name = host.partition("/")
            if not slash or space == "~" or name in ("*", ""):
                continue
            state, because = objects.host_state(name, namespace_of(live) if space in (".", "*") else space)
            field = f"egress[{number}].hosts"
            if state == MISSING:
                look.found(
                    "FED993",
                    live,
                    f"lets calls out to {host}, which is not a Service, ServiceEntry or import of this mesh",
                    field=field,
                )
            elif state == UNKNOWN:
                look.unsure("FED993", f"host {name}", because)
    by_namespace = [
        other for other in objects.sidecars if namespace_of(other) == namespace_of(live) and not has_selector(other)
    ]
    if not has_selector(live) and by_namespace[0] is not live:
        what = (
            f"has no workloadSelector, and neither has {place_of(by_namespace[0])}; it is undefined which of them is "
            "used"
        )
        look.found("FED992", live, what, field="workloadSelector")


def has_selector(live: Mapping) -> bool:
    """Return whether an object is for some workloads only."""
    for name in ("selector", "workloadSelector"):
        selector = mapping(at(live, "spec", name))
        if selector.get("matchLabels") or selector.get("labels"):
            return True
    return False
