# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules that a user describes are checked once, before anything is written."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.described import Alias
from ansible_collections.ossm.federation.plugins.module_utils._core.mesh.rules import LEFT_OUT
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.tests.unit.plugins.module_utils._core.mesh.meshes import described, refusal


def test_a_rule_concerns_all_peers_or_those_that_it_names_by_either_name():
    mesh = described(
        [{"name": "prod", "local_name": "west"}, "north"],
        exports=[{"name": "a", "namespace": "shop"}, {"name": "b", "namespace": "shop", "to": ["prod"]}, LEFT_OUT],
        imports=[{"name": "a"}, {"name": "b", "from": ["west"]}],
    )
    west, north = mesh.peers
    assert [rule.name for rule in mesh.exports_to(west)] == ["a", "b"]
    assert [rule.name for rule in mesh.exports_to(north)] == ["a"]
    assert [rule.name for rule in mesh.imports_from(west)] == ["a", "b"]
    assert [rule.name for rule in mesh.imports_from(north)] == ["a"]


def test_a_suspended_peer_is_offered_nothing_and_nothing_is_taken_from_it():
    mesh = described([{"name": "west", "suspended": True}], exports=[{"namespace": "shop"}], imports=[{}])
    assert mesh.exports_to(mesh.peers[0]) == mesh.imports_from(mesh.peers[0]) == []


def test_an_export_rule_is_stored_as_istiod_reads_it():
    mesh = described(
        exports=[{"name": "cart", "namespace": "shop", "alias": {"namespace": "public"}}, {"namespace": "shop"}]
    )
    assert [rule.stored() for rule in mesh.exports] == [
        {
            "type": "NameSelector",
            "nameSelector": {"name": "cart", "namespace": "shop", "alias": {"namespace": "public"}},
        },
        {"type": "NameSelector", "nameSelector": {"name": "*", "namespace": "shop"}},
    ]


def test_a_rule_by_labels_is_stored_as_istiod_reads_it():
    (rule,) = described(
        exports=[{"label_selectors": ["app=web"], "namespace": "shop", "alias": {"namespace": "public"}}]
    ).exports
    assert rule.stored() == {
        "type": "LabelSelector",
        "labelSelector": {
            "namespace": "shop",
            "selector": {"matchLabels": {"app": "web"}},
            "aliases": [{"name": "*", "namespace": "*", "alias": {"namespace": "public"}}],
        },
    }


def test_an_import_rule_is_stored_as_istiod_reads_it():
    mesh = described(imports=[{"name": "cart", "namespace": "shop", "domain_suffix": "partners.example"}, {}])
    assert [rule.stored() for rule in mesh.imports] == [
        {
            "type": "NameSelector",
            "importAsLocal": False,
            "domainSuffix": "partners.example",
            "nameSelector": {"name": "cart", "namespace": "shop"},
        },
        {"type": "NameSelector", "importAsLocal": False, "nameSelector": {"name": "*", "namespace": "*"}},
    ]


def test_a_fixed_service_imported_as_local_needs_no_alias():
    (rule,) = described(imports=[{"name": "cart", "namespace": "shop", "import_as_local": "yes"}]).imports
    assert rule.import_as_local and rule.alias == Alias("cart", "shop")


