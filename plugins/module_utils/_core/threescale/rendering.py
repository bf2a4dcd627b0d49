# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of 3scale's adapters can be written into files that others read."""

from __future__ import annotations

from ..extensions.plan import Ground
from ..extensions.problems import refuse
from ..mesh.described import Mesh
from .described import read_threescale
from .keeping import WRAPPERS
from .plan import plan


def rendered(given: object, mesh: Mesh, version: tuple[int, int]) -> tuple[list[dict], list[str]]:
    """Return the objects that hold no token, and in words what is left out.

    Raises ``FederationError`` for a description that cannot be read.
    """
    described, problems = read_threescale(given)
    refuse(problems)
    ground = Ground.as_described(
        mesh.name, mesh.namespace, version, [each.extension.namespace for each in described.adapters]
    )
    left_out = [
        f"mesh_threescale, {each.place}: has tokens in the clear, and files may be passed on; threescale writes it"
        for each in described.adapters
    ]
    return [each for each in plan(described, ground) if each["kind"] not in WRAPPERS], left_out
