# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the user described, from options to a mesh: all of it checked before anything can have been written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..plain.errors import FederationError, refuse
from ..plain.kinds import RESERVED_WORDS, ROOT_CONFIG_MAP, bundle_name, home_of, is_trust_domain
from .described import LOCALITY, LONGEST_PEER, Half, Mesh, Peer
from .fields import NAME, boolean_of, check_keys, check_label, fingerprint_of, list_of
from .gateways import check_addresses, check_reach, check_shared, fitting, gateways_of, refuse_empty_settings
from .given import KUBECTL, PEER_ENTRY, refuse_empty
from .rules import Names, check_rules, check_targets, export_rule, import_rule

_OWNER = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ._@/:+-]{0,126}[A-Za-z0-9])?")
_VERSION = re.compile(r"v?2\.[0-9]{1,2}(\.[0-9]{1,3})?")
PLACE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
"""A region, zone or subzone: the value of a label."""


def parse_mesh(
    *,
    name: str,
    namespace: str,
    control_plane: str,
    peers: Sequence[str | Mapping],
    gateways: Mapping | None = None,
    exports: Sequence[Mapping] = (),
    imports: Sequence[Mapping] = (),
    trust_domain: str | None = None,
    allow_no_peers: bool = False,
    owner: str | None = None,
    loopback: bool = False,
) -> Mesh:
    """Return the mesh that these options describe, all of it checked.

    Raises ``FederationError`` with a code FED3xx that names the option, before anything can have been written.
    """
    check_home(name, namespace, control_plane, trust_domain, owner)
    check_shared(gateways or {})
    described = tuple(
        _peer(entry, gateways or {}, at, _Home(name, namespace, loopback))
        for at, entry in enumerate(peers or (), start=1)
    )
    if not described and not allow_no_peers:
        refuse(
            "FED301",
            "mesh_peers",
            f"is empty for mesh {name}, so there is no mesh to federate with",
            "List the peers, or set federation_full_mesh: true to peer with every mesh of the inventory",
        )
    _check_peers(name, described)
    names = Names.of(described)
    mesh = Mesh(
        name=name,
        namespace=namespace,
        control_plane=control_plane,
        peers=described,
        exports=tuple(export_rule(rule, at, names) for at, rule in enumerate(exports or (), start=1)),
        imports=tuple(import_rule(rule, at, names) for at, rule in enumerate(imports or (), start=1)),
        trust_domain=trust_domain,
        owner=owner or None,
        loopback=loopback,
    )
    check_targets(mesh)
    check_rules(mesh)
    return mesh


def described_mesh(params: Mapping[str, Any], *, allow_no_peers: bool = False) -> Mesh:
    """Return the mesh that a module's options describe; raises ``FederationError`` FED3xx before anything is read."""
    mesh = parse_mesh(
        name=params["mesh"],
        namespace=home_of(params),
        control_plane=params["control_plane"],
        peers=params.get("peers") or [],
        gateways=params.get("gateways"),
        exports=params.get("exports") or [],
        imports=params.get("imports") or [],
        trust_domain=params.get("trust_domain"),
        allow_no_peers=allow_no_peers,
        owner=params.get("owner"),
        loopback=bool(params.get("loopback")),
    )
    return mesh.holding(params.get("hold") or [])


def one_peer(params: Mapping[str, Any], **rules: Any) -> Mesh:
    """Return the mesh with the one peer that a thin module is about, and ``exports`` or ``imports`` rules for it.

    A module without the option ``loopback`` has nothing to do with addresses.
    """
    return described_mesh({"loopback": True, **params, "peers": [params["peer"]], **rules})


def asked_peers(peers: Sequence[object] | None) -> dict[str, str]:
    """Return peers that are given as names or as mappings: our name of each to its own. Raises ``FederationError``
    FED303 for an entry without a name.
    """
    asked: dict[str, str] = {}
    for at, peer in enumerate(peers or (), start=1):
        name = peer.get("name") if isinstance(peer, Mapping) else peer
        if name in (None, ""):
            fix = "Write the peer's mesh name: {name: west, ...}"
            refuse("FED303", f"mesh_peers, entry {at}", "has no name", fix)
        asked[str((peer.get("local_name") if isinstance(peer, Mapping) else None) or name)] = str(name)
    return asked


class _Home(NamedTuple):
    """The mesh whose peers are read."""

    name: str
    namespace: str
    loopback: bool


