# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Right inventories, as many as are wanted, from a seed: what administrators may write, among other
people's variables.
"""

from __future__ import annotations

import random
from typing import Any

# Words that begin as ours do, and are somebody else's.
OTHER_PEOPLES: dict[str, Any] = {
    "cluster_name": "prod-eu-1",
    "cluster_id": 17,
    "cluster_domain": "cluster.local",
    "cluster_region": "eu-central-1",
    "cluster_api_url": "https://api.example.com:6443",
    "cluster_admins": ["anna"],
    "cluster_version": "4.14",
    "clusters_of_team": [],
    "status_page": "https://status.example.com",
    "status_page_token": "{{ vaulted }}",
    "status_codes": [200],
    "upgrade_notes": "see the wiki",
    "upgrade_window": {"from": "02:00", "to": "04:00"},
    "upgrade_channel": "stable",
    "install_dir": "/opt/app",
    "install_packages": True,
    "site_name": "example",
    "site_owner": "web",
    "render_engine": "blink",
    "preflight_checklist": [],
    "uninstall_reason": "",
    "tenants_contact": "tenants@example.com",
    "members_of_staff": [],
    "operator_phone": "112",
    "card_holder": "A. N. Other",
    "peers_of_bgp": ["192.0.2.1"],
    "identity_provider": "ldap",
    "mesher": "wool",
    "meshwork": 3,
    "federal_tax": 0.19,
    "ansible_host": "localhost",
    "_mesh_private": 1,
    "app": {"mesh_export": "deeper down it is nobody's concern"},
    "vaulted": "hunter2",
}
_PEERS = ("west", "north", "south")
_SERVICES = ("cart", "ledger", "checkout", "*")


def inventories(seed: int, many: int) -> list[dict[str, Any]]:
    """Return the variables of ``many`` hosts, each as right as can be."""
    chance = random.Random(seed)
    return [_variables(chance) for _each in range(many)]


def _variables(chance: random.Random) -> dict[str, Any]:
    ours = {
        "mesh_name": "east",
        "mesh_peers": chance.choice(
            [list(_PEERS), ",".join(_PEERS), [{"name": name, "adopt": True} for name in _PEERS]]
        ),
        "mesh_exports": [_rule(chance, "to") for _each in range(chance.randrange(4))],
        "mesh_imports": [_rule(chance, "from") for _each in range(chance.randrange(4))],
        "mesh_kubeconfig": chance.choice(["east.kubeconfig", {"apiVersion": "v1", "kind": "Config"}]),
        "mesh_context": "home",
        "mesh_members": chance.choice([[], ["shop"], "shop,books"]),
        "mesh_gateways": chance.choice([{}, {"service_type": "ClusterIP"}]),
        "mesh_gateways_managed": chance.choice([True, False, "true", "no"]),
        "mesh_api_timeout": chance.choice([5, "60"]),
        "mesh_cluster": "one",
        "mesh_admins": {"groups": ["anna"]},
        "federation_prune": chance.choice([True, "yes", 0]),
        "federation_timeout": chance.choice([10, "600"]),
        "federation_cards_dir": "cards",
        "federation_cards": [],
        "federation_cards_of_west": "[]",
        "federation_accept_changes": chance.choice([[], ""]),
        "federation_ignore_variables": ["mesh_of_wire", "federation_*_of_planets"],
        "mesh_of_wire": "12 mm",
        "federation_united_of_planets": True,
        "unfederate_peers": chance.choice(["all", ["west"]]),
        "unfederate_when": "always",
        "cluster_kubeconfig": "admin.kubeconfig",
        "upgrade_to": "v2.5",
        "uninstall_crds": True,
    }
    kept = {"mesh_of_wire", "federation_united_of_planets", "federation_ignore_variables"}
    chosen = {name: value for name, value in ours.items() if name in kept or chance.random() < 0.6}
    others = dict(chance.sample(sorted(OTHER_PEOPLES.items(), key=lambda item: item[0]), 12))
    return {**others, **chosen}


def _rule(chance: random.Random, whom: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": chance.choice(_SERVICES), "namespace": "shop"}
    if chance.random() < 0.5:
        rule[whom] = [chance.choice(_PEERS)]
    return rule
