# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clusters that one testbed after another is given: starting an API server is most of what starting a testbed costs.

When one comes back, all that was written since it started is taken out of its etcd, past the API server, which hears of
that as of any change. One whose kinds were changed meanwhile is ended instead.
"""

from __future__ import annotations

import atexit
import base64
import itertools
import json
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from .addresses import Addresses
from .cluster import Cluster
from .processes import Processes
from .programs import Programs

MOST_FREE = 2
"""How many clusters wait for the next testbed; each takes some of the processor even so."""

_ETCD_SECONDS = 30
_AT_ONCE = 100  # etcd takes 128
# Where an API server keeps objects; beside it lies what it notes for itself, such as the last compaction.
_FIRST, _AFTER_LAST = b"/registry/", b"/registry0"
_KINDS = b"/registry/apiextensions.k8s.io/customresourcedefinitions/"
# What the API server itself writes again and again, or keeps in step with what is here.
_ITS_OWN = tuple(
    f"/registry/{part}/".encode()
    for part in ("leases", "masterleases", "apiregistration.k8s.io", "flowschemas", "prioritylevelconfigurations")
)
_SYSTEM_NAMESPACES = {"default", "kube-system", "kube-public", "kube-node-lease"}
_START_SECONDS, _POLL_SECONDS = 30, 0.05


class Etcd:
    """The objects that an etcd holds, by its HTTP endpoint."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def revisions(self) -> dict[bytes, int]:
        """Return the revision of each key's last change."""
        return {key: revision for key, (revision, _value) in self._all(keys_only=True).items()}

    def entries(self) -> dict[bytes, tuple[int, bytes]]:
        """Return each key's revision and value."""
        return self._all()

    def value(self, key: bytes) -> bytes | None:
        """Return a key's value; None when there is none."""
        found = self._ask("range", key=_text(key)).get("kvs")
        return base64.b64decode(found[0].get("value", "")) if found else None

    def write(self, values: Iterable[tuple[bytes, bytes]], gone: Iterable[bytes]) -> None:
        """Put ``values`` and delete the keys ``gone``."""
        steps: list[dict] = [{"requestDeleteRange": {"key": _text(key)}} for key in gone]
        steps += [{"requestPut": {"key": _text(key), "value": _text(value)}} for key, value in values]
        for begin in range(0, len(steps), _AT_ONCE):
            self._ask("txn", success=steps[begin : begin + _AT_ONCE])

    def _all(self, **words: Any) -> dict[bytes, tuple[int, bytes]]:
        everything = self._ask("range", key=_text(_FIRST), range_end=_text(_AFTER_LAST), **words)["kvs"]
        return {
            base64.b64decode(entry["key"]): (int(entry["mod_revision"]), base64.b64decode(entry.get("value", "")))
            for entry in everything
        }

    def _ask(self, what: str, **words: Any) -> dict:
        answer = self._session.post(f"{self._url}/v3/kv/{what}", json=words, timeout=_ETCD_SECONDS)
        answer.raise_for_status()
        return answer.json()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


@dataclass
class Kept:
    """A cluster of the pool, its kinds, and what its etcd held when it was new."""

    cluster: Cluster
    kinds: tuple[str, ...]
    first: dict[bytes, tuple[int, bytes]]

    def renew(self) -> bool:
        """Take out what was written since it was new; return whether it is so again, which it cannot be with other
        kinds.
        """
        etcd = Etcd(self.cluster.etcd_url)
        now = etcd.revisions()
        new = [key for key in now if key not in self.first and not key.startswith(_ITS_OWN)]
        changed = [
            key
            for key, (revision, _value) in self.first.items()
            if now.get(key) != revision and not key.startswith(_ITS_OWN)
        ]
        if any(key.startswith(_KINDS) for key in new) or not all(
            self._says_the_same(etcd, key) for key in changed if key.startswith(_KINDS)
        ):
            return False
        etcd.write([(key, self.first[key][1]) for key in changed], new)
        now = etcd.revisions()
        self.first = {key: (now.get(key, revision), value) for key, (revision, value) in self.first.items()}
        return True

    def _says_the_same(self, etcd: Etcd, key: bytes) -> bool:
        value = etcd.value(key)
        if value is None:
            return False
        now, then = json.loads(value), json.loads(self.first[key][1])
        return now["spec"] == then["spec"] and "deletionTimestamp" not in now["metadata"]


