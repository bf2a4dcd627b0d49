# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which namespaces belong to a mesh: the member roll that should stand, and what the live one says of itself.

Source: OpenShift Service Mesh documentation, "Adding services to a service mesh"; maistra.io/v1 API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..plain.data import at, items, listed, strings
from ..plain.errors import FederationError, refuse
from ..plain.kinds import MEMBER, MEMBER_ROLL, MESH_LABEL
from ..plain.moments import time_of
from ..plain.selectors import label_selector
from .live import ControlPlane

ROLL = "default"
ALL = "*"
# The webhook asks for the writer's rights namespace by namespace and gives up after seconds; so many at a time are
# safe.
BATCH = 50
MEMBER_OF = "maistra.io/member-of"
CREATED_BY = "maistra.io/created-by"
OPERATOR = "istio-operator"
NOT_THERE = "NamespaceNotExists"
# The operator looks at a namespace within a second of its creation; one that it has missed for so long nobody makes in
# this run.
GRACE = timedelta(seconds=10)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_RESERVED = re.compile(r"(kube|openshift|ibm)(-.*)?")


def plan_roll(
    mesh: str, namespace: str, members: Sequence[str], selectors: Sequence[str], version: tuple[int, int] | None
) -> dict:
    """Return the ServiceMeshMemberRoll that lists ``members``, or selects namespaces by label.

    ``selectors`` are written as kubernetes.core does. Raises ``FederationError``: FED426 for what cannot be a
    member, FED427 for what this version's roll does not have.
    """
    _check_members(members, namespace, version)
    if selectors and members:
        refuse("FED427", "mesh_member_selectors", "is given together with mesh_members", "Use one of the two")
    if selectors and version and version < (2, 4):
        refuse("FED427", "mesh_member_selectors", "came with v2.4", "Name the namespaces in mesh_members")
    if not selectors and not members:
        refuse(
            "FED426",
            "mesh_members",
            "is empty, which would remove every namespace from the mesh",
            "Name the namespaces",
        )
    spec: dict = {"members": list(members)} if members else {}
    if selectors:
        try:
            spec["memberSelectors"] = [dict(label_selector([text])) for text in selectors]
        except ValueError as reason:
            refuse(
                "FED427",
                "mesh_member_selectors",
                str(reason),
                "Write them as kubernetes.core does: app=web, tier in (a,b), !key",
            )
    return {
        "apiVersion": MEMBER_ROLL.api_version,
        "kind": MEMBER_ROLL.name,
        "metadata": {"name": ROLL, "namespace": namespace, "labels": {MESH_LABEL: mesh}},
        "spec": spec,
    }


def _check_members(members: Sequence[str], namespace: str, version: tuple[int, int] | None) -> None:
    for member in members:
        check_member(member, namespace, version)
    if ALL in members and len(members) > 1:
        refuse(
            "FED426",
            "mesh_members",
            "has * together with other names, and * must be the only entry",
            "Drop the other names",
        )
    twice = sorted({member for member in members if list(members).count(member) > 1})
    if twice:
        refuse("FED426", "mesh_members", f"has {twice[0]} twice", "Name each namespace once")


def check_roll(live: Mapping | None) -> None:
    """Refuse a roll that the operator keeps from ServiceMeshMembers: FED427; both at once undo each other."""
    _refuse_made_roll(
        live, "Keep members as ServiceMeshMembers in their namespaces, or delete those before you list namespaces"
    )


def check_going(live: Mapping) -> None:
    """Refuse to delete a roll while namespaces are members by themselves: FED427.

    The operator would take them out of the mesh with the roll, and then make a roll of its own for them.
    """
    members = joined(live)
    delete = f"Delete the ServiceMeshMember in {listed(members)}" if members else ""
    _refuse_made_roll(live, f"{delete}; the roll is removed with the last one" if members else "Run again in a minute")
    if members:
        place = f"ServiceMeshMemberRoll {live['metadata']['namespace']}/{live['metadata']['name']}"
        what = f"has members that joined by themselves, {listed(members)}, and would remove them from the mesh"
        refuse("FED427", place, what, f"{delete} first, or have its owner do it (mesh_member with state: absent)")


