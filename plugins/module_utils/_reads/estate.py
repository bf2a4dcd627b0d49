# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what the preflight looks at, few requests and each once, and collects what a run would refuse one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .._core.card.card import Card
from .._core.card.trust import Root
from .._core.catalogue.findings import Finding, as_data, finding_of, texts
from .._core.control_plane.live import ControlPlane
from .._core.mesh.described import Mesh, Peer
from .._core.mesh.parse import described_mesh
from .._core.mesh.rules import LEFT_OUT
from .._core.peering.carrying import Received
from .._core.peering.live import Peerings
from .._core.peering.plan import plan_peering, refuse_beyond_reach
from .._core.plain.data import at, items
from .._core.plain.errors import FederationError
from .._core.plain.kinds import (
    AUTHENTICATION,
    AUTHORIZATION_POLICY,
    CLUSTER_DOMAIN,
    CLUSTER_NETWORK,
    CLUSTER_VERSION,
    DESTINATION_RULE,
    EXPORTS,
    EXTENSION,
    IMPORTS,
    ISTIO_GATEWAY,
    MEMBER_ROLL,
    NETWORK,
    NETWORK_POLICY,
    NODE,
    PEER,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ENTRY,
    SIDECAR,
    WASM_PLUGIN,
    Kind,
    is_label,
)
from .._core.plain.supported import ARM64_FROM, EXTENSIONS_BEFORE, WASM_PLUGINS_FROM, managed_cluster
from .._core.preflight.estate import Estate, Platform
from .._core.preflight.everything import look
from .._core.preflight.platform import GROUPS, IDENTITY, THIRD_PARTY
from .._core.preflight.pulls import named_secrets
from .remembering import FORBIDDEN, Remembered

NOT_SERVED = "FED108"
_RULE = re.compile(r"mesh_(?P<option>exports|imports), rule (?P<number>[0-9]+)")
_PEER = re.compile(r"mesh_peers, (?:entry (?P<number>[0-9]+)|(?P<name>[^,]+))")


@dataclass(frozen=True)
class Reader:
    """Reads live objects for checks. What it cannot read it gives as None, and the cluster remembers the refusal."""

    cluster: Remembered

    def list(self, kind: Kind, namespace: str, *which: Any) -> list[dict] | None:
        """Return the objects of one kind in a namespace; None when they cannot be read. A kind that is not served has no objects."""
        try:
            return self.cluster.list(kind, namespace, *which)
        except FederationError as error:
            if error.code == NOT_SERVED:
                return [] if kind.is_optional else self._refused(kind, namespace, "the API server does not serve them")
            if error.code != FORBIDDEN:
                raise
            return None

    def get(self, kind: Kind, name: str, *, may_lack: bool = False) -> Mapping | None:
        """Return one cluster-wide object; None when it cannot be read. It must stand, unless the cluster ``may_lack`` it."""
        try:
            live = self.cluster.get(kind, "", name)
        except FederationError as error:
            if error.code == NOT_SERVED:
                return self._refused(kind, "", "the API server does not serve them")
            if error.code != FORBIDDEN:
                raise
            return None
        return live if live is not None or may_lack else self._refused(kind, "", f"the cluster has none called {name}")

    def lacks(self, kind: Kind, namespace: str, name: str) -> bool:
        """Return whether an object is not there; False as well when that cannot be known."""
        try:
            return self.cluster.outline(kind, namespace, name) is None
        except FederationError as error:
            if error.code == NOT_SERVED:
                self._refused(kind, namespace, "the API server does not serve them")
            elif error.code != FORBIDDEN:
                raise
            return False

    def roll(self, namespace: str) -> Mapping | None:
        """Return the member roll of the mesh in ``namespace``, empty where there is none; None when it cannot be read."""
        try:
            roll = self.cluster.get(MEMBER_ROLL, namespace, "default")
        except FederationError as error:
            if error.code == NOT_SERVED:
                return self._refused(MEMBER_ROLL, namespace, "the API server does not serve them")
            if error.code != FORBIDDEN:
                raise
            return None
        return roll or {}

    def serves(self, group: str) -> bool | None:
        """Return whether an API group is served; None when that cannot be known."""
        try:
            return self.cluster.serves(group)
        except FederationError as error:
            if error.code != FORBIDDEN:
                raise
            return None

    def _refused(self, kind: Kind, namespace: str, because: str) -> None:
        self.cluster.refuse(kind, namespace, because)


