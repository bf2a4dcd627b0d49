#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_preflight_info
short_description: Find what stands in the way of meshes in a cluster
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Looks, before anything is installed, at what OLM has and its catalogs offer, at the platform, and at the namespaces of the meshes that
    are wanted in one cluster. Returns everything that M(ossm.federation.mesh_operator), M(ossm.federation.control_plane) or
    M(ossm.federation.member_roll) would refuse, and what the platform does not take, each with a code, what was seen, why it matters, and
    the cure.
  - What this account may not read is returned as unknown, never as found to be in order.
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Changes nothing.}
options:
  title:
    description: How the lines call the cluster; its server's URL when absent.
    type: str
  upgrade:
    description: Whether upgrades of operators are to be approved, as M(ossm.federation.mesh_operator) does with the same option; they are looked at then.
    type: bool
    default: false
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.olm
"""

EXAMPLES = r"""
- name: Look whether a mesh of 2.6 could be installed here
  ossm.federation.cluster_preflight_info:
    kubeconfig: cluster.kubeconfig
    control_planes:
      - mesh: east
        version: v2.6
        spec: {tracing: {type: None}}
    tenants:
      - mesh: east
        members: [shop]
        admins: {groups: [east-mesh-administrators]}
  register: preflight

- name: Show it
  ansible.builtin.debug:
    msg: "{{ preflight.lines }}"
"""

RETURN = r"""
findings:
  description: What was found, errors first. RV(ignore:why) explains, RV(ignore:cure) says what to do.
  returned: success
  type: list
  elements: dict
  sample:
    - code: FED449
      severity: error
      title: Package, channel or version that the catalog does not have
      place: Subscription openshift-operators/kiali-ossm
      seen: would come from the CatalogSource openshift-marketplace/mirror, which has no package kiali-ossm
      why: OLM would look for it for ever. A mirrored catalog often has fewer packages and versions than the one that it mirrors.
      cure: Mirror the package, or name another catalog for it in cluster_operators.
      reference: "docs: codes#fed449"
counts:
  description: How many errors, which would stop a run, how many warnings, and how many things that could not be looked at.
  returned: success
  type: dict
  sample: {errors: 1, warnings: 0, unknown: 0}
unknown:
  description: What this account may not read, and the codes that would be found there. Unknown is not green.
  returned: success
  type: list
  elements: dict
  sample: [{what: CatalogSource objects in the cluster, because: this account may not read them, codes: [FED447]}]
lines:
  description: The same for people, as a list of lines.
  returned: success
  type: list
  elements: str
  sample: ["https://api.east.example.com:6443 · nothing found"]
"""

from collections.abc import Iterator, Mapping, Sequence  # noqa: E402
from dataclasses import replace  # noqa: E402
from datetime import datetime  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

from ..module_utils._arguments import CLUSTER, OLM  # noqa: E402
from ..module_utils._cluster import Cluster  # noqa: E402
from ..module_utils._core.control_plane import ControlPlane, parse_version  # noqa: E402
from ..module_utils._core.control_plane_spec import check_spec, plan_control_plane  # noqa: E402
from ..module_utils._core.data import at  # noqa: E402
from ..module_utils._core.errors import FederationError  # noqa: E402
from ..module_utils._core.findings import Finding, Unknown, finding_of, told  # noqa: E402
from ..module_utils._core.kinds import CATALOG_SOURCE, CONTROL_PLANE, INSTALL_PLAN, NAMESPACE, OPERATOR_GROUP, SUBSCRIPTION  # noqa: E402
from ..module_utils._core.members import check_holder  # noqa: E402
from ..module_utils._core.operators import (  # noqa: E402
    MESH_OPERATOR,
    Found,
    Operator,
    catalog_of,
    is_ready,
    needed,
    problems,
    settled,
    to_approve,
    with_wishes,
)
from ..module_utils._core.platform_findings import below  # noqa: E402
from ..module_utils._core.tenants import Tenant  # noqa: E402
from ..module_utils._olm import matters, packages_of  # noqa: E402
from ..module_utils._preflight import Reader, Remembered, found_by, read_platform  # noqa: E402
from ..module_utils._running import run_module  # noqa: E402

OPTIONS = {"title": {"type": "str"}, "upgrade": {"type": "bool", "default": False}}
OLM_GROUP = SUBSCRIPTION.api_version.partition("/")[0]


def run(module: AnsibleModule, cluster: Cluster, now: datetime) -> dict:
    """Look at everything and return the module's result; nothing is written."""
    params = module.params
    reader = Reader(Remembered(cluster))
    wanted = params["control_planes"]
    tenants: list[Tenant] = []
    findings: list[Finding] = []
    unknown: list[Unknown] = []
    for one in params["tenants"]:
        findings += found_by(lambda one=one: tenants.append(Tenant.described(one)))
    if reader.cluster.serves(OLM_GROUP):
        found, unseen = look_at_olm(module, cluster, reader)
        findings += found
        unknown += unseen
    else:
        findings.append(Finding("FED445", f"Cluster {cluster.server}", f"has no Operator Lifecycle Manager: it does not serve {OLM_GROUP}"))
    versions = [version for one in wanted if (version := parse_version(str(one.get("version") or "")))]
    platform = read_platform(reader, min(versions, default=None))
    members = {tenant.mesh: len(tenant.members) for tenant in tenants}
    for one in wanted:
        findings += found_by(lambda one=one: check_wanted(one))
        findings += below(control_plane_of(one), platform, members.get(one.get("mesh"), 0))
    findings += taken_members(reader, tenants)
    return told(params["title"] or cluster.server, findings, [*unknown, *reader.unknown])


