# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user writes about 3scale, and what is refused of it."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.threescale.described import read_threescale

from .adapters import ADAPTER, PORTAL, RULES, SERVICE, TOKEN, changed

S = "adapters__0__services__0__"
R = f"{S}mapping_rules__0__"


def lookups(**query):
    return {"user_key": [query]}


@pytest.mark.parametrize(
    ("at", "value", "code", "where"),
    [
        ("backend", ..., "FED880", "backend"),
        ("backend__url", "su1.3scale.net", "FED880", "url"),
        ("backend__url", "https://me:word@su1.3scale.net", "FED880", "url"),
        ("backend__url", "https://su1.3scale.net/?a=b", "FED880", "url"),
        ("backend__url", "http://su1.3scale.net", "FED884", "url"),
        ("backend__timeout", 0, "FED880", "timeout"),
        ("backend__retries", 3, "FED880", "retries"),
        ("system", {}, "FED880", "system"),
        ("portal", {**PORTAL, "token": "short"}, "FED880", "token"),
        ("portal", {"url": PORTAL["url"]}, "FED880", "token"),
        ("portal", {**PORTAL, "token_from": {"namespace": "a", "secret": "b", "key": "c"}}, "FED880", "token"),
        ("portal", {"url": PORTAL["url"], "token_from": {"namespace": "a", "secret": "b"}}, "FED880", "key"),
        ("adapters", [], "FED880", "adapters"),
        ("adapters", ["cart"], "FED880", "adapter 1"),
        ("adapters", [ADAPTER, ADAPTER], "FED881", "shop/cart"),
        ("adapters__0__name", "Cart", "FED880", "name"),
        ("adapters__0__selector", {}, "FED880", "selector"),
        ("adapters__0__phase", "AUTHZ", "FED880", "phase"),
        ("adapters__0__traffic", "both", "FED880", "traffic"),
        ("adapters__0__switch", "later", "FED880", "switch"),
        ("adapters__0__passthrough_metadata", True, "FED885", "passthrough_metadata"),
        ("adapters__0__system", {"ttl": 5}, "FED880", "ttl"),
        ("adapters__0__oidc", {"jwks_uri": "https://sso/certs"}, "FED880", "issuer"),
        ("adapters__0__services", [], "FED880", "services"),
        ("adapters__0__services", [SERVICE, SERVICE], "FED881", f"service {SERVICE['id']}"),
        (f"{S}id", 2555417834789, "FED880", "id"),
        (f"{S}id", "../accounts", "FED880", "id"),
        (f"{S}environment", "test", "FED880", "environment"),
        (f"{S}token", "two words", "FED880", "token"),
        (f"{S}authorities", ..., "FED880", "authorities"),
        (f"{S}authorities", ["https://cart.shop"], "FED880", "entry 1"),
        (f"{S}authorities", ["Cart.shop"], "FED880", "entry 1"),
        (f"{S}credentials", {"app_key": [{"header": {"keys": ["x"]}}]}, "FED882", "credentials"),
        (f"{S}credentials", {"api_key": []}, "FED882", "api_key"),
        (f"{S}credentials", lookups(header={"keys": ["X-Key"]}), "FED882", "keys"),
        (f"{S}credentials", lookups(header={"keys": "x-key"}), "FED882", "keys"),
        (f"{S}credentials", lookups(cookie={"keys": ["a"]}), "FED882", "user_key 1"),
        (f"{S}credentials", lookups(header={"keys": ["a"]}, filter={}), "FED882", "user_key 1"),
        (f"{S}credentials", lookups(filter={"keys": ["azp"]}), "FED882", "path"),
        (f"{S}credentials", lookups(filter={"path": ["a", 0], "keys": ["azp"]}), "FED882", "path"),
        (f"{S}credentials", lookups(header={"keys": ["a"], "path": ["b"]}), "FED882", "path"),
        (f"{S}credentials", lookups(header={"keys": ["a"], "ops": ["base64"]}), "FED882", "base64"),
        (f"{S}credentials", lookups(header={"keys": ["a"], "ops": ["split", {"drop": {}}]}), "FED882", "drop"),
        (f"{S}credentials", lookups(header={"keys": ["a"], "ops": [{"glob": "Basic"}]}), "FED882", "glob"),
        (f"{S}credentials", lookups(header={"keys": ["a"], "ops": [{"test": {"then": ["ok"]}}]}), "FED882", "if"),
        (
            f"{S}credentials",
            lookups(header={"keys": ["a"], "ops": [{"any": [{"or": ["nothing"]}]}]}),
            "FED882",
            "nothing",
        ),
        (f"{S}mapping_rules", [], "FED880", "mapping_rules"),
        (f"{R}method", "GET /", "FED880", "method"),
        (f"{R}pattern", "products", "FED883", "pattern"),
        (f"{R}pattern", "/a$/b", "FED883", "pattern"),
        (f"{R}pattern", "/a(b)*", "FED883", "pattern"),
        (f"{R}usages", [], "FED880", "usages"),
        (f"{R}usages", [{"name": "hits"}], "FED880", "usages"),
        (f"{R}usages", [{"name": "hits", "delta": "1"}], "FED880", "usages"),
        (f"{R}last", "yes", "FED880", "last"),
    ],
)
def test_every_constraint_of_the_adapter_is_a_refusal_with_its_place(at, value, code, where):
    problems = read_threescale(changed(**{at: value}))[1]
    assert (problems[0].code, problems[0].path[-1]) == (code, where) and problems[0].fix