def read_estate(
    reader: Reader,
    mesh: Mesh,
    control_plane: ControlPlane,
    peerings: Peerings,
    cards: Mapping[str, Card],
    now: datetime,
    *,
    untouched: Iterable[str] = (),
    roots: Sequence[Root] = (),
    is_thorough: bool = False,
    planned: Sequence[Mapping] = (),
    without_gateways: Iterable[str] = (),
) -> Estate:
    """Return all that the preflight looks at.

    ``planned`` are manifests that this run applies: they are looked at as if they stood. Beyond what has been read a run
    costs one LIST of the gateways' Services, and only where rules ask for it the member roll, Services of the
    namespaces that they name, and Sidecars. ``is_thorough`` also reads what no rule points to.
    """
    estate = Estate(
        mesh=mesh,
        control_plane=control_plane,
        now=now,
        cards=cards,
        peers=peerings.peers,
        exports=peerings.exports,
        imports=peerings.imports,
        config_maps=peerings.bundles,
        roots=roots,
        server=reader.cluster.server,
        untouched=frozenset(untouched),
        without_gateways=frozenset(without_gateways),
        is_thorough=is_thorough,
    ).with_plan(planned)
    home = mesh.namespace
    own = reader.list(SERVICE, home)
    estate = replace(estate, own_services=None if own is None else {live["metadata"]["name"]: live for live in own})
    exports, imports = _rules(estate.export_rules(), "exportRules"), _rules(estate.import_rules(), "importRules")
    if exports or imports or is_thorough:
        estate = replace(estate, roll=reader.roll(home))
    members = estate.members or frozenset()
    named = _namespaces(exports, imports, members) - {home}
    others = _targets(imports) - members - {home} if estate.members is not None else ()
    estate = replace(estate, services=_by_namespace(reader, SERVICE, named), targets=_by_namespace(reader, SERVICE, others))
    if is_thorough:
        estate = replace(estate, entries=_by_namespace(reader, SERVICE_ENTRY, named))
        policies = _by_namespace(reader, AUTHORIZATION_POLICY, {*_namespaces(exports, [], members), home} if exports else ())
        estate = replace(estate, policies=[live for objects in policies.values() for live in objects])
    if imports:
        estate = replace(estate, sidecars=_by_namespace(reader, SIDECAR, {*members, home}))
    if control_plane.cluster_domain != CLUSTER_DOMAIN:
        estate = replace(estate, destination_rules=reader.list(DESTINATION_RULE, home))
    return _thorough(reader, estate, members, home) if is_thorough else estate


def read_platform(reader: Reader, version: tuple[int, int] | None, identities: Iterable[object] = ()) -> Platform:
    """Return what the cluster below is, as far as this account may see it and control planes care.

    ``version`` is the earliest of theirs, ``identities`` are the types of identity that they set. Which API groups are served every
    account may ask, if nobody has taken that right away. So an account without rights in a cluster that is no OpenShift has no gaps there.
    """
    platform = Platform(groups=frozenset(group for group in GROUPS if reader.serves(group)))
    if version and version < ARM64_FROM:
        platform = replace(platform, nodes=reader.list(NODE, "") or ())
    if reader.serves(CLUSTER_VERSION.api_version.partition("/")[0]) is False:
        return platform
    network = reader.get(NETWORK, "cluster")
    is_sdn = str(at(network, "status", "networkType")).lower() == "openshiftsdn"
    sdn = reader.get(CLUSTER_NETWORK, "default", may_lack=True) if is_sdn else None
    if any(identity != THIRD_PARTY for identity in identities):
        platform = replace(platform, authentication=_authentication(reader))
    return replace(platform, version=reader.get(CLUSTER_VERSION, "version"), network=network, sdn=sdn)


def _authentication(reader: Reader) -> Mapping | None:
    """Return what the cluster says of its tokens; that it may not be read is no gap where the name of its API server tells."""
    try:
        return reader.cluster.get(AUTHENTICATION, "", "cluster")
    except FederationError as error:
        if error.code not in (FORBIDDEN, NOT_SERVED):
            raise
        if managed_cluster(reader.cluster.server):
            reader.cluster.overlook(AUTHENTICATION)
        return None


