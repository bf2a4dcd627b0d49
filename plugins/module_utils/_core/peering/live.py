# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The live objects of a mesh's peerings, as they were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..mesh.described import Mesh
from ..plain.data import at
from ..plain.diff import is_ours
from ..plain.kinds import PEER_LABEL, ROOT_CONFIG_MAP, bundle_name
from .carrying import Identity
from .identity import KNOWN, Standing
from .leftovers import bundle_owners


@dataclass(frozen=True)
class Peering:
    """The live objects of one peering; None where there is none.

    ``is_borrowed`` says that the bundle holds our mesh's own root: it is looked at, and never part of the peering.
    """

    peer: Mapping | None
    exports: Mapping | None
    imports: Mapping | None
    bundle: Mapping | None
    is_borrowed: bool = False

    @property
    def objects(self) -> list[Mapping]:
        """Return what exists, in the order in which it must go: peer, sets, bundle."""
        bundle = None if self.is_borrowed else self.bundle
        return [live for live in (self.peer, self.imports, self.exports, bundle) if live is not None]

    @property
    def strangers(self) -> list[Mapping]:
        """Return the objects that somebody else made."""
        return [live for live in self.objects if not is_ours(live)]

    def as_rows(self) -> dict[str, Mapping | None]:
        """Return the objects as ``status.peer_row`` takes them."""
        return {"peer": self.peer, "exports": self.exports, "imports": self.imports, "bundle": self.bundle}

    def live(self, kind: str) -> Mapping | None:
        """Return the live object of one kind's name."""
        return {
            "ServiceMeshPeer": self.peer,
            "ExportedServiceSet": self.exports,
            "ImportedServiceSet": self.imports,
        }.get(kind, self.bundle)


@dataclass(frozen=True)
class Peerings:
    """All peerings of one control plane's namespace, as one LIST per kind gave them.

    ``own_maps`` are the ConfigMaps that hold the mesh's own root; ``known`` is as ``identity.known_beside_gateways``
    says.
    """

    peers: Mapping[str, Mapping]
    exports: Mapping[str, Mapping]
    imports: Mapping[str, Mapping]
    bundles: Mapping[str, Mapping]
    own_maps: frozenset[str] = frozenset({ROOT_CONFIG_MAP})
    known: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def of(self, name: str) -> Peering:
        """Return the objects of the peer that we call ``name``."""
        peer = self.peers.get(name)
        chain = at(peer, "spec", "security", "certificateChain") or {}
        bundle = (
            self.bundles.get(chain.get("name") or "") or self.bundles.get(bundle_name(name)) or self._bundle_for(name)
        )
        return Peering(
            peer=peer,
            exports=self.exports.get(name),
            imports=self.imports.get(name),
            bundle=bundle,
            is_borrowed=bundle is not None and bundle["metadata"]["name"] in self.own_maps,
        )

    def _bundle_for(self, name: str) -> Mapping | None:
        """Return the bundle that we keep for a peer under another name; the peer that names it may be gone already."""
        labelled = (live for live in self.own_bundles() if at(live, "metadata", "labels", PEER_LABEL) == name)
        return next(labelled, None)

    def own_bundles(self) -> list[Mapping]:
        """Return the bundles that we keep; what holds our mesh's own root is none."""
        return [live for name, live in self.bundles.items() if name not in self.own_maps and is_ours(live)]

    def standing(self) -> list[Standing]:
        """Return what is known of each peer that exists in any part: its ServiceMeshPeer, whoever made that, a bundle
        of ours that is left, or what the control plane remembers.
        """
        names = sorted({*self.peers, *bundle_owners(self.own_bundles())})
        found = [Standing.of(name, self.of(name).peer, self.of(name).bundle) for name in names]
        place = "the ServiceMeshControlPlane (annotation {})"
        return found + [
            Standing(name, place.format(f"{KNOWN}{name}"), frozenset({domain} - {""}), frozenset(), frozenset())
            for name, (_digits, domain) in sorted(self.known.items())
            if name not in names
        ]

    def written(self) -> dict[str, Mapping]:
        """Return one object of ours for each peer, by our name; its annotations tell which description it was written
        for.
        """
        names = sorted({*self.ours(), *bundle_owners(self.own_bundles())})
        found = {name: [live for live in self.of(name).objects if is_ours(live)] for name in names}
        return {name: objects[0] for name, objects in found.items() if objects}

    def identities(self, mesh: Mesh) -> dict[str, Identity]:
        """Return who the described peers are that stand already, by our name of each."""
        found = {peer.local_name: self.of(peer.local_name) for peer in (*mesh.peers, *mesh.held)}
        return {name: Identity.of(peering.peer, peering.bundle) for name, peering in found.items() if peering.peer}

    def ours(self) -> list[str]:
        """Return our names of the peers of which we made anything."""
        sets = [self.peers, self.exports, self.imports]
        return sorted({name for kind in sets for name, live in kind.items() if is_ours(live)})
