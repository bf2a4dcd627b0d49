# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Live and desired, compared in the fields that we set and in those that we set before.

Server-side apply drops a field that its manager stops sending, so a comparison must look at what the manager owned
(``metadata.managedFields``) as well as at what stands. Source: Kubernetes documentation, "Server-Side Apply".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from .data import place_of
from .errors import FederationError
from .fingerprints import fingerprints_in
from .kinds import (
    AUTHORIZATION_POLICY,
    DRY_RUN,
    MANAGER,
    MEMBER_ROLL,
    MESH_LABEL,
    OLD_EXTENSION,
    WASM_PLUGIN,
    Kind,
    kind_of,
)

MISSING = object()
_KEYED_LISTS = {"ports": "port"}
# What a Wasm module is told is anybody's: no list in it is merged by a key.
_FREE = {("spec", "config"), ("spec", "pluginConfig")}
# Of which objects what others may add changes who gets in: a label in the selector, or the word that a policy is only
# rehearsed.
_DECIDING: Mapping[str, tuple[tuple[str, ...], ...]] = {
    AUTHORIZATION_POLICY.name: (("spec",), ("metadata", "annotations", DRY_RUN)),
    WASM_PLUGIN.name: (("spec",),),
    OLD_EXTENSION.name: (("spec",),),
}
_IDENTITY = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"), ("metadata", "uid")}

Path = tuple


@dataclass(frozen=True)
class Difference:
    """One field: what stands and what should; ``MISSING`` where there is nothing."""

    path: Path
    before: object
    after: object


@dataclass(frozen=True)
class Change:
    """One request: create, update or delete one object.

    ``manifest`` is what to apply (None to delete), ``differences`` are the fields that change, ``uid`` is that of
    the object as read (None when it is to be created), so that a write never re-creates what has gone meanwhile.
    ``force`` takes fields from other managers. A ``merge`` is an update whose manifest is a merge patch.
    """

    action: str
    kind: Kind
    namespace: str
    name: str
    manager: str
    manifest: Mapping | None
    differences: tuple[Difference, ...]
    uid: str | None = None
    force: bool = False

    @property
    def place(self) -> str:
        """Return how people name the object."""
        return f"{self.kind.name} {self.namespace}/{self.name}" if self.namespace else f"{self.kind.name} {self.name}"

    def summary(self) -> dict:
        """Return the change as JSON-friendly data for a module's result."""
        return {
            "action": self.action,
            "kind": self.kind.name,
            "namespace": self.namespace,
            "name": self.name,
            "fields": [path_text(difference.path) for difference in self.differences],
        }


def change_to(
    live: Mapping | None, desired: Mapping, manager: str, *, force: bool = False, own: bool = False, edits: bool = False
) -> Change | None:
    """Return the change that brings one object to ``desired``, or None when nothing differs.

    With ``edits`` what people wrote with ``kubectl`` is taken, and only a manager that applies by itself is in the way.
    With ``own`` every field of ``desired`` must be ours as well, so that taking over what stands already is a change.
    Raises ``FederationError`` FED107 when another field manager holds a field that we want otherwise, unless ``force``.
    """
    kind = kind_of(desired)
    metadata = desired["metadata"]
    if live is None:
        return Change(
            "create", kind, metadata.get("namespace", ""), metadata["name"], manager, desired,
            tuple(Difference(path, MISSING, value) for path, value in leaves(desired) if path not in _IDENTITY),
            force=force,
        )  # fmt: skip
    if not force:
        refuse_additions(live, desired, manager)
    differences = (*differences_between(live, desired, manager), *_ownership(live, desired, manager, own=own))
    if not differences:
        return None
    if not force:
        refuse_conflicts(live, differences, manager, applied_only=own or edits)
    return Change(
        "update",
        kind,
        metadata.get("namespace", ""),
        metadata["name"],
        manager,
        desired,
        differences,
        live["metadata"]["uid"],
        force or own or edits,
    )


