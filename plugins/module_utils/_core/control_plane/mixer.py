# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Mixer did in a mesh of 2.0, object by object, and what does it from 2.1 on; or what is lost.

Sources: Istio 1.6 documentation, adapters and templates of Mixer; OpenShift Service Mesh 2.1 release notes;
maistra/istio-operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..plain.data import at, items, mapping, some, strings

VERSION_WITHOUT = "v2.1"
"""The version from which on nothing looks at any of these objects."""
THREESCALE, WASM, TELEMETRY, LOGGING, TRACING, POLICY, LIMITS, HEADERS, NOTHING = (
    "3scale adapter",
    "Wasm extension",
    "Telemetry or EnvoyFilter",
    "access log",
    "tracing of the control plane",
    "AuthorizationPolicy",
    "rate limiting of Envoy",
    "VirtualService",
    "nothing",
)
_OF_OPERATOR = ("maistra.io/owner", "maistra-control-plane")
_UNITS = ((1, "second"), (60, "minute"), (3600, "hour"), (86400, "day"))
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
MOST_QUOTAS = 200


@dataclass(frozen=True)
class Heir:
    """One object of Mixer's: what takes its place (``successor``, one of the names above), ``how``, and what is lost.

    ``is_of_operator`` says that the control plane made it, and takes it along.
    """

    kind: str
    namespace: str
    name: str
    does: str
    successor: str
    how: str
    loses: str = ""
    is_of_operator: bool = False

    @property
    def place(self) -> str:
        """Return it as people name it."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else self.name

    def as_data(self) -> dict:
        """Return it as JSON-friendly data."""
        return {
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "does": self.does,
            "successor": self.successor,
            "how": self.how,
            "loses": self.loses,
            "of_operator": self.is_of_operator,
        }

    @property
    def text(self) -> str:
        """Return it as one line for people."""
        lost = f"; you lose: {self.loses}" if self.loses else ""
        return f"{self.place} ({self.does}) → {self.successor}: {self.how}{lost}"


@dataclass(frozen=True)
class _Work:
    """What an adapter of Mixer does, and what takes its place."""

    does: str
    successor: str
    how: str
    loses: str = ""


_METRICS = _Work(
    "metrics",
    TELEMETRY,
    "the proxies create Istio's standard metrics by themselves; your own metrics need an EnvoyFilter on the stats "
    "filter, from 2.4 on a Telemetry",
    "metrics that aggregate over several proxies, and attributes that only Mixer knew",
)
_ELSEWHERE = _Work(
    "telemetry for another system",
    NOTHING,
    "no proxy sends it; scrape Prometheus or collect the access log",
    "the metrics that only this system received",
)
_QUOTA = _Work(
    "rate limits",
    LIMITS,
    "spec.techPreview.rateLimiting of the control plane and a Redis, written below",
    "limits for TCP, and quotas by best effort",
)
_DENIAL = _Work(
    "refusing requests",
    POLICY,
    "an AuthorizationPolicy with action DENY, or ALLOW for a list",
    "status codes and messages other than 403",
)
_HARMLESS = _Work("nothing by itself", NOTHING, "nothing is needed")
_ADAPTERS: Mapping[str, _Work] = {
    "threescale": _Work(
        "authorization by 3scale",
        THREESCALE,
        "playbook threescale; the description below is a draft of mesh_threescale",
    ),
    "prometheus": _METRICS,
    "stdio": _Work(
        "log lines",
        LOGGING,
        "spec.proxy.accessLogging of the control plane; the format is Envoy's",
        "log entries with attributes that only Mixer knew",
    ),
    "memquota": _QUOTA,
    "redisquota": _QUOTA,
    "denier": _DENIAL,
    "listchecker": _DENIAL,
    "rbac": _DENIAL,
    "opa": _Work(
        "authorization by Open Policy Agent",
        POLICY,
        "an AuthorizationPolicy with action CUSTOM and an external authorizer (in preview on 2.1)",
    ),
    "zipkin": _Work("traces", TRACING, "spec.tracing of the control plane: proxies send spans by themselves"),
    "kubernetesenv": _HARMLESS,
    "bypass": _HARMLESS,
    "noop": _HARMLESS,
    **dict.fromkeys(
        ("stackdriver", "fluentd", "statsd", "dogstatsd", "signalfx", "circonus", "solarwinds", "cloudwatch"),
        _ELSEWHERE,
    ),
}
_OTHER = _Work(
    "its own adapter",
    WASM,
    "a Wasm extension (mesh_extensions), or an external authorizer with an AuthorizationPolicy of action CUSTOM",
)
_TEMPLATES: Mapping[str, _Work] = {
    "metric": _METRICS,
    "logentry": _ADAPTERS["stdio"],
    "tracespan": _ADAPTERS["zipkin"],
    "quota": _QUOTA,
    "authorization": _DENIAL,
    "listentry": _DENIAL,
    "checknothing": _DENIAL,
    "apikey": _Work(
        "keys of callers",
        THREESCALE,
        "credentials in mesh_threescale, where 3scale checks them",
        "keys that anything else checked",
    ),
}
_BY_KIND: Mapping[str, _Work] = {
    "attributemanifest": _HARMLESS,
    "adapter": _Work("the definition of an adapter", NOTHING, "nothing looks at it"),
    "template": _Work("the definition of a template", NOTHING, "nothing looks at it"),
    "HTTPAPISpec": _Work(
        "names of operations and keys",
        NOTHING,
        "the paths are in each policy and rule",
        "request.api_key and api.operation as attributes",
    ),
    "HTTPAPISpecBinding": _Work(
        "names of operations and keys",
        NOTHING,
        "the paths are in each policy and rule",
        "request.api_key and api.operation as attributes",
    ),
    "QuotaSpec": _QUOTA,
    "QuotaSpecBinding": _QUOTA,
}


def heirs(objects: Sequence[Mapping]) -> list[Heir]:
    """Return what becomes of each object of config.istio.io, by kind, namespace and name."""
    handlers = {_key(each): each for each in objects if each.get("kind") == "handler"}
    work: dict[tuple[str, str, str], _Work] = {}
    for each in objects:
        for kind, namespace, name, adapter in _used_by(each, handlers):
            work.setdefault((kind, namespace, name), _ADAPTERS.get(adapter, _OTHER))
    return sorted(
        (_heir(each, work.get(_key(each))) for each in objects), key=lambda heir: (heir.kind, heir.namespace, heir.name)
    )


def _heir(live: Mapping, by_rule: _Work | None) -> Heir:
    kind, namespace, name = _key(live)
    if kind == "handler":
        work = _ADAPTERS.get(adapter_of(live), _OTHER)
    elif kind == "rule":
        work = by_rule or _Work("a rule without a handler that exists", NOTHING, "it does nothing today")
        if by_rule is None and (
            at(live, "spec", "requestHeaderOperations") or at(live, "spec", "responseHeaderOperations")
        ):
            work = _Work("changing headers", HEADERS, "headers of a VirtualService's route")
    elif kind == "instance":
        template = str(at(live, "spec", "compiledTemplate") or at(live, "spec", "template") or "").rpartition("/")[2]
        work = by_rule or _TEMPLATES.get(template, _HARMLESS)
    else:
        work = _BY_KIND.get(kind, _HARMLESS)
    return Heir(kind, namespace, name, work.does, work.successor, work.how, work.loses, _is_of_operator(live))


def adapter_of(handler: Mapping) -> str:
    """Return which adapter a handler is of."""
    return str(at(handler, "spec", "compiledAdapter") or at(handler, "spec", "adapter") or "").rpartition("/")[2]


def actions_of(rule: Mapping) -> Iterator[tuple[tuple[str, str, str], list[tuple[str, str, str]]]]:
    """Give the handler of each action of a rule, and the instances that are made for it, each by kind, namespace and
    name.
    """
    namespace = str(at(rule, "metadata", "namespace"))
    for action in items(at(rule, "spec", "actions")):
        handler = action.get("handler")
        if isinstance(handler, str):
            yield (
                _named("handler", handler, namespace),
                [_named("instance", each, namespace) for each in strings(action.get("instances"))],
            )


def _named(kind: str, reference: str, namespace: str) -> tuple[str, str, str]:
    """Return what a reference such as ``name.handler.namespace`` names; kind and namespace may be left out."""
    parts = reference.split(".")
    parts = [part for number, part in enumerate(parts) if not (number == 1 and part == kind)]
    return kind, parts[1] if len(parts) > 1 and parts[1] else namespace, parts[0]


def _used_by(rule: Mapping, handlers: Mapping[tuple[str, str, str], Mapping]) -> Iterator[tuple[str, str, str, str]]:
    if rule.get("kind") != "rule":
        return
    for handler, instances in actions_of(rule):
        live = handlers.get(handler)
        if live is not None:
            adapter = adapter_of(live)
            yield (*_key(rule), adapter)
            yield from ((*instance, adapter) for instance in instances)


def heirs_of_control_plane(spec: Mapping) -> Iterator[Heir]:
    """Give what becomes of Mixer's parts of a control plane's spec."""
    for part in ("policy", "telemetry"):
        section = mapping(spec.get(part))
        if section.get("type") in ("Mixer", "Remote") or section.get("mixer") or section.get("remote"):
            what = "checks of requests" if part == "policy" else "reports of requests"
            how = f"spec.{part}.type: Istiod (upgrade_remove_mixer: true writes it)"
            yield Heir("ServiceMeshControlPlane", "", f"spec.{part}", what, "istiod and the proxies", how)
    addon = mapping(spec.get("addons")).get("3scale")
    if addon is not None:
        lost = sorted(_lost_of_addon(mapping(addon)))
        loses = f"{some(lost)}, which have no counterpart" if lost else ""
        yield Heir(
            "ServiceMeshControlPlane",
            "",
            "spec.addons.3scale",
            "the adapter of 3scale behind Mixer",
            THREESCALE,
            "playbook threescale",
            loses,
        )


def _lost_of_addon(addon: Mapping) -> Iterator[str]:
    kept = {("client", "timeout"), ("system", "cache_ttl"), ("enabled",)}
    for key, value in addon.items():
        for path in [(key, inner) for inner in value] if isinstance(value, Mapping) else [(key,)]:
            if path not in kept:
                yield ".".join(map(str, path))


def _is_of_operator(live: Mapping) -> bool:
    labels = mapping(at(live, "metadata", "labels"))
    return (
        any(labels.get(label) for label in _OF_OPERATOR)
        or str(labels.get("app.kubernetes.io/managed-by")) == "maistra-istio-operator"
    )


def _key(live: Mapping) -> tuple[str, str, str]:
    return str(live.get("kind")), str(at(live, "metadata", "namespace")), str(at(live, "metadata", "name"))


@dataclass(frozen=True)
class Limits:
    """Rate limits as the control plane takes them from 2.1 on: the part of its spec, and what a reader has to know."""

    spec: Mapping
    notes: tuple[str, ...]


def limits_of(objects: Sequence[Mapping], domain: str) -> Limits | None:
    """Return what Mixer's quotas are in the control plane's words; None where there are none."""
    found: list[dict] = []
    notes: list[str] = []
    redis = ""
    for handler in objects:
        if handler.get("kind") != "handler" or adapter_of(handler) not in ("memquota", "redisquota"):
            continue
        params = mapping(at(handler, "spec", "params"))
        redis = redis or str(params.get("redisServerUrl") or "")
        for quota in items(params.get("quotas"))[:MOST_QUOTAS]:
            name = str(quota.get("name") or "quota").partition(".")[0]
            for override in items(quota.get("overrides"))[:MOST_QUOTAS]:
                dimensions = {str(key): str(value) for key, value in mapping(override.get("dimensions")).items()}
                found.append(_descriptor(name, dimensions, {**quota, **override}, notes))
            found.append(_descriptor(name, {}, quota, notes))
    if not found:
        return None
    notes += [
        f"a Redis at {redis or 'redis.redis:6379 (write your own)'} that the service for rate limits counts in",
        "an EnvoyFilter per workload that asks this service and sends the descriptors: the control plane creates none",
        "it is a preview in every version, without support",
    ]
    rls = {"enabled": True, "storageBackend": "redis", "storageAddress": redis or "redis.redis:6379"}
    spec = {"techPreview": {"rateLimiting": {"rls": rls, "rawRules": {"domain": domain, "descriptors": found}}}}
    return Limits(spec, tuple(dict.fromkeys(notes)))


def _descriptor(name: str, dimensions: Mapping[str, str], quota: Mapping, notes: list[str]) -> dict:
    """Return one limit: the quota's name, and below it a descriptor for each dimension in turn."""
    limit: dict = {"rate_limit": _rate(name, quota, notes)}
    for key, value in sorted(dimensions.items(), reverse=True):
        limit = {"descriptors": [{"key": key, "value": value, **limit}]}
    return {"key": "quota", "value": name, **limit}


def _rate(name: str, quota: Mapping, notes: list[str]) -> dict:
    found = _DURATION.fullmatch(str(quota.get("validDuration") or "1s"))
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 1.0
    most = quota.get("maxAmount")
    amount = (
        int(most)
        if isinstance(most, (int, str)) and str(most).isascii() and str(most).isdigit() and len(str(most)) < 10
        else 0
    )
    size, unit = next(((size, unit) for size, unit in _UNITS if size >= seconds), _UNITS[-1])
    if size != seconds:
        notes.append(
            f"{name}: {amount} in {quota.get('validDuration')} is written per {unit}, the nearest that there is"
        )
    return {"unit": unit, "requests_per_unit": max(1, round(amount * size / seconds)) if seconds else amount}
