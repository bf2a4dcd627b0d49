# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What services are called after they are exported and imported, and why.

The names are those that istiod gives (maistra/istio, pkg/servicemesh/federation: namemapping.go, exports.go,
imports.go; federation.md section 5). The sets may be anybody's: a rule that istiod passes over is passed over
here too, and the reason says why. Nothing in a set makes these functions fail.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from ..plain.data import listed, mapping
from ..plain.kinds import CLUSTER_DOMAIN
from ..plain.selectors import Labels, selector_test

EXPORT_TO = "networking.istio.io/exportTo"

_DNS_LABEL = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_LONGEST_DNS_NAME = 253
_EXPORTED_HOST = re.compile(r"(?P<name>.+)\.(?P<namespace>[^.]+)\.svc\.(?P<peer>.+)-exports\.local")
_MOST_CLAUSES = 3

_PROTOCOLS = {
    name.lower(): name
    for name in ("HTTP", "HTTP2", "HTTPS", "GRPC", "GRPC-Web", "TCP", "TLS", "UDP", "Mongo", "MySQL", "Redis")
}
_KUBERNETES_PROTOCOLS = {"kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http", "kubernetes.io/wss": "https"}


def exported_names(services: Iterable[Mapping], spec: Mapping | None, peer: str) -> list[dict]:
    """Return under which names an ExportedServiceSet exports services, and why.

    ``services`` are manifests of Service and ServiceEntry as Kubernetes returns them, ``spec`` is the set's
    ``spec`` as stored (``None``: there is no set), ``peer`` is the exporting mesh's own name of its peer.

    One row per Service and per host of a ServiceEntry, in the order given: ``name`` (for a ServiceEntry its
    host), ``namespace``, ``exported`` (the exported host name, or ``None``), ``rule`` (the place in
    ``spec.exportRules``, counted from 0, of the rule that decided, or ``None``) and ``reason``.
    """
    rules, no_rules = _rules_of(spec, "ExportedServiceSet", "exportRules", _export_rule)
    rows: list[dict] = []
    taken: defaultdict[str, dict] = defaultdict(dict)
    for candidate in _candidates(services):
        verdict = _exported(candidate, rules, no_rules, peer)
        rows.append({"name": candidate.name, "namespace": candidate.namespace, **verdict})
        if verdict["exported"] is not None:
            taken[verdict["exported"]].setdefault(candidate.identity, f"{candidate.namespace}/{candidate.name}")
    for row in rows:
        if row["exported"] is not None and len(taken[row["exported"]]) > 1:
            named = listed(sorted(taken[row["exported"]].values()))
            row["reason"] += f"; {named} get one name, so the set's status can no longer be written"
    return rows


def imported_names(
    hosts: Iterable[str], spec: Mapping | None, peer: str, cluster_domain: str = CLUSTER_DOMAIN
) -> list[dict]:
    """Return under which names an ImportedServiceSet imports a peer's services, and why.

    ``hosts`` are exported host names as the exporter gives them, ``spec`` is the set's ``spec`` as stored
    (``None``: there is no set), ``peer`` is the importing mesh's own name of its peer.

    One row per host, in the order given: ``host``, ``imported`` (the imported host name, or ``None``),
    ``rule`` (the place in ``spec.importRules``, counted from 0, of the rule that decided, or ``None``),
    ``local`` (whether it is imported as a service of this cluster) and ``reason``.
    """
    local_suffix = f"svc.{cluster_domain}"
    set_suffix = spec.get("domainSuffix") if isinstance(spec, Mapping) else None
    default_suffix = f"svc.{peer}-imports.local" if set_suffix in (None, "") else set_suffix

    def import_rule(index: int, rule: object) -> _Rule:
        return _import_rule(index, rule, default_suffix, local_suffix)

    rules, no_rules = _rules_of(spec, "ImportedServiceSet", "importRules", import_rule)
    rows: list[dict] = []
    taken: defaultdict[str, dict] = defaultdict(dict)
    for host in hosts:
        row = {"host": host, **_imported(host, rules, no_rules)}
        rows.append(row)
        if row["imported"] is not None:
            taken[row["imported"]][host] = host
    for row in rows:
        if row["imported"] is not None and len(taken[row["imported"]]) > 1:
            services = listed(sorted(taken[row["imported"]]))
            row["reason"] += f"; {services} get one name, so only one of them can be reached"
    return rows


