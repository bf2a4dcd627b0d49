# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hands carried cards to the module as they stand: a card is hostile text, and Jinja in it must never be evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone

import jinja2
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.ossm.federation.plugins.module_utils._core.card import (
    DEPTH_LIMIT,
    card_from,
    data_of,
    refuse_oversize,
)
from ansible_collections.ossm.federation.plugins.module_utils._core.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.trust import printable
from jinja2 import nodes

# What an expression may consist of: names, their parts, lists, and filters that choose among what is there.
ALLOWED = (nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Add, nodes.Filter, nodes.Keyword)
FILTERS = {"combine", "d", "default", "dict2items", "extract", "first", "flatten", "from_json", "last", "list", "map", "unique"}
FILTERS |= {"reject", "rejectattr", "select", "selectattr"}
CHOOSING = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
"""Filters that apply a test, and which of their arguments names it."""
# None takes a pattern, and none looks at files.
TESTS = {"==", "boolean", "defined", "eq", "equalto", "in", "mapping", "ne", "none", "number", "sequence", "string", "undefined"}
LONGEST = 1024
MOST_NODES = 300
MOST_NOTES = 5

display = Display()


class ActionModule(ActionBase):
    """Run the module with the cards of the variable that ``cards_from`` names."""

    def run(self, tmp: str | None = None, task_vars: dict | None = None) -> dict:
        """Return the module's result; cards that are out of bounds never reach the module."""
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        name = arguments.pop("cards_from", None)
        if name:
            try:
                given = arguments.get("cards") or self._cards(str(name), task_vars or {})
                handed, notes = handed_on(
                    str(name), str(arguments.get("mesh") or ""), task_vars or {}, datetime.now(timezone.utc)
                )
                arguments["cards"] = [*given, *handed]
                for note in notes:
                    display.warning(note)
            except FederationError as error:
                return {**result, **failure(error)}
        result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        return result

    def _cards(self, name: str, variables: dict) -> list:
        """Return a variable's cards as they stand.

        Only a variable that is as a whole an expression is evaluated, and that once: the variables it names stand
        for what they hold, since that may be a card. Raises ``FederationError`` FED230, FED202.
        """
        value = variables.get(name)
        if isinstance(value, str) and value.lstrip().startswith("{{"):
            refuse_calls(value, name)
            named = set(re.findall(r"\w+", value)) - {"hostvars", "vars"}
            known = {word: wrap_var(variables[word]) for word in sorted(named & set(variables))}
            with self._templar.set_temporary_context(available_variables=known):
                value = self._templar.template(value)
        if value is None or value == "":
            return []
        cards = list(value) if isinstance(value, (list, tuple)) else [value]
        for number, card in enumerate(cards, start=1):
            refuse_oversize(card, f"{name}, card {number}")
        return wrap_var(cards)


def handed_on(name: str, mesh: str, variables: dict, now: datetime) -> tuple[list, list[str]]:
    """Return the cards that earlier jobs of a workflow made for ``mesh``, as they stand, and notes on what is left out.

    Each of those jobs gave its mesh's cards a variable of its own (``federation_cards_of_west``), since of two artifacts
    with one name only the later reaches the jobs that follow. It is a JSON text, or what such a text holds. Nothing in it is
    evaluated. A job speaks for its own mesh alone: cards of others in its variable are left out, and so is what is no card in
    order, so that one job cannot stop the others' peerings. Cards for other meshes are left out without a word.
    """
    prefix = f"{name}_of_"
    own = prefix + mesh.replace("-", "_")
    found: list = []
    notes: list[str] = []
    for key in sorted(key for key in variables if key.startswith(prefix) and key != own):
        # The name of a mesh has no underscore, so there is one mesh for each name of a variable.
        speaker = key[len(prefix) :].replace("_", "-")
        left_out: list[str] = []
        for number, card in enumerate(_cards_in(key, variables[key], left_out), start=1):
            reason = _why_not(card, f"{key}, card {number}", speaker, mesh, now)
            found += [card] if reason is None else []
            left_out += [reason] if reason else []
        notes += left_out[:MOST_NOTES]
        notes += (
            [f"{len(left_out) - MOST_NOTES} more entries of {key} are left out"] if len(left_out) > MOST_NOTES else []
        )
    return wrap_var(found), notes


