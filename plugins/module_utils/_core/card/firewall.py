# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the firewalls of two meshes must let through so that they can federate: rows, and the same in words.

Each mesh asks the other for its services, also where only one of them exports, so both directions are always needed.
Source: OpenShift Service Mesh documentation, "Federation"; IPv6 (one family per cluster) came with version 2.4.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..plain.addresses import is_cluster_internal, special_kind
from ..plain.kinds import DISCOVERY_PORT, SERVICE_PORT
from .card import Ingress, file_name

FIRST_WITH_IPV6 = (2, 4)
DISCOVERY, SERVICES = "discovery", "services"


@dataclass(frozen=True)
class Rule:
    """One thing that one mesh's firewall must let through.

    ``firewall`` is the mesh whose firewall it is, ``direction`` in or out as that firewall sees it. ``source`` says in
    words who calls: a mesh calls from wherever its cluster's traffic leaves, which no card tells. ``to`` is empty
    while the called mesh's address is not known here.
    """

    peer: str
    firewall: str
    direction: str
    source: str
    to: tuple[str, ...]
    port: int
    purpose: str

    def to_data(self) -> dict:
        """Return the rule as a row of a module's result."""
        return {
            "peer": self.peer,
            "firewall": self.firewall,
            "direction": self.direction,
            "from": self.source,
            "to": list(self.to),
            "port": self.port,
            "protocol": "TCP",
            "purpose": self.purpose,
        }


@dataclass(frozen=True)
class Path:
    """The way between ``mesh`` and ``peer`` (what the peer calls itself; ``local_name`` is ours for it).

    ``ours`` is where we are reached by this peer, ``theirs`` what its card says of itself; None while unknown.
    """

    mesh: str
    peer: str
    local_name: str
    ours: Ingress | None
    theirs: Ingress | None = None
    same_cluster: bool = False

    @property
    def is_internal(self) -> bool:
        """Return whether the way never leaves one cluster."""
        known = [address for ingress in (self.ours, self.theirs) if ingress for address in ingress.addresses]
        return self.same_cluster or (bool(known) and all(is_cluster_internal(address) for address in known))

    def names(self) -> list[str]:
        """Return the DNS names among the addresses of both sides, those of a cluster's own left out."""
        found = [address for ingress in (self.ours, self.theirs) if ingress for address in ingress.addresses]
        return list(dict.fromkeys(name for name in found if family(name) is None and not is_cluster_internal(name)))


def rules(path: Path) -> list[Rule]:
    """Return what both firewalls must let through, ours first; nothing for a way inside one cluster."""
    if path.is_internal:
        return []
    found = []
    for firewall, direction, caller, called in (
        (path.mesh, "in", path.peer, path.ours),
        (path.mesh, "out", path.mesh, path.theirs),
        (path.peer, "out", path.peer, path.ours),
        (path.peer, "in", path.mesh, path.theirs),
    ):
        to = called.addresses if called else ()
        for purpose, port in ports_of(called):
            found.append(Rule(path.local_name, firewall, direction, f"{caller}'s cluster", to, port, purpose))
    return found


def ports_of(ingress: Ingress | None) -> list[tuple[str, int]]:
    """Return the two ports of a gateway with what each is for; the usual ones while the gateway is unknown."""
    if ingress is None:
        return [(DISCOVERY, DISCOVERY_PORT), (SERVICES, SERVICE_PORT)]
    return [(DISCOVERY, ingress.discovery_port), (SERVICES, ingress.service_port)]


