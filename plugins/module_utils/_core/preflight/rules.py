# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What istiod passes over in the rules of live sets, whoever wrote them.

Source: federation.md sections 5.2 to 5.5 and 8 (G30, G33, G36, G38, G40 to G42, G44, G50); maistra/istio,
namemapping.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..catalogue.findings import Finding
from ..plain.data import at, mapping, place_of
from ..plain.kinds import is_below, is_of_platform
from ..plain.selectors import selector_test
from ..plain.words import printable
from .checks import check
from .estate import EXPORT_SETS, IMPORT_SETS, Estate

# A code, what was seen, and the cure where it is sharper than the catalogue's.
Problem = tuple[str, ...]
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WRITTEN = {"NameSelector": "nameSelector", "LabelSelector": "labelSelector"}


@dataclass(frozen=True)
class Matched:
    """What a rule that counts matches; an empty name or namespace is any, ``labels`` None where it does not look at
    them.
    """

    name: str
    namespace: str
    labels: object = None

    def covers(self, other: Matched) -> bool:
        """Return whether this rule also matches everything that ``other`` matches."""
        if self.labels is not None and self.labels != other.labels:
            return False
        return self.name in ("", other.name) and self.namespace in ("", other.namespace)


@check(reads=[EXPORT_SETS], codes=["FED760", "FED763", "FED766", "FED767"])
def export_rules(estate: Estate) -> Iterator[Finding]:
    """Give the rules of live sets of exports that do not count, are never reached, or do harm."""
    for _name, live in sorted(estate.exports.items()):
        yield from _rules(estate, live, "exportRules", _export_problem)


@check(
    reads=[IMPORT_SETS],
    codes=["FED766", "FED767", "FED773", "FED775", "FED780", "FED781", "FED782", "FED784", "FED789"],
)
def import_rules(estate: Estate) -> Iterator[Finding]:
    """Give the rules of live sets of imports that do not count, are never reached, or do harm."""
    for _name, live in sorted(estate.imports.items()):
        yield from _rules(estate, live, "importRules", _import_problem)
        yield from _locality(live)


def _rules(
    estate: Estate, live: Mapping, field: str, problem_of: Callable[[Estate, Mapping, Mapping], Problem | None]
) -> Iterator[Finding]:
    earlier: list[tuple[int, Matched]] = []
    rules = at(live, "spec", field)
    for index, rule in enumerate(rules if isinstance(rules, list) else []):
        place = f"{place_of(live)}, {field}[{index}]"
        problem = _unreadable(rule, field) or problem_of(estate, live, rule)
        if problem:
            yield Finding(problem[0], place, *problem[1:])
        if problem and problem[0] in ("FED766", "FED780", "FED781"):
            continue
        matched = _matched(rule)
        hidden_by = next((number for number, before in earlier if before.covers(matched)), None)
        if hidden_by is not None:
            yield Finding("FED767", place, f"is never reached: {field}[{hidden_by}] before it matches all that it does")
        earlier.append((index, matched))


def _unreadable(rule: object, field: str) -> Problem | None:
    kind = at(rule, "type")
    known = ("NameSelector", "LabelSelector") if field == "exportRules" else ("NameSelector",)
    if kind not in known:
        return "FED766", f"has the type {printable(str(kind), 40)}, not {' or '.join(known)}"
    selector = at(rule, _WRITTEN[kind])
    if not isinstance(selector, Mapping):
        return "FED766", f"has the type {kind} and no {_WRITTEN[kind]}"
    if kind == "LabelSelector":
        try:
            selector_test(selector.get("selector"))
        except ValueError as reason:
            return "FED766", f"has a label selector that cannot be read: {printable(str(reason), 160)}"
    return None


def _export_problem(estate: Estate, live: Mapping, rule: Mapping) -> Problem | None:
    matched = _matched(rule)
    if matched.namespace == estate.namespace:
        return "FED760", f"offers services of the control plane's namespace {estate.namespace}"
    if not matched.name and not matched.namespace and matched.labels is None:
        return "FED760", "matches every service, istiod and the gateways included"
    aliases = [mapping(entry).get("alias") for entry in at(rule, "labelSelector", "aliases") or []]
    if matched.labels is None and at(rule, "type") == "NameSelector":
        aliases = [at(rule, "nameSelector", "alias")]
    for alias in aliases:
        wrong = _wrong_label(alias)
        if wrong:
            return "FED763", f"has the alias {wrong}"
    return None


