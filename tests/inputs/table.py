# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""More than a hundred wrong inputs, each with the verdict that is expected of it; none is passed in silence.

A verdict is the code of a refusal, or ``ANSIBLE`` where Ansible itself refuses. ``says`` is part of the message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ANSIBLE = "refused by Ansible"
UNKNOWN, WRONG_KIND, NO_MESHES, NOBODY = "FED330", "FED325", "FED331", "FED302"
WITHDRAWN, NO_FOLDER, NO_CONTEXT = "FED332", "FED333", "FED460"


@dataclass(frozen=True)
class Input:
    """One wrong input: what is ``given``, and the code and words of its refusal."""

    given: Any
    verdict: str
    says: str = ""
    more: dict[str, Any] = field(default_factory=dict)


# 1. Variables that no spec knows: the name that is given, and the one that is meant.
MISSPELLED = [
    Input(name, UNKNOWN, meant)
    for name, meant in {
        "mesh_export": "mesh_exports",
        "mesh_import": "mesh_imports",
        "mesh_peer": "mesh_peers",
        "mesh_exprots": "mesh_exports",
        "mesh_kube_config": "mesh_kubeconfig",
        "mesh_kubconfig": "mesh_kubeconfig",
        "mesh_contxt": "mesh_context",
        "mesh_trustdomain": "mesh_trust_domain",
        "mesh_gateway": "mesh_gateways",
        "mesh_gateways_manged": "mesh_gateways_managed",
        "mesh_root": "mesh_roots",
        "mesh_extra_root": "mesh_extra_roots",
        "mesh_member": "mesh_members",
        "mesh_wholly_ours": "mesh_",
        "mesh_Exports": "mesh_exports",
        "mesh-exports": "mesh_exports",
        "meshes_exports": "mesh_exports",
        "federation_acept_changes": "federation_accept_changes",
        "federation_accept_change": "federation_accept_changes",
        "federation_card_dir": "federation_cards_dir",
        "federation_card": "federation_cards",
        "federation_pruning": "federation_prune",
        "federation_fullmesh": "federation_full_mesh",
        "federation_time_out": "federation_timeout",
        "federation_cards_off_west": "federation_cards",
        "federaton_prune": "federation_prune",
        "unfederate_peer": "unfederate_peers",
        "unfederate_if": "unfederate_when",
        "cluster_kubconfig": "cluster_kubeconfig",
        "cluster_operator": "cluster_operators",
        "upgrade_bach": "upgrade_batch",
        "upgrade_restrat": "upgrade_restart",
        "preflight_strickt": "preflight_strict",
        "uninstall_crd": "uninstall_crds",
        "tenants_adapt": "tenants_adopt",
    }.items()
]

# Said on the command line of a run, and called after its playbook: what it does not know was meant for it, however far
# from its own names.
OF_THE_RUN = [
    Input(name, UNKNOWN, meant, {"playbook": name.replace("-", "_").partition("_")[0].replace("fleet", "fleet_plan")})
    for name, meant in {
        "gather_folder": "gather_dir",
        "gather_secrets": "gather_",
        "gather-to": "gather_",
        "fleet_folder": "fleet_plan_",
        "logs_lines": "logs_",
        "report_html": "report_",
        "verify_urls": "verify_",
        "compare_folder": "compare_",
        "status_quiet": "status_",
        "health_strict": "health_",
        "upgrade_when": "upgrade_",
        "unfederate_dry_run": "unfederate_",
        "preflight_fail": "preflight_",
    }.items()
]

