# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules, peer entries and names that fail open: what is empty, misspelled or too wide is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from attacks.api import ApiInMemory, Asked
from attacks.attack import attack, call
from attacks.conftest import CONTROL_PLANE
from integration.administrators import Administrator
from unit.pem import root

# Whom to leave ------------------------------------------------------------------------------------------------------

# A variable that was not set, an empty list of a pipeline, a survey that nobody filled in: by mesh, each its spelling.
NOBODY = {
    "not-given": {},
    "empty": {"unfederate_peers": ""},
    "blank": {"unfederate_peers": " \t"},
    "comma": {"unfederate_peers": ","},
    "commas": {"unfederate_peers": " , , "},
    "brackets": {"unfederate_peers": "[]"},
    "quotes": {"unfederate_peers": "['']"},
    "braces": {"unfederate_peers": "{}"},
    "tilde": {"unfederate_peers": "~"},
    "null": {"unfederate_peers": None},
    "false": {"unfederate_peers": False},
    "true": {"unfederate_peers": True},
    "zero": {"unfederate_peers": 0},
    "list": {"unfederate_peers": []},
    "list-of-nothing": {"unfederate_peers": [""]},
    "list-of-null": {"unfederate_peers": [None]},
    "mapping": {"unfederate_peers": {}},
    "default": {"unfederate_peers": "{{ whom | default([]) }}"},
    "omitted": {"unfederate_peers": "{{ whom | default(omit) }}"},
    "one-is-empty": {"unfederate_peers": "west,{{ other | default('') }}"},
    "all-but": {"unfederate_peers": "all,-west"},
    "all-and": {"unfederate_peers": ["all", "west"]},
    "wildcard": {"unfederate_peers": "*"},
    "upper-case": {"unfederate_peers": "ALL"},
}


def estate_of(api: ApiInMemory, *names: str) -> None:
    """Give each name a control plane with a peer west that this collection made."""
    for name in names:
        namespace, labels = f"{name}-mesh-system", {"ossm.federation/mesh": name, "ossm.federation/peer": "west"}
        live = copy.deepcopy(CONTROL_PLANE)
        live["metadata"]["namespace"] = namespace
        api.store.put(live)
        api.store.put(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "west-ca-root-cert", "namespace": namespace, "labels": labels},
            }
        )


def test_a_fat_finger_that_names_nobody_leaves_nobody(api: ApiInMemory, collections: str, tmp_path: Path) -> None:
    estate_of(api, *NOBODY)
    meshes = {name: {**api.variables, "mesh_peers": ["west", "north"], **given} for name, given in NOBODY.items()}
    admin = Administrator(tmp_path, collections, meshes)
    run = admin.play("unfederate", "--forks", "2", variables={"federation_report": "report.json"}, must_pass=False)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    codes = {name: (report[name].get("error") or {}).get("code") for name in NOBODY}
    assert codes == dict.fromkeys(NOBODY, "FED322"), run.output
    assert run.returncode != 0 and not api.writes


def test_a_fat_finger_that_names_a_peer_nobody_knows_is_told_so_on_all_hosts(
    api: ApiInMemory, collections: str, tmp_path: Path
) -> None:
    estate_of(api, "east", "south")
    meshes = {name: {**api.variables, "mesh_peers": ["north"]} for name in ("east", "south")}
    admin = Administrator(tmp_path, collections, meshes)
    run = admin.play(
        "unfederate", variables={"unfederate_peers": "west,wset", "federation_report": "report.json"}, must_pass=False
    )
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {mesh: entry["error"]["code"] for mesh, entry in report.items()} == {
        "east": "FED302",
        "south": "FED302",
    }, run.output
    assert (
        "names wset" in report["east"]["error"]["message"]
        and "known peers are north, west" in report["east"]["error"]["message"]
    )
    assert not api.writes
    run = admin.play("unfederate", "--check", variables={"unfederate_peers": "west"})
    assert run.changed("east") and run.changed("south"), (
        "of a peer that is no longer described something stands, so its name is known"
    )


# Rules and peer entries ---------------------------------------------------------------------------------------------

