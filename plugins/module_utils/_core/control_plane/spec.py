# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ServiceMeshControlPlane's ``spec`` before it is written: what its version refuses, and which fields do not exist.

Sources: maistra.io/v2 API; the checks that the operator's admission makes for each version; release notes 2.0 to 2.6.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..plain.data import at, mapping
from ..plain.errors import FederationError
from ..plain.kinds import CONTROL_PLANE, MESH_LABEL
from .live import ControlPlane, parse_version

OLDEST, NEWEST = (2, 0), (2, 6)
# A control plane of this version and name fails to deploy: its webhook has no certificate for that name. Source:
# OSSM-2042.
UNDEPLOYED_FOR, UNDEPLOYED_NAME = (2, 3), "default"
_DEFAULT_GATEWAYS = ("istio-ingressgateway", "istio-egressgateway")
# As Go's time.ParseDuration reads it.
_DURATION = re.compile(r"[-+]?((([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+|0)")
_KUBERNETES_AFFINITY = ("nodeAffinity", "podAffinity", "podAntiAffinity")
_MAISTRA_AFFINITY = ("requiredDuringScheduling", "preferredDuringScheduling")
_PROVIDERS = {
    (2, 4): ("prometheus", "envoyExtAuthzHttp", "envoyExtAuthzGrpc"),
    (2, 5): ("prometheus", "envoyExtAuthzHttp", "envoyExtAuthzGrpc", "zipkin", "opentelemetry", "envoyOtelAls"),
}


@dataclass(frozen=True)
class Objection:
    """What one field would be refused for: its ``path`` below the object, ``what`` is wrong and how to ``fix`` it."""

    path: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path} {self.what} ({self.fix})"


def plan_control_plane(
    mesh: str,
    namespace: str,
    name: str,
    spec: Mapping,
    *,
    version: str | None,
    trust_domain: str | None,
    live: Mapping | None,
) -> dict:
    """Return the ServiceMeshControlPlane that ``spec`` describes, with the version and trust domain that have words of
    their own.

    Raises ``FederationError``: FED420 two different versions or trust domains, or none for a new control plane.
    """
    spec = dict(spec)
    wanted = _one_of("version", version, spec.get("version"), "mesh_version")
    if wanted is None and live is None:
        raise FederationError(
            "FED420",
            where="mesh_version",
            what="is missing for a new control plane, and the operator would use its newest",
            fix="Set mesh_version, for instance v2.6",
        )
    if wanted is not None:
        spec["version"] = _checked_version(wanted)
    security = dict(mapping(spec.get("security")))
    trust = dict(mapping(security.get("trust")))
    domain = _one_of("security.trust.domain", trust_domain, trust.get("domain"), "mesh_trust_domain")
    if domain is not None:
        spec["security"] = {**security, "trust": {**trust, "domain": domain}}
    return {
        "apiVersion": CONTROL_PLANE.api_version,
        "kind": CONTROL_PLANE.name,
        "metadata": {"name": name, "namespace": namespace, "labels": {MESH_LABEL: mesh}},
        "spec": spec,
    }


def check_spec(manifest: Mapping, schema: Mapping | None, version: tuple[int, int] | None) -> None:
    """Refuse a spec that the API server would prune or the operator refuse, naming all reasons at once.

    ``schema`` is the OpenAPI document of maistra.io/v2 (None skips the look for unknown fields), ``version`` that
    of the control plane. Raises ``FederationError`` FED421 (unknown fields) or FED422 (refused by this version).
    """
    place = f"ServiceMeshControlPlane {manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
    unknown = list(unknown_fields(manifest["spec"], schema)) if schema else []
    if unknown:
        raise FederationError(
            "FED421",
            where=f"mesh_control_plane_spec, {unknown[0].path}",
            what=f"{unknown[0].what}{_more(unknown)}",
            fix=unknown[0].fix,
            facts={"fields": [each.path for each in unknown]},
        )
    refused = list(objections(manifest["spec"], version, manifest["metadata"]["namespace"])) if version else []
    if version and refused:
        raise FederationError(
            "FED422",
            where=place,
            what=f"v{version[0]}.{version[1]} refuses: {'; '.join(str(each) for each in refused)}",
            fix="Correct mesh_control_plane_spec",
            facts={"fields": [each.path for each in refused]},
        )


