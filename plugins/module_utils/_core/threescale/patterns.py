# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The two kinds of patterns that 3scale's adapter knows: globs for hosts and texts, and the patterns of mapping rules.

Both are matched by walking through the text with the set of places reached so far: the time is the product of the two
lengths, whatever a pattern looks like. Sources: 3scale/threescale-wasm-auth, ``src/util/glob.rs``;
3scale-rs/threescalers, ``src/http/mapping_rule``; 3scale documentation, mapping rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_IN_PATH = frozenset(f"{_LETTERS}_-.~%!$&'()*+,;=@:")
_IN_QUERY = _IN_PATH - {"&"}
_UNPREDICTABLE = frozenset("()[]*+|^\\")
LONGEST = 2048
"""Signs of a pattern at the most."""

ONE, VALUE = "one", "value"
Token = tuple[str, str]
"""What one step of a pattern takes: itself as ``("", sign)``, any one sign, or a value (one sign or more of those that
values have).
"""


def is_glob_match(pattern: str, text: str) -> bool:
    """Return whether the whole of ``text`` matches a glob: ``*`` is any number of signs, ``+`` at least one, ``?`` at
    most one.

    A backslash before one of these, or before another, takes its meaning away.
    """
    end = len(text)
    places = {0}
    for sign, is_special in _glob_steps(pattern):
        if is_special and sign == "?":
            places |= {place + 1 for place in places if place < end}
        elif is_special:
            first = min(places, default=end + 1) + (sign == "+")
            places = set(range(first, end + 1))
        else:
            places = {place + 1 for place in places if place < end and text[place] == sign}
    return end in places


def _glob_steps(pattern: str) -> Iterator[tuple[str, bool]]:
    is_escaped = False
    for sign in pattern:
        if is_escaped:
            if sign not in "*?+\\":
                yield "\\", False
            yield sign, False
            is_escaped = False
        elif sign == "\\":
            is_escaped = True
        else:
            yield sign, sign in "*?+"
    if is_escaped:
        yield "\\", False


@dataclass(frozen=True)
class RulePattern:
    """A mapping rule's pattern: the steps of its path, whether the path ends there, and one list of steps per query
    parameter.
    """

    path: tuple[Token, ...]
    is_whole: bool
    parameters: tuple[tuple[Token, ...], ...] = ()

    def matches(self, path: str, query: str | None) -> bool:
        """Return whether a request matches. A path is matched from its beginning, parameters in any order, each used
        once.
        """
        pairs = (query or "").split("&")
        for steps in self.parameters:
            found = next((number for number, pair in enumerate(pairs) if _reached(steps, pair, _IN_QUERY)), None)
            if found is None:
                return False
            del pairs[found]
        text = without_repeats(path)
        reached = _reached(self.path, text, _IN_PATH)
        return len(text) in reached if self.is_whole else bool(reached)


def rule_pattern(text: str) -> RulePattern:
    """Return a mapping rule's pattern, read. Raises ``ValueError`` with what is wrong with one that cannot match, or
    not predictably.
    """
    if not text.startswith("/"):
        raise ValueError("does not begin with /, so it matches no path")
    if len(text) > LONGEST:
        raise ValueError(f"has {len(text):,} characters, and at most {LONGEST:,} are allowed")
    path, separator, query = text.partition("?")
    steps = list(_steps(without_repeats(path)))
    is_whole = bool(steps) and steps[-1] == ("", "$")
    steps = steps[:-1] if is_whole else steps
    literal = [sign for kind, sign in steps if kind == ""]
    if "$" in literal:
        raise ValueError("has a $ before its end, so it matches no path")
    odd = sorted(set(literal) & (_UNPREDICTABLE | {"{", "}"}))
    if odd:
        raise ValueError(
            f"has {' '.join(odd)} in its path, which the adapter reads as a regular expression; write {{name}} for "
            "variable parts"
        )
    dotted = tuple((ONE, "") if step == ("", ".") else step for step in steps)
    return RulePattern(dotted, is_whole, _parameters(query) if separator else ())


def _parameters(query: str) -> tuple[tuple[Token, ...], ...]:
    found: list[list[Token]] = [[]]
    for step in _steps(query):
        if step == ("", "&"):
            found.append([])
        else:
            found[-1].append(step)
    return tuple(map(tuple, found))


def without_repeats(path: str) -> str:
    """Return a path in which no ``/`` follows another."""
    return "".join(sign for place, sign in enumerate(path) if sign != "/" or path[place - 1 : place] != "/")


def _steps(text: str) -> Iterator[Token]:
    place = 0
    while place < len(text):
        closing = text.find("}", place + 2) if text[place] == "{" else -1
        if closing > 0:
            yield VALUE, ""
            place = closing + 1
        else:
            yield "", text[place]
            place += 1


def _reached(steps: Sequence[Token], text: str, of_values: frozenset[str]) -> set[int]:
    """Return the places of ``text`` at which the steps can end, taken from its beginning."""
    places = {0}
    for kind, sign in steps:
        if kind == VALUE:
            places = _after_values(places, text, of_values)
        else:
            places = {place + 1 for place in places if place < len(text) and (kind == ONE or text[place] == sign)}
        if not places:
            break
    return places


def _after_values(places: set[int], text: str, of_values: frozenset[str]) -> set[int]:
    reached: set[int] = set()
    furthest = -1
    for place in sorted(places):
        # What an earlier place has reached, this one reaches as well: only what is beyond is new.
        at = max(place, furthest)
        while at < len(text) and text[at] in of_values:
            at += 1
            reached.add(at)
        furthest = max(furthest, at)
    return reached
