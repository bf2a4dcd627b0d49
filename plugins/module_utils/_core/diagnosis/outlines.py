# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of objects, pages and cards a diagnosis compares, without the rest of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..card.card import Card
from ..insight.syncz import Row
from ..peering import status
from ..peering.names import exported_service
from ..plain.data import at, items, mapping
from ..plain.kinds import DISCOVERY_PORT, SERVICE_PORT
from ..plain.moments import time_text
from .gathering import days_left, identities_of


def ports_of(live: Mapping | None) -> tuple[int, int]:
    """Return the ports for discovery and for services at which a peer is reached, as its ServiceMeshPeer says."""
    remote = mapping(at(live, "spec", "remote"))
    return remote.get("discoveryPort") or DISCOVERY_PORT, remote.get("servicePort") or SERVICE_PORT


def shown_by(certs: Mapping | None) -> dict:
    """Return what an Envoy's page of certificates tells of its own: how long it is valid, and for whom."""
    return (
        {"certificate_days": None, "identities": []}
        if certs is None
        else {"certificate_days": days_left(certs), "identities": identities_of(certs)}
    )


def is_late(rows: Sequence[Row]) -> bool:
    """Return whether a proxy may lack something: istiod has no row of it, or one that it has not acknowledged."""
    return not rows or any(row.differing for row in rows)


def is_stuck(first: Sequence[Row], again: Sequence[Row]) -> bool:
    """Return whether a proxy still lacks what it lacked: istiod has no row of it, or the same answer is not
    acknowledged yet."""
    if not first or not again:
        return not first and not again
    before = {kind for row in first for kind in row.differing}
    return any(kind in before for row in again for kind in row.differing)


def outline(pod: Mapping) -> dict:
    """Return of a pod what says whose it is, whether it is ready, and what runs in it."""
    metadata = mapping(pod.get("metadata"))
    kept = ("name", "namespace", "labels", "annotations", "ownerReferences", "deletionTimestamp")
    names = {
        key: [{"name": entry.get("name")} for entry in items(at(pod, "spec", key))]
        for key in ("containers", "initContainers")
    }
    return {
        "metadata": {key: metadata.get(key) for key in kept},
        "spec": names,
        "status": {"phase": at(pod, "status", "phase"), "conditions": items(at(pod, "status", "conditions"))},
    }


def hosts_of(imports: Mapping | None) -> dict[str, str]:
    """Return the host names of what is imported, by the service as the peer calls it."""
    rows = [(exported_service(str(row["exported"])), row["imported"]) for row in status.imported(imports)]
    return {name: str(host) for name, host in rows if name and host}


def named_fully(rules: Sequence[Any]) -> list[str]:
    """Return the services that rules name fully; what they take by patterns nobody has asked for by name."""
    return [f"{rule.namespace}/{rule.name}" for rule in rules if rule.name and rule.namespace]


def told_by(card: Card) -> dict:
    """Return of a card what evidence is compared with."""
    ingress = card.ingress
    return {
        "issued": time_text(card.issued),
        "trust_domain": card.trust_domain,
        "client_id": card.client_id,
        "roots": [root.fingerprint for root in card.roots],
        "addresses": list(ingress.addresses) if ingress else [],
        "discovery_port": ingress.discovery_port if ingress else None,
        "service_port": ingress.service_port if ingress else None,
        "exports": [name for one in card.exports if (name := exported_service(one.name))],
    }
