# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A control plane's own object: which change makes it as described, or removes it, and what it has yet to become."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ..plain.data import at, some
from ..plain.diff import Change, change_to, is_ours, merge_of, refuse_conflicts, removal_of
from ..plain.errors import FederationError
from ..plain.kinds import MANAGER, MESH_LABEL, PEER, control_plane_manager, home_of
from .live import ControlPlane, parse_version, unready
from .members import check_roll, joined, plan_roll, unconfigured
from .spec import check_name, check_spec, check_step, plan_control_plane
from .upgrade import described_without_mixer, mixer_of, without_mixer


@dataclass(frozen=True)
class Wanted:
    """The object ``desired``, the ``change`` that makes it (None where it stands), and the ``version`` that it will
    have.

    One that ``is_merge`` only changes what its version takes out.
    """

    desired: Mapping
    version: tuple[int, int] | None
    change: Change | None
    is_merge: bool = False


def place_of(params: Mapping) -> tuple[str, str]:
    """Return the control plane's namespace and name."""
    return home_of(params), params["control_plane"]


def wanted(params: Mapping, live: Mapping | None) -> Wanted:
    """Return the change that makes the control plane as described, refused before it is sent if it must be.

    What only the cluster's schema tells, unknown fields, is not looked at yet.
    """
    namespace, name = place_of(params)
    if live and not params["force"]:
        refuse_other_mesh(params["mesh"], live)
    # What is described may still have what this upgrade takes out.
    spec = described_without_mixer(params["spec"]) if params["upgrade"] and params["remove_mixer"] else params["spec"]
    desired = plan_control_plane(
        params["mesh"], namespace, name, spec, version=params["version"], trust_domain=params["trust_domain"], live=live
    )
    standing = ControlPlane.read(live) if live else None
    version = parse_version(desired["spec"].get("version")) or (standing.version if standing else None)
    check_step(standing, version, is_upgrade=params["upgrade"])
    check_name(desired, version, standing)
    check_spec(desired, None, version)
    taken = merged(params, live, standing, desired["spec"])
    if taken:
        return Wanted(desired, version, taken, is_merge=True)
    change = change_to(live, desired, control_plane_manager(), force=params["force"], edits=params["upgrade"])
    if change and any(
        entry.get("manager") == change.manager and entry["operation"] == "Update" for entry in _managed(live)
    ):
        # A merge of ours stands as another manager of the same name; that nobody else is concerned was seen just now.
        change = replace(change, force=True)
    return Wanted(desired, version, change)


def refuse_other_mesh(mesh: str, live: Mapping) -> None:
    """Refuse a control plane that is kept as another mesh: FED103. Two descriptions of one would undo each other in
    every run.
    """
    kept_as = at(live, "metadata", "labels", MESH_LABEL)
    if kept_as and kept_as != mesh:
        raise FederationError(
            "FED103",
            where=f"ServiceMeshControlPlane {live['metadata']['namespace']}/{live['metadata']['name']}",
            what=f"is kept as the mesh {kept_as}, and this is {mesh}",
            fix=(
                "Correct the cluster, mesh_namespace or mesh_control_plane; with force (federation_force: true) it is"
                " renamed"
            ),
        )


def merged(params: Mapping, live: Mapping | None, standing: ControlPlane | None, spec: Mapping) -> Change | None:
    """Return the update that takes Mixer out together with the new version; None when that is not wanted or done.

    What somebody applies by himself (GitOps) is not taken without ``force``: he would put it back.
    """
    if not (live and standing and params["upgrade"] and params["remove_mixer"] and mixer_of(standing)):
        return None
    version = {"version": spec["version"]} if "version" in spec else {}
    change = merge_of(live, {"spec": {**version, **without_mixer(live)}}, control_plane_manager())
    if change and not params["force"]:
        refuse_conflicts(live, change.differences, change.manager, applied_only=True)
    return change


def _managed(live: Mapping | None) -> list[Mapping]:
    """Return who manages which fields of an object, without its status."""
    entries = at(live, "metadata", "managedFields") or []
    return [entry for entry in entries if not entry.get("subresource")]


