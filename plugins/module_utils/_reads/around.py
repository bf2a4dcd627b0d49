# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands around a control plane that is to be upgraded: one LIST per kind and namespace of the mesh."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from .._cluster.client import Cluster
from .._core.control_plane.converting import unconvertible
from .._core.control_plane.data_plane import Newest
from .._core.control_plane.live import ControlPlane
from .._core.control_plane.members import ROLL
from .._core.control_plane.mixer import heirs
from .._core.control_plane.spec import OLDEST
from .._core.control_plane.upgrade import Found, by_version, has_ip_blocks, held_back, lagging, names_of, versioned
from .._core.extensions.converting import is_text
from .._core.plain.data import at
from .._core.plain.errors import FORBIDDEN, UNSEEN, FederationError
from .._core.plain.kinds import (
    AUTHORIZATION_POLICY,
    ENVOY_FILTER,
    MEMBER_ROLL,
    MIXER_KINDS,
    PEER,
    POD,
    WASM_PLUGIN,
    Kind,
    extension_kind,
)
from .workloads import Surveyor


def read_found(cluster: Cluster, control_plane: ControlPlane, params: Mapping[str, Any]) -> Found:
    """Return what stands around a control plane: one LIST per kind and namespace of the mesh."""
    namespace, version = control_plane.namespace, control_plane.version
    roll = cluster.get(MEMBER_ROLL, namespace, ROLL)
    places = sorted({namespace, *(at(roll, "status", "configuredMembers") or [])})
    unknown: list[str] = []
    listed = partial(_listed, cluster, places, unknown)
    sidecars = by_version(listed(POD, keep=versioned))
    # Mixer's own kinds are many: only where Mixer can be, and where the cluster has them.
    of_mixer = MIXER_KINDS if version == OLDEST and cluster.serves("config.istio.io") else ()
    of_old = [live for kind in of_mixer for live in listed(kind)]
    extensions = listed(extension_kind(version))
    return Found(
        unconvertible=unconvertible(extensions, control_plane, params["mesh"], places, params["images"]),
        plugins=names_of(listed(WASM_PLUGIN)) if version in ((2, 2), (2, 3)) else (),
        mixer_objects=tuple(f"{live['kind']} {name}" for live in of_old for name in names_of([live])),
        heirs=tuple(heirs(of_old)),
        extensions=names_of(extensions),
        texts=names_of(live for live in extensions if is_text(live)),
        envoy_filters=names_of(listed(ENVOY_FILTER)),
        ip_blocks=names_of(policy for policy in listed(AUTHORIZATION_POLICY) if has_ip_blocks(policy)),
        peers=tuple(live["metadata"]["name"] for live in _listed(cluster, [namespace], unknown, PEER)),
        sidecars=sidecars,
        unknown=tuple(unknown),
    )


def _listed(
    cluster: Cluster,
    places: Iterable[str],
    unknown: list[str],
    kind: Kind,
    *,
    keep: Callable[[dict], Any] | None = None,
) -> list:
    """Return the objects of a kind in some namespaces; what may not be read may have some, so it is ``unknown``."""
    objects = []
    for place in places:
        try:
            objects += cluster.list(kind, place, keep=keep)
        except FederationError as error:
            # A kind that is not served has no objects.
            if error.code not in UNSEEN:
                raise
            if error.code == FORBIDDEN:
                unknown.append(f"{kind.name} objects in {place}: this account may not read them")
    return objects


def read_held(cluster: Cluster, control_plane: ControlPlane, found: Found) -> dict[str, tuple[str, str]]:
    """Return which pods with sidecars that stop the next step no restart renews: their owner, and why. Nothing is asked
    where there are none.
    """
    if control_plane.version is None:
        return {}
    old = set(lagging(found.sidecars, (control_plane.version[0], control_plane.version[1] + 1)))
    if not old:
        return {}
    survey = Surveyor(cluster, sorted({name.partition("/")[0] for name in old}), Newest.of(control_plane)).look()
    return held_back(survey.workloads, old)