CART = {"name": "cart", "namespace": "shop"}
TO_WEST, FROM_WEST = {"to": ["west"]}, {"from": ["west"]}
# Each is a rule on its own, by what it does; the code is the one that must come at its place, and no rule may pass.
EXPORTS = {
    "no selector in the list": ("FED314", {"namespace": "shop", "label_selectors": []}),
    "a selector of null": ("FED314", {"namespace": "shop", "label_selectors": None}),
    "a selector of nothing": ("FED314", {"namespace": "shop", "label_selectors": ""}),
    "a selector of an empty mapping": ("FED314", {"namespace": "shop", "label_selectors": {}}),
    "a list with an empty selector": ("FED314", {"namespace": "shop", "label_selectors": [""]}),
    "a list with a blank selector": ("FED314", {"namespace": "shop", "label_selectors": [" "]}),
    "a list with null": ("FED314", {"namespace": "shop", "label_selectors": [None]}),
    "a selector that ends in a comma": ("FED314", {"namespace": "shop", "label_selectors": ["app=cart,"]}),
    "a selector that excludes nothing": ("FED314", {"namespace": "shop", "label_selectors": ["tier!="]}),
    "a selector as a text": ("FED317", {"namespace": "shop", "label_selectors": "app=cart"}),
    "selectors that are all negative": ("FED315", {"label_selectors": ["!internal", "tier notin (db)"]}),
    "to nobody": ("FED317", {**CART, "to": []}),
    "to null": ("FED317", {**CART, "to": None}),
    "to an empty text": ("FED317", {**CART, "to": ""}),
    "to an empty name": ("FED302", {**CART, "to": [""]}),
    "to a text": ("FED317", {**CART, "to": "west"}),
    "to everything": ("FED302", {**CART, "to": ["*"]}),
    "to false": ("FED317", {**CART, "to": False}),
    "a name of null": ("FED317", {"namespace": "shop", "name": None, **TO_WEST}),
    "a blank name": ("FED317", {"namespace": "shop", "name": " ", **TO_WEST}),
    "a name that YAML read as true": ("FED317", {"namespace": "shop", "name": True, **TO_WEST}),
    "a name that is a number": ("FED317", {"namespace": "shop", "name": 0, **TO_WEST}),
    "a name that is a list": ("FED317", {"namespace": "shop", "name": [], **TO_WEST}),
    "a namespace of nothing": ("FED317", {"name": "cart", "namespace": "", **TO_WEST}),
    "a namespace that is a mapping": ("FED317", {"name": "cart", "namespace": {}, **TO_WEST}),
    "an alias of null": ("FED317", {**CART, "alias": None}),
    "an alias of nothing": ("FED317", {**CART, "alias": {}}),
    "an alias with an empty name": ("FED317", {**CART, "alias": {"name": "", "namespace": "public"}}),
    "an alias with a namespace of null": ("FED317", {**CART, "alias": {"namespace": None}}),
    "an alias that is false": ("FED317", {**CART, "alias": False}),
    "a key in capitals": ("FED317", {**CART, "To": ["west"]}),
    "the plural of a key": ("FED317", {**CART, "peers": ["west"]}),
    "nothing at all": ("FED315", {}),
    "every namespace into one": ("FED311", {"name": "cart", "alias": {"namespace": "shop"}}),
    "every namespace into one, spelled out": (
        "FED311",
        {"name": "cart", "namespace": "*", "alias": {"namespace": "shop", "name": "*"}},
    ),
    "labels of every namespace into one": (
        "FED311",
        {"label_selectors": ["export=yes"], "alias": {"namespace": "shop"}},
    ),
    "a namespace under one name": ("FED311", {"namespace": "shop", "alias": {"name": "cart"}}),
    "the API server": ("FED315", {"name": "kubernetes", "namespace": "default"}),
    "the namespace of the API server": ("FED315", {"namespace": "default"}),
    "the platform's DNS": ("FED315", {"name": "dns-default", "namespace": "openshift-dns"}),
    "the control plane": ("FED315", {"name": "istiod-basic", "namespace": "east-mesh-system"}),
}
IMPORTS = {
    "from nobody": ("FED317", {**CART, "from": []}),
    "from null": ("FED317", {**CART, "from": None}),
    "from an empty name": ("FED302", {**CART, "from": [""]}),
    "a suffix of nothing": ("FED317", {**CART, "domain_suffix": ""}),
    "a suffix of false": ("FED310", {**CART, "domain_suffix": False}),
    "as local, or null": ("FED317", {**CART, "import_as_local": None}),
    "as local, or nothing": ("FED317", {**CART, "import_as_local": ""}),
    "as local, or a number": ("FED317", {**CART, "import_as_local": 2}),
    "as local, whatever the peer exports": ("FED313", {"import_as_local": True, "alias": {"namespace": "shop"}}),
    "as local, a namespace": ("FED313", {"namespace": "shop", "import_as_local": True, "alias": {"namespace": "shop"}}),
    "as local, a namespace spelled out": (
        "FED313",
        {"namespace": "shop", "name": "*", "import_as_local": "yes", "alias": {"namespace": "shop"}},
    ),
    "as local, from any namespace": (
        "FED313",
        {"name": "cart", "import_as_local": True, "alias": {"namespace": "shop"}},
    ),
    "as the API server": ("FED323", {"name": "kubernetes", "namespace": "default", "import_as_local": True}),
    "as the API server, by alias": (
        "FED323",
        {**CART, "import_as_local": True, "alias": {"name": "kubernetes", "namespace": "default"}},
    ),
    "as the cluster's DNS": ("FED323", {**CART, "import_as_local": True, "alias": {"namespace": "kube-system"}}),
    "as the registry": (
        "FED323",
        {**CART, "import_as_local": True, "alias": {"name": "image-registry", "namespace": "openshift-image-registry"}},
    ),
    "as istiod": (
        "FED323",
        {**CART, "import_as_local": True, "alias": {"name": "istiod-basic", "namespace": "east-mesh-system"}},
    ),
    "under the cluster's domain": ("FED310", {"namespace": "svc", "domain_suffix": "cluster.local"}),
    "under the cluster's services": ("FED310", {**CART, "domain_suffix": "svc.cluster.local"}),
    "below the cluster's services": (
        "FED310",
        {"name": "web", "namespace": "shop", "domain_suffix": "default.svc.cluster.local"},
    ),
    "under the cluster's domain in capitals": ("FED310", {**CART, "domain_suffix": "SVC.Cluster.Local"}),
    "under the cluster's domain with a dot": ("FED310", {**CART, "domain_suffix": "svc.cluster.local."}),
    "under the cluster's domain with two dots": ("FED310", {**CART, "domain_suffix": "svc..cluster.local"}),
    "above the cluster's domain": ("FED310", {**CART, "domain_suffix": "local"}),
    "under a top-level domain": ("FED310", {**CART, "domain_suffix": "com"}),
    "under a wildcard": ("FED310", {**CART, "domain_suffix": "*.example.com"}),
    "under another peer's suffix": ("FED310", {**CART, "domain_suffix": "svc.north-imports.local", **FROM_WEST}),
    "above another peer's suffix": ("FED310", {**CART, "domain_suffix": "north-imports.local", **FROM_WEST}),
    "every namespace into one": ("FED311", {"name": "cart", "alias": {"namespace": "shop"}}),
    "everything into one namespace": ("FED311", {"alias": {"namespace": "shop"}}),
}
GATEWAYS = {
    **{
        f"{key} {value!r}": {key: value}
        for key in ("ingress", "addresses", "load_balancer_source_ranges", "replicas")
        for value in (None, "", [], {})
    },
    "node ports of null": {"node_ports": {"service": None}},
    "a budget of nothing": {"replicas": 2, "disruption_budget": {"min_available": ""}},
    "a port in Arabic digits": {"discovery_port": "\u0663\u0663"},
    "a port of full width": {"service_port": "\uff18\uff10"},
    "an address that is nothing": {"addresses": [""]},
    "a toleration of everything": {"tolerations": [{}]},
    "a name of false": {"egress": False},
}
PEERS = {
    **{
        f"{key} {value!r}": {key: value}
        for key in ("root_fingerprints", "local_name", "same_cluster", "suspended", "adopt")
        for value in (None, "", [], {})
    },
    "a pin that is nothing": {"root_fingerprints": [""]},
    "a pin that is null": {"root_fingerprints": [None]},
    "a pin that is a text": {"root_fingerprints": "3F9A" * 16},
    "gateways of null": {"gateways": None},
    "gateways of a list": {"gateways": []},
    "a key that is unknown": {"fingerprints": ["3F9A" * 16]},
    **{f"gateways, {what}": {"gateways": gateways} for what, gateways in GATEWAYS.items()},
}