def _thorough(reader: Reader, estate: Estate, members: Iterable[str], home: str) -> Estate:
    estate = replace(estate, platform=read_platform(reader, estate.version, [estate.said(*IDENTITY)]))
    if estate.version == (2, 1):
        estate = replace(estate, network_policies=reader.list(NETWORK_POLICY, home))
    if estate.peers:
        found = _by_namespace(reader, ISTIO_GATEWAY, {*members, home})
        estate = replace(estate, gateways=[live for objects in found.values() for live in objects])
    estate = _pulling(reader, estate, {*members, home})
    strays = [_by_namespace(reader, kind, set(members) - {home}) for kind in (PEER, EXPORTS, IMPORTS)]
    return replace(estate, elsewhere=[live for found in strays for objects in found.values() for live in objects])


def _pulling(reader: Reader, estate: Estate, namespaces: Iterable[str]) -> Estate:
    """Return the estate with what is pulled, and which pull secrets are not there. Nothing in a Secret is read."""
    kinds = [EXTENSION] if estate.version and estate.version < EXTENSIONS_BEFORE else []
    kinds += [WASM_PLUGIN] if not estate.version or estate.version >= WASM_PLUGINS_FROM else []
    found = [_by_namespace(reader, kind, namespaces) for kind in kinds]
    extensions = [live for spaces in found for objects in spaces.values() for live in objects]
    pods = reader.list(POD, estate.namespace) or ()
    estate = replace(estate, extensions=extensions, own_pods=pods)
    named = {(namespace, name) for _place, namespace, name in named_secrets(estate)}
    return replace(estate, missing_secrets=frozenset(secret for secret in sorted(named) if reader.lacks(SECRET, *secret)))


def _by_namespace(reader: Reader, kind: Kind, namespaces: Iterable[str]) -> dict[str, list[dict]]:
    found = {name: reader.list(kind, name) for name in sorted(namespaces)}
    return {name: objects for name, objects in found.items() if objects is not None}


def _rules(sets: Iterable[tuple], name: str) -> list[Mapping]:
    return [rule for _peer, spec, _places in sets for rule in items(at(spec, name))]


def _namespaces(exports: Sequence[Mapping], imports: Sequence[Mapping], members: frozenset[str]) -> set[str]:
    """Return the member namespaces whose Services the rules are about: those exported from, and those imported into as local."""
    named = {str(at(rule, "nameSelector", "namespace") or at(rule, "labelSelector", "namespace") or "*") for rule in exports}
    wanted = members if "*" in named else members & named
    return set(wanted) | (_targets(imports) & members)


def _targets(imports: Sequence[Mapping]) -> set[str]:
    """Return the namespaces that something is imported into as local, whether they are members or not."""
    targets = {str(at(rule, "nameSelector", "alias", "namespace") or "") for rule in imports if rule.get("importAsLocal")}
    return {target for target in targets if is_label(target)}


def look_at_run(
    reader: Reader,
    mesh: Mesh,
    control_plane: ControlPlane,
    peerings: Peerings,
    received: Mapping[str, Received],
    states: Mapping[str, str],
    told: Sequence[Finding] = (),
    *,
    is_planned: bool,
) -> tuple[dict[str, Any], list[str]]:
    """Return the ``findings`` and ``unknown`` of a run that keeps peerings, as data, and what of them is a warning.

    What was ``told`` before stands before them and is not told again.

    ``states`` tells what the run does about each peer (present, suspended, pending, left alone). What it writes is looked at as if it
    stood, so that nobody is warned of what is fixed a moment later; what only a real run makes is not missed where it ``is_planned``.
    Raises ``FederationError`` FED315 for an export rule that meets services of the control plane or the platform.
    """
    kept = [peer for peer in mesh.peers if states.get(peer.local_name) in ("present", "suspended") and peer.local_name in received]
    estate = read_estate(
        reader,
        mesh,
        control_plane,
        peerings,
        {name: found.card for name, found in received.items()},
        reader.cluster.now,
        untouched=[name for name, state in states.items() if state == "left alone"],
        planned=_planned(mesh, kept, received),
        without_gateways=[peer.local_name for peer in mesh.peers] if is_planned else (),
    )
    refuse_beyond_reach(mesh, kept, estate.exportable_or_own)
    findings, unknown = look(estate, reader.cluster.refusals)
    warnings = [*texts(finding for finding in findings if not is_told_before(finding, mesh))]
    return {**as_data([*told, *findings]), "unknown": [gap.as_data() for gap in unknown]}, warnings


