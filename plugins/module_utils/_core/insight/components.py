# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether each component of a mesh is well, by what it says itself and not only by its Deployment, with evidence and a
hint.

What could not be read is unknown and never taken for well. Sources: OpenShift Service Mesh documentation, "Deploying
components"; Kiali 1.36, business/istio_status.go (which components are core, which are add-ons);
maistra/istio-operator, charts of 2.1 to 2.5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ..card.trust import Root
from ..control_plane.live import ControlPlane
from ..peering import status
from ..peering.verdict import NEAR_EXPIRY, faults_of, faults_of_rows
from ..plain.data import at, items, mapping, some
from ..plain.moments import time_of, time_text
from .pods import workload_of
from .statistics import number_of

HEALTHY, DEGRADED, FAILING, ABSENT, UNKNOWN = "healthy", "degraded", "failing", "absent by intent", "unknown"
PEERS = "peers"
"""What ``Seen.unread`` calls the peerings."""
WORST_FIRST = (FAILING, UNKNOWN, DEGRADED, HEALTHY, ABSENT)
CORE, ADDON, PEER, PROXIES = "core", "add-on", "peer", "proxies"
ENDING, ENDED = "FED906", "FED915"
MOST_CERTIFICATES = 100
LATE_SHARE = 0.2
"""The share of its lifetime that is left when a certificate that renews itself should long have been renewed; istio
does at a half.
"""
# Of one line each: what another has written may have no end.
_SAMPLE = re.compile(r"^([a-z_]{1,100})(?:\{[^\n]{0,4000}\})? ([0-9.e+]{1,30})$", re.ASCII | re.MULTILINE)
_VERSION = re.compile(r'^pilot_info\{[^\n]{0,400}?version="([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4})', re.MULTILINE)


@dataclass(frozen=True)
class Component:
    """One component: its ``state``, the ``evidence`` for it, since when, and the ``code`` that says what to do; ""
    where all is well.
    """

    name: str
    severity: str
    state: str
    evidence: str
    since: str = ""
    code: str = ""

    def as_data(self) -> dict:
        """Return it as JSON-friendly data."""
        return {
            "component": self.name,
            "severity": self.severity,
            "state": self.state,
            "evidence": self.evidence,
            "since": self.since or None,
            "code": self.code or None,
        }


@dataclass(frozen=True)
class Said:
    """What one component says of itself: an HTTP ``status`` and the ``content`` of its page, or why it could not be
    asked.

    ``is_unasked`` says that the API server let nobody through to it, for want of a right (``is_forbidden``) or for a
    reason of its own: that says nothing of the component.
    """

    status: int = 0
    content: bytes = b""
    why: str = ""
    is_forbidden: bool = False
    is_unasked: bool = False

    @property
    def is_good(self) -> bool:
        """Whether it says that it is well."""
        return self.status == 200

    @property
    def text(self) -> str:
        """Its content as text."""
        return self.content.decode("utf-8", "replace")


@dataclass(frozen=True)
class Seen:
    """What was read of a mesh. A mapping that is None could not be read, ``unread`` says why; ``said`` and
    ``certificates`` are by component and pod."""

    control_plane: ControlPlane
    now: datetime
    deployments: Mapping[str, Mapping] | None = None
    services: Mapping[str, Mapping] | None = None
    daemon_sets: Mapping[str, Mapping] | None = None
    operator: Mapping[str, Mapping] | None = None
    kiali: Sequence[Mapping] | None = None
    jaeger: Sequence[Mapping] | None = None
    peers: Mapping[str, Mapping] = field(default_factory=dict)
    rows: Sequence[Mapping] = ()
    bundles: Mapping[str, Mapping | None] = field(default_factory=dict)
    roots: Sequence[Root] = ()
    roots_why: str = ""
    said: Mapping[str, Mapping[str, Said]] = field(default_factory=dict)
    certificates: Mapping[str, Mapping[str, Said]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)


