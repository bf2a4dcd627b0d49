# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What OLM has, and what catalogs offer of the operators that are still to come, or that OLM upgrades by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from .._cluster.client import Cluster
from .._core.install.operators import (
    MESH_OPERATOR,
    OPERATOR_DEPLOYMENT,
    Found,
    Operator,
    catalog_of,
    is_ready,
    matters,
    settled,
)
from .._core.plain.data import at
from .._core.plain.errors import NOT_SERVED, UNSEEN, FederationError
from .._core.plain.kinds import (
    CATALOG_SOURCE,
    CONTROL_PLANE,
    CSV,
    DEPLOYMENT,
    INSTALL_PLAN,
    NAMESPACE,
    OPERATOR_GROUP,
    PACKAGE_MANIFEST,
    SUBSCRIPTION,
)
from .readable import all_readable, all_served


def read_found(cluster: Cluster, operators: Sequence[Operator]) -> Found:
    """Return what OLM has; raises ``FederationError`` FED445 where there is no OLM."""
    try:
        found = Found(subscriptions=cluster.list(SUBSCRIPTION, ""), groups=cluster.list(OPERATOR_GROUP, ""))
    except FederationError as error:
        if error.code != NOT_SERVED:
            raise
        raise FederationError(
            "FED445",
            where=f"Cluster {cluster.server}",
            what="has no Operator Lifecycle Manager: it does not serve operators.coreos.com",
            fix="Install the operators by hand, and leave out the playbook install",
        ) from None
    namespaces = frozenset(live["metadata"]["name"] for live in cluster.list(NAMESPACE, ""))
    control_planes, catalogs = all_served(cluster, CONTROL_PLANE), all_readable(cluster, CATALOG_SOURCE)
    found = replace(found, namespaces=namespaces, control_planes=control_planes, catalogs=catalogs)
    found = replace(found, packages=packages_of(cluster, settled(operators, found), found))
    return read_again(cluster, operators, found)


def read_again(cluster: Cluster, operators: Sequence[Operator], found: Found) -> Found:
    """Return what changes while OLM works: plans, versions and the operator's Deployment."""
    places = {operator.package: operator.namespace for operator in settled(operators, found)}
    spaces = sorted(
        set(places.values()) & (found.namespaces | {live["metadata"]["namespace"] for live in found.subscriptions})
    )
    deployment = (
        cluster.get(DEPLOYMENT, places[MESH_OPERATOR], OPERATOR_DEPLOYMENT) if MESH_OPERATOR in places else None
    )
    return replace(
        found,
        plans=[live for namespace in spaces for live in cluster.list(INSTALL_PLAN, namespace)],
        versions=[live for namespace in spaces for live in cluster.list(CSV, namespace)],
        deployments=[deployment] if deployment else [],
    )


def packages_of(cluster: Cluster, operators: Iterable[Operator], found: Found) -> dict[str, Mapping | None]:
    """Return the PackageManifests of operators, as ``settled`` gives them, that ``matter``, None for what no catalog
    has.

    Those that could not be looked at are absent: their catalog is not ready, or this account may not read them.
    """
    offered: dict[str, Mapping | None] = {}
    for operator in operators:
        try:
            if matters(operator, found) and is_ready(catalog_of(operator, found.catalogs)):
                offered[operator.package] = _manifest(cluster, operator)
        except FederationError as error:
            if error.code not in UNSEEN:
                raise
    return offered


def _manifest(cluster: Cluster, operator: Operator) -> Mapping | None:
    live = cluster.get(PACKAGE_MANIFEST, operator.catalog_namespace, operator.package)
    if live is None or at(live, "status", "catalogSource") == operator.catalog:
        return live

    def keep(one: dict) -> dict | None:
        return (
            one
            if (at(one, "status", "packageName"), at(one, "status", "catalogSource"))
            == (operator.package, operator.catalog)
            else None
        )

    # Where several catalogs have the package, its name gives that of any of them.
    offered = cluster.list(PACKAGE_MANIFEST, operator.catalog_namespace, f"catalog={operator.catalog}", keep)
    return offered[0] if offered else None
