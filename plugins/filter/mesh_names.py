# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters over the hosts of a run, each of which is a mesh; documented in the YAML files beside this one.

Of another host they read its ``mesh_name``, the cards it made, and what this run has found out about it; for the
administrator of a cluster also its namespaces, administrators, version and spec. Nothing else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ..module_utils._core.mesh.parse import asked_peers
from ..module_utils._core.peering.verdict import DOWN, DRIFT, ERROR, OK
from ..module_utils._core.plain.data import mapping
from ..module_utils._core.plain.errors import FederationError
from ..module_utils._core.plain.kinds import home_of
from ..module_utils._core.plain.words import shown, shown_in
from ..plugin_utils.credentials import borrowed

# Each of these is access to a cluster by itself; an address or a context alone is none.
ACCESS = (("mesh_kubeconfig",), ("mesh_host", "mesh_api_key"))
_BY_CODE = {"FED631": DRIFT, "FED602": DOWN, "FED604": DOWN}
STEPS = (
    "control_plane_kept",
    "__identity_stopped",
    "__identity_seen",
    "card_made",
    "__peers_kept",
    "__peers_unnamed",
    "__peers_gateways_gone",
    "__peers_restarted",
    "__peers_restarted_and_up",
    "__peers_drifted",
    "__peers_waited",
    "__peers_watched",
    "__peers_insisted",
    "__preflight_seen",
    "__validate_seen",
    "__status_seen",
)

# Steps that only look: where one of them has ended well, the mesh was seen.
LOOKS = ("__status_seen", "__preflight_seen", "__peers_drifted", "__validate_seen", "__health_seen", "__verify_seen")


def mesh_names(hosts: object, hostvars: Mapping) -> list[str]:
    """Return each host's ``mesh_name``, or its inventory name where it has none."""
    return [_name(host, hostvars) for host in _hosts("mesh_names", hosts)]


def mesh_refusals(hosts: object, hostvars: Mapping, with_clusters: bool = True) -> dict[str, str]:
    """Return, by host, why it may not take part in this run; see the filter's documentation."""
    names = {host: _name(host, hostvars) for host in _hosts("mesh_refusals", hosts)}
    found = _same_names(names)
    if with_clusters:
        found = [*found, *_borrowed_credentials(names, hostvars), *_same_control_planes(names, hostvars)]
    refused: dict[str, str] = {}
    for host, error in found:
        refused.setdefault(host, f"{error} Nothing was written.  ({error.reference})")
    return refused


def mesh_cards(hosts: object, hostvars: Mapping, audience: str, made: str = "card_made") -> list[dict]:
    """Return the cards that hosts of this run have made for the mesh called ``audience``, in the order of the hosts.

    ``made`` is the variable that a host has registered them in. They are taken as they were registered: nothing on a
    card is templated, nor are the cards for others looked at.
    """
    # hostvars alone would template all cards of all hosts to give us a few.
    known = getattr(hostvars, "raw_get", hostvars.__getitem__)
    results = [known(host).get(made) for host in _hosts("mesh_cards", hosts)]
    cards = [card for result in results if isinstance(result, Mapping) for card in result.get("cards") or []]
    return [card for card in cards if card.get("audience") == audience]


def mesh_report(hosts: object, hostvars: Mapping) -> dict[str, dict]:
    """Return what this run found out about each mesh, by mesh name; a failed host has an ``error``."""
    return {shown(_name(host, hostvars)): shown_in(_entry(hostvars[host])) for host in _hosts("mesh_report", hosts)}


