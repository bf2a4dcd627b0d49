# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which control planes a version of the operator takes, and what to do where it does not take one.

An operator that is too new leaves control planes behind, one that is too old refuses what is wanted: the cures are
opposite.
Source: the operator's own table of versions, by branch; release notes of 2.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..control_plane.live import parse_version
from ..control_plane.upgrade import ACCEPTED, Version, text_of
from ..plain.data import at
from ..plain.errors import FederationError

# How an operator comes to a version.
PINNED = "pinned"  # the first one, by starting_csv
FIRST = "first"  # the first one, the newest of its channel
AUTOMATIC = "automatic"  # the newest of its channel, by OLM alone
APPROVED = "approved"  # by an InstallPlan that somebody approved
WAITING = "waiting"  # by an InstallPlan that waits for approval
INSTALLED = "installed"  # it is there
# From this release on 2.6 takes no earlier control plane.
ALONE_FROM = (2, 6, 11)
_RELEASE = re.compile(r"\.v([0-9]+)\.([0-9]+)\.([0-9]+)")
_VERBS = {
    PINNED: "would be {csv}",
    FIRST: "would be {csv}",
    AUTOMATIC: (
        "would become {csv}: with approval Automatic OLM upgrades to the newest of the channel, "
        "and starting_csv pins nothing"
    ),
    APPROVED: "becomes {csv}, by an InstallPlan that is approved already",
    WAITING: "would be {csv}",
    INSTALLED: "has installed {csv}",
}


@dataclass(frozen=True)
class Arrival:
    """The version (a ClusterServiceVersion) that an operator comes to, and the ``way``: one of the words above.

    ``is_own``: its Subscription is ours to change. ``newer`` is a later version that waits for approval, "" for none.
    """

    csv: str
    way: str
    is_own: bool = True
    newer: str = ""


def release_of(csv: str) -> tuple[int, int, int] | None:
    """Return the version in a ClusterServiceVersion's name; None when it has none."""
    found = _RELEASE.search(csv)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def accepted_by(csv: str) -> tuple[Version, Version] | None:
    """Return the first and the last control plane version that an operator takes; None for one that is not known."""
    release = release_of(csv)
    if release is None or release[:2] not in ACCEPTED:
        return None
    first, last = ACCEPTED[release[:2]]
    return (last, last) if release[:2] == ALONE_FROM[:2] and release >= ALONE_FROM else (first, last)


def takes(csv: str, wanted: Iterable[Mapping]) -> bool:
    """Return whether an operator takes all control planes that are wanted; one that is not known may."""
    return not any(stranded("", Arrival(csv, PINNED), (), wanted))


def stranded(
    where: str, arrival: Arrival, control_planes: Iterable[Mapping], wanted: Iterable[Mapping] = ()
) -> Iterator[FederationError]:
    """Yield FED443 where an operator version does not take a control plane that stands, or one that is wanted."""
    accepted = accepted_by(arrival.csv)
    if accepted is None:
        return
    first, last = accepted
    standing = [
        (f"{live['metadata']['namespace']}/{live['metadata']['name']} is", at(live, "spec", "version"))
        for live in control_planes
    ]
    named = [*standing, *((f"{one.get('mesh')} wants", one.get("version")) for one in wanted)]
    left = [
        (said, version)
        for said, text in named
        if (version := parse_version(str(text or ""))) and not first <= version <= last
    ]
    if not left:
        return
    range_text = text_of(first) if first == last else f"{text_of(first)} to {text_of(last)}"
    yield FederationError(
        "FED443",
        where=where,
        what=f"{_VERBS[arrival.way].format(csv=arrival.csv)}; it supports {range_text}: "
        + "; ".join(f"{said} {text_of(version)}" for said, version in left),
        fix=_mend(arrival, first, last, [version for _said, version in left]),
    )


def _mend(arrival: Arrival, first: Version, last: Version, versions: Sequence[Version]) -> str:
    """Return what to do about control planes that the operator has left behind, and about those that it
    does not know.
    """
    cures = []
    if any(version < first for version in versions):
        cures.append(
            f"The operator is too new: upgrade these control planes to {text_of(first)} or later (the playbook "
            "upgrade for an existing one, then mesh_version)" + _instead(arrival)
        )
    if any(version > last for version in versions):
        cures.append(f"The operator is too old: {_newer(arrival)}, or set mesh_version to {text_of(last)} or earlier")
    return ". ".join(cures)


def _instead(arrival: Arrival) -> str:
    """Return what else can be done about an operator that is too new."""
    if arrival.way == INSTALLED:
        return (
            "; OLM never downgrades, so for the older version remove the operator (uninstall) and install it with "
            "approval Manual and starting_csv"
        )
    if not arrival.is_own:
        return ", or have the owner of the Subscription set it to Manual before OLM upgrades it"
    if arrival.way == AUTOMATIC:
        return ", or set approval: Manual, and starting_csv to a version that supports them"
    if arrival.way == APPROVED:
        return ", or delete the InstallPlan before OLM has carried it out"
    if arrival.way == WAITING:
        return ", and do not upgrade the operator until then"
    return ", or set starting_csv to a version that supports them"


def _newer(arrival: Arrival) -> str:
    """Return how an operator that is too old becomes a newer one."""
    if arrival.way == PINNED:
        return "set starting_csv to a later version, or leave it out"
    if arrival.newer:
        return f"upgrade it to {arrival.newer} (cluster_operators_upgrade: true)"
    if not arrival.is_own:
        return (
            "OLM knows none that supports them, so have the owner of the Subscription choose another channel or catalog"
        )
    return "OLM knows none that supports them, so name another channel or catalog in cluster_operators"
