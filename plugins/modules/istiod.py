#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: istiod
short_description: Restart the istiod of a mesh
version_added: 0.1.0
author: [The ossm.federation authors (@ossm)]
description:
  - Restarts the istiod of one control plane as C(kubectl rollout restart) does, by an annotation of its Deployment's
    pod template, and waits until the new pods are available and the former ones are gone. Its gateways and workloads
    keep working meanwhile.
  - istiod keeps some configuration of a peer in memory after the peer was changed or deleted; only a restart ends that.
seealso:
  - module: ossm.federation.federation
  - module: ossm.federation.control_plane
attributes:
  check_mode: {support: full, description: Says whether it would restart; writes nothing and does not wait.}
  diff_mode: {support: full, description: Shows the annotation that changes.}
  idempotent: {support: partial, description: With O(since) a second run changes nothing; without it every run
    restarts.}
options:
  state:
    description: V(restarted) restarts istiod, where O(since) asks for it.
    type: str
    choices: [restarted]
    default: restarted
  since:
    description:
      - Restart only when a pod of istiod was made before this moment (RFC 3339, by the API server's clock). A restart
        that is under way since then is waited for, and not asked for again.
    type: str
  wait:
    description: Whether to wait until the roll-out is done.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 300
extends_documentation_fragment:
  - ossm.federation.cluster
  - ossm.federation.mesh
  - ossm.federation.waiting
"""

EXAMPLES = r"""
- name: Restart istiod after a change at noon, once
  ossm.federation.istiod:
    kubeconfig: east.kubeconfig
    mesh: east
    state: restarted
    since: "2026-01-31T12:00:00Z"

- name: Restart istiod now and wait until it is up again
  ossm.federation.istiod:
    kubeconfig: east.kubeconfig
    mesh: east
    wait_timeout: 600

- name: Restart istiod without waiting
  ossm.federation.istiod:
    kubeconfig: east.kubeconfig
    mesh: east
    wait: false
"""

RETURN = r"""
deployment:
  description: The Deployment, as C(namespace/name).
  returned: success
  type: str
  sample: east-mesh-system/istiod-basic
restarted_at:
  description: When a restart was last asked for; null when never.
  returned: success
  type: str
  sample: "2026-01-31T12:00:05Z"
pods:
  description: The pods of istiod and when each was made.
  returned: success
  type: list
  elements: dict
  sample: [{name: istiod-basic-6c9f5d7b8-x2x7q, started: "2026-01-31T12:00:06Z"}]
waiting_for:
  description: What the roll-out still misses, in words.
  returned: success
  type: list
  elements: str
  sample: []
polled_seconds:
  description: How long the module waited.
  returned: success
  type: int
  sample: 4
wait_limit:
  description: How long it may wait, in seconds.
  returned: success
  type: int
  sample: 300
"""

from datetime import datetime

from ..module_utils._cluster.client import Cluster
from ..module_utils._core.control_plane import rollout
from ..module_utils._core.plain.kinds import DEPLOYMENT, home_of
from ..module_utils._core.plain.moments import time_text
from ..module_utils._options import CLUSTER, MESH, WAITING
from ..module_utils._reads.istiod import Istiod
from ..module_utils._run import Module, Run, run_module, wait_until

OPTIONS = {
    "state": {"type": "str", "choices": ["restarted"], "default": "restarted"},
    "since": {"type": "str"},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
    **WAITING,
}


def run(run: Run, cluster: Cluster, now: datetime) -> dict:
    """Restart istiod where that is due, wait for it, and return the module's result."""
    params = run.params
    since = rollout.moment_of(params["since"])
    namespace = home_of(params)
    istiod = Istiod.read(cluster, namespace, params["control_plane"])
    asked_before, asked = rollout.restarted_at(istiod.deployment), rollout.restarted_at(istiod.deployment)
    is_due = rollout.is_restart_due(istiod.deployment, istiod.pods, since)
    name = istiod.deployment["metadata"]["name"]
    if is_due:
        asked = rollout.next_moment(cluster.now, asked_before)
        if not run.check_mode:
            cluster.merge_patch(DEPLOYMENT, namespace, name, rollout.restart_patch(istiod.deployment, asked))
            run.journal.done.append(f"restart of Deployment {namespace}/{name}")

    def look() -> list[str]:
        nonlocal istiod
        istiod = Istiod.read(cluster, namespace, params["control_plane"])
        rollout.refuse_stalled(params["mesh"], istiod.deployment)
        missing = rollout.unfinished(istiod.deployment)
        return [f"istiod: {missing}"] if missing else []

    missing, waited = ([], 0) if run.check_mode else (look(), 0)
    if missing and params["wait"]:
        missing, waited = wait_until(look, params["wait_timeout"])
        if missing and not params["soft"]:
            what = f"is not up again after {params['waited'] + waited} s: {'; '.join(missing)}"
            raise rollout.not_restarted(params["mesh"], istiod.deployment, what)
    return {
        "changed": is_due,
        "diff": rollout.as_diff(f"Deployment {namespace}/{name}", asked_before, asked) if is_due else [],
        "deployment": f"{namespace}/{name}",
        "restarted_at": time_text(asked) if asked else None,
        "pods": [
            {"name": pod["metadata"]["name"], "started": pod["metadata"].get("creationTimestamp")}
            for pod in istiod.pods
        ],
        "waiting_for": missing,
        "polled_seconds": waited,
        "wait_limit": params["wait_timeout"],
    }


def main() -> None:
    module = Module({**CLUSTER, **MESH, **OPTIONS}, supports_check_mode=True)
    run_module(module, run)


if __name__ == "__main__":
    main()
