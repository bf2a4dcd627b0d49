# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""From 3scale's adapter as described to the objects of one mesh's version.

Sources: OpenShift Service Mesh documentation 2.1 to 2.6, "Using the 3scale WebAssembly module";
3scale/threescale-wasm-auth.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..catalogue.findings import Finding
from ..extensions.described import Extension
from ..extensions.plan import INBOUND_ONLY, Ground, manifest_of
from ..extensions.plan import objections as objections_to_extensions
from ..extensions.problems import Problem
from ..extensions.selecting import Proxy, selected_by
from ..plain.data import some
from ..plain.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    EXTENSION,
    MANAGER,
    MESH_LABEL,
    REQUEST_AUTHENTICATION,
    SERVICE_ENTRY,
    WASM_PLUGIN,
    Kind,
)
from ..plain.supported import EXTENSIONS_BEFORE, REGISTRIES_WITH_LOGIN, V1_EXTENSIONS_FROM
from .described import OPTION, Adapter, Address, Described, Oidc, Service, wrong
from .explaining import FIRST, LATER
from .queries import uses_jwt

THREESCALE_MANAGER = f"{MANAGER}/threescale"
PRIORITY = 100
IMAGES: Mapping[str, str] = {
    EXTENSION.name: "registry.redhat.io/openshift-service-mesh/3scale-auth-wasm-rhel8:0.0.1",
    WASM_PLUGIN.name: "registry.redhat.io/3scale-amp2/3scale-auth-wasm-rhel8:0.0.3",
}
PHASES: Mapping[str, str] = {EXTENSION.name: "STATS", WASM_PLUGIN.name: "AUTHZ"}
"""In WasmPlugin's words; a ServiceMeshExtension's PostAuthZ is STATS. The documentation has the two kinds at different
places.
"""
OF_THREESCALE = re.compile(r"3scale-auth-wasm|threescale-wasm-auth")
_TAG = re.compile(r":v?([0-9]+)\.([0-9]+)\.([0-9]+)(?:@|-|$)")
_INBOUND_ALONE = (
    f"Set the environment variable {INBOUND_ONLY} of istiod to true (spec.runtime.components.pilot.container.env), or"
    " upgrade to v2.4"
)
_LATER_TAG = (0, 0, 2)


@dataclass(frozen=True)
class Fetched:
    """What the portal says of services, by id and environment: complete services; and the access token where the
    adapter needs it.
    """

    services: Mapping[tuple[str, str], Service] = field(default_factory=dict)
    access: str = field(default="", repr=False)


def completed(described: Described, fetched: Fetched) -> Described:
    """Return the description with what the portal says of each service, where the service itself does not say it."""

    def whole(service: Service, adapter: Adapter) -> Service:
        known = fetched.services.get((service.id, service.environment))
        if known is None:
            return service
        rules = known.rules if service.rules is None and adapter.system is None else service.rules
        return replace(service, token=service.token or known.token, rules=rules)

    adapters = [
        replace(each, services=tuple(whole(service, each) for service in each.services)) for each in described.adapters
    ]
    return replace(described, adapters=tuple(adapters))


def kind_of(adapter: Adapter, ground: Ground) -> Kind:
    """Return the kind of an adapter's wrapper: the one it names, else a ServiceMeshExtension as long as the mesh obeys
    it.
    """
    named = {EXTENSION.name: EXTENSION, WASM_PLUGIN.name: WASM_PLUGIN}.get(adapter.extension.kind)
    return named or (EXTENSION if ground.version < EXTENSIONS_BEFORE else WASM_PLUGIN)


def generation_of(adapter: Adapter, ground: Ground) -> str:
    """Return which generation of the adapter an image is, by its tag; one without a version is what its kind usually
    has.
    """
    found = _TAG.search(image_of(adapter, ground))
    if found is None:
        return FIRST if kind_of(adapter, ground) is EXTENSION else LATER
    return FIRST if tuple(map(int, found.groups())) < _LATER_TAG else LATER


def image_of(adapter: Adapter, ground: Ground) -> str:
    """Return an adapter's image: its own, else that of the documentation for its kind."""
    return adapter.extension.image or IMAGES[kind_of(adapter, ground).name]


def extension_of(adapter: Adapter, described: Described, ground: Ground, access: str = "") -> Extension:
    """Return an adapter as the extension that it is."""
    kind = kind_of(adapter, ground)
    priority = PRIORITY if adapter.extension.priority is None else adapter.extension.priority
    return replace(
        adapter.extension,
        image=image_of(adapter, ground),
        kind=kind.name,
        phase=PHASES[kind.name],
        priority=priority,
        config=configuration_of(adapter, described, access),
    )


