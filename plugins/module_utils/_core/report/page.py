# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one page says of the meshes of a run: who is there, who speaks to whom, what is offered and taken, what is
wrong, and who acts.

Data in, data out: the entries of a report, as ``mesh_report`` gives them, become tables that a page, a text and a later
run can read. What a run did not see is unknown here, never green.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ..peering import status
from ..peering.verdict import DOWN, DRIFT, ERROR, NEAR_EXPIRY, OK, UNSURE
from ..plain.data import at, items, mapping, strings

VERSION = 1
UNKNOWN = "unknown"
NOT_READY = "FED726"
"""The finding of a preflight that says what the control plane says itself."""
PEER_UNWELL = "FED907"
"""The finding of health that says what the peering says itself, which knows whose turn it is."""
# Best first: the state of a whole is the worst of its parts. What is unknown may be as bad as what is down, but is not
# known to be.
STATES = (OK, UNKNOWN, UNSURE, DOWN)
SUSPENDED = status.SUSPENDED
_BAD = frozenset({status.PENDING, status.REFUSED, status.STALE, status.ABSENT})
# What is shown only where something has looked at it, and the key of an entry that holds it.
OPTIONAL = ("health", "proxies", "comparisons", "rates", "mutual_tls", "diagnoses", "probes")
NOTES = {
    "probes": (
        "Calls made by this run. Those from the controller, the machine that runs Ansible, decide nothing above, "
        "because a mesh uses its own network."
    ),
}
"""What a reader of a part has to know."""


def page_of(report: Mapping[str, Any], *, others: Iterable[str] = (), made: str = "") -> dict:
    """Return what the page says, as JSON-friendly data.

    ``report`` maps the name of each mesh to its entry, ``others`` are meshes of the inventory that this run did not
    look at, and ``made`` is when it looked. Names, messages and findings stay as they are: whoever shows them makes
    them harmless.
    """
    entries = {str(mesh): mapping(entry) for mesh, entry in report.items()}
    meshes = _meshes(entries, [str(name) for name in others])
    peerings = _peerings(entries)
    services = _of_all(entries, _services)
    page = {
        "version": VERSION,
        "made": made,
        "verdict": _verdict(entries),
        "meshes": meshes,
        "peerings": peerings,
        "services": sorted(
            services, key=lambda row: [str(row[key]) for key in ("mesh", "side", "peer", "namespace", "name", "host")]
        ),
        "trust": _of_all(entries, _trust),
        "findings": _of_all(entries, _findings),
        "findings_left_out": _left_out(entries),
        "unknown": [
            {"mesh": mesh, **row}
            for mesh, entry in entries.items()
            for row in _of(entry, "unknown", ("what", "because"))
        ],
        "actions": _actions(entries, peerings),
    }
    entries = {mesh: {**entry, "probes": [*_probes(entry)]} for mesh, entry in entries.items()}
    for key in OPTIONAL:
        rows = [{"mesh": mesh, **_stated(row)} for mesh, entry in entries.items() for row in items(entry.get(key))]
        if rows:
            page[key] = rows
    return {**page, "summary": _summary(page)}


def _of_all(entries: Mapping[str, Mapping], rows_of: Callable[[str, Mapping], Iterable[dict]]) -> list[dict]:
    return [row for mesh, entry in entries.items() for row in rows_of(mesh, entry)]


# What those who have looked call their states, in the words of the page.
_SAID = {
    "healthy": OK, "synced": OK, "equal": OK, "not sent": OK, "absent by intent": OK, "idle": OK, "degraded": UNSURE,
    "stale": UNSURE, "waiting": UNSURE,
    "differs": UNSURE, "failing": DOWN, "rejected": DOWN, "not connected": DOWN,
}  # fmt: skip


def state_of(row: Mapping) -> str:
    """Return the state of a row that health, proxies, comparisons or rates have; any other word counts as unknown."""
    said = str(row.get("state") or "").lower()
    return said if said in STATES else _SAID.get(said, UNKNOWN)


