# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one pod that tries a guard before all others get it: which pod, by which label, and the object that is for it
alone.

An object selects pods by labels, and the pods of a Deployment have all of theirs in common. So the pod is one that has
a label of its own among those that the extension selects, or it bears one of ours while it tries. Pods keep their
labels, and a pod on which ours was forgotten is named by the object, which is made before the label and goes after it.

Source: istio/istio pull request 40186 (Istio 1.16): until then istiod knew the labels that a pod had when its proxy
started.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..catalogue.findings import Finding
from ..plain.data import at, mapping
from ..plain.diff import Change
from ..plain.kinds import MESH_LABEL, WASM_PLUGIN, is_label
from .described import NAME, OPTION, Extension
from .keeping import is_hidden, is_kept_here, key_of
from .phases import GUARDS
from .plan import Ground, Version
from .selecting import Proxy, selected_by

CANARY_OF = "ossm.federation/canary-of"
CANARY_POD = "ossm.federation/canary-pod"
CANARY_LABEL = "canary.ossm.federation"
"""The prefix of the label that a pod bears while it tries an extension; what follows is made of the
extension's place.
"""
LABELS_FOLLOW_FROM: Version = (2, 4)
"""From which version on istiod follows labels that a running pod gets."""
MOST_CANDIDATES = 5
_LONGEST_NAME = 253
_SUFFIX = "-canary"
_TRIED = (("spec", "url"), ("spec", "sha256"), ("spec", "pluginConfig"), ("spec", "pluginName"), ("spec", "vmConfig"))
_OF_ONE_POD = ("statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index")


@dataclass(frozen=True)
class Canary:
    """The object that is for one pod alone; ``label`` is what the pod has to bear for it, "" where it has a label of
    its own.
    """

    place: str
    proxy: Proxy
    manifest: Mapping = field(hash=False)
    label: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Return its object's namespace and name."""
        return self.manifest["metadata"]["namespace"], self.manifest["metadata"]["name"]

    @property
    def text(self) -> str:
        """Return it as one line for people."""
        return f"{self.place}: {self.proxy.place} tries it first, all others get it once it is loaded there"


@dataclass(frozen=True)
class Trial:
    """An extension that one pod is to try: the canaries that could do so, the best first."""

    place: str
    canaries: tuple[Canary, ...]


def canaries_of(live: Sequence[Mapping], desired: Sequence[Mapping], mesh: str) -> list[Mapping]:
    """Return the objects that were made here for one pod each; one whose name is described now is none any more."""
    wanted = {key_of(each) for each in desired}
    return [each for each in live if is_canary(each, mesh) and key_of(each) not in wanted]


def is_canary(live: Mapping, mesh: str) -> bool:
    """Return whether an object was made here for one pod."""
    return CANARY_OF in mapping(at(live, "metadata", "annotations")) and is_kept_here(live, mesh)


def trials(
    extensions: Sequence[Extension],
    found: Sequence[Change],
    live: Sequence[Mapping],
    proxies: Sequence[Proxy],
    ground: Ground,
    unread: Sequence[str] = (),
) -> tuple[list[Trial], list[Finding]]:
    """Return what one pod has to try of the changes that were ``found``, and FED816 for each guard that no pod can try.

    A guard that selects one pod, or none, is not tried: there is no other pod to be spared.
    """
    touched = {(change.namespace, change.name): change.manifest for change in found if _is_to_be_tried(change)}
    taken = {each.key for each in extensions}
    tried: list[Trial] = []
    doubts: list[Finding] = []
    for extension in sorted(extensions, key=lambda each: each.key):
        manifest = touched.get(extension.key)
        if manifest is None or extension.phase not in GUARDS or not extension.canary:
            continue
        chosen = selected_by(manifest, proxies, ground.namespace)
        is_partly_hidden = is_hidden(extension, ground, unread)
        if len(chosen) < 2 and not is_partly_hidden:
            continue
        begun, why = _begun(extension, live, taken, ground.mesh)
        canaries: list[Canary] = []
        if not why:
            canaries, why = _canaries(extension, manifest, chosen, begun, ground, is_partly_hidden)
        if canaries:
            tried.append(Trial(extension.place, tuple(canaries)))
        else:
            doubts.append(untried(extension.place, why))
    return tried, doubts


def untried(place: str, why: str) -> Finding:
    """Return what is said of a guard that goes to all pods at once: FED816."""
    return Finding(
        "FED816", f"{OPTION}, {place}", f"is applied to all of its pods at once, without a trial on one: {why}"
    )


