# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order configurations of proxies are read, compared and saved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ._cluster.client import Cluster
from ._core.insight.asking import ENVOY, ISTIOD, LARGEST_PAGE, Page
from ._core.insight.comparing import Comparison, compared, folds_of, majority_of
from ._core.insight.components import Said, istiods_among
from ._core.insight.dump import ENDPOINTS, OF_ISTIOD, Dump, health_of, own_of, read_dump
from ._core.insight.pods import proxy_in, workload_of
from ._core.plain.data import some
from ._core.plain.errors import FederationError
from ._files import Place, own_content, write
from ._reads.insight import Asker, read_pods
from ._reads.peerings import read_control_plane
from ._run import Run

MOST_PODS = 100
DUMP = Page(ENVOY, "/config_dump")
DUMP_WITH_ENDPOINTS = Page(ENVOY, "/config_dump", {"include_eds": "true"})
CLUSTERS_PAGE = Page(ENVOY, "/clusters", {"format": "json"})
AGAINST_ISTIOD = "istiod"


@dataclass(frozen=True)
class Side:
    """One or more pods that a word such as ``shop/cart`` names."""

    word: str
    pods: tuple[Mapping, ...]
    is_pod: bool


class Comparer:
    """Reads and compares the configurations that a module's options name."""

    def __init__(self, run: Run, cluster: Cluster, home: str) -> None:
        self._run, self._cluster, self._home = run, cluster, home
        self._asker = Asker(cluster, by_exec=run.params["by_exec"])
        self._params = run.params
        self.folds = folds_of(run.params["fold"])
        self.saved: list[str] = []
        self._forms: dict = {}

    def look(self) -> tuple[list[Dump], list[Comparison]]:
        """Return the configurations that were read and what differs between them.

        A pod alone is only shown; pods of a workload are compared with what most of them have. Raises
        ``FederationError``.
        """
        params = self._params
        if params["against"] and params["against_file"]:
            raise self._unclear("compare_with and compare_with_file are both set")
        side = self._side(params["of"], "compare_of")
        if params["against"] == AGAINST_ISTIOD and not side.is_pod:
            raise self._unclear(f"istiod is compared with one pod, and {params['of']} is a workload")
        dumps = self._read(side)
        if params["against_file"]:
            left, right = (
                dumps[0] if side.is_pod else self._majority(side, dumps),
                self._from_file(params["against_file"]),
            )
            return dumps, [compared(left, right, self.folds)]
        if params["against"] == AGAINST_ISTIOD:
            left = dumps[0].only(OF_ISTIOD).only_dynamic()
            right = self._from_istiod(side.pods[0]).only(OF_ISTIOD).only_dynamic()
            return dumps, [compared(left, right, self.folds)]
        if params["against"]:
            other = self._side(params["against"], "compare_with")
            others = self._read(other)
            one = dumps[0] if side.is_pod else self._majority(side, dumps)
            two = others[0] if other.is_pod else self._majority(other, others)
            return [*dumps, *others], [compared(one, two, self.folds)]
        if side.is_pod:
            return dumps, []
        most = self._majority(side, dumps)
        return dumps, [compared(dump, most, self.folds) for dump in dumps]

    def _unclear(self, what: str) -> FederationError:
        return FederationError(
            "FED924", where="compare_with", what=what, fix="Give compare_of and at most one other side"
        )

    def _side(self, word: str, option: str) -> Side:
        """Return the pods that a word names: a pod of that name, or else those of the workload."""
        namespace, slash, name = word.partition("/")
        if not (namespace and slash and name) or "/" in name:
            raise FederationError(
                "FED921",
                where=option,
                what=f"is {word!r}",
                fix="Write namespace/name of a pod or a workload, such as shop/cart",
            )
        running = self._running_in(namespace, f"{option}, {word}")
        one = [pod for pod in running if pod["metadata"]["name"] == name]
        found = one or [pod for pod in running if workload_of(pod) == name]
        if not found:
            known = sorted({workload_of(pod) for pod in running})
            raise FederationError(
                "FED921",
                where=f"{option}, {word}",
                what=f"it has no pod with a proxy that runs; in {namespace} there are {some(known) or 'none'}",
                fix="Correct the name; give that of a pod, or of the workload that owns it",
            )
        if len(found) > MOST_PODS:
            self._run.warn(f"{word} has {len(found):,} pods; the first {MOST_PODS} are compared")
        return Side(word, tuple(sorted(found, key=lambda pod: pod["metadata"]["name"])[:MOST_PODS]), bool(one))

    def _running_in(self, namespace: str, where: str) -> list[Mapping]:
        """Return the pods of a namespace whose proxy runs; refused, as the place ``where``, if this account may not
        read them.
        """
        gaps: list = []
        pods = read_pods(self._cluster, [namespace], gaps).get(namespace)
        if pods is None:
            raise FederationError(
                "FED921", where=where, what=gaps[0].because, fix="Give the account playbooks/files/mesh-insight.yml"
            )
        return [pod for pod in pods if (proxy := proxy_in(pod)) is not None and proxy.is_running]

    def _read(self, side: Side) -> list[Dump]:
        page = DUMP_WITH_ENDPOINTS if ENDPOINTS in self._sections else DUMP
        places = [(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in side.pods]
        dumps = []
        # A dump is large: each is read into what is kept of it before the next comes.
        for (namespace, name), pod in zip(places, side.pods):
            answer = self._asker.ask(namespace, name, page)
            dump = read_dump(
                self._content(answer, f"{namespace}/{name}"),
                f"{namespace}/{name}",
                own=own_of(pod),
                clear=self._params["clear"],
            )
            self._save(dump)
            dumps.append(dump.only(self._sections).sharing(self._forms))
        if side.is_pod and not self._params["against"]:
            answer = self._asker.ask(*places[0], CLUSTERS_PAGE)
            dumps[0] = replace(dumps[0], health=health_of(answer.content, side.word) if answer.is_good else ())
        return dumps

    @property
    def _sections(self) -> Sequence[str]:
        return self._params["sections"]

    def _content(self, answer: Said, place: str) -> bytes:
        if answer.is_good:
            return answer.content
        if answer.is_forbidden:
            raise FederationError(
                "FED104",
                where=place,
                what=answer.why,
                fix="Give the account playbooks/files/mesh-insight.yml (docs/rights.md)",
            )
        raise FederationError(
            "FED900",
            where=place,
            what=f"gives no dump ({answer.why or answer.status})",
            fix="See that its proxy runs, and run again",
        )

    def _majority(self, side: Side, dumps: Sequence[Dump]) -> Dump:
        return majority_of(dumps, f"most of {side.word} ({len(dumps)} pods)", self.folds)

    def _from_istiod(self, pod: Mapping) -> Dump:
        """Return what istiod would send to a pod: the replica that serves it says so, others know nothing of it."""
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        control_plane = read_control_plane(self._cluster, self._home, self._params["control_plane"])
        istiods = istiods_among(read_pods(self._cluster, [self._home], []).get(self._home, []), control_plane)
        page = Page(ISTIOD, "/debug/config_dump", {"proxyID": f"{name}.{namespace}"})
        why = "there is no istiod whose pods can be read"
        for istiod in istiods:
            answer = self._asker.ask(self._home, istiod["metadata"]["name"], page)
            if answer.is_good:
                origin = f"what {istiod['metadata']['name']} would send to {namespace}/{name}"
                return read_dump(answer.content, origin, own=own_of(pod), clear=self._params["clear"])
            why = answer.why or f"it answers {answer.status}: {answer.text[:200].strip()}"
        raise FederationError(
            "FED900",
            where=f"istiod, {namespace}/{name}",
            what=f"no istiod could say what it would send ({why})",
            fix="See with health which istiod serves it",
        )

    def _from_file(self, path: str) -> Dump:
        try:
            content = own_content(path, LARGEST_PAGE + 1)
        except OSError as error:
            what = f"cannot be read ({error.strerror or type(error).__name__})"
            raise FederationError(
                "FED922", where=path, what=what, fix="Give the path of a file that compare_save has written"
            ) from None
        if len(content) > LARGEST_PAGE:
            raise FederationError(
                "FED922", where=path, what=f"is larger than {LARGEST_PAGE >> 20} MiB", fix="Give a dump of one proxy"
            )
        return read_dump(content, path, clear=self._params["clear"]).only(self._sections)

    def _save(self, dump: Dump) -> None:
        if not self._params["directory"]:
            return
        place = Place(self._params["directory"], f"{dump.origin.replace('/', '.')}.json", kind="Dump")
        self.saved.append(place.path)
        if not self._run.check_mode:
            write(place, json.dumps(dump.as_data(), indent=1, sort_keys=True), 0o600)