def merge_of(live: Mapping, patch: Mapping, manager: str) -> Change | None:
    """Return the change that merges ``patch`` into one live object (RFC 7396), or None when nothing differs.

    Where server-side apply only gives fields up, a merge takes out what others wrote: None stands for a field to
    remove.
    """
    found = ((path, value_at(live, path), MISSING if value is None else value) for path, value in leaves(patch))
    differences = tuple(
        Difference(path, stands, after) for path, stands, after in found if not _is_equal(stands, after)
    )
    if not differences:
        return None
    metadata = live["metadata"]
    return Change(
        "merge",
        kind_of(live),
        metadata.get("namespace", ""),
        metadata["name"],
        manager,
        patch,
        differences,
        uid=metadata["uid"],
    )


def is_ours(live: Mapping) -> bool:
    """Return whether an object carries our label, or our manager applied it."""
    metadata = live.get("metadata") or {}
    return MESH_LABEL in (metadata.get("labels") or {}) or any(
        entry.get("manager") == MANAGER for entry in metadata.get("managedFields") or []
    )


def removal_of(live: Mapping, manager: str) -> Change:
    """Return the change that deletes one live object, and no other that may take its name."""
    metadata = live["metadata"]
    shown = {key: value for key, value in live.items() if key in ("spec", "data", "rules", "subjects")}
    return Change(
        "delete", kind_of(live), metadata.get("namespace", ""), metadata["name"], manager, None,
        tuple(Difference(path, value, MISSING) for path, value in leaves(shown)), uid=metadata["uid"],
    )  # fmt: skip


def differences_between(live: Mapping, desired: Mapping, manager: str) -> Iterator[Difference]:
    """Yield each field that differs: set by us otherwise than it stands, or owned by us alone and no longer wanted."""
    wanted = dict(leaves(desired))
    shared = _held_by_others(live, manager)
    for path, value in wanted.items():
        stands = value_at(live, path)
        if path not in _IDENTITY and not _is_equal(stands, value):
            yield Difference(path, stands, value)
    for path in sorted(owned_leaves(live, manager), key=path_text):
        if path in _IDENTITY or path in shared or _is_covered(path, wanted):
            continue
        stands = value_at(live, path)
        if stands is not MISSING and not (isinstance(stands, Mapping) and stands):
            yield Difference(path, stands, MISSING)


def _ownership(live: Mapping, desired: Mapping, manager: str, *, own: bool) -> Iterator[Difference]:
    """Yield what we give up of fields that stay with others, and with ``own`` what we take of fields that stand
    already.
    """
    wanted = dict(leaves(desired))
    shared = _held_by_others(live, manager)
    owned = {
        path
        for entry in _applied(live, manager)
        for path in _field_paths(entry.get("fieldsV1") or {}, with_parents=False)
    }
    given_up = {path for path in owned & shared if path not in _IDENTITY and not _is_covered(path, wanted)}
    taken = {path for path in wanted if path not in _IDENTITY and not _is_covered(path, owned)} if own else set()
    texts = [sorted(map(path_text, paths)) or MISSING for paths in (given_up, taken)]
    if given_up or taken:
        yield Difference(("metadata", "managedFields", ("key", (("manager", manager),))), *texts)


def refuse_conflicts(
    live: Mapping, differences: Iterable[Difference], manager: str, *, applied_only: bool = False
) -> None:
    """Refuse to take fields from another manager; with ``applied_only`` from one that applies by itself.

    Raises ``FederationError`` FED107 that names the manager and the fields.
    """
    for difference in differences:
        if difference.after is MISSING:
            continue
        for other, owned in all_owners(live, applied_only=applied_only):
            if other != manager and difference.path in owned and difference.before is not MISSING:
                raise FederationError(
                    "FED107",
                    where=place_of(live),
                    what=f"{path_text(difference.path)} belongs to the field manager {other}, which wants it otherwise",
                    fix=f"Change it at {other}, or take the field over with federation_force: true (option force)",
                    facts={"manager": other, "field": path_text(difference.path)},
                )


