# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""ServiceMeshExtensions as WasmPlugins: what each becomes, why one cannot, and in which order the two kinds take turns.

Sources: maistra/istio, branch 2.2, which obeys both kinds; maistra.io/v1 conversion webhook (``raw_v1alpha1_config``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..plain.data import at, from_json, items, mapping, place_of, some
from ..plain.diff import Change, change_to, removal_of
from ..plain.errors import FederationError
from ..plain.kinds import EXTENSION, MANAGER, MESH_LABEL, WASM_PLUGIN
from ..plain.supported import WASM_PLUGINS_FROM
from .described import PRIORITIES, Extension
from .keeping import is_applied_by, is_kept_here, key_of
from .phases import GUARDS, NEW_PHASE, OLD_ORDER, OLD_PHASE, new_phase
from .plan import EXTENSIONS_MANAGER, NO_PRIORITY, RAISED_FROM, RAW, Ground, manifest_of, objections
from .problems import Problem

CONVERSION_MANAGER = f"{MANAGER}/conversion"
"""The field manager for the conversions of others' extensions: ``extend`` keeps and prunes only its own."""
_NOT_KEPT = ("kubectl.kubernetes.io/last-applied-configuration",)
_THREESCALE = "3scale-auth-wasm"


@dataclass(frozen=True)
class Conversion:
    """One ServiceMeshExtension and what it becomes; with ``problems`` it cannot become anything. ``notes`` say what
    differs.
    """

    live: Mapping
    extension: Extension
    manifest: Mapping
    manager: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Return it as people name it: namespace/name."""
        return self.extension.place

    @property
    def is_guard(self) -> bool:
        """Return whether requests must never pass without it: the new one is seen before the old one goes."""
        return self.extension.phase in GUARDS

    def as_data(self) -> dict:
        """Return it as JSON-friendly data, without what the module is told."""
        return {
            "namespace": self.extension.namespace,
            "name": self.extension.name,
            "image": self.extension.image,
            "phase": self.extension.phase,
            "priority": self.extension.priority,
            "order": "create, see it loaded, delete" if self.is_guard else "delete, create",
            "problems": [problem.as_data() for problem in self.problems],
            "notes": list(self.notes),
        }

    @property
    def lines(self) -> list[str]:
        """Return it as lines for people."""
        old = at(self.live, "spec", "phase") or at(self.live, "status", "phase")
        head = f"{self.place}: {'cannot be converted' if self.problems else f'{old} becomes {self.extension.phase}'}"
        return [
            head,
            *(f"  {each.code} {each.where} {each.what}; {each.fix}" for each in self.problems),
            *(f"  note: {note}" for note in self.notes),
        ]


def conversions(live: Iterable[Mapping], ground: Ground, images: Mapping[str, str]) -> list[Conversion]:
    """Return what each ServiceMeshExtension becomes, by namespace and name.

    ``images`` says for each image which one a WasmPlugin can read; it is the same image if its module is also called
    ``plugin.wasm``.
    """
    old = sorted((each for each in live if each.get("kind") == EXTENSION.name), key=key_of)
    raised = _raised(old)
    # On 2.1 the plan is that of the next version.
    ground = replace(ground, version=max(ground.version, WASM_PLUGINS_FROM))
    return [_conversion(each, ground, images, raised.get(key_of(each), 0)) for each in old]


def refuse_impossible(found: Sequence[Conversion], ground: Ground) -> None:
    """Refuse to write where anything cannot be converted: FED820, FED823; or where the mesh does not obey WasmPlugins
    yet: FED804.
    """
    if ground.version < WASM_PLUGINS_FROM:
        raise FederationError(
            "FED804",
            where=f"Mesh {ground.mesh}",
            what=f"is {ground.text}, which supports only ServiceMeshExtensions",
            fix="Upgrade to v2.2, which supports both kinds, convert there, then continue",
        )
    problems = [problem for each in found for problem in each.problems]
    if problems:
        first = problems[0]
        raise FederationError(
            first.code,
            where=first.where,
            what=f"{first.what}{f'; {len(problems) - 1} more are in facts.problems' if len(problems) > 1 else ''}",
            fix=first.fix,
            facts={"problems": [problem.as_data() for problem in problems]},
        )


@dataclass(frozen=True)
class Turn:
    """What one run does: the changes in their order, and the guards whose old object has to wait for evidence."""

    changes: tuple[Change, ...]
    waiting: tuple[Conversion, ...]


def turns(found: Sequence[Conversion], live: Iterable[Mapping], loaded: Iterable[str], *, force: bool = False) -> Turn:
    """Return what one run does.

    An old object of a guard goes once its new one stands as planned and ``loaded`` names it (namespace/name): what is
    made in this run cannot have been seen. Raises ``FederationError`` FED811 where a WasmPlugin of that name is
    somebody else's.
    """
    standing = {key_of(each): each for each in live}
    seen = set(loaded)
    changes: list[Change] = []
    waiting: list[Conversion] = []
    for each in found:
        beside = standing.get((WASM_PLUGIN.name, *each.extension.key))
        if beside is not None and not force and not is_applied_by(beside, CONVERSION_MANAGER, EXTENSIONS_MANAGER):
            raise FederationError(
                "FED811",
                where=place_of(beside),
                what="was made by somebody else, and has the name that a converted extension needs",
                fix="Delete it, or delete the ServiceMeshExtension by hand if it has replaced it already",
            )
        new = change_to(beside, each.manifest, each.manager, force=force)
        old = [] if at(each.live, "metadata", "deletionTimestamp") else [removal_of(each.live, each.manager)]
        made = [new] if new else []
        if not each.is_guard:
            changes += [*old, *made]
        elif new is None and each.place in seen:
            changes += old
        else:
            changes += made
            waiting.append(each)
    return Turn(tuple(changes), tuple(waiting))


def decided(params: Mapping[str, Any], found: Sequence[Conversion], ground: Ground, live: Iterable[Mapping]) -> Turn:
    """Return what one run does by a module's options: nothing where the conversion is only planned.

    Raises ``FederationError`` FED822 where nobody would have a copy of what is deleted, and as ``refuse_impossible``
    and ``turns``.
    """
    if not (params["apply"] and found):
        return Turn((), ())
    if not params["dest"]:
        raise FederationError(
            "FED822",
            where="Option dest (convert_extensions_dir)",
            what="is not given, so no copy of the old extensions would be kept",
            fix="Name a folder for the copies",
        )
    refuse_impossible(found, ground)
    return turns(found, live, params["loaded"], force=params["force"])


def refuse_unseen(waiting: Sequence[Conversion], selected: Mapping[str, Sequence[str]], why: Mapping[str, str]) -> None:
    """Stop where guards stand in both kinds until somebody has seen the new ones: FED821.

    ``selected`` are the pods of each, and ``why`` says what is known of them.
    """
    if not waiting:
        return
    places = [each.place for each in waiting]
    known = [f"{place}: {why[place]}" for place in places if why.get(place)] or ["no pod was asked"]
    first = waiting[0].extension
    raise FederationError(
        "FED821",
        where=f"WasmPlugin {places[0]}" if len(places) == 1 else f"WasmPlugins {some(places, 5)}",
        what=(
            "guard requests, and not every proxy is known to have loaded them; the old ones stay, and both run"
            f" ({some(known, 3, '; ')})"
        ),
        fix=(
            "See in each pod of facts.selected that the active_state of its listeners has the filter "
            f"{first.namespace}.{first.name} (oc exec <pod> -c istio-proxy -- pilot-agent request GET config_dump), "
            f"then run again with convert_extensions_loaded={','.join(places[:5])}"
        ),
        facts={"waiting": places, "selected": {place: list(selected.get(place, ())) for place in places}},
    )


def _conversion(live: Mapping, ground: Ground, images: Mapping[str, str], raise_by: int) -> Conversion:
    spec, word = mapping(live.get("spec")), _word(live)
    _kind, namespace, name = key_of(live)
    image = str(spec.get("image") or "")
    priority, secrets = _priority(live), items(spec.get("imagePullSecrets"))
    told = _config(spec.get("config"))
    extension = Extension(
        name=name,
        namespace=namespace,
        image=str(images.get(image, image)).removeprefix("oci://"),
        selector=dict(mapping(at(spec, "workloadSelector", "labels"))) or None,
        phase=new_phase(word) or NEW_PHASE["PostStats"],
        priority=priority + raise_by if priority is not None else raise_by or None,
        config={} if RAW in told else told,
        pull_secret=str(secrets[0].get("name") or "") if secrets else "",
        pull_policy=str(spec.get("imagePullPolicy") or ""),
        kind=WASM_PLUGIN.name,
        plugin_name=f"{name}_root",
    )
    is_ours = is_kept_here(live, ground.mesh)
    return Conversion(
        live,
        extension,
        _manifest(live, extension, ground, is_ours=is_ours, is_raised=bool(raise_by)),
        EXTENSIONS_MANAGER if is_ours else CONVERSION_MANAGER,
        tuple(_problems(live, extension, ground, images)),
        tuple(_notes(word, raise_by, extension)),
    )


def _word(live: Mapping) -> Any:
    """Return the phase in force, in the words of a ServiceMeshExtension: its own, else that of the image's manifest."""
    return at(live, "spec", "phase") or at(live, "status", "phase")


def _problems(live: Mapping, extension: Extension, ground: Ground, images: Mapping[str, str]) -> Iterator[Problem]:
    """Give everything that keeps an object from becoming the WasmPlugin that ``extension`` describes."""
    place = place_of(live)
    for field, what, fix in _impossible(live):
        yield Problem("FED820", (place, field), what, fix)
    if extension.priority is not None and extension.priority not in PRIORITIES:
        what = f"becomes {extension.priority:,}, and a WasmPlugin's has 32 bits"
        yield Problem(
            "FED820", (place, "priority"), what, "Give the extensions of PostAuthN to PreStats smaller priorities"
        )
    for what, fix in _unreadable(str(at(live, "spec", "image") or ""), images):
        yield Problem("FED823", (place, "image"), what, fix)
    for each in objections([extension], ground):
        yield Problem("FED820", (place, each.path[-1]), each.what, each.fix)


def _manifest(live: Mapping, extension: Extension, ground: Ground, *, is_ours: bool, is_raised: bool) -> dict:
    """Return the WasmPlugin, with the labels and annotations that people gave the old object.

    One of ours tells the priority that its description has, so that ``extend`` does not take a raised one back.
    """
    manifest = manifest_of(extension, WASM_PLUGIN, ground)
    labels = {key: value for key, value in mapping(at(live, "metadata", "labels")).items() if key != MESH_LABEL}
    annotations = {
        key: value for key, value in mapping(at(live, "metadata", "annotations")).items() if key not in _NOT_KEPT
    }
    own = {MESH_LABEL: ground.mesh} if is_ours else {}
    if is_ours and is_raised:
        described = at(live, "spec", "priority")
        annotations |= {RAISED_FROM: NO_PRIORITY if described is None else str(described)}
    metadata = {
        "name": extension.name,
        "namespace": extension.namespace,
        "labels": {**labels, **own},
        "annotations": annotations,
    }
    return {**manifest, "metadata": {key: value for key, value in metadata.items() if value}}


def _impossible(live: Mapping) -> Iterator[tuple[str, str, str]]:
    """Give what a WasmPlugin has no place for: the field, what is wrong, what to do."""
    word, secrets = _word(live), len(items(at(live, "spec", "imagePullSecrets")))
    if not at(live, "spec", "image"):
        yield "image", "is missing", "Delete the extension, which does nothing, or give it its image"
    if new_phase(word) is None:
        yield (
            "phase",
            f"is {word or 'neither given nor known from the image'}",
            f"Set spec.phase to one of {', '.join(OLD_ORDER)}",
        )
    if is_text(live):
        fix = "Change the module so that it reads an object, give the extension that object, then convert"
        yield "config", "is free text of v1alpha1, and the pluginConfig of a WasmPlugin is an object", fix
    if secrets > 1:
        yield (
            "imagePullSecrets",
            f"has {secrets} entries, and a WasmPlugin can have only one",
            "Keep the one that the registry of the image needs",
        )


def _config(said: object) -> Mapping:
    """Return what a module is told, as 2.1 has it: a text of v1alpha1 that is a JSON object is that object, any other
    is raw.
    """
    if said is None or said == "" or isinstance(said, Mapping):
        return mapping(said)
    read = from_json(str(said))
    return read if isinstance(read, Mapping) else {RAW: said}


def is_text(live: Mapping) -> bool:
    """Return whether the module of a ServiceMeshExtension is told a text that is no object."""
    return RAW in _config(at(live, "spec", "config"))


def _unreadable(image: str, images: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give why a WasmPlugin cannot read an image, as far as anybody has said."""
    if _THREESCALE in image:
        fix = (
            "Describe it in mesh_threescale with kind: WasmPlugin and switch, and run the playbook threescale, or"
            " delete this extension"
        )
        yield "is 3scale's, whose image, phase and configuration change together", fix
    elif image and image not in images:
        what = "may have a module with another name than plugin.wasm, the one that a WasmPlugin reads"
        yield (
            what,
            (
                "Rebuild it with /plugin.wasm in its only layer, and name it: convert_extensions_images: "
                f"{{{image}: <image>}}"
            ),
        )


def _notes(word: object, raise_by: int, extension: Extension) -> Iterator[str]:
    if word == "PostStats":
        yield "PostStats has no counterpart: it runs at the end, before the router, which is the nearest"
    if raise_by:
        yield (
            f"its priority is raised by {raise_by}, so that {word} stays before {_later_of(str(word))}, which is the"
            " same phase now"
        )
    if extension.phase in GUARDS:
        yield "the old one is deleted after somebody has checked that every proxy runs the new one; until then both run"


def _later_of(word: str) -> str:
    return OLD_PHASE["AUTHZ"] if NEW_PHASE.get(word) == "AUTHZ" else "PreStats"


def _raised(old: Sequence[Mapping]) -> dict[tuple[str, str, str], int]:
    """Return by how much priorities are raised: where two phases become one, those of the earlier stay before the
    later.
    """
    result: dict[tuple[str, str, str], int] = {}
    for earlier, later in (("PostAuthN", "PreAuthZ"), ("PostAuthZ", "PreStats")):
        first, second = ([each for each in old if _word(each) == word] for word in (earlier, later))
        if first and second:
            by = max(_priority(each) or 0 for each in second) - min(_priority(each) or 0 for each in first) + 1
            result |= {key_of(each): by for each in first if by > 0}
    return result


def _priority(live: Mapping) -> int | None:
    """Return the priority in force: its own, else that of the image's manifest."""
    for part in ("spec", "status"):
        value = at(live, part, "priority")
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None
