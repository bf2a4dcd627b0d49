# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands beside what is described: the changes between them, whose objects are left alone, and how it looks to
people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from ..catalogue.findings import Finding, Unknown, texts
from ..plain.data import at, items, mapping, place_of, some
from ..plain.diff import MISSING, Change, Difference, change_to, removal_of
from ..plain.errors import FederationError
from ..plain.kinds import EXTENSION, MESH_LABEL, OLD_EXTENSION, POD, WASM_PLUGIN
from ..plain.refusals import Refusal
from .described import OPTION, Extension
from .phases import GUARDS
from .plan import EXTENSIONS_MANAGER, NO_PRIORITY, RAISED_FROM, Ground, selector_text
from .problems import Problem
from .selecting import Order, Proxy, orders, selected_by

_OF_THE_PLATFORM = ("FED824",)
_CONFIGURATIONS = (("spec", "config"), ("spec", "pluginConfig"), ("spec", "vmConfig"))


@dataclass(frozen=True)
class Standing:
    """One extension as it stands: its object's kind, whom it selects, and whether it is ready, and why not.

    ``proxies`` is None where pods may not be read, ``is_ready`` where nothing tells; ``loadings`` are what its proxies
    said, as data.
    """

    extension: Extension
    kind: str
    proxies: tuple[str, ...] | None
    is_ready: bool | None
    why: str
    loadings: tuple[Mapping, ...] = ()

    def as_data(self) -> dict:
        """Return it as JSON-friendly data; what is unknown is None."""
        return {
            "name": self.extension.name,
            "namespace": self.extension.namespace,
            "kind": self.kind,
            "phase": self.extension.phase,
            "priority": self.extension.priority,
            "selector": selector_text(self.extension.selector),
            "pods": None if self.proxies is None else list(self.proxies),
            "ready": self.is_ready,
            "why": self.why,
            "loading": [dict(each) for each in self.loadings],
        }

    @property
    def text(self) -> str:
        """Return it as one line for people."""
        proxies = "pods unknown" if self.proxies is None else f"{len(self.proxies)} pod{'s' * (len(self.proxies) != 1)}"
        named = f" ({some(self.proxies, 3)})" if self.proxies else ""
        state = {True: "ready", False: "not ready", None: "readiness unknown"}[self.is_ready]
        return (
            f"{self.extension.place}: {self.kind}, {self.extension.phase}, {proxies}{named},"
            f" {state}{f': {self.why}' if self.why else ''}"
        )


def is_kept_here(live: Mapping, mesh: str) -> bool:
    """Return whether this collection made an object for this mesh: it bears the label, and our manager applied it.

    A copy that somebody makes takes the label along, and not the manager.
    """
    labels = mapping(at(live, "metadata", "labels"))
    return labels.get(MESH_LABEL) == mesh and is_applied_by(live, EXTENSIONS_MANAGER)


def is_applied_by(live: Mapping, *managers: str) -> bool:
    """Return whether one of these managers applied an object, or a part of it."""
    return any(
        entry.get("manager") in managers and entry.get("operation", "Apply") == "Apply"
        for entry in items(at(live, "metadata", "managedFields"))
    )


def changes(live: Iterable[Mapping], desired: Sequence[Mapping], mesh: str, *, force: bool = False) -> list[Change]:
    """Return the changes from what stands to what is desired; what is ours and no longer desired goes, others' objects
    stay.

    Raises ``FederationError``: FED810 where the other kind stands under the same name, FED811 for an object that
    somebody else made, unless ``force``, FED107 for a field of another manager.
    """
    standing = {key_of(each): each for each in live}
    wanted = {key_of(each) for each in desired}
    found: list[Change] = []
    for manifest in desired:
        _refuse_both(manifest, standing)
        own = standing.get(key_of(manifest))
        if own is not None and not force:
            _refuse_anothers(own, mesh)
        change = change_to(own, _carried(manifest, own), EXTENSIONS_MANAGER, force=force)
        if change and own and is_made_anew(change):
            found.append(removal_of(own, EXTENSIONS_MANAGER))
            change = change_to(None, manifest, EXTENSIONS_MANAGER)
        found += [change] if change else []
    gone = [each for key, each in sorted(standing.items()) if key not in wanted and is_kept_here(each, mesh)]
    return found + [
        removal_of(each, EXTENSIONS_MANAGER) for each in gone if not each["metadata"].get("deletionTimestamp")
    ]


def is_made_anew(change: Change) -> bool:
    """Return whether a change needs the object to be deleted first: on 2.0 the operator does not look again at an
    object whose spec has changed.
    """
    return (
        change.kind is OLD_EXTENSION
        and change.action == "update"
        and any(each.path[0] == "spec" for each in change.differences)
    )


def hidden(found: Iterable[Change]) -> list[Change]:
    """Return the changes as they may be shown: what a module is told is a digest, since it may hold tokens."""
    return [replace(change, differences=tuple(_hidden(change))) for change in found]


