#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_card_info
short_description: Read and check a received card
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Reads a card that another mesh made, refuses it if anything is wrong with it, explains it, and shows what is
    different from the card that was there before. No cluster is asked.
seealso:
  - module: ossm.federation.mesh_card
  - module: ossm.federation.federation
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
  known_path:
    description:
      - The file of the earlier card of the same mesh, to compare with. One that does not exist or that cannot be used
        any more is not an error, since there is none the first time.
    type: path
  known:
    description: The earlier card as a mapping or a JSON text.
    type: raw
  peers:
    description:
      - The peers of O(audience), as C(mesh_peers) has them. With them the card is checked as C(federate) would, pins
        included.
    type: list
    elements: raw
  imports:
    description: The import rules of O(audience), as C(mesh_imports) has them, to show what would be imported. Needs
      O(peers).
    type: list
    elements: dict
  loopback:
    description:
      - Whether addresses of the machine itself and names of one or two labels are accepted. For testbeds on one machine
        only.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: See what the card of east says
  ossm.federation.mesh_card_info:
    path: cards/east-for-west.json
    audience: west

- name: See what is new about a card before it replaces the one in use
  ossm.federation.mesh_card_info:
    path: incoming/east-for-west.json
    known_path: cards/east-for-west.json
    audience: west
    peers: [east]
    imports:
      - namespace: shop

- name: Accept only a card whose root was compared
  ossm.federation.mesh_card_info:
    path: cards/east-for-west.json
    audience: west
    root_fingerprints: [3F9A1B2C7D4EA0C1D0F35B6A9E8D7C213F9A1B2C7D4EA0C1D0F35B6A9E8D7C21]
"""

RETURN = r"""
card:
  description: The card.
  returned: success
  type: dict
  sample: {version: 1, mesh: east, audience: west, trust_domain: east.local}
fingerprint:
  description: The first 128 bits of each root's SHA-256 fingerprint, for two people to compare by voice.
  returned: success
  type: str
  sample: B1C3-E6FB-44DD-8282-37E3-CB62-D827-8C68
fingerprints:
  description: The whole SHA-256 fingerprints of the roots, in the form of C(root_fingerprints) of a peer.
  returned: success
  type: list
  elements: str
  sample: [B1C3E6FB44DD828237E3CB62D8278C6866DF7ADDFA17A3909F7C229AABC5243A]
lines:
  description: The card in words, and after that what is new about it.
  returned: success
  type: list
  elements: str
  sample: ["east for west · issued 2026-01-31, 3 days ago · trust domain east.local"]
compared:
  description: Whether there was an earlier card to compare with.
  returned: success
  type: bool
  sample: true
differences:
  description:
    - The differences of this card from the earlier one, what identifies the mesh (C(root), C(trust_domain),
      C(client_id)) first; then C(ingress) and each C(export). C(before) or C(after) is empty where there was or is
      none.
  returned: success
  type: list
  elements: dict
  sample: [{what: export, name: cart.shop.svc.west-exports.local, before: "", after: http 80/HTTP}]
imports:
  description: For each exported service, under which name our rules import it.
  returned: success
  type: list
  elements: dict
  sample: []
"""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..module_utils._core.card.card import Card, read_card
from ..module_utils._core.peering.checking import check, expected, from_data, refuse_other
from ..module_utils._core.peering.reading import compared, differences, lines
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._reads.peerings import card_file
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "path": {"type": "path"},
    "card": {"type": "raw"},
    "audience": {"type": "str"},
    "root_fingerprints": {"type": "list", "elements": "str"},
    "known_path": {"type": "path"},
    "known": {"type": "raw"},
    "peers": {"type": "list", "elements": "raw"},
    "imports": {"type": "list", "elements": "dict"},
    "loopback": {"type": "bool", "default": False},
}


def run(run: Run, _cluster: None, now: datetime) -> dict:
    """Read the card and return the module's result."""
    params = run.params
    card = received(params, now)
    check(card, params)
    rows, notes = expected(params, card)
    said = lines(card, now, rows) + notes
    try:
        earlier = known(params, card, now)
    except FederationError as error:
        # What was there before may have outlived itself; that must not hide what the new card says.
        earlier = None
        said.append(f"nothing to compare with: {error}")
    if earlier is not None:
        said += compared(earlier, card)
    return {
        "changed": False,
        "card": card.to_data(),
        "fingerprint": card.spoken,
        "fingerprints": [root.fingerprint for root in card.roots],
        "lines": said,
        "compared": earlier is not None,
        "differences": [one.to_data() for one in differences(earlier, card)] if earlier else [],
        "imports": rows,
    }


def received(params: Mapping[str, Any], now: datetime) -> Card:
    """Return the card from its file or its data."""
    if params["path"]:
        card = from_file(params["path"], now)
        if card is None:
            raise FederationError(
                "FED201",
                where=f"Card {params['path']}",
                what="does not exist",
                fix="Give the path of the received file",
            )
        return card
    return from_data(params["card"], "The given card", now)


def from_file(path: str, now: datetime) -> Card | None:
    """Return the card of a file, None when there is no such file."""
    text = card_file(os.path.dirname(path) or ".", os.path.basename(path))
    return None if text is None else read_card(text, f"Card {os.path.basename(path)}", now)


def known(params: Mapping[str, Any], card: Card, now: datetime) -> Card | None:
    """Return the earlier card of the same mesh; None when there is none, or when it is the very file that is read.

    Raises ``FederationError`` FED220 when it is another mesh's, and what any card that is not in order raises.
    """
    if params["known_path"]:
        if (
            params["path"]
            and os.path.exists(params["known_path"])
            and os.path.samefile(params["path"], params["known_path"])
        ):
            return None
        earlier = from_file(params["known_path"], now)
    elif params["known"]:
        earlier = from_data(params["known"], "The known card", now)
    else:
        return None
    if earlier is not None:
        refuse_other(earlier, card)
    return earlier


def main() -> None:
    module = Module(
        OPTIONS,
        required_one_of=[("path", "card")],
        mutually_exclusive=[("path", "card"), ("known_path", "known")],
        required_by={"imports": ["peers"]},
        supports_check_mode=True,
    )
    run_module(module, run, needs_cluster=False, writes=False)


if __name__ == "__main__":
    main()
