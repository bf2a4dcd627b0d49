# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what the preflight of a cluster looks at: what OLM has of the operators that are needed, and whose the
namespaces are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._core.install.operators import (
    Found,
    Operator,
    catalog_of,
    is_ready,
    matters,
    moving,
    needed,
    settled,
    with_wishes,
)
from .._core.plain.data import at, by_name
from .._core.plain.kinds import (
    CATALOG_SOURCE,
    CLUSTER_ROLE_BINDING,
    CONTROL_PLANE,
    INSTALL_PLAN,
    MEMBER,
    MEMBER_ROLL,
    MESH_LABEL,
    NAMESPACE,
    OPERATOR_GROUP,
    PACKAGE_MANIFEST,
    ROLE,
    SUBSCRIPTION,
)
from .._core.preflight.clusters import ClusterEstate
from .estate import Reader
from .operators import packages_of


def with_olm(reader: Reader, estate: ClusterEstate, params: Mapping[str, Any]) -> ClusterEstate:
    """Return the estate with the operators that are needed, what OLM has, and what its catalogs offer;
    raises FED440.
    """
    common = {key: params[key] for key in ("catalog", "catalog_namespace", "approval")}
    operators = with_wishes(needed(estate.wanted, **common), params["operators"])
    subscriptions = reader.list(SUBSCRIPTION, "")
    if subscriptions is None:
        # Without them nobody knows what is still to come.
        return estate
    found = Found(subscriptions=subscriptions, catalogs=reader.list(CATALOG_SOURCE, ""))
    operators = settled(operators, found)
    offered = packages_of(reader.cluster, operators, found)
    for operator in operators:
        if (
            matters(operator, found)
            and is_ready(catalog_of(operator, found.catalogs))
            and operator.package not in offered
        ):
            reader.cluster.refuse(
                PACKAGE_MANIFEST, operator.catalog_namespace, "this account may not read them, or they are not served"
            )
    return replace(
        estate,
        operators=operators,
        upgrade=params["upgrade"],
        subscriptions=subscriptions,
        groups=reader.list(OPERATOR_GROUP, "") or (),
        control_planes=reader.list(CONTROL_PLANE, "") or (),
        catalogs=found.catalogs,
        packages=offered,
        plans=_plans_of(reader, operators, found),
    )


def _plans_of(reader: Reader, operators: Sequence[Operator], found: Found) -> list[dict]:
    """Return the InstallPlans of those namespaces in which an operator is on its way to a version."""
    return [
        live for namespace in sorted(moving(operators, found)) for live in reader.list(INSTALL_PLAN, namespace) or ()
    ]


def with_holders(reader: Reader, estate: ClusterEstate) -> ClusterEstate:
    """Return the estate with what shows whose the namespaces are that its meshes want."""
    if not estate.tenants:
        return estate
    return replace(
        estate,
        namespaces=by_name(reader.list(NAMESPACE, "") or ()),
        roles=[live for live in reader.list(ROLE, "", MESH_LABEL) or () if at(live, "metadata", "labels", MESH_LABEL)],
        cluster_bindings=reader.list(CLUSTER_ROLE_BINDING, "") or (),
        control_planes=reader.list(CONTROL_PLANE, "") or (),
        rolls=reader.list(MEMBER_ROLL, "") or (),
        members=reader.list(MEMBER, "") or (),
        groups=reader.list(OPERATOR_GROUP, "") or (),
    )
