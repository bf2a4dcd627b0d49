# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has changed about a mesh since the last look, as events: peers, roots, cards, and whether it could be looked at.

An event is told when a state changes. A state that is not well is told again after some time, so that a rule that was
not
there, or failed, gets it once more. Times that grow with each look are in the text and change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..card.card import LIFETIME, Card
from ..peering import status
from ..peering.verdict import EXPIRING, PENDING, UNKNOWN
from ..plain.words import shown

PEER, ROOT, CARD, PEER_CARD, MESH = "peer", "root", "card", "peer_card", "mesh"
CONNECTED, SUSPENDED, GONE, WELL, OLD, EXPIRED, REFUSED, UNREACHED = (
    "connected",
    "suspended",
    "gone",
    "well",
    "old",
    "expired",
    "refused",
    "unreached",
)
GOOD = frozenset({CONNECTED, SUSPENDED, WELL})
Key = tuple[str, str]
# With what follows it, a brace begins an expression, a statement or a comment of Jinja.
_BRACE = re.compile(r"\{(?=[{%#])")


@dataclass(frozen=True)
class Event:
    """One thing of a mesh and its state: ``kind`` and ``name`` (of a peer, a card's file, or "") say which, ``what``
    says it in words.
    """

    kind: str
    name: str
    state: str
    what: str = ""
    code: str = ""

    @property
    def key(self) -> Key:
        """Which thing it is about."""
        return self.kind, self.name

    def as_data(self, mesh: str) -> dict:
        """Return it as rules get it; text that others wrote is fit for a terminal, and no template: a rule hands it on
        as an extra variable, which Ansible evaluates.
        """
        told = {
            "kind": self.kind,
            "mesh": mesh,
            "name": self.name,
            "state": self.state,
            "what": self.what,
            "code": self.code,
        }
        return {"federation": {key: _BRACE.sub(r"\\x7b", shown(text)) for key, text in told.items()}}


def of_peers(rows: Iterable[Mapping], faults: Sequence[Mapping]) -> list[Event]:
    """Return the states of peers and of roots. ``rows`` and ``faults`` are those of ``federation_info``."""
    found = []
    for row in rows:
        name = str(row["peer"])
        own = [fault for fault in faults if fault["peer"] == name and fault["kind"] in (PENDING, UNKNOWN)]
        state = PENDING if any(one["kind"] == PENDING for one in own) else UNKNOWN if own else CONNECTED
        is_suspended = row.get("outbound") == status.SUSPENDED
        found.append(
            Event(PEER, name, SUSPENDED if is_suspended else state, "; ".join(str(one["what"]) for one in own))
        )
        found.append(_of_roots(name, faults))
    return [*found, _of_roots("", faults)]


def _of_roots(name: str, faults: Sequence[Mapping]) -> Event:
    """Return the state of the roots of a peer, or of the mesh itself, whose name here is empty."""
    own = [str(fault["what"]) for fault in faults if fault["peer"] == name and fault["kind"] == EXPIRING]
    return Event(ROOT, name, EXPIRING if own else WELL, "; ".join(own))


def of_card(kind: str, name: str, card: Card, now: datetime) -> Event:
    """Return the state of a card: one that is older than half its life is due for renewal by the mesh that it is of."""
    age = now - card.issued
    told = f"issued {max(0, age.days)} days ago, of {LIFETIME.days} at the most"
    state = EXPIRED if card.is_old(now) else OLD if age >= LIFETIME / 2 else WELL
    return Event(kind, name, state, told)


@dataclass
class Memory:
    """What was told last, by what it is about, and when; ``again`` is after how long what is not well is told once
    more.
    """

    again: timedelta
    last: dict[Key, tuple[str, datetime]]

    def news(self, seen: Iterable[Event], now: datetime, *, is_whole: bool = True) -> list[Event]:
        """Return what is to be told of what was ``seen``, and remember it.

        At the first look only what is not well is told. With ``is_whole`` what was there before and is not seen is
        gone.
        """
        told, keys = [], set()
        for event in seen:
            keys.add(event.key)
            state, at = self.last.get(event.key, (WELL if event.state in GOOD else "", now))
            is_changed = state != event.state and not (state in GOOD and event.state in GOOD)
            if is_changed or (event.state not in GOOD and now - at >= self.again):
                told.append(event)
                at = now
            self.last[event.key] = (event.state, at)
        for key in [key for key in self.last if is_whole and key not in keys and key[0] != MESH]:
            if key[0] == PEER:
                told.append(Event(*key, GONE, "the peering is no longer there"))
            del self.last[key]
        return told
