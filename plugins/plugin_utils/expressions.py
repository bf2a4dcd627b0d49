# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expressions that name cards: checked as a whole, then evaluated over data alone, with every step counted.

A received card may stand where an administrator wrote the expression. So Jinja only parses it; no method, no attribute
of Python and no plugin can be reached from it, and its work has a bound whatever its variables hold.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NoReturn

import jinja2
from ansible_collections.ossm.federation.plugins.module_utils._core.card.card import DEPTH_LIMIT, data_of
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.errors import FederationError
from ansible_collections.ossm.federation.plugins.module_utils._core.plain.words import shown
from jinja2 import nodes

# What an expression may consist of: names, their parts, lists, and filters that choose among what is there.
ALLOWED: tuple[type, ...] = (nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Getattr, nodes.Getitem)
ALLOWED += (nodes.Add, nodes.Filter, nodes.Keyword)
CHOOSING = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
"""Filters that apply a test, and which of their arguments names it."""
# None takes a pattern, and none looks at files.
TESTS: dict[str, Callable[..., bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "eq": lambda value, other: value == other,
    "in": lambda value, others: value in others,
    "mapping": lambda value: isinstance(value, Mapping),
    "ne": lambda value, other: value != other,
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)),
    "sequence": lambda value: isinstance(value, (list, tuple, str, Mapping)),
    "string": lambda value: isinstance(value, str),
}
TESTS.update({"==": TESTS["eq"], "equalto": TESTS["eq"]})
OF_ABSENCE = {"defined": False, "undefined": True}
# What becomes of two lists of one key that are combined.
JOINED: dict[object, Callable[[list, list], list]] = {
    "keep": lambda old, _new: old,
    "append": lambda old, new: [*old, *new],
    "prepend": lambda old, new: [*new, *old],
}
LONGEST = 1024
MOST_NODES = 300
# Entries gone through, and texts by their length. The cards of fifty peers with a thousand exports each fit.
MOST_WORK = 1_000_000
SIGNS = 64
"""How many letters of a text count as one entry."""


class Absent:
    """What an expression names and nothing is there, as Jinja's Undefined."""

    def __init__(self, name: str) -> None:
        self.name = name


def evaluated(text: str, name: str, variables: Mapping) -> object:
    """Return what an expression gives; the variables it names stand for what they hold, and are never templated.

    ``name`` is that of the variable that holds it. Raises ``FederationError``: FED230 for one that could do more than
    name what is there, FED234 for one that does not work out, FED201 and FED202 for texts that are no JSON of cards.
    """
    expression = refuse_calls(text, name)
    work = _Work(name, variables)
    try:
        found = work.of(expression)
        work.weigh(found)
    except RecursionError:
        work.refuse("leads too deep")
    return found


def refuse_calls(text: str, name: str) -> nodes.Expr:
    """Return the parsed expression; refuse one that could do anything but name what is there: FED230.

    A card that was given as the variable's whole text may also be such an expression.
    """
    try:
        parsed = jinja2.Environment(autoescape=True).parse(text).body if len(text) <= LONGEST else []
    except (jinja2.TemplateError, RecursionError):
        parsed = []
    parts = [part for output in parsed if isinstance(output, nodes.Output) for part in output.nodes]
    expressions = [part for part in parts if not (isinstance(part, nodes.TemplateData) and not part.data.strip())]
    if len(parsed) == 1 and len(expressions) == 1 and is_bounded(expressions[0]) and is_allowed(expressions[0]):
        return expressions[0]
    _refuse_more(name, f"is an expression of more than {LONGEST:,} characters" if len(text) > LONGEST else "")


def _refuse_more(name: str, what: str = "") -> NoReturn:
    raise FederationError(
        "FED230",
        where=name,
        what=what or "is an expression that does more than name variables",
        fix=(
            "Write it as {{ [card_of_west, card_of_north] }}, or use federation_cards_dir for files; if it came from a"
            " peer, it is not a card"
        ),
    )


