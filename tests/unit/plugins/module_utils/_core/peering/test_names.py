# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import re

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.peering.names import (
    exported_names,
    host_parts,
    imported_names,
    ports_of,
)
from hypothesis import given
from hypothesis import strategies as st

# The name mapping of istiod 2.1 to 2.5 (federation.md section 5.6). The exporter calls its peer east, the importer
# calls its peer west.
#   N[ns/name→ns/name]        NameSelector with an alias; "_" is an omitted field, "*" is literal
#   L[ns; selector; aliases]  LabelSelector
#   N+local, N(suffix s)      importAsLocal, the rule's domainSuffix; "set suffix s" is the set's
#   @ corp.local              the importing cluster's domain, when it is not cluster.local
# Rules stand in list order between " ; ", labels of the service in braces, and "-" is "under no name".
VECTORS = """
 1 | no object | app/web | - | N[_/_] | -
 2 | [] | app/web | - | N[_/_] | -
 3 | N[app/web] | app/web | web.app.svc.east-exports.local | N[_/_] | web.app.svc.west-imports.local
 4 | N[app/web] | app/api | - | N[_/_] | -
 5 | N[app/_] | app/api | api.app.svc.east-exports.local | N[_/_] | api.app.svc.west-imports.local
 6 | N[app/*] | app/api | api.app.svc.east-exports.local | N[_/_] | api.app.svc.west-imports.local
 7 | N[_/web] | shop/web | web.shop.svc.east-exports.local | N[_/_] | web.shop.svc.west-imports.local
 8 | N[*/web] | shop/web | web.shop.svc.east-exports.local | N[_/_] | web.shop.svc.west-imports.local
 9 | N[_/_] | shop/cart | cart.shop.svc.east-exports.local | N[_/_] | cart.shop.svc.west-imports.local
10 | N[*/*] | istio-system/istiod-basic | istiod-basic.istio-system.svc.east-exports.local | N[_/_] | istiod-basic.istio-system.svc.west-imports.local
11 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N[_/_] | site.pub.svc.west-imports.local
12 | N[app/web→pub/_] | app/web | web.pub.svc.east-exports.local | N[_/_] | web.pub.svc.west-imports.local
13 | N[app/web→_/site] | app/web | site.app.svc.east-exports.local | N[_/_] | site.app.svc.west-imports.local
14 | N[app/web→*/site] | app/web | site.app.svc.east-exports.local | N[_/_] | site.app.svc.west-imports.local
15 | N[app/web→*/*] | app/web | web.app.svc.east-exports.local | N[_/_] | web.app.svc.west-imports.local
16 | N[app/*→pub/*] | app/api | api.pub.svc.east-exports.local | N[_/_] | api.pub.svc.west-imports.local
17 | N[app/*→pub/one] | app/api | one.pub.svc.east-exports.local | N[_/_] | one.pub.svc.west-imports.local
18 | N[app/we*] | app/web | - | N[_/_] | -
19 | N[App/web] | app/web | - | N[_/_] | -
20 | N[app/web→pub/a] ; N[app/web→pub/b] | app/web | a.pub.svc.east-exports.local | N[_/_] | a.pub.svc.west-imports.local
21 | N[app/*] ; N[app/web→pub/site] | app/web | web.app.svc.east-exports.local | N[_/_] | web.app.svc.west-imports.local
22 | N[app/web→pub/site] ; N[app/*] | app/api | api.app.svc.east-exports.local | N[_/_] | api.app.svc.west-imports.local
23 | N[*/*] | app/web (itself imported) | - | N[_/_] | -
24 | N[*/*] | app/web (mesh-external) | - | N[_/_] | -
25 | L[app; export=yes] | app/web {export=yes} | web.app.svc.east-exports.local | N[_/_] | web.app.svc.west-imports.local
26 | L[app; export=yes] | app/web | - | N[_/_] | -
27 | L[_; export=yes] | shop/cart {export=yes} | cart.shop.svc.east-exports.local | N[_/_] | cart.shop.svc.west-imports.local
28 | L[app; (no selector)] | app/web | web.app.svc.east-exports.local | N[_/_] | web.app.svc.west-imports.local
29 | L[app; export=yes; */*→pub/_] | app/web {export=yes} | web.pub.svc.east-exports.local | N[_/_] | web.pub.svc.west-imports.local
30 | L[app; export=yes; */web→pub/site, */*→misc/_] | app/web {export=yes} | site.pub.svc.east-exports.local | N[_/_] | site.pub.svc.west-imports.local
31 | L[app; export=yes; */web→pub/site, */*→misc/_] | app/api {export=yes} | api.misc.svc.east-exports.local | N[_/_] | api.misc.svc.west-imports.local
32 | L[app; export=yes; shop/*→pub/_] | app/web {export=yes} | web.app.svc.east-exports.local | N[_/_] | web.app.svc.west-imports.local
33 | L[app; export=yes; */web, */*→pub/_] | app/web {export=yes} | web.app.svc.east-exports.local | N[_/_] | web.app.svc.west-imports.local
34 | L[app; tier NotIn (db)] | app/web | web.app.svc.east-exports.local | N[_/_] | web.app.svc.west-imports.local
35 | L[app; tier Exists] | app/web | - | N[_/_] | -
36 | L[app; tier Matches (x)] ; N[app/web] | app/web | web.app.svc.east-exports.local | N[_/_] | web.app.svc.west-imports.local
37 | type Regex[app/*] ; N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N[_/_] | site.pub.svc.west-imports.local
38 | type NameSelector with only labelSelector set | app/web | - | N[_/_] | -
39 | type LabelSelector with both set (label: app, name: shop/*) | app/web | web.app.svc.east-exports.local | N[_/_] | web.app.svc.west-imports.local
40 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | no object | -
41 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | [] | -
42 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N[pub/site] | site.pub.svc.west-imports.local
43 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N[app/web] | -
44 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N[pub/_] | site.pub.svc.west-imports.local
45 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N[*/site] | site.pub.svc.west-imports.local
46 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N[pub/_→shop/_] | site.shop.svc.west-imports.local
47 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N[pub/site→_/portal] | portal.pub.svc.west-imports.local
48 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N[pub/site→shop/portal] | portal.shop.svc.west-imports.local
49 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | set suffix mesh.example.com ; N[pub/_] | site.pub.mesh.example.com
50 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | set suffix mesh.example ; N(suffix partners.example)[pub/_] | site.pub.partners.example
51 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N+local[pub/_→shop/_] | site.shop.svc.cluster.local
52 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N+local[pub/site→shop/portal] | portal.shop.svc.cluster.local
53 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N+local[pub/_→shop/*] | site.shop.svc.cluster.local
54 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N+local[pub/site] | -
55 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N+local[pub/site→_/portal] | -
56 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N+local[pub/site→*/portal] | -
57 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N+local[pub/site] ; N[pub/_] | site.pub.svc.west-imports.local
58 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N+local(suffix x.example.com)[pub/_→shop/_] | site.shop.svc.cluster.local
59 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N(suffix svc.cluster.local)[pub/_] | -
60 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | set suffix svc.cluster.local ; N[pub/_] | -
61 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | set suffix svc.cluster.local ; N+local[pub/_→shop/_] | site.shop.svc.cluster.local
62 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | type LabelSelector[pub/_] | -
63 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | type NameSelector, nothing else | -
64 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N[pub/_→first/_] ; N[pub/site→second/_] | site.first.svc.west-imports.local
65 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N+local[pub/_→shop/_] @ corp.local | site.shop.svc.corp.local
66 | N[app/web→pub/site] | app/web | site.pub.svc.east-exports.local | N(suffix svc.cluster.local)[pub/_] @ corp.local | site.pub.svc.cluster.local
"""

