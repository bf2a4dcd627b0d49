# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Known issues of single versions that federation meets: as data, each with its source, and what shows that it bites
here.

A version alone is no finding: the condition must be there. Where the patch release with the cure is not known, or the
control plane does not tell its own, the finding says that the version cannot exclude it.
Sources: OpenShift Service Mesh release notes, "Known issues" and "Fixed issues".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..catalogue.findings import Finding
from ..control_plane.spec import UNDEPLOYED_FOR, UNDEPLOYED_NAME
from ..plain.data import at, items, listed, mapping, place_of, strings
from ..plain.kinds import ROOT_CONFIG_MAP, SERVICE
from ..plain.supported import managed_cluster
from .checks import ROLL, Check, Read
from .estate import BUNDLES, IMPORT_SETS, OWN_SERVICES, PEERS, POLICIES, Estate
from .gateways import gateways_in_use

Minor = tuple[int, int]
MANY_MEMBERS = 50


@dataclass(frozen=True)
class Issue:
    """One known issue: the minor versions that have it, the last patch release that does where that is known, and its
    evidence.

    ``evidence`` gives (place, seen) for each place where the issue bites, from ``reads``.
    """

    name: str
    code: str
    first: Minor
    last: Minor | None
    evidence: Callable[[Estate], Iterator[tuple[str, str]]]
    reads: tuple[Read, ...] = ()
    last_patch: tuple[int, int, int] | None = None
    is_certain: bool = False
    is_thorough: bool = False

    def concerns(self, version: Minor | None, patch: tuple[int, ...] | None) -> bool:
        """Return whether a control plane may have the issue; one of an unknown version may."""
        if version and (version < self.first or (self.last and version > self.last)):
            return False
        return not (self.last_patch and patch and patch > self.last_patch)

    def doubt(self, patch: tuple[int, ...] | None) -> str:
        """Return what to add where the version does not decide: "" when it does."""
        if self.is_certain or (self.last_patch and patch):
            return ""
        return f"; the version cannot exclude {self.name}"

    def found_in(self, estate: Estate) -> Iterator[Finding]:
        """Give where the issue bites here, if the control plane's version may have it."""
        if self.concerns(estate.version, estate.patch):
            for place, seen in self.evidence(estate):
                yield Finding(self.code, place, seen + self.doubt(estate.patch))


def _no_network_policy(estate: Estate) -> Iterator[tuple[str, str]]:
    for gateway in gateways_in_use(estate):
        live = (estate.own_services or {}).get(gateway.name)
        if gateway.direction != "ingress" or live is None or estate.network_policies is None:
            continue
        pods = mapping(at(live, "spec", "selector"))
        about = [policy for policy in estate.network_policies if _selects(policy, pods)]
        if about and not any(_opens_to_all(policy) for policy in about):
            policies = listed(str(at(policy, "metadata", "name")) for policy in about)
            yield place_of(live), f"is behind NetworkPolicy {policies}, none of which admits a peer"


def _selects(policy: Mapping, pods: Mapping) -> bool:
    selector = mapping(at(policy, "spec", "podSelector"))
    return not selector.get("matchExpressions") and mapping(selector.get("matchLabels")).items() <= pods.items()


def _opens_to_all(policy: Mapping) -> bool:
    rules = at(policy, "spec", "ingress")
    is_about_ingress = "Ingress" in (at(policy, "spec", "policyTypes") or ["Ingress"])
    return not is_about_ingress or any(not rule.get("from") or _names_blocks(rule) for rule in items(rules))


def _names_blocks(rule: Mapping) -> bool:
    return any("ipBlock" in peer for peer in items(rule.get("from")))


def _no_chain(estate: Estate) -> Iterator[tuple[str, str]]:
    is_plugged_in = estate.said("security", "certificateAuthority", "istiod", "type") == "PrivateKey"
    if is_plugged_in and estate.roots and all(root.is_self_signed for root in estate.roots):
        place = f"ConfigMap {estate.namespace}/{estate.control_plane.root_config_map or ROOT_CONFIG_MAP}"
        yield place, "has only roots, but the CA of the mesh is plugged in"


