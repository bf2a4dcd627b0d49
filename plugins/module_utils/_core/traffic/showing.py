# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the rules of ``mesh_traffic`` that stand look in a status: who gets which share, how far a shift is, which share
fails, and what is rehearsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..peering import status, verdict
from ..peering.using import is_kept, names_of_traffic
from ..plain.data import at, is_whole, listed, mapping, place_of
from ..plain.errors import FederationError
from ..plain.kinds import AUTHORIZATION_POLICY, DESTINATION_RULE, TRAFFIC_PEERS, VIRTUAL_SERVICE
from ..plain.moments import time_text
from .rehearsals import REHEARSED, is_rehearsal, read_rehearsal
from .shares import SHIFT, WHOLE, Shift, distributed, read_shift, routes_of, shares

_GONE = frozenset({status.ABSENT, status.PENDING, status.REFUSED, status.STALE})
_MOST = 1000
CALLERS = "callers"


def rows_of(objects: Iterable[Mapping], outbound: Mapping[str, str]) -> list[dict]:
    """Return a row per object of ours that routes, and per policy that is rehearsed; ``outbound`` is how the connection
    to each peer is, by our name of it.
    """
    objects = list(objects)
    ours = [
        live for live in objects if live.get("kind") in (DESTINATION_RULE.name, VIRTUAL_SERVICE.name) and is_kept(live)
    ]
    found = [_row(live, outbound) for live in sorted(ours, key=place_of)[:_MOST]]
    return [row for row in found if row["way"]] + [_rehearsed(live) for live in _rehearsals(objects)]


def _rehearsals(objects: Iterable[Mapping]) -> list[Mapping]:
    """Return our policies on workloads that are only rehearsed."""
    found = [live for live in objects if live.get("kind") == AUTHORIZATION_POLICY.name and is_kept(live)]
    return [live for live in sorted(found, key=place_of)[:_MOST] if is_rehearsal(live)]


def _rehearsed(live: Mapping) -> dict:
    begun = read_rehearsal(mapping(at(live, "metadata", "annotations")).get(REHEARSED))
    since = f" since {time_text(begun.since)}" if begun else ""
    row: dict = {
        "service": "/".join(names_of_traffic(live)),
        "way": CALLERS,
        "peers": _peers(live),
        "weights": {},
        "goal": None,
        "step": None,
    }
    note = f"rehearsed{since} and refuses nobody; traffic shows what it would have refused"
    return {**row, "state": "rehearsed", "gone": [], "fails": False, "note": note}


def _peers(live: Mapping) -> list[str]:
    return [name for name in str(at(live, "metadata", "annotations", TRAFFIC_PEERS) or "").split(",") if name]


def _row(live: Mapping, outbound: Mapping[str, str]) -> dict:
    peers = _peers(live)
    way, weights = _weights(live)
    shift, unread = None, ""
    try:
        shift = read_shift(mapping(at(live, "metadata", "annotations")).get(SHIFT), place_of(live))
    except FederationError as error:
        unread = error.what
    gone = [name for name in peers if outbound.get(name, status.ABSENT) in _GONE]
    # A share of nothing fails nobody.
    fails = way == "host" and bool(gone) and (len(weights) > 1 or any("-imports." in host for host in weights))
    namespace, name = names_of_traffic(live)
    return {
        "service": f"{namespace}/{name}",
        "way": way,
        "peers": peers,
        "weights": weights,
        "goal": dict(shift.goal) if shift else None,
        "step": shift.step if shift else None,
        "state": "" if shift is None else "back" if shift.is_back else "moving",
        "gone": gone,
        "fails": fails,
        "note": "; ".join(filter(None, [_of_shift(shift), unread, _of_peers(way, gone, fails=fails)])),
    }


def _weights(live: Mapping) -> tuple[str, dict[str, int]]:
    """Return how calls are shared, "" for an object that only has a timeout or retries, and who gets how much, by host
    or region.
    """
    if live["kind"] == VIRTUAL_SERVICE.name:
        routes = routes_of(live)
        found = {str(at(route, "destination", "host")): route.get("weight", WHOLE) for route in routes}
        is_split = len(found) > 1 or any("weight" in route for route in routes)
        return ("host" if is_split else ""), {host: weight for host, weight in found.items() if is_whole(weight)}
    weights = {where: weight for where, weight in distributed(live) if is_whole(weight)}
    if weights or SHIFT in mapping(at(live, "metadata", "annotations")):
        return "weight", weights
    setting = mapping(at(live, "spec", "trafficPolicy", "loadBalancer", "localityLbSetting"))
    return ("failover" if setting.get("failover") or setting.get("failoverPriority") else ""), {}


def _of_shift(shift: Shift | None) -> str:
    if shift is None:
        return ""
    if shift.is_back:
        return f"stepped back from {shift.step} % of the way to {shares(shift.goal)}, stays until shift or shift_abort"
    return f"{shift.step} % of the way to {shares(shift.goal)}, shift goes on"


def _of_peers(way: str, gone: list[str], *, fails: bool) -> str:
    if not gone:
        return ""
    who = f"{listed(gone)} {'is' if len(gone) == 1 else 'are'} not connected"
    if fails:
        return f"{who}: its share fails until the rule of mesh_traffic changes"
    return f"{who}: only local endpoints answer" if way != "host" else ""


def lines_of(rows: Iterable[Mapping]) -> list[str]:
    """Return the rows in words."""
    found = []
    for row in rows:
        named = {"failover": "failover to", CALLERS: "callers of"}.get(row["way"])
        what = f"{named} {listed(row['peers'])}" if named else shares(row["weights"])
        found.append(f"traffic {row['service']}: {what}{'; ' if row['note'] else ''}{row['note']}")
    return found


def shown_of(
    routes: Sequence[Mapping] | None, policies: Sequence[Mapping] | None, peers: Iterable[Mapping]
) -> tuple[list[dict], list[str]]:
    """Return how the rules of traffic stand, in rows and in words. What may not be read is None, ``peers`` are the rows
    of a status.
    """
    if routes is None:
        return [], ["traffic: VirtualServices and DestinationRules may not be read, so the shares are not known"]
    found = rows_of([*routes, *(policies or ())], {row["peer"]: row["outbound"] for row in peers})
    unread = (
        ["traffic: AuthorizationPolicies may not be read, so what is rehearsed is not known"]
        if policies is None
        else []
    )
    return found, [*lines_of(found), *unread]


def states_of(rows: Sequence[Mapping], lines: Sequence[str]) -> dict[str, str]:
    """Return by which state each of the lines is coloured that ``shown_of`` gives with these rows."""
    return {
        line: verdict.DOWN if row["fails"] else verdict.UNSURE if row["note"] else verdict.OK
        for line, row in zip(lines, rows)
    }
