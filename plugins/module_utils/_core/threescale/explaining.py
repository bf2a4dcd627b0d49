# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What 3scale's adapter does with a request: which service, credentials and mapping rules it finds, and what it answers
by itself.

Source: 3scale/threescale-wasm-auth, ``src/proxy/authrep.rs`` and ``http_context.rs``, tags v0.0.1 to v0.0.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..extensions.problems import Problem
from .described import Adapter, Service, wrong
from .patterns import is_glob_match, rule_pattern
from .queries import JWT, KINDS, Found, Request, credentials_of
from .urls import PORTS, query_of

TESTS = "threescale_tests"
MOST_TESTS = 1000
FIRST, LATER = "0.0.1", "0.0.3"
"""The two generations of the adapter, which answer otherwise where no mapping rule matches."""
_REQUEST = ("method", "host", "path", "query", "headers", "claims", "metadata", "scheme")
_EXPECT = ("service", "usages", "rules", "status", *KINDS)


@dataclass(frozen=True)
class Explanation:
    """What becomes of a request: asked of 3scale with these credentials and usages where ``status`` is None, else
    refused with it.

    ``rules`` are the patterns that matched, in their order.
    """

    service: str | None
    credentials: Found | None = None
    rules: tuple[str, ...] = ()
    usages: Mapping[str, int] = field(default_factory=dict)
    status: int | None = None
    why: str = ""

    def compared(self) -> dict:
        """Return what a test may expect, the caller's keys among it."""
        found = self.credentials.values if self.credentials else {}
        told = {"service": self.service, "rules": list(self.rules), "usages": dict(self.usages), "status": self.status}
        return {**told, **{kind: found.get(kind) for kind in KINDS}}

    def as_data(self) -> dict:
        """Return it as JSON-friendly data, without the caller's keys: which of them were found, and where."""
        return {
            "service": self.service,
            "credentials": list(self.credentials.values) if self.credentials else [],
            "found_by": list(self.credentials.sources) if self.credentials else [],
            "rules": list(self.rules),
            "usages": dict(self.usages),
            "status": self.status,
            "why": self.why,
        }

    @property
    def text(self) -> str:
        """Return it as one line for people."""
        if self.status is not None:
            return f"refused with {self.status}: {self.why}"
        usages = ", ".join(f"{name} +{delta}" for name, delta in self.usages.items())
        return (
            f"asks 3scale for service {self.service} with"
            f" {', '.join(self.credentials.values if self.credentials else ())}, {usages}"
        )


def explain(services: Sequence[Service], request: Request, generation: str = LATER) -> Explanation:
    """Return what the adapter does with a request; every service has its rules."""
    service = next(
        (each for each in services if any(is_glob_match(glob, request.authority) for glob in each.authorities)), None
    )
    if service is None:
        return Explanation(None, status=403, why=f"no service has authorities that match {request.authority}")
    found = credentials_of(service.credentials, request)
    if found is None:
        return Explanation(service.id, status=403, why="the request has none of the expected credentials")
    rules, usages = _counted(service, request)
    if not usages:
        status = 403 if generation == FIRST else 404
        return Explanation(
            service.id, found, status=status, why=f"no mapping rule matches {request.method} {request.path}"
        )
    return Explanation(service.id, found, tuple(rules), usages)


def _counted(service: Service, request: Request) -> tuple[list[str], dict[str, int]]:
    rules: list[str] = []
    usages: dict[str, int] = {}
    for rule in service.rules or ():
        is_for = rule.method.upper() in ("ANY", request.method)
        if not is_for or not rule_pattern(rule.pattern).matches(request.path, request.query):
            continue
        rules.append(f"{rule.method.upper()} {rule.pattern}")
        for name, delta in rule.usages:
            usages[name] = usages.get(name, 0) + delta
        if rule.is_last:
            break
    return rules, usages


def request_of(given: Mapping) -> Request:
    """Return a request that a test describes; ``wrong_in_tests`` has found nothing wrong with it."""
    path, separator, query = str(given["path"]).partition("?")
    more = given.get("query")
    if isinstance(more, Mapping):
        query = "&".join(part for part in (query, query_of(more)) if part)
    headers = {str(name).lower(): str(value) for name, value in (given.get("headers") or {}).items()}
    metadata: dict[str, Any] = dict(given.get("metadata") or {})
    if given.get("claims") is not None:
        # As Envoy's filter leaves them: one entry, called by what Istio calls the issuer's.
        metadata[JWT] = {str(given["claims"].get("iss", "issuer")): given["claims"]}
    return Request(
        str(given.get("method", "GET")).upper(),
        _without_dots(path),
        query if separator or query else None,
        authority_of(str(given["host"]), str(given.get("scheme", "http"))),
        headers,
        metadata,
    )


def authority_of(host: str, scheme: str) -> str:
    """Return a host as the adapter compares it: in lower case, without the port that is the scheme's own."""
    name, separator, port = host.lower().rpartition(":")
    return name if separator and port == str(PORTS[scheme]) else host.lower()


def _without_dots(path: str) -> str:
    """Return a path as a URL has it: ``.`` and ``..`` are gone. Source: WHATWG URL Standard, path state."""
    parts: list[str] = []
    segments = path.split("/")[1:]
    for number, segment in enumerate(segments):
        plain = re.sub("%2e", ".", segment, flags=re.IGNORECASE)
        is_last = number == len(segments) - 1
        if plain == "..":
            parts = parts[:-1]
        if plain not in (".", ".."):
            parts.append(segment)
        elif is_last:
            parts.append("")
    return f"/{'/'.join(parts)}"