def found_at(result: dict[str, Any], place: str) -> set[str]:
    """Return the codes of the errors that name a place, or something in it."""
    is_there = (f"{place},", f"{place} ")
    return {
        entry["code"]
        for entry in result["findings"]
        if entry["severity"] == "error" and f"{entry['place']} ".startswith(is_there)
    }


@pytest.mark.parametrize(
    ("option", "rules"),
    [
        attack("fat fingers", "export more than was meant", "exports", EXPORTS),
        attack("a peer", "takes names of ours", "imports", IMPORTS),
    ],
)
def test_each_rule_that_fails_open_is_refused(
    api: ApiInMemory, collections: str, option: str, rules: dict[str, tuple[str, dict]]
) -> None:
    given = {option: [rule for _code, rule in rules.values()]}
    outcome = call(collections, "preflight_info", {**api.access, "mesh": "east", "peers": ["west", "north"], **given})
    assert "findings" in outcome.result, outcome.printed
    codes = {
        what: found_at(outcome.result, f"mesh_{option}, rule {number}") for number, what in enumerate(rules, start=1)
    }
    assert codes == {what: {code} for what, (code, _rule) in rules.items()}


def test_each_key_of_a_peer_that_fails_open_is_refused(api: ApiInMemory, collections: str) -> None:
    peers = [{"name": f"peer-{number}", **entry} for number, entry in enumerate(PEERS.values())]
    outcome = call(collections, "preflight_info", {**api.access, "mesh": "east", "peers": [*peers, "west"]})
    assert "findings" in outcome.result, outcome.printed
    places = [
        (what, f"mesh_peers, peer-{number}", f"mesh_peers, entry {number + 1}") for number, what in enumerate(PEERS)
    ]
    passed = [what for what, *named in places if not any(found_at(outcome.result, place) for place in named)]
    assert not passed