CART = {"name": "cart", "namespace": "shop"}
EXPORTS_THAT_ARE_REFUSED = {
    "a text": (["cart"], "FED317", "mesh_exports, rule 1", "is not a mapping", "key: value"),
    "an unknown key": (
        [{**CART, "from": []}],
        "FED317",
        "mesh_exports, rule 1",
        "has the unknown key from",
        "Known are",
    ),
    "an unknown peer": (
        [{**CART, "to": ["north"]}],
        "FED302",
        "mesh_exports, rule 1, to",
        "names north, which is not in mesh_peers",
        "Known peers: west",
    ),
    "a peer that is a mapping": (
        [{**CART, "to": [{"name": "west"}]}],
        "FED302",
        "mesh_exports, rule 1, to",
        "not in mesh_peers",
        "Known peers: west",
    ),
    "one peer as text": (
        [{**CART, "to": "west"}],
        "FED317",
        "mesh_exports, rule 1, to",
        "is not a list",
        "Write it as a list",
    ),
    "a pattern": (
        [{"name": "web-*", "namespace": "shop"}],
        "FED317",
        "mesh_exports, rule 1, name",
        "web-* is not a name",
        "not understood by istiod",
    ),
    "a name and labels": (
        [{**CART, "label_selectors": ["a=b"]}],
        "FED317",
        "mesh_exports, rule 1",
        "both a name and label_selectors",
        "one of the two",
    ),
    "a broken selector": (
        [{"label_selectors": ["a in b"]}],
        "FED314",
        "mesh_exports, rule 1, label_selectors",
        "",
        "tier in (a,b)",
    ),
    "everything": (
        [{}],
        "FED315",
        "mesh_exports, rule 1",
        "matches every service, istiod and the gateways included",
        "Name a namespace",
    ),
    "everything, spelled out": (
        [{"name": "*", "namespace": "*"}],
        "FED315",
        "mesh_exports, rule 1",
        "matches every service",
        "Name a namespace",
    ),
    "the control plane": (
        [{"namespace": "east-mesh-system"}],
        "FED315",
        "mesh_exports, rule 1",
        "control plane's namespace",
        "member namespaces",
    ),
    "an alias that is no label": (
        [{**CART, "alias": {"name": "cart.v1"}}],
        "FED316",
        "mesh_exports, rule 1, alias.name",
        "'cart.v1' is not a DNS label",
        "lower-case",
    ),
    "an alias as text": (
        [{**CART, "alias": "basket"}],
        "FED317",
        "mesh_exports, rule 1, alias",
        "is not a mapping",
        "name and namespace",
    ),
    "two rules one name": (
        [CART, {"name": "basket", "namespace": "shop", "alias": {"name": "cart"}}],
        "FED311",
        "mesh_exports, rule 2",
        "and rule 1 both give the exported name cart.shop for west",
        "Give one of them another alias",
    ),
    "one name for many": (
        [{"namespace": "shop", "alias": {"name": "x"}}],
        "FED311",
        "mesh_exports, rule 1",
        "the one name x",
        "Leave alias.name out",
    ),
    "one name for all with a label": (
        [{"label_selectors": ["a=b"], "alias": {"name": "x"}}],
        "FED311",
        "mesh_exports, rule 1",
        "the one name x",
        "alias.name",
    ),
    "a rule twice": (
        [CART, CART],
        "FED312",
        "mesh_exports, rule 2",
        "is never reached for west: rule 1 before it",
        "Put the specific rule first",
    ),
    "the specific rule last": (
        [{"namespace": "shop"}, CART],
        "FED312",
        "mesh_exports, rule 2",
        "rule 1 before it matches everything",
        "specific rule first",
    ),
    "whatever lacks a label": (
        [{"label_selectors": ["!private", "a!=b"]}],
        "FED315",
        "mesh_exports, rule 1",
        "lacks a label, istiod",
        "Name a namespace",
    ),
    "the platform": (
        [{"name": "console", "namespace": "openshift-console"}],
        "FED315",
        "mesh_exports, rule 1",
        "the platform's namespace",
        "member",
    ),
    "the default namespace": (
        [{"namespace": "default"}],
        "FED315",
        "mesh_exports, rule 1",
        "the platform's namespace default",
        "member",
    ),
    "the API server": (
        [{"name": "kubernetes", "namespace": "default"}],
        "FED315",
        "mesh_exports, rule 1",
        "the platform's namespace default",
        "member",
    ),
    "all namespaces into one": (
        [{"name": "cart", "alias": {"namespace": "shop"}}],
        "FED311",
        "mesh_exports, rule 1",
        "every namespace",
        "Name the namespace",
    ),
    "all namespaces into one, by labels": (
        [{"label_selectors": ["a=b"], "alias": {"namespace": "shop"}}],
        "FED311",
        "mesh_exports, rule 1",
        "so one of them can take another's name",
        "Name the namespace",
    ),
    "a namespace into another that is exported": (
        [{"namespace": "shop"}, {"namespace": "evil", "alias": {"namespace": "shop"}}],
        "FED311",
        "mesh_exports, rule 2",
        "and rule 1 give services of different namespaces exported names in the namespace shop for west",
        "another alias.namespace",
    ),
    "a namespace into one that a rule for all of them offers": (
        [{"name": "cart"}, {"namespace": "evil", "alias": {"namespace": "shop"}}],
        "FED311",
        "mesh_exports, rule 2",
        "the namespace shop",
        "another alias.namespace",
    ),
    "labels behind a whole namespace": (
        [{"namespace": "shop"}, {"namespace": "shop", "label_selectors": ["a=b"]}],
        "FED312",
        "mesh_exports, rule 2",
        "",
        "first",
    ),
}
IMPORTS_THAT_ARE_REFUSED = {
    "an unknown key": ([{**CART, "to": []}], "FED317", "mesh_imports, rule 1", "has the unknown key to", "Known are"),
    "an unknown peer": (
        [{"from": ["north"]}],
        "FED302",
        "mesh_imports, rule 1, from",
        "names north, which is not in mesh_peers",
        "Known peers: west",
    ),
    "a wildcard as local": (
        [{"namespace": "shop", "import_as_local": True}],
        "FED313",
        "mesh_imports, rule 1",
        "what a wildcard matches",
        "one rule for each",
    ),
    "a wildcard as local, spelled out": (
        [{"name": "cart", "import_as_local": True, "alias": {"namespace": "*"}}],
        "FED313",
        "mesh_imports, rule 1",
        "so the peer would choose the names of services in this cluster",
        "with its name and namespace",
    ),
    "a wildcard as local into a namespace": (
        [{"namespace": "shop", "import_as_local": True, "alias": {"namespace": "shop"}}],
        "FED313",
        "mesh_imports, rule 1",
        "the peer would choose",
        "one rule for each",
    ),
    "as local into the control plane": (
        [{**CART, "import_as_local": True, "alias": {"namespace": "east-mesh-system"}}],
        "FED323",
        "mesh_imports, rule 1",
        "the namespace east-mesh-system, which is the control plane's own",
        "namespace of an application",
    ),
    "as local into the platform": (
        [{**CART, "namespace": "kube-system", "import_as_local": True}],
        "FED323",
        "mesh_imports, rule 1",
        "the platform's",
        "appl",
    ),
    "all namespaces into one": (
        [{"name": "cart", "alias": {"namespace": "shop"}}],
        "FED311",
        "mesh_imports, rule 1",
        "every namespace",
        "Name the namespace",
    ),
    "two namespaces into one": (
        [{"namespace": "bank", "alias": {"namespace": "shop"}}, {"namespace": "shop"}],
        "FED311",
        "mesh_imports, rule 2",
        "and rule 1 give services of different namespaces imported names in the namespace shop for west",
        "another alias.namespace",
    ),
    "a top-level domain": (
        [{"domain_suffix": "com"}],
        "FED310",
        "mesh_imports, rule 1, domain_suffix",
        "com is a single label",
        "your own domain",
    ),
    "a suffix with a long label": (
        [{"domain_suffix": f"{'a' * 64}.b"}],
        "FED310",
        "mesh_imports, rule 1, domain_suffix",
        "is not a DNS name",
        "labels",
    ),
    "a suffix beside as local": (
        [{**CART, "import_as_local": True, "domain_suffix": "a.b"}],
        "FED310",
        "mesh_imports, rule 1",
        "overrides",
        "out",
    ),
    "a suffix with a dot in front": (
        [{"domain_suffix": ".a.b"}],
        "FED310",
        "mesh_imports, rule 1, domain_suffix",
        ".a.b is not a DNS name",
        "none at the ends",
    ),
    "a suffix with a dot behind": (
        [{"domain_suffix": "a.b."}],
        "FED310",
        "mesh_imports, rule 1, domain_suffix",
        "a.b. is not a DNS name",
        "none at the ends",
    ),
    "a suffix that is a number": (
        [{"domain_suffix": 7}],
        "FED310",
        "mesh_imports, rule 1, domain_suffix",
        "7 is not a DNS name",
        "DNS labels",
    ),
    "an alias that is no label": (
        [{**CART, "alias": {"namespace": "a/b"}}],
        "FED316",
        "mesh_imports, rule 1, alias.namespace",
        "'a/b' is not a DNS label",
        "lower",
    ),
    "two rules one name": (
        [{**CART, "alias": {"name": "basket"}}, {"name": "basket", "namespace": "shop"}],
        "FED311",
        "mesh_imports, rule 2",
        "and rule 1 both give the imported name basket.shop for west",
        "Give one of them another alias",
    ),
    "one name for many": (
        [{"alias": {"name": "x"}}],
        "FED311",
        "mesh_imports, rule 1",
        "gives every service that it matches the one name x",
        "alias.name",
    ),
    "a rule that is never reached": (
        [{}, CART],
        "FED312",
        "mesh_imports, rule 2",
        "is never reached for west",
        "Put the specific rule first",
    ),
    "a maybe": (
        [{**CART, "import_as_local": "perhaps"}],
        "FED317",
        "mesh_imports, rule 1, import_as_local",
        "is 'perhaps'",
        "true or false",
    ),
}


