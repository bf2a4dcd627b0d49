# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One service explained: under which names it goes and comes, by which rule, and what a caller and a policy have to
write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..peering import status
from ..peering.names import exported_names, exported_service, imported_names, ports_of
from ..plain.data import at, mapping, some
from ..plain.kinds import CLUSTER_DOMAIN

MOST_RULES = 50
"""Rules of one set that are explained one by one."""


@dataclass(frozen=True)
class Pair:
    """What stands of one peer: our name of it, its two sets, the names of our two gateways, and the egress pods that
    are ready.

    ``offered`` are the services of the peer's card, by exported host name, each with its ports.
    """

    peer: str
    exports: Mapping | None
    imports: Mapping | None
    ingress: str
    egress: str
    egress_pods: Sequence[str] = ()
    offered: Mapping[str, Sequence[int]] | None = None


@dataclass(frozen=True)
class Home:
    """Our own mesh: the control plane's namespace, the trust domain and the cluster's domain."""

    namespace: str
    trust_domain: str
    cluster_domain: str = CLUSTER_DOMAIN


def explained(service: str, live: Mapping | None, pairs: Iterable[Pair], home: Home) -> list[dict]:
    """Return one row per peer and direction in which ``service`` (namespace/name) goes or could go.

    ``live`` is our Service of that name, None where there is none. Rows have ``peer``, ``direction``, ``host`` (None:
    it does not go), ``reason``, ``rules`` (for each rule whether it won and why not), ``dns``, ``sni``, ``endpoints``
    and ``principal``.
    """
    rows = []
    for pair in pairs:
        if live is not None:
            rows.append(_outward(live, pair, home))
        rows += _inward(service, pair, home)
    return rows


def _outward(live: Mapping, pair: Pair, home: Home) -> dict:
    spec = mapping(at(pair.exports, "spec")) if pair.exports is not None else None
    row = exported_names([live], spec, pair.peer)[0]
    ports = [int(port["number"]) for port in ports_of(live)]
    host = row["exported"]
    return {
        "peer": pair.peer,
        "direction": "exported",
        "host": host,
        "reason": row["reason"],
        "rules": _rules(
            spec, "exportRules", row["rule"], lambda alone: exported_names([live], alone, pair.peer)[0], "exported"
        ),
        "dns": f"{pair.peer} chooses the name under which it imports it" if host else "",
        "sni": [f"outbound_.{port}_._.{host}" for port in ports] if host else [],
        "endpoints": f"the pods of this Service, called by pods of our ingress gateway {pair.ingress}" if host else "",
        "principal": f"{home.trust_domain}/ns/{home.namespace}/sa/{pair.ingress}-service-account" if host else "",
    }


def _inward(service: str, pair: Pair, home: Home) -> list[dict]:
    spec = mapping(at(pair.imports, "spec")) if pair.imports is not None else None
    known = [str(row["exported"]) for row in status.imported(pair.imports)]
    known += [host for host in pair.offered or () if host not in known]
    rows = [(host, imported_names([host], spec, pair.peer, home.cluster_domain)[0]) for host in known]
    # Meant by its name at the peer, or by the one that it gets here.
    return [
        _inward_row(host, row, spec, pair, home)
        for host, row in rows
        if service in (exported_service(host), _full_of_import(row["imported"]))
    ]


def _inward_row(offered: str, row: Mapping, spec: Mapping | None, pair: Pair, home: Home) -> dict:
    def under(rules: Mapping) -> dict:
        return imported_names([offered], rules, pair.peer, home.cluster_domain)[0]

    host = row["imported"]
    ports = list((pair.offered or {}).get(offered) or ())
    pods = some(list(pair.egress_pods)) or "none is ready, or they were not read"
    return {
        "peer": pair.peer,
        "direction": "imported",
        "host": host,
        "reason": f"{row['reason']} (offered as {offered})",
        "rules": _rules(spec, "importRules", row["rule"], under, "imported"),
        "dns": _dns(host, is_local=bool(row["local"])) if host else "",
        "sni": [f"outbound_.{port}_._.{host}" for port in ports] if host else [],
        "endpoints": f"pods of our egress gateway {pair.egress}, port 15443: {pods}" if host else "",
        "principal": f"{home.trust_domain}/ns/{home.namespace}/sa/{pair.egress}-service-account" if host else "",
    }


def _full_of_import(host: str | None) -> str:
    labels = (host or "").split(".")
    return f"{labels[1]}/{labels[0]}" if len(labels) > 2 else ""


def _dns(host: str, *, is_local: bool) -> str:
    if is_local:
        return f"{host}: by the cluster's DNS where a Service of that name is there, else in sidecars alone"
    return f"{host}: in sidecars alone (DNS capture), by an address that each sidecar makes up"


def _rules(spec: Mapping | None, key: str, won: int | None, alone: Callable[[Mapping], dict], field: str) -> list[dict]:
    """Return for each rule whether it decided, and of each other one what it would do if it stood by itself."""
    rules = (spec or {}).get(key)
    found = []
    for number, rule in enumerate(rules[:MOST_RULES] if isinstance(rules, list) else []):
        if number == won:
            found.append({"rule": number + 1, "won": True, "why": "the first that fits"})
            continue
        row = alone({**(spec or {}), key: [rule]})
        if row[field] and won is not None and number > won:
            why = f"also fits ({row[field]}), and comes after the one that decides"
        else:
            why = str(row["reason"])
        found.append({"rule": number + 1, "won": False, "why": why})
    return found


def lines(mesh: str, service: str, rows: Sequence[Mapping], *, exists: bool) -> list[str]:
    """Return the explanation as lines for people."""
    shown = [f"{mesh} · {service}{'' if exists else ' (no Service of this name here)'}"]
    if not rows:
        shown.append("  no peer offers it, and it is not exported to any")
    for row in rows:
        to = "to" if row["direction"] == "exported" else "from"
        shown.append(f"  {row['direction']} {to} {row['peer']}: {row['host'] or 'no'}")
        shown.append(f"    why: {row['reason']}")
        shown += [f"    rule {one['rule']}{' decides' if one['won'] else ''}: {one['why']}" for one in row["rules"]]
        if not row["host"]:
            continue
        shown += [f"    DNS: {row['dns']}", f"    endpoints: {row['endpoints']}"]
        shown += [f"    SNI: {some(row['sni'])}"] if row["sni"] else []
        who = "callers come as" if row["direction"] == "exported" else "the peer sees us as"
        shown.append(f"    policy: {who} {row['principal']}")
    return shown
