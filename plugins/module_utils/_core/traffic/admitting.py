# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether AuthorizationPolicies let one call pass: yes, no, or that depends on what no object tells.

Source: Istio documentation, "Authorization Policy": CUSTOM, then DENY, then ALLOW; without any ALLOW policy all the
rest passes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..plain.data import at, items, listed, mapping, place_of, strings
from ..plain.kinds import DEFAULT_TRUST_DOMAIN
from .rehearsals import is_rehearsal

YES, NO, MAYBE = "yes", "no", "maybe"
_OF_HTTP = ("hosts", "notHosts", "methods", "notMethods", "paths", "notPaths")


@dataclass(frozen=True)
class Call:
    """One call as a proxy sees it that receives it: from whom, to which port, for which server name; None is not known.

    ``domain`` is the mesh's own trust domain. At a gateway that ``is_tcp`` rules about HTTP mean nothing.
    """

    namespace: str | None
    account: str | None
    domain: str
    port: int | None = None
    sni: str | None = None
    is_tcp: bool = False

    @property
    def principal(self) -> str | None:
        """Return the identity that the caller shows."""
        return f"{self.domain}/ns/{self.namespace}/sa/{self.account}" if self.namespace and self.account else None


@dataclass(frozen=True)
class Verdict:
    """Whether a call passes, and which policies decide it; ``rehearsed`` are those that would decide otherwise once
    they are enforced.
    """

    passes: str
    by: tuple[str, ...] = ()
    rehearsed: tuple[str, ...] = ()

    def __str__(self) -> str:
        because = f" by {', '.join(self.by)}" if self.by else ", no policy speaks of it" if self.passes == YES else ""
        later = (
            f"; refused once {listed(self.rehearsed, 5)} {'is' if len(self.rehearsed) == 1 else 'are'} no rehearsal"
            if self.rehearsed
            else ""
        )
        return {YES: "admitted", NO: "refused", MAYBE: "may be refused"}[self.passes] + because + later


def is_enforced_allow(live: Mapping) -> bool:
    """Return whether a policy admits callers, and is no rehearsal."""
    return (at(live, "spec", "action") or "ALLOW") == "ALLOW" and not is_rehearsal(live)


def verdict(policies: Iterable[Mapping], call: Call) -> Verdict:
    """Return whether the policies of one workload let ``call`` pass. Those that are only rehearsed do not count, and it
    is told what they would do.
    """
    policies = list(policies)
    enforced = [live for live in policies if not is_rehearsal(live)]
    found = _verdict(enforced, call)
    later = _verdict(policies, call) if len(enforced) < len(policies) and found.passes != NO else found
    rehearsed = {place_of(live) for live in policies} - {place_of(live) for live in enforced}
    return (
        replace(found, rehearsed=tuple(place for place in later.by if place in rehearsed))
        if later.passes == NO != found.passes
        else found
    )


def _verdict(policies: Iterable[Mapping], call: Call) -> Verdict:
    judged: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for live in policies:
        action = str(at(live, "spec", "action") or "ALLOW")
        judged[action].append((_policy(live, call, action), place_of(live)))
    denying, allowing = judged["DENY"], judged["ALLOW"]
    if denied := _that_say(denying, YES):
        return Verdict(NO, denied)
    doubtful = _that_say(denying, MAYBE) + _that_say(judged["CUSTOM"], YES, MAYBE)
    admitted, perhaps = _that_say(allowing, YES), _that_say(allowing, MAYBE)
    if allowing and not admitted:
        return Verdict(MAYBE, perhaps + doubtful) if perhaps else Verdict(NO, _that_say(allowing, NO))
    return Verdict(MAYBE, doubtful) if doubtful else Verdict(YES, admitted)


def _that_say(judged: Iterable[tuple[str, str]], *words: str) -> tuple[str, ...]:
    return tuple(place for found, place in judged if found in words)


def _policy(live: Mapping, call: Call, action: str) -> str:
    return _any(_rule(rule, call, action) for rule in items(at(live, "spec", "rules")))


def _rule(rule: Mapping, call: Call, action: str) -> str:
    parts = []
    if items(rule.get("from")):
        parts.append(_any(_source(mapping(one.get("source")), call) for one in items(rule["from"])))
    if items(rule.get("to")):
        parts.append(_any(_operation(mapping(one.get("operation")), call, action) for one in items(rule["to"])))
    parts += [_condition(one, call, action) for one in items(rule.get("when"))]
    return _all(parts)


def _source(source: Mapping, call: Call) -> str:
    parts = []
    for key, value in source.items():
        if key in ("principals", "notPrincipals"):
            patterns = [own_pattern(text, call.domain) for text in strings(value)]
            parts.append(_listed(patterns, call.principal, is_not=key.startswith("not")))
        elif key in ("namespaces", "notNamespaces"):
            parts.append(_listed(strings(value), call.namespace, is_not=key.startswith("not")))
        else:
            parts.append(MAYBE)
    return _all(parts)


def _operation(operation: Mapping, call: Call, action: str) -> str:
    parts = []
    for key, value in operation.items():
        if key in ("ports", "notPorts"):
            parts.append(
                _listed(strings(value), None if call.port is None else str(call.port), is_not=key.startswith("not"))
            )
        elif key in _OF_HTTP and call.is_tcp:
            # A DENY goes on without what it cannot read, an ALLOW never applies.
            parts += [] if action == "DENY" else [NO]
        else:
            parts.append(MAYBE)
    return _all(parts)


def _condition(condition: Mapping, call: Call, action: str) -> str:
    known = {
        "connection.sni": call.sni,
        "source.principal": call.principal,
        "source.namespace": call.namespace,
        "destination.port": None if call.port is None else str(call.port),
    }
    key = str(condition.get("key"))
    if key.startswith("request.") and call.is_tcp:
        return YES if action == "DENY" else NO
    if key not in known:
        return MAYBE
    return _all(
        _listed(
            [own_pattern(text, call.domain) for text in strings(condition[word])],
            known[key],
            is_not=word == "notValues",
        )
        for word in ("values", "notValues")
        if condition.get(word)
    )


def _listed(patterns: Iterable[str], value: str | None, *, is_not: bool) -> str:
    patterns = list(patterns)
    if value is None:
        return MAYBE
    is_hit = any(_fits(pattern, value) for pattern in patterns)
    return YES if is_hit != is_not else NO


def _fits(pattern: str, value: str) -> bool:
    if pattern == "*":
        return bool(value)
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else pattern == value


def own_pattern(pattern: str, domain: str) -> str:
    """Return a pattern of principals with the word for "this mesh" as the mesh's own trust domain."""
    start = f"{DEFAULT_TRUST_DOMAIN}/"
    return f"{domain}/{pattern[len(start) :]}" if pattern.startswith(start) else pattern


def _all(parts: Iterable[str]) -> str:
    found = set(parts)
    return NO if NO in found else MAYBE if MAYBE in found else YES


def _any(parts: Iterable[str]) -> str:
    found = set(parts)
    return YES if YES in found else MAYBE if MAYBE in found else NO
