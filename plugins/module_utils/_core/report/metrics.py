# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of a run as metrics: Prometheus' text format, version 0.0.4.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/. Everything that others wrote stands in a label's
value, quoted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..peering.verdict import DOWN, DRIFT, ERROR, OK
from ..plain.data import items, mapping
from ..plain.moments import time_of

PREFIX = "ossm_federation_"
# By name: what it is. All are gauges: each run says how things are.
HELP = {
    "verdict": "Verdict of the run: 1 for the present verdict, 0 for the others.",
    "peer_connected": "Whether a direction of a peering is connected.",
    "peer_last_full_sync_timestamp_seconds": "Time of the last full list from a peer.",
    "exported_services": "How many services are exported to a peer.",
    "imported_services": "How many services are imported from a peer; absent where that cannot be known.",
    "root_not_after_timestamp_seconds": "When a root certificate of the mesh expires.",
    "faults": "How many faults of a kind the status has.",
    "drift_objects": "How many objects federate would change.",
    "import_reached": "Whether a request to an imported service got there; absent where that is not known.",
    "findings": "How many findings of a code the preflight has.",
}
Sample = tuple[str, dict[str, str], float]


def metrics(report: Mapping[str, Any]) -> str:
    """Return a report, as ``mesh_report`` gives it, as metrics; an empty text for no meshes."""
    samples: dict[str, list[str]] = {}
    for mesh, entry in report.items():
        for name, labels, value in _samples(mapping(entry)):
            samples.setdefault(name, []).append(_line(name, {"mesh": str(mesh), **labels}, value))
    lines = []
    for name, text in HELP.items():
        if name in samples:
            # No series may be there twice.
            found = list(dict.fromkeys(samples[name]))
            lines += [f"# HELP {PREFIX}{name} {text}", f"# TYPE {PREFIX}{name} gauge", *found]
    return "".join(f"{line}\n" for line in lines)


def _samples(entry: Mapping) -> Iterator[Sample]:
    for word in (OK, DRIFT, DOWN, ERROR):
        yield "verdict", {"verdict": word}, float(entry.get("verdict") == word)
    for row in items(entry.get("peers")):
        yield from _of_peer(row)
    for root in items(mapping(entry.get("control_plane")).get("roots")):
        ends = time_of(root.get("not_after"))
        if ends:
            yield "root_not_after_timestamp_seconds", {"fingerprint": str(root.get("fingerprint"))}, ends.timestamp()
    if "faults" in entry:
        kinds = Counter(str(fault.get("kind")) for fault in items(entry["faults"]))
        for kind in ("pending", "unknown", "expiring"):
            yield "faults", {"kind": kind}, kinds[kind]
    if "drift" in entry:
        yield "drift_objects", {}, len(items(entry["drift"]))
    for row in items(entry.get("calls")):
        if row.get("state") in ("reached", "not reached"):
            labels = {name: str(row.get(name)) for name in ("peer", "host", "port")}
            yield "import_reached", labels, float(row["state"] == "reached")
    yield from _of_findings(items(entry.get("findings")), mapping(entry.get("findings_left_out")))


def _of_findings(rows: list[Mapping], left_out: Mapping) -> Iterator[Sample]:
    found = Counter((str(row.get("code")), str(row.get("severity"))) for row in rows)
    for (code, severity), number in sorted(found.items()):
        yield "findings", {"code": code, "severity": severity}, number + int(left_out.get(code) or 0)


def _of_peer(row: Mapping) -> Iterator[Sample]:
    labels = {"peer": str(row.get("peer"))}
    for direction in ("outbound", "inbound"):
        if direction in row:
            yield "peer_connected", {**labels, "direction": direction}, float(row[direction] == "connected")
    synced = time_of(row.get("last_full_sync"))
    if synced:
        yield "peer_last_full_sync_timestamp_seconds", labels, synced.timestamp()
    for name, key in (("exported_services", "exports"), ("imported_services", "imports")):
        if isinstance(row.get(key), (list, tuple)):
            yield name, labels, len(row[key])


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    told = ",".join(f'{label}="{_quoted(text)}"' for label, text in labels.items())
    return f"{PREFIX}{name}{{{told}}} {value:.15g}"


def _quoted(text: str) -> str:
    """Return a label's value: a backslash, a quote and the end of a line are written as the format has them."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