def host_parts(host: str) -> tuple[str, str] | None:
    """Return name and namespace of an exported host name, ``<name>.<namespace>.svc.<peer>-exports.local``.

    ``None`` says that ``host`` is no such name. The name of an exported ServiceEntry has dots of its own.
    """
    match = _EXPORTED_HOST.fullmatch(host) if isinstance(host, str) else None
    return (match["name"], match["namespace"]) if match else None


def exported_service(host: str) -> str:
    """Return namespace/name of the service behind an exported host; "" for what is none."""
    parts = host_parts(host)
    return f"{parts[1]}/{parts[0]}" if parts else ""


def short_host(host: str) -> str:
    """Return an exported host as people name its service, ``cart.shop``; what is none as it is."""
    parts = host_parts(host)
    return ".".join(parts) if parts else host


def ports_of(service: Mapping) -> list[dict]:
    """Return the ports of a Service or ServiceEntry manifest as a mesh tells them to its peers.

    Rows of ``name`` (empty when the port has none), ``number`` and ``protocol`` in Istio's spelling. UDP stays
    UDP; else a Service's ``appProtocol`` decides, then the port name up to its first ``-``, and a ServiceEntry's
    own ``protocol``; what Istio does not know is TCP. A port without a number is left out.
    Source: Istio documentation, "Protocol Selection".
    """
    in_service_entry = _kind_of(service) == "ServiceEntry"
    rows = []
    for port in _items(mapping(service.get("spec")).get("ports")):
        port = mapping(port)
        number = port.get("number" if in_service_entry else "port")
        if isinstance(number, int) and not isinstance(number, bool):
            protocol = _istio_protocol(_text(port.get("protocol"))) if in_service_entry else _service_protocol(port)
            rows.append({"name": _text(port.get("name")), "number": number, "protocol": protocol})
    return rows


def _service_protocol(port: Mapping) -> str:
    if port.get("protocol") == "UDP":
        return "UDP"
    word = (_text(port.get("appProtocol")) or _text(port.get("name"))).lower()
    word = _KUBERNETES_PROTOCOLS.get(word, word)
    return "GRPC-Web" if word.startswith("grpc-web") else _istio_protocol(word.split("-")[0])


def _istio_protocol(word: str) -> str:
    return _PROTOCOLS.get(word.lower(), "TCP")


# Rules ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Renaming:
    """A nameSelector, or an entry of a labelSelector's aliases; an empty text is "any", in an alias "keep"."""

    namespace: str = ""
    name: str = ""
    new_namespace: str = ""
    new_name: str = ""

    def __str__(self) -> str:
        selected = f"{self.namespace or '*'}/{self.name or '*'}"
        if not self.new_namespace and not self.new_name:
            return selected
        return f"{selected} as {self.new_namespace or '*'}/{self.new_name or '*'}"


@dataclass(frozen=True)
class _Rule:
    """One rule, read once. A rule with a ``problem`` does not count; what it would select is known as far
    as it goes.
    """

    index: int
    where: str
    title: str
    problem: str = ""
    namespace: str = ""
    labels_match: Callable[[Labels], bool] | None = None
    renamings: tuple[_Renaming, ...] = (_Renaming(),)
    keeps_unlisted: bool = False
    suffix: str = ""
    is_local: bool = False

    def __str__(self) -> str:
        return f"{self.where} ({self.title})"

    def renaming_for(self, name: str, namespace: str, labels: Labels) -> _Renaming | None:
        """Return how the rule renames a service, or ``None`` when it does not select it."""
        if self.namespace and self.namespace != namespace:
            return None
        if self.labels_match is not None and not self.labels_match(labels):
            return None
        for renaming in self.renamings:
            if (not renaming.namespace or renaming.namespace == namespace) and (
                not renaming.name or renaming.name == name
            ):
                return renaming
        return _Renaming() if self.keeps_unlisted else None


