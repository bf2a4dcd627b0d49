# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a control plane decides how extensions are written."""

from __future__ import annotations

from collections.abc import Iterable

from ..extensions.plan import INBOUND_ONLY, Ground
from ..plain.data import mapping
from ..plain.errors import FederationError
from ..plain.supported import EXTENSIONS_FROM, V1_EXTENSIONS_FROM
from .live import ControlPlane

ON = (True, "true", "True", "1")
BOTH_KINDS = (2, 2)
"""A version that obeys both kinds: what is to go is looked for in both, whatever the control plane is."""


def ground_of(control_plane: ControlPlane, mesh: str, members: Iterable[str], *, is_going: bool = False) -> Ground:
    """Return what of a control plane decides how extensions are written.

    Raises ``FederationError`` FED804 where it has no version that has extensions; not where all extensions are going.
    """
    version = BOTH_KINDS if is_going else control_plane.version
    if version is None or version < EXTENSIONS_FROM:
        raise FederationError(
            "FED804",
            where=control_plane.place,
            what=f"is {control_plane.version_text}, but extensions are supported from v2.0 on",
            fix="Wait until its operator has looked at it, or upgrade it first",
        )
    said = control_plane.said("techPreview", "wasmExtensions", "enabled")
    env = mapping(control_plane.said("runtime", "components", "pilot", "container", "env"))
    return Ground(
        mesh=mesh,
        namespace=control_plane.namespace,
        version=version,
        members=frozenset(members),
        has_cacher=said in ON or (said is None and version >= V1_EXTENSIONS_FROM),
        is_inbound_only=env.get(INBOUND_ONLY) in ON,
    )
