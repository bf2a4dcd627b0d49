# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables are held to the argument specs of roles, in one short message with the variable's name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.vault import AnsibleVaultError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.plugin_utils.specs import SPECS, refuse_wrong, specs_of

OPTIONS = {
    name: option for entries in SPECS.values() for options in entries.values() for name, option in options.items()
}
SECRET = "hunter2hunter2"


def plain(value: Any) -> Any:
    return value


def said_of(variables: dict, spec: dict | None = None, template: Any = plain) -> str:
    with pytest.raises(FederationError) as refused:
        refuse_wrong(spec or SPECS["words"]["mesh"], "words", variables, template)
    assert refused.value.code == "FED325"
    return str(refused.value)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"mesh_exports": {"name": "cart"}}, "mesh_exports: is a mapping, and must be a list"),
        ({"mesh_exports": ["cart"]}, "mesh_exports, rule 1: is not a mapping"),
        ({"mesh_gateways": "LoadBalancer"}, "mesh_gateways: is the text 'LoadBalancer', and must be a mapping"),
        ({"mesh_api_timeout": "soon"}, "mesh_api_timeout: is the text 'soon', and must be a whole number"),
        ({"mesh_api_timeout": ""}, "mesh_api_timeout: is the text '', and must be a whole number"),
        ({"federation_prune": "perhaps"}, "federation_prune: is the text 'perhaps', and must be true or false"),
        ({"federation_prune": [True]}, "federation_prune: is a list, and must be true or false"),
        ({"unfederate_when": "never"}, "unfederate_when: is 'never', and must be one of unused, always"),
    ],
)
def test_a_wrong_variable_is_named_with_what_it_is_and_must_be(variables: dict, says: str) -> None:
    assert says in said_of(variables)


def test_a_variable_that_is_required_and_missing_is_named() -> None:
    assert "upgrade_to: is not set" in said_of({}, SPECS["upgrade"]["main"])


@pytest.mark.parametrize(("role", "name"), [("extensions", "mesh_extensions"), ("threescale", "mesh_threescale")])
@pytest.mark.parametrize("entry", ["main", "drift"])
def test_a_look_at_drift_is_held_to_what_the_role_itself_is_held_to(role: str, name: str, entry: str) -> None:
    (words, own) = specs_of(role, entry, ["mesh"])
    assert "mesh_peers" in words[1] and name in own[1] and (words[0], own[0]) == ("words", role)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["pending", "pendng"], "status_fail_on, entry 2: is 'pendng', and must be one of pending, unknown"),
        ("pending, expiring", "status_fail_on, entry 2: is ' expiring', and must be one of"),
        ("", "status_fail_on, entry 1: is '', and must be one of"),
        ("[]", """is one text and not a list; on a command line write -e '{"status_fail_on": [...]}'"""),
    ],
    ids=str,
)
def test_an_entry_that_is_none_of_the_words_is_named_alone(given: Any, says: str) -> None:
    said = said_of({"status_fail_on": given}, SPECS["status"]["main"])
    assert says in said and said.count("must be") <= 1


def test_several_are_told_together_and_many_are_counted() -> None:
    said = said_of({name: {} for name, option in SPECS["words"]["mesh"].items() if option["type"] in ("list", "bool")})
    assert said.count("must be") == 5 and "more" in said and "\n" not in said


def test_an_expression_that_cannot_be_evaluated_is_not_quoted() -> None:
    def failing(value: Any) -> Any:
        raise ValueError(f"cannot template {value}")

    said = said_of({"mesh_exports": "{{ " + SECRET}, template=failing)
    assert SECRET not in said and "mesh_exports: is a template that cannot be evaluated (ValueError)" in said


def test_a_value_that_no_vault_password_opens_is_said_to_be_encrypted() -> None:
    def failing(value: Any) -> Any:
        raise ValueError(value) from AnsibleVaultError("no vault secrets were found")

    assert "federation_owner: is encrypted" in said_of({"federation_owner": SECRET}, template=failing)


def test_what_is_omitted_or_not_there_is_no_error() -> None:
    refuse_wrong(
        SPECS["words"]["mesh"],
        "words",
        {"mesh_roots": "omitted", "mesh_api_timeout": "omitted", "omit": "omitted"},
        plain,
    )
    refuse_wrong(SPECS["words"]["mesh"], "words", {}, plain)


@pytest.mark.parametrize("value", ["a text", "", 5, 1.5, True, None, [], [1], ["a"], {}, {"a": 1}, [{}]], ids=repr)
def test_all_that_ansible_refuses_by_the_same_specification_is_refused(value: Any) -> None:
    for name, option in OPTIONS.items():
        # What is inside is for the modules to read, which name the rule and the key.
        flat = {word: said for word, said in option.items() if word != "options"}
        theirs = (
            ArgumentSpecValidator({name: flat}).validate({name: value}, validate_role_argument_spec=True).error_messages
        )
        try:
            refuse_wrong({name: option}, "mesh", {name: value}, plain)
        except FederationError as error:
            # Ansible takes the spelling of a mapping or a list for a text, and true for 1.
            more = ("must be a text", "is not a text", "is true or false, and must be a")
            assert theirs or any(each in str(error) for each in more), f"{name}: {error}"
        else:
            assert not theirs, f"{name}: {theirs}"