_RULE = re.compile(r"(?P<kind>type \w+|[NL])(?P<local>\+local)?(?:\(suffix (?P<suffix>[^)]+)\))?\[(?P<body>.*)\]")
_SERVICE = re.compile(r"(?P<namespace>[^/]+)/(?P<name>\S+)(?: \{(?P<labels>.*)\})?(?: \((?P<remark>.*)\))?")
_EXPRESSION = re.compile(r"(?P<key>\S+) (?P<operator>\w+)(?: \((?P<values>.*)\))?")
_MEANT_AS_THEY_STAND = {
    "type NameSelector with only labelSelector set": {"type": "NameSelector", "labelSelector": {"namespace": "app"}},
    "type NameSelector, nothing else": {"type": "NameSelector"},
    "type LabelSelector with both set (label: app, name: shop/*)": {
        "type": "LabelSelector",
        "labelSelector": {"namespace": "app"},
        "nameSelector": {"namespace": "shop", "name": "*"},
    },
}


def slashed(text):
    """``app/_`` -> {"namespace": "app"}"""
    return {field: part for field, part in zip(("namespace", "name"), text.split("/")) if part != "_"}


def renaming(text):
    """``app/web→pub/site`` -> a nameSelector, or an entry of aliases"""
    selected, arrow, alias = text.partition("→")
    return {**slashed(selected), **({"alias": slashed(alias)} if arrow else {})}


