# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which meshes of a fleet need a job: what each needs as a digest, compared with that of the plan before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..plain.errors import FederationError
from ..plain.words import printable

VERSION = 1
NOBODY = "all:!all"
"""What no host matches, for ``--limit``: an empty one would be every host."""

NEW, DESCRIPTION, CARDS, RELEASE = "new", "description", "cards", "release"
REASONS = {
    NEW: "it was not planned before",
    DESCRIPTION: "its description has changed",
    CARDS: "cards for it have changed",
    RELEASE: "the collection is another release",
}
_DIGEST = 64


@dataclass(frozen=True)
class Need:
    """What a host of the inventory needs: its mesh, its description as a digest, and by which names its peers' cards
    are kept.
    """

    host: str
    mesh: str
    description: str
    peers: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The digests of a fleet: per host its mesh's name, description and cards; and by which release they were made."""

    release: str
    rows: Mapping[str, Mapping[str, str]]

    def to_data(self) -> dict:
        """Return the plan as JSON-friendly data."""
        return {
            "version": VERSION,
            "release": self.release,
            "meshes": {host: dict(row) for host, row in sorted(self.rows.items())},
        }

    @property
    def digest(self) -> str:
        """Return what tells two plans apart."""
        return digest(self.to_data())

    @classmethod
    def from_data(cls, data: object, where: str) -> Plan:
        """Return a saved plan; raises ``FederationError`` FED362 for anything else."""
        given = data if isinstance(data, Mapping) else {}
        rows = given.get("meshes")
        is_known = given.get("version") == VERSION and isinstance(given.get("release"), str)
        if (
            not is_known
            or not isinstance(rows, Mapping)
            or not all(isinstance(row, Mapping) and _is_row(row) for row in rows.values())
        ):
            raise FederationError(
                "FED362",
                where=where,
                what="is not a plan that fleet_plan has written",
                fix=(
                    "Name a file that fleet_plan_file has written, or leave fleet_plan_since out: then every mesh gets"
                    " a job"
                ),
            )
        return cls(
            str(given["release"]), {str(host): {key: str(row[key]) for key in _KEYS} for host, row in rows.items()}
        )


_KEYS = ("mesh", DESCRIPTION, CARDS)


@dataclass(frozen=True)
class Changes:
    """What a plan comes to: hosts that need a job with the reason, those that do not, and those that are planned no
    more.
    """

    changed: Mapping[str, str]
    unchanged: Sequence[str]
    gone: Sequence[str]

    @property
    def limit(self) -> str:
        """Return the hosts that need a job as a pattern for ``--limit``."""
        return ",".join(sorted(self.changed)) or NOBODY

    def lines(self, most: int = 30) -> list[str]:
        """Return the changes in words."""
        head = (
            f"Fleet · {len(self.changed) + len(self.unchanged)} meshes · {len(self.changed)} need a job ·"
            f" {len(self.unchanged)} unchanged"
        )
        rows = [f"{printable(host, 63)}: {REASONS[reason]}" for host, reason in sorted(self.changed.items())]
        more = [f"... and {len(rows) - most} more"] if len(rows) > most else []
        named = ", ".join(printable(host, 63) for host in sorted(self.gone)[:most])
        gone = (
            f"planned before and now missing: {named}{' and more' if len(self.gone) > most else ''}; nothing is "
            "removed from them"
        )
        return [head, *rows[:most], *more, *([gone] if self.gone else [])]


def digest(value: object) -> str:
    """Return the SHA-256 of data, the same for equal data whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def plan_of(needs: Iterable[Need], card_of: Callable[[str, str], bytes | None], release: str) -> Plan:
    """Return the plan of a fleet; ``card_of`` gives the bytes of a mesh's card for an audience, None where there is
    none.
    """
    rows = {}
    for need in needs:
        cards = {peer: card_of(peer, need.mesh) for peer in need.peers}
        told = {peer: hashlib.sha256(card).hexdigest() for peer, card in cards.items() if card is not None}
        rows[need.host] = {"mesh": need.mesh, DESCRIPTION: need.description, CARDS: digest(told)}
    return Plan(release, rows)


def changes_between(before: Plan | None, now: Plan) -> Changes:
    """Return which hosts need a job, all of them without a plan of before."""
    known = before.rows if before else {}
    reasons = {host: _reason(known.get(host), row, before, now) for host, row in now.rows.items()}
    changed = {host: reason for host, reason in reasons.items() if reason}
    return Changes(changed, sorted(set(reasons) - set(changed)), sorted(set(known) - set(now.rows)))


def _reason(before: Mapping[str, str] | None, row: Mapping[str, str], old: Plan | None, new: Plan) -> str:
    if before is None or old is None:
        return NEW
    if old.release != new.release:
        return RELEASE
    if (before["mesh"], before[DESCRIPTION]) != (row["mesh"], row[DESCRIPTION]):
        return DESCRIPTION
    return CARDS if before[CARDS] != row[CARDS] else ""


def _is_row(row: Mapping) -> bool:
    return all(isinstance(row.get(key), str) for key in _KEYS) and all(
        len(row[key]) == _DIGEST for key in (DESCRIPTION, CARDS)
    )
