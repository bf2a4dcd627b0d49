# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Policies that select or admit nothing, and client settings that contradict mutual TLS; and which namespaces demand
it.

Sources: the API references of security.istio.io/v1beta1; Istio documentation, "PeerAuthentication" (the narrowest
counts, and of equal ones the oldest).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..plain.data import at, items, listed, mapping, place_of, strings
from ..plain.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    MEMBER_ROLL,
    PEER_AUTHENTICATION,
    POD,
    SERVICE_ACCOUNT,
    VIRTUAL_SERVICE,
)
from ..traffic.standing import covers, is_labelled
from .looking import Look, namespace_of
from .registry import MISSING, UNKNOWN, Objects
from .routing import has_selector

STRICT, PERMISSIVE, DISABLE, UNSET = "STRICT", "PERMISSIVE", "DISABLE", "UNSET"
OWN = "cluster.local"
# What injection gives each pod that has a sidecar.
INJECTED = {"security.istio.io/tlsMode": "istio"}
_MUTUAL = ("ISTIO_MUTUAL", "MUTUAL")
_PLAIN = ("DISABLE", "SIMPLE")


def check_policies(objects: Objects, look: Look) -> None:
    """Note what is wrong with AuthorizationPolicies, PeerAuthentications and RequestAuthentications, and with TLS of
    DestinationRules.
    """
    policies = objects.rules(AUTHORIZATION_POLICY)
    for live in (*policies, *objects.authentications, *objects.requests, *objects.sidecars):
        _selects(objects, live, look)
    for live in policies:
        _admits(objects, live, look)
    _without_selector(objects, look)
    for live in objects.rules(DESTINATION_RULE):
        _tls(objects, live, look)


def _selects(objects: Objects, live: Mapping, look: Look) -> None:
    labels = mapping(at(live, "spec", "selector", "matchLabels")) or mapping(
        at(live, "spec", "workloadSelector", "labels")
    )
    is_of_mesh = namespace_of(live) == objects.home and live.get("kind") != "Sidecar"
    spaces = sorted(objects.spaces) if is_of_mesh else [namespace_of(live)]
    if not labels or objects.is_selected(labels, spaces):
        return
    unlisted = objects.lacks(MEMBER_ROLL, objects.home) if is_of_mesh else ""
    because = unlisted or next(filter(None, (objects.lacks(POD, space) for space in spaces)), "")
    told = ", ".join(f"{label}={value}" for label, value in sorted(labels.items()))
    if because:
        look.unsure("FED991", f"workloads of {place_of(live)}", because)
    else:
        where = "of the mesh" if is_of_mesh else f"of {namespace_of(live)}"
        look.found("FED991", live, f"selects {told}, but no workload {where} has these labels", field="selector")


def _admits(objects: Objects, live: Mapping, look: Look) -> None:
    for number, rule in enumerate(items(at(live, "spec", "rules"))):
        for entry in items(rule.get("from")):
            source = mapping(entry.get("source"))
            for key in ("namespaces", "notNamespaces"):
                for name in strings(source.get(key)):
                    _namespace(objects, live, name, look, f"rules[{number}]")
            for key in ("principals", "notPrincipals"):
                for principal in strings(source.get(key)):
                    _principal(objects, live, principal, look, f"rules[{number}]")
        for entry in items(rule.get("to")):
            for host in strings(at(entry, "operation", "hosts")):
                _called(objects, live, host, look, f"rules[{number}]")


def _namespace(objects: Objects, live: Mapping, name: str, look: Look, field: str) -> None:
    if "*" in name or name in objects.spaces:
        return
    if objects.namespaces is None:
        look.unsure("FED973", f"namespace {name}", "namespaces may not be listed by this account")
    elif name not in objects.namespaces:
        look.found("FED973", live, f"names namespace {name}, which does not exist", field=field)


