# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the cluster says about a federation: rows for machines, lines for people.

Source: status of ServiceMeshPeer, ExportedServiceSet and ImportedServiceSet (federation.maistra.io/v1). istiod writes
a set's status only while it also writes the peer's, so a set is believed only beside a connected peer; what cannot be
known is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..card.trust import Root
from ..control_plane.live import ControlPlane
from ..plain.data import at, items
from ..plain.diff import is_ours
from ..plain.moments import latest, time_text
from . import changing
from .live import Peerings
from .names import host_parts

CONNECTED, PENDING, REFUSED, STALE, UNKNOWN, ABSENT = "connected", "pending", "refused", "stale", "unknown", "absent"
SUSPENDED = "suspended"

_CAUSES = {
    "403": "the peer refuses us: its clientID for this mesh is wrong; ask it to use our new card",
    "404": "our egress gateway is not programmed yet",
    "400": "the peer's istiod does not know us: it has no peering for us, or no longer has one",
    "503": "no answer: the peer has no peering for us yet, its address cannot be reached, or the roots do not match",
    "no such host": "our egress gateway has no Service; is the control plane ready?",
    "connection refused": "our egress gateway has no running pods, or lacks port 8188",
}


@dataclass(frozen=True)
class Link:
    """One direction of a peering: its state, why it is not up, when it last carried everything, and since when it is
    up.
    """

    state: str
    reason: str = ""
    last_sync: datetime | None = None
    since: datetime | None = None


def poll_interval(version: tuple[int, int] | None) -> timedelta:
    """Return how often istiod asks a peer for its whole list: 60 s from 2.5 on, 5 minutes before."""
    return timedelta(seconds=60) if version and version >= (2, 5) else timedelta(seconds=300)


def settling_seconds(version: tuple[int, int] | None) -> int:
    """Return how long a wait for emptied sets may take: istiod notices within 60 s and acts at its next poll."""
    return 180 if poll_interval(version) <= timedelta(seconds=60) else 420


def outbound(peer: Mapping | None, now: datetime, version: tuple[int, int] | None) -> Link:
    """Return the state of our connection to a peer.

    Up means: a pod's watch is connected and its last full list is not older than three polls.
    """
    if peer is None:
        return Link(ABSENT)
    if is_suspended(peer):
        return Link(SUSPENDED, "exports nothing and imports nothing; suspended: false in mesh_peers resumes it")
    discovery = _discovery(peer)
    if not discovery:
        return Link(UNKNOWN, "istiod has not processed the peer yet")
    watches = [w for w in (entry.get("watch") for entry in _entries(discovery)) if isinstance(w, Mapping)]
    synced = latest(w.get("lastFullSync") for w in watches)
    connected = [w for w in _watches(discovery, "active") if w.get("connected")]
    if connected:
        since = latest(w.get("lastConnected") for w in connected)
        if synced and now - synced <= 3 * poll_interval(version):
            return Link(CONNECTED, "", synced, since)
        return Link(STALE, "connected, but the peer's list has not come lately", synced, since)
    return _disconnected(watches, synced)


def _disconnected(watches: Iterable[Mapping], synced: datetime | None) -> Link:
    """Return the state of a connection that no pod has, and why as istiod says it."""
    said = next((str(w["lastDisconnectStatus"]) for w in watches if w.get("lastDisconnectStatus")), "")
    cause = next((text for key, text in _CAUSES.items() if key in said), "")
    reason = "; ".join(part for part in (said, cause) if part)
    return Link(REFUSED if said.startswith("403") else PENDING, reason, synced)


def is_suspended(peer: Mapping) -> bool:
    """Return whether a live ServiceMeshPeer is called nowhere: it has its list of addresses, and that is empty."""
    remote = at(peer, "spec", "remote")
    return isinstance(remote, Mapping) and remote.get("addresses") == []


def answers(peer: Mapping | None, now: datetime, version: tuple[int, int] | None) -> bool:
    """Return whether a peer can still take something back: connected, and heard of within the last poll.

    A peer behind a silent network stays "connected" for minutes after it has gone.
    """
    link = outbound(peer, now, version)
    return (
        link.state == CONNECTED and link.last_sync is not None and now - link.last_sync <= 1.2 * poll_interval(version)
    )


