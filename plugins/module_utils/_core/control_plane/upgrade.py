# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way of a control plane from one version to another: each minor on it, what stops it there and what changes.

Sources: OpenShift Service Mesh release notes 2.0 to 2.6; the upgrade and spec checks of the operator's admission.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from ..extensions.plan import INBOUND_ONLY
from ..extensions.problems import Problem
from ..plain.data import at, mapping, some
from ..plain.errors import FederationError
from ..plain.supported import FEATURES
from .data_plane import Workload, sidecar_version
from .live import ControlPlane, parse_version
from .mixer import NOTHING, Heir
from .spec import NEWEST, OLDEST, UNDEPLOYED_FOR, UNDEPLOYED_NAME, objections

Version = tuple[int, int]
MOST_HELD = 5
UNREAD_IMAGE = "FED823"
_MINOR = re.compile(r"v?[0-9]+\.[0-9]+")
_PATCH = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+")

# Which control planes an operator of a minor version accepts, the first and the last.
ACCEPTED: Mapping[Version, tuple[Version, Version]] = {
    (2, 0): ((1, 0), (2, 0)),
    (2, 1): ((1, 0), (2, 1)),
    (2, 2): ((1, 1), (2, 2)),
    (2, 3): ((2, 0), (2, 3)),
    (2, 4): ((2, 1), (2, 4)),
    (2, 5): ((2, 2), (2, 5)),
    (2, 6): ((2, 4), (2, 6)),
}
# What changes under the user's feet when a mesh arrives at a version.
NOTES: Mapping[Version, tuple[str, ...]] = {
    (2, 1): (
        "Mixer is removed: its policies and adapters stop working",
        "AuthorizationPolicies with ipBlocks behind a proxy protocol load balancer need remoteIpBlocks",
        "EnvoyFilters must use typed_config and no names of xDS v2",
        "ServiceMeshExtensions become v1, whose configuration is an object",
    ),
    (2, 2): (
        (
            "applications receive traffic on the pod's address: one that listens on 127.0.0.1 alone is not reached any"
            " more"
        ),
        "ServiceMeshExtension is deprecated: WasmPlugin replaces it, and only 2.2 has both",
        "istiod's debug port asks for authentication",
    ),
    (2, 3): ("ServiceMeshExtension is removed", "every minor version has its own CNI DaemonSet beside those of others"),
    (2, 4): (
        "a cluster-scoped control plane of 2.3 cannot be carried over",
        "making Routes for gateways is deprecated",
    ),
    (2, 5): ("the CPU limit of proxies sets their number of threads, unless concurrency is set",),
    (2, 6): ("the last version 2, and the last with Jaeger and Elasticsearch",),
}


@dataclass(frozen=True)
class Found:
    """What was found around a control plane: names of objects, sidecars by their version, and what could not be read.

    ``extensions`` are ServiceMeshExtensions, ``texts`` those whose modules are told a text, ``unconvertible`` what
    keeps them from becoming ``plugins``, which are WasmPlugins. ``heirs`` say what takes the place of
    ``mixer_objects``. ``held`` are pods with sidecars that no restart renews, by namespace/name: who owns them, and
    why, with what to do.
    """

    extensions: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    unconvertible: tuple[Problem, ...] = ()
    plugins: tuple[str, ...] = ()
    envoy_filters: tuple[str, ...] = ()
    ip_blocks: tuple[str, ...] = ()
    mixer_objects: tuple[str, ...] = ()
    heirs: tuple[Heir, ...] = ()
    sidecars: Mapping[Version, tuple[str, ...]] = field(default_factory=dict)
    held: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    peers: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Blocker:
    """One reason why a step cannot be taken, and its cure; ``is_mixer`` ones the upgrade can cure itself when asked."""

    what: str
    fix: str
    is_mixer: bool = False


@dataclass(frozen=True)
class Step:
    """One minor version up: ``start`` and ``end``, what stops it, what changes with it."""

    start: Version
    end: Version
    blockers: tuple[Blocker, ...]
    notes: tuple[str, ...]

    def as_data(self) -> dict:
        """Return the step as JSON-friendly data."""
        return {
            "from": text_of(self.start),
            "to": text_of(self.end),
            "blockers": [{"what": each.what, "fix": each.fix} for each in self.blockers],
            "notes": list(self.notes),
        }


