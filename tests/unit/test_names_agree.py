# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection's predicted names and the test mesh's, written apart from one text, must be the same.

Only what a set can hold in an API server is generated: every field of its type. Left out is what the reference does
not decide: alias parts and suffixes in upper case.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from ansible_collections.ossm.federation.plugins.module_utils._core.peering.names import (
    exported_names,
    host_parts,
    imported_names,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.selectors import is_selected
from hypothesis import event, given, settings
from hypothesis import strategies as st

NAMING = Path(__file__).resolve().parents[1] / "testbed" / "naming.py"


def the_test_meshs_naming():
    """Load only the naming of the testbed, whose package would bring its API servers along."""
    found = importlib.util.spec_from_file_location("naming_of_the_test_mesh", NAMING)
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


naming = the_test_meshs_naming()

NAMESPACES, SERVICES = st.sampled_from(["shop", "app", "svc"]), st.sampled_from(["cart", "web", "svc"])
ANY = [None, "", "*"]
LABELS = st.dictionaries(
    st.sampled_from(["app", "tier", "example.com/env"]), st.sampled_from(["web", "db", ""]), max_size=3
)


def often(usual, rare):
    """``usual`` three times of four, so that many rules match; ``rare`` is what people get wrong."""
    return st.integers(0, 3).flatmap(lambda dice: usual if dice else rare)


def fields(**strategies):
    """A mapping with some of the fields; one in four is null."""
    return st.fixed_dictionaries(
        {}, optional={name: often(strategy, st.none()) for name, strategy in strategies.items()}
    )


ALIAS_PARTS = often(st.sampled_from([*ANY, "pub", "site", "9"]), st.sampled_from(["my_ns", "a.b", "-x", "x" * 64]))
SUFFIXES = often(
    st.sampled_from([None, "", "mesh.example", "mesh.example."]),
    st.sampled_from(["svc.cluster.local", "svc.corp.local", ".mesh", "a..b", "x." * 120 + "y"]),
)
NAME_SELECTORS = fields(
    namespace=often(st.sampled_from([*ANY, "shop", "app"]), st.sampled_from(["sho*", "Shop"])),
    name=often(st.sampled_from([*ANY, "cart", "web"]), st.sampled_from(["c*", "Cart"])),
    alias=fields(namespace=ALIAS_PARTS, name=ALIAS_PARTS),
)
EXPRESSIONS = often(
    st.tuples(
        st.sampled_from(["app", "tier", "example.com/env"]), st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"])
    ).map(
        lambda drawn: {
            "key": drawn[0],
            "operator": drawn[1],
            **({"values": ["web", ""]} if drawn[1].endswith("In") else {}),
        }
    ),
    st.fixed_dictionaries(
        {"key": st.sampled_from(["app", "", "a/b/c", "Example.com/x", "-x"])},
        optional={
            "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Matches", "in", ""]),
            "values": st.none() | st.lists(st.sampled_from(["web", "db", "", "not a value"]), max_size=2),
        },
    ),
)
SELECTORS = fields(
    matchLabels=often(
        st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["web", "db", ""]), max_size=1),
        st.dictionaries(st.sampled_from(["app", "-x"]), st.sampled_from(["web", "not a value"]), max_size=2),
    ),
    matchExpressions=st.lists(EXPRESSIONS, max_size=2),
)
LABEL_SELECTORS = fields(
    namespace=st.sampled_from([*ANY, "shop", "app"]), selector=SELECTORS, aliases=st.lists(NAME_SELECTORS, max_size=2)
)
MISMATCHED = st.fixed_dictionaries(
    {"type": st.sampled_from(["NameSelector", "LabelSelector", "Regex", ""])},
    optional={
        "nameSelector": st.none() | NAME_SELECTORS,
        "labelSelector": st.none() | LABEL_SELECTORS,
        "importAsLocal": st.none() | st.booleans(),
    },
)
EXPORT_RULES = often(
    st.builds(lambda selector: {"type": "NameSelector", "nameSelector": selector}, NAME_SELECTORS)
    | st.builds(lambda selector: {"type": "LabelSelector", "labelSelector": selector}, LABEL_SELECTORS),
    MISMATCHED,
)
IMPORT_RULES = often(
    st.fixed_dictionaries(
        {"type": st.just("NameSelector"), "nameSelector": NAME_SELECTORS},
        optional={"importAsLocal": st.none() | st.booleans(), "domainSuffix": SUFFIXES},
    ),
    MISMATCHED,
)