def check_name(manifest: Mapping, version: tuple[int, int] | None, standing: ControlPlane | None) -> None:
    """Refuse a name with which a control plane would fail to deploy as ``version``: FED459. One that stands as this
    version is let be.
    """
    name = manifest["metadata"]["name"]
    if name != UNDEPLOYED_NAME or version != UNDEPLOYED_FOR or (standing is not None and standing.version == version):
        return
    raise FederationError(
        "FED459",
        where=f"ServiceMeshControlPlane {manifest['metadata']['namespace']}/{name}",
        what=f"cannot be called {name} as v{version[0]}.{version[1]}, which fails to deploy then (OSSM-2042)",
        fix=(
            "Set mesh_control_plane to another name, such as basic"
            if standing is None
            else "Make a control plane of another name in a new namespace and move the members to it"
        ),
    )


def check_step(live: ControlPlane | None, version: tuple[int, int] | None, *, is_upgrade: bool = False) -> None:
    """Refuse to change a running control plane's minor version in passing; an upgrade goes one minor up.

    Raises ``FederationError``: FED423 a downgrade, which the operator accepts and nobody supports; FED424 an upgrade
    that was not asked for, or one that skips a minor.
    """
    if live is None or live.version is None or version is None or version == live.version:
        return
    if is_upgrade and version == (live.version[0], live.version[1] + 1):
        return
    wanted = f"v{version[0]}.{version[1]}"
    if version < live.version:
        raise FederationError(
            "FED423",
            where=live.place,
            what=(
                f"is {live.version_text}, and going back to {wanted} is not supported although the operator would do it"
            ),
            fix=f"Set mesh_version to {live.version_text}, or make a new mesh of {wanted} and move namespaces to it",
        )
    raise FederationError(
        "FED424",
        where=live.place,
        what=f"is {live.version_text}; mesh_version says {wanted}",
        fix=(
            "Run the playbook upgrade, which upgrades one minor version at a time with its own checks; until then keep "
            "mesh_version at the running one"
        ),
    )


def objections(spec: Mapping, version: tuple[int, int], home: str = "") -> Iterator[Objection]:
    """Yield what the operator's admission refuses in ``spec`` for a control plane of ``version`` in
    namespace ``home``.
    """
    yield from _gateway_names(spec, home)
    yield from _protocol_detection(spec, version)
    yield from _modes(spec, version)
    if version == (2, 0):
        yield from _mixer_of_two_zero(spec)
    if version >= (2, 1):
        yield from _removed_in_two_one(spec)
        yield from _affinities(spec)
    if version >= (2, 4):
        yield from _extension_providers(spec, version)
    yield from _kiali(spec, version)


def unknown_fields(spec: Mapping, schema: Mapping) -> Iterator[Objection]:
    """Yield each field of ``spec`` that the CRD does not know, with the known name that it resembles."""
    for definition in mapping(mapping(schema.get("components")).get("schemas")).values():
        kinds = definition.get("x-kubernetes-group-version-kind") or []
        if any(kind.get("kind") == CONTROL_PLANE.name for kind in kinds):
            yield from _unknown(spec, mapping(mapping(definition.get("properties")).get("spec")), "spec")


def _unknown(value: object, schema: Mapping, path: str) -> Iterator[Objection]:
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    if isinstance(value, Mapping):
        known, others = mapping(schema.get("properties")), schema.get("additionalProperties")
        for key, below in value.items():
            if key in known:
                yield from _unknown(below, mapping(known[key]), f"{path}.{key}")
            elif others:
                yield from _unknown(below, mapping(others), f"{path}.{key}")
            elif known:
                close = difflib.get_close_matches(str(key), list(known), n=1)
                known_here = f"Known here: {', '.join(sorted(known))}"
                yield Objection(
                    f"{path}.{key}",
                    "is not a field of this cluster's ServiceMeshControlPlane, so it would be dropped or refused",
                    f"Did you mean {close[0]}?" if close else known_here,
                )
    for number, entry in enumerate(_sequence(value)):
        yield from _unknown(entry, mapping(schema.get("items")), f"{path}[{number}]")


