# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of what the user described."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

DESCRIBED: dict[str, Code] = {
    "FED301": Code(
        "No peers",
        ERROR,
        "An empty `mesh_peers` is more often a mistake than a wish, so it is not taken for one.",
        "List the peers, or set `federation_full_mesh: true` to peer with every mesh of the inventory.",
    ),
    "FED302": Code(
        "Unknown peer",
        ERROR,
        "A rule or option names a peer that `mesh_peers` does not have; or `unfederate_peers` or `federation_accept_changes` names somebody whom no "
        "mesh of the run knows: no mesh, no peer, nobody of whom anything is left.",
        "Correct the name, or add the peer.",
    ),
    "FED303": Code(
        "Not a usable name or fingerprint",
        ERROR,
        "Names become parts of Kubernetes objects and labels, and fingerprints are compared: both have a fixed form.",
        "Use lower-case letters, digits and hyphens within the length given; fingerprints are SHA-256 in hexadecimal.",
    ),
    "FED304": Code(
        "Two peers under one name",
        ERROR,
        "Objects and rules are found by our name of a peer (`local_name`), so it must mean one peer only.",
        "Give one of the two another `local_name`.",
    ),
    "FED305": Code("The mesh is its own peer", ERROR, "A mesh does not federate with itself.", "List other meshes only."),
    "FED306": Code(
        "Peer called like the control plane's cluster",
        ERROR,
        "istiod keeps both in one registry and would never start the peer (`spec.cluster.name`).",
        "Give the peer another `local_name`.",
    ),
    "FED307": Code(
        "Gateway settings cannot work",
        ERROR,
        "A gateway serves one peer in one direction, its name becomes a Service and a label, and each setting has a form that the operator takes.",
        "Correct the setting that the message names, or leave it out: the defaults work.",
    ),
    "FED308": Code(
        "No address that the peer could reach",
        ERROR,
        "NodePort needs node addresses, which only a cluster administrator can list; ClusterIP is reachable inside its cluster only.",
        "Give `addresses`, choose LoadBalancer, or set `same_cluster: true` for a peer in this cluster.",
    ),
    "FED310": Code(
        "Domain suffix cannot be used",
        ERROR,
        "istiod ignores a rule whose suffix is the cluster's own, and cannot use one that is no DNS name. Under a suffix that shares names "
        "with the cluster's domain, with the suffix of another peer, or that is a single label such as `com`, the peer could take names "
        "that are not its own.",
        "Use `import_as_local: true`, or another suffix of at least two DNS labels joined by dots, in a domain of your own.",
    ),
    "FED311": Code(
        "Two services under one name",
        ERROR,
        "Two exports of one name freeze the status; two imports of one name overwrite each other, and dropping either loses both. Where services "
        "of several namespaces get names in one namespace, whoever can make a Service in one of them could take the name of another's.",
        "Give one of them another alias, or match one service by name and namespace.",
    ),
    "FED312": Code(
        "Rule never reached",
        ERROR,
        "The first rule that matches decides, and an earlier one matches all that this one does.",
        "Put the specific rule first, or drop it.",
    ),
    "FED313": Code(
        "Wildcard imported as local",
        ERROR,
        "What a wildcard imports as local is named by the peer: whatever it exports later becomes a service of this cluster at once, without a run "
        "and beside a local Service of that name. istiod ignores a rule whose target namespace is not fixed.",
        "Write one rule for each service, with its `name` and `namespace` as the peer exports them.",
    ),
    "FED314": Code(
        "Label selector cannot be read",
        ERROR,
        "istiod skips a rule with an invalid selector without a word. A selector that is there and empty would match every Service.",
        "Write selectors as kubernetes.core does: `app=web`, `tier in (a,b)`, `!key`.",
    ),
    "FED315": Code(
        "Rule offers the control plane",
        ERROR,
        "A rule for everything, for whatever lacks a label, or for the control plane's namespace would export istiod, gateways and telemetry "
        "too. A rule for a namespace of the platform (`default`, `kube-*`, `openshift-*`) would export the API server or its helpers. A rule "
        "without a namespace is compared with the Services that stand there.",
        "Name member namespaces, or select by labels that only your applications have.",
    ),
    "FED316": Code(
        "Alias is no DNS label",
        ERROR,
        "istiod does not export a service whose alias is no DNS label, and says so in its log only.",
        "Use lower-case letters, digits and hyphens, at most 63 characters.",
    ),
    "FED317": Code(
        "Rule malformed",
        ERROR,
        "A key is unknown, is there and empty, or has a value of another form than the option takes; what is misspelled would otherwise be ignored "
        "in silence. An empty key is more often a variable that was not set than the wish for what an absent key means, such as every peer.",
        "Correct the key or value that the message names, or take the key out.",
    ),
    "FED318": Code(
        "Missing for rendering",
        ERROR,
        "Rendering asks no cluster, so what is otherwise read from the control plane must be given.",
        "Set the option that the message names.",
    ),
    "FED319": Code(
        "Gateway cannot be taken over",
        ERROR,
        "A peering made by hand runs through a gateway that is not one of the control plane's additional ones, so nobody could keep it for one peer alone.",
        "Name gateways of its own in the peer's entry, `gateways: {ingress, egress}`, and hand over a new card: its address will be another. "
        "Or leave the peering as it is, without `adopt`.",
    ),
    "FED320": Code(
        "Name that several peers share",
        ERROR,
        "Two partners may both call themselves prod, but then the name alone does not say which of them is meant.",
        "Use our own names for them, their `local_name`.",
    ),
    "FED321": Code(
        "Card could be any of several peers'",
        ERROR,
        "Several peers share the name on the card, or several different cards came from one peer, and neither a pin nor the peer on the cluster "
        "says which is meant. Guessing could let one partner speak for another.",
        "Pin `root_fingerprints` of each peer, or hand the card over as the file `<local_name>-for-<this mesh>.json`.",
    ),
    "FED322": Code(
        "Nobody is named to leave",
        ERROR,
        "`unfederate` takes away whom you name. An empty name is more often a variable that was not set than a wish to leave everybody.",
        "Name the peers, `-e unfederate_peers=west,north`, or leave every peer of `mesh_peers` with `-e unfederate_peers=all`.",
    ),
    "FED323": Code(
        "Imported into a namespace of the platform",
        ERROR,
        "A name in `default`, `kube-*`, `openshift-*` or the control plane's namespace is one that this cluster depends on, such as that of "
        "the API server. A peer must not answer for it.",
        "Give `alias.namespace`, the namespace of an application.",
    ),
    "FED324": Code(
        "Addresses of the machine itself are taken",
        WARNING,
        "With `federation_loopback: true` a card or an option may name loopback, link-local, unspecified and multicast addresses, and short names. "
        "In a real cluster istiod and the egress gateway would then call the node, the platform's metadata service or a Service of their own cluster.",
        "Take `federation_loopback` out, unless all meshes of the run are testbeds on one machine.",
    ),
    "FED325": Code(
        "A variable is not what it must be",
        ERROR,
        "A variable of a role is of another kind than the role's description says (a text where a list belongs), is not one of the values that "
        "there are, is missing, or is an expression that cannot be evaluated. It is refused in the first task of the role, before anything is "
        "asked or written.",
        "Correct the variable that the message names, where the inventory, a file of variables or `-e` sets it. "
        "`ansible-doc -t role ossm.federation.mesh` describes them.",
    ),
    "FED330": Code(
        "A variable that nothing here knows",
        ERROR,
        "A variable of a host, a group or `-e` begins with `mesh_`, `federation_` or `unfederate_`, and no role of this collection reads it; "
        "or it is nearly called like one of the others (`cluster_…`, `upgrade_…`); or `-e` calls it after the playbook that runs "
        "(`gather_folder` for `gather`). In an inventory such a name is only warned of. A misspelled name would be passed over in silence: "
        "`mesh_export` would offer nothing, and take from the peers what they are offered. Refused before the first request.",
        "Correct the name; the message has the nearest one that is known. List it in `federation_ignore_variables` when it belongs to "
        "somebody else (`*` stands for any letters).",
    ),
    "FED331": Code(
        "No meshes in this run",
        ERROR,
        "The inventory has no group `meshes` (for `install` and `tenants`, `clusters`), the group is empty, or `--limit` leaves none of its "
        "hosts. Ansible says \"no hosts matched\" then "
        "and ends well, though nothing was done.",
        "Look for the group's name in the inventory, and give the right inventory with `-i`. Where an inventory cannot be "
        "parsed, Ansible goes on without it: set `any_unparsed_is_failed = true` in `ansible.cfg`, as the examples do.",
    ),
    "FED332": Code(
        "A peer would lose what it is offered",
        ERROR,
        "By the changed rules of `mesh_exports`, names vanish that the status of the peer's set has as exported: all of them, or some while a "
        "rule that was added matches no Service. A misspelled name looks just so, and the peer's callers would be cut off. Nothing is written; "
        "the message lists the names.",
        "Correct the rules. Where it is meant, name the peer in `federation_withdraw` (`withdraw` of the module) for this run; "
        "a peer that is `suspended` needs no such word.",
    ),
    "FED333": Code(
        "The folder of cards is missing",
        ERROR,
        "`federation_cards_dir` (`cards_dir` of a module) names a folder that is not there, or something that is no folder. Taken for an empty "
        "one, every peer would wait for its card without a word of the misspelled path.",
        "Correct the path; a relative one starts at the inventory. `publish_cards` makes the folder. Without the variable the folder `cards` "
        "beside the inventory is used where it is there.",
    ),
    "FED350": Code(
        "Files for a peer without Ansible lack a place",
        ERROR,
        "An entry of `mesh_peers` has `kubectl`, so the peer's half is to be written as files for the peer's administrator. They name the peer's "
        "control plane and its namespace, which nobody here can look up, and a guess would make objects in somebody else's cluster.",
        "Ask the peer's administrator, and write `kubectl: {namespace: west-mesh-system, control_plane: basic}`; `version: v2.5` helps, too.",
    ),
    "FED351": Code(
        "Handed over without digits",
        ERROR,
        "`federation_handed_over` says that a peer has one card, by the digits of that card. A name alone would say it of every card to come.",
        "Paste the line that a run shows, `federation_handed_over=west=<eight groups of digits>`, or take the entry out.",
    ),
    "FED360": Code(
        "Too many cards as artifacts of a workflow",
        ERROR,
        "More than 20 meshes would hand their cards on from job to job. AWX copies the artifacts of all jobs before a job into its variables, so "
        "each job gets every card, and what AWX stores grows with the square of the meshes.",
        "Carry the cards by Git: `publish_cards` writes them to a folder of the repository, and each job reads it as `federation_cards_dir`. "
        "In `extensions/awx` that is `awx_cards_dir`; the workflow then has no jobs that publish.",
    ),
    "FED361": Code(
        "One card in two places",
        ERROR,
        "The folder of cards holds a card both as `<mesh>-for-<audience>.json` and as `<audience>/<mesh>.json`, and the two differ. One of them is left "
        "from before the layout was changed, and no rule could say which without trusting what stands in it.",
        "Remove the file that its mesh no longer writes: the flat one where it sets `federation_cards_layout: audience`.",
    ),
    "FED362": Code(
        "No plan of a fleet",
        ERROR,
        "`fleet_plan_since` names a file that `fleet_plan` has not written, or that somebody changed. Taken for a plan, meshes that need a job could "
        "get none.",
        "Name the file that `fleet_plan_file` has written, or take the variable out: every mesh then gets a job.",
    ),
    "FED363": Code(
        "A description cannot be evaluated",
        ERROR,
        "`fleet_plan` reads what every host of the inventory says of its mesh, and one variable is an expression that cannot be evaluated.",
        "Correct the expression, or define what it names.",
    ),
    "FED364": Code(
        "No report to join",
        ERROR,
        "`report_join` names a file that is missing, or that is no report of a run. Left out in silence, its meshes would be unknown on the page without "
        "a word of the reason.",
        "Name the files that `federation_report` names in the runs of the other meshes. What `report_json` writes is a page, and cannot be joined.",
    ),
    "FED365": Code(
        "One mesh in two reports",
        ERROR,
        "Two of the reports that are to be joined tell something else of one mesh: one of them is older, or two meshes have one name.",
        "Leave the older one out, or give each mesh a name of its own.",
    ),
    "FED366": Code(
        "What has changed is no list of meshes",
        ERROR,
        "`federate_changed` is told by `fleet_changed` which meshes need a job. It is not set, is no list, or names what is no host of the group "
        "`meshes`: a pattern, a group, or a mesh that went. It comes out of another job, so nothing in it is taken for a pattern or an expression.",
        "Run `fleet_plan` before it, in the same workflow, or give the hosts as a list or as a text with commas. To federate all, play `federate`.",
    ),
}
