# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a check of a preflight reads and which codes it can yield, said beside the check.

What an account may not read is told as unknown, with the codes that would be found there: both come from these
declarations and from nothing else. A test runs every check and compares what it touches and yields with that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ..catalogue.findings import Finding, Unknown
from ..plain.data import listed
from ..plain.kinds import MEMBER_ROLL, Kind
from ..plain.refusals import Refusal

HOME = "the control plane's namespace"
MEMBERS = "member namespaces"
MESH = "the control plane's namespace and member namespaces"
NAMED = "the namespaces in which something names them"
CLUSTER = "the cluster"


@dataclass(frozen=True)
class Read:
    """Objects of one kind in one class of namespaces: ``HOME``, ``MEMBERS``, ``MESH``, ``NAMED`` or ``CLUSTER``.

    ``behind`` are the reads that tell which of them to look for; the member roll stands behind all reads of members.
    """

    kind: Kind
    where: str
    behind: tuple[Read, ...] = ()

    def is_about(self, kind: Kind, namespace: str, home: str) -> bool:
        """Return whether a request for ``kind`` in ``namespace`` ("" is the whole cluster) is made for this."""
        if kind != self.kind:
            return False
        if not namespace or self.where == CLUSTER:
            return not namespace and self.where == CLUSTER
        return self.where in (MESH, NAMED) or (self.where == HOME) == (namespace == home)

    @property
    def is_whole(self) -> bool:
        """Return whether one request answers for all of it, so that a refusal leaves nothing to look at."""
        return self.where in (HOME, CLUSTER)

    def needs(self, unread: Collection[Read]) -> bool:
        """Return whether this is among what could not be read, or what stands behind it is."""
        behind = (*self.behind, *([ROLL] if self.where in (MEMBERS, MESH) else []))
        return self in unread or any(read in unread for read in behind)


ROLL = Read(MEMBER_ROLL, HOME)


@dataclass(frozen=True)
class Check:
    """One check: a function from an estate to findings, what it ``reads``, and the ``codes`` that it can yield.

    Without one of its ``spares`` it finds less, but nothing wrong. A check that ``is_thorough`` belongs to a preflight
    that the user waits for, not to a run that only warns.
    """

    find: Callable[[Any], Iterator[Finding]]
    reads: tuple[Read, ...]
    codes: tuple[str, ...]
    is_thorough: bool = False
    spares: tuple[Read, ...] = ()

    def needs(self, unread: Collection[Read]) -> bool:
        """Return whether something that this check reads is among what could not be read."""
        return any(read.needs(unread) for read in self.reads)


def check(
    *, reads: Sequence[Read] = (), codes: Sequence[str], is_thorough: bool = False, spares: Sequence[Read] = ()
) -> Callable[[Callable[[Any], Iterator[Finding]]], Check]:
    """Declare a function to be a check that reads ``reads`` and can yield ``codes``."""
    return lambda find: Check(find, (*reads, *spares), tuple(codes), is_thorough, tuple(spares))


def read_from(*reads: Read) -> dict[str, Any]:
    """Return the metadata of a field of an estate that is filled from ``reads``: a check that uses the field depends on
    these reads.
    """
    return {"reads": reads}


def reads_of(estate: Any) -> dict[str, tuple[Read, ...]]:
    """Return the fields of an estate, or of a part of one, that are filled from reads, and from which."""
    return {each.name: each.metadata["reads"] for each in fields(estate) if "reads" in each.metadata}


def found_in(estate: Any, checks: Iterable[Check], unread: Iterable[Read] = ()) -> Iterator[Finding]:
    """Give what checks find; one that needs what could not be read as a whole is passed over, and unknown."""
    missing = {read for read in unread if read.is_whole}
    for one in checks:
        if not (missing & set(one.reads)) - set(one.spares):
            yield from one.find(estate)


def refused_reads(refusals: Iterable[Refusal], checks: Iterable[Check], home: str) -> frozenset[Read]:
    """Return which of the checks' reads were refused, for a control plane in the namespace ``home``."""
    declared = {ROLL, *(read for one in checks for read in one.reads)}
    return frozenset(read for each in refusals for read in declared if read.is_about(each.kind, each.namespace, home))


def unknown_of(refusals: Iterable[Refusal], checks: Sequence[Check], home: str) -> list[Unknown]:
    """Return what could not be looked at, kind by kind, with all codes of the checks that need it.

    What no check reads is not told: a run that needs it has failed over it, or has said so.
    """
    spaces: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for each in refusals:
        reads = refused_reads([each], checks, home)
        codes = tuple(sorted({code for one in checks if one.needs(reads) for code in one.codes}))
        if codes:
            spaces.setdefault((each.kind.name, each.because, codes), set()).add(each.namespace or CLUSTER)
    return [
        Unknown(f"{kind} objects in {listed(sorted(found))}", because, codes)
        for (kind, because, codes), found in sorted(spaces.items())
    ]
