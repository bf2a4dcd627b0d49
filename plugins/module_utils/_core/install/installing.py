# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Installing operators: which changes bring OLM what is wanted, which of its plans are approved, and what is told of
it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ..plain.data import at, listed
from ..plain.diff import Change, as_result, change_to, merge_of
from ..plain.errors import FederationError
from ..plain.kinds import MANAGER, OPERATOR_GROUP, SUBSCRIPTION
from .operators import Found, Operator, hopeless, plan_operators, to_approve, upgrades_under_way, waiting_upgrades


def changes_for(
    operators: Sequence[Operator], found: Found, *, force: bool, upgrade: bool, wanted: Sequence[Mapping]
) -> list[Change]:
    """Return the changes that bring OLM what it lacks and approve what it has planned of it already."""
    changes = [
        change for desired in plan_operators(operators, found) if (change := _changed(found, desired, force=force))
    ]
    return (
        changes
        if hopeless(operators, found)
        else [*changes, *approvals(operators, found, upgrade=upgrade, wanted=wanted)]
    )


def _changed(found: Found, desired: Mapping, *, force: bool) -> Change | None:
    """Return the change that brings one object to what is desired."""
    metadata = desired["metadata"]
    standing = {SUBSCRIPTION.name: found.subscriptions, OPERATOR_GROUP.name: found.groups}.get(desired["kind"], ())
    key = (metadata.get("namespace"), metadata["name"])
    live = next((live for live in standing if (live["metadata"]["namespace"], live["metadata"]["name"]) == key), None)
    return change_to(live, desired, MANAGER, force=force)


def approvals(operators: Sequence[Operator], found: Found, *, upgrade: bool, wanted: Sequence[Mapping]) -> list[Change]:
    """Return the changes that approve what is meant."""
    plans = to_approve(operators, found, upgrade=upgrade, wanted=wanted)
    return [change for plan in plans if (change := merge_of(plan, {"spec": {"approved": True}}, MANAGER))]


def without(found: Found, uids: Collection[str]) -> Found:
    """Return what OLM has once the Subscriptions with these uids are gone."""
    return replace(found, subscriptions=[live for live in found.subscriptions if live["metadata"]["uid"] not in uids])


def told(operators: Sequence[Operator], changes: Sequence[Change], found: Found, still: Iterable[str]) -> dict:
    """Return what was changed, what is installed now, which upgrades wait or are under way, and what is waited for."""
    installed = {
        operator.package: at(found.subscription(operator.package), "status", "installedCSV") for operator in operators
    }
    return {
        **as_result(changes),
        "operators": [
            {
                "package": operator.package,
                "namespace": operator.namespace,
                "installed": installed[operator.package] or "",
            }
            for operator in operators
        ],
        "upgrades": waiting_upgrades(operators, found),
        "upgrading": upgrades_under_way(operators, found),
        "waiting_for": list(still),
    }


def refuse_hopeless(operators: Sequence[Operator], found: Found) -> None:
    """Refuse to wait for what OLM will not try again: FED611."""
    lost = hopeless(operators, found)
    if lost:
        raise FederationError(
            "FED611",
            where="OLM",
            what="; ".join(lost),
            fix="Fix what the message says, delete the failed InstallPlan and run again",
        )


def not_installed(operators: Iterable[Operator], still: Sequence[str], seconds: int) -> FederationError:
    """Return the error for operators that are not installed after so many ``seconds``."""
    return FederationError(
        "FED612",
        where=f"Operators in {listed(sorted({operator.namespace for operator in operators}))}",
        what=f"are not installed after {seconds} s: {'; '.join(still)}",
        fix="Look at what OLM says of the Subscription, then run again",
        facts={"waiting_for": list(still)},
    )