def inbound(peer: Mapping | None) -> Link:
    """Return the state of the peer's connection to us; any pod of ours may hold it."""
    if peer is None:
        return Link(ABSENT)
    discovery = _discovery(peer)
    if not discovery:
        return Link(UNKNOWN)
    remotes = [r for entry in _entries(discovery) for r in items(entry.get("remotes"))]
    synced = latest(r.get("lastFullSync") for r in remotes)
    up = [remote for remote in remotes if remote.get("connected")]
    if up:
        return Link(CONNECTED, "", synced, latest(remote.get("lastConnected") for remote in up))
    return Link(PENDING, "the peer has not connected", synced)


def exported(exports: Mapping | None) -> list[dict]:
    """Return what a set says it exports: rows ``{name, namespace, exported}`` sorted by the exported name."""
    rows = items(at(exports, "status", "exportedServices"))
    return sorted(
        (
            {
                "name": at(row, "localService", "name") or "",
                "namespace": at(row, "localService", "namespace") or "",
                "exported": row.get("exportedName", ""),
            }
            for row in rows
        ),
        key=lambda row: str(row["exported"]),
    )


def imported(imports: Mapping | None) -> list[dict]:
    """Return what a set says of the peer's services: rows ``{exported, imported}``, ``imported`` None when only
    offered.
    """
    rows = items(at(imports, "status", "importedServices"))
    return sorted(
        (
            {"exported": row.get("exportedName", ""), "imported": at(row, "localService", "hostname") or None}
            for row in rows
        ),
        key=lambda row: str(row["exported"]),
    )


def peer_row(
    name: str,
    mesh_name: str,
    objects: Mapping[str, Mapping | None],
    *,
    now: datetime,
    version: tuple[int, int] | None,
    cluster_domain: str,
    note: str = "",
) -> dict:
    """Return everything known of one peering as JSON-friendly data.

    ``name`` is our name of the peer, ``mesh_name`` its own; ``objects`` maps ``peer``, ``exports``, ``imports`` and
    ``bundle`` to live objects or None. Times are ISO 8601 in UTC, ages whole seconds, unknown values None.
    ``outbound_proven`` and ``inbound_proven`` are False for a connection that is older than the latest change of trust.
    """
    peer, bundle = objects.get("peer"), objects.get("bundle")
    out, into = outbound(peer, now, version), inbound(peer)
    proofs = [
        changing.proven(peer, bundle, direction, link.since) if link.state == CONNECTED else None
        for link, direction in ((out, changing.OUTBOUND), (into, changing.INBOUND))
    ]
    return {
        "peer": name,
        "mesh": mesh_name,
        "outbound": out.state,
        "outbound_reason": out.reason,
        "inbound": into.state,
        "inbound_reason": into.reason,
        "outbound_proven": proofs[0],
        "inbound_proven": proofs[1],
        "unproven": _unproven(mesh_name, (peer, bundle), proofs),
        "last_full_sync": out.last_sync.strftime("%Y-%m-%dT%H:%M:%SZ") if out.last_sync else None,
        "age_seconds": max(0, int((now - out.last_sync).total_seconds())) if out.last_sync else None,
        "exports": exported(objects.get("exports")) if peer is not None else [],
        **(_taken(objects.get("imports"), cluster_domain) if out.state == CONNECTED else _NOT_KNOWN),
        "note": note,
    }


_NOT_KNOWN: Mapping[str, None] = {"imports": None, "offered_not_imported": None, "asked_not_offered": None}


def _taken(imports: Mapping | None, cluster_domain: str) -> dict:
    """Return what is imported, what only offered, and what rules ask for in vain, as a set's status and its
    rules say.
    """
    rows = imported(imports)
    rules = at(imports, "spec", "importRules") or []
    return {
        "imports": [
            {**row, "local": str(row["imported"]).endswith(f".svc.{cluster_domain}")} for row in rows if row["imported"]
        ],
        "offered_not_imported": [row["exported"] for row in rows if not row["imported"]],
        "asked_not_offered": _unanswered(rules, [row["exported"] for row in rows]),
    }