def joined(live: Mapping | None) -> list[str]:
    """Return the namespaces that joined by themselves: members by their ServiceMeshMember, which the roll does not
    list.

    The operator keeps them in the roll's status alone. Of a roll that it made itself all are such; with a wildcard or
    selectors nobody can tell from the roll.
    """
    named = set(strings(at(live, "spec", "members")))
    status = at(live, "status")
    members = _names(live, "members", "configuredMembers")
    if is_made(live):
        return sorted((members | named) - {ALL})
    is_seen = at(status, "observedGeneration") == at(live, "metadata", "generation")
    if not is_seen or ALL in named or at(live, "spec", "memberSelectors"):
        return []
    return sorted(members - named - _names(live, "terminatingMembers"))


def membership(live: Mapping | None) -> dict[str, list[str]]:
    """Return who is a member as data: ``configured`` namespaces, those of them that ``joined`` by themselves, and
    ``pending`` ones.
    """
    return {
        "configured": sorted(_names(live, "configuredMembers")),
        "joined": joined(live),
        "pending": sorted(_names(live, "pendingMembers")),
    }


def _names(live: Mapping | None, *keys: str) -> set[str]:
    """Return the namespaces in some lists of a roll's status."""
    return {name for key in keys for name in strings(at(live, "status", key))}


def member_lines(members: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what a status says of members: a line where some joined by themselves or are pending, else nothing."""
    others = [name for name in members["configured"] if name not in members["joined"]]
    told = [f"members: {listed(others) or 'none by the roll'}"]
    told += [f"joined by themselves: {listed(members['joined'])}"] if members["joined"] else []
    told += [f"pending: {listed(members['pending'])}"] if members["pending"] else []
    return [" · ".join(told)] if len(told) > 1 else []


def check_takeover(live: Mapping | None, error: FederationError, desired: Mapping) -> None:
    """Sharpen a conflict (FED107) over what the operator itself put onto the roll, as those before 2.3 do; ``force``
    would not last.

    Other conflicts are left as they are.
    """
    if error.facts.get("manager") != OPERATOR:
        return
    names = [
        name for name in strings(at(live, "spec", "members")) if name not in strings(at(desired, "spec", "members"))
    ]
    told = (
        f"{listed(names)} joined by {'themselves' if len(names) > 1 else 'itself'}"
        if names
        else "namespaces joined by themselves"
    )
    refuse(
        "FED107",
        error.where,
        f"{error.facts.get('field')} is managed by the operator, because {told}; the operator would restore them",
        f"Add {listed(names) or 'them'} to mesh_members, or have their owners leave (mesh_member with state: absent)",
    )


def is_made(live: Mapping | None) -> bool:
    """Return whether the operator made a roll or a member itself: a roll from members, a member from a roll."""
    return CREATED_BY in (at(live, "metadata", "annotations") or {})


def _refuse_made_roll(live: Mapping | None, fix: str) -> None:
    if live and is_made(live):
        metadata = live["metadata"]
        refuse(
            "FED427",
            f"ServiceMeshMemberRoll {metadata['namespace']}/{metadata['name']}",
            "is made by the operator from ServiceMeshMembers",
            fix,
        )


def plan_member(mesh: str, namespace: str, control_plane: str, member: str) -> dict:
    """Return the ServiceMeshMember with which the namespace ``member`` joins the mesh in ``namespace`` by itself.

    Raises ``FederationError`` FED426 for a namespace that no mesh takes.
    """
    check_member(member, namespace)
    return {
        "apiVersion": MEMBER.api_version,
        "kind": MEMBER.name,
        "metadata": {"name": ROLL, "namespace": member, "labels": {MESH_LABEL: mesh}},
        "spec": {"controlPlaneRef": {"name": control_plane, "namespace": namespace}},
    }


def check_joined(live: Mapping | None, desired: Mapping) -> None:
    """Refuse a member that the operator made from a roll (FED427), or one of another control plane (FED426): it never
    moves.
    """
    if live is None:
        return
    metadata = live["metadata"]
    place = f"ServiceMeshMember {metadata['namespace']}/{metadata['name']}"
    if is_made(live):
        refuse(
            "FED427",
            place,
            "is made by the operator from a member roll",
            f"Leave {metadata['namespace']} to that roll, or remove it from the roll first",
        )
    stands, wanted = (at(object_, "spec", "controlPlaneRef") or {} for object_ in (live, desired))
    if stands != wanted:
        refuse(
            "FED426",
            place,
            f"belongs to the control plane {stands.get('namespace')}/{stands.get('name')}, and a member cannot be "
            "moved",
            "Remove it there first (state absent), then join",
        )


def unjoined(live: Mapping | None) -> list[str]:
    """Return in words what is missing until a namespace has joined; empty when it has."""
    if live is None:
        return ["there is no ServiceMeshMember yet"]
    status = live.get("status") or {}
    ready: Mapping = next((c for c in status.get("conditions") or [] if c.get("type") == "Ready"), {})
    if status.get("observedGeneration") not in (None, live["metadata"].get("generation")) or not ready:
        return ["the operator has not seen the ServiceMeshMember yet"]
    return [] if ready.get("status") == "True" else [f"{ready.get('reason')}: {ready.get('message')}"]


def flickers(version: tuple[int, int] | None) -> bool:
    """Return whether a version's rolls lose members for a moment, or for good with one that goes (OSSM-2053, OSSM-2374:
    2.2 and 2.3).
    """
    return version in ((2, 2), (2, 3))


def check_holder(namespace: str, member: str, labels: Mapping) -> None:
    """Refuse a namespace that another mesh holds: FED426, with the control plane's namespace."""
    holder = labels.get(MEMBER_OF)
    if holder and holder != namespace:
        refuse(
            "FED426",
            f"mesh_members, {member}",
            f"belongs to the mesh in namespace {holder}",
            f"Take it out of the roll in {holder} first",
        )