def _cards_in(key: str, value: object, left_out: list[str]) -> list:
    """Return the entries of one job's variable; none, and the reason in ``left_out``, for what cannot hold cards."""
    try:
        if isinstance(value, str):
            value = data_of(str(value), key, DEPTH_LIMIT + 1)
    except FederationError as error:
        left_out.append(f"{key} is left out: {error}")
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _why_not(card: object, where: str, speaker: str, mesh: str, now: datetime) -> str | None:
    """Return why an entry is left out, "" where that is nobody's concern, None for a card that ``speaker`` made for ``mesh``."""
    try:
        refuse_oversize(card, where)
        said = card if isinstance(card, Mapping) else {}
        if isinstance(said.get("audience"), str) and said["audience"] != mesh:
            return ""
        if isinstance(said.get("mesh"), str) and said["mesh"] != speaker:
            return (
                f"{where} is left out: it speaks for {printable(said['mesh'], 63)}, and only cards of {speaker} belong"
                " there"
            )
        card_from(card, where, now)
    except FederationError as error:
        return f"{where} is left out: {error}"
    except ImportError:
        # The module says what is missing.
        return None
    return None


def refuse_calls(text: str, name: str) -> None:
    """Refuse an expression that could do anything but name what is there: FED230.

    A card that was given as the variable's whole text may be such an expression, too.
    """
    try:
        parsed = jinja2.Environment(autoescape=True).parse(text).body if len(text) <= LONGEST else []
    except (jinja2.TemplateError, RecursionError):
        parsed = []
    parts = [part for output in parsed if isinstance(output, nodes.Output) for part in output.nodes]
    expressions = [part for part in parts if not (isinstance(part, nodes.TemplateData) and not part.data.strip())]
    if len(parsed) == 1 and len(expressions) == 1 and is_bounded(expressions[0]) and is_allowed(expressions[0]):
        return
    raise FederationError(
        "FED230",
        where=name,
        what="is an expression that does more than name variables",
        mend="Write it as {{ [card_of_west, card_of_north] }}, or use federation_cards_dir for files; if it came from a peer, it is no card",
    )


def is_allowed(node: nodes.Node) -> bool:
    """Return whether an expression consists of what is allowed; ``values()`` of a mapping is the only call."""
    if isinstance(node, nodes.Call):
        has_arguments = node.args or node.kwargs or node.dyn_args or node.dyn_kwargs
        return isinstance(node.node, nodes.Getattr) and node.node.attr == "values" and not has_arguments and is_allowed(node.node)
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        return False
    if isinstance(node, nodes.Filter) and not is_known_filter(node):
        return False
    return isinstance(node, ALLOWED) and all(is_allowed(child) for child in node.iter_child_nodes())


def is_known_filter(node: nodes.Filter) -> bool:
    """Return whether a filter is known, and so is the test or the filter that it is told to apply.

    What ``map`` applies must not itself apply something.
    """
    name = node.name.removeprefix("ansible.builtin.")
    if name not in FILTERS or node.dyn_args or node.dyn_kwargs:
        return False
    given = [argument.value if isinstance(argument, nodes.Const) else None for argument in node.args]
    if name in CHOOSING:
        place = CHOOSING[name]
        return all(is_plain_attribute(value) for value in given[:place]) and all(
            isinstance(test, str) and test in TESTS for test in given[place : place + 1]
        )
    if name == "map":
        attributes = [each.value for each in node.kwargs if each.key == "attribute"]
        plain = all(isinstance(each, nodes.Const) and is_plain_attribute(each.value) for each in attributes)
        return plain and all(isinstance(applied, str) and applied in FILTERS - {*CHOOSING, "map"} for applied in given[:1])
    return True


def is_plain_attribute(value: object) -> bool:
    """Return whether the name of an attribute is a literal that leads to no inner part of Python."""
    return isinstance(value, int) or (isinstance(value, str) and not any(part.startswith("_") for part in value.split(".")))


def is_bounded(node: nodes.Node) -> bool:
    """Return whether an expression is small, and takes each entry of a list from another at most once.

    ``map('extract')`` again and again would multiply what a short text says.
    """
    extracts = [each for each in node.find_all(nodes.Const) if each.value in ("extract", "ansible.builtin.extract")]
    called = [each for each in node.find_all(nodes.Filter) if each.name.endswith("extract")]
    return len(extracts) + len(called) <= 1 and sum(1 for _each in node.find_all(nodes.Node)) <= MOST_NODES


def failure(error: FederationError) -> dict:
    """Return a failed task's result, as modules give it."""
    return {
        "failed": True,
        "changed": False,
        "msg": f"{error} Nothing was written.  ({error.reference})",
        "code": error.code,
        "where": error.where,
        "what": error.what,
        "mend": error.mend,
        "written": [],
    }