def _unproven(mesh_name: str, objects: Sequence[Mapping | None], proofs: Sequence[bool | None]) -> str:
    """Return in words why a connection proves nothing, and what to do; "" when it does, or is not there."""
    words = [word for word, is_proven in zip(("OUT", "IN"), proofs) if is_proven is False]
    known = [changed for changed in map(changing.Changed.of, objects) if changed]
    if not words or not known:
        return ""
    what = " and ".join(dict.fromkeys(changed.words() for changed in known))
    latest = time_text(max(changed.at for changed in known))
    cures: dict[tuple[str, ...], str] = {
        ("OUT",): "wait some minutes, or restart istiod",
        ("IN",): f"wait some minutes, or ask {mesh_name} to restart its istiod",
    }
    cure = cures.get(tuple(words), f"wait some minutes, or restart istiod and ask {mesh_name} to restart its own")
    return f"{' and '.join(words)} not proven since the change of {what} at {latest}: {cure}"


def lines(
    control_plane: ControlPlane, mesh: str, roots: Sequence[Root], rows: Sequence[Mapping], now: datetime
) -> list[str]:
    """Return the status of one mesh as lines of text, the tables' columns aligned."""
    state = "ready" if control_plane.is_ready else f"not ready ({control_plane.condition})"
    root = ", ".join(f"root {r.spoken}, {r.days_left(now):,} days left" for r in roots) or "root unknown"
    head = (
        f"{mesh} · {control_plane.namespace}/{control_plane.name} {control_plane.version_text}, {state}"
        f" · trust domain {control_plane.trust_domain} · {root}"
    )
    if not rows:
        return [head, "no peers"]
    shown = [
        head,
        *_columns([["PEER", "OUT", "IN", "LAST SYNC", "EXPORTS", "IMPORTS", "NOTE"], *map(_peer_cells, rows)]),
    ]
    for heads, cells in _name_tables(rows):
        shown += ["", *_columns([heads, *cells])] if cells else []
    return shown


def _peer_cells(row: Mapping) -> list[str]:
    imports = "unknown" if row["imports"] is None else str(len(row["imports"]))
    notes = "; ".join(text for text in (row["note"], row.get("unproven")) if text)
    reason = notes or row["outbound_reason"] or row["inbound_reason"]
    return [
        row["peer"],
        row["outbound"],
        row["inbound"],
        age(row["age_seconds"]),
        str(len(row["exports"])),
        imports,
        reason,
    ]


