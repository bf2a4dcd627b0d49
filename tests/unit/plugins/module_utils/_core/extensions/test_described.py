# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user writes about extensions, and what is refused of it."""

from __future__ import annotations

from datetime import date

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.described import MOST, read_extensions
from ansible_collections.ossm.federation.plugins.module_utils._core.extensions.problems import refuse
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError

from .meshes import DIGEST, IMAGE, WHOLE, described


def problems_of(**fields):
    return read_extensions([{key: value for key, value in {**WHOLE, **fields}.items() if value is not ...}])[1]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "Header", "lower-case"),
        ("name", ..., "is missing"),
        ("namespace", "shop.east", "name of a namespace"),
        ("selector", ..., "is missing"),
        ("selector", {}, "is empty, which would select every workload"),
        ("selector", {"app": 1}, "texts as its labels"),
        ("selector", {"app": "a,b"}, "texts as its labels"),
        ("selector", {"app": "a b"}, "a b"),
        ("selector", "app=cart", "must be labels"),
        ("image", "", "must be an image"),
        ("image", "a b", "must be an image"),
        ("image", "ftp://host/x.wasm", "must begin with one of"),
        ("image", "oci://", "must begin with one of"),
        ("image", "https://me:word@host/x.wasm", "must not contain a user or password"),
        ("image", "registry.example/header@sha256:abc", "something else than sha256"),
        ("phase", "PostAuthZ", "write STATS"),
        ("phase", "authz", "must be one of"),
        ("phase", ["AUTHZ"], "must be one of"),
        ("priority", "10", "is '10', and must be a whole number"),
        ("priority", True, "whole number"),
        ("priority", 2**31, "32 bits"),
        ("config", "text", "must be a mapping"),
        ("config", {1: "a"}, "has values that JSON cannot express"),
        ("pull_policy", "always", "must be one of"),
        ("kind", "EnvoyFilter", "must be one of"),
        ("sha256", "A" * 64, "64 lower-case"),
        ("traffic", "in", "must be one of"),
        ("ports", [0], "port numbers"),
        ("ports", [], "port numbers"),
        ("fail", True, "must be one of"),
        ("env", [{"name": "A"}], "both texts"),
        ("env", [{"name": "1A", "value": "x"}], "no environment variable"),
        ("env", [{"name": "A", "value": "x"}, {"name": "A", "value": "y"}], "twice"),
        ("workload_selector", {"app": "cart"}, "is not a field of an extension"),
    ],
)
def test_what_no_extension_can_be_is_refused_with_the_field(field, value, says):
    (problem,) = problems_of(**{field: value})
    assert (problem.code, problem.path[-1]) == ("FED800", field) and says in problem.what + problem.fix


def test_all_that_is_wrong_is_told_at_once():
    _extensions, problems = read_extensions([{**WHOLE, "phase": "x", "priority": "y"}, "text", {}])
    assert [problem.path[-1] for problem in problems] == [
        "phase",
        "priority",
        "entry 2",
        "name",
        "namespace",
        "image",
        "selector",
    ]
    with pytest.raises(FederationError) as refused:
        refuse(problems)
    assert refused.value.where == "mesh_extensions, shop/header: phase" and len(refused.value.facts["problems"]) == 7


def test_two_extensions_of_one_name_are_refused_and_of_two_namespaces_taken():
    assert [problem.code for problem in read_extensions([WHOLE, WHOLE])[1]] == ["FED801"]
    assert read_extensions([WHOLE, {**WHOLE, "namespace": "desk"}])[1] == []


@pytest.mark.parametrize(
    "value", ["text", {"a": 1}, None, [WHOLE] * (MOST + 1)], ids=["text", "mapping", "nothing", "too-many"]
)
def test_what_is_no_list_and_a_list_without_end_are_refused(value):
    assert [problem.code for problem in read_extensions(value)[1]] == ["FED800"]


@pytest.mark.parametrize(
    ("image", "sha256", "is_pinned"),
    [
        (IMAGE, None, True),
        (f"oci://{IMAGE}", None, True),
        ("registry.example/header:1.2", None, False),
        ("https://host/x.wasm", None, False),
        ("https://host/x.wasm", "b" * 64, True),
        (f"registry.example/header@{DIGEST}", None, True),
    ],
)
def test_a_digest_pins_a_module(image, sha256, is_pinned):
    assert described(image=image, **({"sha256": sha256} if sha256 else {})).is_pinned is is_pinned


def test_the_word_all_selects_every_workload():
    assert described(selector="all").selector is None


@pytest.mark.parametrize(
    "field",
    ["phase", "priority", "config", "pull_secret", "pull_policy", "kind", "sha256", "traffic", "ports", "fail", "env"],
)
def test_a_field_that_is_there_and_empty_is_none_that_was_left_out(field):
    _found, problems = read_extensions([{**WHOLE, field: None}])
    assert [(each.code, each.path[-1], each.what) for each in problems] == [("FED800", field, "is there and empty")]


@pytest.mark.parametrize("name", ["a..b", "a.-b", "a-.b", "-a", "a.", "x" * 254])
def test_a_name_that_the_api_server_refuses_is_refused_here(name):
    assert [each.path[-1] for each in read_extensions([{**WHOLE, "name": name}])[1]] == ["name"]
    assert [each.path[-1] for each in read_extensions([{**WHOLE, "pull_secret": name}])[1]] == ["pull_secret"]


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), date(2026, 1, 31), {1: "a"}, 2**63, b"x", {"a": [{"b": float("-inf")}]}],
    ids=["nan", "infinite", "day", "number-as-key", "too-large", "bytes", "deep-below"],
)
def test_what_json_cannot_say_cannot_be_told_to_a_module(value):
    _found, problems = read_extensions([{**WHOLE, "config": {"first": value}}])
    assert [(each.code, each.path[-1]) for each in problems] == [("FED800", "config")]


def test_what_a_module_is_told_is_nested_within_bounds():
    told: dict = {}
    for _level in range(200):
        told = {"a": told}
    assert [each.path[-1] for each in read_extensions([{**WHOLE, "config": told}])[1]] == ["config"]
    assert read_extensions([{**WHOLE, "config": {"a": [None, True, 1, 2.5, "x", {"b": {}}]}}])[1] == []
