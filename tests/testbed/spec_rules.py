# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the operator's admission refuses in a control plane's spec, version by version.

The words are the operator's where they were seen (Mixer, 3scale); the others are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Spec = Mapping[str, Any]
Rule = Callable[[Spec], Iterator[str]]

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_UNITS = "(?:ns|us|µs|μs|ms|s|m|h)"
_GO_DURATION = re.compile(rf"[+-]?(?:0|(?:{_NUMBER}{_UNITS})+)\Z")
_PROVIDERS_2_4 = {"prometheus", "envoyExtAuthzHttp", "envoyExtAuthzGrpc"}
_PROVIDERS_2_5 = _PROVIDERS_2_4 | {"zipkin", "opentelemetry", "envoyOtelAls"}


def refusals(spec: Spec, minor: int) -> list[str]:
    """Return why a control plane of version 2.``minor`` is refused for its spec; empty when it is not."""
    return [reason for first, last, rule in _RULES if first <= minor <= last for reason in rule(spec)]


def _dig(value: Any, *names: str) -> Any:
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _no_auto_detect(spec: Spec) -> Iterator[str]:
    for way in ("inbound", "outbound"):
        if _dig(spec, "proxy", "networking", "protocol", "autoDetect", way) is True:
            yield f"automatic protocol detection is not supported in v2.0 and v2.1: {way}"


def _timeout(spec: Spec) -> Iterator[str]:
    text = _dig(spec, "proxy", "networking", "protocol", "autoDetect", "timeout")
    if text is not None and not _GO_DURATION.match(text):
        yield f"invalid protocol detection timeout {text}"


def _no_modes(spec: Spec) -> Iterator[str]:
    if spec.get("mode") is not None:
        yield "spec.mode is not supported"
    if _dig(spec, "techPreview", "controlPlaneMode") is not None:
        yield "techPreview.controlPlaneMode is not supported"
    if _dig(spec, "meshConfig", "discoverySelectors") is not None:
        yield "meshConfig.discoverySelectors is not supported"


def _no_mode(spec: Spec) -> Iterator[str]:
    if spec.get("mode") is not None:
        yield "spec.mode is not supported in v2.3; use techPreview.controlPlaneMode"


def _mode(spec: Spec) -> Iterator[str]:
    if _dig(spec, "techPreview", "controlPlaneMode") is not None:
        yield "techPreview.controlPlaneMode has been replaced by spec.mode"
    if _dig(spec, "meshConfig", "discoverySelectors") is not None and spec.get("mode") != "ClusterWide":
        yield "meshConfig.discoverySelectors may only be used in ClusterWide mode"


def _remotes(spec: Spec) -> Iterator[str]:
    remotes = {}
    for part in ("policy", "telemetry"):
        section = spec.get(part) or {}
        address = _dig(section, "remote", "address")
        if address and section.get("type") != "Remote":
            yield f"{part}.remote.address may only be set when {part}.type is Remote"
        if section.get("type") == "Remote" and not address:
            yield f"{part}.remote.address must be set when {part}.type is Remote"
        if _dig(section, "remote", "createService") is not None:
            remotes[part] = section["remote"]["createService"]
        if _dig(section, "mixer", "adapters", "useAdapterCRDs") is True:
            yield f"{part}.mixer.adapters.useAdapterCRDs is not supported"
    if len(set(map(bool, remotes.values()))) > 1:
        yield "policy.remote.createService and telemetry.remote.createService differ"


def _removed(spec: Spec) -> Iterator[str]:
    for feature in ("policy", "telemetry"):
        settings = spec.get(feature) or {}
        if settings.get("type") == "Mixer" or settings.get("mixer") is not None:
            yield (
                f'support for {feature}.type "Mixer" and {feature}.Mixer options have been removed in v2.1, please use'
                " another alternative"
            )
    if (spec.get("addons") or {}).get("3scale") is not None:
        yield (
            "support for 3scale has been removed in v2.1; please remove the spec.addons.3scale section from the SMCP "
            "and configure the 3scale WebAssembly adapter using a ServiceMeshExtension resource"
        )


def _affinities(spec: Spec) -> Iterator[str]:
    for name, component in (_dig(spec, "runtime", "components") or {}).items():
        affinity = _dig(component, "pod", "affinity") or {}
        anti = affinity.get("podAntiAffinity") or {}
        upstream = (
            "nodeAffinity" in affinity
            or "podAffinity" in affinity
            or any(key.endswith("IgnoredDuringExecution") for key in anti)
        )
        own = any(key.endswith("DuringScheduling") for key in anti)
        if name == "kiali" and own:
            yield "kiali takes affinity in Kubernetes' form only"
        if name != "kiali" and upstream:
            yield f"{name} takes podAntiAffinity in the operator's form only"


def _providers(known: set[str], with_tracing: bool) -> Rule:
    def rule(spec: Spec) -> Iterator[str]:
        for provider in _dig(spec, "meshConfig", "extensionProviders") or []:
            if not provider.get("name"):
                yield "an extension provider must have a name"
            kinds = set(provider) - {"name"}
            if len(kinds) != 1 or not kinds <= known:
                yield (
                    f"extension provider {provider.get('name')} must have exactly one provider of"
                    f" {', '.join(sorted(known))}"
                )
            for kind in sorted(kinds):
                timeout = _dig(provider, kind, "timeout")
                if timeout is not None and not _GO_DURATION.match(timeout):
                    yield f"extension provider {provider.get('name')} has the bad timeout {timeout}"
            if with_tracing and "zipkin" in kinds and _dig(spec, "tracing", "type") in ("Jaeger", "Stackdriver"):
                yield "a zipkin provider may not be used with tracing Jaeger or Stackdriver"

    return rule


_NEWEST = 99
_RULES: tuple[tuple[int, int, Rule], ...] = (
    (0, 1, _no_auto_detect),
    (0, 2, _no_modes),
    (0, 0, _remotes),
    (1, _NEWEST, _removed),
    (1, _NEWEST, _affinities),
    (2, _NEWEST, _timeout),
    (3, 3, _no_mode),
    (4, _NEWEST, _mode),
    (4, 4, _providers(_PROVIDERS_2_4, False)),
    (5, _NEWEST, _providers(_PROVIDERS_2_5, True)),
)