def configuration_of(adapter: Adapter, described: Described, access: str = "") -> dict:
    """Return what the adapter is told. It holds the service tokens in clear, and with ``system`` the access token as
    well.
    """
    told: dict = {"api": "v1"}
    if adapter.system is not None and described.portal is not None:
        upstream = _upstream(described.portal.address)
        told["system"] = {"name": "system", "upstream": upstream, "token": access, "ttl": adapter.system.ttl}
    if described.backend is not None:
        told["backend"] = {"name": "backend", "upstream": _upstream(described.backend)}
    told["services"] = [_service(each) for each in adapter.services]
    if adapter.is_passing_on:
        told["passthrough_metadata"] = True
    return told


def _upstream(address: Address) -> dict:
    return {"name": address.cluster, "url": address.url, "timeout": address.timeout}


def _service(service: Service) -> dict:
    told: dict = {
        "id": service.id,
        "environment": service.environment,
        "authorities": list(service.authorities),
        "credentials": dict(service.credentials),
    }
    if service.token is not None:
        told["token"] = service.token
    if service.rules is not None:
        told["mapping_rules"] = [rule.as_data() for rule in service.rules]
    return told


def objections(described: Described, ground: Ground) -> list[Problem]:
    """Return everything that this mesh cannot do of what is described: FED802 to FED806, FED880, FED884 and FED886."""
    return [problem for adapter in described.adapters for problem in _objections(adapter, described, ground)]


def _objections(adapter: Adapter, described: Described, ground: Ground) -> Iterator[Problem]:
    path = (OPTION, adapter.place)
    if ground.version < V1_EXTENSIONS_FROM:
        fix = "Upgrade the mesh to v2.1, or use the add-on of its control plane, which asks 3scale through Mixer"
        yield wrong(path, f"is 3scale's Wasm adapter, and {ground.text} is older than it", fix, "FED804")
        return
    extension = extension_of(adapter, described, ground)
    for problem in objections_to_extensions([extension], ground):
        # What an extension may do about it, 3scale must not: see the calls that its workloads make.
        fix = _INBOUND_ALONE if problem.code == "FED805" else problem.fix
        yield replace(problem, path=(OPTION, *problem.path[1:]), fix=fix)
    if extension.namespace == ground.namespace and extension.selector is None:
        what = "is all in the control plane's namespace, so every proxy of the mesh would ask 3scale for every request"
        yield wrong((*path, "selector"), what, "Name the labels of the workloads, or of the gateway")
    for name, address in addresses_of(adapter, described).items():
        if address.namespace is not None and address.namespace not in ground.namespaces:
            what = (
                f"names a Service of namespace {address.namespace}, which is not a configured member, so no proxy has a"
                " cluster for it"
            )
            fix = "Add the namespace to mesh_members, or give the address by which others reach it"
            yield wrong((OPTION, name, "url"), what, fix, "FED884")
    if adapter.system is None:
        return
    if generation_of(adapter, ground) == FIRST:
        yield wrong(
            (*path, "system"),
            f"is never used by the adapter of {FIRST}",
            "Leave it out: the playbook fetches tokens and rules",
            "FED886",
        )
    elif any(service.rules is not None for service in adapter.services):
        what = (
            "is given together with mapping_rules, and the adapter adds the fetched rules to them: requests count twice"
        )
        yield wrong((*path, "system"), what, "Leave one of them out", "FED886")


def cut_off(described: Described, proxies: Sequence[Proxy], ground: Ground) -> list[Problem]:
    """Return the adapters whose proxies would not know a host that they call, so that each request is
    refused: FED884.
    """
    found = []
    for adapter in described.adapters:
        is_outside = any(address.namespace is None for address in addresses_of(adapter, described).values())
        wrapper = manifest_of(extension_of(adapter, described, ground), kind_of(adapter, ground), ground)
        chosen = selected_by(wrapper, proxies, ground.namespace) if is_outside else []
        elsewhere = sorted(proxy.place for proxy in chosen if proxy.namespace != adapter.extension.namespace)
        if elsewhere:
            what = (
                f"is the control plane's, and {some(elsewhere, 3)} would not know 3scale's hosts, which proxies of the"
                " adapter's own namespace alone do"
            )
            fix = "Describe an adapter in each namespace of its workloads"
            found.append(wrong((OPTION, adapter.place, "namespace"), what, fix, "FED884"))
    return found


def addresses_of(adapter: Adapter, described: Described) -> dict[str, Address]:
    """Return which addresses the adapter calls, by their option."""
    found = {"backend": described.backend} if described.backend else {}
    if adapter.system is not None and described.portal is not None:
        found["portal"] = described.portal.address
    return found