def _stated(row: Mapping) -> dict:
    """Return a row with a state where it has none, but a mode of mutual TLS or a diagnosis. What is permissive is as
    Istio makes it.
    """
    if "state" in row:
        return dict(row)
    if "mode" in row:
        return {**row, "state": {"STRICT": OK, "PERMISSIVE": OK, "DISABLE": UNSURE}.get(str(row["mode"]), UNKNOWN)}
    if "rung" in row:
        return {
            **{key: value for key, value in row.items() if key != "probes"},
            "state": DOWN if row.get("code") else OK,
        }
    return dict(row)


_PROBED = ("from", "client", "address", "ip", "port", "server_name", "outcome", "told")
_SHOWN = ("protocol", "certificate", "asks_for_certificate")
# What the outcomes of calls are here: two of a pod's, and of the controller's those that are no failure. A failure of
# the
# controller's proves nothing, so it is never worse than something to check.
_CAME_TO = {
    "reached": OK,
    "not reached": DOWN,
    "TLS": OK,
    "not called": UNKNOWN,
    "no time left": UNKNOWN,
    "unknown": UNKNOWN,
}


def _probes(entry: Mapping) -> Iterator[dict]:
    """Give what each call of a diagnosis came to, a row of its own: the diagnosis is the same without it."""
    for diagnosis in items(entry.get("diagnoses")):
        for row in items(diagnosis.get("probes")):
            state = _CAME_TO.get(str(row.get("outcome")), UNSURE)
            handshake = {key: row.get(key) for key in _SHOWN}
            yield {
                "peer": diagnosis.get("peer"),
                "state": state,
                **{key: row.get(key) for key in _PROBED},
                "handshake": handshake,
            }


_FINDING = ("code", "severity", "title", "place", "seen", "why", "cure", "reference")


def worst(states: Iterable[str]) -> str:
    """Return the worst of some states; of none it is unknown."""
    found = [state for state in states if state in STATES]
    return max(found, key=STATES.index) if found else UNKNOWN


def _findings(mesh: str, entry: Mapping) -> Iterator[dict]:
    """Give the findings of a mesh, with what Kiali calls those that it has as well."""
    for row, known in zip(_of(entry, "findings", _FINDING), items(entry.get("findings"))):
        yield {"mesh": mesh, **row, "kiali": strings(known.get("kiali"))}


def _of(entry: Mapping, key: str, fields: Sequence[str]) -> list[dict]:
    return [{field: str(row.get(field) or "") for field in fields} for row in items(entry.get(key))]


def _verdict(entries: Mapping[str, Mapping]) -> str:
    said = {str(entry.get("verdict")) for entry in entries.values()}
    return next((word for word in (ERROR, DOWN, DRIFT, OK) if word in said), OK)


def _meshes(entries: Mapping[str, Mapping], others: Iterable[str]) -> list[dict]:
    """Return a row per mesh: those of the run, those of the inventory that it left out, and peers that only their
    partners know.
    """
    rows = [_mesh(mesh, entry) for mesh, entry in sorted(entries.items())]
    left_out = sorted(set(others) - set(entries))
    rows += [_unseen(name, "was not part of this run", "left out") for name in left_out]
    peers = {
        end
        for mesh, entry in entries.items()
        for row in items(entry.get("peers"))
        for end in [_other_end(entries, row)]
    }
    return rows + [
        _unseen(name, "is described by its peers only", "peer") for name in sorted(peers - set(entries) - set(left_out))
    ]


def _unseen(name: str, why: str, role: str) -> dict:
    return {
        "name": name, "role": role, "seen": False, "state": UNKNOWN, "why": why, "server": "", "control_plane": "",
        "version": "",
        "trust_domain": "", "members": [], "code": "",
    }  # fmt: skip


def _mesh(name: str, entry: Mapping) -> dict:
    plane, error = mapping(entry.get("control_plane")), mapping(entry.get("error"))
    if not plane:
        return {
            **_unseen(name, str(error.get("message") or "was not looked at"), "run"),
            "code": str(error.get("code") or ""),
        }
    return {
        "name": name,
        "role": "run",
        "seen": True,
        "state": _mesh_state(entry, plane),
        "why": "" if plane.get("ready") is not False else f"control plane not ready: {plane.get('condition')}",
        "server": str(entry.get("server") or ""),
        "control_plane": f"{plane.get('namespace')}/{plane.get('name')}",
        "version": str(plane.get("version") or UNKNOWN),
        "trust_domain": str(plane.get("trust_domain") or UNKNOWN),
        "members": strings(at(entry, "members", "configured")),
        "code": str(error.get("code") or ""),
    }


