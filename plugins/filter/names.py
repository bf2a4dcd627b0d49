# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that predict the names of exported and imported services; documented in the YAML files beside this one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from ansible.errors import AnsibleFilterError

from ..module_utils._core.peering.names import exported_names, imported_names


def exported_names_filter(services: object, spec: object, peer: object) -> list[dict]:
    """Return rows of name, namespace, exported, rule and reason; see ``names.exported_names``."""
    return exported_names(
        _entries("exported_names", services, dict, "manifests of Service and ServiceEntry"),
        _spec("exported_names", spec, "ExportedServiceSet"),
        _name("exported_names", "peer", peer),
    )


def imported_names_filter(
    hosts: object, spec: object, peer: object, cluster_domain: object = "cluster.local"
) -> list[dict]:
    """Return rows of host, imported, rule, local and reason; see ``names.imported_names``."""
    return imported_names(
        _entries("imported_names", hosts, str, "exported host names"),
        _spec("imported_names", spec, "ImportedServiceSet"),
        _name("imported_names", "peer", peer),
        _name("imported_names", "cluster_domain", cluster_domain),
    )


def _plain(value: object) -> object:
    """Return ``value`` without what ansible-core adds to it: lazy containers and tagged texts."""
    return json.loads(json.dumps(value, default=str))


def _entries(which: str, value: object, kind: type, what: str) -> list:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise AnsibleFilterError(f"{which}: the input is a {_kind_of(value)}. Give a list of {what}{_mend_of(value)}.")
    entries = _plain(list(value))
    for place, entry in enumerate(entries):
        if not isinstance(entry, kind):
            raise AnsibleFilterError(
                f"{which}: entry {place} of the input is a {_kind_of(entry)}. Give a list of {what}."
            )
    return entries


def _mend_of(value: object) -> str:
    for field in ("resources", "items"):
        if isinstance(value, Mapping) and field in value:
            return f": what stands under '{field}'"
    return ""


def _spec(which: str, value: object, kind: str) -> dict | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(
            f"{which}: spec is a {_kind_of(value)}. Give the 'spec' of the {kind}, or none when there is no such"
            " object."
        )
    if "spec" in value:
        raise AnsibleFilterError(f"{which}: spec is a whole object. Give only what stands under 'spec' in the {kind}.")
    return _plain(value)


def _name(which: str, option: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        shown = "empty" if value == "" else f"a {_kind_of(value)}"
        raise AnsibleFilterError(
            f"{which}: {option} is {shown}. Give a text, such as"
            f" {option}='{'east' if option == 'peer' else 'cluster.local'}'."
        )
    return str(value)


def _kind_of(value: object) -> str:
    kinds = {
        Mapping: "mapping",
        str: "text",
        bool: "boolean",
        (int, float): "number",
        type(None): "null",
        Iterable: "list",
    }
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), type(value).__name__)


class FilterModule:
    """The collection's filters on names."""

    def filters(self) -> dict:
        """Return the filters by name."""
        return {"exported_names": exported_names_filter, "imported_names": imported_names_filter}