@pytest.mark.parametrize(
    ("rules", "code", "where", "what", "fix"), EXPORTS_THAT_ARE_REFUSED.values(), ids=EXPORTS_THAT_ARE_REFUSED
)
def test_export_rules_that_cannot_work_are_refused(rules, code, where, what, fix):
    error = refusal(exports=rules)
    assert (error.code, error.where) == (code, where)
    assert what in error.what and fix in error.fix


@pytest.mark.parametrize(
    ("rules", "code", "where", "what", "fix"), IMPORTS_THAT_ARE_REFUSED.values(), ids=IMPORTS_THAT_ARE_REFUSED
)
def test_import_rules_that_cannot_work_are_refused(rules, code, where, what, fix):
    error = refusal(imports=rules)
    assert (error.code, error.where) == (code, where)
    assert what in error.what and fix in error.fix


@pytest.mark.parametrize("key", ["name", "namespace"])
def test_a_part_of_an_alias_that_is_there_and_empty_is_refused(key):
    error = refusal(exports=[{**CART, "alias": {key: ""}}])
    assert (error.code, error.where) == ("FED317", f"mesh_exports, rule 1, alias, {key}")


@pytest.mark.parametrize(
    "suffix", ["cluster.local", "svc.cluster.local", "x.cluster.local", "default.svc.cluster.local"]
)
def test_a_suffix_that_shares_names_with_the_cluster_is_refused(suffix):
    with pytest.raises(FederationError, match="FED310"):
        described(imports=[{"domain_suffix": suffix}]).check_suffixes()


