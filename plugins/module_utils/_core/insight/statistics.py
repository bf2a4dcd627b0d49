# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Envoy counts, and what pilot-agent and istiod log: rejected updates, and why a proxy has no connection to
istiod.

Sources: Envoy, configuration/upstream/cluster_manager; maistra/istio, pilot/pkg/xds/ads.go on branches 2.1 to 2.5
(``ACK ERROR``).
"""

from __future__ import annotations

import re

from .hiding import reason_of

MOST_LINES = 50_000
_LINE = re.compile(r"^([A-Za-z0-9_.:|;\[\]-]{1,300}): ([0-9]{1,18})$", re.ASCII)
LARGEST = 1e15
XDS = re.compile(r"cluster\.xds-grpc;?\.")
"""What the names of counters of the connection to istiod begin with; from some version on Istio ends a cluster's with a
semicolon.
"""
XDS_TOLD = ("upstream_cx_active", "upstream_cx_connect_fail", "upstream_cx_total", "upstream_rq_pending_failure_eject")


def number_of(text: str) -> float:
    """Return a metric's value; 0 for what is no number that a counter can have."""
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if 0 <= number <= LARGEST else 0.0


def counters_of(text: str) -> dict[str, int]:
    """Return the counters and gauges of Envoy's ``/stats``; lines that are none are left out."""
    lines = text.split("\n", MOST_LINES)[:MOST_LINES]
    return {found[1]: int(found[2]) for found in map(_LINE.match, lines) if found}


def rejections_in(text: str) -> dict[str, str]:
    """Return, by type of configuration such as LDS, what Envoy says of updates that it rejected."""
    found: dict[str, int] = {}
    for name, count in counters_of(text).items():
        if count and name.endswith(".update_rejected"):
            kind = _type_of(name)
            found[kind] = found.get(kind, 0) + count
    return {kind: f"update_rejected {count}" for kind, count in found.items()}


def _type_of(name: str) -> str:
    if name.startswith("cluster_manager.cds."):
        return "CDS"
    if name.startswith("listener_manager.lds."):
        return "LDS"
    return "RDS" if ".rds." in name else "ECDS" if name.startswith("extension_config_discovery.") else "EDS"


def connection_in(text: str) -> str:
    """Return in words how a proxy's connection to istiod fares; "" where it counts nothing."""
    counts = {XDS.sub("", name, count=1): count for name, count in counters_of(text).items() if XDS.match(name)}
    return ", ".join(f"{name} {counts[name]}" for name in XDS_TOLD if name in counts)


_TROUBLE = re.compile(
    r"x509|certificate|\btoken\b|unauthenticated|unauthorized|permission denied|connection refused|no such host|i/o"
    r" timeout|"
    r"deadline exceeded|failed to (sign|warm)|workload certificate",
    re.IGNORECASE,
)
LONGEST_TROUBLE = 240
REJECTED = " rejected: "
"""What stands in Envoy's log between a configuration and why it was rejected."""


_NACK = re.compile(r"ADS:([A-Z]{3,4}): ACK ERROR (\S{1,400})-[0-9]{1,12} ([^\t\n]{0,4000})", re.ASCII)


def nacks_in(log: str) -> list[tuple[str, str, str]]:
    """Return what istiod's log says of rejections, in its order: the proxy, the type such as LDS, and why."""
    return [(proxy, kind, reason_of(why)[:LONGEST_TROUBLE]) for kind, proxy, why in _NACK.findall(log)]


def rejection_in(log: str) -> str:
    """Return what a proxy's log says last of an update that Envoy has rejected: its type and why; "" where it says
    nothing.
    """
    line = next((line for line in reversed(log.splitlines()) if REJECTED in line[:2000]), "")
    head, is_one, why = line.partition(REJECTED)
    return (
        f"{head.rpartition(chr(9))[2].strip()[-120:]}{is_one}{reason_of(why.partition(chr(9))[0])}"[:LONGEST_TROUBLE]
        if is_one
        else ""
    )


def trouble_in(log: str) -> str:
    """Return the latest line of a proxy's log that tells of tokens, certificates or the way to istiod; "" where none
    does.
    """
    lines = [line.strip() for line in log.splitlines() if _TROUBLE.search(line[:2000])]
    bad = [
        line for line in lines if re.search(r"\b(error|warn(ing)?|fail(ed|ure)?|fatal)\b", line[:2000], re.IGNORECASE)
    ]
    head, is_rejected, why = (bad or [""])[-1].partition(REJECTED)
    return " ".join(f"{head}{is_rejected}{reason_of(why)}".split())[:LONGEST_TROUBLE]
