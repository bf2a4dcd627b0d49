# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys that are there and empty: a variable that was not set must never mean the same as a key that nobody wrote."""

from __future__ import annotations

from collections.abc import Mapping, Set

from ..plain.errors import FederationError

# What a key means where it is absent, as the end of a sentence.
EXPORT_RULE = {
    "name": "every Service that the rest of the rule matches (the same as name: '*')",
    "namespace": "every member namespace (the same as namespace: '*')",
    "label_selectors": "Services whatever their labels are",
    "alias": "that Services keep their names",
    "to": "that the rule is for every peer",
}
IMPORT_RULE = {
    "name": "every service that the rest of the rule matches (the same as name: '*')",
    "namespace": "every exported namespace (the same as namespace: '*')",
    "alias": "that services keep their names",
    "import_as_local": "that services get the peer's suffix",
    "domain_suffix": "the suffix svc.<peer>-imports.local",
    "from": "that the rule is for every peer",
}
ALIAS = {"name": "that the name is kept", "namespace": "that the namespace is kept"}
PEER_ENTRY = {
    "local_name": "the peer's name",
    "root_fingerprints": "that roots are not pinned",
    "same_cluster": "that the peer is in another cluster",
    "suspended": "that the peer is federated with",
    "adopt": "that objects made by hand are left alone",
    "gateways": "the settings of mesh_gateways",
    "locality": "that the peer's endpoints have no locality",
    "kubectl": "that no files are written for the peer's administrator",
}
KUBECTL = {
    "namespace": "nothing: it is needed",
    "control_plane": "nothing: it is needed",
    "version": "that the version is not known",
    "gateways": "the usual gateways",
    "exports": "that the peer offers nothing yet",
    "imports": "that the peer takes nothing yet",
}
GATEWAYS = {
    "addresses": "the addresses that the Service reports",
    "load_balancer_source_ranges": "that every address may connect",
}
_ANYTHING = "the default"


def is_empty(value: object) -> bool:
    """Return whether a value says nothing: null, blank, or a list or mapping without anything in it."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, (Mapping, list, tuple, Set)) and not value)


def refuse_empty(given: Mapping, place: str, absent: Mapping[str, str], codes: Mapping[str, str] | None = None) -> None:
    """Refuse a key that is there and empty: FED317, or what ``codes`` says of the key.

    ``absent`` says what each key means where it is not there.
    """
    for key, value in given.items():
        if is_empty(value):
            raise FederationError(
                (codes or {}).get(str(key), "FED317"),
                where=f"{place}, {key}",
                what="is there and empty",
                fix=f"Give it a value, or remove the key: without it, it means {absent.get(str(key), _ANYTHING)}",
            )