def _peer(entry: str | Mapping, shared: Mapping, at: int, home: _Home) -> Peer:
    place = f"mesh_peers, entry {at}"
    if isinstance(entry, str):
        entry = {"name": entry}
    if not isinstance(entry, Mapping):
        refuse("FED303", place, "is not a name or a mapping with a name", "Write the peer's mesh name")
    check_keys(entry, {"name", *PEER_ENTRY}, place)
    name = _check_word(check_label(entry.get("name"), f"{place}, name", 63), f"{place}, name")
    place = f"mesh_peers, {name}"
    refuse_empty(entry, place, PEER_ENTRY)
    local_name = check_label(entry.get("local_name", name), f"{place}, local_name", LONGEST_PEER)
    _check_local_name(local_name, name, f"{place}, local_name")
    same_cluster = boolean_of(entry.get("same_cluster"), f"{place}, same_cluster")
    own = entry.get("gateways", {})
    if not isinstance(own, Mapping):
        refuse("FED307", f"{place}, gateways", "is not a mapping", "Give it keys such as service_type")
    refuse_empty_settings(own, f"{place}, gateways")
    adopt = boolean_of(entry.get("adopt"), f"{place}, adopt")
    gateways = gateways_of({**fitting(shared, own, same_cluster), **own}, local_name, place, same_cluster)
    check_addresses(gateways, f"{place}, gateways", same_cluster=same_cluster, loopback=home.loopback)
    if not adopt:
        check_reach(gateways, place, same_cluster=same_cluster)
    for kind, gateway in (("ingress", gateways.ingress), ("egress", gateways.egress)):
        if len(gateway) + len(home.namespace) > 62 and (not adopt or kind in own):
            refuse(
                "FED307",
                f"{place}, gateway {gateway}",
                f"is too long: with the namespace {home.namespace} a label of the operator would exceed 63 characters",
                "Choose a shorter local_name or gateway name",
            )
    pins = list_of(entry.get("root_fingerprints"), f"{place}, root_fingerprints")
    return Peer(
        name=name,
        local_name=local_name,
        gateways=gateways,
        root_fingerprints=tuple(fingerprint_of(pin, place) for pin in pins),
        same_cluster=same_cluster,
        suspended=boolean_of(entry.get("suspended"), f"{place}, suspended"),
        adopt=adopt,
        given=frozenset(own),
        half=(
            _half(entry["kubectl"], name, home, place, same_cluster=same_cluster)
            if "kubectl" in entry and name != home.name
            else None
        ),
        locality=checked_locality(entry.get("locality"), f"{place}, locality"),
    )


def _half(given: Any, peer: str, home: _Home, place: str, *, same_cluster: bool) -> Half:
    """Return the side of a peer whose administrator has no Ansible, by what is known of the peer's mesh here."""
    place = f"{place}, kubectl"
    check_keys(given, set(KUBECTL), place)
    refuse_empty(given, place, KUBECTL)
    missing = [key for key in ("namespace", "control_plane") if key not in given]
    if missing:
        refuse(
            "FED350",
            place,
            f"has no {missing[0]}, and the files for {peer} are for its control plane only",
            f"Ask the administrator of {peer} for the namespace and the name of the ServiceMeshControlPlane",
        )
    version = given.get("version")
    if version is not None and not _VERSION.fullmatch(str(version)):
        refuse("FED350", f"{place}, version", f"is {version!r}", "Write the version as v2.5")
    own = {"gateways": given["gateways"]} if "gateways" in given else {}
    rules: dict[str, Any] = {key: list_of(given.get(key), f"{place}, {key}") for key in ("exports", "imports")}
    try:
        mesh = parse_mesh(
            name=peer,
            namespace=given["namespace"],
            control_plane=given["control_plane"],
            peers=[{"name": home.name, "same_cluster": same_cluster, **own}],
            loopback=home.loopback,
            **rules,
        )
    except FederationError as error:
        # What the peer would call mesh_exports is called exports here, and its only peer is this mesh, which nobody
        # wrote down.
        where = error.where.removeprefix(f"mesh_peers, {home.name}, ").removeprefix("mesh_")
        raise FederationError(error.code, where=f"{place}, {where}", what=error.what, fix=error.fix) from None
    return Half(mesh, str(version) if version else None)


