# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_operator
short_description: Install OpenShift Service Mesh and what it needs through OLM
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps the Subscriptions of OpenShift Service Mesh and of exactly the companions that the control planes of a cluster
    ask for (Kiali, Jaeger, Elasticsearch, Tempo, OpenTelemetry), an OperatorGroup only where there is none, and waits
    until all are installed.
  - With manual approval, the default, it approves an InstallPlan only if it installs exactly the requested operators. A
    first install is approved; an upgrade with O(upgrade).
  - An operator that is subscribed already, by anybody and in any namespace, is used as it is.
  - Needs a cluster administrator's credentials.
seealso:
  - module: ossm.federation.cluster_preflight_info
  - module: ossm.federation.control_plane
attributes:
  check_mode: {support: full, description: Changes nothing. A plan that OLM has yet to make is not foreseen.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: Operators that are installed are left alone.}
options:
  state:
    description:
      - Whether the operators are installed or removed. This removes our Subscriptions and ClusterServiceVersions, in
        the order that OpenShift's documentation gives, and once the operator has ended what it leaves behind (webhooks,
        CNI DaemonSets, ClusterRoles). Namespaces stay, and kinds (CRDs) unless O(remove_crds).
    type: str
    choices: [present, absent]
    default: present
  upgrade:
    description: Also approve upgrades of operators, unless one would strand a control plane.
    type: bool
    default: false
  remove_crds:
    description:
      - With O(state=absent), delete the kinds (CRDs) of Service Mesh, Istio, Kiali and Jaeger at the end, and with them
        every object of these kinds.
      - Refused while there are any that this collection has not made, unless O(force).
      - Istio's kinds stay where another Istio is in the cluster, Kiali's and Jaeger's where their operators are.
    type: bool
    default: false
  survey_tenants:
    description: Whether to check what exists of O(tenants), for RV(tenant_namespaces).
    type: bool
    default: true
  wait:
    description: Wait until all operators are installed, or until the removal is complete.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 900
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.olm
  - ossm.federation.force
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: Install the operators that a mesh of 2.5 without tracing needs
  ossm.federation.mesh_operator:
    kubeconfig: cluster-admin.kubeconfig
    control_planes:
      - mesh: east
        version: v2.5
        spec: {tracing: {type: None}}
    wait: true

- name: Pin the version, from a mirrored catalog
  ossm.federation.mesh_operator:
    kubeconfig: cluster-admin.kubeconfig
    catalog: mirrored-operators
    operators:
      - package: servicemeshoperator
        starting_csv: servicemeshoperator.v2.5.2
    wait: true

- name: Remove the operators, and the kinds with every object of them
  ossm.federation.mesh_operator:
    kubeconfig: cluster-admin.kubeconfig
    state: absent
    remove_crds: true
    wait: true
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, kind: Subscription, namespace: openshift-operators, name: kiali-ossm, fields:
    [spec.channel]}]
operators:
  description: The requested operators, with the installed version.
  returned: success
  type: list
  elements: dict
  sample: [{package: servicemeshoperator, namespace: openshift-operators, installed: servicemeshoperator.v2.5.2}]
upgrades:
  description: Operators that could be upgraded and wait for O(upgrade), in words.
  returned: success
  type: list
  elements: str
  sample: [servicemeshoperator.v2.5.2 could become servicemeshoperator.v2.6.0]
upgrading:
  description: Operators that OLM upgrades without anybody's asking, since their Subscription is Automatic or their
    InstallPlan is approved, in words.
  returned: success
  type: list
  elements: str
  sample: ["servicemeshoperator.v2.5.1 becomes servicemeshoperator.v2.6.0: OLM upgrades it by itself"]
stays:
  description: Families of kinds that stay although O(remove_crds) is set, with the reason, in words.
  returned: success
  type: list
  elements: str
  sample: ["kinds of istio.io stay: sailoperator.io is served, so another Istio uses them"]
tenant_namespaces:
  description:
    - The namespaces of O(tenants), where everything that M(ossm.federation.mesh_tenants) would make for them already
      exists.
    - Empty where something is missing, and while there is something to do about operators.
  returned: success
  type: list
  elements: str
  sample: [east-mesh-system, shop]
