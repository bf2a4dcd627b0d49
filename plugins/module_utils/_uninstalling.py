# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Taking operators away: Subscriptions and versions, what they leave behind, and on request the kinds (CRDs)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ._cluster.client import Cluster
from ._core.install.crds import Definition, going, is_foreign
from ._core.install.operators import (
    LEAVING,
    MESH_OPERATOR,
    OPERATOR_DEPLOYMENT,
    Found,
    Operator,
    is_left_cni,
    is_own,
    left_behind,
)
from ._core.plain.data import at, listed, place_of, some
from ._core.plain.diff import Change, removal_of
from ._core.plain.errors import FederationError
from ._core.plain.kinds import CRD, DAEMON_SET, DEPLOYMENT, MANAGER, MESH_LABEL, Kind
from ._run import Run, wait_until


@dataclass
class Removal:
    """What was removed, or would be; what has yet to end; and which kinds stay, with the reason."""

    changes: list[Change]
    still: list[str]
    stays: list[str]


def remove(run: Run, cluster: Cluster, operators: Sequence[Operator], found: Found) -> Removal:
    """Remove the operators in their order, then what they leave behind: an operator that runs would make that again.

    Raises ``FederationError`` before anything is removed: FED446 while control planes exist, FED501 for a Subscription that was made
    by hand, FED448 where objects would go with their kinds; FED612 when the operator has not ended by the deadline.
    """
    params = run.params
    check_unused(found, params["control_planes"] if run.check_mode else (), force=params["force"])
    changes = removals(operators, found, force=params["force"])
    gone = {change.uid for change in changes}
    definitions, stays = [], []
    if params["remove_crds"]:
        subscribed = {at(live, "spec", "name") for live in found.subscriptions if live["metadata"]["uid"] not in gone}
        definitions, stays = going(cluster.list(CRD, "", keep=Definition.read), subscribed)
        check_objects(cluster, definitions, force=params["force"])
    # What is deleted is waited for below.
    run.apply(cluster, changes, looks_again=False)
    namespace = next(operator.namespace for operator in operators if operator.package == MESH_OPERATOR)

    def running() -> list[str]:
        return [f"Deployment {namespace}/{OPERATOR_DEPLOYMENT} is still there"] if cluster.outline(DEPLOYMENT, namespace, OPERATOR_DEPLOYMENT) else []

    still = ended(run, f"The operator in {namespace}", running, "Delete the Deployment if nothing owns it any more, then run again")
    if still:
        return Removal(changes, still, stays)
    # Roles of Jaeger's kinds may be another Jaeger operator's: they go only with the Subscription.
    packages = [operator.package for operator in operators if at(found.subscription(operator.package), "metadata", "uid") in gone]
    after = leftovers(cluster, packages, namespace)
    after += [removal_of(definition.outline(), MANAGER) for definition in definitions if not definition.is_going]
    run.apply(cluster, after, looks_again=False)

    def served() -> list[str]:
        names = [definition.name for definition in definitions if cluster.outline(CRD, "", definition.name)]
        return [f"CustomResourceDefinition {name} is still there" for name in names]

    mend = "See which of its objects hang in a finalizer (`oc get` the kind, all namespaces) and take that off, then run again"
    return Removal(changes + after, ended(run, "Kinds", served, mend), stays)


def check_unused(found: Found, described: Iterable[Mapping], *, force: bool) -> None:
    """Refuse to remove the operator while control planes exist: FED446. Those that are ``described`` as removed count as gone."""
    leaving = {one.get("mesh") for one in described if one.get("removed")}
    staying = [live["metadata"] for live in found.control_planes if (live["metadata"].get("labels") or {}).get(MESH_LABEL) not in leaving]
    standing = sorted(f"{metadata['namespace']}/{metadata['name']}" for metadata in staying)
    if standing and not force:
        raise FederationError(
            "FED446",
            where="Control planes",
            what=f"{listed(standing)} are still there, and without their operator nothing takes them away any more",
            mend="Remove them first (playbook uninstall)",
        )


def removals(operators: Sequence[Operator], found: Found, *, force: bool) -> list[Change]:
    """Return the changes that remove Subscriptions, versions and OperatorGroups of ours, in their order."""
    here = {operator.package: operator for operator in operators}
    changes: list[Change] = []
    for package in [*(package for package in LEAVING if package in here), *(package for package in here if package not in LEAVING)]:
        live = found.subscription(package)
        if live is None:
            continue
        if not is_own(live) and not force:
            raise FederationError(
                "FED501",
                where=f"Subscription {live['metadata']['namespace']}/{live['metadata']['name']}",
                what="was made by hand",
                mend="Remove it by hand, or set federation_force: true",
            )
        version = found.version(live["metadata"]["namespace"], (live.get("status") or {}).get("installedCSV"))
        changes += [removal_of(live, MANAGER), *([removal_of(version, MANAGER)] if version else [])]
    gone = {change.uid for change in changes}
    remaining = {live["metadata"]["namespace"] for live in found.subscriptions if live["metadata"]["uid"] not in gone}
    emptied = {operator.namespace for operator in operators} - remaining
    return changes + [removal_of(live, MANAGER) for live in found.groups if live["metadata"]["namespace"] in emptied and is_own(live)]


def check_objects(cluster: Cluster, definitions: Iterable[Definition], *, force: bool) -> None:
    """Refuse to remove kinds of which somebody else has objects: FED448. They would go with their kind."""
    if force:
        return
    found = [live for definition in definitions if not definition.is_going for live in objects_of(cluster, definition.kind)]
    if found:
        raise FederationError(
            "FED448",
            where="Kinds (CRDs)",
            what=f"would take {some([place_of(live) for live in found])} along",
            mend="Save what is still needed and delete them, or set federation_force: true",
            facts={"objects": [{"kind": live["kind"], **live["metadata"]} for live in found]},
        )


def objects_of(cluster: Cluster, kind: Kind) -> list[dict]:
    """Return which objects of a kind, in all namespaces, are neither ours nor the operator's; none where the kind is not served (any more)."""
    try:
        return cluster.list(kind, "", keep=foreign)
    except FederationError as error:
        if error.code != "FED108":
            raise
        return []


def foreign(live: dict) -> dict | None:
    """Return what names an object that is neither ours nor the operator's; None for any other."""
    metadata = live["metadata"]
    return {"kind": live["kind"], "metadata": {key: metadata[key] for key in ("namespace", "name") if key in metadata}} if is_foreign(live) else None


def ended(run: Run, where: str, look: Callable[[], list[str]], mend: str) -> list[str]:
    """Return what has yet to end, after a wait when one was asked for, and nothing in check mode; raises ``FederationError`` FED612 at the deadline."""
    if run.check_mode:
        return []
    params, started = run.params, time.monotonic()
    still, _seconds = wait_until(look, params["wait_timeout"] if params["wait"] else 0)
    if still and params["wait"] and not params["soft"]:
        raise FederationError(
            "FED612",
            where=where,
            what=f"{'have' if where == 'Kinds' else 'has'} not ended after {params['waited'] + int(time.monotonic() - started)} s: {'; '.join(still)}",
            mend=mend,
            facts={"waiting_for": still},
        )
    return still


def leftovers(cluster: Cluster, packages: Collection[str], namespace: str) -> list[Change]:
    """Return the changes that delete what these operators left behind; of a Secret only the metadata is read."""
    standing = [cluster.outline(kind, space, name) for kind, space, name in left_behind(packages, namespace)]
    standing += [live for live in cluster.list(DAEMON_SET, namespace) if is_left_cni(live["metadata"]["name"])]
    return [removal_of(live, MANAGER) for live in standing if live]
