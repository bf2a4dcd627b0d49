# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what the preflight looks at, few requests and each once, and collects what a run would refuse one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .._core.card.card import Card
from .._core.card.trust import Root, pem_texts
from .._core.catalogue.findings import Finding, as_data, finding_of, texts
from .._core.control_plane.live import ControlPlane
from .._core.mesh.described import Mesh
from .._core.peering.carrying import Received
from .._core.peering.live import Peerings
from .._core.peering.plan import refuse_beyond_reach
from .._core.plain.data import at, by_name
from .._core.plain.errors import FORBIDDEN, NOT_SERVED, UNSEEN, FederationError
from .._core.plain.kinds import (
    AUTHENTICATION,
    AUTHORIZATION_POLICY,
    CLUSTER_DOMAIN,
    CLUSTER_NETWORK,
    CLUSTER_VERSION,
    CONFIG_MAP,
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
)
from .._core.plain.supported import ARM64_FROM, EXTENSIONS_BEFORE, WASM_PLUGINS_FROM, managed_cluster
from .._core.preflight.beforehand import is_told_before, planned_of
from .._core.preflight.estate import Estate, Platform, namespaces_in, rules_in, targets_of
from .._core.preflight.everything import look
from .._core.preflight.platform import GROUPS, IDENTITY, THIRD_PARTY
from .._core.preflight.pulls import named_secrets
from .peerings import read_roots_of
from .remembering import Remembered


@dataclass(frozen=True)
class Reader:
    """Reads live objects for checks. What it cannot read it gives as None, and the cluster remembers the refusal."""

    cluster: Remembered

    def list(self, kind: Kind, namespace: str, *which: Any) -> list[dict] | None:
        """Return the objects of one kind in a namespace; None when they cannot be read. A kind that is not served has
        no objects.
        """
        try:
            return self.cluster.list(kind, namespace, *which)
        except FederationError as error:
            if error.code == NOT_SERVED:
                return [] if kind.is_optional else self._refused(kind, namespace, "the API server does not serve them")
            if error.code != FORBIDDEN:
                raise
            return None

    def get(self, kind: Kind, name: str, *, may_lack: bool = False) -> Mapping | None:
        """Return one cluster-wide object; None when it cannot be read. It must stand, unless the cluster ``may_lack``
        it.
        """
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
        """Return the member roll of the mesh in ``namespace``, empty where there is none; None when it
        cannot be read.
        """
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

    ``planned`` are manifests that this run applies: they are looked at as if they stood. Beyond what has been read a
    run costs one LIST of the gateways' Services, and only where rules ask for it the member roll, Services of the
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
    estate = replace(estate, own_services=None if own is None else by_name(own))
    exports, imports = rules_in(estate.export_rules(), "exportRules"), rules_in(estate.import_rules(), "importRules")
    if exports or imports or is_thorough:
        estate = replace(estate, roll=reader.roll(home))
    members = estate.members or frozenset()
    named = namespaces_in(exports, imports, members) - {home}
    others = targets_of(imports) - members - {home} if estate.members is not None else ()
    estate = replace(
        estate, services=_by_namespace(reader, SERVICE, named), targets=_by_namespace(reader, SERVICE, others)
    )
    if is_thorough:
        estate = replace(estate, entries=_by_namespace(reader, SERVICE_ENTRY, named))
        policies = _by_namespace(
            reader, AUTHORIZATION_POLICY, {*namespaces_in(exports, [], members), home} if exports else ()
        )
        estate = replace(estate, policies=[live for objects in policies.values() for live in objects])
    if imports:
        estate = replace(estate, sidecars=_by_namespace(reader, SIDECAR, {*members, home}))
    if control_plane.cluster_domain != CLUSTER_DOMAIN:
        estate = replace(estate, destination_rules=reader.list(DESTINATION_RULE, home))
    return _thorough(reader, estate, members, home) if is_thorough else estate


