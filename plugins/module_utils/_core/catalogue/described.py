# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Codes of what the user described."""

from __future__ import annotations

from .code import ERROR, WARNING, Code

DESCRIBED: dict[str, Code] = {
    "FED301": Code(
        "No peers",
        ERROR,
        "An empty `mesh_peers` is more often a mistake than intended, so it is refused.",
        "List the peers, or set `federation_full_mesh: true` to peer with every mesh of the inventory.",
    ),
    "FED302": Code(
        "Unknown peer",
        ERROR,
        "A rule or option names a peer that is not in `mesh_peers`. Or a name in `unfederate_peers` or "
        "`federation_accept_changes` is unknown to every mesh of the run: it is not a mesh, a peer or a former peer "
        "with leftovers.",
        "Correct the name, or add the peer.",
    ),
    "FED303": Code(
        "Not a usable name or fingerprint",
        ERROR,
        "Names become parts of Kubernetes objects and labels, and fingerprints are compared: both must have a fixed "
        "format.",
        "Use lower-case letters, digits and hyphens within the length given; fingerprints are SHA-256 in hexadecimal.",
    ),
    "FED304": Code(
        "Two peers under one name",
        ERROR,
        "Objects and rules are found by our name of a peer (`local_name`), so the name must be unique.",
        "Give one of the two another `local_name`.",
    ),
    "FED305": Code(
        "The mesh is its own peer", ERROR, "A mesh does not federate with itself.", "List other meshes only."
    ),
    "FED306": Code(
        "Peer called like the control plane's cluster",
        ERROR,
        "istiod keeps peers and its own cluster (`spec.cluster.name`) in one registry, so it would never start the "
        "peer.",
        "Give the peer another `local_name`.",
    ),
    "FED307": Code(
        "Gateway settings cannot work",
        ERROR,
        "A gateway serves one peer in one direction, its name becomes a Service and a label, and the operator accepts "
        "only certain values for each setting.",
        "Correct the setting that the message names, or leave it out: the defaults work.",
    ),
    "FED308": Code(
        "No address that the peer could reach",
        ERROR,
        "NodePort needs node addresses, which only a cluster administrator can list; ClusterIP is reachable inside its"
        " cluster only.",
        "Give `addresses`, choose LoadBalancer, or set `same_cluster: true` for a peer in this cluster.",
    ),
    "FED310": Code(
        "Domain suffix cannot be used",
        ERROR,
        "istiod ignores a rule whose suffix is the cluster's own, and cannot use one that is not a DNS name. If the "
        "suffix shares names with the cluster's domain or with another peer's suffix, or is a single label such as "
        "`com`, the peer could take names that are not its own.",
        "Use `import_as_local: true`, or another suffix of at least two DNS labels joined by dots, in a domain of your"
        " own.",
    ),
    "FED311": Code(
        "Two services under one name",
        ERROR,
        "Two exports of one name freeze the status; two imports of one name overwrite each other, and removing either "
        "loses both. If services of several namespaces get names in one namespace, anybody who can create a Service in "
        "one of them could take the name of another's.",
        "Give one of them another alias, or match one service by name and namespace.",
    ),
    "FED312": Code(
        "Rule never reached",
        ERROR,
        "The first rule that matches decides, and an earlier rule matches everything that this one does.",
        "Put the specific rule first, or drop it.",
    ),
    "FED313": Code(
        "Wildcard imported as local",
        ERROR,
        "The peer chooses the names that a wildcard imports as local. Each later export becomes a service of this "
        "cluster at once, without a run, and joins a local Service of the same name. istiod ignores a rule whose "
        "target namespace is not fixed.",
        "Write one rule for each service, with its `name` and `namespace` as the peer exports them.",
    ),
    "FED314": Code(
        "Label selector cannot be read",
        ERROR,
        "istiod skips a rule with an invalid selector without an error. An empty selector would match every Service.",
        "Write selectors as kubernetes.core does: `app=web`, `tier in (a,b)`, `!key`.",
    ),
    "FED315": Code(
        "Rule offers the control plane",
        ERROR,
        "A rule for everything, for whatever lacks a label, or for the control plane's namespace would also export "
        "istiod, gateways and telemetry. A rule for a namespace of the platform (`default`, `kube-*`, `openshift-*`) "
        "would export the API server or its helpers. A rule without a namespace is compared with the Services that "
        "exist there.",
        "Name member namespaces, or select by labels that only your applications have.",
    ),
    "FED316": Code(
        "Alias is not a DNS label",
        ERROR,
        "istiod does not export a service whose alias is not a DNS label, and reports that only in its log.",
        "Use lower-case letters, digits and hyphens, at most 63 characters.",
    ),
    "FED317": Code(
        "Rule malformed",
        ERROR,
        "A key is unknown, has an empty value, or has a value that the option does not accept; a misspelled key would "
        "otherwise be ignored silently. An empty value usually comes from a variable that was not set, and is "
        "therefore not treated like an absent key, which may mean every peer.",
        "Correct the key or value that the message names, or remove the key.",
    ),
    "FED318": Code(
        "Missing for rendering",
        ERROR,
        "Rendering reads no cluster, so the values that are otherwise read from the control plane must be given.",
        "Set the option that the message names.",
    ),
    "FED319": Code(
        "Gateway cannot be taken over",
        ERROR,
        "A peering made by hand uses a gateway that is not one of the control plane's additional gateways, so it "
        "cannot be reserved for one peer.",
        "Name separate gateways in the peer's entry, `gateways: {ingress, egress}`, and hand over a new card, because "
        "the address changes. Or leave the peering as it is, without `adopt`.",
    ),
    "FED320": Code(
        "Name that several peers share",
        ERROR,
        "Two peers may both call themselves prod, but then the name alone does not identify one of them.",
        "Use our own names of the peers, their `local_name`.",
    ),
    "FED321": Code(
        "Card could be any of several peers'",
        ERROR,
        "Several peers share the name on the card, or several different cards came from one peer, and neither a pin "
        "nor the peer on the cluster identifies the right one. A guess could give one peer the identity of another.",
        "Pin `root_fingerprints` of each peer, or hand the card over as the file `<local_name>-for-<this mesh>.json`.",
    ),
    "FED322": Code(
        "No peer is named to leave",
        ERROR,
        "`unfederate` leaves the peers that you name. An empty value usually comes from a variable that was not set; "
        "it does not mean every peer.",
        "Name the peers, `-e unfederate_peers=west,north`, or leave every peer of `mesh_peers` with `-e"
        " unfederate_peers=all`.",
    ),
    "FED323": Code(
        "Imported into a namespace of the platform",
        ERROR,
        "This cluster depends on names in `default`, `kube-*`, `openshift-*` and the control plane's namespace, such "
        "as that of the API server. A peer must not be able to answer for them.",
        "Give `alias.namespace`, the namespace of an application.",
    ),
    "FED324": Code(
        "Addresses of the machine itself are accepted",
        WARNING,
        "With `federation_loopback: true` a card or an option may name loopback, link-local, unspecified and multicast"
        " addresses, and short names. In a real cluster istiod and the egress gateway would then call the node, the"
        " platform's metadata service or a Service of their own cluster.",
        "Remove `federation_loopback`, unless all meshes of the run are testbeds on one machine.",
    ),
    "FED325": Code(
        "A variable has the wrong type or value",
        ERROR,
        "A variable of a role has the wrong type (a text instead of a list), is not one of the allowed values, is "
        "missing, or is an expression that cannot be evaluated. The first task of the role refuses it, before any "
        "request.",
        "Correct the variable that the message names, where the inventory, a file of variables or `-e` sets it. "
        "`ansible-doc -t role ossm.federation.words` describes them.",
    ),
    "FED330": Code(
        "Unknown variable",
        ERROR,
        "A variable of a host, a group or `-e` begins with `mesh_`, `federation_` or `unfederate_`, and no role of this"
        " collection reads it; or its name is close to that of another variable (`cluster_…`, `upgrade_…`); or it is"
        " given by `-e` and begins with the name of the playbook (`gather_folder` for `gather`). In an inventory the"
        " last one is only a warning. A misspelled name would be ignored silently: `mesh_export` would export nothing,"
        " and withdraw from the peers what they use today. It is refused before the first request.",
        "Correct the name; the message gives the nearest known one. List it in `federation_ignore_variables` when it "
        "belongs to "
        "somebody else (`*` stands for any letters).",
    ),
    "FED331": Code(
        "No meshes in this run",
        ERROR,
        "The inventory has no group `meshes` (for `install` and `tenants`, `clusters`), the group is empty, or"
        ' `--limit` leaves none of its hosts. Ansible then reports "no hosts matched" and succeeds, although nothing'
        " was done.",
        "Look for the group's name in the inventory, and give the right inventory with `-i`. If an inventory cannot be "
        "parsed, Ansible continues without it: set `any_unparsed_is_failed = true` in `ansible.cfg`, as the examples "
        "do.",
    ),
    "FED332": Code(
        "A peer would lose services that are exported to it",
        ERROR,
        "The changed rules of `mesh_exports` no longer export names that the status of the peer's set lists as "
        "exported. Either all of them would vanish, or some would while a new rule matches no Service, as happens with "
        "a misspelled name. The peer's callers would be cut off. Nothing is written; the message lists the names.",
        "Correct the rules. If you want this, name the peer in `federation_withdraw` (`withdraw` of the module) for "
        "this run; a peer that is `suspended` does not need it.",
    ),
    "FED333": Code(
        "The folder of cards is missing",
        ERROR,
        "`federation_cards_dir` (`cards_dir` of a module) names a folder that does not exist, or something that is not "
        "a folder. If it counted as empty, every peer would wait for its card, and no message would mention the "
        "misspelled path.",
        "Correct the path; a relative one starts at the inventory. `publish_cards` makes the folder. Without the "
        "variable the folder `cards` beside the inventory is used, if it exists.",
    ),
    "FED334": Code(
        "Only a part of a playbook would run",
        ERROR,
        "The command line has `--start-at-task`, `--tags`, or a `--skip-tags` that leaves out every task. The tasks of"
        " these playbooks have no tags, and each needs what the tasks before it have found, so the run would do nothing"
        " or skip its checks, and succeed.",
        "Run the playbook without the option. `--limit` chooses meshes. Other playbooks do a part of the work, such as "
        "`publish_cards`. If you import a playbook into your own and give it tags there, `--tags` works as usual.",
    ),
    "FED335": Code(
        "Words on the command line that set nothing",
        ERROR,
        "`-e` has words that are not `name=value`. Ansible ignores them: `-e 'mesh_peers = west'` sets no variable, and"
        " `-e 'unfederate_peers=west north'` leaves only west. The words are not shown, because they may be a part of a"
        " secret.",
        "Write no space around `=`, and put a value with spaces in quotes. For lists and mappings give JSON: "
        '`-e \'{"mesh_peers": ["west"]}\'`.',
    ),
    "FED336": Code(
        "A file of variables for nobody",
        WARNING,
        "A file in `host_vars` or `group_vars` beside the inventory has the name of no host and no group, and a host or"
        " a group with a similar name has no file. Ansible does not read such a file, and does not say so.",
        "Rename the file to the host's or the group's name, exactly as the inventory spells it.",
    ),
    "FED350": Code(
        "Files for a peer without Ansible lack a namespace",
        ERROR,
        "An entry of `mesh_peers` has `kubectl`, so the peer's half is to be written as files for the peer's "
        "administrator. The files contain the peer's control plane and its namespace, which this mesh cannot look up; "
        "with a wrong guess they would create objects in the wrong place.",
        "Ask the peer's administrator, and write `kubectl: {namespace: west-mesh-system, control_plane: basic}`; "
        "`version: v2.5` also helps.",
    ),
    "FED351": Code(
        "Handed over without digits",
        ERROR,
        "`federation_handed_over` states by the digits of a card that the peer has that card. A name alone would state "
        "it of every later card.",
        "Paste the line that a run shows, `federation_handed_over=west=<eight groups of digits>`, or remove the entry.",
    ),
    "FED360": Code(
        "Too many cards as artifacts of a workflow",
        ERROR,
        "More than 20 meshes would pass their cards from job to job. AWX copies the artifacts of all earlier jobs into "
        "the variables of a job. So each job gets every card, and the data that AWX stores grows with the square of "
        "the number of meshes.",
        "Carry the cards by Git: `publish_cards` writes them to a folder of the repository, and each job reads it as"
        " `federation_cards_dir`. In `extensions/awx` that is `awx_cards_dir`; the workflow then has no jobs that"
        " publish.",
    ),
    "FED361": Code(
        "One card in two places",
        ERROR,
        "The folder of cards holds a card both as `<mesh>-for-<audience>.json` and as `<audience>/<mesh>.json`, and "
        "the two differ. One of them is left from before the layout was changed, and only their content, which cannot "
        "be trusted, says which.",
        "Remove the file that its mesh no longer writes: the flat one where it sets `federation_cards_layout:"
        " audience`.",
    ),
    "FED362": Code(
        "Not a plan of a fleet",
        ERROR,
        "`fleet_plan_since` names a file that `fleet_plan` has not written, or that somebody changed. With a wrong "
        "plan, meshes that need a job could get none.",
        "Name the file that `fleet_plan_file` has written, or remove the variable: every mesh then gets a job.",
    ),
    "FED363": Code(
        "A description cannot be evaluated",
        ERROR,
        "`fleet_plan` reads the description of each mesh in the inventory, and one of its variables is an expression "
        "that cannot be evaluated.",
        "Correct the expression, or define what it names.",
    ),
    "FED364": Code(
        "Not a report that can be joined",
        ERROR,
        "`report_join` names a file that is missing, or that is not a report of a run. If it were ignored, its meshes "
        "would be unknown on the page, and nothing would say why.",
        "Name the files that `federation_report` names in the runs of the other meshes. What `report_json` writes is a"
        " page, and cannot be joined.",
    ),
    "FED365": Code(
        "One mesh in two reports",
        ERROR,
        "Two of the reports to join contradict each other about one mesh: one of them is older, or two meshes have one "
        "name.",
        "Leave the older one out, or give each mesh its own name.",
    ),
    "FED366": Code(
        "The changed meshes are not a list of meshes",
        ERROR,
        "`fleet_changed` tells `federate_changed` which meshes need a job. It is not set, is not a list, or has an "
        "entry that is not a host of the group `meshes`: a pattern, a group, or a mesh that was removed. It comes from "
        "another job, so it is never evaluated as a pattern or an expression.",
        "Run `fleet_plan` before it, in the same workflow, or give the hosts as a list or as a text with commas. To "
        "federate all meshes, run `federate`.",
    ),
    "FED367": Code(
        "Wrong settings for AWX",
        ERROR,
        "A setting of `extensions/awx/load.yml` would be ignored or misread: an unknown `awx_` name, a text in place of"
        " a list, an entry for a mesh that is not in `awx_meshes`, an unknown word in `awx_teams` or `awx_when`, or"
        " `awx_fleet_plan` without `awx_cards_dir`. For example, nobody could approve, or a mesh would have no"
        " credential. Nothing was sent to AWX.",
        "Correct the settings that the message names; `extensions/awx/data/settings.yml` explains each.",
    ),
}
