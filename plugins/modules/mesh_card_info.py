#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_card_info
short_description: Read and check a received card
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Reads a card that another mesh made, refuses it if anything is wrong with it, and says what it means. No cluster is asked.
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Changes nothing.}
options:
  path:
    description: The card's file.
    type: path
  card:
    description: The card as a mapping or a JSON text.
    type: raw
  audience:
    description: The mesh that the card must be made for.
    type: str
  root_fingerprints:
    description: SHA-256 fingerprints that the card's roots must be among.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: See what east says of itself
  ossm.federation.mesh_card_info:
    path: cards/east-for-west.json
    audience: west
"""

RETURN = r"""
card:
  description: The card.
  returned: success
  type: dict
  sample: {version: 1, mesh: east, audience: west, trust_domain: east.local}
fingerprint:
  description: The roots' short fingerprint, for two people to compare by voice.
  returned: success
  type: str
  sample: 3F9A…C1D0
lines:
  description: The card in words.
  returned: success
  type: list
  elements: str
  sample: [east for west · issued 2026-01-31 · trust domain east.local · root 3F9A…C1D0]
"""

import os  # noqa: E402
from datetime import datetime  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

from ..module_utils._core.card import Card, card_from, read_card  # noqa: E402
from ..module_utils._core.errors import FederationError  # noqa: E402
from ..module_utils._core.trust import is_same_fingerprint  # noqa: E402
from ..module_utils._live import card_file  # noqa: E402
from ..module_utils._running import run_module  # noqa: E402

OPTIONS = {
    "path": {"type": "path"},
    "card": {"type": "raw"},
    "audience": {"type": "str"},
    "root_fingerprints": {"type": "list", "elements": "str"},
}


def run(module: AnsibleModule, _cluster: None, now: datetime) -> dict:
    """Read the card and return the module's result."""
    params = module.params
    card = received(params, now)
    where = f"Card of {card.mesh}"
    if params["audience"] and card.audience != params["audience"]:
        raise FederationError(
            "FED212",
            where=where,
            what=f"was made for {card.audience}, not for {params['audience']}",
            mend=f"Ask {card.mesh} for {card.mesh}-for-{params['audience']}.json",
        )
    for root in card.roots:
        if params["root_fingerprints"] and not any(is_same_fingerprint(pin, root.fingerprint) for pin in params["root_fingerprints"]):
            raise FederationError(
                "FED210",
                where=where,
                what=f"root {root.short_fingerprint} is not among root_fingerprints",
                mend=f"Compare the fingerprint with {card.mesh}'s administrator by another way before you change the pin",
            )
    return {"changed": False, "card": card.to_data(), "fingerprint": card.short_fingerprint, "lines": lines(card, now)}


def received(params: dict, now: datetime) -> Card:
    """Return the card from its file or its data."""
    if params["path"]:
        text = card_file(os.path.dirname(params["path"]) or ".", os.path.basename(params["path"]))
        if text is None:
            raise FederationError(
                "FED201", where=f"Card {params['path']}", what="does not exist", mend="Give the path of the received file"
            )
        return read_card(text, f"Card {os.path.basename(params['path'])}", now)
    if isinstance(params["card"], (str, bytes)):
        return read_card(params["card"], "The given card", now)
    return card_from(params["card"], "The given card", now)


def lines(card: Card, now: datetime) -> list[str]:
    """Return the card in words."""
    days = min(root.days_left(now) for root in card.roots)
    reached = "address unknown yet"
    if card.ingress:
        reached = f"{', '.join(card.ingress.addresses)}, ports {card.ingress.discovery_port} and {card.ingress.service_port}"
    return [
        f"{card.mesh} for {card.audience} · issued {card.issued:%Y-%m-%d} · trust domain {card.trust_domain}"
        f" · root {card.short_fingerprint}, {days:,} days left",
        f"reached at {reached} · calls as {card.client_id}",
        *(f"offers {e.name} ({', '.join(f'{p.number}/{p.protocol}' for p in e.ports) or 'no ports'})" for e in card.exports),
    ]


def main() -> None:
    module = AnsibleModule(
        OPTIONS,
        required_one_of=[("path", "card")],
        mutually_exclusive=[("path", "card")],
        supports_check_mode=True,
    )
    run_module(module, run, needs_cluster=False, writes=False)


if __name__ == "__main__":
    main()
