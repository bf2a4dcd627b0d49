# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose logs are asked for, and how much of them: pods, workloads and gateways in the user's words, and the query of
each container."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..mesh.described import Mesh
from ..plain.data import at, items, mapping, some
from ..plain.errors import FederationError
from ..plain.moments import time_of, time_text
from .filtering import refused
from .lines import MOST_STREAMS, SECOND, Stream

_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MIB = 1 << 20
MOST_FOLLOWED = 3600
"""Seconds for which logs are followed at the most."""


@dataclass(frozen=True)
class Source:
    """Pods of one namespace: one by name or all of a workload (``name`` "*": all), or those of a peer's gateway."""

    namespace: str
    name: str
    peer: str = ""
    is_ingress: bool = False

    @property
    def words(self) -> str:
        """Return it as people write it."""
        return f"gateway {self.namespace}/{self.name}" if self.peer else f"{self.namespace}/{self.name}"

    def has(self, pod: Mapping) -> bool:
        """Return whether a pod is one of these."""
        metadata = mapping(pod.get("metadata"))
        labels = mapping(metadata.get("labels"))
        if self.name in ("*", metadata.get("name")):
            return True
        # A ReplicaSet is named for its Deployment and a hash.
        owners = {str(entry.get("name")) for entry in items(metadata.get("ownerReferences"))}
        owners |= {owner.rpartition("-")[0] for owner in owners}
        return self.name in {labels.get("app"), labels.get("app.kubernetes.io/name"), *owners}


def sources_of(asked: Sequence[object], mesh: Mesh) -> list[Source]:
    """Return what is asked for; nothing asked is both gateways of every peer. Raises ``FederationError`` FED931."""
    words = [str(entry) for entry in asked] or [peer.name for peer in mesh.peers]
    if not words:
        raise refused(
            "logs_of", "is empty, and mesh_peers names no peer", "Write workloads or pods as namespace/name, or peers"
        )
    found: list[Source] = []
    for word in words:
        namespace, slash, name = word.partition("/")
        peer = next((peer for peer in mesh.peers if word in (peer.name, peer.local_name)), None)
        if peer is not None:
            found += [
                Source(mesh.namespace, peer.gateways.egress, peer.name),
                Source(mesh.namespace, peer.gateways.ingress, peer.name, is_ingress=True),
            ]
        elif slash and namespace and name and "/" not in name:
            found.append(Source(namespace, name))
        else:
            known = some([peer.name for peer in mesh.peers]) or "none"
            raise refused(
                "logs_of",
                f"holds {word!r}",
                f"Write namespace/name of a workload or pod, namespace/*, or a peer ({known})",
            )
    return list(dict.fromkeys(found))


def streams_of(
    pods: Iterable[Mapping], sources: Sequence[Source], containers: Sequence[str], mesh: str
) -> list[Stream]:
    """Return the containers of ``pods`` that are asked for, each once, a gateway's as one.

    Raises ``FederationError`` FED932 for more than can be read.
    """
    found: dict[tuple[str, str, str], Stream] = {}
    for pod in pods:
        namespace, name = str(at(pod, "metadata", "namespace")), str(at(pod, "metadata", "name"))
        of = [source for source in sources if source.namespace == namespace and source.has(pod)]
        if not of:
            continue
        gateway = next((source for source in of if source.peer), None)
        for container in items(at(pod, "spec", "containers")):
            kind = str(container.get("name"))
            if containers and kind not in containers:
                continue
            found[namespace, name, kind] = Stream(
                mesh,
                namespace,
                name,
                kind,
                gateway is not None,
                gateway.peer if gateway else "",
                bool(gateway and gateway.is_ingress),
            )
    if len(found) > MOST_STREAMS:
        raise FederationError(
            "FED932",
            where="logs_of",
            what=f"matches {len(found):,} containers",
            fix=f"Name fewer: at most {MOST_STREAMS} are read in one run; logs_containers leaves some out",
        )
    return sorted(found.values(), key=lambda stream: stream.name)


def outline(pod: Mapping) -> dict:
    """Return of a pod what says whose it is and which containers it has."""
    metadata = mapping(pod.get("metadata"))
    return {
        "metadata": {key: metadata.get(key) for key in ("name", "namespace", "labels", "ownerReferences")},
        "spec": {"containers": [{"name": entry.get("name")} for entry in items(at(pod, "spec", "containers"))]},
    }


@dataclass(frozen=True)
class Span:
    """How much of each log is read: since when, until when, and at most how many lines and bytes; of the former
    container. ``follow`` is for how many seconds new lines are read after that."""

    since: str = ""
    until: int | None = None
    tail: int | None = None
    previous: bool = False
    most: int = 256 * MIB
    follow: int = 0

    @classmethod
    def read(cls, params: Mapping, now: datetime, *, role: str = "logs") -> Span:
        """Return it from the options ``since``, ``until``, ``tail``, ``previous``, ``most_mib`` and ``follow``;
        ``role`` is what the user's variables begin with. Raises ``FederationError`` FED931.
        """
        until = _moment(params.get("until"), f"{role}_until", now)
        since = _moment(params.get("since"), f"{role}_since", now)
        tail, most = params.get("tail"), params.get("most_mib") or 256
        if tail is not None and tail < 1:
            raise refused("logs_tail", f"is {tail}", "Write 1 or more, or leave it out")
        if not 1 <= most <= 4096:
            raise refused("logs_most_mib", f"is {most}", "Write 1 to 4096")
        if since and until and since > until:
            raise refused("logs_until", "is before logs_since", "Correct one of them")
        return cls(
            time_text(since) if since else "",
            int(until.timestamp() * SECOND) if until else None,
            tail,
            bool(params.get("previous")),
            most * MIB,
            _followed(params),
        )

    def after(self, since: str, began: datetime) -> Span:
        """Return what is read of a log that is followed: from ``since`` on, or, where no line of it is known, from when
        that ``began``.
        """
        return replace(self, since=since or time_text(began), tail=None)

    def query(self, container: str) -> dict[str, str]:
        """Return the query of ``pods/log`` for one container. Source: Kubernetes API reference,
        ``readNamespacedPodLog``."""
        asked = {"container": container, "timestamps": "true", "limitBytes": str(self.most)}
        asked |= {"sinceTime": self.since} if self.since else {}
        asked |= {"tailLines": str(self.tail)} if self.tail else {}
        return asked | ({"previous": "true"} if self.previous else {})


def _followed(params: Mapping) -> int:
    """Return for how many seconds logs are followed. Raises ``FederationError`` FED931."""
    text = str(params.get("follow") or "").strip()
    if not text:
        return 0
    found = _DURATION.fullmatch(text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= MOST_FOLLOWED:
        raise refused("logs_follow", f"is {text!r}", "Write a duration such as 30s or 5m, one hour at the most")
    other = next((name for name in ("until", "previous", "request") if params.get(name)), "")
    if other:
        raise refused("logs_follow", f"cannot be used together with logs_{other}", "Leave one of them out")
    return seconds


def _moment(value: object, option: str, now: datetime) -> datetime | None:
    """Return the moment that a duration before ``now``, or an RFC 3339 text, means; None for nothing."""
    text = str(value or "").strip()
    if not text:
        return None
    found = _DURATION.fullmatch(text)
    if found:
        return datetime.fromtimestamp(now.timestamp() - int(found[1]) * _UNITS[found[2]], now.tzinfo)
    moment = time_of(text) if "T" in text else None
    if moment is None:
        raise refused(
            option, f"is {text!r}", "Write a duration such as 10m, 2h or 1d, or a time such as 2026-11-23T10:15:00Z"
        )
    return moment
