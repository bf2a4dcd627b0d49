# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of waiting."""

from __future__ import annotations

from .code import ERROR, Code

WAITING: dict[str, Code] = {
    "FED601": Code(
        "Address pending",
        ERROR,
        "The gateway's Service has no address for the peer yet.",
        "Look at the Service's events (does this cluster give out load balancers?), give `addresses`, or use"
        " `service_type: NodePort`.",
    ),
    "FED602": Code(
        "Not connected",
        ERROR,
        "A peering was applied, but did not connect within the time allowed.",
        "Look at the reasons that the message lists; playbook `ossm.federation.status` shows them again.",
    ),
    "FED604": Code(
        "Not drained",
        ERROR,
        "The rules were emptied, but services are still imported or exported.",
        "Check that istiod of this mesh is running (`rollout restart`), then run again.",
    ),
    "FED605": Code(
        "Control plane not ready",
        ERROR,
        "The control plane did not become ready within the time allowed; the message quotes its condition.",
        "Look at the ServiceMeshControlPlane's conditions and the operator's log, then run again.",
    ),
    "FED606": Code(
        "istiod not restarted",
        ERROR,
        "istiod was restarted, but its new pods did not become available within the time allowed. Proxies keep their "
        "configuration meanwhile.",
        "Look at the pods of the Deployment `istiod-<control plane>`; `federation_timeout` gives them more time. Then "
        "run again.",
    ),
    "FED607": Code(
        "No istiod",
        ERROR,
        "The control plane has no Deployment `istiod-<name>`, so there is nothing to restart.",
        "Check that the control plane is ready, and that `mesh_control_plane` is its name.",
    ),
    "FED608": Code(
        "Not a time",
        ERROR,
        "The option `since` of the module `istiod` is not a valid time.",
        "Write it as `2026-01-31T12:00:00Z`.",
    ),
    "FED609": Code(
        "Namespace that did not join",
        ERROR,
        "The operator usually adds a namespace to the mesh some seconds after its ServiceMeshMember is created; here "
        "it did not within the time allowed.",
        "The message quotes the operator's reason; fix it and run again.",
    ),
    "FED610": Code(
        "Members not configured",
        ERROR,
        "The operator did not configure all namespaces of the member roll within the time; workloads that are created "
        "there now get no sidecar. For a namespace that does not exist and is not created meanwhile there is only a "
        "warning: the run continues after 10 seconds.",
        "Create the namespaces that do not exist, look at the operator's log for the others, then run again.",
    ),
    "FED611": Code(
        "OLM does not try again",
        ERROR,
        "OLM does not retry a failed InstallPlan, or a bundle that cannot be unpacked, for the same version.",
        "Fix what the message says, delete the failed InstallPlan (or the Subscription) and run again.",
    ),
    "FED612": Code(
        "Operators not installed in time",
        ERROR,
        "OLM has not finished within the time allowed; the message quotes the state of each Subscription.",
        "For ResolutionFailed and CatalogSourcesUnhealthy fix the catalog; otherwise run again, and the wait "
        "continues.",
    ),
    "FED616": Code(
        "Restarts not finished at the deadline",
        ERROR,
        "Workloads are restarted in batches, and the time allowed has passed; the message names the workloads that are "
        "not ready yet.",
        "Look at the pods of these workloads, then run again: it continues where it stopped and restarts nothing "
        "twice.",
    ),
    "FED617": Code(
        "Workload that does not come back",
        ERROR,
        "Kubernetes has stopped the roll-out (ProgressDeadlineExceeded). The run stops at the first such workload, so "
        "that the others keep serving.",
        "Fix the workload or undo its last change, then run again.",
    ),
    "FED630": Code(
        "A peering is not as it should be",
        ERROR,
        "`status` found one of the faults in `status_fail_on`: a peer is not connected both ways (`pending`, the "
        "default), its connection cannot be determined (`unknown`), or a root expires soon (`expiring`). `status` "
        "first looked again for some seconds, because a connection that is being renewed is briefly down.",
        "Look at the reasons in the table. `status_fail_on: []` shows the same without failing.",
    ),
    "FED631": Code(
        "The cluster differs from the description",
        ERROR,
        "`federate` would change something: since the last run somebody has changed the objects, the description, or "
        "the Services that it selects. Nothing was written.",
        "Look at the lines above. Run `federate` to bring the cluster to the description, or correct the description.",
    ),
}
