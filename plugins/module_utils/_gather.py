# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order a support dump is made: the mesh's objects, their namespaces, logs, how it stands; redacted, then
written file by file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from ._cluster.client import Cluster
from ._core.catalogue.findings import Unknown
from ._core.control_plane.live import ControlPlane
from ._core.control_plane.members import membership
from ._core.gathering.dump import (
    CONFIGURATION,
    HOME,
    MEMBERS,
    MESH,
    MOST_LOG,
    Dump,
    as_json,
    file_name,
    folder_name,
    in_time,
    index,
    log_query,
    logs_of,
    wanted,
)
from ._core.gathering.redacting import redacted, redacted_text
from ._core.peering.changing import Restart
from ._core.peering.status import peer_rows
from ._core.plain.data import at
from ._core.plain.errors import NOT_SERVED, FederationError
from ._core.plain.kinds import CLUSTER_VERSION, CONTROL_PLANE, MEMBER_ROLL, POD, Kind, home_of
from ._files import Place, write
from ._reads.peerings import read_peerings
from ._run import Run
from ._standing import shown

MOST_MEMBERS = 50
UNREACHED = frozenset({"FED101", "FED105"})
FAILING = frozenset({"FED106", "FED119"})
MOST_FAILURES = 5
"""How often an API server may fail, each time after it was asked again, before nothing more is asked of it."""


class _Silent(Exception):
    """The API server does not answer, or not as one: nothing more is asked of it."""


@dataclass
class _Gathering:
    """One dump in the making. ``secrets`` are hidden wherever they stand."""

    cluster: Cluster
    dump: Dump
    home: str
    secrets: frozenset[str]
    failures: int = 0

    def objects(
        self, kinds: Iterable[Kind], namespace: str, control_plane: ControlPlane | None = None
    ) -> dict[str, list[dict]]:
        """Take all objects of some kinds in a namespace, and return them by kind as they are; what may not be read is
        told.
        """
        found: dict[str, list[dict]] = {}
        for kind in kinds:
            lives = self._may(f"{kind.name} in {namespace}", partial(self.cluster.list, kind, namespace)) or []
            found[kind.name] = lives
            kept = [live for live in lives if wanted(kind, live, control_plane)]
            typed = [{"apiVersion": kind.api_version, "kind": kind.name, **live} for live in in_time(kind, kept)]
            self.dump.add_objects(kind, namespace, [redacted(live, self.secrets) for live in typed])
        return found

    def logs(self, pods: Iterable[Mapping], since: int) -> None:
        """Take the ends of the logs of gateways and istiod."""
        for pod, container in logs_of(pods, self.dump.left_out):
            content = bytearray()
            query = log_query(container, since)
            copy = partial(self.cluster.copy_log, self.home, pod, query, content.extend, MOST_LOG)
            if self._may(f"log of {self.home}/{pod}/{container}", copy) is None:
                continue
            text = redacted_text(content.decode("utf-8", "replace"), self.secrets, of_log=True)
            self.dump.add(f"logs/{file_name(pod)}_{container}.log", text, "logs")

    def standing(self, control_plane: ControlPlane, now: datetime) -> list[str]:
        """Take the status of the federation, and return it as lines."""

        def look() -> dict:
            peerings = read_peerings(self.cluster, control_plane)
            rows = peer_rows({}, {}, peerings, control_plane, self.cluster.now)
            return shown(self.cluster, self.dump.mesh, control_plane, (peerings, rows), Restart(), now)

        told = self._may("the status of the federation", look)
        if told is None:
            return []
        self.findings("status", told)
        return list(told["lines"])

    def findings(self, name: str, found: Any) -> None:
        """Take what was found out, as a file."""
        self.dump.add(f"findings/{name}.json", as_json(redacted(found, self.secrets)), "findings")

    def versions(self, control_plane: ControlPlane | None) -> dict[str, str]:
        """Return what is known of versions."""
        live = self._may("ClusterVersion", lambda: self.cluster.get(CLUSTER_VERSION, "", "version"))
        told = {"API server": redacted_text(self.cluster.server, self.secrets)}
        if live:
            told["OpenShift"] = str(at(live, "status", "desired", "version"))
        if control_plane:
            told["control plane"] = (
                f"{control_plane.namespace}/{control_plane.name} {control_plane.as_data().get('version')}"
            )
        return told

    def _may(self, what: str, look: Callable[[], Any]) -> Any:
        """Return what a look gives; None where it may not, and the dump says why. Raises ``_Silent`` where nobody
        answers.
        """
        try:
            return look()
        except FederationError as error:
            if error.code == NOT_SERVED:
                return None
            self.dump.unread.append(
                Unknown(what, redacted_text(f"{error.code} {error.where} {error.what}", self.secrets))
            )
            self.failures += error.code in FAILING
            if error.code in UNREACHED or self.failures >= MOST_FAILURES:
                raise _Silent from None
            return None


def gathered(run: Run, cluster: Cluster, now: datetime) -> tuple[Dump, str, list[str]]:
    """Make a dump and write it, not in check mode; return it, its folder, and how the mesh stands in lines.

    Nothing that the cluster refuses or holds back fails it. Raises ``FederationError`` FED235 where it cannot be
    written.
    """
    params = run.params
    home = home_of(params)
    dump = Dump(params["mesh"])
    work = _Gathering(cluster, dump, home, frozenset(cluster.secrets))
    head: list[str] = []
    versions = {"API server": redacted_text(cluster.server, work.secrets)}
    for name, found in sorted((params["found"] or {}).items()):
        work.findings(name if name.isidentifier() else "other", found)
    try:
        mesh = work.objects(MESH, home)
        live = next(
            (one for one in mesh[CONTROL_PLANE.name] if one["metadata"]["name"] == params["control_plane"]), None
        )
        control_plane = ControlPlane.read(live) if live else None
        versions = work.versions(control_plane)
        own = work.objects((*HOME, *CONFIGURATION), home, control_plane)
        head = work.standing(control_plane, now) if control_plane else []
        members = membership(next(iter(mesh[MEMBER_ROLL.name]), None))["configured"]
        for namespace in members[:MOST_MEMBERS]:
            work.objects(MEMBERS, namespace)
        if len(members) > MOST_MEMBERS:
            dump.left_out.append(f"{len(members) - MOST_MEMBERS} more member namespaces")
        work.logs(own[POD.name], max(60, params["since_minutes"] * 60))
    except _Silent:
        dump.left_out.append("everything that would have been asked for after that: the API server does not answer")
    dump.files["README.md"] = redacted_text(index(dump, now, head, versions), work.secrets)
    folder = folder_name(dump.mesh, now)
    for path, text in () if run.check_mode else dump.files.items():
        place = Place(params["folder"], f"{folder}/{path}", kind="File of the dump", folder_mode=0o700)
        write(place, text, 0o600)
    return dump, folder, head
