# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where 3scale's adapter looks for credentials: what is wrong with lookup queries, and what they find in a request.

Source: 3scale/threescale-wasm-auth, ``src/configuration/source.rs``, ``src/threescale/credentials.rs``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from ..extensions.problems import Problem
from .operations import Failed, first_of, looked_up, run_operations, wrong_in
from .urls import pairs_of

KINDS = ("user_key", "app_id", "app_key")
SOURCES = ("header", "query_string", "filter")
# What a lookup must have besides its operations, each a list of texts.
_LISTS: Mapping[str, tuple[str, ...]] = {"header": ("keys",), "query_string": ("keys",), "filter": ("keys", "path")}
JWT = "envoy.filters.http.jwt_authn"
MOST_QUERIES, MOST_KEYS = 20, 50

Path = tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """A request as the adapter sees it: names of headers in lower case; ``metadata`` is what other filters
    have left.
    """

    method: str
    path: str
    query: str | None
    authority: str
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """The credentials of a request: ``user_key``, or ``app_id`` and perhaps ``app_key``."""

    values: Mapping[str, str]
    sources: tuple[str, ...] = ()


def wrong_in_credentials(given: object, path: Path) -> Iterator[Problem]:
    """Give everything that is wrong with the credentials of a service: FED882."""

    def problem(place: Path, what: str, fix: str) -> Problem:
        return Problem("FED882", place, what, fix)

    if not isinstance(given, Mapping):
        yield problem(path, "is not a mapping", f"Write {', '.join(KINDS)}, each a list of lookups")
        return
    for key in given:
        if key not in KINDS:
            yield problem((*path, str(key)), "is not a credential", f"Use one of {', '.join(KINDS)}")
    if given.get("user_key") is None and given.get("app_id") is None:
        yield problem(path, "has no user_key and no app_id", "Say where callers bring their user_key, or their app_id")
    for kind in KINDS:
        queries = given.get(kind)
        if queries is None:
            continue
        if not isinstance(queries, (list, tuple)) or not 0 < len(queries) <= MOST_QUERIES:
            yield problem(
                (*path, kind),
                f"must be a list of 1 to {MOST_QUERIES} lookups",
                "Write header, query_string or filter, each with keys",
            )
            continue
        for number, query in enumerate(queries):
            for place, what in _wrong_in_query(query, (*path, f"{kind} {number + 1}")):
                yield problem(place, what, "Correct the lookup")


def _wrong_in_query(query: object, path: Path) -> Iterator[tuple[Path, str]]:
    if not isinstance(query, Mapping) or len(query) != 1 or any(key not in SOURCES for key in query):
        yield path, f"must have exactly one of {', '.join(SOURCES)}"
        return
    ((source, said),) = query.items()
    place = (*path, source)
    if not isinstance(said, Mapping):
        yield place, "must be a mapping with keys"
        return
    for key in said:
        if key not in (*_LISTS[source], "ops"):
            yield (*place, str(key)), "is not allowed here"
    for key in _LISTS[source]:
        value = said.get(key)
        if not _is_texts(value):
            yield (*place, key), "must be a list of texts; put numbers in quotes"
        elif source == "header" and (upper := [each for each in value if each != each.lower()]):
            yield (*place, key), f"has {upper[0]}, and the adapter sees names of headers in lower case alone"
    if said.get("ops") is not None:
        yield from wrong_in(said["ops"], (*place, "ops"))


def _is_texts(value: object) -> TypeGuard[Sequence[str]]:
    """Return whether a value is a list of 1 to ``MOST_KEYS`` texts, none of them empty."""
    return (
        isinstance(value, (list, tuple))
        and 0 < len(value) <= MOST_KEYS
        and all(isinstance(each, str) and each for each in value)
    )


def uses_jwt(credentials: Mapping) -> bool:
    """Return whether any lookup reads what Envoy's filter for JSON Web Tokens leaves, which a RequestAuthentication
    makes.
    """
    queries = [query for kind in KINDS for query in credentials.get(kind) or ()]
    return any("filter" in query and query["filter"]["path"][0] == JWT for query in queries)


def credentials_of(credentials: Mapping, request: Request) -> Found | None:
    """Return the credentials that a request brings; None where it brings none. A user_key counts before an app_id."""
    key = _first(credentials, "user_key", request)
    if key:
        return Found({"user_key": key[0][0]}, (key[1],))
    found = _first(credentials, "app_id", request)
    if not found:
        return None
    values, source = found
    if len(values) > 1:
        return Found({"app_id": values[0], "app_key": values[1]}, (source,))
    beside = _first(credentials, "app_key", request)
    if not beside:
        return Found({"app_id": values[0]}, (source,))
    return Found({"app_id": values[0], "app_key": beside[0][0]}, (source, beside[1]))


def _first(credentials: Mapping, kind: str, request: Request) -> tuple[tuple[str, ...], str] | None:
    """Return the values of the first lookup of a kind that gives any, and which lookup that was."""
    for number, query in enumerate(credentials.get(kind) or ()):
        ((source, said),) = query.items()
        try:
            values = run_operations(said.get("ops") or (), _READ[source](said, request))
        except Failed:
            continue
        return values, f"{kind} {number + 1} ({source} {', '.join(said['keys'])})"
    return None


def _of_headers(said: Mapping, request: Request) -> tuple[str, ...]:
    return _of_pairs(said, list(request.headers.items()))


def _of_query(said: Mapping, request: Request) -> tuple[str, ...]:
    return _of_pairs(said, pairs_of(request.query or ""))


def _of_pairs(said: Mapping, pairs: list[tuple[str, str]]) -> tuple[str, ...]:
    for key in said["keys"]:
        for name, value in pairs:
            if name == key:
                return (value,)
    raise Failed


def _of_filter(said: Mapping, request: Request) -> tuple[str, ...]:
    value: Any = request.metadata.get(said["path"][0])
    for segment in said["path"][1:]:
        value = looked_up(value, segment)
    return first_of(value, said["keys"])


_READ = {"header": _of_headers, "query_string": _of_query, "filter": _of_filter}
