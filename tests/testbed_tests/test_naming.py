"""The 66 worked vectors of the federation reference, and what they do not show.

Rows read: number | rules | service | name. ``N[ns/name -> ans/aname]`` is a NameSelector with an alias,
``L[ns; selector; entries]`` a LabelSelector with its list of aliases, ``_`` a field left out, ``-`` no name.
"""

from __future__ import annotations

import re

import pytest

from testbed.naming import Candidate, exported_as, imported_as, is_dns_label, is_hostname, selector_matches

# The exporter's peer is called east; each name gets the suffix .svc.east-exports.local, and imported by one rule
# that takes everything from a peer called west it is <the same>.svc.west-imports.local.
EXPORTS = """
 1 | no object                                            | app/web                   | -
 2 | none                                                 | app/web                   | -
 3 | N[app/web]                                           | app/web                   | web.app
 4 | N[app/web]                                           | app/api                   | -
 5 | N[app/_]                                             | app/api                   | api.app
 6 | N[app/*]                                             | app/api                   | api.app
 7 | N[_/web]                                             | shop/web                  | web.shop
 8 | N[*/web]                                             | shop/web                  | web.shop
 9 | N[_/_]                                               | shop/cart                 | cart.shop
10 | N[*/*]                                               | istio-system/istiod-basic | istiod-basic.istio-system
11 | N[app/web -> pub/site]                               | app/web                   | site.pub
12 | N[app/web -> pub/_]                                  | app/web                   | web.pub
13 | N[app/web -> _/site]                                 | app/web                   | site.app
14 | N[app/web -> */site]                                 | app/web                   | site.app
15 | N[app/web -> */*]                                    | app/web                   | web.app
16 | N[app/* -> pub/*]                                    | app/api                   | api.pub
17 | N[app/* -> pub/one]                                  | app/api                   | one.pub
18 | N[app/we*]                                           | app/web                   | -
19 | N[App/web]                                           | app/web                   | -
20 | N[app/web -> pub/a]; N[app/web -> pub/b]             | app/web                   | a.pub
21 | N[app/*]; N[app/web -> pub/site]                     | app/web                   | web.app
22 | N[app/web -> pub/site]; N[app/*]                     | app/api                   | api.app
23 | N[*/*]                                               | app/web imported          | -
24 | N[*/*]                                               | app/web external          | -
25 | L[app; export=yes]                                   | app/web {export=yes}      | web.app
26 | L[app; export=yes]                                   | app/web                   | -
27 | L[_; export=yes]                                     | shop/cart {export=yes}    | cart.shop
28 | L[app; (no selector)]                                | app/web                   | web.app
29 | L[app; export=yes; */* -> pub/_]                     | app/web {export=yes}      | web.pub
30 | L[app; export=yes; */web -> pub/site, */* -> misc/_] | app/web {export=yes}      | site.pub
31 | L[app; export=yes; */web -> pub/site, */* -> misc/_] | app/api {export=yes}      | api.misc
32 | L[app; export=yes; shop/* -> pub/_]                  | app/web {export=yes}      | web.app
33 | L[app; export=yes; */web, */* -> pub/_]              | app/web {export=yes}      | web.app
34 | L[app; tier NotIn (db)]                              | app/web                   | web.app
35 | L[app; tier Exists]                                  | app/web                   | -
36 | L[app; tier Matches (x)]; N[app/web]                 | app/web                   | web.app
37 | Regex[app/*]; N[app/web -> pub/site]                 | app/web                   | site.pub
38 | N{L[app]}                                            | app/web                   | -
39 | L[app]+N[shop/*]                                     | app/web                   | web.app
"""

