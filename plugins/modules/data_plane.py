# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: data_plane
short_description: Find sidecars older than their control plane, and restart their workloads
version_added: 0.2.0
author: [The ossm.federation authors (@ossm)]
description:
  - A sidecar keeps the version with which its pod was created. After an upgrade of the control plane the workloads must
    be restarted.
  - Finds old sidecars by the pods themselves, and restarts their owners namespace by namespace, O(batch) at a time,
    each only when those before are up again.
  - Decides only by the pods. A run that was interrupted continues where it stopped, and restarts nothing twice.
  - Restarts nothing before the control plane is ready; with O(wait) it also waits for that.
  - Pods that no controller would re-create (bare pods, Jobs), paused workloads, workloads that were not ready before,
    and those of unknown owners are reported and not touched.
seealso:
  - module: ossm.federation.upgrade_plan_info
  - module: ossm.federation.control_plane
attributes:
  check_mode: {support: full, description: Changes nothing; shows all workloads that would be restarted.}
  diff_mode: {support: full, description: Shows the mark that each restart leaves.}
  idempotent: {support: full, description: Where no sidecar is old nothing is restarted.}
options:
  state:
    description: Whether sidecars are only looked for, or their workloads restarted.
    type: str
    choices: [surveyed, restarted]
    default: surveyed
  batch:
    description: How many workloads of a namespace are restarted at the same time.
    type: int
    default: 1
  namespaces:
    description: Only these of the mesh's namespaces; all when empty.
    type: list
    elements: str
    default: []
  must_be_empty:
    description: Fail while any sidecar runs, whatever its version. For actions that would leave sidecars without a
      control plane.
    type: bool
    default: false
  wait:
    description: Wait until all sidecars are new. Without it at most one batch is restarted.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for everything at most.
    type: int
    default: 3600
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: See which sidecars are old
  ossm.federation.data_plane:
    kubeconfig: east.kubeconfig
    mesh: east

- name: Restart their workloads, three at a time
  ossm.federation.data_plane:
    kubeconfig: east.kubeconfig
    mesh: east
    state: restarted
    batch: 3
    wait: true

- name: Restart those of one namespace, and do not wait for the end
  ossm.federation.data_plane:
    kubeconfig: east.kubeconfig
    mesh: east
    state: restarted
    namespaces: [shop]
"""

RETURN = r"""
changes:
  description: What was restarted by this task, or would be in check mode.
  returned: when the mesh could be read, also in a failure
  type: list
  elements: dict
  sample: [{action: merge, kind: Deployment, namespace: shop, name: cart, fields: [spec.template.metadata.annotations]}]
restarted:
  description: The same by name. Of a set that is updated on deletion each pod.
  returned: when the mesh could be read, also in a failure
  type: list
  elements: str
  sample: [Deployment shop/cart, Pod shop/db-0]
old:
  description: Pods whose sidecar is not of the control plane's version, at the end.
  returned: when the mesh could be read, also in a failure
  type: list
  elements: dict
  sample: [{pod: shop/cart-6c7f-x2z, version: 2.1.6, owner: Deployment shop/cart}]
left_alone:
  description: Owners of such pods that are not restarted, and why. C(code) is there where the catalogue of codes
    explains it.
  returned: when the mesh could be read, also in a failure
  type: list
  elements: dict
  sample: [{owner: Pod shop/debug, reason: has no owner that would make it again; delete and make it by hand}]
pods:
  description: How many pods have a sidecar, and how many of these are old.
  returned: when the mesh could be read, also in a failure
  type: dict
  sample: {sidecars: 12, old: 1}
lines:
  description: The same for people.
  returned: when the mesh could be read, also in a failure
  type: list
  elements: str
  sample: ["1 pod with a sidecar other than 2.2.13", "Deployment shop/cart: 1 pod of 2.1.6"]
unknown:
  description: What could not be checked, because this account may not read it.
  returned: success
  type: list
  elements: str
  sample: []
waiting_for:
  description: Roll-outs that are under way, or what the control plane lacks, in words.
  returned: success
  type: list
  elements: str
  sample: ["Deployment shop/cart: 1 of 2 pods are new"]
