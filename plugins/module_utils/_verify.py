# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order imports are verified: what is imported, its ports, a pod that can ask, then one request each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ._cluster.client import Cluster
from ._core.card.card import Card, read_card
from ._core.catalogue.findings import Unknown
from ._core.control_plane.live import ControlPlane
from ._core.insight.components import istiods_among
from ._core.mesh.parse import asked_peers
from ._core.peering import status
from ._core.peering.carrying import card_in
from ._core.peering.status import peer_rows
from ._core.plain.errors import FORBIDDEN, FederationError
from ._core.plain.kinds import home_of
from ._core.verification.programs import MOST, Program, Ran, programs_for, said_by
from ._core.verification.targets import (
    MOST_TARGETS,
    Client,
    Target,
    client_of,
    clients_among,
    ports_in,
    ports_on,
    read_client,
    read_paths,
    refuse_unasked,
    targets_of,
)
from ._core.verification.verdicts import Verdict, Verification, judged, silent
from ._reads.insight import REGISTRY, SILENT, Asker, read_pods
from ._reads.peerings import card_file, read_control_plane, read_members, read_peerings
from ._run import Run

AT_ONCE = 4
"""How many requests are made at the same time."""
GRACE = 5
"""Seconds beyond a request's own bound until nothing more is waited for."""
SHORTEST, LONGEST = 2, 60
ONE_CALL_SECONDS = 15


@dataclass
class _Asking:
    """Asks from pods; what a container turned out not to have is not tried again, and a right that is missing is asked
    for once.
    """

    cluster: Cluster
    clients: Sequence[Client]
    seconds: int
    missing: set[tuple[Client, str]] = field(default_factory=set)
    forbidden: dict[str, str] = field(default_factory=dict)

    def verdict(self, target: Target) -> Verdict:
        """Return the verdict of one target."""
        if not target.port:
            return silent(target, "its ports are not known: istiod could not be asked, and verify_paths names none")
        if not self.clients:
            return silent(target, "no pod of a member namespace is ready and has a sidecar")
        why = ""
        for client in self.clients:
            for program in programs_for(target):
                if client.namespace in self.forbidden or (client, program.__name__) in self.missing:
                    continue
                try:
                    said = said_by(program, target, self._ran(client, program, target))
                except FederationError as error:
                    if error.code not in SILENT:
                        raise
                    why = f"{error.where} {error.what}"
                    if error.code == FORBIDDEN:
                        self.forbidden[client.namespace] = why
                    break
                if said is not None:
                    return judged(target, said, client, program.__name__)
                self.missing.add((client, program.__name__))
        names = ", ".join(program.__name__ for program in programs_for(target))
        why = why or next(iter(self.forbidden.values()), "")
        return silent(target, why or f"none of {len(self.clients)} checked pods has one of {names}")

    def _ran(self, client: Client, program: Program, target: Target) -> Ran:
        command = program(target, self.seconds)
        return Ran(
            *self.cluster.command(client.namespace, client.pod, client.container, command, MOST, self.seconds + GRACE)
        )


def verification_of(run: Run, cluster: Cluster, now: datetime) -> Verification:
    """Return what one request per import and port came to; in check mode nothing is asked for. Changes nothing.

    Raises ``FederationError`` FED918 where nobody has asked for commands in containers, FED925 for options that are
    wrong, FED401 without
    the control plane.
    """
    params = run.params
    mesh, namespace = params["mesh"], home_of(params)
    wanted, paths = read_client(params["client"]), read_paths(params["paths"])
    refuse_unasked(params)
    control_plane = read_control_plane(cluster, namespace, params["control_plane"])
    peerings = read_peerings(cluster, control_plane, with_bundles=False)
    rows = peer_rows({}, {}, peerings, control_plane, cluster.now)
    unread = [
        Unknown(f"the exports of {row['peer']}", "it is not connected, so nothing is known to be imported", ("FED916",))
        for row in rows
        if row["imports"] is None and row["outbound"] != status.SUSPENDED
    ]
    ports = _ports(cluster, control_plane, unread) if any(row["imports"] for row in rows) else {}
    if not ports:
        ports = ports_on(_cards(params, rows, now, unread), rows)
    targets = targets_of(rows, ports, paths)
    asked, left_out = targets[:MOST_TARGETS], max(0, len(targets) - MOST_TARGETS)
    if run.check_mode:
        return Verification(
            mesh, [silent(one, "check mode asks for nothing") for one in asked], unread, left_out, False
        )
    clients = _clients(cluster, namespace, wanted, unread) if asked else []
    asking = _Asking(cluster, clients, min(max(params["timeout"], SHORTEST), LONGEST))
    # The first finds out which pod has a program; then the others need not.
    verdicts = [asking.verdict(one) for one in asked[:1]]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts += pool.map(asking.verdict, asked[1:])
    return Verification(mesh, verdicts, unread, left_out)


