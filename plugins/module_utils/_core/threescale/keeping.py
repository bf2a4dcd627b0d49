# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands of 3scale's adapters beside what is described: the changes, in an order in which no request passes
uncounted unasked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..catalogue.findings import Finding
from ..extensions.keeping import is_applied_by, key_of
from ..extensions.plan import Ground
from ..extensions.selecting import Proxy, selected_by
from ..plain.data import at, mapping, place_of, some, strings
from ..plain.diff import Change, change_to, removal_of
from ..plain.errors import FederationError
from ..plain.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    EXTENSION,
    MESH_LABEL,
    REQUEST_AUTHENTICATION,
    SERVICE_ENTRY,
    WASM_PLUGIN,
)
from .described import OPTION, Adapter
from .plan import OF_THREESCALE, THREESCALE_MANAGER, denial_of, kind_of

WRAPPERS = (EXTENSION.name, WASM_PLUGIN.name)
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Turn:
    """What one run does, in its order; ``waiting`` are the adapters whose proxies somebody has to look at before the
    next.
    """

    changes: tuple[Change, ...]
    waiting: tuple[Adapter, ...] = ()


def is_kept_here(live: Mapping, mesh: str) -> bool:
    """Return whether this collection made an object for 3scale in this mesh."""
    return mapping(at(live, "metadata", "labels")).get(MESH_LABEL) == mesh and is_applied_by(live, THREESCALE_MANAGER)


def authenticated_in(live: Iterable[Mapping], mesh: str) -> set[str]:
    """Return the namespaces with a RequestAuthentication of somebody else."""
    return {
        str(each["metadata"].get("namespace"))
        for each in live
        if each.get("kind") == REQUEST_AUTHENTICATION.name and not is_kept_here(each, mesh)
    }


def without_taken(
    planned: Iterable[Mapping], live: Iterable[Mapping], mesh: str
) -> tuple[list[Mapping], list[Finding]]:
    """Return what is planned without the hosts that somebody else keeps in the same namespace, and what was left out:
    FED895.
    """
    held: dict[tuple[str, str, str], Mapping] = {}
    for each in live:
        if each.get("kind") in (SERVICE_ENTRY.name, DESTINATION_RULE.name) and not is_kept_here(each, mesh):
            for host in _hosts(each):
                held[(str(each.get("kind")), str(at(each, "metadata", "namespace")), host)] = each
    kept, findings = [], []
    for manifest in planned:
        hosts = _hosts(manifest) if manifest["kind"] in (SERVICE_ENTRY.name, DESTINATION_RULE.name) else []
        other = next(
            (
                held[key]
                for host in hosts
                if (key := (manifest["kind"], manifest["metadata"]["namespace"], host)) in held
            ),
            None,
        )
        if other is None:
            kept.append(manifest)
        else:
            findings.append(
                Finding(
                    "FED895", place_of(other), f"is for {hosts[0]} already, so no {manifest['kind']} is made for it"
                )
            )
    return kept, findings


def _hosts(live: Mapping) -> list[str]:
    host = at(live, "spec", "host")
    return strings(at(live, "spec", "hosts")) or ([host] if isinstance(host, str) else [])


def turn_of(
    planned: Sequence[Mapping],
    adapters: Iterable[Adapter],
    live: Iterable[Mapping],
    ground: Ground,
    loaded: Iterable[str] = (),
    *,
    force: bool = False,
) -> Turn:
    """Return what one run does to come from what stands to what is planned.

    ``loaded`` names the adapters (namespace/name) whose new wrapper somebody has seen in every proxy. Raises
    ``FederationError``: FED887 where one kind of wrapper is to take the other's place and nobody has said how, FED898
    for an object of somebody else, unless ``force``, FED107 for a field of another manager.
    """
    standing = {key_of(each): each for each in live}
    described = {each.extension.key: each for each in adapters}
    waiting = _waiting(described.values(), _as_planned(planned, standing, ground.mesh), set(loaded), standing, ground)
    for each in waiting:
        _refuse_unsaid(each, standing, ground, force)
    denied = [each for each in waiting if each.switch == "deny" or _is_denied(each, standing, ground)]
    desired = [*(denial_of(each, ground.mesh) for each in denied), *planned]
    needed = {*map(key_of, desired), *(_other_key(each, ground) for each in waiting if each not in denied)}
    made = [change for manifest in desired if (change := _change(manifest, standing, ground.mesh, force))]
    replaced = {_other_key(each, ground) for each in described.values()} if force else set()
    gone = _removals(standing, needed, replaced, ground.mesh)
    return Turn(tuple(_in_order(made, gone)), tuple(waiting))