class _Unreadable(ValueError):
    """A rule, or a part of one, that does not count; the text says why."""


def _rules_of(spec: object, kind: str, field: str, read: Callable[[int, object], _Rule]) -> tuple[list[_Rule], str]:
    """Return the set's rules, and what to say when there are none."""
    if spec is None:
        return [], f"there is no {kind}"
    if not isinstance(spec, Mapping):
        return [], f"the {kind}'s spec is not a mapping"
    rules = spec.get(field)
    if rules is not None and not _is_list(rules):
        return [], f"{field} is not a list"
    return [read(index, rule) for index, rule in enumerate(rules or [])], f"{field} is empty"


def _export_rule(index: int, rule: Any) -> _Rule:
    read = _Rule(index, f"exportRules[{index}]", "unreadable")
    try:
        kind = _type_of(rule, ("NameSelector", "LabelSelector"))
        read = replace(read, title=kind)
        selector = _selector_of(rule, kind)
        if kind == "NameSelector":
            return _named(read, selector)
        namespace = _pattern(selector, "namespace", "labelSelector.")
        read = replace(
            read, namespace=namespace, title=f"LabelSelector in {namespace or 'any namespace'}", keeps_unlisted=True
        )
        aliases = selector.get("aliases")
        if aliases is not None and not _is_list(aliases):
            raise _Unreadable("labelSelector.aliases is not a list")
        read = replace(
            read,
            renamings=tuple(
                _renaming(entry, f"labelSelector.aliases[{place}]") for place, entry in enumerate(aliases or [])
            ),
        )
        return replace(read, labels_match=selector_test(selector.get("selector")))
    except ValueError as error:
        return replace(read, problem=str(error))


def _import_rule(index: int, rule: Any, default_suffix: object, local_suffix: str) -> _Rule:
    read = _Rule(index, f"importRules[{index}]", "unreadable")
    try:
        kind = _type_of(rule, ("NameSelector",))
        read = _named(replace(read, title=kind), _selector_of(rule, kind))
        as_local = rule.get("importAsLocal")
        if as_local is not None and not isinstance(as_local, bool):
            raise _Unreadable("importAsLocal is not true or false")
        if as_local:
            if not read.renamings[0].new_namespace:
                raise _Unreadable("importAsLocal needs a fixed alias.namespace")
            return replace(read, suffix=local_suffix, is_local=True)
        return replace(read, suffix=_suffix(rule.get("domainSuffix"), default_suffix, local_suffix))
    except ValueError as error:
        return replace(read, problem=str(error))


def _suffix(own: object, default: object, local_suffix: str) -> str:
    suffix, whose = (default, "spec.domainSuffix") if own in (None, "") else (own, "domainSuffix")
    if not isinstance(suffix, str):
        raise _Unreadable(f"{whose} is not a text")
    if suffix == local_suffix:
        raise _Unreadable(f"{whose} {suffix} is the cluster's own; use importAsLocal instead")
    return suffix


def _type_of(rule: object, known: tuple[str, ...]) -> str:
    if not isinstance(rule, Mapping):
        raise _Unreadable("it is not a mapping")
    kind = rule.get("type")
    if kind not in known:
        raise _Unreadable(f"its type is {'missing' if kind is None else repr(kind)}, not {' or '.join(known)}")
    return kind


def _selector_of(rule: Mapping, kind: str) -> Mapping:
    field = kind[0].lower() + kind[1:]
    selector = rule.get(field)
    if selector is None:
        raise _Unreadable(f"its type is {kind}, but {field} is missing")
    if not isinstance(selector, Mapping):
        raise _Unreadable(f"{field} is not a mapping")
    return selector


def _named(read: _Rule, selector: Mapping) -> _Rule:
    renaming = _renaming(selector, "nameSelector")
    return replace(read, title=f"NameSelector {renaming}", renamings=(renaming,))


