# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rights of meshes compared: what they need no more, and what refuses to call it done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..plain.data import listed
from ..plain.diff import Change, removal_of
from ..plain.errors import FederationError
from ..plain.kinds import MANAGER
from .holding import Standing, is_rightful
from .tenants import Tenant

Objects = Mapping[tuple[str, str, str], dict]


def refuse_replaced(names: Sequence[str]) -> None:
    """Refuse to call it done where namespaces were replaced meanwhile: FED109."""
    if names:
        raise FederationError(
            "FED109",
            where=f"Namespace {listed(names)}",
            what="was replaced by another of that name while rights were given in it; the rights were removed again",
            fix="Run again: the namespace is read again",
        )


def refuse_overtaken(left: Sequence[Change]) -> None:
    """Refuse to call it done while anything is left to change: FED515."""
    if left:
        raise FederationError(
            "FED515",
            where=listed(change.place for change in left),
            what="was changed by another run while this one was at work",
            fix="Find out which description of the meshes is right, then run again",
        )


def removals(tenants: Sequence[Tenant], standing: Standing, wanted: Objects) -> Iterator[Change]:
    """Yield the changes that take away what these meshes were given before and need no more, and nothing else."""
    for live in standing.rights:
        if key_of(live) not in wanted and any(is_rightful(live, tenant, standing) for tenant in tenants):
            yield removal_of(live, MANAGER)


def key_of(live: Mapping) -> tuple[str, str, str]:
    """Return kind, namespace and name; cluster-wide objects have the namespace ""."""
    return live["kind"], live["metadata"].get("namespace", ""), live["metadata"]["name"]
