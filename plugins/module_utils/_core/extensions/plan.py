# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""From extensions to the objects of one mesh's version, and what that version cannot express.

Sources: maistra/istio branches 2.0 to 2.5 (extension, wasm and extensions.go), CRDs of Istio 1.12 to 1.20; OpenShift
Service Mesh release notes 2.1 to 2.6.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..plain.kinds import EXTENSION, MANAGER, MESH_LABEL, OLD_EXTENSION, WASM_PLUGIN, Kind, extension_kind
from ..plain.supported import (
    EXTENSIONS_BEFORE,
    PULL_SECRET_OF_WASM_PLUGIN_FROM,
    WASM_PLUGINS_FROM,
)
from .described import ALL, OPTION, Extension
from .phases import OLD_PHASE
from .problems import Problem

Version = tuple[int, int]
EXTENSIONS_MANAGER = f"{MANAGER}/extensions"
RAISED_FROM = "ossm.federation/raised-from"
"""The annotation by which a conversion tells which priority was described, where it had to raise it to keep
an order.
"""
NO_PRIORITY = "none"
RAW = "raw_v1alpha1_config"
"""The key under which a text of 2.0 that is no JSON stands from 2.1 on; a description says it so on every version."""
ENV_FROM: Version = (2, 3)
MATCH_FROM: Version = (2, 4)
FAIL_FROM: Version = (2, 6)
BOTH_WAYS_FROM: Version = (2, 3)
INBOUND_ONLY = "APPLY_WASM_PLUGINS_TO_INBOUND_ONLY"
"""What istiod of 2.3 must be told so that a WasmPlugin leaves the calls that its workloads make alone."""

_MODES = {"inbound": "SERVER", "outbound": "CLIENT", "both": "CLIENT_AND_SERVER"}
_STRATEGY = {"closed": "FAIL_CLOSE", "open": "FAIL_OPEN"}