def _waiting(
    adapters: Iterable[Adapter],
    as_planned: Collection[tuple[str, str]],
    loaded: Collection[str],
    standing: Mapping[Key, Mapping],
    ground: Ground,
) -> list[Adapter]:
    """Return the adapters whose wrapper is exchanged, and whose new one nobody has seen in every proxy as it stands
    now.
    """
    unseen = [each for each in adapters if each.place not in loaded or each.extension.key not in as_planned]
    return [each for each in unseen if _is_switching(each, standing, ground)]


def _as_planned(planned: Iterable[Mapping], standing: Mapping[Key, Mapping], mesh: str) -> set[tuple[str, str]]:
    """Return the adapters whose wrapper stands as it is planned: what a run makes or changes nobody can have seen."""
    wrappers = (each for each in planned if key_of(each)[0] in WRAPPERS)
    return {key_of(each)[1:] for each in wrappers if not _change(each, standing, mesh, True)}


def _removals(
    standing: Mapping[Key, Mapping], needed: Collection[Key], replaced: Collection[Key], mesh: str
) -> list[Change]:
    """Return the changes that remove what is kept here, or is ``replaced``, and not ``needed``; what goes already is
    left alone.
    """
    return [
        removal_of(each, THREESCALE_MANAGER)
        for key, each in sorted(standing.items())
        if key not in needed
        and (key in replaced or is_kept_here(each, mesh))
        and not at(each, "metadata", "deletionTimestamp")
    ]


def _in_order(made: Sequence[Change], gone: Sequence[Change]) -> Iterator[Change]:
    """Give changes in an order: a denial first, then wrappers that go, what is made, and what is needed no longer; a
    denial goes last.
    """
    is_denial = {AUTHORIZATION_POLICY.name}
    yield from (change for change in made if change.kind.name in is_denial)
    yield from (change for change in gone if change.kind.name in WRAPPERS)
    yield from (change for change in made if change.kind.name not in is_denial)
    yield from (change for change in gone if change.kind.name not in (*WRAPPERS, *is_denial))
    yield from (change for change in gone if change.kind.name in is_denial)


def _other_key(adapter: Adapter, ground: Ground) -> Key:
    other = WASM_PLUGIN if kind_of(adapter, ground) is EXTENSION else EXTENSION
    return (other.name, *adapter.extension.key)


def _is_switching(adapter: Adapter, standing: Mapping[Key, Mapping], ground: Ground) -> bool:
    """Return whether one wrapper is taking the other's place: the old one stands yet, or the denial of an earlier run
    does.
    """
    return _other_key(adapter, ground) in standing or _is_denied(adapter, standing, ground)


def _is_denied(adapter: Adapter, standing: Mapping[Key, Mapping], ground: Ground) -> bool:
    denial = standing.get(key_of(denial_of(adapter, ground.mesh)))
    return denial is not None and is_kept_here(denial, ground.mesh)


def _refuse_unsaid(adapter: Adapter, standing: Mapping[Key, Mapping], ground: Ground, force: bool) -> None:
    other = standing.get(_other_key(adapter, ground))
    if other is not None and not force and not is_kept_here(other, ground.mesh):
        raise _in_the_way(other)
    if other is not None and not adapter.switch:
        raise FederationError(
            "FED887",
            where=f"{OPTION}, {adapter.place}: switch",
            what=f"is not given, and a {kind_of(adapter, ground).name} is to replace {place_of(other)}",
            fix=(
                "Write switch: overlap (each request is counted twice while both run) or switch: deny (each request is"
                " refused meanwhile)"
            ),
        )