def plan_upgrade(
    control_plane: ControlPlane,
    target: str,
    found: Found,
    *,
    removes_mixer: bool = False,
    converts_extensions: bool = False,
) -> list[Step]:
    """Return the steps to ``target``, one per minor version; none when the control plane is there.

    ``removes_mixer`` says that the upgrade takes Mixer and the 3scale add-on out by itself, ``converts_extensions``
    that it turns ServiceMeshExtensions into WasmPlugins on 2.2. Raises ``FederationError`` FED430 where no way leads to
    ``target``.
    """
    wanted = _wanted(control_plane, target)
    version = _check_way(control_plane, wanted)
    steps: list[Step] = []
    while version < wanted:
        following = (version[0], version[1] + 1)
        # Mixer is told where the way first meets it: whoever takes it out there does not meet it again.
        met = _blockers(control_plane, following, found, converts=converts_extensions)
        blockers = [each for each in met if not (each.is_mixer and (removes_mixer or steps))]
        if not steps:
            blockers += _unready(control_plane)
            blockers += _lagging(found, following)
        steps.append(
            Step(
                version, following, tuple(blockers), tuple(_notes(control_plane, following, found, is_first=not steps))
            )
        )
        version = following
    return steps


def refuse_blocked(control_plane: ControlPlane, step: Step) -> None:
    """Refuse a step that something stops: FED431, with every reason and its cure."""
    if step.blockers:
        fix = "; ".join(dict.fromkeys(each.fix for each in step.blockers))
        raise FederationError(
            "FED431",
            where=f"{control_plane.place}, {text_of(step.start)} to {text_of(step.end)}",
            what="; ".join(each.what for each in step.blockers),
            fix=fix[:1].upper() + fix[1:],
            facts={"blockers": [each.what for each in step.blockers]},
        )


def lines(control_plane: ControlPlane, steps: Sequence[Step], found: Found) -> list[str]:
    """Return the plan as lines for people."""
    if not steps:
        shown = [f"{control_plane.place} is {control_plane.version_text}: nothing to upgrade"]
    else:
        shown = [
            f"{control_plane.place}: {control_plane.version_text} to {text_of(steps[-1].end)}, {len(steps)}"
            f" step{'s' * (len(steps) > 1)}"
        ]
    for step in steps:
        shown.append(f"{text_of(step.start)} → {text_of(step.end)}: {'stopped' if step.blockers else 'possible'}")
        shown += [f"  stops: {each.what}; {each.fix}" for each in step.blockers]
        shown += [f"  note: {note}" for note in step.notes]
    shown += [
        f"sidecars of {text_of(version)}: {len(pods)} pod{'s' * (len(pods) != 1)}"
        for version, pods in sorted(found.sidecars.items())
    ]
    shown += [f"unknown: {gap}" for gap in found.unknown]
    return shown


def mixer_of(control_plane: ControlPlane) -> list[str]:
    """Return which parts of a control plane run Mixer, profiles included: paths below the object.

    Source: the operator's rule on ``status.appliedSpec``: type Mixer or Remote, a section of either, the 3scale add-on.
    """
    live = control_plane.live
    applied = mapping(mapping(live.get("status")).get("appliedSpec")) or mapping(live.get("spec"))
    found = []
    for spec in (applied, mapping(live.get("spec"))):
        for part in ("policy", "telemetry"):
            section = mapping(spec.get(part))
            if section.get("type") in ("Mixer", "Remote") or section.get("mixer") or section.get("remote"):
                found.append(f"spec.{part}")
        if mapping(spec.get("addons")).get("3scale") is not None:
            found.append("spec.addons.3scale")
    return sorted(set(found))