def _mesh_state(entry: Mapping, plane: Mapping) -> str:
    faults = {str(fault.get("kind")) for fault in items(entry.get("faults"))}
    errors = any(row.get("severity") == "error" for row in items(entry.get("findings")))
    health = {state_of(row) for row in items(entry.get("health")) if row.get("severity") == "core"}
    if plane.get("ready") is False or "pending" in faults or errors or DOWN in health:
        return DOWN
    faults |= health & {UNSURE, UNKNOWN}
    return UNSURE if faults or entry.get("error") or mapping(entry.get("restart")).get("needed") else OK


def _other_end(entries: Mapping[str, Mapping], row: Mapping) -> str:
    """Return which mesh a row is about: by the peer's own name, or, where two peers may share that, by ours as well."""
    ours, own = str(row.get("peer") or ""), str(row.get("mesh") or row.get("peer") or "")
    return own if ours == own or own in entries else f"{ours} ({own})"


def _peerings(entries: Mapping[str, Mapping]) -> list[dict]:
    """Return a row per pair of meshes with what each side sees of it."""
    pairs: dict[tuple[str, str], list[dict]] = {}
    for mesh, entry in entries.items():
        for row in items(entry.get("peers")):
            other = _other_end(entries, row)
            pairs.setdefault((min(mesh, other), max(mesh, other)), []).append(_side(mesh, other, row))
    return [
        {"between": list(pair), "state": _pair_state(sides), "sides": sides, "names": _names(sides)}
        for pair, sides in sorted(pairs.items())
    ]


def _side(mesh: str, other: str, row: Mapping) -> dict:
    outbound, inbound = (str(row.get(key) or UNKNOWN) for key in ("outbound", "inbound"))
    return {
        "mesh": mesh,
        "peer": str(row.get("peer") or ""),
        "to": other,
        "state": _side_state(outbound, inbound, row),
        "outbound": outbound,
        "outbound_reason": str(row.get("outbound_reason") or ""),
        "inbound": inbound,
        "inbound_reason": str(row.get("inbound_reason") or ""),
        "unproven": str(row.get("unproven") or ""),
        "last_full_sync": row.get("last_full_sync"),
        "age_seconds": row.get("age_seconds"),
        "exports": [str(each.get("exported")) for each in items(row.get("exports"))],
        "imports": (
            None
            if row.get("imports") is None
            else [
                {key: str(each.get(key) or "") for key in ("exported", "imported")}
                for each in items(row.get("imports"))
            ]
        ),
        "offered_not_imported": strings(row.get("offered_not_imported")),
        "asked_not_offered": strings(row.get("asked_not_offered")),
        "note": str(row.get("note") or ""),
    }


def _side_state(outbound: str, inbound: str, row: Mapping) -> str:
    if outbound == SUSPENDED:
        return SUSPENDED
    if {outbound, inbound} & _BAD:
        return DOWN
    if UNKNOWN in (outbound, inbound):
        return UNKNOWN
    return UNSURE if row.get("unproven") else OK


def _pair_state(sides: Sequence[Mapping]) -> str:
    states = [side["state"] for side in sides]
    return SUSPENDED if SUSPENDED in states else worst(states)


def _names(sides: Sequence[Mapping]) -> list[dict]:
    """Return what goes over a peering: from whom to whom, under which exported name; each once, whichever
    side said it.
    """
    found: set[tuple[str, str, str]] = set()
    for side in sides:
        for host in side["exports"]:
            found.add((side["mesh"], side["to"], short(host)))
        for each in side["imports"] or ():
            found.add((side["to"], side["mesh"], short(each["exported"])))
    return [{"from": giver, "to": taker, "name": name} for giver, taker, name in sorted(found)]


def short(host: str) -> str:
    """Return a service's host as people say it, ``cart.shop``, whether it is exported, imported or local; another host
    as it is.
    """
    return host.partition(".svc.")[0]


