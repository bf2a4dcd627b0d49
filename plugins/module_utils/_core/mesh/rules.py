# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a mesh offers and what it takes: the rules, each checked by itself, then beside those before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

from ..plain.errors import refuse
from ..plain.kinds import is_below, is_of_platform
from ..plain.selectors import label_selector, selects_by_presence
from .described import ANY, Alias, ExportRule, ImportRule, Mesh, Peer, concerns
from .fields import LABEL, NAME, boolean_of, check_keys, check_label, list_of
from .given import ALIAS, EXPORT_RULE, IMPORT_RULE, refuse_empty

# Stands for a rule that was refused before, so that those after it keep their numbers; it concerns no peer.
LEFT_OUT: Mapping = MappingProxyType({})


def check_rules(mesh: Mesh) -> None:
    """Check the rules for each peer; of peers that the same rules concern, once."""
    checked: set[tuple] = set()
    for peer in mesh.peers:
        exported, imported = mesh.exports_to(peer), mesh.imports_from(peer)
        concerned = (tuple(rule.number for rule in exported), tuple(rule.number for rule in imported))
        if concerned not in checked:
            checked.add(concerned)
            _check_exports(exported, mesh, peer)
            _check_imports(imported, peer)


@dataclass(frozen=True)
class Names:
    """The names by which rules may speak of peers: ``known``, and ``shared`` with our own names for those
    behind each.
    """

    known: frozenset[str]
    shared: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, peers: Iterable[Peer]) -> Names:
        called: dict[str, list[str]] = {}
        for peer in peers:
            called.setdefault(peer.name, []).append(peer.local_name)
        shared = {name: tuple(local) for name, local in called.items() if len(local) > 1}
        local = {name for names in called.values() for name in names}
        return cls(frozenset((called.keys() | local) - shared.keys()), shared)


def export_rule(rule: Mapping, number: int, peers: Names) -> ExportRule:
    if rule is LEFT_OUT:
        return ExportRule(number, None, None, None, Alias(), to=())
    place = f"mesh_exports, rule {number}"
    check_keys(rule, set(EXPORT_RULE), place)
    refuse_empty(rule, place, EXPORT_RULE, {"label_selectors": "FED314"})
    selectors = list_of(rule.get("label_selectors"), f"{place}, label_selectors")
    if selectors and "name" in rule:
        refuse("FED317", place, "has both a name and label_selectors", "Use one of the two")
    selector = None
    if selectors:
        try:
            selector = label_selector(selectors)
        except ValueError as reason:
            refuse(
                "FED314",
                f"{place}, label_selectors",
                str(reason),
                "Write them as kubernetes.core does: app=web, tier in (a,b), !key",
            )
    name, namespace = _service_parts(rule, place)
    return ExportRule(
        number=number,
        name=name,
        namespace=namespace,
        selector=selector,
        alias=_alias(rule.get("alias"), place),
        to=_peer_names(rule.get("to"), peers, f"{place}, to"),
    )


def import_rule(rule: Mapping, number: int, peers: Names) -> ImportRule:
    if rule is LEFT_OUT:
        return ImportRule(number, None, None, Alias(), import_as_local=False, domain_suffix=None, sources=())
    place = f"mesh_imports, rule {number}"
    check_keys(rule, set(IMPORT_RULE), place)
    refuse_empty(rule, place, IMPORT_RULE)
    name, namespace = _service_parts(rule, place)
    alias = _alias(rule.get("alias"), place)
    as_local = boolean_of(rule.get("import_as_local"), f"{place}, import_as_local")
    suffix = rule.get("domain_suffix")
    if as_local and suffix is not None:
        refuse("FED310", place, "has a domain_suffix, which import_as_local overrides", "Leave one of the two out")
    if as_local and not (name and namespace):
        refuse(
            "FED313",
            place,
            "imports as local what a wildcard matches, so the peer would choose the names of services in this cluster",
            "Write one rule for each service, with its name and namespace as the peer exports them",
        )
    if as_local and not alias.namespace:
        alias = Alias(name=alias.name or name, namespace=namespace)
    if suffix is not None and not _is_domain(suffix):
        refuse(
            "FED310",
            f"{place}, domain_suffix",
            f"{suffix} is not a DNS name",
            "Use DNS labels joined by dots, none at the ends",
        )
    if suffix is not None and "." not in suffix:
        refuse(
            "FED310",
            f"{place}, domain_suffix",
            f"{suffix} is a single label, so the peer could give any name that ends in it",
            "Use your own domain, such as partners.example.com",
        )
    return ImportRule(
        number=number,
        name=name,
        namespace=namespace,
        alias=alias,
        import_as_local=as_local,
        domain_suffix=suffix,
        sources=_peer_names(rule.get("from"), peers, f"{place}, from"),
    )


