"""What the test mesh's istiod calls the services that it exports and imports.

Written from the text of the federation reference (matching primitives, export, import), apart from the collection's
own predictor, so that each can be tested against the other. Rule sets are taken as the API server stores them, plain
dicts: every mistake that the API server accepts is met here the way istiod meets it, by silently skipping the rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_LABEL_ANY_CASE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Candidate:
    """A service that istiod knows, with all that decides whether and as what it is exported."""

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    is_imported: bool = False
    is_mesh_external: bool = False


@dataclass(frozen=True)
class MappedName:
    """The name under which a service is exported or imported; ``hostname`` is the whole of it."""

    namespace: str
    name: str
    hostname: str


def exported_as(rules: Sequence[Mapping] | None, service: Candidate, peer: str) -> MappedName | None:
    """Return the name under which ``rules`` export ``service`` to the ServiceMeshPeer called ``peer``, or None.

    ``rules`` is ``spec.exportRules`` of an ExportedServiceSet; None stands for a set that does not exist.
    """
    if service.is_imported or service.is_mesh_external:
        return None
    for rule in rules or ():
        parts = _parts_exported_by(rule, service)
        if parts:
            namespace, name = parts
            return MappedName(namespace, name, f"{name}.{namespace}.svc.{peer}-exports.local")
    return None


def imported_as(spec: Mapping | None, namespace: str, name: str, peer: str, cluster_domain: str) -> MappedName | None:
    """Return the name that the exported service ``namespace``/``name`` has in the importing mesh, or None.

    ``spec`` is that of an ImportedServiceSet, None when there is no such object; ``peer`` is the importer's own name
    for the exporting mesh. The namespace and name are those after the exporter's aliases.
    """
    if spec is None:
        return None
    local_suffix = f"svc.{cluster_domain}"
    base_suffix = spec.get("domainSuffix") or f"svc.{peer}-imports.local"
    for rule in spec.get("importRules") or ():
        selector = rule.get("nameSelector")
        if rule.get("type") != "NameSelector" or selector is None:
            continue
        if rule.get("importAsLocal"):
            if _is_any((selector.get("alias") or {}).get("namespace")):
                continue
            suffix = local_suffix
        else:
            suffix = rule.get("domainSuffix") or base_suffix
            if suffix == local_suffix:
                continue
        parts = _parts_named_by(selector, namespace, name)
        if parts:
            new_namespace, new_name = parts
            return MappedName(new_namespace, new_name, f"{new_name}.{new_namespace}.{suffix}")
    return None


def is_dns_label(text: str) -> bool:
    """Return whether ``text`` is one lower-case DNS label (RFC 1123) of at most 63 characters."""
    return bool(DNS_LABEL.fullmatch(text))


def is_hostname(text: str) -> bool:
    """Return whether istiod can build routes for a host of this name; one trailing dot is accepted."""
    labels = text[:-1].split(".") if text.endswith(".") else text.split(".")
    return len(text) <= 255 and all(DNS_LABEL_ANY_CASE.fullmatch(label) for label in labels)


def selector_matches(selector: Mapping | None, labels: Mapping[str, str]) -> bool | None:
    """Return whether a Kubernetes LabelSelector selects ``labels``, or None when the selector is not valid.

    An absent or empty selector selects everything (API reference, LabelSelector, as istiod uses it).
    """
    selector = selector or {}
    requirements = [(key, "In", [value]) for key, value in (selector.get("matchLabels") or {}).items()]
    requirements += [
        (expression.get("key") or "", expression.get("operator"), expression.get("values") or [])
        for expression in selector.get("matchExpressions") or ()
    ]
    if not all(_is_valid_requirement(*requirement) for requirement in requirements):
        return None
    return all(_is_met(*requirement, labels) for requirement in requirements)


def _is_any(pattern: str | None) -> bool:
    return not pattern or pattern == "*"


def _hits(pattern: str | None, value: str) -> bool:
    return _is_any(pattern) or pattern == value


def _kept_or(alias: str | None, value: str) -> str:
    return value if _is_any(alias) else alias


def _parts_named_by(selector: Mapping, namespace: str, name: str) -> tuple[str, str] | None:
    if not (_hits(selector.get("namespace"), namespace) and _hits(selector.get("name"), name)):
        return None
    alias = selector.get("alias") or {}
    return _kept_or(alias.get("namespace"), namespace), _kept_or(alias.get("name"), name)


def _parts_exported_by(rule: Mapping, service: Candidate) -> tuple[str, str] | None:
    if rule.get("type") == "NameSelector" and rule.get("nameSelector") is not None:
        return _parts_named_by(rule["nameSelector"], service.namespace, service.name)
    if rule.get("type") == "LabelSelector" and rule.get("labelSelector") is not None:
        chosen = rule["labelSelector"]
        if not _hits(chosen.get("namespace"), service.namespace):
            return None
        if not selector_matches(chosen.get("selector"), service.labels):
            return None
        for entry in chosen.get("aliases") or ():
            parts = _parts_named_by(entry, service.namespace, service.name)
            if parts:
                return parts
        return service.namespace, service.name
    return None


def _is_valid_requirement(key: str, operator: str | None, values: Sequence[str]) -> bool:
    prefix, slash, name = key.rpartition("/")
    if not LABEL_NAME.fullmatch(name):
        return False
    if slash and not (len(prefix) <= 253 and all(is_dns_label(label) for label in prefix.split("."))):
        return False
    if operator in ("In", "NotIn"):
        return bool(values) and all(value == "" or LABEL_NAME.fullmatch(value) for value in values)
    return operator in ("Exists", "DoesNotExist") and not values


def _is_met(key: str, operator: str, values: Sequence[str], labels: Mapping[str, str]) -> bool:
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) == (operator == "Exists")
