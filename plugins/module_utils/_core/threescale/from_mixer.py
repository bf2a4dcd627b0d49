# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""3scale as Mixer had it, as a description for its WebAssembly adapter; and what of it has no counterpart.

Sources: 3scale/3scale-istio-adapter, README and ``istio/``; OpenShift Service Mesh 2.0 documentation, "Using the 3scale
Istio adapter".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..catalogue.findings import Finding
from ..plain.data import at, mapping
from .queries import JWT

ADAPTER = "threescale"
OF_SERVICE = "service-mesh.3scale.net/service-id"
TOKEN_TO_GIVE = "{{ vaulted_access_token }}"
BACKEND_OF_SAAS = "https://su1.3scale.net"
_LABEL = re.compile(r'destination\.labels\["([^"]+)"\]\s*==\s*"([^"]*)"')
_NAMESPACE = re.compile(r'destination\.namespace\s*==\s*"([^"]+)"')
_HOST = re.compile(r'(?:request\.host|destination\.service\.host)\s*==\s*"([^"]+)"')
_INBOUND = re.compile(r'context\.reporter\.kind\s*==\s*"inbound"')
_SOURCES = {
    "header": re.compile(r'request\.headers\["([^"]+)"\]'),
    "query_string": re.compile(r'request\.query_params\["([^"]+)"\]'),
    "claims": re.compile(r'request\.auth\.claims\["([^"]+)"\]'),
}
_CONSTANT = re.compile(r'"[^"]*"')
_API_KEY = "request.api_key"
_NAME = re.compile(r"[^a-z0-9-]+")

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Draft:
    """A draft of ``mesh_threescale``, without the access token; ``findings`` are what it does not say: FED897."""

    description: Mapping
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Workload:
    """Pods that are alike: their namespace and labels."""

    namespace: str
    labels: Mapping[str, str]

    def is_matched(self, labels: Mapping[str, str], namespaces: Collection[str]) -> bool:
        """Return whether a rule for these labels and namespaces is for it; without namespaces it is for all."""
        has_labels = all(self.labels.get(label) == value for label, value in labels.items())
        return has_labels and (not namespaces or self.namespace in namespaces)


def draft_of(
    handlers: Mapping[Key, Mapping],
    uses: Iterable[tuple[Mapping, Key, Sequence[Mapping]]],
    workloads: Sequence[Workload],
    addon: Mapping,
) -> Draft | None:
    """Return 3scale as Mixer had it; None where it had none.

    ``handlers`` are those of the adapter; ``uses`` are a rule, the handler that it calls, and the instances of that
    call; ``addon`` is the part of the control plane.
    """
    if not handlers:
        return None
    findings: list[Finding] = []
    first, *others = sorted(handlers)
    params = mapping(at(handlers[first], "spec", "params"))
    for key in others:
        beside = mapping(at(handlers[key], "spec", "params"))
        if beside.get("system_url") != params.get("system_url"):
            findings.append(
                _lost(key, f"asks another portal ({beside.get('system_url')})", "Use another mesh, or one account")
            )
    adapters: dict[str, dict] = {}
    used: set[Key] = set()
    for rule, key, instances in uses:
        if key not in handlers:
            continue
        used.add(key)
        for adapter in _adapters(rule, handlers[key], instances, workloads, findings):
            name = f"{adapter['namespace']}/{adapter['name']}"
            if name in adapters and adapters[name] != adapter:
                findings.append(
                    _lost(_key_of(rule), f"has another value for {name} than another rule", "Combine them by hand")
                )
            adapters.setdefault(name, adapter)
    findings += [
        _lost(key, "is used by no rule", "Leave it out, or describe its workloads")
        for key in sorted(set(handlers) - used)
    ]
    return Draft(
        {**_addresses(params, first, addon, findings), "adapters": [adapters[name] for name in sorted(adapters)]},
        tuple(findings),
    )


def _lost(key: Key, seen: str, cure: str) -> Finding:
    return Finding("FED897", f"{key[0]} {key[1]}/{key[2]}", seen, cure)


def _key_of(live: Mapping) -> Key:
    return str(live.get("kind")), str(at(live, "metadata", "namespace")), str(at(live, "metadata", "name"))


def _addresses(params: Mapping, key: Key, addon: Mapping, findings: list[Finding]) -> dict:
    system, backend = str(params.get("system_url") or ""), params.get("backend_url")
    if not backend:
        is_saas = re.search(r"\.3scale\.net(?::[0-9]+)?/?$", system) is not None
        backend = BACKEND_OF_SAAS if is_saas else "https://write.the.backend.example"
        if not is_saas:
            findings.append(
                _lost(
                    key,
                    "names no backend_url: Mixer's adapter asked the portal for it",
                    "Write backend.url: the address of apisonator",
                )
            )
    timeout = at(addon, "client", "timeout")
    is_known = isinstance(timeout, int) and not isinstance(timeout, bool) and 0 < timeout <= 600
    told = {"url": str(backend), **({"timeout": timeout * 1000} if is_known else {})}
    return {"backend": told, "portal": {"url": system, "token": TOKEN_TO_GIVE}}