def _gateway_names(spec: Mapping, home: str) -> Iterator[Objection]:
    gateways = mapping(spec.get("gateways"))
    seen: dict[tuple[str, str], str] = {}
    for kind in ("additionalIngress", "additionalEgress"):
        for name, gateway in mapping(gateways.get(kind)).items():
            path = f"spec.gateways.{kind}.{name}"
            if name in _DEFAULT_GATEWAYS:
                yield Objection(path, "has the name of a default gateway", "choose another name")
            key = (str(mapping(gateway).get("namespace") or home), name)
            if key in seen:
                yield Objection(path, f"is also {seen[key]}", "give each gateway its own name")
            seen[key] = path


def _protocol_detection(spec: Mapping, version: tuple[int, int]) -> Iterator[Objection]:
    found = mapping(at(spec, "proxy", "networking", "protocol", "autoDetect"))
    path = "spec.proxy.networking.protocol.autoDetect"
    if version <= (2, 1):
        for direction in ("inbound", "outbound"):
            if found.get(direction) is True:
                yield Objection(
                    f"{path}.{direction}",
                    "must not be true before v2.2",
                    "leave it out and name Service ports by protocol",
                )
    timeout = found.get("timeout")
    if version >= (2, 2) and timeout is not None and not _is_duration(timeout):
        yield Objection(f"{path}.timeout", f"{timeout} is not a duration", "write it as 100ms or 5s")


def _modes(spec: Mapping, version: tuple[int, int]) -> Iterator[Objection]:
    mode, preview = spec.get("mode"), at(spec, "techPreview", "controlPlaneMode")
    selectors = at(spec, "meshConfig", "discoverySelectors")
    if mode is not None and version < (2, 4):
        yield Objection(
            "spec.mode",
            "came with v2.4",
            "use techPreview.controlPlaneMode on v2.3" if version == (2, 3) else "leave it out",
        )
    if preview is not None and version != (2, 3):
        yield Objection(
            "spec.techPreview.controlPlaneMode",
            "exists on v2.3 only",
            "use spec.mode" if version > (2, 3) else "leave it out",
        )
    if selectors is not None and version < (2, 3):
        yield Objection("spec.meshConfig.discoverySelectors", "is refused before v2.3", "leave it out")
    if selectors is not None and version >= (2, 4) and mode != "ClusterWide":
        yield Objection(
            "spec.meshConfig.discoverySelectors", "works with mode ClusterWide only", "leave it out, or set mode"
        )


def _mixer_of_two_zero(spec: Mapping) -> Iterator[Objection]:
    creates = {}
    for part in ("policy", "telemetry"):
        section = mapping(spec.get(part))
        remote = mapping(section.get("remote"))
        if remote.get("address") and section.get("type") != "Remote":
            yield Objection(
                f"spec.{part}.remote.address", "needs type Remote", f"set {part}.type to Remote, or drop the address"
            )
        if section.get("type") == "Remote" and not remote.get("address"):
            yield Objection(f"spec.{part}.type", "Remote needs an address", f"set {part}.remote.address")
        if "createService" in remote:
            creates[part] = remote["createService"]
        if at(section, "mixer", "adapters", "useAdapterCRDs") is True:
            yield Objection(f"spec.{part}.mixer.adapters.useAdapterCRDs", "is not supported", "leave it out")
    if len(creates) == 2 and creates["policy"] != creates["telemetry"]:
        yield Objection(
            "spec.telemetry.remote.createService", "differs from that of policy", "give both the same value"
        )


def _removed_in_two_one(spec: Mapping) -> Iterator[Objection]:
    for part in ("policy", "telemetry"):
        section = mapping(spec.get(part))
        if section.get("type") == "Mixer" or section.get("mixer") is not None:
            path = f"spec.{part}.type" if section.get("type") == "Mixer" else f"spec.{part}.mixer"
            yield Objection(
                path, "is Mixer, which was removed in v2.1", f"set {part}.type to Istiod and drop {part}.mixer"
            )
    if at(spec, "addons", "3scale") is not None:
        yield Objection(
            "spec.addons.3scale",
            "was removed in v2.1, so it is refused even when disabled",
            "remove it; the Wasm adapter replaces it",
        )