@dataclass(frozen=True)
class Trial:
    """One test: a request to one adapter, and what is expected of it."""

    name: str
    adapter: str
    request: Request
    expected: Mapping[str, Any]


def read_tests(given: object, adapters: Sequence[Adapter]) -> tuple[list[Trial], list[Problem]]:
    """Return the tests that are written well, and everything that is wrong with the others: FED880."""
    if given is None:
        return [], []
    if not isinstance(given, (list, tuple)) or len(given) > MOST_TESTS:
        return (
            [],
            [wrong((TESTS,), f"must be a list of {MOST_TESTS:,} tests at most", "Write a request and expect for each")],
        )
    found: list[Trial] = []
    problems: list[Problem] = []
    for number, entry in enumerate(given):
        wrongs = list(_wrong_in_test(entry, number, adapters))
        problems += wrongs
        if not wrongs:
            name = str(entry.get("name") or f"test {number + 1}")
            found.append(Trial(name, _adapter_of(entry, adapters), request_of(entry["request"]), entry["expect"]))
    return found, problems


def _adapter_of(entry: Mapping, adapters: Sequence[Adapter]) -> str:
    return str(entry.get("adapter") or adapters[0].place)


def _wrong_in_test(entry: object, number: int, adapters: Sequence[Adapter]) -> Iterator[Problem]:
    path = (TESTS, f"test {number + 1}")
    if not isinstance(entry, Mapping):
        yield wrong(path, "is not a mapping", "Write request and expect")
        return
    for key in entry:
        if key not in ("name", "adapter", "request", "expect"):
            yield wrong((*path, str(key)), "is not a field of a test", "Use name, adapter, request and expect")
    places = [each.place for each in adapters]
    if entry.get("adapter") is None and len(places) != 1:
        yield wrong(
            (*path, "adapter"), "is missing, and there are several adapters", "Name the adapter as namespace/name"
        )
    elif entry.get("adapter") is not None and entry["adapter"] not in places:
        yield wrong((*path, "adapter"), "names no adapter of mesh_threescale", f"Use one of {', '.join(places[:5])}")
    for key, known, check in (("request", _REQUEST, _wrong_in_request), ("expect", _EXPECT, _wrong_in_expected)):
        value = entry.get(key)
        if not isinstance(value, Mapping) or not value:
            yield wrong((*path, key), "is missing or not a mapping", f"Write {', '.join(known)}, as far as they count")
            continue
        for name in value:
            if name not in known:
                yield wrong((*path, key, str(name)), "is not a field here", f"Use one of {', '.join(known)}")
        yield from (wrong((*path, key, name), what, f"Correct {name}") for name, what in check(value))


def _wrong_in_request(given: Mapping) -> Iterator[tuple[str, str]]:
    for name in ("host", "path"):
        value = given.get(name)
        if not isinstance(value, str) or not value or (name == "path" and not value.startswith("/")):
            yield name, "is missing, or not a text" if name == "host" else "is missing, or does not begin with /"
    if not isinstance(given.get("method", "GET"), str):
        yield "method", "must be a text"
    if given.get("scheme", "http") not in PORTS:
        yield "scheme", "must be http or https"
    for name in ("query", "headers", "claims", "metadata"):
        if given.get(name) is not None and not isinstance(given[name], Mapping):
            yield name, "must be a mapping"


def _wrong_in_expected(given: Mapping) -> Iterator[tuple[str, str]]:
    usages = given.get("usages")
    if usages is not None and not isinstance(usages, Mapping):
        yield "usages", "must be a mapping of names and numbers"
    rules = given.get("rules")
    if rules is not None and not isinstance(rules, (list, tuple)):
        yield "rules", "must be a list of texts such as GET /products"


@dataclass(frozen=True)
class Verdict:
    """What became of one test: ``missed`` says in words what differs, and is empty where the test is met."""

    trial: Trial
    explanation: Explanation
    missed: tuple[str, ...]

    def as_data(self) -> dict:
        """Return it as JSON-friendly data."""
        told = {
            "name": self.trial.name,
            "adapter": self.trial.adapter,
            "met": not self.missed,
            "missed": list(self.missed),
        }
        return {**told, "found": self.explanation.as_data()}

    @property
    def text(self) -> str:
        """Return it as one line for people."""
        state = f"NOT MET ({'; '.join(self.missed)})" if self.missed else "met"
        return f"{self.trial.name}: {state}; {self.trial.adapter} {self.explanation.text}"


def verdict_of(trial: Trial, services: Sequence[Service], generation: str) -> Verdict:
    """Return what becomes of a test; only the fields that it expects are compared."""
    explanation = explain(services, trial.request, generation)
    found = explanation.compared()
    return Verdict(trial, explanation, tuple(_missed(trial.expected, found)))


def _missed(expected: Mapping, found: Mapping) -> Iterable[str]:
    for key in _EXPECT:
        if key not in expected:
            continue
        wanted = list(expected[key]) if key == "rules" and expected[key] else expected[key]
        is_empty = key in ("rules", "usages") and not wanted and not found[key]
        if wanted != found[key] and not is_empty:
            # What a caller brings is a secret of theirs, and not quoted.
            is_secret = key in ("user_key", "app_key")
            yield f"{key} differs" if is_secret else f"{key} is {found[key]}, expected {wanted}"