def _services(mesh: str, entry: Mapping) -> Iterator[dict]:
    """Give the services that a mesh offers and those it has taken; what is offered to it and not taken is no service of
    it.
    """
    for row in items(entry.get("peers")):
        peer = str(row.get("peer") or "")
        for each in items(row.get("exports")):
            host = str(each.get("exported") or "")
            own = {"namespace": str(each.get("namespace") or ""), "name": str(each.get("name") or "")}
            yield {"mesh": mesh, "side": "offered", "peer": peer, **own, "host": host, "exported": host, "local": False}
        for each in items(row.get("imports")):
            host = str(each.get("imported") or "")
            name, _dot, namespace = short(host).rpartition(".")
            yield {
                "mesh": mesh, "side": "taken", "peer": peer, "namespace": namespace, "name": name, "host": host,
                "exported": str(each.get("exported") or ""), "local": each.get("local") is True,
            }  # fmt: skip


def _trust(mesh: str, entry: Mapping) -> Iterator[dict]:
    """Give the roots of a mesh with what is left of them, and what the status says of its peers' roots."""
    for root in items(at(entry, "control_plane", "roots")):
        days = root.get("days_left") if isinstance(root.get("days_left"), int) else None
        state = UNKNOWN if days is None else DOWN if days < 0 else UNSURE if days < NEAR_EXPIRY.days else OK
        known = {key: str(root.get(key) or "") for key in ("fingerprint", "subject", "not_after")}
        yield {"mesh": mesh, "peer": "", **known, "days_left": days, "state": state, "said": ""}
    for fault in items(entry.get("faults")):
        if fault.get("kind") == "expiring" and fault.get("peer"):
            nothing = {"fingerprint": "", "subject": "", "not_after": "", "days_left": None}
            yield {"mesh": mesh, "peer": str(fault["peer"]), **nothing, "state": UNSURE, "said": str(fault.get("what"))}


def _left_out(entries: Mapping[str, Mapping]) -> int:
    counts = [number for entry in entries.values() for number in mapping(entry.get("findings_left_out")).values()]
    return sum(number for number in counts if isinstance(number, int))


def _actions(entries: Mapping[str, Mapping], peerings: Sequence[Mapping]) -> list[dict]:
    """Return what has to be done and by whom, the worst first; each once."""
    known = {(side["mesh"], side["to"]): side for row in peerings for side in row["sides"]}
    found = _of_all(entries, _of_mesh)
    for side in known.values():
        # A diagnosis has looked further than the status.
        diagnosed = [
            row
            for row in items(entries[side["mesh"]].get("diagnoses"))
            if row.get("peer") == side["peer"] and row.get("code")
        ]
        found += (
            map(partial(_of_diagnosis, side), diagnosed)
            if diagnosed
            else _of_side(side, known.get((side["to"], side["mesh"])))
        )
    unique = {(*action["who"], action["what"], action["about"]): action for action in found}
    return sorted(
        unique.values(),
        key=lambda action: (action["severity"] != "error", action["who"], action["about"], action["what"]),
    )


def _action(who: Sequence[str], about: str, what: str, fix: str, *, code: str = "", severity: str = "error") -> dict:
    """Return one action. Several in ``who`` mean that one of them has to act, and that this run cannot tell which."""
    return {"who": list(who), "about": about, "what": what, "fix": fix, "code": code, "severity": severity}


def _of_mesh(mesh: str, entry: Mapping) -> Iterator[dict]:
    plane, error = mapping(entry.get("control_plane")), mapping(entry.get("error"))
    if error and not plane:
        fix = "Make the mesh readable and run report again; until then everything about it is unknown"
        yield _action([mesh], mesh, str(error.get("message")), fix, code=str(error.get("code") or ""))
    is_told = any(row.get("code") == NOT_READY for row in items(entry.get("findings")))
    if plane and plane.get("ready") is False and not is_told:
        yield _action(
            [mesh],
            f"control plane of {mesh}",
            f"is not ready: {plane.get('condition')}",
            "Look at its operator and its components",
        )
    restart = mapping(entry.get("restart"))
    if restart.get("needed"):
        fix = "Run federate with federation_restart_istiod: true, or restart istiod yourself"
        yield _action([mesh], f"istiod of {mesh}", str(restart.get("sentence")), fix)
    yield from _of_findings(mesh, entry)
    for row in items(entry.get("pending")):
        yield _action(
            [mesh, str(row.get("peer"))],
            f"peering {mesh} – {row.get('peer')}",
            str(row.get("reason")),
            "Run federate when it is there",
        )
    if items(entry.get("drift")):
        number = len(items(entry["drift"]))
        what = f"{number} object{'s differ' if number > 1 else ' differs'} from the description"
        yield _action([mesh], mesh, what, "Run federate, or correct the description", code="FED631", severity="warning")
    for fault in items(entry.get("faults")):
        if fault.get("kind") == "expiring":
            owner = str(fault.get("peer") or mesh)
            fix = (
                "Announce the next root (mesh_extra_roots), publish the cards again, and let every peer run federate"
                " before this one expires"
            )
            yield _action([owner], f"roots of {owner}", str(fault.get("what")), fix, severity="warning")