def standing_of(
    extension: Extension,
    manifest: Mapping,
    live: Mapping | None,
    proxies: Sequence[Proxy],
    ground: Ground,
    unread: Sequence[str] = (),
) -> Standing:
    """Return how one extension stands, by its ``manifest`` and its ``live`` object, None where that is about to be
    written.

    ``unread`` are namespaces whose pods may not be read.
    """
    chosen = tuple(sorted(proxy.place for proxy in selected_by(manifest, proxies, ground.namespace)))
    is_ready, why = _readiness(live or manifest)
    return Standing(
        extension, manifest["kind"], None if is_hidden(extension, ground, unread) else chosen, is_ready, why
    )


def is_hidden(extension: Extension, ground: Ground, unread: Sequence[str]) -> bool:
    """Return whether an extension may select pods in ``unread``, namespaces whose pods may not be read."""
    return extension.namespace in unread or (extension.namespace == ground.namespace and bool(unread))


def warnings(
    extensions: Sequence[Extension],
    desired: Sequence[Mapping],
    live: Sequence[Mapping],
    proxies: Sequence[Proxy],
    ground: Ground,
    unread: Sequence[str] = (),
) -> Iterator[Finding]:
    """Give what is allowed and may not be meant: FED807, FED808, FED809 and FED813."""
    for extension, manifest in zip(sorted(extensions, key=lambda each: each.key), desired):
        place = f"{OPTION}, {extension.place}"
        if not extension.is_pinned:
            yield Finding("FED807", place, "has an image without a digest")
        chosen = selected_by(manifest, proxies, ground.namespace)
        gateways = [proxy.place for proxy in chosen if proxy.is_gateway]
        if not chosen and not is_hidden(extension, ground, unread):
            yield Finding("FED809", place, f"selects no pod with a proxy ({selector_text(extension.selector)})")
        if (
            gateways
            and extension.traffic != "gateway"
            and manifest["kind"] == WASM_PLUGIN.name
            and manifest["spec"].get("match")
        ):
            yield Finding(
                "FED813",
                place,
                f"selects the gateway {some(gateways, 3)}, where it never runs with traffic: {extension.traffic}",
            )
    mine = {f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}" for manifest in desired}
    for order in orders_beside(desired, live, proxies, ground):
        if mine.intersection(order.ties):
            seen = (
                f"of {order.phase} have one priority, so it is undefined which runs first in {some(order.proxies, 3)}"
            )
            yield Finding("FED808", some(order.ties), seen)


def orders_beside(
    desired: Sequence[Mapping], live: Iterable[Mapping], proxies: Sequence[Proxy], ground: Ground
) -> list[Order]:
    """Return in which orders extensions run once what is desired stands beside what else is ``live``."""
    keys = {key_of(each) for each in desired}
    others = [each for each in live if key_of(each) not in keys]
    return orders([*desired, *others], proxies, ground.namespace)


def open_until_fetched(found: Sequence[Change], extensions: Iterable[Extension]) -> Iterator[Finding]:
    """Give what happens while proxies fetch a new module for which a guard waits: FED812; on 2.0 all that changes is
    new: FED815.
    """
    gone = {(change.namespace, change.name) for change in found if change.action == "delete"}
    new = {
        (change.namespace, change.name)
        for change in found
        if change.action == "create"
        or any(each.path[:2] in (("spec", "url"), ("spec", "image")) for each in change.differences)
    }
    for extension in extensions:
        if extension.key in gone and extension.key in new:
            yield Finding(
                "FED815", f"{OPTION}, {extension.place}", "is deleted and re-created, and does not run in between"
            )
        if extension.key in new and extension.phase in GUARDS:
            seen = (
                f"guards requests in {extension.phase}, and running proxies go on without it until each has fetched the"
                " module"
            )
            yield Finding("FED812", f"{OPTION}, {extension.place}", seen)


def in_words(*found: Iterable[Finding]) -> list[str]:
    """Return what was found as warnings; many of one code are one."""
    return texts(chain(*found))


def _carried(manifest: Mapping, own: Mapping | None) -> Mapping:
    """Return a manifest with what a conversion gave its object and the description does not say otherwise.

    That is the root id by which the module registered, and a raised priority, as long as the description has the one
    that was raised.
    """
    if own is None or not is_kept_here(own, _mesh_of(manifest)):
        return manifest
    spec, metadata = manifest["spec"], manifest["metadata"]
    if manifest["apiVersion"] == OLD_EXTENSION.api_version and _is_same_json(
        spec.get("config"), at(own, "spec", "config")
    ):
        spec = {**spec, "config": at(own, "spec", "config")}
    root = f"{metadata['name']}_root"
    if at(own, "spec", "pluginName") == root and "pluginName" not in spec:
        spec = {**spec, "pluginName": root}
    described, raised = at(own, "metadata", "annotations", RAISED_FROM), at(own, "spec", "priority")
    if (
        manifest["kind"] == WASM_PLUGIN.name
        and described == str(spec.get("priority", NO_PRIORITY))
        and isinstance(raised, int)
    ):
        spec = {**spec, "priority": raised}
        metadata = {**metadata, "annotations": {RAISED_FROM: described}}
    return {**manifest, "metadata": metadata, "spec": spec}