def _import_problem(estate: Estate, live: Mapping, rule: Mapping) -> Problem | None:
    suffix = str(at(rule, "domainSuffix") or at(live, "spec", "domainSuffix") or "")
    is_local, wrong = bool(at(rule, "importAsLocal")), _wrong_label(at(rule, "nameSelector", "alias"))
    return (
        (_nameless_local(rule) if is_local else _wrong_suffix(estate, suffix))
        or (("FED789", f"has the alias {wrong}") if wrong else None)
        or (_wrong_local(estate, rule) if is_local else _foreign_suffix(estate, suffix))
        or _one_name_for_all(rule)
    )


def _nameless_local(rule: Mapping) -> Problem | None:
    fixed = _any(at(rule, "nameSelector", "alias", "namespace"))
    return None if fixed else ("FED780", "has importAsLocal and no fixed alias.namespace")


def _wrong_suffix(estate: Estate, suffix: str) -> Problem | None:
    cluster = f"svc.{estate.control_plane.cluster_domain}"
    if suffix == cluster:
        return "FED781", f"has the suffix {cluster}"
    if suffix and not all(_LABEL.fullmatch(part) for part in suffix.split(".")):
        return "FED789", f"has the suffix {printable(suffix, 80)!r}"
    return None


def _foreign_suffix(estate: Estate, suffix: str) -> Problem | None:
    domain = estate.control_plane.cluster_domain
    if suffix and (is_below(suffix, domain) or is_below(domain, suffix)):
        return "FED775", f"has the suffix {suffix}, and the cluster's domain is {domain}"
    return None


def _wrong_local(estate: Estate, rule: Mapping) -> Problem | None:
    target = _any(at(rule, "nameSelector", "alias", "namespace"))
    if is_of_platform(target) or target == estate.namespace:
        return "FED775", f"imports as local into the namespace {target}"
    if not _matched(rule).name:
        return "FED773", f"imports as local, into the namespace {target}, whatever the peer exports"
    return None


def _one_name_for_all(rule: Mapping) -> Problem | None:
    alias, matched = at(rule, "nameSelector", "alias"), _matched(rule)
    if _any(at(alias, "name")) and (not matched.name or (not matched.namespace and _any(at(alias, "namespace")))):
        return "FED782", f"imports all that it matches under the one name {at(alias, 'name')}"
    return None


def _locality(live: Mapping) -> Iterator[Finding]:
    parts = [word for word in ("region", "zone", "subzone") if at(live, "spec", "locality", word)]
    lacking = {"zone": ["region"], "subzone": ["region", "zone"]}.get(parts[-1] if parts else "", [])
    missing = [word for word in lacking if word not in parts]
    if missing:
        yield Finding(
            "FED784", f"{place_of(live)}, spec.locality", f"has a {parts[-1]} and no {' and no '.join(missing)}"
        )


def _matched(rule: Mapping) -> Matched:
    if at(rule, "type") == "LabelSelector":
        labels = mapping(at(rule, "labelSelector", "selector"))
        chosen = {key: value for key, value in labels.items() if value} or None
        return Matched("", _any(at(rule, "labelSelector", "namespace")), chosen)
    return Matched(_any(at(rule, "nameSelector", "name")), _any(at(rule, "nameSelector", "namespace")))


def _any(part: object) -> str:
    """Return a name part, empty for "any": absent, empty and ``*`` are one."""
    return "" if part in (None, "", "*") else str(part)


def _wrong_label(alias: object) -> str:
    for word in ("name", "namespace"):
        part = _any(at(alias, word))
        if part and not _LABEL.fullmatch(part):
            return f"{word} {printable(part, 80)!r}"
    return ""


CHECKS = (export_rules, import_rules)