def is_going(live: Mapping | None) -> bool:
    """Return whether an object is gone, or about to go."""
    return live is None or bool(live["metadata"].get("deletionTimestamp"))


def removal(live: Mapping, roll: Mapping | None, peers: Sequence[Mapping], *, is_last: bool) -> Change:
    """Return the change that deletes the control plane; refused while something lives by it.

    What this collection keeps does not count when the control plane ``is_last`` in a run that would have removed that
    before.
    """
    users = [*peers, *([roll] if roll else [])]
    uses = _uses_of([user for user in users if not (is_last and is_ours(user))], joined(roll))
    fix = (
        "Run unfederate, empty the member roll, delete the ServiceMeshMembers of namespaces that joined by "
        "themselves, then try again"
    )
    if not is_ours(live):
        fix = (
            "Delete it by hand, or run control_plane for it once, which takes it"
            f" over{'; for the others: ' + fix[0].lower() + fix[1:] if uses else ''}"
        )
        uses.insert(0, "somebody who made it by hand, since it does not have the label of this collection")
    if uses:
        raise FederationError(
            "FED425",
            where=f"ServiceMeshControlPlane {live['metadata']['namespace']}/{live['metadata']['name']}",
            what=f"is used by {some(uses)}",
            fix=fix,
            facts={"uses": uses},
        )
    return removal_of(live, control_plane_manager())


def _uses_of(users: Sequence[Mapping], by_themselves: Collection[str]) -> list[str]:
    """Return in words what depends on a control plane: peers, members of the roll, and members that joined
    ``by_themselves``.
    """
    members = [member for user in users for member in at(user, "spec", "members") or []]
    return [
        *(f"ServiceMeshPeer {user['metadata']['name']}" for user in users if user["kind"] == PEER.name),
        *(f"member {member}" for member in members if member not in by_themselves),
        *(f"member {member}, which joined by itself" for member in by_themselves),
    ]


def lacking(live: Mapping | None, *, is_going: bool, check_mode: bool) -> list[str]:
    """Return what is missing until a control plane is ready or, if it ``is_going``, removed; check mode does not wait
    for a removal.
    """
    if is_going:
        return [] if live is None or check_mode else ["the operator is still removing it"]
    return unready(live) if live else []


def wait_limit(params: Mapping, live: Mapping | None) -> int:
    """Return the seconds that a control plane is given: an upgrade takes longer than a first installation."""
    return params["wait_timeout"] or (900 if at(live, "status", "chartVersion") else 600)


def asks_for_members(params: Mapping) -> bool:
    """Return whether a description of a control plane that stays says who the members are."""
    return params["state"] != "absent" and bool(params["members"] or params["member_selectors"])


def roll_of(params: Mapping, control_plane: ControlPlane) -> dict:
    """Return the member roll that is described; raises ``FederationError`` as ``plan_roll``."""
    return plan_roll(
        params["mesh"], control_plane.namespace, params["members"], params["member_selectors"], control_plane.version
    )


def roll_stands(desired: Mapping, roll: Mapping | None, control_plane: ControlPlane) -> bool:
    """Return whether nothing is left to do about the member roll; what is wrong ``member_roll`` says."""
    try:
        check_roll(roll)
        return roll is not None and change_to(roll, desired, MANAGER) is None and not unconfigured(roll, control_plane)
    except FederationError:
        return False


def not_ready(params: Mapping, seen: str, seconds: float, fix: str) -> FederationError:
    """Return the error for a control plane that did not become what it should in so many ``seconds``."""
    namespace, name = place_of(params)
    return FederationError(
        "FED605",
        where=f"ServiceMeshControlPlane {namespace}/{name}",
        what=(
            f"is not {'ready' if params['state'] == 'present' else 'gone'} after {params['waited'] + int(seconds)} s:"
            f" {seen}"
        ),
        fix=fix,
        facts={"waiting_for": [seen]},
    )