def _change(manifest: Mapping, standing: Mapping[Key, Mapping], mesh: str, force: bool) -> Change | None:
    own = standing.get(key_of(manifest))
    if own is not None and not force and not is_kept_here(own, mesh):
        raise _in_the_way(own)
    return change_to(own, manifest, THREESCALE_MANAGER, force=force)


def _in_the_way(live: Mapping) -> FederationError:
    return FederationError(
        "FED898",
        where=place_of(live),
        what="was made by somebody else, or for another mesh, and has a name that 3scale's adapter needs",
        fix="Delete it, give the adapter another name, or take it over with federation_force: true (option force)",
    )


def rolled_back(adapters: Iterable[Adapter], live: Iterable[Mapping], ground: Ground) -> list[Change]:
    """Return the changes that take new wrappers away beside which the old ones still run."""
    standing = {key_of(each): each for each in live}
    keys = [
        (kind_of(each, ground).name, *each.extension.key) for each in adapters if _other_key(each, ground) in standing
    ]
    return [removal_of(standing[key], THREESCALE_MANAGER) for key in keys if key in standing]


def refuse_unseen(
    waiting: Sequence[Adapter],
    selected: Mapping[str, Sequence[str]],
    why: Mapping[str, str],
    gone: Collection[str] = (),
) -> None:
    """Stop where a wrapper has to be seen before the old one, or the denial, can go: FED888; ``why`` it is not, by
    adapter.

    ``gone`` are the adapters whose new wrapper was taken away again.
    """
    if not waiting:
        return
    places = [each.place for each in waiting]
    left = [each for each in waiting if each.place not in gone]
    told = some([f"{place} {why[place]}" for place in places if why.get(place)], 3, "; ")
    how = "each request is counted twice" if left and left[0].switch == "overlap" else "each request is refused"
    stands = f"is new, and not every proxy is known to have loaded it; until then {how}"
    what = stands if left else "is not loaded by its proxies, so it was taken away again; the former one goes on alone"
    fix = (
        "Look for the filter in the active listeners of the pods in facts.selected, then run again with"
        " threescale_loaded naming it"
    )
    raise FederationError(
        "FED888",
        where=f"{OPTION}, {some(places)}",
        what=f"{what}{f' ({told})' if told else ''}",
        fix=(
            fix
            if left
            else (
                "See in the proxy's log why it cannot be fetched or run; correct its image or configuration, and run"
                " again"
            )
        ),
        facts={"waiting": places, "selected": {place: list(pods) for place, pods in selected.items()}},
    )


def several(
    manifests: Iterable[Mapping], live: Iterable[Mapping], proxies: Sequence[Proxy], root: str
) -> Iterator[Finding]:
    """Give the proxies in which 3scale's adapter would run more than once, each counting every request: FED899."""
    found: dict[Key, Mapping] = {key_of(each): each for each in live if is_threescale(each)}
    found |= {key_of(each): each for each in manifests if each["kind"] in WRAPPERS}
    running: dict[str, list[str]] = {}
    for key, each in sorted(found.items()):
        for proxy in selected_by(each, proxies, root):
            running.setdefault(proxy.place, []).append(f"{key[0]} {key[1]}/{key[2]}")
    alike: dict[tuple[str, ...], list[str]] = {}
    for place, names in running.items():
        if len(names) > 1:
            alike.setdefault(tuple(names), []).append(place)
    for together, places in sorted(alike.items()):
        yield Finding("FED899", some(together), f"run in {some(sorted(places), 3)}")


def is_threescale(live: Mapping) -> bool:
    """Return whether an object is an extension that runs 3scale's adapter, whoever made it."""
    image = at(live, "spec", "image") if live.get("kind") == EXTENSION.name else at(live, "spec", "url")
    return live.get("kind") in WRAPPERS and bool(OF_THREESCALE.search(str(image)))


def remaining(live: Iterable[Mapping], changes: Iterable[Change]) -> list[Mapping]:
    """Return what stands after the changes of what stood before."""
    gone = {(change.kind.name, change.namespace, change.name) for change in changes if change.action == "delete"}
    return [each for each in live if key_of(each) not in gone]