class Pool:
    """Clusters of this process; they end with it."""

    def __init__(self, programs: Programs) -> None:
        self._programs = str(programs.etcd), str(programs.kube_apiserver)
        self._directory = Path(tempfile.mkdtemp(prefix="ossm-federation-clusters-"))
        self._addresses, self._processes = Addresses(), Processes()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._free: list[Kept] = []
        self._out: dict[str, Kept] = {}
        self._asked: Counter[tuple[str, ...]] = Counter()

    def lend(self, count: int, kinds: Sequence[str], load: Callable[[Cluster], None]) -> list[dict[str, Any]]:
        """Return ``count`` clusters that have ``kinds`` and nothing else, as ``Cluster.lending`` says them; ``load``
        gives a new one its kinds.
        """
        with self._lock:
            self._asked[tuple(kinds)] += 1
        with ThreadPoolExecutor(max(1, count)) as starting:
            kept = list(starting.map(lambda _number: self._found(tuple(kinds)) or self._started(load), range(count)))
        with self._lock:
            self._out.update({one.cluster.server: one for one in kept})
        for one in kept:
            one.cluster.audit_log.write_text("", encoding="utf-8")
        return [one.cluster.lending() for one in kept]

    def take_back(self, lent: Iterable[dict[str, Any]]) -> None:
        """Make clusters as new, for the next; whoever had them must not use them any more."""
        for words in lent:
            with self._lock:
                kept = self._out.pop(words["server"], None)
            if kept is None:
                continue
            surplus: Kept | None = kept
            if kept.cluster.is_running and kept.renew():
                with self._lock:
                    self._free.append(kept)
                    surplus = self._free.pop(self._least_wanted()) if len(self._free) > MOST_FREE else None
            if surplus is not None:
                self._end(surplus)

    def close(self) -> None:
        """End all clusters."""
        self._processes.stop()
        self._addresses.release()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _least_wanted(self) -> int:
        """Return which of the free ones has the kinds that were asked for least, the oldest of them."""
        return min(range(len(self._free)), key=lambda number: self._asked[self._free[number].kinds])

    def _found(self, kinds: tuple[str, ...]) -> Kept | None:
        with self._lock:
            for kept in reversed(self._free):
                if kept.kinds == kinds and kept.cluster.is_running:
                    self._free.remove(kept)
                    return kept
        return None

    def _started(self, load: Callable[[Cluster], None]) -> Kept:
        name = f"kept-{next(self._numbers)}"
        cluster = Cluster(name, self._directory / name, self._addresses, self._processes, *self._programs)
        cluster.start()
        load(cluster)
        deadline = time.monotonic() + _START_SECONDS
        while not {entry["metadata"]["name"] for entry in cluster.kube.list("Namespace")} >= _SYSTEM_NAMESPACES:
            if time.monotonic() > deadline:
                raise TimeoutError(f"cluster {name} has no system namespaces yet")
            time.sleep(_POLL_SECONDS)
        return Kept(cluster, cluster.kinds, Etcd(cluster.etcd_url).entries())

    def _end(self, kept: Kept) -> None:
        kept.cluster.stop()
        shutil.rmtree(kept.cluster.directory, ignore_errors=True)


_SHARING = threading.Lock()
_shared: list[Pool] = []
_IS_ASKED_FOR = threading.Event()


def share() -> None:
    """Have the testbeds that this process starts share clusters from now on."""
    _IS_ASKED_FOR.set()


def shared(programs: Programs) -> Pool | None:
    """Return the pool of this process, made when first asked for; None unless testbeds are to share."""
    if not _IS_ASKED_FOR.is_set():
        return None
    with _SHARING:
        if not _shared:
            _shared.append(Pool(programs))
            atexit.register(_shared[0].close)
        return _shared[0]