# 2. Variables of a wrong kind: told with the rule or entry, in the user's words.
WRONG_KINDS = [
    Input({"mesh_exports": {"name": "cart"}}, WRONG_KIND, "mesh_exports: is a mapping, and must be a list"),
    Input({"mesh_exports": "{'name': cart"}, WRONG_KIND, "mesh_exports: is one text and not a list"),
    Input({"mesh_exports": '[{"name": "cart"}]'}, WRONG_KIND, """write -e '{"mesh_exports": [...]}'"""),
    Input({"federation_withdraw": "['west']"}, WRONG_KIND, "federation_withdraw: is one text and not a list"),
    Input({"mesh_exports": None}, WRONG_KIND, "mesh_exports: is empty, and must be a list"),
    Input({"federation_timeout": True}, WRONG_KIND, "federation_timeout: is true or false, and must be a whole"),
    Input({"federation_timeout": -5}, WRONG_KIND, "federation_timeout: is '-5', and must not be negative"),
    Input({"federation_timeout": "0"}, WRONG_KIND, "federation_timeout: is 0, and must be at least 1"),
    Input({"mesh_api_timeout": 0}, WRONG_KIND, "mesh_api_timeout: is 0, and must be at least 1"),
    Input({"mesh_exports": ["cart"]}, WRONG_KIND, "mesh_exports, rule 1: is not a mapping"),
    Input({"mesh_exports": [{"name": "cart"}, "ledger"]}, WRONG_KIND, "mesh_exports, rule 2: is not a mapping"),
    Input({"mesh_exports": [["cart"]]}, WRONG_KIND, "mesh_exports, rule 1: is not a mapping"),
    Input({"mesh_exports": [None]}, WRONG_KIND, "mesh_exports, rule 1: is not a mapping"),
    Input({"mesh_imports": ["cart", "ledger"]}, WRONG_KIND, "mesh_imports, rule 1: is not a mapping"),
    Input({"mesh_imports": 5}, WRONG_KIND, "mesh_imports"),
    Input({"mesh_imports": True}, WRONG_KIND, "mesh_imports"),
    Input({"mesh_peers": {"name": "west"}}, WRONG_KIND, "mesh_peers: is a mapping, and must be a list"),
    Input({"mesh_members": [{"shop": "yes"}]}, WRONG_KIND, "mesh_members, entry 1: is not a text"),
    Input({"mesh_gateways": "LoadBalancer"}, WRONG_KIND, "mesh_gateways"),
    Input({"mesh_gateways": ["LoadBalancer"]}, WRONG_KIND, "mesh_gateways: is a list, and must be a mapping"),
    Input({"mesh_admins": ["anna"]}, WRONG_KIND, "mesh_admins: is a list, and must be a mapping"),
    Input({"mesh_api_timeout": "soon"}, WRONG_KIND, "mesh_api_timeout: is the text 'soon'"),
    Input({"mesh_gateways_managed": "perhaps"}, WRONG_KIND, "mesh_gateways_managed"),
    Input({"federation_prune": "perhaps"}, WRONG_KIND, "federation_prune"),
    Input({"federation_timeout": "10m"}, WRONG_KIND, "federation_timeout"),
    Input({"federation_full_mesh": "meshes"}, WRONG_KIND, "federation_full_mesh"),
    Input({"federation_loopback": [True]}, WRONG_KIND, "federation_loopback"),
    Input({"federation_ignore_variables": {"mesh_export": True}}, WRONG_KIND, "federation_ignore_variables"),
    Input({"unfederate_when": "never"}, WRONG_KIND, "unfederate_when"),
]

# 3. Inventories without meshes: the inventory's text, the playbook, and what else is said on the command line.
_EAST = "{hosts: {east: {mesh_peers: [west], mesh_kubeconfig: nowhere}}}"
NO_HOSTS = [
    Input(f"mesh: {_EAST}", NO_MESHES, "meshes", {"playbook": "status"}),
    Input(f"Meshes: {_EAST}", NO_MESHES, "meshes", {"playbook": "federate"}),
    Input(f"mesh: {_EAST}", NO_MESHES, "meshes", {"playbook": "status", "options": ["--limit", "east"]}),
    Input("meshes: {}", NO_MESHES, "meshes", {"playbook": "unfederate", "options": ["-e", "unfederate_peers=all"]}),
    Input(
        f"meshes: {_EAST}\nclusters: {{hosts: {{north: {{}}}}}}",
        NO_MESHES,
        "meshes",
        {"playbook": "status", "options": ["--limit", "north"]},
    ),
    Input(f"meshes: {_EAST}", NO_MESHES, "clusters", {"playbook": "install"}),
    Input(f"meshes: {_EAST}", ANSIBLE, "limit", {"playbook": "status", "options": ["--limit", "esat"]}),
    Input("meshes: [east", ANSIBLE, "pars", {"playbook": "status"}),
    Input(f"meshes: {_EAST}", "FED334", "--tags", {"playbook": "federate", "options": ["--tags", "traffic"]}),
    Input(f"meshes: {_EAST}", "FED334", "--start", {"playbook": "status", "options": ["--start-at-task", "Write*"]}),
    Input(f"meshes: {_EAST}", "FED335", "-e", {"playbook": "unfederate", "options": ["-e", "unfederate_peers=a b"]}),
    Input(None, ANSIBLE, "pars", {"playbook": "status"}),
]