def is_allowed(node: nodes.Node) -> bool:
    """Return whether an expression consists of what is allowed; ``values()`` of a mapping is the only call."""
    if isinstance(node, nodes.Call):
        return is_values(node) and is_allowed(node.node)
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        return False
    if isinstance(node, nodes.Const) and is_inner(node.value):
        return False
    if isinstance(node, nodes.Filter) and not is_known_filter(node):
        return False
    return isinstance(node, ALLOWED) and all(is_allowed(child) for child in node.iter_child_nodes())


def is_values(node: nodes.Call) -> bool:
    """Return whether a call is that of ``values()``, without arguments."""
    has_arguments = node.args or node.kwargs or node.dyn_args or node.dyn_kwargs
    return isinstance(node.node, nodes.Getattr) and node.node.attr == "values" and not has_arguments


def is_inner(value: object) -> bool:
    """Return whether a text, as a key or as the name of an attribute, would lead to an inner part of Python."""
    return isinstance(value, str) and any(part.strip().startswith("_") for part in value.split("."))


def is_known_filter(node: nodes.Filter) -> bool:
    """Return whether a filter is known, and so is the test or the filter that it is told to apply.

    What ``map`` applies must not itself apply something.
    """
    name = _short(node.name)
    if name not in FILTERS or node.dyn_args or node.dyn_kwargs:
        return False
    given = [argument.value if isinstance(argument, nodes.Const) else None for argument in node.args]
    named = {each.key: each.value for each in node.kwargs}
    if "attribute" in named and not isinstance(named["attribute"], nodes.Const):
        return False
    if name in CHOOSING:
        place = CHOOSING[name]
        is_plain = all(isinstance(value, (str, int)) for value in given[:place])
        return is_plain and _are_among(given[place : place + 1], {*TESTS, *OF_ABSENCE})
    return name != "map" or _are_among(given[:1], set(FILTERS) - {*CHOOSING, "map"})


def is_bounded(node: nodes.Node) -> bool:
    """Return whether an expression is small, and takes each entry of a list from another at most once."""
    every = [node, *node.find_all(nodes.Node)]
    named = [each.value for each in every if isinstance(each, nodes.Const)]
    named += [each.name for each in every if isinstance(each, nodes.Filter)]
    extracts = [name for name in named if name in ("extract", "ansible.builtin.extract")]
    return len(extracts) <= 1 and len(every) <= MOST_NODES


def _are_among(names: list, known: set[str]) -> bool:
    return all(isinstance(name, str) and _short(name) in known for name in names)


def _short(name: str) -> str:
    return name.removeprefix("ansible.builtin.")