def _principal(objects: Objects, live: Mapping, principal: str, look: Look, field: str) -> None:
    parts = principal.split("/")
    if "*" in principal or len(parts) != 5 or (parts[1], parts[3]) != ("ns", "sa"):
        return
    domain, space, account = parts[0], parts[2], parts[4]
    plane = objects.standing.control_plane
    peers = [one.peer for one in objects.given if one.trust_domain and one.trust_domain == domain]
    if domain not in (OWN, plane.trust_domain, *plane.additional_domains):
        if peers and namespace_of(live) != objects.home:
            what = (
                f"names {principal} of peer {peers[0]}, and no call arrives as that: the peer's calls come from our"
                " ingress gateway for it"
            )
            cure = (
                f"Name {plane.trust_domain}/ns/{objects.home}/sa/{peers[0]}-ingress-service-account, or use"
                " callers.from_mesh of mesh_traffic"
            )
            look.found("FED995", live, what, cure, field=field)
        return
    because = objects.beyond(space) or objects.lacks(SERVICE_ACCOUNT, space)
    if because:
        look.unsure("FED975", f"service account {space}/{account}", because)
    elif account not in objects.accounts.get(space, frozenset()):
        look.found("FED975", live, f"names service account {space}/{account}, which does not exist", field=field)


def _called(objects: Objects, live: Mapping, host: str, look: Look, field: str) -> None:
    """Note a host that cannot be called. Those that routes and gateways name are called from outside."""
    bare = host.partition(":")[0]
    if "*" in bare:
        return
    outside = [name for route in objects.rules(VIRTUAL_SERVICE) for name in strings(at(route, "spec", "hosts"))]
    outside += [
        name.rpartition("/")[2]
        for gateway in objects.gateways
        for server in items(at(gateway, "spec", "servers"))
        for name in strings(server.get("hosts"))
    ]
    if any(covers(name, bare) for name in outside):
        return
    state, because = objects.host_state(bare, namespace_of(live))
    lacking = because or objects.lacks(VIRTUAL_SERVICE)
    if state == MISSING and not lacking:
        look.found(
            "FED974",
            live,
            f"names host {host}, which is not a Service, ServiceEntry, import, route or gateway host of this mesh",
            field=field,
        )
    elif state in (MISSING, UNKNOWN):
        look.unsure("FED974", f"host {host}", lacking)


def _without_selector(objects: Objects, look: Look) -> None:
    first: dict[str, Mapping] = {}
    for live in sorted(objects.authentications, key=_age):
        if has_selector(live):
            continue
        older = first.setdefault(namespace_of(live), live)
        if older is not live:
            look.found(
                "FED992",
                live,
                f"is for its whole namespace, as {place_of(older)} is; the older one counts",
                field="selector",
            )


def _age(live: Mapping) -> tuple[str, str]:
    return str(at(live, "metadata", "creationTimestamp") or ""), str(at(live, "metadata", "name"))


def mutual_tls(objects: Objects) -> list[dict]:
    """Return per namespace whether calls must come with mutual TLS, and which object says so."""
    rows = []
    for space in sorted(objects.spaces):
        lacking = objects.lacks(PEER_AUTHENTICATION, space) or objects.lacks(PEER_AUTHENTICATION, objects.home)
        mode, said = _mode_of(objects, space)
        narrower = [live for live in objects.authentications if namespace_of(live) == space and has_selector(live)]
        rows.append(
            {
                "namespace": space,
                "mode": "unknown" if lacking else mode,
                "said_by": lacking or (place_of(said) if said else "Istio's default"),
                "exceptions": [place_of(live) for live in narrower],
            }
        )
    return rows


def _mode_of(objects: Objects, space: str) -> tuple[str, Mapping | None]:
    """Return the mode of a namespace, and the object that says it."""
    for place in dict.fromkeys((space, objects.home)):
        whole = [
            live
            for live in sorted(objects.authentications, key=_age)
            if namespace_of(live) == place and not has_selector(live)
        ]
        mode = str(at(whole[0], "spec", "mtls", "mode") or UNSET) if whole else UNSET
        if mode != UNSET:
            return mode, whole[0]
    return PERMISSIVE, None