def sets(field, rules):
    some = st.fixed_dictionaries({field: st.lists(rules, min_size=1, max_size=4)}, optional={"domainSuffix": SUFFIXES})
    return often(some, st.none() | fields(**{field: st.just([])}))


EXPORTED_SETS, IMPORTED_SETS = sets("exportRules", EXPORT_RULES), sets("importRules", IMPORT_RULES)
OUTSIDE = st.sampled_from([False, False, False, True])


def manifest(name, namespace, labels, is_outside):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"type": "ExternalName", "externalName": "example.com"} if is_outside else {"ports": [{"port": 80}]},
    }


def the_mesh_exports(spec, name, namespace, labels, is_outside):
    """Return what the test mesh exports a service as: its matcher, then its refusal of aliases that are no
    DNS labels.
    """
    candidate = naming.Candidate(namespace, name, labels, is_mesh_external=is_outside)
    mapped = naming.exported_as((spec or {}).get("exportRules"), candidate, "east")
    if mapped is None or not (naming.is_dns_label(mapped.namespace) and naming.is_dns_label(mapped.name)):
        return None
    return mapped.hostname


def the_mesh_imports(spec, name, namespace, domain):
    """Return what the test mesh imports a service as: its matcher, then its refusal of names that are no host names."""
    mapped = naming.imported_as(spec, namespace, name, "west", domain)
    return mapped.hostname if mapped and naming.is_hostname(mapped.hostname) else None


@settings(max_examples=4 * settings.default.max_examples, deadline=None)
@given(EXPORTED_SETS, SERVICES, NAMESPACES, LABELS, OUTSIDE)
def test_both_export_a_service_under_one_name(spec, name, namespace, labels, is_outside):
    (row,) = exported_names([manifest(name, namespace, labels, is_outside)], spec, "east")
    event("exported" if row["exported"] else "not exported")
    assert row["exported"] == the_mesh_exports(spec, name, namespace, labels, is_outside)


@settings(max_examples=4 * settings.default.max_examples, deadline=None)
@given(IMPORTED_SETS, SERVICES, NAMESPACES, st.sampled_from(["cluster.local", "corp.local"]))
def test_both_import_a_host_under_one_name(spec, name, namespace, domain):
    host = f"{name}.{namespace}.svc.east-exports.local"
    assert host_parts(host) == (name, namespace)
    (row,) = imported_names([host], spec, "west", domain)
    event("imported" if row["imported"] else "not imported")
    assert row["imported"] == the_mesh_imports(spec, name, namespace, domain)


@settings(max_examples=2 * settings.default.max_examples, deadline=None)
@given(EXPORTED_SETS, IMPORTED_SETS, st.lists(st.tuples(SERVICES, NAMESPACES, LABELS), max_size=4))
def test_both_take_services_from_one_mesh_to_the_other_alike(exports, imports, services):
    offered = [
        row["exported"]
        for row in exported_names([manifest(*each, False) for each in services], exports, "east")
        if row["exported"]
    ]
    assert offered == [host for host in (the_mesh_exports(exports, *each, False) for each in services) if host]

    imported = [row["imported"] for row in imported_names(offered, imports, "west")]
    assert imported == [the_mesh_imports(imports, *host_parts(host), "cluster.local") for host in offered]


@settings(max_examples=4 * settings.default.max_examples, deadline=None)
@given(st.none() | SELECTORS, LABELS)
def test_both_select_the_same_labels(selector, labels):
    assert is_selected(selector, labels) == naming.selector_matches(selector, labels)