def _is_domain(value: object) -> bool:
    if not isinstance(value, str) or len(value) > 200:
        return False
    return all(len(part) <= 63 and LABEL.fullmatch(part) for part in value.split("."))


def check_targets(mesh: Mesh) -> None:
    """Refuse imports into the platform's or the control plane's namespaces, and under another peer's own suffix."""
    for rule in mesh.imports:
        place, target = f"mesh_imports, rule {rule.number}", rule.alias.namespace or ""
        if is_of_platform(target) or target == mesh.namespace:
            whose = "the control plane's own" if target == mesh.namespace else "the platform's"
            what = f"imports into the namespace {target}, which is {whose}"
            refuse("FED323", place, what, "Use the namespace of an application in alias.namespace")
        suffix = rule.domain_suffix or ""
        for peer in mesh.peers if suffix else ():
            its = f"svc.{peer.local_name}-imports.local"
            is_foreign = any(other is not peer and concerns(rule.sources, other) for other in mesh.peers)
            if is_foreign and (is_below(suffix, its) or is_below(its, suffix)):
                refuse(
                    "FED310",
                    f"{place}, domain_suffix",
                    f"{suffix} shares names with {its}, under which the services of {peer.local_name} are imported, "
                    "so another peer could take them",
                    "Use another suffix, or leave it out",
                )


def _check_exports(rules: Sequence[ExportRule], mesh: Mesh, peer: Peer) -> None:
    names: dict[tuple[str, str], ExportRule] = {}
    for rule in rules:
        place = f"mesh_exports, rule {rule.number}"
        _check_reach(rule, mesh.namespace)
        earlier = next((r for r in rules if r.number < rule.number and _hides_export(r, rule)), None)
        if earlier:
            _refuse_unreachable(place, earlier.number, peer)
        fixed = _fixed_name(rule)
        if fixed and fixed in names:
            _refuse_twice("FED311", place, names[fixed].number, f"{fixed[0]}.{fixed[1]}", "exported", peer)
        if fixed:
            names[fixed] = rule
        if rule.alias.name and _is_many(rule):
            _refuse_many(place, rule.alias.name)
        _refuse_merging(rules, rule, place, "exported", peer)


def _check_reach(rule: ExportRule, home: str) -> None:
    """Refuse a rule that offers what is not an application's; ``home`` is the control plane's namespace."""
    place, members_only = f"mesh_exports, rule {rule.number}", "Offer services of member namespaces only"
    if rule.selector is None and not rule.name and not rule.namespace:
        what = "matches every service, istiod and the gateways included"
        refuse("FED315", place, what, "Name a namespace, or select by labels")
    if rule.namespace == home:
        refuse("FED315", place, f"offers services of the control plane's namespace {home}", members_only)
    # One named application may live in the namespace default, where the Service of the API server is.
    is_application = rule.namespace == "default" and rule.name not in (None, "kubernetes")
    if is_of_platform(rule.namespace or "") and not is_application:
        refuse("FED315", place, f"offers services of the platform's namespace {rule.namespace}", members_only)
    if rule.selector is not None and not rule.namespace and not selects_by_presence(rule.selector):
        refuse(
            "FED315",
            place,
            "matches every service that lacks a label, istiod and the gateways included",
            "Name a namespace, or add a label that the services must have",
        )


def _check_imports(rules: Sequence[ImportRule], peer: Peer) -> None:
    names: dict[tuple, ImportRule] = {}
    for rule in rules:
        place = f"mesh_imports, rule {rule.number}"
        earlier = next((r for r in rules if r.number < rule.number and _covers(r, rule)), None)
        if earlier:
            _refuse_unreachable(place, earlier.number, peer)
        fixed = _fixed_name(rule)
        key = fixed and (*fixed, rule.import_as_local, None if rule.import_as_local else rule.domain_suffix)
        if fixed and key in names:
            _refuse_twice("FED311", place, names[key].number, f"{fixed[0]}.{fixed[1]}", "imported", peer)
        if key:
            names[key] = rule
        if rule.alias.name and _is_many(rule):
            _refuse_many(place, rule.alias.name)
        _refuse_merging([other for other in rules if _same_suffix(other, rule)], rule, place, "imported", peer)


def _fixed_name(rule: ExportRule | ImportRule) -> tuple[str, str] | None:
    name, namespace = rule.alias.name or rule.name, rule.alias.namespace or rule.namespace
    return (name, namespace) if name and namespace else None


def _is_many(rule: ExportRule | ImportRule) -> bool:
    """Whether several services can fall under a rule and would get one name by its fixed alias.

    A wildcard namespace alone is many only when the alias fixes the namespace as well.
    """
    if getattr(rule, "selector", None) is not None or not rule.name:
        return True
    return not rule.namespace and bool(rule.alias.namespace)


