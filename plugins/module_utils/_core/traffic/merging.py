# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fields of ours inside a DestinationRule of somebody else: which rule that is, and what of it stands in the way.

Sources: Istio documentation, "Destination Rule" (what overrides a traffic policy) and "Locality Load Balancing" (one of
distribute, failover and failoverPriority); Kubernetes documentation, "Server-Side Apply".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from ..peering.using import is_of_traffic
from ..plain.data import at, items, listed, mapping, place_of
from ..plain.diff import MISSING, all_owners, leaves, owned_leaves, path_text, value_at
from ..plain.errors import FederationError
from ..plain.kinds import TRAFFIC_LABEL, merging_manager, traffic_manager
from .standing import Standing, age_of, is_visible
from .wanted import Wanted

_SETTING = ("spec", "trafficPolicy", "loadBalancer", "localityLbSetting")
_ONE_OF = ("distribute", "failover", "failoverPriority")
_OVERRIDING = ("loadBalancer", "outlierDetection", "portLevelSettings")


def manager_of(manifest: Mapping) -> str:
    """Return the field manager by which a planned object is applied; one without our label is somebody else's."""
    is_own = TRAFFIC_LABEL in mapping(at(manifest, "metadata", "labels"))
    return traffic_manager() if is_own else merging_manager()


def rule_held(one: Wanted, standing: Standing, host: str = "") -> Mapping | None:
    """Return the DestinationRule of somebody else for just a host, the oldest where it is looked up first; None without
    one.

    ``host`` is that of the service in this cluster when empty; the others belong to the control plane's namespace.
    """
    places = (standing.home,) if host else (one.namespace, standing.home)
    host = host or standing.host(one.namespace, one.name)
    for place in places:
        found = [
            live
            for name, live in standing.destination_rules(host)
            if "*" not in name and at(live, "metadata", "namespace") == place and not is_of_traffic(live)
        ]
        if found:
            return min(found, key=age_of)
    return None


def in_the_way(one: Wanted, live: Mapping, needed: Mapping, standing: Standing) -> Iterator[FederationError]:
    """Yield why the fields of ``needed`` (a manifest) cannot be merged into ``live``, or would count nowhere."""
    yield from _set_otherwise(one, live, needed)
    for why in _without_effect(one, live, standing):
        yield FederationError(
            "FED860",
            where=f"{one.place}, merge",
            what=f"would be without effect for some calls: {why}",
            fix=f"Change that rule, or add by hand the fields that calls of {one.service} need",
        )


def _set_otherwise(one: Wanted, live: Mapping, needed: Mapping) -> Iterator[FederationError]:
    others = {path for manager, paths in all_owners(live) if manager != merging_manager() for path in paths}
    mine = owned_leaves(live, merging_manager()) - others
    for path, value in leaves({"spec": needed["spec"]}) if "spec" in needed else ():
        stands = value_at(live, path)
        if stands not in (MISSING, None, {}, value) and path not in mine:
            yield _otherwise(one, live, f"{path_text(path)}: {_short(value)}", f"has {_short(stands)} there")
    setting, ours = mapping(value_at(live, _SETTING)), mapping(value_at(needed, _SETTING))
    chosen = [word for word in _ONE_OF if word in ours]
    for word in _ONE_OF if chosen else ():
        if word not in ours and setting.get(word) and (*_SETTING, word) not in mine:
            needs = f"{path_text((*_SETTING, chosen[0]))}: {_short(ours[chosen[0]])}"
            has = f"has {word}: {_short(setting[word])} beside it, and Istio accepts only one of them"
            yield _otherwise(one, live, needs, has)


def _otherwise(one: Wanted, live: Mapping, needs: str, has: str) -> FederationError:
    return FederationError(
        "FED879",
        where=f"{one.place}, merge",
        what=f"needs {needs}, and {place_of(live)} {has}",
        fix="Take that field out of your rule, or write the same value in both",
    )


def _without_effect(one: Wanted, live: Mapping, standing: Standing) -> Iterator[str]:
    place, policy = place_of(live), mapping(at(live, "spec", "trafficPolicy"))
    if items(policy.get("portLevelSettings")):
        yield f"{place} has portLevelSettings, which replace them"
    apart = [
        str(subset.get("name"))
        for subset in items(at(live, "spec", "subsets"))
        if set(mapping(subset.get("trafficPolicy"))) & set(_OVERRIDING)
    ]
    if apart:
        yield f"{place} has a separate traffic policy for the subsets {listed(apart)}"
    if at(live, "spec", "workloadSelector"):
        yield f"{place} counts for some workloads only (workloadSelector)"
    if at(policy, "loadBalancer", "simple") == "PASSTHROUGH":
        yield f"{place} passes calls through (loadBalancer.simple: PASSTHROUGH)"
    blind = [name for name in sorted(standing.members) if not is_visible(live, name)]
    if blind:
        yield f"{place} is not exported to {listed(blind, 10)}"
    namespace = at(live, "metadata", "namespace")
    host = standing.host(one.namespace, one.name)
    for name, other in standing.destination_rules(host):
        elsewhere = at(other, "metadata", "namespace")
        if namespace == standing.home != elsewhere == one.namespace and "*" in name and not is_of_traffic(other):
            yield f"{place_of(other)} is looked up before it"


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
