# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a peer has the card that is kept for it, as far as this side can know.

A changed address shows by itself that it has arrived: the peer connects again. Nothing shows of the rest, so the
administrator says it, by the digits of the card.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ..card.card import Card, Ingress
from ..plain.data import some
from ..plain.errors import FederationError
from ..plain.fingerprints import spoken
from ..plain.words import shown
from .changing import roots_changed
from .identity import Accepted, facts_digest
from .status import inbound

ENDING = ".handed-over"

OPTION = "federation_handed_over"
MOST_NAMES = 5


@dataclass(frozen=True)
class Handing:
    """What a peer was given last (``had``), what it is to have (``card``), and when the two began to differ
    (``since``).
    """

    had: Card
    card: Card
    since: datetime

    @property
    def changes(self) -> list[str]:
        """Return in words what differs; nothing where the peer has what it is to have."""
        return card_changes(self.had, self.card)

    @property
    def shows_by_itself(self) -> bool:
        """Return whether only addresses and ports differ, so that a connection of the peer shows that it has them."""
        return replace(self.card, ingress=self.had.ingress, issued=self.had.issued) == self.had

    def is_over(self, names: Iterable[str], said: Accepted, live: Mapping | None) -> bool:
        """Return whether the peer has the card: it says so by connecting, or the administrator says so by its digits.

        ``live`` is its ServiceMeshPeer. A connection of before the change shows nothing.
        """
        if not self.changes or said.covers(names, facts_digest(self.card)):
            return True
        connected = inbound(live).since if self.shows_by_itself else None
        return connected is not None and connected > self.since

    def line(self, path: str, name: str) -> str:
        """Return what the administrator is to do, and until when this is said. ``name`` is the peer's in a run."""
        until = (
            "until it connects again"
            if self.shows_by_itself
            else f"done: {OPTION}={name}={spoken(facts_digest(self.card))}"
        )
        return f"hand over {path}: {some(self.changes, MOST_NAMES)} ({until})"


def handed_over(entries: Iterable[object]) -> Accepted:
    """Return what ``federation_handed_over`` says: each entry is a peer's name and the digits of a card.

    Raises ``FederationError`` FED351 for a name without digits, or with too few of them: it would be said of every card
    to come.
    """
    said = Accepted.read(entries)
    for name, digits in said.entries:
        if not re.fullmatch(r"[0-9A-Fa-f]{32,64}", digits):
            raise FederationError(
                "FED351",
                where=OPTION,
                what=f"names {shown(name, longest=63)} without the digits of the card that was handed over",
                fix="Paste the line that a run shows: the name, an equals sign, and eight groups of four digits",
            )
    return said


def card_changes(before: Card, after: Card) -> list[str]:
    """Return in words in which facts two cards of one mesh differ: address, ports, identity, roots, exports."""
    found = [
        f"{word} {old} → {new}"
        for word, old, new in (
            *_reached(before.ingress, after.ingress),
            ("trust domain", before.trust_domain, after.trust_domain),
            ("client identity", before.client_id, after.client_id),
        )
        if old != new
    ]
    found += roots_changed([root.fingerprint for root in before.roots], [root.fingerprint for root in after.roots])
    old, new = ({export.name: export.ports for export in card.exports} for card in (before, after))
    gone, come = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    other = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    for names, word in ((come, "new"), (gone, "no longer offered"), (other, "has other ports")):
        found += [f"{some(names, MOST_NAMES)} {word}"] if names else []
    return found


def _reached(before: Ingress | None, after: Ingress | None) -> Iterable[tuple[str, str, str]]:
    for word, part in (
        ("address", "addresses"),
        ("discovery port", "discovery_port"),
        ("service port", "service_port"),
    ):
        yield word, _written(getattr(before, part, None)), _written(getattr(after, part, None))


def _written(value: object) -> str:
    return "none" if value is None else some(list(value), MOST_NAMES) if isinstance(value, tuple) else str(value)


def beside(name: str) -> str:
    """Return the name of the note that lies beside a card's file."""
    return name.removesuffix(".json") + ENDING