def _renaming(entry: object, where: str) -> _Renaming:
    if not isinstance(entry, Mapping):
        raise _Unreadable(f"{where} is not a mapping")
    alias = entry.get("alias")
    if alias is None:
        alias = {}
    if not isinstance(alias, Mapping):
        raise _Unreadable(f"{where}.alias is not a mapping")
    return _Renaming(
        namespace=_pattern(entry, "namespace", f"{where}."),
        name=_pattern(entry, "name", f"{where}."),
        new_namespace=_pattern(alias, "namespace", f"{where}.alias."),
        new_name=_pattern(alias, "name", f"{where}.alias."),
    )


def _pattern(entry: Mapping, field: str, where: str) -> str:
    """Return the field's text, empty for "any": absent, empty and ``*`` are one (federation.md section 5.2)."""
    value = entry.get(field)
    if value is None or value == "*":
        return ""
    if not isinstance(value, str):
        raise _Unreadable(f"{where}{field} is not a text")
    return value


# Export -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Candidate:
    """A Service, or one host of a ServiceEntry; ``obstacle`` says why no rule can export it."""

    kind: str
    name: str
    namespace: str
    labels: Labels
    hint: str = ""
    obstacle: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.kind, self.namespace, self.name


def _candidates(services: Iterable[Mapping]) -> Iterator[_Candidate]:
    for service in services:
        service = mapping(service)
        metadata, spec = mapping(service.get("metadata")), mapping(service.get("spec"))
        name, namespace, kind = _text(metadata.get("name")), _text(metadata.get("namespace")), _kind_of(service)
        labels = {key: value for key, value in mapping(metadata.get("labels")).items() if isinstance(value, str)}
        read = _Candidate(kind, name, namespace, labels)
        if kind == "ServiceEntry":
            yield from _hosts_of(read, spec)
        elif kind != "Service":
            yield replace(read, obstacle=f"it is a {kind}, not a Service or ServiceEntry")
        elif spec.get("type") == "ExternalName":
            yield replace(read, obstacle="an ExternalName Service lies outside the mesh")
        else:
            yield _placed(replace(read, hint=_export_to_hint(metadata)))


def _hosts_of(entry: _Candidate, spec: Mapping) -> Iterator[_Candidate]:
    hosts = [host for host in _items(spec.get("hosts")) if isinstance(host, str) and host]
    if not hosts:
        yield replace(entry, obstacle="the ServiceEntry has no hosts")
    for host in hosts:
        location = spec.get("location")
        if location == "MESH_INTERNAL":
            yield _placed(replace(entry, name=host))
        else:
            stated = "no location, which means MESH_EXTERNAL" if location is None else f"location {location}"
            yield replace(
                entry, name=host, obstacle=f"ServiceEntry {entry.name} has {stated}; only MESH_INTERNAL is exported"
            )


def _placed(candidate: _Candidate) -> _Candidate:
    missing = [field for field, value in (("name", candidate.name), ("namespace", candidate.namespace)) if not value]
    return replace(candidate, obstacle=f"the manifest has no {' and no '.join(missing)}") if missing else candidate


def _export_to_hint(metadata: Mapping) -> str:
    """Return what to say of the exportTo annotation, which holds back a service at some times only (section 5.1)."""
    value = mapping(metadata.get("annotations")).get(EXPORT_TO)
    if not isinstance(value, str) or not value or "*" in (part.strip() for part in value.split(",")):
        return ""
    return (
        f"its annotation {EXPORT_TO} '{value}' may prevent its export unless it covers the control plane's namespace, "
        "but is not a protection"
    )


def _exported(candidate: _Candidate, rules: Sequence[_Rule], no_rules: str, peer: str) -> dict:
    """Return ``exported``, ``rule`` and ``reason`` of one candidate."""
    if candidate.obstacle:
        return {"exported": None, "rule": None, "reason": candidate.obstacle}
    found = _first_match(rules, candidate.name, candidate.namespace, candidate.labels)
    if found.rule is None:
        return {"exported": None, "rule": None, "reason": found.because(no_rules)}
    faults = [
        f"alias.{part} '{value}' is not a DNS label"
        for part, value in (("namespace", found.renaming.new_namespace), ("name", found.renaming.new_name))
        if value and not _DNS_LABEL.fullmatch(value)
    ]
    if faults:
        return {
            "exported": None,
            "rule": found.rule.index,
            "reason": found.because(f"but its {' and its '.join(faults)}, so nothing is exported"),
        }
    name, namespace = found.renaming.new_name or candidate.name, found.renaming.new_namespace or candidate.namespace
    return {
        "exported": f"{name}.{namespace}.svc.{peer}-exports.local",
        "rule": found.rule.index,
        "reason": found.because(candidate.hint),
    }