class _Work:
    """The evaluation of one expression, and how much work is left for it."""

    def __init__(self, name: str, variables: Mapping) -> None:
        self.name = name
        self.variables = variables
        self.left = MOST_WORK

    def refuse(self, what: str) -> NoReturn:
        """Refuse the expression, which does not work out: FED234."""
        raise FederationError(
            "FED234",
            where=self.name,
            what=f"is an expression that {what}",
            fix=(
                "Write it as {{ [card_of_west, card_of_north] }} and define each of these, or use federation_cards_dir"
                " for files"
            ),
        )

    def spend(self, steps: int) -> None:
        """Count steps before they are taken."""
        self.left -= steps
        if self.left < 0:
            self.refuse("takes too much work")

    def weigh(self, value: object) -> None:
        """Count all that a value holds, each time it stands there; refuse it where something of it is not there."""
        level = [value]
        while level:
            one = level.pop()
            if isinstance(one, Absent):
                self.refuse(f"names {one.name}, which does not exist")
            self.spend(1 + (len(one) // SIGNS if isinstance(one, str) else 0))
            if isinstance(one, Mapping):
                self.spend(len(one))
                level += one.values()
            elif isinstance(one, (list, tuple)):
                self.spend(len(one))
                level += one

    def of(self, node: nodes.Node) -> object:
        """Return what a part of the expression gives."""
        if isinstance(node, nodes.Const):
            return node.value
        if isinstance(node, nodes.Name):
            # Both would lead to everybody's variables.
            is_there = node.name in self.variables and node.name not in ("hostvars", "vars")
            return self.variables[node.name] if is_there else Absent(node.name)
        if isinstance(node, (nodes.List, nodes.Tuple)):
            return [self.of(each) for each in node.items]
        if isinstance(node, nodes.Getattr):
            return self.part(self.of(node.node), node.attr)
        if isinstance(node, nodes.Getitem):
            return self.part(self.of(node.node), self.of(node.arg))
        if isinstance(node, nodes.Add):
            return self.sum(self.of(node.left), self.of(node.right))
        if isinstance(node, nodes.Call):
            mapping = self.of(node.node.node)
            return self.entries(mapping.values() if isinstance(mapping, Mapping) else mapping)
        named = {each.key: self.of(each.value) for each in node.kwargs}
        return self.apply(node.name, self.of(node.node), [self.of(each) for each in node.args], named)

    def part(self, whole: object, key: object) -> object:
        """Return one entry of a mapping or list; ``Absent`` where there is none. Attributes of Python are none."""
        self.spend(1)
        if is_inner(key):
            _refuse_more(self.name)
        told = f"{whole.name if isinstance(whole, Absent) else '...'}.{shown(str(key), longest=63)}"
        if isinstance(key, Absent):
            self.refuse(f"names {key.name}, which does not exist")
        if isinstance(whole, Mapping) and isinstance(key, (str, int)):
            return whole.get(key, Absent(told))
        if isinstance(whole, (list, tuple)) and isinstance(key, int):
            return whole[key] if -len(whole) <= key < len(whole) else Absent(told)
        return Absent(told)

    def at(self, whole: object, path: object) -> object:
        """Return what an attribute such as ``card.roots.0`` leads to."""
        for key in str(path).split("."):
            whole = self.part(whole, int(key) if key.isascii() and key.isdecimal() and len(key) < 10 else key)
        return whole

    def sum(self, left: object, right: object) -> object:
        """Return two lists or two texts as one."""
        if isinstance(left, str) and isinstance(right, str):
            self.spend((len(left) + len(right)) // SIGNS + 1)
            return left + right
        return [*self.entries(left), *self.entries(right)]

    def entries(self, value: object) -> list:
        """Return the entries of a list, or the keys of a mapping."""
        if isinstance(value, Absent):
            self.refuse(f"names {value.name}, which does not exist")
        if isinstance(value, str) or not hasattr(value, "__len__"):
            self.refuse("takes for a list what is none")
        self.spend(len(value) + 1)
        return list(value)

    def apply(self, name: str, value: object, given: list, named: dict) -> object:
        """Return what a filter makes of a value."""
        applied = partial(FILTERS[_short(name)], self, value)
        try:
            inspect.signature(applied).bind(*given, **named)
        except TypeError:
            self.refuse(f"gives the filter {name} what it does not take")
        return applied(*given, **named)

    def is_so(self, value: object, test: str | None = None, *given: object) -> bool:
        """Return whether a value passes a test; without one, whether it counts as true."""
        test = _short(test or "")
        if test in OF_ABSENCE:
            self.spend(1)
            return isinstance(value, Absent) is OF_ABSENCE[test]
        for one in (value, *given):
            self.weigh(one)
        if not test:
            return bool(value)
        try:
            return TESTS[test](value, *given)
        except TypeError:
            self.refuse(f"gives the test {test} what it does not take")

    # Filters, as Jinja and Ansible have them ------------------------------------------------------------------------

    def combine(self, value: object, *others: object, recursive: bool = False, list_merge: str = "replace") -> object:
        if list_merge not in ("replace", *JOINED):
            self.refuse("gives the filter combine what it does not take")
        terms = [term for other in (value, *others) for term in (other if isinstance(other, list) else [other])]
        merged: Mapping = {}
        for term in terms:
            if not isinstance(term, Mapping):
                self.refuse("combines what is not a mapping")
            self.weigh(term)
            self.weigh(merged)
            merged = self._merged(merged, term, recursive, list_merge)
        return merged

    def _merged(self, ours: Mapping, theirs: Mapping, recursive: bool, list_merge: str) -> dict:
        found = {**ours, **theirs}
        for key in ours.keys() & theirs.keys() if recursive or list_merge != "replace" else ():
            old, new = ours[key], theirs[key]
            if recursive and isinstance(old, Mapping) and isinstance(new, Mapping):
                found[key] = self._merged(old, new, recursive, list_merge)
            elif isinstance(old, list) and isinstance(new, list) and list_merge in JOINED:
                found[key] = JOINED[list_merge](old, new)
        return found

    def default(self, value: object, default_value: object = "", boolean: bool = False) -> object:
        return default_value if isinstance(value, Absent) or (boolean and not self.is_so(value)) else value

    def dict2items(self, value: object, key_name: str = "key", value_name: str = "value") -> object:
        if not isinstance(value, Mapping):
            self.refuse("takes for a mapping what is none")
        return [{str(key_name): key, str(value_name): value[key]} for key in self.entries(value)]

    def extract(self, value: object, container: object, morekeys: object = None) -> object:
        more = [] if morekeys is None else self.entries(morekeys) if isinstance(morekeys, (list, tuple)) else [morekeys]
        for key in (value, *more):
            container = self.part(container, key)
        return container

    def first(self, value: object) -> object:
        return next(iter(self.entries(value)), Absent("the first entry of an empty list"))

    def last(self, value: object) -> object:
        return next(iter(self.entries(value)[-1:]), Absent("the last entry of an empty list"))

    def flatten(self, value: object, levels: int | None = None, skip_nulls: bool = True) -> object:
        if not (levels is None or isinstance(levels, int)):
            self.refuse("gives the filter flatten what it does not take")
        return list(self._flat(value, MOST_WORK if levels is None else levels + 1, skip_nulls))

    def _flat(self, value: object, levels: int, skip_nulls: bool) -> Iterator[object]:
        if isinstance(value, Absent):
            yield value
            return
        for one in self.entries(value):
            if isinstance(one, (list, tuple)) and levels > 1:
                yield from self._flat(one, levels - 1, skip_nulls)
            elif not (skip_nulls and (one is None or one in ("None", "null"))):
                yield one

    def from_json(self, value: object) -> object:
        if not isinstance(value, str):
            self.refuse("takes for a JSON text what is none")
        self.spend(len(value) // 8)
        return data_of(str(value), self.name, DEPTH_LIMIT + 4)

    def list(self, value: object) -> object:
        return self.entries(value)

    def map(self, value: object, *given: object, **named: object) -> object:
        if given:
            return [self.apply(str(given[0]), one, list(given[1:]), named) for one in self.entries(value)]
        if set(named) - {"attribute", "default"} or "attribute" not in named:
            self.refuse("gives the filter map what it does not take")
        found = [self.at(one, named["attribute"]) for one in self.entries(value)]
        return [named["default"] if isinstance(one, Absent) and "default" in named else one for one in found]

    def select(self, value: object, test: str | None = None, *given: object) -> object:
        return [one for one in self.entries(value) if self.is_so(one, test, *given)]

    def reject(self, value: object, test: str | None = None, *given: object) -> object:
        return [one for one in self.entries(value) if not self.is_so(one, test, *given)]

    def selectattr(self, value: object, attribute: str, test: str | None = None, *given: object) -> object:
        return [one for one in self.entries(value) if self.is_so(self.at(one, attribute), test, *given)]

    def rejectattr(self, value: object, attribute: str, test: str | None = None, *given: object) -> object:
        return [one for one in self.entries(value) if not self.is_so(self.at(one, attribute), test, *given)]

    def unique(self, value: object, case_sensitive: bool | None = None, attribute: str | None = None) -> object:
        kept: list = []
        seen: set[str] = set()
        for one in self.entries(value):
            key = one if attribute is None else self.at(one, attribute)
            self.weigh(key)
            key = key.lower() if isinstance(key, str) and not case_sensitive else key
            told = json.dumps(key, sort_keys=True, default=str)
            if told not in seen:
                seen.add(told)
                kept.append(one)
        return kept


FILTERS: dict[str, Callable[..., object]] = {
    "combine": _Work.combine,
    "d": _Work.default,
    "default": _Work.default,
    "dict2items": _Work.dict2items,
    "extract": _Work.extract,
    "first": _Work.first,
    "flatten": _Work.flatten,
    "from_json": _Work.from_json,
    "last": _Work.last,
    "list": _Work.list,
    "map": _Work.map,
    "reject": _Work.reject,
    "rejectattr": _Work.rejectattr,
    "select": _Work.select,
    "selectattr": _Work.selectattr,
    "unique": _Work.unique,
}