def read_platform(reader: Reader, version: tuple[int, int] | None, identities: Iterable[object] = ()) -> Platform:
    """Return what the cluster below is, as far as this account may see it and control planes care.

    ``version`` is the earliest of theirs, ``identities`` are the types of identity that they set. Which API groups are
    served every account may ask, if nobody has taken that right away. So an account without rights in a cluster that is
    no OpenShift has no gaps there.
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
    """Return what the cluster says of its tokens; that it may not be read is no gap where the name of its API server
    tells.
    """
    try:
        return reader.cluster.get(AUTHENTICATION, "", "cluster")
    except FederationError as error:
        if error.code not in UNSEEN:
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
    return replace(
        estate, missing_secrets=frozenset(secret for secret in sorted(named) if reader.lacks(SECRET, *secret))
    )


def _by_namespace(reader: Reader, kind: Kind, namespaces: Iterable[str]) -> dict[str, list[dict]]:
    found = {name: reader.list(kind, name) for name in sorted(namespaces)}
    return {name: objects for name, objects in found.items() if objects is not None}


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
    is_routed: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """Return the ``findings`` and ``unknown`` of a run that keeps peerings, as data, and what of them is a warning.

    What was ``told`` before stands before them and is not told again.

    ``states`` tells what the run does about each peer (present, suspended, pending, left alone). What it writes is
    looked at as if it stood, so that nobody is warned of what is fixed a moment later; what only a real run makes is
    not missed where it ``is_planned``. Where calls are ``is_routed``, their split is for ``traffic`` to tell. Raises
    ``FederationError`` FED315 for an export rule that meets services of the control plane or the platform.
    """
    kept = [
        peer
        for peer in mesh.peers
        if states.get(peer.local_name) in ("present", "suspended") and peer.local_name in received
    ]
    estate = read_estate(
        reader,
        mesh,
        control_plane,
        peerings,
        {name: found.card for name, found in received.items()},
        reader.cluster.now,
        untouched=[name for name, state in states.items() if state == "left alone"],
        planned=planned_of(mesh, kept, received),
        without_gateways=[peer.local_name for peer in mesh.peers] if is_planned else (),
    )
    refuse_beyond_reach(mesh, kept, estate.exportable_or_own)
    findings, unknown = look(replace(estate, wanted=() if is_routed else None), reader.cluster.refusals)
    warnings = [*texts(finding for finding in findings if not is_told_before(finding, mesh))]
    return {**as_data([*told, *findings]), "unknown": [gap.as_data() for gap in unknown]}, warnings


def read_known(cluster: Remembered, control_plane: ControlPlane) -> tuple[Peerings, list[Finding]]:
    """Return the live peerings as far as they can be read. What a run would refuse over it is a finding, the first of
    each code.
    """
    read: list[dict[str, Mapping]] = []
    refused: dict[str, Finding] = {}
    for kind in (PEER, EXPORTS, IMPORTS, CONFIG_MAP):
        try:
            read.append(by_name(cluster.list(kind, control_plane.namespace)))
        except FederationError as error:
            if error.code not in UNSEEN:
                raise
            if error.code == NOT_SERVED and not kind.is_optional:
                cluster.refuse(kind, control_plane.namespace, "the API server does not serve them")
            refused.setdefault(error.code, finding_of(error))
            read.append({})
    return Peerings(*read, own_maps=control_plane.own_config_maps), list(refused.values())


def read_own_roots(
    cluster: Remembered, control_plane: ControlPlane, params: Mapping[str, Any], now: datetime
) -> tuple[tuple[Root, ...], list[Finding]]:
    """Return the mesh's roots, and what is wrong with them, or with those that are left out."""
    left_out: list[FederationError] = []
    try:
        instead, also = (pem_texts(params[option], f"mesh_{option}") for option in ("roots", "extra_roots"))
        roots = read_roots_of(cluster, control_plane, now, instead=instead, also=also, left_out=left_out)
        return roots, [Finding("FED738", error.where, error.what) for error in left_out]
    except FederationError as error:
        return (), [finding_of(error)]