def look_at_olm(module: AnsibleModule, cluster: Cluster, reader: Reader) -> tuple[list[Finding], list[Unknown]]:
    """Return what is wrong with OLM for the operators that are wanted, and what could not be looked at."""
    params = module.params
    wanted = params["control_planes"]
    common = {key: params[key] for key in ("catalog", "catalog_namespace", "approval")}
    try:
        operators = with_wishes(needed(wanted, **common), params["operators"])
    except FederationError as error:
        return [finding_of(error)], []
    subscriptions = reader.list(SUBSCRIPTION, "", "FED442", "FED443", "FED447", "FED449")
    if subscriptions is None:
        # Without them nobody knows what is still to come.
        return [], []
    found = Found(
        subscriptions=subscriptions,
        groups=reader.list(OPERATOR_GROUP, "", "FED441") or (),
        control_planes=reader.list(CONTROL_PLANE, "", "FED443") or (),
        catalogs=reader.list(CATALOG_SOURCE, "", "FED443", "FED447", "FED449", "FED454"),
    )
    operators = settled(operators, found)
    found = replace(found, packages=packages_of(cluster, operators, found), plans=plans_of(reader, operators, found))
    findings = [finding_of(error) for error in problems(operators, found, wanted, upgrade=params["upgrade"])]
    findings += unapproved(operators, found, wanted, upgrade=params["upgrade"])
    findings += unhealthy(operators, found)
    unread = [
        operator
        for operator in operators
        if matters(operator, found) and is_ready(catalog_of(operator, found.catalogs)) and operator.package not in found.packages
    ]
    return findings, [
        Unknown(
            f"PackageManifest {operator.package}",
            "this account may not read it, or it is not served",
            ("FED443", "FED449") if operator.package == MESH_OPERATOR else ("FED449",),
        )
        for operator in unread
    ]


def plans_of(reader: Reader, operators: Sequence[Operator], found: Found) -> list[dict]:
    """Return the InstallPlans of those namespaces in which an operator is on its way to a version."""
    moving = {
        operator.namespace
        for operator in operators
        if (status := at(found.subscription(operator.package), "status")) and status.get("currentCSV") != status.get("installedCSV")
    }
    return [live for namespace in sorted(moving) for live in reader.list(INSTALL_PLAN, namespace, "FED443", "FED444") or ()]


def unapproved(operators: Sequence[Operator], found: Found, wanted: Sequence[Mapping], *, upgrade: bool) -> list[Finding]:
    """Give the InstallPlan that installing would have to approve and must not; what it strands is told of its operator already."""
    refused = found_by(lambda: to_approve(operators, found, upgrade=upgrade, wanted=wanted))
    told = any(problems(operators, found, wanted, upgrade=upgrade))
    return [finding for finding in refused if not (told and finding.code == "FED443")]


def unhealthy(operators: Sequence[Operator], found: Found) -> Iterator[Finding]:
    """Give the catalogs that something is to come from, or to be upgraded from, and that OLM does not reach."""
    for operator in operators:
        spec = at(found.subscription(operator.package), "spec") or {}
        source, place = spec.get("source", operator.catalog), spec.get("sourceNamespace", operator.catalog_namespace)
        catalog = next((live for live in found.catalogs or () if (live["metadata"]["namespace"], live["metadata"]["name"]) == (place, source)), None)
        if catalog is not None and not is_ready(catalog):
            state = at(catalog, "status", "connectionState", "lastObservedState") or "nothing yet"
            yield Finding("FED454", f"CatalogSource {place}/{source}", f"is not READY; OLM has seen {state}")


def check_wanted(one: Mapping) -> None:
    """Refuse a control plane that its version would not take."""
    mesh, version = str(one.get("mesh")), str(one.get("version") or "") or None
    desired = plan_control_plane(mesh, f"{mesh}-mesh-system", "basic", one.get("spec") or {}, version=version, trust_domain=None, live=None)
    check_spec(desired, None, parse_version(desired["spec"]["version"]))


def control_plane_of(one: Mapping) -> ControlPlane:
    """Return a control plane that is wanted as if it stood."""
    version = {"version": one["version"]} if one.get("version") else {}
    metadata = {"name": str(one.get("mesh")), "namespace": "", "uid": ""}
    return ControlPlane.read({"metadata": metadata, "spec": {**(one.get("spec") or {}), **version}})


def taken_members(reader: Reader, tenants: Sequence[Tenant]) -> list[Finding]:
    """Return which namespaces another mesh has."""
    members = [(tenant.namespace, member) for tenant in tenants for member in tenant.members]
    standing = reader.list(NAMESPACE, "", "FED426") if members else []
    labels = {live["metadata"]["name"]: live["metadata"].get("labels") or {} for live in standing or ()}
    return found_by(*(lambda home=home, member=member: check_holder(home, member, labels.get(member, {})) for home, member in members))


def main() -> None:
    module = AnsibleModule({**CLUSTER, **OLM, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
