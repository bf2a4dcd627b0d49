# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a peer would lose of what it is offered now, because rules of ``mesh_exports`` have changed.

A misspelled rule withdraws a service as well as one that was taken out on purpose, so what looks like the former is
refused until it is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..mesh.described import Peer
from ..plain.data import at, mapping, some
from ..plain.diff import Change
from ..plain.errors import FederationError
from ..plain.kinds import EXPORTS
from .live import Peering
from .names import exported_names, short_host
from .status import exported


@dataclass(frozen=True)
class Withdrawal:
    """What one peer would lose: the ``names`` that vanish, whether they are all there are, and added rules that match
    ``nothing``.
    """

    peer: Peer
    names: tuple[str, ...]
    is_all: bool
    nothing: tuple[str, ...]

    @property
    def looks_wrong(self) -> bool:
        """Whether it may be a mistake: the peer would keep nothing, or a rule that was added gives it nothing."""
        return bool(self.names) and (self.is_all or bool(self.nothing))

    def __str__(self) -> str:
        lost = some([short_host(name) for name in self.names])
        why = f"; {some(self.nothing)} was added and matches nothing" if self.nothing else ""
        return f"{self.peer.local_name} would lose {'all that it is offered: ' if self.is_all else ''}{lost}{why}"


def withdrawal(peer: Peer, peering: Peering, changes: Iterable[Change], services: Sequence[Mapping]) -> Withdrawal:
    """Return what ``peer`` would lose of what its set's status says is exported. ``services`` are those that the new
    rules can match.

    A suspended peer is to lose everything. Of a Service that could not be read nobody knows the labels: where a rule by
    labels could give it, it is not counted as lost.
    """
    planned = next((change.manifest for change in changes if change.kind is EXPORTS and change.manifest), None)
    if planned is None or peer.suspended:
        return Withdrawal(peer, (), False, ())
    before, after = (mapping(at(live, "spec")) for live in (peering.exports, planned))
    rows = exported(peering.exports)
    had = [row["exported"] for row in rows if _gives(before, row, [], peer.local_name)]
    gone = [
        row["exported"] for row in rows if row["exported"] in had and not _gives(after, row, services, peer.local_name)
    ]
    nothing = _matching_nothing(before, after, services, peer.local_name)
    return Withdrawal(peer, tuple(gone), bool(gone) and len(gone) == len(had), tuple(nothing) if gone else ())


def _matching_nothing(before: Mapping, after: Mapping, services: Sequence[Mapping], peer: str) -> list[str]:
    """Return in the user's words the rules that were added and give the peer nothing."""
    known = before.get("exportRules") or []
    added = [rule for rule in after.get("exportRules") or [] if rule not in known]
    return [_told(rule) for rule in added if not _names(services, rule, peer)]


def refuse_withdrawals(
    found: Iterable[Withdrawal],
    accepted: Collection[str],
    names_of: Mapping[str, Sequence[str]],
    where: str = "mesh_exports",
    option: str = "",
) -> None:
    """Refuse what looks like a mistake until it is said for that peer: FED332. ``names_of`` are the names that speak of
    each peer.

    ``where`` are the rules and ``option`` is what says that it is meant, in the words of whoever wrote them.
    """
    wrong = [each for each in found if each.looks_wrong and not set(names_of[each.peer.local_name]) & set(accepted)]
    if wrong:
        peers = ", ".join(each.peer.local_name for each in wrong)
        raise FederationError(
            "FED332",
            where=where,
            what="; ".join(str(each) for each in wrong),
            fix=f"Correct the rules, or confirm it with {option or f'federation_withdraw: [{peers}]'}",
            facts={"withdrawn": {each.peer.local_name: list(each.names) for each in wrong}},
        )


def _gives(spec: Mapping, row: Mapping, services: Sequence[Mapping], peer: str) -> bool:
    """Return whether rules give an exported name: by the Service as read, else by its name, and by labels wherever they
    could.
    """
    namespace, name = str(row["namespace"]), str(row["name"])
    known = [live for live in services if _place(live) == (namespace, name)]
    if not known:
        known = [{"kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": {}}]
        selectors = [
            rule.get("labelSelector") or {}
            for rule in spec.get("exportRules") or []
            if rule.get("type") == "LabelSelector"
        ]
        if any(selector.get("namespace") in (None, "", "*", namespace) for selector in selectors):
            return True
    return any(each["exported"] == row["exported"] for each in exported_names(known, spec, peer))


def _names(services: Sequence[Mapping], rule: Mapping, peer: str) -> list[str]:
    return [row["exported"] for row in exported_names(services, {"exportRules": [rule]}, peer) if row["exported"]]


def _place(live: Mapping) -> tuple[str, str]:
    metadata = live.get("metadata") or {}
    return str(metadata.get("namespace")), str(metadata.get("name"))


def _told(rule: Mapping) -> str:
    """Return a stored rule in the user's words."""
    named, labelled = rule.get("nameSelector"), rule.get("labelSelector") or {}
    if named:
        return f"the rule {named.get('namespace') or '*'}/{named.get('name') or '*'}"
    labels = (at(labelled, "selector", "matchLabels") or {}).items()
    return (
        "the rule"
        f" {labelled.get('namespace') or '*'}/{','.join(f'{key}={value}' for key, value in labels) or 'by labels'}"
    )