def plan(described: Described, ground: Ground, access: str = "") -> list[dict]:
    """Return the objects that the adapters are in this mesh: what they need first, then the adapters themselves."""
    around: dict[tuple[str, str, str], dict] = {}
    for adapter in described.adapters:
        for address in addresses_of(adapter, described).values():
            if address.namespace is None:
                for manifest in _outside(address, adapter.extension.namespace, ground.mesh):
                    _merged(around, manifest)
        if adapter.oidc is not None:
            _merged(around, _authentication(adapter, adapter.oidc, ground.mesh))
    wrappers = [
        manifest_of(extension_of(each, described, ground, access), kind_of(each, ground), ground)
        for each in sorted(described.adapters, key=lambda each: each.extension.key)
    ]
    return [*around.values(), *wrappers]


def _merged(around: dict[tuple[str, str, str], dict], manifest: dict) -> None:
    """Add an object; of one host with several ports it is one ServiceEntry with all of them."""
    key = (manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    before = around.setdefault(key, manifest)
    if before is not manifest and manifest["kind"] == SERVICE_ENTRY.name:
        before["spec"]["ports"] += [port for port in manifest["spec"]["ports"] if port not in before["spec"]["ports"]]


def _outside(address: Address, namespace: str, mesh: str) -> Iterator[dict]:
    """Give what makes a host outside of the cluster known to the proxies of one namespace, and called with TLS."""
    name = f"3scale-{address.host}"[:253].rstrip(".-")
    port = {"number": address.port, "name": f"https-{address.port}", "protocol": "HTTPS"}
    spec: dict = {
        "hosts": [address.host],
        "exportTo": ["."],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "ports": [port],
    }
    yield _object(SERVICE_ENTRY, namespace, name, mesh, spec)
    tls: dict = {"mode": "SIMPLE", "sni": address.host}
    if address.ca_certificates:
        tls |= {"caCertificates": address.ca_certificates, "subjectAltNames": [address.host]}
    spec = {"host": address.host, "exportTo": ["."], "trafficPolicy": {"tls": tls}}
    yield _object(DESTINATION_RULE, namespace, name, mesh, spec)


def _authentication(adapter: Adapter, oidc: Oidc, mesh: str) -> dict:
    rule: dict = {"issuer": oidc.issuer, "forwardOriginalToken": True}
    rule |= {"jwksUri": oidc.jwks_uri} if oidc.jwks_uri else {}
    rule |= {"audiences": list(oidc.audiences)} if oidc.audiences else {}
    spec = {**_selector(adapter), "jwtRules": [rule]}
    return _object(REQUEST_AUTHENTICATION, adapter.extension.namespace, f"3scale-{adapter.extension.name}", mesh, spec)


def denial_of(adapter: Adapter, mesh: str) -> dict:
    """Return the policy that refuses all requests to an adapter's workloads while one wrapper takes the
    other's place.
    """
    spec = {**_selector(adapter), "action": "DENY", "rules": [{}]}
    return _object(
        AUTHORIZATION_POLICY, adapter.extension.namespace, f"3scale-switch-{adapter.extension.name}", mesh, spec
    )


def _selector(adapter: Adapter) -> dict:
    labels = adapter.extension.selector
    return {"selector": {"matchLabels": dict(labels)}} if labels else {}


def _object(kind: Kind, namespace: str, name: str, mesh: str, spec: dict) -> dict:
    metadata = {"name": name, "namespace": namespace, "labels": {MESH_LABEL: mesh}}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}


def doubts(described: Described, ground: Ground, authenticated: Iterable[str] = ()) -> Iterator[Finding]:
    """Give what is allowed and may not be meant: FED807, FED839, FED840 and FED894.

    ``authenticated`` are the namespaces in which a RequestAuthentication of somebody else stands.
    """
    elsewhere = frozenset(authenticated)
    for adapter in described.adapters:
        place = f"{OPTION}, {adapter.place}"
        image = image_of(adapter, ground)
        if not replace(adapter.extension, image=image).is_pinned:
            yield Finding("FED807", place, f"has the image {image}, without a digest")
        if image.partition("/")[0] in REGISTRIES_WITH_LOGIN and not adapter.extension.pull_secret:
            yield Finding(
                "FED840", place, f"has an image of {image.partition('/')[0]}, which wants a login, and no pull_secret"
            )
        yield from _shadowed(adapter, place)
        reads_jwt = any(uses_jwt(service.credentials) for service in adapter.services)
        if reads_jwt and adapter.oidc is None and not elsewhere & {adapter.extension.namespace, ground.namespace}:
            yield Finding(
                "FED894",
                place,
                "looks for a claim of a JSON Web Token, and no RequestAuthentication checks tokens there",
            )


def _shadowed(adapter: Adapter, place: str) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for service in adapter.services:
        for authority in service.authorities:
            first = seen.get(authority) or seen.get("*")
            if first:
                yield Finding(
                    "FED839", place, f"has {authority} for service {service.id}, and service {first} takes it before"
                )
        seen |= {authority: service.id for authority in service.authorities if authority not in seen}
