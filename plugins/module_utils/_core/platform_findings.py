# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the platform below a mesh is, and what of it a control plane of this version does not take.

Sources: OpenShift Service Mesh release notes; config.openshift.io/v1 API; "Supported configurations".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from .control_plane import ControlPlane
from .data import at, items, listed
from .estate import Estate, Platform
from .findings import Finding
from .kinds import COMMUNITY, JAEGER, KIALI, SAIL
from .supported import ARM64_FROM, FIRST_OPENSHIFT, IPV6_FROM, MANY_NAMESPACES, OPERATOR_3_BESIDE, OVN_FOR_2_0, OVN_FOR_2_0_FROM

CLUSTER_VERSION = "ClusterVersion version"
NETWORK = "Network cluster"
GROUPS = (SAIL, COMMUNITY, KIALI, JAEGER)


def platform_findings(estate: Estate) -> Iterator[Finding]:
    """Give what this control plane's version does not take of the platform; nothing where it was not looked at."""
    if estate.platform is not None:
        yield from below(estate.control_plane, estate.platform, len(estate.members or ()))
        yield from _companions(estate.control_plane, estate.platform)


def below(control_plane: ControlPlane, platform: Platform, members: int) -> Iterator[Finding]:
    """Give what the version of a control plane that stands or is wanted, with so many members, does not take of the platform."""
    yield from _release(control_plane, platform)
    yield from _network(control_plane, platform, members)
    yield from _others(control_plane, platform)
    yield from _nodes(control_plane, platform)


def _release(control_plane: ControlPlane, platform: Platform) -> Iterator[Finding]:
    release, first = platform.release, FIRST_OPENSHIFT.of(control_plane.version)
    if release and first and release[:2] < first:
        shown, wanted = ".".join(map(str, release)), ".".join(map(str, first))
        yield Finding("FED792", CLUSTER_VERSION, f"is {shown}, and {control_plane.version_text} is made for {wanted} and later")
    progressing = next((c for c in items(at(platform.version, "status", "conditions")) if c.get("type") == "Progressing"), {})
    if progressing.get("status") == "True":
        target = at(platform.version, "status", "desired", "version")
        yield Finding("FED793", CLUSTER_VERSION, f"is on the way to {target}: {progressing.get('message') or 'an update is under way'}")


def _network(control_plane: ControlPlane, platform: Platform, members: int) -> Iterator[Finding]:
    if at(platform.network, "status", "migration"):
        wanted = at(platform.network, "status", "migration", "networkType") or at(platform.network, "spec", "networkType")
        yield Finding("FED794", NETWORK, f"is being moved from {platform.network_type or 'its network'} to {wanted or 'another'}")
    is_ovn = platform.network_type.lower() == "ovnkubernetes"
    release = platform.release
    if is_ovn and control_plane.version == (2, 0) and release and release[:2] < OVN_FOR_2_0_FROM:
        first = OVN_FOR_2_0.get(release[:2])
        if first is None or release[2] < first:
            yield Finding("FED795", NETWORK, f"is OVNKubernetes, a technology preview for v2.0 on OpenShift {'.'.join(map(str, release))}")
    plugin = str(at(platform.sdn, "pluginName") or "")
    if plugin.endswith("-multitenant") and members >= MANY_NAMESPACES:
        seen = f"joins projects one by one in its mode {plugin.rpartition('/')[2]}, which is slow with {members} members (MAISTRA-2378)"
        yield Finding("FED795", NETWORK, seen, "Move to OVN-Kubernetes, or divide the mesh")
    families = {family for family in map(_family, items(at(platform.network, "status", "clusterNetwork"))) if family}
    if families == {4, 6}:
        yield Finding("FED799", NETWORK, "has addresses of IPv4 and of IPv6, which no version 2 takes")
    elif families == {6} and control_plane.version and control_plane.version < IPV6_FROM:
        yield Finding("FED799", NETWORK, f"has IPv6 addresses only, which {control_plane.version_text} does not take")


def _family(network: Mapping) -> int | None:
    try:
        return ipaddress.ip_network(str(network.get("cidr")), strict=False).version
    except ValueError:
        return None


def _others(control_plane: ControlPlane, platform: Platform) -> Iterator[Finding]:
    if SAIL in platform.groups and control_plane.version and control_plane.version < OPERATOR_3_BESIDE:
        seen = f"is served: the operator of version 3 is here, which stands beside 2.6 only, not {control_plane.version_text}"
        yield Finding("FED796", f"API group {SAIL}", seen)
    if COMMUNITY in platform.groups:
        seen = "is served: the community's Istio operator is or was here, and both want the same webhooks and kinds"
        yield Finding("FED796", f"API group {COMMUNITY}", seen, "Remove it with its kinds, or keep the mesh in another cluster")


def _companions(control_plane: ControlPlane, platform: Platform) -> Iterator[Finding]:
    wanted = []
    if control_plane.said("addons", "kiali", "enabled") is True:
        wanted.append((KIALI, "spec.addons.kiali.enabled", "Kiali"))
    if control_plane.said("tracing", "type") == "Jaeger":
        wanted.append((JAEGER, "spec.tracing.type", "Jaeger"))
    for group, path, name in wanted:
        if group not in platform.groups:
            yield Finding("FED797", f"{control_plane.place}, {path}", f"asks for {name}, whose operator is not here: {group} is not served")


def _nodes(control_plane: ControlPlane, platform: Platform) -> Iterator[Finding]:
    if control_plane.version and control_plane.version < ARM64_FROM:
        arm = [str(at(node, "metadata", "name")) for node in platform.nodes if at(node, "status", "nodeInfo", "architecture") == "arm64"]
        if arm:
            yield Finding("FED798", f"Nodes {listed(sorted(arm))}", f"are arm64, for which {control_plane.version_text} has no images")