@dataclass(frozen=True)
class Ground:
    """What of a mesh decides how its extensions are written.

    ``has_cacher`` says whether ServiceMeshExtensions work at all; ``is_inbound_only`` whether istiod of 2.3 was told
    so.
    """

    mesh: str
    namespace: str
    version: Version
    members: frozenset[str]
    has_cacher: bool = True
    is_inbound_only: bool = False

    @classmethod
    def as_described(cls, mesh: str, namespace: str, version: Version, named: Iterable[str]) -> Ground:
        """Return the ground where no cluster is read: namespaces that are ``named`` are members."""
        return cls(mesh, namespace, version, frozenset(named))

    @property
    def namespaces(self) -> frozenset[str]:
        """Return where extensions of this mesh may stand."""
        return self.members | {self.namespace}

    def reached_from(self, places: Iterable[str]) -> frozenset[str]:
        """Return the namespaces whose pods objects in ``places`` may select: all of the mesh from that of the control
        plane.
        """
        found = frozenset(places)
        return self.namespaces if self.namespace in found else found

    @property
    def text(self) -> str:
        """Return the version as people write it."""
        return f"v{self.version[0]}.{self.version[1]}"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds that this version obeys."""
        old = (extension_kind(self.version),) if self.version < EXTENSIONS_BEFORE else ()
        return (*old, WASM_PLUGIN) if self.version >= WASM_PLUGINS_FROM else old


def kind_of(extension: Extension, ground: Ground) -> Kind:
    """Return the kind that an extension becomes: the one it names, else the newest that the mesh obeys."""
    named = {kind.name: kind for kind in (EXTENSION, WASM_PLUGIN, *ground.kinds)}.get(extension.kind)
    return named or ground.kinds[-1]


def plan(extensions: Iterable[Extension], ground: Ground) -> list[dict]:
    """Return the objects that the extensions are in this mesh, by namespace and name."""
    return [manifest_of(each, kind_of(each, ground), ground) for each in sorted(extensions, key=lambda each: each.key)]


def manifest_of(extension: Extension, kind: Kind, ground: Ground) -> dict:
    """Return one extension as an object of ``kind``; what is not described is left out."""
    spec = _plugin_spec(extension, ground.version) if kind is WASM_PLUGIN else _old_spec(extension)
    if kind is OLD_EXTENSION:
        spec["config"] = _text_of(extension.config)
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": extension.name, "namespace": extension.namespace, "labels": {MESH_LABEL: ground.mesh}},
        "spec": {key: value for key, value in spec.items() if value not in ("", None, {}, [])},
    }


def objections(extensions: Sequence[Extension], ground: Ground) -> list[Problem]:
    """Return everything that this mesh cannot do of what is described: FED802 to FED806."""
    return [problem for extension in extensions for problem in _objections(extension, ground)]


def _old_spec(extension: Extension) -> dict:
    return {
        "image": extension.image,
        "workloadSelector": {"labels": dict(extension.selector)} if extension.selector else None,
        "phase": OLD_PHASE[extension.phase],
        "priority": extension.priority,
        "config": dict(extension.config),
        "imagePullPolicy": extension.pull_policy,
        "imagePullSecrets": [{"name": extension.pull_secret}] if extension.pull_secret else [],
    }


def _text_of(config: Mapping) -> str:
    """Return what a module of 2.0 is told: the text itself where one is described, else JSON, which 2.1 reads as the
    object.
    """
    if set(config) == {RAW}:
        return str(config[RAW])
    return json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if config else ""


def _plugin_spec(extension: Extension, version: Version) -> dict:
    env = [{"name": name, "value": value, "valueFrom": "INLINE"} for name, value in extension.env.items()]
    return {
        "url": f"oci://{extension.image}" if extension.is_oci else extension.image,
        "selector": {"matchLabels": dict(extension.selector)} if extension.selector else None,
        "phase": extension.phase,
        "priority": extension.priority,
        "pluginConfig": dict(extension.config),
        "pluginName": extension.plugin_name,
        "imagePullPolicy": extension.pull_policy,
        "imagePullSecret": extension.pull_secret,
        "sha256": extension.sha256,
        "failStrategy": _STRATEGY.get(extension.fail),
        "vmConfig": {"env": env} if env else None,
        "match": _match(extension, version),
    }


def _match(extension: Extension, version: Version) -> list[dict]:
    """Return which listeners a plugin is for. A gateway's are of the class CLIENT and are all meant."""
    if version < MATCH_FROM or (extension.traffic == "gateway" and not extension.ports):
        return []
    mode = {"mode": _MODES[extension.traffic]} if extension.traffic in _MODES else {}
    return [{**mode, **({"ports": [{"number": port} for port in extension.ports]} if extension.ports else {})}]


def _objections(extension: Extension, ground: Ground) -> Iterator[Problem]:
    def problem(code: str, field: str, what: str, fix: str) -> Problem:
        return Problem(code, (OPTION, extension.place, field), what, fix)

    if extension.namespace not in ground.namespaces:
        fix = "Add the namespace to mesh_members and run control_plane, or correct the extension"
        yield problem(
            "FED803", "namespace", f"names {extension.namespace}, which is not a configured member of the mesh", fix
        )
    kind = kind_of(extension, ground)
    if kind not in ground.kinds:
        others = " or ".join(each.name for each in ground.kinds)
        yield problem(
            "FED804",
            "kind",
            f"is {kind.name}, which {ground.text} does not support",
            f"Write {others}, or leave kind out",
        )
        return
    if kind is not WASM_PLUGIN and not ground.has_cacher:
        fix = "Set spec.techPreview.wasmExtensions.enabled to true in the control plane"
        yield problem(
            "FED806", "kind", "is ServiceMeshExtension, and Wasm extensions are off in the control plane", fix
        )
    table = _not_in_plugin(extension, ground) if kind is WASM_PLUGIN else _not_in_extension(extension)
    for field, what, fix in table:
        yield problem("FED802", field, what, fix)
    yield from (problem("FED805", "traffic", what, fix) for what, fix in _outbound(extension, kind, ground))