def lines(path: Path) -> list[str]:
    """Return in words what must be let through between the two meshes, and by whom."""
    mesh, peer = path.mesh, path.peer
    theirs = path.theirs or f"the addresses on {file_name(peer, mesh)}"
    found = [_reaches(peer, mesh, path.ours)] if path.ours else []
    if path.is_internal:
        return [*found, f"{mesh} and {peer} connect inside one cluster: only a NetworkPolicy can block them"]
    if path.ours:
        found.append(
            f"{mesh}'s firewall must allow it in, {peer}'s must allow it out; {peer}'s administrator knows "
            f"the source addresses of {peer}'s cluster"
        )
    found.append(_reaches(mesh, peer, theirs))
    found.append(
        f"{mesh}'s firewall must allow it out, {peer}'s must allow it in; tell {peer}'s administrator the "
        f"source addresses of {mesh}'s cluster"
    )
    return found


def _reaches(caller: str, called: str, ingress: Ingress | str) -> str:
    if isinstance(ingress, str):
        ports = " and ".join(f"TCP {port} ({purpose})" for purpose, port in ports_of(None))
        return f"{caller} reaches {called} at {ingress}, as a rule {ports}"
    ports = " and ".join(f"TCP {port} ({purpose})" for purpose, port in ports_of(ingress))
    return f"{caller} reaches {called} at {', '.join(ingress.addresses)}, {ports}"


def notes(path: Path, version: tuple[int, int] | None, resolved: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what may stand in the way though all firewalls are open: address families, names that do not resolve.

    ``version`` is (major, minor) of our control plane; ``resolved`` holds the addresses of each name that was looked
    up here, none for one that does not resolve, and lacks names that were not looked up.
    """
    return [
        *_on_families(path, version),
        *(_on_name(path, name, resolved[name]) for name in path.names() if name in resolved),
    ]


def _on_families(path: Path, version: tuple[int, int] | None) -> Iterator[str]:
    ours, theirs = _families(path.ours), _families(path.theirs)
    if "IPv6" in ours and version and version < FIRST_WITH_IPV6:
        yield (
            f"{path.mesh} is reached by IPv6 at {', '.join(_of('IPv6', path.ours))}, but its control plane is"
            f" v{version[0]}.{version[1]}: IPv6 is supported from v{FIRST_WITH_IPV6[0]}.{FIRST_WITH_IPV6[1]} on"
        )
    for mesh, families, caller in ((path.mesh, ours, path.peer), (path.peer, theirs, path.mesh)):
        if families == {"IPv4", "IPv6"}:
            yield (
                f"{mesh} gives IPv4 and IPv6 addresses, and {caller} spreads its calls over all of them; no version 2"
                f" knows dual stack, so let {mesh} give those of one family (mesh_peers, gateways.addresses)"
            )
    if len(ours) == len(theirs) == 1 and ours != theirs:
        yield (
            f"{path.mesh} is reached by {min(ours)} and {path.peer} by {min(theirs)}; clusters of version 2 have one"
            " family each, so something between them must translate"
        )


def _on_name(path: Path, name: str, addresses: Sequence[str]) -> str:
    called, caller = (path.mesh, path.peer) if path.ours and name in path.ours.addresses else (path.peer, path.mesh)
    special = [address for address in addresses if special_kind(address)]
    if special:
        return (
            f"{name} is {', '.join(special)} here, which is {special_kind(special[0])}: if it is that in {caller}'s"
            f" cluster as well, {caller} would call itself, so correct the name or use another address"
        )
    if addresses:
        return f"{name} is {', '.join(addresses)} now; that may change, so allow the name if a firewall accepts names"
    return (
        f"{name} does not resolve here yet: the name of a new load balancer takes some minutes. It must resolve in "
        f"{caller}'s cluster, for istiod and for the egress gateway to {called}"
    )


def family(address: str) -> str | None:
    """Return IPv4 or IPv6; None for a DNS name."""
    try:
        return f"IPv{ipaddress.ip_address(address).version}"
    except ValueError:
        return None


def _families(ingress: Ingress | None) -> set[str]:
    return {found for found in map(family, ingress.addresses if ingress else ()) if found}


def _of(wanted: str, ingress: Ingress | None) -> Iterable[str]:
    return [address for address in (ingress.addresses if ingress else ()) if family(address) == wanted]