def one_call(
    cluster: Cluster,
    control_plane: ControlPlane,
    peer: str,
    imports: Sequence[Mapping],
    *,
    client: str = "",
    card: Card | None = None,
    unread: list[Unknown],
) -> Verdict | None:
    """Return what one request came to, to the first of ``imports`` (rows of ``status.imported``) that has a port.

    ``client`` is ``namespace/name`` of a workload or pod, "" for any. None where nothing is imported. Whoever calls
    this has asked whether a command may run in a container.
    """
    rows = [{"peer": peer, "imports": list(imports)}]
    ports = _ports(cluster, control_plane, unread) if imports else {}
    targets = targets_of(rows, ports or ports_on({peer: card} if card else {}, rows), {})
    chosen = next((one for one in targets if one.port), targets[0] if targets else None)
    if chosen is None:
        return None
    if not chosen.port:
        return silent(chosen, "its ports are not known: istiod could not be asked, and no card of the peer names them")
    clients = _clients(cluster, control_plane.namespace, client, unread)
    if client and not clients:
        return silent(chosen, f"no pod of {client} is ready and has a sidecar")
    return _Asking(cluster, clients, ONE_CALL_SECONDS).verdict(chosen)


def _cards(params: Mapping[str, Any], rows: Sequence[Mapping], now: datetime, unread: list[Unknown]) -> dict[str, Card]:
    """Return the cards of peers, by our names of them, as far as their files are there and in order."""
    described = asked_peers(params["peers"])
    found: dict[str, Card] = {}
    for name in [str(row["peer"]) for row in rows if row["imports"]] if params["cards_dir"] else ():
        try:
            file = card_in(lambda each: card_file(params["cards_dir"], each), described.get(name, name), params["mesh"])
            if file:
                found[name] = read_card(file[1], file[0], now)
        except FederationError as error:
            unread.append(Unknown(f"the card of {name}", f"{error.where}: {error.what}", ("FED917",)))
    return found


def _clients(cluster: Cluster, namespace: str, wanted: str, unread: list[Unknown]) -> list[Client]:
    spaces = [wanted.partition("/")[0]] if wanted else read_members(cluster, namespace)["configured"]
    found = read_pods(cluster, spaces, unread, keep=client_of)
    return clients_among([one for space in found.values() for one in space], wanted)


def _ports(cluster: Cluster, control_plane: ControlPlane, unread: list[Unknown]) -> dict[str, list[tuple[int, str]]]:
    """Return the ports of all hosts that istiod knows; each istiod knows all of them, so one that answers is enough."""
    found = read_pods(cluster, [control_plane.namespace], unread).get(control_plane.namespace, [])
    pods = [pod["metadata"]["name"] for pod in istiods_among(found, control_plane) if pod["ready"]]
    asker, why = Asker(cluster), "no istiod is ready"
    for pod in pods[:3]:
        said = asker.ask(control_plane.namespace, pod, REGISTRY)
        if said.is_good:
            try:
                return ports_in(json.loads(said.content))
            except (ValueError, RecursionError):
                why = f"{pod} gave an answer that is not JSON"
        else:
            why = said.why or f"{pod} answered {said.status}"
    unread.append(Unknown("ports of imports", why, ("FED917",)))
    return {}