def selector(text):
    """``export=yes``, ``tier NotIn (db)`` -> a LabelSelector"""
    if "=" in text:
        return {"matchLabels": dict([text.split("=")])}
    match = _EXPRESSION.fullmatch(text)
    values = {"values": match["values"].split(", ")} if match["values"] else {}
    return {"matchExpressions": [{"key": match["key"], "operator": match["operator"], **values}]}


def rule(text):
    if text in _MEANT_AS_THEY_STAND:
        return _MEANT_AS_THEY_STAND[text]
    match = _RULE.fullmatch(text)
    if match["kind"] == "L":
        namespace, chosen, *aliases = match["body"].split("; ")
        read = slashed(f"{namespace}/_")
        if chosen != "(no selector)":
            read["selector"] = selector(chosen)
        if aliases:
            read["aliases"] = [renaming(entry) for entry in aliases[0].split(", ")]
        return {"type": "LabelSelector", "labelSelector": read}
    read = {
        "type": match["kind"].removeprefix("type ") if match["kind"] != "N" else "NameSelector",
        "nameSelector": renaming(match["body"]),
    }
    if match["local"]:
        read["importAsLocal"] = True
    if match["suffix"]:
        read["domainSuffix"] = match["suffix"]
    return read


def spec(text, field):
    """Return the ``spec`` of a set in the notation above; ``None`` when there is no set."""
    if text == "no object":
        return None
    suffixes = re.findall(r"^set suffix (\S+) ; ", text)
    rules = re.sub(r"^set suffix \S+ ; ", "", text)
    read = {field: [] if rules == "[]" else [rule(each) for each in rules.split(" ; ")]}
    return {**read, "domainSuffix": suffixes[0]} if suffixes else read


def manifests(text):
    """Return the manifests behind a service of the table; what is itself imported has none in the API server."""
    match = _SERVICE.fullmatch(text)
    if match["remark"] == "itself imported":
        return []
    labels = dict([match["labels"].split("=")]) if match["labels"] else {}
    kind = {"type": "ExternalName"} if match["remark"] == "mesh-external" else {}
    return [
        {
            "kind": "Service",
            "metadata": {"name": match["name"], "namespace": match["namespace"], "labels": labels},
            "spec": kind,
        }
    ]


def vectors():
    for line in VECTORS.strip().splitlines():
        number, *cells = (cell.strip() for cell in line.split(" | "))
        yield pytest.param(*cells, id=f"{number}: {cells[0]} {cells[1]} {cells[3]}")


def exported(services, rules, peer="east"):
    return [row["exported"] for row in exported_names(services, rules, peer)]


def service(name, namespace="shop", kind="Service", labels=None, annotations=None, **fields):
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations},
        "spec": fields,
    }


def service_entry(*hosts, **fields):
    return service("entry", kind="ServiceEntry", hosts=list(hosts), **fields)


