# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter that says what each mesh of a fleet needs, as a digest; documented in the YAML file beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible.errors import AnsibleError, AnsibleFilterError

from ..module_utils._core.fleet.plan import digest
from ..module_utils._core.plain.errors import FederationError
from .mesh_names import mesh_names

# How a mesh is reached is nothing that it needs, and some of it is secret.
ACCESS = frozenset(
    "mesh_kubeconfig mesh_context mesh_host mesh_api_key mesh_ca_cert mesh_proxy mesh_impersonate mesh_access"
    " mesh_api_timeout".split()
)
# Of the variables of a run those that change what stands; the others say where files are and what is shown.
OF_RUN = frozenset(
    "federation_full_mesh federation_owner federation_prune federation_loopback federation_force".split()
)


def fleet_needs(hosts: object, hostvars: Mapping) -> list[dict]:
    """Return, per host, its mesh, the digest of its description, and the names by which its peers' cards are kept."""
    names = mesh_names(hosts, hostvars)
    return [_need(str(host), name, names, hostvars) for host, name in zip(_listed(hosts), names)]


def _listed(hosts: object) -> Iterable:
    return hosts if isinstance(hosts, (list, tuple)) else []


def _need(host: str, name: str, names: list[str], hostvars: Mapping) -> dict:
    variables = hostvars[host]
    wanted = sorted(key for key in variables if isinstance(key, str) and _is_described(key))
    facts = {key: _value(host, key, variables) for key in wanted}
    full = str(facts.get("federation_full_mesh", "")).lower() in ("true", "yes", "1", "on")
    peers = [called for entry in _entries(facts.get("mesh_peers")) for called in _called(entry)]
    others = [other for other in names if other != name] if full else []
    # Who the others are is part of a full mesh's description.
    return {"host": host, "mesh": name, "description": digest([facts, others]), "peers": sorted({*peers, *others})}


def _is_described(key: str) -> bool:
    return key in OF_RUN or (key.startswith("mesh_") and key not in ACCESS)


def _value(host: str, key: str, variables: Mapping) -> object:
    try:
        return variables[key]
    except AnsibleError as error:
        told = FederationError(
            "FED363", where=f"Host {host}, {key}", what=f"cannot be evaluated: {error}", fix="Correct the expression"
        )
        raise AnsibleFilterError(str(told)) from None


def _entries(peers: object) -> list:
    return (
        list(peers)
        if isinstance(peers, (list, tuple))
        else [part.strip() for part in str(peers or "").split(",") if part.strip()]
    )


def _called(entry: object) -> list[str]:
    if isinstance(entry, Mapping):
        return [str(entry[key]) for key in ("local_name", "name") if entry.get(key)]
    return [str(entry)]


class FilterModule:
    """The filter by name."""

    def filters(self) -> dict:
        """Return the filter by name."""
        return {"fleet_needs": fleet_needs}