def mesh_tenants(hosts: object, hostvars: Mapping, cluster: str, clusters: Sequence[str] = ()) -> list[dict]:
    """Return the meshes that lie in a cluster, as the module ``mesh_tenants`` takes them.

    A mesh without ``mesh_cluster`` lies nowhere that we prepare. ``tenants_adopt`` is the cluster's own variable: what
    a mesh says of itself gives it nothing. Raises ``AnsibleFilterError`` with the code FED453 for one that lies in none
    of ``clusters``.
    """
    found = []
    adopted = _words(hostvars[cluster].get("tenants_adopt")) if cluster in hostvars else []
    for name, variables in _lying_in(cluster, clusters, _hosts("mesh_tenants", hosts), hostvars):
        namespace, members, admins = (variables.get(key) for key in ("mesh_namespace", "mesh_members", "mesh_admins"))
        tenant = {
            "mesh": name,
            "namespace": home_of({"mesh": name, "namespace": namespace}),
            "members": members or [],
            "admins": admins or {},
        }
        found.append({**tenant, "adopt": True} if name in adopted else tenant)
    return found


def _words(value: object) -> list[str]:
    """Return the names of a list, or of a text with commas."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, Sequence) else []
    return [part.strip() for part in map(str, parts) if part.strip()]


def mesh_control_planes(hosts: object, hostvars: Mapping, cluster: str, clusters: Sequence[str] = ()) -> list[dict]:
    """Return the control planes that are wanted in a cluster, as the module ``mesh_operator`` takes them; raises as
    ``mesh_tenants``.
    """
    return [
        {
            "mesh": name,
            "version": str(variables.get("mesh_version") or ""),
            "spec": variables.get("mesh_control_plane_spec") or {},
            **({"control_plane": variables["mesh_control_plane"]} if variables.get("mesh_control_plane") else {}),
            "removed": (variables.get("__control_plane_gone") or {"failed": True}).get("failed", False) is False,
        }
        for name, variables in _lying_in(cluster, clusters, _hosts("mesh_control_planes", hosts), hostvars)
    ]


def _lying_in(
    cluster: str, clusters: Sequence[str], hosts: Iterable[str], hostvars: Mapping
) -> Iterable[tuple[str, Mapping]]:
    for host in hosts:
        variables, name = hostvars[host], _name(host, hostvars)
        lies_in = variables.get("mesh_cluster")
        if lies_in and clusters and lies_in not in clusters:
            error = FederationError(
                "FED453",
                where=f"mesh_cluster of {name}",
                what=f"is {lies_in}, and the group clusters has {', '.join(clusters)}",
                fix="Correct mesh_cluster, or add the host to the group clusters",
            )
            raise AnsibleFilterError(f"{error}  ({error.reference})")
        if lies_in == cluster:
            yield name, variables


def peers_named(peers: object, names: object) -> list:
    """Return the entries of ``mesh_peers`` that ``names`` name; a name without an entry stands for itself.

    Raises ``AnsibleFilterError`` with the code FED320 for a name that several entries share, and FED303 for an entry
    without a name, since nobody can say whom it is about.
    """
    entries = list(peers) if isinstance(peers, Sequence) and not isinstance(peers, str) else []
    try:
        asked_peers(entries)
    except FederationError as error:
        raise AnsibleFilterError(f"{error}  ({error.reference})") from None
    wanted = [part.strip() for part in names.split(",")] if isinstance(names, str) else list(names)
    local_names = {_called(entry)[0] for entry in entries}
    for name in wanted:
        sharing = [_called(entry)[0] for entry in entries if name == _called(entry)[-1]]
        if len(sharing) > 1 and name not in local_names:
            error = FederationError(
                "FED320", where="Names of peers", what=f"hold {name}, and {len(sharing)} peers call themselves that",
                fix=f"Use our own names for them: {', '.join(sharing)}",
            )  # fmt: skip
            raise AnsibleFilterError(f"{error}  ({error.reference})")
    by_name = {name: entry for entry in reversed(entries) for name in reversed(_called(entry))}
    return [by_name.get(name, name) for name in wanted]


def _called(entry: object) -> list[str]:
    if isinstance(entry, Mapping):
        return [str(entry[key]) for key in ("local_name", "name") if entry.get(key)]
    return [str(entry)]


def _same_names(names: Mapping[str, str]) -> Iterable[tuple[str, FederationError]]:
    for name, hosts in _grouped(names).items():
        error = FederationError(
            "FED111",
            where=f"mesh_name of the hosts {_and(hosts)}",
            what=f"is {name} for each of them",
            fix="Give every mesh a name of its own; its peers know it by that",
        )
        yield from ((host, error) for host in hosts)


def _borrowed_credentials(names: Mapping[str, str], hostvars: Mapping) -> Iterable[tuple[str, FederationError]]:
    if len(names) < 2:
        return
    for host, name in names.items():
        if not any(all(_is_given(hostvars[host], variable) for variable in way) for way in ACCESS):
            yield host, borrowed("mesh", host, len(names), name=name)


def _is_given(variables: Mapping, name: str) -> bool:
    """Return whether a variable is there and not empty. One whose template is wrong is: the task that needs it refuses
    it, unquoted.
    """
    try:
        return bool(variables.get(name))
    except Exception:
        return True


def _same_control_planes(names: Mapping[str, str], hostvars: Mapping) -> Iterable[tuple[str, FederationError]]:
    seen = {host: _control_plane(hostvars[host]) for host in names}
    for hosts in _grouped({host: found["uid"] for host, found in seen.items() if found.get("uid")}).values():
        found = seen[hosts[0]]
        error = FederationError(
            "FED103",
            where=f"Meshes {_and([names[host] for host in hosts])}",
            what=f"are one and the same control plane, {found.get('namespace')}/{found.get('name')}",
            fix=(
                "Give each its own cluster (mesh_kubeconfig, mesh_context) or its own mesh_namespace and"
                " mesh_control_plane"
            ),
        )
        yield from ((host, error) for host in hosts)


def _entry(known: Mapping) -> dict:
    results, is_alone = _results(known), _is_alone(known)
    shown = next(
        (result for result in reversed(results) if "lines" in result), known["control_plane_kept"] if is_alone else {}
    )
    # Its tables are of components and proxies, so it stands beside what is said of the federation.
    health, verified = mapping(known.get("__health_seen")), mapping(known.get("__verify_seen"))
    failed = next((result for result in [*results, health, verified] if result.get("failed")), None)
    entry = {
        key: shown[key] for key in ("server", "control_plane", "members", "peers", "faults", "restart") if key in shown
    }
    if failed:
        entry["error"] = _error(failed)
    elif not (is_alone or _was_looked_at(known, results)):
        entry["error"] = {
            "code": None,
            "message": "was refused or stopped before its status could be read; see the output of the run",
        }
    entry["verdict"] = _verdict(failed, shown, is_failed="error" in entry)
    if failed or is_alone:
        entry.setdefault("peers", [])
    found = entry | _found(known)
    found |= _health(health, found)
    return found | _calls(verified, found)


def _results(known: Mapping) -> list[Mapping]:
    """Return what the steps of a run told. Where there was nothing to do, what was kept says itself how it stands."""
    told = [mapping(known.get(step)) for step in STEPS]
    return [part for result in told for part in (result, result.get("standing")) if part]


def _is_alone(known: Mapping) -> bool:
    """Return whether a mesh's control plane is kept and it names no peers: then it has nothing more to say."""
    return "control_plane_kept" in known and "__identity_seen" not in known


