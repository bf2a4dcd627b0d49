# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Removing operators: in which order, and what refuses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..plain.data import at, listed, place_of, some
from ..plain.diff import Change, removal_of
from ..plain.errors import FederationError
from ..plain.kinds import MANAGER, MESH_LABEL
from .crds import is_foreign
from .operators import LEAVING, Found, Operator, is_own


def check_unused(found: Found, described: Iterable[Mapping], *, force: bool) -> None:
    """Refuse to remove the operator while control planes exist: FED446. Those that are ``described`` as removed count
    as gone.
    """
    leaving = {one.get("mesh") for one in described if one.get("removed")}
    staying = [
        live["metadata"] for live in found.control_planes if at(live, "metadata", "labels", MESH_LABEL) not in leaving
    ]
    standing = sorted(f"{metadata['namespace']}/{metadata['name']}" for metadata in staying)
    if standing and not force:
        raise FederationError(
            "FED446",
            where="Control planes",
            what=f"{listed(standing)} still exist, and without their operator nothing can remove them",
            fix="Remove them first (playbook uninstall)",
        )


def removals(operators: Sequence[Operator], found: Found, *, force: bool) -> list[Change]:
    """Return the changes that remove Subscriptions, versions and OperatorGroups of ours, in their order."""
    changes: list[Change] = []
    for package in _in_order(operator.package for operator in operators):
        live = found.subscription(package)
        if live is None:
            continue
        if not is_own(live) and not force:
            raise FederationError(
                "FED501",
                where=f"Subscription {live['metadata']['namespace']}/{live['metadata']['name']}",
                what="was made by hand",
                fix="Remove it by hand, or set federation_force: true",
            )
        version = found.version(live["metadata"]["namespace"], at(live, "status", "installedCSV"))
        changes += [removal_of(live, MANAGER), *([removal_of(version, MANAGER)] if version else [])]
    gone = {change.uid for change in changes}
    remaining = {live["metadata"]["namespace"] for live in found.subscriptions if live["metadata"]["uid"] not in gone}
    emptied = {operator.namespace for operator in operators} - remaining
    return changes + [
        removal_of(live, MANAGER) for live in found.groups if live["metadata"]["namespace"] in emptied and is_own(live)
    ]


def _in_order(packages: Iterable[str]) -> list[str]:
    """Return packages as they leave, each once; those that no mesh needs leave last."""
    return sorted(
        dict.fromkeys(packages), key=lambda package: LEAVING.index(package) if package in LEAVING else len(LEAVING)
    )


def refuse_foreign(found: Sequence[Mapping]) -> None:
    """Refuse to take these objects along with their kinds: FED448."""
    if found:
        raise FederationError(
            "FED448",
            where="Kinds (CRDs)",
            what=f"would also delete {some([place_of(live) for live in found])}",
            fix="Save the objects that are still needed and delete them, or set federation_force: true",
            facts={"objects": [{"kind": live["kind"], **live["metadata"]} for live in found]},
        )


def foreign(live: dict) -> dict | None:
    """Return what names an object that is neither ours nor the operator's; None for any other."""
    metadata = live["metadata"]
    return (
        {"kind": live["kind"], "metadata": {key: metadata[key] for key in ("namespace", "name") if key in metadata}}
        if is_foreign(live)
        else None
    )


def not_ended(where: str, still: Sequence[str], seconds: int, fix: str) -> FederationError:
    """Return the error for what has not ended after so many ``seconds``."""
    return FederationError(
        "FED612",
        where=where,
        what=f"{'have' if where == 'Kinds' else 'has'} not ended after {seconds} s: {'; '.join(still)}",
        fix=fix,
        facts={"waiting_for": list(still)},
    )
