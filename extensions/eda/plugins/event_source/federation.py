# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""An event source for Event-Driven Ansible: what changes about the federation of a mesh, without writing anything."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
---
short_description: Tell when a peer, a root or a card of a mesh changes its state
description:
  - Looks at the ServiceMeshPeers of a mesh, at its roots, and at cards in a folder again and again, and gives an event
    when the state of one of them changes. What is not well is told again after O(again) seconds.
  - An event is a mapping C(federation) with C(kind), C(mesh), C(name), C(state), C(what) and C(code).
  - C(kind) V(peer) has the states V(connected), V(pending), V(unknown), V(suspended) and V(gone); V(root) has V(well)
    and V(expiring), with an empty C(name) for the mesh itself; V(card) (ours) and V(peer_card) (theirs) have V(well),
    V(old) from half of its life on, V(expired) and V(refused); V(mesh) has V(well), V(unreached) and V(refused).
  - Connection options are those of the modules of this collection, such as C(kubeconfig), C(context), C(host),
    C(api_key), C(ca_cert).
options:
  mesh:
    description: The name of the mesh.
    type: str
    required: true
  namespace:
    description: The namespace of its control plane; C(<mesh>-mesh-system) without it.
    type: str
  control_plane:
    description: The name of its ServiceMeshControlPlane.
    type: str
    default: basic
  peers:
    description: Peers that must be there, by our names. One that is not is V(pending). All others that stand are looked
      at as well.
    type: list
    elements: str
  cards_dir:
    description: The folder with cards. Without it no card is looked at.
    type: str
  interval:
    description: Seconds between two looks, at least 5.
    type: int
    default: 60
  again:
    description: Seconds after which what is still not well is told again.
    type: int
    default: 86400
"""

EXAMPLES = r"""
- name: React to what happens to the federation of east
  hosts: all
  sources:
    - ossm.federation.federation:
        kubeconfig: /secrets/east.kubeconfig
        mesh: east
        cards_dir: /project/cards
  rules:
    - name: A peer is lost
      condition: event.federation.kind == "peer" and event.federation.state == "pending"
      action:
        run_playbook:
          name: ossm.federation.diagnose
"""


def _watch_of(args: dict[str, Any]) -> Any:
    """Return the watch that the arguments ask for. The collection is found where this file is: a rulebook runs it
    alone.
    """
    root = str(Path(__file__).absolute().parents[7])
    if root not in sys.path:
        sys.path.append(root)
    from ansible_collections.ossm.federation.plugins.module_utils._watching import Watch

    return Watch.of(args)


async def main(queue: asyncio.Queue, args: dict[str, Any]) -> None:
    """Put events into the queue until somebody ends it."""
    watch = _watch_of(args)
    while True:
        for event in await asyncio.to_thread(watch.look, datetime.now(timezone.utc)):
            await queue.put(event)
        await asyncio.sleep(watch.interval)


if __name__ == "__main__":

    class _Printing(asyncio.Queue):
        async def put(self, item: Any) -> None:
            """Print an event instead of keeping it."""
            print(item, flush=True)

    asyncio.run(main(_Printing(), dict(pair.split("=", 1) for pair in sys.argv[1:])))
