# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_operator
short_description: Install OpenShift Service Mesh and what it needs through OLM
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - Keeps the Subscriptions of OpenShift Service Mesh and of exactly the companions that the control planes of a cluster ask for (Kiali,
    Jaeger, Elasticsearch, Tempo, OpenTelemetry), an OperatorGroup only where there is none, and waits until all are installed.
  - With manual approval, the default, it approves an InstallPlan only when that names exactly what is meant. A first install is meant; an
    upgrade with O(upgrade).
  - An operator that is subscribed already, by anybody and in any namespace, is used as it is.
  - Needs a cluster administrator's credentials.
attributes:
  check_mode: {support: full, description: Changes nothing. A plan that OLM has yet to make is not foreseen.}
  diff_mode: {support: full, description: Shows the fields that change.}
  idempotent: {support: full, description: Operators that are installed are left alone.}
options:
  state:
    description:
      - Whether the operators are installed or removed. Removed are Subscriptions and ClusterServiceVersions of ours, in the order that OpenShift's
        documentation gives, then the webhooks that would refuse every write after a reinstall. Kinds (CRDs) and namespaces stay.
    type: str
    choices: [present, absent]
    default: present
  control_planes:
    description: The control planes that are wanted in this cluster, each with C(mesh), C(version) and C(spec); they say which companions are needed.
    type: list
    elements: dict
    default: []
  operators:
    description: Operators that should be otherwise than by default, and further ones.
    type: list
    elements: dict
    default: []
    suboptions:
      package:
        description: The package in the catalog, such as C(servicemeshoperator) or C(kiali-ossm).
        type: str
        required: true
      namespace:
        description: The namespace that it goes to.
        type: str
      channel:
        description: The channel; C(stable) when absent.
        type: str
      catalog:
        description: Another catalog source than O(catalog).
        type: str
      approval:
        description: Another approval than O(approval).
        type: str
        choices: [Manual, Automatic]
      starting_csv:
        description: The version to install first, such as C(servicemeshoperator.v2.5.2).
        type: str
  catalog:
    description: The catalog source; disconnected clusters have one of another name.
    type: str
    default: redhat-operators
  catalog_namespace:
    description: The namespace of the catalog source.
    type: str
    default: openshift-marketplace
  approval:
    description: Who approves InstallPlans. With V(Automatic) OLM upgrades by itself, and nothing asks whether a control plane is left behind.
    type: str
    choices: [Manual, Automatic]
    default: Manual
  upgrade:
    description: Approve upgrades of operators, too, unless one would strand a control plane.
    type: bool
    default: false
  wait:
    description: Wait until all operators are installed.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at the most.
    type: int
    default: 900
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.force
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: Install what a mesh of 2.5 without tracing needs
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
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, kind: Subscription, namespace: openshift-operators, name: kiali-ossm, fields: [spec.channel]}]
operators:
  description: The operators that are meant, with the version that is installed.
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
waiting_for:
  description: What OLM has yet to do, in words.
  returned: success
  type: list
  elements: str
  sample: []
wait_limit:
  description: Seconds that a wait takes at the most.
  returned: success
  type: int
  sample: 900
