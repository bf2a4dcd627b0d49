# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which addresses lead to another cluster's gateway, and which lead back to who calls: machine, node or cluster.

An address on a card becomes the target of our egress gateway and of istiod, with any port. Sources: the IANA registries
of special-purpose addresses (RFC 6890); RFC 4291, 6052, 3056 and 4380 for IPv4 inside IPv6; RFC 6761 for names;
Kubernetes, "DNS for Services and Pods".
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Union

from .kinds import CLUSTER_DOMAIN, is_below, is_of_platform
from .words import printable

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# What resolvers of several systems read as a number, and so as an IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOOPBACK_NAMES = {"localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"}
# Where cloud platforms tell a machine its credentials.
_METADATA_NAMES = {"metadata.google.internal", "instance-data.ec2.internal", "metadata.azure.internal"}
_METADATA = {
    ipaddress.ip_address(text)
    for text in ("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")
}
_THIS_NETWORK, _RESERVED = ipaddress.ip_network("0.0.0.0/8"), ipaddress.ip_network("240.0.0.0/4")
_LAST_32 = tuple(ipaddress.ip_network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_SHORTEST_NAME = 3

Ip = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


@dataclass(frozen=True)
class Unfit:
    """Why an address cannot be a peer's: a code, ``what`` goes on as a sentence about the address, and the cure."""

    code: str
    what: str
    fix: str


def is_address(value: object) -> bool:
    """Return whether ``value`` can stand in a ServiceMeshPeer's addresses: an IP literal or a DNS name, no more."""
    if not isinstance(value, str) or not 0 < len(value) <= 253:
        return False
    if ip_of(value) is not None:
        return "%" not in value
    labels = _labels(value)
    return all(_LABEL.fullmatch(label) for label in labels) and not _NUMBER.fullmatch(labels[-1])


def is_cluster_internal(address: str) -> bool:
    """Return whether ``address`` is the name of a Service or pod, which resolves only inside its own cluster."""
    labels = _labels(address)
    return len(labels) >= _SHORTEST_NAME and (
        bool({labels[2], labels[-1]} & {"svc", "pod"}) or is_below(".".join(labels), CLUSTER_DOMAIN)
    )


def special_kind(address: str) -> str:
    """Return what an address is that leads to no other machine, such as "a loopback address"; empty for any other."""
    ip = ip_of(address)
    if ip is not None:
        return _kind_of(ip)
    name = ".".join(_labels(address))
    if is_below(name, "localhost") or is_below(name, "localdomain") or _labels(address)[0] in _LOOPBACK_NAMES:
        return "a name of the machine itself"
    return "a platform's metadata service" if name in _METADATA_NAMES else ""


def unfit(address: str, *, loopback: bool, same_cluster: bool, home: str = "") -> Unfit | None:
    """Return why ``address`` cannot be where a mesh is reached by its peer; None when it can.

    ``loopback`` takes addresses of this machine and short names, as testbeds need them. ``same_cluster`` is said of
    both meshes: names of Services are then fine, but for the platform's and those of the namespace ``home``.
    """
    shown = printable(address, 80)
    kind = special_kind(address)
    if kind and not loopback:
        fix = (
            "Give an address that the other cluster can reach; federation_loopback: true is for testbeds on one machine"
        )
        return Unfit("FED219", f"{shown}, which is {kind}", fix)
    if ip_of(address) is not None:
        return None
    labels = _labels(address)
    is_short, is_internal = len(labels) < _SHORTEST_NAME, is_cluster_internal(address)
    if same_cluster and (is_short or is_internal):
        return _unfit_service(shown, labels, loopback=loopback, home=home)
    if is_short and not loopback:
        what = f"{shown}, a name that the search path of pods completes to a Service of their own cluster"
        return Unfit("FED221", what, "Give a whole DNS name of at least three labels, or an IP address")
    if is_internal:
        fix = (
            "Set same_cluster: true for the peer on both sides if the meshes share a cluster; else use another address"
        )
        return Unfit("FED221", f"{shown}, which resolves only inside its own cluster", fix)
    return None


def _unfit_service(shown: str, labels: list[str], *, loopback: bool, home: str) -> Unfit | None:
    """Return why the name of a Service in the cluster that both meshes share cannot be the peer's gateway."""
    if len(labels) == 1:
        own = home
    else:
        marks = [at for at, label in enumerate(labels) if label in ("svc", "pod") and at >= 2]
        own = labels[marks[0] - 1] if marks else labels[1]
    fix = "Give the name of the peer's ingress gateway, <gateway>.<the peer's namespace>.svc.cluster.local"
    if len(labels) == 1 and not loopback:
        return Unfit(
            "FED221", f"{shown}, a name without a namespace, which means another Service in each namespace", fix
        )
    if home and own == home:
        return Unfit("FED221", f"{shown}, a Service of our own control plane's namespace {home}", fix)
    if is_of_platform(own):
        return Unfit("FED221", f"{shown}, a Service of the platform's namespace {own}", fix)
    return None


def ip_of(text: str) -> Ip | None:
    """Return the IP address that a text is; None for any other text."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _labels(name: str) -> list[str]:
    return name.removesuffix(".").split(".")


def _kind_of(ip: Ip) -> str:
    kinds = (
        (ip.is_unspecified, "the unspecified address"),
        (ip.is_loopback, "a loopback address"),
        (ip in _METADATA, "a platform's metadata service"),
        (ip.is_link_local, "a link-local address"),
        (ip.is_multicast, "a multicast address"),
        (ip.version == 4 and ip in _THIS_NETWORK, "an address of this network only"),
        (ip.version == 4 and ip in _RESERVED, "a reserved address"),
    )
    own = next((word for is_so, word in kinds if is_so), "")
    inner = (_kind_of(found) for found in _embedded(ip)) if isinstance(ip, ipaddress.IPv6Address) else ()
    return own or next((f"{word} inside IPv6" for word in inner if word), "")


def _embedded(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address may be translated or tunnelled to."""
    found = [ip.sixtofour, *(ip.teredo or ())]
    is_isatap = (int(ip) >> 32) & 0xFDFFFFFF == 0x00005EFE
    if is_isatap or any(ip in network for network in _LAST_32):
        found.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    if ip in _LOCAL_NAT64:
        # RFC 6052: the last 32 bits after a prefix of 96; after one of 48, 16 bits, 8 bits of zero and 16 bits more.
        bits = (int(ip) & 0xFFFFFFFF, (int(ip) >> 48 & 0xFFFF0000) | (int(ip) >> 40 & 0xFFFF))
        found += [ipaddress.IPv4Address(each) for each in bits if each]
    return [each for each in found if each is not None]
