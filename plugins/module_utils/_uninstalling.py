# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Taking operators away: Subscriptions and versions, what they leave behind, and on request the kinds (CRDs)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from ._cluster.client import Cluster
from ._core.install.crds import Definition, going
from ._core.install.operators import MESH_OPERATOR, OPERATOR_DEPLOYMENT, Found, Operator, is_left_cni, left_behind
from ._core.install.uninstalling import check_unused, foreign, not_ended, refuse_foreign, removals
from ._core.plain.data import at
from ._core.plain.diff import Change, removal_of
from ._core.plain.errors import NOT_SERVED, FederationError
from ._core.plain.kinds import CRD, DAEMON_SET, DEPLOYMENT, MANAGER, Kind
from ._run import Run, awaited


@dataclass
class Removal:
    """What was removed, or would be; what has yet to end; and which kinds stay, with the reason."""

    changes: list[Change]
    still: list[str]
    stays: list[str]


def remove(run: Run, cluster: Cluster, operators: Sequence[Operator], found: Found) -> Removal:
    """Remove the operators in their order, then what they leave behind: an operator that runs would make that again.

    Raises ``FederationError`` before anything is removed: FED446 while control planes exist, FED501 for a Subscription
    that was made by hand, FED448 where objects would go with their kinds; FED612 when the operator has not ended by the
    deadline.
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
        return (
            [f"Deployment {namespace}/{OPERATOR_DEPLOYMENT} is still there"]
            if cluster.outline(DEPLOYMENT, namespace, OPERATOR_DEPLOYMENT)
            else []
        )

    still = ended(
        run,
        f"The operator in {namespace}",
        running,
        "Delete the Deployment if nothing owns it any more, then run again",
    )
    if still:
        return Removal(changes, still, stays)
    # Roles of Jaeger's kinds may be another Jaeger operator's: they go only with the Subscription.
    packages = [
        operator.package
        for operator in operators
        if at(found.subscription(operator.package), "metadata", "uid") in gone
    ]
    after = leftovers(cluster, packages, namespace)
    after += [removal_of(definition.outline(), MANAGER) for definition in definitions if not definition.is_going]
    run.apply(cluster, after, looks_again=False)

    def served() -> list[str]:
        names = [definition.name for definition in definitions if cluster.outline(CRD, "", definition.name)]
        return [f"CustomResourceDefinition {name} is still there" for name in names]

    fix = (
        "Find out which of its objects wait for a finalizer (`oc get` the kind, all namespaces) and remove the "
        "finalizer, then run again"
    )
    return Removal(changes + after, ended(run, "Kinds", served, fix), stays)


def check_objects(cluster: Cluster, definitions: Iterable[Definition], *, force: bool) -> None:
    """Refuse to remove kinds of which somebody else has objects: FED448. They would go with their kind."""
    if not force:
        refuse_foreign(
            [
                live
                for definition in definitions
                if not definition.is_going
                for live in objects_of(cluster, definition.kind)
            ]
        )


def objects_of(cluster: Cluster, kind: Kind) -> list[dict]:
    """Return which objects of a kind, in all namespaces, are neither ours nor the operator's; none where the kind is
    not served (any more).
    """
    try:
        return cluster.list(kind, "", keep=foreign)
    except FederationError as error:
        if error.code != NOT_SERVED:
            raise
        return []


def ended(run: Run, where: str, look: Callable[[], list[str]], fix: str) -> list[str]:
    """Return what has yet to end, after a wait when one was asked for, and nothing in check mode; raises
    ``FederationError`` FED612 at the deadline.
    """
    if run.check_mode:
        return []
    return awaited(run, look, lambda still, seconds: not_ended(where, still, seconds, fix))


def leftovers(cluster: Cluster, packages: Collection[str], namespace: str) -> list[Change]:
    """Return the changes that delete what these operators left behind; of a Secret only the metadata is read."""
    standing = [cluster.outline(kind, space, name) for kind, space, name in left_behind(packages, namespace)]
    standing += [live for live in cluster.list(DAEMON_SET, namespace) if is_left_cni(live["metadata"]["name"])]
    return [removal_of(live, MANAGER) for live in standing if live]
