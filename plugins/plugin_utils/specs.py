# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is described for a role, held to the argument specs of that role and of those it depends on.

Ansible can do so itself, in a task of its own for each role, and prints the whole spec where something is wrong. Here
it is part of each task of the role that runs a module of this collection, so the first of them refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_list
from ansible.module_utils.errors import (
    AnsibleValidationError,
    ArgumentTypeError,
    ArgumentValueError,
    ElementError,
    RequiredError,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.data import clauses
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.words import shown
from ansible_collections.ossm.federation.plugins.plugin_utils import unknown
from ansible_collections.ossm.federation.plugins.plugin_utils.unknown import IGNORED, NOTHING, Told

ROLES = Path(__file__).resolve().parents[2] / "roles"
OMITTED = "AnsibleValueOmittedError"
WORDS = "words"
"""The role whose spec has an entry for each role that others depend on: who depends on it is held to that entry."""
LOCKED = "is encrypted, and no vault password of this run opens it"
UNLOCK = "Give the password with --vault-id or --ask-vault-pass"
MOST_TOLD = 5
LONGEST = 60
KINDS = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "a text",
}

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read(path: Path) -> dict[str, dict]:
    with path.open(encoding="utf-8") as text:
        entries = yaml.load(text, Loader=_LOADER)["argument_specs"]
    return {name: entry.get("options") or {} for name, entry in entries.items()}


# Read once, in the process that all of a run's workers are forked from.
SPECS = {path.parents[1].name: _read(path) for path in sorted(ROLES.glob("*/meta/argument_specs.yml"))}


def specs_of(role: str, entry: str, depends: Iterable[str]) -> list[tuple[str, Mapping[str, Mapping]]]:
    """Return the specs that tasks of a role are held to, each with the role that describes it.

    A look at drift reads what the role itself reads.
    """
    parts = [(WORDS, name) for name in depends] + [(role, "main" if entry == "drift" else entry)]
    return [(name, SPECS.get(name, {}).get(part, {})) for name, part in parts]


def refuse_wrong(spec: Mapping[str, Mapping], role: str, variables: Mapping, template: Callable[[Any], Any]) -> None:
    """Refuse variables that are not what ``spec`` says of them, or cannot be evaluated: FED325.

    ``template`` evaluates a value. Nothing is changed: modules convert what they are given.
    """
    wrong = [found for name, option in spec.items() for found in _wrong(name, option, variables, template)]
    if not wrong:
        return
    (first, what), others = wrong[0], wrong[1:]
    raise FederationError(
        "FED325",
        where=first,
        what=clauses([what, *(f"{place} {also}" for place, also in others)], MOST_TOLD),
        fix=(
            f"Correct it where the inventory or the run sets it; ansible-doc -t role ossm.federation.{role}"
            " describes it"
        ),
    )


def refuse_unknown(variables: Mapping, template: Callable[[Any], Any], told: Told = NOTHING) -> list[tuple[str, str]]:
    """Refuse variables that were meant for this collection and that no spec knows: FED330, and FED325 where they cannot
    be let pass.

    Returns what is only doubted, as ``unknown.refuse_unknown`` does.
    """
    option = SPECS[WORDS]["mesh"][IGNORED]
    refuse_wrong({IGNORED: option}, WORDS, variables, template)
    said = template(variables[IGNORED]) if IGNORED in variables else None
    ignored = said.split(",") if isinstance(said, str) else said or []
    return unknown.refuse_unknown(
        [name for name in variables if isinstance(name, str)], SPECS, [str(name).strip() for name in ignored], told
    )


def _wrong(name: str, option: Mapping, variables: Mapping, template: Callable[[Any], Any]) -> Iterator[tuple[str, str]]:
    """Give in words what is wrong with one variable, and where: the variable, or a rule or entry of it."""
    given: dict[str, Any] = {}
    if name in variables:
        try:
            value = template(variables[name])
        except Exception as error:
            # A variable that is omitted is not there.
            if type(error).__name__ != OMITTED:
                yield name, _unusable(error)
                return
        else:
            given = {} if value == variables.get("omit", object) else {name: value}
    if given and (wrong := _wrong_value(name, option, given[name])):
        yield name, wrong
        return
    entries = list(_wrong_entries(name, option, given.get(name)))
    yield from entries
    # What is inside is documented in the spec and read by the modules, which name the rule and the key.
    flat = {word: said for word, said in option.items() if word != "options"}
    for error in ArgumentSpecValidator({name: flat}).validate(given).errors:
        if not (entries and isinstance(error, (ElementError, ArgumentValueError))):
            yield name, _told(error, option, given.get(name))