def host(name, namespace, peer="east"):
    return f"{name}.{namespace}.svc.{peer}-exports.local"


EVERYTHING = spec("N[*/*]", "exportRules")


def test_the_table_is_whole():
    assert len(list(vectors())) == 66


@pytest.mark.parametrize("exports, who, exported_as, imports, imported_as", list(vectors()))
def test_names_are_those_that_istiod_gives(exports, who, exported_as, imports, imported_as):
    rows = exported_names(manifests(who), spec(exports, "exportRules"), "east")
    assert [row["exported"] for row in rows if row["exported"]] == ([] if exported_as == "-" else [exported_as])

    imports, _at, domain = imports.partition(" @ ")
    offered = [row["exported"] for row in rows if row["exported"]]
    domain = domain or "cluster.local"
    rows = imported_names(offered, spec(imports, "importRules"), "west", domain)
    assert [row["imported"] for row in rows if row["imported"]] == ([] if imported_as == "-" else [imported_as])
    assert all(row["local"] == imported_as.endswith(f".svc.{domain}") for row in rows)


# Reasons ----------------------------------------------------------------------------------------------------------

EXPORT_REASONS = [
    ("no object", None, "there is no ExportedServiceSet"),
    ("[]", None, "exportRules is empty"),
    ("N[shop/web]", None, "no rule matches"),
    ("N[shop/cart]", 0, "exportRules[0] (NameSelector shop/cart) comes first"),
    ("N[app/_] ; N[_/cart→pub/_]", 1, "exportRules[1] (NameSelector */cart as pub/*) comes first"),
    ("L[shop; (no selector)]", 0, "exportRules[0] (LabelSelector in shop) comes first"),
    (
        "type Regex[shop/cart]",
        None,
        "no rule matches; exportRules[0] is skipped: its type is 'Regex', not NameSelector or LabelSelector",
    ),
    (
        "N[shop/*] ; N[shop/cart→pub/site]",
        0,
        (
            "exportRules[0] (NameSelector shop/*) comes first; exportRules[1] (NameSelector shop/cart as pub/site)"
            " would name it otherwise, but comes later"
        ),
    ),
    ("N[shop/*] ; N[shop/cart]", 0, "exportRules[0] (NameSelector shop/*) comes first"),
    (
        "L[shop; tier Matches (x)] ; N[shop/cart]",
        1,
        (
            "exportRules[1] (NameSelector shop/cart) comes first; "
            "exportRules[0] is skipped: 'Matches' is not one of the operators In, NotIn, Exists, DoesNotExist"
        ),
    ),
    (
        "N[shop/cart→my_ns/_]",
        0,
        (
            "exportRules[0] (NameSelector shop/cart as my_ns/*) comes first; but its alias.namespace 'my_ns' is not a "
            "DNS label, so nothing is exported"
        ),
    ),
]


@pytest.mark.parametrize(
    "rules, index, reason", EXPORT_REASONS, ids=[rules for rules, _index, _reason in EXPORT_REASONS]
)
def test_an_export_row_tells_which_rule_decided_and_why(rules, index, reason):
    (row,) = exported_names([service("cart")], spec(rules, "exportRules"), "east")
    assert (row["rule"], row["reason"]) == (index, reason)


IMPORT_REASONS = [
    ("no object", None, "there is no ImportedServiceSet"),
    ("[]", None, "importRules is empty"),
    ("N[pub/site]", 0, "importRules[0] (NameSelector pub/site) comes first"),
    (
        "N+local[pub/site]",
        None,
        "no rule matches; importRules[0] is skipped: importAsLocal needs a fixed alias.namespace",
    ),
    ("N+local[app/web]", None, "no rule matches"),
    (
        "N(suffix svc.cluster.local)[pub/_] ; N[_/_]",
        1,
        (
            "importRules[1] (NameSelector */*) comes first; "
            "importRules[0] is skipped: domainSuffix svc.cluster.local is the cluster's own; use importAsLocal instead"
        ),
    ),
    (
        "N(suffix my_mesh.example)[pub/_]",
        0,
        (
            "importRules[0] (NameSelector pub/*) comes first; but 'site.pub.my_mesh.example' is not a valid DNS name,"
            " so nothing is imported"
        ),
    ),
]