def _planned(mesh: Mesh, peers: Iterable[Peer], received: Mapping[str, Received]) -> list[dict]:
    """Return what a run writes for peers; nothing for one whose card has no address."""
    cards = [(peer, received[peer.local_name].card) for peer in peers]
    return [manifest for peer, card in cards if card.ingress for manifest in plan_peering(mesh, peer, card)]


def is_told_before(finding: Finding, mesh: Mesh) -> bool:
    """Return whether another module says the same in a run, before this: of gateways, and of the mesh's own rules with its cards."""
    if finding.code in ("FED762", "FED772"):
        return finding.place.startswith("mesh_exports")
    gateways = {peer.gateways.egress for peer in mesh.peers} if finding.code == "FED710" else set()
    if finding.code == "FED706":
        gateways = {name for peer in mesh.peers if peer.adopt for name in (peer.gateways.ingress, peer.gateways.egress)}
    return any(finding.place.endswith(f".{name}") for name in gateways)


def describe(params: Mapping[str, Any]) -> tuple[Mesh | None, list[Finding]]:
    """Return the mesh that a module's options describe, without what is wrong in them, and all of that as findings.

    None when the mesh itself is wrong. An entry that is refused is left out and the rest read again, so that every
    entry is judged; entries and rules keep their numbers.
    """
    options = Described(params)
    findings: list[Finding] = []
    while True:
        try:
            # Who offers and takes nothing may have no peers: everything else is looked at all the same.
            is_alone = not (options.params["exports"] or options.params["imports"])
            return described_mesh(options.params, allow_no_peers=is_alone or bool(options.dropped)), findings
        except FederationError as error:
            if not options.is_innocent(error):
                findings.append(options.finding(error))
            if not options.leave_out(error.where):
                return None, findings


class Described:
    """A module's options about a mesh, of which entries that are refused are left out one by one."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = {**params, **{key: list(params.get(key) or []) for key in ("peers", "exports", "imports")}}
        self.dropped: set[str] = set()
        self._numbers = list(range(1, len(self.params["peers"]) + 1))

    def is_innocent(self, error: FederationError) -> bool:
        """Return whether a rule is refused only because a peer that it names was refused before."""
        rule = _RULE.match(error.where)
        if not rule or error.code != "FED302":
            return False
        named = self._rule(rule).get("to" if rule["option"] == "exports" else "from")
        return isinstance(named, (list, tuple)) and bool(self.dropped & {str(name) for name in named})

    def finding(self, error: FederationError) -> Finding:
        """Return an error as a finding, its entry counted as the user does."""
        entry = _PEER.match(error.where)
        if not entry or not entry["number"] or int(entry["number"]) > len(self._numbers):
            return finding_of(error)
        told = f"mesh_peers, entry {self._numbers[int(entry['number']) - 1]}"
        return replace(finding_of(error), place=f"{told}{error.where[entry.end() :]}")

    def leave_out(self, where: str) -> bool:
        """Leave out the entry that an error names; False when it names none."""
        rule, entry = _RULE.match(where), _PEER.match(where)
        if rule:
            # A rule for nobody keeps the numbers of those that follow.
            is_new = self._rule(rule) is not LEFT_OUT
            self.params[rule["option"]][int(rule["number"]) - 1] = LEFT_OUT
            return is_new
        names = [_name(peer) for peer in self.params["peers"]]
        if not entry:
            return False
        # Of two entries that exclude each other the later one goes.
        found = [at_index for at_index, name in enumerate(names) if name == entry["name"]]
        index = int(entry["number"]) - 1 if entry["number"] else max(found, default=-1)
        if not 0 <= index < len(names):
            return False
        self.dropped |= _names_of(self.params["peers"][index])
        del self.params["peers"][index], self._numbers[index]
        return True

    def _rule(self, rule: re.Match) -> Mapping:
        found = self.params[rule["option"]][int(rule["number"]) - 1]
        return found if isinstance(found, Mapping) else {}


def _name(entry: object) -> str:
    return str(entry.get("name")) if isinstance(entry, Mapping) else str(entry)


def _names_of(entry: object) -> set[str]:
    return {_name(entry), str(entry.get("local_name"))} if isinstance(entry, Mapping) else {_name(entry)}


def found_by(*checks: Callable[[], object]) -> list[Finding]:
    """Return what checks refuse, all of them, as findings."""
    findings = []
    for check in checks:
        try:
            check()
        except FederationError as error:
            findings.append(finding_of(error))
    return findings