LABELLED = {"kind": "Service", "apiVersion": "v1", "spec": {"ports": [{"name": "https", "port": 443}]}}


@pytest.mark.parametrize(
    ("module", "rule"),
    [
        attack("fat fingers", "put istiod on a card by a label", "mesh_card", {"label_selectors": ["istio"]}),
        attack("fat fingers", "export istiod by its name", "exported_services", {"name": "istiod-basic"}),
        attack(
            "fat fingers", "would export istiod by a label", "preflight_info", {"label_selectors": ["istio in (pilot)"]}
        ),
    ],
)
def test_a_rule_without_a_namespace_that_meets_the_control_plane_is_refused(
    api: ApiInMemory, collections: str, module: str, rule: dict
) -> None:
    api.store.put(
        {
            **LABELLED,
            "metadata": {"name": "istiod-basic", "namespace": "east-mesh-system", "labels": {"istio": "pilot"}},
        }
    )
    own: dict[str, Any] = (
        {"peer": "west", "rules": [rule]} if module == "exported_services" else {"peers": ["west"], "exports": [rule]}
    )
    own |= {"roots": root("east")} if module == "mesh_card" else {}
    outcome = call(collections, module, {**api.access, "mesh": "east", **own})
    if module == "preflight_info":
        assert found_at(outcome.result, "mesh_exports, rule 1") == {"FED315"}, outcome.printed
    else:
        assert outcome.code == "FED315" and "control plane's namespace east-mesh-system" in outcome.result["msg"], (
            outcome.printed
        )
    assert not api.writes


def test_what_is_imported_as_local_into_a_namespace_that_is_no_member_is_told_or_unknown(
    api: ApiInMemory, collections: str
) -> None:
    api.store.put(
        {
            "apiVersion": "maistra.io/v1",
            "kind": "ServiceMeshMemberRoll",
            "metadata": {"name": "default", "namespace": "east-mesh-system"},
            "status": {"configuredMembers": ["shop"]},
        }
    )
    rule = {**CART, "import_as_local": True, "alias": {"namespace": "archive"}}
    options = {**api.access, "mesh": "east", "peers": ["west"], "imports": [rule]}
    seen = call(collections, "preflight_info", options).result
    assert "mesh_imports, rule 1" in {entry["place"] for entry in seen["findings"] if entry["code"] == "FED774"}, seen[
        "lines"
    ]

    def forbid(asked: Asked) -> tuple[int, dict[str, str], bytes] | None:
        return (
            (403, {}, b'{"kind": "Status", "message": "services is forbidden: User cannot list them"}')
            if "/namespaces/archive/" in asked.target
            else None
        )

    api.hostile = forbid
    outcome = call(collections, "preflight_info", options)
    assert "unknown" in outcome.result, outcome.printed
    seen = outcome.result
    assert any("archive" in gap["what"] and "FED786" in gap["codes"] for gap in seen["unknown"]), seen["lines"]
