# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who calls a service of this mesh today, as Prometheus has it, and whom a first ALLOW policy would cut off.

Source: Istio documentation, "Standard Metrics": what the sidecar of the workload that is called reports of its callers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from ..catalogue.findings import Finding
from ..mesh.described import Mesh
from ..peering.using import is_of_traffic
from ..plain.data import at, items, listed, mapping, place_of, strings
from ..plain.kinds import AUTHORIZATION_POLICY, DRY_RUN
from .admitting import is_enforced_allow, own_pattern
from .going import policies_of
from .measuring import Row, any_of, came
from .plan import admitting_policy, ingress_principal, name_of, principal
from .rehearsals import is_rehearsal
from .standing import Caller, Standing
from .wanted import Wanted

WINDOW = "7d"
MOST_SEEN = 100
"""How many callers a rehearsal admits; a workload that more call needs its list written by somebody."""
_PRINCIPAL = re.compile(r"(?:spiffe://)?([^/]+)/ns/([a-z0-9-]{1,63})/sa/([a-z0-9.-]{1,253})")
_METRICS = ("istio_requests_total", "istio_tcp_connections_opened_total")


def admitting(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Return the rules that write an ALLOW policy on a workload."""
    return [one for one in wanted if one.callers and one.callers.from_mesh]


def callers_query(one: Wanted, standing: Standing) -> str:
    """Return the query for the callers of a service's workload, through any Service with the same selector.

    One call is enough to be a caller. If Prometheus keeps less than that time, a caller from before its data begins
    also counts. Anybody's pod can show such metrics; whose pod it is, Prometheus says where it adds a label for that.
    """
    chosen, place = any_of({one.name, *beside(one, standing)}), any_of([one.namespace])
    shown_by = ",".join(f'{label}=~"{place}|"' for label in ("namespace", "kubernetes_namespace"))
    labels = (
        f'reporter="destination",destination_service_namespace="{one.namespace}",destination_service_name=~"{chosen}",'
        f"{shown_by}"
    )
    called = (came(f"{metric}{{{labels}}}", WINDOW) for metric in _METRICS)
    return " or ".join(
        f"sum by (source_principal,source_workload_namespace,source_workload) ({each}) > 0" for each in called
    )


def beside(one: Wanted, standing: Standing) -> list[str]:
    """Return the other Services of the same pods, by name: whoever calls those meets a policy on the
    workload as well.
    """
    selector = mapping(at(standing.services.get((one.namespace, one.name)), "spec", "selector"))
    same = (
        name
        for (namespace, name), live in standing.services.items()
        if namespace == one.namespace and name != one.name and mapping(at(live, "spec", "selector")) == selector
    )
    return sorted(same) if selector else []


def rehearsing(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing) -> list[Wanted]:
    """Return the rules; one that names no local callers admits, as a rehearsal, those that were seen.

    Only where somebody could tell who calls, where the version rehearses, and where no policy of ours is enforced
    already: a rehearsal in its place would admit everybody. Whom a rehearsal admits stays in it, though the window
    moves on.
    """
    return [_rehearsed(one, mesh, standing) if one.callers and one.callers.from_mesh else one for one in wanted]


def _rehearsed(one: Wanted, mesh: Mesh, standing: Standing) -> Wanted:
    is_answered = (one.namespace, one.name) in standing.callers
    if (
        one.callers is None
        or one.callers.local is not None
        or not is_answered
        or not rehearses(standing)
        or is_enforced(one, standing)
    ):
        return one
    domain = standing.control_plane.trust_domain
    seen = {
        (caller.namespace, caller.account)
        for caller in local_callers(one, mesh, standing)
        if caller.account and caller.domain == domain
    }
    seen |= _rehearsed_before(one, mesh, standing)
    if len(seen) > MOST_SEEN:
        return one
    return replace(one, callers=replace(one.callers, local=tuple(sorted(seen)), dry_run=True, is_seen=True))


def _rehearsed_before(one: Wanted, mesh: Mesh, standing: Standing) -> set[tuple[str, str]]:
    """Return the service accounts of this mesh that the policy which stands admits; gateways of peers are none."""
    gateways = {ingress_principal(peer, standing) for peer in mesh.peers}
    admitted = (_PRINCIPAL.fullmatch(text) for text in _admitted(policy_of(one, standing)) if text not in gateways)
    own = (found for found in admitted if found and found[1] == standing.control_plane.trust_domain)
    return {(found[2], found[3]) for found in own if not _is_ingress(found[2], found[3], standing)}


def rehearses(standing: Standing) -> bool:
    """Return whether this version obeys ``istio.io/dry-run``; an older one enforces the policy."""
    return (standing.control_plane.version or (2, 5)) >= (2, 2)


def is_enforced(one: Wanted, standing: Standing) -> bool:
    """Return whether our policy for the workload stands and is no rehearsal."""
    live = policy_of(one, standing)
    return live is not None and not is_rehearsal(live)


def policy_of(one: Wanted, standing: Standing) -> Mapping | None:
    """Return our policy on the workload, where one stands."""
    live = standing.by_place.get((AUTHORIZATION_POLICY.name, one.namespace, name_of(one)))
    return live if live and is_of_traffic(live) else None


def _admitted(live: Mapping | None) -> list[str]:
    sources = [each.get("source") for rule in items(at(live, "spec", "rules")) for each in items(rule.get("from"))]
    return [text for source in sources for text in strings(mapping(source).get("principals"))]


def _is_ingress(namespace: str, account: str, standing: Standing) -> bool:
    """Return whether an account may be that of the gateway of a peer that is not described any more."""
    return namespace == standing.home and account.endswith("-ingress-service-account")


def told_of_callers(one: Wanted, mesh: Mesh, standing: Standing) -> list[str]:
    """Return in words who calls a workload that gets a policy, as far as somebody knows, and whom no list can keep."""
    if not one.callers or not one.callers.from_mesh:
        return []
    lines = []
    if (one.namespace, one.name) in standing.callers:
        seen = listed(dict.fromkeys(map(str, local_callers(one, mesh, standing))), 20)
        lines.append(
            f"{one.service}: called in the last {WINDOW} by {seen or 'nobody of this mesh'}; callers that are not "
            "listed may still exist"
        )
    if one.callers.is_seen:
        named = ", ".join(f"{namespace}/{name}" for namespace, name in one.callers.local or ())
        say = f"[{named}]" if named else "nobody"
        lines.append(
            f"{one.service}: its callers in this mesh are not listed, so the policy is rehearsed ({DRY_RUN}) and "
            "refuses nobody; "
            f"once shadow_denied stays at 0, write local: {say} to enforce it"
        )
    others = beside(one, standing)
    shared = f", callers of {listed(others, 5)} (the same pods)" if others else ""
    lines.append(
        f"{one.service}: the policy also cuts off callers without an identity (plain text), and ingress gateways and"
        f" scrapers that local does not name{shared}"
    )
    return lines


def callers_of(rows: Iterable[Row]) -> tuple[Caller, ...]:
    """Return the callers that an answer names, each once."""
    found: dict[Caller, None] = {}
    for labels, _count in rows:
        principal = _PRINCIPAL.fullmatch(labels.get("source_principal", ""))
        workload = labels.get("source_workload", "unknown")
        if principal:
            found[Caller(principal[2], principal[3], workload, principal[1])] = None
        else:
            found[Caller(labels.get("source_workload_namespace", "unknown"), "", workload)] = None
    return tuple(sorted(found, key=str))


def local_callers(one: Wanted, mesh: Mesh, standing: Standing) -> list[Caller]:
    """Return who has called a service from inside this mesh; the gateways of peers stand for others."""
    gateways = {ingress_principal(peer, standing) for peer in mesh.peers}
    seen = standing.callers.get((one.namespace, one.name)) or ()
    return [caller for caller in seen if principal(standing, caller.namespace, caller.account) not in gateways]


def cut_off_locally(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing) -> Iterator[Finding]:
    """Yield callers of this mesh that a policy which is about to count does not name."""
    for one in admitting(wanted):
        named = set(one.callers.local or ()) if one.callers else set()
        lost = [
            caller for caller in local_callers(one, mesh, standing) if (caller.namespace, caller.account) not in named
        ]
        if lost and one.callers and one.callers.local is not None:
            words = "would, when enforced, cut off" if one.callers.dry_run else "cuts off"
            yield Finding(
                "FED846", one.place, f"{words} {listed(dict.fromkeys(map(str, lost)), 20)}, seen in the last {WINDOW}"
            )


def widened(wanted: Iterable[Wanted], mesh: Mesh, standing: Standing) -> Iterator[Finding]:
    """Yield each rule beside whose policy others stand on the same pods that may admit callers whom it does not name:
    whom one ALLOW policy admits passes, whatever the others say. And each with pods that obey no policy, where pods
    were read.
    """
    for one in admitting(wanted):
        if bare := standing.bare_pods_of(one.namespace, one.name):
            yield Finding("FED829", one.place, f"has pods without a sidecar, which obey no policy: {listed(bare, 5)}")
        own = admitting_policy(one, mesh, standing)
        named, selector = set(_admitted(own)), own["spec"]["selector"]["matchLabels"]
        pods = [{"metadata": {"labels": selector}}, *standing.pods_of(one.namespace, one.name)] if selector else []
        others = [
            place_of(live)
            for pod in pods
            for live in policies_of(pod, one.namespace, standing)
            if not is_of_traffic(live) and is_enforced_allow(live) and not _is_within(live, named, standing)
        ]
        if others:
            seen = (
                f"{listed(sorted(set(others)), 5)} on the same pods may also admit callers that this rule does not name"
            )
            yield Finding("FED829", one.place, seen)


def _is_within(live: Mapping, named: Collection[str], standing: Standing) -> bool:
    """Return whether a policy admits only callers that are ``named``."""
    domain = standing.control_plane.trust_domain
    for rule in items(at(live, "spec", "rules")):
        sources = [strings(at(each, "source", "principals")) for each in items(rule.get("from"))]
        admitted = {own_pattern(text, domain) for source in sources for text in source}
        if not sources or not all(sources) or not admitted <= set(named):
            return False
    return True
