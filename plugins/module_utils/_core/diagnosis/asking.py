# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a diagnosis is asked for: which peers, and services by their names."""

from __future__ import annotations

from ..mesh.described import Mesh, Peer
from ..plain.data import some
from ..plain.errors import FederationError


def refuse_odd(value: str | None, option: str) -> None:
    """Refuse what is no namespace/name: FED931."""
    namespace, slash, name = str(value or "/").partition("/")
    if value and not (namespace and slash and name and "/" not in name):
        raise FederationError(
            "FED931", where=option, what=f"is {value!r}", fix="Write it as namespace/name, such as shop/cart"
        )


def chosen(mesh: Mesh, name: str | None) -> list[Peer]:
    """Return the peers that are diagnosed: all, or those with a name. Raises ``FederationError`` FED931 for a name that
    is not described.
    """
    found = [peer for peer in mesh.peers if name in (None, "", peer.name, peer.local_name)]
    if not found:
        known = some([peer.name for peer in mesh.peers])
        raise FederationError(
            "FED931", where="diagnose_peer", what=f"is {name!r}", fix=f"Write one of mesh_peers: {known}"
        )
    return found
