# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is done about a mesh's members: which changes keep or remove their roll or one member, and what has yet to come
of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ..plain.data import at, listed, some, strings
from ..plain.diff import Change, change_to, is_ours, removal_of
from ..plain.errors import FederationError
from ..plain.kinds import MANAGER, home_of
from ..plain.reference import link_to
from .live import ControlPlane
from .members import (
    ALL,
    GRACE,
    ROLL,
    Lack,
    check_going,
    check_roll,
    check_takeover,
    flickers,
    is_made,
    joined,
    lacks,
    plan_roll,
    steps,
    unjoined,
)

# How many namespaces a message names; the result has them all.
MOST = 10
AGAIN = "all are configured; looking once more, because rolls of this version lose members for a moment"


def wanted(params: Mapping, live: Mapping | None, control_plane: ControlPlane | None) -> tuple[dict, Change | None]:
    """Return the roll that is described and the change to it as a whole; what the operator itself keeps on it is not
    taken, with ``force`` either.
    """
    version = control_plane.version if control_plane else None
    desired = plan_roll(params["mesh"], home_of(params), params["members"], params["member_selectors"], version)
    check_roll(live)
    try:
        found = change_to(live, desired, MANAGER)
    except FederationError as error:
        check_takeover(live, error, desired)
        if not params["force"]:
            raise
        return desired, change_to(live, desired, MANAGER, force=True)
    return desired, replace(found, force=params["force"]) if found else None


def newcomers(members: Iterable[str], live: Mapping | None) -> list[str]:
    """Return those of the ``members`` that the roll does not list yet."""
    standing = at(live, "spec", "members") or []
    return [member for member in members if member not in standing]


def in_steps(live: Mapping | None, desired: Mapping, whole: Change, *, force: bool) -> list[Change]:
    """Return the ``whole`` change as those that are made one after the other: a few namespaces at a time."""
    parts = list(steps(live, desired))
    if len(parts) == 1:
        return [whole]
    changes = [change_to(live, part, MANAGER, force=force) for part in parts]
    return [change for change in changes if change]


def removed(live: Mapping | None) -> list[Change]:
    """Return the change that deletes the roll; one that somebody else made is left to them."""
    if live is None or live["metadata"].get("deletionTimestamp"):
        return []
    check_going(live)
    if not is_ours(live):
        raise FederationError(
            "FED501",
            where=f"ServiceMeshMemberRoll {live['metadata']['namespace']}/{ROLL}",
            what="was made by hand",
            fix="Delete it by hand, or keep it once with state=present and force to take it over",
        )
    return [removal_of(live, MANAGER)]


def missing(
    live: Mapping | None, control_plane: ControlPlane | None, now: datetime, waited: timedelta, *, may_tell: bool
) -> tuple[list[str], list[Lack]]:
    """Return in words what a roll lacks that is worth a wait, and, with ``may_tell``, the namespaces that are not being
    created.
    """
    lacking = lacks(live, control_plane)
    told = [lack for lack in lacking if may_tell and lack.is_told(now, waited)]
    return [lack.text for lack in lacking if lack not in told], told


def may_tell(params: Mapping) -> bool:
    """Return whether a wait is long enough to be sure that a missing namespace is not being created; with a shorter one
    the caller wants a failure.
    """
    return timedelta(seconds=params["waited"] + params["wait_timeout"]) >= GRACE


def look_again(control_plane: ControlPlane | None, calm: int) -> list[str]:
    """Return why to look once more at a roll that lacked nothing for ``calm`` looks; nothing where it will stay so."""
    return [AGAIN] if calm < 2 and flickers(control_plane.version if control_plane else None) else []


def configured(live: Mapping | None) -> list[str]:
    """Return the namespaces that are members by now."""
    return sorted(at(live, "status", "configuredMembers") or [])


def leaving(before: Mapping | None, described: Iterable[str]) -> list[str]:
    """Return the namespaces that leave with a roll that goes: those it had, and those it should have had."""
    standing = [*strings(at(before, "spec", "members")), *strings(at(before, "status", "configuredMembers"))]
    return [member for member in dict.fromkeys([*standing, *described]) if member != ALL]


def told_pending(namespace: str, pending: Sequence[str]) -> str:
    """Return the warning about namespaces of the roll that do not exist."""
    several = len(pending) > 1
    return (
        f"FED610 ServiceMeshMemberRoll {namespace}/{ROLL}: {listed(pending)} {'do' if several else 'does'} not exist,"
        f" and nobody makes {'them' if several else 'it'} now; the other members are configured. Create"
        f" {'them' if several else 'it'}, and the operator adds {'them' if several else 'it'} to the mesh by itself, or"
        f" correct mesh_members.  ({link_to('FED610')})"
    )


def not_configured(namespace: str, found: Sequence[str], told: Iterable[Lack], seconds: int) -> FederationError:
    """Return the error for a roll whose namespaces are not all members after so many ``seconds``."""
    fix = "Make the namespaces that do not exist, look at the operator's log for the others, then run again"
    return _not_done(namespace, "configured", [*found, *(lack.text for lack in told)], seconds, fix)


def not_gone(namespace: str, found: Sequence[str], seconds: int) -> FederationError:
    """Return the error for a roll that is still there after so many ``seconds``."""
    fix = "Look at the operator's log: it has to run while members leave. Then run again"
    return _not_done(namespace, "gone", found, seconds, fix)


def _not_done(namespace: str, what: str, found: Sequence[str], seconds: int, fix: str) -> FederationError:
    return FederationError(
        "FED610",
        where=f"ServiceMeshMemberRoll {namespace}/{ROLL}",
        what=f"is not {what} after {seconds} s: {some(found, MOST, '; ')}",
        fix=fix,
        facts={"waiting_for": list(found)},
    )


def parted(live: Mapping, namespace: str, roll: Mapping | None, version: tuple[int, int] | None) -> Change:
    """Return the change that takes one member away; refused where the whole roll in ``namespace`` would go with it
    (FED428).
    """
    if is_made(roll) and flickers(version):
        others = sorted(set(joined(roll)) - {live["metadata"]["namespace"]})
        if others:
            raise FederationError(
                "FED428",
                where=f"ServiceMeshMember {live['metadata']['namespace']}/{ROLL}",
                what=(
                    f"would also remove {', '.join(others)}: the operator made the roll in {namespace} and deletes it "
                    "with any member (OSSM-2374)"
                ),
                fix=f"Keep your own roll in {namespace} first (mesh_members), or upgrade to 2.4",
            )
    return removal_of(live, MANAGER)


def member_lacks(live: Mapping | None, *, is_going: bool) -> list[str]:
    """Return in words what is missing until one member has joined, or has left."""
    if is_going:
        # One that the operator has made meanwhile is the roll's.
        return ["the ServiceMeshMember is being deleted"] if live and not is_made(live) else []
    return unjoined(live)


def not_joined(params: Mapping, found: Sequence[str], seconds: int) -> FederationError:
    """Return the error for a member that has not joined, or left, after so many ``seconds``."""
    return FederationError(
        "FED609",
        where=f"Namespace {params['member']}",
        what=f"has not {'left' if params['state'] == 'absent' else 'joined'} after {seconds} s: {'; '.join(found)}",
        fix="Look at the control plane and the operator's log, then run again",
        facts={"waiting_for": list(found)},
    )


def told_staying(member: str) -> str:
    """Return the warning about a namespace that left by itself and is listed by the roll."""
    return f"{member} stays a member of the mesh: its member roll lists the namespace. Remove it from mesh_members"
