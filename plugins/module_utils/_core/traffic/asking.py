# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked about traffic: a service and who calls it; and the objects that stand for it, as rows."""

from __future__ import annotations

from collections.abc import Mapping

from ..plain.data import at
from ..plain.errors import FederationError
from ..plain.kinds import TRAFFIC_PEERS


def asked_for(service: object, client: object) -> tuple[str, str]:
    """Return namespace and name of the service that is asked about, both empty where none is. Raises
    ``FederationError`` FED850.
    """
    parts = _parts_of(service) if service is not None or client is not None else ("", "")
    if service is not None and not client:
        raise FederationError(
            "FED850",
            where="routes_from",
            what="is not set",
            fix="Write who calls: a workload as namespace/name, or a peer",
        )
    return parts


def _parts_of(service: object) -> tuple[str, str]:
    """Return namespace and name of a service."""
    namespace, slash, name = str(service or "").partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise FederationError(
            "FED850",
            where="routes_service",
            what=f"is {service!r}",
            fix="Write a service as namespace/name, such as shop/cart",
        )
    return namespace, name


def row_of(live: Mapping) -> dict:
    """Return one object as a row."""
    peers = str(at(live, "metadata", "annotations", TRAFFIC_PEERS) or "").split(",")
    metadata = live["metadata"]
    return {
        "kind": live["kind"],
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "peers": [peer for peer in peers if peer],
    }


def refuse(problems: list[FederationError]) -> None:
    """Refuse the first of several problems, with all of them as facts and the others named."""
    if not problems:
        return
    first, others = problems[0], problems[1:]
    more = "".join(f"; also {other.code} {other.where}: {other.what}" for other in others[:4])
    more += f"; and {len(others) - 4} more, shown by traffic_info" if len(others) > 4 else ""
    raise FederationError(
        first.code,
        where=first.where,
        what=first.what,
        fix=f"{first.fix}{more}",
        facts={
            "problems": [
                {"code": one.code, "where": one.where, "what": one.what, "fix": one.fix} for one in problems[:100]
            ]
        },
    )