# What is offered is app/web, exported as pub/site; the importer's peer is called west.
IMPORTS = """
40 | cluster.local | no object                                                      | -
41 | cluster.local | none                                                           | -
42 | cluster.local | N[pub/site]                                                    | site.pub.svc.west-imports.local
43 | cluster.local | N[app/web]                                                     | -
44 | cluster.local | N[pub/_]                                                       | site.pub.svc.west-imports.local
45 | cluster.local | N[*/site]                                                      | site.pub.svc.west-imports.local
46 | cluster.local | N[pub/_ -> shop/_]                                             | site.shop.svc.west-imports.local
47 | cluster.local | N[pub/site -> _/portal]                                        | portal.pub.svc.west-imports.local
48 | cluster.local | N[pub/site -> shop/portal]                                     | portal.shop.svc.west-imports.local
49 | cluster.local | suffix mesh.example.com; N[pub/_]                              | site.pub.mesh.example.com
50 | cluster.local | suffix mesh.example.com; N(suffix partners.example.com)[pub/_] | site.pub.partners.example.com
51 | cluster.local | N+local[pub/_ -> shop/_]                                       | site.shop.svc.cluster.local
52 | cluster.local | N+local[pub/site -> shop/portal]                               | portal.shop.svc.cluster.local
53 | cluster.local | N+local[pub/_ -> shop/*]                                       | site.shop.svc.cluster.local
54 | cluster.local | N+local[pub/site]                                              | -
55 | cluster.local | N+local[pub/site -> _/portal]                                  | -
56 | cluster.local | N+local[pub/site -> */portal]                                  | -
57 | cluster.local | N+local[pub/site]; N[pub/_]                                    | site.pub.svc.west-imports.local
58 | cluster.local | N+local(suffix x.example.com)[pub/_ -> shop/_]                 | site.shop.svc.cluster.local
59 | cluster.local | N(suffix svc.cluster.local)[pub/_]                             | -
60 | cluster.local | suffix svc.cluster.local; N[pub/_]                             | -
61 | cluster.local | suffix svc.cluster.local; N+local[pub/_ -> shop/_]             | site.shop.svc.cluster.local
62 | cluster.local | L-typed[pub/_]                                                 | -
63 | cluster.local | N{}                                                            | -
64 | cluster.local | N[pub/_ -> first/_]; N[pub/site -> second/_]                   | site.first.svc.west-imports.local
65 | corp.local    | N+local[pub/_ -> shop/_]                                       | site.shop.svc.corp.local
66 | corp.local    | N(suffix svc.cluster.local)[pub/_]                             | site.pub.svc.cluster.local
"""


def rows(table: str) -> list:
    cells = [[cell.strip() for cell in line.split(" | ")] for line in table.strip().splitlines()]
    return [pytest.param(*row[1:], id=row[0]) for row in cells]


def parts(text: str) -> dict:
    """Return {namespace, name} of ``ns/name``, without what is left out."""
    namespace, name = text.strip().split("/")
    return {key: value for key, value in (("namespace", namespace), ("name", name)) if value != "_"}


def name_selector(text: str) -> dict:
    pattern, arrow, alias = text.partition(" -> ")
    return {**parts(pattern), **({"alias": parts(alias)} if arrow else {})}


def label_selector(text: str) -> dict:
    namespace, _semicolon, rest = text.partition("; ")
    selector, _semicolon, entries = rest.partition("; ")
    chosen: dict = {} if namespace == "_" else {"namespace": namespace}
    expression = re.fullmatch(r"(\w+) (\w+)(?: \((\w+)\))?", selector)
    if "=" in selector:
        chosen["selector"] = {"matchLabels": dict([selector.split("=")])}
    elif expression:
        key, operator, value = expression.groups()
        chosen["selector"] = {
            "matchExpressions": [{"key": key, "operator": operator, "values": [value] if value else []}]
        }
    if entries:
        chosen["aliases"] = [name_selector(entry) for entry in entries.split(", ")]
    return chosen