def _name_tables(rows: Sequence[Mapping]) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Give the heads and the rows of the tables of names, an empty one without rows."""
    exports = [[r["exported"], row["peer"], f"{r['name']}.{r['namespace']}"] for row in rows for r in row["exports"]]
    yield ["EXPORTED AS", "TO", "SERVICE"], exports
    imports = [
        [str(r["imported"]), row["peer"], r["exported"], "yes" if r["local"] else "no"]
        for row in rows
        for r in row["imports"] or []
    ]
    yield ["IMPORTED AS", "FROM", "EXPORTED AS", "AS LOCAL"], imports
    for title, key in (
        ("OFFERED, NOT IMPORTED", "offered_not_imported"),
        ("ASKED FOR, NOT OFFERED", "asked_not_offered"),
    ):
        yield [title, "FROM"], [[name, row["peer"]] for row in rows for name in row[key] or []]


def age(seconds: int | None) -> str:
    """Return an age in words: ``12 s ago``, ``never``."""
    if seconds is None:
        return "never"
    if seconds < 120:
        return f"{seconds} s ago"
    if seconds < 7200:
        return f"{seconds // 60} min ago"
    return f"{seconds // 3600} h ago" if seconds < 172800 else f"{seconds // 86400} days ago"


def unmet(rows: Iterable[Mapping], expected: Mapping[str, Sequence[str]]) -> list[str]:
    """Return in words what is still missing until peers are connected both ways and the expected hosts imported.

    ``expected`` maps our name of each peer to wait for to the imported host names that must appear.
    """
    missing = []
    by_name = {row["peer"]: row for row in rows}
    for name, hosts in expected.items():
        row = by_name.get(name)
        if row is None:
            missing.append(f"{name}: no peering yet")
            continue
        for direction in ("outbound", "inbound"):
            if row[direction] != CONNECTED:
                reason = f" ({row[direction + '_reason']})" if row[direction + "_reason"] else ""
                missing.append(f"{name}: {direction} {row[direction]}{reason}")
        there = {entry["imported"] for entry in row["imports"] or []}
        missing.extend(f"{name}: {host} not imported yet" for host in hosts if host not in there)
    return missing


def progress(rows: Iterable[Mapping], expected: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the same in few words: ``west OUT pending (503 …) · 0 of 1 imports``, one entry per peer that is waited
    for.
    """
    by_name, told = {row["peer"]: row for row in rows}, []
    for name, hosts in expected.items():
        row = by_name.get(name)
        if row is None:
            told.append(f"{name} has no peering yet")
            continue
        parts = []
        for direction, word in (("outbound", "OUT"), ("inbound", "IN")):
            if row[direction] != CONNECTED:
                # istiod's own words come first, and are enough while one waits.
                reason = row[f"{direction}_reason"].partition("; ")[0] if direction == "outbound" else ""
                parts.append(f"{word} {row[direction]}{f' ({reason})' if reason else ''}")
        there = {entry["imported"] for entry in row["imports"] or []}
        taken = sum(host in there for host in hosts)
        parts += [f"{taken} of {len(hosts)} imports"] if taken < len(hosts) else []
        told += [f"{name} {' · '.join(parts)}"] if parts else []
    return told


def still_imported(imports: Mapping | None) -> list[str]:
    """Return the hosts that a set's status still says are imported."""
    return [row["imported"] for row in imported(imports) if row["imported"]]


def still_exported(exports: Mapping | None) -> list[str]:
    """Return the names that a set's status still says are exported."""
    return [row["exported"] for row in exported(exports)]


def _unanswered(rules: Sequence[Mapping], offered: Sequence[str]) -> list[str]:
    parts = [found for found in (host_parts(host) for host in offered) if found]
    missing = []
    for rule in rules:
        selector = (rule.get("nameSelector") if isinstance(rule, Mapping) else None) or {}
        name, namespace = selector.get("name") or "*", selector.get("namespace") or "*"
        if not any(name in ("*", n) and namespace in ("*", s) for n, s in parts):
            missing.append(f"{namespace}/{name}")
    return missing


def _columns(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table]


def _discovery(peer: Mapping) -> Mapping:
    found = at(peer, "status", "discoveryStatus")
    return found if isinstance(found, Mapping) else {}


def _entries(discovery: Mapping) -> list[Mapping]:
    return [e for key in ("active", "inactive") for e in items(discovery.get(key))]


def _watches(discovery: Mapping, key: str) -> list[Mapping]:
    return [e["watch"] for e in items(discovery.get(key)) if isinstance(e.get("watch"), Mapping)]


def peer_rows(
    asked: Mapping[str, str],
    notes: Mapping[str, str],
    peerings: Peerings,
    control_plane: ControlPlane,
    now: datetime,
    *,
    others: bool = True,
    strange: str = "",
) -> list[dict]:
    """Return a row per peer: those that are asked for (our name to its own), those that have a note, and with
    ``others`` all that stand. ``strange`` is the note of one of ours that is not asked for.
    """
    rows = []
    for name in sorted({*asked, *notes, *(peerings.peers if others else ())}):
        peering = peerings.of(name)
        note = notes.get(name) or ""
        if peering.peer is not None and not note:
            note = "made by hand" if not is_ours(peering.peer) else strange if name not in asked else ""
        rows.append(
            peer_row(
                name,
                asked.get(name, name),
                peering.as_rows(),
                now=now,
                version=control_plane.version,
                cluster_domain=control_plane.cluster_domain,
                note=note,
            )
        )
    return rows