@pytest.mark.parametrize(
    "rules, index, reason", IMPORT_REASONS, ids=[rules for rules, _index, _reason in IMPORT_REASONS]
)
def test_an_import_row_tells_which_rule_decided_and_why(rules, index, reason):
    (row,) = imported_names([host("site", "pub")], spec(rules, "importRules"), "west")
    assert (row["rule"], row["reason"]) == (index, reason)


# Candidates -------------------------------------------------------------------------------------------------------


def test_a_service_entry_inside_the_mesh_gives_one_row_per_host():
    rows = exported_names([service_entry("db.example", "cache.example", location="MESH_INTERNAL")], EVERYTHING, "east")
    assert [(row["name"], row["namespace"], row["exported"]) for row in rows] == [
        ("db.example", "shop", "db.example.shop.svc.east-exports.local"),
        ("cache.example", "shop", "cache.example.shop.svc.east-exports.local"),
    ]


@pytest.mark.parametrize(
    "manifest, reason",
    [
        (service_entry("db.example", location="MESH_EXTERNAL"), "has location MESH_EXTERNAL"),
        (service_entry("db.example"), "has no location, which means MESH_EXTERNAL"),
        (service_entry(location="MESH_INTERNAL"), "has no hosts"),
        (service("shop-db", type="ExternalName"), "ExternalName Service lies outside the mesh"),
        (service("cart", namespace=None), "has no namespace"),
        (service("cart", kind="Deployment"), "it is a Deployment"),
    ],
)
def test_what_is_no_service_of_the_mesh_is_not_exported(manifest, reason):
    (row,) = exported_names([manifest], EVERYTHING, "east")
    assert (row["exported"], row["rule"]) == (None, None)
    assert reason in row["reason"]


def test_items_of_an_api_list_carry_no_kind():
    entry = service_entry("db.example", location="MESH_INTERNAL")
    assert exported([{**service("cart"), "kind": None}, {**entry, "kind": None}], EVERYTHING) == [
        host("cart", "shop"),
        host("db.example", "shop"),
    ]


@pytest.mark.parametrize(
    "value, is_mentioned", [(".", True), ("shop,app", True), ("*", False), ("shop, *", False), ("", False)]
)
def test_the_export_to_annotation_is_a_hint_and_takes_no_name_away(value, is_mentioned):
    (row,) = exported_names([service("cart", annotations={"networking.istio.io/exportTo": value})], EVERYTHING, "east")
    assert row["exported"] == host("cart", "shop")
    assert ("networking.istio.io/exportTo" in row["reason"]) == is_mentioned


# Collisions -------------------------------------------------------------------------------------------------------


def test_two_services_under_one_exported_name_are_told_of_each_other():
    rows = exported_names(
        [service("cart"), service("web"), service("api", "app")],
        spec("N[shop/*→pub/one] ; N[_/_]", "exportRules"),
        "east",
    )
    assert [row["exported"] for row in rows] == [host("one", "pub"), host("one", "pub"), host("api", "app")]
    assert ["shop/cart and shop/web get one name" in row["reason"] for row in rows] == [True, True, False]


def test_a_manifest_given_twice_does_not_collide_with_itself():
    rows = exported_names([service("cart"), service("cart")], EVERYTHING, "east")
    assert not any("get one name" in row["reason"] for row in rows)


def test_many_services_under_one_name_are_counted():
    rows = exported_names(
        [service(f"s{number}") for number in range(9)], spec("N[shop/*→pub/one]", "exportRules"), "east"
    )
    assert "shop/s0, shop/s1, shop/s2 and 6 more get one name" in rows[0]["reason"]


