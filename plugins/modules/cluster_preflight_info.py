#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_preflight_info
short_description: Find what prevents meshes in a cluster
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Looks, before anything is installed, at what OLM has and its catalogs offer, at the platform, and at the namespaces
    of the meshes that are wanted in one cluster. Returns everything that M(ossm.federation.mesh_operator),
    M(ossm.federation.control_plane) or M(ossm.federation.member_roll) would refuse, and what the platform does not
    support, each with a code, what was seen, why it matters, and the cure.
  - What this account may not read is returned as unknown, never as healthy.
seealso:
  - module: ossm.federation.mesh_operator
  - module: ossm.federation.preflight_info
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Changes nothing.}
options:
  title:
    description: How the lines call the cluster; its server's URL when absent.
    type: str
  upgrade:
    description: Whether upgrades of operators are to be approved, as M(ossm.federation.mesh_operator) does with the
      same option; they are then checked.
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

- name: Check what an installation from a mirrored catalog would lack
  ossm.federation.cluster_preflight_info:
    kubeconfig: cluster-admin.kubeconfig
    catalog: mirrored-operators
    control_planes:
      - mesh: east
        version: v2.5

- name: Look at a cluster without describing a mesh
  ossm.federation.cluster_preflight_info:
    kubeconfig: cluster-admin.kubeconfig
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
      why: OLM would look for it forever. A mirrored catalog often has fewer packages and versions than its source.
      cure: Mirror the package, or name another catalog for it in cluster_operators.
      reference: https://example.com/ossm/federation/docs/0.2.0/codes/fed449.html
findings_left_out:
  description: By code, how many more findings there are than the first 100 in RV(findings); empty when all are there.
  returned: success
  type: dict
  sample: {FED761: 19900}
counts:
  description: How many errors, which would stop a run, how many warnings, and how many checks were not possible.
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
  description: The same for people, as a list of lines. More than five findings of one code are one, with their number
    and the first five.
  returned: success
  type: list
  elements: str
  sample: ["https://api.east.example.com:6443 · nothing found"]
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.catalogue.findings import Finding, finding_of, found_by, told
from ..module_utils._core.control_plane.live import parse_version
from ..module_utils._core.install.tenants import Tenant, check_tenants
from ..module_utils._core.plain.data import at
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.kinds import CONTROL_PLANE, home_of
from ..module_utils._core.preflight.clusters import OLM_GROUP, ClusterEstate, check_wanted, look, may_stand
from ..module_utils._core.preflight.platform import IDENTITY
from ..module_utils._options import CLUSTER, OLM
from ..module_utils._reads.clusters import with_holders, with_olm
from ..module_utils._reads.estate import Reader, read_platform
from ..module_utils._reads.remembering import Remembered
from ..module_utils._run import Module, Run, run_module

OPTIONS = {"title": {"type": "str"}, "upgrade": {"type": "bool", "default": False}}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Look at everything and return the module's result; nothing is written."""
    params = run.params
    remembered = Remembered(cluster)
    reader = Reader(remembered)
    wanted = params["control_planes"]
    tenants: list[Tenant] = []
    findings: list[Finding] = []
    for one in params["tenants"]:
        findings += found_by(lambda one=one: tenants.append(Tenant.described(one)))
    findings += found_by(lambda: check_tenants(tenants))
    homes = {tenant.mesh: tenant.namespace for tenant in tenants}
    for one in wanted:
        home = homes.get(one.get("mesh"), home_of({"mesh": one.get("mesh")}))
        findings += found_by(lambda one=one, home=home: check_wanted(one, home, standing(reader, one, home)))
    versions = [version for one in wanted if (version := parse_version(str(one.get("version") or "")))]
    platform = read_platform(reader, min(versions, default=None), [at(one, "spec", *IDENTITY) for one in wanted])
    estate = ClusterEstate(cluster.server, wanted=wanted, tenants=tenants, platform=platform)
    estate = with_holders(reader, replace(estate, has_olm=reader.serves(OLM_GROUP) is not False))
    if estate.has_olm:
        try:
            estate = with_olm(reader, estate, params)
        except FederationError as error:
            findings.append(finding_of(error))
    found, unknown = look(estate, remembered.refusals)
    return told(params["title"] or cluster.server, [*findings, *found], unknown)


def standing(reader: Reader, one: Mapping, namespace: str) -> list[dict]:
    """Return the control planes that stand where one is wanted; nothing is asked where it does not matter."""
    return (reader.list(CONTROL_PLANE, namespace) if may_stand(one) else None) or []


def main() -> None:
    module = Module({**CLUSTER, **OLM, **OPTIONS}, supports_check_mode=True)
    run_module(module, run, writes=False)


if __name__ == "__main__":
    main()