def _was_looked_at(known: Mapping, results: Iterable[Mapping]) -> bool:
    return any(result.get("standing") for result in results) or any(step in known for step in LOOKS)


def _verdict(failed: Mapping | None, shown: Mapping, *, is_failed: bool) -> str:
    """Return what the run comes to for one mesh: its failure's own verdict, else that of what was shown last."""
    if failed:
        return str(failed.get("verdict") or _BY_CODE.get(str(_error(failed)["code"]), ERROR))
    would_be_refused = (shown.get("counts") or {}).get("errors", 0) > 0
    return ERROR if is_failed or would_be_refused else str(shown.get("verdict") or OK)


def _found(known: Mapping) -> dict:
    """Return what was kept and found: what waits, what is left, and the findings of the last look."""
    kept, found = mapping(known.get("__peers_kept")), mapping(known.get("__preflight_seen"))
    entry = {key: kept.get(key) or [] for key in ("pending", "leftovers")} if kept else {}
    if "__peers_drifted" in known:
        entry["drift"] = [
            change for result in (mapping(known.get("card_made")), kept) for change in result.get("changes") or []
        ]
    for key in ("findings", "findings_left_out", "unknown", "pending", "changed_peers", "hand_over"):
        for result in (kept, found):
            if key in result:
                entry[key] = result[key]
    checked = known.get("__validate_seen")
    if isinstance(checked, Mapping):
        entry |= {**_beside(entry, checked, unread="unknown"), "mutual_tls": checked.get("mutual_tls") or []}
    diagnosed = mapping(known.get("__diagnose_found"))
    if diagnosed.get("diagnoses"):
        entry["diagnoses"] = diagnosed["diagnoses"]
    return entry


