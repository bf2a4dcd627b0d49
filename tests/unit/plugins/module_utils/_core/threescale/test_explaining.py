# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What 3scale's adapter does with requests, case by case."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.threescale.described import read_threescale
from ansible_collections.ossm.federation.plugins.module_utils._core.threescale.explaining import (
    FIRST,
    LATER,
    explain,
    read_tests,
    request_of,
    verdict_of,
)

from .adapters import RULES, SERVICE, changed

KEY = {"headers": {"X-User-Key": "k1"}}
BASIC = base64.b64encode(b"aladdin:opensesame").decode()
FROM_BASIC = [
    {"split": {"separator": " ", "max": 2}},
    {"length": {"min": 2}},
    "reverse",
    {"glob": ["Basic"]},
    {"drop": {"tail": 1}},
    "base64_urlsafe",
    {"split": {"max": 2}},
    {
        "test": {
            "if": {"length": {"min": 2}},
            "then": [{"strlen": {"max": 63}}, {"or": [{"strlen": {"min": 1}}, {"drop": {"tail": 1}}]}],
        }
    },
    {"assert": [{"and": ["reverse", {"or": [{"strlen": {"min": 8}}, {"glob": ["aladdin", "admin"]}]}]}]},
]
BY_BASIC = {
    "app_id": [{"header": {"keys": ["authorization"], "ops": FROM_BASIC}}],
    "app_key": [{"header": {"keys": ["x-app-key"]}}],
}
BY_TOKEN = {
    "app_id": [
        {
            "filter": {
                "path": ["envoy.filters.http.jwt_authn", "0"],
                "keys": ["azp", "aud"],
                "ops": [{"take": {"head": 1}}],
            }
        }
    ]
}
BY_BOTH = {"user_key": [{"query_string": {"keys": ["user_key"]}}], **BY_BASIC}
BY_JSON = {
    "app_id": [
        {
            "header": {
                "keys": ["x-jwt"],
                "ops": ["base64_urlsafe", {"json": {"path": ["claims"], "keys": ["azp", "aud"]}}],
            }
        }
    ]
}


def explained(service=None, generation=LATER, services=None, **request):
    described = changed(adapters__0__services=services or [{**SERVICE, **(service or {})}])
    found, problems = read_threescale(described)
    assert problems == []
    return explain(found.adapters[0].services, request_of({"host": "cart.shop", "path": "/", **request}), generation)


def authorization(text):
    return {"headers": {"Authorization": text}}


@pytest.mark.parametrize(
    ("host", "scheme", "authorities", "is_known"),
    [
        ("cart.shop", "http", ["cart.shop"], True),
        ("CART.shop", "http", ["cart.shop"], True),
        ("cart.shop:8080", "http", ["cart.shop"], False),
        ("cart.shop:8080", "http", ["cart.shop:8080"], True),
        ("cart.shop:80", "http", ["cart.shop"], True),
        ("cart.shop:80", "https", ["cart.shop"], False),
        ("cart.shop:443", "https", ["cart.shop"], True),
        ("cart.shop.example", "http", ["cart.shop"], False),
        ("my-cart.shop", "http", ["cart.shop"], False),
        ("cart.shop:8080", "http", ["cart.shop*"], True),
        ("cart.shop", "http", ["*"], True),
        ("cart.shop", "http", ["*.shop"], True),
        (".shop", "http", ["*.shop"], True),
        (".shop", "http", ["+.shop"], False),
        ("a.shop", "http", ["+.shop"], True),
        ("cart1.shop", "http", ["cart?.shop"], True),
        ("cart.shop", "http", ["cart?.shop"], True),
        ("cart12.shop", "http", ["cart?.shop"], False),
        ("cartxshop", "http", ["cart.shop"], False),
        ("cart*.shop", "http", ["cart\\*.shop"], True),
        ("cart1.shop", "http", ["cart\\*.shop"], False),
        ("c.shop", "http", ["a.shop", "b.shop", "c.shop"], True),
    ],
)
def test_an_authority_is_anchored_and_matched_with_its_port_unless_it_is_the_schemes_own(
    host, scheme, authorities, is_known
):
    found = explained({"authorities": authorities}, host=host, scheme=scheme, **KEY)
    assert (found.service is not None, found.status) == (is_known, None if is_known else 403)


