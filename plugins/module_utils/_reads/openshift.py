# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which OpenShift a mesh stands on, as far as that decides whether its extensions can run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._cluster.client import Cluster
from .._core.catalogue.findings import Finding
from .._core.plain.data import some
from .._core.plain.errors import FORBIDDEN, UNSEEN, FederationError
from .._core.plain.kinds import CLUSTER_VERSION, EXTENSION
from .._core.plain.refusals import Refusal
from .._core.plain.supported import NO_EXTENSION_READY_FROM
from .._core.preflight.estate import Platform


def never_ready(cluster: Cluster, objects: Iterable[Mapping]) -> tuple[list[Finding], list[Refusal]]:
    """Return, where some of ``objects`` are ServiceMeshExtensions, whether this OpenShift lets none of them become
    ready (FED824), and what was unread.
    """
    names = [
        f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in objects
        if each["kind"] == EXTENSION.name
    ]
    if not names:
        return [], []
    try:
        release = Platform(version=cluster.get(CLUSTER_VERSION, "", "version")).release
    except FederationError as error:
        if error.code not in UNSEEN:
            raise
        because = "this account may not read it, so it is not known whether ServiceMeshExtensions become ready"
        return [], [Refusal(CLUSTER_VERSION, "", because)] if error.code == FORBIDDEN else []
    if release is None or release[:2] < NO_EXTENSION_READY_FROM:
        return [], []
    seen = (
        f"become ready on no OpenShift from {'.'.join(map(str, NO_EXTENSION_READY_FROM))} on, and this is"
        f" {'.'.join(map(str, release))}"
    )
    return [Finding("FED824", f"ServiceMeshExtensions {some(names, 3)}", seen)], []
