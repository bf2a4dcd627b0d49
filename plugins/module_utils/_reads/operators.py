# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What catalogs offer of the operators that are still to come, or that OLM upgrades by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._cluster.client import Cluster
from .._core.install.operators import MESH_OPERATOR, Found, Operator, catalog_of, is_coming, is_ready
from .._core.plain.data import at
from .._core.plain.errors import FederationError
from .._core.plain.kinds import PACKAGE_MANIFEST


def packages_of(cluster: Cluster, operators: Iterable[Operator], found: Found) -> dict[str, Mapping | None]:
    """Return the PackageManifests of operators, as ``settled`` gives them, that ``matter``, None for what no catalog has.

    Those that could not be looked at are absent: their catalog is not ready, or this account may not read them.
    """
    offered: dict[str, Mapping | None] = {}
    for operator in operators:
        try:
            if matters(operator, found) and is_ready(catalog_of(operator, found.catalogs)):
                offered[operator.package] = _manifest(cluster, operator)
        except FederationError as error:
            if error.code not in ("FED104", "FED108"):
                raise
    return offered


def matters(operator: Operator, found: Found) -> bool:
    """Return whether it matters what the catalog has: for what is still to come, and for a mesh operator that OLM upgrades by itself."""
    is_upgraded = operator.package == MESH_OPERATOR and operator.approval == "Automatic"
    return is_upgraded or is_coming(operator, found.subscription(operator.package))


def _manifest(cluster: Cluster, operator: Operator) -> Mapping | None:
    live = cluster.get(PACKAGE_MANIFEST, operator.catalog_namespace, operator.package)
    if live is None or at(live, "status", "catalogSource") == operator.catalog:
        return live

    def keep(one: dict) -> dict | None:
        return one if (at(one, "status", "packageName"), at(one, "status", "catalogSource")) == (operator.package, operator.catalog) else None

    # Where several catalogs have the package, its name gives that of any of them.
    offered = cluster.list(PACKAGE_MANIFEST, operator.catalog_namespace, f"catalog={operator.catalog}", keep)
    return offered[0] if offered else None