"""

import time  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from dataclasses import replace  # noqa: E402
from datetime import datetime  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

from ..module_utils._arguments import CLUSTER  # noqa: E402
from ..module_utils._cluster import Cluster  # noqa: E402
from ..module_utils._core.diff import Change, as_diff, change_to, merge_of, removal_of  # noqa: E402
from ..module_utils._core.errors import FederationError  # noqa: E402
from ..module_utils._core.findings import listed  # noqa: E402
from ..module_utils._core.kinds import (  # noqa: E402
    CONTROL_PLANE,
    CSV,
    DEPLOYMENT,
    INSTALL_PLAN,
    MANAGER,
    MUTATING_WEBHOOK,
    NAMESPACE,
    OPERATOR_GROUP,
    SUBSCRIPTION,
    VALIDATING_WEBHOOK,
)
from ..module_utils._core.operators import (  # noqa: E402
    LEAVING,
    MESH_OPERATOR,
    OPERATOR_DEPLOYMENT,
    Found,
    Operator,
    check_cluster,
    hopeless,
    is_own,
    missing,
    needed,
    plan_operators,
    settled,
    to_approve,
    waiting_upgrades,
    with_wishes,
)
from ..module_utils._described import FORCE, WAITING  # noqa: E402
from ..module_utils._running import apply_changes, run_module, wait_until  # noqa: E402

APPROVALS = ["Manual", "Automatic"]
OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "control_planes": {"type": "list", "elements": "dict", "default": []},
    "operators": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "package": {"type": "str", "required": True},
            "namespace": {"type": "str"},
            "channel": {"type": "str"},
            "catalog": {"type": "str"},
            "approval": {"type": "str", "choices": APPROVALS},
            "starting_csv": {"type": "str"},
        },
    },
    "catalog": {"type": "str", "default": "redhat-operators"},
    "catalog_namespace": {"type": "str", "default": "openshift-marketplace"},
    "approval": {"type": "str", "choices": APPROVALS, "default": "Manual"},
    "upgrade": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 900},
    **WAITING,
}


def run(module: AnsibleModule, cluster: Cluster, now: datetime) -> dict:
    """Bring the operators of a cluster to their desired state and return the module's result."""
    params = module.params
    wanted = params["control_planes"]
    common = {key: params[key] for key in ("catalog", "catalog_namespace", "approval")}
    operators = with_wishes(needed(wanted, **common), params["operators"])
    found = read(cluster, operators)
    operators = settled(operators, found)
    if params["state"] == "absent":
        return result(module, operators, removed(module, cluster, operators, found), found, [])
    check_cluster(operators, found, wanted)
    changes = [change for desired in plan_operators(operators, found) if (change := changed(found, desired, force=params["force"]))]
    changes += approvals(operators, found, upgrade=params["upgrade"], wanted=wanted)
    apply_changes(module, cluster, changes)
    if module.check_mode:
        return result(module, operators, changes, found, [])
    found, more, still = awaited(module, cluster, operators, found)
    return result(module, operators, [*changes, *more], found, still)


def result(module: AnsibleModule, operators: Sequence[Operator], changes: Sequence[Change], found: Found, still: Sequence[str]) -> dict:
    """Return the module's result."""
    installed = {operator.package: (found.subscription(operator.package) or {}).get("status") or {} for operator in operators}
    return {
        "changed": bool(changes),
        "diff": as_diff(changes),
        "changes": [change.summary() for change in changes],
        "operators": [
            {"package": operator.package, "namespace": operator.namespace, "installed": installed[operator.package].get("installedCSV") or ""}
            for operator in operators
        ],
        "upgrades": waiting_upgrades(operators, found),
        "waiting_for": list(still),
        "wait_limit": module.params["wait_timeout"],
    }


def read(cluster: Cluster, operators: Sequence[Operator]) -> Found:
    """Return what OLM has; raises ``FederationError`` FED445 where there is no OLM."""
    try:
        found = Found(subscriptions=cluster.list(SUBSCRIPTION, ""), groups=cluster.list(OPERATOR_GROUP, ""))
    except FederationError as error:
        if error.code != "FED108":
            raise
        raise FederationError(
            "FED445",
            where=f"Cluster {cluster.server}",
            what="has no Operator Lifecycle Manager: it does not serve operators.coreos.com",
            mend="Install the operators by hand, and leave out the playbook install",
        ) from None
    namespaces = frozenset(live["metadata"]["name"] for live in cluster.list(NAMESPACE, ""))
    return look_again(cluster, operators, replace(found, namespaces=namespaces, control_planes=control_planes(cluster)))


def look_again(cluster: Cluster, operators: Sequence[Operator], found: Found) -> Found:
    """Return what changes while OLM works: plans, versions and the operator's Deployment."""
    places = {operator.package: operator.namespace for operator in settled(operators, found)}
    spaces = sorted(set(places.values()) & (found.namespaces | {live["metadata"]["namespace"] for live in found.subscriptions}))
    deployment = cluster.get(DEPLOYMENT, places[MESH_OPERATOR], OPERATOR_DEPLOYMENT) if MESH_OPERATOR in places else None
    return replace(
        found,
        plans=[live for namespace in spaces for live in cluster.list(INSTALL_PLAN, namespace)],
        versions=[live for namespace in spaces for live in cluster.list(CSV, namespace)],
        deployments=[deployment] if deployment else [],
    )


def control_planes(cluster: Cluster) -> list[dict]:
    """Return all control planes of the cluster; none where the kind is not served yet."""
    try:
        return cluster.list(CONTROL_PLANE, "")
    except FederationError as error:
        if error.code != "FED108":
            raise
        return []


def changed(found: Found, desired: dict, *, force: bool) -> Change | None:
    """Return the change that brings one object to what is desired."""
    metadata = desired["metadata"]
    standing = {SUBSCRIPTION.name: found.subscriptions, OPERATOR_GROUP.name: found.groups}.get(desired["kind"], ())
    key = (metadata.get("namespace"), metadata["name"])
    live = next((live for live in standing if (live["metadata"]["namespace"], live["metadata"]["name"]) == key), None)
    return change_to(live, desired, MANAGER, force=force)


