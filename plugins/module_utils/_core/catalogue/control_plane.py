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
        "The control plane sets none, so it uses `cluster.local` like every other such mesh, and identities could not be told apart.",
        "Set `spec.security.trust.domain` to a name of this mesh alone; its workloads then need a restart.",
    ),
    "FED404": Code(
        "Trust domain is not the expected one",
        ERROR,
        "`mesh_trust_domain` and the control plane disagree.",
        "Correct `mesh_trust_domain`. Changing the mesh's own would change every identity in it.",
    ),
    "FED405": Code(
        "Root ConfigMap missing",
        ERROR,
        "istiod publishes the mesh's root in a ConfigMap, which is not there or holds no `root-cert.pem`.",
        "Wait until the control plane is ready, or give the root as `mesh_roots`.",
    ),
    "FED406": Code(
        "Gateways missing",
        ERROR,
        "With `mesh_gateways_managed: false` the gateways are only verified, and they are not as federation needs them.",
        "Render them (playbook `ossm.federation.render`) into the place where the control plane is kept, or let this collection manage them.",
    ),
    "FED407": Code(
        "Gateway cannot serve a peer",
        ERROR,
        "The gateway's Service, or an address or port of it, cannot be used for federation.",
        "Correct what the message names; `mesh_peers`, `gateways` holds the settings.",
    ),
    "FED408": Code(
        "Peer's trust domain is an alias of ours",
        ERROR,
        "`spec.security.trust.additionalDomains` lists the peer's trust domain, so policies take the peer's identities for ours.",
        "Take it out of the list.",
    ),
    "FED415": Code(
        "Gateway serves another peer",
        ERROR,
        "A ServiceMeshPeer on the cluster, which may be somebody else's, names the ingress gateway that an entry wants. Each peer's rules deny the "
        "other's requests, so both would be cut off.",
        "Name another gateway in the entry, `gateways: {ingress: ...}`, or take the other peer away first.",
    ),
    "FED416": Code(
        "Egress gateway is shared",
        WARNING,
        "Two ServiceMeshPeers go out through one gateway. It seems to work; both peers then see the same identity of this mesh, and what is done to "
        "the gateway for one concerns the other.",
        "Give each an egress gateway of its own when you can: `gateways: {egress: ...}` and a new card.",
    ),
    "FED417": Code(
        "Taken over as it stands",
        WARNING,
        "Something about a gateway made by hand is not as this collection makes it, and changing it would re-create the gateway or lose its address.",
        "Nothing needs to be done. The message says what it would take to change it.",
    ),
    "FED418": Code(
        "Gateway has a disruption budget already",
        ERROR,
        "A pod with two PodDisruptionBudgets cannot be evicted at all, so nodes could not be drained.",
        "Leave `disruption_budget` out, or take the other budget away: `spec.runtime.defaults.deployment.podDisruption` of the control plane makes "
        "one for each of its components.",
    ),
    "FED420": Code(
        "Version or trust domain missing, malformed or said twice",
        ERROR,
        "The operator takes its newest version where none is given, and two different words for one thing cannot both hold.",
        "Give `mesh_version` as `v2.6` and `mesh_trust_domain`, or the same in `mesh_control_plane_spec`, once.",
    ),
    "FED421": Code(
        "Field that the control plane does not know",
        ERROR,
        "A field that the cluster's CRD does not have is dropped in silence, or the whole object is refused.",
        "Correct the name; the message gives the nearest one. A field of a later version needs a later operator.",
    ),
    "FED422": Code(
        "Refused by this version of the control plane",
        ERROR,
        "The operator's admission refuses these fields for the version asked for; some of them only once it reconciles.",
        "Correct `mesh_control_plane_spec` as the message says. All reasons are listed at once.",
    ),
    "FED423": Code(
        "Downgrade",
        ERROR,
        "The operator carries out a lower version without a word, and nobody supports what comes of it.",
        "Keep the version, or make a new mesh and move namespaces to it.",
    ),
    "FED424": Code(
        "Upgrade in passing",
        ERROR,
        "Another minor version changes what applications meet and is refused for features that are gone; it is a piece of work of its own.",
        "Keep `mesh_version` at the version that runs until the upgrade is meant.",
    ),
    "FED425": Code(
        "Control plane still in use",
        ERROR,
        "Peers, members or fields of others depend on the control plane that is to be removed.",
        "Run `unfederate` first and empty the member roll; who joined by a ServiceMeshMember leaves by deleting it. The message names what is left.",
    ),
    "FED426": Code(
        "Namespace that a mesh cannot have",
        ERROR,
        "The operator drops the control plane's own namespace and those of the platform without a word, and a namespace belongs to one mesh only. "
        "Rights in a namespace of the platform, or where operators of the whole cluster run, would reach the whole cluster.",
        "Correct `mesh_members` or `mesh_namespace`; the message names the mesh that holds the namespace.",
    ),
    "FED427": Code(
        "Members are kept another way",
        ERROR,
        "A roll lists namespaces, or selects them by label from version 2.4 on, or is made by the operator from ServiceMeshMembers. "
        "One namespace is kept in one way only, and a roll beside which others joined by themselves is not removed: they would leave the mesh with it.",
        "Use one way for each namespace, and one that this version has; the message names who must leave first.",
    ),
    "FED428": Code(
        "Member that takes the whole roll along",
        ERROR,
        "On 2.2 and 2.3 the operator deletes a member roll that it made itself as soon as any of its members goes (OSSM-2374): every "
        "namespace leaves the mesh.",
        "Keep a roll of your own (`mesh_members`) in the control plane's namespace first; its members stay.",
    ),
    "FED430": Code(
        "No way to this version",
        ERROR,
        "Version 1.1 is never upgraded in place, a downgrade is carried out by the operator and supported by nobody, and version 3 is another product.",
        "Choose a later version 2, or make a new mesh and move namespaces to it.",
    ),
    "FED431": Code(
        "Upgrade stopped",
        ERROR,
        "The operator would refuse the step, or something would break that nobody sees at once; the message lists each reason.",
        "Do what the message says for each reason, then run again: an upgrade goes on where it stopped.",
    ),
    "FED432": Code(
        "Namespace that is not of the mesh",
        ERROR,
        "Sidecars belong to the control plane's namespace and its members; elsewhere this mesh has none.",
        "Correct the list; the message has the mesh's namespaces.",
    ),
    "FED433": Code(
        "Control plane is not ready",
        ERROR,
        "A pod that is made before its control plane is ready gets the old sidecar once more, or none. Nothing was restarted.",
        "Fix the control plane; the message has its operator's words. Then run again.",
    ),
    "FED434": Code(
        "Sidecars run",
        ERROR,
        "Without their control plane sidecars go on with what they know and stop working when their certificates end, within a day. Nothing was "
        "removed.",
        "Take `sidecar.istio.io/inject` off the workloads and restart them, then run again; or let them be with `uninstall_leave_sidecars: true`.",
    ),
    "FED440": Code(
        "Operator without a place",
        ERROR,
        "Where the usual operators go is known; for another one it must be said.",
        "Give the operator its namespace in `cluster_operators`.",
    ),
    "FED441": Code(
        "Operator groups",
        ERROR,
        "OLM runs no operator in a namespace with two OperatorGroups, and these operators in none whose group selects namespaces.",
        "Leave exactly one OperatorGroup with an empty spec in the namespace. A second is never made.",
    ),
    "FED442": Code(
        "Another maker's operator",
        ERROR,
        "The community's edition and the product claim the same kinds and webhooks.",
        "Remove one of them first.",
    ),
    "FED443": Code(
        "Operator that does not take a control plane",
        ERROR,
        "Each operator takes a range of control plane versions. An older control plane stands still under it and can be neither changed nor upgraded; a "
        "newer one is refused. With approval `Automatic` OLM goes on to the newest operator of the channel by itself: `starting_csv` says "
        "only where it begins.",
        "The message says which of two it is. Too new: raise the control planes first, one operator version at a time, or pin the operator "
        "with approval `Manual` "
        "and `starting_csv`. Too old: approve the upgrade that waits (`cluster_operators_upgrade: true`), choose a channel or catalog that "
        "has a later one, or a "
        "lower `mesh_version`.",
    ),
    "FED444": Code(
        "InstallPlan with more than is meant",
        ERROR,
        "OLM resolves all Subscriptions of a namespace together; who approves the plan approves everything on it. One Subscription that is "
        "`Manual` makes the plan "
        "wait for all of them, also for those that are `Automatic`; the message names it.",
        "Look at the plan and approve it by hand, or name the other operators in `cluster_operators`.",
    ),
    "FED445": Code(
        "No Operator Lifecycle Manager",
        ERROR,
        "Operators are installed through OLM, which this cluster does not have.",
        "Install the operator from its manifest; everything but `install` works then.",
    ),
    "FED446": Code(
        "Control planes that would lose their operator",
        ERROR,
        "Only the operator removes what it made; a control plane that is deleted after it hangs in its finalizer.",
        "Remove the control planes first, or set `federation_force` to remove the operator all the same.",
    ),
    "FED447": Code(
        "Catalog source is not there",
        ERROR,
        "OLM would take the operator from a CatalogSource that does not exist, and wait for it for ever. A disconnected cluster has one of its own, "
        "under the name that its mirror was given.",
        "See `oc get catalogsources -A` and set `cluster_catalog`, `cluster_catalog_namespace`.",
    ),
    "FED448": Code(
        "Objects that would go with their kinds",
        ERROR,
        "When a kind (CRD) is deleted, every object of it goes along, in all namespaces. There are some that this collection has not made.",
        "Save what is still needed (`oc get … -o yaml`) and delete them; or set `federation_force: true`, or leave `uninstall_crds` out.",
    ),
    "FED449": Code(
        "Package, channel or version that the catalog does not have",
        ERROR,
        "OLM would look for it for ever. A mirrored catalog often has fewer packages and versions than the one that it mirrors.",
        "See `oc get packagemanifest` and correct `cluster_operators`, or mirror what is missing.",
    ),
    "FED450": Code(
        "Administrators of a mesh",
        ERROR,
        "`tenants` binds rights to exactly the users, groups and service accounts that it is told, so each must be readable, and none may "
        "stand for accounts that nobody chose, as `system:authenticated` does.",
        "Write `mesh_admins` with the lists users, groups and service_accounts, and name somebody.",
    ),
    "FED451": Code(
        "Namespace wanted by two meshes",
        ERROR,
        "A namespace belongs to one mesh at the most; the operator refuses the second. Rights of another mesh in it, a control plane or a member "
        "roll show whose it is.",
        "Take it out of `mesh_members` of one of them, or correct `mesh_namespace`. A control plane that was made by hand and is this mesh's: "
        "`-e tenants_adopt=<mesh>`, once.",
    ),
    "FED452": Code(
        "Namespace on its way out",
        ERROR,
        "Nothing can be made in a namespace that is being deleted.",
        "Wait until it is gone and run again.",
    ),
    "FED453": Code(
        "Mesh of no known cluster",
        ERROR,
        "`mesh_cluster` says which host of the group clusters a mesh lies in; `tenants` prepares it with that host's credentials.",
        "Correct `mesh_cluster`, or add the host to the group clusters.",
    ),
    "FED454": Code(
        "Catalog that OLM does not reach",
        WARNING,
        "Operators of this catalog are neither installed nor upgraded until its registry answers.",
        "See `oc describe catalogsource` and the catalog's pod: its image must be pulled, and it must answer.",
    ),
    "FED455": Code(
        "Right that stands otherwise",
        ERROR,
        "Under the name of our Role or binding stands one that cannot become ours: a binding's role never changes, and an aggregated "
        "ClusterRole allows what others are labelled to add.",
        "See who made it and why, delete it, and run `tenants` again.",
    ),
    "FED456": Code(
        "Mesh of this name with another control plane",
        ERROR,
        "The cluster has rights for a mesh of this name whose control plane is in another namespace: another inventory's, or this mesh before "
        "it moved. With one name for both, each run would take the other's rights away.",
        "Give one of the two another `mesh_name`. Where the mesh has moved, run `tenants` with `-e tenants_state=absent` and its former "
        "`mesh_namespace` first.",
    ),
    "FED457": Code(
        "Service account with the whole cluster",
        ERROR,
        "Who may restart workloads in a namespace can run anything there as any of its service accounts. One of them is bound to cluster-admin, "
        "so this right would be the whole cluster's.",
        "Take the binding away or give the account a namespace of its own; or leave the right out with `restarts: false` in `mesh_admins`.",
    ),
    "FED458": Code(
        "Labelled like ours",
        WARNING,
        "Anybody who may write in a namespace can put a label on an object. What `tenants` did not make, it does not delete.",
        "Delete it if nobody needs it, or take the label `ossm.federation/mesh` off.",
    ),
    "FED459": Code(
        "Name that this version cannot have",
        ERROR,
        "A control plane of v2.3 that is called `default` fails to deploy: its webhook's certificate does not hold for the name "
        "(OSSM-2042, a known issue in the "
        "release notes). A control plane cannot be renamed later.",
        "Set `mesh_control_plane` to another name, such as `basic`. For one that stands as an earlier version, make a control plane of another name in a new "
        "namespace and move the members to it.",
    ),
    "FED460": Code(
        "Which context of the kubeconfig is not said",
        ERROR,
        "The kubeconfig has several contexts, and only its `current-context` chooses one. `oc login`, `oc project` and `kubectl config use-context` "
        "change that from one day to the next, so a run that writes could change another cluster. What only reads, and check mode, goes on.",
        "Set `mesh_context` (`cluster_context` for a cluster, `context` of a module), or give a kubeconfig that has one context.",
    ),
}