def _of_findings(mesh: str, entry: Mapping) -> Iterator[dict]:
    for row in items(entry.get("findings")):
        if row.get("code") == PEER_UNWELL and items(entry.get("peers")):
            continue
        severity = "error" if row.get("severity") == "error" else "warning"
        yield _action(
            [mesh],
            str(row.get("place")),
            str(row.get("seen")),
            str(row.get("cure")),
            code=str(row.get("code") or ""),
            severity=severity,
        )


def _of_diagnosis(side: Mapping, row: Mapping) -> dict:
    """Return who has to act by a diagnosis, and the sentence for the other side where it may be theirs."""
    mesh, other = side["mesh"], side["to"]
    who = {"us": [mesh], "them": [other]}.get(str(row.get("side")), [mesh, other])
    fix, tell = str(row.get("fix") or ""), str(row.get("tell") or "")
    told = [*([f"{mesh}: {fix}"] if fix else []), *([f"Tell {other}: {tell}"] if tell else [])]
    what = "; ".join(str(row[key]) for key in ("seen", "cause") if row.get(key))
    return _action(who, f"peering {mesh} – {other}", what, " · ".join(told), code=str(row["code"]))


def _of_side(side: Mapping, back: Mapping | None) -> Iterator[dict]:
    """Give who has to act for one side of a peering. Only what a state proves has one name; everything else
    has both.
    """
    mesh, other = side["mesh"], side["to"]
    about = f"peering {mesh} – {other}"
    if side["state"] in (OK, SUSPENDED):
        return
    if side["outbound"] == side["inbound"] == status.ABSENT:
        yield _action([mesh], about, f"{mesh} has no peering for {other}", f"Run federate for {mesh}")
        return
    if back and back["outbound"] == back["inbound"] == status.ABSENT:
        # The other side's own action says it.
        return
    if side["outbound"] == status.REFUSED:
        yield _action(
            [other],
            about,
            f"{other} refuses {mesh}: {side['outbound_reason']}",
            f"{other} gets the card of {mesh} and runs federate",
        )
    for direction, word in (("outbound", "to"), ("inbound", "from")):
        if side[direction] in _BAD - {status.REFUSED} or side[direction] == UNKNOWN:
            reason = side[f"{direction}_reason"] or "the status has no details"
            what = f"the connection of {mesh} {word} {other} is {side[direction]}: {reason}"
            severity = "warning" if side[direction] == UNKNOWN else "error"
            yield _action(
                [mesh, other],
                about,
                what,
                "Run diagnose, which shows the cause; with diagnose in report_parts it is on this page",
                severity=severity,
            )
    if side["unproven"]:
        yield _action([mesh], about, side["unproven"], "Run report again after that", severity="warning")


def _summary(page: Mapping) -> dict:
    """Return the numbers at the head of the page."""
    peerings = [row["state"] for row in page["peerings"]]
    severities = [row["severity"] for row in page["findings"]]
    return {
        "meshes": len(page["meshes"]),
        "meshes_unknown": sum(not row["seen"] for row in page["meshes"]),
        "peerings": len(peerings),
        "peerings_ok": peerings.count(OK),
        "offered": len(
            {(row["mesh"], row["namespace"], row["name"]) for row in page["services"] if row["side"] == "offered"}
        ),
        "taken": sum(row["side"] == "taken" for row in page["services"]),
        "errors": severities.count("error"),
        "warnings": len(severities) - severities.count("error"),
        "actions": len(page["actions"]),
    }