def _refuse_merging(
    rules: Sequence[ExportRule | ImportRule], rule: ExportRule | ImportRule, place: str, verb: str, peer: Peer
) -> None:
    """Refuse a rule that gives services of several namespaces names in one, alone or beside an earlier rule: FED311.

    Whoever can make a Service in one of these namespaces could take the name of another's.
    """
    if rule.alias.namespace and not rule.namespace:
        refuse(
            "FED311",
            place,
            f"gives services of every namespace names in the namespace {rule.alias.namespace}, "
            "so one of them can take another's name",
            "Name the namespace that the rule is for",
        )
    before = [other for other in rules if other.number < rule.number]
    earlier = next((other for other in before if _merge(other, rule, is_import=verb == "imported")), None)
    if earlier:
        into = rule.alias.namespace or earlier.alias.namespace
        refuse(
            "FED311",
            place,
            f"and rule {earlier.number} give services of different namespaces {verb} names in the namespace {into} "
            f"for {peer.name}, so one of them can take another's name",
            "Give one of the rules another alias.namespace, or fixed names that differ to both",
        )


def _merge(one: ExportRule | ImportRule, other: ExportRule | ImportRule, *, is_import: bool) -> bool:
    """Return whether one of two rules gives services a name in a namespace that the other offers as it is.

    Two rules that both rename to a namespace of their own choice say so. A peer names all that it offers, so an import
    rule that leaves all namespaces as they are adds nothing to what it can do.
    """
    if bool(one.alias.namespace) == bool(other.alias.namespace):
        return False
    if is_import and not (one.namespace and other.namespace):
        return False
    if one.namespace == other.namespace:
        return False
    names = [rule.alias.name or rule.name for rule in (one, other)]
    spaces = [rule.alias.namespace or rule.namespace for rule in (one, other)]
    return all(None in pair or pair[0] == pair[1] for pair in (names, spaces))


def _same_suffix(one: ImportRule, other: ImportRule) -> bool:
    return (one.import_as_local, one.domain_suffix) == (other.import_as_local, other.domain_suffix)


def _covers(earlier: ExportRule | ImportRule, later: ExportRule | ImportRule) -> bool:
    return (earlier.name is None or earlier.name == later.name) and (
        earlier.namespace is None or earlier.namespace == later.namespace
    )


def _hides_export(earlier: ExportRule, later: ExportRule) -> bool:
    if earlier.selector is not None and earlier.selector != later.selector:
        return False
    return _covers(earlier, later)


def _refuse_unreachable(place: str, earlier: int, peer: Peer) -> NoReturn:
    refuse(
        "FED312",
        place,
        f"is never reached for {peer.name}: rule {earlier} before it matches everything that it does",
        "Put the specific rule first, or drop it",
    )


def _refuse_twice(code: str, place: str, earlier: int, name: str, verb: str, peer: Peer) -> NoReturn:
    refuse(
        code,
        place,
        f"and rule {earlier} both give the {verb} name {name} for {peer.name}",
        "Give one of them another alias",
    )


def _refuse_many(place: str, name: str) -> NoReturn:
    refuse(
        "FED311",
        place,
        f"gives every service that it matches the one name {name}",
        "Leave alias.name out, or match one service by name and namespace",
    )


def _service_parts(rule: Mapping, place: str) -> tuple[str | None, str | None]:
    parts: list[str | None] = []
    for key in ("name", "namespace"):
        value = rule.get(key)
        if value in (None, ANY):
            parts.append(None)
            continue
        if not isinstance(value, str) or not NAME.fullmatch(value):
            refuse(
                "FED317",
                f"{place}, {key}",
                f"{value} is not a name that a service can have",
                "Write a whole name, or * for any: patterns such as web-* are not understood by istiod",
            )
        parts.append(value)
    return parts[0], parts[1]


def _alias(value: object, place: str) -> Alias:
    if value is None:
        return Alias()
    if not isinstance(value, Mapping):
        refuse("FED317", f"{place}, alias", "is not a mapping", "Give it name and namespace, or one of them")
    check_keys(value, set(ALIAS), f"{place}, alias")
    refuse_empty(value, f"{place}, alias", ALIAS)
    parts = {}
    for key, part in value.items():
        if part != ANY:
            parts[key] = check_label(part, f"{place}, alias.{key}", 63, code="FED316")
    return Alias(**parts)


def _peer_names(value: object, peers: Names, place: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = list_of(value, place)
    for name in names:
        if isinstance(name, str) and name in peers.shared:
            refuse(
                "FED320",
                place,
                f"names {name}, and {len(peers.shared[name])} peers call themselves that",
                f"Use our own names for them: {', '.join(peers.shared[name])}",
            )
        if not isinstance(name, str) or name not in peers.known:
            known = ", ".join(sorted(peers.known)) or "none"
            refuse("FED302", place, f"names {name}, which is not in mesh_peers", f"Known peers: {known}")
    return tuple(names)