def test_the_first_service_whose_authorities_match_is_used():
    services = [{**SERVICE, "authorities": ["*.shop"]}, {**SERVICE, "id": "2", "authorities": ["cart.shop"]}]
    assert explained(services=services, **KEY).service == SERVICE["id"]
    assert explained(services=services[::-1], **KEY).service == "2"


@pytest.mark.parametrize(
    ("method", "path", "usages"),
    [
        ("GET", "/", {"hits": 1}),
        ("get", "/anything/below", {"hits": 1}),
        ("GET", "/products/7/sold", {"hits": 3, "sales": 1}),
        ("GET", "//products///7/sold", {"hits": 3, "sales": 1}),
        ("DELETE", "/products/7/sold", {"hits": 2, "sales": 1}),
        ("DELETE", "/products/7/sold/", {}),
        ("DELETE", "/products//sold", {}),
        ("DELETE", "/products/a/b/sold", {}),
        ("DELETE", "/x/../products/7/sold", {"hits": 2, "sales": 1}),
        ("DELETE", "/", {}),
        ("POST", "/orders", {"orders": 10}),
        ("POST", "/orders-of-today", {"orders": 10}),
        ("POST", "/orders?v=2&kind=new", {"orders": 1}),
        ("POST", "/orders?kind=new&v=23", {"orders": 1}),
        ("POST", "/orders?kind=&v=2", {"orders": 10}),
        ("POST", "/orders?kind=new", {"orders": 10}),
        ("POST", "/order", {}),
    ],
)
def test_mapping_rules_add_up_in_their_order_until_the_last(method, path, usages):
    found = explained(method=method, path=path, **KEY)
    assert found.usages == usages and found.status == (None if usages else 404)


def test_the_first_adapter_refuses_with_another_status_where_no_rule_matches():
    assert explained(generation=FIRST, method="DELETE", **KEY).status == 403


@pytest.mark.parametrize(
    ("credentials", "request_", "values"),
    [
        (SERVICE["credentials"], {"path": "/?user_key=k0", **KEY}, {"user_key": "k0"}),
        (SERVICE["credentials"], {"query": {"user_key": "a b"}}, {"user_key": "a b"}),
        (SERVICE["credentials"], {"path": "/?user_key=a+b&user_key=c"}, {"user_key": "a b"}),
        (SERVICE["credentials"], {"path": "/?user_key="}, {"user_key": ""}),
        (SERVICE["credentials"], {"headers": {"x-api-key": "k2"}}, {"user_key": "k2"}),
        (SERVICE["credentials"], {"headers": {"x-api-key": "k2", "x-user-key": "k1"}}, {"user_key": "k1"}),
        (SERVICE["credentials"], {"headers": {"user_key": "k1"}}, None),
        (SERVICE["credentials"], {}, None),
        (BY_BASIC, authorization(f"Basic {BASIC}"), {"app_id": "aladdin", "app_key": "opensesame"}),
        (BY_BASIC, authorization(f"Bearer {BASIC}"), None),
        (BY_BASIC, authorization("Basic not-base-64!"), None),
        (BY_BASIC, authorization(f"Basic {base64.b64encode(b'someone:x').decode()}"), None),
        (BY_BASIC, authorization(f"Basic {base64.b64encode(b'admin:').decode()}"), {"app_id": "admin"}),
        (BY_BASIC, authorization(f"Basic {base64.b64encode(b'admin').decode()}"), {"app_id": "admin"}),
        (
            BY_BASIC,
            {"headers": {"authorization": f"Basic {base64.b64encode(b'admin').decode()}", "x-app-key": "k"}},
            {"app_id": "admin", "app_key": "k"},
        ),
        (BY_BASIC, {"headers": {"x-app-key": "k"}}, None),
        (BY_BOTH, {"path": "/?user_key=k0", **authorization(f"Basic {BASIC}")}, {"user_key": "k0"}),
        (BY_BOTH, authorization(f"Basic {BASIC}"), {"app_id": "aladdin", "app_key": "opensesame"}),
        (BY_TOKEN, {"claims": {"iss": "https://sso", "azp": "client", "aud": "other"}}, {"app_id": "client"}),
        (BY_TOKEN, {"claims": {"iss": "https://sso", "aud": ["one", "two"]}}, {"app_id": "one"}),
        (BY_TOKEN, {"claims": {"iss": "https://sso", "azp": 7, "aud": "two"}}, None),
        (BY_TOKEN, {"claims": {"sub": "nobody"}}, None),
        (BY_TOKEN, authorization("Bearer a.b.c"), None),
        (
            BY_JSON,
            {"headers": {"x-jwt": base64.urlsafe_b64encode(b'{"claims": {"aud": ["a", "k"]}}').decode()}},
            {"app_id": "a", "app_key": "k"},
        ),
        (BY_JSON, {"headers": {"x-jwt": base64.urlsafe_b64encode(b'{"claims": 1}').decode()}}, None),
    ],
)
def test_credentials_are_found_where_the_lookups_say_in_their_order(credentials, request_, values):
    found = explained({"credentials": credentials}, **request_)
    assert (found.credentials and found.credentials.values) == values and found.status == (None if values else 403)


