# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options in which a module is told about a mesh, and the mesh that they describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._core.mesh.topology import Mesh
from ._options import MESH

DESCRIBED = {
    **MESH,
    "peers": {"type": "list", "elements": "raw"},
    "gateways": {"type": "dict"},
    "exports": {"type": "list", "elements": "dict"},
    "imports": {"type": "list", "elements": "dict"},
    "trust_domain": {"type": "str"},
    "owner": {"type": "str"},
    "accept_changes": {"type": "list", "elements": "str", "default": []},
    "loopback": {"type": "bool", "default": False},
    "hold": {"type": "list", "elements": "str", "default": []},
}


def described_mesh(params: Mapping[str, Any], *, allow_no_peers: bool = False) -> Mesh:
    """Return the mesh that a module's options describe; raises ``FederationError`` FED3xx before anything is read."""
    mesh = Mesh.described(
        name=params["mesh"],
        namespace=params.get("namespace") or f"{params['mesh']}-mesh-system",
        control_plane=params["control_plane"],
        peers=params.get("peers") or [],
        gateways=params.get("gateways"),
        exports=params.get("exports") or [],
        imports=params.get("imports") or [],
        trust_domain=params.get("trust_domain"),
        allow_no_peers=allow_no_peers,
        owner=params.get("owner"),
        loopback=bool(params.get("loopback")),
    )
    return mesh.holding(params.get("hold") or [])


def one_peer(params: Mapping[str, Any], **rules: Any) -> Mesh:
    """Return the mesh with the one peer that a thin module is about, and ``exports`` or ``imports`` rules for it.

    A module without the option ``loopback`` has nothing to do with addresses.
    """
    return described_mesh({"loopback": True, **params, "peers": [params["peer"]], **rules})


def asked_peers(peers: Sequence[object] | None) -> dict[str, str]:
    """Return peers that are given as names or as mappings: our name of each to its own."""
    return {
        str(peer.get("local_name") or peer.get("name")) if isinstance(peer, dict) else str(peer): str(peer.get("name")) if isinstance(peer, dict) else str(peer)
        for peer in peers or ()
    }