def refuse_additions(live: Mapping, desired: Mapping, manager: str) -> None:
    """Refuse what another manager has added to an object of which each field decides who gets in: no field of ours
    shows it, and it stays whatever is applied. Who updates may use our manager's name: only what is applied is ours.

    Raises ``FederationError`` FED107 that names the manager and the field.
    """
    deciding = _DECIDING.get(str(desired.get("kind")))
    if not deciding:
        return
    applied = {id(entry) for entry in _applied(live, manager)}
    for entry in (live.get("metadata") or {}).get("managedFields") or []:
        if entry.get("subresource") or id(entry) in applied:
            continue
        other = str(entry.get("manager"))
        for path in sorted(_field_paths(entry.get("fieldsV1") or {}), key=path_text):
            is_deciding = any(path[: len(each)] == each for each in deciding)
            if is_deciding and value_at(desired, path) is MISSING and value_at(live, path) is not MISSING:
                raise FederationError(
                    "FED107",
                    where=place_of(live),
                    what=f"{path_text(path)} was added by the field manager {other}, so it does not act as described",
                    fix=f"Describe it, or remove it at {other}; if nobody knows it, delete the object and run again",
                    facts={"manager": other, "field": path_text(path)},
                )


def owned_leaves(live: Mapping, manager: str) -> set[Path]:
    """Return the fields that ``manager`` owns by server-side apply, as paths."""
    return {path for other, paths in all_owners(live, applied_only=True) if other == manager for path in paths}


@dataclass(frozen=True)
class Holder:
    """Another field manager: its name, whether it writes by itself (``is_applying``), and the fields it
    shares with us.
    """

    manager: str
    is_applying: bool
    paths: frozenset[Path]


def holders(live: Mapping, manager: str) -> list[Holder]:
    """Return who else holds fields that ``manager`` owns, by name; labels and annotations do not count.

    Such a field stays when ``manager`` gives it up, and an object with one may come back after its deletion: managers
    of operation Apply (Argo CD, Flux) write again by themselves, those of operation Update (``kubectl apply``,
    ``kubectl edit``) when somebody calls them.
    """
    own = {path for path in owned_leaves(live, manager) if path[0] != "metadata"}
    shared = []
    for entry in (live.get("metadata") or {}).get("managedFields") or []:
        if entry.get("subresource") or entry.get("manager") == manager:
            continue
        both = own & set(_field_paths(entry.get("fieldsV1") or {}))
        if both:
            shared.append(Holder(str(entry.get("manager")), entry.get("operation") == "Apply", frozenset(both)))
    return sorted(shared, key=lambda holder: (holder.manager, holder.is_applying))


def _held_by_others(live: Mapping, manager: str) -> set[Path]:
    return {path for other, paths in all_owners(live) if other != manager for path in paths}


def _applied(live: Mapping, manager: str) -> list[Mapping]:
    entries = (live.get("metadata") or {}).get("managedFields") or []
    return [
        e for e in entries if e.get("manager") == manager and e.get("operation") == "Apply" and not e.get("subresource")
    ]


def all_owners(live: Mapping, *, applied_only: bool = False) -> Iterator[tuple[str, set[Path]]]:
    """Yield each field manager of an object with the fields that it holds, in whatever way it wrote them or, with
    ``applied_only``, by server-side apply.
    """
    for entry in (live.get("metadata") or {}).get("managedFields") or []:
        if entry.get("subresource") or (applied_only and entry.get("operation") != "Apply"):
            continue
        yield str(entry.get("manager")), set(_field_paths(entry.get("fieldsV1") or {}))


def _field_paths(fields: Mapping, at: Path = (), *, with_parents: bool = True) -> Iterator[Path]:
    for key, below in fields.items():
        if key == ".":
            if at and with_parents:
                yield at
            continue
        step: object
        if key.startswith("f:"):
            step = key[2:]
        elif key.startswith("k:"):
            step = ("key", tuple(sorted(json.loads(key[2:]).items())))
        else:
            continue
        if below:
            yield from _field_paths(below, (*at, step), with_parents=with_parents)
        else:
            yield (*at, step)


