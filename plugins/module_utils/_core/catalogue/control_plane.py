# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of the control plane, its operators and its tenants."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

CONTROL_PLANE: dict[str, Code] = {
    "FED401": Code(
        "Control plane missing",
        ERROR,
        "There is no ServiceMeshControlPlane of this name in this namespace; the message lists those that exist.",
        "Correct `mesh_namespace` and `mesh_control_plane`, or install the control plane first.",
    ),
    "FED402": Code(
        "Control plane older than 2.1",
        ERROR,
        "Federation came with version 2.1.",
        "Upgrade the control plane first.",
    ),
    "FED403": Code(
        "No trust domain of its own",
        ERROR,
        "The control plane sets none, so it uses `cluster.local` like every mesh without one, and identities could not "
        "be told apart.",
        "Set `spec.security.trust.domain` to a name that only this mesh uses; its workloads then need a restart.",
    ),
    "FED404": Code(
        "Trust domain is not the expected one",
        ERROR,
        "`mesh_trust_domain` and the control plane disagree.",
        "Correct `mesh_trust_domain`. Changing the trust domain of the mesh would change every identity in it.",
    ),
    "FED405": Code(
        "Root ConfigMap missing",
        ERROR,
        "istiod publishes the mesh's root in a ConfigMap, which does not exist or has no `root-cert.pem`.",
        "Wait until the control plane is ready, or give the root as `mesh_roots`.",
    ),
    "FED406": Code(
        "Gateways missing",
        ERROR,
        "With `mesh_gateways_managed: false` the gateways are only verified, and they are missing or wrong.",
        "Render them (playbook `ossm.federation.render`) into the repository of the control plane, or let this "
        "collection manage them.",
    ),
    "FED407": Code(
        "Gateway cannot serve a peer",
        ERROR,
        "The gateway's Service, or an address or port of it, cannot be used for federation.",
        "Correct what the message names; the settings are in `mesh_peers`, `gateways`.",
    ),
    "FED408": Code(
        "Peer's trust domain is an alias of ours",
        ERROR,
        "`spec.security.trust.additionalDomains` lists the peer's trust domain, so policies treat the peer's "
        "identities as ours.",
        "Remove it from the list.",
    ),
    "FED415": Code(
        "Gateway serves another peer",
        ERROR,
        "A ServiceMeshPeer on the cluster, ours or another, uses the ingress gateway that an entry names. Each peer's "
        "rules deny the other's requests, so both would be cut off.",
        "Name another gateway in the entry, `gateways: {ingress: ...}`, or remove the other peer first.",
    ),
    "FED416": Code(
        "Egress gateway is shared",
        WARNING,
        "Two ServiceMeshPeers use one egress gateway. That works, but both peers see the same identity of this mesh, "
        "and each change of the gateway affects both.",
        "Give each its own egress gateway when you can: `gateways: {egress: ...}` and a new card.",
    ),
    "FED417": Code(
        "Taken over without changes",
        WARNING,
        "A gateway made by hand differs from those of this collection, and changing it would re-create the gateway or "
        "lose its address.",
        "Nothing needs to be done. The message says how it could be changed.",
    ),
    "FED418": Code(
        "Gateway has a disruption budget already",
        ERROR,
        "A pod with two PodDisruptionBudgets cannot be evicted at all, so nodes could not be drained.",
        "Leave `disruption_budget` out, or remove the other budget: `spec.runtime.defaults.deployment.podDisruption` "
        "of the control plane makes "
        "one for each of its components.",
    ),
    "FED420": Code(
        "Version or trust domain missing, malformed or given twice",
        ERROR,
        "Without a version the operator installs its newest one, and two different values for one setting contradict "
        "each other.",
        "Give `mesh_version` as `v2.6` and `mesh_trust_domain`, or the same in `mesh_control_plane_spec`, once.",
    ),
    "FED421": Code(
        "Field that the control plane does not know",
        ERROR,
        "A field that the cluster's CRD does not have is dropped silently, or the whole object is refused.",
        "Correct the name; the message gives the nearest one. A field of a later version needs a later operator.",
    ),
    "FED422": Code(
        "Refused by this version of the control plane",
        ERROR,
        "The operator's webhook refuses these fields for the requested version; some of them only when it reconciles.",
        "Correct `mesh_control_plane_spec` as the message says. It lists all reasons.",
    ),
    "FED423": Code(
        "Downgrade",
        ERROR,
        "The operator performs a downgrade without a warning, and the result is not supported.",
        "Keep the version, or make a new mesh and move namespaces to it.",
    ),
    "FED424": Code(
        "Unrequested upgrade",
        ERROR,
        "Another minor version changes the behavior of applications, and the operator refuses it for removed features; "
        "it needs its own playbook, `upgrade`.",
        "Keep `mesh_version` at the running version until you want to upgrade.",
    ),
    "FED425": Code(
        "Control plane still in use",
        ERROR,
        "Peers, members or other field managers still use the control plane that is to be removed.",
        "Run `unfederate` first and empty the member roll; a namespace that joined by a ServiceMeshMember leaves when "
        "that is deleted. The message names what is left.",
    ),
    "FED426": Code(
        "Namespace that a mesh cannot have",
        ERROR,
        "The operator drops the control plane's own namespace and those of the platform without an error, and a "
        "namespace belongs to one mesh only. "
        "Rights in a namespace of the platform, or in one of cluster-wide operators, would give rights in the whole "
        "cluster.",
        "Correct `mesh_members` or `mesh_namespace`; the message names the mesh that has the namespace.",
    ),
    "FED427": Code(
        "Members are kept another way",
        ERROR,
        "A roll lists namespaces, or selects them by label from version 2.4 on, or is made by the operator from"
        " ServiceMeshMembers. A namespace can be a member in one way only. A roll is not removed while other namespaces"
        " have joined by themselves: they would leave the mesh with it.",
        "Use one way for each namespace, one that this version supports; the message names the namespaces that must "
        "leave first.",
    ),
    "FED428": Code(
        "Member whose removal would delete the whole roll",
        ERROR,
        "On 2.2 and 2.3 the operator deletes a member roll that it made itself as soon as one of its members is "
        "removed (OSSM-2374): every namespace leaves the mesh.",
        "First create your own roll (`mesh_members`) in the control plane's namespace; its members stay.",
    ),
    "FED430": Code(
        "No way to this version",
        ERROR,
        "Version 1.1 cannot be upgraded in place, downgrades are not supported although the operator performs them, "
        "and version 3 is another product.",
        "Choose a later version 2, or make a new mesh and move namespaces to it.",
    ),
    "FED431": Code(
        "Upgrade stopped",
        ERROR,
        "The operator would refuse the step, or it would break something without an immediate error; the message lists "
        "each reason.",
        "Do what the message says for each reason, then run again: an upgrade continues where it stopped.",
    ),
    "FED432": Code(
        "Namespace outside the mesh",
        ERROR,
        "Sidecars of this mesh run only in the control plane's namespace and its members.",
        "Correct the list; the message names the mesh's namespaces.",
    ),
    "FED433": Code(
        "Control plane is not ready",
        ERROR,
        "A pod that is created before its control plane is ready gets the old sidecar again, or none. Nothing was "
        "restarted.",
        "Fix the control plane; the message quotes its operator. Then run again.",
    ),
    "FED434": Code(
        "Sidecars run",
        ERROR,
        "Without their control plane sidecars keep their last configuration and stop working when their certificates "
        "expire, within a day. Nothing was removed.",
        "Remove `sidecar.istio.io/inject` from the workloads and restart them, then run again; or leave them with "
        "`uninstall_leave_sidecars: true`.",
    ),
    "FED440": Code(
        "Operator without a namespace",
        ERROR,
        "The namespaces of the usual operators are known; for another one the namespace must be given.",
        "Give the operator its namespace in `cluster_operators`.",
    ),
    "FED441": Code(
        "Operator groups",
        ERROR,
        "OLM runs no operator in a namespace with two OperatorGroups, and these operators cannot run in a namespace "
        "whose group selects namespaces.",
        "Leave exactly one OperatorGroup with an empty spec in the namespace. This collection never creates a second "
        "one.",
    ),
    "FED442": Code(
        "Operator of another vendor",
        ERROR,
        "The community edition and the product use the same kinds and webhooks.",
        "Remove one of them first.",
    ),
    "FED443": Code(
        "Operator that does not support a control plane",
        ERROR,
        "Each operator supports a range of control plane versions. It does not reconcile an older control plane, which "
        "can then be neither changed nor upgraded; it refuses a newer one. With approval `Automatic` OLM upgrades by "
        "itself to the newest operator of the channel: `starting_csv` is only the first version.",
        "The message says which of the two it is. Too new: upgrade the control planes first, one operator version at a "
        "time, or pin the operator with approval `Manual` and `starting_csv`. Too old: approve the pending upgrade "
        "(`cluster_operators_upgrade: true`), choose a channel or catalog that has a later one, or a lower "
        "`mesh_version`.",
    ),
    "FED444": Code(
        "InstallPlan with more than was requested",
        ERROR,
        "OLM resolves all Subscriptions of a namespace together, and an approval covers everything in the plan. One "
        "`Manual` Subscription makes the plan of all of them wait, including those that are `Automatic`; the message "
        "names it.",
        "Look at the plan and approve it by hand, or name the other operators in `cluster_operators`.",
    ),
    "FED445": Code(
        "No Operator Lifecycle Manager",
        ERROR,
        "Operators are installed by OLM, which this cluster does not have.",
        "Install the operator from its manifest; everything except `install` then works.",
    ),
    "FED446": Code(
        "Control planes that would lose their operator",
        ERROR,
        "Only the operator removes what it made; a control plane that is deleted after its operator is stuck in its "
        "finalizer.",
        "Remove the control planes first, or set `federation_force` to remove the operator nevertheless.",
    ),
    "FED447": Code(
        "Catalog source does not exist",
        ERROR,
        "OLM would wait forever for a CatalogSource that does not exist. A disconnected cluster has its own, with the "
        "name that was given to its mirror.",
        "See `oc get catalogsources -A` and set `cluster_catalog`, `cluster_catalog_namespace`.",
    ),
    "FED448": Code(
        "Objects that would go with their kinds",
        ERROR,
        "Deleting a kind (CRD) deletes every object of it, in all namespaces. Some of them were not made by this "
        "collection.",
        "Save the objects that are still needed (`oc get … -o yaml`) and delete them; or set `federation_force: true`, "
        "or leave `uninstall_crds` out.",
    ),
    "FED449": Code(
        "Package, channel or version that the catalog does not have",
        ERROR,
        "OLM would look for it forever. A mirrored catalog often has fewer packages and versions than its source.",
        "See `oc get packagemanifest` and correct `cluster_operators`, or mirror what is missing.",
    ),
    "FED450": Code(
        "Administrators of a mesh",
        ERROR,
        "`tenants` binds rights to exactly the listed users, groups and service accounts. So each entry must be valid, "
        "and none may include accounts that nobody chose, as `system:authenticated` does.",
        "Write `mesh_admins` with the lists users, groups and service_accounts, and name at least one account.",
    ),
    "FED451": Code(
        "Namespace wanted by two meshes",
        ERROR,
        "A namespace belongs to at most one mesh; the operator refuses the second. Rights of another mesh in it, a "
        "control plane or a member roll show to which mesh it belongs.",
        "Remove it from `mesh_members` of one of them, or correct `mesh_namespace`. If this mesh's control plane was "
        "made by hand, run once with `-e tenants_adopt=<mesh>`.",
    ),
    "FED452": Code(
        "Namespace being deleted",
        ERROR,
        "Nothing can be created in a namespace that is being deleted.",
        "Wait until it is gone and run again.",
    ),
    "FED453": Code(
        "Mesh in an unknown cluster",
        ERROR,
        "`mesh_cluster` names the mesh's host of the group clusters; `tenants` prepares the mesh with that host's "
        "credentials.",
        "Correct `mesh_cluster`, or add the host to the group clusters.",
    ),
    "FED454": Code(
        "Catalog that OLM cannot reach",
        WARNING,
        "Operators of this catalog are neither installed nor upgraded until its registry answers.",
        "See `oc describe catalogsource` and the catalog's pod: its image must be pullable, and it must answer.",
    ),
    "FED455": Code(
        "Role or binding that differs",
        ERROR,
        "A Role or binding with the name of ours exists and cannot become ours: a binding's role cannot be changed, "
        "and an aggregated ClusterRole gets rights from other labelled ClusterRoles.",
        "Find out who made it and why, delete it, and run `tenants` again.",
    ),
    "FED456": Code(
        "Mesh of this name with another control plane",
        ERROR,
        "The cluster has rights for a mesh of this name whose control plane is in another namespace: a mesh of another "
        "inventory, or this mesh before it moved. With one name for both, each run would remove the other's rights.",
        "Give one of the two another `mesh_name`. Where the mesh has moved, run `tenants` with `-e"
        " tenants_state=absent` and its former `mesh_namespace` first.",
    ),
    "FED457": Code(
        "Service account with rights to the whole cluster",
        ERROR,
        "An account that may restart workloads in a namespace can run anything there as any of its service accounts. "
        "One of them is bound to cluster-admin, so this right would extend to the whole cluster.",
        "Remove the binding, or move that service account to its own namespace; or leave the right out with `restarts: "
        "false` in `mesh_admins`.",
    ),
    "FED458": Code(
        "Object with our label that we did not make",
        WARNING,
        "Anybody who may write in a namespace can put a label on an object. `tenants` deletes only what it made "
        "itself.",
        "Delete it if nobody needs it, or remove the label `ossm.federation/mesh`.",
    ),
    "FED459": Code(
        "Name that this version cannot have",
        ERROR,
        "A control plane of v2.3 that is called `default` fails to deploy: its webhook's certificate is not valid for "
        "the name (OSSM-2042, a known issue in the "
        "release notes). A control plane cannot be renamed later.",
        "Set `mesh_control_plane` to another name, such as `basic`. If it already exists with an earlier version, make "
        "a control plane with another name in a new namespace and move the members to it.",
    ),
    "FED460": Code(
        "No context of the kubeconfig is chosen",
        ERROR,
        "The kubeconfig has several contexts, and only its `current-context` chooses one. `oc login`, `oc project` and"
        " `kubectl config use-context` change it at any time, so a run that writes could change the wrong cluster. Runs"
        " that only read, and check mode, continue.",
        "Set `mesh_context` (`cluster_context` for a cluster, `context` of a module), or give a kubeconfig that has one"
        " context.",
    ),
}