def without_mixer(live: Mapping) -> dict:
    """Return the merge patch that takes Mixer and the 3scale add-on out of a control plane; other fields stay."""
    spec = mapping(live.get("spec"))
    patch: dict = {}
    for part in ("policy", "telemetry"):
        section = mapping(spec.get(part))
        kept = section.get("type") if section.get("type") == "None" else "Istiod"
        patch[part] = {"type": kept, **{key: None for key in ("mixer", "remote") if key in section}}
    if "3scale" in mapping(spec.get("addons")):
        patch["addons"] = {"3scale": None}
    return patch


def described_without_mixer(spec: Mapping) -> dict:
    """Return a description of a control plane with Mixer and the 3scale add-on left out; other fields stay."""
    result = dict(spec)
    for part in ("policy", "telemetry"):
        section = {key: value for key, value in mapping(spec.get(part)).items() if key not in ("mixer", "remote")}
        if part in spec:
            result[part] = {**section, **({"type": "Istiod"} if section.get("type") in ("Mixer", "Remote") else {})}
    if "3scale" in mapping(spec.get("addons")):
        result["addons"] = {key: value for key, value in spec["addons"].items() if key != "3scale"}
    return {key: value for key, value in result.items() if value or not spec.get(key)}


def text_of(version: Version) -> str:
    """Return a version as the API writes it."""
    return f"v{version[0]}.{version[1]}"


def _wanted(control_plane: ControlPlane, target: str) -> Version:
    """Return the version to arrive at. ``v2.3`` is one, and so is ``2.3``; a patch release comes with the operator."""
    target = target.strip()
    if not target:
        _refuse(
            control_plane,
            "cannot be upgraded to nothing: upgrade_to is empty",
            "Say where to go, for instance upgrade_to: v2.6",
        )
    version = parse_version(target)
    if version and not _MINOR.fullmatch(target):
        fix = (
            f"Write {text_of(version)}; its operator brings the patch release"
            if _PATCH.fullmatch(target)
            else f"Write {text_of(version)}"
        )
        _refuse(control_plane, f"cannot become {target}, which is not a version of a control plane", fix)
    if version is None or not OLDEST <= version <= NEWEST:
        _refuse(
            control_plane,
            f"cannot become {target}",
            "Choose one of v2.1 to v2.6; version 3 has another operator and other kinds",
        )
    return version


def _check_way(control_plane: ControlPlane, wanted: Version) -> Version:
    """Return where the way begins, or refuse one that leads nowhere."""
    version = control_plane.version
    if version is None:
        _refuse(control_plane, "has no version yet", "Wait until its operator has looked at it")
    if version < OLDEST:
        _refuse(
            control_plane,
            f"is {text_of(version)}, which is never upgraded in place",
            "Make a control plane of version 2 in a new namespace, move the members to it one by one and restart their"
            " workloads",
        )
    if wanted < version:
        _refuse(
            control_plane,
            f"is {text_of(version)}; going back to {text_of(wanted)} is performed by the operator, but not supported",
            "Keep the version, or make a new mesh and move namespaces to it",
        )
    return version


def _blockers(control_plane: ControlPlane, version: Version, found: Found, *, converts: bool) -> Iterator[Blocker]:
    operator = control_plane.operator
    accepted = ACCEPTED.get(operator) if operator else None
    if operator and accepted and not accepted[0] <= version <= accepted[1]:
        first, last = accepted
        yield Blocker(
            f"the operator is {operator[0]}.{operator[1]} and supports {text_of(first)} to {text_of(last)}",
            f"install an operator that supports {text_of(version)} first; a new operator needs a moment until it "
            "manages this control plane",
        )
    mixer = mixer_of(control_plane) if version >= (2, 1) else []
    if mixer:
        yield Blocker(
            f"{' and '.join(mixer)} use Mixer, which {text_of(version)} does not have",
            "set upgrade_remove_mixer: true to have them turned off in the same update, or do it before",
            is_mixer=True,
        )
    covered = ("spec.policy", "spec.telemetry", "spec.addons.3scale")
    for each in objections(
        mapping(control_plane.live.get("spec")), version, control_plane.live["metadata"]["namespace"]
    ):
        if not (mixer and each.path.startswith(covered)):
            yield Blocker(f"{each.path} {each.what}", each.fix)
    if version == UNDEPLOYED_FOR and control_plane.name == UNDEPLOYED_NAME:
        yield Blocker(
            f"it is called {UNDEPLOYED_NAME}, and {text_of(version)} fails to deploy under this name (OSSM-2042)",
            "make a control plane of another name in a new namespace and move the members to it",
        )
    yield from _of_extensions(control_plane, version, found, converts=converts)