def _is_same_json(text: object, other: object) -> bool:
    """Return whether two texts are the same as JSON: the webhook of 2.1 writes its own, with other blanks and another
    order.
    """
    try:
        return isinstance(text, str) and isinstance(other, str) and json.loads(text) == json.loads(other)
    except (ValueError, RecursionError):
        return False


def _mesh_of(manifest: Mapping) -> str:
    return str(manifest["metadata"]["labels"][MESH_LABEL])


def _hidden(change: Change) -> Iterator[Difference]:
    told: dict[tuple, list[Difference]] = {}
    for difference in change.differences:
        path = difference.path[:2]
        if path in _CONFIGURATIONS:
            told.setdefault(path, []).append(difference)
        else:
            yield difference
    for path, parts in told.items():
        before = [(list(map(str, part.path)), part.before) for part in parts if part.before is not MISSING]
        after = [(list(map(str, part.path)), part.after) for part in parts if part.after is not MISSING]
        yield Difference(path, _digest(before) if before else MISSING, _digest(after) if after else MISSING)


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return f"(not shown; SHA-256 of the change {hashlib.sha256(text.encode()).hexdigest()[:12]})"


def _refuse_both(manifest: Mapping, standing: Mapping[tuple, Mapping]) -> None:
    """Refuse an object beside one of the other kind: FED810. Its module would run twice."""
    other = WASM_PLUGIN if manifest["kind"] == EXTENSION.name else EXTENSION
    beside = standing.get((other.name, *key_of(manifest)[1:]))
    if beside is None:
        return
    is_old = other is EXTENSION
    raise FederationError(
        "FED810",
        where=place_of(beside),
        what=f"exists under the name of the new {manifest['kind']}, so the module would run twice",
        fix=(
            "Convert it first (playbook convert_extensions), or write kind: ServiceMeshExtension"
            if is_old
            else "Write kind: WasmPlugin, or delete it first"
        ),
    )


def _refuse_anothers(own: Mapping, mesh: str) -> None:
    """Refuse to write over an object that is not kept here: FED811."""
    if not is_kept_here(own, mesh):
        raise FederationError(
            "FED811",
            where=place_of(own),
            what="was made by somebody else, or for another mesh",
            fix=(
                "Give the extension another name, delete that object, or take it over with federation_force: true"
                " (option force)"
            ),
        )


def _readiness(live: Mapping) -> tuple[bool | None, str]:
    """Return whether an object says that its module has arrived, and why not or why that is not known."""
    if live.get("kind") == WASM_PLUGIN.name:
        return None, "a WasmPlugin has no status; its proxies know"
    deployment = mapping(at(live, "status", "deployment"))
    if not deployment or at(live, "status", "observedGeneration") != at(live, "metadata", "generation"):
        return None, "the operator has not looked at it yet"
    return deployment.get("ready") is True, (
        "" if deployment.get("ready") is True else str(deployment.get("message") or "no reason given")
    )


def key_of(live: Mapping) -> tuple[str, str, str]:
    """Return what tells an object from all others: kind, namespace and name."""
    return str(live.get("kind")), str(at(live, "metadata", "namespace")), str(at(live, "metadata", "name"))


def untouched(live: Iterable[Mapping], found: Iterable[Change]) -> dict[tuple, Mapping]:
    """Return the live objects that no change touches, by key."""
    touched = {(change.kind.name, change.namespace, change.name) for change in found}
    return {key_of(each): each for each in live if key_of(each) not in touched}


def line_of(row: Mapping) -> str:
    """Return how an extension stands as one line for people; ``row`` is a row of ``federation_info``."""
    readiness = {True: "ready", False: "not ready", None: "readiness unknown"}[row["ready"]]
    state = {True: readiness, False: "missing", None: "unknown"}[row["stands"]]
    pods = "" if row["pods"] is None else f", {len(row['pods'])} pod{'s' * (len(row['pods']) != 1)}"
    why = f": {row['why']}" if row["why"] else ""
    return f"{row['what']} {row['namespace']}/{row['name']}: {row['kind']}, {state}{pods}{why}"


def findings_of(problems: Iterable[Problem]) -> list[Finding]:
    """Return what is wrong with a description as findings."""
    return [Finding(each.code, each.where, each.what, each.fix) for each in problems]


def gaps_of(
    refused: Iterable[Refusal], unread: Iterable[str], unasked: Iterable[Refusal], codes: tuple[str, ...]
) -> list[Unknown]:
    """Return what is not known of a mesh's extensions, and which ``codes`` would be found there.

    ``unread`` are namespaces whose pods may not be read, ``unasked`` is what would tell the platform.
    """
    gaps = [*refused, *(Refusal(POD, place) for place in unread)]
    return [
        *(Unknown(gap.what, gap.because, codes) for gap in gaps),
        *(Unknown(gap.what, gap.because, _OF_THE_PLATFORM) for gap in unasked),
    ]