wait_limit:
  description: Seconds that a wait takes at most.
  returned: success
  type: int
  sample: 3600
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.control_plane.data_plane import Newest, next_batch, under_way
from ..module_utils._core.control_plane.live import ControlPlane, unready
from ..module_utils._core.control_plane.members import ROLL
from ..module_utils._core.control_plane.restarting import (
    Survey,
    not_up,
    places_of,
    refuse_given_up,
    refuse_sidecars,
    refuse_unready,
    restarts,
    told,
)
from ..module_utils._core.plain.diff import Change
from ..module_utils._core.plain.kinds import MEMBER_ROLL, home_of
from ..module_utils._options import CLUSTER, MESH, WAITING
from ..module_utils._reads.peerings import read_control_plane
from ..module_utils._reads.workloads import Surveyor
from ..module_utils._restarting import Clock, perform
from ..module_utils._run import Module, Run, run_module

OPTIONS = {
    "state": {"type": "str", "choices": ["surveyed", "restarted"], "default": "surveyed"},
    "batch": {"type": "int", "default": 1},
    "namespaces": {"type": "list", "elements": "str", "default": []},
    "must_be_empty": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 3600},
    **WAITING,
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Survey the sidecars, restart what is asked for, and return the module's result."""
    params = run.params
    clock = Clock(params["wait_timeout"] if params["wait"] else 0)
    namespace, limit = home_of(params), params["wait_timeout"]
    is_restart = params["state"] == "restarted"
    control_plane = read_control_plane(cluster, namespace, params["control_plane"])
    only = places_of(namespace, cluster.get(MEMBER_ROLL, namespace, ROLL), params["namespaces"])
    if is_restart and not run.check_mode:
        control_plane = when_ready(run, cluster, control_plane, clock)
        if not control_plane.is_ready:
            newest = Newest.of(control_plane)
            survey = Surveyor(cluster, only, newest).look()
            waiting = [f"{control_plane.place}: {text}" for text in unready(control_plane.live)]
            return told(survey, newest, (), waiting, limit)
    newest = Newest.of(control_plane)
    surveyor = Surveyor(cluster, only, newest, restarts=is_restart)
    survey = surveyor.look()
    if params["must_be_empty"]:
        refuse_sidecars(params["mesh"], survey)
    if not is_restart:
        return told(survey, newest, (), (), limit)
    if run.check_mode:
        changes = [
            change for workload in survey.workloads if workload.pods for change in restarts(workload, cluster.now)
        ]
        return told(survey, newest, changes, (), limit)
    return roll(run, cluster, surveyor, survey, newest, clock)


def when_ready(run: Run, cluster: Cluster, control_plane: ControlPlane, clock: Clock) -> ControlPlane:
    """Return the control plane once it is ready, or as it is when there is no time left: FED433 where that is the end.

    What is made before it is ready gets the old sidecar once more, or none.
    """
    while not control_plane.is_ready:
        if not clock.waits():
            refuse_unready(control_plane, is_last=run.params["wait"] and not run.params["soft"])
            break
        control_plane = read_control_plane(cluster, control_plane.namespace, control_plane.name)
    return control_plane


def roll(run: Run, cluster: Cluster, surveyor: Surveyor, survey: Survey, newest: Newest, clock: Clock) -> dict:
    """Restart batch after batch while there is time, and return the module's result; raises ``FederationError`` FED616
    at its end.
    """
    params = run.params
    changes: list[Change] = []
    while True:
        refuse_given_up(survey, newest, changes)
        waiting = [f"{workload.owner}: {workload.missing}" for workload in under_way(survey.workloads)]
        for workload in next_batch(survey.workloads, params["batch"]):
            if surveyor.has_stayed(workload):
                changes += perform(run, cluster, restarts(workload, cluster.now))
            waiting.append(f"{workload.owner}: restarted")
        if not waiting or not clock.waits():
            break
        survey = surveyor.look()
    if waiting and params["wait"] and not params["soft"]:
        raise not_up(params["mesh"], survey, newest, changes, waiting, params["waited"] + int(clock.spent))
    return told(survey, newest, changes, waiting, params["wait_timeout"])


def main() -> None:
    module = Module({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
