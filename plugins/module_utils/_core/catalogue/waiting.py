# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of waiting."""

from __future__ import annotations

from .code import ERROR, Code

WAITING: dict[str, Code] = {
    "FED601": Code(
        "Address pending",
        ERROR,
        "The gateway's Service has no address that the peer could be given.",
        "Look at the Service's events (does this cluster give out load balancers?), give `addresses`, or use `service_type: NodePort`.",
    ),
    "FED602": Code(
        "Not connected",
        ERROR,
        "A peering was applied and has not connected within the time.",
        "Look at the reasons that the message lists; playbook `ossm.federation.status` shows them again.",
    ),
    "FED604": Code(
        "Not drained",
        ERROR,
        "Rules were emptied, and services are still imported or exported.",
        "Look whether istiod of this mesh is running (`rollout restart`), then run again.",
    ),
    "FED605": Code(
        "Control plane not ready",
        ERROR,
        "The control plane did not become ready within the time; its condition stands in the message.",
        "Look at the ServiceMeshControlPlane's conditions and the operator's log, then run again.",
    ),
    "FED606": Code(
        "istiod not restarted",
        ERROR,
        "istiod was told to restart, and its new pods are not available within the time. Proxies go on with what they know meanwhile.",
        "Look at the pods of the Deployment `istiod-<control plane>`; `federation_timeout` gives them longer. Then run again.",
    ),
    "FED607": Code(
        "No istiod",
        ERROR,
        "The control plane has no Deployment `istiod-<name>`, so there is nothing to restart.",
        "Look whether the control plane is ready, and whether `mesh_control_plane` is its name.",
    ),
    "FED608": Code(
        "Not a time",
        ERROR,
        "The option `since` of the module `istiod` is not a moment that can be read.",
        "Write it as in `2026-01-31T12:00:00Z`.",
    ),
    "FED609": Code(
        "Namespace that did not join",
        ERROR,
        "The operator adds a namespace to the mesh some seconds after its ServiceMeshMember; here it did not within the time allowed.",
        "The message has the operator's own reason; fix it and run again.",
    ),
    "FED610": Code(
        "Members not configured",
        ERROR,
        "The operator did not configure all namespaces of the member roll within the time; workloads made there now have no sidecar. "
        "A namespace that does not exist and that nobody creates meanwhile is a warning: the run goes on after 10 seconds.",
        "Create the namespaces that do not exist, look at the operator's log for the others, then run again.",
    ),
    "FED611": Code(
        "OLM has given up",
        ERROR,
        "A failed InstallPlan and a bundle that cannot be unpacked are not tried again for the same version.",
        "Fix what the message says, delete the failed InstallPlan (or the Subscription) and run again.",
    ),
    "FED612": Code(
        "Operators that are not installed in time",
        ERROR,
        "OLM has not finished within the time allowed; the message has what it says of each Subscription.",
        "ResolutionFailed and CatalogSourcesUnhealthy need the catalog fixed; else run again, the wait goes on.",
    ),
    "FED616": Code(
        "Restarts not finished at the deadline",
        ERROR,
        "Workloads are restarted one batch after the other, and the time allowed has passed; the message has what is not up yet.",
        "Look at the pods of what is named, then run again: it goes on where it stopped and restarts nothing twice.",
    ),
    "FED617": Code(
        "Workload that does not come back",
        ERROR,
        "Kubernetes has given the roll-out up. The run stops at the first such workload, so that the others keep serving.",
        "Fix the workload or undo its last change, then run again.",
    ),
    "FED630": Code(
        "A peering is not as it should be",
        ERROR,
        "What `status` shows is one of the faults that `status_fail_on` names: a peer is not connected both ways (`pending`, the default), one of which "
        "that cannot be known (`unknown`), or a root that soon expires (`expiring`). It was looked at again for some seconds first, since a connection "
        "that is renewed is down for an instant.",
        "Look at the reasons in the table. `status_fail_on: []` shows the same without failing.",
    ),
    "FED631": Code(
        "The cluster differs from the description",
        ERROR,
        "`federate` would change something: somebody has changed the objects, the description, or what it selects since the last run. Nothing was written.",
        "Look at the lines above. Run `federate` to bring the cluster to the description, or correct the description.",
    ),
}
