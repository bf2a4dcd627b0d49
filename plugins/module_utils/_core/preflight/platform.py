# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the platform below a mesh is, and what of it a control plane of this version does not take.

Sources: OpenShift Service Mesh release notes; config.openshift.io/v1 API; "Supported configurations".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from ..catalogue.findings import Finding
from ..control_plane.live import ControlPlane
from ..plain.data import at, items, listed
from ..plain.kinds import COMMUNITY, JAEGER, KIALI, SAIL
from ..plain.supported import (
    ARM64_FROM,
    FIRST_OPENSHIFT,
    IPV6_FROM,
    MANY_NAMESPACES,
    OPERATOR_3_BESIDE,
    OVN_FOR_2_0,
    OVN_FOR_2_0_FROM,
    managed_cluster,
)
from .checks import ROLL, check
from .estate import NETWORKS, NODES, SDN, SERVED, TOKENS, VERSION, Ground

CLUSTER_VERSION = "ClusterVersion version"
NETWORK = "Network cluster"
IDENTITY = ("security", "identity", "type")
THIRD_PARTY = "ThirdParty"
DEFAULT_ISSUER = "https://kubernetes.default.svc"
GROUPS = (SAIL, COMMUNITY, KIALI, JAEGER)


@check(reads=[VERSION], codes=["FED792"], is_thorough=True)
def release(ground: Ground) -> Iterator[Finding]:
    """Give an OpenShift that is older than the version takes."""
    release, first = ground.platform.release, FIRST_OPENSHIFT.of(ground.control_plane.version)
    if release and first and release[:2] < first:
        shown, wanted = ".".join(map(str, release)), ".".join(map(str, first))
        yield Finding(
            "FED792",
            CLUSTER_VERSION,
            f"is {shown}, and {ground.control_plane.version_text} is made for {wanted} and later",
        )


@check(reads=[VERSION], codes=["FED793"], is_thorough=True)
def update(ground: Ground) -> Iterator[Finding]:
    """Give an update of the cluster that is under way."""
    version = ground.platform.version
    progressing = next((c for c in items(at(version, "status", "conditions")) if c.get("type") == "Progressing"), {})
    if progressing.get("status") == "True":
        target = at(version, "status", "desired", "version")
        yield Finding(
            "FED793",
            CLUSTER_VERSION,
            f"is on the way to {target}: {progressing.get('message') or 'an update is under way'}",
        )


@check(reads=[NETWORKS], codes=["FED794"], is_thorough=True)
def migration(ground: Ground) -> Iterator[Finding]:
    """Give a network that is being replaced."""
    network = ground.platform.network
    if at(network, "status", "migration"):
        wanted = at(network, "status", "migration", "networkType") or at(network, "spec", "networkType")
        yield Finding(
            "FED794",
            NETWORK,
            f"is being moved from {ground.platform.network_type or 'its network'} to {wanted or 'another'}",
        )


@check(reads=[NETWORKS, VERSION], codes=["FED795"], is_thorough=True)
def network_of_2_0(ground: Ground) -> Iterator[Finding]:
    """Give OVN-Kubernetes below a 2.0 that takes it as a technology preview only."""
    platform = ground.platform
    release = platform.release
    is_ovn = platform.network_type.lower() == "ovnkubernetes"
    if is_ovn and ground.control_plane.version == (2, 0) and release and release[:2] < OVN_FOR_2_0_FROM:
        first = OVN_FOR_2_0.get(release[:2])
        if first is None or release[2] < first:
            yield Finding(
                "FED795",
                NETWORK,
                f"is OVNKubernetes, a technology preview for v2.0 on OpenShift {'.'.join(map(str, release))}",
            )


@check(reads=[NETWORKS, SDN, ROLL], codes=["FED795"], is_thorough=True)
def joined_projects(ground: Ground) -> Iterator[Finding]:
    """Give a network that joins projects one by one below a mesh with many members."""
    if ground.platform.network_type.lower() != "openshiftsdn":
        return
    plugin, members = str(at(ground.platform.sdn, "pluginName") or ""), len(ground.members or ())
    if plugin.endswith("-multitenant") and members >= MANY_NAMESPACES:
        seen = (
            f"joins projects one by one in its mode {plugin.rpartition('/')[2]}, which is slow with {members} members"
            " (MAISTRA-2378)"
        )
        yield Finding("FED795", NETWORK, seen, "Move to OVN-Kubernetes, or divide the mesh")


@check(reads=[NETWORKS], codes=["FED799"], is_thorough=True)
def addresses(ground: Ground) -> Iterator[Finding]:
    """Give addresses of a family that the version does not take."""
    version = ground.control_plane.version
    families = {
        family for family in map(_family, items(at(ground.platform.network, "status", "clusterNetwork"))) if family
    }
    if families == {4, 6}:
        yield Finding("FED799", NETWORK, "has addresses of IPv4 and of IPv6, which no version 2 supports")
    elif families == {6} and version and version < IPV6_FROM:
        yield Finding(
            "FED799", NETWORK, f"has IPv6 addresses only, which {ground.control_plane.version_text} does not support"
        )


