# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Label selectors: as users write them, as Kubernetes stores them, and what they select."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

Labels = Mapping[str, str]

_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_LONGEST_PREFIX = 253

_KEY = r"(?P<key>[^\s=!(),]+)"
_NOT_KEY = re.compile(rf"!\s*{_KEY}")
_COMPARED = re.compile(rf"{_KEY}\s*(?P<operator>==|!=|=)\s*(?P<value>[^\s=!(),]*)")
_ONE_OF = re.compile(rf"{_KEY}\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_HAS_KEY = re.compile(_KEY)
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^()]*\))")


def label_selector(strings: Sequence[str]) -> dict:
    """Return the Kubernetes LabelSelector that says the same as ``strings``.

    Each string holds one requirement or several with commas between them: ``app=web``, ``app==web``,
    ``tier!=db``, ``env in (a, b)``, ``env notin (a, b)``, ``key`` and ``!key``; an object must meet all.
    What comes back has ``matchLabels`` and ``matchExpressions`` where they are not empty, each in sorted
    order, so equal requirements give an equal selector. No requirement at all gives ``{}``, which selects
    everything.

    Raises ``ValueError`` that quotes the requirement and says what is wrong with it.
    Source: Kubernetes documentation, "Labels and Selectors".
    """
    if isinstance(strings, str) or not isinstance(strings, Sequence):
        raise ValueError(f"{strings!r} is not a list of label selectors, such as ['app=web']")
    labels: dict[str, str] = {}
    expressions: set[tuple[str, str, tuple[str, ...]]] = set()
    for text in strings:
        if not isinstance(text, str):
            raise ValueError(f"{text!r} is not a text, such as 'app=web'")
        for requirement in _COMMA_OUTSIDE_PARENTHESES.split(text):
            key, operator, values = _parsed(requirement.strip(), text)
            if operator != "=":
                expressions.add((key, operator, values))
            elif labels.setdefault(key, values[0]) != values[0]:
                raise ValueError(
                    f"'{key}={labels[key]}' and '{key}={values[0]}' exclude each other; write '{key} in ({labels[key]},"
                    f" {values[0]})'"
                )
    selector: dict = {}
    if labels:
        selector["matchLabels"] = dict(sorted(labels.items()))
    if expressions:
        selector["matchExpressions"] = [
            {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
            for key, operator, values in sorted(expressions)
        ]
    return selector


def _parsed(requirement: str, text: str) -> tuple[str, str, tuple[str, ...]]:
    """Return key, operator (``=`` or one of matchExpressions) and values of one requirement."""
    if not requirement:
        raise ValueError(f"'{text}' has an empty requirement" if text.strip() else "a label selector is empty")
    values: tuple[str, ...] = ()
    if match := _NOT_KEY.fullmatch(requirement):
        operator = "DoesNotExist"
    elif match := _COMPARED.fullmatch(requirement):
        operator, values = "NotIn" if match["operator"] == "!=" else "=", (match["value"],)
        if operator == "NotIn" and not match["value"]:
            instead = f"write '{match['key']}' for objects that have the label"
            raise ValueError(f"'{requirement}' has no value after '!=', so it would match almost everything; {instead}")
    elif match := _ONE_OF.fullmatch(requirement):
        operator = {"in": "In", "notin": "NotIn"}[match["operator"]]
        values = tuple(sorted({value.strip() for value in match["values"].split(",")}))
        if "" in values:
            raise ValueError(f"'{requirement}' has an empty value in its parentheses")
    elif match := _HAS_KEY.fullmatch(requirement):
        operator = "Exists"
    else:
        raise ValueError(
            f"'{requirement}' is not one of 'key=value', 'key!=value', 'key in (a, b)', 'key notin (a, b)', 'key', "
            "'!key'"
        )
    key = match["key"]
    if not _is_label_key(key):
        raise ValueError(f"'{requirement}': '{key}' is not a label key")
    for value in values:
        if not _is_label_value(value):
            raise ValueError(
                f"'{requirement}': '{value}' is not a label value (at most 63 letters, digits, '-', '_' and '.')"
            )
    return key, operator, values


def selects_by_presence(selector: Mapping) -> bool:
    """Return whether a LabelSelector asks for any label; one that only excludes matches objects without any label."""
    expressions = selector.get("matchExpressions") or ()
    return bool(selector.get("matchLabels")) or any(entry["operator"] in ("In", "Exists") for entry in expressions)


def is_selected(selector: Mapping | None, labels: Labels) -> bool | None:
    """Return whether an object with ``labels`` is selected; ``None`` says that the selector is invalid.

    ``selector`` is a Kubernetes LabelSelector; an absent or empty one selects everything.
    """
    try:
        return selector_test(selector)(labels)
    except ValueError:
        return None


def selector_test(selector: Mapping | None) -> Callable[[Labels], bool]:
    """Return a function that says of an object's labels whether ``selector`` selects them.

    Checking the selector is the expensive half, so it is done here, once for all objects.
    Raises ``ValueError`` that says why a selector is invalid (federation.md section 5.3: operator one of
    four; values for In and NotIn only; legal label syntax).
    """
    if selector is None:
        return lambda labels: True
    if not isinstance(selector, Mapping):
        raise ValueError("selector is not a mapping")
    tests = [*_label_tests(selector.get("matchLabels")), *_expression_tests(selector.get("matchExpressions"))]
    return lambda labels: all(test(labels) for test in tests)


def _label_tests(labels: object) -> list[Callable[[Labels], bool]]:
    if labels is None:
        return []
    if not isinstance(labels, Mapping):
        raise ValueError("matchLabels is not a mapping")
    return [_test(key, "In", [value]) for key, value in labels.items()]


def _expression_tests(expressions: object) -> list[Callable[[Labels], bool]]:
    if expressions is None:
        return []
    if not isinstance(expressions, Sequence) or isinstance(expressions, str):
        raise ValueError("matchExpressions is not a list")
    tests = []
    for expression in expressions:
        if not isinstance(expression, Mapping):
            raise ValueError("an entry of matchExpressions is not a mapping")
        values = expression.get("values")
        if values is None:
            values = []
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise ValueError("values in matchExpressions is not a list")
        tests.append(_test(expression.get("key"), expression.get("operator"), values))
    return tests


def _test(key: object, operator: object, values: Sequence) -> Callable[[Labels], bool]:
    if not isinstance(key, str) or not _is_label_key(key):
        raise ValueError(f"'{key}' is not a label key")
    for value in values:
        if not isinstance(value, str) or not _is_label_value(value):
            raise ValueError(f"'{value}' is not a label value")
    if operator in ("In", "NotIn"):
        if not values:
            raise ValueError(f"operator {operator} needs values")
        wanted = frozenset(values)
        if operator == "In":
            return lambda labels: key in labels and labels[key] in wanted
        return lambda labels: key not in labels or labels[key] not in wanted
    if operator in ("Exists", "DoesNotExist"):
        if values:
            raise ValueError(f"operator {operator} must not have values")
        return (lambda labels: key in labels) if operator == "Exists" else (lambda labels: key not in labels)
    raise ValueError(f"'{operator}' is not one of the operators In, NotIn, Exists, DoesNotExist")


def _is_label_key(text: str) -> bool:
    prefix, slash, name = text.rpartition("/")
    if slash and not (len(prefix) <= _LONGEST_PREFIX and _PREFIX.fullmatch(prefix)):
        return False
    return bool(_NAME.fullmatch(name))


def _is_label_value(text: str) -> bool:
    return bool(_VALUE.fullmatch(text))
