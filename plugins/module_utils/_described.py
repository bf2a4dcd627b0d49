# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options in which a module is told about a mesh."""

from __future__ import annotations

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