# Import -----------------------------------------------------------------------------------------------------------


def _imported(host: str, rules: Sequence[_Rule], no_rules: str) -> dict:
    """Return ``imported``, ``rule``, ``local`` and ``reason`` of one exported host."""
    nothing = {"imported": None, "rule": None, "local": False}
    parts = host_parts(host)
    if parts is None:
        return {**nothing, "reason": "it is not an exported host name, <name>.<namespace>.svc.<peer>-exports.local"}
    found = _first_match(rules, *parts, {})
    if found.rule is None:
        return {**nothing, "reason": found.because(no_rules)}
    name, namespace = found.renaming.new_name or parts[0], found.renaming.new_namespace or parts[1]
    imported = f"{name}.{namespace}.{found.rule.suffix}"
    if not is_dns_name(imported):
        why = found.because(f"but '{imported}' is not a valid DNS name, so nothing is imported")
        return {**nothing, "rule": found.rule.index, "reason": why}
    return {"imported": imported, "rule": found.rule.index, "local": found.rule.is_local, "reason": found.because("")}


def is_dns_name(host: str) -> bool:
    """Return whether ``host`` is a DNS name; one trailing dot is accepted (federation.md G50)."""
    bare = host[:-1] if host.endswith(".") else host
    return len(bare) <= _LONGEST_DNS_NAME and all(_DNS_LABEL.fullmatch(label) for label in bare.split("."))


# Reasons ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Match:
    """Which rule selected a service, which would have but does not count, and which never gets it."""

    rule: _Rule | None
    renaming: _Renaming
    skipped: tuple[_Rule, ...]
    shadowed: tuple[_Rule, ...]
    has_rules: bool

    def because(self, remark: str) -> str:
        """Return the reason; ``remark`` is what the caller has to add, or says in place of rules when there
        are none.
        """
        if not self.has_rules:
            return remark
        clauses = [f"{self.rule} comes first" if self.rule else "no rule matches"]
        if self.rule and remark:
            clauses.append(remark)
        clauses += [f"{rule.where} is skipped: {rule.problem}" for rule in self.skipped[:_MOST_CLAUSES]]
        if len(self.skipped) > _MOST_CLAUSES:
            clauses.append(f"{len(self.skipped) - _MOST_CLAUSES} more are skipped")
        if self.shadowed:
            clauses.append(f"{self.shadowed[0]} would name it otherwise, but comes later")
        return "; ".join(clauses)


def _first_match(rules: Sequence[_Rule], name: str, namespace: str, labels: Labels) -> _Match:
    first, renaming, skipped, shadowed = None, _Renaming(), [], []
    for rule in rules:
        this = rule.renaming_for(name, namespace, labels)
        if this is None:
            continue
        if rule.problem:
            if first is None:
                skipped.append(rule)
        elif first is None:
            first, renaming = rule, this
        elif _outcome(rule, this, name, namespace) != _outcome(first, renaming, name, namespace):
            shadowed.append(rule)
            break
    return _Match(first, renaming, tuple(skipped), tuple(shadowed), bool(rules))


def _outcome(rule: _Rule, renaming: _Renaming, name: str, namespace: str) -> tuple[str, str, str]:
    return renaming.new_name or name, renaming.new_namespace or namespace, rule.suffix


# Manifests as they come -------------------------------------------------------------------------------------------


def _kind_of(service: Mapping) -> str:
    """Return the manifest's kind; items of an API list carry none, and only a ServiceEntry has hosts."""
    kind = service.get("kind")
    if isinstance(kind, str) and kind:
        return kind
    return "ServiceEntry" if "hosts" in mapping(service.get("spec")) else "Service"


def _is_list(value: object) -> TypeGuard[Sequence]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _items(value: object) -> Sequence:
    return value if _is_list(value) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