def _family(network: Mapping) -> int | None:
    try:
        return ipaddress.ip_network(str(network.get("cidr")), strict=False).version
    except ValueError:
        return None


@check(reads=[SERVED], codes=["FED796"], is_thorough=True)
def other_operators(ground: Ground) -> Iterator[Finding]:
    """Give operators that want the same kinds."""
    control_plane, groups = ground.control_plane, ground.platform.groups
    if SAIL in groups and control_plane.version and control_plane.version < OPERATOR_3_BESIDE:
        seen = (
            "is served: the operator of version 3 is installed, which can run only beside 2.6, not "
            f"{control_plane.version_text}"
        )
        yield Finding("FED796", f"API group {SAIL}", seen)
    if COMMUNITY in groups:
        seen = "is served: the community's Istio operator is or was here, and both want the same webhooks and kinds"
        yield Finding(
            "FED796", f"API group {COMMUNITY}", seen, "Remove it with its kinds, or keep the mesh in another cluster"
        )


@check(reads=[SERVED], codes=["FED797"], is_thorough=True)
def companions(ground: Ground) -> Iterator[Finding]:
    """Give what the control plane asks for and whose operator is not there."""
    control_plane, wanted = ground.control_plane, []
    if control_plane.said("addons", "kiali", "enabled") is True:
        wanted.append((KIALI, "spec.addons.kiali.enabled", "Kiali"))
    if control_plane.said("tracing", "type") == "Jaeger":
        wanted.append((JAEGER, "spec.tracing.type", "Jaeger"))
    for group, path, name in wanted:
        if group not in ground.platform.groups:
            yield Finding(
                "FED797",
                f"{control_plane.place}, {path}",
                f"asks for {name}, whose operator is not installed: {group} is not served",
            )


@check(reads=[NODES], codes=["FED798"], is_thorough=True)
def nodes(ground: Ground) -> Iterator[Finding]:
    """Give nodes of an architecture that the version has no images for."""
    control_plane = ground.control_plane
    if control_plane.version and control_plane.version < ARM64_FROM:
        arm = [
            str(at(node, "metadata", "name"))
            for node in ground.platform.nodes
            if at(node, "status", "nodeInfo", "architecture") == "arm64"
        ]
        if arm:
            yield Finding(
                "FED798",
                f"Nodes {listed(sorted(arm))}",
                f"are arm64, for which {control_plane.version_text} has no images",
            )


# What stands below a control plane, whether it is there already or only wanted; companions are installed with those
# that are wanted.
@check(codes=["FED753"], is_thorough=True, spares=[TOKENS])
def tokens(ground: Ground) -> Iterator[Finding]:
    """Give service account tokens of another issuer than the control plane expects."""
    control_plane = ground.control_plane
    shown = f"{control_plane.namespace}/{control_plane.name}".lstrip("/")
    yield from foreign_tokens(control_plane.said(*IDENTITY), shown, ground.platform.authentication, ground.server)


def identity_of(spec: Mapping, standing: ControlPlane | None) -> object:
    """Return the type of identity that a control plane has, as its ``spec`` describes it, else as it is
    ``standing``.
    """
    described = at(spec, *IDENTITY)
    return described if described is not None or standing is None else standing.said(*IDENTITY)


def may_be_foreign(identity: object, server: str, *, is_settled: bool) -> bool:
    """Return whether it is worth asking for the issuer of a cluster's tokens; where all ``is_settled``, the name of its
    API server tells.
    """
    return identity != THIRD_PARTY and bool(not is_settled or managed_cluster(server))


def foreign_tokens(identity: object, shown: str, authentication: Mapping | None, server: str) -> Iterator[Finding]:
    """Give whether a cluster's tokens have another issuer than a control plane with this ``identity`` type expects.

    ``shown`` is how people name the control plane. What the cluster says of itself (``authentication``) counts; where
    that was not read, the name of its API server. Source: OpenShift Service Mesh documentation, "Creating a control
    plane", Red Hat OpenShift Service on AWS.
    """
    if identity == THIRD_PARTY:
        return
    lacks = f"and control plane {shown} does not set security.identity.type to {THIRD_PARTY}"
    if authentication is not None:
        issuer = at(authentication, "spec", "serviceAccountIssuer")
        if isinstance(issuer, str) and issuer not in ("", DEFAULT_ISSUER):
            yield Finding("FED753", "Authentication cluster, spec.serviceAccountIssuer", f"is {issuer}, {lacks}")
        return
    managed = managed_cluster(server)
    if managed:
        yield Finding(
            "FED753",
            f"API server {managed[0]}",
            f"is one of {managed[1]}, whose tokens may have another issuer, {lacks}",
        )


BELOW = (release, update, migration, network_of_2_0, joined_projects, addresses, other_operators, nodes, tokens)
CHECKS = (*BELOW, companions)
