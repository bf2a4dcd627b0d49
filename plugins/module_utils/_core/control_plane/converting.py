# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which extensions stop the upgrade of a control plane, because they cannot become what later versions obey."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..extensions.converting import conversions
from ..extensions.problems import Problem
from .ground import ground_of
from .live import ControlPlane


def unconvertible(
    live: Sequence[Mapping], control_plane: ControlPlane, mesh: str, places: Iterable[str], images: Mapping[str, str]
) -> tuple[Problem, ...]:
    """Return what keeps ServiceMeshExtensions from becoming WasmPlugins; nothing where the control plane has no version
    yet.

    ``places`` are the mesh's namespaces, ``images`` is as ``conversions`` takes it.
    """
    if not live or control_plane.version is None:
        return ()
    ground = ground_of(control_plane, mesh, places)
    return tuple(problem for each in conversions(live, ground, images) for problem in each.problems)
