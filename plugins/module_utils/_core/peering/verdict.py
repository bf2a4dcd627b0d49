# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a federation is as it should be: the faults of a status by kind, and the one word that they come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from ..card.trust import read_roots
from ..plain.data import at, clauses
from ..plain.errors import FederationError
from ..plain.kinds import ROOT_KEY
from . import status

OK, DRIFT, DOWN, ERROR = "ok", "drift", "down", "error"
PENDING, UNKNOWN, EXPIRING, DRIFTED = "pending", "unknown", "expiring", "drift"
UNSURE = "unsure"
KINDS = (PENDING, UNKNOWN, EXPIRING, DRIFTED)
NEAR_EXPIRY = timedelta(days=30)
# A watch that is renewed this very moment is not connected for an instant; a fault of these kinds may pass by itself.
PASSING = frozenset({PENDING, UNKNOWN})
MOST_TOLD = 5
# The codes of certificates that were read and are not fit to be trusted.
OF_CERTIFICATES = "FED2"

_DOWN = frozenset({status.PENDING, status.REFUSED, status.STALE, status.ABSENT})
_WORDS = {"outbound": "OUT", "inbound": "IN"}


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it should be: its ``kind``, our name of the peer ("" for the mesh itself), and what is
    seen.
    """

    kind: str
    peer: str
    what: str

    def __str__(self) -> str:
        return f"{self.peer} {self.what}" if self.peer else self.what

    def as_row(self, fail_on: Sequence[str]) -> dict:
        """Return it as a row of a module's result, with whether it fails a run."""
        return {**asdict(self), "fails": self.kind in fail_on}


def faults_of(
    rows: Iterable[Mapping], control_plane: Mapping, bundles: Mapping[str, Mapping | None], now: datetime
) -> list[Fault]:
    """Return everything that is not as it should be.

    ``rows`` are those of ``status.peer_row``, ``control_plane`` is its data with its roots, ``bundles`` maps our name
    of each peer to the live ConfigMap with its roots. A peer that is suspended on purpose has no faults.
    """
    found = faults_of_rows(rows)
    for root in control_plane.get("roots") or []:
        if root.get("days_left") is not None and root["days_left"] < NEAR_EXPIRY.days:
            found.append(
                Fault(EXPIRING, "", f"root {root['fingerprint'][:16]} of this mesh expires in {root['days_left']} days")
            )
    for peer, bundle in sorted(bundles.items()):
        found += _expiring(peer, bundle, now)
    return found


def own_roots(refused: FederationError | None) -> list[Fault]:
    """Return the fault that the mesh's own roots are not in order, which an expired one is; none where they could only
    not be read.
    """
    if refused is None or not refused.code.startswith(OF_CERTIFICATES):
        return []
    return [Fault(EXPIRING, "", f"roots of this mesh: {refused.what}")]


def faults_of_rows(rows: Iterable[Mapping]) -> list[Fault]:
    """Return what of the connections is not as it should be."""
    return [fault for row in rows if row["outbound"] != status.SUSPENDED for fault in _of_row(row)]


def _of_row(row: Mapping) -> Iterator[Fault]:
    states = {row["outbound"], row["inbound"]}
    if states == {status.ABSENT}:
        yield Fault(PENDING, row["peer"], f"has no peering{_because(row.get('note'))}")
        return
    for key, word in _WORDS.items():
        if row[key] in _DOWN or row[key] == status.UNKNOWN:
            kind = UNKNOWN if row[key] == status.UNKNOWN else PENDING
            yield Fault(kind, row["peer"], f"{word} {row[key]}{_because(row.get(f'{key}_reason'))}")
    if row.get("unproven"):
        yield Fault(UNKNOWN, row["peer"], str(row["unproven"]))


def _because(reason: object) -> str:
    return f" ({reason})" if reason else ""


def _expiring(peer: str, bundle: Mapping | None, now: datetime) -> Iterator[Fault]:
    text = at(bundle or {}, "data", ROOT_KEY)
    try:
        roots = read_roots(str(text), f"The roots of {peer}", now) if text else ()
    except FederationError as error:
        # Expired, or no certificates: in any case not roots that carry this peering much longer.
        yield Fault(EXPIRING, peer, f"roots: {error.what}")
        return
    for root in roots:
        if root.not_after - now < NEAR_EXPIRY:
            yield Fault(EXPIRING, peer, f"root {root.spoken} expires in {root.days_left(now)} days")


def verdict_of(faults: Iterable[Fault], fail_on: Sequence[str]) -> str:
    """Return ``down`` where faults that count are seen, else ``ok``. Where nothing fails a run, a peer that is not
    connected counts all the same.
    """
    return DOWN if counting(faults, fail_on or (PENDING,)) else OK


def counting(faults: Iterable[Fault], fail_on: Sequence[str]) -> list[Fault]:
    """Return those of the faults that a run is told to fail on."""
    return [fault for fault in faults if fault.kind in fail_on]


def passing(rows: Iterable[Mapping], fail_on: Sequence[str]) -> list[str]:
    """Return in words the faults that fail a run and may pass by themselves; a peering that is not there does not come
    by waiting.
    """
    standing = [row for row in rows if row["outbound"] != status.ABSENT]
    return [str(fault) for fault in counting(faults_of_rows(standing), fail_on) if fault.kind in PASSING]


def verdict_line(mesh: str, rows: Sequence[Mapping], faults: Sequence[Fault], fail_on: Sequence[str]) -> str:
    """Return in one line what a status comes to: √ everything as it should be, ‼ something to look at, × something that
    fails the run.
    """
    counted = counting(faults, fail_on)
    others = [fault for fault in faults if fault not in counted]
    told = [*counted, *others]
    if not told:
        peers = f"{len(rows)} peer{'s' if len(rows) != 1 else ''} connected both ways" if rows else "no peers"
        return f"√ {mesh}: {peers if not _suspended(rows) else f'{peers}, {_suspended(rows)} of them suspended'}"
    return f"{'×' if counted else '‼'} {mesh}: {some_faults(told)}"


def state_of(row: Mapping, faults: Iterable[Fault]) -> str:
    """Return the state of a peer's line: ``down``, ``unsure`` for what is to be looked at, else ``ok``."""
    kinds = {fault.kind for fault in faults if fault.peer == row["peer"]}
    return DOWN if PENDING in kinds else UNSURE if kinds else OK


def _suspended(rows: Iterable[Mapping]) -> int:
    return sum(row["outbound"] == status.SUSPENDED for row in rows)


def some_faults(faults: Sequence[Fault]) -> str:
    """Return the first few faults in words."""
    return clauses([str(fault) for fault in faults], MOST_TOLD)


def refusal(mesh: str, faults: Sequence[Mapping], waited: int, result: dict) -> FederationError:
    """Return the failure of a status whose ``faults`` count, as rows: FED630. ``result`` is what was seen."""
    told = some_faults([Fault(fault["kind"], fault["peer"], fault["what"]) for fault in faults])
    again = f", also after looking again for {waited} s" if waited else ""
    return FederationError(
        "FED630",
        where=f"Mesh {mesh}",
        what=f"{told}{again}",
        fix="Look at the reasons in the table; status_fail_on: [] shows the same without failing",
        result=result,
    )