def _no_external_ips(estate: Estate) -> Iterator[tuple[str, str]]:
    for gateway in gateways_in_use(estate):
        live = (estate.own_services or {}).get(gateway.name)
        wanted = strings(at(gateway.settings, "service", "externalIPs"))
        lacking = [
            address
            for address in wanted
            if live is not None and address not in strings(at(live, "spec", "externalIPs"))
        ]
        if lacking:
            yield (
                f"{SERVICE.name} {estate.namespace}/{gateway.name}",
                f"lacks the external IPs {listed(lacking)} that the control plane lists",
            )


def _locality(estate: Estate) -> Iterator[tuple[str, str]]:
    for name, live in estate.imports.items():
        is_local = any(rule.get("importAsLocal") for rule in items(at(live, "spec", "importRules")))
        if name in estate.peers and is_local and mapping(at(live, "spec", "locality")).get("region"):
            yield place_of(live), "sets a locality for services that are imported as local, as failover needs it"


def _no_endpoint_slices(estate: Estate) -> Iterator[tuple[str, str]]:
    if str(estate.pilot_env("PILOT_USE_ENDPOINT_SLICE")).lower() == "false":
        yield estate.control_plane.place, "sets PILOT_USE_ENDPOINT_SLICE to false for istiod"


def _several_networks(estate: Estate) -> Iterator[tuple[str, str]]:
    is_on = estate.said("cluster", "multiCluster", "enabled") is True or bool(
        estate.said("cluster", "multiCluster", "meshNetworks")
    )
    if is_on and estate.peers:
        yield f"{estate.control_plane.place}, spec.cluster.multiCluster", "is in use beside federation"


def _many_members(estate: Estate) -> Iterator[tuple[str, str]]:
    if len(estate.members or ()) > MANY_MEMBERS:
        yield f"ServiceMeshMemberRoll {estate.namespace}/default", f"has {len(estate.members or ())} members"


def _managed_cluster(estate: Estate) -> Iterator[tuple[str, str]]:
    found = managed_cluster(estate.server)
    if found:
        yield (
            f"API server {found[0]}",
            f"is one of {found[1]}, and {estate.control_plane.place} is {estate.control_plane.version_text}",
        )


def _named_default(estate: Estate) -> Iterator[tuple[str, str]]:
    if estate.control_plane.name == UNDEPLOYED_NAME:
        yield (
            estate.control_plane.place,
            (
                f"is {estate.control_plane.version_text} and has a name with which that version fails to deploy"
                " (OSSM-2042)"
            ),
        )


ISSUES = (
    Issue(
        "MAISTRA-2411",
        "FED717",
        (2, 1),
        (2, 1),
        _no_network_policy,
        (PEERS, OWN_SERVICES, POLICIES),
        last_patch=(2, 1, 0),
        is_thorough=True,
    ),
    Issue("MAISTRA-2687", "FED749", (2, 1), (2, 1), _no_chain, (BUNDLES,), last_patch=(2, 1, 0), is_thorough=True),
    Issue(
        "OSSM-1396 and OSSM-1052", "FED716", (2, 2), (2, 3), _no_external_ips, (PEERS, OWN_SERVICES), is_certain=True
    ),
    Issue("OSSM-1211", "FED724", (2, 1), (2, 3), _locality, (PEERS, IMPORT_SETS)),
    Issue("OSSM-1962", "FED720", (2, 3), None, _no_endpoint_slices, is_certain=True),
    Issue("OSSM-3644", "FED722", (2, 3), (2, 4), _several_networks, (PEERS,)),
    Issue("OSSM-3025", "FED723", (2, 3), (2, 3), _many_members, (ROLL,)),
    Issue("OSSM-2042", "FED754", UNDEPLOYED_FOR, UNDEPLOYED_FOR, _named_default, is_thorough=True),
    Issue("the documentation of 2.1", "FED725", (2, 1), (2, 1), _managed_cluster, is_certain=True),
)
CHECKS = tuple(Check(issue.found_in, issue.reads, (issue.code,), issue.is_thorough) for issue in ISSUES)
