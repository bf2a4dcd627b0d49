# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Mixer's configuration as it stands: one LIST per kind and namespace, where the cluster has such kinds at all."""

from __future__ import annotations

from collections.abc import Iterable

from .._cluster.client import Cluster
from .._core.plain.errors import NOT_SERVED, UNSEEN, FederationError
from .._core.plain.kinds import MIXER_KINDS
from .._core.plain.refusals import Refusal

GROUP = "config.istio.io"


def read_mixer(cluster: Cluster, namespaces: Iterable[str]) -> tuple[list[dict], list[str]]:
    """Return all objects of config.istio.io in some namespaces, and what this account may not read."""
    found: list[dict] = []
    unknown: list[str] = []
    for kind in MIXER_KINDS if cluster.serves(GROUP) else ():
        for place in namespaces:
            try:
                found += cluster.list(kind, place)
            except FederationError as error:
                if error.code not in UNSEEN:
                    raise
                if error.code == NOT_SERVED:
                    break
                unknown.append(Refusal(kind, place).text)
    return found, unknown