def checked_locality(value: object, place: str) -> dict[str, str]:
    """Return where a mesh is: its ``region``, and a ``zone`` and ``subzone`` where they are given.

    Raises ``FederationError`` FED856 for a zone without its region or a subzone without its zone, of which istiod drops
    all.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        refuse("FED856", place, "is not a mapping", "Write it as region: eu-west, and zone where you want one")
    unknown = sorted(str(key) for key in value if key not in LOCALITY)
    if unknown:
        refuse("FED856", place, f"has the unknown key {unknown[0]}", f"Known are {', '.join(LOCALITY)}")
    for word in value:
        if not isinstance(value[word], str) or not PLACE.fullmatch(value[word]):
            refuse(
                "FED856",
                f"{place}, {word}",
                f"is {value[word]!r}",
                "Write it as the nodes' labels topology.kubernetes.io do",
            )
    given = [word for word in LOCALITY if word in value]
    missing = next((above for above, word in zip(LOCALITY, given) if above != word), "")
    if missing:
        refuse(
            "FED856", place, f"has a {given[-1]} and no {missing}, so istiod would drop all of it", f"Add the {missing}"
        )
    return {word: value[word] for word in given}


def check_home(
    name: str, namespace: str, control_plane: str, trust_domain: str | None = None, owner: str | None = None
) -> None:
    """Refuse what a mesh cannot be called, or its owner: FED303."""
    _check_word(check_label(name, "mesh_name", 63), "mesh_name")
    check_label(namespace, "mesh_namespace", 63)
    if not isinstance(control_plane, str) or not NAME.fullmatch(control_plane):
        refuse(
            "FED303",
            "mesh_control_plane",
            f"{control_plane!r} is not a name",
            "Give the ServiceMeshControlPlane's name",
        )
    if trust_domain and not is_trust_domain(trust_domain):
        refuse(
            "FED303",
            "mesh_trust_domain",
            f"{trust_domain!r} is not a trust domain",
            "Use lower-case letters, digits, dots and hyphens",
        )
    if owner and not _OWNER.fullmatch(owner):
        refuse(
            "FED303",
            "federation_owner",
            f"{owner[:80]!a} is not a valid owner",
            "Use up to 128 letters, digits, spaces and . _ @ / : + -",
        )


def _check_peers(name: str, peers: Sequence[Peer]) -> None:
    local_names: set[str] = set()
    for peer in peers:
        place = f"mesh_peers, {peer.name}"
        if peer.name == name:
            refuse("FED305", place, "is this mesh itself", "List other meshes only")
        if peer.local_name == name:
            refuse(
                "FED305",
                f"{place}, local_name",
                f"is {name}, the name of this mesh itself",
                "Give the peer another local_name",
            )
        if peer.local_name in local_names:
            refuse("FED304", place, f"is called {peer.local_name}, like another entry", "Give each its own local_name")
        local_names.add(peer.local_name)
    purposes: dict[str, str] = {}
    node_ports: dict[int, str] = {}
    for peer in peers:
        if peer.name != peer.local_name and peer.name in local_names:
            refuse(
                "FED304",
                f"mesh_peers, {peer.name}",
                f"is the local_name of another entry, so a rule for {peer.name} could mean either",
                "Give the other entry another local_name",
            )
        for kind, gateway in (("ingress", peer.gateways.ingress), ("egress", peer.gateways.egress)):
            if gateway in purposes:
                refuse(
                    "FED307",
                    f"mesh_peers, {peer.name}, gateways.{kind}",
                    f"is {gateway}, which is the {purposes[gateway]} already; each gateway serves one peer, and in one"
                    " direction",
                    "Choose another name, or leave it out",
                )
            purposes[gateway] = f"{kind} gateway of {peer.name}"
        for word, port in (
            ("discovery", peer.gateways.node_ports.discovery),
            ("service", peer.gateways.node_ports.service),
        ):
            owner = node_ports.setdefault(port, peer.local_name) if port else peer.local_name
            if owner != peer.local_name:
                refuse(
                    "FED307",
                    f"mesh_peers, {peer.name}, gateways.node_ports.{word}",
                    f"is {port}, which {owner} has already",
                    "Each gateway needs its own node ports",
                )


def _check_word(name: str, place: str) -> str:
    """Refuse a mesh whose name means something else where names of peers are listed."""
    if name in RESERVED_WORDS:
        refuse(
            "FED303",
            place,
            f"{name!r} is a reserved word in lists of peers",
            "Choose another name for the mesh",
        )
    return name


def _check_local_name(local_name: str, name: str, place: str) -> None:
    """Refuse a name of ours for a peer that leads to an object which is not the peer's."""
    if local_name != name:
        _check_word(local_name, place)
    if bundle_name(local_name) == ROOT_CONFIG_MAP:
        refuse(
            "FED303",
            place,
            f"{local_name!r} leads to the ConfigMap {ROOT_CONFIG_MAP}, which has this mesh's own root",
            "Give the peer another local_name",
        )
