# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A card by itself, before anybody uses it: for whom it is, where it leads, whose its roots are, and what of it our
rules take.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..card.card import Card, card_from, read_card
from ..mesh.given import refuse_empty
from ..mesh.parse import described_mesh
from ..plain.addresses import unfit
from ..plain.errors import FederationError
from ..plain.fingerprints import is_same_fingerprint
from ..plain.kinds import CLUSTER_DOMAIN
from .plan import check_card, takes


def from_data(data: object, where: str, now: datetime) -> Card:
    """Return the card of a JSON text or a mapping."""
    return read_card(data, where, now) if isinstance(data, (str, bytes)) else card_from(data, where, now)


def check(card: Card, params: Mapping[str, Any]) -> None:
    """Refuse a card for another audience, with an address that leads nowhere, or with a root that is not pinned.

    Raises ``FederationError``: FED212, FED219, FED221, FED210, FED317 for a pin of nothing.
    """
    where = f"Card of {card.mesh}"
    if params["audience"] and card.audience != params["audience"]:
        raise FederationError(
            "FED212",
            where=where,
            what=f"was made for {card.audience}, not for {params['audience']}",
            fix=f"Ask {card.mesh} for {card.mesh}-for-{params['audience']}.json",
        )
    for address in card.ingress.addresses if card.ingress else ():
        # Whether both meshes share a cluster is said of a peer.
        reason = unfit(address, loopback=params["loopback"], same_cluster=True)
        if reason:
            raise FederationError(
                reason.code,
                where=where,
                what=f"gives the address {reason.what}",
                fix=f"Ask {card.mesh} for another address. {reason.fix}",
            )
    if params["root_fingerprints"] is not None:
        pins = {"root_fingerprints": params["root_fingerprints"]}
        refuse_empty(pins, where, {"root_fingerprints": "that roots are not pinned"})
    for root in card.roots:
        if params["root_fingerprints"] and not any(
            is_same_fingerprint(pin, root.fingerprint) for pin in params["root_fingerprints"]
        ):
            raise FederationError(
                "FED210",
                where=where,
                what=f"root {root.spoken} is not among root_fingerprints",
                fix=(
                    f"Compare the fingerprint with {card.mesh}'s administrator by another way before you change the pin"
                    f" to {card.pins}"
                ),
            )


def refuse_other(earlier: Card, card: Card) -> None:
    """Refuse to compare a card with an ``earlier`` one that is of another mesh, or for another: FED220."""
    if (earlier.mesh, earlier.audience) != (card.mesh, card.audience):
        raise FederationError(
            "FED220",
            where="The known card",
            what=f"is that of {earlier.mesh} for {earlier.audience}, this one is of {card.mesh} for {card.audience}",
            fix=f"Give the earlier card of {card.mesh}",
        )


def expected(params: Mapping[str, Any], card: Card) -> tuple[list[dict], list[str]]:
    """Return what our import rules take of the card's offers, and a note where the card concerns no peer of ours.

    Raises ``FederationError``: FED3xx for what is described wrongly, and as ``check_card`` for a card that does not
    fit.
    """
    if not params["peers"]:
        return [], []
    mesh = described_mesh({**params, "mesh": card.audience, "control_plane": "basic"})
    peers = [peer for peer in mesh.peers if peer.name == card.mesh]
    if not peers:
        return [], [f"{card.mesh} is not in mesh_peers of {card.audience}: federate does not look at this card"]
    if len(peers) > 1:
        names = " or ".join(peer.local_name for peer in peers)
        return [], [f"{card.mesh} is what {names} call themselves: the pin tells whose card this is"]
    check_card(mesh, peers[0], card, "", where=f"Card of {card.mesh}")
    return takes(mesh, peers[0], [export.name for export in card.exports], CLUSTER_DOMAIN), []