@pytest.mark.parametrize("left_out", ["token", "mapping_rules"])
def test_what_a_service_does_not_say_is_asked_of_the_portal_which_has_to_be_named(left_out):
    described = changed(**{f"{S}{left_out}": ...})
    found, problems = read_threescale(described)
    assert found.asks_the_portal and [problem.path[-1] for problem in problems] == ["portal"]
    assert read_threescale({**described, "portal": PORTAL})[1] == []


def test_a_description_that_is_whole_needs_no_portal_and_shows_no_token():
    found, problems = read_threescale(changed())
    assert problems == [] and not found.asks_the_portal and TOKEN not in repr(found)
    assert found.backend.cluster == "outbound|443||su1.3scale.net"


def test_operations_that_anchors_make_endless_are_refused_at_once():
    bomb = ["ok"]
    for _level in range(12):
        bomb = [{"any": bomb}] * 40
    problems = read_threescale(changed(**{f"{S}credentials": lookups(header={"keys": ["a"], "ops": bomb})}))[1]
    assert [problem.code for problem in problems] == ["FED882"] and "operations" in problems[0].what


@pytest.mark.parametrize("described", [None, [], "text", {"adapters": {}}])
def test_what_is_no_description_is_refused(described):
    assert {problem.code for problem in read_threescale(described)[1]} == {"FED880"}


def test_the_rules_of_an_adapter_are_written_back_as_they_were_read():
    rules = read_threescale(changed())[0].adapters[0].services[0].rules
    assert [rule.as_data() for rule in rules] == RULES


@pytest.mark.parametrize(
    "path",
    [
        "portal",
        "backend__timeout",
        "backend__ca_certificates",
        "adapters__0__oidc",
        "adapters__0__image",
        "adapters__0__pull_secret",
        "adapters__0__passthrough_metadata",
        "adapters__0__services__0__environment",
        "adapters__0__services__0__token",
        "adapters__0__services__0__mapping_rules__0__last",
    ],
)
def test_a_field_that_is_there_and_empty_is_none_that_was_left_out(path):
    _described, problems = read_threescale(changed(**{path: None}))
    assert [(each.code, each.path[-1]) for each in problems if each.what == "is there and empty"] == [
        ("FED880", path.rpartition("__")[2])
    ]


def test_audiences_that_are_there_and_empty_are_not_every_audience():
    for audiences in (None, []):
        _described, problems = read_threescale(
            changed(adapters__0__oidc={"issuer": "https://issuer.example", "audiences": audiences})
        )
        assert [each.path[-1] for each in problems] == ["audiences"]


def test_a_name_leaves_room_for_the_names_of_what_stands_around_it():
    assert read_threescale(changed(adapters__0__name="x" * 239))[1] == []
    assert [each.path[-1] for each in read_threescale(changed(adapters__0__name="x" * 240))[1]] == ["name"]
