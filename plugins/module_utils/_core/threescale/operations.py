# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operations by which 3scale's adapter makes credentials of what it found: what each takes, and what it does to the
stack.

A stack is a tuple of texts, its bottom first. An operation gives a new stack, or fails. Source:
3scale/threescale-wasm-auth, ``docs/operations.md`` and ``src/configuration/operation``.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .patterns import is_glob_match

DEEPEST = 12
MOST = 500
MOST_VALUES = 1000
LONGEST_VALUE = 1 << 20

Stack = tuple[str, ...]


class Failed(Exception):
    """An operation that failed, as the adapter means it: the lookup gives no value."""


def run_operations(operations: Sequence, stack: Stack) -> Stack:
    """Return the stack after all of ``operations``, which ``wrong_in`` has found nothing wrong in. Raises
    ``Failed``.
    """
    for operation in operations:
        name, given = _parts(operation)
        stack = _RUN[name](stack, given)
        if not stack or len(stack) > MOST_VALUES or sum(map(len, stack)) > LONGEST_VALUE:
            raise Failed
    return stack


def wrong_in(operations: object, path: tuple[str, ...] = (), depth: int = 0) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give everything that the adapter does not take in a list of operations: the place below ``path``, and what is
    wrong.
    """
    if not isinstance(operations, (list, tuple)):
        yield path, "must be a list of operations"
        return
    if depth > DEEPEST or (depth == 0 and _is_endless(operations)):
        yield path, f"holds more than {MOST} operations and arguments, or more than {DEEPEST} of them inside each other"
        return
    for number, operation in enumerate(operations):
        place = (*path, f"operation {number + 1}")
        is_named = isinstance(operation, str) or (
            isinstance(operation, Mapping) and len(operation) == 1 and all(isinstance(key, str) for key in operation)
        )
        if not is_named:
            yield place, "must be the name of an operation, or a mapping of one name and its arguments"
            continue
        name, given = _parts(operation)
        if name not in _TAKES:
            yield (*place, str(name)), "is not an operation of the adapter"
            continue
        yield from _TAKES[name](given, (*place, name), depth)


def _is_endless(operations: Sequence) -> bool:
    """Return whether there is more in a list than anybody writes; anchors of YAML make much of little."""
    waiting, seen = list(operations), 0
    while waiting and seen <= MOST:
        value = waiting.pop()
        seen += 1
        waiting += list(
            value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
        )
    return bool(waiting)


def _parts(operation: Any) -> tuple[str, Any]:
    return (operation, None) if isinstance(operation, str) else next(iter(operation.items()))


# What operations take.

Taken = Callable[[Any, tuple[str, ...], int], Iterator[tuple[tuple[str, ...], str]]]


def _nothing(given: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if given not in (None, {}):
        yield path, "has no arguments"


def _text(given: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if not isinstance(given, str):
        yield path, "takes a text"


def _texts(given: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if (
        isinstance(given, str)
        or not isinstance(given, (list, tuple))
        or not given
        or not all(isinstance(each, str) for each in given)
    ):
        yield path, "needs a list of texts"


def _nested(given: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if not isinstance(given, (list, tuple)) or not given:
        yield path, "needs a list of operations"
    else:
        yield from wrong_in(given, path, depth + 1)


def _single(given: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    yield from wrong_in([given], path, depth + 1)


def _number(given: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if not _is_number(given) or given < 0:
        yield path, "needs a whole number of 0 or more"


def _index(given: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if not _is_number(given):
        yield path, "needs a whole number"


def _maybe(taken: Taken) -> Taken:
    return lambda given, path, depth: taken(given, path, depth) if given is not None else iter(())


def _word(*words: str) -> Taken:
    def check(given: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
        if given not in words:
            yield path, f"must be one of {', '.join(words)}"

    return check


def _fields(required: Mapping[str, Taken], optional: Mapping[str, Taken], *, at_least_one: bool = False) -> Taken:
    def check(given: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
        if not isinstance(given, Mapping) and not (given is None and not required):
            yield path, f"needs a mapping of {', '.join((*required, *optional))}"
            return
        said = given if isinstance(given, Mapping) else {}
        for key in said:
            if key not in required and key not in optional:
                yield (*path, str(key)), "is not allowed here"
        for key, taken in {**required, **optional}.items():
            if key in said:
                yield from taken(said[key], (*path, key), depth)
            elif key in required:
                yield (*path, key), "is missing"
        if at_least_one and not any(key in said for key in optional):
            yield path, f"needs at least one of {', '.join(optional)}"

    return check


def _indexes(given: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if not isinstance(given, (list, tuple)) or not all(_is_number(each) for each in given):
        yield path, "needs a list of whole numbers"


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31


_RANGE = {"min": _number, "max": _number}
_SPLIT = _fields({}, {"separator": _text, "max": _number})
_ENDS = _fields({}, {"head": _number, "tail": _number}, at_least_one=True)
_LEVEL = _word("trace", "debug", "info", "warn", "error", "critical")
_RESULT = _word("append", "prepend")
_FORMAT = _fields({"keys": _texts}, {"path": _texts})
_TAKES: Mapping[str, Taken] = {
    "base64_standard": _nothing,
    "base64_urlsafe": _nothing,
    "strlen": _fields({}, {**_RANGE, "mode": _word("utf8", "bytes", "Bytes")}),
    "strrev": _nothing,
    "split": _SPLIT,
    "rsplit": _SPLIT,
    "replace": _fields({"pattern": _text, "with": _text}, {"max": _number}),
    "prefix": _texts,
    "suffix": _texts,
    "substr": _texts,
    "glob": _texts,
    "length": _fields({}, _RANGE),
    "join": _text,
    "reverse": _nothing,
    "contains": _text,
    "take": _ENDS,
    "drop": _ENDS,
    "push": _text,
    "pop": _maybe(_number),
    "dup": _maybe(_index),
    "xchg": _text,
    "swap": _fields({"from": _index, "to": _index}, {}),
    "indexes": _indexes,
    "flat_map": _nested,
    "select": _nested,
    "values": _fields({}, {"level": _LEVEL, "id": _text}),
    "any": _nested,
    "one_of": _nested,
    "all": _nested,
    "none": _nested,
    "assert": _nested,
    "refute": _nested,
    "ok": _nothing,
    "fail": _nothing,
    "test": _fields({"if": _single, "then": _nested}, {"else": _nested}),
    "and": _nested,
    "or": _nested,
    "xor": _nested,
    "cloned": _fields({"ops": _nested}, {"result": _RESULT}),
    "partial": _fields({"ops": _nested}, {"result": _RESULT, "max": _number}),
    "top": _nested,
    "log": _fields({"msg": _text}, {"level": _LEVEL}),
    "json": _FORMAT,
    "protobuf": _FORMAT,
}


# What operations do.


def _require(is_met: bool) -> None:
    if not is_met:
        raise Failed


def _said(given: Any, key: str, otherwise: Any = None) -> Any:
    return given.get(key, otherwise) if isinstance(given, Mapping) else otherwise


def _on_top(change: Callable[[str, Any], Sequence[str]]) -> Callable[[Stack, Any], Stack]:
    return lambda stack, given: (*stack[:-1], *change(stack[-1], given))


def _if_top(is_met: Callable[[str, Any], bool]) -> Callable[[Stack, Any], Stack]:
    def run(stack: Stack, given: Any) -> Stack:
        _require(is_met(stack[-1], given))
        return stack

    return run


def _within(length: int, given: Any) -> bool:
    least, most = _said(given, "min"), _said(given, "max")
    return (least is None or length >= least) and (most is None or length <= most)


def _strlen(text: str, given: Any) -> bool:
    in_bytes = str(_said(given, "mode", "utf8")).lower() == "bytes"
    return _within(len(text.encode("utf-8", "surrogateescape")) if in_bytes else len(text), given)


def _decoded(text: str, alphabet: bytes) -> list[str]:
    padding = "=" * (-len(text) % 4)
    try:
        content = base64.b64decode((text + padding).encode("ascii"), altchars=alphabet, validate=True)
        return [content.decode("utf-8")]
    except (binascii.Error, ValueError):
        raise Failed from None


def _split(text: str, given: Any, *, from_right: bool = False) -> list[str]:
    separator, most = str(_said(given, "separator", ":")), int(_said(given, "max", 0) or 0)
    if not separator:
        raise Failed
    times = most - 1 if most else -1
    # From the right the adapter gives the last part first.
    return text.rsplit(separator, times)[::-1] if from_right else text.split(separator, times)


def _replaced(text: str, given: Any) -> list[str]:
    most = int(_said(given, "max", 0) or 0)
    return [text.replace(str(_said(given, "pattern")), str(_said(given, "with")), most or -1)]


def _length(stack: Stack, given: Any) -> Stack:
    _require(_within(len(stack), given))
    return stack


def _take(stack: Stack, given: Any) -> Stack:
    head, tail = _said(given, "head") or 0, _said(given, "tail") or 0
    rest = stack[head:]
    return (*stack[:head], *(rest[max(0, len(rest) - tail) :] if tail else ()))


def _drop(stack: Stack, given: Any) -> Stack:
    head, tail = _said(given, "head") or 0, _said(given, "tail") or 0
    rest = stack[head:]
    return rest[: max(0, len(rest) - tail)] if tail else rest


def _at(stack: Stack, index: Any) -> int:
    _require(-len(stack) <= index < len(stack))
    return index % len(stack)


def _contains(stack: Stack, given: Any) -> Stack:
    _require(given in stack)
    return stack


def _swap(stack: Stack, given: Any) -> Stack:
    one, other = _at(stack, _said(given, "from")), _at(stack, _said(given, "to"))
    values = list(stack)
    values[one], values[other] = values[other], values[one]
    return tuple(values)


def _flat_map(stack: Stack, given: Any) -> Stack:
    return tuple(value for each in stack for value in run_operations(given, (each,)))


def _select(stack: Stack, given: Any) -> Stack:
    return tuple(each for each in stack if _succeeds(given, (each,)))


def _result(operations: Any, stack: Stack) -> Stack | None:
    try:
        return run_operations(operations, stack)
    except Failed:
        return None


def _succeeds(operations: Any, stack: Stack) -> bool:
    return _result(operations, stack) is not None


def _each(stack: Stack, given: Any) -> list[Stack]:
    """Return the results of operations of which each is given the same stack, those alone that succeed."""
    return [found for each in given if (found := _result([each], stack)) is not None]


def _counted(is_met: Callable[[int, int], bool]) -> Callable[[Stack, Any], Stack]:
    """Return an operation that leaves the stack as it is where enough of its operations succeed: (how many, of how
    many).
    """

    def run(stack: Stack, given: Any) -> Stack:
        _require(is_met(len(_each(stack, given)), len(given)))
        return stack

    return run


def _asserted(stack: Stack, given: Any) -> Stack:
    _require(_succeeds(given, stack))
    return stack


def _refuted(stack: Stack, given: Any) -> Stack:
    _require(not _succeeds(given, stack))
    return stack


def _fail(stack: Stack, given: Any) -> Stack:
    raise Failed


def _test(stack: Stack, given: Any) -> Stack:
    branch = "then" if _succeeds([_said(given, "if")], stack) else "else"
    return run_operations(_said(given, branch) or (), stack)


def _or(stack: Stack, given: Any) -> Stack:
    found = _each(stack, given)
    _require(bool(found))
    return found[0]


def _xor(stack: Stack, given: Any) -> Stack:
    found = _each(stack, given)
    _require(len(found) == 1)
    return found[0]


def _joined(stack: Stack, found: Stack, given: Any) -> Stack:
    return (*found, *stack) if _said(given, "result") == "prepend" else (*stack, *found)


def _partial(stack: Stack, given: Any) -> Stack:
    most = int(_said(given, "max", 1) or 1)
    found = run_operations(_said(given, "ops"), stack[-most:])
    return _joined(stack[:-most], found, given)


def _formatted(text: str, given: Any) -> list[str]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        raise Failed from None
    for segment in _said(given, "path") or ():
        parsed = looked_up(parsed, segment)
    return list(first_of(parsed, _said(given, "keys")))


def looked_up(value: Any, segment: str) -> Any:
    """Return what one segment of a path leads to: an entry, an index, the text itself, or with ``0`` the only entry.
    Raises ``Failed``.
    """
    if isinstance(value, Mapping):
        if segment in value:
            return value[segment]
        _require(segment == "0" and len(value) == 1)
        return next(iter(value.values()))
    if isinstance(value, (list, tuple)):
        _require(segment.isascii() and segment.isdigit() and int(segment[:9]) < len(value))
        return value[int(segment)]
    _require(isinstance(value, str) and value == segment)
    return value


def first_of(value: Any, keys: Sequence[str]) -> Stack:
    """Return the values of the first key that is there: a text, texts, or the only entry's. Raises ``Failed``."""
    for key in keys:
        try:
            found = looked_up(value, key)
        except Failed:
            continue
        if isinstance(found, Mapping) and len(found) == 1:
            found = next(iter(found.values()))
        values = (found,) if isinstance(found, str) else found
        _require(isinstance(values, (list, tuple)) and bool(values) and all(isinstance(each, str) for each in values))
        return tuple(values)
    raise Failed