# 4. Names that no host of the run knows, each said by one of many hosts that all have the peer west.
_DIGITS = "3F9A-1B2C-7D4E-A0C1-D0F3-5B6A-9E8D-7C21"
NAMES = [
    Input({"federation_accept_changes": [f"wset={_DIGITS}"]}, NOBODY, "wset"),
    Input({"federation_accept_changes": f"wesst={_DIGITS}"}, NOBODY, "wesst"),
    Input({"federation_accept_changes": f"west={_DIGITS},nort={_DIGITS}"}, NOBODY, "nort"),
    Input({"federation_accept_changes": [f"WEST={_DIGITS}"]}, NOBODY, "WEST"),
    Input({"federation_accept_changes": [f"west.local={_DIGITS}"]}, NOBODY, "west.local"),
    Input({"unfederate_peers": "wset"}, NOBODY, "wset"),
    Input({"unfederate_peers": ["west", "norht"]}, NOBODY, "norht"),
    Input({"unfederate_peers": "west-ingress"}, NOBODY, "west-ingress"),
    Input({"unfederate_peers": ""}, "FED322", "nothing does not mean everybody"),
    Input({"unfederate_peers": "all,west"}, "FED322", "beside other names"),
]

# 5. Rules that withdraw what the peer is offered: cart and ledger stand on the cluster and are exported by name.
CART, LEDGER = {"name": "cart", "namespace": "shop"}, {"name": "ledger", "namespace": "shop"}
WITHDRAWING = [
    Input([], WITHDRAWN, "cart.shop"),
    Input([{"name": "carrt", "namespace": "shop"}, LEDGER], WITHDRAWN, "cart.shop"),
    Input([CART, {"name": "legder", "namespace": "shop"}], WITHDRAWN, "ledger.shop"),
    Input([{"name": "cart", "namespace": "shpo"}, LEDGER], WITHDRAWN, "cart.shop"),
    Input([{"namespace": "other"}], WITHDRAWN, "ledger.shop"),
    Input([{"label_selectors": ["app=carts"], "namespace": "shop"}], WITHDRAWN, "cart.shop"),
    Input([{**CART, "alias": {"name": "trolley"}}, {**LEDGER, "alias": {"name": "book"}}], WITHDRAWN, "cart.shop"),
    Input([{**CART, "to": ["north"]}, {**LEDGER, "to": ["north"]}], WITHDRAWN, "ledger.shop"),
]

# 6. Kubeconfigs with several contexts, in modules that write.
CONTEXTS = [
    Input("federation", NO_CONTEXT, "mesh_context"),
    Input("federation_gateways", NO_CONTEXT, "mesh_context"),
    Input("mesh_card", NO_CONTEXT, "mesh_context"),
    Input("exported_services", NO_CONTEXT, "mesh_context"),
    Input("member_roll", NO_CONTEXT, "mesh_context"),
    Input("federation_info", "FED401", "context home"),
    Input("mesh_card", "FED404", "context home", {"trust_domain": "other.local"}),
]

# 7. Folders of cards that are not there: which module is told, and what of its options.
FOLDERS = [
    Input("federation", NO_FOLDER, "nowhere"),
    Input("federation", NO_FOLDER, "nowhere", {"options": {"cards_dir": "nowhere/deeper"}}),
    Input("federation", NO_FOLDER, "is not a folder", {"options": {"cards_dir": "a-file"}}),
    Input("preflight_info", NO_FOLDER, "nowhere"),
    Input("federation", NO_FOLDER, "nowhere", {"check": True}),
    Input("federation", NO_FOLDER, "nowhere", {"options": {"peers": ["west", "north"]}}),
    Input("mesh_card_info", "FED201", "nowhere", {"options": {"path": "nowhere/west-for-east.json"}}),
    Input("federation", NO_FOLDER, "carsd", {"options": {"cards_dir": "carsd"}}),
    Input("preflight_info", NO_FOLDER, "is not a folder", {"options": {"cards_dir": "a-file"}}),
    Input("federation", "waits", "west-for-east.json in ", {"options": {"cards_dir": "empty"}}),
]
EVERYTHING = (MISSPELLED, OF_THE_RUN, WRONG_KINDS, NO_HOSTS, NAMES, WITHDRAWING, CONTEXTS, FOLDERS)