def approvals(operators: Sequence[Operator], found: Found, *, upgrade: bool, wanted: Sequence[dict]) -> list[Change]:
    """Return the changes that approve what is meant."""
    plans = to_approve(operators, found, upgrade=upgrade, wanted=wanted)
    return [change for plan in plans if (change := merge_of(plan, {"spec": {"approved": True}}, MANAGER))]


def awaited(module: AnsibleModule, cluster: Cluster, operators: Sequence[Operator], found: Found) -> tuple[Found, list[Change], list[str]]:
    """Approve what comes up and return what stands then, what was approved, and what is missing still.

    Raises ``FederationError``: FED611 for what OLM will not try again, FED612 at the deadline.
    """
    params, started = module.params, time.monotonic()
    more: list[Change] = []

    def look() -> list[str]:
        nonlocal found
        found = look_again(cluster, operators, replace(found, subscriptions=cluster.list(SUBSCRIPTION, "")))
        lost = hopeless(operators, found)
        if lost:
            raise FederationError(
                "FED611", where="OLM", what="; ".join(lost), mend="Mend what it says, delete the failed InstallPlan and run again"
            )
        approved = approvals(operators, found, upgrade=params["upgrade"], wanted=params["control_planes"])
        apply_changes(module, cluster, approved)
        more.extend(approved)
        return missing(operators, found, upgrade=params["upgrade"])

    still, _seconds = wait_until(look, params["wait_timeout"] if params["wait"] else 0)
    if still and params["wait"] and not params["soft"]:
        raise FederationError(
            "FED612",
            where=f"Operators in {listed(sorted({operator.namespace for operator in operators}))}",
            what=f"are not installed after {params['waited'] + int(time.monotonic() - started)} s: {'; '.join(still)}",
            mend="Look at what OLM says of the Subscription, then run again",
            facts={"waiting_for": still},
        )
    return found, more, still


def removed(module: AnsibleModule, cluster: Cluster, operators: Sequence[Operator], found: Found) -> list[Change]:
    """Remove the operators in their order and return the changes; refused while control planes exist (FED446)."""
    force = module.params["force"]
    standing = sorted(f"{live['metadata']['namespace']}/{live['metadata']['name']}" for live in found.control_planes)
    if standing and not force and any(operator.package == MESH_OPERATOR for operator in operators):
        raise FederationError(
            "FED446",
            where="Control planes",
            what=f"{listed(standing)} are still there, and without their operator nothing takes them away any more",
            mend="Remove them first (playbook uninstall)",
        )
    here = {operator.package: operator for operator in operators}
    changes: list[Change] = []
    for package in [*(package for package in LEAVING if package in here), *(package for package in here if package not in LEAVING)]:
        live = found.subscription(package)
        if live is None:
            continue
        if not is_own(live) and not force:
            raise FederationError(
                "FED501",
                where=f"Subscription {live['metadata']['namespace']}/{live['metadata']['name']}",
                what="was made by hand",
                mend="Remove it by hand, or set federation_force: true",
            )
        version = found.version(live["metadata"]["namespace"], (live.get("status") or {}).get("installedCSV"))
        changes += [removal_of(live, MANAGER), *([removal_of(version, MANAGER)] if version else [])]
    gone = {change.uid for change in changes}
    remaining = {live["metadata"]["namespace"] for live in found.subscriptions if live["metadata"]["uid"] not in gone}
    places = {operator.namespace for operator in operators}
    changes += [
        removal_of(live, MANAGER)
        for live in found.groups
        if live["metadata"]["namespace"] in places - remaining and is_own(live)
    ]
    if MESH_OPERATOR in here and not (found.control_planes and not force):
        changes += webhooks(cluster, here[MESH_OPERATOR].namespace)
    apply_changes(module, cluster, changes)
    return changes


def webhooks(cluster: Cluster, namespace: str) -> list[Change]:
    """Return the changes that delete the operator's webhooks, which outlive it and refuse every write after a reinstall."""
    name = f"{namespace}.servicemesh-resources.maistra.io"
    standing = [cluster.get(kind, "", name) for kind in (MUTATING_WEBHOOK, VALIDATING_WEBHOOK)]
    return [removal_of(live, MANAGER) for live in standing if live]


def main() -> None:
    module = AnsibleModule({**CLUSTER, **FORCE, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