def _health(health: Mapping, found: Mapping) -> dict:
    """Return what was seen of components and proxies, and what was found there beside what else was ``found``."""
    if "components" not in health:
        return {}
    rows = [
        {
            "workload": f"{row['namespace']}/{row['workload']}",
            "state": str(row["worst"]).lower(),
            **{key: row[key] for key in ("proxies", "in_order", "old")},
        }
        for row in health.get("workloads") or []
    ]
    rates = {"rates": health["rates"]} if health.get("rates") else {}
    return {"health": health["components"], "proxies": rows, **rates, **_beside(found, health)}


def _calls(verified: Mapping, found: Mapping) -> dict:
    """Return what requests to imports came to, and what was found there beside what else was ``found``."""
    return {"calls": verified["calls"], **_beside(found, verified)} if "calls" in verified else {}


def _beside(found: Mapping, more: Mapping, unread: str = "unread") -> dict:
    """Return the findings of one more look beside what was ``found``; ``unread`` is its word for what is unknown."""
    return {
        "findings": [*(found.get("findings") or []), *(more.get("findings") or [])],
        "findings_left_out": {**(found.get("findings_left_out") or {}), **(more.get("findings_left_out") or {})},
        "unknown": [*(found.get("unknown") or []), *(more.get(unread) or [])],
    }


def _error(failed: Mapping) -> dict:
    """Return a failed result's code and text; a text that holds a code names it."""
    text = str(failed.get("msg") or "failed")
    code = failed.get("code") or next(iter(re.findall(r"\bFED[0-9]{3}\b", text)), None)
    return {"code": code, "message": text}


def _control_plane(known: Mapping) -> Mapping:
    """Return the control plane that this run has seen a host to be; empty while it has seen none."""
    seen = [known.get(step) for step in ("__identity_seen", "__preflight_seen", "control_plane_kept")]
    found = [
        result["control_plane"]
        for result in seen
        if isinstance(result, Mapping) and isinstance(result.get("control_plane"), Mapping)
    ]
    return found[0] if found else {}


def _grouped(values: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the hosts that share a value, by that value; values of one host only are left out."""
    hosts = defaultdict(list)
    for host, value in values.items():
        hosts[value].append(host)
    return {value: found for value, found in hosts.items() if len(found) > 1}


def _name(host: str, hostvars: Mapping) -> str:
    return str(hostvars[host].get("mesh_name") or host)


def _hosts(which: str, hosts: object) -> list[str]:
    if isinstance(hosts, (str, bytes, Mapping)) or not isinstance(hosts, Iterable):
        raise AnsibleFilterError(f"{which}: the input is not a list. Give a list of hosts, such as groups['meshes'].")
    return [str(host) for host in hosts]


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        """Return the filters by name."""
        return {
            "mesh_cards": mesh_cards,
            "mesh_control_planes": mesh_control_planes,
            "mesh_names": mesh_names,
            "mesh_refusals": mesh_refusals,
            "mesh_report": mesh_report,
            "mesh_tenants": mesh_tenants,
            "peers_named": peers_named,
        }