def steps(live: Mapping | None, desired: Mapping) -> Iterator[dict]:
    """Yield the rolls to apply in turn: what goes at once, what comes ``BATCH`` namespaces at a time."""
    wanted = desired["spec"].get("members") or []
    standing = set(at(live, "spec", "members") or [])
    kept = [member for member in wanted if member in standing]
    new = [member for member in wanted if member not in standing]
    for end in range(BATCH, len(new), BATCH):
        so_far = {*kept, *new[:end]}
        yield {**desired, "spec": {**desired["spec"], "members": [member for member in wanted if member in so_far]}}
    yield dict(desired)


@dataclass(frozen=True)
class Lack:
    """One thing that the operator has yet to do for a roll, in words; of a ``namespace`` that ``is_absent`` since a
    time, where known.
    """

    text: str
    namespace: str = ""
    is_absent: bool = False
    since: datetime | None = field(default=None, compare=False)

    def is_told(self, now: datetime, waited: timedelta) -> bool:
        """Return whether waiting is in vain: the namespace does not exist, and was not created for a while."""
        return self.is_absent and (waited >= GRACE or (self.since is not None and now - self.since >= GRACE))


def absent(live: Mapping | None) -> frozenset[str]:
    """Return the namespaces of which the operator says that they do not exist."""
    rows = items(at(live, "status", "memberStatuses"))
    return frozenset(
        str(row.get("namespace"))
        for row in rows
        if any(c.get("reason") == NOT_THERE for c in items(row.get("conditions")))
    )


def unconfigured(live: Mapping | None, control_plane: ControlPlane | None) -> list[str]:
    """Return in words what the operator has yet to do for a roll; empty when all that it lists is configured."""
    return [lack.text for lack in lacks(live, control_plane)]