def components_of(seen: Seen) -> list[Component]:
    """Return every component, worst first within core, peers and add-ons."""
    found = [_control_plane(seen), *_istiod(seen), *_gateways(seen), *_peers(seen), *_trust(seen), *_addons(seen)]
    order = (CORE, PROXIES, PEER, ADDON)
    return sorted(found, key=lambda it: (order.index(it.severity), WORST_FIRST.index(it.state)))


def _control_plane(seen: Seen) -> Component:
    control_plane = seen.control_plane
    state = HEALTHY if control_plane.is_ready else DEGRADED
    evidence = "ready" if control_plane.is_ready else control_plane.condition
    return Component("ServiceMeshControlPlane", ADDON, state, evidence, code="" if control_plane.is_ready else "FED726")


def istiod_name(control_plane: ControlPlane) -> str:
    """Return the name of istiod's Deployment."""
    return f"istiod-{control_plane.name}"


def istiods_among(pods: Iterable[Mapping], control_plane: ControlPlane) -> list[Mapping]:
    """Return those of the pods of a control plane's namespace that run its istiod."""
    return [pod for pod in pods if workload_of(pod) == istiod_name(control_plane)]


def _istiod(seen: Seen) -> Iterator[Component]:
    name = istiod_name(seen.control_plane)
    found = _deployment(seen, name, CORE)
    said = seen.said.get(name, {})
    bad = {pod: answer for pod, answer in said.items() if not answer.is_good and not answer.is_unasked}
    if found.state == HEALTHY and bad:
        (pod, answer), *_others = bad.items()
        what = f"{pod} answers {answer.status}" if answer.status else f"{pod} cannot be reached ({answer.why})"
        state = FAILING if len(bad) == len(said) else DEGRADED
        found = replace(found, state=state, evidence=f"{what}; {found.evidence}", since="", code="FED903")
    metrics = _joined(answer.text for answer in said.values() if answer.is_good)
    if metrics and found.state in (HEALTHY, DEGRADED):
        found = replace(found, evidence=f"{found.evidence}; {'; '.join(_of_metrics(metrics))}")
    yield found


def _joined(texts: Iterable[str]) -> dict[str, float]:
    """Return the sum of each metric over its labels and over all replicas; the expiry of a root is the earliest."""
    sums: dict[str, float] = {}
    for text in texts:
        for name, value in _SAMPLE.findall(text):
            number = number_of(value)
            if name == "citadel_server_root_cert_expiry_timestamp":
                sums[name] = min(sums.get(name, number), number)
            else:
                sums[name] = sums.get(name, 0.0) + number
    return sums


def _of_metrics(metrics: Mapping[str, float]) -> Iterator[str]:
    yield f"{int(metrics.get('pilot_xds', 0)):,} proxies connected"
    rejects = int(metrics.get("pilot_total_xds_rejects", 0))
    yield f"{rejects:,} updates rejected since it started" if rejects else "no update rejected"
    count = metrics.get("pilot_proxy_convergence_time_count", 0)
    if count:
        yield f"changes reach proxies in {metrics.get('pilot_proxy_convergence_time_sum', 0) / count:.2f} s on average"


def version_of(pages: Iterable[str]) -> str:
    """Return the version of Istio that istiods tell in their metrics; "" where they tell none, or several during an
    upgrade.
    """
    found = {version for page in pages for version in _VERSION.findall(page)}
    return found.pop() if len(found) == 1 else ""


def _is_on(control_plane: ControlPlane, *path: str, default: bool = True) -> bool:
    said = control_plane.said(*path)
    return said if isinstance(said, bool) else default


def gateways_of(control_plane: ControlPlane, peers: Mapping[str, Mapping]) -> Iterator[tuple[str, str, str, bool]]:
    """Give name, namespace and severity of each gateway, and whether it is wanted. Those of the peers are core, for the
    mesh federates.
    """
    ours = {
        str(at(peer, "spec", "gateways", way, "name") or "") for peer in peers.values() for way in ("ingress", "egress")
    }
    are_on, home = _is_on(control_plane, "gateways", "enabled"), control_plane.namespace
    for name, key, severity in (("istio-ingressgateway", "ingress", CORE), ("istio-egressgateway", "egress", ADDON)):
        yield name, home, severity, are_on and _is_on(control_plane, "gateways", key, "enabled")
    for kind in ("additionalIngress", "additionalEgress"):
        for name in sorted(mapping(control_plane.said("gateways", kind))):
            namespace = str(control_plane.said("gateways", kind, name, "namespace") or home)
            wanted = are_on and _is_on(control_plane, "gateways", kind, name, "enabled")
            yield name, namespace, CORE if name in ours else ADDON, wanted


