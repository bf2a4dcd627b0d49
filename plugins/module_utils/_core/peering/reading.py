# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A received card in words, and what is different about it from the one that was there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..card.card import LIFETIME, Card, Export
from ..card.trust import Root
from ..plain.fingerprints import spoken
from .identity import accept_line, identity_digest

NEAR_EXPIRY_DAYS = 30
WHO_IT_IS = ("root", "trust_domain", "client_id")


@dataclass(frozen=True)
class Difference:
    """One fact that two cards of one mesh tell differently.

    ``what`` is the card's field (``root`` and ``export`` for one entry of those lists), ``name`` says which entry, and
    ``before`` and ``after`` are the facts in words, "" where there was or is none.
    """

    what: str
    name: str
    before: str
    after: str

    def to_data(self) -> dict:
        """Return the difference as a row of a module's result."""
        return {"what": self.what, "name": self.name, "before": self.before, "after": self.after}


def lines(card: Card, now: datetime, imports: Sequence[Mapping] = ()) -> list[str]:
    """Return what a card says, in words: who says it, who is meant, how it is reached, what it offers.

    ``imports`` are the rows of ``imported_names`` for its exports, where our import rules are known.
    """
    mesh, audience = card.mesh, card.audience
    age = (now - card.issued).days
    old = (
        f", which is more than {LIFETIME.days} days ago: ask {mesh} to run publish_cards again"
        if card.is_old(now)
        else ""
    )
    taken = {row["host"]: row for row in imports}
    offered = [_offer(export, taken.get(export.name)) for export in card.exports]
    return [
        (
            f"{mesh} for {audience} · issued {card.issued:%Y-%m-%d}, {max(age, 0)} days ago{old} · trust domain"
            f" {card.trust_domain}"
        ),
        (
            f"fingerprint {card.spoken}: read it to {mesh}'s administrator by voice; anybody who can change a card in "
            f"transit can impersonate {mesh}"
        ),
        f"once it is the same, pin it for {mesh} in mesh_peers: {card.pins}",
        *(_root(root, number, now) for number, root in enumerate(card.roots, start=1)),
        f"these roots can vouch for identities of {card.trust_domain}, and for no others",
        f"{mesh} is reached {_reached(card)}",
        f"{mesh} calls as {card.client_id}, and with no other identity",
        (
            f"identity {spoken(identity_digest(card))}: trust domain, client identity and roots in one number, as"
            f" publish_cards of {mesh} shows it"
        ),
        f"{mesh} offers {len(card.exports) or 'no'} {'service' if len(card.exports) == 1 else 'services'}",
        *offered,
    ]


def _root(root: Root, number: int, now: datetime) -> str:
    days = root.days_left(now)
    kind = "root" if root.is_self_signed else "intermediate"
    soon = ": expires soon, ask for the next one" if days < NEAR_EXPIRY_DAYS else ""
    return f"{kind} {number}: {root.spoken}, {days:,} days left, until {root.not_after:%Y-%m-%d}{soon}"


def _reached(card: Card) -> str:
    if card.ingress is None:
        return "at an address that it does not know yet"
    ports = f"TCP {card.ingress.discovery_port} (discovery) and TCP {card.ingress.service_port} (services)"
    return f"at {', '.join(card.ingress.addresses)}, {ports}"


def _ports(export: Export) -> str:
    return ", ".join(f"{port.name} {port.number}/{port.protocol}".strip() for port in export.ports) or "no ports"


def _offer(export: Export, taken: Mapping | None) -> str:
    text = f"  {export.name} ({_ports(export)})"
    if taken is None:
        return text
    if taken["imported"] is None:
        return f"{text}: no rule of mesh_imports matches it"
    return f"{text}: we import it as {taken['imported']}{', as a service of this cluster' if taken['local'] else ''}"


def differences(earlier: Card, card: Card) -> list[Difference]:
    """Return what two cards of one mesh tell differently, what says who it is first; the date alone is no
    difference.
    """
    before = {root.fingerprint: root for root in earlier.roots}
    after = {root.fingerprint: root for root in card.roots}
    found = [
        Difference("root", fingerprint, _spoken(before.get(fingerprint)), _spoken(after.get(fingerprint)))
        for fingerprint in dict.fromkeys([*after, *before])
        if (fingerprint in before) != (fingerprint in after)
    ]
    for what in ("trust_domain", "client_id"):
        if getattr(earlier, what) != getattr(card, what):
            found.append(Difference(what, "", getattr(earlier, what), getattr(card, what)))
    if earlier.ingress != card.ingress:
        found.append(Difference("ingress", "", _reached(earlier), _reached(card)))
    old, new = ({export.name: export for export in one.exports} for one in (earlier, card))
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            found.append(
                Difference(
                    "export", name, _ports(old[name]) if name in old else "", _ports(new[name]) if name in new else ""
                )
            )
    return found


def _spoken(root: Root | None) -> str:
    return root.spoken if root else ""


def compared(earlier: Card, card: Card) -> list[str]:
    """Return in words what is new about a card, and what follows from it."""
    mesh = card.mesh
    found = differences(earlier, card)
    said = []
    if card.issued < earlier.issued:
        said.append(f"this card is older than the one you have ({card.issued:%Y-%m-%d}, {earlier.issued:%Y-%m-%d})")
    if not found:
        return [*said, "has the same content as your card"]
    said += [_in_words(one) for one in found]
    roots = {root.fingerprint for root in earlier.roots}
    if roots.isdisjoint(root.fingerprint for root in card.roots):
        said.insert(
            0,
            f"every root is another: {mesh} replaced its CA, or somebody else made this card; ask by voice before you "
            "accept it",
        )
    if any(one.what in WHO_IT_IS for one in found):
        line = accept_line(card, mesh)
        said.append(
            f"federate refuses a changed identity of {mesh} until you accept it: federation_accept_changes={line}"
        )
    return said


def _in_words(one: Difference) -> str:
    named = {"root": "root", "export": f"offer {one.name}"}.get(one.what)
    if named is None:
        return f"{one.what} was {one.before}, is {one.after}"
    if not one.before:
        return f"{named} {one.after} is new" if one.what == "root" else f"{named} is new ({one.after})"
    if not one.after:
        return f"{named} {one.before} is gone" if one.what == "root" else f"{named} is gone"
    return f"{named} had {one.before}, has {one.after}"