def _affinities(spec: Mapping) -> Iterator[Objection]:
    for name, component in mapping(at(spec, "runtime", "components")).items():
        affinity = mapping(at(mapping(component), "pod", "affinity"))
        own = mapping(affinity.get("podAntiAffinity"))
        is_kubernetes = any(key in affinity for key in _KUBERNETES_AFFINITY[:2]) or any(
            f"{key}IgnoredDuringExecution" in own for key in _MAISTRA_AFFINITY
        )
        is_maistra = any(key in own for key in _MAISTRA_AFFINITY)
        path = f"spec.runtime.components.{name}.pod.affinity"
        if is_kubernetes and name != "kiali":
            yield Objection(
                path, "in Kubernetes' form is accepted for kiali only", "use podAntiAffinity.requiredDuringScheduling"
            )
        if is_maistra and name == "kiali":
            yield Objection(path, "has podAntiAffinity in a form that kiali does not accept", "use Kubernetes' form")


def _extension_providers(spec: Mapping, version: tuple[int, int]) -> Iterator[Objection]:
    known = _PROVIDERS[min(version, max(_PROVIDERS))]
    for number, provider in enumerate(_sequence(at(spec, "meshConfig", "extensionProviders"))):
        path, provider = f"spec.meshConfig.extensionProviders[{number}]", mapping(provider)
        if not provider.get("name"):
            yield Objection(path, "has no name", "give it one")
        given = [key for key in provider if key != "name"]
        if len(given) != 1 or given[0] not in known:
            yield Objection(path, f"has {', '.join(given) or 'no provider'}", f"give exactly one of {', '.join(known)}")
        for kind in given:
            timeout = mapping(provider.get(kind)).get("timeout")
            if timeout is not None and not _is_duration(timeout):
                yield Objection(f"{path}.{kind}.timeout", f"{timeout} is not a duration", "write it as 100ms or 5s")
        if "zipkin" in given and version >= (2, 5) and at(spec, "tracing", "type") in ("Jaeger", "Stackdriver"):
            yield Objection(
                path, f"is zipkin beside tracing.type {at(spec, 'tracing', 'type')}", "set tracing.type to None"
            )


def _kiali(spec: Mapping, version: tuple[int, int]) -> Iterator[Objection]:
    kiali, prometheus = mapping(at(spec, "addons", "kiali")), mapping(at(spec, "addons", "prometheus"))
    is_named = version >= (2, 4) and kiali.get("name")
    if kiali.get("enabled") is True and prometheus.get("enabled") is False and not is_named:
        yield Objection("spec.addons.kiali.enabled", "needs Prometheus, which is disabled", "enable both or neither")


def _checked_version(text: object) -> str:
    version = parse_version(str(text))
    if not re.fullmatch(r"v[0-9]+\.[0-9]+", str(text)) or version is None:
        fix = f"Write v{version[0]}.{version[1]}" if version else "Write it as v2.6"
        raise FederationError(
            "FED420", where="mesh_version", what=f"{text} is not a version of a control plane", fix=fix
        )
    if not OLDEST <= version <= NEWEST:
        raise FederationError(
            "FED420",
            where="mesh_version",
            what=f"{text} is not among v2.0 to v2.6",
            fix=(
                "Version 1.1 is not upgraded in place: make a new control plane and move namespaces to it"
                if version < OLDEST
                else "Choose one of these; version 3 has another operator and other kinds"
            ),
        )
    return str(text)


def _one_of(field: str, given: object, written: object, word: str) -> object:
    if given and written and given != written:
        raise FederationError(
            "FED420",
            where=f"mesh_control_plane_spec, spec.{field}",
            what=f"is {written}, and {word} is {given}",
            fix="Say it once",
        )
    return given or written or None


def _is_duration(value: object) -> bool:
    return isinstance(value, str) and bool(_DURATION.fullmatch(value))


def _more(found: Sequence[Objection]) -> str:
    return f"; neither are {', '.join(each.path for each in found[1:])}" if len(found) > 1 else ""


def _sequence(value: object) -> Sequence:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