def lacks(live: Mapping | None, control_plane: ControlPlane | None) -> list[Lack]:
    """Return what the operator has yet to do for a roll; nothing when all that it lists is configured.

    Done is: the roll's generation seen, Ready, nothing going, every name configured, for the control plane's present
    state. A namespace that asked to join by itself and cannot does not count.
    """
    if live is None:
        return [Lack("there is no member roll yet")]
    status = live.get("status") or {}
    if status.get("observedGeneration") != live["metadata"].get("generation"):
        return [Lack("the operator has not seen the member roll yet")]
    pending = [str(name) for name in status.get("pendingMembers") or []]
    asked = _asked(live.get("spec") or {}, pending)
    configured = set(status.get("configuredMembers") or [])
    found = [_pending(status, member) for member in asked if member not in configured]
    found += [Lack(f"{member} is leaving", member) for member in status.get("terminatingMembers") or []]
    if not found and not set(pending) - set(asked):
        found += _unready(status)
    return found or _outdated(status, control_plane)


def _asked(spec: Mapping, pending: Sequence[str]) -> list[str]:
    """Return the namespaces that are to be members: those that the roll lists and, of an open roll, those that wait to
    join.
    """
    members = spec.get("members") or []
    is_open = ALL in members or bool(spec.get("memberSelectors"))
    named = [str(member) for member in members if member != ALL]
    return list(dict.fromkeys([*named, *(pending if is_open else [])]))


def _unready(status: Mapping) -> list[Lack]:
    """Return what the roll's own condition says against it."""
    ready = next((c for c in items(status.get("conditions")) if c.get("type") == "Ready"), {})
    if ready.get("status") == "True":
        return []
    return [Lack(f"{ready.get('reason', 'Unknown')}: {ready.get('message', 'no condition yet')}")]


def _outdated(status: Mapping, control_plane: ControlPlane | None) -> list[Lack]:
    """Return whether members are configured for another state of the control plane than its present one."""
    operator = at(control_plane.live, "status", "operatorVersion") if control_plane else None
    if control_plane is None or not operator or not control_plane.is_ready:
        return []
    meant = f"{operator}-{control_plane.live['metadata'].get('generation')}"
    if status.get("meshReconciledVersion") in (None, meant):
        return []
    return [Lack(f"members are configured for {status['meshReconciledVersion']}, the control plane is {meant}")]


def _pending(status: Mapping, member: str) -> Lack:
    rows = (row for row in items(status.get("memberStatuses")) if row.get("namespace") == member)
    condition = next((c for row in rows for c in items(row.get("conditions")) if c.get("status") != "True"), {})
    if condition.get("reason") == NOT_THERE:
        since = time_of(condition.get("lastTransitionTime"))
        return Lack(f"{member} is pending ({NOT_THERE}: {condition.get('message')})", member, True, since)
    why = f" ({condition.get('reason')}: {condition.get('message')})" if condition else ""
    return Lack(f"{member} is pending{why}", member)


def unreleased(live: Mapping | None, namespace: str, labels: Mapping[str, Mapping]) -> list[str]:
    """Return in words what has yet to go when a roll is removed: namespaces that carry the mesh's label, by their
    ``labels``, and the roll.
    """
    found = [f"{member} is leaving" for member, has in labels.items() if has.get(MEMBER_OF) == namespace]
    return found or (["the operator is still removing the roll"] if live else [])


def check_member(member: object, namespace: str, version: tuple[int, int] | None = None) -> None:
    """Refuse what the operator would not take as a member of the mesh in ``namespace``: FED426, FED427 for a wildcard
    too early.
    """
    place = f"mesh_members, {member}"
    if member == ALL:
        if version and version < (2, 3):
            refuse("FED427", place, "as a wildcard came with v2.3", "Name the namespaces")
        return
    if not isinstance(member, str) or not _NAME.fullmatch(member):
        refuse(
            "FED426", place, "is not a name of a namespace", "Use lower-case letters, digits and hyphens, at most 63"
        )
    if member == namespace:
        refuse(
            "FED426",
            place,
            "is the control plane's own namespace, which the operator drops without an error",
            "Leave it out",
        )
    if _RESERVED.fullmatch(member):
        refuse("FED426", place, "is a namespace of the platform, which cannot be a member", "Leave it out")