def test_two_hosts_under_one_imported_name_are_told_of_each_other():
    rows = imported_names([host("cart", "shop"), host("web", "shop")], spec("N[shop/*→_/one]", "importRules"), "west")
    assert {row["imported"] for row in rows} == {"one.shop.svc.west-imports.local"}
    assert all(f"{host('cart', 'shop')} and {host('web', 'shop')} get one name" in row["reason"] for row in rows)


# Imported hosts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, parts",
    [
        ("cart.shop.svc.east-exports.local", ("cart", "shop")),
        ("db.example.com.shop.svc.east-exports.local", ("db.example.com", "shop")),
        ("svc.svc.svc.svc-exports.local", ("svc", "svc")),
        ("cart.shop.svc.cluster.local", None),
        ("shop.svc.east-exports.local", None),
        ("cart.shop.svc.east-exports.local.", None),
        ("", None),
        (None, None),
    ],
)
def test_host_parts_gives_name_and_namespace_of_an_exported_host(text, parts):
    assert host_parts(text) == parts


def test_a_host_that_nobody_exports_so_is_not_imported():
    (row,) = imported_names(["cart.shop.svc.cluster.local"], spec("N[_/_]", "importRules"), "west")
    assert (row["imported"], row["rule"], row["local"]) == (None, None, False)
    assert "not an exported host name" in row["reason"]


@pytest.mark.parametrize(
    "suffix, is_imported",
    [("mesh.example", True), ("mesh.example.", True), (".mesh.example", False), ("mesh..example", False)],
)
def test_a_suffix_is_taken_as_it_stands_and_must_give_a_dns_name(suffix, is_imported):
    (row,) = imported_names([host("cart", "shop")], spec(f"N(suffix {suffix})[_/_]", "importRules"), "west")
    assert row["imported"] == (f"cart.shop.{suffix}" if is_imported else None)


# Ports ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "port, protocol",
    [
        ({"name": "http"}, "HTTP"),
        ({"name": "http2-api"}, "HTTP2"),
        ({"name": "HTTPS-web"}, "HTTPS"),
        ({"name": "grpc"}, "GRPC"),
        ({"name": "grpc-web-ui"}, "GRPC-Web"),
        ({"name": "mongo-db"}, "Mongo"),
        ({"name": "tls"}, "TLS"),
        ({"name": "web"}, "TCP"),
        ({"name": "httpx"}, "TCP"),
        ({}, "TCP"),
        ({"name": "web", "appProtocol": "http"}, "HTTP"),
        ({"name": "http", "appProtocol": "tcp"}, "TCP"),
        ({"name": "web", "appProtocol": "kubernetes.io/h2c"}, "HTTP2"),
        ({"name": "http-dns", "protocol": "UDP"}, "UDP"),
    ],
)
def test_the_protocol_of_a_services_port_is_what_istio_calls_it(port, protocol):
    assert ports_of(service("cart", ports=[{"port": 80, **port}])) == [
        {"name": port.get("name", ""), "number": 80, "protocol": protocol}
    ]


def test_a_service_entry_names_its_protocols_itself():
    entry = service_entry(
        "db.example",
        ports=[{"number": 27017, "name": "db", "protocol": "MONGO"}, {"number": 53, "name": "http", "protocol": "odd"}],
    )
    assert [port["protocol"] for port in ports_of(entry)] == ["Mongo", "TCP"]


@pytest.mark.parametrize("ports", [None, [], "80", [None], [{"port": "80"}], [{"port": True}]])
def test_a_service_without_readable_ports_has_none(ports):
    assert ports_of(service("cart", ports=ports)) == []