def _not_in_extension(extension: Extension) -> Iterator[tuple[str, str, str]]:
    """Give what a ServiceMeshExtension has no field for: the field, what is wrong, what to do."""
    newer = f"Leave it out, or upgrade to v{WASM_PLUGINS_FROM[0]}.{WASM_PLUGINS_FROM[1]}, where a WasmPlugin has it"
    for field, is_given in (
        ("sha256", extension.sha256),
        ("fail", extension.fail),
        ("env", extension.env),
        ("ports", extension.ports),
    ):
        if is_given:
            yield field, "cannot be expressed in a ServiceMeshExtension", newer
    root = f"{extension.name}_root"
    if extension.plugin_name not in ("", root):
        yield (
            "plugin_name",
            f"cannot be expressed in a ServiceMeshExtension, which always sends {root}",
            f"Write {root}, or leave it out",
        )
    if not extension.is_oci:
        yield (
            "image",
            "is an address, and a ServiceMeshExtension accepts only an image of a registry",
            "Push the module to a registry as an image",
        )
        return
    registry, slash, rest = extension.image.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        yield (
            "image",
            "names no registry, and a ServiceMeshExtension needs one",
            "Put the registry's name before the path",
        )
    elif "@" not in rest and ":" not in rest.rpartition("/")[2]:
        yield (
            "image",
            "has neither tag nor digest, and a ServiceMeshExtension needs one",
            "Add @sha256: and the image's digest",
        )


def _not_in_plugin(extension: Extension, ground: Ground) -> Iterator[tuple[str, str, str]]:
    """Give what a WasmPlugin of this version has no field for, or what its istiod does not look at."""
    if RAW in extension.config:
        fix = "Change the module so that it reads an object, and write that object"
        yield "config", f"is free text of v1alpha1 ({RAW}), and the pluginConfig of a WasmPlugin is an object", fix
    if extension.pull_policy == "Never":
        yield (
            "pull_policy",
            "is Never, which a WasmPlugin does not have",
            "Write IfNotPresent with a digest in the image: it is pulled once",
        )
    either = "Leave it out, or upgrade to v{0}.{1}"
    if ground.version < PULL_SECRET_OF_WASM_PLUGIN_FROM:
        fix = "Use a registry that is open to the proxies, or kind: ServiceMeshExtension until the upgrade to v2.3"
        if extension.pull_secret:
            yield "pull_secret", f"has no effect in a WasmPlugin on {ground.text}, whose istiod ignores it", fix
        if extension.pull_policy in ("IfNotPresent", "Always"):
            yield (
                "pull_policy",
                f"has no effect in a WasmPlugin on {ground.text}",
                either.format(*PULL_SECRET_OF_WASM_PLUGIN_FROM),
            )
    for field, is_given, first in (
        ("env", extension.env, ENV_FROM),
        ("ports", extension.ports, MATCH_FROM),
        ("fail", extension.fail, FAIL_FROM),
    ):
        if is_given and ground.version < first:
            yield field, f"came with v{first[0]}.{first[1]}, and the mesh is {ground.text}", either.format(*first)


def _outbound(extension: Extension, kind: Kind, ground: Ground) -> Iterator[tuple[str, str]]:
    """Give what is wrong about the calls that an extension is to see: those to its workloads, those that they make, or
    both.
    """
    if extension.traffic in ("outbound", "both") and (kind is not WASM_PLUGIN or ground.version < BOTH_WAYS_FROM):
        yield (
            f"is {extension.traffic}, and a {kind.name} on {ground.text} sees inbound calls alone",
            "Write inbound, or upgrade to v2.4",
        )
    elif ground.version == BOTH_WAYS_FROM:
        if extension.traffic == "outbound":
            yield "is outbound, which one cannot have alone before v2.4", "Write both, or upgrade to v2.4"
        elif extension.traffic == "inbound" and not ground.is_inbound_only:
            fix = (
                f"Set the environment variable {INBOUND_ONLY} of istiod to true"
                " (spec.runtime.components.pilot.container.env), or write traffic: both"
            )
            yield f"is inbound, and on {ground.text} a WasmPlugin also sees the calls that its workloads make", fix
        elif extension.traffic == "both" and ground.is_inbound_only:
            yield (
                f"is both, and istiod's {INBOUND_ONLY} leaves outbound calls out",
                "Write inbound, or remove the variable from the control plane",
            )


def selector_text(selector: Mapping[str, str] | None) -> str:
    """Return a selector as people write it."""
    return ",".join(f"{key}={value}" for key, value in selector.items()) if selector else ALL