def _wrong_value(name: str, option: Mapping, value: Any) -> str:
    """Return what is wrong with a value that Ansible would make fit."""
    if _is_no_text(option.get("type"), value):
        return f"is {_kind_of(value)}, and must be a text"
    return _wrong_number(option, value) or _text_for_a_list(name, option, value)


def _wrong_number(option: Mapping, value: Any) -> str:
    """Return what is wrong with a number that Ansible takes: it counts true as 1, and a 0 where the role has no default
    of its own would be replaced by that of the module.
    """
    kind = option.get("type")
    if kind not in ("int", "float") or not isinstance(value, (bool, int, float, str)):
        return ""
    if isinstance(value, bool):
        return f"is {_kind_of(value)}, and must be {KINDS[kind]}"
    try:
        number = float(value)
    except ValueError:
        return ""
    if number < 0:
        return f"is {_quoted(value)}, and must not be negative"
    if number == 0 and kind == "int" and option.get("default") is None:
        return "is 0, and must be at least 1"
    return ""


def _text_for_a_list(name: str, option: Mapping, value: Any) -> str:
    """Return what is wrong with a list that arrived as one text, as -e name=value gives it: Ansible would split it at
    its commas.
    """
    if option.get("type") != "list" or option.get("elements") == "raw" or not isinstance(value, str):
        return ""
    if not value.strip().startswith(("[", "{")):
        return ""
    return f"is one text and not a list; on a command line write -e '{{\"{name}\": [...]}}'"


def _wrong_entries(name: str, option: Mapping, value: Any) -> Iterator[tuple[str, str]]:
    """Give the entries of a list that are of a wrong kind. A text is the list that Ansible takes it for."""
    kind = option.get("elements")
    if option.get("type") != "list" or kind in (None, "raw") or isinstance(value, Mapping) or value is None:
        return
    word = "rule" if name.endswith(("_exports", "_imports")) else "entry"
    try:
        entries = check_type_list(value)
    except TypeError:
        return
    choices = option.get("choices")
    for number, entry in enumerate(entries, start=1):
        if choices and isinstance(entry, str) and entry not in choices:
            yield f"{name}, {word} {number}", f"is {_quoted(entry)}, and must be one of {', '.join(map(str, choices))}"
            continue
        wrong = entry is None or _is_no_text(kind, entry)
        if wrong or list(ArgumentSpecValidator({name: {"type": kind}}).validate({name: entry}).errors):
            yield f"{name}, {word} {number}", f"is not {KINDS.get(kind, kind)}"


def _is_no_text(kind: object, value: Any) -> bool:
    """Return whether a mapping or a list stands where a text belongs: Ansible would take its spelling for the text."""
    return kind in (None, "str", "path") and isinstance(value, (Mapping, list, tuple))


def _told(error: AnsibleValidationError, option: Mapping, value: Any) -> str:
    if isinstance(error, RequiredError):
        return "is not set"
    if isinstance(error, ArgumentValueError):
        return f"is {_quoted(value)}, and must be one of {', '.join(map(str, option.get('choices') or ()))}"
    if isinstance(error, ArgumentTypeError):
        return f"is {_kind_of(value)}, and must be {KINDS.get(option.get('type', 'str'), option.get('type'))}"
    return shown(str(error), longest=200)


def _kind_of(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {_quoted(value)}"
    if value is None:
        return "empty"
    kinds: Iterable[tuple[Any, str]] = (
        (bool, KINDS["bool"]),
        ((int, float), "a number"),
        (Mapping, KINDS["dict"]),
        ((list, tuple), KINDS["list"]),
    )
    return next((word for kind, word in kinds if isinstance(value, kind)), f"a {type(value).__name__}")


def _quoted(value: Any) -> str:
    return shown(repr(str(value)), longest=LONGEST)


def is_locked(error: BaseException | None) -> bool:
    """Return whether a value could not be read because no vault password was given that opens it."""
    while error is not None:
        if "Vault" in type(error).__name__:
            return True
        error = error.__cause__ or error.__context__
    return False


def _unusable(error: Exception) -> str:
    """Return what is wrong with a template. The error's own text would quote the template."""
    if is_locked(error):
        return f"{LOCKED} ({UNLOCK[:1].lower()}{UNLOCK[1:]})"
    missing = re.search(r"'[\w.-]{1,60}' is undefined", str(error))
    if missing:
        return f"names a variable that is not defined ({missing[0]})"
    return f"is a template that cannot be evaluated ({type(error).__name__})"
