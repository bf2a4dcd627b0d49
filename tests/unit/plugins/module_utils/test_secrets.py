# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which texts of a module's options are secret, beside those that the tests of access know."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._secrets import secrets_of, shown_arguments

TEXT = "hunter2hunter2"


@pytest.mark.parametrize(
    "extension",
    [
        {"config": {"system": {"token": TEXT}}},
        {"config": {"services": [{"credentials": {"user_key": TEXT}}]}},
        {"config": {"passwords": [TEXT]}},
        {"env": [{"name": "API_KEY", "value": TEXT}]},
    ],
    ids=["token", "nested-key", "list", "environment"],
)
def test_what_a_wasm_module_is_told_under_a_key_that_names_a_secret_is_one(extension):
    assert secrets_of({"extensions": [{"name": "header", **extension}]}) == {TEXT}


def test_names_and_what_a_wasm_module_is_told_otherwise_are_none():
    told = {
        "name": "header",
        "pull_secret": "registry",
        "config": {"header": "x-shop"},
        "env": [{"name": "LEVEL", "value": "debug"}],
    }
    assert secrets_of({"extensions": [told]}) == set()


def test_what_a_wasm_module_is_told_is_not_repeated_in_an_invocation():
    told = {
        "name": "header",
        "image": f"https://reader:{TEXT}@host/header.wasm",
        "config": {"x-partner": TEXT},
        "env": [{"name": "PARTNER", "value": TEXT}],
    }
    for extensions in ([told], [told, "text", None], told, TEXT, {"config": TEXT}):
        shown = shown_arguments({"extensions": extensions, "mesh": "east"})
        assert TEXT not in str(shown), shown
    assert shown_arguments({"extensions": [told]})["extensions"][0]["name"] == "header"
    assert shown_arguments({"extensions": []}) == {"extensions": []}


@pytest.mark.parametrize(
    "name", ["PASSPHRASE", "auth", "x-authorization", "bearer", "cookie", "pwd", "signing_key", "hmacKey", "jwt"]
)
def test_many_words_name_a_secret(name):
    assert secrets_of({"extensions": [{"config": {name: TEXT}}]}) == {TEXT}


def test_the_password_in_the_address_of_a_module_is_one():
    assert TEXT in secrets_of({"extensions": [{"image": f"https://reader:{TEXT}@host/header.wasm"}]})


def test_the_keys_of_callers_in_tests_of_3scale_are_not_repeated_in_an_invocation():
    request = {
        "host": "cart.shop",
        "path": f"/x?user_key={TEXT}",
        "headers": {"x-user-key": TEXT},
        "claims": {"azp": TEXT},
    }
    test = {"name": "reading", "adapter": "shop/cart", "request": request, "expect": {"user_key": TEXT}}
    for tests in ([test], [test, TEXT], TEXT):
        assert TEXT not in str(shown_arguments({"tests": tests}))
    assert shown_arguments({"tests": [test]})["tests"][0]["name"] == "reading"
    assert shown_arguments({"tests": []}) == {"tests": []}