def _of_extensions(control_plane: ControlPlane, version: Version, found: Found, *, converts: bool) -> Iterator[Blocker]:
    """Give what Wasm extensions stop: old kinds that 2.3 has no place for, and new ones that would see more there."""
    if version < (2, 3):
        return
    if found.extensions and not converts:
        fix = "turn them into WasmPlugins on 2.2 (upgrade_convert_extensions: true, or playbook convert_extensions)"
        yield Blocker(f"ServiceMeshExtensions exist: {some(found.extensions, 5)}", fix)
    # Which image a WasmPlugin can read is asked of those alone who want the upgrade to convert.
    kept = [each for each in found.unconvertible if converts or each.code != UNREAD_IMAGE]
    for each in kept[:MOST_HELD]:
        yield Blocker(f"{each.where} {each.what}", each.fix[:1].lower() + each.fix[1:])
    if len(kept) > MOST_HELD:
        yield Blocker(
            f"{len(kept) - MOST_HELD} more problems prevent the conversion of extensions",
            "playbook convert_extensions lists them",
        )
    env = at(control_plane.live, "spec", "runtime", "components", "pilot", "container", "env", INBOUND_ONLY)
    wide = [*found.plugins, *(found.extensions if converts else ())]
    if version == (2, 3) and wide and str(env).lower() not in ("true", "1"):
        yield Blocker(
            f"WasmPlugins would also run on the calls that their workloads make: {some(wide, 5)}",
            f"set {INBOUND_ONLY} for istiod to true first (spec.runtime.components.pilot.container.env)",
        )


def _unready(control_plane: ControlPlane) -> list[Blocker]:
    if control_plane.is_ready:
        return []
    return [Blocker(f"it is not ready: {control_plane.condition}", "wait until it is, or fix what the operator names")]


def lagging(sidecars: Mapping[Version, Sequence[str]], version: Version) -> list[str]:
    """Return the pods whose sidecars would be more than one minor behind a control plane of ``version``, which may be
    one behind and no more.
    """
    return [pod for own, pods in sidecars.items() if own < (version[0], version[1] - 1) for pod in pods]


def _lagging(found: Found, version: Version) -> list[Blocker]:
    old = lagging(found.sidecars, version)
    able = [pod for pod in old if pod not in found.held]
    behind = f"sidecars would be more than one minor behind: {some(able, 5)}"
    blockers = [Blocker(behind, "restart these workloads first (upgrade_restart: true)")] if able else []
    held = dict.fromkeys(found.held[pod] for pod in old if pod in found.held)
    blockers += [
        Blocker(
            f"the sidecar of {owner} would be more than one minor behind, and a restart does not renew it: it {why}",
            "do for each what its line says",
        )
        for owner, why in list(held)[:MOST_HELD]
    ]
    if len(held) > MOST_HELD:
        blockers.append(
            Blocker(f"so it is with {len(held) - MOST_HELD} more workloads", "module data_plane lists all of them")
        )
    return blockers


def _inherited(heirs: Sequence[Heir]) -> Iterator[str]:
    """Give what Mixer did that somebody wanted, and what does it from here on; the playbook mixer_report
    has all of it.
    """
    alike: dict[tuple[str, str, str], list[str]] = {}
    for heir in heirs:
        if not heir.is_of_operator and (heir.successor != NOTHING or heir.loses):
            alike.setdefault((heir.does, heir.successor, heir.how), []).append(heir.place)
    for (does, successor, how), places in alike.items():
        yield f"{does} by Mixer ends ({some(places, 3)}): {successor}, {how}"
    if alike:
        yield (
            "the playbook mixer_report shows details, and writes rate limits and 3scale as they are needed from here on"
        )