def _gateways(seen: Seen) -> Iterator[Component]:
    for name, namespace, severity, wanted in gateways_of(seen.control_plane, seen.peers):
        if namespace != seen.control_plane.namespace:
            yield Component(name, severity, UNKNOWN, f"is in namespace {namespace}, which is not read")
            continue
        found = _deployment(seen, name, severity, wanted=wanted)
        if found.state == HEALTHY:
            found = _with_service(seen, name, found)
        if found.state in (HEALTHY, DEGRADED):
            found = _with_certificates(seen, name, found)
        yield found


def _with_service(seen: Seen, name: str, found: Component) -> Component:
    if seen.services is None:
        return replace(
            found, evidence=f"{found.evidence}; its Service could not be read ({seen.unread.get('Service', '')})"
        )
    service = seen.services.get(name)
    if service is None:
        return replace(found, state=FAILING, evidence=f"it has no Service; {found.evidence}", since="", code="FED905")
    if at(service, "spec", "type") != "LoadBalancer":
        return found
    addresses = [
        str(entry.get("ip") or entry.get("hostname"))
        for entry in items(at(service, "status", "loadBalancer", "ingress"))
    ]
    if not addresses:
        return replace(
            found,
            state=FAILING,
            evidence=f"its load balancer has no address; {found.evidence}",
            since="",
            code="FED905",
        )
    return replace(found, evidence=f"{found.evidence}; at {some(addresses, 3)}")


def _with_certificates(seen: Seen, name: str, found: Component) -> Component:
    told = []
    for pod, answer in seen.certificates.get(name, {}).items():
        if not answer.is_good:
            told.append(f"certificates of {pod} not read ({answer.why or answer.status})")
            continue
        for what, state in _late(answer.content, seen.now):
            told.append(f"{pod}: {what}")
            state = FAILING if FAILING in (state, found.state) else state
            found = replace(found, state=state, since="", code=ENDED if state == FAILING else ENDING)
    # What is wrong stands first: a line may end before the rest.
    parts = [*told[:3], found.evidence] if found.code in (ENDING, ENDED) else [found.evidence, *told[:3]]
    return replace(found, evidence="; ".join(parts))