def leaves(value: object, at: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield every field of a manifest as (path, value).

    Lists are one value, as the API treats them, but for the lists that it merges by a key (Service ports). An empty
    mapping is a value of its own.
    """
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from leaves(below, (*at, key))
    elif _is_keyed(value, at):
        key = _KEYED_LISTS[at[-1]]
        for entry in value:
            yield from leaves(entry, (*at, ("key", ((key, entry[key]),))))
    else:
        yield at, value


def _is_keyed(value: object, at: Path) -> TypeGuard[Sequence[Mapping]]:
    """Return whether a list is one that the API merges by a key: a Service's ports are, those of a ServiceEntry are one
    value.
    """
    if not isinstance(value, Sequence) or isinstance(value, str) or not value or not at or at[:2] in _FREE:
        return False
    key = _KEYED_LISTS.get(at[-1]) if isinstance(at[-1], str) else None
    return key is not None and all(isinstance(entry, Mapping) and key in entry for entry in value)


def value_at(value: Any, path: Path) -> Any:
    """Return the value at ``path``, or ``MISSING``."""
    for step in path:
        if isinstance(step, tuple):
            if not isinstance(value, Sequence) or isinstance(value, str):
                return MISSING
            wanted = dict(step[1])
            value = next(
                (v for v in value if isinstance(v, Mapping) and all(v.get(k) == w for k, w in wanted.items())), MISSING
            )
        else:
            value = value.get(step, MISSING) if isinstance(value, Mapping) else MISSING
        if value is MISSING:
            return MISSING
    return value


def path_text(path: Path) -> str:
    """Return a path as people write it: ``spec.ports[port=8188].name``."""
    text = ""
    for step in path:
        if isinstance(step, tuple):
            text += "[" + ",".join(f"{key}={value}" for key, value in step[1]) + "]"
        elif "." in str(step) or "/" in str(step):
            text += f'["{step}"]'
        else:
            text += f".{step}" if text else str(step)
    return text


def as_result(changes: Sequence[Change]) -> dict:
    """Return what each module that writes says of its changes: ``changed``, ``diff`` and ``changes``, which are their
    summaries.
    """
    return {"changed": bool(changes), "diff": as_diff(changes), "changes": [change.summary() for change in changes]}


def as_diff(changes: Iterable[Change], extra: Iterable[Mapping] = ()) -> list[dict]:
    """Return the changes as Ansible shows them: one item per object, only the fields that change."""
    shown = []
    for change in changes:
        name = f"{change.kind.name} {change.namespace}/{change.name}"
        shown.append(
            {
                "before_header": name if change.action != "create" else f"{name} (absent)",
                "after_header": name if change.action != "delete" else f"{name} (absent)",
                "before": "".join(_line(d.path, d.before) for d in change.differences),
                "after": "".join(_line(d.path, d.after) for d in change.differences),
            }
        )
    return [*shown, *(dict(item) for item in extra)]


def _line(path: Path, value: object) -> str:
    if value is MISSING:
        return ""
    name = path_text(path)
    if isinstance(value, str) and "-----BEGIN CERTIFICATE-----" in value:
        return f"{name}:\n" + "".join(f"- certificate SHA-256 {block}\n" for block in fingerprints_in(value))
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return f"{name}:\n" + "".join(f"- {_short(entry)}\n" for entry in value)
    return f"{name}: {_short(value)}\n"


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _is_equal(stands: object, wanted: object) -> bool:
    if stands is MISSING and wanted in ({}, None):
        return True
    return stands == wanted and isinstance(stands, bool) == isinstance(wanted, bool)


def _is_covered(path: Path, wanted: Iterable[Path]) -> bool:
    """Whether we still send the field at ``path``, something below it, or a whole list or value that holds it."""
    return any(path[: len(other)] == other or other[: len(path)] == path for other in wanted)


def stands_as_stored(live: Mapping, stored: Mapping, path: Path) -> bool:
    """Return whether a field is as it was stored. The operator may add members to a roll, and takes none of
    ours out.
    """
    now, then = value_at(live, path), value_at(stored, path)
    if live.get("kind") == MEMBER_ROLL.name and isinstance(now, list) and isinstance(then, list):
        return all(entry in now for entry in then)
    return now == then


def with_uid(change: Change) -> Mapping[str, Any]:
    """Return what to apply, bound to the object as read: a write must not re-create what has gone meanwhile."""
    manifest: Mapping[str, Any] = change.manifest or {}
    return {**manifest, "metadata": {**manifest["metadata"], "uid": change.uid}} if change.uid else manifest
