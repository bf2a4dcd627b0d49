# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look at a mesh for those who wait for events: its peers, roots and cards, and what of that is news."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ._cluster.client import Cluster
from ._core.card.card import file_name, read_card
from ._core.peering.carrying import card_in
from ._core.peering.changing import Restart
from ._core.peering.status import peer_rows
from ._core.plain.errors import FederationError
from ._core.plain.kinds import home_of
from ._core.plain.secrets import without
from ._core.report.events import CARD, MESH, PEER_CARD, REFUSED, UNREACHED, WELL, Event, Memory, of_card, of_peers
from ._options import CLUSTER
from ._options import MESH as NAMED
from ._reads.peerings import card_file, read_control_plane, read_peerings
from ._secrets import secrets_of
from ._standing import shown

OWN = ("mesh", "namespace", "control_plane", "peers", "cards_dir", "interval", "again")
SHORTEST = 5
"""Seconds between two looks at the least."""


@dataclass
class Watch:
    """A mesh that is looked at again and again, and what was told of it."""

    params: Mapping[str, Any]
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        self.memory = Memory(timedelta(seconds=int(self.params.get("again") or 86400)), {})

    @classmethod
    def of(cls, args: Mapping[str, Any]) -> Watch:
        """Return the watch that a source's arguments ask for; raises ``FederationError`` FED926 for those that it does
        not know.
        """
        known = (*CLUSTER, *OWN)
        unknown = sorted(set(args) - {*known, "eda_feedback_queue"})
        if unknown or not args.get("mesh"):
            where, what = (f"Argument {unknown[0]}", "is not known") if unknown else ("Argument mesh", "is not set")
            raise FederationError(
                "FED926", where=where, what=what, fix=f"Use mesh, with some of {', '.join(sorted(known))}"
            )
        for name, least in (("interval", SHORTEST), ("again", 1)):
            if not re.fullmatch(r"[0-9]{1,9}", str(args.get(name) or least)):
                fix = f"Give a whole number of seconds, {least} or more"
                raise FederationError("FED926", where=f"Argument {name}", what="is not a number of seconds", fix=fix)
        peers = args.get("peers") or []
        names = [part.strip() for part in peers.split(",") if part.strip()] if isinstance(peers, str) else peers
        if not isinstance(names, (list, tuple)):
            raise FederationError(
                "FED926", where="Argument peers", what="is not a list", fix="Give a list of our names of peers"
            )
        return cls({name: args.get(name) for name in (*known, *NAMED)} | {"peers": list(names)})

    @property
    def interval(self) -> int:
        """Seconds between two looks."""
        return max(SHORTEST, int(self.params.get("interval") or 60))

    def look(self, now: datetime) -> list[dict]:
        """Return what is news at one look, as rules get it. A mesh that cannot be looked at is news as well."""
        mesh = str(self.params["mesh"])
        try:
            news = self.memory.news(self._seen(mesh, now), now)
        except FederationError as error:
            what = without(secrets_of(self.params), f"{error.where} {error.what}")
            state = UNREACHED if error.code == "FED105" else REFUSED
            news = self.memory.news([Event(MESH, "", state, what, error.code)], now, is_whole=False)
        return [event.as_data(mesh) for event in news]

    def _seen(self, mesh: str, now: datetime) -> list[Event]:
        cluster = Cluster.connect(self.params)
        namespace = home_of({**self.params, "mesh": mesh})
        control_plane = read_control_plane(cluster, namespace, self.params["control_plane"] or "basic")
        peerings = read_peerings(cluster, control_plane)
        asked = {str(name): str(name) for name in self.params["peers"] or ()}
        rows = peer_rows(asked, {}, peerings, control_plane, cluster.now)
        told = shown(cluster, mesh, control_plane, (peerings, rows), Restart(), now)
        cards = self._cards(mesh, [row["mesh"] for row in rows], now)
        return [Event(MESH, "", WELL), *of_peers(told["peers"], told["faults"]), *cards]

    def _cards(self, mesh: str, peers: list[str], now: datetime) -> Iterator[Event]:
        """Give the states of the cards that lie in the folder: ours for each peer, and each peer's for us."""
        folder = str(self.params["cards_dir"] or "")
        pairs = [(CARD, mesh, peer) for peer in peers] + [(PEER_CARD, peer, mesh) for peer in peers]
        for kind, speaker, audience in pairs if folder else ():
            name = file_name(speaker, audience)
            try:
                found = card_in(lambda path: card_file(folder, path), speaker, audience)
                if found is not None:
                    name, text = found
                    yield of_card(kind, name, read_card(text, name, now), now)
            except FederationError as error:
                yield Event(kind, name, REFUSED, error.what, error.code)