def _adapters(
    rule: Mapping,
    handler: Mapping,
    instances: Sequence[Mapping],
    workloads: Sequence[Workload],
    findings: list[Finding],
) -> Iterator[dict]:
    key = _key_of(rule)
    labels, namespaces, hosts = _matched(rule, findings)
    credentials, has_claims = _credentials(key, instances, findings)
    fixed = mapping(at(handler, "spec", "params")).get("service_id")
    chosen = [each for each in workloads if each.is_matched(labels, namespaces)]
    places = {(each.namespace, str(fixed or each.labels.get(OF_SERVICE) or "")) for each in chosen}
    if not chosen:
        findings.append(_lost(key, "selects no running pod, so its services are unknown", "Write the adapter by hand"))
    for namespace, service in sorted(places):
        if not service:
            findings.append(
                _lost(
                    key,
                    f"selects pods in {namespace} without a service id",
                    f"Write the adapter by hand; the id was the label {OF_SERVICE}",
                )
            )
            continue
        selector = dict(labels) if fixed else {**labels, OF_SERVICE: service}
        if not selector:
            findings.append(
                _lost(key, "selects every workload", f"Name the labels of the workloads of service {service}")
            )
            continue
        adapter = {
            "name": f"3scale-{_NAME.sub('-', service.lower()).strip('-')}"[:200],
            "namespace": namespace,
            "selector": selector,
            "services": [{"id": service, "authorities": sorted(hosts) or ["*"], "credentials": credentials}],
        }
        if has_claims:
            findings.append(
                _lost(
                    key,
                    "reads claims of tokens",
                    "Give the adapter oidc, or keep the RequestAuthentication that checks them",
                )
            )
        yield adapter


def _matched(rule: Mapping, findings: list[Finding]) -> tuple[dict[str, str], set[str], set[str]]:
    """Return what a rule's match says of labels, namespaces and hosts; whatever else it says is lost."""
    match = str(at(rule, "spec", "match") or "true")
    labels: dict[str, str] = {}
    namespaces: set[str] = set()
    hosts: set[str] = set()
    if "||" in match or len(match) > 4000:
        findings.append(
            _lost(_key_of(rule), "has a match with alternatives (||)", "Write one adapter for each by hand")
        )
        return labels, namespaces, hosts
    for part in (part.strip().strip("()").strip() for part in match.split("&&")):
        if found := _LABEL.fullmatch(part):
            labels[found[1]] = found[2]
        elif found := _NAMESPACE.fullmatch(part):
            namespaces.add(found[1])
        elif found := _HOST.fullmatch(part):
            hosts.add(found[1].lower())
        elif part != "true" and not _INBOUND.fullmatch(part):
            findings.append(
                _lost(_key_of(rule), f"matches by {part}", "Say so by the selector or the authorities, or do without")
            )
    return labels, namespaces, hosts


def _credentials(rule: Key, instances: Sequence[Mapping], findings: list[Finding]) -> tuple[dict, bool]:
    """Return the lookups that instances are, and whether any reads a token's claims."""
    found: dict[str, list[dict]] = {}
    has_claims = False
    for instance in instances:
        subject = mapping(at(instance, "spec", "params", "subject"))
        properties = mapping(subject.get("properties"))
        own = {
            "user_key": subject.get("user"),
            **{name: properties.get(name, subject.get(name)) for name in ("app_id", "app_key")},
        }
        own_client = properties.get("client_id", subject.get("client_id"))
        for kind, expression in (*own.items(), ("app_id", own_client)):
            for lookup in _lookups(instance, kind, expression, findings):
                has_claims = has_claims or "filter" in lookup
                if lookup not in found.setdefault(kind, []):
                    found[kind].append(lookup)
        for name in sorted(set(properties) - {"app_id", "app_key", "client_id"}):
            findings.append(_lost(_key_of(instance), f"sends the property {name}", "Nothing replaces it"))
    if "user_key" not in found and "app_id" not in found:
        findings.append(_lost(rule, "brings no credentials that can be looked up", "Write credentials of the service"))
    return found, has_claims


def _lookups(instance: Mapping, kind: str, expression: object, findings: list[Finding]) -> Iterator[dict]:
    for part in (part.strip() for part in str(expression or "").split("|")[:50]):
        if not part or _CONSTANT.fullmatch(part):
            continue
        named = next(
            ((source, found[1]) for source, pattern in _SOURCES.items() if (found := pattern.fullmatch(part))), None
        )
        if named and named[0] == "claims":
            yield {"filter": {"path": [JWT, "0"], "keys": [named[1]], "ops": [{"take": {"head": 1}}]}}
        elif named:
            yield {named[0]: {"keys": [named[1].lower() if named[0] == "header" else named[1]]}}
        elif part == _API_KEY:
            yield {"query_string": {"keys": ["key", "api_key"]}}
            yield {"header": {"keys": ["x-api-key"]}}
        else:
            findings.append(
                _lost(
                    _key_of(instance),
                    f"takes {kind} from {part}",
                    "Write a lookup by hand: header, query_string or filter",
                )
            )