# Sets that someone else wrote -------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 99)
    | st.sampled_from(["", "*", "shop", "cart", "NameSelector", "LabelSelector", "In"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "namespace", "alias", "spec", "key"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def loosely(**fields):
    """Any mix of the fields, each as meant or as anything else."""
    return st.fixed_dictionaries({}, optional={name: JSON | meant for name, meant in fields.items()})


NAMES = st.sampled_from(["", "*", "shop", "cart", "we*", "my_ns"])
LOOSE_NAMES = loosely(namespace=NAMES, name=NAMES, alias=loosely(namespace=NAMES, name=NAMES))
LOOSE_SELECTOR = loosely(
    matchLabels=st.dictionaries(NAMES, NAMES, max_size=2),
    matchExpressions=st.lists(
        loosely(key=NAMES, operator=st.sampled_from(["In", "NotIn", "Exists"]), values=st.lists(NAMES)), max_size=2
    ),
)
LOOSE_RULE = loosely(
    type=st.sampled_from(["NameSelector", "LabelSelector"]),
    nameSelector=LOOSE_NAMES,
    labelSelector=loosely(namespace=NAMES, selector=LOOSE_SELECTOR, aliases=st.lists(LOOSE_NAMES, max_size=2)),
    importAsLocal=st.booleans(),
    domainSuffix=NAMES,
)
LOOSE_SPEC = JSON | loosely(
    exportRules=st.lists(LOOSE_RULE, max_size=4), importRules=st.lists(LOOSE_RULE, max_size=4), domainSuffix=NAMES
)
LOOSE_SERVICE = loosely(
    kind=st.sampled_from(["Service", "ServiceEntry"]),
    metadata=loosely(name=NAMES, namespace=NAMES, labels=st.dictionaries(NAMES, NAMES), annotations=JSON),
    spec=loosely(type=JSON, hosts=st.lists(NAMES), location=st.just("MESH_INTERNAL"), ports=st.lists(JSON)),
)


@given(st.lists(LOOSE_SERVICE, max_size=4), LOOSE_SPEC)
def test_any_set_and_any_manifest_get_rows_that_json_can_carry(services, any_spec):
    rows = exported_names(services, any_spec, "east")
    assert json.loads(json.dumps(rows)) == rows
    for row in rows:
        assert set(row) == {"name", "namespace", "exported", "rule", "reason"}
        assert row["reason"]
        assert row["exported"] is None or row["rule"] is not None

    rows = imported_names([row["exported"] or "" for row in rows], any_spec, "west")
    assert json.loads(json.dumps(rows)) == rows
    for row in rows:
        assert set(row) == {"host", "imported", "rule", "local", "reason"}
        assert row["reason"]
        assert row["imported"] is None or row["rule"] is not None
        assert row["imported"] or not row["local"]

    for manifest in services:
        assert all(set(port) == {"name", "number", "protocol"} for port in ports_of(manifest))


@given(st.lists(LOOSE_RULE, max_size=4), st.integers(0, 4))
def test_a_rule_that_is_skipped_may_as_well_be_absent(rules, place):
    services, hosts = [service("cart", labels={"shop": "cart"})], [host("cart", "shop")]
    unknown = [*rules[:place], {"type": "Regex", "nameSelector": {}}, *rules[place:]]
    assert exported(services, {"exportRules": unknown}) == exported(services, {"exportRules": rules})
    with_it, without = (
        imported_names(hosts, {"importRules": each}, "west")[0]["imported"] for each in (unknown, rules)
    )
    assert with_it == without


@given(st.lists(LOOSE_RULE, max_size=3), st.lists(LOOSE_RULE, max_size=3))
def test_rules_behind_the_one_that_decides_change_no_name(first, then):
    (row,) = exported_names([service("cart")], {"exportRules": first}, "east")
    if row["rule"] is not None:
        (longer,) = exported_names([service("cart")], {"exportRules": first + then}, "east")
        assert (longer["exported"], longer["rule"]) == (row["exported"], row["rule"])


@given(st.lists(st.tuples(NAMES, NAMES), unique=True, max_size=5), LOOSE_SPEC)
def test_the_name_of_a_service_does_not_depend_on_the_services_beside_it(places, any_spec):
    services = [service(name, namespace) for name, namespace in places]
    alone = [exported([each], any_spec)[0] for each in services]
    assert exported(services, any_spec) == alone


PLAIN = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


@given(PLAIN, PLAIN, PLAIN)
def test_host_parts_undoes_an_export(name, namespace, peer):
    (exported_as,) = exported([service(name, namespace)], EVERYTHING, peer)
    assert host_parts(exported_as) == (name, namespace)
