# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which namespaces belong to a mesh: the member roll that should stand, and what the live one says of itself.

Source: OpenShift Service Mesh documentation, "Adding services to a service mesh"; maistra.io/v1 API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from .control_plane import ControlPlane
from .data import listed
from .errors import FederationError
from .kinds import MEMBER, MEMBER_ROLL, MESH_LABEL
from .selectors import label_selector

ROLL = "default"
ALL = "*"
# The webhook asks for the writer's rights namespace by namespace and gives up after seconds; so many at a time are safe.
BATCH = 50
MEMBER_OF = "maistra.io/member-of"
CREATED_BY = "maistra.io/created-by"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_RESERVED = re.compile(r"(kube|openshift|ibm)(-.*)?")


def plan_roll(mesh: str, namespace: str, members: Sequence[str], selectors: Sequence[str], version: tuple[int, int] | None) -> dict:
    """Return the ServiceMeshMemberRoll that lists ``members``, or selects namespaces by label.

    ``selectors`` are written as kubernetes.core does. Raises ``FederationError``: FED426 for what cannot be a
    member, FED427 for what this version's roll does not have.
    """
    for member in members:
        check_member(member, namespace, version)
    if ALL in members and len(members) > 1:
        _refuse("FED426", "mesh_members", "has * beside other names, and it must stand alone", "Drop the other names")
    twice = sorted({member for member in members if list(members).count(member) > 1})
    if twice:
        _refuse("FED426", "mesh_members", f"has {twice[0]} twice", "Name each namespace once")
    if selectors and members:
        _refuse("FED427", "mesh_member_selectors", "stands beside mesh_members", "Use one of the two")
    if selectors and version and version < (2, 4):
        _refuse("FED427", "mesh_member_selectors", "came with v2.4", "Name the namespaces in mesh_members")
    if not selectors and not members:
        _refuse("FED426", "mesh_members", "is empty, which would take every namespace out of the mesh", "Name the namespaces")
    spec: dict = {"members": list(members)} if members else {}
    if selectors:
        try:
            spec["memberSelectors"] = [dict(label_selector([text])) for text in selectors]
        except ValueError as reason:
            _refuse("FED427", "mesh_member_selectors", str(reason), "Write them as kubernetes.core does: app=web, tier in (a,b), !key")
    return {
        "apiVersion": MEMBER_ROLL.api_version,
        "kind": MEMBER_ROLL.name,
        "metadata": {"name": ROLL, "namespace": namespace, "labels": {MESH_LABEL: mesh}},
        "spec": spec,
    }


def check_roll(live: Mapping | None) -> None:
    """Refuse a roll that the operator keeps from ServiceMeshMembers: FED427; both at once undo each other."""
    _refuse_made_roll(live, "Keep members as ServiceMeshMembers in their namespaces, or delete those before you list namespaces")


def check_going(live: Mapping) -> None:
    """Refuse to delete a roll that the operator keeps from ServiceMeshMembers: FED427; it goes with the last of them."""
    members = (live.get("spec") or {}).get("members") or []
    _refuse_made_roll(live, f"Delete the ServiceMeshMember in {listed(members)}; the roll goes with the last" if members else "Run again in a minute")


def _refuse_made_roll(live: Mapping | None, mend: str) -> None:
    if live and CREATED_BY in ((live.get("metadata") or {}).get("annotations") or {}):
        metadata = live["metadata"]
        _refuse("FED427", f"ServiceMeshMemberRoll {metadata['namespace']}/{metadata['name']}", "is made by the operator from ServiceMeshMembers", mend)


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
    """Refuse a member that the operator made from a roll (FED427), or one of another control plane (FED426): it never moves."""
    if live is None:
        return
    metadata = live["metadata"]
    place = f"ServiceMeshMember {metadata['namespace']}/{metadata['name']}"
    if CREATED_BY in (metadata.get("annotations") or {}):
        _refuse(
            "FED427",
            place,
            "is made by the operator from a member roll",
            f"Leave {metadata['namespace']} to that roll, or take it out of the roll first",
        )
    stands, wanted = ((object_.get("spec") or {}).get("controlPlaneRef") or {} for object_ in (live, desired))
    if stands != wanted:
        _refuse(
            "FED426",
            place,
            f"belongs to the control plane {stands.get('namespace')}/{stands.get('name')}, and a member never moves",
            "Remove it there first (state absent), then join",
        )


def unjoined(live: Mapping | None) -> list[str]:
    """Return in words what is missing until a namespace has joined; empty when it has."""
    if live is None:
        return ["there is no ServiceMeshMember yet"]
    status = live.get("status") or {}
    ready = next((c for c in status.get("conditions") or [] if c.get("type") == "Ready"), {})
    if status.get("observedGeneration") not in (None, live["metadata"].get("generation")) or not ready:
        return ["the operator has not seen the ServiceMeshMember yet"]
    return [] if ready.get("status") == "True" else [f"{ready.get('reason')}: {ready.get('message')}"]


