# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where what one module has read of a mesh lies for the next one, and how it is forgotten. ``_reads.remembering`` takes
and leaves it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from ._files import Place
from ._options import CLUSTER, MESH

folder = ""
"""Where this run's notes lie; none are taken or left without it. It is set only where the run's tasks are known to
follow each other.
"""


def place_of(params: Mapping[str, Any]) -> Place | None:
    """Return the place of a mesh's notes. The file's name is made of the mesh's name, how its API server is reached,
    and as which user. None without a folder for notes, or without a mesh.
    """
    if not folder or not params.get("mesh"):
        return None
    said = json.dumps({name: params.get(name) for name in (*CLUSTER, *MESH)}, sort_keys=True, default=str)
    return Place(folder, f"ossm-federation-{hashlib.sha256(said.encode()).hexdigest()}.json", kind="Notes")


def forget(params: Mapping[str, Any]) -> None:
    """Leave no notes of this mesh."""
    place = place_of(params)
    if place is not None and os.path.lexists(place.path):
        os.remove(place.path)