def test_a_test_is_met_or_says_what_differs_and_never_what_a_caller_brings():
    (adapter,) = read_threescale(changed())[0].adapters
    request = {"host": "cart.shop", "path": "/products/7/sold", "headers": {"x-user-key": "hunter2"}}
    wanted = {
        "service": SERVICE["id"],
        "usages": {"hits": 3, "sales": 1},
        "rules": ["GET /", "ANY /products/{id}/sold$"],
        "status": None,
    }
    tests = [
        {"name": "sold", "request": request, "expect": {**wanted, "user_key": "hunter2"}},
        {
            "adapter": "shop/cart",
            "request": request,
            "expect": {"usages": {"hits": 1}, "user_key": "hunter3", "status": 404},
        },
        {"request": {**request, "host": "till.shop"}, "expect": {"service": None, "status": 403, "usages": {}}},
    ]
    trials, problems = read_tests(tests, [adapter])
    verdicts = [verdict_of(trial, adapter.services, LATER) for trial in trials]
    assert (problems, [bool(each.missed) for each in verdicts]) == ([], [False, True, False])
    assert verdicts[1].missed == (
        "usages is {'hits': 3, 'sales': 1}, expected {'hits': 1}",
        "status is None, expected 404",
        "user_key differs",
    )
    assert "hunter" not in "".join(each.text for each in verdicts)


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ("text", "test 1"),
        ({"request": {"host": "a", "path": "/"}}, "expect"),
        ({"request": {"host": "a", "path": "b"}, "expect": {"status": 403}}, "path"),
        ({"request": {"path": "/"}, "expect": {"status": 403}}, "host"),
        ({"request": {"host": "a", "path": "/", "scheme": "ftp"}, "expect": {"status": 403}}, "scheme"),
        ({"request": {"host": "a", "path": "/", "claims": "x"}, "expect": {"status": 403}}, "claims"),
        ({"request": {"host": "a", "path": "/", "body": "x"}, "expect": {"status": 403}}, "body"),
        ({"request": {"host": "a", "path": "/"}, "expect": {"usages": []}}, "usages"),
        ({"request": {"host": "a", "path": "/"}, "expect": {"rules": "GET /"}}, "rules"),
        ({"adapter": "shop/till", "request": {"host": "a", "path": "/"}, "expect": {"status": 403}}, "adapter"),
        ({"request": {"host": "a", "path": "/"}, "expect": {"status": 403}, "skip": True}, "skip"),
    ],
)
def test_a_test_that_is_not_written_well_is_refused_with_its_place(entry, where):
    adapters = read_threescale(changed())[0].adapters
    trials, problems = read_tests([entry], adapters)
    assert trials == [] and [each.code for each in problems] == ["FED880"] and problems[0].path[-1] == where


def test_rules_of_the_tests_are_the_ones_described():
    assert [rule.pattern for rule in read_threescale(changed())[0].adapters[0].services[0].rules] == [
        rule["pattern"] for rule in RULES
    ]