def flickers(version: tuple[int, int] | None) -> bool:
    """Return whether a version's rolls lose members for a moment, or for good with one that goes (OSSM-2053, OSSM-2374: 2.2 and 2.3)."""
    return version in ((2, 2), (2, 3))


def check_holder(namespace: str, member: str, labels: Mapping) -> None:
    """Refuse a namespace that another mesh holds: FED426, with the control plane's namespace."""
    holder = labels.get(MEMBER_OF)
    if holder and holder != namespace:
        _refuse("FED426", f"mesh_members, {member}", f"belongs to the mesh in namespace {holder}", f"Take it out of the roll in {holder} first")


def steps(live: Mapping | None, desired: Mapping) -> Iterator[dict]:
    """Yield the rolls to apply in turn: what goes at once, what comes ``BATCH`` namespaces at a time."""
    wanted = desired["spec"].get("members") or []
    standing = set(((live or {}).get("spec") or {}).get("members") or [])
    kept = [member for member in wanted if member in standing]
    new = [member for member in wanted if member not in standing]
    for end in range(BATCH, len(new), BATCH):
        so_far = {*kept, *new[:end]}
        yield {**desired, "spec": {**desired["spec"], "members": [member for member in wanted if member in so_far]}}
    yield dict(desired)


def unconfigured(live: Mapping | None, control_plane: ControlPlane | None) -> list[str]:
    """Return in words what the operator has yet to do for a roll; empty when all that it lists is configured.

    Done is: the roll's generation seen, Ready, nothing pending or going, every name configured, for the control
    plane's present state.
    """
    if live is None:
        return ["there is no member roll yet"]
    status = live.get("status") or {}
    if status.get("observedGeneration") != live["metadata"].get("generation"):
        return ["the operator has not seen the member roll yet"]
    why = {
        row.get("namespace"): next((f"{c.get('reason')}: {c.get('message')}" for c in row.get("conditions") or [] if c.get("status") != "True"), "")
        for row in status.get("memberStatuses") or []
    }
    configured = set(status.get("configuredMembers") or [])
    asked = [member for member in (live.get("spec") or {}).get("members") or [] if member != ALL]
    missing = [member for member in dict.fromkeys([*asked, *(status.get("pendingMembers") or [])]) if member not in configured]
    found = [f"{member} is pending{f' ({why[member]})' if why.get(member) else ''}" for member in missing]
    found += [f"{member} is leaving" for member in status.get("terminatingMembers") or []]
    ready = next((c for c in status.get("conditions") or [] if c.get("type") == "Ready"), {})
    if not found and ready.get("status") != "True":
        found.append(f"{ready.get('reason', 'Unknown')}: {ready.get('message', 'no condition yet')}")
    operator = ((control_plane.live.get("status") or {}).get("operatorVersion")) if control_plane else None
    if not found and operator and control_plane.is_ready:
        meant = f"{operator}-{control_plane.live['metadata'].get('generation')}"
        if status.get("meshReconciledVersion") not in (None, meant):
            found.append(f"members are configured for {status['meshReconciledVersion']}, the control plane is {meant}")
    return found


def unreleased(live: Mapping | None, namespace: str, labels: Mapping[str, Mapping]) -> list[str]:
    """Return in words what has yet to go when a roll is removed: namespaces that carry the mesh's label, by their ``labels``, and the roll."""
    found = [f"{member} is leaving" for member, has in labels.items() if has.get(MEMBER_OF) == namespace]
    return found or (["the operator is still removing the roll"] if live else [])


def check_member(member: object, namespace: str, version: tuple[int, int] | None = None) -> None:
    """Refuse what the operator would not take as a member of the mesh in ``namespace``: FED426, FED427 for a wildcard too early."""
    place = f"mesh_members, {member}"
    if member == ALL:
        if version and version < (2, 3):
            _refuse("FED427", place, "as a wildcard came with v2.3", "Name the namespaces")
        return
    if not isinstance(member, str) or not _NAME.fullmatch(member):
        _refuse("FED426", place, "is no name of a namespace", "Use lower-case letters, digits and hyphens, at most 63")
    if member == namespace:
        _refuse("FED426", place, "is the control plane's own namespace, which the operator drops without a word", "Leave it out")
    if _RESERVED.fullmatch(member):
        _refuse("FED426", place, "is a namespace of the platform, which no mesh takes", "Leave it out")


def _refuse(code: str, where: str, what: str, mend: str) -> None:
    raise FederationError(code, where=where, what=what, mend=mend)