def _notes(control_plane: ControlPlane, version: Version, found: Found, *, is_first: bool) -> Iterator[str]:
    yield from NOTES.get(version, ())
    if found.envoy_filters:
        yield (
            "EnvoyFilters are bound to Envoy's version, may break, and are outside support:"
            f" {some(found.envoy_filters, 5)}"
        )
    if version == (2, 1):
        yield from _changed_in_two_one(control_plane, found)
    if version == (2, 2) and found.peers:
        yield "gateways of peers: routerMode no longer has a meaning, and the next federate removes it"
    if version == (2, 4) and found.plugins:
        yield (
            "WasmPlugins get a match from here on: run extend (and threescale) after the step, which limits each to the"
            " calls that it is for"
        )
    features = FEATURES.of(version)
    if features:
        yield f"in preview there, without support: {', '.join(features.preview)}"
        yield f"not supported there: {', '.join(features.refused)}"
    previews = sorted(set(mapping(mapping(control_plane.live.get("spec")).get("techPreview"))) - {"errored"})
    if is_first and previews:
        yield (
            f"this control plane sets {', '.join(f'techPreview.{name}' for name in previews)}: without support in every"
            " version"
        )
    if is_first and found.peers:
        yield f"federated with {', '.join(found.peers)}: upgrade one mesh at a time"
    if not is_first:
        yield "sidecars must be restarted after the step before"


def _changed_in_two_one(control_plane: ControlPlane, found: Found) -> Iterator[str]:
    if found.texts:
        yield (
            "from here on modules with free text as configuration find it in raw_v1alpha1_config of an object: "
            f"{some(found.texts, 5)}"
        )
    if found.ip_blocks:
        yield f"AuthorizationPolicies with ipBlocks: {some(found.ip_blocks, 5)}"
    if "spec.addons.3scale" in mixer_of(control_plane):
        yield (
            "3scale authorizes requests through Mixer: from here on requests are not authorized, until its Wasm "
            "module is in place"
        )
    if found.mixer_objects:
        yield f"objects of config.istio.io do nothing any more, delete them: {some(found.mixer_objects, 5)}"
        yield from _inherited(found.heirs)


def _refuse(control_plane: ControlPlane, what: str, fix: str) -> NoReturn:
    raise FederationError("FED430", where=control_plane.place, what=what, fix=fix)


def names_of(objects: Iterable[Mapping]) -> tuple[str, ...]:
    """Return objects as people name them: namespace/name."""
    return tuple(f"{live['metadata']['namespace']}/{live['metadata']['name']}" for live in objects)


def by_version(sidecars: Iterable[tuple[tuple[int, int], str]]) -> dict[tuple[int, int], tuple[str, ...]]:
    """Return the names of pods by the version of their sidecars, the oldest first."""
    found: dict[tuple[int, int], list[str]] = {}
    for version, name in sidecars:
        found.setdefault(version, []).append(name)
    return {version: tuple(names) for version, names in sorted(found.items())}


def versioned(pod: Mapping) -> tuple[tuple[int, int], str] | None:
    """Return the version of a pod's sidecar with the pod's namespace/name, None when it has none."""
    version = sidecar_version(pod)
    return (version, f"{pod['metadata']['namespace']}/{pod['metadata']['name']}") if version else None


def has_ip_blocks(policy: Mapping) -> bool:
    """Return whether a policy tells callers apart by the address that the proxy sees."""
    rules = at(policy, "spec", "rules") or []
    sources = [(entry.get("source") or {}) for rule in rules for entry in rule.get("from") or []]
    return any(source.get("ipBlocks") or source.get("notIpBlocks") for source in sources)


def held_back(workloads: Iterable[Workload], names: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return those of the pods with these names that no restart renews: their owner, and why."""
    return {
        name: (str(workload.owner), workload.left_alone)
        for workload in workloads
        if workload.left_alone
        for pod in workload.pods
        if (name := f"{workload.owner.namespace}/{pod.name}") in names
    }
