# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one side knows of one peering, frozen: live objects as they are, and what proxies and logs told, in shapes of
our own.

None everywhere means that nobody looked, or might not look: a rung that needs it is unknown then, never green.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property

from ..control_plane.live import parse_version
from ..peering import status
from ..plain.data import at, items, mapping, strings
from ..plain.moments import latest, time_of
from .reasons import NONE, reason_of

DISCOVERY, SERVICE = "8188", "15443"


@dataclass(frozen=True)
class Evidence:
    """The evidence of one peering from the side of ``mesh``; see ``tests/unit/diagnosis/healthy.yml`` for each
    part's shape."""

    now: datetime
    mesh: str
    peer: str
    namespace: str
    ingress: str
    egress: str
    trust_domain: str
    client_id: str
    control_plane: Mapping
    peer_object: Mapping | None
    exports: Mapping | None = None
    imports: Mapping | None = None
    bundle: Mapping | None = None
    roots: Sequence[str] | None = None
    wanted_imports: Sequence[str] = ()
    wanted_exports: Sequence[str] = ()
    card: Mapping | None = None
    handed: Mapping | None = None
    given_addresses: Sequence[str] = ()
    services: Mapping[str, Mapping | None] | None = None
    pods: Mapping[str, Mapping] | None = None
    network_policies: Sequence[Mapping] | None = None
    istiod: Mapping = field(default_factory=dict)
    egress_admits: str | None = None
    dns: Mapping[str, str] = field(default_factory=dict)
    proxies: Sequence[Mapping] | None = None
    clock_skew: float | None = None
    client: Mapping | None = None
    request: Mapping | None = None
    own_request: Mapping | None = None
    targets: Mapping[str, Mapping] = field(default_factory=dict)
    unread: Sequence[str] = ()

    @classmethod
    def of(cls, data: Mapping) -> Evidence:
        """Return the evidence that data of that shape are; keys that it does not know are an error of ours."""
        given = {key: value for key, value in data.items() if value is not None or key in ("peer_object",)}
        given["now"] = data["now"] if isinstance(data["now"], datetime) else time_of(data["now"])
        unknown = set(given) - {part.name for part in fields(cls)}
        if unknown:
            raise ValueError(f"no evidence: {sorted(unknown)}")
        return cls(**given)

    @property
    def version(self) -> tuple[int, int] | None:
        return parse_version(str(at(self.control_plane, "spec", "version") or ""))

    @property
    def remote(self) -> Mapping:
        """What our ServiceMeshPeer says of the peer's addresses."""
        return mapping(at(self.peer_object, "spec", "remote"))

    @property
    def addresses(self) -> list[str]:
        return strings(self.remote.get("addresses"))

    @property
    def security(self) -> Mapping:
        return mapping(at(self.peer_object, "spec", "security"))

    @cached_property
    def outbound(self) -> status.Link:
        """Our connection to the peer, as istiod tells it."""
        return status.outbound(self.peer_object, self.now, self.version)

    @cached_property
    def inbound(self) -> status.Link:
        return status.inbound(self.peer_object)

    @property
    def is_listening(self) -> bool:
        """Whether discovery works: a watch is connected, and a full list came lately."""
        return self.outbound.state == status.CONNECTED

    @property
    def disconnect(self) -> str:
        """How istiod says that its last call to the peer ended; "" while connected, or where it says nothing."""
        if self.outbound.state in (status.CONNECTED, status.STALE):
            return ""
        said = [str(at(entry, "watch", "lastDisconnectStatus") or "") for entry in self._entries]
        return next((text for text in said if text), "")

    @property
    def disconnected(self) -> datetime | None:
        """When that was."""
        return latest(at(entry, "watch", "lastDisconnect") for entry in self._entries)

    @property
    def _entries(self) -> list[Mapping]:
        found = mapping(at(self.peer_object, "status", "discoveryStatus"))
        return [*items(found.get("active")), *items(found.get("inactive"))]

    @property
    def has_status(self) -> bool:
        return bool(self._entries)

    def ports(self, port: str) -> list[Mapping]:
        """What each pod of our egress gateway tells of one port of the peer."""
        return [mapping(at(proxy, "ports", port)) for proxy in self.proxies or () if at(proxy, "ports", port)]

    def failure(self, port: str) -> str:
        """Return how connections to a port of the peer fail, a word of ``reasons``; ``NONE`` where no proxy tells of
        a failure."""
        kinds = [reason_of(str(told.get("reason") or "")) for told in self.ports(port)]
        return next((kind for kind in kinds if kind != NONE), NONE)

    def connects(self, port: str) -> bool:
        """Whether a proxy tells of connections that came about, and none of failures."""
        told = self.ports(port)
        return self.failure(port) == NONE and any(int(one.get("connected") or 0) > 0 for one in told)

    @property
    def shown_identities(self) -> list[str]:
        """The identities of the certificates that pods of our egress gateway show."""
        return sorted({one for proxy in self.proxies or () for one in strings(proxy.get("identities"))})

    @property
    def is_card_older(self) -> bool:
        """Whether the peer's objects were written after its card was made, other than by applying that card.

        Then the card does not tell what the peer is now: the objects may be newer.
        """
        issued = time_of(mapping(self.card).get("issued"))
        entries = items(at(self.peer_object, "metadata", "managedFields"))
        written = latest(entry.get("time") for entry in entries if entry.get("subresource") != "status")
        return issued is not None and written is not None and written > issued

    @property
    def is_bundle_newer(self) -> bool:
        """Whether the ConfigMap with the peer's roots was written after the peer's card was made."""
        issued, written = time_of(mapping(self.card).get("issued")), time_of(mapping(self.bundle).get("written"))
        return issued is not None and written is not None and written > issued

    @property
    def is_handed(self) -> bool:
        """Whether the peer has taken the card that we made for it: it let us in since. A card that lies here may not
        have been sent."""
        issued, synced = time_of(mapping(self.handed).get("issued")), self.outbound.last_sync
        return issued is not None and synced is not None and synced > issued

    @property
    def code(self) -> str:
        """The status that the client's sidecar logged of a call to the import; "" where there is no line."""
        return str(mapping(self.request).get("code") or "")

    @property
    def is_answered(self) -> bool:
        """Whether a call reached the peer's workload: its answer came back, whatever it was."""
        return mapping(self.request).get("details") == "via_upstream"
