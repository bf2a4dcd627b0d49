# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asking proxies again and again until they run what WasmPlugins describe, or for as long as somebody waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ._cluster.client import Cluster
from ._core.control_plane.live import ControlPlane
from ._core.extensions.keeping import key_of
from ._core.insight.loading import FAILED, PATIENCE, Loading, refuse_unloaded
from ._core.plain.kinds import WASM_PLUGIN
from ._reads.extensions import read_pods
from ._reads.loading import read_loadings
from ._run import Run, wait_until


@dataclass(frozen=True)
class Watched:
    """How plugins fare, by their keys, in all proxies that may be read; the namespaces that may not; and the
    ``seconds`` waited.
    """

    loadings: Mapping[tuple, list[Loading]]
    unread: Sequence[str] = ()
    seconds: int = 0

    @property
    def missing(self) -> dict[str, list[Loading]]:
        """The plugins that some proxy is to run and does not, by their places."""
        return self._where(lambda one: one.is_missing)

    def awaited(self, waited: float, *, gives_up: bool = False) -> dict[str, list[Loading]]:
        """Return what a wait goes on for after so many seconds: plugins that are missing, and those of which a proxy
        may tell soon.

        One that ``gives_up`` waits a while only for a plugin that has failed, and not for as long as somebody may still
        mend it.
        """
        is_early = waited < PATIENCE
        return self._where(
            lambda one: (
                (one.is_missing and (is_early or not gives_up or one.state != FAILED))
                or (one.is_momentary and is_early)
            )
        )

    def _where(self, is_so: Callable[[Loading], bool]) -> dict[str, list[Loading]]:
        return {f"{key[1]}/{key[2]}": each for key, each in self.loadings.items() if any(map(is_so, each))}


def watch(
    cluster: Cluster,
    control_plane: ControlPlane,
    plugins: Sequence[Mapping],
    namespaces: Iterable[str],
    *,
    seconds: int,
    waited: int = 0,
    gives_up: bool = False,
) -> Watched:
    """Return how WasmPlugins fare once all proxies run them or after so many seconds; ``waited`` are seconds before
    this call.

    With ``gives_up`` it also ends where one has failed for a while.
    """
    started, spaces = time.monotonic(), sorted(namespaces)
    found = Watched({})

    def look() -> list[str]:
        nonlocal found
        proxies, unread = read_pods(cluster, spaces)
        told = read_loadings(cluster, control_plane, plugins, proxies)
        found = Watched(dict(zip(map(key_of, plugins), told)), unread)
        return list(found.awaited(waited + time.monotonic() - started, gives_up=gives_up))

    _missing, took = wait_until(look, seconds)
    return replace(found, seconds=waited + took)


def watched(
    run: Run,
    cluster: Cluster,
    control_plane: ControlPlane,
    desired: Iterable[Mapping],
    namespaces: Iterable[str],
    before: int,
) -> Watched:
    """Return, where it is asked for, how each WasmPlugin fares in the proxies that it selects; with C(wait) once all
    run it.

    ``before`` are seconds of this call's time that have been spent.

    Raises ``FederationError`` FED814 where one does not in time.
    """
    params = run.params
    plugins = [manifest for manifest in desired if manifest["kind"] == WASM_PLUGIN.name]
    if run.check_mode or not plugins or not (params["ask_proxies"] or params["wait"]):
        return Watched({})
    seconds = max(0, params["wait_timeout"] - before) if params["wait"] else 0
    found = watch(cluster, control_plane, plugins, namespaces, seconds=seconds, waited=params["waited"] + before)
    if params["wait"] and not params["soft"]:
        refuse_unloaded(found.missing, found.seconds)
    return found