def _late(content: bytes, now: datetime) -> Iterator[tuple[str, str]]:
    """Give what is wrong with the certificates of Envoy's ``/certs``: expired, or not renewed though that was due."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        yield "its certificates cannot be read", UNKNOWN
        return
    for entry in items(mapping(data).get("certificates"))[:MOST_CERTIFICATES]:
        for kind, word in (("cert_chain", "certificate"), ("ca_cert", "root")):
            for certificate in items(entry.get(kind))[:MOST_CERTIFICATES]:
                begin, end = time_of(certificate.get("valid_from")), time_of(certificate.get("expiration_time"))
                if end is None:
                    continue
                if end <= now:
                    yield f"a {word} has expired on {time_text(end)}", FAILING
                elif kind == "ca_cert" and end - now < NEAR_EXPIRY:
                    yield f"a {word} has {(end - now).days} days left", DEGRADED
                elif kind == "cert_chain" and begin and end - now < LATE_SHARE * (end - begin):
                    yield f"a {word} ends {time_text(end)} and was not renewed", DEGRADED


def _deployment(
    seen: Seen,
    name: str,
    severity: str,
    *,
    wanted: bool = True,
    live: Mapping[str, Mapping] | None = None,
    kind: str = "",
) -> Component:
    """Return a component by its Deployment. A pod that is ready has passed its own test: the kubelet asks it every few
    seconds.
    """
    known = seen.deployments if live is None else live
    if known is None:
        word = UNKNOWN if wanted else ABSENT
        return Component(
            name, severity, word, f"could not be read ({seen.unread.get(kind or 'Deployment', 'no right')})"
        )
    found = known.get(name)
    if found is None:
        if not wanted:
            return Component(name, severity, ABSENT, "the control plane has it turned off")
        return Component(name, severity, FAILING, "its Deployment does not exist", code="FED904")
    spec, state = mapping(found.get("spec")), mapping(found.get("status"))
    due, up = _count(spec.get("replicas"), 1), _count(state.get("availableReplicas"), 0)
    since = next(
        (
            str(c.get("lastTransitionTime") or "")
            for c in items(state.get("conditions"))
            if c.get("type") == "Available"
        ),
        "",
    )
    if due == 0:
        return Component(
            name, severity, FAILING if wanted else ABSENT, "scaled to zero", since, "FED902" if wanted else ""
        )
    if up == 0:
        return Component(name, severity, FAILING, f"none of {due} pods is available", since, "FED903")
    if up < due:
        return Component(name, severity, DEGRADED, f"{up} of {due} pods available", since, "FED903")
    return Component(name, severity, HEALTHY, f"{up} of {due} pods available", since)


def _count(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _peers(seen: Seen) -> Iterator[Component]:
    if PEERS in seen.unread:
        yield Component("gateways of peers", CORE, UNKNOWN, f"peers could not be read ({seen.unread[PEERS]})")
    for row in seen.rows:
        name = f"peer {row['peer']}"
        if row["outbound"] == status.SUSPENDED:
            yield Component(name, PEER, ABSENT, "suspended")
            continue
        faults = faults_of_rows([row])
        since = str(row.get("last_full_sync") or "")
        if not faults:
            yield Component(name, PEER, HEALTHY, "connected both ways", since)
            continue
        states = {row["outbound"], row["inbound"]}
        is_known = not states <= {status.CONNECTED, status.UNKNOWN}
        state = UNKNOWN if not is_known else DEGRADED if status.CONNECTED in states else FAILING
        yield Component(name, PEER, state, "; ".join(fault.what for fault in faults), since, "FED907")


def _trust(seen: Seen) -> Iterator[Component]:
    if seen.roots_why:
        yield Component("root of the mesh", ADDON, UNKNOWN, seen.roots_why, code=ENDING)
    for root in seen.roots:
        days = root.days_left(seen.now)
        state = HEALTHY if timedelta(days=days) >= NEAR_EXPIRY else DEGRADED if days >= 0 else FAILING
        yield Component(
            f"root {root.spoken}",
            ADDON,
            state,
            f"{days:,} days left",
            code={FAILING: ENDED, DEGRADED: ENDING}.get(state, ""),
        )
    for fault in faults_of((), {}, seen.bundles, seen.now):
        yield Component(f"roots of peer {fault.peer}", PEER, DEGRADED, fault.what, code=ENDING)


def _addons(seen: Seen) -> Iterator[Component]:
    control_plane = seen.control_plane
    for name in ("prometheus", "grafana"):
        wanted = _is_on(control_plane, "addons", name, "enabled", default=False)
        yield _asked(seen, name, _deployment(seen, name, ADDON, wanted=wanted))
    yield _jaeger(seen)
    yield _kiali(seen)
    if control_plane.version and control_plane.version <= (2, 2):
        wanted = _is_on(control_plane, "techPreview", "wasmExtensions", "enabled", default=False)
        yield _deployment(
            seen,
            f"wasm-cacher-{control_plane.name}",
            ADDON,
            wanted=wanted or _has(seen, f"wasm-cacher-{control_plane.name}"),
        )
    yield from _cni(seen)
    yield (
        _deployment(seen, "istio-operator", ADDON, live=seen.operator, kind="operator")
        if seen.operator is not None
        else Component(
            "istio-operator", ADDON, UNKNOWN, f"could not be read ({seen.unread.get('operator', 'no right')})"
        )
    )


def _has(seen: Seen, name: str) -> bool:
    return name in (seen.deployments or {})


def _asked(seen: Seen, name: str, found: Component) -> Component:
    """Return an add-on with what its own page says."""
    for pod, answer in seen.said.get(name, {}).items():
        if found.state != HEALTHY:
            break
        if answer.is_good:
            found = replace(found, evidence=f"{found.evidence}; it reports that it is ready")
        elif answer.status:
            found = replace(
                found,
                state=FAILING,
                evidence=f"{pod} answers {answer.status}; {found.evidence}",
                since="",
                code="FED903",
            )
        else:
            found = replace(found, state=UNKNOWN, evidence=f"{found.evidence}; it could not be asked ({answer.why})")
    return found


def _jaeger(seen: Seen) -> Component:
    said = seen.control_plane.said("tracing", "type")
    wanted = said == "Jaeger"
    name = str(seen.control_plane.said("addons", "jaeger", "name") or "jaeger")
    live = (
        None if seen.jaeger is None else next((one for one in seen.jaeger if at(one, "metadata", "name") == name), None)
    )
    if not wanted and live is None:
        return Component(name, ADDON, ABSENT, f"tracing.type is {said or 'not set'}")
    if seen.jaeger is None:
        return Component(name, ADDON, UNKNOWN, f"Jaeger could not be read ({seen.unread.get('Jaeger', 'no right')})")
    if live is None:
        return Component(name, ADDON, FAILING, "the Jaeger object does not exist", code="FED904")
    phase = str(at(live, "status", "phase") or "")
    state = HEALTHY if phase == "Running" else UNKNOWN if not phase else DEGRADED
    return Component(name, ADDON, state, f"phase {phase or 'not set'}", code="" if state == HEALTHY else "FED903")


def _kiali(seen: Seen) -> Component:
    wanted = _is_on(seen.control_plane, "addons", "kiali", "enabled", default=False)
    name = str(seen.control_plane.said("addons", "kiali", "name") or "kiali")
    live = (
        None if seen.kiali is None else next((one for one in seen.kiali if at(one, "metadata", "name") == name), None)
    )
    if not wanted and live is None:
        return Component(name, ADDON, ABSENT, "the control plane has it turned off")
    if seen.kiali is None:
        return Component(name, ADDON, UNKNOWN, f"Kiali could not be read ({seen.unread.get('Kiali', 'no right')})")
    if live is None:
        return Component(name, ADDON, FAILING, "the Kiali object does not exist", code="FED904")
    bad = [
        c for c in items(at(live, "status", "conditions")) if c.get("type") == "Failure" and c.get("status") == "True"
    ]
    if bad:
        return Component(
            name,
            ADDON,
            DEGRADED,
            str(bad[0].get("message") or bad[0].get("reason")),
            str(bad[0].get("lastTransitionTime") or ""),
            "FED903",
        )
    return _deployment(seen, name, ADDON, wanted=wanted)


def _cni(seen: Seen) -> Iterator[Component]:
    if seen.daemon_sets is None:
        yield Component(
            "CNI", ADDON, UNKNOWN, f"its DaemonSets could not be read ({seen.unread.get('DaemonSet', 'no right')})"
        )
        return
    if not seen.daemon_sets:
        yield Component("CNI", ADDON, FAILING, "the operator's namespace has no DaemonSet of it", code="FED904")
    for name, live in sorted(seen.daemon_sets.items()):
        state = mapping(live.get("status"))
        due, up = _count(state.get("desiredNumberScheduled"), 0), _count(state.get("numberReady"), 0)
        is_well = up >= due
        yield Component(
            f"CNI {name}",
            ADDON,
            HEALTHY if is_well else DEGRADED,
            f"ready on {up} of {due} nodes",
            code="" if is_well else "FED903",
        )


def age_of(since: str, now: datetime) -> str:
    """Return since when something is so, in few words; "" if that is not known."""
    then = time_of(since)
    return status.age(max(0, int((now - then).total_seconds()))) if then else ""