waiting_for:
  description: What OLM has yet to do, in words.
  returned: success
  type: list
  elements: str
  sample: []
wait_limit:
  description: Seconds that a wait takes at most.
  returned: success
  type: int
  sample: 900
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.install import installing
from ..module_utils._core.install.operators import Found, Operator, check_cluster, missing, needed, settled, with_wishes
from ..module_utils._core.install.tenants import Tenant, check_tenants
from ..module_utils._core.plain.diff import Change
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.kinds import SUBSCRIPTION
from ..module_utils._options import CLUSTER, FORCE, OLM, WAITING
from ..module_utils._reads.operators import read_again, read_found
from ..module_utils._run import Module, Run, awaited, run_module
from ..module_utils._tenants import tenant_changes
from ..module_utils._uninstalling import remove

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "upgrade": {"type": "bool", "default": False},
    "remove_crds": {"type": "bool", "default": False},
    "survey_tenants": {"type": "bool", "default": True},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 900},
    **OLM,
    **WAITING,
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Bring the operators of a cluster to their desired state and return the module's result."""
    params, limit = run.params, {"wait_limit": run.params["wait_timeout"]}
    wanted = params["control_planes"]
    common = {key: params[key] for key in ("catalog", "catalog_namespace", "approval")}
    operators = with_wishes(needed(wanted, **common), params["operators"])
    found = read_found(cluster, operators)
    operators = settled(operators, found)
    if params["state"] == "absent":
        removal = remove(run, cluster, operators, found)
        left = installing.without(found, set() if run.check_mode else {change.uid for change in removal.changes})
        seen = installing.told(operators, removal.changes, left, removal.still)
        return {**seen, **limit, "upgrades": [], "upgrading": [], "tenant_namespaces": [], "stays": removal.stays}
    tenants = [Tenant.described(one) for one in params["tenants"]]
    check_tenants(tenants)
    check_cluster(operators, found, wanted, upgrade=params["upgrade"])
    changes = installing.changes_for(operators, found, force=params["force"], upgrade=params["upgrade"], wanted=wanted)
    run.apply(cluster, changes)
    still: list[str] = []
    if not run.check_mode:
        found, more, still = installed(run, cluster, operators, found, is_fresh=not changes)
        changes += more
    is_done = not (changes or still) and params["survey_tenants"]
    names = standing_tenants(cluster, tenants) if is_done else []
    return {**installing.told(operators, changes, found, still), **limit, "tenant_namespaces": names, "stays": []}


def standing_tenants(cluster: Cluster, tenants: Sequence[Tenant]) -> list[str]:
    """Return the namespaces of the meshes when nothing is left to do for them; what stands in their way on the cluster
    it is not for us to say.
    """
    try:
        if not tenants or tenant_changes(cluster, tenants):
            return []
    except FederationError:
        return []
    return sorted({name for tenant in tenants for name in tenant.namespaces})


def installed(
    run: Run, cluster: Cluster, operators: Sequence[Operator], found: Found, *, is_fresh: bool
) -> tuple[Found, list[Change], list[str]]:
    """Approve what comes up and return what stands then, what was approved, and what is missing still.

    What ``is_fresh`` is not read again for the first look. Raises ``FederationError``: FED611 for what OLM will not try
    again, FED612 at the deadline.
    """
    params = run.params
    more: list[Change] = []

    def look() -> list[str]:
        nonlocal found, is_fresh
        if not is_fresh:
            found = read_again(cluster, operators, replace(found, subscriptions=cluster.list(SUBSCRIPTION, "")))
        is_fresh = False
        installing.refuse_hopeless(operators, found)
        approved = installing.approvals(operators, found, upgrade=params["upgrade"], wanted=params["control_planes"])
        run.apply(cluster, approved)
        more.extend(approved)
        return missing(operators, found, upgrade=params["upgrade"])

    still = awaited(run, look, lambda left, seconds: installing.not_installed(operators, left, seconds))
    return found, more, still


def main() -> None:
    module = Module({**CLUSTER, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