def rule(text: str) -> dict:
    """Return one rule of the notation above as the API server stores it."""
    if text == "N{}":
        return {"type": "NameSelector"}
    if text == "N{L[app]}":
        return {"type": "NameSelector", "labelSelector": {"namespace": "app"}}
    if text == "L[app]+N[shop/*]":
        return {"type": "LabelSelector", "labelSelector": {"namespace": "app"}, "nameSelector": parts("shop/*")}
    kind, local, suffix, inner = re.fullmatch(r"([\w-]+?)(\+local)?(?:\(suffix (\S+)\))?\[(.*)\]", text).groups()
    if kind == "L":
        return {"type": "LabelSelector", "labelSelector": label_selector(inner)}
    made: dict = {
        "type": {"N": "NameSelector", "L-typed": "LabelSelector"}.get(kind, kind),
        "nameSelector": name_selector(inner),
    }
    if local:
        made["importAsLocal"] = True
    if suffix:
        made["domainSuffix"] = suffix
    return made


def rules(text: str) -> list[dict] | None:
    """Return a rule list: None for no object, else the rules between semicolons that stand outside brackets."""
    if text == "no object":
        return None
    return [] if text == "none" else [rule(each) for each in re.split(r"; (?![^\[]*\])", text)]


@pytest.mark.parametrize(("export_rules", "service", "name"), rows(EXPORTS))
def test_a_service_is_exported_under_the_name_of_the_first_rule_that_takes_it(export_rules, service, name):
    where, *marks = service.split()
    labels = dict(mark.strip("{}").split("=") for mark in marks if "=" in mark)
    candidate = Candidate(
        **parts(where), labels=labels, is_imported="imported" in marks, is_mesh_external="external" in marks
    )

    exported = exported_as(rules(export_rules), candidate, peer="east")

    assert (exported.hostname if exported else "-") == (name if name == "-" else f"{name}.svc.east-exports.local")
    if exported:
        imported = imported_as(
            {"importRules": [rule("N[_/_]")]}, exported.namespace, exported.name, "west", "cluster.local"
        )
        assert imported.hostname == f"{name}.svc.west-imports.local"


@pytest.mark.parametrize(("cluster_domain", "import_rules", "hostname"), rows(IMPORTS))
def test_an_offered_service_is_imported_under_the_name_of_the_first_rule_that_takes_it(
    cluster_domain, import_rules, hostname
):
    suffix = re.match(r"suffix (\S+); ", import_rules)
    spec: dict | None = {"importRules": rules(import_rules[suffix.end() :] if suffix else import_rules)}
    if suffix:
        spec["domainSuffix"] = suffix[1]
    if spec["importRules"] is None:
        spec = None

    imported = imported_as(spec, "pub", "site", "west", cluster_domain)

    assert (imported.hostname if imported else "-") == hostname


def test_the_tables_hold_all_66_vectors():
    assert [row.id for row in rows(EXPORTS) + rows(IMPORTS)] == [str(number) for number in range(1, 67)]


@pytest.mark.parametrize(
    "selector",
    [
        pytest.param({"matchExpressions": [{"key": "tier", "operator": "In", "values": []}]}, id="in-without-values"),
        pytest.param(
            {"matchExpressions": [{"key": "tier", "operator": "Exists", "values": ["x"]}]}, id="exists-with-values"
        ),
        pytest.param({"matchExpressions": [{"key": "tier", "operator": "exists"}]}, id="wrong-case"),
        pytest.param({"matchLabels": {"-tier": "db"}}, id="bad-key"),
        pytest.param({"matchLabels": {"tier": "a b"}}, id="bad-value"),
        pytest.param({"matchLabels": {"Example.com/tier": "db"}}, id="bad-prefix"),
    ],
)
def test_a_selector_that_kubernetes_would_refuse_selects_nothing(selector):
    assert selector_matches(selector, {"tier": "db"}) is None


def test_an_absent_and_an_empty_selector_select_everything():
    assert selector_matches(None, {}) and selector_matches({}, {"tier": "db"})


def test_an_alias_must_be_one_dns_label_and_a_host_may_end_in_a_dot():
    assert is_dns_label("web-1") and not is_dns_label("Web") and not is_dns_label("a.b") and not is_dns_label("")
    assert (
        is_hostname("web.app.example.com.") and not is_hostname("web..example.com") and not is_hostname(".example.com")
    )