def test_a_suffix_above_the_cluster_s_domain_is_refused():
    with pytest.raises(
        FederationError,
        match="FED310 mesh_imports, rule 1: domain_suffix corp.example and the cluster's domain ocp.corp.example share",
    ):
        described(imports=[{"domain_suffix": "corp.example"}]).check_suffixes("ocp.corp.example")
    described(imports=[{"domain_suffix": "p.corp.example"}]).check_suffixes("ocp.corp.example")


def test_a_suffix_under_which_another_peer_is_imported_is_refused():
    error = refusal(
        peers=["west", "north"], imports=[{"namespace": "shop", "domain_suffix": "svc.north-imports.local"}]
    )
    assert (error.code, error.where) == ("FED310", "mesh_imports, rule 1, domain_suffix")
    described(
        ["west", "north"],
        imports=[{"namespace": "shop", "domain_suffix": "svc.north-imports.local", "from": ["north"]}],
    )


def test_a_suffix_of_the_cluster_itself_is_refused():
    with pytest.raises(
        FederationError, match="FED310 mesh_imports, rule 1: domain_suffix svc.cluster.local is the cluster's own"
    ) as raised:
        described(imports=[{"domain_suffix": "svc.cluster.local"}]).check_suffixes()
    assert raised.value.fix == "Use import_as_local: true, or another suffix"
    described(imports=[{"domain_suffix": "svc.cluster.local"}]).check_suffixes("other.domain")
    with pytest.raises(FederationError, match="FED310"):
        described(imports=[{"domain_suffix": "svc.other.domain"}]).check_suffixes("other.domain")


WEB = {"name": "web", "namespace": "shop"}
RULES_THAT_WORK = {
    "the specific rule first": [CART, {"namespace": "shop"}],
    "one namespace each": [{"namespace": "shop"}, {"namespace": "bank"}],
    "names that aliases keep apart": [CART, {"name": "cart", "namespace": "bank", "alias": {"namespace": "money"}}],
    "a renamed service beside the rest of its namespace": [
        {**CART, "alias": {"name": "basket"}},
        {"namespace": "shop"},
    ],
    "one application in the default namespace": [{"name": "web", "namespace": "default"}],
    "two namespaces under a name of our choice": [
        {"namespace": name, "alias": {"namespace": "public"}} for name in ("shop", "bank")
    ],
    "fixed names of two namespaces in one": [
        {**CART, "alias": {"namespace": "all"}},
        {"name": "web", "namespace": "bank", "alias": {"namespace": "all"}},
    ],
    "one name for a service of any namespace": [{"name": "cart", "alias": {"name": "basket"}}],
    "a label before the rest": [{"namespace": "shop", "label_selectors": ["a=b"]}, {"namespace": "shop"}],
    "labels that differ": [{"label_selectors": ["a=b"]}, {"label_selectors": ["a=c"]}],
}


@pytest.mark.parametrize("rules", RULES_THAT_WORK.values(), ids=RULES_THAT_WORK)
def test_rules_that_work_are_taken_in_their_order(rules):
    assert [rule.number for rule in described(exports=rules).exports] == list(range(1, len(rules) + 1))
    if not any("label_selectors" in rule for rule in rules):
        assert len(described(imports=rules).imports) == len(rules)


def test_rules_for_different_peers_do_not_meet():
    described(["west", "north"], exports=[{**CART, "to": ["west"]}, {**CART, "to": ["north"]}])
    with pytest.raises(FederationError, match="FED312 mesh_exports, rule 2: is never reached for north"):
        described(["west", "north"], exports=[CART, {**CART, "to": ["north"]}])


def test_one_service_may_be_imported_as_local_and_under_another_suffix():
    described(imports=[{**WEB, "import_as_local": True}, {**CART, "alias": {"name": "web"}, "domain_suffix": "a.b"}])