def _tls(objects: Objects, live: Mapping, look: Look) -> None:
    """Note a DestinationRule whose calls the other side refuses: plain ones where it requires mutual TLS, and the other
    way round."""
    # What ports or subsets set for themselves holds for those only, and is left alone.
    mode_set = str(at(live, "spec", "trafficPolicy", "tls", "mode") or "")
    host = str(at(live, "spec", "host") or "")
    if not mode_set or not host:
        return
    if mode_set != "ISTIO_MUTUAL" and _is_of_peer(objects, host.lower()):
        look.found(
            "FED994", live, f"sets TLS mode {mode_set} for {host}, which a peer gives", field="trafficPolicy.tls"
        )
        return
    refused: dict[tuple[str, str], list[str]] = {}
    for key in _services_under(objects, live, host):
        full = objects.standing.host(*key)
        if objects.standing.effective_rule(full, namespace_of(live), key[0]) is live and not objects.is_given(full):
            refusal = _refusal(objects, key, mode_set, look)
            if refusal:
                refused.setdefault(refusal, []).append(full)
    for (code, says), hosts in sorted(refused.items()):
        look.found(
            code,
            live,
            f"sets TLS mode {mode_set} for {listed(hosts)}, and {says}: each call fails",
            field="trafficPolicy.tls",
        )


def _refusal(objects: Objects, key: tuple[str, str], mode_set: str, look: Look) -> tuple[str, str] | None:
    """Return the code and the reason why a Service refuses calls of a TLS mode; None where it takes them, or nobody
    knows.
    """
    subject = f"mutual TLS of {objects.standing.host(*key)}"
    lacking = objects.lacks(PEER_AUTHENTICATION, key[0]) or objects.lacks(PEER_AUTHENTICATION, objects.home)
    if lacking:
        look.unsure("FED979", subject, lacking)
        return None
    mode, said = _mode_for(objects, key)
    if said and mode == STRICT and mode_set in _PLAIN:
        pods = objects.standing.pods_of(*key)
        if not pods:
            look.unsure(
                "FED979", subject, objects.lacks(POD, key[0]) or "no pod behind it shows whether it has a sidecar"
            )
        # Who has no sidecar demands nothing, and must be called in plain text.
        has_sidecar = any(is_labelled(pod, INJECTED) for pod in pods)
        return ("FED979", f"{place_of(said)} requires mutual TLS") if has_sidecar else None
    if said and mode == DISABLE and mode_set in _MUTUAL:
        return "FED980", f"{place_of(said)} turns mutual TLS off"
    return None


def _is_of_peer(objects: Objects, host: str) -> bool:
    local = f".svc.{objects.standing.control_plane.cluster_domain}"
    return not host.endswith(local) and objects.is_given(host)


def _services_under(objects: Objects, live: Mapping, host: str) -> Sequence[tuple[str, str]]:
    if "*" not in host:
        key = objects.service_of(host, namespace_of(live))
        return [key] if key else []
    return [key for key in objects.standing.services if covers(host, objects.standing.host(*key))]


def _mode_for(objects: Objects, key: tuple[str, str]) -> tuple[str, Mapping | None]:
    """Return the mode that counts for a Service; one that only some of its pods or ports have is PERMISSIVE here, since
    nothing is certain.
    """
    selector = mapping(at(objects.standing.services.get(key), "spec", "selector"))
    for live in objects.authentications:
        if not has_selector(live) or namespace_of(live) not in (key[0], objects.home):
            continue
        labels = mapping(at(live, "spec", "selector", "matchLabels"))
        behind = objects.standing.pods_of(*key)
        if is_labelled({"metadata": {"labels": selector}}, labels) and not at(live, "spec", "portLevelMtls"):
            mode = str(at(live, "spec", "mtls", "mode") or UNSET)
            return (mode, live) if mode != UNSET else _mode_of(objects, key[0])
        if any(is_labelled(pod, labels) for pod in behind):
            return PERMISSIVE, None
    return _mode_of(objects, key[0])