def pod_of(canary: Mapping) -> tuple[str, str] | None:
    """Return the namespace and the name of the pod that a live canary is for; None where somebody has written something
    else there.
    """
    namespace, _slash, name = str(at(canary, "metadata", "annotations", CANARY_POD)).partition("/")
    return (namespace, name) if is_label(namespace) and NAME.fullmatch(name) else None


def label_of(namespace: str, name: str) -> str:
    """Return the label that a pod bears while it tries an extension."""
    return f"{CANARY_LABEL}/{hashlib.sha256(f'{namespace}/{name}'.encode()).hexdigest()[:16]}"


def _is_to_be_tried(change: Change) -> bool:
    """Return whether a change brings proxies another module, or tells a module something else."""
    if change.kind is not WASM_PLUGIN:
        return False
    return change.action == "create" or any(each.path[:2] in _TRIED for each in change.differences)


def _begun(
    extension: Extension, live: Sequence[Mapping], taken: Collection[tuple[str, str]], mesh: str
) -> tuple[tuple[str, str] | None, str]:
    """Return the pod of a canary of an extension that stands, None where none does; and why none can stand, "" where
    its name is free or its own.
    """
    name = f"{extension.name}{_SUFFIX}"
    beside = next((each for each in live if key_of(each)[1:] == (extension.namespace, name)), None)
    is_free = beside is None or (
        is_canary(beside, mesh) and at(beside, "metadata", "annotations", CANARY_OF) == extension.name
    )
    if (extension.namespace, name) in taken or len(name) > _LONGEST_NAME or not is_free:
        return None, f"the name {name}, under which one would be tried, is in use or too long"
    return pod_of(beside) if beside is not None else None, ""


def _canaries(
    extension: Extension,
    manifest: Mapping,
    chosen: Sequence[Proxy],
    begun: tuple[str, str] | None,
    ground: Ground,
    is_partly_hidden: bool,
) -> tuple[list[Canary], str]:
    """Return the canaries that could try an extension, the best first, or why none can; ``begun`` is the pod of one
    that stands.
    """
    own_label = label_of(*extension.key)
    found: list[Canary] = []
    for proxy in chosen:
        pair = None if is_partly_hidden else _of_its_own(proxy, chosen)
        if pair is not None:
            found.append(Canary(extension.place, proxy, _for_one(manifest, proxy, pair)))
        elif ground.version >= LABELS_FOLLOW_FROM:
            found.append(Canary(extension.place, proxy, _for_one(manifest, proxy, (own_label, "true")), own_label))
    # Who has begun goes on; a label that is there needs no right to write to pods.
    found.sort(
        key=lambda each: (
            not each.proxy.is_ready,
            (each.proxy.namespace, each.proxy.name) != begun,
            bool(each.label),
            each.proxy.place,
        )
    )
    if found or not chosen:
        return found[:MOST_CANDIDATES], "its pods may not be read"
    first = f"v{LABELS_FOLLOW_FROM[0]}.{LABELS_FOLLOW_FROM[1]}"
    return (
        [],
        (
            f"none of them has a label that the others lack, and istiod before {first} does not see one that is added"
            " to a running pod"
        ),
    )


def _of_its_own(proxy: Proxy, chosen: Sequence[Proxy]) -> tuple[str, str] | None:
    """Return a label that one pod has and none of the others that are selected; those that name the pod come first."""
    pairs = sorted(proxy.labels.items(), key=lambda pair: (pair[0] not in _OF_ONE_POD, pair))
    # Ours is another canary's, and goes when that one ends.
    return next(
        (
            pair
            for pair in pairs
            if not pair[0].startswith(f"{CANARY_LABEL}/")
            and sum(each.labels.get(pair[0]) == pair[1] for each in chosen) == 1
        ),
        None,
    )


def _for_one(manifest: Mapping, proxy: Proxy, pair: tuple[str, str]) -> dict:
    """Return an extension's object as it is for one pod, under a name of its own."""
    metadata, spec = manifest["metadata"], manifest["spec"]
    labels = {**mapping(at(spec, "selector", "matchLabels")), pair[0]: pair[1]}
    return {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "metadata": {
            "name": f"{metadata['name']}{_SUFFIX}",
            "namespace": metadata["namespace"],
            "labels": {MESH_LABEL: metadata["labels"][MESH_LABEL]},
            "annotations": {CANARY_OF: metadata["name"], CANARY_POD: proxy.place},
        },
        "spec": {**spec, "selector": {"matchLabels": labels}},
    }