def _unknown(text: str, given: Any) -> list[str]:
    raise Failed


_RUN: Mapping[str, Callable[[Stack, Any], Stack]] = {
    "base64_standard": _on_top(lambda text, _given: _decoded(text, b"+/")),
    "base64_urlsafe": _on_top(lambda text, _given: _decoded(text, b"-_")),
    "strlen": _if_top(_strlen),
    "strrev": _on_top(lambda text, _given: [text[::-1]]),
    "split": _on_top(_split),
    "rsplit": _on_top(lambda text, given: _split(text, given, from_right=True)),
    "replace": _on_top(_replaced),
    "prefix": _if_top(lambda text, given: text.startswith(tuple(given))),
    "suffix": _if_top(lambda text, given: text.endswith(tuple(given))),
    "substr": _if_top(lambda text, given: any(each in text for each in given)),
    "glob": _if_top(lambda text, given: any(is_glob_match(each, text) for each in given)),
    "length": _length,
    "join": lambda stack, given: (str(given).join(stack),),
    "reverse": lambda stack, _given: stack[::-1],
    "contains": _contains,
    "take": _take,
    "drop": _drop,
    "push": lambda stack, given: (*stack, str(given)),
    "pop": lambda stack, given: stack[: len(stack) - min(len(stack), 1 if given is None else given)],
    "dup": lambda stack, given: (*stack, stack[_at(stack, -1 if given is None else given)]),
    "xchg": lambda stack, given: (*stack[:-1], str(given)),
    "swap": _swap,
    "indexes": lambda stack, given: tuple(stack[_at(stack, each)] for each in given) if given else stack,
    "flat_map": _flat_map,
    "select": _select,
    "values": lambda stack, _given: stack,
    "any": _counted(lambda found, _of: found > 0),
    "one_of": _counted(lambda found, _of: found == 1),
    "all": _counted(lambda found, of: found == of),
    "none": _counted(lambda found, _of: found == 0),
    "assert": _asserted,
    "refute": _refuted,
    "ok": lambda stack, _given: stack,
    "fail": _fail,
    "test": _test,
    "and": lambda stack, given: run_operations(given, stack),
    "or": _or,
    "xor": _xor,
    "cloned": lambda stack, given: _joined(stack, run_operations(_said(given, "ops"), stack), given),
    "partial": _partial,
    "top": lambda stack, given: (*stack[:-1], *run_operations(given, stack[-1:])),
    "log": lambda stack, _given: stack,
    "json": _on_top(_formatted),
    "protobuf": _on_top(_unknown),
}
