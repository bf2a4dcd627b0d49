# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands of a mesh's Wasm extensions, and which pods have proxies: one LIST per kind and namespace."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._cluster.client import Cluster
from .._core.control_plane.ground import ground_of
from .._core.control_plane.live import ControlPlane
from .._core.control_plane.members import ROLL, membership
from .._core.extensions.plan import Ground
from .._core.extensions.selecting import Proxy, proxy_of
from .._core.plain.errors import FORBIDDEN, NOT_SERVED, FederationError
from .._core.plain.kinds import EXTENSION, MEMBER_ROLL, POD, Kind, extension_kind, home_of
from .._core.plain.refusals import Refusal
from .peerings import read_control_plane


@dataclass(frozen=True)
class Around:
    """A mesh as far as its extensions need it: its ground, the objects of both kinds, and what could not be read."""

    control_plane: ControlPlane
    ground: Ground
    live: tuple[dict, ...]
    unknown: tuple[Refusal, ...]


def read_around(
    cluster: Cluster, params: Mapping[str, Any], needed: Collection[str] = (), kinds: Iterable[Kind] = ()
) -> Around:
    """Return a mesh and the extensions that stand in it, of ``kinds`` or of those that its version obeys.

    What may not be read is told, but in ``needed`` namespaces, where it raises ``FederationError`` FED104.
    """
    namespace = home_of(params)
    control_plane = read_control_plane(cluster, namespace, params["control_plane"])
    members = membership(cluster.get(MEMBER_ROLL, namespace, ROLL))
    ground = ground_of(control_plane, params["mesh"], members["configured"], is_going=params.get("state") == "absent")
    live: list[dict] = []
    unknown: list[Refusal] = []
    # An operator of 2.0 serves v1alpha1 alone, whatever is looked for.
    for kind in (
        extension_kind(control_plane.version) if each is EXTENSION else each for each in kinds or ground.kinds
    ):
        for place in sorted(ground.namespaces):
            try:
                live += cluster.list(kind, place)
            except FederationError as error:
                if error.code == NOT_SERVED and place not in needed:
                    break
                if error.code != FORBIDDEN or place in needed:
                    raise
                unknown.append(Refusal(kind, place))
    return Around(control_plane, ground, tuple(live), tuple(unknown))


def read_pods(cluster: Cluster, namespaces: Iterable[str]) -> tuple[list[Proxy], list[str]]:
    """Return the proxies in some namespaces, and the namespaces whose pods this account may not read."""
    proxies: list[Proxy] = []
    unread: list[str] = []
    for namespace in sorted(namespaces):
        try:
            proxies += cluster.list(POD, namespace, keep=proxy_of)
        except FederationError as error:
            if error.code != FORBIDDEN:
                raise
            unread.append(namespace)
    return proxies, unread
